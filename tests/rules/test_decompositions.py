"""Decompositions: what their gradients mean where vectors are undetermined, and which triangle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def positive(n: int, seed: int = 0) -> Any:
    a = normal(n, n, seed=seed)
    return a @ a.T + n * np.eye(n)


def with_values(values: list[float], seed: int = 0) -> Any:
    """A symmetric matrix with these eigenvalues."""
    q = np.linalg.qr(normal(len(values), len(values), seed=seed))[0]
    a = (q * np.array(values)) @ q.T
    return (a + a.T) / 2


def slope(f: Callable[[Any], Any], x: Any, d: Any) -> Any:
    """The derivative of f along d, by central differences of fourth order."""
    h = 1e-3
    near, far = (f(x + k * d) - f(x - k * d) for k in (h, 2 * h))
    return (8 * near - far) / (12 * h)


# --- symmetric matrices

SYMMETRIC: dict[str, Callable[[Any], Any]] = {
    "cholesky": lambda a: np.linalg.cholesky(a)[1, 0],
    "cholesky upper": lambda a: np.linalg.cholesky(a, upper=True)[0, 1],
    "eigh": lambda a: np.linalg.eigh(a).eigenvectors[0, 1] * np.linalg.eigh(a).eigenvalues[0],
    "eigh upper": lambda a: np.linalg.eigh(a, "U").eigenvectors[0, 1],
    "eigvalsh": lambda a: np.linalg.eigvalsh(a)[1],
}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_gradient_is_that_of_the_symmetric_part(name: str) -> None:
    """cholesky, eigh, eigvalsh: gradient and jvp as of f((A + Aᵀ)/2), to second order."""
    f, a = SYMMETRIC[name], positive(3)
    g, d = ag.grad(f)(a), normal(3, 3, seed=1)
    np.testing.assert_allclose(g, g.T, atol=1e-14)
    even = (d + d.T) / 2
    assert np.sum(g * d) == pytest.approx(slope(f, a, even), rel=1e-9)
    assert ag.jvp(f, (a,), (d,))[1] == pytest.approx(np.sum(g * d), rel=1e-12)
    _, product = ag.hvp(f, (a,), (d,))
    np.testing.assert_allclose(product, product.T, atol=1e-12)
    np.testing.assert_allclose(product, slope(ag.grad(f), a, even), rtol=1e-8, atol=1e-10)
    recorded = ag.gradients(f(x := ag.tensor(a, requires_grad=True)), x, create_graph=True)
    np.testing.assert_array_equal(recorded.data, g)


EQUAL = [[1.0, 2.0, 2.0], [1.0, 2.0, 2.0 + 5e-16], [0.0, 0.0, 3.0]]


@pytest.mark.parametrize("values", EQUAL)
def test_eigenvectors_of_equal_values_have_nan_gradients(values: list[float]) -> None:
    """eigh with equal values, where the cotangent couples them: nan, reverse and forward."""
    a = with_values(values)
    k = 2 if values[1] == 2.0 else 0

    def f(x: Any) -> Any:
        return np.linalg.eigh(x).eigenvectors[0, k]

    assert np.isnan(ag.grad(f)(a)).all()
    for seed in range(10):
        assert np.isnan(ag.jvp(f, (a,), (positive(3, seed),))[1])
    leaf = ag.tensor(a, requires_grad=True)
    assert np.isnan(ag.gradients(f(leaf), leaf, create_graph=True).data).all()


@pytest.mark.parametrize("values", EQUAL)
def test_eigenvalues_alone_are_right_where_they_are_equal(values: list[float]) -> None:
    """Values alone are fine: the gradient of their sum of squares is 2A."""
    a = with_values(values)
    for f in (np.linalg.eigvalsh, lambda x: np.linalg.eigh(x).eigenvalues):
        g = ag.grad(lambda x, f=f: np.sum(f(x) ** 2))(a)
        np.testing.assert_allclose(g, 2 * a, atol=1e-14)


def test_a_vector_apart_from_equal_values_is_right() -> None:
    """The cotangent of one vector does not couple the others, however equal their values."""
    a, d = with_values([1.0, 1.0, 3.0]), positive(3, seed=2)

    def f(x: Any) -> Any:
        return np.linalg.eigh(x).eigenvectors[:, 2] ** 2 @ np.array([1.0, 2.0, 3.0])

    g = ag.grad(f)(a)
    assert np.sum(g * d) == pytest.approx(slope(f, a, d), rel=1e-7)
    assert ag.jvp(f, (a,), (d,))[1] == pytest.approx(np.sum(g * d), rel=1e-12)


def test_values_twice_as_far_apart_as_the_tolerance_count_as_different() -> None:
    """Beyond 8·eps·‖A‖ the quotient is what it is."""
    gap = 20 * np.finfo(float).eps * 2.0
    a = np.diag([1.0, 2.0 - gap, 2.0])
    g = ag.grad(lambda x: np.linalg.eigh(x).eigenvectors[0, 0])(a)
    assert np.isfinite(g).all()


# --- eig


@pytest.mark.parametrize("f", [np.linalg.eig, np.linalg.eigvals])
def test_complex_eigenvalues_are_refused(f: Any) -> None:
    """A complex result raises TypeError, by name."""
    turn = ag.tensor(np.array([[0.0, -1.0], [1.0, 0.0]]), requires_grad=True)
    with pytest.raises(TypeError, match="complex; only real dtypes have gradients here"):
        f(turn)


def test_real_eigenvalues_of_any_matrix_have_gradients() -> None:
    """The sum of squares of the eigenvalues is tr(A²), whose gradient is 2Aᵀ; equal ones too."""
    for values in ([1.0, 2.0, 4.0], [1.0, 2.0, 2.0]):
        v = np.eye(3) + 0.2 * normal(3, 3)
        a = v @ np.diag(values) @ np.linalg.inv(v)
        g = ag.grad(lambda x: np.sum(np.linalg.eigvals(x) ** 2))(a)
        np.testing.assert_allclose(g, 2 * a.T, rtol=1e-7, atol=1e-7)


def test_eigenvectors_of_equal_eigenvalues_have_nan_gradients() -> None:
    """eig as eigh."""
    g = ag.grad(lambda x: np.linalg.eig(x).eigenvectors[2, 1])(np.diag([1.0, 2.0, 2.0]))
    assert np.isnan(g).any()


# --- svd


@pytest.mark.parametrize("s", [[2.0, 2.0, 1.0], [3.0, 0.0, 0.0], [2.0 + 9e-16, 2.0, 1.0]])
@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (3, 4)])
def test_singular_vectors_of_equal_values_have_nan_gradients(
    s: list[float], shape: tuple[int, int]
) -> None:
    """svd with equal values, where the cotangent couples them: nan; values alone: fine."""
    u, v = (np.linalg.qr(normal(n, 3, seed=n))[0] for n in (shape[0], max(shape[1], 3)))
    a = (u * np.array(s)) @ v.T
    k = 1

    def vector(x: Any) -> Any:
        return np.linalg.svd(x, full_matrices=False).U[0, k]

    assert np.isnan(ag.grad(vector)(a)).any()
    for seed in range(10):
        assert np.isnan(ag.jvp(vector, (a,), (normal(*shape, seed=seed),))[1])
    for values in (np.linalg.svdvals, lambda x: np.linalg.svd(x, full_matrices=False).S):
        g = ag.grad(lambda x, values=values: np.sum(values(x) ** 2))(a)
        np.testing.assert_allclose(g, 2 * a, atol=1e-13)


def test_a_singular_vector_apart_from_equal_values_is_right() -> None:
    """The leading vectors of a matrix of rank one: the other values, all 0, do no harm."""
    a, d = np.outer(normal(4), normal(3, seed=1)), normal(4, 3, seed=2)

    def f(x: Any) -> Any:
        y = np.linalg.svd(x, full_matrices=False)
        return y.U[0, 0] ** 2 + y.Vh[0, 1] ** 2 * y.S[0]

    g = ag.grad(f)(a)
    assert np.sum(g * d) == pytest.approx(slope(f, a, d), rel=1e-8)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4)])
def test_undetermined_singular_vectors_refuse_a_cotangent(shape: tuple[int, int]) -> None:
    """svd(full_matrices=True): raises where the cotangent is not 0, else all is right."""
    a = normal(*shape)
    tall = shape[0] > shape[1]

    def vectors(x: Any, k: slice) -> Any:
        y = np.linalg.svd(x)
        return y.U[0, k] if tall else y.Vh[k, 0]

    x = ag.tensor(a, requires_grad=True)
    for create_graph in (False, True):
        with pytest.raises(ValueError, match=r"svd: the last 2 .* are not determined"):
            ag.gradients(np.sum(vectors(x, slice(2, None)) ** 2), x, create_graph=create_graph)
    weights, d = np.array([1.0, 2.0]), normal(*shape, seed=1)

    def f(x: Any) -> Any:
        return vectors(x, slice(0, 2)) ** 2 @ weights + np.sum(np.linalg.svd(x).S)

    assert np.sum(ag.grad(f)(a) * d) == pytest.approx(slope(f, a, d), rel=1e-9)
    assert np.isfinite(ag.jvp(f, (a,), (d,))[1])
    assert np.isnan(ag.jvp(lambda x: vectors(x, slice(3, 4))[0], (a,), (d,))[1])


def test_results_keep_numpys_names() -> None:
    """svd, qr, eigh and slogdet give NumPy's namedtuples of tensors."""
    x = ag.tensor(positive(3), requires_grad=True)
    assert np.linalg.svd(x)._fields == ("U", "S", "Vh")
    assert np.linalg.qr(x)._fields == ("Q", "R")
    assert np.linalg.eigh(x)._fields == ("eigenvalues", "eigenvectors")
    assert np.linalg.eig(x)._fields == ("eigenvalues", "eigenvectors")
    assert all(isinstance(part, ag.Tensor) for part in np.linalg.svd(x))


