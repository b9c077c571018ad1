"""Cholesky and QR decompositions."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.recording import bind
from autograd_lite.rules.degenerate import undefined
from autograd_lite.rules.determinants import inverse
from autograd_lite.rules.eigen import symmetric_matrices
from autograd_lite.rules.examples import reals
from autograd_lite.rules.linalg import transposed
from autograd_lite.table import Primitive, composed, general


def cholesky_vjp(g: Any, y: Any, a: Any, upper: bool) -> Any:
    """L⁻ᵀ Φ(Lᵀ G) L⁻¹, Φ half the lower triangle made symmetric (Murray 2016, eq. 9)."""
    factor, g = (transposed(y), transposed(g)) if upper else (y, g)
    back = np.linalg.inv(factor)
    return transposed(back) @ (0.5 * lower_twice(transposed(factor) @ g)) @ back


def lower_twice(x: Any) -> Any:
    """The lower triangle of x, and its mirror image above the diagonal."""
    return np.tril(x) + transposed(np.tril(x, -1))


general(
    np.linalg.cholesky,
    cholesky_vjp,
    params={"upper": False},
    symmetric=True,
    formulas=("{y}⁻ᵀ Φ({y}ᵀ {g}) {y}⁻¹",),
    examples=[
        symmetric_matrices(3, 3),
        symmetric_matrices(2, 2, 2),
        symmetric_matrices(3, 3, upper=True),
        symmetric_matrices(1, 1),
        symmetric_matrices(0, 0),
    ],
)


def qr_vjp(g: Any, y: Any, a: Any, mode: str) -> Any:
    """The cotangent of A (Seeger et al. 2017, section 4.2, transposed).

    A wide A is [X, QV], and only X is decomposed (Liao et al. 2019). Of a complete decomposition,
    the columns of Q beyond A's are undetermined, and R's rows beyond them constant.
    """
    g_q, g_r = g
    m, n = a.shape[-2:]
    k = min(m, n)
    extra: Any = 0.0
    if g_q is not None and g_q.shape[-1] > k:
        extra = undefined(g_q[..., k:], f"qr: the last {g_q.shape[-1] - k} columns of Q")
    q, r = y[0][..., :k], y[1][..., :k, :]
    g_q = None if g_q is None else g_q[..., :k]
    g_r = None if g_r is None else g_r[..., :k, :]
    if m >= n:
        return _pulled(g_q, g_r, q, r) + extra
    if g_r is None:
        first = _pulled(g_q, None, q, r[..., :m])
        return np.concatenate([first, np.zeros((*first.shape[:-1], n - m), r.dtype)], axis=-1)
    beyond = (q @ r[..., m:]) @ transposed(g_r[..., m:])
    g_q = beyond if g_q is None else g_q + beyond
    first = _pulled(g_q, g_r[..., :m], q, r[..., :m])
    return np.concatenate([first, q @ g_r[..., m:]], axis=-1)


def _pulled(g_q: Any, g_r: Any, q: Any, r: Any) -> Any:
    """The cotangent of QR with a square R: (G_Q + Q M) R⁻ᵀ, M from the lower part of R G_Rᵀ."""
    if g_q is None:
        inner, outer = r @ transposed(g_r), 0.0
    elif g_r is None:
        inner, outer = -(transposed(g_q) @ q), g_q
    else:
        inner, outer = r @ transposed(g_r) - transposed(g_q) @ q, g_q
    return (outer + q @ lower_twice(inner)) @ transposed(inverse(r))


def qr_formula(params: dict[str, Any], a: tuple[int, ...]) -> str:
    """The rule in letters: copyltu copies the lower triangle to the upper (Seeger et al. 2017)."""
    if a[-2] < a[-1]:
        return "the rule of qr for the square part of {a}, and {y0} {g1} for the rest"
    return "(⟨{g0}⟩⟨ + {y0} copyltu({y1} {g1}ᵀ)⟩⟨ − {y0} copyltu({g0}ᵀ {y0})⟩) {y1}⁻ᵀ"


def triangle_vjp(g: Any, y: Any, a: Any) -> Any:
    """The cotangent of A from that of R alone."""
    return qr_vjp((None, g), np.linalg.qr(a), a, "reduced")


def _both_parts(a: Any, mode: Any = "reduced") -> Any:
    return np.linalg.qr(a, mode)


def _triangle(a: Any) -> Any:
    return np.linalg.qr(a, "r")


QR: Primitive = general(
    _both_parts,
    qr_vjp,
    name="qr",
    n_outputs=2,
    formulas=(qr_formula,),
    params={"mode": "reduced"},
    examples=[
        reals((3, 3)),
        reals((4, 2)),
        reals((2, 2, 4)),
        reals((2, 3), mode="complete"),
        reals((1, 1)),
    ],
)
TRIANGLE: Primitive = general(
    _triangle,
    triangle_vjp,
    name="qr_r",
    formulas=(
        lambda params, a: (
            "Q copyltu({y} {g}ᵀ) {y}⁻ᵀ"
            if a[-2] >= a[-1]
            else "the rule of qr for the square part of {a}, and Q {g} for the rest"
        ),
    ),
    examples=[reals((3, 3)), reals((4, 2)), reals((2, 4))],
)
QR.path = TRIANGLE.path = "np.linalg.qr"


def _qr(a: Any, mode: str = "reduced") -> Any:
    if mode == "r":
        return bind(TRIANGLE, (a,))
    if mode not in ("reduced", "complete"):
        raise ValueError(
            f"np.linalg.qr: mode={mode!r} is not supported on tensors; pass 'reduced', 'complete' "
            "or 'r'"
        )
    return bind(QR, (a,), {"mode": mode})


composed(
    np.linalg.qr,
    _qr,
    examples=[reals((4, 3)), reals((2, 3, 2), mode="r"), reals((2, 3), mode="complete")],
)
