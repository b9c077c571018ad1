"""Products of matrices."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd_lite.rules.examples import reals
from autograd_lite.table import bilinear


def transposed(x: Any) -> Any:
    """x with its last two axes exchanged."""
    return x.T if x.ndim == 2 else np.swapaxes(x, -1, -2)


def matmul_vjp_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    """G Bᵀ; vectors count as the row or column that NumPy makes of them."""
    if b.ndim == 1:
        return g[..., None] * b
    if a.ndim == 1:
        return np.matmul(b, g[..., None])[..., 0]
    return g @ transposed(b)


def matmul_vjp_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    """Aᵀ G; vectors count as the row or column that NumPy makes of them."""
    if a.ndim == 1:
        return a[:, None] * g[..., None, :] if b.ndim > 1 else g * a
    if b.ndim == 1:
        return np.matmul(transposed(a), g[..., None])[..., 0]
    return transposed(a) @ g


bilinear(
    np.matmul,
    matmul_vjp_left,
    matmul_vjp_right,
    fn=operator.matmul,
    methods=("__matmul__", "__rmatmul__"),
    formulas=(
        "{g} {b}ᵀ",
        "{a}ᵀ {g}",
    ),
    examples=[
        reals((2, 3), (3, 4)),
        reals((3,), (3, 4)),
        reals((2, 3), (3,)),
        reals((3,), (3,)),
        reals((2, 1, 2, 3), (4, 3, 2)),
        reals((3,), (2, 3, 4)),
        reals((2, 3, 4), (4,)),
    ],
)
