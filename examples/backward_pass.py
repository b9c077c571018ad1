"""The lecture's forward and backward pass side by side, in equations and in numbers.

Left the forward pass, read downwards; right the backward pass, read upwards, each gradient with the
largest difference between the derivation by hand and the engine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _example import options, run

import nn

OUTPUT = {"softmax": "softmax(Z{l})", "identity": "Z{l}"}
LOSS = {"softmax": "−Σ Y ⊙ log Ŷ", "identity": "½ (ŷ − y)ᵀ(ŷ − y)"}


def columns(model: nn.MLP, Z: Any, A: Any, found: Any, loss: float) -> list[tuple[str, str]]:
    """Pairs of a line of the forward pass and the line of the backward pass that belongs to it."""
    rows = [("A0 = X", "")]
    L = model.n_layers
    for l in range(1, L + 1):
        last = l == L
        before = found[f"W{l}"], found[f"b{l}"]
        rows.append((f"Z{l} = A{l - 1} W{l} + b{l}", f"W{l}⁽ᵍ⁾ = A{l - 1}ᵀ Z{l}⁽ᵍ⁾   {before[0]}"))
        above = f"Z{l}⁽ᵍ⁾ = Ŷ − Y" if last else f"Z{l}⁽ᵍ⁾ = A{l}⁽ᵍ⁾ ⊙ g'(Z{l})"
        rows.append((f"     {size(Z[l])}", f"b{l}⁽ᵍ⁾ = Z{l}⁽ᵍ⁾ᵀ 1   {before[1]}"))
        g = OUTPUT[model.output].format(l=l) if last else f"{model.hidden[l - 1]}(Z{l})"
        rows.append((f"A{l} = {g}", f"{above}   {found[f'Z{l}']}"))
        if not last:
            text = f"A{l}⁽ᵍ⁾ = Z{l + 1}⁽ᵍ⁾ W{l + 1}ᵀ   {found[f'A{l}']}"
            rows.append((f"     {size(A[l])}", text))
    rows.append((f"L = {LOSS[model.output]} = {loss:.4f}", ""))
    return rows


def size(array: Any) -> str:
    """Shape and norm of an array."""
    return f"{array.shape[0]}×{array.shape[1]}, norm {np.linalg.norm(array):.3g}"


def show(model: nn.MLP, X: Any, Y: Any) -> None:
    """Print the two columns for a model."""
    params = {name: p.data for name, p in model.named_parameters()}
    Z, A = nn.closed_form.forward_pass(X, params, model.hidden, model.output)
    report = nn.closed_form.compare(model, X, Y, interior=True)
    found = {row.name: f"norm {row.norm:.3g}, |Δ| {row.difference:.0e}" for row in report.rows}
    rows = columns(model, Z, A, found, nn.closed_form.loss(Y, A[-1], model.output))
    width = max(len(left) for left, _ in rows) + 3
    print(f"{'forward ↓':{width}} backward ↑\n{'─' * (width - 3)}    {'─' * 50}")
    for left, right in rows:
        print(f"{left:{width}} {right}".rstrip())
    print(f"\n{report.verdict}: every gradient by hand is the engine's, ", end="")
    print(f"to {report.worst.relative:.0e} of its largest entry\n")


def main() -> None:
    """Classification of digits, then regression of wines."""
    args = options(__doc__)
    X, labels = nn.data.load_digits()
    print("Classification: 64-50-30-10 on 256 digits\n")
    model = nn.MLP([64, 50, 30, 10], hidden=["tanh", "relu"], init="he", rng=0)
    Y = nn.data.one_hot(labels[:256], 10)
    show(model, X[:256], Y)

    print("Regression: 12-16-1 on 178 wines\n")
    wines, y = nn.data.load_wine()
    regression = nn.MLP([12, 16, 1], hidden="sigmoid", output="identity", init="xavier", rng=0)
    show(regression, nn.data.standardize(wines), y)

    lanes = nn.draw(model, X[:256], Y, view="lanes")
    print(f"saved: {lanes.save(args.out / 'backward_pass.svg')}")


if __name__ == "__main__":
    run(main)
