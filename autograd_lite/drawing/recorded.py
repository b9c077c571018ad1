"""The recorded graph as pictures read it: operations and the values between them.

Nodes say what the sweep needs; a picture also wants each value once, with all its uses, its name
and, where its array is still known, its numbers. Reading takes one pass, without recursion, in
order of creation: the same program gives the same lists in every run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import ref

import numpy as np

from autograd_lite.drawing.naming import pretty, subscript
from autograd_lite.drawing.notation import FUSED, table_name
from autograd_lite.graph import Tensor
from autograd_lite.sweep import FREED, PICK, Leaf, Node, Stub
from autograd_lite.table import Primitive

__all__ = ["Op", "Recorded", "Use", "Value", "name_loss", "read"]


@dataclass(slots=True, eq=False)
class Value:
    """An array in the graph: a leaf, a constant, or one result of an operation."""

    kind: str  # "parameter", "data" or "result"
    shape: tuple[int, ...]
    dtype: Any
    name: str = ""
    named: bool = False  # by the user, not by counting
    array: Any = None
    maker: ref[Op] | None = None  # weak: a picture of a graph must not keep it in a cycle
    node: Any = None
    grad: Any = None
    uses: list[Use] = field(default_factory=list)

    @property
    def op(self) -> Op | None:
        """The operation that the value is a result of."""
        return None if self.maker is None else self.maker()

    @property
    def tracked(self) -> bool:
        """Whether gradients reach the value."""
        return self.node is not None and self.node.tracked


@dataclass(slots=True, eq=False, weakref_slot=True)
class Op:
    """One operation: its row, its operands (values or numbers), its results."""

    node: Any
    row: Primitive
    number: int
    operands: list[Any] = field(default_factory=list)
    results: list[Value] = field(default_factory=list)

    @property
    def scope(self) -> tuple[str, ...]:
        """Names of the `ag.scope`s that the operation was recorded in, outermost first."""
        return (self.node.info or {}).get("scope", ())  # type: ignore[no-any-return]

    @property
    def params(self) -> dict[str, Any]:
        """The operation's parameters, such as an axis."""
        return self.node.params  # type: ignore[no-any-return]


@dataclass(slots=True, frozen=True)
class Use:
    """One place where a value goes: operand `place` of an operation."""

    user: ref[Op]
    place: int

    @property
    def op(self) -> Op:
        """The operation."""
        op = self.user()
        assert op is not None, "a use outlives its graph"
        return op


@dataclass(slots=True)
class Recorded:
    """A recorded graph: operations oldest first, leaves and constants by first use, the output."""

    ops: list[Op]
    sources: list[Value]
    output: Value

    def values(self) -> Iterator[Value]:
        """Every value: sources first, then results in order of creation."""
        yield from self.sources
        for op in self.ops:
            yield from op.results

    @property
    def n_edges(self) -> int:
        """Number of operands that are values, over all operations."""
        return sum(isinstance(x, Value) for op in self.ops for x in op.operands)


def name_loss(graph: Recorded) -> None:
    """Call an output that is one number, and has no name, L."""
    output = graph.output
    if not output.named and output.shape == () and all(v.name != "L" for v in graph.values()):
        output.name = "L"


def read(output: Tensor, names: Mapping[str, Any] | None = None) -> Recorded:
    """The graph below a tensor; `names` maps names to tensors and arrays, such as `locals()`."""
    return _Reader(names or {}).graph(output)


class _Reader:
    """One reading: which value belongs to which node or array."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.given = _by_identity(names)
        self.values: dict[Any, Value] = {}
        self.alive: list[Any] = []  # arrays met, so that no other can take an identity

    def graph(self, output: Tensor) -> Recorded:
        ops: list[Op] = []
        sources: list[Value] = []
        for node in reachable(output.node):
            if node.plan is None:
                continue
            op = Op(node, node.plan.op, len(ops))
            for place, source in enumerate(node.inputs):
                operand = self.operand(node, place, source, sources)
                op.operands.append(operand)
                if isinstance(operand, Value):
                    operand.uses.append(Use(ref(op), place))
            op.results = self.results(op)
            ops.append(op)
        value = self.value_of(output, sources)
        recorded = Recorded(ops, sources, value)
        _number(recorded)
        return recorded

    def value_of(self, output: Tensor, sources: list[Value]) -> Value:
        """The output's own value, with the array that its tensor holds."""
        node, index = _resolved(output.node) if output.node is not None else (output, None)
        value = self.values.get((node, index))
        if value is None:
            value = Value("parameter" if output.requires_grad else "data", output.shape,
                          output.dtype, node=output.node)  # fmt: skip
            sources.append(value)
            self.name(value, output.name, output)
        value.array = output.data
        if not value.named:
            self.name(value, output.name, output)
        return value

    def operand(self, node: Any, place: int, source: Any, sources: list[Value]) -> Any:
        """The value that an input of a node is; numbers stay numbers."""
        if isinstance(source, np.ndarray):
            source = Stub(source, None)
        if isinstance(source, Node):
            key: Any = _resolved(source)
            value = self.values.get(key)
            if value is None:
                value = self.values[key] = _leaf(source)
                self.name(value, source.name, source)
                sources.append(value)
        elif isinstance(source, Stub):
            held = source.ref and source.ref()
            if held is None:
                held = _kept(node, place)
            key = ("array", id(held)) if held is not None else (node, place, "lost")
            value = self.values.get(key)
            if value is None:
                value = self.values[key] = Value("data", source.shape, source.dtype)
                self.alive.append(held)
                self.name(value, source.name, held)
                sources.append(value)
                value.array = held.data if isinstance(held, Tensor) else held
        else:
            return source
        if value.array is None:
            value.array = _kept(node, place)
        if not value.named:
            self.name(value, source.name, source)  # the name of a pick is known to its users only
        return value

    def results(self, op: Op) -> list[Value]:
        """The results of an operation; those of a row with several, each."""
        node = op.node
        info = node.info or {}
        several = op.row.n_outputs is not None
        shapes = node.shape if several else (node.shape,)
        dtypes = node.dtype if several else (node.dtype,)
        arrays = info.get("value", _saved(node, 0))
        if not several and type(dtypes[0]) is tuple:
            # a checkpoint's arguments, as one: its shape is theirs
            shapes, dtypes, arrays = ((),), (node.dtype[0],), None
        arrays = arrays if several and arrays is not None else (arrays,) * len(shapes)
        results = []
        for i, (shape, dtype, array) in enumerate(zip(shapes, dtypes, arrays, strict=True)):
            value = Value("result", shape, dtype, array=array, maker=ref(op), node=node)
            self.values[node, i if several else None] = value
            if not several:
                self.name(value, node.name, node)
            elif table_name(op.row) in FUSED and i == FUSED[op.row.name][1]:
                value.name, value.named = FUSED[op.row.name][2], True
            elif given := self.given.get((id(node), i)):
                value.name, value.named = pretty(given), True
            results.append(value)
        return results

    def name(self, value: Value, own: str | None, holder: Any) -> None:
        """Name a value as its tensor is named, else as `names` says."""
        name = own or (self.given.get(_identity(holder)) if self.given else None)
        if name:
            value.name, value.named = pretty(name), True


