"""Layers and the lecture's network, `MLP`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autograd_lite as ag
from nn.init import weights_and_bias
from nn.module import Module, Parameter, table

__all__ = ["MLP", "Identity", "Linear", "ReLU", "Sequential", "Sigmoid", "Softmax", "Tanh"]


class Linear(Module):
    """A W + b for a batch A of shape (n, n_in): W of shape (n_in, n_out), b of shape (n_out,).

    `init` is a name out of nn.init or a function; "normal" draws the bias too, as the lecture's
    theta ~ N(0, 1) says.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        init: Any = "normal",
        bias: bool = True,
        dtype: Any = np.float64,
        rng: np.random.Generator | None = None,
    ) -> None:
        W, b = weights_and_bias(init, n_in, n_out, bias=bias, rng=rng, dtype=dtype)
        self.W = Parameter(W)
        self.b = None if b is None else Parameter(b)

    def __call__(self, A: Any) -> Any:
        """Pre-activations of shape (n, n_out)."""
        A = as_input(A, self.W, "Linear")
        Z = A @ self.W
        return Z if self.b is None else Z + self.b

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return int(self.W.shape[0])

    @property
    def n_out(self) -> int:
        """Number of neurons."""
        return int(self.W.shape[1])


def as_input(X: Any, W: Any, where: str) -> Any:
    """X in the weights' dtype, checked to fit them. Raises ValueError where it does not."""
    if not isinstance(X, ag.Tensor):
        X = np.asarray(X)
        if X.dtype.kind not in "fiub":
            raise TypeError(f"{where}: expected real numbers as input, got dtype {X.dtype}")
        if X.dtype != W.dtype:
            X = X.astype(W.dtype)  # a float64 batch would make a float32 network compute in float64
    if X.ndim == 0 or X.shape[-1] != W.shape[0]:
        raise ValueError(
            f"{where}: expected an input of shape (n, {W.shape[0]}), one column per input neuron, "
            f"got {X.shape}"
        )
    return X


class _Activation(Module):
    """An activation function as a layer without parameters."""

    function: Callable[[Any], Any]

    def __call__(self, Z: Any) -> Any:
        """The activations of Z, of its shape."""
        return type(self).function(Z)


class Identity(_Activation):
    """g(z) = z."""

    @staticmethod
    def function(Z: Any) -> Any:
        """Z itself."""
        return Z


class Sigmoid(_Activation):
    """g(z) = 1 / (1 + exp(−z))."""

    function = staticmethod(ag.sigmoid)


class Tanh(_Activation):
    """g(z) = tanh z."""

    function = staticmethod(np.tanh)


class ReLU(_Activation):
    """g(z) = z for z ≥ 0, else 0."""

    function = staticmethod(ag.relu)


class Softmax(_Activation):
    """Rows of probabilities: exp(z_i) / Σ_j exp(z_j) along the last axis."""

    function = staticmethod(ag.softmax)


class Sequential(Module):
    """Layers one after another."""

    def __init__(self, *layers: Any) -> None:
        self.layers = list(layers)

    def __call__(self, X: Any) -> Any:
        """The last layer's output."""
        for layer in self.layers:
            X = layer(X)
        return X

    def logits(self, X: Any) -> Any:
        """The input of the last layer where that is a Softmax or Sigmoid, else the output."""
        layers = self.layers
        if layers and isinstance(layers[-1], (Softmax, Sigmoid)):
            layers = layers[:-1]
        for layer in layers:
            X = layer(X)
        return X

    def predict(self, X: Any) -> Any:
        """Labels where the last layer is a Softmax or a Sigmoid (two classes), else the output."""
        with ag.no_grad():
            Y_hat = self(X).numpy()
        last = self.layers[-1] if self.layers else None
        return predicted(Y_hat, "softmax" if isinstance(last, Softmax) else
                         "sigmoid" if isinstance(last, Sigmoid) else "identity")  # fmt: skip


def predicted(Y_hat: Any, output: str) -> Any:
    """Labels out of probabilities; the values themselves for regression."""
    if output == "softmax":
        return np.argmax(Y_hat, axis=-1)
    return (Y_hat > 0.5).astype(np.int64) if output == "sigmoid" else np.array(Y_hat)


