"""The gallery: every picture, from the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "examples" / "draw_gallery.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], text=True,
                          capture_output=True, encoding="utf-8")  # fmt: skip


def test_every_picture_is_drawn(tmp_path):
    """As SVG, with a table of the steps."""
    done = run("--quick", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("*.svg"))) == 14
    assert "Z₂⁽ᵍ⁾ = Ŷ − Y" in (tmp_path / "steps.txt").read_text(encoding="utf-8")


def test_an_unknown_form_is_refused_in_one_sentence(tmp_path):
    """With the forms that there are."""
    done = run("--forms", "svg,bmp", "--out", str(tmp_path))
    assert done.returncode == 2
    assert "unknown bmp; choose out of svg,png,pdf" in done.stderr
