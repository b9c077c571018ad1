"""Arrays of tensors that changed in place between the forward and the backward pass."""

from __future__ import annotations

from _weakref import ref  # what weakref.ref is, 0.7 ms sooner
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["LATEST", "Changes", "advance", "change", "owner"]

#: When an array of any tensor was last changed in place, on the counter of nodes.
LATEST = [0]

#: The leaves whose arrays were ever changed, until they die.
_LEAVES: set[Any] = set()
#: The arrays of constant tensors that were, by id, until they die: when, and the tensor's name.
_CONSTANTS: dict[int, tuple[Any, int, str | None]] = {}


def advance(mark: list[int], order: int) -> None:
    """Set a mark on the counter of nodes, unless another thread has set it to a newer one."""
    if mark[0] < order:  # no call from here on, at which another thread might come in between
        mark[0] = order


def change(leaf: Any, array: Any, now: int, name: str | None = None) -> None:
    """Take down that this array of a leaf was changed in place, at this count of nodes.

    Without a leaf it is that of a constant tensor, of this name: an operation may have saved it.
    """
    if leaf is None:
        place = id(array)
        _CONSTANTS[place] = (ref(array, lambda _: _CONSTANTS.pop(place, None)), now, name)
    else:
        if leaf.stale is None:
            _LEAVES.add(ref(leaf, _LEAVES.discard))
        leaf.changed, leaf.stale = now, array
    if LATEST[0] < now:  # `advance`, without its call
        LATEST[0] = now


class Changes:
    """Looks on while a sweep passes nodes that are older than some change.

    That is seldom, so it may take its time: in training, the next graph is newer than the update.
    """

    def __init__(self) -> None:
        # copies, for what dies meanwhile leaves them
        leaves = [leaf for found in _LEAVES.copy() if (leaf := found()) is not None]
        constants = [(found(), now, name) for found, now, name in _CONSTANTS.copy().values()]
        #: (array, when it changed, the name of its tensor), of all and by the owner of the memory
        self.changed = [
            *[(leaf.stale, leaf.changed, leaf.name) for leaf in leaves],
            *[known for known in constants if known[0] is not None],
        ]
        self.by_owner: dict[Any, list[Any]] = {}
        for known in self.changed:
            self.by_owner.setdefault(_place(known[0]), []).append(known)

    def look(self, node: Any) -> None:
        """Raise RuntimeError where the rules of this node would read memory that was changed.

        Whichever tensor it was changed by: two may show the same array, or parts of it.
        """
        for v in _arrays(node.saved):
            place = _place(v)
            if place is None:  # memory of no array: a file's, or bytes
                near = self.changed
            else:
                near = self.by_owner.get(place, []) + self.by_owner.get(None, [])
            for array, when, name in near:
                if when > node.order and np.may_share_memory(v, array, max_work=_MOST_WORK):  # type: ignore[arg-type]
                    line = f" at {node.info['line']}" if node.info and "line" in node.info else ""
                    raise RuntimeError(
                        f"{name or 'a tensor'} of shape {array.shape} was changed in place after "
                        f"{node.plan.op.path}{line} recorded it, so this gradient would be wrong; "
                        "run the forward pass again after the update"
                    )


def owner(array: Any) -> Any:
    """The array whose memory this one shows."""
    while isinstance(base := getattr(array, "base", None), np.ndarray):
        array = base
    return array


def _place(array: Any) -> int | None:
    """What tells apart memory that arrays own; None of memory that none does."""
    whole = owner(array)
    return id(whole) if whole.flags.owndata else None


#: Columns of one matrix overlap by their bounds: so much is done to see that they share nothing.
_MOST_WORK = 10_000


def _arrays(saved: Any) -> Iterator[Any]:
    for value in saved if isinstance(saved, (tuple, list)) else ():  # or it was freed
        for part in value if type(value) is tuple else (value,):  # a checkpoint's arguments
            if isinstance(part, np.ndarray):
                yield part
