"""Tracing: running a function once, with every operation on its arguments noted as a step.

Every float or array among the arguments becomes a Tensor with a node that no gradient passes; what
is computed from it is recorded, through any transforms inside the function, forward and backward.
The numbers are computed as in an eager run, so shapes and dtypes are known; a value that would
steer Python is refused, since the program has to be right for other numbers too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from autograd_lite.compiler.ir import Const, Draw, Graph, Input, Pick, Step, Value
from autograd_lite.debugging import user_line
from autograd_lite.graph import Tensor, new_tensor, picked
from autograd_lite.modes import MODES, Modes, Weak
from autograd_lite.recording import bind, evaluated, node_of
from autograd_lite.rules.activations import stop_gradient
from autograd_lite.sweep import PICK, Leaf, Node, next_order
from autograd_lite.table import TABLE, Plan, Primitive, plan_for
from autograd_lite.transforms import LIFT

__all__ = ["Trace"]


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
        self._picks: dict[tuple[Any, int], Pick] = {}
        self._generators: dict[int, Input] = {}

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
        return Graph(self.inputs, self.steps, [self.operand(y) for y in outputs])

    # --- what the engine calls

    def bind(self, modes: Modes, op: Primitive, inputs: Sequence[Any], params: Any) -> Any:
        """The result of an operation as Tensors that the trace follows."""
        if op.data_dependent:
            self._refuse_shape(op)
        values, y = evaluated(op, inputs, params)
        if isinstance(y, float) and not isinstance(y, np.generic):
            y = Weak(y)
        nodes = [x._node if isinstance(x, Tensor) else None for x in inputs]
        if not any(nodes):
            return _constants(op, y)
        operands = tuple([self.operand(x) for x in inputs])
        tracked = [n is not None and n.tracked and modes.recording for n in nodes]
        node = node_of(plan_for(op, tuple(tracked)), inputs, values, list(nodes), params, y)
        step = Step(node.shape, node.dtype, op=op, operands=operands, params=params)
        step.weak = isinstance(y, Weak)
        self.steps.append(step)
        self.values[node] = step
        self.numbers[step] = y
        return new_tensor(y, node) if op.n_outputs is None else self._picked(y, node)

    def draw(self, sampler: Callable[..., Any], rng: Any, shape: Any, params: Any) -> Tensor:
        """Numbers drawn at every call of the program, in this order."""
        array = sampler(rng, shape, **params)
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
            return Const(x.copy() if isinstance(x, np.ndarray) else x)
        return Const(np.array(x._value)[()]) if x._node is None else self._resolve(x, x._node)

    def _resolve(self, x: Tensor, node: Node) -> Any:
        while node.plan is LIFT:
            node = node.inputs[0]
        found = self.values.get(node)
        if found is None and node.plan is PICK:
            source = self.values[node.inputs[0]]
            found = self._pick(source, node.params["index"], node)
        if found is None and isinstance(node, Leaf) and node.order > self.start:
            found = Const(np.array(x._value)[()])  # a constant that a transform lifted
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

    def _picked(self, y: Any, node: Node) -> Any:
        """The results of a row that has several; int and bool ones are followed too."""
        results = picked(y, node)
        for i, (value, tensor) in enumerate(zip(y, results, strict=True)):
            if tensor._node is None:
                pick = Node(PICK, (node,), (None, node), {"index": i}, value.shape, value.dtype)
                tensor._node = pick
        return results


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


def traced(f: Callable[..., Any], leaves: Sequence[Any], paths: Sequence[str], rebuild: Any) -> Any:
    """(Graph, leaves of the result, its structure) of `f(*rebuild(leaves))`, run once."""
    from autograd_lite import pytree

    trace = Trace()
    token = MODES.set(Modes().but(trace=trace, recording=True))
    try:
        tensors = [trace.input(x, path) for x, path in zip(leaves, paths, strict=True)]
        args, kwargs = rebuild(tensors)
        outputs, structure = pytree.flatten(f(*args, **kwargs))
        return trace, trace.graph(outputs), structure
    finally:
        MODES.reset(token)
