"""The gradient boxes of a picture: each value's cotangent as a formula, from the op table.

A value's cotangent is the sum of what its uses give it. One use: the box holds that formula. More:
a Σ in front of the box says that they accumulate.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from autograd_lite.drawing.blocks import Block
from autograd_lite.drawing.forward import Forward, size_of_gradient
from autograd_lite.drawing.naming import cotangent, number, shape_text, shown_value
from autograd_lite.drawing.notation import backward_formula, summed, table_name, tidied
from autograd_lite.drawing.picture import Edge, Vertex
from autograd_lite.drawing.recorded import Op, Use, Value

__all__ = ["Term", "gradient_boxes", "term_of"]


@dataclass(frozen=True, slots=True)
class Term:
    """What one use of a value gives its cotangent."""

    text: str
    axes: tuple[int, ...]  # summed over, because the value was broadcast along them
    block: Block
    reads: tuple[Value, ...]  # values outside that the formula needs


def gradient_boxes(forward: Forward, *, shapes: bool = False) -> tuple[list[Vertex], list[Edge]]:
    """Boxes and arrows of the reverse sweep, newest first, each mirroring its forward box.

    shapes: whether each box says its shape, where no forward box does.
    """
    maker = _Gradients(forward, shapes)
    maker.add_all()
    return maker.vertices, maker.edges


class _Gradients:
    """The gradient boxes as they are made."""

    def __init__(self, forward: Forward, shapes: bool) -> None:
        self.forward = forward
        self.shapes = shapes
        self.vertices: list[Vertex] = []
        self.edges: list[Edge] = []
        self.ids: dict[Any, str] = {}  # of a value's or a fold's gradient box
        self.entries: dict[Any, str] = {}  # where arrows to it end: its Σ, if it has one
        self.reached: set[Value] = set()

    def add_all(self) -> None:
        output = self.forward.graph.output
        if not output.tracked:
            return
        live = self.reached = self.live()
        self.add(
            output, self.forward.ids[output], (self.seed_text(output),), "the sweep starts here"
        )
        for block in reversed(self.forward.blocks):
            for value in self.shown(block):
                if value in live and value is not output:
                    self.add_value(value)
            if block.fold and any(op.results[0] in live for op in block.ops):
                self.add_fold(block)  # after the values that leave it: it gets their cotangents
        for value in self.forward.graph.sources:
            if value in live and value in self.forward.ids and value is not output:
                self.add_value(value)

    def live(self) -> set[Value]:
        """The values that a gradient reaches from the output."""
        graph = self.forward.graph
        found = {graph.output}
        for op in reversed(graph.ops):
            if any(result in found for result in op.results):
                edges = {i for i, _ in op.node.plan.edges}
                found.update(
                    x for i, x in enumerate(op.operands) if i in edges and isinstance(x, Value)
                )
        return found

    def shown(self, block: Block) -> list[Value]:
        return [r for op in block.ops for r in op.results if r in self.forward.ids]

    def seed_text(self, output: Value) -> str:
        scalar = output.shape == () or output.shape == (1,)
        return f"{cotangent(output.name)} = {'1' if scalar else 'given'}"

    def add(self, key: Any, mirrors: str, lines: tuple[str, ...], title: str) -> str:
        """The id of a new gradient box."""
        id = f"g{mirrors[1:]}"
        self.vertices.append(Vertex(id, "gradient", lines, title, nodes=0, mirrors=mirrors))
        self.ids[key] = self.entries[key] = id
        return id

    def add_fold(self, block: Block) -> None:
        times = f"×{block.count:,}" if block.count > 1 else f"{len(block.ops):,} operations"
        self.add(
            block,
            self.forward.boxes[block],
            (f"back through {times}", block.fold),
            "the reverse sweep, folded",
        )
        for op in block.ops:
            for result in op.results:
                if result in self.ids:
                    self.connect(self.ids[result], block)
                for use in result.uses:
                    user = self.forward.block_of[use.op]
                    if user is not block and result not in self.ids and self.passes(use):
                        for tail in self.tails(user):
                            self.connect(tail, block)

    def connect(self, tail: str, head: Any) -> None:
        edge = Edge(tail, self.entries[head], "gradient", edges=0)
        if edge not in self.edges:
            self.edges.append(edge)

    def add_value(self, value: Value) -> None:
        """The box of a value's cotangent, or one box at each place where a leaf is drawn."""
        terms = self.terms(value)
        copies = [b for b in reversed(self.forward.blocks) if (value, b) in self.forward.copies]
        if len(copies) < 2:
            self.add_box(value, self.forward.ids[value], terms)
            return
        for i, block in enumerate(copies):
            here = [term for term in terms if term.block is block]
            if here:
                self.add_box(value, self.forward.copies[value, block], here, (i + 1, len(copies)))

    def add_box(
        self, value: Value, mirrors: str, terms: list[Term], nth: tuple[int, int] = (1, 1)
    ) -> None:
        """One gradient box with its formula; `nth`: which of how many places it is."""
        sign = "=" if nth[0] == 1 else "+="
        name = cotangent(value.name)
        lines = [_equation(name, sign, terms)]
        axes = sorted({axis for term in terms for axis in term.axes})
        if axes:
            s = "es" if len(axes) > 1 else "is"
            to = f" → {shape_text(value.shape)}" if self.shapes and value.shape else ""
            lines.append(f"over ax{s} {', '.join(map(str, axes))}{to}")
        elif self.shapes:
            lines.append(shape_text(value.shape))
        shown = shown_value(value.grad)
        if not lines[0].endswith(f"= {shown}"):
            lines.append(shown)
        told = "; ".join(f"from {self.told(term)}: {term.text}" for term in terms)
        title = f"{name} of shape {shape_text(value.shape) or '()'}; {told}"
        title += "" if value.grad is None else f"; {size_of_gradient(value.grad)}"
        self.add(value, mirrors, tuple(line for line in lines if line), title)
        if len(terms) > 1 or nth[0] > 1:
            self.add_sum(value, max(len(terms), nth[0]), nth)
        for term in terms:
            for tail in self.tails(term.block):
                self.edges.append(Edge(tail, self.entries[value], "gradient", 0, self.via(term)))

    def via(self, term: Term) -> str:
        return "" if term.block.fold else self.forward.boxes[term.block]

    def add_sum(self, value: Value, n: int, nth: tuple[int, int]) -> None:
        box = self.ids[value]
        id = f"s{box[1:]}"
        title = f"{n} cotangents of {value.name} accumulate"
        if nth[1] > 1:
            title = f"the cotangents of {value.name} accumulate: {nth[0]} of {nth[1]}"
        self.vertices.append(Vertex(id, "sum", ("Σ", "accumulates"), title, nodes=0, mirrors=box))
        self.edges.append(Edge(id, box, "gradient", edges=0))
        self.entries[value] = id

    def terms(self, value: Value) -> list[Term]:
        """What each use gives a value's cotangent; all uses in one fold together."""
        terms: list[Term] = []
        folds: set[Block] = set()
        for use in value.uses:
            block = self.forward.block_of[use.op]
            if self.passes(use) and block not in folds:
                terms.append(self.term(use, value))
                if block.fold:
                    folds.add(block)
        return terms

    def told(self, term: Term) -> str:
        return term.block.fold or term.block.last.row.name

    def tails(self, block: Block) -> list[str]:
        """The gradient boxes that a block's own cotangent stands in."""
        if block in self.ids:
            return [self.ids[block]]
        return [self.ids[r] for r in block.last.results if r in self.ids]

    def passes(self, use: Use) -> bool:
        """Whether an operand's cotangent is computed at all: its rule exists and it is reached."""
        if all(i != use.place for i, _ in use.op.node.plan.edges):
            return False
        return bool(self.tails(self.forward.block_of[use.op]))

    def term(self, use: Use, value: Value) -> Term:
        block = self.forward.block_of[use.op]
        if block.fold:
            return Term(f"{cotangent(value.name)} from the fold", (), block, ())
        seeded = self.forward.graph.output in block.last.results and (
            self.forward.graph.output.shape == ()
        )
        text, axes = term_of(use.op, use.place, block.last, self.reached, seeded=seeded)
        reads = tuple(x for x in use.op.operands if isinstance(x, Value) and x.name in text)
        reads += tuple(r for r in use.op.results if r.name in text.replace(cotangent(r.name), ""))
        return Term(text, axes, block, reads)


