"""Which lines to probe in an array of any size, and the search for the element that is wrong.

A small array is probed element by element. A large one along random signed directions, which feel
every element at once, and along 64 chosen elements; a direction that disagrees is bisected. A
directional probe gets no relative allowance, or one wrong element among many would hide in it;
the elements that the search ends at are judged with `rtol`. Memory is O(n).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import count

import numpy as np

from autograd_lite.testing.differences import Estimate
from autograd_lite.testing.examine import Finding, examine
from autograd_lite.testing.ladder import Ladder
from autograd_lite.testing.landscape import Direction, Elements, Landscape, Vector

__all__ = ["CHOSEN", "Probed", "examined", "measured", "probe"]

CHOSEN = 64  # elements that are probed one by one in a large array
DIRECTIONS = 3
DESCENTS = 3  # to different elements, before a discrepancy counts as spread over many
# Steps from an eighth of the scale, shrinking by 2: less rounding, so smaller errors show.
FIRST = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)
SHORT = range(2, 5)
MEDIUM = range(2, 12)
FINE = range(8, 12)  # so small that a kink at the point outweighs the curvature of f


@dataclass
class Probed:
    """The findings on one array: by element, and along directions."""

    elements: dict[int, Finding] = field(default_factory=dict)
    directions: list[Finding] = field(default_factory=list)
    complete: bool = False  # every element was probed by itself

    @property
    def verdicts(self) -> set[str]:
        """All verdicts among the findings."""
        return {found.verdict for found in (*self.elements.values(), *self.directions)}


def examined(land: Landscape, element: int) -> Finding:
    """The finding on one element."""
    return examine(land.across(element), *land.single(element))


def measured(land: Landscape, elements: Iterable[int]) -> dict[int, float]:
    """The slopes at some elements, where they can be told to five digits, from few values of f."""
    slopes = {}
    for element in elements:
        line = land.across(element)
        rungs = line.rungs(SHORT)
        if len(rungs) == len(SHORT):
            slope = Ladder(line, rungs).slope(land.rtol, land.largest)
            if slope and slope.bar <= 1e-5 * max(abs(slope.value), land.largest):
                slopes[element] = slope.value
    return slopes


def probe(land: Landscape, mode: str, rng: np.random.Generator) -> Probed:
    """Findings on an array: on all of its elements, or on directions and chosen elements."""
    probed = Probed(complete=mode == "full" or (mode == "auto" and land.size <= CHOSEN))
    if probed.complete:
        probed.elements = {int(i): examined(land, int(i)) for i in land.elements}
        return probed
    for n in range(DIRECTIONS):
        # every other one moves each element by its own size: uniform steps would feel the steep
        scales = (land.own_scales, land.scales)[:: 1 if n % 2 else -1]
        found, culprits = _along_random(land, scales, rng)
        probed.directions.append(found)
        probed.elements |= culprits
        if culprits:
            break
    # with a culprit at hand the rest only serves the hints
    chosen = _chosen(land, rng)[-CHOSEN // 8 :] if probed.elements else _chosen(land, rng)
    for i in chosen:
        if i not in probed.elements:
            probed.elements[i] = examined(land, i)
    return probed


def _along_random(
    land: Landscape, scales: Sequence[Vector], rng: np.random.Generator
) -> tuple[Finding, dict[int, Finding]]:
    """The finding along a random signed direction, and on the element that it failed for.

    Where a direction of the first scales is inconclusive, one of the second decides.
    """
    found = Finding("inconclusive", 0.0, 0.0, 0.0)
    for scale in scales:
        direction = _random(land, scale, rng)
        line, (claim, demand) = land.along(direction), land.directional(direction)
        rungs = line.rungs(FIRST)
        if len(rungs) == len(FIRST):
            slope = Ladder(line, rungs).central
            # a plain discrepancy: no need to look closer before looking for its place
            off = demand.resolved(slope) and not slope.holds(claim, slope.bar + demand.slack)
            if off and (culprits := _search_discrepancy(land, direction, slope)):
                return Finding("mismatch", claim, *slope), culprits
            if off:
                return _spread(land, direction, Finding("mismatch", claim, *slope)), {}
        found = examine(line, claim, demand, FIRST)
        if found.verdict == "ok":
            return found, {}
        if found.verdict == "mismatch":
            slope = Estimate(found.numeric, found.bar)
            culprits = _search_discrepancy(land, direction, slope)
            return (found if culprits else _spread(land, direction, found)), culprits
        if found.verdict != "inconclusive":
            return found, _search_roughness(land, direction)
    return found, {}


def _spread(land: Landscape, direction: Direction, found: Finding) -> Finding:
    """An ok in place of a mismatch that elements within `rtol` can add up to."""
    terms = land.g[direction.elements] * direction.u
    if found.error <= land.rtol * float(np.sum(np.abs(terms))) + found.bar:
        return replace(found, verdict="ok", reason="off by less than rtol in many elements")
    return found


def _random(land: Landscape, scales: Vector, rng: np.random.Generator) -> Direction:
    """A direction of random signs over the elements whose gradient is finite."""
    moving = land.elements[np.isfinite(land.g[land.elements])]
    u = scales[moving] * rng.choice([-1.0, 1.0], size=len(moving))
    whole = len(moving) == land.size
    return Direction(slice(0, land.size) if whole else moving, u)


def _search_discrepancy(
    land: Landscape, direction: Direction, slope: Estimate
) -> dict[int, Finding]:
    """An element found wrong by itself, following the larger discrepancy down.

    Where the descent ends at an element within `rtol`, it starts anew from the largest
    discrepancy that it passed by.
    """
    order = count()
    claim, demand = land.directional(direction)
    heap = [(0.0, next(order), claim - slope.value, slope.bar + demand.slack, direction)]
    for _ in range(DESCENTS):
        if not heap:
            break
        _, _, off, bar, part = heappop(heap)
        while len(part) > 1 and bar < 0.5 * abs(off):
            half, rest = part.halves()
            enough = 0.2 * abs(off)
            here, here_bar = _discrepancy(land, half, enough)
            there, there_bar = off - here, bar + here_bar
            if there_bar > 2.0 * enough:  # bars add up on the way down
                there, there_bar = _discrepancy(land, rest, enough)
            sides = [(here, here_bar, half), (there, there_bar, rest)]
            sides.sort(key=lambda side: -abs(side[0]))
            off, bar, part = sides[0]
            heappush(heap, (-abs(sides[1][0]), next(order), *sides[1]))
        if len(part) == 1 and (found := examined(land, part.first)).verdict != "ok":
            return {part.first: found}
    return {}


def _discrepancy(land: Landscape, direction: Direction, enough: float) -> tuple[float, float]:
    """Claim less slope, and the bar of that, from as few values of f as make it `enough`."""
    line = land.along(direction)
    claim, demand = land.directional(direction)
    slope = Estimate(math.inf, math.inf)
    for ks in (SHORT, FIRST, MEDIUM):
        rungs = line.rungs(ks)
        if len(rungs) >= 3:
            slope = min(slope, Ladder(line, rungs).central, key=lambda estimate: estimate.bar)
        if slope.bar <= enough:
            break
    return claim - slope.value, slope.bar + demand.slack


def _search_roughness(land: Landscape, direction: Direction) -> dict[int, Finding]:
    """An element at which f is not smooth, following the rougher half."""
    while len(direction) > 1:
        direction = max(direction.halves(), key=lambda half: _roughness(land, half))
    found = examined(land, direction.first)
    return {} if found.verdict == "ok" else {direction.first: found}


def _roughness(land: Landscape, direction: Direction) -> float:
    """How far f is from having one slope along it: the gap of its slopes, or their discrepancy."""
    line = land.along(direction)
    rungs = line.rungs(FINE)
    if len(rungs) < len(FINE):
        return math.inf
    ladder = Ladder(line, rungs)
    claim, _ = land.directional(direction)
    return max(abs(ladder.gap.value), abs(claim - ladder.central.value))


def _chosen(land: Landscape, rng: np.random.Generator) -> list[int]:
    """Elements worth a look by themselves: the extremes of gradient and point, the rest random."""
    elements = land.elements
    sizes = np.abs(land.g[elements])
    order = np.argsort(sizes)  # nan and inf last
    order = order[np.isfinite(sizes[order])]
    zeros = int(np.searchsorted(sizes[order], 0.0, side="right"))
    picks: list[Elements] = [
        np.flatnonzero(~np.isfinite(sizes))[:8],
        order[::-1][:8],
        order[zeros:][:8],
        rng.permutation(order[:zeros])[:8],
        np.argsort(land.scales[elements])[[0, 1, -2, -1]],
        rng.choice(len(elements), size=min(len(elements), 2 * CHOSEN), replace=False),
    ]
    places = dict.fromkeys(int(i) for pick in picks for i in pick)
    return [int(elements[i]) for i in places][:CHOSEN]
