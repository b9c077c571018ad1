"""What the compiler reorders: the same numbers, in fewer passes, and where it must not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_lite as ag


def compiled(f: Any, *args: Any) -> tuple[Any, Any]:
    """(program, its result), the program traced on other numbers."""
    program = ag.compile(f)
    program(*[x + 0.5 if isinstance(x, np.ndarray) else x for x in args])
    return program, program(*args)


def assert_close(got: Any, expected: Any, dtype: Any) -> None:
    rtol = 1e-13 if dtype == np.float64 else 1e-6
    assert np.asarray(got).dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("shape", [(1, 4), (40, 1), (40, 4), (40, 30), (3, 200)])
def test_sums_and_maxima_of_rows(shape: Any, keepdims: bool, dtype: Any) -> None:
    """Sums become products with ones, maxima of many short rows go through the columns."""
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)

    def f(x: Any) -> Any:
        y = np.exp(x)
        return np.sum(y, axis=-1, keepdims=keepdims), np.max(y, axis=1, keepdims=keepdims)

    program, (total, largest) = compiled(f, x)
    assert_close(total, f(x)[0], dtype)
    np.testing.assert_array_equal(largest, f(x)[1])
    assert "add.reduce" not in program.source


def test_maxima_of_rows_keep_nan_and_infinities() -> None:
    x = np.random.default_rng(0).standard_normal((40, 5))
    x[3, 2], x[4, 1], x[5, :] = np.nan, np.inf, -np.inf
    f = lambda x: np.max(x * 1.0, axis=1, keepdims=True)
    np.testing.assert_array_equal(compiled(f, x)[1], f(x))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_gather_at_the_end_of_a_chain(dtype: Any) -> None:
    """Scalings and signs in a row of products and quotients become one."""
    x = np.linspace(0.5, 2.0, 7).astype(dtype)
    f = lambda x: -((x * 0.9) * np.exp(x)) * 0.5 / np.sqrt(x + 2.0) * -3.0
    program, got = compiled(f, x)
    assert_close(got, f(x), dtype)
    body = program.source[program.source.index("def program") :]
    assert body.count("multiply(") == 2  # by exp(x), and by 1.35
    assert "negative(" not in body


def test_numbers_that_could_overflow_stay_where_they_are() -> None:
    """1e-300 · x · y is not (x · y) · 1e-300, which has infinities."""
    x = np.full(3, 1e200)
    f = lambda x: (x * 1e-300) * x
    np.testing.assert_allclose(compiled(f, x)[1], f(x), rtol=1e-13)


def test_a_scaled_value_that_is_used_twice_is_scaled_once() -> None:
    x = np.linspace(0.5, 2.0, 7)

    def f(x: Any) -> Any:
        y = x * 0.3
        return y * np.sin(x), y

    _, got = compiled(f, x)
    for a, b in zip(got, f(x), strict=True):
        np.testing.assert_array_equal(a, b)


def test_zero_is_added_only_where_it_changes_something() -> None:
    """−0.0 + 0.0 is 0.0; what is a root of a sum with a number is never −0.0."""
    x = np.array([-0.0, 0.0, 4.0])
    f = lambda x: np.signbit(np.sqrt(x) + 0.0)
    np.testing.assert_array_equal(compiled(f, x)[1], f(x))
    program, _ = compiled(lambda x: np.sqrt(x + 1.0) + 0.0, x)
    assert program.source.count("add(") == 1
    program, _ = compiled(lambda x: np.sqrt(x + -0.0) + 0.0, x)
    assert program.source.count("add(") == 2


def test_functions_of_numpy_keep_their_module_where_the_user_has_their_name() -> None:
    def f(exp: Any, dot: Any) -> Any:
        return np.exp(exp) + dot, np.tanh(dot)

    x, y = np.array([0.5, 1.0]), np.array([0.1, 0.2])
    program, got = compiled(f, x, y)
    for a, b in zip(got, f(x, y), strict=True):
        np.testing.assert_array_equal(a, b)
    assert "np.exp(exp" in program.source
    assert " tanh(dot" in program.source


def test_a_function_that_is_called_like_one_of_numpys() -> None:
    def tanh(x: Any) -> Any:
        return np.tanh(x) + np.sin(x)

    x = np.array([0.5, 1.0])
    np.testing.assert_array_equal(compiled(tanh, x)[1], tanh(x))


def test_operands_that_are_broadcast_alike_do_not_both_shrink() -> None:
    """A number less a column is a matrix where both were stretched to one."""

    def f(x: Any, y: Any) -> Any:
        stretched = np.broadcast_to(np.sum(x, axis=1, keepdims=True), x.shape)
        return np.full(x.shape, 0.5) - stretched, stretched * np.broadcast_to(y, x.shape)

    x, y = np.random.default_rng(0).standard_normal((4, 3)), np.arange(3.0)
    for got, expected in zip(compiled(f, x, y)[1], f(x, y), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-13)

    def g(x: Any) -> Any:
        return np.broadcast_to(x[:, :1], x.shape) + np.broadcast_to(x[:, 1:2], x.shape)

    np.testing.assert_array_equal(compiled(g, x)[1], g(x))
