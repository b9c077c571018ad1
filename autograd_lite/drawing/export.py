"""PNG out of SVG, by whatever renderer there is, in a process of its own.

A renderer is native code: one that crashes or hangs must not take the user's process with it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

__all__ = ["INSTALL", "png_bytes", "png_renderers"]

INSTALL = "pip install 'autograd-lite[render]'"
_TIME = 60.0  # s
_ZOOM = 2.0

_RESVG = """
import sys, resvg_py
svg = sys.stdin.buffer.read().decode()
fonts = dict.fromkeys(["font_family", "sans_serif_family"], "DejaVu Sans")
how = dict(font_dirs=sys.argv[2:] or None, **fonts)
text = '<text y="9" font-family="sans-serif">%s</text>'
one = f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{text}</svg>'
if len({bytes(resvg_py.svg_to_bytes(svg_string=one % text, **how)) for text in ("", "x")}) == 1:
    sys.exit("it finds no font, and would leave out all words; matplotlib brings one")
zoom = int(float(sys.argv[1]))
sys.stdout.buffer.write(bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=zoom, **how)))
"""


def png_renderers() -> dict[str, list[str]]:
    """The command of every PNG renderer on this machine, by its name; SVG in, PNG out."""
    found = {}
    if find_spec("resvg_py") is not None:
        found["resvg-py"] = [sys.executable, "-c", _RESVG, str(_ZOOM), *_fonts()]
    if path := shutil.which("rsvg-convert"):
        found["rsvg-convert"] = [path, "--zoom", str(_ZOOM)]
    if path := shutil.which("resvg"):
        found["resvg"] = [path, "--zoom", str(_ZOOM), "-", "-c"]
    return found


def png_bytes(svg: str, seconds: float = _TIME) -> bytes:
    """A PNG of an SVG text, at twice its size.

    Raises RuntimeError where there is no renderer, or where none of them did it, and says what
    each said.
    """
    renderers = png_renderers()
    if not renderers:
        raise RuntimeError(
            "a .png needs a renderer, and neither resvg-py nor rsvg-convert is installed: "
            f"{INSTALL}; .svg, .html, .dot, .mmd and .txt need none"
        )
    faults = []
    for name, command in renderers.items():
        try:
            done = subprocess.run(command, input=svg.encode(), capture_output=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            faults.append(f"{name} took more than {seconds:g} s")
            continue
        if done.returncode == 0 and done.stdout.startswith(b"\x89PNG"):
            return done.stdout
        said = done.stderr.decode(errors="replace").strip().splitlines()
        faults.append(f"{name} ended with status {done.returncode}: {said[-1] if said else ''}")
    raise RuntimeError(f"no PNG was made: {'; '.join(faults)}; .svg needs no renderer")


def _fonts() -> list[str]:
    """The folder of the fonts that matplotlib brings, for a machine that has none of its own."""
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return []
    return [str(Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf")]
