"""Singular values and vectors, and what is made of them: pinv, lstsq, the rank."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.recording import bind
from autograd_lite.rules.degenerate import (
    between,
    doubtful,
    fenced,
    gaps,
    skew,
    symmetric,
    tolerance,
    undefined,
)
from autograd_lite.rules.examples import Example, given
from autograd_lite.rules.linalg import transposed
from autograd_lite.table import QUERIES, Parsed, Primitive, composed, general


def svd_vjp(g: Any, y: Any, a: Any, full_matrices: bool, hermitian: bool) -> Any:
    """The cotangent of A (Townsend 2016, with 1/(sⱼ² − sᵢ²) split into partial fractions).

    Only the difference sⱼ − sᵢ is a matter of equal values then; the sum is one where both are 0.
    """
    g_u, g_s, g_vh = g
    k = min(a.shape[-2], a.shape[-1])
    u, s, vh = y[0][..., :k], y[1], y[2][..., :k, :]
    extra: Any = 0.0
    if full_matrices and g_u is not None and g_u.shape[-1] > k:
        extra = extra + undefined(g_u[..., k:], f"svd: the last {g_u.shape[-1] - k} columns of U")
    if full_matrices and g_vh is not None and g_vh.shape[-1] > k:
        rows = g_vh.shape[-1] - k
        extra = extra + undefined(g_vh[..., k:, :], f"svd: the last {rows} rows of Vh")
    turned = None if g_u is None else g_u[..., :k]
    turned_v = None if g_vh is None else transposed(g_vh[..., :k, :])
    total = _pulled(turned, g_s, turned_v, u, s, transposed(vh))
    return (symmetric(total) if hermitian else total) + extra


def _pulled(g_u: Any, g_s: Any, g_v: Any, u: Any, s: Any, v: Any) -> Any:
    """The cotangent of A = U diag(s) Vᵀ, of those of U, s and V, each of which may be absent."""
    if g_u is None and g_v is None:
        return _from_values(u, g_s, v, s)
    g_u = u * 0.0 if g_u is None else g_u
    g_v = v * 0.0 if g_v is None else g_v
    left, right = transposed(u) @ g_u, transposed(v) @ g_v
    largest = s[..., :1]
    equal, gap = gaps(s, largest)
    both = s[..., None, :] + s[..., :, None]
    null = both <= tolerance(largest)[..., None]
    near = skew(fenced(left, equal) + fenced(right, equal)) / gap
    far = skew(fenced(left - right, equal & null)) / np.where(null, 1.0, both)
    core = 0.5 * (near + far)
    total = u @ core @ transposed(v)
    if g_s is not None:
        total = total + _from_values(u, g_s, v, s)
    if u.shape[-2] > u.shape[-1]:
        total = total + _outside(g_u - u @ left, s) @ transposed(v)
    if v.shape[-2] > v.shape[-1]:
        total = total + u @ transposed(_outside(g_v - v @ right, s))
    return total


def _from_values(u: Any, g: Any, v: Any, s: Any) -> Any:
    """U diag(g) Vᵀ; of whose derivative what leaves the span of the vectors is nan at s = 0."""
    total = between(u, g, transposed(v), s, s[..., :1])
    if isinstance(s, Tensor):
        zero = s <= tolerance(s[..., :1])
        for x, there in ((u, True), (v, False)):
            if x.shape[-2] > x.shape[-1]:
                shape = x.shape
                d = doubtful(*(np.broadcast_to(t[..., None, :], shape) for t in (s, zero)))
                out = d - x @ (transposed(x) @ d)
                total = total + (out @ transposed(v) if there else u @ transposed(out))
    return total


def _outside(x: Any, s: Any) -> Any:
    """x / s, for the part of a cotangent that leaves the span of the vectors; nan/0 at s = 0."""
    zero = s <= tolerance(s[..., :1])
    return (
        fenced(x, np.broadcast_to(zero[..., None, :], x.shape))
        / np.where(zero, 1.0, s)[..., None, :]
    )


def svd_formula(params: dict[str, Any], a: tuple[int, ...]) -> str:
    """The rule in letters; what leaves the span of U or V has a term of its own."""
    m, n = a[-2:]
    apart = "({y1}ⱼ² − {y1}ᵢ²)"
    core = (
        f"{{y0}} (⟨diag {{g1}}⟩⟨ + skew({{y0}}ᵀ {{g0}}) / {apart} diag {{y1}}⟩"
        f"⟨ + diag {{y1}} skew({{y2}} {{g2}}ᵀ) / {apart}⟩) {{y2}}"
    )
    if m > n:
        core += "⟨ + (1 − {y0} {y0}ᵀ) {g0} diag(1/{y1}) {y2}⟩"
    if m < n:
        core += "⟨ + {y0} diag(1/{y1}) {g2} (1 − {y2}ᵀ {y2})⟩"
    return core


def values_vjp(g: Any, y: Any, a: Any, hermitian: bool) -> Any:
    """U diag(g) Vᵀ, right for equal values too."""
    u, _, vh = np.linalg.svd(a, full_matrices=False, hermitian=hermitian)
    total = _from_values(u, g, transposed(vh), y)
    return symmetric(total) if hermitian else total


def matrices(*shape: int, **kwargs: Any) -> Example:
    """Matrices no two singular values of one of which are nearer than 0.5, nor one to 0."""

    def build(rng: np.random.Generator) -> tuple[Any, ...]:
        u, _, vh = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
        k = min(shape[-2:])
        s = np.arange(k, 0, -1) + 0.5 * rng.random((*shape[:-2], k))
        return ((u * s[..., None, :]) @ vh,)

    return given(build, **kwargs)


_ROW_EXAMPLES = [matrices(3, 3), matrices(4, 2), matrices(2, 2, 3), matrices(1, 1)]


def _decomposed(a: Any, full_matrices: bool = False, hermitian: bool = False) -> Any:
    return np.linalg.svd(a, full_matrices=full_matrices, hermitian=hermitian)


def _values(a: Any, hermitian: bool = False) -> Any:
    return np.linalg.svd(a, compute_uv=False, hermitian=hermitian)


SVD: Primitive = general(
    _decomposed,
    svd_vjp,
    name="svd",
    n_outputs=3,
    formulas=(svd_formula,),
    params={"full_matrices": False, "hermitian": False},
    examples=_ROW_EXAMPLES,
)
VALUES: Primitive = general(
    _values,
    values_vjp,
    name="svdvals",
    params={"hermitian": False},
    formulas=("U diag {g} Vᵀ",),
    examples=_ROW_EXAMPLES,
)
SVD.path, VALUES.path = "np.linalg.svd", "np.linalg.svdvals"


def _svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    if not compute_uv:
        return bind(VALUES, (a,), {"hermitian": hermitian})
    return bind(SVD, (a,), {"full_matrices": full_matrices, "hermitian": hermitian})


composed(
    np.linalg.svd,
    _svd,
    examples=[
        matrices(3, 3),
        matrices(3, 2, full_matrices=False),
        matrices(2, 2, 4, full_matrices=False),
        matrices(3, 2, compute_uv=False),
    ],
)
composed(
    np.linalg.svdvals,
    lambda x: bind(VALUES, (x,), {"hermitian": False}),
    examples=[matrices(3, 3), matrices(2, 3, 2)],
)
QUERIES.add(np.linalg.matrix_rank)  # constant, but where it is no function


# --- the pseudoinverse and least squares


def _of_what_is_cut_off(left: Any, right: Any, u: Any, s: Any, vh: Any, kept: Any) -> Any:
    """What singular values that are cut off, but are not 0, add to the cotangent of A.

    Golub and Pereyra's formula takes them to be 0. The cotangent of A⁺ᵀ is `left` @ `right`. In
    the next order equal singular values give nan where some are cut off that are not 0.
    """
    inner = (transposed(u) @ left) @ (right @ transposed(vh))
    cut = np.where(kept | (s <= tolerance(s[..., :1])), 0.0, s)[..., None, :]
    size = np.where(kept, s, 1.0)[..., :, None]
    share = np.where(kept[..., :, None], cut / size, 0.0)
    factor = share / (size * size * ((1.0 - share) * (1.0 + share)))
    mirrored = transposed(inner)
    upper = factor * (share * inner + mirrored)
    lower = factor * (share * mirrored + inner)
    return u @ (upper + transposed(lower)) @ vh


def pinv_vjp(g: Any, y: Any, a: Any, rcond: Any, hermitian: bool) -> Any:
    """−Yᵀ G Yᵀ + (I − AY) Gᵀ Y Yᵀ + Yᵀ Y Gᵀ (I − YA) (Golub and Pereyra 1973), at constant rank."""
    yt, gt = transposed(y), transposed(g)
    total = (gt - a @ (y @ gt)) @ (y @ yt) + (yt @ y) @ (gt - (gt @ y) @ a) - yt @ g @ yt
    if rcond is not None and a.size:
        u, s, vh = np.linalg.svd(a, full_matrices=False, hermitian=hermitian)
        kept = s > np.asarray(rcond)[..., None] * s[..., :1]
        eye = np.eye(gt.shape[-1], dtype=a.dtype)
        total = total + _of_what_is_cut_off(gt, eye, u, s, vh, kept)
    return symmetric(total) if hermitian else total


def pinv_formula(params: dict[str, Any], *_: Any) -> str:
    """The rule in letters, and that more is added where singular values may be cut off."""
    whole = "(1 − {a} {y}) {g}ᵀ {y} {y}ᵀ + {y}ᵀ {y} {g}ᵀ (1 − {y} {a}) − {y}ᵀ {g} {y}ᵀ"
    return whole if params["rcond"] is None else f"{whole} + {_CUT}"


#: What `_of_what_is_cut_off` adds, in words.
_CUT = "the share of each s that is cut off"


def _parse_pinv(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Parsed:
    """((a,), params), with NumPy's two names for the cut-off made one."""
    rtol = kwargs.pop("rtol", np._NoValue)
    (a,), params = PINV._parse(args, kwargs)
    if rtol is np._NoValue:
        return (a,), params
    if params["rcond"] is not None:
        raise ValueError("np.linalg.pinv: rtol and rcond can't both be set")
    if rtol is None:
        rtol = max(a.shape[-2:]) * float(np.finfo(a.dtype).eps)
    return (a,), {**params, "rcond": rtol}


