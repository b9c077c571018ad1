"""How each kind of box looks: Okabe–Ito colours, and a shape or dash that says the same.

Every ink on its fill, and every line on white, has a contrast of 4.5 to 1 or more for text and 3 to
1 for lines.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ARROWS", "LEGEND", "STYLES", "Style"]


@dataclass(frozen=True, slots=True)
class Style:
    """Colours, line and shape of a box, in the light and in the dark."""

    fill: str
    stroke: str
    ink: str
    shape: str  # box, round, pill, octagon, ellipse, stack
    width: float = 1.2
    dash: str = ""
    dark_fill: str = "#20242a"
    dark_stroke: str = "#9aa4b1"
    dark_ink: str = "#f0f2f5"


STYLES: dict[str, Style] = {
    "op": Style("#ffffff", "#5b6470", "#1b1f24", "round"),
    "value": Style("#ffffff", "#1b1f24", "#1b1f24", "box", dark_stroke="#d5dae0"),
    "data": Style("#ececec", "#5b6470", "#1b1f24", "box", dark_fill="#3a3f46"),
    "parameter": Style("#d6e8f8", "#0072b2", "#003a5c", "pill", 2.0,
                       dark_fill="#123a56", dark_stroke="#56b4e9", dark_ink="#e3f2fd"),
    "output": Style("#ffffff", "#b34700", "#1b1f24", "octagon", 1.6, dark_stroke="#ff9a56"),
    "gradient": Style("#fdebdf", "#b34700", "#6b2d00", "box", 1.2, "5 3",
                      "#4a2412", "#ff9a56", "#ffe3d1"),
    "sum": Style("#fdebdf", "#b34700", "#6b2d00", "ellipse", 1.6, "",
                 "#4a2412", "#ff9a56", "#ffe3d1"),
    "fold": Style("#e6f4ef", "#00795a", "#00382a", "stack", 1.4, "",
                  "#0e3a2e", "#3cc9a0", "#dff7ef"),
}  # fmt: skip

#: Colour, dash and colour in the dark of each kind of arrow.
ARROWS: dict[str, tuple[str, str, str]] = {
    "forward": ("#5b6470", "", "#9aa4b1"),
    "gradient": ("#b34700", "5 3", "#ff9a56"),
    "read": ("#767e88", "1.5 3", "#9aa4b1"),
}

LEGEND: dict[str, str] = {
    "op": "operation",
    "value": "tensor",
    "data": "data",
    "parameter": "parameter",
    "output": "output",
    "gradient": "gradient",
    "sum": "gradients accumulate",
    "fold": "folded: stands for many",
}
