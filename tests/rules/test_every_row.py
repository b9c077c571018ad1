"""What holds for every row of the table, on every example of the row."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite import pytree
from autograd_lite.graph import as_tensors
from autograd_lite.outline import outline_of
from autograd_lite.recording import bind
from autograd_lite.sweep import ancestors, next_order, sweep
from autograd_lite.table import TABLE, Primitive, rows
from autograd_lite.writer import Unrolled

CASES = [(op, i) for op in rows() for i in range(len(list(op.examples)))]


def label(value: Any) -> str:
    return value.path if isinstance(value, Primitive) else str(value)


def call(op: Primitive, i: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """(inputs, params) of a row's example, the same ones at every call."""
    rng = np.random.default_rng(zlib.crc32(f"{op.path}{i}".encode()))
    args, kwargs = list(op.examples)[i](rng)
    return op.parse(args, kwargs)


def is_float(x: Any) -> bool:
    return np.result_type(x).kind == "f"


def smooth(op: Primitive, inputs: tuple[Any, ...]) -> list[int]:
    """The inputs that a gradient passes to."""
    return [i for i, x in enumerate(inputs) if is_float(x) and op.rule(i) is not None]


def results(y: Any) -> list[Any]:
    """The float results of an operation."""
    parts = y if isinstance(y, (tuple, list)) else [y]
    return [part for part in parts if is_float(part.dtype)]


def scalar_function(
    op: Primitive, i: int, dtype: Any = np.float64
) -> tuple[Callable[..., Any], list[Any]]:
    """An example as a scalar function of its smooth inputs, by fixed random weights; and those."""
    inputs, params = call(op, i)
    places = smooth(op, inputs)
    rng = np.random.default_rng(7)
    weights: list[Any] = []

    def f(*primals: Any) -> Any:
        full = list(inputs)
        for place, primal in zip(places, primals, strict=True):
            full[place] = symmetrised(primal) if op.symmetric else primal
        outputs = results(bind(op, full, params))
        if not weights:
            weights.extend(rng.standard_normal(y.shape) for y in outputs)
        return sum(
            (np.sum(w.astype(y.dtype) * y) for w, y in zip(weights, outputs, strict=True)), 0.0
        )

    return f, [np.asarray(inputs[p], dtype) for p in places]


def symmetrised(a: Any) -> Any:
    """(A + Aᵀ)/2: what a row that reads one triangle is differentiated as a function of."""
    return (a + np.swapaxes(a, -1, -2)) / 2


def numeric_gradient(f: Callable[..., Any], primals: list[Any], k: int) -> Any:
    """Central differences of fourth order in primal k, element by element."""
    x = np.array(primals[k])
    g = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        slopes = []
        for h in (2e-3, 1e-3):
            moved = []
            for sign in (1, -1):
                shifted = x.copy()
                shifted[place] += sign * h
                args = [*primals[:k], shifted, *primals[k + 1 :]]
                moved.append(ag.tensor(0.0).data + plain(f(*args)))
            slopes.append((moved[0] - moved[1]) / (2 * h))
        g[place] = (4 * slopes[1] - slopes[0]) / 3
    return g


def plain(y: Any) -> Any:
    return y.detach().numpy() if isinstance(y, ag.Tensor) else y


def differentiable(case: tuple[Primitive, int]) -> bool:
    op, i = case
    inputs, params = call(op, i)
    return bool(smooth(op, inputs)) and bool(results(bind(op, inputs, params)))


SMOOTH = [case for case in CASES if differentiable(case)]


@pytest.mark.parametrize("op", rows(), ids=label)
def test_every_row_has_examples(op: Primitive) -> None:
    """A row without examples would go unchecked."""
    assert list(op.examples)


