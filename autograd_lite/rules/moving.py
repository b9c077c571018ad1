"""Rows that move or repeat elements along axes: flip, roll, rot90, tile, repeat, meshgrid."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.rules.examples import reals
from autograd_lite.rules.indexing import SLOT, scatter
from autograd_lite.rules.shapes import normal_axis, wrapped
from autograd_lite.table import Parsed, composed, linear


def _opposite(shift: Any) -> Any:
    return tuple([-s for s in shift]) if isinstance(shift, (tuple, list)) else -shift


linear(
    np.flip,
    lambda g, y, x, axis: np.flip(g, axis),
    params={"axis": None},
    formulas=("flip({g})",),
    examples=[reals((2, 3)), reals((2, 3), axis=-1), reals((2, 3, 2), axis=(0, 2)), reals(())],
)
linear(
    np.roll,
    lambda g, y, x, shift, axis: np.roll(g, _opposite(shift), axis),
    params={"shift": None, "axis": None},
    formulas=("roll({g}) back",),
    examples=[
        reals((2, 3), shift=1),
        reals((2, 3), shift=-4, axis=1),
        reals((3, 3), shift=(1, 2), axis=(0, 1)),
        reals((3, 3), shift=2, axis=(0, 1)),
    ],
)
linear(
    np.rot90,
    lambda g, y, x, k, axes: np.rot90(g, -k, axes),
    params={"k": 1, "axes": (0, 1)},
    formulas=("rot90({g}) back",),
    examples=[reals((2, 3)), reals((2, 3), k=2), reals((2, 3, 2), k=-1, axes=(0, 2))],
)


def _fliplr(m: Any) -> Any:
    return m[:, ::-1]


def _flipud(m: Any) -> Any:
    return m[::-1, ...]


composed(np.fliplr, _fliplr, examples=[reals((2, 3))])
composed(np.flipud, _flipud, examples=[reals((3,)), reals((2, 3))])


def _fftshift(x: Any, axes: Any = None) -> Any:
    axes = tuple(range(x.ndim)) if axes is None else axes
    several = axes if isinstance(axes, (tuple, list)) else (axes,)
    return np.roll(x, tuple([x.shape[axis] // 2 for axis in several]), tuple(several))


def _ifftshift(x: Any, axes: Any = None) -> Any:
    axes = tuple(range(x.ndim)) if axes is None else axes
    several = axes if isinstance(axes, (tuple, list)) else (axes,)
    return np.roll(x, tuple([-(x.shape[axis] // 2) for axis in several]), tuple(several))


composed(np.fft.fftshift, _fftshift, examples=[reals((2, 3)), reals((5,), axes=0)])
composed(np.fft.ifftshift, _ifftshift, examples=[reals((2, 3)), reals((5,), axes=0)])


# --- repeating


def tile_vjp(g: Any, y: Any, x: Any, reps: tuple[int, ...]) -> Any:
    """g summed over the copies."""
    shape = (1,) * (len(reps) - x.ndim) + x.shape
    reps = (1,) * (x.ndim - len(reps)) + reps
    pairs = [n for pair in zip(reps, shape, strict=True) for n in pair]
    return np.add.reduce(g.reshape(pairs), axis=tuple(range(0, len(pairs), 2))).reshape(x.shape)


def _parse_tile(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Parsed:
    inputs, params = TILE._parse(args, kwargs)
    reps = params["reps"]
    return inputs, {"reps": tuple([int(n) for n in np.atleast_1d(reps)])}


def repeat_vjp(g: Any, y: Any, x: Any, repeats: Any, axis: int | None) -> Any:
    """g summed over the copies of each element."""
    flat = axis is None or not x.ndim  # which NumPy takes for a vector
    shape = (x.size,) if flat else x.shape
    axis = 0 if flat else normal_axis(axis, x.ndim)
    if isinstance(repeats, int):
        copies = (*shape[: axis + 1], repeats, *shape[axis + 1 :])
        return np.add.reduce(g.reshape(copies), axis=axis + 1).reshape(x.shape)
    source = np.repeat(np.arange(shape[axis]), repeats)
    return scatter(g, (source,), (*[slice(None)] * axis, SLOT), shape).reshape(x.shape)


def _parse_repeat(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Parsed:
    """(inputs, params) with the repeats as one int or a tuple of them."""
    inputs, params = REPEAT._parse(args, kwargs)
    repeats = np.asarray(params["repeats"])
    if repeats.dtype.kind not in "iu":
        raise TypeError(f"np.repeat: repeats of dtype {repeats.dtype}; they are integers")
    single = repeats.size == 1
    return inputs, {**params, "repeats": repeats.item() if single else tuple(repeats.tolist())}


TILE = linear(
    np.tile,
    tile_vjp,
    params={"reps": ()},
    parse=_parse_tile,
    formulas=("Σ of the copies in {g}",),
    examples=[
        reals((2, 3), reps=2),
        reals((2, 3), reps=(2, 1, 3)),
        reals((1, 2, 2), reps=(3,)),
        reals((), reps=3),
        reals((2,), reps=0),
    ],
)
REPEAT = linear(
    np.repeat,
    repeat_vjp,
    fn=lambda x, repeats, axis=None: x.repeat(repeats, axis),
    params={"repeats": None, "axis": None},
    parse=_parse_repeat,
    methods=("repeat",),
    formulas=("Σ of the copies in {g}",),
    examples=[
        reals((2, 3), repeats=2),
        reals((2, 3), repeats=3, axis=-1),
        reals((2, 3), repeats=[2, 0, 1], axis=1),
        reals((2, 2), repeats=(1, 0, 2, 3)),
        reals((2,), repeats=[2]),
        reals((), repeats=2, axis=-1),
    ],
)


def _meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing={indexing!r}; it is 'xy' or 'ij'")
    n = len(xi)
    order = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else range(n)
    lines = [
        wrapped(x).reshape([-1 if axis == place else 1 for axis in range(n)])
        for x, place in zip(xi, order, strict=True)
    ]
    return tuple(lines) if sparse else np.broadcast_arrays(*lines)


composed(
    np.meshgrid,
    _meshgrid,
    examples=[
        reals((2,), (3,)),
        reals((2,), (3,), (), indexing="ij"),
        reals((2,), (3,), sparse=True),
        reals((2, 2)),
    ],
)
