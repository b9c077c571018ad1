"""The slopes a ladder of steps shows: across the point, on either side of it, and their gap."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from autograd_lite.testing.differences import (
    CENTRAL,
    GAP,
    ONE_SIDED,
    RATIO,
    Estimate,
    best_entries,
    extrapolated,
    sharpest,
)
from autograd_lite.testing.line import Line, Rung

__all__ = ["Ladder", "Side", "side"]


class Ladder:
    """What one ladder says of the slope of f at the point."""

    def __init__(self, line: Line, rungs: Sequence[Rung]) -> None:
        self._rungs, self._centre = rungs, line.centre
        centre = line.centre
        self._ratio = rungs[0].h / rungs[1].h
        noise = [r.noise / r.h for r in rungs]
        across = [(r.right - r.left) / (2.0 * r.h) for r in rungs]
        gaps = [((r.right - centre) - (centre - r.left)) / (2.0 * r.h) for r in rungs]
        gap_entries = best_entries(gaps, [2.0 * n for n in noise], GAP, self._ratio)
        self.gap = sharpest(gap_entries)
        # an even f has quotients of 0 at any step; the gap tells which steps resolve it
        self.central = sharpest(
            [
                Estimate(entry.value, entry.bar + abs(gap.value))
                for entry, gap in zip(
                    best_entries(across, noise, CENTRAL, self._ratio), gap_entries, strict=True
                )
            ]
        )
        near = [i for i, r in enumerate(rungs) if r.h <= 0.125 * line.scale][:4]
        bends = (max(abs(across[i] - self.central.value), abs(gaps[i])) for i in near)
        #: by how much quotients of moderate steps differ from the slope: nothing for a line
        self.variation = max(bends, default=0.0)

    def slope(self, rtol: float, reference: float) -> Estimate | None:
        """The sharpest estimate of the slope, None where the two sides may differ.

        A gap below `rtol` of the slope, of `reference` or of what f varies by is none.
        """
        size = max(abs(self.central.value), reference, self.variation)
        if abs(self.gap.value) > 1.5 * self.gap.bar + rtol * size:
            return None
        settled = self.gap.bar <= 10.0 * rtol * size
        if settled and self.central.bar <= rtol * size:
            return self.central
        # close to a kink only the lowest rungs see one slope, but one of the sides sees it well
        if not settled and self.gap.bar > 0.05 * abs(self.central.value):
            return None
        slopes = (self.central, self._one_sided(1.0), self._one_sided(-1.0))
        agreeing = [slope for slope in slopes if self.central.holds(slope.value, slope.bar)]
        return min(agreeing, key=lambda slope: slope.bar, default=None)

    def _one_sided(self, sign: float) -> Estimate:
        values = [(r.h, (r.right if sign > 0 else r.left) - self._centre) for r in self._rungs]
        quotients = [sign * rise / h for h, rise in values]
        noise = [2.0 * r.noise / r.h for r in self._rungs]
        return extrapolated(quotients, noise, ONE_SIDED, self._ratio)


class Side(NamedTuple):
    """How f leaves the point on one side: smooth, jump, vertical or edge, and its slope there."""

    kind: str
    slope: float


def side(line: Line, steps: Iterable[float]) -> Side:
    """How f behaves along `steps`, which shrink by 4 and are all positive or all negative."""
    rises: list[tuple[float, float]] = []
    for t in steps:
        rise = line.at(t) - line.centre
        if math.isfinite(rise):
            rises.append((t, rise))
        else:
            rises.clear()
    if len(rises) < 3:
        return Side("edge", math.nan)
    noise = [2.0 * line.noise(abs(t), line.centre, line.centre + rise) for t, rise in rises]
    quotients = [rise / t for t, rise in rises]
    rounding = [n / abs(t) for n, (t, _) in zip(noise, rises, strict=True)]
    # what only steps of moderate size show is no property of the point
    small = sum(abs(t) > 2.0**-15 * line.scale for t, _ in rises)
    kind, tail = _divergence(quotients, rounding, small)
    if kind:
        return Side(kind, math.copysign(math.inf, tail))
    return Side("smooth", extrapolated(quotients, rounding, ONE_SIDED).value)


def _divergence(
    quotients: Sequence[float], noise: Sequence[float], small: int
) -> tuple[str, float]:
    """ "jump", "vertical" or "" by how the last quotients above the noise grow, and their last.

    small: the place of the first quotient of a small step, which must be among them
    """
    seen = _last_seen(quotients, noise, small)
    if len(seen) < 7:
        return "", 0.0
    first, last = seen[0][0], seen[-1][0]
    steps = list(pairwise(seen))
    if all(abs(after / before) > RATIO**0.97 for (before, _), (after, _) in steps):
        return "jump", last
    changes = [after - before for (before, _), (after, _) in steps]
    rounding = [m + n for (_, m), (_, n) in steps]
    clear = all(abs(c) > 4.0 * r for c, r in zip(changes, rounding, strict=True))
    # the changes of a slope that settles shrink, those of h log h stay, those of √h grow
    lasting = clear and all(after / before > 0.93 for before, after in pairwise(changes))
    return ("vertical", last) if lasting and abs(last) > 1.1 * abs(first) else ("", 0.0)


def _last_seen(
    quotients: Sequence[float], noise: Sequence[float], small: int
) -> list[tuple[float, float]]:
    """The last seven quotients well above the noise, if what follows can only be lost in it."""
    pairs = list(zip(quotients, noise, strict=True))
    places = [i for i, (q, n) in enumerate(pairs) if abs(q) > 32.0 * n]
    if not places or places[-1] < small:
        return []
    below = pairs[places[-1] + 1 :]
    if below and abs(quotients[places[-1]]) > 32.0 * below[0][1]:
        return []
    return [pairs[i] for i in places[-7:]]
