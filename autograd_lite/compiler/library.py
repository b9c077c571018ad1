"""What a program needs besides NumPy: the source of this package's own functions, and constants.

A row of the table may be a function that NumPy lacks. A program carries the text of such a function
along, with whatever it refers to, so that it runs where this package is not installed.
"""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import keyword
import re
import textwrap
from collections.abc import Container
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from autograd_lite.compiler.naming import identifier
from autograd_lite.floats import error_handling
from autograd_lite.graph import Tensor
from autograd_lite.signatures import path_of
from autograd_lite.table import TABLE

__all__ = ["Library", "array_text", "number_text"]

PACKAGE = __name__.split(".")[0]


class Library:
    """Definitions that a program begins with, in order, each under a name of its own."""

    def __init__(self) -> None:
        self.imports: dict[str, None] = {"import numpy as np": None}
        self.taken = {"np", "ERRORS", "IGNORED"}  # names in use
        self.variables: list[set[str]] = []  # those of each function, which would hide others
        self.brief = True  # whether NumPy's functions may go without "np."
        self._brief: set[str] = set()
        self._math: set[str] = set()
        self.texts: dict[str, str] = {}  # definitions by name
        self.arrays: dict[str, Any] = {}  # constants too large for the source, by name
        self.given: dict[str, Any] = {}  # functions of the user's, by name
        self.blocks: dict[int, str] = {}  # functions of chains, by the step that calls them
        self._names: dict[int, tuple[str, Any]] = {}
        self._constants: dict[Any, str] = {}

    @property
    def defined(self) -> set[str]:
        """Names in use but for those of NumPy's functions, which any part of a program may call."""
        return self.taken - self._brief

    @property
    def import_lines(self) -> list[str]:
        """The statements that a program begins with."""
        lines = list(self.imports)
        for module, names in (("math", self._math), ("numpy", self._brief)):
            text = f"from {module} import {', '.join(sorted(names))}"
            if len(text) > 96:
                inner = textwrap.indent(textwrap.fill(", ".join(sorted(names)), 92), "    ")
                text = f"from {module} import (\n{inner}\n)"
            lines += [text] * bool(names)
        return lines

    # --- constants

    def constant(self, array: Any, name: str = "") -> str:
        """The name of an array (or a scalar of NumPy's) that does not change."""
        array = np.asarray(array)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = self._free(name or _constant_name(array, len(self._constants)))
            self._constants[key] = name
            if name.startswith("ones"):
                shape = array.size if array.ndim == 1 else array.shape
                self.texts[name] = f"{name} = np.ones({shape}, np.{array.dtype.name})"
            elif array.size <= 16 and array.dtype.kind in "fiub" and array.dtype.char != "g":
                self.texts[name] = f"{name} = {array_text(array)}"
            else:
                self.arrays[name] = array
        return self._constants[key]

    # --- functions

    def called(self, head: str, variables: Container[str]) -> str:
        """How a function of NumPy's is called: `np.` costs 45 ns a call, so ufuncs go without.

        Not where the name is one of the variables, or Python's.
        """
        path, dot, method = head.removeprefix("np.").partition(".")
        fn = getattr(np, path, None) if self.brief and head.startswith("np.") else None
        if fn not in (np.dot, np.vdot) and not isinstance(fn, np.ufunc):
            return head
        name = fn.__name__
        if name in variables or getattr(np, name, None) is not fn:
            return head
        if name not in self._brief:
            if name in self.taken or hasattr(builtins, name):
                return head
            self._brief.add(name)
            self.taken.add(name)
        return f"{name}{dot}{method}"

    def from_math(self, name: str, variables: Container[str]) -> str:
        """How a function of `math` is called: by its name, where no variable has it."""
        if name in variables or (name in self.taken and name not in self._math):
            self.imports["import math"] = None
            return f"math.{name}"
        self._math.add(name)
        self.taken.add(name)
        return name

    def function(self, fn: Any, name: str = "") -> str:
        """The name under which a program calls a function of this package or of the user's."""
        op = TABLE.get(fn)
        if op is not None and not op.strict and isinstance(op.fn, FunctionType):
            fn = op.fn
        known = self._names.get(id(fn))
        if known is not None:
            return known[0]
        name = self._free(name or fn.__name__.strip("<>"))
        self._names[id(fn)] = (name, fn)
        if fn.__module__ is None or not fn.__module__.startswith(PACKAGE) or fn.__closure__:
            self.given[name] = fn
            return name
        if fn.__name__ == "<lambda>":
            text = f"{name} = {_lambda_text(fn)}"
        else:
            text = re.sub(rf"\b{fn.__name__}\b", name, _bare_text(fn))
        for reference in _globals_of(fn.__code__):
            if reference in fn.__globals__ and reference != fn.__name__:
                own = self._refer(reference, fn.__globals__[reference])
                if own != reference:
                    text = re.sub(rf"\b{reference}\b", own, text)
        self.texts[name] = text
        return name

    def quiet(self) -> None:
        """Define ERRORS and IGNORED, with which a program ignores floating-point errors."""
        name = self.function(error_handling)
        self.texts.setdefault("ERRORS", f"ERRORS, IGNORED = {name}()")

    def given_function(self, fn: Any, name: str) -> str:
        """The name of a function that the program is handed, since only its user has it."""
        known = self._names.get(id(fn))
        if known is None:
            name = identifier(name)  # of a lambda, too
            hides = keyword.iskeyword(name) or hasattr(builtins, name)
            known = self._names[id(fn)] = (self._free(name + "_" * hides), fn)
            self.given[known[0]] = fn
        return known[0]

    def _refer(self, name: str, value: Any) -> str:
        """The name under which the program knows what a function calls `name`."""
        if isinstance(value, ModuleType):
            self.imports[
                f"import {value.__name__}" + (f" as {name}" * (value.__name__ != name))
            ] = None
            return name
        if value is Tensor:
            return self._define(name, value, 'class Tensor:\n    """Nothing here is one."""')
        if isinstance(value, FunctionType) and value.__module__.startswith(PACKAGE):
            return self.function(value)
        if callable(value) and _is_numpy(value):
            return self._define(name, value, f"{name} = {path_of(value)}")
        if isinstance(value, type) and value.__module__.startswith(PACKAGE):
            return self._define(name, value, _class_text(value))
        if type(value).__module__.startswith(PACKAGE):
            kind = self._refer(type(value).__name__, type(value))
            return self._define(name, value, f"{name} = {kind}()")
        if callable(value):
            self.imports[f"from {value.__module__.lstrip('_')} import {name}"] = None
            return name
        text = array_text(value) if isinstance(value, np.ndarray) else repr(value)
        return self._define(name, value, f"{name} = {text}")

    def _define(self, name: str, value: Any, text: str) -> str:
        known = self._names.get(id(value))
        if known is None:
            known = self._names[id(value)] = (self._free(name), value)
            self.texts[known[0]] = text if known[0] == name else text.replace(name, known[0], 1)
        return known[0]

    def free_name(self, name: str) -> str:
        """The name, or one like it that is not in use."""
        return self._free(name)

    def _free(self, name: str) -> str:
        """The name, with a number behind it where it is in use."""
        free, n = name, 1
        while free in self.taken or any(free in names for names in self.variables):
            n += 1
            free = f"{name}_{n}"
        self.taken.add(free)
        return free


