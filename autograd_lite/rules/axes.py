"""Rows that put an array's axes in another order."""

from __future__ import annotations

import operator
from functools import lru_cache
from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.recording import bind
from autograd_lite.rules.examples import reals
from autograd_lite.rules.shapes import normal_axis
from autograd_lite.table import composed, linear


def inverse(axes: Any) -> tuple[int, ...]:
    """The permutation that undoes `axes`."""
    places = [a % len(axes) for a in axes]
    return tuple(places.index(i) for i in range(len(places)))


TRANSPOSE = linear(
    np.transpose,
    lambda g, y, x, axes: g.T if axes is None else g.transpose(inverse(axes)),
    fn=lambda x, axes=None: x.transpose(axes),
    params={"axes": None},
    formulas=(lambda params, *_: "{g}ᵀ" if params["axes"] is None else "transpose({g}) back",),
    examples=[reals((2, 3)), reals((2, 3, 4), axes=(1, 2, 0)), reals((2, 3, 4), axes=[-1, 0, 1])],
)
linear(
    np.swapaxes,
    lambda g, y, x, axis1, axis2: g.swapaxes(axis1, axis2),
    fn=lambda x, axis1, axis2: x.swapaxes(axis1, axis2),
    params={"axis1": None, "axis2": None},
    methods=("swapaxes",),
    formulas=("swapaxes({g})",),
    examples=[reals((2, 3, 4), axis1=0, axis2=-1)],
)


@lru_cache(maxsize=256)
def _moved(ndim: int, source: tuple[int, ...], destination: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that brings the source axes to their destinations."""
    source = np.lib.array_utils.normalize_axis_tuple(source, ndim, "source")
    destination = np.lib.array_utils.normalize_axis_tuple(destination, ndim, "destination")
    if len(source) != len(destination):
        raise ValueError(
            f"moveaxis: {len(source)} source axes but {len(destination)} destinations; give one "
            "destination for each"
        )
    order = [axis for axis in range(ndim) if axis not in source]
    for place, axis in sorted(zip(destination, source, strict=True)):
        order.insert(place, axis)
    return tuple(order)


def _moveaxis(a: Any, source: Any, destination: Any) -> Any:
    return a.transpose(_moved(a.ndim, _axes(source), _axes(destination)))


def _axes(axis: Any) -> tuple[int, ...]:
    return tuple(axis) if isinstance(axis, (tuple, list)) else (operator.index(axis),)


def _rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    axis = normal_axis(axis, a.ndim)
    start = normal_axis(start, a.ndim + 1)
    return _moveaxis(a, axis, start - 1 if axis < start else start)


def _matrix_transpose(x: Any) -> Any:
    if x.ndim < 2:
        raise ValueError(f"matrix_transpose: x of shape {x.shape} has no two axes to exchange")
    return x.swapaxes(-1, -2)


composed(
    np.moveaxis,
    _moveaxis,
    examples=[
        reals((2, 3, 4), source=0, destination=-1),
        reals((2, 3, 4), source=[0, 1], destination=(2, -3)),
    ],
)
composed(
    np.rollaxis,
    _rollaxis,
    examples=[reals((2, 3, 4), axis=2), reals((2, 3, 4), axis=0, start=2)],
)
for _function in (np.matrix_transpose, np.linalg.matrix_transpose):
    composed(_function, _matrix_transpose, examples=[reals((2, 3, 4))])


def transpose(self: Tensor, *axes: Any) -> Tensor:
    """This tensor with its axes permuted: reversed, or as one tuple or separate numbers say."""
    if not axes:
        return bind(TRANSPOSE, (self,), TRANSPOSE.params)  # type: ignore[no-any-return]
    wanted = axes[0] if len(axes) == 1 and not isinstance(axes[0], (int, np.integer)) else axes
    return bind(TRANSPOSE, (self,), {"axes": wanted})  # type: ignore[no-any-return]


Tensor.transpose = transpose  # type: ignore[attr-defined]
