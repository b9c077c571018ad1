"""Why activation functions must not be linear: without them, layers collapse into one matrix.

A network of identities computes X W1 W2 W3 = X W, whatever its depth. It cannot separate two rings
that a network of the same size with tanh separates easily.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _example import equation, options, run, save_plot

import nn


def rings(n: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """Points of shape (n, 2) on two rings of radius 1 and 2.2, and the ring of each."""
    labels = np.arange(n) % 2
    radius = np.where(labels, 2.2, 1.0) + 0.15 * rng.normal(size=n)
    angle = rng.uniform(0, 2 * np.pi, n)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1), labels


def collapsed(model: nn.MLP) -> tuple[Any, Any]:
    """W and b of the one layer that a network of identities amounts to."""
    W, b = np.eye(model.sizes[0]), np.zeros(model.sizes[0])
    for l in range(1, model.n_layers + 1):
        W_l, b_l = getattr(model, f"W{l}").data, getattr(model, f"b{l}").data
        W, b = W @ W_l, b @ W_l + b_l
    return W, b


def main() -> None:
    """Show the collapse in numbers, then what it means for learning."""
    args = options(__doc__)
    rng = np.random.default_rng(0)
    X, labels = rings(400, rng)

    deep = nn.MLP([2, 16, 16, 2], hidden="identity", init="xavier", rng=rng)
    W, b = collapsed(deep)
    equation("(((X W1 + b1) W2 + b2) W3 + b3) = X W + b    with    W = W1 W2 W3")
    difference = np.abs(deep.logits(X).numpy() - (X @ W + b)).max()
    print(f"{deep}")
    print(
        f"three layers against one matrix of shape {W.shape}: largest difference {difference:.1e}"
    )

    models = {}
    print("\ntrained on two rings:")
    for hidden in ("identity", "tanh"):
        model = nn.MLP([2, 16, 16, 2], hidden=hidden, init="xavier", rng=np.random.default_rng(1))
        nn.fit(
            model, X, labels, loss="cross_entropy", optimizer=nn.Adam(0.01), batch_size=50,
            epochs=10 if args.quick else 60, rng=np.random.default_rng(2),
        )  # fmt: skip
        models[hidden] = model
        print(f"  {hidden:10}{nn.accuracy(model.predict(X), labels):8.1%} right")

    def draw(figure: Any) -> None:
        for ax, (hidden, model) in zip(figure.subplots(1, 2), models.items(), strict=True):
            nn.plot.decision_boundary(model, X, labels, ax=ax)
            ax.set_title(f"2-16-16-2, {hidden}")

    save_plot(args.out / "linear_collapse.png", draw, (10, 4.5))


if __name__ == "__main__":
    run(main)
