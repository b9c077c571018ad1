"""Python floats under transforms promote no array, as they do in the plain function (NEP 50)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite import promotion

X = np.linspace(0.5, 2.0, 4, dtype=np.float32)
HALF = X.astype(np.float16)

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "an array times it": lambda a: np.sum(X * a),
    "it times an array": lambda a: np.sum(np.sin(a * X)),
    "arithmetic on it": lambda a: np.sum((2.0 * a + a * a - 1.0) / a * X),
    "its negative": lambda a: np.sum(X * -a),
    "its size": lambda a: np.sum(X - abs(a)),
    "a power": lambda a: np.sum(X**a),
    "a base": lambda a: np.sum(a**X),
    "a bound": lambda a: np.sum(np.maximum(X, a)),
    "two bounds": lambda a: np.sum(np.clip(X, -a, a)),
    "a choice": lambda a: np.sum(np.where(X > 1.0, X, a)),
    "an angle": lambda a: np.sum(np.arctan2(X, a)),
    "a float32 number": lambda a: np.float32(1.5) * a,
    "float16": lambda a: np.sum(HALF * a),
    "NumPy's sum of it": lambda a: np.sum(np.add(a, 2.0) * X),  # which is float64, where a + 2.0
    "NumPy's size of it": lambda a: np.sum(np.abs(a) * X),  # and abs(a) are floats
    "a convolution": lambda a: np.sum(np.convolve(X, a)),  # whose rule asks for its size
    "a quantile": lambda a: np.sum(np.quantile(a, X / 4) * X),
    "an outer sum": lambda a: np.sum(np.add.outer(X, a)),
    "a NumPy scalar of it": lambda a: np.sum(np.tanh(a) * X),  # float64 in the plain function too
    "arithmetic with whole numbers": lambda a: np.sum((2 * a**2 - 1) / (3 + a) % 2 * X),
    "a truth": lambda a: np.sum(a * True * X),
    "a float64 array": lambda a: np.sum(a * X.astype(np.float64)),
    "a float64 scalar": lambda a: np.sum(a * np.float64(2.0) * X),
    "whole numbers": lambda a: np.sum(a * np.arange(3)),
    "its rounding": lambda a: np.sum(X * round(a)),
    "its rounding to a decimal": lambda a: np.sum(round(a, 1) * X),
    "a division of it with remainder": lambda a: np.sum(divmod(a, 0.7)[1] * X),
    "a division by it with remainder": lambda a: np.sum(divmod(X, a)[1]),
    "NumPy's division of it": lambda a: np.sum(np.divmod(a, 0.7)[1] * X),
    "numbers between it and an array": lambda a: np.sum(np.linspace(a, X, 3)),
    "powers between": lambda a: np.sum(np.logspace(HALF, a, 3)),
    "numbers up to it": lambda a: np.sum(np.linspace(0.0, a, 4) * X),  # float64 in NumPy too
    "a percentile": lambda a: np.sum(np.percentile(X, 7.0 * a) * X),
    "a percentile of a list": lambda a: np.sum(np.nanpercentile([X, X], 7.0 * a)),
    "a power in float64": lambda a: np.sum(np.float_power(a, X)),
    "its real part": lambda a: np.sum((np.real(a) + np.imag(a)) * X),
    "its block": lambda a: np.sum(np.block(a) * X),  # which is an array
    "numbers between it and a list": lambda a: np.sum(np.linspace(a, [X, HALF], 3)),
    "its transpose": lambda a: np.sum(np.transpose(a) * X),  # an array
    "what is left of it": lambda a: np.sum(X * (a * (a > 1.0))),
    "a weight by a comparison": lambda a: np.sum(2.0 * (a > 1.0) * X + a),
    "one of two": lambda a: np.sum(((a > 1.0) * a + (1 - (a > 1.0)) * 2.0) * X),
    "a number of comparisons": lambda a: np.sum(((a > 1.0) + (a >= 0.5) + (a < 0.0)) * X),
    "its sign": lambda a: np.sum(((a > 0.0) - (a < 0.0)) * X - -(a > 1.0)),
    "a power of a number": lambda a: np.sum(X ** (2 * ((a > 1.0) & (a < 2.0)))),
    "NumPy's comparison": lambda a: np.sum(2.0 * np.greater(a, 1.0) * X),
    "a checkpoint of it": lambda a: np.sum(ag.checkpoint(lambda b: b * b)(a) * X),
    "a checkpoint with an array": lambda a: np.sum(ag.checkpoint(lambda b: X * b)(a)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_dtype_and_the_bits_are_those_of_the_plain_function(name: str) -> None:
    """In value_and_grad, vjp, jvp, hvp and compiled; the gradient of a float is a float."""
    f = FUNCTIONS[name]
    plain = f(1.3)
    value, g = ag.value_and_grad(f)(1.3)
    assert (value.dtype, value.tobytes()) == (plain.dtype, plain.tobytes())
    assert type(g) is float
    for y in (
        ag.vjp(f, 1.3)[0],
        ag.jvp(f, (1.3,), (1.0,))[0],
        ag.compile(f)(1.3),
        ag.compile(ag.value_and_grad(f))(1.3)[0],
    ):
        assert y.dtype == plain.dtype
        np.testing.assert_allclose(y, plain, rtol=1e-2 if plain.dtype == np.float16 else 1e-6)
    assert ag.jvp(f, (1.3,), (1.0,))[1].dtype == plain.dtype
    with ag.debug():
        assert ag.value_and_grad(f)(1.3)[0].dtype == plain.dtype
    wide = ag.grad(lambda a: f(a) * np.float64(1.0))(1.3)
    np.testing.assert_allclose(g, wide, rtol=2e-2 if name == "float16" else 1e-5)


SCALARS: tuple[Callable[[Any], Any], ...] = (
    lambda b: b * b * b / (b + 1),
    abs,
    np.sin,
    lambda b: 3.0,
    lambda b: np.sum(X * b),
    lambda b: np.where(b > 0, b, 0.0) ** 2,
    lambda b: divmod(b, 0.7)[1] * round(b, 1),
)

DERIVATIVES: dict[str, Callable[..., Any]] = {
    "grad": lambda f, a: ag.grad(f)(a),
    "grad at a constant": lambda f, a: ag.grad(lambda b: f(b) * a)(1.1),
    "grad of several": lambda f, a: ag.grad(lambda b, c: f(b * c), argnums=(0, 1))(a, 1.2)[1],
    "a pullback": lambda f, a: ag.vjp(f, a)[1](np.float32(0.5))[0],
    "a pullback of a cotangent that is tracked": lambda f, a: ag.vjp(f, a)[1](X[1] * a)[0],
    "one of NumPy's numbers": lambda f, a: ag.vjp(f, 1.1)[1](np.add(a, 1.0))[0],
    "hvp": lambda f, a: ag.hvp(f, (a,), (1.0,))[1],
    "jacobian": lambda f, a: ag.jacobian(f)(a),
    "hessian": lambda f, a: ag.hessian(f)(a),
    "the second derivative": lambda f, a: ag.grad(ag.grad(f))(a),
    "the second, forwards": lambda f, a: ag.jvp(ag.grad(f), (a,), (1.0,))[1],
    "a checkpoint's": lambda f, a: ag.grad(ag.checkpoint(f))(a),
    "without recording": lambda f, a: ag.no_grad(ag.grad(f))(a),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_the_derivative_by_a_float_is_one_inside_other_transforms_too(name: str) -> None:
    """Whatever it was computed from: outermost it is a float, which promotes nothing."""
    derivative = DERIVATIVES[name]
    for f in SCALARS:
        bare = lambda a, f=f: derivative(f, a)
        times = lambda a, f=f: X * derivative(f, a)
        assert type(bare(1.3)) is float
        assert type(ag.vjp(bare, 1.3)[0]) is float
        plain = times(1.3)
        assert plain.dtype == np.float32
        for y in (
            ag.vjp(times, 1.3)[0],
            ag.jvp(times, (1.3,), (1.0,))[0],
            ag.compile(times)(1.3),
            ag.compile(lambda a, times=times: ag.vjp(times, a)[0])(1.3),
        ):
            assert y.dtype == np.float32
            np.testing.assert_allclose(y, plain, rtol=1e-6)


def test_the_derivative_by_a_scalar_of_numpy_is_none() -> None:
    """Though it is computed from floats alone: np.float64 in, and what promotes out."""
    f = lambda a: X * ag.grad(lambda b: b * a)(np.float64(1.1))
    assert f(1.3).dtype == ag.vjp(f, 1.3)[0].dtype == np.float64
    assert ag.compile(f)(1.3).dtype == np.float64
    tangent = lambda a: ag.jvp(np.square, (a,), (a,))[1]  # np.square(1.3) is np.float64
    assert type(tangent(1.3)) is type(ag.vjp(tangent, 1.3)[0]) is np.float64


@pytest.mark.parametrize("f", [lambda b: b, lambda b: b * b, lambda b: 3.0, lambda b: b % 0.7])
def test_the_tangent_of_a_float_is_a_float(f: Callable[[Any], Any]) -> None:
    """As its value is; inside another transform it promotes nothing."""
    assert [type(y) for y in ag.jvp(f, (1.3,), (1.0,))] == [float, float]
    assert [type(y) for y in ag.jvp(f, (1.3,), (np.float32(0.5),))] == [float, float]
    tangent = lambda a: X * ag.jvp(f, (a,), (a,))[1]
    assert tangent(1.3).dtype == ag.vjp(tangent, 1.3)[0].dtype == np.float32
    assert ag.compile(tangent)(1.3).dtype == np.float32


def test_a_float_is_rounded_as_python_rounds() -> None:
    """round(2.675, 2) is 2.67; NumPy's functions and arrays take the product with 100: 2.68."""
    for f in (lambda a: round(a, 2), lambda a: np.round(a, 2)):
        assert ag.vjp(f, 2.675)[0] == ag.compile(f)(2.675) == f(2.675)
    assert round(2.675, 2) != np.round(2.675, 2)
    t = ag.tensor(2.675, requires_grad=True)
    assert round(t, 2).item() == 2.68
    assert ag.grad(round)(1.3) == 0.0


