"""Pictures of recorded graphs: forward, with a gradient lane, backward; and the sweep in steps.

The picture's own graph is made first (picture), from the recorded one (recorded, blocks, forward,
backward, views); it is laid out (layered, arrange) and printed (svg, dot, plain, page).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograd_lite.drawing.diagram import Diagram
from autograd_lite.drawing.measure import text_width
from autograd_lite.drawing.naming import pretty, shape_text
from autograd_lite.drawing.picture import Edge, Picture, Vertex
from autograd_lite.drawing.stepping import steps
from autograd_lite.drawing.svg import document, text_element
from autograd_lite.drawing.views import VIEWS, picture_of
from autograd_lite.drawing.walking import walk
from autograd_lite.graph import Tensor

__all__ = [
    "Diagram",
    "Edge",
    "Picture",
    "Vertex",
    "document",
    "draw",
    "pretty",
    "shape_text",
    "steps",
    "text_element",
    "text_width",
]


def draw(
    output: Any,
    *,
    names: Mapping[str, Any] | None = None,
    view: str = "graph",
    depth: int | None = None,
    fold: bool = True,
) -> Diagram:
    """A picture of the graph that computed a tensor.

    names: name → tensor, array or module, such as `locals()`, for what has no name of its own.
    view: "graph", operations and tensors; "lanes", every value with its gradient above it;
    "backward", the gradients alone. depth: how many levels of `ag.scope`s are opened; None opens as
    many as a reader can take in. fold: whether repeats and what is too long are folded into boxes
    that say how much they hold.

    Values are shown where their arrays are alive or saved; record under `ag.keep()` to see all.
    Raises TypeError for what is no tensor and names that are no mapping, ValueError for an unknown
    view and a depth that is no whole number from 0 up.
    """
    if not isinstance(output, Tensor):
        raise TypeError(
            f"draw: expected the tensor that a computation ended in, got {type(output).__name__}"
        )
    if names is not None and not isinstance(names, Mapping):
        raise TypeError(
            f"draw: names maps names to tensors, as locals() does; got {type(names).__name__}"
        )
    if depth is not None and (not isinstance(depth, int) or depth < 0):
        raise ValueError(f"draw: depth is how many levels of scopes are opened, got {depth!r}")
    if view not in VIEWS:
        raise ValueError(f"draw: unknown view {view!r}; choose one of {', '.join(VIEWS)}")
    picture, forward = picture_of(output, names, view, depth, fold)
    return Diagram(picture, lambda: walk(forward, output))
