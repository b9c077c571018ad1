"""Functions into their derivatives: grad, value_and_grad, vjp, gradients.

A transform lifts its primals with fresh nodes, runs the function, and sweeps down to those nodes,
never below them. So transforms nest without a trace stack and without perturbation confusion:

    grad(lambda x: x * grad(lambda y: x * y)(1.0))(2.0) == 4.0

The inner sweep ends at y's node; x, older, is a constant to it, but not to the outer sweep, which
sees the inner sweep's own operations, recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from autograd_lite import pytree
from autograd_lite.debugging import Watch
from autograd_lite.graph import (
    Tensor,
    as_tensors,
    load_rules,
    new_tensor,
    own_tensors,
    seed_for,
)
from autograd_lite.messages import (
    kind_of,
    name_of,
    places,
    refuse_masked,
    refuse_no_float,
    refuse_no_function,
    refuse_nothing,
)
from autograd_lite.modes import MODES, within
from autograd_lite.promotion import LIFT, ONE, Float, fixed, gradient_like, number_of
from autograd_lite.sweep import Node, Primal, next_order, own
from autograd_lite.unrolled import drained, swept

__all__ = ["grad", "gradients", "value_and_grad", "vjp"]

F = TypeVar("F", bound=Callable[..., Any])


class Lifted:
    """The primals of a transform: pytrees whose leaves got fresh nodes."""

    def __init__(self, primals: Sequence[Any], transform: str) -> None:
        load_rules()
        self.leaves, self.structure = pytree.flatten(tuple(primals))
        self.of_tensors = False  # whether a primal is a Tensor, as results then are
        self.outer = False  # whether something outside the transform tracks a primal
        self.floor = next_order()  # older than every node that is made now
        self.tensors = [self._lift(i, x, transform) for i, x in enumerate(self.leaves)]
        self.nodes: list[Any] = [
            None if t is x else t._node for x, t in zip(self.leaves, self.tensors, strict=True)
        ]  # a frozen parameter stays what it is

    def _lift(self, i: int, x: Any, transform: str) -> Tensor:
        """A Tensor of leaf i's value with a node that no older one can reach."""
        outer = name = None
        value: Any
        if type(x) is np.ndarray:
            value = x
        elif type(x) is float:
            value = ONE * x  # np.float64(x), in a third of its time
        elif isinstance(x, Tensor):
            value, outer, name = x._value, x._node, x.name
            if not x.is_parameter:
                self.of_tensors = True
                self.outer = self.outer or outer is not None
            elif not x.requires_grad:  # frozen: a constant with zero gradient
                return x
        else:
            refuse_masked(x, transform)
            value = np.asarray(x)
        if value.dtype.kind != "f":
            refuse_no_float(transform, pytree.names(self.structure)[i], x, value.dtype)
        lifted = new_tensor(value, None)
        lifted._name, lifted._grad = name, None
        if outer is None:
            leaf = Float if type(x) is float else Primal
            lifted._node = leaf(lifted, value.shape, value.dtype)
        else:
            lifted._node = Node(LIFT, (outer,), (None, None), {}, value.shape, value.dtype)
        return lifted

    def primals(self) -> tuple[Any, ...]:
        """The primals with Tensors for leaves."""
        return pytree.unflatten(self.structure, self.tensors)  # type: ignore[no-any-return]

    def gradients(self, found: Mapping[Node, Any], record: bool = True) -> tuple[Any, ...]:
        """The primals' pytrees with a gradient for each leaf, zeros where there is none."""
        zipped = zip(self.leaves, self.tensors, self.nodes, strict=True)
        grads = [
            g if type(g := found.get(n)) is type(x) is np.ndarray  # an array for an array
            else _result(g, t, x, record)
            for x, t, n in zipped
        ]  # fmt: skip
        return pytree.unflatten(self.structure, grads)  # type: ignore[no-any-return]


def _result(g: Any, lifted: Tensor, primal: Any, record: bool) -> Any:
    """A gradient in the kind of its primal: float for float, array for array."""
    if g is None:
        g = np.zeros(lifted.shape, lifted.dtype)
    if isinstance(g, Tensor):
        if record and (g._node is not None or _is_plain_tensor(primal)):
            return gradient_like(lifted, g)
        g = g._value
    if type(primal) is float:
        return float(g)
    if _is_plain_tensor(primal):
        return new_tensor(fixed(lifted, g), None)
    return np.asarray(g) if isinstance(g, np.generic) else g


