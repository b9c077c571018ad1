"""The DOT of known graphs, byte for byte; `python tests/drawing/test_snapshots.py` renews them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from graphs import network

import autograd_lite as ag

FOLDER = Path(__file__).parent / "snapshots"


def lecture() -> ag.Diagram:
    graph = network()
    return ag.draw(graph["L"], names=graph, view="lanes")


def forward() -> ag.Diagram:
    graph = network()
    return ag.draw(graph["L"], names=graph)


def backward() -> ag.Diagram:
    graph = network()
    return ag.draw(graph["L"], names=graph, view="backward")


def scalars() -> ag.Diagram:
    a = ag.tensor(1.5, requires_grad=True, name="a")
    b = ag.tensor(2.0, requires_grad=True, name="b")
    with ag.keep():
        c = a * b + b**3
        c.name = "c"
        d = c * 2 + c + 1
        d.name = "d"
        return ag.draw((d - c) ** 2 / 2.0, view="lanes")


def folded() -> ag.Diagram:
    rng = np.random.default_rng(0)
    W = ag.tensor(rng.standard_normal((3, 3)), requires_grad=True, name="W")
    h = np.zeros(3)
    for x in rng.standard_normal((50, 3)):
        h = np.tanh(h @ W + x)
    return ag.draw(np.sum(h))


PICTURES = (lecture, forward, backward, scalars, folded)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda p: p.__name__)
def test_the_dot_is_the_one_that_was_looked_at(picture):
    """A change of a picture is meant, or it is a mistake."""
    expected = (FOLDER / f"{picture.__name__}.dot").read_text(encoding="utf-8")
    assert picture().source == expected


if __name__ == "__main__":
    for made in PICTURES:
        (FOLDER / f"{made.__name__}.dot").write_text(made().source, encoding="utf-8")
