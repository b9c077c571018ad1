"""The graph's nodes, and the reverse sweep over them.

A node holds the row of the table that made it, its parents and only what the row's rules read. A
creation counter is the topological order: the sweep takes nodes newest first from a heap, without
recursion, and drops every cotangent once it is consumed. No reference cycle is ever made: a leaf's
node holds its Tensor weakly.
"""

from __future__ import annotations

from _heapq import heappop, heappush  # what heapq takes them from, 0.4 ms sooner
from _weakref import ref  # what weakref.ref is, 0.7 ms sooner
from collections.abc import Callable, Container, Iterable, Sequence
from itertools import count
from typing import Any

import numpy as np

from autograd_lite.broadcasting import fitted
from autograd_lite.changes import LATEST, Changes, owner
from autograd_lite.floats import ERRORS, IGNORED
from autograd_lite.parts import whole
from autograd_lite.table import Plan, Primitive

__all__ = [
    "IRREGULAR",
    "PICK",
    "PICK_OF_INTS",
    "Leaf",
    "Node",
    "Primal",
    "Recorded",
    "Stub",
    "ancestors",
    "merged",
    "next_order",
    "own",
    "refuse_freed",
    "stub",
    "sweep",
]

#: The creation counter: a number larger than that of every node so far.
next_order = count(1).__next__
_NO_PARAMS: dict[str, Any] = {}


class Node:
    """One recorded operation: what the sweep, the pictures and the compiler know of it."""

    __slots__ = ("dtype", "info", "inputs", "order", "params", "plan", "saved", "shape")

    def __init__(
        self,
        plan: Any,
        inputs: tuple[Any, ...],
        saved: Any,
        params: dict[str, Any],
        shape: Any,
        dtype: Any,
        info: dict[str, Any] | None = None,
    ) -> None:
        self.plan = plan  # None for a leaf
        self.inputs = inputs  # a Node, a Stub, a number, or an array that is saved anyway, each
        self.saved = saved  # (y, *inputs), None where no rule reads it
        self.params = params
        self.order: int = next_order()
        self.shape = shape  # a tuple of them for a row with several results, like dtype
        self.dtype = dtype
        self.info = info  # name, line, scope, kept values: only where there is something to keep

    @property
    def tracked(self) -> bool:
        """Whether gradients pass through the node; not so for what only a trace recorded."""
        return self.plan is None or bool(self.plan.edges)

    @property
    def ndim(self) -> int:
        """Number of axes of the value."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements of the value."""
        n = 1
        for length in self.shape:
            n *= length
        return n

    @property
    def name(self) -> str | None:
        """The name given to the value, if any."""
        return self.info.get("name") if self.info else None

    def note(self, **facts: Any) -> None:
        """Add to what is remembered of this node."""
        self.info = {**self.info, **facts} if self.info else facts

    def free(self) -> None:
        """Let go of the arrays that the rules read."""
        self.saved = FREED
        if self.order > IRREGULAR[0]:
            IRREGULAR[0] = self.order
        if len(self.plan.edges) < len(self.inputs):
            self.inputs = tuple([stub(v) if type(v) is np.ndarray else v for v in self.inputs])


class Leaf(Node):
    """A node that gradients are wanted for and that no operation made."""

    __slots__ = ("__weakref__", "changed", "stale", "tensor")

    def __init__(self, tensor: Any, shape: Any, dtype: Any) -> None:
        self.plan = self.saved = None
        self.inputs = ()
        self.params = _NO_PARAMS
        self.order = next_order()
        self.shape = shape
        self.dtype = dtype
        name = tensor._name
        self.info = None if name is None else {"name": name}  # pictures outlive tensors
        self.tensor = ref(tensor)
        self.changed = 0  # when its array was last changed in place, on the creation counter
        self.stale: Any = None  # that array

    @property
    def name(self) -> str | None:
        """The name of the leaf's Tensor."""
        tensor = self.tensor()
        return super().name if tensor is None else tensor.name


