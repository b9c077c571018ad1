"""The check of one parameter after the other: probes, symmetric inputs, hints, and the row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from autograd_lite.testing.claims import Claims
from autograd_lite.testing.hints import Case, diagnosis
from autograd_lite.testing.landscape import Landscape
from autograd_lite.testing.objective import Objective, Parameter
from autograd_lite.testing.probing import Probed, measured, probe
from autograd_lite.testing.report import Row
from autograd_lite.testing.rows import fault_row, probed_row

__all__ = ["Inspection"]

FULLY_MEASURED = 256  # elements up to which a hint looks at all of them
LONGEST_ROW = 64  # of larger arrays, rows up to this length


class Inspection:
    """What is needed to check any parameter of an objective against the claims."""

    def __init__(
        self,
        objective: Objective,
        claims: Claims,
        rng: np.random.Generator,
        *,
        mode: str = "auto",
        rtol: float = 1e-6,
        allow_kinks: bool = False,
    ) -> None:
        self._objective, self._claims, self._rng = objective, claims, rng
        self._mode, self._allow_kinks = mode, allow_kinks
        self._eps = objective.rounding_unit()
        # with less than some thousand rounding units to go by, no quotient proves anything
        self._rtol = max(rtol, 2.0**10 * max(self._eps, claims.eps))
        if self._rtol > rtol:
            claims.notes.append(f"low precision: checked to {self._rtol:.1g} instead of {rtol:.1g}")

    def rows(self) -> list[Row]:
        """A row per parameter, and one per fault of what is no parameter."""
        parameters = self._objective.parameters
        names = {p.name for p in parameters}
        strangers = {n: faults for n, faults in self._claims.faults.items() if n not in names}
        return [
            *(self.row(p) for p in parameters),
            *(fault_row(name, None, faults) for name, faults in strangers.items()),
        ]

    def row(self, p: Parameter) -> Row:
        """The row of one parameter."""
        faults = self._claims.faults.get(p.name, [])
        if any(fault.verdict == "nondeterministic" for fault in faults):
            return fault_row(p.name, p.shape, faults)
        if p.value.size == 0 and not faults:
            return Row(p.name, "ok", {"shape": p.shape, "checked": "empty"}, passed=True)
        g = np.asarray(self._claims.double[p.name], dtype=np.float64)
        if g.shape != p.shape:
            land = self.landscape(p, np.full(p.shape, np.nan))
            return fault_row(p.name, p.shape, faults, self._hints(p, land, Probed()))
        land, probed, notes = self.probed(p, g)
        faults = self._claims.faults.get(p.name, [])  # the probes may have brought one to light
        if any(fault.verdict == "nondeterministic" for fault in faults):
            return fault_row(p.name, p.shape, faults)
        if "mismatch" in probed.verdicts and not land.mirrored:
            notes = self._hints(p, land, probed)
        return probed_row(p.name, land, probed, faults, notes, allow_kinks=self._allow_kinks)

    def landscape(self, p: Parameter, g: np.ndarray, mirrored: bool = False) -> Landscape:
        """f around one parameter, with the gradient claimed for it."""
        return Landscape(
            lambda x: self._objective.value(p, x),
            p.value,
            g,
            rtol=self._rtol,
            eps=self._eps,
            claim_eps=self._claims.eps,
            mirrored=mirrored,
        )

    def probed(self, p: Parameter, g: np.ndarray) -> tuple[Landscape, Probed, list[str]]:
        """The findings on one parameter, where they were made, and what to say of that."""
        land = self.landscape(p, g)
        probed = probe(land, self._mode, self._rng)
        self._check_centre(p, land)
        if probed.verdicts <= {"ok"} or not (_symmetric(p.value) and _symmetric(g, 1e-9)):
            return land, probed, []
        if not (self._claims.symmetric or self._reads_one_triangle(p)):
            return land, probed, []
        land = self.landscape(p, g, mirrored=True)
        note = (
            "f takes its symmetric input for one, so the probes stayed symmetric: "
            "(i, j) moved together with (j, i)"
        )
        return land, probe(land, self._mode, self._rng), [note]

    def _check_centre(self, p: Parameter, land: Landscape) -> None:
        """Add a fault where f has become another function while it was probed."""
        after = self._objective.value(p, p.value)
        if not (after == land.centre or np.isnan(after)):
            sentence = (
                f"f of the same point is {land.centre:.17g} before it was probed and {after:.17g} "
                "after: it keeps a state"
            )
            self._claims.fault([p.name], "nondeterministic", sentence)

    def _reads_one_triangle(self, p: Parameter) -> bool:
        """Whether f is the same to the last bit when either strict triangle changes."""
        changes = 2.0**-10 * self._rng.standard_normal(p.shape)
        at_x = self._objective.value(p, p.value)
        triangles = (np.tril(changes, -1), np.triu(changes, 1))
        return any(self._objective.value(p, p.value + part) == at_x for part in triangles)

    def _hints(self, p: Parameter, land: Landscape, probed: Probed) -> list[str]:
        """A sentence on the pattern in the error, if it has one."""
        findings = probed.elements.items()
        known = {i: f.numeric for i, f in findings if f.verdict in ("ok", "mismatch")}
        sentence = diagnosis(self._case(p, known)) if len(known) > 2 else None
        if sentence is None:
            known |= measured(land, self._worth_measuring(p, known))
            sentence = diagnosis(self._case(p, known))
        return [sentence] if sentence else []

    def _case(self, p: Parameter, known: Mapping[int, float]) -> Case:
        places = np.array(sorted(known), dtype=np.intp)
        return Case(
            claimed=np.asarray(self._claims.double[p.name], dtype=np.float64),
            shape=p.shape,
            at=places,
            right=np.array([known[int(i)] for i in places]),
            others={n: g for n, g in self._claims.double.items() if n != p.name},
            sizes=self._objective.sizes(),
        )

    def _worth_measuring(self, p: Parameter, known: Mapping[int, float]) -> list[int]:
        """Elements not known yet: all of a small array, of a large one some whole rows."""
        size = p.value.size
        wanted = list(range(size))
        if size > FULLY_MEASURED:
            length = p.shape[-1] if p.shape[-1] <= LONGEST_ROW else 1
            starts = length * self._rng.choice(size // length, size=2, replace=False)
            wanted = [int(start) + i for start in starts for i in range(length)]
            wanted += self._rng.integers(size, size=16).tolist()
        return [i for i in wanted if i not in known]


def _symmetric(x: np.ndarray, rtol: float = 0.0) -> bool:
    if x.ndim < 2 or x.shape[-1] != x.shape[-2] or x.shape[-1] < 2:
        return False
    largest = float(np.max(np.abs(x), initial=0.0))
    return bool(np.all(np.abs(x - np.swapaxes(x, -1, -2)) <= rtol * largest))
