"""Text tables: the first column to the left, numbers to the right, rules around the rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["table"]


def table(
    head: Sequence[str], rows: Iterable[Sequence[Any]], foot: Sequence[Any] | None = None
) -> str:
    """The rows under their heading as aligned text; `foot`, where given, under a second rule.

    Whole numbers get thousands separators; other cells are shown by str.
    """
    body = [[_cell(cell) for cell in row] for row in rows]
    last = [] if foot is None else [[_cell(cell) for cell in foot]]
    widths = [max(map(len, column)) for column in zip(head, *body, *last, strict=True)]
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [_line(head, widths), rule, *(_line(row, widths) for row in body)]
    return "\n".join([*lines, rule, _line(last[0], widths)] if last else lines)


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    right = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
    return "  ".join([row[0].ljust(widths[0]), *right]).rstrip()
