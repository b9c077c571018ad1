"""Train the lecture's network on handwritten digits, and check its gradient against the lecture's.

    python examples/train_mlp.py                        the 1,797 digits that ship with the package
    python examples/train_mlp.py --mnist FOLDER         MNIST: the four IDX files, gzipped or not
    python examples/train_mlp.py --init normal          the lecture's theta ~ N(0, 1)

L = −Σ Y ⊙ log Ŷ is minimised by theta ← theta − alpha · theta^(g), over epochs of batches.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from _example import Parser, run
from _report import page, plot, thumbnails

import autograd_lite as ag
import nn

#: alpha · batch size: the rate per data point of the mean loss, by initialisation. N(0, 1) weights
#: are large, so their gradients are too.
RATES = {"he": 0.25, "xavier": 0.25, "normal": 0.5}

#: Epochs by (MNIST, full batch).
EPOCHS = {(False, False): 40, (False, True): 500, (True, False): 10, (True, True): 100}


def positive(text: str) -> float:
    """A number above 0, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (value > 0 and np.isfinite(value)):
        raise argparse.ArgumentTypeError(f"must be a positive number, got {text}")
    return value


def whole(least: int) -> Any:
    """Whole numbers from `least`, for argparse."""

    def number(text: str) -> int:
        if not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"must be a whole number from {least}, got {text}")
        return int(text)

    return number


def arguments() -> argparse.Namespace:
    """The command line, parsed."""
    parser = Parser(__doc__ or "")
    add = parser.add_argument
    add("--mnist", type=Path, metavar="FOLDER", help="folder of the four MNIST files")
    add(
        "--epochs",
        type=whole(1),
        metavar="N",
        help="default: 40, with MNIST 10; 500 and 100 of the full batch",
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--batch", type=whole(1), default=64, metavar="N", help="data points a step (default: 64)"
    )
    size.add_argument("--full-batch", action="store_true", help="all data in every step")
    add("--init", choices=["he", "xavier", "normal"], default="he", help="start of theta")
    add("--hidden", choices=["relu", "tanh", "sigmoid"], default="relu", help="activation g")
    add("--alpha", type=positive, metavar="A", help="learning rate; default: by init and batch")
    add("--dtype", choices=["float32", "float64"], default="float64", help="precision")
    add("--seed", type=whole(0), default=0, metavar="N", help="of the start and of the batches")
    return parser.parse_args()


def load(folder: Path | None, rng: np.random.Generator) -> tuple[Any, ...]:
    """(name, X_train, X_test, y_train, y_test)."""
    if folder is not None:
        X, y, X_test, y_test = nn.data.load_mnist(folder)
        return "MNIST", X, X_test, y, y_test
    X, y = nn.data.load_digits()
    split = nn.data.train_test_split(X, y, test=0.2, rng=rng, stratify=True)
    return "the UCI digits", *split


def evaluated(model: nn.MLP, data: dict[str, tuple[Any, Any]]) -> str:
    """A table of loss per data point and accuracy."""
    lines = [f"{'':10}{'loss':>8}{'accuracy':>10}"]
    for part, (X, y) in data.items():
        with ag.no_grad():
            loss = nn.softmax_cross_entropy(model.logits(X), y).item() / len(X)
        lines.append(f"{part:10}{loss:8.4f}{nn.accuracy(model.predict(X), y):10.2%}")
    return "\n".join(lines)


def mistakes(model: nn.MLP, X: Any, y: Any, most: int = 60) -> str:
    """The images that are taken for another digit, the surest mistakes first, as HTML."""
    with ag.no_grad():
        Y_hat = model(X).numpy()
    predicted = Y_hat.argmax(axis=1)
    wrong = np.flatnonzero(predicted != y)
    wrong = wrong[np.argsort(-Y_hat[wrong, predicted[wrong]], kind="stable")][:most]
    side = math.isqrt(X.shape[1])
    captions = [f"{y[i]} taken for {predicted[i]} ({Y_hat[i, predicted[i]]:.0%})" for i in wrong]
    return thumbnails(X[wrong].reshape(-1, side, side), captions)


