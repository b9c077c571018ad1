"""nn.draw: the network's neurons, layers and lanes; the single neuron; activation functions."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

import autograd_lite as ag
import nn
from nn.curves import activations_picture, derivative

SVG = "{http://www.w3.org/2000/svg}"


def texts(diagram: ag.Diagram) -> list[str]:
    return [t.text or "" for t in ElementTree.fromstring(diagram.svg()).iter(f"{SVG}text")]


def model(*sizes: int, **options: object) -> nn.MLP:
    return nn.MLP(list(sizes), rng=np.random.default_rng(0), **options)


def test_every_neuron_of_a_small_layer_is_drawn():
    """2 + 4 + 3 circles, and an edge for each weight and bias."""
    root = ElementTree.fromstring(nn.draw(model(2, 4, 3)).svg())
    circles = [c for c in root.iter(f"{SVG}circle") if c.get("r") == "13.0"]
    assert len(circles) == 9
    edges = [e for e in root.iter(f"{SVG}line") if e.get("opacity")]
    assert len(edges) == 2 * 4 + 4 + 4 * 3 + 3


def test_long_layers_show_five_neurons_at_each_end():
    """784 neurons are 10 circles and the number."""
    diagram = nn.draw(model(784, 50, 10))
    root = ElementTree.fromstring(diagram.svg())
    assert sum(c.get("r") == "13.0" for c in root.iter(f"{SVG}circle")) == 30
    assert "784 neurons" in texts(diagram)
    assert "39,760 parameters" in texts(diagram)


def test_an_edge_says_the_sign_and_size_of_its_weight():
    """Blue and whole for positive, vermilion and dashed for negative; width grows with size."""
    small = model(2, 1, output="identity")
    small.W1.data[:] = [[2.0], [-1.0]]
    small.b1.data[:] = 0.5
    root = ElementTree.fromstring(nn.draw(small).svg())
    edges = [e for e in root.iter(f"{SVG}line") if e.get("opacity")]
    widths = {e.get("stroke"): float(e.get("stroke-width")) for e in edges if e.get("y1") != "0"}
    assert set(widths) == {"#0072b2", "#b34700"}
    assert all(bool(e.get("stroke-dasharray")) == (e.get("stroke") == "#b34700") for e in edges)
    assert max(widths, key=lambda colour: widths[colour]) == "#0072b2"


def test_an_input_that_is_an_image_is_shown_as_one():
    """64 inputs are 8×8 pixels."""
    X, _ = nn.data.load_digits()
    diagram = nn.draw(model(64, 5, 10), X[:4])
    assert len(re.findall(r'href="data:image/png;base64,', diagram.svg())) == 1
    assert "X[0] as 8×8" in texts(diagram)


def test_lanes_of_a_model_hold_the_lectures_equations():
    """From the names that the network gives its values."""
    X, labels = nn.data.load_digits()
    diagram = nn.draw(model(64, 5, 10), X[:8], nn.data.one_hot(labels[:8], 10), view="lanes")
    words = [v.lines[0] for v in diagram.picture.vertices]
    for equation in ("Z₂⁽ᵍ⁾ = Ŷ − Y", "W₂⁽ᵍ⁾ = A₁ᵀ Z₂⁽ᵍ⁾", "W₁⁽ᵍ⁾ = Xᵀ Z₁⁽ᵍ⁾", "L⁽ᵍ⁾ = 1"):
        assert equation in words


def test_lanes_of_a_float32_model_know_their_data():
    """Data that is converted keeps its name."""
    X, labels = nn.data.load_digits()
    network = model(64, 5, 10, dtype=np.float32)
    words = [v.lines[0] for v in nn.draw(network, X[:8], labels[:8], view="lanes").picture.vertices]
    assert "X" in words
    assert "Y" in words


@pytest.mark.parametrize("output", ["identity", "sigmoid"])
def test_lanes_need_no_data(output):
    """Four made-up points, and the loss that belongs to the output."""
    diagram = nn.draw(model(3, 4, 1, hidden="tanh", output=output), view="lanes")
    assert any(v.lines[0] == "X" for v in diagram.picture.vertices)
    assert "L⁽ᵍ⁾ = 1" in [v.lines[0] for v in diagram.picture.vertices]


def test_lanes_of_a_sequential_number_its_parameters():
    """Every Linear calls its weights W: they become W₁ and W₂."""
    rng = np.random.default_rng(0)
    network = nn.Sequential(nn.Linear(4, 5, rng=rng), nn.Tanh(), nn.Linear(5, 3, rng=rng))
    words = [v.lines[0] for v in nn.draw(network, view="lanes").picture.vertices]
    assert {"W₁", "b₁", "W₂", "b₂"} <= set(words)


def test_layers_are_boxes_with_their_parameters_below():
    """A box per layer; the parameters are counted."""
    picture = nn.draw(model(784, 50, 10), view="layers").picture
    words = [" ".join(v.lines) for v in picture.vertices]
    assert "hidden 1: ReLU 50 neurons" in words
    assert "W₁ 784×50" in words
    assert "39,760 parameters" in picture.caption


def test_the_single_neuron_computes():
    """z and a of the first data point stand in the picture."""
    small = model(2, 1, output="identity")
    small.W1.data[:] = [[2.0], [-1.0]]
    small.b1.data[:] = 0.5
    words = texts(nn.draw(small, np.array([[3.0, 1.0]]), view="neuron"))
    assert "z = 5.5" in words
    assert "a = 5.5" in words
    assert "w₂ = −1" in words


def test_activation_functions_are_drawn_with_their_derivatives():
    """The derivative is the engine's."""
    assert "tanh" in texts(activations_picture())
    z = np.linspace(-2, 2, 9)
    assert np.allclose(derivative(np.tanh, z), 1 - np.tanh(z) ** 2)
    with pytest.raises(ValueError, match="unknown activation 'swish'"):
        activations_picture(["swish"])


