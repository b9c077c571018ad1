"""The SVG: readable by anybody, in the light and in the dark, several on one page."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from threading import Thread
from xml.etree import ElementTree

import numpy as np
import pytest
from graphs import network, random_graph

import autograd_lite as ag
import nn
from autograd_lite.drawing.arrange import Arrow, arrange
from autograd_lite.drawing.style import ARROWS, STYLES

VIEWS = ("graph", "lanes", "backward")


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.1 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("kind", STYLES)
def test_text_has_a_contrast_of_4_5_to_1(kind):
    """Ink on fill, in the light and in the dark; outlines have 3 to 1 on the page."""
    style = STYLES[kind]
    assert contrast(style.ink, style.fill) >= 4.5
    assert contrast(style.dark_ink, style.dark_fill) >= 4.5
    assert contrast(style.stroke, "#ffffff") >= 3.0
    assert contrast(style.dark_stroke, "#14171b") >= 3.0


@pytest.mark.parametrize("kind", ARROWS)
def test_arrows_are_told_apart_from_the_page(kind):
    """3 to 1 on white, and on the dark page."""
    light, _, dark = ARROWS[kind]
    assert contrast(light, "#ffffff") >= 3.0
    assert contrast(dark, "#14171b") >= 3.0


def test_kinds_differ_in_shape_or_dash_not_in_colour_alone():
    """For readers who see no colours."""
    looks = {(s.shape, s.dash, s.width) for k, s in STYLES.items() if k != "data"}
    assert len(looks) == len(STYLES) - 1


@pytest.mark.parametrize("view", VIEWS)
def test_the_svg_is_well_formed_and_says_what_it_shows(view):
    """A role, a title, a description in reading order, and a title for each box."""
    diagram = ag.draw(network()["L"], view=view)
    root = ElementTree.fromstring(diagram.svg())
    tag = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    assert root.find(f"{tag}title").text == diagram.picture.title
    assert root.find(f"{tag}desc").text.startswith(diagram.picture.caption)
    boxes = [g for g in root.iter(f"{tag}g") if g.get("data-id")]
    assert len(boxes) == len(diagram.picture.vertices)
    assert all(g.find(f"{tag}title").text for g in boxes)


def test_no_ids_so_that_none_can_clash():
    """Several pictures may stand on one page."""
    assert not re.search(r'\sid="', ag.draw(network()["L"], view="lanes").svg())


def test_stripping_the_style_leaves_a_light_picture_on_white():
    """What a notebook's sanitiser does."""
    svg = re.sub(r"<style>.*?</style>", "", ag.draw(network()["L"]).svg(), flags=re.S)
    assert '<rect class="agl-page" width="100%" height="100%" fill="#ffffff"/>' in svg
    root = ElementTree.fromstring(svg)
    texts = list(root.iter("{http://www.w3.org/2000/svg}text"))
    assert texts
    assert all(t.get("fill") and float(t.get("font-size")) >= 10.67 for t in texts)  # 8 pt


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("seed", range(5))
def test_boxes_never_overlap(seed, view):
    """Whatever the graph, in any view."""
    drawing = arrange(ag.draw(random_graph(seed, 40), view=view, fold=False).picture)
    for one, other in combinations(drawing.boxes.values(), 2):
        apart_x = abs(one.x - other.x) - (one.width + other.width) / 2
        apart_y = abs(one.y - other.y) - (one.height + other.height) / 2
        assert max(apart_x, apart_y) > -0.1


def passed(arrow: Arrow) -> list[tuple[float, float]]:
    """Points along an arrow as it is drawn: level at its points, curved between."""
    t = np.linspace(0.0, 1.0, 12)
    places = []
    for (x, y), (nx, ny) in pairwise(arrow.points):
        level = arrow.vertical or abs(ny - y) < 0.05
        middle = (x + nx) / 2
        across = x + (nx - x) * t if level else (
            (1 - t) ** 3 * x + 3 * (1 - t) ** 2 * t * middle + 3 * (1 - t) * t**2 * middle
            + t**3 * nx)  # fmt: skip
        bend = t if level else 3 * (1 - t) * t**2 + t**3
        places += zip(across.tolist(), (y + (ny - y) * bend).tolist(), strict=True)
    return places


