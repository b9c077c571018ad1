"""The graph's nodes, and the reverse sweep over them.

A node holds the row of the table that made it, its parents and only what the row's rules read. A
creation counter is the topological order: the sweep takes nodes newest first from a heap, without
recursion, and drops every cotangent once it is consumed. No reference cycle is ever made: a leaf's
node holds its Tensor weakly.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Any
from weakref import ref

import numpy as np

from autograd_lite.table import Plan, Primitive

__all__ = ["PICK", "Leaf", "Node", "Stub", "ancestors", "next_order", "own", "sweep"]

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
        self.inputs = inputs  # a Node, a Stub or a Python number each
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
        self.info = {**(self.info or {}), **facts}


class Leaf(Node):
    """A node that gradients are wanted for and that no operation made."""

    __slots__ = ("stale", "tensor")

    def __init__(self, tensor: Any, shape: Any, dtype: Any) -> None:
        super().__init__(None, (), None, _NO_PARAMS, shape, dtype)
        self.tensor = ref(tensor)
        self.stale: Any = None  # its array, once that was changed in place after it was recorded
        if name := getattr(tensor, "_name", None):
            self.info = {"name": name}  # pictures outlive tensors

    @property
    def name(self) -> str | None:
        """The name of the leaf's Tensor."""
        tensor = self.tensor()
        return super().name if tensor is None else tensor.name


class Stub:
    """What a node remembers of an input that gradients do not pass: enough to draw and to name."""

    __slots__ = ("dtype", "name", "ref", "shape")

    def __init__(self, value: Any, tensor: Any) -> None:
        self.shape = value.shape
        self.dtype = value.dtype
        self.name = None if tensor is None else tensor.name
        source = value if tensor is None else tensor
        self.ref = None if isinstance(source, np.generic) else ref(source)

    ndim = Node.ndim
    size = Node.size


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
    cotangents: dict[Node, Any] = {}
    owned: set[Node] = set()  # nodes whose cotangent is an array that the sweep itself made
    heap: list[tuple[int, Node]] = []
    found: dict[Node, Any] = {}
    cleared: set[Node] = set()  # leaves changed in place, which no rule here reads
    outputs = list(outputs)
    for node, g in outputs:
        if node.order >= floor or (targets is not None and node in targets):
            _accumulate(node, g, cotangents, owned, heap)
    with np.errstate(all="ignore"):
        while heap:
            node = heappop(heap)[1]
            g = cotangents.pop(node)
            if owned:
                owned.discard(node)
            plan = node.plan
            if targets is None:
                if plan is None or (node.info is not None and "retain" in node.info):
                    found[node] = g
            elif node in targets:
                found[node] = g
            if plan is None or node.order < floor:
                continue
            saved = node.saved
            if saved is FREED:
                _refuse_freed(node)
            if watch is not None:
                watch(node, g)
            if as_tensors is not None:
                saved = as_tensors(node)
            params = node.params
            inputs = node.inputs
            i = 0
            try:
                for i, rule in plan.edges:
                    parent = inputs[i]
                    if parent.plan is None and parent.stale is not None and parent not in cleared:
                        _refuse_stale(parent, ancestors([n for n, _ in outputs], floor))
                        cleared.add(parent)
                    if parent.order < floor and (targets is None or parent not in targets):
                        continue
                    ct = rule(g, *saved, **params) if params else rule(g, *saved)
                    if watch is not None:
                        watch(node, g, i, ct)
                    if type(ct) is not tuple:
                        if ct.shape != parent.shape:
                            ct = _fitted(ct, parent.shape, plan.op)
                        if ct.dtype != parent.dtype:
                            ct = _cast(ct, parent, plan.op)
                    if parent in cotangents:
                        _accumulate(parent, ct, cotangents, owned, heap)
                    else:
                        cotangents[parent] = ct
                        heappush(heap, (-parent.order, parent))
            except Exception as error:
                shape = getattr(inputs[i], "shape", ())
                error.add_note(f"in the vjp of {plan.op.path}, input {i} of shape {shape}")
                raise
            if free:
                node.saved = FREED
    return found


