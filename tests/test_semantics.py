"""SEMANTICS, row by row and principle by principle, through the public names alone.

Every row of the table of conventions stands here once, with the gradient of sum(f(x)) that is
promised, and is held to it in each mode: reverse, reverse recorded, forward, float32 and compiled.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd_lite as ag

NAN, INF = np.nan, np.inf
F = Callable[..., Any]


class Row(NamedTuple):
    """One case: what sum(f(x)) has for a gradient at x."""

    case: str
    f: F
    x: Any
    gradient: Any
    rtol: float = 1e-14
    second: Any = None  # the gradient of sum(gradient), where it is promised


def y_of(power: float) -> F:
    return lambda y: np.power(power, y)


CE_LOGITS = np.array([[-INF, 0.0, 0.0]])

CONVENTIONS = [
    Row("relu at 0", ag.relu, [0.0], [0], second=[0]),
    Row("leaky_relu at 0", lambda x: ag.leaky_relu(x, 0.1), [0.0], [0.1], second=[0]),
    Row("relu6 at 0 and 6", ag.relu6, [0.0, 6.0], [0, 0], second=[0, 0]),
    Row("elu at 0", lambda x: ag.elu(x, 0.7), [0.0], [0.7]),
    Row("abs at 0", np.abs, [0.0], [0], second=[0]),
    Row("sign at 0", np.sign, [0.0], [0]),
    Row("floor at a step", np.floor, [-1.0, 0.0, 2.0], [0, 0, 0]),
    Row("ceil at a step", np.ceil, [-1.0, 0.0, 2.0], [0, 0, 0]),
    Row("round at a step", np.round, [0.5, 1.5], [0, 0]),
    Row("rint at a step", np.rint, [0.5, 1.5], [0, 0]),
    Row("trunc at a step", np.trunc, [-1.0, 0.0, 2.0], [0, 0, 0]),
    Row("maximum with a constant, tied", lambda x: np.maximum(x, 0.0), [0.0], [0.5], second=[0]),
    Row("minimum with a constant, tied", lambda x: np.minimum(x, 0.0), [0.0], [0.5], second=[0]),
    Row("maximum of x and x", lambda x: np.maximum(x, x), [3.0], [1]),
    Row("max over ties", np.max, [1.0, 3.0, 3.0], [0, 0.5, 0.5], second=[0, 0, 0]),
    Row("min over ties", np.min, [1.0, 1.0, 3.0], [0.5, 0.5, 0]),
    Row("amax over ties", np.amax, [3.0, 3.0, 3.0, 3.0], [0.25, 0.25, 0.25, 0.25]),
    Row("max with nan present", np.max, [1.0, NAN, 3.0], [0, 1, 0]),
    Row("min with nan present", np.min, [1.0, NAN, 3.0], [0, 1, 0]),
    Row("clip at its bounds", lambda x: np.clip(x, -1.0, 1.0), [-1.0, 1.0], [1, 1]),
    Row("clip outside", lambda x: np.clip(x, -1.0, 1.0), [-2.0, 2.0], [0, 0]),
    Row("norm at 0", np.linalg.norm, [0.0, 0.0], [0, 0], second=[NAN, NAN]),
    Row("norm of order 1 at 0", lambda x: np.linalg.norm(x, 1), [0.0, 0.0], [0, 0]),
    Row("norm of order 3 at 0", lambda x: np.linalg.norm(x, 3), [0.0, 0.0], [0, 0]),
    Row("norm of order inf at 0", lambda x: np.linalg.norm(x, INF), [0.0, 0.0], [0, 0]),
    Row("norm of order -inf at 0", lambda x: np.linalg.norm(x, -INF), [0.0, 0.0], [0, 0]),
    Row("Frobenius norm at 0", lambda x: np.linalg.norm(x, "fro"), np.zeros((2, 2)),
        np.zeros((2, 2))),
    Row("nuclear norm at 0", lambda x: np.linalg.norm(x, "nuc"), np.zeros((2, 2)),
        np.zeros((2, 2))),
    Row("spectral norm at 0", lambda x: np.linalg.norm(x, 2), np.zeros((2, 2)), np.zeros((2, 2))),
    Row("norm of order 1 at a zero component", lambda x: np.linalg.norm(x, 1), [0.0, -2.0],
        [0, -1]),
    Row("norm of order inf with ties", lambda x: np.linalg.norm(x, INF), [2.0, -2.0, 1.0],
        [0.5, -0.5, 0]),
    Row("std of equal elements", np.std, [2.0, 2.0], [0, 0], second=[NAN, NAN]),
    Row("std of one element", np.std, [2.0], [0]),
    Row("hypot at 0", lambda x: np.hypot(x, x), [0.0], [0]),
    Row("arctan2 at 0", lambda x: np.arctan2(x, x), [0.0], [0]),
    Row("x**0 at 0", lambda x: x**0, [0.0], [0], second=[0]),
    Row("x**0.0 at 0", lambda x: x**0.0, [0.0], [0], second=[0]),
    Row("x**2 at 0", lambda x: x**2, [0.0], [0], second=[2]),
    Row("x**3 at negative x", lambda x: x**3, [-2.0], [12], second=[-12]),
    Row("x**-1 at negative x", lambda x: x**-1, [-2.0], [-0.25], second=[-0.25]),
    Row("0**y at y = 0 and y > 0", y_of(0.0), [0.0, 1.0, 2.5], [0, 0, 0]),
    Row("x**y in y at x < 0", y_of(-2.0), [2.0, 3.0], [NAN, NAN]),
    Row("prod with one zero", np.prod, [2.0, 0.0, 3.0], [0, 6, 0], second=[3, 5, 2]),
    Row("prod with two zeros", np.prod, [2.0, 0.0, 0.0], [0, 0, 0], second=[0, 2, 2]),
    Row("cumprod with a zero", np.cumprod, [2.0, 0.0, 3.0], [1, 8, 0]),
    Row("xlogy in x at x = 0", lambda x: ag.xlogy(x, 3.0), [0.0], [np.log(3.0)]),
    Row("xlogy in y at x = 0", lambda y: ag.xlogy(0.0, y), [3.0, 0.0], [0, 0]),
    Row("logsumexp over all -inf", ag.logsumexp, [-INF, -INF], [0, 0]),
    Row("logaddexp of -inf and -inf", lambda x: np.logaddexp(x, -INF), [-INF], [0]),
    Row("cross-entropy where target and probability are 0",
        lambda z: ag.softmax_cross_entropy(z, np.array([[0.0, 1.0, 0.0]])), CE_LOGITS,
        [[0, -0.5, 0.5]]),
    Row("median of an even count", np.median, [4.0, 1.0, 3.0, 2.0], [0, 0, 0.5, 0.5]),
    Row("quantile between two", lambda x: np.quantile(x, 0.25), [4.0, 1.0, 3.0, 2.0],
        [0, 0.25, 0, 0.75]),
    Row("sort", lambda x: np.sort(x) * np.array([1.0, 2.0, 3.0]), [3.0, 1.0, 2.0], [3, 1, 2]),
    Row("partition", lambda x: np.partition(x, 1) * np.array([1.0, 2.0, 3.0]), [3.0, 1.0, 2.0],
        [3, 1, 2]),
    Row("repeated fancy index", lambda x: x[[0, 0, 1]], [5.0, 6.0, 7.0], [2, 1, 0]),
    Row("maximum.accumulate with ties", np.maximum.accumulate, [1.0, 1.0, 0.5], [1, 2, 0]),
    Row("det of rank n - 1", np.linalg.det, [[1.0, 2.0], [2.0, 4.0]], [[4, -2], [-2, 1]], 1e-12,
        second=[[1, -1], [-1, 1]]),
    Row("det of rank 0", np.linalg.det, np.zeros((2, 2)), np.zeros((2, 2)),
        second=[[1, -1], [-1, 1]]),
    Row("cholesky of the symmetric part", lambda a: np.linalg.cholesky(a)[1, 0],
        [[4.0, 2.0], [2.0, 5.0]], [[-0.125, 0.25], [0.25, 0]]),
    Row("eigvalsh of equal values", lambda a: np.linalg.eigvalsh(a), np.eye(2), np.eye(2), 1e-12),
    Row("eigh: vectors of equal values", lambda a: np.linalg.eigh(a)[1][0], np.eye(2),
        np.full((2, 2), NAN)),
    Row("eigh: values alone where they are equal", lambda a: np.linalg.eigh(a)[0], np.eye(2),
        np.eye(2), 1e-12),
    Row("svd: vectors of equal values", lambda a: np.linalg.svd(a)[0][0], np.eye(2),
        np.full((2, 2), NAN)),
    Row("svd: values alone where they are equal", lambda a: np.linalg.svd(a)[1], np.eye(2),
        np.eye(2), 1e-12),
    Row("sqrt at 0: a vertical tangent", np.sqrt, [0.0], [INF]),
    Row("cbrt at 0: a vertical tangent", np.cbrt, [0.0], [INF]),
    Row("arcsin at 1: a vertical tangent", np.arcsin, [1.0], [INF]),
    Row("arccos at 1: a vertical tangent", np.arccos, [1.0], [-INF]),
    Row("log at 0: a vertical tangent", np.log, [0.0], [INF]),
    Row("sqrt(x)**2 at 0: no hidden 0 * inf", lambda x: np.sqrt(x) ** 2, [0.0], [NAN]),
    Row("where over sqrt at 0: no hidden 0 * inf",
        lambda x: np.where(x > 0, np.sqrt(x), 0.0), [0.0], [NAN]),
    Row("sinc at 0: a removable singularity", np.sinc, [0.0], [0], second=[-np.pi**2 / 3]),
]  # fmt: skip

for ddof in (1, 2):  # ddof >= n
    CONVENTIONS += [
        Row(f"var with n = 1, ddof = {ddof}", lambda x, d=ddof: np.var(x, ddof=d), [2.0], [NAN]),
        Row(f"std with n = 1, ddof = {ddof}", lambda x, d=ddof: np.std(x, ddof=d), [2.0], [NAN]),
    ]


@pytest.fixture(autouse=True)
def numpys_own_warnings() -> Iterator[None]:
    """Forward ops warn as NumPy does, which is no matter of these tests."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def total(f: F) -> F:
    return lambda x: np.sum(f(x))


