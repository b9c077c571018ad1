"""Activation functions and their derivatives: sigmoid, tanh and ReLU, as formulas and as curves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from _example import equation, options, run, save_plot

import autograd_lite as ag
import nn

FUNCTIONS: dict[str, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "sigmoid": (
        "g(z) = 1 / (1 + e⁻ᶻ)        g'(z) = g(z) (1 − g(z))",
        ag.sigmoid,
        lambda z: ag.sigmoid(z) * (1 - ag.sigmoid(z)),
    ),
    "tanh": (
        "g(z) = tanh z               g'(z) = 1 − tanh² z",
        np.tanh,
        lambda z: 1 - np.tanh(z) ** 2,
    ),
    "relu": (
        "g(z) = z for z ≥ 0, else 0  g'(z) = 1 for z > 0, else 0",
        ag.relu,
        lambda z: np.where(z > 0, 1.0, 0.0),
    ),
}


def main() -> None:
    """Print values and derivatives, by the formula and by the engine, and draw the curves."""
    args = options(__doc__)
    z = np.array([-2.0, -0.5, 0.0, 0.5, 2.0])
    for name, (formula, g, derivative) in FUNCTIONS.items():
        equation(f"{name}:  {formula}")
        slope = np.array([ag.grad(g)(float(value)) for value in z])
        for label, values in {
            "z": z, "g(z)": g(z), "g'(z), formula": derivative(z), "g'(z), engine": slope,
        }.items():  # fmt: skip
            print(f"{label:>16}  {''.join(f'{value:9.4f}' for value in values)}")
        print(f"{'':>16}  largest difference: {np.abs(slope - derivative(z)).max():.1e}")

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        nn.plot.activation_functions(ax=left)
        nn.plot.activation_functions(derivatives=True, ax=right)

    save_plot(args.out / "activations.png", draw, (10, 4))


if __name__ == "__main__":
    run(main)
