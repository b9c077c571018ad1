"""Train the lecture's network on handwritten digits, and check its gradient against the lecture's.

    python examples/train_mlp.py                        the 1,797 digits that ship with the package
    python examples/train_mlp.py --mnist FOLDER         MNIST: the four IDX files, gzipped or not
    python examples/train_mlp.py --init normal          the lecture's theta ~ N(0, 1)

L = −Σ Y ⊙ log Ŷ is minimised by theta ← theta − alpha · theta^(g), over epochs of batches.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

import autograd_lite as ag
import nn

#: alpha · batch size: the rate per data point of the mean loss, by initialisation. N(0, 1) weights
#: are large, so their gradients are too.
RATES = {"he": 0.25, "xavier": 0.25, "normal": 0.5}

#: Epochs by (MNIST, full batch).
EPOCHS = {(False, False): 40, (False, True): 500, (True, False): 10, (True, True): 100}


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        """Leave with the message and exit status 2."""
        self.exit(2, f"{self.prog}: {message}; see --help\n")


def positive(text: str) -> float:
    """A number above 0, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (value > 0 and np.isfinite(value)):
        raise argparse.ArgumentTypeError(f"must be a positive number, got {text}")
    return value


def seed(text: str) -> int:
    """A whole number from 0, for argparse."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"must be a whole number from 0, got {text}")
    return int(text)


def count(text: str) -> int:
    """A whole number above 0, for argparse."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, got {text}")
    return int(text)


def arguments(args: list[str] | None = None) -> argparse.Namespace:
    """The command line, parsed."""
    parser = Parser(
        prog="train_mlp.py",
        description="Train the lecture's network on handwritten digits.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--mnist", type=Path, metavar="FOLDER", help="folder of the four MNIST files")
    add(
        "--epochs",
        type=count,
        metavar="N",
        help="default: 40, with MNIST 10; 500 and 100 of the full batch",
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--batch", type=count, default=64, metavar="N", help="data points a step")
    size.add_argument("--full-batch", action="store_true", help="all data in every step")
    add("--init", choices=["he", "xavier", "normal"], default="he", help="start of theta")
    add("--hidden", choices=["relu", "tanh", "sigmoid"], default="relu", help="activation g")
    add("--alpha", type=positive, metavar="A", help="learning rate; default: by init and batch")
    add("--dtype", choices=["float32", "float64"], default="float64", help="precision")
    add("--seed", type=seed, default=0, metavar="N", help="of the start and of the batches")
    add("--out", type=Path, default=Path("output"), metavar="FOLDER", help="where files go")
    return parser.parse_args(args)


def load(folder: Path | None, rng: np.random.Generator) -> tuple[Any, ...]:
    """(name, X_train, X_test, y_train, y_test)."""
    if folder is not None:
        X, y, X_test, y_test = nn.data.load_mnist(folder)
        return "MNIST", X, X_test, y, y_test
    X, y = nn.data.load_digits()
    split = nn.data.train_test_split(X, y, test=0.2, rng=rng, stratify=True)
    return "the UCI digits", *split


def evaluate(model: nn.MLP, X: Any, y: Any) -> tuple[float, float]:
    """Loss per data point and accuracy."""
    with ag.no_grad():
        loss = nn.softmax_cross_entropy(model.logits(X), y).item() / len(X)
    return loss, nn.accuracy(model.predict(X), y)


def save(model: nn.MLP, history: nn.History, X: Any, y: Any, folder: Path) -> list[Path]:
    """Write the model, the graph of one small batch and the loss curve; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [nn.save(model, folder / "mlp.npz")]
    loss = nn.softmax_cross_entropy(model.logits(ag.tensor(X[:64], name="X")), y[:64])
    loss.name = "L"
    paths.append(ag.draw(loss).save(folder / "graph.svg"))
    try:
        figure = history.plot().figure
    except ImportError as error:
        print(f"no loss curve: {error}")
        return paths
    figure.savefig(folder / "loss.png", dpi=150)
    return [*paths, folder / "loss.png"]


def main() -> None:
    """Run the job that the command line describes."""
    args = arguments()
    rng = np.random.default_rng(args.seed)
    name, X, X_test, y, y_test = load(args.mnist, rng)
    batch = len(X) if args.full_batch else min(args.batch, len(X))
    epochs = args.epochs or EPOCHS[args.mnist is not None, args.full_batch]
    alpha = args.alpha or RATES[args.init] / batch
    dtype = np.dtype(args.dtype)
    X, X_test = X.astype(dtype, copy=False), X_test.astype(dtype, copy=False)
    model = nn.MLP([X.shape[1], 50, 10], hidden=args.hidden, init=args.init, dtype=dtype, rng=rng)
    print(f"{name}: {len(X):,} images to train on, {len(X_test):,} held out\n")
    model.summary()
    report = nn.closed_form.compare(model, X[:batch], y[:batch])
    print(f"\n{report}\n")
    if not report.ok:
        sys.exit("train_mlp.py: the gradients differ, so training would be in vain")

    steps = -(-len(X) // batch)
    print(f"{epochs} epochs of {steps:,} steps, batch {batch:,}, alpha {alpha:.3g}, {args.dtype}")
    start = time.perf_counter()
    with np.errstate(over="ignore", invalid="ignore"):  # what diverges is said below
        history = nn.fit(
            model, X, y, loss="cross_entropy", optimizer=nn.GradientDescent(alpha), epochs=epochs,
            batch_size=batch, validation=(X_test, y_test), rng=rng,
        )  # fmt: skip
    seconds = time.perf_counter() - start
    if not np.isfinite(history["loss"][-1]):
        sys.exit(f"train_mlp.py: the loss became {history['loss'][-1]}; try a smaller --alpha")
    print(f"trained in {seconds:.1f} s ({sum(history.seconds) / epochs:.2f} s an epoch)\n")
    print(f"{'':10}{'loss':>8}{'accuracy':>10}")
    for part, data in (("train", (X, y)), ("test", (X_test, y_test))):
        loss, accuracy = evaluate(model, *data)
        print(f"{part:10}{loss:8.4f}{accuracy:10.2%}")
    print("\nsaved:", *(str(path) for path in save(model, history, X, y, args.out)), sep="\n  ")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f"train_mlp.py: {error}")
    except KeyboardInterrupt:
        sys.exit("train_mlp.py: interrupted")
