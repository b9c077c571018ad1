"""Reductions: what SEMANTICS says of ties, NaN, zeros and kinks, and every form of argument."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import autograd_lite as ag
from autograd_lite.rules import quantiles

NAN, INF = np.nan, np.inf
MASK = np.array([[True, False, True], [False, True, True]])


def gradient(f: Callable[[Any], Any], x: Any) -> Any:
    """The gradient of sum(f(x)): the same swept, recorded, and by forward mode."""
    x = np.asarray(x, float)
    leaf = ag.tensor(x, requires_grad=True)
    total = np.sum(f(leaf))
    swept = ag.gradients(total, leaf)
    recorded = ag.gradients(total, leaf, create_graph=True)
    np.testing.assert_array_equal(swept, recorded.numpy())
    pushed = np.empty_like(x)
    for place in np.ndindex(x.shape):
        tangent = np.zeros_like(x)
        tangent[place] = 1.0
        pushed[place] = ag.jvp(lambda t: np.sum(f(t)), (x,), (tangent,))[1]
    np.testing.assert_allclose(pushed, swept, rtol=1e-12, atol=1e-14)
    narrow = ag.grad(lambda t: np.sum(f(t)))(x.astype(np.float32))
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, swept, rtol=1e-4, atol=1e-5)
    return swept


def derivative(f: Callable[[Any], Any], order: int) -> Callable[[Any], Any]:
    """The `order`-th derivative of a scalar f, of shape (n,) * order, by nested Jacobians."""
    for _ in range(order):
        f = ag.jacobian(f)
    return f


def product_derivative(x: Any, order: int) -> Any:
    """Derivatives of the product of a vector: products of the others, 0 on repeated places."""
    out = np.zeros((len(x),) * order)
    for places in itertools.permutations(range(len(x)), order):
        out[places] = math.prod(v for i, v in enumerate(x) if i not in places)
    return out


# --- ties


@pytest.mark.parametrize("f", [np.max, np.amax, np.maximum.reduce])
def test_max_ties_share_evenly(f: Any) -> None:
    """Three equal maxima get a third each."""
    np.testing.assert_array_equal(gradient(f, [2.0, 1.0, 2.0, 2.0]), [1 / 3, 0, 1 / 3, 1 / 3])


@pytest.mark.parametrize("f", [np.min, np.amin, np.minimum.reduce])
def test_min_ties_share_evenly(f: Any) -> None:
    """Two equal minima get half each, slice by slice."""
    x = [[1.0, 1.0, 2.0], [3.0, 0.0, 0.0]]
    np.testing.assert_array_equal(
        gradient(lambda t: f(t, axis=1), x), [[0.5, 0.5, 0], [0, 0.5, 0.5]]
    )


@pytest.mark.parametrize("f", [np.max, np.min, np.amax, np.amin])
def test_extremes_with_nan_give_all_to_the_nan(f: Any) -> None:
    """A NaN takes the gradient of its slice, several share it; other slices are as ever."""
    x = [[1.0, NAN, 2.0], [NAN, NAN, 5.0], [1.0, 2.0, 3.0]]
    g = gradient(lambda t: f(t, axis=1), x)
    np.testing.assert_array_equal(g[:2], [[0, 1, 0], [0.5, 0.5, 0]])
    assert g[2].sum() == 1


def test_an_initial_value_shares_in_a_tie() -> None:
    """The value that a maximum starts from counts among the tied, like maximum(x, 2)."""
    np.testing.assert_array_equal(gradient(lambda t: np.max(t, initial=2.0), [2.0, 1.0]), [0.5, 0])
    np.testing.assert_array_equal(gradient(lambda t: np.max(t, initial=9.0), [2.0, 1.0]), [0, 0])


def test_extremes_are_flat_in_second_order() -> None:
    """At a tie the second derivative of max is 0."""
    h = derivative(np.max, 2)(np.array([2.0, 2.0, 1.0]))
    np.testing.assert_array_equal(h, np.zeros((3, 3)))


def test_an_infinite_maximum_gets_its_gradient() -> None:
    """An element at infinity is the maximum like any other."""
    np.testing.assert_array_equal(gradient(np.max, [INF, 1.0]), [1, 0])
    np.testing.assert_array_equal(gradient(np.max, [-INF, -INF]), [0.5, 0.5])


# --- products with zeros


@pytest.mark.parametrize(
    "x", [[0.0, 2.0, 3.0], [0.0, 2.0, 0.0, 5.0], [0.0, 0.0, 0.0, 7.0], [2.0, -3.0, 0.5]]
)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_prod_with_zeros_is_exact_to_any_order(x: list[float], order: int) -> None:
    """The derivatives of a product are products of the others, also among zeros."""
    for f in (np.prod, np.multiply.reduce, np.nanprod):
        got = derivative(f, order)(np.array(x))
        np.testing.assert_allclose(got, product_derivative(x, order), rtol=1e-15, atol=0)


def test_prod_over_two_axes_with_zeros_is_exact() -> None:
    """Axes in any order and with others between them are one product."""
    x = np.array([[[0.0, 2.0], [3.0, 4.0]], [[5.0, 0.0], [7.0, -1.0]]])
    expected = np.empty_like(x)
    for i, j, k in np.ndindex(x.shape):
        rest = x[:, j, :].copy()
        rest[i, k] = 1
        expected[i, j, k] = rest.prod()
    for axis in ((0, 2), (2, 0), (-1, -3)):
        got = gradient(lambda t, axis=axis: np.prod(t, axis=axis), x)
        np.testing.assert_array_equal(got, expected)


def test_prod_in_float32_stays_exact_with_zeros() -> None:
    """Neither the rule nor its derivative leaves float32."""
    x = np.array([0.0, 3.0, 0.0], np.float32)
    h = derivative(np.prod, 2)(x)
    assert h.dtype == np.float32
    np.testing.assert_array_equal(h, product_derivative(x, 2))


# --- variance and deviation


def test_std_of_equal_elements_is_flat() -> None:
    """Where all elements are equal the gradient is 0, though rounding may make std no 0."""
    for x in ([2.0, 2.0, 2.0], [0.1, 0.1, 0.1], [0.3] * 7):
        for f in (np.std, np.nanstd, lambda t: np.std(t, ddof=1)):
            np.testing.assert_array_equal(gradient(f, x), np.zeros(len(x)))


def test_std_of_equal_elements_is_nan_in_second_order() -> None:
    """std has a kink there, and no second derivative."""
    h = derivative(np.std, 2)(np.array([0.1, 0.1, 0.1]))
    assert np.isnan(h).all()


def test_std_is_flat_slice_by_slice() -> None:
    """A flat row does not disturb the row beside it."""
    x = np.array([[2.0, 2.0], [1.0, 3.0]])
    np.testing.assert_allclose(gradient(lambda t: np.std(t, axis=1), x), [[0, 0], [-0.5, 0.5]])


def test_std_of_one_element_is_0_with_ddof_0() -> None:
    """One element has no deviation, and no gradient."""
    np.testing.assert_array_equal(gradient(np.std, [5.0]), [0])
    np.testing.assert_array_equal(gradient(lambda t: np.std(t, axis=0), [[5.0, 1.0]]), [[0, 0]])


@pytest.mark.filterwarnings("ignore:Degrees of freedom")
@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("f", [np.var, np.std, np.nanvar, np.nanstd])
@pytest.mark.parametrize(("n", "ddof"), [(1, 1), (2, 2), (3, 5)])
def test_var_and_std_with_ddof_at_least_n_are_nan_in_the_input_s_shape(
    f: Any, n: int, ddof: int
) -> None:
    """No degrees of freedom: nan for every element."""
    x = np.arange(2.0 * n).reshape(2, n) ** 2
    g = ag.grad(lambda t: np.sum(f(t, axis=1, ddof=ddof)))(x)
    assert g.shape == x.shape
    assert np.isnan(g).all()


def test_correction_is_ddof() -> None:
    """The array API's name for ddof means the same; both at once are refused."""
    x = np.array([1.0, 2.0, 4.0])
    a = gradient(lambda t: np.var(t, ddof=1), x)
    b = gradient(lambda t: np.var(t, correction=1), x)
    np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="ddof and correction"):
        np.var(ag.tensor(x, requires_grad=True), ddof=1, correction=1)


