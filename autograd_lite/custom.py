"""`@primitive`: a user's own operation, with its rule, as good as a row of the table."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.recording import public
from autograd_lite.table import Primitive

__all__ = ["primitive"]


def primitive(
    vjp: Callable[..., Any] | Sequence[Callable[..., Any] | None],
    jvp: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that makes a function of arrays an operation with its own rules.

        @ag.primitive(vjp=(lambda g, y, x, scale=1.0: g * scale * np.cos(scale * x),))
        def wave(x, scale=1.0):
            return np.sin(scale * x)

    vjp: one rule `(g, y, *inputs, **params)` per array input, None where no gradient passes; it
        returns the cotangent of its input, of that input's shape and dtype, and is differentiated
        itself for second derivatives.
    jvp: `(tangents, y, *inputs, **params)`, the tangent of y given a tuple of the inputs' tangents
        (None for a constant); without it, forward mode is derived from the vjp.

    The function's first parameters are the inputs, as many as there are rules; the others, which
    need defaults, are passed by keyword. Raises TypeError where that does not fit.
    """
    rules = (vjp,) if callable(vjp) else tuple(vjp)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        params = _params(function, len(rules))
        op = Primitive(
            function,
            [rule and _checked(rule, function.__name__, i) for i, rule in enumerate(rules)],
            kind="general",
            fn=_returning_array(function),
            params=params,
            jvp=jvp,
            strict=True,
        )
        return public(op)

    return decorate


def _params(function: Callable[..., Any], n: int) -> dict[str, Any]:
    """The defaults of what a function takes after its n array inputs."""
    parameters = list(inspect.signature(function).parameters.values())
    inputs, rest = parameters[:n], parameters[n:]
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    if len(inputs) < n or any(p.kind in variable for p in parameters):
        raise TypeError(
            f"primitive: {function.__name__}{inspect.signature(function)} must take the {n} array "
            "inputs that vjp has rules for as its first parameters, and no *args or **kwargs"
        )
    for p in rest:
        if p.default is p.empty:
            raise TypeError(
                f"primitive: parameter {p.name!r} of {function.__name__} needs a default, or a "
                "rule in vjp (None where no gradient passes)"
            )
    return {p.name: p.default for p in rest}


def _returning_array(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, its result checked to be an array."""

    @wraps(function)
    def checked(*inputs: Any, **params: Any) -> Any:
        y = function(*inputs, **params)
        if isinstance(y, Tensor):
            raise TypeError(
                f"{function.__name__} returned a Tensor; it is given arrays, and returns one"
            )
        if not isinstance(y, (np.ndarray, np.generic)):
            y = np.asarray(y)
        if y.dtype.kind not in "fiub":
            raise TypeError(f"{function.__name__} returned an array of dtype {y.dtype}")
        return y

    return checked


def _checked(rule: Callable[..., Any], name: str, i: int) -> Callable[..., Any]:
    """A user's rule that returns an array of its own, by whatever it was given."""

    @wraps(rule)
    def checked(g: Any, y: Any, *inputs: Any, **params: Any) -> Any:
        ct = rule(g, y, *inputs, **params)
        if ct is None:
            raise TypeError(
                f"the rule of {name} for input {i} returned None; give None as the rule itself "
                "where no gradient passes"
            )
        if isinstance(ct, Tensor):
            return ct
        if not isinstance(ct, (np.ndarray, np.generic)):
            ct = np.asarray(ct, dtype=g.dtype)
        if any(isinstance(x, np.ndarray) and np.may_share_memory(ct, x) for x in (y, *inputs)):
            ct = ct.copy()  # or a gradient would show the memory of an input
        return ct

    return checked
