"""Norms of vectors and matrices, and the condition number.

At a kink the gradient is the subgradient of least norm: 0 where the norm is 0 and at a component
that is 0; ties share evenly. The second derivative of a norm at 0 is nan: that is why x / y is
masked, and not y. g stands outside the mask: a rule is linear in g, and forward mode reads off its
factor.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_lite.broadcasting import expanded
from autograd_lite.methods import public
from autograd_lite.rules.degenerate import skew, tolerance
from autograd_lite.rules.determinants import inverse
from autograd_lite.rules.examples import reals
from autograd_lite.rules.linalg import inv_vjp, transposed, well_conditioned
from autograd_lite.rules.reductions import counted
from autograd_lite.rules.shapes import normal_axis
from autograd_lite.rules.singular import matrices
from autograd_lite.table import general


def vector_norm_vjp(g: Any, y: Any, x: Any, ord: Any, axes: tuple[int, ...]) -> Any:
    """The cotangent of x, g and y having x's axes; of any norm of vectors."""
    if ord is None or ord == 2:
        return g * np.where(y == 0, 0.0, x / y)
    if ord == 0:
        return np.sign(x) * (g * 0.0)
    if ord == 1:
        return np.sign(x) * g
    if math.isinf(ord):
        chosen = np.abs(x) == y
        return np.where(chosen, g / counted(chosen, axes, x.dtype), 0.0) * np.sign(x)
    if ord % 2 == 0 and ord > 0:  # a polynomial within: any derivative at a zero is exact
        return g * np.where(y == 0, 0.0, (x / y) ** (ord - 1))
    ratio = np.abs(x) / y
    if ord < 1:  # infinite at a component that is 0, and taken for 0 in every order
        ratio = np.where((x == 0) & (y != 0), 1.0, ratio)
    power = ratio ** (ord - 1)
    if 1 < ord < 2:  # its infinite slope at a component that is 0 concerns no other: y is apart
        power = np.abs(x) ** (ord - 1) / y ** (ord - 1)
    slope = np.sign(x) * power
    return g * np.where((x == 0) | (y == 0), 0.0, slope)


def matrix_norm_vjp(g: Any, y: Any, x: Any, ord: Any, axes: tuple[int, ...]) -> Any:
    """The cotangent of x, g and y having x's axes; of any norm of matrices."""
    if ord in (None, "fro", "f"):
        return g * np.where(y == 0, 0.0, x / y)
    if ord in (1, -1, math.inf, -math.inf):
        row, column = axes if abs(ord) == 1 else axes[::-1]
        return _sums_vjp(g, x, row, column, ord > 0)
    last = len(x.shape) - 2, len(x.shape) - 1
    if axes != last:
        x, g = np.moveaxis(x, axes, last), np.moveaxis(g, axes, last)
    total = g * polar(x) if ord == "nuc" else _edge_vjp(g, x, 0 if ord == 2 else -1)
    return total if axes == last else np.moveaxis(total, last, axes)


def _sums_vjp(g: Any, x: Any, summed: int, kept: int, largest: bool) -> Any:
    """The cotangent of the largest, or least, sum of magnitudes along an axis."""
    sums = np.add.reduce(np.abs(x), axis=summed, keepdims=True)
    edge = (np.max if largest else np.min)(sums, axis=kept, keepdims=True)
    chosen = sums == edge
    return np.where(chosen, g / counted(chosen, (kept,), x.dtype), 0.0) * np.sign(x)


def _edge_vjp(g: Any, x: Any, place: int) -> Any:
    """The cotangent of the first (0) or last (−1) singular value, shared among its equals."""
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    s = s[..., None, :]
    edge, largest = s[..., place:][..., :1], s[..., :1]
    chosen = (np.abs(s - edge) <= tolerance(largest)) & (s > _rank_tolerance(largest, x))
    # edge / edge is 1, and makes the second derivative nan where the norm is 0
    share = (edge / edge) / counted(chosen, (-1,), x.dtype)
    return (u * (g * np.where(chosen, share, 0.0))) @ vh


def _rank_tolerance(largest: Any, x: Any) -> Any:
    """Below this a singular value counts as 0, as in np.linalg.matrix_rank."""
    return max(x.shape[-2:]) * float(np.finfo(x.dtype).eps) * largest


def _polar(x: Any) -> Any:
    """U Vᵀ, without the vectors of singular values that are 0: the gradient of the nuclear norm."""
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return (u * (s > _rank_tolerance(s[..., :1], x))[..., None, :]) @ vh


