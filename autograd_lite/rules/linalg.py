"""The product of matrices, the inverse, systems of equations, powers and chains."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from autograd_lite.rules.examples import Example, given, lists, reals
from autograd_lite.rules.joining import listed
from autograd_lite.rules.shapes import summed_to, wrapped
from autograd_lite.table import bilinear, composed, general


def transposed(x: Any) -> Any:
    """x with its last two axes exchanged."""
    return x.T if x.ndim == 2 else x.swapaxes(-1, -2)


def matrix_product(a: Any, b: Any) -> Any:
    """a @ b of two matrices, by the faster of NumPy's two routes to the same BLAS call.

    `dot` costs 0.7 µs less than `@`, and 9 µs in place of 58 for the outer product that a batch of
    one makes of a (784, 1) and a (1, 50); but it clears its result first, which costs a large one
    up to a fifth more. Of a single number and a row or column it would make 0 · inf = 0.
    """
    if type(a) is type(b) is np.ndarray and (
        len(a) > 1 < b.shape[1] if len(b) == 1 else len(a) * b.shape[1] < 8192
    ):
        return a.dot(b)
    return a @ b


def _matmul(a: Any, b: Any) -> Any:
    """a @ b, by `dot`, 0.3 µs faster, where that gives the same bits: of matrices without gaps.

    Of a number and a row or column `dot` makes 0 · inf = 0. Its errors are those of `@`; warnings
    come where `@` warns, and say "encountered in dot".
    """
    if type(a) is np.ndarray and type(b) is np.ndarray and a.ndim == 2 == b.ndim:
        dtype = a.dtype
        if (
            (dtype is _FLOAT64 or dtype is _FLOAT32)
            and dtype is b.dtype
            and len(b) != 1
            # an array that owns its memory has no gaps; of others, A @ A.T differs if unaligned
            and (a.base is None or ((flags := a.flags).forc and flags.aligned))
            and (b.base is None or b.flags.forc)
            and len(a) * b.shape[1] < 8192
        ):
            try:
                return a.dot(b)
            except (ValueError, FloatingPointError):
                pass  # `@` raises it in its own words
    return a @ b


_FLOAT64, _FLOAT32 = np.dtype(np.float64), np.dtype(np.float32)
#: Before, `dot` hides from np.errstate that it overflows.
_DOT_WARNS = np.lib.NumpyVersion(np.__version__) >= "2.3.0"


def matmul_vjp_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    """G Bᵀ; vectors count as the row or column that NumPy makes of them."""
    if b.ndim == 2 and g.ndim == 2:
        return matrix_product(g, b.T)
    if b.ndim == 1:
        return g[..., None] * b
    if g.ndim < b.ndim:  # a is a vector
        return np.matmul(b, g[..., None])[..., 0]
    return g @ transposed(b)


def matmul_vjp_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    """Aᵀ G; vectors count as the row or column that NumPy makes of them."""
    if a.ndim == 2 and g.ndim == 2:
        return matrix_product(a.T, g)
    if a.ndim == 1:
        return a[:, None] * g[..., None, :] if g.ndim else g * a
    if g.ndim < a.ndim:  # b is a vector
        return np.matmul(transposed(a), g[..., None])[..., 0]
    if b.ndim == 2:  # one product for the whole batch, not a sum over many
        n = math.prod(a.shape[:-1])  # -1 would be unknown where nothing is summed
        return a.reshape(n, a.shape[-1]).T @ g.reshape(n, g.shape[-1])
    return transposed(a) @ g


_PRODUCTS = [
    reals((2, 3), (3, 4)),
    reals((1, 3), (3, 2)),
    reals((3,), (3, 4)),
    reals((2, 3), (3,)),
    reals((3,), (3,)),
    reals((2, 1, 2, 3), (4, 3, 2)),
    reals((3,), (2, 3, 4)),
    reals((2, 3, 4), (4,)),
    reals((2, 3, 4), (4, 2)),
    reals((2, 3, 4), (4, 0)),
    reals((2, 3, 0), (0, 2)),
    reals((2, 3), (2, 3, 4)),
    reals((0, 3), (3, 4)),
    reals((2, 0), (0, 4)),
    given(lambda rng: (np.asfortranarray(rng.standard_normal((3, 2)))[::-1], rng.random((4, 2)).T)),
]


def product_formulas() -> tuple[Any, Any]:
    """What a product's factors get: G Bᵀ and Aᵀ G, of two vectors and of numbers g·b and g·a."""

    def formula(matrices: str, vectors: str) -> Any:
        def of_shapes(params: dict[str, Any], a: tuple[int, ...], b: tuple[int, ...]) -> str:
            return matrices if len(a) and len(b) and len(a) + len(b) > 2 else vectors

        return of_shapes

    return formula("{g} {b}ᵀ", "{g} · {b}"), formula("{a}ᵀ {g}", "{g} · {a}")