def test_hermitian_decompositions_read_one_triangle() -> None:
    """svd, svdvals and pinv with hermitian=True: the gradient of the symmetric part."""
    a, d = with_values([-1.0, 2.0, 4.0]), positive(3, seed=3)
    functions: list[Callable[[Any], Any]] = [
        lambda x: np.linalg.svd(x, hermitian=True).U[0, 1] ** 2,
        lambda x: np.sum(np.linalg.svd(x, compute_uv=False, hermitian=True) ** 3),
        lambda x: np.linalg.pinv(x, hermitian=True)[0, 1],
    ]
    for f in functions:
        g = ag.grad(f)(a)
        np.testing.assert_allclose(g, g.T, atol=1e-13)
        assert np.sum(g * d) == pytest.approx(slope(f, a, d), rel=1e-8)


# --- qr


def test_undetermined_columns_of_q_refuse_a_cotangent() -> None:
    """Complete qr: raises where the cotangent is not 0, else as the reduced one."""
    a = normal(4, 2)
    x = ag.tensor(a, requires_grad=True)
    for create_graph in (False, True):
        with pytest.raises(ValueError, match="qr: the last 2 columns of Q are not determined"):
            ag.gradients(np.sum(np.linalg.qr(x, "complete").Q), x, create_graph=create_graph)

    def f(x: Any, mode: str) -> Any:
        q, r = np.linalg.qr(x, mode)
        return q[0, 0] * q[1, 1] + np.sum(r[:2] ** 3)

    np.testing.assert_allclose(
        ag.grad(f)(a, "complete"), ag.grad(f)(a, "reduced"), rtol=1e-12, atol=1e-14
    )
    assert np.isnan(ag.jvp(lambda x: np.linalg.qr(x, "complete").Q[0, 3], (a,), (a,))[1])


