"""Rows that choose among their inputs: where, maximum and its kin, clip, nan_to_num."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.rules.elementwise import NUMBERS
from autograd_lite.rules.examples import given, reals, spread
from autograd_lite.signatures import is_absent, refuse_parameter
from autograd_lite.table import TABLE, Parsed, elementwise


def split(g: Any, wins: Any, other_wins: Any) -> Any:
    """g where one input alone wins, half of it where both do, 0 elsewhere."""
    half = 0.5 * g
    return half * wins + half * ~other_wins


def chosen(y: Any, x: Any) -> Any:
    """Whether x is y, the larger or smaller of two; a nan wins over any number."""
    return x == y if type(x) in NUMBERS else (x == y) | (x != x)


def chosen_number(y: Any, x: Any) -> Any:
    """Whether x is y, the larger or smaller of two; a nan wins over a nan only."""
    return (x == y) | (y != y)


def chosen_formulas(sign: str) -> tuple[str, str]:
    """What each of two inputs gets: all where it wins alone, half where both are equal."""
    half = "½[{a} = {b}]"
    return f"{{g}} ⊙ ([{{a}} {sign} {{b}}] + {half})", f"{{g}} ⊙ ([{{b}} {sign} {{a}}] + {half})"


for _ufunc, _sign in ((np.maximum, ">"), (np.minimum, "<")):
    elementwise(
        _ufunc,
        lambda g, y, a, b: split(g, chosen(y, a), chosen(y, b)),
        lambda g, y, a, b: split(g, chosen(y, b), chosen(y, a)),
        examples=[spread((3, 1), (4,)), spread((2, 3), (2, 3))],
        formulas=chosen_formulas(_sign),
    )
for _skips_nan, _sign in ((np.fmax, ">"), (np.fmin, "<")):
    elementwise(
        _skips_nan,
        lambda g, y, a, b: split(g, chosen_number(y, a), chosen_number(y, b)),
        lambda g, y, a, b: split(g, chosen_number(y, b), chosen_number(y, a)),
        formulas=chosen_formulas(_sign),
        examples=[spread((3, 1), (4,)), spread((2, 3), (2, 3))],
    )


def parse_clip(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Parsed:
    """((a, low, high), {}) of a call of np.clip or of the method; a bound left out is None."""
    inputs = [*args[:3], None, None, None][:3]
    for name, value in [*zip(["out"], args[3:], strict=False), *kwargs.items()]:
        place = {"a": 0, "a_min": 1, "min": 1, "a_max": 2, "max": 2}.get(name)
        if place is None:
            if is_absent(name, value):
                continue
            refuse_parameter("np.clip", name, ("a_min", "a_max", "min", "max"))
        if value is np._NoValue:
            continue
        if inputs[place] is not None and place < len(inputs):
            raise TypeError(f"np.clip: an argument was given twice, once as {name!r}")
        inputs[place] = value
    return tuple(inputs), {}


def clip_vjp_a(g: Any, y: Any, a: Any, low: Any, high: Any) -> Any:
    """g where neither bound is passed, so at a bound and at a nan too; nowhere if low > high."""
    if low is None:
        return g * (~(a > high) if high is not None else True)
    return g * ~(a < low if high is None else (a < low) | (a > high))


def clip_vjp_low(g: Any, y: Any, a: Any, low: Any, high: Any) -> Any:
    """g where a lies below the lower bound."""
    return g * (a < low if high is None else (a < low) & (low <= high))


def clip_vjp_high(g: Any, y: Any, a: Any, low: Any, high: Any) -> Any:
    """g where a lies above the upper bound, which wins over a lower bound that is larger."""
    return g * (a > high if low is None else (a > high) | (low > high))


elementwise(
    np.clip,
    clip_vjp_a,
    clip_vjp_low,
    clip_vjp_high,
    parse=parse_clip,
    methods=("clip",),
    formulas=(
        "{g} ⊙ [{low} ≤ {a} ≤ {high}]",
        "{g} ⊙ [{a} < {low} ≤ {high}]",
        "{g} ⊙ [{high} < {a} ∨ {high} < {low}]",
    ),
    examples=[
        given(lambda rng: (np.array([[-1.1, 0.2, 0.7], [2.1, -0.6, 0.5]]), -0.5, 1.0)),
        given(
            lambda rng: (
                np.array([[-1.1, 0.2, 0.7], [2.1, -0.6, 0.5]]),
                np.array([-0.5, 0.4, 0.0]),
                np.array([[1.0], [0.9]]),
            )
        ),
    ],
)


class _Asked:
    """Gives the ufunc that NumPy calls it with."""

    def __array_ufunc__(self, ufunc: Any, *_: Any, **__: Any) -> Any:
        return ufunc


# array.clip(0.0, tensor) calls a ufunc that has no public name
TABLE[np.zeros(1).clip(0.0, _Asked())] = TABLE[np.clip]  # type: ignore[call-overload]


def parse_where(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Parsed:
    """((condition, a, b), {}) of a call of np.where, the condition bools."""
    if len(args) != 3 or kwargs:
        raise TypeError(
            f"np.where: got {len(args)} arguments, expected (condition, x, y); for the places "
            "where a condition holds use np.nonzero(condition)"
        )
    condition, a, b = args
    if getattr(condition, "dtype", None) != np.bool_:
        condition = np.not_equal(condition, 0)
    return (condition, a, b), {}


elementwise(
    np.where,
    None,
    # a product, not a choice: a choice would hide 0 · inf, and in one direction only
    lambda g, y, c, a, b: g * c,
    lambda g, y, c, a, b: g * ~c,
    parse=parse_where,
    formulas=(None, "{g} ⊙ [{c}]", "{g} ⊙ [not {c}]"),
    examples=[
        given(lambda rng: (rng.random((2, 3)) < 0.5, rng.standard_normal((2, 3)), rng.random(3))),
        given(lambda rng: (rng.random((2, 3)) < 0.5, rng.standard_normal((2, 1)), 0.0)),
        given(lambda rng: (np.array([2, 0, 1]), rng.standard_normal((2, 3)), rng.random(()))),
    ],
)


def _nan_to_num(x: Any, copy: bool, nan: Any, posinf: Any, neginf: Any) -> Any:
    """x with numbers for what is not finite."""
    if not copy:
        raise TypeError(
            "np.nan_to_num: copy=False would write into the tensor's array, expected copy=True; "
            "use the returned tensor"
        )
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


elementwise(
    np.nan_to_num,
    lambda g, y, x, copy, nan, posinf, neginf: g * np.isfinite(x),
    fn=_nan_to_num,
    params={"copy": True, "nan": 0.0, "posinf": None, "neginf": None},
    formulas=("{g} ⊙ [{x} is finite]",),
    examples=[reals((2, 3)), reals((2, 3), nan=1.0, posinf=9.0, neginf=-9.0)],
)
