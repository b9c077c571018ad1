"""Programs give the eager numbers: random ones, nn's layers and losses, SEMANTICS' cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
import nn


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def assert_same(a: Any, b: Any, rtol: float = 1e-12) -> None:
    (xs, s), (ys, t) = ag.pytree.flatten(a), ag.pytree.flatten(b)
    assert s == t
    for x, y in zip(xs, ys, strict=True):
        x, y = getattr(x, "data", x), getattr(y, "data", y)
        assert np.asarray(x).dtype == np.asarray(y).dtype
        finite = np.where(np.isfinite(y), np.abs(y), 0.0)
        scale = max(1.0, float(np.max(finite, initial=0.0)))
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol * scale)


UNARY: list[Callable[[Any], Any]] = [
    np.sin, np.tanh, np.exp, ag.relu, ag.sigmoid, ag.softplus, np.negative, np.square, ag.gelu,
    lambda x: x.T @ x if x.ndim == 2 else x, lambda x: np.sum(x, axis=0), lambda x: x.reshape(-1),
    lambda x: x * 0.5, lambda x: 2.0 - x, lambda x: x[..., ::-1], lambda x: np.cumsum(x, axis=-1),
    lambda x: x - np.max(x, axis=-1, keepdims=True), lambda x: ag.softmax(x), np.copy,
    lambda x: np.mean(x, axis=-1, keepdims=True), lambda x: x ** 2, lambda x: np.abs(x) ** 1.5,
    lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.concatenate([x, x * 2.0], axis=-1),
]  # fmt: skip
BINARY: list[Callable[[Any, Any], Any]] = [
    np.add, np.multiply, np.subtract, np.maximum, lambda a, b: a / (1.0 + b * b), np.hypot,
    lambda a, b: np.where(a > b, a, b * b),
]  # fmt: skip


def random_program(seed: int) -> Callable[..., Any]:
    """A function of two matrices out of a dozen operations, the same one at every call."""

    def program(x: Any, y: Any) -> Any:
        g, pool = rng(seed), [x, y]
        for _ in range(12):
            a = pool[g.integers(len(pool))]
            if g.random() < 0.5:
                pool.append(UNARY[g.integers(len(UNARY))](a))
                continue
            mates = [b for b in pool if _fits(a.shape, b.shape)]
            pool.append(BINARY[g.integers(len(BINARY))](a, mates[g.integers(len(mates))]))
            if pool[-1].size > 200:
                pool[-1] = pool[-1][..., :2]
        return sum((np.sum(np.tanh(v)) for v in pool), 0.0)

    return program


def _fits(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    try:
        np.broadcast_shapes(a, b)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_and_their_gradients(seed: int) -> None:
    f = ag.value_and_grad(random_program(seed), argnums=(0, 1))
    program = ag.compile(f)
    program(rng(1).standard_normal((3, 3)), rng(2).standard_normal((3, 3)))
    data = rng(3).standard_normal((3, 3)), rng(4).standard_normal((3, 3))
    with np.errstate(all="ignore"):
        assert_same(program(*data), f(*data), 1e-11)


@pytest.mark.parametrize("seed", range(20))
def test_random_updates_of_donated_arrays(seed: int) -> None:
    f = random_program(seed)

    def update(params: Any, z: Any) -> Any:
        value, grads = ag.value_and_grad(lambda p: f(p["x"], p["y"]) * np.sum(z))(params)
        return {k: params[k] - 0.01 * grads[k] for k in params}, value, grads["x"]

    def start() -> dict[str, Any]:
        return {"x": rng(5).standard_normal((3, 3)), "y": rng(6).standard_normal((3, 3))}

    program = ag.compile(update, donate=0)
    with np.errstate(all="ignore"):
        program(start(), np.ones(2))
        z = rng(7).random(2)
        assert_same(program(start(), z), update(start(), z), 1e-11)


LAYERS = [
    nn.Sigmoid(), nn.Tanh(), nn.ReLU(), nn.LeakyReLU(), nn.ELU(), nn.GELU(), nn.Softplus(),
    nn.Identity(), nn.Softmax(),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_layer(layer: Any, dtype: Any) -> None:
    f = ag.value_and_grad(lambda x, w: np.sum(w * layer(x)))
    w = rng(0).standard_normal((4, 3)).astype(dtype)
    program = ag.compile(f)
    program(rng(1).standard_normal((4, 3)).astype(dtype), w)
    x = rng(2).standard_normal((4, 3)).astype(dtype)
    assert_same(program(x, w), f(x, w), 1e-13 if dtype == np.float64 else 1e-6)


@pytest.mark.parametrize("loss", ["labels", "one-hot", "binary", "squared"])
def test_every_loss_of_a_model(loss: str) -> None:
    model = nn.MLP([5, 4, 3 if loss in ("labels", "one-hot") else 1], output="softmax"
                   if loss in ("labels", "one-hot") else "identity", rng=rng(0))  # fmt: skip
    targets = {
        "labels": lambda g: g.integers(0, 3, 6),
        "one-hot": lambda g: np.eye(3)[g.integers(0, 3, 6)],
        "binary": lambda g: g.integers(0, 2, 6).astype(float),
        "squared": lambda g: g.standard_normal(6),
    }[loss]

    def objective(model: Any, X: Any, Y: Any) -> Any:
        if loss == "squared":
            return nn.squared_error(model(X), Y)
        if loss == "binary":
            z = model.logits(X)
            return np.sum(ag.softplus(z) - Y * z)
        return nn.softmax_cross_entropy(model.logits(X), Y)

    f = ag.value_and_grad(objective)
    program = ag.compile(f)
    program(model, rng(1).standard_normal((6, 5)), targets(rng(2)))
    X, Y = rng(3).standard_normal((6, 5)), targets(rng(4))
    got, expected = program(model, X, Y), f(model, X, Y)
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-13)
    for a, b in zip(got[1].parameters(), expected[1].parameters(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


SPECIAL: list[tuple[str, Callable[..., Any], list[float]]] = [
    ("relu", ag.relu, [0.0, -1.0, 2.0]),
    ("sqrt", np.sqrt, [0.0, 1.0, 4.0]),
    ("sqrt squared", lambda x: np.sqrt(x) ** 2, [0.0, 1.0, 4.0]),
    ("where", lambda x: np.where(x > 0, np.sqrt(x), 0.0), [0.0, 1.0, -4.0]),
    ("maximum", lambda x: np.maximum(x, 0), [0.0, 1.0, -1.0]),
    ("max of ties", lambda x: np.max(x), [1.0, 1.0, 0.0]),
    ("abs", np.abs, [0.0, -1.0, 1.0]),
    ("clip", lambda x: np.clip(x, 0.0, 1.0), [0.0, 1.0, 2.0]),
    ("power", lambda x: x**0, [0.0, 1.0, -2.0]),
    ("prod", np.prod, [0.0, 2.0, 3.0]),
    ("std", np.std, [1.0, 1.0, 1.0]),
    ("norm", np.linalg.norm, [0.0, 0.0, 0.0]),
    ("sigmoid", ag.sigmoid, [1000.0, -1000.0, 0.0]),
    ("softmax", lambda x: ag.softmax(x) * np.arange(3.0), [1000.0, -1000.0, 0.0]),
    ("logsumexp", ag.logsumexp, [-np.inf, -np.inf, -np.inf]),
    ("xlogy", lambda x: ag.xlogy(x, x), [0.0, 1.0, 2.0]),
    ("sinc", np.sinc, [0.0, 1.0, 0.5]),
    ("cross-entropy", lambda x: ag.softmax_cross_entropy(x, np.array([1.0, 0.0, 0.0])),
     [0.0, -np.inf, 1.0]),
    ("log", np.log, [0.0, -1.0, 1.0]),
    ("repeated index", lambda x: x[np.array([0, 0, 2])] ** 2, [1.0, 2.0, 3.0]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "f", "at"), SPECIAL, ids=[case[0] for case in SPECIAL])
def test_kinks_and_extremes(name: str, f: Callable[..., Any], at: list[float]) -> None:
    g = ag.grad(lambda x: np.sum(f(x)))
    program = ag.compile(g)
    with np.errstate(all="ignore"):
        program(np.array([0.3, 0.6, 0.2]))
        np.testing.assert_allclose(program(np.array(at)), g(np.array(at)), rtol=1e-13)


SCALARS: list[Callable[..., Any]] = [
    lambda x, y: x * np.tanh(y) - np.exp(x) / (1.0 + y * y),
    lambda x, y: np.maximum(x, y) ** 2 + np.where(x > y, x, -y) * 3.0,
    lambda x, y: np.log(np.abs(x) + 1.5) * np.sqrt(y * y + 1.0),
]


@pytest.mark.parametrize("f", SCALARS)
@pytest.mark.parametrize("kind", [float, np.float64, np.array, np.float32])
def test_scalars(f: Callable[..., Any], kind: Any) -> None:
    g = ag.value_and_grad(f, argnums=(0, 1))
    program = ag.compile(g)
    program(kind(0.5), kind(0.7))
    got, expected = program(kind(-0.3), kind(1.1)), g(kind(-0.3), kind(1.1))
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-13 if kind != np.float32 else 1e-6)
    for a, b in zip(got[1], expected[1], strict=True):
        assert (type(a) is float) == (kind is float)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_allclose(a, b, rtol=1e-13 if kind != np.float32 else 1e-6)


def test_scalars_where_python_raises_are_inf_and_nan_as_numpy_has_it() -> None:
    program = ag.compile(ag.grad(lambda x, y: np.log(x) / y, argnums=(0, 1)))
    assert program(2.0, 4.0) == (0.125, -np.log(2.0) / 16.0)
    with np.errstate(all="ignore"):
        assert program(0.0, 4.0) == (np.inf, np.inf)


@pytest.mark.parametrize("kind", [float, np.array, np.float64])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: 1.0 / x, lambda x: x / (x - x), lambda x: x**-1, lambda x: x**0.5,
        lambda x: x**x, lambda x: x**3, np.exp, np.log, lambda x: np.cosh(x) / x,
    ],
)  # fmt: skip
def test_single_numbers_beyond_python_s_floats(f: Any, kind: Any) -> None:
    """Where Python raises, or turns complex, a program has the inf or nan of the eager function."""
    for order in (f, ag.grad(f), ag.grad(ag.grad(f))):
        program = ag.compile(order)
        for value in (3.0, -1.0, -2.5, 0.0, -0.0, 1e308, -1e308, 1e-320, np.inf, -np.inf, np.nan):
            with np.errstate(all="ignore"):
                expected = order(ag.tensor(value, requires_grad=True)).item()
                got = program(kind(value))
            assert not isinstance(got, complex)
            np.testing.assert_allclose(got, expected, rtol=1e-13, atol=0)


def test_a_program_is_traced_where_python_turns_complex() -> None:
    """A negative float to a fractional power is nan, at the first call too."""
    with np.errstate(all="ignore"):
        for order in (lambda x: x**0.5, ag.grad(lambda x: x**0.5)):
            program = ag.compile(order)
            assert np.isnan(program(-1.0))
            assert program(4.0) == order(4.0)


@pytest.mark.parametrize("exponent", [2, -1, True, np.int64(3), np.array([1, 0, -2])], ids=repr)
def test_an_exponent_stays_an_integer(exponent: Any) -> None:
    """Beside floats, too, which other ufuncs turn their numbers into."""
    x = rng(0).standard_normal((2, 3))
    assert_same(ag.compile(lambda x: np.ldexp(x, exponent))(x), np.ldexp(x, exponent))


def test_the_byte_order_of_a_result_is_the_function_s() -> None:
    """A dtype is written out whole."""
    x, other = rng(0).standard_normal(3), np.dtype(np.float64).newbyteorder()
    assert ag.compile(lambda x: x.astype(other))(x).dtype == other


def test_plain_arrays_give_the_loss_of_a_program() -> None:
    """To the last bit, also where the weights are said to sum to 1."""
    z, t = rng(0).standard_normal((2, 5, 3))
    t = ag.softmax(t)
    for said in (False, True):
        loss = ag.softmax_cross_entropy(z, t, normalized=said)
        assert loss == ag.softmax_cross_entropy(ag.tensor(z), t, normalized=said).item()
    assert ag.softmax_cross_entropy(z, 2 * t, normalized=True) == pytest.approx(
        ag.softmax_cross_entropy(ag.tensor(z), 2 * t, normalized=True).item(), rel=1e-15
    )


def test_rules_that_read_whole_number_results_read_those_of_the_call() -> None:
    """frexp's exponents, the rank that lstsq found, and a user's own, to the second order."""

    @ag.primitive(vjp=(lambda g, y, x: g[0] * y[1],))
    def steps(x: Any) -> Any:
        return x * np.floor(x), np.floor(x).astype(int)

    b = np.array([1.0, 2.0])
    for f, seen, unseen in (
        (lambda x: np.frexp(x)[0] * x, [0.7, 3.0], [700.0, 3e-5]),
        (lambda x: steps(x)[0] * x, [1.5, 2.5], [3.5, 4.5]),
        (lambda x: np.linalg.lstsq(np.diag(x), b, 0.3)[0], [1.0, 0.7], [1.0, 0.1]),
    ):
        first = ag.grad(lambda x, f=f: np.sum(f(x)))
        for g in (first, ag.grad(lambda x, first=first: np.sum(first(x)))):
            program = ag.compile(g)
            program(np.array(seen))
            np.testing.assert_allclose(program(np.array(unseen)), g(np.array(unseen)), rtol=1e-14)
