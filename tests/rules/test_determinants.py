"""Determinants of matrices of any rank, against whole-number arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite.rules.determinants import cofactors, inverse


def whole_det(rows: list[list[int]]) -> int:
    """The determinant of a matrix of whole numbers, exactly (Bareiss 1968)."""
    m, sign, before = [list(row) for row in rows], 1, 1
    for k in range(len(m) - 1):
        if m[k][k] == 0:
            swap = next((i for i in range(k + 1, len(m)) if m[i][k]), None)
            if swap is None:
                return 0
            m[k], m[swap], sign = m[swap], m[k], -sign
        for i in range(k + 1, len(m)):
            for j in range(k + 1, len(m)):
                m[i][j] = (m[i][j] * m[k][k] - m[i][k] * m[k][j]) // before
        before = m[k][k]
    return sign * m[-1][-1] if m else 1


def minor(a: Any, rows: tuple[int, ...], columns: tuple[int, ...]) -> int:
    """The determinant of what is left without these rows and columns, with its sign."""
    left = np.delete(np.delete(a, rows, 0), columns, 1)
    return (-1) ** (sum(rows) + sum(columns)) * whole_det(left.tolist())


def of_rank(n: int, rank: int, seed: int = 0) -> Any:
    """A matrix of small whole numbers."""
    rng = np.random.default_rng(seed)
    if rank == n:
        return rng.integers(-2, 3, (n, n))
    return rng.integers(-1, 2, (n, rank)) @ rng.integers(-1, 2, (rank, n))


SIZES = [(n, rank) for n in (1, 2, 5, 16) for rank in {0, 1, n - 3, n - 2, n - 1, n} if rank >= 0]


@pytest.mark.parametrize(("n", "rank"), SIZES)
def test_gradient_of_det_is_the_adjugate_at_any_rank(n: int, rank: int) -> None:
    """det of a singular matrix of any rank: to 1e-12 of ‖A‖ⁿ⁻¹, reverse and recorded."""
    a = of_rank(n, rank)
    exact = np.array([[minor(a, (i,), (j,)) for j in range(n)] for i in range(n)], float)
    x = ag.tensor(a.astype(float), requires_grad=True)
    y = np.linalg.det(x)
    bound = 1e-12 * max(np.linalg.norm(a, 2) ** (n - 1), 1e-300)
    for g in (ag.gradients(y, x), ag.gradients(y, x, create_graph=True).data):
        np.testing.assert_allclose(g, exact, rtol=0, atol=bound)


@pytest.mark.parametrize(("n", "rank"), [s for s in SIZES if s[0] > 1])
def test_hessian_of_det_is_exact_at_any_rank(n: int, rank: int) -> None:
    """Second order: every entry is a minor without two rows and two columns."""
    a = of_rank(n, rank)
    rng = np.random.default_rng(1)
    for i, j in rng.integers(0, n, (4, 2)):
        direction = np.zeros((n, n))
        direction[i, j] = 1.0
        _, row = ag.hvp(np.linalg.det, (a.astype(float),), (direction,))
        bound = 1e-12 * max(np.linalg.norm(a, 2) ** (n - 2), 1e-300)
        for p, q in rng.integers(0, n, (8, 2)):
            order = 1 if (p < i) == (q < j) else -1  # of the two rows, of the two columns
            exact = 0 if p == i or q == j else order * minor(a, (p, i), (q, j))
            assert row[p, q] == pytest.approx(float(exact), rel=0, abs=bound)


@pytest.mark.parametrize("a", [np.zeros((3, 3)), np.eye(3), np.ones((3, 3))])
def test_third_derivative_of_a_determinant_of_three_rows_is_constant(a: Any) -> None:
    """At the zero matrix, at equal singular values, at rank one: ±1 for permutations."""
    third = ag.jacobian(ag.hessian(np.linalg.det))(a)
    levi_civita = np.linalg.det(np.eye(3)[np.indices((3, 3, 3)).reshape(3, -1).T])
    levi_civita = np.round(levi_civita).reshape(3, 3, 3)
    expected = np.einsum("ikm,jln->ijklmn", levi_civita, levi_civita)
    np.testing.assert_allclose(third, expected, atol=1e-14)


def test_fourth_derivative_of_a_determinant_of_three_rows_is_zero() -> None:
    """It is a polynomial of degree three."""
    b = np.random.default_rng(0).standard_normal((4, 3, 3))
    assert not cofactors(*b).any()


def test_float32_determinants_have_float32_gradients() -> None:
    """Also of a singular matrix, to second order."""
    a = np.ones((3, 3), np.float32)
    gradient, product = ag.hvp(np.linalg.det, (a,), (np.eye(3, dtype=np.float32),))
    assert gradient.dtype == product.dtype == np.float32
    np.testing.assert_allclose(gradient, 0, atol=1e-6)
    np.testing.assert_allclose(product, np.eye(3) * 3 - 1, atol=1e-6)


def test_logarithm_of_a_singular_determinant_has_infinite_slope() -> None:
    """A vertical tangent is a signed infinity and never raises; the rest of a stack is right."""
    a = np.array([[[2.0, 0.0], [0.0, 4.0]], [[1.0, 2.0], [2.0, 4.0]]])
    y = np.linalg.slogdet(ag.tensor(a, requires_grad=True))
    assert type(y).__name__ == "SlogdetResult"
    grad = ag.grad(lambda x: np.sum(np.linalg.slogdet(x).logabsdet))(a)
    np.testing.assert_allclose(grad[0], np.diag([0.5, 0.25]))
    np.testing.assert_array_equal(grad[1], [[np.inf, -np.inf], [-np.inf, np.inf]])


def test_the_sign_of_a_determinant_is_constant() -> None:
    """slogdet's first result passes a gradient of 0."""
    assert not ag.grad(lambda x: np.linalg.slogdet(x).sign)(np.eye(2)).any()


def test_inverse_for_rules_is_numpys_where_there_is_one() -> None:
    """Only singular matrices, which NumPy refuses, get infinities."""
    a = np.random.default_rng(0).standard_normal((3, 4, 4))
    np.testing.assert_array_equal(inverse(a), np.linalg.inv(a))
    a[1] = 0.0
    got = inverse(a)
    assert np.isnan(got[1]).all()
    np.testing.assert_array_equal(got[[0, 2]], np.linalg.inv(a[[0, 2]]))


def test_a_matrix_with_nan_spoils_no_other() -> None:
    """Its own gradient is nan, to any order; the sweep does not raise."""
    a = np.array([[[np.nan, 1.0], [2.0, 3.0]], [[1.0, 2.0], [3.0, 4.0]]])
    f = lambda a: np.sum(np.linalg.det(a) ** 2)
    with np.errstate(invalid="ignore"):
        g = ag.grad(f)(a)
        h = ag.grad(lambda a: np.sum(ag.grad(f)(a)))(a)
    assert np.isnan(g[0]).all()
    assert np.isnan(h[0]).all()
    np.testing.assert_array_equal(g[1], ag.grad(f)(a[1]))
    np.testing.assert_array_equal(h[1], ag.grad(lambda a: np.sum(ag.grad(f)(a)))(a[1]))
