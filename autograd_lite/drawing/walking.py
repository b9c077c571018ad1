"""The stops of a page that is stepped through: the forward pass, then the reverse sweep.

Each stop says in words, formulas and a corner of each array what happens, and which boxes light up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Any, TypedDict

import numpy as np

from autograd_lite.drawing.backward import term_of
from autograd_lite.drawing.blocks import Block
from autograd_lite.drawing.expressions import expression
from autograd_lite.drawing.forward import Forward
from autograd_lite.drawing.naming import cotangent, lines_of_array, shape_text
from autograd_lite.drawing.recorded import Op, Value
from autograd_lite.drawing.stepping import Step, Steps

__all__ = ["Stop", "walk"]

_MOST = 400  # stops of one page
_SHOWN = 6  # arrays on either side of a fold


class Array(TypedDict):
    """A corner of an array, as the page shows it."""

    name: str
    shape: str
    rows: list[list[str]]
    note: str


class Line(TypedDict):
    """A formula with its numbers: private characters stand for the arrays, by their index."""

    head: str
    body: str
    gives: int | None  # the index of the array that comes out


class Stop(TypedDict):
    """One stop: which pass, what happens, in names and in numbers, and the boxes lit."""

    phase: str
    title: str
    formula: str
    lines: list[Line]
    arrays: list[Array]
    boxes: list[str]


def walk(forward: Forward, output: Any) -> list[Stop]:
    """The stops of a picture, oldest operation first, then the reverse sweep's steps in order.

    What is folded into one box is one stop of either pass. A long walk is cut at its middle; where
    the graph was freed only the forward pass is walked.
    """
    graph = forward.graph
    stops: list[Stop] = []
    for block in forward.blocks:
        stops += [_folded(forward, block)] if block.fold else _each(forward, block)
    stops = stops[: _MOST // 2]
    if not (output.requires_grad and graph.ops and output.size == 1):
        return stops
    try:
        steps = Steps(output, None, None, graph)
    except RuntimeError:
        return stops
    return stops + list(islice(_sweep(forward, steps), _MOST // 2))


def _each(forward: Forward, block: Block) -> list[Stop]:
    return [_computed(forward, op) for op in block.ops]


def _sweep(forward: Forward, steps: Steps) -> Iterator[Stop]:
    """The stops of the reverse sweep: one a step, one for all the steps in a fold."""
    for block, inside in groupby(steps, key=lambda step: forward.block_of[step.recorded]):
        if block.fold:
            yield _swept_fold(forward, block, inside)
        else:
            yield from (_swept(forward, step) for step in inside)


def _computed(forward: Forward, op: Op) -> Stop:
    """The stop at an operation of the forward pass."""
    block = forward.block_of[op]
    result = op.results[0]
    boxes = [forward.boxes[block]] + [forward.ids[r] for r in op.results if r in forward.ids]
    if block in forward.fused:
        boxes.append(forward.fused[block][1])
    text = expression([op]).text
    head = "" if result.name == f"({text})" else f"{result.name} = "
    shelf = _Shelf()
    lines: list[Line] = []
    if result.array is not None:
        body = expression([op], shelf.value).text
        lines.append(Line(head=head, body=body, gives=shelf.put(result.name, result.array)))
    return Stop(
        phase="forward",
        title=op.row.name,
        formula=f"{head}{text}",
        lines=lines,
        arrays=shelf.arrays,
        boxes=boxes,
    )


def _folded(forward: Forward, block: Block) -> Stop:
    """The stop at a fold of the forward pass: what goes in, what comes out."""
    shelf = _Shelf()
    leaving = forward.leaving(block)
    lines = []
    for head, values in (("in: ", _entering(forward, block)), ("out: ", leaving)):
        known = [x for x in values if x.array is not None][:_SHOWN]
        if known:
            lines.append(Line(head=head, body=" ".join(map(shelf.value, known)), gives=None))
    boxes = [forward.boxes[block], *(forward.ids[r] for r in leaving if r in forward.ids)]
    return Stop(phase="forward", title=block.fold, formula=_stretch(block), lines=lines,
                arrays=shelf.arrays, boxes=boxes)  # fmt: skip


def _swept(forward: Forward, step: Step) -> Stop:
    """The stop at a step of the reverse sweep."""
    op = step.recorded
    shelf = _Shelf()
    came = shelf.mark(cotangent(step.name), step.incoming, "incoming")
    lines = []
    boxes = [forward.boxes[forward.block_of[op]]]
    for passed, (place, _) in zip(step.outgoing, op.node.plan.edges, strict=True):
        body, _ = term_of(
            op, place, op, step.reached, seeded=step.seeded, written=shelf.value,
            incoming=lambda r: came if r is step.reached[0] else cotangent(r.name),
        )  # fmt: skip
        name = cotangent(passed.name)
        axes = f"over axis {', '.join(map(str, passed.axes))}" if passed.axes else ""
        sign = "+=" if passed.accumulates else "="
        given = shelf.put(name, passed.cotangent, axes)
        lines.append(Line(head=f"{name} {sign} ", body=body, gives=given))
        if passed.accumulates:
            total = shelf.put(name, passed.total, "accumulated so far")
            lines.append(Line(head=f"{name} so far", body="", gives=total))
        if op.operands[place] in forward.ids:
            boxes.append(f"g{forward.ids[op.operands[place]][1:]}")
    if not any(came in line["body"] for line in lines):
        lines.insert(0, Line(head="incoming: ", body=came, gives=None))
    boxes += [f"g{forward.ids[r][1:]}" for r in op.results if r in forward.ids]
    return Stop(phase="reverse", title=step.op, formula=step.formula, lines=lines,
                arrays=shelf.arrays, boxes=boxes)  # fmt: skip


def _swept_fold(forward: Forward, block: Block, steps: Iterable[Step]) -> Stop:
    """The stop of the reverse sweep at a fold: what comes in, and what its inputs have got."""
    entering = {x.name: x for x in _entering(forward, block)}
    totals: dict[str, list[Any]] = {}
    shelf = _Shelf()
    for step in steps:
        if not shelf.arrays:
            shelf.put(cotangent(step.name), step.incoming, "incoming")
        for passed in step.outgoing:
            if passed.name in entering:
                totals.setdefault(passed.name, []).append(passed.total)
    lines = [Line(head="incoming: ", body=_character(0), gives=None)]
    for name in [name for name in entering if name in totals][:_SHOWN]:
        n = len(totals[name])
        note = f"{n:,} cotangents accumulate" if n > 1 else ""
        given = shelf.put(cotangent(name), totals[name][-1], note)
        lines.append(Line(head=cotangent(name), body="", gives=given))
    box = forward.boxes[block]
    boxes = [box, f"g{box[1:]}"]
    boxes += [f"g{forward.ids[x][1:]}" for n, x in entering.items()
              if n in totals and x in forward.ids]  # fmt: skip
    return Stop(phase="reverse", title=block.fold, formula=f"back through {_stretch(block)}",
                lines=lines, arrays=shelf.arrays, boxes=boxes)  # fmt: skip


class _Shelf:
    """The arrays of one stop, each once, and the characters that stand for them in its lines."""

    def __init__(self) -> None:
        self.arrays: list[Array] = []
        self.places: dict[Value, int] = {}

    def put(self, name: str, array: Any, note: str = "") -> int:
        """The index of an array's corner."""
        array = np.asarray(array)
        self.arrays.append(
            Array(name=name, shape=shape_text(array.shape), rows=lines_of_array(array), note=note)
        )
        return len(self.arrays) - 1

    def mark(self, name: str, array: Any, note: str = "") -> str:
        """The character for an array."""
        return _character(self.put(name, array, note))

    def value(self, value: Value) -> str:
        """The character for a value, its name where its array is not known."""
        if value.array is None:
            return value.name
        if value not in self.places:
            self.places[value] = self.put(value.name, value.array)
        return _character(self.places[value])


def _character(i: int) -> str:
    return chr(0xE000 + i)  # of the private use area


def _stretch(block: Block) -> str:
    """How much a fold holds, in words."""
    n = len(block.ops) // block.count
    times = f", {block.count:,} times over" if block.count > 1 else ""
    first, last = block.ops[0].results[0].name, block.last.results[0].name
    return f"{n:,} operation{'s' if n > 1 else ''}{times}, from {first} to {last}"


def _entering(forward: Forward, block: Block) -> list[Value]:
    """The values from outside that a block reads: those in the picture, then the others."""
    inside = set(block.ops)
    operands = (x for op in block.ops for x in op.operands if isinstance(x, Value))
    found = dict.fromkeys(x for x in operands if x.op not in inside)
    return sorted(found, key=lambda x: x not in forward.ids)
