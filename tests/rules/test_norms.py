"""Norms: their kinks, their ties, what they are at 0, and stacks of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag

norm = np.linalg.norm
VECTOR_ORDS = [None, 2, 1, 0, 3, 4, 2.5, 0.5, -1, -2, math.inf, -math.inf]
MATRIX_ORDS = [None, "fro", "nuc", 2, -2, 1, -1, math.inf, -math.inf]


def gradients(f: Any, x: Any) -> list[Any]:
    """The gradient by reverse mode, by recorded reverse mode, by forward mode."""
    leaf = ag.tensor(x, requires_grad=True)
    y = f(leaf)
    return [
        ag.gradients(y, leaf),
        ag.gradients(y, leaf, create_graph=True).data,
        np.array([ag.jvp(f, (x,), (d.reshape(x.shape),))[1] for d in np.eye(x.size)]).reshape(
            x.shape
        ),
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ord", VECTOR_ORDS)
def test_norm_of_a_zero_vector_has_gradient_zero(ord: Any, dtype: Any) -> None:
    """norm at 0 (any ord): 0, the subgradient of least norm."""
    with np.errstate(divide="ignore"):  # NumPy warns of 0**−1
        found = gradients(lambda x: norm(x, ord), np.zeros(3, dtype))
    for g in found:
        assert g.dtype == dtype
        np.testing.assert_array_equal(g, 0)


@pytest.mark.parametrize("ord", MATRIX_ORDS)
@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (2, 3)])
def test_norm_of_a_zero_matrix_has_gradient_zero(ord: Any, shape: tuple[int, int]) -> None:
    """norm at 0 (any ord): 0, for matrices too, alone or in a stack."""
    for g in gradients(lambda x: norm(x, ord), np.zeros(shape)):
        np.testing.assert_array_equal(g, 0)
    stack = np.stack([np.zeros(shape), np.ones(shape) + np.eye(*shape)])
    g = ag.grad(lambda x: np.sum(norm(x, ord, axis=(1, 2))))(stack)
    np.testing.assert_array_equal(g[0], 0)
    np.testing.assert_allclose(g[1], ag.grad(lambda x: norm(x, ord))(stack[1]), atol=1e-15)


@pytest.mark.parametrize("ord", [None, 2, "nuc"])
def test_second_derivative_of_a_norm_at_zero_is_nan(ord: Any) -> None:
    """At a kink, derivatives above the first are nan for norm at 0."""
    assert np.isnan(ag.hvp(lambda x: norm(x, ord), (np.zeros((2, 2)),), (np.eye(2),))[1]).all()
    if ord is None:
        assert np.isnan(ag.hessian(norm)(np.zeros(3))).all()


@pytest.mark.parametrize("ord", [1, math.inf, -math.inf])
def test_second_derivative_of_a_piecewise_linear_norm_is_zero(ord: Any) -> None:
    """At a kink and elsewhere."""
    for x in (np.array([1.0, -1.0, 0.0]), np.array([1.0, 3.0, -2.0]), np.zeros(3)):
        assert not ag.hessian(lambda x: norm(x, ord))(x).any()


def test_largest_components_share_evenly() -> None:
    """norm ord=inf with ties: even split; so do columns, rows and least components."""
    x = np.array([2.0, -2.0, 1.0])
    for g in gradients(lambda x: norm(x, math.inf), x):
        np.testing.assert_array_equal(g, [0.5, -0.5, 0.0])
    for g in gradients(lambda x: norm(x, -math.inf), np.array([3.0, -1.0, 1.0])):
        np.testing.assert_array_equal(g, [0.0, -0.5, 0.5])
    a = np.array([[1.0, -1.0], [2.0, 2.0]])
    np.testing.assert_array_equal(ag.grad(lambda a: norm(a, 1))(a), [[0.5, -0.5], [0.5, 0.5]])
    np.testing.assert_array_equal(
        ag.grad(lambda a: norm(a, math.inf))(a.T), [[0.5, 0.5], [-0.5, 0.5]]
    )


def test_largest_singular_values_share_evenly() -> None:
    """At equal singular values the gradient depends on no choice of vectors."""
    q = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    np.testing.assert_allclose(ag.grad(lambda a: norm(a, 2))(q), q / 3, atol=1e-15)
    np.testing.assert_allclose(ag.grad(lambda a: norm(a, -2))(q), q / 3, atol=1e-15)
    np.testing.assert_allclose(ag.grad(np.linalg.cond)(q), 0, atol=1e-15)


@pytest.mark.parametrize("ord", VECTOR_ORDS[1:])
def test_gradient_at_a_zero_component_is_zero(ord: Any) -> None:
    """abs and norms: 0 at a zero component of any norm, and what it was for the others."""
    x = np.array([1.0, 0.0, -2.0])
    with np.errstate(divide="ignore"):  # NumPy warns of 0**−1
        found = gradients(lambda x: norm(x, ord), x)
    for g in found:
        assert g[1] == 0
        assert np.isfinite(g).all()
    if ord not in (-1, -2, -math.inf):
        without = ag.grad(lambda x: norm(x, ord))(x[[0, 2]])
        np.testing.assert_allclose(g[[0, 2]], without, rtol=1e-14)


def test_even_norms_are_exact_to_any_order_at_a_zero_component() -> None:
    """Σ x⁴ is a polynomial: its fourth derivative at 0 is 24."""

    def f(t: Any) -> Any:
        return norm(np.stack([t, 2.0]), 4) ** 4

    for _ in range(4):
        f = ag.grad(f)
    assert f(0.0) == pytest.approx(24.0, rel=1e-10)


def test_nuclear_norm_is_smooth_at_equal_singular_values() -> None:
    """Its Hessian has sums of singular values below, not differences."""
    d = np.array([[0.0, 1.0], [-1.0, 0.0]])
    _, product = ag.hvp(lambda a: norm(a, "nuc"), (np.eye(2) * 2.0,), (d,))
    np.testing.assert_allclose(product, d / 2.0, atol=1e-15)


def test_nuclear_norm_of_a_singular_matrix_leaves_out_its_null_space() -> None:
    """The subgradient of least norm is U Vᵀ over the singular values that are not 0."""
    u, v = np.array([0.6, 0.8, 0.0]), np.array([0.0, 1.0])
    g = ag.grad(lambda a: norm(a, "nuc"))(3.0 * np.outer(u, v))
    np.testing.assert_allclose(g, np.outer(u, v), atol=1e-15)


def test_spectral_norm_of_a_matrix_of_rank_one_has_a_hessian() -> None:
    """The other singular values, all 0 and equal, do no harm."""
    rng = np.random.default_rng(0)
    a, d = np.outer(rng.standard_normal(4), rng.standard_normal(3)), rng.standard_normal((4, 3))
    _, product = ag.hvp(lambda a: norm(a, 2), (a,), (d,))
    h, gradient = 1e-5, ag.grad(lambda a: norm(a, 2))
    expected = (gradient(a + h * d) - gradient(a - h * d)) / (2 * h)
    np.testing.assert_allclose(product, expected, atol=1e-8)


@pytest.mark.parametrize("axis", [(0, 1), (1, 0), (0, 2), (-1, 0), (2, 1)])
@pytest.mark.parametrize("ord", MATRIX_ORDS)
@pytest.mark.parametrize("keepdims", [False, True])
def test_every_pair_of_axes_may_hold_the_matrices(
    ord: Any, axis: tuple[int, int], keepdims: bool
) -> None:
    """As though they had been moved to the end."""
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    weights = np.random.default_rng(1).standard_normal(norm(x, ord, axis, keepdims=keepdims).shape)
    g = ag.grad(lambda x: np.sum(weights * norm(x, ord, axis, keepdims=keepdims)))(x)
    flat = weights.reshape(-1)
    moved = ag.grad(lambda m: np.sum(flat * norm(m, ord, (-2, -1))))(np.moveaxis(x, axis, (-2, -1)))
    np.testing.assert_allclose(np.moveaxis(g, axis, (-2, -1)), moved, rtol=1e-12, atol=1e-14)


def test_orders_that_numpy_refuses_raise_as_numpy_does() -> None:
    """With the operation's name in front."""
    with pytest.raises(ValueError, match=r"norm: .*Invalid norm order"):
        norm(ag.tensor(np.ones(3), requires_grad=True), "nuc")
    with pytest.raises(ValueError, match=r"norm: .*number of dimensions"):
        norm(ag.tensor(np.ones((2, 2, 2)), requires_grad=True), 2)
    with pytest.raises(np.linalg.LinAlgError, match="cond"):
        np.linalg.cond(ag.tensor(np.ones((0, 2)), requires_grad=True))


