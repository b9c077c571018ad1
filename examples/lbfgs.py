"""scipy.optimize on the lecture's network: L-BFGS with the engine's gradient, against descent.

`ag.value_and_grad` gives loss and gradient at once, as `jac=True` wants them, and
`ag.pytree.ravel` makes one vector of all parameters. scipy is no part of the package: where it is
missing, `pip install scipy`; without it gradient descent runs alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _example import equation, options, run, save_plot

import autograd_lite as ag
import nn


def flat_objective(model: nn.MLP, X: Any, Y: Any) -> tuple[Any, Any, Any]:
    """(the start as a vector, the function vector → (loss, gradient), vector → model)."""
    theta, unravel = ag.pytree.ravel(ag.pytree.map(lambda p: p.data, model))

    def loss(vector: Any) -> Any:
        penalised = unravel(vector)
        logits = penalised.logits(X)
        return nn.softmax_cross_entropy(logits, Y) + nn.l2_penalty(penalised, 0.1)

    return theta, ag.value_and_grad(loss), unravel


def descend(theta: Any, value_and_grad: Any, steps: int) -> tuple[Any, list[float]]:
    """The vector after gradient descent, and the losses on the way."""
    losses = []
    for _ in range(steps):
        value, g = value_and_grad(theta)
        theta = theta - 0.001 * g
        losses.append(float(value))
    return theta, losses


def main() -> None:
    """Minimise the same loss both ways, with the same number of gradients."""
    args = options(__doc__)
    X, labels = nn.data.load_digits()
    rng = np.random.default_rng(0)
    X, X_test, y, y_test = nn.data.train_test_split(X, labels, test=0.2, rng=rng, stratify=True)
    steps = 200
    if args.quick:
        X, y, steps = X[:300], y[:300], 20
    model = nn.MLP([64, 50, 10], hidden="tanh", init="xavier", rng=rng)
    theta, value_and_grad, unravel = flat_objective(model, X, y)
    equation(f"f: R^{theta.size:,} → R,  θ ↦ (L(θ), θ⁽ᵍ⁾)        {steps} gradients each")

    found = {"gradient descent": descend(theta, value_and_grad, steps)}
    try:
        from scipy.optimize import minimize
    except ImportError:
        print("no L-BFGS: it needs scipy (pip install scipy)\n")
    else:
        losses: list[float] = []

        def recorded(vector: Any) -> Any:
            value, g = value_and_grad(vector)
            losses.append(float(value))
            return value, g

        result = minimize(
            recorded, theta, jac=True, method="L-BFGS-B", options={"maxfun": steps - 1}
        )
        found["L-BFGS"] = (result.x, losses)

    print(f"{'':18}{'gradients':>10}{'loss':>12}{'held out':>10}")
    for name, (vector, losses) in found.items():
        right = nn.accuracy(unravel(vector).predict(X_test), y_test)
        print(f"{name:18}{len(losses):10}{min(losses):12.4f}{right:10.1%}")

    def draw(figure: Any) -> None:
        ax = figure.add_subplot()
        for i, (name, (_, losses)) in enumerate(found.items()):
            best = np.minimum.accumulate(losses)
            ax.semilogy(best, ("-", "--")[i], color=nn.plot.COLORS[i], label=name, linewidth=2)
        ax.set(xlabel="gradients computed", ylabel="best loss so far", title="64-50-10 on digits")
        ax.grid(alpha=0.3)
        ax.legend()

    save_plot(args.out / "lbfgs.png", draw)


if __name__ == "__main__":
    run(main)
