"""Linear, activations and Sequential compute what they say, in the dtype of their weights."""

from __future__ import annotations

from math import erf
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
import nn

RNG = np.random.default_rng(0)
A = RNG.normal(size=(5, 3))


def test_linear_is_the_lectures_equation() -> None:
    layer = nn.Linear(3, 2, rng=0)
    assert layer.W.shape == (3, 2)
    assert layer.b is not None
    assert layer.b.shape == (2,)
    np.testing.assert_array_equal(layer(A).data, A @ layer.W.data + layer.b.data)
    assert (layer.n_in, layer.n_out) == (3, 2)


def test_linear_draws_its_bias_only_from_the_lectures_start() -> None:
    assert nn.Linear(3, 2, init="normal", rng=0).b.data.all()
    assert not nn.Linear(3, 2, init="he", rng=0).b.data.any()


def test_linear_may_have_no_bias() -> None:
    layer = nn.Linear(3, 2, bias=False, rng=0)
    assert layer.b is None
    assert [path for path, _ in layer.named_parameters()] == ["W"]
    np.testing.assert_array_equal(layer(A).data, A @ layer.W.data)
    assert repr(layer) == "Linear(3, 2, bias=False)"


def test_linear_keeps_leading_axes() -> None:
    layer = nn.Linear(3, 2, rng=0)
    assert layer(np.ones((4, 5, 3))).shape == (4, 5, 2)
    assert layer(np.ones(3)).shape == (2,)


@pytest.mark.parametrize("X", [A, A.astype(int), A > 0, ag.tensor(A), A.tolist()])
def test_the_weights_dtype_is_computed_in(X: Any) -> None:
    """Float64 data, tensors, ints and lists do not make a float32 network compute in float64."""
    layer = nn.Linear(3, 2, dtype=np.float32, rng=0)
    Z = layer(X)
    assert Z.dtype == np.float32
    np.sum(Z).backward()
    assert layer.W.grad.dtype == np.float32


def test_the_gradient_of_the_input_passes_the_change_of_dtype() -> None:
    X = ag.tensor(A, requires_grad=True)
    np.sum(nn.Linear(3, 2, dtype=np.float32, rng=0)(X)).backward()
    assert X.grad.dtype == np.float64
    assert X.grad.all()


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((5, 4)), r"expected an input of shape \(n, 3\).*got \(5, 4\)$"),
        (np.ones((3, 5)), r"got \(3, 5\) \(is it transposed\?\)"),
        (np.float64(1.0), r"got \(\)"),
    ],
)
def test_an_input_of_another_width_is_refused(X: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nn.Linear(3, 2)(X)


@pytest.mark.parametrize("X", [np.array([["a", "b", "c"]]), np.ones((1, 3), complex)])
def test_an_input_that_is_no_numbers_is_refused(X: Any) -> None:
    with pytest.raises(TypeError, match="expected real numbers as input, got dtype"):
        nn.Linear(3, 2)(X)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.Identity(), A),
        (nn.Sigmoid(), 1 / (1 + np.exp(-A))),
        (nn.Tanh(), np.tanh(A)),
        (nn.ReLU(), np.where(A > 0, A, 0)),
        (nn.LeakyReLU(), np.where(A > 0, A, 0.01 * A)),
        (nn.LeakyReLU(0.3), np.where(A > 0, A, 0.3 * A)),
        (nn.ELU(), np.where(A > 0, A, np.exp(A) - 1)),
        (nn.ELU(2.0), np.where(A > 0, A, 2 * (np.exp(A) - 1))),
        (nn.GELU(), A * (1 + np.vectorize(erf)(A / np.sqrt(2))) / 2),
        (nn.GELU(approximate=True), A * ag.sigmoid(1.5957691216 * (A + 0.044715 * A**3))),
        (nn.Softplus(), np.log(1 + np.exp(A))),
        (nn.Softmax(), np.exp(A) / np.exp(A).sum(axis=1, keepdims=True)),
    ],
)
def test_activations_compute_their_functions(layer: Any, expected: Any) -> None:
    np.testing.assert_allclose(layer(A), expected, rtol=1e-9)
    np.testing.assert_array_equal(layer(ag.tensor(A)).data, layer(A))
    assert layer.parameters() == []


