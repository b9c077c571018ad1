"""How long a gradient check takes: large arrays with one wrong element, and the lecture's network.

    python tests/benchmarks/gradient_check.py [--quick]

Each line: seconds (the median of some rounds), evaluations of f, what they would take by
themselves, and what the check found.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from compare import arguments

import nn
from autograd_lite.testing import GradReport, check_grads

SIZE = 100_000
PLACE = 54_321


class Counted:
    """A function that counts its calls."""

    def __init__(self, f: Callable[[Any], Any]) -> None:
        self._f = f
        self.calls = 0

    def __call__(self, x: Any) -> Any:
        """f(x)."""
        self.calls += 1
        return self._f(x)


def f(x: Any) -> Any:
    """A cheap function of a large array."""
    return np.sum(np.sin(x) * x)


def gradient(x: Any) -> Any:
    """Its gradient."""
    return np.cos(x) * x + np.sin(x)


def network() -> tuple[Callable[[Any], Any], nn.Module]:
    """The loss of 784-50-10 on a batch of 32, and the network."""
    rng = np.random.default_rng(0)
    X, Y = rng.uniform(size=(32, 784)), np.eye(10)[rng.integers(10, size=32)]
    model = nn.MLP([784, 50, 10], hidden="tanh", init="xavier", rng=rng)
    return lambda model: nn.softmax_cross_entropy(model.logits(X), Y), model


def timed(
    name: str, function: Callable[[Any], Any], x: Any, rounds: int, **options: Any
) -> GradReport:
    """The report of check_grads, with a line printed on how long it took."""
    seconds, alone = [], []
    for _ in range(rounds):
        counted = Counted(function)
        start = time.perf_counter()
        report = check_grads(counted, x, **options)
        seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
        for _ in range(20):
            function(x)
        alone.append((time.perf_counter() - start) / 20 * counted.calls)
    worst = report.worst
    where = "" if report.ok else f" at {worst.index}, off by {worst.relative:.1e} of it"
    print(
        f"  {name:<46}{statistics.median(seconds):>7.2f} s {counted.calls:>6} evaluations "
        f"({statistics.median(alone):.2f} s)  {report.verdict}{where}"
    )
    return report


def main(quick: bool) -> None:
    """Print a line for each check."""
    rounds = 1 if quick else 5
    x = np.random.default_rng(0).normal(size=SIZE)
    print(f"\ngradient checks, {rounds} rounds")
    timed(f"{SIZE} elements, all right", f, x, rounds, grad=gradient)
    for off, rtol in ((1e-5, 1e-6), (1e-6, 1e-7)):
        wrong = gradient(x)
        wrong[PLACE] *= 1.0 + off
        timed(f"{SIZE} elements, one off by {off:g} (rtol={rtol:g})", f, x, rounds,
              grad=wrong, rtol=rtol)  # fmt: skip
    timed(f"{SIZE} elements, all 0", f, x, rounds, grad=np.zeros(SIZE))
    loss, model = network()
    n = sum(p.data.size for p in model.parameters())
    timed(f"784-50-10, batch 32, all {n} parameters", loss, model, rounds)


if __name__ == "__main__":
    main(arguments(__doc__).quick)
