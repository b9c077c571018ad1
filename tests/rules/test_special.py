"""erf to full precision, xlogy at 0."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag

Slopes = Callable[..., Any]


def grid() -> Any:
    """Numbers of every size at which erf is neither 0 nor 1."""
    rng = np.random.default_rng(0)
    near, wide = rng.uniform(-3, 3, 20_000), rng.uniform(-6, 26, 20_000)
    return np.concatenate([near, wide, 10.0 ** rng.uniform(-300, 0, 1000), [0.0, 0.5, -0.5]])


@pytest.mark.parametrize(
    ("f", "exact", "ulps"), [(ag.erf, math.erf, 3), (ag.erfc, math.erfc, 16)], ids=["erf", "erfc"]
)
def test_error_functions_are_accurate(f: Any, exact: Callable[[float], float], ulps: int) -> None:
    """To a few units in the last place everywhere, down to the smallest normal number."""
    x = grid()
    expected = np.array([exact(v) for v in x.tolist()])
    np.testing.assert_allclose(f(x), expected, rtol=ulps * 2.0**-52, atol=0)
    narrow = f(x.astype(np.float32))
    assert narrow.dtype == np.float32
    normal = np.abs(expected) > 1e-30
    exact_at = np.array([exact(v) for v in x.astype(np.float32).tolist()])
    np.testing.assert_allclose(narrow[normal], exact_at[normal], rtol=ulps * 2.0**-23, atol=0)


def test_error_functions_of_special_values() -> None:
    """Infinities, NaN, signed zeros, ints and shapes."""
    x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0])
    np.testing.assert_array_equal(ag.erf(x), [1, -1, np.nan, 0, 0])
    assert np.signbit(ag.erf(x))[4]
    np.testing.assert_array_equal(ag.erfc(x), [0, 2, np.nan, 1, 1])
    assert ag.erf(np.array([1, 2])).dtype == np.float64
    assert ag.erf(np.zeros((0, 3))).shape == (0, 3)
    assert ag.erf(np.array(0.5)).shape == ()


def test_an_element_does_not_depend_on_its_neighbours() -> None:
    """Blocks are invisible: the same number gives the same bits wherever it stands."""
    x = np.random.default_rng(1).standard_normal(20_000)
    np.testing.assert_array_equal(ag.erf(x)[::777], ag.erf(x[::777]))
    np.testing.assert_array_equal(ag.erfc(x.reshape(200, 100).T), ag.erfc(x).reshape(200, 100).T)


def test_xlogy_at_0(slopes: Slopes) -> None:
    """0·log y is 0, its slope log y for x and 0 for y."""
    g, h = slopes(ag.xlogy, [0.0, 0.0, 2.0], [0.5, 0.0, 4.0])
    np.testing.assert_array_equal(ag.xlogy(np.zeros(3), np.array([0.5, 0.0, np.inf])), np.zeros(3))
    np.testing.assert_array_equal(g, [math.log(0.5), -math.inf, math.log(4.0)])
    np.testing.assert_array_equal(h, [0.0, 0.0, 0.5])
    assert np.isnan(ag.xlogy(0.0, np.nan))


def test_xlogy_is_smooth_at_x_0() -> None:
    """∂²/∂x∂y of x·log y at x = 0 is 1/y, in either order."""
    x, y = np.zeros(2), np.array([0.5, 4.0])
    in_x = lambda x, y: np.sum(ag.grad(lambda x: np.sum(ag.xlogy(x, y)))(x))
    in_y = lambda x, y: np.sum(ag.grad(lambda y: np.sum(ag.xlogy(x, y)))(y))
    np.testing.assert_array_equal(ag.grad(in_x, argnums=1)(x, y), 1 / y)
    np.testing.assert_array_equal(ag.grad(in_y, argnums=0)(x, y), 1 / y)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int64])
def test_xlogy_of_whole_numbers(dtype: Any) -> None:
    """The logarithm in the gradient has the digits of the one in the value."""
    y = np.array([3, 64, 100], dtype)
    g = ag.grad(lambda x: np.sum(ag.xlogy(x, y)))(np.array([0.5, 2.0, 1.0]))
    np.testing.assert_array_equal(g, np.log(y.astype(np.float64)))
