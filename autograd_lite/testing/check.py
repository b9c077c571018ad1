"""check_grads and assert_grads: is this gradient right?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from autograd_lite.testing.byhand import claimed_by_hand
from autograd_lite.testing.claims import Claims
from autograd_lite.testing.engine import claimed_by_engine, slope_along
from autograd_lite.testing.inspection import Inspection
from autograd_lite.testing.objective import Objective
from autograd_lite.testing.report import GradientMismatch, GradReport
from autograd_lite.testing.rows import GRADIENT_COLUMNS

__all__ = ["assert_grads", "check_grads"]

Mode = Literal["auto", "full", "sampled"]


def check_grads(
    f: Callable[..., Any],
    *args: Any,
    grad: Any = None,
    wrt: Any = None,
    order: int = 1,
    mode: Mode = "auto",
    rtol: float = 1e-6,
    kinks: Literal["report", "allow"] = "report",
    seed: int = 0,
) -> GradReport:
    """A report on the gradient of f at args, held against differences with an error bar.

    grad: a function of the same arguments, or a pytree of arrays like them; then the engine is
        not used, and f may be any Python function. By default the engine's gradient is checked.
    wrt: positions of the arguments, or names of the arrays, to check; by default all floats.
    order: 2 also checks the derivative of the gradient, along random tangents.
    mode: "full" probes every element, "sampled" directions and 64 elements; "auto" is full for
        arrays of at most 64 elements.
    rtol: relative tolerance of an element; a numeric value less certain than that proves nothing.
    kinks: "allow" passes a value between the slopes where f has a kink at the point.

    Results that are not one number are summed with `grad`, and randomly weighted without.
    """
    _check_options(mode, rtol, kinks, order, grad)
    rng = np.random.default_rng(seed)
    objective = Objective(f, args, wrt, tensors=grad is None)
    claims = (
        claimed_by_engine(objective, rng) if grad is None else claimed_by_hand(objective, grad, rng)
    )
    allow = kinks == "allow"
    rows = Inspection(objective, claims, rng, mode=mode, rtol=rtol, allow_kinks=allow).rows()
    notes = claims.notes
    for n in range(2, order + 1):
        objective, claims = _next_order(objective, n, rng)
        rows += Inspection(objective, claims, rng, mode=mode, rtol=rtol, allow_kinks=allow).rows()
    title = f"gradient of {getattr(f, '__name__', 'f')}"
    return GradReport(title, GRADIENT_COLUMNS, tuple(rows), tuple(dict.fromkeys(notes)))


def assert_grads(f: Callable[..., Any], *args: Any, **options: Any) -> GradReport:
    """The report of `check_grads` with the same arguments, if it is ok.

    Raises GradientMismatch, an AssertionError that shows the report, if it is not.
    """
    __tracebackhide__ = True  # pytest shows the caller's line and the report
    report = check_grads(f, *args, **options)
    if not report.ok:
        raise GradientMismatch(report)
    return report


def _check_options(mode: str, rtol: float, kinks: str, order: int, grad: Any) -> None:
    if mode not in ("auto", "full", "sampled"):
        raise ValueError(f"mode must be 'auto', 'full' or 'sampled', got {mode!r}")
    if kinks not in ("report", "allow"):
        raise ValueError(f"kinks must be 'report' or 'allow', got {kinks!r}")
    if not isinstance(rtol, float | int | np.floating) or not 0.0 < rtol < 1.0:
        raise ValueError(f"rtol must lie between 0 and 1, got {rtol!r}")
    if not isinstance(order, int | np.integer) or order < 1:
        raise ValueError(f"order must be a whole number, 1 or more, got {order!r}")
    if order > 1 and grad is not None:
        raise ValueError("order=2 needs the engine; check the gradient's gradient as a function")


def _next_order(
    objective: Objective, order: int, rng: np.random.Generator
) -> tuple[Objective, Claims]:
    """The slope of f along random tangents as the function to check, and the engine's claims."""
    slope = slope_along(objective, rng)
    names = [f"{p.name.partition(' (order')[0]} (order {order})" for p in objective.parameters]
    values = [p.value for p in objective.parameters]
    steeper = Objective(slope, values, tensors=True, names=names)
    return steeper, claimed_by_engine(steeper, rng, plainly=True)
