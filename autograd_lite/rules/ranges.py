"""Numbers in a row, from one end to the other: linspace, logspace, geomspace."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.promotion import stands
from autograd_lite.rules.examples import given, positive, reals
from autograd_lite.rules.shapes import wrapped
from autograd_lite.table import composed


def _linspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    num = operator.index(num)
    if num < 0:
        raise ValueError(f"linspace: num={num}; it is 0 or more")
    start, stop = [wrapped(x) if isinstance(x, (list, tuple)) else x for x in (start, stop)]
    ends = [1.0 if isinstance(x, Tensor) and stands(x) else x for x in (start, stop)]
    floating = np.result_type(*ends, 1.0)
    start, stop = [  # 1 - 2 of unsigned integers is no negative number
        x.astype(floating) if hasattr(x, "dtype") and x.dtype.kind != "f" else x
        for x in (start, stop)
    ]
    delta = stop - start if isinstance(stop, Tensor) else np.subtract(stop, start)
    steps = num - 1 if endpoint else num
    step = delta / steps if steps > 0 else np.nan
    ramp = np.arange(num, dtype=floating).reshape(-1, *[1] * delta.ndim)
    y = ramp * (step if steps > 0 else delta) + start
    if endpoint and num > 1:
        y = np.concatenate([y[:-1], np.broadcast_to(wrapped(stop), (1, *delta.shape))])
    y = np.moveaxis(y, 0, axis) if axis else y
    y = y.astype(dtype or floating, copy=False)
    return (y, step) if retstep else y


composed(
    np.linspace,
    _linspace,
    examples=[
        reals((), (), num=5),
        reals((2,), (3, 1), num=4, axis=-1),
        reals((), (2,), num=3, endpoint=False, retstep=True),
        reals((), (), num=1),
        given(lambda rng: (0, rng.standard_normal(()) + 3.0), num=4),
    ],
)


def _logspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    if np.ndim(base):
        raise TypeError(f"logspace: a base of shape {np.shape(base)}; it is one number here")
    y = np.power(base, wrapped(np.linspace(start, stop, num, endpoint, axis=axis)))
    return y if dtype is None else y.astype(dtype, copy=False)


def _geomspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    # as NumPy: in float64 at least
    start, stop = (x.astype(np.promote_types(x.dtype, float)) for x in map(wrapped, (start, stop)))
    sign = np.sign(start)
    start, stop = start * sign, stop * sign  # both ends have the same sign
    inner = np.logspace(np.log10(start), np.log10(stop), num, endpoint)
    shape = inner.shape[1:]
    ends = [np.broadcast_to(x, (1, *shape)) for x in (start, stop)]
    last = len(inner) - 1 if endpoint and len(inner) > 1 else len(inner)
    y = np.concatenate([ends[0][: len(inner)], inner[1:last], ends[1][: len(inner) - last]])
    y = np.moveaxis(y * sign, 0, axis) if axis else y * sign
    return y if dtype is None else y.astype(dtype, copy=False)


composed(
    np.logspace,
    _logspace,
    examples=[
        reals((), (), num=4),
        reals((2,), (), num=3, endpoint=False, base=2.0, axis=1),
        given(lambda rng: (0.0, 1.0, 3), base=np.array(2.5)),
    ],
)
composed(
    np.geomspace,
    _geomspace,
    examples=[
        positive((), (), num=5),
        positive((2,), (2,), num=3, axis=-1),
        positive((), (), num=3, endpoint=False),
        given(lambda rng: (-rng.uniform(1, 2, ()), -4.0), num=4),
        positive((), (), num=1),
    ],
)
