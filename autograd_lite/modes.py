"""How operations are recorded in the current context: one ContextVar, read once an operation."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np

__all__ = [
    "MODES",
    "Modes",
    "Weak",
    "debug",
    "enter",
    "keep",
    "no_grad",
    "scope",
    "using",
    "within",
]

F = TypeVar("F", bound=Callable[..., Any])


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
        return new._replace(plain=new.recording and not new._watched())

    def deeper(self) -> Modes:
        """These modes for a transform, which records, inside those that run already."""
        if self is _DEFAULT:
            return _DEEPER
        # a third of what _replace costs
        return Modes(True, *self[1:6], self.depth + 1, not self._watched())

    def _watched(self) -> bool:
        return bool(self.debug or self.keep or self.scope or self.trace)


_DEFAULT, _DEEPER = Modes(), Modes(depth=1)
MODES: ContextVar[Modes] = ContextVar("autograd_lite_modes", default=_DEFAULT)


def within(modes: Modes, f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What f returns in these modes; those of before hold again, whatever it raises.

    An interrupt may come at any moment: before a token of `MODES.set` is kept, or a context is
    entered. So what is to be set in the end is known at the beginning, and no call lies between.
    """
    before = MODES.get()
    try:
        MODES.set(modes)
        return f(*args, **kwargs)
    finally:
        MODES.set(before)


def enter(tokens: list[Any], modes: Modes) -> None:
    """Set these modes and keep the token; neither, where an interrupt comes."""
    before, n = MODES.get(), len(tokens)
    try:
        tokens.append(MODES.set(modes))
    except BaseException:
        MODES.set(before)
        del tokens[n:]
        raise


class using:
    """A context, or decorator, with some modes changed; restored at its end, exceptions included.

    It may be entered again and inside itself. Decorated, coroutines and generators have the modes
    while their own code runs, and not what runs between their steps.
    """

    def __init__(self, **changes: Any) -> None:
        self.changes = changes
        self._tokens: list[Any] = []

    def __enter__(self) -> None:
        enter(self._tokens, self._changed(MODES.get()))

    def __exit__(self, *exception: object) -> None:
        MODES.reset(self._tokens.pop())

    def _changed(self, modes: Modes) -> Modes:
        return modes.but(**self.changes)

    def _again(self) -> Self:
        """The like context, for one call: a decorated function may run in many threads at once."""
        return type(self)(**self.changes)

    def __call__(self, f: F) -> F:
        if inspect.isasyncgenfunction(f):
            raise TypeError(
                f"{f.__name__} is an asynchronous generator, whose steps interleave with others'; "
                "write `with` around what it computes instead of decorating it"
            )
        if inspect.iscoroutinefunction(f):
            return wraps(f)(_awaiting(f, self._again))  # type: ignore[return-value]
        if inspect.isgeneratorfunction(f):
            return wraps(f)(_stepping(f, self._changed))  # type: ignore[return-value]

        @wraps(f)
        def inside(*args: Any, **kwargs: Any) -> Any:
            return within(self._changed(MODES.get()), f, *args, **kwargs)

        return inside  # type: ignore[return-value]


def _awaiting(f: Callable[..., Any], context: Callable[[], Any]) -> Callable[..., Any]:
    async def inside(*args: Any, **kwargs: Any) -> Any:
        with context():
            return await f(*args, **kwargs)

    return inside


def _stepping(f: Callable[..., Any], changed: Callable[[Modes], Modes]) -> Callable[..., Any]:
    """The generator function f, each of whose steps runs in a context of its own."""

    def inside(*args: Any, **kwargs: Any) -> Any:
        steps = f(*args, **kwargs)
        step, sent = steps.send, None
        try:
            while True:
                out = within(changed(MODES.get()), step, sent)
                try:
                    step, sent = steps.send, (yield out)
                except GeneratorExit:
                    within(changed(MODES.get()), steps.close)
                    raise
                except BaseException as error:
                    step, sent = steps.throw, error
        except StopIteration as stop:
            return stop.value

    return inside


class scope(using):
    """A context, or decorator, that groups what is recorded inside under a name, for pictures."""

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"scope: expected a name, got {name!r} of type {type(name).__name__}")
        super().__init__(name=name)

    @staticmethod
    def wanted() -> bool:
        """Whether values are kept for a picture; what enters a scope for each layer asks first."""
        return MODES.get().keep

    def _changed(self, modes: Modes) -> Modes:
        return modes.but(scope=(*modes.scope, self.changes["name"]))


def no_grad(f: Any = None) -> Any:
    """A context, or decorator, in which nothing is recorded. Transforms inside it still record."""
    return _context_or_decorated(f, recording=False)


def keep(f: Any = None) -> Any:
    """A context, or decorator, in which nodes keep every value, for pictures and steps."""
    return _context_or_decorated(f, keep=True)


def debug(f: Any = None) -> Any:
    """A context, or decorator, that finds mistakes, at a price in speed.

    The first operation whose value, or whose cotangent, turns non-finite raises
    FloatingPointError with the operation, its inputs' ranges and its line. Nodes remember the line
    that recorded them, and an array that changes between the forward and the backward pass is
    reported.
    """
    return _context_or_decorated(f, debug=True)


def _context_or_decorated(f: Any, **changes: Any) -> Any:
    """`@ag.no_grad` does what `@ag.no_grad()` does."""
    return using(**changes) if f is None else using(**changes)(f)


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

    def item(self) -> float:
        """The number."""
        return float(self)

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """The number as a NumPy scalar, which does promote."""
        return np.dtype(dtype).type(self)

    def __repr__(self) -> str:
        return float.__repr__(self)
