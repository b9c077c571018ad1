"""The networks of the benchmarks, with their data: the same numbers for every contender."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Problem", "network", "problem"]


class Problem(NamedTuple):
    """A network, its start, a batch, and the rate of gradient descent."""

    sizes: tuple[int, ...]
    hidden: str  # "relu" or "tanh"
    output: str  # "softmax" (cross-entropy) or "identity" (squared error)
    X: Any
    Y: Any
    params: tuple[Any, ...]  # W1, b1, W2, b2, …
    alpha: float

    @property
    def n_layers(self) -> int:
        """L."""
        return len(self.sizes) - 1

    def copies(self) -> list[Any]:
        """The start, to be changed."""
        return [p.copy() for p in self.params]

    def gradients(self, params: Any) -> list[Any]:
        """The gradient that one step of gradient descent from the start must have used."""
        pairs = zip(self.params, params, strict=True)
        return [(p - np.asarray(q)) / self.alpha for p, q in pairs]


def problem(sizes: tuple[int, ...], n: int, dtype: str, hidden: str, alpha: float) -> Problem:
    """A network of these sizes, at a Xavier start with biases, and a batch of n data points.

    No pre-activation of a ReLU is within rounding of its kink, or its slope would depend on the
    order in which a library sums.
    """
    rng = np.random.default_rng(7)
    params = []
    for n_in, n_out in itertools.pairwise(sizes):
        params.append((rng.standard_normal((n_in, n_out)) / np.sqrt(n_in)).astype(dtype))
        params.append((0.1 * rng.standard_normal(n_out)).astype(dtype))
    X = rng.random((n, sizes[0])).astype(dtype)
    if hidden == "relu":
        while (near := _near_a_kink(X, params)).any():
            X[near] = rng.random((int(near.sum()), sizes[0])).astype(dtype)
    if sizes[-1] == 1:
        output, Y = "identity", rng.standard_normal((n, 1))
    else:
        output, Y = "softmax", np.eye(sizes[-1])[rng.integers(0, sizes[-1], n)]
    return Problem(sizes, hidden, output, X, Y.astype(dtype), tuple(params), alpha)


def _near_a_kink(X: Any, params: list[Any]) -> Any:
    """Which data points have a hidden pre-activation within rounding of 0; of shape (n,)."""
    A, near = X.astype(np.float64), np.zeros(len(X), bool)
    rounding = float(np.finfo(X.dtype).eps)
    for W, b in zip(params[:-2:2], params[1:-2:2], strict=True):
        Z = A @ W.astype(np.float64) + b
        size = np.abs(A) @ np.abs(W.astype(np.float64)) + np.abs(b)
        near |= (np.abs(Z) < 16 * rounding * size).any(axis=1)
        A = np.maximum(Z, 0)
    return near


#: name: sizes, activation of the hidden layers, batch sizes
NETWORKS: dict[str, tuple[tuple[int, ...], str, tuple[int, ...]]] = {
    "784-50-10": ((784, 50, 10), "relu", (1, 32, 64, 1024, 10_000)),
    "784-[256]×8-10": ((784, *[256] * 8, 10), "tanh", (64,)),
    "2-16-16-1": ((2, 16, 16, 1), "tanh", (32,)),
}


def network(name: str, n: int, dtype: str, alpha: float) -> Problem:
    """The problem of a network by its name."""
    sizes, hidden, _ = NETWORKS[name]
    return problem(sizes, n, dtype, hidden, alpha)
