"""Rules for known shapes: the expression that a rule comes down to once its questions are answered.

A rule asks for shapes and dtypes and branches on them. Where they are known there is nothing left
but arithmetic: of `matmul_vjp_left`, for matrices, `g.dot(b.T)`. `expression` evaluates the source
of a rule as far as it can be known, and gives what remains, which computes the same bits as the
rule. Source counts only where it is what the rule's bytecode was compiled from.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from functools import lru_cache
from math import prod
from types import BuiltinMethodType, CodeType, FunctionType
from typing import Any, NamedTuple

import numpy as np

from autograd_lite.broadcasting import count, expanded, view_of
from autograd_lite.floats import CASTS, ones
from autograd_lite.outline import Known, is_large

__all__ = ["Expression", "expression"]


class Expression(NamedTuple):
    """What a function of some arguments computes."""

    text: str  # {0} for the first argument; {n}, {n + 1} … of n arguments for the constants
    constants: tuple[Any, ...]
    value: Known
    fresh: bool  # whether it is a new array, not an argument or a view of one
    packed: bool = False  # whether it is in C order
    temporaries: tuple[str, ...] = ()  # the variables that it binds
    negated: bool = False  # whether what it computes is less the text


_NO_PARAMS: dict[str, Any] = {}


class _Unknown(Exception):
    """What a rule asks cannot be answered before it runs."""


class _Value(NamedTuple):
    """A value that is there only when the expression is computed."""

    text: str
    known: Known
    form: str = "name"  # or "view", "compound"
    packed: bool = False  # whether it is an array in C order
    home: str = ""  # the variable of its array, where that may be written over
    negated: bool = False  # whether it is less the text

    @property
    def shape(self) -> tuple[int, ...]:
        if self.known.shape is None:
            raise _Unknown
        return self.known.shape

    @property
    def dtype(self) -> Any:
        if self.known.dtype is None or self.known.dtype is float:
            raise _Unknown
        return self.known.dtype

    @property
    def stretched(self) -> str:
        return self.known.stretched

    def operand(self) -> str:
        return f"({self.text})" if self.form == "compound" and not self.home else self.text


#: Operators on arrays, and the ufuncs that they are.
_ARITHMETIC: dict[type[ast.AST], tuple[str, Any]] = {
    ast.Add: ("+", np.add),
    ast.Sub: ("-", np.subtract),
    ast.Mult: ("*", np.multiply),
    ast.Div: ("/", np.true_divide),
    ast.Pow: ("**", np.power),
    ast.USub: ("-", np.negative),
    ast.Gt: (">", np.greater),
    ast.GtE: (">=", np.greater_equal),
    ast.Lt: ("<", np.less),
    ast.LtE: ("<=", np.less_equal),
    ast.Eq: ("==", np.equal),
    ast.NotEq: ("!=", np.not_equal),
}
#: Operations of which a sign may be taken out: what comes of them has the same bits.
_ODD = frozenset({np.multiply, np.true_divide})
#: Operations of the same bits on numbers and on arrays, whatever instructions NumPy has for these.
_EXACT = frozenset({np.add, np.subtract, np.multiply, np.true_divide, np.negative})
_METHODS = ("dot", "reshape", "copy")
_BUILTINS = {"isinstance": isinstance, "len": len, "type": type}
#: What they are on what is known.
_PLAIN: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.USub: operator.neg,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b, ast.Not: operator.not_,
}  # fmt: skip


@lru_cache(1024)
def expression(
    function: FunctionType,
    arguments: tuple[Any, ...],
    params: tuple[tuple[str, Any], ...] = (),
    packed: frozenset[int] = frozenset(),
    owned: bool = False,
    negated: bool = False,
    signed: bool = True,
) -> Expression | None:
    """What a function computes of these arguments, each `Known` or a constant, and parameters.

    The arguments at `packed` are arrays in C order; the first, if it is `owned`, may be written
    over; if it is `negated`, what counts is its negative, which is not computed. The result has its
    sign, if `signed`. None where the function does more than compute an expression, or where that
    depends on what is not known.
    """
    if owned:
        plain = expression(function, arguments, params, packed, False, negated, signed)
        if plain is None or plain.text.count("{0}") != 1:
            return plain  # it is read again after it was written over
    evaluation = _Evaluation(len(arguments))
    values = [
        _Value(f"{{{i}}}", known, "name", i in packed, "{0}" * (owned and not i), negated and not i)
        if isinstance(known, Known)
        else known
        for i, known in enumerate(arguments)
    ]
    try:
        value = evaluation.call(function, values, dict(params))
        value = evaluation.unsigned(value) if signed else value
    except Exception:  # it is unknown, or the rule raises the same when it is called
        return None
    if not isinstance(value, _Value) or value.known.dtype is float:
        return None
    fresh = value.form == "compound"
    constants, temporaries = tuple(evaluation.constants), tuple(evaluation.temporaries)
    facts = value.known, fresh, value.packed, temporaries, value.negated
    return Expression(value.text, constants, *facts)


class _Evaluation:
    """The evaluation of one expression, with the constants and variables met so far."""

    def __init__(self, n_arguments: int) -> None:
        self.n_arguments = n_arguments
        self.constants: list[Any] = []
        self.temporaries: list[str] = []

    def call(
        self, function: FunctionType, values: list[Any], params: dict[str, Any] = _NO_PARAMS
    ) -> Any:
        """What a function returns."""
        code, defaults = function.__code__, function.__defaults__ or ()
        if function.__closure__ or code.co_kwonlyargcount:
            raise _Unknown
        node = _source(code)
        if node is None or node.args.vararg or node.args.posonlyargs:
            raise _Unknown
        takes = [a.arg for a in node.args.args]
        if (node.args.kwarg or defaults) and not params:
            raise _Unknown
        names = dict(zip(takes[len(takes) - len(defaults) :], defaults, strict=True))
        names |= {k: v for k, v in params.items() if k in takes or not node.args.kwarg}
        names |= dict(zip(takes, values, strict=False))
        if len(values) > len(takes) or names.keys() != set(takes):
            raise _Unknown
        if function.__globals__.get("__name__", "").startswith("autograd_lite."):
            # what a global of somebody else's is now, it need not be later
            names = {**_BUILTINS, **function.__globals__, **names}
        if isinstance(node, ast.Lambda):
            return self.value(node.body, names)
        returned = self.run(node.body, names)
        return _refuse() if returned is None else returned[0]

    def run(self, body: list[ast.stmt], names: dict[str, Any]) -> tuple[Any] | None:
        """What statements return, None for nothing: `if`, `return`, text, names for the known."""
        for statement in body:
            if isinstance(statement, ast.Return) and statement.value is not None:
                return (self.value(statement.value, names),)
            if isinstance(statement, ast.If):
                chosen = self.truth(self.value(statement.test, names))
                returned = self.run(statement.body if chosen else statement.orelse, names)
                if returned is not None:
                    return returned
            elif isinstance(statement, ast.Assign):
                for target in statement.targets:
                    value = self.value(statement.value, names)
                    if not isinstance(target, ast.Name) or _is_compound(value):
                        raise _Unknown  # it might be computed twice
                    names[target.id] = value
            elif not (
                isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            ):
                raise _Unknown
        return None

    def value(self, node: ast.AST, names: dict[str, Any]) -> Any:
        """The value of an expression: a `_Value`, or what is known already."""
        kind = type(node).__name__
        how = getattr(self, f"of_{kind}", None)
        if how is None:
            raise _Unknown
        return how(node, names)

    def of_Constant(self, node: ast.Constant, names: dict[str, Any]) -> Any:
        return node.value

    def of_Name(self, node: ast.Name, names: dict[str, Any]) -> Any:
        return names[node.id] if node.id in names else _refuse()

    def of_Tuple(self, node: ast.Tuple, names: dict[str, Any]) -> Any:
        return tuple(self.known(part, names) for part in node.elts)

    def of_Slice(self, node: ast.Slice, names: dict[str, Any]) -> Any:
        parts = (node.lower, node.upper, node.step)
        return slice(*(None if part is None else self.known(part, names) for part in parts))

    def of_Subscript(self, node: ast.Subscript, names: dict[str, Any]) -> Any:
        return self.known(node.value, names)[self.known(node.slice, names)]

    def of_Attribute(self, node: ast.Attribute, names: dict[str, Any]) -> Any:
        base = self.value(node.value, names)
        if not isinstance(base, _Value):
            return getattr(base, node.attr)
        if node.attr == "T":
            base = self.unsigned(base)
        if node.attr in ("shape", "dtype"):
            return getattr(base, node.attr)
        if node.attr == "ndim":
            return len(base.shape)
        if node.attr == "T" and base.form != "compound" and base.shape and not base.stretched:
            known = Known(base.shape[::-1], base.dtype)
            return _Value(f"{base.text}.T", known, "view")
        raise _Unknown

    def of_IfExp(self, node: ast.IfExp, names: dict[str, Any]) -> Any:
        chosen = self.truth(self.value(node.test, names))
        return self.value(node.body if chosen else node.orelse, names)

    def of_BoolOp(self, node: ast.BoolOp, names: dict[str, Any]) -> Any:
        ends = isinstance(node.op, ast.Or)  # at the first that is true
        for part in node.values:
            value = self.value(part, names)
            if self.truth(value) is ends:
                break
        return value

    def of_UnaryOp(self, node: ast.UnaryOp, names: dict[str, Any]) -> Any:
        x = self.value(node.operand, names)
        if not isinstance(x, _Value):
            return self.plain(node.op, x)
        sign, ufunc = _ARITHMETIC.get(type(node.op)) or _refuse()
        if ufunc is np.negative and _may_be_signed(x):
            return x._replace(negated=not x.negated)
        return self.elementwise(ufunc, [x], lambda a: f"{sign}{a}")

    def of_BinOp(self, node: ast.BinOp, names: dict[str, Any]) -> Any:
        a, b = self.value(node.left, names), self.value(node.right, names)
        if not isinstance(a, _Value) and not isinstance(b, _Value):
            return self.plain(node.op, a, b)
        if isinstance(node.op, ast.MatMult):
            return self.product(self.unsigned(a), self.unsigned(b), "{} @ {}")
        return self.operation(node.op, a, b)

    def of_Compare(self, node: ast.Compare, names: dict[str, Any]) -> Any:
        parts = [self.value(part, names) for part in (node.left, *node.comparators)]
        if any(isinstance(part, _Value) for part in parts):
            if len(parts) > 2:
                raise _Unknown
            return self.operation(node.ops[0], *parts)
        pairs = zip(node.ops, parts, parts[1:], strict=False)
        return all(self.plain(op, a, b) for op, a, b in pairs)

    def of_Call(self, node: ast.Call, names: dict[str, Any]) -> Any:
        if node.keywords:
            raise _Unknown
        values = [self.value(part, names) for part in node.args]
        if isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
            values.insert(0, self.value(node.func.value, names))
            return self.method(node.func.attr, *map(self.unsigned, values))
        function = self.known(node.func, names)
        if function is type and len(values) == 1 and isinstance(values[0], _Value):
            return np.ndarray if values[0].shape else _refuse()
        if function is isinstance and isinstance(values[0], _Value):
            array, number = (issubclass(cls, values[1]) for cls in (np.ndarray, np.generic))
            return array if values[0].shape or array is number else _refuse()
        if function is len and len(values) == 1 and isinstance(values[0], _Value):
            return values[0].shape[0]
        if isinstance(function, np.ufunc):
            facts = (function.nin, function.nout, function.signature)
            if facts != (len(values), 1, None):
                raise _Unknown
            name = self.constant(function)
            return self.elementwise(function, values, lambda *xs: f"{name}({', '.join(xs)})")
        if function is expanded and isinstance(values[0], _Value):
            shape = expanded(np.empty(values[0].shape), *values[1:]).shape
            return self.reshaped(self.unsigned(values[0]), shape)
        if function is view_of and isinstance(values[0], _Value):
            if sum(n != 1 for n in values[0].shape) > 1:
                raise _Unknown  # its axes may lie in any order, which decides those of what follows
            stretched = Known(values[1], values[0].dtype, "view")
            return self.unsigned(values[0])._replace(known=stretched)
        if type(function) is FunctionType and function is not count:
            result = self.call(function, values)
            for v in filter(_is_compound, values):
                if isinstance(result, _Value) and result.text.count(v.text) > 1:
                    raise _Unknown  # it would be computed twice
            return result
        looks_up = isinstance(function, BuiltinMethodType) and isinstance(function.__self__, dict)
        known = not any(isinstance(v, _Value) for v in values)
        if known and (looks_up or function in (ones, len, count)):
            return function(*values)
        raise _Unknown

    # --- what comes of it

    def known(self, node: ast.AST, names: dict[str, Any]) -> Any:
        """The value of an expression that must be known already."""
        value = self.value(node, names)
        return _refuse() if isinstance(value, _Value) else value

    def truth(self, value: Any) -> bool:
        """Whether it is true, where that is known."""
        return _refuse() if isinstance(value, _Value) else bool(value)

    def plain(self, op: ast.AST, *values: Any) -> Any:
        """An operator on what is known."""
        return (_PLAIN.get(type(op)) or _refuse())(*values)

    def unsigned(self, x: Any) -> Any:
        """A value as what it is, where it is less a text."""
        if not isinstance(x, _Value) or not x.negated:
            return x
        return self.elementwise(np.negative, [x._replace(negated=False)], lambda a: f"-{a}")

    def constant(self, thing: Any) -> str:
        """The placeholder of a constant."""
        places = [k for k, other in enumerate(self.constants) if other is thing]
        if not places:
            places = [len(self.constants)]
            self.constants.append(thing)
        return f"{{{self.n_arguments + places[0]}}}"

    def operation(self, op: ast.AST, a: Any, b: Any) -> _Value:
        """An operator on two operands, one of them at least a value to come."""
        sign, ufunc = _ARITHMETIC.get(type(op)) or _refuse()
        as_it_is = isinstance(op, ast.Pow)  # a whole power has a way of its own
        return self.elementwise(ufunc, [a, b], lambda a, b: f"{a} {sign} {b}", as_it_is)

    def elementwise(
        self, ufunc: Any, operands: list[Any], form: Callable[..., str], as_it_is: bool = False
    ) -> _Value:
        """A ufunc, written as `form`, whose literals become 0-d arrays: those cost 0.3 µs less."""
        negated = False
        if ufunc in _ODD:
            operands, negated = _signed(operands)
        else:
            operands = [self.unsigned(x) for x in operands]
        values = [x for x in operands if isinstance(x, _Value)]
        if not all(isinstance(x, _Value) or type(x) in (int, float, np.ndarray) for x in operands):
            raise _Unknown
        if any(v.known.dtype is None for v in values):
            if any(v.stretched for v in values):
                raise _Unknown  # it might be the shape of the others that comes of it
            known, dtypes = Known(), [None] * len(operands)
        else:
            of = [_dtype_of(x) for x in operands]
            if all(isinstance(dtype, type) for dtype in of):
                raise _Unknown
            try:
                *dtypes, dtype = ufunc.resolve_dtypes((*of, None))
            except TypeError:
                raise _Unknown from None
            if as_it_is and dtype.kind != "f":
                raise _Unknown  # whole powers of bools and of whole numbers have other dtypes
            arrays = [x for x in operands if isinstance(x, (_Value, np.ndarray))]
            shape = np.broadcast_shapes(*[x.shape for x in arrays])
            small = _stays_small(ufunc, arrays, shape)
            known = Known(shape, dtype, "array" if small else "")
            if not small and any(x.stretched == "array" for x in values):
                name = self.constant(ufunc)  # an array would decide in which order axes lie
                form = lambda *xs: f"{name}({', '.join(xs)}, order='C')"
        many = bool(known.shape) and not as_it_is and not known.stretched
        texts = [
            self.text_of(x, d if many else None) for x, d in zip(operands, dtypes, strict=True)
        ]
        if not many or not _is_packed(operands, known.shape):
            return _Value(form(*texts), known, "compound", negated=negated)
        if ufunc in _EXACT and is_large(known):
            for i, x in enumerate(operands):
                if not (isinstance(x, _Value) and x.known == known and x.packed):
                    continue
                if x.home or _is_compound(x):
                    home = x.home or f"t{len(self.temporaries)}"
                    if not x.home:
                        self.temporaries.append(home)
                        texts[i] = f"({home} := {x.text})"
                    text = f"{self.constant(ufunc)}({', '.join(texts)}, {home})"
                    return _Value(text, known, "compound", True, home, negated)
        return _Value(form(*texts), known, "compound", True, "", negated)

    def text_of(self, x: Any, dtype: Any) -> str:
        """An operand: a literal as a 0-d array of a dtype, where there is one."""
        if isinstance(x, _Value):
            number = dtype is not None and x.known.dtype is float
            return f"{self.constant(CASTS[dtype])}[{x.operand()}]" if number else x.operand()
        if isinstance(x, np.ndarray):
            return self.constant(x)
        if dtype is None:
            text = repr(x)
            return text if text[0].isdigit() else self.constant(x)  # -1.0 ** x is -(1.0 ** x)
        array = np.asarray(x, dtype)
        array.flags.writeable = False
        return self.constant(array)

    def method(self, name: str, x: Any, *values: Any) -> _Value:
        """What a method of an array gives."""
        if name == "dot" and len(values) == 1:
            return self.product(x, values[0], "{}.dot({})")
        if isinstance(x, _Value) and x.shape and not x.stretched:
            if name == "reshape" and len(values) == 1 and isinstance(values[0], tuple):
                return self.reshaped(x, values[0])
            if name == "copy" and not values:
                return _Value(f"{x.operand()}.copy()", x.known, "compound")
        raise _Unknown

    def reshaped(self, x: _Value, shape: tuple[int, ...]) -> _Value:
        """A value with its elements in another shape."""
        if x.shape == shape:
            return x
        if prod(shape) != prod(x.shape) or min(shape, default=0) < 0:
            raise _Unknown
        if x.stretched:
            raise _Unknown
        text = f"{x.operand()}.reshape({shape})"
        return _Value(text, Known(shape, x.dtype), "view", x.packed)

    def product(self, a: Any, b: Any, form: str) -> _Value:
        """A product of matrices, or of a constant vector and a matrix."""
        a, b = (
            _Value(self.constant(x), Known(x.shape, x.dtype)) if type(x) is np.ndarray else x
            for x in (a, b)
        )
        if not (isinstance(a, _Value) and isinstance(b, _Value)) or a.stretched or b.stretched:
            raise _Unknown
        if len(b.shape) != 2 or len(a.shape) not in (1, 2):
            raise _Unknown
        if a.dtype != b.dtype or a.shape[-1] != b.shape[0]:
            raise _Unknown
        text = form.format(a.operand(), b.operand())
        return _Value(text, Known((*a.shape[:-1], b.shape[1]), a.dtype), "compound", True)


def _signed(operands: list[Any]) -> tuple[list[Any], bool]:
    """The factors of a product or a quotient without signs, and whether it has one all the same.

    A literal takes it.
    """
    values = [x for x in operands if isinstance(x, _Value)]
    negated = sum(x.negated for x in values) % 2 == 1
    plain: list[Any] = [x._replace(negated=False) if isinstance(x, _Value) else x for x in operands]
    for i, x in enumerate(plain):
        if negated and type(x) in (int, float) and x:
            return [*plain[:i], -x, *plain[i + 1 :]], False
    return plain, negated


def _stays_small(ufunc: Any, arrays: list[Any], shape: tuple[int, ...]) -> bool:
    """Whether the result of an operation, on arrays for some of which smaller ones stand, is small.

    It is as large as the others, where they have the whole shape; small, where they are numbers.
    """
    others = [x.shape for x in arrays if not (isinstance(x, _Value) and x.stretched)]
    if len(others) == len(arrays):
        return False
    rest = np.broadcast_shapes(*others)
    if ufunc not in _EXACT or rest not in ((), shape):
        raise _Unknown  # of smaller ones it would have other bits, or another shape
    return rest != shape


def _is_packed(operands: list[Any], shape: tuple[int, ...] | None) -> bool:
    """Whether what comes of an operation is surely an array in C order.

    It is where an operand of the whole shape is, unless NumPy may write over another, in an order
    that is not known. What stands for a larger array does not count. Of one axis there is but one
    order.
    """
    if shape is not None and len(shape) == 1:
        return True
    arrays = [x for x in operands if isinstance(x, _Value) and x.shape == shape]
    whole = [x.packed for x in arrays if not x.stretched and (x.packed or _is_compound(x))]
    return bool(whole) and all(whole)


def _is_compound(value: Any) -> bool:
    """Whether a value takes some computing."""
    return isinstance(value, _Value) and value.form == "compound"


def _may_be_signed(x: _Value) -> bool:
    """Whether the sign of an array of floats may be left to what follows.

    Not where what follows could lie in another order then: -x does, where x is a view.
    """
    if not x.known.shape or x.stretched or not isinstance(x.known.dtype, np.dtype):
        return False
    ordered = x.home or x.packed or _is_compound(x) or len(x.shape) == 1
    return bool(ordered) and x.dtype.kind == "f"


def _refuse() -> Any:
    raise _Unknown


def _dtype_of(x: Any) -> Any:
    """What promotes: a dtype, or the type of a Python number."""
    if isinstance(x, _Value):
        return x.known.dtype
    return x.dtype if isinstance(x, np.ndarray) else type(x)


@lru_cache(1024)
def _source(code: CodeType) -> Any:
    """The syntax tree of a function, or None.

    Found in its file by line and compared by bytecode, so that a file that was changed since
    cannot mislead.
    """
    imports, functions = _functions(code.co_filename)
    for node in functions.get(code.co_firstlineno, ()):
        statement = (
            ast.copy_location(ast.Expr(node), node) if isinstance(node, ast.Lambda) else node
        )
        whole = compile(ast.Module([*imports, statement], []), code.co_filename, "exec")
        made = next(c for c in whole.co_consts if isinstance(c, CodeType))
        if _facts(code) == _facts(made):
            return node
    return None


def _facts(code: CodeType) -> tuple[Any, ...]:
    """What code does; its constants as text, in which 1, 1.0 and -0.0, 0.0 differ."""
    constants = [_facts(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return code.co_code, constants, code.co_names, code.co_varnames


@lru_cache(16)
def _functions(filename: str) -> tuple[list[ast.stmt], dict[int, list[Any]]]:
    """The imports of a file, which change how calls are compiled, and its functions by line."""
    try:
        with open(filename, encoding="utf-8") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return [], {}
    found: dict[int, list[Any]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda) or (
            isinstance(node, ast.FunctionDef) and not node.decorator_list
        ):
            found.setdefault(node.lineno, []).append(node)
    return [s for s in tree.body if isinstance(s, (ast.Import, ast.ImportFrom))], found
