"""Layers: the linear one, activation functions, and Sequential, which runs layers in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd_lite as ag
from nn.init import weights_and_bias
from nn.module import Module, Parameter, Summary, inference, printed
from nn.tables import table

__all__ = [
    "ELU",
    "GELU",
    "Identity",
    "LeakyReLU",
    "Linear",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]


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
        Z = as_input(A, self.W, "Linear") @ self.W
        return Z if self.b is None else Z + self.b

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return int(self.W.shape[0])

    @property
    def n_out(self) -> int:
        """Number of neurons."""
        return int(self.W.shape[1])

    def __repr__(self) -> str:
        return f"Linear({self.n_in}, {self.n_out}{'' if self.b is not None else ', bias=False'})"


def as_input(X: Any, W: Any, where: str) -> Any:
    """X in the weights' dtype, seen to have a column for each row of W.

    Raises TypeError for what holds no real numbers, ValueError for another shape.
    """
    if not isinstance(X, ag.Tensor):
        X = np.asarray(X)
        if X.dtype.kind not in "fiub":
            raise TypeError(f"{where}: expected real numbers as input, got dtype {X.dtype}")
    if X.ndim == 0 or X.shape[-1] != W.shape[0]:
        turned = " (is it transposed?)" if X.shape[:1] == W.shape[:1] and X.ndim == 2 else ""
        raise ValueError(
            f"{where}: expected an input of shape (n, {W.shape[0]}), one column per input neuron, "
            f"got {X.shape}{turned}"
        )
    # a float64 batch would make a float32 network compute in float64
    return X if X.dtype == W.dtype else X.astype(W.dtype)


class _Activation(Module):
    """An activation function as a layer without parameters."""

    function: Callable[[Any], Any]

    def __call__(self, Z: Any) -> Any:
        """The activations of Z, of its shape."""
        return type(self).function(Z)

    @property
    def options(self) -> dict[str, Any]:
        """The arguments that make another one like this."""
        return {name: value for name, value in vars(self).items() if name != "training"}

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"{type(self).__name__}({options})"


def _finite(where: str, name: str, value: Any) -> float:
    """An option as a Python float, which promotes no array."""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not np.isfinite(value):
        raise ValueError(f"{where}: {name} must be a number, got {value!r}")
    return float(value)


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


class LeakyReLU(_Activation):
    """g(z) = z for z ≥ 0, else slope · z."""

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = _finite("LeakyReLU", "slope", slope)

    def __call__(self, Z: Any) -> Any:
        """The activations of Z, of its shape."""
        return ag.leaky_relu(Z, self.slope)


class ELU(_Activation):
    """g(z) = z for z ≥ 0, else alpha · (exp(z) − 1)."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = _finite("ELU", "alpha", alpha)

    def __call__(self, Z: Any) -> Any:
        """The activations of Z, of its shape."""
        return ag.elu(Z, self.alpha)


class GELU(_Activation):
    """g(z) = z · Φ(z), with Φ the distribution function of N(0, 1), or its tanh approximation."""

    def __init__(self, approximate: bool = False) -> None:
        self.approximate = approximate

    def __call__(self, Z: Any) -> Any:
        """The activations of Z, of its shape."""
        return ag.gelu(Z, self.approximate)


class Softplus(_Activation):
    """g(z) = log(1 + exp(z))."""

    function = staticmethod(ag.softplus)


class Softmax(_Activation):
    """Rows of probabilities: exp(z_i) / Σ_j exp(z_j) along the last axis."""

    function = staticmethod(ag.softmax)


