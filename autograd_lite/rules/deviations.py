"""Variance and standard deviation, with masks, about a given mean, and without NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_lite.broadcasting import count, expanded
from autograd_lite.rules.arguments import reading
from autograd_lite.rules.examples import Example, given, reals
from autograd_lite.rules.missing import some_nan, without_nan
from autograd_lite.rules.reductions import ADD, count_where, number
from autograd_lite.rules.shapes import summed_to
from autograd_lite.table import TABLE, Primitive, Rule

_USUAL = {"axis": None, "ddof": 0, "keepdims": False}
_MASK = np.array([[True, False, True, True], [True, True, True, False]])


def deviations(x: Any, where: Any, mean: Any, axis: Any, dtype: Any) -> tuple[Any, Any]:
    """(x − its mean, the number of elements of a slice); 0 where a mask hides x."""
    masked = where is not True
    dtype_of_n = x.dtype if x.dtype.kind == "f" else np.float64  # a bool counts to 1
    n: Any = count(x.shape, axis)
    n = count_where(where, x, axis, dtype_of_n) if masked else number(n, dtype_of_n)
    x = np.where(where, x, 0.0) if masked else x
    if mean is None:
        mean = np.add.reduce(x, axis=axis, dtype=dtype, keepdims=True) / n
    return np.where(where, x - mean, 0.0) if masked else x - mean, n


def degrees_of_freedom(n: Any, ddof: Any) -> Any:
    """n − ddof; nan where nothing is left."""
    if isinstance(n, (int, np.float32)):
        return n - ddof if n > ddof else np.nan
    return np.where(n > ddof, n - ddof, np.nan)


def var_vjp(
    g: Any,
    y: Any,
    x: Any,
    where: Any = True,
    mean: Any = None,
    axis: Any = None,
    ddof: Any = 0,
    keepdims: bool = False,
    dtype: Any = None,
) -> Any:
    """2 g (x − mean) / (n − ddof)."""
    deviation, n = deviations(x, where, mean, axis, dtype)
    g = expanded(g, x.shape, axis, keepdims)
    return 2.0 * g / degrees_of_freedom(n, ddof) * deviation


def std_vjp(
    g: Any,
    y: Any,
    x: Any,
    where: Any = True,
    mean: Any = None,
    axis: Any = None,
    ddof: Any = 0,
    keepdims: bool = False,
    dtype: Any = None,
) -> Any:
    """g (x − mean) / ((n − ddof) y); 0 where all elements are equal, and nan in the next order."""
    deviation, n = deviations(x, where, mean, axis, dtype)
    y = expanded(y, x.shape, axis, keepdims)
    if mean is None:
        # by comparison: rounding makes the deviations of [0.1, 0.1, 0.1], and so y, a little off 0
        flat = _extreme(np.maximum.reduce, x, where, axis, -np.inf) == _extreme(
            np.minimum.reduce, x, where, axis, np.inf
        )
    else:
        flat = y == 0.0
    y = np.where(flat, 0.0, y)
    slope = np.where(flat, 0.0, deviation / y)
    return expanded(g, x.shape, axis, keepdims) / degrees_of_freedom(n, ddof) * slope


def _extreme(reduce: Any, x: Any, where: Any, axis: Any, start: float) -> Any:
    """The largest or smallest element of each slice, `start` in an empty one; axes kept."""
    if where is not True:
        x = np.where(where, x, start)
    return reduce(x, axis=axis, keepdims=True, initial=start)


def to_mean(rule: Rule) -> Rule:
    """The rule for the mean that was given: all that the elements get, the other way."""

    def vjp(g: Any, y: Any, x: Any, where: Any, mean: Any, **params: Any) -> Any:
        return summed_to(-rule(g, y, x, where, mean, **params), mean.shape)

    return vjp


def _var(
    x: Any,
    where: Any = True,
    mean: Any = None,
    axis: Any = None,
    ddof: Any = 0,
    keepdims: bool = False,
    dtype: Any = None,
) -> Any:
    """np.var, bit for bit, in half its time for everyday arguments."""
    plain = where is True and mean is None and dtype is None and (axis is None or x.ndim)
    if plain and x.dtype.char in "fd" and isinstance(ddof, int):
        total = ADD(x, axis, None, None, True)
        n = count(x.shape, axis)
        if ddof < n < 1 << 24:
            deviation = x - total / n
            return ADD(deviation * deviation, axis, None, None, keepdims) / (n - ddof)
    return np.var(x, axis, dtype, None, ddof, keepdims, where=where, **_about(mean))


def _std(x: Any, where: Any = True, mean: Any = None, **params: Any) -> Any:
    """np.std, bit for bit."""
    return np.sqrt(_var(x, where, mean, **params))


def _nanvar(x: Any, where: Any = True, mean: Any = None, **params: Any) -> Any:
    return np.nanvar(x, where=where, **params, **_about(mean))


def _nanstd(x: Any, where: Any = True, mean: Any = None, **params: Any) -> Any:
    return np.nanstd(x, where=where, **params, **_about(mean))


def _about(mean: Any) -> dict[str, Any]:
    return {} if mean is None else {"mean": mean}


def _mean_given(*shape: int, mean: tuple[int, ...], **kwargs: Any) -> Example:
    """Normal numbers, and a mean by name."""

    def example(rng: np.random.Generator) -> Any:
        return (rng.standard_normal(shape),), {"mean": rng.standard_normal(mean), **kwargs}

    return example


def _examples() -> list[Example]:
    return [
        reals((2, 3)),
        reals((2, 3, 2), axis=(0, -1), ddof=1),
        reals((2, 3), axis=1, keepdims=True, correction=1),
        reals((2, 4), axis=1, where=_MASK, ddof=1),
        reals((2, 4), where=_MASK[:1], keepdims=True),
        reals((0, 3), axis=1),
        *_with_means(2, 4),
    ]


def _with_means(*shape: int) -> list[Example]:
    return [
        _mean_given(*shape, mean=(2, 1), axis=1),
        _mean_given(*shape, mean=(1, 1), ddof=1, keepdims=True),
        _mean_given(*shape, mean=(1, 4), axis=0, where=_MASK),
        given(lambda rng: (rng.standard_normal(shape),), mean=0.3),
    ]


def _nan_examples() -> list[Example]:
    return [
        reals((2, 3), axis=0),
        some_nan(2, 4),
        some_nan(2, 4, axis=1, ddof=1, keepdims=True),
        some_nan(2, 5, axis=1, where=np.array([True, True, False, True, True])),
        some_nan(2, 4, axis=1, mean=np.array([[0.1], [0.2]])),
    ]


def _formulas(n: str, std: bool) -> tuple[Callable[..., str], None, Callable[..., str]]:
    """The rules for x and for a given mean, as texts; n elements count."""

    def to_x(params: dict[str, Any], *shapes: Any) -> str:
        mean = "{mean}" if len(shapes) > 2 else "mean {x}"
        free = f"({n} − {params['ddof']})" if params["ddof"] else n
        if std:
            return f"{{g}} · ({{x}} − {mean}) / ({free}·{{y}})"
        return f"{{g}} · 2({{x}} − {mean}) / {free}"

    def to_given(params: dict[str, Any], *shapes: Any) -> str:
        return f"−Σ {to_x(params, *shapes)}"

    return to_x, None, to_given


for _key, _function, _rule, _method, _n in (
    (np.var, _var, var_vjp, ("var",), "{n}"),
    (np.std, _std, std_vjp, ("std",), "{n}"),
    (np.nanvar, _nanvar, without_nan(var_vjp), (), "n"),  # n elements that are no nan
    (np.nanstd, _nanstd, without_nan(std_vjp), (), "n"),
):
    TABLE[_key] = Primitive(
        _key,
        (_rule, None, to_mean(_rule)),
        kind="general",
        fn=_function,
        params={**_USUAL, "dtype": None},
        parse=reading(_key, _USUAL, ("dtype",), also="mean"),
        methods=_method,
        formulas=_formulas(_n, std=_function in (_std, _nanstd)),
        examples=_examples() if _method else _nan_examples(),
    )