@pytest.mark.parametrize("mode", ["raw", "full", "economic"])
def test_other_modes_of_qr_are_refused_by_name(mode: str) -> None:
    """The message says which modes there are."""
    with pytest.raises(ValueError, match=f"mode='{mode}'.*'reduced', 'complete' or 'r'"):
        np.linalg.qr(ag.tensor(np.eye(2), requires_grad=True), mode)


def test_qr_of_a_singular_matrix_does_not_raise_in_the_sweep() -> None:
    """R has no inverse there: nan or infinite, as at every vertical tangent."""
    g = ag.grad(lambda x: np.linalg.qr(x).Q[0, 1])(np.zeros((2, 2)))
    assert not np.isfinite(g).all()


# --- pinv and lstsq


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (3, 3)])
def test_pinv_and_lstsq_at_constant_rank(shape: tuple[int, int]) -> None:
    """Along directions that keep the rank, also where it is not full."""
    m, n = shape
    left, right = normal(m, 1), normal(1, n, seed=1)
    b, weights = normal(m, seed=2), normal(n, m, seed=3)
    dl, dr = normal(m, 1, seed=4), normal(1, n, seed=5)
    functions: list[Callable[[Any], Any]] = [
        lambda a: np.sum(weights * np.linalg.pinv(a)),
        lambda a: weights[:, 0] @ np.linalg.lstsq(a, b)[0],
    ]
    for f in functions:
        expected = slope(lambda t, f=f: f((left + t * dl) @ (right + t * dr)), 0.0, 1.0)
        got = np.sum(ag.grad(f)(left @ right) * (dl @ right + left @ dr))
        assert got == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("rcond", [-1, 0.0, 0.3, 2.0])
