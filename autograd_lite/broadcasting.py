"""Cotangents against broadcasting: brought to the shape of their input, or stretched to one."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.floats import ones

__all__ = ["SMALL", "array_of", "count", "expanded", "fitted", "unbroadcast", "view_of"]

#: Arrays of so many elements or fewer are sooner copied than viewed.
SMALL = 1024


def fitted(ct: Any, parent: Any, op: Any) -> Any:
    """A cotangent in the shape and dtype of the input that it is for."""
    ct = ct if ct.shape == parent.shape else unbroadcast(ct, parent.shape, op)
    return ct if ct.dtype == parent.dtype else _cast(ct, parent, op)


def unbroadcast(ct: Any, shape: tuple[int, ...], op: Any) -> Any:
    """A cotangent summed over the axes that its input was broadcast along.

    Raises ValueError where a rule returned what no broadcasting explains.
    """
    if op.kind in ("elementwise", "bilinear"):
        if ct.shape[1:] == shape:  # a bias: 2 µs in place of 8
            matrix = type(ct) is np.ndarray and ct.ndim == 2 and ct.dtype.char in "fd"
            if matrix and len(ct) == 1:
                return ct.reshape(shape).copy()  # 0.3 µs; np.add.reduce costs 2.3
            if matrix and not 1 < len(ct) < 32:
                return ones(len(ct), ct.dtype).dot(ct)  # 0.7 µs
            return np.add.reduce(ct)
        if ct.ndim < len(shape) or np.broadcast_shapes(ct.shape, shape) != ct.shape:
            ct = np.broadcast_to(ct, np.broadcast_shapes(ct.shape, shape))  # e.g. a constant rule
        extra = ct.ndim - len(shape)
        pairs = zip(ct.shape[extra:], shape, strict=True)
        axes = (*range(extra), *(i for i, (n, m) in enumerate(pairs, extra) if n != m))
        total = np.add.reduce(ct, axis=axes) if axes else ct
        return total if total.shape == shape else np.reshape(total, shape)
    raise ValueError(
        f"the rule of {op.path} returned a cotangent of shape {ct.shape} for an input of "
        f"shape {shape}; a rule returns one of its input's shape"
    )


def _cast(ct: Any, parent: Any, op: Any) -> Any:
    """A cotangent in its input's dtype; a user's rule must see to that itself."""
    if op.strict:
        raise TypeError(
            f"the rule of {op.path} returned a cotangent of dtype {ct.dtype} for an input of dtype "
            f"{parent.dtype}; a rule returns one of its input's dtype"
        )
    return ct.astype(parent.dtype)


def expanded(g: Any, shape: tuple[int, ...], axis: Any, keepdims: bool) -> Any:
    """A reduction's cotangent with the reduced axes back, of length 1."""
    if keepdims or axis is None or not shape:
        return g
    kept = list(shape)
    for a in axis if isinstance(axis, tuple) else (axis,):
        kept[a] = 1
    return g.reshape(tuple(kept))  # 0.2 µs; np.reshape costs 1


def view_of(g: Any, shape: tuple[int, ...]) -> Any:
    """An array broadcast to `shape`, read-only."""
    if not g.flags.c_contiguous:
        return np.broadcast_to(g, shape)
    steps: tuple[int, ...] = (0,) * len(shape)
    if g.ndim:
        own = [0 if n == 1 else step for n, step in zip(g.shape, g.strides, strict=True)]
        steps = (*steps[len(own) :], *own)
    view = np.ndarray(shape, g.dtype, g, 0, steps)  # 1 µs; np.broadcast_to costs 3
    view.flags.writeable = False
    return view


def array_of(g: Any, shape: tuple[int, ...]) -> Any:
    """A new array of `shape` that g is repeated in."""
    array = np.empty(shape, g.dtype)  # 0.4 µs; np.broadcast_to costs 2.8
    array[...] = g
    return array


def count(shape: tuple[int, ...], axis: Any) -> int:
    """Number of elements that go into one of a reduction."""
    if not shape:
        return 1
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    n = 1
    for a in axes:
        n *= shape[a]
    return n
