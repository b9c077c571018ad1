"""Products, inverses, einsum: the forms that their arguments take, what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite.rules.linalg import matrix_product


def leaf(x: Any, **kwargs: Any) -> ag.Tensor:
    return ag.tensor(np.asarray(x, **kwargs), requires_grad=True)


def normal(*shape: int, seed: int = 0, dtype: Any = np.float64) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


# --- matmul


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2, 32])
@pytest.mark.parametrize(("i", "o"), [(784, 50), (50, 10), (3, 1), (1, 4)])
def test_gradients_of_a_layer_equal_the_hand_written_products(
    n: int, i: int, o: int, dtype: Any
) -> None:
    """X.T @ G and G @ W.T, in C order and in arrays of their own, whichever route is taken."""
    x, w, g = normal(n, i, dtype=dtype), normal(i, o, dtype=dtype), normal(n, o, dtype=dtype)
    left, right = leaf(x), leaf(w)
    (left @ right).backward(g)
    rounding = 50 * np.finfo(dtype).eps
    np.testing.assert_allclose(left.grad, g @ w.T, rtol=rounding, atol=rounding)
    np.testing.assert_allclose(right.grad, x.T @ g, rtol=rounding, atol=rounding)
    for grad in (left.grad, right.grad):
        assert grad.dtype == dtype
        assert grad.flags.c_contiguous
        assert grad.base is None


@pytest.mark.parametrize("shapes", [((2, 3), (3, 4)), ((5, 1), (1, 7)), ((200, 3), (3, 100))])
def test_both_routes_of_a_matrix_product_agree(shapes: Any) -> None:
    """dot and @ give one product."""
    a, b = normal(*shapes[0]), normal(*shapes[1])
    np.testing.assert_allclose(matrix_product(a, b), a @ b, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("m", "k", "n"), [(1, 3, 1), (3, 1, 1), (1, 1, 3), (1, 1, 1), (2, 1, 2)])
def test_no_product_makes_zero_of_zero_times_infinity(m: int, k: int, n: int, dtype: Any) -> None:
    """BLAS skips what a single number of 0 multiplies; a program would hide inf and nan so, too."""

    def product(x: Any, w: Any) -> Any:
        return x @ w

    def pulled(x: Any, w: Any, g: Any) -> Any:
        return ag.vjp(product, x, w)[1](g)

    for zero in range(3):
        for other in {0, 1, 2} - {zero}:
            x, w, g = (np.ones(shape, dtype) for shape in ((m, k), (k, n), (m, n)))
            (x, w, g)[zero][:] = 0
            (x, w, g)[other][:] = np.inf
            with np.errstate(all="ignore"):
                wanted = x @ w, g @ w.T, x.T @ g
                for _ in range(6):  # the last sweeps are written out
                    y = leaf(x) @ leaf(w)
                    found = y.data, *pulled(x, w, g)
                    for y, expected in zip(found, wanted, strict=True):
                        np.testing.assert_array_equal(y, expected, strict=True)
                found = ag.compile(product)(x, w), *ag.compile(pulled)(x, w, g)
                for y, expected in zip(found, wanted, strict=True):
                    np.testing.assert_array_equal(y, expected, strict=True)


def test_no_outer_product_makes_zero_of_zero_times_infinity() -> None:
    """Its gradient is a sum of products, of one where the other factor is a number."""
    a, b = np.array([1.0, np.inf]), np.zeros(1)
    with np.errstate(all="ignore"):
        ga, gb = ag.vjp(np.outer, a, b)[1](np.array([[1.0], [np.inf]]))
        np.testing.assert_array_equal(ga, [0.0, np.nan])
        ga, gb = ag.vjp(np.outer, b, a)[1](np.array([[1.0, np.inf]]))
        np.testing.assert_array_equal(gb, [0.0, np.nan])


def test_products_raise_and_warn_as_numpys_do() -> None:
    """Overflow in a recorded product is heard of, whichever route is taken."""
    a = np.full((2, 2), 1e308)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="in matmul"):
        leaf(a) @ a
    with np.errstate(all="warn"), pytest.warns(RuntimeWarning, match="overflow encountered"):
        leaf(a) @ a
    message = r"core dimension 0.*size 3 is different from 2"
    with pytest.raises(ValueError, match=message):
        leaf(a) @ np.ones((3, 2))


def test_a_product_of_an_array_that_is_not_aligned_with_itself_has_numpys_bits() -> None:
    """BLAS computes A @ A.T in another order if it sees that both are one array."""
    memory = np.zeros(8 * 17 * 784 + 1, np.uint8)
    a = np.frombuffer(memory.data, np.float64, 17 * 784, 1).reshape(17, 784)
    a[:] = normal(17, 784)
    assert not a.flags.aligned
    np.testing.assert_array_equal((leaf(a) @ a.T).data, a @ a.T)
    np.testing.assert_array_equal((leaf(a.T).T @ a.T).data, a @ a.T)


def test_a_batch_times_a_matrix_makes_no_batch_of_gradients() -> None:
    """The gradient of a weight matrix under a batch of sequences is one product."""
    x, w = normal(4, 5, 3), leaf(normal(3, 2))
    g = normal(4, 5, 2, seed=1)
    np.testing.assert_allclose(ag.gradients(x @ w, w, g), np.einsum("bti,bto->io", x, g))


def test_a_shape_error_names_the_op_both_tensors_and_both_shapes() -> None:
    """What a caller needs to find a wrong shape stands in the message."""
    x = ag.tensor(np.ones((5, 3)), requires_grad=True, name="A1")
    w = ag.tensor(np.ones((4, 2)), requires_grad=True, name="W2")
    with pytest.raises(ValueError, match=r"matmul: A1 \(5, 3\) @ W2 \(4, 2\)"):
        x @ w
    with pytest.raises(ValueError, match=r"dot: A1 \(5, 3\).*W2 \(4, 2\)"):
        x.dot(w)
    with pytest.raises(ValueError, match=r"einsum: A1 \(5, 3\).*W2 \(4, 2\)"):
        np.einsum("ij,jk", x, w)
    with pytest.raises(np.linalg.LinAlgError, match=r"inv: A1 \(5, 3\)"):
        np.linalg.inv(x)


def test_dot_is_a_method() -> None:
    """x.dot(y) is recorded with a tensor on either side."""
    x, y = leaf(normal(2, 3)), normal(3, 2)
    np.testing.assert_array_equal(x.dot(y).data, x.data.dot(y))
    np.testing.assert_array_equal(ag.gradients(np.sum(x.dot(y)), x), np.ones((2, 2)) @ y.T)


@pytest.mark.parametrize(
    ("call", "parameter"),
    [
        (lambda x: np.matmul(x, x, casting="unsafe"), "casting"),
        (lambda x: np.matmul(x, x, axes=[(0, 1), (0, 1), (0, 1)]), "axes"),
        (lambda x: np.vecdot(x, x, keepdims=True), "keepdims"),
        (lambda x: np.einsum("ij->ji", x, dtype=np.float32), "dtype"),
        (lambda x: np.einsum("ij->ji", x, casting="unsafe"), "casting"),
        (lambda x: np.einsum("ij->ji", x, out=np.zeros((2, 2))), "out"),
        (lambda x: np.dot(x, x, out=np.zeros((2, 2))), "out"),
    ],
)
def test_unsupported_parameters_are_refused_by_name(call: Any, parameter: str) -> None:
    """Nothing is passed to NumPy unseen."""
    with pytest.raises(TypeError, match=parameter):
        call(leaf(normal(2, 2)))


# --- einsum


@pytest.mark.parametrize("optimize", [False, True, "greedy", "optimal"])
def test_einsum_gradients_are_the_same_for_every_order_of_contraction(optimize: Any) -> None:
    """optimize changes the work, not the answer."""
    xs = [leaf(normal(*s, seed=i)) for i, s in enumerate([(2, 3), (3, 4), (4, 5), (5,)])]
    grads = ag.gradients(np.einsum("ij,jk,kl,l->i", *xs, optimize=optimize), xs, np.ones(2))
    a, b, c, d = (x.data for x in xs)
    np.testing.assert_allclose(grads[0], np.ones((2, 1)) * (b @ c @ d), rtol=1e-13)
    np.testing.assert_allclose(grads[3], np.ones(2) @ a @ b @ c, rtol=1e-13)


def test_einsum_of_one_tensor_used_twice_adds_both_gradients() -> None:
    """Two uses of one operand are two operands."""
    x = leaf(normal(3, 3))
    np.testing.assert_allclose(ag.gradients(np.einsum("ij,ij", x, x), x), 2 * x.data)


def test_einsum_of_one_operand_keeps_no_array() -> None:
    """A sum, a trace or a transposition needs its input's shape alone."""
    y = np.einsum("ij->j", leaf(normal(2, 3)) * 2.0)
    assert not any(isinstance(value, np.ndarray) for value in y.node.saved)


