"""A training step (forward, loss, backward, update) against hand-written NumPy and other libraries.

python tests/benchmarks/training_step.py [--threads 2] [--dtype float32] [--only "batch 64"]

What ag.compile does not share with the step tuned by hand is a cost of each call, about 4 µs, which
shows where a step is short: 1 µs to see that shapes and dtypes are those it was traced with, 0.6
that donated arrays can be overwritten, 0.25 an array updated (the tuned step, made for one set of
arrays, has them in one vector), and that code which a large product has pushed out of the cache is
fetched again. Tried and not worth their lines: out= by position (0.5 of 17 µs on 2-16-16-1),
biases copied to the rows before they are added (0.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from compare import Workload, arguments, compare

#: So small that thousands of steps stay near the start; the check takes a whole step instead.
RATE = 1e-7


def workloads(options: Any) -> Iterator[Workload]:
    """Each network, batch and dtype."""
    from by_hand import straightforward, tuned
    from ours import OURS
    from peers import peers
    from problems import NETWORKS, network

    makers = {
        "hand-written": straightforward,
        "tuned by hand": tuned,
        **OURS,
        **peers(options.torch_compile),
    }
    for name, (_, _, batches) in NETWORKS.items():
        for n in batches:
            for dtype in options.dtypes:
                timed = network(name, n, dtype, RATE)
                checked = network(name, n, dtype, 1.0)
                yield Workload(
                    f"{name}, batch {n:,}",
                    dtype,
                    {key: partial(make, timed) for key, make in makers.items()},
                    {key: partial(make, checked) for key, make in makers.items()},
                )


if __name__ == "__main__":
    options = arguments(__doc__)
    compare(workloads(options), options)
