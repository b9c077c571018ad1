"""Dropout: half of the neurons, another half in every step, and the whole network at inference.

Exactly half of the hidden neurons are dropped, one mask for the whole batch; nothing is scaled in
training, and at inference the outgoing weights are halved. The masks that a step drew are given to
the closed form, which finds the same gradient; and the average of many masked networks is compared
with the one scaled network.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _example import equation, options, run, save_plot

import autograd_lite as ag
import nn


def main() -> None:
    """Check a step, then compare the average over masks with the scaled network."""
    args = options(__doc__)
    X, labels = nn.data.load_digits()
    rng = np.random.default_rng(0)
    X, X_test, y, y_test = nn.data.train_test_split(X, labels, test=0.2, rng=rng, stratify=True)
    model = nn.MLP([64, 50, 10], init="he", dropout=0.5, rng=rng)

    equation("training:  A_l = g(Z_l) ⊙ m_l, with m_l of shape (S_l,), half zeros, half ones")
    report = nn.closed_form.compare(model, X[:64], y[:64])
    mask = nn.dropout_masks(model)[1]
    print("".join("●" if kept else "·" for kept in mask))
    print(f"{np.count_nonzero(mask)} of {mask.size} neurons kept; with this mask by hand:\n")
    print(report)

    nn.fit(
        model, X, y, loss="cross_entropy", optimizer=nn.GradientDescent(0.002), batch_size=64,
        epochs=5 if args.quick else 60, rng=rng,
    )  # fmt: skip

    equation("inference: A_l = ½ g(Z_l), which is to halve the outgoing weights W_{l+1}")
    counts = [1, 3, 10, 30, 100, 300, 1000, 3000]
    if args.quick:
        counts, X_test, y_test = counts[:5], X_test[:100], y_test[:100]
    with ag.no_grad():
        draws = [model.logits(X_test).numpy() for _ in range(counts[-1])]
        scaled = model.eval().logits(X_test).numpy()
    print("logits averaged over n random masks, against those of the scaled network:\n")
    print(f"{'n':>6}{'root mean square difference':>32}{'right':>9}")
    differences = []
    for n in counts:
        average = np.mean(draws[:n], axis=0)
        differences.append(np.sqrt(np.mean((average - scaled) ** 2)))
        right = nn.accuracy(average.argmax(axis=1), y_test)
        print(f"{n:6}{differences[-1]:32.4f}{right:9.1%}")
    print(f"{'scaled':>6}{0:32.4f}{nn.accuracy(model.predict(X_test), y_test):9.1%}")
    print("\nWith one hidden layer the scaled network is the average exactly, up to chance: 1/√n.")

    def draw(figure: Any) -> None:
        ax = figure.add_subplot()
        colors = nn.plot.COLORS
        ax.loglog(counts, differences, "o-", color=colors[0], label="average of n masks")
        guide = [differences[0] / np.sqrt(n) for n in counts]
        ax.loglog(counts, guide, ":", color=colors[1], label="1/√n")
        ax.set(xlabel="n masks", ylabel="distance of the logits from the scaled network's")
        ax.set_title("Dropout averages networks")
        ax.grid(alpha=0.3)
        ax.legend()

    save_plot(args.out / "dropout.png", draw)


if __name__ == "__main__":
    run(main)
