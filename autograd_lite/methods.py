"""What users call for a row: a function, a method of Tensor, an operator."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.messages import named, refuse_dtype, refuse_surplus
from autograd_lite.recording import bind, of_one, of_two
from autograd_lite.sweep import Leaf
from autograd_lite.table import COMPOSED, IN_PLACE, QUERIES, TABLE, Composed, Primitive

__all__ = ["CASTS_FIRST", "install", "install_missing", "public"]


def _contains(self: Tensor, x: Any) -> bool:
    """Whether an element equals x, as an array answers it."""
    return bool(np.any(self == x))


class _Missing:
    """An attribute that tensors lack: to get it raises, naming what stands for it.

    A `__getattr__` would do for all of them, and make every attribute of a tensor slower to get.
    """

    def __init__(self, name: str, whose: str, instead: str) -> None:
        self.name, self.whose, self.instead = name, whose, instead

    def __get__(self, x: Tensor | None, cls: type) -> NoReturn:
        raise AttributeError(
            f"{cls.__name__!r} object has no attribute {self.name!r}{self.whose}; use "
            f"{self.instead}",
            name=self.name,
            obj=x,
        )


#: What PyTorch's tensors have, and what it is called here.
_OF_PYTORCH = {
    "bmm": "x @ y",
    "clone": "x.copy()",
    "cpu": "x itself, which is in memory",
    "dim": "x.ndim",
    "double": "x.astype(np.float64)",
    "erf": "ag.erf(x)",
    "erfc": "ag.erfc(x)",
    "expand": "np.broadcast_to(x, shape)",
    "float": "x.astype(np.float32)",
    "gather": "np.take_along_axis(x, index, axis)",
    "grad_fn": "ag.draw(x), which shows what x comes from",
    "index_select": "np.take(x, index, axis)",
    "logsumexp": "ag.logsumexp(x, axis)",
    "masked_fill": "np.where(mask, value, x)",
    "mm": "x @ y",
    "norm": "np.linalg.norm(x)",
    "numel": "x.size",
    "permute": "x.transpose(axes)",
    "pow": "x ** y",
    "requires_grad_": "x.requires_grad = True",
    "t": "x.T",
    "to": "x.astype(dtype)",
    "unsqueeze": "np.expand_dims(x, axis)",
    "view": "x.reshape(shape), or x.data.view(dtype) for the same bits as another dtype",
    "zero_": "x.data[...] = 0.0",
}


def install_missing() -> None:
    """Give Tensor a message for what arrays and PyTorch's tensors have, and no row has given it."""
    missing: dict[str, tuple[str, str]] = {}
    for op in TABLE.values():
        if op.path == f"np.{op.name}" and not op.variadic:
            alone = op.kind == "elementwise" and op.n_inputs == 1
            missing[op.name] = "", f"{op.path}({'x' if alone else 'x, …'})"
    for name in dir(np.ndarray):
        function: Any = getattr(np, name, None)
        known = function in TABLE or function in COMPOSED or function in QUERIES
        instead = f"np.{name}" if known else IN_PLACE.get(function) or f"x.data.{name}"
        missing[name] = ", which arrays have", instead
    for name, instead in _OF_PYTORCH.items():
        missing[name] = ", which PyTorch's tensors have", instead
    names = {n for n in missing if not n.startswith("_") and not hasattr(Tensor, n)}
    for name in names:
        setattr(Tensor, name, _Missing(name, *missing[name]))
    Tensor.__dir__ = lambda self: sorted({*object.__dir__(self)} - names)  # type: ignore[method-assign]


Tensor.__contains__ = _contains  # type: ignore[operator]