def polar_vjp(g: Any, y: Any, x: Any) -> Any:
    """The derivative of U Vᵀ, its own transpose: over sums of singular values, so equal ones do
    no harm; nan or infinite where one is 0 (Higham 2008, section 8.2)."""
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    s = np.where(s > _rank_tolerance(s[..., :1], x), s, 0.0)
    v = transposed(vh)
    inner = transposed(u) @ g @ v
    total = u @ (skew(inner) / (s[..., None, :] + s[..., :, None])) @ vh
    if x.shape[-2] > x.shape[-1]:
        total = total + ((g @ v - u @ inner) / s[..., None, :]) @ vh
    if x.shape[-2] < x.shape[-1]:
        total = total + u @ ((transposed(u) @ g - inner @ vh) / s[..., :, None])
    return total


def polar_formula(params: dict[str, Any], x: tuple[int, ...]) -> str:
    """The rule in letters, of x = U diag(s) Vᵀ."""
    m, n = x[-2:]
    core = "U (skew(Uᵀ {g} V) / (sⱼ + sᵢ)) Vᵀ"
    if m > n:
        core += " + (1 − U Uᵀ) {g} V diag(1/s) Vᵀ"
    if m < n:
        core += " + U diag(1/s) Uᵀ {g} (1 − V Vᵀ)"
    return core


polar: Any = public(
    general(
        _polar,
        polar_vjp,
        name="polar",
        formulas=(polar_formula,),
        examples=[matrices(3, 3), matrices(2, 2, 3)],
    )
)


# --- the rules in letters


def vector_norm_formula(params: dict[str, Any], *_: Any) -> str:
    """The rule of a vector norm of any order."""
    ord = params["ord"]
    if ord is None or ord == 2:
        return "{g} · {x} / {y}"
    if ord == 0:
        return "0"
    if ord == 1:
        return "{g} · sign({x})"
    if math.isinf(ord):
        return "{g} · sign({x}) ⊙ [|{x}| = {y}] / Σ [|{x}| = {y}]"
    return f"{{g}} · sign({{x}}) ⊙ (|{{x}}| / {{y}})^{ord - 1:g}".replace("-", "−")


def matrix_norm_formula(params: dict[str, Any], *_: Any) -> str:
    """The rule of a matrix norm, of x = U diag(s) Vᵀ."""
    ord = params["ord"]
    if ord in (None, "fro", "f"):
        return "{g} · {x} / {y}"
    if ord == "nuc":
        return "{g} · U Vᵀ"
    if abs(ord) == 2:
        return "{g} · u vᵀ, of the " + ("largest s" if ord > 0 else "smallest s")
    lines = "column" if abs(ord) == 1 else "row"
    return f"{{g}} · sign({{x}}) in the {'largest' if ord > 0 else 'smallest'} {lines}"


def norm_formula(params: dict[str, Any], x: tuple[int, ...]) -> str:
    """The rule of np.linalg.norm: of matrices over two axes, else of vectors."""
    axis = params["axis"]
    over_two = len(_axes(x, axis)) == 2 and not (axis is None and params["ord"] is None)
    return (matrix_norm_formula if over_two else vector_norm_formula)(params)


def cond_formula(params: dict[str, Any], *_: Any) -> str:
    """The rule of a condition number."""
    if params["p"] is None or params["p"] == 2:
        return "{g} · (u₁v₁ᵀ − {y} uₖvₖᵀ) / sₖ, of the largest and smallest s"
    if params["p"] == -2:
        return "{g} · (uₖvₖᵀ − {y} u₁v₁ᵀ) / s₁, of the largest and smallest s"
    return "{g} · (‖{x}⁻¹‖ ‖{x}‖′ − ‖{x}‖ {x}⁻ᵀ ‖{x}⁻¹‖′ {x}⁻ᵀ)"


# --- the rows