@pytest.mark.parametrize("f", [np.var, np.std, np.nanvar, np.nanstd])
def test_a_given_mean_has_a_gradient_of_its_own(f: Any) -> None:
    """With NumPy's mean of the data both add up to the gradient without it."""
    x = np.random.default_rng(3).standard_normal((3, 4))
    if f in (np.nanvar, np.nanstd):
        x[0, 1] = NAN
    of_mean = np.nanmean if np.isnan(x).any() else np.mean

    def apart(t: Any) -> Any:
        return np.sum(f(t, axis=1, ddof=1, mean=of_mean(t, axis=1, keepdims=True)))

    np.testing.assert_allclose(ag.grad(apart)(x), ag.grad(lambda t: np.sum(f(t, 1, ddof=1)))(x))
    g_x, g_mean = ag.grad(lambda t, m: np.sum(f(t, axis=0, mean=m)), (0, 1))(
        x, np.full((1, 4), 2.0)
    )
    np.testing.assert_allclose(g_mean, -np.sum(g_x, axis=0, keepdims=True))


def test_a_given_mean_as_a_number_keeps_float32() -> None:
    """A Python float promotes nothing."""
    x = ag.tensor(np.float32([1.0, 2.0]), requires_grad=True)
    y = x.var(mean=0.5)
    assert y.dtype == np.float32
    assert y.item() == 1.25
    np.testing.assert_array_equal(ag.gradients(y, x), np.float32([0.5, 1.5]))
    assert ag.grad(lambda m: np.std(np.ones(3), mean=m))(1.0) == 0.0


# --- medians and quantiles


