"""How large each box is: its text, measured, plus room around it."""

from __future__ import annotations

from autograd_lite.drawing.measure import text_width
from autograd_lite.drawing.picture import Vertex
from autograd_lite.drawing.style import STYLES

__all__ = ["FONT", "LINE", "SMALL", "box_size", "line_sizes"]

FONT = 13.0  # px of a box's first line
SMALL = 11.0  # px of the lines below it: 8.25 pt
LINE = 15.0  # px from line to line

_ROOM = {"octagon": (26.0, 16.0), "pill": (20.0, 10.0), "stack": (18.0, 12.0), "circle": (6.0, 4.0)}


def line_sizes(vertex: Vertex) -> list[float]:
    """The font size of each line in a box."""
    return [FONT, *[SMALL] * (len(vertex.lines) - 1)]


def box_size(vertex: Vertex) -> tuple[float, float]:
    """(width, height) of a box in px."""
    if vertex.kind == "sum":
        return 24.0, 24.0
    sizes = line_sizes(vertex)
    width = max(text_width(t, s) for t, s in zip(vertex.lines, sizes, strict=True))
    room_x, room_y = _ROOM.get(STYLES[vertex.kind].shape, (14.0, 10.0))
    return max(width + room_x, 30.0), LINE * len(vertex.lines) + room_y
