"""Accuracy and the confusion matrix count right, in every form in which labels come."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from nn import metrics
from nn.data import one_hot

PREDICTED, TRUE = np.array([0, 2, 1, 1, 2]), np.array([0, 1, 1, 1, 0])


@pytest.mark.parametrize("predicted", [PREDICTED, one_hot(PREDICTED), PREDICTED.astype(float)])
@pytest.mark.parametrize("labels", [TRUE, one_hot(TRUE, 3), TRUE.astype(np.uint8), list(TRUE)])
def test_labels_and_rows_count_alike(predicted: Any, labels: Any) -> None:
    assert metrics.accuracy(predicted, labels) == 0.6
    expected = [[1, 0, 1], [0, 2, 1], [0, 0, 0]]
    np.testing.assert_array_equal(metrics.confusion_matrix(predicted, labels), expected)


def test_probabilities_mean_their_largest_entry() -> None:
    assert metrics.accuracy([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]], [1, 0]) == 1.0


def test_binary_predictions_may_be_bools() -> None:
    assert metrics.accuracy(np.array([0.2, 0.7, 0.9]) > 0.5, [0, 1, 0]) == pytest.approx(2 / 3)


def test_confusion_counts_add_up_to_the_samples_of_each_class() -> None:
    rng = np.random.default_rng(0)
    guess, truth = rng.integers(0, 7, 500), rng.integers(0, 7, 500)
    C = metrics.confusion_matrix(guess, truth)
    np.testing.assert_array_equal(C.sum(axis=1), np.bincount(truth))
    np.testing.assert_array_equal(C.sum(axis=0), np.bincount(guess))
    assert np.trace(C) / 500 == metrics.accuracy(guess, truth)


def test_k_adds_classes_that_do_not_occur() -> None:
    assert metrics.confusion_matrix([0, 1], [1, 1], k=4).shape == (4, 4)
    assert metrics.confusion_matrix([0, 1], one_hot([1, 1], 5)).shape == (5, 5)


def test_accuracy_of_nan_is_nan() -> None:
    """A network that diverged is not right a tenth of the time, as an argmax of NaN would say."""
    assert math.isnan(metrics.accuracy(np.full((4, 10), np.nan), [0, 0, 1, 2]))


@pytest.mark.parametrize(
    ("predicted", "labels", "error", "sentence"),
    [
        ([0, 1], [0, 1, 1], ValueError, r"shape \(2,\), labels \(3,\): expected .* same n"),
        (np.eye(3), np.eye(3, 4), ValueError, "same number of classes"),
        (1, 1, ValueError, r"expected \(n,\) or \(n, k\)"),
        ([], [], ValueError, "at least one sample"),
        ([[0.9], [0.2]], [1, 0], ValueError, r"shape \(2, 1\).*predicted\[:, 0\] > 0.5"),
        ([0.9, 0.2], [1, 0], ValueError, "predicted holds 0.9, expected whole labels"),
        ([np.inf, 0], [1, 0], ValueError, "predicted holds inf"),
        (["a"], ["a"], TypeError, "predicted holds <U1, expected labels"),
    ],
)
def test_what_cannot_be_counted_is_refused(
    predicted: Any, labels: Any, error: type[Exception], sentence: str
) -> None:
    for metric in (metrics.accuracy, metrics.confusion_matrix):
        with pytest.raises(error, match=sentence):
            metric(predicted, labels)


def test_tensors_are_counted_as_arrays_are() -> None:
    """What a model returns, which requires grad: no gradient is lost by counting."""
    Y_hat = ag.tensor([[0.9, 0.1], [0.4, 0.6]], requires_grad=True)
    assert metrics.accuracy(Y_hat, [0, 0]) == 0.5
    assert metrics.confusion_matrix(Y_hat, [0, 0]).tolist() == [[1, 1], [0, 0]]


@pytest.mark.parametrize("k", ["3", 2.0, 0, -1])
def test_a_number_of_classes_that_is_none_is_refused(k: Any) -> None:
    with pytest.raises(ValueError, match="expected a whole number of classes, at least 1"):
        metrics.confusion_matrix([0, 1], [0, 1], k=k)


def test_a_confusion_matrix_refuses_labels_outside_its_classes() -> None:
    with pytest.raises(ValueError, match=r"labels lie in 0..3, expected 0..2"):
        metrics.confusion_matrix([0, 3], [0, 1], k=3)
    with pytest.raises(ValueError, match=r"labels lie in -1..1"):
        metrics.confusion_matrix([0, -1], [0, 1])
    with pytest.raises(ValueError, match="holds nan, which belongs to no class"):
        metrics.confusion_matrix([[np.nan, 0.0]], [0])