def test_no_array_of_the_sweep_is_widened() -> None:
    """A rule reads the number too: the gradient of the array is float32 before it is cast."""
    seen = []

    def rule(g: Any, y: Any, x: Any) -> Any:
        seen.append(g.dtype)
        return g

    same = ag.primitive(rule)(lambda x: x + np.float32(0.0))
    ag.grad(lambda a, x: np.sum(same(x) * a), argnums=(0, 1))(1.3, X)
    assert seen == [np.float32]


def unrecorded(a: Any) -> Any:
    with ag.no_grad():
        return a * 2.0 - 1


def nested(a: Any) -> Any:
    return ag.grad(lambda b: b * b * a)(a) * ag.vjp(lambda b: b * b, a)[1](1.0)[0]


@pytest.mark.parametrize(
    "constant",
    [ag.stop_gradient, lambda a: ag.stop_gradient(a * 2) / a, unrecorded, nested,
     lambda a: ag.grad(ag.grad(lambda b: b * b * b))(a),
     lambda a: ag.value_and_grad(lambda b: b * 2 * a)(a)[0],
     lambda a: ag.jvp(lambda b: b * b, (a,), (1.0,))[0],
     lambda a: ag.grad(lambda b: b * b * a)(2.0), lambda a: -unrecorded(-a) + 1,
     lambda a: np.real(unrecorded(a)), lambda a: ag.stop_gradient(unrecorded(a)),
     lambda a: round(unrecorded(a), 1)],
)  # fmt: skip
def test_constants_made_of_floats_promote_nothing_either(constant: Callable[[Any], Any]) -> None:
    """Those of no_grad, stop_gradient and detach(), and the seeds of transforms inside."""
    plain = X * constant(1.3)
    assert plain.dtype == np.float32
    for f in (
        lambda a: X * constant(a) + 0.0 * a,
        lambda a: constant(a) * X + 0.0 * a,
        lambda a: (X * (a / a)) * constant(a),  # which is recorded
        lambda a: np.clip(constant(a) * (X * (a / a)), -100.0, 100 * constant(a)),
    ):
        y, _ = ag.vjp(f, 1.3)
        assert (y.dtype, y.tobytes()) == (plain.dtype, plain.tobytes())
    _, aux = ag.grad(lambda a: (a * a, X * a.detach()), has_aux=True)(1.3)
    assert aux.dtype == np.float32
    with ag.no_grad():  # what a tensor holds says what it promotes
        assert (X * ag.tensor(1.3)).dtype == np.float64
    wide = ag.vjp(lambda a: X * np.add(unrecorded(a), 1.0) + 0.0 * a, 1.3)[0]
    assert wide.dtype == (X * np.add(unrecorded(1.3), 1.0)).dtype == np.float64


