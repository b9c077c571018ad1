"""How large each box is: its text, measured, plus room around it."""

from __future__ import annotations

import re

from autograd_lite.drawing.measure import text_width
from autograd_lite.drawing.picture import Vertex
from autograd_lite.drawing.style import STYLES

__all__ = ["FONT", "LINE", "SMALL", "box_size", "drawn_lines"]

FONT = 13.0  # px of a box's first line
SMALL = 12.0  # px of the lines below it: 9 pt, and 8 pt where a README narrows a lane
_LONG = 94.0  # px from which on a formula is broken
_WIDE = 86.0  # px from which on an operation's label is broken
_WIDEST = 260.0  # px that no line exceeds, where it has words to be cut between
LINE = 15.0  # px from line to line

_ROOM = {
    "octagon": (26.0, 16.0),
    "pill": (20.0, 10.0),
    "stack": (18.0, 12.0),
    "ellipse": (22.0, 10.0),
}


def drawn_lines(vertex: Vertex) -> list[tuple[str, float]]:
    """The lines of a box with their font sizes; a long formula goes on below its name."""
    first, *rest = vertex.lines
    words = [first]
    if vertex.kind == "gradient" and text_width(first, FONT) > _LONG:
        name, sign, formula = first.partition("= ")
        words = [name + sign.strip(), *_parts(formula)]
    elif vertex.kind in ("op", "fold") and text_width(first, FONT) > _WIDE:
        words = _parts(first, _WIDE)
    lines = [(line, FONT) for line in words if line]
    return lines + [(part, SMALL) for line in rest for part in _parts(line, _WIDE * 1.5)]


def _parts(formula: str, most: float = 144.0) -> list[str]:
    """A formula cut where it is too long for a line: before its signs, else between its words."""
    parts: list[str] = []
    for term in re.split(r" (?=[+−] )|(?<=[a-z]-)(?=[a-z])", formula):
        joined = f"{parts[-1]} {term}" if parts else term
        if parts and parts[-1].endswith("-") and term[:1].isalpha():
            joined = parts[-1] + term
        unclosed = parts and parts[-1].count("(") > parts[-1].count(")")
        if parts and (unclosed or text_width(joined, FONT) <= most):
            parts[-1] = joined
        else:
            parts.append(term)
    return [line for part in parts for line in _wrapped(part)]


def _wrapped(text: str) -> list[str]:
    """A text in lines of at most a good width, cut between its words; last within parentheses."""
    if text_width(text, FONT) <= _WIDEST:
        return [text]
    words = [text]
    for depth in range(4):
        words = _words(text, depth)
        if max(text_width(word, FONT) for word in words) <= _WIDEST:
            break
    lines: list[str] = []
    for word in words:
        if lines and text_width(f"{lines[-1]} {word}", FONT) <= _WIDEST:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _words(text: str, depth: int) -> list[str]:
    """A text cut at its spaces, those in more than `depth` parentheses left out."""
    words = [""]
    level = 0
    for char in text:
        level += (char in "([") - (char in ")]")
        if char == " " and level <= depth:
            words.append("")
        else:
            words[-1] += char
    return words


def box_size(vertex: Vertex) -> tuple[float, float]:
    """(width, height) of a box in px."""
    lines = drawn_lines(vertex)
    width = max(text_width(text, size) for text, size in lines)
    room_x, room_y = _ROOM.get(STYLES[vertex.kind].shape, (14.0, 10.0))
    return max(width + room_x, 30.0), LINE * len(lines) + room_y
