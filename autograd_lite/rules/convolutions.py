"""Convolution and correlation of two signals."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.rules.examples import reals
from autograd_lite.table import bilinear


def _in_full(g: Any, n: int, m: int, start: int) -> Any:
    """G in its place among the n + m − 1 elements of the full convolution, zeros elsewhere."""
    after = n + m - 1 - start - g.shape[0]
    if not start and not after:
        return g
    return np.concatenate([np.zeros(start, g.dtype), g, np.zeros(after, g.dtype)])


_MODES = {"full": "full", "same": "same", "valid": "valid", 0: "valid", 1: "same", 2: "full"}


def _start(mode: Any, n: int, m: int, swaps: bool) -> int:
    """Where the mode's result begins in the full one; a correlation that swaps runs backwards."""
    short = min(n, m)
    middle = short // 2 if swaps and n < m else (short - 1) // 2
    return {"full": 0, "same": middle, "valid": short - 1}[_MODES[mode]]


def convolve_vjp(g: Any, mine: Any, other: Any, mode: Any) -> Any:
    """G correlated with the other signal."""
    n, m = mine.size, np.size(other)
    full = _in_full(g, n, m, _start(mode, n, m, swaps=False))
    return np.correlate(full, np.reshape(other, -1), "valid").reshape(mine.shape)


def correlate_vjp_left(g: Any, y: Any, a: Any, v: Any, mode: Any) -> Any:
    """G convolved with V."""
    n, m = a.size, np.size(v)
    full = _in_full(g, n, m, _start(mode, n, m, swaps=True))
    return np.convolve(full, np.reshape(v, -1), "valid").reshape(a.shape)


def correlate_vjp_right(g: Any, y: Any, a: Any, v: Any, mode: Any) -> Any:
    """G correlated with A, backwards."""
    n, m = np.size(a), v.size
    full = _in_full(g, n, m, _start(mode, n, m, swaps=True))
    return np.correlate(full, np.reshape(a, -1), "valid")[::-1].reshape(v.shape)


_SIGNALS = [
    reals((n,), (m,), mode=mode)
    for n, m in ((5, 3), (5, 2), (2, 4), (3, 4), (3, 3), (4, 1))
    for mode in ("full", "same", "valid")
]
bilinear(
    np.convolve,
    lambda g, y, a, v, mode: convolve_vjp(g, a, v, mode),
    lambda g, y, a, v, mode: convolve_vjp(g, v, a, mode),
    params={"mode": "full"},
    formulas=("correlate({g}, {v})", "correlate({g}, {a})"),
    examples=[*_SIGNALS, reals((5,), (3,))],
)
bilinear(
    np.correlate,
    correlate_vjp_left,
    correlate_vjp_right,
    params={"mode": "valid"},
    formulas=("convolve({g}, {v})", "correlate({g}, {a}) backwards"),
    examples=[*_SIGNALS, reals((5,), (3,))],
)
