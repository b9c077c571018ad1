"""Random nests of transforms that close over each other's variables, against jax: no confusion.

Every program is a scalar function of x made of up to three functions inside each other. Each is
put under a transform at a random place, and may use the variables of all around it.
"""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite import unrolled
from autograd_lite.table import TABLE

F = Callable[..., Any]
needs_jax = pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="no jax")

CALLS = [
    "grad({f})({at})", "jvp({f}, {at}, {v})", "vjp({f}, {at}, {v})", "squared({f})({at})",
    "hessian({f})({at})", "hvp({f}, {at}, {v})", "jacobian({f})({at})", "checkpoint({f})({at})",
]  # fmt: skip


def source(seed: int) -> str:
    """The text of a function F(x)."""
    rng = random.Random(seed)
    lines = ["def F(x):"]
    result = nest(rng, rng.choice([1, 2, 3]), ["x"], lines)
    return "\n".join([*lines, f"    return {result}"])


def nest(rng: random.Random, depth: int, names: list[str], lines: list[str]) -> str:
    """An expression of the names; functions that it calls are added to the lines."""
    if depth == 0:
        return expression(rng, 3, names)
    n, indent, body = len(names), "    " * len(names), []
    inner = nest(rng, depth - 1, [*names, f"v{n}"], body)
    lines.append(f"{indent}def f{n}(v{n}):")
    lines.extend(body)
    lines.append(f"{indent}    return {inner} * v{n} + np.sin(v{n}) * {rng.choice(names)}")
    at, v = f"1.0 * ({expression(rng, 2, names)})", f"1.0 * {rng.choice(names)}"
    call = rng.choice(CALLS).format(f=f"f{n}", at=at, v=v)
    return f"({call} + {expression(rng, 1, names)})"


def expression(rng: random.Random, depth: int, names: list[str]) -> str:
    choice = rng.random()
    if depth == 0 or choice < 0.25:
        return rng.choice([*names, "1.3", "0.4"])
    if choice < 0.6:
        a, b = expression(rng, depth - 1, names), expression(rng, depth - 1, names)
        return f"({a} {rng.choice('+-*')} {b})"
    return f"np.{rng.choice(['sin', 'cos', 'tanh'])}({expression(rng, depth - 1, names)})"


def squared(value_and_grad: F) -> F:
    """f ↦ f · f′, by way of the transform that gives both."""

    def of(f: F) -> F:
        def product(x: Any) -> Any:
            value, slope = value_and_grad(f)(x)
            return value * slope

        return product

    return of


OURS: dict[str, Any] = {
    "np": np, "grad": ag.grad, "jacobian": ag.jacobian, "hessian": ag.hessian,
    "checkpoint": ag.checkpoint, "squared": squared(ag.value_and_grad),
    "jvp": lambda f, x, v: ag.jvp(f, (x,), (v,))[1],
    "vjp": lambda f, x, v: ag.vjp(f, x)[1](v)[0],
    "hvp": lambda f, x, v: ag.hvp(f, (x,), (v,))[1],
}  # fmt: skip


def theirs() -> dict[str, Any]:
    """The same names, of jax."""
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    second = lambda f: jax.grad(jax.grad(f))
    return {
        "np": jax.numpy, "grad": jax.grad, "jacobian": jax.jacobian, "hessian": second,
        "checkpoint": jax.checkpoint, "squared": squared(jax.value_and_grad),
        "jvp": lambda f, x, v: jax.jvp(f, (x,), (v,))[1],
        "vjp": lambda f, x, v: jax.vjp(f, x)[1](v)[0],
        "hvp": lambda f, x, v: second(f)(x) * v,
    }  # fmt: skip


def defined(text: str, names: dict[str, Any]) -> F:
    space = dict(names)
    exec(text, space)
    return space["F"]  # type: ignore[no-any-return]


def derivatives(f: F, grad: F) -> list[float]:
    return [float(f(0.6)), float(grad(f)(0.6)), float(grad(grad(f))(0.6))]


@pytest.mark.parametrize("seed", range(30))
def test_nests_agree_however_often_they_are_swept(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sweeps, recorded ones too, by functions that are written as soon as can be: the same bits."""
    monkeypatch.setattr(unrolled, "PATIENCE", 1)
    for row in set(TABLE.values()):
        for plan in row.plans.values():
            plan.written = None
    f = defined(source(seed), OURS)
    of = {"reverse": ag.grad, "forward": lambda f: lambda x: ag.jvp(f, (x,), (1.0,))[1]}
    for mode, grad in of.items():
        first = derivatives(f, grad)
        for _ in range(12):
            assert derivatives(f, grad) == first, f"{mode} of\n{source(seed)}"


@needs_jax
@pytest.mark.parametrize(
    "seed",
    [pytest.param(s, marks=() if s < 5 else pytest.mark.thorough) for s in range(150)],
)
def test_nests_agree_with_jax(seed: int) -> None:
    """Value, first and second derivative: in reverse, forward, under no_grad and compiled."""
    text = source(seed)
    names = theirs()
    expected = derivatives(defined(text, names), names["grad"])
    f = defined(text, OURS)
    found = {"reverse": derivatives(f, ag.grad)}
    with ag.no_grad():
        found["no_grad"] = derivatives(f, ag.grad)
    forward = lambda f: lambda x: ag.jvp(f, (x,), (1.0,))[1]
    found["forward"] = derivatives(f, forward)
    if seed % 5 == 0:
        found["compiled"] = derivatives(ag.compile(f), lambda f: ag.compile(ag.grad(f)))
    for mode, got in found.items():
        np.testing.assert_allclose(got, expected, 1e-9, 1e-11, err_msg=f"{mode} of\n{text}")
