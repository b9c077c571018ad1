"""Which boxes belong together because they were recorded in one `ag.scope`."""

from __future__ import annotations

from dataclasses import dataclass

from autograd_lite.drawing.picture import Picture, Vertex

__all__ = ["Cluster", "clusters_of"]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Boxes of one scope that were recorded without a break; leaves below them included."""

    label: str
    depth: int
    members: tuple[str, ...]


def clusters_of(picture: Picture) -> list[Cluster]:
    """The clusters of a picture, outer ones first; none for views that are no plain graph."""
    if picture.view != "graph":
        return []
    scopes = {v.id: v.scope for v in picture.vertices}
    placed = [(v, scopes.get(v.under, v.scope)) for v in picture.vertices]
    deepest = max((len(scope) for _, scope in placed), default=0)
    return [cluster for depth in range(deepest) for cluster in _runs(placed, depth)]


def _runs(placed: list[tuple[Vertex, tuple[str, ...]]], depth: int) -> list[Cluster]:
    """Neighbours that share a scope down to `depth`; a box outside every scope ends a run."""
    runs: list[tuple[tuple[str, ...], list[str]]] = []
    for vertex, scope in placed:
        key = scope[: depth + 1] if len(scope) > depth else ()
        if runs and runs[-1][0] == key:
            runs[-1][1].append(vertex.id)
        elif vertex.kind not in ("data", "parameter") or key:
            runs.append((key, [vertex.id]))
    return [Cluster(key[-1], depth, tuple(members)) for key, members in runs if key]
