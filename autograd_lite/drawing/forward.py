"""The forward part of a picture: boxes for operations and values, arrows for operands."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from autograd_lite.drawing.blocks import Block
from autograd_lite.drawing.expressions import constant, expression
from autograd_lite.drawing.naming import number, shape_text, shown_value
from autograd_lite.drawing.notation import (
    FUSED,
    label_with_constants,
    parameter_texts,
    table_name,
)
from autograd_lite.drawing.picture import Edge, Vertex
from autograd_lite.drawing.recorded import Op, Recorded, Value

__all__ = ["Forward", "facts", "size_of_gradient"]

_FAR = 6  # blocks between the uses of a leaf, from which on it is drawn at each
_SATELLITES = 3  # leaves that stand below one operation, at most


@dataclass(slots=True)
class _Draft:
    """A box while it is put together."""

    id: str
    kind: str
    lines: tuple[str, ...]
    title: str
    scope: tuple[str, ...] = ()
    nodes: int = 0
    edges: int = 0
    under: str = ""


@dataclass
class Forward:
    """The forward boxes and arrows of some blocks; `every_value` gives each result its own box."""

    graph: Recorded
    blocks: list[Block]
    every_value: bool
    drafts: list[_Draft] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    ids: dict[Value, str] = field(default_factory=dict)  # of a value's first box
    boxes: dict[Block, str] = field(default_factory=dict)
    block_of: dict[Op, Block] = field(default_factory=dict)
    fused: dict[Block, tuple[Value, str]] = field(default_factory=dict)  # probabilities, second box

    def __post_init__(self) -> None:
        self.numbers = count()
        self.places = {block: i for i, block in enumerate(self.blocks)}
        self.read: dict[Block, list[Value]] = {}
        self.copies: dict[tuple[Value, Block], str] = {}
        for block in self.blocks:
            self.block_of.update(dict.fromkeys(block.ops, block))
        if not self.blocks:
            self.add_value(self.graph.output, "", 1)
        for block in self.blocks:
            self.add_block(block)

    def next_id(self) -> str:
        return f"n{next(self.numbers)}"

    @property
    def vertices(self) -> list[Vertex]:
        """The boxes, in order of creation."""
        return [
            Vertex(d.id, d.kind, d.lines, d.title, d.scope, d.nodes, d.edges, d.under)
            for d in self.drafts
        ]

    # --- blocks

    def add_block(self, block: Block) -> None:
        sources = self.sources_of(block)
        draft = _Draft(self.next_id(), "fold" if block.fold else "op", (), "", block.scope)
        self.boxes[block] = draft.id
        satellites = self.satellites(block, sources)
        for value in sources:
            self.add_source(value, block, draft.id if value in satellites else "")
        draft.lines = self.words(block)
        draft.title = self.told(block)
        self.drafts.append(draft)
        draft.nodes = len(block.ops)
        head = self.add_fused(block, draft) if self.every_value and _fuses(block) else draft.id
        self.add_operands(block, draft, head)
        for value in self.leaving(block):
            if block.fold or self.every_value or value.named or value is self.graph.output:
                self.edges.append(Edge(head, self.add_value(value, "", 0), edges=0))

    def add_fused(self, block: Block, draft: _Draft) -> str:
        """The second box of a row that is drawn as two; the result between them as well."""
        _, index, _, second = FUSED[block.last.row.name]
        between = block.last.results[index]
        box = self.add_value(between, "", 0)
        self.edges.append(Edge(draft.id, box, edges=0))
        head = _Draft(self.next_id(), "op", (second,), draft.title, block.last.scope)
        self.drafts.append(head)
        self.edges.append(Edge(box, head.id, edges=0))
        self.fused[block] = (between, head.id)
        for other in self.drafts:
            if other.under == draft.id:
                other.under = head.id
        return head.id

    def words(self, block: Block) -> tuple[str, ...]:
        """What stands in a block's box."""
        if block.fold:
            operations = f"{len(block.ops):,} operations"
            times = f"×{block.count:,} · " if block.count > 1 else ""
            return (block.fold, f"{times}{operations}")
        row = block.last.row
        if self.every_value and table_name(row) in FUSED:
            return (FUSED[row.name][0],)
        if len(block.ops) > 1:
            scope = block.last.scope
            text = expression(block.ops).text
            return (scope[-1], text) if scope else (text,)
        if table_name(row) == "getitem":
            return (f"[{expression(block.ops).text.rpartition('[')[2]}",)
        params = [] if table_name(row) in FUSED else parameter_texts(row, block.last.params)
        scalar = block.last.results[0].shape == ()
        numbers = [constant(x) for x in block.last.operands]
        label = label_with_constants(row, numbers, params, scalar)
        result = block.last.results[0]
        if self.every_value or result.named or result is self.graph.output:
            return (label,)
        shown = (shape_text(result.shape), shown_value(result.array))
        return (label, *(line for line in shown if line))

    def told(self, block: Block) -> str:
        """What a reader is told of a block on pointing at it."""
        if block.fold:
            return f"{block.fold}: {len(block.ops):,} operations folded into one box"
        info = block.last.node.info or {}
        parts = [f"{block.last.results[0].name} = {expression(block.ops).text}",
                 f"{block.last.row.path}, {block.last.row.kind}"]  # fmt: skip
        if block.last.scope:
            parts.append(f"in {' / '.join(block.last.scope)}")
        if "line" in info:
            parts.append(f"recorded at {info['line']}")
        return "; ".join(parts)

    # --- values

    def sources_of(self, block: Block) -> list[Value]:
        """The leaves and constants that a block uses and that get a box of their own."""
        found: dict[Value, None] = {}
        for op in block.ops:
            for x in op.operands:
                if isinstance(x, Value) and x.op is None and not self.hidden(x):
                    found[x] = None
        return list(found)

    def hidden(self, value: Value) -> bool:
        """Whether a source is inside its users' boxes: a scalar constant, or in a fold only."""
        if value is self.graph.output:
            return False
        if constant(value) is not None:
            return True
        users = {self.block_of[use.op] for use in value.uses}
        block = next(iter(users))
        return len(users) == 1 and bool(block.fold) and value not in self.inputs(block)

    def inputs(self, block: Block) -> list[Value]:
        """The data with a name that a fold reads, where they are few: X, not the 50 of a series."""
        if block not in self.read:
            operands = (x for op in block.ops for x in op.operands if isinstance(x, Value))
            found = list(dict.fromkeys(x for x in operands if x.kind == "data" and x.named))
            self.read[block] = found if len(found) <= _SATELLITES else []
        return self.read[block]

    def satellites(self, block: Block, sources: list[Value]) -> list[Value]:
        """The leaves that stand below the operation; the first one begins a lane instead."""
        if block.fold:
            return []
        starts = not any(
            isinstance(x, Value) and x.op is not None and self.block_of[x.op] is not block
            for op in block.ops
            for x in op.operands
        )
        first = next((v for v in sources if v.kind == "data"), sources[0] if sources else None)
        below = [v for v in sources if not (starts and v is first) and self.alone(v)]
        return below if len(below) <= _SATELLITES else []

    def alone(self, value: Value) -> bool:
        """Whether a source is drawn for one block only: its one user, or one of far-off users."""
        users = {self.block_of[use.op] for use in value.uses}
        return value is not self.graph.output and (len(users) == 1 or self.spans(value))

    def spans(self, value: Value) -> bool:
        """Whether the uses of a source are so far apart that it is drawn at each."""
        places = [self.places[self.block_of[use.op]] for use in value.uses]
        return max(places) - min(places) > _FAR

    def add_source(self, value: Value, block: Block, under: str) -> None:
        if value not in self.ids:
            self.copies[value, block] = self.add_value(value, under, 1)
        elif self.spans(value):
            first = self.ids[value]
            self.copies[value, block] = self.add_value(value, under, 0)
            self.ids[value] = first

    def add_value(self, value: Value, under: str, nodes: int) -> str:
        """The id of a new box for a value."""
        lines = [value.name, shape_text(value.shape), shown_value(value.array)]
        kind = "output" if value is self.graph.output else value.kind
        draft = _Draft(self.next_id(), "value" if kind == "result" else kind,
                       tuple(line for line in lines if line), facts(value), nodes=nodes,
                       under=under)  # fmt: skip
        draft.scope = self.block_of[value.op].scope if value.op is not None else ()
        self.drafts.append(draft)
        self.ids[value] = draft.id
        return draft.id

    def leaving(self, block: Block) -> list[Value]:
        """The results of a block that are used outside it; of a fold with many, none."""
        results = [r for op in block.ops for r in op.results if self.leaves(r, block)]
        return results if not block.fold or len(results) <= 2 else []

    def leaves(self, value: Value, block: Block) -> bool:
        return value is self.graph.output or any(
            self.block_of[use.op] is not block for use in value.uses
        )

    # --- arrows

    def add_operands(self, block: Block, draft: _Draft, head: str) -> None:
        """The arrows into a block; what stays inside it is counted in its box."""
        bundles: dict[tuple[str, str], int] = {}
        for op in block.ops:
            for place, x in enumerate(op.operands):
                if not isinstance(x, Value):
                    continue
                tail = self.tail_for(x, block)
                if not tail:
                    draft.edges += 1
                    draft.nodes += self.counted_here(x, op, place)
                    continue
                into = head if block in self.fused and place > 0 else draft.id
                bundles[tail, into] = bundles.get((tail, into), 0) + 1
                if not block.fold:
                    self.edges.append(Edge(tail, into))
        if block.fold:
            self.edges += [Edge(t, h, edges=n) for (t, h), n in bundles.items()]

    def tail_for(self, value: Value, block: Block) -> str:
        """The box that an arrow for a value starts from; none where the value is inside."""
        if (value, block) in self.copies:
            return self.copies[value, block]
        if value in self.ids:
            return self.ids[value]
        maker = self.block_of.get(value.op) if value.op is not None else None
        return "" if maker is None or maker is block else self.boxes[maker]

    def counted_here(self, value: Value, op: Op, place: int) -> int:
        """1 for a hidden source at its first use, so that each is counted once."""
        first = value.uses[0]
        return int(value.op is None and first.op is op and first.place == place)


