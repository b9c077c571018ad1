"""Graphs that are swept again and again: their sweep, written out as a Python function.

A training step records a graph of the same rows, joined alike, every time. When some graphs alike
have been swept, `swept` writes the sweep of such a graph out: a function that calls the same rules
on the same arrays in the same order and adds up the same sums, bit for bit, without the heap and
the dictionaries of `sweep`. It begins by looking whether the graph is what it was written for, and
leaves any other to `sweep`.
"""

from __future__ import annotations

import ast
from _weakref import ref  # what weakref.ref is, 0.7 ms sooner
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from autograd_lite.changes import LATEST
from autograd_lite.floats import ERRORS, IGNORED
from autograd_lite.sweep import IRREGULAR, PICK, Node, fitted, merged, sweep
from autograd_lite.table import Plan, Primitive

__all__ = ["Unrolled", "Written", "drained", "expression", "outline_of", "swept"]

#: Graphs of more nodes and leaves than this, or twice as many edges, are swept one node after
#: another.
MOST = 2_000
#: Functions that are kept for graphs that end in one row.
KEPT = 8
#: Sweeps of other graphs until a graph is looked at; where two such are alike, a function is worth
#: its writing, which costs as much as a hundred sweeps.
PATIENCE = 4

_FLOAT64 = np.dtype(np.float64)


def swept(
    outputs: list[tuple[Node, Any]],
    targets: Collection[Node] | None = None,
    floor: int = 0,
    *,
    as_tensors: Callable[[Node], Sequence[Any]] | None = None,
    free: bool = False,
    watch: Callable[..., None] | None = None,
) -> dict[Node, Any]:
    """`sweep`, by a function that is written for it where one output has a graph like others.

    The list of outputs is emptied: where nobody else holds the graph, it dies as it is swept.
    """
    if as_tensors is None and watch is None and len(outputs) == 1:
        plan = outputs[0][0].plan
        if plan is not None and not (targets and [n for n in targets if n.plan is not None]):
            written = plan.written
            if written is None:
                written = plan.written = Written()
            for place, unrolled in enumerate(written.functions):
                found = unrolled(outputs, targets, floor, free)
                if found is not None:
                    if place:
                        written.functions = [unrolled, *written.without(unrolled)]
                    return found  # type: ignore[no-any-return]
            written.look(outputs[0][0], targets, floor)
    pairs = drained(outputs)
    return sweep(pairs, targets, floor, as_tensors=as_tensors, free=free, watch=watch)


def drained(pairs: list[Any]) -> Iterator[Any]:
    """The items of a list, each removed as it is given."""
    while pairs:
        yield pairs.pop(0)


class Written:
    """The functions for graphs that end in one row, those used last first.

    A graph is looked at after 4, 8, 16 … sweeps of others; the count begins anew with every
    function, from twice as many after each `KEPT` of them: graphs that never repeat cost little.
    """

    __slots__ = ("count", "functions", "others", "outline")

    def __init__(self) -> None:
        self.functions: list[Unrolled] = []
        self.count = 0  # functions written so far
        self.others = 0  # graphs that none was written for, since the last was written
        self.outline: Outline | None = None  # of the last one looked at, its plans held weakly

    def without(self, unrolled: Unrolled) -> list[Unrolled]:
        """The other functions."""
        return [f for f in self.functions if f is not unrolled]

    def look(self, node: Node, targets: Collection[Node] | None, floor: int) -> None:
        """Count the graph of a node, and write a function if the last one looked at was like it."""
        self.others = n = self.others + 1
        if n < PATIENCE << self.count // KEPT or n & (n - 1):
            return
        outline = outline_of(node, targets, floor)
        weak = outline and _weak(outline)
        if outline is None or weak != self.outline or _length(outline) > 32 * n:
            self.outline = weak
            return
        self.others, self.outline, self.count = 0, None, self.count + 1
        self.functions = [Unrolled(outline), *self.functions[: KEPT - 1]]


#: (whether there are targets; the nodes in the order of the sweep, each (plan, kind of its
#: cotangent, the nodes that its edges lead to, which result of how many it picks); the leaves, each
#: (whether its cotangent is wanted, its kind)). Leaf i is node −1 − i.
Outline = tuple[bool, tuple[Any, ...], tuple[Any, ...]]


