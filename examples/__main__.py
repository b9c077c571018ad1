"""`python -m examples`: the examples, with one line each."""

from __future__ import annotations

import ast
from pathlib import Path

FOLDER = Path(__file__).parent


def main() -> None:
    """Print every example's name and the first line of its docstring."""
    print("python examples/NAME.py [--quick] [--out FOLDER]\n")
    for path in sorted(FOLDER.glob("[a-z]*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        print(f"{path.stem:22}{doc.partition(chr(10))[0]}")


if __name__ == "__main__":
    main()
