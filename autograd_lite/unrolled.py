"""Graphs that are swept again and again: their sweep, written out as a Python function.

A training step records a graph of the same rows, joined alike, every time. When some graphs alike
have been swept, `swept` writes the sweep of such a graph out: a function that calls the same rules
on the same arrays in the same order and adds up the same sums, bit for bit, without the heap and
the dictionaries of `sweep`; a rule that is but an expression, for the shapes of that graph, is
written into it. It begins by looking whether the graph is what it was written for, and leaves any
other to `sweep`.
"""

from __future__ import annotations

from _weakref import ref  # what weakref.ref is, 0.7 ms sooner
from collections.abc import Callable, Collection, Iterator, Sequence
from os.path import dirname, join
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from autograd_lite.changes import LATEST, advance
from autograd_lite.floats import ERRORS, IGNORED
from autograd_lite.partial import Expression, Known, expression
from autograd_lite.sweep import (
    FREED,
    IRREGULAR,
    PICK,
    Node,
    fitted,
    merged,
    own,
    refuse_freed,
    sweep,
    unbroadcast,
)
from autograd_lite.table import Primitive

__all__ = ["Unrolled", "Written", "drained", "outline_of", "swept"]

#: Graphs of more nodes and leaves than this, or twice as many edges, are swept one node after
#: another.
MOST = 2_000
#: Functions that are kept for graphs that end in one row.
KEPT = 8
#: Sweeps of other graphs until a graph is looked at; where two such are alike, a function is worth
#: its writing, which costs as much as a hundred sweeps.
PATIENCE = 4

#: Where tracebacks say that its lines are: in this package, so none is taken for the user's.
_FILE = join(dirname(__file__), "<unrolled sweep>")
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
    """`sweep`, by a function that is written for it where the outputs have a graph like others.

    The list of outputs is emptied: where nobody else holds the graph, it dies as it is swept. What
    a sweep that is not recorded finds is the caller's `own`.
    """
    seeds = [g for _, g in outputs]
    if watch is None:
        plan = _last_row(outputs)  # without a hold on the graph
        if plan is not None and not (targets and [n for n in targets if n.plan is not None]):
            written = plan.written
            if written is None:
                written = plan.written = Written()
            for place, unrolled in enumerate(written.functions):
                found = unrolled.run(outputs, targets, floor, free, as_tensors)
                if found is not None:
                    if place:
                        written.functions = [unrolled, *written.without(unrolled)]
                    return found if as_tensors or unrolled.fresh else own(found, seeds)
            written.look([node for node, _ in outputs], targets, floor, as_tensors is not None)
    pairs = drained(outputs)
    found = sweep(pairs, targets, floor, as_tensors=as_tensors, free=free, watch=watch)
    return found if as_tensors else own(found, seeds)


def _last_row(outputs: list[tuple[Node, Any]]) -> Any:
    """The plan of the newest of some nodes; None where a sweep begins at leaves, or at none."""
    if len(outputs) == 1:
        return outputs[0][0].plan
    last = None
    for node, _ in outputs:
        if node.plan is None:
            return None
        if last is None or node.order > last.order:
            last = node
    return last and last.plan


def drained(pairs: list[Any]) -> Iterator[Any]:
    """The items of a list, each removed as it is given."""
    while pairs:
        yield pairs.pop(0)