def outline_of(root: Node, targets: Collection[Node] | None, floor: int) -> Outline | None:
    """How the graph of a node is made up; None for one that `sweep` is the better choice for."""
    seen, stack, edges = {root}, [root], 0
    while stack:
        node = stack.pop()
        if node.order < floor or (node.info is not None and "retain" in node.info):
            return None
        for i, _ in node.plan.edges:
            parent = node.inputs[i]
            if parent not in seen:
                seen.add(parent)
                if parent.plan is not None:
                    stack.append(parent)
        edges += len(node.plan.edges)
        if len(seen) > MOST or edges > 2 * MOST:
            return None
    nodes = sorted((n for n in seen if n.plan is not None), key=lambda n: -n.order)
    places: dict[Node, int] = {node: i for i, node in enumerate(nodes)}
    leaves: list[tuple[bool, str]] = []
    entries = []
    for node in nodes:
        for i, _ in node.plan.edges:
            parent = node.inputs[i]
            if parent not in places:
                places[parent] = -1 - len(leaves)
                leaves.append((targets is None or parent in targets, _kind(parent)))
        inputs = tuple([places[node.inputs[i]] for i, _ in node.plan.edges])
        picks = (node.params["index"], len(node.inputs[0].shape)) if node.plan is PICK else None
        entries.append((node.plan, _kind(node), inputs, picks))
    return targets is not None, tuple(entries), tuple(leaves)


def _length(outline: Outline) -> int:
    """How many edges a graph has, each of which is a call or a sum in its function."""
    return sum([len(inputs) for _, _, inputs, _ in outline[1]])


def _weak(outline: Outline) -> Outline:
    """An outline that keeps no plan alive: the rule of a checkpoint closes over arrays."""
    aimed, nodes, leaves = outline
    return aimed, tuple([(ref(plan), *rest) for plan, *rest in nodes]), leaves


def _kind(node: Node) -> str:
    """What a cotangent of a node is: "number", "array", or for several results "tuple"."""
    if isinstance(node.dtype, tuple):
        return "tuple"
    return "number" if node.shape == () and node.dtype == _FLOAT64 else "array"


class Unrolled:
    """A sweep that is written out, for graphs of one outline.

    `run(outputs, targets, floor, free)` is what `sweep` finds, or None where the graph has another
    outline or must be looked at as it is swept.
    """

    __slots__ = ("rules", "run", "source")

    def __init__(self, outline: Outline) -> None:
        writer = _Writer(outline)
        #: the row, the input and its variable, by the lines that call its rule and add up
        self.rules = writer.rules
        self.source = "\n".join(writer.lines) + "\n"
        exec(compile(self.source, "<unrolled sweep>", "exec"), writer.names)
        self.run = writer.names["unrolled"]

    def __call__(
        self,
        outputs: list[tuple[Node, Any]],
        targets: Collection[Node] | None,
        floor: int,
        free: bool,
    ) -> dict[Node, Any] | None:
        """`run`, as quiet as `sweep`, and with its notes."""
        calm = ERRORS.set(IGNORED)
        try:
            return self.run(outputs, targets, floor, free)  # type: ignore[no-any-return]
        except Exception as error:
            self.explain(error)
            raise
        finally:
            ERRORS.reset(calm)

    def explain(self, error: Exception) -> None:
        """Note which rule an exception comes from."""
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code is not self.run.__code__:
            trace = trace.tb_next
        if trace is not None and trace.tb_lineno in self.rules:
            op, i, name = self.rules[trace.tb_lineno]
            shape = trace.tb_frame.f_locals[name].shape
            error.add_note(f"in the vjp of {op.path}, input {i} of shape {shape}")


