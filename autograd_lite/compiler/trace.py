"""Tracing: running a function once, with every operation on its arguments noted as a step.

Every float or array among the arguments becomes a Tensor with a node that no gradient passes; what
is computed from it is recorded, through any transforms inside the function, forward and backward.
The numbers are computed as in an eager run, so shapes and dtypes are known; a value that would
steer Python is refused, since the program has to be right for other numbers too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, NoReturn

import numpy as np

from autograd_lite import pytree
from autograd_lite.compiler.ir import Const, Draw, Graph, Input, Pick, Step, Value
from autograd_lite.compiler.lowering import LOWERED
from autograd_lite.debugging import user_line
from autograd_lite.graph import Tensor, new_tensor, picked
from autograd_lite.modes import MODES, Modes, Weak
from autograd_lite.promotion import LIFT, Fixed, Float, gives_floats, is_fixed, result_of, stands
from autograd_lite.recording import bind, evaluated, node_of
from autograd_lite.rules.activations import stop_gradient
from autograd_lite.signatures import constants
from autograd_lite.sweep import PICK, PICK_OF_INTS, Leaf, Node, next_order
from autograd_lite.table import TABLE, Plan, Primitive, plan_for

__all__ = ["FLOAT", "Trace", "traced"]


def _input(x: Any) -> Any:
    """A value that comes from outside."""
    return x


#: The plan of a node that a trace begins with: in the graph, but no gradient passes it.
INPUT = Plan(Primitive(_input, (None,), kind="general", name="input"), (False,))


class Trace:
    """One run of a function, noted: give it inputs, run the function, take the graph."""

    def __init__(self) -> None:
        self.start = next_order()
        self.inputs: list[Input] = []
        self.steps: list[Value] = []
        self.values: dict[Node, Any] = {}  # what stands for a node: a Value or a Const
        self.numbers: dict[Any, Any] = {}  # the concrete array of every Value
        #: gradients as the function gets them: of arrays, arrays, where NumPy's results are scalars
        self.arrays: list[Tensor] = []
        self._picks: dict[tuple[Any, int], Pick] = {}
        self._generators: dict[int, Input] = {}
        self._streams: dict[int, Any] = {}
        self._constants: dict[int, tuple[Any, Const]] = {}
        self._lowering: list[Primitive] = []  # rows whose steps are being noted
        self._errors = np.geterr()
        self._quiet = tuple(name for name, how in self._errors.items() if how == "ignore")

    # --- what goes in and comes out

    def input(self, leaf: Any, path: str) -> Any:
        """A traced Tensor for a leaf of the arguments; a Generator stays what it is."""
        value = Input((), None, path=path, index=len(self.inputs), name=path)
        self.inputs.append(value)
        if isinstance(leaf, np.random.Generator):
            self._generators[id(leaf)] = value
            return leaf
        array = leaf._value if isinstance(leaf, Tensor) else leaf
        if type(array) is float:
            array, value.weak = Weak(array), True
        elif not isinstance(array, (np.ndarray, np.generic)):
            array = np.asarray(array)
        value.shape, value.dtype = array.shape, array.dtype
        frozen = isinstance(leaf, Tensor) and leaf.is_parameter and not leaf.requires_grad
        tensor = self._tensor(array, value, type(leaf) if frozen else Tensor)
        tensor.name = path
        return tensor

    def _tensor(self, array: Any, value: Value, cls: type[Tensor] = Tensor) -> Tensor:
        node = Node(INPUT, (), (None, None), {}, array.shape, array.dtype)
        self.values[node] = value
        self.numbers[value] = array
        tensor = cls.__new__(cls)
        tensor._value, tensor._node = array, node
        return tensor

    def graph(self, outputs: Sequence[Any]) -> Graph:
        """What was noted, with these leaves of the result as outputs."""
        results = [self.operand(y) for y in outputs]
        for node, value in self.values.items():  # names may come after the first use
            if node.name and found_name(value) is None:
                value.name = node.name
        return Graph(self.inputs, self.steps, results)

    # --- what the engine calls

    def bind(self, modes: Modes, op: Primitive, inputs: Sequence[Any], params: Any) -> Any:
        """The result of an operation as Tensors that the trace follows."""
        if op.data_dependent:
            self._refuse_shape(op)
        params = params if op.strict else constants(op.path, params)
        inputs = [_weak(x) if isinstance(x, Tensor) and stands(x) else x for x in inputs]
        try:
            values, y = evaluated(op, inputs, params)
        except ArithmeticError:  # Python's, of floats such as 1/0
            values, y = _in_numpy(op, inputs, params)
        if isinstance(y, complex) and not isinstance(y, np.generic):  # Python's (-1.0)**0.5
            values, y = _in_numpy(op, inputs, params)
        y = result_of(op, inputs, np.bool_(y) if isinstance(y, bool) else y)
        if isinstance(y, float) and (type(y) is Fixed or not isinstance(y, np.generic)):
            y = Weak(y)
        elif op.n_outputs is not None and gives_floats(op):
            parts = [result_of(op, inputs, v) for v in y]
            y = tuple([Weak(v) if type(v) in (float, Fixed) else v for v in parts])
        nodes = [x._node if isinstance(x, Tensor) else None for x in inputs]
        if not any(nodes):
            return _constants(op, y)
        pairs = zip(inputs, values, strict=True)
        operands = tuple([self.operand(v if isinstance(x, list) else x) for x, v in pairs])
        tracked = [n is not None and n.tracked and modes.recording for n in nodes]
        node = node_of(plan_for(op, tuple(tracked)), inputs, values, list(nodes), params, y)
        if (
            op in LOWERED
            and op not in self._lowering
            and (lowered := self._lowered(op, inputs, params, y)) is not None
        ):
            self.values[node] = lowered
            return new_tensor(y, node) if op.n_outputs is None else picked(y, node)
        step = Step(node.shape, node.dtype, op=op, operands=operands, params=params)
        step.weak = isinstance(y, Weak) or is_fixed(y)
        step.silent = self._silent()
        self.steps.append(step)
        self.values[node] = step
        self.numbers[step] = y
        return new_tensor(y, node) if op.n_outputs is None else picked(y, node)

    def _lowered(self, op: Primitive, inputs: Sequence[Any], params: Any, y: Any) -> Any:
        """What stands for a row that is traced through: a Value, or a tuple of them."""
        modes = MODES.get()
        self._lowering.append(op)
        try:
            MODES.set(modes.but(recording=False))
            result = LOWERED[op](*[_bare(x) for x in inputs], **params)
        finally:
            MODES.set(modes)
            self._lowering.pop()
        several = op.n_outputs is not None
        parts = [self.operand(part) for part in (result if several else (result,))]
        for part, made in zip(parts, y if several else (y,), strict=True):
            if isinstance(part, Const) or (part.shape, part.dtype) != (made.shape, made.dtype):
                return None  # not what the row gives: leave it whole
        return tuple(parts) if several else parts[0]

    def _silent(self) -> tuple[str, ...]:
        """The floating-point errors that are ignored here, but not where the program is called."""
        now = np.geterr()
        if now == self._errors:
            return ()
        return tuple(n for n, how in now.items() if how == "ignore" and n not in self._quiet)

    def watch(self, node: Node, g: Any, i: int = -1, ct: Any = None) -> None:
        """Name the cotangent of a named value, as a sweep passes it."""
        if i >= 0 or not isinstance(g, Tensor) or g._node is None:
            return
        inner = node
        while inner.plan is LIFT:
            inner = inner.inputs[0]
        value, own = self.values.get(inner), self.values.get(g._node)
        name = inner.name or found_name(value)
        if name and own is not None and own is not value and not found_name(own):
            own.name = f"{name}_grad"

    def as_float(self, g: Tensor) -> Any:
        """A gradient with respect to a Python float: a Python float."""
        return bind(FLOAT, (g,))

    def draw(self, sampler: Callable[..., Any], rng: Any, shape: Any, params: Any) -> Tensor:
        """Numbers drawn at every call of the program, in this order."""
        # from a copy: the program's first call draws what an eager run would have drawn
        array = sampler(self._streams.setdefault(id(rng), deepcopy(rng)), shape, **params)
        source = self._generators.get(id(rng), rng)
        value = Draw(array.shape, array.dtype, sampler=sampler, rng=source, params=params)
        self.steps.append(value)
        return self._tensor(array, value)

    def detached(self, x: Tensor) -> Any:
        """The tensor as a constant to gradients, but not to the program."""
        return bind(TABLE[stop_gradient], (x,))

    def refuse(self, x: Tensor, use: str) -> NoReturn:
        """Raise where a value is asked for that differs from call to call."""
        raise TypeError(
            f"{use} of {x.name or 'a traced value'} of shape {x.shape} at {user_line()}: its value "
            "differs from call to call, and the program is compiled for all of them; choose with "
            "np.where, or pass what steers Python as an int, bool or string, or in static_argnums"
        )

    def _refuse_shape(self, op: Primitive) -> NoReturn:
        raise TypeError(
            f"{op.path} at {user_line()}: the shape of its result depends on values, which differ "
            "from call to call; choose with np.where, which keeps the shape"
        )

    # --- nodes into values

    def operand(self, x: Any) -> Any:
        """What stands for an input of an operation in the program: a Value, or a Const."""
        if not isinstance(x, Tensor):
            return self._constant(x) if isinstance(x, np.ndarray) else Const(x)
        if x._node is None:
            return self._constant(x._value)
        return self._resolve(x, x._node)

    def _constant(self, array: Any) -> Const:
        """A copy of an array that is no argument, one for all its uses while it stays the same."""
        if type(array) is Weak or is_fixed(array):
            return Const(array.item())
        known = self._constants.get(id(array))
        if known is None or not np.array_equal(known[1].array, array, equal_nan=_has_nan(array)):
            known = self._constants[id(array)] = (array, Const(np.array(array)[()]))
        return known[1]

    def _resolve(self, x: Tensor, node: Node) -> Any:
        while node.plan is LIFT:
            node = node.inputs[0]
        found = self.values.get(node)
        if found is None and node.plan in (PICK, PICK_OF_INTS) and node.inputs[0] in self.values:
            source = self.values[node.inputs[0]]
            index = node.params["index"]
            found = source[index] if type(source) is tuple else self._pick(source, index, node)
            self.values[node] = found
        if found is None and isinstance(node, Leaf) and node.order > self.start:
            value = Weak(x._value) if type(node) is Float else x._value
            found = self._constant(value)  # that a transform lifted
        if found is None:
            raise TypeError(
                f"{x.name or 'a tensor'} of shape {x.shape} requires grad and is used by the "
                "compiled function, but is not among its arguments; pass it as one (a model, too)"
            )
        if node.name and not found_name(found):
            found.name = node.name
        return found

    def _pick(self, source: Any, index: int, node: Node) -> Pick:
        key = (source, index)
        if key not in self._picks:
            pick = Pick(node.shape, node.dtype, source=source, index=index)
            self._picks[key] = pick
            self.steps.append(pick)
            self.numbers[pick] = self.numbers[source][index]
        return self._picks[key]


def _float(x: Any) -> float:
    """The number of a 0-d array."""
    return float(x)


#: Gives gradients with respect to Python floats their kind.
FLOAT = Primitive(
    _float,
    (lambda g, y, x: g,),
    kind="linear",
    name="float",
    jvp=lambda tangents, y, x: tangents[0],  # a number of NumPy's
)


def _in_numpy(op: Primitive, inputs: Sequence[Any], params: Any) -> tuple[list[Any], Any]:
    """(values, result) of an operation on Python floats, where NumPy has inf or nan."""
    values = [x._value if isinstance(x, Tensor) else x for x in inputs]
    if not all(isinstance(v, (float, int)) for v in values):
        raise
    y = op.fn(*[np.float64(v) if isinstance(v, float) else v for v in values], **params)
    return values, y.item() if op.n_outputs is None else tuple([v.item() for v in y])


def _weak(x: Tensor) -> Tensor:
    """A tensor that stands for a Python float, as one that a trace follows."""
    return x if type(x._value) is Weak else new_tensor(Weak(x._value), x._node)


def _bare(x: Any) -> Any:
    """An operand for a row's own function, run on tensors: numbers as they are."""
    return x if isinstance(x, (Tensor, float, int)) else new_tensor(np.asarray(x), None)


