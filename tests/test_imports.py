"""nn stands on the public names of autograd_lite alone, as a user's own code would."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import nn

FILES = sorted(Path(nn.__file__).parent.rglob("*.py"))
ENGINE = "autograd_lite"


def private_uses(source: str) -> Iterator[str]:
    """Every use of the engine in the source that is not one of a public name."""
    tree = ast.parse(source)
    aliases = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == ENGINE:
                    aliases[alias.asname or ENGINE] = alias.name
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == ENGINE:
            for alias in node.names:
                if not public(node.module or "", alias.name):
                    yield f"from {node.module} import {alias.name}"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        *path, name = dotted(node)
        if path and path[0] in aliases:
            module = ".".join([aliases[path[0]], *path[1:]])
            if not public(module, name):
                yield ast.unparse(node)
        if isinstance(node.value, ast.Name) and name in ("_node", "_value", "_grad", "_name"):
            yield ast.unparse(node)  # a Tensor's insides


def dotted(node: ast.Attribute) -> list[str]:
    """The names of a.b.c; none where it starts with anything but a name."""
    parts = [node.attr]
    inner = node.value
    while isinstance(inner, ast.Attribute):
        parts.append(inner.attr)
        inner = inner.value
    return [inner.id, *reversed(parts)] if isinstance(inner, ast.Name) else [node.attr]


def public(path: str, name: str) -> bool:
    """Whether a dotted path leads to a name that its module offers in __all__."""
    if path not in (ENGINE, *(f"{ENGINE}.{m}" for m in ("drawing", "testing", "testing.report"))):
        owner, _, attribute = path.rpartition(".")
        return bool(owner) and public(owner, attribute)  # of what a public name holds, anything
    module = importlib.import_module(path)
    return name in module.__all__


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_nn_uses_only_public_names_of_the_engine(path: Path) -> None:
    assert list(private_uses(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import autograd_lite as ag\nag.tensor(1)\nag.pytree.flatten(x)", []),
        ("from autograd_lite import grad, tensor", []),
        ("from autograd_lite.testing import check_grads", []),
        ("import autograd_lite as ag\nag.sweep", ["ag.sweep"]),
        ("import autograd_lite\nautograd_lite.nothing(1)", ["autograd_lite.nothing"]),
        (
            "from autograd_lite.graph import new_tensor",
            ["from autograd_lite.graph import new_tensor"],
        ),
        ("from autograd_lite import MODES", ["from autograd_lite import MODES"]),
        ("import autograd_lite.modes as m\nm.MODES", ["m.MODES"]),
        ("x._node", ["x._node"]),
    ],
)
def test_the_check_tells_private_uses(source: str, found: list[str]) -> None:
    assert list(private_uses(source)) == found
