"""What the engine asks of NumPy's arithmetic: silence, sums by BLAS, and each number cast once."""

from __future__ import annotations

from contextvars import copy_context
from functools import lru_cache
from typing import Any

import numpy as np

__all__ = ["CASTS", "ERRORS", "IGNORED", "error_handling", "ones"]


class _Errors:
    """What NumPy's ContextVar does for `np.errstate`, by its public functions."""

    def get(self) -> Any:
        """How each floating-point error is handled."""
        return np.geterr()

    def set(self, handling: Any) -> None:
        """Handle floating-point errors like this, or as `get` has said."""
        np.seterr(**(handling if isinstance(handling, dict) else {"all": handling}))


def error_handling() -> tuple[Any, Any]:
    """NumPy's ContextVar of how floating-point errors are handled, and its value for "ignore".

    To set it costs 0.1 µs; `np.errstate`, which does the same, 1.5. It has no public name, so it
    is found by what it does. Whoever sets it asks first what it was, and sets that in the end: an
    interrupt may come before a token is kept.
    """
    context = copy_context()
    before = dict(context)
    context.run(np.seterr, all="ignore")
    changed = [(v, x) for v, x in context.items() if before.get(v) is not x]
    return changed[0] if len(changed) == 1 else (_Errors(), "ignore")


ERRORS, IGNORED = error_handling()


@lru_cache(64)
def ones(n: int, dtype: Any) -> Any:
    """A vector of ones, to sum with: BLAS adds up rows or columns in a third of NumPy's time."""
    vector = np.ones(n, dtype)
    vector.flags.writeable = False
    return vector


class _Cast(dict[float, Any]):
    """Python's numbers as 0-d arrays of one dtype, with which NumPy computes twice as fast.

    It casts a number anew in every operation; here the arrays of those met lately are kept.
    """

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        self.casts = dtype in (np.float32, np.float64)

    def __missing__(self, number: float) -> Any:
        """The array; the number itself where a cast may warn, and for 0.0, whose key is -0.0's."""
        if not self.casts or not 1e-30 < abs(number) < 1e30:
            return number
        if len(self) >= 1000:
            self.clear()
        array = np.array(number, self.dtype)
        array.flags.writeable = False
        self[number] = array
        return array


class _Casts(dict[Any, _Cast]):
    """Such a dictionary for every dtype met."""

    def __missing__(self, dtype: Any) -> _Cast:
        return self.setdefault(dtype, _Cast(dtype))


#: `CASTS[dtype][number]` is what to compute with in place of a float or int beside an array.
CASTS = _Casts()
