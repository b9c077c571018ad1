"""Data sets, and what is done to data before a network sees it.

Everything returns plain arrays. Whatever shuffles takes a NumPy Generator, so that a run is
repeated by passing `np.random.default_rng(seed)` and nothing global is touched.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = [
    "batches",
    "load_digits",
    "load_mnist",
    "load_wine",
    "one_hot",
    "standardize",
    "train_test_split",
]

Array: TypeAlias = NDArray[Any]

# IDX files open with two zero bytes, the type of the entries (8: unsigned byte) and the number
# of dimensions (yann.lecun.com/exdb/mnist).
IMAGES, LABELS = 0x00000803, 0x00000801
CONTENT = {IMAGES: "images (magic 2051)", LABELS: "labels (magic 2049)"}


def one_hot(labels: ArrayLike, k: int | None = None, dtype: DTypeLike | None = None) -> Array:
    """The one-hot rows of integer labels, of shape (n, k); k is the largest label + 1 by default.

    >>> one_hot([2, 0], k=3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    labels = np.asarray(labels)
    k = _class_count(labels, k)
    Y = np.zeros((labels.size, k), dtype=dtype)  # None is float64
    Y[np.arange(labels.size), labels.astype(np.intp, copy=False)] = 1
    return Y


def load_digits() -> tuple[Array, Array]:
    """X of shape (1797, 64) in [0, 1] and labels 0..9: handwritten digits of 8×8 pixels.

    The test part of the UCI "Optical Recognition of Handwritten Digits" by E. Alpaydin and
    C. Kaynak, CC BY 4.0 (nn/datasets/LICENSE.txt). Row i as an image is `X[i].reshape(8, 8)`.
    """
    images, labels = _shipped("digits.npz", "images", "labels")
    return images / 16.0, labels.astype(np.int64)


def load_wine() -> tuple[Array, Array]:
    """X of shape (178, 12) and y of shape (178,): a regression problem from Italian wines.

    y is the content of flavanoids, X twelve other measurements: alcohol, malic acid, ash,
    alcalinity of ash, magnesium, total phenols, nonflavanoid phenols, proanthocyanins, colour
    intensity, hue, OD280/OD315, proline; each in its own unit, so standardize them. The UCI "Wine"
    by S. Aeberhard and M. Forina, CC BY 4.0 (nn/datasets/LICENSE.txt).
    """
    (measurements,) = _shipped("wine.npz", "measurements")
    flavanoids = 6
    return np.delete(measurements, flavanoids, axis=1), measurements[:, flavanoids].copy()


def load_mnist(folder: str | Path) -> tuple[Array, Array, Array, Array]:
    """X_train, y_train, X_test, y_test: float32 in [0, 1] of shape (n, 784), uint8 labels.

    The folder holds the four IDX files under their usual names (`train-images-idx3-ubyte`,
    `t10k-labels.idx1-ubyte.gz`, …), gzipped or not.

    Raises FileNotFoundError for a missing folder or file, and ValueError, with the file, what
    was found and what was expected, for one that is damaged or is not what its name says.
    """
    folder = Path(folder)
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise FileNotFoundError(f"{folder}: found {found}, expected the folder of the MNIST files")
    return (*_images_and_labels(folder, "train"), *_images_and_labels(folder, "t10k"))


def train_test_split(
    X: ArrayLike,
    y: ArrayLike,
    *,
    test: float | int = 0.2,
    rng: np.random.Generator | None = None,
    stratify: bool = False,
) -> tuple[Array, Array, Array, Array]:
    """X_train, X_test, y_train, y_test: the rows in random order, cut in two.

    test: the test part, as a fraction (a float) or as a number of rows (an int).
    rng: without one the split differs from run to run.
    stratify: every class of the labels y has the same share, up to one row, in both parts.
    """
    X, y = _same_rows(X, y)
    n_test = _test_rows(test, len(X))
    order = np.random.default_rng(rng).permutation(len(X))
    if stratify:
        order = _spread_classes(order, y, n_test)
    chosen, rest = order[:n_test], order[n_test:]
    return X[rest], X[chosen], y[rest], y[chosen]


def batches(
    X: ArrayLike, Y: ArrayLike, size: int, *, rng: np.random.Generator | None = None
) -> Iterator[tuple[Array, Array]]:
    """The pairs (X, Y) of `size` rows that make up one epoch; the last may be smaller.

    With an rng the rows come shuffled, as copies; without one in order, as views.
    """
    X, Y = _same_rows(X, Y)
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
        raise ValueError(f"batches: size is {size!r}, expected a whole number of rows, at least 1")
    starts = range(0, len(X), int(size))
    if rng is None:
        return ((X[i : i + size], Y[i : i + size]) for i in starts)
    order = np.random.default_rng(rng).permutation(len(X))
    rows = (order[i : i + size] for i in starts)
    return ((X.take(row, axis=0), Y.take(row, axis=0)) for row in rows)


@overload
def standardize(X: ArrayLike, /) -> Array: ...
@overload
def standardize(X: ArrayLike, /, *others: ArrayLike) -> tuple[Array, ...]: ...
def standardize(X: ArrayLike, /, *others: ArrayLike) -> Array | tuple[Array, ...]:
    """X, and the others after it, shifted and scaled to columns of mean 0 and deviation 1 in X.

    The others (test data) are treated with X's mean and deviation, never with their own. A
    column that is constant in X is shifted to 0 and not scaled.
    """
    X, *rest = map(_floating, (X, *others))
    if X.ndim != 2 or len(X) == 0:
        raise ValueError(f"standardize: X has shape {X.shape}, expected (n, m) with n ≥ 1")
    # In float64, because a float32 sum down 60,000 rows is right to three digits only.
    mean, std = X.mean(axis=0, dtype=np.float64), X.std(axis=0, dtype=np.float64)
    constant = X.min(axis=0) == X.max(axis=0)
    # The rounded mean of equal numbers may differ from them, and their deviation from 0.
    mean, std = np.where(constant, X[0], mean), np.where(constant, 1.0, std)
    results = tuple(_scaled(part, mean, std) for part in (X, *rest))
    return results if others else results[0]


def _shipped(name: str, *arrays: str) -> list[Array]:
    """Arrays of a file that comes with the package."""
    with (
        (resources.files("nn") / "datasets" / name).open("rb") as file,
        np.load(file, allow_pickle=False) as archive,
    ):
        return [archive[array] for array in arrays]


def _class_count(labels: Array, k: int | None) -> int:
    """The number of classes, after the labels are seen to be integers in 0..k − 1."""
    if labels.ndim != 1:
        hint = "; pass labels.ravel()" if labels.shape[1:] == (1,) else ""
        raise ValueError(f"one_hot: labels have shape {labels.shape}, expected (n,){hint}")
    if k is not None and (not isinstance(k, (int, np.integer)) or k < 1):
        raise ValueError(f"one_hot: k is {k!r}, expected a whole number of classes, at least 1")
    if labels.size == 0 and k is not None:
        return int(k)
    if labels.size == 0:
        raise ValueError("one_hot: there are no labels to count the classes by; pass k")
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"one_hot: labels are {labels.dtype}, expected integers; pass labels.astype(int)"
        )
    low, high = int(labels.min()), int(labels.max())
    k = high + 1 if k is None else int(k)
    if low < 0 or high >= k:
        wrong = low if low < 0 else high
        row = int(np.argmax(labels == wrong))
        allowed = f"0..{k - 1} (k = {k})" if high >= k else "0 or more"
        raise ValueError(f"one_hot: label {wrong} in row {row}, expected {allowed}")
    return k