def test_sequential_runs_layers_and_plain_functions_in_order() -> None:
    first, last = nn.Linear(3, 4, rng=0), nn.Linear(4, 2, rng=1)
    model = nn.Sequential(first, np.tanh, last)
    expected = np.tanh(A @ first.W.data + first.b.data) @ last.W.data + last.b.data
    np.testing.assert_allclose(model(A).data, expected, rtol=1e-14)
    assert [path for path, _ in model.named_parameters()] == [
        "layers[0].W", "layers[0].b", "layers[2].W", "layers[2].b",
    ]  # fmt: skip
    assert [p.name for p in model.parameters()] == ["W1", "b1", "W2", "b2"]


@pytest.mark.parametrize("value", ["a", None, np.nan, np.inf, True])
def test_options_of_activations_are_numbers(value: Any) -> None:
    with pytest.raises(ValueError, match=f"LeakyReLU: slope must be a number, got {value!r}"):
        nn.LeakyReLU(value)
    with pytest.raises(ValueError, match=f"ELU: alpha must be a number, got {value!r}"):
        nn.ELU(value)
    assert nn.LeakyReLU(np.float64(0.2))(np.float32([-1.0])).dtype == np.float32


def test_sequential_refuses_what_cannot_be_called() -> None:
    with pytest.raises(TypeError, match="a layer is a function or a Module, layer 1 is 3"):
        nn.Sequential(nn.Linear(2, 2), 3)
    with pytest.raises(TypeError, match=r"layer 1 is the class ReLU; pass a layer of it, ReLU\("):
        nn.Sequential(nn.Linear(2, 2), nn.ReLU)
    with pytest.raises(TypeError, match=r"layer 0 is \[Linear.*; pass them one by one"):
        nn.Sequential([nn.Linear(2, 2)])


@pytest.mark.parametrize("last", [nn.Softmax(), nn.Sigmoid()])
def test_logits_stop_before_the_output_activation(last: Any) -> None:
    linear = nn.Linear(3, 2, rng=0)
    model = nn.Sequential(linear, last)
    np.testing.assert_array_equal(model.logits(A).data, linear(A).data)
    np.testing.assert_allclose(model(A).data, last(linear(A)).data, rtol=1e-15)


def test_logits_of_a_model_without_output_activation_are_its_output() -> None:
    model = nn.Sequential(nn.Linear(3, 2, rng=0))
    np.testing.assert_array_equal(model.logits(A).data, model(A).data)


def test_sequential_predicts_labels_from_softmax_and_sigmoid_else_values() -> None:
    linear = nn.Linear(3, 2, rng=0)
    Z = linear(A).data
    np.testing.assert_array_equal(nn.Sequential(linear, nn.Softmax()).predict(A), Z.argmax(axis=1))
    np.testing.assert_array_equal(nn.Sequential(linear, nn.Sigmoid()).predict(A), Z > 0)
    np.testing.assert_array_equal(nn.Sequential(linear).predict(A), Z)


def test_sequential_summary_counts_weights_and_biases(capsys: pytest.CaptureFixture[str]) -> None:
    nn.Sequential(nn.Linear(784, 50), nn.ReLU(), nn.Linear(50, 10), nn.Softmax()).summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["Linear(784,", "50)", "(n,", "50)", "39,200", "50"]
    assert lines[3].split() == ["ReLU()", "(n,", "50)", "0", "0"]
    assert lines[-1] == "39,700 + 60 = 39,760 parameters"


def test_repr_shows_the_layers() -> None:
    model = nn.Sequential(nn.Linear(3, 2), np.tanh, nn.Softmax())
    assert repr(model) == "Sequential(Linear(3, 2), tanh, Softmax())"
    assert repr(nn.ELU(2.0)) == "ELU(alpha=2.0)"
