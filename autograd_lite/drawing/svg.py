"""A drawing as SVG that stands alone: no ids to clash, its look in attributes, dark mode on top.

Notebooks strip `<style>`: what they leave is the light picture on white. Titles and a description
are there for those who listen to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

from autograd_lite.drawing.arrange import Arrow, Box, Drawing
from autograd_lite.drawing.measure import text_width
from autograd_lite.drawing.picture import Vertex
from autograd_lite.drawing.sizes import LINE, SMALL, drawn_lines
from autograd_lite.drawing.style import ARROWS, LEGEND, STYLES, Style

__all__ = ["document", "svg_text", "text_element"]

FONTS = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif"
_CAPTION = 12.0
_FOOT = 52.0  # px for the legend and the caption


def svg_text(drawing: Drawing) -> str:
    """The SVG text of a drawing, with a legend and a caption below it."""
    picture = drawing.picture
    kinds = [kind for kind in LEGEND if any(v.kind == kind for v in picture.vertices)]
    width = max(drawing.width, _legend_width(kinds), text_width(picture.caption, _CAPTION) + 32)
    height = drawing.height + _FOOT
    shift = (width - drawing.width) / 2
    body = [f'<g transform="translate({shift:.1f} 0)">']
    body += [_frame(label, frame) for label, frame in drawing.frames]
    body += [_arrow(arrow) for arrow in drawing.arrows]
    body += [_box(v, drawing.boxes[v.id]) for v in picture.vertices]
    body.append("</g>")
    body += _legend(kinds, drawing.height + 4)
    body.append(
        text_element(
            16, drawing.height + 38, picture.caption, _CAPTION, "#3d444d", "start", "agl-ink"
        )
    )
    return document(picture.title, picture.description, width, height, body)


def document(
    title: str,
    description: str,
    width: float,
    height: float,
    body: Sequence[str],
    dark: str | None = None,
) -> str:
    """A whole SVG with its title and description, on a page that is dark where that is wanted.

    dark: CSS rules for that, in place of those for boxes and arrows.
    """
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label={quoteattr(title)} font-family="{FONTS}">\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(description)}</desc>\n"
        f"<style>@media (prefers-color-scheme:dark){{{_DARK_PAGE}"
        f"{_dark_boxes() if dark is None else dark}}}</style>\n"
        f'<rect class="agl-page" width="100%" height="100%" fill="#ffffff"/>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


#: Rules that take effect where the reader prefers the dark, and no style is stripped.
_DARK_PAGE = ".agl-page{fill:#14171b}.agl-ink{fill:#d5dae0}"


def _dark_boxes() -> str:
    """Those for boxes, frames and arrows."""
    rules = [".agl-frame>.agl-shape{fill:#1b1f24}"]
    for kind, style in STYLES.items():
        rules.append(
            f".agl-{kind}>.agl-shape{{fill:{style.dark_fill};stroke:{style.dark_stroke}}}"
            f".agl-{kind}>text{{fill:{style.dark_ink}}}"
        )
    for kind, (_, _, dark) in ARROWS.items():
        rules.append(f".agl-{kind}>.agl-line{{stroke:{dark}}}.agl-{kind}>.agl-tip{{stroke:{dark}}}")
    rules.append(".agl-forward>.agl-tip{fill:#9aa4b1}.agl-gradient>.agl-tip{fill:#14171b}")
    return "".join(rules)


def text_element(
    x: float, y: float, text: str, size: float, ink: str, anchor: str = "middle", css: str = ""
) -> str:
    """One line of text; y is its baseline."""
    mark = f' class="{css}"' if css else ""
    return (
        f'<text{mark} x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{ink}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def _frame(label: str, frame: Box) -> str:
    """The frame round a cluster, with its label in the upper left corner."""
    x, y = frame.left, frame.y - frame.height / 2
    return (
        f'<g class="agl-frame"><rect class="agl-shape" x="{x:.1f}" y="{y:.1f}" '
        f'width="{frame.width:.1f}" height="{frame.height:.1f}" rx="6" fill="#f6f7f9" '
        f'stroke="#9aa4b1" stroke-width="1" stroke-dasharray="2 3"/>'
        + text_element(x + 8, y + 13, label, SMALL, "#3d444d", "start", "agl-ink")
        + "</g>"
    )


def _box(vertex: Vertex, box: Box) -> str:
    style = STYLES[vertex.kind]
    title = vertex.title or " ".join(vertex.lines)
    parts = [f'<g class="agl-{vertex.kind}" data-id="{vertex.id}"><title>{escape(title)}</title>']
    parts += _shape(style, box)
    lines = drawn_lines(vertex)
    x, y = (box.x - 3.0, box.y + 1.0) if style.shape == "stack" else (box.x, box.y)
    top = y - LINE * len(lines) / 2
    for i, (line, size) in enumerate(lines):
        baseline = top + LINE * (i + 0.5) + size * 0.36
        parts.append(text_element(x, baseline, line, size, style.ink))
    return "".join(parts) + "</g>"


def _shape(style: Style, box: Box) -> list[str]:
    """The outline of a box."""
    dash = f' stroke-dasharray="{style.dash}"' if style.dash else ""
    look = (
        f'class="agl-shape" fill="{style.fill}" stroke="{style.stroke}" '
        f'stroke-width="{style.width:g}"{dash}'
    )
    x, y, w, h = box.left, box.y - box.height / 2, box.width, box.height
    if style.shape == "ellipse":
        return [
            f'<ellipse {look} cx="{box.x:.1f}" cy="{box.y:.1f}" rx="{w / 2:.1f}" ry="{h / 2:.1f}"/>'
        ]
    if style.shape == "octagon" and h < 16:  # in the legend
        return [_octagon(look, x, y, w, h)]
    if style.shape == "octagon":
        return [_octagon(look, x, y, w, h), _octagon(look, x + 4, y + 4, w - 8, h - 8)]
    if style.shape == "stack":
        step = 3.0 if h >= 16 else 2.0
        return [
            _rectangle(look, x + d, y + 4 - d, w - 2 * step, h - 2 * step, 3 if h >= 16 else 1)
            for d in (2 * step, step, 0.0)
        ]
    radius = {"round": 8.0, "pill": min(h / 2, 16.0)}.get(style.shape, 0.0)
    return [_rectangle(look, x, y, w, h, radius)]


def _rectangle(look: str, x: float, y: float, w: float, h: float, radius: float) -> str:
    corner = f' rx="{radius:.1f}"' if radius else ""
    return f'<rect {look} x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}"{corner}/>'


def _octagon(look: str, x: float, y: float, w: float, h: float) -> str:
    c = min(w, h) * 0.28
    points = [(x + c, y), (x + w - c, y), (x + w, y + c), (x + w, y + h - c),
              (x + w - c, y + h), (x + c, y + h), (x, y + h - c), (x, y + c)]  # fmt: skip
    return f'<polygon {look} points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in points)}"/>'


def _arrow(arrow: Arrow) -> str:
    colour, dash, _ = ARROWS[arrow.edge.kind]
    line = f' stroke-dasharray="{dash}"' if dash else ""
    path, tip = _curve(arrow), _tip(arrow)
    fill = "#ffffff" if arrow.edge.kind == "gradient" else colour
    edge = arrow.edge
    parts = [
        f'<g class="agl-{edge.kind}" data-from="{edge.tail}" data-to="{edge.head}">'
        f'<path class="agl-line" d="{path}" fill="none" stroke="{colour}" '
        f'stroke-width="1.3"{line}/>'
        f'<path class="agl-tip" d="{tip}" fill="{fill}" stroke="{colour}" stroke-width="1.1"/>'
    ]
    if arrow.edge.edges > 1:
        x, y = _label_place(arrow)
        parts.append(text_element(x, y - 4, f"{edge.edges:,}", SMALL, "#3d444d", css="agl-ink"))
    return "".join(parts) + "</g>"


def _label_place(arrow: Arrow) -> tuple[float, float]:
    """The middle of an arrow's longest level stretch."""
    pairs = list(pairwise(arrow.points))
    level = [(b[0] - a[0], a, b) for a, b in pairs if abs(a[1] - b[1]) < 1.0] or [
        (0.0, arrow.points[0], arrow.points[-1])
    ]
    _, first, last = max(level)
    return (first[0] + last[0]) / 2, (first[1] + last[1]) / 2


