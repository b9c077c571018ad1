"""`ops()`: what the table supports, as a table."""

from __future__ import annotations

from typing import NamedTuple

from autograd_lite.graph import load_rules
from autograd_lite.signatures import path_of
from autograd_lite.table import COMPOSED, Primitive, rows

__all__ = ["Op", "OpTable", "ops"]


class Op(NamedTuple):
    """One supported function."""

    name: str
    kind: str
    modes: str
    rule: str


class OpTable(list[Op]):
    """Every supported function; `str` is a text table, `markdown()` one for a document."""

    def __str__(self) -> str:
        cells = [Op("function", "kind", "modes", "rule"), *self]
        widths = [max(len(row[i]) for row in cells) for i in range(4)]
        lines = [
            "  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in cells
        ]
        rule = "  ".join("─" * w for w in widths)
        return "\n".join([lines[0], rule, *lines[1:], f"{len(self)} functions"])

    __repr__ = __str__

    def markdown(self) -> str:
        """A line for every kind with the names of its functions."""
        by_kind: dict[str, list[str]] = {}
        for op in self:
            by_kind.setdefault(op.kind, []).append(f"`{op.name}`")
        lines = [f"| {kind} | {', '.join(names)} |" for kind, names in by_kind.items()]
        return "\n".join(["| kind | functions |", "|---|---|", *lines])


def ops() -> OpTable:
    """Every supported function: its kind, the modes it has, and where its rule is."""
    load_rules()
    listed = [Op(op.path, _kind(op), _modes(op), op.source) for op in rows() if not _private(op)]
    listed += [Op(path_of(key), "composed", _ALL, c.source) for key, c in COMPOSED.items()]
    unique = {op.name: op for op in reversed(listed)}
    return OpTable(sorted(unique.values(), key=lambda op: (op.kind, op.name)))


_ALL = "reverse, forward, recorded"


def _private(op: Primitive) -> bool:
    """Whether a row serves other rows only: ag has no function of its name."""
    import autograd_lite as ag

    return op.path.startswith("ag.") and op.name not in ag.__all__


def _kind(op: Primitive) -> str:
    return op.kind if any(op.rules) else "no gradient"


def _modes(op: Primitive) -> str:
    return _ALL if any(op.rules) else "constant"
