"""Rows that give an array another shape: reshape and its kin, broadcasting.

Rules and fns of this family call methods where tensors have them too: x.reshape costs 0.2 µs less
than np.reshape, x.transpose 0.4, x.squeeze 0.9.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_lite.broadcasting import SMALL, array_of
from autograd_lite.graph import Tensor
from autograd_lite.messages import refuse_masked
from autograd_lite.recording import bind
from autograd_lite.rules.examples import reals
from autograd_lite.table import Parsed, composed, linear


def wrapped(x: Any) -> Any:
    """x, or a Tensor of it where it is a plain array. Raises TypeError for one of no real dtype."""
    if isinstance(x, Tensor):
        return x
    refuse_masked(x, "operand")
    return Tensor(np.asarray(x))


def normal_axis(axis: Any, ndim: int) -> int:
    """The axis counted from the front. Raises NumPy's AxisError where there is none."""
    return int(np.lib.array_utils.normalize_axis_index(axis, ndim))


def _in_order(path: str, order: str) -> str:
    """The order of elements, C or F. Raises ValueError for one that depends on memory layout."""
    if order not in ("C", "F"):
        raise ValueError(
            f"{path}: order={order!r} depends on how the array lies in memory, which a recorded "
            "operation must not; pass 'C' or 'F'"
        )
    return order


