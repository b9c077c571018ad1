"""Arrays taken apart: slices of one array, as many as the arguments say."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.rules.examples import reals
from autograd_lite.rules.shapes import normal_axis
from autograd_lite.table import composed


def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    axis = normal_axis(axis, ary.ndim)
    n = ary.shape[axis]
    if np.ndim(indices_or_sections):
        bounds = [int(k) for k in indices_or_sections]
        starts, stops = [0, *bounds], [*bounds, n]
    else:
        parts = int(indices_or_sections)
        if parts <= 0:
            raise ValueError(f"array_split: {parts} sections; at least one is needed")
        each, longer = divmod(n, parts)
        ends = [k * each + min(k, longer) for k in range(parts + 1)]
        starts, stops = ends[:-1], ends[1:]
    front = (slice(None),) * axis
    return [ary[(*front, slice(a, b))] for a, b in zip(starts, stops, strict=True)]


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    n = ary.shape[normal_axis(axis, ary.ndim)]
    if not np.ndim(indices_or_sections) and n % int(indices_or_sections):
        raise ValueError(
            f"split: axis {axis} of length {n} does not divide into {indices_or_sections} equal "
            "parts; np.array_split allows unequal ones"
        )
    return _array_split(ary, indices_or_sections, axis)


def _vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    return _split(_with_axes(ary, 2, "vsplit"), indices_or_sections, 0)


def _hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    return _split(_with_axes(ary, 1, "hsplit"), indices_or_sections, 1 if ary.ndim > 1 else 0)


def _dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    return _split(_with_axes(ary, 3, "dsplit"), indices_or_sections, 2)


def _with_axes(ary: Any, n: int, name: str) -> Any:
    if ary.ndim < n:
        raise ValueError(f"{name}: an array of shape {ary.shape}; it needs {n} axes or more")
    return ary


def _unstack(x: Any, axis: int = 0) -> tuple[Any, ...]:
    axis = normal_axis(axis, x.ndim)
    return tuple([x[(*[slice(None)] * axis, i)] for i in range(x.shape[axis])])


_PARTS = [
    reals((6, 4), indices_or_sections=2),
    reals((6, 4), indices_or_sections=[1, 4]),
    reals((4,), indices_or_sections=(2, -1)),
]
composed(
    np.array_split, _array_split, examples=[*_PARTS, reals((7, 2), indices_or_sections=3, axis=0)]
)
composed(np.split, _split, examples=[*_PARTS, reals((2, 6), indices_or_sections=3, axis=-1)])
composed(np.vsplit, _vsplit, examples=_PARTS[:2])
composed(np.hsplit, _hsplit, examples=_PARTS)
composed(np.dsplit, _dsplit, examples=[reals((2, 3, 4), indices_or_sections=2)])
if hasattr(np, "unstack"):  # since NumPy 2.1
    composed(np.unstack, _unstack, examples=[reals((3, 2)), reals((2, 3), axis=-1)])