def _is_plain_tensor(x: Any) -> bool:
    return isinstance(x, Tensor) and not x.is_parameter


def result_leaves(transform: str, f: Any, result: Any) -> tuple[list[Any], pytree.TreeDef]:
    """The leaves and the structure of what a function under a transform returned.

    Raises TypeError for what is neither a number nor an array.
    """
    refuse_nothing(transform, f, result)
    leaves, structure = pytree.flatten(result)
    for y in leaves:
        if not isinstance(y, (Tensor, np.ndarray, np.number, np.bool_, float, int)):
            raise TypeError(
                f"{transform} of {name_of(f)}: the function must return numbers, arrays or a "
                f"pytree of them, it returned {kind_of(y)}"
            )
    return leaves, structure


def value_of(y: Any, lifted: Lifted, record: bool, *, scalar: bool = True) -> Any:
    """A function's result for the outside, in the graph only where something outer tracks it."""
    if not isinstance(y, Tensor):
        return y
    if record and y._node is not None:
        return y
    if lifted.of_tensors:
        return y.detach()
    return number_of(y) if scalar and y.ndim == 0 else y.data


class Recording:
    """How a transform runs a function: `inside` these modes, recording and one level deeper."""

    def __init__(self, lifted: Lifted, also: Sequence[Any] = ()) -> None:
        self.modes = MODES.get()
        self.inside = self.modes.deeper()
        #: whether the sweep must be recorded too: something outer may differentiate its result
        self.record = (
            lifted.outer
            or self.modes.depth > 0
            or self.modes.trace is not None
            or (bool(also) and any(isinstance(x, Tensor) and x._node is not None for x in also))
        )


def pull(
    outputs: list[tuple[Tensor, Any]],
    targets: Sequence[Any],
    record: bool,
    floor: int,
) -> dict[Node, Any]:
    """The cotangents of target nodes, given (tensor, cotangent) pairs of outputs.

    `floor` is a number of the creation counter that no target is older than. The list of outputs
    is emptied: where nobody else holds the graph, it dies as it is swept.
    """
    modes = MODES.get()
    seeds = [g for _, g in outputs] if record else []
    found = swept(
        [(y._node, g) for y, g in drained(outputs) if y._node is not None],
        {node for node in targets if node is not None},
        floor,
        as_tensors=as_tensors if record else None,
        watch=Watch() if modes.debug else modes.trace.watch if modes.trace is not None else None,
    )
    return own_tensors(found, seeds) if record else found


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that returns `(f(*args), gradient)` for a scalar-valued f.

    The gradient has the structure, shapes and dtypes of the argument that `argnums` names (a tuple
    of them for several). With `has_aux`, f returns `(value, aux)`, and so does the value here.
    Floats give floats, arrays arrays; Tensors that require grad, and nested transforms, Tensors.

    Raises TypeError for an argument that is no float, or a result that is no scalar.
    """

    refuse_no_function("value_and_grad", f)

    @wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        spots, several = places(argnums, len(args), f)
        lifted = Lifted([args[i] for i in spots], "grad")
        full = list(args)
        for i, primal in zip(spots, lifted.primals(), strict=True):
            full[i] = primal
        recording = Recording(lifted)
        record = recording.record
        try:
            MODES.set(recording.inside)
            result = f(*full, **kwargs)
            value, aux = _split_aux(result, f) if has_aux else (result, None)
            outputs = scalar_output(value, record, f)
            if record:
                found = pull(outputs, lifted.nodes, True, lifted.floor)
        finally:
            MODES.set(recording.modes)
        value = value_of(value, lifted, record)
        if has_aux:
            value = (value, pytree.map(lambda a: value_of(a, lifted, record), aux))
        if not record:  # out of the context: a rule that uses transforms is outermost
            del result, aux  # the last to hold the graph
            found = pull(outputs, lifted.nodes, False, lifted.floor)
        grads = lifted.gradients(found, record)
        return value, grads if several else grads[0]

    return value_and_gradient


def scalar_output(value: Any, record: bool, f: Any) -> list[tuple[Tensor, Any]]:
    """The function's value with its cotangent, 1, for `pull`: none where it is no Tensor."""
    array = value._value if isinstance(value, Tensor) else value
    one = getattr(array, "size", 0) == 1 and array.dtype.kind == "f"
    if not (one or isinstance(array, float)):
        refuse_nothing("grad", f, value)
        raise TypeError(
            f"grad of {name_of(f)}: the function must return one float, it returned "
            f"{kind_of(value)}; sum it, or use vjp or jacobian"
            + ("; or has_aux=True for (value, aux)" if isinstance(value, tuple) else "")
        )
    return [(value, seed_for(value, None, record))] if isinstance(value, Tensor) else []


