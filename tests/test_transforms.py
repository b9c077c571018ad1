"""Transforms: what comes in and out, nesting, forward mode, checkpoints, users' primitives."""

from __future__ import annotations

import itertools
import threading
import tracemalloc
from collections import namedtuple
from functools import partial
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
import nn

rng = np.random.default_rng(0)
A = rng.standard_normal((3, 3))


def quartic(x: Any) -> Any:
    return np.sum((A @ x) ** 4) + np.sum(x * np.exp(x))


def test_kinds_come_out_as_they_went_in() -> None:
    """A float gives a float, an array an array, a tensor that requires grad a Tensor."""
    f = lambda x: np.sum(x * x)
    assert type(ag.grad(f)(3.0)) is float
    assert type(ag.grad(f)(np.ones(2))) is np.ndarray
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    g = ag.grad(f)(x)
    assert isinstance(g, ag.Tensor)
    np.sum(g * g).backward()
    np.testing.assert_array_equal(x.grad, [8.0, 16.0])


def test_nothing_reaches_the_arguments() -> None:
    """grad is pure: it leaves .grad of tensors, and arrays, as they were."""
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    before = x.data.copy()
    ag.grad(lambda x: np.sum(x**3))(x)
    assert x.grad is None
    np.testing.assert_array_equal(x.data, before)


def test_pytrees_go_through() -> None:
    """Dicts, lists, tuples, namedtuples and None keep their structure."""
    Point = namedtuple("Point", "x y")
    tree = {"a": [np.ones(2), 2.0], "p": Point(3.0, np.zeros((1, 2))), "none": None}

    def f(t: Any) -> Any:
        return np.sum(t["a"][0]) * t["a"][1] + t["p"].x ** 2 + np.sum(t["p"].y)

    g = ag.grad(f)(tree)
    assert type(g["p"]) is Point
    assert g["none"] is None
    assert g["a"][1] == 2.0
    assert g["p"].x == 6.0
    np.testing.assert_array_equal(g["p"].y, [[1.0, 1.0]])


def test_an_unused_input_gets_zeros() -> None:
    """An input that the result does not depend on has a gradient of zeros."""
    gx, gy = ag.grad(lambda x, y: np.sum(x), argnums=(0, 1))(np.ones(2), np.ones(3))
    np.testing.assert_array_equal(gx, [1, 1])
    np.testing.assert_array_equal(gy, [0, 0, 0])


def test_aux_comes_back_as_arrays() -> None:
    """has_aux passes what else the function computed, without a graph."""
    (value, aux), g = ag.value_and_grad(lambda x: (np.sum(x), {"y": 2 * x}), has_aux=True)(
        np.ones(2)
    )
    assert value == 2.0
    assert type(aux["y"]) is np.ndarray
    np.testing.assert_array_equal(g, [1, 1])


@pytest.mark.parametrize("bad", [1, np.arange(3), True])
def test_ints_are_refused(bad: Any) -> None:
    """A gradient with respect to an int is a TypeError that says to use floats."""
    with pytest.raises(TypeError, match="float"):
        ag.grad(lambda x: np.sum(x * 1.0))(bad)


def test_a_vector_result_is_refused() -> None:
    """grad of a function that returns a vector points to jacobian."""
    with pytest.raises(TypeError, match=r"shape \(3,\).*jacobian"):
        ag.grad(lambda x: x * 2)(np.ones(3))


def test_no_perturbation_confusion() -> None:
    """The inner derivative treats the outer variable as a constant, and the outer one does not."""
    assert ag.grad(lambda x: x * ag.grad(lambda y: x * y)(1.0))(2.0) == 4.0
    assert ag.grad(lambda x: x * ag.grad(lambda y: x + y)(1.0))(2.0) == 1.0
    outer = ag.jvp(lambda x: x * ag.jvp(lambda y: x * y, (1.0,), (1.0,))[1], (2.0,), (1.0,))
    assert outer[1] == 4.0


