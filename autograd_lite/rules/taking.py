"""Elements chosen by integers or masks along an axis: take and its kin, choose, select."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.promotion import stands
from autograd_lite.rules.examples import given
from autograd_lite.rules.indexing import SLOT, split_index, take_at
from autograd_lite.rules.shapes import normal_axis, wrapped
from autograd_lite.table import Parsed, composed, elementwise

_MODES = ("raise", "wrap", "clip")


def integers(x: Any) -> Any:
    """Indices as an array or a tensor of ints; bools count as 0 and 1, as in np.take."""
    (array,), _ = split_index((x if isinstance(x, Tensor) else np.asarray(x),))
    if array.dtype.kind == "b" or (array.size == 0 and not isinstance(x, (Tensor, np.ndarray))):
        return array.astype(np.intp)
    if array.dtype.kind not in "iu":
        raise TypeError(f"indices of dtype {array.dtype}; they are integers, such as x.astype(int)")
    return array


def within(indices: Any, n: int, mode: str, name: str) -> Any:
    """Indices into n elements as `mode` takes them. Raises ValueError for an unknown mode."""
    if mode not in _MODES:
        raise ValueError(f"{name}: mode={mode!r}; it is one of {', '.join(_MODES)}")
    if mode != "raise":
        indices = indices.astype(np.intp, copy=False)  # uint8 takes no n of 300
    if mode == "clip":
        return np.minimum(np.maximum(indices, 0), n - 1)
    return np.remainder(indices, n) if mode == "wrap" else indices


def along(index: Any, axis: int) -> tuple[Any, ...]:
    """The whole index that has this one on an axis."""
    return (*[slice(None)] * axis, index)


def _with_axis(a: Any, axis: int | None) -> tuple[Any, int]:
    """An array that has the axis, counted from 0; a number is one of one element, as to NumPy."""
    if axis is None or not a.ndim:
        a = a.reshape(-1)
    return a, 0 if axis is None else normal_axis(axis, a.ndim)


def _take(a: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    a = wrapped(a)
    a, axis = _with_axis(a, axis)
    indices = within(integers(indices), a.shape[axis], mode, "take")
    return take_at(a, (indices,), along(SLOT, axis))


def take_along(x: Any, indices: Any, axis: int, unique: bool = False) -> Any:
    """The elements of x at these places of an axis, for every line along it."""
    ndim = x.ndim
    lines = [
        indices if a == axis else np.arange(n).reshape([-1 if b == a else 1 for b in range(ndim)])
        for a, n in enumerate(x.shape)
    ]
    return take_at(x, tuple(lines), (SLOT,) * ndim, unique)


def _take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    arr, indices = wrapped(arr), integers(indices)
    if axis is None:
        arr, axis = arr.reshape(-1), 0
    if arr.ndim != indices.ndim:
        raise ValueError(
            f"take_along_axis: arr of shape {arr.shape}, indices of shape {indices.shape}; they "
            "have equally many axes"
        )
    return take_along(arr, indices, normal_axis(axis, arr.ndim))


def _chosen(x: Any, condition: Any, axis: int) -> Any:
    """x where a condition is true along an axis; what it is too short for is left out."""
    if not isinstance(condition, Tensor):
        condition = np.asarray(condition)
    if condition.dtype != bool:
        condition = np.not_equal(condition, 0)
    part = x[along(slice(condition.shape[0]), axis)] if condition.shape[0] < x.shape[axis] else x
    return part[along(condition[: x.shape[axis]], axis)]


def _compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    a = wrapped(a)
    if np.ndim(condition) != 1:
        raise ValueError(f"compress: a condition of shape {np.shape(condition)}; it is 1-d")
    a, axis = _with_axis(a, axis)
    return _chosen(a, condition, axis)


def _extract(condition: Any, arr: Any) -> Any:
    flat = condition if isinstance(condition, Tensor) else np.asarray(condition)
    return _chosen(wrapped(arr).reshape(-1), flat.reshape(-1), 0)


def _draw(shape: tuple[int, ...], *after: Any, before: Any = None, **kwargs: Any) -> Any:
    """An example: an array of this shape, with arguments after it, or one before."""
    ahead = () if before is None else (before,)
    return given(lambda rng: (*ahead, rng.standard_normal(shape), *after), **kwargs)


composed(
    np.take,
    _take,
    methods=("take",),
    examples=[
        _draw((2, 3), np.array([[4, 0], [1, 4]])),
        _draw((2, 3), [2, 0, 2], axis=1),
        _draw((2, 3), -1, axis=-1),
        _draw((3,), [7, -4], mode="wrap"),
        _draw((3, 2), [7, -4], mode="clip", axis=0),
        _draw((3, 2), [], axis=0),
    ],
)
composed(
    np.take_along_axis,
    _take_along_axis,
    examples=[
        _draw((2, 3), np.array([[0, 0], [2, 1]]), axis=1),
        _draw((2, 3), np.array([[0, 1, -1]]), axis=0),
        _draw((2, 3), np.array([5, 0, 5]), axis=None),
    ],
)
composed(
    np.compress,
    _compress,
    examples=[
        _draw((2, 3), before=[0, 1], axis=1),
        _draw((2, 3), before=np.array([True, False, True]), axis=-1),
        _draw((2, 3), before=[True, False, False, True]),
    ],
)
composed(
    np.extract,
    _extract,
    examples=[_draw((2, 3), before=np.arange(6).reshape(2, 3) % 2)],
)


# --- choices among arrays


def _parse_choose(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Parsed:
    """((indices, *choices), {}) of np.choose(a, choices, mode=…)."""
    names = ("a", "choices", "out", "mode")
    given_ = {**dict(zip(names, args, strict=False)), **kwargs}
    mode = given_.pop("mode", "raise")
    if given_.pop("out", None) is not None or given_.keys() != {"a", "choices"}:
        raise TypeError(f"np.choose: takes a, choices and mode, got {', '.join(given_)}")
    choices = tuple(given_["choices"])
    return (within(integers(given_["a"]), len(choices), mode, "choose"), *choices), {}


# linear in the choices, each element its own: diagonal Jacobians
elementwise(
    np.choose,
    lambda i, g, y, a, *choices: np.where(a == i - 1, g, 0.0),
    fn=lambda a, *choices: np.choose(a, choices),
    variadic=True,
    parse=_parse_choose,
    formulas=("{g} where chosen",),
    examples=[
        given(
            lambda rng: (np.array([0, 2, 1]), [rng.random(3), rng.random((2, 1)), rng.random(3)])
        ),
        given(lambda rng: (np.array([[0], [3]]), rng.random((2, 3))), mode="wrap"),
    ],
)


def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(
            f"select: {len(condlist)} conditions, {len(choicelist)} choices; there is one choice "
            "for each condition, one or more"
        )
    conditions = [wrapped(c) for c in condlist]
    if any(c.dtype != bool for c in conditions):
        raise TypeError("select: a condition is not bool; compare, as in x > 0")
    # the first condition that holds decides, so the first is put on top
    result = default
    for condition, choice in reversed(list(zip(conditions, choicelist, strict=True))):
        result = np.where(condition, choice, result)
    # an int8 beside 1.5 is a float64, and beside 1.5 and float32 a float32
    dtype = np.result_type(*map(_promoted_by, (*choicelist, default)))
    return wrapped(result).astype(dtype, copy=False)


def _promoted_by(x: Any) -> Any:
    """What stands for a choice where NumPy asks for the dtype of several."""
    if isinstance(x, Tensor):
        return 1.0 if stands(x) else x
    return x if isinstance(x, (int, float)) else np.asarray(x)


composed(
    np.select,
    _select,
    examples=[
        given(
            lambda rng: (
                [np.array([True, False, False]), np.array([[True], [False]])],
                [rng.standard_normal(3), rng.standard_normal((2, 1))],
                1.5,
            )
        ),
        given(lambda rng: ([rng.random(3) < 0.5], [rng.standard_normal(3)]), default=np.ones(3)),
    ],
)
