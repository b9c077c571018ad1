"""Differences along an axis: diff, ediff1d, gradient; and unwrap, which jumps between them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.messages import refuse_masked
from autograd_lite.rules.examples import given, reals
from autograd_lite.rules.shapes import normal_axis, wrapped
from autograd_lite.rules.taking import along
from autograd_lite.table import Parsed, composed, general, linear


def diff_vjp(g: Any, y: Any, x: Any, n: int, axis: int) -> Any:
    """±diff of g with n zeros around it: a difference's transpose is minus the difference."""
    if not x.shape[axis] > n:
        return np.zeros(x.shape, x.dtype)
    widths = [(0, 0)] * g.ndim
    widths[axis] = (n, n)
    back = np.diff(np.pad(g, widths), n, axis)
    return -back if n % 2 else back


def _parse_diff(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Parsed:
    """((x,), params), x with what is prepended and appended."""
    names = ("n", "axis", "prepend", "append")
    named = {**dict(zip(names, args[1:], strict=False)), **kwargs}
    ends = [named.pop(name, np._NoValue) for name in ("prepend", "append")]
    (x,), params = DIFF._parse(args[:1], named)
    x = wrapped(x)
    params = {**params, "axis": normal_axis(params["axis"], x.ndim)}
    if params["n"] == 0:  # NumPy gives x itself then
        return (x,), params
    before, after = ([] if e is np._NoValue else [_slab(e, x, params["axis"])] for e in ends)
    joined = np.concatenate([*before, x, *after], params["axis"]) if before or after else x
    return (joined,), params


def _slab(end: Any, x: Any, axis: int) -> Any:
    """What diff joins to x: a number as a slab of length 1."""
    end = wrapped(end)
    return end if end.ndim else np.broadcast_to(end, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))


DIFF = linear(
    np.diff,
    diff_vjp,
    params={"n": 1, "axis": -1},
    parse=_parse_diff,
    formulas=("−diff({g}, 0 around)",),
    examples=[
        reals((2, 4)),
        reals((4, 2), n=2, axis=0),
        reals((2, 4), n=3),
        reals((3,), n=0),
        reals((2,), n=2),
        reals((3,), prepend=0.5, append=np.array([1.0, 2.0])),
    ],
)


def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    ary = wrapped(ary).reshape(-1)
    parts = [None if end is None else wrapped(end).reshape(-1) for end in (to_begin, to_end)]
    begin, end = (
        [] if p is None else [p if p.dtype == ary.dtype else p.astype(ary.dtype)] for p in parts
    )
    steps = ary[1:] - ary[:-1]
    return np.concatenate([*begin, steps, *end]) if begin or end else steps


composed(
    np.ediff1d,
    _ediff1d,
    examples=[reals((2, 2)), reals((3,), to_end=[1.0, 2.0], to_begin=0.5), reals((1,))],
)


# Not elementwise, though the derivative is: a jump is seen in its neighbour.
general(
    np.unwrap,
    lambda g, y, p, discont, axis, period: g,
    params={"discont": None, "axis": -1, "period": 2 * math.pi},
    formulas=("{g}",),
    examples=[
        given(lambda rng: (np.array([[0.0, 3.0, 6.5, -2.0], [1.0, 9.0, -5.0, 0.5]]),)),
        given(lambda rng: (np.array([0.0, 0.4, -0.3, 2.0]),), period=1.0, axis=0),
    ],
)


# --- np.gradient, computed as NumPy computes it


def _gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = wrapped(f)
    f = f if f.dtype.kind == "f" else f.astype(np.float64)
    named = axis if isinstance(axis, (tuple, list)) else range(f.ndim) if axis is None else (axis,)
    axes = [normal_axis(a, f.ndim) for a in named]
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: edge_order={edge_order}; it is 1 or 2")
    steps = list(varargs) or [1.0]
    steps = steps * len(axes) if len(steps) == 1 and np.ndim(steps[0]) == 0 else steps
    if len(steps) != len(axes):
        raise TypeError(
            f"gradient: {len(steps)} spacings for {len(axes)} axes; give one, or one for each axis"
        )
    slopes = [
        _slope(f, _spacing(step, f, a, edge_order), a, edge_order)
        for step, a in zip(steps, axes, strict=True)
    ]
    return slopes[0] if len(axes) == 1 else tuple(slopes)


