"""Gradients that the engine computes, and how its pullback behaves apart from their values.

One planted bug that only it catches stands beside each of these checks in the tests: whether a
cotangent of 0 gives 0, whether the pullback is linear, whether it minds how a cotangent lies in
memory, whether forward mode is its transpose, whether a recorded sweep gives the same numbers,
and whether f depends on parameters that were not declared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_lite import pytree
from autograd_lite.forward import jvp
from autograd_lite.sweep import Leaf, Node
from autograd_lite.testing.claims import (
    Claims,
    Snapshot,
    check_kinds,
    check_rounding,
    same_bits,
)
from autograd_lite.testing.complexstep import analytic, confirm
from autograd_lite.testing.objective import Array, Objective, array_of
from autograd_lite.transforms import vjp

__all__ = ["Pulled", "claimed_by_engine", "slope_along"]

CLOSE = 1e-9  # of the largest entry: what a reordered sum may change


class Pulled:
    """f at some values of its parameters: its results, its pullback, and the graph behind them."""

    def __init__(self, objective: Objective, values: Sequence[Any]) -> None:
        self.primals = tuple(values)
        self._objective = objective
        self.declared: list[Any] = []  # the parameters' nodes
        self.ends: list[Any] = []  # the results', None for a constant
        self.nodes: list[Node] = []  # all that the results were computed from
        results, self._pullback = vjp(self.run, *self.primals)
        leaves, self._structure = pytree.flatten(results)
        self.results = [array_of(y) for y in leaves]

    def run(self, *tensors: Any) -> Any:
        """f of its parameters, recorded."""
        result = self._objective.recorded(tensors)
        self.declared = [x.node for x in tensors]
        self.ends = [getattr(y, "node", None) for y in pytree.flatten(result)[0]]
        self.nodes = _ancestors([node for node in self.ends if node is not None])
        return result

    def back(self, cotangents: Sequence[Any]) -> list[Any]:
        """The gradients for cotangents of the results, which stay as they are."""
        return self.back_from([+g for g in cotangents])

    def back_from(self, cotangents: Sequence[Any]) -> list[Any]:
        """The gradients for these very arrays, which a bad rule may change."""
        return list(self._pullback(pytree.unflatten(self._structure, cotangents)))

    def undeclared(self) -> list[Node]:
        """Leaves that f depends on though they are not among its arguments."""
        leaves = [n for n in self.nodes if isinstance(n, Leaf) and n not in self.declared]
        return sorted(leaves, key=lambda leaf: leaf.order)


def _ancestors(nodes: Sequence[Node]) -> list[Node]:
    """These nodes and all that they were computed from."""
    pending, seen = list(nodes), set(nodes)
    while pending:
        parents = {p for p in pending.pop().inputs if isinstance(p, Node)} - seen
        seen |= parents
        pending += parents
    return list(seen)


def claimed_by_engine(
    objective: Objective, rng: np.random.Generator, *, plainly: bool = False
) -> Claims:
    """The engine's gradients, and the faults in how its pullback behaves, unless `plainly`."""
    own = [array_of(p.leaf) for p in objective.parameters]
    before = Snapshot(objective.arrays())
    first = Pulled(objective, own)
    seeds = _seeds(objective, first.results, rng)
    kept = Snapshot({str(i): seed for i, seed in enumerate(seeds)})
    given = _named(objective, first.back_from(seeds))
    claims = Claims(given, given)
    claims.symmetric = any(n.plan is not None and n.plan.op.symmetric for n in first.nodes)
    if plainly:
        return claims
    _check_changes(claims, objective, before, kept)
    if not _repeats(claims, objective, own, seeds, first.results):
        return claims  # nothing else can be told of such an f
    check_kinds(claims, objective, [*objective.arrays().values(), *seeds])
    _check_undeclared(claims, first)

    double = first if _is_double(objective) else Pulled(objective, _doubles(objective))
    wide = [seed.astype(y.dtype) for seed, y in zip(seeds, double.results, strict=True)]
    if not _is_double(objective):
        claims.double = _named(objective, double.back(wide))
        check_rounding(claims, objective, lambda values: _again(objective, values, seeds))
    floor = _rounding(objective, rng)
    _check_pullback(claims, double, wide, rng, floor)
    if analytic(double.nodes):
        confirm(objective, claims, rng)
    _check_recorded(claims, objective, wide, floor)
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


def _rounding(objective: Objective, rng: np.random.Generator) -> dict[str, float]:
    """Per parameter what rounding may make of a gradient of 0, by how much f varies around."""
    floors = {}
    for p in objective.parameters:
        sizes = np.abs(np.where(np.isfinite(p.value), p.value, 0.0))
        scale = float(np.median(sizes[sizes > 0.0])) if np.any(sizes) else 1.0
        steps = [scale * rng.choice([-1.0, 1.0], size=p.shape) for _ in range(3)]
        values = [objective.value(p, x) for x in (p.value, *(p.value + step for step in steps))]
        change = max(abs(value - values[0]) for value in values[1:]) / scale
        floors[p.name] = 1e-11 * change if np.isfinite(change) else 0.0
    return floors


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