HIDDEN: dict[str, Callable[[Any], Any]] = {
    "sigmoid": ag.sigmoid,
    "tanh": np.tanh,
    "relu": ag.relu,
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

    hidden: "relu", "tanh", "sigmoid" or "identity", one name or one per hidden layer.
    output: "softmax" (k classes), "sigmoid" (two classes, S_L = 1) or "identity" (regression).
    init: a name out of nn.init or a function; "normal" is the lecture's theta ~ N(0, 1).
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
        dtype: Any = np.float64,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.sizes = tuple(_checked_sizes(sizes))
        self.hidden = _checked_hidden(hidden, len(self.sizes) - 2)
        if output not in OUTPUT:
            raise ValueError(f"MLP: unknown output {output!r}; choose one of {_listed(OUTPUT)}")
        if output == "softmax" and self.sizes[-1] == 1:
            raise ValueError(
                "MLP: softmax over one output neuron is always 1; use output='sigmoid' for two "
                "classes or output='identity' for regression"
            )
        self.output = output
        rng = np.random.default_rng(rng)
        for l, (n_in, n_out) in enumerate(zip(self.sizes, self.sizes[1:], strict=False), 1):
            W, b = weights_and_bias(init, n_in, n_out, rng=rng, dtype=dtype)
            setattr(self, f"W{l}", Parameter(W))
            setattr(self, f"b{l}", Parameter(b))

    @property
    def n_layers(self) -> int:
        """L, the number of layers with weights."""
        return len(self.sizes) - 1

    def __call__(self, X: Any) -> Any:
        """Y_hat of shape (n, S_L), or (n,) where S_L is 1."""
        A = self.activations(X)[1][-1]
        return np.reshape(A, -1) if self.sizes[-1] == 1 else A

    def logits(self, X: Any) -> Any:
        """The output layer's pre-activations, of the shape of Y_hat."""
        Z = self.activations(X, logits_only=True)[0][-1]
        return np.reshape(Z, -1) if self.sizes[-1] == 1 else Z

    def activations(self, X: Any, *, logits_only: bool = False) -> tuple[list[Any], list[Any]]:
        """Z and A of every layer, as in the lecture: A[0] is X, Z[0] is None, A[L] is Y_hat."""
        A: list[Any] = [as_input(X, self.W1, "MLP")]
        Z: list[Any] = [None]
        for l in range(1, self.n_layers + 1):
            Z.append(_named(A[-1] @ getattr(self, f"W{l}") + getattr(self, f"b{l}"), f"Z{l}"))
            if l < self.n_layers:
                A.append(_named(HIDDEN[self.hidden[l - 1]](Z[l]), f"A{l}"))
            elif not logits_only:
                A.append(_named(OUTPUT[self.output](Z[l]), "Y_hat"))
        return Z, A

    def predict(self, X: Any) -> Any:
        """Labels of shape (n,) for classification, y_hat for regression."""
        with ag.no_grad():
            return predicted(self(X).numpy(), self.output)

    def summary(self) -> str:
        """The lecture's table of layers: neurons, weights and biases of each, and their sum."""
        rows: list[tuple[Any, ...]] = [("input", self.sizes[0], "", 0, 0)]
        for l in range(1, self.n_layers + 1):
            last = l == self.n_layers
            name = "output" if last else "hidden" if self.n_layers == 2 else f"hidden {l}"
            g = self.output if last else self.hidden[l - 1]
            rows.append((name, self.sizes[l], g, self.sizes[l - 1] * self.sizes[l], self.sizes[l]))
        weights, biases = sum(row[3] for row in rows), sum(row[4] for row in rows)
        lines = table(
            ("layer", "neurons", "activation", "weights", "biases"),
            rows,
            ("total", "", "", weights, biases),
        )
        return f"{lines}\n{weights:,} + {biases:,} = {weights + biases:,} parameters"


def _named(value: Any, name: str) -> Any:
    """The value, with the lecture's name on it where it is a Tensor."""
    if isinstance(value, ag.Tensor) and value.name is None:
        value.name = name
    return value


def _listed(names: Any) -> str:
    return ", ".join(repr(name) for name in names)


def _checked_sizes(sizes: Sequence[int]) -> list[int]:
    numbers = [int(s) for s in sizes]
    if len(numbers) < 2 or min(numbers) < 1 or numbers != list(sizes):
        raise ValueError(
            f"MLP: sizes must be at least two positive whole numbers S_0, …, S_L, got {sizes!r}"
        )
    return numbers


def _checked_hidden(hidden: str | Sequence[str], n: int) -> tuple[str, ...]:
    names = (hidden,) * n if isinstance(hidden, str) else tuple(hidden)
    if len(names) != n:
        raise ValueError(
            f"MLP: hidden has {len(names)} names for {n} hidden layers; give one, or one each"
        )
    for name in names:
        if name not in HIDDEN:
            raise ValueError(f"MLP: unknown activation {name!r}; choose one of {_listed(HIDDEN)}")
    return names
