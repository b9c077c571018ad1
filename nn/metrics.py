"""How good predictions are: the share that is right, and what is taken for what.

Both functions take predictions and true labels in either form: integer labels of shape (n,), or
rows of shape (n, k), probabilities or one-hot, whose largest entry is the label.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

import autograd_lite as ag

__all__ = ["accuracy", "confusion_matrix"]

Array: TypeAlias = NDArray[Any]


def accuracy(predicted: ArrayLike, labels: ArrayLike) -> float:
    """The share of predictions that equal their label, from 0 to 1; nan where one holds NaN.

    >>> accuracy([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]], [0, 1, 1])
    0.6666666666666666
    """
    predicted, labels = _matching(predicted, labels)
    if _holds_nan(predicted) or _holds_nan(labels):
        return float("nan")
    return float(np.mean(_classes(predicted, "predicted") == _classes(labels, "labels")))


def confusion_matrix(predicted: ArrayLike, labels: ArrayLike, k: int | None = None) -> Array:
    """C of shape (k, k): C[i, j] counts the samples of class i (rows: true) predicted as j.

    k: the number of classes; the largest label that occurs, plus 1, by default.

    >>> confusion_matrix([0, 1, 1], labels=[0, 0, 1])
    array([[1, 1],
           [0, 1]])
    """
    predicted, labels = _matching(predicted, labels)
    columns = [rows.shape[1] for rows in (predicted, labels) if rows.ndim == 2]
    guess, truth = _classes(predicted, "predicted"), _classes(labels, "labels")
    low, high = min(guess.min(), truth.min()), max(guess.max(), truth.max())
    if k is not None and (not isinstance(k, (int, np.integer)) or k < 1):
        raise ValueError(f"k is {k!r}, expected a whole number of classes, at least 1")
    k = k if k is not None else max(*columns, int(high) + 1, 1)
    if low < 0 or high >= k:
        raise ValueError(f"labels lie in {low}..{high}, expected 0..{k - 1}")
    return np.bincount(truth * k + guess, minlength=k * k).reshape(k, k)


def _matching(predicted: ArrayLike, labels: ArrayLike) -> tuple[Array, Array]:
    """Both as arrays, after they are seen to speak of the same samples and classes."""
    predicted, labels = _array(predicted), _array(labels)
    shapes = f"predicted has shape {predicted.shape}, labels {labels.shape}"
    if not {predicted.ndim, labels.ndim} <= {1, 2} or len(predicted) != len(labels):
        raise ValueError(f"{shapes}: expected (n,) or (n, k) with the same n")
    if predicted.ndim == labels.ndim == 2 and predicted.shape != labels.shape:
        raise ValueError(f"{shapes}: expected the same number of classes k")
    if len(labels) == 0:
        raise ValueError(f"{shapes}: expected at least one sample")
    return predicted, labels


def _array(values: Any) -> Array:
    """The values of an array or tensor: what is counted has no gradient anyway."""
    return np.asarray(values.numpy() if isinstance(values, ag.Tensor) else values)


def _holds_nan(values: Array) -> bool:
    return values.dtype.kind == "f" and bool(np.isnan(values).any())


def _classes(values: Array, name: str) -> Array:
    """The integer labels of shape (n,) that the values are, or whose rows they are."""
    if values.dtype.kind not in "biuf":
        raise TypeError(f"{name} holds {values.dtype}, expected labels 0, 1, … or probabilities")
    if _holds_nan(values):
        raise ValueError(f"{name} holds nan, which belongs to no class")
    if values.ndim == 2 and values.shape[1] < 2:
        raise ValueError(
            f"{name} has shape {values.shape}, expected (n,) or (n, k) with k ≥ 2; "
            f"of one probability each, pass {name}[:, 0] > 0.5"
        )
    if values.ndim == 2:
        rows: Array = np.argmax(values, axis=1)
        return rows
    with np.errstate(invalid="ignore"):  # inf turns into some integer, and is caught below
        classes: Array = values.astype(np.int64)
    if (classes != values).any():
        wrong = values[np.argmax(classes != values)]
        raise ValueError(f"{name} holds {wrong}, expected whole labels, such as {name} > 0.5")
    return classes
