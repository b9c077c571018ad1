"""Products over axes, whose derivatives are exact with zeros, to any order."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.broadcasting import count, expanded
from autograd_lite.rules.arguments import reduction
from autograd_lite.rules.examples import given, reals
from autograd_lite.rules.reductions import AXES, FIRST_AXIS, reals_over_axes

# As Any: NumPy's types lack the positional form, which is the quickest.
MULTIPLY: Any = np.multiply.reduce


def others(x: Any, axis: Any) -> Any:
    """The product, for every element, of the others in its slice; exact with zeros, to any order.

    No division: the product of all before it times the product of all after it. Running
    products have a rule without divisions too.
    """
    if not x.size or not x.ndim:
        return np.ones(x.shape, x.dtype)
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    last = [a % x.ndim for a in axes]
    if len(last) == 1:
        return _others_along(x, last[0])
    order = [*(a for a in range(x.ndim) if a not in last), *last]
    moved = np.transpose(x, order)
    flat = np.reshape(moved, (*moved.shape[: x.ndim - len(last)], count(x.shape, tuple(last))))
    product = np.reshape(_others_along(flat, flat.ndim - 1), moved.shape)
    return np.transpose(product, [order.index(a) for a in range(x.ndim)])


def _others_along(x: Any, axis: int) -> Any:
    """`others` for one axis, which is not negative."""
    whole = (slice(None),) * axis
    backwards = (*whole, slice(None, None, -1))
    one = np.ones((*x.shape[:axis], 1, *x.shape[axis + 1 :]), x.dtype)
    before = np.concatenate([one, x[(*whole, slice(None, -1))]], axis=axis)
    after = np.concatenate([one, x[(*whole, slice(None, 0, -1))]], axis=axis)
    return np.multiply.accumulate(before, axis) * np.multiply.accumulate(after, axis)[backwards]


def prod_vjp(
    g: Any,
    y: Any,
    x: Any,
    where: Any = True,
    axis: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    **_: Any,
) -> Any:
    """g times the product of the others."""
    g = expanded(g, x.shape, axis, keepdims)
    if initial is not None:
        g = g * initial
    if where is True:
        return g * others(x, axis)
    return np.where(where, g * others(np.where(where, x, 1.0), axis), 0.0)


def _prod(
    x: Any,
    where: Any = True,
    axis: Any = None,
    keepdims: bool = False,
    dtype: Any = None,
    initial: Any = np._NoValue,
) -> Any:
    """np.prod, without its preliminaries."""
    return MULTIPLY(x, axis, dtype, None, keepdims, initial, where)


_WITH_ZEROS = given(lambda rng: (np.array([[0.0, 2.0, 3.0], [0.0, -1.0, 0.0]]),), axis=1)

reduction(
    np.prod,
    prod_vjp,
    fn=_prod,
    usual=AXES,
    rare=("dtype", "initial"),
    methods=("prod",),
    formulas=("{g} · Π of the other {x}",),
    examples=[
        *reals_over_axes(),
        reals((2, 3), axis=0, initial=2.0),
        reals((2, 2, 2), axis=(2, 0), keepdims=True),
        _WITH_ZEROS,
    ],
)
reduction(
    np.multiply.reduce,
    prod_vjp,
    fn=_prod,
    name="prod",
    usual=FIRST_AXIS,
    rare=("dtype", "initial"),
    formulas=("{g} · Π of the other {x}",),
    examples=[reals((2, 3)), reals((2, 3), axis=None, initial=2.0), _WITH_ZEROS],
)
