"""Initializers: what weights and biases are before the first step.

An initializer is any function called as `init(shape, rng=rng, dtype=dtype)` that returns an array
of that shape, once for W of shape (n_in, n_out) and once for b of shape (n_out,). The lecture
draws theta ~ N(0, 1), biases too; `xavier` and `he` scale the weights by the size of their layer
and, as in their papers, return zeros for a bias.

Numbers are drawn in float64 and then rounded, so that one seed starts a float32 and a float64
network at the same place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["constant", "he", "normal", "uniform", "weights_and_bias", "xavier", "zeros"]

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]
Rng: TypeAlias = np.random.Generator | None
Distribution: TypeAlias = Literal["normal", "uniform"]
Initializer: TypeAlias = Callable[..., Array]


def normal(
    shape: Shape,
    *,
    mean: float = 0.0,
    std: float = 1.0,
    rng: Rng = None,
    dtype: DTypeLike = np.float64,
) -> Array:
    """Independent draws from N(mean, std²); the lecture's theta ~ N(0, 1) by default."""
    return np.random.default_rng(rng).normal(mean, std, shape).astype(dtype, copy=False)


def uniform(
    shape: Shape,
    *,
    low: float = -1.0,
    high: float = 1.0,
    rng: Rng = None,
    dtype: DTypeLike = np.float64,
) -> Array:
    """Independent draws from the uniform distribution on [low, high)."""
    return np.random.default_rng(rng).uniform(low, high, shape).astype(dtype, copy=False)


def constant(
    shape: Shape, value: float = 0.1, *, rng: Rng = None, dtype: DTypeLike = np.float64
) -> Array:
    """The same value everywhere: the start from which the neurons of a layer stay identical."""
    return np.full(shape, value, dtype=dtype)


def zeros(shape: Shape, *, rng: Rng = None, dtype: DTypeLike = np.float64) -> Array:
    """Zeros: like any constant, no start for training, and no gradient reaches W_1 from them."""
    return np.zeros(shape, dtype=dtype)


def xavier(
    shape: Shape,
    *,
    distribution: Distribution = "normal",
    rng: Rng = None,
    dtype: DTypeLike = np.float64,
) -> Array:
    """Weights of mean 0 and variance 2 / (n_in + n_out), and zeros for a bias.

    The scale at which activations of tanh-like layers and their gradients both keep their
    variance from layer to layer (Glorot & Bengio 2010, eq. 12; eq. 16 is the uniform form).
    """
    return _scaled_by_fan(shape, lambda n_in, n_out: 2 / (n_in + n_out), distribution, rng, dtype)


def he(
    shape: Shape,
    *,
    distribution: Distribution = "normal",
    rng: Rng = None,
    dtype: DTypeLike = np.float64,
) -> Array:
    """Weights of mean 0 and variance 2 / n_in, and zeros for a bias.

    ReLU halves the variance that passes it, and the 2 makes up for that (He et al. 2015, eq. 10).
    """
    return _scaled_by_fan(shape, lambda n_in, n_out: 2 / n_in, distribution, rng, dtype)


INITIALIZERS: Mapping[str, Initializer] = MappingProxyType(
    {
        "normal": normal,
        "zeros": zeros,
        "constant": constant,
        "uniform": uniform,
        "xavier": xavier,
        "he": he,
    }
)


def weights_and_bias(
    init: str | Initializer,
    n_in: int,
    n_out: int,
    *,
    bias: bool = True,
    rng: Rng = None,
    dtype: DTypeLike = np.float64,
) -> tuple[Array, Array | None]:
    """W of shape (n_in, n_out) and b of shape (n_out,), or None without bias, as a layer starts.

    init: one of the names in INITIALIZERS or a function, such as
    `functools.partial(nn.init.constant, value=0.5)`.
    """
    if not all(map(_is_count, (n_in, n_out))):
        raise ValueError(
            f"a layer from {n_in!r} to {n_out!r} neurons: expected whole numbers, at least 1"
        )
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(f"dtype of weights is {dtype}, expected a float dtype such as float64")
    draw = _initializer(init)
    rng = np.random.default_rng(rng)
    W = _drawn(draw, (n_in, n_out), rng, dtype)
    return W, _drawn(draw, (n_out,), rng, dtype) if bias else None


def _is_count(n: Any) -> bool:
    return isinstance(n, (int, np.integer)) and not isinstance(n, bool) and bool(n >= 1)


def _initializer(init: str | Initializer) -> Initializer:
    if callable(init):
        return init
    if init not in INITIALIZERS:
        raise ValueError(
            f"init is {init!r}, expected one of {', '.join(INITIALIZERS)}, or a function of "
            f"(shape, rng, dtype)"
        )
    return INITIALIZERS[init]


def _drawn(
    draw: Initializer, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
) -> Array:
    """What the initializer returns, seen to have the shape asked for."""
    # A copy, because training writes into parameters, and a caller may hold the array.
    values: Array = np.array(draw(shape, rng=rng, dtype=dtype), dtype=dtype)
    if values.shape != shape:
        raise ValueError(f"init returned shape {values.shape}, expected {shape}")
    return values


def _scaled_by_fan(
    shape: Shape,
    variance: Callable[[int, int], float],
    distribution: Distribution,
    rng: Rng,
    dtype: DTypeLike,
) -> Array:
    """Draws of mean 0 and that variance for (n_in, n_out), zeros for a bias of shape (n_out,)."""
    if distribution not in ("normal", "uniform"):
        raise ValueError(f"distribution is {distribution!r}, expected 'normal' or 'uniform'")
    if len(shape) == 1:
        return np.zeros(shape, dtype=dtype)
    if len(shape) != 2:
        raise ValueError(f"xavier and he: shape is {shape}, expected (n_in, n_out) or (n_out,)")
    std = math.sqrt(variance(*shape))
    if distribution == "normal":
        return normal(shape, std=std, rng=rng, dtype=dtype)
    half_width = math.sqrt(3) * std  # a uniform distribution on ±a has the variance a²/3
    return uniform(shape, low=-half_width, high=half_width, rng=rng, dtype=dtype)
