"""A traced computation: values in the order in which steps make them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Const", "Draw", "Graph", "Input", "Pick", "Step", "Value", "sources", "users"]


@dataclass(eq=False, slots=True)
class Value:
    """Something that has a shape and a dtype at run time, and a name in the program."""

    shape: Any
    dtype: Any
    weak: bool = False  # a Python float at run time
    name: str | None = None

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape))

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return self.size * int(self.dtype.itemsize)


@dataclass(eq=False, slots=True)
class Input(Value):
    """A leaf of the arguments."""

    path: str = ""
    index: int = 0


@dataclass(eq=False, slots=True)
class Const:
    """An array that the function closed over, as it was when traced; or a Python number."""

    array: Any

    @property
    def shape(self) -> Any:
        """Length of every axis."""
        return np.shape(self.array)

    @property
    def is_number(self) -> bool:
        """Whether it is a Python number, which leaves other dtypes as they are."""
        return isinstance(self.array, (bool, int, float)) and not isinstance(self.array, np.generic)


@dataclass(eq=False, slots=True)
class Step(Value):
    """The result of one row of the table."""

    op: Any = None
    operands: tuple[Any, ...] = ()  # Values and Consts
    params: dict[str, Any] = field(default_factory=dict)
    silent: tuple[str, ...] = ()  # the floating-point errors that are ignored here
    note: str = ""  # what a reader should know, beside the shape


@dataclass(eq=False, slots=True)
class Pick(Value):
    """One result of a step that has several."""

    source: Any = None
    index: int = 0


@dataclass(eq=False, slots=True)
class Draw(Value):
    """Numbers drawn anew at every call, in the order of the draws."""

    sampler: Any = None
    rng: Any = None  # an Input of the arguments, or the Generator that was closed over
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Graph:
    """A function, traced: what goes in, what is done in order, what comes out."""

    inputs: list[Input]
    steps: list[Value]
    outputs: list[Any]


def sources(value: Any) -> Iterable[Any]:
    """The Values that a Value is computed from."""
    if isinstance(value, Step):
        return [x for x in value.operands if isinstance(x, Value)]
    if isinstance(value, Pick):
        return [value.source]
    if isinstance(value, Draw) and isinstance(value.rng, Value):
        return [value.rng]
    return []


def users(graph: Graph) -> dict[Value, list[Any]]:
    """The steps that use each value, once for each use, and None where it is a result."""
    found: dict[Value, list[Any]] = {}
    for step in graph.steps:
        for x in sources(step):
            found.setdefault(x, []).append(step)
    for y in graph.outputs:
        if isinstance(y, Value):
            found.setdefault(y, []).append(None)
    return found
