"""What holds for every composed function, on every example of it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite import pytree
from autograd_lite.table import COMPOSED, Composed

CASES = [(c, i) for c in COMPOSED.values() for i in range(len(list(c.examples)))]


def label(value: Any) -> str:
    return value.path if isinstance(value, Composed) else str(value)


def is_smooth(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f"


def call(c: Composed, i: int) -> tuple[list[Any], Any]:
    """(leaves, structure) of the arguments in an example, the same ones at every call."""
    rng = np.random.default_rng(zlib.crc32(f"{c.path}{i}".encode()))
    return pytree.flatten(list(c.examples)[i](rng))


SMOOTH = [case for case in CASES if any(is_smooth(leaf) for leaf in call(*case)[0])]


def arrays(result: Any) -> list[Any]:
    """The arrays of a result, or of the nest of lists and tuples that it is."""
    return [np.asarray(plain(part)) for part in pytree.flatten(result)[0]]


def plain(y: Any) -> Any:
    return y.detach().numpy() if isinstance(y, ag.Tensor) else y


def scalar_function(c: Composed, i: int) -> tuple[Callable[..., Any], list[Any]]:
    """An example as a scalar function of its float arrays, by fixed random weights; and those."""
    leaves, structure = call(c, i)
    places = [k for k, leaf in enumerate(leaves) if is_smooth(leaf)]

    def f(*primals: Any) -> Any:
        full = list(leaves)
        for place, primal in zip(places, primals, strict=True):
            full[place] = primal
        args, kwargs = pytree.unflatten(structure, full)
        rng, total = np.random.default_rng(7), sum(0.0 * np.sum(p) for p in primals)
        for y in pytree.flatten(c.key(*args, **kwargs))[0]:
            if y.dtype.kind == "f":
                total = total + np.sum(rng.standard_normal(y.shape).astype(y.dtype) * y)
        return total

    return f, [leaves[k] for k in places]


def directional(f: Callable[..., Any], primals: list[Any], directions: list[Any]) -> Any:
    """The slope of f along the directions, by central differences of fourth order."""
    slopes = []
    for h in (2e-3, 1e-3):
        moved = [
            plain(f(*(p + sign * h * d for p, d in zip(primals, directions, strict=True))))
            for sign in (1, -1)
        ]
        slopes.append((moved[0] - moved[1]) / (2 * h))
    return (4 * slopes[1] - slopes[0]) / 3


def inner(grads: Any, directions: list[Any]) -> Any:
    return sum((np.sum(g * d) for g, d in zip(grads, directions, strict=True)), 0.0)


def directions_for(primals: list[Any], seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(p.shape) for p in primals]


@pytest.mark.parametrize("c", COMPOSED.values(), ids=label)
def test_every_composed_function_has_examples(c: Composed) -> None:
    """A function without examples would go unchecked."""
    assert list(c.examples)


@pytest.mark.parametrize("c", COMPOSED.values(), ids=label)
def test_unknown_parameters_are_refused_by_name(c: Composed) -> None:
    """A parameter that the function does not declare raises and is named."""
    with pytest.raises(TypeError, match="unheard_of"):
        c(ag.tensor([1.0]), unheard_of=3)


@pytest.mark.parametrize(("c", "i"), CASES, ids=label)
def test_forward_equals_numpy(c: Composed, i: int) -> None:
    """The function gives NumPy's values, shapes and dtypes, in the same containers."""
    leaves, structure = call(c, i)
    args, kwargs = pytree.unflatten(structure, leaves)
    expected = c.key(*args, **kwargs)
    for requires_grad in (True, False):
        lifted = [ag.tensor(x, requires_grad=requires_grad) if is_smooth(x) else x for x in leaves]
        args, kwargs = pytree.unflatten(structure, lifted)
        got = c.key(*args, **kwargs)
        assert pytree.flatten(got)[1] == pytree.flatten(expected)[1]
        for a, b in zip(arrays(got), arrays(expected), strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype


@pytest.mark.parametrize(("c", "i"), SMOOTH, ids=label)
def test_gradient_equals_differences(c: Composed, i: int) -> None:
    """Reverse mode agrees with central differences along random directions."""
    f, primals = scalar_function(c, i)
    grads = ag.grad(f, argnums=tuple(range(len(primals))))(*primals)
    for g, p in zip(grads, primals, strict=True):
        assert (g.shape, g.dtype) == (p.shape, p.dtype)
    for seed in range(4):
        directions = directions_for(primals, seed)
        expected = directional(f, primals, directions)
        np.testing.assert_allclose(inner(grads, directions), expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("c", "i"), SMOOTH, ids=label)
def test_forward_mode_is_the_reverse_transposed(c: Composed, i: int) -> None:
    """The tangent along a direction is the gradient's product with it."""
    f, primals = scalar_function(c, i)
    directions = directions_for(primals, 5)
    _, tangent = ag.jvp(f, tuple(primals), tuple(directions))
    grads = ag.grad(f, argnums=tuple(range(len(primals))))(*primals)
    np.testing.assert_allclose(tangent, inner(grads, directions), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("c", "i"), SMOOTH, ids=label)
def test_second_order_equals_differences_of_the_first(c: Composed, i: int) -> None:
    """The recorded sweep is itself differentiated rightly, and equals the unrecorded one."""
    f, primals = scalar_function(c, i)
    n = tuple(range(len(primals)))
    fixed = directions_for(primals, 3)

    def slope(*args: Any) -> Any:
        return inner(ag.grad(f, argnums=n)(*args), fixed)

    leaves = [ag.tensor(p, requires_grad=True) for p in primals]
    recorded = ag.gradients(f(*leaves), leaves, create_graph=True)
    for a, b in zip(ag.grad(f, argnums=n)(*primals), recorded, strict=True):
        np.testing.assert_array_equal(a, plain(b))
    grads, directions = ag.grad(slope, argnums=n)(*primals), directions_for(primals, 4)
    expected = directional(slope, primals, directions)
    np.testing.assert_allclose(inner(grads, directions), expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(("c", "i"), SMOOTH, ids=label)
def test_float32_stays_float32(c: Composed, i: int) -> None:
    """float32 inputs give float32 results where NumPy does, and float32 gradients."""
    f, primals = scalar_function(c, i)
    n = tuple(range(len(primals)))
    narrow = [p.astype(np.float32) for p in primals]
    assert plain(f(*map(ag.tensor, narrow))).dtype == f(*narrow).dtype
    wide = ag.grad(f, argnums=n)(*[p.astype(np.float64) for p in narrow])
    for g, w in zip(ag.grad(f, argnums=n)(*narrow), wide, strict=True):
        assert g.dtype == np.float32
        scale = max(1.0, float(np.max(np.abs(w), initial=0)))
        np.testing.assert_allclose(g, w, rtol=2e-3, atol=2e-4 * scale)


@pytest.mark.parametrize("dtype", ["?", "u1", "i2", "f2"])
@pytest.mark.parametrize(("c", "i"), SMOOTH, ids=label)
def test_other_dtypes_give_what_numpy_gives(c: Composed, i: int, dtype: str) -> None:
    """A pixel less another is no negative number, wherever NumPy computes in floats."""
    leaves, structure = call(c, i)
    full = [(100 * abs(x)).astype(dtype) if is_smooth(x) else x for x in leaves]
    args, kwargs = pytree.unflatten(structure, full)
    with np.errstate(all="ignore"):
        try:
            expected = arrays(c.key(*args, **kwargs))
        except (TypeError, ValueError):
            pytest.skip("NumPy refuses it")
        wrapped = [
            ag.tensor(x) if is_smooth(leaf) else x for leaf, x in zip(leaves, full, strict=True)
        ]
        args, kwargs = pytree.unflatten(structure, wrapped)
        if c.key is np.piecewise and dtype != "f2":
            with pytest.raises(TypeError, match="cannot hold values of dtype float64"):
                c.key(*args, **kwargs)
            return
        found = arrays(c.key(*args, **kwargs))
    for a, b in zip(found, expected, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        rtol = 1e-2 if dtype == "f2" else 1e-14
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol if dtype == "f2" else 0)


@pytest.mark.parametrize(
    ("call", "more"),
    [
        (lambda x, *more: np.take(x, [4, -5], 1, None, *more), ("wrap",)),
        (lambda x, *more: np.compress([True, False], x, 0, *more), (None,)),
        (lambda x, *more: np.sort(x, 0, "stable", *more), (None,)),
        (lambda x, *more: np.ptp(x, 1, None, *more), (True,)),
    ],
)
def test_arguments_by_position_stand_in_numpys_order(call: Any, more: Any) -> None:
    """`out` among them, which is refused where it is given."""
    x = np.arange(6.0).reshape(2, 3) % 4
    y = call(ag.tensor(x, requires_grad=True), *more)
    np.testing.assert_array_equal(y.data, call(x, *more))
    assert y.requires_grad


def test_out_by_position_is_refused() -> None:
    """As by name."""
    x = ag.tensor(np.ones((2, 3)), requires_grad=True)
    with pytest.raises(TypeError, match=r"np\.take: the parameter 'out' is not supported"):
        np.take(x, [0], 0, np.empty((1, 3)))
    with pytest.raises(TypeError, match=r"np\.ptp: the parameter 'out' is not supported"):
        np.ptp(x, 0, np.empty(3))
    with pytest.raises(TypeError, match=r"np\.take: an argument was given twice"):
        x.take([0], 0, None, "wrap", mode="clip")


@pytest.mark.parametrize("whole", [np.int8, np.uint8, np.uint16, np.int64])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_whole_numbers_beside_narrow_floats_give_what_numpy_gives(whole: Any, dtype: Any) -> None:
    """Of what cannot be negative, and of a choice that a number defaults."""
    c, x = np.array([1, 4, 0], whole), np.array([0.25, -1.5, 2.0], dtype)
    leaf, masks = ag.tensor(x, requires_grad=True), [x > 0, x < -1]
    for y, expected in [
        (np.polysub(leaf, c), np.polysub(x, c)),
        (np.polyadd(c, leaf), np.polyadd(c, x)),
        (np.select(masks, [leaf, c], 1.5), np.select(masks, [x, c], 1.5)),
        (np.select(masks, [c, leaf]), np.select(masks, [c, x])),
        (np.select(masks, [leaf, 2], c), np.select(masks, [x, 2], c)),
    ]:
        assert y.dtype == expected.dtype
        np.testing.assert_array_equal(y.data, expected)
