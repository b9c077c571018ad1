"""Two claims on one gradient, and numeric derivatives to decide who is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from autograd_lite.testing.claims import Claims
from autograd_lite.testing.examine import Demand, Finding, examine
from autograd_lite.testing.hints import Case, diagnosis
from autograd_lite.testing.inspection import Inspection
from autograd_lite.testing.landscape import Landscape
from autograd_lite.testing.objective import Array, Objective, Parameter
from autograd_lite.testing.probing import Probed
from autograd_lite.testing.pulled import Pulled
from autograd_lite.testing.report import Row
from autograd_lite.testing.rows import explained, extent, representative
from autograd_lite.testing.suspects import suspect

__all__ = ["Judge"]

ROUNDING = 1e-9  # of the largest entry: what two ways to compute one gradient may differ by
JUDGED = 3  # elements at which differences decide


class Judge:
    """Gradients by hand and of the engine, and the means to judge between them."""

    def __init__(
        self,
        objective: Objective,
        engine: Claims,
        hand: Claims,
        rng: np.random.Generator,
    ) -> None:
        self._objective, self._engine, self._by_hand = objective, engine, hand
        self._hand = {n: np.asarray(g, dtype=np.float64) for n, g in hand.given.items()}
        self._inspection = Inspection(objective, engine, rng)

    def row(self, p: Parameter) -> Row:
        """The row of one parameter."""
        found = self._judgement(p)
        faults = self._by_hand.faults.get(p.name, [])
        found.sentences += [f"the one by hand: {fault.sentence}" for fault in faults]
        if faults and found.verdict == "agree":
            found.verdict = faults[0].verdict
        cells = {"shape": p.shape, **found.cells}
        passed = found.verdict == "agree"
        return Row(p.name, found.verdict, cells, tuple(found.sentences), passed)

    def _judgement(self, p: Parameter) -> Judgement:
        faults = self._engine.faults.get(p.name, [])
        sentences = [f"the engine's: {fault.sentence}" for fault in faults]
        if any(fault.verdict == "nondeterministic" for fault in faults):
            return Judgement("nondeterministic", {}, sentences)
        if p.name not in self._hand:
            return Judgement("hand wrong", {}, ["no gradient was given for it", *sentences])
        h, e = self._hand[p.name], np.asarray(self._engine.double[p.name], dtype=np.float64)
        if p.value.size == 0 and h.shape == p.shape:
            return Judgement("agree", {}, sentences)
        land, probed, notes = self._inspection.probed(p, e)
        if "nondeterministic" in self._engine.verdicts(p.name):
            said = [fault.sentence for fault in self._engine.faults[p.name]]
            return Judgement("nondeterministic", {}, said)
        found = Judgement("agree", {"checked": extent(land, probed)}, [*sentences, *notes])
        engine_wrong = bool(faults) or "mismatch" in probed.verdicts
        if h.shape != p.shape:
            found.verdict = "both wrong" if engine_wrong else "hand wrong"
            found.sentences.append(f"the gradient has shape {h.shape}, expected {p.shape}")
            found.sentences += [] if engine_wrong else self._hints(p, h, e)
            return found
        off = np.abs(h - e).ravel()
        off[np.isnan(off) & ~(np.isnan(h) & np.isnan(e)).ravel()] = np.inf
        largest = max(float(np.max(np.abs(g), initial=0.0)) for g in (h, e))
        found.cells["relative"] = float(np.max(off)) / (largest or 1.0)
        if np.max(off) <= self._rounding(p, largest):
            self._judge_equal(found, land, probed, engine_wrong)
        else:
            self._judge_unequal(found, p, land, off, engine_wrong)
        return found

    def _rounding(self, p: Parameter, largest: float) -> float:
        """How far two ways to compute one gradient may lie apart, in the parameter's precision."""
        if p.dtype.itemsize >= 8:
            return ROUNDING * largest
        given, double = (
            np.asarray(g[p.name], dtype=np.float64)
            for g in (self._engine.given, self._engine.double)
        )
        own = float(np.max(np.abs(given - double), initial=0.0))
        return 64.0 * float(np.finfo(p.dtype).eps) * largest + 8.0 * own

    def _judge_equal(
        self, found: Judgement, land: Landscape, probed: Probed, engine_wrong: bool
    ) -> None:
        """Both claims are the same: both right or both wrong."""
        element, worst = representative(probed)
        if engine_wrong:
            found.verdict = "both wrong"
            found.show(land, element, worst.analytic, worst.analytic, worst)
        elif worst.verdict != "ok":
            found.sentences.append(
                f"the two agree where differences cannot tell: {explained(worst)}"
            )

    def _judge_unequal(
        self, found: Judgement, p: Parameter, land: Landscape, off: Array, engine_wrong: bool
    ) -> None:
        """Differences at the elements that the claims differ most in decide which is wrong."""
        h, e = self._hand[p.name].ravel(), np.asarray(self._engine.double[p.name]).ravel()
        verdict = "inconclusive"
        farthest = np.argsort(-off)[:JUDGED]
        for element in (int(i) for i in farthest if off[i] >= 0.1 * off[farthest[0]]):
            sides = [_examined(land, element, g[element], off[element]) for g in (h, e)]
            verdict = _JUDGED.get((sides[0].verdict, sides[1].verdict), sides[1].verdict)
            found.show(land, element, h[element], e[element], sides[1])
            if verdict in _JUDGED.values():
                break
        if verdict == "hand wrong" and engine_wrong:
            verdict = "both wrong"
        if verdict == "engine wrong" and self._wrong_elsewhere(p, land):
            verdict = "both wrong"
        found.verdict = verdict
        if verdict == "hand wrong":
            found.sentences += self._hints(p, self._hand[p.name], self._engine.double[p.name])
        elif verdict == "engine wrong":
            found.sentences += self._hints(p, self._engine.double[p.name], self._hand[p.name])
        elif verdict != "both wrong":
            found.sentences.append(explained(sides[1]))

    def _wrong_elsewhere(self, p: Parameter, land: Landscape) -> bool:
        _, probed, _ = self._inspection.probed(p, self._hand[p.name])
        return "mismatch" in probed.verdicts

    def _hints(self, p: Parameter, wrong: Array, right: Array) -> list[str]:
        """A sentence on the pattern in the error, or on a mistake that gives just this gradient."""
        others = {n: g for n, g in self._engine.double.items() if n != p.name}
        case = Case(
            claimed=wrong,
            shape=p.shape,
            at=np.arange(p.value.size),
            right=np.asarray(right, dtype=np.float64).ravel(),
            others=others,
            sizes=self._objective.sizes(),
        )
        sentence = diagnosis(case)
        if sentence is None and wrong is self._hand[p.name]:
            sentence = self._suspect
        return [sentence] if sentence else []

    @cached_property
    def _suspect(self) -> str | None:
        """The usual mistake that gives the gradients by hand, all of them."""
        parameters = self._objective.parameters
        if any(p.name not in self._hand or self._hand[p.name].shape != p.shape for p in parameters):
            return None
        pulled = Pulled(self._objective, [p.value for p in parameters])
        seeds = self._objective.weights or [np.ones(y.shape) for y in pulled.results]
        return suspect(pulled, seeds, {p.name: self._hand[p.name] for p in parameters})


