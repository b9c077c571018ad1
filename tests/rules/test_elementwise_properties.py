"""Elementwise rows on inputs that nobody thought of: shapes, dtypes, layouts, nan, inf, ties."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as shapes

import autograd_lite as ag
from autograd_lite.table import rows

#: Few enough numbers that ties are common.
VALUES = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -3.0, math.inf, -math.inf, math.nan]


def ufuncs(n_inputs: int) -> list[np.ufunc]:
    """The differentiable ufuncs of floats with so many inputs and one output."""
    signature = "d" * n_inputs + "->d"
    keys = [op.key for op in rows() if op.kind == "elementwise" and any(op.rules)]
    return [f for f in keys if isinstance(f, np.ufunc) and signature in f.types]


def arrays(shape: Any, dtypes: Any = (np.float64, np.float32)) -> Any:
    """Arrays of these values, in C or Fortran order, read forwards or backwards."""
    plain = shapes.arrays(st.sampled_from(dtypes), shape, elements=st.sampled_from(VALUES))
    laid_out = st.sampled_from([lambda x: x, np.asfortranarray, lambda x: x[..., ::-1]])
    if shape == ():
        return plain
    return st.builds(lambda x, f: f(x), plain, laid_out)


@st.composite
def calls(draw: Any) -> tuple[np.ufunc, list[Any]]:
    """A ufunc and inputs whose shapes broadcast, of length 0 at times."""
    n = draw(st.integers(1, 2))
    f = draw(st.sampled_from(ufuncs(n)))
    broadcast = shapes.mutually_broadcastable_shapes(
        num_shapes=n, min_side=0, max_side=3, max_dims=3
    )
    return f, [draw(arrays(shape)) for shape in draw(broadcast).input_shapes]


settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
REPEATABLE = settings(settings.get_profile("repeatable"), max_examples=200)


@REPEATABLE
@given(calls())
def test_forward_and_gradients_of_any_call(call: tuple[np.ufunc, list[Any]]) -> None:
    """NumPy's value; gradients of each input's shape and dtype, the same recorded or not."""
    f, inputs = call
    with np.errstate(all="ignore"):
        expected = f(*inputs)
        leaves = [ag.tensor(x, requires_grad=True) for x in inputs]
        y = f(*leaves)
        np.testing.assert_array_equal(y.data, expected)
        assert y.dtype == expected.dtype
        seed = np.ones(y.shape, y.dtype)
        grads = ag.gradients(y, leaves, seed)
        recorded = ag.gradients(y, leaves, seed, create_graph=True)
        for x, g, r in zip(inputs, grads, recorded, strict=True):
            assert (g.shape, g.dtype) == (x.shape, x.dtype)
            np.testing.assert_array_equal(g, r.data)


CHAIN = st.lists(st.sampled_from(ufuncs(1)), min_size=1, max_size=3)


@REPEATABLE
@given(CHAIN, arrays((4,), (np.float64,)))
def test_forward_mode_meets_the_same_nan(chain: list[np.ufunc], x: Any) -> None:
    """A chain of functions has the same derivative in both modes, nan and inf included."""

    def f(x: Any) -> Any:
        for function in chain:
            x = function(x)
        return x

    with np.errstate(all="ignore"):
        reverse = ag.grad(lambda x: np.sum(f(x)))(x)
        _, forward = ag.jvp(f, (x,), (np.ones_like(x),))
    np.testing.assert_allclose(forward, reverse, rtol=1e-12)
