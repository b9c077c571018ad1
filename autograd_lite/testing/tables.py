"""Rows and columns as text for a terminal, and as HTML for a notebook."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Column", "html_table", "number", "share", "text_table", "with_bar"]


def number(value: Any) -> str:
    """A number in four significant digits, exact powers of ten bare; a blank for None."""
    return "" if value is None else f"{value:.4g}"


def with_bar(value: float, bar: float) -> str:
    """`value ± bar`, with no digit of the value beyond the bar's first."""
    if not math.isfinite(value) or not math.isfinite(bar):
        return f"{value:.6g} ± {bar:.1g}"
    if bar <= 0.0:
        return f"{value:.17g} ± 0"
    if abs(value) <= bar:
        return f"{value:.1g} ± {bar:.1g}"
    digits = math.floor(math.log10(abs(value))) - math.floor(math.log10(bar)) + 1
    return f"{value:#.{min(max(digits, 1), 17)}g} ± {bar:.1g}"


def share(value: float) -> str:
    """A relative error in two significant digits: 2, 0.53, 1.2e-10."""
    return f"{value:.2g}" if not value or value >= 0.01 else f"{value:.1e}"


def shown(value: Any) -> str:
    """Any cell as text: floats in four digits, the rest as `str` has it."""
    return number(value) if value is None or isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Column:
    """A column: the keys of its cells, its heading, and how the cells are shown as one text."""

    keys: str | tuple[str, ...]
    heading: str
    text: Callable[..., str] = shown
    left: bool = False

    def cell(self, row: Mapping[str, Any]) -> str:
        """The row's entry as text, a blank where it has none."""
        keys = (self.keys,) if isinstance(self.keys, str) else self.keys
        values = [row.get(key) for key in keys]
        return "" if any(value is None for value in values) else self.text(*values)


def used(columns: Iterable[Column], rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    """The columns in which at least one row has something to say."""
    return [c for c in columns if any(c.cell(row) for row in rows)]


def text_table(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> str:
    """The table as aligned text, a line a row, without the columns that are blank throughout."""
    columns = used(columns, rows)
    lines = [[c.heading for c in columns], *([c.cell(row) for c in columns] for row in rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    justified = [
        "  ".join(
            cell.ljust(width) if column.left else cell.rjust(width)
            for column, cell, width in zip(columns, line, widths, strict=True)
        ).rstrip()
        for line in lines
    ]
    return "\n".join([justified[0], "  ".join("─" * width for width in widths), *justified[1:]])


def html_table(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> str:
    """The table as HTML with its look in attributes, since notebooks strip style sheets."""
    columns = used(columns, rows)
    heads = "".join(f"<th{_align(c)}>{html.escape(c.heading)}</th>" for c in columns)
    lines = [
        "".join(f"<td{_align(c)}>{html.escape(c.cell(row))}</td>" for c in columns) for row in rows
    ]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _align(column: Column) -> str:
    return f' style="text-align:{"left" if column.left else "right"}"'