def test_einsum_path_is_a_query() -> None:
    """It answers for tensors what it answers for arrays."""
    x = normal(2, 2)
    assert np.einsum_path("ij,jk", leaf(x), x)[0] == np.einsum_path("ij,jk", x, x)[0]


@pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors:DeprecationWarning")
@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize(("n", "m"), [(2, 2), (2, 3), (3, 2)])
def test_cross_of_vectors_of_two_elements_lies_in_the_plane(n: int, m: int, axis: int) -> None:
    """As with a third element of 0, to the second order, in either mode, and broadcast."""
    a, b = normal(4, 1, n), normal(5, m)
    if axis == 0:
        a, b = np.moveaxis(a, -1, 0), np.moveaxis(b, -1, 0)

    def in_space(v: Any) -> Any:
        widths = [(0, 0)] * v.ndim
        widths[axis] = (0, 3 - v.shape[axis])
        return np.pad(v, widths)

    def padded(a: Any, b: Any) -> Any:
        product = np.cross(in_space(a), in_space(b), axis=axis)
        return np.take(product, 2, axis=axis) if n == m == 2 else product

    def plain(a: Any, b: Any) -> Any:
        return np.cross(a, b, axis=axis)

    np.testing.assert_array_equal(plain(a, b), padded(a, b))
    w = normal(*plain(a, b).shape)
    results = []
    for f in (plain, padded):
        pairs = ag.hvp(lambda a, b, f=f: np.sum(w * f(a, b) ** 3), (a, b), (a, b))
        results.append([*pairs[0], *pairs[1], ag.jvp(f, (a, b), (a * a, b))[1]])
    for x, y in zip(*results, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-13)


