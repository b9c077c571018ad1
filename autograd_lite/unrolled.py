"""Graphs that are swept again and again: their sweep, written out as a Python function.

A training step records a graph of the same rows, joined alike, every time. When some graphs alike
have been swept, `swept` writes the sweep of such a graph out: a function that calls the same rules
on the same arrays in the same order and adds up the same sums, bit for bit, without the heap and
the dictionaries of `sweep`; a rule that is but an expression, for the shapes of that graph, is
written into it. It begins by looking whether the graph is what it was written for, and leaves any
other to `sweep`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from autograd_lite.sweep import Node, own, sweep

if TYPE_CHECKING:
    from autograd_lite.outline import Outline
    from autograd_lite.writer import Unrolled

__all__ = ["Written", "drained", "swept"]

#: Functions that are kept for graphs that end in one row.
KEPT = 8
#: Sweeps of other graphs until a graph is looked at; where two such are alike, a function is worth
#: its writing, which costs as much as a hundred sweeps.
PATIENCE = 4


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
        # at the first of those: importing stays light
        from autograd_lite.outline import length, outline_of, weak
        from autograd_lite.writer import Unrolled

        outline = outline_of(roots, targets, floor, recorded)
        if outline is None:
            return
        seen = weak(outline)
        others = [other for other in self.outlines if other != seen]
        if len(others) == len(self.outlines) or length(outline) > 32 * n:
            self.outlines = [seen, *others[: KEPT - 1]]
            return
        self.others, self.outlines, self.count = 0, others, self.count + 1
        self.functions = [Unrolled(outline), *self.functions[: KEPT - 1]]
