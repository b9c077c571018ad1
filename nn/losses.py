"""The lecture's losses: sums over the batch, of one float.

Every loss takes the prediction first and the target second, of equal shapes, and computes in the
prediction's dtype. `reduction="mean"` divides by the number of data points.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import autograd_lite as ag

__all__ = ["binary_cross_entropy", "cross_entropy", "softmax_cross_entropy", "squared_error"]


def squared_error(y_hat: Any, y: Any, *, reduction: str = "sum") -> Any:
    """½ (ŷ − y)ᵀ(ŷ − y), as on the lecture's slide. Raises ValueError where the shapes differ."""
    y = _target(y_hat, y, "squared_error")
    difference = y_hat - y
    return _reduced(0.5 * np.sum(difference * difference), y_hat, reduction)


def cross_entropy(Y_hat: Any, Y: Any, *, reduction: str = "sum") -> Any:
    """−1ᵀ(Y ⊙ log Ŷ)1 for probabilities Ŷ of shape (n, k) and one-hot Y, or labels of shape (n,).

    A target of exactly 0 counts nothing, whatever its probability. Raises ValueError for other
    shapes, and where Y_hat holds no probabilities (logits belong into softmax_cross_entropy).
    """
    _check_classes(Y_hat, "cross_entropy")
    if np.ndim(Y) == np.ndim(Y_hat) - 1:
        Y = _one_hot(Y, Y_hat, "cross_entropy")
    else:
        _refuse_labels_first(Y_hat, Y, _is_one_hot, "one-hot", "cross_entropy")
    Y = _target(Y_hat, Y, "cross_entropy")
    _examine(Y, partial(check_distribution, name="cross_entropy: Y"))
    _check_probabilities(Y_hat, "cross_entropy", "softmax_cross_entropy")
    return _reduced(-np.sum(_times_log(Y, Y_hat)), Y_hat, reduction)


def binary_cross_entropy(y_hat: Any, y: Any, *, reduction: str = "sum") -> Any:
    """−Σ y log ŷ + (1 − y) log(1 − ŷ) for probabilities ŷ of the class 1 and y in [0, 1].

    A term whose factor is exactly 0 counts nothing, whatever its probability. Raises ValueError
    for other shapes and for numbers outside [0, 1].
    """
    y = _target(y_hat, y, "binary_cross_entropy")
    _refuse_labels_first(y_hat, y, _is_binary, "zeros and ones", "binary_cross_entropy")
    _check_targets(y, "binary_cross_entropy")
    _check_probabilities(y_hat, "binary_cross_entropy", "nn.fit(loss='binary_cross_entropy')")
    terms = _times_log(y, y_hat) + _times_log(1.0 - y, 1.0 - y_hat)
    return _reduced(-np.sum(terms), y_hat, reduction)


def softmax_cross_entropy(logits: Any, Y: Any, *, reduction: str = "sum") -> Any:
    """cross_entropy(softmax(logits), Y), fused and stable: the gradient is softmax(logits) − Y.

    Y is one-hot (rows of probabilities) of the logits' shape, or labels of one dimension less.
    Raises ValueError for other shapes, for targets whose rows do not sum to 1, and for logits
    that are probabilities already.
    """
    _check_classes(logits, "softmax_cross_entropy")
    if np.ndim(Y) == np.ndim(logits) - 1:
        _check_labels(Y, logits, "softmax_cross_entropy")
    else:
        _refuse_labels_first(logits, Y, _is_one_hot, "one-hot", "softmax_cross_entropy")
        Y = _target(logits, Y, "softmax_cross_entropy")
        _examine(Y, partial(check_distribution, name="softmax_cross_entropy: Y"))
    _examine(logits, _refuse_probabilities)
    return _reduced(ag.softmax_cross_entropy(logits, Y, normalized=True), logits, reduction)