@pytest.mark.parametrize(("op", "i"), CASES, ids=label)
def test_forward_equals_the_function_on_arrays(op: Primitive, i: int) -> None:
    """A row computes on tensors what its function computes on arrays."""
    inputs, params = call(op, i)
    expected = op.fn(*inputs, **params)
    tensors = [ag.tensor(x, requires_grad=True) if is_float(x) else x for x in inputs]
    got = bind(op, tensors, params)
    for a, b in zip(
        got if isinstance(got, (tuple, list)) else [got],
        expected if isinstance(expected, (tuple, list)) else [expected],
        strict=True,
    ):
        np.testing.assert_array_equal(plain(a), b)
        assert plain(a).dtype == np.asarray(b).dtype


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "?", "u1", "i2"])
@pytest.mark.parametrize(("op", "i"), [c for c in CASES if c[0].path.startswith("np.")], ids=label)
def test_forward_equals_numpy_in_every_dtype(op: Primitive, i: int, dtype: str) -> None:
    """Bit for bit, dtype included, on constants; and what NumPy refuses raises."""
    rng = np.random.default_rng(zlib.crc32(f"{op.path}{i}".encode()))
    leaves, structure = pytree.flatten(list(op.examples)[i](rng))
    whole = np.dtype(dtype).kind != "f"
    arrays, tensors = list(leaves), list(leaves)
    for k, x in enumerate(leaves):
        if isinstance(x, np.ndarray) and x.dtype.kind == "f":
            arrays[k] = (np.nan_to_num(100 * abs(x), posinf=9) if whole else x).astype(dtype)
            tensors[k] = ag.tensor(arrays[k])
    with np.errstate(all="ignore"):
        try:
            args, kwargs = pytree.unflatten(structure, arrays)
            expected = op.key(*args, **kwargs)
        except (TypeError, ValueError, np.linalg.LinAlgError) as error:
            args, kwargs = pytree.unflatten(structure, tensors)
            if any(isinstance(x, ag.Tensor) for x in tensors):
                with pytest.raises(type(error)):
                    op.key(*args, **kwargs)
            return
        args, kwargs = pytree.unflatten(structure, tensors)
        got = op.key(*args, **kwargs)
    for a, b in zip(pytree.flatten(got)[0], pytree.flatten(expected)[0], strict=True):
        np.testing.assert_array_equal(plain(a), b)
        assert np.asarray(plain(a)).dtype == np.asarray(b).dtype


@pytest.mark.parametrize(("op", "i"), SMOOTH, ids=label)
def test_gradient_equals_differences(op: Primitive, i: int) -> None:
    """Reverse mode agrees with central differences."""
    f, primals = scalar_function(op, i)
    f(*primals)
    grads = ag.grad(f, argnums=tuple(range(len(primals))))(*primals)
    for k, g in enumerate(grads):
        assert g.shape == primals[k].shape
        assert g.dtype == primals[k].dtype
        expected = numeric_gradient(f, primals, k)
        scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
        np.testing.assert_allclose(g, expected, rtol=1e-8, atol=1e-8 * scale)


@pytest.mark.parametrize(("op", "i"), SMOOTH, ids=label)
def test_forward_mode_is_the_transpose_of_reverse(op: Primitive, i: int) -> None:
    """⟨v, J u⟩ = ⟨Jᵀ v, u⟩, and forward over reverse equals reverse over reverse."""
    f, primals = scalar_function(op, i)
    f(*primals)
    rng = np.random.default_rng(5)
    tangents = tuple(rng.standard_normal(p.shape) for p in primals)
    n = tuple(range(len(primals)))
    grads = ag.grad(f, argnums=n)(*primals)
    _, slope = ag.jvp(f, tuple(primals), tangents)
    expected = sum(float(np.sum(g * t)) for g, t in zip(grads, tangents, strict=True))
    scale = max(1.0, *(float(np.max(np.abs(g), initial=0)) for g in grads))
    assert float(slope) == pytest.approx(expected, rel=1e-11, abs=1e-11 * scale)
    _, products = ag.hvp(f, tuple(primals), tangents)
    _, pushed = ag.jvp(ag.grad(f, argnums=n), tuple(primals), tangents)
    products = (products,) if len(primals) == 1 else products
    for a, b in zip(products, pushed, strict=True):
        scale = max(1.0, float(np.max(np.abs(b), initial=0)))
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9 * scale)


@pytest.mark.parametrize(("op", "i"), SMOOTH, ids=label)
def test_second_order_equals_differences_of_the_first(op: Primitive, i: int) -> None:
    """The recorded sweep is itself differentiated rightly."""
    f, primals = scalar_function(op, i)
    n = tuple(range(len(primals)))
    rng = np.random.default_rng(3)
    directions = [rng.standard_normal(p.shape) for p in primals]

    def slope(*args: Any) -> Any:
        grads = ag.grad(f, argnums=n)(*args)
        return sum((np.sum(g * d) for g, d in zip(grads, directions, strict=True)), 0.0)

    grads = ag.grad(slope, argnums=n)(*primals)
    for k, g in enumerate(grads):
        expected = numeric_gradient(slope, primals, k)
        scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
        np.testing.assert_allclose(g, expected, rtol=1e-7, atol=1e-7 * scale)


@pytest.mark.parametrize(("op", "i"), SMOOTH, ids=label)
def test_recorded_sweep_equals_unrecorded(
    op: Primitive, i: int, reordered: Callable[..., bool]
) -> None:
    """A sweep over Tensors gives the numbers of a sweep over arrays, bit for bit."""
    f, primals = scalar_function(op, i)
    f(*primals)
    leaves = [ag.tensor(p, requires_grad=True) for p in primals]
    y = f(*leaves)
    plain_sweep = ag.gradients(y, leaves)
    recorded = ag.gradients(y, leaves, create_graph=True)
    for a, b in zip(plain_sweep, recorded, strict=True):
        if reordered(*primals):
            np.testing.assert_allclose(a, plain(b), rtol=1e-13, atol=1e-15)
        else:
            np.testing.assert_array_equal(a, plain(b))


