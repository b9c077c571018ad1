"""Data sets are what they say they are, and a file that is not says so in one sentence."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from nn import data

IMAGES, LABELS = 2051, 2049


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


# one_hot


def test_one_hot_puts_a_single_one_in_the_column_of_the_label() -> None:
    Y = data.one_hot([2, 0, 1, 2])
    assert Y.dtype == np.float64
    np.testing.assert_array_equal(Y, [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]])


def test_one_hot_takes_the_number_of_classes_and_the_dtype() -> None:
    Y = data.one_hot(np.array([1, 0], np.uint8), k=4, dtype=np.float32)
    assert Y.shape == (2, 4)
    assert Y.dtype == np.float32


def test_one_hot_of_no_labels_has_no_rows() -> None:
    assert data.one_hot([], k=3).shape == (0, 3)


@pytest.mark.parametrize(
    ("labels", "k", "error", "sentence"),
    [
        ([0, 3], 3, ValueError, r"label 3 in row 1, expected 0\.\.2 \(k = 3\)"),
        ([0, -1], None, ValueError, "label -1 in row 1, expected 0 or more"),
        ([0.0, 1.0], None, TypeError, r"labels are float64, expected integers; .*astype\(int\)"),
        ([True, False], None, TypeError, "labels are bool"),
        (["a"], None, TypeError, "expected integers"),
        ([[0], [1]], None, ValueError, r"shape \(2, 1\), expected \(n,\); pass labels.ravel"),
        (3, None, ValueError, r"shape \(\), expected \(n,\)"),
        ([], None, ValueError, "no labels to count the classes by; pass k"),
        ([0, 1], 2.5, ValueError, "k is 2.5, expected a whole number of classes, at least 1"),
        ([], -1, ValueError, "k is -1, expected a whole number of classes, at least 1"),
    ],
)
def test_one_hot_rejects(labels: object, k: int, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        data.one_hot(labels, k)  # type: ignore[arg-type]


# load_digits


def test_the_shipped_digits_are_the_1797_of_the_uci_test_set() -> None:
    """The class counts are those in the UCI description of optdigits.tes."""
    X, labels = data.load_digits()
    assert X.shape == (1797, 64)
    assert X.dtype == np.float64
    assert (X.min(), X.max()) == (0.0, 1.0)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    # The first row, a zero, as printed in scikit-learn's documentation.
    first = [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]
    np.testing.assert_array_equal(X[0, :16] * 16, first)


def test_a_change_to_loaded_digits_stays_with_the_caller() -> None:
    data.load_digits()[0][:] = 7
    assert data.load_digits()[0].max() == 1


def test_the_shipped_wines_are_the_178_of_the_uci_set() -> None:
    """The first row, and the means, are those of the UCI description."""
    X, y = data.load_wine()
    assert X.shape == (178, 12)
    assert y.shape == (178,)
    first = [14.23, 1.71, 2.43, 15.6, 127, 2.8, 0.28, 2.29, 5.64, 1.04, 3.92, 1065]
    np.testing.assert_array_equal(X[0], first)
    assert y[0] == 3.06
    means = [13.0, 2.34, 2.36, 19.5, 99.7, 2.29, 0.36, 1.59, 5.1, 0.96, 2.61, 746]
    np.testing.assert_allclose(X.mean(axis=0), means, rtol=0.015)
    assert y.mean() == pytest.approx(2.03, abs=0.005)
    y[:] = 0  # the caller's own
    assert data.load_wine()[1].all()


def test_the_wines_carry_their_attribution() -> None:
    text = (resources.files("nn") / "datasets" / "LICENSE.txt").read_text()
    for part in ("Aeberhard", "10.24432/C5PC7J", "CC BY 4.0", "What was changed"):
        assert part in text


def test_the_digits_carry_their_attribution() -> None:
    text = (resources.files("nn") / "datasets" / "LICENSE.txt").read_text()
    for part in ("Alpaydin", "Kaynak", "UCI", "CC BY 4.0", "creativecommons.org/licenses/by/4.0"):
        assert part in text


# load_mnist


def idx(magic: int, shape: tuple[int, ...], content: bytes) -> bytes:
    return struct.pack(f">{1 + len(shape)}I", magic, *shape) + content


def image_file(n: int, side: int = 28) -> bytes:
    pixels = rng().integers(0, 256, n * side * side, dtype=np.uint8)
    pixels[0] = 255
    return idx(IMAGES, (n, side, side), pixels.tobytes())


def label_file(n: int) -> bytes:
    return idx(LABELS, (n,), bytes(i % 10 for i in range(n)))


NAMES = {
    "train-images-idx3-ubyte": image_file(12),
    "train-labels-idx1-ubyte": label_file(12),
    "t10k-images-idx3-ubyte": image_file(5),
    "t10k-labels-idx1-ubyte": label_file(5),
}


def write_mnist(folder: Path, rename: Callable[[str], str] = str, zipped: bool = False) -> None:
    for name, content in NAMES.items():
        (folder / rename(name)).write_bytes(gzip.compress(content) if zipped else content)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("mark", ["-", "."])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_mnist_is_read_under_every_usual_name(
    tmp_path: Path, mark: str, suffix: str, zipped: bool
) -> None:
    """What is gzipped is told by the content: a browser may unzip a file and keep its name."""
    write_mnist(tmp_path, lambda name: name.replace("-idx", f"{mark}idx") + suffix, zipped)
    X_train, y_train, X_test, y_test = data.load_mnist(tmp_path)
    assert X_train.shape == (12, 784)
    assert X_test.shape == (5, 784)
    assert X_train.dtype == np.float32
    assert y_train.dtype == np.uint8
    assert X_train.max() == 1.0
    assert X_train.min() >= 0.0
    assert y_test.tolist() == [0, 1, 2, 3, 4]
    pixels = np.frombuffer(NAMES["t10k-images-idx3-ubyte"][16:], np.uint8).reshape(5, 784)
    np.testing.assert_array_equal(X_test, pixels.astype(np.float32) / np.float32(255))


def test_loaded_mnist_can_be_written_to(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    for array in data.load_mnist(str(tmp_path)):
        array[0] = 0


TRAIN_IMAGES = NAMES["train-images-idx3-ubyte"]
BROKEN = {
    "cut short": (
        "train-images-idx3-ubyte",
        TRAIN_IMAGES[:-3],
        r"truncated, 9421 bytes where its header, 12 × 28 × 28, needs 9424",
    ),
    "too long": ("train-labels-idx1-ubyte", label_file(12) + b"x", "too long, 21 bytes .* 20"),
    "empty": ("t10k-labels-idx1-ubyte", b"", "truncated, 0 bytes where the header needs 8"),
    "cut in the header": ("t10k-images-idx3-ubyte", TRAIN_IMAGES[:9], "truncated, 9 bytes .* 16"),
    "labels for images": (
        "t10k-images-idx3-ubyte",
        label_file(5),
        r"found labels \(magic 2049\), expected images \(magic 2051\)",
    ),
    "images for labels": (
        "train-labels-idx1-ubyte",
        TRAIN_IMAGES,
        r"found images \(magic 2051\), expected labels \(magic 2049\)",
    ),
    "a web page": (
        "t10k-images-idx3-ubyte",
        b"<!DOCTYPE html>",
        r"magic 1008813135 \(bytes 3c 21 44 4f\), not an IDX file, expected images",
    ),
    "a header that promises too much": (
        "train-images-idx3-ubyte",
        idx(IMAGES, (2**32 - 1,) * 3, b""),
        "truncated, 16 bytes",
    ),
    "damaged gzip": (
        "train-images-idx3-ubyte",
        gzip.compress(TRAIN_IMAGES)[:500] + b"??" + gzip.compress(TRAIN_IMAGES)[502:],
        "found a damaged gzip file",
    ),
    "gzip cut short": (
        "train-images-idx3-ubyte",
        gzip.compress(TRAIN_IMAGES)[:500],
        "found a damaged gzip file .*, expected a whole one",
    ),
    "a bare gzip magic": ("t10k-labels-idx1-ubyte", b"\x1f\x8b", "found a damaged gzip file"),
    "other pixels": (
        "train-images-idx3-ubyte",
        image_file(12, side=32),
        "images of 32×32 pixels, expected 28×28",
    ),
    "other count": (
        "t10k-labels-idx1-ubyte",
        label_file(4),
        "4 labels, expected 5, one for each image in t10k-images-idx3-ubyte",
    ),
    "label above 9": (
        "t10k-labels-idx1-ubyte",
        idx(LABELS, (5,), bytes([0, 1, 10, 3, 4])),
        "label 10 at position 2, expected 0 to 9",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_named_with_what_was_found(tmp_path: Path, case: str) -> None:
    name, content, sentence = BROKEN[case]
    write_mnist(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=sentence) as error:
        data.load_mnist(tmp_path)
    assert str(error.value).startswith(str(tmp_path / name))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    write_mnist(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()  # as some archives unpack: a folder of the file's name
    with pytest.raises(FileNotFoundError, match=f"no {name} or {name}.gz in this folder"):
        data.load_mnist(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere: found nothing, expected the folder"):
        data.load_mnist(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError, match="file: found a file, expected the folder"):
        data.load_mnist(tmp_path / "file")


@pytest.mark.skipif("AUTOGRAD_LITE_MNIST" not in os.environ, reason="names no folder of MNIST")
def test_the_real_mnist_has_70000_images() -> None:
    X_train, y_train, X_test, y_test = data.load_mnist(os.environ["AUTOGRAD_LITE_MNIST"])
    assert X_train.shape == (60000, 784)
    assert X_test.shape == (10000, 784)
    assert y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert y_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert X_train.mean() == pytest.approx(0.1307, abs=1e-4)


# train_test_split


def test_a_split_keeps_every_row_once_and_with_its_label() -> None:
    X = np.arange(50.0).reshape(25, 2)
    X_train, X_test, y_train, y_test = data.train_test_split(X, X[:, 0], rng=rng())
    assert (len(X_train), len(X_test)) == (20, 5)
    np.testing.assert_array_equal(X_train[:, 0], y_train)
    np.testing.assert_array_equal(X_test[:, 0], y_test)
    np.testing.assert_array_equal(np.sort(np.concatenate([y_train, y_test])), X[:, 0])
    assert not np.array_equal(y_train, np.sort(y_train))


def test_one_seed_gives_one_split() -> None:
    X, y = np.arange(40), np.arange(40)
    first, again = (data.train_test_split(X, y, rng=rng()) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("test", "rows"), [(0.2, 2), (0.25, 2), (0.01 + 0.09, 1), (3, 3), (9, 9)])
def test_the_test_part_is_a_fraction_or_a_count(test: float, rows: int) -> None:
    assert len(data.train_test_split(range(10), range(10), test=test)[1]) == rows


@pytest.mark.parametrize("test", [0, 10, -1, 0.0, 1.0, 1.5, 0.01, 0.99, True, float("nan")])
def test_a_split_with_an_empty_part_is_refused(test: float) -> None:
    with pytest.raises(ValueError, match=f"test={test!r} of 10 rows"):
        data.train_test_split(range(10), range(10), test=test)


@pytest.mark.parametrize("seed", range(20))
def test_a_stratified_split_is_within_a_row_of_each_class_share(seed: int) -> None:
    generator = np.random.default_rng(seed)
    sizes = generator.integers(2, 60, generator.integers(1, 40))
    y = generator.permutation(np.repeat(np.arange(len(sizes)) * 3, sizes))
    n_test = int(generator.integers(1, len(y)))
    _, _, y_train, y_test = data.train_test_split(y, y, test=n_test, rng=generator, stratify=True)
    assert len(y_test) == n_test
    np.testing.assert_array_equal(np.sort(np.concatenate([y_train, y_test])), np.sort(y))
    shares = np.bincount(y_test, minlength=y.max() + 1)[::3]
    assert np.all(np.abs(shares - sizes * n_test / len(y)) < 1)


def test_a_stratified_split_is_still_shuffled() -> None:
    y = np.repeat([0, 1], 50)
    _, X_test, _, y_test = data.train_test_split(range(100), y, rng=rng(), stratify=True)
    assert y_test.sum() == 10
    assert not np.array_equal(X_test, np.sort(X_test))


def test_stratifying_by_a_matrix_is_refused() -> None:
    with pytest.raises(ValueError, match=r"labels of shape \(n,\), got \(4, 2\)"):
        data.train_test_split(np.eye(4), np.ones((4, 2)), test=1, stratify=True)


def test_rows_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match=r"X has shape \(3, 2\) and y \(4,\)"):
        data.train_test_split(np.ones((3, 2)), np.ones(4))
    with pytest.raises(ValueError, match=r"X has shape \(3, 2\) and y \(4,\)"):
        data.batches(np.ones((3, 2)), np.ones(4), 2)


# batches


def test_batches_without_an_rng_come_in_order_and_are_views() -> None:
    X, Y = np.arange(14).reshape(7, 2), np.arange(7)
    pairs = list(data.batches(X, Y, 3))
    assert [len(x) for x, _ in pairs] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in pairs]), X)
    assert all(np.shares_memory(x, X) and np.shares_memory(y, Y) for x, y in pairs)


def test_shuffled_batches_hold_every_row_once_and_with_its_label() -> None:
    X, Y = np.arange(7) * 10, np.arange(7)
    first, again = (list(data.batches(X, Y, 3, rng=rng())) for _ in range(2))
    order = np.concatenate([y for _, y in first])
    assert sorted(order) == list(range(7))
    assert order.tolist() != list(range(7))
    for (x, y), (x_again, _) in zip(first, again, strict=True):
        np.testing.assert_array_equal(x, y * 10)
        np.testing.assert_array_equal(x, x_again)


def test_a_seed_shuffles_as_its_generator_does() -> None:
    by_seed, by_generator = (
        np.concatenate([y for _, y in data.batches(range(9), range(9), 4, rng=given)])
        for given in (5, np.random.default_rng(5))  # type: ignore[arg-type]
    )
    np.testing.assert_array_equal(by_seed, by_generator)


def test_each_epoch_of_one_generator_is_shuffled_anew() -> None:
    generator = rng()
    one, two = (
        np.concatenate([y for _, y in data.batches(range(30), range(30), 8, rng=generator)])
        for _ in range(2)
    )
    assert not np.array_equal(one, two)


@pytest.mark.parametrize("size", [0, -1, 2.0, True, None])
def test_a_batch_size_that_is_no_count_is_refused_at_once(size: object) -> None:
    """At the call, not when the first batch is asked for."""
    with pytest.raises(ValueError, match=f"size is {size!r}, expected a whole number of rows"):
        data.batches([1, 2], [1, 2], size)  # type: ignore[arg-type]


# standardize


def test_columns_come_out_with_mean_0_and_deviation_1() -> None:
    X = rng().normal(5, 3, (200, 4))
    S = data.standardize(X)
    np.testing.assert_allclose(S.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(S.std(axis=0), 1, rtol=1e-14)


def test_test_data_is_scaled_by_the_training_data() -> None:
    X, other = np.array([[0.0], [2.0]]), np.array([[4.0]])
    S, S_other = data.standardize(X, other)
    np.testing.assert_array_equal(S, [[-1], [1]])
    np.testing.assert_array_equal(S_other, [[3]])


def test_a_constant_column_is_shifted_to_exactly_0_and_not_scaled() -> None:
    """The mean of equal numbers is not always that number in floating point."""
    X = np.full((7, 2), 0.1)
    S, other = data.standardize(X, [[0.1, 2.1]])
    assert not S.any()
    np.testing.assert_allclose(other, [[0, 2]], atol=1e-15)


def test_standardize_keeps_float32_and_leaves_its_input_alone() -> None:
    X = (rng().normal(100, 1, (60_000, 1))).astype(np.float32)
    before = X.copy()
    S = data.standardize(X)
    assert S.dtype == np.float32
    np.testing.assert_array_equal(X, before)
    assert abs(S.mean(dtype=np.float64)) < 1e-4
    assert data.standardize([[1, 2], [3, 4]]).dtype == np.float64


def test_standardize_refuses_what_has_no_mean() -> None:
    for parts in ([[1.0], [np.nan]],), ([[1.0]], [[np.inf]]):
        with pytest.raises(ValueError, match="the data hold 1 numbers that are nan or infinite"):
            data.standardize(*parts)
    with pytest.raises(TypeError, match="expected real numbers, got dtype <U1"):
        data.standardize([["a"]])


def test_standardize_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"got shape \(1, 3\), expected \(n, 2\) as in X"):
        data.standardize(np.ones((4, 2)), np.ones((1, 3)))
    with pytest.raises(ValueError, match=r"X has shape \(3,\), expected \(n, m\)"):
        data.standardize(np.ones(3))