def number_text(x: Any) -> str:
    """A Python number as source."""
    if isinstance(x, float) and not np.isfinite(x):
        return "np.nan" if x != x else "np.inf" if x > 0 else "(-np.inf)"
    return f"({x!r})" if x < 0 else repr(x)


def array_text(array: Any) -> str:
    """A small array as source, to the last digit."""
    dtype = array.dtype
    kind = f"np.{'bool' if dtype.kind == 'b' else dtype.name}"
    if array.ndim == 0 and dtype.kind == "f" and np.isfinite(array) and array == int(array):
        return (
            f"np.array({int(array)}.0, {kind})"
            if str(array) != "-0.0"
            else f"np.array(-0.0, {kind})"
        )
    shape = f".reshape{array.shape}" if 0 in array.shape else ""
    items = repr(array.tolist()).replace("nan", "np.nan").replace("inf", "np.inf")
    return f"np.array({items}, {kind}){shape}"


_WORDS = {0.0: "zero", 1.0: "one", 2.0: "two", 0.5: "half", -1.0: "minus_one"}


def _constant_name(array: Any, n: int) -> str:
    if array.ndim == 1 and array.size > 1 and (array == 1).all():
        return "ones"
    if array.ndim == 2 and array.shape[1] == 1 and (array == 1).all():
        return "ones_column"
    if array.ndim == 0 and float(array) in _WORDS and str(array) != "-0.0":
        return _WORDS[float(array)]
    return f"c{n}"


