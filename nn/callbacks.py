"""Callbacks for `fit`: functions (model, history) → True to stop, called after every epoch.

One that remembers more than the History says has `state_dict` and `load_state_dict`, arrays by
name, and goes on where it was when a checkpoint is resumed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nn.saving import save

__all__ = ["BestCheckpoint", "EarlyStopping", "StopOnNaN"]


class EarlyStopping:
    """Stops where the best value of `key` is `patience` epochs old, and goes back to that model.

    highest: whether the best is the largest value (an accuracy), not the smallest (a loss).
    min_delta: by how much a value must be better to count as such.
    restore: whether the model of the best epoch takes the place of the last one.
    """

    def __init__(
        self,
        patience: int = 5,
        *,
        key: str = "val_loss",
        highest: bool = False,
        min_delta: float = 0.0,
        restore: bool = True,
    ) -> None:
        if patience < 1 or min_delta < 0:
            raise ValueError(
                f"EarlyStopping: expected patience ≥ 1 and min_delta ≥ 0, got {patience} and "
                f"{min_delta}"
            )
        self.patience, self.key, self.highest = patience, key, highest
        self.min_delta, self.restore = min_delta, restore
        self._best: tuple[int, Any] | None = None

    def __call__(self, model: Any, history: Any) -> bool:
        """Whether the best epoch is too long ago."""
        values = _values(history, self.key, "EarlyStopping")
        best = _best(values, self.highest, self.min_delta)
        if self.restore and best == len(values) - 1:
            self._best = best, model.state_dict()
        if len(values) - 1 - best < self.patience:
            return False
        if self.restore and self._best is not None and self._best[0] == best:
            model.load_state_dict(self._best[1])
        return True

    def state_dict(self) -> dict[str, Any]:
        """The best epoch and the model after it, as arrays by name."""
        if self._best is None:
            return {}
        epoch, model = self._best
        return {"epoch": np.array(epoch), **{f"model/{name}": p for name, p in model.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Remember what `state_dict` returned."""
        model = {n.removeprefix("model/"): p for n, p in state.items() if n.startswith("model/")}
        self._best = (int(state["epoch"]), model) if state else None

    def __repr__(self) -> str:
        return f"EarlyStopping({self.patience}, key={self.key!r})"


class BestCheckpoint:
    """Saves the model (see `nn.save`) after every epoch whose value of `key` is the best so far."""

    def __init__(self, path: str | Path, *, key: str = "val_loss", highest: bool = False) -> None:
        self.path, self.key, self.highest = Path(path), key, highest

    def __call__(self, model: Any, history: Any) -> bool:
        """False: training goes on."""
        values = _values(history, self.key, "BestCheckpoint")
        if _best(values, self.highest, 0.0) == len(values) - 1 and math.isfinite(values[-1]):
            save(model, self.path)
        return False

    def __repr__(self) -> str:
        return f"BestCheckpoint({str(self.path)!r}, key={self.key!r})"


class StopOnNaN:
    """Stops after an epoch whose loss is not finite, and goes back to the last one's whose was.

    Where there was none, the model stays as it is.
    """

    def __init__(self) -> None:
        self._finite: Any = None

    def __call__(self, model: Any, history: Any) -> bool:
        """Whether the last loss is nan or infinite."""
        if math.isfinite(history["loss"][-1]):
            self._finite = model.state_dict()
            return False
        if self._finite is not None and history.epochs > 1:
            model.load_state_dict(self._finite)
        return True

    def state_dict(self) -> dict[str, Any]:
        """The last model whose loss was finite, as arrays by name."""
        return self._finite or {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Remember what `state_dict` returned."""
        self._finite = dict(state) or None

    def __repr__(self) -> str:
        return "StopOnNaN()"


def _values(history: Any, key: str, where: str) -> list[float]:
    if key not in history:
        hint = "; pass validation=(X, Y) to fit" if key.startswith("val_") else ""
        raise ValueError(f"{where}: the history has no {key!r}, but {', '.join(history)}{hint}")
    values: list[float] = history[key]
    return values


def _best(values: list[float], highest: bool, min_delta: float) -> int:
    """The epoch, from 0, of the best value; nan is never better."""
    best = 0
    for epoch, value in enumerate(values):
        gain = value - values[best] if highest else values[best] - value
        if gain > min_delta or (math.isnan(values[best]) and not math.isnan(value)):
            best = epoch
    return best
