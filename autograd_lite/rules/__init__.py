"""The rows of the table, by family. Importing them fills it and gives Tensor its methods."""

from autograd_lite.recording import install
from autograd_lite.rules import (
    activations,
    axes,
    choices,
    comparisons,
    copies,
    cross_entropy,
    deviations,
    diagonals,
    elementwise,
    extremes,
    indexing,
    inserting,
    joining,
    linalg,
    missing,
    moving,
    products,
    queries,
    reductions,
    rounding,
    scans,
    shapes,
    softmax,
    sorting,
    special,
    splitting,
    statistics,
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
    "deviations",
    "diagonals",
    "elementwise",
    "extremes",
    "indexing",
    "inserting",
    "joining",
    "linalg",
    "missing",
    "moving",
    "products",
    "queries",
    "reductions",
    "rounding",
    "scans",
    "shapes",
    "softmax",
    "sorting",
    "special",
    "splitting",
    "statistics",
    "taking",
    "transcendental",
    "writing",
]

for _row in rows():
    install(_row)
for _composition in COMPOSED.values():
    install(_composition)
