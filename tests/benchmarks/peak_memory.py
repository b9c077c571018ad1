"""Peak memory of a training step, as a ratio to hand-written NumPy, each in its own process.

    python tests/benchmarks/peak_memory.py

"arrays" is what tracemalloc counts: everything that NumPy allocates, buffers that a program holds
between its steps included, what only its first step needed (a trace) left out. "resident" is the
growth of the process's resident set (Linux), which also counts libraries that bring an allocator of
their own. Neither counts the data and one set of parameters, which all have.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from compare import arguments

#: name: sizes, activation, batch
CASES: dict[str, tuple[tuple[int, ...], str, int]] = {
    "784-50-10, full batch 10,000": ((784, 50, 10), "relu", 10_000),
    "20×1024 tanh, batch 1,024": ((1024,) * 20 + (10,), "tanh", 1024),
}


def programs() -> dict[str, Callable[..., Any]]:
    """Every way to make a training step, by name."""
    from by_hand import straightforward, tuned
    from ours import OURS
    from peers import peers

    return {"hand-written": straightforward, "tuned by hand": tuned, **OURS, **peers()}


def measured(case: str, program: str, dtype: str) -> dict[str, float | None]:
    """Peak bytes of a step after the first, in this process."""
    from problems import problem

    sizes, hidden, n = CASES[case]
    made = problem(sizes, n, dtype, hidden, 1e-7)
    parameters = sum(p.nbytes for p in made.params)
    make = programs()[program]
    small = problem((5, 4, 3), 8, dtype, hidden, 1e-7)
    make(small).run()  # imports, caches and thread pools are not the step's
    before = _status("VmRSS")
    tracemalloc.start()
    run = make(made).run
    run()
    tracemalloc.reset_peak()
    _reset_resident()
    for _ in range(3):
        run()
    arrays = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    peak = _status("VmHWM")
    resident = None if before is None or peak is None else peak - before - parameters
    return {"arrays": arrays - parameters, "resident": resident}


def _reset_resident() -> None:
    """Have the high-water mark of resident bytes start from now, where the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _status(key: str) -> int | None:
    path = Path("/proc/self/status")
    if not path.exists():
        return None
    line = next(line for line in path.read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) * 1024


def main(dtypes: list[str], only: str, without: list[str]) -> None:
    """Print a table for each case and dtype."""
    for case in CASES:
        for dtype in dtypes:
            if only not in f"{case} {dtype}":
                continue
            names = [n for n in programs() if not any(w in n for w in without)]
            found = {name: _in_a_process(case, name, dtype) for name in names}
            _print(case, dtype, found)


def _in_a_process(case: str, program: str, dtype: str) -> dict[str, Any]:
    command = [sys.executable, __file__, case, program, dtype]
    done = subprocess.run(command, capture_output=True, check=True, text=True, env=dict(os.environ))
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def _print(case: str, dtype: str, found: dict[str, dict[str, Any]]) -> None:
    reference = next(iter(found.values()))
    print(f"\n{case}, {dtype}: hand-written {reference['arrays'] / 2**20:.1f} MiB of arrays")
    print(f"  {'':<20}{'arrays':>8}{'resident':>10}")
    for name, peak in found.items():
        foreign = name.startswith(("torch", "jax"))  # their arrays are not NumPy's
        cells = [None if foreign else peak["arrays"] / reference["arrays"]]
        known = peak["resident"] is not None and reference["resident"]
        cells.append(peak["resident"] / reference["resident"] if known else None)
        text = ["–" if cell is None else f"{cell:.2f}" for cell in cells]
        print(f"  {name:<20}{text[0]:>8}{text[1]:>10}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] in CASES:
        print(json.dumps(measured(*sys.argv[1:])))
    else:
        options = arguments(__doc__)
        main(options.dtypes, options.only, options.without)
