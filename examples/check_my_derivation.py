"""A backward pass derived by hand, checked: six mistakes that students make, each called by name.

Derive the gradient of your own network, put it in place of `backward_pass`, and compare_grads says
which parameters are right, which are wrong, and what the error looks like.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from _example import equation, options, run

import autograd_lite as ag
from autograd_lite.testing import check_grads, compare_grads

Arrays = dict[str, Any]


def loss(params: Arrays, X: Any, Y: Any) -> Any:
    """−1ᵀ (Y ⊙ log Ŷ) 1 of a network with one hidden layer: plain NumPy, but for softmax."""
    A1 = np.tanh(X @ params["W1"] + params["b1"])
    Y_hat = ag.softmax(A1 @ params["W2"] + params["b2"])
    return -np.sum(Y * np.log(Y_hat))


# The backward pass by hand, a step a line, each from the values v before it.
STEPS: dict[str, Callable[[Arrays], Any]] = {
    "Z2_g": lambda v: v["Y_hat"] - v["Y"],
    "W2": lambda v: v["A1"].T @ v["Z2_g"],
    "b2": lambda v: v["Z2_g"].sum(axis=0),
    "A1_g": lambda v: v["Z2_g"] @ v["params"]["W2"].T,
    "Z1_g": lambda v: v["A1_g"] * (1 - v["A1"] ** 2),
    "W1": lambda v: v["X"].T @ v["Z1_g"],
    "b1": lambda v: v["Z1_g"].sum(axis=0),
}


class Mistake(NamedTuple):
    """A step gone wrong: what was meant, what was written."""

    name: str
    step: str
    meant: str
    written: str
    wrong: Callable[[Arrays], Any]


MISTAKES = (
    Mistake(
        "the product is transposed", "W1",
        "W_1⁽ᵍ⁾ = Xᵀ Z_1⁽ᵍ⁾", "W_1⁽ᵍ⁾ = Z_1⁽ᵍ⁾ᵀ X",
        lambda v: v["Z1_g"].T @ v["X"],
    ),
    Mistake(
        "the derivative of the activation is forgotten", "Z1_g",
        "Z_1⁽ᵍ⁾ = A_1⁽ᵍ⁾ ⊙ (1 − A_1²)", "Z_1⁽ᵍ⁾ = A_1⁽ᵍ⁾",
        lambda v: v["A1_g"],
    ),
    Mistake(
        "a mean is taken for the sum", "Z2_g",
        "Z_2⁽ᵍ⁾ = Ŷ − Y", "Z_2⁽ᵍ⁾ = (Ŷ − Y) / n",
        lambda v: (v["Y_hat"] - v["Y"]) / len(v["Y"]),
    ),
    Mistake(
        "the bias is not summed over the batch", "b1",
        "b_1⁽ᵍ⁾ = Z_1⁽ᵍ⁾ᵀ 1", "b_1⁽ᵍ⁾ = Z_1⁽ᵍ⁾",
        lambda v: v["Z1_g"],
    ),
    Mistake(
        "the softmax lacks its cross term", "Z2_g",
        "Z_2⁽ᵍ⁾ = (diag ŷ − ŷ ŷᵀ) A_2⁽ᵍ⁾ for each row", "Z_2⁽ᵍ⁾ = Ŷ ⊙ (1 − Ŷ) ⊙ A_2⁽ᵍ⁾",
        lambda v: v["Y_hat"] * (1 - v["Y_hat"]) * (-v["Y"] / v["Y_hat"]),
    ),
    Mistake(
        "the sign is wrong", "Z2_g",
        "Z_2⁽ᵍ⁾ = Ŷ − Y", "Z_2⁽ᵍ⁾ = Y − Ŷ",
        lambda v: v["Y"] - v["Y_hat"],
    ),
)  # fmt: skip


def backward_pass(params: Arrays, X: Any, Y: Any, mistake: Mistake | None = None) -> Arrays:
    """The gradients of W1, b1, W2, b2: the steps above, one of them perhaps mistaken."""
    A1 = np.tanh(X @ params["W1"] + params["b1"])
    values = {"params": params, "X": X, "Y": Y, "A1": A1}
    values["Y_hat"] = ag.softmax(A1 @ params["W2"] + params["b2"])
    for name, step in STEPS.items():
        values[name] = (mistake.wrong if mistake and mistake.step == name else step)(values)
    return {name: values[name] for name in params}


def main() -> None:
    """Check the right derivation, then each of the mistaken ones."""
    options(__doc__)
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(8, 5)), np.eye(3)[rng.integers(3, size=8)]
    shapes = {"W1": (5, 4), "b1": (4,), "W2": (4, 3), "b2": (3,)}
    params = {name: rng.normal(size=shape) for name, shape in shapes.items()}

    print("The derivation as it should be, against differences alone:\n")
    print(check_grads(loss, params, X, Y, wrt=0, grad=backward_pass))
    print("\nand against the engine too:\n")
    print(compare_grads(backward_pass, loss, params, X, Y))

    for number, mistake in enumerate(MISTAKES, start=1):
        print(f"\n\nMistake {number}: {mistake.name}.")
        equation(f"meant:   {mistake.meant}\n    written: {mistake.written}")
        print(
            compare_grads(lambda p, X, Y, m=mistake: backward_pass(p, X, Y, m), loss, params, X, Y)
        )


if __name__ == "__main__":
    run(main)