def _has_nan(array: Any) -> bool:
    return bool(array.dtype.kind == "f" and np.isnan(np.min(array, initial=np.inf)))


def found_name(value: Any) -> str | None:
    """The name of a Value; a Const has none and takes none."""
    return getattr(value, "name", "")


def _constants(op: Primitive, y: Any) -> Any:
    """The results of an operation on constants, as constants."""
    if op.n_outputs is None:
        keeps = isinstance(y, (np.ndarray, np.generic, Weak))
        return new_tensor(y if keeps else np.asarray(y), None)
    items = [new_tensor(value, None) for value in y]
    return type(y)(*items) if hasattr(y, "_fields") else type(y)(items)


def traced(
    f: Callable[..., Any], leaves: Sequence[Any], paths: Sequence[str], rebuild: Callable[..., Any]
) -> tuple[Graph, Any, set[int]]:
    """(Graph, structure of the result, places of arrays in it) of f, run once.

    On `rebuild(tensors of the leaves)`. Whatever else has no axes is a number.
    """
    trace = Trace()
    before = MODES.get()
    try:
        MODES.set(Modes().but(trace=trace, recording=True))
        tensors = [trace.input(x, path) for x, path in zip(leaves, paths, strict=True)]
        args, kwargs = rebuild(tensors)
        outputs, structure = pytree.flatten(f(*args, **kwargs))
        given = [t for t, x in zip(tensors, leaves, strict=True) if isinstance(x, np.ndarray)]
        known = [*trace.arrays, *given]
        arrays = {
            i
            for i, y in enumerate(outputs)
            if isinstance(y, np.ndarray) or any(y is g for g in known)
        }
        return trace.graph(outputs), structure, arrays
    finally:
        MODES.set(before)