def test_median_of_an_even_count_is_shared_by_the_middle_two() -> None:
    """Half each."""
    np.testing.assert_array_equal(gradient(np.median, [4.0, 1.0, 3.0, 2.0]), [0, 0, 0.5, 0.5])
    np.testing.assert_array_equal(gradient(np.median, [4.0, 1.0, 3.0]), [0, 0, 1])


def test_quantile_neighbours_share_by_their_weights() -> None:
    """At q·(n − 1) = 1.2 the second of the sorted gets 0.8 and the third 0.2."""
    expected = [0, 0, 0.2, 0.8, 0]
    g = gradient(lambda t: np.quantile(t, 0.3), [40.0, 10.0, 30.0, 20.0, 50.0])
    np.testing.assert_allclose(g, expected, atol=1e-15)
    g = gradient(lambda t: np.percentile(t, 30), [40.0, 10.0, 30.0, 20.0, 50.0])
    np.testing.assert_allclose(g, expected, atol=1e-14)


def test_tied_quantile_neighbours_share_evenly() -> None:
    """Elements equal to the median share its gradient."""
    np.testing.assert_allclose(gradient(np.median, [2.0, 2.0, 2.0]), [1 / 3] * 3)
    np.testing.assert_allclose(gradient(np.median, [1.0, 2.0, 2.0, 3.0]), [0, 0.5, 0.5, 0])


@pytest.mark.parametrize("f", [np.median, lambda t: np.quantile(t, 0.3)])
def test_quantiles_with_nan_give_all_to_the_nan(f: Any) -> None:
    """As for max."""
    np.testing.assert_allclose(gradient(f, [1.0, NAN, 2.0, 4.0]), [0, 1, 0, 0])


@pytest.mark.parametrize("f", [np.nanmedian, lambda t: np.nanquantile(t, 0.5)])
def test_quantiles_that_skip_nan_pass_it_over(f: Any) -> None:
    """The median of what is left."""
    np.testing.assert_array_equal(gradient(f, [1.0, NAN, 2.0, 4.0, 3.0]), [0, 0, 0.5, 0, 0.5])


def test_a_quantile_s_slope_in_q_is_the_gap_between_neighbours() -> None:
    """d/dq is (n − 1) times the gap; percentiles go a hundredth as fast."""
    x = np.array([1.0, 2.0, 4.0, 8.0])
    slopes = ag.grad(lambda q: np.sum(np.quantile(x, q)))(np.array([0.1, 0.5, 0.9]))
    np.testing.assert_allclose(slopes, [3, 6, 12])
    assert ag.grad(lambda q: np.percentile(x, q))(50.0) == pytest.approx(0.06)


def test_quantiles_of_unknown_methods_are_refused_with_the_known_ones() -> None:
    """By NumPy itself, which lists them."""
    with pytest.raises(ValueError, match=r"quantile: .*'mine' is not a valid method"):
        np.quantile(ag.tensor([1.0, 2.0], requires_grad=True), 0.3, method="mine")


@pytest.mark.parametrize("q", [0.0, 0.04, 0.2, 0.5, 0.8, 0.97, 1.0])
@pytest.mark.parametrize("method", quantiles.PLACES)
def test_quantiles_at_both_ends_and_at_elements(method: str, q: float) -> None:
    """Beyond the ends the first or the last gets all, and q nothing; at an element that does."""
    x = np.array([40.0, 10.0, 30.0, 20.0, 50.0])
    g = ag.grad(lambda t: np.quantile(t, q, method=method))(x)
    columns = [np.quantile(x + 1e-3 * e, q, method=method) for e in np.eye(5)]
    np.testing.assert_allclose(g, (columns - np.quantile(x, q, method=method)) / 1e-3, atol=1e-9)
    slope = ag.grad(lambda s: np.quantile(x, s, method=method))(q)
    ahead, behind = min(q + 1e-6, 1.0), max(q - 1e-6, 0.0)
    sides = [
        (np.quantile(x, b, method=method) - np.quantile(x, a, method=method)) / (b - a)
        for a, b in ((q, ahead), (behind, q))
        if b > a
    ] + [0.0] * (q == 1.0)  # beyond the last element nothing follows
    assert min(sides) - 1e-6 <= slope <= max(sides) + 1e-6


def test_averaged_inverted_cdf_halves_at_elements() -> None:
    """Where n q is whole the two elements share evenly, else the one above has all."""
    x = [40.0, 10.0, 30.0, 20.0]
    for q, expected in (
        (0.5, [0, 0, 0.5, 0.5]), (0.6, [0, 0, 1, 0]), (0.0, [0, 1, 0, 0]), (0.1, [0, 1, 0, 0]),
        (1.0, [1, 0, 0, 0]),
    ):  # fmt: skip
        g = gradient(lambda t, q=q: np.quantile(t, q, method="averaged_inverted_cdf"), x)
        np.testing.assert_array_equal(g, expected)


