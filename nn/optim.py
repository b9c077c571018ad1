"""Optimisers: pure updates of pytrees, and steps in place."""

from __future__ import annotations

from typing import Any

import autograd_lite as ag
from nn.module import Module, Parameter

__all__ = ["GradientDescent"]


class GradientDescent:
    """The lecture's theta ← theta − alpha · theta^(g)."""

    def __init__(self, alpha: float) -> None:
        if not alpha > 0:
            raise ValueError(f"GradientDescent: alpha must be positive, got {alpha!r}")
        self.alpha = alpha

    def init(self, params: Any) -> Any:
        """The state before the first update: none."""
        return ()

    def update(self, params: Any, grads: Any, state: Any) -> tuple[Any, Any]:
        """New parameters and state; parameters that require no grad stay as they are."""
        return ag.pytree.map(self._updated, params, grads), state

    def _updated(self, p: Any, g: Any) -> Any:
        if isinstance(p, Parameter):
            if not p.requires_grad:
                return p
            return Parameter(p.data - self.alpha * g, p.name)
        return p - self.alpha * g

    def step(self, model: Any) -> None:
        """Update a model's parameters, or a list of them, in place from their `.grad`."""
        for p in model.parameters() if isinstance(model, Module) else model:
            if p.requires_grad and p.grad is not None:
                p.data -= self.alpha * p.grad
