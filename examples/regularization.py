"""Regularization: none, L1, L2 and dropout on the same overfitting task.

The network of overfitting.py, with a penalty added to the loss, or with half of the hidden neurons
dropped in every step. The gradients with penalty are checked against the closed form first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _example import equation, options, run, save_plot
from overfitting import few_digits

import nn

L1, L2 = 0.02, 0.1


def objective(penalty: Any) -> Any:
    """The cross-entropy with a penalty on the weights."""

    def loss(model: Any, X: Any, Y: Any) -> Any:
        return nn.softmax_cross_entropy(model.logits(X), Y) + penalty(model)

    return loss


METHODS: dict[str, tuple[Any, float]] = {
    "none": ("cross_entropy", 0.0),
    "L1": (objective(lambda model: nn.l1_penalty(model, L1)), 0.0),
    "L2": (objective(lambda model: nn.l2_penalty(model, L2)), 0.0),
    "dropout": ("cross_entropy", 0.5),
}


def main() -> None:
    """Train four ways and compare what is left of the overfitting."""
    args = options(__doc__)
    data = few_digits(np.random.default_rng(0))
    X, X_val, y, y_val = (part[:500] for part in data)
    sizes, rate, epochs = [64, 256, 256, 10], 0.001, 80
    if args.quick:
        sizes, rate, epochs = [64, 64, 64, 10], 0.004, 15
        X_val, y_val = X_val[:200], y_val[:200]
    print(f"{len(X)} images to learn from, a fifth with a wrong label; {len(X_val)} to validate\n")
    equation("L + λ₁ Σ|w|: W_l⁽ᵍ⁾ + λ₁ sign(W_l)        L + λ₂/2 Σw²: W_l⁽ᵍ⁾ + λ₂ W_l")
    checked = nn.MLP([64, 32, 10], init="he", rng=0)
    report = nn.closed_form.compare(checked, X, y, l1=L1, l2=L2)
    print(f"{report}\n")

    print(f"{'':10}{'training':>10}{'validation':>12}{'right':>8}{'Σ|w|':>10}{'w ≈ 0':>8}")
    histories = {}
    for name, (loss, p) in METHODS.items():
        model = nn.MLP(sizes, init="he", dropout=p, rng=np.random.default_rng(0))
        histories[name] = nn.fit(
            model, X, y, loss=loss, optimizer=nn.SGD(rate, momentum=0.9), batch_size=20,
            epochs=epochs, rng=np.random.default_rng(1),
            validation=(X_val, y_val),
            metrics={"cross_entropy": lambda m, X, Y: nn.softmax_cross_entropy(
                m.logits(X), Y, reduction="mean").item()},
        )  # fmt: skip
        history = histories[name]
        weights = np.concatenate([p.data.ravel() for p in model.parameters() if p.ndim > 1])
        print(
            f"{name:10}{history['cross_entropy'][-1]:10.4f}{history['val_cross_entropy'][-1]:12.4f}"
            f"{nn.accuracy(model.predict(X_val), y_val):8.1%}{np.abs(weights).sum():10.0f}"
            f"{np.mean(np.abs(weights) < 1e-3):8.1%}"
        )

    def draw(figure: Any) -> None:
        ax = figure.add_subplot()
        for i, (name, history) in enumerate(histories.items()):
            epoch = range(1, history.epochs + 1)
            curves = {"validation": ("val_cross_entropy", "-"), "training": ("cross_entropy", ":")}
            for part, (key, style) in curves.items():
                color = nn.plot.COLORS[i]
                ax.plot(epoch, history[key], style, color=color, label=f"{name}, {part}")
        ax.set(yscale="log", xlabel="epoch", ylabel="cross-entropy per data point")
        ax.set_title("The same network, regularized")
        ax.grid(alpha=0.3)
        ax.legend(ncols=2, fontsize=8)

    save_plot(args.out / "regularization.png", draw, (7, 5))


if __name__ == "__main__":
    run(main)
