"""NumPy's functions called with tensors: what finds a rule, and what is refused with advice."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag


def leaf(values: Any) -> ag.Tensor:
    return ag.tensor(np.array(values, dtype=float), requires_grad=True)


class TestOuter:
    """A ufunc's outer is the ufunc on arguments that broadcast."""

    @pytest.mark.parametrize("ufunc", [np.add, np.subtract, np.multiply, np.maximum, np.arctan2])
    @pytest.mark.parametrize("shapes", [((2,), (3,)), ((2, 3), (2,)), ((), (3,)), ((3,), ())])
    def test_outer_is_numpy_s(self, ufunc: Any, shapes: Any) -> None:
        """Its value, and the gradient of the broadcast form, with tensors on either side."""
        rng = np.random.default_rng(0)
        a, b = (rng.standard_normal(s) for s in shapes)
        for args in ((leaf(a), leaf(b)), (a, leaf(b)), (leaf(a), b)):
            np.testing.assert_array_equal(ufunc.outer(*args).data, ufunc.outer(a, b))
        crossed = a[(..., *[None] * b.ndim)]
        w = rng.standard_normal((*a.shape, *b.shape))
        got = ag.grad(lambda a, b: np.sum(w * ufunc.outer(a, b) ** 2), (0, 1))(a, b)
        expected = ag.grad(lambda a, b: np.sum(w * ufunc(a, b) ** 2), (0, 1))(crossed, b)
        np.testing.assert_allclose(got[0], expected[0].reshape(a.shape))
        np.testing.assert_allclose(got[1], expected[1])

    def test_a_result_is_not_written_elsewhere(self) -> None:
        """out= would detach."""
        with pytest.raises(TypeError, match="out="):
            np.add.outer(leaf([1.0]), leaf([2.0]), out=np.zeros((1, 1)))


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        (lambda x: np.add.at(x, [0], 1.0), r"np.add.at .*ag.put\(x, index, values, add=True\)"),
        (lambda x: np.add.at(np.zeros(2), [0, 1], x), "ag.put"),
        (lambda x: np.multiply.at(x, 0, x[0]), r"np.multiply\(x\[index\], values\)\)"),
        (lambda x: np.negative.at(x, [0]), r"np.negative\(x\[index\]\)\)"),
    ],
)
def test_what_ufuncs_write_in_place_is_refused_with_advice(call: Any, advice: str) -> None:
    """Whichever argument is the tensor."""
    with pytest.raises(TypeError, match=advice):
        call(leaf([1.0, 2.0]))


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        (lambda x: np.emath.sqrt(x), "only real dtypes"),
        (lambda x: np.polymul(x, x), "np.convolve"),
        (lambda x: np.polyfit(x, x, 1), "np.linalg.lstsq"),
        (lambda x: np.apply_over_axes(np.sum, x, [0]), "each axis in turn"),
        (lambda x: np.fft.rfft(x), "complex"),
    ],
)
def test_functions_without_a_rule_name_what_stands_in(call: Any, advice: str) -> None:
    """And @ag.primitive."""
    with pytest.raises(NotImplementedError, match=f"has no gradient rule; .*{advice}.*@ag.primit"):
        call(leaf([1.0, 2.0]))


@pytest.mark.parametrize(
    ("name", "here"),
    [("expit", "sigmoid"), ("log_expit", "log_sigmoid"), ("erf", "erf"), ("erfc", "erfc"),
     ("xlogy", "xlogy")],
)  # fmt: skip
def test_functions_of_scipy_that_are_here_are_named(name: str, here: str) -> None:
    """By the name that they have here, which computes the same."""
    theirs = getattr(pytest.importorskip("scipy.special"), name)
    x = np.array([0.5, 2.0])
    args = (x,) * theirs.nin
    with pytest.raises(NotImplementedError, match=f"^{name} has no gradient rule; use ag.{here},"):
        theirs(*map(leaf, args))
    np.testing.assert_allclose(getattr(ag, here)(*args), theirs(*args), rtol=1e-14)


def test_a_function_of_numpy_asked_of_the_package_is_named() -> None:
    """Only where it takes tensors."""
    with pytest.raises(AttributeError, match=r"'exp'; NumPy's works on tensors, np\.exp$"):
        _ = ag.exp
    for name in ("zeros", "nonsense", "linalg"):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'$"):
            getattr(ag, name)


