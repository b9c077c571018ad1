"""Dropout: in training some neurons are dropped, at inference the whole network averages them.

The lecture's form is the default: in each iteration exactly half of the *neurons* of a layer are
dropped, one mask of shape (S_l,) for the whole batch; nothing is scaled in training, and at
inference the outgoing weights are multiplied by the share that was kept, which is to say A_l is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd_lite as ag
from nn.module import Module, modules

__all__ = ["Dropout"]

CHOICES = {
    "per": ("neuron", "sample"),
    "count": ("exact", "random"),
    "scaling": ("inference", "training"),
}


class Dropout(Module):
    """A ⊙ mask in training, (1 − p) · A at inference.

    p: the share of neurons to drop, from 0 to below 1.
    per: "neuron" draws one mask for the whole batch, "sample" one for each data point.
    count: "exact" drops round(p · S_l) neurons, "random" each one with probability p.
    scaling: "inference" multiplies by 1 − p there; "training" divides by 1 − p here, so that
        inference leaves A as it is (inverted dropout).
    rng: the Generator that masks are drawn from, through `ag.random`.
    """

    def __init__(
        self,
        p: float = 0.5,
        *,
        per: str = "neuron",
        count: str = "exact",
        scaling: str = "inference",
        rng: np.random.Generator | None = None,
    ) -> None:
        number = isinstance(p, (int, float, np.number)) and not isinstance(p, bool)
        if not number or not 0 <= p < 1:
            raise ValueError(f"Dropout: p must be at least 0 and below 1, got {p!r}")
        self.p, self.per, self.count, self.scaling = float(p), per, count, scaling
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"Dropout: {name} must be {' or '.join(map(repr, choices))}, got "
                    f"{getattr(self, name)!r}"
                )
        self.rng = np.random.default_rng(rng)
        self._drawn = _Drawn()

    def __call__(self, A: Any) -> Any:
        """A of shape (n, S_l) or (S_l,) with some neurons at 0, or the average of all masks."""
        A = A if isinstance(A, ag.Tensor) else np.asarray(A)
        if A.ndim == 0:
            raise ValueError("Dropout: expected activations of shape (n, S_l), got a single number")
        if self.p == 0:
            return A
        if not self.training:
            return A if self.scaling == "training" else A * (1 - self.p)
        self._drawn.mask = self._mask(A.shape[-1:] if self.per == "neuron" else A.shape, A.dtype)
        return A * self._drawn.mask

    @property
    def mask(self) -> Any:
        """What the last forward pass in training multiplied A_l by; None before the first.

        Inside a function that `ag.compile` compiles it is one of the traced values, which that
        function may return. Its program draws masks that this layer does not see: after the
        function was compiled, and until the next forward pass outside, there is a RuntimeError
        that says so. `nn.fit` returns them and puts them here, compiled or not.
        """
        mask = self._drawn.mask
        if isinstance(mask, ag.Tensor) and not _is_traced(mask):
            raise RuntimeError(
                "Dropout.mask: the last mask was drawn by a compiled program, which keeps it; "
                "return nn.dropout_masks(model) from the compiled function, beside its result"
            )
        return mask

    @property
    def options(self) -> dict[str, Any]:
        """The arguments that make another one like this, apart from the Generator."""
        return {"p": self.p, "per": self.per, "count": self.count, "scaling": self.scaling}

    def _mask(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Ones and zeros, of a new draw; larger ones where training is what scales."""
        if self.count == "random":
            mask = ag.random.bernoulli(self.rng, shape, p=1 - self.p, dtype=dtype)
        else:
            draws = ag.random.uniform(self.rng, shape)
            rank = np.argsort(np.argsort(draws, axis=-1), axis=-1)
            mask = (rank >= round(self.p * shape[-1])).astype(dtype)
        return mask / (1 - self.p) if self.scaling == "training" else mask

    def __repr__(self) -> str:
        options = [(k, v) for k, v in self.options.items() if k in CHOICES and v != CHOICES[k][0]]
        return f"Dropout({', '.join([str(self.p), *(f'{k}={v!r}' for k, v in options)])})"


class _Drawn:
    """The last mask: shared with the copies of a model that transforms make."""

    mask: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {} if isinstance(self.mask, ag.Tensor) else {"mask": self.mask}


class Drawn:
    """The last masks of all Dropouts in a model, for a program to return and to put back."""

    def __init__(self, model: Module) -> None:
        self._places = [m._drawn for m in modules(model) if isinstance(m, Dropout)]

    def forget(self) -> None:
        """Have no masks."""
        for place in self._places:
            place.mask = None

    def masks(self) -> dict[int, Any]:
        """What was drawn since, by the Dropout's place."""
        return {i: place.mask for i, place in enumerate(self._places) if place.mask is not None}

    def put(self, masks: dict[int, Any]) -> None:
        """Have these be the last masks."""
        for i, mask in masks.items():
            self._places[i].mask = mask


def _is_traced(x: ag.Tensor) -> bool:
    """Whether the value of a constant tensor is not to be known: a program is being traced."""
    try:
        x.numpy()
    except TypeError:
        return True
    return False