class _Writer:
    """Writes the sweep of graphs of one outline: `lines`, and the `names` that they use.

    n3 is the node at place 3 of the sweep and g3 its cotangent, n_0 and g_0 are the first leaf's.
    """

    def __init__(self, outline: Outline) -> None:
        self.aimed, self.nodes, self.leaves = outline
        self.lines: list[str] = []
        self.rules: dict[int, tuple[Primitive, int, str]] = {}
        self.about: tuple[Primitive, int, str] | None = None  # what the next lines are for
        self.names: dict[str, Any] = {
            "add": np.add, "fitted": fitted, "float64": np.float64, "f64": _FLOAT64,
            "irregular": IRREGULAR, "latest": LATEST, "merged": merged, "ndarray": np.ndarray,
        }  # fmt: skip
        self.known: dict[int, str] = {}
        self.sums: dict[int, int] = {}  # how many cotangents went to the node at a place so far
        self.write()

    def write(self) -> None:
        """Write it."""
        self.lines.append("def unrolled(outputs, targets, floor, free):")
        self.line(f"if targets is {'' if self.aimed else 'not '}None: return None")
        self.line("(n0, g0), = outputs")
        self.write_checks()
        self.line("outputs.clear()")
        kinds = {kind for _, kind, _, _ in self.nodes}
        for place, (plan, _, inputs, _) in enumerate(self.nodes):
            saved = _SAVED[: plan.arity + 1] if plan.arity and plan.keeps else ()
            if saved:
                self.line(f"{', '.join(saved)} = n{place}.saved")
            edges = zip(plan.edges, inputs, strict=True)
            wanted = [(edge, to) for edge, to in edges if to >= 0 or self.leaves[-1 - to][0]]
            for k, (edge, to) in enumerate(wanted):
                self.about = plan.op, edge[0], f"n{_suffix(to)}"
                if plan.op.jointly and k == 0:
                    self.line(f"each = {self.name(plan.op.rules[0])}({_everything(place)})")
                self.write_edge(place, plan, edge, to)
            self.about = None
            if kinds != {"number"}:  # let go of what may hold an array
                self.line(f"if free: n{place}.free()")
                done = [f"n{place}", f"g{place}", *saved, *["each"] * plan.op.jointly]
                done += ["ct"] * any(self.sums.get(to, 0) > 1 for to in inputs)
                self.line(f"{' = '.join(done)} = None")
        if kinds == {"number"}:
            everyone = ", ".join(f"n{place}" for place in range(len(self.nodes)))
            self.line(f"for node in ({everyone},) if free else (): node.free()")
        found = [_suffix(-1 - i) for i, (wanted, _) in enumerate(self.leaves) if wanted]
        self.line(f"return {{{', '.join(f'n{v}: g{v}' for v in found)}}}")

    def line(self, text: str) -> None:
        """Add a line."""
        self.lines.append(f"    {text}")
        if self.about is not None:
            self.rules[len(self.lines)] = self.about

    def name(self, thing: Any) -> str:
        """The name of a rule, a plan or a row."""
        if id(thing) not in self.known:
            name = self.known[id(thing)] = f"{type(thing).__name__.lower()}{len(self.known)}"
            self.names[name] = thing
        return self.known[id(thing)]

    def write_checks(self) -> None:
        """Write what sees whether a graph has the outline, and finds its nodes."""
        met: set[int] = {0}
        again: set[str] = set()  # variables of nodes that were met before
        for place, (plan, _, inputs, picks) in enumerate(self.nodes):
            tests = [f"n{place}.order >= n{place - 1}.order"] if place else []
            if picks is not None:
                tests.append(f"n{place}.params['index'] != {picks[0]}")
            found = []
            for (i, _), to in zip(plan.edges, inputs, strict=True):
                node = f"n{_suffix(to)}"
                if to in met:
                    tests.append(f"i{i} is not {node}")
                    node = f"i{i}"
                    again.add(node)
                elif to >= 0:
                    tests.append(f"{node}.plan is not {self.name(self.nodes[to][0])}")
                else:
                    tests.append(f"{node}.plan is not None")
                    if self.aimed:
                        wanted = self.leaves[-1 - to][0]
                        tests.append(f"{node} {'not in' if wanted else 'in'} targets")
                met.add(to)
                found.append((i, node))
            if len(found) == len(plan.tracked):
                self.line(f"{', '.join(node for _, node in found)}, = n{place}.inputs")
            else:
                for i, node in found:
                    self.line(f"{node} = n{place}.inputs[{i}]")
            if tests:
                self.line(f"if {' or '.join(tests)}: return None")
        self.line(f"first = n{len(self.nodes) - 1}.order")
        self.line("if first < floor or first < latest[0] or first <= irregular[0]: return None")
        if len(self.leaves) > 1:
            leaves = ", ".join(f"n{_suffix(-1 - i)}" for i in range(len(self.leaves)))
            self.line(f"if len({{{leaves}}}) < {len(self.leaves)}: return None")
        if again:
            self.line(f"{' = '.join(sorted(again))} = None")

    def write_edge(self, place: int, plan: Plan, edge: tuple[int, Any], to: int) -> None:
        """Write the call of a rule, and what adds its result to the cotangent of the input."""
        op, (i, rule) = plan.op, edge
        node, total, g = f"n{_suffix(to)}", f"g{_suffix(to)}", f"g{place}"
        kind = self.nodes[to][1] if to >= 0 else self.leaves[-1 - to][1]
        self.sums[to] = nth = self.sums.get(to, 0) + 1
        if plan.arity:
            saved = _SAVED[: plan.arity + 1] if plan.keeps else ("None",) * (plan.arity + 1)
            arguments = (g, *saved)
            form = expression(rule)
            call = form.format(*arguments) if form else f"{self.name(rule)}({', '.join(arguments)})"
        elif plan is PICK:
            index, n_outputs = self.nodes[place][3]
            call = f"({''.join(f'{g if k == index else None}, ' for k in range(n_outputs))})"
        elif op.jointly:
            call = f"each[{i}]"
        elif op.into is not None and nth > 1:
            self.line(f"{total} = {self.name(op.into)}({total}, {nth > 2}, {_everything(place)})")
            return
        else:
            call = f"{self.name(rule)}({_everything(place)})"
        ct = total if nth == 1 else "ct"
        self.line(f"{ct} = {call}")
        if kind == "tuple":
            if nth > 1:
                self.line(f"{total} = merged({total}, ct)")
            return
        good = (
            f"type({ct}) is float64 and {node}.dtype is f64 and not {node}.shape"
            if kind == "number"
            else f"{ct}.shape == {node}.shape and {ct}.dtype is {node}.dtype"
        )
        self.line(f"if not ({good}): {ct} = fitted({ct}, {node}, {self.name(op)})")
        if nth == 2 or (nth > 2 and kind == "number"):
            self.line(f"{total} = {total} + ct")
        elif nth > 2:
            in_place = f"add({total}, ct, {total}) if type({total}) is type(ct) is ndarray"
            self.line(f"{total} = {in_place} else {total} + ct")


