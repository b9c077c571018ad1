"""Steps and remainders: what is constant between its jumps, and what is left over.

A step has the slope 0 everywhere, at its jumps by convention.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.promotion import is_fixed, stands
from autograd_lite.recording import bind
from autograd_lite.rules.examples import Call, Example, given, reals
from autograd_lite.rules.shapes import summed_to
from autograd_lite.table import ADVICE, TABLE, Primitive, elementwise, general


def between_steps(*shape: int, scale: float = 1.0, **kwargs: Any) -> Example:
    """Numbers in units of `scale` that are clear of the integers and of the halves."""

    def example(rng: np.random.Generator) -> Call:
        whole = rng.integers(-4, 4, shape)
        return (np.asarray((whole + rng.uniform(0.1, 0.4, shape)) * scale),), kwargs

    return example


def quotients() -> Example:
    """Numbers a and b for which a / b is clear of the integers."""
    return given(lambda rng: (np.array([[3.7], [-2.4], [9.4]]), np.array([2.0, -1.5, 0.7])))


for _ufunc in (np.floor, np.ceil, np.rint, np.trunc):
    elementwise(_ufunc, lambda g, y, x: g * 0.0, examples=[between_steps(2, 3)], formulas=("0",))
elementwise(np.fix, lambda g, y, x: g * 0.0, examples=[between_steps(2, 3)], formulas=("0",))
for _function in (np.round, np.around):
    elementwise(
        _function,
        lambda g, y, x, decimals: g * 0.0,
        params={"decimals": 0},
        methods=("round",) if _function is np.round else (),
        examples=[between_steps(2, 3), between_steps(2, 3, scale=0.1, decimals=1)],
        formulas=("0",),
    )


def _rounded(x: Any, decimals: int) -> Any:
    return type(x)(round(float(x), decimals))


#: Python's way of rounding a float, which looks at its decimals
ROUNDED = Primitive(
    _rounded,
    (lambda g, y, x, decimals: g * 0.0,),
    kind="elementwise",
    params={"decimals": 0},
    formulas=("0",),
)


def _round(self: Tensor, ndigits: int | None = None) -> Any:
    """The tensor rounded to so many decimals: a float, too, where no number is given."""
    op, x = ROUNDED if stands(self) or is_fixed(self._value) else TABLE[np.round], self
    if op is ROUNDED and not stands(self):  # an int of Python's, or True, which is 1
        x = +self
        if ndigits is None or ndigits >= 0:
            return x
    return bind(op, (x,), {"decimals": 0 if ndigits is None else ndigits})


_round.__qualname__ = "Tensor.__round__"  # as it is called in messages
Tensor.__round__ = _round  # type: ignore[method-assign]
elementwise(np.sign, lambda g, y, x: g * 0.0, examples=[reals((2, 3))], formulas=("0",))
elementwise(
    np.heaviside,
    lambda g, y, a, b: g * 0.0,
    lambda g, y, a, b: g * (a == 0),
    formulas=("0", "{g} ⊙ [{a} = 0]"),
    examples=[reals((3, 1), (4,))],
)

elementwise(
    np.floor_divide,
    lambda g, y, a, b: g * 0.0,
    lambda g, y, a, b: g * 0.0,
    fn=operator.floordiv,
    methods=("__floordiv__", "__rfloordiv__"),
    examples=[quotients()],
    formulas=("0", "0"),
)
elementwise(
    np.remainder,
    lambda g, y, a, b: g,
    lambda g, y, a, b: -g * np.floor_divide(a, b),
    fn=operator.mod,
    methods=("__mod__", "__rmod__"),
    examples=[quotients()],
    formulas=("{g}", "−{g} ⊙ ({a} // {b})"),
)
elementwise(
    np.fmod,
    lambda g, y, a, b: g,
    # a - y is a multiple of b: rounding the quotient is exact, where trunc(a / b) may be one off
    lambda g, y, a, b: -g * np.rint((a - y) / b),
    formulas=("{g}", "−{g} ⊙ trunc({a} / {b})"),
    examples=[quotients()],
)


def divmod_vjp_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    """The remainder's g; none passes to the quotient."""
    g_quotient, g_remainder = g
    return summed_to(g_quotient * 0.0 if g_remainder is None else g_remainder, a.shape)


def divmod_vjp_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    """−g·(a // b), g the remainder's."""
    g_quotient, g_remainder = g
    return summed_to(g_quotient * 0.0 if g_remainder is None else -g_remainder * y[0], b.shape)


general(
    np.divmod,
    divmod_vjp_left,
    divmod_vjp_right,
    fn=divmod,
    n_outputs=2,
    methods=("__divmod__", "__rdivmod__"),
    formulas=("⟨{g1}⟩", "⟨−{g1} ⊙ {y0}⟩"),
    examples=[quotients()],
)


def modf_vjp(g: Any, y: Any, x: Any) -> Any:
    """The fraction's g; none passes to the whole number."""
    g_fraction, g_whole = g
    return g_whole * 0.0 if g_fraction is None else g_fraction


general(np.modf, modf_vjp, n_outputs=2, formulas=("⟨{g0}⟩",), examples=[between_steps(2, 3)])
general(
    np.frexp,
    lambda g, y, x: np.ldexp(g[0], -y[1]),
    n_outputs=2,
    formulas=("{g0} / 2^{y1}",),
    examples=[given(lambda rng: (rng.uniform(0.6, 0.9, 6) * 2.0 ** rng.integers(-4, 5, 6),))],
)

ADVICE[np.nextafter] = "it steps by a unit of rounding, not by a derivative; use x.data"
ADVICE[np.spacing] = "it is the unit of rounding at x, a constant; use np.spacing(x.data)"
