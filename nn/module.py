"""Module: a model is a pytree whose leaves are its parameters.

Flattening a Module gives its Parameters, each once however many paths lead to it; everything else
(flags, sizes, functions) is static structure. So `ag.grad(f)(model)` is a Module of the same class
with arrays in the parameters' places, and an optimiser is a map over pytrees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

import autograd_lite as ag

__all__ = ["Module", "Parameter"]


class Parameter(ag.Tensor):
    """A Tensor that requires grad and that Modules list: float data, shared with the caller.

    With `requires_grad=False` it is frozen: transforms give it zeros and optimisers skip it.
    """

    __slots__ = ()
    is_parameter = True

    def __init__(
        self,
        data: Any,
        name: str | None = None,
        *,
        requires_grad: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__(data, requires_grad=requires_grad, dtype=dtype, name=name)


class _Leaf(NamedTuple):
    """The place of a leaf in a Module's structure."""

    place: int


class _Fields(NamedTuple):
    """A Module's structure: its class, what varies by name, and the rest as it is."""

    cls: type
    varying: tuple[tuple[str, Any], ...]
    static: tuple[tuple[str, _Static], ...]


class _Items(NamedTuple):
    """The structure of a list, tuple or dict of parameters and Modules."""

    cls: type
    keys: tuple[Any, ...]
    items: tuple[Any, ...]


class _Static:
    """A value in the structure: compared by value where it hashes, else by identity."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def _key(self) -> Any:
        try:
            hash(self.value)
        except TypeError:
            return id(self.value)
        return self.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Static) and (
            self.value is other.value or bool(self._key() == other._key())
        )

    def __hash__(self) -> int:
        return hash(self._key())


class Module:
    """A model or a layer: assign Parameters, Modules and lists of them, define `__call__`."""

    training: bool = True

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter) and value.name is None:
            value.name = name
        object.__setattr__(self, name, value)

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Pairs of path and parameter, such as ("layers[0].W", …), each parameter once."""
        leaves, structure = ag.pytree.flatten(self)
        return zip(ag.pytree.names(structure), leaves, strict=True)

    def parameters(self) -> list[Any]:
        """The parameters, each once, in the order of their assignment."""
        return ag.pytree.flatten(self)[0]

    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """A copy of every parameter's array by path."""
        return {path: np.array(_values(p)) for path, p in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set every parameter from arrays by path, all or nothing.

        Raises ValueError that names the paths that are missing, unknown or of another shape.
        """
        own = dict(self.named_parameters())
        faults = [f"{path} is missing" for path in own if path not in state]
        faults += [f"{path} is no parameter of this model" for path in state if path not in own]
        faults += [
            f"{path} has shape {np.shape(state[path])}, expected {p.shape}"
            for path, p in own.items()
            if path in state and np.shape(state[path]) != p.shape
        ]
        if faults:
            raise ValueError(f"load_state_dict: {'; '.join(faults)}")
        new = {path: np.array(state[path], dtype=p.dtype) for path, p in own.items()}
        for path, p in own.items():
            p.data = new[path]

    def train(self, mode: bool = True) -> Module:
        """Switch this Module and those inside to training, and return it."""
        for module in self._modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Switch this Module and those inside to inference, and return it."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Set the `.grad` of every parameter to None."""
        for p in self.parameters():
            p.zero_grad()

    def _modules(self) -> Iterator[Module]:
        """This Module and every Module inside, each once."""
        seen: set[int] = set()
        stack: list[Any] = [self]
        while stack:
            value = stack.pop()
            if isinstance(value, Module) and id(value) not in seen:
                seen.add(id(value))
                yield value
                stack.extend(reversed(list(vars(value).values())))
            elif isinstance(value, (list, tuple)):
                stack.extend(reversed(value))
            elif isinstance(value, dict):
                stack.extend(reversed(list(value.values())))

    def summary(self) -> str:
        """A table with a row per parameter: path, shape, number of entries; and their sum."""
        rows: list[tuple[Any, ...]] = [
            (path, "×".join(map(str, p.shape)) or "1", p.size)
            for path, p in self.named_parameters()
        ]
        total = sum(row[2] for row in rows)
        return table(("parameter", "shape", "entries"), rows, ("total", "", total))

    def __repr__(self) -> str:
        n = sum(np.size(_values(p)) for p in self.parameters())
        return f"{type(self).__name__}({n:,} parameters)"


def table(head: tuple[str, ...], rows: list[tuple[Any, ...]], foot: tuple[Any, ...]) -> str:
    """A text table: first column to the left, the others to the right, a rule before `foot`."""
    cells = [[f"{c:,}" if isinstance(c, int) else str(c) for c in r] for r in (head, *rows, foot)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = []
    for first, *others in cells:
        right = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *right]).rstrip())
    rule = "─" * (sum(widths) + 2 * len(widths) - 2)
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _values(p: Any) -> Any:
    return p.data if isinstance(p, ag.Tensor) else p


def _varies(value: Any) -> bool:
    """Whether a field holds leaves: parameters, Modules, or containers with some inside."""
    if isinstance(value, ag.Tensor):
        return value.is_parameter or value.requires_grad
    if isinstance(value, dict):
        return any(_varies(v) for v in value.values())
    if isinstance(value, (list, tuple)):
        return any(_varies(v) for v in value)
    return isinstance(value, Module)


def _flatten(module: Module) -> tuple[list[Any], Any]:
    leaves: list[Any] = []
    paths: list[str] = []
    structure = _collect(module, leaves, paths, {}, "")
    return leaves, (structure, tuple(paths))


def _collect(
    value: Any, leaves: list[Any], paths: list[str], seen: dict[int, int], path: str
) -> Any:
    """The structure of a value; its leaves and their paths are appended."""
    if isinstance(value, Module):
        fields = vars(value)
        names = fields.get("_varying") or [n for n, v in fields.items() if _varies(v)]
        dot = f"{path}." if path else ""
        varying = [(n, _collect(fields[n], leaves, paths, seen, dot + n)) for n in names]
        static = [(n, _Static(v)) for n, v in fields.items() if n not in names and n != "_varying"]
        return _Fields(type(value), tuple(varying), tuple(static))
    if isinstance(value, (list, tuple, dict)):
        keys = tuple(value) if isinstance(value, dict) else tuple(range(len(value)))
        parts = (_collect(value[k], leaves, paths, seen, f"{path}[{k!r}]") for k in keys)
        return _Items(type(value), keys, tuple(parts))
    if isinstance(value, Parameter) and id(value) in seen:
        return _Leaf(seen[id(value)])
    seen[id(value)] = len(leaves)
    leaves.append(value)
    paths.append(path)
    return _Leaf(len(leaves) - 1)


def _unflatten(meta: Any, leaves: list[Any]) -> Any:
    return _rebuild(meta[0], leaves)


def _rebuild(structure: Any, leaves: list[Any]) -> Any:
    if isinstance(structure, _Leaf):
        return leaves[structure.place]
    if isinstance(structure, _Fields):
        module: Any = object.__new__(structure.cls)
        fields = {name: static.value for name, static in structure.static}
        fields |= {name: _rebuild(part, leaves) for name, part in structure.varying}
        fields["_varying"] = tuple(name for name, _ in structure.varying)
        vars(module).update(fields)
        return module
    parts = [_rebuild(part, leaves) for part in structure.items]
    if issubclass(structure.cls, dict):
        return dict(zip(structure.keys, parts, strict=True))
    return structure.cls(*parts) if hasattr(structure.cls, "_fields") else structure.cls(parts)


ag.pytree.register(Module, _flatten, _unflatten, labels=lambda meta, n: meta[1])