def named(row: Row) -> str:
    return row.case


rows = pytest.mark.parametrize("row", CONVENTIONS, ids=named)


def same(got: Any, expected: Any, rtol: float) -> None:
    got, expected = np.asarray(got), np.asarray(expected, dtype=float)
    assert got.shape == expected.shape
    scale = float(np.max(np.abs(expected[np.isfinite(expected)]), initial=1.0))
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol * scale)


@rows
def test_reverse(row: Row) -> None:
    """The gradient is what the table says, in the input's shape and dtype."""
    x = np.array(row.x)
    g = ag.grad(total(row.f))(x)
    assert g.dtype == x.dtype
    same(g, row.gradient, row.rtol)


@rows
def test_backward_and_recorded(row: Row) -> None:
    """A recorded sweep gives the bits of an unrecorded one."""
    x = ag.tensor(np.array(row.x), requires_grad=True)
    y = total(row.f)(x)
    y.backward()
    (recorded,) = ag.gradients(y, [x], create_graph=True)
    np.testing.assert_array_equal(recorded.data, x.grad)
    same(x.grad, row.gradient, row.rtol)


@rows
def test_forward_mode(row: Row) -> None:
    """The tangent along each axis is that component of the gradient."""
    x = np.array(row.x)
    g = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        direction = np.zeros(x.shape)
        direction[place] = 1.0
        g[place] = ag.jvp(total(row.f), (x,), (direction,))[1]
    gradient = np.asarray(row.gradient, float)
    if "vectors" in row.case:  # nan in the directions that couple equal values, and in those alone
        gradient = np.where(np.eye(2), 0.0, gradient)
    same(g, gradient, max(row.rtol, 1e-13))


