"""What every test may count on: a table that is full, though no tensor was made yet."""

from collections.abc import Callable

import numpy as np
import pytest

import autograd_lite.rules  # noqa: F401


@pytest.fixture(scope="session")
def reordered() -> Callable[..., bool]:
    """Whether NumPy may sum in another order with out=, or in np.dot than in np.matmul.

    Before 2.3 it did over negative strides.
    """
    old = np.lib.NumpyVersion(np.__version__) < "2.3.0"
    return lambda *inputs: old and any(n < 0 for x in inputs for n in getattr(x, "strides", ()))
