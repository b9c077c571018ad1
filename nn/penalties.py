"""L1 and L2 regularisation: penalties to add to a loss, which pull weights towards 0."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd_lite as ag

__all__ = ["l1_penalty", "l2_penalty"]


def l1_penalty(model: Any, lam: float, *, biases: bool = False) -> Any:
    """lam · Σ|w| over the weights of a model or pytree; the gradient is lam · sign(w).

    biases: whether parameters of fewer than two dimensions are penalised, too.
    """
    return lam * _total(np.abs, model, lam, biases, "l1_penalty")


def l2_penalty(model: Any, lam: float, *, biases: bool = False) -> Any:
    """lam/2 · Σw² over the weights of a model or pytree; the gradient is lam · w.

    biases: whether parameters of fewer than two dimensions are penalised, too.
    """
    return 0.5 * (lam * _total(np.square, model, lam, biases, "l2_penalty"))


def _total(f: Any, model: Any, lam: float, biases: bool, name: str) -> Any:
    """Σ f(w), after lam is seen to be no reward."""
    if isinstance(lam, (str, type(None))) or not 0 <= lam < np.inf:
        raise ValueError(f"{name}: lam must be a number of at least 0, got {lam!r}")
    leaves = ag.pytree.flatten(model)[0]
    chosen = [p for p in leaves if biases or np.ndim(p) > 1]
    if not chosen:
        raise ValueError(f"{name}: there are no weights; of biases alone pass biases=True")
    return sum((np.sum(f(p)) for p in chosen[1:]), np.sum(f(chosen[0])))