@rows
def test_float32(row: Row) -> None:
    """The same to float32's precision, in float32."""
    x = np.array(row.x, dtype=np.float32)
    g = ag.grad(total(row.f))(x)
    assert g.dtype == np.float32
    same(g, row.gradient, 1e-5)


@rows
def test_compiled(row: Row) -> None:
    """A compiled program agrees."""
    x = np.array(row.x)
    same(ag.compile(ag.grad(total(row.f)))(x), row.gradient, max(row.rtol, 1e-12))


@pytest.mark.parametrize("row", [r for r in CONVENTIONS if r.second is not None], ids=named)
def test_second_order(row: Row) -> None:
    """The derivative of the gradient's sum, where one is promised."""
    slope = ag.grad(total(row.f))
    same(ag.grad(lambda x: np.sum(slope(x)))(np.array(row.x)), row.second, 1e-12)


class TestRaises:
    """Rows whose promise is an error."""

    def test_undefined_columns_of_a_full_svd(self) -> None:
        """A cotangent on the columns that the matrix does not determine raises."""
        a = np.arange(6.0).reshape(3, 2) ** 1.5
        f = lambda a: np.sum(np.linalg.svd(a, full_matrices=True)[0] ** 3)
        with pytest.raises(ValueError, match="svd"):
            ag.grad(f)(a)

    def test_undefined_columns_of_a_complete_qr(self) -> None:
        """The same of Q."""
        a = np.arange(6.0).reshape(3, 2) ** 1.5
        f = lambda a: np.sum(np.linalg.qr(a, mode="complete")[0] ** 3)
        with pytest.raises(ValueError, match="qr"):
            ag.grad(f)(a)

    @pytest.mark.parametrize("f", [np.linalg.eigvals, lambda a: np.linalg.eig(a)[0]])
    def test_complex_eigenvalues(self, f: F) -> None:
        """A rotation has none that are real."""
        with pytest.raises(TypeError, match="complex"):
            ag.grad(total(f))(np.array([[0.0, -1.0], [1.0, 0.0]]))


