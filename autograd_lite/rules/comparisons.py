"""Comparisons, logic and tests: recorded when a program is traced; no gradient passes."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_lite.rules.examples import between, given, integers, spread
from autograd_lite.table import elementwise

#: (ufunc, its operator's methods, the operator)
_COMPARISONS: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
    (np.greater, "__gt__", operator.gt),
    (np.greater_equal, "__ge__", operator.ge),
    (np.less, "__lt__", operator.lt),
    (np.less_equal, "__le__", operator.le),
    (np.equal, "__eq__", operator.eq),
    (np.not_equal, "__ne__", operator.ne),
)
_LOGIC: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (np.bitwise_and, ("__and__", "__rand__")),
    (np.bitwise_or, ("__or__", "__ror__")),
    (np.bitwise_xor, ("__xor__", "__rxor__")),
    (np.logical_and, ()),
    (np.logical_or, ()),
    (np.logical_xor, ()),
)
_NEGATIONS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (np.invert, ("__invert__",)),
    (np.logical_not, ()),
)
for _ufunc, _method, _fn in _COMPARISONS:
    elementwise(_ufunc, None, None, fn=_fn, methods=(_method,), examples=[spread((3, 1), (4,))])
for _ufunc, _methods in _LOGIC:
    _example = given(lambda rng: (rng.random((3, 1)) < 0.5, rng.random(4) < 0.5))
    elementwise(_ufunc, None, None, methods=_methods, examples=[_example])
for _ufunc, _methods in _NEGATIONS:
    _example = given(lambda rng: (rng.random(3) < 0.5,))
    elementwise(_ufunc, None, methods=_methods, examples=[_example])
for _ufunc in (np.left_shift, np.right_shift, np.gcd, np.lcm):
    elementwise(_ufunc, None, None, examples=[integers(0, 9, (3, 1), (4,))])
for _ufunc in (np.isnan, np.isinf, np.isfinite, np.signbit):
    elementwise(_ufunc, None, examples=[between(-2, 2, (3,))])
elementwise(np.bitwise_count, None, examples=[integers(0, 9, (3,))])
