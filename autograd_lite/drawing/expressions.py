"""Operations written as expressions of the values around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from autograd_lite.drawing.naming import number
from autograd_lite.drawing.notation import Expression, forward_expression
from autograd_lite.drawing.recorded import Op, Value

__all__ = ["constant", "expression", "name_inside"]


def expression(
    ops: Sequence[Op], written: Callable[[Value], str] = attrgetter("name")
) -> Expression:
    """What operations in one line compute, in terms of the values outside them as `written`."""
    inner: dict[Any, Expression] = {}
    for op in ops:
        operands = [inner.get(x) or _operand(x, written) for x in op.operands]
        scalar = any(not isinstance(x, Value) or x.shape == () for x in op.operands)
        inner[op.results[0]] = forward_expression(op.row, operands, op.params, scalar)
    return inner[ops[-1].results[0]]


def name_inside(ops: Sequence[Op]) -> None:
    """Name the results within one line by what they are written as: (XW₁) for X @ W1."""
    for n, op in enumerate(ops[:-1], 1):
        op.results[0].name = f"({expression(ops[:n]).text})"


def constant(x: Any) -> Any:
    """The number that an operand is, where it is written inside the operation's box; else None."""
    if not isinstance(x, Value):
        return x if isinstance(x, (int, float, np.generic)) else None
    if x.kind == "data" and not x.named and x.array is not None and np.size(x.array) == 1:
        return np.asarray(x.array).reshape(())[()]
    return None


def _operand(x: Any, written: Callable[[Value], str]) -> Expression:
    value = constant(x)
    if value is not None:
        return Expression(number(value))
    return Expression(written(x) if isinstance(x, Value) else str(x))
