"""Graphs of true scalars as arithmetic on Python floats: 59 ns an operation, against NumPy's 634.

Where Python raises (1/0, log(0), exp(1000)) NumPy gives inf or nan and warns, so the call begins
again in the NumPy form. `math` and NumPy round some functions differently, in the last bit.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from autograd_lite.compiler.ir import Const, Graph, Step, Value, users
from autograd_lite.compiler.library import Library, number_text
from autograd_lite.compiler.lines import statement
from autograd_lite.compiler.naming import Names

__all__ = ["Scalars", "are_scalars"]

#: (form, how tightly it binds): a form's own operands need brackets where they bind less.
_FORMS: dict[str, tuple[str, int]] = {
    "add": ("{} + {}", 2), "subtract": ("{} - {}", 2), "multiply": ("{} * {}", 3),
    "divide": ("{} / {}", 3), "reciprocal": ("1.0 / {}", 3), "negative": ("-{}", 4),
    "positive": ("{}", 5), "float": ("{}", 5), "sum": ("{}", 5), "astype": ("{}", 5),
    "square": ("{0} * {0}", 3), "greater": ("{} > {}", 1), "less": ("{} < {}", 1),
    "greater_equal": ("{} >= {}", 1), "less_equal": ("{} <= {}", 1), "equal": ("{} == {}", 1),
    "not_equal": ("{} != {}", 1), "invert": ("not {}", 0), "bitwise_and": ("{} and {}", 0),
    "bitwise_or": ("{} or {}", 0), "where": ("{1} if {0} else {2}", 0),
    "maximum": ("{0} if {0} >= {1} or {0} != {0} else {1}", 0),
    "minimum": ("{0} if {0} <= {1} or {0} != {0} else {1}", 0),
    "absolute": ("abs({})", 6), "fabs": ("abs({})", 6), "arctan": ("atan({})", 6),
    "arctan2": ("atan2({}, {})", 6), "power": ("pow({}, {})", 6),
    **{name: (f"{name}({{}})", 6) for name in (
        "exp", "expm1", "log", "log1p", "log2", "sqrt", "sin", "cos", "tan", "sinh", "cosh",
        "tanh")},
    "hypot": ("hypot({}, {})", 6),
}  # fmt: skip
_CALLED = re.compile(r"^(?!abs)([a-z]+[0-9a-z]*)\(")  # what comes from `math`
_ATOM = 6
LONGEST = 40  # steps in one expression: a parser's depth has an end


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
    bools = (step.dtype.char == "?") == (_FORMS.get(step.op.name, ("", 2))[1] < 2)
    bools = bools or (step.op.name in ("where", "maximum", "minimum") and step.dtype.char == "d")
    constants = all(not isinstance(x, Const) or _is_number(x) for x in step.operands)
    return step.op.name in _FORMS and sums and bools and constants and len(step.operands) < 4


def _is_number(x: Const) -> bool:
    array = x.array
    return x.is_number or (isinstance(array, np.generic) and array.dtype.char == "d")


class Scalars:
    """Writes the steps of a graph as statements about Python floats.

    What is used once stands where it is used: a sum of products is one expression. Functions of
    `math` go by their own name, or by `math.` where that is one of the variables.
    """

    def __init__(self, graph: Graph, names: Names, library: Library) -> None:
        self.graph = graph
        self.names = names
        self.library = library
        self.texts: dict[Value, tuple[str, int, int]] = {}  # text, binding, number of steps
        self._users = users(graph)

    def lines(self) -> list[str]:
        """The statements, and those that make the results NumPy's scalars."""
        of = self.names.of
        lines = [f"{of[x]} = float({of[x]})" for x in self.graph.inputs if not x.weak]
        for step in self.graph.steps:
            assert isinstance(step, Step)
            text, binding, n = self._expression(step)
            if self._is_inlined(step, n) or (binding == _ATOM and text.isidentifier()):
                self.texts[step] = text, binding, n
                continue
            lines += statement(of[step], text)
        return lines

    def result(self, y: Value) -> str:
        """A result, as the NumPy form has it."""
        text = self._text(y)[0]
        if y.weak:
            return text
        return f"{'np.float64' if y.dtype.char == 'd' else 'np.bool'}({text})"

    def _is_inlined(self, step: Step, n: int) -> bool:
        uses = self._users.get(step, [])
        if len(uses) != 1 or uses[0] is None or n >= LONGEST:
            return False
        form, place = self._form(uses[0])[0], uses[0].operands.index(step)
        repeated = "{}" not in form and form.count(f"{{{place}}}") > 1
        return not repeated and step.name in (None, uses[0].name)

    def _expression(self, step: Step) -> tuple[str, int, int]:
        form, binding = self._form(step)
        operands, n = [], 1
        for i, x in enumerate(step.operands):
            text, own, steps = self._text(x)
            n += steps
            looser = own < binding or (own == binding < 4 and (i or binding < 2))
            if looser and binding < _ATOM:
                text = f"({text})"
            operands.append(text)
            if form == "{}":
                return text, own, n
        return form.format(*operands), binding, n

    def _text(self, x: Any) -> tuple[str, int, int]:
        if isinstance(x, Value):
            return self.texts.get(x) or (self.names.of[x], _ATOM, 0)
        array = x.array.item() if isinstance(x.array, np.generic) else x.array
        return number_text(float(array)), _ATOM, 0

    def _form(self, step: Step) -> tuple[str, int]:
        form, binding = _FORMS[step.op.name]
        operands = step.operands
        if step.op.name == "power" and isinstance(operands[1], Const) and operands[1].array == 2:
            return _FORMS["square"]
        if step.op.name == "power" and isinstance(operands[1], Const) and operands[1].array == 1:
            return _FORMS["positive"]
        if step.op.name == "maximum" and _is_plain_number(operands[1]):
            return "{1} if {0} < {1} else {0}", 0
        if step.op.name == "minimum" and _is_plain_number(operands[1]):
            return "{1} if {0} > {1} else {0}", 0
        if step.op.name == "multiply":  # a bool times a float takes four times as long
            for i, x in enumerate(operands):
                if isinstance(x, Step) and x.dtype.kind == "b" and operands[1 - i] is not x:
                    g = f"{{{1 - i}}}"
                    return f"{g} if {{{i}}} else {g} * 0.0", 0
        found = _CALLED.match(form)
        if found is not None:
            form = form.replace(found[1], self.library.from_math(found[1], self.names.taken), 1)
        return form, binding


def _is_plain_number(x: Any) -> bool:
    return isinstance(x, Const) and bool(x.array == x.array)
