"""Shapes: what is refused, what is constant, layouts, methods, lists of any length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag


def leaf(*shape: int, dtype: Any = np.float64) -> ag.Tensor:
    rng = np.random.default_rng(1)
    return ag.tensor(rng.standard_normal(shape).astype(dtype), requires_grad=True)


REFUSED: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "reshape order K": (lambda x: np.reshape(x, 6, order="A"), ValueError, "order='A'"),
    "ravel order K": (lambda x: np.ravel(x, order="K"), ValueError, "order='K'"),
    "pad mode": (lambda x: np.pad(x, 1, mode="linear_ramp"), NotImplementedError, "linear_ramp"),
    "pad function": (lambda x: np.pad(x, 1, mode=lambda *a: None), NotImplementedError, "mode"),
    "pad odd": (
        lambda x: np.pad(x, 1, mode="reflect", reflect_type="odd"),
        TypeError,
        "'reflect_type'",
    ),
    "pad stray constant": (
        lambda x: np.pad(x, 1, mode="edge", constant_values=1),
        TypeError,
        "constant_values goes with mode='constant'",
    ),
    "sort order": (lambda x: np.sort(x, order="name"), TypeError, "'order'"),
    "resize": (lambda x: np.resize(x, 6), NotImplementedError, "np.tile"),
    "squeeze of a long axis": (lambda x: np.squeeze(x, 0), ValueError, r"squeeze: .*\(2, 3\)"),
    "split that does not divide": (lambda x: np.split(x, 4), ValueError, "array_split"),
    "moveaxis of two to one": (lambda x: np.moveaxis(x, (0, 1), 0), ValueError, "destination"),
    "matrix_transpose of a vector": (lambda x: np.matrix_transpose(x[0]), ValueError, r"\(3,\)"),
    "block of a tuple": (lambda x: np.block([x, (x, x)]), TypeError, "tuple"),
    "block of unequal depth": (lambda x: np.block([[x], x]), ValueError, "depths"),
    "repeat by floats": (lambda x: np.repeat(x, 1.5), TypeError, "float64"),
    "linspace of fewer than none": (lambda x: np.linspace(x, x, -1), ValueError, "num=-1"),
    "gradient of one element": (lambda x: np.gradient(x[:1, 0]), ValueError, "length 1"),
    "gradient edge order": (lambda x: np.gradient(x, edge_order=3), ValueError, "edge_order=3"),
    "astype of ints": (lambda x: np.astype(x, int), TypeError, "int64"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(name: str) -> None:
    """What has no gradient here raises and says so, in our words."""
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        call(leaf(2, 3))


def test_numpy_defaults_are_no_refusals() -> None:
    """A parameter with the value that NumPy takes anyway is no parameter."""
    x = leaf(2, 3)
    assert np.reshape(x, (3, 2), order="C").shape == (3, 2)
    assert np.concatenate([x, x], axis=0, out=None, dtype=None, casting="same_kind").shape == (4, 3)
    assert np.vstack([x, x], dtype=None, casting="same_kind").shape == (4, 3)
    assert np.pad(x, 1, mode="reflect", reflect_type="even").shape == (4, 5)
    assert np.sort(x, axis=-1, kind=None, order=None).shape == (2, 3)


CONSTANTS = [np.zeros_like, np.ones_like, np.empty_like, lambda x: np.full_like(x, 2.0)]


@pytest.mark.parametrize("function", CONSTANTS)
def test_constants_of_a_shape_require_no_grad(function: Any) -> None:
    """They have the tensor's shape and dtype, and are tensors."""
    y = function(leaf(2, 3, dtype=np.float32))
    assert isinstance(y, ag.Tensor)
    assert (y.shape, y.dtype, y.requires_grad) == ((2, 3), np.float32, False)


def test_full_like_of_a_tensor_is_recorded() -> None:
    """The number it is full of gets the sum of the cotangent."""
    v = leaf()
    (g,) = ag.gradients(np.full_like(leaf(2, 3), v).sum(), [v])
    assert g == 6.0


