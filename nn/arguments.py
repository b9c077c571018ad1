"""What `fit` is called with: checked before training starts, and not after an epoch of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nn.files import check_place
from nn.history import History
from nn.module import Module

__all__ = [
    "Callback",
    "Metrics",
    "check_counts",
    "check_kinds",
    "check_paths",
    "check_signatures",
    "check_trainable",
]

Metrics = Mapping[str, Callable[[Any, Any, Any], float]]
Callback = Callable[[Any, History], Any]


def check_counts(**counts: tuple[int | None, int]) -> None:
    """Raise ValueError for a number that is not whole, or below its least, which stands beside."""
    for name, (value, least) in counts.items():
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if value is not None and (not whole or value < least):
            raise ValueError(f"{name} must be a whole number from {least}, got {value!r}")


def check_kinds(model: Any, optimizer: Any, validation: Any, metrics: Any, callbacks: Any) -> None:
    """Raise TypeError for an argument of another kind than `fit` can use."""
    pair = isinstance(validation, (tuple, list)) and len(validation) == 2
    mapping = isinstance(metrics, Mapping) and all(map(callable, metrics.values()))
    functions = isinstance(callbacks, (tuple, list)) and all(map(callable, callbacks))
    stepping = hasattr(optimizer, "step") and not isinstance(optimizer, type)
    for name, fits, expected, value in (
        ("model", isinstance(model, Module), "an nn.Module", model),
        ("optimizer", stepping, "an optimiser, such as nn.SGD(0.01)", optimizer),
        ("validation", validation is None or pair, "a pair (X, Y)", validation),
        ("metrics", metrics is None or mapping, "a dict of functions (model, X, Y)", metrics),
        ("callbacks", functions, "a list of functions (model, history)", callbacks),
    ):
        if not fits:
            raise TypeError(f"{name}: expected {expected}, got {_described(value)}")
    for key in metrics or {}:
        if key == "loss" or str(key).startswith("val_"):
            raise ValueError(f"metrics: the History has {key!r} for itself; choose another name")


def check_trainable(model: Module) -> None:
    """Raise ValueError for a model of which nothing can be trained, or written to."""
    named = list(model.named_parameters())
    if not any(p.requires_grad for _, p in named):
        raise ValueError(
            f"model: none of its {len(named)} parameters requires grad, so that there is nothing "
            "to train"
        )
    for path, p in named:
        if p.requires_grad and not p.data.flags.writeable:
            raise ValueError(
                f"model: the array of {path} is read-only, and training writes into it; set "
                f"{path}.data to a copy"
            )


def check_signatures(loss: Any, metrics: Metrics | None, callbacks: Sequence[Callback]) -> None:
    """Raise TypeError for a function that does not take what `fit` is going to pass to it."""
    of_data, of_epoch = "(model, X, Y)", "(model, history)"
    functions = [("loss", loss, of_data, "or a name, such as 'cross_entropy'")]
    for key, metric in (metrics or {}).items():
        instead = "such as lambda model, X, Y: nn.accuracy(model.predict(X), Y)"
        functions.append((f"metrics[{key!r}]", metric, of_data, instead))
    for i, callback in enumerate(callbacks):
        functions.append((f"callbacks[{i}]", callback, of_epoch, "such as nn.EarlyStopping()"))
    for name, f, arguments, instead in functions:
        if callable(f) and not _takes(f, arguments.count(",") + 1):
            called = f"{getattr(f, '__name__', type(f).__name__)}{inspect.signature(f)}"
            raise TypeError(f"{name}: expected a function of {arguments}, {instead}; got {called}")


def check_paths(checkpoint: Any, resume: Any) -> None:
    """Raise TypeError for what is no path, OSError for one where no checkpoint can be written."""
    for name, path in (("checkpoint", checkpoint), ("resume", resume)):
        if path is not None and not isinstance(path, (str, Path)):
            raise TypeError(f"{name}: expected the path of a file, got {_described(path)}")
    if checkpoint is not None:
        check_place(Path(checkpoint))


def _takes(f: Any, n: int) -> bool:
    """Whether a function may be called with n arguments, as far as its signature says."""
    try:
        inspect.signature(f).bind(*range(n))
    except TypeError:
        return False
    except ValueError:  # a C function without one
        return True
    return True


def _described(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else type(value).__name__