def _split_aux(result: Any, f: Any) -> tuple[Any, Any]:
    if not (isinstance(result, tuple) and len(result) == 2):
        raise TypeError(
            f"with has_aux, {name_of(f)} must return (value, aux), it returned {kind_of(result)}"
        )
    return result


def grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that returns the gradient of a scalar-valued f; see `value_and_grad`.

    With `has_aux`, f returns `(value, aux)` and the result is `(gradient, aux)`.
    """
    refuse_no_function("grad", f)
    both = value_and_grad(f, argnums, has_aux)

    @wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, g = both(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    return gradient


def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """`(f(*primals), pullback)`, where `pullback(cotangent)` is a tuple, one gradient per primal.

    The cotangent has the structure and shapes of the result. The pullback may be called often.
    Raises TypeError for primals that are no floats, ValueError for a misshapen cotangent.
    """
    refuse_no_function("vjp", f)
    lifted = Lifted(primals, "vjp")
    recording = Recording(lifted)
    result = within(recording.inside, f, *lifted.primals())
    leaves, structure = result_leaves("vjp", f, result)

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        cotangents = pytree.flatten_like(structure, cotangent)
        if any(g is None for g in cotangents):
            raise ValueError("pullback: a cotangent is None; pass zeros where a result has none")
        outer = MODES.get()
        record = (
            recording.record
            or outer.depth > 0
            or any(isinstance(g, Tensor) and g._node is not None for g in cotangents)
        )
        pairs = [
            (y, seed_for(y, g, record))
            for y, g in zip(leaves, cotangents, strict=True)
            if isinstance(y, Tensor) and y._node is not None
        ]
        found = within(outer.deeper(), pull, pairs, lifted.nodes, record, lifted.floor)
        return lifted.gradients(found, record)

    return pytree.map(lambda y: value_of(y, lifted, recording.record), result), pullback


def gradients(
    output: Tensor, inputs: Any, gradient: Any = None, *, create_graph: bool = False
) -> Any:
    """The gradients of a recorded output with respect to `inputs`, a Tensor or a pytree of them.

    Interior tensors are allowed. An input that the output does not depend on gets zeros. Arrays
    come back, Tensors with `create_graph`. `.grad` of no tensor is touched.

    Raises TypeError for an input that is no tensor or does not require grad, RuntimeError for an
    output that does not, ValueError for a missing or misshapen `gradient`.
    """
    tensors, structure = pytree.flatten(inputs)
    for x in tensors:
        if not isinstance(x, Tensor) or x._node is None:
            raise TypeError(
                f"gradients: expected tensors that require grad as inputs, got {kind_of(x)}"
            )
    if not isinstance(output, Tensor):
        raise TypeError(
            f"gradients: expected a tensor that was computed from the inputs, got {kind_of(output)}"
            "; use ag.grad for a function"
        )
    if output._node is None:
        raise RuntimeError(f"gradients: the output, {kind_of(output)}, does not require grad")
    pairs = [(output, seed_for(output, gradient, create_graph))]
    nodes = [x._node for x in tensors]
    floor = min([n.order for n in nodes], default=0)
    found = pull(pairs, nodes, create_graph, floor)
    each = {i: found[node] for i, node in enumerate(nodes) if node in found}
    (own_tensors if create_graph else own)(each, ())  # an input may be there twice
    grads = []
    for i, x in enumerate(tensors):
        g = each.get(i)
        g = np.zeros(x.shape, x.dtype) if g is None else g
        of_tensor = create_graph and not isinstance(g, Tensor)
        grads.append(new_tensor(g, None) if of_tensor else g if create_graph else np.asarray(g))
    return pytree.unflatten(structure, grads)
