"""Whether an object that holds leaves, such as a model, is as it was when last taken apart.

Taking a model apart costs more than a small network's step. While it is the same object, and every
attribute, list and dict in it holds the same objects, its leaves and its structure are the same.
"""

from __future__ import annotations

from typing import Any

from autograd_lite import pytree
from autograd_lite.graph import Tensor

__all__ = ["Unchanged"]


class Unchanged:
    """A test for one object; made without one, it never holds."""

    def __init__(self, root: Any = None) -> None:
        self.root = root
        self.containers: list[tuple[Any, list[int]]] = []
        self.kept: list[Any] = []  # so that no id is used again
        self.leaves: list[tuple[Any, bool, Any, Any]] = []
        if root is not None:
            self._walk(root)

    def _walk(self, root: Any) -> None:
        stack, seen = [root], set()
        while stack:
            x = stack.pop()
            if id(x) in seen:
                continue
            seen.add(id(x))
            self.kept.append(x)
            if isinstance(x, Tensor):
                self.leaves.append((x, x._node is None, x._value.shape, x._value.dtype))
            elif isinstance(x, (list, tuple, dict)):
                self._hold(x, stack)
            elif pytree._container(type(x)) is not None and hasattr(x, "__dict__"):
                self._hold(vars(x), stack)

    def _hold(self, container: Any, stack: list[Any]) -> None:
        values = [*container.values()] if isinstance(container, dict) else [*container]
        stack.extend(values)
        self.kept.append(values)
        if not isinstance(container, tuple):
            self.containers.append((container, [*map(id, values)]))

    def __call__(self, x: Any) -> bool:
        if x is not self.root or x is None:
            return False
        for container, ids in self.containers:
            values = container.values() if isinstance(container, dict) else container
            if [*map(id, values)] != ids:
                return False
        for leaf, plain, shape, dtype in self.leaves:
            value = leaf._value
            if (leaf._node is None) != plain or value.shape != shape or value.dtype != dtype:
                return False
        return True

    def __reduce__(self) -> Any:
        return Unchanged, ()
