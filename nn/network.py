"""The network picture: neurons and weighted edges, as in textbooks, drawn as SVG.

The colour and dash of an edge say the weight's sign, its width the weight's size within the layer.
"""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass
from itertools import pairwise
from math import isqrt
from typing import Any

import numpy as np

from autograd_lite.drawing import Diagram, Edge, Picture, Vertex, document, pretty, text_element
from nn.architecture import Layer, is_softmax, layers_of
from nn.curves import BLUE, DARK, GREY, INK, ORANGE, bars, curve

__all__ = ["network_picture"]

_ENDS = 5  # neurons at each end of a layer that is shortened
_RADIUS, _STEP = 13.0, 36.0  # of a neuron, from neuron to neuron, in px
_ACROSS = 190.0  # from layer to layer
_HEAD = 62.0
_PLOT = (112.0, 66.0)


@dataclass(frozen=True, slots=True)
class _Column:
    """The neurons of one layer that are drawn, from top to bottom; None is the place left out."""

    size: int
    title: str
    shown: tuple[int | None, ...]
    x: float
    top: float

    def y(self, place: int) -> float:
        return self.top + place * _STEP

    @property
    def places(self) -> list[tuple[int, float]]:
        """(neuron, its height) of each neuron drawn."""
        return [(n, self.y(i)) for i, n in enumerate(self.shown) if n is not None]


def network_picture(model: Any, X: Any = None) -> Diagram:
    """Neurons and edges of an MLP or Sequential; with X the activations of its data as well."""
    layers = layers_of(model)
    picture = _graph(layers)
    values = None if X is None else _passed(layers, np.asarray(X))
    return Diagram(picture, drawn=lambda: _svg(layers, values, picture))


def _passed(layers: list[Layer], X: Any) -> list[tuple[Any, Any]]:
    """(Z, A) of every layer for a batch, the input first."""
    if X.ndim != 2 or X.shape[1] != layers[0].n_in:
        raise ValueError(f"draw: expected X of shape (n, {layers[0].n_in}), got {X.shape}")
    if len(X) == 0:
        raise ValueError("draw: X holds no data point; pass one or more, or none of X at all")
    values: list[tuple[Any, Any]] = [(None, X)]
    for layer in layers:
        values.append(layer.pass_on(values[-1][1]))
    return values


def _shown(n: int) -> tuple[int | None, ...]:
    if n <= 2 * _ENDS:
        return tuple(range(n))
    return (*range(_ENDS), None, *range(n - _ENDS, n))


def _graph(layers: list[Layer]) -> Picture:
    """The same picture as boxes and arrows, for DOT, text and readers: one box per layer."""
    vertices = [Vertex("n0", "data", ("input", f"{layers[0].n_in:,} neurons"))]
    edges = []
    for layer in layers:
        words = (layer.title, f"{layer.n_out:,} neurons", layer.activation)
        kind = "output" if layer.last else "value"
        vertices.append(Vertex(f"n{layer.number}", kind, words))
        edges.append(
            Edge(f"n{layer.number - 1}", f"n{layer.number}", edges=layer.n_in * layer.n_out)
        )
    sizes = "-".join(str(n) for n in (layers[0].n_in, *(layer.n_out for layer in layers)))
    total = sum(layer.W.size + np.size(layer.b if layer.b is not None else ()) for layer in layers)
    caption = f"{total:,} parameters"
    return Picture(f"Network {sizes}", tuple(vertices), tuple(edges), caption, "network")


def _svg(layers: list[Layer], values: Any, picture: Picture) -> str:
    sizes = [layers[0].n_in, *(layer.n_out for layer in layers)]
    titles = ["input", *(layer.title for layer in layers)]
    image = None if values is None else _image_shape(sizes[0])
    left = 60.0 + (120.0 if image else 0.0)
    tall = max(len(_shown(n)) for n in sizes)
    columns = []
    for i, (n, title) in enumerate(zip(sizes, titles, strict=True)):
        shown = _shown(n)
        top = _HEAD + 20 + (tall - len(shown)) * _STEP / 2
        columns.append(_Column(n, title, shown, left + i * _ACROSS, top))
    floor = _HEAD + 20 + tall * _STEP + 8
    body: list[str] = []
    for layer, (before, after) in zip(layers, pairwise(columns), strict=True):
        body += _edges(layer, before, after, floor)
    for i, column in enumerate(columns):
        A = None if values is None else values[i][1][0]
        body += _neurons(column, A, "A" if i else "X", i, i == len(layers))
        body += _heading(column, layers[i - 1] if i else None)
        if i:
            body += _plot(
                layers[i - 1], None if values is None else values[i], column.x, floor + 30
            )
    if image:
        body += _picture_of_input(values[0][1][0], image, left - 130, _HEAD + 20 + tall * _STEP / 2)
    width = columns[-1].x + (110.0 if values is not None else 70.0)
    bottom = floor + 30 + _PLOT[1] + 26
    body += _legend(bottom, values is not None)
    foot = bottom + (62 if values is not None else 42)
    caption = picture.caption
    if not _all_finite(layers, values):
        caption += " · dotted edges and grey neurons: not finite"
    body.append(text_element(16, foot, caption, 12, INK, "start", "agl-ink"))
    return document(picture.title, picture.description, max(width, 640.0), foot + 14, body, DARK)