def public(op: Primitive) -> Callable[..., Any]:
    """The function that users call for a row that NumPy lacks: on tensors recorded, else plain."""

    def parsed(*args: Any, **kwargs: Any) -> Any:
        try:
            inputs, params = op.parse(args, kwargs)
            if any(isinstance(x, Tensor) for x in inputs):
                return bind(op, inputs, params)
            values = [np.asarray(x) if isinstance(x, (list, complex)) else x for x in inputs]
            for value in values:
                if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "c":
                    refuse_dtype(op, value.dtype, "input")
            return op.fn(*values, **params)
        except Exception as error:
            named(error, op.path)
            raise

    params = op.params
    one = of_one(op) if op.n_inputs == 1 and op.n_outputs is None else None

    @wraps(op.fn)
    def function(x: Any = ..., /, *args: Any, **kwargs: Any) -> Any:
        if one is not None and isinstance(x, Tensor) and not args and not kwargs:
            return one(x, params)  # 1 µs less than by way of parse
        return parsed(*(() if x is ... else (x,)), *args, **kwargs)

    function.__name__ = function.__qualname__ = op.name
    if not op.strict:  # a user's goes when nobody needs it, with whatever its rules close over
        TABLE[function] = op
    return function


#: Functions whose `dtype=` is that of their arrays, cast before anything is done with them.
CASTS_FIRST = frozenset(
    {np.clip, np.concatenate, np.einsum, np.hstack, np.stack, np.trace, np.linalg.trace, np.vstack}
)


def install(op: Primitive | Composed) -> None:
    """Give Tensor the methods and operators that a row or a composed function names."""
    for name in op.methods:
        method = _method(op, name)
        setattr(Tensor, name, method)
        if name in _SIGNS:
            in_place = f"__i{name[2:]}"
            setattr(Tensor, in_place, _rebinding(method, in_place, _SIGNS[name]))


def _operator(op: Primitive) -> Callable[..., Any]:
    """A new function of a row's inputs: a method of Tensor, which is its first input.

    An operator: it returns NotImplemented for what no operator takes.
    """
    if op.simple and op.n_inputs == 1:
        return of_one(op)

    def operator(*inputs: Any) -> Any:
        known = all(isinstance(x, _OPERANDS) for x in inputs)
        return bind(op, inputs, op.params) if known else NotImplemented

    def loosely(a: Any, b: Any, params: Any) -> Any:
        return operator(a, b) if type(params) is dict else refuse_surplus(op, 2)

    return of_two(op, loosely) if op.simple else operator


#: What operators of Tensors take; anything else has its own say, as in Python
_OPERANDS = (Tensor, np.ndarray, float, int, np.generic, list, tuple, complex)

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


#: The operators of numbers, which have an assignment of their own: x += y
_SIGNS = {
    "__add__": "+",
    "__sub__": "-",
    "__mul__": "*",
    "__truediv__": "/",
    "__floordiv__": "//",
    "__mod__": "%",
    "__pow__": "**",
    "__matmul__": "@",
}


def _rebinding(operator: Callable[..., Any], name: str, sign: str) -> Callable[..., Any]:
    """x += y, which is x = x + y; a leaf of the user's would be lost, so there it raises."""

    def method(self: Tensor, other: Any) -> Any:
        if type(self.node) is Leaf:
            x = self.name or "x"
            raise TypeError(
                f"{x} {sign}= … on a leaf that requires grad would rebind the name to a "
                f"computed tensor; write {x}.data {sign}= … to update it in place, or "
                f"y = {x} {sign} … for a new tensor"
            )
        return operator(self, other)

    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    return method


def _method(op: Primitive | Composed, name: str) -> Callable[..., Any]:
    if isinstance(op, Composed):

        def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
            try:
                return op(self, *args, **kwargs)
            except Exception as error:
                named(error, op.path)
                raise

    elif name in _REFLECTED and op.n_inputs == 2:
        two = _operator(op)

        def method(self: Tensor, other: Any) -> Any:  # type: ignore[misc]
            return two(other, self)

    elif (op.n_inputs == 1 and not op.params) or (name.startswith("__") and op.n_inputs == 2):
        method = _operator(op)  # a function of its own, which gets its name below
    else:
        one = None if op.everyday is None else of_one(op)

        def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
            if one is not None and not args and not kwargs:
                return one(self, op.everyday)
            try:
                if op.key in CASTS_FIRST and kwargs.get("dtype") is not None:
                    return op.key(self, *args, **kwargs)
                return bind(op, *op.parse((self, *args), kwargs))
            except Exception as error:
                named(error, op.path)
                raise

    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    method.__doc__ = f"{op.path} of this tensor."
    return method
