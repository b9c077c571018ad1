"""Arithmetic, powers, exponentials: what a gradient means where it is not plain calculus."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite.table import TABLE, rows

Slopes = Callable[..., Any]
INF, NAN = math.inf, math.nan

UFUNCS = [op for op in rows() if op.kind == "elementwise" and isinstance(op.key, np.ufunc)]
UNARY = [op.key for op in UFUNCS if op.key.nin == 1 and "d->" in "".join(op.key.types)]
BINARY = [op.key for op in UFUNCS if op.key.nin == 2 and "dd->" in "".join(op.key.types)]
SPECIAL = np.array([0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.5, -3.0, 1e300, -1e-300, INF, -INF, NAN])


def same_bits(a: Any, b: Any) -> bool:
    """Whether two arrays have the same elements to the last bit, the sign of zero included."""
    a, b = np.asarray(a), np.asarray(b)
    signs = np.signbit(a) == np.signbit(b) if a.dtype.kind == "f" else True
    equal = (a == b) & signs | ((a != a) & (b != b))
    return a.dtype == b.dtype and a.shape == b.shape and bool(np.all(equal))


# --- the forward value


@pytest.mark.parametrize("ufunc", UNARY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_forward_is_numpys_for_special_values(ufunc: np.ufunc, dtype: Any) -> None:
    """NaN, infinities and signed zeros come out as NumPy has them."""
    with np.errstate(all="ignore"):
        x = SPECIAL.astype(dtype)
        assert same_bits(ufunc(ag.tensor(x, requires_grad=True)).data, ufunc(x))


@pytest.mark.parametrize("ufunc", BINARY, ids=lambda f: f.__name__)
def test_forward_is_numpys_for_special_pairs(ufunc: np.ufunc) -> None:
    """Every pair of NaN, infinities and signed zeros comes out as NumPy has it."""
    with np.errstate(all="ignore"):
        x = ag.tensor(SPECIAL, requires_grad=True)
        assert same_bits(ufunc(x[:, None], x).data, ufunc(SPECIAL[:, None], SPECIAL))


@pytest.mark.parametrize("ufunc", UNARY + BINARY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("shape", [(), (0, 3)])
def test_shapes_without_axes_or_elements(ufunc: np.ufunc, shape: tuple[int, ...]) -> None:
    """0-d and empty arrays have gradients of their shape."""
    x = np.full(shape, 1.5 if ufunc is np.arccosh else 0.7)
    inputs = [ag.tensor(x, requires_grad=True) for _ in range(ufunc.nin)]
    y = ufunc(*inputs)
    if y.dtype.kind == "f" and y.requires_grad:
        for g in ag.gradients(y, inputs, np.ones(shape)):
            assert g.shape == shape
            assert g.dtype == np.float64


@pytest.mark.parametrize("ufunc", BINARY, ids=lambda f: f.__name__)
def test_layouts_do_not_matter(ufunc: np.ufunc) -> None:
    """Fortran order, negative and broadcast strides give the gradients of plain copies."""
    rng = np.random.default_rng(0)
    views = [
        np.asfortranarray(rng.uniform(0.2, 0.9, (3, 4))),
        rng.uniform(0.2, 0.9, (6, 4))[::-2],
        np.broadcast_to(rng.uniform(0.2, 0.9, (3, 1)), (3, 4)),
    ]
    for a in views:
        for b in views:
            copies = [ag.tensor(x.copy(order="C"), requires_grad=True) for x in (a, b)]
            shown = [ag.tensor(x, requires_grad=True) for x in (a, b)]
            y = ufunc(*shown)
            if y.dtype.kind != "f":
                return
            weights = rng.standard_normal(y.shape)
            expected = ag.gradients(ufunc(*copies), copies, weights)
            for g, e in zip(ag.gradients(y, shown, weights), expected, strict=True):
                np.testing.assert_array_equal(g, e)


OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.pow, divmod, operator.gt, operator.ge, operator.lt, operator.le, operator.eq,
    operator.ne,
]  # fmt: skip


@pytest.mark.parametrize("sign", OPERATORS, ids=lambda f: f.__name__)
def test_operators_take_numbers_and_arrays_on_either_side(sign: Callable[..., Any]) -> None:
    """An operator gives what NumPy gives, whichever side the tensor is on."""
    x = np.array([1.5, 0.7, 2.2], dtype=np.float32)
    t = ag.tensor(x, requires_grad=True)
    for other in (2, 0.75, np.array([2, 3, 1]), np.array([0.3, 2.0, 1.5], dtype=np.float32)):
        for got, expected in ((sign(t, other), sign(x, other)), (sign(other, t), sign(other, x))):
            got, expected = (y if isinstance(y, tuple) else (y,) for y in (got, expected))
            assert all(same_bits(a.data, b) for a, b in zip(got, expected, strict=True))


def test_unary_operators() -> None:
    """+x, −x, abs(x), round(x, n) and ~mask are the NumPy functions."""
    x = ag.tensor(np.array([1.26, -2.71]), requires_grad=True)
    np.testing.assert_array_equal((+x).data, x.data)
    np.testing.assert_array_equal((-x).data, -x.data)
    np.testing.assert_array_equal(abs(x).data, np.abs(x.data))
    np.testing.assert_array_equal(round(x, 1).data, [1.3, -2.7])
    np.testing.assert_array_equal(round(x).data, [1.0, -3.0])
    np.testing.assert_array_equal((~(x > 0)).data, [False, True])


# --- dtypes


def test_python_scalars_never_promote() -> None:
    """float32 stays float32 beside Python numbers, forward and backward."""
    x = ag.tensor(np.array([0.5, 2.0], np.float32), requires_grad=True)
    y = ((2 * x + 1.5) / 3 - x**2 + 2.0**x) % 1.7 + np.maximum(x, 0.1) + np.hypot(x, 1.0)
    y = y + np.copysign(x, -1.0) + np.where(x > 1, x, 0.0) + np.clip(x, 0.0, 1.0)
    assert y.dtype == np.float32
    (g,) = ag.gradients(np.sum(y), [x])
    assert g.dtype == np.float32


def test_a_float32_input_gets_a_float32_gradient_beside_float64() -> None:
    """The gradient has its tensor's dtype, not the result's."""
    x = ag.tensor(np.array([0.5, 2.0], np.float32), requires_grad=True)
    w = ag.tensor(np.array([1.0, 3.0]), requires_grad=True)
    for g, dtype in zip(ag.gradients(np.sum(x * w), [x, w]), (np.float32, np.float64), strict=True):
        assert g.dtype == dtype


def test_complex_input_is_refused_with_a_reason() -> None:
    """Complex numbers raise, and the message says why."""
    x = ag.tensor([1.0], requires_grad=True)
    with pytest.raises(TypeError, match="only real dtypes have gradients"):
        x * 1j
    with pytest.raises(TypeError, match="only real dtypes have gradients"):
        np.add(x, np.array([1j]))


# --- parameters


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: np.add(x, 1.0, where=np.array([True, False])), "where"),
        (lambda x: np.sin(x, signature="d->d"), "signature"),
        (lambda x: np.multiply(x, x, casting="unsafe"), "casting"),
    ],
)
def test_parameters_of_ufuncs_are_refused_by_name(call: Callable[..., Any], name: str) -> None:
    """A parameter that would change the meaning never passes unnoticed."""
    with pytest.raises(TypeError, match=name):
        call(ag.tensor([1.0, 2.0], requires_grad=True))


def test_out_is_refused() -> None:
    """A result is never written into an existing array."""
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match="out="):
        np.exp(x, out=np.zeros(2))


@pytest.mark.parametrize("function", [np.nextafter, np.spacing], ids=lambda f: f.__name__)
def test_steps_of_rounding_have_no_gradient(function: np.ufunc) -> None:
    """nextafter and spacing refuse a tensor that requires grad and say what to do."""
    x = ag.tensor([1.0], requires_grad=True)
    with pytest.raises(NotImplementedError, match=r"\.data"):
        function(*[x] * function.nin)
    np.testing.assert_array_equal(
        function(*[x.detach()] * function.nin), function(*[1.0] * function.nin)
    )


# --- powers


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("exponent", ["number", "float", "array"])
def test_integer_powers_are_exact_at_0_to_any_order(
    n: int, exponent: str, slopes: Slopes, derivative: Slopes
) -> None:
    """The k-th derivative of xⁿ at 0 is n! for k = n, else 0; x**0 has the slope 0."""
    b = {"number": n, "float": float(n), "array": np.array([n, n])}[exponent]
    f: Any = lambda x: x**b
    for k in range(1, n + 3):
        expected = math.factorial(n) if k == n else 0.0
        np.testing.assert_array_equal(slopes(f, [0.0, -0.0]), [expected, expected])
        f = derivative(f)


def test_integer_powers_of_negative_numbers_are_exact() -> None:
    """xⁿ for a whole n has its exact slope at a negative x, without a warning."""
    x = np.array([-2.0, -0.5])
    np.testing.assert_array_equal(ag.grad(lambda x: np.sum(x**3))(x), 3 * x**2)
    np.testing.assert_array_equal(ag.grad(lambda x: np.sum(x ** np.array([2, 3])))(x), [-4, 0.75])
    np.testing.assert_array_equal(ag.grad(lambda x: np.sum(x**-1))(x), -1 / x**2)


def test_slope_in_the_exponent_at_base_0(slopes: Slopes) -> None:
    """d/dy 0**y is 0 at y = 0 and at y > 0."""
    zero = np.zeros(3)
    np.testing.assert_array_equal(slopes(lambda y: zero**y, [0.0, 0.5, 2.0]), zero)
    np.testing.assert_array_equal(slopes(lambda y: 0.0**y, [0.0, 0.5, 2.0]), zero)


def test_slope_in_the_exponent_at_a_negative_base(slopes: Slopes) -> None:
    """d/dy x**y is nan at x < 0."""
    assert np.isnan(slopes(lambda y: np.array([-2.0]) ** y, [2.0]))
    assert np.isnan(slopes(lambda y: (-2.0) ** y, [2.0]))


def test_mixed_derivative_of_a_power_at_exponent_0() -> None:
    """∂²aᵇ/∂a∂b at b = 0 is 1/a, in either order: b = 0 is no kink."""
    a, b = np.array([2.0, 0.5]), np.zeros(2)
    in_a = lambda a, b: np.sum(ag.grad(lambda a: np.sum(a**b))(a))
    in_b = lambda a, b: np.sum(ag.grad(lambda b: np.sum(a**b))(b))
    np.testing.assert_allclose(ag.grad(in_a, argnums=1)(a, b), 1 / a, rtol=1e-15)
    np.testing.assert_allclose(ag.grad(in_b, argnums=0)(a, b), 1 / a, rtol=1e-15)


def test_a_broken_power_at_0_has_a_vertical_tangent(slopes: Slopes) -> None:
    """x**0.5 at 0 has the slope inf and raises nothing."""
    assert slopes(lambda x: x**0.5, [0.0]) == INF


# --- vertical tangents, and no rule that hides them


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (np.sqrt, 0.0, INF),
        (np.sqrt, -0.0, INF),
        (np.cbrt, 0.0, INF),
        (np.log, 0.0, INF),
        (np.reciprocal, 0.0, -INF),
        (np.arcsin, 1.0, INF),
        (np.arcsin, -1.0, INF),
        (np.arccos, 1.0, -INF),
        (np.arccosh, 1.0, INF),
        (np.arctanh, 1.0, INF),
        (np.log1p, -1.0, INF),
    ],
)
def test_vertical_tangents_are_signed_infinities(
    f: Any, x: float, slope: float, slopes: Slopes
) -> None:
    """A vertical tangent gives ±inf and never raises."""
    np.testing.assert_array_equal(slopes(f, [x]), [slope])


@pytest.mark.parametrize("f", [np.sqrt, np.log, np.arccosh])
def test_curvature_at_a_vertical_tangent_is_an_infinity_in_every_mode(f: Any) -> None:
    """All three bend down ever more steeply there."""
    x = 1.0 if f is np.arccosh else 0.0
    with np.errstate(all="ignore"):
        for second in (ag.grad(ag.grad(f)), lambda x: ag.jvp(ag.grad(f), (x,), (1.0,))[1]):
            assert second(x) == -INF


def test_zero_times_infinity_is_nan(slopes: Slopes) -> None:
    """sqrt(x)**2 at 0 is nan, and so is a where that hides a sqrt: no rule says 0 · inf = 0."""
    assert np.isnan(slopes(lambda x: np.sqrt(x) ** 2, [0.0]))
    assert np.isnan(slopes(lambda x: np.where(x > 0, np.sqrt(x), 0.0), [0.0]))


def test_a_double_where_mends_it(slopes: Slopes) -> None:
    """The sqrt of a safe number inside, the wanted value outside: 0 at 0."""

    def f(x: Any) -> Any:
        safe = np.where(x > 0, x, 1.0)
        return np.where(x > 0, np.sqrt(safe), 0.0)

    np.testing.assert_array_equal(slopes(f, [0.0, 4.0]), [0.0, 0.25])


# --- hypot and arctan2


def test_hypot_and_arctan2_at_the_origin(slopes: Slopes) -> None:
    """Both slopes are 0 at (0, 0)."""
    for f in (np.hypot, np.arctan2):
        np.testing.assert_array_equal(slopes(f, [0.0], [0.0]), [[0.0], [0.0]])


def test_second_derivative_of_hypot_at_the_origin_is_nan(slopes: Slopes) -> None:
    """At its kink nothing above the first derivative is a number."""
    f = lambda x: ag.grad(lambda x: np.sum(np.hypot(x, 0.0)))(x)
    assert np.isnan(slopes(f, [0.0]))


def test_hypot_and_arctan2_far_out(slopes: Slopes) -> None:
    """Where a² overflows, the slopes are still right."""
    a, b = slopes(np.hypot, [3e200], [4e200], float32=False)
    np.testing.assert_allclose([a, b], [[0.6], [0.8]], rtol=1e-15)
    a, b = slopes(np.arctan2, [3e200], [4e200], float32=False)
    np.testing.assert_allclose([a, b], [[0.16e-200], [-0.12e-200]], rtol=1e-14)


def test_abs_and_copysign_at_0(slopes: Slopes) -> None:
    """The subgradient of least norm: 0; above the first order, 0 as well."""
    for f in (np.abs, np.fabs, lambda x: np.copysign(x, -1.0)):
        np.testing.assert_array_equal(slopes(f, [0.0]), [0.0])
    np.testing.assert_array_equal(slopes(ag.grad(lambda x: np.sum(np.abs(x))), [0.0, 2.0]), [0, 0])


def test_copysign_and_ldexp(slopes: Slopes) -> None:
    """The sign's slope is 0, the power of two is a factor."""
    g, h = slopes(np.copysign, [2.0, -3.0, -1.0], [-1.0, 5.0, -1.0])
    np.testing.assert_array_equal(g, [-1.0, -1.0, 1.0])
    np.testing.assert_array_equal(h, np.zeros(3))
    np.testing.assert_array_equal(slopes(lambda x: np.ldexp(x, [0, 3]), [1.0, 2.0]), [1.0, 8.0])


