"""Vanishing gradients: how the gradient of each layer shrinks with depth, by activation function.

The same deep network on the same digits, with sigmoid, tanh and ReLU: on the way back, every layer
multiplies by g'(z), which for the sigmoid is never above ¼.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _example import equation, options, run, save_plot

import autograd_lite as ag
import nn

INIT = {"sigmoid": "xavier", "tanh": "xavier", "relu": "he"}


def gradient(hidden: str, depth: int, X: Any, labels: Any) -> Any:
    """The gradient of the loss for a network with `depth` hidden layers of 50 neurons."""
    sizes = [64, *[50] * depth, 10]
    model = nn.MLP(sizes, hidden=hidden, init=INIT[hidden], rng=np.random.default_rng(0))
    return ag.grad(lambda m: nn.softmax_cross_entropy(m.logits(X), labels))(model)


def main() -> None:
    """Print the norms of W_l^(g) for each activation, and draw them against l."""
    args = options(__doc__)
    X, labels = nn.data.load_digits()
    depth = 4 if args.quick else 10
    equation("Z_l⁽ᵍ⁾ = A_l⁽ᵍ⁾ ⊙ g'(Z_l)        A_{l−1}⁽ᵍ⁾ = Z_l⁽ᵍ⁾ W_lᵀ")
    print("g' ≤ ¼ for the sigmoid, g' ≤ 1 for tanh and ReLU\n")
    gradients = {hidden: gradient(hidden, depth, X, labels) for hidden in INIT}
    print(f"{'‖W_l⁽ᵍ⁾‖':10}" + "".join(f"{hidden:>12}" for hidden in gradients))
    for l in range(depth + 1, 0, -1):
        norms = [np.linalg.norm(getattr(g, f"W{l}")) for g in gradients.values()]
        print(f"l = {l:<6}" + "".join(f"{norm:12.3g}" for norm in norms))
    print()
    for hidden, g in gradients.items():
        ratio = np.linalg.norm(g.W1) / np.linalg.norm(getattr(g, f"W{depth + 1}"))
        print(f"{hidden:10}first layer / last layer: {ratio:.2g}")

    def draw(figure: Any) -> None:
        ax = figure.add_subplot()
        for hidden, g in gradients.items():
            nn.plot.gradient_norms(g, label=hidden, ax=ax)

    save_plot(args.out / "vanishing_gradients.png", draw)


if __name__ == "__main__":
    run(main)
