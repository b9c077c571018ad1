"""Errors of operations: what came, what is allowed, what to do, and the user's own line."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from operator import index
from typing import Any, NoReturn

import numpy as np

from autograd_lite.debugging import user_line
from autograd_lite.modes import MODES
from autograd_lite.table import Primitive

__all__ = [
    "as_array",
    "described",
    "explain",
    "kind_of",
    "label",
    "name_of",
    "named",
    "places",
    "refuse_detaching",
    "refuse_dtype",
    "refuse_masked",
    "refuse_no_float",
    "refuse_no_function",
    "refuse_nothing",
    "refuse_traced",
]

_SIGNS = {"matmul": "@", "add": "+", "subtract": "-", "multiply": "*", "divide": "/"}


def explain(error: Exception, op: Primitive, inputs: Sequence[Any]) -> None:
    """Put the operation, its inputs' names and shapes, and the user's line into an error.

    They begin its message, or stand in a note where it has none that could be changed.
    """
    sign = f" {_SIGNS[op.name]} " if op.name in _SIGNS else ", "
    what = sign.join(f"{label(x, i)} {np.shape(x)}{_made(x)}" for i, x in enumerate(inputs))
    message = f"{op.name}: {what}: {error} (at {user_line()})"
    if isinstance(error, (ValueError, TypeError, IndexError)) and error.args:
        error.args = (message, *error.args[1:])
    if str(error) != message:
        error.add_note(f"in {op.name}: {what} (at {user_line()})")


def named(error: Exception, path: str) -> None:
    """Note in an error of which function's arguments it speaks, where it does not say."""
    said = [str(error), *getattr(error, "__notes__", ())]
    name = path.rpartition(".")[2]
    if not any(path in text or f"{name}:" in text for text in said):
        where = "" if any("(at " in text for text in said) else f" (at {user_line()})"
        error.add_note(f"in {path}{where}")


def places(argnums: int | Sequence[int], n: int, f: Any) -> tuple[list[int], bool]:
    """The arguments that argnums names among n, and whether it names several."""
    if type(argnums) is int and -n <= argnums < n:
        return [argnums % n], False
    several = isinstance(argnums, (tuple, list))
    named: Any = argnums if several else (argnums,)
    try:
        wanted = [index(i) for i in named]
    except TypeError:
        raise TypeError(
            f"argnums: expected the place of an argument, or a tuple of them, got {argnums!r}"
        ) from None
    for i in wanted:
        if not -n <= i < n:
            raise TypeError(
                f"argnums {i}: {name_of(f)} was called with {n} positional arguments, and "
                "gradients are of those"
            )
    spots = [i % n for i in wanted]
    if len(set(spots)) < len(spots):
        raise ValueError(f"argnums {argnums!r}: names an argument of {name_of(f)} twice")
    return spots, several


def as_array(op: Primitive, x: Any) -> Any:
    """An operand that is neither a number nor an array, such as a list, as an array."""
    refuse_masked(x, op.path)
    try:
        return np.asarray(x)  # np.matrix too, whose operators mean other things
    except Exception as error:
        named(error, op.path)
        raise


def label(x: Any, i: int) -> str:
    """Name of an input in a message."""
    name = getattr(x, "name", None)
    return name or ("scalar" if np.ndim(x) == 0 and not hasattr(x, "_node") else f"input {i}")


def _made(x: Any) -> str:
    """Where an input was made, where `ag.debug()` has noted it."""
    info = getattr(getattr(x, "_node", None), "info", None) or {}
    return f" made at {info['line']}" if "line" in info else ""


def refuse_dtype(op: Primitive, dtype: Any, place: str) -> NoReturn:
    """Raise for an input or a result that no gradient could be of."""
    if dtype.kind == "c":
        raise TypeError(f"{op.path}: complex {place} ({dtype}); only real dtypes have gradients "
                        "here")  # fmt: skip
    if op.strict and dtype.kind in "iub":  # its rule would never be called
        raise TypeError(
            f"{op.path} returned an array of dtype {dtype} for an input that requires grad; "
            "return floats, or give None as the rule of an input that no gradient passes to"
        )
    raise TypeError(
        f"{op.path}: the {place} has dtype {dtype}; tensors hold real numbers and bools only, so "
        "pass np.asarray(…, dtype=float)"
    )


def refuse_surplus(op: Primitive, n: int) -> NoReturn:
    """Raise for a third operand, as `pow(x, 2, 5)` gives one, or for an argument of `x.exp()`."""
    raise TypeError(f"{op.path} takes {n} array{'s' * (n > 1)}, it was given an argument more")


def refuse_masked(data: Any, place: str) -> None:
    """Raise for an array with a mask, which np.asarray would drop unsaid."""
    if hasattr(data, "mask") and hasattr(data, "filled"):  # to import np.ma would cost 8 ms
        raise TypeError(
            f"{place}: got a masked array of shape {data.shape}; a mask has no gradient here, so "
            "pass x.filled(0.0) and multiply by ~x.mask, or use np.where"
        )


def name_of(f: Any) -> str:
    """The name of a function."""
    return getattr(f, "__name__", None) or repr(f)


def kind_of(value: Any) -> str:
    """What a value is, for a message about its being something else."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    if isinstance(value, (tuple, list, dict)):
        return f"a {type(value).__name__} of {len(value)}"
    if inspect.iscoroutine(value):
        value.close()  # or Python would warn later that nobody awaited it
        return "a coroutine, which nobody awaits"
    return f"{value!r} of type {type(value).__name__}"


def refuse_no_float(transform: str, place: str, x: Any, dtype: np.dtype[Any]) -> NoReturn:
    """Raise for an argument of a transform that has no gradient: of what dtype, or no array."""
    known = hasattr(x, "dtype") or isinstance(x, (int, complex, str))
    what = f"dtype {dtype}" if known else f"a {type(x).__name__}"
    instead = "so pass a float (2.0, or array.astype(float))"
    if not known:
        instead = "and ag.pytree.register tells where a class of one's own has them"
    raise TypeError(
        f"{transform}: {place}: a gradient with respect to {what} was asked for; only floats have "
        f"gradients, {instead}"
    )


def refuse_no_function(transform: str, f: Any) -> None:
    """Raise where a transform is given something else than a function."""
    if not callable(f):
        raise TypeError(
            f"{transform}: expected a function, got {kind_of(f)}; "
            f"write ag.{transform}(f), which gives a function, not ag.{transform}(f(x))"
        )


def refuse_nothing(transform: str, f: Any, result: Any) -> None:
    """Raise where a function under a transform returned None."""
    if result is None:
        raise TypeError(f"{transform} of {name_of(f)}: the function returned None; is its return "
                        "missing?")  # fmt: skip


def described(x: Any) -> str:
    """A tensor's name and shape, for a message."""
    return f"{x.name or 'a tensor'} of shape {x.shape}"


def refuse_detaching(x: Any, use: str) -> NoReturn:
    """Raise where a use of a tensor that requires grad would lose its gradient."""
    refuse_traced(x, use)
    # math.sin(t), say, asks for float(t)
    numpy = "np.sin and the like in place of math.sin, " if use == "float()" else ""
    raise TypeError(
        f"{use} would silently detach {described(x)}, which requires grad; use .item() for a "
        f"number, {numpy}.numpy() for a read-only array, .detach() for a constant, np.stack([...]) "
        "to join tensors, or ag.put(x, index, value) to replace elements"
    )


def refuse_traced(x: Any, use: str) -> None:
    """Raise where a value is asked for that is not known while a program is traced."""
    trace = MODES.get().trace
    if trace is not None and x._node is not None:
        trace.refuse(x, use)
