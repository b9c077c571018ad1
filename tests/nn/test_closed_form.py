"""The hand-derived passes are right: against central differences, by hand, and by other routes."""

from __future__ import annotations

import itertools
import math
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

import nn
from nn import closed_form as cf
from nn import init
from nn.data import one_hot

Array: TypeAlias = NDArray[Any]
Params: TypeAlias = dict[str, Array]

HIDDEN = ("sigmoid", "tanh", "relu")
OUTPUT = ("identity", "softmax", "sigmoid")


def start(sizes: list[int], rule: str = "xavier", seed: int = 8, dtype: Any = float) -> Params:
    """W1, b1, … of a network of these layer sizes, with biases drawn too."""
    rng = np.random.default_rng(seed)
    params = {}
    for l, (n_in, n_out) in enumerate(itertools.pairwise(sizes), start=1):
        params[f"W{l}"], _ = init.weights_and_bias(rule, n_in, n_out, rng=rng, dtype=dtype)
        params[f"b{l}"] = rng.normal(size=n_out).astype(dtype)
    return params


def problem(n: int, sizes: list[int], output: str, seed: int = 9) -> tuple[Array, Array]:
    """X and targets that suit the output."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, sizes[0]))
    if output == "softmax":
        return X, one_hot(rng.integers(0, sizes[-1], n), sizes[-1])
    if output == "sigmoid":
        return X, rng.integers(0, 2, (n, sizes[-1])).astype(float)
    return X, rng.normal(size=(n, sizes[-1]))


def penalised_loss(X: Array, Y: Array, params: Params, *network: Any, **options: Any) -> float:
    l1, l2 = options.pop("l1", 0.0), options.pop("l2", 0.0)
    _, A = cf.forward_pass(X, params, *network, **options)
    weights = [W for name, W in params.items() if name.startswith("W")]
    penalty = sum(l1 * np.abs(W).sum() + l2 / 2 * (W**2).sum() for W in weights)
    return cf.loss(Y, A[-1], network[1]) + float(penalty)


EPS = 4e-4


def central_differences(
    X: Array, Y: Array, params: Params, *network: Any, **options: Any
) -> Params:
    """8 (loss(w + ε) − loss(w − ε)) − (loss(w + 2ε) − loss(w − 2ε)) over 12ε, for each number w.

    The error is of order ε⁴, so that ε can be large enough for rounding not to matter.
    """
    numeric = {}
    for name, value in params.items():
        numeric[name] = np.empty_like(value)
        for i in np.ndindex(value.shape):
            losses = []
            for step in (1, -1, 2, -2):
                moved = value.copy()
                moved[i] += step * EPS
                losses.append(penalised_loss(X, Y, params | {name: moved}, *network, **options))
            one, two = losses[0] - losses[1], losses[2] - losses[3]
            numeric[name][i] = (8 * one - two) / (12 * EPS)
    return numeric


def assert_close(found: Params, expected: Params, tolerance: float) -> None:
    """Every entry within the tolerance of the expected one, relative to its array's largest."""
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].shape == array.shape
        error = np.abs(found[name] - array).max() / np.abs(array).max()
        assert error <= tolerance, f"{name} is off by {error:.1e} of its largest entry"


def backward(
    X: Array, Y: Array, params: Params, hidden: Any, output: str, **options: Any
) -> Params:
    Z, A = cf.forward_pass(X, params, hidden, output, options.get("masks"))
    return cf.backward_pass(Y, Z, A, params, hidden, output, **options)


DEPTHS: list[Any] = [
    *((name, [4, 5, 3]) for name in HIDDEN),
    *((name, [4, 3, 5, 2]) for name in HIDDEN),
    (["tanh", "relu", "sigmoid"], [3, 4, 4, 3, 2]),
    (["relu", "identity", "tanh", "sigmoid"], [3, 4, 3, 3, 4, 2]),
    ("tanh", [4, 3]),
]


@pytest.mark.parametrize("output", OUTPUT)
@pytest.mark.parametrize(("hidden", "sizes"), DEPTHS)
@pytest.mark.parametrize("n", [1, 6])
def test_gradients_equal_central_differences(
    hidden: Any, sizes: list[int], output: str, n: int
) -> None:
    params, (X, Y) = start(sizes), problem(n, sizes, output)
    Z, _ = cf.forward_pass(X, params, hidden, output)
    # The seeds are chosen so that no step crosses a kink of relu and no layer is dead.
    assert min(np.abs(Z_l).min() for Z_l in Z[1:]) > 10 * EPS
    found = backward(X, Y, params, hidden, output)
    assert_close(found, central_differences(X, Y, params, hidden, output), 2e-9)


