"""Steps and remainders: 0 at every step, and the quotient's whole part as a slope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag

Slopes = Callable[..., Any]

STEPS = [np.floor, np.ceil, np.rint, np.trunc, np.fix, np.round, np.around, np.sign]


@pytest.mark.parametrize("f", STEPS, ids=lambda f: f.__name__)
def test_steps_have_the_slope_0(f: Any, slopes: Slopes, derivative: Slopes) -> None:
    """Between their jumps and at them, to any order, and backward() says so with zeros."""
    x = [-1.5, -1.0, 0.0, 0.3, 0.5, 2.0]
    np.testing.assert_array_equal(slopes(f, x), np.zeros(6))
    np.testing.assert_array_equal(slopes(derivative(f), x), np.zeros(6))
    leaf = ag.tensor(x, requires_grad=True)
    f(leaf).sum().backward()
    np.testing.assert_array_equal(leaf.grad, np.zeros(6))


@pytest.mark.parametrize("f", [np.round, np.around], ids=lambda f: f.__name__)
def test_round_to_decimals(f: Any) -> None:
    """`decimals` is taken by position, by name and by the method."""
    x = ag.tensor([1.2345, -6.789], requires_grad=True)
    for y in (f(x, 2), f(x, decimals=2), x.round(2), x.round(decimals=2), round(x, 2)):
        np.testing.assert_array_equal(y.data, np.round(x.data, 2))
        assert y.requires_grad


def test_round_takes_one_whole_number() -> None:
    """Anything else is refused, as Python and NumPy refuse it, by the name that was called."""
    x = ag.tensor([1.2345, -6.789], requires_grad=True)
    for decimals in (0.0, 0.5, "", np.array([1, 2]), np.zeros(0)):
        with pytest.raises(TypeError, match=r"^round: input 0 \(2,\): "):
            round(x, decimals)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"^Tensor\.__round__\(\) takes from 1 to 2 "):
        x.__round__(1, 2)  # type: ignore[call-arg]


def test_heaviside(slopes: Slopes) -> None:
    """0 for x everywhere; the value at 0 is passed where x is 0."""
    g, h = slopes(np.heaviside, [-1.0, 0.0, 2.0], [0.5, 0.5, 0.5])
    np.testing.assert_array_equal([g, h], [[0, 0, 0], [0, 1, 0]])


def test_floor_divide_is_a_step(slopes: Slopes) -> None:
    """0 for both, at the jumps, too."""
    g, h = slopes(lambda a, b: a // b, [7.0, 6.0, -7.5], [3.0, 3.0, 2.0])
    np.testing.assert_array_equal([g, h], np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("f", "whole"), [(np.remainder, np.floor), (np.fmod, np.trunc)], ids=["remainder", "fmod"]
)
def test_remainders(f: Any, whole: Any, slopes: Slopes) -> None:
    """1 for the dividend, less the whole part of the quotient for the divisor."""
    a, b = np.array([7.5, -7.5, 7.5, -7.5]), np.array([2.0, 2.0, -2.0, -2.0])
    g, h = slopes(f, a, b)
    np.testing.assert_array_equal(g, np.ones(4))
    np.testing.assert_array_equal(h, -whole(a / b))


def test_remainders_near_a_multiple(slopes: Slopes) -> None:
    """The quotient's whole part is the one of the remainder, though a / b rounds up to the next."""
    b = 0.1
    a = np.nextafter(3 * b, 0.0)  # a / b is 3 in floating point
    _, h = slopes(np.fmod, [a], [b], float32=False)
    assert h == -np.rint((a - np.fmod(a, b)) / b)
    _, h = slopes(np.remainder, [a], [b], float32=False)
    assert h == -(a // b)


def test_divmod_is_both_at_once(slopes: Slopes) -> None:
    """The quotient passes nothing, the remainder what np.remainder passes, summed to shapes."""
    a, b = np.array([[7.5], [-7.5]]), np.array([2.0, -4.0])
    both = lambda a, b: divmod(a, b)[0] + 2.0 * np.divmod(a, b)[1]
    parts = lambda a, b: a // b + 2.0 * (a % b)
    got = ag.grad(lambda a, b: np.sum(both(a, b)), argnums=(0, 1))(a, b)
    expected = ag.grad(lambda a, b: np.sum(parts(a, b)), argnums=(0, 1))(a, b)
    for g, e in zip(got, expected, strict=True):
        np.testing.assert_array_equal(g, e)
    np.testing.assert_array_equal(slopes(lambda a: divmod(a, 2.0)[0], [7.5]), [0.0])
    np.testing.assert_array_equal(slopes(lambda b: divmod(7.5, b)[1], [2.0]), [-3.0])


def test_modf_and_frexp(slopes: Slopes) -> None:
    """The fraction passes all, the whole number nothing, the mantissa a power of two."""
    x = [2.75, -3.25]
    np.testing.assert_array_equal(slopes(lambda x: np.modf(x)[0], x), [1, 1])
    np.testing.assert_array_equal(slopes(lambda x: np.modf(x)[1], x), [0, 0])
    np.testing.assert_array_equal(slopes(lambda x: 3 * np.modf(x)[0] + np.modf(x)[1], x), [3, 3])
    np.testing.assert_array_equal(slopes(lambda x: np.frexp(x)[0], [3.0, 0.75]), [0.25, 1.0])
    mantissa, exponent = np.frexp(ag.tensor([3.0], requires_grad=True))
    assert mantissa.requires_grad
    assert exponent.dtype.kind == "i"


COMPARISONS = [
    np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal,
    np.logical_and, np.logical_or, np.logical_xor,
]  # fmt: skip
TESTS = [np.isnan, np.isinf, np.isfinite, np.signbit, np.logical_not]


@pytest.mark.parametrize("f", COMPARISONS + TESTS, ids=lambda f: f.__name__)
def test_comparisons_are_bools_without_gradient(f: np.ufunc) -> None:
    """They give tensors of bools that do not require grad."""
    x = ag.tensor([1.0, np.nan, -0.0], requires_grad=True)
    y = f(*[x, 0.5][: f.nin])
    assert isinstance(y, ag.Tensor)
    assert y.dtype == bool
    assert not y.requires_grad
    np.testing.assert_array_equal(y.data, f(*[x.data, 0.5][: f.nin]))


def test_comparisons_work_in_control_flow() -> None:
    """A comparison of scalars is an `if`, one of arrays an index."""
    x = ag.tensor([1.0, -2.0, 3.0], requires_grad=True)
    assert x[0] > 0
    assert not x[1] > 0
    np.testing.assert_array_equal(x[x > 0].data, [1.0, 3.0])
    np.testing.assert_array_equal(x[(x > 0) & ~(x > 2)].data, [1.0])
    assert np.arange(9)[int(x[2] > 0)] == 1


def test_integer_functions_give_integers() -> None:
    """Shifts, gcd and lcm of int tensors are int tensors."""
    n = ag.tensor([4, 6])
    for got, expected in ((np.left_shift(n, 1), [8, 12]), (np.gcd(n, 4), [4, 2])):
        assert got.dtype.kind == "i"
        np.testing.assert_array_equal(got.data, expected)


@pytest.mark.parametrize("f", [divmod, np.divmod])
def test_divmod_of_two_dtypes_and_shapes(f: Any) -> None:
    """Tangents have the dtypes and the shapes of the quotient and the remainder."""
    b = np.full((3, 2), 2.0)
    for a in (np.array([7.5, -4.0], np.float32), np.ones((3, 2), np.float32)):
        for g in (lambda x: f(x, b), lambda x: f(b, x)):
            values, tangents = ag.jvp(g, (a,), (np.ones_like(a),))
            for y, t in zip(values, tangents, strict=True):
                assert (t.shape, t.dtype) == (y.shape, y.dtype) == ((3, 2), np.float64)
