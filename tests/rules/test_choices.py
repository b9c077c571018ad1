"""where, maximum, minimum, clip, nan_to_num: who gets the gradient, in ties and out of bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag

Slopes = Callable[..., Any]
INF, NAN = math.inf, math.nan


# --- maximum, minimum, fmax, fmin


@pytest.mark.parametrize("f", [np.maximum, np.minimum, np.fmax, np.fmin], ids=lambda f: f.__name__)
def test_ties_share_evenly(f: Any, slopes: Slopes) -> None:
    """½ to x in a tie with a constant, 1 in one with itself."""
    np.testing.assert_array_equal(slopes(lambda x: f(x, 0.0), [0.0]), [0.5])
    np.testing.assert_array_equal(slopes(lambda x: f(0, x), [-0.0]), [0.5])
    np.testing.assert_array_equal(slopes(lambda x: f(x, x), [1.0, 0.0]), [1.0, 1.0])
    np.testing.assert_array_equal(slopes(f, [2.0], [2.0]), [[0.5], [0.5]])
    np.testing.assert_array_equal(slopes(f, [INF], [INF]), [[0.5], [0.5]])


def test_the_larger_and_the_smaller_get_it_all(slopes: Slopes) -> None:
    """Away from ties, one input has the slope 1 and the other 0."""
    for f in (np.maximum, np.fmax):
        np.testing.assert_array_equal(slopes(f, [1.0, 2.0], [2.0, -1.0]), [[0, 1], [1, 0]])
    for f in (np.minimum, np.fmin):
        np.testing.assert_array_equal(slopes(f, [1.0, 2.0], [2.0, -1.0]), [[1, 0], [0, 1]])


@pytest.mark.parametrize("f", [np.maximum, np.minimum], ids=lambda f: f.__name__)
def test_a_nan_gets_it_all(f: Any, slopes: Slopes) -> None:
    """maximum and minimum are nan where an input is; two nans share."""
    g, h = slopes(f, [NAN, 1.0, NAN], [1.0, NAN, NAN])
    np.testing.assert_array_equal(g, [1.0, 0.0, 0.5])
    np.testing.assert_array_equal(h, [0.0, 1.0, 0.5])
    np.testing.assert_array_equal(slopes(lambda x: f(x, 0.0), [NAN]), [1.0])


@pytest.mark.parametrize("f", [np.fmax, np.fmin], ids=lambda f: f.__name__)
def test_fmax_and_fmin_pass_a_nan_by(f: Any, slopes: Slopes) -> None:
    """The number gets it all; two nans share."""
    g, h = slopes(f, [NAN, 1.0, NAN], [1.0, NAN, NAN])
    np.testing.assert_array_equal(g, [0.0, 1.0, 0.5])
    np.testing.assert_array_equal(h, [1.0, 0.0, 0.5])


def test_second_derivatives_at_a_tie_are_0(slopes: Slopes, derivative: Slopes) -> None:
    """The functions are piecewise linear."""
    for f in (np.maximum, np.minimum):
        np.testing.assert_array_equal(slopes(derivative(lambda x, f=f: f(x, 0.0)), [0.0, 1.0]), 0)


# --- clip


def test_clip_includes_its_bounds(slopes: Slopes) -> None:
    """1 inside and at a bound, 0 outside; a nan passes."""
    g = slopes(lambda x: np.clip(x, -1.0, 1.0), [-2.0, -1.0, 0.0, 1.0, 2.0, NAN])
    np.testing.assert_array_equal(g, [0, 1, 1, 1, 0, 1])


def test_clip_with_one_bound(slopes: Slopes) -> None:
    """A bound that is None, or not given, lets everything by."""
    for f in (
        lambda x: np.clip(x, 0.0, None),
        lambda x: np.clip(x, a_min=0.0, a_max=None),
        lambda x: x.clip(min=0.0),
        lambda x: x.clip(0.0),
    ):
        np.testing.assert_array_equal(slopes(f, [-1.0, 0.0, 9.0]), [0, 1, 1])
    np.testing.assert_array_equal(
        slopes(lambda x: np.clip(x, None, 0.0), [-1.0, 0.0, 9.0]), [1, 1, 0]
    )
    np.testing.assert_array_equal(slopes(lambda x: x.clip(max=0.0), [-1.0, 9.0]), [1, 0])
    if np.lib.NumpyVersion(np.__version__) >= "2.1.0":  # an earlier one wants a bound
        np.testing.assert_array_equal(slopes(lambda x: np.clip(x, None, None), [-1.0, 9.0]), [1, 1])


def test_clip_passes_to_its_bounds_what_x_does_not_get(slopes: Slopes) -> None:
    """The bound that is the value gets the gradient; at the bound itself x gets it all."""
    x, low, high = [-2.0, -1.0, 0.0, 1.0, 2.0], [-1.0] * 5, [1.0] * 5
    g, to_low, to_high = slopes(np.clip, x, low, high)
    np.testing.assert_array_equal(g, [0, 1, 1, 1, 0])
    np.testing.assert_array_equal(to_low, [1, 0, 0, 0, 0])
    np.testing.assert_array_equal(to_high, [0, 0, 0, 0, 1])
    _, to_low = slopes(lambda x, low: np.clip(x, low, None), x, low)
    np.testing.assert_array_equal(to_low, [1, 0, 0, 0, 0])
    _, to_high = slopes(lambda x, high: np.clip(x, None, high), x, high)
    np.testing.assert_array_equal(to_high, [0, 0, 0, 0, 1])


def test_clip_between_bounds_out_of_order(slopes: Slopes) -> None:
    """NumPy takes the upper bound then, so that has the slope 1; equal bounds have it by side."""
    x = [-2.0, -1.0, 0.0, 1.0, 2.0]
    g, to_low, to_high = slopes(np.clip, x, [1.0] * 5, [-1.0] * 5)
    np.testing.assert_array_equal([g, to_low, to_high], [[0] * 5, [0] * 5, [1] * 5])
    np.testing.assert_array_equal(slopes(lambda x: np.clip(x, 1.0, -1.0), x), [0] * 5)
    g, to_low, to_high = slopes(np.clip, [-2.0, 1.0, 2.0], [1.0] * 3, [1.0] * 3)
    np.testing.assert_array_equal([g, to_low, to_high], [[0, 1, 0], [1, 0, 0], [0, 0, 1]])


def test_clip_bounds_of_other_shapes(slopes: Slopes) -> None:
    """Scalar and row bounds get the sum over what they bound."""
    x = np.array([[-2.0, 0.5], [3.0, 7.0]])
    g, to_low, to_high = slopes(np.clip, x, 0.0, np.array([1.0, 2.0]))
    np.testing.assert_array_equal(g, [[0, 1], [0, 0]])
    assert to_low == 1.0
    np.testing.assert_array_equal(to_high, [1, 1])


def test_clip_as_a_method() -> None:
    """x.clip(low, high) and its keywords are np.clip."""
    x = ag.tensor([-2.0, 0.5, 3.0], requires_grad=True)
    for y in (x.clip(-1.0, 1.0), x.clip(min=-1.0, max=1.0), x.clip(-1, max=1)):
        np.testing.assert_array_equal(y.data, [-1.0, 0.5, 1.0])


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.1.0", reason="NumPy 2.0 has no min=")
def test_clip_takes_the_keywords_of_the_array_api(slopes: Slopes) -> None:
    """np.clip(x, min=…, max=…) is np.clip(x, a_min, a_max)."""
    np.testing.assert_array_equal(slopes(lambda x: np.clip(x, min=0.0), [-1.0, 9.0]), [0, 1])
    np.testing.assert_array_equal(slopes(lambda x: np.clip(x, max=0.0), [-1.0, 9.0]), [1, 0])


def test_clip_refuses_what_it_does_not_know() -> None:
    """A bound given twice and a parameter of ufuncs are refused by name."""
    x = ag.tensor([1.0], requires_grad=True)
    with pytest.raises(TypeError, match="twice, once as 'min'"):
        x.clip(0.0, 1.0, min=0.5)
    with pytest.raises(TypeError, match="'casting' is not supported"):
        np.clip(x, 0.0, 1.0, casting="unsafe")
    with pytest.raises(TypeError, match="out="):
        np.clip(x, 0.0, 1.0, out=np.zeros(1))


# --- where


def test_where_takes_any_condition(slopes: Slopes) -> None:
    """Numbers count as bools, tensors as arrays; each branch gets its own part."""
    for c in (np.array([True, False]), [1, 0], np.array([0.5, 0.0]), ag.tensor([3.0, 0.0])):
        g, h = slopes(lambda a, b, c=c: np.where(c, a, b), [1.0, 2.0], [3.0, 4.0])
        np.testing.assert_array_equal([g, h], [[1, 0], [0, 1]])
    g, h = slopes(lambda a, b: np.where(True, a, b), [1.0], [2.0])
    np.testing.assert_array_equal([g, h], [[1], [0]])


def test_where_on_a_condition_that_requires_grad() -> None:
    """No gradient passes to a condition."""
    x = ag.tensor([1.0, 0.0], requires_grad=True)
    (g,) = ag.gradients(np.sum(np.where(x, x * 2, x * 3)), [x])
    np.testing.assert_array_equal(g, [2.0, 3.0])


def test_where_sums_to_the_shape_of_a_branch(slopes: Slopes) -> None:
    """Broadcast branches get sums."""
    c = np.array([[True, False, True], [False, False, True]])
    g, h = slopes(lambda a, b: np.where(c, a, b), 1.0, np.array([1.0, 2.0, 3.0]))
    assert g == 3.0
    np.testing.assert_array_equal(h, [1.0, 2.0, 0.0])


def test_where_of_a_condition_alone_is_refused() -> None:
    """It would give places: the message names np.nonzero."""
    with pytest.raises(TypeError, match=r"np\.nonzero"):
        np.where(ag.tensor([1.0, 0.0], requires_grad=True))


def test_where_gives_the_dtype_that_numpy_gives() -> None:
    """Python numbers as branches do not promote."""
    x = ag.tensor(np.ones(2, np.float32), requires_grad=True)
    y = np.where(x > 0, x, 0.0)
    assert y.dtype == np.float32
    assert ag.gradients(np.sum(y), x).dtype == np.float32


# --- nan_to_num


def test_nan_to_num_passes_finite_numbers_only(slopes: Slopes) -> None:
    """What was replaced is a constant."""
    x = [1.0, NAN, INF, -INF]
    np.testing.assert_array_equal(slopes(np.nan_to_num, x), [1, 0, 0, 0])
    t = ag.tensor(x, requires_grad=True)
    y = np.nan_to_num(t, nan=5.0, posinf=6.0, neginf=7.0)
    np.testing.assert_array_equal(y.data, [1, 5, 6, 7])


def test_nan_to_num_does_not_write_into_its_input() -> None:
    """copy=False is refused by name."""
    with pytest.raises(TypeError, match="copy=False"):
        np.nan_to_num(ag.tensor([NAN], requires_grad=True), copy=False)


def test_clip_takes_all_its_arguments_by_name() -> None:
    """The array, too; and those of a ufunc that say what is so anyway."""
    x = ag.tensor([-1.0, 0.5, 3.0], requires_grad=True)
    for y in (
        np.clip(a=x, a_min=0.0, a_max=1.0),
        np.clip(x, min=0.0, max=1.0, casting="same_kind"),
        np.clip(x, 0.0, 1.0, where=True, dtype=None),
    ):
        np.testing.assert_array_equal(y.data, [0, 0.5, 1])
        assert y.requires_grad
    with pytest.raises(TypeError, match=r"np\.clip: an argument was given twice, once as 'a'"):
        x.clip(0.0, a=1.0)


def test_the_method_clip_of_an_array_takes_a_tensor_for_a_bound() -> None:
    """It asks for a ufunc that np.clip itself is not."""
    a, high = np.array([-1.0, 0.5, 3.0]), ag.tensor([1.0, 1.0, 2.0], requires_grad=True)
    for y, expected in [
        (a.clip(0.0, high), [0.0, 0.5, 2.0]),
        (a.clip(max=high), [-1.0, 0.5, 2.0]),
    ]:
        np.testing.assert_array_equal(y.data, expected)
        np.testing.assert_array_equal(ag.gradients(np.sum(y), high), [0, 0, 1])
