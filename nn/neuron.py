"""The lecture's single neuron: inputs, weights, z = w·a + b, and g(z)."""

from __future__ import annotations

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
from nn.architecture import Layer
from nn.curves import BLUE, DARK, INK, ORANGE, curve

__all__ = ["neuron_picture"]

_MOST = 6  # inputs drawn
_STEP = 46.0


def neuron_picture(layer: Layer, X: Any = None) -> Diagram:
    """The first neuron of a layer; with X, the numbers for its first data point."""
    a = None if X is None else np.asarray(X, float)[0]
    n = layer.n_in
    shown = list(range(n)) if n <= _MOST else [*range(_MOST - 1), n - 1]
    vertices = [Vertex(f"n{i}", "data", (pretty(f"a{i + 1}"),)) for i in shown]
    vertices += [
        Vertex("nz", "op", ("z = w·a + b",)),
        Vertex("ng", "op", (f"g = {layer.activation}",)),
        Vertex("na", "output", ("a = g(z)",)),
    ]
    edges = [Edge(f"n{i}", "nz") for i in shown] + [Edge("nz", "ng"), Edge("ng", "na")]
    caption = f"{n} weights and a bias" if layer.b is not None else f"{n} weights"
    picture = Picture("An artificial neuron", tuple(vertices), tuple(edges), caption, "neuron")
    return Diagram(picture, drawn=lambda: _svg(layer, a, shown, picture))


def _svg(layer: Layer, a: Any, shown: list[int], picture: Picture) -> str:
    rows = len(shown) + 1 + (len(shown) < layer.n_in)
    middle = 30 + rows * _STEP / 2
    w = layer.W[:, 0]
    largest = float(np.max(np.abs(w))) or 1.0
    body: list[str] = []
    places = [(i, 30 + (place + 0.5 + (i == shown[-1] and len(shown) < layer.n_in)) * _STEP)
              for place, i in enumerate(shown)]  # fmt: skip
    for i, y in places:
        text = "" if a is None else f" = {a[i]:.3g}".replace("-", "−")
        label = f"{pretty(f'w{i + 1}')} = {w[i]:.3g}".replace("-", "−")
        body += _input(pretty(f"a{i + 1}") + text, label, y, middle, float(w[i]) / largest)
    if len(shown) < layer.n_in:
        y = (places[-2][1] + places[-1][1]) / 2
        body += [f'<circle cx="70" cy="{y + d:.1f}" r="2" fill="{INK}"/>' for d in (-8, 0, 8)]
    if layer.b is not None:
        b = float(layer.b[0])
        label = f"b = {b:.3g}".replace("-", "−")
        body += _input("1", label, 30 + (rows - 0.5) * _STEP, middle, b / max(largest, abs(b)))
    z = None if a is None else float(a @ w + (0.0 if layer.b is None else layer.b[0]))
    last, parts = _body(layer, z, middle)
    width = 656 + text_width(last, 13) + 24
    height = max(46 + rows * _STEP, middle + 76)
    return document(picture.title, picture.description, width, height, [*body, *parts], DARK)


def _input(name: str, label: str, y: float, middle: float, share: float) -> list[str]:
    """A circle for an input, and its weighted edge to the sum."""
    colour, dash = (BLUE, "") if share >= 0 else (ORANGE, ' stroke-dasharray="5 3"')
    css = "agl-blue" if share >= 0 else "agl-orange"
    half = max(20.0, text_width(name, 12.5) / 2 + 9)
    x1, x2 = 70 + half, 300.0
    return [
        f'<line class="{css}" x1="{x1:.1f}" y1="{y:.1f}" x2="{x2}" y2="{middle:.1f}" '
        f'stroke="{colour}" '
        f'stroke-width="{0.8 + 2.4 * abs(share):.2f}"{dash}/>',
        f'<rect x="{70 - half:.1f}" y="{y - 16:.1f}" width="{2 * half:.1f}" height="32" rx="16" '
        f'fill="#ececec" stroke="#5b6470" stroke-width="1.2"/>',
        text_element(70, y + 4.5, name, 12.5, "#1b1f24"),
        text_element(x1 + 8, y + (-8 if y < middle else 17), label, 11.5, INK, "start", "agl-ink"),
    ]


def _body(layer: Layer, z: float | None, middle: float) -> tuple[str, list[str]]:
    """(what stands at the output, the sum, the activation with its curve, and the output)."""
    arrow = 'class="agl-grey" stroke="#5b6470" stroke-width="1.5"'
    g = None if z is None else float(layer.function(np.array([[z]]))[0, 0])
    rules = ["z = w·a + b" if layer.b is not None else "z = w·a", "a = g(z)"]
    texts = ["z", "a"] if z is None else [f"z = {z:.3g}", f"a = {g:.3g}"]
    texts = [text.replace("-", "−") for text in texts]
    points = None if z is None else np.array([z])
    parts = [
        f'<circle cx="322" cy="{middle:.1f}" r="24" fill="#ffffff" stroke="#1b1f24" '
        'stroke-width="1.5"/>',
        text_element(322, middle + 7, "Σ", 20, "#1b1f24"),
        text_element(322, middle + 42, rules[0], 12, INK, css="agl-ink"),
        text_element(388, middle - 10, texts[0], 12, INK, css="agl-ink"),
        f'<line x1="346" y1="{middle:.1f}" x2="428" y2="{middle:.1f}" {arrow}/>',
        f'<path d="{_tip(436, middle)}" class="agl-tip" fill="#5b6470"/>',
        curve(layer.function, 436, middle - 42, 130, 84, points),
        text_element(501, middle + 58, f"g: {layer.activation}", 12, INK, css="agl-ink"),
        f'<line x1="566" y1="{middle:.1f}" x2="640" y2="{middle:.1f}" {arrow}/>',
        f'<path d="{_tip(648, middle)}" class="agl-tip" fill="#5b6470"/>',
        text_element(607, middle - 10, rules[1], 12, INK, css="agl-ink"),
        text_element(656, middle + 4.5, texts[1], 13, "#1b1f24", "start", "agl-ink"),
    ]
    return texts[1], parts


def _tip(x: float, y: float) -> str:
    """The path of an arrow's tip."""
    return f"M{x:.0f} {y:.1f}L{x - 9:.0f} {y - 4:.1f}L{x - 9:.0f} {y + 4:.1f}Z"
