"""compare_grads: gradients derived by hand, the engine's, and differences to judge between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_lite.testing.byhand import aligned
from autograd_lite.testing.engine import claimed_by_engine
from autograd_lite.testing.judging import Judge
from autograd_lite.testing.objective import Objective
from autograd_lite.testing.report import GradReport
from autograd_lite.testing.tables import Column, with_bar

__all__ = ["compare_grads"]

COLUMNS = (
    Column("name", "parameter", left=True),
    Column("shape", "shape", left=True),
    Column("verdict", "verdict", left=True),
    Column("index", "at"),
    Column("hand", "by hand", lambda value: f"{value:.10g}"),
    Column("engine", "engine", lambda value: f"{value:.10g}"),
    Column(("numeric", "bar"), "numeric ± bar", with_bar),
    Column("relative", "max |Δ| / max |g|", lambda value: f"{value:.1e}" if value else "0"),
    Column("checked", "checked numerically", left=True),
)


def compare_grads(
    hand: Any, f: Callable[..., Any], params: Any, *args: Any, wrt: Any = None
) -> GradReport:
    """A report on gradients derived by hand, against the engine's and against differences.

    hand: a function of (params, *args), or the gradients themselves: a pytree like params, or a
        dict by name where params is a Module
    f: the function of (params, *args) whose gradient it is
    wrt: names of the parameters to compare; by default all

    Each row is: agree, hand wrong, engine wrong, both wrong; or what keeps the differences from
    telling (kink, edge, inconclusive …). Random draws, dropout masks too, are the same for all.
    """
    objective = Objective(f, (params, *args), 0 if wrt is None else wrt, tensors=True)
    rng = np.random.default_rng(0)
    engine = claimed_by_engine(objective, rng)
    objective.result(objective.args)  # a model remembers the masks of this pass for the hand's
    by_hand = objective.of_user(hand) if callable(hand) else hand
    judge = Judge(objective, engine, aligned(objective, by_hand, partly=True), rng)
    rows = tuple(judge.row(p) for p in objective.parameters)
    notes = tuple(dict.fromkeys(engine.notes))
    return GradReport("gradients by hand against the engine's", COLUMNS, rows, notes)
