"""x[index], and its transpose: writing into zeros at an index.

The index's arrays are inputs of the row, so that a compiled program reads them anew at each call;
the rest of the index (numbers, slices, None, ...) is a parameter, with a SLOT for each array.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.parts import Parts
from autograd_lite.recording import bind
from autograd_lite.rules.examples import given
from autograd_lite.table import QUERIES, Primitive, linear


class Slot:
    """The place of an array in an index whose arrays are passed as inputs."""

    def __repr__(self) -> str:
        return "·"

    def __reduce__(self) -> str:
        return "SLOT"  # the same one after pickle and copy


SLOT = Slot()


def filled(index: tuple[Any, ...], arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """The index with its arrays in their places."""
    if not arrays:
        return index
    rest = iter(arrays)
    return tuple([next(rest) if part is SLOT else part for part in index])


def split_index(index: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """(arrays, the index with SLOTs in their places) of what stands between x's brackets."""
    arrays: list[Any] = []
    plain: list[Any] = []
    for part in index if type(index) is tuple else (index,):
        kind = type(part)
        if kind is slice:
            plain.append(_plain_slice(part))
        elif kind is int or part is None or part is Ellipsis or kind is bool:
            plain.append(part)
        elif isinstance(part, (int, np.integer, np.bool_)):
            plain.append(part.item() if isinstance(part, np.generic) else int(part))
        else:
            arrays.append(part if isinstance(part, (Tensor, np.ndarray)) else _index_array(part))
            plain.append(SLOT)
    return tuple(arrays), tuple(plain)


_BOUNDS = {int, type(None)}


def _plain_slice(part: slice) -> slice:
    """A slice of Python numbers. Raises TypeError for bounds that are no integers."""
    bounds = (part.start, part.stop, part.step)
    if {type(bound) for bound in bounds} <= _BOUNDS:
        return part
    try:
        return slice(*(None if bound is None else operator.index(bound) for bound in bounds))
    except TypeError:
        kinds = ", ".join(type(b).__name__ for b in bounds if b is not None)
        raise TypeError(
            f"getitem: the bounds of a slice are integers, got {kinds}; write int(…)"
        ) from None


def _index_array(part: Any) -> Any:
    """A list in an index as an array; an empty one holds no floats.

    Raises IndexError for what no index can be, a name or a float.
    """
    array = np.asarray(part)
    if not array.ndim and array.dtype.kind not in "biu":
        raise IndexError(
            f"getitem: {part!r} is no index; a tensor is indexed by integers, slices, ..., None, "
            "and arrays of integers or bools"
        )
    return array if array.size or isinstance(part, np.ndarray) else array.astype(np.intp)


def is_mask(a: Any) -> bool:
    """Whether an array in an index picks the places where it is True."""
    return bool(a.dtype == bool)


def take_at(x: Any, arrays: tuple[Any, ...], index: tuple[Any, ...], unique: bool = False) -> Any:
    """x[index], recorded where x or an array is a tensor; `unique`: no place is named twice."""
    tensors = [a for a in arrays if isinstance(a, Tensor)] if arrays else arrays
    if not tensors and not isinstance(x, Tensor):
        return x[filled(index, arrays)]
    op = MASKED_GETITEM if tensors and any(map(is_mask, tensors)) else GETITEM
    return bind(op, (x, *arrays), {"index": index, "unique": unique})


def scatter(g: Any, arrays: tuple[Any, ...], index: Any, shape: Any, unique: bool = False) -> Any:
    """Zeros of `shape` with g added at the index, recorded where one of these is a tensor."""
    if isinstance(g, Tensor) or any(isinstance(a, Tensor) for a in arrays):
        return bind(SCATTER, (g, *arrays), {"index": index, "shape": shape, "unique": unique})
    return _scatter(g, *arrays, index=index, shape=shape, unique=unique)


def _scatter(g: Any, *arrays: Any, index: Any, shape: Any, unique: bool = False) -> Any:
    """Zeros of `shape` with g added at the index."""
    out = np.zeros(shape, g.dtype)
    if unique or not may_repeat(arrays, g.size):
        out[filled(index, arrays)] = g
    else:
        _add_at(out, g, index, arrays)
    return out


