"""Donated arguments: which result overwrites which array, and the writes at a program's end.

Everything that can fail comes before the first write, and the writes are made by C code in one go,
so that an interrupt falls before or after them. A result whose last step is elementwise is computed
right into its array; any other is copied there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_lite import pytree
from autograd_lite.compiler.expressions import call_of
from autograd_lite.compiler.ir import Graph, Input, Step, Value, sources
from autograd_lite.compiler.library import Library
from autograd_lite.compiler.lines import statement, wrapped
from autograd_lite.compiler.naming import Names

__all__ = ["Donation", "check_donated", "kept_parts", "matched"]


def check_donated(donated: Any, others: Any) -> None:
    """Raise ValueError unless the donated arrays can be written and share memory with no other."""
    for name, x in donated.items():
        if not x.flags.writeable:
            raise ValueError(
                f"{name} of shape {x.shape} is donated, but read-only; pass a copy, {name}.copy()"
            )
    owners = {*map(id, donated.values())}
    if len(owners) == len(donated) and all(x.base is None for x in donated.values()):
        bases = [x if x.base is None else x.base for x in others.values()]
        own = all(type(x) is np.ndarray and x.base is None for x in bases)
        if own and owners.isdisjoint(map(id, bases)):
            return  # batches may be slices of arrays that own their memory, as all these do
    arrays = [*donated.items(), *others.items()]
    for i, (name, x) in enumerate(donated.items()):
        for other, y in arrays[i + 1 :]:
            if np.may_share_memory(x, y) and np.shares_memory(x, y):
                raise ValueError(
                    f"{name} of shape {x.shape} is donated, but shares memory with {other} of "
                    f"shape {y.shape}, which would change with it; pass a copy of one"
                )


class Donation:
    """The pairs of a donated input and the result that takes its place."""

    def __init__(self, pairs: Sequence[tuple[Input, Any]]) -> None:
        self.all = list(pairs)
        self.inputs = [x for x, _ in pairs]
        self.pairs = [(x, y) for x, y in pairs if x is not y]  # the others stay as they are
        self.direct: set[Value] = set()
        self.shown: set[Value] = set()  # results that show the memory of a donated array

    def arranged(self, graph: Graph) -> Graph:
        """The graph with the steps that are done in the final writes moved to its end."""
        inputs = {x for x, _ in self.pairs}
        counts: dict[Any, int] = {}
        for step in graph.steps:
            for x in sources(step):
                counts[x] = counts.get(x, 0) + 1
        for y in graph.outputs:
            if isinstance(y, Value):
                counts[y] = counts.get(y, 0) + 1
        shows = _shown(graph)
        self.shown = {y for _, y in self.pairs if shows.get(y, set()) & inputs}
        for x, y in self.pairs:
            if not (isinstance(y, Step) and counts[y] == 1 and y.op.name in _BINARY):
                continue
            if not y.shape:  # arithmetic on numbers is an expression, which writes nowhere
                continue
            read = set().union(*(shows.get(o, {o}) for o in sources(y)))
            if (y.shape, y.dtype) == (x.shape, x.dtype) and not (read & inputs) - {x}:
                self.direct.add(y)
        first = [s for s in graph.steps if s not in self.direct]
        return Graph(
            graph.inputs, first + [s for s in graph.steps if s in self.direct], graph.outputs
        )

    def returned(self, graph: Graph) -> set[Value]:
        """The results that are handed out, and so have arrays of their own."""
        outputs = [y for y in graph.outputs if isinstance(y, Value)]
        for _, y in self.all:
            if y in outputs:
                outputs.remove(y)
        return {*outputs, *self.direct}

    def writes(self, writer: Any, names: Names, library: Library, own: dict[str, str]) -> list[str]:
        """The statements of the final writes; `own` has the program's names for what it adds."""
        if not self.pairs:
            return []
        heads: list[str] = []
        firsts: list[str] = []
        seconds: list[str] = []
        outs: list[str] = []
        lines = []
        for x, y in self.pairs:
            out = names.of[x]
            if y in self.direct:
                call = call_of(y, library)
                a, b = (writer.operand(o, y, call) for o in call.operands)
                heads.append(call.head)
            else:
                a = names.of[y] if isinstance(y, Value) else library.constant(y.array)
                b = ""
                heads.append("np.positive")
                if isinstance(y, Value) and y in self.shown:  # it would change with an argument
                    copy = names.free(f"{names.of[x]}_new")
                    lines.append(f"{copy} = {a}.copy()")
                    a = copy
            firsts.append(a)
            seconds.append(b)
            outs.append(out)
        heads = [library.called(head, names.taken) for head in heads]
        return lines + _one_call(heads, firsts, seconds, outs, library, own)


_BINARY = frozenset({"add", "subtract", "multiply", "divide"})


