"""Optimizer: what all optimisers share, so that each is nothing but its rule.

A rule says what an update subtracts from a parameter. It is written once, in plain NumPy, and
runs on pytrees without side effects (`update`) as well as on a model in place (`step`).
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from weakref import ref

import numpy as np

import autograd_lite as ag
from nn.module import Module, Parameter
from nn.optim.clipping import clip_grad_norm, scalar_like

__all__ = ["Groups", "Optimizer", "Slots"]

Slots = dict[str, Any]
Groups = Mapping[str, Mapping[str, Any]]


class Optimizer:
    """What optimisers share. A subclass has options as attributes, and a `rule`."""

    rate_name: ClassVar[str] = "lr"

    def __init__(
        self, options: dict[str, Any], max_norm: float | None, groups: Groups | None
    ) -> None:
        self._names = tuple(options)
        if max_norm is not None:
            self._check("max_norm", max_norm)
        self.max_norm = None if max_norm is None else float(max_norm)
        self.groups = {text: self._checked(o) for text, o in self._grouped(groups).items()}
        self._memories: dict[int, _Memory] = {}
        vars(self).update(self._checked(options))

    def slots(self, o: Any) -> tuple[str, ...]:
        """Names of the arrays that are remembered for a parameter with the options `o`."""
        return ()

    def rule(self, p: Any, g: Any, s: Slots, o: Any, rate: Any, t: Any) -> tuple[Any, Slots]:
        """What update t, counted from 1, subtracts from p with the gradient g; the new slots."""
        raise NotImplementedError

    # --- pure

    def init(self, params: Any) -> dict[str, Any]:
        """The state before the first update: t, and a pytree like params for every slot."""
        leaves, structure = ag.pytree.flatten(params)
        used = [self.slots(o) for o in self._options(ag.pytree.names(structure))]
        names = dict.fromkeys(name for slots in used for name in slots)
        zeros = {n: ag.pytree.unflatten(structure, map(_zeros, leaves)) for n in names}
        return {"t": 0.0, **zeros}

    def update(self, params: Any, grads: Any, state: Any) -> tuple[Any, Any]:
        """New parameters and state; parameters that require no grad stay as they are.

        Raises ValueError, naming the place, for gradients of another structure or shape.
        """
        leaves, structure = ag.pytree.flatten(params)
        names = ag.pytree.names(structure)
        aligned = ag.pytree.flatten(ag.pytree.map(lambda _, g: g, params, grads))[0]
        gs = [_like(g, p, name) for g, p, name in zip(aligned, leaves, names, strict=True)]
        if self.max_norm is not None:
            gs = clip_grad_norm(gs, self.max_norm)[0]
        options = self._options(names)
        self._check_state(state, options)
        kept = {n: ag.pytree.flatten(tree)[0] for n, tree in state.items() if n != "t"}
        t, new = state["t"], []
        for i, (p, g, o) in enumerate(zip(leaves, gs, options, strict=True)):
            if isinstance(p, Parameter) and not p.requires_grad:
                new.append(p)
                continue
            value = p.data if isinstance(p, Parameter) else p
            slots = {n: kept[n][i] for n in self.slots(o)}
            change, slots = self.rule(value, g, slots, o, self._rate(o, t, g), t + 1.0)
            new.append(_as_was(p, value - change))
            for n, array in slots.items():
                kept[n][i] = array
        trees = {n: ag.pytree.unflatten(structure, arrays) for n, arrays in kept.items()}
        return ag.pytree.unflatten(structure, new), {"t": t + 1.0, **trees}

    # --- in place

    def step(self, model: Any) -> None:
        """Update a model's parameters, or a pytree of them, in place from their `.grad`.

        Parameters without one, and those that require no grad, are skipped.
        """
        pairs = [
            (p, g if type(g) is np.ndarray else _plain_array(g))
            for p in _parameters(model)
            if (g := p.grad) is not None and p.requires_grad
        ]
        if self.max_norm is not None:
            clipped = clip_grad_norm([g for _, g in pairs], self.max_norm)[0]
            pairs = [(p, g) for (p, _), g in zip(pairs, clipped, strict=True)]
        memories, usual = self._memories, getattr(self, self.rate_name)
        for p, g in pairs:
            memory = memories.get(id(p))
            if memory is None or memory.owner() is not p:
                memories = self._meet(model)
                memory = memories[id(p)]
            o, t, values = memory.options, memory.t, p.data
            rate = usual if o is self and type(usual) is float else self._rate(o, t, g)
            change, memory.slots = self.rule(values, g, memory.slots, o, rate, t + 1.0)
            memory.t = t + 1.0
            values -= change
            p.data = values  # says that they were changed

    def state_dict(self, model: Any) -> dict[str, np.ndarray[Any, Any]]:
        """What steps on this model remember, as arrays by "path/slot"."""
        memories = self._meet(model)
        state = {}
        for path, p in _named(model):
            memory = memories[id(p)]
            state[f"{path}/t"] = np.array(memory.t)
            state |= {f"{path}/{name}": np.array(s) for name, s in memory.slots.items()}
        return state

    def load_state_dict(self, model: Any, state: Mapping[str, Any]) -> None:
        """Remember what `state_dict` returned, all or nothing.

        Raises ValueError for a state of another model or optimiser.
        """
        memories = self._meet(model)
        expected = self.state_dict(model)
        if expected.keys() != state.keys() or any(
            np.shape(state[key]) != value.shape for key, value in expected.items()
        ):
            raise ValueError(
                f"{type(self).__name__}: the state is not one of this optimiser for this model; "
                f"expected {_some(expected)}, got {_some(state)}"
            )
        for path, p in _named(model):
            memory = memories[id(p)]
            memory.t = float(state[f"{path}/t"])
            memory.slots = {n: np.array(state[f"{path}/{n}"], p.dtype) for n in memory.slots}

    def state_of(self, model: Any) -> dict[str, Any] | None:
        """What steps on this model remember, copied: the state of pure updates of {path: array}.

        Only parameters that require grad are in it. None where they have been updated different
        numbers of times, which no such state says.
        """
        memories = self._meet(model)
        named = {path: memories[id(p)] for path, p in _named(model) if p.requires_grad}
        counts = {memory.t for memory in named.values()} or {0.0}
        if len(counts) > 1:
            return None
        state: dict[str, Any] = {"t": counts.pop()}
        for path, memory in named.items():
            for name, slot in memory.slots.items():
                state.setdefault(name, {})[path] = np.array(slot)
        return state

    def remember(self, model: Any, state: Mapping[str, Any]) -> None:
        """Have steps on this model go on from what `state_of` describes, whose arrays they keep."""
        memories = self._meet(model)
        for path, p in _named(model):
            if p.requires_grad:
                memory = memories[id(p)]
                memory.t = float(state["t"])
                memory.slots = {name: state[name][path] for name in memory.slots}

    def recall(self) -> Callable[[], None]:
        """A function that makes steps in place remember what they do now, and nothing else."""
        # slots are replaced by every step, never changed, so that they need no copies
        kept = [(i, m, m.t, m.slots) for i, m in self._memories.items()]

        def restore() -> None:
            for _, memory, t, slots in kept:
                memory.t, memory.slots = t, slots
            self._memories = {i: memory for i, memory, _, _ in kept}

        return restore

    def _meet(self, model: Any) -> dict[int, _Memory]:
        """The memories, with one for each parameter of the model."""
        self._memories = {i: m for i, m in self._memories.items() if m.owner() is not None}
        paths, parameters = zip(*_named(model), strict=True) if _parameters(model) else ((), ())
        for p, o in zip(parameters, self._options(paths), strict=True):
            if id(p) not in self._memories:
                slots = {name: np.zeros_like(p.data) for name in self.slots(o)}
                self._memories[id(p)] = _Memory(p, o, slots)
        return self._memories

    # --- options

    def _options(self, paths: Any) -> list[Any]:
        """The options of each parameter: this optimiser's, or those of its group."""
        if not self.groups:
            return [self] * len(paths)
        patterns = {text: _pattern(text) for text in self.groups}
        for text, pattern in patterns.items():
            if not any(map(pattern.fullmatch, paths)):
                raise ValueError(
                    f"{type(self).__name__}: groups: {text!r} fits none of the parameters "
                    f"{', '.join(paths)}"
                )
        fits = [next((t for t, f in patterns.items() if f.fullmatch(p)), None) for p in paths]
        return [self if text is None else _Changed(self, self.groups[text]) for text in fits]

    def _rate(self, o: Any, t: Any, g: Any) -> Any:
        """The rate of update t, in the dtype of the gradient where it is not a Python float."""
        rate = getattr(o, self.rate_name)
        return rate if type(rate) is float else scalar_like(rate(t) if callable(rate) else rate, g)

    def _grouped(self, groups: Any) -> dict[str, Any]:
        """Groups as a dict. Raises TypeError for anything but options by pattern."""
        given = {} if groups is None else groups
        if not isinstance(given, Mapping) or not all(
            isinstance(text, str) and isinstance(o, Mapping) for text, o in given.items()
        ):
            raise TypeError(
                f"{type(self).__name__}: groups must be options by pattern, such as "
                f'{{"b*": {{"{self.rate_name}": 0.1}}}}, got {groups!r}'
            )
        return dict(given)

    def _checked(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Options seen to be in range, with Python's numbers, which promote no array."""
        for name, value in options.items():
            self._check(name, value)
        numbers = {n: tuple(map(_plain, v)) if n == "betas" else v for n, v in options.items()}
        return {name: _plain(value) for name, value in numbers.items()}

    def _check_state(self, state: Any, options: Any) -> None:
        """Raise ValueError for a state that `init` did not make."""
        needed = dict.fromkeys(["t", *(name for o in options for name in self.slots(o))])
        missing = [n for n in needed if not isinstance(state, Mapping) or n not in state]
        if missing:
            raise ValueError(
                f"{type(self).__name__}: the state has no {', '.join(map(repr, missing))}; one is "
                "made by init(params), and the next by each update"
            )

    def _check(self, name: str, value: Any) -> None:
        """Raise ValueError for an option that is unknown or out of range."""
        where = type(self).__name__
        if name not in (*self._names, "max_norm"):
            raise ValueError(f"{where}: unknown option {name!r}; the options are "
                             f"{', '.join(self._names)}")  # fmt: skip
        if name == self.rate_name and _holds_parameters(value):
            raise ValueError(
                f"{where}: {name} must be a positive number or a schedule, got the parameters of a "
                f"model; write {where}({name}=0.01), and pass the model to step(model) or nn.fit"
            )
        if name == self.rate_name and callable(value) and not isinstance(value, type):
            return
        if isinstance(value, bool) and name == "nesterov":
            return
        allowed, what = RANGES.get(name, (lambda x: 0 < x < math.inf, "a positive number"))
        numbers = value if name == "betas" and isinstance(value, (tuple, list)) else (value,)
        if not all(map(_is_number, numbers)) or not allowed(value):
            schedule = " or a schedule" if name == self.rate_name else ""
            raise ValueError(f"{where}: {name} must be {what}{schedule}, got {reprlib.repr(value)}")

    def __getstate__(self) -> dict[str, Any]:
        """The options: what steps remember belongs to parameters, which a copy has not met."""
        return {**vars(self), "_memories": {}}

    def __repr__(self) -> str:
        options = [f"{name}={getattr(self, name)!r}" for name in self._names]
        options += [f"max_norm={self.max_norm!r}"] if self.max_norm is not None else []
        options += [f"groups={self.groups!r}"] if self.groups else []
        return f"{type(self).__name__}({', '.join(options)})"


def _share(x: float) -> bool:
    """Whether x is a share to keep: at least 0 and below 1."""
    return 0 <= x < 1


RANGES: dict[str, tuple[Any, str]] = {
    "momentum": (_share, "at least 0 and below 1"),
    "betas": (
        lambda x: isinstance(x, (tuple, list)) and len(x) == 2 and all(map(_share, x)),
        "two numbers from 0 to below 1",
    ),
    "rho": (_share, "at least 0 and below 1"),
    "weight_decay": (lambda x: 0 <= x < math.inf, "at least 0"),
}


class _Memory:
    """What steps in place remember of a parameter."""

    __slots__ = ("options", "owner", "slots", "t")

    def __init__(self, p: Any, options: Any, slots: Slots) -> None:
        self.owner = ref(p)
        self.options = options
        self.slots = slots
        self.t = 0.0


class _Changed:
    """An optimiser's options with some changed for a group of parameters."""

    def __init__(self, optimizer: Optimizer, changed: Mapping[str, Any]) -> None:
        self._optimizer = optimizer
        vars(self).update(changed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._optimizer, name)


def _is_number(x: Any) -> bool:
    return isinstance(x, (int, float, np.number)) and not isinstance(x, bool)


def _holds_parameters(x: Any) -> bool:
    """Whether x is a model, or a list of parameters: what optimisers elsewhere are made with."""
    several = x if isinstance(x, (list, tuple)) else (x,)
    return any(isinstance(part, (Module, Parameter)) for part in several)


def _plain(x: Any) -> Any:
    """A number of NumPy as one of Python."""
    return x.item() if isinstance(x, np.generic) else x


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))))


