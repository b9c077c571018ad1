"""Module: a model is a pytree whose leaves are its parameters.

Flattening a Module gives its Parameters, each once however many paths lead to it; everything else
(flags, sizes, functions) is static structure. So `ag.grad(f)(model)` is a Module of the same class
with arrays in the parameters' places, and an optimiser is a map over pytrees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import NoneType
from typing import Any, NamedTuple, TypeVar

import numpy as np

import autograd_lite as ag
from nn.tables import table

__all__ = ["Module", "Parameter", "Summary"]

Self = TypeVar("Self", bound="Module")


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


class Module:
    """A model or a layer: assign Parameters, Modules and lists of them, define `__call__`.

    A list, tuple or dict may mix them with anything else, such as functions between layers.
    """

    training: bool = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What a subclass computes. Raises NotImplementedError for one that does not say."""
        hint = "; rename its forward" if hasattr(self, "forward") else ""
        raise NotImplementedError(
            f"{type(self).__name__}: a Module computes in __call__, which it does not define{hint}"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter) and value.name is None:
            value.name = name
        was = vars(self).get(name)
        if isinstance(was, Parameter) and not isinstance(value, (ag.Tensor, Module, NoneType)):
            raise TypeError(
                f"{type(self).__name__}.{name} is a Parameter, which this would take out of the "
                f"model; set {name}.data, or assign nn.Parameter(…)"
            )
        object.__setattr__(self, name, value)

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Pairs of path and parameter, such as ("layers[0].W", …), each parameter once."""
        leaves, structure = ag.pytree.flatten(self)
        return zip(ag.pytree.names(structure), leaves, strict=True)

    def parameters(self) -> list[Any]:
        """The parameters, each once, in the order of their assignment."""
        if "_parts" in vars(self):
            return ag.pytree.flatten(self)[0]
        found: dict[int, Any] = {}
        _find(self, found)  # 4 µs for an MLP of two layers; flatten, with its paths, costs 20
        return list(found.values())

    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """A copy of every parameter's array by path."""
        return {path: np.array(_values(p)) for path, p in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set every parameter from arrays by path, in the parameter's dtype, all or nothing.

        Raises ValueError that names the paths that are missing, unknown, of another shape or not
        numbers; the model is then unchanged.
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                f"{type(self).__name__}: expected a state_dict, arrays by path, got a "
                f"{type(state).__name__}"
            )
        own = dict(self.named_parameters())
        faults = [f"{path} is missing" for path in own if path not in state]
        faults += [f"{path} is no parameter of this model" for path in state if path not in own]
        new = {path: np.asarray(_values(state[path])) for path in own if path in state}
        for path, values in new.items():
            if values.shape != own[path].shape:
                faults.append(f"{path} has shape {values.shape}, expected {own[path].shape}")
            elif values.dtype.kind not in "fiu":
                faults.append(f"{path} holds {values.dtype}, expected real numbers")
        if faults:
            raise ValueError(f"{type(self).__name__}: {'; '.join(faults)}")
        new = {path: values.astype(own[path].dtype) for path, values in new.items()}
        for path, p in own.items():
            p.data = new[path]

    def train(self: Self, mode: bool = True) -> Self:
        """Switch this Module and those inside to training, and return it."""
        if not isinstance(mode, (bool, np.bool)):
            raise TypeError(f"train: mode must be True or False, got {mode!r}")
        for module in modules(self):
            module.training = bool(mode)
        return self

    def eval(self: Self) -> Self:
        """Switch this Module and those inside to inference, and return it."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Set the `.grad` of every parameter to None."""
        for p in self.parameters():
            p.zero_grad()

    def summary(self) -> Summary:
        """Print a table with a row per parameter and their total, and return it as text."""
        rows = [(path, "×".join(map(str, p.shape)) or "1", p.size)
                for path, p in self.named_parameters()]  # fmt: skip
        total = sum(row[2] for row in rows)
        return printed(table(("parameter", "shape", "entries"), rows, ("total", "", total)), total)

    def __repr__(self) -> str:
        n = sum(np.size(_values(p)) for p in self.parameters())
        return f"{type(self).__name__}({n:,} parameters)"


class Summary(str):
    """The text of a summary table; at a prompt, where the table has just been printed, one line."""

    n_parameters: int

    def __repr__(self) -> str:
        return f"<summary of {self.n_parameters:,} parameters>"


def printed(text: str, n_parameters: int) -> Summary:
    """The summary that was just printed."""
    summary = Summary(text)
    summary.n_parameters = n_parameters
    print(summary)
    return summary


def modules(module: Module) -> Iterator[Module]:
    """This Module and every Module inside, each once, parents before children."""
    seen: set[int] = set()
    stack: list[Any] = [module]
    while stack:
        value = stack.pop()
        if isinstance(value, Module) and id(value) not in seen:
            seen.add(id(value))
            yield value
            stack.extend(reversed(vars(value).values()))
        elif isinstance(value, (list, tuple)):
            stack.extend(reversed(value))
        elif isinstance(value, dict):
            stack.extend(reversed(value.values()))


