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
        """The rungs of a ladder, down from the first below which all values are finite."""
        rungs: list[Rung] = []
        for h in map(self.step, ks):
            left, right = self.at(-h), self.at(h)
            if math.isfinite(left) and math.isfinite(right):
                rungs.append(Rung(h, left, right, self.noise(h, left, right)))
            else:
                rungs.clear()
        return rungs

    def noise(self, h: float, left: float, right: float) -> float:
        """The rounding in values seen a step h to either side."""
        size = max(abs(left), abs(right), abs(self.centre))
        # the point is rounded too, and so is what f first computes from it
        moved = self.size * abs(right - left) / (2.0 * h)
        return 2.0 * self.eps * size + EPS * moved + self.jitter + TINY

    def measure_jitter(self) -> None:
        """Set the jitter of f from equally spaced values on each side of the point.

        Where f bends sharply within the widest spacing, what looks like jitter there is not; a
        narrower spacing then shows less.
        """
        levels = []
        for k in (11, 15, 19) if self.size else (11, 15, 19, 30, 42):
            sides = [self._jitter_at(side * self.step(k)) for side in (-1, 1)]
            if not (known := [side for side in sides if side]):
                continue
            level, seen = max(known)
            levels.append(level)
            if seen and level <= 1e-6 * abs(self.centre):
                break
        self.jitter = 3.0 * min(levels, default=0.0)

    def _jitter_at(self, spacing: float) -> tuple[float, bool] | None:
        values = [self.at(j * spacing) for j in range(1, 9)]
        # a few repeated values say more of the grid that f lives on than of its jitter
        if not all(map(math.isfinite, values)) or len(set(values)) < 3:
            return None
        return noise_level(values)
