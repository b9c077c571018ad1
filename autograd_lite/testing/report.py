"""What a gradient check found: one row a parameter, printed as a diagnosis.

A `GradReport` serves every kind of check: gradients against numeric derivatives, gradients by
hand against the engine's, two sets of arrays against each other. The kinds differ only in their
columns; a row is a name, a verdict and whatever cells its columns show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_lite.testing.tables import Column, html_table, text_table

__all__ = ["GradReport", "GradientMismatch", "Row", "compare_arrays"]

# From harmless to worst: the report's verdict is that of its worst row.
SEVERITY = (
    "ok",
    "agree",
    "inconclusive",
    "edge",
    "vertical",
    "kink",
    "jump",
    "aliased_grad",
    "mutated_input",
    "nondeterministic",
    "dtype",
    "missing",
    "mismatch",
    "engine wrong",
    "hand wrong",
    "both wrong",
    "shape",
)


@dataclass(frozen=True)
class Row(Mapping[str, Any]):
    """One parameter's verdict; `row["bar"]` and `row.bar` are the cell of that column."""

    name: str
    verdict: str
    cells: Mapping[str, Any] = field(default_factory=dict)
    hints: tuple[str, ...] = ()
    passed: bool = False

    def __getitem__(self, key: str) -> Any:
        if key in ("name", "verdict", "passed", "hints"):
            return object.__getattribute__(self, key)
        return self.cells[key]

    def __iter__(self) -> Iterator[str]:
        return iter(("name", "verdict", "passed", "hints", *self.cells))

    def __len__(self) -> int:
        return 4 + len(self.cells)

    def __getattr__(self, key: str) -> Any:
        # only reached for names that are no field; dunders must fail, or copying recurses
        if key.startswith("__") or key == "cells" or key not in self.cells:
            raise AttributeError(f"this row has no cell {key!r}")
        return self.cells[key]

    @property
    def badness(self) -> tuple[bool, int, float]:
        """What rows are ranked by: failing before passing, then severity, then relative error."""
        error = self.cells.get("relative")
        size = 0.0 if error is None else np.inf if np.isnan(error) else float(error)
        return (not self.passed, SEVERITY.index(self.verdict), size)


@dataclass(frozen=True)
class GradReport:
    """The outcome of a gradient check: `.ok`, `.verdict`, `.worst`, `.rows`, and a table."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every row passed."""
        return all(row.passed for row in self.rows)

    @property
    def verdict(self) -> str:
        """ "ok", or the verdict of the worst row."""
        return "ok" if self.ok else self.worst.verdict

    @property
    def worst(self) -> Row:
        """The row that failed worst; where none failed, the one with the largest error."""
        return max(self.rows, key=lambda row: row.badness)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain dicts, lists, strings and numbers."""
        rows = [{key: _plain(row[key]) for key in row} for row in self.rows]
        return {"ok": self.ok, "verdict": self.verdict, "rows": rows, "notes": list(self.notes)}

    def __bool__(self) -> bool:
        raise TypeError("a GradReport is neither true nor false; ask for report.ok")

    def __str__(self) -> str:
        paragraphs = [f"{self.title}: {self.verdict}", text_table(self.columns, self.rows)]
        if remarks := self.remarks:
            paragraphs.append("\n".join(remarks))
        return "\n\n".join(paragraphs)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        remarks = "".join(f"<li>{escape(line)}</li>" for line in self.remarks)
        return (
            f"<p><b>{escape(self.title)}: {escape(self.verdict)}</b></p>"
            f"{html_table(self.columns, self.rows)}"
            f"{f'<ul>{remarks}</ul>' if remarks else ''}"
        )

    @property
    def remarks(self) -> list[str]:
        """The hints, each with the names of its rows, then the notes on the whole."""
        said: dict[str, list[str]] = {}
        for row in self.rows:
            for hint in row.hints:
                said.setdefault(hint, []).append(row.name)
        hints = [f"{', '.join(names)}: {hint}" for hint, names in said.items()]
        return [*hints, *self.notes]


class GradientMismatch(AssertionError):
    """Raised where a gradient check fails; `.report` holds what it found."""

    def __init__(self, report: GradReport) -> None:
        super().__init__(f"\n{report}")
        self.report = report


def _plain(value: Any) -> Any:
    """NumPy scalars and arrays as Python numbers and lists."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


