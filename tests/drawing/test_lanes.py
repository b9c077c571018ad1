"""The lanes picture: each gradient a formula, from the op table and the tensors' names."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import network

import autograd_lite as ag
from autograd_lite.drawing.arrange import arrange
from autograd_lite.drawing.recorded import read


def gradients(output: ag.Tensor, **names: object) -> list[str]:
    picture = ag.draw(output, names=names, view="lanes").picture
    return [v.lines[0] for v in picture.vertices if v.kind == "gradient"]


def test_the_lectures_equations_stand_in_the_gradient_lane():
    """Every equation of the slide, as it is written there."""
    graph = network()
    assert gradients(graph["L"], **graph) == [
        "L⁽ᵍ⁾ = 1",
        "Z₂⁽ᵍ⁾ = Ŷ − Y",
        "A₁⁽ᵍ⁾ = Z₂⁽ᵍ⁾ W₂ᵀ",
        "Z₁⁽ᵍ⁾ = A₁⁽ᵍ⁾ ⊙ [Z₁ > 0]",
        "W₁⁽ᵍ⁾ = Xᵀ Z₁⁽ᵍ⁾",
        "b₁⁽ᵍ⁾ = Σ Z₁⁽ᵍ⁾",
        "W₂⁽ᵍ⁾ = A₁ᵀ Z₂⁽ᵍ⁾",
        "b₂⁽ᵍ⁾ = Σ Z₂⁽ᵍ⁾",
    ]


def test_the_forward_lane_reads_from_data_to_loss():
    """Names, expressions, softmax and cross-entropy apart with Ŷ between them."""
    graph = network()
    picture = ag.draw(graph["L"], names=graph, view="lanes").picture
    assert [v.lines[0] for v in picture.vertices if v.kind != "gradient"] == [
        "X", "W₁", "b₁", "XW₁ + b₁", "Z₁", "ReLU", "A₁", "W₂", "b₂", "A₁W₂ + b₂", "Z₂",
        "Y", "softmax", "Ŷ", "cross-entropy", "L",
    ]  # fmt: skip


def test_broadcasts_say_which_axis_is_summed():
    """Below the formula of a bias."""
    graph = network()
    picture = ag.draw(graph["L"], view="lanes").picture
    bias = next(v for v in picture.vertices if v.lines[0].startswith("b₁⁽ᵍ⁾"))
    assert bias.lines[1] == "over axis 0"


def test_targets_that_need_not_be_normalized_have_their_own_formula():
    """Without normalized=True the rows of T may sum to anything."""
    Z = ag.tensor(np.zeros((2, 3)), requires_grad=True, name="Z2")
    T = np.ones((2, 3))
    loss = ag.softmax_cross_entropy(Z, T)
    assert "Z₂⁽ᵍ⁾ = softmax(Z₂)·ΣT − T" in gradients(loss, T=T)


def test_several_uses_accumulate_in_a_sum():
    """A value that is used twice has a Σ before its gradient, and both terms in it."""
    x = ag.tensor(2.0, requires_grad=True, name="x")
    y = np.exp(x)
    y.name = "y"
    picture = ag.draw(y * 3.0 + np.tanh(y), view="lanes").picture
    assert [v.title for v in picture.vertices if v.kind == "sum"] == [
        "2 cotangents of y accumulate"
    ]
    box = next(v for v in picture.vertices if v.lines[0].startswith("y⁽ᵍ⁾"))
    arrows = [e for e in picture.edges if e.head == f"s{box.id[1:]}"]
    assert len(arrows) == 2


def test_small_gradients_are_shown_and_of_large_ones_the_norm_is_told():
    """The numbers of backward(), without its traces."""
    a = ag.tensor(1.5, requires_grad=True, name="a")
    M = ag.tensor(np.arange(12.0).reshape(3, 4), requires_grad=True, name="M")
    with ag.keep():
        loss = a * np.sum(M * M)
    picture = ag.draw(loss, view="lanes").picture
    assert a.grad is None
    loss.backward()
    box = {v.lines[0].partition("⁽ᵍ⁾")[0]: v for v in picture.vertices if v.kind == "gradient"}
    assert box["a"].lines[1] == f"{a.grad:.4g}"
    assert box["M"].title.endswith(f"‖gradient‖ {np.linalg.norm(M.grad):.4g}")
    told = next(v.title for v in picture.vertices if v.lines[0] == "M")
    assert told.endswith(f"‖gradient‖ {np.linalg.norm(M.grad):.4g}")


def test_a_graph_that_cannot_be_swept_is_drawn_without_numbers():
    """A rule that fails, or a graph that was freed: the picture is there to look for the reason."""

    @ag.primitive(vjp=(lambda g, y, x: 1 / 0,))
    def broken(x: np.ndarray) -> np.ndarray:
        return x * 2.0

    x = ag.tensor(3.0, requires_grad=True, name="x")
    words = gradients(broken(x))
    assert words == ["L⁽ᵍ⁾ = 1", "x⁽ᵍ⁾ = ∂L/∂x"]
    y = x * x
    y.backward()
    assert "x⁽ᵍ⁾ = x + x" in gradients(y)


def test_a_folds_cotangent_comes_from_the_values_that_leave_it():
    """And from nowhere else where there is one such value."""
    x = ag.tensor(np.ones(3), requires_grad=True, name="x")
    h = x
    for _ in range(60):
        h = np.sin(np.tanh(h))
    picture = ag.draw(np.sum(h * h), view="lanes").picture
    (fold,) = [v for v in picture.vertices if v.kind == "gradient" and v.lines[0][:4] == "back"]
    names = {v.id: v.lines[0] for v in picture.vertices}
    tails = [names[e.tail] for e in picture.edges if e.head == fold.id]
    (left,) = [e.head for e in picture.edges if e.tail == fold.mirrors]
    assert [tail.partition(" =")[0] for tail in tails] == [f"{names[left]}⁽ᵍ⁾"]


def test_constants_get_no_gradient():
    """Neither data nor what stop_gradient hides."""
    x = ag.tensor(2.0, requires_grad=True, name="x")
    hidden = ag.stop_gradient(x * 3.0)
    words = gradients(x * hidden)
    assert any(word.startswith("x⁽ᵍ⁾") for word in words)
    assert not any(word.startswith("multiply₁⁽ᵍ⁾") for word in words)


def test_gradients_stand_above_the_values_they_belong_to():
    """Column by column: the box of Z₁'s gradient has Z₁'s place from left to right."""
    graph = network()
    drawing = arrange(ag.draw(graph["L"], names=graph, view="lanes").picture)
    ids = {v.lines[0].partition(" =")[0]: v.id for v in drawing.picture.vertices}
    for name in ("Z₁", "A₁", "Z₂"):
        value, gradient = drawing.boxes[ids[name]], drawing.boxes[ids[f"{name}⁽ᵍ⁾"]]
        assert abs(value.x - gradient.x) < 1.0
        assert gradient.y < value.y


def _formula_rows() -> list[object]:
    from autograd_lite.table import rows

    return [row for row in rows() if any(row.rules)]


@pytest.mark.parametrize("row", _formula_rows(), ids=lambda row: row.path)
def test_a_rows_formulas_match_its_rules(row):
    """Never more formulas than inputs, and only for inputs that get a gradient."""
    if row.formulas and not row.variadic:
        assert len(row.formulas) <= len(row.rules)
        for formula, rule in zip(row.formulas, row.rules, strict=False):
            assert formula is None or rule is not None


def test_the_output_is_the_last_value():
    """What is read is what was computed."""
    graph = network()
    assert read(graph["L"]).output.name == "softmax_cross_entropy₁"
