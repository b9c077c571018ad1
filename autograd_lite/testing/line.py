"""A function along a line: its values on a ladder of steps, and how much rounding is in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from autograd_lite.testing.differences import EPS, RATIO, Estimate, noise_level

__all__ = ["Line", "Rung"]

TINY = 5e-324


class Rung(NamedTuple):
    """A step h, f on either side of it, and the rounding in each of the two values."""

    h: float
    left: float
    right: float
    noise: float


class Line:
    """f(x + t·u) as a function of t, evaluated once per t.

    scale: a power of 2, the magnitude of what moves; steps are powers of 2 too, hence mostly exact
    eps: rounding unit of f
    size: magnitude of the point along the line, which is rounded like everything else
    centre: f at the point itself, where that is known already
    """

    def __init__(
        self,
        f: Callable[[float], float],
        scale: float,
        *,
        eps: float = EPS,
        size: float | None = None,
        centre: float | None = None,
    ) -> None:
        self._f = f
        self.size = scale if size is None else size
        self._seen: dict[float, float] = {} if centre is None else {0.0: centre}
        self.scale = scale
        self.eps = eps
        self.jitter = 0.0
        self.centre = self.at(0.0)

    def at(self, t: float) -> float:
        """f at the point moved by t."""
        if t not in self._seen:
            self._seen[t] = self._f(t)
        return self._seen[t]

    @property
    def constant(self) -> bool:
        """Whether f has been the same to the last bit wherever it was evaluated."""
        return all(value == self.centre for value in self._seen.values())

    @property
    def grain(self) -> float:
        """The slope that the rounding unit of the largest value seen makes over the scale."""
        largest = max(abs(value) for value in self._seen.values() if math.isfinite(value))
        return self.eps * largest / self.scale

    @property
    def evaluations(self) -> int:
        """How many values of f the line holds."""
        return len(self._seen)

    def step(self, k: float) -> float:
        """The step of rung k."""
        return self.scale * 0.125 * float(RATIO**-k)

    def rungs(self, ks: Sequence[float]) -> list[Rung]:
        """The rungs of a ladder, down from the first below which all values are finite.

        A step beyond the scale says nothing where f is the same as at the point: what is flat at
        both ends need not be flat between.
        """
        rungs: list[Rung] = []
        for h in map(self.step, ks):
            left, right = self.at(-h), self.at(h)
            finite = math.isfinite(left) and math.isfinite(right)
            rung = Rung(h, left, right, self.noise(h, left, right) if finite else math.inf)
            change = max(abs(left - self.centre), abs(right - self.centre))
            if finite and (h <= self.scale or change > 64.0 * rung.noise):
                rungs.append(rung)
            else:
                rungs.clear()
        quantum = max(self._quantum(rungs), 2.0 * _grid_of(rungs, self.centre))
        return [rung._replace(noise=max(rung.noise, quantum)) for rung in rungs]

    def moving(self, ks: Sequence[float]) -> list[Rung]:
        """The rungs from the first on at which f visibly differs from its value at the point."""
        rungs: list[Rung] = []
        for h in map(self.step, ks):
            left, right = self.at(-h), self.at(h)
            if not (math.isfinite(left) and math.isfinite(right)):
                rungs.clear()
                continue
            rung = Rung(h, left, right, self.noise(h, left, right))
            if max(abs(left - self.centre), abs(right - self.centre)) <= 64.0 * rung.noise:
                break
            rungs.append(rung)
        return rungs

    def still(self, ks: Sequence[float]) -> bool:
        """Whether f does not change at all in the steps of some rungs."""
        return all(self.at(sign * self.step(k)) == self.centre for k in ks for sign in (-1, 1))

    def _quantum(self, rungs: Sequence[Rung]) -> float:
        """The change of f in its last visible step, where f is a staircase to smaller ones.

        f(x) = x + 1e6 - 1e6 moves by 1e-10 or not at all, alike on both sides; beside a kink only
        one side moves.
        """
        moving = [r for r in rungs if r.left != self.centre or r.right != self.centre]
        if not moving or moving[-1] is rungs[-1]:
            return 0.0
        for rung in moving[-2:]:
            right, left = rung.right - self.centre, self.centre - rung.left
            if right * left > 0.0 and 1.0 / 3.0 <= right / left <= 3.0:
                return max(abs(right), abs(left))
        return 0.0

    def erratic(self, slope: float) -> bool:
        """Whether f jumps about from one float to the next, as with this slope it might."""
        beyond_rounding = self.jitter > 256.0 * self.eps * abs(self.centre)
        return beyond_rounding and 2.0**12 * EPS * self.size * abs(slope) > self.jitter

    def bears_out(self, slope: Estimate, ks: Sequence[float], slack: float) -> bool:
        """Whether the steps of some rungs show this slope too, as far as rounding lets them."""
        for h in map(self.step, ks):
            left, right = self.at(-h), self.at(h)
            doubt = slope.bar + slack + 8.0 * self.noise(h, left, right) / h
            if not abs((right - left) / (2.0 * h) - slope.value) <= doubt:
                return False
        return True

    def noise(self, h: float, left: float, right: float) -> float:
        """The rounding in values seen a step h to either side."""
        size = max(abs(left), abs(right), abs(self.centre))
        # the point is rounded too, and so is what f first computes from it
        moved = self.size * abs(right - left) / (2.0 * h)
        return 2.0 * self.eps * size + EPS * moved + self.jitter + TINY

    def jitters(self) -> list[float]:
        """What the jitter of f may be, from equally spaced values on each side of the point.

        One number, unless values far apart jitter beyond rounding and values close by do not:
        that may be rounding after all, on its way through f, or a ripple that only small steps
        resolve.
        """
        size = abs(self.centre)
        levels: list[tuple[float, bool]] = []
        for k in (11, 15, 19) if self.size else (11, 15, 19, 30, 42):
            sides = [self._jitter_at(side * self.step(k)) for side in (-1, 1)]
            if known := [side for side in sides if side]:
                levels.append(max(known))
            if levels and levels[-1][1] and levels[-1][0] <= 256.0 * self.eps * size:
                break
        if not levels:
            return [0.0]
        wide, seen = levels[0]
        close = min(level for level, _ in levels)
        return [3.0 * wide, 3.0 * close] if seen and wide > 16.0 * close else [3.0 * close]

    def coarse_jitter(self) -> float:
        """The jitter of values as far apart as it takes to tell them from each other; 0 if none.

        log(1 + x²) is a staircase about a small x: what values close by cannot show.
        """
        for k in range(9, -4, -1):
            sides = [self._values(side * self.step(k)) for side in (-1, 1)]
            if all(map(_uneven, sides)):
                levels = [noise_level(values) for values in sides]
                if all(seen for _, seen in levels):
                    return 3.0 * max(level for level, _ in levels)
        return 0.0

    def texture(self) -> str:
        """What f is made of where values ever closer together no longer jitter.

        A "ripple" bends there, and smoothly: its second differences outweigh the higher ones. A
        "staircase" does not bend at all. Where neither is seen: "".
        """
        jittered, straight = False, 0
        for k in range(3, 22):
            for spacing in (-self.step(k), self.step(k)):
                values = self._values(spacing)
                if not all(map(math.isfinite, values)):
                    continue
                second, third, fourth = (_differences(values, order) for order in (2, 3, 4))
                rounding = 64.0 * self.eps * max(map(abs, values))
                rounding += 8.0 * EPS * self.size * abs((values[-1] - values[0]) / (7.0 * spacing))
                bent = second > rounding
                jittered = jittered or (bent and third > second)
                if jittered and bent and second > 4.0 * third > 16.0 * fourth:
                    return "ripple"
                straight = 0 if bent else straight + 1
        return "staircase" if jittered and straight >= 4 else ""

    def _values(self, spacing: float) -> list[float]:
        """f at eight points on one side, equally spaced."""
        return [self.at(j * spacing) for j in range(1, 9)]

    def _jitter_at(self, spacing: float) -> tuple[float, bool] | None:
        values = self._values(spacing)
        # a few repeated values say more of the grid that f lives on than of its jitter
        if not all(map(math.isfinite, values)) or len(set(values)) < 3:
            return None
        level, seen = noise_level(values)
        return level, seen and _uneven(values)


def _grid_of(rungs: Sequence[Rung], centre: float) -> float:
    """The grid that rounding within f leaves its values on, 0 if it leaves none.

    (1e5 + x)² − 1e10 is a multiple of 2⁻¹⁹ whatever x is. Where f is exact, as x² of round numbers,
    the grid becomes finer with the step, and the grid of the floats x + h is known already.
    """
    if not rungs:
        return 0.0
    grids = [
        _grid(changes)
        for rung in (rungs[:1], rungs[-1:])
        for changes in [[v - centre for r in rung for v in (r.left, r.right)]]
    ]
    coarse = min(grids) > 8.0 * rungs[-1].noise
    return min(grids) if coarse and max(grids) <= 8.0 * min(grids) < math.inf else 0.0


def _grid(values: Sequence[float]) -> float:
    """The largest power of 2 that divides all values; inf where all are 0."""
    finest = math.inf
    for value in values:
        if value:
            mantissa, exponent = math.frexp(value)
            digits = int(math.ldexp(mantissa, 53))
            finest = min(finest, math.ldexp(digits & -digits, exponent - 53))
    return finest


def _differences(values: Sequence[float], order: int) -> float:
    """The largest difference of some order."""
    for _ in range(order):
        values = [b - a for a, b in pairwise(values)]
    return max(map(abs, values))


def _uneven(values: Sequence[float]) -> bool:
    """Whether values jitter throughout: beside a kink most third differences are 0."""
    for _ in range(3):
        values = [b - a for a, b in pairwise(values)]
    return sum(math.isfinite(d) and d != 0.0 for d in values) >= len(values) - 1