@pytest.mark.parametrize(("op", "i"), SMOOTH, ids=label)
def test_the_sweep_written_out_gives_the_same_bits(op: Primitive, i: int) -> None:
    """A graph swept by a function that was written for it, and node by node."""
    f, primals = scalar_function(op, i)
    f(*primals)
    y = f(*[ag.tensor(p, requires_grad=True) for p in primals])
    seed = np.ones(y.shape, y.dtype)[()]
    expected = sweep([(y.node, seed)])
    outline = outline_of([y.node], None, 0)
    assert outline is not None
    found = Unrolled(outline).run([(y.node, seed)], None, 0, False)
    assert found is not None
    assert [(n, g.tobytes()) for n, g in found.items()] == [
        (n, g.tobytes()) for n, g in expected.items()
    ]


def graph_of(y: Any, floor: int) -> list[Any]:
    """The rows that recorded a tensor since some order, each with its inputs' places."""
    tracked = isinstance(y, ag.Tensor) and y.node is not None
    nodes = ancestors([y.node], floor) if tracked else []
    places = {node: i for i, node in enumerate(nodes)}
    return [
        (
            n.plan and n.plan.op.path,
            n.shape,
            [places.get(p) for p in n.inputs if type(p) is type(n)],
        )
        for n in nodes
    ]


@pytest.mark.parametrize(("op", "i"), SMOOTH, ids=label)
def test_the_recorded_sweep_written_out_records_the_same(op: Primitive, i: int) -> None:
    """The same bits, by the same operations in the same order."""
    f, primals = scalar_function(op, i)
    f(*primals)
    y = f(*[ag.tensor(p, requires_grad=True) for p in primals])
    outline = outline_of([y.node], recorded=True)
    if outline is None:
        assert op.into is not None or any(n.plan and n.plan.op.into for n in ancestors([y.node], 0))
        return
    unrolled = Unrolled(outline)
    found = []
    for sweeps in (
        sweep,
        lambda pairs, as_tensors: unrolled.run(pairs, None, 0, False, as_tensors),
    ):
        seed, floor = ag.tensor(np.ones(y.shape, y.dtype)[()]), next_order()
        cotangents = sweeps([(y.node, seed)], as_tensors=as_tensors)
        found.append(
            [(n, plain(g).tobytes(), g.dtype, graph_of(g, floor)) for n, g in cotangents.items()]
        )
    assert found[0] == found[1]


@pytest.mark.parametrize(("op", "i"), SMOOTH, ids=label)
def test_float32_stays_float32(op: Primitive, i: int) -> None:
    """float32 inputs give float32 gradients, near the float64 ones."""
    f, primals = scalar_function(op, i)
    n = tuple(range(len(primals)))
    f(*primals)
    narrow = [p.astype(np.float32) for p in primals]
    grads = ag.grad(f, argnums=n)(*narrow)
    wide = ag.grad(f, argnums=n)(*[p.astype(np.float64) for p in narrow])
    for g, w in zip(grads, wide, strict=True):
        assert g.dtype == np.float32
        scale = max(1.0, float(np.max(np.abs(w), initial=0)))
        np.testing.assert_allclose(g, w, rtol=2e-3, atol=2e-4 * scale)


@pytest.mark.parametrize(("op", "i"), SMOOTH, ids=label)
def test_gradients_share_no_memory(op: Primitive, i: int) -> None:
    """No gradient shows the memory of another, of an input or of the cotangent."""
    inputs, params = call(op, i)
    places = smooth(op, inputs)
    leaves = [ag.tensor(np.asarray(inputs[p]), requires_grad=True) for p in places]
    full = list(inputs)
    for p, leaf in zip(places, leaves, strict=True):
        full[p] = leaf
    y = bind(op, full, params)
    y = next(part for part in (y if isinstance(y, (tuple, list)) else [y]) if part.requires_grad)
    seed = np.ones(y.shape, y.dtype)
    grads = ag.gradients(y, leaves, seed)
    others = [seed, *(leaf.data for leaf in leaves)]
    for k, g in enumerate(grads):
        assert not any(np.shares_memory(g, other) for other in [*others, *grads[:k]])
        assert g.flags.writeable


def test_the_table_is_keyed_by_the_function_users_call() -> None:
    """Looking a NumPy function up finds its row."""
    assert TABLE[np.multiply].name == "multiply"
    assert pytree.flatten({"a": 1})[0] == [1]
