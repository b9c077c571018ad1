"""The stops of a page that is stepped through: the forward pass, then the reverse sweep.

Each stop says in words, formulas and a corner of each array what happens, and which boxes light up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Any, TypedDict

import numpy as np

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


class Stop(TypedDict):
    """One stop: which pass, what happens, the arrays read and made, the boxes lit."""

    phase: str
    title: str
    formula: str
    reads: list[Array]
    gives: list[Array]
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
    reads = [_array(x) for x in op.operands if isinstance(x, Value)]
    boxes = [forward.boxes[block]] + [forward.ids[r] for r in op.results if r in forward.ids]
    if block in forward.fused:
        boxes.append(forward.fused[block][1])
    text = expression([op]).text
    return Stop(
        phase="forward",
        title=op.row.name,
        formula=text if result.name == f"({text})" else f"{result.name} = {text}",
        reads=[read for read in reads if read["rows"]],
        gives=[_array(result)],
        boxes=boxes,
    )


def _folded(forward: Forward, block: Block) -> Stop:
    """The stop at a fold of the forward pass: what goes in, what comes out."""
    leaving = forward.leaving(block)
    reads = [_array(x) for x in _entering(forward, block)[:_SHOWN]]
    return Stop(
        phase="forward",
        title=block.fold,
        formula=_stretch(block),
        reads=[read for read in reads if read["rows"]],
        gives=[_array(result) for result in leaving],
        boxes=[forward.boxes[block], *(forward.ids[r] for r in leaving if r in forward.ids)],
    )


def _swept_fold(forward: Forward, block: Block, steps: Iterable[Step]) -> Stop:
    """The stop of the reverse sweep at a fold: what comes in, and what its inputs have got."""
    entering = {x.name: x for x in _entering(forward, block)}
    totals: dict[str, list[Any]] = {}
    incoming: Any = None
    for step in steps:
        incoming = incoming or _corner(cotangent(step.name), step.incoming, "incoming")
        for passed in step.outgoing:
            if passed.name in entering:
                totals.setdefault(passed.name, []).append(passed.total)
    gives = [
        _corner(cotangent(name), sums[-1],
                f"{len(sums):,} cotangents accumulate" if len(sums) > 1 else "")
        for name, sums in list(totals.items())[:_SHOWN]
    ]  # fmt: skip
    box = forward.boxes[block]
    boxes = [box, f"g{box[1:]}"]
    boxes += [f"g{forward.ids[x][1:]}" for n, x in entering.items()
              if n in totals and x in forward.ids]  # fmt: skip
    return Stop(phase="reverse", title=block.fold, formula=f"back through {_stretch(block)}",
                reads=[incoming], gives=gives, boxes=boxes)  # fmt: skip


def _stretch(block: Block) -> str:
    """How much a fold holds, in words."""
    times = f"{block.count:,} times alike: " if block.count > 1 else ""
    first, last = block.ops[0].results[0].name, block.last.results[0].name
    return f"{times}{len(block.ops):,} operations, from {first} to {last}"


def _entering(forward: Forward, block: Block) -> list[Value]:
    """The values from outside that a block reads: those in the picture, then the others."""
    inside = set(block.ops)
    operands = (x for op in block.ops for x in op.operands if isinstance(x, Value))
    found = dict.fromkeys(x for x in operands if x.op not in inside)
    return sorted(found, key=lambda x: x not in forward.ids)


def _swept(forward: Forward, step: Step) -> Stop:
    """The stop at a step of the reverse sweep."""
    op = step.recorded
    incoming = _corner(cotangent(step.name), step.incoming, "incoming")
    needed = [x for x in (*op.operands, *op.results) if isinstance(x, Value)]
    bare = step.formula
    for value in needed:
        bare = bare.replace(cotangent(value.name), "")
    reads = [_array(x) for x in dict.fromkeys(needed) if x.name in bare and x.array is not None]
    gives = []
    boxes = [forward.boxes[forward.block_of[op]]]
    for passed, (place, _) in zip(step.outgoing, op.node.plan.edges, strict=True):
        note = f"adds up to {_summary(passed.total)}" if passed.accumulates else ""
        if passed.axes:
            note = f"summed over axis {', '.join(map(str, passed.axes))}" + (note and f"; {note}")
        gives.append(_corner(cotangent(passed.name), passed.cotangent, note))
        if op.operands[place] in forward.ids:
            boxes.append(f"g{forward.ids[op.operands[place]][1:]}")
    boxes += [f"g{forward.ids[r][1:]}" for r in op.results if r in forward.ids]
    return Stop(phase="reverse", title=step.op, formula=step.formula, reads=[incoming, *reads],
                gives=gives, boxes=boxes)  # fmt: skip


def _array(value: Value) -> Array:
    if value.array is None:
        return Array(name=value.name, shape=shape_text(value.shape), rows=[], note="not kept")
    return _corner(value.name, value.array, "")


def _corner(name: str, array: Any, note: str) -> Array:
    array = np.asarray(array)
    return Array(name=name, shape=shape_text(array.shape), rows=lines_of_array(array), note=note)


def _summary(array: Any) -> str:
    array = np.asarray(array)
    return f"norm {float(np.linalg.norm(np.ravel(array))):.4g}"
