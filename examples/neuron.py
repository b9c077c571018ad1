"""One neuron: a weighted sum, a bias and an activation function, and its gradient by hand.

The lecture's first slide in numbers: z = w·a + b and a' = g(z). The engine's derivative of the
output with respect to each weight is compared with g'(z) a.
"""

from __future__ import annotations

import numpy as np
from _example import equation, options, run

import autograd_lite as ag
import nn


def main() -> None:
    """Compute one neuron, forwards and backwards, and draw it."""
    args = options(__doc__)
    a = np.array([0.5, -1.0, 2.0])
    w = ag.tensor([0.8, 0.4, -0.6], requires_grad=True, name="w")
    b = ag.tensor(0.1, requires_grad=True, name="b")

    equation("z = w·a + b        output = g(z) = 1 / (1 + e⁻ᶻ)")
    z = np.sum(w * a) + b
    terms = " + ".join(f"({wi:g})({ai:g})" for wi, ai in zip(w.numpy(), a, strict=True))
    output = ag.sigmoid(z)
    print(f"z = {terms} + {b.item():g} = {z.item():.4f}")
    print(f"g(z) = {output.item():.4f}")

    equation("∂g/∂w = g'(z) a        ∂g/∂b = g'(z)        g'(z) = g(z) (1 − g(z))")
    output.backward()
    slope = output.item() * (1 - output.item())
    print(f"g'(z) = {slope:.4f}\n")
    print(f"{'':8}{'by hand':>10}{'engine':>10}")
    by_hand = [*(slope * a), slope]
    engine = [*w.grad, b.grad]
    for name, hand, found in zip(["w1", "w2", "w3", "b"], by_hand, engine, strict=True):
        print(f"∂g/∂{name:<4}{hand:10.4f}{found:10.4f}")
    print(f"\nlargest difference: {np.abs(np.subtract(by_hand, engine)).max():.1e}")

    layer = nn.Sequential(nn.Linear(3, 1), nn.Sigmoid())
    layer.layers[0].load_state_dict({"W": w.numpy()[:, None], "b": b.numpy()[None]})
    print(f"\nsaved: {nn.draw(layer, a[None], view='neuron').save(args.out / 'neuron.svg')}")


if __name__ == "__main__":
    run(main)
