"""A picture as one self-contained HTML page."""

from __future__ import annotations

from html import escape

from autograd_lite.drawing.picture import Picture

__all__ = ["page_text"]


def page_text(picture: Picture, svg: str) -> str:
    """HTML that shows the SVG, with no other file and no network."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(picture.title)}</title></head>\n<body>\n{svg}</body></html>\n"
    )
