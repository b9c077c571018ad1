"""The engine's gradients are the lecture's, to twelve digits of every parameter's largest entry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
import nn

SIZES = {1: [6, 5], 2: [6, 7, 5], 3: [6, 7, 4, 5], 4: [6, 7, 4, 8, 5]}


def network(layers: int, hidden: str, output: str, init: str, dtype: Any = np.float64) -> nn.MLP:
    """An MLP with that many hidden layers; of one output neuron for regression."""
    sizes = [*SIZES[layers], 4 if output == "softmax" else 1]
    return nn.MLP(sizes, hidden=hidden, output=output, init=init, dtype=dtype, rng=3)


def problem(n: int, output: str) -> tuple[Any, Any]:
    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, 6))
    if output == "softmax":
        return X, rng.integers(0, 4, n)
    return X, rng.normal(size=n) if output == "identity" else rng.integers(0, 2, n)


@pytest.mark.parametrize("n", [1, 7, 256])
@pytest.mark.parametrize("output", ["softmax", "identity", "sigmoid"])
@pytest.mark.parametrize("hidden", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize("init", ["he", "xavier", "normal"])
def test_every_parameter_agrees(init: str, layers: int, hidden: str, output: str, n: int) -> None:
    """For one to four hidden layers, all activations, problems and batches, and every start."""
    model = network(layers, hidden, output, init)
    report = nn.closed_form.compare(model, *problem(n, output), interior=True)
    assert report.ok, report
    assert all(row.relative <= 1e-12 for row in report.rows)
    assert len(report.rows) == 4 * (layers + 1) - 1  # W, b, Z of each layer, A of the hidden ones


@pytest.mark.parametrize("init", ["he", "normal"])
def test_the_digits_agree_where_softmax_saturates(init: str) -> None:
    """784-50-10's little sister on real data, from N(0, 1) with probabilities that underflow."""
    X, labels = nn.data.load_digits()
    model = nn.MLP([64, 50, 10], init=init, rng=0)
    if init == "normal":
        assert model(X).data.min() < 1e-30
    assert nn.closed_form.compare(model, X, labels).ok


def test_float32_agrees_to_its_own_precision() -> None:
    model = network(2, "tanh", "softmax", "he", np.float32)
    report = nn.closed_form.compare(model, *problem(64, "softmax"))
    assert report.ok, report
    assert all(p.dtype == np.float32 for p in model.parameters())


def test_a_hidden_activation_per_layer_agrees() -> None:
    model = nn.MLP([6, 5, 4, 7, 4], hidden=["tanh", "relu", "sigmoid"], init="xavier", rng=1)
    assert nn.closed_form.compare(model, *problem(20, "softmax"), interior=True).ok


def test_no_hidden_layer_is_softmax_regression() -> None:
    assert nn.closed_form.compare(nn.MLP([6, 4], rng=0), *problem(20, "softmax")).ok


def test_a_wrong_engine_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """One entry of one gradient that is off by 1e-10 of the largest fails that row alone."""
    gradients = ag.gradients

    def wrong(output: Any, inputs: Any) -> Any:
        found = gradients(output, inputs)
        found[2][0, 0] += 1e-10 * np.abs(found[2]).max()
        return found

    monkeypatch.setattr(ag, "gradients", wrong)
    report = nn.closed_form.compare(network(1, "relu", "softmax", "he"), *problem(7, "softmax"))
    assert not report.ok
    assert [row.name for row in report.rows if not row.passed] == ["W2"]
    assert report.worst.name == "W2"


@pytest.mark.parametrize("route", ["fused", "softmax and log"])
def test_both_routes_to_the_output_gradient_agree(route: str) -> None:
    """Through softmax and log one after the other, or fused: Z_L^(g) = Y_hat − Y."""
    model = network(2, "tanh", "softmax", "xavier")
    X, labels = problem(30, "softmax")
    Y = nn.data.one_hot(labels, 4)
    Z, A = model.activations(X)
    loss = nn.softmax_cross_entropy(Z[-1], Y) if route == "fused" else nn.cross_entropy(A[-1], Y)
    Z_g = ag.gradients(loss, Z[-1])
    assert np.abs(Z_g - (A[-1].data - Y)).max() <= 1e-12


def test_the_gradient_of_the_output_itself_is_the_lectures() -> None:
    """A_L^(g) = −Y ⊙ Y_hat^(−1) for classification, y_hat − y for regression."""
    X, labels = problem(9, "softmax")
    Y = nn.data.one_hot(labels, 4)
    _, A = network(1, "relu", "softmax", "xavier").activations(X)
    A_g = ag.gradients(nn.cross_entropy(A[-1], Y), A[-1])
    np.testing.assert_allclose(A_g, nn.closed_form.output_gradient(Y, A[-1].data, "softmax"))

    X, y = problem(9, "identity")
    _, A = network(1, "relu", "identity", "xavier").activations(X)
    A_g = ag.gradients(nn.squared_error(A[-1], y[:, None]), A[-1])
    np.testing.assert_allclose(A_g, A[-1].data - y[:, None], rtol=1e-14)


def test_differences_say_who_is_wrong_and_what_the_mistake_looks_like(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = nn.closed_form.backward_steps

    def mistaken(*args: Any) -> Any:
        for name, g in steps(*args):
            yield name, g / 7 if name in ("W1", "Z1") else g

    monkeypatch.setattr(nn.closed_form, "backward_steps", mistaken)
    for dropout in (0.0, 0.5):
        model = nn.MLP([6, 5, 4], hidden="tanh", init="xavier", dropout=dropout, rng=0)
        report = nn.closed_form.compare(model, *problem(7, "softmax"), interior=True)
        verdicts = {row.name: row.verdict for row in report.rows}
        assert {name for name, verdict in verdicts.items() if verdict != "agree"} == {"W1", "Z1"}
        assert (verdicts["W1"], verdicts["Z1"]) == ("hand wrong", "mismatch")
        assert "it is 1/7 of the right gradient: a mean was taken" in str(report)


def test_a_model_without_a_closed_form_is_refused() -> None:
    with pytest.raises(TypeError, match=r"expected an nn\.MLP, got a Linear"):
        nn.closed_form.compare(nn.Linear(2, 3), np.ones((1, 2)), [0])


def test_data_that_are_not_finite_are_refused() -> None:
    X, labels = problem(7, "softmax")
    X[3, 2] = np.nan
    with pytest.raises(ValueError, match="X holds 1 numbers that are nan"):
        nn.closed_form.compare(network(1, "relu", "softmax", "he"), X, labels)


def test_the_report_prints_a_row_per_parameter() -> None:
    text = str(nn.closed_form.compare(nn.MLP([6, 5, 4], rng=0), *problem(7, "softmax")))
    assert text.startswith("6-5-4: the lecture's backward pass against the engine: ok")
    for cell in ("W1", "(6, 5)", "b2", "ulps", "relative", "max |Δ|"):
        assert cell in text
