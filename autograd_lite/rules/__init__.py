"""The rows of the table, by family. Importing them fills it and gives Tensor its methods."""

from autograd_lite.recording import install
from autograd_lite.rules import (
    activations,
    axes,
    choices,
    comparisons,
    copies,
    cross_entropy,
    diagonals,
    elementwise,
    indexing,
    inserting,
    joining,
    linalg,
    moving,
    queries,
    reductions,
    rounding,
    shapes,
    softmax,
    sorting,
    special,
    splitting,
    taking,
    transcendental,
    writing,
)
from autograd_lite.table import COMPOSED, rows

__all__ = [
    "activations",
    "axes",
    "choices",
    "comparisons",
    "copies",
    "cross_entropy",
    "diagonals",
    "elementwise",
    "indexing",
    "inserting",
    "joining",
    "linalg",
    "moving",
    "queries",
    "reductions",
    "rounding",
    "shapes",
    "softmax",
    "sorting",
    "special",
    "splitting",
    "taking",
    "transcendental",
    "writing",
]

for _row in rows():
    install(_row)
for _composition in COMPOSED.values():
    install(_composition)
