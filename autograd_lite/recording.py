"""Recording: how an operation on Tensors becomes a value and a node.

Operators and methods call `bind` directly; `np.tanh(tensor)` arrives there through NumPy's two
protocols, which look the function up in the table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_lite.debugging import annotate, check_value
from autograd_lite.floats import CASTS
from autograd_lite.graph import Tensor, like_result, new_tensor, pick, picked
from autograd_lite.messages import as_array, explain, label, refuse_dtype, refuse_surplus
from autograd_lite.modes import MODES, Weak
from autograd_lite.promotion import (
    CASTING,
    NUMBERS,
    are_fixed,
    bare,
    is_fixed,
    numbered,
    result_of,
    unpromoted,
)
from autograd_lite.sweep import Node, Recorded, Stub, next_order, stub
from autograd_lite.table import Plan, Primitive, plan_for

__all__ = ["bind", "evaluated", "node_of", "of_one", "of_two", "record"]

_NO_PARAMS: dict[str, Any] = {}


def bind(op: Primitive, inputs: Sequence[Any], params: dict[str, Any] = _NO_PARAMS) -> Any:
    """The result of `op` on Tensors and arrays, recorded where an input requires grad.

    A Tensor, or for a row with several results a tuple of them. Raises what the row's function
    raises, with the operation and its inputs' names and shapes in the message.
    """
    if len(inputs) == 1 and op.n_outputs is None and isinstance(inputs[0], Tensor):
        return (op.of_one or of_one(op))(inputs[0], params)
    if len(inputs) == 2 and op.n_outputs is None:
        return (op.of_two or of_two(op))(*inputs, params)
    return _bind_any(op, inputs, params, False)


def _bind_any(op: Primitive, inputs: Sequence[Any], params: dict[str, Any], first: bool) -> Any:
    """`bind` of any number of inputs, whatever they are, in any mode."""
    if type(params) is not dict:
        refuse_surplus(op, len(inputs))
    modes = MODES.get()
    if modes.trace is not None:
        result = modes.trace.bind(modes, op, inputs, params)
        return result[0] if first else result
    values, y = evaluated(op, inputs, params)
    if modes.debug:
        check_value(op, [label(x, i) for i, x in enumerate(inputs)], values, y)
    parents = [x._node if isinstance(x, Tensor) else None for x in inputs]
    tracked = tuple([parent is not None for parent in parents])
    if modes.recording and True in tracked:
        result = record(op, inputs, values, parents, tracked, params, y, first and modes.plain)
        if modes.plain:
            return result
        annotate(modes, result, values, y)
    else:
        result = _wrapped(op, y, inputs)
    return result[0] if first else result


def of_one(op: Primitive) -> Callable[..., Any]:
    """`bind` of one Tensor where one array comes out: node and Tensor are made without calls."""
    modes, fn, alike = MODES.get, op.fn, op.alike

    def bind_one(x: Any, params: dict[str, Any] = _NO_PARAMS) -> Any:
        if not modes().plain or (params is not _NO_PARAMS and type(params) is not dict):
            return _bind_any(op, (x,), params, False)
        node, value = x._node, x._value
        try:
            y = fn(value, **params) if params else fn(value)
        except Exception as error:
            if are_fixed(op, (x,)):
                return _bind_any(op, (x,), params, False)
            explain(error, op, (x,))
            raise
        if node is None:
            return _wrapped(op, y, (x,))
        plan: Any = op.one
        if alike and plan is not None and ((dtype := node.dtype) is _FLOAT32 or dtype is _FLOAT64):
            shape = node.shape  # a third of the time that an array takes to say so
        else:
            shape, dtype = y.shape, y.dtype
            if plan is None or dtype.kind != "f":
                return record(op, (x,), [value], [node], (True,), params, y, False)
        made = Recorded()
        made.plan = plan
        made.inputs = (node,)
        made.saved = (
            y if plan.keep_y else None,
            value if plan.keep_a else node if plan.shape_a else None,
        )
        made.params = params
        made.info = None
        made.order = next_order()
        made.shape = shape
        made.dtype = dtype
        result = _allocate(Tensor)
        result._value = y
        result._node = made
        result._name = None
        return result

    op.of_one = op.of_one or bind_one
    return bind_one


def of_two(op: Primitive, otherwise: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """`bind` of two inputs where one array, or the first alone, is wanted; as `of_one`.

    What is neither a Tensor nor an array nor a number it leaves to `otherwise`, and every mode.
    """
    modes, several = MODES.get, op.n_outputs is not None
    fn, casts = op.fn, op.fn in CASTING and not op.params
    loosely = otherwise or (lambda a, b, params: _bind_any(op, (a, b), params, several))

    def bind_two(a: Any, b: Any, params: dict[str, Any] = _NO_PARAMS) -> Any:
        if not modes().plain or (params is not _NO_PARAMS and type(params) is not dict):
            return loosely(a, b, params)
        kind = type(b)
        if (
            kind is not Tensor
            and casts
            and (kind is float or kind is int)
            and b
            and type(a) is Tensor
            and (left := a._node) is not None
            and (shape := left.shape)
            and ((dtype := left.dtype) is _FLOAT32 or dtype is _FLOAT64)
            and (plan := op.first) is not None
        ):  # x * 0.9, of which everything is known
            x, z, right = a._value, b, b
            try:
                y = fn(x, (_CASTS32 if dtype is _FLOAT32 else _CASTS64)[b])
            except Exception as error:
                explain(error, op, (a, b))
                raise
        else:
            if type(a) is Tensor:
                x, left = a._value, a._node
            elif type(a) in _AS_THEY_ARE:
                x, left = a, None
            elif isinstance(a, Tensor):
                x, left = a._value, a._node
            else:
                return loosely(a, b, params)
            if kind is Tensor:
                z, right = b._value, b._node
            elif kind in _AS_THEY_ARE:
                z, right = b, None
            elif isinstance(b, Tensor):
                z, right = b._value, b._node
            else:
                return loosely(a, b, params)
            try:
                if type(x) is type(z):
                    y = fn(x, z, **params) if params else fn(x, z)
                elif casts and type(x) is _array and (type(z) is float or type(z) is int) and z:
                    y = fn(x, CASTS[x.dtype][z])
                elif casts and type(z) is _array and (type(x) is float or type(x) is int) and x:
                    y = fn(CASTS[z.dtype][x], z)
                else:
                    y = fn(x, z, **params) if params else fn(x, z)
                    if (
                        type(z) is not float
                        and type(x) is not float
                        and (type(x) in NUMBERS) is not (type(z) in NUMBERS)
                    ):
                        floats = unpromoted(op, (x, z), (left, right))
                        if floats is not None:
                            y = fn(*floats, **params)
                            x, z = floats if op.kind == "elementwise" else (x, z)
            except Exception as error:
                if are_fixed(op, (a, b)):
                    return _wrapped(op, numbered(op, (a, b)), (a, b))
                explain(error, op, (a, b))
                raise
            if left is None:
                plan = None if right is None else op.second
            else:
                plan = op.first if right is None else op.both
            shape, dtype = _facts(y) if several else (y.shape, y.dtype)
            if plan is None or (
                dtype is not _FLOAT64
                and dtype is not _FLOAT32
                and not several
                and dtype.kind != "f"
            ):
                if left is right is None:
                    return _wrapped(op, y, (a, b))[0] if several else _wrapped(op, y, (a, b))
                tracked = left is not None, right is not None
                return record(op, (a, b), [x, z], [left, right], tracked, params, y, several)
            if left is None:
                left = x if x is a and (type(x) is not _array or plan.keep_a) else _stub(a, x)
            elif right is None:
                right = z if z is b and (type(z) is not _array or plan.keep_b) else _stub(b, z)
        made = Recorded()
        made.plan = plan
        made.inputs = (left, right)
        made.saved = (
            (
                y if plan.keep_y else None,
                x if plan.keep_a else left if plan.shape_a else None,
                z if plan.keep_b else right if plan.shape_b else None,
            )
            if plan.keeps
            else plan.blank
        )
        made.params = params
        made.info = None
        made.order = next_order()
        made.shape = shape
        made.dtype = dtype
        if several:
            return pick(y[0], made, 0)
        result = _allocate(Tensor)
        result._value = y
        result._node = made
        result._name = None
        return result

    op.of_two = op.of_two if otherwise else bind_two
    return bind_two


_AS_THEY_ARE = frozenset({float, int, np.ndarray})
_FLOAT64, _FLOAT32 = np.dtype(np.float64), np.dtype(np.float32)
_CASTS64, _CASTS32 = CASTS[_FLOAT64], CASTS[_FLOAT32]
_array = np.ndarray


def record(
    op: Primitive,
    inputs: Sequence[Any],
    values: list[Any],
    parents: list[Any],
    tracked: tuple[bool, ...],
    params: dict[str, Any],
    y: Any,
    first: bool,
) -> Any:
    """The value y of an operation as a Tensor with a node (without one where no rule applies)."""
    plan = plan_for(op, tracked)
    if not plan.edges:
        return _wrapped(op, y, inputs)[0] if first else _wrapped(op, y, inputs)
    if op.n_outputs is not None:
        node = node_of(plan, inputs, values, parents, params, y)
        return pick(y[0], node, 0) if first else picked(y, node)
    kind = y.dtype.kind
    if kind not in "fiub" or (kind != "f" and op.strict):
        refuse_dtype(op, y.dtype, "result")
    if kind != "f":  # no gradient passes an int or a bool
        return new_tensor(y, None)
    return new_tensor(y, node_of(plan, inputs, values, parents, params, y))


def node_of(
    plan: Plan,
    inputs: Sequence[Any],
    values: Sequence[Any],
    parents: list[Any],
    params: dict[str, Any],
    y: Any,
) -> Node:
    """The node of an operation, with what its rules read of inputs and output, and no more."""
    saved: Any = plan.blank
    if plan.keeps:
        saved = list(saved)
        for i in plan.keep:
            saved[i + 1] = values[i]
        if plan.keep_y:
            saved[0] = y
    for i, parent in enumerate(parents):
        if parent is None:
            value = values[i]
            parents[i] = value if value is inputs[i] and i in plan.keep else _stub(inputs[i], value)
    for i in plan.keep_shape:
        saved[i + 1] = parents[i]
    facts = (y.shape, y.dtype) if plan.op.n_outputs is None else _facts(y)
    return Node(plan, tuple(parents), saved, params, *facts)


def _facts(values: Any) -> tuple[Any, Any]:
    """Shape and dtype of each result of a row that has several."""
    if len(values) == 2:
        a, b = values
        return (a.shape, b.shape), (a.dtype, b.dtype)
    return tuple([v.shape for v in values]), tuple([v.dtype for v in values])


_allocate: Callable[[type[Tensor]], Tensor] = Tensor.__new__


def evaluated(op: Primitive, inputs: Sequence[Any], params: Any) -> tuple[list[Any], Any]:
    """The inputs' plain values, and what the row's function makes of them."""
    values = [x._value if isinstance(x, Tensor) else _constant(op, x) for x in inputs]
    try:
        y = op.fn(*[bare(op, v) if type(v) is Weak else v for v in values], **params)
        kinds = set(map(type, values))
        if not NUMBERS.isdisjoint(kinds):
            nodes = [x._node if isinstance(x, Tensor) else None for x in inputs]
            floats = unpromoted(op, values, nodes)
            if floats is not None:
                # other rules than those of elements ask for shapes, and a trace follows tensors
                kept = floats if op.kind == "elementwise" and Weak not in kinds else values
                return kept, op.fn(*floats, **params)
    except Exception as error:
        if are_fixed(op, inputs):
            return values, numbered(op, inputs)
        explain(error, op, inputs)
        raise
    return values, y


def _wrapped(op: Primitive, y: Any, inputs: Sequence[Any]) -> Any:
    """Values without a node as Tensors."""
    if op.n_outputs is None:
        y = y if isinstance(y, (np.ndarray, np.generic)) else np.asarray(y)
        if y.dtype.kind not in "fiub":
            refuse_dtype(op, y.dtype, "result")
        return new_tensor(result_of(op, inputs, y), None)
    return like_result(y, [new_tensor(result_of(op, inputs, value), None) for value in y])


def _stub(x: Any, value: Any) -> Any:
    if is_fixed(value):
        return value.item()
    named = isinstance(x, Tensor) and type(value) not in (float, int)  # it may stand for a number
    return Stub(value, x) if named else stub(value)


def _constant(op: Primitive, x: Any) -> Any:
    """An input that is no Tensor, as something that NumPy computes with."""
    if type(x) is np.ndarray:
        return x
    if isinstance(x, complex):
        refuse_dtype(op, np.asarray(x).dtype, "input")
    if isinstance(x, (np.generic, bool, int, float)) or x is None:
        return x
    return as_array(op, x)
