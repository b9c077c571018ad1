"""Sweeps that are written out: the same bits as `sweep`, and only for graphs that they fit."""

from __future__ import annotations

import contextlib
import gc
import pickle
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite.graph import as_tensors
from autograd_lite.outline import MOST, outline_of
from autograd_lite.sweep import FREED, ancestors, own, sweep
from autograd_lite.table import TABLE
from autograd_lite.unrolled import KEPT, PATIENCE
from autograd_lite.writer import Unrolled

Leaves = list[ag.Tensor]


def leaves(*shapes: tuple[int, ...], dtype: Any = np.float64) -> Leaves:
    rng = np.random.default_rng(3)
    return [ag.tensor(rng.random(s).astype(dtype) + 0.5, requires_grad=True) for s in shapes]


def written(y: ag.Tensor, targets: Any = None, floor: int = 0) -> Unrolled:
    assert y.node is not None
    outline = outline_of([y.node], targets, floor)
    assert outline is not None
    return Unrolled(outline)


def run(unrolled: Unrolled, y: ag.Tensor, targets: Any = None, floor: int = 0) -> Any:
    """What it finds, or None; the list of outputs must be kept in that case alone."""
    outputs = [(y.node, np.ones(y.shape, y.dtype)[()])]
    found = unrolled.run(outputs, targets, floor, False)  # type: ignore[arg-type]
    assert bool(outputs) == (found is None)
    return found


def assert_same_bits(y: ag.Tensor, targets: Any = None) -> None:
    seed = np.ones(y.shape, y.dtype)[()]
    expected = own(sweep([(y.node, seed)], targets), [seed])  # type: ignore[list-item]
    found = own(run(written(y, targets), y, targets), [seed])
    assert list(found) == list(expected)
    for node, g in expected.items():
        assert type(found[node]) is type(g)
        assert (found[node].dtype, found[node].strides) == (g.dtype, g.strides)
        assert found[node].tobytes() == g.tobytes()


FUNCTIONS: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    "broadcasting": (lambda a, b: np.sum(a * b + a), [(3, 1), (4,)]),
    "a bias of many rows": (lambda a, b: np.sum(np.tanh(a + b)), [(40, 3), (3,)]),
    "one node used four times": (lambda a: np.sum(a * a * a + np.sin(a) / a), [(5,)]),
    "numbers": (lambda a, b: a * b + a / b - a + b * 3.0, [(), ()]),
    "numbers and arrays": (lambda a, b: np.sum(a * b) * a, [(), (3,)]),
    "several results": (lambda a: np.sum(np.linalg.qr(a)[0] * np.linalg.qr(a)[1]), [(3, 3)]),
    "one of several results": (lambda a: np.sum(np.linalg.slogdet(a)[1]), [(3, 3)]),
    "joined": (lambda a, b: np.sum(np.concatenate([a, b, a]) ** 2), [(2, 3), (1, 3)]),
    "joined to constants": (lambda a: np.sum(np.stack([a, np.ones(3), a * 2]) ** 2), [(3,)]),
    "rows taken again and again": (lambda a: np.sum(a[0] * a[1] * a[2] + a[1]), [(3, 4)]),
    "a cross-entropy": (
        lambda z, t: ag.softmax_cross_entropy(z, t) + np.sum(z), [(3, 4), (3, 4)],
    ),
    "a number taken and reshaped": (lambda a: a.reshape(1)[0] + a[()] + a[None][0], [()]),
    "a checkpoint": (
        lambda a, b: np.sum(ag.checkpoint(lambda x, y: np.sin(x) * y + x)(a, b) * a), [(3,), (3,)],
    ),
    "a sum of products": (lambda a, b: 3.0 * np.sum((a - b) * (a - b)), [(40, 3), (3,)]),
    "a mean": (lambda a, b: np.mean(-(a + b) * 2.0 / 3.0), [(3, 1), (4,)]),
    "a mean of quotients": (lambda a, b: np.mean(a / b + b), [(2, 3), (2, 3)]),
    "a sum of a product": (lambda a, b: (a @ b).sum(), [(2, 3), (3, 4)]),
    "a sum twice over": (lambda a: np.sum(a) + np.mean(a * 2.0), [(2, 3)]),
    "a sum of what is sliced": (lambda a: np.sum((a.T * 2.0)[1:]), [(2, 3)]),
    "a sum of a number": (lambda a: np.sum(np.sum(a * 2.0)), [()]),
    "a sum along an axis": (lambda a: np.sum(np.sum(a * a, axis=0) * 2.0), [(2, 3)]),
    "a sum of no elements": (lambda a: np.sum((a[:, :0] * 2.0) * a[:, :0]), [(2, 3)]),
    "no way to an input": (lambda a, b: np.sum(a * np.sign(b)) + 0.0 * np.sum(b), [(3,), (3,)]),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_same_bits_as_the_sweep(name: str, dtype: Any) -> None:
    """Values, types and the order of the leaves are those that `sweep` finds."""
    f, shapes = FUNCTIONS[name]
    assert_same_bits(f(*leaves(*shapes, dtype=dtype)))


