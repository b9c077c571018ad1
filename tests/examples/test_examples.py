"""Every example runs, quickly and in silence but for its output, and its numbers hold."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples"
EXAMPLES = sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))

#: What an example must print: an equation of the lecture, or words that its numbers stand behind.
SAYS = {
    "activations": ["g(z) = 1 / (1 + e⁻ᶻ)", "g'(z) = 1 − tanh² z", "g'(z) = 1 for z > 0, else 0"],
    "backward_pass": [
        "Z3⁽ᵍ⁾ = Ŷ − Y",
        "W2⁽ᵍ⁾ = A1ᵀ Z2⁽ᵍ⁾",
        "A1⁽ᵍ⁾ = Z2⁽ᵍ⁾ W2ᵀ",
        "b1⁽ᵍ⁾ = Z1⁽ᵍ⁾ᵀ 1",
    ],
    "dropout": ["A_l = g(Z_l) ⊙ m_l", "25 of 50 neurons kept", "engine: ok"],
    "initialization": ["columns of W1 equal", "distinct neurons at most 1 in every epoch"],
    "lbfgs": ["θ ↦ (L(θ), θ⁽ᵍ⁾)"],
    "linear_collapse": ["W = W1 W2 W3"],
    "logistic_regression": ["ŷ = g(X w + b)", "w⁽ᵍ⁾ = Xᵀ(ŷ − y)"],
    "neuron": ["z = w·a + b", "g'(z) = g(z) (1 − g(z))"],
    "overfitting": ["θ ← θ − α θ⁽ᵍ⁾", "← best"],
    "regression": ["½ (ŷ − y)ᵀ(ŷ − y)", "A_L⁽ᵍ⁾ = ŷ − y", "engine: ok"],
    "regularization": ["λ₁ sign(W_l)", "λ₂ W_l", "engine: ok"],
    "softmax_jacobian": ["J = diag(ŷ) − ŷ ŷᵀ", "Z_L⁽ᵍ⁾ = J A_L⁽ᵍ⁾ = ŷ − y"],
    "train_mlp": ["engine: ok"],
    "two_layer_chain_rule": ["∂L/∂w1 = ∂L/∂ŷ · ∂ŷ/∂a1 · ∂a1/∂z1 · ∂z1/∂w1"],
    "vanishing_gradients": ["Z_l⁽ᵍ⁾ = A_l⁽ᵍ⁾ ⊙ g'(Z_l)"],
}


def run(name: str, *args: object, path: Path | str = "") -> subprocess.CompletedProcess[str]:
    """An example as its users run it, with warnings as errors; modules in `path` come first."""
    paths = [str(path), str(FOLDER.parent), os.environ.get("PYTHONPATH")]
    path = os.pathsep.join(filter(None, paths))
    return subprocess.run(
        [sys.executable, "-W", "error", str(FOLDER / f"{name}.py"), *map(str, args)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
        check=False,
    )


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, Path]]:
    """What each quick example printed, and its folder, as far as they were asked for."""
    return {}


def output(
    name: str, outputs: dict[str, tuple[str, Path]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    if name not in outputs:
        folder = tmp_path_factory.mktemp(name) / "new"
        done = run(name, "--quick", "--out", folder)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        outputs[name] = done.stdout, folder
    return outputs[name]


@pytest.mark.parametrize("name", sorted(SAYS))
def test_an_example_prints_its_equation_and_saves_its_picture(
    name: str,
    outputs: dict[str, tuple[str, Path]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    text, folder = output(name, outputs, tmp_path_factory)
    for part in SAYS[name]:
        assert part in text
    pytest.importorskip("matplotlib")
    pictures = [path for path in folder.iterdir() if path.suffix in (".png", ".svg", ".html")]
    assert pictures
    for path in pictures:
        assert str(path) in text
        assert path.stat().st_size > 1000


def test_every_example_says_what_it_is_on_one_line() -> None:
    """The first of its docstring, a sentence, which `python -m examples` lists."""
    listed = subprocess.run(
        [sys.executable, "-m", "examples"],
        capture_output=True,
        encoding="utf-8",
        cwd=FOLDER.parent,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        check=True,
    ).stdout
    for name in EXAMPLES:
        source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
        first = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
        assert first.endswith((".", "?")), name
        assert re.search(rf"^{name} +{re.escape(first)}$", listed, re.MULTILINE), name


def test_every_example_of_the_lecture_is_held_to_something() -> None:
    tested_elsewhere = {"draw_gallery", "check_my_derivation", "compiled_backward"}
    assert set(EXAMPLES) - tested_elsewhere == SAYS.keys()


@pytest.mark.parametrize(
    "name", ["activations", "logistic_regression", "neuron", "softmax_jacobian",
             "two_layer_chain_rule", "linear_collapse"],
)  # fmt: skip
def test_what_is_derived_by_hand_is_the_engines(
    name: str,
    outputs: dict[str, tuple[str, Path]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    text, _ = output(name, outputs, tmp_path_factory)
    differences = re.findall(r"largest difference:? ([\d.e+-]+)", text)
    assert differences
    assert all(float(difference) <= 1e-12 for difference in differences)


def numbers(pattern: str, text: str) -> list[float]:
    found = re.search(pattern, text)
    assert found is not None, (pattern, text)
    return [float(group) for group in found.groups()]


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("vanishing_gradients", r"sigmoid +first layer / last layer: ([\d.e+-]+)"),
        ("linear_collapse", r"identity +([\d.]+)% right\n +tanh +([\d.]+)% right"),
        ("regression", r"least squares +[\d.]+ +([\d.]+)\nnetwork 12-16-1 +[\d.]+ +([\d.]+)"),
        ("overfitting", r"([\d.]+) times the best"),
        ("dropout", r"\n +1 +([\d.]+) +[\d.]+%[\s\S]*\n +100 +([\d.]+) +[\d.]+%"),
    ],
)
def test_what_an_example_shows_can_be_seen_in_its_numbers(
    name: str,
    check: str,
    outputs: dict[str, tuple[str, Path]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    first, *more = numbers(check, output(name, outputs, tmp_path_factory)[0])
    if name == "vanishing_gradients":
        assert first < 0.01
    elif name == "linear_collapse":
        assert first < 65 < 95 < more[0]
    elif name == "overfitting":
        assert first > 1
    elif name == "dropout":
        assert more[0] < first / 5  # about 1/√100
    else:
        assert first > 0.6
        assert more[0] > 0.5


@pytest.mark.thorough
@pytest.mark.parametrize("name", sorted(SAYS))
def test_a_whole_run_shows_it_in_full(name: str, tmp_path: Path) -> None:
    done = run(name, "--out", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    if name == "regression":
        linear, network = numbers(
            r"least squares +[\d.]+ +([\d.]+)\nnetwork 12-16-1 +[\d.]+ +([\d.]+)", done.stdout
        )
        assert network > linear + 0.05
    if name == "regularization":
        losses = [
            numbers(rf"\n{method} +[\d.]+ +([\d.]+)", done.stdout)[0]
            for method in ("none", "L1", "L2", "dropout")
        ]
        assert max(losses[1:]) < losses[0]
    if name == "initialization":
        assert numbers(r"constant 0\.1 +(\d+) \(1\) +(\d+) \(1\)", done.stdout) == [1, 1]
        assert numbers(r"\nHe +64 \(64\) +64 \(64\) +[\d.]+ +([\d.]+)%", done.stdout)[0] > 94


def test_l_bfgs_beats_descent_with_as_many_gradients(tmp_path: Path) -> None:
    text = run("lbfgs", "--quick", "--out", tmp_path).stdout
    descent, lbfgs = numbers(r"descent +\d+ +([\d.]+).*\nL-BFGS +\d+ +([\d.]+)", text)
    assert lbfgs < 0.7 * descent


def test_without_scipy_l_bfgs_is_left_out_in_one_sentence(tmp_path: Path) -> None:
    """scipy is no part of the package: the example says what to install, and descends alone."""
    (tmp_path / "scipy").mkdir()
    (tmp_path / "scipy" / "__init__.py").write_text("raise ImportError")
    done = run("lbfgs", "--quick", "--out", tmp_path, path=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no L-BFGS: it needs scipy (pip install scipy)\n" in done.stdout
    assert "\nL-BFGS" not in done.stdout


def test_a_bad_flag_is_one_sentence(tmp_path: Path) -> None:
    for name in ("neuron", "dropout"):
        done = run(name, "--fast", "--out", tmp_path)
        assert done.returncode == 2
        assert done.stderr == f"{name}.py: unrecognized arguments: --fast; see --help\n"


def test_a_folder_that_cannot_be_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    for name in ("dropout", "train_mlp"):
        done = run(name, "--quick", "--out", tmp_path / "taken")
        assert (done.returncode, done.stdout) == (2, "")
        expected = f"{name}.py: argument --out: there can be no folder {tmp_path / 'taken'}: "
        assert done.stderr.startswith(expected)
        assert done.stderr.count("\n") == 1


def test_without_matplotlib_an_example_still_prints(tmp_path: Path) -> None:
    """As where only `pip install autograd-lite` was run."""
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib" / "__init__.py").write_text("raise ImportError")
    for name in ("activations", "train_mlp"):
        done = run(name, "--quick", "--out", tmp_path / "o", path=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert "pip install 'autograd-lite[plot]'" in done.stdout
    assert (tmp_path / "o" / "report.html").exists()
