"""Functions that NumPy lacks: activations, softmax and its cross-entropy."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.recording import public
from autograd_lite.rules.examples import given, reals
from autograd_lite.rules.reductions import expanded
from autograd_lite.table import elementwise, general


def _relu(x: Any) -> Any:
    """max(x, 0); the slope at 0 is 0."""
    return np.maximum(x, 0)


def _sigmoid(x: Any) -> Any:
    """1 / (1 + exp(−x)), without overflow warnings."""
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-x))


def _softmax(x: Any, axis: Any = -1) -> Any:
    """exp(x) / Σ exp(x) along `axis`, stable for any finite x."""
    e = np.exp(x - np.maximum.reduce(x, axis=axis, keepdims=True))
    return e / np.add.reduce(e, axis=axis, keepdims=True)


def _log_softmax(x: Any, axis: Any = -1) -> Any:
    """x − log Σ exp(x) along `axis`, stable for any finite x."""
    shifted = x - np.maximum.reduce(x, axis=axis, keepdims=True)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))


def _logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log Σ exp(x) over `axis`, stable for any finite x; −inf where all x are."""
    top = np.max(x, axis=axis, keepdims=True)
    finite = np.where(np.isfinite(top), top, 0.0).astype(top.dtype)
    with np.errstate(divide="ignore"):
        y = np.log(np.sum(np.exp(x - finite), axis=axis, keepdims=True)) + finite
    return y if keepdims else np.squeeze(y, axis=axis)