bilinear(
    np.matmul,
    matmul_vjp_left,
    matmul_vjp_right,
    fn=_matmul if _DOT_WARNS else operator.matmul,
    methods=("__matmul__", "__rmatmul__"),
    formulas=product_formulas(),
    examples=_PRODUCTS,
)
composed(np.linalg.matmul, lambda x1, x2: np.matmul(x1, x2), examples=_PRODUCTS[:3])


# --- inverses and systems


def well_conditioned(*shape: int, of: tuple[int, ...] | None = None, **kwargs: Any) -> Example:
    """Square matrices near twice the identity, reshaped to `of` where that is given."""

    def build(rng: np.random.Generator) -> tuple[Any, ...]:
        matrices = 0.3 * rng.standard_normal(shape) + 2.0 * np.eye(shape[-1])
        return (matrices.reshape(of or shape),)

    return given(build, **kwargs)


def inv_vjp(g: Any, y: Any, a: Any) -> Any:
    """−A⁻ᵀ G A⁻ᵀ (Giles 2008, section 2.2.3)."""
    return -(transposed(y) @ g @ transposed(y))


def solve_vjp_matrix(g: Any, y: Any, a: Any, b: Any) -> Any:
    """−A⁻ᵀ G Xᵀ (Giles 2008, section 2.3.1), summed to A's shape."""
    column = np.ndim(b) == 1
    side = np.linalg.solve(transposed(a), g[..., None] if column else g)
    return summed_to(-(side @ (y[..., None, :] if column else transposed(y))), a.shape)


def solve_vjp_side(g: Any, y: Any, a: Any, b: Any) -> Any:
    """A⁻ᵀ G (Giles 2008, section 2.3.1), summed to B's shape."""
    if b.ndim == 1:
        return summed_to(np.linalg.solve(transposed(a), g[..., None])[..., 0], b.shape)
    return summed_to(np.linalg.solve(transposed(a), g), b.shape)


def _system(a: Example, b: tuple[int, ...], **kwargs: Any) -> Example:
    """Matrices A and a right-hand side of shape b."""
    return given(lambda rng: (*a(rng)[0], rng.standard_normal(b)), **kwargs)


general(
    np.linalg.inv,
    inv_vjp,
    formulas=("−{y}ᵀ {g} {y}ᵀ",),
    examples=[well_conditioned(3, 3), well_conditioned(2, 2, 2), reals((0, 0)), reals((1, 1))],
)
general(
    np.linalg.solve,
    solve_vjp_matrix,
    solve_vjp_side,
    formulas=("−{a}⁻ᵀ {g} {y}ᵀ", "{a}⁻ᵀ {g}"),
    examples=[
        _system(well_conditioned(3, 3), (3,)),
        _system(well_conditioned(3, 3), (3, 2)),
        _system(well_conditioned(2, 3, 3), (3,)),
        _system(well_conditioned(2, 1, 2, 2), (3, 2, 4)),
        _system(well_conditioned(2, 2), (3, 2, 1)),
        _system(well_conditioned(0, 0), (0, 2)),
    ],
)