def test_weighted_quantiles_pass_over_elements_without_weight() -> None:
    """Tied elements share evenly where they count; neither q nor the weights have a slope."""
    x, weights = [2.0, 1.0, 2.0, 2.0, 5.0], ag.tensor([1.0, 0.5, 0.0, 1.0, 1.0], requires_grad=True)
    f = partial(np.quantile, q=0.5, weights=weights, method="inverted_cdf")
    np.testing.assert_array_equal(gradient(f, x), [0.5, 0, 0, 0.5, 0])
    leaf = ag.tensor(x, requires_grad=True)
    g_x, g_weights = ag.gradients(f(leaf), [leaf, weights])
    np.testing.assert_array_equal(g_x, [0.5, 0, 0, 0.5, 0])
    np.testing.assert_array_equal(g_weights, np.zeros(5))
    with pytest.raises(ValueError, match="Only method 'inverted_cdf' supports weights"):
        np.quantile(leaf, 0.5, weights=weights)


@pytest.mark.parametrize("axis", [0, (0, 2), (2, 0), None])
def test_weighted_percentiles_of_every_axis(axis: Any) -> None:
    """Weights of x's shape, or of the reduced axes' lengths in the order they are named in."""
    rng = np.random.default_rng(11)
    x = rng.permutation(24.0 + np.arange(24)).reshape(2, 3, 4)
    shapes = [x.shape]
    if axis is not None:
        shapes.append(tuple(x.shape[a] for a in (axis if isinstance(axis, tuple) else (axis,))))
    for shape in shapes:
        weights = rng.integers(0, 3, shape) + 0.25 * rng.integers(1, 3, shape)
        form: Any = {"axis": axis, "weights": weights, "method": "inverted_cdf"}
        y, g = ag.value_and_grad(lambda t, form=form: np.sum(np.percentile(t, [30, 70], **form)))(x)
        h = (np.sum(np.percentile(x * 1.001, [30, 70], **form)) - y) / 0.001
        np.testing.assert_allclose(np.sum(g * x), h, rtol=1e-9)
        assert np.sum(g) == np.percentile(x, [30, 70], **form).size


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
def test_medians_of_nothing_have_empty_gradients() -> None:
    """An empty array has nothing to give a gradient to."""
    assert ag.grad(np.median)(np.zeros(0)).shape == (0,)
    assert ag.grad(lambda t: np.sum(np.median(t, axis=1)))(np.zeros((0, 3))).shape == (0, 3)


# --- NaN skipped


@pytest.mark.parametrize(
    "f", [np.nansum, np.nanmean, np.nanprod, np.nanmax, np.nanmin, np.nanvar, np.nanstd]
)
def test_reductions_that_skip_nan_give_it_no_gradient(f: Any) -> None:
    """The others get what they would get without it, in the first order and the second."""
    x = np.array([1.5, NAN, 4.0, -2.0])
    present = ~np.isnan(x)
    plain = getattr(np, f.__name__.removeprefix("nan"))
    g = gradient(f, x)
    assert g[1] == 0
    np.testing.assert_allclose(g[present], gradient(plain, x[present]), rtol=1e-14)
    h = derivative(f, 2)(x)
    np.testing.assert_allclose(
        h[np.ix_(present, present)], derivative(plain, 2)(x[present]), rtol=1e-13, atol=1e-15
    )


# --- sums of exponentials


def test_logaddexp_reduce_of_all_minus_infinity_is_flat() -> None:
    """No term has a share in nothing."""
    np.testing.assert_array_equal(gradient(np.logaddexp.reduce, [-INF, -INF]), [0, 0])


def test_logaddexp_reduce_is_stable_at_the_extremes() -> None:
    """±1000 in one row and small numbers in another."""
    x = [[1000.0, 0.0], [-1000.0, -1000.0]]
    g = gradient(lambda t: np.logaddexp.reduce(t, axis=1), x)
    np.testing.assert_allclose(g, [[1, 0], [0.5, 0.5]], rtol=1e-12)


# --- arguments


REDUCTIONS = (
    np.sum, np.mean, np.prod, np.max, np.min, np.var, np.std, np.nansum, np.nanmean, np.nanprod,
    np.nanmax, np.nanmin, np.nanvar, np.nanstd, np.add.reduce, np.multiply.reduce,
    np.maximum.reduce, np.minimum.reduce, np.logaddexp.reduce,
)  # fmt: skip
AXES: tuple[Any, ...] = (None, 0, 1, -1, (0,), (0, 1), (-1, 0), np.int64(1))
FORMS = [{"axis": axis, "keepdims": k} for axis in AXES for k in (False, True)]