def test_real_numbers_have_trivial_parts(slopes: Slopes) -> None:
    """real, conj and real_if_close pass everything, imag nothing."""
    for f in (np.real, np.conj, np.real_if_close, np.positive):
        np.testing.assert_array_equal(slopes(f, [1.5, -2.0]), [1.0, 1.0])
    np.testing.assert_array_equal(slopes(np.imag, [1.5, -2.0]), [0.0, 0.0])


# --- digits


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (np.expm1, -40.0, math.exp(-40.0)),
        (np.arcsin, 1 - 2.0**-40, 1 / math.sqrt(2.0**-39 - 2.0**-80)),
        (np.arctanh, 1 - 2.0**-40, 1 / (2.0**-39 - 2.0**-80)),
        (np.arcsinh, 1e200, 1e-200),
        (np.arccosh, 1e200, 1e-200),
        (np.log1p, 1e-20, 1.0),
        (np.degrees, 1.0, 180 / math.pi),
        (np.radians, 1.0, math.pi / 180),
        (np.exp2, 3.0, 8 * math.log(2)),
        (np.log2, 3.0, 1 / (3 * math.log(2))),
        (np.log10, 3.0, 1 / (3 * math.log(10))),
    ],
)
def test_slopes_keep_their_digits(f: Any, x: float, slope: float, slopes: Slopes) -> None:
    """No digits are lost where a formula of the textbook would cancel or overflow."""
    np.testing.assert_allclose(slopes(f, [x], float32=False), [slope], rtol=4e-16)


