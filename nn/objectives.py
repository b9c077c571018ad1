"""What `fit` minimises: the losses it knows by name, and whether data fit model and loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd_lite as ag
from nn.data import one_hot
from nn.losses import check_distribution, squared_error
from nn.module import inference

__all__ = ["OBJECTIVES", "DataCheck", "Objective", "objective_of"]

Objective = Callable[[Any, Any, Any], Any]


def _cross_entropy(model: Any, X: Any, Y: Any) -> Any:
    return ag.softmax_cross_entropy(model.logits(X), Y, normalized=True)


def _binary_cross_entropy(model: Any, X: Any, Y: Any) -> Any:
    z = model.logits(X)
    return np.sum(ag.softplus(z) - Y * z)  # −y log σ(z) − (1 − y) log(1 − σ(z))


def _squared_error(model: Any, X: Any, Y: Any) -> Any:
    return squared_error(model(X), Y)


OBJECTIVES: dict[str, Objective] = {
    "cross_entropy": _cross_entropy,
    "binary_cross_entropy": _binary_cross_entropy,
    "squared_error": _squared_error,
}
#: Numbers in one-hot rows: 40 MB in float64.
MOST_ENCODED = 5_000_000
#: The output activation that a loss out of the logits stands for.
OUTPUTS = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}


def objective_of(loss: str | Objective, model: Any) -> tuple[Objective, str]:
    """The function (model, X, Y) → scalar of a loss, and its name, "" for a function.

    Raises ValueError for an unknown name, or a loss that does not go with the model's output.
    """
    if callable(loss):
        return loss, ""
    if loss not in OBJECTIVES:
        names = ", ".join(map(repr, OBJECTIVES))
        raise ValueError(f"loss: expected {names} or a function (model, X, Y), got {loss!r}")
    if loss in OUTPUTS and not hasattr(model, "logits"):
        raise ValueError(
            f"loss {loss!r} is computed from model.logits(X), which a {type(model).__name__} does "
            "not have; pass a function (model, X, Y) instead"
        )
    output = getattr(model, "output", OUTPUTS.get(loss))
    if loss in OUTPUTS and output not in (OUTPUTS[loss], "identity"):
        raise ValueError(
            f"loss {loss!r} goes with the output {OUTPUTS[loss]!r}, the model has {output!r}"
        )
    return OBJECTIVES[loss], loss


class DataCheck:
    """Whether X and Y fit each other, a model and a loss; and what a step is given of them.

    loss: the name of the loss, "" for a user's own.
    """

    def __init__(self, model: Any, loss: str) -> None:
        self.model, self.loss = model, loss
        self.dtype = next((p.dtype for p in model.parameters()), np.dtype(np.float64))
        # of what the loss is computed from, for one data point, by the shape of that
        self._outputs: dict[tuple[int, ...], tuple[int, ...]] = {}

    def checked(self, X: Any, Y: Any, what: str = "") -> tuple[Any, Any]:
        """X and Y as arrays, in the dtype of the model's parameters where they are no labels.

        what: "validation ", say, for messages. Raises ValueError, or TypeError for a wrong dtype,
        where they do not fit, or hold numbers that are not finite.
        """
        X, Y = np.asarray(X), np.asarray(Y)
        if X.ndim < 1 or Y.ndim < 1 or len(X) != len(Y) or len(X) == 0:
            raise ValueError(
                f"{what}X and Y: expected as many rows in both, and at least one, got the "
                f"shapes {X.shape} and {Y.shape}"
            )
        X = _numbers(X, self.dtype, f"{what}X")
        if not self.loss:
            return X, Y
        shape = self._output(X, what)
        if self.loss == "cross_entropy":
            return X, _classes(Y, shape, self.dtype, f"{what}Y")
        Y = _numbers(Y, self.dtype, f"{what}Y")
        if Y.shape[1:] != shape[1:]:
            hint = f"; pass {what}Y.ravel()" if Y.shape[1:] == (1,) and len(shape) == 1 else ""
            hint = f"; pass {what}Y[:, None]" if Y.ndim == 1 and shape[1:] == (1,) else hint
            raise ValueError(
                f"{what}Y: expected {(len(X), *shape[1:])}, the shape of the model's output, got "
                f"{Y.shape}{hint}"
            )
        if self.loss == "binary_cross_entropy" and not (Y.min() >= 0 and Y.max() <= 1):
            raise ValueError(
                f"{what}Y: binary targets must lie in [0, 1], got {Y.min()} to {Y.max()}"
            )
        return X, Y

    def encoded(self, X: Any, Y: Any) -> Any:
        """Checked targets in the form that a step is fastest with: labels as one-hot rows.

        That saves a sixth of a step, and takes k numbers for a label; too many labels stay as they
        are.
        """
        if self.loss != "cross_entropy" or Y.ndim != 1:
            return Y
        k = self._output(X, "")[-1]
        return one_hot(Y, k, self.dtype) if Y.size * k <= MOST_ENCODED else Y

    def _output(self, X: Any, what: str) -> tuple[int, ...]:
        """The shape of what the loss is computed from, of one data point: the model itself says."""
        if X.shape[1:] not in self._outputs:
            try:
                with inference(self.model):
                    output = self.model.logits(X[:1]) if self.loss in OUTPUTS else self.model(X[:1])
            except (TypeError, ValueError) as error:
                message = f"{what}X of shape {X.shape}, its first row: {error}"
                raise type(error)(message) from error
            self._outputs[X.shape[1:]] = np.shape(output)
        return self._outputs[X.shape[1:]]


def _numbers(values: Any, dtype: Any, what: str) -> Any:
    """The values in a float dtype, seen to be finite."""
    if values.dtype.kind not in "fiub":
        raise TypeError(f"{what}: expected real numbers, got dtype {values.dtype}")
    if values.dtype.kind == "f" and not _all_finite(values):
        row = int(np.argmin(np.isfinite(values).reshape(len(values), -1).all(axis=1)))
        n = np.count_nonzero(~np.isfinite(values))
        raise ValueError(f"{what} holds {n} numbers that are nan or infinite, first in row {row}")
    return values.astype(dtype, copy=False)


def _all_finite(values: Any) -> bool:
    """Whether no number is nan or infinite."""
    if values.flags.c_contiguous and values.dtype.char in "fd":
        # the sum of squares takes a third of the time, and no memory; it may overflow, however
        flat = values.ravel()
        if np.isfinite(np.vdot(flat, flat)):
            return True
    return bool(np.isfinite(values).all())


def _classes(Y: Any, shape: tuple[int, ...], dtype: Any, what: str) -> Any:
    """Labels or one-hot rows, seen to be of the classes that the logits' shape (1, k) has."""
    k = shape[-1] if len(shape) > 1 else 1
    if Y.ndim == len(shape):
        if Y.shape[1:] != shape[1:]:
            raise ValueError(
                f"{what} has shape {Y.shape}, expected labels of shape ({len(Y)},) or one-hot rows "
                f"of shape ({len(Y)}, {k}) for the model's {k} outputs"
            )
        Y = _numbers(Y, dtype, what)
        check_distribution(Y, what)
    elif Y.ndim != len(shape) - 1:
        raise ValueError(f"{what} has shape {Y.shape}, expected labels of shape ({len(Y)},)")
    elif Y.dtype.kind not in "iu":
        hint = f"; pass {what}.astype(int)" if Y.dtype.kind in "fb" else ""
        raise TypeError(f"{what}: labels must be integers, got dtype {Y.dtype}{hint}")
    elif Y.min() < 0 or Y.max() >= k:
        raise ValueError(
            f"{what}: labels must be 0 to {k - 1} for the model's {k} outputs, got {Y.min()} to "
            f"{Y.max()}"
        )
    return Y
