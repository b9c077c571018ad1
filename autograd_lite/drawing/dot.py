"""A picture as DOT, the same text in every run."""

from __future__ import annotations

import graphviz

from autograd_lite.drawing.clusters import Cluster, clusters_of
from autograd_lite.drawing.picture import Picture, Vertex
from autograd_lite.drawing.style import STYLES

__all__ = ["dot_source"]

_GRAPH = {"rankdir": "LR", "fontname": "Helvetica", "fontsize": "11", "bgcolor": "white",
          "nslimit": "2", "newrank": "true", "labelloc": "b"}  # fmt: skip


def dot_source(picture: Picture) -> str:
    """DOT text: one statement per box and per arrow, boxes aligned as the picture aligns them."""
    graph = graphviz.Digraph(
        "picture",
        graph_attr=_GRAPH | {"label": graphviz.escape(f"{picture.title}: {picture.caption}")},
        node_attr={
            "fontname": "Helvetica",
            "fontsize": "11",
            "height": "0.3",
            "margin": "0.1,0.05",
        },
        edge_attr={"fontname": "Helvetica", "fontsize": "9", "arrowsize": "0.7"},
    )
    for vertex in picture.vertices:
        graph.node(vertex.id, _label(vertex), tooltip=graphviz.escape(vertex.title),
                   **_attributes(vertex))  # fmt: skip
    graph.body.extend(_subgraphs(clusters_of(picture)))
    for edge in picture.edges:
        label = f"{edge.edges:,}" if edge.edges > 1 else None
        graph.edge(edge.tail, edge.head, label=label, **_EDGES[edge.kind])
    for vertex in picture.vertices:
        partner = vertex.mirrors or vertex.under
        if partner and picture.view == "lanes":
            graph.body.append(f"\t{{rank=same; {partner}; {vertex.id}}}\n")
    return str(graph.source)


def _subgraphs(clusters: list[Cluster]) -> list[str]:
    """A statement for each outer cluster, the inner ones nested in it."""
    inner: dict[int, str] = {}
    whole = []
    for i, cluster in sorted(enumerate(clusters), key=lambda pair: -pair[1].depth):
        words = graphviz.escape(cluster.label)
        members = "; ".join(cluster.members)
        text = f'subgraph cluster_{i} {{label="{words}"; color="#9aa4b1"; '
        text += f"{inner.get(i, '')}{members}}} "
        around = [
            n for n, c in enumerate(clusters)
            if c.depth == cluster.depth - 1 and cluster.members[0] in c.members
        ]  # fmt: skip
        if around:
            inner[around[0]] = inner.get(around[0], "") + text
        else:
            whole.append(f"\t{text}\n")
    return whole


_EDGES: dict[str, dict[str, str]] = {
    "forward": {"color": "#5b6470"},
    "gradient": {
        "color": "#b34700",
        "style": "dashed",
        "arrowhead": "empty",
        "constraint": "false",
    },
    "read": {"color": "#8a929c", "style": "dotted"},
}


def _label(vertex: Vertex) -> str:
    return "\\n".join(str(graphviz.escape(line)) for line in vertex.lines)


def _attributes(vertex: Vertex) -> dict[str, str]:
    style = STYLES[vertex.kind]
    shape = {"octagon": "doubleoctagon", "ellipse": "ellipse", "stack": "box3d"}.get(
        style.shape, "box"
    )
    marks = ["filled"]
    marks += ["rounded"] if style.shape in ("round", "pill") else []
    marks += ["dashed"] if style.dash else []
    return {
        "shape": shape,
        "style": ",".join(marks),
        "fillcolor": style.fill,
        "color": style.stroke,
        "fontcolor": style.ink,
        "penwidth": f"{style.width:g}",
    }