def check_distribution(Y: Any, name: str) -> None:
    """Raise ValueError where a row of targets is no probability distribution."""
    rows = Y.reshape(-1, Y.shape[-1])
    tolerance = max(1e-4, 4 * _eps(Y))  # as far as probabilities are written out in files
    # sums as products: 0.4 ms for 60,000 rows of ten, and 2.5 by np.sum
    weights = np.ones(rows.shape[-1], rows.dtype if Y.dtype.char in "fd" else np.float64)
    right = np.abs(rows @ weights - 1.0) <= tolerance
    if not (rows >= 0).all():
        right &= rows.min(axis=-1) >= 0
    if not right.all():
        row = int(np.argmin(right))
        raise ValueError(
            f"{name}: every row must be a probability distribution (one-hot, say); row {row} is "
            f"{np.array2string(rows[row], threshold=6)}"
        )


def _check_classes(prediction: Any, name: str) -> None:
    if np.ndim(prediction) > 1 and np.shape(prediction)[-1] == 1:
        raise ValueError(
            f"{name}: a prediction of shape {np.shape(prediction)} has one class, which is always "
            "certain; use binary_cross_entropy for one probability each"
        )


def _times_log(Y: Any, P: Any) -> Any:
    """Y ⊙ log P, 0 where Y is 0; the inner where keeps the gradient there 0, too, not nan."""
    counts = Y != 0
    return np.where(counts, Y * np.log(np.where(counts, P, 1.0)), 0.0)


def _target(prediction: Any, target: Any, name: str) -> Any:
    """The target in the prediction's dtype. Raises ValueError where the shapes differ."""
    if type(target) is np.ndarray and isinstance(prediction, ag.Tensor):
        alike = prediction.shape == target.shape and prediction.dtype == target.dtype
        if alike and target.dtype.kind == "f":
            return target  # as it nearly always is: NumPy takes 10 µs to ask a tensor its shape
    if _wants_grad(target) and not _wants_grad(prediction):
        raise ValueError(
            f"{name}: the arguments look swapped: the second one requires grad and the first does "
            "not; the prediction comes first, the target second"
        )
    if np.shape(prediction) != np.shape(target):
        turned = np.ndim(target) == np.ndim(prediction) + 1 and np.ndim(prediction) == 1
        hint = "; the prediction comes first, the target second" if turned else ""
        if np.shape(target) == (*np.shape(prediction)[:1], 1):
            hint = "; pass the column's ravel()"
        elif np.shape(prediction) == (*np.shape(target), 1):
            hint = "; pass the target's [:, None], or a prediction of shape (n,)"
        raise ValueError(
            f"{name}: expected a target of the prediction's shape {np.shape(prediction)}, got "
            f"{np.shape(target)}{hint}"
        )
    dtype = _dtype(prediction)
    if not isinstance(target, ag.Tensor):
        return np.asarray(target, dtype=dtype)
    return target if target.dtype == dtype else target.astype(dtype)


def _wants_grad(x: Any) -> bool:
    return isinstance(x, ag.Tensor) and x.requires_grad


def _dtype(x: Any) -> Any:
    dtype = np.result_type(x.dtype if isinstance(x, (ag.Tensor, np.ndarray)) else np.asarray(x))
    return dtype if dtype.kind == "f" else np.dtype(np.float64)


def _eps(x: Any) -> float:
    return float(np.finfo(x.dtype).eps) if x.dtype.kind == "f" else 0.0


def _refuse_labels_first(prediction: Any, target: Any, are: Any, what: str, name: str) -> None:
    """Raise ValueError where constants come in the wrong order: labels first, then what are none.

    A prediction that requires grad is none of the data, however saturated it may be.
    """
    if _wants_grad(prediction) or np.shape(prediction) != np.shape(target):
        return
    values, other = _known(prediction), _known(target)
    if values is not None and other is not None and are(values) and not are(other):
        raise ValueError(
            f"{name}: the arguments look swapped: the first one is {what}; the prediction comes "
            "first, the target second"
        )


