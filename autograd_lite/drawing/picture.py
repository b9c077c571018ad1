"""The picture's own graph: immutable, in order of creation, made before anything is drawn.

Every view makes one of these; every output form (DOT, SVG, Mermaid, text, HTML) is printed from it.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Edge", "Picture", "Vertex"]


@dataclass(frozen=True, slots=True)
class Vertex:
    """A box: what it is, what stands in it, what a reader hears or sees on pointing at it."""

    id: str
    kind: str  # op, value, parameter, data, output, gradient, sum, fold
    lines: tuple[str, ...]
    title: str = ""
    scope: tuple[str, ...] = ()
    nodes: int = 1  # of the recorded graph, in this box
    edges: int = 0  # of the recorded graph, inside this box
    under: str = ""  # the id of the operation below which a leaf stands
    mirrors: str = ""  # the id of the forward box whose gradient this is


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow between two boxes."""

    tail: str
    head: str
    kind: str = "forward"  # or gradient, read
    edges: int = 1  # of the recorded graph, in this arrow
    via: str = ""  # the forward box whose rule a gradient went through


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes and arrows, what the picture shows and what it leaves out."""

    title: str
    vertices: tuple[Vertex, ...]
    edges: tuple[Edge, ...]
    caption: str = ""
    view: str = "graph"

    @property
    def n_nodes(self) -> int:
        """Number of nodes of the recorded graph that the boxes stand for."""
        return sum(v.nodes for v in self.vertices)

    @property
    def n_edges(self) -> int:
        """Number of edges of the recorded graph that arrows and folds stand for."""
        return sum(e.edges for e in self.edges) + sum(v.edges for v in self.vertices)

    @property
    def description(self) -> str:
        """What the picture shows, box by box in reading order, for those who cannot see it."""
        heads: dict[str, list[str]] = {}
        names = {v.id: v.lines[0].partition(" = ")[0] for v in self.vertices}
        for edge in self.edges:
            heads.setdefault(edge.tail, []).append(names[edge.head])
        parts = [self.caption] if self.caption else []
        for v in self.vertices:
            to = f" → {', '.join(heads[v.id])}" if v.id in heads else ""
            parts.append(f"{' '.join(v.lines)}{to}")
        return ". ".join(parts)