class Primal(Leaf):
    """The leaf that a transform makes of an argument: the function may give its name away."""

    __slots__ = ()


class Recorded(Node):
    """A node whose maker sets every attribute: a call of `__init__` costs as much as all that."""

    __slots__ = ()
    __init__ = object.__init__


class Stub:
    """What a node remembers of an input that gradients do not pass: enough to draw and to name."""

    __slots__ = ("dtype", "name", "ref", "shape")

    def __init__(self, value: Any, tensor: Any) -> None:
        self.shape = value.shape
        self.dtype = value.dtype
        if tensor is None:
            self.name = None
            self.ref = None if isinstance(value, np.generic) else ref(value)
        else:
            self.name = tensor.name
            self.ref = ref(tensor)

    ndim = Node.ndim
    size = Node.size


def stub(value: Any, tensor: Any = None) -> Any:
    """What to remember of a value: itself, where it is a number."""
    return Stub(value, tensor) if isinstance(value, np.ndarray) else value


#: The order of the newest node that was freed, or whose Tensor retains its gradient: a sweep of
#: older ones must look for such.
IRREGULAR = [0]

#: In place of what a node saved once `backward(retain_graph=False)` has passed it.
FREED: Any = object()


def sweep(
    outputs: Iterable[tuple[Node, Any]],
    targets: Container[Node] | None = None,
    floor: int = 0,
    *,
    as_tensors: Callable[[Node], Sequence[Any]] | None = None,
    free: bool = False,
    watch: Callable[..., None] | None = None,
) -> dict[Node, Any]:
    """The cotangent of every target that the outputs depend on, given those of the outputs.

    `targets` None means every leaf, and interior nodes whose Tensor retains its gradient. Nodes
    older than `floor` are found where they are targets, but never swept. With `as_tensors`, which
    wraps what a node saved, the cotangents are Tensors and the sweep itself is recorded. With
    `free`, nodes let go of what they saved. `watch` looks on: see `debugging.Watch`.
    A rule's exception leaves with a note that names the operation and the input.
    """
    #: cotangents that are not consumed yet, with their nodes, by the nodes' order
    pending: dict[int, tuple[Node, Any]] = {}
    heap: list[int] = []  # their orders, negative: the newest first
    found: dict[Node, Any] = {}
    owned: set[Any] = set()  # orders, and leaves, whose cotangent is an array the sweep itself made
    latest = LATEST[0]
    changes: Changes | None = None  # what looks at nodes that are older than that
    for node, g in outputs:
        if node.plan is None:
            if targets is None or node in targets:
                found[node] = _sum(found.get(node), g, node, owned)
        elif node.order >= floor or (targets is not None and node in targets):
            if node.order in pending:
                g = _sum(pending[node.order][1], g, node.order, owned)
            else:
                heappush(heap, -node.order)
            pending[node.order] = node, g
    before = ERRORS.get()
    try:
        ERRORS.set(IGNORED)
        while heap:
            order = -heappop(heap)
            node, g = pending.pop(order)
            owned.discard(order)
            if targets is None:
                if node.info is not None and "retain" in node.info:
                    found[node] = g
            elif node in targets:
                found[node] = g
            if order < floor:
                continue
            saved = node.saved
            if saved is FREED:
                refuse_freed(node)
            if order < latest:
                changes = changes or Changes()
                changes.look(node)
            if as_tensors is not None:
                saved, g = as_tensors(node), whole(g)
            if watch is not None:
                watch(node, g)
            plan = node.plan
            inputs = node.inputs
            parts = None  # every input's cotangent, of a row whose rule gives them together
            i = 0
            try:
                for i, rule in plan.edges:
                    parent = inputs[i]
                    leaf = parent.plan is None
                    if (
                        targets is not None
                        and (leaf or parent.order < floor)
                        and parent not in targets
                    ):
                        continue
                    if plan.plain:
                        ct = rule(g, *saved, **node.params)
                    elif plan.op.jointly:
                        parts = parts or plan.op.rules[0](g, *saved, **node.params)
                        ct = parts[i]
                    else:
                        sums: Any = found if leaf else pending
                        place = parent if leaf else parent.order
                        if place in sums:
                            if watch is not None:
                                watch(node, g, i)
                            total = plan.op.into(
                                sums[place] if leaf else sums[place][1],
                                place in owned, g, *saved, **node.params,
                            )  # fmt: skip
                            owned.add(place)
                            sums[place] = total if leaf else (parent, total)
                            continue
                        ct = rule(g, *saved, **node.params)
                    if watch is not None:
                        watch(node, g, i, ct)
                    if type(ct) is not tuple and (
                        ct.shape != parent.shape or ct.dtype is not parent.dtype
                    ):
                        ct = fitted(ct, parent, plan.op)
                    if leaf:  # its cotangent goes no further
                        found[parent] = _sum(found.get(parent), ct, parent, owned)
                        continue
                    older = parent.order
                    if older in pending:
                        ct = _sum(pending[older][1], ct, older, owned)
                    else:
                        heappush(heap, -older)
                    pending[older] = parent, ct
            except Exception as error:
                shape = getattr(inputs[i], "shape", ())
                error.add_note(f"in the vjp of {plan.op.path}, input {i} of shape {shape}")
                raise
            if free:
                node.free()
    finally:
        ERRORS.set(before)
    return found if as_tensors is None else {node: whole(g) for node, g in found.items()}