def test_cross_warns_and_refuses_as_numpy_does() -> None:
    """Vectors of two elements are deprecated, and np.linalg.cross does not take them."""
    with pytest.warns(DeprecationWarning, match="2-dimensional vectors"):
        np.cross(leaf(normal(2)), normal(2))
    with pytest.raises(ValueError, match=r"np.linalg.cross: \(2,\) × \(2,\).*append a zero"):
        np.linalg.cross(leaf(normal(2)), normal(2))


def test_outer_of_linalg_takes_vectors_only() -> None:
    """np.linalg.outer refuses what np.outer flattens."""
    with pytest.raises(ValueError, match="two vectors"):
        np.linalg.outer(leaf(normal(2, 2)), normal(2))


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("f", [np.convolve, np.correlate])
def test_convolutions_pass_gradients_to_both_signals_in_every_mode(f: Any, mode: str) -> None:
    """⟨g, f(a, v)⟩ = ⟨∂a, a⟩ = ⟨∂v, v⟩: f is linear in each."""
    for n in range(1, 7):
        for m in range(1, 7):
            a, v = leaf(normal(n)), leaf(normal(m, seed=1))
            y = f(a, v, mode)
            g = normal(*y.shape, seed=2)
            for x, grad in zip((a, v), ag.gradients(y, [a, v], g), strict=True):
                assert np.sum(grad * x.data) == pytest.approx(np.sum(g * y.data), abs=1e-12)


# --- inverses


def test_matrix_power_gives_numpys_numbers_for_every_exponent() -> None:
    """The order of products is NumPy's, from −5 to 12."""
    a = normal(2, 3, 3) + 2 * np.eye(3)
    for n in range(-5, 13):
        got = np.linalg.matrix_power(leaf(a), n)
        np.testing.assert_array_equal(got.data, np.linalg.matrix_power(a, n))


def test_the_gradient_of_the_zeroth_power_is_zero() -> None:
    """A**0 is the identity whatever A is."""
    assert not ag.grad(lambda a: np.sum(np.linalg.matrix_power(a, 0)))(normal(2, 2)).any()


def test_solve_reads_a_vector_and_stacks_of_matrices_as_numpy_does() -> None:
    """One right-hand side for many matrices gathers the gradients of all."""
    a, b = leaf(normal(4, 3, 3) + 3 * np.eye(3)), leaf(normal(3))
    y = np.linalg.solve(a, b)
    assert y.shape == (4, 3)
    expected = sum(np.linalg.solve(m.T, np.ones(3)) for m in a.data)
    np.testing.assert_allclose(ag.gradients(np.sum(y), b), expected)


def test_multi_dot_needs_no_more_products_than_the_cheapest_order() -> None:
    """The gradient of the middle of a thin chain never makes a large matrix."""
    xs = [leaf(normal(1, 500)), leaf(normal(500, 500)), leaf(normal(500, 1))]
    grads = ag.gradients(np.sum(np.linalg.multi_dot(xs)), xs)
    np.testing.assert_allclose(grads[1], xs[0].data.T @ xs[2].data.T, rtol=1e-12)
