"""The optimisers: a rule each, what a step subtracts from a parameter p with the gradient g."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn.optim.base import Groups, Optimizer, Slots
from nn.optim.clipping import scalar_like

__all__ = ["SGD", "Adam", "AdamW", "GradientDescent", "RMSprop"]


class GradientDescent(Optimizer):
    """The lecture's theta ← theta − alpha · theta^(g)."""

    rate_name = "alpha"
    alpha: Any

    def __init__(
        self, alpha: Any, *, max_norm: float | None = None, groups: Groups | None = None
    ) -> None:
        super().__init__({"alpha": alpha}, max_norm, groups)

    def rule(self, p: Any, g: Any, s: Slots, o: Any, rate: Any, t: Any) -> tuple[Any, Slots]:
        """alpha · theta^(g)."""
        return rate * g, s


class SGD(Optimizer):
    """Gradient descent with momentum: v ← momentum · v + g and p ← p − lr · v.

    nesterov: step along g + momentum · v instead (Sutskever et al. 2013).
    weight_decay: added to the gradient as weight_decay · p.
    """

    def __init__(
        self,
        lr: Any,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        *,
        max_norm: float | None = None,
        groups: Groups | None = None,
    ) -> None:
        options = {"lr": lr, "momentum": momentum, "nesterov": nesterov}
        super().__init__({**options, "weight_decay": weight_decay}, max_norm, groups)
        if nesterov and not momentum:
            raise ValueError("SGD: nesterov needs a momentum above 0")

    def slots(self, o: Any) -> tuple[str, ...]:
        """v, with momentum."""
        return ("v",) if o.momentum else ()

    def rule(self, p: Any, g: Any, s: Slots, o: Any, rate: Any, t: Any) -> tuple[Any, Slots]:
        """lr · v."""
        g = _decayed(g, p, o)
        if not o.momentum:
            return rate * g, s
        v = o.momentum * s["v"] + g
        return rate * (g + o.momentum * v if o.nesterov else v), {"v": v}


class RMSprop(Optimizer):
    """Steps scaled by a running mean of squares: v ← rho · v + (1 − rho) · g² (Hinton 2012).

    p ← p − lr · g / (√v + eps), with momentum along the running sum of such steps.
    """

    def __init__(
        self,
        lr: Any = 0.01,
        rho: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        *,
        max_norm: float | None = None,
        groups: Groups | None = None,
    ) -> None:
        options = {"lr": lr, "rho": rho, "eps": eps, "momentum": momentum}
        super().__init__({**options, "weight_decay": weight_decay}, max_norm, groups)

    def slots(self, o: Any) -> tuple[str, ...]:
        """v, and with momentum the sum of steps u."""
        return ("v", "u") if o.momentum else ("v",)

    def rule(self, p: Any, g: Any, s: Slots, o: Any, rate: Any, t: Any) -> tuple[Any, Slots]:
        """lr · g / (√v + eps)."""
        g = _decayed(g, p, o)
        v = o.rho * s["v"] + (1 - o.rho) * (g * g)
        scaled = g / (np.sqrt(v) + o.eps)
        if not o.momentum:
            return rate * scaled, {"v": v}
        u = o.momentum * s["u"] + scaled
        return rate * u, {"v": v, "u": u}


class Adam(Optimizer):
    """Running means m of g and v of g², both corrected for their start at 0 (Kingma & Ba 2015).

    p ← p − lr · m̂ / (√v̂ + eps) with m̂ = m / (1 − beta1^t) and v̂ = v / (1 − beta2^t).
    weight_decay: added to the gradient as weight_decay · p; AdamW keeps it out of m and v.
    """

    def __init__(
        self,
        lr: Any = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        max_norm: float | None = None,
        groups: Groups | None = None,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps}
        super().__init__({**options, "weight_decay": weight_decay}, max_norm, groups)

    def slots(self, o: Any) -> tuple[str, ...]:
        """The running means m and v."""
        return ("m", "v")

    def rule(self, p: Any, g: Any, s: Slots, o: Any, rate: Any, t: Any) -> tuple[Any, Slots]:
        """lr · m̂ / (√v̂ + eps)."""
        return self._moved(_decayed(g, p, o), s, o, rate, t)

    def _moved(self, g: Any, s: Slots, o: Any, rate: Any, t: Any) -> tuple[Any, Slots]:
        beta1, beta2 = o.betas
        m = beta1 * s["m"] + (1 - beta1) * g
        v = beta2 * s["v"] + (1 - beta2) * (g * g)
        m_hat = m / scalar_like(1.0 - beta1**t, m)
        v_hat = v / scalar_like(1.0 - beta2**t, v)
        return rate * m_hat / (np.sqrt(v_hat) + o.eps), {"m": m, "v": v}


class AdamW(Adam):
    """Adam with the decay of weights apart from the gradient (Loshchilov & Hutter 2019).

    p ← p − lr · (m̂ / (√v̂ + eps) + weight_decay · p).
    """

    def __init__(
        self,
        lr: Any = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        *,
        max_norm: float | None = None,
        groups: Groups | None = None,
    ) -> None:
        super().__init__(lr, betas, eps, weight_decay, max_norm=max_norm, groups=groups)

    def rule(self, p: Any, g: Any, s: Slots, o: Any, rate: Any, t: Any) -> tuple[Any, Slots]:
        """lr · (m̂ / (√v̂ + eps) + weight_decay · p)."""
        change, slots = self._moved(g, s, o, rate, t)
        return change + rate * o.weight_decay * p, slots


def _decayed(g: Any, p: Any, o: Any) -> Any:
    return g + o.weight_decay * p if o.weight_decay else g
