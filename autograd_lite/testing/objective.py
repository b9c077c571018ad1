"""The function under check, as a function of the float arrays among its arguments."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_lite import pytree
from autograd_lite.graph import Tensor, new_tensor
from autograd_lite.modes import no_grad
from autograd_lite.random import Draws

__all__ = ["Array", "Objective", "Parameter", "array_of"]

Array = NDArray[Any]


def array_of(x: Any) -> Array:
    """The array of a Tensor, an array, a number or nested lists."""
    return x.data if isinstance(x, Tensor) else np.asarray(x)


@dataclass(frozen=True, eq=False)
class Parameter:
    """One float array among the arguments: its name, its place among the leaves, its value."""

    name: str
    place: int
    leaf: Any
    value: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        return self.value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype it was given in; its value is held in double precision."""
        return array_of(self.leaf).dtype


class Objective:
    """f(*args) with any of its float arrays replaced, as one number.

    wrt: positions of arguments, or names of arrays; None for every float array
    tensors: whether f is called with Tensors (for the engine) or with what it was given
    names: of the leaves; by default their paths and the names of f's arguments
    """

    def __init__(
        self,
        f: Callable[..., Any],
        args: Sequence[Any],
        wrt: Any = None,
        *,
        tensors: bool,
        names: Sequence[str] | None = None,
    ) -> None:
        if not callable(f):
            raise TypeError(f"f must be a function, got a {type(f).__name__}")
        self.f, self.args = f, tuple(args)
        self.tensors = tensors
        self.evaluations = 0
        #: whether f gets copies of all arrays, since it changes them
        self.protected = False
        self._leaves, self._structure = pytree.flatten(tuple(args))
        self._names = list(names) if names else _leaf_names(f, args)
        self._owners = [i for i, arg in enumerate(args) for _ in pytree.flatten(arg)[0]]
        self.parameters = self._chosen(wrt)
        #: positions of the arguments that hold them
        self.places = sorted({self._owners[p.place] for p in self.parameters})
        self._doubles = {p.place: self._wrapped(p, p.value) for p in self.parameters}
        #: what f's results are multiplied by before they are summed; None for a lone number
        self.weights: list[Array] | None = None
        self._draws = _FrozenDraws()

    def _chosen(self, wrt: Any) -> list[Parameter]:
        floats = [
            Parameter(name, place, leaf, np.array(array_of(leaf), dtype=np.float64))
            for place, (name, leaf) in enumerate(zip(self._names, self._leaves, strict=True))
            if _is_float(leaf)
        ]
        if wrt is None:
            chosen = floats
        else:
            positions, names = _asked_for(wrt, len(self.args))
            if unknown := names - {p.name for p in floats}:
                raise ValueError(
                    f"wrt: no array is named {sorted(unknown)}; there are {self._names}"
                )
            chosen = [p for p in floats if self._owners[p.place] in positions or p.name in names]
        if not chosen:
            raise TypeError(self._nothing())
        return chosen

    def _nothing(self) -> str:
        """Why there is nothing to check, and what to pass."""
        if not self._leaves:
            return "nothing to check: f was given no arguments"
        kinds = ", ".join(
            f"{name} is {_kind(leaf)}" for name, leaf in zip(self._names, self._leaves, strict=True)
        )
        instead = "x.real and x.imag" if "complex" in kinds else "2.0 or array.astype(float)"
        return (
            f"nothing to check: no argument holds floats ({kinds}), and only floats have "
            f"gradients; pass {instead}"
        )

    def arguments(self, changes: Mapping[int, Any]) -> tuple[Any, ...]:
        """The arguments with the leaves at some places replaced."""
        leaves = [changes.get(place, leaf) for place, leaf in enumerate(self._leaves)]
        if self.protected:
            leaves = [leaf.copy() if isinstance(leaf, np.ndarray) else leaf for leaf in leaves]
        return pytree.unflatten(self._structure, leaves)  # type: ignore[no-any-return]

    def argument_names(self) -> list[str]:
        """What f calls its arguments."""
        return _argument_names(self.f, len(self.args))

    def arrays(self) -> dict[str, Array]:
        """Every array among the arguments, by name."""
        pairs = zip(self._names, self._leaves, strict=True)
        return {name: array_of(x) for name, x in pairs if isinstance(x, Tensor | np.ndarray)}

    def leaf_places(self) -> list[int]:
        """The places of the leaves of the arguments that are differentiated."""
        return [place for place, i in enumerate(self._owners) if i in self.places]

    def moved(self, values: Mapping[str, Array]) -> tuple[Any, ...]:
        """The arguments with some parameters replaced, by name."""
        by_name = {p.name: p for p in self.parameters}
        changes = {by_name[n].place: self._wrapped(by_name[n], v) for n, v in values.items()}
        return self.arguments(changes)

    def doubles(self) -> tuple[Any, ...]:
        """The arguments with every parameter in double precision."""
        return self.arguments(self._doubles)

    def _wrapped(self, parameter: Parameter, array: Array) -> Any:
        array = array.copy() if self.protected else array
        if self.tensors or isinstance(parameter.leaf, Tensor):
            return new_tensor(array, None)
        if type(parameter.leaf) is float:
            return array.item()
        return array[()] if isinstance(parameter.leaf, np.generic) else array

    def of_user(self, function: Callable[..., Any]) -> Any:
        """function(*args) as the user would call it, with the random draws that f had."""
        with self._draws:
            return function(*self.args)

    def result(self, args: Sequence[Any]) -> Any:
        """f(*args), unrecorded, with the same random draws each time, without NumPy's warnings."""
        self.evaluations += 1
        with no_grad(), self._draws, np.errstate(all="ignore"):
            return self.f(*args)

    def recorded(self, tensors: Sequence[Any]) -> Any:
        """f of its parameters, in order, with the same random draws each time."""
        places = [p.place for p in self.parameters]
        with self._draws, np.errstate(all="ignore"):
            return self.f(*self.arguments(dict(zip(places, tensors, strict=True))))

    def rounding_unit(self) -> float:
        """The rounding unit of f's results where its parameters are in double precision."""
        results = pytree.flatten(self.result(self.doubles()))[0]
        dtypes = [array_of(y).dtype for y in results]
        return max([float(np.finfo(d).eps) for d in dtypes if d.kind == "f"], default=2.0**-52)

    def sizes(self) -> tuple[int, ...]:
        """Lengths of axes, and sizes, of the arrays among the arguments: what a mean is over."""
        shapes = [x.shape for x in self.arrays().values()]
        lengths = {n for shape in shapes for n in (*shape, math.prod(shape))}
        return tuple(sorted(lengths - {1}))

    def value(self, parameter: Parameter, array: Array) -> float:
        """f with one parameter replaced, as one number; nan where f refuses the point."""
        changes = {**self._doubles, parameter.place: self._wrapped(parameter, array)}
        try:
            return self.total(self.result(self.arguments(changes)))
        except (ArithmeticError, ValueError):  # out of f's domain: math.log(-1), a singular matrix
            return math.nan

    def complex_value(self, parameter: Parameter, array: Array) -> complex:
        """f of plain arrays, one parameter replaced by a complex array, as one number."""
        changes = {p.place: p.value for p in self.parameters} | {parameter.place: array}
        return complex(self._sum(self.result(self.arguments(changes))))

    def total(self, result: Any) -> float:
        """The results of f times their weights, summed; a lone number as it is."""
        total = self._sum(result)
        # (-1) ** 0.5 is complex in Python
        return math.nan if isinstance(total, complex) else float(total)

    def _sum(self, result: Any) -> Any:
        arrays = [array_of(y) for y in pytree.flatten(result)[0]]
        if self.weights is None:
            return arrays[0].item()
        return sum(np.vdot(w, y) for w, y in zip(self.weights, arrays, strict=True))


