"""A graph without what need not be done: dead steps, repeated ones, and algebra that cancels.

One pass forward rebuilds every step through `Simplifier`, which first looks for a rule that makes
the step another value, then for an equal step made before; one pass backward drops what no result
depends on. Draws are neither merged nor dropped. Every rule keeps every bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_lite.compiler.ir import Const, Draw, Graph, Input, Pick, Step, Value, sources
from autograd_lite.rules.activations import stop_gradient
from autograd_lite.rules.copies import ASTYPE
from autograd_lite.table import TABLE, Primitive

__all__ = ["RULES", "Simplifier", "pruned", "simplified"]


def simplified(graph: Graph) -> Graph:
    """The graph with equal steps merged, identities gone and dead steps dropped."""
    simplifier = Simplifier()
    for value in graph.steps:
        simplifier.add(value)
    outputs = [simplifier.new(y) for y in graph.outputs]
    return pruned(Graph(graph.inputs, simplifier.steps, outputs))


def pruned(graph: Graph) -> Graph:
    """The graph without the steps that no result depends on; draws are kept."""
    live = {y for y in graph.outputs if isinstance(y, Value)}
    kept = []
    for value in reversed(graph.steps):
        if value in live or isinstance(value, Draw):
            live.update(sources(value))
            kept.append(value)
    return Graph(graph.inputs, kept[::-1], graph.outputs)


class Simplifier:
    """Makes steps anew, one by one, out of those of a graph."""

    def __init__(self) -> None:
        self.steps: list[Value] = []
        self._new: dict[Any, Any] = {}
        self._known: dict[Any, Value] = {}
        self.rules = RULES

    def new(self, x: Any) -> Any:
        """What stands for an operand or an output of the old graph."""
        return x if isinstance(x, (Const, Input)) else self._new[x]

    def add(self, value: Value) -> None:
        """Make a step of the old graph anew."""
        made: Any
        if isinstance(value, Pick):
            source = self.new(value.source)
            made = Pick(value.shape, value.dtype, name=value.name, source=source, index=value.index)
            made = self._once(("pick", source, value.index), made)
        elif isinstance(value, Draw):
            rng = self._new.get(value.rng, value.rng) if isinstance(value.rng, Value) else value.rng
            made = Draw(value.shape, value.dtype, name=value.name, sampler=value.sampler, rng=rng,
                        params=value.params)  # fmt: skip
            self.steps.append(made)
        else:
            assert isinstance(value, Step)
            made = self.step(value, tuple([self.new(x) for x in value.operands]))
        if isinstance(made, Value) and made.name is None and not isinstance(made, Input):
            made.name = value.name
        self._new[value] = made

    def step(
        self, like: Step, operands: tuple[Any, ...], op: Any = None, params: Any = None
    ) -> Any:
        """A step like another one with these operands, or what is equal to it."""
        made = Step(
            like.shape, like.dtype, like.weak, like.name,
            op=op or like.op, operands=operands, silent=like.silent, note=like.note,
            params=like.params if params is None else params,
        )  # fmt: skip
        rule = self.rules.get(made.op)
        if rule is not None:
            found = rule(self, made)
            if found is not None:
                return found
        if made.op.kind == "elementwise":
            for i in range(len(operands)):  # one by one: not all may lose their broadcasting
                new = _unstretched(made.operands[i], made)
                made.operands = (*made.operands[:i], new, *made.operands[i + 1 :])
        key = (made.op, tuple(map(_key, made.operands)), frozen(made.params))
        return self._once(key, made)

    def _once(self, key: Any, made: Any) -> Any:
        known = self._known.get(key)
        if known is None:
            self._known[key] = made
            self.steps.append(made)
            return made
        if isinstance(made, Step) and isinstance(known, Step):  # heard where either is
            known.silent = tuple(e for e in known.silent if e in made.silent)
        return known


def _key(x: Any) -> Any:
    """What two equal operands have in common."""
    if not isinstance(x, Const):
        return x
    array = x.array
    if isinstance(array, (np.ndarray, np.generic)):
        if array.size > 4096:
            return x
        return (type(array), array.dtype.str, array.shape, array.tobytes())
    try:
        hash(array)
    except TypeError:
        return x
    return (type(array), repr(array))


def frozen(x: Any) -> Any:
    """A parameter as something that hashes; equal for equal ones."""
    if isinstance(x, dict):
        return tuple((name, frozen(value)) for name, value in x.items())
    if isinstance(x, (tuple, list)):
        return (type(x), *map(frozen, x))
    if isinstance(x, slice):
        return ("slice", x.start, x.stop, x.step)
    if isinstance(x, np.ndarray):
        return (x.dtype.str, x.shape, x.tobytes())
    try:
        hash(x)
    except TypeError:
        return id(x)
    return (type(x), x)


# --- rules: what a step is equal to, or None


def _alike(x: Any, step: Step) -> bool:
    """Whether x may stand for a step of the same numbers."""
    kind = (step.shape, step.dtype, step.weak)
    return isinstance(x, Value) and (x.shape, x.dtype, x.weak) == kind


def _same(simplifier: Simplifier, step: Step) -> Any:
    """An identity."""
    x = step.operands[0]
    return x if _alike(x, step) else None


def _is_number(x: Any, number: float) -> bool:
    return (
        isinstance(x, Const)
        and np.ndim(x.array) == 0
        and isinstance(x.array, (int, float, np.generic))
        and not isinstance(x.array, (bool, np.bool_))
        and bool(x.array == number)
    )


def _without_one(places: tuple[int, ...]) -> Callable[[Simplifier, Step], Any]:
    """x·1, 1·x or x/1."""

    def rule(simplifier: Simplifier, step: Step) -> Any:
        for i in places:
            x = step.operands[1 - i]
            if _is_number(step.operands[i], 1.0) and _alike(x, step):
                return x
        return None

    return rule


def _made_by(x: Any, op: Primitive) -> bool:
    return isinstance(x, Step) and x.op is op


def _negative(simplifier: Simplifier, step: Step) -> Any:
    x = step.operands[0]
    if _made_by(x, step.op):
        return x.operands[0]
    return None


def _never_minus_zero(x: Any) -> bool:
    """Whether no element of x can be −0.0, the only number that adding 0.0 changes."""
    while _made_by(x, TABLE[np.sqrt]):
        x = x.operands[0]
    if isinstance(x, Const):
        return _is_number(x, x.array) and not (x.array == 0 and np.signbit(x.array))
    if not isinstance(x, Step):
        return False
    if x.op is TABLE[np.add]:
        return any(isinstance(o, Const) and _never_minus_zero(o) for o in x.operands)
    if x.op is TABLE[np.multiply]:
        return x.operands[0] is x.operands[1]
    return x.op in (TABLE[np.exp], TABLE[np.absolute], TABLE[np.square], TABLE[np.cosh])


def _plus(simplifier: Simplifier, step: Step) -> Any:
    """a + (−b) as a − b, and x + 0.0 as x where nothing is −0.0: the same to the bit."""
    a, b = step.operands
    for x, zero in ((a, b), (b, a)):
        if _is_number(zero, 0.0) and _never_minus_zero(zero) and _alike(x, step):
            if _never_minus_zero(x):
                return x
            break
    if _made_by(b, TABLE[np.negative]):
        return simplifier.step(step, (a, b.operands[0]), op=TABLE[np.subtract])
    if _made_by(a, TABLE[np.negative]) and not step.weak:
        return simplifier.step(step, (b, a.operands[0]), op=TABLE[np.subtract])
    return None


def _minus(simplifier: Simplifier, step: Step) -> Any:
    """a − (−b) as a + b."""
    a, b = step.operands
    if _made_by(b, TABLE[np.negative]):
        return simplifier.step(step, (a, b.operands[0]), op=TABLE[np.add])
    return None


def _order(step: Step) -> tuple[int, ...]:
    """The axes of a transposition, all counted from the front."""
    n = len(step.shape)
    axes = step.params["axes"]
    return tuple(range(n))[::-1] if axes is None else tuple(int(a) % n for a in axes)


def _transposed(simplifier: Simplifier, step: Step) -> Any:
    """Two transpositions as one, and none where nothing changes its place."""
    x, order = step.operands[0], _order(step)
    if _made_by(x, step.op):
        inner = _order(x)
        order = tuple(inner[a] for a in order)
        if order != tuple(range(len(order))):
            return simplifier.step(step, x.operands, params={"axes": order})
        return x.operands[0]
    return x if order == tuple(range(len(order))) and _alike(x, step) else None


def _reshaped(simplifier: Simplifier, step: Step) -> Any:
    """A reshape of a reshape as one; none where the shape stays."""
    x = step.operands[0]
    if step.params.get("order", "C") != "C" or not isinstance(x, Value):
        return None
    if x.shape == step.shape and not x.weak:
        return x
    if isinstance(x, Step) and x.op in _RESHAPES and x.params.get("order", "C") == "C":
        return simplifier.step(step, x.operands, op=TABLE[np.reshape],
                               params={"shape": step.shape, "order": "C"})  # fmt: skip
    return None


def _stretched(simplifier: Simplifier, step: Step) -> Any:
    x = step.operands[0]
    if isinstance(x, Value) and x.shape == step.shape and not x.weak:
        return x
    if _made_by(x, step.op):
        return simplifier.step(step, x.operands)
    return None


def _unstretched(x: Any, step: Step) -> Any:
    """An operand without its broadcasting, where the other operands broadcast alike."""
    if isinstance(x, Const):
        return _one_number(x, step)
    if not _made_by(x, TABLE[np.broadcast_to]):
        return x
    inner = x.operands[0]
    if isinstance(inner, Const) and not isinstance(inner.array, (np.ndarray, np.generic)):
        return x
    if getattr(inner, "weak", False):
        return x
    shapes = [inner.shape if o is x else o.shape for o in step.operands]
    return inner if np.broadcast_shapes(*shapes) == step.shape else x


def _one_number(x: Const, step: Step) -> Const:
    """An array of one number over and over as that number, where the step's shape stays."""
    array = x.array
    if not (isinstance(array, np.ndarray) and array.size and array.dtype.kind in "fiu"):
        return x
    first, last = array.flat[0], array.flat[-1]
    if first.tobytes() != last.tobytes() or not (array == first).all():
        return x
    shapes = [() if o is x else o.shape for o in step.operands]
    return Const(first) if np.broadcast_shapes(*shapes) == step.shape else x


_RESHAPES: set[Primitive] = set()
RULES: dict[Primitive, Callable[[Simplifier, Step], Any]] = {}


def _fill_rules() -> None:
    rules: dict[Any, Any] = {
        np.positive: _same, np.conjugate: _same, np.real: _same, np.real_if_close: _same,
        np.copy: _same, stop_gradient: _same, np.negative: _negative, np.add: _plus,
        np.subtract: _minus, np.multiply: _without_one((0, 1)), np.divide: _without_one((1,)),
        np.transpose: _transposed, np.broadcast_to: _stretched,
    }  # fmt: skip
    RULES.update({TABLE[key]: rule for key, rule in rules.items()})
    RULES[ASTYPE] = _same
    for key in (np.reshape, np.ravel, np.squeeze, np.expand_dims):
        RULES[TABLE[key]] = _reshaped
        _RESHAPES.add(TABLE[key])


_fill_rules()
