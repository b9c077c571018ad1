"""Recorded graphs that the tests of pictures share; the caller holds the tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd_lite as ag


def network() -> dict[str, Any]:
    """The lecture's network of one hidden layer, every value kept."""
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((5, 4)), np.eye(2)[[0, 1, 1, 0, 1]]
    W1 = ag.tensor(rng.standard_normal((4, 3)), requires_grad=True, name="W1")
    b1 = ag.tensor(rng.standard_normal(3), requires_grad=True, name="b1")
    W2 = ag.tensor(rng.standard_normal((3, 2)), requires_grad=True, name="W2")
    b2 = ag.tensor(rng.standard_normal(2), requires_grad=True, name="b2")
    with ag.keep():
        Z1 = X @ W1 + b1
        A1 = ag.relu(Z1)
        Z2 = A1 @ W2 + b2
        L = ag.softmax_cross_entropy(Z2, Y, normalized=True)
    return {"X": X, "Y": Y, "W1": W1, "b1": b1, "Z1": Z1, "A1": A1, "W2": W2, "b2": b2,
            "Z2": Z2, "L": L}  # fmt: skip


def random_graph(seed: int, n: int) -> Any:
    """A scalar that n random operations on random earlier values lead to."""
    rng = np.random.default_rng(seed)
    values: list[Any] = [
        ag.tensor(rng.standard_normal(3), requires_grad=True, name=f"x{i}") for i in range(3)
    ]
    data = rng.standard_normal(3)
    for i in range(n):
        a, b = (values[int(rng.integers(len(values)))] for _ in range(2))
        with ag.scope(f"part {i // 7}"):
            made = (a + b, a * b, np.tanh(a), a - data, 2.0 * a, ag.relu(b))
        values.append(made[int(rng.integers(len(made)))])
    total = values[-1]
    for value in values[-6:-1]:
        total = total + value
    return np.sum(total)


def chain(n: int) -> Any:
    """A scalar at the end of n tanh's and sines that alternate."""
    y = ag.tensor(np.ones(2), requires_grad=True, name="x")
    for i in range(n):
        y = np.tanh(y) if i % 2 else np.sin(y)
    return np.sum(y)
