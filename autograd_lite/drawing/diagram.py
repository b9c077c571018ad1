"""Diagram: a finished picture, in every form that people look at."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from autograd_lite.drawing.arrange import arrange
from autograd_lite.drawing.dot import dot_source
from autograd_lite.drawing.export import png_bytes
from autograd_lite.drawing.page import page_text
from autograd_lite.drawing.pdf import pdf_bytes
from autograd_lite.drawing.picture import Picture
from autograd_lite.drawing.plain import mermaid_text, outline
from autograd_lite.drawing.svg import svg_text

__all__ = ["Diagram"]


class Diagram:
    """A picture of a recorded graph: shown by notebooks, saved by suffix, printed as text."""

    def __init__(
        self,
        picture: Picture,
        walk: Callable[[], list[Any]] | None = None,
        drawn: Callable[[], str] | None = None,
    ) -> None:
        self.picture = picture
        self.walk = walk  # makes the stops that the page steps through
        self.drawn = drawn  # makes the SVG of a picture that is not made of boxes and arrows

    @cached_property
    def source(self) -> str:
        """The picture as DOT, identical from run to run."""
        return dot_source(self.picture)

    def svg(self) -> str:
        """The picture as SVG, which needs no renderer."""
        return self._svg

    @cached_property
    def _svg(self) -> str:
        return self.drawn() if self.drawn else svg_text(arrange(self.picture))

    def html(self) -> str:
        """The picture as a page of its own, to step through with the arrow keys."""
        return page_text(self.picture, self.svg(), self.walk() if self.walk else [])

    def mermaid(self) -> str:
        """The picture as a Mermaid flowchart."""
        return mermaid_text(self.picture)

    def text(self) -> str:
        """The picture as text: a line per box."""
        return outline(self.picture)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the picture in the form that the path's suffix names, and return the path.

        Raises ValueError for a suffix that is none of .svg .png .pdf .dot .html .mmd .txt,
        RuntimeError where a .png or .pdf has no renderer; both say what would work.
        """
        target = Path(fspath(path))
        form = _FORMS.get(target.suffix.lower())
        if form is None:
            raise ValueError(
                f"cannot save a picture as {target.name!r}: the suffix must be one of "
                f"{', '.join(_FORMS)}"
            )
        content = form(self)
        if isinstance(content, bytes):
            target.write_bytes(content)
        else:
            target.write_text(content, encoding="utf-8", newline="\n")
        return target

    def __repr__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """SVG, HTML and text for notebooks; a form that fails is left out."""
        bundle = {}
        for kind, form in _MIME.items():
            try:
                bundle[kind] = form(self)
            except Exception as error:  # a repr never raises: the text says what went wrong
                bundle.setdefault("text/plain", f"{self.picture.title}: {kind} failed: {error}")
        wanted = {kind for kind in bundle if not include or kind in include} - set(exclude or ())
        return {kind: content for kind, content in bundle.items() if kind in wanted}


def _inline(diagram: Diagram) -> str:
    return f'<div style="overflow-x:auto">{diagram.svg()}</div>'


_MIME: dict[str, Callable[[Diagram], str]] = {
    "text/plain": Diagram.text,
    "image/svg+xml": Diagram.svg,
    "text/html": _inline,
}
_FORMS: dict[str, Callable[[Diagram], str | bytes]] = {
    ".svg": Diagram.svg,
    ".png": lambda diagram: png_bytes(diagram.svg()),
    ".pdf": lambda diagram: pdf_bytes(diagram.svg()),
    ".dot": lambda diagram: diagram.source,
    ".html": Diagram.html,
    ".mmd": Diagram.mermaid,
    ".txt": Diagram.text,
}
