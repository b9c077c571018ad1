"""What the benchmarks compare with must itself be right: gradients against the closed form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import by_hand
import chains
import hessian_vector
import numpy as np
import ours
import pytest
import scalar_graph
from compare import TOLERANCE, Contender, Workload, checked
from problems import Problem, problem

import autograd_lite as ag
from nn import closed_form

BOTH = (by_hand.straightforward, by_hand.tuned)
SHAPES = [
    ((7, 5, 3), 1, "relu"),
    ((300, 5, 3), 4, "relu"),
    ((300, 6, 4, 3), 300, "tanh"),
    ((2, 4, 4, 1), 8, "tanh"),
    ((2, 4, 1), 1, "relu"),
]


def by_closed_form(given: Problem) -> list[Any]:
    """The gradients W1, b1, … of the lecture's equations."""
    names = [f"{kind}{l}" for l in range(1, given.n_layers + 1) for kind in "Wb"]
    params = dict(zip(names, given.params, strict=True))
    Z, A = closed_form.forward_pass(given.X, params, given.hidden, given.output)
    gradients = closed_form.backward_pass(given.Y, Z, A, params, given.hidden, given.output)
    return [gradients[name] for name in names]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("sizes", "n", "hidden"), SHAPES)
@pytest.mark.parametrize("make", [*BOTH, *ours.OURS.values()])
def test_a_step_uses_the_closed_forms_gradient(
    make: Callable[[Problem], Contender], sizes: Any, n: int, hidden: str, dtype: str
) -> None:
    """One step of gradient descent moves every parameter by the closed form's gradient."""
    given = problem(sizes, n, dtype, hidden, 1.0)
    contender = make(given)
    contender.run()
    for found, expected in zip(contender.results(), by_closed_form(given), strict=True):
        scale = np.max(np.abs(expected)) or 1.0
        np.testing.assert_allclose(found / scale, expected / scale, atol=TOLERANCE[dtype], rtol=0)


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize(("sizes", "n", "hidden"), SHAPES)
def test_a_step_returns_the_loss(make: Any, sizes: Any, n: int, hidden: str) -> None:
    """The loss is the lecture's, a number."""
    given = problem(sizes, n, "float64", hidden, 1e-9)
    names = [f"{kind}{l}" for l in range(1, given.n_layers + 1) for kind in "Wb"]
    params = dict(zip(names, given.params, strict=True))
    _, A = closed_form.forward_pass(given.X, params, given.hidden, given.output)
    expected = closed_form.loss(given.Y, A[-1], given.output)
    np.testing.assert_allclose(float(make(given).run()), expected, rtol=1e-10)


@pytest.mark.parametrize("size", [3, 100, 20_000])
def test_the_chains_by_hand_agree_with_the_engine(size: int) -> None:
    """Also where the tuned one works in blocks, the last of them shorter."""
    x = np.linspace(-1, 1, size)
    expected = ag.grad(lambda x: chains.chain(x, np))(x)
    for make in (chains.straightforward, chains.tuned):
        contender = make(x)
        contender.run()
        np.testing.assert_allclose(contender.results()[0], expected, rtol=1e-12)


def test_the_scalar_network_by_hand_agrees_with_the_engine() -> None:
    """Every one of its 337 numbers."""
    layers = scalar_graph.start()
    contender = scalar_graph.straightforward(layers)
    contender.run()
    found = contender.results()
    expected = scalar_graph.value_and_grad(layers).results()
    assert sum(map(len, found)) == 337
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def test_the_r_operator_by_hand_agrees_with_differences_of_gradients() -> None:
    """H·v is the gradient's change along v."""
    given = problem((2, 5, 4, 1), 8, "float64", "tanh", 1.0)
    contender = hessian_vector.straightforward(given)
    contender.run()
    n = len(given.params)
    gradient, product = contender.results()[:n], contender.results()[n:]
    for found, expected in zip(gradient, by_closed_form(given), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    eps, V = 1e-5, hessian_vector.direction(given)
    ahead, behind = (_moved(given, V, eps), _moved(given, V, -eps))
    for found, a, b in zip(product, ahead, behind, strict=True):
        np.testing.assert_allclose(found, (a - b) / (2 * eps), rtol=1e-6, atol=1e-7)


def _moved(given: Problem, V: list[Any], eps: float) -> list[Any]:
    """The gradient at the start moved by eps along V."""
    params = tuple(p + eps * v for p, v in zip(given.params, V, strict=True))
    return by_closed_form(given._replace(params=params))


def test_a_wrong_gradient_is_refused_before_it_is_timed() -> None:
    """A contender that is off by a millionth stops the run, and is named."""

    def program(value: float) -> Callable[[], Contender]:
        return lambda: Contender(lambda: None, lambda: [np.array([value, 1.0])])

    right = {"reference": program(2.0), "right": program(2.0)}
    assert checked(Workload("w", "float64", right)) == {"reference": 0.0, "right": 0.0}
    with pytest.raises(AssertionError, match="wrong differs"):
        checked(Workload("w", "float64", {**right, "wrong": program(2.0 * (1 + 1e-6))}))
    with pytest.raises(AssertionError, match="nan differs"):
        checked(Workload("w", "float64", {**right, "nan": program(float("nan"))}))
