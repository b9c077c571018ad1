"""NumPy's two protocols: how `np.tanh(tensor)` finds its row.

NumPy hands a call with a tensor among its arguments to `__array_ufunc__` or `__array_function__`,
which look the function up: a row of the table, a function made up of rows, or a query, which gets
plain values. Anything else raises where a gradient would be lost.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_lite import pytree
from autograd_lite.graph import Tensor
from autograd_lite.messages import named
from autograd_lite.methods import CASTS_FIRST
from autograd_lite.modes import MODES
from autograd_lite.promotion import Whole, is_fixed, is_weak, may_be_weak, stands
from autograd_lite.recording import bind, of_one, of_two
from autograd_lite.signatures import path_of
from autograd_lite.table import ADVICE, COMPOSED, IN_PLACE, QUERIES, TABLE, Primitive

__all__: list[str] = []


def _array_ufunc(self: Tensor, ufunc: Any, method: str, x: Any, *rest: Any, **kwargs: Any) -> Any:
    if not kwargs and method == "__call__":
        bound: Callable[..., Any] | None
        try:
            bound = _BOUND[ufunc]
        except KeyError:
            bound = _bound(ufunc)
        if bound is not None:
            return bound(x, *rest) if rest else bound(x)
    inputs = (x, *rest)
    kwargs.pop("array", None)  # the input of a method, which NumPy hands over twice
    if kwargs.get("out") is not None:
        raise TypeError(
            f"np.{ufunc.__name__}: a result cannot be written into an existing array (out=, or "
            "array += tensor): the tensor would be detached; write array = array + tensor"
        )
    if method == "outer":
        return ufunc(*_crossed(*inputs), **kwargs)
    if method == "at":
        more = ", values" * (ufunc.nin == 2)
        values = "values, add=True" if ufunc is np.add else f"np.{ufunc.__name__}(x[index]{more})"
        raise TypeError(
            f"np.{ufunc.__name__}.at writes into its first argument, which has no gradient; use "
            f"x = ag.put(x, index, {values})"
        )
    if method == "__call__" and kwargs.get("dtype") is not None:
        try:
            inputs = _computed_in(ufunc, inputs, kwargs)
        except Exception as error:
            named(error, path_of(ufunc))
            raise
        return _array_ufunc(self, ufunc, method, *inputs, **kwargs)
    key = ufunc if method == "__call__" else getattr(ufunc, method)
    if not kwargs and method == "reduce" and inputs[0] is self:
        return _array_function(self, key, (), inputs, kwargs)
    y = _call(key, inputs, kwargs)
    return tuple(map(_promoting, y)) if key is np.divmod else y


def _promoting(y: Any) -> Any:
    """A number as NumPy's functions give and take it, where it stands for one of Python's."""
    weak = isinstance(y, Tensor) and (stands(y) or is_fixed(y._value))
    return y.astype(y.dtype) if weak else y


#: What records the calls of ufuncs that are rows of one or two inputs.
_BOUND: dict[Any, Callable[..., Any]] = {}


def _bound(ufunc: Any) -> Callable[..., Any] | None:
    op = TABLE.get(ufunc)
    if op is None or not op.simple:
        return None
    bound = (op.of_one or of_one(op)) if op.n_inputs == 1 else (op.of_two or of_two(op))
    if may_be_weak(op):
        operator, bound = bound, lambda *inputs: _as_numpy(op, operator, inputs)
    _BOUND[ufunc] = bound
    return bound


def _as_numpy(op: Primitive, operator: Callable[..., Any], inputs: tuple[Any, ...]) -> Any:
    """What NumPy's function gives where its operator may give one of Python's numbers."""
    y = operator(*inputs)
    if y._value.ndim or not is_weak(op, y):
        return y
    return operator(*map(_promoting, inputs)) if type(y._value) is Whole else _promoting(y)


def _crossed(a: Any, b: Any) -> tuple[Any, Any]:
    """The arguments of a ufunc's outer, such that they broadcast: a[:, None] and b."""
    a = a if isinstance(a, Tensor) else np.asarray(a)
    if not np.ndim(b):  # an array to NumPy, where a Python float would promote nothing
        b = b.astype(b.dtype) if isinstance(b, Tensor) else np.asarray(b)
    return a[(..., *[None] * np.ndim(b))], b