def _equation(name: str, sign: str, terms: list[Term]) -> str:
    """A cotangent as the sum of its terms; the name alone where folds hide the formulas."""
    if all(term.block.fold for term in terms):
        return name
    if len(terms) > 3:
        return f"{name} {sign} Σ of {len(terms)} cotangents"
    return f"{name} {sign} {tidied(' + '.join(term.text for term in terms))}"


def term_of(
    op: Op,
    place: int,
    last: Op,
    reached: Collection[Value],
    *,
    seeded: bool = False,
    written: Callable[[Value], str] = attrgetter("name"),
    incoming: Callable[[Value], str] = lambda value: cotangent(value.name),
) -> tuple[str, tuple[int, ...]]:
    """(formula, axes summed over) of the cotangent that an operation gives its operand `place`.

    last: the operation whose results' cotangents come in, `op` or one that it passes through
    first; reached: the values that have a cotangent. How values and the cotangents that come in
    are `written` is the caller's choice.
    """
    names = [written(x) if isinstance(x, Value) else _plain(x) for x in op.operands]
    shapes = [_shape(x) for x in op.operands]
    given = [incoming(r) if r in reached else None for r in last.results]
    out_shape = op.results[0].shape
    text = backward_formula(
        op.row, place, names, given, [written(r) for r in op.results], shapes, out_shape, op.params,
        seeded=seeded,
    )  # fmt: skip
    axes = broadcast_axes(op, place, out_shape)
    return (summed(text) if axes else text), axes