@pytest.mark.parametrize("view", ["network", "layers", "lanes", "neuron"])
@pytest.mark.parametrize("suffix", [".svg", ".dot", ".html", ".mmd", ".txt"])
def test_every_view_is_saved_in_every_form(view, suffix, tmp_path):
    """As text, without a renderer."""
    path = nn.draw(model(3, 4, 2), view=view).save(tmp_path / f"a{suffix}")
    assert path.stat().st_size > 100


def test_what_has_no_neurons_is_refused_with_what_works():
    """Any model has lanes."""

    class Odd(nn.Module):
        pass

    with pytest.raises(ValueError, match="use view='lanes', which draws any model"):
        nn.draw(Odd())
    with pytest.raises(ValueError, match="unknown view 'tree'; choose one of network"):
        nn.draw(model(2, 2), view="tree")
    with pytest.raises(ValueError, match=r"expected X of shape \(n, 2\), got \(3, 5\)"):
        nn.draw(model(2, 2), np.zeros((3, 5)))


def test_a_network_that_broke_is_drawn_and_says_so():
    """People draw a network to see what is wrong with it."""
    broken = model(3, 4, 2)
    broken.W1.data[0, 0], broken.W2.data[1, 0] = np.nan, np.inf
    with np.errstate(all="ignore"):
        for view in ("network", "neuron", "layers", "lanes"):
            svg = nn.draw(broken, np.ones((2, 3)), view=view).svg()
            ElementTree.fromstring(svg)
    assert "not finite" in nn.draw(broken).svg()
    assert "not finite" not in nn.draw(model(3, 4, 2)).svg()


def test_the_neuron_of_a_softmax_layer_is_told_by_the_whole_layer():
    """a is its probability among the others, not the softmax of z alone, which is 1."""
    network = nn.MLP([3, 4], rng=np.random.default_rng(0))
    X = np.array([[0.5, -1.0, 2.0]])
    svg = nn.draw(network, X, view="neuron").svg()
    assert f"a = {np.asarray(network(X).data)[0, 0]:.3g}" in svg
    assert "all 4 neurons" in svg


@pytest.mark.parametrize("view", ["network", "neuron"])
def test_data_of_no_points_is_refused(view):
    """The error says what to do."""
    with pytest.raises(ValueError, match="X holds no data point"):
        nn.draw(model(3, 2), np.zeros((0, 3)), view=view)


def test_labels_without_data_are_refused():
    """Nothing that was given is ignored."""
    with pytest.raises(ValueError, match="Y was given without X"):
        nn.draw(model(3, 2), None, np.ones((5, 2)), view="lanes")


def test_a_network_without_weights_worth_drawing_is_drawn():
    """All zero: no division by nothing."""
    assert "<svg" in nn.draw(model(3, 2, init="zeros")).svg()


def test_what_is_passed_in_keeps_its_name():
    """A layer that changes nothing returns the caller's own tensor, which is not to be named."""
    X = ag.tensor(np.ones((2, 3)), requires_grad=True)
    network = nn.Sequential(nn.Identity(), nn.Linear(3, 2, rng=np.random.default_rng(0)))
    with ag.keep():
        Z = network(X)
    assert X.name is None
    assert Z.name == "Z1"


def test_a_value_is_told_by_the_callers_line():
    """Not by one of nn's own."""
    network = model(3, 4, 2)
    with ag.keep():
        Z = network.logits(np.ones((2, 3)))
    told = next(v.title for v in ag.draw(Z).picture.vertices if v.lines[0] == "A₁")
    assert re.search(r"recorded at test_picture\.py:\d+", told)


@pytest.mark.parametrize("view", ["network", "layers", "lanes"])
def test_an_unknown_loss_is_refused_by_every_view(view: str) -> None:
    """Also where the view shows none: a mistake is not passed over."""
    with pytest.raises(ValueError, match="unknown loss 'mse'; choose one of 'cross_entropy'"):
        nn.draw(nn.MLP([2, 3, 1], output="identity"), loss="mse", view=view)
