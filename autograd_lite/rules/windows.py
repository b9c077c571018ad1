"""Windows that slide over an array, and their transpose: windows added where they overlap."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from autograd_lite.graph import Tensor
from autograd_lite.recording import bind
from autograd_lite.rules.examples import reals
from autograd_lite.rules.shapes import normal_axis
from autograd_lite.table import Parsed, Primitive, linear


def _parse_windows(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Parsed:
    """((x,), params) with one window length for each of a tuple of axes."""
    (x,), params = WINDOWS._parse(args, kwargs)
    window, axis = params["window_shape"], params["axis"]
    lengths = tuple(window) if np.ndim(window) else (window,)
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    if len(lengths) != len(axes):
        raise ValueError(
            f"sliding_window_view: {len(lengths)} window lengths for {len(axes)} axes of an array "
            f"of shape {x.shape}; give one for each axis, or axis="
        )
    return (x,), {"window_shape": lengths, "axis": tuple(normal_axis(a, x.ndim) for a in axes)}


def windows_vjp(g: Any, y: Any, x: Any, window_shape: Any, axis: Any) -> Any:
    """Every element's sum over the windows that show it."""
    params = {"shape": x.shape, "window_shape": window_shape, "axis": axis}
    return bind(OVERLAP, (g,), params) if isinstance(g, Tensor) else _overlapped(g, **params)


def _overlapped(g: Any, shape: Any, window_shape: Any, axis: Any) -> Any:
    """Windows of shape (..., *window_shape) added up where they overlap, to an array of `shape`."""
    out = np.zeros(shape, g.dtype)
    counts = g.shape[: len(shape)]
    for offset in np.ndindex(*window_shape):
        starts = [0] * len(shape)
        for a, step in zip(axis, offset, strict=True):
            starts[a] += step
        place = tuple([slice(s, s + n) for s, n in zip(starts, counts, strict=True)])
        out[place] += g[(Ellipsis, *offset)]
    return out


WINDOWS: Primitive = linear(
    sliding_window_view,
    windows_vjp,
    params={"window_shape": None, "axis": None},
    parse=_parse_windows,
    formulas=("{g} added where windows overlap",),
    examples=[
        reals((5,), window_shape=3),
        reals((3, 4), window_shape=(2, 2)),
        reals((3, 4), window_shape=2, axis=-1),
        reals((5,), window_shape=(2, 2), axis=(0, 0)),
    ],
)
WINDOWS.path = "np.lib.stride_tricks.sliding_window_view"
OVERLAP: Primitive = linear(
    _overlapped,
    lambda g, y, x, shape, window_shape, axis: sliding_window_view(g, window_shape, axis),
    params={"shape": None, "window_shape": None, "axis": None},
    formulas=("the windows of {g}",),
    examples=[reals((3, 3), shape=(5,), window_shape=(3,), axis=(0,))],
)