def test_the_comparison_with_central_differences_sees_a_wrong_gradient() -> None:
    params, (X, Y) = start([4, 5, 3]), problem(6, [4, 5, 3], "softmax")
    numeric = central_differences(X, Y, params, "tanh", "softmax")
    found = backward(X, Y, params, "tanh", "softmax")
    found["W1"][0, 0] += 1e-6 * np.abs(found["W1"]).max()
    with pytest.raises(AssertionError, match=r"W1 is off by 1\.0e-06"):
        assert_close(found, numeric, 2e-9)


def test_the_absurdly_simple_network_equals_the_chain_rule_of_the_slides() -> None:
    """x = 2, w1 = 0.5, b1 = −1, so z1 = 0 and a1 = σ(0) = ½; w2 = 3, b2 = 0.25, ŷ = 1.75."""
    params = {
        "W1": np.array([[0.5]]),
        "b1": np.array([-1.0]),
        "W2": np.array([[3.0]]),
        "b2": np.array([0.25]),
    }
    Z, A = cf.forward_pass([[2.0]], params, "sigmoid", "identity")
    assert Z[0] is None
    assert [Z_l.item() for Z_l in Z[1:]] == [0.0, 1.75]
    assert [A_l.item() for A_l in A] == [2.0, 0.5, 1.75]
    assert cf.loss([1.0], A[2], "identity") == 0.5 * 0.75**2

    gradients = cf.backward_pass([1.0], Z, A, params, "sigmoid", "identity")
    a2_g = 1.75 - 1.0  # ŷ − y
    a1_g = a2_g * 1 * 3.0  # (ŷ − y) g'(z2) w2
    assert gradients["W2"].item() == a2_g * 1 * 0.5  # (ŷ − y) g'(z2) a1
    assert gradients["b2"].item() == a2_g
    assert gradients["W1"].item() == a1_g * 0.25 * 2.0  # g'(z1) = ½ (1 − ½)
    assert gradients["b1"].item() == a1_g * 0.25


def test_the_steps_come_in_the_order_of_the_slides_and_stop_at_w1() -> None:
    params, (X, Y) = start([4, 5, 6, 3]), problem(7, [4, 5, 6, 3], "softmax")
    Z, A = cf.forward_pass(X, params, "tanh", "softmax")
    steps = list(cf.backward_steps(Y, Z, A, params, "tanh", "softmax"))
    names = [name for name, _ in steps]
    assert names == ["Z3", "W3", "b3", "A2", "Z2", "W2", "b2", "A1", "Z1", "W1", "b1"]
    for name, gradient in steps:
        like = params[name] if name in params else (Z if name[0] == "Z" else A)[int(name[1])]
        assert gradient.shape == like.shape
    interior = dict(steps)
    np.testing.assert_array_equal(interior["A2"], interior["Z3"] @ params["W3"].T)
    np.testing.assert_array_equal(interior["Z2"], interior["A2"] * (1 - np.tanh(Z[2]) ** 2))


def test_the_lectures_network_has_39760_parameters_and_as_many_gradients() -> None:
    params = start([784, 50, 10], "he", dtype=np.float32)
    assert sum(value.size for value in params.values()) == 39_760
    X, Y = problem(3, [784, 50, 10], "softmax")
    gradients = backward(X.astype(np.float32), Y, params, "relu", "softmax")
    assert list(gradients) == ["W1", "b1", "W2", "b2"]
    assert sum(gradient.size for gradient in gradients.values()) == 39_760


def test_float32_stays_float32_whatever_the_targets_and_masks_are() -> None:
    params = start([4, 5, 3], dtype=np.float32)
    X = problem(6, [4, 5, 3], "softmax")[0].astype(np.float32)
    Z, A = cf.forward_pass(X, params, "sigmoid", "softmax", masks={1: np.array([1, 0, 1, 1, 0.5])})
    assert {array.dtype.name for array in (*Z[1:], *A)} == {"float32"}
    options: dict[str, Any] = {"masks": {1: np.ones(5, bool)}, "l1": 0.1, "l2": 0.1}
    for Y in (np.array([0, 1, 2, 0, 1, 2]), one_hot([0, 1, 2, 0, 1, 2])):
        gradients = cf.backward_pass(Y, Z, A, params, "sigmoid", "softmax", **options)
        assert {gradient.dtype.name for gradient in gradients.values()} == {"float32"}


