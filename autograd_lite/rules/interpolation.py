"""np.interp, linear in the values that it interpolates."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.recording import bind
from autograd_lite.rules.examples import given
from autograd_lite.table import Parsed, Primitive, general


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
    share = np.where(x == xp[-1], 1.0, share)  # 0 / 0 where the last two points are one place
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
    formulas=(None, None, "{g} to the points around {x}, by their weights"),
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
    formulas=("interp({x}, {xp}, {g})",),
    examples=[
        given(lambda rng: (rng.random(4), rng.random(4), np.array([0.0, 0.3, 1.0])), n=3),
    ],
)
