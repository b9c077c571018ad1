"""NumPy functions that no gradient passes: those that answer a question, and those that point.

Queries are given plain values and return what NumPy returns, also for tensors that require grad.
Functions that give an array of places (argmax, argsort, …) are rows without a rule: they give a
Tensor of ints, and are recorded when a program is traced.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.rules.arguments import reading
from autograd_lite.rules.examples import given, spread
from autograd_lite.rules.indexing import SLOT, scatter
from autograd_lite.rules.missing import some_nan
from autograd_lite.table import ADVICE, QUERIES, TABLE, Primitive, composed, elementwise

_NAMES = """
    shape ndim size any all allclose isclose array_equal array_equiv result_type can_cast
    min_scalar_type common_type iscomplexobj isrealobj iscomplex isreal may_share_memory
    shares_memory array_repr array_str array2string save savez savez_compressed savetxt
    searchsorted digitize unique unique_all unique_counts unique_inverse unique_values
    isin count_nonzero nonzero flatnonzero argwhere lexsort histogram histogram_bin_edges
    histogram2d histogramdd intersect1d setdiff1d setxor1d union1d issubdtype
"""
QUERIES.update(getattr(np, name) for name in _NAMES.split() if hasattr(np, name))
QUERIES.update((np.logical_and.reduce, np.logical_or.reduce))
_EMATH = "it gives complex numbers beyond its domain, and only real dtypes have gradients here"
ADVICE.update((getattr(np.emath, name), _EMATH) for name in np.emath.__all__)

ADVICE.update(
    {
        np.apply_over_axes: "call the function with each axis in turn",
        np.polymul: "use np.convolve, which multiplies polynomials",
        np.polydiv: "solve for the quotient with np.linalg.lstsq",
        np.polyfit: "use np.linalg.lstsq(np.vander(x, deg + 1), y)",
        np.poly: "multiply the factors with np.convolve",
        np.roots: "use np.linalg.eigvals of the companion matrix, where all roots are real",
        np.trim_zeros: "use x[start:stop], with bounds from x.data",
        np.sort_complex: "use np.sort",
        np.logaddexp.accumulate: "use np.log(np.cumsum(np.exp(x - m))) + m with m = np.max(x)",
        np.subtract.reduce: "use 2 * x[0] - np.sum(x, axis=0)",
        np.divide.reduce: "use x[0] / np.prod(x[1:], axis=0)",
    }
)


def _pointing(name: str, usual: dict[str, Any], **options: Any) -> None:
    """Add a row for a NumPy function that gives places."""
    key = getattr(np, name)
    TABLE[key] = Primitive(
        key, (None,), kind="general", params=usual, parse=reading(key, usual), **options
    )


_ARG = {"axis": None, "keepdims": False}
for _name in ("argmax", "argmin"):
    _examples = [spread((2, 3)), spread((2, 3), axis=-1), spread((2, 3), axis=0, keepdims=True)]
    _pointing(_name, _ARG, methods=(_name,), examples=_examples)
    _pointing("nan" + _name, _ARG, examples=[*_examples, some_nan(2, 3), some_nan(2, 3, axis=1)])
_pointing(
    "argsort",
    {"axis": -1, "kind": None, "stable": None},
    methods=("argsort",),
    examples=[spread((2, 3)), spread((2, 3), axis=0), spread((2, 3), axis=None, stable=True)],
)
_pointing(
    "argpartition",
    {"kth": None, "axis": -1, "kind": "introselect"},
    methods=("argpartition",),
    examples=[spread((2, 5), kth=1), spread((2, 5), kth=(0, 3), axis=1)],
)


def _bincount(x: Any, weights: Any = None, minlength: Any = 0) -> Any:
    """np.bincount of plain values; a sum for each number where the weights are recorded."""
    x = x.numpy() if isinstance(x, Tensor) else x
    if not (isinstance(weights, Tensor) and weights.node is not None):
        weights = weights.numpy() if isinstance(weights, Tensor) else weights
        return np.bincount(x, weights, minlength)
    n = np.bincount(x, np.zeros(weights.shape), minlength).size
    return scatter(weights.astype(float), (np.asarray(x),), (SLOT,), (n,))


composed(
    np.bincount,
    _bincount,
    examples=[given(lambda rng: (np.array([1, 4, 1]), rng.standard_normal(3)), minlength=3)],
)

for _key in (np.isneginf, np.isposinf):
    elementwise(_key, None, examples=[given(lambda rng: (np.array([1.0, -np.inf, np.inf]),))])


def _any(self: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether any element is true, as np.any tells it."""
    return np.any(self, axis=axis, keepdims=keepdims)


def _all(self: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether all elements are true, as np.all tells it."""
    return np.all(self, axis=axis, keepdims=keepdims)


for _name, _method in (("any", _any), ("all", _all)):
    setattr(Tensor, _name, _method)
