"""MLP: the lecture's feedforward network, layers 0 … L of sizes S_0 … S_L."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from operator import index
from typing import Any

import numpy as np

import autograd_lite as ag
from nn.dropout import Dropout
from nn.init import weights_and_bias
from nn.layers import Identity, as_input, layer_summary, predicted
from nn.module import Module, Parameter, Summary

__all__ = ["HIDDEN", "MLP", "OUTPUT"]

HIDDEN: dict[str, Callable[[Any], Any]] = {
    "sigmoid": ag.sigmoid,
    "tanh": np.tanh,
    "relu": ag.relu,
    "leaky_relu": ag.leaky_relu,
    "elu": ag.elu,
    "gelu": ag.gelu,
    "softplus": ag.softplus,
    "identity": Identity.function,
}
OUTPUT: dict[str, Callable[[Any], Any]] = {
    "softmax": ag.softmax,
    "sigmoid": ag.sigmoid,
    "identity": Identity.function,
}


class MLP(Module):
    """The lecture's feedforward network of layers 0 … L with sizes S_0 … S_L.

    Parameters W1, b1, … with W_l of shape (S_{l-1}, S_l) and b_l of shape (S_l,);
    Z_l = A_{l-1} W_l + b_l and A_l = g(Z_l), with A_0 = X.

    hidden: "relu", "tanh", "sigmoid", "leaky_relu", "elu", "gelu", "softplus" or "identity", one
        name or one per hidden layer.
    output: "softmax" (k classes), "sigmoid" (two classes, S_L = 1) or "identity" (regression).
    init: a name out of nn.init or a function; "normal" is the lecture's theta ~ N(0, 1).
    dropout: of the hidden neurons, the lecture's with this probability, or an nn.Dropout in
        another form; one for all hidden layers or one each. Masks are drawn from rng, too.
    """

    W1: Parameter
    b1: Parameter

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        hidden: str | Sequence[str] = "relu",
        output: str = "softmax",
        init: Any = "normal",
        dropout: Any = 0.0,
        dtype: Any = np.float64,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.sizes = _checked_sizes(sizes)
        self.hidden = _checked_hidden(hidden, len(self.sizes) - 2)
        self.output = _checked_output(output, self.sizes[-1])
        rng = np.random.default_rng(rng)
        self.dropout = _checked_dropout(dropout, len(self.hidden), rng)
        for l, (n_in, n_out) in enumerate(pairwise(self.sizes), 1):
            W, b = weights_and_bias(init, n_in, n_out, rng=rng, dtype=dtype)
            setattr(self, f"W{l}", Parameter(W))
            setattr(self, f"b{l}", Parameter(b))

    @property
    def n_layers(self) -> int:
        """L, the number of layers with weights."""
        return len(self.sizes) - 1

    def __call__(self, X: Any) -> Any:
        """Y_hat of shape (n, S_L), or (n,) where S_L is 1."""
        for _, A in self._layers(X):  # not kept: a deep network's Z would double its memory
            Y_hat = A
        return self._column(Y_hat)

    def logits(self, X: Any) -> Any:
        """The output layer's pre-activations Z_L, of the shape of Y_hat."""
        for Z, _ in self._layers(X, upto_logits=True):
            Z_L = Z
        return self._column(Z_L)

    def predict(self, X: Any) -> Any:
        """Labels of shape (n,) for classification, y_hat for regression."""
        return predicted(self, X)

    def activations(self, X: Any) -> tuple[list[Any], list[Any]]:
        """Z and A of every layer, as in the lecture: A[0] is X, Z[0] is None, A[L] is Y_hat."""
        passed = list(self._layers(X))
        return [Z for Z, _ in passed], [A for _, A in passed]

    def _layers(self, X: Any, upto_logits: bool = False) -> Iterator[tuple[Any, Any]]:
        """(None, X), then Z and A of layer after layer: the lecture's forward pass.

        A[L], the last activation, is None where it is not asked for. Names on the results are for
        pictures, programs and messages.
        """
        A = _data_points(as_input(X, self.W1, "MLP"), self.sizes[0])
        scoped = ag.scope.wanted()
        yield None, A
        for l in range(1, len(self.sizes)):
            if scoped:
                with ag.scope(f"hidden {l}" if l < self.n_layers else "output"):
                    Z, A = self._layer(l, A, upto_logits)
            else:
                Z, A = self._layer(l, A, upto_logits)
            yield Z, A

    def _layer(self, l: int, A_below: Any, upto_logits: bool) -> tuple[Any, Any]:
        """Z and A of layer l."""
        Z = A_below @ getattr(self, f"W{l}") + getattr(self, f"b{l}")
        named = isinstance(Z, ag.Tensor)  # with the lecture's names
        if named:
            Z.name = f"Z{l}"
        if l < len(self.sizes) - 1:
            A, name = HIDDEN[self.hidden[l - 1]](Z), f"A{l}"
            if self.dropout:
                A = self.dropout[l - 1](A)
        elif upto_logits:
            return Z, None
        else:
            A, name = OUTPUT[self.output](Z), "Y_hat"
        if named and A is not Z:
            A.name = name
        return Z, A

    def _column(self, Y_hat: Any) -> Any:
        """Of one output neuron the vector, so that y_hat − y never broadcasts (n, 1) with (n,)."""
        return Y_hat.reshape(-1) if self.sizes[-1] == 1 else Y_hat

    def summary(self) -> Summary:
        """Print the lecture's table of layers, weights and biases, and return it as text."""
        L = self.n_layers
        rows: list[tuple[Any, ...]] = [("input", f"(n, {self.sizes[0]})", 0, 0)]
        for l, (n_in, n_out) in enumerate(pairwise(self.sizes), 1):
            name = f"output, {self.output}" if l == L else f"hidden {l}, {self.hidden[l - 1]}"
            if l < L and self.dropout:
                name += f", dropout {self.dropout[l - 1].p:g}"
            rows.append((name, f"(n, {n_out})", n_in * n_out, n_out))
        return layer_summary(rows)

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.sizes))
        hidden = f"{' '.join(dict.fromkeys(self.hidden))} → " if self.hidden else ""
        n = sum(n_in * n_out + n_out for n_in, n_out in pairwise(self.sizes))
        return f"MLP({sizes}, {hidden}{self.output}, {n:,} parameters)"