def _by_identity(names: Mapping[str, Any]) -> dict[Any, str]:
    """Name by identity of node or array; parameters of modules by their path."""
    given: dict[Any, str] = {}
    for name, thing in names.items():
        if name.startswith("_"):
            continue
        if isinstance(thing, (Tensor, np.ndarray)):
            given.setdefault(_identity(thing), name)
        elif callable(getattr(thing, "named_parameters", None)) and not isinstance(thing, type):
            for path, parameter in thing.named_parameters():
                given.setdefault(_identity(parameter), f"{name}.{path}")
    return given


def _identity(holder: Any) -> Any:
    """What two references to one value have in common: the node and result, or the array."""
    node = holder.node if isinstance(holder, Tensor) else holder
    if isinstance(node, Node):
        node, index = _resolved(node)
        return id(node), index
    return id(holder), None


def reachable(start: Any) -> list[Any]:
    """Every node that a node depends on, itself included, oldest first; picks and lifts left out.

    An iterative walk: depth is no limit.
    """
    if start is None:
        return []
    seen = {_resolved(start)[0]}
    stack = list(seen)
    while stack:
        for parent in stack.pop().inputs:
            if isinstance(parent, Node):
                parent = _resolved(parent)[0]
                if parent not in seen:
                    seen.add(parent)
                    stack.append(parent)
    return sorted(seen, key=lambda node: node.order)


def _resolved(node: Any) -> tuple[Any, int | None]:
    """(node, index of its result): a pick stands for the result it picks, a lift for its input."""
    index = None
    while node.plan is not None and (node.plan is PICK or table_name(node.plan.op) == "lift"):
        if node.plan is PICK:
            index = node.params["index"]
        node = node.inputs[0]
    return node, index


def _leaf(node: Node) -> Value:
    tensor = node.tensor() if isinstance(node, Leaf) else None
    value = Value("parameter", node.shape, node.dtype, node=node)
    if tensor is not None:
        value.array, value.grad = tensor.data, tensor.grad
    return value


def _saved(node: Any, place: int) -> Any:
    """What a node saved in a place, if that is an array."""
    saved = node.saved
    if saved is None or saved is FREED:
        return None
    if place == 0 and node.plan.op.n_outputs is not None:
        return saved[0]
    return saved[place] if isinstance(saved[place], (np.ndarray, np.generic)) else None


def _kept(node: Any, place: int) -> Any:
    """The array of an operand, from what its consumer kept of it."""
    values = (node.info or {}).get("values")
    return values[place] if values is not None else _saved(node, place + 1)


def _number(graph: Recorded) -> None:
    """Make names unique: W and W become W₁ and W₂, A₁ and A₁ become A₁.1 and A₁.2.

    What has no name becomes op_n or data_n.
    """
    shared: dict[str, list[Value]] = {}
    for value in graph.values():
        if not value.name:
            value.name = value.op.row.name if value.op is not None else value.kind
            value.name = value.name if value.named else f"{value.name}_"
        shared.setdefault(value.name, []).append(value)
    taken = {name for name, values in shared.items() if len(values) == 1}
    for name, values in shared.items():
        if len(values) == 1 and values[0].named:
            continue
        n = 0
        stem = name.rstrip("_")
        numbered = stem[-1:].isalpha()
        stem += "" if numbered else "."
        for value in values:
            n += 1
            while (made := stem + (subscript(n) if numbered else str(n))) in taken:
                n += 1
            value.name = made
        taken.update(value.name for value in values)
