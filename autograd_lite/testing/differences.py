"""Derivatives from differences, each with its own error bar.

A difference quotient D(h) differs from its limit by a series in h. Along a ladder of steps that
shrink by 4, Richardson's table removes one term a column (Ridders 1982); what a column still
changed, plus the rounding of f carried through, is the bar of its entry. Large steps suffer from
the series, small ones from rounding; the entry with the smallest bar stands between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

__all__ = [
    "CENTRAL",
    "EPS",
    "GAP",
    "ONE_SIDED",
    "RATIO",
    "Estimate",
    "best_entries",
    "extrapolated",
    "noise_level",
    "sharpest",
]

RATIO = 4.0
# The powers of h in the error of each kind of quotient, lowest first.
CENTRAL = (2, 4, 6, 8)  # (f(x + h) − f(x − h)) / 2h
ONE_SIDED = (1, 2, 3, 4, 5)  # (f(x + h) − f(x)) / h
GAP = (1, 3, 5, 7)  # (f(x + h) − 2f(x) + f(x − h)) / 2h: half the right slope less the left

EPS = 2.0**-52


class Estimate(NamedTuple):
    """A value that the truth lies within `bar` of."""

    value: float
    bar: float

    def holds(self, other: float, slack: float = 0.0) -> bool:
        """Whether `other` is inside the bar, widened by `slack`."""
        return abs(other - self.value) <= self.bar + slack


def extrapolated(
    quotients: Sequence[float], noise: Sequence[float], powers: Sequence[int], ratio: float = RATIO
) -> Estimate:
    """The limit of `quotients` as the step shrinks by `ratio` from each to the next.

    `noise` is the rounding in each quotient. An entry counts only if no smaller step contradicts
    it: a wide ladder may seem settled above a structure that only its lowest rungs resolve.
    """
    return sharpest(best_entries(quotients, noise, powers, ratio))


def sharpest(rungs: Sequence[Estimate]) -> Estimate:
    """The rung with the smallest bar among those that no lower rung contradicts."""
    standing: list[Estimate] = []
    for rung in reversed(rungs):
        if all(rung.holds(lower.value, lower.bar) for lower in standing):
            standing.append(rung)
    return min(standing, key=lambda rung: rung.bar)


def best_entries(
    quotients: Sequence[float], noise: Sequence[float], powers: Sequence[int], ratio: float = RATIO
) -> list[Estimate]:
    """Per row of Richardson's table from the second on, the entry with the smallest bar."""
    best = []
    above = [quotients[0]]
    for k in range(1, len(quotients)):
        row, entries = [quotients[k]], []
        for j, power in enumerate(powers[:k], start=1):
            row.append(row[-1] + (row[-1] - above[j - 1]) / (ratio**power - 1.0))
            change = max(abs(row[j] - row[j - 1]), abs(row[j] - above[j - 1]))
            entries.append(Estimate(row[j], change + 1.5 * noise[k] + 2 * EPS * abs(row[j])))
        best.append(min(entries, key=lambda entry: entry.bar))
        above = row
    return [*map(_confirmed, best, best[1:], noise[2:]), best[-1]]


def _confirmed(entry: Estimate, below: Estimate, noise: float) -> Estimate:
    """An entry whose bar covers what the rung below changed, unless rounding explains that.

    Where no rung resolves f, two may agree by chance; three hardly do.
    """
    change = abs(entry.value - below.value)
    return entry if change <= entry.bar + 6.0 * noise else Estimate(entry.value, change)


def noise_level(values: Sequence[float]) -> tuple[float, bool]:
    """The jitter of equally spaced values, and whether it was seen or is only an upper bound.

    Differences of order k of white noise of size σ have size σ·√((2k)!/k!²), whatever k, and
    change sign; those of a smooth function shrink with k or keep theirs (Moré and Wild 2011).
    """
    differences, levels, mixed = list(values), [], []
    for k in range(1, len(values) - 1):
        differences = [b - a for a, b in pairwise(differences)]
        # hypot, since the squares of large values overflow
        levels.append(math.hypot(*differences) / math.sqrt(len(differences) * math.comb(2 * k, k)))
        mixed.append(min(differences) < 0.0 < max(differences))
    for k in range(len(levels) - 2):
        window = levels[k : k + 3]
        if mixed[k] and max(window) <= 4.0 * min(window):
            return levels[k], True
    return min(levels), False
