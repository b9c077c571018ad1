"""Python's numbers beside arrays: cast as NumPy casts them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite.floats import CASTS

NUMBERS = [0.9, 1, 2, -3, 0, 0.0, -0.0, math.inf, -math.inf, math.nan, 1e300, -1e-310, 2**24 + 1,
           2**53 + 1, 10**25, 10**40, True, 1e-40, 7e4]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
class TestNumbersBesideArrays:
    """A number is cast once and kept; the result has the bits and the dtype that NumPy gives."""

    @pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i4", "?"])
    @pytest.mark.parametrize(
        "f",
        [lambda x, c: x * c, lambda x, c: x + c, lambda x, c: c - x, lambda x, c: c / x,
         lambda x, c: np.maximum(x, c), lambda x, c: np.minimum(c, x), lambda x, c: np.add(c, x)],
    )  # fmt: skip
    def test_as_numpy(self, f: Callable[..., Any], dtype: str) -> None:
        for shape in [(), (1,), (3,)]:
            x = np.full(shape, 1).astype(dtype)
            for c in NUMBERS * 2:  # the second time from what was kept
                try:
                    expected = np.asarray(f(x, c))
                except Exception as error:
                    with pytest.raises(type(error)):
                        f(ag.tensor(x), c)
                    continue
                y = f(ag.tensor(x, requires_grad=x.dtype.kind == "f"), c).data
                assert y.dtype == expected.dtype, c
                assert y.tobytes() == expected.tobytes(), c

    def test_casts_that_overflow_warn_every_time(self) -> None:
        x = ag.tensor(np.ones(3, np.float32), requires_grad=True)
        for _ in range(2):
            with pytest.warns(RuntimeWarning, match="overflow"):
                x * 1e300

    def test_what_is_kept_is_bounded_and_cannot_be_written(self) -> None:
        x = ag.tensor(np.ones(3), requires_grad=True)
        for i in range(5_000):
            x + float(i)
        kept = CASTS[x.dtype]
        assert 0 < len(kept) <= 1_000
        assert not any(array.flags.writeable for array in kept.values())

    @pytest.mark.parametrize("c", NUMBERS)
    def test_gradients_of_factors(self, c: float) -> None:
        """The written sweep casts a factor in the same way, where one sweep had another number."""
        x = np.ones(3, np.float32)
        t = ag.tensor(x, requires_grad=True)
        for number in [0.5] * 20 + [c, c]:
            t.zero_grad()
            np.tanh(t * number).backward(np.ones(3, np.float32))
            y = np.tanh(x * number)
            expected = (1 - y * y) * number
            assert t.grad is not None
            assert t.grad.dtype == np.float32
            assert t.grad.tobytes() == expected.tobytes()


def test_the_gradient_of_a_bias_of_one_row_is_that_row() -> None:
    """With −0.0 where the row has it, in the first sweeps and in the one that is written then."""
    row = np.array([[-0.0, 0.0, -1.0, np.nan]])
    b = ag.tensor(np.ones(4), requires_grad=True)
    for _ in range(30):
        b.zero_grad()
        (np.ones((1, 4)) + b).backward(row)
        assert b.grad is not None
        assert b.grad.tobytes() == row.tobytes()
        assert not np.may_share_memory(b.grad, row)
