"""The stops of a page that is stepped through: the forward pass, then the reverse sweep.

Each stop says in words, formulas and a corner of each array what happens, and which boxes light up.
"""

from __future__ import annotations

from typing import Any, TypedDict

import numpy as np

from autograd_lite.drawing.expressions import expression
from autograd_lite.drawing.forward import Forward
from autograd_lite.drawing.naming import cotangent, lines_of_array, shape_text
from autograd_lite.drawing.recorded import Op, Value
from autograd_lite.drawing.stepping import Step, Steps

__all__ = ["Stop", "walk"]

_MOST = 400  # stops of one page


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

    A long walk is cut at its middle; where the graph was freed only the forward pass is walked.
    """
    graph = forward.graph
    stops = [_computed(forward, op) for op in graph.ops[: _MOST // 2]]
    if output.requires_grad and graph.ops and output.size == 1:
        try:
            steps = Steps(output, None, None, graph)
        except RuntimeError:
            return stops
        for number, step in enumerate(steps):
            if number == _MOST // 2:
                break
            stops.append(_swept(forward, step))
    return stops


def _computed(forward: Forward, op: Op) -> Stop:
    """The stop at an operation of the forward pass."""
    block = forward.block_of[op]
    result = op.results[0]
    reads = [_array(x) for x in op.operands if isinstance(x, Value)]
    boxes = [forward.boxes[block]] + [forward.ids[r] for r in op.results if r in forward.ids]
    if block in forward.fused:
        boxes.append(forward.fused[block][1])
    return Stop(
        phase="forward",
        title=op.row.name,
        formula=f"{result.name} = {expression([op]).text}",
        reads=[read for read in reads if read["rows"]],
        gives=[_array(result)],
        boxes=boxes,
    )


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
