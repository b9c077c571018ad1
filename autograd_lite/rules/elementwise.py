"""Arithmetic and powers: rows whose Jacobian is diagonal."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from autograd_lite.methods import public
from autograd_lite.rules.examples import given, positive, reals
from autograd_lite.table import elementwise, linear

NUMBERS = (int, float)  # numbers in the source: constants, so that a rule may ask for their value

_PAIRS = [reals((3, 1), (4,)), reals((2, 3), (2, 3)), reals((), (3,))]

# The Python operators do what the ufuncs do, and compute with NumPy's scalars ten times as fast.
elementwise(
    np.add,
    lambda g, y, a, b: g,
    lambda g, y, a, b: g,
    fn=operator.add,
    methods=("__add__", "__radd__"),
    examples=_PAIRS,
    formulas=("{g}", "{g}"),
)
elementwise(
    np.subtract,
    lambda g, y, a, b: g,
    lambda g, y, a, b: -g,
    fn=operator.sub,
    methods=("__sub__", "__rsub__"),
    examples=_PAIRS,
    formulas=("{g}", "−{g}"),
)
elementwise(
    np.multiply,
    lambda g, y, a, b: g * b,
    lambda g, y, a, b: g * a,
    fn=operator.mul,
    methods=("__mul__", "__rmul__"),
    examples=_PAIRS,
    formulas=("{g} ⊙ {b}", "{g} ⊙ {a}"),
)
elementwise(
    np.divide,
    lambda g, y, a, b: g / b,
    lambda g, y, a, b: -g * y / b,
    fn=operator.truediv,
    methods=("__truediv__", "__rtruediv__"),
    examples=_PAIRS,
    formulas=("{g} / {b}", "−{g} ⊙ {y} / {b}"),
)
elementwise(
    np.negative,
    lambda g, y, x: -g,
    fn=operator.neg,
    methods=("__neg__",),
    examples=[reals((3,))],
    formulas=("−{g}",),
)
elementwise(
    np.positive,
    lambda g, y, x: g,
    fn=operator.pos,
    methods=("__pos__",),
    examples=[reals((3,))],
    formulas=("{g}",),
)
elementwise(
    np.reciprocal,
    lambda g, y, x: -g * y * y,
    examples=[reals((2, 3))],
    formulas=("−{g} ⊙ {y}²",),
)


def power_vjp_base(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g·b·a**(b − 1), and 0 where a and b are both 0: exact to any order."""
    if type(b) in NUMBERS:
        return g * 0.0 if b == 0 else g * b if b == 1 else g * (b * a ** (b - 1))
    return g * (b * a ** np.where((a == 0) & (b == 0), 1.0, b - 1.0))


def power_vjp_exponent(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g·y·log a, and 0 at a = 0 for b ≥ 0, where a**b does not change with b."""
    if type(a) in NUMBERS:
        if a == 0:
            return g * y * np.where(b >= 0, 0.0, -math.inf)
        return g * y * (math.log(a) if a > 0 else math.nan)
    return g * y * np.log(np.where((a == 0) & (b >= 0), 1.0, a))


_POWERS = [
    positive((3, 1), (4,)),
    given(lambda rng: (rng.standard_normal((2, 3)) + 0.3, 3)),
    given(lambda rng: (2.5, rng.standard_normal(3))),
    given(lambda rng: (rng.standard_normal((2, 3)) - 0.3, np.array([0, 1, 2]))),
]
elementwise(
    np.power,
    power_vjp_base,
    power_vjp_exponent,
    fn=operator.pow,
    methods=("__pow__", "__rpow__"),
    examples=_POWERS,
    formulas=("{g} ⊙ {b}·{a}^({b}−1)", "{g} ⊙ {y} ⊙ log {a}"),
)
elementwise(
    np.float_power,
    power_vjp_base,
    power_vjp_exponent,
    examples=_POWERS,
    formulas=("{g} ⊙ {b}·{a}^({b}−1)", "{g} ⊙ {y} ⊙ log {a}"),
)

elementwise(
    np.square,
    lambda g, y, x: g * (x + x),
    examples=[reals((2, 3))],
    formulas=("{g} ⊙ 2·{x}",),
)
elementwise(
    np.sqrt,
    # y + 0.0: the root of -0.0 is -0.0, but the slope there is +inf
    lambda g, y, x: g * 0.5 / (y + 0.0),
    methods=("sqrt",),
    examples=[positive((2, 3))],
    formulas=("{g} / (2·{y})",),
)
elementwise(
    np.cbrt,
    lambda g, y, x: g / (3.0 * y * y),
    examples=[reals((2, 3))],
    formulas=("{g} / (3·{y}²)",),
)


def _ratio(a: Any, b: Any) -> Any:
    """a / b, and 0 where both are 0; its derivatives there are not finite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((a == 0) & (b == 0), np.zeros_like(a), np.divide(a, b))


ratio = public(
    elementwise(
        _ratio,
        lambda g, y, a, b: g / b,
        lambda g, y, a, b: -g * y / b,
        name="ratio",
        formulas=("{g} / {b}", "−{g} ⊙ {y} / {b}"),
        examples=[positive((3, 1), (4,))],
    )
)
elementwise(
    np.hypot,
    lambda g, y, a, b: g * ratio(a, y),
    lambda g, y, a, b: g * ratio(b, y),
    examples=[reals((3, 1), (4,))],
    formulas=("{g} ⊙ {a} / {y}", "{g} ⊙ {b} / {y}"),
)

for _ufunc, _names in ((np.abs, ("__abs__",)), (np.fabs, ())):
    elementwise(
        _ufunc,
        lambda g, y, x: g * np.sign(x),
        fn=operator.abs if _names else np.fabs,
        name="abs" if _names else "fabs",
        methods=_names,
        examples=[reals((2, 3))],
        formulas=("{g} ⊙ sign({x})",),
    )


def copysign_vjp(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g where the sign of a was kept, −g where it was changed, 0 at a = 0."""
    return g * (np.sign(a) * np.sign(y))


elementwise(
    np.copysign,
    copysign_vjp,
    lambda g, y, a, b: g * 0.0,
    examples=[reals((3, 1), (4,))],
    formulas=("{g} ⊙ sign({a}) ⊙ sign({y})", "0"),
)
elementwise(
    np.ldexp,
    lambda g, y, x, i: np.ldexp(g, i),
    None,
    examples=[given(lambda rng: (rng.standard_normal((2, 3)), np.array([-1, 0, 3])))],
    formulas=("{g} ⊙ 2^{i}", None),
)

# Of the complex plane, only the real line is here.
elementwise(
    np.conjugate,
    lambda g, y, x: g,
    methods=("conj", "conjugate"),
    examples=[reals((2, 3))],
    formulas=("{g}",),
)
linear(np.real, lambda g, y, x: g, examples=[reals((2, 3))], formulas=("{g}",))
linear(np.imag, lambda g, y, x: g * 0.0, examples=[reals((2, 3))], formulas=("0",))
linear(
    np.real_if_close,
    lambda g, y, x, tol: g,
    fn=lambda x, tol=100: x,
    params={"tol": 100},
    examples=[reals((2, 3))],
    formulas=("{g}",),
)
