"""How each row of the table is written in a program: as a call of NumPy's, mostly."""

from __future__ import annotations

import operator
from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autograd_lite.compiler.blocks import BLOCK, block_function
from autograd_lite.compiler.ir import Const, Step, Value
from autograd_lite.compiler.library import Library, array_text, number_text
from autograd_lite.rules.arguments import masked
from autograd_lite.rules.indexing import GETITEM, MASKED_GETITEM, SCATTER, SLOT
from autograd_lite.table import TABLE

__all__ = ["SIGNS", "Call", "call_of"]


class Call(NamedTuple):
    """The right-hand side of a step; operands are Values, Consts or finished text."""

    head: str  # a function's name, or a form with {} in it for each operand
    operands: tuple[Any, ...]
    keywords: tuple[str, ...] = ()
    takes_out: bool = False  # whether the result can be written into a given array
    in_place: bool = False  # whether that array may be an operand of the same layout


#: Python's operators, by what the table calls their functions.
SIGNS = {
    operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/",
    operator.pow: "**", operator.floordiv: "//", operator.mod: "%", operator.gt: ">",
    operator.ge: ">=", operator.lt: "<", operator.le: "<=", operator.eq: "==", operator.ne: "!=",
    np.bitwise_and: "&", np.bitwise_or: "|", np.bitwise_xor: "^",
}  # fmt: skip

#: Operators of Python's that raise where NumPy has inf or nan.
_RAISING = {
    operator.truediv: "np.divide", operator.pow: "np.power", operator.floordiv: "np.floor_divide",
    operator.mod: "np.remainder",
}  # fmt: skip

#: Operators of a Python float that give one, where NumPy's functions give a NumPy scalar.
_OF_ONE_FLOAT = {operator.neg: "-{}", operator.pos: "+{}", operator.abs: "abs({})"}

_MASKED = masked(np.sum).__code__
_REDUCTIONS = {
    np.sum: "np.add.reduce", np.add.reduce: "np.add.reduce", np.prod: "np.multiply.reduce",
    np.multiply.reduce: "np.multiply.reduce", np.max: "np.maximum.reduce",
    np.amax: "np.maximum.reduce", np.maximum.reduce: "np.maximum.reduce",
    np.min: "np.minimum.reduce", np.amin: "np.minimum.reduce",
    np.minimum.reduce: "np.minimum.reduce",
}  # fmt: skip


def call_of(step: Step, library: Library) -> Call:
    """How a step is computed."""
    op = step.op
    if op.fn in SIGNS and (step.weak or _are_numbers(step)):
        if step.weak and op.fn in _RAISING and step.dtype.kind == "f" and not _is_safe(step):
            # NumPy has no negative powers of whole numbers
            first = "float({})" if op.fn is operator.pow and _are_whole(step) else "{}"
            return Call(f"float({_RAISING[op.fn]}({first}, {{}}))", step.operands)
        return Call(f"{{}} {SIGNS[op.fn]} {{}}", step.operands)
    if step.weak and op.fn in _OF_ONE_FLOAT:
        return Call(_OF_ONE_FLOAT[op.fn], step.operands)
    if op is BLOCK:
        return Call(block_function(step, library), step.operands)
    special = _SPECIAL.get(op)
    if special is not None:
        return special(step, library)  # type: ignore[no-any-return]
    if op.key in _REDUCTIONS:
        return _reduction(step, library)
    if isinstance(op.key, np.ufunc) and (op.fn is op.key or op.fn.__module__ == "_operator"):
        plain = not step.params and op.kind == "elementwise"
        return Call(op.path, step.operands, _keywords(step, library), plain, plain)
    if op.strict:
        return Call(library.given_function(op.fn, op.name), step.operands, _keywords(step, library))
    if getattr(op.fn, "__code__", None) is _MASKED:
        operands, mask = step.operands[:1], step.operands[1:]
        return Call(op.path, operands, (*_keywords(step, library), *_where(mask, library)))
    if _resolved(op.path) is op.fn:
        return Call(op.path, step.operands, _keywords(step, library))
    return Call(library.function(op.fn, op.name), step.operands, _keywords(step, library))


def _are_whole(step: Step) -> bool:
    """Whether a step reads ints and bools alone."""
    dtypes = [x.dtype if isinstance(x, Value) else np.asarray(x.array).dtype for x in step.operands]
    return all(dtype.kind != "f" for dtype in dtypes)


def _is_safe(step: Step) -> bool:
    """Whether Python floats are divided by a number that is not 0, or a rate of decay is raised."""
    a, b = step.operands
    if step.op.fn is operator.pow:
        return isinstance(a, Const) and 0 < a.array <= 1
    return isinstance(b, Const) and bool(b.array)