def test_other_shapes_and_dtypes_are_left_to_the_sweep() -> None:
    """What was written for arrays of one shape leaves those of another, and numbers, alone."""
    f = lambda a, b: np.sum(a * b + a) * 2.0
    given = [
        f(*leaves((), ())),
        f(*leaves((3,), (3,))),
        f(*leaves((3,), (1,))),
        f(*leaves((4,), (4,))),
        f(*leaves((3,), (3,), dtype=np.float32)),
        f(*leaves((), (), dtype=np.float32)),
    ]
    for made_for in given:
        unrolled = written(made_for)
        assert [run(unrolled, y) is not None for y in given] == [y is made_for for y in given]


@pytest.mark.parametrize(
    "constant",
    [2.0, np.float64(2.0), np.float32(2.0), 2, np.ones(3), np.ones(3, np.float32), np.ones((3, 1))],
)
def test_other_constants_are_left_to_the_sweep_or_swept_right(constant: Any) -> None:
    """A Python float promotes nothing, an array may: a function for one may not fit the other."""
    f = lambda a, c: np.sum(np.sin(a * c) / c)
    g = lambda a, c: np.sum((a[None] * 1.0) @ c)
    for dtype in (np.float32, np.float64):
        (a,) = leaves((3,), dtype=dtype)
        for made_for in (2.0, np.float32(2.0), np.ones(3, dtype)):
            unrolled, y = written(f(a, made_for)), f(a, constant)
            found = run(unrolled, y)
            (expected,) = sweep([(y.node, y.dtype.type(1))]).values()  # type: ignore[union-attr]
            if found is not None:
                assert found[a.node].dtype == expected.dtype
                assert found[a.node].tobytes() == expected.tobytes()
        matrix = np.ones((2, 3), dtype)
        y = g(a, matrix.T)
        assert run(written(y), g(a, matrix.T)) is not None
        assert run(written(y), g(a, matrix[:1].T)) is None


def test_a_dtype_that_is_not_numpys_own_object_is_known_again() -> None:
    """Arrays out of a pickle have dtypes that are equal to NumPy's, and not the same."""
    dtype = pickle.loads(pickle.dumps(np.ones(3, np.float32))).dtype
    (a,) = leaves((3,), dtype=dtype)
    b = ag.tensor(pickle.loads(pickle.dumps(a.data)), requires_grad=True)
    f = lambda a: np.sum(np.tanh(a) * a)
    for x in (a, b):
        assert run(written(f(x)), f(x)) is not None
    assert_same_bits(f(b))


def test_arrays_in_another_byte_order_are_left_to_the_sweep() -> None:
    """The sum of two cotangents is in the machine's own, and is brought into that one again."""
    swapped = np.dtype(np.float64).newbyteorder()
    a = ag.tensor(np.arange(3.0).astype(swapped), requires_grad=True)
    y = np.copy(a)
    y = np.sum(y * y)
    assert outline_of([y.node], None, 0) is None
    assert_same_bits(np.sum(a * a + np.sin(a)))


_LARGE = (80, 64)  # float32 and float64 arrays of it are more than AT_HAND bytes

