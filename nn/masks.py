"""The masks of a model's last forward pass, as `nn.closed_form` takes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn.dropout import Dropout
from nn.layers import Linear, Sequential
from nn.mlp import MLP

__all__ = ["dropout_masks"]


def dropout_masks(model: Any) -> dict[int, Any]:
    """What each A_l was multiplied by in the last forward pass, by l; no entry means by 1.

    For an MLP, or a Sequential of Linear layers, activations and Dropout. In inference mode these
    are numbers, 1 − p, in the place of masks. After `nn.fit` they are those of its last step, and
    inside a function that `ag.compile` compiles they are traced values, for it to return.

    Raises RuntimeError where nothing was drawn yet, or by a compiled program that kept it.
    """
    masks: dict[int, Any] = {}
    for l, drop in _dropouts(model):
        if drop.p == 0 or (not drop.training and drop.scaling == "training"):
            continue
        mask = drop.mask if drop.training else np.array(1 - drop.p)
        if mask is None:
            raise RuntimeError(f"dropout_masks: no forward pass has drawn a mask for A_{l} yet")
        masks[l] = masks[l] * mask if l in masks else mask
    return masks


def _dropouts(model: Any) -> list[tuple[int, Dropout]]:
    """Pairs (l, the Dropout that A_l passes)."""
    if isinstance(model, MLP):
        return list(enumerate(model.dropout, 1))
    if not isinstance(model, Sequential):
        raise TypeError(
            f"dropout_masks: expected an MLP or a Sequential, got a {type(model).__name__}"
        )
    found, l = [], 0
    for layer in model.layers:
        l += isinstance(layer, Linear)
        if isinstance(layer, Dropout):
            found.append((l, layer))
    return found