def derivative(mode: str, f: Any) -> Any:
    """The derivative of a scalar function of a scalar, by one of the transforms."""
    return {
        "grad": lambda x: ag.grad(f)(x),
        "jvp": lambda x: ag.jvp(f, (x,), (1.0,))[1],
        "vjp": lambda x: ag.vjp(f, x)[1](1.0)[0],
        "jacobian": lambda x: ag.jacobian(f)(x),
    }[mode]


@pytest.mark.parametrize(
    "modes", list(itertools.product(["grad", "jvp", "vjp", "jacobian"], repeat=3))
)
def test_transforms_nest_in_every_order(modes: tuple[str, ...]) -> None:
    """Every order of three transforms gives the third derivative, also inside no_grad."""
    f = lambda x: np.exp(2.0 * x) + x**5
    expected = 8.0 * np.exp(2.0 * 0.7) + 60 * 0.7**2
    d = f
    for mode in modes:
        d = derivative(mode, d)
    assert float(d(0.7)) == pytest.approx(expected, rel=1e-13)
    with ag.no_grad():
        assert float(d(0.7)) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("outer", ["grad", "jvp", "vjp", "jacobian"])
def test_transforms_nest_to_depth_four(outer: str) -> None:
    """A fourth derivative by four different transforms."""
    f = lambda x: np.tanh(x) * x**2
    d = f
    for mode in ("jvp", "vjp", "jacobian", outer):
        d = derivative(mode, d)
    h = 1e-3
    third = derivative("grad", derivative("grad", derivative("grad", f)))
    slope = (third(0.4 + h) - third(0.4 - h)) / (2 * h)
    assert float(d(0.4)) == pytest.approx(slope, rel=1e-4)


def test_jacobian_has_the_shape_of_both() -> None:
    """Wide and tall functions alike: (*y.shape, *x.shape)."""
    x = rng.standard_normal((2, 3))
    B = rng.standard_normal((4, 2))
    tall = ag.jacobian(lambda x: B @ x)(x)
    assert tall.shape == (4, 3, 2, 3)
    np.testing.assert_allclose(tall, np.einsum("ai,bj->abij", B, np.eye(3)))
    wide = ag.jacobian(lambda x: np.sum(x, axis=0))(x)
    assert wide.shape == (3, 2, 3)
    assert ag.jacobian(lambda x: x**2)(3.0) == 6.0


