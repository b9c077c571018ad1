"""The reverse sweep step by step: what comes into each operation, what it passes on, what adds up.

The steps are those of the engine's own sweep, and the numbers are those of its own rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_lite.broadcasting import unbroadcast
from autograd_lite.drawing.backward import term_of
from autograd_lite.drawing.blocks import inlined
from autograd_lite.drawing.naming import cotangent, shape_text, value_text
from autograd_lite.drawing.recorded import Op, Recorded, Value, name_loss, read
from autograd_lite.graph import Tensor, seed_for
from autograd_lite.sweep import sweep

__all__ = ["Passed", "Step", "Steps", "steps"]


@dataclass(frozen=True, slots=True)
class Passed:
    """What one step passes on to one operand."""

    name: str  # of the operand
    formula: str
    cotangent: Any  # the array
    total: Any  # of all that the operand has got so far
    accumulates: bool  # whether it had got something before
    axes: tuple[int, ...] = ()  # summed over, because the operand was broadcast along them


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of the reverse sweep."""

    number: int
    op: str  # the name of its row
    name: str  # of its result
    incoming: Any  # the cotangent of its result
    outgoing: tuple[Passed, ...]
    node: Any
    recorded: Op
    reached: tuple[Value, ...]  # the results that have a cotangent
    seeded: bool  # whether that is the 1 that the sweep starts with

    @property
    def formula(self) -> str:
        """All that the step computes, such as "W₂⁽ᵍ⁾ = A₁ᵀ Z₂⁽ᵍ⁾"."""
        return "; ".join(
            f"{cotangent(p.name)} {'+' if p.accumulates else ''}= {p.formula}"
            for p in self.outgoing
        )


class Steps:
    """The steps of one sweep: an iterator, a sequence, and as text a table."""

    def __init__(
        self, output: Tensor, names: Mapping[str, Any] | None, gradient: Any, graph: Any = None
    ) -> None:
        if not (isinstance(output, Tensor) and output.requires_grad):
            raise TypeError(
                "steps: expected a tensor that requires grad, the end of a recorded computation"
            )
        self.graph = graph or _named(read(output, names))
        self.seeded = gradient is None and output.shape == ()
        seed = np.asarray(seed_for(output, gradient))
        nodes: set[Any] = {op.node for op in self.graph.ops}
        nodes |= {v.node for v in self.graph.sources if v.node is not None}
        start: Any = output.node
        self.cotangents = sweep([(start, seed)], nodes)
        self.running: Iterator[Step] | None = None

    def __iter__(self) -> Iterator[Step]:
        totals: dict[Value, Any] = {}
        number = 0
        for op in reversed(self.graph.ops):
            g = self.cotangents.get(op.node)
            if g is not None:
                number += 1
                yield self._step(number, op, g, totals)

    def __next__(self) -> Step:
        self.running = self.running or iter(copy(self))  # of itself: a cycle
        return next(self.running)

    def __len__(self) -> int:
        return sum(op.node in self.cotangents for op in self.graph.ops)

    def _step(self, number: int, op: Op, g: Any, totals: dict[Value, Any]) -> Step:
        node = op.node
        passed = []
        came = g if isinstance(g, tuple) else (g,)
        if isinstance(g, tuple) and op.row.n_outputs is None:
            came = (_joined(g),)
        pairs = [(r, part) for r, part in zip(op.results, came, strict=True) if part is not None]
        reached, parts = [r for r, _ in pairs], [part for _, part in pairs]
        seeded = self.seeded and self.graph.output in op.results
        for place, rule in node.plan.edges:
            operand = op.operands[place]
            parent = node.inputs[place]
            with np.errstate(all="ignore"):
                ct = rule(g, *node.saved, **node.params)
                if isinstance(ct, tuple):  # those of a checkpoint's arguments, as one
                    ct = _joined(ct)
                elif ct.shape != parent.shape:
                    ct = unbroadcast(ct, parent.shape, op.row)
                ct = np.asarray(ct)
                ct = ct.astype(getattr(parent.dtype, "base", ct.dtype), copy=False)
            before = totals.get(operand)
            total = totals[operand] = ct if before is None else before + ct
            formula, axes = term_of(op, place, op, reached, seeded=seeded)
            passed.append(Passed(operand.name, formula, ct, total, before is not None, axes))
        return Step(number, op.row.name, reached[0].name, np.asarray(parts[0]), tuple(passed),
                    node, op, tuple(reached), seeded)  # fmt: skip

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = []
        rows.append(("step", "operation", "incoming", "passes on", "shape", "value or norm"))
        for step in self:
            head = (str(step.number), step.op, f"{cotangent(step.name)} {_amount(step.incoming)}")
            for i, p in enumerate(step.outgoing):
                sign = "+=" if p.accumulates else "="
                axes = f"  (over axis {', '.join(map(str, p.axes))})" if p.axes else ""
                text = f"{cotangent(p.name)} {sign} {p.formula}{axes}"
                shape = shape_text(p.cotangent.shape)
                rows.append((*(head if i == 0 else ("", "", "")), text, shape, _amount(p.total)))
        return _table(rows)

    __repr__ = __str__


def steps(output: Tensor, *, names: Mapping[str, Any] | None = None, gradient: Any = None) -> Steps:
    """The reverse sweep from a tensor, one step for each operation it passes.

    Each step has `.op`, `.formula`, `.incoming` and, for every operand that gets a cotangent,
    `.outgoing` with its formula, its array and what has accumulated. `print(ag.steps(loss))` is a
    table. Raises TypeError for a tensor that does not require grad, ValueError for a missing or
    misshapen `gradient`.
    """
    return Steps(output, names, gradient)


def _named(graph: Recorded) -> Recorded:
    """The graph, with names as the lanes picture has them."""
    name_loss(graph)
    inlined(graph)
    return graph


def _joined(parts: tuple[Any, ...]) -> Any:
    """The cotangents of a checkpoint's arguments as one array."""
    return np.concatenate([np.ravel(part) for part in parts if part is not None])


def _amount(array: Any) -> str:
    """The values of a small array, the norm of a large one."""
    return value_text(array) or f"norm {float(np.linalg.norm(np.ravel(array))):.4g}"


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
             for row in rows]  # fmt: skip
    return "\n".join([lines[0], "─" * max(map(len, lines)), *lines[1:]]) + "\n"
