"""Sums and means over axes, and what every reduction needs: axes back, counts, masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.broadcasting import count, expanded, view_of
from autograd_lite.graph import Tensor
from autograd_lite.rules.activations import stop_gradient
from autograd_lite.rules.arguments import masked, reduction
from autograd_lite.rules.examples import Example, given, reals
from autograd_lite.rules.shapes import broadcast

AXES = {"axis": None, "keepdims": False}
FIRST_AXIS = {"axis": 0, "keepdims": False}

# As Any: NumPy's types lack the positional form, which is the quickest.
ADD: Any = np.add.reduce

MASK = np.array([[True, False, True], [False, True, True]])


def stretched(g: Any, shape: tuple[int, ...]) -> Any:
    """g broadcast to `shape`: recorded where it is a tensor, else as a read-only view."""
    if g.shape == shape:
        return g
    return broadcast(g, shape) if isinstance(g, Tensor) else view_of(g, shape)


def counted(chosen: Any, axis: Any, dtype: Any) -> Any:
    """How many of every slice are chosen, axes kept, as a float of the dtype or of float32."""
    n = np.add.reduce(chosen, axis=axis, dtype=np.intp, keepdims=True)
    return n.astype(np.promote_types(dtype, np.float32))  # float16 adds ones up to 2048 only


def count_where(where: Any, x: Any, axis: Any, dtype: Any) -> Any:
    """How many elements of every slice a mask lets through, axes kept."""
    return counted(np.broadcast_to(where, x.shape), axis, dtype)


def number(n: int, dtype: Any) -> Any:
    """A count to divide by in this dtype: float16 ends at 65504."""
    return n if n <= 65504 or dtype != np.float16 else np.float32(n)


# --- sums and means


def sum_vjp(
    g: Any, y: Any, x: Any, where: Any = True, axis: Any = None, keepdims: bool = False, **_: Any
) -> Any:
    """g for every element that was summed."""
    g = stretched(expanded(g, x.shape, axis, keepdims), x.shape)
    return g if where is True else np.where(where, g, 0.0)


def mean_vjp(
    g: Any, y: Any, x: Any, where: Any = True, axis: Any = None, keepdims: bool = False, **_: Any
) -> Any:
    """g / n for every element of the mean of n."""
    g = expanded(g, x.shape, axis, keepdims)
    if where is True:
        return stretched(g / number(count(x.shape, axis), g.dtype), x.shape)
    n = count_where(where, x, axis, g.dtype)
    return np.where(where, stretched(g / n, x.shape), 0.0)


def _sum(
    x: Any,
    where: Any = True,
    axis: Any = None,
    keepdims: bool = False,
    dtype: Any = None,
    initial: Any = np._NoValue,
) -> Any:
    """np.sum, without its 1.4 µs of preliminaries."""
    return ADD(x, axis, dtype, None, keepdims, initial, where)


def _mean(
    x: Any, where: Any = True, axis: Any = None, keepdims: bool = False, dtype: Any = None
) -> Any:
    """np.mean, bit for bit, in a quarter of its time for everyday arguments."""
    usual = where is True and dtype is None and (axis is None or x.ndim)  # NumPy refuses the others
    if usual and x.dtype.char in "fd" and 0 < x.size < 1 << 24:
        total = ADD(x, axis, None, None, keepdims)
        n = count(x.shape, axis)
        if n:
            return total / n
    return np.mean(x, axis, dtype, None, keepdims, where=where)


def reals_over_axes(**kwargs: Any) -> list[Example]:
    """All forms of axis, keepdims and where."""
    return [
        reals((2, 3), **kwargs),
        reals((2, 3, 2), axis=(0, -1), **kwargs),
        reals((2, 3), axis=1, keepdims=True, **kwargs),
        reals((2, 3), axis=0, where=MASK, **kwargs),
        reals((2, 3), where=MASK[0], keepdims=True, **kwargs),
        reals((), **kwargs),
        reals((0, 3), axis=1, **kwargs),
        given(
            lambda rng: (np.asfortranarray(rng.standard_normal((3, 2)))[::-1],), axis=-2, **kwargs
        ),
    ]


reduction(
    np.sum,
    sum_vjp,
    kind="linear",
    fn=_sum,
    usual=AXES,
    rare=("dtype", "initial"),
    tangent_zeros=("initial",),
    formulas=("{g} · ones",),
    methods=("sum",),
    examples=[*reals_over_axes(), reals((0, 3), axis=0), reals((2, 3), axis=0, initial=2.0)],
)
reduction(
    np.add.reduce,
    sum_vjp,
    kind="linear",
    fn=_sum,
    name="sum",
    usual=FIRST_AXIS,
    rare=("dtype", "initial"),
    tangent_zeros=("initial",),
    formulas=("{g} · ones",),
    examples=[reals((2, 3)), reals((2, 3), axis=None), reals((2, 3), axis=(1,), keepdims=True)],
)
reduction(
    np.mean,
    mean_vjp,
    kind="linear",
    fn=_mean,
    usual=AXES,
    rare=("dtype",),
    methods=("mean",),
    formulas=("{g} · ones / {n}",),
    examples=reals_over_axes(),
)


# --- logarithms of sums


def shares(y: Any, x: Any, axis: Any, initial: Any = None) -> Any:
    """Each term's share of Σ exp(x) over `axis`, whose logarithm is y; 0 where all x are −inf.

    Divided by their own sum: a large y has lost the digits that exp(x − y) needs.
    """
    top = stop_gradient(np.where(np.isfinite(y), y, 0.0))
    terms = np.exp(x - top)
    total = np.add.reduce(terms, axis=axis, keepdims=True)
    if initial is not None:
        total = total + np.exp(initial - top)
    return terms / np.where(total == 0.0, 1.0, total)


def logaddexp_reduce_vjp(
    g: Any,
    y: Any,
    x: Any,
    where: Any = True,
    axis: Any = 0,
    keepdims: bool = False,
    initial: Any = None,
) -> Any:
    """g times each term's share of the sum of exponentials; 0 where that is empty."""
    if where is not True:
        x = np.where(where, x, -np.inf)
    share = shares(expanded(y, x.shape, axis, keepdims), x, axis, initial)
    return expanded(g, x.shape, axis, keepdims) * share


reduction(
    np.logaddexp.reduce,
    logaddexp_reduce_vjp,
    fn=masked(np.logaddexp.reduce),
    name="logaddexp_reduce",
    formulas=("{g} · exp({x} − {y})",),
    usual=FIRST_AXIS,
    rare=("initial",),
    examples=[reals((2, 3)), reals((2, 3), axis=None), reals((2, 3), axis=1, keepdims=True)],
)
