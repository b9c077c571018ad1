"""How large each box is: its text, measured, plus room around it."""

from __future__ import annotations

from autograd_lite.drawing.measure import text_width
from autograd_lite.drawing.picture import Vertex
from autograd_lite.drawing.style import STYLES

__all__ = ["FONT", "LINE", "SMALL", "box_size", "drawn_lines"]

FONT = 13.0  # px of a box's first line
SMALL = 11.0  # px of the lines below it: 8.25 pt
_LONG = 120.0  # px from which on a formula is broken
LINE = 15.0  # px from line to line

_ROOM = {"octagon": (26.0, 16.0), "pill": (20.0, 10.0), "stack": (18.0, 12.0), "circle": (6.0, 4.0)}


def drawn_lines(vertex: Vertex) -> list[tuple[str, float]]:
    """The lines of a box with their font sizes; a long formula goes on below its name."""
    first, *rest = vertex.lines
    lines = [(first, FONT)]
    if vertex.kind == "gradient" and text_width(first, FONT) > _LONG:
        name, sign, formula = first.partition("= ")
        lines = [(name + sign.strip(), FONT), *((part, FONT) for part in _parts(formula))]
    return [line for line in lines if line[0]] + [(line, SMALL) for line in rest]


def _parts(formula: str) -> list[str]:
    """A formula cut before its plus signs where it is too long for a line."""
    parts: list[str] = []
    for term in formula.replace(" + ", "\n+ ").replace(" − ", "\n− ").split("\n"):
        joined = f"{parts[-1]} {term}" if parts else term
        unclosed = parts and parts[-1].count("(") > parts[-1].count(")")
        if parts and (unclosed or text_width(joined, FONT) <= _LONG * 1.2):
            parts[-1] = joined
        else:
            parts.append(term)
    return parts


def box_size(vertex: Vertex) -> tuple[float, float]:
    """(width, height) of a box in px."""
    if vertex.kind == "sum":
        return 24.0, 24.0
    lines = drawn_lines(vertex)
    width = max(text_width(text, size) for text, size in lines)
    room_x, room_y = _ROOM.get(STYLES[vertex.kind].shape, (14.0, 10.0))
    return max(width + room_x, 30.0), LINE * len(lines) + room_y
