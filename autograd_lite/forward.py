"""Forward mode: tangents pushed through the recorded graph.

No row has a rule of its own for it. An elementwise row's rule is its own transpose; a linear or
bilinear row is applied to the tangents; of a general row, whose rule v ↦ Jᵀv is linear in v, the
sweep through the recorded rule is the transpose of the transpose, J.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from autograd_lite import pytree
from autograd_lite.broadcasting import fitted
from autograd_lite.floats import ERRORS, IGNORED
from autograd_lite.graph import Tensor, as_tensors, new_tensor, seed_for
from autograd_lite.messages import places, refuse_no_function
from autograd_lite.modes import MODES
from autograd_lite.promotion import LIFT, gradient_like, like, stands
from autograd_lite.recording import bind
from autograd_lite.sweep import PICK, Node, Primal, ancestors, sweep
from autograd_lite.transforms import (
    Lifted,
    Recording,
    grad,
    pull,
    result_leaves,
    scalar_output,
    value_of,
)

__all__ = ["hessian", "hvp", "jacobian", "jvp"]


def jvp(f: Callable[..., Any], primals: Any, tangents: Any) -> tuple[Any, Any]:
    """`(f(*primals), tangent)`: the value, and its derivative in the direction of `tangents`.

    `primals` and `tangents` are tuples of pytrees alike in structure and shapes; the tangent has
    the structure and shapes of the value. Raises TypeError for primals that are no floats,
    ValueError for a tangent of another shape than its primal.
    """
    refuse_no_function("jvp", f)
    primals, tangents = _tuples(primals, tangents, "jvp")
    lifted = Lifted(primals, "jvp")
    directions = _directions(lifted, tangents, "jvp")
    recording = Recording(lifted, also=directions)
    record = recording.record
    try:
        MODES.set(recording.inside)
        leaves, structure = result_leaves("jvp", f, f(*lifted.primals()))
        pushed = push(leaves, lifted, directions, record)
    finally:
        MODES.set(recording.modes)
    out = [_zeros_of(y) if t is None else t for y, t in zip(leaves, pushed, strict=True)]
    values = [value_of(y, lifted, record) for y in leaves]
    shown = [like(y, value_of(t, lifted, record)) for y, t in zip(leaves, out, strict=True)]
    return pytree.unflatten(structure, values), pytree.unflatten(structure, shown)


def _tuples(primals: Any, tangents: Any, name: str) -> tuple[Any, Any]:
    if not (isinstance(primals, (tuple, list)) and isinstance(tangents, (tuple, list))):
        raise TypeError(
            f"{name}: primals and tangents are tuples, one entry per argument of f, as in "
            f"{name}(f, (x,), (v,))"
        )
    if len(primals) != len(tangents):
        raise ValueError(f"{name}: {len(primals)} primals but {len(tangents)} tangents")
    return tuple(primals), tuple(tangents)


def _directions(lifted: Lifted, tangents: Any, name: str) -> list[Any]:
    """The tangents' leaves, each checked against its primal and in its dtype."""
    leaves = pytree.flatten_like(lifted.structure, tangents)
    directions: list[Any] = []
    for i, (x, t) in enumerate(zip(lifted.tensors, leaves, strict=True)):
        value = x._value
        if type(t) is np.ndarray and t.shape == value.shape and t.dtype is value.dtype:
            directions.append(t)
            continue
        if np.shape(t) != x.shape:
            raise ValueError(
                f"{name}: the tangent of primal {pytree.names(lifted.structure)[i]} has shape "
                f"{np.shape(t)}, expected {x.shape}"
            )
        if isinstance(t, Tensor) and t._node is not None:
            directions.append(t if t.dtype == x.dtype else t.astype(x.dtype))
            continue
        array = np.asarray(t._value if isinstance(t, Tensor) else t)
        if array.dtype.kind not in "fiub":
            raise TypeError(
                f"{name}: the tangent of primal {pytree.names(lifted.structure)[i]} has dtype "
                f"{array.dtype}, expected real numbers"
            )
        directions.append(array.astype(x.dtype, copy=False))
    return directions