def _parameters(model: Any) -> list[Any]:
    return model.parameters() if isinstance(model, Module) else ag.pytree.flatten(model)[0]


def _named(model: Any) -> list[tuple[str, Any]]:
    """Pairs of path and parameter of a model or a pytree."""
    leaves, structure = ag.pytree.flatten(model)
    return list(zip(ag.pytree.names(structure), leaves, strict=True))


def _plain_array(g: Any) -> Any:
    return g.data if isinstance(g, ag.Tensor) else g


def _like(g: Any, p: Any, name: str) -> Any:
    """A gradient in its parameter's dtype. Raises ValueError where the shapes differ."""
    if np.shape(g) != np.shape(p):
        raise ValueError(
            f"update: the gradient of {name or 'the parameter'} has shape {np.shape(g)}, expected "
            f"{np.shape(p)}"
        )
    dtype = getattr(p, "dtype", None)
    return g if dtype is None or getattr(g, "dtype", dtype) == dtype else g.astype(dtype)


def _as_was(p: Any, value: Any) -> Any:
    return Parameter(value, p.name) if isinstance(p, Parameter) else value


def _zeros(p: Any) -> Any:
    if np.ndim(p) == 0 and not isinstance(p, ag.Tensor):
        return p * 0.0  # in p's own kind: a Python float stays one
    return np.zeros(np.shape(p), p.dtype)


def _some(keys: Mapping[str, Any]) -> str:
    """The first entries of a state, with their shapes, for a message."""
    shown = [f"{key} {np.shape(value)}" for key, value in list(keys.items())[:4]]
    return ", ".join(shown) + (", …" if len(keys) > 4 else "") if shown else "nothing"
