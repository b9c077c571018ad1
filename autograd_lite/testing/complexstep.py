"""A derivative without differences: f at x + i·h·u, whose imaginary part is h times the slope.

Nothing is subtracted, so nothing cancels and h may be 1e-30. It needs f to be analytic in every
operation on its tape, and to run on complex arrays; where it does, it confirms a gradient to the
last digits, which differences cannot.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd_lite.sweep import Node
from autograd_lite.testing.claims import Claims
from autograd_lite.testing.objective import Objective, Parameter

__all__ = ["analytic", "confirm"]

STEP = 1e-30
ENOUGH = 8  # digits worth reporting
# fmt: off
# NumPy has these for complex numbers, and as analytic functions (abs and maximum are neither).
ANALYTIC = frozenset((
    "add", "subtract", "multiply", "divide", "negative", "positive", "reciprocal", "square",
    "power", "sqrt", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan",
    "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arctanh", "sigmoid", "prod",
    "cumprod", "inv", "solve", "det", "lift", "pick",
))
# Among linear and bilinear operations these are not linear over complex numbers.
CONJUGATING = frozenset((
    "real", "imag", "real_if_close", "astype", "vdot", "vecdot", "vecmat", "correlate",
))
# fmt: on


def analytic(nodes: Iterable[Node]) -> bool:
    """Whether every recorded operation is analytic and works on complex arrays."""
    ops = (node.plan.op for node in nodes if node.plan is not None)
    return all(
        op.name in ANALYTIC or (op.kind in ("linear", "bilinear") and op.name not in CONJUGATING)
        for op in ops
    )


def confirm(objective: Objective, claims: Claims, rng: np.random.Generator) -> None:
    """Note how well the claims agree with a complex step along a random direction of each array.

    Where they disagree it says nothing: on complex arrays NumPy may run other code than the tape,
    and np.cov conjugates. Differences decide what is wrong.
    """
    digits = []
    for p in objective.parameters:
        u = rng.standard_normal(p.shape) * (np.abs(p.value) + 1.0)
        slope = _slope(objective, p, u)
        terms = np.asarray(claims.double[p.name], dtype=np.float64) * u
        if slope is None or terms.size == 0 or not np.all(np.isfinite(terms)):
            return
        size = max(abs(slope), float(np.linalg.norm(terms)))
        off = abs(slope - float(np.sum(terms))) / (size or 1.0)
        digits.append(15 if off == 0.0 else min(15, int(-np.log10(off))))
    if min(digits) >= ENOUGH:
        claims.notes.append(f"the complex step agrees to {min(digits)} digits")


def _slope(objective: Objective, p: Parameter, u: Any) -> float | None:
    """The derivative of f along u; None where f does not run on complex arrays."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a cast to real numbers is no analytic function
            value = objective.complex_value(p, p.value + 1j * STEP * u)
    except Exception:  # whatever f does with complex arrays, which it was not written for
        return None
    base = objective.value(p, p.value)
    if not abs(value.real - base) <= 1e-9 * abs(base):
        return None
    return value.imag / STEP
