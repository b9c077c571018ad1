"""How a program takes its arguments apart and puts its results together, as source."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd_lite import pytree
from autograd_lite.compiler.library import Library

__all__ = ["Arguments", "rebuilt"]


class Arguments:
    """The arguments of one call: leaves to trace, and how the program's function names them."""

    def __init__(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], static: set[int]
    ) -> None:
        self.args, self.kwargs, self.static = args, kwargs, static
        self.parameters = _parameters(f, len(args))
        self.names = [*self.parameters, *kwargs]
        self.places: list[tuple[str, str]] = []  # (expression, name) of every leaf
        self.leaves: list[Any] = []
        self.spans: dict[int, tuple[int, pytree.TreeDef]] = {}  # where an argument's leaves are
        self._structures: list[Any] = []
        self._listed: dict[str, pytree.TreeDef] = {}  # lists and tuples of dynamic leaves alone
        for i, (name, value) in enumerate(zip(self.names, [*args, *kwargs.values()], strict=True)):
            if i in static:
                self._structures.append(None)
                continue
            leaves, structure = pytree.flatten(value)
            self.spans[i] = (len(self.leaves), structure)
            self._structures.append(structure)
            paths = _paths(structure, value, name)
            _find_listed(structure, value, name, self._listed)
            self.leaves += leaves
            self.places += [(path, _leaf_name(path, name, structure)) for path in paths]
        self.places = _told_apart(self.places)

    def rebuild(self, leaves: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """(args, kwargs) with other leaves."""
        rest, values = list(leaves), []
        for i, value in enumerate([*self.args, *self.kwargs.values()]):
            if i in self.static:
                values.append(value)
                continue
            structure = self._structures[i]
            n = structure.n_leaves
            values.append(pytree.unflatten(structure, rest[:n]))
            rest = rest[n:]
        n = len(self.args)
        return tuple(values[:n]), dict(zip(self.kwargs, values[n:], strict=True))

    def listed(self, path: str) -> tuple[str, int]:
        """(expression, number of leaves) of the lists and tuples that begin with this leaf.

        They hold arrays and floats alone, and are taken apart in one statement. ("", 0) elsewhere.
        """
        while path.endswith("[0]"):
            path = path[:-3]
            if path in self._listed:
                return path, self._listed[path].n_leaves
        return "", 0

    def pattern(self, path: str, names: Iterator[str]) -> str:
        """What such lists and tuples are assigned to, given a name for every leaf."""
        return _pattern(self._listed[path], names)[1:-1]

    def tests(self) -> list[str] | None:
        """Expressions that hold for arguments like these; None where there are no quick ones."""
        tests: list[str] = []
        values = [*self.args, *self.kwargs.values()]
        for name, value, structure in zip(self.names, values, self._structures, strict=True):
            found = _tests(value, structure, name)
            if found is None:
                return None
            tests += found
        return tests


def _find_listed(
    structure: pytree.TreeDef, value: Any, at: str, found: dict[str, pytree.TreeDef]
) -> None:
    """Enter the largest lists and tuples that hold, all the way down, arrays and floats alone."""
    if structure.cls in (list, tuple):
        kinds = (float, np.ndarray, np.generic)
        leaves = pytree.flatten(value)[0]
        if len(leaves) > 1 and all(isinstance(x, kinds) for x in leaves) and _is_listed(structure):
            found[at] = structure
            return
        for i, child in enumerate(structure.children):
            _find_listed(child, value[i], f"{at}[{i}]", found)
    elif structure.cls is dict:
        for key, child in zip(structure.meta, structure.children, strict=True):
            _find_listed(child, value[key], f"{at}[{key!r}]", found)


def _pattern(structure: pytree.TreeDef, names: Iterator[str]) -> str:
    """Brackets as they stand around the leaves."""
    if structure.cls is None:
        return next(names)
    inner = ", ".join(_pattern(child, names) for child in structure.children)
    if structure.cls is list:
        return f"[{inner}]"
    return f"({inner}{',' * (len(structure.children) == 1)})"


def _tests(
    value: Any, structure: pytree.TreeDef | None, at: str, depth: int = 0, path: str = ""
) -> list[str] | None:
    """Expressions that hold, in this order, for a value like this one at a place of the arguments.

    None where there are no quick ones. `path` is the same place, from the arguments on.
    """
    path = path or at
    # a part is looked up once, and goes by a name of its depth until the next part there
    x = at if at.isidentifier() else f"_{depth}"
    first = at if at.isidentifier() else f"{x} := {at}"
    if structure is None or structure.cls is None:
        return _leaf_tests(value, structure, at, x, first)
    kind = structure.cls
    if kind is type(None):
        return [f"{at} is None"]
    if kind is dict:
        keys: Any = structure.meta
        tests = [f"type({first}) is dict and tuple({x}) == {keys!r}"]
        if not all(type(key) is str for key in keys):
            return None
    elif kind in (list, tuple):
        keys = range(len(structure.children))
        tests = [f"type({first}) is {kind.__name__} and len({x}) == {len(keys)}"]
        if _is_uniform(structure, value):
            inner = structure.children[0]
            return [*tests, *_column_tests(inner, x, len(keys), depth + 1)]
    else:
        return [f"unchanged({path!r}, {path})"]
    for key, child in zip(keys, structure.children, strict=True):
        found = _tests(value[key], child, f"{x}[{key!r}]", depth + 1, f"{path}[{key!r}]")
        if found is None:
            return None
        tests += found
    return tests


def _is_uniform(structure: pytree.TreeDef, value: Any) -> bool:
    """Whether a list or tuple holds equal lists and tuples, all the way down to Python floats."""
    alike = len(structure.children) > 1 and len(set(structure.children)) == 1
    return (
        alike and all(type(x) is float for x in pytree.flatten(value)[0]) and _is_listed(structure)
    )


def _is_listed(structure: pytree.TreeDef) -> bool:
    listed = structure.cls is None or (structure.cls in (list, tuple) and bool(structure.children))
    return listed and all(map(_is_listed, structure.children))


def _column_tests(structure: pytree.TreeDef, column: str, n: int, depth: int) -> list[str]:
    """Expressions that hold where all n items of a list are like this: quicker than one by one."""
    if structure.cls is None:
        return [f"_count(map(type, {column}), float) == {n}"]
    x, children = f"_{depth}", structure.children
    tests = [
        f"_count(map(type, {x} := {column}), {structure.cls.__name__}) == {n}",
        f"_count(map(len, {x}), {len(children)}) == {n}",
    ]
    if len(set(children)) == 1:
        inner = _column_tests(children[0], f"[*_chain({x})]", n * len(children), depth + 1)
        return [*tests, *inner]
    for i, child in enumerate(children):
        tests += _column_tests(child, f"[*map(_item({i}), {x})]", n, depth + 1)
    return tests


def _leaf_tests(
    value: Any, structure: pytree.TreeDef | None, at: str, x: str, first: str
) -> list[str] | None:
    if type(value) is np.ndarray:
        if value.dtype.byteorder == ">":
            return None
        kind = f"_{value.dtype.str[1:]}"
        # `is` first: a dtype that came out of a pickle is equal to NumPy's own, but another object
        dtype = f"({x}.dtype is {kind} or {x}.dtype == {kind})"
        return [f"type({first}) is _array and {x}.shape == {value.shape} and {dtype}"]
    if type(value) is float and structure is not None:
        return [f"type({at}) is float"]
    if type(value) in (int, bool, str):
        return [f"type({at}) is {type(value).__name__} and {at} == {value!r}"]
    return None


def _parameters(f: Callable[..., Any], n: int) -> list[str]:
    """Names for n positional arguments of f."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names: list[str] = []
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL:
            names += [f"{p.name}_{i}" for i in range(n - len(names))]
        elif p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            names.append(p.name)
    names = names[:n]
    return names + [f"x{i}" for i in range(len(names), n)]


def _paths(structure: pytree.TreeDef, value: Any, base: str) -> list[str]:
    """An expression for every leaf of a value that the variable `base` holds; "" for none."""
    if structure.cls is None:
        return [base]
    kind = structure.cls
    paths: list[str] = []
    if structure.keys is not None:
        for key, child in zip(structure.keys, structure.children, strict=True):
            paths += _paths(child, value[key], f"{base}[{key!r}]")
    elif issubclass(kind, (list, tuple)):
        for i, child in enumerate(structure.children):
            paths += _paths(child, value[i], f"{base}[{i}]")
    elif kind is not type(None):
        for label, child in zip(structure.labels, structure.children, strict=True):
            dot = "" if label.startswith("[") else "."
            path = f"{base}{dot}{label}"
            inner = _at(value, f"v{dot}{label}")
            paths += _paths(child, inner, path) if inner is not None else [""] * child.n_leaves
    return paths


def _at(value: Any, expression: str) -> Any:
    """What a registered class holds at a path that it names itself; None where that fails."""
    try:
        return eval(expression, {"v": value})  # the path of a Module, such as layers[0].W
    except (AttributeError, SyntaxError, LookupError, NameError):
        return None


def _leaf_name(path: str, base: str, structure: pytree.TreeDef) -> str:
    """What a leaf is called: its key or attribute, or its argument with its place."""
    if structure.cls is None:
        return base
    last = path.replace("]", "").replace("[", ".").split(".")[-1].strip("'\"")
    if last.isidentifier():
        return last
    return path.replace("'", "").replace('"', "")


def _told_apart(places: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The places, those that are called like one before them by their last two keys: m_W1."""
    seen: set[str] = set()
    found = []
    for path, name in places:
        keys = [key for key in re.split(r"\W+", path) if key]
        if name in seen and len(keys) > 2 and keys[-1] == name:
            name = "_".join(keys[-2:])
        seen.add(name)
        found.append((path, name))
    return found


def rebuilt(
    structure: pytree.TreeDef, leaves: Sequence[str], library: Library, whole: dict[int, str]
) -> str:
    """An expression that makes a pytree of its leaves' expressions.

    `whole` has expressions for whole parts of it, by their identity.
    """
    return _rebuilt(structure, leaves, 0, library, whole)


def _rebuilt(
    structure: pytree.TreeDef,
    leaves: Sequence[str],
    at: int,
    library: Library,
    whole: dict[int, str],
) -> str:
    """The same for a part whose leaves begin at place `at`."""
    if structure.cls is None:
        return leaves[at]
    kind = structure.cls
    if kind is type(None):
        return "None"
    if id(structure) in whole:
        return whole[id(structure)]
    parts = []
    for child in structure.children:
        parts.append(_rebuilt(child, leaves, at, library, whole))
        at += child.n_leaves
    if kind is dict and all(isinstance(key, (str, int, float, bool)) for key in structure.meta):
        items = [f"{key!r}: {part}" for key, part in zip(structure.meta, parts, strict=True)]
        return f"{{{', '.join(items)}}}"
    if kind is list:
        return f"[{', '.join(parts)}]"
    if kind is tuple:
        return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
    name = library.given_function(_Made(structure), f"{kind.__name__}_of".lower())
    return f"{name}({', '.join(parts)})"


class _Made:
    """Puts children together as a registered class does."""

    def __init__(self, structure: pytree.TreeDef) -> None:
        self.structure = structure

    def __call__(self, *children: Any) -> Any:
        container = pytree._container(self.structure.cls)
        assert container is not None
        return container.unflatten(self.structure.meta, list(children))
