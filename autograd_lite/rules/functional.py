"""NumPy functions that call a function of the user's: along an axis, or piece by piece."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_lite.rules.examples import given
from autograd_lite.rules.shapes import normal_axis, wrapped
from autograd_lite.rules.writing import put
from autograd_lite.table import composed


def _apply_along_axis(
    func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any
) -> Any:
    axis = normal_axis(axis, arr.ndim)
    lines = np.moveaxis(arr, axis, -1)
    outer = lines.shape[:-1]
    results = [wrapped(func1d(lines[place], *args, **kwargs)) for place in np.ndindex(*outer)]
    if not results:
        raise ValueError(f"apply_along_axis: no line along axis {axis} of shape {arr.shape}")
    inner = results[0].shape
    joined = np.stack(results).reshape((*outer, *inner))
    moved = [*range(axis), *range(len(outer), joined.ndim), *range(axis, len(outer))]
    return joined.transpose(moved)


def _piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    conditions = [wrapped(c) for c in (condlist if _is_list(condlist) else [condlist])]
    if len(funclist) == len(conditions) + 1:  # the last function is for the rest
        rest = ~np.logical_or.reduce([c.numpy() for c in conditions])
        conditions.append(wrapped(rest))
    if len(funclist) != len(conditions):
        raise ValueError(
            f"piecewise: {len(conditions)} conditions, {len(funclist)} functions; one for each, "
            "and perhaps one more for the rest"
        )
    y = wrapped(np.zeros(x.shape, x.dtype))
    for condition, function in zip(conditions, funclist, strict=True):
        part = function(x[condition], *args, **kw) if callable(function) else function
        y = put(y, condition, part)
    return y


def _is_list(condlist: Any) -> bool:
    """Whether these are several conditions, not one array of bools."""
    return isinstance(condlist, (list, tuple)) and not all(
        isinstance(c, (bool, np.bool_)) for c in condlist
    )


composed(
    np.apply_along_axis,
    _apply_along_axis,
    examples=[
        given(lambda rng: (lambda v: v * np.sum(v), 0, rng.standard_normal((2, 3)))),
        given(lambda rng: (np.sum, -1, rng.standard_normal((2, 3)))),
        given(lambda rng: (np.diag, 1, rng.standard_normal((2, 2, 3)))),
    ],
)
composed(
    np.piecewise,
    _piecewise,
    examples=[
        given(
            lambda rng: (
                np.array([-1.5, 0.5, 2.0]),
                [np.array([True, False, False]), np.array([False, True, False])],
                [lambda x: -x, lambda x: x * x, 3.0],
            )
        ),
    ],
)
