"""How a call of a reduction is read: every form of its arguments, handled or refused by name.

NumPy's reductions take the array, then `axis`, `dtype`, `out`, `keepdims`, `initial` and `where`,
some by position and some not, with several spellings for "not given". A mask `where=` may be
recorded, so it becomes an input of the row; `axis` and `keepdims` are always parameters, the others
only where they were given, so that the everyday call carries nothing else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.signatures import path_of, refuse_parameter
from autograd_lite.table import TABLE, Parsed, Primitive, Rule

__all__ = ["masked", "reading", "reduction"]

#: The arguments of a ufunc's methods, in order; not every NumPy release tells them.
UFUNC_ARGUMENTS = {
    "reduce": ("array", "axis", "dtype", "out", "keepdims", "initial", "where"),
    "accumulate": ("array", "axis", "dtype", "out"),
}


def reduction(
    key: Callable[..., Any],
    rule: Rule | None,
    *,
    kind: str = "general",
    usual: dict[str, Any],
    rare: Sequence[str] = (),
    **options: Any,
) -> Primitive:
    """Add a row for a reduction: of an array and, where it is given, a mask.

    `usual` are the parameters that every call carries, `rare` those that it may name besides.
    """
    op = TABLE[key] = Primitive(
        key,
        (rule, None),
        kind=kind,
        params={**usual, **dict.fromkeys(rare)},
        parse=reading(key, usual, rare),
        **options,
    )
    op.everyday = usual
    return op


def reading(
    key: Callable[..., Any],
    usual: dict[str, Any],
    rare: Sequence[str] = (),
    n_arrays: int = 1,
    also: str = "",
) -> Callable[..., Parsed]:
    """The `parse` of a row for `key`: ((x,), params), or ((x, mask), params) with `where=`.

    `n_arrays` of its first arguments are arrays, and the one named `also` is, which comes last.

    It raises TypeError for an argument that the row does not know, unless it has NumPy's default,
    and for a dtype that would cut the gradient off.
    """
    path = path_of(key)
    defaults = _defaults(key)
    names = tuple(defaults)

    def parse(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Parsed:
        if len(args) == n_arrays and kwargs.keys() <= usual.keys():
            if not kwargs:
                return args, usual
            if np._NoValue not in kwargs.values():
                return args, {**usual, **kwargs}
        given = dict(zip(names, args, strict=False))
        if len(given) < len(args) or given.keys() & kwargs.keys():
            raise TypeError(f"{path}: too many arguments, or one given twice")
        given.update(kwargs)
        inputs = _arrays(path, names[:n_arrays], given)
        where = given.pop("where", True) if "where" in names else True
        last = given.pop(also, None)
        params = dict(usual)
        for name, value in _corrected(path, given).items():
            if value is np._NoValue or (name not in usual and _is_default(value, defaults, name)):
                continue
            if name not in usual and name not in rare:
                refuse_parameter(path, name, [*usual, *rare])
            params[name] = _checked(path, name, value, inputs[0])
        masked = where is not True and where is not np._NoValue
        if masked:
            inputs = (*inputs, where)
        if last is not None and last is not np._NoValue:
            inputs = (*inputs, last) if masked or "where" not in names else (*inputs, True, last)
        return inputs, params

    return parse


def _arrays(path: str, names: Sequence[str], given: dict[str, Any]) -> tuple[Any, ...]:
    """The array arguments, taken out of those given."""
    missing = [repr(name) for name in names if name not in given]
    if missing:
        raise TypeError(f"{path}: missing its array argument {', '.join(missing)}")
    return tuple([given.pop(name) for name in names])


def _defaults(key: Callable[..., Any]) -> dict[str, Any]:
    """The arguments of a function in order, each with NumPy's default."""
    if isinstance(getattr(key, "__self__", None), np.ufunc):
        return dict.fromkeys(UFUNC_ARGUMENTS[key.__name__], np._NoValue)
    return {name: p.default for name, p in inspect.signature(key).parameters.items()}


def _is_default(value: Any, defaults: Mapping[str, Any], name: str) -> bool:
    default = defaults.get(name)
    return value is None or (type(value) is type(default) and bool(value == default))


def _corrected(path: str, given: dict[str, Any]) -> dict[str, Any]:
    """The arguments with `correction`, the array API's name for it, as `ddof`."""
    correction = given.pop("correction", np._NoValue)
    if correction is not np._NoValue and correction is not None:
        if given.get("ddof", 0) != 0:
            raise ValueError(f"{path}: ddof and correction were both given; they mean the same")
        given["ddof"] = correction
    return given


def _checked(path: str, name: str, value: Any, x: Any) -> Any:
    """A parameter's value. Raises TypeError where gradients would be lost with it."""
    tracked = isinstance(x, Tensor) and x.requires_grad
    if name == "dtype":
        value = np.dtype(value)
        if tracked and value.kind != "f":
            raise TypeError(
                f"{path}: dtype={value} on {x.name or 'a tensor'} that requires grad: no gradient "
                "passes through ints, bools or complex numbers; use .detach() for a constant"
            )
    if isinstance(value, Tensor):
        if value.requires_grad:
            raise TypeError(
                f"{path}: {name}= is a tensor that requires grad, and only constants are allowed "
                f"there; combine it with the result instead, as in {path}(x) + {name} for a sum"
            )
        return value.numpy()
    return value


def masked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of (x) or (x, mask): NumPy's, which takes the mask as `where=`."""

    def of_mask(x: Any, where: Any = True, **params: Any) -> Any:
        return function(x, where=where, **params)

    return of_mask
