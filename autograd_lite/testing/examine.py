"""The verdict on one directional derivative: does the analytic value hold, and is f smooth here?

Two stages. The first, eight evaluations and two far closer to the point, can only say ok. Whatever
it does not accept goes to the second: a ladder from an eighth of the scale down to 3e-8 of it, with
one-sided noise probes; and what that does not accept is rejected only after a look along a ladder
from 512 scales down to the spacing of floats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from autograd_lite.testing.differences import Estimate
from autograd_lite.testing.ladder import Ladder, side
from autograd_lite.testing.line import Line, Rung

__all__ = ["Demand", "Finding", "examine"]

QUICK = range(2, 6)  # steps 2⁻⁷ to 2⁻¹³ of the scale
LONG = range(12)  # steps 2⁻³ to 2⁻²⁵ of the scale
WIDE = range(-6, 22)  # steps 2⁹ to 2⁻⁴⁵ of the scale: below that a point is not told from the next
AT_ZERO = range(-6, 42)  # beside 0 floats are denser
# A ladder overlooks what is narrower than its lowest step: sentinels stand below.
SENTINEL = (9,)  # a step of 2⁻²¹ of the scale
SENTINELS = (14, 16, 18, 20, 21)  # steps 2⁻³¹ to 2⁻⁴⁵

STILL = "f does not change at all"
HIDDEN = "small beside the largest: rounding in f hides some of its digits"


@dataclass(frozen=True)
class Demand:
    """How close is close enough, in units of the derivative along the line.

    slack: absolute allowance for the rounding of the analytic value itself
    rtol: the bar must be below this part of the value
    relative: whether the analytic value may be off by `rtol` of the value
    reference: a bar below `rtol` of this is narrow enough, however small the value
    excuse: the same, once every ladder has been tried
    """

    slack: float
    rtol: float
    relative: bool = True
    reference: float = 0.0
    excuse: float = 0.0

    def allowed(self, slope: Estimate) -> float:
        """What an analytic value may differ by beyond the bar."""
        return self.slack + (self.rtol * abs(slope.value) if self.relative else 0.0)

    def resolved(self, slope: Estimate) -> bool:
        """Whether the bar is narrow enough to bear a value out."""
        return slope.bar <= self.rtol * max(abs(slope.value), self.reference)


@dataclass(frozen=True)
class Finding:
    """What the probes along one line say of the analytic value, and why."""

    verdict: str
    analytic: float
    numeric: float
    bar: float
    left: float | None = None
    right: float | None = None
    reason: str = ""

    @property
    def slope(self) -> Estimate:
        """The numeric value and its bar."""
        return Estimate(self.numeric, self.bar)

    @property
    def error(self) -> float:
        """Distance of the analytic value from the numeric one."""
        return abs(self.analytic - self.numeric)

    @property
    def hidden(self) -> bool:
        """Whether the value was accepted though rounding hides some of its digits."""
        return self.reason == HIDDEN

    @property
    def still(self) -> bool:
        """Whether f was the same wherever it was evaluated."""
        return self.verdict == "ok" and self.reason == STILL

    @property
    def defensible(self) -> bool:
        """Whether the analytic value is a fair choice where f is not smooth.

        At a kink or vertical tangent, one between the slopes; at an edge, the slope inside.
        """
        if self.verdict not in ("kink", "vertical", "edge"):
            return False
        sides = [s for s in (self.left, self.right) if s is not None and not math.isnan(s)]
        if not sides:
            return False
        # an edge has no bar: one-sided slopes are good to a few digits there
        bar = self.bar if math.isfinite(self.bar) else 1e-4 * max(map(abs, sides))
        if math.isinf(self.analytic):
            return self.analytic in sides
        return min(sides) - bar <= self.analytic <= max(sides) + bar


def examine(line: Line, analytic: float, demand: Demand, quick: Sequence[float] = QUICK) -> Finding:
    """The verdict on `analytic` as the derivative of f along the line.

    quick: the rungs that are tried first
    """
    if not math.isfinite(line.centre):
        reason = f"f is {line.centre} at the point itself"
        return Finding("edge", analytic, math.nan, math.inf, reason=reason)
    rungs, first = line.rungs(quick), None
    if len(rungs) == len(quick) and (first := _accepted(line, rungs, analytic, demand)):
        slack = demand.rtol * abs(first.numeric)
        if quick is not QUICK or line.bears_out(first.slope, SENTINEL, slack):
            return first
    readings = [_thoroughly(line, jitter, analytic, demand) for jitter in line.jitters()]
    doubtful = all(_doubtful(line, found) for found in readings)
    if doubtful and (jitter := line.coarse_jitter()) > 16.0 * line.jitter:
        readings.insert(0, _thoroughly(line, jitter, analytic, demand))
    found = _reconciled(line, readings)
    if first and found.verdict != "ok":
        # what the first steps saw stands where far smaller ones show no more than a staircase
        found = _reconciled(line, [first, *readings])
    if found.verdict == "mismatch" and _lost(line, analytic):
        reason = "f does not change at all, and rounding would hide so small a derivative"
        return replace(found, verdict="inconclusive", bar=line.grain, reason=reason)
    return found


def _lost(line: Line, analytic: float) -> bool:
    """Whether f is still where the claim is below what f, computed from larger values, may lose.

    log(1 + exp(x)) is 0.0 at −50.
    """
    return abs(analytic) <= line.grain and line.still(SENTINELS)


def _doubtful(line: Line, found: Finding) -> bool:
    """Whether a mismatch may be rounding's doing: small steps show another slope, none, or hardly.

    f(x) = log(1 + x²) is a staircase about a small x, and flat on each of its steps.
    """
    if found.verdict != "mismatch" or not math.isfinite(found.error):
        return False
    unclear = found.bar > 0.03 * found.error
    return (
        unclear
        or line.still(SENTINELS)
        or not line.bears_out(found.slope, SENTINELS, 0.5 * found.error)
    )


def _reconciled(line: Line, readings: Sequence[Finding]) -> Finding:
    """The finding, where it is open what in f is jitter: of much jitter first, of little last.

    A ripple that some steps resolve is no jitter; a staircase, which does not bend on small steps,
    is. Of anything else nothing can be told.
    """
    much, little = readings[0], readings[-1]
    if much.verdict == little.verdict:
        return much
    texture = line.texture()
    if texture == "ripple":
        return little
    if texture == "staircase" and much.verdict != "mismatch":
        return much
    reason = "f jitters beyond rounding, or ripples: differences do not tell which"
    bar = abs(much.numeric - little.numeric) + max(much.bar, little.bar)
    return replace(much, verdict="inconclusive", bar=bar, reason=reason)


def _thoroughly(line: Line, jitter: float, analytic: float, demand: Demand) -> Finding:
    """The verdict by the long ladder and the widest one, given the jitter of f."""
    line.jitter = jitter
    rungs = line.rungs(LONG)
    found = _accepted(line, rungs, analytic, demand)
    if found and line.bears_out(found.slope, SENTINELS, demand.rtol * abs(found.numeric)):
        return found
    if found := _settled(line, rungs, analytic, demand):
        return found
    rungs = line.rungs(_widest(line))
    return _accepted(line, rungs, analytic, demand) or _rejected(line, rungs, analytic, demand)


def _widest(line: Line) -> range:
    return WIDE if line.size else AT_ZERO


def _accepted(line: Line, rungs: Sequence[Rung], analytic: float, demand: Demand) -> Finding | None:
    """An ok, where the ladder bears the analytic value out."""
    if len(rungs) < 3:
        return None
    if line.constant and analytic == 0.0 and _flat(line):
        return Finding("ok", analytic, 0.0, 0.0, reason=STILL)
    ladder = Ladder(line, rungs)
    slope = ladder.slope(demand.rtol, demand.reference)
    if slope is None or not slope.holds(analytic, demand.allowed(slope)):
        return None
    if demand.resolved(slope) or _zero(analytic, slope, ladder):
        return Finding("ok", analytic, slope.value, slope.bar)
    return None


def _flat(line: Line) -> bool:
    """Whether steps beyond the scale show no slope either, where smaller ones show no change.

    One that rounding would hide from the smaller steps counts if it is clearly not 0, another,
    as of a step function seen from afar, only if it has three digits.
    """
    rungs = line.moving(range(-6, 2))
    if len(rungs) < 3:
        return True
    slope = Ladder(line, rungs).slope(1e-3, 0.0)
    if slope is None:
        return True
    hidden = abs(slope.value) * line.step(2) <= 64.0 * rungs[-1].noise
    return slope.holds(0.0, 2.0 * slope.bar) or not (hidden or slope.bar <= 1e-3 * abs(slope.value))


def _settled(line: Line, rungs: Sequence[Rung], analytic: float, demand: Demand) -> Finding | None:
    """A mismatch beyond doubt, or an ok for a value that is excused: no wider ladder needed."""
    if len(rungs) < len(LONG):
        return None
    slope = Ladder(line, rungs).slope(demand.rtol, max(demand.reference, demand.excuse))
    if slope is None:
        return None
    if demand.resolved(slope) and not slope.holds(analytic, 9 * slope.bar + demand.allowed(slope)):
        found = Finding("mismatch", analytic, *slope)
        return None if _doubtful(line, found) else found
    return _excused(analytic, slope, demand)


def _excused(analytic: float, slope: Estimate, demand: Demand) -> Finding | None:
    if slope.holds(analytic) and slope.bar <= demand.rtol * demand.excuse:
        return Finding("ok", analytic, slope.value, slope.bar, reason=HIDDEN)
    return None


def _zero(analytic: float, slope: Estimate, ladder: Ladder) -> bool:
    """Whether an exact zero is borne out: the bar is nothing beside what f varies by."""
    return analytic == 0.0 and slope.holds(0.0) and slope.bar <= 1e-8 * ladder.variation


def _rejected(line: Line, rungs: Sequence[Rung], analytic: float, demand: Demand) -> Finding:
    """What stands in the way of an ok."""
    left, right = (side(line, [sign * line.step(k) for k in _widest(line)]) for sign in (-1.0, 1.0))
    both = (left.slope, right.slope)
    if len(rungs) < 3:
        sides = [name for name, s in (("left", left), ("right", right)) if s.kind == "edge"]
        reason = f"f is not finite on the {' and the '.join(sides)}" if sides else "f has gaps"
        return Finding("edge", analytic, math.nan, math.inf, *both, reason)
    ladder = Ladder(line, rungs)
    slope = ladder.slope(demand.rtol, demand.reference)
    if slope and slope.bar <= 1e-3 * max(abs(slope.value), demand.reference):
        return _unequal(analytic, slope, demand)
    central, gap = ladder.central, ladder.gap
    for kind in ("jump", "vertical"):
        if kind in (left.kind, right.kind):
            return Finding(kind, analytic, central.value, central.bar, *both, _SAYS[kind])
    if line.erratic(analytic):
        reason = "f jumps about from one float to the next: no difference shows its slope"
        return Finding("inconclusive", analytic, central.value, math.inf, reason=reason)
    if abs(gap.value) > 10.0 * gap.bar:
        return Finding("kink", analytic, central.value, gap.bar, *both, _SAYS["kink"])
    wide = Estimate(central.value, central.bar + abs(gap.value) + gap.bar)
    return _unequal(analytic, slope or wide, demand)


_SAYS = {
    "jump": "f jumps at the point",
    "vertical": "the slope grows without bound",
    "kink": "the slopes on the left and the right differ",
}


def _unequal(analytic: float, slope: Estimate, demand: Demand) -> Finding:
    """A mismatch where the slope would rule the analytic value out even with thrice its bar."""
    if not slope.holds(analytic, 2.0 * slope.bar + demand.allowed(slope)):
        return Finding("mismatch", analytic, slope.value, slope.bar)
    if excused := _excused(analytic, slope, demand):
        return excused
    if slope.bar >= abs(slope.value):
        reason = "the bar is wider than the answer: rounding in f hides the derivative"
    else:
        digits = max(0, math.floor(-math.log10(slope.bar / abs(slope.value))))
        reason = f"rounding in f leaves {digits} digits of the derivative, rtol asks for more"
    return Finding("inconclusive", analytic, slope.value, slope.bar, reason=reason)