def _edges(layer: Layer, before: _Column, after: _Column, floor: float) -> list[str]:
    """The weighted edges between two layers, small ones first, and those of the biases."""
    lines = []
    largest = _largest(layer.W)
    x1, x2 = before.x + _RADIUS, after.x - _RADIUS
    for i, y1 in before.places:
        for j, y2 in after.places:
            lines.append((float(layer.W[i, j]) / largest, x1, y1, x2, y2))
    if layer.b is not None:
        largest = _largest(layer.b)
        for j, y2 in after.places:
            lines.append((float(layer.b[j]) / largest, before.x + 9, floor, x2, y2))
    body = [_line(*line) for line in sorted(lines, key=_size)]
    if layer.b is not None:
        x = before.x
        body.append(
            f"<g><title>{pretty(f'b{layer.number}')}: the bias of each neuron</title>"
            f'<rect x="{x - 9:.1f}" y="{floor - 9:.1f}" width="18" height="18" rx="4" '
            f'fill="#d6e8f8" stroke="{BLUE}" stroke-width="1.5"/>'
            f"{text_element(x, floor + 4, '1', 11, '#003a5c')}</g>"
        )
    return body


def _largest(x: Any) -> float:
    """The largest finite magnitude, 1 where there is none but 0."""
    sizes = np.abs(np.asarray(x, float))
    return float(np.max(sizes[np.isfinite(sizes)], initial=0.0)) or 1.0


def _size(line: tuple[float, ...]) -> float:
    """How far in front an edge is drawn; what is not finite before all."""
    return abs(line[0]) if np.isfinite(line[0]) else np.inf


def _line(share: float, x1: float, y1: float, x2: float, y2: float) -> str:
    if not np.isfinite(share):
        return (
            f'<line class="agl-grey" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="#1b1f24" stroke-width="3" stroke-dasharray="1.5 3"/>'
        )
    colour, dash = (BLUE, "") if share >= 0 else (ORANGE, ' stroke-dasharray="5 3"')
    size = abs(share)
    css = "agl-blue" if share >= 0 else "agl-orange"
    return (
        f'<line class="{css}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" '
        f'stroke-width="{0.4 + 2.6 * size:.2f}" opacity="{0.2 + 0.8 * size:.2f}"{dash}/>'
    )


def _neurons(column: _Column, A: Any, name: str, l: int, last: bool) -> list[str]:
    """The circles of a layer; with activations their fill, and their values at the output."""
    body = []
    largest = 1.0 if A is None else _largest(A)
    for n, y in column.places:
        share = 0.0 if A is None else abs(float(A[n])) / largest
        broken = not np.isfinite(share)
        told = f"{pretty(f'{name}{l}') if l else 'X'}[{n}]"
        told += "" if A is None else f" = {float(A[n]):.4g}"
        body.append(
            f"<g><title>{told}</title>"
            f'<circle class="agl-grey" cx="{column.x:.1f}" cy="{y:.1f}" r="{_RADIUS}" '
            f'fill="{"#9aa4b1" if broken else _shade(share)}" '
            f'stroke="#1b1f24" stroke-width="1.3"{_sign(A, n)}/></g>'
        )
        if last and column.size > 1:
            body.append(text_element(column.x, y + 4, str(n), 11, "#1b1f24"))
        if last and A is not None:
            value = float(A[n])
            text = (f"{value:.3f}" if abs(value) < 1e4 else f"{value:.4g}").replace("-", "−")
            body.append(text_element(column.x + 22, y + 4, text, 12, INK, "start", "agl-ink"))
    if None in column.shown:
        y = column.y(column.shown.index(None))
        for shift in (-8, 0, 8):
            body.append(f'<circle cx="{column.x:.1f}" cy="{y + shift:.1f}" r="2" fill="{GREY}"/>')
    return body


def _sign(A: Any, n: int) -> str:
    """A dash round a neuron whose activation is negative."""
    return ' stroke-dasharray="4 2.5"' if A is not None and A[n] < 0 else ""


