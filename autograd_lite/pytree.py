"""Nested containers as flat lists of leaves, and back.

A pytree is a dict, list, tuple, namedtuple or registered class of pytrees; `None` is a
pytree without leaves; anything else is a leaf. `flatten` separates what a function
computes with (the leaves) from how it is arranged (a hashable `TreeDef`).
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["TreeDef", "flatten", "map", "names", "ravel", "register", "unflatten"]


class TreeDef(NamedTuple):
    """How the leaves of a pytree are arranged: its container's type and children."""

    cls: type | None  # None for a leaf
    meta: Any  # what rebuilds the container: dict keys, or a registered class's own data
    children: tuple[TreeDef, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for every child, for messages."""
        container = None if self.cls is None else _container(self.cls)
        return () if container is None else container.labels(self.meta, len(self.children))

    @property
    def keys(self) -> tuple[Any, ...] | None:
        """The keys of a dict, of whatever kind; None for another container."""
        if self.cls is None or not issubclass(self.cls, dict):
            return None
        return self.meta[1] if issubclass(self.cls, defaultdict) else self.meta  # type: ignore[no-any-return]

    @property
    def n_leaves(self) -> int:
        """Number of leaves."""
        return 1 if self.cls is None else sum(child.n_leaves for child in self.children)


class _Container:  # a NamedTuple takes 0.2 ms to make
    __slots__ = ("flatten", "labels", "unflatten")

    def __init__(
        self,
        flatten: Callable[[Any], tuple[Sequence[Any], Any]],
        unflatten: Callable[[Any, list[Any]], Any],
        labels: Callable[[Any, int], tuple[str, ...]],
    ) -> None:
        self.flatten, self.unflatten, self.labels = flatten, unflatten, labels


LEAF = TreeDef(None, None, ())
_registry: dict[type, _Container] = {}
_known: dict[type, _Container | None] = {}  # what was looked up before, subclasses too


def _container(cls: Any) -> _Container | None:
    """How instances of a class are taken apart: None for leaves."""
    try:
        return _known[cls]
    except KeyError:  # another thread may clear what is known right after this
        found = next((_registry[base] for base in cls.__mro__ if base in _registry), None)
        _known[cls] = found
        return found


def register(
    cls: type,
    flatten: Callable[[Any], tuple[Sequence[Any], Any]],
    unflatten: Callable[[Any, list[Any]], Any],
    *,
    labels: Callable[[Any, int], tuple[str, ...]] | None = None,
) -> None:
    """Make `cls` and its subclasses pytrees.

    `flatten(tree)` is `(children, meta)` with a hashable `meta`; `unflatten(meta, children)`
    rebuilds the tree; `labels(meta, n)` names the n children in messages (default: indices).
    """
    _registry[cls] = _Container(flatten, unflatten, labels or _indices)
    _known.clear()


def _indices(meta: Any, n: int) -> tuple[str, ...]:
    return tuple(f"[{i}]" for i in range(n))


register(list, lambda t: (t, None), lambda meta, children: children)
register(
    dict,
    lambda t: (list(t.values()), tuple(t)),
    lambda keys, children: dict(zip(keys, children, strict=True)),
    labels=lambda keys, n: tuple(map_str(keys)),
)
register(
    OrderedDict,
    lambda t: (list(t.values()), tuple(t)),
    lambda keys, children: OrderedDict(zip(keys, children, strict=True)),
    labels=lambda keys, n: tuple(map_str(keys)),
)
register(
    defaultdict,
    lambda t: (list(t.values()), (t.default_factory, tuple(t))),
    lambda meta, children: defaultdict(meta[0], zip(meta[1], children, strict=True)),
    labels=lambda meta, n: tuple(map_str(meta[1])),
)
register(type(None), lambda t: ((), None), lambda meta, children: None)
register(
    tuple,
    lambda t: (t, type(t)),
    lambda cls, children: (
        cls(*children) if cls is not tuple and hasattr(cls, "_fields") else tuple(children)
    ),
    labels=lambda cls, n: getattr(cls, "_fields", None) or _indices(cls, n),
)


def map_str(keys: Iterable[Any]) -> Iterator[str]:
    """The keys as text."""
    return (str(key) for key in keys)


def flatten(tree: Any) -> tuple[list[Any], TreeDef]:
    """The leaves of a pytree, in order, and its structure."""
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves)


#: Types that are leaves, most of the time, and can be no containers.
_LEAVES = frozenset({np.ndarray, float})


def _flatten(tree: Any, leaves: list[Any]) -> TreeDef:
    container = _container(type(tree))
    if container is None:
        leaves.append(tree)
        return LEAF
    children, meta = container.flatten(tree)
    add = leaves.append
    defs = [
        add(child) or LEAF if type(child) in _LEAVES else _flatten(child, leaves)
        for child in children
    ]
    return TreeDef(type(tree), meta, tuple(defs))


def unflatten(treedef: TreeDef, leaves: Iterable[Any]) -> Any:
    """The pytree of structure `treedef` with these leaves.

    Raises ValueError if there are too few or too many leaves.
    """
    leaves = list(leaves)
    children = treedef.children
    if len(leaves) == len(children) == children.count(LEAF) and treedef.cls is not None:
        return _rebuilt(treedef, leaves)  # a third of the time
    rest = iter(leaves)
    try:
        tree = _unflatten(treedef, rest)
        fits = next(rest, LEAF) is LEAF
    except StopIteration:
        fits = False
    if not fits:
        raise ValueError(
            f"unflatten: {len(leaves)} leaves for a structure of {treedef.n_leaves} leaves"
        )
    return tree


def _unflatten(treedef: TreeDef, leaves: Iterator[Any]) -> Any:
    if treedef.cls is None:
        return next(leaves)
    children = [
        next(leaves) if child is LEAF else _unflatten(child, leaves) for child in treedef.children
    ]
    return _rebuilt(treedef, children)


def _rebuilt(treedef: TreeDef, children: list[Any]) -> Any:
    container = _container(treedef.cls)
    assert container is not None
    return container.unflatten(treedef.meta, children)


def flatten_like(treedef: TreeDef, tree: Any, path: str = "") -> list[Any]:
    """The parts of `tree` that stand where `treedef` has its leaves, dict keys in its order.

    Raises ValueError, naming the place, where the two structures differ.
    """
    if treedef.cls is None:
        return [tree]
    leaves, structure = flatten(tree)
    if structure == treedef:
        return leaves
    container = _container(type(tree))
    children, meta = container.flatten(tree) if container else ((), None)
    keys = treedef.keys
    if isinstance(tree, dict) and keys is not None and set(tree) == set(keys):
        children = [tree[key] for key in keys]
    elif (
        container is None
        or len(children) != len(treedef.children)
        or (isinstance(tree, dict) or keys is not None)
    ):
        expected = f"{treedef.cls.__name__} of {', '.join(treedef.labels) or 'nothing'}"
        raise ValueError(
            f"pytrees differ at {path or 'the top'}: expected a {expected}, "
            f"got a {type(tree).__name__}"
            + (
                f" of {', '.join(container.labels(meta, len(children)))}"
                if container and children
                else ""
            )
        )
    parts = zip(treedef.children, children, treedef.labels, strict=True)
    return [
        leaf for child, sub, label in parts for leaf in flatten_like(child, sub, _join(path, label))
    ]


def _join(path: str, label: str) -> str:
    return path + label if label.startswith("[") or not path else f"{path}.{label}"


def names(treedef: TreeDef, path: str = "") -> list[str]:
    """A readable path for every leaf, such as "layers[0].W"; "" for a bare leaf."""
    if treedef.cls is None:
        return [path]
    parts = zip(treedef.children, treedef.labels, strict=True)
    return [name for child, label in parts for name in names(child, _join(path, label))]


def map(f: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """The pytree of `f(leaf, *leaves)` over the leaves of `tree` and the like ones of `rest`.

    Raises ValueError, naming the place, where a structure in `rest` differs from `tree`'s.
    """
    leaves, treedef = flatten(tree)
    columns = [flatten_like(treedef, other) for other in rest]
    return unflatten(treedef, [f(*row) for row in zip(leaves, *columns, strict=True)])


def ravel(tree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """All leaves as one vector of shape (n,), and the function that takes a vector back.

    Both ways are differentiable. `unravel` gives each leaf its own shape and dtype, and raises
    ValueError for a vector of another length.
    """
    leaves, treedef = flatten(tree)
    shapes = [np.shape(leaf) for leaf in leaves]
    dtypes = [getattr(leaf, "dtype", None) or np.result_type(leaf) for leaf in leaves]
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)]).tolist()

    def unravel(vector: Any) -> Any:
        if np.shape(vector) != (ends[-1],):
            raise ValueError(f"unravel: expected a vector of shape ({ends[-1]},), "
                             f"got one of shape {np.shape(vector)}")  # fmt: skip
        parts = []
        for start, end, shape, dtype in zip(ends, ends[1:], shapes, dtypes, strict=False):
            part = np.reshape(vector[start:end], shape)
            parts.append(part if part.dtype == dtype else part.astype(dtype))
        return unflatten(treedef, parts)

    flat = [np.reshape(leaf, -1) for leaf in leaves]
    return (np.concatenate(flat) if flat else np.zeros(0)), unravel
