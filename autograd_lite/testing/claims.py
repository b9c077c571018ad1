"""Gradients as claimed, one per parameter, and what is wrong with them before any is probed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from autograd_lite.testing.objective import Array, Objective, Parameter

__all__ = [
    "Claims",
    "Fault",
    "Snapshot",
    "check_kinds",
    "check_rounding",
    "same_bits",
    "summed_note",
]


class Fault(NamedTuple):
    """Something wrong other than a probed value: the verdict it earns, and a sentence."""

    verdict: str
    sentence: str


@dataclass
class Claims:
    """What is claimed of every parameter, by name.

    given: the gradient in the parameter's own precision
    double: the gradient in double precision, which is probed
    eps: rounding unit of `double`
    symmetric: whether f takes some matrix to be symmetric
    """

    given: dict[str, Array]
    double: dict[str, Array]
    eps: float = 2.0**-52
    symmetric: bool = False
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def fault(self, names: Iterable[str], verdict: str, sentence: str) -> None:
        """Add a fault to some parameters."""
        for name in names:
            faults = self.faults.setdefault(name, [])
            if (fault := Fault(verdict, sentence)) not in faults:
                faults.append(fault)

    def verdicts(self, name: str) -> list[str]:
        """The verdicts that a parameter's faults have earned it."""
        return [fault.verdict for fault in self.faults.get(name, ())]


def same_bits(a: Any, b: Any) -> bool:
    """Whether two arrays are alike to the last bit, nan and the sign of 0 included."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.itemsize > 8 and a.dtype.kind == "f":  # long doubles have bytes of padding
        return np.array_equal(a, b, equal_nan=True)
    return bool(a.tobytes() == b.tobytes())


def summed_note(results: Sequence[Array]) -> str:
    """A sentence on results that are not one number."""
    shapes = [y.shape for y in results]
    shown = shapes[0] if len(shapes) == 1 else shapes
    return f"f returned shape {shown}: checked as the gradient of the sum"


class Snapshot:
    """Copies of arrays, to see later which were changed, and to put them back."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = dict(arrays)
        self._copies = {name: array.copy() for name, array in arrays.items()}

    def restored(self) -> list[str]:
        """Names of the arrays that were changed since; they get their old values back."""
        changed = [n for n, array in self._arrays.items() if not same_bits(array, self._copies[n])]
        for name in changed:
            self._arrays[name][...] = self._copies[name]
        return changed

    def twice(self, call: Callable[[], Any]) -> tuple[list[Any], list[str]]:
        """The results of two calls from the same start, and names of the arrays they changed."""
        results, changed = [], []
        for _ in range(2):
            results.append(call())
            changed += self.restored()
        return results, list(dict.fromkeys(changed))


def check_kinds(
    claims: Claims, objective: Objective, inputs: Sequence[Array], shared: str = ""
) -> None:
    """Add faults of shape, dtype and memory that gradients share with one another.

    shared: the verdict on sharing memory with an input; by default it is only noted, since a
        gradient that is its input may be right, as that of x²/2 is
    """
    for p in objective.parameters:
        g = claims.given[p.name]
        if g.shape != p.shape:
            claims.fault([p.name], "shape", f"the gradient has shape {g.shape}, expected {p.shape}")
        _check_dtype(claims, p, g)
    for (a, g), (b, h) in combinations(claims.given.items(), 2):
        if np.shares_memory(g, h):
            sentence = f"the gradients of {a} and {b} share memory: g *= 2 on one changes both"
            claims.fault([a, b], "aliased_grad", f"{sentence}; return a copy")
    for name, g in claims.given.items():
        if any(np.shares_memory(g, x) for x in inputs):
            sentence = "the gradient shares memory with an input; copy it before g *= 2"
            if shared:
                claims.fault([name], shared, sentence)
            else:
                claims.notes.append(f"{name}: {sentence}")


def _check_dtype(claims: Claims, p: Parameter, g: Array) -> None:
    # integers convert exactly; a Python float has no dtype to keep
    strange = g.dtype.kind not in "fiub"
    if strange or (g.dtype.kind == "f" and g.dtype != p.dtype and type(p.leaf) is not float):
        sentence = f"the gradient has dtype {g.dtype}, the parameter {p.dtype}"
        claims.fault([p.name], "dtype", sentence)


def check_rounding(
    claims: Claims, objective: Objective, again: Callable[[dict[str, Array]], dict[str, Array]]
) -> None:
    """Add a mismatch where a low-precision gradient is off by more than rounding explains.

    again: the gradients in their own precision at other values of the parameters. How far they
    move when every value moves by one rounding unit tells how much rounding matters here.
    """
    low = [p for p in objective.parameters if p.dtype.itemsize < 8]
    if not low:
        return
    rng = np.random.default_rng(0)
    nudged = {}
    for p in low:
        signs = rng.choice([-1.0, 1.0], size=p.shape)
        nudged[p.name] = (p.value * (1.0 + signs * float(np.finfo(p.dtype).eps))).astype(p.dtype)
    moved = again(nudged)
    for p in low:
        g, exact = claims.given[p.name], claims.double[p.name]
        if g.shape != exact.shape or g.size == 0 or not np.all(np.isfinite(exact)):
            continue
        eps = float(np.finfo(p.dtype).eps)
        allowed = 64.0 * eps * _largest(exact) + 8.0 * _distance(moved[p.name], g)
        if not _distance(g, exact) <= allowed:
            claims.fault(
                [p.name],
                "mismatch",
                f"in {p.dtype} the gradient is off by {_distance(g, exact):.2g} from the one in "
                f"double precision; rounding explains {allowed:.2g}",
            )


def _largest(array: Array) -> float:
    return float(np.max(np.abs(array), initial=0.0))


def _distance(a: Array, b: Array) -> float:
    return _largest(a.astype(np.float64) - b.astype(np.float64))
