"""Eigenvalues and eigenvectors, of symmetric matrices and of others with real eigenvalues.

NumPy reads one triangle of a matrix that it takes to be symmetric; gradients of such functions are
those of f((A + Aᵀ)/2), and so is their forward mode.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.rules.degenerate import between, fenced, gaps, skew
from autograd_lite.rules.determinants import inverse
from autograd_lite.rules.examples import Example, given
from autograd_lite.rules.linalg import transposed
from autograd_lite.table import general


def symmetric_matrices(*shape: int, **kwargs: Any) -> Example:
    """Symmetric positive definite matrices, no two eigenvalues of one nearer than 0.5."""

    def build(rng: np.random.Generator) -> tuple[Any, ...]:
        n = shape[-1]
        q = np.linalg.qr(rng.standard_normal(shape))[0]
        values = np.arange(1, n + 1) + 0.5 * rng.random((*shape[:-2], n))
        a = (q * values[..., None, :]) @ transposed(q)
        return ((a + transposed(a)) / 2,)

    return given(build, **kwargs)


def _largest(w: Any) -> Any:
    """The largest magnitude of ascending values, as an axis of length 1 (0 of none)."""
    return np.maximum(np.abs(w[..., :1]), np.abs(w[..., -1:]))


def eigh_vjp(g: Any, y: Any, a: Any, UPLO: Any) -> Any:
    """V (diag g_w + K) Vᵀ, K = skew(Vᵀ G_V) / 2(wⱼ − wᵢ) (Giles 2008, section 3.1)."""
    g_w, g_v = g
    w, v = y
    total: Any = 0.0
    if g_v is not None:
        equal, gap = gaps(w, _largest(w))
        core = skew(fenced(transposed(v) @ g_v, equal)) / (2.0 * gap)
        total = v @ core @ transposed(v)
    return total if g_w is None else total + between(v, g_w, transposed(v), w, _largest(w))


def eigvalsh_vjp(g: Any, y: Any, a: Any, UPLO: Any) -> Any:
    """V diag(g) Vᵀ (Giles 2008, section 3.1), right for equal values too."""
    v = np.linalg.eigh(a, UPLO)[1]
    return between(v, g, transposed(v), y, _largest(y))


_SYMMETRIC = [
    symmetric_matrices(3, 3),
    symmetric_matrices(2, 2, 2, UPLO="U"),
    symmetric_matrices(1, 1),
    symmetric_matrices(0, 0),
]
general(
    np.linalg.eigh,
    eigh_vjp,
    n_outputs=2,
    params={"UPLO": "L"},
    symmetric=True,
    formulas=("{y1} (⟨diag {g0}⟩⟨ + skew({y1}ᵀ {g1}) / 2({y0}ⱼ − {y0}ᵢ)⟩) {y1}ᵀ",),
    examples=_SYMMETRIC,
)
general(
    np.linalg.eigvalsh,
    eigvalsh_vjp,
    params={"UPLO": "L"},
    symmetric=True,
    formulas=("V diag {g} Vᵀ",),
    examples=_SYMMETRIC,
)


# --- matrices that are not symmetric


def eig_vjp(g: Any, y: Any, a: Any) -> Any:
    """V⁻ᵀ (diag g_w + S/(wⱼ − wᵢ)) Vᵀ, S = Vᵀ(G_V − V diag(Vᵀ G_V)): columns have unit length."""
    g_w, g_v = g
    w, v = y
    if 0 in a.shape:
        return np.zeros(a.shape, a.dtype)
    total: Any = 0.0
    left, largest = transposed(inverse(v)), np.max(np.abs(w), axis=-1, keepdims=True)
    if g_v is not None:
        along = np.sum(v * g_v, axis=-2, keepdims=True)
        equal, gap = gaps(w, largest)
        off = 1.0 - np.eye(w.shape[-1], dtype=w.dtype)
        core = fenced(transposed(v) @ (g_v - v * along), equal) * off / gap
        total = left @ core @ transposed(v)
    return total if g_w is None else total + between(left, g_w, transposed(v), w, largest)


def eigvals_vjp(g: Any, y: Any, a: Any) -> Any:
    """V⁻ᵀ diag(g) Vᵀ."""
    v = np.linalg.eig(a)[1]
    largest = np.max(np.abs(y), axis=-1, keepdims=True, initial=0.0)
    return between(transposed(inverse(v)), g, transposed(v), y, largest)


def _eig(a: Any) -> Any:
    """np.linalg.eig. Raises TypeError for complex eigenvalues."""
    y = np.linalg.eig(a)
    if y[0].dtype.kind == "c":
        raise TypeError("the result is complex; only real dtypes have gradients here")
    return y


def _eigvals(a: Any) -> Any:
    """np.linalg.eigvals. Raises TypeError for complex ones."""
    w = np.linalg.eigvals(a)
    if w.dtype.kind == "c":
        raise TypeError("the result is complex; only real dtypes have gradients here")
    return w


def _apart(*shape: int) -> Example:
    """Matrices with real eigenvalues, no two of one nearer than 0.5, and tame eigenvectors."""

    def build(rng: np.random.Generator) -> tuple[Any, ...]:
        (d,) = symmetric_matrices(*shape)(rng)[0]
        v = 2.0 * np.eye(shape[-1]) + 0.3 * rng.standard_normal(shape)
        return (v @ d @ np.linalg.inv(v),)

    return given(build)


_REAL = [_apart(3, 3), _apart(2, 2, 2), _apart(1, 1), _apart(0, 0)]
general(
    np.linalg.eig,
    eig_vjp,
    fn=_eig,
    n_outputs=2,
    formulas=(
        "{y1}⁻ᵀ (⟨diag {g0}⟩⟨ + {y1}ᵀ ({g1} − {y1} diag({y1}ᵀ {g1})) / ({y0}ⱼ − {y0}ᵢ)⟩) {y1}ᵀ",
    ),
    examples=_REAL,
)
general(
    np.linalg.eigvals,
    eigvals_vjp,
    fn=_eigvals,
    formulas=("V⁻ᵀ diag {g} Vᵀ",),
    examples=_REAL,
)
