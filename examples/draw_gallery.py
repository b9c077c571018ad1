"""Draw every kind of picture: the lecture's network first, then other graphs, large ones folded.

    python examples/draw_gallery.py              SVG, PNG and pages to step through
    python examples/draw_gallery.py --quick      SVG alone

The README's pictures: --forms svg --only lanes,network --out examples/pictures
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from _example import Parser, run

import autograd_lite as ag
import nn
from nn.curves import activations_picture

FORMS = ("svg", "png", "pdf", "dot", "html", "mmd", "txt")


def lecture() -> tuple[nn.MLP, Any, Any]:
    """The lecture's network 784-50-10 with a batch of 64 made-up images."""
    rng = np.random.default_rng(0)
    model = nn.MLP([784, 50, 10], init="he", rng=rng)
    return model, rng.random((64, 784)), nn.data.one_hot(rng.integers(0, 10, 64), 10)


def lanes() -> ag.Diagram:
    """The forward pass, and above it the reverse pass with the lecture's equations."""
    model, X, Y = lecture()
    return nn.draw(model, X, Y, view="lanes")


def recorded() -> tuple[Any, dict[str, Any]]:
    """The loss of the lecture's network with every value kept, and its data by name."""
    model, X, Y = lecture()
    with ag.keep():
        loss = nn.softmax_cross_entropy(model.logits(X), Y)
    return loss, {"X": X, "Y": Y, "model": model}


def forward() -> ag.Diagram:
    """Operations and tensors."""
    loss, names = recorded()
    return ag.draw(loss, names=names)


def backward() -> ag.Diagram:
    """The gradients alone."""
    loss, names = recorded()
    return ag.draw(loss, names=names, view="backward")


def network() -> ag.Diagram:
    """Neurons of a network that has learnt the digits, with one digit passing through."""
    X, labels = nn.data.load_digits()
    rng = np.random.default_rng(0)
    model = nn.MLP([64, 50, 10], init="he", rng=rng)
    nn.fit(model, X, nn.data.one_hot(labels), loss="cross_entropy",
           optimizer=nn.GradientDescent(0.002), epochs=10, batch_size=64, rng=rng,
           progress=False)  # fmt: skip
    return nn.draw(model, X[:64])


def small_network() -> ag.Diagram:
    """Every neuron and weight of 3-5-4-2."""
    rng = np.random.default_rng(1)
    model = nn.MLP([3, 5, 4, 2], hidden=["tanh", "sigmoid"], rng=rng)
    return nn.draw(model, rng.standard_normal((30, 3)))


def layers() -> ag.Diagram:
    """A box per layer."""
    return nn.draw(lecture()[0], view="layers")


def neuron() -> ag.Diagram:
    """The lecture's artificial neuron, with numbers."""
    model = nn.MLP([3, 1], output="sigmoid", rng=np.random.default_rng(3))
    return nn.draw(model, np.array([[0.5, -1.0, 2.0]]), view="neuron")


def parameter(rng: np.random.Generator, name: str, *shape: int) -> Any:
    """A leaf of small random numbers."""
    return ag.tensor(rng.standard_normal(shape) * 0.3, requires_grad=True, name=name)


def scalars() -> ag.Diagram:
    """A few numbers: values in the boxes, gradients that accumulate."""
    with ag.keep():
        a = ag.tensor(1.5, requires_grad=True, name="a")
        b = ag.tensor(2.0, requires_grad=True, name="b")
        c = a * b
        d = c + b**3
        e = np.tanh(d / 10.0) + c
        return ag.draw(e * e, names={"c": c, "d": d, "e": e}, view="lanes")


def residual() -> ag.Diagram:
    """A connection that skips a layer."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((8, 4))
    W0, W1, W2 = (parameter(rng, f"W{i}", *shape) for i, shape in
                  enumerate([(4, 6), (6, 6), (6, 6)]))  # fmt: skip
    with ag.keep():
        H0 = X @ W0
        A1 = np.tanh(H0 @ W1)
        H1 = H0 + A1 @ W2
        loss = np.sum(H1 * H1)
        return ag.draw(loss, names={"X": X, "H0": H0, "A1": A1, "H1": H1}, view="lanes")


def attention() -> ag.Diagram:
    """One head of attention."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((5, 8))
    Wq, Wk, Wv = (parameter(rng, f"W_{name}", 8, 4) for name in "qkv")
    with ag.keep():
        Q, K, V = x @ Wq, x @ Wk, x @ Wv
        S = ag.softmax(Q @ K.T / 2.0)
        O = S @ V
        return ag.draw(np.sum(O), names={"x": x, "Q": Q, "K": K, "V": V, "S": S, "O": O})


def recurrent() -> ag.Diagram:
    """Fifty steps of one recurrence, folded."""
    rng = np.random.default_rng(0)
    W, U = parameter(rng, "W", 3, 3), parameter(rng, "U", 2, 3)
    h = np.zeros(3)
    for x in rng.standard_normal((50, 2)):
        h = np.tanh(h @ W + x @ U)
    return ag.draw(np.sum(h))


def deep() -> ag.Diagram:
    """Twelve equal layers, folded, with both passes."""
    model = nn.MLP([20, *[16] * 12, 3], hidden="tanh", init="xavier", rng=np.random.default_rng(0))
    return nn.draw(model, view="lanes")


def second_order() -> ag.Diagram:
    """The graph of a gradient: the sweep itself was recorded."""
    x = ag.tensor([0.5, -1.0], requires_grad=True, name="x")
    with ag.keep():
        y = np.sum(np.tanh(x) ** 2)
        g = ag.gradients(y, x, create_graph=True)
        return ag.draw(np.sum(g * g), names={"y": y, "g": g})


PICTURES: tuple[Callable[[], ag.Diagram], ...] = (
    lanes, forward, backward, network, small_network, layers, neuron, activations_picture,
    scalars, residual, attention, recurrent, deep, second_order,
)  # fmt: skip


def chosen(allowed: Iterable[str]) -> Callable[[str], list[str]]:
    """Names out of `allowed` with commas between, for argparse."""
    allowed = list(allowed)

    def names(text: str) -> list[str]:
        found = text.split(",")
        if unknown := [name for name in found if name not in allowed]:
            raise argparse.ArgumentTypeError(
                f"unknown {', '.join(map(repr, unknown))}; choose out of {','.join(allowed)}"
            )
        return found

    return names


def main() -> None:
    """Draw the pictures that were asked for, in the forms that were."""
    named = {picture.__name__.removesuffix("_picture"): picture for picture in PICTURES}
    parser = Parser(__doc__ or "", out="output/gallery")
    parser.add_argument("--forms", type=chosen(FORMS), default=["svg", "png", "html"],
                        metavar="A,B", help="suffixes (default: svg,png,html)")  # fmt: skip
    parser.add_argument("--only", type=chosen(named), default=list(named), metavar="A,B",
                        help="names of pictures (default: all)")  # fmt: skip
    args = parser.parse_args()
    forms = ["svg"] if args.quick else args.forms
    for name in args.only:
        diagram = named[name]()
        for form in forms:
            try:
                diagram.save(args.out / f"{name}.{form}")
            except RuntimeError as error:  # a renderer that is not there
                print(f"{name}.{form}: {error}", file=sys.stderr)
        print(f"{name:<14} {diagram.picture.caption}".rstrip())
    if len(args.only) == len(named):
        loss, names = recorded()
        (args.out / "steps.txt").write_text(str(ag.steps(loss, names=names)), encoding="utf-8")
    print(f"{len(args.only)} pictures are in {args.out}")


if __name__ == "__main__":
    run(main)