def _curve(arrow: Arrow) -> str:
    """The path of an arrow: level at each of its points, curved between columns."""
    points = arrow.points
    (x, y), rest = points[0], points[1:]
    path = [f"M{x:.1f} {y:.1f}"]
    for nx, ny in rest:
        if arrow.vertical or abs(ny - y) < 0.05:
            path.append(f"L{nx:.1f} {ny:.1f}")
        else:
            middle = (x + nx) / 2
            path.append(f"C{middle:.1f} {y:.1f} {middle:.1f} {ny:.1f} {nx:.1f} {ny:.1f}")
        x, y = nx, ny
    return "".join(path)


def _tip(arrow: Arrow) -> str:
    """The triangle at an arrow's end."""
    (x0, _), (x, y) = arrow.points[-2], arrow.points[-1]
    if arrow.vertical:
        return f"M{x:.1f} {y:.1f}L{x - 3.5:.1f} {y + 8:.1f}L{x + 3.5:.1f} {y + 8:.1f}Z"
    back = x - 8 if x >= x0 and arrow.edge.kind != "gradient" else x + 8
    if arrow.edge.kind == "gradient" and arrow.points[0][0] < x:
        back = x - 8
    return f"M{x:.1f} {y:.1f}L{back:.1f} {y - 3.5:.1f}L{back:.1f} {y + 3.5:.1f}Z"


def _legend_width(kinds: list[str]) -> float:
    return 32.0 + sum(44.0 + text_width(LEGEND[kind], SMALL) for kind in kinds)


def _legend(kinds: list[str], y: float) -> list[str]:
    """A small box of each kind with what it means."""
    parts = []
    x = 16.0
    for kind in kinds:
        style = STYLES[kind]
        shape = "".join(_shape(style, Box(x + 10, y + 8, 20.0, 12.0)))
        parts.append(f'<g class="agl-{kind}">{shape}</g>')
        parts.append(
            text_element(x + 26, y + 12, LEGEND[kind], SMALL, "#3d444d", "start", "agl-ink")
        )
        x += 44.0 + text_width(LEGEND[kind], SMALL)
    return parts
