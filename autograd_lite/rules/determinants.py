"""Determinants, whose derivatives are exact at any rank, to any order.

The gradient of det A is its matrix of cofactors, which a formula with det A · A⁻ᵀ has not for a
singular A. In the basis of its singular vectors A is diagonal, and so are its cofactors: the
products of all singular values but one. Derivatives along directions B₁ … Bₘ are alike: products of
all singular values but m + 1, times minors of the directions. So one row, the gradient of the m-th
derivative, is closed under differentiation:

    d/dA ⟨H, cofactors(A, B₁ … Bₘ)⟩ = cofactors(A, H, B₁ … Bₘ), and it is symmetric in H and all B.
"""

from __future__ import annotations

from itertools import permutations
from string import ascii_lowercase
from typing import Any

import numpy as np

from autograd_lite.methods import public
from autograd_lite.rules.examples import given, reals
from autograd_lite.rules.linalg import inv_vjp, transposed, well_conditioned
from autograd_lite.table import general


def _products_without(s: Any, k: int) -> Any:
    """The products of all but k of the last axis's elements, of shape (…, n, …, n).

    0 where two of the k indices are equal.
    """
    n = s.shape[-1]
    places = np.indices((n,) * k, sparse=True)
    out = np.ones((*s.shape[:-1], *(n,) * k), s.dtype)
    for i in range(n):  # no division: a singular value may be 0
        left_out = np.logical_or.reduce(np.broadcast_arrays(*(p == i for p in places)))
        out *= np.where(left_out, 1.0, s[(..., i, *(None,) * k)])
    for i in range(k):
        for j in range(i):
            out *= places[i] != places[j]
    return out


def _svd(a: Any) -> Any:
    """np.linalg.svd, but values of nan for a matrix that is not finite, where that raises."""
    try:
        return np.linalg.svd(a)
    except np.linalg.LinAlgError:
        finite = np.all(np.isfinite(a), axis=(-2, -1))[..., None]
        u, s, vh = np.linalg.svd(np.where(finite[..., None], a, 0.0))
        return u, np.where(finite, s, np.nan), vh


def _parity(order: tuple[int, ...]) -> int:
    """1 for an even permutation, −1 for an odd one."""
    swaps = sum(order[i] > order[j] for j in range(len(order)) for i in range(j))
    return -1 if swaps % 2 else 1


def _cofactors(a: Any, *directions: Any) -> Any:
    """The gradient of det A, or of its derivative along the directions, of A's shape.

    To within rounding of ‖A‖ⁿ⁻¹ at any rank. The work for m directions is (m + 1)! · nᵐ⁺¹ and a
    decomposition.
    """
    u, s, vh = _svd(a)
    k = len(directions) + 1
    weights = _products_without(s, k)
    sign = np.sign(np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    if not directions:
        return (u * (sign * weights[..., None, :])) @ vh
    rotated = [transposed(u) @ b @ transposed(vh) for b in directions]
    rows = ascii_lowercase[:k]
    total: Any = 0.0
    for order in permutations(range(k)):
        pairs = [rows[i] + rows[order[i]] for i in range(k)]
        terms = ",".join(f"...{pair}" for pair in (rows, *pairs[:-1]))
        if order[-1] == k - 1:  # the gradient's own row and column are the same
            line = np.einsum(f"{terms}->...{rows[-1]}", weights, *rotated)
            total = total + _parity(order) * line[..., None] * np.eye(s.shape[-1], dtype=s.dtype)
        else:
            total = total + _parity(order) * np.einsum(
                f"{terms}->...{pairs[-1]}", weights, *rotated
            )
    return sign * (u @ total @ vh)


def cofactors_vjp(i: int, g: Any, y: Any, a: Any, *directions: Any) -> Any:
    """The cofactors along G too, for A; along G in place of the direction, for a direction."""
    return cofactors(a, g, *(b for k, b in enumerate(directions, 1) if k != i))


cofactors = public(
    general(
        _cofactors,
        cofactors_vjp,
        name="cofactors",
        variadic=True,
        parse=lambda args, kwargs: (args, kwargs),
        formulas=("cofactors({x}, {g}, …)",),
        examples=[
            reals((3, 3)),
            reals((2, 2, 2)),
            reals((4, 4), (4, 4)),
            reals((2, 3, 3), (2, 3, 3)),
            reals((3, 3), (3, 3), (3, 3)),
            reals((1, 1)),
        ],
    )
)


def _inverse(a: Any) -> Any:
    """The inverse; of a singular matrix, its adjugate over 0: infinities, and nan for 0/0."""
    try:
        return np.linalg.inv(a)
    except np.linalg.LinAlgError:
        singular = (np.linalg.slogdet(a)[0] == 0)[..., None, None]
        regular = np.linalg.inv(np.where(singular, np.eye(a.shape[-1], dtype=a.dtype), a))
        with np.errstate(all="ignore"):
            return np.where(singular, transposed(_cofactors(a)) / a.dtype.type(0), regular)


#: The inverse for rules, which do not raise: a vertical tangent is an infinity.
inverse = public(
    general(
        _inverse,
        inv_vjp,
        name="inverse",
        formulas=("−{y}ᵀ {g} {y}ᵀ",),
        examples=[well_conditioned(2, 3, 3)],
    )
)


def slogdet_vjp(g: Any, y: Any, a: Any) -> Any:
    """g·A⁻ᵀ (Giles 2008, section 2.2.4); the sign is constant."""
    _, slope = g
    if slope is None:
        return np.zeros_like(a)
    return slope[..., None, None] * transposed(inverse(a))


_SQUARES = [
    reals((3, 3)),
    reals((2, 2, 2)),
    reals((1, 1)),
    reals((0, 0)),
    reals((0, 2, 2)),
    given(lambda rng: (np.eye(3),)),
]
general(
    np.linalg.det,
    lambda g, y, a: g[..., None, None] * cofactors(a),
    formulas=("{g} · cofactors({a})",),
    examples=[*_SQUARES, given(lambda rng: (np.outer(rng.random(3), rng.random(3)),))],
)
general(
    np.linalg.slogdet,
    slogdet_vjp,
    n_outputs=2,
    formulas=("⟨{g1} · {a}⁻ᵀ⟩",),
    examples=[well_conditioned(3, 3), well_conditioned(2, 2, 2), *_SQUARES[2:]],
)