def _known(x: Any) -> Any:
    """The values of an array or tensor; None where they are not known, as in a traced program."""
    if not isinstance(x, ag.Tensor):
        return np.asarray(x)
    try:
        return x.numpy()
    except TypeError:
        return None


def _examine(x: Any, check: Callable[[Any], None]) -> None:
    """Call a check that may raise with the values of x, where there are any.

    While a program is traced they are those that the function is traced with. What is computed of
    them is used by nothing, and so is no part of the program.
    """
    values = _known(x)
    if values is None:
        _examined(x, check=check)
    elif values.size:
        check(values)


@ag.primitive(vjp=(None,))
def _examined(x: Any, check: Any = None) -> Any:
    """0, after the check."""
    if x.size:
        check(x)
    return np.zeros(())


def _is_one_hot(x: Any) -> bool:
    ones = x == 1
    return bool(x.size and (ones | (x == 0)).all() and (ones.sum(axis=-1) == 1).all())


def _refuse_probabilities(logits: Any) -> None:
    """Raise ValueError where all rows are distributions: they are no pre-activations."""
    if logits.ndim == 0 or logits.shape[-1] < 2 or logits.min() < 0:
        return
    tolerance = max(1e-6, 64 * _eps(logits))
    if (np.abs(logits.sum(axis=-1, dtype=np.float64) - 1.0) <= tolerance).all():
        raise ValueError(
            "softmax_cross_entropy: the logits are probabilities already (every row is ≥ 0 and "
            "sums to 1); pass the pre-activations, or use cross_entropy"
        )


def _check_probabilities(p: Any, name: str, instead: str) -> None:
    def check(values: Any) -> None:
        if values.min() < 0 or values.max() > 1:
            raise ValueError(
                f"{name}: the prediction must hold probabilities in [0, 1], it ranges over "
                f"[{values.min():.4g}, {values.max():.4g}]; for logits use {instead}"
            )

    _examine(p, check)


def _check_targets(y: Any, name: str) -> None:
    def check(values: Any) -> None:
        if values.min() < 0 or values.max() > 1:
            raise ValueError(
                f"{name}: targets must lie in [0, 1], got {values.min():.4g} to {values.max():.4g}"
            )

    _examine(y, check)


def _is_binary(x: Any) -> bool:
    return bool(x.size and ((x == 0) | (x == 1)).all())


def _one_hot(labels: Any, like: Any, name: str) -> Any:
    """Rows with a one at each label, of the shape and dtype of the prediction."""
    _check_labels(labels, like, name)
    labels = labels if isinstance(labels, ag.Tensor) else np.asarray(labels)
    rows = labels[..., None] == np.arange(np.shape(like)[-1])
    return rows.astype(_dtype(like)) if isinstance(rows, np.ndarray) else np.where(rows, 1.0, 0.0)


def _check_labels(labels: Any, like: Any, name: str) -> None:
    """Raise ValueError or TypeError for labels that are not the prediction's, one for each row."""
    k = np.shape(like)[-1]
    if np.shape(labels) != np.shape(like)[:-1]:
        raise ValueError(
            f"{name}: expected {np.shape(like)[0]} labels, or one-hot rows, for a prediction of "
            f"shape {np.shape(like)}, got labels of shape {np.shape(labels)}"
        )
    dtype = labels.dtype if isinstance(labels, ag.Tensor) else np.asarray(labels).dtype
    if dtype.kind not in "iu" and np.size(labels):
        raise TypeError(
            f"{name}: labels must be integers, got dtype {dtype}; pass labels.astype(int)"
        )

    def check(values: Any) -> None:
        if values.min() < 0 or values.max() >= k:
            raise ValueError(
                f"{name}: labels must be 0 to {k - 1}, got {values.min()} to {values.max()}"
            )

    _examine(labels, check)


def _reduced(total: Any, prediction: Any, reduction: str) -> Any:
    if reduction not in ("sum", "mean"):
        raise ValueError(f"reduction must be 'sum' or 'mean', got {reduction!r}")
    return total if reduction == "sum" else total / max(np.shape(prediction)[0], 1)
