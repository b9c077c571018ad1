"""Rows of this package in NumPy's own operations, so that a program shows and plans each of them.

Most of these rows are functions written in `np.*` calls, so running them on traced tensors is all
it takes. Only what works in place, or looks at values, is written again here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_lite.recording import bind
from autograd_lite.rules import activations, cross_entropy, softmax, transcendental
from autograd_lite.rules.cross_entropy import checked_labels, loss_of_weights
from autograd_lite.table import TABLE, Primitive

__all__ = ["LOWERED"]


def loss_of_rows(total: Any, below: Any, logs: Any, t: Any) -> Any:
    """The same for rows of t that sum to 1, given the total of their logs."""
    loss = total - np.vdot(t, below)
    return loss if loss == loss else loss_of_weights(below, logs, t, True)


CHECKED_LABELS = Primitive(
    checked_labels, (None,), kind="general", name="checked_labels", params={"k": 0}
)
LOSS_OF_WEIGHTS = Primitive(
    loss_of_weights,
    (None, None, None),
    kind="general",
    name="loss_of_weights",
    params={"normalized": False},
)


LOSS_OF_ROWS = Primitive(loss_of_rows, (None,) * 4, kind="general")


def _cross_entropy(z: Any, t: Any, normalized: bool) -> tuple[Any, Any]:
    """The fused softmax and cross-entropy, step by step: (loss, softmax(z))."""
    shifted = softmax.shifted(z, -1)
    p = np.exp(shifted)
    total = np.add.reduce(p, axis=-1, keepdims=True)
    y_hat = p / total
    logs = np.log(total)
    named = {"shifted": shifted, "E": p, "E_sum": total, "Y_hat": y_hat, "log_E_sum": logs}
    for name, value in named.items():
        value.name = value.name or name
    if np.ndim(t) == z.ndim - 1:
        k = z.shape[-1]
        labels = bind(CHECKED_LABELS, (t,), {"k": k}).reshape(-1)
        rows = np.arange(labels.size)
        log_p = (shifted - logs).reshape(-1, k)
        loss = -np.add.reduce(log_p[rows, labels])
    elif normalized and t.dtype == z.dtype:
        loss = bind(LOSS_OF_ROWS, (np.add.reduce(logs, axis=None), shifted, logs, t), {})
    else:
        loss = bind(LOSS_OF_WEIGHTS, (shifted, logs, t), {"normalized": normalized})
    loss.name = "loss"
    return loss, y_hat


_BY_THEIR_FUNCTION = (
    activations.relu,
    activations.relu6,
    activations.leaky_relu,
    activations.elu,
    activations.sigmoid,
    activations.log_sigmoid,
    activations.softplus,
    activations.gelu,
    transcendental.one_minus_square,
    softmax.softmax,
    softmax.log_softmax,
    softmax.logsumexp,
    np.mean,
)

#: What to run on traced tensors in place of a row's function.
LOWERED: dict[Primitive, Callable[..., Any]] = {
    **{TABLE[key]: TABLE[key].fn for key in _BY_THEIR_FUNCTION},
    cross_entropy._ROW: _cross_entropy,
    TABLE[np.divmod]: lambda a, b: (a // b, a % b),  # which know what to do with Python floats
}