def _spacing(step: Any, f: Any, axis: int, edge_order: int) -> Any:
    """The spacing along an axis: one number, or an array of the differences along it."""
    n = f.shape[axis]
    if n < edge_order + 1:
        raise ValueError(f"gradient: axis {axis} of length {n}; it needs {edge_order + 1} or more")
    if np.ndim(step) == 0:
        return step
    refuse_masked(step, "coordinates")
    places = step if isinstance(step, Tensor) else np.asarray(step)
    places = places if places.dtype.kind == "f" else places.astype(np.float64)  # or 1 - 2 is 255
    if places.shape != (n,):
        raise ValueError(
            f"gradient: coordinates of shape {places.shape} for axis {axis} of length {n}; give "
            "one for each element"
        )
    steps = np.diff(places)
    # NumPy's shortcut for even spacing; a tensor's gradient is to all of its coordinates.
    even = not isinstance(steps, Tensor) and (steps == steps[0]).all()
    return steps[0] if even else steps


def _slope(f: Any, dx: Any, axis: int, edge_order: int) -> Any:
    """The slope along an axis: second-order differences inside, one-sided ones at the ends."""
    n = f.shape[axis]

    def part(start: int, stop: int) -> Any:
        return f[along(slice(start, stop), axis)]

    if np.ndim(dx) == 0:
        inside = (part(2, n) - part(0, n - 2)) / (2.0 * dx)
        steps = [dx, dx, dx, dx]
    else:
        shape = [-1 if a == axis else 1 for a in range(f.ndim)]
        a, b, c = (w.reshape(shape) for w in _weights(dx[:-1], dx[1:]))
        inside = a * part(0, n - 2) + b * part(1, n - 1) + c * part(2, n)
        steps = [dx[0], dx[min(1, n - 2)], dx[max(0, n - 3)], dx[n - 2]]
    if edge_order == 1:
        first = (part(1, 2) - part(0, 1)) / steps[0]
        last = (part(n - 1, n) - part(n - 2, n - 1)) / steps[3]
    else:
        ends = _end_weights(np.ndim(dx) == 0, *steps)
        first, last = (
            a * part(k, k + 1) + b * part(k + 1, k + 2) + c * part(k + 2, k + 3)
            for k, (a, b, c) in zip((0, n - 3), ends, strict=True)
        )
    parts = [p if p.dtype == f.dtype else p.astype(f.dtype) for p in (first, inside, last)]
    return np.concatenate(parts, axis)


def _weights(dx1: Any, dx2: Any) -> tuple[Any, Any, Any]:
    """Of the element before, the element and the one after, for unequal steps between them."""
    return (
        -(dx2) / (dx1 * (dx1 + dx2)),
        (dx2 - dx1) / (dx1 * dx2),
        dx1 / (dx2 * (dx1 + dx2)),
    )


def _end_weights(even: bool, dx0: Any, dx1: Any, dx2: Any, dx3: Any) -> Any:
    """Of the first three elements, and of the last three, for second-order slopes at the ends."""
    if even:
        return (-1.5 / dx0, 2.0 / dx0, -0.5 / dx0), (0.5 / dx0, -2.0 / dx0, 1.5 / dx0)
    return (
        (
            -(2.0 * dx0 + dx1) / (dx0 * (dx0 + dx1)),
            (dx0 + dx1) / (dx0 * dx1),
            -dx0 / (dx1 * (dx0 + dx1)),
        ),
        (
            dx3 / (dx2 * (dx2 + dx3)),
            -(dx3 + dx2) / (dx2 * dx3),
            (2.0 * dx3 + dx2) / (dx3 * (dx2 + dx3)),
        ),
    )


_UNEVEN = np.array([0.0, 2.0, 5.0, 9.0])
composed(
    np.gradient,
    _gradient,
    examples=[
        reals((4,)),
        reals((3, 4), axis=1),
        reals((3, 4), edge_order=2),
        given(lambda rng: (rng.standard_normal((3, 4)), 2.0, _UNEVEN)),
        given(lambda rng: (rng.standard_normal((4, 2)), _UNEVEN), axis=0, edge_order=2),
        given(lambda rng: (rng.standard_normal((2, 4)), 0.5), axis=-1, edge_order=2),
        given(lambda rng: (rng.standard_normal(3), np.arange(3))),
        reals((2,)),
    ],
)
