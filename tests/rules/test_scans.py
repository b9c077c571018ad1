"""Running sums, products and extremes: zeros, ties, NaN, every form of argument."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite.rules.scans import recurrence

NAN, INF = np.nan, np.inf


def gradient(f: Callable[[Any], Any], x: Any, weights: Any) -> Any:
    """The gradient of Σ weights · f(x): the same swept and recorded, float32 kept."""
    leaf = ag.tensor(np.asarray(x, float), requires_grad=True)
    total = np.sum(f(leaf) * np.asarray(weights, float))
    swept = ag.gradients(total, leaf)
    np.testing.assert_array_equal(swept, ag.gradients(total, leaf, create_graph=True).numpy())
    narrow = ag.tensor(np.asarray(x, np.float32), requires_grad=True)
    assert ag.gradients(np.sum(f(narrow)), narrow).dtype == np.float32
    return swept


def cumprod_derivative(x: Any, order: int) -> Any:
    """Derivatives of all running products of x: products of the others so far."""
    n = len(x)
    out = np.zeros((n,) * (order + 1))
    for k in range(n):
        for places in itertools.permutations(range(k + 1), order):
            out[(k, *places)] = math.prod(x[i] for i in range(k + 1) if i not in places)
    return out


@pytest.mark.parametrize("x", [[0.0, 2.0, 3.0], [2.0, 0.0, 0.0, 5.0], [0.0, 0.0, 0.0], [2.0, 3.0]])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_cumprod_with_zeros_is_exact_to_any_order(x: list[float], order: int) -> None:
    """Each running product's derivatives are products of the others, also among zeros."""
    functions = [np.cumprod, np.multiply.accumulate, np.nancumprod]
    if hasattr(np, "cumulative_prod"):
        functions.append(np.cumulative_prod)
    for f in functions:
        g = f
        for _ in range(order):
            g = ag.jacobian(g)
        expected = cumprod_derivative(x, order)
        np.testing.assert_allclose(g(np.array(x)), expected, rtol=1e-15, atol=0)


@pytest.mark.filterwarnings("ignore:overflow")
def test_cumprod_that_overflows_later_is_right_before() -> None:
    """Products beyond the one that counts may be infinite without spoiling it."""
    g = ag.grad(lambda x: np.cumprod(x)[2])(np.full(400, 10.0))
    np.testing.assert_array_equal(g[:4], [100, 100, 100, 0])
    assert (g[3:300] == 0).all()


def test_running_sums_and_products_that_skip_nan_give_it_no_gradient() -> None:
    """NaN counts as 0 in a sum and as 1 in a product."""
    x = [2.0, NAN, 3.0]
    np.testing.assert_array_equal(gradient(np.nancumsum, x, [1, 1, 1]), [3, 0, 1])
    np.testing.assert_array_equal(gradient(np.nancumprod, x, [1, 1, 1]), [5, 0, 2])


@pytest.mark.parametrize("f", [np.maximum.accumulate, np.minimum.accumulate], ids=str)
def test_running_extremes_give_ties_to_the_latest(f: Any) -> None:
    """Of equal elements each keeps its own stretch, from its place to the next of them."""
    np.testing.assert_array_equal(gradient(f, [2.0, 2.0, 2.0], [1, 10, 100]), [1, 10, 100])
    x = np.array([1.0, 3.0, 2.0, 3.0, 0.0, 5.0])
    sign = 1.0 if f == np.maximum.accumulate else -1.0
    g = gradient(f, sign * x, [1, 10, 100, 1000, 10000, 100000])
    np.testing.assert_array_equal(g, [1, 110, 0, 11000, 0, 100000])


def test_running_extremes_after_a_nan_belong_to_it() -> None:
    """From the first NaN on the running maximum is NaN, and the gradient the latest NaN's."""
    x = [1.0, NAN, 5.0, NAN, 2.0]
    g = gradient(np.maximum.accumulate, x, [1, 10, 100, 1000, 10000])
    np.testing.assert_array_equal(g, [1, 110, 0, 11000, 0])


def test_running_extremes_are_flat_in_second_order() -> None:
    """Piecewise linear, also at a tie."""
    h = ag.jacobian(ag.jacobian(np.maximum.accumulate))(np.array([1.0, 1.0, 0.5]))
    np.testing.assert_array_equal(h, np.zeros((3, 3, 3)))


SCANS = [np.cumsum, np.cumprod, np.nancumsum, np.nancumprod, np.add.accumulate,
         np.multiply.accumulate, np.maximum.accumulate, np.minimum.accumulate]  # fmt: skip


@pytest.mark.parametrize("f", SCANS, ids=str)
@pytest.mark.parametrize("axis", [None, 0, 1, -1, -2])
def test_every_form_of_axis(f: Any, axis: int | None) -> None:
    """The value is NumPy's bit for bit, and the gradient that of differences."""
    if axis is None and not hasattr(f, "__wrapped__"):
        pytest.skip("ufunc.accumulate takes no axis None for two axes")
    x = np.random.default_rng(5).permutation(np.arange(6.0)).reshape(2, 3) / 3 + 0.5
    y = f(ag.tensor(x, requires_grad=True), axis=axis)
    np.testing.assert_array_equal(y.numpy(), f(x, axis=axis))
    weights = np.random.default_rng(6).standard_normal(y.shape)
    got = gradient(lambda t: f(t, axis=axis), x, weights)
    h = 1e-6
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = h
        slope = np.sum(weights * (f(x + step, axis=axis) - f(x - step, axis=axis))) / (2 * h)
        assert got[place] == pytest.approx(slope, rel=1e-6, abs=1e-7)


@pytest.mark.skipif(not hasattr(np, "cumulative_sum"), reason="since NumPy 2.1")
def test_cumulative_functions_may_include_their_initial_value() -> None:
    """The initial 0 or 1 takes its share of the cotangent along."""
    x = np.array([2.0, 0.0, 3.0])
    for f in (np.cumulative_sum, np.cumulative_prod):
        both = gradient(lambda t, f=f: f(t, include_initial=True), x, [99, 1, 10, 100])
        np.testing.assert_array_equal(both, gradient(f, x, [1, 10, 100]))
    with pytest.raises(ValueError, match="axis"):
        np.cumulative_sum(ag.tensor(np.ones((2, 2)), requires_grad=True))


def test_scans_of_a_number_are_vectors_of_one() -> None:
    """As in NumPy; the gradient is a number again."""
    for f in (np.cumsum, np.cumprod):
        x = ag.tensor(3.0, requires_grad=True)
        y = f(x)
        assert y.shape == (1,)
        g = ag.gradients(y, x)
        assert g.shape == ()
        assert g == 1


def test_scans_refuse_parameters_by_name() -> None:
    """out= would detach, a dtype of ints cut the gradient off."""
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match="out="):
        np.cumsum(x, out=np.zeros(2))
    with pytest.raises(TypeError, match=r"np\.cumprod: dtype=int64"):
        np.cumprod(x, dtype=int)
    with pytest.raises(TypeError, match="'keepdims'"):
        x.cumsum(keepdims=True)


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("shape", [(4,), (4, 2), (0,), (1,)])
def test_the_recurrence_is_what_it_says(back: bool, shape: tuple[int, ...]) -> None:
    """h_k = a_k h_(k-1) + b_k, from either end, for vectors and for rows of them."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, *shape))
    h = recurrence(a, b, axis=0, back=back)
    last: Any = 0.0
    for k in range(shape[0])[:: -1 if back else 1]:
        last = a[k] * last + b[k]
        np.testing.assert_allclose(h[k], last, rtol=1e-15)
