"""Python floats that a transform was given, and what Python makes of them, promote no array.

`grad(f)(2.0)` computes with a NumPy scalar in place of the 2.0, for that is fast and answers as an
array does. But NumPy lets a float64 scalar turn a float32 array into a float64 one, where the
number 2.0 would not (NEP 50). So where the two meet, the number takes the scalar's place.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_lite.modes import MODES, Weak
from autograd_lite.sweep import Node, Primal
from autograd_lite.table import Plan, Primitive

__all__ = [
    "CASTING",
    "LIFT",
    "NUMBERS",
    "ONE",
    "Fixed",
    "Float",
    "Whole",
    "are_fixed",
    "bare",
    "fixed",
    "gives_floats",
    "gradient_like",
    "is_fixed",
    "is_weak",
    "like",
    "may_be_weak",
    "number_of",
    "numbered",
    "result_of",
    "scalar_for",
    "standing",
    "stands",
    "unpromoted",
]

#: The type of the scalars that stand for Python floats.
NUMBER = np.float64
ONE = NUMBER(1.0)

#: Functions that give a Python float of Python floats, and of one and whole numbers.
_OF_FLOATS = frozenset(
    {operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
     operator.pow, operator.neg, operator.pos, operator.abs, divmod, np.real, np.imag}
)  # fmt: skip

#: Functions that give True or False of them, and of such.
_OF_TRUTHS = frozenset(
    {operator.gt, operator.ge, operator.lt, operator.le, operator.eq, operator.ne,
     np.bitwise_and, np.bitwise_or, np.bitwise_xor}
)  # fmt: skip

#: Functions that give the same of an array and a number as of an array and that number cast.
CASTING = frozenset(
    {operator.add, operator.sub, operator.mul, operator.truediv, np.maximum, np.minimum}
)

#: Rows of the engine's own that do so, by name.
_OWN = frozenset({"lift", "pick", "rounded", "stop_gradient"})


def _lifting(g: Any, y: Any, x: Any) -> Any:
    """The cotangent of the tensor underneath: that of the one above."""
    return g


#: Ties a tensor to the one it is a copy of: a lifted primal to an outer one.
LIFT = Plan(Primitive(_lifting, (_lifting,), kind="linear", name="lift"), (True,))


class Float(Primal):
    """The leaf that a transform makes of a Python float."""

    __slots__ = ()


class Fixed(np.float64):
    """A scalar that stands for a Python float, and that no gradient passes: it has no node."""

    __slots__ = ()


class Whole(np.int64):
    """A scalar that stands for a Python int, such as one less the truth of a comparison."""

    __slots__ = ()


#: The arrays that stand for Python's True and False, as comparisons of its floats give them.
TRUE, FALSE = np.array(True), np.array(False)
for _truth in (TRUE, FALSE):
    _truth.flags.writeable = False

#: The types of scalars that may stand for Python's numbers.
NUMBERS = frozenset({NUMBER, Fixed, Whole, Weak})


def unpromoted(op: Primitive, values: Sequence[Any], parents: Sequence[Any]) -> list[Any] | None:
    """The inputs of an operation with Python floats for the scalars that stand for such.

    None where that changes nothing: no such scalar meets a narrower float. A user's function is
    given arrays, always, and its rule returns cotangents of their dtypes.
    """
    for v in values:
        if isinstance(v, (np.ndarray, np.generic)) and v.dtype.char in "ef" and not op.strict:
            break
    else:  # a third of what any(…) costs
        return None
    found = [_stands(v, p) or type(v) is Whole for v, p in zip(values, parents, strict=True)]
    if True not in found:
        return None
    pairs = list(zip(values, found, strict=True))
    scalar = scalar_for(op, [getattr(v, "dtype", None) for v, number in pairs if not number])
    return [(v.item() if scalar is float else scalar(v)) if number else v for v, number in pairs]


def scalar_for(op: Primitive, dtypes: Sequence[Any]) -> Any:
    """The type in which a row's function is given a Python float beside arrays of these dtypes.

    Its own type, but for the engine's own functions that ask for shapes: the narrower one then.
    """
    if op.kind == "elementwise" or not op.path.startswith("ag."):
        return float
    return np.result_type(*[d for d in dtypes if d is not None and d.kind == "f"]).type


def bare(op: Primitive, x: Weak) -> Any:
    """What a row's function is given of a traced float: that, or a scalar if it asks for shapes."""
    return float(x) if op.kind == "elementwise" or gives_floats(op) else NUMBER(x)


def stands(y: Any) -> bool:
    """Whether a tensor stands for a Python float."""
    return _stands(y._value, y._node)


def standing(x: Any) -> Any:
    """A scalar as the float that it stands for, a tensor such that it stands for one."""
    if not hasattr(x, "_node"):
        return float(x)
    x._node.note(float=True)
    return x


def is_weak(op: Primitive, y: Any) -> bool:
    """Whether the result of NumPy's function of Python's numbers is still taken for one.

    The function would give a NumPy scalar, which promotes, where the operator that shares its row
    gives a number: `np.add(a, 2.0)` and `a + 2.0`.
    """
    return may_be_weak(op) and (is_fixed(y._value) or stands(y))


