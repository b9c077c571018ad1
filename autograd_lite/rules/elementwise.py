"""Arithmetic, powers, exponentials, comparisons: rows whose Jacobian is diagonal."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd_lite.rules.examples import between, given, positive, reals, spread
from autograd_lite.table import elementwise

# The Python operators do what the ufuncs do, and compute with NumPy's scalars ten times as fast.
elementwise(
    np.add,
    lambda g, y, a, b: g,
    lambda g, y, a, b: g,
    fn=operator.add,
    methods=("__add__", "__radd__"),
    formulas=(
        "{g}",
        "{g}",
    ),
    examples=[reals((3, 1), (4,)), reals((2, 3), (2, 3)), reals((), (3,))],
)
elementwise(
    np.subtract,
    lambda g, y, a, b: g,
    lambda g, y, a, b: -g,
    fn=operator.sub,
    methods=("__sub__", "__rsub__"),
    formulas=(
        "{g}",
        "−{g}",
    ),
    examples=[reals((3, 1), (4,)), reals((2, 3), (2, 3)), reals((), (3,))],
)
elementwise(
    np.multiply,
    lambda g, y, a, b: g * b,
    lambda g, y, a, b: g * a,
    fn=operator.mul,
    methods=("__mul__", "__rmul__"),
    formulas=(
        "{g} ⊙ {b}",
        "{g} ⊙ {a}",
    ),
    examples=[reals((3, 1), (4,)), reals((2, 3), (2, 3)), reals((), (3,))],
)
elementwise(
    np.divide,
    lambda g, y, a, b: g / b,
    lambda g, y, a, b: -g * y / b,
    fn=operator.truediv,
    methods=("__truediv__", "__rtruediv__"),
    formulas=(
        "{g} / {b}",
        "−{g} ⊙ {y} / {b}",
    ),
    examples=[reals((3, 1), (4,)), reals((2, 3), (2, 3)), reals((), (3,))],
)
elementwise(
    np.negative,
    lambda g, y, x: -g,
    fn=operator.neg,
    methods=("__neg__",),
    formulas=("−{g}",),
    examples=[reals((3,))],
)


def power_vjp_base(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g·b·a**(b − 1), and 0 where b is 0: exact to any order at a = 0."""
    if isinstance(b, (int, float)):
        return g * 0.0 if b == 0 else g * b if b == 1 else g * (b * a ** (b - 1))
    flat = b == 0
    return np.where(flat, 0.0, g * (b * a ** np.where(flat, 1.0, b - 1)))


def power_vjp_exponent(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g·y·log a, and 0 at a = 0 for b ≥ 0, where a**b does not change with b."""
    zero = a == 0
    if isinstance(a, (int, float)):
        return g * y * np.log(a) if not zero else np.where(b >= 0, 0.0, g * y * -np.inf)
    flat = zero & (b >= 0)
    return np.where(flat, 0.0, g * y * np.log(np.where(flat, 1.0, a)))


elementwise(
    np.power,
    power_vjp_base,
    power_vjp_exponent,
    fn=operator.pow,
    methods=("__pow__", "__rpow__"),
    formulas=(
        "{g} ⊙ {b}·{a}^({b}−1)",
        "{g} ⊙ {y} ⊙ log {a}",
    ),
    examples=[
        positive((3, 1), (4,)),
        given(lambda rng: (rng.standard_normal((2, 3)) + 0.3, 3)),
        given(lambda rng: (2.5, rng.standard_normal(3))),
    ],
)

elementwise(
    np.exp,
    lambda g, y, x: g * y,
    methods=("exp",),
    formulas=("{g} ⊙ {y}",),
    examples=[reals((2, 3))],
)
elementwise(
    np.log,
    lambda g, y, x: g / x,
    methods=("log",),
    formulas=("{g} / {x}",),
    examples=[positive((2, 3))],
)
elementwise(
    np.sqrt,
    lambda g, y, x: g * 0.5 / y,
    methods=("sqrt",),
    formulas=("{g} / (2·{y})",),
    examples=[positive((2, 3))],
)
elementwise(
    np.tanh,
    lambda g, y, x: g * (1.0 - y * y),
    methods=("tanh",),
    formulas=("{g} ⊙ (1 − {y}²)",),
    examples=[reals((2, 3))],
)
elementwise(
    np.abs,
    lambda g, y, x: g * np.sign(x),
    methods=("__abs__",),
    name="abs",
    formulas=("{g} ⊙ sign({x})",),
    examples=[reals((2, 3))],
)


def _larger(g: Any, a: Any, b: Any) -> Any:
    """The part of g that goes to a: half in a tie, all of it to a nan."""
    return np.where(a == b, g * 0.5, np.where((a > b) | (a != a), g, 0.0))


elementwise(
    np.maximum,
    lambda g, y, a, b: _larger(g, a, b),
    lambda g, y, a, b: _larger(g, b, a),
    formulas=(
        "{g} ⊙ [{a} > {b}]",
        "{g} ⊙ [{b} > {a}]",
    ),
    examples=[spread((3, 1), (4,)), spread((2, 3), (2, 3))],
)
elementwise(
    np.minimum,
    lambda g, y, a, b: _larger(g, -a, -b),
    lambda g, y, a, b: _larger(g, -b, -a),
    formulas=(
        "{g} ⊙ [{a} < {b}]",
        "{g} ⊙ [{b} < {a}]",
    ),
    examples=[spread((3, 1), (4,)), spread((2, 3), (2, 3))],
)

elementwise(
    np.where,
    None,
    lambda g, y, c, a, b: np.where(c, g, 0.0),
    lambda g, y, c, a, b: np.where(c, 0.0, g),
    formulas=(
        None,
        "{g} ⊙ [{c}]",
        "{g} ⊙ [not {c}]",
    ),
    examples=[
        given(lambda rng: (rng.random((2, 3)) < 0.5, rng.standard_normal((2, 3)), rng.random(3)))
    ],
)

# Recorded when traced; no gradient passes. (ufunc, its operator's methods, fn)
_COMPARISONS: tuple[tuple[Any, str, Any], ...] = (
    (np.greater, "__gt__", operator.gt),
    (np.greater_equal, "__ge__", operator.ge),
    (np.less, "__lt__", operator.lt),
    (np.less_equal, "__le__", operator.le),
    (np.equal, "__eq__", operator.eq),
    (np.not_equal, "__ne__", operator.ne),
)
_LOGIC: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (np.bitwise_and, ("__and__", "__rand__")),
    (np.bitwise_or, ("__or__", "__ror__")),
    (np.bitwise_xor, ("__xor__", "__rxor__")),
    (np.logical_and, ()),
    (np.logical_or, ()),
    (np.logical_xor, ()),
)
_TESTS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (np.isnan, ()),
    (np.isinf, ()),
    (np.isfinite, ()),
    (np.sign, ()),
)
for _ufunc, _method, _fn in _COMPARISONS:
    elementwise(_ufunc, None, None, fn=_fn, methods=(_method,), examples=[spread((3, 1), (4,))])
for _ufunc, _methods in _LOGIC:
    _example = given(lambda rng: (rng.random((3, 1)) < 0.5, rng.random(4) < 0.5))
    elementwise(_ufunc, None, None, methods=_methods, examples=[_example])
for _ufunc, _methods in ((np.invert, ("__invert__",)), (np.logical_not, ())):
    _example = given(lambda rng: (rng.random(3) < 0.5,))
    elementwise(_ufunc, None, methods=_methods, examples=[_example])
for _ufunc, _methods in _TESTS:
    elementwise(_ufunc, None, methods=_methods, examples=[between(-2, 2, (3,))])
