"""f around one of its arrays: the lines along which it is probed, and what is claimed there."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd_lite.testing.differences import EPS
from autograd_lite.testing.examine import Demand
from autograd_lite.testing.line import Line

__all__ = ["Direction", "Elements", "Landscape", "Vector"]

Vector = NDArray[np.float64]
Elements = NDArray[np.intp]


class Direction(NamedTuple):
    """Elements, as a slice or indices of the flat array, and how far each moves per unit."""

    elements: Any
    u: Vector

    def __len__(self) -> int:
        return len(self.u)

    def halves(self) -> tuple[Direction, Direction]:
        """The direction split in two."""
        middle = len(self.u) // 2
        return self._part(0, middle), self._part(middle, len(self.u))

    def _part(self, start: int, stop: int) -> Direction:
        if isinstance(self.elements, slice):
            first = self.elements.start
            return Direction(slice(first + start, first + stop), self.u[start:stop])
        return Direction(self.elements[start:stop], self.u[start:stop])

    @property
    def first(self) -> int:
        """The first of its elements."""
        return int(self.elements.start if isinstance(self.elements, slice) else self.elements[0])


class Landscape:
    """A function of one array, with the gradient claimed for it at x.

    f, x, g: the function, the point, the analytic gradient
    rtol: relative tolerance of a single element
    eps, claim_eps: rounding units of f and of g
    mirrored: whether x is symmetric and stays so: an element moves with its mirror image
    """

    def __init__(
        self,
        f: Callable[[NDArray[Any]], float],
        x: Vector,
        g: Vector,
        *,
        rtol: float = 1e-6,
        eps: float = EPS,
        claim_eps: float = EPS,
        mirrored: bool = False,
    ) -> None:
        self._f, self._x = f, x
        self.rtol, self.eps, self.mirrored = rtol, eps, mirrored
        self._claim_eps = claim_eps
        self.shape, self.size = x.shape, x.size
        #: gradient of each element that moves; with its mirror image's where that moves too
        self.g = (_folded(g) if mirrored else g).ravel()
        #: the elements that move: all, or the lower triangle
        self.elements = np.flatnonzero(_folded(np.ones(x.shape))) if mirrored else np.arange(x.size)
        sizes = np.abs(np.where(np.isfinite(x), x, 0.0)).ravel()
        typical = float(np.median(sizes[sizes > 0.0])) if np.any(sizes) else 1.0
        #: powers of 2 below the size of each element, or of the median where that is larger
        self.scales = _power_of_2(np.maximum(sizes, typical))
        #: the same of each element by itself, unless it is 0
        self.own_scales = np.where(sizes > 0.0, _power_of_2(sizes), self.scales)

        self.centre = f(x)

    @cached_property
    def largest(self) -> float:
        """The largest finite entry of the gradient."""
        return float(np.max(np.abs(self.g), where=np.isfinite(self.g), initial=0.0))

    @cached_property
    def rounding(self) -> float:
        """What rounding makes of a gradient that is exactly 0, if f varies about the point.

        The adjugate of a matrix of rank 1 is 0, its computed entries are not.
        """
        if self.size == 1:
            return 0.0
        signs = np.random.default_rng(0).choice([-1.0, 1.0], size=len(self.elements))
        u = signs * self.scales[self.elements]
        moved = self.along(Direction(self.elements, u)).at(1.0)
        change = abs(moved - self.centre) / float(np.max(np.abs(u)))
        return 64.0 * EPS * change if np.isfinite(change) else 0.0

    def index(self, element: int) -> tuple[int, ...]:
        """The index of an element."""
        return tuple(int(i) for i in np.unravel_index(element, self.shape))

    def along(self, direction: Direction) -> Line:
        """The line on which the elements of a direction move, each by its own share."""
        x, elements, u = self._x, direction.elements, direction.u
        mirror = self._mirrored(elements) if self.mirrored else None

        def f(t: float) -> float:
            moved = x.copy()
            flat = moved.reshape(-1)
            flat[elements] += t * u
            if mirror is not None:
                flat[mirror] = flat[elements]
            return self._f(moved)

        return Line(f, 1.0, eps=self.eps, centre=self.centre)

    def across(self, element: int) -> Line:
        """The line on which one element moves, with its mirror image where there is one."""
        start = float(self._x.flat[element])
        places = [element, *(self._mirrored(np.array([element])) if self.mirrored else ())]

        def f(t: float) -> float:
            moved = self._x.copy()
            moved.reshape(-1)[places] = start + t
            return self._f(moved)

        scale = float(self.scales[element])
        return Line(f, scale, eps=self.eps, size=abs(start), centre=self.centre)

    def _mirrored(self, elements: Elements) -> Elements:
        *batch, i, j = np.unravel_index(elements, self.shape)
        return np.ravel_multi_index((*batch, j, i), self.shape)

    def directional(self, direction: Direction) -> tuple[float, Demand]:
        """The claim along a direction, and how close it must come: no relative allowance."""
        terms = self.g[direction.elements] * direction.u
        slack = 4.0 * self._claim_eps * float(np.sum(np.abs(terms)))
        reference = float(np.linalg.norm(terms))
        return float(np.sum(terms)), Demand(slack, self.rtol, False, reference)

    def single(self, element: int) -> tuple[float, Demand]:
        """The claim for one element, and how close it must come.

        One that rounding hides behind the largest of its array is excused from being resolved.
        """
        g = float(self.g[element])
        slack = (8.0 * self._claim_eps * abs(g) if np.isfinite(g) else 0.0) + self.rounding
        excuse = self.largest if self.size > 1 else 0.0
        return g, Demand(slack, self.rtol, True, excuse=excuse)


def _folded(g: Vector) -> Vector:
    """Per element of the lower triangle its entry and its mirror image's together, else 0."""
    return np.tril(g) + np.tril(np.swapaxes(g, -1, -2), -1)


def _power_of_2(sizes: Vector) -> Vector:
    return np.ldexp(0.5, np.frexp(sizes)[1])
