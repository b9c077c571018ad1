"""`@primitive`: a user's own operation, with its rule, as good as a row of the table."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import update_wrapper, wraps
from operator import attrgetter
from sys import getrefcount
from typing import Any

import numpy as np

from autograd_lite.changes import owner
from autograd_lite.graph import Tensor
from autograd_lite.messages import kind_of, refuse_masked
from autograd_lite.methods import public
from autograd_lite.modes import MODES, within
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
    need defaults, are passed by keyword. Raises TypeError where that does not fit. All arrays that
    the function, the rules and the jvp are given are read-only, for others read them too.
    """
    rules = (vjp,) if callable(vjp) else tuple(vjp) if isinstance(vjp, (tuple, list)) else ()
    if not rules or not all(rule is None or callable(rule) for rule in rules):
        raise TypeError(
            f"primitive: vjp must be a tuple of rules (g, y, *inputs), one per input, got {vjp!r}"
        )

    if not (jvp is None or callable(jvp)):
        raise TypeError(
            f"primitive: jvp must be a function (tangents, y, *inputs), or None, got {jvp!r}"
        )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(function):
            raise TypeError(
                f"primitive: expected a function, got {kind_of(function)}; write "
                "@ag.primitive(vjp=(rule, ...)) above the operation's function, rules included"
            )
        function = function if hasattr(function, "__name__") else _with_name(function)
        params = _params(function, len(rules))
        for i, rule in enumerate(rules):
            what = f"rule of {function.__name__} for input {i}"
            _refuse_misfit(rule, what, ("g", "y"), len(rules), params)
        _refuse_misfit(jvp, f"jvp of {function.__name__}", ("tangents", "y"), len(rules), params)
        op = Primitive(
            function,
            [rule and _checked(rule, function.__name__, i) for i, rule in enumerate(rules)],
            kind="general",
            fn=_ReturningArray(function),
            params=params,
            jvp=jvp and _checked_jvp(jvp, function.__name__),
            strict=True,
        )
        return public(op)

    return decorate