class Written:
    """The functions for graphs that end in one row, those used last first.

    A graph is looked at after 4, 8, 16 … sweeps of others; the count begins anew with every
    function, from twice as many after each `KEPT` of them: graphs that never repeat cost little.
    Every third or fifth of those is never the same twice running, so several are remembered.
    """

    __slots__ = ("count", "functions", "others", "outlines")

    def __init__(self) -> None:
        self.functions: list[Unrolled] = []
        self.count = 0  # functions written so far
        self.others = 0  # graphs that none was written for, since the last was written
        self.outlines: list[Outline] = []  # of those looked at last, their plans held weakly

    def without(self, unrolled: Unrolled) -> list[Unrolled]:
        """The other functions."""
        return [f for f in self.functions if f is not unrolled]

    def look(
        self, roots: list[Node], targets: Collection[Node] | None, floor: int, recorded: bool
    ) -> None:
        """Count the graph of some nodes; write a function if one looked at was like it."""
        self.others = n = self.others + 1
        if n < PATIENCE << self.count // KEPT or n & (n - 1):
            return
        outline = outline_of(roots, targets, floor, recorded)
        if outline is None:
            return
        weak = _weak(outline)
        others = [other for other in self.outlines if other != weak]
        if len(others) == len(self.outlines) or _length(outline) > 32 * n:
            self.outlines = [weak, *others[: KEPT - 1]]
            return
        self.others, self.outlines, self.count = 0, others, self.count + 1
        self.functions = [Unrolled(outline), *self.functions[: KEPT - 1]]


class Place(NamedTuple):
    """A node in the order of the sweep, or a leaf: what of it a function is written for."""

    plan: Any  # of a leaf, whether its cotangent is wanted
    known: Known  # of its value; nothing of a node's that has several results
    inputs: tuple[int, ...] = ()  # the places that its edges lead to; of leaf i, −1 − i
    pick: tuple[int, int] | None = None  # which result of how many it picks
    saved: tuple[Known, ...] = ()  # what it saved: y and its inputs


class Outline(NamedTuple):
    """How a graph is made up, and how it is swept."""

    aimed: bool  # whether there are targets
    recorded: bool  # whether the sweep is
    nodes: tuple[Place, ...]  # in the order of the sweep
    leaves: tuple[Place, ...]
    ends: tuple[int, ...]  # the places of the outputs, in the order in which they are given


def outline_of(
    roots: Sequence[Node],
    targets: Collection[Node] | None = None,
    floor: int = 0,
    recorded: bool = False,
) -> Outline | None:
    """How the graph of some nodes is made up; None for what `sweep` is the better choice for."""
    seen, stack, edges = set(roots), list(roots), 0
    if len(seen) < len(roots):
        return None
    while stack:
        node = stack.pop()
        if node.order < floor or node.order <= IRREGULAR[0]:
            return None
        if type(node.dtype) is not tuple and not node.dtype.isnative:
            return None  # a sum of its cotangents would be
        if recorded and node.plan.op.into is not None:
            return None  # whose sums are put together later
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
    leaves: list[Place] = []
    entries = []
    for node in nodes:
        for i, _ in node.plan.edges:
            parent = node.inputs[i]
            if parent not in places:
                places[parent] = -1 - len(leaves)
                leaves.append(Place(targets is None or parent in targets, _known(parent)))
        inputs = tuple([places[node.inputs[i]] for i, _ in node.plan.edges])
        pick = (node.params["index"], len(node.inputs[0].shape)) if node.plan is PICK else None
        saved = _saved(node) if node.plan.arity and not recorded else ()
        entries.append(Place(node.plan, _known(node), inputs, pick, saved))
    ends = tuple([places[root] for root in roots])
    return Outline(targets is not None, recorded, tuple(entries), tuple(leaves), ends)


def _known(node: Node) -> Known:
    return Known() if isinstance(node.dtype, tuple) else Known(node.shape, node.dtype)


def _saved(node: Node) -> tuple[Known, ...]:
    """What is known of (y, *inputs) that a node saved.

    A number may promote or not, whatever its dtype: of another dtype than the result's nothing is
    known.
    """
    plan, found = node.plan, [_known(node)]
    edges = {i for i, _ in plan.edges}
    for i, parent in enumerate(node.inputs):
        value = node.saved[i + 1] if plan.keeps else None
        if i in edges:
            known = _known(parent)
        elif type(value) is float:
            known = Known((), float)
        elif type(value) is np.ndarray and value.ndim and plan.op.kind == "bilinear":
            known = Known(value.shape, value.dtype)
        else:
            known = Known()
        alike = known.dtype is float or known.dtype == node.dtype
        found.append(known if alike else Known())
    return tuple(found)