def _axes(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """The axes that a norm is over, all of them for None."""
    if axis is None:
        return tuple(range(len(shape)))
    return tuple(normal_axis(k, len(shape)) for k in (axis if isinstance(axis, tuple) else (axis,)))


def norm_vjp(g: Any, y: Any, x: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    """The cotangent of x; of matrices over two axes, else of vectors."""
    if 0 in x.shape:  # no largest of none
        return np.zeros(x.shape, x.dtype)
    axes = _axes(x.shape, axis)
    matrix = len(axes) == 2 and not (axis is None and ord is None)
    rule = matrix_norm_vjp if matrix else vector_norm_vjp
    y, g = expanded(y, x.shape, axes, keepdims), expanded(g, x.shape, axes, keepdims)
    return rule(g, y, x, ord, axes)


def vector_vjp(g: Any, y: Any, x: Any, axis: Any, keepdims: bool, ord: Any) -> Any:
    """The cotangent of x, of vectors that any number of axes make up."""
    if 0 in x.shape:
        return np.zeros(x.shape, x.dtype)
    axes = _axes(x.shape, axis)
    y, g = expanded(y, x.shape, axes, keepdims), expanded(g, x.shape, axes, keepdims)
    return vector_norm_vjp(g, y, x, ord, axes)


def matrix_vjp(g: Any, y: Any, x: Any, keepdims: bool, ord: Any) -> Any:
    """The cotangent of x, of matrices in its last two axes."""
    return norm_vjp(g, y, x, ord, (-2, -1), keepdims)


_VECTOR_ORDS = (None, 2, 1, 0, 3, 4, 2.5, -1, -2.0, 0.5, math.inf, -math.inf)
_MATRIX_ORDS: tuple[Any, ...] = ("fro", "nuc", 2, -2, 1, -1, math.inf, -math.inf)
_LAST = [matrices(3, 2, ord=ord, axis=(-2, -1)) for ord in _MATRIX_ORDS]
general(
    np.linalg.norm,
    norm_vjp,
    params={"ord": None, "axis": None, "keepdims": False},
    formulas=(norm_formula,),
    examples=[
        reals((2, 3)),
        reals((4,)),
        reals(()),
        reals((2, 3, 2)),
        reals((2, 3, 2), keepdims=True),
        *(reals((4,), ord=ord) for ord in _VECTOR_ORDS),
        *(reals((2, 3), ord=ord, axis=0) for ord in _VECTOR_ORDS[1:6]),
        reals((2, 3), ord=math.inf, axis=-1, keepdims=True),
        *_LAST,
        matrices(3, 3, ord="fro"),
        matrices(3, 3, ord="nuc", keepdims=True),
        matrices(3, 3, ord=2),
        reals((3, 2, 2), axis=(2, 0)),
        reals((3, 2, 2), ord=1, axis=(2, 0)),
        reals((3, 2, 2), ord=math.inf, axis=(2, 0), keepdims=True),
        reals((3, 2, 2), ord="nuc", axis=(2, 0)),
        reals((3, 2, 2), ord=2, axis=(0, -1), keepdims=True),
        reals((0, 3), axis=1),
        *(reals((0, 3), ord=ord, axis=axis) for ord, axis in ((math.inf, 0), (1, (1, 0)))),
    ],
)
general(
    np.linalg.vector_norm,
    vector_vjp,
    params={"axis": None, "keepdims": False, "ord": 2},
    formulas=(vector_norm_formula,),
    examples=[
        reals((2, 3)),
        reals((2, 3, 2), axis=(0, 2)),
        reals((2, 3, 2), axis=(0, 2), ord=3, keepdims=True),
        reals((2, 3), ord=1),
        reals((2, 3), axis=1, ord=math.inf),
        reals((2, 0), axis=1, ord=math.inf),
    ],
)
general(
    np.linalg.matrix_norm,
    matrix_vjp,
    params={"keepdims": False, "ord": "fro"},
    formulas=(matrix_norm_formula,),
    examples=[matrices(2, 2, 2, ord=ord, keepdims=ord == 2) for ord in _MATRIX_ORDS],
)


def cond_vjp(g: Any, y: Any, x: Any, p: Any) -> Any:
    """The cotangent of ‖x‖·‖x⁻¹‖, or of the quotient of the outermost singular values."""
    g = g[..., None, None]
    if p is None or p in (2, -2):
        s = np.linalg.svd(x, compute_uv=False)
        first, last = s[..., :1, None], s[..., -1:, None]
        up, down = (last, first) if p == -2 else (first, last)
        places = (-1, 0) if p == -2 else (0, -1)
        slope = g / down
        return _edge_vjp(slope, x, places[0]) - _edge_vjp(slope * up / down, x, places[1])
    back = inverse(x)
    size, back_size = (np.linalg.norm(m, p, (-2, -1), True) for m in (x, back))
    axes = x.ndim - 2, x.ndim - 1
    direct = matrix_norm_vjp(g * back_size, size, x, p, axes)
    through = matrix_norm_vjp(g * size, back_size, back, p, axes)
    return direct + inv_vjp(through, back, x)


general(
    np.linalg.cond,
    cond_vjp,
    params={"p": None},
    formulas=(cond_formula,),
    examples=[
        matrices(3, 3),
        matrices(2, 3, 2),
        *(well_conditioned(3, 3, p=p) for p in (2, -2, *_MATRIX_ORDS)),
    ],
)
