"""Activations: slopes at the kinks, right values at the extremes, the lecture's closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from nn import closed_form

Slopes = Callable[..., Any]
INF = math.inf

SMOOTH = [ag.sigmoid, ag.log_sigmoid, ag.softplus, ag.gelu, np.tanh, ag.elu]
ALL = [*SMOOTH, ag.relu, ag.relu6, ag.leaky_relu, ag.erf, ag.erfc]


def named(f: Any) -> str:
    return str(f.__name__).lstrip("_")


@pytest.mark.parametrize("dtype", ["?", "u1", "i1", "i2", "i8"])
@pytest.mark.parametrize("f", ALL, ids=named)
def test_of_whole_numbers(f: Any, dtype: str) -> None:
    """As of floats: −x of unsigned numbers and of −128 is no negative, and of bools no number."""
    info = np.iinfo(dtype) if dtype != "?" else None
    low, high = (0, 1) if info is None else (max(info.min, -128), min(info.max, 200))
    x = np.array([low, 1, high]).astype(dtype)
    rtol = 1e-2 if dtype in ("?", "u1", "i1") and f is np.tanh else 1e-6  # float16, as NumPy's
    for y in (f(x), f(ag.tensor(x)).data):
        np.testing.assert_allclose(y, f(x.astype(float)), rtol=rtol)


# --- kinks


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (ag.relu, [-1.0, 0.0, -0.0, 2.0], [0, 0, 0, 1]),
        (ag.relu6, [-1.0, 0.0, 3.0, 6.0, 7.0], [0, 0, 1, 0, 0]),
        (ag.leaky_relu, [-1.0, 0.0, 2.0], [0.01, 0.01, 1]),
        (lambda x: ag.leaky_relu(x, 0.3), [-1.0, 0.0, 2.0], [0.3, 0.3, 1]),
        (lambda x: ag.leaky_relu(x, slope=2.0), [-1.0, 0.0, 2.0], [2, 2, 1]),
        (ag.elu, [0.0, 2.0], [1, 1]),
        (lambda x: ag.elu(x, 0.3), [0.0, 2.0], [0.3, 1]),
        (lambda x: ag.elu(x, alpha=2.0), [0.0, 2.0], [2, 1]),
    ],
)
def test_the_slope_at_a_kink_is_that_from_the_left(
    f: Any, x: list[float], slope: list[float], slopes: Slopes
) -> None:
    """relu 0, leaky_relu its slope, relu6 0 at both, elu alpha."""
    np.testing.assert_array_equal(slopes(f, x), np.asarray(slope, np.float64))


@pytest.mark.parametrize("f", [ag.relu, ag.relu6, ag.leaky_relu], ids=named)
def test_second_derivatives_of_piecewise_linear_functions_are_0(
    f: Any, slopes: Slopes, derivative: Slopes
) -> None:
    """At the kinks, too."""
    np.testing.assert_array_equal(slopes(derivative(f), [-1.0, 0.0, 3.0, 6.0, 7.0]), np.zeros(5))


def test_slopes_of_leaky_relu_and_elu_can_be_learned(slopes: Slopes) -> None:
    """The second argument is an input like the first, with its own gradient."""
    x = np.array([-2.0, 0.0, 3.0])
    _, g = slopes(ag.leaky_relu, x, 0.1)
    assert g == -2.0
    _, g = slopes(ag.elu, x, 0.5)
    assert g == pytest.approx(math.expm1(-2.0), rel=1e-15)


# --- extremes


@pytest.mark.parametrize("f", ALL, ids=named)
def test_values_and_slopes_at_the_extremes_are_finite(f: Any, slopes: Slopes) -> None:
    """±1000 overflows nothing, in either precision."""
    for dtype in (np.float64, np.float32):
        x = np.array([-1000.0, -100.0, 100.0, 1000.0], dtype)
        assert np.all(np.isfinite(f(x)))
        assert f(x).dtype == dtype
    assert np.all(np.isfinite(slopes(f, [-1000.0, 1000.0])))
    second = ag.grad(lambda x: np.sum(ag.grad(lambda x: np.sum(f(x)))(x)))
    np.testing.assert_array_equal(second(np.array([-1000.0, 1000.0])), [0.0, 0.0])


@pytest.mark.parametrize(
    ("f", "low", "high"),
    [
        (ag.sigmoid, (0.0, 0.0), (1.0, 0.0)),
        (ag.log_sigmoid, (-1000.0, 1.0), (0.0, 0.0)),
        (ag.softplus, (0.0, 0.0), (1000.0, 1.0)),
        (ag.gelu, (0.0, 0.0), (1000.0, 1.0)),
        (lambda x: ag.gelu(x, approximate=True), (0.0, 0.0), (1000.0, 1.0)),
        (ag.elu, (-1.0, 0.0), (1000.0, 1.0)),
        (np.tanh, (-1.0, 0.0), (1.0, 0.0)),
    ],
)
def test_the_extremes_are_the_limits(f: Any, low: Any, high: Any, slopes: Slopes) -> None:
    """Value and slope at −1000 and 1000."""
    x = np.array([-1000.0, 1000.0])
    np.testing.assert_array_equal(f(x), [low[0], high[0]])
    np.testing.assert_array_equal(slopes(f, x), [low[1], high[1]])


def test_tails_keep_their_digits(slopes: Slopes) -> None:
    """What is tiny is right to the last digits, value and slope."""
    tiny = math.exp(-40.0)
    close = {"rtol": 1e-14, "atol": 0.0}
    np.testing.assert_allclose(ag.sigmoid(np.array(-40.0)), tiny, **close)
    np.testing.assert_allclose(ag.log_sigmoid(np.array(40.0)), -tiny, **close)
    np.testing.assert_allclose(ag.softplus(np.array(-40.0)), tiny, **close)
    np.testing.assert_allclose(slopes(ag.softplus, [-40.0]), [tiny], **close)
    np.testing.assert_allclose(slopes(ag.log_sigmoid, [40.0]), [tiny], **close)
    np.testing.assert_allclose(slopes(ag.elu, [-40.0]), [tiny], **close)
    phi = -10.0 * 0.5 * math.erfc(10.0 / math.sqrt(2.0))
    np.testing.assert_allclose(ag.gelu(np.array(-10.0)), phi, rtol=1e-13)  # by −x/√2, rounded


# --- definitions


def test_sigmoid_is_that_of_the_closed_form_when_saturated() -> None:
    """Value and slope are the closed form's bit for bit for z ≥ 0, and to rounding below."""
    z = np.concatenate([np.linspace(-700.0, 0.0, 1401), np.linspace(0.0, 745.0, 1491)])
    y, g = ag.sigmoid(z), ag.grad(lambda z: np.sum(ag.sigmoid(z)))(z)
    expected, slope = closed_form.sigmoid(z), closed_form.sigmoid_derivative(z)
    upper = z >= 0
    np.testing.assert_array_equal(y[upper], expected[upper])
    np.testing.assert_array_equal(g[upper], slope[upper])
    np.testing.assert_allclose(y, expected, rtol=1e-15)
    np.testing.assert_allclose(g, slope, rtol=1e-15)