def _length(outline: Outline) -> int:
    """How many edges a graph has, each of which is a call or a sum in its function."""
    return sum([len(place.inputs) for place in outline.nodes])


def _weak(outline: Outline) -> Outline:
    """An outline that keeps no plan alive: the rule of a checkpoint closes over arrays."""
    nodes = tuple([place._replace(plan=ref(place.plan)) for place in outline.nodes])
    return outline._replace(nodes=nodes)


class Unrolled:
    """A sweep that is written out, for graphs of one outline.

    `run(outputs, targets, floor, free)` is what `sweep` finds, or None where the graph has another
    outline or must be looked at as it is swept.
    """

    __slots__ = ("fresh", "run", "source")

    def __init__(self, outline: Outline) -> None:
        writer = _Writer(outline)
        #: whether what it finds shares no memory, with itself or with what it is given
        self.fresh = all(to >= 0 for to in writer.shared)
        self.source = "\n".join(writer.lines) + "\n"
        exec(compile(self.source, _FILE, "exec"), writer.names)
        self.run = writer.names.pop("unrolled")  # which holds the names


Rules = dict[int, tuple[Primitive, int, int]]


def explain(error: Exception, rules: Rules, nodes: Sequence[Any]) -> None:
    """Note which rule an exception of a written sweep comes from.

    `nodes` are those at the places 0, 1, … −2, −1, None where one is swept already. Raises
    RuntimeError where the graph was freed while it was swept: by another thread, or by a rule.
    """
    for node in nodes if isinstance(error, TypeError) else ():
        if node is not None and node.saved is FREED:
            refuse_freed(node)
    trace = error.__traceback__  # begins in the sweep; to ask for its locals would make a cycle
    if trace is not None and trace.tb_lineno in rules:
        op, i, to = rules[trace.tb_lineno]
        error.add_note(f"in the vjp of {op.path}, input {i} of shape {nodes[to].shape}")


