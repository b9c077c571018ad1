"""Graphs of true scalars as arithmetic on Python floats: 59 ns an operation, against NumPy's 634.

Where Python raises (1/0, log(0), exp(1000)) NumPy gives inf or nan and warns, so the call begins
again in the NumPy form. `math` and NumPy round some functions differently, in the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.compiler.ir import Const, Graph, Step, Value
from autograd_lite.compiler.library import Library, number_text
from autograd_lite.compiler.naming import Names

__all__ = ["are_scalars", "scalar_lines"]

_FORMS: dict[str, str] = {
    "add": "{} + {}", "subtract": "{} - {}", "multiply": "{} * {}", "divide": "{} / {}",
    "negative": "-{}", "positive": "{}", "square": "{0} * {0}", "reciprocal": "1.0 / {}",
    "power": "math.pow({}, {})", "exp": "math.exp({})", "expm1": "math.expm1({})",
    "log": "math.log({})", "log1p": "math.log1p({})", "log2": "math.log2({})",
    "sqrt": "math.sqrt({})", "sin": "math.sin({})", "cos": "math.cos({})", "tan": "math.tan({})",
    "sinh": "math.sinh({})", "cosh": "math.cosh({})", "tanh": "math.tanh({})",
    "arctan": "math.atan({})", "arctan2": "math.atan2({}, {})", "hypot": "math.hypot({}, {})",
    "abs": "abs({})", "fabs": "abs({})", "greater": "{} > {}", "less": "{} < {}",
    "greater_equal": "{} >= {}", "less_equal": "{} <= {}", "equal": "{} == {}",
    "not_equal": "{} != {}", "invert": "not {}", "bitwise_and": "{} and {}",
    "bitwise_or": "{} or {}", "where": "{1} if {0} else {2}",
    "maximum": "{0} if {0} >= {1} or {0} != {0} else {1}",
    "minimum": "{0} if {0} <= {1} or {0} != {0} else {1}", "float": "{}", "sum": "{}",
    "astype": "{}",
}  # fmt: skip


def are_scalars(graph: Graph) -> bool:
    """Whether a graph is arithmetic on single floats of 64 bits, from end to end."""
    values = [*graph.inputs, *graph.steps]
    return (
        bool(graph.steps)
        and all(x.shape == () and x.dtype is not None for x in values)
        and all(x.dtype.char in "d?" for x in values)
        and all(isinstance(s, Step) and _is_plain(s) for s in graph.steps)
    )


def _is_plain(step: Step) -> bool:
    sums = step.op.name != "sum" or step.params.keys() <= {"axis", "keepdims"}
    bools = step.op.name not in ("invert", "bitwise_and", "bitwise_or") or step.dtype.char == "?"
    constants = all(not isinstance(x, Const) or _is_number(x) for x in step.operands)
    return step.op.name in _FORMS and sums and bools and constants and len(step.operands) < 4


def _is_number(x: Const) -> bool:
    array = x.array
    return x.is_number or (isinstance(array, np.generic) and array.dtype.char == "d")


def scalar_lines(graph: Graph, names: Names, library: Library) -> list[str]:
    """The steps as statements about Python floats, and the results that are NumPy's scalars."""
    library.imports["import math"] = None
    lines = [f"{names.of[x]} = float({names.of[x]})" for x in graph.inputs if not x.weak]
    for step in graph.steps:
        assert isinstance(step, Step)
        text = _form(step).format(*[_text(x, names) for x in step.operands])
        lines.append(f"{names.of[step]} = {text}")
    for y in dict.fromkeys(graph.outputs):
        if isinstance(y, Value) and not y.weak:
            kind = "np.float64" if y.dtype.char == "d" else "np.bool"
            lines.append(f"{names.of[y]} = {kind}({names.of[y]})")
    return lines


def _form(step: Step) -> str:
    if step.op.name == "power" and isinstance(step.operands[1], Const):
        return {1: "{}", 2: "{0} * {0}"}.get(step.operands[1].array, _FORMS["power"])
    return _FORMS[step.op.name]


def _text(x: Any, names: Names) -> str:
    if isinstance(x, Value):
        return names.of[x]
    array = x.array.item() if isinstance(x.array, np.generic) else x.array
    return number_text(float(array))