@pytest.mark.parametrize("f", REDUCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_every_form_of_axis_and_keepdims(f: Any, form: dict[str, Any]) -> None:
    """The value is NumPy's bit for bit, and the gradient that of differences."""
    x = np.random.default_rng(5).permutation(np.arange(6.0)).reshape(2, 3) / 3 + 0.5
    leaf = ag.tensor(x, requires_grad=True)
    y = f(leaf, **form)
    expected = f(x, **form)
    np.testing.assert_array_equal(y.numpy(), expected)
    assert y.dtype == expected.dtype
    weights = np.random.default_rng(6).standard_normal(y.shape)
    got = ag.gradients(np.sum(weights * y), leaf)
    h = 1e-6
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = h
        slope = np.sum(weights * (f(x + step, **form) - f(x - step, **form))) / (2 * h)
        assert got[place] == pytest.approx(slope, rel=1e-6, abs=1e-7)


@st.composite
def calls(draw: Any) -> tuple[Any, Any, dict[str, Any]]:
    """A reduction, an array of any layout, ties and NaN in it, and arguments that it takes."""
    f = draw(st.sampled_from(REDUCTIONS))
    shape = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    values = st.sampled_from([-2.0, -0.5, 0.0, 1.0, 1.5, 3.0, NAN])
    x = np.array([draw(values) for _ in range(math.prod(shape))], float).reshape(shape)
    if x.ndim:
        x = x[tuple(draw(st.sampled_from([slice(None), slice(None, None, -1)])) for _ in shape)]
        x = draw(st.sampled_from([x, np.asfortranarray(x), np.broadcast_to(x[:1], x.shape)]))
    axes = draw(st.sets(st.integers(0, max(x.ndim - 1, 0)), max_size=x.ndim))
    form: dict[str, Any] = {"axis": draw(st.sampled_from([None, tuple(axes)]))}
    form["keepdims"] = draw(st.booleans())
    if draw(st.booleans()):
        form["where"] = np.array([draw(st.booleans()) for _ in range(x.size)], bool).reshape(
            x.shape
        )
    if any(name in f.__name__ for name in ("max", "min")) or f.__name__ == "reduce":
        form["initial"] = -1.0
    return f, x, form


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=150, deadline=None, derandomize=True)
@given(calls())
def test_any_array_and_arguments_give_numpy_s_value_and_modes_that_agree(call: Any) -> None:
    """The value bit for bit; reverse, recorded and forward mode the same numbers."""
    f, x, form = call
    assume(f.__name__ not in ("nanmax", "nanmin") or x.size)
    leaf = ag.tensor(x, requires_grad=True)
    y = f(leaf, **form)
    np.testing.assert_array_equal(y.numpy(), f(x, **form))
    rng = np.random.default_rng(0)
    v, u = rng.standard_normal(y.shape), rng.standard_normal(x.shape)
    g = ag.gradients(y, leaf, v)
    assert g.shape == x.shape
    np.testing.assert_array_equal(g, ag.gradients(y, leaf, v, create_graph=True).numpy())
    if np.isfinite(y.data).all():
        tangent = ag.jvp(lambda t: f(t, **form), (x,), (u,))[1]
        np.testing.assert_allclose(np.sum(v * tangent), np.sum(g * u), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "f",
    [np.sum, np.mean, np.var, np.std, np.nansum, np.nanmean, np.nanvar, np.prod, np.nanprod],
    ids=lambda f: f.__name__,
)
def test_a_mask_counts_as_if_the_hidden_elements_were_not_there(f: Any) -> None:
    """where= hides elements from value and gradient; NaN and inf behind it do no harm."""
    x = np.array([[1.0, NAN, 2.5], [INF, -1.0, 4.0]])
    g = gradient(lambda t: f(t, axis=1, where=MASK), x)
    rows = [gradient(f, x[i][MASK[i]]) for i in range(2)]
    np.testing.assert_array_equal(g[~MASK], 0)
    np.testing.assert_allclose(g[MASK], np.concatenate(rows), rtol=1e-14)


@pytest.mark.parametrize("f", [np.max, np.min, np.nanmax, np.maximum.reduce])
def test_masked_extremes_choose_among_the_visible(f: Any) -> None:
    """An initial value is needed, and what is hidden gets nothing, NaN included."""
    x = np.array([[1.0, NAN, 2.5], [99.0, -1.0, 4.0]])
    start, chosen = (9.0, (1, 1)) if f is np.min else (-9.0, (1, 2))
    g = gradient(lambda t: f(t, axis=1, where=MASK, initial=start), x)
    np.testing.assert_array_equal(g[~MASK], 0)
    assert g[chosen] == 1
    assert g.sum() == 2


def test_a_mask_may_be_a_tensor_or_broadcast() -> None:
    """A recorded comparison masks; a row of a mask serves all rows."""
    x = np.array([[1.0, -2.0, 3.0], [-1.0, 5.0, 6.0]])
    np.testing.assert_array_equal(gradient(lambda t: np.sum(t, where=t > 0), x), x > 0)
    g = gradient(lambda t: np.mean(t, axis=1, where=np.array([True, True, False])), x)
    np.testing.assert_array_equal(g, [[0.5, 0.5, 0], [0.5, 0.5, 0]])
    g = gradient(lambda t: np.mean(t, axis=0, where=np.array([[False], [True]])), x)
    np.testing.assert_array_equal(g, [[0, 0, 0], [1, 1, 1]])