def _shade(share: float) -> str:
    """White to the yellow of Okabe and Ito: how active a neuron is."""
    mixed = [round(255 + (c - 255) * share) for c in (240, 200, 66)]
    return "#" + "".join(f"{c:02x}" for c in mixed)


def _heading(column: _Column, layer: Layer | None) -> list[str]:
    name = column.title if layer is None else f"{column.title}: {layer.activation}"
    neurons = f"{column.size:,} neuron{'s' if column.size != 1 else ''}"
    body = [text_element(column.x, 24, name, 13, "#1b1f24", css="agl-ink"),
            text_element(column.x, 40, neurons, 12, INK, css="agl-ink")]  # fmt: skip
    if layer is not None:
        W = f"{pretty(f'W{layer.number}')}  {layer.n_in}×{layer.n_out}"
        body.append(text_element(column.x - _ACROSS / 2, 58, W, 11.5, "#005a8c", css="agl-ink"))
    return body


def _plot(layer: Layer, values: Any, x: float, y: float) -> list[str]:
    """The layer's activation as a small curve, with this batch's pre-activations on it."""
    w, h = _PLOT
    if is_softmax(layer):
        if values is None:
            return [text_element(x, y + h / 2, "softmax", 12, INK, css="agl-ink")]
        label = "probabilities, first data point"
        drawn = bars(values[1][0], x - w / 2, y, w, h)
    else:
        label = f"{layer.activation}" + (" with this batch's Z" if values is not None else "")
        Z = None if values is None else values[0]
        drawn = curve(layer.function, x - w / 2, y, w, h, Z)
    return [drawn, text_element(x, y + h + 14, label, 11, INK, css="agl-ink")]


def _all_finite(layers: list[Layer], values: Any) -> bool:
    arrays = [a for layer in layers for a in (layer.W, layer.b) if a is not None]
    arrays += [A for _, A in values or []]
    return all(np.isfinite(array).all() for array in arrays)


def _legend(y: float, active: bool) -> list[str]:
    items = [(BLUE, "", "weight > 0"), (ORANGE, ' stroke-dasharray="5 3"', "weight < 0")]
    body, x = [], 16.0
    for colour, dash, text in items:
        body.append(
            f'<line class="agl-{"orange" if dash else "blue"}" x1="{x}" y1="{y + 14:.1f}" '
            f'x2="{x + 30}" y2="{y + 14:.1f}" stroke="{colour}" stroke-width="2.6"{dash}/>'
        )
        body.append(text_element(x + 38, y + 18, text, 11.5, INK, "start", "agl-ink"))
        x += 130
    text = "width: the weight's size within its layer · 1: bias"
    body.append(text_element(x, y + 18, text, 11.5, INK, "start", "agl-ink"))
    if active:
        body.append(
            f'<circle cx="25" cy="{y + 36:.1f}" r="7" fill="{_shade(1.0)}" stroke="#1b1f24"/>'
        )
        text = "activation for the first data point: the more yellow the larger, dashed where < 0"
        body.append(text_element(54, y + 40, text, 11.5, INK, "start", "agl-ink"))
    return body


def _image_shape(n: int) -> int | None:
    """The side of the square image that an input of n pixels is, from 8×8 up."""
    side = isqrt(n)
    return side if side * side == n and side >= 8 else None


def _picture_of_input(x: Any, side: int, left: float, middle: float) -> list[str]:
    """The first data point as an image, dark on light."""
    pixels = np.reshape(np.asarray(x, float), (side, side))
    pixels = np.nan_to_num(pixels, posinf=0.0, neginf=0.0)
    low, high = float(pixels.min()), float(pixels.max())
    grey = 255 - np.round((pixels - low) / ((high - low) or 1.0) * 255).astype(np.uint8)
    data = base64.b64encode(_png(grey)).decode()
    return [
        f'<image x="{left:.1f}" y="{middle - 40:.1f}" width="80" height="80" '
        f'style="image-rendering:pixelated" image-rendering="optimizeSpeed" '
        f'href="data:image/png;base64,{data}"><title>the first data point</title></image>',
        f'<rect x="{left:.1f}" y="{middle - 40:.1f}" width="80" height="80" fill="none" '
        f'stroke="{GREY}" stroke-width="1"/>',
        text_element(left + 40, middle + 56, f"X[0] as {side}×{side}", 11, INK, css="agl-ink"),
    ]


def _png(grey: Any) -> bytes:
    """An 8-bit greyscale PNG of an array of shape (rows, columns)."""
    rows, columns = grey.shape
    lines = b"".join(b"\0" + row.tobytes() for row in grey)

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(lines, 9))
        + chunk(b"IEND", b"")
    )
