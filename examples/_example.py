"""What the examples share: their options, and how they print equations and save pictures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

__all__ = ["Parser", "equation", "options", "run", "save_plot"]


class Parser(argparse.ArgumentParser):
    """A parser with the two options of every example, whose errors are one sentence."""

    def __init__(self, doc: str, out: str = "output") -> None:
        lines = doc.strip().splitlines()
        super().__init__(
            prog=Path(sys.argv[0]).name,
            description=lines[0],
            epilog="\n".join(lines[1:]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.add_argument("--quick", action="store_true", help="a short run, for a first look")
        self.add_argument(
            "--out",
            type=Path,
            default=Path(out),
            metavar="FOLDER",
            help=f"where files go (default: {out})",
        )

    def parse_args(self, *args: Any, **kwargs: Any) -> Any:
        """The command line, after the output folder is there: not found out after the work."""
        found = super().parse_args(*args, **kwargs)
        try:
            found.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.error(f"argument --out: there can be no folder {found.out}: {error.strerror}")
        return found

    def error(self, message: str) -> NoReturn:
        """Leave with the message and exit status 2."""
        self.exit(2, f"{self.prog}: {message}; see --help\n")


def options(doc: str | None) -> argparse.Namespace:
    """The command line of an example: `.quick` and `.out`."""
    return Parser(doc or "").parse_args()


def run(main: Callable[[], None]) -> None:
    """Run an example; what goes wrong ends it with one sentence."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")  # equations, on any console
    name = Path(sys.argv[0]).name
    np.set_printoptions(precision=4, suppress=True, linewidth=100)
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f"{name}: {error}")
    except KeyboardInterrupt:
        sys.exit(f"{name}: interrupted")


def equation(text: str) -> None:
    """Print an equation of the lecture, set apart."""
    print(f"\n    {text}\n")


def save_plot(
    path: Path, draw: Callable[[Any], None], size: tuple[float, float] = (7, 4.5)
) -> None:
    """Have `draw` fill a matplotlib figure, and save it; without matplotlib, say so."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("\nno plot: it needs matplotlib, pip install 'autograd-lite[plot]'")
        return
    figure = Figure(figsize=size, layout="constrained")
    draw(figure)
    figure.savefig(path, dpi=150)
    print(f"\nsaved: {path}")