def _with_part(
    total: Any, owned: bool, g: Any, y: Any, x: Any, *arrays: Any, index: Any, unique: bool = False
) -> Any:
    """`total` with g added at the index, where `scatter` would make zeros of x's shape for it."""
    if isinstance(g, Tensor) or not isinstance(total, (np.ndarray, np.generic)):
        if arrays:
            return total + scatter(g, arrays, index, x.shape, unique)
        parts = total if type(total) is Parts else Parts(total, _gathered)
        return parts.add(g, index)
    total = total if owned and type(total) is np.ndarray else np.array(total)
    if unique or not may_repeat(arrays, g.size):
        total[filled(index, arrays)] += g
    else:
        _add_at(total, g, index, arrays)
    return total


def _gathered(cotangents: list[Any], index: tuple[Any, ...]) -> Any:
    return bind(GATHER, cotangents, {"index": index, "shape": np.shape(cotangents[0])})


def _gather(*gs: Any, index: Any, shape: Any) -> Any:
    """The sum of arrays, each of which lies at its index in zeros of `shape`; at None, all over."""
    out = np.zeros(shape, gs[0].dtype)
    for g, at in zip(gs, index, strict=True):
        out[... if at is None else at] += g
    return out


def gather_vjp(g: Any, y: Any, *gs: Any, index: Any, shape: Any) -> list[Any]:
    """What each index takes from g."""
    return [g if at is None else g[at] for at in index]


def may_repeat(arrays: tuple[Any, ...], n: int) -> bool:
    """Whether an index with these arrays, for n elements in all, may name an element twice."""
    ints = [a for a in arrays if not is_mask(a) and a.size > 1]
    if not ints:
        return False
    # Worth a look at the numbers where add.at, at 16 ns an element, would cost more than it.
    flat = len(ints) == len([a for a in arrays if a.ndim]) and all(a.ndim == 1 for a in ints)
    longest = max(a.size for a in ints)
    return not (n >= 2048 and flat and any(a.size == longest and _rises(a) for a in ints))


def _rises(a: Any) -> bool:
    """Whether the places that a 1-d array names get larger and larger."""
    return bool((a[0] >= 0 or a[-1] < 0) and (a[1:] > a[:-1]).all())