def _computed_in(ufunc: Any, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """The inputs of a ufunc cast as `dtype=` and `casting=`, which are taken out, ask for.

    Raises TypeError, as NumPy does, where that rule allows no such cast.
    """
    dtype, casting = np.dtype(kwargs.pop("dtype")), kwargs.pop("casting", "same_kind")
    arrays: list[Any] = [
        x if hasattr(x, "dtype") or type(x) in (float, int) else np.asarray(x) for x in inputs
    ]
    none = [np.empty((0,) * (x.ndim or 1), x.dtype) if hasattr(x, "dtype") else x for x in arrays]
    ufunc(*none, dtype=dtype, casting=casting)  # raises; `resolve_dtypes` may crash instead
    types = [getattr(x, "dtype", type(x)) for x in arrays]
    signature = (*[None] * ufunc.nin, *[dtype] * ufunc.nout)
    loop = ufunc.resolve_dtypes(
        (*types, *[None] * ufunc.nout), signature=signature, casting=casting
    )
    return tuple([_cast(x, d) for x, d in zip(arrays, loop, strict=False)])


def _cast(x: Any, dtype: Any) -> Any:
    """An input in a dtype; Python's numbers stay what they are beside floats."""
    if not hasattr(x, "dtype"):
        return x if dtype.kind == "f" else np.asarray(x).astype(dtype)[()]
    return x if x.dtype == dtype else x.astype(dtype)


def _cast_first(key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What one of CASTS_FIRST makes of its arrays cast to `dtype=`, and what of it is not of that.

    Lists and numbers are not cast but with the result: they may be axes, or indices of einsum.
    """
    usual = "safe" if key is np.einsum else "same_kind"
    dtype, casting = np.dtype(kwargs["dtype"]), kwargs.get("casting", usual)

    def cast(x: Any) -> Any:
        if not isinstance(x, (Tensor, np.ndarray)) or x.dtype == dtype:
            return x
        if not np.can_cast(x.dtype, dtype, casting):
            raise TypeError(
                f"{path_of(key)}: cannot cast an array of dtype {x.dtype} to dtype={dtype} by "
                f"casting={casting!r}; pass another dtype, or casting='unsafe'"
            )
        return x.astype(dtype)

    rest = {name: x for name, x in kwargs.items() if name not in ("dtype", "casting")}
    leaves, structure = pytree.flatten((args, rest))
    return cast(_call(key, *pytree.unflatten(structure, list(map(cast, leaves)))))


def _array_function(self: Tensor, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
    if not kwargs and len(args) == 1 and args[0] is self:  # np.sum(x), without reading arguments
        op = TABLE.get(func)
        if op is not None and op.everyday is not None:
            return (op.of_one or of_one(op))(self, op.everyday)
    if kwargs.get("out") is not None:
        raise TypeError(
            f"np.{func.__name__}: a result cannot be written into an existing array (out=): "
            "the tensor would be detached; use the returned tensor"
        )
    return _call(func, args, kwargs)


Tensor.__array_ufunc__ = _array_ufunc  # type: ignore[attr-defined]
Tensor.__array_function__ = _array_function  # type: ignore[attr-defined]


#: Queries that a traced value can answer: it has a shape and a dtype.
_ASKS_SHAPE = frozenset({np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.isrealobj})

#: Queries that add up weights, which therefore must be constants.
_WEIGHED = frozenset({np.histogram, np.histogram2d, np.histogramdd})

#: Functions of scipy.special, by name, that the engine has under another.
_OF_SCIPY = {
    "erf": "ag.erf",
    "erfc": "ag.erfc",
    "expit": "ag.sigmoid",
    "log_expit": "ag.log_sigmoid",
    "xlogy": "ag.xlogy",
}


def _call(key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A NumPy function called with a tensor among its arguments."""
    op = TABLE.get(key)
    try:
        if key in CASTS_FIRST and kwargs.get("dtype") is not None:
            return _cast_first(key, args, kwargs)
        if op is not None:
            return bind(op, *op.parse(args, kwargs))
        composition = COMPOSED.get(key)
        if composition is not None:
            return composition(*args, **kwargs)
    except Exception as error:
        named(error, path_of(key))
        raise
    if key in _ASKS_SHAPE and len(args) == 1 and isinstance(args[0], Tensor):
        return key(args[0]._value, **kwargs)
    leaves, structure = pytree.flatten((args, kwargs))
    tensors = [x for x in leaves if isinstance(x, Tensor)]
    written = (*args, *kwargs.values())[0]
    if key in IN_PLACE and (written is tensors[0] or any(x.requires_grad for x in tensors)):
        raise TypeError(
            f"{path_of(key)} writes into its first argument, which has no gradient; use "
            f"{IN_PLACE[key]}"
        )
    if key in _WEIGHED:
        _refuse_weights(key, args, kwargs)
    if key not in QUERIES and any(x._node is not None for x in tensors):
        advice = ADVICE.get(key, "pass x.data to treat it as a constant")
        if isinstance(key, np.ufunc) and key.__name__ in _OF_SCIPY:
            advice = f"use {_OF_SCIPY[key.__name__]}"
        if (getattr(key, "__module__", None) or "").startswith("numpy.fft"):
            advice = "it needs complex numbers, and only real dtypes have gradients here"
        raise NotImplementedError(
            f"{path_of(key)} has no gradient rule; {advice}, or register one with @ag.primitive"
        )
    trace = MODES.get().trace
    if trace is not None and key not in _ASKS_SHAPE:
        for x in tensors:
            if x._node is not None:
                trace.refuse(x, path_of(key))
    values = [x._value if isinstance(x, Tensor) else x for x in leaves]
    args, kwargs = pytree.unflatten(structure, values)
    return key(*args, **kwargs)


def _refuse_weights(key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise for weights that require grad: a query's answer would detach them silently."""
    weights = inspect.signature(key).bind(*args, **kwargs).arguments.get("weights")
    if isinstance(weights, Tensor) and weights._node is not None:
        raise NotImplementedError(
            f"{path_of(key)} has no gradient rule for weights= that require grad; number the bins "
            "with np.digitize and add up with np.bincount(places, weights), which has one"
        )
