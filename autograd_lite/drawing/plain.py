"""A picture as plain text, and as Mermaid: for terminals, and for pages that draw Mermaid."""

from __future__ import annotations

from unicodedata import combining, east_asian_width

from autograd_lite.drawing.picture import Picture, Vertex

__all__ = ["mermaid_text", "outline"]


def outline(picture: Picture) -> str:
    """The picture as text: a line per box with where its arrows lead, oldest first."""
    heads: dict[str, list[str]] = {}
    names = {v.id: v.lines[0].partition(" = ")[0] for v in picture.vertices}
    for edge in picture.edges:
        if edge.tail in names and edge.head in names:
            heads.setdefault(edge.tail, []).append(names[edge.head])
    words = ["  ".join(v.lines) for v in picture.vertices]
    width = max((_columns(w) for v, w in zip(picture.vertices, words, strict=True)
                 if v.id in heads), default=0)  # fmt: skip
    lines = [f"{picture.title}", picture.caption, ""]
    for vertex, word in zip(picture.vertices, words, strict=True):
        to = heads.get(vertex.id)
        room = " " * (width - _columns(word))
        lines.append(f"  {word}{room} → {', '.join(to)}" if to else f"  {word}")
    return "\n".join(lines) + "\n"


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes: marks on letters take none, wide ones two."""
    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )


_BRACKETS = {
    "op": ('("', '")'),
    "parameter": ('(["', '"])'),
    "output": ('{{"', '"}}'),
    "sum": ('(("', '"))'),
    "fold": ('[["', '"]]'),
}
_ARROWS = {"forward": "-->", "gradient": "-.->", "read": "-.->"}
_CLASSES = """\
    classDef parameter fill:#d6e8f8,stroke:#0072b2,color:#003a5c
    classDef gradient fill:#fdebdf,stroke:#b34700,color:#6b2d00,stroke-dasharray:5 3
    classDef data fill:#ececec,stroke:#5b6470,color:#1b1f24"""


def mermaid_text(picture: Picture) -> str:
    """The picture as a Mermaid flowchart."""
    lines = ["flowchart LR"]
    for vertex in picture.vertices:
        left, right = _BRACKETS.get(vertex.kind, ('["', '"]'))
        lines.append(f"    {vertex.id}{left}{_label(vertex)}{right}")
    for edge in picture.edges:
        lines.append(f"    {edge.tail} {_ARROWS[edge.kind]} {edge.head}")
    lines.append(_CLASSES)
    for kind in ("parameter", "gradient", "data"):
        ids = [v.id for v in picture.vertices if v.kind == kind]
        if ids:
            lines.append(f"    class {','.join(ids)} {kind}")
    return "\n".join(lines) + "\n"


def _label(vertex: Vertex) -> str:
    """A label with what Mermaid would read as its own syntax written as entities."""
    return "<br/>".join(
        line.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
        for line in vertex.lines
    )