def test_inputs_are_left_alone() -> None:
    params, (X, Y) = start([4, 5, 3]), problem(6, [4, 5, 3], "softmax")
    held = [X, Y, *params.values()]
    before = [array.copy() for array in held]
    gradients = backward(X, Y, params, "relu", "softmax", l1=0.1, masks={1: np.ones(5)})
    for array, copy in zip(held, before, strict=True):
        np.testing.assert_array_equal(array, copy)
    for gradient, array in itertools.product(gradients.values(), held):
        assert not np.shares_memory(gradient, array)


# The output layer


def test_both_routes_through_the_softmax_agree() -> None:
    """−Y ⊙ Ŷ⁻¹ times the Jacobian diag(ŷ) − ŷŷᵀ of each row is Ŷ − Y."""
    Z_L = np.random.default_rng(0).normal(size=(20, 10)) * 3
    Y_hat = cf.softmax(Z_L)
    Y = one_hot(np.arange(20) % 10)
    A_g = cf.output_gradient(Y, Y_hat, "softmax")
    np.testing.assert_array_equal(A_g[Y == 0], 0)
    Z_g = np.stack([a_g @ cf.softmax_jacobian(y) for a_g, y in zip(A_g, Y_hat, strict=True)])
    np.testing.assert_allclose(Z_g, Y_hat - Y, rtol=0, atol=1e-14)


def test_both_routes_through_the_sigmoid_agree() -> None:
    z = np.linspace(-9, 9, 40)[:, None]
    y, y_hat = (np.arange(40) % 2)[:, None], cf.sigmoid(z)
    z_g = cf.output_gradient(y, y_hat, "sigmoid") * cf.sigmoid_derivative(z)
    np.testing.assert_allclose(z_g, y_hat - y, rtol=0, atol=1e-12)


def test_the_softmax_jacobian_equals_central_differences() -> None:
    z, eps = np.array([0.3, -1.0, 2.0]), 1e-6
    columns = [
        (cf.softmax(z[None] + eps * e) - cf.softmax(z[None] - eps * e))[0] / (2 * eps)
        for e in np.eye(3)
    ]
    J = cf.softmax_jacobian(cf.softmax(z[None])[0])
    np.testing.assert_allclose(J, np.stack(columns, axis=1), atol=1e-9)


@pytest.mark.parametrize("output", ["identity", "sigmoid"])
def test_a_target_of_size_n_meets_an_output_of_n_by_1_without_broadcasting(output: str) -> None:
    params, (X, Y) = start([4, 5, 1]), problem(6, [4, 5, 1], output)
    Z, A = cf.forward_pass(X, params, "tanh", output)
    assert A[2].shape == (6, 1)
    assert cf.loss(Y, A[2], output) == cf.loss(Y[:, 0], A[2], output)
    column = cf.backward_pass(Y, Z, A, params, "tanh", output)
    vector = cf.backward_pass(Y[:, 0], Z, A, params, "tanh", output)
    for name in params:
        np.testing.assert_array_equal(column[name], vector[name])


def test_labels_and_one_hot_rows_give_one_loss_and_one_gradient() -> None:
    params, (X, Y) = start([4, 5, 3]), problem(6, [4, 5, 3], "softmax")
    labels = Y.argmax(axis=1).astype(np.uint8)
    Z, A = cf.forward_pass(X, params, "tanh", "softmax")
    assert cf.loss(Y, A[2], "softmax") == cf.loss(labels, A[2], "softmax")
    found = cf.backward_pass(labels, Z, A, params, "tanh", "softmax")
    expected = cf.backward_pass(Y, Z, A, params, "tanh", "softmax")
    for name in params:
        np.testing.assert_array_equal(found[name], expected[name])


def test_losses_are_the_sums_of_the_slides() -> None:
    y, y_hat = np.array([1.0, 2.0, 4.0]), np.array([[1.5], [1.0], [4.0]])
    assert cf.loss(y, y_hat, "identity") == 0.5 * (0.25 + 1 + 0)
    Y_hat = np.array([[0.5, 0.5, 0.0], [0.25, 0.5, 0.25]])
    assert cf.loss([0, 2], Y_hat, "softmax") == pytest.approx(math.log(2) + math.log(4))
    p = np.array([[0.5], [1.0], [0.0]])
    assert cf.loss([1, 1, 0], p, "sigmoid") == pytest.approx(math.log(2))


