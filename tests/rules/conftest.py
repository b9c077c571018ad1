"""What the tests of the rows share: a gradient taken in every mode at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag


def slopes_in_every_mode(f: Callable[..., Any], *primals: Any, float32: bool = True) -> Any:
    """The gradient of sum(f(*primals)) for each primal, the same in every mode or it fails.

    The modes: reverse, reverse recorded, forward, and (unless `float32` is False) float32.
    """
    arrays = [np.asarray(p, dtype=np.float64) for p in primals]
    places = tuple(range(len(arrays)))

    def total(*xs: Any) -> Any:
        return np.sum(f(*xs))

    with np.errstate(all="ignore"):
        reverse = ag.grad(total, argnums=places)(*arrays)
        leaves = [ag.tensor(x, requires_grad=True) for x in arrays]
        y = total(*leaves)
        recorded = ag.gradients(y, leaves, create_graph=True) if y.requires_grad else None
        for i in places:
            if recorded is not None:
                np.testing.assert_array_equal(recorded[i].data, reverse[i], err_msg="recorded")
            forward = _pushed(f, arrays, i)
            np.testing.assert_allclose(forward, reverse[i], rtol=1e-13, err_msg="forward mode")
        if float32:
            narrow = ag.grad(total, argnums=places)(*[x.astype(np.float32) for x in arrays])
            for i in places:
                assert narrow[i].dtype == np.float32
                np.testing.assert_allclose(narrow[i], reverse[i], rtol=1e-5, atol=1e-6)
    return reverse[0] if len(reverse) == 1 else reverse


def _pushed(f: Callable[..., Any], arrays: list[Any], i: int) -> Any:
    """The derivative of the elementwise f in argument i, summed over the axes it was given."""

    def of_one(x: Any) -> Any:
        return f(*arrays[:i], x, *arrays[i + 1 :])

    x = arrays[i]
    _, tangent = ag.jvp(of_one, (x,), (np.ones_like(x),))
    return np.sum(tangent, axis=tuple(range(np.ndim(tangent) - x.ndim)))


@pytest.fixture
def slopes() -> Callable[..., Any]:
    """The function `slopes(f, *primals)`: gradients of sum(f), the same in every mode."""
    return slopes_in_every_mode


@pytest.fixture
def derivative() -> Callable[..., Any]:
    """The function that makes of f, elementwise, its derivative."""
    return lambda f: ag.grad(lambda x: np.sum(f(x)))
