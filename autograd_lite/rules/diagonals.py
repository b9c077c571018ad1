"""Triangles and diagonals."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.rules.axes import inverse
from autograd_lite.rules.examples import reals
from autograd_lite.rules.indexing import SLOT, scatter
from autograd_lite.rules.shapes import broadcast, normal_axis, summed_to, wrapped
from autograd_lite.table import composed, linear

for _function in (np.tril, np.triu):
    linear(
        _function,
        # a default binds the loop's function now
        lambda g, y, x, k, part=_function: summed_to(part(g, k), x.shape),
        params={"k": 0},
        formulas=(f"{_function.__name__}({{g}})",),
        examples=[reals((3, 4)), reals((2, 3, 3), k=-1), reals((3, 3), k=1), reals((3,))],
    )


def placed_diagonal(g: Any, shape: tuple[int, ...], offset: int, axis1: int, axis2: int) -> Any:
    """Zeros of `shape` with g, of shape (..., n), on the diagonal of two axes."""
    ndim = len(shape)
    axis1, axis2 = normal_axis(axis1, ndim), normal_axis(axis2, ndim)
    others = [axis for axis in range(ndim) if axis not in (axis1, axis2)]
    steps = np.arange(g.shape[-1])
    places = (steps + max(-offset, 0), steps + max(offset, 0))
    order = [*others, axis1, axis2]
    lying = tuple([shape[axis] for axis in order])
    out = scatter(g, places, (Ellipsis, SLOT, SLOT), lying, unique=True)
    return out if order == sorted(order) else out.transpose(inverse(order))


def diagonal_vjp(g: Any, y: Any, x: Any, offset: int, axis1: int, axis2: int) -> Any:
    """g on the diagonal, zeros elsewhere."""
    return placed_diagonal(g, x.shape, offset, axis1, axis2)


def trace_vjp(g: Any, y: Any, x: Any, offset: int, axis1: int, axis2: int) -> Any:
    """g for every element of the diagonal, zeros elsewhere."""
    rows, columns = x.shape[axis1], x.shape[axis2]
    n = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    line = broadcast(g[..., None], (*g.shape, n))
    return placed_diagonal(line, x.shape, offset, axis1, axis2)


def diag_vjp(g: Any, y: Any, v: Any, k: int) -> Any:
    """The diagonal of g, or g on the diagonal."""
    return np.diagonal(g, k) if v.ndim == 1 else placed_diagonal(g, v.shape, k, 0, 1)


_PLACE = {"offset": 0, "axis1": 0, "axis2": 1}
_EXAMPLES = [
    reals((3, 3)),
    reals((3, 4), offset=1),
    reals((4, 3), offset=-2),
    reals((2, 3, 4), offset=-1, axis1=2, axis2=0),
    reals((2, 3, 4), axis1=-2, axis2=-1),
    reals((2, 3), offset=5),
]
linear(
    np.diagonal,
    diagonal_vjp,
    fn=lambda x, offset=0, axis1=0, axis2=1: x.diagonal(offset, axis1, axis2),
    params=_PLACE,
    methods=("diagonal",),
    formulas=("diag({g})",),
    examples=_EXAMPLES,
)
linear(
    np.trace,
    trace_vjp,
    fn=lambda x, offset=0, axis1=0, axis2=1: x.trace(offset, axis1, axis2),
    params=_PLACE,
    methods=("trace",),
    formulas=("{g} · I",),
    examples=_EXAMPLES,
)
linear(
    np.diag,
    diag_vjp,
    params={"k": 0},
    formulas=("diag({g})",),
    examples=[
        reals((3,)),
        reals((3,), k=-1),
        reals((3, 4)),
        reals((3, 4), k=2),
        reals((4, 2), k=-1),
    ],
)


def _diagflat(v: Any, k: int = 0) -> Any:
    return np.diag(v.reshape(-1), k)


composed(np.diagflat, _diagflat, examples=[reals((2, 2), k=1), reals(())])


def _linalg_diagonal(x: Any, offset: int = 0) -> Any:
    return np.diagonal(wrapped(x), offset, -2, -1)


def _linalg_trace(x: Any, offset: int = 0) -> Any:
    return np.trace(wrapped(x), offset, -2, -1)


composed(np.linalg.diagonal, _linalg_diagonal, examples=[reals((2, 3, 4), offset=1)])
composed(np.linalg.trace, _linalg_trace, examples=[reals((2, 3, 4), offset=-1)])
