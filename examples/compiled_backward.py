"""The backward pass, written by the compiler, beside the one derived by hand.

    python examples/compiled_backward.py            the lecture's 784-50-10 network

Compiles one step of gradient descent for X of shape (64, 784), prints the program line by line
with the lecture's equation beside each step of the backward pass, saves it as a file that runs with
NumPy alone, and checks its gradients against `nn.closed_form`, which was derived on paper.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _example import options, run

import autograd_lite as ag
import nn

#: The lecture's backward pass, by the name of what each line computes.
EQUATIONS = {
    "Z1": "Z1 = X W1 + b1",
    "A1": "A1 = g(Z1)",
    "Z2": "Z2 = A1 W2 + b2",
    "Y_hat": "Ŷ = softmax(Z2)",
    "loss": "L = −1ᵀ(Y ⊙ log Ŷ)1",
    "Z2_grad": "Z2⁽ᵍ⁾ = Ŷ − Y",
    "b2_grad": "b2⁽ᵍ⁾ = Z2⁽ᵍ⁾ᵀ 1",
    "A1_grad": "A1⁽ᵍ⁾ = Z2⁽ᵍ⁾ W2ᵀ",
    "W2_grad": "W2⁽ᵍ⁾ = A1ᵀ Z2⁽ᵍ⁾",
    "Z1_grad": "Z1⁽ᵍ⁾ = A1⁽ᵍ⁾ ⊙ g'(Z1)",
    "b1_grad": "b1⁽ᵍ⁾ = Z1⁽ᵍ⁾ᵀ 1",
    "W1_grad": "W1⁽ᵍ⁾ = Xᵀ Z1⁽ᵍ⁾",
}


def gradients(params: dict[str, Any], X: Any, Y: Any) -> Any:
    """(gradients, loss) of the lecture's network at one batch."""

    def loss(params: dict[str, Any]) -> Any:
        Z1 = X @ params["W1"] + params["b1"]
        A1 = ag.relu(Z1)
        Z2 = A1 @ params["W2"] + params["b2"]
        Z1.name, A1.name, Z2.name = "Z1", "A1", "Z2"
        return ag.softmax_cross_entropy(Z2, Y, normalized=True)

    value, grads = ag.value_and_grad(loss)(params)
    return grads, value


def step(params: dict[str, Any], X: Any, Y: Any, alpha: float) -> Any:
    """(parameters, loss) of one step of gradient descent."""
    grads, loss = gradients(params, X, Y)
    return {name: params[name] - alpha * grads[name] for name in params}, loss


def beside_the_lecture(source: str) -> str:
    """The program's function, with the lecture's equation beside the line that finishes it."""
    lines = source[source.index("def step") :].splitlines()
    last = {}
    for i, line in enumerate(lines):
        name = line.split(" = ")[0].strip()
        if name in EQUATIONS:
            last[name] = i
    beside = {i: EQUATIONS[name] for name, i in last.items()}
    lines = [line if line.strip()[0] == "#" else line.split("  #")[0].rstrip() for line in lines]
    width = max(len(lines[i]) for i in beside) + 4
    return "\n".join(f"{line:<{width}}{beside.get(i, '')}".rstrip() for i, line in enumerate(lines))


def loaded(path: Path) -> Callable[..., Any]:
    """The function of a saved program."""
    spec = importlib.util.spec_from_file_location("saved_step", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.step  # type: ignore[no-any-return]


def main() -> None:
    """Compile, print, save, check and time."""
    args = options(__doc__)
    m = 64 if args.quick else 784
    rng = np.random.default_rng(0)
    model = nn.MLP([m, 50, 10], init="he", rng=rng)
    params = {name: p.data for name, p in model.named_parameters()}
    X, Y = rng.random((64, m)), np.eye(10)[rng.integers(0, 10, 64)]

    program = ag.compile(step, donate=0)
    program({name: p.copy() for name, p in params.items()}, X, Y, 0.1)
    print(program.source.splitlines()[2], "\n")
    print(beside_the_lecture(program.source), "\n")
    print("Z2⁽ᵍ⁾, and so every gradient after it, is multiplied by the learning rate at once.\n")

    args.out.mkdir(parents=True, exist_ok=True)
    path = program.save(args.out / "step.py")[0]
    new, loss = loaded(path)({name: p.copy() for name, p in params.items()}, X, Y, 1.0)
    Z, A = nn.closed_form.forward_pass(X, params, ("relu",), "softmax")
    by_hand = nn.closed_form.backward_pass(Y, Z, A, params, ("relu",), "softmax")
    print(f"saved: {path}\nrun with NumPy alone: loss {loss:.6f}; against the lecture's gradients:")
    worst = 0.0
    for name, expected in by_hand.items():
        difference = float(np.max(np.abs((params[name] - new[name]) - expected)))
        worst = max(worst, difference / float(np.max(np.abs(expected))))
        print(f"  {name}⁽ᵍ⁾ of shape {expected.shape!s:<10} differs by {difference:.1e}")
    if worst > 1e-12:
        sys.exit("compiled_backward.py: the compiled gradients differ from those by hand")
    print(f"\neager {timed(step, params, X, Y):7.0f} µs a step")
    print(f"compiled {timed(program, params, X, Y):4.0f} µs a step")


def timed(f: Callable[..., Any], params: Any, X: Any, Y: Any) -> float:
    """The least µs a step of f, of several tries."""
    params = {name: p.copy() for name, p in params.items()}
    best = np.inf
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(20):
            params = f(params, X, Y, 1e-4)[0]
        best = min(best, (time.perf_counter() - start) / 20)
    return float(best * 1e6)


if __name__ == "__main__":
    run(main)
