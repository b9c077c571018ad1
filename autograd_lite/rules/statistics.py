"""Statistics that other rows make up: range, averages, covariances, integrals."""

from __future__ import annotations

import operator
import warnings
from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.messages import refuse_masked
from autograd_lite.modes import MODES
from autograd_lite.rules.activations import stop_gradient
from autograd_lite.rules.examples import Example, reals, spread
from autograd_lite.rules.scans import along
from autograd_lite.table import composed


def ptp(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """max − min along `axis`."""
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


def average(
    a: Any,
    axis: Any = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    """Σ w a / Σ w along `axis`, differentiable in both; with `returned`, the pair with Σ w.

    Raises ZeroDivisionError for weights that sum to 0, TypeError or ValueError for misshapen ones.
    """
    if weights is None:
        result = np.mean(a, axis=axis, keepdims=keepdims)
        total: Any = np.asarray(np.size(a) / max(np.size(result), 1), result.dtype)
    else:
        if axis is not None:
            np.lib.array_utils.normalize_axis_tuple(axis, np.ndim(a), "axis")
        weights, a = _aligned(_array(weights), np.shape(a), axis), _array(a)
        whole = a.dtype.kind != "f"  # in integers of one byte a product of 256 is 0
        dtype = np.result_type(a.dtype, weights.dtype, *[np.float64] * whole)
        a = a.astype(dtype) if whole else a
        # as NumPy adds them up
        wider: dict[str, Any] = {} if weights.dtype == dtype else {"dtype": dtype}
        total = np.sum(weights, axis=axis, keepdims=keepdims, **wider)
        _refuse_zero_total(total)
        result = np.sum(a * weights, axis=axis, keepdims=keepdims) / total
    return (result, np.broadcast_to(total, result.shape) * 1.0) if returned else result


def _aligned(weights: Any, shape: tuple[int, ...], axis: Any) -> Any:
    """Weights in the shape of the array, or broadcast along its axes but the averaged ones."""
    given_shape = np.shape(weights)
    if given_shape == shape:
        return weights
    if axis is None:
        raise TypeError(
            f"np.average: weights of shape {given_shape} for an array of shape {shape}; give the "
            "axis that they are for, or weights of the same shape"
        )
    axes = [operator.index(i) % len(shape) for i in (axis if isinstance(axis, tuple) else (axis,))]
    if given_shape != tuple(shape[i] for i in axes):
        raise ValueError(
            f"np.average: weights of shape {given_shape} for axis {axis} of shape "
            f"{tuple(shape[i] for i in axes)}"
        )
    order = sorted(range(len(axes)), key=axes.__getitem__)
    lengths = [n if i in axes else 1 for i, n in enumerate(shape)]
    return np.reshape(np.transpose(weights, order), lengths)


def _refuse_zero_total(total: Any) -> None:
    # a trace has no values to look at: its programs give inf or nan
    if MODES.get().trace is None and np.any(total == 0.0):
        raise ZeroDivisionError("np.average: the weights sum to zero")


def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    """The covariance matrix of variables in rows (`rowvar`) or columns, of float64 or `dtype`.

    Differentiable in the samples and in `aweights`; `fweights` are counts. Raises ValueError for
    more than two axes, weights of another length than the samples, and a fractional ddof.
    """
    if ddof is not None and ddof != int(ddof):
        raise ValueError(f"np.cov: ddof must be an integer, got {ddof}")
    given_samples = [_array(part) for part in (m, y) if part is not None]
    dtype = dtype or np.result_type(np.float64, *(part.dtype for part in given_samples))
    parts = [_in_rows(part, rowvar, dtype) for part in given_samples]
    if not parts[0].shape[0]:
        return np.zeros((0, 0))
    x = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=0)
    ddof = int(not bias) if ddof is None else int(ddof)
    weights = _sample_weights(fweights, aweights, x.shape[1])
    mean, total = average(x, axis=1, weights=weights, returned=True)
    x = x - mean[:, None]
    if weights is None:
        product, freedom = x @ x.T, x.shape[1] - ddof
    else:
        product, freedom = x @ (x * weights).T, total[0]
        if ddof:
            lost = ddof if aweights is None else ddof * np.sum(weights * aweights) / total[0]
            freedom = freedom - lost
    c = product * np.true_divide(1.0, _positive(freedom))  # of Python's, 1.0 / 0 would raise
    return c.reshape(tuple(n for n in c.shape if n != 1))


def _array(x: Any) -> Any:
    refuse_masked(x, "operand")
    return x if isinstance(x, Tensor) else np.asarray(x)


def _in_rows(m: Any, rowvar: bool, dtype: Any) -> Any:
    """Samples as a matrix with a variable in each row."""
    if m.ndim > 2:
        raise ValueError(f"np.cov: samples of shape {m.shape}; at most two axes are allowed")
    m = m if m.dtype == dtype else m.astype(dtype)
    if m.ndim < 2:
        return m.reshape(1, -1)
    return m if rowvar else m.T


def _sample_weights(fweights: Any, aweights: Any, n: int) -> Any:
    """The product of the counts and the weights of n samples; None for neither."""
    if fweights is not None:
        fweights = np.asarray(fweights, dtype=float)
        if np.any(fweights != np.floor(fweights)):
            raise TypeError("np.cov: fweights must be whole numbers; use aweights for others")
    if isinstance(aweights, Tensor):
        aweights = aweights.astype(float, copy=False)
    elif aweights is not None:
        aweights = np.asarray(aweights, dtype=float)
    for name, weights in (("fweights", fweights), ("aweights", aweights)):
        if weights is None:
            continue
        if weights.shape != (n,):
            raise ValueError(
                f"np.cov: {name} of shape {weights.shape} for {n} samples; expected ({n},)"
            )
        if MODES.get().trace is None and np.any(weights < 0):
            raise ValueError(f"np.cov: {name} cannot be negative")
    if fweights is None or aweights is None:
        return fweights if aweights is None else aweights
    return fweights * aweights


def _positive(freedom: Any) -> Any:
    """The degrees of freedom, 0 with NumPy's warning where there are none."""
    if isinstance(freedom, Tensor):
        return np.where(freedom > 0, freedom, 0.0)
    if freedom <= 0:
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=3)
    return max(freedom, 0.0)


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """The matrix of correlation coefficients of variables in rows (`rowvar`) or columns."""
    c = cov(x, y, rowvar, dtype=dtype)
    if not c.ndim:
        return c / c
    every = np.arange(c.shape[0])
    spread_of = np.sqrt(c[every, every])
    c = c / spread_of[:, None] / spread_of[None, :]
    # what rounding puts outside [-1, 1] is brought back, and keeps its slope
    return c + stop_gradient(np.clip(stop_gradient(c), -1, 1) - c)


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral of samples y along `axis` by trapezoids, at places x or steps of dx."""
    y = _array(y)
    steps = dx
    if x is not None:
        x = _array(x)
        steps = np.diff(x, axis=axis if x.ndim > 1 else 0)
        if x.ndim == 1:
            lengths = [1] * y.ndim
            lengths[axis] = x.shape[0] - 1
            steps = steps.reshape(lengths)
    pairs = y[along(axis, y.ndim, slice(1, None))] + y[along(axis, y.ndim, slice(None, -1))]
    return np.sum(steps * pairs / 2.0, axis=axis)


def _weighted(
    shape: tuple[int, ...], shape_of_weights: tuple[int, ...], name: str = "weights", **kwargs: Any
) -> Example:
    """Normal numbers, and positive weights by name."""

    def example(rng: np.random.Generator) -> Any:
        weights = rng.uniform(0.5, 2.0, shape_of_weights)
        return (rng.standard_normal(shape),), {name: weights, **kwargs}

    return example


composed(
    np.ptp,
    ptp,
    examples=[
        spread((2, 3)),
        spread((2, 3), axis=1, keepdims=True),
        spread((2, 3, 2), axis=(0, 2)),
    ],
)
composed(
    np.average,
    average,
    examples=[
        reals((2, 3)),
        reals((2, 3), axis=1, keepdims=True, returned=True),
        _weighted((2, 3), (2, 3), axis=0),
        _weighted((2, 3), (3,), axis=1, returned=True),
        _weighted((2, 3, 4), (4, 2), axis=(2, 0)),
    ],
)
composed(
    np.cov,
    cov,
    examples=[
        reals((2, 5)),
        reals((5, 2), rowvar=False, bias=True),
        reals((5,)),
        reals((5,), (5,)),
        _weighted((2, 4), (4,), "aweights", fweights=np.array([1, 3, 1, 2])),
        _weighted((2, 4), (4,), "aweights", ddof=0),
        reals((2, 4), fweights=np.array([1, 3, 1, 2])),
    ],
)
composed(
    np.corrcoef, corrcoef, examples=[reals((3, 5)), reals((5,), (5,)), reals((5, 2), rowvar=False)]
)
composed(
    np.trapezoid,
    trapezoid,
    examples=[
        reals((4,), dx=0.5),
        reals((2, 4), (4,)),
        reals((4, 2), (4, 2), axis=0),
    ],
)