def _accumulate(
    node: Node,
    ct: Any,
    cotangents: dict[Node, Any],
    owned: set[Node],
    heap: list[tuple[int, Node]],
) -> None:
    """Add a cotangent to a node's: out of place the first time, then into the sweep's own array."""
    old = cotangents.get(node)
    if old is None:
        cotangents[node] = ct
        heappush(heap, (-node.order, node))
    elif type(old) is tuple:
        pairs = zip(old, ct, strict=True)
        cotangents[node] = tuple([a if b is None else b if a is None else a + b for a, b in pairs])
    elif node in owned:
        np.add(old, ct, out=old)
    else:
        total = old + ct
        cotangents[node] = total
        if type(total) is np.ndarray:
            owned.add(node)


def _fitted(ct: Any, shape: tuple[int, ...], op: Primitive) -> Any:
    """A cotangent summed over the axes that its input was broadcast along.

    Raises ValueError where a rule returned what no broadcasting explains.
    """
    if op.kind in ("elementwise", "bilinear"):
        if ct.ndim < len(shape) or np.broadcast_shapes(ct.shape, shape) != ct.shape:
            ct = np.broadcast_to(ct, np.broadcast_shapes(ct.shape, shape))  # e.g. a constant rule
        extra = ct.ndim - len(shape)
        pairs = zip(ct.shape[extra:], shape, strict=True)
        axes = (*range(extra), *(i for i, (n, m) in enumerate(pairs, extra) if n != m))
        total = np.add.reduce(ct, axis=axes) if axes else ct
        return total if total.shape == shape else np.reshape(total, shape)
    raise ValueError(
        f"the rule of {op.path} returned a cotangent of shape {ct.shape} for an input of "
        f"shape {shape}; a rule returns one of its input's shape"
    )


def _cast(ct: Any, parent: Node, op: Primitive) -> Any:
    """A cotangent in its input's dtype; a user's rule must see to that itself."""
    if op.strict:
        raise TypeError(
            f"the rule of {op.path} returned a cotangent of dtype {ct.dtype} for an input of dtype "
            f"{parent.dtype}; a rule returns one of its input's dtype"
        )
    return ct.astype(parent.dtype)


def own(found: Mapping[Node, Any], foreign: Iterable[Any]) -> dict[Node, Any]:
    """The arrays of a first-order sweep, copied where one shares memory with another.

    `foreign` are arrays that belong to somebody else: the cotangents that the sweep began with.
    """
    seen = {id(_owner(array)) for array in foreign}
    result = {}
    for node, g in found.items():
        array = g if type(g) is np.ndarray else np.asarray(g)
        owner = _owner(array)
        if id(owner) in seen or not array.flags.writeable:
            array = array.copy()
        else:
            seen.add(id(owner))
        result[node] = array
    return result


def _owner(array: Any) -> Any:
    """The array whose memory this one shows."""
    while isinstance(base := getattr(array, "base", None), np.ndarray):
        array = base
    return array


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


def _refuse_stale(leaf: Leaf, nodes: Iterable[Node]) -> None:
    """Raise where a rule would read the memory of a leaf that was changed since it was recorded.

    The leaf's own array, or what shows its memory: a slice of it, its transpose.
    """
    for node in nodes:
        if any(np.may_share_memory(v, leaf.stale) for v in _saved_arrays(node)):
            line = f" at {node.info['line']}" if node.info and "line" in node.info else ""
            raise RuntimeError(
                f"{leaf.name or 'a tensor'} of shape {leaf.shape} was changed in place after "
                f"{node.plan.op.path}{line} recorded it, so this gradient would be wrong; run the "
                f"forward pass again after the update"
            )


def _saved_arrays(node: Node) -> Iterator[Any]:
    for value in () if node.saved is FREED else node.saved or ():
        for part in value if type(value) is tuple else (value,):  # a checkpoint's arguments
            if isinstance(part, np.ndarray):
                yield part


def _refuse_freed(node: Node) -> None:
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
PICK = Plan(Primitive(_picking, (_picking,), kind="linear", name="pick"), (True,))
