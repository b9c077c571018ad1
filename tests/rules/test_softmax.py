"""softmax, log_softmax, logsumexp and the fused cross-entropy: stable, zero weights included."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from nn import closed_form

INF = math.inf
EXTREME = np.array([[1000.0, 0.0, -1000.0], [-1000.0, -1000.0, -1000.0], [0.1, 0.2, 0.3]])


@pytest.mark.parametrize("f", [ag.softmax, ag.log_softmax, ag.logsumexp], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_finite_at_the_extremes(f: Callable[..., Any], dtype: Any) -> None:
    """±1000 in any row leaves every value, gradient and second derivative finite."""
    z = EXTREME.astype(dtype)
    assert np.all(np.isfinite(f(z, axis=-1)))
    weights = np.arange(3, dtype=dtype)
    total = lambda z: np.sum(f(z, axis=-1) * weights)
    g = ag.grad(total)(z)
    assert g.dtype == dtype
    assert np.all(np.isfinite(g))
    assert np.all(np.isfinite(ag.grad(lambda z: np.sum(ag.grad(total)(z) ** 2))(z)))


def test_softmax_is_that_of_the_closed_form() -> None:
    """Bit for bit, value and Jacobian."""
    z = np.random.default_rng(0).standard_normal((4, 5)) * 10
    np.testing.assert_array_equal(ag.softmax(z), closed_form.softmax(z))
    y = ag.softmax(z[0])
    np.testing.assert_allclose(
        ag.jacobian(ag.softmax)(z[0]), closed_form.softmax_jacobian(y), rtol=1e-15, atol=1e-16
    )


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
def test_axes_of_softmax(axis: Any) -> None:
    """Any axis, all or several: shares sum to 1, log_softmax is their logarithm."""
    z = np.random.default_rng(1).standard_normal((2, 3, 4))
    p = ag.softmax(z, axis=axis)
    np.testing.assert_allclose(np.sum(p, axis=axis), 1.0, rtol=1e-15)
    np.testing.assert_allclose(ag.log_softmax(z, axis=axis), np.log(p), rtol=1e-13)
    lse = ag.logsumexp(z, axis=axis)
    np.testing.assert_allclose(lse, np.log(np.sum(np.exp(z), axis=axis)), rtol=1e-14)
    assert lse.shape == np.sum(z, axis=axis).shape
    kept = ag.logsumexp(z, axis=axis, keepdims=True)
    assert kept.shape == np.sum(z, axis=axis, keepdims=True).shape


def test_softmax_of_nothing_is_nothing() -> None:
    """An axis of length 0, and no rows."""
    for shape in ((2, 0), (0, 3)):
        z = np.zeros(shape)
        assert ag.softmax(z).shape == ag.log_softmax(z).shape == shape
        assert ag.grad(lambda z: np.sum(ag.softmax(z)))(z).shape == shape
    np.testing.assert_array_equal(ag.logsumexp(np.zeros((2, 0)), axis=1), [-INF, -INF])


@pytest.mark.parametrize("f", [ag.logsumexp, np.logaddexp.reduce], ids=["ag", "np"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_shares_keep_their_digits_beside_large_numbers(f: Callable[..., Any], dtype: Any) -> None:
    """The logarithm of a sum near 1000 has too few to tell them: they are softmax's."""
    for z in ([1000, 1000, 999, 998], [1e15 if dtype is not np.float16 else 6e4] * 2):
        x = np.array(z, dtype)
        g = ag.grad(f)(x)
        np.testing.assert_allclose(g, ag.softmax(x), rtol=4 * float(np.finfo(dtype).eps))
        h = np.diag(ag.softmax(x)) - np.outer(ag.softmax(x), ag.softmax(x))
        np.testing.assert_allclose(ag.hessian(f)(x), h, atol=4 * float(np.finfo(dtype).eps))


def test_an_initial_value_has_a_share_of_its_own() -> None:
    """As if it were one more term."""
    x = np.array([1000.0, 999.0])
    g = ag.grad(lambda x: np.logaddexp.reduce(x, initial=1001.0))(x)
    np.testing.assert_allclose(g, ag.softmax(np.append(x, 1001.0))[:2], rtol=1e-15)


def test_logsumexp_over_all_minus_infinity() -> None:
    """The value is −inf, the gradient 0, first and second."""
    z = np.array([[-INF, -INF], [-INF, 0.0]])
    f = lambda z: np.sum(ag.logsumexp(z, axis=1)[1:]) + 0.5 * np.sum(ag.logsumexp(z, axis=1)[:1])
    np.testing.assert_array_equal(ag.logsumexp(z, axis=1), [-INF, 0.0])
    np.testing.assert_array_equal(ag.grad(f)(z), [[0, 0], [0, 1]])
    second = ag.grad(lambda z: np.sum(ag.grad(f)(z)[:, 0]))
    np.testing.assert_array_equal(second(z), np.zeros((2, 2)))


# --- the fused loss


def batch(dtype: Any = np.float64) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(2)
    z = rng.standard_normal((5, 4)).astype(dtype)
    labels = np.array([0, 3, 1, 1, 2])
    return z, labels, np.eye(4, dtype=dtype)[labels]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_loss_and_gradient_of_labels_and_one_hot_are_the_same(dtype: Any) -> None:
    """The loss is −Σ t·log softmax(z) over the batch, the gradient softmax(z) − t, bit for bit."""
    z, labels, T = batch(dtype)
    expected = -np.sum(T * ag.log_softmax(z))
    for t, flags in ((labels, {}), (labels.astype(float), {}), (T, {"normalized": True}), (T, {})):
        loss, g = ag.value_and_grad(lambda z, t=t, f=flags: ag.softmax_cross_entropy(z, t, **f))(z)
        np.testing.assert_allclose(loss, expected, rtol=20 * np.finfo(dtype).eps)
        assert g.dtype == dtype
        np.testing.assert_array_equal(g, ag.softmax(z) - T)