def test_activations_are_finite_and_right_at_the_extremes() -> None:
    z = np.array([[-1000.0, 0.0, 1000.0]])
    np.testing.assert_array_equal(cf.sigmoid(z), [[0, 0.5, 1]])
    np.testing.assert_array_equal(cf.softmax(z), [[0, 0, 1]])
    np.testing.assert_array_equal(cf.softmax(z + 1e5), [[0, 0, 1]])
    np.testing.assert_array_equal(cf.sigmoid_derivative(z), [[0, 0.25, 0]])
    np.testing.assert_array_equal(cf.tanh_derivative(z), [[0, 1, 0]])
    np.testing.assert_array_equal(cf.relu_derivative(z), [[0, 0, 1]])


def test_a_saturated_network_has_finite_gradients() -> None:
    """From N(0, 1) with 784 inputs the softmax saturates, and the fused Ŷ − Y does not mind."""
    params, (X, Y) = start([784, 50, 10], "normal"), problem(5, [784, 50, 10], "softmax")
    for gradient in backward(X * 100, Y, params, "relu", "softmax").values():
        assert np.isfinite(gradient).all()


# Masks and penalties


@pytest.mark.parametrize("output", OUTPUT)
def test_gradients_under_dropout_equal_central_differences_with_the_same_masks(output: str) -> None:
    sizes = [4, 6, 5, 2]
    params, (X, Y) = start(sizes), problem(7, sizes, output)
    rng = np.random.default_rng(5)
    whole_batch, per_sample = rng.integers(0, 2, 6), 2.0 * rng.integers(0, 2, (7, 5))
    masks = {1: whole_batch, 2: per_sample}
    found = backward(X, Y, params, "tanh", output, masks=masks)
    numeric = central_differences(X, Y, params, "tanh", output, masks=masks)
    assert_close(found, numeric, 2e-9)
    assert not found["W1"][:, whole_batch == 0].any()
    assert not found["W2"][whole_batch == 0].any()
    listed = backward(X, Y, params, "tanh", output, masks=[None, whole_batch, per_sample, None])
    for name in params:
        np.testing.assert_array_equal(listed[name], found[name])


def test_a_number_as_mask_halves_the_outgoing_weights_as_inference_does() -> None:
    params, (X, _) = start([4, 6, 3]), problem(7, [4, 6, 3], "softmax")
    _, A = cf.forward_pass(X, params, "relu", "softmax", masks={1: 0.5})
    _, halved = cf.forward_pass(X, params | {"W2": params["W2"] / 2}, "relu", "softmax")
    np.testing.assert_allclose(A[2], halved[2], rtol=1e-14)


def test_a_mask_on_the_input_multiplies_whole_numbers_too() -> None:
    params = start([4, 3])
    X = np.arange(8).reshape(2, 4)
    _, A = cf.forward_pass(X, params, "relu", "softmax", masks={0: 0.5})
    np.testing.assert_array_equal(A[0], X / 2)


@pytest.mark.parametrize("penalty", [{"l1": 0.3}, {"l2": 0.7}, {"l1": 0.3, "l2": 0.7}])
def test_penalties_fall_on_the_weights_and_not_on_the_biases(penalty: dict[str, float]) -> None:
    params, (X, Y) = start([4, 5, 3]), problem(6, [4, 5, 3], "softmax")
    found = backward(X, Y, params, "tanh", "softmax", **penalty)
    numeric = central_differences(X, Y, params, "tanh", "softmax", **penalty)
    assert_close(found, numeric, 2e-9)
    plain = backward(X, Y, params, "tanh", "softmax")
    for name, W in params.items():
        on_weight = penalty.get("l1", 0) * np.sign(W) + penalty.get("l2", 0) * W
        added = on_weight if name.startswith("W") else np.zeros_like(W)
        np.testing.assert_array_equal(found[name], plain[name] + added)


# What is refused


PARAMS = start([4, 5, 3])


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"X": np.ones((2, 5))}, r"X has shape \(2, 5\), expected \(n, 4\) for W1 \(4, 5\)"),
        ({"X": np.ones(4)}, r"X has shape \(4,\), expected \(n, 4\)"),
        ({"params": {}}, r"params has the keys \[\], expected \['W1', 'b1'\]"),
        ({"params": {"W1": np.ones((4, 3))}}, r"keys \['W1'\], expected \['W1', 'b1'\]"),
        (
            {"params": PARAMS | {"W2": np.ones((4, 3))}},
            r"W2 has shape \(4, 3\), expected \(5, S_2\)",
        ),
        ({"params": PARAMS | {"W1": np.ones(4)}}, r"W1 has shape \(4,\), expected \(S_0, S_1\)"),
        (
            {"params": PARAMS | {"b2": np.ones((1, 3))}},
            r"b2 has shape \(1, 3\), expected \(3,\) as W2 has",
        ),
        ({"hidden": "swish"}, "hidden is 'swish', expected one of sigmoid, tanh, relu, identity"),
        ({"hidden": ["relu", "relu"]}, "hidden names 2 activations, expected 1"),
        ({"output": "relu"}, "output is 'relu', expected one of identity, softmax, sigmoid"),
        ({"masks": {2: np.ones(3)}}, r"masks for the layers \[2\], expected some of 0\.\.1"),
        ({"masks": {1: np.ones(4)}}, r"masks\[1\] has shape \(4,\), expected \(5,\) or \(2, 5\)"),
        ({"masks": {1: np.ones((3, 2, 5))}}, r"masks\[1\] has shape \(3, 2, 5\)"),
    ],
)
def test_a_forward_pass_of_what_does_not_fit_is_refused(
    changed: dict[str, Any], sentence: str
) -> None:
    given: dict[str, Any] = {
        "X": np.ones((2, 4)),
        "params": PARAMS,
        "hidden": "relu",
        "output": "softmax",
    }
    with pytest.raises(ValueError, match=sentence):
        cf.forward_pass(**(given | changed))