def facts(value: Value) -> str:
    """What a reader is told of a value: shape, dtype, range, the norm of its gradient."""
    shape = f"shape {value.shape}" if value.shape else "a scalar"
    parts = [f"{value.name}: {shape}, {value.dtype}"]
    array = value.array
    if array is not None and np.size(array) and np.asarray(array).dtype.kind in "fiub":
        with np.errstate(all="ignore"):
            low, mean, high = (number(f(array)) for f in (np.min, np.mean, np.max))
        parts.append(f"value {low}" if np.size(array) == 1 else
                     f"min {low}, mean {mean}, max {high}")  # fmt: skip
    line = (value.op.node.info or {}).get("line") if value.op is not None else None
    if line:
        parts.append(f"recorded at {line}")
    if value.grad is not None:
        parts.append(size_of_gradient(value.grad))
    return "; ".join(parts)


def size_of_gradient(grad: Any) -> str:
    """A gradient of one number itself, the norm of a larger one."""
    grad = np.asarray(getattr(grad, "data", grad), float)
    if grad.size == 1:
        return f"gradient {number(float(grad.reshape(())))}"
    with np.errstate(all="ignore"):
        return f"‖gradient‖ {number(float(np.linalg.norm(grad.ravel())))}"


def _fuses(block: Block) -> bool:
    return not block.fold and table_name(block.last.row) in FUSED