ARRAY_COLUMNS = (
    Column("name", "parameter", left=True),
    Column("shape", "shape", left=True),
    Column("norm", "norm"),
    Column("difference", "max |Δ|"),
    Column("index", "at"),
    Column("relative", "relative"),
    Column("ulps", "ulps"),
    Column("verdict", "verdict", left=True),
)


def compare_arrays(
    hand: Mapping[str, NDArray[Any]],
    engine: Mapping[str, NDArray[Any]],
    *,
    rtol: float = 1e-12,
    title: str = "gradients by hand against the engine's",
) -> GradReport:
    """A report on two sets of arrays: which names, shapes and values differ, and by how much.

    Values agree where max |Δ| ≤ rtol · max |g|. Single precision arrays are allowed at least
    256 ulps, since no reordered sum keeps 1e-12 there.
    """
    names = dict.fromkeys([*hand, *engine])
    rows = tuple(_array_row(name, hand.get(name), engine.get(name), rtol) for name in names)
    return GradReport(title, ARRAY_COLUMNS, rows)


def _array_row(name: str, hand: Any, engine: Any, rtol: float) -> Row:
    if hand is None or engine is None:
        present, absent = ("engine", "hand") if hand is None else ("hand", "engine")
        shape = np.shape(engine if hand is None else hand)
        hint = f"only the {present} side has it; give the {absent} side a gradient of {shape}"
        return Row(name, "missing", {"shape": shape}, (hint,))
    a, b = np.asarray(hand), np.asarray(engine)
    if a.shape != b.shape:
        hint = f"the hand side has shape {a.shape}, the engine's {b.shape}"
        return Row(name, "shape", {"shape": a.shape}, (hint,))
    return _value_row(name, a, b, rtol)


def _value_row(name: str, a: NDArray[Any], b: NDArray[Any], rtol: float) -> Row:
    cells: dict[str, Any] = {"shape": b.shape}
    if a.size == 0:
        return Row(name, "agree", cells, passed=True)
    with np.errstate(invalid="ignore", over="ignore"):
        # equal infinities differ by 0, not by nan
        difference = np.where(a == b, 0.0, np.abs(np.subtract(a, b, dtype=np.float64)))
    largest = max(_largest(a), _largest(b))
    worst = int(np.argmax(np.where(np.isnan(difference), np.inf, difference)))
    error = float(difference.ravel()[worst])
    eps = max(_eps(a), _eps(b))
    relative = error / (largest or 1.0)
    index = tuple(int(i) for i in np.unravel_index(worst, a.shape))
    cells |= {"norm": float(np.linalg.norm(b.ravel())), "difference": error}
    cells |= {"index": index if error else None, "relative": relative, "ulps": relative / eps}
    if relative <= max(rtol, 256 * eps if eps > 1e-12 else 0.0):
        return Row(name, "agree", cells, passed=True)
    return Row(name, "mismatch", cells, _nan_hints(a, b))


def _largest(array: NDArray[Any]) -> float:
    return float(np.max(np.abs(array), where=np.isfinite(array), initial=0.0))


def _eps(array: NDArray[Any]) -> float:
    dtype = array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
    return float(np.finfo(dtype).eps)


def _nan_hints(a: NDArray[Any], b: NDArray[Any]) -> tuple[str, ...]:
    """Which side holds nan, and where first."""
    return tuple(
        f"nan on the {side} side, first at {tuple(int(i) for i in np.argwhere(np.isnan(array))[0])}"
        for side, array in (("hand", a), ("engine's", b))
        if np.isnan(array).any()
    )
