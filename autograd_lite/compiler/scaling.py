"""Scalings folded into the seed: alpha times each gradient is the gradient of alpha times L.

A program that multiplies each gradient by the same number can multiply the cotangent that they all
come from, which is far smaller. Going back from the products, a value is wanted scaled where all
its uses want it so, through steps that are linear in it; the number is multiplied in where that
ends. Products come out in another order of multiplication, so the last bit may differ.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.compiler.ir import Const, Graph, Step, Value, users
from autograd_lite.compiler.simplify import Simplifier, pruned
from autograd_lite.table import TABLE

__all__ = ["fold_scalings"]


def fold_scalings(graph: Graph) -> Graph:
    """The graph with each number that scales many values moved to where it scales least."""
    factors: dict[Any, list[Step]] = {}
    for step in graph.steps:
        if isinstance(step, Step) and (found := _scaling(step)) is not None:
            factors.setdefault(_key(found[0]), []).append(step)
    for products in factors.values():
        if len(products) > 1 or _is_worth_a_look(products[0]):
            graph = _folded(graph, products)
    return graph


def _is_worth_a_look(product: Step) -> bool:
    return product.size >= 64


def _key(s: Any) -> Any:
    return s if isinstance(s, Value) else (type(s.array), s.array)


def _scaling(step: Step) -> tuple[Any, Value] | None:
    """(number, array) of a product of the two."""
    if step.op is not TABLE[np.multiply] or not step.shape or step.dtype.kind != "f":
        return None
    for s, x in (step.operands, step.operands[::-1]):
        number = (isinstance(s, Value) and s.weak) or (isinstance(s, Const) and s.is_number)
        if number and isinstance(x, Step) and x.shape == step.shape and x.dtype == step.dtype:
            return s, x
    return None


def _folded(graph: Graph, products: list[Step]) -> Graph:
    """The graph with a number, that these products multiply by, moved if that is less."""
    pair = _scaling(products[0])
    assert pair is not None
    number, chosen = pair[0], set(products)
    if any(x in chosen for p in products for x in p.operands):
        return graph  # a number squared is no one factor
    used_by = users(graph)
    carried = _carried(graph, chosen, used_by)
    before = sum(p.size for p in products)
    after = sum(x.size for x in _ends(graph, chosen, carried))
    return _moved(graph, number, chosen, carried) if after < before else graph


def _carried(graph: Graph, products: set[Step], used_by: dict[Value, list[Any]]) -> dict[Step, int]:
    """The steps wanted scaled alone, each with the operand that may carry it, or −1."""
    carried: dict[Step, int] = {}
    for step in reversed(graph.steps):
        if not isinstance(step, Step) or step not in used_by or step in products:
            continue
        if all(_wants_scaled(u, step, products, carried) for u in used_by[step]):
            carried[step] = _carrier(step)
    return carried


def _wants_scaled(
    user: Any, x: Step, products: set[Step], carried: dict[Step, int]
) -> bool:  # fmt: skip
    if user in products:
        pair = _scaling(user)
        return pair is not None and pair[1] is x
    place = carried.get(user, -1)
    return place >= 0 and user.operands[place] is x and user.operands.count(x) == 1


_LINEAR = frozenset(
    {"transpose", "ravel", "squeeze", "reshape", "negative", "sum", "broadcast_to", "swapaxes"}
)
_BILINEAR = frozenset({"dot", "matmul", "multiply"})


def _carrier(step: Step) -> int:
    """The operand through which a factor may come: the newest array, which a sweep has made."""
    if step.op.name in _LINEAR and step.params.get("initial") is None and len(step.operands) == 1:
        return 0 if isinstance(step.operands[0], Step) else -1
    if step.op.name in _BILINEAR:
        arrays = [isinstance(x, Step) and x.dtype.kind == "f" for x in step.operands]
        if step.op.name == "multiply":
            return arrays.index(True) if any(arrays) else -1
        if all(arrays):  # (Aᵀ, Z_grad) or (Z_grad, Wᵀ): the one that is no transposed argument
            return 0 if step.operands[1].op.name == "transpose" else 1
        return arrays.index(True) if any(arrays) else -1
    return -1


def _ends(graph: Graph, products: set[Step], carried: dict[Step, int]) -> list[Value]:
    """Where the number has to be multiplied in after all: operands, and results of other steps."""
    ends: dict[Value, None] = {}
    for step in graph.steps:
        if isinstance(step, Step) and step in carried:
            x = step.operands[carried[step]] if carried[step] >= 0 else step
            if x is step or x not in carried:
                ends[x] = None
    return list(ends) + [p for p in products if (_scaling(p) or (0, p))[1] not in carried]


def _moved(graph: Graph, number: Any, products: set[Step], carried: dict[Step, int]) -> Graph:
    simplifier = _Scaled(number, products, carried)
    for value in graph.steps:
        simplifier.add(value)
    outputs = [simplifier.new(y) for y in graph.outputs]
    return pruned(Graph(graph.inputs, simplifier.steps, outputs))


class _Scaled(Simplifier):
    """Makes the steps anew, those that are carried scaled."""

    def __init__(self, number: Any, products: set[Step], carried: dict[Step, int]) -> None:
        super().__init__()
        self.number, self.products, self.carried = number, products, carried

    def add(self, value: Value) -> None:
        """Make a step of the old graph anew."""
        if value in self.products and isinstance(value, Step):
            pair = _scaling(value)
            if pair is not None and pair[1] in self.carried:
                self._new[value] = self.new(pair[1])
                return
        super().add(value)
        if not isinstance(value, Step) or value not in self.carried:
            return
        place = self.carried[value]
        if place < 0:
            self._new[value] = self._scaled(self._new[value], value)
        elif value.operands[place] not in self.carried:
            operands = [self.new(x) for x in value.operands]
            operands[place] = self._scaled(operands[place], value.operands[place])
            self._new[value] = self.step(value, tuple(operands))

    def _scaled(self, x: Any, like: Step) -> Any:
        """x times the number, made once."""
        made = Step(like.shape, like.dtype, name=like.name, op=TABLE[np.multiply],
                    operands=(x, self.new(self.number)), silent=like.silent,
                    note="scaled, and all that follows from it")  # fmt: skip
        return self._once(("scaled", x), made)