def _shape(x: Any) -> tuple[int, ...]:
    return x.shape if isinstance(x, Value) else ()


def _plain(x: Any) -> str:
    return number(x) if isinstance(x, (int, float, np.generic)) else str(x)


def _product_cores(a: int, b: int) -> tuple[tuple[int, int], int]:
    """Axes that belong to the factors and to the product of two arrays of a and b axes."""
    cores = min(a, 2), min(b, 2)
    return cores, sum(cores) - 2


#: Axes of each operand and of the result that belong to the matrices or vectors, not to the stack.
_CORES: dict[str, Callable[[int, int], tuple[tuple[int, int], int]]] = {
    "matmul": _product_cores,
    "solve": lambda a, b: ((2, min(b, 2)), min(b, 2)),
    "vecdot": lambda a, b: ((1, 1), 0),
    "matvec": lambda a, b: ((2, 1), 1),
    "vecmat": lambda a, b: ((1, 2), 1),
    "divmod": lambda a, b: ((0, 0), 0),
}


def broadcast_axes(op: Op, place: int, out: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of the result along which an operand was broadcast.

    Of a product of matrices, and of what else works on each vector or matrix of a stack, the axes
    of the stack alone.
    """
    if op.row.kind == "elementwise":
        core = core_out = 0
    elif table_name(op.row) in _CORES:
        cores, core_out = _CORES[op.row.name](*(len(_shape(x)) for x in op.operands))
        core = cores[place]
    else:
        return ()
    shape = _shape(op.operands[place])
    shape, out = shape[: len(shape) - core], out[: len(out) - core_out]
    extra = len(out) - len(shape)
    if extra < 0:
        return ()
    stretched = (i for i, n in enumerate(shape, extra) if n != out[i])
    return (*range(extra), *stretched)