def _add_at(out: Any, g: Any, index: tuple[Any, ...], arrays: tuple[Any, ...]) -> None:
    """Add g to `out` at an index that may name a place twice."""
    rows = None
    if g.size >= 4096 and g.ndim > max(a.ndim for a in arrays):
        rows = _rows(index, arrays, out.shape)
    if rows is None or not rows.size:
        np.add.at(out, filled(index, arrays), g)
        return
    # Flat places are added to 4 times as fast as rows (0.8 → 0.2 ms for 64 K elements), in blocks
    # that stay in the cache.
    flat, inner = out.reshape(-1), g.size // rows.size
    g, step, line = g.reshape(-1), max(1, 16384 // inner), np.arange(inner)
    for k in range(0, rows.size, step):
        places = np.add.outer(rows[k : k + step], line).reshape(-1)
        np.add.at(flat, places, g[k * inner : k * inner + places.size])


def _rows(index: tuple[Any, ...], arrays: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """Where the rows begin, in an x of this shape, that x[:, …, array, …, array, :, …] takes.

    None for an index of another form.
    """
    k, m = index.index(SLOT), len(arrays)
    rest = (*index[:k], *index[k + m :])
    if index[k : k + m] != (SLOT,) * m or any(part != slice(None) for part in rest):
        return None
    if any(is_mask(a) for a in arrays):
        return None
    row, n = np.zeros((), np.intp), 1
    for a, length in zip(arrays, shape[k:], strict=False):
        a = a.astype(np.intp, copy=False)  # int8 takes no length of 300
        row, n = row * length + np.where(a < 0, a + length, a), n * length
    rows = row.reshape(-1)
    if k:
        rows = np.add.outer(np.arange(0, math.prod(shape[:k]) * n, n), rows).reshape(-1)
    return rows * math.prod(shape[k + m :])


def _getitem(x: Any, *arrays: Any, index: Any, unique: bool = False) -> Any:
    """x[index]."""
    rows = len(index) == 1 and arrays and arrays[0].dtype == np.intp
    if rows and type(x) is np.ndarray and x.ndim:
        return x.take(arrays[0], 0)  # 1.1 µs for 64 rows; x[array] costs 3.5
    return x[filled(index, arrays)]


def _masked_getitem(x: Any, *arrays: Any, index: Any, unique: bool = False) -> Any:
    """x[index] with a mask that was computed: the shape depends on values."""
    return x[filled(index, arrays)]


def getitem_vjp(i: int, g: Any, y: Any, x: Any, *arrays: Any, index: Any, unique: bool) -> Any:
    """g in the place where y was taken from, zeros elsewhere; repeated places add up."""
    return scatter(g, arrays, index, x.shape, unique)


def scatter_vjp(
    i: int, g: Any, y: Any, x: Any, *arrays: Any, index: Any, shape: Any, unique: bool
) -> Any:
    """What the index takes from g."""
    return take_at(g, arrays, index, unique)


def parse_getitem(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """((x, *index arrays), params) of x[index]."""
    x, index = args
    arrays, plain = split_index(index)
    return (x, *arrays), {"index": plain, "unique": False, **kwargs}


def _reads(*index: Any, **kwargs: Any) -> Any:
    """An example: a matrix of shape (3, 4) and the index given."""
    return given(lambda rng: (rng.standard_normal((3, 4)), index), **kwargs)


_MASK = np.arange(12).reshape(3, 4) % 3 == 0
_INDEX_PARAMS = {"index": (), "unique": False}
GETITEM: Primitive = linear(
    _getitem,
    getitem_vjp,
    name="getitem",
    variadic=True,
    parse=parse_getitem,
    params=_INDEX_PARAMS,
    formulas=("{g} in its place, 0 elsewhere",),
    into=_with_part,
    examples=[
        _reads(slice(None, None, -2), None, 1),
        _reads(np.array([0, 2, 0]), slice(1, 3)),
        _reads([2, 0, 2]),
        _reads(np.array([[0], [2]]), None, np.array([1, -1])),
        _reads(_MASK),
        _reads(np.array([True, False, True]), slice(1, None)),
        _reads(Ellipsis, 1),
        _reads([2, 0], unique=True),
    ],
)
MASKED_GETITEM: Primitive = linear(
    _masked_getitem,
    getitem_vjp,
    name="getitem",
    variadic=True,
    parse=parse_getitem,
    params=_INDEX_PARAMS,
    data_dependent=True,
    formulas=("{g} in its place, 0 elsewhere",),
    into=_with_part,
    examples=[_reads(_MASK)],
)
SCATTER: Primitive = linear(
    _scatter,
    scatter_vjp,
    name="scatter",
    variadic=True,
    parse=lambda args, kwargs: (args, {"unique": False, **kwargs}),
    params={"index": (), "shape": (), "unique": False},
    formulas=("{g}[index]",),
    examples=[
        given(lambda rng: (rng.standard_normal(3),), index=(slice(0, 6, 2),), shape=(6,)),
        given(
            lambda rng: (rng.standard_normal((3, 2)), np.array([1, 3, 1])),
            index=(SLOT,),
            shape=(4, 2),
        ),
    ],
)

GATHER: Primitive = linear(
    _gather,
    gather_vjp,
    name="gather",
    variadic=True,
    jointly=True,
    parse=lambda args, kwargs: (args, kwargs),
    params={"index": (), "shape": ()},
    formulas=("{g}[index]",),
    examples=[
        given(
            lambda rng: (rng.standard_normal((3, 2)), rng.standard_normal(2), rng.random((2, 1))),
            index=(None, (1,), (slice(0, 3, 2), slice(1, 2))),
            shape=(3, 2),
        ),
    ],
)


def getitem(self: Tensor, index: Any) -> Tensor:
    """What NumPy's x[index] reads, recorded."""
    if type(index) is int:
        return bind(GETITEM, (self,), {"index": (index,), "unique": False})  # type: ignore[no-any-return]
    return take_at(self, *split_index(index))  # type: ignore[no-any-return]


Tensor.__getitem__ = getitem  # type: ignore[method-assign]


# Indices for tensors: plain arrays of ints.
_MAKERS = "ix_ indices tril_indices_from triu_indices_from diag_indices_from unravel_index"
QUERIES.update(getattr(np, _name) for _name in (*_MAKERS.split(), "ravel_multi_index"))
