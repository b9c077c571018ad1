"""Maxima and minima over axes: ties share evenly."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.broadcasting import expanded
from autograd_lite.rules.arguments import reduction
from autograd_lite.rules.examples import spread
from autograd_lite.rules.reductions import AXES, FIRST_AXIS, MASK, counted


def evenly(g: Any, y: Any, x: Any, axis: Any, where: Any = True, rivals: Any = None) -> Any:
    """g shared evenly among the elements of each slice equal to y, or the nans where y is nan.

    g and y have the reduced axes; `rivals` counts what else is equal to y and takes its share.
    """
    chosen = (x == y) | (x != x)  # a nan in a slice makes y nan, and nothing is equal to that
    if where is not True:
        chosen = chosen & where
    n = counted(chosen, axis, g.dtype)
    return np.where(chosen, g / (n if rivals is None else n + rivals), 0.0)


def extreme_vjp(
    g: Any,
    y: Any,
    x: Any,
    where: Any = True,
    axis: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    **_: Any,
) -> Any:
    """g shared evenly among the elements equal to y; all of it to the nans where y is nan."""
    y = expanded(y, x.shape, axis, keepdims)
    rivals = None if initial is None else y == initial
    return evenly(expanded(g, x.shape, axis, keepdims), y, x, axis, where, rivals)


#: The formula of the rule: all that are equal to the extreme share alike.
EXTREME = "{g} · [{x} = {y}] / Σ [{x} = {y}]"


def _extreme(reduce: Any) -> Any:
    """np.max or np.min, given the reduction that it is, without its preliminaries."""

    def extreme(
        x: Any,
        where: Any = True,
        axis: Any = None,
        keepdims: bool = False,
        initial: Any = np._NoValue,
    ) -> Any:
        return reduce(x, axis, None, None, keepdims, initial, where)

    return extreme


for _function, _ufunc, _method in ((np.max, np.maximum, "max"), (np.min, np.minimum, "min")):
    for _key, _defaults, _methods in (
        (_function, AXES, (_method,)),
        (getattr(np, "a" + _method), AXES, ()),
        (_ufunc.reduce, FIRST_AXIS, ()),
    ):
        reduction(
            _key,
            extreme_vjp,
            fn=_extreme(_ufunc.reduce),
            name=_method,
            usual=_defaults,
            rare=("initial",),
            methods=_methods,
            formulas=(EXTREME,),
            examples=[
                spread((2, 3)),
                spread((2, 3, 2), axis=(0, -1)),
                spread((2, 3), axis=1, keepdims=True),
                spread((2, 3), axis=0, where=MASK, initial=0.01),
                spread((0, 3), axis=1),
                spread(()),
            ],
        )
