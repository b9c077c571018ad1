"""The absurdly simple network, x → w1, b1 → w2, b2 → ŷ: the chain rule factor by factor.

Every factor of every derivative is printed, multiplied up, and compared with the engine's gradient.
"""

from __future__ import annotations

from math import prod

import numpy as np
from _example import equation, options, run

import autograd_lite as ag


def main() -> None:
    """Print each derivative as the product that the chain rule says."""
    args = options(__doc__)
    x, y = 1.5, 2.0
    w1, b1, w2, b2 = (
        ag.tensor(value, requires_grad=True, name=name)
        for name, value in {"w1": 0.4, "b1": -0.2, "w2": 1.1, "b2": 0.3}.items()
    )
    equation("z1 = w1 x + b1    a1 = tanh z1    ŷ = w2 a1 + b2    L = ½ (ŷ − y)²")
    with ag.keep():  # so that the picture can show every value
        z1 = w1 * x + b1
        a1 = np.tanh(z1)
        y_hat = w2 * a1 + b2
        L = 0.5 * (y_hat - y) ** 2
    for tensor, name in ((z1, "z1"), (a1, "a1"), (y_hat, "ŷ"), (L, "L")):
        tensor.name = name
        print(f"{name:>2} = {tensor.item(): .6f}")

    factors = {
        "∂L/∂ŷ": y_hat.item() - y,
        "∂ŷ/∂w2": a1.item(),
        "∂ŷ/∂b2": 1.0,
        "∂ŷ/∂a1": w2.item(),
        "∂a1/∂z1": 1 - a1.item() ** 2,
        "∂z1/∂w1": x,
        "∂z1/∂b1": 1.0,
    }
    paths = {
        "w2": ("∂L/∂ŷ", "∂ŷ/∂w2"),
        "b2": ("∂L/∂ŷ", "∂ŷ/∂b2"),
        "w1": ("∂L/∂ŷ", "∂ŷ/∂a1", "∂a1/∂z1", "∂z1/∂w1"),
        "b1": ("∂L/∂ŷ", "∂ŷ/∂a1", "∂a1/∂z1", "∂z1/∂b1"),
    }
    L.backward()
    gradients = {tensor.name: tensor.grad.item() for tensor in (w2, b2, w1, b1)}
    largest = 0.0
    for name, path in paths.items():
        equation(f"∂L/∂{name} = {' · '.join(path)}")
        product = prod(factors[factor] for factor in path)
        largest = max(largest, abs(product - gradients[name]))
        print(f"      = {' · '.join(f'{factors[factor]:.6f}' for factor in path)}")
        print(f"      = {product:.6f}        engine: {gradients[name]:.6f}")
    print(f"\nlargest difference: {largest:.1e}")

    print("\nThe same, as the engine goes through it:\n")
    print(ag.steps(L))
    picture = ag.draw(L, view="lanes", names={"x": x})
    print(f"\nsaved: {picture.save(args.out / 'two_layer_chain_rule.svg')}")


if __name__ == "__main__":
    run(main)