def test_a_function_of_math_is_told_of_numpys() -> None:
    """It asks for a float, which has lost the gradient."""
    with pytest.raises(TypeError, match=r"float\(\) .* np\.sin and the like in place of math\.sin"):
        ag.grad(math.sin)(1.0)


class TestWeights:
    """Queries that add up weights do not detach them."""

    def test_bincount_adds_up_weights_that_require_grad(self) -> None:
        """The counts themselves have no gradient, and stay what NumPy returns."""
        places, w = np.array([1, 4, 1]), np.array([1.0, 2.0, 3.0])
        y = np.bincount(places, leaf(w), minlength=7)
        assert y.requires_grad
        np.testing.assert_array_equal(y.data, np.bincount(places, w, minlength=7))
        g = ag.grad(lambda w: np.sum(np.arange(5.0) * np.bincount(places, w)))(w)
        np.testing.assert_array_equal(g, places)
        for plain in (np.bincount(places), np.bincount(ag.tensor(places), ag.tensor(w))):
            assert type(plain) is np.ndarray
        assert np.bincount(places, leaf(w).data.astype("f4")).dtype == float

    def test_bincount_is_compiled(self) -> None:
        """Numbers that are known in advance, weights that are not."""
        places = np.array([1, 4, 1])
        step = ag.compile(ag.grad(lambda w: np.sum(np.bincount(places, w) ** 2)))
        for w in ([1.0, 2.0, 3.0], [0.0, -2.0, 1.0]):
            expected = 2 * np.bincount(places, w)[places]
            np.testing.assert_array_equal(step(np.array(w)), expected)

    @pytest.mark.parametrize("by_name", [True, False])
    def test_histograms_refuse_them(self, by_name: bool) -> None:
        """And say what to use."""
        x, w = np.array([0.1, 0.6]), leaf([1.0, 2.0])
        args, kwargs = ((2,), {"weights": w}) if by_name else ((2, None, None, w), {})
        with pytest.raises(NotImplementedError, match=r"np.histogram has .* np.bincount"):
            np.histogram(x, *args, **kwargs)
        np.testing.assert_array_equal(np.histogram(leaf(x), 2)[0], [1, 1])


