"""The order of layers: imports point down only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import autograd_lite as ag
import nn

PACKAGE = Path(ag.__file__).parent

#: Modules and packages from the ground up; one imports only those before it, or of its own name.
ORDER = [
    "pytree",
    "modes",
    "floats",
    "broadcasting",
    "parts",
    "signatures",
    "table",
    "changes",
    "sweep",
    "outline",
    "partial",
    "writer",
    "unrolled",
    "promotion",
    "debugging",
    "messages",
    "graph",
    "recording",
    "methods",
    "protocols",
    "random",
    "rules",
    "custom",
    "transforms",
    "forward",
    "recompute",
    "support",
    "compiler",
    "drawing",
    "testing",
    "__init__",
    "__main__",
]
PUBLIC_TO_TESTING = {"__init__"}  # the checker is a user of the public names


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """(module of the package, whether at module level) for every import in a file."""
    tree = ast.parse(path.read_text())
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("autograd_lite"):
            parts = (node.module or "").split(".")
            names = [parts[1]] if len(parts) > 1 else [a.name for a in node.names]
        elif isinstance(node, ast.Import):
            names = [a.name.split(".")[1] if "." in a.name else "__init__" for a in node.names
                     if a.name.split(".")[0] == "autograd_lite"]  # fmt: skip
        for name in names:
            yield name if name in ORDER else "__init__", id(node) in top


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.stem)
def test_imports_point_down(path: Path) -> None:
    """A module imports only layers below its own; later layers at most inside a function."""
    own = layer(path)
    assert own in ORDER, f"{own} has no place in the order of layers"
    for name, at_top in imports(path):
        if own == "testing" and name in PUBLIC_TO_TESTING:
            continue
        below = ORDER.index(name) <= ORDER.index(own)
        assert below or not at_top, f"{path.name} imports {name}, which is above {own}"


def test_no_module_hides_a_public_function() -> None:
    """A module named like a function would take its place as an attribute."""
    functions = {n for n in ag.__all__ if callable(getattr(ag, n))}
    modules = {p.stem for p in PACKAGE.glob("*.py")} | {
        p.name for p in PACKAGE.iterdir() if p.is_dir()
    }
    assert not functions & modules
    folder = Path(nn.__file__).parent
    functions = {n for n in nn.__all__ if callable(getattr(nn, n))}
    assert not functions & {p.stem for p in folder.glob("*.py")}


def test_the_heart_stays_small() -> None:
    """Table, graph and transforms can be read in an evening."""
    lines = 0
    for name in ("table", "sweep", "graph", "recording", "transforms"):
        tree = ast.parse((PACKAGE / f"{name}.py").read_text())
        for node in ast.walk(tree):  # docstrings are for the reader, too, but no code
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
                body[:1] = [] if isinstance(body[0].value, ast.Constant) else body[:1]
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                node.body = [ast.Pass()]  # declarations of what is installed from the table
        lines += sum(1 for line in ast.unparse(tree).splitlines() if line.strip())
    assert lines < 1150