def _with_name(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that does what a partial or an object does, by the name of its class."""

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    called.__name__ = type(function).__name__
    called.__qualname__ = f"<{called.__name__}>"  # nothing that a saved program could import
    return called


def _params(function: Callable[..., Any], n: int) -> dict[str, Any]:
    """The defaults of what a function takes after its n array inputs."""
    signature = None if isinstance(function, np.ufunc) else _signature(function)
    if signature is None:  # a ufunc (scipy.special's, say) or a C function: its inputs alone
        return {}
    parameters = list(signature.parameters.values())
    inputs, rest = parameters[:n], parameters[n:]
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    if len(inputs) < n or any(p.kind in variable for p in parameters):
        raise TypeError(
            f"primitive: {function.__name__}{signature} must take the {n} array "
            "inputs that vjp has rules for as its first parameters, and no *args or **kwargs"
        )
    for p in rest:
        if p.default is p.empty:
            raise TypeError(
                f"primitive: parameter {p.name!r} of {function.__name__} needs a default, or a "
                "rule in vjp (None where no gradient passes)"
            )
    return {p.name: p.default for p in rest}


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except ValueError:
        return None


def _refuse_misfit(
    rule: Any, what: str, first: tuple[str, str], n: int, params: dict[str, Any]
) -> None:
    """Raise for a rule that cannot be called with g, y, the inputs and the parameters."""
    signature = rule and _signature(rule)
    if signature is None:
        return
    try:
        signature.bind(*range(2 + n), **params)
    except TypeError:
        inputs = ", ".join([*first, *(f"x{k + 1}" for k in range(n)), *params])
        raise TypeError(
            f"primitive: the {what} must take ({inputs}), it takes {signature}"
        ) from None


class _ReturningArray:
    """A user's function, its result checked to be an array.

    It is pickled by the name of the operation, or else of the function.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        update_wrapper(self, function)
        self.function = function
        self.name: str = function.__name__

    def __reduce__(self) -> tuple[Any, ...]:
        module = sys.modules.get(getattr(self, "__module__", None) or "")
        public = getattr(module, self.name, None)
        if getattr(public, "__wrapped__", None) is self:
            return attrgetter("__wrapped__"), (public,)
        return _ReturningArray, (self.function,)

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """The function of these arrays."""
        for name, value in params.items():
            if isinstance(value, Tensor):
                raise TypeError(
                    f"the parameter {name!r} is a tensor; parameters are constants, so pass "
                    ".item() or .numpy(), or make it an input with a rule in vjp"
                )
        function = self.function
        shown = [_shown(x) for x in inputs]
        modes = MODES.get()
        if modes.depth or modes.trace is not None:  # transforms inside it are given arrays, too
            y = within(modes.but(depth=0, trace=None), _called, function, shown, params)
        else:
            y = _called(function, shown, params)
        y = _given_back(y, shown, inputs)
        if isinstance(y, Tensor):
            raise TypeError(f"{self.name} returned a Tensor; it is given arrays, and returns one")
        y = _plain(y, self.name)
        if y.dtype.kind not in "fiub":
            raise TypeError(f"{self.name} returned an array of dtype {y.dtype}")
        return y.copy() if _references(y) > ALONE and not _shares(y, inputs) else y


def _plain(x: Any, name: str, dtype: Any = None) -> Any:
    """What a user's function returned as an array of NumPy's own class, or one of its scalars.

    A number gets the dtype. A subclass would bring its own products into the sweep.
    """
    if type(x) is np.ndarray or isinstance(x, np.generic):
        return x
    refuse_masked(x, name)
    return np.asarray(x) if isinstance(x, np.ndarray) else np.asarray(x, dtype)


def _checked(rule: Callable[..., Any], name: str, i: int) -> Callable[..., Any]:
    """A user's rule that returns an array of its own, by whatever it was given."""

    @wraps(rule)
    def checked(g: Any, y: Any, *inputs: Any, **params: Any) -> Any:
        given = (g, y, *inputs)
        shown = [_shown(x) for x in given]
        ct = _given_back(_called(rule, shown, params), shown[:1], given)
        if ct is None:
            raise TypeError(
                f"the rule of {name} for input {i} returned None; give None as the rule itself "
                "where no gradient passes"
            )
        if isinstance(ct, Tensor):
            return _constant(ct, name, i, given)
        if isinstance(ct, tuple):
            raise TypeError(
                f"the rule of {name} for input {i} returned a tuple of {len(ct)}; a rule returns "
                "one cotangent: give vjp a rule for every input"
            )
        try:
            ct = _plain(ct, name, g.dtype)
        except (TypeError, ValueError) as error:
            if isinstance(ct, (np.ndarray, list)):
                raise
            raise TypeError(
                f"the rule of {name} for input {i} returned {kind_of(ct)}, expected an array"
            ) from error
        held = _references(ct) > ALONE and not _shares(ct, (g,))
        return ct.copy() if held or _shares(ct, (y, *inputs)) else ct

    #: what tells which arguments the rule reads; of a method all, for all we know
    checked.code = None if inspect.ismethod(rule) else getattr(rule, "__code__", None)  # type: ignore[attr-defined]
    return checked


def _shown(x: Any) -> Any:
    """An array such that a user's function cannot write into it: others read it too."""
    if type(x) is not np.ndarray or not x.flags.writeable:
        return x
    view = x.view()
    view.flags.writeable = False
    return view


def _called(function: Callable[..., Any], shown: Sequence[Any], params: dict[str, Any]) -> Any:
    try:
        return function(*shown, **params)
    except ValueError as error:
        if "read-only" in str(error):
            error.add_note("the arrays given are read-only, for others read them too; copy first")
        raise


def _given_back(y: Any, shown: Sequence[Any], given: Sequence[Any]) -> Any:
    """What a function returned; where that is what it was shown, what it was given."""
    return next((x for x, view in zip(given, shown, strict=False) if y is view), y)


def _shares(y: Any, arrays: Sequence[Any]) -> bool:
    return any(isinstance(x, np.ndarray) and np.may_share_memory(y, x) for x in arrays)


def _references(y: Any) -> int:
    """How many references there are to a function's result, or to the array that has its memory.

    Somebody else may hold it: a buffer, which the next call writes into. Then it is copied; and so
    it is where the memory is not NumPy's, of which nobody knows who holds it.
    """
    whole = owner(y)
    if not whole.flags.owndata:
        return ALONE + 1
    return max(getrefcount(y), getrefcount(whole)) - (whole is y)


def _alone() -> int:
    y = np.empty(1)
    return _references(y)


#: The references to an array that only its maker's caller has.
ALONE = _alone()


def _constant(ct: Tensor, name: str, i: int, given: Sequence[Any]) -> Any:
    """A cotangent that came as a Tensor: as an array where only arrays were given.

    Raises TypeError where it then still requires grad: by a tensor that the rule closes over.
    """
    if MODES.get().depth or any(isinstance(x, Tensor) for x in given):
        return ct
    if ct.requires_grad:
        raise TypeError(
            f"the rule of {name} for input {i} was given arrays and returned a Tensor that "
            "requires grad; a tensor that a rule uses must be an input with a rule of its own, or "
            "a constant, x.detach()"
        )
    return ct.data


def _checked_jvp(jvp: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A user's forward derivative, its result checked to be a tangent of the output."""

    @wraps(jvp)
    def checked(tangents: Any, y: Any, *inputs: Any, **params: Any) -> Any:
        shown = [_shown(x) for x in (y, *inputs)]
        t = _called(jvp, [tuple(map(_shown, tangents)), *shown], params)
        if not isinstance(t, (Tensor, np.ndarray, np.generic, float)):
            raise TypeError(f"the jvp of {name} returned {kind_of(t)}, expected an array")
        t = np.asarray(t, dtype=y.dtype) if isinstance(t, float) else t
        if t.shape != y.shape or t.dtype != y.dtype:
            raise ValueError(
                f"the jvp of {name} returned a tangent of shape {t.shape} and dtype {t.dtype}, "
                f"expected those of its output, {y.shape} and {y.dtype}"
            )
        if isinstance(t, Tensor):
            return t
        return t.copy() if _references(t) > ALONE or _shares(t, (y, *inputs, *tangents)) else t

    return checked