class _Writer:
    """Writes the sweep of graphs of one outline: `lines`, and the `names` that they use.

    n3 is the node at place 3 of the sweep and g3 its cotangent, n_0 and g_0 are the first leaf's.
    """

    def __init__(self, outline: Outline) -> None:
        self.aimed, self.recorded, self.nodes, self.leaves, self.ends = outline
        self.lines: list[str] = []
        self.indent = " " * 4
        #: the row, the input and its place, by the lines that call its rule and add up
        self.rules: Rules = {}
        self.about: tuple[Primitive, int, int] | None = None  # what the next lines are for
        self.names: dict[str, Any] = {
            "add": np.add, "advance": advance, "explain": explain, "fitted": fitted,
            "float64": np.float64, "freed": FREED, "ignored": IGNORED, "irregular": IRREGULAR,
            "latest": LATEST, "loud": ERRORS.reset, "merged": merged, "ndarray": np.ndarray,
            "quiet": ERRORS.set, "rules": self.rules,
        }  # fmt: skip
        self.known: dict[int, str] = {}
        #: how many cotangents went to the node at a place so far
        self.sums = dict.fromkeys(self.ends, 1)
        self.parted: set[int] = set()  # places whose sum is an array, were it of one number
        self.shared: set[int] = set()  # places whose cotangent may be somebody else's array
        self.write()

    def write(self) -> None:
        """Write it."""
        self.lines.append("def unrolled(outputs, targets, floor, free, as_tensors=None):")
        other = f"targets is {'' if self.aimed else 'not '}None"
        other += f" or as_tensors is {'' if self.recorded else 'not '}None"
        self.line(f"if {other} or len(outputs) != {len(self.ends)}: return None")
        self.line(f"{' '.join(f'(n{end}, g{end}),' for end in self.ends)} = outputs")
        self.write_checks()
        self.line("outputs.clear()")
        self.line("if free: advance(irregular, n0.order)")
        self.line("calm = quiet(ignored)")
        self.line("try:")
        self.indent *= 2
        numbers = all(
            _is_number(place.known) and place.plan.op.kind == "elementwise" for place in self.nodes
        )
        for i, place in enumerate(self.nodes):
            saved = self.write_node(i, place)
            if not numbers:  # let go of what may hold an array
                if all(place.plan.tracked):
                    self.line(f"if free: n{i}.saved = freed")
                else:
                    self.line(f"if free: n{i}.free()")
                done = [f"n{i}", f"g{i}", *saved, *["each"] * place.plan.op.jointly]
                done += ["ct"] * any(self.sums.get(to, 0) > 1 for to in place.inputs)
                self.line(f"{' = '.join(done)} = None")
        if numbers:
            everyone = ", ".join(f"n{i}" for i in range(len(self.nodes)))
            self.line(f"for node in ({everyone},) if free else (): node.free()")
        found = [_suffix(-1 - i) for i, leaf in enumerate(self.leaves) if leaf.plan]
        self.line(f"return {{{', '.join(f'n{v}: g{v}' for v in found)}}}")
        self.indent = " " * 4
        places = (*range(len(self.nodes)), *range(-len(self.leaves), 0))
        everyone = ", ".join(f"n{_suffix(place)}" for place in places)
        self.line(f"except Exception as error: explain(error, rules, ({everyone},)); raise")
        self.line("finally: loud(calm)")

    def line(self, text: str) -> None:
        """Add a line."""
        self.lines.append(f"{self.indent}{text}")
        if self.about is not None:
            self.rules[len(self.lines)] = self.about

    def name(self, thing: Any) -> str:
        """The name of a rule, a plan, a row, a dtype or a constant."""
        if id(thing) not in self.known:
            kind = "Dtype" if isinstance(thing, np.dtype) else type(thing).__name__.capitalize()
            name = self.known[id(thing)] = f"{kind}{len(self.known)}"
            self.names[name] = thing
        return self.known[id(thing)]

    def place(self, place: int) -> Place:
        """The node or leaf at a place."""
        return self.nodes[place] if place >= 0 else self.leaves[-1 - place]

    def write_checks(self) -> None:
        """Write what sees whether a graph has the outline, and finds its nodes."""
        met = set(self.ends)
        again: set[str] = set()  # variables of nodes that were met before
        tests = [
            test for end in self.ends for test in self.unlike(f"n{end}", self.nodes[end].known)
        ]
        if len(self.ends) > 1:  # a single one has the row at which its function is kept
            others = [f"n{end}.plan is not {self.name(self.nodes[end].plan)}" for end in self.ends]
            self.line(f"if {' or '.join(others)}: return None")
        for i, place in enumerate(self.nodes):
            if place.pick is not None:
                tests.append(f"n{i}.params['index'] != {place.pick[0]}")
            found = []
            for (k, _), to in zip(place.plan.edges, place.inputs, strict=True):
                node = f"n{_suffix(to)}"
                if to in met:
                    tests.append(f"i{k} is not {node}")
                    node = f"i{k}"
                    again.add(node)
                elif to >= 0:
                    tests.append(f"{node}.plan is not {self.name(self.nodes[to].plan)}")
                else:
                    tests.append(f"{node}.plan is not None")
                    if self.aimed:
                        tests.append(f"{node} {'not in' if self.place(to).plan else 'in'} targets")
                if to not in met:
                    tests += self.unlike(node, self.place(to).known)
                met.add(to)
                found.append((k, node))
            if len(found) == len(place.plan.tracked):
                self.line(f"{', '.join(node for _, node in found)}, = n{i}.inputs")
            else:
                for k, node in found:
                    self.line(f"{node} = n{i}.inputs[{k}]")
            if tests:
                self.line(f"if {' or '.join(tests)}: return None")
            tests = []
        orders = [f"n{i}.order" for i in range(len(self.nodes))]
        for k in range(0, len(orders) - 1, 8):
            self.line(f"if not {' > '.join(orders[k : k + 9])}: return None")
        self.line(f"first = {orders[-1]}")
        self.line("if first < floor or first < latest[0] or first <= irregular[0]: return None")
        if len(self.leaves) > 1:
            leaves = ", ".join(f"n{_suffix(-1 - i)}" for i in range(len(self.leaves)))
            self.line(f"if len({{{leaves}}}) < {len(self.leaves)}: return None")
        self.write_checks_of_constants()
        if again:
            self.line(f"{' = '.join(sorted(again))} = None")

    def unlike(self, name: str, known: Known) -> list[str]:
        """Tests whether a node or an array has not the shape and the dtype that are known."""
        if known.shape is None:
            return []
        native = known.dtype is np.dtype(known.dtype.type)  # one that came out of a pickle is not
        sign = "is not" if native else "!="
        return [f"{name}.shape != {known.shape}", f"{name}.dtype {sign} {self.name(known.dtype)}"]

    def write_checks_of_constants(self) -> None:
        """Write what sees whether the numbers and arrays among the inputs are alike."""
        for i, place in enumerate(self.nodes):
            edges = {k for k, _ in place.plan.edges}
            for k, known in enumerate(place.saved[1:]):
                if k in edges or known.dtype is None:
                    continue
                if known.dtype is float:
                    self.line(f"if type(n{i}.saved[{k + 1}]) is not float: return None")
                else:
                    self.line(f"v = n{i}.saved[{k + 1}]")
                    tests = ["type(v) is not ndarray", *self.unlike("v", known)]
                    self.line(f"if {' or '.join(tests)}: return None")
                    self.line("v = None")

    def write_node(self, i: int, place: Place) -> Sequence[str]:
        """Write the rules of one node; the variables that hold what it saved."""
        plan = place.plan
        edges = zip(plan.edges, place.inputs, strict=True)
        wanted = [(edge, to) for edge, to in edges if to >= 0 or self.place(to).plan]
        calls = [(to, self.call(i, place, *edge)) for edge, to in wanted]
        reads: Sequence[int] = sorted({k for _, call in calls for k in call.reads})
        names = [_SAVED[k] for k in reads]
        if len(reads) == 1:
            self.line(f"{names[0]} = n{i}.saved[{reads[0]}]")
        elif reads:
            names = list(_SAVED[: plan.arity + 1])
            self.line(f"{', '.join(names)} = {self.saved(i)}")
        elif self.recorded and wanted and not plan.arity and place.pick is None:
            names = ["saved"]
            self.line(f"saved = {self.saved(i)}")
        if plan.op.jointly and wanted:
            self.about = plan.op, wanted[0][0][0], wanted[0][1]
            self.line(f"each = {self.name(plan.op.rules[0])}({self.everything(i)})")
        for (edge, _), (to, call) in zip(wanted, calls, strict=True):
            self.about = plan.op, edge[0], to
            self.write_edge(i, place, to, call)
        self.about = None
        return names

    def saved(self, i: int) -> str:
        """What a node saved, as a sweep that is recorded takes it or another."""
        return f"as_tensors(n{i})" if self.recorded else f"n{i}.saved"

    def everything(self, i: int) -> str:
        """The arguments of a rule that takes whatever there is."""
        return f"g{i}, *{'saved' if self.recorded else self.saved(i)}, **n{i}.params"

    def call(self, i: int, place: Place, k: int, rule: Any) -> _Call:
        """What gives the cotangent of input k of a node."""
        plan, g = place.plan, f"g{i}"
        if plan.arity:
            saved = _SAVED[: plan.arity + 1]
            found = None
            if type(rule) is FunctionType and not self.recorded:
                found = expression(rule, (place.known, *place.saved))
            if found is not None:
                reads = [j for j in range(len(saved)) if f"{{{j + 1}}}" in found.text]
                return _Call(self.filled(found, g, *saved), found.value, found.fresh, reads)
            if not plan.keeps:
                return _Call(f"{self.name(rule)}({', '.join((g, *['None'] * len(saved)))})")
            text = f"{self.name(rule)}({', '.join((g, *saved))})"
            return _Call(text, reads=range(len(saved)))
        if place.pick is not None:
            index, n = place.pick
            return _Call(f"({''.join(f'{g if j == index else None}, ' for j in range(n))})")
        return _Call(
            f"each[{k}]" if plan.op.jointly else f"{self.name(rule)}({self.everything(i)})"
        )

    def filled(self, found: Expression, *arguments: str) -> str:
        """The text of an expression of these arguments."""
        return found.text.format(*arguments, *map(self.name, found.constants))

    def write_edge(self, i: int, place: Place, to: int, call: _Call) -> None:
        """Write what adds the result of a rule to the cotangent of the input."""
        op, wanted, total = place.plan.op, self.place(to).known, f"g{_suffix(to)}"
        self.sums[to] = nth = self.sums.get(to, 0) + 1
        if op.into is not None and nth > 1:
            self.line(f"{total} = {self.name(op.into)}({total}, {nth > 2}, {self.everything(i)})")
            self.parted.add(to)
        elif wanted.shape is None:
            self.line(f"{total if nth == 1 else 'ct'} = {call.text}")
            if nth > 1:
                self.line(f"{total} = merged({total}, ct)")
        elif nth == 1:
            if not self.write_fitted(total, call, to, op):
                self.shared.add(to)
            return
        else:
            self.write_fitted("ct", call, to, op)
            if nth == 2 or (_is_number(wanted) and to not in self.parted):
                self.line(f"{total} = {total} + ct")
            else:
                in_place = f"add({total}, ct, {total}) if type({total}) is type(ct) is ndarray"
                self.line(f"{total} = {in_place} else {total} + ct")
        self.shared.discard(to)

    def write_fitted(self, ct: str, call: _Call, to: int, op: Primitive) -> bool:
        """Write a call, and what brings its result to the shape and dtype of the input.

        Whether that is surely an array of its own.
        """
        known, wanted = call.known, self.place(to).known
        if known.dtype == wanted.dtype and known != wanted:
            summed = expression(unbroadcast, (known, wanted.shape, op))
            if summed is not None and summed.value == wanted:
                if not call.text.isidentifier():
                    self.line(f"{ct} = {call.text}")
                    call = _Call(ct)
                self.line(f"{ct} = {self.filled(summed, call.text, '', '')}")
                return summed.fresh
        self.line(f"{ct} = {call.text}")
        fit = f"fitted({ct}, n{_suffix(to)}, {self.name(op)})"
        if known.dtype is None and _is_number(wanted) and not self.recorded:
            self.line(f"if type({ct}) is not float64: {ct} = {fit}")
        elif known.dtype is None:
            same = f"{ct}.shape == {wanted.shape} and {ct}.dtype is {self.name(wanted.dtype)}"
            self.line(f"if not ({same}): {ct} = {fit}")
        elif known != wanted:
            self.line(f"{ct} = {fit}")
        return call.fresh and known == wanted


class _Call(NamedTuple):
    """What gives a cotangent: its text, what is known of it, and what saved it reads."""

    text: str
    known: Known = Known()
    fresh: bool = False  # whether it is surely an array of its own
    reads: Sequence[int] = ()


_SAVED = ("y", "a", "b")


def _is_number(known: Known) -> bool:
    """Whether a sweep computes with NumPy's float64 there, and not with arrays."""
    return known.shape == () and bool(known.dtype == _FLOAT64)


def _suffix(place: int) -> str:
    """What follows n and g in the names of a node and its cotangent."""
    return f"{place}" if place >= 0 else f"_{-1 - place}"