@pytest.mark.parametrize("ord", [0.5, 0.3])
def test_a_component_of_0_counts_nothing_in_any_derivative_of_an_order_below_1(ord: float) -> None:
    """Its own derivative, which is infinite, is taken for 0; the others' are those without it."""
    norm = lambda x: np.linalg.norm(x, ord)
    x, others = np.array([1.0, 0.0, -2.0]), np.array([1.0, -2.0])
    for second in (lambda f: ag.jacobian(ag.grad(f)), ag.hessian):
        H = second(norm)(x)
        np.testing.assert_allclose(H[::2, ::2], second(norm)(others), rtol=1e-14)
        assert not H[1].any()
        assert not H[:, 1].any()


@pytest.mark.parametrize("ord", [1.2, 1.5])
def test_infinite_curvature_at_a_component_of_0_concerns_no_other(ord: float) -> None:
    """Between orders 1 and 2 the slope at 0 is vertical: the others' Hessian is that without it."""
    norm = lambda x: np.linalg.norm(x, ord)
    x, others = np.array([3.0, 0.0, -4.0]), np.array([3.0, -4.0])
    for second in (lambda f: ag.jacobian(ag.grad(f)), ag.hessian):
        H = second(norm)(x)
        np.testing.assert_allclose(H[::2, ::2], second(norm)(others), rtol=1e-13)
        assert not np.isfinite(H[1, 1])
