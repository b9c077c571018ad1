"""`ag.compile`: a function, through any transforms inside it, as a NumPy program."""

from autograd_lite.compiler.program import Program

__all__ = ["Program"]
