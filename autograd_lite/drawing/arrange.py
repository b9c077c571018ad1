"""Where each box and arrow of a picture goes, in px.

Forward boxes stand in layered columns, leaves below the operation that uses them. In the lanes
view each gradient stands in the column of the value it belongs to, in a lane above that mirrors
the forward one, and its arrows run back along the mirrored way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from autograd_lite.drawing.clusters import clusters_of
from autograd_lite.drawing.layered import Cell, Layers, heights, layers
from autograd_lite.drawing.picture import Edge, Picture, Vertex
from autograd_lite.drawing.sizes import box_size

__all__ = ["Arrow", "Box", "Drawing", "arrange"]

_GAPS = 24.0, 14.0, 26.0  # between boxes, between leaves, between gradients of columns
_BELOW = 22.0  # between an operation and the leaves below it
_BESIDE = 10.0  # between leaves, and between a gradient box and its Σ
_ABOVE = 8.0  # between stacked gradient boxes
_LANES = 34.0  # between the two lanes
_PORT = 9.0  # between arrows that end at one side


@dataclass(slots=True)
class Box:
    """A box's centre and size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> float:
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width / 2


@dataclass(slots=True)
class Arrow:
    """An arrow's way: points that it passes horizontally, or a straight vertical line."""

    edge: Edge
    points: list[tuple[float, float]]
    vertical: bool = False


@dataclass(slots=True)
class Drawing:
    """A picture with every place decided."""

    picture: Picture
    boxes: dict[str, Box] = field(default_factory=dict)
    arrows: list[Arrow] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0
    frames: list[tuple[str, Box]] = field(default_factory=list)  # round clusters, with labels


def arrange(picture: Picture) -> Drawing:
    """The drawing of a picture: every box and arrow in its place."""
    return _Arranger(picture).drawing()