def lectured(seed: int) -> ag.Diagram:
    rng = np.random.default_rng(seed)
    sizes = [int(n) for n in rng.integers(2, 30, int(rng.integers(2, 6)))]
    model = nn.MLP(sizes, hidden=("relu", "tanh", "gelu")[seed % 3],
                   output=("softmax", "identity")[seed % 2], dropout=0.5 * (seed % 2),
                   rng=rng)  # fmt: skip
    return nn.draw(model, view="lanes")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("view", [*VIEWS, "network"])
def test_no_arrow_runs_through_a_box(seed, view):
    """But from its own to its own, and never back and forth."""
    diagram = lectured(seed) if view == "network" else ag.draw(random_graph(seed, 30), view=view)
    drawing = arrange(diagram.picture)
    for arrow in drawing.arrows:
        ends = (arrow.edge.tail, arrow.edge.head)
        others = [box for id, box in drawing.boxes.items() if id not in ends]
        for x, y in passed(arrow):
            for box in others:
                inside = abs(x - box.x) < box.width / 2 - 2, abs(y - box.y) < box.height / 2 - 2
                assert not all(inside)
        steps = np.diff([x for x, _ in arrow.points])
        assert arrow.vertical or np.all(steps > -0.01) or np.all(steps < 0.01)


@pytest.mark.parametrize("seed", range(3))
def test_everything_is_within_the_page(seed):
    """No box is cut off."""
    drawing = arrange(ag.draw(random_graph(seed, 40), view="lanes").picture)
    for box in drawing.boxes.values():
        assert box.left >= 0
        assert box.right <= drawing.width
        assert box.y - box.height / 2 >= 0
        assert box.y + box.height / 2 <= drawing.height


@pytest.mark.parametrize("model", [
    nn.MLP([4, 3, 2], rng=np.random.default_rng(0)),
    nn.Sequential(nn.Linear(4, 3, rng=np.random.default_rng(0)), nn.ReLU(), nn.Linear(3, 2),
                  nn.Softmax()),
], ids=["MLP", "Sequential"])  # fmt: skip
def test_each_layer_of_a_network_has_a_frame(model):
    """Round its operations and parameters, with its name on it, where values are kept."""
    with ag.keep():
        loss = nn.softmax_cross_entropy(model.logits(np.ones((5, 4))), np.eye(2)[[0, 1, 0, 1, 0]])
    frames = [label for label, _ in arrange(ag.draw(loss).picture).frames]
    assert frames == (["hidden 1", "output"] if isinstance(model, nn.MLP)
                      else ["Linear", "ReLU", "Linear"])  # fmt: skip
    plain = nn.softmax_cross_entropy(model.logits(np.ones((5, 4))), np.eye(2)[[0, 1, 0, 1, 0]])
    assert not arrange(ag.draw(plain).picture).frames


def test_names_are_escaped():
    """Markup in a name is text, in every form."""
    x = ag.tensor(2.0, requires_grad=True, name='<b>&"x"\\n')
    diagram = ag.draw(np.exp(x))
    ElementTree.fromstring(diagram.svg())
    assert "<b>" not in diagram.svg()
    assert '\\"x\\"' in diagram.source
    assert '"x"' not in diagram.mermaid()


def test_two_threads_draw_at_once():
    """Pictures share no state."""
    outputs = [network()["L"], random_graph(1, 60)]
    expected = [ag.draw(output, view="lanes").svg() for output in outputs]
    found: dict[int, str] = {}

    def work(i: int) -> None:
        for _ in range(5):
            found[i] = ag.draw(outputs[i], view="lanes").svg()

    threads = [Thread(target=work, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[0], found[1]] == expected
