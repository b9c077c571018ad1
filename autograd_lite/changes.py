"""Arrays of leaves that changed in place between the forward and the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

__all__ = ["LATEST", "Changes", "advance", "change"]

#: When an array of any leaf was last changed in place, on the counter of nodes.
LATEST = [0]


def advance(mark: list[int], order: int) -> None:
    """Set a mark on the counter of nodes, unless another thread has set it to a newer one."""
    if mark[0] < order:  # no call from here on, at which another thread might come in between
        mark[0] = order


def change(leaf: Any, array: Any, now: int) -> None:
    """Take down that this array of a leaf was changed in place, at this count of nodes."""
    leaf.changed, leaf.stale = now, array
    if LATEST[0] < now:  # `advance`, without its call
        LATEST[0] = now


class Changes:
    """Looks on while a sweep passes nodes that are older than some change.

    That is seldom, so it may take its time: it keeps what those nodes saved, for the sweep may free
    them, or hold the last reference, before it meets the leaf whose memory they read.
    """

    def __init__(self, floor: int, ancestors: Callable[..., list[Any]]) -> None:
        self.floor = floor  # the sweep's, and its way to find what nodes depend on
        self.ancestors = ancestors
        self.swept: list[tuple[Any, Any]] = []  # with what they saved
        self.below: dict[Any, list[Any]] = {}  # the leaves of nodes that no sweep goes down to
        self.cleared: set[Any] = set()  # leaves that changed, which no rule here reads

    def look(self, node: Any, pending: Iterable[tuple[Any, Any]]) -> None:
        """Raise where this node leads to a changed leaf whose memory a rule would misread.

        `pending` are the nodes that the sweep knows to be next, each with its cotangent. Raises
        RuntimeError.
        """
        self.swept.append((node, node.saved))
        for i, _ in node.plan.edges:
            for leaf in self._leaves(node.inputs[i]):
                if leaf.changed > node.order and leaf not in self.cleared:
                    rest = self.ancestors([node, *[n for n, _ in pending]], self.floor)
                    _refuse_stale(leaf, [*[(n, n.saved) for n in rest], *reversed(self.swept)])
                    self.cleared.add(leaf)

    def _leaves(self, parent: Any) -> Sequence[Any]:
        """The leaves that a sweep reaches at this parent, or would, were it to go on."""
        if parent.plan is None:
            return (parent,)
        if parent.order >= self.floor:
            return ()
        if parent not in self.below:
            self.below[parent] = [n for n in self.ancestors((parent,), 0) if n.plan is None]
        return self.below[parent]


def _refuse_stale(leaf: Any, nodes: Iterable[tuple[Any, Any]]) -> None:
    """Raise where a rule would read the memory of a leaf that was changed since it was recorded.

    The leaf's own array, or what shows its memory: a slice of it, its transpose.
    """
    for node, saved in nodes:
        if node.order < leaf.changed and any(
            np.may_share_memory(v, leaf.stale) for v in _arrays(saved)
        ):
            line = f" at {node.info['line']}" if node.info and "line" in node.info else ""
            raise RuntimeError(
                f"{leaf.name or 'a tensor'} of shape {leaf.shape} was changed in place after "
                f"{node.plan.op.path}{line} recorded it, so this gradient would be wrong; run the "
                f"forward pass again after the update"
            )


def _arrays(saved: Any) -> Iterator[Any]:
    for value in saved if isinstance(saved, (tuple, list)) else ():  # or it was freed
        for part in value if type(value) is tuple else (value,):  # a checkpoint's arguments
            if isinstance(part, np.ndarray):
                yield part