def logsumexp_vjp(g: Any, y: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """g·softmax(x), and 0 where all x are −inf."""
    y = expanded(y, x.shape, axis, keepdims)
    share = np.exp(x - np.where(y == -np.inf, 0.0, y))
    return expanded(g, x.shape, axis, keepdims) * share


relu = public(
    elementwise(
        _relu,
        lambda g, y, x: g * (y > 0),
        name="relu",
        methods=("relu",),
        examples=[reals((2, 3))],
        formulas=("{g} ⊙ [{x} > 0]",),
    )
)
sigmoid = public(
    elementwise(
        _sigmoid,
        lambda g, y, x: g * (y * (1.0 - y)),
        name="sigmoid",
        methods=("sigmoid",),
        formulas=("{g} ⊙ {y} ⊙ (1 − {y})",),
        examples=[reals((2, 3))],
    )
)
softmax = public(
    general(
        _softmax,
        lambda g, y, x, axis: y * (g - np.sum(g * y, axis=axis, keepdims=True)),
        name="softmax",
        params={"axis": -1},
        methods=("softmax",),
        formulas=("{y} ⊙ ({g} − Σ {g} ⊙ {y})",),
        examples=[reals((2, 3)), reals((2, 3), axis=0)],
    )
)
log_softmax = public(
    general(
        _log_softmax,
        lambda g, y, x, axis: g - np.exp(y) * np.sum(g, axis=axis, keepdims=True),
        name="log_softmax",
        params={"axis": -1},
        methods=("log_softmax",),
        formulas=("{g} − softmax({x}) ⊙ Σ {g}",),
        examples=[reals((2, 3)), reals((2, 3), axis=0)],
    )
)
logsumexp = public(
    general(
        _logsumexp,
        logsumexp_vjp,
        name="logsumexp",
        params={"axis": None, "keepdims": False},
        formulas=("{g} · softmax({x})",),
        examples=[reals((2, 3)), reals((2, 3), axis=0), reals((2, 3), axis=1, keepdims=True)],
    )
)


def _stop_gradient(x: Any) -> Any:
    """x, as a constant: no gradient passes."""
    return x


stop_gradient = public(
    elementwise(_stop_gradient, None, name="stop_gradient", examples=[reals((2, 3))])
)


def _cross_entropy_with_logits(z: Any, t: Any, normalized: bool = False) -> tuple[Any, Any]:
    """(−Σ t·log_softmax(z), softmax(z)) along the last axis; t labels or weights."""
    z, t = np.asarray(z), np.asarray(t)
    shifted = z - np.maximum.reduce(z, axis=-1, keepdims=True)
    e = np.exp(shifted)
    total = np.add.reduce(e, axis=-1, keepdims=True)
    log_total = np.log(total)
    e /= total
    if t.ndim == z.ndim - 1:
        chosen = np.take_along_axis(shifted, t[..., None], axis=-1)
        return np.add.reduce(log_total - chosen, axis=None), e
    with np.errstate(invalid="ignore"):
        terms = t * (shifted - log_total)
    loss = -np.add.reduce(terms, axis=None)
    if loss != loss:  # 0 · −inf: a target of 0 against probability 0 counts nothing
        loss = -np.sum(np.where(t == 0, 0.0, terms))
    return loss.astype(z.dtype), e


def cross_entropy_vjp_logits(g: Any, y: Any, z: Any, t: Any, normalized: bool) -> Any:
    """g·(p·Σt − t) from the loss, and softmax's rule where p itself has a cotangent."""
    g_loss, g_p = g
    p = y[1]
    total: Any = 0.0
    if g_loss is not None:
        if t.ndim == z.ndim - 1:
            target: Any = one_hot_like(t, p)
            total = g_loss * (p - target)
        elif normalized:
            total = g_loss * (p - t)
        else:
            total = g_loss * (p * np.sum(t, axis=-1, keepdims=True) - t)
    if g_p is not None:
        total = total + p * (g_p - np.sum(g_p * p, axis=-1, keepdims=True))
    return total


def cross_entropy_vjp_targets(g: Any, y: Any, z: Any, t: Any, normalized: bool) -> Any:
    """−g·log_softmax(z)."""
    g_loss, _ = g
    return t * 0.0 if g_loss is None else -g_loss * log_softmax(z)


def one_hot_like(labels: Any, p: Any) -> Any:
    """1 in p's dtype at each label, 0 elsewhere, of p's shape."""
    return (labels[..., None] == np.arange(p.shape[-1])).astype(p.dtype)


def cross_entropy_formula(params: dict[str, Any], z: Any, t: Any) -> str:
    """The rule for the logits as the lecture writes it: Ŷ − Y where the targets are normalized."""
    if len(t) < len(z):
        return "{g}·({y1} − one_hot({t}))"
    return "{g}·({y1} − {t})" if params["normalized"] else "{g}·(softmax({z})·Σ{t} − {t})"


_CROSS_ENTROPY = general(
    _cross_entropy_with_logits,
    cross_entropy_vjp_logits,
    cross_entropy_vjp_targets,
    name="softmax_cross_entropy",
    params={"normalized": False},
    formulas=(cross_entropy_formula, "−{g} ⊙ log_softmax({z})"),
    n_outputs=2,
    examples=[
        given(lambda rng: (rng.standard_normal((3, 4)), rng.random((3, 4)))),
        given(lambda rng: (rng.standard_normal((3, 4)), np.array([0, 3, 1]))),
    ],
)


def softmax_cross_entropy(logits: Any, targets: Any, *, normalized: bool = False) -> Any:
    """Sum over the batch of −Σ targets·log softmax(logits), along the last axis.

    `targets` are labels of one dimension less than `logits`, recognised by that, or weights of
    the same shape. With labels, or `normalized=True`, which promises that the weights of each row
    sum to 1, the gradient is softmax(logits) − targets; otherwise softmax(logits)·Σ targets −
    targets. The gradient to weights is −log_softmax(logits). A weight of exactly 0 counts nothing,
    whatever its probability.

    Raises ValueError for other shapes and for labels out of range.
    """
    shape, given_shape = np.shape(logits), np.shape(targets)
    labels = len(given_shape) == len(shape) - 1
    if given_shape != (shape[:-1] if labels else shape):
        raise ValueError(
            f"softmax_cross_entropy: targets of shape {given_shape} for logits of shape {shape}; "
            f"expected labels of shape {shape[:-1]} or weights of shape {shape}"
        )
    if labels:
        targets = checked_labels(targets, shape[-1])
    return _cross_entropy(logits, targets, normalized=normalized or labels)[0]


_cross_entropy = public(_CROSS_ENTROPY)


def checked_labels(labels: Any, k: int) -> Any:
    """Labels as integers. Raises ValueError where one is no whole number in 0 … k − 1."""
    array = np.asarray(labels)
    if array.dtype.kind not in "iub":
        if not np.array_equal(array, np.floor(array)):
            raise ValueError("softmax_cross_entropy: labels must be whole numbers")
        array = array.astype(np.int64)
    if array.size and not (array.min() >= 0 and array.max() < k):
        bad = array[(array < 0) | (array >= k)].flat[0]
        raise ValueError(
            f"softmax_cross_entropy: label {bad} is out of range; logits of {k} classes take "
            f"labels 0 to {k - 1}"
        )
    return array