def generators_of(module: Module) -> Iterator[np.random.Generator]:
    """The Generators that this Module and those inside draw numbers from."""
    for part in modules(module):
        for value in vars(part).values():
            if isinstance(value, np.random.Generator):
                yield value


@contextmanager
def inference(model: Any) -> Iterator[None]:
    """A context in which a model computes as for inference, and nothing is recorded."""
    flags = [(m, m.training) for m in modules(model)] if isinstance(model, Module) else []
    for module, _ in flags:
        module.training = False
    try:
        with ag.no_grad():
            yield
    finally:
        for module, training in flags:
            module.training = training


def _find(value: Any, found: dict[int, Any]) -> None:
    """Enter the leaves under a Module or container, by identity, in the order of flatten."""
    if isinstance(value, Module):
        value = vars(value)
    for part in value.values() if isinstance(value, dict) else value:
        if type(part) is Parameter:
            found[id(part)] = part
        elif isinstance(part, ag.Tensor):
            if part.is_parameter or part.requires_grad:
                found[id(part)] = part
        elif isinstance(part, (Module, list, tuple, dict)):
            _find(part, found)


def _values(p: Any) -> Any:
    return p.data if isinstance(p, ag.Tensor) else p


# --- a Module as a pytree


class _Leaf(NamedTuple):
    """The place of a leaf among a Module's leaves."""

    place: int


class _Parts(NamedTuple):
    """The structure of a Module, list, tuple or dict: its class, and a structure by name."""

    cls: type
    names: tuple[Any, ...]
    parts: tuple[Any, ...]


class _Static:
    """A value in the structure: compared by type and value where it hashes, else by identity."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def _key(self) -> Any:
        try:
            hash(self.value)
        except TypeError:
            return id(self.value)
        return type(self.value), self.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Static) and bool(self._key() == other._key())

    def __hash__(self) -> int:
        return hash(self._key())


class _Walk:
    """The leaves met while a Module is flattened, with their paths."""

    def __init__(self) -> None:
        self.leaves: list[Any] = []
        self.paths: list[str] = []
        self.places: dict[Any, int] = {}

    def structure(self, value: Any, path: str, was: Any) -> Any:
        """The structure of a value; `was` is the one it was rebuilt from, if it was."""
        if isinstance(value, Module):
            dot = f"{path}." if path else ""
            named = {"training": value.training} | vars(value)
            before = named.pop("_parts", {})
            parts = [self.structure(v, dot + n, before.get(n)) for n, v in named.items()]
            return _Parts(type(value), tuple(named), tuple(parts))
        if isinstance(value, (list, tuple, dict)) and (isinstance(was, _Parts) or _varies(value)):
            keyed = value if isinstance(value, dict) else dict(enumerate(value))
            before = dict(zip(was.names, was.parts, strict=True)) if was else {}
            parts = [self.structure(v, f"{path}[{k!r}]", before.get(k)) for k, v in keyed.items()]
            return _Parts(type(value), tuple(keyed), tuple(parts))
        if isinstance(was, _Leaf) or _varies(value):
            return self._leaf(value, path, was)
        return _Static(value)

    def _leaf(self, value: Any, path: str, was: Any) -> _Leaf:
        """A parameter's place; an array's, too, is shared where it stands for a shared parameter.

        Only what stood in one place before is the same leaf: equal numbers, or one array that
        some map put into two places, are not.
        """
        same_place = isinstance(was, _Leaf) and not isinstance(value, Parameter)
        key = (was.place, id(value)) if same_place else id(value)
        if key not in self.places:
            self.places[key] = len(self.leaves)
            self.leaves.append(value)
            self.paths.append(path)
        return _Leaf(self.places[key])


def _varies(value: Any) -> bool:
    """Whether a value is or holds leaves: parameters, tensors that require grad, Modules."""
    if isinstance(value, ag.Tensor):
        return value.is_parameter or value.requires_grad
    if isinstance(value, (list, tuple, dict)):
        return any(map(_varies, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Module)


def _flatten(module: Module) -> tuple[list[Any], Any]:
    walk = _Walk()
    structure = walk.structure(module, "", None)
    return walk.leaves, (structure, tuple(walk.paths))


def _unflatten(meta: Any, leaves: list[Any]) -> Any:
    return _rebuilt(meta[0], leaves)


def _rebuilt(structure: Any, leaves: list[Any]) -> Any:
    if isinstance(structure, _Leaf):
        return leaves[structure.place]
    if isinstance(structure, _Static):
        return structure.value
    cls = structure.cls
    parts = [_rebuilt(part, leaves) for part in structure.parts]
    if issubclass(cls, dict):
        return cls(zip(structure.names, parts, strict=True))
    if not issubclass(cls, Module):
        return cls(*parts) if hasattr(cls, "_fields") else cls(parts)
    module = object.__new__(cls)
    vars(module).update(zip(structure.names, parts, strict=True))
    vars(module)["_parts"] = {
        name: part
        for name, part in zip(structure.names, structure.parts, strict=True)
        if not isinstance(part, _Static)
    }
    return module


ag.pytree.register(Module, _flatten, _unflatten, labels=lambda meta, n: meta[1])
