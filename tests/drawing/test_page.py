"""The page that is stepped through; in a real browser where there is one."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import autograd_lite as ag
import nn
from autograd_lite.drawing.naming import cotangent, lines_of_array

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> tuple[Path, ag.Tensor, dict[str, np.ndarray]]:
    """The saved page of the lecture's network, its loss and its data."""
    rng = np.random.default_rng(0)
    model = nn.MLP([784, 50, 10], init="he", rng=rng)
    X, Y = rng.standard_normal((64, 784)), np.eye(10)[rng.integers(0, 10, 64)]
    with ag.keep():
        loss = nn.softmax_cross_entropy(model.logits(X), Y)
    names = {"X": X, "Y": Y, "model": model}
    path = ag.draw(loss, names=names, view="lanes").save(tmp_path_factory.mktemp("p") / "mlp.html")
    return path, loss, names


def stops(path: Path) -> list[dict]:
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r"const stops=(\[.*?\]);\n", text, re.S)[1])


def test_the_page_stands_alone_and_is_small(page):
    """One file, no network, under 150 KB for the lecture's network."""
    text = page[0].read_text(encoding="utf-8")
    assert page[0].stat().st_size < 150_000
    addresses = set(re.findall(r"https?://[^\"'\s<>]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(link|img|iframe)|src=", text)


def test_without_javascript_the_picture_is_there(page):
    """The SVG is in the page, its controls are hidden until a script shows them."""
    text = re.sub(r"<script>.*?</script>", "", page[0].read_text(encoding="utf-8"), flags=re.S)
    assert "<svg" in text
    assert '<div id="bar" hidden>' in text


def test_reduced_motion_is_honoured(page):
    """Nothing moves for those who asked for that."""
    assert "prefers-reduced-motion" in page[0].read_text(encoding="utf-8")


def test_the_stops_are_the_forward_pass_and_then_the_sweep(page):
    """Node by node, with the numbers of ag.steps."""
    path, loss, names = page
    reverse = [stop for stop in stops(path) if stop["phase"] == "reverse"]
    steps = list(ag.steps(loss, names=names))
    assert len(stops(path)) == 2 * len(steps)
    for stop, step in zip(reverse, steps, strict=True):
        assert stop["formula"] == step.formula
        assert stop["arrays"][0]["rows"] == lines_of_array(step.incoming)
        given = [stop["arrays"][line["gives"]]["rows"] for line in stop["lines"]
                 if line["head"].endswith("= ")]  # fmt: skip
        assert given == [lines_of_array(p.cotangent) for p in step.outgoing]


def test_a_line_of_a_stop_is_its_formula_with_the_arrays_in_place_of_their_names(page):
    """Private characters stand for the arrays; put their names back and the formula is there."""
    for stop in stops(page[0]):
        names = {chr(0xE000 + i): array["name"] for i, array in enumerate(stop["arrays"])}
        texts = []
        for line in stop["lines"]:
            if line["head"] not in ("incoming: ",) and line["body"]:
                body = "".join(names.get(char, char) for char in line["body"])
                texts.append(line["head"] + body)
        assert "; ".join(texts) == stop["formula"]


def test_what_accumulates_is_shown_with_its_total(tmp_path):
    """x·x gives x two cotangents: the second stop has the sum of both."""
    x = ag.tensor(3.0, requires_grad=True, name="x")
    with ag.keep():
        y = x * x
    stop = stops(ag.draw(y, view="lanes").save(tmp_path / "x.html"))[-1]
    heads = [(line["head"], stop["arrays"][line["gives"]]["rows"]) for line in stop["lines"]
             if line["gives"] is not None]  # fmt: skip
    assert heads == [("x⁽ᵍ⁾ = ", [["3"]]), ("x⁽ᵍ⁾ += ", [["3"]]), ("x⁽ᵍ⁾ so far", [["6"]])]


def test_a_fold_is_one_stop_of_either_pass(tmp_path):
    """Fifty steps of a recurrence make a page as small as their picture."""
    rng = np.random.default_rng(0)
    W = ag.tensor(rng.standard_normal((3, 3)), requires_grad=True, name="W")
    h = np.zeros(3)
    with ag.keep():
        for x in rng.standard_normal((50, 3)):
            h = np.tanh(h @ W + x)
        loss = np.sum(h)
    path = ag.draw(loss).save(tmp_path / "r.html")
    assert path.stat().st_size < 40_000
    found = stops(path)
    assert len(found) < 20
    folds = [stop for stop in found if "49 times over" in stop["formula"]]
    assert [stop["phase"] for stop in folds] == ["forward", "reverse"]
    shown = next(a for a in folds[1]["arrays"] if a["name"] == "W⁽ᵍ⁾")
    assert shown["note"] == "49 cotangents accumulate"


def test_every_stop_lights_boxes_that_are_there(page):
    """Ids of the page's own picture."""
    path = page[0]
    ids = set(re.findall(r'data-id="(\w+)"', path.read_text(encoding="utf-8")))
    assert all(set(stop["boxes"]) & ids for stop in stops(path))


def driven(path: Path, keys: list[str], folder: Path) -> Path:
    """A copy of the page on which keys are pressed as soon as it is open."""
    return scripted(path, "".join(map(pressed, keys)), folder)


def pressed(key: str, target: str = "document") -> str:
    """The script that presses a key on an element."""
    event = f"new KeyboardEvent('keydown',{{key:{json.dumps(key)},bubbles:true}})"
    return f"{target}.dispatchEvent({event});"


def scripted(path: Path, script: str, folder: Path) -> Path:
    """A copy of the page that runs a script as soon as it is open."""
    text = path.read_text(encoding="utf-8")
    copy = folder / "driven.html"
    copy.write_text(text.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    return copy


@pytest.fixture
def browser(tmp_path):
    """Runs headless Chromium on a page; skips where there is none."""
    path = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
    if path is None:
        pytest.skip("no Chromium on the path; Debian has it as the package chromium")

    def run(page: Path, *flags: str) -> str:
        command = [path, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *flags, page.as_uri()]
        done = subprocess.run(command, capture_output=True, timeout=120, check=True)
        return done.stdout.decode()

    return run


def panel(dom: str) -> tuple[str, dict[str, list[list[str]]]]:
    """(formula, the rows of each array by its name) that the page shows; numbers are 1×1."""
    formula = html.unescape(re.search(r'<p id="formula">(.*?)</p>', dom, re.S)[1])
    numbers = re.search(r'<div id="numbers">(.*)</div>\s*</section>', dom, re.S)[1]
    shown = {}
    for name, rest in re.findall(r'data-name="([^"]+)">(.*?)(?=</figure>|</span>)', numbers, re.S):
        rows = re.findall(r"<tr>(.*?)</tr>", rest, re.S)
        shown[name] = [re.findall(r"<td>(.*?)</td>", row) for row in rows] or [[rest]]
    return formula, shown


@pytest.mark.thorough
def test_a_browser_shows_the_numbers_of_the_sweep(page, browser, tmp_path):
    """Three steps of the reverse sweep, reached with the arrow key, read from the panel."""
    path, loss, names = page
    steps = list(ag.steps(loss, names=names))
    for number in (0, 2, len(steps) - 1):
        keys = ["ArrowRight"] * (len(steps) + number + 1)
        dom = browser(driven(path, keys, tmp_path), "--dump-dom")
        formula, arrays = panel(dom)
        step = steps[number]
        assert formula == step.formula
        assert arrays[cotangent(step.name)] == lines_of_array(step.incoming)
        for passed in step.outgoing:
            assert arrays[cotangent(passed.name)] == lines_of_array(passed.cotangent)


@pytest.mark.thorough
def test_a_browser_steps_to_the_end_and_back(page, browser, tmp_path):
    """Home and End jump, the left arrow goes back, and the page shows where it is."""
    path = page[0]
    n = len(stops(path))
    for keys, place in ((["End"], n), (["End", "ArrowLeft"], n - 1), (["End", "Home"], 0)):
        dom = browser(driven(path, keys, tmp_path), "--dump-dom")
        assert re.search(r'<output id="count">(.*?)</output>', dom)[1] == f"{place} / {n}"


@pytest.mark.thorough
def test_a_box_leads_to_its_step(page, browser, tmp_path):
    """Enter on a box that has the focus; the space bar on a button is the button's own."""
    path = page[0]
    box = re.search(r'data-id="(g\d+)"><title>W₁⁽ᵍ⁾', path.read_text(encoding="utf-8"))[1]
    script = pressed("Enter", f"document.querySelector('[data-id={box}]')")
    dom = browser(scripted(path, script, tmp_path), "--dump-dom")
    assert panel(dom)[0].startswith("W₁⁽ᵍ⁾ = ")
    script = pressed(" ", "document.getElementById('next')")
    dom = browser(scripted(path, script, tmp_path), "--dump-dom")
    assert re.search(r'<button id="play"[^>]*>(.*?)</button>', dom)[1] == "play"


@pytest.mark.thorough
def test_a_browser_takes_a_screenshot(page, browser, tmp_path):
    """What people see is not blank."""
    shot = tmp_path / "shot.png"
    browser(driven(page[0], ["End"], tmp_path), f"--screenshot={shot}", "--window-size=1400,900")
    assert shot.stat().st_size > 20_000
