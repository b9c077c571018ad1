"""How the engine's pullback behaves apart from its values: as a linear map, and as a program.

One planted bug that only it catches stands beside each of these checks in the tests: whether a
cotangent of 0 gives 0, whether the pullback is linear, whether it minds how a cotangent lies in
memory, whether forward mode is its transpose, and whether a recorded sweep gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_lite import pytree
from autograd_lite.forward import jvp
from autograd_lite.testing.claims import Claims
from autograd_lite.testing.objective import Array, Objective, Parameter, array_of
from autograd_lite.testing.pulled import Pulled
from autograd_lite.transforms import vjp

__all__ = ["Conduct"]

CLOSE = 1e-9  # of the largest entry: what a reordered sum may change


class Conduct:
    """Checks of a pullback, whose faults are added to the claims.

    pulled: f recorded in double precision; seeds: the cotangents that the claims are pulled from
    """

    def __init__(
        self,
        claims: Claims,
        objective: Objective,
        pulled: Pulled,
        seeds: Sequence[Array],
        rng: np.random.Generator,
    ) -> None:
        self._claims, self._objective, self._pulled = claims, objective, pulled
        self._seeds, self._rng = seeds, rng
        self._gradients = [np.asarray(claims.double[p.name]) for p in objective.parameters]
        self._floors = [_rounding(objective, p, rng) for p in objective.parameters]

    def check(self) -> None:
        """All of the checks."""
        self._check_linearity()
        self._check_transpose()
        self._check_recorded()

    def _check_linearity(self) -> None:
        u, back = self._seeds, self._pulled.back
        v = [np.asarray(self._rng.standard_normal(y.shape)).astype(y.dtype) for y in u]
        of_v = back(v)
        self._compare(
            "a cotangent of 0 gives a gradient other than 0",
            back([np.zeros_like(s) for s in u]),
            [np.zeros_like(g) for g in self._gradients],
        )
        self._compare(
            "the pullback is not linear: of 2u − 3v it is not 2 times that of u less 3 of v",
            back([2 * a - 3 * b for a, b in zip(u, v, strict=True)]),
            [2 * a - 3 * b for a, b in zip(self._gradients, of_v, strict=True)],
        )
        self._compare(
            "the pullback minds how its cotangent lies in memory",
            self._pulled.back_from([_scattered(b) for b in v]),
            of_v,
        )

    def _check_transpose(self) -> None:
        """The dot-product test: ⟨w, J t⟩ = ⟨Jᵀ w, t⟩, one parameter's tangent at a time."""
        primals = self._pulled.primals
        for i, (p, g) in enumerate(zip(self._objective.parameters, self._gradients, strict=True)):
            t = np.asarray(self._rng.standard_normal(g.shape)).astype(g.dtype)
            tangents = [t if n == i else np.zeros_like(x) for n, x in enumerate(primals)]
            try:
                _, pushed = jvp(self._pulled.run, primals, tuple(tangents))
            except NotImplementedError as error:
                self._claims.notes.append(f"forward mode was not compared: {error}")
                return
            results = [array_of(y) for y in pytree.flatten(pushed)[0]]
            forward = np.array([np.vdot(a, b) for a, b in zip(self._seeds, results, strict=True)])
            reverse = g * t
            size = float(np.sum(np.abs(forward)) + np.sum(np.abs(reverse)))
            off = abs(float(np.sum(forward)) - float(np.sum(reverse)))
            limit = 1e-8 * size + self._floors[i] * float(np.sum(np.abs(t)))
            if np.isfinite(size) and not off <= limit:
                sentence = (
                    f"forward and reverse mode disagree: ⟨w, Jt⟩ = {np.sum(forward):.6g}, "
                    f"⟨Jᵀw, t⟩ = {np.sum(reverse):.6g}"
                )
                self._claims.fault([p.name], "mismatch", sentence)

    def _check_recorded(self) -> None:
        """A sweep that is itself recorded gives the same numbers, where its rules allow one."""

        def gradients(*values: Any) -> Any:
            return Pulled(self._objective, values).back(self._seeds)

        try:
            recorded, _ = vjp(gradients, *self._pulled.primals)
        except (NotImplementedError, TypeError, ValueError) as error:
            self._claims.notes.append(f"the backward pass cannot be differentiated: {error}")
            return
        found = [array_of(g) for g in recorded]
        self._compare("a recorded sweep gives another gradient", found, self._gradients)

    def _compare(self, sentence: str, found: Sequence[Array], expected: Sequence[Array]) -> None:
        """Add a mismatch where two gradients differ by more than a reordered sum explains."""
        parts = zip(
            self._objective.parameters, found, expected, self._gradients, self._floors, strict=True
        )
        for p, a, b, g, floor in parts:
            scale = max(float(np.max(np.abs(x), initial=0.0)) for x in (a, b, g))
            close = a.shape == b.shape and np.all(np.abs(a - b) <= CLOSE * scale + floor)
            if np.all(np.isfinite(g)) and not close:
                self._claims.fault([p.name], "mismatch", sentence)


def _rounding(objective: Objective, p: Parameter, rng: np.random.Generator) -> float:
    """What rounding may make of a gradient of 0, by how much f varies around the point."""
    sizes = np.abs(np.where(np.isfinite(p.value), p.value, 0.0))
    scale = float(np.median(sizes[sizes > 0.0])) if np.any(sizes) else 1.0
    steps = [scale * rng.choice([-1.0, 1.0], size=p.shape) for _ in range(3)]
    values = [objective.value(p, x) for x in (p.value, *(p.value + step for step in steps))]
    change = max(abs(value - values[0]) for value in values[1:]) / scale
    return 1e-11 * change if np.isfinite(change) else 0.0


def _scattered(array: Array) -> Array:
    """The same values as a view with gaps, its axes stored backwards."""
    if array.ndim == 0:
        return array
    wide = np.empty([2 * n for n in array.shape[::-1]], array.dtype)
    view = wide[(slice(None, None, 2),) * array.ndim].T
    view[...] = array
    return view