def test_gelu_by_its_definition(slopes: Slopes) -> None:
    """x·Φ(x), its slope Φ(x) + x·φ(x), and the tanh form within 5e-4 of both."""
    x = np.linspace(-6.0, 6.0, 241)
    cdf = np.array([0.5 * math.erfc(-v / math.sqrt(2.0)) for v in x])
    pdf = np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
    np.testing.assert_allclose(ag.gelu(x), x * cdf, rtol=1e-14)
    np.testing.assert_allclose(slopes(ag.gelu, x), cdf + x * pdf, rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(ag.gelu(x, approximate=True), x * cdf, atol=5e-4)
    near = slopes(lambda x: ag.gelu(x, approximate=True), x, float32=False)
    np.testing.assert_allclose(near, cdf + x * pdf, atol=2e-3)


def test_activations_by_their_definitions() -> None:
    """At moderate x the textbook formula is exact enough to compare with."""
    x = np.linspace(-5.0, 8.0, 53)
    np.testing.assert_array_equal(ag.relu(x), np.where(x > 0, x, 0))
    np.testing.assert_array_equal(ag.relu6(x), np.clip(x, 0, 6))
    np.testing.assert_array_equal(ag.leaky_relu(x, 0.2), np.where(x > 0, x, 0.2 * x))
    np.testing.assert_allclose(ag.elu(x, 0.7), np.where(x > 0, x, 0.7 * (np.exp(x) - 1)))
    np.testing.assert_allclose(ag.softplus(x), np.log(1 + np.exp(x)), rtol=1e-12)
    np.testing.assert_allclose(ag.log_sigmoid(x), -np.log(1 + np.exp(-x)), rtol=1e-12)


@pytest.mark.parametrize("approximate", [False, True])
@pytest.mark.parametrize("x", [np.float16(300), np.float32(1e20), np.float32(3e38), 1e160, 1e308])
def test_gelu_is_straight_far_out(approximate: bool, x: Any) -> None:
    """The slopes are 0 and 1, and there is no curvature, where x² overflows."""
    for sign, slope in ((1, 1.0), (-1, 0.0)):
        f = lambda x: ag.gelu(x, approximate=approximate)
        with np.errstate(over="ignore"):
            assert ag.grad(f)(sign * x) == slope
            assert ag.grad(ag.grad(f))(sign * x) == 0.0
            assert ag.jvp(ag.grad(f), (sign * x,), (x / x,))[1] == 0.0


def test_plain_arrays_and_numbers_give_plain_results() -> None:
    """No Tensor comes out where none went in."""
    for f in ALL:
        assert type(f(np.array([0.5, -0.5]))) is np.ndarray
        assert float(f(0.5)) == float(f(np.array([0.5]))[0])


def test_methods_are_the_functions() -> None:
    """x.relu(), x.sigmoid(), x.softmax() are there for habit."""
    x = ag.tensor([0.5, -1.0], requires_grad=True)
    np.testing.assert_array_equal(x.relu().data, ag.relu(x.data))
    np.testing.assert_array_equal(x.sigmoid().data, ag.sigmoid(x.data))
    np.testing.assert_array_equal(x.softmax().data, ag.softmax(x.data))


def test_unknown_parameters_are_refused_by_name() -> None:
    """A misspelt parameter raises and is named."""
    x = ag.tensor([0.5], requires_grad=True)
    with pytest.raises(TypeError, match="negative_slope"):
        ag.leaky_relu(x, negative_slope=0.1)
    with pytest.raises(TypeError, match="approx"):
        ag.gelu(x, approx=True)


def test_stop_gradient_makes_a_constant(slopes: Slopes) -> None:
    """x·stop_gradient(x) has the slope x."""
    np.testing.assert_array_equal(slopes(lambda x: x * ag.stop_gradient(x), [3.0]), [3.0])
    assert not ag.stop_gradient(ag.tensor([1.0], requires_grad=True)).requires_grad
