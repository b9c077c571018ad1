"""The lecture's single neuron: inputs, weights, z = w·a + b, and g(z)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_lite.drawing import (
    Diagram,
    Edge,
    Picture,
    Vertex,
    document,
    pretty,
    text_element,
    text_width,
)
from nn.architecture import Layer, is_softmax
from nn.curves import BLUE, DARK, INK, ORANGE, curve

__all__ = ["neuron_picture"]

_MOST = 6  # inputs drawn
_STEP = 46.0


def neuron_picture(layer: Layer, X: Any = None) -> Diagram:
    """The first neuron of a layer; with X, the numbers for its first data point.

    Raises ValueError for an X of another shape, or without a data point.
    """
    n = layer.n_in
    values = None if X is None else _passed(layer, np.asarray(X, float))
    shown = list(range(n)) if n <= _MOST else [*range(_MOST - 1), n - 1]
    vertices = [Vertex(f"n{i}", "data", (pretty(f"a{i + 1}"),)) for i in shown]
    vertices += [
        Vertex("nz", "op", (_rule(layer),)),
        Vertex("ng", "op", (f"g = {layer.activation}",)),
        Vertex("na", "output", ("a = g(z)",)),
    ]
    edges = [Edge(f"n{i}", "nz") for i in shown] + [Edge("nz", "ng"), Edge("ng", "na")]
    caption = f"{n} weights and a bias" if layer.b is not None else f"{n} weights"
    picture = Picture("An artificial neuron", tuple(vertices), tuple(edges), caption, "neuron")
    return Diagram(picture, drawn=lambda: _svg(layer, values, shown, picture))


def _passed(layer: Layer, X: Any) -> tuple[Any, float, float]:
    """(the inputs, z, a) of the first neuron for the first data point."""
    if X.ndim != 2 or X.shape[1] != layer.n_in:
        raise ValueError(f"draw: expected X of shape (n, {layer.n_in}), got {X.shape}")
    if len(X) == 0:
        raise ValueError("draw: X holds no data point; pass one or more, or none of X at all")
    Z, A = layer.pass_on(X[:1])  # of the whole layer: a softmax needs its other neurons, too
    return X[0], float(Z[0, 0]), float(A[0, 0])


def _rule(layer: Layer) -> str:
    return "z = w·a" if layer.b is None else "z = w·a + b"


def _number(x: float) -> str:
    return f"{x:.3g}".replace("-", "−")


@dataclass(frozen=True, slots=True)
class _Input:
    """A row of the picture: an input, its weight, and how large that is."""

    name: str
    weight: str
    share: float
    y: float


def _inputs(layer: Layer, values: Any, shown: list[int]) -> list[_Input]:
    """The rows, the bias last."""
    w = layer.W[:, 0]
    b = 0.0 if layer.b is None else float(layer.b[0])
    sizes = np.abs([*w, b])
    largest = float(np.max(sizes[np.isfinite(sizes)], initial=0.0)) or 1.0
    rows = []
    for place, i in enumerate(shown):
        gap = i == shown[-1] and len(shown) < layer.n_in
        name = pretty(f"a{i + 1}") + ("" if values is None else f" = {_number(values[0][i])}")
        weight = f"{pretty(f'w{i + 1}')} = {_number(float(w[i]))}"
        y = 30 + (place + 0.5 + gap) * _STEP
        rows.append(_Input(name, weight, float(w[i]) / largest, y))
    if layer.b is not None:
        rows.append(_Input("1", f"b = {_number(b)}", b / largest, rows[-1].y + _STEP))
    return rows


def _svg(layer: Layer, values: Any, shown: list[int], picture: Picture) -> str:
    rows = _inputs(layer, values, shown)
    middle = (rows[0].y + rows[-1].y) / 2
    pill = max(max(text_width(row.name, 12.5) for row in rows) + 22, 44.0)
    begin = 24 + pill + 12 + max(text_width(row.weight, 11.5) for row in rows) + 8
    body: list[str] = []
    for row in rows:
        body += _drawn(row, pill, begin, begin + 150, middle)
    if len(shown) < layer.n_in:
        last, before = [row.y for row in rows if row.name != "1"][-1:-3:-1]
        body += [
            f'<circle cx="{24 + pill / 2:.1f}" cy="{(last + before) / 2 + d:.1f}" r="2" '
            f'fill="{INK}"/>'
            for d in (-8, 0, 8)
        ]
    right, parts = _body(layer, values, begin + 174, middle)
    height = max(rows[-1].y + 40, middle + 84)
    return document(picture.title, picture.description, right, height, [*body, *parts], DARK)


def _drawn(row: _Input, pill: float, x1: float, x2: float, middle: float) -> list[str]:
    """An input, its weight beside it, and the edge to the sum."""
    colour, dash = (ORANGE, ' stroke-dasharray="5 3"') if row.share < 0 else (BLUE, "")
    css = "agl-orange" if row.share < 0 else "agl-blue"
    width = 0.8 + 2.4 * abs(row.share) if np.isfinite(row.share) else 3.2
    return [
        f'<rect x="24" y="{row.y - 16:.1f}" width="{pill:.1f}" height="32" rx="16" '
        f'fill="#ececec" stroke="#5b6470" stroke-width="1.2"/>',
        text_element(24 + pill / 2, row.y + 4.5, row.name, 12.5, "#1b1f24"),
        text_element(24 + pill + 12, row.y + 4, row.weight, 11.5, INK, "start", "agl-ink"),
        f'<line class="{css}" x1="{x1:.1f}" y1="{row.y:.1f}" x2="{x2:.1f}" y2="{middle:.1f}" '
        f'stroke="{colour}" stroke-width="{width:.2f}"{dash}/>',
    ]


def _body(layer: Layer, values: Any, x: float, y: float) -> tuple[float, list[str]]:
    """(where it ends, the sum, the activation with its curve, and the output)."""
    z, a = ("z", "a") if values is None else (f"z = {_number(values[1])}",
                                              f"a = {_number(values[2])}")  # fmt: skip
    parts = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="24" fill="#ffffff" stroke="#1b1f24" '
        'stroke-width="1.5"/>',
        text_element(x, y + 7, "Σ", 20, "#1b1f24"),
        text_element(x, y + 42, _rule(layer), 12, INK, css="agl-ink"),
    ]
    plot = x + 24 + _arrow(parts, x + 24, y, z)
    parts.append(_activation(layer, values, plot, y - 42))
    parts.append(text_element(plot + 65, y + 58, f"g: {layer.activation}", 12, INK, css="agl-ink"))
    end = plot + 130 + _arrow(parts, plot + 130, y, "a = g(z)")
    parts.append(text_element(end + 8, y + 4.5, a, 13, "#1b1f24", "start", "agl-ink"))
    return end + 8 + text_width(a, 13) + 24, parts


def _activation(layer: Layer, values: Any, x: float, y: float) -> str:
    """The curve of g with z on it; of a softmax, which has none, a word on what it needs."""
    if not is_softmax(layer):
        return curve(layer.function, x, y, 130, 84, None if values is None else [values[1]])
    return (
        f'<rect class="agl-plot agl-grey" x="{x:.1f}" y="{y:.1f}" width="130" height="84" '
        'fill="#ffffff" stroke="#767e88" stroke-width="0.8"/>'
        + text_element(x + 65, y + 38, "over the z of", 12, INK, css="agl-ink")
        + text_element(x + 65, y + 55, f"all {layer.n_out:,} neurons", 12, INK, css="agl-ink")
    )


def _arrow(parts: list[str], x: float, y: float, label: str) -> float:
    """The length of an arrow to the right, added to the parts with its label."""
    length = max(90.0, text_width(label, 12) + 30)
    tip = x + length
    parts.append(f'<line class="agl-grey" x1="{x:.1f}" y1="{y:.1f}" x2="{tip - 8:.1f}" '
                 f'y2="{y:.1f}" stroke="#5b6470" stroke-width="1.5"/>')  # fmt: skip
    parts.append(f'<path d="M{tip:.1f} {y:.1f}L{tip - 9:.1f} {y - 4:.1f}L{tip - 9:.1f} '
                 f'{y + 4:.1f}Z" class="agl-tip" fill="#5b6470"/>')  # fmt: skip
    parts.append(text_element(x + length / 2 - 4, y - 10, label, 12, INK, css="agl-ink"))
    return length
