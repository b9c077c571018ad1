"""Medians, quantiles and percentiles: the elements that a value lies between share its gradient.

The two neighbours of q·(n − 1) get g by their weights; elements equal to a neighbour share evenly
what it gets. The neighbours are recomputed in the rule, together with the weights, so that both
come from one rounding of q·(n − 1), whatever NumPy's own is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from autograd_lite.broadcasting import count
from autograd_lite.methods import public
from autograd_lite.rules.arguments import reading, reduction
from autograd_lite.rules.examples import Example, given, spread
from autograd_lite.rules.extremes import EXTREME, evenly
from autograd_lite.rules.missing import some_nan, valid
from autograd_lite.rules.reductions import count_where
from autograd_lite.table import TABLE, Primitive, Rule, general

#: (alpha, beta) of the methods that place q at n q + alpha + q (1 − alpha − beta) − 1 and go
#: linearly between the neighbours of that. Hyndman & Fan 1996, "Sample Quantiles".
PLACES = {
    "linear": (1.0, 1.0),
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
#: The methods that take half of either neighbour or, at an element (beyond one), that.
HALVES = ("midpoint", "averaged_inverted_cdf")
#: The methods whose value is one of the elements.
STEPS = ("lower", "higher", "nearest", "inverted_cdf", "closest_observation")


def reduced_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """The axes that `axis` names, counted from the last, so that they hold behind new axes too."""
    axes = range(ndim) if axis is None else normalize_axis_tuple(axis, ndim)
    return tuple(a - ndim for a in axes)


def kept(g: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """g with the reduced axes of `shape` back, of length 1, behind those of q."""
    new = g.ndim - (len(shape) - len(axes))
    ones = [1 if i - len(shape) in axes else n for i, n in enumerate(shape)]
    return np.reshape(g, (*g.shape[:new], *ones))


# --- the elements in order


def _order_statistic(x: Any, place: Any, axes: tuple[int, ...]) -> Any:
    """The element at `place` in the order of each slice over `axes`, nan last.

    `place` holds whole numbers and has the axes of x, the reduced ones of length 1, behind any
    others; so has the result.
    """
    ones = [1 if i - x.ndim in axes else n for i, n in enumerate(x.shape)]
    moved = np.moveaxis(x, axes, range(-len(axes), 0))
    ordered = np.sort(np.reshape(moved, (*ones, -1)), axis=-1)
    ordered = np.reshape(ordered, (*[1] * (place.ndim - x.ndim), *ordered.shape))
    places = np.maximum(place, 0).astype(np.intp)[..., None]
    return np.take_along_axis(ordered, places, axis=-1)[..., 0]


def order_statistic_vjp(g: Any, y: Any, x: Any, place: Any, axes: tuple[int, ...]) -> Any:
    """g shared evenly among the elements equal to y; to nan only where y is nan."""
    return _summed_to(evenly(g, y, x, axes, (x == x) | (y != y)), x.ndim)


order_statistic = public(
    general(
        _order_statistic,
        order_statistic_vjp,
        None,
        params={"axes": ()},
        formulas=(EXTREME,),
        examples=[
            given(lambda rng: (*spread((2, 5))(rng)[0], np.array([[1.0]])), axes=(-1,)),
            given(
                lambda rng: (*spread((3, 2))(rng)[0], np.array([[[5.0]], [[0.0]]])), axes=(-2, -1)
            ),
        ],
    )
)


def _summed_to(shares: Any, ndim: int) -> Any:
    """Shares summed over the axes of q, which stand in front."""
    if shares.ndim == ndim:
        return shares
    return np.add.reduce(shares, axis=tuple(range(shares.ndim - ndim)))


# --- rules


def neighbours(
    y: Any, x: Any, q: Any, axes: tuple[int, ...], method: str, where: Any
) -> tuple[Any, ...]:
    """(the element below, the one above, the weight of that, its slope in q) for each slice.

    q is a fraction. Each has the axes of q, then those of x. Where y is nan the elements are too.
    """
    n: Any = count(x.shape, axes) if where is True else count_where(where, x, axes, float)
    q = np.asarray(q, float) if isinstance(q, (int, float)) else q
    q = np.reshape(q, (*q.shape, *[1] * x.ndim))
    place, slope = _place(q, n, method)
    inside = (place >= 0.0) & (place <= n - 1)
    place = np.minimum(np.maximum(place, 0.0), n - 1)
    below = np.floor(place)
    low = order_statistic(x, below, axes=axes)
    above = np.where(inside, np.minimum(below + 1.0, n - 1), below)
    high = order_statistic(x, above, axes=axes)
    broken = y != y
    low, high = np.where(broken, np.nan, low), np.where(broken, np.nan, high)
    return low, high, _weight(place - below, method), np.where(inside, slope, 0.0)


def _place(q: Any, n: Any, method: str) -> tuple[Any, Any]:
    """Where q lies among n elements in order, from 0, and the slope of that in q."""
    if method in ("linear", "midpoint"):
        return q * (n - 1), n - 1
    if method == "averaged_inverted_cdf":
        return n * q - 1.0, n
    alpha, beta = PLACES[method]
    return n * q + (alpha + q * (1.0 - alpha - beta)) - 1.0, n + (1.0 - alpha - beta)


def _weight(fraction: Any, method: str) -> Any:
    """How much the neighbour above counts at this fraction of the way to it."""
    if method == "midpoint":
        return np.where(fraction > 0.0, 0.5, 0.0)
    if method == "averaged_inverted_cdf":
        return np.where(fraction > 0.0, 1.0, 0.5)
    return fraction


def _quantile_vjp(
    g: Any,
    y: Any,
    x: Any,
    q: Any,
    axis: Any,
    keepdims: bool,
    method: str,
    where: Any,
    weights: Any = None,
) -> Any:
    """g to the two neighbours by their weights, evenly to all that are equal to one.

    Of elements with `weights`, a parameter of NumPy's own, those of weight 0 count for nothing.
    """
    if not x.size:
        return np.zeros(x.shape, x.dtype)
    axes = reduced_axes(axis, x.ndim)
    if not keepdims:
        g, y = kept(g, x.shape, axes), kept(y, x.shape, axes)
    if weights is not None:
        counts = _in_place(weights, x.shape, axes) > 0.0
        where = counts if where is True else counts & where
    if method in STEPS:
        return _summed_to(evenly(g, y, x, axes, where), x.ndim)
    low, high, t, _ = neighbours(y, x, q, axes, method, where)
    shares = evenly(g * (1.0 - t), low, x, axes, where) + evenly(g * t, high, x, axes, where)
    return _summed_to(shares, x.ndim)


def _quantile_vjp_q(
    g: Any, y: Any, x: Any, q: Any, axis: Any, keepdims: bool, method: str, where: Any
) -> Any:
    """g times the slope between the two neighbours; 0 for the methods that step."""
    if method not in PLACES or not x.size:
        return np.zeros(q.shape, q.dtype)
    axes = reduced_axes(axis, x.ndim)
    if not keepdims:
        g, y = kept(g, x.shape, axes), kept(y, x.shape, axes)
    low, high, _, slope = neighbours(y, x, q, axes, method, where)
    return np.add.reduce(g * ((high - low) * slope), axis=tuple(range(-x.ndim, 0)))


def _in_place(weights: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """Weights of the reduced axes of `shape` alone, in their order, as an array that broadcasts."""
    if weights.shape == shape:
        return weights
    order = sorted(range(len(axes)), key=axes.__getitem__)
    ones = [n if i - len(shape) in axes else 1 for i, n in enumerate(shape)]
    return np.reshape(np.transpose(weights, order), ones)


def _median_rule(skip_nan: bool) -> Rule:
    """The quantile's rule at one half."""

    def median_vjp(g: Any, y: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        where = valid(x, True) if skip_nan else True
        return _quantile_vjp(g, y, x, 0.5, axis, keepdims, "linear", where)

    return median_vjp


def _quantile_rules(whole: float, skip_nan: bool) -> tuple[Rule, Rule]:
    """The rules of a quantile (whole 1) or percentile (whole 100), for x and for q."""

    def to_x(g: Any, y: Any, x: Any, q: Any, weights: Any = None, *, axis: Any, keepdims: bool,
             method: str) -> Any:  # fmt: skip
        where = valid(x, True) if skip_nan else True
        return _quantile_vjp(g, y, x, q / whole, axis, keepdims, method, where, weights)

    def to_q(g: Any, y: Any, x: Any, q: Any, weights: Any = None, *, axis: Any, keepdims: bool,
             method: str) -> Any:  # fmt: skip
        where = valid(x, True) if skip_nan else True
        return _quantile_vjp_q(g, y, x, q / whole, axis, keepdims, method, where) / whole

    return to_x, to_q


# --- rows


def _slices() -> list[Example]:
    return [
        spread((5,)),
        spread((6,)),
        spread((2, 4), axis=1, keepdims=True),
        spread((2, 3, 2), axis=(0, -1)),
        spread((3, 2), axis=0),
    ]


for _key, _examples in (
    (np.median, _slices()),
    (np.nanmedian, [*_slices(), some_nan(2, 4), some_nan(3, 5, axis=1, keepdims=True)]),
):
    _rule = _median_rule(_key is np.nanmedian)
    reduction(
        _key,
        _rule,
        usual={"axis": None, "keepdims": False},
        formulas=("{g} to the middle of {x}, ½ each where two are",),
        examples=_examples,
    )


def quantile_formula(params: dict[str, Any], *_: Any) -> str:
    """The rule for the elements."""
    if params["method"] in STEPS:
        return EXTREME
    if params["method"] == "midpoint":
        return "½{g} to each neighbour of {y} in {x}"
    return "{g} to the neighbours of {y} in {x}, each by its weight"


def _place_formula(whole: float) -> Callable[..., str]:
    """The rule for the place: the slope between the neighbours x₋ and x₊."""
    unit = "" if whole == 1.0 else f" / {whole:g}"

    def formula(params: dict[str, Any], *_: Any) -> str:
        if params["method"] not in PLACES:
            return "0"
        more = 1.0 - sum(PLACES[params["method"]])
        steps = "n" if more == 0.0 else f"(n {'−' if more < 0.0 else '+'} {abs(more):.3g})"
        return f"Σ {{g}} (x₊ − x₋)·{steps}{unit}"

    return formula


def _quantile(x: Any, q: Any, weights: Any = None, **params: Any) -> Any:
    return np.quantile(x, q, weights=weights, **params)


def _percentile(x: Any, q: Any, weights: Any = None, **params: Any) -> Any:
    return np.percentile(x, q, weights=weights, **params)


def _nanquantile(x: Any, q: Any, weights: Any = None, **params: Any) -> Any:
    return np.nanquantile(x, q, weights=weights, **params)


def _nanpercentile(x: Any, q: Any, weights: Any = None, **params: Any) -> Any:
    return np.nanpercentile(x, q, weights=weights, **params)


_USUAL = {"axis": None, "keepdims": False, "method": "linear"}
_METHODS = (*tuple(PLACES)[1:], *HALVES, *STEPS)
_WEIGHTS = np.array([[1.0, 0.0, 2.0, 0.5, 1.5], [0.3, 0.4, 0.0, 0.0, 2.0]])
_PER_SLICE: dict[str, Any] = {"weights": _WEIGHTS, "axis": 1}
_PER_PLACE: dict[str, Any] = {"weights": _WEIGHTS[0], "axis": -1}


def _add(
    key: Callable[..., Any], function: Callable[..., Any], whole: float, skip_nan: bool
) -> None:
    """Add the row of a quantile (whole 1) or percentile (whole 100)."""

    def at(x: Example, q: Any, **kwargs: Any) -> Example:
        return given(lambda rng: (*x(rng)[0], np.multiply(q, whole)), **kwargs)

    TABLE[key] = Primitive(
        key,
        (*_quantile_rules(whole, skip_nan), None),
        kind="general",
        fn=function,
        params=_USUAL,
        formulas=(quantile_formula, _place_formula(whole)),
        parse=reading(key, _USUAL, n_arrays=2, also="weights"),
        examples=[
            at(spread((6,)), 0.3),
            at(spread((6,)), [0.3, 0.9, 0.55]),
            at(spread((2, 5)), [[0.3], [0.62]], axis=1, keepdims=True),
            at(spread((2, 3, 2)), [0.3, 0.72], axis=(0, -1)),
            at(spread((3, 2)), 0.35, axis=0),
            *(at(spread((2, 5)), [0.36, 0.73], axis=1, method=method) for method in _METHODS),
            *(
                at(spread((2, 5)), [0.36, 0.73], **form, method="inverted_cdf")
                for form in ({"weights": _WEIGHTS}, _PER_SLICE if skip_nan else _PER_PLACE)
            ),
            *([at(some_nan(2, 6), [0.3, 0.7], axis=1)] if skip_nan else []),
        ],
    )


_add(np.quantile, _quantile, 1.0, False)
_add(np.percentile, _percentile, 100.0, False)
_add(np.nanquantile, _nanquantile, 1.0, True)
_add(np.nanpercentile, _nanpercentile, 100.0, True)