@pytest.mark.parametrize(("f", "factor"), [(np.arcsin, 1), (np.arccos, -1), (np.arctanh, 2)])
@pytest.mark.parametrize("x", [1e-100, -1e-8])
def test_second_slopes_near_0_keep_their_digits(
    f: Any, factor: int, x: float, slopes: Slopes, derivative: Slopes
) -> None:
    """They are multiples of x there, where the product rule for (1 − x)(1 + x) gives 0."""
    second = slopes(derivative(f), [x], float32=False)
    np.testing.assert_allclose(second, [factor * x], rtol=1e-15)


# --- logaddexp


def test_logaddexp_of_minus_infinities(slopes: Slopes, derivative: Slopes) -> None:
    """Both slopes are 0 at (−inf, −inf), and the next derivative is, too."""
    for f in (np.logaddexp, np.logaddexp2):
        np.testing.assert_array_equal(slopes(f, [-INF], [-INF]), [[0.0], [0.0]])
        of_one = lambda x, f=f: f(x, -INF)
        np.testing.assert_array_equal(slopes(derivative(of_one), [-INF]), [0.0])


def test_logaddexp_far_out(slopes: Slopes) -> None:
    """The slopes are the two shares at ±1000, and exact where the values are large."""
    g, h = slopes(np.logaddexp, [1000.0, -1000.0, 1000.0], [0.0, 0.0, 1000.0])
    np.testing.assert_array_equal(g, [1.0, 0.0, 0.5])
    np.testing.assert_array_equal(h, [0.0, 1.0, 0.5])
    g, _ = slopes(np.logaddexp, [1e6], [1e6 + 1.0], float32=False)
    np.testing.assert_allclose(g, 1 / (1 + math.e), rtol=1e-15)