@dataclass
class Judgement:
    """A verdict, with what the row shows."""

    verdict: str
    cells: dict[str, Any]
    sentences: list[str]

    def show(
        self, land: Landscape, element: int | None, hand: float, engine: float, numeric: Finding
    ) -> None:
        """Show one element's values."""
        index = "direction" if element is None else land.index(element) if land.shape else None
        self.cells |= {"index": index, "hand": float(hand), "engine": float(engine)}
        if np.isfinite(numeric.bar) and numeric.verdict not in ("kink", "jump", "vertical"):
            self.cells |= {"numeric": numeric.numeric, "bar": numeric.bar}


# By the verdicts on the gradient by hand and on the engine's.
_JUDGED = {
    ("mismatch", "ok"): "hand wrong",
    ("ok", "mismatch"): "engine wrong",
    ("mismatch", "mismatch"): "both wrong",
}


def _examined(land: Landscape, element: int, claim: float, off: float) -> Finding:
    """The finding on a claim, fine enough to tell it from another that is `off` from it."""
    size = max(abs(claim), off)
    rtol = min(land.rtol, 0.1 * off / size) if np.isfinite(size) else land.rtol
    slack = 8.0 * 2.0**-52 * abs(claim) if np.isfinite(claim) else 0.0
    return examine(land.across(element), float(claim), Demand(slack, rtol))
