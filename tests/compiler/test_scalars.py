"""Graphs of true scalars: the numbers, bits and errors of an eager run, in Python's arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag

FUNCTIONS = [
    lambda x, y: x - (y - x) - y,
    lambda x, y: x / (y / x) * (x / y),
    lambda x, y: (x - y) * (x + y) / (x * y),
    lambda x, y: -x * -(y + x),
    lambda x, y: np.negative(np.negative(x)) - -y,
    lambda x, y: 1.0 / (1.0 + np.exp(-x * y)),
    lambda x, y: np.maximum(x, 0.5) * np.minimum(y, x * y) + np.maximum(x, y),
    lambda x, y: np.where(x > y, x * y, y - x) * np.where((x > 0) & (y > 0), x, y),
    lambda x, y: np.where(~(x > y) | (x < 2.0), x + y, x) * 2.0,
    lambda x, y: x**2 + y**3.0 + x**y - (x + y) ** 2,
    lambda x, y: ag.relu(x - y) * 3.0 + ag.relu(y - x) - ag.relu(x * y),
    lambda x, y: np.sqrt(x) - np.log(y) * np.tanh(x) + np.arctan(x - y) - np.sin(x) / np.cos(y),
    lambda x, y: sum((x * float(i) for i in range(60)), y),
]


@pytest.mark.parametrize("f", FUNCTIONS)
@pytest.mark.parametrize(("x", "y"), [(0.7, 1.3), (2.5, 0.4), (1.0, 1.0), (0.1, 3.0)])
def test_numbers_are_those_of_an_eager_run(f: Any, x: float, y: float) -> None:
    """Brackets are where they have to be, in values and in both slopes."""
    program = ag.compile(ag.value_and_grad(f, argnums=(0, 1)))
    program(0.6, 0.9)
    value, slopes = program(x, y)
    expected, expected_slopes = ag.value_and_grad(f, argnums=(0, 1))(x, y)
    np.testing.assert_allclose(value, expected, rtol=1e-14)
    np.testing.assert_allclose(slopes, expected_slopes, rtol=1e-14)
    assert isinstance(value, float)
    assert [type(s) for s in slopes] == [float, float]
    assert "except (ArithmeticError, ValueError)" in program.source


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (-0.0, 1.0), (1e308, 1e308), (-1.0, -2.0),
                                      (math.inf, 1.0), (math.nan, 0.0)])  # fmt: skip
@pytest.mark.parametrize("f", FUNCTIONS)
def test_where_python_raises_numpys_values_come_out(f: Any, x: float, y: float) -> None:
    with np.errstate(all="ignore"):
        got = ag.compile(ag.value_and_grad(f, argnums=(0, 1)))(x, y)
        expected = ag.value_and_grad(f, argnums=(0, 1))(x, y)
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-14)
    np.testing.assert_allclose(got[1], expected[1], rtol=1e-14)


@pytest.mark.parametrize(("x", "y"), [(0.0, 2.0), (-0.0, -1.0), (0.0, 0.0), (1e200, 3.0)])
def test_floats_beside_other_values_do_not_raise_either(x: float, y: float) -> None:
    """Where Python's operators raise, in programs that are not of scalars alone."""

    def f(x: Any, y: Any, a: Any) -> Any:
        return np.sum(a * (y / x) + a * x**y + abs(x) + (y // x) + y % x)

    a = np.ones(3)
    program = ag.compile(ag.value_and_grad(f, argnums=(0, 1)))
    with np.errstate(all="ignore"):
        for _ in range(2):
            got, expected = program(x, y, a), ag.value_and_grad(f, argnums=(0, 1))(x, y, a)
            assert got[0].dtype == expected[0].dtype == a.dtype
            np.testing.assert_allclose(got[0], expected[0], rtol=1e-6)
            np.testing.assert_allclose(got[1], expected[1], rtol=1e-6)


def test_a_sum_of_products_is_one_line() -> None:
    def neuron(w: Any, x: Any) -> Any:
        return np.tanh(w[0] * x[0] + w[1] * x[1] + w[2])

    program = ag.compile(neuron)
    assert program([0.1, 0.2, 0.3], [1.0, 2.0]) == pytest.approx(math.tanh(0.8))
    body = program.source[program.source.index("def neuron(") :]
    assert len(body.splitlines()) == 8
    assert " = tanh(w_0 * x_0 + w_1 * x_1 + w_2)\n" in body
    assert "from math import tanh" in program.source


def test_a_variable_that_is_called_like_a_function_of_math() -> None:
    program = ag.compile(lambda exp, log: np.exp(exp) - np.log(log))
    assert program(0.5, 2.0) == pytest.approx(math.exp(0.5) - math.log(2.0))


Nested = list[Any]


@pytest.mark.parametrize(
    "changed",
    [
        [([0.1, 0.2], 0.3), ([0.4, 0.5], 0.6)],
        [([0.1, 0.2], 0.3), [[0.4, 0.5], 0.6]],
        [([0.1, 0.2], 0.3), ((0.4, 0.5), 0.6)],
        [([0.1, 0.2], np.float64(0.3)), ([0.4, 0.5], 0.6)],
        [([0.1, 0.2], 0.3), ([0.4, 2], 0.6)],
        [([0.1, 0.2], 0.3), ([0.4, 0.5, 0.1], 0.6)],
        [([0.1, 0.2], 0.3), ([0.4, 0.5], 0.6), ([0.4, 0.5], 0.6)],
        [([0.1, 0.2], 0.3), ([0.4, np.ones(2)], 0.6)],
    ],
)
def test_nested_lists_of_another_kind_are_another_signature(changed: Nested) -> None:
    """Not only of other lengths: a tuple for a list, a NumPy scalar or an int for a float."""

    def f(rows: Any) -> Any:
        return [([b * w for w in ws], b + 0.5) for ws, b in rows]

    program = ag.compile(f)
    for _ in range(2):
        for rows in ([([1.0, 2.0], 3.0), ([4.0, 5.0], 6.0)], changed):
            got, expected = program(rows), f(rows)
            (xs, s), (ys, t) = ag.pytree.flatten(got), ag.pytree.flatten(expected)
            assert s == t
            for x, y in zip(xs, ys, strict=True):
                np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize(
    "x", [2.0, np.float64(2.0), np.float32(2.0), np.array(2.0), np.array(2.0, "f")]
)
@pytest.mark.parametrize(
    "f",
    [
        lambda x: x,
        lambda x: (x, x * 1.0, 2.0 * x, np.sum(x)),
        lambda x: ag.value_and_grad(lambda x: x * x)(x),
        lambda x: ag.grad(ag.grad(lambda x: x * x))(x),
        lambda x: ag.vjp(lambda x: np.sin(x) * x, x)[1](x),
        lambda x: ag.jvp(lambda x: np.sin(x) * x, (x,), (x,)),
        lambda x: ag.hvp(lambda x: np.sin(x) * x, (x,), (x,)),
        lambda x: (ag.jacobian(np.tanh)(x), ag.hessian(np.tanh)(x)),
        lambda x: ag.value_and_grad(lambda x: (x * x, ag.grad(np.sin)(x)), has_aux=True)(x),
        lambda x: ag.grad(lambda x: x * x)(x) * 2.0,
        lambda x: (g := ag.grad(lambda x: x * x)(x), g),
        lambda x: ag.grad(lambda d: d["a"] * d["b"][0])({"a": x, "b": [x]}),
        lambda x: (x * 1.0, np.array(3.0), np.float64(4.0), 5.0),
    ],
)
def test_results_without_axes_are_arrays_or_numbers_as_eagerly(f: Any, x: Any) -> None:
    """A gradient is an array where its argument is one, or a NumPy scalar; a value is a scalar."""
    program = ag.compile(f)
    for _ in range(2):
        got, expected = (ag.pytree.flatten(h(x))[0] for h in (program, f))
        assert [type(v) for v in got] == [type(v) for v in expected]
        assert [np.asarray(v).dtype for v in got] == [np.asarray(v).dtype for v in expected]
        np.testing.assert_allclose(got, expected, rtol=1e-6)
        arrays = [v for v in got if isinstance(v, np.ndarray)]
        assert not any(
            np.shares_memory(v, w) for i, v in enumerate(arrays) for w in [x, *arrays[:i]]
        )
