"""Where `fit` gets its batches from: arrays, files that are mapped, or the user's own iterator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from nn.data import batches
from nn.objectives import DataCheck

__all__ = ["Source", "source_of"]


class Source(Protocol):
    """Batches, epoch by epoch."""

    #: X and Y as a whole, where they are in memory
    whole: tuple[Any, Any] | None

    def epoch(self, number: int) -> Iterator[tuple[Any, Any]]:
        """The batches of an epoch, counted from 1."""

    @property
    def steps(self) -> int | None:
        """The number of batches in an epoch, where it is known."""


def source_of(
    X: Any, Y: Any, size: int | None, rng: np.random.Generator | None, check: DataCheck
) -> Source:
    """The source of batches of `size` rows, or of all; `rng` shuffles them.

    With Y None, X is an iterable of pairs, or a function that returns one.
    """
    if Y is not None:
        return _Rows(X, Y, size, rng, check)
    if isinstance(X, np.ndarray) or not (callable(X) or isinstance(X, Iterable)):
        raise ValueError("Y is missing: pass targets, or for X an iterator of batches (X, Y)")
    if size is not None:
        raise ValueError("batch_size belongs to arrays; an iterator of batches has its own sizes")
    return _Pairs(X, check)


class _Rows:
    """Arrays in memory, checked once, or mapped files, checked batch by batch as they are read."""

    def __init__(
        self, X: Any, Y: Any, size: int | None, rng: np.random.Generator | None, check: DataCheck
    ) -> None:
        self.check: DataCheck | None = None
        self.whole: tuple[Any, Any] | None = None
        if isinstance(X, np.memmap):
            check.checked(X[:1], Y[:1])
            self.check = check
            Y = np.asarray(Y)
        else:
            self.whole = X, Y = check.checked(X, Y)
            Y = check.encoded(X, Y)
        self.X, self.Y = X, Y
        self.size = min(size or len(X), len(X))
        self.rng = rng if self.size < len(X) else None  # nothing to shuffle in a full batch

    def epoch(self, number: int) -> Iterator[tuple[Any, Any]]:
        pairs = batches(self.X, self.Y, self.size, rng=self.rng)
        return pairs if self.check is None else (_read(pair, self.check) for pair in pairs)

    @property
    def steps(self) -> int:
        return -(-len(self.X) // self.size)


class _Pairs:
    """A user's iterable of batches, taken anew in every epoch."""

    whole: tuple[Any, Any] | None = None

    def __init__(self, pairs: Any, check: DataCheck) -> None:
        self.pairs = pairs
        self.check = check

    def epoch(self, number: int) -> Iterator[tuple[Any, Any]]:
        empty = True
        for pair in self.pairs() if callable(self.pairs) else self.pairs:
            if not (isinstance(pair, (tuple, list)) and len(pair) == 2):
                raise ValueError(
                    f"X, without Y, must be an iterator of batches, which are pairs (X, Y); it "
                    f"yielded a {type(pair).__name__}"
                )
            empty = False
            yield _read(pair, self.check)
        if empty:
            raise ValueError(
                f"X: the iterator of batches yielded none in epoch {number}; pass a list, an "
                "object that can be iterated anew, or a function that returns an iterator"
            )

    @property
    def steps(self) -> int | None:
        return len(self.pairs) if hasattr(self.pairs, "__len__") else None


def _read(pair: Any, check: DataCheck) -> tuple[Any, Any]:
    """A batch as a step is given it."""
    X, Y = check.checked(*pair)
    return X, check.encoded(X, Y)
