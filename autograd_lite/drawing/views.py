"""The views of a recorded graph: forward, with a gradient lane above it, or backward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from autograd_lite.drawing.backward import gradient_boxes
from autograd_lite.drawing.blocks import LIMIT, blocks_of
from autograd_lite.drawing.forward import Forward
from autograd_lite.drawing.gradients import add_gradients
from autograd_lite.drawing.picture import Edge, Picture, Vertex
from autograd_lite.drawing.recorded import Recorded, Value, name_loss, read

__all__ = ["VIEWS", "picture_of"]


def picture_of(
    output: Any, names: Mapping[str, Any] | None, view: str, depth: int | None, fold: bool
) -> tuple[Picture, Forward]:
    """The picture of the graph below a tensor, and which box stands for what of the graph."""
    graph = read(output, names)
    add_gradients(graph, output)
    return VIEWS[view](graph, depth, fold)


def graph_view(graph: Recorded, depth: int | None, fold: bool) -> tuple[Picture, Forward]:
    """Operations and named tensors, left to right."""

    def boxes(per_block: float) -> _Boxes:
        blocks = blocks_of(graph, inline=False, depth=depth, fold=fold, per_block=per_block)
        forward = Forward(graph, blocks, every_value=False)
        return _Boxes(forward, forward.vertices, forward.edges)

    return _picture(f"Graph of {graph.output.name}", "graph", _few(boxes, 1.5, fold))


def lanes_view(graph: Recorded, depth: int | None, fold: bool) -> tuple[Picture, Forward]:
    """Every value from left to right, and above it, from right to left, its gradient."""

    def boxes(per_block: float) -> _Boxes:
        forward = _every_value(graph, depth, fold, per_block)
        above, arrows = gradient_boxes(forward)
        return _Boxes(forward, [*forward.vertices, *above], [*forward.edges, *arrows])

    name_loss(graph)
    title = f"Forward and reverse pass of {graph.output.name}"
    return _picture(title, "lanes", _few(boxes, 5.0, fold))


def backward_view(graph: Recorded, depth: int | None, fold: bool) -> tuple[Picture, Forward]:
    """The gradients alone, from the output on the left to the leaves on the right."""

    def boxes(per_block: float) -> _Boxes:
        forward = _every_value(graph, depth, fold, per_block)
        above, arrows = gradient_boxes(forward, shapes=True)
        return _Boxes(forward, above or forward.vertices, arrows if above else forward.edges)

    name_loss(graph)
    found = _few(boxes, 5.0, fold)
    forward, shown = found.forward, found.vertices
    if shown and shown[0].kind == "gradient":
        # the sweep passes every node; what it leaves out is counted with its start
        covered = sum(v.nodes for v in forward.vertices)
        inside = sum(e.edges for e in forward.edges) + sum(v.edges for v in forward.vertices)
        shown[0] = replace(shown[0], nodes=covered, edges=inside)
    leaves = {forward.ids[v] for v in graph.sources if v in forward.ids}
    shown = [replace(v, title=v.title + "; a leaf") if v.mirrors in leaves else v for v in shown]
    title = f"Reverse pass from {graph.output.name}"
    return _picture(title, "backward", _Boxes(forward, shown, found.edges))


@dataclass(frozen=True, slots=True)
class _Boxes:
    """What a view shows, and the forward boxes behind it."""

    forward: Forward
    vertices: list[Vertex]
    edges: list[Edge]


def _few(boxes: Callable[[float], _Boxes], per_block: float, fold: bool) -> _Boxes:
    """The boxes of a view; where they are too many, of one that folds more."""
    found = boxes(per_block)
    while fold and len(found.vertices) > LIMIT and per_block < LIMIT / 10:
        per_block *= 1.3
        found = boxes(per_block)
    return found


def _every_value(graph: Recorded, depth: int | None, fold: bool, per_block: float) -> Forward:
    blocks = blocks_of(graph, inline=True, depth=depth, fold=fold, per_block=per_block)
    return Forward(graph, blocks, every_value=True)


def _picture(title: str, view: str, boxes: _Boxes) -> tuple[Picture, Forward]:
    forward = boxes.forward
    picture = Picture(title, tuple(boxes.vertices), tuple(boxes.edges), _caption(forward), view)
    return picture, forward


def _caption(forward: Forward) -> str:
    """How much the picture shows, and what it folds."""
    graph = forward.graph
    parameters = [v for v in graph.sources if v.kind == "parameter"]
    parts = [_counted(len(graph.ops), "operation")]
    if parameters:
        numbers = sum(_size(v) for v in parameters)
        parts.append(f"{_counted(len(parameters), 'parameter')} with {_counted(numbers, 'entry')}")
    dtypes = sorted(str(dtype) for dtype in {v.dtype for v in graph.values() if v.tracked})
    parts += dtypes
    folds = [block for block in forward.blocks if block.fold]
    if folds:
        inside = sum(len(block.ops) for block in folds)
        parts.append(
            f"{_counted(inside, 'operation')} folded into {_counted(len(folds), 'box')} "
            "(fold=False or depth= opens them)"
        )
    return " · ".join(parts)


_PLURALS = {"entry": "entries", "box": "boxes"}


def _counted(n: int, word: str) -> str:
    return f"{n:,} {word if n == 1 else _PLURALS.get(word, word + 's')}"


def _size(value: Value) -> int:
    n = 1
    for length in value.shape:
        n *= length
    return n


VIEWS: dict[str, Callable[[Recorded, int | None, bool], tuple[Picture, Forward]]] = {
    "graph": graph_view,
    "lanes": lanes_view,
    "backward": backward_view,
}
