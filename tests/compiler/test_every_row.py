"""What a program of every row computes, on inputs other than those that it was traced with."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite.recording import bind
from autograd_lite.table import Primitive, rows

CASES = [(op, i) for op in rows() for i in range(len(list(op.examples)))]


def label(value: Any) -> str:
    return value.path if isinstance(value, Primitive) else str(value)


def call(op: Primitive, i: int, seed: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """(inputs, params) of a row's example, other numbers for every seed."""
    rng = np.random.default_rng(zlib.crc32(f"{op.path}{i}".encode()) + seed)
    args, kwargs = list(op.examples)[i](rng)
    return op.parse(args, kwargs)


def is_float(x: Any) -> bool:
    return x is not None and np.result_type(x).kind == "f"


def smooth(op: Primitive, inputs: tuple[Any, ...]) -> list[int]:
    """The inputs that a gradient passes to."""
    return [i for i, x in enumerate(inputs) if is_float(x) and op.rule(i) is not None]


def parts_of(y: Any) -> list[Any]:
    return list(y) if isinstance(y, (tuple, list)) else [y]


def value_of(op: Primitive, params: dict[str, Any]) -> Callable[..., Any]:
    """The row as a function of its inputs."""
    return lambda *inputs: parts_of(bind(op, inputs, params))


def gradients_of(op: Primitive, params: dict[str, Any], places: list[int]) -> Callable[..., Any]:
    """The function of a row's inputs that gives the gradient of a weighted sum of its results."""

    def gradients(*inputs: Any) -> Any:
        def total(*primals: Any) -> Any:
            full = list(inputs)
            for place, primal in zip(places, primals, strict=True):
                full[place] = primal
            rng, outputs = np.random.default_rng(7), parts_of(bind(op, full, params))
            terms = [
                np.sum(rng.standard_normal(y.shape).astype(y.dtype) * y)
                for y in outputs
                if is_float(y.dtype)
            ]
            return sum(terms, 0.0)

        primals = [
            np.asarray(inputs[p]) if isinstance(inputs[p], float) else inputs[p] for p in places
        ]
        return ag.grad(total, argnums=tuple(range(len(places))))(*primals)

    return gradients


def plain(y: Any) -> Any:
    return y.numpy() if isinstance(y, ag.Tensor) else y


def arrays(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Inputs as a caller passes them: numbers in the source stay numbers."""
    return tuple(x if isinstance(x, (np.ndarray, int, float, bool)) or x is None else np.asarray(x)
                 for x in inputs)  # fmt: skip


@pytest.mark.parametrize(("op", "i"), CASES, ids=label)
def test_values_equal_eager_ones_bit_for_bit(
    op: Primitive, i: int, reordered: Callable[..., bool]
) -> None:
    """A row's program gives what the row gives, for numbers that it has not seen."""
    seen, params = call(op, i, 0)
    unseen = arrays(call(op, i, 1)[0])
    program = ag.compile(value_of(op, params))
    if op.data_dependent:
        with pytest.raises(TypeError, match=r"np\.where"):
            program(*[np.asarray(x) for x in seen])
        return
    program(*arrays(seen))
    with np.errstate(all="ignore"):
        got, expected = program(*unseen), [plain(y) for y in value_of(op, params)(*unseen)]
    for a, b in zip(got, expected, strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        if op.name in REORDERED or reordered(*unseen):
            np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)
        else:
            np.testing.assert_array_equal(a, b)


#: Rows whose program sums in another order.
REORDERED = {"softmax_cross_entropy"}


def differentiable(case: tuple[Primitive, int]) -> bool:
    op, i = case
    inputs, params = call(op, i, 0)
    if not smooth(op, inputs) or op.data_dependent:
        return False
    return any(is_float(y.dtype) for y in parts_of(bind(op, inputs, params)))


SMOOTH = [case for case in CASES if differentiable(case)]


@pytest.mark.parametrize(("op", "i"), SMOOTH, ids=label)
def test_gradients_equal_eager_ones(op: Primitive, i: int) -> None:
    """The program of a row's gradient gives the gradient, for numbers that it has not seen."""
    seen, params = call(op, i, 0)
    unseen = arrays(call(op, i, 1)[0])
    f = gradients_of(op, params, smooth(op, seen))
    program = ag.compile(f)
    if op.name == "put" and any(getattr(x, "dtype", None) == np.bool_ for x in seen):
        with pytest.raises(TypeError, match=r"np\.where"):  # what a mask picks has no fixed shape
            program(*arrays(seen))
        return
    program(*arrays(seen))
    for a, b in zip(program(*unseen), f(*unseen), strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        assert np.shape(a) == np.shape(b)
        scale = float(np.max(np.abs(np.nan_to_num(b)), initial=0.0))
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-14 * scale)
