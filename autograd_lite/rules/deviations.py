"""Variance and standard deviation, with masks and without NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.rules.arguments import masked, reduction
from autograd_lite.rules.examples import Example, reals
from autograd_lite.rules.missing import some_nan, without_nan
from autograd_lite.rules.reductions import (
    ADD,
    count,
    count_where,
    expanded,
)

_USUAL = {"axis": None, "ddof": 0, "keepdims": False}
_MASK = np.array([[True, False, True, True], [True, True, True, False]])


def deviations(x: Any, where: Any, axis: Any, dtype: Any) -> tuple[Any, Any]:
    """(x − its mean, the number of elements of a slice); 0 where a mask hides x."""
    if where is True:
        n: Any = count(x.shape, axis)
        return x - np.add.reduce(x, axis=axis, dtype=dtype, keepdims=True) / n, n
    n = count_where(where, x, axis, x.dtype)
    x = np.where(where, x, 0.0)
    mean = np.add.reduce(x, axis=axis, dtype=dtype, keepdims=True) / n
    return np.where(where, x - mean, 0.0), n


def degrees_of_freedom(n: Any, ddof: Any) -> Any:
    """n − ddof; nan where nothing is left."""
    if isinstance(n, int):
        return n - ddof if n > ddof else np.nan
    return np.where(n > ddof, n - ddof, np.nan)


def var_vjp(
    g: Any,
    y: Any,
    x: Any,
    where: Any = True,
    axis: Any = None,
    ddof: Any = 0,
    keepdims: bool = False,
    dtype: Any = None,
) -> Any:
    """2 g (x − mean) / (n − ddof)."""
    deviation, n = deviations(x, where, axis, dtype)
    g = expanded(g, x.shape, axis, keepdims)
    return 2.0 * g / degrees_of_freedom(n, ddof) * deviation


def std_vjp(
    g: Any,
    y: Any,
    x: Any,
    where: Any = True,
    axis: Any = None,
    ddof: Any = 0,
    keepdims: bool = False,
    dtype: Any = None,
) -> Any:
    """g (x − mean) / ((n − ddof) y); 0 where all elements are equal, and nan in the next order."""
    deviation, n = deviations(x, where, axis, dtype)
    # by comparison: rounding makes the deviations of [0.1, 0.1, 0.1], and so y, a little off 0
    flat = _extreme(np.maximum.reduce, x, where, axis, -np.inf) == _extreme(
        np.minimum.reduce, x, where, axis, np.inf
    )
    y = np.where(flat, 0.0, expanded(y, x.shape, axis, keepdims))
    slope = np.where(flat, 0.0, deviation / y)
    return expanded(g, x.shape, axis, keepdims) / degrees_of_freedom(n, ddof) * slope


def _extreme(reduce: Any, x: Any, where: Any, axis: Any, start: float) -> Any:
    """The largest or smallest element of each slice, `start` in an empty one; axes kept."""
    if where is not True:
        x = np.where(where, x, start)
    return reduce(x, axis=axis, keepdims=True, initial=start)


def _var(
    x: Any,
    where: Any = True,
    axis: Any = None,
    ddof: Any = 0,
    keepdims: bool = False,
    dtype: Any = None,
) -> Any:
    """np.var, bit for bit, in half its time for everyday arguments."""
    if where is True and dtype is None and x.dtype.char in "fd" and isinstance(ddof, int):
        total = ADD(x, axis, None, None, True)
        n = count(x.shape, axis)
        if ddof < n < 1 << 24:
            deviation = x - total / n
            return ADD(deviation * deviation, axis, None, None, keepdims) / (n - ddof)
    return np.var(x, axis, dtype, None, ddof, keepdims, where=where)


def _std(x: Any, where: Any = True, **params: Any) -> Any:
    """np.std, bit for bit."""
    return np.sqrt(_var(x, where, **params))


def _examples() -> list[Example]:
    return [
        reals((2, 3)),
        reals((2, 3, 2), axis=(0, -1), ddof=1),
        reals((2, 3), axis=1, keepdims=True, correction=1),
        reals((2, 4), axis=1, where=_MASK, ddof=1),
        reals((2, 4), where=_MASK[:1], keepdims=True),
        reals((0, 3), axis=1),
    ]


for _key, _function, _rule, _method in (
    (np.var, _var, var_vjp, "var"),
    (np.std, _std, std_vjp, "std"),
):
    reduction(
        _key,
        _rule,
        fn=_function,
        usual=_USUAL,
        rare=("dtype",),
        methods=(_method,),
        examples=_examples(),
    )
for _key, _rule in ((np.nanvar, var_vjp), (np.nanstd, std_vjp)):
    reduction(
        _key,
        without_nan(_rule),
        fn=masked(_key),
        usual=_USUAL,
        rare=("dtype",),
        examples=[
            reals((2, 3), axis=0),
            some_nan(2, 4),
            some_nan(2, 4, axis=1, ddof=1, keepdims=True),
            some_nan(2, 5, axis=1, where=np.array([True, True, False, True, True])),
        ],
    )
