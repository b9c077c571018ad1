"""The compiled backward pass beside the lecture's, as a newcomer runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "compiled_backward.py"


def test_it_shows_the_hand_derivation_and_agrees(tmp_path: Path) -> None:
    """Five products, the lecture's names, and a check that ends in agreement."""
    command = [sys.executable, str(EXAMPLE), "--quick", "--out", str(tmp_path)]
    path = os.pathsep.join(filter(None, [str(EXAMPLE.parents[1]), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        env=os.environ | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 0, done.stderr
    assert "W2_grad" in done.stdout
    assert "5 matrix products" in done.stdout
    assert "Z2_grad = multiply(Z2_grad, alpha_0d" in done.stdout
    assert (
        "Z2⁽ᵍ⁾, and so every gradient after it, is multiplied by the learning rate" in done.stdout
    )
    assert list(tmp_path.glob("*.py")), "the program is saved as a file"
