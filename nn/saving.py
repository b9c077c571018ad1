"""Models in files: .npz archives and .safetensors, arrays and a JSON header, never pickles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nn import layers, safetensors
from nn.dropout import Dropout
from nn.files import read_archive, write_archive
from nn.layers import Linear, Sequential
from nn.mlp import MLP
from nn.module import Module

__all__ = ["load", "save"]

KIND = "autograd-lite model"


def save(model: Any, path: str | Path) -> Path:
    """Write a model to an .npz or .safetensors file and return its path.

    The file takes its place only once it is complete, so that a failure leaves the old one whole.
    An MLP or a Sequential can be rebuilt from the file alone; see `load`.
    """
    if not isinstance(model, Module):
        raise TypeError(f"save: expected an nn.Module, got a {type(model).__name__}")
    path = Path(path)
    if path.suffix not in FORMATS:
        raise ValueError(f"save: expected a path that ends in {_suffixes()}, got {path.name!r}")
    write, _ = FORMATS[path.suffix]
    header = {"kind": KIND, "version": 1, "model": _described(model)}
    write(path, header, model.state_dict())
    return path


def load(path: str | Path, model: Any = None) -> Any:
    """The model in a file; with `model`, that one, filled all or nothing.

    Raises ValueError, naming the file, for one that is truncated, foreign or does not fit.
    """
    if not isinstance(model, Module | None):
        raise TypeError(f"load: expected an nn.Module to fill, got a {type(model).__name__}")
    path = Path(path)
    if path.suffix not in FORMATS:
        raise ValueError(f"load: expected a path that ends in {_suffixes()}, got {path.name!r}")
    _, read = FORMATS[path.suffix]
    header, arrays = read(path, KIND)
    try:
        if model is None and "model" not in header:
            raise ValueError("does not say which model its arrays belong to; pass one to fill")
        if model is None:
            model = _rebuilt(header["model"])
        model.load_state_dict(arrays)
    except (KeyError, TypeError, ValueError) as error:
        reason = error.args[0] if isinstance(error, (TypeError, ValueError)) else repr(error)
        raise ValueError(f"{path}: {reason}") from error
    return model


FORMATS = {
    ".npz": (write_archive, read_archive),
    ".safetensors": (safetensors.write, safetensors.read),
}


def _suffixes() -> str:
    return " or ".join(FORMATS)


def _described(layer: Any) -> dict[str, Any]:
    """What a header says of a model: its class, and what else its constructor needs."""
    if type(layer) is MLP:
        kept = {"sizes": layer.sizes, "hidden": layer.hidden, "output": layer.output}
        dropout = [drop.options for drop in layer.dropout]
        return {"class": "MLP", **kept, "dropout": dropout, "dtype": str(layer.W1.dtype)}
    if type(layer) is Linear:
        sizes = {"n_in": layer.n_in, "n_out": layer.n_out, "bias": layer.b is not None}
        return {"class": "Linear", **sizes, "dtype": str(layer.W.dtype)}
    if type(layer) is Sequential:
        return {"class": "Sequential", "layers": [_described(part) for part in layer.layers]}
    if type(layer) in SIMPLE:
        return {"class": type(layer).__name__, **layer.options}
    return {"class": getattr(layer, "__qualname__", type(layer).__qualname__), "foreign": True}


SIMPLE = (
    Dropout,
    *(getattr(layers, name) for name in layers.__all__ if name not in ("Linear", "Sequential")),
)


def _rebuilt(description: dict[str, Any]) -> Any:
    """The model, with parameters still to be filled, that a header describes.

    Raises ValueError for a class that is not one of nn's own.
    """
    arguments = dict(description)
    name = arguments.pop("class")
    if name == "MLP":
        dropout = [Dropout(**options) for options in arguments.pop("dropout", [])]
        return MLP(**arguments, dropout=dropout or 0.0, init="zeros")
    if name == "Linear":
        return Linear(**arguments, init="zeros")
    if name == "Sequential":
        return Sequential(*map(_rebuilt, arguments["layers"]))
    known = {cls.__name__: cls for cls in SIMPLE}
    if name not in known or arguments.pop("foreign", False):
        raise ValueError(f"holds a {name}, which cannot be rebuilt; pass a model to fill")
    return known[name](**arguments)
