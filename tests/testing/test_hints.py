"""Every pattern in an error is called by its name, and no pattern is seen where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite.testing import check_grads

rng = np.random.default_rng(0)
W = rng.normal(size=(4, 4))
X = rng.normal(size=(6, 4))
T = rng.normal(size=(6, 4))


def loss(W: Any) -> Any:
    return np.sum(np.tanh(X @ W) * T)


def gradient(W: Any) -> Any:
    return X.T @ (T * (1 - np.tanh(X @ W) ** 2))


def hint(f: Callable[..., Any], *args: Any, grad: Any) -> str:
    report = check_grads(f, *args, grad=grad)
    assert not report.ok, report
    return report.worst.hints[-1] if report.worst.hints else ""


def test_a_right_gradient_has_no_hint() -> None:
    report = check_grads(loss, W, grad=gradient)
    assert report.ok
    assert not report.worst.hints


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (2.0, "constant ratio: it is 2 times"),
        (0.5, "constant ratio: it is 1/2 of"),
        (1.5, "constant ratio: it is 3/2 times"),
        (-1.0, "sign"),
        (-2.0, "the sign is wrong, and constant ratio: it is 2 times"),
        (0.0, "zero"),
        (1.0009, "constant ratio: it is 1.0009 times"),
        (1 / 321, "constant ratio: it is 1/321 of the right gradient"),
        (321.0, "constant ratio: it is 321 times the right gradient"),
    ],
)
def test_a_constant_factor_is_named(factor: float, said: str) -> None:
    assert said in hint(loss, W, grad=lambda W: factor * gradient(W))


def test_a_mean_for_a_sum_over_the_batch_is_named() -> None:
    def f(W: Any, X: Any) -> Any:
        return np.sum(np.tanh(X @ W) * T)

    X32 = rng.normal(size=(6, 4))
    said = hint(f, W, X32, grad=lambda W, X: (np.zeros_like(W), np.zeros_like(X)))
    assert "zero" in said
    report = check_grads(
        f, W, X32, wrt=0, grad=lambda W, X: X.T @ (T * (1 - np.tanh(X @ W) ** 2)) / 6
    )
    assert "1/6 of the right gradient: a mean was taken where f has the sum over 6" in str(report)


def test_a_sum_for_a_mean_over_the_batch_is_named() -> None:
    def f(w: Any, X: Any) -> Any:
        return np.mean(np.tanh(X @ w))

    X = rng.normal(size=(17, 3))
    w = rng.normal(size=3)
    report = check_grads(f, w, X, wrt=0, grad=lambda w, X: X.T @ (1 - np.tanh(X @ w) ** 2))
    assert "17 times the right gradient: a sum was taken where f has the mean over 17" in str(
        report
    )


def test_a_transpose_is_named_in_the_right_shape_and_the_wrong_one() -> None:
    assert "transposed: entry (i, j)" in hint(loss, W, grad=lambda W: gradient(W).T.copy())
    V = rng.normal(size=(4, 3))
    U = rng.normal(size=(6, 3))
    said = hint(
        lambda V: np.sum(np.tanh(X @ V) * U),
        V,
        grad=lambda V: (X.T @ (U * (1 - np.tanh(X @ V) ** 2))).T,
    )
    assert said == "transposed: its transpose is the right gradient"


def test_a_permutation_is_named() -> None:
    assert "permuted: reversed along axis 0" in hint(loss, W, grad=lambda W: gradient(W)[::-1])
    order = rng.permutation(16)
    said = hint(loss, W, grad=lambda W: gradient(W).ravel()[order].reshape(4, 4))
    assert "permuted: the right values are there" in said


def bias_loss(b: Any) -> Any:
    return np.sum(np.tanh(X + b) * T)


def unsummed(b: Any) -> Any:
    return T * (1 - np.tanh(X + b) ** 2)


def test_a_sum_left_out_is_named_with_its_axis() -> None:
    said = hint(bias_loss, W[0], grad=unsummed)
    assert "not summed over the broadcast axis" in said
    assert "sum the gradient over axis 0" in said
    column = rng.normal(size=(6, 1))
    assert "over axis 1" in hint(bias_loss, column, grad=unsummed)
    assert "over axis (0, 1)" in hint(bias_loss, 0.3, grad=unsummed)


def test_a_sum_left_out_of_wrong_values_is_suspected() -> None:
    assert "it seems, and the sum is wrong" in hint(
        bias_loss, W[0], grad=lambda b: unsummed(b) ** 2
    )


def test_a_sum_over_too_many_axes_is_named() -> None:
    total = "the sum of the right gradient's entries"
    assert total in hint(bias_loss, W[0], grad=lambda b: unsummed(b).sum())
    assert total in hint(bias_loss, W[0], grad=lambda b: np.full(4, unsummed(b).sum()))


def test_a_shape_that_is_all_that_is_wrong_is_named() -> None:
    said = hint(bias_loss, W[0], grad=lambda b: unsummed(b).sum(0).reshape(2, 2))
    assert said == "only the shape is wrong: reshape it to (4,)"


def test_the_gradient_of_another_parameter_is_named() -> None:
    def f(A: Any, B: Any) -> Any:
        return np.sum(np.tanh(A) * B)

    A, B = rng.normal(size=(2, 3, 5))
    report = check_grads(f, A, B, grad=lambda A, B: (np.tanh(A), B * (1 - np.tanh(A) ** 2)))
    assert "its right gradient stands at B" in str(report)
    assert "its right gradient stands at A" in str(report)


def test_a_softmax_without_its_cross_term_is_named() -> None:
    V = rng.normal(size=(4, 3))
    Y = rng.normal(size=(6, 3))

    def f(V: Any) -> Any:
        return np.sum(ag.softmax(X @ V) * Y)

    def without(V: Any) -> Any:
        y = ag.softmax(X @ V)
        return X.T @ (Y * y)

    def diagonal(V: Any) -> Any:
        y = ag.softmax(X @ V)
        return X.T @ (Y * y * (1 - y))

    assert "softmax without its cross term" in hint(f, V, grad=without)
    assert "softmax without its cross term" in hint(f, V, grad=diagonal)


def test_a_single_wrong_entry_is_said_to_be_alone() -> None:
    def grad(W: Any) -> Any:
        g = gradient(W)
        g[1, 2] += 1
        return g

    report = check_grads(loss, W, grad=grad)
    assert report.worst.index == (1, 2)
    assert report.worst.hints == ("the other 15 entries looked at are right",)


def test_noise_has_no_pattern() -> None:
    noise = rng.normal(size=(4, 4))
    assert hint(loss, W, grad=lambda W: noise) == ""


def test_patterns_are_seen_in_arrays_too_large_to_measure() -> None:
    V = rng.normal(size=(60, 50))
    Z = rng.normal(size=(8, 60))
    U = rng.normal(size=(8, 50))

    def f(V: Any) -> Any:
        return np.sum(np.tanh(Z @ V) * U)

    def g(V: Any) -> Any:
        return Z.T @ (U * (1 - np.tanh(Z @ V) ** 2))

    assert "it is 2 times" in hint(f, V, grad=lambda V: 2 * g(V))
    assert "sign" in hint(f, V, grad=lambda V: -g(V))
    assert "zero" in hint(f, V, grad=lambda V: 0 * g(V))
    assert "transposed" in hint(f, V, grad=lambda V: g(V).T)
    assert "reversed along axis 1" in hint(f, V, grad=lambda V: g(V)[:, ::-1])
