"""Examples: the calls on which a row is checked, compiled, drawn and timed.

An example is a function of a seeded Generator that returns `(args, kwargs)` for the row's public
function. It chooses the row's domain and keeps clear of its kinks, so that checks of smooth points
need no loose tolerance; what happens at the kinks stands in tests of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Example", "between", "given", "integers", "lists", "positive", "reals", "spread"]

Call = tuple[tuple[Any, ...], dict[str, Any]]
Example = Callable[..., Call]  # naming numpy.random here would import it: 13 ms
Shape = tuple[int, ...]


def reals(*shapes: Shape, **kwargs: Any) -> Example:
    """Normal numbers of these shapes, none nearer to 0 than 0.1."""

    def example(rng: np.random.Generator) -> Call:
        return tuple(_away_from_zero(rng.standard_normal(shape)) for shape in shapes), kwargs

    return example


def _away_from_zero(x: Any) -> Any:
    return x + np.copysign(0.1, x)


def between(low: float, high: float, *shapes: Shape, **kwargs: Any) -> Example:
    """Uniform numbers in (low, high)."""

    def example(rng: np.random.Generator) -> Call:
        return tuple(np.asarray(rng.uniform(low, high, shape)) for shape in shapes), kwargs

    return example


def positive(*shapes: Shape, **kwargs: Any) -> Example:
    """Numbers in (0.2, 3)."""
    return between(0.2, 3.0, *shapes, **kwargs)


def spread(*shapes: Shape, **kwargs: Any) -> Example:
    """Numbers no two of which, over all the arrays, are nearer than 0.05: no ties, no steps."""

    def example(rng: np.random.Generator) -> Call:
        sizes = [int(np.prod(shape)) for shape in shapes]
        values = rng.permutation(np.arange(sum(sizes)) * 0.1 - 0.05 * sum(sizes) + 0.027)
        parts = np.split(values, np.cumsum(sizes)[:-1])
        return tuple(p.reshape(shape) for p, shape in zip(parts, shapes, strict=True)), kwargs

    return example


def integers(low: int, high: int, *shapes: Shape, **kwargs: Any) -> Example:
    """Integers in [low, high)."""

    def example(rng: np.random.Generator) -> Call:
        return tuple(rng.integers(low, high, shape) for shape in shapes), kwargs

    return example


def lists(example: Example, **kwargs: Any) -> Example:
    """The example's arrays as one list, for functions that take a sequence of arrays."""

    def listed(rng: np.random.Generator) -> Call:
        args, own = example(rng)
        return (list(args),), {**own, **kwargs}

    return listed


def given(build: Callable[[np.random.Generator], tuple[Any, ...]], **kwargs: Any) -> Example:
    """The arguments that `build(rng)` makes."""
    return lambda rng: (build(rng), kwargs)
