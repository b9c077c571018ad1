"""Running sums, products and extremes along an axis, and the linear recurrence behind their rules.

The rules of cumprod and of running extremes are linear recurrences h_k = a_k h_(k-1) + b_k, whose
derivatives are recurrences again: so every order is exact, with zeros too, and takes linear time.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_lite.methods import public
from autograd_lite.rules.arguments import reduction
from autograd_lite.rules.examples import Example, given, reals, spread
from autograd_lite.rules.missing import some_nan
from autograd_lite.table import Rule, general

_AXIS = {"axis": None}
_FIRST_AXIS = {"axis": 0}


def along(axis: int, ndim: int, part: slice) -> tuple[Any, ...]:
    """The index that takes a part of one axis."""
    return (*(slice(None),) * (operator.index(axis) % ndim), part)


def backwards(x: Any, axis: int) -> Any:
    """x with one axis reversed."""
    return x[along(axis, x.ndim, slice(None, None, -1))]


def shifted(x: Any, axis: int, fill: float, back: bool = False) -> Any:
    """x moved one place on along an axis (`back`: one place back), `fill` in the place set free."""
    shape = list(x.shape)
    shape[axis] = min(1, shape[axis])
    edge = np.full(shape, fill, x.dtype)
    rest = x[along(axis, x.ndim, slice(1, None) if back else slice(None, -1))]
    return np.concatenate([rest, edge] if back else [edge, rest], axis=axis)


# --- the recurrence


def _recurrence(a: Any, b: Any, axis: int = -1, back: bool = False) -> Any:
    """h_k = a_k h_(k-1) + b_k along an axis, from h = 0; `back`: from the end."""
    h = np.empty(b.shape, np.result_type(a, b))
    rows = [np.moveaxis(x, axis, 0)[:: -1 if back else 1] for x in (a, b, h)]
    if h.ndim == 1:  # Python's floats: 0.06 µs a step, NumPy's 1.5
        last = 0.0
        for k, (factor, term) in enumerate(zip(rows[0].tolist(), rows[1].tolist(), strict=True)):
            rows[2][k] = last = factor * last + term
        return h
    total = np.zeros(rows[2].shape[1:], h.dtype)
    for factor, term, place in zip(*rows, strict=True):
        total = np.add(factor * total, term, out=place)
    return h


def recurrence_vjp_terms(g: Any, y: Any, a: Any, b: Any, axis: int, back: bool) -> Any:
    """The same recurrence from the other end: λ_k = g_k + a_(k+1) λ_(k+1)."""
    return recurrence(shifted(a, axis, 0.0, not back), g, axis=axis, back=not back)


def recurrence_vjp_factors(g: Any, y: Any, a: Any, b: Any, axis: int, back: bool) -> Any:
    """λ_k h_(k-1)."""
    λ = recurrence(shifted(a, axis, 0.0, not back), g, axis=axis, back=not back)
    return λ * shifted(y, axis, 0.0, back)


def _before(params: dict[str, Any]) -> str:
    """The index of the place before k, on the way that a recurrence goes."""
    return "ₖ₊₁" if params.get("back") else "ₖ₋₁"


def _followed(params: dict[str, Any], factor: str) -> str:
    """What a formula says of λ, the recurrence from the other end."""
    on = "ₖ₋₁" if params.get("back") else "ₖ₊₁"
    return f", λₖ = {{g}}ₖ + {factor}{on} λ{on}"


recurrence = public(
    general(
        _recurrence,
        recurrence_vjp_factors,
        recurrence_vjp_terms,
        params={"axis": -1, "back": False},
        formulas=(
            lambda params, *_: f"λ ⊙ {{y}}{_before(params)}{_followed(params, '{a}')}",
            lambda params, *_: f"λ{_followed(params, '{a}')}",
        ),
        examples=[
            reals((4,), (4,)),
            reals((2, 3), (2, 3)),
            reals((3, 2), (3, 2), axis=0, back=True),
        ],
    )
)


# --- running sums and products


def cumsum_vjp(g: Any, y: Any, x: Any, axis: Any = None, **_: Any) -> Any:
    """For every element, the sum of g from its place on."""
    place = 0 if axis is None or not x.ndim else axis
    return backwards(np.add.accumulate(backwards(g, place), place), place).reshape(x.shape)


def cumprod_vjp(g: Any, y: Any, x: Any, axis: Any = None, **_: Any) -> Any:
    """The product of all before an element times Σ g_i · the product from the next one to i."""
    place = 0 if axis is None or not x.ndim else axis
    factors = x.reshape(g.shape)
    after = recurrence(shifted(factors, place, 0.0, back=True), g, axis=place, back=True)
    return (shifted(y, place, 1.0) * after).reshape(x.shape)


def nancumsum_vjp(g: Any, y: Any, x: Any, **params: Any) -> Any:
    """cumsum's rule; nan counts as 0."""
    return np.where(np.isnan(x), 0.0, cumsum_vjp(g, y, x, **params))


