"""Algebra that reorders arithmetic: the same numbers but for the last bits, in less time.

Factors in a row become one; sums over columns become products with a vector of ones; the sum of a
product becomes an inner product.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.compiler.ir import Const, Graph, Step, Value, sources
from autograd_lite.compiler.simplify import RULES, Simplifier, pruned
from autograd_lite.table import TABLE

__all__ = ["reordered"]

#: Of float32, longer inner products lose digits that pairwise sums keep; the product of large
#: arrays is better made in the pieces of a chain.
LONGEST = {"f": 1 << 14, "d": 1 << 15}


def reordered(graph: Graph) -> Graph:
    """The graph with sums and factors in a quicker order."""
    simplifier = _Reordering(graph)
    for value in graph.steps:
        simplifier.add(value)
    outputs = [simplifier.new(y) for y in graph.outputs]
    return pruned(Graph(graph.inputs, simplifier.steps, outputs))


class _Reordering(Simplifier):
    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.rules = {**RULES, **{TABLE[key]: rule for key, rule in _REORDERING.items()}}
        self.uses: dict[str, int] = {}
        uses: dict[Any, int] = {}
        for step in graph.steps:
            for x in dict.fromkeys(sources(step)):
                uses[x] = uses.get(x, 0) + 1
        for y in graph.outputs:
            uses[y] = uses.get(y, 0) + 1
        self._uses = uses
        self.once: set[Any] = set()

    def add(self, value: Value) -> None:
        """Make a step of the old graph anew."""
        super().add(value)
        if self._uses.get(value) == 1:
            self.once.add(self._new[value])


def _sum(simplifier: Simplifier, step: Step) -> Any:
    """Columns summed by a product with ones; the sum of a product as an inner product."""
    x = step.operands[0]
    plain = len(step.operands) == 1 and step.params.keys() <= {"axis", "keepdims"}
    if not (plain and isinstance(x, Value) and x.dtype.char in "fd" and x.size) or x.weak:
        return None
    if step.dtype != x.dtype:
        return None
    axis, keepdims = step.params.get("axis"), step.params.get("keepdims", False)
    if axis in (0, (0,)) and len(x.shape) == 2 and not keepdims and step.shape == x.shape[1:]:
        if x.shape[0] == 1:
            return simplifier.step(
                step, (x,), op=TABLE[np.reshape], params={"shape": step.shape, "order": "C"}
            )
        ones = Const(np.ones(x.shape[0], x.dtype))
        return simplifier.step(step, (ones, x), op=TABLE[np.dot], params={})
    whole = axis is None or (isinstance(axis, tuple) and len(axis) == len(x.shape))
    if whole and not step.shape and _is_plain_product(simplifier, x):
        return simplifier.step(step, x.operands, op=TABLE[np.vdot], params={})  # type: ignore[attr-defined]
    return None


def _is_plain_product(simplifier: Any, x: Value) -> bool:
    return (
        isinstance(x, Step)
        and x.op is TABLE[np.multiply]
        and x in simplifier.once
        and 0 < x.size <= LONGEST[x.dtype.char]
        and all(_matches(o, x) for o in x.operands)
    )


def _matches(o: Any, x: Value) -> bool:
    if isinstance(o, Const):
        return isinstance(o.array, np.ndarray) and (o.array.shape, o.array.dtype) == (
            x.shape,
            x.dtype,
        )
    return (o.shape, o.dtype) == (x.shape, x.dtype)


def _doubled(simplifier: Simplifier, step: Step) -> Any:
    """x + x as 2·x, which is exact."""
    a, b = step.operands
    if a is b and step.shape and step.dtype.kind == "f" and isinstance(a, Value):
        return simplifier.step(step, (a, Const(2.0)), op=TABLE[np.multiply])
    found = RULES.get(step.op)
    return found(simplifier, step) if found else None


def _factors(simplifier: Simplifier, step: Step) -> Any:
    """(x·c)·d as x·(c·d) for numbers c and d."""
    pair = _numbered(step)
    if pair is not None and step.shape and step.dtype.char in "fd":
        x, d = pair
        inner = _numbered(x) if isinstance(x, Step) and x.op is step.op else None
        if inner is not None and x.dtype == step.dtype and isinstance(inner[0], Value):
            product = float(np.float64(inner[1]) * np.float64(d))
            if product == 1.0 and inner[0].dtype == step.dtype and not inner[0].weak:
                return inner[0]
            if np.isfinite(product) and product:
                return simplifier.step(step, (inner[0], Const(product)))
    found = RULES[step.op]
    return found(simplifier, step)


def _numbered(step: Step) -> tuple[Any, float] | None:
    """(x, c) of a product of x, an array, and a number c that does not change."""
    for c, x in (step.operands, step.operands[::-1]):
        if isinstance(c, Const) and np.ndim(c.array) == 0 and isinstance(x, Value) and x.shape:
            kind = isinstance(c.array, np.generic) and c.array.dtype == step.dtype
            if (c.is_number and not isinstance(c.array, bool)) or kind:
                return x, float(c.array)
    return None


def _power(simplifier: Simplifier, step: Step) -> Any:
    """x**2 as NumPy's own x**2 has it: a square."""
    x, n = step.operands
    if not (isinstance(x, Value) and x.shape and isinstance(n, Const) and n.is_number):
        return None
    if n.array == 1 and (x.shape, x.dtype) == (step.shape, step.dtype):
        return x
    return simplifier.step(step, (x,), op=TABLE[np.square]) if n.array == 2 else None


_REORDERING: dict[Any, Any] = {
    np.sum: _sum, np.add.reduce: _sum, np.add: _doubled, np.multiply: _factors, np.power: _power,
}  # fmt: skip
