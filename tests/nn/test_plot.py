"""Plots draw what they were given, on the axes they were given, and return them."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
import nn

Figure = pytest.importorskip("matplotlib.figure").Figure

RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(30, 2)), np.arange(30) % 3
MODEL = nn.MLP([2, 5, 4, 3], init="xavier", rng=0)


def history(**numbers: list[float]) -> nn.History:
    found = nn.History()
    for i in range(len(next(iter(numbers.values())))):
        found.append({key: values[i] for key, values in numbers.items()}, 0.1)
    return found


def gradient() -> Any:
    return ag.grad(lambda m: nn.softmax_cross_entropy(m.logits(X), LABELS))(MODEL)


PLOTS = {
    "loss curves": lambda **o: nn.plot.loss_curves(history(loss=[3, 2], val_loss=[4, 3]), **o),
    "history": lambda **o: history(loss=[3, 2, 1]).plot(**o),
    "confusion matrix": lambda **o: nn.plot.confusion_matrix([[3, 1], [0, 4]], **o),
    "weight images": lambda **o: nn.plot.weight_images(RNG.normal(size=(64, 10)), **o),
    "decision boundary": lambda **o: nn.plot.decision_boundary(MODEL, X, LABELS, **o),
    "activations": lambda **o: nn.plot.activation_functions(**o),
    "derivatives": lambda **o: nn.plot.activation_functions(derivatives=True, **o),
    "gradient norms": lambda **o: nn.plot.gradient_norms(gradient(), label="relu", **o),
}
every = pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS.keys())


@every
def test_the_axes_given_are_drawn_on_and_returned(plot: Any) -> None:
    ax = Figure().add_subplot()
    assert plot(ax=ax) is ax
    assert ax.has_data()


@every
def test_without_axes_a_figure_of_its_own_is_drawn(plot: Any) -> None:
    ax, other = plot(), plot()
    assert ax.figure is not other.figure
    buffer = io.BytesIO()
    ax.figure.savefig(buffer, format="png")
    assert buffer.getvalue().startswith(b"\x89PNG")


def test_matplotlib_is_imported_only_for_a_plot() -> None:
    code = "import sys, nn; assert not [m for m in sys.modules if m.startswith('matplotlib')]"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'autograd-lite\[plot\]'"):
        nn.plot.loss_curves(history(loss=[1.0]))


def test_loss_curves_are_the_losses_from_epoch_one() -> None:
    ax = nn.plot.loss_curves(history(loss=[3, 2, 1], val_loss=[4, 3, 5], accuracy=[0, 0, 1]))
    curves = {line.get_label(): line.get_xydata().tolist() for line in ax.lines}
    assert curves == {
        "training": [[1, 3], [2, 2], [3, 1]],
        "validation": [[1, 4], [2, 3], [3, 5]],
    }
    assert ax.get_xlabel() == "epoch"


def test_an_empty_history_gives_empty_axes() -> None:
    assert not nn.plot.loss_curves(nn.History()).lines


def test_a_confusion_matrix_shows_its_counts_by_their_share() -> None:
    ax = nn.plot.confusion_matrix([[3, 1], [0, 40]], names=["cat", "dog"])
    assert [t.get_text() for t in ax.texts] == ["3", "1", "40"]
    np.testing.assert_array_equal(ax.images[0].get_array(), [[0.75, 0.25], [0, 1]])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["cat", "dog"]
    with pytest.raises(ValueError, match=r"of shape \(k, k\), got \(2, 3\)"):
        nn.plot.confusion_matrix(np.ones((2, 3)))


def test_weight_images_lie_side_by_side() -> None:
    W = np.arange(24.0).reshape(6, 4)
    tiles = nn.plot.weight_images(W, (2, 3)).images[0].get_array()
    np.testing.assert_array_equal(tiles[:2, :3], W[:, 0].reshape(2, 3))
    np.testing.assert_array_equal(tiles[:2, 4:], W[:, 1].reshape(2, 3))
    with pytest.raises(
        ValueError, match="6 weights a neuron are no images of 2×2; pass a shape of 6"
    ):
        nn.plot.weight_images(W)
    with pytest.raises(ValueError, match=r"shape must be \(height, width\), got 6"):
        nn.plot.weight_images(W, 6)  # type: ignore[arg-type]


def test_weight_images_of_a_model_are_its_first_weights() -> None:
    model = nn.MLP([4, 3, 2], rng=0)
    tiles = nn.plot.weight_images(model).images[0].get_array()
    np.testing.assert_array_equal(tiles[:2, :2], model.W1.data[:, 0].reshape(2, 2))
    with pytest.raises(ValueError, match=r"of shape \(m, n\), got \(3,\)"):
        nn.plot.weight_images(np.ones(3))


def test_a_decision_boundary_covers_all_points() -> None:
    ax = nn.plot.decision_boundary(MODEL, X, LABELS, resolution=20)
    assert ax.get_xlim()[0] < X[:, 0].min() < X[:, 0].max() < ax.get_xlim()[1]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["class 0", "class 1", "class 2"]
    with pytest.raises(ValueError, match=r"X of shape \(n, 2\) and n labels, got \(4, 3\)"):
        nn.plot.decision_boundary(MODEL, np.ones((4, 3)), np.zeros(4))


def test_activation_functions_and_derivatives_are_the_engines() -> None:
    ax = nn.plot.activation_functions(["tanh"], derivatives=True)
    z, slope = ax.lines[0].get_data()
    np.testing.assert_allclose(slope, 1 - np.tanh(z) ** 2, atol=1e-15)
    z, y = nn.plot.activation_functions(["tanh"]).lines[0].get_data()
    np.testing.assert_array_equal(y, np.tanh(z))
    with pytest.raises(ValueError, match="unknown 'swish'; choose from sigmoid"):
        nn.plot.activation_functions(["swish"])


def test_gradient_norms_are_those_of_the_weights_by_layer() -> None:
    g = gradient()
    ax = nn.plot.gradient_norms(g, label="one")
    nn.plot.gradient_norms(g, label="two", ax=ax)
    norms = [np.linalg.norm(W) for W in (g.W1, g.W2, g.W3)]
    np.testing.assert_allclose(ax.lines[1].get_ydata(), norms)
    assert ax.get_yscale() == "log"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["one", "two"]


def test_gradient_norms_of_a_model_are_those_of_its_last_backward_pass() -> None:
    model = nn.MLP([2, 3, 2], rng=0)
    with pytest.raises(ValueError, match=r"no gradients; call loss\.backward\(\) first"):
        nn.plot.gradient_norms(model)
    np.sum(model.logits(X)).backward()
    ax = nn.plot.gradient_norms(model)
    assert ax.lines[0].get_ydata()[0] == pytest.approx(np.linalg.norm(model.W1.grad))


@pytest.mark.parametrize(
    ("plot", "error", "message"),
    [
        (lambda: nn.plot.loss_curves([3, 2]), TypeError, r"expected a History, or .* got a list"),
        (lambda: nn.plot.loss_curves({}, ax=Figure()), TypeError, r"pass figure\.add_subplot\(\)"),
        (lambda: nn.plot.loss_curves({}, ax="left"), TypeError, "matplotlib axes, got a str$"),
        (lambda: nn.plot.confusion_matrix(np.eye(3), names=["a"]), ValueError, "expected 3 names"),
        (lambda: nn.plot.confusion_matrix(np.eye(0)), ValueError, r"\(k, k\), got \(0, 0\)"),
        (lambda: nn.plot.decision_boundary(MODEL, X[:0], []), ValueError, r"got \(0, 2\)"),
        (lambda: nn.plot.decision_boundary(MODEL, X, LABELS - 1), ValueError, "0, 1, …, got -1 to"),
        (
            lambda: nn.plot.decision_boundary(MODEL, X, LABELS / 2),
            ValueError,
            "0, 1, …, got 0.0 to",
        ),
        (
            lambda: nn.plot.decision_boundary(MODEL, X, LABELS, resolution=1),
            ValueError,
            "resolution must be at least 2, got 1",
        ),
        (lambda: nn.plot.gradient_norms([np.ones(3)]), ValueError, "no gradients of weights"),
    ],
)
def test_what_cannot_be_drawn_is_told(plot: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        plot()


def test_one_activation_function_goes_by_its_name() -> None:
    assert [line.get_label() for line in nn.plot.activation_functions("tanh").lines] == ["tanh"]
