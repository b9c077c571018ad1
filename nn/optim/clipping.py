"""Clipping of gradients by their norm."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd_lite as ag
from nn.module import Parameter

__all__ = ["clip_grad_norm", "scalar_like"]


def clip_grad_norm(grads: Any, max_norm: float) -> tuple[Any, Any]:
    """(the gradients, scaled down to `max_norm` where they exceed it; their norm before).

    The norm is that of all leaves of the pytree as one vector.

    Raises ValueError for a norm that is no positive number, TypeError for parameters in the place
    of gradients.
    """
    if not isinstance(max_norm, (int, float, np.number)) or not 0 < max_norm < np.inf:
        raise ValueError(f"clip_grad_norm: max_norm must be a positive number, got {max_norm!r}")
    leaves = ag.pytree.flatten(grads)[0]
    if any(isinstance(leaf, Parameter) for leaf in leaves):
        raise TypeError(
            "clip_grad_norm: these are parameters; pass their gradients, ag.grad(loss)(model) or "
            "[p.grad for p in model.parameters()]"
        )
    norm: Any = np.sqrt(sum((np.sum(g * g) for g in leaves), 0.0))
    # a norm of 0 is divided by nothing; one that is not finite clips to nan, which is seen
    scale = max_norm / np.maximum(norm, max_norm)
    return ag.pytree.map(lambda g: g * scalar_like(scale, g), grads), norm


def scalar_like(x: Any, like: Any) -> Any:
    """A number that leaves the dtype of `like` as it is: a Python float, or one of that dtype."""
    if isinstance(x, ag.Tensor):
        return x if x.dtype == like.dtype else x.astype(like.dtype)
    return float(x)
