"""The example that checks a derivation names each of its six mistakes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "check_my_derivation.py"
SAID = (
    "W1: transposed: its transpose is the right gradient",
    "W1, b1: the derivative of np.tanh was forgotten",
    "W1, b1, W2, b2: constant ratio: it is 1/8 of the right gradient: a mean was taken",
    "b1: not summed over the broadcast axis",
    "softmax without its cross term",
    "W1, b1, W2, b2: sign: it is the right gradient times −1",
)


def test_every_mistake_is_called_by_its_name() -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLE)],
        env={**os.environ, "PYTHONPATH": str(EXAMPLE.parents[1]), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    right, *mistaken = run.stdout.split("\nMistake ")
    assert "wrong" not in right
    assert right.count(": ok\n") == 2
    assert len(mistaken) == len(SAID)
    for text, said in zip(mistaken, SAID, strict=True):
        assert "hand wrong" in text
        assert said in text
