"""L1 and L2 pull weights, not biases, and are the closed form's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
import nn

MODEL = nn.MLP([3, 4, 2], hidden="tanh", init="normal", rng=0)
WEIGHTS = [MODEL.W1.data, MODEL.W2.data]


def test_l1_is_the_sum_of_absolute_weights() -> None:
    expected = 0.3 * sum(np.abs(W).sum() for W in WEIGHTS)
    assert nn.l1_penalty(MODEL, 0.3).item() == pytest.approx(expected, rel=1e-14)
    g = ag.grad(lambda m: nn.l1_penalty(m, 0.3))(MODEL)
    np.testing.assert_array_equal(g.W1, 0.3 * np.sign(MODEL.W1.data))
    assert not g.b1.any()


def test_l2_is_half_the_sum_of_squared_weights() -> None:
    expected = 0.3 / 2 * sum((W**2).sum() for W in WEIGHTS)
    assert nn.l2_penalty(MODEL, 0.3).item() == pytest.approx(expected, rel=1e-14)
    g = ag.grad(lambda m: nn.l2_penalty(m, 0.3))(MODEL)
    np.testing.assert_allclose(g.W2, 0.3 * MODEL.W2.data, rtol=1e-14)
    assert not g.b2.any()


def test_biases_are_penalised_where_asked() -> None:
    g = ag.grad(lambda m: nn.l2_penalty(m, 0.3, biases=True))(MODEL)
    np.testing.assert_allclose(g.b1, 0.3 * MODEL.b1.data, rtol=1e-14)


@pytest.mark.parametrize(("l1", "l2"), [(0.1, 0.0), (0.0, 0.1), (0.1, 0.2)])
def test_the_closed_form_agrees(l1: float, l2: float) -> None:
    X, labels = np.random.default_rng(0).normal(size=(9, 3)), np.arange(9) % 2
    report = nn.closed_form.compare(MODEL, X, labels, l1=l1, l2=l2)
    assert report.ok, report
    unpenalised = nn.closed_form.compare(MODEL, X, labels)
    assert report.rows[0].norm != unpenalised.rows[0].norm


def test_penalties_take_any_pytree_and_keep_its_dtype() -> None:
    weights = {"W": np.full((2, 2), 2.0, np.float32), "b": np.ones(2, np.float32)}
    value = nn.l2_penalty(weights, 0.5)
    assert value == 4
    assert value.dtype == np.float32


def test_a_penalty_joins_a_loss_in_fit() -> None:
    """The penalised weights end up smaller."""
    X, labels = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2

    def norm(lam: float) -> Any:
        model = nn.MLP([3, 8, 2], init="xavier", rng=0)
        nn.fit(
            model, X, labels, optimizer=nn.GradientDescent(0.02), epochs=100,
            loss=lambda m, X, Y: nn.softmax_cross_entropy(m.logits(X), Y) + nn.l2_penalty(m, lam),
        )  # fmt: skip
        return np.linalg.norm(model.W1.data)

    assert norm(2.0) < 0.5 * norm(0.0)


@pytest.mark.parametrize("penalty", [nn.l1_penalty, nn.l2_penalty])
def test_what_is_no_penalty_is_refused(penalty: Any) -> None:
    for lam in (-1, float("nan"), "a", None):
        with pytest.raises(ValueError, match=f"lam must be a number of at least 0, got {lam!r}"):
            penalty(MODEL, lam)
    with pytest.raises(ValueError, match="there are no weights; of biases alone pass biases=True"):
        penalty({"b": np.ones(2)}, 0.1)
    assert penalty(MODEL, 0).item() == 0
