"""Initialization: why a constant start never learns, and what N(0, 1), Xavier and He are about.

From a constant start all neurons of a layer compute the same and get the same gradient, so they
stay identical for ever: W1 has one distinct column, and rank 1. Random starts break the symmetry;
scaled ones keep the sizes of activations alike from layer to layer.

"For ever" is the mathematics. A processor sums several neurons at once and the few that are left
over in another order, and neurons that differ in their last bit drift apart. So there are 64 here,
of which none is left over; with the lecture's 50, two groups may come of the constant start.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from _example import equation, options, run, save_plot

import autograd_lite as ag
import nn

NEURONS = 64

STARTS = {
    "zeros": "zeros",
    "constant 0.1": partial(nn.init.constant, value=0.1),
    "N(0, 1)": "normal",
    "Xavier": "xavier",
    "He": "he",
}


def distinct(W: Any) -> tuple[int, int]:
    """The number of distinct columns of W, which are neurons, and its rank."""
    columns = np.unique(np.round(W, 12), axis=1).shape[1]
    return columns, int(np.linalg.matrix_rank(W))


def main() -> None:
    """Train from every start, counting distinct neurons on the way, and draw the losses."""
    args = options(__doc__)
    X, labels = nn.data.load_digits()
    rng = np.random.default_rng(0)
    X, X_test, y, y_test = nn.data.train_test_split(X, labels, test=0.2, rng=rng, stratify=True)
    epochs = 4 if args.quick else 30

    equation("all columns of W1 equal  ⇒  all columns of Z1, A1, Z1⁽ᵍ⁾ and W1⁽ᵍ⁾ equal")
    print(
        f"64-{NEURONS}-10, ReLU, {epochs} epochs; distinct neurons (rank of W1) before and after\n"
    )
    print(f"{'start':14}{'before':>10}{'after':>10}{'loss':>10}{'held out':>10}")
    histories = {}
    for name, init in STARTS.items():
        model = nn.MLP([64, NEURONS, 10], init=init, rng=np.random.default_rng(1))
        before = distinct(model.W1.data)
        fewest: list[int] = []

        def count(model: Any, history: Any, seen: list[int] = fewest) -> None:
            seen.append(distinct(model.W1.data)[0])

        histories[name] = nn.fit(
            model, X, y, loss="cross_entropy", optimizer=nn.GradientDescent(0.002), batch_size=64,
            epochs=epochs, rng=np.random.default_rng(2), callbacks=[count],
        )  # fmt: skip
        after = distinct(model.W1.data)
        right = nn.accuracy(model.predict(X_test), y_test)
        loss = histories[name]["loss"][-1]
        cells = [f"{columns} ({rank})" for columns, rank in (before, after)]
        print(f"{name:14}{cells[0]:>10}{cells[1]:>10}{loss:10.3f}{right:10.1%}")
        if before[0] == 1:
            print(f"{'':14}distinct neurons at most {max(fewest)} in every epoch")

    equation("Var(z_j) = S_{l−1} Var(w) Var(a): for Var(w) = 1 it grows by S_{l−1} in every layer")
    print("standard deviation of the activations of a tanh network, by layer:\n")
    for name in ("N(0, 1)", "Xavier", "He"):
        deep = nn.MLP([64, *[50] * 6, 10], hidden="tanh", init=STARTS[name], rng=1)
        with ag.no_grad():
            _, A = deep.activations(X[:200])
        print(f"{name:10}" + "".join(f"{np.std(a.numpy()):8.3f}" for a in A[1:-1]))
    print("\nN(0, 1) drives tanh into saturation, where g' is nearly 0.")

    def draw(figure: Any) -> None:
        ax = figure.add_subplot()
        styles = ("-", "--", "-.", ":", "-")
        for i, (name, history) in enumerate(histories.items()):
            epoch = range(1, epochs + 1)
            color = nn.plot.COLORS[i]
            ax.plot(epoch, history["loss"], styles[i], color=color, label=name, linewidth=2)
        ax.set(yscale="log", xlabel="epoch", ylabel="loss per data point", title="Five starts")
        ax.grid(alpha=0.3)
        ax.legend()

    save_plot(args.out / "initialization.png", draw)


if __name__ == "__main__":
    run(main)
