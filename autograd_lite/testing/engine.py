"""Gradients that the engine computes, and what is wrong with them before any is probed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_lite.testing.claims import (
    Claims,
    Snapshot,
    check_kinds,
    check_rounding,
    same_bits,
    summed_note,
)
from autograd_lite.testing.complexstep import analytic, confirm
from autograd_lite.testing.conduct import Conduct
from autograd_lite.testing.objective import Array, Objective, array_of
from autograd_lite.testing.pulled import Pulled

__all__ = ["claimed_by_engine", "slope_along"]


def claimed_by_engine(
    objective: Objective, rng: np.random.Generator, *, plainly: bool = False, summed: bool = False
) -> Claims:
    """The engine's gradients, and the faults in how its pullback behaves, unless `plainly`.

    summed: whether results that are not one number are summed; by default they get random weights
    """
    own = [array_of(p.leaf) for p in objective.parameters]
    before = Snapshot(objective.arrays())
    first = Pulled(objective, own)
    seeds = _seeds(objective, first.results, None if summed else rng)
    kept = Snapshot({str(i): seed for i, seed in enumerate(seeds)})
    given = _named(objective, first.back_from(seeds))
    claims = Claims(given, given)
    claims.symmetric = any(n.plan is not None and n.plan.op.symmetric for n in first.nodes)
    if plainly:
        return claims
    if summed and objective.weights is not None:
        claims.notes.append(summed_note(first.results))
    _check_changes(claims, objective, before, kept)
    if not _repeats(claims, objective, own, seeds, first.results):
        return claims  # nothing else can be told of such an f
    inputs = [*objective.arrays().values(), *seeds]
    check_kinds(claims, objective, inputs, shared="aliased_grad")
    _check_undeclared(claims, first)

    double = first if _is_double(objective) else Pulled(objective, _doubles(objective))
    wide = [seed.astype(y.dtype) for seed, y in zip(seeds, double.results, strict=True)]
    if not _is_double(objective):
        claims.double = _named(objective, double.back(wide))
        check_rounding(claims, objective, lambda values: _again(objective, values, seeds))
    Conduct(claims, objective, double, wide, rng).check()
    if analytic(double.nodes):
        confirm(objective, claims, rng)
    return claims


def slope_along(objective: Objective, rng: np.random.Generator) -> Callable[..., Any]:
    """The derivative of f along random tangents, as a function of f's parameters.

    Its gradient is a product of the Hessian with these tangents: what order 2 checks.
    """
    tangents = [np.asarray(rng.standard_normal(p.shape)) for p in objective.parameters]

    def slope(*values: Any) -> Any:
        pulled = Pulled(objective, values)
        gradients = pulled.back(objective.weights or [np.ones(y.shape) for y in pulled.results])
        return sum(np.sum(g * t) for g, t in zip(gradients, tangents, strict=True))

    return slope


def _named(objective: Objective, gradients: Sequence[Any]) -> dict[str, Array]:
    pairs = zip(objective.parameters, gradients, strict=True)
    return {p.name: array_of(g) for p, g in pairs}


def _doubles(objective: Objective) -> list[Array]:
    return [p.value for p in objective.parameters]


def _is_double(objective: Objective) -> bool:
    return all(p.dtype == np.float64 for p in objective.parameters)


def _again(
    objective: Objective, values: dict[str, Array], seeds: Sequence[Array]
) -> dict[str, Array]:
    """The gradients with some parameters replaced, all in their own precision."""
    primals = [values.get(p.name, array_of(p.leaf)) for p in objective.parameters]
    return _named(objective, Pulled(objective, primals).back(seeds))


def _seeds(
    objective: Objective, results: Sequence[Array], rng: np.random.Generator | None
) -> list[Array]:
    """Cotangents for the results, those of f's value: 1, or random weights where there is an rng.

    A lone number has the weight 1.
    """
    if not any(y.dtype.kind == "f" for y in results):
        kinds = ", ".join(f"{y.dtype} of shape {y.shape}" for y in results)
        raise TypeError(f"f must return floats, it returned {kinds}")
    if len(results) == 1 and results[0].size == 1:
        return [np.ones_like(results[0])]
    draw = rng.standard_normal if rng is not None else np.ones
    draws = [
        np.asarray(draw(y.shape)) if y.dtype.kind == "f" else np.zeros(y.shape) for y in results
    ]
    # in each result's own precision, so that f's value is weighted with what was pulled back
    seeds = [w.astype(y.dtype) for w, y in zip(draws, results, strict=True)]
    objective.weights = [seed.astype(np.float64) for seed in seeds]
    return seeds


def _check_changes(claims: Claims, objective: Objective, args: Snapshot, seeds: Snapshot) -> None:
    names = [p.name for p in objective.parameters]
    for name in args.restored():
        sentence = f"f or its backward pass changed {name} in place"
        claims.fault([name] if name in names else names, "mutated_input", sentence)
        objective.protected = True
    if seeds.restored():
        claims.fault(names, "mutated_input", "the backward pass changed the cotangent in place")


def _repeats(
    claims: Claims,
    objective: Objective,
    values: Sequence[Array],
    seeds: Sequence[Array],
    results: Sequence[Array],
) -> bool:
    """Whether a second run gives the same bits; a fault is added where it does not."""
    again = Pulled(objective, values)
    pairs = zip(again.results, results, strict=False)
    if len(again.results) != len(results) or not all(same_bits(a, b) for a, b in pairs):
        names = [p.name for p in objective.parameters]
        claims.fault(names, "nondeterministic", "two runs of f at one point differ")
        return False
    for (name, g), repeated in zip(claims.given.items(), again.back(seeds), strict=True):
        if not same_bits(g, repeated):
            claims.fault([name], "nondeterministic", "two runs give different gradients")
    return all("nondeterministic" not in claims.verdicts(name) for name in claims.given)


def _check_undeclared(claims: Claims, pulled: Pulled) -> None:
    for i, leaf in enumerate(pulled.undeclared()):
        name = f"{leaf.name or f'tensor {i}'} (undeclared)"
        claims.fault(
            [name],
            "mismatch",
            f"a tensor of shape {leaf.shape} that requires grad, is used by f, and is not among "
            "its arguments: its gradient is not checked; pass it as an argument",
        )