# --- sinc


def sinc_derivative(x: float, n: int) -> float:
    """The n-th derivative of sinc at a small x, by its Taylor series."""
    t = math.pi * x
    first = n + n % 2
    terms = [
        (-1) ** (k // 2) * t ** (k - n) / ((k + 1) * math.factorial(k - n))
        for k in range(first, first + 80, 2)
    ]
    return math.pi**n * math.fsum(terms)


@pytest.mark.parametrize("order", range(1, 7))
def test_sinc_is_smooth_at_0_to_any_order(order: int, slopes: Slopes, derivative: Slopes) -> None:
    """Every derivative of sinc is exact at 0 and near it, where no quotient is."""
    f: Any = np.sinc
    for _ in range(order - 1):
        f = derivative(f)
    x = np.array([0.0, 1e-9, -1e-3, 0.3, -0.9, 1.4])
    expected = np.array([sinc_derivative(v, order) for v in x])
    scale = math.pi**order
    np.testing.assert_allclose(
        slopes(f, x, float32=False), expected, rtol=1e-12, atol=1e-15 * scale
    )


def test_the_table_knows_the_aliases() -> None:
    """np.acos and np.pow are rows, being the same functions."""
    for name in ("acos", "asinh", "atan2", "pow", "true_divide", "mod", "absolute", "conj"):
        assert getattr(np, name) in TABLE


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint64, np.int8])
@pytest.mark.parametrize("exponents", [[0, 1, 2], 0, 1, [[0], [3]]], ids=repr)
def test_exponents_without_a_sign(dtype: Any, exponents: Any) -> None:
    """One less than an unsigned 0 is not the largest number: first and second derivatives."""
    x = np.array([[100.0, -100.0, 1e3], [0.5, 2.0, -3.0]])
    b = np.array(exponents, dtype)[()]
    exact = np.array(exponents, np.float64)
    for f in (lambda x, b: x**b, np.power, np.float_power):
        first, second = (
            ag.grad(lambda x, b=b, f=f: np.sum(f(x, b))),
            ag.grad(lambda x, b=b, f=f: np.sum(ag.grad(lambda x: np.sum(f(x, b)))(x))),
        )
        with np.errstate(all="ignore"):
            slope = np.where(exact == 0, 0.0, exact * x ** (exact - 1))
            bend = np.where(exact <= 1, 0.0, exact * (exact - 1) * x ** (exact - 2))
        np.testing.assert_allclose(first(x), slope, rtol=1e-13, atol=1e-300)
        np.testing.assert_allclose(second(x), bend, rtol=1e-13, atol=1e-300)
        np.testing.assert_allclose(ag.compile(first)(x), slope, rtol=1e-13, atol=1e-300)
