"""The README tells the truth: its tour runs, its table is the table."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

import autograd_lite as ag

README = Path(__file__).parent.parent / "README.md"


@pytest.fixture(scope="module")
def text() -> str:
    """The README."""
    return README.read_text(encoding="utf-8")


def test_the_tour_runs(text: str) -> None:
    """Every example of the README, as a doctest."""
    results = doctest.testfile(str(README), module_relative=False, encoding="utf-8")
    assert results.attempted >= 10
    assert results.failed == 0


def test_there_are_two_commands(text: str) -> None:
    """One runs the main job, one the tests; each is one line."""
    commands = re.findall(r"^python3 -m venv.*$", text, re.MULTILINE)
    assert len(commands) == 2
    assert "examples/train_mlp.py" in commands[0]
    assert "pytest" in commands[1]


@pytest.mark.skipif(not hasattr(np, "matvec"), reason="the README lists a newer NumPy's functions")
def test_the_support_table_is_not_stale(text: str) -> None:
    """`print(ag.ops().markdown())` prints what stands here."""
    table = text.split("<!-- ops -->\n")[1].split("\n<!-- /ops -->")[0]
    assert table == ag.ops().markdown()


def test_the_table_of_operations_gives_the_line_of_each_rule() -> None:
    """As the README says: a line of a file of rules, which begins a function there."""
    rules = Path(ag.__file__).parent / "rules"
    for op in ag.ops():
        if not op.rule:  # NumPy's own function is called
            assert op.modes == "constant"
            continue
        file, _, line = op.rule.partition(":")
        text = (rules / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
        assert re.search(r"\bdef |\blambda\b|^@", text), (op, text)


def test_pictures_exist(text: str) -> None:
    """Every picture that the README shows is in the repository."""
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", text):
        assert (README.parent / path).is_file(), path
