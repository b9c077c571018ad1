"""Learning rates that change while training: functions of t, the number of updates made so far.

A schedule stands wherever an optimiser takes a rate: `nn.optim.Adam(nn.optim.cosine(1e-3, 500))`.
They count updates, not epochs: an epoch has ⌈n / batch size⌉ of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["constant", "cosine", "exponential", "step", "warmup"]


@dataclass(frozen=True)
class constant:
    """The same rate for ever."""

    rate: float

    def __post_init__(self) -> None:
        _check_positive(self)

    def __call__(self, t: Any) -> Any:
        """The rate of update t."""
        return self.rate


@dataclass(frozen=True)
class step:
    """rate · factor^⌊t / every⌋: multiplied by `factor` after `every` updates, and again."""

    rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        _check_positive(self)

    def __call__(self, t: Any) -> Any:
        """The rate of update t."""
        return self.rate * self.factor ** np.floor(t / self.every)


@dataclass(frozen=True)
class exponential:
    """rate · factor^t."""

    rate: float
    factor: float

    def __post_init__(self) -> None:
        _check_positive(self)

    def __call__(self, t: Any) -> Any:
        """The rate of update t."""
        return self.rate * self.factor**t


@dataclass(frozen=True)
class cosine:
    """Half a cosine from `rate` down to `final` in `steps` updates, and `final` from then on."""

    rate: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        _check_positive(self, but="final")

    def __call__(self, t: Any) -> Any:
        """The rate of update t."""
        turned = np.cos(math.pi * np.minimum(t / self.steps, 1.0))
        return self.final + (self.rate - self.final) * (1.0 + turned) / 2.0


@dataclass(frozen=True)
class warmup:
    """A rate, or another schedule, after a linear rise to its start over `steps` updates."""

    then: Any
    steps: int

    def __post_init__(self) -> None:
        if not callable(self.then):
            object.__setattr__(self, "then", constant(self.then))
        _check_positive(self)

    def __call__(self, t: Any) -> Any:
        """The rate of update t: the first is 1 / steps of the full one."""
        rising = self.then(t * 0.0) * (t + 1.0) / self.steps
        return np.where(t < self.steps, rising, self.then(np.maximum(t - self.steps, 0.0)))


def _check_positive(schedule: Any, but: str = "") -> None:
    """Raise ValueError where a number of a schedule is not positive and finite."""
    for name, value in vars(schedule).items():
        if callable(value):
            continue
        number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        if not number or not (0 < value < math.inf or (name == but and value == 0)):
            least = "a number of at least 0" if name == but else "a positive number"
            raise ValueError(f"{type(schedule).__name__}: {name} must be {least}, got {value!r}")
