"""Interleaved timings of several programs that do the same work, and their table.

A busy machine changes speed from second to second, so nothing is timed alone: in every round each
contender runs once, in an order drawn anew, and is divided by the reference of the same round. The
table shows the median of these ratios, their quartiles and extremes, and the ratio of the fastest
tenths of all rounds; the line above it says how much the reference itself varied. One-thread runs
are measured in processor time, which leaves out what other programs took, and charges a library
that starts threads of its own for all of them.

Before it is timed, every contender's result is compared with the reference's.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Contender", "Workload", "arguments", "compare", "summary"]

#: Relative to the largest entry of an array; products summed in another order differ by this.
TOLERANCE = {"float32": 2e-4, "float64": 1e-9}
_MARK = "BENCHMARK_THREADS"


class Contender(NamedTuple):
    """A program ready to run: `run()` is timed, `results()` are the arrays to be compared."""

    run: Callable[[], Any]
    results: Callable[[], Sequence[Any]]


class Workload(NamedTuple):
    """Programs for one task, by name, each made by a call; the first one is the reference.

    `checks` are the same programs where the comparison needs another setting than the timing.
    """

    name: str
    dtype: str
    programs: dict[str, Callable[[], Contender]]
    checks: dict[str, Callable[[], Contender]] | None = None


class Timing(NamedTuple):
    """What was measured of one contender: ratios to the reference, round by round."""

    ratios: np.ndarray[Any, Any]
    seconds: np.ndarray[Any, Any]


def arguments(description: str, argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options that all benchmarks share, with the number of threads set for this process.

    The libraries read that number when they are imported, so the program starts itself again.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--threads", type=int, choices=(1, 2), default=1, help="default: 1")
    parser.add_argument("--dtype", choices=("float32", "float64"), help="default: both")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, to see that it runs")
    parser.add_argument("--only", default="", metavar="TEXT", help="workloads with TEXT in them")
    parser.add_argument(
        "--without", default="", metavar="NAMES", help="leave out, such as jax,hips"
    )
    parser.add_argument("--torch-compile", action="store_true", help="torch.compile too; slow")
    options = parser.parse_args(argv)
    if os.environ.get(_MARK) != str(options.threads):
        command = [sys.executable, *sys.argv] if argv is None else [sys.executable, *argv]
        sys.exit(subprocess.run(command, env=_environment(options.threads), check=False).returncode)
    options.dtypes = [options.dtype] if options.dtype else ["float32", "float64"]
    options.seconds = 0.6 if options.quick else 5.0
    options.without = [name for name in options.without.split(",") if name]
    return options


def _environment(threads: int) -> dict[str, str]:
    names = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
    fixed = {f"{name}_NUM_THREADS": str(threads) for name in names}
    extra = {_MARK: str(threads), "JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"}
    # else glibc may give the top of the heap back after every step, and fetch it anew page by page:
    # 310 in place of 90 µs, or not, by what else happens to lie there
    fixed |= dict.fromkeys(["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"], str(1 << 28))
    return {**os.environ, **fixed, **extra}


def compare(workloads: Iterable[Workload], options: argparse.Namespace) -> None:
    """Check and time every workload, and print a table of each and one of all."""
    rows = []
    for workload in workloads:
        if options.only not in f"{workload.name} {workload.dtype}":
            continue
        names = [n for n in workload.programs if not any(w in n for w in options.without)]
        workload = workload._replace(programs={n: workload.programs[n] for n in names})
        differences = checked(workload)
        timings = timed(workload, options.seconds)
        rows.append((workload, timings))
        print(details(workload, timings, differences), flush=True)
    if len(rows) > 1:
        print(summary(rows, options.threads), flush=True)


def checked(workload: Workload) -> dict[str, float]:
    """The largest difference of every program's results from the reference's.

    Relative to each array's largest entry. Raises AssertionError beyond the tolerance.
    """
    worst = {}
    expected: list[Any] = []
    for name in workload.programs:
        contender = (workload.checks or workload.programs)[name]()
        contender.run()
        results = [np.asarray(r, np.float64) for r in contender.results()]
        expected = expected or results
        assert len(results) == len(expected), f"{name}: {len(results)} results"
        assert [r.shape for r in results] == [e.shape for e in expected], f"{name}: shapes"
        worst[name] = max(map(_difference, results, expected))
        tolerance = TOLERANCE[workload.dtype]
        assert worst[name] <= tolerance, (
            f"{workload.name} {workload.dtype}: {name} differs by {worst[name]:.1e} from the "
            f"reference, more than {tolerance:.0e}"
        )
    return worst


def _difference(a: Any, b: Any) -> float:
    scale = np.max(np.abs(b)) or 1.0
    difference = np.max(np.abs(a - b)) / scale
    return float(difference) if np.isfinite(difference) else np.inf


def timed(workload: Workload, seconds: float) -> dict[str, Timing]:
    """Timings of every program, interleaved over about `seconds` for each."""
    runs = {name: make().run for name, make in workload.programs.items()}
    repeats = {name: _repeats(run) for name, run in runs.items()}
    once = sum(_sample(run, repeats[name]) * repeats[name] for name, run in runs.items())
    n_rounds = int(np.clip(seconds * len(runs) / once, 9, 400))
    rng = np.random.default_rng(0)
    samples: dict[str, list[float]] = {name: [] for name in runs}
    gc.collect()
    gc.freeze()  # or each collection would walk the peers' modules, at our expense
    for _ in range(n_rounds):
        for i in rng.permutation(len(runs)):
            name = list(runs)[i]
            gc.collect()  # or one would pay for the cycles that another left behind
            samples[name].append(_sample(runs[name], repeats[name]))
    gc.unfreeze()
    reference = np.array(next(iter(samples.values())))
    return {name: Timing(np.array(s) / reference, np.array(s)) for name, s in samples.items()}


def _repeats(run: Callable[[], Any], least: float = 0.02) -> int:
    """How often to run for a sample of at least `least` seconds.

    In 4 ms a training step of 0.2 ms is not yet by itself in the caches that others left. Twenty
    runs come first, or as many as a second holds: in those, programs are compiled and sweeps
    written.
    """
    start = time.perf_counter()
    for _ in range(20):
        run()
        if time.perf_counter() - start > 1:
            break
    n = 1
    while (seconds := _sample(run, n) * n) < least:
        n = max(n + 1, int(n * min(10.0, 1.2 * least / max(seconds, 1e-9))))
    return n


def _sample(run: Callable[[], Any], repeats: int) -> float:
    """Seconds a run, over `repeats` of them."""
    clock = time.process_time if os.environ.get(_MARK) == "1" else time.perf_counter
    start = clock()
    for _ in range(repeats):
        run()
    return (clock() - start) / repeats


def details(workload: Workload, timings: dict[str, Timing], differences: dict[str, float]) -> str:
    """The table of one workload."""
    name, reference = next(iter(timings.items()))
    low, middle, high = np.percentile(reference.seconds, (0, 50, 100)) * 1e6
    lines = [
        f"\n{workload.name}, {workload.dtype}: {name} took {middle:,.1f} µs "
        f"({low:,.1f} to {high:,.1f}) in {len(reference.seconds)} rounds",
        f"  {'':<28}{'ratio':>7}{'quartiles':>15}{'least – most':>16}{'at best':>9}"
        f"{'Δ gradient':>12}",
    ]
    for name, timing in timings.items():
        p = np.percentile(timing.ratios, (0, 25, 50, 75, 100))
        lines.append(
            f"  {name:<28}{p[2]:>7.2f}{f'{p[1]:.2f} – {p[3]:.2f}':>15}"
            f"{f'{p[0]:.2f} – {p[4]:.2f}':>16}{_best(timing) / _best(reference):>9.2f}"
            f"{differences[name]:>12.0e}"
        )
    return "\n".join(lines)


def _best(timing: Timing) -> float:
    """Seconds that a tenth of the rounds took less than: the speed of an idle machine, nearly."""
    return float(np.percentile(timing.seconds, 10))


def summary(rows: Sequence[tuple[Workload, dict[str, Timing]]], threads: int) -> str:
    """The median ratios of all workloads: a row each, a column for every contender."""
    columns = list(dict.fromkeys(name for _, timings in rows for name in timings))[1:]
    labels = [f"{w.name}, {w.dtype}" for w, _ in rows]
    width = max(map(len, labels)) + 2
    widths = [max(len(c), 5) + 2 for c in columns]
    head = "".join(f"{c:>{w}}" for c, w in zip(columns, widths, strict=True))
    lines = [
        f"\nRatio to {next(iter(rows[0][1]))}, {threads} thread{'s' * (threads > 1)}, medians",
        f"{'':<{width}}{'µs':>9}{head}",
    ]
    for label, (_, timings) in zip(labels, rows, strict=True):
        microseconds = np.median(next(iter(timings.values())).seconds) * 1e6
        ratios = [timings[c].ratios if c in timings else None for c in columns]
        cells = ["–" if r is None else f"{np.median(r):.2f}" for r in ratios]
        row = "".join(f"{c:>{w}}" for c, w in zip(cells, widths, strict=True))
        lines.append(f"{label:<{width}}{microseconds:>9,.0f}{row}")
    return "\n".join(lines)