class _Arranger:
    """One arrangement: the picture's vertices by role, and the layers they fall into."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.vertices = {v.id: v for v in picture.vertices}
        self.sizes = {v.id: box_size(v) for v in picture.vertices}
        lanes = picture.view == "lanes"
        self.mirrored = [v for v in picture.vertices if lanes and v.mirrors]
        self.below: dict[str, list[Vertex]] = {}
        for v in picture.vertices:
            if v.under in self.vertices:
                self.below.setdefault(v.under, []).append(v)
        upper = {v.id for v in self.mirrored}
        self.main = [v.id for v in picture.vertices
                     if v.id not in upper and v.under not in self.vertices]  # fmt: skip
        inside = set(self.main)
        self.arrows = [e for e in picture.edges if e.tail in inside and e.head in inside]
        self.layers: Layers = layers(self.main, [(e.tail, e.head) for e in self.arrows])
        self.result = Drawing(picture)

    def drawing(self) -> Drawing:
        self.stacks = self.gradient_stacks()
        self.place_columns()
        lower = heights(self.layers.columns, {c: self.extent(c) for c in self.cells()})
        for cell in self.cells():
            if not cell.point:
                self.place(str(cell.key), self.x[cell.rank], lower[cell])
        self.route_forward(lower)
        if self.mirrored:
            self.place_gradients()
        self.result.frames = self.frames()
        self.shift()
        return self.result

    def frames(self) -> list[tuple[str, Box]]:
        """A frame round each cluster that no other box is in the way of."""
        frames = []
        for cluster in clusters_of(self.picture):
            inside = set(cluster.members)
            frame = _around([self.result.boxes[id] for id in cluster.members], cluster.depth)
            others = (box for id, box in self.result.boxes.items() if id not in inside)
            if not any(_overlap(frame, box) for box in others):
                frames.append((cluster.label, frame))
        return frames

    def cells(self) -> list[Cell]:
        return [cell for column in self.layers.columns for cell in column]

    # --- sizes

    def extent(self, cell: Cell) -> tuple[float, float]:
        """How far a cell reaches above and below its height."""
        if cell.point:
            return 6.0, 6.0
        key = str(cell.key)
        half = self.sizes[key][1] / 2
        leaves = max((self.sizes[v.id][1] for v in self.below.get(key, [])), default=0.0)
        return half, half + (leaves + _BELOW if leaves else 0.0)

    def widths(self, key: str) -> tuple[float, float, float]:
        """Widths of a cell: the box, the leaves below it, the gradients above it."""
        row = [self.sizes[v.id][0] for v in self.below.get(key, [])]
        leaves = sum(row) + _BESIDE * (len(row) - 1) if row else 0.0
        above = max((self.stack_width(v) for v in self.stacks.get(key, [])), default=0.0)
        return self.sizes[key][0], leaves, above

    def stack_width(self, v: Vertex) -> float:
        total = self.sum_of(v)
        return self.sizes[v.id][0] + (self.sizes[total.id][0] + _BESIDE if total else 0.0)

    def stack_height(self, v: Vertex) -> float:
        total = self.sum_of(v)
        return max(self.sizes[v.id][1], self.sizes[total.id][1] if total else 0.0)

    def sum_of(self, v: Vertex) -> Vertex | None:
        """The Σ in front of a gradient box, if it has one."""
        return self.vertices.get(f"s{v.id[1:]}")

    def gradient_stacks(self) -> dict[str, list[Vertex]]:
        """The gradient boxes above each forward cell: its own, or those of its leaves."""
        stacks: dict[str, list[Vertex]] = {}
        for v in self.mirrored:
            if v.kind != "sum":
                mirrored = self.vertices[v.mirrors]
                key = mirrored.under if mirrored.under in self.vertices else mirrored.id
                stacks.setdefault(key, []).append(v)
        return stacks

    def place_columns(self) -> None:
        """The middle of every column: wider gaps where many arrows cross over.

        Where a column is one box, the leaves below it and the gradients above it may reach into
        the columns beside it, as far as they keep clear of each other.
        """
        self.x: list[float] = []
        self.half: list[float] = []  # of the boxes
        self.upper: list[float] = []  # of the gradients above them
        right = [0.0, 0.0, 0.0]
        for column in self.layers.columns:
            rows = [self.widths(str(cell.key)) for cell in column if not cell.point]
            if len(column) == 1 and rows:
                widths = list(rows[0])
            else:
                widths = [max((max(row) for row in rows), default=0.0)] * 3
            more = min(4.0 * (len(column) - 1), 60.0)
            x = max(
                edge + gap + more + width / 2
                for edge, gap, width in zip(right, _GAPS, widths, strict=True)
                if width or len(column) > 1
            )
            right = [max(edge, x + width / 2) if width or len(column) > 1 else edge
                     for edge, width in zip(right, widths, strict=True)]  # fmt: skip
            self.x.append(x)
            self.half.append(widths[0] / 2)
            self.upper.append(widths[2] / 2)

    def place(self, key: str, x: float, y: float) -> None:
        """Put a box in its place, and the leaves that belong to it below."""
        width, height = self.sizes[key]
        self.result.boxes[key] = Box(x, y, width, height)
        row = self.below.get(key, [])
        if not row:
            return
        total = sum(self.sizes[v.id][0] for v in row) + _BESIDE * (len(row) - 1)
        left = x - total / 2
        top = y + height / 2 + _BELOW
        for v in row:
            w, h = self.sizes[v.id]
            self.result.boxes[v.id] = Box(left + w / 2, top + h / 2, w, h)
            left += w + _BESIDE

    # --- forward arrows

    def route_forward(self, y: dict[Cell, float]) -> None:
        ways = dict(zip(map(id, self.arrows), self.layers.paths, strict=True))
        paths = self.layers.paths
        starts = _ports([p[0] for p in paths], [y[p[1]] - y[p[0]] for p in paths])
        ends = _ports([p[-1] for p in paths], [y[p[-2]] - y[p[-1]] for p in paths])
        ports = dict(zip(map(id, self.arrows), zip(starts, ends, strict=True), strict=True))
        for edge in self.picture.edges:
            if id(edge) in ways:
                self.result.arrows.append(self.along(edge, ways[id(edge)], y, ports[id(edge)]))
            elif self.vertices[edge.tail].under == edge.head:
                self.result.arrows.append(self.upward(edge))

    def along(
        self, edge: Edge, path: list[Cell], y: dict[Cell, float], ports: tuple[float, float]
    ) -> Arrow:
        """An arrow through the points of its path."""
        tail, head = self.result.boxes[edge.tail], self.result.boxes[edge.head]
        start = (tail.right, tail.y + _clamped(ports[0], tail))
        end = (head.left, head.y + _clamped(ports[1], head))
        points = [start, (self.x[path[0].rank] + self.half[path[0].rank], start[1])]
        for cell in path[1:-1]:
            x, half = self.x[cell.rank], self.half[cell.rank]
            points += [(x - half, y[cell]), (x + half, y[cell])]
        last = path[-1].rank
        points += [(self.x[last] - self.half[last], end[1]), end]
        return Arrow(edge, points)

    def upward(self, edge: Edge) -> Arrow:
        """An arrow from a leaf to the operation above it."""
        leaf, op = self.result.boxes[edge.tail], self.result.boxes[edge.head]
        same = [e for e in self.picture.edges if (e.tail, e.head) == (edge.tail, edge.head)]
        x = leaf.x + _PORT * (next(i for i, e in enumerate(same) if e is edge)
                              - (len(same) - 1) / 2)  # fmt: skip
        room = op.width / 2 - 8
        end = min(max(x, op.x - room), op.x + room)
        top = (end, op.y + op.height / 2)
        return Arrow(edge, [(x, leaf.y - leaf.height / 2), top], vertical=True)

    # --- the gradient lane

    def place_gradients(self) -> None:
        """Boxes in the mirrored lane above, and their arrows."""
        y = heights(self.layers.columns, {c: self.gradient_extent(c) for c in self.cells()})
        boxes = self.result.boxes
        top = min(box.y - box.height / 2 for box in boxes.values())
        nearest = min(y[c] - self.gradient_extent(c)[0] for c in self.cells())
        base = top - _LANES - (-nearest)
        self.lane = {cell: base - y[cell] for cell in self.cells()}
        for key, stack in self.stacks.items():
            self.stack(self.layers.cells[key], stack)
        edges = [e for e in self.picture.edges if e.kind == "gradient"]
        counts: dict[tuple[str, str], int] = {}
        for edge in edges:
            pair = edge.tail, edge.head
            counts[pair] = counts.get(pair, 0) + 1
        drawn: dict[tuple[str, str], int] = {}
        for edge in edges:
            pair = edge.tail, edge.head
            nth = drawn[pair] = drawn.get(pair, 0) + 1
            self.result.arrows.append(self.back(edge, (nth - (counts[pair] + 1) / 2) * 14.0, nth))

    def gradient_extent(self, cell: Cell) -> tuple[float, float]:
        """How far a cell of the gradient lane reaches: towards the forward lane, and away."""
        if cell.point:
            return 6.0, 6.0
        stack = self.stacks.get(str(cell.key), [])
        if self.owns(cell):
            half = max(self.stack_height(v) for v in stack) / 2
            return half, half
        return 8.0, 10.0 + sum(self.stack_height(v) + _ABOVE for v in stack)

    def owns(self, cell: Cell) -> bool:
        """Whether the gradient above a cell is the cell's own, not its leaves'."""
        return any(v.mirrors == cell.key for v in self.stacks.get(str(cell.key), []))

    def stack(self, cell: Cell, stack: list[Vertex]) -> None:
        """Place the gradient boxes above one cell."""
        y = self.lane[cell]
        bottom = y - 10.0
        for v in reversed(stack):
            width, height = self.sizes[v.id]
            total, tall = self.sum_of(v), self.stack_height(v)
            left = self.x[cell.rank] - self.stack_width(v) / 2
            centre = y if v.mirrors == cell.key else bottom - tall / 2
            self.result.boxes[v.id] = Box(left + width / 2, centre, width, height)
            if total is not None:
                w, h = self.sizes[total.id]
                self.result.boxes[total.id] = Box(left + width + _BESIDE + w / 2, centre, w, h)
            bottom -= tall + _ABOVE

    def back(self, edge: Edge, shift: float, nth: int) -> Arrow:
        """A gradient arrow, from right to left along the mirrored way."""
        tail, head = self.result.boxes[edge.tail], self.result.boxes[edge.head]
        if self.vertices[edge.tail].kind == "sum":
            return Arrow(edge, [(tail.left, tail.y), (head.right, head.y)])
        start, end = self.cell_of(edge.tail), self.cell_of(edge.head)
        port = _clamped(shift, head)
        last = self.x[end.rank] + self.upper[end.rank], head.y + port
        points = [(tail.left, tail.y), (self.x[start.rank] - self.upper[start.rank], tail.y)]
        for cell in self.way(end, start, edge.via, nth):
            y = self.lane[cell] + shift
            for side in (self.upper[cell.rank], -self.upper[cell.rank]):
                x = min(max(self.x[cell.rank] + side, last[0]), points[-1][0])
                points.append((x, y))
        return Arrow(edge, [*points, last, (head.right, last[1])])

    def way(self, first: Cell, last: Cell, via: str, nth: int) -> list[Cell]:
        """The cells between a value and the result whose cotangent comes in, from right to left."""
        rule = self.layers.cells.get(via, first)
        ways = [p for p in self.layers.paths if p[0] is first and p[-1] is rule]
        before = ways[min(nth, len(ways)) - 1] if ways else [first]
        middle = [rule] if rule is not first else []
        return [*_between(rule, last), *middle, *reversed(before[1:-1])]

    def cell_of(self, key: str) -> Cell:
        """The forward cell that a gradient box stands above."""
        vertex = self.vertices[key]
        if vertex.kind == "sum":
            vertex = self.vertices[vertex.mirrors]
        forward = self.vertices[vertex.mirrors]
        return self.layers.cells[forward.under if forward.under in self.vertices else forward.id]

    # --- the whole

    def shift(self) -> None:
        """Move everything so that the drawing begins at the margin."""
        result = self.result
        boxes = result.boxes.values()
        ys = [y for arrow in result.arrows for _, y in arrow.points]
        drawn = [*boxes, *(frame for _, frame in result.frames)]
        left = min(box.left for box in drawn)
        top = min([*(box.y - box.height / 2 for box in drawn), *ys])
        bottom = max([*(box.y + box.height / 2 for box in drawn), *ys])
        dx, dy = 16.0 - left, 16.0 - top
        for box in boxes:
            box.x += dx
            box.y += dy
        for arrow in result.arrows:
            arrow.points = [(x + dx, y + dy) for x, y in arrow.points]
        for _, frame in result.frames:
            frame.x += dx
            frame.y += dy
        result.width = max(box.right for box in drawn) + 16.0
        result.height = bottom + dy + 16.0


def _around(boxes: list[Box], depth: int) -> Box:
    """A frame round boxes, with room for a label above them; outer frames are larger."""
    room = 7.0 if depth else 10.0
    left, right = min(b.left for b in boxes) - room, max(b.right for b in boxes) + room
    top = min(b.y - b.height / 2 for b in boxes) - (17.0 if depth else 34.0)
    bottom = max(b.y + b.height / 2 for b in boxes) + room
    return Box((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)


def _overlap(one: Box, other: Box) -> bool:
    return (
        abs(one.x - other.x) < (one.width + other.width) / 2
        and abs(one.y - other.y) < (one.height + other.height) / 2
    )


def _clamped(shift: float, box: Box) -> float:
    room = max(box.height / 2 - 6.0, 0.0)
    return min(max(shift, -room), room)


def _between(first: Cell, last: Cell) -> list[Cell]:
    """The cells strictly between two, from last to first, by the shortest way."""
    came: dict[Cell, Cell | None] = {first: None}
    queue = [first]
    for cell in queue:  # grows while it is read: breadth first
        if cell is last:
            break
        for after in cell.after:
            if after not in came and after.rank <= last.rank:
                came[after] = cell
                queue.append(after)
    way: list[Cell] = []
    step = came.get(last)
    while step is not None and step is not first:
        way.append(step)
        step = came[step]
    return way


def _ports(boxes: list[Cell], beyond: list[float]) -> list[float]:
    """How far from the middle of its box each arrow begins or ends.

    beyond: the height of the next point on each arrow's way. The one that goes straightest keeps
    the middle.
    """
    shifts = [0.0] * len(boxes)
    groups: dict[Cell, list[int]] = {}
    for i, box in enumerate(boxes):
        groups.setdefault(box, []).append(i)
    for group in groups.values():
        group.sort(key=lambda i: (beyond[i], i))
        nearest = min(abs(beyond[i]) for i in group)
        middle = [n for n, i in enumerate(group) if abs(beyond[i]) == nearest]
        centre = (middle[0] + middle[-1]) / 2
        for n, i in enumerate(group):
            shifts[i] = (n - centre) * _PORT
    return shifts
