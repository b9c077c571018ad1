"""The fixture `gradcheck`: seeded, and failing with the report."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import autograd_lite

ROOT = Path(autograd_lite.__file__).parents[1]

TESTS = """
import numpy as np

def test_right(gradcheck):
    assert gradcheck(np.sin, 1.0, grad=np.cos).ok

def test_wrong(gradcheck):
    gradcheck(lambda x: np.sum(np.sin(x)), np.ones(3), grad=lambda x: 2 * np.cos(x))

def test_seed(gradcheck):
    assert gradcheck.keywords["seed"] == 2506242651
"""


def test_a_wrong_gradient_fails_with_its_report(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    plugin = ["-p", "autograd_lite.testing.plugin"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugin, "test_it.py"],
        cwd=tmp_path,
        # where the package is installed its entry point would register the plugin a second time
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 2 passed" in run.stdout, run.stdout + run.stderr
    assert "constant ratio: it is 2 times the right gradient" in run.stdout
    assert "numeric ± bar" in run.stdout
    assert "check_grads(f, *args, **options)" not in run.stdout
