"""The Jacobian of softmax, diag(ŷ) − ŷ ŷᵀ, and the way from there to Z_L^(g) = Ŷ − Y."""

from __future__ import annotations

from typing import Any

import numpy as np
from _example import equation, options, run, save_plot

import autograd_lite as ag
import nn


def main() -> None:
    """Compare formula and engine, then multiply through to the short form."""
    args = options(__doc__)
    z = np.array([1.0, 2.0, 0.5, -1.0])
    y = np.array([0.0, 1.0, 0.0, 0.0])
    y_hat = ag.softmax(z)
    print(f"z = {z}\nŷ = softmax(z) = {y_hat}")

    equation("∂ŷ_i/∂z_j = ŷ_i ([i = j] − ŷ_j)        J = diag(ŷ) − ŷ ŷᵀ")
    formula = nn.closed_form.softmax_jacobian(y_hat)
    engine = ag.jacobian(ag.softmax)(z)
    print(f"by the formula:\n{formula}\n\nby the engine:\n{engine}\n")
    print(f"largest difference: {np.abs(formula - engine).max():.1e}")
    print(f"every row sums to 0: {np.abs(formula.sum(axis=1)).max():.1e}")

    equation("A_L⁽ᵍ⁾ = −y ⊙ ŷ⁻¹        Z_L⁽ᵍ⁾ = J A_L⁽ᵍ⁾ = ŷ − y")
    A_g = -y / y_hat
    routes = {
        "J A_L⁽ᵍ⁾": formula @ A_g,
        "ŷ − y": y_hat - y,
        "engine, softmax then log": ag.grad(lambda z: nn.cross_entropy(ag.softmax(z), y))(z),
        "engine, fused": ag.grad(lambda z: nn.softmax_cross_entropy(z, y))(z),
    }
    for name, value in routes.items():
        print(f"{name:26}{value}")
    largest = max(np.abs(value - (y_hat - y)).max() for value in routes.values())
    print(f"largest difference: {largest:.1e}")

    def draw(figure: Any) -> None:
        ax = figure.add_subplot()
        ax.imshow(formula, cmap="RdBu_r", vmin=-0.3, vmax=0.3)
        for (i, j), value in np.ndenumerate(formula):
            ax.text(j, i, f"{value:.3f}", ha="center", va="center")
        ax.set(title="∂ŷ_i/∂z_j", xlabel="j", ylabel="i", xticks=range(4), yticks=range(4))

    save_plot(args.out / "softmax_jacobian.png", draw, (5, 4.5))


if __name__ == "__main__":
    run(main)
