"""What the engine asks of NumPy's floating-point arithmetic: silence, and sums by BLAS."""

from __future__ import annotations

from contextvars import copy_context
from functools import lru_cache
from typing import Any

import numpy as np

__all__ = ["ERRORS", "IGNORED", "error_handling", "ones"]


class _Errors:
    """What NumPy's ContextVar does for `np.errstate`, by its public functions."""

    def set(self, handling: str) -> Any:
        """Handle every floating-point error like this; returns what `reset` needs."""
        return np.seterr(all=handling)  # type: ignore[arg-type]

    def reset(self, before: Any) -> None:
        """Handle floating-point errors as before."""
        np.seterr(**before)


def error_handling() -> tuple[Any, Any]:
    """NumPy's ContextVar of how floating-point errors are handled, and its value for "ignore".

    To set it costs 0.1 µs; `np.errstate`, which does the same, 1.5. It has no public name, so it
    is found by what it does.
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
