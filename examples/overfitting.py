"""Overfitting: a network too large for its data learns them by heart.

64-256-256-10 has 84,000 parameters and sees 100 digits, a fifth of them with a wrong label. The
training loss goes to 0, the validation loss first falls and then rises.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _example import equation, options, run, save_plot

import nn


def few_digits(rng: np.random.Generator, n: int = 100, wrong: float = 0.2) -> tuple[Any, ...]:
    """n digits to train on, some labels of which are wrong, and the others to validate with."""
    X, labels = nn.data.load_digits()
    X, X_val, y, y_val = nn.data.train_test_split(
        X, labels, test=len(X) - n, rng=rng, stratify=True
    )
    y = y.copy()
    mislabelled = rng.permutation(n)[: round(wrong * n)]
    y[mislabelled] = (y[mislabelled] + rng.integers(1, 10, len(mislabelled))) % 10
    return X, X_val, y, y_val


def main() -> None:
    """Train for too long, and show when to have stopped."""
    args = options(__doc__)
    rng = np.random.default_rng(0)
    X, X_val, y, y_val = few_digits(rng)
    sizes, rate, epochs = [64, 256, 256, 10], 0.001, 60
    if args.quick:
        sizes, rate, epochs = [64, 64, 64, 10], 0.004, 25
        X_val, y_val = X_val[:300], y_val[:300]
    model = nn.MLP(sizes, init="he", rng=rng)
    print(f"{model!r}, {len(X)} images to learn from, a fifth with a wrong label\n")

    equation("θ ← θ − α θ⁽ᵍ⁾ lowers L on the training data, and promises nothing for other data")
    history = nn.fit(
        model, X, y, loss="cross_entropy", optimizer=nn.SGD(rate, momentum=0.9), batch_size=20,
        epochs=epochs, validation=(X_val, y_val), rng=rng,
    )  # fmt: skip
    losses, validation = history["loss"], history["val_loss"]
    best = int(np.argmin(validation))
    print(f"{'epoch':>8}{'training loss':>16}{'validation loss':>18}")
    for epoch in sorted({0, best, *range(4, len(losses), max(len(losses) // 8, 1))}):
        mark = "  ← best" if epoch == best else ""
        print(f"{epoch + 1:8}{losses[epoch]:16.4f}{validation[epoch]:18.4f}{mark}")
    print(f"\nlast epoch: training {losses[-1]:.4f}, validation {validation[-1]:.4f}, ", end="")
    print(f"{validation[-1] / validation[best]:.2f} times the best")
    print(f"training labels reproduced, wrong ones too: {nn.accuracy(model.predict(X), y):.0%}")

    stopped = nn.MLP(sizes, init="he", rng=np.random.default_rng(0))
    early = nn.fit(
        stopped, X, y, loss="cross_entropy", optimizer=nn.SGD(rate, momentum=0.9), batch_size=20,
        epochs=epochs, validation=(X_val, y_val), rng=np.random.default_rng(1),
        callbacks=[nn.EarlyStopping(patience=5)],
    )  # fmt: skip
    right = [nn.accuracy(m.predict(X_val), y_val) for m in (model, stopped)]
    print(f"right on the others: {right[0]:.1%}; with early stopping, which ends after ", end="")
    print(f"{early.epochs} epochs\nand goes back to the best one: {right[1]:.1%}")

    def draw(figure: Any) -> None:
        ax = history.plot(figure.add_subplot())
        ax.axvline(best + 1, color="gray", linestyle=":", label=f"best, epoch {best + 1}")
        ax.legend()
        ax.set(yscale="log", title="A network too large for its data")

    save_plot(args.out / "overfitting.png", draw)


if __name__ == "__main__":
    run(main)
