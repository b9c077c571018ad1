"""A graph as the source of a NumPy function: one line a step, with its name and its shape."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_lite.compiler.buffers import Plan
from autograd_lite.compiler.expressions import Call, call_of, value_text
from autograd_lite.compiler.ir import Const, Draw, Graph, Input, Pick, Step, Value, sources
from autograd_lite.compiler.library import Library, number_text
from autograd_lite.compiler.naming import Names
from autograd_lite.promotion import gives_floats, scalar_for
from autograd_lite.table import TABLE

__all__ = ["Line", "Writer", "dtype_text", "laid_out", "summary", "writable"]


class Line(NamedTuple):
    """A statement of a program, with what it ignores of floating-point errors; None: no matter."""

    text: str
    comment: str = ""
    silent: tuple[str, ...] | None = None


class Writer:
    """Writes the steps of a graph, given the variables of its inputs."""

    def __init__(
        self, graph: Graph, library: Library, names: Names, plan: Plan | None = None
    ) -> None:
        self.graph = graph
        self.plan = plan or Plan()
        self.slots: dict[Any, str] = {}  # the variable of every planned array
        self._inline: dict[Value, str] = {}
        self.library = library
        self.names = names
        self.lines: list[Line] = []
        self._casts: dict[tuple[Value, str], str] = {}
        self.inlined = _inlined(graph)

    # --- statements

    def write(self, value: Value) -> None:
        """Add the lines of one step."""
        name = self.names.of[value]
        if isinstance(value, Draw):
            self.lines.append(Line(f"{name} = {self._draw(value)}", shape_text(value)))
        elif isinstance(value, Pick):
            text = f"{name} = {self.names.of[value.source]}[{value.index}]"
            self.lines.append(Line(text, shape_text(value)))
        else:
            assert isinstance(value, Step)
            if value in self.inlined:
                self._inline[value] = self.right_side(value)
                return
            silent = value.silent if _may_warn(value) else None
            text = self.right_side(value, self._out(value))
            comment = f"{shape_text(value)} {value.note}".rstrip()
            self.lines.append(Line(f"{name} = {text}", comment, silent))

    def _out(self, step: Step) -> str:
        """The variable of the array that a step writes into; "" for one of its own."""
        over = self.plan.over.get(step)
        if over is not None:
            return self.names.of[over]
        slot = self.plan.of.get(step)
        if slot is None:
            return ""
        if slot not in self.slots:
            self.slots[slot] = self.names.free(f"out{len(self.slots) + 1}")
        return self.slots[slot]

    def right_side(self, step: Step, out: str = "") -> str:
        """The expression of a step; `out` names the array that it is written into."""
        call = call_of(step, self.library)
        operands = [self.operand(x, step, call) for x in call.operands]
        if "{}" in call.head:
            return self._called(call.head).format(*operands)
        words = [w if isinstance(w, str) else w[0] + self.operand(w[1], step, call)
                 for w in call.keywords]  # fmt: skip
        if out and call.takes_out:
            words.append(f"out={out}")
        return f"{self._called(call.head)}({', '.join([*operands, *words])})"

    def _called(self, head: str) -> str:
        """A form with NumPy's functions as they are called here."""
        return re.sub(r"\bnp(\.\w+)+", lambda m: self.library.called(m[0], self.names.taken), head)

    def operand(self, x: Any, step: Step, call: Call) -> str:
        """An operand as source: a variable, a number or a constant's name."""
        if isinstance(x, str):
            return x
        if isinstance(x, Const):
            if not x.is_number:
                if x.array is None or isinstance(x.array, str):
                    return repr(x.array)
                return self.library.constant(x.array)
            dtype = self._hoisted(step)
            if dtype is not None and not isinstance(x.array, bool):
                with np.errstate(all="ignore"):
                    array = np.array(x.array, dtype)
                if np.isfinite(array):
                    return self.library.constant(array)
            if step.op.kind == "elementwise":
                return number_text(x.array)
            text = number_text(x.array) if type(x.array) is float else repr(x.array)
            return _as_given(step, text) if type(x.array) is float else text
        name = self._inline.get(x) or self.names.of[x]
        if not x.weak or step.weak:
            return name
        if step.op.kind != "elementwise":
            if x.dtype.kind != "f":
                return f"np.{x.dtype.type.__name__}({name})"
            return name if step.op.name == "float" else _as_given(step, name)
        dtype = self._hoisted(step)
        return name if dtype is None else self._cast(x, dtype)

    def _hoisted(self, step: Step) -> Any:
        """The dtype that NumPy turns a step's Python numbers into; None where that is unsure."""
        op = step.op.key
        if not isinstance(op, np.ufunc) or op is np.ldexp or step.weak or not step.shape:
            return None  # the exponent that np.ldexp takes stays an integer
        dtypes = {
            x.dtype if isinstance(x, Value) else np.asarray(x.array).dtype
            for x in step.operands
            if not (x.weak if isinstance(x, Value) else x.is_number)
        }
        dtype = dtypes.pop() if len(dtypes) == 1 else None
        floating = dtype is not None and dtype.kind == "f" and dtype.char != "g"
        return dtype if floating and step.dtype in (dtype, bool) else None  # not np.float_power

    def _cast(self, x: Value, dtype: Any) -> str:
        """The variable of a Python float as a 0-d array: 0.6 µs an operation, against 1.5."""
        key = (x, dtype.name)
        if key not in self._casts:
            name = self._casts[key] = self.names.free(f"{self.names.of[x]}_0d")
            text = f"{name} = np.array({self.names.of[x]}, {dtype_text(dtype)})"
            start = f"{self.names.of[x]} ="  # the last: other values may have had the name before
            places = [i for i, line in enumerate(self.lines) if line.text.startswith(start)]
            self.lines.insert(places[-1] + 1 if places else 0, Line(text, "()"))
        return self._casts[key]

    def _draw(self, draw: Draw) -> str:
        rng = (
            self.names.of[draw.rng]
            if isinstance(draw.rng, Input)
            else self.library.given_function(draw.rng, "rng")
        )
        sampler = self.library.function(draw.sampler, draw.sampler.__name__)
        words = [f"{k}={value_text(v, self.library)}" for k, v in draw.params.items()]
        return f"{sampler}({', '.join([rng, str(draw.shape), *words])})"