def _are_numbers(step: Step) -> bool:
    """Whether a step is arithmetic on NumPy's scalars, which operators do ten times as fast."""
    inexact = step.shape == () and step.dtype.kind == "f"
    return inexact and any(isinstance(x, Value) and not x.weak for x in step.operands)


def _resolved(path: str) -> Any:
    """What np.linalg.inv is, given that name; None where NumPy has no such thing."""
    found: Any = np
    for part in path.split(".")[1:]:
        found = getattr(found, part, None)
    return found


def _keywords(step: Step, library: Library) -> tuple[str, ...]:
    return tuple(
        f"{name}={value_text(value, library)}"
        for name, value in step.params.items()
        if value is not np._NoValue
    )


def value_text(value: Any, library: Library) -> str:
    """A parameter as source."""
    if isinstance(value, np.dtype):
        known = value.isnative and hasattr(np, value.name)
        return f"np.{value.name}" if known else f"np.dtype({value.str!r})"
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        return array_text(value) if value.size <= 8 else library.constant(value)
    if value is SLOT:
        return library._refer("SLOT", SLOT)
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, type):
        return f"np.{np.dtype(value).name}" if issubclass(value, np.generic) else value.__name__
    if type(value) in (tuple, list):
        inner = ", ".join(value_text(v, library) for v in value)
        if type(value) is list:
            return f"[{inner}]"
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if callable(value):
        return library.given_function(value, getattr(value, "__name__", "function"))
    return repr(value)


def _where(mask: tuple[Any, ...], library: Library) -> tuple[Any, ...]:
    if not mask:
        return ()
    if isinstance(mask[0], Const):
        return (f"where={value_text(mask[0].array, library)}",)
    return (("where=", mask[0]),)


def _reduction(step: Step, library: Library) -> Call:
    """np.add.reduce and its like, without the wrappers: np.sum costs 2 µs more."""
    params = step.params
    axis = params.get("axis")
    axis = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
    words = [f"axis={value_text(axis, library)}"]
    words += ["keepdims=True"] if params.get("keepdims") else []
    for name in ("dtype", "initial"):
        value = params.get(name, np._NoValue)
        if name == "initial" and value in (np.inf, -np.inf) and _no_empty_slice(step):
            continue  # it is there for empty slices alone
        if value is not np._NoValue and not (name == "dtype" and value is None):
            words.append(f"{name}={value_text(value, library)}")
    x = step.operands[0]
    if words == ["axis=-1"] and len(x.shape) == 1:
        words = ["axis=0"]
    operands, mask = step.operands[:1], step.operands[1:]
    words += _where(mask, library)
    head = _REDUCTIONS[step.op.key]
    return Call(head, operands, tuple(words), takes_out=len(step.shape) > 0 and not mask)


def _no_empty_slice(step: Step) -> bool:
    """Whether a maximum or minimum is over at least one element each."""
    return 0 not in step.operands[0].shape and step.op.name in ("max", "min")


# --- what is written as a method, an index or a product


def _axes(step: Step, library: Library) -> Call:
    axes = step.params["axes"]
    reverse = axes is None or tuple(a % len(step.shape) for a in axes) == tuple(
        reversed(range(len(step.shape)))
    )
    return Call("{}.T" if reverse else f"{{}}.transpose({tuple(axes)})", step.operands)


def _reshape(step: Step, library: Library) -> Call:
    order = step.params.get("order", "C")
    more = "" if order == "C" else f", order={order!r}"
    return Call(f"{{}}.reshape({_shape_text(step.shape)}{more})", step.operands)


def _shape_text(shape: tuple[int, ...]) -> str:
    return str(shape[0]) if len(shape) == 1 else str(tuple(int(n) for n in shape))


def _broadcast(step: Step, library: Library) -> Call:
    return Call("np.broadcast_to", step.operands, (str(tuple(step.shape)),))


def _getitem(step: Step, library: Library) -> Call:
    arrays = step.operands[1:]
    index = step.params["index"]
    if len(index) == 1 and len(arrays) == 1 and getattr(arrays[0], "dtype", None) == np.intp:
        return Call("{}.take({}, axis=0)", step.operands)
    parts = ", ".join("{}" if part is SLOT else _index_text(part) for part in index)
    return Call(f"{{}}[{parts or '()'}]", step.operands)


