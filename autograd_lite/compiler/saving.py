"""What a saved program is for: the shapes and dtypes of its arguments, and what was fixed in them.

`ag.compile` takes the program of each call's signature. A file holds that of one, in which lengths
are numbers (the 6 of a mean) and an int is what it was, so that it has to refuse all others.
"""

from __future__ import annotations

import ast
import re
from typing import Any, NamedTuple

import numpy as np

from autograd_lite.compiler.arrangement import Arguments
from autograd_lite.compiler.library import Library
from autograd_lite.graph import Tensor

__all__ = ["Expected", "expectations", "guarded"]


class Expected(NamedTuple):
    """One leaf of the arguments: an array or a number, or with shape None what was fixed."""

    path: str
    shape: tuple[int, ...] | None
    dtype: str
    fixed: Any


def expectations(arguments: Arguments) -> list[Expected]:
    """What a program of these arguments depends on."""
    found = []
    for (path, _), x in zip(arguments.places, arguments.leaves, strict=True):
        if isinstance(x, (np.ndarray, np.generic, Tensor)):
            dtype = x.dtype.name if x.dtype.isnative else x.dtype.str
            data = ".data" if isinstance(x, Tensor) else ""
            found.append(Expected(path + data, x.shape, dtype, None))
        elif type(x) is float:
            found.append(Expected(path, (), "", None))
        elif _is_literal(x):
            found.append(Expected(path, None, "", x))
    values = [*arguments.args, *arguments.kwargs.values()]
    for i, (name, x) in enumerate(zip(arguments.names, values, strict=True)):
        if i in arguments.static and _is_literal(x):
            found.append(Expected(name, None, "", x))
    return found


def check_arguments(values: Any, expected: Any) -> None:
    """Raise ValueError for arguments that the program was not written for."""
    for x, (path, shape, dtype, fixed) in zip(values, expected, strict=True):
        if shape is None:
            if type(x) is type(fixed) and x == fixed:
                continue
            came, wanted = f"is {x!r}", repr(fixed)
        else:
            own = getattr(x, "shape", () if isinstance(x, (int, float)) else None)
            if own == shape and (dtype is None or getattr(x, "dtype", None) == dtype):
                continue
            its = getattr(x, "dtype", None)
            came = f"is a {type(x).__name__}" if its is None else f"has shape {own} and dtype {its}"
            wanted = f"shape {shape} and dtype {dtype}" if dtype is not None else "a number"
        raise ValueError(
            f"{path} {came}, but this program was saved for {wanted}; compile the function for "
            "such arguments, and save that program"
        )


def guarded(source: str, name: str, expected: list[Expected]) -> str:
    """The source of a program whose function `name` refuses arguments other than those."""
    if not expected:
        return source
    check, table = (_free(word, source) for word in ("check_arguments", "ARGUMENTS"))
    library = Library()
    library.function(check_arguments, check)
    rows = "".join(f"    {_row(e)},\n" for e in expected)
    paths = [e.path for e in expected]
    call = f"    {check}(({', '.join(paths)},), {table})"
    if len(call) > 100:
        lines = "".join(f"        {path},\n" for path in paths)
        call = f"    {check}((\n{lines}    ), {table})"
    start = re.search(rf"^def {name}\(.*\):\n", source, re.MULTILINE)
    assert start is not None
    table += " = (  # path, shape, dtype, or what was fixed\n"
    return (
        f"{source[: start.start()]}{table}{rows})\n\n"
        f"{library.texts[check]}\n\n{start.group()}{call}\n{source[start.end() :]}"
    )


def _row(e: Expected) -> str:
    dtype = f"np.dtype({e.dtype!r})" if e.dtype else "None"
    return f"({e.path!r}, {e.shape!r}, {dtype}, {e.fixed!r})"


def _is_literal(x: Any) -> bool:
    """Whether a file can say what x was: an int, a string, a tuple of such, not a function."""
    try:
        said = ast.literal_eval(repr(x))
    except (ValueError, SyntaxError):
        return False
    return type(said) is type(x) and bool(said == x)


def _free(word: str, source: str) -> str:
    """The word, or one like it that the source does not hold."""
    while re.search(rf"\b{word}\b", source):
        word += "_"
    return word
