"""The table of primitives: every derivative rule, once, keyed by the NumPy function itself.

A row holds a function of arrays and one rule per array input. A rule is `(g, y, *inputs, **params)`
and returns the cotangent of its input, given g, the cotangent of the output y. It is written in
plain operators and `np.*` calls, so it runs on arrays (a first-order sweep) and on Tensors
(a recorded sweep, whose result can be differentiated again) alike.

The *kind* of a row says what else follows from its rules:

- elementwise: the Jacobian is diagonal, its own transpose: the same rule pushes tangents forward;
- linear, bilinear: pushing a tangent forward is the op itself, applied to the tangent;
- general: the forward derivative is the vjp of the vjp.

A function that other rows make up (np.vstack of np.concatenate, np.split of slices) is no row but
*composed*: a Python function of its own, with nothing to derive.

What a node must keep for its rules is read off the rules: an argument that a rule never loads is
not kept, and one of which it reads only the shape is kept as its shape.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from autograd_lite.signatures import (
    argument_names,
    by_name,
    constants,
    is_absent,
    path_of,
    refuse_parameter,
    source_of,
)

__all__ = [
    "ADVICE",
    "COMPOSED",
    "IN_PLACE",
    "QUERIES",
    "TABLE",
    "Composed",
    "Plan",
    "Primitive",
    "bilinear",
    "composed",
    "elementwise",
    "general",
    "linear",
]

Rule = Callable[..., Any]
Parsed = tuple[tuple[Any, ...], dict[str, Any]]

#: Attributes that a node's stand-in for an array answers without the array.
SHAPE_ONLY = frozenset({"shape", "dtype", "ndim", "size"})
_NO_PARAMS: dict[str, Any] = {}


class Primitive:
    """One row of the table: a function of arrays with a rule for each of its array inputs."""

    __slots__ = (
        "alike", "both", "data_dependent", "everyday", "examples", "first", "fn", "formulas",
        "into", "jointly", "jvp", "key", "kind", "methods", "n_inputs", "n_outputs", "name",
        "of_one", "of_two", "one", "params", "parse", "path", "plans", "rules", "second", "simple",
        "source", "strict", "symmetric", "tangent_zeros", "variadic",
    )  # fmt: skip

    def __init__(
        self,
        key: Callable[..., Any],
        rules: Sequence[Rule | None],
        *,
        kind: str,
        fn: Callable[..., Any] | None = None,
        name: str | None = None,
        params: Mapping[str, Any] = _NO_PARAMS,
        parse: Callable[..., Parsed] | None = None,
        methods: Sequence[str] = (),
        examples: Callable[[], Iterable[Any]] | Iterable[Any] = (),
        variadic: bool = False,
        n_outputs: int | None = None,
        tangent_zeros: Sequence[str] = (),
        data_dependent: bool = False,
        formulas: Sequence[str | Callable[..., str] | None] = (),
        jvp: Callable[..., Any] | None = None,
        jointly: bool = False,
        into: Callable[..., Any] | None = None,
        strict: bool = False,
        symmetric: bool = False,
    ) -> None:
        self.key = key
        self.fn = fn or key
        self.kind = kind
        self.rules = tuple(rules)
        self.n_inputs = 1 if variadic else len(self.rules)
        self.variadic = variadic
        self.n_outputs = n_outputs  # None: one array; an int: a tuple of so many
        self.name = name or key.__name__.lstrip("_")
        self.path = f"ag.{self.name}" if key.__name__.startswith("_") else path_of(key)
        self.params = dict(params)
        one = not variadic and parse is None and n_outputs is None and len(self.rules) == 1
        #: the parameters of a call that names none, one dictionary for all of them; a user's row,
        #: whose defaults may be arrays, has none
        self.everyday = self.params if one and params and not strict else None
        self.parse = parse or self._parse
        self.methods = tuple(methods)
        self.examples = examples
        self.tangent_zeros = tuple(tangent_zeros)
        self.data_dependent = data_dependent
        self.formulas = tuple(formulas)
        self.jvp = jvp  # (tangents, y, *inputs, **params), in place of what the kind says
        #: the one rule of a variadic row gives every input's cotangent, and reads but their shapes
        self.jointly = jointly
        #: (total, owned, g, y, *inputs, **params): `total` plus the first input's cotangent, added
        #: in place where the array is owned
        self.into = into
        self.strict = strict  # a cotangent must come in its input's dtype: a user's rule
        self.symmetric = symmetric  # reads one triangle: the gradient is that of f((A + Aᵀ)/2)
        self.source = source_of((*self.rules, self.fn))
        self.plans: dict[tuple[bool, ...], Plan] = {}  # by which inputs are tracked
        #: those for one input, and for the first, the second and both of two, where rules apply
        self.one = self.first = self.second = self.both = None
        #: what binds one Tensor, and two inputs: functions of `recording`
        self.of_one: Callable[..., Any] | None = None
        self.of_two: Callable[..., Any] | None = None
        #: one or two arrays in, one out and nothing else, as of the operators
        self.simple = (
            not variadic
            and not params
            and parse is None
            and n_outputs is None
            and len(self.rules) in (1, 2)
        )
        #: whether the value has the shape and the dtype of the one input, where that is of floats
        self.alike = self.simple and one and kind == "elementwise" and not strict and any(rules)

    def __repr__(self) -> str:
        return f"<Primitive {self.path}, {self.kind}>"

    def rule(self, i: int) -> Rule | None:
        """The rule for input i; a variadic row's only rule is told i as its first argument."""
        if not self.variadic:
            return self.rules[i]
        rule = self.rules[0]
        if rule and self.jointly:
            return lambda g, y, *inputs, **params: rule(g, y, *inputs, **params)[i]
        return rule and (lambda g, y, *inputs, **params: rule(i, g, y, *inputs, **params))

    def _parse(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Parsed:
        """(inputs, params) of a call, every declared parameter present.

        Raises TypeError for a parameter that the row does not declare, unless it has the value
        that NumPy takes when it is absent.
        """
        n = self.n_inputs
        if len(args) == n and not kwargs:
            return args, self.params
        names = argument_names(self.key, n, tuple(self.params))
        given = dict(zip(names, args, strict=False))
        if len(given) < len(args) or given.keys() & kwargs.keys():
            raise TypeError(f"{self.path}: too many arguments, or one given twice")
        given.update(kwargs)
        inputs = []
        for name in names[:n]:
            if name not in given:
                raise TypeError(f"{self.path}: missing its array argument {name!r}")
            inputs.append(given.pop(name))
        params = dict(self.params)
        for name, value in given.items():
            if name in params:
                if value is not np._NoValue:
                    params[name] = value
            elif not is_absent(name, value):
                refuse_parameter(self.path, name, self.params)
        return tuple(inputs), params if self.strict else constants(self.path, params)


class Plan:
    """What one row does for one set of tracked inputs: which rules run and what they need kept."""

    __slots__ = (
        "__weakref__", "arity", "blank", "edges", "keep", "keep_a", "keep_b",
        "keep_shape", "keep_y", "keeps", "op", "plain", "shape_a", "shape_b", "tracked", "written",
    )  # fmt: skip

    def __init__(self, op: Primitive, tracked: tuple[bool, ...]) -> None:
        self.op = op
        self.tracked = tracked
        #: (i, rule) for every input that gets a cotangent
        self.edges = tuple(
            (i, rule) for i, t in enumerate(tracked) if t and (rule := op.rule(i)) is not None
        )
        self.arity = len(tracked) if op.simple else 0  # 0: a sweep passes on whatever there is
        #: whether a sweep just calls the rules, one after another
        self.plain = not op.jointly and op.into is None
        n = len(tracked)
        rules = dict.fromkeys([op.rules[0 if op.variadic else i] for i, _ in self.edges])
        kept = [_kept(rule, n, op.variadic and not op.jointly) for rule in rules]
        if op.jvp is not None:
            kept.append(({"y", *range(n)}, set()))
        if op.jointly:
            kept = [(values & {"y"}, shapes | values - {"y"}) for values, shapes in kept]
        values: set[Any] = set().union(*(values for values, _ in kept))
        shapes: set[Any] = set().union(*(shapes for _, shapes in kept))
        self.keep_y = "y" in values
        self.keep = tuple(i for i in range(n) if i in values)
        self.keep_a, self.keep_b = 0 in values, 1 in values
        self.keep_shape = tuple(i for i in range(n) if i in shapes and i not in values)
        self.shape_a, self.shape_b = 0 in self.keep_shape, 1 in self.keep_shape
        self.keeps = bool(self.keep_y or self.keep or self.keep_shape)
        self.written: Any = None  # sweeps of graphs that end in this row: `unrolled.Written`
        #: (y, *inputs) of a node that keeps nothing
        self.blank: tuple[Any, ...] = (None,) * (n + 1)


def plan_for(op: Primitive, tracked: tuple[bool, ...]) -> Plan:
    """The plan of a row for these tracked inputs, made at its first use."""
    plan = op.plans.get(tracked)
    if plan is None:
        plan = op.plans[tracked] = Plan(op, tracked)
        if plan.edges and tracked in _NAMES:
            setattr(op, _NAMES[tracked], plan)
    return plan


#: Where recording finds plans in a tenth of the time that it takes to ask the dictionary.
_NAMES = {(True,): "one", (True, False): "first", (False, True): "second", (True, True): "both"}


def _kept(rule: Rule | None, n: int, variadic: bool) -> tuple[set[Any], set[Any]]:
    """Which of "y", 0 … n-1 a rule reads, and of which it reads only shape or dtype."""
    code = getattr(rule, "code", getattr(rule, "__code__", None))  # of what a check is around
    if code is None:  # a builtin: reads all, for all we know
        return {"y", *range(n)}, set()
    values, shapes = _loads(code)
    names = list(code.co_varnames[: code.co_argcount])[1 + variadic :]
    places: dict[str, list[Any]] = {
        name: ["y"] if i == 0 else [i - 1] for i, name in enumerate(names)
    }
    if code.co_flags & inspect.CO_VARARGS:
        rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
        places[rest] = list(range(len(names) - 1, n))
        shapes -= {rest}
    return (
        {place for name in values for place in places.get(name, ())},
        {place for name in shapes for place in places.get(name, ())},
    )


@cache
def _loads(code: Any) -> tuple[frozenset[str], set[str]]:
    """Names of the arguments that code loads, and of those it loads only to ask for a shape."""
    instructions = [i for i in dis.get_instructions(code) if i.opname != "CACHE"]
    values: set[str] = set(code.co_cellvars)  # an inner function may read those
    shapes: set[str] = set()
    for now, after in zip(instructions, [*instructions[1:], None], strict=True):
        if not now.opname.startswith("LOAD_FAST"):
            continue
        loaded = now.argval if isinstance(now.argval, tuple) else (now.argval,)
        values.update(loaded[:-1])  # 3.13 loads two at once: only the last can meet an attribute
        asks_shape = (
            after is not None and after.opname == "LOAD_ATTR" and after.argval in SHAPE_ONLY
        )
        (shapes if asks_shape else values).add(loaded[-1])
    return frozenset(values), shapes - values


#: Every primitive by the function that users call.
TABLE: dict[Callable[..., Any], Primitive] = {}


def _add(
    key: Callable[..., Any], rules: Sequence[Rule | None], options: Any, kind: str
) -> Primitive:
    op = TABLE[key] = Primitive(key, rules, kind=kind, **options)
    return op


def elementwise(key: Callable[..., Any], *rules: Rule | None, **options: Any) -> Primitive:
    """Add a row whose output element depends on the like elements of its inputs alone.

    A rule returns g times the derivative; the sweep sums it to the input's shape. A rule of None
    passes no gradient.
    """
    return _add(key, rules, options, "elementwise")


def linear(key: Callable[..., Any], rule: Rule, **options: Any) -> Primitive:
    """Add a row that is linear in its one array input (`variadic`: in each of them jointly).

    `tangent_zeros` names the parameters that add a constant and are zeroed on tangents.
    """
    return _add(key, (rule,), options, "linear")


def bilinear(key: Callable[..., Any], left: Rule, right: Rule, **options: Any) -> Primitive:
    """Add a row that is linear in each of two array inputs."""
    return _add(key, (left, right), options, "bilinear")


def general(key: Callable[..., Any], *rules: Rule | None, **options: Any) -> Primitive:
    """Add a row with rules and no further structure."""
    return _add(key, rules, options, "general")


def rows() -> list[Primitive]:
    """Every row of the table once, in the order of their definition; users' own left out."""
    return [op for op in dict.fromkeys(TABLE.values()) if not op.strict]


class Composed:
    """A NumPy function that is made up of rows, by a Python function of the same arguments."""

    __slots__ = ("examples", "function", "key", "methods", "name", "params", "path", "source")
    kind = "composed"

    def __init__(
        self,
        key: Callable[..., Any],
        function: Callable[..., Any],
        *,
        methods: Sequence[str] = (),
        examples: Callable[[], Iterable[Any]] | Iterable[Any] = (),
    ) -> None:
        self.key = key
        self.function = function
        self.name = key.__name__.lstrip("_")
        self.path = path_of(key)
        self.params = tuple(inspect.signature(function).parameters)
        self.methods = tuple(methods)
        self.examples = examples
        self.source = source_of((function,))

    def __repr__(self) -> str:
        return f"<Composed {self.path}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function of these arguments, as the user gave them.

        Raises TypeError for a parameter that it does not declare, unless it has the value that
        NumPy takes when it is absent.
        """
        args, kwargs = by_name(self.key, self.params, args, kwargs)
        for name, value in list(kwargs.items()):
            if name not in self.params and not is_absent(name, value):
                refuse_parameter(self.path, name, self.params)
            if name not in self.params or value is np._NoValue:
                del kwargs[name]
        return self.function(*args, **kwargs)


#: Every function that is made up of rows, by the function that users call.
COMPOSED: dict[Callable[..., Any], Composed] = {}


def composed(key: Callable[..., Any], function: Callable[..., Any], **options: Any) -> Composed:
    """Let `function`, which computes by rows, stand for `key` where tensors are its arguments.

    It gets the arguments as the user gave them, tensors anywhere in nested lists among them, and
    its signature names all that it takes. `methods` are installed on Tensor; `examples` are
    `(args, kwargs)` of `key`.
    """
    composition = COMPOSED[key] = Composed(key, function, **options)
    return composition


#: Functions that answer a question about arrays and are given plain values.
QUERIES: set[Callable[..., Any]] = set()

#: What to use in place of a NumPy function that has no rule, for its error message.
ADVICE: dict[Callable[..., Any], str] = {}

#: NumPy functions that write into their first argument, and what to use instead.
IN_PLACE: dict[Callable[..., Any], str] = {}
