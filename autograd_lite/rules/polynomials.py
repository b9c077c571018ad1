"""Polynomials, by their coefficients from the highest power down."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.rules.examples import reals
from autograd_lite.rules.shapes import at_least_1d, wrapped
from autograd_lite.table import composed


def _polyval(p: Any, x: Any) -> Any:
    if isinstance(x, np.poly1d):
        raise TypeError("polyval: x is a poly1d; tensors are evaluated at numbers only")
    x = wrapped(x)
    y = np.zeros(x.shape, x.dtype)
    for coefficient in p:  # Horner's rule
        y = y * x + wrapped(coefficient)[()]  # which promotes, as an array's element does
    return wrapped(y)


composed(np.polyval, _polyval, examples=[reals((3,), (2, 2)), reals((1,), ()), reals((4,), (3,))])


def _polyder(p: Any, m: int = 1) -> Any:
    for _ in range(m):
        p = p[:-1] * np.arange(len(p) - 1, 0, -1)
    return p


def _polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    constants = at_least_1d(wrapped(0.0 if k is None else k))
    for i in range(m):
        constant = constants[i : i + 1] if len(constants) > 1 else constants
        p = np.concatenate([p / np.arange(len(p), 0, -1), constant.astype(p.dtype, copy=False)])
    return p


def _of_one_length(a1: Any, a2: Any) -> tuple[Any, Any]:
    """Two polynomials with as many coefficients, the highest of the shorter one 0."""
    a1, a2 = at_least_1d(wrapped(a1)), at_least_1d(wrapped(a2))
    n = max(len(a1), len(a2))
    return np.pad(a1, (n - len(a1), 0)), np.pad(a2, (n - len(a2), 0))


def _polyadd(a1: Any, a2: Any) -> Any:
    return np.add(*_of_one_length(a1, a2))


def _polysub(a1: Any, a2: Any) -> Any:
    return np.subtract(*_of_one_length(a1, a2))  # of unsigned integers there is no negative


def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    n = len(x) if N is None else N
    x = x.astype(np.promote_types(x.dtype, int), copy=False)  # as NumPy: float32 to float64
    ones = np.ones((len(x), min(n, 1)), x.dtype)
    powers = np.cumprod(np.broadcast_to(x[:, None], (len(x), max(n - 1, 0))), axis=1)
    columns = np.concatenate([ones, powers], 1)
    return columns if increasing else columns[:, ::-1]


composed(np.polyder, _polyder, examples=[reals((4,)), reals((4,), m=2)])
composed(np.polyint, _polyint, examples=[reals((3,)), reals((3,), m=2, k=[1.0, 2.0])])
composed(np.polyadd, _polyadd, examples=[reals((3,), (2,)), reals((2,), ())])
composed(np.polysub, _polysub, examples=[reals((2,), (4,))])
composed(np.vander, _vander, examples=[reals((3,)), reals((3,), N=2, increasing=True)])
