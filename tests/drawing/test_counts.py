"""Nothing is lost: every node and edge is in the picture, or in a fold that counts it."""

from __future__ import annotations

import time

import numpy as np
import pytest
from graphs import chain, network, random_graph

import autograd_lite as ag
import nn
from autograd_lite.drawing.recorded import read

VIEWS = ("graph", "lanes", "backward")


def assert_counts(output: ag.Tensor, **options: object) -> None:
    graph = read(output)
    picture = ag.draw(output, **options).picture
    assert picture.n_nodes == len(graph.ops) + len(graph.sources)
    assert picture.n_edges == graph.n_edges
    ids = {v.id for v in picture.vertices}
    assert len(ids) == len(picture.vertices)
    assert all(e.tail in ids and e.head in ids for e in picture.edges)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("seed", range(8))
def test_random_graphs_are_counted_whole(seed, view):
    """However the operations are connected, collapsed or folded."""
    output = random_graph(seed, 12 + 30 * seed)
    assert_counts(output, view=view)
    assert_counts(output, view=view, depth=0)
    assert_counts(output, view=view, fold=False)


@pytest.mark.parametrize("view", VIEWS)
def test_the_lectures_network_is_counted_whole(view):
    """With a row that is drawn as two boxes, and expressions of two operations."""
    assert_counts(network()["L"], view=view)


@pytest.mark.parametrize("view", VIEWS)
def test_about_150_boxes_are_drawn_at_most(view):
    """Large graphs without any pattern are cut into stretches."""
    assert len(ag.draw(random_graph(3, 2000), view=view).picture.vertices) <= 160


def test_equal_layers_are_one_box_that_says_how_many():
    """Twelve equal layers are one fold, which fold=False undoes."""
    rng = np.random.default_rng(0)
    h = ag.tensor(rng.standard_normal((2, 4)), requires_grad=True, name="h")
    weights = [ag.tensor(rng.standard_normal((4, 4)), requires_grad=True) for _ in range(12)]
    for W in weights:
        with ag.scope("Dense"):
            h = np.tanh(h @ W)
    folds = [v for v in ag.draw(h, depth=0).picture.vertices if v.kind == "fold"]
    assert any("×12" in " ".join(v.lines) or v.nodes >= 24 for v in folds)
    opened = ag.draw(h, fold=False).picture
    assert all(v.kind != "fold" for v in opened.vertices)


def test_layers_of_a_network_are_folded_by_their_numbers():
    """Twelve hidden layers: the first, a stacked box for the eleven alike, the output."""
    model = nn.MLP([20, *[16] * 12, 3], hidden="tanh", init="xavier", rng=np.random.default_rng(0))
    for view in ("graph", "lanes"):
        with ag.keep():
            loss = nn.softmax_cross_entropy(model.logits(np.ones((4, 20))), np.eye(3)[[0, 1, 2, 0]])
        folds = [v for v in ag.draw(loss, view=view).picture.vertices if v.kind == "fold"]
        assert [v.lines for v in folds] == [("hidden 2 … hidden 12", "×11 · 33 operations")]


def test_what_a_folded_layer_reads_is_shown():
    """X stands before the box of the first layer; its weights are inside."""
    model = nn.MLP([4, 3, 2], rng=np.random.default_rng(0))
    X = np.ones((5, 4))
    with ag.keep():
        Z = model.logits(X)
    picture = ag.draw(Z, names={"X": X}, depth=0).picture
    assert [v.lines[0] for v in picture.vertices] == ["X", "hidden 1", "A₁", "output", "Z₂"]
    assert picture.n_nodes == 5 + 5


def test_a_block_is_folded_whole_where_its_scope_begins():
    """Not from the middle of one block to the middle of another."""
    rng = np.random.default_rng(0)
    h = ag.tensor(rng.standard_normal((4, 6)), requires_grad=True, name="h")
    for i in range(9):
        with ag.scope(f"block {i + 1}"):
            with ag.scope("mix"):
                h = h + np.tanh(h @ ag.tensor(np.eye(6), requires_grad=True))
            with ag.scope("lift"):
                h = h + ag.relu(h @ ag.tensor(np.eye(6), requires_grad=True))
    picture = ag.draw(np.sum(h)).picture
    (fold,) = [v for v in picture.vertices if v.kind == "fold"]
    assert fold.lines == ("block 2 … block 9", "×8 · 48 operations")
    assert all(v.scope == () for v in picture.vertices if v.kind in ("fold", "output"))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("view", VIEWS)
