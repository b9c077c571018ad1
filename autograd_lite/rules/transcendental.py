"""Exponentials, logarithms, trigonometric and hyperbolic functions, and sinc."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from autograd_lite.methods import public
from autograd_lite.rules.activations import sigmoid
from autograd_lite.rules.elementwise import ratio
from autograd_lite.rules.examples import between, positive, reals
from autograd_lite.table import elementwise

_LN2 = math.log(2.0)
_LN10 = math.log(10.0)
_DEGREE = math.pi / 180.0

elementwise(
    np.exp,
    lambda g, y, x: g * y,
    methods=("exp",),
    examples=[reals((2, 3))],
    formulas=("{g} ⊙ {y}",),
)
elementwise(
    np.exp2,
    lambda g, y, x: g * (y * _LN2),
    examples=[reals((2, 3))],
    formulas=("{g} ⊙ {y}·log 2",),
)
# exp(x) and not y + 1, of which nothing is left at x = -40
elementwise(
    np.expm1, lambda g, y, x: g * np.exp(x), examples=[reals((2, 3))], formulas=("{g} ⊙ exp({x})",)
)
elementwise(
    np.log,
    lambda g, y, x: g / x,
    methods=("log",),
    examples=[positive((2, 3))],
    formulas=("{g} / {x}",),
)
elementwise(
    np.log2,
    lambda g, y, x: g / (x * _LN2),
    formulas=("{g} / ({x}·log 2)",),
    examples=[positive((2, 3))],
)
elementwise(
    np.log10,
    lambda g, y, x: g / (x * _LN10),
    examples=[positive((2, 3))],
    formulas=("{g} / ({x}·log 10)",),
)
elementwise(
    np.log1p,
    lambda g, y, x: g / (x + 1.0),
    examples=[between(-0.7, 2.0, (2, 3))],
    formulas=("{g} / (1 + {x})",),
)


def _share(y: Any, a: Any, b: Any, unit: float = 1.0) -> Any:
    """exp(a) / (exp(a) + exp(b)) in units of a and b, and 0 where both are −inf."""
    # the sigmoid of a difference: exact where exp(a - y) would lose the digits of a large y
    return sigmoid((a - np.where(y == -math.inf, 0.0, b)) * unit)


elementwise(
    np.logaddexp,
    lambda g, y, a, b: g * _share(y, a, b),
    lambda g, y, a, b: g * _share(y, b, a),
    formulas=(
        "{g} ⊙ exp({a} − {y})",
        "{g} ⊙ exp({b} − {y})",
    ),
    examples=[reals((3, 1), (4,))],
)
elementwise(
    np.logaddexp2,
    lambda g, y, a, b: g * _share(y, a, b, _LN2),
    lambda g, y, a, b: g * _share(y, b, a, _LN2),
    formulas=(
        "{g} ⊙ 2^({a} − {y})",
        "{g} ⊙ 2^({b} − {y})",
    ),
    examples=[reals((3, 1), (4,))],
)

elementwise(
    np.sin, lambda g, y, x: g * np.cos(x), examples=[reals((2, 3))], formulas=("{g} ⊙ cos({x})",)
)
elementwise(
    np.cos, lambda g, y, x: -g * np.sin(x), examples=[reals((2, 3))], formulas=("−{g} ⊙ sin({x})",)
)
elementwise(
    np.tan,
    lambda g, y, x: g * (1.0 + y * y),
    examples=[between(-1.2, 1.2, (2, 3))],
    formulas=("{g} ⊙ (1 + {y}²)",),
)


def _one_minus_square(x: Any) -> Any:
    """1 − x², with the digits near 1 that the difference loses."""
    return (1.0 - x) * (1.0 + x)


one_minus_square = public(
    elementwise(
        _one_minus_square,
        lambda g, y, x: g * (-2.0 * x),  # the product rule would lose digits near 0
        name="one_minus_square",
        formulas=("−{g} ⊙ 2·{x}",),
        examples=[reals((2, 3))],
    )
)
elementwise(
    np.arcsin,
    lambda g, y, x: g / np.sqrt(one_minus_square(x)),
    formulas=("{g} / √(1 − {x}²)",),
    examples=[between(-0.8, 0.8, (2, 3))],
)
elementwise(
    np.arccos,
    lambda g, y, x: -g / np.sqrt(one_minus_square(x)),
    formulas=("−{g} / √(1 − {x}²)",),
    examples=[between(-0.8, 0.8, (2, 3))],
)
elementwise(
    np.arctan,
    lambda g, y, x: g / (1.0 + x * x),
    examples=[reals((2, 3))],
    formulas=("{g} / (1 + {x}²)",),
)


def arctan2_vjp_y(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g·b / (a² + b²), and 0 at (0, 0)."""
    r = np.hypot(a, b)
    return g * ratio(ratio(b, r), r)