def _sum(old: Any, ct: Any, place: Any, owned: set[Any]) -> Any:
    """The sum of two cotangents: out of place the first time, then in the sweep's own array."""
    if old is None:
        return ct
    if type(old) is tuple:
        return merged(old, ct)
    if place in owned and type(ct) is type(old) is np.ndarray:
        return np.add(old, ct, out=old)
    total = old + ct
    if type(total) is np.ndarray:
        owned.add(place)
    return total


def merged(old: tuple[Any, ...], ct: tuple[Any, ...]) -> tuple[Any, ...]:
    """The sum of two cotangents of a row with several results, each None where there is none."""
    pairs = zip(old, ct, strict=True)
    return tuple([a if b is None else b if a is None else a + b for a, b in pairs])


def own(found: dict[Any, Any], foreign: Iterable[Any]) -> dict[Any, Any]:
    """The arrays of a first-order sweep, copied where one shares memory with another.

    `foreign` are arrays that belong to somebody else: the cotangents that the sweep began with.
    """
    seen = set()
    for array in foreign:
        if type(array) is np.ndarray:  # a scalar is nobody else's memory
            seen.add(id(owner(array)))
    for node, g in found.items():
        if type(g) is np.ndarray:
            base = g.base
            place = id(g if base is None else owner(g))
            if place in seen or (base is not None and not g.flags.writeable):
                found[node] = g.copy()
            else:
                seen.add(place)
    return found


def ancestors(roots: Sequence[Node], floor: int) -> list[Node]:
    """The nodes that the roots depend on, themselves included, none older than floor; in order."""
    seen = {node for node in roots if node.order >= floor}
    stack = list(seen)
    while stack:
        for parent in stack.pop().inputs:
            if isinstance(parent, Node) and parent.order >= floor and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=lambda node: node.order)


def refuse_freed(node: Node) -> None:
    raise RuntimeError(
        f"the graph below {node.name or node.plan.op.path} was freed by an earlier "
        f"backward(retain_graph=False); run the forward pass again, or leave retain_graph at True"
    )


def _picking(g: Any, y: Any, x: Any, index: int) -> tuple[Any, ...]:
    """The cotangents of all results, absent but for the one picked."""
    parts: list[Any] = [None] * len(x.shape)
    parts[index] = g
    return tuple(parts)


#: Picks one result of a row that has several: its rule makes a tuple with one cotangent in it.
PICK, PICK_OF_INTS = (  # of ints, that no gradient passes, none is made but in a trace
    Plan(Primitive(_picking, (_picking,), kind="linear", name="pick"), (tracked,))
    for tracked in (True, False)
)
PICK.arity = 0  # its index is a parameter