def _tensorinv(a: Any, ind: int = 2) -> Any:
    if ind <= 0:
        raise ValueError(f"tensorinv: ind={ind!r}; give the number of first axes, 1 or more")
    a = wrapped(a)
    rows, columns = a.shape[:ind], a.shape[ind:]
    flat = a.reshape(int(np.prod(columns)), -1)
    return np.linalg.inv(flat).reshape(*columns, *rows)


def _tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    a, b = wrapped(a), wrapped(b)
    if axes is not None:
        first = [k for k in range(a.ndim) if k not in [axis % a.ndim for axis in axes]]
        a = a.transpose(*first, *[axis % a.ndim for axis in axes])
    shape = a.shape[b.ndim :]
    flat = a.reshape(b.size, -1)
    return np.linalg.solve(flat, b.reshape(-1)).reshape(shape)


composed(
    np.linalg.tensorinv,
    _tensorinv,
    examples=[
        well_conditioned(4, 4, of=(4, 2, 2), ind=1),
        well_conditioned(6, 6, of=(2, 3, 6)),
        well_conditioned(6, 6, of=(6, 2, 3), ind=1),
    ],
)
composed(
    np.linalg.tensorsolve,
    _tensorsolve,
    examples=[
        _system(well_conditioned(6, 6, of=(2, 3, 6)), (2, 3)),
        _system(well_conditioned(4, 4, of=(2, 4, 2)), (2, 2), axes=(1,)),
    ],
)


# --- powers and chains


def _matrix_power(a: Any, n: Any) -> Any:
    """NumPy's order of products, so that the numbers are NumPy's to the last bit."""
    n = operator.index(n)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"matrix_power: got an array of shape {a.shape}; expected square matrices")
    if n == 0:  # no constant: a gradient of 0 passes
        return np.where(False, a, np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape))
    if n < 0:
        a, n = np.linalg.inv(a), -n
    if n == 1:
        return a
    if n == 3:
        return (a @ a) @ a
    square = result = None
    while n > 0:
        square = a if square is None else square @ square
        n, bit = divmod(n, 2)
        if bit:
            result = square if result is None else result @ square
    return result


def multi_dot_vjp(i: int, g: Any, y: Any, *xs: Any) -> Any:
    """(the product before i)ᵀ G (the product after i)ᵀ, in the cheapest order."""
    first, last = np.shape(xs[0]), np.shape(xs[-1])
    rows, columns = 1 if len(first) == 1 else first[0], 1 if len(last) == 1 else last[1]
    matrices = [x.reshape(1, -1) if k == 0 and x.ndim == 1 else x for k, x in enumerate(xs)]
    if len(last) == 1:
        matrices[-1] = xs[-1].reshape(-1, 1)
    before = [x.T for x in reversed(matrices[:i])]
    after = [x.T for x in reversed(matrices[i + 1 :])]
    return np.linalg.multi_dot([*before, g.reshape(rows, columns), *after]).reshape(xs[i].shape)


composed(
    np.linalg.matrix_power,
    _matrix_power,
    examples=[
        *(well_conditioned(2, 2, n=n) for n in range(8)),
        well_conditioned(2, 3, 3, n=-2),
    ],
)
general(
    np.linalg.multi_dot,
    multi_dot_vjp,
    fn=lambda *xs: np.linalg.multi_dot(xs),
    variadic=True,
    parse=listed(np.linalg.multi_dot),
    formulas=("(… before)ᵀ {g} (after …)ᵀ",),
    examples=[
        lists(reals((2, 3), (3, 4))),
        lists(reals((3,), (3, 4), (4, 2))),
        lists(reals((2, 3), (3, 4), (4, 5), (5,))),
        lists(reals((3,), (3, 4), (4,))),
    ],
)
