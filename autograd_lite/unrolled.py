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
from typing import Any, NamedTuple

import numpy as np

from autograd_lite.sweep import IRREGULAR, PICK, Node, own, sweep

__all__ = [
    "AT_HAND",
    "Known",
    "Outline",
    "Place",
    "Unrolled",
    "Written",
    "drained",
    "outline_of",
    "swept",
]

#: Graphs of more nodes and leaves than this, or twice as many edges, are swept one node after
#: another.
MOST = 2_000
#: Functions that are kept for graphs that end in one row.
KEPT = 8
#: Sweeps of other graphs until a graph is looked at; where two such are alike, a function is worth
#: its writing, which costs as much as a hundred sweeps.
PATIENCE = 4

#: Arrays of more bytes are written over where that can be; of fewer, new memory costs no more.
AT_HAND = 1 << 14

#: Where tracebacks say that its lines are: in this package, so none is taken for the user's.
_FILE = join(dirname(__file__), "<unrolled sweep>")


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
    if watch is None:
        # without a hold on the graph
        plan = outputs[0][0].plan if len(outputs) == 1 else _last_row(outputs)
        if plan is not None and not (targets and [n for n in targets if n.plan is not None]):
            written = plan.written
            if written is None:
                written = plan.written = Written()
            for unrolled in written.functions:
                seeds = None if unrolled.fresh else [g for _, g in outputs]
                found = unrolled.run(outputs, targets, floor, free, as_tensors)
                if found is not None:
                    if unrolled is not written.functions[0]:
                        written.functions = [unrolled, *written.without(unrolled)]
                    return found if seeds is None or as_tensors else own(found, seeds)
            written.look([node for node, _ in outputs], targets, floor, as_tensors is not None)
    seeds = [g for _, g in outputs]
    pairs = drained(outputs)
    found = sweep(pairs, targets, floor, as_tensors=as_tensors, free=free, watch=watch)
    return found if as_tensors else own(found, seeds)


def _last_row(outputs: list[tuple[Node, Any]]) -> Any:
    """The plan of the newest of some nodes; None where a sweep begins at leaves, or at none."""
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


class Known(NamedTuple):
    """What is known of a value before it is there."""

    shape: tuple[int, ...] | None = None  # None: nothing is known
    dtype: Any = None  # `float` for a Python float, which promotes nothing
    #: "view" or "array": what a sweep has where a number or a smaller array stands for it
    stretched: str = ""


class Place(NamedTuple):
    """A node in the order of the sweep, or a leaf: what of it a function is written for."""

    plan: Any  # of a leaf, whether its cotangent is wanted
    known: Known  # of its value; nothing of a node's that has several results
    inputs: tuple[int, ...] = ()  # the places that its edges lead to; of leaf i, −1 − i
    pick: tuple[int, int] | None = None  # which result of how many it picks
    saved: tuple[Known, ...] = ()  # what it saved: y and its inputs
    #: whether it has the parameters that its row has every day; those of a simple row are none
    everyday: bool = False
    packed: frozenset[int] = frozenset()  # which of those are arrays in C order, of y's shape


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
        everyday = _has_everyday_parameters(node)
        saved = _saved(node) if everyday or node.plan.arity else ()
        packed = _packed(node) if saved and not recorded else frozenset()
        entries.append(Place(node.plan, _known(node), inputs, pick, saved, everyday, packed))
    ends = tuple([places[root] for root in roots])
    return Outline(targets is not None, recorded, tuple(entries), tuple(leaves), ends)


def _known(node: Node) -> Known:
    return Known() if isinstance(node.dtype, tuple) else Known(node.shape, node.dtype)


def _has_everyday_parameters(node: Node) -> bool:
    """Whether what a rule asks for, parameters included, may be known."""
    plan = node.plan
    return plan.plain and node.params is plan.op.everyday and len(plan.tracked) <= 2


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


def _packed(node: Node) -> frozenset[int]:
    """Which of (y, *inputs) that a node saved have y's shape and are in C order.

    Of those that are so small that it makes no difference, none.
    """
    if node.plan.op.kind != "elementwise" or node.size * node.dtype.itemsize <= AT_HAND:
        return frozenset()
    arrays = [(i, v) for i, v in enumerate(node.saved) if type(v) is np.ndarray]
    return frozenset(i for i, v in arrays if v.shape == node.shape and v.flags.c_contiguous)


def _length(outline: Outline) -> int:
    """How many edges a graph has, each of which is a call or a sum in its function."""
    return sum([len(place.inputs) for place in outline.nodes])


def _weak(outline: Outline) -> Outline:
    """An outline that keeps no plan alive: the rule of a checkpoint closes over arrays."""
    nodes = tuple([place._replace(plan=ref(place.plan)) for place in outline.nodes])
    return outline._replace(nodes=nodes)


class Unrolled:
    """A sweep that is written out, for graphs of one outline.

    `run(outputs, targets, floor, free, as_tensors)` is what `sweep` finds, or None where the graph
    has another outline or must be looked at as it is swept.
    """

    __slots__ = ("fresh", "run", "source")

    def __init__(self, outline: Outline) -> None:
        from autograd_lite.writer import Writer  # at the first: importing stays light

        writer = Writer(outline)
        #: whether what it finds shares no memory, with itself or with what it is given
        self.fresh = all(to >= 0 for to in writer.shared)
        self.source = "\n".join(writer.lines) + "\n"
        exec(compile(self.source, _FILE, "exec"), writer.names)
        self.run = writer.names.pop("unrolled")  # which holds the names
