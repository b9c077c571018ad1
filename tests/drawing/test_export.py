"""Saving and showing, with renderers that are there, absent, that crash or hang."""

from __future__ import annotations

import subprocess
import sys

import pytest
from graphs import network

import autograd_lite as ag
from autograd_lite.drawing import export, pdf

CRASH = [sys.executable, "-c", "import os; os.abort()"]
HANG = [sys.executable, "-c", "import time; time.sleep(60)"]
LIE = [sys.executable, "-c", "print('done')"]
WORK = [sys.executable, "-c", "import sys; sys.stdout.buffer.write(b'\\x89PNG ok')"]


@pytest.fixture
def renderers(monkeypatch):
    """Sets the PNG renderers of this machine."""

    def use(**found: list[str]) -> None:
        monkeypatch.setattr(export, "png_renderers", lambda: found)

    return use


def test_without_a_renderer_the_error_says_what_would_work(renderers, tmp_path):
    """One line to install, and the suffixes that need nothing."""
    renderers()
    with pytest.raises(RuntimeError, match=r"pip install 'autograd-lite\[render\]'; \.svg"):
        ag.draw(network()["L"]).save(tmp_path / "picture.png")
    assert not (tmp_path / "picture.png").exists()


def test_a_renderer_that_crashes_is_named(renderers):
    """A native crash ends its own process only."""
    renderers(crashing=CRASH)
    with pytest.raises(RuntimeError, match="no PNG was made: crashing ended with status"):
        export.png_bytes("<svg/>")


def test_a_renderer_that_hangs_is_ended(renderers):
    """After its time, with a word on it."""
    renderers(hanging=HANG)
    with pytest.raises(RuntimeError, match=r"hanging took more than 0\.5 s"):
        export.png_bytes("<svg/>", seconds=0.5)


def test_a_renderer_that_prints_no_png_is_not_believed(renderers):
    """The result is looked at, not the exit status alone."""
    renderers(lying=LIE)
    with pytest.raises(RuntimeError, match="lying ended with status 0"):
        export.png_bytes("<svg/>")


def test_the_next_renderer_is_tried(renderers):
    """One that fails does not stop the others."""
    renderers(crashing=CRASH, working=WORK)
    assert export.png_bytes("<svg/>").startswith(b"\x89PNG")


def test_png_and_pdf_where_their_renderers_are(tmp_path):
    """Real files, from the real renderers."""
    diagram = ag.draw(network()["L"], view="lanes")
    if export.png_renderers():
        assert diagram.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    pytest.importorskip("matplotlib")
    content = diagram.save(tmp_path / "a.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert content == diagram.save(tmp_path / "b.pdf").read_bytes()


def test_without_matplotlib_a_pdf_says_so(monkeypatch, tmp_path):
    """And what would install it."""
    monkeypatch.setattr(pdf, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match=r"needs matplotlib.*autograd-lite\[plot\]"):
        ag.draw(network()["L"]).save(tmp_path / "picture.pdf")


def test_notebooks_get_svg_html_and_text():
    """And only what they ask for."""
    diagram = ag.draw(network()["L"])
    bundle = diagram._repr_mimebundle_()
    assert set(bundle) == {"image/svg+xml", "text/html", "text/plain"}
    assert bundle["image/svg+xml"].startswith("<svg")
    assert set(diagram._repr_mimebundle_(include=["text/plain"])) == {"text/plain"}
    assert "text/html" not in diagram._repr_mimebundle_(exclude=["text/html"])


def test_a_repr_never_raises(monkeypatch):
    """Where the drawing fails, the text is still there."""
    diagram = ag.draw(network()["L"])

    def fail() -> str:
        raise RuntimeError("no")

    diagram.drawn = fail
    assert "text/plain" in diagram._repr_mimebundle_()
    assert "softmax" in repr(diagram)


def test_the_doctor_says_what_is_there():
    """Versions, the forms of pictures, the extras; and ops lists the table."""
    done = subprocess.run([sys.executable, "-m", "autograd_lite", "doctor"], text=True,
                          capture_output=True, check=True, encoding="utf-8",
                          env=None)  # fmt: skip
    assert "gradient of Σ sin(x): right" in done.stdout
    assert ".svg .html .dot .mmd .txt   need nothing more" in done.stdout


def test_a_wrong_command_ends_with_the_usage():
    """One line on what was wrong, and a status that is not 0."""
    done = subprocess.run([sys.executable, "-m", "autograd_lite", "docto"], text=True,
                          capture_output=True)  # fmt: skip
    assert done.returncode == 2
    assert "unknown command: docto" in done.stderr
