"""What a network is made of, layer by layer, for the pictures that show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import autograd_lite as ag
from nn.layers import Linear, Sequential, Softmax
from nn.mlp import HIDDEN, MLP, OUTPUT

__all__ = ["Layer", "layers_of"]

_TITLES = {"relu": "ReLU", "identity": "identity"}


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer with weights: A_l = g(A_{l-1} W + b)."""

    number: int
    W: Any
    b: Any  # None where there is no bias
    activation: str
    function: Callable[[Any], Any]
    last: bool

    @property
    def n_in(self) -> int:
        return int(self.W.shape[0])

    @property
    def n_out(self) -> int:
        return int(self.W.shape[1])

    @property
    def title(self) -> str:
        """The layer as a reader calls it: output, hidden 1."""
        return "output" if self.last else f"hidden {self.number}"

    def pass_on(self, A: Any) -> tuple[Any, Any]:
        """(Z, A) of the layer for the activations of the one before, as arrays."""
        Z = np.asarray(A) @ self.W if self.b is None else np.asarray(A) @ self.W + self.b
        return Z, np.asarray(self.function(Z))


def layers_of(model: Any) -> list[Layer]:
    """The layers of an MLP, or of a Sequential of Linear layers and activations.

    Raises ValueError for any other model.
    """
    if isinstance(model, MLP):
        found = _of_mlp(model)
    elif isinstance(model, Sequential):
        found = _of_sequential(model)
    else:
        raise ValueError(
            f"the network picture needs an MLP or a Sequential of Linear layers and activations, "
            f"got {type(model).__name__}; use view='lanes', which draws any model"
        )
    n = len(found)
    return [
        Layer(l, ag.tensor(W).data, None if b is None else ag.tensor(b).data, name, g, l == n)
        for l, (W, b, name, g) in enumerate(found, 1)
    ]


def _of_mlp(model: MLP) -> list[tuple[Any, Any, str, Callable[[Any], Any]]]:
    layers = []
    for l in range(1, model.n_layers + 1):
        last = l == model.n_layers
        name = model.output if last else model.hidden[l - 1]
        W, b = getattr(model, f"W{l}").data, getattr(model, f"b{l}").data
        layers.append((W, b, _TITLES.get(name, name), OUTPUT[name] if last else HIDDEN[name]))
    return layers


def _of_sequential(model: Sequential) -> list[tuple[Any, Any, str, Callable[[Any], Any]]]:
    layers: list[tuple[Any, Any, str, Callable[[Any], Any]]] = []
    for layer in model.layers:
        if isinstance(layer, Linear):
            b = None if layer.b is None else layer.b.data
            layers.append((layer.W.data, b, "identity", lambda Z: Z))
        elif layers and not list(layer.parameters()):
            W, b, _, _ = layers[-1]
            name = type(layer).__name__
            layers[-1] = (W, b, name if name == "ReLU" else name.lower(), layer)
        else:
            raise ValueError(
                f"the network picture needs Linear layers, each followed by an activation; "
                f"{type(layer).__name__} is neither; use view='lanes', which draws any model"
            )
    if not layers:
        raise ValueError("the network picture needs at least one Linear layer")
    return layers


def is_softmax(layer: Layer) -> bool:
    """Whether a layer's activations are probabilities of classes."""
    return layer.activation == "softmax" or isinstance(layer.function, Softmax)
