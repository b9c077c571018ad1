"""Large graphs: a million adds, 100,000 uses of one tensor, 60 doublings, rows by the thousand.

    python tests/benchmarks/graph_scale.py [--quick]

Time and bytes a node; the collector of cycles is off while they are freed.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from compare import arguments

import autograd_lite as ag


def chain_of_adds(x: Any, n: int) -> Any:
    """x + x + x + …, n times."""
    y = x
    for _ in range(n):
        y = y + x
    return y


def uses(x: Any, n: int) -> Any:
    """The sum of n products with x, as a balanced tree."""
    terms = [x * 2.0 for _ in range(n)]
    while len(terms) > 1:
        odd = terms[len(terms) // 2 * 2 :]
        terms = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)] + odd
    return terms[0]


def doublings(x: Any, n: int) -> Any:
    """n times the sum of a tensor with itself: 2ⁿ paths over n nodes."""
    y = x
    for _ in range(n):
        y = y + y
    return y


def rows(x: Any, n: int) -> Any:
    """The sum over the rows of a matrix of shape (n, 64), one row after another."""
    total = x * 0.0
    for row in x * ONES[kind_of(x)]((n, 64)):
        total = total + row.sum()
    return total


def parts(x: Any, n: int) -> Any:
    """The sum of n arrays of 8 elements, joined."""
    arrays = [x * ONES[kind_of(x)](8) for _ in range(n)]
    return JOIN[kind_of(x)](arrays).sum()


ONES: dict[str, Any] = {"ag": np.ones}
JOIN: dict[str, Any] = {"ag": np.concatenate}


def kind_of(x: Any) -> str:
    """Whose tensor that is."""
    return "ag" if isinstance(x, ag.Tensor) else "torch"


def measured(build: Callable[[Any, int], Any], n: int, nodes: int, leaf: Any, name: str) -> None:
    """Print microseconds a node to build, sweep and free the graph, and its bytes a node."""
    x = leaf()
    gc.collect()
    gc.disable()
    start = time.process_time()
    y = build(x, n)
    built = time.process_time()
    y.backward()
    swept = time.process_time()
    gradient = float(x.grad)
    del y
    freed = time.process_time()
    bytes_a_node = "–"
    if isinstance(x, ag.Tensor):
        tracemalloc.start()
        y = build(x, n)
        bytes_a_node = f"{tracemalloc.get_traced_memory()[0] / nodes:.0f}"
        del y
        left = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        # the interpreter itself keeps some 2,000 tuples of each length for later, whatever n is
        assert left < 400_000, f"{left} bytes were left to the collector"
    gc.enable()
    times = [(b - a) / nodes * 1e6 for a, b in ((start, built), (built, swept), (swept, freed))]
    row = "".join(f"{t:>9.2f}" for t in times)
    print(f"  {name:<34}{row}{bytes_a_node:>9}   dx = {gradient:g}", flush=True)


def main(quick: bool) -> None:
    """Print the table, with PyTorch's figures where it is installed."""
    scale = 20 if quick else 1
    million, many = 1_000_000 // scale, 100_000 // scale
    kinds: dict[str, Any] = {"ag": lambda: ag.tensor(1.0, requires_grad=True)}
    if find_spec("torch"):
        import torch

        torch.set_num_threads(1)
        ONES["torch"] = lambda shape: torch.ones(shape, dtype=torch.float64)
        JOIN["torch"] = torch.cat
        kinds["torch"] = lambda: torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    print(f"\n  {'µs a node':<34}{'build':>9}{'sweep':>9}{'free':>9}{'bytes':>9}")
    for kind, leaf in kinds.items():
        measured(chain_of_adds, million, million, leaf, f"{kind}: {million:,} adds in a chain")
        measured(uses, many, 2 * many, leaf, f"{kind}: {many:,} uses of one tensor")
        measured(doublings, 60, 60, leaf, f"{kind}: 60 doublings")
        for n in (4000 // scale, 16000 // scale):
            measured(rows, n, 3 * n, leaf, f"{kind}: {n:,} rows of one matrix")
            measured(parts, n, n, leaf, f"{kind}: {n:,} arrays joined")


if __name__ == "__main__":
    main(arguments(__doc__).quick)