class TestParameters:
    """What a row does not take is refused, with what to do; NumPy's defaults are taken."""

    @pytest.mark.parametrize(
        ("call", "advice"),
        [
            (lambda x: np.add(x, 1.0, where=np.array([True, False])), r"'where'.*np\.where\(mask"),
            (lambda x: np.kron(x, x, dtype=np.float32), "unexpected.*'dtype'"),
            (lambda x: x.sum(out=np.zeros(())), "'out'.*the returned tensor"),
            (lambda x: np.clip(x, 0.0, 1.0, np.zeros(2)), "'out'.*the returned tensor"),
            (lambda x: np.add(x, 1.0, casting="unsafe"), "'casting'.*leave it out"),
        ],
    )
    def test_refused_by_name(self, call: Any, advice: str) -> None:
        """By position as well."""
        with pytest.raises(TypeError, match=advice):
            call(leaf([1.0, 2.0]))

    @pytest.mark.parametrize("dtype", [np.float64, np.float32, "float64"])
    @pytest.mark.parametrize(
        "call",
        [
            lambda x, dtype: np.add(x, x * x, dtype=dtype),
            lambda x, dtype: np.multiply([1.0, 2.0], x, dtype=dtype, casting="same_kind"),
            lambda x, dtype: np.exp(x, dtype=dtype),
            lambda x, dtype: np.subtract.outer(x, x, dtype=dtype),
            lambda x, dtype: np.hypot(x, 0.1, dtype=dtype),
            lambda x, dtype: np.matmul(x, x, dtype=dtype),
            lambda x, dtype: np.modf(x * 3.0, dtype=dtype)[0],
            lambda x, dtype: np.concatenate([x, x * x], axis=-1, dtype=dtype),
            lambda x, dtype: np.stack([x, np.ones((2, 2), np.float32)], 1, dtype=dtype),
            lambda x, dtype: np.vstack([x, x], dtype=dtype, casting="unsafe"),
            lambda x, dtype: np.hstack((x, x), dtype=dtype),
            lambda x, dtype: np.trace(x, 1, dtype=dtype),
            lambda x, dtype: np.linalg.trace(x, dtype=dtype),
            lambda x, dtype: x.trace(dtype=dtype),
            lambda x, dtype: x.clip(0.2, 0.6, dtype=dtype),
            lambda x, dtype: np.einsum("ij,jk->ik", x, x, dtype=dtype, casting="unsafe"),
            lambda x, dtype: np.einsum(x, [0, 1], x, [1, 2], dtype=dtype, casting="same_kind"),
            lambda x, dtype: np.clip(x, 0.2, 0.6, dtype=dtype),
            lambda x, dtype: np.clip(x, [0.25, 0.125], np.float64(0.5), dtype=dtype),
            lambda x, dtype: np.concatenate([x, [[1, 2]]], dtype=dtype),
            lambda x, dtype: np.stack([x, np.eye(2).tolist()], np.int64(1), dtype=dtype),
            lambda x, dtype: np.add(x, True, dtype=dtype),
            lambda x, dtype: np.add(x, 2, casting="unsafe", dtype=dtype),
        ],
    )
    def test_a_dtype_to_compute_in(self, call: Any, dtype: Any) -> None:
        """NumPy's values and dtype, and a gradient of the input's own."""
        for given in (np.float32, np.float64):
            a = (np.arange(4.0).reshape(2, 2) / 3.7 + 0.1).astype(given)
            x = ag.tensor(a, requires_grad=True)
            y, expected = call(x, dtype), call(a, dtype)
            assert y.dtype == expected.dtype == np.dtype(dtype)
            assert y.data.tobytes() == expected.tobytes()
            y.sum().backward()
            exact, _ = ag.jvp(
                lambda x: call(x, np.float64).sum(), (a.astype(float),), (a * 0.0 + 1,)
            )
            v = ag.grad(lambda x: call(x, np.float64).sum())(a.astype(float))
            assert exact.shape == ()
            assert x.grad.dtype == given
            np.testing.assert_allclose(x.grad, v, rtol=1e-6)

    @pytest.mark.parametrize(
        "call",
        [
            lambda x: np.add(x, 1.0, dtype=int),
            lambda x: np.exp(x, dtype=np.float32, casting="safe"),
            lambda x: np.greater(x, x, dtype=float),
            lambda x: np.concatenate([x, x], dtype=int),
            lambda x: np.clip(x, 0.0, 1.0, dtype=np.float32, casting="no"),
            lambda x: np.einsum("i,i->i", x, x, dtype=np.float32),
            lambda x: np.add(x, 2, dtype=float, casting="equiv"),
        ],
    )
    def test_a_dtype_that_nothing_is_cast_to(self, call: Any) -> None:
        """TypeError, as NumPy raises."""
        for x in (leaf([1.0, 2.0]), np.array([1.0, 2.0])):
            with pytest.raises(TypeError, match=r"[Cc]annot cast|No loop|not be cast"):
                call(x)

    @pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.float32])
    @pytest.mark.parametrize("number", [2, 2.5, True])
    def test_numbers_beside_a_constant_are_cast_too(self, number: Any, dtype: Any) -> None:
        """To whole numbers or bools, where casting="unsafe" says so."""
        a = np.array([0.0, 1.5, 3.0])
        for f in (np.add, np.multiply, np.maximum):
            y, expected = (f(x, number, dtype=dtype, casting="unsafe") for x in (ag.tensor(a), a))
            assert y.dtype == expected.dtype
            np.testing.assert_array_equal(y.data, expected)

    @pytest.mark.parametrize(
        ("dtype", "message"),
        [(complex, "only real dtypes"), (object, "real numbers and bools only"), (int, "ints or")],
    )
    def test_no_dtype_for_a_tensor(self, dtype: Any, message: str) -> None:
        """Each is refused for what it is."""
        with pytest.raises(TypeError, match=message):
            leaf([1.0, 2.0]).astype(dtype)

    def test_defaults_count_as_not_given(self) -> None:
        """Whichever class and order NumPy would take by default."""
        x = leaf([1.0, 2.0])
        for y in (
            np.broadcast_to(x, (3, 2), subok=False),
            np.broadcast_arrays(x, 1.0, subok=False)[0],
            np.copy(x, order="K", subok=False),
            np.lib.stride_tricks.sliding_window_view(x, 2, subok=False, writeable=False),
            np.add(x, 1.0, out=None, casting="same_kind", subok=True),
        ):
            assert y.requires_grad
        with pytest.raises(TypeError, match="'writeable'"):
            np.lib.stride_tricks.sliding_window_view(x, 2, writeable=True)

    @pytest.mark.parametrize("other", [object(), 1j, "a"])
    def test_what_is_no_number_beside_a_tensor(self, other: Any) -> None:
        """Also where the function only passes it through."""
        with pytest.raises(TypeError, match="only real numbers"):
            np.atleast_1d(leaf([1.0]), other)


