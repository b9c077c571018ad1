"""The memory that a program holds between its calls."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

import autograd_lite as ag


def held(f: Any, *args: Any) -> int:
    """Bytes of a program's buffers."""
    program = ag.compile(f, donate=0)
    program(*args)
    found = re.search(r"buffers of ([\d,]+) bytes", program.source)
    assert found is not None
    return int(found[1].replace(",", ""))


def test_a_deep_network_holds_its_activations_and_little_more() -> None:
    """Gradients take the memory of activations that have been used; small ones take none of it."""
    n, layers = 128, 12

    def update(params: Any, X: Any) -> Any:
        def loss(params: Any) -> Any:
            A = X
            for W, b in params:
                A = np.tanh(A @ W + b)
            return np.sum(A * A)

        grads = ag.grad(loss)(params)
        return [(W - 0.1 * g, b - 0.1 * h) for (W, b), (g, h) in zip(params, grads, strict=True)]

    params = [(np.ones((n, n)), np.ones(n)) for _ in range(layers)]
    assert held(update, params, np.ones((n, n))) < (layers + 3) * n * n * 8