def _same_rows(X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """Both as arrays, after they are seen to have the same number of rows."""
    X, y = np.asarray(X), np.asarray(y)
    if X.ndim == 0 or y.ndim == 0 or len(X) != len(y):
        raise ValueError(f"X has shape {X.shape} and y {y.shape}: expected the same number of rows")
    return X, y


def _test_rows(test: float | int, n: int) -> int:
    """How many of n rows `test` asks for; both parts must get at least one."""
    counted = isinstance(test, (int, np.integer)) and not isinstance(test, bool)
    n_test = test if counted else round(test * n) if 0 < test < 1 else 0
    if not 1 <= n_test <= n - 1:
        raise ValueError(
            f"train_test_split: test={test!r} of {n} rows, expected a fraction between 0 and 1 or "
            f"a count, with at least one row left in each part"
        )
    return int(n_test)


def _spread_classes(order: Array, y: Array, n_test: int) -> Array:
    """The order rearranged so that its first n_test rows hold every class in proportion.

    Each class gets its share rounded down, and the rows still missing go to the classes that
    lost most by it (largest remainders): never more than a row from the exact share.
    """
    if y.ndim != 1:
        raise ValueError(f"train_test_split: stratify needs labels of shape (n,), got {y.shape}")
    _, classes, sizes = np.unique(y[order], return_inverse=True, return_counts=True)
    shares, remainders = np.divmod(sizes * n_test, len(y))
    shares[np.argsort(-remainders, kind="stable")[: n_test - shares.sum()]] += 1
    rank = np.empty_like(order)  # of each row among those of its class
    rank[np.argsort(classes, kind="stable")] = np.concatenate([np.arange(s) for s in sizes])
    chosen = rank < shares[classes]
    return np.concatenate([order[chosen], order[~chosen]])


def _floating(X: ArrayLike) -> Array:
    """X as a floating array: its own dtype where that is one, else float64; seen to be finite."""
    array: Array = np.asarray(X)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"standardize: expected real numbers, got dtype {array.dtype}")
    if not np.isfinite(array).all():
        n = np.count_nonzero(~np.isfinite(array))
        raise ValueError(f"standardize: the data hold {n} numbers that are nan or infinite")
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _scaled(X: Array, mean: Array, std: Array) -> Array:
    """(X − mean) / std in the dtype of X."""
    if X.ndim != 2 or X.shape[1:] != mean.shape:
        raise ValueError(f"standardize: got shape {X.shape}, expected (n, {mean.size}) as in X")
    shifted: Array = X - mean.astype(X.dtype)
    shifted /= std.astype(X.dtype)
    return shifted


