"""Gradient checks that know their own error bar.

    from autograd_lite.testing import check_grads
    print(check_grads(f, x))                # the engine's gradient of f against differences
    print(check_grads(f, x, grad=f_prime))  # yours; f may be any Python function
    print(compare_grads(hand, f, params))   # yours, the engine's, and differences to judge

`assert_grads` raises where the report is not ok.
"""

from autograd_lite.testing.check import assert_grads, check_grads
from autograd_lite.testing.compare import compare_grads
from autograd_lite.testing.report import GradientMismatch, GradReport

__all__ = ["GradReport", "GradientMismatch", "assert_grads", "check_grads", "compare_grads"]
