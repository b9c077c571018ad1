"""Training: `fit` runs the lecture's gradient descent over epochs of batches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autograd_lite as ag
from nn.arguments import (
    Callback,
    Metrics,
    check_counts,
    check_kinds,
    check_paths,
    check_signatures,
    check_trainable,
)
from nn.checkpoints import Finished, Run
from nn.history import History
from nn.module import inference
from nn.objectives import OBJECTIVES, DataCheck, Objective, objective_of
from nn.optim import Optimizer
from nn.progress import Progress
from nn.sources import source_of
from nn.steps import CompiledStep, EagerStep

__all__ = ["OBJECTIVES", "fit"]


def fit(
    model: Any,
    X: Any,
    Y: Any = None,
    *,
    loss: str | Objective,
    optimizer: Any,
    epochs: int,
    batch_size: int | None = None,
    validation: tuple[Any, Any] | None = None,
    metrics: Metrics | None = None,
    shuffle: bool = True,
    rng: np.random.Generator | None = None,
    callbacks: Sequence[Callback] = (),
    progress: str | bool = "auto",
    compile: bool = True,
    checkpoint: str | Path | None = None,
    resume: str | Path | None = None,
) -> History:
    """Train a model in place and return the History of its losses.

    X of shape (n, m); Y the targets of the n data points: values, one-hot rows or labels. An X
    that is an np.memmap is read batch by batch. With Y left out, X is an iterable of batches
    (X, Y), or a function that returns one, and is gone through once an epoch.

    loss: "squared_error", "cross_entropy", "binary_cross_entropy" (the latter two computed from
        the model's logits), or a function (model, X, Y) → scalar: the sum over the batch, as in
        the lecture. That is what is minimised, and the History holds it divided by the number of
        data points; of a function that returns a mean it is divided once more.
    epochs: in all, with those of a checkpoint that is resumed.
    batch_size: None is the lecture's full batch.
    validation: (X, Y), measured after every epoch: "val_loss", and "val_…" for the metrics.
    metrics: {"accuracy": function (model, X, Y) → float}, of the data that are in memory.
    shuffle, rng: batches are drawn in a new order every epoch, by this Generator.
    callbacks: functions (model, history) → True to stop, called after every epoch; see
        `EarlyStopping`, `BestCheckpoint` and `StopOnNaN`.
    progress: "auto" shows a bar on a terminal where tqdm is installed; True and False insist.
    compile: whether the step runs as a program that `ag.compile` makes of it. For that the loss
        is run once for each shape of batch, so that it has to be a function of its arguments and
        nothing else; with False it is run anew in every step. `history.mode` says which it was.
    checkpoint: a file that is written after every epoch, and that `resume` goes on from: bit for
        bit as if training had never stopped, given the same data and arguments.

    Ctrl-C ends training with the model as it was after the last finished epoch. Raises ValueError
    or TypeError for data that do not fit each other, the loss or the model.
    """
    check_counts(epochs=(epochs, 0), batch_size=(batch_size, 1))
    check_kinds(model, optimizer, validation, metrics, callbacks)
    check_trainable(model)
    check_signatures(loss, metrics, callbacks)
    check_paths(checkpoint, resume)
    objective, name = objective_of(loss, model)
    check = DataCheck(model, name)
    rng = np.random.default_rng(rng)
    source = source_of(X, Y, batch_size, rng if shuffle else None, check)
    if validation is not None:
        validation = check.checked(*validation, what="validation ")
    compiled = compile and isinstance(optimizer, Optimizer)
    step = (CompiledStep if compiled else EagerStep)(model, objective, optimizer)
    run = Run(model, optimizer, rng, step, callbacks)
    history = run.history
    if resume is not None:
        run.resume(Path(resume))

    finished = Finished(run)
    step.load()
    bar = Progress(progress, epochs, source.steps, history.epochs)
    try:
        while history.epochs < epochs and not history.stopped:
            start = time.perf_counter()
            numbers = {"loss": _epoch(step, source, history.epochs + 1, bar)}
            seconds = time.perf_counter() - start
            numbers |= _measured(model, source.whole, metrics, "")
            if validation is not None:
                numbers["val_loss"] = _evaluated(model, objective, *validation)
                numbers |= _measured(model, validation, metrics, "val_")
            history.append(numbers, seconds)
            bar.epoch(history)
            if callbacks or checkpoint is not None:
                step.settle()
            stopping = [callback for callback in callbacks if callback(model, history)]
            if callbacks:  # which may have changed model and optimiser
                step.load()
            finished = Finished(run)
            if checkpoint is not None:
                run.write(Path(checkpoint))
            if stopping:
                history.stopped = f"stopped by {', '.join(map(_name, stopping))}"
    except KeyboardInterrupt:
        finished.restore(run)
        history.stopped = f"interrupted in epoch {history.epochs + 1}"
    finally:
        bar.close()
        step.settle()
        history.mode = step.mode
    return history


def _epoch(step: Any, source: Any, number: int, bar: Progress) -> float:
    """The mean loss per data point over the steps of one epoch."""
    total, rows = 0.0, 0
    for X, Y in source.epoch(number):
        total += step(X, Y)
        rows += len(X)
        bar.step(total, rows)
    return total / rows


def _evaluated(model: Any, objective: Objective, X: Any, Y: Any) -> float:
    """The loss per data point, with the model switched to inference."""
    with inference(model):
        loss = objective(model, X, Y)
    return float(loss.item() if isinstance(loss, ag.Tensor) else loss) / len(X)


def _measured(model: Any, data: Any, metrics: Metrics | None, prefix: str) -> dict[str, float]:
    """What the metrics say of X and Y, where there are any in memory."""
    if not metrics or data is None:
        return {}
    with inference(model):
        return {f"{prefix}{key}": float(f(model, *data)) for key, f in metrics.items()}


def _name(callback: Any) -> str:
    return getattr(callback, "__name__", None) or repr(callback)