def test_errors_of_numpy_s_own_kinds_name_the_operation_in_a_note() -> None:
    """Where the message cannot be changed: times, and integers too large for a float."""
    x = ag.tensor([1.0], requires_grad=True, name="x")
    for call in (lambda: x * 10**400, lambda: x + np.datetime64("2020")):
        with pytest.raises((TypeError, OverflowError)) as caught:
            call()
        notes = getattr(caught.value, "__notes__", [])
        assert any("x (1,)" in n and "test_protocols.py" in n for n in notes)


def test_bounds_of_slices_are_integers() -> None:
    """Floats are refused with their types; NumPy's integers and tensors of ints are taken."""
    x = leaf([1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="bounds of a slice are integers, got float, int"):
        x[0.0:2]
    assert x[np.uint8(0) : ag.tensor(2)].shape == (2,)


@pytest.mark.parametrize("n", [5, 0, None])
@pytest.mark.parametrize("x", [leaf([1.0, 2.0]), ag.tensor([1.0, 2.0])])
def test_an_operator_takes_its_operands_and_no_more(x: ag.Tensor, n: Any) -> None:
    """pow(x, 2, 5) must not pass for x ** 2, nor the argument of x.exp() for one of np.exp's."""
    for method, args in [(x.exp, ()), (x.__neg__, ()), (x.__add__, (1.0,)), (x.__pow__, (2,))]:
        with pytest.raises(TypeError, match=r"takes \d arrays?, it was given an argument more"):
            method(*args, n)


def test_an_attribute_of_arrays_names_what_stands_for_it() -> None:
    """A function of NumPy's that has a rule or answers, or else the array's own; no other name."""
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    for name, instead in [("sort", "np.sort"), ("nonzero", "np.nonzero"), ("real", "np.real"),
                          ("put", r"x = ag\.put"), ("strides", r"x\.data\.strides")]:  # fmt: skip
        with pytest.raises(AttributeError, match=rf"no attribute '{name}', .* use {instead}"):
            getattr(x, name)
    with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'sumn'") as error:
        x.sumn()
    assert "arrays" not in str(error.value)
    assert not hasattr(x, "sort")
    assert not hasattr(ag.Tensor, "sort")
    assert "sort" not in dir(x)
    assert not hasattr(ag.Tensor, "__getattr__")  # it would make every attribute slower
    assert {"sum", "data", "mT"} <= set(dir(x))


def test_in_asks_all_elements() -> None:
    """As of arrays, of whatever shape."""
    x = ag.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert 4.0 in x
    assert 5.0 not in x


def test_a_method_of_a_ufunc_takes_its_array_by_name() -> None:
    """`array=`, as NumPy calls it."""
    x = ag.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    for f in (np.add.reduce, np.multiply.reduce, np.maximum.reduce, np.minimum.accumulate):
        y = f(array=x, axis=0)
        np.testing.assert_array_equal(y.data, f(x.data, axis=0))
        assert y.requires_grad


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (lambda x: np.linalg.matrix_power(x, 1.5), "np.linalg.matrix_power"),
        (lambda x: np.gradient(x, axis="a"), "np.gradient"),
        (lambda x: np.sum(x, dtype="zz"), "np.sum"),
        (lambda x: np.exp(x, dtype="zz"), "np.exp"),
        (lambda x: np.stack([x, x], dtype="zz"), "np.stack"),
        (lambda x: x.sum(dtype="zz"), "np.sum"),
        (lambda x: np.vstack([x, np.ones(7)]), "np.vstack"),
        (lambda x: np.add(x, [[1, 2], [3]]), "np.add"),
        (lambda x: ag.softmax(np.ones(3), axis=4), "ag.softmax"),
        (lambda x: np.insert(x, 9, 1.0, axis=0), "np.insert"),
        (lambda x: x.take([1.5]), "np.take"),
    ],
)
def test_errors_of_arguments_name_the_function_that_was_called(call: Any, path: str) -> None:
    """In a note, where NumPy's message or that of a function inside does not, with the line."""
    x = ag.tensor(np.ones((2, 2)), requires_grad=True)
    with pytest.raises((TypeError, ValueError, IndexError)) as error:
        call(x)
    notes = getattr(error.value, "__notes__", [])
    assert any(note.startswith(f"in {path}") for note in notes)
    assert "(at test_protocols.py:" in "".join([str(error.value), *notes])


