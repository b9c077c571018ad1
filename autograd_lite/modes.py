"""How operations are recorded in the current context: one ContextVar, read once an operation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

__all__ = ["MODES", "Modes", "Weak", "debug", "keep", "no_grad", "scope", "using"]


class Modes(NamedTuple):
    """Switches that hold for one thread or task."""

    recording: bool = True
    debug: bool = False  # look for non-finite values, remember lines, fingerprint arrays
    keep: bool = False  # nodes keep every value, for pictures and steps
    scope: tuple[str, ...] = ()
    trace: Any = None  # the compiler's trace in progress
    draws: Any = None  # random draws being kept or repeated
    depth: int = 0  # transforms that are running around the operation
    plain: bool = True  # recording and nothing else: the fast path

    def but(self, **changes: Any) -> Modes:
        """These modes with some changed."""
        new = self._replace(**changes)
        plain = new.recording and not (new.debug or new.keep or new.scope or new.trace)
        return new if new.plain == plain else new._replace(plain=plain)


MODES: ContextVar[Modes] = ContextVar("autograd_lite_modes", default=Modes())  # noqa: B039 (immutable)


@contextmanager
def using(**changes: Any) -> Iterator[None]:
    """A context with some modes changed; restored at its end, exceptions included."""
    token = MODES.set(MODES.get().but(**changes))
    try:
        yield
    finally:
        MODES.reset(token)


def no_grad() -> Any:
    """A context, or decorator, in which nothing is recorded. Transforms inside it still record."""
    return using(recording=False)


def keep() -> Any:
    """A context, or decorator, in which nodes keep every value, for pictures and steps."""
    return using(keep=True)


def debug() -> Any:
    """A context, or decorator, that finds mistakes, at a price in speed.

    The first operation whose value, or whose cotangent, turns non-finite raises
    FloatingPointError with the operation, its inputs' ranges and its line. Nodes remember the line
    that recorded them, and an array that changes between the forward and the backward pass is
    reported.
    """
    return using(debug=True)


@contextmanager
def scope(name: str) -> Iterator[None]:
    """A context, or decorator, that groups what is recorded inside under a name, for pictures."""
    with using(scope=(*MODES.get().scope, name)):
        yield


class Weak(float):
    """A Python float that a trace can follow: to the engine, a 0-d array.

    A row's function is given the bare float, which promotes nothing (NEP 50), so that a float32
    program stays one.
    """

    __slots__ = ()
    shape: tuple[int, ...] = ()
    ndim = 0
    size = 1
    dtype = np.dtype(np.float64)

    def bare(self, kind: str) -> Any:
        """What a row's function is given: the float, or where it asks for a shape, a 0-d array."""
        return float(self) if kind == "elementwise" else np.float64(self)

    def item(self) -> float:
        """The number."""
        return float(self)

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """The number as a NumPy scalar, which does promote."""
        return np.dtype(dtype).type(self)

    def __repr__(self) -> str:
        return float.__repr__(self)
