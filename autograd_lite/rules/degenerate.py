"""What vectors of a decomposition do where values are equal: nan, never a finite wrong number.

Vectors of equal values are not determined, so neither is their derivative: dividing by the gap
between the values would give rounding errors times 1e16. Equal means within 8·eps of the largest.
The quotient is made in two steps, both recorded: `fenced` turns what is not 0 there into nan, and
the gap is 1 there. Being linear, `fenced` does the same to tangents and to cotangents.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.methods import public
from autograd_lite.modes import MODES
from autograd_lite.rules.examples import given
from autograd_lite.rules.linalg import transposed
from autograd_lite.table import elementwise


def _fenced(x: Any, where: Any) -> Any:
    """x, but nan where the mask is True and x is not 0."""
    return np.where(where & (x != 0), np.nan, x)


fenced: Any = public(
    elementwise(
        _fenced,
        lambda g, y, x, where: fenced(g, where),
        None,
        name="fenced",
        formulas=("{g}, nan where {where}",),
        examples=[given(lambda rng: (rng.standard_normal((2, 3)), np.zeros((2, 3), bool)))],
    )
)


def _doubtful(x: Any, where: Any) -> Any:
    """0; its slope is nan where the mask is True and something comes of it, else 0."""
    return np.zeros(np.broadcast_shapes(x.shape, where.shape), x.dtype)


doubtful: Any = public(
    elementwise(
        _doubtful,
        lambda g, y, x, where: np.where(where, fenced(g, where), 0.0),
        None,
        name="doubtful",
        formulas=("0, nan where {where}",),
        examples=[given(lambda rng: (rng.standard_normal((2, 3)), np.zeros((2, 3), bool)))],
    )
)


def between(left: Any, g: Any, right: Any, values: Any, largest: Any) -> Any:
    """left diag(g) right, of vectors on both sides that belong to values.

    Its derivative is nan where that couples equal values, were their cotangents all 0: what the
    vectors would add to it is 0/0 then.
    """
    total = (left * g[..., None, :]) @ right
    if not isinstance(values, Tensor):
        return total
    gap = values[..., None, :] - values[..., :, None]
    return total + left @ doubtful(gap, gaps(values, largest)[0]) @ right


def tolerance(scale: Any) -> Any:
    """The distance within which values are equal, given the largest."""
    return 8.0 * float(np.finfo(scale.dtype).eps) * scale


def gaps(values: Any, largest: Any) -> tuple[Any, Any]:
    """(pairs of equal values, vⱼ − vᵢ with ±1 for those and 1 on the diagonal), each (…, n, n)."""
    n = values.shape[-1]
    gap = values[..., None, :] - values[..., :, None]
    same = np.eye(n, dtype=bool)
    equal = (np.abs(gap) <= tolerance(largest)[..., None]) & ~same
    # ±1, not 1: with the sign of a gap, or what is divided by it cancels in a skew matrix
    signs = 1.0 - 2.0 * np.tri(n, k=-1, dtype=values.dtype)
    return equal, np.where(equal | same, signs, gap)


def skew(x: Any) -> Any:
    """x minus its transpose."""
    return x - transposed(x)


def symmetric(x: Any) -> Any:
    """The symmetric part of x."""
    return (x + transposed(x)) * 0.5


def undefined(g: Any, columns: str) -> Any:
    """0 for cotangents that are all 0, of columns that a function does not determine; else nan.

    Raises ValueError where the numbers are known and not 0. While tracing they are not, and the
    program gives nan.
    """
    value = g._value if isinstance(g, Tensor) and MODES.get().trace is None else g
    if not isinstance(value, Tensor) and np.any(value):
        raise ValueError(
            f"{columns} are not determined by the matrix (any orthonormal complement would do), "
            "but the gradient reaches them; ask for the reduced form, or leave them out"
        )
    total = np.sum(fenced(g, np.ones(g.shape, bool)), axis=(-2, -1))
    return total[..., None, None]
