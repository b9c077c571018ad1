"""Training: `fit` runs the lecture's gradient descent over epochs of batches."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

import autograd_lite as ag
from nn.data import batches
from nn.losses import check_distribution, squared_error
from nn.mlp import MLP
from nn.module import inference

__all__ = ["History", "fit"]


class History(Mapping[str, list[float]]):
    """What training measured: a list with a number per epoch for every key, such as "loss"."""

    def __init__(self) -> None:
        self.values_by_name: dict[str, list[float]] = {}
        self.seconds: list[float] = []

    def __getitem__(self, key: str) -> list[float]:
        return self.values_by_name[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name)

    def append(self, **numbers: float) -> None:
        """Add one epoch's numbers."""
        for key, number in numbers.items():
            self.values_by_name.setdefault(key, []).append(float(number))

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses by epoch on matplotlib axes, and return them."""
        from nn.plot import loss_curves

        return loss_curves(self, ax=ax)

    def __repr__(self) -> str:
        last = ", ".join(f"{k}={v[-1]:.4g}" for k, v in self.values_by_name.items())
        return f"History({len(self.seconds)} epochs: {last})"


Objective = Callable[[Any, Any, Any], Any]


def _cross_entropy(model: Any, X: Any, Y: Any) -> Any:
    return ag.softmax_cross_entropy(model.logits(X), Y, normalized=True)


def _binary_cross_entropy(model: Any, X: Any, Y: Any) -> Any:
    z = model.logits(X)
    return np.sum(ag.softplus(z) - Y * z)


def _squared_error(model: Any, X: Any, Y: Any) -> Any:
    return squared_error(model(X), Y)


OBJECTIVES: dict[str, Objective] = {
    "cross_entropy": _cross_entropy,
    "binary_cross_entropy": _binary_cross_entropy,
    "squared_error": _squared_error,
}


def fit(
    model: Any,
    X: Any,
    Y: Any,
    *,
    loss: str | Objective,
    optimizer: Any,
    epochs: int,
    batch_size: int | None = None,
    validation: tuple[Any, Any] | None = None,
    metrics: Mapping[str, Callable[[Any, Any, Any], float]] | None = None,
    shuffle: bool = True,
    rng: np.random.Generator | None = None,
    progress: str | bool = "auto",
) -> History:
    """Train a model in place and return the History of its losses.

    X of shape (n, m); Y the targets of the n data points: values, one-hot rows or labels.

    loss: "squared_error", "cross_entropy", "binary_cross_entropy" (the latter two computed from
        the model's logits), or a function (model, X, Y) -> scalar. The sum over a batch is what
        is minimised, as in the lecture; the History holds it per data point.
    batch_size: None is the lecture's full batch.
    validation: (X, Y) measured after every epoch, as "val_loss" and "val_…" for the metrics.
    metrics: {"accuracy": function (model, X, Y) -> float}.
    shuffle, rng: batches are drawn in a new order every epoch, by this Generator.
    progress: "auto" shows a bar on a terminal where tqdm is installed; True and False insist.

    Raises ValueError for data that do not fit each other, the loss or the model.
    """
    objective, name = _objective(loss)
    X, Y = _checked_data(model, X, Y, name, "")
    if validation is not None:
        validation = _checked_data(model, *validation, name, "validation ")
    if epochs < 0 or (batch_size is not None and batch_size < 1):
        raise ValueError(f"epochs must be ≥ 0 and batch_size ≥ 1, got {epochs} and {batch_size}")
    rng = np.random.default_rng(rng)
    history = History()
    parameters = model.parameters()
    bar = _bar(progress, epochs)
    try:
        for _ in range(epochs):
            start = time.perf_counter()
            total = 0.0
            size = batch_size or len(X)
            for X_b, Y_b in batches(X, Y, size, rng=rng if shuffle and size < len(X) else None):
                total += _step(model, parameters, objective, optimizer, X_b, Y_b)
            history.seconds.append(time.perf_counter() - start)
            history.append(loss=total / len(X), **_measured(model, X, Y, metrics, ""))
            if validation is not None:
                value = _evaluated(model, objective, *validation)
                measured = _measured(model, *validation, metrics, "val_")
                history.append(val_loss=value, **measured)
            if bar is not None:
                bar.set_postfix({k: f"{v[-1]:.4g}" for k, v in history.items()})
                bar.update()
    finally:
        if bar is not None:
            bar.close()
    return history


def _step(
    model: Any, parameters: list[Any], objective: Objective, optimizer: Any, X: Any, Y: Any
) -> float:
    """One iteration of gradient descent; the loss of the batch before it."""
    for p in parameters:
        p.grad = None
    loss = objective(model, X, Y)
    loss.backward(retain_graph=False)
    optimizer.step(parameters)
    return float(loss.item())


def _evaluated(model: Any, objective: Objective, X: Any, Y: Any) -> float:
    """The loss per data point, with the model switched to inference."""
    with inference(model):
        return float(objective(model, X, Y).item()) / len(X)


def _measured(model: Any, X: Any, Y: Any, metrics: Any, prefix: str) -> dict[str, float]:
    with inference(model):
        return {f"{prefix}{key}": float(f(model, X, Y)) for key, f in (metrics or {}).items()}


def _objective(loss: str | Objective) -> tuple[Objective, str]:
    if callable(loss):
        return loss, ""
    if loss not in OBJECTIVES:
        names = ", ".join(repr(n) for n in OBJECTIVES)
        raise ValueError(f"loss: expected {names} or a function (model, X, Y), got {loss!r}")
    return OBJECTIVES[loss], loss


def _checked_data(model: Any, X: Any, Y: Any, loss: str, what: str) -> tuple[Any, Any]:
    """X in the model's dtype, Y as the loss takes it. Raises ValueError where they do not fit."""
    dtype = next((p.dtype for p in model.parameters()), np.dtype(np.float64))
    X, Y = np.asarray(X), np.asarray(Y)
    if X.ndim < 2 or len(X) != len(Y) or len(X) == 0:
        raise ValueError(
            f"{what}X and Y: expected n > 0 rows each, X of shape (n, m); got {X.shape}, {Y.shape}"
        )
    X = X.astype(dtype, copy=False)
    if not np.isfinite(X).all():
        raise ValueError(f"{what}X holds {np.count_nonzero(~np.isfinite(X))} non-finite numbers")
    if loss == "cross_entropy":
        _check_classes(model, Y, what)
    if loss != "cross_entropy" or Y.ndim > 1:
        Y = Y.astype(dtype, copy=False)
        if not np.isfinite(Y).all():
            raise ValueError(
                f"{what}Y holds {np.count_nonzero(~np.isfinite(Y))} non-finite numbers"
            )
    if loss == "binary_cross_entropy" and Y.size and not (Y.min() >= 0 and Y.max() <= 1):
        raise ValueError(f"{what}Y: binary targets must lie in [0, 1], got {Y.min()} to {Y.max()}")
    return X, Y


def _check_classes(model: Any, Y: Any, what: str) -> None:
    k = model.sizes[-1] if isinstance(model, MLP) else None
    if Y.ndim > 1:
        if k is not None and Y.shape[-1] != k:
            raise ValueError(f"{what}Y has {Y.shape[-1]} columns, the network has {k} outputs")
        check_distribution(Y, f"{what}Y")
    elif Y.dtype.kind not in "iu":
        raise ValueError(f"{what}Y: labels must be integers, got dtype {Y.dtype}")
    elif Y.min() < 0 or (k is not None and Y.max() >= k):
        last = "k − 1" if k is None else k - 1
        raise ValueError(f"{what}Y: labels must be 0 to {last}, got {Y.min()} to {Y.max()}")


def _bar(progress: str | bool, epochs: int) -> Any:
    """A tqdm bar, or None where none is wanted or possible."""
    if progress not in ("auto", True, False):
        raise ValueError(f"progress must be 'auto', True or False, got {progress!r}")
    notebook = "ipykernel" in sys.modules
    if progress is False or (progress == "auto" and not (sys.stderr.isatty() or notebook)):
        return None
    try:
        from tqdm.auto import tqdm
    except ImportError:
        if progress == "auto":
            return None
        raise ImportError(
            "progress=True needs tqdm: pip install 'autograd-lite[progress]'"
        ) from None
    return tqdm(total=epochs, unit="epoch", dynamic_ncols=True)