def _zeros_of(y: Any) -> Any:
    return np.zeros(np.shape(y), y.dtype if isinstance(y, (Tensor, np.ndarray)) else None)[()]


def push(
    outputs: Sequence[Any], lifted: Lifted, directions: Sequence[Any], record: bool
) -> list[Any]:
    """The tangent of every output, None where it depends on no lifted primal."""
    tangents: dict[Node, Any] = {
        node: t for node, t in zip(lifted.nodes, directions, strict=True) if node is not None
    }
    floor = lifted.floor
    roots = [y._node for y in outputs if isinstance(y, Tensor) and y._node is not None]
    before = ERRORS.get()
    try:
        ERRORS.set(IGNORED)
        for node in ancestors(roots, floor):
            if node.inputs and node not in tangents:
                ts = [tangents.get(p) if isinstance(p, Node) else None for p in node.inputs]
                if any(ts[i] is not None for i, _ in node.plan.edges):  # not of what steps
                    try:
                        tangents[node] = _tangent(node, ts, record)
                    except Exception as error:
                        error.add_note(f"in the forward derivative of {node.plan.op.path}")
                        raise
    finally:
        ERRORS.set(before)
    return [tangents.get(y._node) if isinstance(y, Tensor) and y._node else None for y in outputs]


def _tangent(node: Node, ts: list[Any], record: bool) -> Any:
    """The tangent of a node's output, given those of its inputs, None for a constant one."""
    plan, params = node.plan, node.params
    op = plan.op
    if plan is LIFT:
        return ts[0]
    if plan is PICK:
        return ts[0][params["index"]]
    saved = as_tensors(node) if record else node.saved
    if op.jvp is not None:
        total = op.jvp(tuple(ts), *saved, **params)
    elif op.kind == "elementwise":
        edges = [(i, rule) for i, rule in plan.edges if ts[i] is not None]
        total = _sum(rule(ts[i], *saved, **params) for i, rule in edges)
    elif op.kind == "linear":
        inputs = [_linear_input(i, node, saved) if t is None else t for i, t in enumerate(ts)]
        total = _apply(op, inputs, params | dict.fromkeys(op.tangent_zeros, 0.0))
    elif op.kind == "bilinear":
        a, b = saved[1:]
        pairs = [(ts[0], b) if i == 0 else (a, ts[1]) for i in (0, 1) if ts[i] is not None]
        total = _sum(_apply(op, pair, params) for pair in pairs)
    else:
        total = _transposed_twice(node, ts, saved, record)
    if op.n_outputs is not None:
        return tuple([_fitted(*part) for part in zip(total, node.shape, node.dtype, strict=True)])
    return total if isinstance(total, tuple) else _fitted(total, node.shape, node.dtype)


def _sum(terms: Any) -> Any:
    first, *rest = terms
    for term in rest:
        first = first + term
    return first