PINV: Primitive = general(
    np.linalg.pinv,
    pinv_vjp,
    params={"rcond": None, "hermitian": False},
    parse=_parse_pinv,
    formulas=(pinv_formula,),
    examples=[matrices(3, 3), matrices(4, 2), matrices(2, 2, 3), matrices(3, 2, rtol=0.7)],
)


def _columns(x: Any) -> Any:
    """A vector as a matrix of one column."""
    return x[:, None] if x.ndim == 1 else x


def lstsq_vjp_matrix(g: Any, y: Any, a: Any, b: Any, rcond: Any) -> Any:
    """The cotangent of A: that of A⁺B (Golub and Pereyra 1973), of ‖B − AX‖² and of s."""
    g_x, g_rest, _, g_s = g
    x = _columns(y[0])
    total: Any = np.zeros_like(a)
    rest = _columns(b) - a @ x
    if g_x is not None:
        inverse = _inverse(a, rcond)
        side = transposed(inverse) @ _columns(g_x)
        total = total + rest @ transposed(inverse @ side) - side @ x.T
        total = total + (inverse.T @ x) @ transposed(_columns(g_x) - a.T @ side)
        if rcond is not None and 0.0 < rcond < 1.0 and a.size:
            u, s, vh = np.linalg.svd(a, full_matrices=False)
            kept = np.arange(s.shape[0]) < y[2]
            total = total + _of_what_is_cut_off(_columns(b), _columns(g_x).T, u, s, vh, kept)
    if g_rest is not None and g_rest.size:
        total = total - (rest * (2.0 * g_rest)) @ x.T
    if g_s is not None:
        u, _, vh = np.linalg.svd(a, full_matrices=False)
        total = total + (u * g_s) @ vh
    return total


