"""Width of a text before anything has drawn it, in units of the font size.

The widths are those of DejaVu Sans, the widest of the usual sans-serif fonts: a label that fits in
it fits in Helvetica and Arial too, whichever the reader's machine has.
"""

from __future__ import annotations

import unicodedata

__all__ = ["text_width"]

_CLASSES = {
    0.28: "ijl⁽⁾'",
    0.32: " IJ,.·",
    0.38: "/:;\\|f-ᵀ()[]t",
    0.42: "!₀₁₂₃₄₅₆₇₈₉¹²³rᵍ",
    0.50: '"*_`',
    0.55: "sz∂?⁻εc",
    0.58: "LFk",
    0.62: "vxyŷγλPTYaoŶδθe",
    0.66: "ESbdghnpquΣσ$0123456789{}√βμKα",
    0.70: "AVΔBRXZC",
    0.79: "UHNDG&OQ",
    0.84: "w#+<=>^~⊙×−≥≤≠→←M",
    1.00: "%mW@…",
}
_WIDTHS = {char: width for width, chars in _CLASSES.items() for char in chars}


def text_width(text: str, size: float) -> float:
    """Width of a line of text at a font size, in the unit of the size."""
    return size * sum(_width(char) for char in text)


def _width(char: str) -> float:
    known = _WIDTHS.get(char)
    if known is not None:
        return known
    if unicodedata.combining(char):
        return 0.0
    return 1.0 if unicodedata.east_asian_width(char) in "WF" else 0.75
