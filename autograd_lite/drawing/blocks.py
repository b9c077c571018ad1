"""Which operations share a box: expressions written in one line, collapsed scopes, folded repeats.

A block is a set of operations that a picture shows as one box. Blocks stay in order of creation,
and only neighbours in that order are merged, so that merging never closes a cycle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from autograd_lite.drawing.expressions import name_inside
from autograd_lite.drawing.notation import op_label, passes_unchanged, table_name
from autograd_lite.drawing.recorded import Op, Recorded, Value

__all__ = ["LIMIT", "Block", "blocks_of", "inlined"]

#: Boxes that a reader can take in; more are collapsed and folded.
LIMIT = 150
_FEW = 50  # boxes up to which repeats of plain operations are drawn one by one
_PERIOD = 64  # the longest repeating pattern that is looked for, in blocks
_STRETCHES = 12  # boxes that what has no pattern is cut into
_WRITTEN = frozenset({"add", "subtract", "multiply", "divide", "negative", "power", "matmul"})
_LINE = 6  # operations in one expression, at most


@dataclass(slots=True, eq=False)
class Block:
    """Operations in one box: one expression, or a fold that stands for `count` equal parts."""

    ops: list[Op]
    fold: str = ""  # the words for a fold; empty for an expression
    count: int = 1

    @property
    def last(self) -> Op:
        """The operation whose result is the block's."""
        return self.ops[-1]

    @property
    def scope(self) -> tuple[str, ...]:
        """The scope that the block's box stands in; of a scope that is folded, the one outside."""
        scope = common_scope(op.scope for op in self.ops)
        return scope[:-1] if scope and scope[-1] == self.fold else scope


