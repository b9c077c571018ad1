"""Products that contract axes: dot, inner, outer, vdot, tensordot, kron."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.rules.examples import Example, given, reals
from autograd_lite.rules.linalg import matrix_product, product_formulas
from autograd_lite.rules.shapes import normal_axis
from autograd_lite.table import bilinear, composed


def contracted(axes: Any, n: int, m: int) -> tuple[list[int], list[int], list[int], list[int]]:
    """(a's contracted axes, b's, a's free axes, b's) of a tensordot of n and m axes."""
    try:
        mine, yours = axes
    except TypeError:
        mine, yours = range(n - int(axes), n), range(int(axes))
    used_a = [normal_axis(k, n) for k in np.atleast_1d(mine).astype(int).tolist()]
    used_b = [normal_axis(k, m) for k in np.atleast_1d(yours).astype(int).tolist()]
    free_a = [k for k in range(n) if k not in used_a]
    return used_a, used_b, free_a, [k for k in range(m) if k not in used_b]


def contraction(a: Any, b: Any, axes: Any) -> Any:
    """np.tensordot, of axes of one element without the 0 · inf = 0 that NumPy's `dot` makes there.

    Nothing is summed then: every element of a times every element of b.
    """
    a, b = (x if hasattr(x, "ndim") else np.asarray(x) for x in (a, b))
    used, _, free_a, free_b = contracted(axes, a.ndim, b.ndim)
    if any(a.shape[k] != 1 for k in used):
        return np.tensordot(a, b, axes)
    lengths = [a.shape[k] for k in free_a] + [1] * len(free_b)
    return np.reshape(a, lengths) * np.reshape(b, [b.shape[k] for k in free_b])


# --- dot, inner, outer, vdot


def dot_vjp_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    """G contracted with B over all axes of B but its last but one."""
    n = np.ndim(b)
    if a.ndim == 2 and n == 2:
        return matrix_product(g, b.T)
    if a.ndim == 0 or n == 0:
        return g * b
    if n == 1:
        return g[..., None] * b
    return contraction(g, b, (range(a.ndim - 1, g.ndim), (*range(n - 2), n - 1)))


def dot_vjp_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    """A contracted with G over the leading axes of A."""
    n = np.ndim(a)
    if n == 2 and b.ndim == 2:
        return matrix_product(a.T, g)
    if n < 2 and b.ndim < 2:
        return g * a
    if n == 0 or b.ndim == 0:
        return g * a
    lead = range(n - 1)
    product = contraction(a, g, (lead, lead))
    return product if b.ndim == 1 else np.moveaxis(product, 0, -2)


def inner_vjp_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    """G contracted with B over all axes of B but its last."""
    if a.ndim == 0 or np.ndim(b) == 0:
        return g * b
    return contraction(g, b, (range(a.ndim - 1, g.ndim), range(np.ndim(b) - 1)))


def inner_vjp_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    """G contracted with A over all axes of A but its last."""
    n = np.ndim(a)
    if n == 0 or b.ndim == 0:
        return g * a
    return contraction(g, a, (range(n - 1), range(n - 1)))


_FLOATS: list[Example] = [
    given(lambda rng: (rng.standard_normal((2, 3)), 2.5)),
    given(lambda rng: (2.5, rng.standard_normal(3))),
]
bilinear(
    np.dot,
    dot_vjp_left,
    dot_vjp_right,
    methods=("dot",),
    formulas=product_formulas(),
    examples=[
        reals((2, 3), (3, 4)),
        reals((3,), (3,)),
        reals((2, 3), (3,)),
        reals((3,), (3, 2)),
        reals((3,), (2, 3, 4)),
        reals((2, 3, 4), (4,)),
        reals((2, 3, 4), (5, 4, 2)),
        reals((), (2, 3)),
        reals((2, 3), ()),
        reals((2, 0), (0, 3)),
        *_FLOATS,
    ],
)
bilinear(
    np.inner,
    inner_vjp_left,
    inner_vjp_right,
    formulas=("{g} · {b}", "{g} · {a}"),
    examples=[
        reals((3,), (3,)),
        reals((2, 3), (4, 3)),
        reals((2, 1, 3), (4, 3)),
        reals((3,), (2, 4, 3)),
        reals((), (2, 3)),
        *_FLOATS,
    ],
)
bilinear(
    np.outer,
    lambda g, y, a, b: (g @ np.reshape(b, -1)).reshape(a.shape),
    lambda g, y, a, b: (np.reshape(a, -1) @ g).reshape(b.shape),
    formulas=("{g} {b}", "{g}ᵀ {a}"),
    examples=[reals((2,), (3,)), reals((2, 2), (3,)), reals((), (3, 1)), *_FLOATS],
)
bilinear(
    np.vdot,
    lambda g, y, a, b: g * np.reshape(b, a.shape),
    lambda g, y, a, b: g * np.reshape(a, b.shape),
    formulas=("{g} · {b}", "{g} · {a}"),
    examples=[reals((3,), (3,)), reals((2, 3), (2, 3)), reals((2, 3), (6,))],
)


def _linalg_outer(x1: Any, x2: Any) -> Any:
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        raise ValueError(
            f"np.linalg.outer: expected two vectors, got shapes {np.shape(x1)} and {np.shape(x2)}; "
            "np.outer flattens its arguments"
        )
    return np.outer(x1, x2)


composed(np.linalg.outer, _linalg_outer, examples=[reals((2,), (3,))])


# --- tensordot and kron


def tensordot_vjp_left(g: Any, y: Any, a: Any, b: Any, axes: Any) -> Any:
    """G contracted with B over B's free axes, in the order of A's axes."""
    used_a, used_b, free_a, free_b = contracted(axes, a.ndim, np.ndim(b))
    product = contraction(g, b, (range(len(free_a), g.ndim), free_b))
    places = {k: i for i, k in enumerate(free_a)}
    rest = sorted(used_b)
    places |= {k: len(free_a) + rest.index(m) for k, m in zip(used_a, used_b, strict=True)}
    return product.transpose([places[k] for k in range(a.ndim)])


def tensordot_vjp_right(g: Any, y: Any, a: Any, b: Any, axes: Any) -> Any:
    """A contracted with G over A's free axes, in the order of B's axes."""
    used_a, used_b, free_a, free_b = contracted(axes, np.ndim(a), b.ndim)
    product = contraction(a, g, (free_a, range(len(free_a))))
    rest = sorted(used_a)
    places = {m: rest.index(k) for k, m in zip(used_a, used_b, strict=True)}
    places |= {k: len(rest) + i for i, k in enumerate(free_b)}
    return product.transpose([places[k] for k in range(b.ndim)])


bilinear(
    np.tensordot,
    tensordot_vjp_left,
    tensordot_vjp_right,
    params={"axes": 2},
    formulas=("{g} · {b}", "{a} · {g}"),
    examples=[
        reals((2, 3, 4), (3, 4, 2)),
        reals((2, 3), (3, 4), axes=1),
        reals((2, 3), (4,), axes=0),
        reals((2, 3, 4), (4, 5, 2), axes=([0, 2], [-1, 0])),
        reals((2, 3, 4), (5, 3), axes=(1, 1)),
        reals((2, 3), (3, 2), axes=((1, 0), (0, 1))),
        given(lambda rng: (rng.standard_normal((2, 3)), 2.5), axes=0),
    ],
)
composed(
    np.linalg.tensordot,
    lambda x1, x2, axes=2: np.tensordot(x1, x2, axes),
    examples=[reals((2, 3, 4), (3, 4, 2)), reals((2, 3), (3, 4), axes=1)],
)


def _interleaved(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[list[int], tuple[int, ...], int]:
    """(kron's shape with a's axes apart from b's, b's shape with as many axes, how many)."""
    n = max(len(a), len(b))
    a, b = (1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b
    return [length for pair in zip(a, b, strict=True) for length in pair], b, n


def kron_vjp_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    """Σ of every block of G times B."""
    apart, shape, n = _interleaved(a.shape, np.shape(b))
    blocks = contraction(g.reshape(apart), np.reshape(b, shape), (range(1, 2 * n, 2), range(n)))
    return blocks.reshape(a.shape)


def kron_vjp_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    """Σ of G's blocks, each times its element of A."""
    apart, _, n = _interleaved(np.shape(a), b.shape)
    blocks = contraction(
        np.reshape(a, apart[::2]), g.reshape(apart), (range(n), range(0, 2 * n, 2))
    )
    return blocks.reshape(b.shape)


bilinear(
    np.kron,
    kron_vjp_left,
    kron_vjp_right,
    formulas=("Σ blocks of {g} ⊙ {b}", "Σ {a} · blocks of {g}"),
    examples=[
        reals((2,), (3,)),
        reals((2, 3), (3, 2)),
        reals((3,), (2, 2)),
        reals((2, 1, 2), (3,)),
        reals((), (2, 3)),
        *_FLOATS,
    ],
)
