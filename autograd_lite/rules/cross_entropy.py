"""softmax and cross-entropy in one row, whose gradient is Ŷ − Y."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.floats import ones
from autograd_lite.graph import Tensor
from autograd_lite.recording import of_two
from autograd_lite.rules.examples import given
from autograd_lite.rules.softmax import exponentials, floats, log_softmax
from autograd_lite.table import general


def _cross_entropy_with_logits(z: Any, t: Any, normalized: bool = False) -> tuple[Any, Any]:
    """(−Σ t·log_softmax(z), softmax(z)) along the last axis; t labels or weights."""
    if type(z) is not np.ndarray or type(t) is not np.ndarray:
        z, t = np.asarray(z), np.asarray(t)
    below, p, sums = exponentials(z if z.dtype.kind == "f" else floats(z), -1)
    p /= sums
    logs = np.log(sums)
    if t.ndim < z.ndim:
        return -np.add.reduce(_at_labels(below - logs, t)), p
    if normalized and t.dtype is z.dtype:
        # a product with ones takes half the time of np.add.reduce
        loss = logs.ravel().dot(ones(logs.size, logs.dtype)) - np.vdot(t, below)
        if loss == loss:
            return loss, p
    return loss_of_weights(below, logs, t, normalized), p


def loss_of_weights(below: Any, logs: Any, t: Any, normalized: bool) -> Any:
    """−Σ t·(below − logs) along rows; a weight of 0 counts nothing, even at probability 0.

    Rows of weights that sum to 1 need one logarithm a row, not one an element.
    """
    if normalized:
        loss = np.add.reduce(logs, axis=None) - np.vdot(t, below)
    else:
        loss = -np.vdot(t, below - logs)
    if loss != loss:
        with np.errstate(invalid="ignore"):
            loss = -np.sum(np.where(t == 0, 0.0, t * (below - logs)))
    return loss if loss.dtype is below.dtype else loss.astype(below.dtype)


def _at_labels(logs: Any, labels: Any) -> Any:
    """The vector of the entries that the labels name, one of each row."""
    k = logs.shape[-1]
    labels = checked_labels(labels, k).reshape(-1)
    return logs.reshape(-1, k)[np.arange(labels.size), labels]


def checked_labels(labels: Any, k: int) -> Any:
    """Labels as integers. Raises ValueError where one is no whole number in 0 … k − 1."""
    whole = labels
    if labels.dtype.kind not in "iu":
        with np.errstate(invalid="ignore"):
            whole = labels.astype(np.int64)
        if not np.array_equal(whole, labels):
            raise ValueError("softmax_cross_entropy: labels must be whole numbers")
    if whole.size and not (whole.min() >= 0 and whole.max() < k):
        bad = whole[(whole < 0) | (whole >= k)].flat[0]
        raise ValueError(
            f"softmax_cross_entropy: label {bad} is out of range; logits of {k} classes take "
            f"labels 0 to {k - 1}"
        )
    return whole


def cross_entropy_vjp_logits(g: Any, y: Any, z: Any, t: Any, normalized: bool) -> Any:
    """g·(p·Σt − t) from the loss, and softmax's rule where p itself has a cotangent."""
    g_loss, g_p = g
    p = y[1]
    total: Any = 0.0
    if g_loss is not None:
        if t.ndim < p.ndim:
            total = p - (t[..., None] == np.arange(p.shape[-1]))
        else:
            total = (p if normalized else p * np.sum(t, axis=-1, keepdims=True)) - t
        if not (isinstance(g_loss, np.generic) and g_loss == 1):  # as that of a loss is
            total = g_loss * total
    if g_p is not None:
        total = total + p * (g_p - np.sum(g_p * p, axis=-1, keepdims=True))
    return total


def cross_entropy_vjp_targets(g: Any, y: Any, z: Any, t: Any, normalized: bool) -> Any:
    """−g·log_softmax(z) for weights; labels are places, and no gradient passes to those."""
    g_loss, _ = g
    if g_loss is None or t.ndim == z.ndim - 1:
        return t * 0.0
    return -g_loss * log_softmax(z)


def cross_entropy_formula(params: dict[str, Any], z: Any, t: Any) -> str:
    """The rule for the logits as the lecture writes it: Ŷ − Y where the targets are normalized."""
    through_p = "⟨ + {y1} ⊙ ({g1} − Σ {g1} ⊙ {y1})⟩"
    if len(t) < len(z):
        return "⟨{g0}·({y1} − one_hot({t}))⟩" + through_p
    if params["normalized"]:
        return "⟨{g0}·({y1} − {t})⟩" + through_p
    return "⟨{g0}·(softmax({z})·Σ{t} − {t})⟩" + through_p


_ROW = general(
    _cross_entropy_with_logits,
    cross_entropy_vjp_logits,
    cross_entropy_vjp_targets,
    name="softmax_cross_entropy",
    params={"normalized": False},
    formulas=(cross_entropy_formula, "⟨−{g0} ⊙ log_softmax({z})⟩"),
    n_outputs=2,
    examples=[
        given(lambda rng: (rng.standard_normal((3, 4)), rng.random((3, 4)))),
        given(lambda rng: (rng.standard_normal((3, 4)), np.array([0, 3, 1]))),
    ],
)


_NORMALIZED = {"normalized": True}


def softmax_cross_entropy(logits: Any, targets: Any, *, normalized: bool = False) -> Any:
    """Sum over the batch of −Σ targets·log softmax(logits), along the last axis.

    `targets` are labels of one dimension less than `logits`, recognised by that, or weights of
    the same shape. With labels, or `normalized=True`, which promises that the weights of each row
    sum to 1, the gradient is softmax(logits) − targets; otherwise softmax(logits)·Σ targets −
    targets. The gradient to weights is −log_softmax(logits). A weight of exactly 0 counts nothing,
    whatever its probability.

    Raises ValueError for other shapes and for labels out of range.
    """
    tracked = isinstance(logits, Tensor)
    shape = logits._value.shape if tracked else _shape(logits)
    if not isinstance(targets, (np.ndarray, Tensor)):
        targets = np.asarray(targets)  # a number, too: the label of one row
    given_shape = targets.shape if type(targets) is np.ndarray else _shape(targets)
    if given_shape == shape:
        params = _NORMALIZED if normalized else _ROW.params
    elif given_shape == shape[:-1] and shape:
        params = _NORMALIZED
    else:
        raise ValueError(
            f"softmax_cross_entropy: targets of shape {given_shape} for logits of shape {shape}; "
            f"expected labels of shape {shape[:-1]} or weights of shape {shape}"
        )
    if tracked or isinstance(targets, Tensor):
        return (_ROW.of_two or of_two(_ROW))(logits, targets, params)  # the first of two results
    return _cross_entropy_with_logits(logits, targets, **params)[0]


def _shape(x: Any) -> tuple[int, ...]:
    # np.shape of a Tensor takes NumPy's protocol, 15 µs
    return np.shape(x._value if isinstance(x, Tensor) else x)
