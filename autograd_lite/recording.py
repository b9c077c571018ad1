"""Recording: how an operation on Tensors becomes a value and a node.

Operators and methods call `bind` directly; `np.tanh(tensor)` arrives there through NumPy's two
protocols, which look the function up in the table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from autograd_lite.debugging import check_value, fingerprints, user_line
from autograd_lite.graph import Tensor, like_result, new_tensor, pick, picked
from autograd_lite.messages import explain, label, refuse_dtype, refuse_masked
from autograd_lite.modes import MODES, Modes, Weak
from autograd_lite.sweep import PICK, Node, Recorded, Stub, next_order, stub
from autograd_lite.table import (
    TABLE,
    Composed,
    Plan,
    Primitive,
    plan_for,
)

__all__ = ["bind", "bind_one", "bind_two", "evaluated", "install", "node_of", "public", "record"]

_NO_PARAMS: dict[str, Any] = {}


def bind(
    op: Primitive,
    inputs: Sequence[Any],
    params: dict[str, Any] = _NO_PARAMS,
    *,
    first: bool = False,
) -> Any:
    """The result of `op` on Tensors and arrays, recorded where an input requires grad.

    A Tensor. For a row with several results a tuple of them, or the `first` alone. Raises what the
    row's function raises, with the operation and its inputs' names and shapes in the message.
    """
    modes = MODES.get()
    if not modes.plain:
        result = bind_in_modes(modes, op, inputs, params)
        return result[0] if first else result
    values = []
    parents: list[Any] = []
    for x in inputs:
        if isinstance(x, Tensor):
            values.append(x._value)
            parents.append(x._node)
        else:
            values.append(x if type(x) is np.ndarray or type(x) is float else _constant(op, x))
            parents.append(None)
    try:
        y = op.fn(*values, **params) if params else op.fn(*values)
    except Exception as error:
        explain(error, op, inputs)
        raise
    tracked = tuple([parent is not None for parent in parents])
    if True in tracked:
        return record(op, inputs, values, parents, tracked, params, y, first)
    return _wrapped(op, y)[0] if first else _wrapped(op, y)


def bind_one(op: Primitive, x: Any) -> Any:
    """What `bind(op, (x,))` gives for a Tensor, without a loop over the inputs."""
    node = x._node
    if node is None or not (op.simple and MODES.get().plain):
        return bind(op, (x,))
    value = x._value
    try:
        y = op.fn(value)
    except Exception as error:
        explain(error, op, (x,))
        raise
    plan = op.plans.get(_FIRST) or plan_for(op, _FIRST)
    if not plan.edges:
        return _wrapped(op, y)
    if y.dtype.kind != "f":
        return _without_gradient(op, y)
    if plan.keep_shape:
        saved: Any = (y if plan.keep_y else None, node)
    else:
        saved = (y if plan.keep_y else None, value if plan.keep else None)
    return _recorded(plan, (node,), saved, _NO_PARAMS, y)


def bind_two(op: Primitive, a: Any, b: Any) -> Any:
    """What `bind(op, (a, b))` gives for two Tensors, or one and a number or array."""
    if not (op.simple and MODES.get().plain):
        return bind(op, (a, b))
    left: Any
    right: Any
    if isinstance(a, Tensor):
        x, left = a._value, a._node
    else:
        x, left = a if type(a) is np.ndarray or type(a) is float else _constant(op, a), None
    if isinstance(b, Tensor):
        z, right = b._value, b._node
    else:
        z, right = b if type(b) is np.ndarray or type(b) is float else _constant(op, b), None
    try:
        y = op.fn(x, z)
    except Exception as error:
        explain(error, op, (a, b))
        raise
    if left is None:
        if right is None:
            return _wrapped(op, y)
        plan = op.plans.get(_SECOND) or plan_for(op, _SECOND)
        left = x if x is a and (type(x) is float or 0 in plan.keep) else _stub(a, x)
    elif right is None:
        plan = op.plans.get(_FIRST_OF_TWO) or plan_for(op, _FIRST_OF_TWO)
        right = z if z is b and (type(z) is float or 1 in plan.keep) else _stub(b, z)
    else:
        plan = op.plans.get(_BOTH) or plan_for(op, _BOTH)
    if not plan.edges:
        return _wrapped(op, y)
    if y.dtype.kind != "f":
        return _without_gradient(op, y)
    saved: Any = plan.blank
    if plan.keeps:
        saved = (
            y if plan.keep_y else None,
            x if 0 in plan.keep else left if 0 in plan.keep_shape else None,
            z if 1 in plan.keep else right if 1 in plan.keep_shape else None,
        )
    return _recorded(plan, (left, right), saved, _NO_PARAMS, y)


_FIRST = (True,)
_FIRST_OF_TWO, _SECOND, _BOTH = (True, False), (False, True), (True, True)


def record(
    op: Primitive,
    inputs: Sequence[Any],
    values: list[Any],
    parents: list[Any],
    tracked: tuple[bool, ...],
    params: dict[str, Any],
    y: Any,
    first: bool = False,
) -> Any:
    """The value y of an operation as a Tensor with a node (without one where no rule applies)."""
    plan = op.plans.get(tracked) or plan_for(op, tracked)
    if not plan.edges:
        return _wrapped(op, y)[0] if first else _wrapped(op, y)
    if op.n_outputs is not None:
        node = node_of(plan, inputs, values, parents, params, y)
        return pick(y[0], node, 0) if first else picked(y, node)
    if y.dtype.kind != "f":
        return _without_gradient(op, y)
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
    if plan.keep_y or plan.keep:
        saved: Any = [None] * (len(values) + 1)
        for i in plan.keep:
            saved[i + 1] = values[i]
        if plan.keep_y:
            saved[0] = y
    else:
        saved = plan.blank
    for i, parent in enumerate(parents):
        if parent is None:
            value = values[i]
            parents[i] = value if value is inputs[i] and i in plan.keep else _stub(inputs[i], value)
    if plan.keep_shape:
        saved = list(saved)
        for i in plan.keep_shape:
            saved[i + 1] = parents[i]
    if plan.op.n_outputs is None:
        return Node(plan, tuple(parents), saved, params, y.shape, y.dtype)
    shapes, dtypes = tuple([v.shape for v in y]), tuple([v.dtype for v in y])
    return Node(plan, tuple(parents), saved, params, shapes, dtypes)


def _recorded(
    plan: Plan, inputs: tuple[Any, ...], saved: Any, params: dict[str, Any], y: Any
) -> Tensor:
    """The value y as a Tensor with a node: `new_tensor` and `Node`, without their calls."""
    node = Recorded()
    node.plan = plan
    node.inputs = inputs
    node.saved = saved
    node.params = params
    node.order = next_order()
    node.shape = y.shape
    node.dtype = y.dtype
    node.info = None
    tensor = _allocate(Tensor)
    tensor._value = y
    tensor._node = node
    tensor._name = None
    return tensor


_allocate: Callable[[type[Tensor]], Tensor] = Tensor.__new__


def bind_in_modes(modes: Modes, op: Primitive, inputs: Sequence[Any], params: Any) -> Any:
    """What `bind` gives off the fast path: under no_grad, debug, keep, scope or a trace."""
    if modes.trace is not None:
        return modes.trace.bind(modes, op, inputs, params)
    values, y = evaluated(op, inputs, params)
    if modes.debug:
        check_value(op, [label(x, i) for i, x in enumerate(inputs)], values, y)
    parents = [x._node if isinstance(x, Tensor) else None for x in inputs]
    tracked = tuple([parent is not None for parent in parents])
    if not (modes.recording and True in tracked):
        return _wrapped(op, y)
    result = record(op, inputs, values, parents, tracked, params, y)
    annotate(modes, result, values, y)
    return result


def evaluated(op: Primitive, inputs: Sequence[Any], params: Any) -> tuple[list[Any], Any]:
    """The inputs' plain values, and what the row's function makes of them."""
    values = [x._value if isinstance(x, Tensor) else _constant(op, x) for x in inputs]
    try:
        bare = [v.bare(op.kind) if isinstance(v, Weak) else v for v in values]
        return values, op.fn(*bare, **params)
    except Exception as error:
        explain(error, op, inputs)
        raise


def annotate(modes: Modes, result: Any, values: Sequence[Any], y: Any) -> None:
    """Remember what the modes ask for of an operation just recorded."""
    for part in result if isinstance(result, tuple) else (result,):
        node = part._node
        if node is None:
            continue
        if node.plan is PICK:
            if modes.keep:
                node.note(value=part._value)
            node = node.inputs[0]
        if modes.scope:
            node.note(scope=modes.scope)
        if modes.debug or modes.keep:
            node.note(line=user_line(), values=tuple(values))
        if modes.debug:
            node.note(fingerprints=fingerprints(node.saved[1:]))
        if modes.keep:
            node.note(value=y)


def _wrapped(op: Primitive, y: Any) -> Any:
    """Values without a node as Tensors."""
    if op.n_outputs is None:
        if not isinstance(y, (np.ndarray, np.generic)):
            y = np.asarray(y)
        if y.dtype.kind not in "fiub":
            refuse_dtype(op, y.dtype, "result")
        return new_tensor(y, None)
    return like_result(y, [new_tensor(value, None) for value in y])


def _stub(x: Any, value: Any) -> Any:
    return Stub(value, x) if isinstance(x, Tensor) else stub(value)


def _constant(op: Primitive, x: Any) -> Any:
    """An input that is no Tensor, as something that NumPy computes with."""
    if isinstance(x, complex):
        refuse_dtype(op, np.asarray(x).dtype, "input")
    if isinstance(x, (np.generic, bool, int, float)) or x is None:
        return x
    refuse_masked(x, op.path)
    return np.asarray(x)  # np.matrix too, whose operators mean other things


def _without_gradient(op: Primitive, y: Any) -> Tensor:
    """A result of int or bool dtype, which no gradient passes; another one raises."""
    if op.strict or y.dtype.kind not in "iub":
        refuse_dtype(op, y.dtype, "result")
    return new_tensor(y, None)


def public(op: Primitive) -> Callable[..., Any]:
    """The function that users call for a row that NumPy lacks: on tensors recorded, else plain."""

    @wraps(op.fn)
    def function(*args: Any, **kwargs: Any) -> Any:
        if len(args) == op.n_inputs == 1 and not kwargs and isinstance(args[0], Tensor):
            if op.simple:
                return bind_one(op, args[0])
            return bind(op, args, op.params)  # 1 µs less than by way of parse
        inputs, params = op.parse(args, kwargs)
        if any(isinstance(x, Tensor) for x in inputs):
            return bind(op, inputs, params)
        return op.fn(*[np.asarray(x) if isinstance(x, list) else x for x in inputs], **params)

    function.__name__ = function.__qualname__ = op.name
    TABLE[function] = op
    return function


def install(op: Primitive | Composed) -> None:
    """Give Tensor the methods and operators that a row or a composed function names."""
    for name in op.methods:
        setattr(Tensor, name, _method(op, name))


_REFLECTED = frozenset(
    f"__r{name}__"
    for name in [
        "add",
        "sub",
        "mul",
        "truediv",
        "floordiv",
        "mod",
        "divmod",
        "pow",
        "matmul",
        "and",
        "or",
        "xor",
        "lshift",
        "rshift",
    ]
)


def _method(op: Primitive | Composed, name: str) -> Callable[..., Any]:
    if isinstance(op, Composed):

        def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
            return op(self, *args, **kwargs)

    elif op.n_inputs == 1 and not op.params:

        def method(self: Tensor) -> Any:  # type: ignore[misc]
            return bind_one(op, self)

    elif name in _REFLECTED and op.n_inputs == 2:

        def method(self: Tensor, other: Any) -> Any:  # type: ignore[misc]
            return bind_two(op, other, self) if isinstance(other, _OPERANDS) else NotImplemented

    elif name.startswith("__") and op.n_inputs == 2:

        def method(self: Tensor, other: Any) -> Any:  # type: ignore[misc]
            return bind_two(op, self, other) if isinstance(other, _OPERANDS) else NotImplemented

    else:

        def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
            return bind(op, *op.parse((self, *args), kwargs))

    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    method.__doc__ = f"{op.path} of this tensor."
    return method


_OPERANDS = (Tensor, np.ndarray, float, int, np.generic, list, tuple, complex)
