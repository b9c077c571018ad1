"""Which steps write where: a plan of few arrays that all intermediate results share.

A step's array is free again after the last step that reads it, or anything that shows its memory.
An elementwise step writes over an operand that it reads last. What a program returns is never
planned: results are fresh arrays.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Any, NamedTuple

from autograd_lite.compiler.ir import Graph, Step, Value, sources

__all__ = ["Plan", "planned"]


class Slot(NamedTuple):
    """A piece of memory, as an array of one shape: so many bytes of the storage."""

    storage: int
    shape: tuple[int, ...]
    dtype: Any


class Plan:
    """The arrays that steps write into."""

    def __init__(self) -> None:
        self.sizes: list[tuple[Any, int]] = []  # dtype and number of elements of each storage
        self.slots: dict[Slot, int] = {}
        self.of: dict[Value, Slot] = {}  # what a step writes into
        self.over: dict[Value, Value] = {}  # the operand that a step writes over

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays together."""
        return sum(dtype.itemsize * n for dtype, n in self.sizes)


Writable = Callable[[Step], tuple[bool, bool]]


def planned(graph: Graph, writable: Writable, returned: set[Value]) -> Plan:
    """The plan for a graph; `writable(step)`: whether it takes out=, and may do so in place."""
    plan = Plan()
    roots = _roots(graph, writable)
    last = _last_uses(graph, roots)
    held: dict[Value, int] = {}  # the storage of a root
    free = _Free(plan)
    later = _later(graph)
    for i, step in enumerate(graph.steps):
        dying = [
            x for x in dict.fromkeys(_all_roots(step, roots)) if last.get(x) == i and x in held
        ]
        if isinstance(step, Step) and step not in returned and roots[step] == {step}:
            takes, in_place = writable(step)
            if takes and step.shape and step.size:
                over = _overwritten(step, dying, plan) if in_place else None
                if over is not None:
                    storage = held.pop(over)
                    plan.over[step] = over
                    dying.remove(over)
                else:
                    storage = free.take(step, later[i])
                held[step] = storage
                slot = Slot(storage, tuple(step.shape), step.dtype)
                plan.of[step] = slot
                plan.slots.setdefault(slot, len(plan.slots))
        for root in dying:
            free.add(held.pop(root))
        if step in held and last.get(step, i) == i:
            free.add(held.pop(step))
    return plan


def _roots(graph: Graph, writable: Writable) -> dict[Value, set[Value]]:
    """The values whose memory each value may show: its own, or its operands'."""
    roots: dict[Value, set[Value]] = {x: {x} for x in graph.inputs}
    for step in graph.steps:
        owns = isinstance(step, Step) and (
            writable(step)[0] or step.op.kind == "elementwise" or step.op.name in OWN
        )
        if owns or not list(sources(step)):
            roots[step] = {step}
        else:
            shown = [roots.get(x, {x}) for x in sources(step)]
            roots[step] = set().union(*shown)
    return roots


#: Rows whose result is an array of its own.
OWN = frozenset(
    {"sum", "dot", "matmul", "max", "min", "prod", "mean", "astype", "copy", "stack",
     "concatenate", "float", "where", "loss_of_weights", "loss_of_rows", "scatter", "gather", "put",
     "einsum", "outer", "inner", "vdot", "tensordot", "largest_of_columns", "in_order"}
)  # fmt: skip


def _all_roots(step: Value, roots: dict[Value, set[Value]]) -> list[Value]:
    found: list[Value] = []
    for x in sources(step):
        found += roots.get(x, {x})
    return found


def _last_uses(graph: Graph, roots: dict[Value, set[Value]]) -> dict[Value, int]:
    last: dict[Value, int] = {}
    for i, step in enumerate(graph.steps):
        for root in (*_all_roots(step, roots), *roots[step]):
            last[root] = i
    for y in graph.outputs:
        for root in roots.get(y, ()):
            last[root] = len(graph.steps)
    return last


def _overwritten(step: Step, dying: list[Value], plan: Plan) -> Value | None:
    """An operand that this step may write over: read last here, of the same shape and dtype."""
    for x in step.operands:
        if x in dying and x in plan.of and (x.shape, x.dtype) == (step.shape, step.dtype):
            return x  # type: ignore[no-any-return]
    return None


#: How many times larger a storage may be than what it holds, from so many elements on.
WASTE, LEAST = 4, 1024


def _later(graph: Graph) -> list[int]:
    """For every step, the number of elements of the largest later one of its dtype."""
    largest: dict[Any, int] = {}
    found = []
    for step in reversed(graph.steps):
        if not isinstance(step, Step) or step.op.n_outputs is not None:
            found.append(0)
            continue
        found.append(largest.get(step.dtype, 0))
        largest[step.dtype] = max(found[-1], step.size)
    return found[::-1]


class _Free:
    """The storages that nothing is held in, by dtype, the smallest first."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._by_dtype: dict[Any, list[tuple[int, int]]] = {}

    def add(self, storage: int) -> None:
        """A storage that is free again."""
        dtype, size = self.plan.sizes[storage]
        insort(self._by_dtype.setdefault(dtype, []), (size, storage))

    def take(self, step: Step, later: int) -> int:
        """The smallest that holds a step's array; else the largest, grown; else a new one.

        A new one, too, where the smallest is far larger, and `later` elements will be wanted: a
        vector must not hold the memory that a matrix could have.
        """
        sizes, free = self.plan.sizes, self._by_dtype.get(step.dtype, [])
        at = min(bisect_left(free, (step.size, -1)), len(free) - 1)
        if not free or min(free[at][0], later) > WASTE * max(step.size, LEAST):
            sizes.append((step.dtype, step.size))
            return len(sizes) - 1
        size, storage = free.pop(at)
        sizes[storage] = (step.dtype, max(size, step.size))
        return storage
