"""ag.put: a copy with the elements at an index replaced, differentiable in both.

What `x[index] = value` would have been, which tensors refuse.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.recording import bind
from autograd_lite.rules.examples import given
from autograd_lite.rules.indexing import (
    SLOT,
    filled,
    is_mask,
    may_repeat,
    split_index,
    take_at,
)
from autograd_lite.table import ADVICE, IN_PLACE, TABLE, Primitive, general, linear


def put(x: Any, index: Any, value: Any, add: bool = False) -> Any:
    """A copy of x with x[index] replaced by `value`, or, with `add`, with it added to that.

    What `x[index] = value` and `x[index] += value` would have been: the value is broadcast to the
    place. Of a place that the index names twice, the last value counts; with `add` they add up.
    Raises TypeError for float values in an array of ints.
    """
    inputs, params = parse_put((x, index, value), {"add": add})
    if any(isinstance(a, Tensor) for a in inputs):
        return bind(PUT, inputs, params)
    return PUT.fn(*inputs, **params)


def parse_put(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """((x, value, *index arrays), params) of ag.put(x, index, value, add=False)."""
    x, index, value, *rest = args
    arrays, plain = split_index(index)
    return (x, value, *arrays), {"index": plain, "add": kwargs.get("add", bool(rest and rest[0]))}


def _put(x: Any, value: Any, *arrays: Any, index: Any, add: bool) -> Any:
    out, value, where = np.array(x), np.asarray(value), filled(index, arrays)
    if out.dtype.kind != "f" and value.dtype.kind == "f":
        raise TypeError(
            f"x of dtype {out.dtype} cannot hold values of dtype {value.dtype}; pass "
            "x.astype(float)"
        )
    if not add:
        out[where] = value
    elif not may_repeat(arrays, value.size):
        out[where] += value
    else:
        np.add.at(out, where, value)
    return out


def put_vjp(i: int, g: Any, y: Any, x: Any, value: Any, *arrays: Any, index: Any, add: bool) -> Any:
    """To x: g, zeros where it was replaced. To the value: what the index takes from g."""
    if i == 0:
        return g if add else put(g, filled(index, arrays), 0.0)
    part = take_at(g, arrays, index)
    if not add and any(not is_mask(a) for a in arrays):
        part = np.where(last_written(arrays, index, g.shape), part, 0.0)
    return _summed_to_value(part, value.shape)


def _summed_to_value(part: Any, shape: tuple[int, ...]) -> Any:
    """A cotangent summed to the shape of a value that was broadcast in an assignment."""
    kept = shape[max(0, len(shape) - part.ndim) :]  # assignment drops leading axes of length 1
    extra = part.ndim - len(kept)
    stretched = (i + extra for i, n in enumerate(kept) if n == 1 != part.shape[i + extra])
    axes = (*range(extra), *stretched)
    return (np.add.reduce(part, axis=axes) if axes else part).reshape(shape)


def last_written(arrays: tuple[Any, ...], index: Any, shape: tuple[int, ...]) -> Any:
    """True for every element of x[index] whose place no later element names again."""
    if any(isinstance(a, Tensor) for a in arrays):
        return bind(LAST_WRITTEN, arrays, {"index": index, "shape": shape})
    return _last_written(*arrays, index=index, shape=shape)


def _last_written(*arrays: Any, index: Any, shape: tuple[int, ...]) -> Any:
    where = filled(index, arrays)
    writer = np.zeros(shape, np.intp)
    turns = np.arange(writer[where].size).reshape(writer[where].shape)
    writer[where] = turns
    return writer[where] == turns


def _writes(index: Any, shape: tuple[int, ...], **kwargs: Any) -> Any:
    """An example: a matrix of shape (3, 4), the index given and a value of this shape."""
    return given(
        lambda rng: (rng.standard_normal((3, 4)), index, rng.standard_normal(shape)), **kwargs
    )


PUT: Primitive = linear(
    _put,
    put_vjp,
    variadic=True,
    parse=parse_put,
    params={"index": (), "add": False},
    formulas=(
        lambda params, *_: "{g}" if params["add"] else "{g}, 0 where replaced",
        "{g}[index]",
    ),
    examples=[
        _writes((slice(None), 1), (3,)),
        _writes((slice(None), 1), (), add=True),
        _writes((np.array([0, 2, 0]),), (3, 4)),
        _writes((np.array([0, 2, 0]),), (4,), add=True),
        _writes((np.arange(12).reshape(3, 4) % 3 == 0,), (4,)),
        _writes((np.array([[0], [1]]), np.array([1, 1])), (1, 2, 1)),
    ],
)
TABLE[put] = PUT

_PUT = "x = ag.put(x, index, values)"
IN_PLACE.update(
    {
        np.put: f"{_PUT}, with np.unravel_index(places, x.shape) for index",
        np.put_along_axis: f"{_PUT}, such as with index = (np.arange(n)[:, None], indices)",
        np.place: "x = np.where(mask, values, x), or x = ag.put(x, mask, values)",
        np.putmask: "x = np.where(mask, values, x)",
        np.copyto: "x = np.where(mask, values, x), or np.broadcast_to(values, x.shape)",
        np.fill_diagonal: "x = ag.put(x, np.diag_indices_from(x), values)",
    }
)
ADVICE[np.resize] = "np.tile repeats an array and x.reshape reshapes it"
LAST_WRITTEN = general(
    _last_written,
    None,
    variadic=True,
    parse=lambda args, kwargs: (args, kwargs),
    params={"index": (), "shape": ()},
    examples=[given(lambda rng: (np.array([1, 3, 1]),), index=(SLOT,), shape=(4,))],
)
