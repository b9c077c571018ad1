"""Rule mutants: every rule of the table, made wrong in one way, must be caught by the checks.

The checks are what every row is held to: the gradient of every example against extrapolated
differences, input by input, and no memory shared or written. A mutant that never gives another
result than its rule (the negated slope of a step is 0, too) is none.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite import broadcasting
from autograd_lite.recording import bind
from autograd_lite.table import Primitive, rows

pytestmark = pytest.mark.thorough

_path = Path(__file__).parent / "rules" / "test_every_row.py"
_spec = importlib.util.spec_from_file_location("every_row", _path)
assert _spec is not None
assert _spec.loader is not None
every_row = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(every_row)

Rule = Callable[..., Any]

#: What a mutant did, while the checks ran, that its rule would not have done.
acts: list[str] = []


def negated(ct: Any, *args: Any) -> Any:
    """The cotangent with the other sign."""
    return -ct


def scaled(ct: Any, *args: Any) -> Any:
    """The cotangent off by 1e-5 of itself."""
    return ct * (1 + 1e-5)


def halved_first(ct: Any, *args: Any) -> Any:
    """One element wrong by half, the others right: the first that is not 0."""
    first = np.cumsum(np.cumsum(ct.ravel() != 0)).reshape(ct.shape) == 1
    return np.where(first, 0.5 * ct, ct)


def passing(ct: Any, *args: Any) -> Any:
    """The cotangent of the output in place of what the rule makes of it."""
    g = next(a for a in args if not isinstance(a, int))  # a variadic rule is told its place first
    return g if getattr(g, "shape", None) == ct.shape else ct


def overwriting(ct: Any, *args: Any) -> Any:
    """The result in the memory of the first array that the rule was given: g, or an input."""
    for array in args:
        like = type(array) is np.ndarray and array.shape == ct.shape and array.flags.writeable
        if like and not np.array_equal(array, ct):
            array[...] = ct
            acts.append("overwriting")
            return array
    return ct


CHANGES = [negated, scaled, halved_first, passing, overwriting]


def changed(rule: Rule, change: Rule) -> Rule:
    """The rule with its result changed."""

    @wraps(rule)
    def mutant(*args: Any, **params: Any) -> Any:
        ct = rule(*args, **params)
        if type(ct) is list:  # of a row whose rule gives the cotangents of all inputs
            return [noted(change.__name__, part, change(part, *args)) for part in ct]
        return noted(change.__name__, ct, change(ct, *args))

    return mutant


def swapped(rule: Rule) -> Rule:
    """The rule with its last two inputs exchanged."""

    @wraps(rule)
    def mutant(*args: Any, **params: Any) -> Any:
        *first, a, b = args
        return noted("swapped", rule(*args, **params), rule(*first, b, a, **params))

    return mutant


def noted(name: str, right: Any, wrong: Any) -> Any:
    if not np.array_equal(right, wrong, equal_nan=True):
        acts.append(name)
    return wrong


def mutants(op: Primitive) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """(name, rules) for every way to make one rule of the row wrong."""
    for k, rule in enumerate(op.rules):
        if rule is None:
            continue
        wrong = {change.__name__: changed(rule, change) for change in CHANGES}
        if op.n_inputs > 1 and not op.variadic:
            wrong["swapped"] = swapped(rule)
        for name, mutant in wrong.items():
            yield f"{op.path}, input {k}, {name}", (*op.rules[:k], mutant, *op.rules[k + 1 :])


class Case:
    """An example of a row: what its gradients must be along two directions for every input."""

    def __init__(self, op: Primitive, i: int) -> None:
        self.op = op
        self.inputs, self.params = every_row.call(op, i)
        self.places = every_row.smooth(op, self.inputs)
        self.primals = [np.array(self.inputs[p], dtype=float) for p in self.places]
        self.rng = np.random.default_rng(7)
        self.weights = [self.rng.standard_normal(y.shape) for y in self._parts(*self.primals)]
        self.slopes = [
            [(u, self._slope(k, u)) for u in self.rng.standard_normal((2, *p.shape))]
            for k, p in enumerate(self.primals)
        ]

    def _parts(self, *primals: Any) -> list[Any]:
        full = list(self.inputs)
        for place, primal in zip(self.places, primals, strict=True):
            full[place] = every_row.symmetrised(primal) if self.op.symmetric else primal
        return list(every_row.results(bind(self.op, full, self.params)))

    def _slope(self, k: int, u: Any) -> float:
        """The slope of the weighted sum in primal k along u, extrapolated to fourth order."""

        def value(h: float) -> float:
            moved = [p + h * u if j == k else p for j, p in enumerate(self.primals)]
            parts = zip(self.weights, self._parts(*moved), strict=True)
            return sum(float(np.sum(w * every_row.plain(y))) for w, y in parts)

        def slope(h: float) -> float:
            return (value(h) - value(-h)) / (2 * h)

        return (4 * slope(1e-3) - slope(2e-3)) / 3

    def fails(self) -> bool:
        """Whether a gradient is wrong, shares memory with another array, or wrote into one."""
        arrays = self._arrays()
        kept = [a.copy() for a in arrays]
        _, pullback = ag.vjp(lambda *xs: self._parts(*xs), *self.primals)
        grads: Any = pullback(self.weights)
        for g, slopes in zip(grads, self.slopes, strict=True):
            for u, expected in slopes:
                scale = max(1e-3, float(np.sum(np.abs(g * u))))
                if not abs(float(np.sum(g * u)) - expected) <= 2e-7 * scale:
                    return self._restored(kept)
        shared = any(np.shares_memory(g, a) for g in grads for a in arrays)
        written = not all(
            np.array_equal(a, b, equal_nan=True) for a, b in zip(arrays, kept, strict=True)
        )
        if not (shared or written):  # nor into what the graph keeps for another sweep
            again = zip(grads, pullback(self.weights), strict=True)
            written = not all(np.array_equal(a, b, equal_nan=True) for a, b in again)
        return self._restored(kept) if shared or written else False

    def _arrays(self) -> list[Any]:
        """All that a sweep is given: cotangents, primals, and inputs that have no gradient."""
        inputs = [x for x in self.inputs if isinstance(x, np.ndarray)]
        return [*self.weights, *self.primals, *inputs]

    def _restored(self, kept: list[Any]) -> bool:
        for array, values in zip(self._arrays(), kept, strict=True):
            if not np.array_equal(array, values, equal_nan=True):
                array[...] = values
        return True


def cases(op: Primitive) -> list[Case]:
    return [Case(op, i) for row, i in every_row.SMOOTH if row is op]


def caught(examples: list[Case]) -> bool:
    """Whether some check of some example fails, or a rule raises."""
    try:
        return any(case.fails() for case in examples)
    except Exception:
        return True


def forget_plans(op: Primitive) -> None:
    """Have the row read its rules again."""
    op.plans.clear()
    op.one = op.first = op.second = op.both = None


def test_every_mutant_is_caught(capsys: pytest.CaptureFixture[str]) -> None:
    """100% of those that do something other than their rule; the rate is printed."""
    killed, idle, alive = 0, 0, []
    for op in rows():
        examples, right = cases(op), op.rules
        assert not caught(examples), f"{op.path}: the checks fail without any mutation"
        try:
            for name, rules in mutants(op):
                op.rules = rules
                forget_plans(op)
                acts.clear()
                if caught(examples):
                    killed += 1
                elif acts:
                    alive.append(name)
                else:  # -0 for 0, or shapes that leave nothing to swap: it is its rule
                    idle += 1
        finally:
            op.rules = right
            forget_plans(op)
    with capsys.disabled():
        n = killed + len(alive)
        print(f"\n{killed} of {n} mutants caught: {100 * killed / n:.1f}%; "
              f"{idle} more did what their rule does")  # fmt: skip
    assert not alive, "\n".join(alive)


def test_a_dropped_unbroadcast_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table sums a cotangent to its input's shape: the first part alone is not the sum."""
    right, summed = broadcasting.unbroadcast, set()

    def first_part(ct: Any, shape: Any, op: Primitive) -> Any:
        if ct.size <= np.prod(shape, dtype=int):
            return right(ct, shape, op)
        if np.any(ct):  # to drop a part of nothing is no mistake
            summed.add(op)
        ct = ct[(0,) * (ct.ndim - len(shape))]
        return ct[tuple(slice(n) for n in shape)]

    checks = {op: cases(op) for op in rows() if op.kind in ("elementwise", "bilinear")}
    monkeypatch.setattr(broadcasting, "unbroadcast", first_part)
    missed = [op.path for op, examples in checks.items() if not caught(examples) and op in summed]
    assert len(summed) >= 30
    assert not missed
