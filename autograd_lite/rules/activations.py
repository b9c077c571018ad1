"""Activation functions that NumPy lacks, elementwise; at a kink the slope is that from the left."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_lite.methods import public
from autograd_lite.rules.examples import reals
from autograd_lite.rules.special import erfc
from autograd_lite.table import Parsed, elementwise

_ZEROS = {np.dtype(code): np.zeros((), code) for code in "efdg"}

_ZERO = np.float64(0.0)
_FLOAT64 = np.dtype(np.float64)


def zero_for(x: Any) -> Any:
    """0, in a form that costs NumPy nothing: to convert a Python number takes it 0.3 µs."""
    return _ZEROS.get(x.dtype, 0) if type(x) is np.ndarray else 0


def _relu(x: Any) -> Any:
    """max(x, 0); the slope at 0 is 0."""
    if type(x) is np.float64 and (x > 0 or x < 0):  # a tenth of the time that it takes NumPy
        return x if x > 0 else _ZERO
    return np.maximum(x, zero_for(x))


def _relu6(x: Any) -> Any:
    """min(max(x, 0), 6); the slope at 0 and at 6 is 0."""
    return np.minimum(np.maximum(x, 0), 6)


def _leaky_relu(x: Any, slope: Any = 0.01) -> Any:
    """x where it is positive, slope·x elsewhere; `slope` may be recorded, too."""
    return np.where(x > 0, x, slope * x)


def _elu(x: Any, alpha: Any = 1.0) -> Any:
    """x where it is positive, alpha·(exp(x) − 1) elsewhere; `alpha` may be recorded, too."""
    return np.where(x > 0, x, alpha * np.expm1(_negative_part(x)))


def _negative_part(x: Any) -> Any:
    """x where it is not positive, 0 elsewhere, where exp would overflow."""
    return np.where(x > 0, 0.0, x)


def _negated(x: Any) -> Any:
    """−x; of bools and integers as a float, for those of one byte have no −(−128) and no −1."""
    return -x if getattr(x, "dtype", _FLOAT64).kind == "f" else 0.0 - x


def _sigmoid(x: Any) -> Any:
    """1 / (1 + exp(−x)), without overflow warnings."""
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(_negated(x)))


def _log_sigmoid(x: Any) -> Any:
    """log sigmoid(x), stable for any x."""
    return -np.logaddexp(_negated(x), 0.0)


def _softplus(x: Any) -> Any:
    """log(1 + exp(x)), stable for any x."""
    return np.logaddexp(x, 0.0)


def _stop_gradient(x: Any) -> Any:
    """x, as a constant: no gradient passes."""
    return x


def leaky_relu_arguments(x: Any, slope: Any = 0.01) -> Parsed:
    """((x, slope), {}) of a call of leaky_relu."""
    return (x, slope), {}


def elu_arguments(x: Any, alpha: Any = 1.0) -> Parsed:
    """((x, alpha), {}) of a call of elu."""
    return (x, alpha), {}


relu = public(
    elementwise(
        _relu,
        lambda g, y, x: g * (y > 0),
        name="relu",
        methods=("relu",),
        formulas=("{g} ⊙ [{x} > 0]",),
        examples=[reals((2, 3))],
    )
)
relu6 = public(
    elementwise(
        _relu6,
        lambda g, y, x: g * ((y > 0) & (y < 6)),
        name="relu6",
        formulas=("{g} ⊙ [0 < {x} < 6]",),
        examples=[reals((2, 3))],
    )
)
leaky_relu = public(
    elementwise(
        _leaky_relu,
        lambda g, y, x, slope: np.where(x > 0, g, g * slope),
        lambda g, y, x, slope: np.where(x > 0, 0.0, g * x),
        name="leaky_relu",
        parse=lambda args, kwargs: leaky_relu_arguments(*args, **kwargs),
        formulas=("{g} ⊙ ([{x} > 0] + {slope}·[{x} ≤ 0])", "{g} ⊙ {x} ⊙ [{x} ≤ 0]"),
        examples=[reals((2, 3)), reals((2, 3), slope=0.2), reals((2, 3), (3,))],
    )
)
elu = public(
    elementwise(
        _elu,
        lambda g, y, x, alpha: np.where(x > 0, g, g * (alpha * np.exp(_negative_part(x)))),
        lambda g, y, x, alpha: g * np.expm1(_negative_part(x)),
        name="elu",
        parse=lambda args, kwargs: elu_arguments(*args, **kwargs),
        formulas=(
            "{g} ⊙ ([{x} > 0] + {alpha}·exp({x})·[{x} ≤ 0])",
            "{g} ⊙ (exp({x}) − 1) ⊙ [{x} ≤ 0]",
        ),
        examples=[reals((2, 3)), reals((2, 3), alpha=0.5), reals((2, 3), (3,))],
    )
)
sigmoid = public(
    elementwise(
        _sigmoid,
        lambda g, y, x: g * (y * (1.0 - y)),
        name="sigmoid",
        methods=("sigmoid",),
        formulas=("{g} ⊙ {y} ⊙ (1 − {y})",),
        examples=[reals((2, 3))],
    )
)
log_sigmoid = public(
    elementwise(
        _log_sigmoid,
        lambda g, y, x: g * -np.expm1(y),  # 1 - sigmoid(x), to its last digit
        name="log_sigmoid",
        formulas=("{g} ⊙ sigmoid(−{x})",),
        examples=[reals((2, 3))],
    )
)
softplus = public(
    elementwise(
        _softplus,
        lambda g, y, x: g * sigmoid(x),
        name="softplus",
        formulas=("{g} ⊙ sigmoid({x})",),
        examples=[reals((2, 3))],
    )
)
stop_gradient = public(
    elementwise(_stop_gradient, None, name="stop_gradient", examples=[reals((2, 3))])
)


# --- gelu

_ROOT_HALF = math.sqrt(0.5)
_PEAK = 1.0 / math.sqrt(2.0 * math.pi)  # of the normal density
_STRETCH = math.sqrt(2.0 / math.pi)
_CUBIC = 0.044715


def _normal(x: Any) -> Any:
    """The normal distribution function; by erfc, not erf, to keep the digits of its tail."""
    return 0.5 * erfc(x * -_ROOT_HALF)


def _tanh_of_cubic(x: Any) -> Any:
    """What gelu's approximation has for 2·normal(x) − 1."""
    return np.tanh(x * (_STRETCH + (_STRETCH * _CUBIC) * (x * x)))


