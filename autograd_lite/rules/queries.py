"""NumPy functions that answer a question about arrays, and advice on those without a rule.

Queries are given plain values and return what NumPy returns, also for tensors that require grad.
"""

from __future__ import annotations

import numpy as np

from autograd_lite.table import ADVICE, QUERIES

_NAMES = """
    shape ndim size any all allclose isclose array_equal array_equiv result_type can_cast
    min_scalar_type common_type iscomplexobj isrealobj iscomplex isreal may_share_memory
    shares_memory array_repr array_str array2string save savez savez_compressed savetxt
    searchsorted digitize bincount unique unique_all unique_counts unique_inverse unique_values
    isin count_nonzero nonzero flatnonzero argwhere argmax argmin nanargmax nanargmin argsort
    argpartition lexsort histogram histogram_bin_edges histogram2d histogramdd intersect1d
    setdiff1d setxor1d union1d isneginf isposinf issubdtype
"""
QUERIES.update(getattr(np, name) for name in _NAMES.split() if hasattr(np, name))

_COMPLEX = "it needs complex numbers, and only real dtypes have gradients here"
ADVICE.update({getattr(np.fft, name): _COMPLEX for name in np.fft.__all__ if name[0] != "_"})
