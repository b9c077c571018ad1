"""Activation functions as small curves, for pictures; their derivatives come from the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

import autograd_lite as ag
from autograd_lite.drawing import Diagram, Picture, Vertex, document, text_element
from nn.mlp import HIDDEN

__all__ = ["DARK", "activations_picture", "bars", "curve", "derivative"]

BLUE, ORANGE, GREY, INK = "#0072b2", "#b34700", "#767e88", "#3d444d"
#: Where the reader prefers the dark: what is blue or orange is lighter, plots are no white blocks.
DARK = (
    ".agl-blue{stroke:#56b4e9}.agl-orange{stroke:#ff9a56}.agl-grey{stroke:#9aa4b1}"
    ".agl-plot{fill:#20242a}.agl-bar{fill:#56b4e9}.agl-dot{fill:#ff9a56}.agl-tip{fill:#9aa4b1}"
)
_SHOWN = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "ReLU", "identity": "identity"}
_FORMULAS = {
    "sigmoid": ("g(z) = 1 / (1 + exp(−z))", "g′(z) = g(z)(1 − g(z))"),
    "tanh": ("g(z) = tanh z", "g′(z) = 1 − g(z)²"),
    "relu": ("g(z) = z for z ≥ 0, else 0", "g′(z) = [z > 0]"),
    "identity": ("g(z) = z", "g′(z) = 1"),
}


def derivative(function: Callable[[Any], Any], z: Any) -> Any:
    """g′(z) for every element of z, by the engine."""
    return ag.grad(lambda z: np.sum(function(z)))(z)


def curve(
    function: Callable[[Any], Any], x: float, y: float, w: float, h: float, points: Any = None
) -> str:
    """SVG of g in a frame with axes; `points` are pre-activations that are marked on it."""
    reach = 4.0
    if points is not None and np.size(points):
        points = np.asarray(points, float)[np.isfinite(points)]
        reach = float(np.max(np.abs(points), initial=1.0)) * 1.05
        if abs(float(np.asarray(function(np.array([[reach]])))[0, 0])) < 1.5:
            reach = min(reach, 8.0)  # flat beyond: all of it would be a step
    z = np.linspace(-reach, reach, 81)
    frame = _Frame(x, y, w, h, reach, np.asarray(function(z)))
    parts = [frame.box(), frame.axes(), frame.line(z, function(z), BLUE)]
    if points is not None:
        shown = np.ravel(points)
        shown = shown[np.linspace(0, max(shown.size - 1, 0), min(shown.size, 48)).astype(int)]
        shown = np.clip(shown, -reach, reach)
        for a, b in zip(shown, np.asarray(function(shown)), strict=True):
            px, py = frame.at(a, b)
            parts.append(
                f'<circle class="agl-dot" cx="{px:.1f}" cy="{py:.1f}" r="2" fill="{ORANGE}" '
                'opacity="0.55"/>'
            )
    return "".join(parts)


def bars(values: Any, x: float, y: float, w: float, h: float) -> str:
    """SVG of probabilities as bars."""
    step = w / len(values)
    parts = [f'<rect class="agl-plot agl-grey" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" '
             f'height="{h:.1f}" fill="#ffffff" stroke="{GREY}" stroke-width="0.8"/>']  # fmt: skip
    for i, value in enumerate(values):
        height = max(float(value) * (h - 4), 0.5)
        parts.append(
            f'<rect class="agl-bar" x="{x + i * step + step * 0.15:.1f}" y="{y + h - height:.1f}" '
            f'width="{step * 0.7:.1f}" height="{height:.1f}" fill="{BLUE}"/>'
        )
    return "".join(parts)


_CLASS = {BLUE: "agl-blue", ORANGE: "agl-orange"}


class _Frame:
    """A little plot: from z and g(z) to px."""

    def __init__(self, x: float, y: float, w: float, h: float, reach: float, g: Any) -> None:
        self.x, self.y, self.w, self.h, self.reach = x, y, w, h, reach
        low, high = min(float(np.min(g)), 0.0), max(float(np.max(g)), 0.0)
        room = max((high - low) * 0.12, 1e-9)
        self.low, self.high = low - room, high + room

    def at(self, z: Any, g: Any) -> tuple[float, float]:
        """The px of a point."""
        across = (float(z) + self.reach) / (2 * self.reach)
        up = (float(g) - self.low) / (self.high - self.low)
        return self.x + across * self.w, self.y + self.h - up * self.h

    def box(self) -> str:
        return (
            f'<rect class="agl-plot agl-grey" x="{self.x:.1f}" y="{self.y:.1f}" '
            f'width="{self.w:.1f}" height="{self.h:.1f}" fill="#ffffff" stroke="{GREY}" '
            'stroke-width="0.8"/>'
        )

    def axes(self) -> str:
        x0, y0 = self.at(0.0, 0.0)
        look = f'class="agl-grey" stroke="{GREY}" stroke-width="0.6" stroke-dasharray="2 2"'
        return (
            f'<line x1="{self.x:.1f}" y1="{y0:.1f}" x2="{self.x + self.w:.1f}" y2="{y0:.1f}" '
            f'{look}/><line x1="{x0:.1f}" y1="{self.y:.1f}" x2="{x0:.1f}" '
            f'y2="{self.y + self.h:.1f}" {look}/>'
        )

    def line(self, z: Any, g: Any, colour: str, dash: str = "") -> str:
        g = np.asarray(g)
        jumps = np.abs(np.diff(g, prepend=g[:1])) > 0.1 * (self.high - self.low)
        points = [self.at(a, b) for a, b in zip(z, g, strict=True)]
        path = "".join(
            f"{'M' if i == 0 or jump else 'L'}{px:.1f} {py:.1f}"
            for i, ((px, py), jump) in enumerate(zip(points, jumps, strict=True))
        )
        mark = f' stroke-dasharray="{dash}"' if dash else ""
        return (
            f'<path class="{_CLASS[colour]}" d="{path}" fill="none" stroke="{colour}" '
            f'stroke-width="2"{mark}/>'
        )

    def ticks(self, values: Iterable[int]) -> list[str]:
        """The numbers on the axis of g, left of the frame."""
        parts = []
        for value in values:
            if self.low < value < self.high:
                _, py = self.at(0.0, value)
                label = str(value).replace("-", "−")
                parts.append(
                    f'<line class="agl-grey" x1="{self.x - 3:.1f}" y1="{py:.1f}" '
                    f'x2="{self.x:.1f}" y2="{py:.1f}" stroke="{GREY}" stroke-width="0.8"/>'
                )
                parts.append(text_element(self.x - 5, py + 4, label, 11, INK, "end", "agl-ink"))
        return parts


def activations_picture(names: Sequence[str] = ("sigmoid", "tanh", "relu")) -> Diagram:
    """Activation functions with their derivatives side by side, as the lecture shows them.

    Raises ValueError for a name that is no hidden activation.
    """
    for name in names:
        if name not in HIDDEN:
            raise ValueError(
                f"unknown activation {name!r}; choose out of {', '.join(map(repr, HIDDEN))}"
            )
    title = "Activation functions and their derivatives"
    vertices = [Vertex(f"n{i}", "op", (_SHOWN[n], *_FORMULAS[n])) for i, n in enumerate(names)]
    picture = Picture(title, tuple(vertices), (), view="activations")
    return Diagram(picture, drawn=lambda: _panels(names, picture))


def _panels(names: Sequence[str], picture: Picture) -> str:
    w, h, gap = 250.0, 190.0, 30.0
    body = []
    z = np.linspace(-4.0, 4.0, 161)
    for i, name in enumerate(names):
        x, g = 30.0 + i * (w + gap), HIDDEN[name]
        slope = derivative(g, z)
        frame = _Frame(x, 42.0, w, h, 4.0, np.concatenate((np.asarray(g(z)), slope)))
        body.append(text_element(x + w / 2, 28, _SHOWN[name], 15, INK, css="agl-ink"))
        body += [frame.box(), frame.axes(), frame.line(z, g(z), BLUE),
                 frame.line(z, slope, ORANGE, "6 3"), *frame.ticks(range(-1, 5))]  # fmt: skip
        for row, (text, dash) in enumerate(zip(_FORMULAS[name], ("", "6 3"), strict=True)):
            y = 42.0 + h + 38 + 20 * row
            mark = f' stroke-dasharray="{dash}"' if dash else ""
            body.append(
                f'<line class="{_CLASS[(BLUE, ORANGE)[row]]}" x1="{x:.1f}" y1="{y - 4:.1f}" '
                f'x2="{x + 26:.1f}" y2="{y - 4:.1f}" '
                f'stroke="{(BLUE, ORANGE)[row]}" stroke-width="2"{mark}/>'
            )
            body.append(text_element(x + 34, y, text, 12.5, INK, "start", "agl-ink"))
        for edge, text in ((-4, "−4"), (0, "0"), (4, "4")):
            px, _ = frame.at(edge, 0)
            anchor = {-4: "start", 0: "middle", 4: "end"}[edge]
            body.append(text_element(px, 42 + h + 14, text, 11, INK, anchor, "agl-ink"))
    width = 60.0 + len(names) * w + (len(names) - 1) * gap
    return document(picture.title, picture.description, width, 42.0 + h + 76, body, DARK)
