"""Elements left out and put in: delete and insert, by the places that NumPy itself gives them."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.rules.examples import given
from autograd_lite.rules.indexing import SLOT, take_at
from autograd_lite.rules.shapes import normal_axis, wrapped
from autograd_lite.rules.taking import along
from autograd_lite.table import composed


def _delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    arr = wrapped(arr)
    arr, axis = (arr.reshape(-1), 0) if axis is None else (arr, normal_axis(axis, arr.ndim))
    kept = np.delete(np.arange(arr.shape[axis]), _places(obj))
    return take_at(arr, (kept,), along(SLOT, axis), unique=True)


def _insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    arr, values = wrapped(arr), wrapped(values)
    if values.dtype != arr.dtype:
        values = values.astype(arr.dtype)
    places = np.arange(arr.size).reshape(arr.shape)
    new = np.arange(arr.size, arr.size + values.size).reshape(values.shape)
    order = np.insert(places, _places(obj), new, axis)
    pool = np.concatenate([arr.reshape(-1), values.reshape(-1)])
    return take_at(pool, (order,), (SLOT,), unique=order.size == pool.size)


def _places(obj: Any) -> Any:
    """Places that came as a tensor, such as np.argmax gives, as an array."""
    return obj.numpy() if isinstance(obj, Tensor) else obj


def _changed(shape: tuple[int, ...], *rest: Any, values: Any = None, **kwargs: Any) -> Any:
    """An example: an array of this shape, the places, and values of a shape where one is given."""
    shapes = [] if values is None else [values]
    return given(
        lambda rng: (rng.standard_normal(shape), *rest, *map(rng.standard_normal, shapes)), **kwargs
    )


composed(
    np.delete,
    _delete,
    examples=[
        _changed((2, 3), 1),
        _changed((2, 3), [0, -1], axis=1),
        _changed((4, 2), slice(None, None, 2), axis=0),
        _changed((3,), np.array([True, False, True])),
    ],
)
composed(
    np.insert,
    _insert,
    examples=[
        _changed((2, 3), 1, values=(3,), axis=0),
        _changed((2, 3), [0, 3], values=(2, 2), axis=1),
        _changed((2, 3), 2, values=(2,)),
        _changed((3,), [1, 1, -1], values=(3,)),
        _changed((2, 3), [0, 2], values=(), axis=1),
    ],
)
