"""The main job trains from one command, and says in one sentence what is wrong with a command."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nn

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "train_mlp.py"


def run(*args: object) -> subprocess.CompletedProcess[str]:
    """The example as its users run it, on whatever they pass."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), *map(str, args)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
        check=False,
    )


def accuracy(output: str) -> float:
    """The accuracy on held-out data that a run printed, in percent."""
    found = re.search(r"^test .* ([\d.]+)%$", output, re.MULTILINE)
    assert found is not None, output
    return float(found[1])


def test_the_defaults_recognise_95_percent_of_held_out_digits(tmp_path: Path) -> None:
    done = run("--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no bar where there is no terminal
    assert accuracy(done.stdout) >= 95
    assert "3,700 + 60 = 3,760 parameters" in done.stdout
    assert "the lecture's backward pass against the engine: ok" in done.stdout


def test_the_readme_quotes_what_the_main_job_prints(tmp_path: Path) -> None:
    """Norms, verdicts, losses, accuracies; rounding errors differ by processor, and are small."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    quoted = readme.split("## The main job")[1].split("```")[1]
    printed = run("--out", tmp_path).stdout
    assert quoted.splitlines()[1] in printed.splitlines()  # ok
    row = r"^(\w+) +(\(.*?\)) +([\d.]+) +\S+ +(?:\(.*?\)|\S*) +(\S+) +\S+  (\w+)$"
    rows = [re.findall(row, text, re.MULTILINE) for text in (quoted, printed)]
    assert [found[0] for found in rows[0]] == ["W1", "b1", "W2", "b2"]
    for ours, theirs in zip(*rows, strict=True):
        assert (*ours[:3], ours[4]) == (*theirs[:3], theirs[4])
        assert float(ours[3]) <= 1e-12
        assert float(theirs[3]) <= 1e-12
    result = r"^(train|test) +([\d.]+) +([\d.]+)%$"
    results = [re.findall(result, text, re.MULTILINE) for text in (quoted, printed)]
    assert len(results[0]) == 2
    for (part, *ours), (other, *theirs) in zip(*results, strict=True):
        assert part == other
        assert float(ours[0]) == pytest.approx(float(theirs[0]), abs=0.003)
        assert float(ours[1]) == pytest.approx(float(theirs[1]), abs=0.6)


def test_the_model_the_graph_and_the_curve_are_saved(tmp_path: Path) -> None:
    done = run("--epochs", 1, "--out", tmp_path / "new" / "folder")
    assert done.returncode == 0, done.stderr
    names = ("mlp.npz", "graph.svg", "loss.png", "report.html")
    saved = [tmp_path / "new" / "folder" / name for name in names]
    assert [str(path) in done.stdout for path in saved] == [True] * 4
    X, labels = nn.data.load_digits()
    assert nn.accuracy(nn.load(saved[0]).predict(X), labels) > 0.2
    assert "<svg" in saved[1].read_text(encoding="utf-8")
    assert saved[2].read_bytes().startswith(b"\x89PNG")


def test_the_report_holds_everything_on_one_page(tmp_path: Path) -> None:
    """Network, lanes, layer table, gradient check, curves, confusion matrix, mistakes: no links."""
    assert run("--epochs", 3, "--out", tmp_path).returncode == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert 'alt="loss by epoch" src="data:image/png;base64,' in page
    assert 'alt="confusion matrix" src="data:image/png;base64,' in page
    assert page.count(" taken for ") > 5
    assert "3,700 + 60 = 3,760 parameters" in page
    assert "backward pass against the engine: ok" in page
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert "<script" not in page


@pytest.mark.parametrize(
    "flags",
    [
        ["--full-batch", "--hidden", "tanh", "--init", "xavier"],
        ["--hidden", "sigmoid", "--batch", 7, "--dtype", "float32", "--seed", 5],
        ["--init", "normal", "--alpha", 0.001, "--batch", 100_000],
    ],
)
def test_every_flag_has_its_effect_without_a_warning(flags: list[object], tmp_path: Path) -> None:
    done = run("--epochs", 1, "--out", tmp_path, *flags)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_run_is_repeated_by_its_seed(tmp_path: Path) -> None:
    runs = [run("--epochs", 1, "--seed", 3, "--out", tmp_path).stdout for _ in range(2)]
    numbers = [[line for line in out.splitlines() if "trained in" not in line] for out in runs]
    assert numbers[0] == numbers[1]


def assert_one_sentence(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("train_mlp.py: ")
    for part in parts:
        assert part in done.stderr


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (["--epoch", "many"], ["--epochs", "must be a whole number from 1, got many"]),
        (["--epochs", "0"], ["must be a whole number from 1, got 0"]),
        (["--batch", "-3"], ["--batch", "from 1, got -3"]),
        (["--batch", "2.5"], ["--batch", "got 2.5"]),
        (["--batch", "8", "--full-batch"], ["--full-batch", "not allowed with"]),
        (["--alpha", "0"], ["--alpha", "must be a positive number, got 0"]),
        (["--alpha", "nan"], ["must be a positive number, got nan"]),
        (["--alpha", "fast"], ["must be a positive number, got fast"]),
        (["--init", "glorot"], ["--init", "invalid choice: 'glorot'"]),
        (["--hidden", "swish"], ["--hidden", "invalid choice"]),
        (["--dtype", "int8"], ["--dtype", "invalid choice"]),
        (["--seed", "-1"], ["--seed", "must be a whole number from 0, got -1"]),
        (["--colour"], ["unrecognized arguments: --colour", "--help"]),
        (["digits"], ["unrecognized arguments: digits"]),
        (["--alpha", "1e300", "--epochs", "2"], ["the loss became", "try a smaller --alpha"]),
    ],
)
def test_a_bad_flag_is_one_sentence(flags: list[str], parts: list[str], tmp_path: Path) -> None:
    assert_one_sentence(run("--out", tmp_path, *flags), *parts)


def test_an_output_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    assert_one_sentence(run("--epochs", 1, "--out", tmp_path / "taken"), "taken")


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    assert_one_sentence(
        run("--mnist", tmp_path / "nowhere"), "nowhere", "expected the folder of the MNIST files"
    )
    assert_one_sentence(run("--mnist", tmp_path), "no train-images-idx3-ubyte")


def idx(*shape: int, magic: int) -> bytes:
    header = magic.to_bytes(4, "big") + b"".join(n.to_bytes(4, "big") for n in shape)
    return header + bytes(int(np.prod(shape)))


def small_mnist(folder: Path) -> None:
    """The four files, with ten images each."""
    for part in ("train", "t10k"):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(10, 28, 28, magic=2051))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(10, magic=2049))


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("train-images-idx3-ubyte", idx(10, 28, 28, magic=2051)[:-5], "truncated"),
        ("train-images-idx3-ubyte", b"<html>not found</html>", "not an IDX file"),
        ("t10k-images-idx3-ubyte", idx(10, magic=2049), "found labels"),
        ("t10k-labels-idx1-ubyte", gzip.compress(idx(10, magic=2049))[:-6], "damaged gzip"),
        ("t10k-labels-idx1-ubyte", b"", "truncated"),
    ],
)
def test_a_broken_file_is_one_sentence_that_names_it(
    name: str, content: bytes, part: str, tmp_path: Path
) -> None:
    small_mnist(tmp_path)
    (tmp_path / name).write_bytes(content)
    assert_one_sentence(run("--mnist", tmp_path, "--out", tmp_path / "out"), name, part)


def test_mnist_files_are_trained_on_whichever_way_they_are_named(tmp_path: Path) -> None:
    small_mnist(tmp_path)
    plain = tmp_path / "t10k-labels-idx1-ubyte"
    zipped = tmp_path / "t10k-labels.idx1-ubyte.gz"
    with plain.open("rb") as source, gzip.open(zipped, "wb") as target:
        shutil.copyfileobj(source, target)
    plain.unlink()
    done = run("--mnist", tmp_path, "--epochs", 1, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "39,700 + 60 = 39,760 parameters" in done.stdout


MNIST = os.environ.get("AUTOGRAD_LITE_MNIST")
needs_mnist = pytest.mark.skipif(MNIST is None, reason="AUTOGRAD_LITE_MNIST names no folder")


@pytest.mark.thorough
@needs_mnist
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_mnist_from_he_reaches_97_percent_in_ten_epochs(dtype: str, tmp_path: Path) -> None:
    done = run("--mnist", MNIST, "--dtype", dtype, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "10 epochs of 938 steps, batch 64" in done.stdout
    assert accuracy(done.stdout) >= 97


@pytest.mark.thorough
@needs_mnist
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_mnist_from_the_lectures_start_reaches_93_percent(dtype: str, tmp_path: Path) -> None:
    """The median of five seeds, in 15 epochs at the example's own rate."""
    flags = ["--mnist", MNIST, "--init", "normal", "--epochs", 15, "--dtype", dtype]
    runs = [run(*flags, "--seed", seed, "--out", tmp_path) for seed in range(5)]
    assert statistics.median(accuracy(done.stdout) for done in runs) >= 93