def _gelu(x: Any, approximate: bool = False) -> Any:
    """x times the normal distribution function of x; `approximate`: by tanh, 5e-4 off at most."""
    if approximate:
        return 0.5 * x * (1.0 + _tanh_of_cubic(x))
    return x * _normal(x)


def gelu_vjp(g: Any, y: Any, x: Any, approximate: bool) -> Any:
    """g·(Φ(x) + x·φ(x)), or the slope of the approximation."""
    if not approximate:
        return g * (_normal(x) + x * (_PEAK * np.exp(x * (x * -0.5))))
    near = np.clip(x, -9.0, 9.0)  # beyond, t is ±1 to the last bit, and x² may overflow
    t = _tanh_of_cubic(near)
    inner = _STRETCH + (3.0 * _STRETCH * _CUBIC) * (near * near)
    return g * (0.5 * (1.0 + t) + 0.5 * near * ((1.0 - t * t) * inner))


def gelu_formula(params: dict[str, Any], *_: Any) -> str:
    """The rule with the normal density φ and its integral Φ, or with the tanh in their place."""
    if not params["approximate"]:
        return "{g} ⊙ (Φ({x}) + {x} ⊙ φ({x}))"
    return "{g} ⊙ (½(1 + t) + ½·{x} ⊙ t′), t = tanh(√(2/π)·({x} + 0.0447·{x}³))"


gelu = public(
    elementwise(
        _gelu,
        gelu_vjp,
        name="gelu",
        params={"approximate": False},
        formulas=(gelu_formula,),
        examples=[reals((2, 3)), reals((2, 3), approximate=True)],
    )
)
