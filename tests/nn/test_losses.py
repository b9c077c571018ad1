"""The losses are the lecture's sums, stable at the extremes, and refuse what would be misread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
import nn

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(5, 3))
Y_HAT = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
LABELS = np.array([2, 0, 1, 1, 2])
Y = nn.data.one_hot(LABELS, 3)
SOFT = RNG.dirichlet(np.ones(3), 5)


def gradient(loss: Any, prediction: Any, *rest: Any) -> Any:
    return ag.grad(lambda p: loss(p, *rest))(prediction)


def test_squared_error_is_half_the_sum_of_squares() -> None:
    y_hat, y = np.array([1.0, 2.0, 4.0]), np.array([1.0, 0.0, 1.0])
    assert nn.squared_error(y_hat, y) == 6.5
    assert nn.squared_error(y_hat, y, reduction="mean") == 6.5 / 3
    np.testing.assert_array_equal(gradient(nn.squared_error, y_hat, y), y_hat - y)


def test_cross_entropy_is_the_lectures_sum() -> None:
    expected = -np.sum(Y * np.log(Y_HAT))
    assert nn.cross_entropy(Y_HAT, Y) == pytest.approx(expected, rel=1e-14)
    assert nn.cross_entropy(Y_HAT, LABELS) == pytest.approx(expected, rel=1e-14)
    assert nn.cross_entropy(Y_HAT, Y, reduction="mean") == pytest.approx(expected / 5, rel=1e-14)
    np.testing.assert_allclose(gradient(nn.cross_entropy, Y_HAT, Y), -Y / Y_HAT, rtol=1e-14)


@pytest.mark.parametrize("targets", [Y, SOFT, LABELS, LABELS.astype(np.uint8)])
def test_the_fused_loss_is_cross_entropy_of_softmax(targets: Any) -> None:
    both = nn.cross_entropy(Y_HAT, targets)
    assert nn.softmax_cross_entropy(LOGITS, targets) == pytest.approx(both, rel=1e-14)
    rows = targets if targets.ndim == 2 else Y
    found = gradient(nn.softmax_cross_entropy, LOGITS, targets)
    np.testing.assert_allclose(found, Y_HAT - rows, atol=1e-15)


def test_binary_cross_entropy_is_that_of_two_classes() -> None:
    p, y = np.array([0.9, 0.2, 0.6]), np.array([1, 0, 1])
    expected = -np.log([0.9, 0.8, 0.6]).sum()
    assert nn.binary_cross_entropy(p, y) == pytest.approx(expected, rel=1e-14)
    rows = nn.cross_entropy(np.stack([1 - p, p], axis=1), y)
    assert nn.binary_cross_entropy(p, y) == pytest.approx(rows, rel=1e-14)
    expected = (1 - y) / (1 - p) - y / p
    np.testing.assert_allclose(gradient(nn.binary_cross_entropy, p, y), expected, rtol=1e-13)


def test_a_target_of_zero_counts_nothing_even_against_probability_zero() -> None:
    certain = np.array([[1.0, 0.0]])
    assert nn.cross_entropy(certain, [[1.0, 0.0]]) == 0
    assert gradient(nn.cross_entropy, certain, np.array([[1.0, 0.0]])).tolist() == [[-1, 0]]
    assert nn.binary_cross_entropy(np.array([0.0, 1.0]), [0, 1]) == 0
    found = gradient(nn.binary_cross_entropy, np.array([0.0, 1.0]), np.array([0, 1]))
    assert found.tolist() == [1, -1]


def test_the_fused_loss_is_finite_where_probabilities_underflow() -> None:
    z = np.array([[1000.0, -1000.0], [-1000.0, 1000.0]])
    assert nn.softmax_cross_entropy(z, [1, 1]) == 2000
    found = gradient(nn.softmax_cross_entropy, z, np.array([1, 1]))
    assert found.tolist() == [[1, -1], [0, 0]]


@pytest.mark.parametrize(
    ("loss", "prediction", "target"),
    [
        (nn.squared_error, LOGITS, SOFT),
        (nn.cross_entropy, Y_HAT, SOFT),
        (nn.cross_entropy, Y_HAT, LABELS),
        (nn.binary_cross_entropy, Y_HAT[:, 0], Y[:, 0]),
        (nn.softmax_cross_entropy, LOGITS, SOFT),
        (nn.softmax_cross_entropy, LOGITS, LABELS),
    ],
)
@pytest.mark.parametrize("as_tensor", [False, True])
def test_a_loss_is_computed_in_the_predictions_dtype(
    loss: Any, prediction: Any, target: Any, as_tensor: bool
) -> None:
    single = ag.tensor(prediction.astype(np.float32), requires_grad=True)
    value = loss(single, ag.tensor(target) if as_tensor else target)
    assert value.dtype == np.float32
    value.backward()
    assert single.grad.dtype == np.float32


@pytest.mark.parametrize(
    "loss", [nn.squared_error, nn.binary_cross_entropy, nn.cross_entropy, nn.softmax_cross_entropy]
)
@pytest.mark.parametrize(
    ("prediction", "target"), [((4, 1), (4,)), ((4,), (4, 1)), ((4, 2), (4, 3)), ((4, 2), (3, 2))]
)
def test_shapes_are_never_broadcast(loss: Any, prediction: Any, target: Any) -> None:
    with pytest.raises(ValueError, match=r"shape \(4,"):
        loss(np.full(prediction, 0.3), np.zeros(target, int))


@pytest.mark.parametrize("loss", [nn.cross_entropy, nn.softmax_cross_entropy, nn.squared_error])
def test_swapped_arguments_are_refused(loss: Any) -> None:
    prediction = ag.tensor(Y_HAT, requires_grad=True)
    with pytest.raises(ValueError, match=r"swapped|probabilities already"):
        loss(Y, prediction)


def test_swapped_constants_are_told_by_the_one_hot() -> None:
    with pytest.raises(ValueError, match="swapped: the first one is one-hot"):
        nn.cross_entropy(Y, Y_HAT)
    with pytest.raises(ValueError, match="swapped: the first one is one-hot"):
        nn.softmax_cross_entropy(Y, LOGITS)
    with pytest.raises(ValueError, match="swapped: the first one is zeros and ones"):
        nn.binary_cross_entropy([1.0, 0.0], [0.9, 0.3])
    with pytest.raises(ValueError, match="the prediction comes first"):
        nn.cross_entropy(LABELS, Y_HAT)


@pytest.mark.parametrize(
    ("loss", "data", "message"),
    [
        (nn.softmax_cross_entropy, (Y_HAT, LABELS), "the logits are probabilities already"),
        (
            nn.cross_entropy,
            (LOGITS, LABELS),
            "must hold probabilities in .*for logits use softmax_",
        ),
        (nn.cross_entropy, (Y_HAT, LABELS + 1), "labels must be 0 to 2, got 1 to 3"),
        (nn.softmax_cross_entropy, (LOGITS, LABELS - 1), "labels must be 0 to 2, got -1 to 1"),
        (nn.softmax_cross_entropy, (LOGITS, 2 * Y), "every row must be a probability distribution"),
        (nn.binary_cross_entropy, (Y_HAT, 3 * Y), r"targets must lie in \[0, 1\], got 0 to 3"),
    ],
)
def test_a_program_is_not_made_of_a_mistake(loss: Any, data: Any, message: str) -> None:
    """The data that a function is traced with are looked at; the program does not look at any."""
    with pytest.raises(ValueError, match=message):
        ag.compile(ag.value_and_grad(loss))(*data)
    right = (LOGITS if loss is nn.softmax_cross_entropy else Y_HAT), Y
    program = ag.compile(ag.value_and_grad(loss))
    value, g = program(*right)
    assert value == pytest.approx(loss(*right), rel=1e-14)
    np.testing.assert_allclose(g, gradient(loss, *right), rtol=1e-12, atol=1e-15)
    assert "examined" not in program.source


def test_a_saturated_prediction_is_no_mistake() -> None:
    """Probabilities of exactly 0 and 1 against soft targets are a network's, not swapped data."""
    saturated = ag.tensor([[1.0, 0.0]], requires_grad=True)
    with np.errstate(divide="ignore"):
        assert nn.cross_entropy(saturated, [[0.5, 0.5]]).item() == np.inf


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [2, 10, 1000])
def test_probabilities_as_logits_are_refused(dtype: Any, k: int) -> None:
    p = ag.softmax(RNG.normal(size=(20, k)).astype(dtype))
    with pytest.raises(ValueError, match="the logits are probabilities already"):
        nn.softmax_cross_entropy(p, np.zeros(20, int))


