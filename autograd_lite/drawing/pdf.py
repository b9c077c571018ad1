"""PDF out of the SVG that this package writes, drawn by matplotlib: vectors, fonts included.

Only what our own pictures hold is understood: groups that are moved, rectangles, circles, ellipses,
polygons, paths of M, L, C and Z, lines, text and images.
"""

from __future__ import annotations

import base64
import re
from importlib.util import find_spec
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

__all__ = ["pdf_bytes"]

_PT = 0.75  # points in a px


def pdf_bytes(svg: str) -> bytes:
    """A PDF of one page. Raises RuntimeError where matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        raise RuntimeError(
            "a .pdf needs matplotlib, which is not installed: pip install 'autograd-lite[plot]'; "
            ".svg and .html need nothing"
        )
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    root = ElementTree.fromstring(svg)
    width, height = float(root.get("width", 100)), float(root.get("height", 100))
    with rc_context({"pdf.fonttype": 42, "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(width / 96, height / 96))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.axis("off")
        _draw(axes, root)
        out = BytesIO()
        metadata = {"CreationDate": None, "Producer": None}  # two runs, one file
        figure.savefig(out, format="pdf", metadata=metadata)
    return out.getvalue()


def _draw(axes: Any, root: ElementTree.Element) -> None:
    """Draw every element, those of a group moved as the group is."""
    stack = [(root, 0.0, 0.0)]
    while stack:
        element, dx, dy = stack.pop()
        move = re.match(r"translate\(([-\d.]+)[ ,]([-\d.]+)\)", element.get("transform", ""))
        if move:
            dx, dy = dx + float(move[1]), dy + float(move[2])
        draw = _DRAWN.get(element.tag.rpartition("}")[2])
        if draw is not None:
            draw(axes, element, dx, dy)
        stack.extend((child, dx, dy) for child in reversed(element))


def _look(element: ElementTree.Element) -> dict[str, Any]:
    fill, stroke = element.get("fill", "black"), element.get("stroke", "none")
    look: dict[str, Any] = {"facecolor": fill, "edgecolor": stroke}
    look["linewidth"] = float(element.get("stroke-width", 1)) * _PT if stroke != "none" else 0.0
    dashes = element.get("stroke-dasharray")
    if dashes:
        look["linestyle"] = (0, [float(d) for d in re.split(r"[ ,]+", dashes)])
    look["alpha"] = float(element.get("opacity", 1))
    return look


def _numbers(element: ElementTree.Element, *names: str) -> list[float]:
    texts = [element.get(name, "0") for name in names]
    return [float(text) if "%" not in text else 1e4 for text in texts]


def _rect(axes: Any, element: ElementTree.Element, dx: float, dy: float) -> None:
    from matplotlib.patches import FancyBboxPatch, Rectangle

    x, y, w, h, r = _numbers(element, "x", "y", "width", "height", "rx")
    if r:
        style = f"round,pad=0,rounding_size={min(r, w / 2, h / 2)}"
        axes.add_patch(FancyBboxPatch((x + dx, y + dy), w, h, boxstyle=style, **_look(element)))
    else:
        axes.add_patch(Rectangle((x + dx, y + dy), w, h, **_look(element)))


def _circle(axes: Any, element: ElementTree.Element, dx: float, dy: float) -> None:
    from matplotlib.patches import Circle

    x, y, r = _numbers(element, "cx", "cy", "r")
    axes.add_patch(Circle((x + dx, y + dy), r, **_look(element)))


def _ellipse(axes: Any, element: ElementTree.Element, dx: float, dy: float) -> None:
    from matplotlib.patches import Ellipse

    x, y, rx, ry = _numbers(element, "cx", "cy", "rx", "ry")
    axes.add_patch(Ellipse((x + dx, y + dy), 2 * rx, 2 * ry, **_look(element)))


def _polygon(axes: Any, element: ElementTree.Element, dx: float, dy: float) -> None:
    from matplotlib.patches import Polygon

    points = [tuple(map(float, pair.split(","))) for pair in element.get("points", "").split()]
    axes.add_patch(Polygon([(x + dx, y + dy) for x, y in points], **_look(element)))


def _path(axes: Any, element: ElementTree.Element, dx: float, dy: float) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    codes: list[Any] = []
    points: list[tuple[float, float]] = []
    kinds = {"M": [Path.MOVETO], "L": [Path.LINETO], "C": [Path.CURVE4] * 3, "Z": [Path.CLOSEPOLY]}
    for letter, rest in re.findall(r"([MLCZ])([^MLCZ]*)", element.get("d", "")):
        numbers = [float(n) for n in re.findall(r"-?[\d.]+", rest)]
        codes += kinds[letter]
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        points += [(x + dx, y + dy) for x, y in pairs] or [points[0]]
    if codes:
        axes.add_patch(PathPatch(Path(points, codes), **_look(element)))


def _line(axes: Any, element: ElementTree.Element, dx: float, dy: float) -> None:
    x1, y1, x2, y2 = _numbers(element, "x1", "y1", "x2", "y2")
    look = _look(element)
    style = look.get("linestyle", "-")
    axes.plot([x1 + dx, x2 + dx], [y1 + dy, y2 + dy], color=look["edgecolor"],
              linewidth=look["linewidth"], linestyle=style, alpha=look["alpha"])  # fmt: skip


def _text(axes: Any, element: ElementTree.Element, dx: float, dy: float) -> None:
    x, y, size = _numbers(element, "x", "y", "font-size")
    anchor = {"start": "left", "middle": "center", "end": "right"}
    axes.text(x + dx, y + dy, (element.text or "").replace("$", r"\$"), fontsize=size * _PT,
              color=element.get("fill", "black"), va="baseline",
              ha=anchor[element.get("text-anchor", "start")])  # fmt: skip


def _image(axes: Any, element: ElementTree.Element, dx: float, dy: float) -> None:
    from matplotlib.image import imread

    x, y, w, h = _numbers(element, "x", "y", "width", "height")
    data = element.get("href", "").partition("base64,")[2]
    image = imread(BytesIO(base64.b64decode(data)), format="png")
    axes.imshow(image, extent=(x + dx, x + dx + w, y + dy + h, y + dy), aspect="auto", cmap="gray",
                interpolation="nearest", zorder=1)  # fmt: skip


_DRAWN = {"rect": _rect, "circle": _circle, "ellipse": _ellipse, "polygon": _polygon,
          "path": _path, "line": _line, "text": _text, "image": _image}  # fmt: skip
