"""`python -m autograd_lite ops | doctor`: what is supported, and what this machine can show."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import numpy as np

import autograd_lite as ag
from autograd_lite.drawing.export import INSTALL, png_bytes, png_renderers

USAGE = """\
usage: python -m autograd_lite COMMAND

  ops      every supported NumPy function: its kind, its modes, where its rule is
  doctor   versions, a gradient against a difference, and which pictures this machine can make
"""


def main(arguments: list[str]) -> int:
    """The exit status of the command line."""
    commands = {"ops": ops, "doctor": doctor}
    if len(arguments) == 1 and arguments[0] in commands:
        return commands[arguments[0]]()
    wants_help = arguments in (["-h"], ["--help"], ["help"])
    print(USAGE, end="", file=sys.stdout if wants_help else sys.stderr)
    if arguments and not wants_help:
        print(f"unknown command: {' '.join(arguments)}", file=sys.stderr)
    return 0 if wants_help else 2


def ops() -> int:
    """Print the support table."""
    print(ag.ops())
    return 0


def doctor() -> int:
    """Print what is there and what one line would add; 1 where the engine itself is wrong."""
    print(
        f"autograd-lite {ag.__version__}, NumPy {np.__version__}, Python {sys.version.split()[0]}"
    )
    x = np.array([0.5, -1.5])
    error = np.max(np.abs(ag.grad(lambda x: np.sum(np.sin(x)))(x) - np.cos(x)))
    right = bool(error < 1e-12)
    print(f"gradient of Σ sin(x): {'right' if right else f'WRONG by {error:.3g}'}")
    print("\npictures")
    print("  .svg .html .dot .mmd .txt   need nothing more")
    for line in (_png(), _pdf()):
        print(f"  {line}")
    print("\nextras")
    for package, use in _EXTRAS.items():
        print(f"  {package:<12} {_version(package):<14} {use}")
    return 0 if right else 1


_EXTRAS = {
    "resvg-py": "PNG pictures",
    "matplotlib": "plots, PDF pictures",
    "tqdm": "progress bars",
}
_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>'


def _png() -> str:
    renderers = png_renderers()
    if not renderers:
        return f".png                        no renderer; install one: {INSTALL}"
    try:
        png_bytes(_SVG, 20.0)
    except RuntimeError as error:
        return f".png                        {error}; install another: {INSTALL}"
    return f".png                        by {', '.join(renderers)}"


def _pdf() -> str:
    if find_spec("matplotlib") is None:
        return ".pdf                        no matplotlib; pip install 'autograd-lite[plot]'"
    return ".pdf                        by matplotlib"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    try:
        status = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status)
