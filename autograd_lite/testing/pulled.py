"""f recorded by the engine: its results, its pullback, and the graph behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd_lite import pytree
from autograd_lite.sweep import Leaf, Node
from autograd_lite.testing.objective import Objective, array_of
from autograd_lite.transforms import vjp

__all__ = ["Pulled"]


class Pulled:
    """f at some values of its parameters: its results, its pullback, and the graph behind them."""

    def __init__(self, objective: Objective, values: Sequence[Any]) -> None:
        self.primals = tuple(values)
        self._objective = objective
        self.declared: list[Any] = []  # the parameters' nodes
        self.ends: list[Any] = []  # the results', None for a constant
        self.nodes: list[Node] = []  # all that the results were computed from
        results, self._pullback = vjp(self.run, *self.primals)
        leaves, self._structure = pytree.flatten(results)
        self.results = [array_of(y) for y in leaves]

    def run(self, *tensors: Any) -> Any:
        """f of its parameters, recorded."""
        result = self._objective.recorded(tensors)
        if result is None:
            raise TypeError("f must return floats, it returned None; is its return missing?")
        self.declared = [x.node for x in tensors]
        self.ends = [getattr(y, "node", None) for y in pytree.flatten(result)[0]]
        self.nodes = _ancestors([node for node in self.ends if node is not None])
        return result

    def back(self, cotangents: Sequence[Any]) -> list[Any]:
        """The gradients for cotangents of the results, which stay as they are."""
        return self.back_from([+g for g in cotangents])

    def back_from(self, cotangents: Sequence[Any]) -> list[Any]:
        """The gradients for these very arrays, which a bad rule may change."""
        return list(self._pullback(pytree.unflatten(self._structure, cotangents)))

    def undeclared(self) -> list[Node]:
        """Leaves that f depends on though they are not among its arguments.

        What a transform inside f makes of a constant is none.
        """
        leaves = [n for n in self.nodes if type(n) is Leaf and n not in self.declared]
        return sorted(leaves, key=lambda leaf: leaf.order)


def _ancestors(nodes: Sequence[Node]) -> list[Node]:
    """These nodes and all that they were computed from."""
    pending, seen = list(nodes), set(nodes)
    while pending:
        parents = {p for p in pending.pop().inputs if isinstance(p, Node)} - seen
        seen |= parents
        pending += parents
    return list(seen)