def test_labels_are_told_by_shape_not_by_dtype() -> None:
    """Integers of the logits' shape are weights; floats of one dimension less are labels."""
    z, labels, T = batch()
    whole = ag.softmax_cross_entropy(z, T.astype(int))
    assert whole == ag.softmax_cross_entropy(z, T)
    assert ag.softmax_cross_entropy(z, labels.astype(float)) == ag.softmax_cross_entropy(z, labels)
    one = ag.softmax_cross_entropy(z[0], 2)
    np.testing.assert_allclose(one, -ag.log_softmax(z[0])[2], rtol=1e-15)


def test_gradients_for_unnormalized_weights() -> None:
    """softmax(z)·Σt − t for the logits, −log_softmax(z) for the weights, and both recorded."""
    z, _, _ = batch()
    t = np.random.default_rng(3).random((5, 4))
    gz, gt = ag.grad(ag.softmax_cross_entropy, argnums=(0, 1))(z, t)
    np.testing.assert_allclose(gz, ag.softmax(z) * t.sum(1, keepdims=True) - t, rtol=1e-14)
    np.testing.assert_array_equal(gt, -ag.log_softmax(z))
    norm = lambda z, t: np.sum(ag.grad(ag.softmax_cross_entropy)(z, t) ** 2)
    plain = lambda z, t: np.sum((ag.softmax(z) * np.sum(t, axis=1, keepdims=True) - t) ** 2)
    for a, b in zip(
        ag.grad(norm, argnums=(0, 1))(z, t), ag.grad(plain, argnums=(0, 1))(z, t), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_a_target_of_0_against_probability_0_counts_nothing() -> None:
    """Its term is 0, and so is its gradient: not nan."""
    z = np.array([[0.0, -INF, 1.0]])
    for t in (np.array([[1.0, 0.0, 0.0]]), np.array([0])):
        loss, g = ag.value_and_grad(lambda z, t=t: ag.softmax_cross_entropy(z, t))(z)
        assert loss == pytest.approx(math.log(1 + math.e), rel=1e-15)
        assert g[0, 1] == 0.0
        assert np.all(np.isfinite(g))


def test_stable_at_the_extremes() -> None:
    """A row at ±1000 costs what it should, and disturbs no other row."""
    loss, g = ag.value_and_grad(lambda z: ag.softmax_cross_entropy(z, np.array([2, 0, 1])))(EXTREME)
    alone = ag.grad(lambda z: ag.softmax_cross_entropy(z, np.array([1])))(EXTREME[2:])
    assert loss == pytest.approx(2000.0 + math.log(3.0) + ag.logsumexp(EXTREME[2]) - 0.2, rel=1e-15)
    np.testing.assert_array_equal(g[0], [1.0, 0.0, -1.0])
    np.testing.assert_array_equal(g[2:], alone)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (np.array([0, 3, 1, 1, 4]), "label 4 is out of range"),
        (np.array([0, -1, 1, 1, 2]), "label -1 is out of range"),
        (np.array([0, 1.5, 1, 1, 2]), "whole numbers"),
        (np.array([0.0, np.nan, 1.0, 1.0, 2.0]), "whole numbers"),
        (np.zeros((5, 3)), r"targets of shape \(5, 3\) for logits of shape \(5, 4\)"),
        (np.zeros(4, int), r"expected labels of shape \(5,\)"),
    ],
)
def test_wrong_targets_are_refused(targets: Any, message: str) -> None:
    """With what came and what is allowed."""
    z, _, _ = batch()
    with pytest.raises(ValueError, match=message):
        ag.softmax_cross_entropy(z, targets)
    with pytest.raises(ValueError, match=message):
        ag.softmax_cross_entropy(ag.tensor(z, requires_grad=True), targets)


def test_an_empty_batch_has_the_loss_0() -> None:
    """No rows, no loss, a gradient of the right shape."""
    z = np.zeros((0, 4))
    for t in (np.zeros(0, int), np.zeros((0, 4))):
        loss, g = ag.value_and_grad(lambda z, t=t: ag.softmax_cross_entropy(z, t))(z)
        assert loss == 0.0
        assert g.shape == (0, 4)


@pytest.mark.parametrize(
    "x", [[[1, 2], [3, 5]], [[True, False], [True, True]]], ids=["int", "bool"]
)
def test_integers_and_truth_values_are_taken_as_floats(x: Any) -> None:
    """In lists and arrays, as by NumPy's functions."""
    floats = np.array(x, float)
    for f in (ag.softmax, ag.log_softmax, ag.logsumexp):
        for given in (x, np.array(x)):
            np.testing.assert_array_equal(f(given), f(floats))
    assert ag.softmax_cross_entropy(x, [0, 1]) == ag.softmax_cross_entropy(floats, [0, 1])
    assert ag.softmax(3) == 1.0


@pytest.mark.parametrize("label", [2, 2.0, np.int8(2), np.array(2)], ids=repr)
def test_one_row_takes_one_label(label: Any) -> None:
    """A number, for logits of one axis: forward, backward and in a program."""
    z = np.array([0.5, -1.0, 2.0])
    expected = ag.softmax(z) - np.eye(3)[2]
    loss = lambda z: ag.softmax_cross_entropy(z, label)
    np.testing.assert_allclose(ag.grad(loss)(z), expected, rtol=1e-14)
    np.testing.assert_allclose(ag.compile(ag.grad(loss))(z), expected, rtol=1e-14)
    assert ag.jvp(loss, (z,), (z,))[1] == pytest.approx(expected @ z, rel=1e-14)
