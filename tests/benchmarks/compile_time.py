"""Seconds until a compiled function has run once: trace, simplify, write and load the program.

    python tests/benchmarks/compile_time.py

The training step of 784-50-10, with layouts from the fixed table and with trials; chains of ever
more operations and their gradients, whose time per operation must not grow; a deep network's step.
Processor time, the least of several tries, each with a new Program; the first call of the function
itself, eagerly, is beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from compare import arguments
from ours import update_of
from problems import Problem, network, problem

import autograd_lite as ag

Made = tuple[Callable[..., Any], tuple[Any, ...]]


def training_step(given: Problem) -> Made:
    """A step of gradient descent and its arguments."""
    return update_of(given), (given.copies(), given.X, given.Y)


def chain(n: int) -> Made:
    """The gradient of n elementwise operations."""

    def f(x: Any) -> Any:
        for i in range(n // 2):
            x = np.sin(x) * (1.0 + 1e-3 * i)
        return np.sum(x)

    return ag.grad(f), (np.linspace(-1, 1, 10),)


def seconds(make: Callable[[], Callable[..., Any]], args: tuple[Any, ...], tries: int) -> float:
    """The least processor time of a new function's first call."""
    best = np.inf
    for _ in range(tries):
        f = make()
        start = time.process_time()
        f(*args)
        best = min(best, time.process_time() - start)
    return float(best)


def report(name: str, made: Made, tries: int, operations: int = 0, **options: Any) -> None:
    """A line of the table."""
    f, args = made
    compiled = seconds(lambda: ag.compile(f, **options), args, tries)
    eager = seconds(lambda: f, args, tries)
    each = f"{compiled / operations * 1e6:>14.0f}" if operations else ""
    print(f"{name:<44}{compiled * 1e3:>12.1f}{eager * 1e3:>12.2f}{each}", flush=True)


def main(quick: bool) -> None:
    """Print the table."""
    tries = 3 if quick else 7
    print(f"{'':<44}{'compile, ms':>12}{'eager, ms':>12}{'µs an operation':>17}")
    for dtype in ("float32", "float64"):
        step = training_step(network("784-50-10", 64, dtype, 1e-7))
        report(f"784-50-10, batch 64, {dtype}", step, tries)
        report(f"784-50-10, batch 64, {dtype}, tune=True", step, min(tries, 3), tune=True)
    large = training_step(network("784-50-10", 1024, "float64", 1e-7))
    report("784-50-10, batch 1,024, float64, tune=True", large, min(tries, 3), tune=True)
    for depth in (10, 40):
        deep = problem((64,) * depth + (10,), 32, "float64", "tanh", 1e-7)
        report(f"{depth} layers of 64, tanh", training_step(deep), tries)
    for n in (100, 1_000, 10_000):
        report(f"gradient of a chain of {n:,} operations", chain(n), 1 if n > 5_000 else tries, n)


if __name__ == "__main__":
    main(arguments(__doc__).quick)
