"""History: what training measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["History"]


class History(Mapping[str, list[float]]):
    """Lists with a number per epoch: history["loss"], history["val_loss"], history["accuracy"], …

    "loss" is the mean per data point of the training loss, each batch's measured before its step,
    so it is larger than that of the model after the epoch; "val_loss" is measured after it.

    seconds: the time each epoch's steps took, without validation and metrics.
    stopped: why training ended before its last epoch, or "".
    mode: "compiled", or "eager", with the reason where a program was wanted.
    """

    def __init__(self) -> None:
        self.numbers: dict[str, list[float]] = {}
        self.seconds: list[float] = []
        self.stopped = ""
        self.mode = ""

    def __getitem__(self, key: str) -> list[float]:
        if key not in self.numbers:
            raise KeyError(f"no {key!r} was measured, only {', '.join(self.numbers) or 'nothing'}")
        return self.numbers[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def epochs(self) -> int:
        """The number of finished epochs."""
        return len(self.seconds)

    def append(self, numbers: Mapping[str, float], seconds: float) -> None:
        """Add what one epoch measured."""
        for key, number in numbers.items():
            self.numbers.setdefault(key, []).append(float(number))
        self.seconds.append(seconds)

    def truncate(self, epochs: int) -> None:
        """Forget what came after that many epochs."""
        for values in (*self.numbers.values(), self.seconds):
            del values[epochs:]

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses by epoch on matplotlib axes, and return them."""
        from nn.plot import loss_curves

        return loss_curves(self, ax=ax)

    def __repr__(self) -> str:
        last = [f"{key} {values[-1]:.4g}" for key, values in self.items() if values]
        stopped = [self.stopped] if self.stopped else []
        return f"History({', '.join([f'{self.epochs} epochs', *last, *stopped])})"