class TestPrinciples:
    """The nine principles, each by its number."""

    def test_1_kinks_take_the_slope_from_the_left_or_the_least_or_share(self) -> None:
        """relu, leaky_relu, elu; abs; ties; clip."""
        g = ag.grad(lambda x: sum(f(x) for f in (ag.relu, ag.leaky_relu, ag.elu, np.abs)))(0.0)
        assert g == 0 + 0.01 + 1 + 0
        assert ag.grad(lambda x: np.max(x))(np.ones(5)).tolist() == [0.2] * 5
        assert ag.grad(lambda x: np.clip(x, 1.0, 2.0))(2.0) == 1.0

    def test_2_vertical_tangents_are_infinite_and_never_raise(self) -> None:
        """Even where NumPy is told to raise."""
        with np.errstate(all="raise"):
            assert ag.grad(np.sqrt)(0.0) == INF
            assert ag.grad(np.cbrt)(0.0) == INF

    def test_3_the_double_where_mends_what_the_single_one_does_not(self) -> None:
        """nan with one, 0 with two, and debug() says so."""
        safe = lambda x: np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0)
        assert ag.grad(safe)(0.0) == 0.0
        x = ag.tensor(0.0, requires_grad=True)
        with ag.debug(), pytest.raises(FloatingPointError, match=r"np\.sqrt.*branch 1.*where\(ok"):
            np.where(x > 0, np.sqrt(x), 0.0).backward()

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
    def test_4_a_gradient_has_its_tensors_shape_dtype_and_type(self, dtype: Any) -> None:
        """Through Python scalars, and beside arrays of another dtype; 0-d and empty ones too."""
        for shape in [(), (0,), (2, 0), (3,), (2, 3)]:
            x = ag.tensor(np.ones(shape, dtype), requires_grad=True)
            y = 2 * np.tanh(x) + 1.5 * x**2 - x / 3
            assert y.dtype == dtype
            np.sum(y * np.ones(shape)).backward()
            assert (type(x.grad), x.grad.dtype, x.grad.shape) == (np.ndarray, dtype, shape)

    def test_5_the_same_answer_whichever_way(self) -> None:
        """Reverse, recorded and compiled agree bit for bit; forward mode to rounding."""
        x, v = np.linspace(-1, 1, 6).reshape(2, 3), np.ones((2, 3))
        f = lambda x: np.sum(ag.softmax(x, 0) * np.log1p(x**2)) + np.std(x)
        g = ag.grad(f)(x)
        t = ag.tensor(x, requires_grad=True)
        f(t).backward(create_graph=True)
        np.testing.assert_array_equal(t.grad.data, g)
        np.testing.assert_allclose(ag.compile(ag.grad(f))(x), g, rtol=1e-14)
        assert ag.jvp(f, (x,), (v,))[1] == pytest.approx(np.sum(g * v), rel=1e-13)

    def test_6_any_order_is_exact(self) -> None:
        """The fifth derivative of x**5, of sinc at 0, of prod with zeros; 0 at a kink."""
        derivative = lambda f, n: f if n == 0 else ag.grad(derivative(f, n - 1))
        assert derivative(lambda x: x**5, 5)(0.0) == 120.0
        assert derivative(lambda x: x**5, 6)(0.0) == 0.0
        assert derivative(np.sinc, 4)(0.0) == pytest.approx(np.pi**4 / 5, rel=1e-12)
        cube = lambda x: np.prod(x * np.ones(3))
        assert [derivative(cube, n)(0.0) for n in (1, 2, 3, 4)] == [0, 0, 6, 0]
        assert derivative(ag.relu, 2)(0.0) == 0.0
        assert np.isnan(derivative(lambda x: np.hypot(x, 0.0), 2)(0.0))

    @pytest.mark.parametrize("f", [ag.softmax, ag.log_softmax, ag.logsumexp, ag.sigmoid,
                                   ag.softplus, np.tanh])  # fmt: skip
    def test_7_stable_at_the_extremes(self, f: F) -> None:
        """Finite at ±1000, whatever the other rows hold, and the other rows unmoved."""
        x = np.array([[1000.0, -1000.0, 0.0], [0.1, 0.2, 0.3], [INF, -INF, 0.0]])
        over_rows = {} if f in (ag.sigmoid, ag.softplus, np.tanh) else {"axis": -1}
        weighted = lambda x: np.sum(f(x, **over_rows)[:2] ** 2)
        g = ag.grad(weighted)(x)
        assert np.isfinite(f(x, **over_rows)[:2]).all()
        assert np.isfinite(g[:2]).all()
        np.testing.assert_array_equal(g[1], ag.grad(weighted)(x[1:2])[0])

    def test_8_real_dtypes_only(self) -> None:
        """Complex raises; ints and bools are constants, and no gradient is to be had of them."""
        with pytest.raises(TypeError, match="real"):
            ag.tensor(np.ones(2) * 1j)
        with pytest.raises(TypeError, match="complex"):
            np.multiply(ag.tensor([1.0], requires_grad=True), np.array([1j]))
        for constant in (np.arange(3), np.array([True, False, True])):
            np.testing.assert_array_equal(
                ag.grad(lambda x, c=constant: np.sum(x * c))(np.ones(3)), constant
            )
            with pytest.raises(TypeError, match="float"):
                ag.grad(np.sum)(constant)

    def test_9_forward_warns_as_numpy_does_and_sweeps_are_silent(self) -> None:
        """A recorded, a compiled and a plain backward pass over 1/0 and log 0 say nothing."""
        with np.errstate(all="warn"), warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(RuntimeWarning, match="divide by zero"):
                np.log(ag.tensor(0.0, requires_grad=True))
            slope = ag.grad(lambda x: np.sqrt(x) + np.cbrt(x))
            assert slope(0.0) == INF
            assert ag.compile(slope)(0.0) == INF
            x = ag.tensor(0.0, requires_grad=True)
            np.sqrt(x).backward(create_graph=True)
            assert x.grad.data == INF


class TestBeyondDomains:
    """Where the forward value is already nan the gradient is unspecified, and never raises."""

    @pytest.mark.parametrize("f", [np.log, np.sqrt, np.arcsin, np.arccosh, np.arctanh, np.log1p])
    def test_never_raises(self, f: np.ufunc) -> None:
        """Nor warns more than the forward pass does."""
        x = -2.0 if f is not np.arccosh else 0.5
        assert np.isnan(f(x))
        ag.grad(f)(x)