def arctan2_vjp_x(g: Any, y: Any, a: Any, b: Any) -> Any:
    """−g·a / (a² + b²), and 0 at (0, 0)."""
    r = np.hypot(a, b)
    return -g * ratio(ratio(a, r), r)


elementwise(
    np.arctan2,
    arctan2_vjp_y,
    arctan2_vjp_x,
    examples=[reals((3, 1), (4,))],
    formulas=("{g} ⊙ {b} / ({a}² + {b}²)", "−{g} ⊙ {a} / ({a}² + {b}²)"),
)

elementwise(
    np.sinh, lambda g, y, x: g * np.cosh(x), examples=[reals((2, 3))], formulas=("{g} ⊙ cosh({x})",)
)
elementwise(
    np.cosh, lambda g, y, x: g * np.sinh(x), examples=[reals((2, 3))], formulas=("{g} ⊙ sinh({x})",)
)
elementwise(
    np.tanh,
    lambda g, y, x: g * (1.0 - y * y),
    methods=("tanh",),
    examples=[reals((2, 3))],
    formulas=("{g} ⊙ (1 − {y}²)",),
)
# hypot and the product of two roots do not overflow where x² does
elementwise(
    np.arcsinh,
    lambda g, y, x: g / np.hypot(x, 1.0),
    formulas=("{g} / √(1 + {x}²)",),
    examples=[reals((2, 3))],
)
elementwise(
    np.arccosh,
    lambda g, y, x: g / np.sqrt(x - 1.0) / np.sqrt(x + 1.0),
    formulas=("{g} / √({x}² − 1)",),
    examples=[between(1.3, 3.0, (2, 3))],
)
elementwise(
    np.arctanh,
    lambda g, y, x: g / one_minus_square(x),
    formulas=("{g} / (1 − {x}²)",),
    examples=[between(-0.7, 0.7, (2, 3))],
)

for _to_degrees in (np.degrees, np.rad2deg):
    elementwise(
        _to_degrees,
        lambda g, y, x: g / _DEGREE,
        formulas=("{g} ⊙ 180/π",),
        examples=[reals((2, 3))],
    )
for _to_radians in (np.radians, np.deg2rad):
    elementwise(
        _to_radians,
        lambda g, y, x: g * _DEGREE,
        formulas=("{g} ⊙ π/180",),
        examples=[reals((2, 3))],
    )


# --- sinc: its derivatives of every order are smooth at 0, where no quotient is


@cache
def _nodes(n: int) -> list[tuple[float, float]]:
    """Gauss–Legendre nodes u in (0, 1), and their weights times uⁿ, exact for `_near`."""
    nodes, weights = np.polynomial.legendre.leggauss(12 + n)
    u = (nodes + 1.0) / 2.0
    return list(zip(u.tolist(), (weights * u**n / 2.0).tolist(), strict=True))


def _sine(t: Any, n: int) -> Any:
    """The n-th derivative of sin t."""
    wave = np.cos(t) if n % 2 else np.sin(t)
    return -wave if n % 4 > 1 else wave


def _near(t: Any, n: int) -> Any:
    """The n-th derivative of sin t / t as ∫ uⁿ cos⁽ⁿ⁾(u t) du over (0, 1), for |t| ≤ n."""
    total = np.zeros_like(t)
    for u, weight in _nodes(n):
        total += weight * _sine(u * t, n + 1)
    return total


def _far(t: Any, n: int) -> Any:
    """The n-th derivative of sin t / t from those before it: t·sₖ + k·sₖ₋₁ = sin⁽ᵏ⁾ t; |t| > n."""
    s = np.sin(t) / t
    for k in range(1, n + 1):
        s = (_sine(t, k) - k * s) / t
    return s


def _sinc_derivative(x: Any, n: int) -> Any:
    """The n-th derivative of np.sinc at x."""
    t = math.pi * np.atleast_1d(x)
    near = np.abs(t) <= n
    s = np.empty_like(t)
    s[near] = _near(t[near], n)
    s[~near] = _far(t[~near], n)
    return np.reshape(math.pi**n * s, np.shape(x))


def sinc_derivative_vjp(g: Any, y: Any, x: Any, n: int) -> Any:
    """g times the derivative of the next order."""
    return g * sinc_derivative(x, n=n + 1)


def _superscript(n: int) -> str:
    """A whole number, raised."""
    return str(n).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


sinc_derivative = public(
    elementwise(
        _sinc_derivative,
        sinc_derivative_vjp,
        name="sinc_derivative",
        params={"n": 1},
        formulas=(lambda params, *_: f"{{g}} ⊙ sinc⁽{_superscript(params['n'] + 1)}⁾({{x}})",),
        examples=[reals((2, 3), n=1), reals((2, 3), n=4)],
    )
)
elementwise(
    np.sinc,
    lambda g, y, x: g * sinc_derivative(x, n=1),
    examples=[reals((2, 3))],
    formulas=("{g} ⊙ sinc′({x})",),
)