def _index_text(part: Any) -> str:
    if isinstance(part, slice):
        bounds = ["" if b is None else str(b) for b in (part.start, part.stop)]
        return ":".join(bounds) + ("" if part.step is None else f":{part.step}")
    return "..." if part is Ellipsis else repr(part)


def _sequence(step: Step, library: Library) -> Call:
    inner = ", ".join("{}" for _ in step.operands)
    axis = value_text(step.params["axis"], library)
    return Call(f"{step.op.path}([{inner}], axis={axis})", step.operands)


def _choose(step: Step, library: Library) -> Call:
    inner = ", ".join("{}" for _ in step.operands[1:])
    return Call(f"np.choose({{}}, [{inner}])", step.operands)


def _multi_dot(step: Step, library: Library) -> Call:
    return Call(f"np.linalg.multi_dot([{', '.join('{}' for _ in step.operands)}])", step.operands)


def _einsum(step: Step, library: Library) -> Call:
    words = [f"optimize={value_text(step.params['optimize'], library)}"]
    words = words if step.params["optimize"] is not False else []
    inner = ", ".join([repr(step.params["subscripts"]), *["{}" for _ in step.operands], *words])
    return Call(f"np.einsum({_escaped(inner)})", step.operands)


def _escaped(text: str) -> str:
    return text


def _product(step: Step, library: Library) -> Call:
    """np.dot for two matrices: 23 against 60 µs where one has a single row.

    Not where one is a single number, of which np.dot makes 0 · inf = 0.
    """
    plain = step.op.key is np.dot or all(prod(x.shape) != 1 for x in step.operands)
    plain = plain and all(0 < len(x.shape) <= 2 for x in step.operands)
    into = plain and len(step.shape) > 0 and step.dtype.kind == "f"
    return Call("np.dot" if plain else step.op.path, step.operands, (), takes_out=into)


def _astype(step: Step, library: Library) -> Call:
    return Call(
        f"{{}}.astype({value_text(np.dtype(step.params['dtype']), library)})", step.operands
    )


def _method(form: str, *names: str) -> Callable[[Step, Library], Call]:
    def write(step: Step, library: Library) -> Call:
        words = ", ".join(value_text(step.params[n], library) for n in names)
        return Call(f"{{}}.{form}({words})", step.operands)

    return write


def _in_order(step: Step, library: Library) -> Call:
    return Call("np.positive", step.operands, (), takes_out=True)


def _largest_of_columns(step: Step, library: Library) -> Call:
    return Call("np.maximum.reduce({}, axis=0)[:, None]", step.operands)


def _float(step: Step, library: Library) -> Call:
    return Call("float", step.operands)


def _clip(step: Step, library: Library) -> Call:
    return Call("np.clip", step.operands)


def _where_call(step: Step, library: Library) -> Call:
    return Call("np.where", step.operands)


def _special() -> dict[Any, Any]:
    from autograd_lite.compiler.algebra import IN_ORDER, LARGEST_OF_COLUMNS
    from autograd_lite.compiler.trace import FLOAT
    from autograd_lite.rules.copies import ASTYPE

    one, two, many = [op for op in dict.fromkeys(TABLE.values()) if op.path == "np.einsum"]
    table: dict[Any, Any] = {
        np.transpose: _axes, np.reshape: _reshape, np.ravel: _reshape, np.squeeze: _reshape,
        np.expand_dims: _reshape, np.broadcast_to: _broadcast, np.concatenate: _sequence,
        np.stack: _sequence, np.choose: _choose, np.linalg.multi_dot: _multi_dot,
        np.matmul: _product, np.dot: _product, np.copy: _method("copy"),
        np.swapaxes: _method("swapaxes", "axis1", "axis2"),
        np.diagonal: _method("diagonal", "offset", "axis1", "axis2"),
        np.trace: _method("trace", "offset", "axis1", "axis2"),
        np.repeat: _method("repeat", "repeats", "axis"), np.clip: _clip,
        np.where: _where_call,
    }  # fmt: skip
    found: dict[Any, Any] = {TABLE[key]: write for key, write in table.items()}
    found |= {one: _einsum, two: _einsum, many: _einsum, ASTYPE: _astype, FLOAT: _float}
    found |= {IN_ORDER: _in_order, LARGEST_OF_COLUMNS: _largest_of_columns}
    return found | {GETITEM: _getitem, MASKED_GETITEM: _getitem}


class _Lazy(dict[Any, Any]):
    """The table of special forms, filled at its first use: the rules are all there then."""

    def get(self, key: Any, default: Any = None) -> Any:
        if not self:
            self.update(_special())
        return super().get(key, default)


_SPECIAL = _Lazy()
__all__ += ["SCATTER", "Value"]