def may_be_weak(op: Primitive) -> bool:
    """Whether a row gives one of Python's numbers where it is given such."""
    return op.fn in _OF_FLOATS or op.fn in _OF_TRUTHS


def fixed(like: Any, value: Any) -> Any:
    """A constant, such that it stands for a Python float where the tensor `like` does."""
    return Fixed(value) if stands(like) else value


def like(y: Any, g: Any) -> Any:
    """A gradient or tangent g, as a float where the number or tensor y is one or stands for one.

    A tensor as a tensor that stands for one, or does not, as y; an array without axes as a scalar.
    """
    is_float = stands(y) if hasattr(y, "_node") else type(y) is float
    if not hasattr(g, "_node"):
        return float(g) if is_float else g[()]
    if stands(g) is is_float:
        return g
    trace = MODES.get().trace
    if trace is not None:
        return trace.as_float(g) if is_float else g.astype(g.dtype)
    made, node = g.detach(), g._node
    made._value = (Fixed if is_float and node is None else NUMBER)(g._value)
    if node is not None:  # a node of its own: g may have other uses
        made._node = Node(LIFT, (node,), (None, None), {}, (), node.dtype, {"float": is_float})
    return made


def gradient_like(x: Any, g: Any) -> Any:
    """A gradient, a tensor, as a number or not, like the tensor x; for programs, as an array."""
    g = like(x, g)
    modes = MODES.get()
    if modes.trace is not None and not modes.depth and not stands(g):
        modes.trace.arrays.append(g)
    return g


def number_of(y: Any) -> Any:
    """The value of a 0-d tensor: Python's number where it stands for one, else a NumPy scalar."""
    return y._value.item() if _is_constant(y) else y.data[()]


def result_of(op: Primitive, inputs: Sequence[Any], y: Any) -> Any:
    """What an operation on constants gave, such that it stands for a number if it were one."""
    if type(y) is np.ndarray:
        if (op.fn is np.real or op.fn is np.imag) and is_fixed(getattr(inputs[0], "_value", None)):
            return numbered(op, inputs)  # of True it is 1
        return y[()] if (y is TRUE or y is FALSE) and not gives_floats(op) else y
    truth = op.fn in _OF_TRUTHS
    if not (isinstance(y, np.generic) and (truth or gives_floats(op))):
        return y
    for x in inputs:
        if not _is_constant(x):
            return y
    if truth:
        return (TRUE if y else FALSE) if type(y) is np.bool_ else y
    if isinstance(y, NUMBER):
        return Fixed(y)
    if type(y) is Whole:  # np.real gives what it was given
        return y
    return numbered(op, inputs) if op.n_outputs is None else Whole(y)


def numbered(op: Primitive, inputs: Sequence[Any]) -> Any:
    """What Python makes of its numbers, as what stands for it: True + True is 2, 2**-1 is 0.5."""
    y = op.fn(*[x._value.item() if hasattr(x, "_node") else x for x in inputs])
    return Fixed(y) if isinstance(y, float) else Whole(y)


def _is_constant(x: Any) -> bool:
    """Whether an operand is a number of Python's, or a tensor that stands for one."""
    if hasattr(x, "_node"):
        return type(x._node) is Float or is_fixed(x._value) or stands(x)
    return type(x) is float or _is_plain(x)


def are_fixed(op: Primitive, inputs: Sequence[Any]) -> bool:
    """Whether an operation is one of Python's numbers, though NumPy refuses it: True - False."""
    known = [is_fixed(x._value) if hasattr(x, "_node") else _is_plain(x) for x in inputs]
    return gives_floats(op) and all(known)


def is_fixed(value: Any) -> bool:
    """Whether a constant tensor's value stands for a number of Python's: a float, int or bool."""
    return value is TRUE or value is FALSE or type(value) is Fixed or type(value) is Whole


def _stands(value: Any, node: Any) -> bool:
    """Whether the value of a node, or of a constant, stands for a Python float."""
    kind = type(value)
    if kind is NUMBER:
        return type(node) is Float or (node is not None and _is_float(node))
    return kind is Fixed or kind is Weak


def _is_plain(x: Any) -> bool:
    """Whether an operand is a number of Python's, or was one."""
    return type(x) is Fixed or (isinstance(x, (float, int)) and not isinstance(x, np.generic))


def gives_floats(op: Primitive) -> bool:
    """Whether a row gives a Python float of Python floats."""
    return op.fn in _OF_FLOATS or (op.name in _OWN and not op.strict)


def _is_float(node: Node) -> bool:
    """Whether a value would be a Python float, were the function called with the floats given."""
    found = True
    met = {node}
    stack = [node]
    while stack and found:
        inner = stack.pop()
        if inner.info is not None and "float" in inner.info:
            found = inner.info["float"]
            continue
        if inner.plan is None:
            found = type(inner) is Float
            continue
        found = gives_floats(inner.plan.op)
        for p in inner.inputs:
            if not isinstance(p, Node):
                found = found and (type(p) is float or _is_plain(p))
            elif p not in met:
                met.add(p)
                stack.append(p)
    if node.plan is not None:
        node.note(float=found)  # or a long row of numbers would be walked again and again
    return found
