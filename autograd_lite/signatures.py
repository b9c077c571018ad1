"""How NumPy's functions are called: their names, their arguments, what counts as not given."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NoReturn

import numpy as np

__all__ = [
    "argument_names",
    "by_name",
    "constants",
    "is_absent",
    "path_of",
    "refuse_parameter",
    "source_of",
]


@cache
def argument_names(
    key: Callable[..., Any], n_inputs: int, params: tuple[str, ...]
) -> tuple[str, ...]:
    """NumPy's argument names of a function, in order; inputs first, then parameters."""
    if isinstance(key, np.ufunc):
        return tuple(f"x{i + 1}" for i in range(n_inputs)) if n_inputs > 1 else ("x",)
    try:
        names = tuple(inspect.signature(key).parameters)
    except ValueError:  # a C function without a signature
        return (*(f"x{i + 1}" for i in range(n_inputs)), *params)
    return names


def by_name(
    key: Callable[..., Any], own: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call's arguments, by name from where NumPy's order is not `own`: take(a, i, 0, out).

    Raises TypeError for an argument given twice.
    """
    names, agreed = _orders(key, own)
    if not agreed < len(args) <= len(names):
        return args, kwargs
    more = dict(zip(names[agreed:], args[agreed:], strict=False))
    if more.keys() & kwargs.keys():
        raise TypeError(f"{path_of(key)}: an argument was given twice")
    return args[:agreed], {**more, **kwargs}


@cache
def _orders(key: Callable[..., Any], own: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
    """NumPy's names of the arguments taken by position, and how many of them `own` begins with."""
    parameters = inspect.signature(key).parameters.values()
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return (), 0
    taken = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    pairs = zip(taken, own, strict=False)
    same = [p.name == name or p.kind is p.POSITIONAL_ONLY for p, name in pairs]
    return tuple([p.name for p in taken]), [*same, False].index(False)


def is_absent(name: str, value: Any) -> bool:
    """Whether an undeclared argument has the value that means it was not given."""
    if name == "where":
        return value is True or value is np.True_ or value is np._NoValue
    if name in {"casting", "order"}:
        return value in (None, "same_kind", "K", "C")
    if name in {"subok", "writeable"}:  # results are tensors either way, and not written into
        return value is False or (name == "subok" and value is True)
    return value is None or value is np._NoValue or (name == "device" and value == "cpu")


#: What to do in place of a parameter that a row does not take.
_INSTEAD = {
    "where": "choose with np.where(mask, …, …)",
    "dtype": "convert with .astype(dtype)",
    "out": "use the returned tensor",
}


def refuse_parameter(path: str, name: str, supported: Iterable[str]) -> NoReturn:
    instead = _INSTEAD.get(name, "leave it out")
    raise TypeError(
        f"{path}: the parameter {name!r} is not supported on tensors (supported: "
        f"{', '.join(supported) or 'none'}); {instead}, or use .numpy() or .detach() for a constant"
    )


def constants(path: str, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a call, tensors among them as the numbers that they hold.

    Whole numbers of any type become Python's: rules turn signs, and -np.uint8(1) is 255.

    Raises TypeError for a tensor that gradients would have to pass.
    """
    for name, value in params.items():
        kind = type(value)
        if kind is tuple or kind is list:
            if not _PLAIN.issuperset(map(type, value)):
                params[name] = kind([_constant(path, name, v) for v in value])
        elif kind not in _PLAIN:
            params[name] = _constant(path, name, value)
    return params


_PLAIN = frozenset({int, bool, float, str, type(None)})


def _constant(path: str, name: str, value: Any) -> Any:
    if hasattr(value, "_node"):
        if value.requires_grad:
            raise TypeError(
                f"{path}: {name}= is a tensor that requires grad, and only constants are allowed "
                "there; pass .detach(), or write it with operations that have a rule"
            )
        value = value.numpy()[()]
    if isinstance(value, np.ndarray):
        if value.ndim == 0 and value.dtype.kind in "iu":
            return int(value)
        return value.astype(np.int64) if value.dtype.kind == "u" else value
    whole = hasattr(type(value), "__index__") and not isinstance(value, (bool, np.bool_))
    return operator.index(value) if whole else value


def path_of(key: Callable[..., Any]) -> str:
    """Name of a function as a user writes it: np.sin, np.linalg.inv, ag.relu."""
    module = getattr(key, "__module__", None) or "numpy"
    owner = getattr(key, "__self__", None)
    if isinstance(owner, np.ufunc):
        return f"np.{owner.__name__}.{key.__name__}"
    if isinstance(key, np.ufunc) and getattr(np, key.__name__, None) is not key:
        return key.__name__  # scipy.special's, say
    if isinstance(key, np.ufunc) or module.startswith("numpy"):
        inner = module.partition(".")[2]  # "linalg", where np.linalg.diagonal is not np.diagonal
        nested = inner and getattr(np, key.__name__, None) is not key
        return f"np.{inner}.{key.__name__}" if nested else f"np.{key.__name__}"
    return f"ag.{key.__name__}" if module.startswith("autograd_lite") else key.__name__


def source_of(functions: Iterable[Any]) -> str:
    """File and line of the first function written in Python, as "sums.py:31"; "" without one."""
    for function in functions:
        code = getattr(function, "__code__", None)
        if code is not None:
            return (
                f"{code.co_filename.replace(chr(92), '/').rsplit('/', 1)[-1]}:{code.co_firstlineno}"
            )
    return ""
