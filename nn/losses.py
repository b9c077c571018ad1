"""The lecture's losses: sums over the batch, of one float.

Every loss takes the prediction first and the target second, of equal shapes, and computes in the
prediction's dtype. `reduction="mean"` divides by the number of data points.
"""

from __future__ import annotations

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
    if np.ndim(Y) == np.ndim(Y_hat) - 1:
        Y = _one_hot(Y, Y_hat, "cross_entropy")
    Y = _target(Y_hat, Y, "cross_entropy")
    _check_probabilities(Y_hat, "cross_entropy", "softmax_cross_entropy")
    counts = Y != 0
    log = np.log(np.where(counts, Y_hat, 1.0))
    return _reduced(-np.sum(np.where(counts, Y * log, 0.0)), Y_hat, reduction)


def binary_cross_entropy(y_hat: Any, y: Any, *, reduction: str = "sum") -> Any:
    """−Σ y log ŷ + (1 − y) log(1 − ŷ) for probabilities ŷ of the class 1, of shape (n,)."""
    y = _target(y_hat, y, "binary_cross_entropy")
    _check_probabilities(y_hat, "binary_cross_entropy", "nn.fit(loss='binary_cross_entropy')")
    yes, no = y != 0, y != 1
    terms = np.where(yes, y * np.log(np.where(yes, y_hat, 1.0)), 0.0)
    terms = terms + np.where(no, (1.0 - y) * np.log(np.where(no, 1.0 - y_hat, 1.0)), 0.0)
    return _reduced(-np.sum(terms), y_hat, reduction)


def softmax_cross_entropy(logits: Any, Y: Any, *, reduction: str = "sum") -> Any:
    """cross_entropy(softmax(logits), Y), fused and stable: the gradient is softmax(logits) − Y.

    Y is one-hot (rows of probabilities) of the logits' shape, or labels of one dimension less.
    Raises ValueError for other shapes, for targets whose rows do not sum to 1, and for logits
    that are probabilities already.
    """
    _refuse_swapped(logits, Y, "softmax_cross_entropy")
    values = _known(logits)
    if values is not None and values.size and _are_probabilities(values):
        raise ValueError(
            "softmax_cross_entropy: the logits are probabilities already (every row is ≥ 0 and "
            "sums to 1); pass the pre-activations, or use cross_entropy"
        )
    if np.ndim(Y) != np.ndim(logits) - 1:
        Y = _target(logits, Y, "softmax_cross_entropy")
        check_distribution(_known(Y), "softmax_cross_entropy: Y")
    return _reduced(ag.softmax_cross_entropy(logits, Y, normalized=True), logits, reduction)


def check_distribution(Y: Any, name: str) -> None:
    """Raise ValueError where a row of targets is no probability distribution."""
    if Y is None or not Y.size:
        return
    off = np.abs(np.sum(Y, axis=-1, dtype=np.float64) - 1.0) > 1e-3
    if np.any(off) or np.min(Y) < 0:
        row = int(np.argmax(off)) if np.any(off) else int(np.argmin(np.min(Y, axis=-1)))
        raise ValueError(
            f"{name}: every row must be a probability distribution (one-hot, say); row {row} is "
            f"{np.array2string(np.asarray(Y).reshape(-1, np.shape(Y)[-1])[row], threshold=6)}"
        )


def _target(prediction: Any, target: Any, name: str) -> Any:
    """The target in the prediction's dtype. Raises ValueError where the shapes differ."""
    _refuse_swapped(prediction, target, name)
    if np.shape(prediction) != np.shape(target):
        raise ValueError(
            f"{name}: expected a target of the prediction's shape {np.shape(prediction)}, got "
            f"{np.shape(target)}"
        )
    if isinstance(target, ag.Tensor):
        return target
    return np.asarray(target, dtype=_dtype(prediction))


def _dtype(x: Any) -> Any:
    dtype = np.result_type(x.dtype if isinstance(x, ag.Tensor) else x)
    return dtype if dtype.kind == "f" else np.dtype(np.float64)


def _refuse_swapped(prediction: Any, target: Any, name: str) -> None:
    wants_grad = isinstance(target, ag.Tensor) and target.requires_grad
    if wants_grad and not (isinstance(prediction, ag.Tensor) and prediction.requires_grad):
        raise ValueError(
            f"{name}: the arguments look swapped: the second one requires grad and the first does "
            "not; the prediction comes first, the target second"
        )
    values, other = _known(prediction), _known(target)
    if values is None or other is None or np.ndim(values) != 2 or values.shape != other.shape:
        return
    if _is_one_hot(values) and not _is_one_hot(other):
        raise ValueError(
            f"{name}: the arguments look swapped: the first one is one-hot; the prediction comes "
            "first, the target second"
        )


def _known(x: Any) -> Any:
    """The values of an array or tensor; None where they are not known, as in a traced program."""
    try:
        return x.numpy() if isinstance(x, ag.Tensor) else np.asarray(x)
    except TypeError:
        return None


def _is_one_hot(x: Any) -> bool:
    return bool(x.size) and bool(
        np.all((x == 0) | (x == 1)) and np.all(np.count_nonzero(x, axis=-1) == 1)
    )


def _are_probabilities(x: Any) -> bool:
    total = np.sum(x, axis=-1, dtype=np.float64)
    return np.min(x) >= 0 and bool(np.all(np.abs(total - 1.0) < 1e-6)) and x.shape[-1] > 1


def _check_probabilities(p: Any, name: str, instead: str) -> None:
    values = _known(p)
    if values is not None and values.size and (np.min(values) < 0 or np.max(values) > 1):
        raise ValueError(
            f"{name}: the prediction must hold probabilities in [0, 1], it ranges over "
            f"[{np.min(values):.4g}, {np.max(values):.4g}]; for logits use {instead}"
        )


def _one_hot(labels: Any, like: Any, name: str) -> Any:
    k = np.shape(like)[-1]
    values = np.asarray(labels)
    if values.shape != np.shape(like)[:-1]:
        raise ValueError(f"{name}: labels of shape {values.shape} for {np.shape(like)}")
    if values.size and not (values.min() >= 0 and values.max() < k):
        raise ValueError(
            f"{name}: labels must be 0 to {k - 1}, got {values.min()} to {values.max()}"
        )
    return (values[..., None] == np.arange(k)).astype(_dtype(like))


def _reduced(total: Any, prediction: Any, reduction: str) -> Any:
    if reduction not in ("sum", "mean"):
        raise ValueError(f"reduction must be 'sum' or 'mean', got {reduction!r}")
    return total if reduction == "sum" else total / max(np.shape(prediction)[0], 1)
