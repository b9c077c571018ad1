"""Random draws that a graph can repeat: from a NumPy Generator, recorded in order.

A function that draws through this module can be checked, recomputed by `checkpoint` and compiled,
and sees one stream of numbers whichever way it runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite.modes import MODES, Modes, enter

__all__ = ["Draws", "bernoulli", "normal", "replay", "uniform"]

if TYPE_CHECKING:
    Generator = np.random.Generator
    Shape = int | tuple[int, ...]


def uniform(
    rng: Generator, shape: Shape, *, low: float = 0.0, high: float = 1.0, dtype: Any = np.float64
) -> Any:
    """Independent draws from the uniform distribution on [low, high)."""
    return _draw(_uniform, rng, shape, low=low, high=high, dtype=np.dtype(dtype))


def normal(
    rng: Generator, shape: Shape, *, mean: float = 0.0, std: float = 1.0, dtype: Any = np.float64
) -> Any:
    """Independent draws from N(mean, std²)."""
    return _draw(_normal, rng, shape, mean=mean, std=std, dtype=np.dtype(dtype))


def bernoulli(rng: Generator, shape: Shape, *, p: float = 0.5, dtype: Any = np.float64) -> Any:
    """Independent draws that are 1 with probability p, else 0."""
    tracked = getattr(p, "requires_grad", False)  # refused below
    if not (tracked or np.all((np.asarray(p) >= 0) & (np.asarray(p) <= 1))):
        raise ValueError(f"bernoulli: p must be a probability, got {p!r}")
    return _draw(_bernoulli, rng, shape, p=p, dtype=np.dtype(dtype))


def _uniform(rng: Generator, shape: Shape, low: float, high: float, dtype: Any) -> Any:
    return np.asarray(rng.uniform(low, high, shape), dtype)


def _normal(rng: Generator, shape: Shape, mean: float, std: float, dtype: Any) -> Any:
    return np.asarray(rng.normal(mean, std, shape), dtype)


def _bernoulli(rng: Generator, shape: Shape, p: float, dtype: Any) -> Any:
    return np.asarray(rng.random(shape) < p, dtype)


def _draw(sampler: Callable[..., Any], rng: Generator, shape: Shape, **params: Any) -> Any:
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"{sampler.__name__.lstrip('_')}: expected a numpy Generator, such as "
            f"np.random.default_rng(0), got {type(rng).__name__}"
        )
    modes = MODES.get()
    for name, value in params.items():
        if getattr(value, "requires_grad", False):
            raise TypeError(
                f"{sampler.__name__.lstrip('_')}: {name}= requires grad, and draws have no "
                f"gradient; for one through mean and std, write mean + std * ag.random.normal(…)"
            )
    if modes.trace is not None:
        return modes.trace.draw(sampler, rng, shape, params)
    if modes.draws is not None:
        return modes.draws.next(sampler, rng, shape, params)
    return sampler(rng, shape, **params)


class Draws:
    """Random draws kept in order: made at the first pass, repeated after `rewind()`."""

    def __init__(self) -> None:
        self.kept: list[tuple[Any, Any]] = []
        self.place = 0
        self.outer: Draws | None = None  # what new draws are asked of, inside another replay
        self._tokens: list[Any] = []

    def rewind(self) -> None:
        """Go back to the first draw."""
        self.place = 0

    def next(self, sampler: Any, rng: Generator, shape: Any, params: dict[str, Any]) -> Any:
        """The next draw: a kept one where there is one, else a new one, which is kept.

        Raises RuntimeError where the kept one was drawn in another way or shape.
        """
        call = (sampler, shape, params)
        if self.place == len(self.kept):
            new = self.outer.next(*call[:1], rng, *call[1:]) if self.outer else None
            self.kept.append((call, sampler(rng, shape, **params) if new is None else new))
        kept_call, values = self.kept[self.place]
        if not _alike(kept_call, call):
            raise RuntimeError(
                f"replay: draw {self.place} was {_described(kept_call)}, now it is "
                f"{_described(call)}; a function must draw alike at every pass"
            )
        self.place += 1
        return values.copy()

    def again(self) -> Draws:
        """The same draws, to repeat them: another thread may be doing so, at a place of its own."""
        other = Draws()
        other.kept = list(self.kept)
        return other

    def entered(self, modes: Modes) -> Modes:
        """These modes, such that draws are those kept, from the first."""
        self.rewind()
        self.outer = modes.draws
        return modes.but(draws=self)

    def __enter__(self) -> Draws:
        enter(self._tokens, self.entered(MODES.get()))
        return self

    def __exit__(self, *exception: object) -> None:
        MODES.reset(self._tokens.pop())


def _alike(call: Any, other: Any) -> bool:
    """Whether two calls of a sampler are the same, parameters that are arrays included."""
    (sampler, shape, params), (*called, others) = call, other
    return called == [sampler, shape] and all(
        np.array_equal(value, others[name]) for name, value in params.items()
    )


def _described(call: tuple[Any, Any, Any]) -> str:
    return f"{call[0].__name__.lstrip('_')} of shape {call[1]}"


def replay(draws: Draws | None = None) -> Draws:
    """A context that keeps the draws made inside, and repeats them.

    with ag.random.replay() as draws:
        first = f()             # draws from the Generators, and keeps what was drawn
        draws.rewind()
        assert f() == first     # the same draws; the Generators do not move
    with draws:                 # entering again rewinds
        assert f() == first
    """
    return Draws() if draws is None else draws
