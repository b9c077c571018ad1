"""`import autograd_lite` against `import numpy`, each in processes of its own.

python tests/benchmarks/import_time.py
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
from compare import arguments

_TIMED = "import time, sys; t = time.process_time(); import {}; print(time.process_time() - t)"


def seconds(module: str) -> float:
    """Processor time of one import in a fresh interpreter."""
    command = [sys.executable, "-c", _TIMED.format(module)]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def main(quick: bool) -> None:
    """Print the medians of ratios to NumPy, round by round."""
    modules = ["numpy", "autograd_lite", "nn"]
    modules += [m for m in ("autograd", "mygrad", "jax", "torch") if find_spec(m)]
    for module in modules:
        seconds(module)  # compiles it, and reads it from the disk
    samples = np.array([[seconds(m) for m in modules] for _ in range(5 if quick else 21)])
    ratios = samples / samples[:, :1]
    print(
        f"\nimport, {len(samples)} rounds: ratio to import numpy ({np.median(samples[:, 0]):.3f} s)"
    )
    for module, column in zip(modules, ratios.T, strict=True):
        low, middle, high = np.percentile(column, (25, 50, 75))
        print(f"  {module:<16}{middle:>7.2f}  ({low:.2f} – {high:.2f})")


if __name__ == "__main__":
    main(arguments(__doc__).quick)
