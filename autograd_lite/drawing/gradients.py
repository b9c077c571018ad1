"""The gradient of every value in a picture, by a sweep of its own: small ones are shown, of the
others the norm is told."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from autograd_lite.drawing.recorded import Recorded
from autograd_lite.graph import Tensor, seed_for
from autograd_lite.sweep import sweep

__all__ = ["add_gradients"]

_OPS, _NUMBERS = 2_000, 4_000_000  # up to which a picture is worth a sweep


def add_gradients(graph: Recorded, output: Tensor) -> None:
    """Give each value of a graph that ends in one number its gradient, and change nothing else.

    A graph that is too large, was freed, or in which a rule fails, is drawn without the numbers.
    """
    numbers = sum(prod(value.shape) for value in graph.values())
    if not (output.requires_grad and output.size == 1):
        return
    if len(graph.ops) > _OPS or numbers > _NUMBERS:
        return
    nodes = {value.node for value in graph.values() if value.node is not None}
    start: Any = output.node
    try:
        with np.errstate(all="ignore"):
            found = sweep([(start, np.asarray(seed_for(output, None)))], nodes)
    except Exception:  # whatever a rule raises: a picture is how people look for the reason
        return
    for value in graph.values():
        g = found.get(value.node)
        if isinstance(g, tuple):
            several = value.op is not None and value.op.row.n_outputs is not None
            g = g[value.op.results.index(value)] if several and value.op else None
        if g is not None:
            value.grad = g
