"""Products of vectors along an axis: cross, vecdot, matvec, vecmat."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.rules.examples import Example, reals
from autograd_lite.rules.shapes import normal_axis, summed_to
from autograd_lite.table import bilinear, composed


def moved_shape(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """The shape with one axis put last."""
    axis = normal_axis(axis, len(shape))
    return (*shape[:axis], *shape[axis + 1 :], shape[axis])


def _cross_axes(axisa: int, axisb: int, axisc: int, axis: int | None) -> tuple[int, int, int]:
    return (axisa, axisb, axisc) if axis is None else (axis, axis, axis)


def cross_vjp_left(
    g: Any, y: Any, a: Any, b: Any, axisa: int, axisb: int, axisc: int, axis: Any
) -> Any:
    """B × G, summed to A's shape."""
    axisa, axisb, axisc = _cross_axes(axisa, axisb, axisc, axis)
    product = np.cross(b, g, axisa=axisb, axisb=axisc)
    return np.moveaxis(summed_to(product, moved_shape(a.shape, axisa)), -1, axisa)


def cross_vjp_right(
    g: Any, y: Any, a: Any, b: Any, axisa: int, axisb: int, axisc: int, axis: Any
) -> Any:
    """G × A, summed to B's shape."""
    axisa, axisb, axisc = _cross_axes(axisa, axisb, axisc, axis)
    product = np.cross(g, a, axisa=axisc, axisb=axisa)
    return np.moveaxis(summed_to(product, moved_shape(b.shape, axisb)), -1, axisb)


def _cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Any:
    """The cross product of vectors of three elements."""
    places = _cross_axes(axisa, axisb, axisc, axis)
    if a.shape[places[0]] != 3 or b.shape[places[1]] != 3:
        raise ValueError("expected vectors of 3 elements; append a zero to those of 2")
    return np.cross(a, b, axisa, axisb, axisc, axis)


_CROSSED = [
    reals((3,), (3,)),
    reals((2, 3), (3,)),
    reals((2, 1, 3), (4, 3)),
]
bilinear(
    np.cross,
    cross_vjp_left,
    cross_vjp_right,
    fn=_cross,
    params={"axisa": -1, "axisb": -1, "axisc": -1, "axis": None},
    formulas=("{b} × {g}", "{g} × {a}"),
    examples=[
        *_CROSSED,
        reals((3, 2), (2, 3), axisa=0, axisc=0),
        reals((3, 2), (4, 3, 2), axis=-2),
        reals((3, 2), (5, 2, 3), axisa=0, axisc=1),
    ],
)
composed(
    np.linalg.cross,
    lambda x1, x2, axis=-1: np.cross(x1, x2, axis=axis),
    examples=_CROSSED,
)


def vecdot_vjp(g: Any, mine: Any, other: Any, axis: int) -> Any:
    """G times the other vectors, summed to the shape of the one's own."""
    if axis == -1:
        return g[..., None] * other
    product = g[..., None] * np.moveaxis(other, axis, -1)
    return np.moveaxis(summed_to(product, moved_shape(mine.shape, axis)), -1, axis)


_VECDOT: list[Example] = [
    reals((3,), (3,)),
    reals((2, 3), (3,)),
    reals((2, 1, 3), (4, 3)),
    reals((3, 2), (4, 3, 2), axis=-2),
    reals((3,), (3, 2), axis=0),
]
VECDOT: Any = np.vecdot  # as Any: NumPy's types lack its axis
bilinear(
    VECDOT,
    lambda g, y, a, b, axis: vecdot_vjp(g, a, b, axis),
    lambda g, y, a, b, axis: vecdot_vjp(g, b, a, axis),
    params={"axis": -1},
    formulas=("{g} {b}", "{g} {a}"),
    examples=_VECDOT,
)
composed(
    np.linalg.vecdot,
    lambda x1, x2, axis=-1: VECDOT(x1, x2, axis=axis),
    examples=_VECDOT[:3],
)
if hasattr(np, "matvec"):  # since NumPy 2.2
    bilinear(
        np.matvec,
        lambda g, y, a, b: g[..., :, None] * b[..., None, :],
        lambda g, y, a, b: np.vecmat(g, a),
        formulas=("{g} {b}ᵀ", "{a}ᵀ {g}"),
        examples=[reals((2, 3), (3,)), reals((4, 2, 3), (3,)), reals((2, 3), (4, 3))],
    )
    bilinear(
        np.vecmat,
        lambda g, y, a, b: np.matvec(b, g),
        lambda g, y, a, b: a[..., :, None] * g[..., None, :],
        formulas=("{b} {g}", "{a} {g}ᵀ"),
        examples=[reals((2,), (2, 3)), reals((4, 2), (2, 3)), reals((2,), (4, 2, 3))],
    )
