"""Arrays joined: concatenate and stack are rows, the rest are made of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.rules.examples import given, lists, reals
from autograd_lite.rules.shapes import at_least_1d, at_least_2d, at_least_3d, normal_axis, wrapped
from autograd_lite.signatures import path_of
from autograd_lite.table import TABLE, Parsed, composed, linear


def concatenate_vjp(g: Any, y: Any, *xs: Any, axis: int | None = 0) -> list[Any]:
    """The part of g that each array filled."""
    if axis is None:
        ends = list(accumulate([x.size for x in xs]))
        return [g[end - x.size : end].reshape(x.shape) for x, end in zip(xs, ends, strict=True)]
    before = (slice(None),) * normal_axis(axis, g.ndim)
    lengths = [x.shape[axis] for x in xs]
    ends = list(accumulate(lengths))
    return [g[(*before, slice(end - n, end))] for n, end in zip(lengths, ends, strict=True)]


def stack_vjp(g: Any, y: Any, *xs: Any, axis: int) -> list[Any]:
    """The part of g that each array filled."""
    before = (slice(None),) * normal_axis(axis, g.ndim)
    return [g[(*before, i)] for i in range(len(xs))]


def listed(key: Callable[..., Any]) -> Callable[..., Parsed]:
    """The `parse` of a row for `key`, whose first argument is a sequence of its inputs."""

    def parse(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Parsed:
        """(arrays, params) of a call, numbers and lists among the arrays."""
        (sequence,), params = TABLE[key]._parse(args, kwargs)
        arrays = tuple([x if isinstance(x, Tensor) else np.asarray(x) for x in sequence])
        if not arrays:  # NumPy has been through it, to look for tensors
            raise TypeError(f"{path_of(key)}: got a {type(sequence).__name__}; pass a list")
        return arrays, params

    return parse


linear(
    np.concatenate,
    concatenate_vjp,
    fn=lambda *xs, axis=0: np.concatenate(xs, axis),
    variadic=True,
    jointly=True,
    params={"axis": 0},
    parse=listed(np.concatenate),
    formulas=("the part of {g} from {x}",),
    examples=[
        lists(reals((2, 3), (1, 3))),
        lists(reals((2, 3), (2, 1)), axis=1),
        lists(reals((2, 3), (0, 3), (2, 3)), axis=-2),
        lists(reals((2, 3), (), (2,)), axis=None),
    ],
)
linear(
    np.stack,
    stack_vjp,
    fn=lambda *xs, axis=0: np.stack(xs, axis),
    variadic=True,
    jointly=True,
    params={"axis": 0},
    parse=listed(np.stack),
    formulas=("the part of {g} from {x}",),
    examples=[
        lists(reals((2, 3), (2, 3))),
        lists(reals((2, 3), (2, 3)), axis=-1),
        lists(reals((), (), ())),
        lists(reals((0,), (0,)), axis=1),
    ],
)


# --- made of them


def _vstack(tup: Any) -> Any:
    return np.concatenate([at_least_2d(wrapped(x)) for x in tup], 0)


def _hstack(tup: Any) -> Any:
    arrays = [at_least_1d(wrapped(x)) for x in tup]
    return np.concatenate(arrays, 0 if arrays and arrays[0].ndim == 1 else 1)


def _dstack(tup: Any) -> Any:
    return np.concatenate([at_least_1d(at_least_3d(wrapped(x)), 3) for x in tup], 2)


def _column_stack(tup: Any) -> Any:
    arrays = [at_least_1d(wrapped(x)) for x in tup]
    return np.concatenate([x[:, None] if x.ndim == 1 else x for x in arrays], 1)


def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    arr, values = wrapped(arr), wrapped(values)
    if axis is None:
        return np.concatenate([arr.reshape(-1), values.reshape(-1)])
    return np.concatenate([arr, values], axis)


def _block(arrays: Any) -> Any:
    leaves: list[tuple[int, Any]] = []
    _collect(arrays, 0, leaves)
    depths = {depth for depth, _ in leaves}
    if len(depths) != 1:
        raise ValueError(f"block: lists of depths {sorted(depths)}; all arrays stand equally deep")
    depth = depths.pop()
    if depth == 0:
        return np.copy(arrays)
    ndim = max(depth, *(np.ndim(x) for _, x in leaves)) if leaves else depth
    return _blocks(arrays, depth, ndim)


def _collect(arrays: Any, depth: int, leaves: list[tuple[int, Any]]) -> None:
    """Gather (depth, array) of all in nested lists."""
    if isinstance(arrays, tuple):
        raise TypeError("block: a tuple among the lists; only lists are nested")
    if not isinstance(arrays, list):
        leaves.append((depth, arrays))
        return
    if not arrays:
        raise ValueError("block: an empty list; each holds at least one array")
    for item in arrays:
        _collect(item, depth + 1, leaves)


def _blocks(arrays: Any, depth: int, ndim: int) -> Any:
    """Nested lists of arrays of this depth as one array, innermost along the last axis."""
    if depth == 0:
        return at_least_1d(wrapped(arrays), ndim)
    return np.concatenate([_blocks(item, depth - 1, ndim) for item in arrays], -depth)


composed(np.vstack, _vstack, examples=[lists(reals((3,), (2, 3))), lists(reals((), ()))])
composed(
    np.hstack,
    _hstack,
    examples=[lists(reals((3,), (2,))), lists(reals((2, 3), (2, 1))), lists(reals((), (2,)))],
)
composed(np.dstack, _dstack, examples=[lists(reals((3,), (3,))), lists(reals((2, 3), (2, 3, 2)))])
composed(np.column_stack, _column_stack, examples=[lists(reals((3,), (3, 2), (3,)))])
composed(
    np.append,
    _append,
    examples=[reals((2, 3), (2,)), reals((2, 3), (1, 3), axis=0), reals((2,), ())],
)
composed(
    np.block,
    _block,
    examples=[
        given(lambda rng: ([[rng.random((2, 2)), rng.random((2, 1))], [rng.random((1, 3))]],)),
        given(lambda rng: ([rng.random(2), 3.0, rng.random(())],)),
        given(lambda rng: (rng.random((2, 2)),)),
    ],
)