def _one_call(
    heads: list[str],
    firsts: list[str],
    seconds: list[str],
    outs: list[str],
    library: Library,
    own: dict[str, str],
) -> list[str]:
    """Statements that do all writes in one call of C code."""
    if len(heads) == 1:
        operands = ", ".join(o for o in (firsts[0], seconds[0]) if o)
        return [f"{heads[0]}({operands}, out={outs[0]})"]
    why = "# all in one call, so that an interrupt falls before or after"
    if len(set(heads)) == 1 and (all(seconds) or not any(seconds)):
        target, *rest = (", ".join(column) for column in (outs, seconds, firsts))
        lines = statement(own["old"], target) if firsts == outs else []
        columns = [own["old"] if column == target and lines else f"({column})"
                   for column in (rest[1], rest[0], target) if column.strip(", ")]  # fmt: skip
        return [*lines, why, *_spread(target, f"map({heads[0]}, {', '.join(columns)})")]
    for module, name in (("collections", "deque"), ("functools", "partial"), ("operator", "call")):
        alias = f" as {own[name]}" if own[name] != name else ""
        library.imports[f"from {module} import {name}{alias}"] = None
    lines = [f"{own['writes']} = ["]
    for head, a, b, out in zip(heads, firsts, seconds, outs, strict=True):
        words = ", ".join(o for o in (a, b, out) if o)
        lines.append(f"    {own['partial']}({head}, {words}),")
    every = f"{own['deque']}(map({own['call']}, {own['writes']}), 0)"
    return [*lines, "]", why, every]


def _spread(target: str, call: str) -> list[str]:
    """target = call, either over several lines where they are long."""
    if len(target) + len(call) < 90:
        return [f"{target} = {call}"]
    left = statement(target, "call")[:-1] if len(target) > 80 else []
    if not left:
        first, *more = wrapped(f"{target} = {call}")
        return [first, *more]
    first, *more = wrapped(f") = {call}")
    return [*left, first, *more]


def _shown(graph: Graph) -> dict[Value, set[Value]]:
    """The inputs whose memory a value may show."""
    shows: dict[Value, set[Value]] = {x: {x} for x in graph.inputs}
    for step in graph.steps:
        if isinstance(step, Step) and step.op.kind == "elementwise":
            shows[step] = set()
        else:
            shows[step] = set().union(*(shows.get(x, {x}) for x in sources(step)))
    return shows


def matched(
    argument: pytree.TreeDef,
    inputs: Sequence[Any],
    result: pytree.TreeDef,
    outputs: Sequence[Any],
    taken: set[int],
) -> tuple[int, pytree.TreeDef] | None:
    """Where the first part of the result begins that has a donated argument's structure and shapes.

    Its place among the result's leaves, and the part; None where there is none.
    """
    for start, tree in _subtrees(result):
        n = tree.n_leaves
        if start in taken or n != len(inputs) or _skeleton(tree) != _skeleton(argument):
            continue
        parts = outputs[start : start + n]
        if all(_alike(x, y) for x, y in zip(inputs, parts, strict=True)):
            return start, tree
    return None


def kept_parts(
    argument: pytree.TreeDef, result: pytree.TreeDef, donated: Sequence[bool], name: str
) -> dict[int, str]:
    """The parts of a result that are parts of the argument, as they were: all arrays, overwritten.

    Expressions by the identity of the part.
    """
    parts: dict[int, str] = {}
    stack = [(argument, result, 0, name)]
    while stack:
        mine, part, at, path = stack.pop()
        if mine.cls is None:
            continue
        if all(donated[at : at + mine.n_leaves]) and mine.n_leaves:
            parts[id(part)] = path
            continue
        if mine.cls not in (dict, list, tuple):
            continue
        keys = mine.meta if mine.cls is dict else range(len(mine.children))
        for key, child, inner in zip(keys, mine.children, part.children, strict=True):
            stack.append((child, inner, at, f"{path}[{key!r}]"))
            at += child.n_leaves
    return parts


def _subtrees(tree: pytree.TreeDef) -> list[tuple[int, pytree.TreeDef]]:
    """Every part of a structure, the whole first, with the place of its first leaf."""
    found, stack = [], [(0, tree)]
    while stack:
        start, part = stack.pop()
        found.append((start, part))
        children, at = [], start
        for child in part.children:
            children.append((at, child))
            at += child.n_leaves
        stack.extend(reversed(children))
    return found


def _skeleton(tree: pytree.TreeDef) -> Any:
    """What of a structure has to agree: classes and labels."""
    return (tree.cls, tree.labels, tuple(map(_skeleton, tree.children)))


def _alike(x: Any, y: Any) -> bool:
    if not isinstance(x, Input):
        return True  # a static leaf
    if x.weak:
        weak = getattr(y, "weak", False) and y.dtype == x.dtype
        return weak or isinstance(getattr(y, "array", None), float)
    if isinstance(y, Value):
        return (x.shape, x.dtype) == (y.shape, y.dtype)
    array = getattr(y, "array", None)
    kind = (getattr(array, "shape", None), getattr(array, "dtype", None))
    return kind == (x.shape, x.dtype)
