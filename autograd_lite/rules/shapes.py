"""Rows that move elements without changing them."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.recording import bind
from autograd_lite.rules.examples import lists, reals
from autograd_lite.table import TABLE, linear


def concatenate_vjp(i: int, g: Any, y: Any, *xs: Any, axis: int | None = 0) -> Any:
    """The part of g that array i filled."""
    if axis is None:
        start = sum(x.size for x in xs[:i])
        return np.reshape(g[start : start + xs[i].size], xs[i].shape)
    start = sum(x.shape[axis] for x in xs[:i])
    index = [slice(None)] * g.ndim
    index[axis] = slice(start, start + xs[i].shape[axis])
    return g[tuple(index)]


linear(
    np.reshape,
    lambda g, y, x, shape, order: np.reshape(g, x.shape, order),
    params={"shape": None, "order": "C"},
    formulas=("reshape({g})",),
    examples=[reals((2, 3), shape=(3, 2)), reals((2, 3), shape=(-1,), order="F")],
)
linear(
    np.transpose,
    lambda g, y, x, axes: np.transpose(g, None if axes is None else inverse(axes)),
    params={"axes": None},
    formulas=("{g}ᵀ",),
    examples=[reals((2, 3)), reals((2, 3, 4), axes=(1, 2, 0))],
)
linear(
    np.swapaxes,
    lambda g, y, x, axis1, axis2: np.swapaxes(g, axis1, axis2),
    params={"axis1": None, "axis2": None},
    methods=("swapaxes",),
    formulas=("swapaxes({g})",),
    examples=[reals((2, 3, 4), axis1=0, axis2=-1)],
)
linear(
    np.broadcast_to,
    lambda g, y, x, shape: summed_to(g, x.shape),
    params={"shape": None},
    formulas=("Σ {g}",),
    examples=[reals((3, 1), shape=(2, 3, 4))],
)
linear(
    np.concatenate,
    concatenate_vjp,
    fn=lambda *xs, axis=0: np.concatenate(xs, axis=axis),
    variadic="sequence",
    reads_shapes=True,
    params={"axis": 0},
    formulas=("the part of {g} from {x}",),
    examples=[lists(reals((2, 3), (1, 3))), lists(reals((2, 3), (2, 1)), axis=1)],
)
linear(np.copy, lambda g, y, x: g, methods=("copy",), formulas=("{g}",), examples=[reals((2, 3))])


def _astype(x: Any, dtype: Any) -> Any:
    """x in another dtype."""
    return x.astype(dtype)


ASTYPE = linear(
    _astype,
    lambda g, y, x, dtype: g.astype(x.dtype),
    params={"dtype": None},
    formulas=("{g}",),
    examples=[reals((2, 3), dtype=np.dtype(np.longdouble))],
)


def inverse(axes: Any) -> tuple[int, ...]:
    """The permutation that undoes `axes`."""
    places = [a % len(axes) for a in axes]
    return tuple(places.index(i) for i in range(len(places)))


def summed_to(g: Any, shape: tuple[int, ...]) -> Any:
    """g summed over the axes along which `shape` was broadcast to g's."""
    extra = g.ndim - len(shape)
    stretched = [i + extra for i, n in enumerate(shape) if n == 1 and g.shape[i + extra] != 1]
    axes = (*range(extra), *stretched)
    return np.reshape(np.sum(g, axis=axes), shape) if axes else g


def astype(self: Tensor, dtype: Any) -> Tensor:
    """This tensor in another dtype; recorded for floats.

    Raises TypeError for a dtype without gradients on a tensor that requires grad.
    """
    dtype = np.dtype(dtype)
    if dtype.kind != "f" and self.requires_grad:
        raise TypeError(
            f"astype({dtype}) of {self.name or 'a tensor'}, which requires grad: no gradient "
            "passes through ints or bools; use .detach() first"
        )
    return bind(ASTYPE, (self,), {"dtype": dtype})  # type: ignore[no-any-return]


def reshape(self: Tensor, *shape: Any, order: str = "C") -> Tensor:
    """This tensor in another shape, given as one tuple or as separate numbers."""
    wanted = shape[0] if len(shape) == 1 else shape
    return bind(TABLE[np.reshape], (self,), {"shape": wanted, "order": order})  # type: ignore[no-any-return]


def transpose(self: Tensor, *axes: Any) -> Tensor:
    """This tensor with its axes permuted: reversed, or as one tuple or separate numbers say."""
    wanted = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
    return bind(TABLE[np.transpose], (self,), {"axes": wanted})  # type: ignore[no-any-return]


def flatten(self: Tensor, order: str = "C") -> Tensor:
    """This tensor as a vector."""
    return reshape(self, -1, order=order)


for _method in (astype, reshape, transpose, flatten):
    setattr(Tensor, _method.__name__, _method)
