"""`draw(model)`: a network as neurons, as layers, or as the two passes through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd_lite as ag
from autograd_lite.drawing import Diagram, Edge, Picture, Vertex, pretty, shape_text
from nn.architecture import Layer, layers_of
from nn.layers import as_input
from nn.network import network_picture
from nn.neuron import neuron_picture
from nn.training import OBJECTIVES

__all__ = ["draw"]

_VIEWS = ("network", "layers", "lanes", "neuron")
_LOSSES = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy"}


def draw(
    model: Any,
    X: Any = None,
    Y: Any = None,
    *,
    loss: str | Callable[[Any, Any, Any], Any] | None = None,
    view: str = "network",
) -> Diagram:
    """A picture of a model.

    view: "network", neurons and weighted edges, with the activations of X where it is given;
    "layers", a box per layer; "lanes", the forward pass and above it each gradient of the loss;
    "neuron", the first neuron of the first layer.
    loss: as in `fit`; None takes the one that belongs to the model's output. The lanes without X
    and Y show four made-up data points.

    Raises ValueError for an unknown view or loss, and for a model that the view cannot show.
    """
    if view not in _VIEWS:
        raise ValueError(f"draw: unknown view {view!r}; choose one of {', '.join(_VIEWS)}")
    if not (loss is None or callable(loss) or loss in OBJECTIVES):
        raise ValueError(
            f"draw: unknown loss {loss!r}; choose one of {', '.join(map(repr, OBJECTIVES))}"
        )
    if view == "network":
        return network_picture(model, X)
    if view == "neuron":
        return neuron_picture(layers_of(model)[0], X)
    return _layers(model) if view == "layers" else _lanes(model, X, Y, loss)


def _layers(model: Any) -> Diagram:
    """A box per layer, with its parameters below it."""
    layers = layers_of(model)
    vertices = [Vertex("n0", "data", ("X", f"n×{layers[0].n_in}"), "input")]
    edges = []
    before = "n0"
    for layer in layers:
        l = layer.number
        id = f"n{l}"
        vertices += [_box(f"{id}{name}", f"{name}{l}", p, id) for name, p in _parameters(layer)]
        words = (f"{layer.title}: {layer.activation}", f"{layer.n_out:,} neurons")
        vertices.append(Vertex(id, "output" if layer.last else "op", words, "layer"))
        edges += [Edge(f"{id}{name}", id) for name, _ in _parameters(layer)]
        edges.append(Edge(before, id))
        before = id
    total = sum(p.size for layer in layers for _, p in _parameters(layer))
    caption = f"{len(layers)} layers · {total:,} parameters"
    return Diagram(Picture("Layers of the network", tuple(vertices), tuple(edges), caption))


def _parameters(layer: Layer) -> list[tuple[str, Any]]:
    return [("W", layer.W)] + ([] if layer.b is None else [("b", layer.b)])


def _box(id: str, name: str, p: Any, under: str) -> Vertex:
    lines = (pretty(name), shape_text(p.shape))
    return Vertex(id, "parameter", lines, f"{p.size:,} parameters", under=under)


def _lanes(model: Any, X: Any, Y: Any, loss: Any) -> Diagram:
    """The two passes of the model, recorded with every value kept."""
    if X is None and Y is not None:
        raise ValueError("draw: Y was given without X; pass both, or neither for made-up data")
    if X is None:
        X, Y = _made_up(model)
    first = model.parameters()[0]
    X = as_input(np.asarray(X), first, "draw") if first.ndim == 2 else np.asarray(X)
    names: dict[str, Any] = {"X": X}
    with ag.keep():
        if Y is None:
            output = model(X)
        else:
            Y = np.asarray(Y)
            if Y.dtype.kind == "f":
                Y = np.asarray(Y, dtype=first.dtype)
            names["Y"] = Y
            output = _objective(model, loss)(model, X, Y)
            output.name = output.name or "L"
    return ag.draw(output, names=names | dict(model.named_parameters()), view="lanes")


def _objective(model: Any, loss: Any) -> Callable[[Any, Any, Any], Any]:
    """The loss as a function (model, X, Y)."""
    if callable(loss):
        return loss  # type: ignore[no-any-return]
    return OBJECTIVES[loss or _LOSSES.get(layers_of(model)[-1].activation, "squared_error")]


def _made_up(model: Any) -> tuple[Any, Any]:
    """Four data points that fit a model, the same in every run."""
    layers = layers_of(model)
    rng = np.random.default_rng(0)
    k = layers[-1].n_out
    X = rng.standard_normal((4, layers[0].n_in))
    if k == 1:
        return X, np.array([0.0, 1.0, 1.0, 0.0])
    return X, np.eye(k)[np.arange(4) % k]