def _parse_reshape(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Parsed:
    """((x,), params); NumPy has had two names for the shape."""
    if len(args) == 2 and not kwargs:
        return args[:1], {"shape": args[1], "order": "C"}
    named = {"newshape": "shape"}
    kwargs = {named.get(name, name): value for name, value in kwargs.items()}
    positional = dict(zip(("shape", "order"), args[1:], strict=False))
    inputs, params = RESHAPE._parse(args[:1], {**kwargs, **positional})
    return inputs, {**params, "order": _in_order("np.reshape", params["order"])}


def _parse_ravel(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Parsed:
    inputs, params = RAVEL._parse(args, kwargs)
    return inputs, {"order": _in_order("np.ravel", params["order"])}


def _squeezed_parse(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Parsed:
    inputs, params = SQUEEZE._parse(args, kwargs)
    axis = params["axis"]
    return inputs, {"axis": tuple(axis) if isinstance(axis, list) else axis}


RESHAPE = linear(
    np.reshape,
    lambda g, y, x, shape, order: g.reshape(x.shape, order=order),
    fn=lambda x, shape, order="C": x.reshape(shape, order=order),
    params={"shape": None, "order": "C"},
    parse=_parse_reshape,
    formulas=("reshape({g})",),
    examples=[
        reals((2, 3), shape=(3, 2)),
        reals((2, 3), shape=(-1,), order="F"),
        reals((), shape=(1, 1)),
        reals((0, 3), shape=(3, 0, 1)),
    ],
)
RAVEL = linear(
    np.ravel,
    lambda g, y, x, order: g.reshape(x.shape, order=order),
    fn=lambda x, order="C": x.reshape(-1, order=order),
    params={"order": "C"},
    parse=_parse_ravel,
    methods=("ravel", "flatten"),
    formulas=("reshape({g})",),
    examples=[reals((2, 3)), reals((2, 3), order="F"), reals(())],
)
SQUEEZE = linear(
    np.squeeze,
    lambda g, y, x, axis: g.reshape(x.shape),
    fn=lambda x, axis=None: x.squeeze(axis),
    params={"axis": None},
    parse=_squeezed_parse,
    methods=("squeeze",),
    formulas=("reshape({g})",),
    examples=[reals((1, 3, 1)), reals((1, 3, 1), axis=-1), reals((1, 3, 1), axis=(0, 2))],
)


def _expand_dims(x: Any, axis: Any) -> Any:
    """x with axes of length 1 put in."""
    if type(axis) is int and 0 <= axis <= x.ndim:
        return x[(slice(None),) * axis + (None,)]  # 0.2 µs; np.expand_dims costs 2.0
    return x[..., None] if type(axis) is int and axis == -1 else np.expand_dims(x, axis)


linear(
    np.expand_dims,
    lambda g, y, x, axis: g.reshape(x.shape),
    fn=_expand_dims,
    params={"axis": None},
    formulas=("reshape({g})",),
    examples=[
        reals((2, 3), axis=1),
        reals((2, 3), axis=-1),
        reals((2, 3), axis=(0, -1)),
        reals((), axis=0),
    ],
)


def summed_to(g: Any, shape: tuple[int, ...]) -> Any:
    """g summed over the axes along which `shape` was broadcast to g's."""
    extra = g.ndim - len(shape)
    stretched = [i + extra for i, n in enumerate(shape) if n == 1 and g.shape[i + extra] != 1]
    axes = (*range(extra), *stretched)
    return np.add.reduce(g, axis=axes).reshape(shape) if axes else g


def _broadcast_to(x: Any, shape: Any) -> Any:
    """x repeated to a shape: as an array where that is small, otherwise as a view."""
    shape = shape if isinstance(shape, tuple) else tuple(np.atleast_1d(shape).tolist())
    small = x.ndim <= len(shape) and math.prod(shape) <= SMALL
    return array_of(x, shape) if small else np.broadcast_to(x, shape)


BROADCAST_TO = linear(
    np.broadcast_to,
    lambda g, y, x, shape: summed_to(g, x.shape),
    fn=_broadcast_to,
    params={"shape": None},
    formulas=("Σ {g}",),
    examples=[
        reals((3, 1), shape=(2, 3, 4)),
        reals((), shape=3),
        reals((1, 1), shape=(1, 3)),
        reals((1, 2), shape=(0, 2)),
        reals((3,), shape=(400, 3)),
    ],
)


def broadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """g repeated to a shape, recorded where it is a tensor; for rules."""
    if isinstance(g, Tensor):
        return bind(BROADCAST_TO, (g,), {"shape": shape})
    return _broadcast_to(g, shape)


def _broadcast_arrays(*args: Any) -> Any:
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple([np.broadcast_to(wrapped(x), shape) for x in args])


composed(
    np.broadcast_arrays,
    _broadcast_arrays,
    examples=[reals((3, 1), (1, 4)), reals((2, 3), ()), reals((0,), (1,))],
)


def _at_least(shaped: Callable[[Any], Any]) -> Callable[..., Any]:
    """The function that gives each of its arguments an axis or more."""

    def function(*arys: Any) -> Any:
        results = tuple([shaped(wrapped(x)) for x in arys])
        return results[0] if len(results) == 1 else results

    return function


def at_least_3d(x: Any) -> Any:
    """x as NumPy sees it in three dimensions: a vector of shape (n,) is of shape (1, n, 1)."""
    return x[..., None] if x.ndim == 2 else x[None, :, None] if x.ndim == 1 else at_least_1d(x)


def at_least_2d(x: Any) -> Any:
    """x with two axes or more, new ones in front."""
    return x[None] if x.ndim == 1 else x.reshape(1, 1) if x.ndim == 0 else x


def at_least_1d(x: Any, n: int = 1) -> Any:
    """x with n axes or more, new ones in front."""
    return x if x.ndim >= n else x.reshape((1,) * (n - x.ndim) + x.shape)


composed(np.atleast_1d, _at_least(at_least_1d), examples=[reals(()), reals((2,), ())])
composed(np.atleast_2d, _at_least(at_least_2d), examples=[reals(()), reals((2,), (2, 3))])
composed(
    np.atleast_3d,
    _at_least(lambda x: at_least_1d(at_least_3d(x), 3)),
    examples=[reals(()), reals((2,), (2, 3)), reals((1, 2, 3, 4))],
)


def reshape(self: Tensor, *shape: Any, order: str = "C") -> Tensor:
    """This tensor in another shape, given as one tuple or as separate numbers."""
    wanted = shape[0] if len(shape) == 1 else shape
    order = order if order == "C" else _in_order("reshape", order)
    return bind(RESHAPE, (self,), {"shape": wanted, "order": order})  # type: ignore[no-any-return]


Tensor.reshape = reshape  # type: ignore[attr-defined]