def writable(step: Step) -> tuple[bool, bool]:
    """Whether a step can write into a given array, and whether over an operand."""
    if step.op.n_outputs is not None:
        return False, False
    call = call_of(step, Library())
    takes = call.takes_out and step.op.n_outputs is None
    return takes, takes and call.in_place


def _inlined(graph: Graph) -> set[Value]:
    """Transposes that products and copies read: they are written in place, as in X.T."""
    readers: dict[Value, set[str]] = {}
    for step in graph.steps:
        for x in step.operands if isinstance(step, Step) else sources(step):
            if isinstance(x, Step) and x.op is TABLE[np.transpose]:
                name = step.op.name if isinstance(step, Step) else ""
                readers.setdefault(x, set()).add(name)
    return {
        x
        for x, names in readers.items()
        if names <= {"dot", "matmul", "in_order"}
        and x not in graph.outputs
        and len(x.shape) == 2
        and not isinstance(x.operands[0], Const)  # type: ignore[attr-defined]
    }


def _may_warn(step: Step) -> bool:
    """Whether a step may meet a floating-point error: not where it only moves numbers."""
    return step.op.name not in _QUIET


_QUIET = frozenset(
    {"reshape", "ravel", "squeeze", "expand_dims", "broadcast_to", "transpose", "swapaxes",
     "getitem", "copy", "concatenate", "stack", "maximum", "minimum", "greater", "less", "equal",
     "not_equal", "greater_equal", "less_equal", "float"}
)  # fmt: skip