@pytest.mark.parametrize("f", [np.mean, np.max, np.nanmean, np.nanvar], ids=lambda f: f.__name__)
@pytest.mark.parametrize("masked", [False, True])
def test_float16_counts_beyond_what_it_holds(f: Any, masked: bool) -> None:
    """Adding ones it ends at 2048, and all its numbers at 65504; gradients are as of float64."""
    for x in (np.ones((4096, 2)), np.ones((70000, 1))):
        x[::2] -= f is np.nanvar
        where: dict[str, Any] = {"where": np.ones(x.shape, bool)} if masked else {}
        if masked and f is np.max:
            where["initial"] = -1.0
        total = lambda t, where=where: np.sum(f(t, axis=0, **where))
        with np.errstate(over="ignore", invalid="ignore"):  # NumPy's nanmean counts in float16
            g = ag.grad(total)(x.astype(np.float16))
        assert g.dtype == np.float16
        np.testing.assert_allclose(g, ag.grad(total)(x), rtol=5e-3)


def test_initial_values_scale_products_and_shift_sums() -> None:
    """initial= is a constant: a factor of the gradient of prod, none of that of sum."""
    np.testing.assert_array_equal(gradient(lambda t: np.prod(t, initial=3.0), [2.0, 5.0]), [15, 6])
    np.testing.assert_array_equal(gradient(lambda t: np.sum(t, initial=3.0), [2.0, 5.0]), [1, 1])


def test_a_dtype_is_computed_in_and_the_gradient_keeps_the_tensor_s() -> None:
    """dtype=float64 of float32: a float64 value, a float32 gradient."""
    x = ag.tensor(np.array([1.5, 2.5], np.float32), requires_grad=True)
    for f in (np.sum, np.mean, np.prod, np.var, np.std, np.nansum, np.cumsum, np.cumprod):
        y = f(x, dtype=np.float64)
        assert y.dtype == np.float64
        assert ag.gradients(np.sum(y), x).dtype == np.float32


def test_a_dtype_that_would_cut_the_gradient_off_is_refused() -> None:
    """Nothing detaches silently."""
    x = ag.tensor([1.5, 2.5], requires_grad=True, name="theta")
    with pytest.raises(TypeError, match=r"np\.sum: dtype=int64 on theta that requires grad"):
        np.sum(x, dtype=int)
    assert np.sum(x.detach(), dtype=int).dtype == int


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: np.mean(x, initial=1.0), "initial"),
        (lambda x: np.max(x, dtype=float), "dtype"),
        (lambda x: np.median(x, overwrite_input=True), "overwrite_input"),
        (lambda x: x.sum(out=np.zeros(())), "out"),
    ],
)
def test_parameters_without_a_meaning_here_are_refused_by_name(call: Any, name: str) -> None:
    """The message names the parameter."""
    with pytest.raises(TypeError, match=f"'{name}'"):
        call(ag.tensor([1.0, 2.0], requires_grad=True))


def test_an_initial_value_that_requires_grad_is_refused() -> None:
    """It would be detached silently."""
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match=r"np.sum: initial= is a tensor that requires grad"):
        np.sum(x, initial=np.sum(x))


def test_bad_axes_are_refused_with_the_operation_and_shape() -> None:
    """NumPy's own error, with what it was about."""
    x = ag.tensor(np.zeros((2, 3)), requires_grad=True)
    for f in (np.sum, np.mean, np.prod, np.max, np.var):
        with pytest.raises(np.exceptions.AxisError, match="out of bounds"):
            f(x, axis=2)


@pytest.mark.parametrize("f", [np.sum, np.mean, np.var, np.std], ids=lambda f: f.__name__)
def test_everyday_shortcuts_give_numpy_s_bits(f: Any) -> None:
    """sum, mean, var and std skip NumPy's preliminaries, not its arithmetic."""
    rng = np.random.default_rng(0)
    for dtype in (np.float16, np.float32, np.float64, np.int32, np.bool_):
        for shape in ((), (1,), (37,), (300, 7), (3, 0)):
            x = (rng.standard_normal(shape) * 9).astype(dtype)
            for axis in (None, 0, -1)[: 1 + 2 * bool(shape)]:
                if x.size == 0 and axis != 0:
                    continue
                with np.errstate(over="ignore", invalid="ignore"):  # float16 overflows
                    got, expected = f(ag.tensor(x), axis=axis), f(x, axis=axis)
                assert got.dtype == expected.dtype
                np.testing.assert_array_equal(got.numpy(), expected)


def test_methods_are_the_functions() -> None:
    """Tensor has ndarray's reductions, with ndarray's order of arguments."""
    x = np.arange(6.0).reshape(2, 3) ** 2
    t = ag.tensor(x, requires_grad=True)
    for name in ("sum", "mean", "prod", "max", "min", "var", "std", "argmax", "argmin"):
        np.testing.assert_array_equal(getattr(t, name)(1).numpy(), getattr(x, name)(1))
    for name in ("cumsum", "cumprod"):
        np.testing.assert_array_equal(getattr(t, name)().numpy(), getattr(x, name)())
    np.testing.assert_array_equal(t.var(1, None, None, 1).numpy(), x.var(1, None, None, 1))
    assert (t > -1).all()
    assert not (t < 0).any()


# --- statistics that other rows make up


