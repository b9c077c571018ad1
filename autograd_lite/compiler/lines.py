"""Long statements over several lines, as a person would break them.

Nothing here may hold text in quotes with spaces in it: breaks are made at any space.
"""

from __future__ import annotations

import textwrap

__all__ = ["statement", "wrapped"]


def statement(left: str, right: str) -> list[str]:
    """left = right, the longer of the two in brackets over several lines where it is too long."""
    if len(left) + len(right) < 90:
        return [f"{left} = {right}"]
    if len(left) > len(right):
        return ["(", *_indented(left), f") = {right}"]
    return [f"{left} = (", *_indented(right), ")"]


def wrapped(call: str) -> list[str]:
    """A call, over several lines where it is long."""
    return textwrap.wrap(call, 92, subsequent_indent="    ", break_long_words=False)


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in textwrap.wrap(text, 88, break_long_words=False)]