class _FrozenDraws(Draws):
    """Draws that are the same in every precision: kept in double, given in what was asked for."""

    def next(self, sampler: Any, rng: Any, shape: Any, params: dict[str, Any]) -> Any:
        """The next draw, kept or new."""
        kept = super().next(sampler, rng, shape, {**params, "dtype": np.dtype(np.float64)})
        return kept.astype(params["dtype"])


def _is_float(leaf: Any) -> bool:
    if isinstance(leaf, Tensor):
        frozen = leaf.is_parameter and not leaf.requires_grad
        return leaf.dtype.kind == "f" and not frozen
    return isinstance(leaf, float | np.ndarray | np.floating) and np.asarray(leaf).dtype.kind == "f"


def _kind(leaf: Any) -> str:
    """What a leaf that is no float is, in words."""
    if not isinstance(leaf, Tensor | np.ndarray):
        return f"of type {type(leaf).__name__}"
    frozen = isinstance(leaf, Tensor) and leaf.dtype.kind == "f"
    return f"{'frozen' if frozen else leaf.dtype} of shape {leaf.shape}"


def _asked_for(wrt: Any, n: int) -> tuple[set[int], set[str]]:
    """The positions of arguments and the names of arrays that `wrt` holds, one or several."""
    positions, names = set(), set()
    several = isinstance(wrt, tuple | list | set | frozenset | range | dict | np.ndarray)
    for item in wrt if several else (wrt,):
        if isinstance(item, str):
            names.add(item)
        elif isinstance(item, int | np.integer) and not isinstance(item, bool):
            if not -n <= item < n:
                raise ValueError(f"wrt: there is no argument {item}, f was given {n}")
            positions.add(int(item) % n)
        else:
            raise TypeError(f"wrt: expected positions of arguments or names of arrays, got {wrt!r}")
    if not positions and not names:
        raise ValueError("wrt: it names no argument; leave it out to check all")
    return positions, names


def _leaf_names(f: Callable[..., Any], args: Sequence[Any]) -> list[str]:
    """A name for every leaf: its path, its argument's name, or both where paths repeat."""
    paths = [pytree.names(pytree.flatten(arg)[1]) for arg in args]
    flat = [path for several in paths for path in several]
    return [
        path if path and flat.count(path) == 1 and not path.startswith("[") else arg + _tail(path)
        for arg, several in zip(_argument_names(f, len(args)), paths, strict=True)
        for path in several
    ]


def _tail(path: str) -> str:
    return path if not path or path.startswith("[") else f".{path}"


def _argument_names(f: Callable[..., Any], n: int) -> list[str]:
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):  # a ufunc or builtin without a signature
        parameters = {}.values()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [names[i] if i < len(names) else f"argument {i}" for i in range(n)]