def test_average_is_differentiable_in_its_weights() -> None:
    """Σ w a / Σ w moves with w by (a − average) / Σ w."""
    a, w = np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0, 2.0])
    g = ag.grad(lambda w: np.average(a, weights=w))(w)
    np.testing.assert_allclose(g, (a - np.average(a, weights=w)) / 4)


def test_average_returns_the_sum_of_weights_where_asked() -> None:
    """With returned=True it is part of the graph."""
    a, w = np.arange(6.0).reshape(2, 3), np.array([1.0, 2.0, 3.0])
    y, total = np.average(a, axis=1, weights=ag.tensor(w, requires_grad=True), returned=True)
    expected = np.average(a, axis=1, weights=w, returned=True)
    np.testing.assert_array_equal(y.numpy(), expected[0])
    np.testing.assert_array_equal(total.numpy(), expected[1])


def test_average_refuses_weights_that_sum_to_0_or_do_not_fit() -> None:
    """As NumPy does."""
    a = ag.tensor(np.ones((2, 3)), requires_grad=True)
    with pytest.raises(ZeroDivisionError, match="sum to zero"):
        np.average(a, weights=np.zeros((2, 3)))
    with pytest.raises(TypeError, match="axis"):
        np.average(a, weights=np.ones(3))
    with pytest.raises(ValueError, match=r"weights of shape \(2,\) for axis 1"):
        np.average(a, axis=1, weights=np.ones(2))


def test_corrcoef_keeps_its_slope_where_rounding_leaves_the_unit_interval() -> None:
    """Perfectly correlated rows: values within [-1, 1], second derivatives alive."""
    x = np.array([[1.0, 2.0, 3.5], [0.1, 0.2, 0.35]])
    y = np.corrcoef(ag.tensor(x, requires_grad=True))
    np.testing.assert_array_equal(y.numpy(), np.corrcoef(x))
    hessian = ag.hessian(lambda t: np.corrcoef(t)[0, 1])(x)
    assert np.abs(hessian).max() > 0.1


def test_cov_warns_and_refuses_as_numpy_does() -> None:
    """Too few samples warn; misshapen weights, fractional counts and a third axis raise."""
    x = ag.tensor(np.array([[1.0], [2.0]]), requires_grad=True)
    with pytest.warns(RuntimeWarning, match="Degrees of freedom"), np.errstate(all="ignore"):
        np.cov(x)
    with pytest.raises(ValueError, match="at most two axes"):
        np.cov(ag.tensor(np.zeros((1, 2, 3)), requires_grad=True))
    with pytest.raises(ValueError, match="aweights of shape"):
        np.cov(x, aweights=[1.0, 2.0])
    with pytest.raises(ValueError, match="cannot be negative"):
        np.cov(x, aweights=[-1.0])
    with pytest.raises(TypeError, match="whole numbers"):
        np.cov(x, fweights=[1.5])


def test_trapezoid_is_differentiable_in_its_places() -> None:
    """The integral of y = 1 moves only with its two ends."""
    g = ag.grad(lambda x: np.trapezoid(np.ones(4), x))(np.array([0.0, 1.0, 3.0, 4.0]))
    np.testing.assert_array_equal(g, [-1, 0, 0, 1])


def test_ptp_with_ties_shares_evenly_at_both_ends() -> None:
    """max − min."""
    np.testing.assert_array_equal(gradient(np.ptp, [1.0, 3.0, 3.0, 2.0]), [-1, 0.5, 0.5, 0])


# --- places and queries


@pytest.mark.parametrize("f", [np.argmax, np.argmin, np.nanargmax, np.argsort], ids=str)
def test_functions_that_point_give_tensors_of_ints(f: Any) -> None:
    """They require no grad, and serve as indices."""
    x = ag.tensor([3.0, 1.0, 2.0], requires_grad=True)
    places = f(x)
    assert isinstance(places, ag.Tensor)
    assert places.dtype == np.intp
    assert not places.requires_grad
    np.testing.assert_array_equal(x.data[places], f(x.data) * 0 + x.data[f(x.data)])


def test_queries_return_what_numpy_returns() -> None:
    """any, all, count_nonzero: no tensors, also of tensors that require grad."""
    x = ag.tensor([3.0, 0.0, 2.0], requires_grad=True)
    assert np.any(x) is np.True_
    assert np.all(x) is np.False_
    assert np.count_nonzero(x) == 2
    assert type(np.count_nonzero(x)) is not ag.Tensor
    assert np.logical_or.reduce(x) is np.True_


@pytest.mark.parametrize(
    "call", [np.logaddexp.accumulate, np.subtract.reduce, lambda x: np.add.reduceat(x, [0, 1])]
)
def test_ufunc_methods_without_a_rule_raise_when_recorded(call: Any) -> None:
    """The message names the method, and @ag.primitive."""
    with pytest.raises(NotImplementedError, match=r"np\.\w+\.\w+ has no gradient rule.*primitive"):
        call(ag.tensor([1.0, 2.0], requires_grad=True))