def _seeds(objective: Objective, results: Sequence[Array], rng: np.random.Generator) -> list[Array]:
    """Cotangents for the results: 1 for a lone number, else random weights, those of f's value."""
    if not any(y.dtype.kind == "f" for y in results):
        kinds = ", ".join(f"{y.dtype} of shape {y.shape}" for y in results)
        raise TypeError(f"f must return floats, it returned {kinds}")
    if len(results) == 1 and results[0].size == 1:
        return [np.ones_like(results[0])]
    draws = [
        np.asarray(rng.standard_normal(y.shape)) if y.dtype.kind == "f" else np.zeros(y.shape)
        for y in results
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


def _check_pullback(
    claims: Claims,
    pulled: Pulled,
    seeds: Sequence[Array],
    rng: np.random.Generator,
    floor: Mapping[str, float],
) -> None:
    """Add faults of the pullback as a linear map."""
    names = list(claims.given)
    v = [np.asarray(rng.standard_normal(y.shape)).astype(y.dtype) for y in pulled.results]
    of_w, of_v = pulled.back(seeds), pulled.back(v)
    tests: list[tuple[str, list[Array], list[Array]]] = [
        (
            "a cotangent of 0 gives a gradient other than 0",
            pulled.back([np.zeros_like(s) for s in seeds]),
            [np.zeros_like(g) for g in of_w],
        ),
        (
            "the pullback is not linear: of 2u − 3v it is not 2 times that of u less 3 of v",
            pulled.back([2 * a - 3 * b for a, b in zip(seeds, v, strict=True)]),
            [2 * a - 3 * b for a, b in zip(of_w, of_v, strict=True)],
        ),
        (
            "the pullback minds how its cotangent lies in memory",
            pulled.back_from([_scattered(b) for b in v]),
            of_v,
        ),
    ]
    for sentence, found, expected in tests:
        for name, a, b, g in zip(names, found, expected, of_w, strict=True):
            if np.all(np.isfinite(g)) and not _close(a, b, g, floor[name]):
                claims.fault([name], "mismatch", sentence)
    _check_transpose(claims, pulled, seeds, of_w, rng, floor)


def _scattered(array: Array) -> Array:
    """The same values as a view with gaps, its axes stored backwards."""
    if array.ndim == 0:
        return array
    wide = np.empty([2 * n for n in array.shape[::-1]], array.dtype)
    view = wide[(slice(None, None, 2),) * array.ndim].T
    view[...] = array
    return view


def _close(a: Array, b: Array, size: Array, floor: float) -> bool:
    """Whether a and b agree to what reordering a sum, or rounding beside 0, may change."""
    scale = max((float(np.max(np.abs(x), initial=0.0)) for x in (a, b, size)), default=0.0)
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= CLOSE * scale + floor))


def _check_transpose(
    claims: Claims,
    pulled: Pulled,
    seeds: Sequence[Array],
    gradients: Sequence[Array],
    rng: np.random.Generator,
    floor: Mapping[str, float],
) -> None:
    """The dot-product test: ⟨w, J t⟩ = ⟨Jᵀ w, t⟩, one parameter's tangent at a time."""
    for i, (name, g) in enumerate(zip(claims.given, gradients, strict=True)):
        tangents = [np.zeros_like(x) for x in pulled.primals]
        tangents[i] = np.asarray(rng.standard_normal(g.shape)).astype(g.dtype)
        try:
            _, pushed = jvp(pulled.run, pulled.primals, tuple(tangents))
        except NotImplementedError as error:
            claims.notes.append(f"forward mode was not compared: {error}")
            return
        leaves = [array_of(y) for y in pytree.flatten(pushed)[0]]
        forward = np.array([np.vdot(a, b) for a, b in zip(seeds, leaves, strict=True)])
        reverse = g * tangents[i]
        size = float(np.sum(np.abs(forward)) + np.sum(np.abs(reverse)))
        off = abs(float(np.sum(forward)) - float(np.sum(reverse)))
        limit = 1e-8 * size + floor[name] * float(np.sum(np.abs(tangents[i])))
        if np.isfinite(size) and not off <= limit:
            claims.fault(
                [name],
                "mismatch",
                f"forward and reverse mode disagree: ⟨w, Jt⟩ = {np.sum(forward):.6g}, "
                f"⟨Jᵀw, t⟩ = {np.sum(reverse):.6g}",
            )


def _check_recorded(
    claims: Claims, objective: Objective, seeds: Sequence[Array], floor: Mapping[str, float]
) -> None:
    """Add a mismatch where a sweep that is itself recorded gives other numbers."""

    def gradients(*values: Any) -> Any:
        return Pulled(objective, values).back(seeds)

    try:
        recorded, _ = vjp(gradients, *_doubles(objective))
    except (NotImplementedError, TypeError, ValueError) as error:
        claims.notes.append(f"the backward pass cannot be differentiated: {error}")
        return
    for (name, g), again in zip(claims.double.items(), recorded, strict=True):
        if np.all(np.isfinite(g)) and not _close(g, array_of(again), g, floor[name]):
            claims.fault([name], "mismatch", "a recorded sweep gives another gradient")
