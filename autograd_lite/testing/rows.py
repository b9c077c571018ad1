"""Findings on one parameter as a row of the report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from autograd_lite.testing.claims import Fault
from autograd_lite.testing.examine import Finding
from autograd_lite.testing.landscape import Landscape
from autograd_lite.testing.probing import Probed
from autograd_lite.testing.report import SEVERITY, Row
from autograd_lite.testing.tables import Column, number, share, with_bar

__all__ = [
    "GRADIENT_COLUMNS",
    "explained",
    "extent",
    "fault_row",
    "probed_row",
    "representative",
]

GRADIENT_COLUMNS = (
    Column("name", "parameter", left=True),
    Column("shape", "shape", left=True),
    Column("verdict", "verdict", left=True),
    Column("index", "at"),
    Column("analytic", "analytic", lambda value: f"{value:.10g}"),
    Column(("numeric", "bar"), "numeric ± bar", with_bar),
    Column("left", "left slope", number),
    Column("right", "right slope", number),
    Column("relative", "rel. error", share),
    Column("digits", "digits"),
    Column("checked", "checked", left=True),
)


def probed_row(
    name: str,
    land: Landscape,
    probed: Probed,
    faults: Iterable[Fault],
    hints: Iterable[str],
    *,
    allow_kinks: bool,
) -> Row:
    """The row of a parameter that was probed: its worst finding, and all there is to say."""
    element, found = representative(probed)
    verdict = found.verdict
    sentences = [fault.sentence for fault in faults]
    verdict = max([verdict, *(fault.verdict for fault in faults)], key=SEVERITY.index)
    everything = [*probed.elements.values(), *probed.directions]
    excused = allow_kinks and all(f.verdict == "ok" or f.defensible for f in everything)
    passed = not sentences and (verdict == "ok" or excused)
    if found.verdict != "ok" and found.reason:
        sentences.append(explained(found))
    cells: dict[str, Any] = {"shape": land.shape, "checked": extent(land, probed)}
    cells["index"] = land.index(element) if element is not None and land.shape else None
    if element is None and probed.directions:
        cells["index"] = "direction"
    if passed:
        sentences += _reservations(list(probed.elements.values()))
    return Row(name, verdict, cells | _cells(found), (*sentences, *hints), passed)


def _reservations(findings: Sequence[Finding]) -> Iterator[str]:
    """What differences could not see of elements that passed."""
    n = len(findings)
    hidden, still = (sum(f.hidden for f in findings), sum(f.still for f in findings))
    if hidden:
        verb = "agrees" if hidden == 1 else "agree"
        yield (
            f"{hidden} of the {n} elements looked at {verb} as far as rounding in f lets one see, "
            "beside the largest"
        )
    if still:
        some = f"{still} of the {n} elements looked at {'moves' if still == 1 else 'move'}"
        any_of = f"any of the {n} elements looked at moves" if n > 1 else "it moves"
        yield f"f does not change at all when {any_of if still == n else some}"


def fault_row(name: str, shape: Any, faults: Iterable[Fault], hints: Iterable[str] = ()) -> Row:
    """The row of a parameter that could not be probed."""
    faults = list(faults)
    verdict = max((fault.verdict for fault in faults), key=SEVERITY.index)
    return Row(name, verdict, {"shape": shape}, (*(f.sentence for f in faults), *hints))


def representative(probed: Probed) -> tuple[int | None, Finding]:
    """The finding that stands for the array, and its element; None for a direction's."""
    if probed.elements:
        element = max(probed.elements, key=lambda i: _badness(probed.elements[i]))
        if probed.elements[element].verdict != "ok":
            return element, probed.elements[element]
    for found in probed.directions:
        if found.verdict != "ok":
            return None, found
    return element, probed.elements[element]


def _badness(found: Finding) -> tuple[int, bool, float, float]:
    relative = _relative(found)
    # among elements that are equally wrong the largest speaks clearest
    rough = (
        math.inf if not math.isfinite(relative) else round(relative, 2 if relative > 0.1 else 12)
    )
    return SEVERITY.index(found.verdict), not found.hidden, rough, abs(found.numeric)


def _cells(found: Finding) -> dict[str, Any]:
    """Analytic and numeric value, the bar, the error and how many digits agree."""
    cells: dict[str, Any] = {"analytic": found.analytic}
    cells |= dict.fromkeys(("numeric", "bar", "relative", "digits"))
    # where there is no one slope, the left and the right one say all there is to say
    if math.isfinite(found.bar) and found.verdict not in ("kink", "jump", "vertical"):
        cells |= {"numeric": found.numeric, "bar": found.bar, "relative": _relative(found)}
        cells["digits"] = _digits(found)
    return cells | {"left": found.left, "right": found.right}


def _relative(found: Finding) -> float:
    """The error in units of the numeric value, or of its bar where that is all there is."""
    if math.isinf(found.analytic):
        return math.inf
    size = max(abs(found.numeric), found.bar)
    return found.error / size if size else math.inf if found.error else 0.0


def _digits(found: Finding) -> int | None:
    """Digits in which the two values agree, no more than the bar lets one see."""
    size = abs(found.numeric)
    doubt = max(found.error, found.bar)
    if not math.isfinite(found.error) or size == 0.0:
        return 0 if found.error else None
    return 15 if doubt == 0.0 else min(15, max(0, math.floor(-math.log10(doubt / size))))


def explained(found: Finding) -> str:
    """Why the verdict is none of ok and mismatch."""
    if found.verdict not in ("kink", "vertical", "edge") or found.left is None:
        return found.reason
    if math.isnan(found.analytic):
        return f"{found.reason}; the analytic value is nan"
    if found.defensible:
        return f"{found.reason}; the analytic value is a fair choice between them"
    return f"{found.reason}; the analytic value is none that they leave to choose"


def extent(land: Landscape, probed: Probed) -> str:
    """What was probed, in words."""
    n = len(probed.elements)
    if probed.complete:
        pairs = " pairs (i, j) with (j, i)" if land.mirrored else ""
        return f"all {n}{pairs}" if n > 1 else "all"
    return f"{_count(len(probed.directions), 'direction')}, {n} of {land.size}"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