def test_errors_that_name_their_function_get_no_note() -> None:
    """Once is enough."""
    x = ag.tensor(np.ones((2, 2)), requires_grad=True)
    for call in (lambda: x.sum(axis="a"), lambda: np.pad(x, "a"), lambda: x.reshape(7)):
        with pytest.raises((TypeError, ValueError)) as error:
            call()
        assert not getattr(error.value, "__notes__", [])


ONE = ag.tensor(1)
PLACED: list[Any] = [
    lambda x: np.roll(x, ONE, axis=ONE),
    lambda x: np.cumsum(x, axis=ONE),
    lambda x: np.flip(x, ONE),
    lambda x: np.rot90(x, ONE, axes=(ONE, 0)),
    lambda x: np.tril(x, ONE),
    lambda x: np.concatenate([x, x], axis=ONE),
    lambda x: np.swapaxes(x, 0, ONE),
    lambda x: np.delete(x, ONE, axis=0),
    lambda x: np.delete(x, np.argmax(x[0]), axis=1),
    lambda x: np.insert(x, ONE, 7.0, axis=0),
    lambda x: np.unwrap(x, period=ag.tensor(3.0)),
]


@pytest.mark.parametrize("f", PLACED)
def test_a_tensor_of_no_gradient_is_the_number_it_holds(f: Any) -> None:
    """As an axis, a shift or a place, eagerly, in a sweep and in a program."""
    x = np.arange(6.0).reshape(2, 3)
    expected = {
        0: np.roll(x, 1, 1), 1: np.cumsum(x, 1), 2: np.flip(x, 1), 3: np.rot90(x, 1, (1, 0)),
        4: np.tril(x, 1), 5: np.concatenate([x, x], 1), 6: x.T, 7: np.delete(x, 1, 0),
        8: np.delete(x, 2, 1), 9: np.insert(x, 1, 7.0, 0), 10: np.unwrap(x, period=3.0),
    }[PLACED.index(f)]  # fmt: skip
    leaf = ag.tensor(x, requires_grad=True)
    y = f(leaf)
    np.testing.assert_array_equal(y.data, expected)
    np.sum(y).backward()
    assert leaf.grad.shape == x.shape
    if f is not PLACED[8]:  # whose place differs from call to call
        np.testing.assert_array_equal(ag.compile(f)(x), expected)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: np.pad(x, 1, constant_values=x[0]), "constant_values"),
        (lambda x: np.nan_to_num(x, nan=x[0]), "nan"),
        (lambda x: np.unwrap(x, discont=x[0]), "discont"),
    ],
)
def test_a_tensor_with_gradient_is_no_parameter(call: Any, name: str) -> None:
    """Its gradient would be lost: the message says of which parameter."""
    with pytest.raises(TypeError, match=rf"np\.\w+: {name}= is a tensor that requires grad"):
        call(ag.tensor([1.0, 2.0], requires_grad=True))


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("clone", r"which PyTorch's tensors have; use x\.copy\(\)"),
        ("view", r"x\.reshape"),
        ("unsqueeze", r"np\.expand_dims"),
        ("log1p", r"use np\.log1p\(x\)"),
        ("maximum", r"use np\.maximum\(x, …\)"),
    ],
)
def test_what_other_tensors_have_is_named_as_it_is_here(name: str, instead: str) -> None:
    """hasattr says no, and dir lists none of it."""
    x = leaf([1.0, 2.0])
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'.*{instead}"):
        getattr(x, name)
    assert not hasattr(x, name)
    assert name not in dir(x)
