"""`checkpoint`: recompute a function in the backward pass instead of keeping what it recorded.

Forward, the function's graph is dropped and one node stands for it, which keeps the arguments
only; its rule runs the function again and sweeps through that. Random draws made through
`ag.random` are repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NoReturn

import numpy as np

from autograd_lite import pytree
from autograd_lite.debugging import fingerprints
from autograd_lite.graph import Tensor, picked
from autograd_lite.messages import refuse_no_function
from autograd_lite.modes import MODES, within
from autograd_lite.promotion import standing, stands
from autograd_lite.random import Draws
from autograd_lite.sweep import Leaf, Node, ancestors, next_order
from autograd_lite.table import Plan, Primitive
from autograd_lite.transforms import Lifted, pull

__all__ = ["checkpoint"]


def _packing(i: int, g: Any, y: Any, *xs: Any) -> Any:
    """The cotangent of input i out of the tuple of all; zeros where that is absent."""
    return np.zeros(xs[i].shape, xs[i].dtype) if g[i] is None else g[i]


_PACK = Primitive(
    _packing,
    (_packing,),
    kind="linear",
    name="pack",
    variadic=True,
    jvp=lambda tangents, y, *xs: tangents,
)


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """The function f, recomputed in the backward pass instead of kept.

    Gradients also reach the tensors that f closes over, such as a model's parameters. f must
    compute the same again: its random draws, made through `ag.random`, are repeated.
    """

    refuse_no_function("checkpoint", f)

    @wraps(f)
    def recomputing(*args: Any, **kwargs: Any) -> Any:
        modes = MODES.get()
        if modes.trace is not None or not modes.recording:  # a program decides what it keeps
            return f(*args, **kwargs)
        leaves, structure = pytree.flatten((args, kwargs))
        at = [i for i, x in enumerate(leaves) if isinstance(x, Tensor) and x._node is not None]
        tracked = [leaves[i] for i in at]
        floats = [stands(x) for x in tracked]

        def run(primals: Sequence[Any]) -> tuple[list[Any], pytree.TreeDef]:
            full = list(leaves)
            for i, primal in zip(at, primals, strict=True):
                full[i] = primal
            new_args, new_kwargs = pytree.unflatten(structure, full)
            return pytree.flatten(f(*new_args, **new_kwargs))

        draws = Draws()
        lifted = Lifted(tracked, "checkpoint")
        start = next_order()
        outputs, shape = within(draws.entered(modes), run, lifted.primals())
        closed_over = _outside(outputs, lifted, start)
        sources = [x._node for x in tracked] + closed_over
        places = [i for i, y in enumerate(outputs) if isinstance(y, Tensor) and y._node is not None]
        values = tuple(outputs[i]._value for i in places)
        if not places or not sources:
            return pytree.unflatten(shape, outputs)
        watched = _Watched(*([*leaves, *_tensors(closed_over)], values) if modes.debug else ())
        shapes = [v.shape for v in values]
        rule = _rule(run, floats, closed_over, places, shapes, draws, start, modes.depth, watched)
        results = _record(f, rule, tracked, sources, values)
        for i, y in zip(places, results, strict=True):
            outputs[i] = standing(y) if stands(outputs[i]) else y
        return pytree.unflatten(shape, outputs)

    return recomputing


def _outside(outputs: Sequence[Any], lifted: Lifted, start: int) -> list[Node]:
    """The nodes older than the function that its outputs depend on, its arguments left out."""
    roots = [y._node for y in outputs if isinstance(y, Tensor) and y._node is not None]
    own = set(lifted.nodes)
    found = [
        parent
        for node in ancestors(roots, start)
        for parent in node.inputs
        if isinstance(parent, Node) and parent.order < start and parent not in own
    ]
    found += [node for node in roots if node.order < start and node not in own]
    return list(dict.fromkeys(found))


def _rule(
    run: Callable[..., Any],
    floats: list[bool],
    closed_over: list[Node],
    places: list[int],
    shapes: list[Any],
    draws: Draws,
    since: int,
    depth: int,
    watched: _Watched,
) -> Callable[..., Any]:
    """The rule of what was recorded at `since` on the creation counter, in `depth` transforms."""

    def recompute(g: Any, y: Any, xs: Any) -> Any:
        """The cotangents of the arguments and of what the function closes over, as one tuple."""
        _refuse_changed(closed_over, since)
        watched.refuse_changed()
        primals = [standing(x) if f else x for x, f in zip(xs, floats, strict=False)]
        lifted = Lifted(primals, "checkpoint")
        start = next_order()
        modes = MODES.get()
        try:
            inside = modes.but(recording=True, depth=depth)
            MODES.set(inside)
            outputs, _ = within(draws.again().entered(inside), run, lifted.primals())
            if set(_outside(outputs, lifted, start)) != set(closed_over):
                raise RuntimeError(
                    "checkpoint: the function used other tensors when it was recomputed than "
                    "before; it must compute the same again"
                )
            now = [y.shape for y in outputs if isinstance(y, Tensor) and y._node is not None]
            if now != shapes:
                raise RuntimeError(
                    f"checkpoint: the function gave results of shapes {now} when it was "
                    f"recomputed, and {shapes} before; it must compute the same again"
                )
            watched.refuse_others([outputs[i] for i in places])
            pairs = [(outputs[i], ct) for i, ct in zip(places, g, strict=True) if ct is not None]
            record = any(isinstance(x, Tensor) for x in (*g, *xs))
            found = pull(pairs, [*lifted.nodes, *closed_over], record, lifted.floor)
        finally:
            MODES.set(modes)
        sources = [*lifted.nodes, *closed_over]
        return tuple(found.get(n, np.zeros(n.shape, n.dtype)) for n in sources)

    return recompute


class _Watched:
    """Arrays that a function reads, with their fingerprints: what `ag.debug()` remembers.

    And the fingerprints of what it gave.
    """

    def __init__(self, values: Sequence[Any] = (), results: Sequence[Any] | None = None) -> None:
        self.results = results and fingerprints(list(map(np.asarray, results)))
        self.values = [x for x in values if isinstance(x, (Tensor, np.ndarray))]
        self.arrays = [x._value if isinstance(x, Tensor) else x for x in self.values]
        self.marks = fingerprints(self.arrays)

    def refuse_changed(self) -> None:
        """Raise where one of the arrays holds other numbers than before."""
        for x, now, before in zip(self.values, fingerprints(self.arrays), self.marks, strict=True):
            if now != before:
                _changed(getattr(x, "name", None) or "an argument", x.shape)

    def refuse_others(self, results: Sequence[Tensor]) -> None:
        """Raise where the function gave other results when it was recomputed."""
        if self.results and self.results != fingerprints([np.asarray(y._value) for y in results]):
            raise RuntimeError(
                "checkpoint: the function gave other values when it was recomputed than before; it "
                "must compute the same again: draw through ag.random, and change nothing outside"
            )


def _tensors(nodes: Sequence[Node]) -> list[Any]:
    """The Tensors of those of the nodes that are leaves, as far as they are alive."""
    return [node.tensor() for node in nodes if isinstance(node, Leaf)]


def _refuse_changed(nodes: list[Node], since: int) -> None:
    for node in nodes:
        if isinstance(node, Leaf) and node.changed > since:
            _changed(node.name or "a tensor", node.shape)


def _changed(name: str, shape: Any) -> NoReturn:
    raise RuntimeError(
        f"checkpoint: {name} of shape {shape} was changed in place since the forward pass; run the "
        "forward pass again after the update"
    )


def _record(
    f: Callable[..., Any], rule: Any, tracked: Sequence[Tensor], sources: list[Node], values: Any
) -> tuple[Any, ...]:
    """The function's values as Tensors of one node, whose parents are packed into one before it."""
    plan = Plan(_PACK, (True,) * len(sources))
    shapes = tuple(node.shape for node in sources)
    dtypes = tuple(node.dtype for node in sources)
    packed = Node(plan, tuple(sources), (None, *sources), {}, shapes, dtypes)
    name = f"checkpoint({getattr(f, '__name__', 'f')})"
    op = Primitive(  # f may be a model or a partial, which have no name
        rule, (rule,), kind="general", name=name, n_outputs=len(values), parse=_PACK.parse
    )  # with a parse of its own it would hold itself, until the garbage collector came
    op.path = name
    saved = (None, tuple(x._value for x in tracked))
    outs = tuple(v.shape for v in values), tuple(v.dtype for v in values)
    node = Node(Plan(op, (True,)), (packed,), saved, {}, *outs)
    return tuple(picked(values, node))
