"""One page about a training run, with everything inside it: pictures, tables, plots, images."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np

__all__ = ["page", "plot", "thumbnails"]

STYLE = """
:root { color-scheme: light }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff }
h1 { font-size: 1.6rem } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem }
svg, img.plot { max-width: 100%; height: auto }
pre { background: #f5f5f5; padding: .8rem 1rem; overflow-x: auto; font-size: .85rem }
table { border-collapse: collapse; font-size: .9rem } th, td { padding: .15rem .7rem }
th { text-align: left; border-bottom: 1px solid #999 }
figure { display: inline-block; margin: .3rem; text-align: center; font-size: .75rem }
figure img { width: 64px; height: 64px; image-rendering: pixelated; border: 1px solid #ccc }
"""


def page(title: str, sections: list[tuple[str, str]]) -> str:
    """An HTML page of (heading, HTML) sections."""
    body = "\n".join(f"<h2>{escape(h)}</h2>\n{content}" for h, content in sections if content)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n"
        f"<h1>{escape(title)}</h1>\n{body}\n</html>\n"
    )


def plot(draw: Callable[[Any], Any], size: tuple[float, float], alt: str) -> str:
    """A matplotlib figure that `draw` fills, as HTML; nothing without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return ""
    figure = Figure(figsize=size, layout="constrained")
    draw(figure.add_subplot())
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return f'<img class="plot" alt="{escape(alt)}" src="{data_url(buffer.getvalue())}">'


def thumbnails(images: Any, captions: list[str]) -> str:
    """Images of shape (n, height, width) in [0, 1], dark on light, with their captions."""
    parts = []
    for image, caption in zip(images, captions, strict=True):
        source = data_url(png(np.round(255 * (1 - image)).astype(np.uint8)))
        text = escape(caption)
        parts.append(
            f'<figure><img alt="{text}" src="{source}"><figcaption>{text}</figcaption></figure>'
        )
    return "\n".join(parts)


def data_url(content: bytes) -> str:
    """The bytes of a PNG file as an address that holds them."""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def png(gray: Any) -> bytes:
    """An image of shape (height, width) of bytes as a PNG file."""
    height, width = gray.shape
    rows = b"".join(b"\0" + row.tobytes() for row in gray)

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)  # 8 bits, gray
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )
