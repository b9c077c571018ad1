"""Gradient checks that know their own error bar."""

from autograd_lite.testing.report import GradientMismatch, GradReport, compare_arrays

__all__ = ["GradReport", "GradientMismatch", "compare_arrays"]