def test_gradients_of_lstsq_have_the_rank_of_its_solution(rcond: float) -> None:
    """Out of 0 … 1 the cut-off is LAPACK's own, and rounding errors are no singular values."""
    a, b = np.diag([1.0, 0.2, 1e-17]), np.array([1.0, 2.0, 3.0])
    x, _, rank, _ = np.linalg.lstsq(a, b, rcond)
    kept = np.arange(3) < rank
    np.testing.assert_allclose(x, np.where(kept, b / np.diag(a), 0.0), rtol=1e-14)
    g = ag.grad(lambda b: np.sum(np.linalg.lstsq(a, b, rcond)[0]))(b)
    np.testing.assert_allclose(g, np.where(kept, 1 / np.diag(a), 0.0), rtol=1e-14)
    g = ag.grad(lambda a: np.sum(np.linalg.lstsq(a, b, rcond)[0]))(a)
    np.testing.assert_allclose(np.diag(g), np.where(kept, -b / np.diag(a) ** 2, 0.0), rtol=1e-14)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (3, 3)])
def test_singular_values_that_are_cut_off_count_though_they_are_not_0(
    shape: tuple[int, int],
) -> None:
    """Vectors that are kept turn towards them: pinv, lstsq and their second derivatives."""
    m, n = shape
    a = normal(m, n)
    a = a / np.linalg.norm(a, 2)
    s = np.linalg.svdvals(a)
    rcond = float(s[0] * s[1]) ** 0.5  # between the first two
    b, weights = normal(m, seed=2), normal(n, m, seed=3)
    d, e = 0.1 * normal(m, n, seed=4), 0.1 * normal(m, n, seed=5)
    functions: list[Callable[[Any], Any]] = [
        lambda a: np.sum(weights * np.linalg.pinv(a, rcond)),
        lambda a: weights[:, 0] @ np.linalg.lstsq(a, b, rcond)[0],
    ]
    for f in functions:
        assert np.sum(ag.grad(f)(a) * d) == pytest.approx(slope(f, a, d), rel=1e-6)
        along = lambda a, f=f: np.sum(ag.grad(f)(a) * d)
        assert np.sum(ag.grad(along)(a) * e) == pytest.approx(slope(along, a, e), rel=1e-6)


def test_values_of_rounding_size_that_are_cut_off_do_no_harm() -> None:
    """Equal ones, too: the second derivative is that without a cut-off."""
    a, weights = np.diag([2.0, 2.0, 0.0, 0.0]), normal(4, 4)
    cut = ag.hessian(lambda a: np.sum(weights * np.linalg.pinv(a, 1e-10)))(a)
    np.testing.assert_array_equal(cut, ag.hessian(lambda a: np.sum(weights * np.linalg.pinv(a)))(a))


def test_all_results_of_lstsq_pass_their_gradients() -> None:
    """The solution, the residuals and the singular values; the rank is a number."""
    a, b = normal(5, 2), normal(5, 3, seed=1)
    x, rest, rank, s = np.linalg.lstsq(ag.tensor(a, requires_grad=True), b)
    assert (x.shape, rest.shape, int(rank), s.shape) == ((2, 3), (3,), 2, (2,))
    g = ag.grad(lambda a: np.sum(np.linalg.lstsq(a, b)[1]))(a)
    expected = -2 * (b - a @ np.linalg.lstsq(a, b)[0]) @ np.linalg.lstsq(a, b)[0].T
    np.testing.assert_allclose(g, expected, rtol=1e-10)
    g = ag.grad(lambda a: np.sum(np.linalg.lstsq(a, b)[3] ** 2))(a)
    np.testing.assert_allclose(g, 2 * a, rtol=1e-12)
    assert not ag.grad(lambda b: np.sum(np.linalg.lstsq(a, b)[3] ** 2))(b).any()


