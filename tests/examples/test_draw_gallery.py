"""The gallery: every picture, from the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--forms", "svg,bmp"], "argument --forms: unknown 'bmp'; choose out of svg,png,pdf"),
        (["--only", "lane"], "argument --only: unknown 'lane'; choose out of lanes,forward"),
        (["--bogus"], "unrecognized arguments: --bogus"),
        (["--out", "{file}"], "argument --out: there can be no folder {file}: File exists"),
        (["--out", "{file}/x"], "argument --out: there can be no folder {file}/x: Not a directory"),
    ],
)
def test_what_cannot_be_drawn_ends_in_one_sentence(arguments, sentence, tmp_path):
    """As the other examples end, before a picture is drawn."""
    file = tmp_path / "file"
    file.touch()
    done = run(*(argument.format(file=file) for argument in arguments))
    assert done.returncode == 2
    assert done.stderr.startswith(f"draw_gallery.py: {sentence.format(file=file)}")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
