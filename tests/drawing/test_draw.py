"""ag.draw: what every picture must show, whichever the graph."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from graphs import network

import autograd_lite as ag

HERE = Path(__file__).parent


def labels(diagram: ag.Diagram) -> list[str]:
    return [" ".join(v.lines) for v in diagram.picture.vertices]


def test_names_come_from_the_dict_that_is_given():
    """Tensors and arrays without a name of their own get theirs from `names`."""
    graph = network()
    names = {"X": graph["X"], "Z1": graph["Z1"], "L": graph["L"]}
    words = labels(ag.draw(graph["L"], names=names))
    assert "X 5×4" in words
    assert "Z₁ 5×3" in words
    assert any(word.startswith("L ") for word in words)


def test_an_explicit_name_is_stronger_than_the_dict():
    """A tensor's own name wins."""
    x = ag.tensor(2.0, requires_grad=True, name="own")
    assert "own 2" in labels(ag.draw(x * 3.0, names={"other": x}))


def test_equal_names_are_told_apart():
    """Two tensors called W are W₁ and W₂."""
    a = ag.tensor(2.0, requires_grad=True, name="W")
    b = ag.tensor(3.0, requires_grad=True, name="W")
    words = labels(ag.draw(a * b))
    assert "W₁ 2" in words
    assert "W₂ 3" in words


def test_equal_names_that_end_in_a_number_are_told_apart_behind_it():
    """A₁ and A₁ are no A₁₁ and A₁₂."""
    a = ag.tensor(2.0, requires_grad=True, name="A1")
    b = ag.tensor(3.0, requires_grad=True, name="A1")
    assert {"A₁.1 2", "A₁.2 3"} <= set(labels(ag.draw(a * b)))


def test_a_plus_a_draws_two_arrows():
    """An operand that is used twice has two arrows."""
    a = ag.tensor([1.0, 2.0], requires_grad=True, name="a")
    for view in ("graph", "lanes"):
        edges = [(e.tail, e.head) for e in ag.draw(a + a, view=view).picture.edges
                 if e.kind == "forward" and e.edges]  # fmt: skip
        assert len(edges) == 2
        assert len(set(edges)) == 1


@pytest.mark.parametrize("view", ["graph", "lanes", "backward"])
def test_dot_is_the_same_whatever_the_hash_seed(view, tmp_path):
    """Two processes with different hash seeds print the same bytes."""
    program = (
        "import autograd_lite as ag; from graphs import network; g = network(); "
        f"print(ag.draw(g['L'], names=g, view={view!r}).source)"
    )
    texts = []
    paths = f"{Path(ag.__file__).parents[1]}{os.pathsep}{HERE}"
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, check=True, text=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
        texts.append(done.stdout)
    assert texts[0] == texts[1]


def test_every_picture_of_the_gallery_is_the_same_whatever_the_hash_seed(tmp_path):
    """DOT, SVG, page and text of all of them, out of two processes."""
    gallery = Path(ag.__file__).parents[1] / "examples" / "draw_gallery.py"
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, gallery, "--forms", "dot,svg,html,mmd,txt", "--out", tmp_path / seed],
            capture_output=True, check=True,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(gallery.parents[1])},
        )  # fmt: skip
    files = sorted(path.name for path in (tmp_path / "1").iterdir())
    assert len(files) > 60
    for name in files:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name


@pytest.mark.parametrize("suffix", [".svg", ".dot", ".html", ".mmd", ".txt"])
def test_forms_that_need_no_renderer_are_saved(suffix, tmp_path):
    """Every text form is written, and its path returned."""
    graph = network()
    path = ag.draw(graph["L"]).save(tmp_path / f"picture{suffix}")
    assert "W₁" in path.read_text(encoding="utf-8")


def test_an_unknown_suffix_names_those_that_work(tmp_path):
    """The error lists every suffix."""
    with pytest.raises(ValueError, match=r"picture\.bmp.*\.svg, \.png, \.pdf"):
        ag.draw(network()["L"]).save(tmp_path / "picture.bmp")


def test_an_unknown_view_names_those_there_are():
    """The error lists the views."""
    with pytest.raises(ValueError, match="unknown view 'tree'; choose one of graph, lanes"):
        ag.draw(network()["L"], view="tree")