def test_pinv_takes_either_name_of_its_cut_off() -> None:
    """rcond and rtol are one parameter; both at once are none."""
    a = np.diag([1.0, 1e-8])
    x = ag.tensor(a, requires_grad=True)
    for kwargs in ({}, {"rcond": 1e-6}, {"rtol": 1e-6}, {"rtol": None}):
        np.testing.assert_array_equal(np.linalg.pinv(x, **kwargs).data, np.linalg.pinv(a, **kwargs))
    with pytest.raises(ValueError, match="both"):
        np.linalg.pinv(x, 1e-6, rtol=1e-6)


def test_the_rank_is_a_query() -> None:
    """A constant that NumPy itself answers."""
    assert np.linalg.matrix_rank(ag.tensor(np.ones((3, 3)), requires_grad=True)) == 1


@pytest.mark.parametrize(
    "f",
    [
        lambda a: np.sum(np.linalg.cholesky(a) ** 3),
        lambda a: np.sum(np.linalg.eigvalsh(a) ** 3),
        lambda a: np.linalg.eigh(a).eigenvectors[0, 1] ** 2,
        lambda a: np.linalg.svd(a).U[0, 1] ** 2,
        lambda a: np.linalg.qr(a).R[0, 1],
        lambda a: np.linalg.pinv(a)[0, 1],
    ],
)
def test_third_derivatives_are_exact(f: Callable[[Any], Any]) -> None:
    """Any order: the Hessian's own slope along a direction, against differences."""
    a = with_values([1.0, 2.0, 3.5]) + 0.0
    d, e = (with_values([1.0, -1.0, 0.5], seed=seed) for seed in (1, 2))

    def second(x: Any) -> Any:
        return np.sum(ag.hvp(f, (x,), (d,))[1] * e)

    third = np.sum(ag.grad(second)(a) * d)
    assert third == pytest.approx(slope(second, a, d), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    "values",
    [np.linalg.eigvalsh, np.linalg.eigvals, np.linalg.svdvals, lambda a: np.linalg.eigh(a)[0],
     lambda a: np.linalg.eig(a)[0], lambda a: np.linalg.svd(a)[1]],
)  # fmt: skip
@pytest.mark.parametrize("at", [0.0, 1.0])
def test_second_derivatives_of_equal_values_are_nan_where_they_are_coupled(
    values: Any, at: float
) -> None:
    """Where their cotangents are 0, too: Σ(w − 1)² at 1, whose Hessian is not that of its parts."""
    a = at * np.eye(2)
    f = lambda a: np.sum((values(a) - at) ** 2)
    np.testing.assert_array_equal(ag.grad(f)(a), np.zeros((2, 2)))
    for second in (ag.jacobian(ag.grad(f)), ag.hessian(f), ag.compile(ag.hessian(f))):
        H = second(a).reshape(4, 4)
        np.testing.assert_array_equal(H[::3, ::3], 2.0 * np.eye(2))  # along the diagonal
        assert np.isnan(H[1:3, 1:3]).all()
    apart = np.diag([at, at + 1.0])
    exact = lambda a: np.sum((a - at * np.eye(2)) * (a - at * np.eye(2)).T)
    if values is not np.linalg.svdvals:
        np.testing.assert_allclose(
            ag.hessian(f)(apart + 0.0)[0, 0], ag.hessian(exact)(apart)[0, 0], atol=1e-12
        )


def test_a_singular_value_of_0_is_coupled_to_what_leaves_the_span() -> None:
    """Of one column: the norm squared, whose Hessian is twice the identity, and not half of it."""
    for shape in ((2, 1), (1, 2)):
        f = lambda a: np.sum(np.linalg.svdvals(a) ** 2)
        H = ag.hessian(f)(np.zeros(shape)).reshape(2, 2)
        assert H[0, 0] == 2.0
        assert np.isnan(H[1, 1])
        a = np.array([3.0, 4.0]).reshape(shape)
        np.testing.assert_allclose(ag.hessian(f)(a).reshape(2, 2), 2.0 * np.eye(2), atol=1e-12)
