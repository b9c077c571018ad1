"""Plots, on matplotlib axes: imported only when called, `ax=` accepted, axes returned."""

from __future__ import annotations

from typing import Any

__all__ = ["loss_curves"]


def loss_curves(history: Any, *, ax: Any = None) -> Any:
    """The losses of a History by epoch, "loss" and where measured "val_loss"; the axes."""
    ax = _axes(ax)
    for key in ("loss", "val_loss"):
        if key in history:
            values = history[key]
            label = "training" if key == "loss" else "validation"
            ax.plot(range(1, len(values) + 1), values, marker="o", markersize=3, label=label)
    ax.set(xlabel="epoch", ylabel="loss per data point", title="Loss")
    ax.grid(alpha=0.3)
    ax.legend()
    return ax


def _axes(ax: Any) -> Any:
    """The axes given, or new ones on a figure of their own."""
    if ax is not None:
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("plots need matplotlib: pip install 'autograd-lite[plot]'") from None
    return Figure(figsize=(6, 4), layout="constrained").add_subplot()
