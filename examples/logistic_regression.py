"""Logistic regression, one neuron with a sigmoid: is a digit a 3 or an 8?

Trained on the shipped digits by gradient descent on the binary cross-entropy, first with the
gradient written out by hand, then by the engine: the two agree to the last digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _example import equation, options, run, save_plot

import autograd_lite as ag
import nn


def descend_by_hand(X: Any, y: Any, alpha: float, epochs: int) -> tuple[Any, float]:
    """w and b after gradient descent from 0, with the gradient derived on paper."""
    w, b = np.zeros(X.shape[1]), 0.0
    for _ in range(epochs):
        y_hat = 1 / (1 + np.exp(-(X @ w + b)))
        z_g = y_hat - y
        w, b = w - alpha * (X.T @ z_g), b - alpha * z_g.sum()
    return w, b


def main() -> None:
    """Train both ways, compare, and show what the neuron looks at."""
    args = options(__doc__)
    X, labels = nn.data.load_digits()
    chosen = (labels == 3) | (labels == 8)
    X, y = X[chosen], (labels[chosen] == 8).astype(float)
    rng = np.random.default_rng(0)
    X, X_test, y, y_test = nn.data.train_test_split(X, y, test=0.25, rng=rng, stratify=True)
    alpha, epochs = 0.002, 50 if args.quick else 500
    print(f"{len(X)} images of 3 and 8 to learn from, {len(X_test)} held out, 64 pixels each")

    equation("ŷ = g(X w + b)        L = −Σ y log ŷ + (1 − y) log(1 − ŷ)")
    equation("w⁽ᵍ⁾ = Xᵀ(ŷ − y)      w ← w − α w⁽ᵍ⁾        α = 0.002")
    w, b = descend_by_hand(X, y, alpha, epochs)

    model = nn.MLP([64, 1], output="sigmoid", init="zeros")
    history = nn.fit(
        model, X, y, loss="binary_cross_entropy", optimizer=nn.GradientDescent(alpha),
        epochs=epochs, validation=(X_test, y_test),
    )  # fmt: skip
    difference = max(np.abs(model.W1.data[:, 0] - w).max(), abs(model.b1.data[0] - b))
    print(f"{epochs} steps by hand and by the engine; largest difference: {difference:.1e}\n")
    with ag.no_grad():
        loss = nn.binary_cross_entropy(model(X_test), y_test, reduction="mean").item()
    print(f"held out: loss {loss:.4f}, accuracy {nn.accuracy(model.predict(X_test), y_test):.2%}")

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        nn.plot.weight_images(model, ax=left)
        left.set_title("w: blue speaks for 3, red for 8")
        history.plot(right)

    save_plot(args.out / "logistic_regression.png", draw, (9, 4))


if __name__ == "__main__":
    run(main)