def report(
    model: nn.MLP,
    history: Any,
    data: dict[str, tuple[Any, Any]],
    result: str,
    summary: str,
    check: Any,
) -> str:
    """The run on one page of HTML."""
    X, y = data["train"]
    X_test, y_test = data["test"]
    C = nn.confusion_matrix(model.predict(X_test), y_test, k=10)
    lanes = nn.draw(model, X[:64], nn.data.one_hot(y[:64], 10), view="lanes")
    return page(
        f"{'-'.join(map(str, model.sizes))} on {len(X):,} digits",
        [
            ("Result", f"<pre>{result}</pre>"),
            ("Network, with one test image passing through", nn.draw(model, X_test[:1]).svg()),
            ("Layers", f"<pre>{summary}</pre>"),
            ("Forward pass, and the gradients on their way back", lanes.svg()),
            ("The gradient by hand and by the engine, before training", check._repr_html_()),
            ("Loss", plot(lambda ax: history.plot(ax=ax), (8, 4), "loss by epoch")),
            (
                "What is taken for what",
                plot(lambda ax: nn.plot.confusion_matrix(C, ax=ax), (6, 6), "confusion matrix"),
            ),
            (
                "What the first neurons look at",
                plot(lambda ax: nn.plot.weight_images(model, ax=ax), (7, 6), "first weights"),
            ),
            ("The surest mistakes", mistakes(model, X_test, y_test)),
        ],
    )


def main() -> None:
    """Run the job that the command line describes."""
    args = arguments()
    rng = np.random.default_rng(args.seed)
    name, X, X_test, y, y_test = load(args.mnist, rng)
    batch = len(X) if args.full_batch else min(args.batch, len(X))
    epochs = args.epochs or (2 if args.quick else EPOCHS[args.mnist is not None, args.full_batch])
    alpha = args.alpha or RATES[args.init] / batch
    dtype = np.dtype(args.dtype)
    X, X_test = X.astype(dtype, copy=False), X_test.astype(dtype, copy=False)
    data = {"train": (X, y), "test": (X_test, y_test)}
    model = nn.MLP([X.shape[1], 50, 10], hidden=args.hidden, init=args.init, dtype=dtype, rng=rng)
    print(f"{name}: {len(X):,} images to train on, {len(X_test):,} held out\n")
    summary = model.summary()
    check = nn.closed_form.compare(model, X[:batch], y[:batch])
    print(f"\n{check}\n")
    if not check.ok:
        sys.exit("train_mlp.py: the gradients differ, so training would be in vain")

    steps = -(-len(X) // batch)
    job = f"{epochs} epochs of {steps:,} steps, batch {batch:,}, alpha {alpha:.3g}, {args.dtype}"
    print(job)
    started = time.perf_counter()
    with np.errstate(over="ignore", invalid="ignore"):  # what diverges is said below
        history = nn.fit(
            model, X, y, loss="cross_entropy", optimizer=nn.GradientDescent(alpha), epochs=epochs,
            batch_size=batch, validation=(X_test, y_test), rng=rng, callbacks=[nn.StopOnNaN()],
        )  # fmt: skip
    seconds = time.perf_counter() - started
    if history.epochs and not np.isfinite(history["loss"][-1]):
        sys.exit(f"train_mlp.py: the loss became {history['loss'][-1]}; try a smaller --alpha")
    if history.stopped:
        print(history.stopped)
    per_epoch = sum(history.seconds) / max(history.epochs, 1)
    time_taken = f"trained in {seconds:.1f} s ({per_epoch:.3f} s an epoch)"
    print(f"{time_taken}\n")
    table = evaluated(model, data)
    print(table)

    paths = [nn.save(model, args.out / "mlp.npz")]
    X_b, Y_b = ag.tensor(X[:64], name="X"), ag.tensor(nn.data.one_hot(y[:64], 10), name="Y")
    loss = nn.softmax_cross_entropy(model.logits(X_b), Y_b)
    loss.name = "L"
    paths.append(ag.draw(loss).save(args.out / "graph.svg"))
    try:
        history.plot().figure.savefig(args.out / "loss.png", dpi=150)
        paths.append(args.out / "loss.png")
    except ImportError as error:
        print(f"\nno loss curve: {error}")
    paths.append(args.out / "report.html")
    start = f"{args.hidden}, from {args.init}, seed {args.seed}"
    result = "\n".join([f"{name}: {job}, {start}", time_taken, "", table])
    paths[-1].write_text(report(model, history, data, result, summary, check), encoding="utf-8")
    print("\nsaved:", *map(str, paths), sep="\n  ")


if __name__ == "__main__":
    run(main)