class Sequential(Module):
    """Layers one after another; a plain function, such as np.tanh, is a layer too."""

    def __init__(self, *layers: Any) -> None:
        for i, layer in enumerate(layers):
            if isinstance(layer, type):
                raise TypeError(
                    f"Sequential: layer {i} is the class {layer.__name__}; pass a layer of it, "
                    f"{layer.__name__}(…)"
                )
            if not callable(layer):
                hint = "; pass them one by one" if isinstance(layer, (list, tuple)) else ""
                raise TypeError(
                    f"Sequential: a layer is a function or a Module, layer {i} is {layer!r}{hint}"
                )
        self.layers = list(layers)
        _name_as_in_the_lecture(layers)

    def __call__(self, X: Any) -> Any:
        """The last layer's output."""
        return self._through(self.layers, X)

    def logits(self, X: Any) -> Any:
        """The input of the last layer where that is a Softmax or Sigmoid, else the output."""
        return self._through(self.layers if self.output == "identity" else self.layers[:-1], X)

    def predict(self, X: Any) -> Any:
        """Labels where the last layer is a Softmax or a Sigmoid (two classes), else the output."""
        return predicted(self, X)

    @property
    def output(self) -> str:
        """What the last layer does: "softmax", "sigmoid" or "identity"."""
        last = self.layers[-1] if self.layers else None
        if isinstance(last, Softmax):
            return "softmax"
        return "sigmoid" if isinstance(last, Sigmoid) else "identity"

    def summary(self) -> Summary:
        """Print the table of layers with their parameters, and return it as text."""
        rows, width = [], "?"
        for layer in self.layers:
            width = str(getattr(layer, "n_out", width))
            parameters = layer.parameters() if isinstance(layer, Module) else []
            sizes = [[p.size for p in parameters if (p.ndim > 1) == weight] for weight in (1, 0)]
            rows.append((_described(layer), f"(n, {width})", sum(sizes[0]), sum(sizes[1])))
        return layer_summary(rows)

    def _through(self, layers: list[Any], X: Any) -> Any:
        if ag.scope.wanted():
            return _through_scopes(layers, X)
        for layer in layers:
            X = layer(X)
        return X

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(_described, self.layers))})"


def _through_scopes(layers: list[Any], X: Any) -> Any:
    """What layers make of X, each recorded in its scope and named as in the lecture: Z1, A1, …

    Of several layers without weights, such as an activation and a dropout, the last gives A.
    """
    l, given, named = 0, X, {}
    for layer in layers:
        with ag.scope(_word(layer)):
            X = layer(X)
        l += isinstance(layer, Linear)
        named[f"{'Z' if isinstance(layer, Linear) else 'A'}{l}"] = X
    for name, value in named.items():
        if isinstance(value, ag.Tensor) and value.name is None and value is not given:
            value.name = name
    return X


def _word(layer: Any) -> str:
    """What a layer is called in a picture."""
    return type(layer).__name__ if isinstance(layer, Module) else _described(layer)


def _described(layer: Any) -> str:
    return repr(layer) if isinstance(layer, Module) else getattr(layer, "__name__", "function")


def _name_as_in_the_lecture(layers: tuple[Any, ...]) -> None:
    """Name parameters W1, b1, W2, … by the order of the Linear layers."""
    linear = [layer for layer in layers if isinstance(layer, Linear)]
    for l, layer in enumerate(linear, 1):
        for p in layer.parameters():
            if p.name in ("W", "b"):
                p.name = f"{p.name}{l}"


def predicted(model: Any, X: Any) -> Any:
    """What a model predicts of X: labels out of probabilities, values for regression.

    Raises ValueError where X holds numbers that are not finite: no label could be right.
    """
    values = np.asarray(X.data if isinstance(X, ag.Tensor) else X)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        n = np.count_nonzero(~np.isfinite(values))
        raise ValueError(f"predict: X holds {n} numbers that are nan or infinite")
    with inference(model):
        Y_hat = model(X)
    Y_hat = np.array(Y_hat.data if isinstance(Y_hat, ag.Tensor) else Y_hat)
    if model.output == "softmax":
        return np.argmax(Y_hat, axis=-1)
    return (Y_hat > 0.5).astype(np.int64) if model.output == "sigmoid" else Y_hat


def layer_summary(rows: list[tuple[Any, ...]]) -> Summary:
    """The printed table of rows (layer, output shape, weights, biases), with the totals."""
    weights, biases = sum(row[2] for row in rows), sum(row[3] for row in rows)
    text = table(
        ("layer", "output shape", "weights", "biases"), rows, ("total", "", weights, biases)
    )
    total = weights + biases
    return printed(f"{text}\n{weights:,} + {biases:,} = {total:,} parameters", total)