def _data_points(X: Any, m: int) -> Any:
    if X.ndim != 2:
        hint = "; of one data point pass X[None]" if X.ndim == 1 else ""
        raise ValueError(f"MLP: expected X of shape (n, {m}), got {X.shape}{hint}")
    return X


def _listed(names: Any) -> str:
    return ", ".join(repr(name) for name in names)


def _checked_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    try:
        numbers = tuple(index(s) for s in sizes)
    except TypeError:
        numbers = ()
    if len(numbers) < 2 or min(numbers) < 1:
        raise ValueError(
            f"MLP: sizes must be at least two positive whole numbers S_0, …, S_L, got {sizes!r}"
        )
    return numbers


def _checked_hidden(hidden: str | Sequence[str], n: int) -> tuple[str, ...]:
    if not isinstance(hidden, (str, list, tuple)):
        raise TypeError(
            f"MLP: hidden must be a name, or a list of one for each hidden layer, got {hidden!r}; "
            "of functions of your own make an nn.Sequential"
        )
    names = (hidden,) * n if isinstance(hidden, str) else tuple(hidden)
    if len(names) != n:
        raise ValueError(
            f"MLP: hidden has {len(names)} names for {n} hidden layers; give one, or one each"
        )
    for name in (hidden,) if isinstance(hidden, str) else names:
        if name not in HIDDEN:
            raise ValueError(f"MLP: unknown activation {name!r}; choose one of {_listed(HIDDEN)}")
    return names


def _checked_dropout(dropout: Any, n: int, rng: np.random.Generator) -> tuple[Dropout, ...]:
    """A Dropout for each hidden layer, none where nothing is ever dropped."""
    given = list(dropout) if isinstance(dropout, (list, tuple)) else [dropout] * n
    if len(given) != n:
        raise ValueError(
            f"MLP: dropout has {len(given)} entries for {n} hidden layers; give one, or one each"
        )
    forms = [d.options if isinstance(d, Dropout) else {"p": d} for d in given]
    drops = tuple(Dropout(**form, rng=rng) for form in forms)
    return drops if any(drop.p for drop in drops) else ()


def _checked_output(output: str, n_out: int) -> str:
    if output not in OUTPUT:
        raise ValueError(f"MLP: unknown output {output!r}; choose one of {_listed(OUTPUT)}")
    if output == "softmax" and n_out == 1:
        raise ValueError(
            "MLP: softmax over one output neuron is always 1; use output='sigmoid' for two "
            "classes or output='identity' for regression"
        )
    return output
