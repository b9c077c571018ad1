"""How graphs are made up: what a sweep that is written for one asks of another."""

from __future__ import annotations

from _weakref import ref  # what weakref.ref is, 0.7 ms sooner
from collections.abc import Collection, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autograd_lite.sweep import IRREGULAR, PICK, Node

__all__ = [
    "AT_HAND",
    "MOST",
    "Known",
    "Outline",
    "Place",
    "is_large",
    "length",
    "outline_of",
    "weak",
]

#: Graphs of more nodes and leaves than this, or twice as many edges, are swept one node after
#: another.
MOST = 2_000
#: Arrays of more bytes are written over where that can be; of fewer, new memory costs no more.
AT_HAND = 1 << 14


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


def is_large(known: Known) -> bool:
    """Whether it pays to write over such an array, in place of asking for memory for another."""
    if known.shape is None:
        return False
    if len(known.shape) == 1:
        return True
    return prod(known.shape) * known.dtype.itemsize > AT_HAND  # type: ignore[no-any-return]


def _packed(node: Node) -> frozenset[int]:
    """Which of (y, *inputs) that a node saved have y's shape and are in C order.

    None of those that are so small, or have so few axes, that it makes no difference, and no
    constants, whose shapes may be others the next time.
    """
    if node.plan.op.kind != "elementwise" or len(node.shape) < 2 or not is_large(_known(node)):
        return frozenset()
    varying = [0, *[i + 1 for i, _ in node.plan.edges]]
    arrays = [(i, v) for i in varying if type(v := node.saved[i]) is np.ndarray]
    return frozenset(i for i, v in arrays if v.shape == node.shape and v.flags.c_contiguous)


def length(outline: Outline) -> int:
    """How many edges a graph has, each of which is a call or a sum in its function."""
    return sum([len(place.inputs) for place in outline.nodes])


def weak(outline: Outline) -> Outline:
    """An outline that keeps no plan alive: the rule of a checkpoint closes over arrays."""
    nodes = tuple([place._replace(plan=ref(place.plan)) for place in outline.nodes])
    return outline._replace(nodes=nodes)
