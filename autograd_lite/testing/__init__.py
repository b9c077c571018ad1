"""Gradient checks that know their own error bar."""

from autograd_lite.testing.report import GradientMismatch, GradReport

__all__ = ["GradReport", "GradientMismatch"]