def nancumprod_vjp(g: Any, y: Any, x: Any, **params: Any) -> Any:
    """cumprod's rule; nan counts as 1."""
    missing = np.isnan(x)
    return np.where(missing, 0.0, cumprod_vjp(g, y, np.where(missing, 1.0, x), **params))


def _with_zeros(**kwargs: Any) -> Example:
    return given(lambda rng: (np.array([[0.0, 2.0, 3.0], [1.5, -1.0, 0.0]]),), **kwargs)


CUMSUM = "cumsum of {g} from its end"
CUMPROD = f"λ ⊙ {{y}}ₖ₋₁{_followed({}, '{x}')}"
_EVERYWHERE = [
    reals((2, 3)),
    reals((2, 3), axis=0),
    reals((2, 3, 2), axis=-2),
    reals((0, 3), axis=1),
    reals((0,)),
    reals(()),
]

reduction(
    np.cumsum,
    cumsum_vjp,
    kind="linear",
    usual=_AXIS,
    rare=("dtype",),
    methods=("cumsum",),
    formulas=(CUMSUM,),
    examples=_EVERYWHERE,
)
reduction(
    np.cumprod,
    cumprod_vjp,
    usual=_AXIS,
    rare=("dtype",),
    methods=("cumprod",),
    formulas=(CUMPROD,),
    examples=[*_EVERYWHERE, _with_zeros(axis=1), _with_zeros()],
)
for _ufunc, _rule, _kind, _name, _formula in (
    (np.add, cumsum_vjp, "linear", "cumsum", CUMSUM),
    (np.multiply, cumprod_vjp, "general", "cumprod", CUMPROD),
):
    reduction(
        _ufunc.accumulate,
        _rule,
        kind=_kind,
        name=_name,
        usual=_FIRST_AXIS,
        rare=("dtype",),
        formulas=(_formula,),
        examples=[reals((2, 3)), reals((2, 3), axis=-1), reals((4,)), _with_zeros(axis=1)],
    )
for _key, _skipping, _formula in (
    (np.nancumsum, nancumsum_vjp, f"{CUMSUM}, 0 at nan"),
    (np.nancumprod, nancumprod_vjp, f"{CUMPROD}, nan as 1; 0 at nan"),
):
    reduction(
        _key,
        _skipping,
        formulas=(_formula,),
        usual=_AXIS,
        rare=("dtype",),
        examples=[reals((2, 3)), some_nan(2, 3), some_nan(2, 3, axis=0)],
    )


def _from_first(rule: Rule) -> Rule:
    """A running function's rule for the one that may set its initial value before the first."""

    def vjp(
        g: Any, y: Any, x: Any, axis: Any = None, include_initial: bool = False, **_: Any
    ) -> Any:
        place = 0 if axis is None else axis
        if include_initial:
            part = along(place, x.ndim, slice(1, None))
            g, y = g[part], y[part]
        return rule(g, y, x, axis=place)

    return vjp


def _cumulative(name: str, rule: Rule, formula: str) -> None:
    """Add the array API's running function, where this NumPy has it (2.1)."""
    key: Callable[..., Any] | None = getattr(np, name, None)
    if key is not None:
        reduction(
            key,
            _from_first(rule),
            usual={"axis": None, "include_initial": False},
            formulas=(formula,),
            rare=("dtype",),
            examples=[
                reals((4,)),
                reals((2, 3), axis=0),
                reals((2, 3), axis=-1, include_initial=True),
                _with_zeros(axis=1, include_initial=True),
            ],
        )


_cumulative("cumulative_sum", cumsum_vjp, CUMSUM)
_cumulative("cumulative_prod", cumprod_vjp, CUMPROD)


# --- running extremes


def running_extreme_vjp(g: Any, y: Any, x: Any, axis: int) -> Any:
    """For every element that is the extreme so far, the sum of g until the next such element.

    So of tied elements each keeps its own stretch, and a place's g goes to the latest of them.
    """
    reached = (x == y) | (x != x)
    passes_on = (~reached).astype(g.dtype)
    total = recurrence(shifted(passes_on, axis, 0.0, back=True), g, axis=axis, back=True)
    return np.where(reached, total, 0.0)


for _name, _running, _formula in (
    ("cummax", np.maximum.accumulate, "{g} summed while {x} is the largest so far"),
    ("cummin", np.minimum.accumulate, "{g} summed while {x} is the smallest so far"),
):
    reduction(
        _running,
        running_extreme_vjp,
        name=_name,
        usual=_FIRST_AXIS,
        formulas=(_formula,),
        examples=[spread((6,)), spread((4, 3)), spread((3, 4), axis=-1), spread((0, 3))],
    )
