"""How names, shapes and numbers are written: W1 as W₁, (64, 784) as 64×784."""

from __future__ import annotations

import re
from typing import Any
from unicodedata import category

import numpy as np

__all__ = [
    "cotangent",
    "lines_of_array",
    "number",
    "pretty",
    "shape_text",
    "shown_value",
    "subscript",
    "value_text",
]

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_HATS = {"Y": "Ŷ", "y": "ŷ", "A": "Â", "a": "â", "Z": "Ẑ", "z": "ẑ", "X": "X̂", "x": "x̂"}


def pretty(name: str) -> str:
    """A name as the lecture writes it: W1 and W_1 as W₁, Y_hat as Ŷ; other names as they are.

    What no picture can show, such as a line's end or half a surrogate pair, is left out.
    """
    name = "".join(char if category(char)[0] != "C" else " " for char in name).strip()
    hat = re.fullmatch(r"([A-Za-z])_?hat_?(\d*)", name)
    if hat:
        return _HATS.get(hat[1], hat[1] + "\u0302") + hat[2].translate(_SUBSCRIPTS)
    numbered = re.fullmatch(r"(.*[^\W\d_])_?(\d+)", name)
    if numbered:
        return numbered[1] + numbered[2].translate(_SUBSCRIPTS)
    return name


def subscript(n: int) -> str:
    """A number as a subscript."""
    return str(n).translate(_SUBSCRIPTS)


def cotangent(name: str) -> str:
    """The lecture's name for the gradient of the loss with respect to a value."""
    return f"{name}⁽ᵍ⁾"


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as 64×784; nothing for a scalar."""
    return "×".join(map(str, shape))


def number(x: Any) -> str:
    """A number in at most four significant digits."""
    text = f"{x + 0.0:.4g}" if isinstance(x, (float, np.floating)) else str(x)  # no −0
    return text.replace("-", "−")


def value_text(array: Any, limit: int = 4) -> str:
    """The values of an array of at most `limit` elements in one line, else nothing."""
    if array is None or np.size(array) > limit or np.size(array) == 0:
        return ""
    array = np.asarray(array)
    if array.ndim == 0:
        return number(array[()])
    if array.ndim == 1:
        return f"[{', '.join(number(x) for x in array)}]"
    return f"[{', '.join(value_text(row, limit) for row in array)}]"


def shown_value(array: Any) -> str:
    """The values of a small array where they fit into a box, else nothing."""
    text = value_text(array)
    return text if len(text) <= 18 else ""


def lines_of_array(array: Any, rows: int = 6, columns: int = 6) -> list[list[str]]:
    """The upper left corner of an array as text, "…" where it goes on."""
    array = np.asarray(array)
    flat = array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)
    lines = []
    for row in flat[:rows]:
        line = [number(x) for x in row[:columns]]
        lines.append([*line, "…"] if flat.shape[1] > columns else line)
    return [*lines, ["…"]] if flat.shape[0] > rows else lines