@pytest.mark.parametrize(
    ("Y", "output", "sentence"),
    [
        (np.ones((6, 2)), "identity", r"Y has shape \(6, 2\), expected .* A_L, \(6, 3\)"),
        (np.ones(6), "identity", r"Y has shape \(6,\), expected .* \(6, 3\)"),
        (np.zeros((6, 3)), "softmax", "rows of Y must sum to 1"),
        (np.full(6, 3), "softmax", "label 3 in row 0, expected 0..2"),
        (np.zeros(5, int), "softmax", r"Y has shape \(5, 3\), expected .* \(6, 3\)"),
        (np.full((6, 3), -1), "sigmoid", "Y lies in -1..-1, expected 0..1"),
        (np.full((6, 3), np.nan), "identity", "Y holds 18 numbers that are nan or infinite"),
        (np.zeros((6, 1), int), "softmax", r"has shape \(6, 1\), .*; of labels pass Y\.ravel\(\)"),
    ],
)
def test_targets_that_do_not_fit_are_refused(Y: Array, output: str, sentence: str) -> None:
    X = np.ones((6, 4))
    Z, A = cf.forward_pass(X, PARAMS, "relu", output)
    for meets_targets in (
        lambda: cf.backward_pass(Y, Z, A, PARAMS, "relu", output),
        lambda: cf.loss(Y, A[-1], output),
        lambda: cf.output_gradient(Y, A[-1], output),
    ):
        with pytest.raises(ValueError, match=sentence):
            meets_targets()


def test_a_backward_pass_of_another_networks_z_and_a_is_refused() -> None:
    Y = one_hot([0, 1], 3)
    Z, A = cf.forward_pass(np.ones((2, 4)), start([4, 6, 3]), "relu", "softmax")
    with pytest.raises(ValueError, match=r"Z\[1\] or A\[1\] is not of shape \(2, 5\), as W1"):
        cf.backward_pass(Y, Z, A, PARAMS, "relu", "softmax")
    with pytest.raises(ValueError, match="have 2 and 3 entries, expected 3 each"):
        cf.backward_pass(Y, Z[1:], A, PARAMS, "relu", "softmax")
    with pytest.raises(ValueError, match="Z and A look swapped"):
        cf.backward_pass(Y, A, Z, PARAMS, "relu", "softmax")


@pytest.mark.parametrize("strength", [-1.0, np.nan, np.inf])
def test_a_penalty_that_is_none_is_refused(strength: float) -> None:
    Z, A = cf.forward_pass(np.ones((2, 4)), PARAMS, "relu", "softmax")
    for name in ("l1", "l2"):
        with pytest.raises(
            ValueError, match=f"{name} must be a number of at least 0, got {strength}"
        ):
            cf.backward_pass([0, 1], Z, A, PARAMS, "relu", "softmax", **{name: strength})


def test_parameters_are_a_dict_of_arrays() -> None:
    with pytest.raises(TypeError, match=r"dict of arrays W1, b1, …, .*state_dict\(\), got a MLP"):
        cf.forward_pass(np.ones((2, 4)), nn.MLP([4, 3]), "relu", "softmax")  # type: ignore[arg-type]


def test_a_comparison_needs_data() -> None:
    model = nn.MLP([4, 3])
    with pytest.raises(ValueError, match=r"X has no data points, its shape is \(0, 4\)"):
        cf.compare(model, np.ones((0, 4)), [])
    with pytest.raises(ValueError, match="X holds 1 numbers that are nan or infinite"):
        cf.compare(model, [[1.0, np.nan, 0.0, 0.0]], [0])
