"""A traced computation: values in the order in which steps make them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Const", "Draw", "Graph", "Pick", "Step", "Value"]


@dataclass(eq=False, slots=True)
class Value:
    """Something that has a shape and a dtype at run time, and a name in the program."""

    shape: Any
    dtype: Any
    weak: bool = False  # a Python float at run time
    name: str | None = None


@dataclass(eq=False, slots=True)
class Input(Value):
    """A leaf of the arguments."""

    path: str = ""
    index: int = 0


@dataclass(eq=False, slots=True)
class Const:
    """An array that the function closed over, as it was when traced; or a Python number."""

    array: Any


@dataclass(eq=False, slots=True)
class Step(Value):
    """The result of one row of the table."""

    op: Any = None
    operands: tuple[Any, ...] = ()  # Values and Consts
    params: dict[str, Any] = field(default_factory=dict)


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