@pytest.mark.parametrize("f", [np.var, np.std, np.nanvar, np.nanstd, np.mean, np.nanmean])
def test_masked_reductions_of_another_byte_order(f: Any) -> None:
    """Counts have the byte order of the machine, which is all that NumPy sums in."""
    x = np.random.default_rng(0).standard_normal((2, 3))
    mask = np.array([True, False, True])
    swapped = x.astype(x.dtype.newbyteorder())
    g = ag.grad(lambda t: np.sum(f(t, axis=1, where=mask)))(swapped)
    np.testing.assert_array_equal(g, ag.grad(lambda t: np.sum(f(t, axis=1, where=mask)))(x))
    assert g.dtype == swapped.dtype


@pytest.mark.parametrize("f", [np.sum, np.mean, np.nansum, np.nanmean], ids=lambda f: f.__name__)
@pytest.mark.parametrize("mask", [np.True_, np.array(True), 1, [[True], [True]]], ids=repr)
def test_a_mask_of_any_kind_is_no_tangent(f: Any, mask: Any) -> None:
    """Forward mode reads a mask that is one of NumPy's scalars, a number or a list as it is."""
    x = np.arange(6.0).reshape(2, 3)
    y, tangent = ag.jvp(lambda x: f(x, axis=1, where=mask), (x,), (np.ones_like(x),))
    np.testing.assert_array_equal(y, f(x, axis=1))
    np.testing.assert_array_equal(tangent, f(np.ones_like(x), axis=1))


@pytest.mark.parametrize("of", [(np.float64, np.float32), (np.float32, np.float64),
                                (np.int8, np.float32)])  # fmt: skip
def test_average_adds_its_weights_in_the_dtype_of_the_result(of: Any) -> None:
    """To the bit of NumPy's, and so does cov."""
    rng = np.random.default_rng(0)
    a = (4.0 * rng.standard_normal((5, 70))).astype(of[0])
    w = rng.uniform(0.5, 2.0, 70).astype(of[1])
    weights = ag.tensor(w, requires_grad=True)
    for f in (
        lambda w: np.average(a, axis=1, weights=w),
        lambda w: np.cov(a, aweights=w),
    ):
        y, expected = f(weights), f(w)
        assert y.dtype == expected.dtype
        np.testing.assert_array_equal(y.data, expected)
        assert ag.gradients(np.sum(y), weights).dtype == of[1]


def test_extremes_of_another_byte_order() -> None:
    """The tied are counted in the byte order of the machine."""
    x = np.array([[3.0, 1.0, 3.0], [0.0, 5.0, 2.0]])
    w = np.ones(3)
    for f in (
        lambda t: np.max(t, axis=1),
        lambda t: np.quantile(t, 0.4, axis=1, method="inverted_cdf", weights=w),
    ):
        swapped = ag.tensor(x.astype(x.dtype.newbyteorder()), requires_grad=True)
        y = f(swapped)
        (g,) = ag.gradients(y, [swapped], np.ones(2).astype(y.dtype.newbyteorder()))
        np.testing.assert_array_equal(g, ag.grad(lambda t, f=f: np.sum(f(t)))(x))


@pytest.mark.parametrize("weights", [{"fweights": [1, 3, 2, 1]}, {"aweights": [1, 0.5, 2, 3]}, {}])
def test_cov_of_long_doubles_is_numpys_to_the_bit(weights: Any) -> None:
    """Its degrees of freedom, too, are long doubles."""
    x = np.random.default_rng(0).standard_normal((3, 4)).astype(np.longdouble) / 3
    y = np.cov(ag.tensor(x, requires_grad=True), **weights)
    np.testing.assert_array_equal(y.data, np.cov(x, **weights))


@pytest.mark.parametrize("f", [np.var, np.std])
@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint8])
def test_the_mean_that_is_given_to_masked_whole_numbers(f: Any, dtype: Any) -> None:
    """Elements are counted in floats: a bool counts to 1, an int8 to 127."""
    rng = np.random.default_rng(0)
    x, mask = (rng.random((200, 3)) < 0.7).astype(dtype), rng.random((200, 3)) < 0.9
    mean = np.full((1, 3), 0.4)
    of = lambda x: ag.grad(lambda m: np.sum(f(x, axis=0, where=mask, mean=m)))(mean)
    np.testing.assert_allclose(of(x), of(x.astype(np.float64)), rtol=1e-14)


@pytest.mark.parametrize("axis", [0, -1, (0,)])
@pytest.mark.parametrize("f", [np.mean, np.var, np.std, np.average])
def test_a_number_has_no_axes(f: Any, axis: Any) -> None:
    """NumPy adds up a number along axis 0, and refuses to average it."""
    x = ag.tensor(3.0, requires_grad=True)
    with pytest.raises(np.exceptions.AxisError):
        f(np.array(3.0), axis=axis)
    with pytest.raises(np.exceptions.AxisError):
        f(x, axis=axis)
    with pytest.raises(np.exceptions.AxisError):
        np.average(x, axis=axis, weights=np.array(2.0))
    assert f(x, axis=()).item() == f(np.array(3.0), axis=())
