"""How a program takes its arguments apart and puts its results together, as source."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

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
        for i, (name, value) in enumerate(zip(self.names, [*args, *kwargs.values()], strict=True)):
            if i in static:
                continue
            leaves, structure = pytree.flatten(value)
            paths = _paths(structure, value, name)
            self.leaves += leaves
            self.places += [(path, _leaf_name(path, name, structure)) for path in paths]

    def rebuild(self, leaves: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """(args, kwargs) with other leaves."""
        rest, values = list(leaves), []
        for i, value in enumerate([*self.args, *self.kwargs.values()]):
            if i in self.static:
                values.append(value)
                continue
            structure = pytree.flatten(value)[1]
            n = structure.n_leaves
            values.append(pytree.unflatten(structure, rest[:n]))
            rest = rest[n:]
        n = len(self.args)
        return tuple(values[:n]), dict(zip(self.kwargs, values[n:], strict=True))


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
    if issubclass(kind, dict):
        for key, child in zip(structure.meta, structure.children, strict=True):
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


def rebuilt(structure: pytree.TreeDef, leaves: Sequence[str], library: Library) -> str:
    """An expression that makes a pytree of its leaves' expressions."""
    rest = iter(leaves)
    return _rebuilt(structure, rest, library)


def _rebuilt(structure: pytree.TreeDef, rest: Any, library: Library) -> str:
    if structure.cls is None:
        return str(next(rest))
    kind = structure.cls
    if kind is type(None):
        return "None"
    parts = [_rebuilt(child, rest, library) for child in structure.children]
    if kind is dict and all(isinstance(key, (str, int, float, bool)) for key in structure.meta):
        return (
            "{" + ", ".join(f"{k!r}: {p}" for k, p in zip(structure.meta, parts, strict=True)) + "}"
        )
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
        container = pytree._container(self.structure.cls)  # type: ignore[arg-type]
        assert container is not None
        return container.unflatten(self.structure.meta, list(children))