def test_a_value_that_the_function_gives_as_a_float_is_one() -> None:
    """It goes on to promote nothing; what NumPy's functions give is a NumPy scalar."""
    f = lambda a: a * a + 2
    for value in (ag.value_and_grad(f)(1.5)[0], ag.vjp(f, 1.5)[0], ag.jvp(f, (1.5,), (1.0,))[0]):
        assert type(value) is float
    assert type(ag.value_and_grad(np.sin)(1.5)[0]) is np.float64


def test_comparisons_of_floats_count_as_pythons() -> None:
    """True + True is 2; NumPy's functions of them give its own scalars."""

    def f(a: Any) -> Any:
        m, n = a > 1.0, a > 0.5
        numbers = m, m + n, 1 - m, m * n, 2.0 * m, m - n, -m, m & n, 3 * (m + n)
        numbers += True - m, m - True, np.real(m), np.imag(m), round(m), round(m + n, -1), +m
        powers = (m + n) ** -(m + n), (m + n) ** -1, (-2) ** (m - 3), 0.5 ** (True - m)
        return *numbers, *powers, *divmod(m + n, 3), np.add(m, n), np.greater(a, 1.0)

    plain = f(1.3)
    _, aux = ag.grad(lambda a: (a * 1.0, f(a)), has_aux=True)(1.3)
    for got in (ag.vjp(f, 1.3)[0], ag.jvp(f, (1.3,), (1.0,))[0], ag.compile(f)(1.3), aux):
        assert [(type(y), y) for y in got] == [(type(y), y) for y in plain]
    assert [type(y) for y in plain[:5]] == [bool, int, int, int, float]
    weighted = lambda a: a * sum(f(a)[:-2])
    expected = weighted(1.3), sum(plain[:-2])
    for g in (ag.value_and_grad(weighted), ag.compile(ag.value_and_grad(weighted))):
        np.testing.assert_allclose(g(1.3), expected, rtol=1e-15)
    x = ag.tensor(np.array([1.3]), requires_grad=True)
    assert ((x[0] > 1.0) + (x[0] > 0.5)).dtype == bool  # of arrays, as NumPy's
    assert (2.0 * (x[0] > 1.0) * X).dtype == np.float64


