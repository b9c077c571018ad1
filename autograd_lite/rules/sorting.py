"""Order: sort and partition, whose gradient follows the elements, and their indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.rules.examples import spread
from autograd_lite.rules.indexing import SLOT, scatter
from autograd_lite.rules.shapes import normal_axis
from autograd_lite.rules.taking import take_along
from autograd_lite.table import Parsed, composed, general

_SORTING = {"axis": -1, "kind": None, "stable": None}
general(
    np.argsort,
    None,
    params=_SORTING,
    methods=("argsort",),
    examples=[spread((2, 3)), spread((2, 3), axis=None), spread((2, 3), axis=0, kind="stable")],
)
general(
    np.argpartition,
    None,
    params={"kth": None, "axis": -1, "kind": "introselect"},
    methods=("argpartition",),
    examples=[spread((2, 5), kth=2), spread((2, 3), kth=(0, 3), axis=None)],
)


def _sort(a: Any, axis: int | None = -1, kind: Any = None, *, stable: Any = None) -> Any:
    a, axis = (a.reshape(-1), 0) if axis is None else (a, normal_axis(axis, a.ndim))
    return take_along(a, np.argsort(a, axis=axis, kind=kind, stable=stable), axis, unique=True)


composed(
    np.sort,
    _sort,
    examples=[
        spread((2, 3)),
        spread((2, 3), axis=0, stable=True),
        spread((2, 3, 2), axis=None, kind="heapsort"),
        spread((0, 2), axis=0),
    ],
)


def partition_vjp(g: Any, y: Any, x: Any, kth: Any, axis: int, kind: str) -> Any:
    """Every element's part of g; equal ones in the order in which they stand."""
    axis = normal_axis(axis, x.ndim)
    lines = [
        np.argsort(x, axis=axis, kind="stable")
        if a == axis
        else np.arange(n).reshape([-1 if b == a else 1 for b in range(x.ndim)])
        for a, n in enumerate(x.shape)
    ]
    by_rank = take_along(g, np.argsort(y, axis=axis, kind="stable"), axis, unique=True)
    return scatter(by_rank, tuple(lines), (SLOT,) * x.ndim, x.shape, unique=True)


def _parse_partition(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Parsed:
    """(inputs, params), the array flat where the axis is None."""
    (x,), params = PARTITION._parse(args, kwargs)
    return (
        ((x,), params) if params["axis"] is not None else ((x.reshape(-1),), {**params, "axis": 0})
    )


PARTITION = general(
    np.partition,
    partition_vjp,
    params={"kth": None, "axis": -1, "kind": "introselect"},
    parse=_parse_partition,
    formulas=("{g} in the old order",),
    examples=[
        spread((2, 5), kth=2),
        spread((4, 2), kth=(0, -1), axis=0),
        spread((2, 3), kth=1, axis=None),
    ],
)