def test_logits_as_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match=r"probabilities in \[0, 1\].*for logits use softmax_cros"):
        nn.cross_entropy(LOGITS, Y)
    with pytest.raises(ValueError, match=r"for logits use nn\.fit"):
        nn.binary_cross_entropy(LOGITS[:, 0], Y[:, 0])


@pytest.mark.parametrize("loss", [nn.cross_entropy, nn.softmax_cross_entropy])
@pytest.mark.parametrize("row", [[0.5, 0.4, 0.0], [1.5, -0.5, 0.0], [0, 0, 0], [np.nan, 0, 1]])
def test_targets_that_are_no_distribution_are_refused(loss: Any, row: Any) -> None:
    targets = Y.copy()
    targets[3] = row
    with pytest.raises(ValueError, match=r"every row must be a probability distribution.*row 3"):
        loss(Y_HAT if loss is nn.cross_entropy else LOGITS, targets)


@pytest.mark.parametrize(
    ("loss", "prediction"), [(nn.cross_entropy, Y_HAT), (nn.softmax_cross_entropy, LOGITS)]
)
def test_labels_that_are_none_are_refused(loss: Any, prediction: Any) -> None:
    """Out of range, of another number, or of another kind: fractions and truth values."""
    name = loss.__name__
    for label in (-1, 3):
        labels = LABELS.copy()
        labels[1] = label
        with pytest.raises(ValueError, match=f"{name}: labels must be 0 to 2, got .*{label}"):
            loss(prediction, labels)
    for wrong in (LABELS / 1.0, LABELS > 0):
        with pytest.raises(TypeError, match=rf"{name}: .* integers, .*; pass labels.astype\(int\)"):
            loss(prediction, wrong)
    with pytest.raises(ValueError, match=rf"{name}: expected 5 labels.* of shape \(5, 3\), got"):
        loss(prediction, LABELS[:4])
    with pytest.raises(ValueError, match=r"got \(5, 1\); pass the column's ravel\(\)"):
        loss(prediction, LABELS[:, None])


def test_binary_targets_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"targets must lie in \[0, 1\], got 1 to 2"):
        nn.binary_cross_entropy(np.array([0.5, 0.5]), [1, 2])


def test_labels_must_be_integers() -> None:
    with pytest.raises(TypeError, match="labels must be integers, got dtype float64"):
        nn.cross_entropy(Y_HAT, LABELS + 0.5)


def test_an_unknown_reduction_is_refused() -> None:
    with pytest.raises(ValueError, match="'sum' or 'mean', got 'none'"):
        nn.squared_error(np.ones(2), np.ones(2), reduction="none")


def test_an_empty_batch_costs_nothing() -> None:
    assert nn.squared_error(np.ones(0), np.ones(0), reduction="mean") == 0
    assert nn.cross_entropy(np.ones((0, 3)), np.ones(0, int)) == 0
