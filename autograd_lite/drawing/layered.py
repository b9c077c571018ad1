"""Layered layout: columns from left to right, few crossings, straight spine.

The steps of Sugiyama, Tagawa and Toda (1981): a column for each box by longest path; a point in
every column that an arrow passes; barycentre sweeps to order the columns; then heights, for which
one column at a time is solved exactly (a least-squares fit under "in this order, this far apart" is
an isotonic regression). It needs no renderer, always ends, and gives the same answer in every run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["Cell", "Layers", "heights", "layers"]

_SWEEPS = 10
_WORK = 300_000  # cells that are looked at in all sweeps together: what is huge gets fewer
_GAP = 14.0  # px between neighbours in a column
_POINT = 8.0  # px that a passing arrow keeps for itself


@dataclass(slots=True, eq=False)
class Cell:
    """A place in a column: a box with what stands below it, or a point where an arrow passes."""

    key: object
    rank: int = 0
    spine: bool = False
    point: bool = False
    before: list[Cell] = field(default_factory=list)
    after: list[Cell] = field(default_factory=list)


@dataclass(slots=True)
class Layers:
    """Cells by column and from top to bottom, and the cells that each arrow goes through."""

    columns: list[list[Cell]]
    paths: list[list[Cell]]
    cells: dict[object, Cell]


def layers(keys: Sequence[object], arrows: Sequence[tuple[object, object]]) -> Layers:
    """The columns of an acyclic graph whose `arrows` are pairs of `keys`, in topological order."""
    cells = {key: Cell(key) for key in keys}
    pairs = [(cells[tail], cells[head]) for tail, head in arrows]
    _rank(cells, pairs)
    _mark_spine(cells, pairs)
    columns: list[list[Cell]] = [[] for _ in range(1 + max(c.rank for c in cells.values()))]
    for cell in cells.values():
        columns[cell.rank].append(cell)
    paths = [_path(tail, head, columns) for tail, head in pairs]
    for path in paths:
        for left, right in pairwise(path):
            left.after.append(right)
            right.before.append(left)
    _order(columns)
    return Layers(columns, paths, cells)


def _rank(cells: dict[object, Cell], pairs: list[tuple[Cell, Cell]]) -> None:
    """Columns by longest path; what nothing comes before moves next to its first use."""
    heads: dict[Cell, list[Cell]] = {cell: [] for cell in cells.values()}
    waiting = dict.fromkeys(cells.values(), 0)
    for tail, head in pairs:
        heads[tail].append(head)
        waiting[head] += 1
    sources = [cell for cell, n in waiting.items() if n == 0]
    ready = list(sources)
    for cell in ready:  # grows while it is read: a topological order
        for head in heads[cell]:
            head.rank = max(head.rank, cell.rank + 1)
            waiting[head] -= 1
            if waiting[head] == 0:
                ready.append(head)
    for cell in reversed(ready):
        if heads[cell] and cell in sources:
            cell.rank = min(head.rank for head in heads[cell]) - 1


def _mark_spine(cells: dict[object, Cell], pairs: list[tuple[Cell, Cell]]) -> None:
    """Mark the longest way to the last column: the lane that is drawn straight."""
    tails: dict[Cell, list[Cell]] = {cell: [] for cell in cells.values()}
    for tail, head in pairs:
        tails[head].append(tail)
    cell: Cell | None = max(cells.values(), key=lambda c: c.rank)
    while cell is not None:
        cell.spine = True
        cell = max(tails[cell], key=lambda c: c.rank, default=None)


def _path(tail: Cell, head: Cell, columns: list[list[Cell]]) -> list[Cell]:
    """Tail, a point in every column between, head."""
    path = [tail]
    for rank in range(tail.rank + 1, head.rank):
        point = Cell(None, rank, point=True)
        columns[rank].append(point)
        path.append(point)
    return [*path, head]


def _order(columns: list[list[Cell]]) -> None:
    """Order every column so that few arrows cross."""
    best = [list(column) for column in columns]
    fewest = _crossings(columns)
    for sweep in range(_sweeps(columns, _SWEEPS)):
        if fewest == 0:
            break
        forward = sweep % 2 == 0
        for i in range(1, len(columns)) if forward else range(len(columns) - 2, -1, -1):
            beside = columns[i - 1 if forward else i + 1]
            place = {cell: n for n, cell in enumerate(beside)}
            old = {cell: float(n) for n, cell in enumerate(columns[i])}
            wanted = {c: _mean([place[n] for n in (c.before if forward else c.after)], old[c])
                      for c in columns[i]}  # fmt: skip
            columns[i].sort(key=lambda c, wanted=wanted, old=old: (wanted[c], old[c]))  # type: ignore[misc]
        crossings = _crossings(columns)
        if crossings < fewest:
            fewest, best = crossings, [list(column) for column in columns]
    columns[:] = best


def _sweeps(columns: Sequence[Sequence[Cell]], most: int) -> int:
    """How often the columns are gone through: there and back at least."""
    return max(2, min(most, _WORK // max(sum(map(len, columns)), 1)))


def _mean(numbers: list[int], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise


def _crossings(columns: list[list[Cell]]) -> int:
    """How many pairs of arrows cross: inversions, counted with a Fenwick tree."""
    total = 0
    for left, right in pairwise(columns):
        place = {cell: i for i, cell in enumerate(right)}
        tree = [0] * (len(right) + 1)
        seen = 0
        for cell in left:
            ends = sorted(place[head] for head in cell.after)
            for end in ends:
                total += seen - _prefix(tree, end + 1)
            for end in ends:
                _increment(tree, end + 1)
            seen += len(ends)
    return total


def _prefix(tree: list[int], i: int) -> int:
    total = 0
    while i > 0:
        total += tree[i]
        i -= i & -i
    return total


def _increment(tree: list[int], i: int) -> None:
    while i < len(tree):
        tree[i] += 1
        i += i & -i


def heights(
    columns: Sequence[Sequence[Cell]], extents: dict[Cell, tuple[float, float]]
) -> dict[Cell, float]:
    """The height of every cell; `extents` says how far each box reaches up and down from there."""
    y = dict.fromkeys((cell for column in columns for cell in column), 0.0)
    for sweep in range(_sweeps(columns, 2 * _SWEEPS)):
        order = columns if sweep % 2 == 0 else list(reversed(columns))
        for column in order:
            wanted, weights = [], []
            for cell in column:
                near = [*cell.before, *cell.after]
                if cell.spine:
                    wanted.append(0.0)
                    weights.append(1e4)
                else:
                    wanted.append(sum(y[n] for n in near) / len(near) if near else 0.0)
                    weights.append(4.0 if cell.point else 1.0)
            for cell, place in zip(column, _fitted(column, wanted, weights, extents), strict=True):
                y[cell] = place
    for chain in _chains(columns):
        _straighten(chain, columns, y, extents)
    return y


def _chains(columns: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """The points of each long arrow, from left to right."""
    chains = []
    for column in columns:
        for cell in column:
            if cell.point and not cell.before[0].point:
                chain = [cell]
                while chain[-1].after[0].point:
                    chain.append(chain[-1].after[0])
                chains.append(chain)
    return chains


def _straighten(
    chain: list[Cell],
    columns: Sequence[Sequence[Cell]],
    y: dict[Cell, float],
    extents: dict[Cell, tuple[float, float]],
) -> None:
    """Put the points of a long arrow on one height where their neighbours leave room for it."""
    low, high = -1e9, 1e9
    for cell in chain:
        column = columns[cell.rank]
        i = column.index(cell)
        if i > 0:
            low = max(low, y[column[i - 1]] + _apart(column[i - 1], cell, extents))
        if i + 1 < len(column):
            high = min(high, y[column[i + 1]] - _apart(cell, column[i + 1], extents))
    if low <= high:
        ends = y[chain[0].before[0]], y[chain[-1].after[0]]
        wanted = min(ends, key=lambda end: abs(min(max(end, low), high) - end))
        y.update(dict.fromkeys(chain, min(max(wanted, low), high)))


def _apart(upper: Cell, lower: Cell, extents: dict[Cell, tuple[float, float]]) -> float:
    """The least distance between two neighbours in a column."""
    return extents.get(upper, (_POINT, _POINT))[1] + extents.get(lower, (_POINT, _POINT))[0] + _GAP


def _fitted(
    column: Sequence[Cell],
    wanted: list[float],
    weights: list[float],
    extents: dict[Cell, tuple[float, float]],
) -> list[float]:
    """The heights nearest to those wanted that keep the order and the gaps."""
    shifts = [0.0]
    for upper, lower in pairwise(column):
        shifts.append(shifts[-1] + _apart(upper, lower, extents))
    pools: list[tuple[float, float, int]] = []  # (mean, weight, length) of merged neighbours
    for want, weight, shift in zip(wanted, weights, shifts, strict=True):
        mean, total, length = want - shift, weight, 1
        while pools and pools[-1][0] > mean:
            left_mean, left_weight, left_length = pools.pop()
            mean = (mean * total + left_mean * left_weight) / (total + left_weight)
            total += left_weight
            length += left_length
        pools.append((mean, total, length))
    flat = [mean for mean, _, length in pools for _ in range(length)]
    return [mean + shift for mean, shift in zip(flat, shifts, strict=True)]