@cache
def _globals_of(code: Any) -> tuple[str, ...]:
    """Names of the globals that code loads, inner functions included, each once."""
    names = [i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"]
    inner = [const for const in code.co_consts if hasattr(const, "co_code")]
    return tuple(dict.fromkeys([*names, *(name for const in inner for name in _globals_of(const))]))


@cache  # 9 ms: Python parses the whole file for it
def _class_text(cls: type) -> str:
    text = re.sub(r"\s+# type: ignore.*", "", inspect.getsource(cls))
    return _without_annotations(text.rstrip())


@cache  # of this package's own functions, of which every program takes the same few
def _bare_text(fn: Any) -> str:
    """The text of a function without decorators and type annotations."""
    text = textwrap.dedent(inspect.getsource(fn))
    return _without_annotations(re.sub(r"\A(@.*\n)+", "", text).rstrip())


@cache
def _lambda_text(fn: Any) -> str:
    """The text of a lambda, found in its file by its place."""
    positions = next(p for p in fn.__code__.co_positions() if p[0] is not None and p[2] is not None)
    tree = ast.parse("".join(inspect.findsource(fn)[0]))
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Lambda)
        and node.lineno == fn.__code__.co_firstlineno
        and [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        == list(fn.__code__.co_varnames[: fn.__code__.co_argcount])
    ]
    assert found, positions
    return ast.unparse(found[0])


def _without_annotations(text: str) -> str:
    """The text of a function without its type annotations, and what it must import for them."""
    lines = text.split("\n")
    cuts: list[tuple[int, int, int, int]] = []  # from line, column to line, column
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.arg) and node.annotation is not None:
            end = node.annotation
            start = len(node.arg.encode()) + node.col_offset
            cuts.append((node.lineno, start, end.end_lineno or 0, end.end_col_offset or 0))
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            target, end = node.target, node.annotation
            cuts.append((target.end_lineno or 0, target.end_col_offset or 0,
                         end.end_lineno or 0, end.end_col_offset or 0))  # fmt: skip
        elif isinstance(node, ast.FunctionDef) and node.returns is not None:
            end = node.returns
            start = lines[end.lineno - 1].encode().rindex(b" ->", 0, end.col_offset)
            cuts.append((end.lineno, start, end.end_lineno or 0, end.end_col_offset or 0))
    for line, start, last, stop in sorted(cuts, reverse=True):
        head = lines[line - 1].encode()[:start]
        tail = lines[last - 1].encode()[stop:]
        lines[line - 1 : last] = [(head + tail).decode()]
    return "\n".join(lines)


def _is_numpy(value: Any) -> bool:
    owner = getattr(value, "__self__", None)
    module = getattr(value, "__module__", None) or ""
    return isinstance(value, np.ufunc) or isinstance(owner, np.ufunc) or module.startswith("numpy")