@pytest.mark.parametrize(("options", "error"), [
    ({"names": ["x"]}, (TypeError, "names maps names to tensors, as locals.. does; got list")),
    ({"depth": -1}, (ValueError, "how many levels of scopes are opened, got -1")),
    ({"depth": 1.5}, (ValueError, "how many levels of scopes are opened, got 1.5")),
])  # fmt: skip
def test_wrong_options_are_refused(options, error):
    """With what was given."""
    with pytest.raises(error[0], match=error[1]):
        ag.draw(network()["L"], **options)


@pytest.mark.parametrize(
    "name", ["a\nb\tc", "a\x00\x07b", "a\ud800b", "\ue000x", "{g}", "⟨g⟩", "a = b"]
)
def test_no_name_breaks_a_picture(name):
    """Whatever stands in it: the SVG is well formed, and every form is text that can be saved."""
    x = ag.tensor([1.0, 2.0], requires_grad=True, name=name)
    for view in ("graph", "lanes", "backward"):
        diagram = ag.draw(np.sum(np.exp(x) * x), view=view)
        ElementTree.fromstring(diagram.svg())
        for text in (diagram.html(), diagram.source, diagram.mermaid(), diagram.text()):
            text.encode("utf-8")


def test_recomputed_functions_are_drawn_and_stepped_through():
    """A checkpoint has many arguments and one node for all of them."""
    W = ag.tensor(np.eye(2), requires_grad=True, name="W")
    x = ag.tensor([1.0, 2.0], requires_grad=True, name="x")
    f = ag.checkpoint(lambda x, W: np.tanh(x @ W))
    y = np.sum(f(f(x, W), W) ** 2)
    for view in ("graph", "lanes", "backward"):
        diagram = ag.draw(y, view=view)
        assert diagram.svg()
        assert diagram.html()
        assert diagram.source
    totals = {p.name: p.total for step in ag.steps(y) for p in step.outgoing}
    y.backward()
    assert np.array_equal(totals["W"], W.grad)
    assert np.array_equal(totals["x"], x.grad)


def test_an_operation_of_the_users_may_have_the_name_of_any_row():
    """`pack` is what stands before a checkpoint."""

    def double(x):
        return 2.0 * x

    for name in ("pack", "softmax_cross_entropy", "getitem", "lift", "sum", "negative"):
        double.__name__ = name
        op = ag.primitive(vjp=lambda g, y, x: 2.0 * g)(double)
        y = np.sum(op(ag.tensor([1.0, 2.0], requires_grad=True, name="x")))
        for view in ("graph", "lanes", "backward"):
            assert name in ag.draw(y, view=view).source
        assert f"∂{name}₁/∂x" in str(ag.steps(y))


@pytest.mark.parametrize(
    "look",
    [
        *[lambda y, view=view: ag.draw(y, view=view).text() for view in ("graph", "lanes")],
        lambda y: ag.draw(y, view="backward").source,
        lambda y: str(ag.steps(y)),
        lambda y: next(ag.steps(y)).formula,
    ],
)
def test_what_was_looked_at_dies_without_the_collector(look):
    """A picture in a training loop kept every graph's arrays until the collector came."""
    gc.collect()
    gc.disable()
    try:
        x = ag.tensor(np.ones(3), requires_grad=True, name="x")
        e = np.exp(x)
        y, array = np.sum(e * e), weakref.ref(e.data)
        look(y)
        del e, y
        assert array() is None
    finally:
        gc.enable()


def test_only_tensors_are_drawn():
    """A float says what was expected."""
    with pytest.raises(TypeError, match="expected the tensor that a computation ended in"):
        ag.draw(np.float64(1.0))


def test_a_leaf_alone_is_a_picture_too():
    """No operation: one box."""
    x = ag.tensor(2.0, requires_grad=True, name="x")
    for view in ("graph", "lanes", "backward"):
        assert "<svg" in ag.draw(x, view=view).svg()


def test_importing_the_package_leaves_drawing_alone():
    """`import autograd_lite` stays light."""
    program = "import sys, autograd_lite; print('autograd_lite.drawing' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          check=True, cwd=Path(ag.__file__).parents[1])  # fmt: skip
    assert done.stdout.strip() == "False"