def _images_and_labels(folder: Path, part: str) -> tuple[Array, Array]:
    """X of shape (n, 784) and the n labels of one part of MNIST ("train" or "t10k")."""
    image_file = _idx_file(folder, f"{part}-images", "idx3-ubyte")
    label_file = _idx_file(folder, f"{part}-labels", "idx1-ubyte")
    images, labels = _idx_array(image_file, IMAGES), _idx_array(label_file, LABELS)
    if images.shape[1:] != (28, 28):
        rows, columns = images.shape[1:]
        raise ValueError(f"{image_file}: images of {rows}×{columns} pixels, expected 28×28")
    if len(images) != len(labels):
        raise ValueError(
            f"{label_file}: {len(labels)} labels, expected {len(images)}, one for each image in "
            f"{image_file.name}"
        )
    if labels.size and labels.max() > 9:
        row = int(np.argmax(labels > 9))
        raise ValueError(f"{label_file}: label {labels[row]} at position {row}, expected 0 to 9")
    X = images.reshape(len(images), 784).astype(np.float32)
    X /= 255
    return X, labels.copy()  # an array over bytes is read-only


def _idx_file(folder: Path, stem: str, suffix: str) -> Path:
    """The file of that stem under the first of its usual spellings that is there."""
    spellings = [f"{stem}{mark}{suffix}{zipped}" for mark in "-." for zipped in ("", ".gz")]
    for name in spellings:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"{folder}: no {spellings[0]} or {spellings[1]} in this folder")


def _idx_array(path: Path, magic: int) -> Array:
    """The unsigned bytes of an IDX file, in the shape that its header states."""
    content = _bytes(path)
    ndim = magic & 0xFF
    start = 4 + 4 * ndim
    if len(content) >= 4:
        _check_magic(path, content, magic)
    if len(content) < start:
        raise ValueError(f"{path}: truncated, {len(content)} bytes where the header needs {start}")
    shape = struct.unpack(f">{ndim}I", content[4:start])
    expected, found = start + int(np.prod(shape, dtype=object)), len(content)
    if found != expected:
        fault = "truncated" if found < expected else "too long"
        raise ValueError(
            f"{path}: {fault}, {found} bytes where its header, {' × '.join(map(str, shape))}, "
            f"needs {expected}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _check_magic(path: Path, content: bytes, magic: int) -> None:
    found = int.from_bytes(content[:4], "big")
    if found != magic:
        what = CONTENT.get(found, f"magic {found} (bytes {content[:4].hex(' ')}), not an IDX file")
        raise ValueError(f"{path}: found {what}, expected {CONTENT[magic]}")


def _bytes(path: Path) -> bytes:
    """The content of a file, unzipped where its first bytes, whatever its name, say gzip."""
    content = path.read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"{path}: found a damaged gzip file ({error}), expected a whole one; fetch it again"
        ) from error
