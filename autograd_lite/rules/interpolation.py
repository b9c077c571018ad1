"""Between points: interp, linspace, polyval."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.recording import bind
from autograd_lite.rules.examples import given, reals
from autograd_lite.rules.shapes import wrapped
from autograd_lite.table import Parsed, Primitive, composed, general


def _parse_interp(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Parsed:
    """((x, xp, fp), params). Raises NotImplementedError where x or xp requires grad."""
    inputs, params = INTERP._parse(args, kwargs)
    for name, value in zip(("x", "xp"), inputs, strict=False):
        if isinstance(value, Tensor) and value.requires_grad:
            raise NotImplementedError(
                f"np.interp: {name} of shape {value.shape} requires grad, but interp is "
                f"differentiable in fp only; pass {name}.detach()"
            )
    return inputs, params


def interp_vjp(g: Any, y: Any, x: Any, xp: Any, fp: Any, left: Any, right: Any, period: Any) -> Any:
    """To each point, g by the weights with which it was read."""
    params = {"n": fp.shape[0], "cut": (left is not None, right is not None), "period": period}
    if any(isinstance(a, Tensor) for a in (g, x, xp)):
        return bind(SPREAD, (g, x, xp), params)
    return _interp_spread(g, x, xp, **params)


def _interp_spread(
    g: Any, x: Any, xp: Any, n: int, cut: tuple[bool, bool], period: float | None
) -> Any:
    """g summed to the n points that interp reads from: the transpose of interp in fp."""
    x, xp, g = np.asarray(x, float).reshape(-1), np.asarray(xp, float), g.reshape(-1)
    if period is None:
        return _by_weights(g, x, xp, cut)
    x, xp = x % abs(period), xp % abs(period)
    order = np.argsort(xp)
    xp = xp[order]
    around = np.concatenate((xp[-1:] - abs(period), xp, xp[:1] + abs(period)))
    sums = _by_weights(g, x, around, (False, False))
    return np.bincount(np.concatenate((order[-1:], order, order[:1])), sums, n)


def _by_weights(g: Any, x: Any, xp: Any, cut: tuple[bool, bool]) -> Any:
    """The sum for each point xp of the g at those x between it and its neighbours."""
    if cut[0]:
        g = np.where(x < xp[0], 0.0, g)
    if cut[1]:
        g = np.where(x > xp[-1], 0.0, g)
    if len(xp) == 1:
        return g.sum(keepdims=True)
    cell = np.clip(np.searchsorted(xp, x, "right") - 1, 0, len(xp) - 2)
    share = np.clip((x - xp[cell]) / (xp[cell + 1] - xp[cell]), 0.0, 1.0)
    left, right = (
        np.bincount(cell + k, g * w, len(xp)) for k, w in enumerate((1.0 - share, share))
    )
    return left + right


def _spread_vjp(g: Any, y: Any, v: Any, x: Any, xp: Any, n: int, cut: Any, period: Any) -> Any:
    """g read at x: interp itself, with zeros where a constant was read."""
    left, right = (0.0 if constant else None for constant in cut)
    return np.interp(x, xp, g, left, right, period)


def _read(n: int, **kwargs: Any) -> Any:
    """An example: nine places, n points, their values."""
    return given(
        lambda rng: (
            rng.uniform(-0.5, 1.5, 9),
            np.sort(rng.permutation(20)[:n] / 20),
            rng.standard_normal(n),
        ),
        **kwargs,
    )


INTERP: Primitive = general(
    np.interp,
    None,
    None,
    interp_vjp,
    params={"left": None, "right": None, "period": None},
    parse=_parse_interp,
    formulas=(None, None, "{g} by its weights"),
    examples=[
        _read(5),
        _read(4, left=0.5),
        _read(4, left=1.0, right=2.0),
        _read(4, period=1.1),
        _read(1),
    ],
)
SPREAD: Primitive = general(
    _interp_spread,
    _spread_vjp,
    None,
    None,
    params={"n": None, "cut": (False, False), "period": None},
    examples=[
        given(lambda rng: (rng.random(4), rng.random(4), np.array([0.0, 0.3, 1.0])), n=3),
    ],
)


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
    floating = np.result_type(start, stop, 1.0)
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


def _polyval(p: Any, x: Any) -> Any:
    if isinstance(x, np.poly1d):
        raise TypeError("polyval: x is a poly1d; tensors are evaluated at numbers only")
    x = wrapped(x)
    y = np.zeros(x.shape, x.dtype)
    for coefficient in p:  # Horner's rule
        y = y * x + coefficient
    return wrapped(y)


composed(np.polyval, _polyval, examples=[reals((3,), (2, 2)), reals((1,), ()), reals((4,), (3,))])
