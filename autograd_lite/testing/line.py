"""A function along a line: its values on a ladder of steps, and how much rounding is in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from autograd_lite.testing.differences import EPS, RATIO, noise_level

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
        quantum = self._quantum(rungs)
        return [rung._replace(noise=max(rung.noise, quantum)) for rung in rungs]

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

    def _jitter_at(self, spacing: float) -> tuple[float, bool] | None:
        values = [self.at(j * spacing) for j in range(1, 9)]
        # a few repeated values say more of the grid that f lives on than of its jitter
        if not all(map(math.isfinite, values)) or len(set(values)) < 3:
            return None
        return noise_level(values)
