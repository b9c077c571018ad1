"""Gradients that the user supplies: a function or finished arrays. No Tensor is involved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_lite import pytree
from autograd_lite.testing.claims import (
    Claims,
    Snapshot,
    check_kinds,
    check_rounding,
    same_bits,
    summed_note,
)
from autograd_lite.testing.objective import Array, Objective, array_of

__all__ = ["aligned", "claimed_by_hand"]


def claimed_by_hand(objective: Objective, grad: Any, rng: np.random.Generator) -> Claims:
    """The gradients that `grad` is, or returns, and the faults in how f and it behave."""
    supplied = grad if callable(grad) else None
    gradients = supplied or (lambda *args: grad)
    before = Snapshot(objective.arrays())

    results, changed_by_f = before.twice(lambda: objective.result(objective.args))
    trees, changed_by_grad = before.twice(lambda: objective.of_user(gradients))
    given, repeated = (aligned(objective, tree) for tree in trees)

    claims = Claims(given, {name: np.real(g) for name, g in given.items()})
    names = [p.name for p in objective.parameters]
    if not _same_results(*results):
        claims.fault(names, "nondeterministic", "two runs of f at one point differ")
    for name in names:
        if not same_bits(given[name], repeated[name]):
            claims.fault([name], "nondeterministic", "two runs of grad at one point differ")
    _settle_results(objective, results[0], claims, rng)
    _blame(claims, objective, changed_by_f, "f")
    _blame(claims, objective, changed_by_grad, "grad")
    check_kinds(claims, objective, list(objective.arrays().values()))
    _add_doubles(claims, objective, supplied)
    return claims


def aligned(objective: Objective, tree: Any, *, partly: bool = False) -> dict[str, Array]:
    """The arrays of a pytree of gradients, by the parameter's name.

    Several differentiated arguments have a tuple of gradients, one alone may do without. A dict or
    a Module may have a dict of its parameters' names; `partly` leaves out those that it lacks.
    Raises ValueError for another structure.
    """
    names = [p.name for p in objective.parameters]
    primals = tuple(objective.args[i] for i in objective.places)
    if len(primals) == 1 and isinstance(tree, dict):
        given = [name for name in names if name in tree]
        if len(given) == len(names) or (given and partly):
            return {name: _numbers(tree[name], name) for name in given}
    if len(primals) == 1:
        primals, tree = primals[0], _unwrapped(primals[0], tree)
    elif isinstance(tree, list):
        tree = tuple(tree)
    try:
        leaves = pytree.flatten_like(pytree.flatten(primals)[1], tree)
    except ValueError as error:
        which = [n for i, n in enumerate(objective.argument_names()) if i in objective.places]
        raise ValueError(f"the gradients are not built like {', '.join(which)}: {error}") from None
    wanted = {p.place: p.name for p in objective.parameters}
    return {
        wanted[place]: _numbers(leaf, wanted[place])
        for place, leaf in zip(objective.leaf_places(), leaves, strict=True)
        if place in wanted
    }


def _unwrapped(primal: Any, tree: Any) -> Any:
    """The gradients of a lone argument, out of the tuple of one that they may come in."""
    if not (isinstance(tree, tuple) and len(tree) == 1):
        return tree
    is_one = isinstance(primal, tuple) and len(primal) == 1
    return tree if is_one and not isinstance(tree[0], tuple) else tree[0]


def _numbers(gradient: Any, name: str) -> Array:
    array = array_of(gradient)
    if array.dtype.kind not in "fiubc":
        kind = type(gradient).__name__
        if isinstance(gradient, np.ndarray):
            kind = f"{kind} of dtype {array.dtype}"
        raise TypeError(f"the gradient of {name} is a {kind}, expected an array of numbers")
    return array


def _blame(claims: Claims, objective: Objective, changed: Sequence[str], who: str) -> None:
    """Fault the parameters that were changed; for other arrays, all parameters."""
    names = [p.name for p in objective.parameters]
    for name in changed:
        sentence = f"{who} changed {name} in place; work on a copy"
        claims.fault([name] if name in names else names, "mutated_input", sentence)
    objective.protected = objective.protected or bool(changed)


def _same_results(a: Any, b: Any) -> bool:
    first, second = pytree.flatten(a)[0], pytree.flatten(b)[0]
    pairs = zip(first, second, strict=False)
    return len(first) == len(second) and all(same_bits(array_of(x), array_of(y)) for x, y in pairs)


def _settle_results(
    objective: Objective, result: Any, claims: Claims, rng: np.random.Generator
) -> None:
    """Say how results that are not one number become one: by their sum, or along a Jacobian."""
    results = [array_of(y) for y in pytree.flatten(result)[0]]
    shapes = [y.shape for y in results]
    if not results or any(y.dtype.kind not in "fiub" for y in results):
        kinds = ", ".join(f"{y.dtype} of shape {y.shape}" for y in results) or "nothing"
        hint = "; is its return missing?" if result is None else ""
        raise TypeError(f"f must return real numbers, it returned {kinds}{hint}")
    if len(results) == 1 and results[0].size == 1:
        return
    if len(results) == 1 and all(
        g.shape == (*results[0].shape, *p.shape)
        for p in objective.parameters
        for g in [claims.given[p.name]]
    ):
        w = rng.standard_normal(results[0].shape)
        objective.weights = [w]
        for name, g in claims.given.items():
            claims.given[name] = claims.double[name] = np.tensordot(w, g, axes=w.ndim)
        claims.notes.append(f"f returned shape {shapes[0]}: its Jacobian was checked")
        return
    objective.weights = [np.ones(shape) for shape in shapes]
    claims.notes.append(summed_note(results))


def _add_doubles(claims: Claims, objective: Objective, grad: Callable[..., Any] | None) -> None:
    """Set the gradients in double precision; those in low precision are held against them."""
    low = [p for p in objective.parameters if p.dtype.itemsize < 8]
    if not low:
        return
    if grad is None:
        claims.double = {name: g.astype(np.float64) for name, g in claims.given.items()}
        claims.eps = max(float(np.finfo(p.dtype).eps) for p in low)
        return
    claims.double = aligned(objective, grad(*objective.doubles()))
    check_rounding(
        claims, objective, lambda values: aligned(objective, grad(*objective.moved(values)))
    )
