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
    g = _cotangent(g, a.shape[axisa] == b.shape[axisb] == 2, axisc)
    product = np.cross(_in_space(b, axisb), g)[..., : a.shape[axisa]]
    return np.moveaxis(summed_to(product, moved_shape(a.shape, axisa)), -1, axisa)


def cross_vjp_right(
    g: Any, y: Any, a: Any, b: Any, axisa: int, axisb: int, axisc: int, axis: Any
) -> Any:
    """G × A, summed to B's shape."""
    axisa, axisb, axisc = _cross_axes(axisa, axisb, axisc, axis)
    g = _cotangent(g, a.shape[axisa] == b.shape[axisb] == 2, axisc)
    product = np.cross(g, _in_space(a, axisa))[..., : b.shape[axisb]]
    return np.moveaxis(summed_to(product, moved_shape(b.shape, axisb)), -1, axisb)


def _in_space(vectors: Any, axis: int) -> Any:
    """Vectors of three elements along the last axis; those of two lie in the plane."""
    vectors = np.moveaxis(vectors, axis, -1)
    if vectors.shape[-1] == 3:
        return vectors
    third = np.zeros((*vectors.shape[:-1], 1), vectors.dtype)
    return np.concatenate([vectors, third], -1)


def _cotangent(g: Any, plane: bool, axis: int) -> Any:
    """A cross product's cotangent as vectors of three elements along the last axis.

    Of two vectors in a plane the product is a number: its third element.
    """
    if not plane:
        return np.moveaxis(g, axis, -1)
    return np.concatenate([np.zeros((*g.shape, 2), g.dtype), g[..., None]], -1)


_CROSSED = [
    reals((3,), (3,)),
    reals((2, 3), (3,)),
    reals((2, 1, 3), (4, 3)),
]
bilinear(
    np.cross,
    cross_vjp_left,
    cross_vjp_right,
    params={"axisa": -1, "axisb": -1, "axisc": -1, "axis": None},
    formulas=("{b} × {g}", "{g} × {a}"),
    examples=[
        *_CROSSED,
        reals((3, 2), (2, 3), axisa=0, axisc=0),
        reals((3, 2), (4, 3, 2), axis=-2),
        reals((3, 2), (5, 2, 3), axisa=0, axisc=1),
    ],
)


def _cross_in_space(x1: Any, x2: Any, axis: int = -1) -> Any:
    if x1.shape[axis] != 3 or x2.shape[axis] != 3:
        raise ValueError(
            f"np.linalg.cross: {x1.shape} × {x2.shape} along axis {axis}; expected vectors of 3 "
            "elements, so append a zero to those of 2"
        )
    return np.cross(x1, x2, axis=axis)


composed(
    np.linalg.cross,
    _cross_in_space,
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
