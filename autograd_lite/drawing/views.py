"""The views of a recorded graph: forward, with a gradient lane above it, or backward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from autograd_lite.drawing.backward import gradient_boxes
from autograd_lite.drawing.blocks import blocks_of
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
    blocks = blocks_of(graph, inline=False, depth=depth, fold=fold, per_block=1.5)
    forward = Forward(graph, blocks, every_value=False)
    title = f"Graph of {graph.output.name}"
    return _picture(title, forward, "graph", forward.vertices, forward.edges)


def lanes_view(graph: Recorded, depth: int | None, fold: bool) -> tuple[Picture, Forward]:
    """Every value from left to right, and above it, from right to left, its gradient."""
    forward = _every_value(graph, depth, fold)
    boxes, arrows = gradient_boxes(forward)
    title = f"Forward and reverse pass of {graph.output.name}"
    return _picture(title, forward, "lanes", [*forward.vertices, *boxes], [*forward.edges, *arrows])


def backward_view(graph: Recorded, depth: int | None, fold: bool) -> tuple[Picture, Forward]:
    """The gradients alone, from the output on the left to the leaves on the right."""
    forward = _every_value(graph, depth, fold)
    boxes, arrows = gradient_boxes(forward, shapes=True)
    covered = sum(v.nodes for v in forward.vertices)
    inside = sum(e.edges for e in forward.edges) + sum(v.edges for v in forward.vertices)
    if boxes:  # the sweep passes every node; what it leaves out is counted with its start
        boxes[0] = replace(boxes[0], nodes=covered, edges=inside)
    shown = boxes or forward.vertices
    leaves = {forward.ids[v] for v in graph.sources if v in forward.ids}
    shown = [replace(v, title=v.title + "; a leaf") if v.mirrors in leaves else v for v in shown]
    title = f"Reverse pass from {graph.output.name}"
    return _picture(title, forward, "backward", shown, arrows if boxes else forward.edges)


def _every_value(graph: Recorded, depth: int | None, fold: bool) -> Forward:
    name_loss(graph)
    blocks = blocks_of(graph, inline=True, depth=depth, fold=fold, per_block=5)
    return Forward(graph, blocks, every_value=True)


def _picture(
    title: str, forward: Forward, view: str, vertices: list[Vertex], edges: list[Edge]
) -> tuple[Picture, Forward]:
    picture = Picture(title, tuple(vertices), tuple(edges), _caption(forward), view)
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
