"""Program: a function as NumPy source, one for every signature that it is called with."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import update_wrapper
from operator import index
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np

from autograd_lite import pytree
from autograd_lite.compiler.arrangement import Arguments
from autograd_lite.compiler.build import Compiled, build
from autograd_lite.graph import Tensor, load_rules
from autograd_lite.messages import kind_of
from autograd_lite.modes import MODES

__all__ = ["Program"]

_MANY = 8


class Program:
    """A function compiled into NumPy source, once for every signature; see `ag.compile`."""

    def __init__(
        self,
        f: Callable[..., Any],
        donate: int | Sequence[int] = (),
        static_argnums: int | Sequence[int] = (),
        tune: bool = False,
        names: Any = None,
    ) -> None:
        if not callable(f):
            raise TypeError(f"compile: expected a function, got {kind_of(f)}")
        if names is not None and not isinstance(names, Mapping):
            raise TypeError(
                'compile: names are a dict of variables by path, such as {"params[0]": "W1"}, got '
                f"{names!r}"
            )
        load_rules()
        self.function = f
        self._name = getattr(f, "__name__", type(f).__name__)
        self.donate = _places(donate, "donate")
        self.static = _places(static_argnums, "static_argnums")
        self.tune = tune
        self.names = names
        self._compiled: dict[Any, Compiled] = {}
        self._last: Compiled | None = None
        self._lock = RLock()
        self._warned = False
        both = set(self.donate) & set(self.static)
        if both:
            raise ValueError(f"compile: argument {min(both)} is both donated and static")
        update_wrapper(self, f, updated=())

    # --- calls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        last = self._last
        if last is not None and last.fits is not None:
            try:
                fits = last.fits(*args, **kwargs) if kwargs else last.fits(*args)
            except (TypeError, AttributeError, LookupError):
                fits = False
            modes = MODES.get()
            if fits and modes.trace is None and (modes.draws is None or not last.draws):
                return last.run(*args, **kwargs) if kwargs else last.run(*args)
        return self._call(args, kwargs)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result by the program for these arguments, traced where there is none yet."""
        key, leaves = self._signature(args, kwargs)
        if MODES.get().trace is not None or any(
            isinstance(x, Tensor) and x._node is not None and not x.is_parameter for x in leaves
        ):
            return self.function(*args, **kwargs)
        compiled = self._compiled.get(key)
        if compiled is None:
            with self._lock:
                compiled = self._compiled.get(key) or self._compile(key, args, kwargs)
        if compiled.draws and MODES.get().draws is not None:  # a checkpoint, say, repeats them
            if self.function is None:
                raise TypeError(
                    "this Program came out of a pickle without its function, which could not be "
                    "pickled, and its draws cannot be repeated; compile the function again"
                )
            return self.function(*args, **kwargs)
        compiled.remember(args, kwargs)
        self._last = compiled
        return compiled.run(*args, **kwargs)

    def _compile(self, key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Compiled:
        if self.function is None:
            raise TypeError(
                "this Program came out of a pickle without its function, which could not be "
                f"pickled, and has no program for {_described(key)}; compile the function again"
            )
        n = len(args)
        static = {i % n for i in self.static if -n <= i < n}
        arguments = Arguments(self.function, args, kwargs, static)
        for i in self.donate:
            if not -n <= i < n:
                raise TypeError(
                    f"donate {i}: {self._name} was called with {n} positional arguments, and only "
                    "these can be donated"
                )
        donated = {i % n for i in self.donate}
        paths = [path for path, _ in arguments.places]
        for path in self.names or ():
            if path not in paths:
                raise ValueError(
                    f"names: {path!r} is no array or number among the arguments of {self._name}, "
                    f"which are {', '.join(paths) or 'none'}"
                )
        compiled = build(self.function, arguments, donated, self.names, self.tune)
        self._compiled[key] = compiled
        if len(self._compiled) > _MANY and not self._warned:
            self._warned = True
            warnings.warn(
                f"{self._name} was compiled for {len(self._compiled)} signatures, most recently "
                f"{_described(key)}; pass arrays of few shapes, and numbers that change as floats",
                stacklevel=4,
            )
        return compiled

    def _signature(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, list[Any]]:
        """What a program depends on (structure, shapes, dtypes, static values), and the leaves."""
        fixed = {i % len(args) for i in self.static if -len(args) <= i < len(args)}
        parts: list[Any] = [tuple(kwargs)]
        leaves: list[Any] = []
        for i, value in enumerate([*args, *kwargs.values()]):
            if i in fixed:
                parts.append(_static(value, f"argument {i}"))
                continue
            found, structure = pytree.flatten(value)
            leaves += found
            parts.append((structure, tuple([_kind(x) for x in found])))
        return tuple(parts), leaves

    # --- the source

    @property
    def source(self) -> str:
        """The program's source: of the signature that it was called with last.

        Raises RuntimeError before the first call.
        """
        return self._recent().source

    def _recent(self) -> Compiled:
        if self._last is None:
            raise RuntimeError(
                f"{self._name} has not been called yet, so nothing is compiled; call it once "
                "with arguments of the shapes that you want"
            )
        return self._last

    def save(self, path: str | Path) -> list[Path]:
        """Write the source to a .py file that runs with NumPy alone; the paths of what was written.

        Its function raises ValueError for shapes, dtypes, ints, bools and strings other than those
        of the latest call.

        Large constants go into an .npz file beside it. Raises ValueError for another suffix, and
        TypeError where the program needs something that a file cannot import.
        """
        return self._recent().save(Path(path))

    def __repr__(self) -> str:
        return f"<Program {self._name}, {len(self._compiled)} signatures>"

    # --- copies

    def __getstate__(self) -> dict[str, Any]:
        state = {k: v for k, v in vars(self).items() if k not in ("_lock", "__wrapped__")}
        try:
            pickle.dumps(self.function)
        except (pickle.PicklingError, AttributeError, TypeError):
            state["function"] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        load_rules()
        vars(self).update(state)
        self._lock = RLock()


def _places(value: Any, option: str) -> tuple[int, ...]:
    """The places of arguments that an option gives. Raises TypeError for anything else."""
    try:
        return tuple(map(index, (value,) if hasattr(value, "__index__") else value))
    except TypeError:
        raise TypeError(
            f"compile: {option} is the place of an argument, or a tuple of them, got {value!r}"
        ) from None


_STATIC = (bool, int, str, bytes, type(None))


def _kind(x: Any) -> Any:
    """What a program depends on of one leaf."""
    if isinstance(x, Tensor):
        return ("tensor", x.is_parameter and x.requires_grad, x.is_parameter, x.shape, x.dtype.str)
    if type(x) is float:
        return float
    if isinstance(x, np.ndarray):
        return (np.ndarray, x.shape, x.dtype.str)
    if isinstance(x, np.generic):
        return (np.generic, x.dtype.str)
    if isinstance(x, np.random.Generator):
        return np.random.Generator
    return _static(x, "a leaf of the arguments")


def _static(x: Any, place: str) -> Any:
    try:
        hash(x)
    except TypeError:
        raise TypeError(
            f"compile: {place} is a {type(x).__name__}, which does not hash; pass arrays, floats, "
            "and for what stays fixed ints, strings, tuples or functions"
        ) from None
    return (type(x), x)


def _described(key: Any) -> str:
    """A signature in words, for messages."""
    words = []
    for part in key[1:]:
        kinds = part[1] if isinstance(part[0], pytree.TreeDef) else [part]
        for kind in kinds:
            if kind is float:
                words.append("float")
            elif isinstance(kind, tuple) and kind[0] is np.ndarray:
                words.append(f"{kind[1]} {np.dtype(kind[2])}")
            elif isinstance(kind, tuple) and kind[0] == "tensor":
                words.append(f"{kind[3]} {np.dtype(kind[4])}")
            elif isinstance(kind, tuple):
                words.append(repr(kind[-1]))
    return f"({', '.join(words[:8])}{', …' if len(words) > 8 else ''})"