def common_scope(scopes: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The scope that all scopes lie in."""
    first, *others = dict.fromkeys(scopes)
    n = len(first)
    for other in others:
        same = (i for i, (a, b) in enumerate(zip(first, other, strict=False)) if a != b)
        n = min(n, next(same, min(len(first), len(other))))
    return first[:n]


def blocks_of(
    graph: Recorded, *, inline: bool, depth: int | None, fold: bool, per_block: float
) -> list[Block]:
    """The blocks of a graph, about as many as a reader can take in.

    inline: whether sums of products become one expression. depth: how many levels of scopes are
    opened; None opens as many as fit. fold: whether repeats are folded, and what is too long is
    cut into stretches. per_block: boxes that a block brings with it, itself included.
    """
    blocks = inlined(graph) if inline else [Block([op]) for op in graph.ops]
    room, few = max(int(LIMIT / per_block), 10), _FEW / per_block
    deepest = max((len(op.scope) for op in graph.ops), default=0)
    if depth is None:
        depth = deepest
        while fold and depth > 0 and len(_repeated(_collapsed(blocks, depth), few)) > room:
            depth -= 1
    blocks = _collapsed(blocks, depth) if depth < deepest else blocks
    if fold:
        blocks = _repeated(blocks, few)
        if len(blocks) > room:
            blocks = _stretches(blocks, _STRETCHES)
    return blocks


def inlined(graph: Recorded) -> list[Block]:
    """One block per expression: a result without a name, used once, by an operation that passes
    its cotangent on unchanged, is written inside that operation's expression."""
    block_of: dict[Op, Block] = {}
    blocks: dict[Block, None] = {}
    for op in graph.ops:
        ops: list[Op] = []
        for place, operand in enumerate(op.operands):
            if isinstance(operand, Value) and _joins(operand, op, place, graph.output):
                inner = block_of[operand.op]  # type: ignore[index]
                if len(ops) + len(inner.ops) < _LINE:
                    ops += inner.ops
                    blocks.pop(inner, None)
        block = Block(sorted([*ops, op], key=lambda o: o.number))
        for member in block.ops:
            block_of[member] = block
        blocks[block] = None
    for block in blocks:
        name_inside(block.ops)
    return list(blocks)


def _joins(value: Value, op: Op, place: int, output: Value) -> bool:
    """Whether a value is written inside its only user's expression."""
    return (
        value.op is not None
        and not value.named
        and value is not output
        and len(value.uses) == 1
        and len(value.op.results) == 1
        and value.shape == op.results[0].shape
        and value.op.scope == op.scope
        and table_name(value.op.row) in _WRITTEN
        and passes_unchanged(op.row, place)
        and table_name(op.row) in ("add", "subtract")
    )


def _collapsed(blocks: list[Block], depth: int) -> list[Block]:
    """Neighbours in one scope deeper than `depth` as one block."""
    merged: list[Block] = []
    open_scope: Any = None
    for block in blocks:
        scope = block.last.scope
        key = scope[: depth + 1] if len(scope) > depth else None
        if key is not None and key == open_scope:
            merged[-1].ops += block.ops
        else:
            merged.append(Block(list(block.ops), key[-1]) if key else block)
        open_scope = key
    return merged


def _repeated(blocks: list[Block], few: float) -> list[Block]:
    """Runs of equal neighbours as one block each, the longest runs first."""
    if len(blocks) < 4:
        return blocks
    codes = _codes(blocks)
    taken = np.zeros(len(blocks), bool)
    runs: list[tuple[int, int, int]] = []
    candidates = _candidates(codes, _openings(blocks))
    for covered, period, start in sorted(candidates, key=lambda c: (-c[0], c[1], c[2])):
        scoped = bool(blocks[start].fold or blocks[start].last.scope)
        if (len(blocks) <= few and not scoped) or taken[start : start + covered].any():
            continue
        taken[start : start + covered] = True
        runs.append((start, period, covered // period))
    folded: list[Block] = []
    place = 0
    for start, period, count in sorted(runs):
        folded += blocks[place:start]
        parts = blocks[start : start + period]
        place = start + period * count
        ops = [op for block in blocks[start:place] for op in block.ops]
        folded.append(Block(ops, _numbered(ops) or _named(parts), count))
    return folded + blocks[place:]


def _openings(blocks: Sequence[Block]) -> dict[int, int]:
    """The blocks that begin another scope than the one before them, and how deep it lies."""
    found = {}
    for i, (before, block) in enumerate(pairwise(blocks), 1):
        left, entered = before.last.scope, block.ops[0].scope
        if left != entered:
            found[i] = len(common_scope((left, entered)))
    return found


def _candidates(codes: Any, openings: dict[int, int]) -> list[tuple[int, int, int]]:
    """(length, period, start) of every run in which a pattern stands four times or more.

    What a run has beyond whole patterns is used to let it begin where an outer scope does.
    """
    found = []
    for period in range(1, min(_PERIOD, len(codes) // 4) + 1):
        equal = codes[period:] == codes[:-period]
        edges = np.flatnonzero(np.diff(np.concatenate(([0], equal.view(np.int8), [0]))))
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            count = (end - begin) // period + 1
            if count >= 4:
                spare = end - begin + period - count * period
                starts = range(int(begin), int(begin + spare) + 1)
                start = min(starts, key=lambda i: (openings.get(i, _PERIOD), i))
                found.append((int(count * period), period, start))
    return found


def _codes(blocks: Sequence[Block]) -> Any:
    """A number per block, the same for blocks that compute alike from like places."""
    index = {op: i for i, block in enumerate(blocks) for op in block.ops}
    known: dict[Any, int] = {}
    codes = np.empty(len(blocks), np.int64)
    for i, block in enumerate(blocks):
        key = (_stem(block.fold), tuple(_signature(op, i, index) for op in block.ops))
        codes[i] = known.setdefault(key, len(known))
    return codes


def _signature(op: Op, i: int, index: dict[Op, int]) -> Any:
    operands = tuple(
        (x.kind, x.shape, i - index[x.op] if x.op is not None else 0)
        if isinstance(x, Value)
        else repr(x)
        for x in op.operands
    )
    return op.row.name, op.results[0].shape, operands


def _stretches(blocks: list[Block], most: int) -> list[Block]:
    """Neighbours together, in at most `most` stretches of equal length."""
    size = -(-len(blocks) // most)
    parts = [blocks[i : i + size] for i in range(0, len(blocks), size)]
    return [
        Block([op for block in part for op in block.ops], _named(part))
        if len(part) > 1
        else part[0]
        for part in parts
    ]


def _stem(name: str) -> str:
    """The name of a scope without its number, so that hidden 2 and hidden 3 are alike."""
    return name.rstrip("0123456789 ")


def _numbered(ops: Sequence[Op]) -> str:
    """Words for operations in scopes that differ by their numbers: hidden 2 … hidden 12."""
    if not all(op.scope for op in ops):
        return ""
    names = list(dict.fromkeys(op.scope[0] for op in ops))
    alike = len(names) > 1 and len({_stem(name) for name in names}) == 1
    return f"{names[0]} … {names[-1]}" if alike else ""


def _named(parts: Sequence[Block]) -> str:
    """Words for some blocks together: their folds' names, or the operations and how often."""
    words = [
        block.fold or " ".join(dict.fromkeys(op_label(op.row) for op in block.ops))
        for block in parts
    ]
    counts = Counter(words)
    common = [word if n == 1 else f"{word} ×{n}" for word, n in counts.most_common(4)]
    return ", ".join(common) + (", …" if len(counts) > 4 else "")