def test_no_graph_has_more_boxes_than_a_reader_can_take_in(seed, view):
    """With scopes that are folded one by one, too."""
    rng = np.random.default_rng(seed)
    values = [ag.tensor(rng.standard_normal(3), requires_grad=True) for _ in range(40)]
    for i in range(1500):
        with ag.scope(f"part {i // 5}"):
            a, b = values[int(rng.integers(len(values)))], values[-1 - int(rng.integers(40))]
            values.append(a * b if i % 3 else np.sin(a + b))
    total = np.sum(sum(values[-40:]))
    assert len(ag.draw(total, view=view).picture.vertices) <= 160
    assert_counts(total, view=view)


def test_depth_opens_scopes_one_level_at_a_time():
    """depth=0 shows the outer scope as one box, depth=1 what is in it."""
    x = ag.tensor([1.0, 2.0], requires_grad=True, name="x")
    with ag.scope("outer"):
        y = np.sin(x)
        with ag.scope("inner"):
            y = np.tanh(np.exp(y))
    z = np.cos(y)
    closed, half, opened = (
        [v.lines[0] for v in ag.draw(z, depth=depth).picture.vertices] for depth in (0, 1, 2)
    )
    assert "outer" in closed
    assert "sin" not in closed
    assert "inner" in half
    assert "sin" in half
    assert "exp" in opened


def test_an_unrolled_recurrence_is_folded():
    """Fifty equal steps are one box; the shared weight stands outside it."""
    rng = np.random.default_rng(0)
    W = ag.tensor(rng.standard_normal((3, 3)), requires_grad=True, name="W")
    h = np.zeros(3)
    for x in rng.standard_normal((50, 3)):
        h = np.tanh(h @ W + x)
    picture = ag.draw(np.sum(h)).picture
    assert any(v.kind == "fold" and "×49" in " ".join(v.lines) for v in picture.vertices)
    assert sum(v.lines[0] == "W" for v in picture.vertices) == 1


def test_a_shared_weight_is_drawn_at_each_use_that_is_far_off():
    """Short pictures of recurrences have the weight below each of its operations."""
    rng = np.random.default_rng(0)
    W = ag.tensor(rng.standard_normal((3, 3)), requires_grad=True, name="W")
    h = np.zeros(3)
    for x in rng.standard_normal((5, 3)):
        h = np.tanh(h @ W + x)
    picture = ag.draw(np.sum(h), fold=False).picture
    boxes = [v for v in picture.vertices if v.lines[0] == "W"]
    assert len(boxes) == 5
    assert sum(v.nodes for v in boxes) == 1


def test_thirty_diamonds_take_no_longer_than_their_length():
    """2**30 ways lead through 30 doublings; the picture has 60 arrows."""
    u = ag.tensor(1.5, requires_grad=True, name="a")
    for _ in range(30):
        u = u + u
    picture = ag.draw(u, fold=False).picture
    assert sum(e.edges for e in picture.edges) == 60
    assert "<svg" in ag.draw(u, view="lanes", fold=False).svg()


@pytest.mark.parametrize("view", VIEWS)
def test_ten_thousand_operations_in_a_row_are_drawn_in_seconds(view):
    """No recursion, and a caption that says what was folded."""
    output = chain(10_000)
    start = time.perf_counter()
    diagram = ag.draw(output, view=view)
    diagram.svg()
    assert time.perf_counter() - start < 5.0  # the promise; measured: 1.1 s
    assert "operations folded into" in diagram.picture.caption


@pytest.mark.thorough
def test_a_million_operations_still_get_an_answer():
    """Depth is no limit."""
    output = chain(1_000_000)
    assert_counts(output)
