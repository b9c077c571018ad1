"""What users call for a row: a function, a method of Tensor, an operator."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.recording import bind, caller, specialised
from autograd_lite.table import TABLE, Composed, Primitive

__all__ = ["install", "public"]


def public(op: Primitive) -> Callable[..., Any]:
    """The function that users call for a row that NumPy lacks: on tensors recorded, else plain."""

    def parsed(*args: Any, **kwargs: Any) -> Any:
        inputs, params = op.parse(args, kwargs)
        if any(isinstance(x, Tensor) for x in inputs):
            return bind(op, inputs, params)
        return op.fn(*[np.asarray(x) if isinstance(x, list) else x for x in inputs], **params)

    @wraps(op.fn)
    def function(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and isinstance(args[0], Tensor) and op.n_inputs == 1:
            return (op.call or caller(op))(args[0])  # 1 µs less than by way of parse
        return parsed(*args, **kwargs)

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

    elif name in _REFLECTED and op.n_inputs == 2:
        two = specialised(op)

        def method(self: Tensor, other: Any) -> Any:  # type: ignore[misc]
            return two(other, self)

    elif (op.n_inputs == 1 and not op.params) or (name.startswith("__") and op.n_inputs == 2):
        method = specialised(op)  # a function of its own, which gets its name below
    else:

        def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
            return bind(op, *op.parse((self, *args), kwargs))

    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    method.__doc__ = f"{op.path} of this tensor."
    return method
