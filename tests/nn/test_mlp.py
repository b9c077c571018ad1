"""MLP is the lecture's network: its shapes, its parameters, its equations, its predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
import nn

X = np.random.default_rng(0).normal(size=(7, 6))


def test_parameters_have_the_lectures_names_and_shapes() -> None:
    model = nn.MLP([784, 50, 10])
    shapes = {name: p.shape for name, p in model.named_parameters()}
    assert shapes == {"W1": (784, 50), "b1": (50,), "W2": (50, 10), "b2": (10,)}
    assert [p.name for p in model.parameters()] == list(shapes)


def test_the_lectures_network_has_39760_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.MLP([784, 50, 10])
    assert sum(p.size for p in model.parameters()) == 39_760
    model.summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["layer", "output", "shape", "weights", "biases"]
    assert lines[3].split() == ["hidden", "1,", "relu", "(n,", "50)", "39,200", "50"]
    assert lines[4].split() == ["output,", "softmax", "(n,", "10)", "500", "10"]
    assert lines[-1] == "39,700 + 60 = 39,760 parameters"
    assert repr(model) == "MLP(784-50-10, relu → softmax, 39,760 parameters)"


@pytest.mark.parametrize("sizes", [[6, 3], [6, 5, 3], [6, 5, 4, 3], [6, 5, 4, 5, 3]])
@pytest.mark.parametrize("hidden", ["relu", "tanh", "sigmoid", "identity"])
@pytest.mark.parametrize("output", ["softmax", "sigmoid", "identity"])
def test_the_forward_pass_is_the_hand_derived_one(
    sizes: list[int], hidden: str, output: str
) -> None:
    model = nn.MLP(sizes, hidden=hidden, output=output, init="xavier", rng=0)
    Z, A = model.activations(X)
    params = {name: p.data for name, p in model.named_parameters()}
    Z_hand, A_hand = nn.closed_form.forward_pass(X, params, hidden, output)
    assert Z[0] is None
    assert A[0] is X
    for l in range(1, len(sizes)):
        np.testing.assert_allclose(Z[l].data, Z_hand[l], rtol=1e-13)
        np.testing.assert_allclose(A[l].data, A_hand[l], rtol=1e-13)
    np.testing.assert_array_equal(model(X).data, A[-1].data)
    np.testing.assert_array_equal(model.logits(X).data, Z[-1].data)


def test_results_carry_the_lectures_names() -> None:
    Z, A = nn.MLP([6, 5, 4, 3], rng=0).activations(ag.tensor(X, name="X"))
    assert [z.name for z in Z[1:]] == ["Z1", "Z2", "Z3"]
    assert [a.name for a in A] == ["X", "A1", "A2", "Y_hat"]


@pytest.mark.parametrize("output", ["identity", "sigmoid"])
def test_one_output_neuron_gives_a_vector(output: str) -> None:
    """Of size n, so that (n, 1) never meets (n,) by broadcasting."""
    model = nn.MLP([6, 4, 1], output=output, rng=0)
    assert model(X).shape == (7,)
    assert model.logits(X).shape == (7,)
    assert model.predict(X).shape == (7,)


def test_predictions_are_the_likeliest_labels() -> None:
    model = nn.MLP([6, 5, 3], rng=0)
    labels = model.predict(X)
    assert labels.dtype.kind == "i"
    np.testing.assert_array_equal(labels, model(X).data.argmax(axis=1))


def test_predictions_of_two_classes_are_zero_or_one() -> None:
    model = nn.MLP([6, 5, 1], output="sigmoid", rng=0)
    np.testing.assert_array_equal(model.predict(X), model(X).data > 0.5)
    assert model.predict(X).dtype == np.int64


def test_predictions_of_regression_are_the_values() -> None:
    model = nn.MLP([6, 5, 1], output="identity", rng=0)
    y_hat = model.predict(X)
    np.testing.assert_array_equal(y_hat, model(X).data)
    y_hat[0] = 7.0  # the caller's own array


def test_predicting_from_what_is_not_finite_is_refused() -> None:
    bad = X.copy()
    bad[2, 3] = np.inf
    with pytest.raises(ValueError, match="predict: X holds 1 numbers that are nan or infinite"):
        nn.MLP([6, 3]).predict(bad)


def test_the_start_is_normal_biases_included() -> None:
    model = nn.MLP([784, 50, 10], rng=0)
    assert model.W1.data.std() == pytest.approx(1, abs=0.02)
    assert model.b1.data.std() == pytest.approx(1, abs=0.3)
    assert not nn.MLP([784, 50, 10], init="he", rng=0).b1.data.any()


def test_a_seed_repeats_the_start_in_either_dtype() -> None:
    one, two = (nn.MLP([6, 5, 3], rng=4, dtype=t) for t in (np.float64, np.float32))
    np.testing.assert_array_equal(one.W2.data.astype(np.float32), two.W2.data)
    assert two(X).dtype == np.float32


def test_hidden_activations_may_differ_by_layer() -> None:
    model = nn.MLP([6, 5, 4, 3], hidden=["tanh", "relu"], rng=0)
    Z, A = model.activations(X)
    np.testing.assert_array_equal(A[1].data, np.tanh(Z[1].data))
    np.testing.assert_array_equal(A[2].data, np.maximum(Z[2].data, 0))


@pytest.mark.parametrize("hidden", ["leaky_relu", "elu", "gelu", "softplus"])
def test_activations_beyond_the_lecture_train_and_have_no_closed_form(hidden: str) -> None:
    model = nn.MLP([6, 5, 3], hidden=hidden, init="he", rng=0)
    labels = np.arange(7) % 3
    nn.softmax_cross_entropy(model.logits(X), labels).backward()
    assert all(p.grad.any() for p in model.parameters())
    with pytest.raises(ValueError, match=hidden):
        nn.closed_form.compare(model, X, labels)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ([6], {}, r"at least two positive whole numbers S_0, …, S_L, got \[6\]"),
        ([6, 0, 2], {}, r"got \[6, 0, 2\]"),
        ([6, 2.5, 2], {}, r"got \[6, 2\.5, 2\]"),
        ([6, 5, 2], {"hidden": "swish"}, "unknown activation 'swish'; choose one of 'sigmoid'"),
        ([6, 2], {"hidden": "swish"}, "unknown activation 'swish'"),
        ([6, 5, 4, 2], {"hidden": ["relu"]}, "hidden has 1 names for 2 hidden layers"),
        ([6, 5, 2], {"output": "argmax"}, "unknown output 'argmax'; choose one of 'softmax'"),
        ([6, 5, 1], {}, "softmax over one output neuron is always 1"),
        ([6, 5, 2], {"init": "glorot"}, "init is 'glorot', expected one of normal"),
    ],
)
def test_what_makes_no_network_is_refused(arguments: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nn.MLP(arguments, **options)


@pytest.mark.parametrize("hidden", [None, np.tanh, {"relu"}])
def test_hidden_activations_go_by_name(hidden: Any) -> None:
    with pytest.raises(
        TypeError, match=r"hidden must be a name, or a list.*make an nn\.Sequential"
    ):
        nn.MLP([6, 5, 2], hidden=hidden)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.ones((4, 5)), r"MLP: expected an input of shape \(n, 6\).*got \(4, 5\)"),
        (np.ones((6, 4)), "is it transposed"),
        (np.ones(6), r"expected X of shape \(n, 6\), got \(6,\); of one data point pass X\[None\]"),
    ],
)
def test_data_of_another_shape_are_refused(data: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nn.MLP([6, 3])(data)
