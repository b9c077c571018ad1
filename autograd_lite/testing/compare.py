"""compare_grads: gradients derived by hand, the engine's, and differences to judge between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_lite.testing.byhand import aligned
from autograd_lite.testing.claims import Claims, Snapshot, same_bits
from autograd_lite.testing.engine import claimed_by_engine
from autograd_lite.testing.judging import Judge
from autograd_lite.testing.objective import Objective
from autograd_lite.testing.report import GradReport
from autograd_lite.testing.tables import Column, share, with_bar

__all__ = ["compare_grads"]

COLUMNS = (
    Column("name", "parameter", left=True),
    Column("shape", "shape", left=True),
    Column("verdict", "verdict", left=True),
    Column("index", "at"),
    Column("hand", "by hand", lambda value: f"{value:.10g}"),
    Column("engine", "engine", lambda value: f"{value:.10g}"),
    Column(("numeric", "bar"), "numeric ± bar", with_bar),
    Column("relative", "max |Δ| / max |g|", share),
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
    telling (kink, edge, inconclusive …), or what `hand` does besides (mutated_input,
    nondeterministic). Random draws, dropout masks too, are the same for all. Single precision
    parameters are compared as closely as the engine's own gradient keeps to double precision.
    Results that are not one number are summed.
    """
    objective = Objective(f, (params, *args), 0 if wrt is None else wrt, tensors=True)
    rng = np.random.default_rng(0)
    engine = claimed_by_engine(objective, rng, summed=True)
    objective.result(objective.args)  # a model remembers the masks of this pass for the hand's
    judge = Judge(objective, engine, _by_hand(objective, hand), rng)
    rows = tuple(judge.row(p) for p in objective.parameters)
    notes = tuple(dict.fromkeys(engine.notes))
    return GradReport("gradients by hand against the engine's", COLUMNS, rows, notes)


def _by_hand(objective: Objective, hand: Any) -> Claims:
    """The gradients by hand of all parameters that have one, and faults in how `hand` behaves."""
    gradients = hand if callable(hand) else lambda *args: hand
    trees, changed = Snapshot(objective.arrays()).twice(lambda: objective.of_user(gradients))
    given, repeated = (aligned(objective, tree, partly=True) for tree in trees)
    claims = Claims(given, given)
    for name, g in given.items():
        if not same_bits(g, repeated[name]):
            claims.fault([name], "nondeterministic", "two runs of it differ")
    for name in changed:
        whose = [name] if name in given else list(given)
        claims.fault(whose, "mutated_input", f"it changed {name} in place; work on a copy")
    return claims
