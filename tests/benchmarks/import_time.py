"""`import autograd_lite` against `import numpy`, each in processes of its own.

python tests/benchmarks/import_time.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from tempfile import TemporaryDirectory

import numpy as np
from compare import arguments

_TIMED = "import time, sys; t = time.process_time(); import {}; print(time.process_time() - t)"


def seconds(module: str, bytecode: str) -> float:
    """Processor time of one import in a fresh interpreter that keeps its bytecode in a folder."""
    command = [sys.executable, "-c", _TIMED.format(module)]
    env = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return float(
        subprocess.run(command, capture_output=True, check=True, text=True, env=env).stdout
    )


def main(quick: bool, without: list[str]) -> None:
    """Print the medians of ratios to NumPy, round by round."""
    modules = ["numpy", "autograd_lite", "nn"]
    modules += [m for m in ("autograd", "mygrad", "jax", "torch") if find_spec(m)]
    modules = [m for m in modules if m not in without]
    with TemporaryDirectory() as bytecode:
        for module in modules:
            seconds(module, bytecode)  # compiles it
        rounds = range(5 if quick else 21)
        samples = np.array([[seconds(m, bytecode) for m in modules] for _ in rounds])
    ratios = samples / samples[:, :1]
    print(
        f"\nimport, {len(samples)} rounds: ratio to import numpy ({np.median(samples[:, 0]):.3f} s)"
    )
    for module, column in zip(modules, ratios.T, strict=True):
        low, middle, high = np.percentile(column, (25, 50, 75))
        print(f"  {module:<16}{middle:>7.2f}  ({low:.2f} – {high:.2f})")


if __name__ == "__main__":
    options = arguments(__doc__)
    main(options.quick, options.without)