@pytest.mark.parametrize("n", [1, 3, 5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_jacobian_has_the_dtype_of_its_input_in_either_mode(n: int, dtype: Any) -> None:
    """Of few outputs by reverse, of many by forward, and of none that depends on the input."""
    x, other = np.ones(3, dtype), np.float64 if dtype is np.float32 else np.float32
    for f in (lambda x: (x[0] * np.ones(n, other)).astype(other), lambda x: np.ones(n, other)):
        jacobian = ag.jacobian(f)
        assert jacobian(x).dtype == dtype
        assert ag.compile(jacobian)(x).dtype == dtype
        assert ag.jacobian(lambda x, j=jacobian: np.sum(j(x) * x))(x).dtype == dtype


def test_jacobian_of_pytrees() -> None:
    """Structure of the result outside, of the argument inside."""
    J = ag.jacobian(lambda t: {"s": t["a"] * t["b"]})({"a": np.ones(2), "b": 3.0})
    np.testing.assert_array_equal(J["s"]["a"], 3 * np.eye(2))
    np.testing.assert_array_equal(J["s"]["b"], [1, 1])


def test_hessian_and_hvp_agree() -> None:
    """The Hessian is symmetric and hvp is its product with a vector."""
    x, v = rng.standard_normal(3), rng.standard_normal(3)
    H = ag.hessian(quartic)(x)
    np.testing.assert_allclose(H, H.T, rtol=1e-12)
    g, Hv = ag.hvp(quartic, (x,), (v,))
    np.testing.assert_allclose(g, ag.grad(quartic)(x), rtol=1e-14)
    np.testing.assert_allclose(Hv, H @ v, rtol=1e-11)
    np.testing.assert_allclose(ag.jvp(ag.grad(quartic), (x,), (v,))[1], H @ v, rtol=1e-11)


def test_vjp_and_jvp_are_transposes() -> None:
    """⟨v, J u⟩ = ⟨Jᵀ v, u⟩."""
    f = lambda x: np.concatenate([ag.softmax(A @ x), np.max(x * A, axis=1)])
    x, u, v = rng.standard_normal(3), rng.standard_normal(3), rng.standard_normal(6)
    y, t = ag.jvp(f, (x,), (u,))
    y2, pullback = ag.vjp(f, x)
    np.testing.assert_array_equal(y, y2)
    assert np.dot(v, t) == pytest.approx(np.dot(pullback(v)[0], u), rel=1e-13)


def test_a_pullback_may_be_called_often() -> None:
    """The pullback is linear and keeps its graph."""
    _, pullback = ag.vjp(lambda x: x**3, np.array([1.0, 2.0]))
    np.testing.assert_array_equal(pullback(np.ones(2))[0], [3, 12])
    np.testing.assert_array_equal(pullback(2 * np.ones(2))[0], [6, 24])
    with pytest.raises(ValueError, match=r"\(2,\)"):
        pullback(np.ones(3))


def test_gradients_of_interior_tensors() -> None:
    """ag.gradients reaches what was computed on the way, and touches no .grad."""
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    h = x * 3
    loss = np.sum(h * h)
    gh, gx = ag.gradients(loss, [h, x])
    np.testing.assert_array_equal(gh, [6, 12])
    np.testing.assert_array_equal(gx, [18, 36])
    assert x.grad is None


@pytest.mark.parametrize("closed", [False, True])
def test_checkpoint_gives_the_same_gradients(closed: bool) -> None:
    """Recomputing changes nothing, of first and second order, for arguments and closures."""
    W = ag.tensor(A, requires_grad=True)
    x = ag.tensor([0.1, 0.2, 0.3], requires_grad=True)
    block = (lambda h: np.tanh(W @ h)) if closed else (lambda h, W: np.tanh(W @ h))
    for wrap in (lambda f: f, ag.checkpoint):
        h = x
        for _ in range(3):
            h = wrap(block)(h) if closed else wrap(block)(h, W)
        loss = np.sum(h**2)
        grads = ag.gradients(loss, [x, W], create_graph=True)
        second = ag.gradients(np.sum(grads[0] ** 2) + np.sum(grads[1] ** 3), [x, W])
        if wrap is ag.checkpoint:
            for a, b in zip(expected, [*grads, *second], strict=True):  # noqa: F821
                np.testing.assert_allclose(np.asarray(a.data), b.data, rtol=1e-13)
        expected = [*grads, *second]  # noqa: F841


def test_checkpoint_repeats_random_draws() -> None:
    """The recomputed function sees the draws of the first run, and the Generator moves once."""
    gen, same = np.random.default_rng(1), np.random.default_rng(1)
    x = ag.tensor(np.ones(5), requires_grad=True)
    y = ag.checkpoint(lambda x: x * ag.random.normal(gen, (5,)))(x)
    np.sum(y).backward()
    draws = same.standard_normal(5)
    np.testing.assert_array_equal(y.data, draws)
    np.testing.assert_array_equal(x.grad, draws)
    assert gen.random() == same.random()


def test_checkpoint_notices_an_update_in_between() -> None:
    """A parameter changed between forward and backward would give a wrong gradient: an error."""
    W = ag.tensor(A.copy(), requires_grad=True, name="W")
    y = np.sum(ag.checkpoint(lambda x: np.tanh(W @ x))(ag.tensor(np.ones(3), requires_grad=True)))
    W.data -= 1.0
    with pytest.raises(RuntimeError, match="W of shape"):
        y.backward()


def test_checkpoint_in_forward_mode() -> None:
    """jvp goes through a checkpoint."""
    f = lambda x: np.sum(ag.checkpoint(lambda x: np.exp(x) * x)(x) * A[0])
    x, u = rng.standard_normal(3), rng.standard_normal(3)
    assert ag.jvp(f, (x,), (u,))[1] == pytest.approx(np.dot(ag.grad(f)(x), u), rel=1e-13)


def test_replay_repeats_draws() -> None:
    """Inside replay, after rewind, the same numbers come again and the Generator rests."""
    gen = np.random.default_rng(0)
    draw = lambda: ag.random.uniform(gen, (2,)) + ag.random.bernoulli(gen, (2,), p=0.3)
    with ag.random.replay() as draws:
        first = draw()
        state = gen.bit_generator.state
        draws.rewind()
        np.testing.assert_array_equal(draw(), first)
    with draws:
        np.testing.assert_array_equal(draw(), first)
        draws.rewind()
        with pytest.raises(RuntimeError, match="uniform"):
            ag.random.normal(gen, (2,))
    assert gen.bit_generator.state == state
    assert not np.array_equal(draw(), first)


def test_replay_repeats_draws_of_arrays_of_means() -> None:
    """Parameters may be arrays: they were compared as if they were numbers."""
    gen, means = np.random.default_rng(0), np.array([1.0, 20.0])
    with ag.random.replay() as draws:
        first = ag.random.normal(gen, 2, mean=means), ag.random.bernoulli(gen, 2, p=means / 20)
        draws.rewind()
        again = (
            ag.random.normal(gen, 2, mean=means.copy()),
            ag.random.bernoulli(gen, 2, p=means / 20),
        )
        np.testing.assert_array_equal(first, again)
        draws.rewind()
        with pytest.raises(RuntimeError, match="draw alike"):
            ag.random.normal(gen, 2, mean=means + 1.0)


def test_debugging_finds_a_checkpoint_that_computes_something_else() -> None:
    """Draws of NumPy's own are not repeated: the gradient would be that of other values."""
    gen, x = np.random.default_rng(0), ag.tensor(np.ones(3), requires_grad=True)
    with ag.debug():
        y = ag.checkpoint(lambda x: x * ag.random.uniform(gen, 3))(x)
        np.sum(y).backward()
        np.testing.assert_array_equal(x.grad, y.data)
        y = ag.checkpoint(lambda x: x * gen.random(3))(x)
        with pytest.raises(RuntimeError, match="gave other values when it was recomputed"):
            np.sum(y).backward()


@pytest.mark.parametrize(
    "second",
    [lambda x: x[:1], lambda x: np.concatenate([x, x]), lambda x: np.ones(2), lambda x: None],
)
def test_a_checkpoint_that_gives_something_else_is_refused(second: Any) -> None:
    """By the shapes of its results, whatever they are."""
    calls: list[int] = []

    def first(x: Any) -> Any:
        calls.append(1)
        return 2.0 * x if len(calls) == 1 else second(x)

    y = ag.checkpoint(first)(ag.tensor([1.0, 2.0], requires_grad=True))
    with pytest.raises(RuntimeError, match=r"recomputed, and \[\(2,\)\] before"):
        np.sum(y).backward()


def test_models_and_partials_are_checkpointed() -> None:
    """What is called need not have a name."""
    model, X = nn.MLP([2, 3, 2], rng=np.random.default_rng(0)), np.ones((4, 2))
    plain, again = (
        ag.grad(lambda m, g=g: np.sum(g(m)(X) ** 2))(model) for g in (lambda m: m, ag.checkpoint)
    )
    for a, b in zip(ag.pytree.flatten(plain)[0], ag.pytree.flatten(again)[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert ag.grad(ag.checkpoint(partial(np.multiply, 3.0)))(2.0) == 3.0


def test_a_program_that_draws_is_repeated_too() -> None:
    """By replay, and by a checkpoint, whose gradient was that of other draws than its value."""
    gen = np.random.default_rng(0)
    noise = ag.compile(lambda r: ag.random.uniform(r, (3,)))
    noise(gen)
    x = ag.tensor(np.ones(3), requires_grad=True)
    y = ag.checkpoint(lambda x: x * noise(gen))(x)
    np.sum(y).backward()
    np.testing.assert_array_equal(x.grad, y.data)
    with ag.random.replay() as draws:
        first = noise(gen)
        draws.rewind()
        np.testing.assert_array_equal(noise(gen), first)


@ag.primitive(vjp=(lambda g, y, x, scale=1.0: g * scale * np.cos(scale * x),))
def wave(x: Any, scale: float = 1.0) -> Any:
    """sin(scale·x)."""
    return np.sin(scale * x)


def test_a_users_primitive_works_in_every_transform() -> None:
    """One rule gives reverse mode, forward mode and any order."""
    x = np.array([0.3, 0.5])
    np.testing.assert_allclose(wave(x, scale=2.0), np.sin(2 * x))
    f = lambda x: np.sum(wave(x, scale=2.0))
    np.testing.assert_allclose(ag.grad(f)(x), 2 * np.cos(2 * x))
    np.testing.assert_allclose(ag.hessian(f)(x), np.diag(-4 * np.sin(2 * x)))
    np.testing.assert_allclose(ag.jvp(wave, (x,), (np.ones(2),))[1], np.cos(x))


def test_a_users_jvp_is_used() -> None:
    """A jvp given is what forward mode calls."""
    calls = []

    def push(tangents: Any, y: Any, x: Any) -> Any:
        calls.append(1)
        return 2.0 * x * tangents[0]

    square = ag.primitive(vjp=(lambda g, y, x: 2.0 * x * g,), jvp=push)(lambda x: x * x)
    assert ag.jvp(square, (3.0,), (1.0,))[1] == 6.0
    assert calls


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        (lambda g, y, x: np.sum(g), ValueError, r"cotangent of shape \(\) for an input"),
        (lambda g, y, x: (g * x).astype(np.float32), TypeError, "dtype float32"),
        (lambda g, y, x: None, TypeError, "returned None"),
    ],
)
def test_a_wrong_rule_is_named_at_its_first_use(rule: Any, error: Any, message: str) -> None:
    """Wrong shape, wrong dtype or nothing at all: an error with the operation's name."""

    def cube(x: Any) -> Any:
        return x**3

    op = ag.primitive(vjp=(rule,))(cube)
    with pytest.raises(error, match=message) as caught:
        ag.grad(lambda x: np.sum(op(x)))(np.ones(3))
    assert "cube" in str(caught.value) + "".join(caught.value.__notes__)


class Units(np.ndarray):
    """An array of a user's own class."""


@pytest.mark.parametrize(("result", "ct"), [(Units, np.ndarray), (np.ndarray, Units)])
def test_what_a_users_primitive_gives_is_an_array_of_numpys_class(result: Any, ct: Any) -> None:
    """Or its class would choose how the sweep multiplies, and what class gradients have."""
    op = ag.primitive(lambda g, y, x: g.view(ct))(lambda x: (2.0 * x).view(result))
    W = ag.tensor(np.eye(3), requires_grad=True)
    assert type(op(W).data) is np.ndarray
    np.sum(op(W) @ op(W)).backward()
    assert type(W.grad) is np.ndarray
    masked = ag.primitive(lambda g, y, x: g)(lambda x: np.ma.masked_array(x, x > 0.5))
    with pytest.raises(TypeError, match="mask"):
        masked(W)


def test_gradients_of_a_users_primitive_are_no_views_of_its_inputs() -> None:
    """A rule that hands back its input gives a copy of it."""
    op = ag.primitive(vjp=(lambda g, y, x: x,))(lambda x: 0.5 * x * x)
    x = ag.tensor(np.ones(3), requires_grad=True)
    np.sum(op(x)).backward()
    assert not np.shares_memory(x.grad, x.data)


def test_threads_do_not_share_modes() -> None:
    """no_grad in one thread leaves another recording."""
    seen = []
    with ag.no_grad():
        thread = threading.Thread(
            target=lambda: seen.append((ag.tensor(1.0, requires_grad=True) * 2).requires_grad)
        )
        thread.start()
        thread.join()
        assert not (ag.tensor(1.0, requires_grad=True) * 2).requires_grad
    assert seen == [True]


def test_ravel_is_differentiable_both_ways() -> None:
    """A function of a pytree as one of a vector, for optimisers that know only vectors."""
    tree = {"W": A, "b": np.arange(3.0), "s": 2.0}
    vector, unravel = ag.pytree.ravel(tree)
    assert vector.shape == (13,)
    f = lambda t: np.sum(t["W"] @ t["b"]) * t["s"]
    g = ag.grad(lambda v: f(unravel(v)))(vector)
    expected, _ = ag.pytree.ravel(ag.grad(f)(tree))
    np.testing.assert_allclose(g, expected)


@pytest.mark.parametrize("x", [0.7, np.array(0.7)])
def test_checkpointing_a_transform_of_data_gives_data(x: Any) -> None:
    """What the transform alone gives: nothing around it is tracked."""
    slope = ag.grad(lambda t: t**3)
    assert type(ag.checkpoint(slope)(x)) is type(slope(x))
    assert ag.checkpoint(slope)(x) == slope(x)
    w = ag.tensor(2.0, requires_grad=True)
    closed = ag.grad(lambda t: w * t**2)
    assert type(ag.checkpoint(closed)(x)) is type(closed(x))


def test_a_checkpoint_under_no_grad_records_nothing() -> None:
    """It is the function itself; inside a transform it is recorded all the same."""
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    f = ag.checkpoint(lambda t: np.sum(t * t))
    with ag.no_grad():
        assert not f(x).requires_grad
        np.testing.assert_array_equal(ag.grad(f)(x.data), [2.0, 4.0])


def test_a_checkpoint_recomputes_a_transform_that_closes_over_the_outer_primal() -> None:
    """In the backward pass it records as deep as it did before: x³ has the derivative 3x²."""

    def inner(z: Any, x: Any) -> Any:
        return z * ag.grad(lambda u: u * u * x)(z) / 2.0

    f = lambda x: ag.checkpoint(lambda z: inner(z, x))(x)
    assert ag.grad(f)(3.0) == 27.0
    assert ag.grad(ag.grad(f))(3.0) == 18.0
    assert ag.jvp(f, (3.0,), (1.0,))[1] == 27.0
    assert ag.hessian(f)(3.0) == 18.0


def test_a_checkpoint_uses_only_some_of_what_it_keeps() -> None:
    """Of its arguments and what it closes over, one may have no second derivative."""

    def f(x: Any) -> Any:
        def inner(v: Any) -> Any:
            return ag.jacobian(lambda u: np.sin(u) * x)(x) * v

        return ag.checkpoint(inner)(np.tanh(x))

    plain = lambda x: np.cos(x) * x * np.tanh(x)
    for n in (1, 2, 3):
        derivative, expected = f, plain
        for _ in range(n):
            derivative, expected = ag.grad(derivative), ag.grad(expected)
        assert derivative(0.6) == pytest.approx(expected(0.6), rel=1e-13)


def test_the_graph_of_a_value_and_gradient_dies_as_it_is_swept() -> None:
    """What the rules have read is given back while gradients come: no more than either at once."""
    n, depth = 64, 30
    weights = [np.eye(n) for _ in range(depth)]
    size = weights[0].nbytes

    def loss(weights: Any) -> Any:
        a = np.ones((n, n))
        for w in weights:
            a = np.tanh(a @ w)
        return np.sum(a)

    both = ag.value_and_grad(loss)
    both(weights)
    tracemalloc.start()
    both(weights)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (depth + 8) * size  # the activations alone are `depth`, the gradients as many


def _scaled_in_place(x: Any) -> Any:
    x *= 2.0
    x **= 2
    return np.sum(x)


@pytest.mark.parametrize("value", [3.0, np.array([1.0, 2.0]), ag.tensor([1.0, 2.0])])
def test_a_function_may_rebind_its_arguments(value: Any) -> None:
    """x *= 2 is x = x * 2 in every transform: what the caller holds stays as it is."""
    before, slope = np.array(value), 8.0 * np.array(value)
    for got in (
        ag.grad(_scaled_in_place)(value),
        ag.value_and_grad(_scaled_in_place)(value)[1],
        ag.vjp(_scaled_in_place, value)[1](np.float64(1.0))[0],
        ag.grad(ag.checkpoint(_scaled_in_place))(value),
        ag.compile(ag.grad(_scaled_in_place))(value),
    ):
        np.testing.assert_array_equal(np.asarray(got), slope)
    _, tangent = ag.jvp(_scaled_in_place, (value,), (np.ones(before.shape),))
    assert float(tangent) == np.sum(slope)
    np.testing.assert_array_equal(np.asarray(value), before)