def _apply(op: Any, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    if any(isinstance(x, Tensor) for x in inputs):
        return bind(op, inputs, params)
    return op.fn(*inputs, **params)


def _linear_input(i: int, node: Node, saved: Sequence[Any]) -> Any:
    """What a linear row is given for a constant input: an index or a mask as it is, else zeros."""
    if i in node.plan.keep:
        return saved[i + 1]
    parent = node.inputs[i]
    return np.zeros(np.shape(parent), getattr(parent, "dtype", None))


def _transposed_twice(node: Node, ts: list[Any], saved: Sequence[Any], record: bool) -> Any:
    """Σ J_i t_i, as the vjp with cotangents t_i of the rules v ↦ J_iᵀ v, which are linear in v."""
    several = node.plan.op.n_outputs is not None
    shapes = node.shape if several else (node.shape,)
    dtypes = node.dtype if several else (node.dtype,)
    seeds = [_leaf(np.zeros(s, d)) for s, d in zip(shapes, dtypes, strict=True)]
    v: Any = tuple(seeds) if several else seeds[0]
    pairs = []
    for i, rule in node.plan.edges:
        if ts[i] is not None:
            ct = rule(v, *saved, **node.params)
            if isinstance(ct, tuple):  # a checkpoint's inputs, as one
                pairs += [(c, t) for c, t in zip(ct, ts[i], strict=True) if c is not None]
                continue
            parent = node.inputs[i]
            if ct.shape != parent.shape or ct.dtype != parent.dtype:
                ct = fitted(ct, parent, node.plan.op)
            if node.plan.op.strict:
                _refuse_constant(ct, v._node, node.plan.op, i)
            pairs.append((ct, ts[i]))
    nodes: list[Any] = [seed._node for seed in seeds]
    found = sweep(
        [(c._node, t) for c, t in pairs if isinstance(c, Tensor) and c._node and t is not None],
        set(nodes),
        min(node.order for node in nodes),
        as_tensors=as_tensors if record else None,
    )
    parts = [found.get(n, np.zeros(s, d)) for n, s, d in zip(nodes, shapes, dtypes, strict=True)]
    return tuple(parts) if several else parts[0]


def _refuse_constant(ct: Any, seed: Node, op: Any, i: int) -> None:
    """Raise where the rule of a user's operation made something else of g than a linear function.

    Its transpose would be 0, silently.
    """
    own = isinstance(ct, Tensor) and ct._node is not None
    if not (own and seed in ancestors([ct._node], seed.order)) and np.any(
        getattr(ct, "_value", ct)
    ):
        raise ValueError(
            f"the rule of {op.path} for input {i} returned a cotangent that does not depend on g, "
            "the cotangent of the output; a rule returns g times a derivative"
        )


def _leaf(value: Any) -> Tensor:
    tensor = new_tensor(value, None)
    tensor._node = Primal(tensor, value.shape, value.dtype)
    return tensor


def _fitted(t: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """A tangent in its output's shape and dtype; of ints or bools it is of any dtype, or None."""
    if t is not None and np.shape(t) != shape:
        t = np.broadcast_to(t, shape)
    return t if t is None or dtype.kind != "f" or t.dtype == dtype else t.astype(dtype)


def jacobian(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The function that returns the Jacobian of f, of shape (*y.shape, *x.shape).

    For pytrees, a pytree of f's result with a pytree of the argument in each place. The mode is
    reverse where f has no more outputs than inputs, else forward. A tuple of `argnums` gives a
    tuple. Raises TypeError for an argument that is no float.
    """

    refuse_no_function("jacobian", f)

    @wraps(f)
    def jacobian_of_f(*args: Any, **kwargs: Any) -> Any:
        spots, several = places(argnums, len(args), f)
        lifted = Lifted([args[i] for i in spots], "jacobian")
        full = list(args)
        for i, primal in zip(spots, lifted.primals(), strict=True):
            full[i] = primal
        recording = Recording(lifted)
        try:
            MODES.set(recording.inside)
            leaves, structure = result_leaves("jacobian", f, f(*full, **kwargs))
            blocks = _blocks(leaves, lifted, recording.record)
        finally:
            MODES.set(recording.modes)
        rows = []
        for row in blocks:
            shown = [
                _shown(value_of(b, lifted, recording.record, scalar=False), x)
                for b, x in zip(row, lifted.tensors, strict=True)
            ]
            trees = pytree.unflatten(lifted.structure, shown)
            rows.append(trees if several else trees[0])
        return pytree.unflatten(structure, rows)

    return jacobian_of_f


def _blocks(outputs: Sequence[Any], lifted: Lifted, record: bool) -> list[list[Any]]:
    """For every output leaf a list with a block (*y.shape, *x.shape) for every primal leaf."""
    n_out = sum(int(np.size(y)) for y in outputs)
    n_in = sum(x.size for x in lifted.tensors)
    make = _rows_by_reverse if n_out <= n_in else _columns_by_forward
    return [make(y, lifted, record) for y in outputs]


def _shown(block: Any, lifted: Tensor) -> Any:
    """A float for a float's single derivative, else the block as it is."""
    if isinstance(block, Tensor) and not block.ndim:
        return gradient_like(lifted, block)
    return like(lifted, block) if not block.ndim and stands(lifted) else block


def _rows_by_reverse(y: Any, lifted: Lifted, record: bool) -> list[Any]:
    shape = np.shape(y)
    if not (isinstance(y, Tensor) and y._node is not None):
        return [np.zeros((*shape, *x.shape), x.dtype) for x in lifted.tensors]
    rows: list[list[Any]] = [[] for _ in lifted.tensors]
    for place in np.ndindex(shape):
        seed = np.zeros(shape, y.dtype)
        seed[place] = 1
        found = pull([(y, seed_for(y, seed, record))], lifted.nodes, record, lifted.floor)
        for column, x, node in zip(rows, lifted.tensors, lifted.nodes, strict=True):
            column.append(found.get(node, np.zeros(x.shape, x.dtype)))
    return [
        _stacked(row, (*shape, *x.shape), x) for row, x in zip(rows, lifted.tensors, strict=True)
    ]


def _columns_by_forward(y: Any, lifted: Lifted, record: bool) -> list[Any]:
    blocks = []
    for k, x in enumerate(lifted.tensors):
        columns = []
        for place in np.ndindex(x.shape):
            directions = [np.zeros(t.shape, t.dtype) for t in lifted.tensors]
            directions[k][place] = 1
            (t,) = push([y], lifted, directions, record)
            columns.append(_zeros_of(y) if t is None else t)
        block = _stacked(columns, (*x.shape, *np.shape(y)), y)
        if block.dtype != x.dtype and not stands(x):
            block = block.astype(x.dtype)  # as by reverse
        n, m = x.ndim, np.ndim(y)
        blocks.append(np.transpose(block, (*range(n, n + m), *range(n))))
    return blocks


def _stacked(parts: list[Any], shape: tuple[int, ...], like: Any) -> Any:
    if not parts:
        return np.zeros(shape, getattr(like, "dtype", None))
    return np.reshape(np.stack(parts), shape)


def hessian(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The function that returns the Hessian of a scalar f, of shape (*x.shape, *x.shape)."""
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Callable[..., Any], primals: Any, tangents: Any) -> tuple[Any, Any]:
    """`(gradient, H·v)` of a scalar f at `primals`, with v the `tangents`.

    Both have the structure of the primal where there is one, else of the tuple of primals. The
    gradient is swept again with cotangent v: H is symmetric, so that is H·v, at the price of one
    more sweep.
    """
    refuse_no_function("hvp", f)
    primals, tangents = _tuples(primals, tangents, "hvp")
    lifted = Lifted(primals, "hvp")
    directions = _directions(lifted, tangents, "hvp")
    recording = Recording(lifted, also=directions)
    try:
        MODES.set(recording.inside)
        value = f(*lifted.primals())
        found = pull(scalar_output(value, True, f), lifted.nodes, True, lifted.floor)
        pairs = []
        for node, t in zip(lifted.nodes, directions, strict=True):
            g = found.get(node)
            if isinstance(g, Tensor) and g._node is not None:
                pairs.append((g, seed_for(g, t, recording.record)))
        products = pull(pairs, lifted.nodes, recording.record, lifted.floor)
    finally:
        MODES.set(recording.modes)
    gradient, product = lifted.gradients(found, recording.record), lifted.gradients(products)
    if len(primals) == 1:
        return gradient[0], product[0]
    return gradient, product
