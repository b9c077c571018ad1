"""All benchmarks, one after another.

    python tests/benchmarks/run.py [--quick] [--threads 2] [--dtype float32] [--without torch,jax]

Libraries that are not installed are left out. `--workload training_step` runs one file of this
folder; each also runs by itself.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

FILES = (
    "training_step",
    "chains",
    "scalar_graph",
    "hessian_vector",
    "compile_time",
    "mnist_epoch",
    "peak_memory",
    "import_time",
    "graph_scale",
    "gradient_check",
)


def main() -> int:
    """Run the files; the exit status is that of the worst."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workload", choices=FILES, action="append", help="default: all")
    options, passed_on = parser.parse_known_args()
    worst = 0
    for name in options.workload or FILES:
        command = [sys.executable, str(Path(__file__).with_name(f"{name}.py")), *passed_on]
        worst = max(worst, subprocess.run(command, check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