def shape_text(value: Value) -> str:
    """A shape as a comment."""
    if isinstance(value.dtype, tuple):
        return ", ".join(map(str, value.shape))
    return str(tuple(int(n) for n in value.shape))


def dtype_text(dtype: Any) -> str:
    """A dtype as source."""
    return f"np.{'bool' if dtype.kind == 'b' else dtype.name}"


def laid_out(lines: Sequence[Line], before: str = "") -> list[str]:
    """The lines with their comments in a column, and with what they ignore around them.

    `before` is the variable of how errors were handled before: given it, NumPy's ContextVar is set
    to ignore them all, which takes 0.1 µs; `np.errstate`, which does the same, 0.9 and more.
    """
    groups: list[tuple[tuple[str, ...], list[Line]]] = []
    for line in lines:
        silent = line.silent
        if silent is None:
            silent = groups[-1][0] if groups else ()
        if not groups or groups[-1][0] != silent:
            groups.append((silent, []))
        groups[-1][1].append(line)
    width = max(
        (len(l.text) + (4 if s else 0) for s, ls in groups for l in ls if l.comment), default=0
    )
    width = min(width, 64)
    texts = []
    for silent, members in groups:
        indent = ""
        if silent:
            indent = "    "
        if len(silent) >= 3 and before:
            texts += [f"{before} = ERRORS.get()", "try:"]
            texts += ["    ERRORS.set(IGNORED)  # as np.errstate does"]
        elif silent:
            words = "all=\"ignore\"" if len(silent) >= 3 else ", ".join(
                f'{name}="ignore"' for name in silent
            )  # fmt: skip
            texts.append(f"with np.errstate({words}):")
        for line in members:
            text = indent + line.text
            texts.append(f"{text:<{width}}  # {line.comment}" if line.comment else text)
        if len(silent) >= 3 and before:
            texts += ["finally:", f"    ERRORS.set({before})"]
    return texts


def summary(graph: Graph) -> str:
    """What the program does, in numbers."""
    steps: list[Any] = []
    for s in graph.steps:
        steps += s.params["chain"] if isinstance(s, Step) and "chain" in s.params else [s]
    kinds = Counter(_kind(s) for s in steps if isinstance(s, Step))
    parts = []
    for kind, one, many in (
        ("product", "matrix product", "matrix products"),
        ("elementwise", "elementwise pass", "elementwise passes"),
        ("reduction", "reduction", "reductions"),
    ):
        if kinds[kind]:
            parts.append(f"{kinds[kind]} {one if kinds[kind] == 1 else many}")
    return ", ".join(parts) or "nothing to compute"


PRODUCTS = frozenset({"matmul", "dot", "inner", "vecdot", "matvec", "vecmat", "tensordot"})


def _are_ones(x: Any) -> bool:
    """Whether an operand sums the other one."""
    return isinstance(x, Const) and bool(np.all(x.array == 1))


def _kind(step: Step) -> str:
    if step.op.name in PRODUCTS:
        matrices = all(len(x.shape) > 1 and not _are_ones(x) for x in step.operands)
        return "product" if matrices else "reduction"
    if step.op.kind == "elementwise":
        return "elementwise"
    return (
        "reduction"
        if "axis" in step.params and step.op.name in ("sum", "max", "min", "prod")
        else ""
    )


def _as_given(step: Step, text: str) -> str:
    """A Python float for a function of arrays, as a scalar where that would widen no other."""
    dtypes = [
        x.dtype if isinstance(x, Value) else getattr(x.array, "dtype", None)
        for x in step.operands
        if not (isinstance(x, Value) and x.weak)
    ]
    narrow = not step.op.strict and any(d is not None and d.char in "ef" for d in dtypes)
    scalar = scalar_for(step.op, dtypes) if narrow else np.float64
    return text if gives_floats(step.op) or scalar is float else f"np.{scalar.__name__}({text})"