OVERWRITING: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]], str]] = {
    "a chain": (lambda a: np.sum(np.tanh(np.exp(-a * 0.9) / 3.0)), [_LARGE], "t0 := "),
    "layers": (
        lambda a, b: np.sum(np.tanh(ag.relu(np.tanh(a @ b) @ b) @ b)), [_LARGE, (64, 64)],
        "t0 := ",
    ),
    "layers with biases": (
        lambda a, b, c: np.sum(np.exp(np.tanh(a @ b + c) @ b + c) * 0.5), [_LARGE, (64, 64), (64,)],
        "t0 := ",
    ),
    "what is added again": (
        lambda a, b: np.sum(np.tanh(h := np.sin(a @ b)) * 2.0 + np.exp(h)), [_LARGE, (64, 64)],
        ", ct, ct)",
    ),
    "a leaf that shares the cotangent": (
        lambda a, b, c: np.sum(np.exp(c + np.exp(a @ b * 0.001) * 0.5)), [_LARGE, (64, 64), _LARGE],
        "Multiply",
    ),
    "leaves that share it": (
        lambda a, b, c: np.sum(np.exp((c - np.tanh(b)) + a)), [_LARGE, _LARGE, _LARGE], "t0 := ",
    ),
    "one input twice": (
        lambda a, b: np.sum(np.exp((h := a @ b * 0.001) * h - h)), [_LARGE, (64, 64)], "Multiply",
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", OVERWRITING)
def test_large_arrays_are_written_over_where_nobody_reads_them_again(name: str, dtype: Any) -> None:
    """The bits are the sweep's, what was saved and given stays, and no gradient is another's."""
    f, shapes, sign = OVERWRITING[name]
    inputs = leaves(*shapes, dtype=dtype)
    y = f(*inputs)
    nodes = ancestors([y.node], 0)
    arrays = [v for n in nodes for v in n.saved or () if isinstance(v, np.ndarray)]
    before = [v.copy() for v in arrays]
    assert sign in written(y).source
    assert_same_bits(y)
    assert_same_bits(y)
    seed = np.ones(y.shape, dtype)[()]
    found = list(own(run(written(y), y), [seed]).values())
    for v, kept in zip(arrays, before, strict=True):
        assert v.tobytes() == kept.tobytes()
        assert not any(np.shares_memory(v, g) for g in found)
    assert not any(np.shares_memory(g, h) for i, g in enumerate(found) for h in found[:i])


@pytest.mark.parametrize("f", [np.tan, ag.sigmoid])
def test_a_written_sweep_takes_no_more_memory_than_the_other(f: Callable[..., Any]) -> None:
    """Where a cotangent lies in any order too, which keeps NumPy from using memory again."""
    (a,) = leaves((300, 400))
    y = f(a * 0.5)
    y = np.sum(y * y + y)
    unrolled = written(y)

    def peak(sweeping: Callable[..., Any]) -> int:
        tracemalloc.start()
        try:
            assert sweeping([(y.node, np.float64(1.0))], None, 0)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(lambda *args: unrolled.run(*args, False)) < peak(sweep) + a.data.nbytes / 2


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    "f", [np.tan, ag.sigmoid, lambda x: np.fmod(2.0, x), lambda x: 1.0 / x, lambda x: x**3]
)
def test_cotangents_in_any_order_meet_arrays_in_order(f: Callable[..., Any], order: Any) -> None:
    """Gradients have the strides that `sweep` gives them, and sums the bits."""
    a, b = leaves((400, 300), (300,))
    y = f(a + b)
    seed = np.asarray(np.random.default_rng(0).standard_normal(y.shape), order=order)
    found = [
        own(swept([(y.node, seed)], None, 0), [seed])  # type: ignore[arg-type]
        for swept in (sweep, lambda *args: written(y).run(*args, False))
    ]
    for x in (a, b):
        expected, got = (g[x.node] for g in found)
        assert got.strides == expected.strides
        assert got.tobytes() == expected.tobytes()


def test_arrays_in_other_orders_are_written_over_by_a_function_of_their_own() -> None:
    """Which order a sum runs in depends on it, and so do its bits."""
    for order in (np.asfortranarray, lambda v: np.repeat(v, 2, axis=0)[::2], lambda v: v[::-1]):
        a, b = leaves(_LARGE, (64, 64), dtype=np.float32)
        f = lambda a, b: np.sum(np.exp(np.sin(a) * 0.5) * np.tanh(a @ b))
        packed = written(f(a, b))
        a.data = order(a.data.copy())
        assert run(packed, f(a, b)) is None
        assert_same_bits(f(a, b))


@pytest.mark.parametrize("constant", [2.0, np.float64(2.0), np.ones((1, 64)), np.ones((64, 80)).T])
def test_a_constant_may_be_another_than_the_large_array_before(constant: Any) -> None:
    """What was asked of that one, such as its order, is not asked of a number."""
    f = lambda a, c: np.sum(np.sin(a * c) / c)
    (a,) = leaves(_LARGE)
    unrolled, y = written(f(a, np.full(_LARGE, 2.0))), f(a, constant)
    found = run(unrolled, y)
    (expected,) = sweep([(y.node, np.float64(1.0))]).values()  # type: ignore[list-item]
    assert found is None or found[a.node].tobytes() == expected.tobytes()


SIGNS: dict[str, tuple[Callable[..., Any], int]] = {
    "in a literal": (lambda a: np.exp(-np.sqrt(a)), 0),
    "to a leaf": (lambda a: np.exp(-a), 1),
    "past arrays and numbers": (lambda a: np.exp(3.0 - np.tanh(a) * 2.0 / a), 1),
    "past a second one": (lambda a: np.exp(-(1.0 - np.sin(a))), 0),
    "to both inputs": (lambda a: np.exp(-(np.sin(a) * np.cos(a))), 2),
    "to one input that is added up": (lambda a: np.exp(-((h := np.sin(a)) * h)), 2),
    "where a rule is called": (lambda a: np.exp(-np.cumsum(np.tanh(a))), 1),
    "where it is added": (lambda a: np.exp(-np.logaddexp(np.sin(a), 1.0)), 1),
    "to a smaller input": (lambda a: np.exp(np.ones((3, 1)) - np.sin(a)), 1),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", SIGNS)
def test_signs_are_carried_along(name: str, dtype: Any) -> None:
    """A minus sign is left to a later factor, where there is one; the bits are the sweep's."""
    f, most = SIGNS[name]
    for shape in [(5,), (7, 5), _LARGE[:1], _LARGE]:
        if "smaller" in name:
            shape = shape[-1:]
        (a,) = leaves(shape, dtype=dtype)
        a.data[..., :2] = [0.0, -0.0] if "/" not in name and "past arrays" not in name else 0.5
        with np.errstate(all="ignore"):
            y = np.sum(f(a))
            assert_same_bits(y)
        source = written(y).source
        assert source.count("= -") + source.count("(-") + source.count("Negative") <= most


def test_a_gradient_that_was_given_is_not_written_over() -> None:
    """It is the caller's."""
    a, b = leaves(_LARGE, (64, 64))
    given = np.random.default_rng(0).standard_normal(_LARGE)
    kept = given.copy()
    for _ in range(4 * PATIENCE):
        a.zero_grad()
        np.exp(-(a @ b) * 0.01).backward(given)
        assert a.grad.tobytes() != given.tobytes()
        assert given.tobytes() == kept.tobytes()


def test_a_training_step_is_swept_by_what_was_written_for_it() -> None:
    """After a few steps no other sweep is needed, and a loop of two graphs has one for each."""
    (W,) = leaves((3, 3))
    X = np.eye(3)
    plan = np.sum(np.tanh(X @ W)).node.plan
    plan.written = None
    for _ in range(8 * PATIENCE):
        np.sum(np.tanh(X @ W)).backward()
    (unrolled,) = plan.written.functions
    others = plan.written.others
    assert others <= 2 * PATIENCE
    W.zero_grad()
    np.sum(np.tanh(X @ W)).backward()
    assert plan.written.others == others
    np.testing.assert_allclose(W.grad, X.T @ (1 - np.tanh(X @ W.data) ** 2), rtol=1e-14)
    for i in range(100 * PATIENCE):
        np.sum([np.tanh, np.cos][i % 2](X @ W)).backward()
    assert len(plan.written.functions) == 2
    assert unrolled in plan.written.functions


def test_transforms_are_swept_so_too() -> None:
    """value_and_grad and vjp, whose leaves are new each time; a captured leaf gets nothing."""
    outside = ag.tensor(2.0, requires_grad=True)
    f = ag.value_and_grad(lambda x: np.sum(np.cos(x) * outside))
    x = np.arange(3.0)
    plan = np.sum(np.cos(ag.tensor(x, requires_grad=True)) * outside).node.plan
    plan.written = None
    for _ in range(8 * PATIENCE):
        _, g = f(x)
        np.testing.assert_array_equal(g, -2.0 * np.sin(x))
    assert len(plan.written.functions) == 1
    assert plan.written.others <= 2 * PATIENCE
    assert outside.grad is None


def test_graphs_that_never_repeat_are_never_written_out() -> None:
    """A row keeps few functions, and looks ever more seldom for another."""
    (a,) = leaves((2,))
    plan = np.sum(a).node.plan
    plan.written = None
    for n in range(1, 40):
        y = a
        for _ in range(n):
            y = y * a
        np.sum(y).backward()
    assert plan.written.functions == []
    assert plan.written.others == 39
    plan.written = None
    np.sum(a).backward()
    written = plan.written
    for n in range(3 * KEPT):
        for _ in range(4 * PATIENCE << written.count // KEPT):
            y = a
            for _ in range(n):
                y = np.tanh(y)
            np.sum(y).backward()
    assert written.count == 3 * KEPT
    assert len(written.functions) == KEPT
    latest, *_ = written.functions
    np.sum(a).backward()  # its function was dropped long ago
    assert written.functions[0] is latest
    before = written.others
    for n in (3 * KEPT - 2, 3 * KEPT - 1):  # those used last come first
        y = a
        for _ in range(n):
            y = np.tanh(y)
        np.sum(y).backward()
    assert written.functions[0] is latest
    assert written.others == before


@pytest.mark.parametrize("n", range(1, KEPT))
def test_graphs_that_take_turns_are_all_written_out(n: int) -> None:
    """Three losses of one step, say, that all end in a sum."""
    (a,) = leaves((2,))
    plan = np.sum(a).node.plan
    plan.written = None
    for k in range(300 * PATIENCE):
        y = a
        for _ in range(k % n):
            y = np.tanh(y)
        np.sum(y).backward()
    assert len(plan.written.functions) == n


def test_a_join_of_what_nobody_asks_for_is_not_swept() -> None:
    """A transform whose function joins captured leaves, to none of which a cotangent goes."""
    W, V = leaves((2,), (3,))
    y = np.sum(A * A) + np.sum(np.concatenate([W, V]) ** 2)
    assert_same_bits(y)
    assert_same_bits(y, {A.node})
    f = ag.grad(lambda x: np.sum(x * x) + np.sum(np.stack([W, W])))
    for _ in range(8 * PATIENCE):
        np.testing.assert_array_equal(f(np.arange(3.0)), [0.0, 2.0, 4.0])


A, B = leaves((2,), (2,))


@pytest.mark.parametrize(
    "other",
    [
        lambda: np.sum(A * B + np.sin(A)),  # another row
        lambda: np.sum(A * A + np.cos(A)),  # one leaf in place of two
        lambda: np.sum(A * B + np.cos(B)),  # joined otherwise
        lambda: np.sum(A * 2.0 + np.cos(A)),  # a constant
        lambda: np.sum(B * B + np.cos(A)),
        lambda: np.sum(A * -B + np.cos(A)),  # a node where a leaf was
        lambda: np.sum(A * B + A),  # a leaf where a node was
        lambda: np.sum(A * B + np.cos(A), axis=0),  # another parameter
    ],
)
def test_another_graph_is_left_to_the_sweep(other: Callable[[], Any]) -> None:
    """One row, one join or one order different, and it is not touched."""

    def f() -> Any:
        return np.sum(A * B + np.cos(A))

    unrolled = written(f())
    assert run(unrolled, f()) is not None
    assert run(unrolled, other()) is None


def test_another_order_is_left_to_the_sweep() -> None:
    """Sums are added up in the order of recording, so that order is part of the outline."""
    one, two = A * B, np.cos(A)
    first = np.sum(one + two)
    two = np.cos(A)
    one = A * B
    assert run(written(first), np.sum(one + two)) is None


def test_targets_are_part_of_the_outline() -> None:
    """Which leaves are wanted decides what is computed."""
    y = np.sum(A * B)
    wanted = written(y, {A.node})
    assert list(run(wanted, y, {A.node})) == [A.node]
    assert run(wanted, y, {B.node}) is None
    assert run(wanted, y, {A.node, B.node}) is None
    assert run(wanted, y) is None
    assert run(written(y), y, {A.node}) is None


def test_what_the_sweep_must_look_at_is_left_to_it() -> None:
    """Leaves changed in place, freed graphs, retained gradients: as without anything written."""
    (W,) = leaves((2, 2))

    def loss() -> Any:
        return np.sum(np.tanh(W * W))

    plan = loss().node.plan
    plan.written = None
    for _ in range(4 * PATIENCE):
        loss().backward()
    assert len(plan.written.functions) == 1
    y = loss()
    W.data *= 2.0
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()
    y = loss()
    y.backward(retain_graph=False)
    with pytest.raises(RuntimeError, match="freed"):
        y.backward()
    h = W * W
    h.retain_grad()
    np.sum(np.tanh(h)).backward()
    np.testing.assert_array_equal(h.grad, 1.0 - np.tanh(h.data) ** 2)
    h = W * W
    (g,) = ag.gradients(np.sum(np.tanh(h)), [h])
    np.testing.assert_array_equal(g, 1.0 - np.tanh(h.data) ** 2)


ENDS: dict[str, Callable[[Any], Any]] = {
    "a number": np.sum,
    "numbers": lambda x: np.tanh(np.sum(x) * 0.5) * 2.0,
    "an array": lambda x: x[:1] * np.ones(1),
    "a node used twice": lambda x: np.sum(np.tanh(x) + x),
    "joined again and again": lambda x: np.sum(np.concatenate([x, x * 2.0, x, x])),
}


def test_constants_of_numbers_die_as_they_are_swept_past() -> None:
    """Where every value is a number, what those were made with may be large."""
    alive: list[int] = []
    seen: list[Any] = []

    def rule(g: Any, y: Any, x: Any) -> Any:
        alive.append(sum(r() is not None for r in seen))
        return g * 1.0

    op = ag.primitive(rule)(lambda x: x * 1.0)

    def f(x: Any, w: Any) -> Any:
        for _ in range(3):
            constant = np.ones(50)
            seen.append(weakref.ref(constant))
            x = op(x) * np.dot(w, constant)
            del constant
        return x

    step = ag.grad(f, argnums=(0, 1))
    plan = f(*leaves((), (50,))).node.plan
    plan.written = None
    for _ in range(8 * PATIENCE):
        seen.clear()
        alive.clear()
        step(2.0, np.ones(50))
    assert alive == [2, 1, 0]
    assert len(plan.written.functions) == 1


def test_a_function_that_is_not_needed_any_more_dies() -> None:
    """At once: it is in no cycle that would wait for the garbage collector."""
    gc.disable()
    try:
        unrolled = written(np.sum(A * B))
        died = weakref.ref(unrolled.run)
        del unrolled
        assert died() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("end", ENDS)
def test_a_graph_that_nobody_holds_dies_as_it_is_swept(end: str) -> None:
    """As in `sweep`, an array is let go of once the rules that read it have run."""
    alive: list[int] = []
    seen: list[Any] = []

    def watched(x: Any) -> Any:
        return x * 1.0

    def rule(g: Any, y: Any, x: Any) -> Any:
        alive.append(sum(r() is not None for r in seen))
        return g * 1.0

    op = ag.primitive(rule)(watched)

    def f(x: Any) -> Any:
        for _ in range(3):
            x = np.exp(op(x))
            seen.append(weakref.ref(x._value))
        return ENDS[end](x)

    step = ag.grad(f)
    plan = f(ag.tensor(np.ones(50), requires_grad=True)).node.plan
    plan.written = None
    gc.disable()
    try:
        for _ in range(8 * PATIENCE):
            seen.clear()
            alive.clear()
            step(np.ones(50))
    finally:
        gc.enable()
    assert alive == [2, 1, 0]
    assert len(plan.written.functions) == 1


def test_what_was_added_up_is_gone_when_the_next_rule_runs() -> None:
    """As in `sweep`: an array fewer at the peak where one input is there twice."""
    given: list[Any] = []
    alive = []

    def left(g: Any, y: Any, a: Any, b: Any) -> Any:
        ct = g * b
        given.append(weakref.ref(ct))
        return ct

    def right(g: Any, y: Any, a: Any, b: Any) -> Any:
        alive.append(given.pop()() is not None)
        return g * a

    op = ag.primitive(vjp=(left, right))(lambda a, b: a * b)
    (a,) = leaves((50,))
    for _ in range(8 * PATIENCE):
        x = a * 1.0
        y = np.sum(op(x, x) + np.sin(x))
        y.backward()
    assert len(y.node.plan.written.functions) >= 1
    assert alive == [False] * (8 * PATIENCE)


def test_an_error_names_the_rule_that_raised_it() -> None:
    """With the same note as from `sweep`."""
    fail = False

    def shaky(x: Any) -> Any:
        return x + 0.0

    def rule(g: Any, y: Any, x: Any) -> Any:
        if fail:
            raise ValueError("no")
        return g

    op = ag.primitive(rule)(shaky)
    (a,) = leaves((2, 3))

    def loss() -> Any:
        return np.sum(np.sin(op(a * 2.0)))

    notes = []
    for fail in (True, False, True):
        for _ in range(1 if fail else 4 * PATIENCE):
            try:
                loss().backward()
            except ValueError as error:
                notes.append(error.__notes__)
    assert notes == [["in the vjp of shaky, input 0 of shape (2, 3)"]] * 2


def test_a_graph_that_is_freed_while_it_is_swept_is_refused() -> None:
    """By a rule here; another thread may come in between as well.

    What the graph let go of must be missed: a transpose, whose rule reads nothing, is not.
    """
    again: list[ag.Tensor] = []

    def rule(g: Any, y: Any, x: Any) -> Any:
        if again:
            again.pop().backward(retain_graph=False)
        return g * 1.0

    op = ag.primitive(rule)(lambda x: x * 1.0)
    (a,) = leaves((2, 2))
    for inner in (lambda x: x @ x, np.square, np.tanh, lambda x: x * 1.0, lambda x: x[0]):
        for _ in range(8 * PATIENCE):
            y = np.sum(op(inner(a)))
            y.backward()
        again.append(y)
        with pytest.raises(RuntimeError, match="freed"):
            y.backward()


@pytest.mark.parametrize("constant", [2.0, np.ones((2, 2))])
def test_a_graph_that_is_freed_as_a_written_sweep_looks_at_it_is_refused(constant: Any) -> None:
    """By another thread, that has not yet told everybody: numbers and arrays are missed too."""
    (a,) = leaves((2, 2))
    f = lambda: np.sum((a @ constant if isinstance(constant, np.ndarray) else a * constant) * a)
    plan = f().node.plan
    plan.written = None
    for _ in range(8 * PATIENCE):
        f().backward()
    assert len(plan.written.functions) == 1
    y = f()
    (product,) = y.node.inputs
    product.inputs[0].saved = FREED
    with pytest.raises(RuntimeError, match="freed"):
        y.backward()


def test_a_rule_of_the_wrong_shape_is_refused_by_a_written_sweep_too() -> None:
    """Though it gave the right shape when the sweep was written."""
    wrong = False

    def shaky(x: Any) -> Any:
        return x + 0.0

    op = ag.primitive(lambda g, y, x: g[:1] if wrong else g)(shaky)
    (a,) = leaves((2,))
    for _ in range(4 * PATIENCE):
        np.sum(op(a)).backward()
    wrong = True
    with pytest.raises(ValueError, match="shape") as caught:
        np.sum(op(a)).backward()
    assert caught.value.__notes__ == ["in the vjp of shaky, input 0 of shape (2,)"]


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("default", [[1.0, 2.0, 3.0], np.arange(1.0, 4.0)])
def test_a_parameter_may_be_anything(default: Any, recorded: bool) -> None:
    """A list or an array as a user's default, which no table of what is known could hold."""

    def scaled(x: Any, by: Any = default) -> Any:
        return x * np.asarray(by)

    op = ag.primitive(vjp=lambda g, y, x, by: g * np.asarray(by))(scaled)
    (a,) = leaves((3,))
    for _ in range(4 * PATIENCE):
        a.zero_grad()
        np.sum(op(a)).backward(create_graph=recorded)
        np.testing.assert_array_equal(getattr(a.grad, "data", a.grad), [1.0, 2.0, 3.0])


def test_a_number_stands_for_no_array_beside_what_is_not_known() -> None:
    """A constant of NumPy's may be of any shape; the rule behind it is given a whole array."""
    given = []

    def rule(g: Any, y: Any, x: Any) -> Any:
        given.append(g.strides)
        return g * 1.0

    op = ag.primitive(rule)(lambda x: 1.0 * x)
    (a,) = leaves((2, 3))
    for constant in (np.float32(2.0), np.float64(2.0), np.ones(()), np.ones(3), np.ones((2, 3))):
        given.clear()
        for _ in range(8 * PATIENCE):
            np.sum(op(a) * constant).backward()
        assert set(given) == {(24, 8)}


STRETCHED: dict[str, Callable[[Any], Any]] = {
    "a view": lambda a: np.sum(np.square(a)),
    "an array within a rule": lambda a: np.sum(np.sqrt(a)),
    "an array": lambda a: np.mean(2.0 * np.square(a)),
    "an array that a rule is called with": lambda a: np.mean(2.0 * np.tan(a)),
    "a view that is added": lambda a: np.sum(a * a + a),
    "an array that is added": lambda a: np.sum(2.0 * (np.square(a) + np.square(a) + a)),
    "an array for a leaf": lambda a: np.sum(-a),
    "a row": lambda a: np.sum(np.add.reduce(2.0 * np.square(a)) * np.arange(1.0, a.size // 40 + 1)),
    "rows": lambda a: np.sum(
        np.add.reduce(2.0 * np.square(np.stack([a, a]))) * np.asfortranarray(a.data)
    ),
}


@pytest.mark.parametrize("columns", [3, 50])  # more than 1,024 elements stay views when recorded
@pytest.mark.parametrize("name", STRETCHED)
def test_axes_lie_as_the_sweep_has_them(name: str, columns: int) -> None:
    """What a number stands for has an order of axes, which decides that of what is made of it."""
    f = STRETCHED[name]
    for values in (np.ones((40, columns)), np.ones((columns, 40)).T, np.ones((40, columns))[::-1]):
        a = ag.tensor(np.zeros((40, columns)), requires_grad=True)
        a.data = values
        y = f(a)
        assert_same_bits(y)
        outline = outline_of([y.node], recorded=True)  # type: ignore[list-item]
        assert outline is not None
        pairs = lambda: [(y.node, ag.tensor(1.0))]  # noqa: B023
        expected = sweep(pairs(), as_tensors=as_tensors)[a.node]  # type: ignore[arg-type]
        found = Unrolled(outline).run(pairs(), None, 0, False, as_tensors)[a.node]
        assert found.data.strides == expected.data.strides
        assert found.data.tobytes() == expected.data.tobytes()


def test_a_number_is_no_cotangent_of_an_array() -> None:
    """A rule that gives one is refused by what is written as by the sweep."""
    op = ag.primitive(lambda g, y, x: np.float64(2.0))(lambda x: 2.0 * x)
    y = np.sum(op(leaves((3,))[0]))
    with pytest.raises(ValueError, match=r"shape \(\) for an input of shape \(3,\)"):
        run(written(y), y)


def test_cotangents_that_share_memory_are_copied() -> None:
    """What an identity passes on to two leaves, and what the sweep began with, is nobody's."""
    a, b = leaves((3,), (3,))
    for f in (lambda: np.sum(a + b), lambda: (a + b) * 1.0, lambda: a + b):
        seed: Any = None
        for _ in range(4 * PATIENCE):
            a.zero_grad()
            b.zero_grad()
            y = f()
            seed = np.ones(y.shape) if y.shape else None
            y.backward(seed)
        assert not np.shares_memory(a.grad, b.grad)
        assert seed is None or not np.shares_memory(a.grad, seed)
        assert seed is None or not np.shares_memory(b.grad, seed)
    assert not written(a + b).fresh
    assert written(np.sum(a * b)).fresh


def test_what_was_looked_at_is_not_kept_alive() -> None:
    """The row at the end of a graph remembers its outline, not what its rules close over."""
    gc.disable()
    try:
        X = np.ones(30)
        died = weakref.ref(X)
        (a,) = leaves((30,))
        f = ag.checkpoint(lambda a, X: np.sin(a) * X)
        plan = np.sum(f(a, X)).node.plan
        plan.written = None
        for _ in range(4 * PATIENCE):
            np.sum(f(a, X)).backward()
        assert plan.written.outlines
        del X
        assert died() is None
    finally:
        gc.enable()


def test_an_operation_of_a_user_is_kept_by_the_functions_written_for_it_alone() -> None:
    """Of which a row keeps few: what was found out about rules keeps neither them nor arrays."""

    def multiplied_by(X: Any) -> Callable[..., Any]:
        return lambda g, y, x: g * X

    died = []
    (a,) = leaves((30,))
    plan = np.sum(a).node.plan
    plan.written = None
    for _ in range(3):
        X = np.ones(30)
        died.append(weakref.ref(X))
        op = ag.primitive(vjp=multiplied_by(X))(lambda x: x * 1.0)
        for _ in range(8 * PATIENCE):
            np.sum(op(a)).backward()
        del X, op
    assert len(plan.written.functions) == 3
    plan.written = None
    gc.collect()
    assert [r() for r in died] == [None] * 3


def test_a_graph_of_very_many_edges_is_swept_one_node_after_another() -> None:
    """A function of them would be too long, few as the nodes may be."""
    (a,) = leaves((1,))
    y = np.sum(np.concatenate([a] * (3 * MOST)))
    assert outline_of([y.node], None, 0) is None
    y = np.sum(np.concatenate([a] * 1000))
    y.node.plan.written = None
    for _ in range(4 * PATIENCE):  # nor sooner than it is worth it
        y.backward()
    assert y.node.plan.written.functions == []


def test_a_sweep_from_several_outputs() -> None:
    """In any order, where one output leads to another; other outputs are left to the sweep."""
    a, b = leaves((3,), (3,))
    x = np.sin(a * b)
    outputs = [x, x * a, np.exp(b)]

    def pairs(ys: list[ag.Tensor]) -> list[Any]:
        return [(y.node, np.arange(1.0, 4.0)) for y in ys]

    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        ys = [outputs[i] for i in order]
        outline = outline_of([y.node for y in ys if y.node])
        assert outline is not None
        unrolled = Unrolled(outline)
        expected, found = sweep(pairs(ys)), unrolled.run(pairs(ys), None, 0, False)
        assert [(n, g.tobytes()) for n, g in found.items()] == [
            (n, g.tobytes()) for n, g in expected.items()
        ]
        for other in (ys[:1], ys[:2], [*ys, ys[0]], [ys[1], ys[0], ys[2]], ys[::-1]):
            assert unrolled.run(pairs(other), None, 0, False) is None
    assert outline_of([x.node, x.node]) is None  # type: ignore[list-item]


def test_a_recorded_sweep_has_a_function_of_its_own() -> None:
    """Neither takes the place of the other, and what is recorded can be differentiated again."""
    (a,) = leaves((3,))
    y = np.sum(np.sin(a) * a)
    one, other = outline_of([y.node]), outline_of([y.node], recorded=True)  # type: ignore[list-item]
    assert one is not None
    assert other is not None
    plain, recorded = Unrolled(one), Unrolled(other)
    outputs = [(y.node, np.float64(1.0))]
    assert plain.run(outputs, None, 0, False, as_tensors) is None
    assert recorded.run(outputs, None, 0, False) is None
    found = recorded.run([(y.node, ag.tensor(1.0))], None, 0, False, as_tensors)
    g = found[a.node]
    expected = np.cos(a.data) * a.data + np.sin(a.data)
    np.testing.assert_allclose(g.data, expected, rtol=1e-15)
    np.sum(g).backward()
    np.testing.assert_allclose(a.grad, 2 * np.cos(a.data) - a.data * np.sin(a.data), rtol=1e-15)


def test_a_product_with_the_hessian_is_swept_by_written_functions() -> None:
    """The recorded sweep and the one through it, after a few of each."""
    x, v = np.arange(1.0, 4.0), np.ones(3)
    f = lambda x: np.sum(np.sin(x) * x)
    first = ag.hvp(f, (x,), (v,))
    for row in set(TABLE.values()):
        for plan in row.plans.values():
            plan.written = None
    for _ in range(8 * PATIENCE):
        again = ag.hvp(f, (x,), (v,))
        assert [g.tobytes() for g in again] == [g.tobytes() for g in first]
    written = [p.written for row in set(TABLE.values()) for p in row.plans.values() if p.written]
    assert sum(len(w.functions) for w in written) == 2
    assert all(w.others <= 2 * PATIENCE for w in written)


def test_what_a_recorded_sweep_records_names_the_line_of_the_user() -> None:
    """As `sweep` has it, and not a line of the function that is written in its place."""
    (a,) = leaves((3,))
    lines = set()
    for _ in range(8 * PATIENCE):
        a.zero_grad()
        with ag.keep():
            np.sum(np.sin(a) * a).backward(create_graph=True)
        lines |= {n.info["line"].split(":")[0] for n in ancestors([a.grad.node], 0) if n.plan}
    assert lines == {"test_unrolled.py"}


@pytest.mark.parametrize("recorded", [False, True])
def test_an_error_keeps_no_graph_alive(recorded: bool) -> None:
    """No cycle of it, its traceback and what the sweep held: the graph dies with it."""
    fails = False

    def rule(g: Any, y: Any, x: Any) -> Any:
        if fails:
            raise ValueError("as asked")
        return g * x

    op = ag.primitive(vjp=rule)(lambda x: 2 * x)
    (a,) = leaves((3,))
    arrays = []

    def sweep_again() -> None:
        y = op(np.sin(a))
        arrays.append(weakref.ref(y.data))
        np.sum(y * y).backward(create_graph=recorded)

    for _ in range(8 * PATIENCE):
        a.zero_grad()
        sweep_again()
    fails = True
    gc.disable()
    try:
        with contextlib.suppress(ValueError):
            sweep_again()
        assert arrays[-1]() is None
    finally:
        gc.enable()
