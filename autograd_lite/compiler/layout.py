"""The layout of each product Aᵀ B: as it stands, or as (Bᵀ A)ᵀ, whichever BLAS does faster.

The choice comes from a fixed table, so that runs are the same, or with tune=True from timing both.
What reads the result must not mind that it lies transposed in memory: elementwise steps do not.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from autograd_lite.compiler.ir import Graph, Step, Value, sources
from autograd_lite.compiler.simplify import Simplifier, pruned
from autograd_lite.table import TABLE

__all__ = ["in_best_layout"]

#: Rows from which a wide Aᵀ B is turned. Measured with OpenBLAS 0.3 on x86: 0.93 to 0.96 of the
#: time from there on, and no gain before; the update that reads it costs 10 µs more.
ROWS = {"d": 1024, "f": 4096}
WIDE = 256


def in_best_layout(graph: Graph, tune: bool) -> Graph:
    """The graph with the products turned that are faster so."""
    readers: dict[Any, list[Any]] = {}
    for step in graph.steps:
        for x in sources(step):
            readers.setdefault(x, []).append(step)
    chosen = {
        step
        for step in graph.steps
        if _may_turn(step, readers.get(step, [])) and _is_faster(step, tune)  # type: ignore[arg-type]
    }
    if not chosen:
        return graph
    turner = _Turning(chosen)
    for value in graph.steps:
        turner.add(value)
    return pruned(Graph(graph.inputs, turner.steps, [turner.new(y) for y in graph.outputs]))


def _may_turn(step: Value, readers: list[Any]) -> bool:
    """Whether a step is Aᵀ B of matrices, read by elementwise steps alone."""
    if not (isinstance(step, Step) and step.op.name in ("dot", "matmul") and len(step.shape) == 2):
        return False
    a, b = step.operands
    turned = isinstance(a, Step) and a.op is TABLE[np.transpose] and isinstance(b, Value)
    elementwise = all(isinstance(r, Step) and r.op.kind == "elementwise" for r in readers)
    return turned and elementwise and bool(readers) and step.dtype.char in "fd"


def _is_faster(step: Step, tune: bool) -> bool:
    (wide, rows), (_, narrow) = step.operands[0].shape, step.operands[1].shape
    if tune:
        return _trial(rows, wide, narrow, step.dtype)
    return bool(rows >= ROWS[step.dtype.char] and wide >= max(WIDE, 2 * narrow))


def _trial(rows: int, wide: int, narrow: int, dtype: Any) -> bool:
    """Whether (Bᵀ A)ᵀ and the subtraction that reads it took less time than Aᵀ B and its own."""
    A, B, W = np.ones((rows, wide), dtype), np.ones((rows, narrow), dtype), np.ones((wide, narrow))
    G, H, W = np.empty((wide, narrow), dtype), np.empty((narrow, wide), dtype), W.astype(dtype)
    best = [np.inf, np.inf]
    until = time.perf_counter() + 0.05
    for turn in range(40):
        start = time.perf_counter()
        if turn % 2:
            np.subtract(W, np.dot(B.T, A, out=H).T, out=W)
        else:
            np.subtract(W, np.dot(A.T, B, out=G), out=W)
        end = time.perf_counter()
        best[turn % 2] = min(best[turn % 2], end - start)
        if end > until and turn > 5:
            break
    return best[1] < 0.97 * best[0]


class _Turning(Simplifier):
    """Makes the steps anew, the chosen products turned."""

    def __init__(self, chosen: set[Any]) -> None:
        super().__init__()
        self.chosen = chosen

    def add(self, value: Value) -> None:
        """Make a step of the old graph anew."""
        if value not in self.chosen or not isinstance(value, Step):
            super().add(value)
            return
        a, b = (self.new(x) for x in value.operands)
        turn, axes = TABLE[np.transpose], {"axes": None}
        bT = self.step(Step(b.shape[::-1], b.dtype, silent=value.silent), (b,), turn, axes)
        product = Step(value.shape[::-1], value.dtype, silent=value.silent)
        made = self.step(product, (bT, a.operands[0]), TABLE[np.dot], {})
        named = Step(value.shape, value.dtype, name=value.name, silent=value.silent)
        self._new[value] = self.step(named, (made,), turn, axes)
