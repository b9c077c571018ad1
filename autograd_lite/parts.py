"""Cotangents of parts of one tensor in a recorded sweep, to be added up by one operation.

A plain sweep writes each part into one array. A recorded one must not, and with an array of the
whole for each part, the rows of a matrix would cost the square of their number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Parts", "whole"]


class Parts:
    """Cotangents in the order they came in, each with its place: an index, None for the whole."""

    __slots__ = ("cotangents", "gather", "index", "total")

    def __init__(self, first: Any, gather: Callable[..., Any]) -> None:
        self.cotangents, self.index, self.gather = [first], [None], gather
        self.total: Any = None

    def add(self, ct: Any, index: Any) -> Parts:
        """Add one more cotangent."""
        self.cotangents.append(ct)
        self.index.append(index)
        return self

    def __add__(self, ct: Any) -> Parts:
        return self.add(ct, None)


def whole(ct: Any) -> Any:
    """A cotangent as one array or tensor."""
    if type(ct) is not Parts:
        return ct
    if ct.total is None:
        ct.total = ct.gather(ct.cotangents, tuple(ct.index))
    return ct.total
