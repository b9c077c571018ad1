"""Sums, means, products and extremes that skip NaN: masked reductions, with NaN as the mask."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.rules.arguments import masked, reduction
from autograd_lite.rules.examples import Example, given, spread
from autograd_lite.rules.extremes import EXTREME, extreme_vjp
from autograd_lite.rules.products import prod_vjp
from autograd_lite.rules.reductions import AXES, mean_vjp, sum_vjp
from autograd_lite.table import Rule


def valid(x: Any, where: Any) -> Any:
    """The mask of what is no nan, and is let through by `where`."""
    present = ~np.isnan(x)
    return present if where is True else present & where


def without_nan(rule: Rule) -> Rule:
    """A reduction's rule for the function that skips nan: nan counts as masked."""

    def vjp(g: Any, y: Any, x: Any, where: Any = True, *rest: Any, **params: Any) -> Any:
        return rule(g, y, x, valid(x, where), *rest, **params)

    return vjp


def some_nan(*shape: int, **kwargs: Any) -> Example:
    """Numbers no two of which are near, the first of the last axis nan."""

    def build(rng: np.random.Generator) -> tuple[Any, ...]:
        (x,), _ = spread(shape)(rng)
        x[..., 0] = np.nan
        return (x,)

    return given(build, **kwargs)


_NUMBERS = "[{x} is a number]"
for _key, _rule, _rare, _formula in (
    (np.nansum, sum_vjp, ("dtype", "initial"), f"{{g}} · {_NUMBERS}"),
    (np.nanmean, mean_vjp, ("dtype",), f"{{g}} · {_NUMBERS} / Σ {_NUMBERS}"),
    (np.nanprod, prod_vjp, ("dtype", "initial"), f"{{g}} · Π of the other {{x}} ⊙ {_NUMBERS}"),
    (np.nanmax, extreme_vjp, ("initial",), EXTREME),
    (np.nanmin, extreme_vjp, ("initial",), EXTREME),
):
    _initial = {"initial": 0.01} if "initial" in _rare else {}
    reduction(
        _key,
        without_nan(_rule),
        fn=masked(_key),
        usual=AXES,
        rare=_rare,
        formulas=(_formula,),
        examples=[
            spread((2, 3), axis=0),
            some_nan(2, 3),
            some_nan(2, 3, 2, axis=(0, -1)),
            some_nan(2, 3, axis=1, keepdims=True),
            some_nan(3, 3, axis=1, where=np.array([True, True, False]), **_initial),
        ],
    )