_SAVED = ("y", "a", "b")


def _everything(place: int) -> str:
    """The arguments of a rule that takes whatever there is."""
    return f"g{place}, *n{place}.saved, **n{place}.params"


def _suffix(place: int) -> str:
    """What follows n and g in the names of a node and its cotangent."""
    return f"{place}" if place >= 0 else f"_{-1 - place}"


def expression(rule: Callable[..., Any]) -> str | None:
    """The expression of a rule that is a lambda of arithmetic alone, {0} for its first argument."""
    if type(rule) is not FunctionType or rule.__closure__ or rule.__defaults__:
        return None
    return _expression_of(rule.__code__)


@lru_cache(1024)
def _expression_of(code: CodeType) -> str | None:
    """The same of a rule's code.

    Found in its file by its bytecode, so that a file that was changed since cannot mislead.
    """
    for found in _lambdas(code.co_filename) if code.co_name == "<lambda>" else ():
        (made,) = compile(ast.Expression(found), "", "eval").co_consts[:1]
        # as text, the constants 1, 1.0 and -0.0, 0.0 differ
        facts = [(c.co_code, repr(c.co_consts), c.co_names, c.co_varnames) for c in (code, made)]
        if facts[0] == facts[1]:
            body = ast.parse(ast.unparse(found.body), mode="eval").body
            for part in ast.walk(body):
                if isinstance(part, ast.Name):
                    part.id = f"{{{code.co_varnames.index(part.id)}}}"
            return ast.unparse(body)
    return None


@lru_cache(16)
def _lambdas(filename: str) -> list[ast.Lambda]:
    """Every lambda of arithmetic on its own arguments in a file."""
    try:
        with open(filename, encoding="utf-8") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return []
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Lambda) or node.args.defaults:
            continue
        own = {a.arg for a in node.args.args}
        if all(_is_arithmetic(part, own) for part in ast.walk(node.body)):
            found.append(node)
    return found


def _is_arithmetic(part: ast.AST, names: set[str]) -> bool:
    if isinstance(part, ast.Name):
        return part.id in names
    if isinstance(part, ast.Constant):
        return type(part.value) in (int, float)
    return isinstance(part, (ast.Load, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop))
