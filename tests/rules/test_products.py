"""Products with a constant on one side: arrays do not see tensors unless NumPy is asked."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
import autograd_lite.rules  # the table is filled when the first tensor is made
from autograd_lite.recording import bind
from autograd_lite.table import Primitive, rows

MODULES = ("linalg.py", "contractions.py", "vectors.py", "convolutions.py", "einsum.py")
PRODUCTS = [op for op in rows() if op.kind == "bilinear" and op.source.split(":")[0] in MODULES]
CASES = [(op, i) for op in PRODUCTS for i in range(len(list(op.examples)))]


def label(value: Any) -> str:
    return value.path if isinstance(value, Primitive) else str(value)


def test_every_product_is_looked_at() -> None:
    """The list below is not empty because a file was renamed."""
    assert {op.name for op in PRODUCTS} >= {"matmul", "dot", "tensordot", "kron", "cross", "einsum"}


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(("op", "i"), CASES, ids=label)
def test_a_constant_operand_is_an_array_in_the_recorded_sweep(
    op: Primitive, i: int, side: int
) -> None:
    """Second order with one plain operand: Σ y² has the Hessian 2 JᵀJ."""
    rng = np.random.default_rng(zlib.crc32(f"{op.path}{i}".encode()))
    args, kwargs = list(op.examples)[i](rng)
    inputs, params = op.parse(args, kwargs)
    if not isinstance(inputs[side], np.ndarray):
        pytest.skip("a Python number")

    def f(x: Any) -> Any:
        pair = (x, inputs[1]) if side == 0 else (inputs[0], x)
        return bind(op, pair, params)

    x = inputs[side]
    d = rng.standard_normal(x.shape)
    _, product = ag.hvp(lambda x: np.sum(f(x) ** 2), (x,), (d,))
    tangent = ag.jvp(f, (x,), (d,))[1]
    expected = ag.vjp(f, x)[1](2.0 * tangent)[0]
    np.testing.assert_allclose(product, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("layout", ["F", "backwards", "broadcast", "every other"])
@pytest.mark.parametrize("op", PRODUCTS, ids=label)
def test_layout_makes_no_difference(op: Primitive, layout: str) -> None:
    """Fortran order, negative, zero and long strides give the gradients of C order."""
    rng = np.random.default_rng(0)
    args, kwargs = next(iter(op.examples))(rng)
    inputs, params = op.parse(args, kwargs)
    found = []
    for lay in (lambda x: laid_out(x, layout), lambda x: laid_out(x, layout).copy()):
        leaves = [ag.tensor(lay(np.asarray(x)), requires_grad=True) for x in inputs]
        found.append(ag.gradients(np.sum(bind(op, leaves, params) ** 2), leaves))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)


def laid_out(x: Any, layout: str) -> Any:
    """An array of x's shape that lies in memory as the layout says."""
    if layout == "F":
        return np.asfortranarray(x)
    if layout == "backwards":
        return x[(slice(None, None, -1),) * x.ndim]
    if layout == "broadcast":
        return np.broadcast_to(x[:1], x.shape)
    wide = np.repeat(x, 2, axis=-1)
    return wide[..., ::2]


CONTRACTIONS: dict[str, tuple[Any, list[tuple[tuple[int, ...], tuple[int, ...]]]]] = {
    "dot": (np.dot, [((2,), (2, 1)), ((1,), (1, 3)), ((1,), (2, 1, 2)), ((2, 1, 1), (1, 2))]),
    "inner": (np.inner, [((2,), (2,)), ((3, 1), (1,)), ((2,), (1, 1, 2)), ((1,), (3, 1))]),
    "of no axes": (
        lambda a, b: np.tensordot(a, b, 0),
        [((2, 2), ()), ((), (3, 1)), ((1,), (2, 3)), ((2, 3), (1, 1))],
    ),
    "of one axis": (
        lambda a, b: np.tensordot(a, b, 1),
        [((1, 1, 1), (1, 3)), ((3,), (3,)), ((1, 2), (2,))],
    ),
    "of two axes": (lambda a, b: np.tensordot(a, b), [((1, 2, 2), (2, 2)), ((3, 2), (3, 2))]),
    "kron": (np.kron, [((2,), ()), ((1, 1), (1, 2)), ((1,), (2, 1, 2)), ((2, 2), (1, 1))]),
}


@pytest.mark.parametrize("special", [np.inf, np.nan])
@pytest.mark.parametrize("of_the_cotangent", [True, False])
@pytest.mark.parametrize("name", CONTRACTIONS)
def test_no_contraction_makes_zero_of_zero_times_infinity(
    name: str, of_the_cotangent: bool, special: float
) -> None:
    """NumPy's dot skips what a single number of 0 multiplies; a gradient has every product."""
    f, shapes = CONTRACTIONS[name]
    for pair in shapes:
        for which in (0, 1):
            sizes = [int(np.prod(shape)) for shape in pair]
            units = [np.eye(n).reshape(n, *shape) for n, shape in zip(sizes, pair, strict=True)]
            # which[e, x, w]: whether element e of the result has the product of x and w in it
            uses = np.array([[np.ravel(f(a, b)) for b in units[1]] for a in units[0]])
            uses = np.moveaxis(uses, -1, 0) if which == 0 else uses.transpose(2, 1, 0)
            other, g = np.zeros(sizes[1 - which]), np.full(uses.shape[0], special)
            if not of_the_cotangent:
                other, g = np.full_like(other, special), np.zeros_like(g)
            inputs = [np.ones(shape) for shape in pair]
            inputs[1 - which] = other.reshape(pair[1 - which])
            with np.errstate(all="ignore"):
                y, pull = ag.vjp(f, *inputs)
                found = np.ravel(pull(g.reshape(np.shape(y)))[which])
            assert uses.any(axis=(0, 2)).all()
            assert np.isnan(found).all(), (pair, which)