def test_a_users_function_is_given_arrays() -> None:
    """Whatever they meet; and its rule returns a cotangent of its input's dtype."""

    @ag.primitive(vjp=(lambda g, y, a, x: np.sum(g * x, dtype=a.dtype).reshape(a.shape), None))
    def scaled(a: Any, x: Any) -> Any:
        return a.astype(x.dtype) * x

    value, g = ag.value_and_grad(lambda a: np.sum(scaled(a, X)))(2.0)
    assert value == np.sum(2 * X)
    np.testing.assert_allclose(g, np.sum(X), rtol=1e-6)


def test_second_derivatives_stay_narrow() -> None:
    """The recorded sweep meets the same number again."""
    outer = ag.value_and_grad(ag.grad(lambda a: np.sum(np.sin(a * X))))
    value, g = outer(1.3)
    assert type(g) is float
    np.testing.assert_allclose(value, np.sum(X * np.cos(1.3 * X)), rtol=1e-6)
    np.testing.assert_allclose(g, -np.sum(X * X * np.sin(1.3 * X)), rtol=1e-6)
    inner = ag.grad(lambda x, a: np.sum(x * a * np.sin(x)))
    assert inner(X, 1.3).dtype == np.float32


def test_a_checkpoint_takes_and_gives_floats_as_its_function_does() -> None:
    """Forward, when it is recomputed, and when that is differentiated again."""
    narrow = np.linspace(0.1, 1.0, 7).astype(np.float32)
    met = []

    def inner(w: Any) -> Any:
        y = np.sin(narrow * w) * w
        met.append(y.dtype)
        return y, w * 2.0

    def f(w: Any, wrap: Any = ag.checkpoint) -> Any:
        y, doubled = wrap(inner)(w)
        return np.sum(y * doubled * narrow)

    plain = lambda w: f(w, lambda g: g)
    assert ag.grad(f)(2.3) == ag.grad(plain)(2.3)
    assert ag.grad(ag.grad(f))(2.3) == pytest.approx(ag.grad(ag.grad(plain))(2.3), rel=1e-5)
    for got, expected in zip(ag.jvp(f, (2.3,), (1.0,)), ag.jvp(plain, (2.3,), (1.0,)), strict=True):
        assert (type(got), got) == (type(expected), expected)
    assert set(met) == {np.dtype(np.float32)}


def test_a_tensor_of_a_float_promotes_as_its_dtype_says() -> None:
    """ag.tensor(1.3) is float64, and says so."""
    t = ag.tensor(1.3, requires_grad=True)
    assert (t * X).dtype == np.float64
    assert ag.value_and_grad(lambda a: np.sum(a * X))(t)[0].dtype == np.float64
    assert ag.value_and_grad(lambda a: np.sum(a * X))(np.float64(1.3))[0].dtype == np.float64


def test_long_rows_of_numbers_are_not_walked_at_every_meeting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each operation is looked at once or twice, however often its results meet an array."""
    looks = []
    functions = promotion._OF_FLOATS

    class Counted:
        def __contains__(self, fn: Any) -> bool:
            looks.append(fn)
            return fn in functions

    monkeypatch.setattr(promotion, "_OF_FLOATS", Counted())
    n = 200

    def f(a: Any) -> Any:
        total: Any = 0.0
        for _ in range(n):
            a = a * 0.999
            total = total + X * a
        return np.sum(total)

    assert ag.value_and_grad(f)(1.0)[0].dtype == np.float32
    assert n <= len(looks) <= 4 * n