METHODS: dict[str, Callable[[Any], Any]] = {
    "reshape": lambda x: x.reshape(3, -1),
    "reshape of a tuple": lambda x: x.reshape((3, -1)),
    "reshape order F": lambda x: x.reshape(6, order="F"),
    "ravel": lambda x: x.ravel("F"),
    "flatten": lambda x: x.flatten(),
    "transpose": lambda x: x.transpose(1, 0),
    "transpose of a list": lambda x: x.transpose([1, 0]),
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "squeeze": lambda x: x[:, None].squeeze(axis=1),
    "repeat": lambda x: x.repeat(2, axis=0),
    "take": lambda x: x.take([0, 5]),
    "diagonal": lambda x: x.diagonal(1),
    "trace": lambda x: x.trace(),
    "copy": lambda x: x.copy(),
    "astype": lambda x: x.astype(np.float32),
}


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_ndarrays(name: str) -> None:
    """A method gives what ndarray's gives, recorded."""
    x = leaf(2, 3)
    y, expected = METHODS[name](x), METHODS[name](x.data)
    np.testing.assert_array_equal(y.data, expected)
    assert y.dtype == expected.dtype
    (g,) = ag.gradients(y.sum(), [x])
    assert g.dtype == x.dtype
    assert np.vdot(g, x.data) == pytest.approx(expected.sum())  # they are linear


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "Fortran": np.asfortranarray,
    "reversed": lambda a: a[::-1, ::-1],
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
    "every other": lambda a: np.repeat(a, 2, 1)[:, ::2],
}
MOVES: list[Callable[[Any], Any]] = [
    lambda x: np.reshape(x, (2, -1)),
    lambda x: np.ravel(x, "F"),
    lambda x: np.concatenate([x, x[:1]], 0),
    lambda x: np.pad(x, 2, mode="symmetric"),
    lambda x: np.tile(x, (2, 2)),
    lambda x: np.roll(x, 3),
    lambda x: np.sort(x, axis=0),
    lambda x: np.diagonal(x, -1),
    lambda x: x[[0, 0, 2]],
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("move", MOVES)
def test_any_layout_of_memory(layout: str, move: Callable[[Any], Any]) -> None:
    """Strides change neither the value nor the gradient."""
    array = LAYOUTS[layout](np.random.default_rng(2).standard_normal((4, 3)))
    lying, plain = (ag.tensor(a, requires_grad=True) for a in (array, array.copy()))
    y, expected = move(lying), move(plain)
    np.testing.assert_array_equal(y.data, expected.data)
    seed = np.asfortranarray(np.random.default_rng(3).standard_normal(y.shape))
    g, g_expected = (ag.gradients(*pair, seed) for pair in ((y, [lying]), (expected, [plain])))
    np.testing.assert_array_equal(g[0], g_expected[0])


def test_many_arrays_are_concatenated() -> None:
    """Thousands of arrays, each with its own part of the gradient."""
    leaves = [ag.tensor(np.full(1 + i % 3, float(i)), requires_grad=True) for i in range(3000)]
    y = np.concatenate([*leaves, np.zeros(2)])
    np.testing.assert_array_equal(y.data, np.concatenate([*(x.data for x in leaves), np.zeros(2)]))
    grads = ag.gradients(y, leaves, np.arange(float(y.size)))
    np.testing.assert_array_equal(np.concatenate(grads), np.arange(y.size - 2))


def test_tensors_stand_among_arrays_and_numbers() -> None:
    """A list may mix tensors, arrays, nested lists and numbers."""
    x = leaf(2)
    joined = np.hstack([x, [1.0, 2.0], 3.0, np.zeros(1)])
    assert joined.shape == (6,)
    assert np.stack([x[0], 1.0, x[1]]).shape == (3,)
    assert np.block([[x, 0.0], [np.ones((1, 3))]]).shape == (2, 3)
    (g,) = ag.gradients(np.sum(joined * joined), [x])
    np.testing.assert_array_equal(g, 2.0 * x.data)


def test_several_results_are_tensors_in_numpys_container() -> None:
    """split gives a list; atleast_1d, broadcast_arrays, meshgrid and unstack tuples."""
    x = leaf(2)
    for result, kind in (
        (np.split(x, 2), list),
        (np.atleast_1d(x, 1.0), tuple),
        (np.broadcast_arrays(x, np.zeros((2, 1))), tuple),
        (np.meshgrid(x, [1.0, 2.0]), tuple),
        *([(np.unstack(x), tuple)] if hasattr(np, "unstack") else []),  # since NumPy 2.1
    ):
        assert type(result) is kind
        assert all(isinstance(part, ag.Tensor) for part in result)


def test_the_zeroth_difference_is_the_array_itself() -> None:
    """NumPy leaves out what is prepended and appended then."""
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    assert np.diff(x, 0, prepend=0.5, append=[3.0]).data.tolist() == [1.0, 2.0]


def test_uneven_coordinates_of_gradient_are_differentiable() -> None:
    """np.gradient's spacing may be a tensor, evenly spaced or not."""
    f = np.array([0.0, 1.0, 4.0, 9.0])
    for places in ([0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 3.0, 4.0]):
        x = ag.tensor(places, requires_grad=True)
        np.testing.assert_allclose(np.gradient(f, x).data, np.gradient(f, x.data), rtol=1e-14)
        g = ag.grad(lambda x: np.gradient(f, x).sum())(x.data)
        for i in range(4):
            step = 1e-6 * np.eye(4)[i]
            up, down = (np.gradient(f, x.data + s * step).sum() for s in (1, -1))
            assert g[i] == pytest.approx((up - down) / 2e-6, abs=1e-8)


def test_broadcasting_back_sums() -> None:
    """The cotangent of a stretched axis is summed; a view or an array, small or large."""
    for n in (3, 5000):
        x = leaf(2, 1)
        y = np.broadcast_to(x, (4, 2, n))
        (g,) = ag.gradients(y, [x], np.ones(y.shape))
        np.testing.assert_array_equal(g, np.full((2, 1), 4.0 * n))
        assert g.flags.writeable


def test_spacings_may_be_lists_of_whole_numbers() -> None:
    """np.gradient takes whatever NumPy takes for coordinates."""
    x = leaf(2, 4)
    for spacings in (([0, 1.0], 2.0), (1, [0, 1, 3, 4]), ((0, 2), range(4))):
        for y, expected in zip(
            np.gradient(x, *spacings), np.gradient(x.data, *spacings), strict=True
        ):
            np.testing.assert_array_equal(y.data, expected)


def test_a_shape_by_position_comes_behind_subok() -> None:
    """As in NumPy; and the device may be named, there being one."""
    x = leaf(2, 3)
    for f in (np.zeros_like, np.ones_like):
        for args in ((None, "C", True), (np.float32, "K", False, (4,))):
            y, expected = f(x, *args), f(x.data, *args)
            np.testing.assert_array_equal(y.data, expected)
            assert y.dtype == expected.dtype
        assert f(x, device="cpu").shape == (2, 3)
    assert np.full_like(x, 2.0, None, "K", True).shape == (2, 3)


def test_a_generator_of_arrays_is_refused() -> None:
    """NumPy has used it up when it looked for tensors."""
    with pytest.raises(TypeError, match=r"np\.concatenate: got a generator; pass a list"):
        np.concatenate(row for row in leaf(2, 3))


@pytest.mark.parametrize("p", [[1, 2, 3], [1.0, 2.0], np.array([1, 2], np.float32)], ids=repr)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_coefficients_promote_as_arrays_do(p: Any, dtype: Any) -> None:
    """Those of np.polyval, also where they come in a list."""
    x = leaf(2, 3).data.astype(dtype)
    y, expected = np.polyval(p, ag.tensor(x, requires_grad=True)), np.polyval(p, x)
    assert y.dtype == expected.dtype
    np.testing.assert_array_equal(y.data, expected)


@pytest.mark.parametrize("one", [np.uint8(1), np.array(1, np.uint8), np.int64(1), np.uint64(1)])
@pytest.mark.parametrize(
    "f",
    [
        lambda x, k: np.roll(x, k),
        lambda x, k: np.roll(x, (k, k), axis=(0, 1)),
        lambda x, k: np.roll(x, np.array([k, k]), axis=(0, 1)),
        lambda x, k: np.rot90(x, k),
        lambda x, k: np.diag(x, k),
        lambda x, k: np.trace(x, k),
        lambda x, k: np.diagonal(x, k),
        lambda x, k: np.moveaxis(x, k, 0),
        lambda x, k: np.linspace(x, 1.0, 3, axis=k),
    ],
)
def test_whole_numbers_of_any_type_place_the_gradient(f: Callable[..., Any], one: Any) -> None:
    """What is rolled on by an unsigned 1 rolls back by 1, not by 255."""
    x = np.random.default_rng(0).standard_normal((3, 4))
    weights = np.random.default_rng(1).standard_normal(f(x, 1).shape)
    expected = ag.grad(lambda x: np.sum(f(x, 1) * weights))(x)
    loss = lambda x: np.sum(f(x, one) * weights)
    np.testing.assert_array_equal(ag.grad(loss)(x), expected)
    np.testing.assert_array_equal(ag.compile(ag.grad(loss))(x), expected)
    assert ag.jvp(loss, (x,), (x,))[1] == pytest.approx(np.sum(expected * x), rel=1e-12)


@pytest.mark.parametrize("whole", [np.int8, np.uint8, np.int16, np.int64, np.bool_])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_linspace_from_whole_numbers_has_numpys_dtype(whole: Any, dtype: Any) -> None:
    """An int8 end leaves float32 what it is, as in NumPy, and to the bit."""
    ends, x = np.array([1, 0, 100], whole), np.array([0.3, -2.0, 7.0], dtype)
    leaf = ag.tensor(x, requires_grad=True)
    for y, expected in [
        (np.linspace(ends, leaf, 5), np.linspace(ends, x, 5)),
        (np.linspace(leaf, ends, 4, endpoint=False), np.linspace(x, ends, 4, endpoint=False)),
        (np.linspace(leaf, ends[2], 3), np.linspace(x, ends[2], 3)),
    ]:
        assert y.dtype == expected.dtype
        np.testing.assert_array_equal(y.data, expected)
