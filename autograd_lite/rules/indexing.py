"""x[index] and its transpose, writing into zeros at an index."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.recording import bind
from autograd_lite.rules.examples import given
from autograd_lite.table import Primitive, linear


class Slot:
    """The place of an array in an index whose arrays are passed as inputs."""

    def __repr__(self) -> str:
        return "·"


SLOT = Slot()


def filled(index: tuple[Any, ...], arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """The index with its arrays in their places."""
    if not arrays:
        return index
    rest = iter(arrays)
    return tuple([next(rest) if part is SLOT else part for part in index])


def parse_index(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """((x, *index arrays), {"index": the rest}) of x[index]."""
    x, index = args
    parts = index if type(index) is tuple else (index,)
    arrays: list[Any] = []
    plain: list[Any] = []
    for part in parts:
        if part is None or part is Ellipsis or isinstance(part, (int, slice, np.integer)):
            plain.append(part)
        else:
            arrays.append(part if isinstance(part, Tensor) else np.asarray(part))
            plain.append(SLOT)
    return (x, *arrays), {"index": tuple(plain)}


def repeats(arrays: tuple[Any, ...]) -> bool:
    """Whether an index with these arrays may name an element twice."""
    return any(a.dtype != bool for a in arrays)


def scattered(g: Any, *arrays: Any, index: Any, shape: Any) -> Any:
    """Zeros of `shape` with g added at `index`."""
    out = np.zeros(shape, g.dtype)
    where = filled(index, arrays)
    if repeats(arrays):
        np.add.at(out, where, g)
    else:
        out[where] = g
    return out


def getitem_vjp(i: int, g: Any, y: Any, x: Any, *arrays: Any, index: Any) -> Any:
    """g in the place where y was taken from, zeros elsewhere; repeated places add up."""
    if isinstance(g, Tensor):
        return bind(SCATTER, (g, *arrays), {"index": index, "shape": x.shape})
    return scattered(g, *arrays, index=index, shape=x.shape)


def scatter_vjp(i: int, g: Any, y: Any, x: Any, *arrays: Any, index: Any, shape: Any) -> Any:
    """What the index takes from g."""
    return g[filled(index, arrays)]


def _getitem(x: Any, *arrays: Any, index: Any) -> Any:
    return x[filled(index, arrays)]


GETITEM = linear(
    _getitem,
    getitem_vjp,
    name="getitem",
    variadic=True,
    parse=parse_index,
    params={"index": ()},
    methods=("__getitem__",),
    formulas=("{g} in its place, 0 elsewhere",),
    examples=[
        given(lambda rng: (rng.standard_normal((3, 4)), (slice(None, None, -2), None, 1))),
        given(lambda rng: (rng.standard_normal((3, 4)), (np.array([0, 2, 0]), slice(1, 3)))),
        given(lambda rng: (rng.standard_normal((3, 4)), np.arange(12).reshape(3, 4) % 3 == 0)),
        given(lambda rng: (rng.standard_normal((3, 4)), (Ellipsis, 1))),
    ],
)
SCATTER: Primitive = linear(
    scattered,
    scatter_vjp,
    name="scatter",
    variadic=True,
    params={"index": (), "shape": ()},
    formulas=("{g}[index]",),
    examples=[given(lambda rng: (rng.standard_normal(3),), index=(slice(0, 6, 2),), shape=(6,))],
)
