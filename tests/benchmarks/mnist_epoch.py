"""Seconds of an epoch on MNIST: 784-50-10, shuffled batches of 64, gradient descent.

    python tests/benchmarks/mnist_epoch.py [--folder FOLDER] [--dtype float64]

FOLDER holds the four files of MNIST; the variable AUTOGRAD_LITE_MNIST names it otherwise. All
contenders see the same batches in the same order and keep the epoch's loss; that of `nn.fit`
includes what it does once: checks, and compiling the step. Evaluation on the test images is left
out. Before anything is timed, the parameters after 2,000 data points are compared.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from compare import Contender, Workload, arguments, checked, details, timed
from ours import update_of
from problems import Problem, network

import autograd_lite as ag
import nn

SIZE, RATE = 64, 1e-3


class Data(NamedTuple):
    """Images of shape (n, 784), one-hot labels of shape (n, 10), and a start."""

    X: Any
    Y: Any
    start: Problem

    def batches(self, rng: np.random.Generator) -> Iterator[Any]:
        """The rows of each batch of an epoch."""
        order = rng.permutation(len(self.X))
        return (order[i : i + SIZE] for i in range(0, len(order), SIZE))


def hand_written(data: Data) -> Contender:
    """The lecture's equations in NumPy, as they are written."""
    params, rng = data.start.copies(), np.random.default_rng(1)
    W1, b1, W2, b2 = params

    def epoch() -> float:
        total = 0.0
        for rows in data.batches(rng):
            X, Y = data.X[rows], data.Y[rows]
            Z1 = X @ W1 + b1
            A1 = np.maximum(Z1, 0)
            Z2 = A1 @ W2 + b2
            E = np.exp(Z2 - Z2.max(axis=1, keepdims=True))
            Y_hat = E / E.sum(axis=1, keepdims=True)
            total -= np.sum(Y * np.log(Y_hat))
            Z2_g = Y_hat - Y
            W2_g, b2_g = A1.T @ Z2_g, Z2_g.sum(axis=0)
            Z1_g = Z2_g @ W2.T * (Z1 > 0)
            W1_g, b1_g = X.T @ Z1_g, Z1_g.sum(axis=0)
            for p, g in zip(params, (W1_g, b1_g, W2_g, b2_g), strict=True):
                p -= RATE * g
        return float(total)

    return Contender(epoch, lambda: params)


def compiled(data: Data) -> Contender:
    """The step through ag.compile, in a loop of one's own."""
    state, rng = [data.start.copies()], np.random.default_rng(1)
    step = ag.compile(update_of(data.start._replace(alpha=RATE)), donate=0)

    def epoch() -> float:
        total = 0.0
        for rows in data.batches(rng):
            state[0], loss = step(state[0], data.X[rows], data.Y[rows])
            total += loss
        return total

    return Contender(epoch, lambda: state[0])


def fit(data: Data) -> Contender:
    """nn.fit."""
    model = nn.MLP(data.start.sizes, dtype=data.X.dtype)
    for p, start in zip(model.parameters(), data.start.copies(), strict=True):
        p.data = start
    rng = np.random.default_rng(1)

    def epoch() -> float:
        history = nn.fit(model, data.X, data.Y, loss="cross_entropy", epochs=1, batch_size=SIZE,
                         optimizer=nn.GradientDescent(RATE), rng=rng, progress=False)  # fmt: skip
        return history["loss"][-1] * len(data.X)

    return Contender(epoch, lambda: [p.data for p in model.parameters()])


def torch_eager(data: Data) -> Contender:
    """PyTorch, its functional loss and its optimiser."""
    import torch
    from torch.nn import functional as F

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    params = [torch.tensor(p, requires_grad=True) for p in data.start.params]
    W1, b1, W2, b2 = params
    optimiser = torch.optim.SGD(params, lr=RATE)
    X, Y, rng = torch.from_numpy(data.X), torch.from_numpy(data.Y), np.random.default_rng(1)

    def epoch() -> float:
        total = torch.zeros((), dtype=X.dtype)
        for rows in data.batches(rng):
            index = torch.from_numpy(rows)
            Z2 = torch.addmm(b2, F.relu(torch.addmm(b1, X[index], W1)), W2)
            loss = F.cross_entropy(Z2, Y[index], reduction="sum")
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.detach()
        return float(total)

    return Contender(epoch, lambda: [p.detach().numpy() for p in params])


def workload(folder: Path, dtype: str) -> Workload:
    """An epoch for each contender, and a short one for the comparison."""
    X, labels, _, _ = nn.data.load_mnist(folder)
    X = X.astype(dtype)
    Y = nn.data.one_hot(labels, 10, dtype=X.dtype)
    whole = Data(X, Y, network("784-50-10", SIZE, dtype, RATE))
    short = whole._replace(X=X[:2000], Y=Y[:2000])
    makers: dict[str, Callable[[Data], Contender]] = {
        "hand-written": hand_written,
        "ag.compile": compiled,
        "nn.fit": fit,
    }
    if find_spec("torch"):
        makers["torch"] = torch_eager
    return Workload(
        f"an epoch of MNIST, {len(X):,} data points",
        dtype,
        {name: partial(make, whole) for name, make in makers.items()},
        {name: partial(make, short) for name, make in makers.items()},
    )


def main() -> None:
    """Print the table, and seconds an epoch."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--folder", default=os.environ.get("AUTOGRAD_LITE_MNIST"))
    own, rest = parser.parse_known_args()
    if own.folder is None:
        print("mnist_epoch: name the folder of MNIST with --folder or AUTOGRAD_LITE_MNIST")
        return
    os.environ["AUTOGRAD_LITE_MNIST"] = own.folder
    sys.argv[1:] = rest
    options = arguments(__doc__)
    for dtype in options.dtypes:
        task = workload(Path(own.folder), dtype)
        timings = timed(task, options.seconds)
        print(details(task, timings, checked(task)))
        print(f"\n  {'':<28}seconds an epoch")
        for name, timing in timings.items():
            print(f"  {name:<28}{np.median(timing.seconds):>10.3f}", flush=True)


if __name__ == "__main__":
    main()