def lstsq_vjp_side(g: Any, y: Any, a: Any, b: Any, rcond: Any) -> Any:
    """The cotangent of B: A⁺ᵀ G, and 2(B − AX) times that of ‖B − AX‖²."""
    g_x, g_rest, _, _ = g
    total: Any = np.zeros_like(_columns(b))
    if g_x is not None:
        total = total + _inverse(a, rcond).T @ _columns(g_x)
    if g_rest is not None and g_rest.size:
        total = total + (_columns(b) - a @ _columns(y[0])) * (2.0 * g_rest)
    return total.reshape(b.shape)


def _inverse(a: Any, rcond: Any) -> Any:
    """The pseudoinverse at the rank that lstsq sees: LAPACK's own where rcond is not in 0 … 1."""
    return np.linalg.lstsq(a, np.eye(a.shape[0], dtype=a.dtype), rcond)[0]


def lstsq_formula(params: dict[str, Any], a: tuple[int, ...], b: tuple[int, ...]) -> str:
    """The rule of A in letters, A⁺ the pseudoinverse; the term of wide matrices for those only."""
    wide = "⟨ + {a}⁺ᵀ {y0} ({g0} − {a}ᵀ {a}⁺ᵀ {g0})ᵀ⟩" if a[0] < a[1] else ""
    rest = "⟨({b} − {a} {y0}) ({a}⁺ {a}⁺ᵀ {g0})ᵀ⟩" if a[0] > a[1] else ""
    wide += f"⟨ + {_CUT}, of {{g0}}⟩" if 0.0 < (params["rcond"] or 0.0) < 1.0 else ""
    return (
        rest + "⟨ − {a}⁺ᵀ {g0} {y0}ᵀ⟩" + wide
        + "⟨ − 2({b} − {a} {y0}) {g1} {y0}ᵀ⟩⟨ + U diag({g3}) Vᵀ⟩"
    )  # fmt: skip


def _overdetermined(a: tuple[int, int], b: tuple[int, ...], **kwargs: Any) -> Example:
    return given(lambda rng: (*matrices(*a)(rng)[0], rng.standard_normal(b)), **kwargs)


general(
    np.linalg.lstsq,
    lstsq_vjp_matrix,
    lstsq_vjp_side,
    n_outputs=4,
    params={"rcond": None},
    formulas=(
        lstsq_formula,
        "⟨{a}⁺ᵀ {g0}⟩⟨ + 2({b} − {a} {y0}) {g1}⟩",
    ),
    examples=[
        _overdetermined((4, 2), (4,)),
        _overdetermined((4, 2), (4, 3), rcond=0.7),
        _overdetermined((3, 3), (3, 2)),
        _overdetermined((2, 4), (2,)),
    ],
)
