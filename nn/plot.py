"""Plots on matplotlib axes: `ax=` is accepted, the axes are returned.

matplotlib is imported only when a plot is asked for. Without `ax`, a plot gets a figure of its own:
one of pyplot's where pyplot is in use, so that notebooks and `plt.show()` display it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import autograd_lite as ag
from nn.mlp import HIDDEN
from nn.module import Module

__all__ = [
    "COLORS",
    "activation_functions",
    "confusion_matrix",
    "decision_boundary",
    "gradient_norms",
    "loss_curves",
    "weight_images",
]

#: Told apart by people with any kind of colour vision (Okabe & Ito 2008).
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")


def loss_curves(history: Mapping[str, Sequence[float]], *, ax: Any = None) -> Any:
    """The losses of a History by epoch, "loss" and where measured "val_loss"; the axes."""
    if not isinstance(history, Mapping):
        raise TypeError(
            f"loss_curves: expected a History, or a dict of lists such as {{'loss': [...]}}, got a "
            f"{type(history).__name__}"
        )
    ax = _axes(ax)
    labels = {"loss": "training", "val_loss": "validation"}
    for i, (key, label) in enumerate(labels.items()):
        if key in history:
            values = history[key]
            marker = "o" if len(values) <= 40 else ""
            style = {"marker": marker, "markersize": 3, "color": COLORS[i]}
            ax.plot(range(1, len(values) + 1), values, label=label, **style)
    ax.set(xlabel="epoch", ylabel="loss per data point", title="Loss")
    ax.grid(alpha=0.3)
    if ax.lines:
        ax.legend()
    return ax


def confusion_matrix(C: Any, *, names: Sequence[str] | None = None, ax: Any = None) -> Any:
    """A confusion matrix, of shape (k, k), rows the true classes, with its counts; the axes."""
    C = np.asarray(C)
    if C.ndim != 2 or C.shape[0] != C.shape[1] or not C.size:
        raise ValueError(f"confusion_matrix: expected an array of shape (k, k), got {C.shape}")
    if names is not None and len(names) != len(C):
        raise ValueError(f"confusion_matrix: expected {len(C)} names of classes, got {len(names)}")
    ax = _axes(ax)
    # by the share of each class, so that the colours of rare ones are seen, too
    share = C / np.maximum(C.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (i, j), n in np.ndenumerate(C):
        if n:
            color = "white" if share[i, j] > 0.5 else "black"
            ax.text(j, i, f"{n}", ha="center", va="center", color=color, fontsize=8)
    ticks = range(len(C))
    ax.set_xticks(ticks, names)
    ax.set_yticks(ticks, names)
    ax.set(xlabel="predicted", ylabel="true", title="Confusion matrix")
    return ax


def weight_images(W: Any, shape: tuple[int, int] | None = None, *, ax: Any = None) -> Any:
    """The weights into each neuron as images, side by side, from −max (blue) to max (red).

    W: of shape (m, S_1), or a model, whose first weights are taken.
    shape: (height, width) of the images, a square by default.
    """
    W = _first_weights(W)
    m, n = W.shape
    side = math.isqrt(m)
    if shape is not None and np.shape(shape) != (2,):
        raise ValueError(f"weight_images: shape must be (height, width), got {shape!r}")
    height, width = shape or (side, side)
    if height * width != m:
        raise ValueError(
            f"weight_images: {m} weights a neuron are no images of {height}×{width}; pass a shape "
            f"of {m} pixels"
        )
    columns = math.ceil(math.sqrt(n * height / width))
    rows = math.ceil(n / columns)
    tiles = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for i, image in enumerate(W.T.reshape(n, height, width)):
        y, x = (i // columns) * (height + 1), (i % columns) * (width + 1)
        tiles[y : y + height, x : x + width] = image
    ax = _axes(ax)
    largest = np.abs(W).max() or 1.0
    ax.imshow(tiles, cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest")
    ax.set(title=f"Weights into each of {n} neurons, ±{largest:.2g}")
    ax.set_axis_off()
    return ax


def decision_boundary(
    model: Any, X: Any, labels: Any, *, resolution: int = 200, ax: Any = None
) -> Any:
    """What a model predicts in the plane around the points X of shape (n, 2); the axes.

    labels: the points' true classes, 0, 1, …; the regions have their colours.
    """
    X, labels = np.asarray(X), np.asarray(labels)
    if X.ndim != 2 or X.shape[1] != 2 or labels.shape != X.shape[:1] or not len(X):
        raise ValueError(
            f"decision_boundary: expected X of shape (n, 2) and n labels, got {X.shape} and "
            f"{labels.shape}"
        )
    if (labels < 0).any() or (labels != np.floor(labels)).any():
        raise ValueError(
            f"decision_boundary: labels must be 0, 1, …, got {labels.min()} to {labels.max()}"
        )
    if resolution < 2:
        raise ValueError(f"decision_boundary: resolution must be at least 2, got {resolution}")
    ax = _axes(ax)
    low, high = X.min(axis=0), X.max(axis=0)
    margin = 0.1 * (high - low)
    x, y = np.linspace(low - margin, high + margin, resolution).T
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    regions = np.asarray(model.predict(grid.reshape(-1, 2))).reshape(resolution, resolution)
    classes = range(int(max(labels.max(), regions.max())) + 1)
    colors = [COLORS[c % len(COLORS)] for c in classes]
    edges = np.arange(len(colors) + 1) - 0.5
    ax.contourf(x, y, regions, levels=edges, colors=colors, alpha=0.25)
    for c in classes:
        of_class = X[labels == c]
        marker = "osv^D*P"[c % 7]
        ax.scatter(*of_class.T, s=14, color=colors[c], marker=marker, label=f"class {c}")
    ax.set(xlabel="x1", ylabel="x2", title="Decision boundary")
    ax.legend(loc="best", fontsize=8)
    return ax


def activation_functions(
    names: str | Sequence[str] = ("sigmoid", "tanh", "relu"),
    *,
    derivatives: bool = False,
    ax: Any = None,
) -> Any:
    """Activation functions by name, or with `derivatives` those, on z from −4 to 4; the axes."""
    names = (names,) if isinstance(names, str) else names
    ax = _axes(ax)
    z = np.linspace(-4, 4, 401)
    for i, name in enumerate(names):
        if name not in HIDDEN:
            raise ValueError(
                f"activation_functions: unknown {name!r}; choose from {', '.join(HIDDEN)}"
            )
        g = HIDDEN[name]
        y = ag.vjp(g, z)[1](np.ones_like(z))[0] if derivatives else g(z)
        style = ("-", "--", "-.", ":")[i % 4]
        ax.plot(z, y, style, color=COLORS[i % len(COLORS)], label=name, linewidth=2)
    ax.set(xlabel="z", ylabel="g′(z)" if derivatives else "g(z)")
    ax.set_title("Derivatives" if derivatives else "Activation functions")
    ax.grid(alpha=0.3)
    ax.legend()
    return ax


def gradient_norms(grads: Any, *, label: str | None = None, ax: Any = None) -> Any:
    """The norm of the gradient of each layer's weights, on a logarithmic scale; the axes.

    grads: a gradient (a model of arrays, from `ag.grad`), or a model after `backward()`. Several
    can be drawn into one `ax`, with a label each.
    """
    leaves = grads.parameters() if isinstance(grads, Module) else ag.pytree.flatten(grads)[0]
    arrays = [leaf.grad if isinstance(leaf, ag.Tensor) else leaf for leaf in leaves]
    if any(g is None for g in arrays):
        raise ValueError("gradient_norms: the model has no gradients; call loss.backward() first")
    norms = [float(np.linalg.norm(g)) for g in arrays if np.ndim(g) > 1]
    if not norms:
        raise ValueError("gradient_norms: there are no gradients of weights, of two dimensions")
    ax = _axes(ax)
    i = len(ax.lines)
    style = {"marker": "osv^D"[i % 5], "color": COLORS[i % len(COLORS)]}
    # a norm of 0 has no place on a logarithmic scale
    ax.plot(range(1, len(norms) + 1), [n or np.nan for n in norms], label=label, **style)
    ax.set(
        xlabel="layer l", ylabel=r"$\|W_l^{(g)}\|$", yscale="log", title="Gradient norm by layer"
    )
    ax.grid(alpha=0.3)
    if label is not None:
        ax.legend()
    return ax


def _first_weights(W: Any) -> Any:
    """W as an array of shape (m, n)."""
    if isinstance(W, Module):
        W = next((p for p in W.parameters() if np.ndim(p) == 2), np.zeros(0))
    W = np.asarray(W.data if isinstance(W, ag.Tensor) else W)
    if W.ndim != 2:
        raise ValueError(f"weight_images: expected weights of shape (m, n), got {W.shape}")
    return W


def _axes(ax: Any) -> Any:
    """The axes given, or new ones on a figure of their own."""
    if ax is not None:
        if not hasattr(ax, "plot"):
            hint = "; pass figure.add_subplot()" if hasattr(ax, "add_subplot") else ""
            raise TypeError(f"ax: expected matplotlib axes, got a {type(ax).__name__}{hint}")
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("plots need matplotlib: pip install 'autograd-lite[plot]'") from None
    options: dict[str, Any] = {"figsize": (6, 4), "layout": "constrained"}
    pyplot = sys.modules.get("matplotlib.pyplot")
    return (pyplot.figure(**options) if pyplot else Figure(**options)).add_subplot()
