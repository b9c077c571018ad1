"""Tensor: an array that knows how it was computed.

A value is apart from its graph node: a Tensor holds an array and, where gradients are wanted, a
Node; the node keeps only what its rules read. So an intermediate array dies as soon as neither
the user nor a rule needs it.
"""

from __future__ import annotations

import os
from _thread import allocate_lock  # threading is 0.6 ms more to import
from _weakref import ref  # what weakref.ref is, 0.7 ms sooner
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from autograd_lite.changes import LATEST, advance, change
from autograd_lite.debugging import Watch
from autograd_lite.messages import described, refuse_detaching, refuse_masked, refuse_traced
from autograd_lite.modes import MODES
from autograd_lite.promotion import fixed
from autograd_lite.sweep import IRREGULAR, PICK, PICK_OF_INTS, Leaf, Node, Recorded, next_order, own
from autograd_lite.unrolled import swept

__all__ = [
    "Tensor",
    "as_tensors",
    "load_rules",
    "new_tensor",
    "own_tensors",
    "pick",
    "picked",
    "seed_for",
    "tensor",
]


class Tensor:
    """An array that operations on it are recorded for.

    `Tensor(data, requires_grad=…, dtype=…, name=…)` is `ag.tensor`.
    """

    __slots__ = ("__weakref__", "_grad", "_name", "_node", "_value")
    #: True for nn.Parameter: transforms give arrays for it, and zeros where it requires no grad.
    is_parameter = False
    __hash__ = object.__hash__

    _value: Any
    _node: Node | None
    _grad: Any
    _name: str | None

    def __init__(
        self, data: Any, *, requires_grad: bool = False, dtype: Any = None, name: str | None = None
    ) -> None:
        load_rules()
        value = _array(data, dtype, name)
        # NumPy computes with its scalars in 0.08 µs, with 0-d arrays in 0.5
        self._value = value[()] if type(data) is float else value
        self._node = self._grad = self._name = None
        if name is not None:
            self.name = name
        if requires_grad:
            self.requires_grad = True

    # --- attributes

    @property
    def data(self) -> np.ndarray[Any, Any]:
        """The array itself, 0-d for a scalar. Assigning replaces it, or says it was changed."""
        if MODES.get().trace is not None:
            refuse_traced(self, ".data")
        value = self._value
        if type(value) is not np.ndarray:
            value = self._value = np.asarray(value)
        return value  # type: ignore[no-any-return]

    @data.setter
    def data(self, value: Any) -> None:
        old, node = self._value, self._node
        if value is old and type(node) is Leaf and node.stale is old:  # p.data -= …, as before
            now = node.changed = next_order()
            if LATEST[0] < now:  # what `change` would do, without its call
                LATEST[0] = now
            return
        new = old if value is old else _array(value, None, self.name)
        if node is not None and not isinstance(node, Leaf):
            raise TypeError(
                f"cannot set the data of {self.name or 'a tensor'} that {node.plan.op.path} "
                "computed; use detach() for a constant that you can change"
            )
        if new.shape != old.shape or (node is not None and new.dtype.kind != "f"):
            raise ValueError(
                f"cannot set the data of {self.name or 'a tensor'} of shape {old.shape} and dtype "
                f"{old.dtype} to an array of shape {new.shape} and dtype {new.dtype}"
            )
        self._value = new
        if new is old or np.may_share_memory(new, old):
            change(node, old, next_order(), self.name)  # what read it cannot be swept
        elif isinstance(node, Leaf) and (node.stale is not None or new.dtype != node.dtype):
            self._node = Leaf(self, new.shape, new.dtype)

    @property
    def grad(self) -> Any:
        """What `backward()` has added up: None, an array, or a Tensor after create_graph=True."""
        try:
            g = self._grad
        except AttributeError:  # of a computed tensor nothing is set until it is needed
            return None
        if type(g) is not np.ndarray and isinstance(g, np.generic):
            g = self._grad = np.asarray(g)  # of a scalar, which sweeps compute with faster
        return g

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None and np.shape(value) != self.shape:
            raise ValueError(
                f"grad of {self.name or 'a tensor'}: expected shape {self.shape}, got "
                f"{np.shape(value)}; set None to clear it"
            )
        self._grad = value if value is None or isinstance(value, Tensor) else np.asarray(value)

    @property
    def requires_grad(self) -> bool:
        """Whether gradients pass through this tensor."""
        return (n := self._node) is not None and (n.plan is None or bool(n.plan.edges))

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if wanted == self.requires_grad:
            return
        if not wanted and not isinstance(self._node, Leaf):
            raise TypeError(
                "requires_grad of a computed tensor cannot be switched off; use detach()"
            )
        if wanted and self._value.dtype.kind != "f":
            raise TypeError(
                f"{self.name or 'a tensor'} of dtype {self._value.dtype} cannot require grad: only "
                "floats have gradients; pass dtype=float"
            )
        self._grad = self.grad
        self._node = Leaf(self, self._value.shape, self._value.dtype) if wanted else None

    @property
    def name(self) -> str | None:
        """The name that messages, pictures and programs use."""
        own_name = self._name
        if own_name is None and self._node is not None and not isinstance(self._node, Leaf):
            return self._node.name
        return own_name

    @name.setter
    def name(self, value: str | None) -> None:
        if value is not None and not isinstance(value, str):
            raise TypeError(f"name: expected a string, or None, got {value!r}")
        self._name, node = value, self._node
        if node is not None:
            node.info = {**(node.info or {}), "name": value}

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        return self._value.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._value.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._value.size  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return self._value.dtype  # type: ignore[no-any-return]

    @property
    def T(self) -> Tensor:
        """The tensor with its axes reversed."""
        return self.transpose()  # type: ignore[no-any-return]

    @property
    def mT(self) -> Tensor:
        """The tensor with its last two axes exchanged."""
        return np.matrix_transpose(self)  # type: ignore[return-value]

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this tensor."""
        return self._node is None or self._node.plan is None

    @property
    def node(self) -> Node | None:
        """The graph's record of how this tensor came about; None where nothing is recorded."""
        return self._node

    # --- values out of the graph

    def item(self) -> Any:
        """The one element as a Python number. Raises ValueError for more than one."""
        value = self._value
        if MODES.get().trace is not None:
            refuse_traced(self, ".item()")
        if value.size != 1:
            raise ValueError(f"item() needs one element, {described(self)} has {value.size}")
        number = type(value) is np.float64 or type(value) is np.float32
        return float(value) if number else value.item()  # which makes an array of a number first

    def tolist(self) -> Any:
        """The values as nested lists."""
        return self.numpy().tolist()

    def numpy(self) -> np.ndarray[Any, Any]:
        """A read-only view of the values."""
        refuse_traced(self, ".numpy()")
        view = self.data.view()
        view.flags.writeable = False
        return view

    def detach(self) -> Tensor:
        """A tensor that shares the values and requires no grad."""
        trace = MODES.get().trace
        if trace is not None and self._node is not None:
            return trace.detached(self)  # type: ignore[no-any-return]
        return new_tensor(fixed(self, self._value), None)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if self._node is not None:
            refuse_detaching(self, "converting it to an array")
        return np.array(self._value, dtype=dtype, copy=copy)

    def __float__(self) -> float:
        return float(self._scalar("float()"))

    def __int__(self) -> int:
        return int(self._scalar("int()"))

    def __complex__(self) -> complex:
        return complex(self._scalar("complex()"))

    def __index__(self) -> int:
        value = self._scalar("use as an index")
        if value.dtype.kind not in "iub":
            raise TypeError(f"only integer tensors can be an index, got {described(self)}")
        return int(value)

    def __bool__(self) -> bool:
        refuse_traced(self, "bool()")
        return bool(self._value)

    def _scalar(self, use: str) -> Any:
        if self._node is not None:
            refuse_detaching(self, use)
        if self._value.size != 1:
            raise TypeError(f"{use} needs one element, {described(self)} has {self.size}")
        return self._value.reshape(())

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a 0-d tensor")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Tensor]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(self.shape[0]))

    def __repr__(self) -> str:
        text = np.array2string(np.asarray(self._value), separator=", ", prefix="tensor(")
        parts = [text]
        if self.dtype not in (np.float64, np.int64, np.bool_):
            parts.append(f"dtype={self.dtype}")
        if self.name:
            parts.append(f"name={self.name!r}")
        if self.requires_grad:
            node = self._node
            by = node is not None and node.plan is not None
            parts.append(f"from={node.plan.op.name}" if by and node else "requires_grad=True")
        return f"tensor({', '.join(parts)})"

    def __str__(self) -> str:
        return str(np.asarray(self._value))

    def __format__(self, spec: str) -> str:
        return format(self._value if self.ndim else np.asarray(self._value)[()], spec)

    # --- copies

    def __reduce__(self) -> tuple[Any, ...]:
        grad = self.grad.data if isinstance(self.grad, Tensor) else self.grad
        more = getattr(self, "__dict__", None)  # what a subclass holds besides
        return _rebuilt, (type(self), self.data, self.requires_grad, self.name, grad), more or None

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        from copy import deepcopy

        rebuild, (cls, data, wanted, name, grad), more = self.__reduce__()
        copy = rebuild(cls, data.copy(), wanted, name, None if grad is None else grad.copy())
        memo[id(self)] = copy
        if more:
            copy.__dict__.update(deepcopy(more, memo))
        return copy  # type: ignore[no-any-return]

    # --- the backward pass

    def backward(
        self, gradient: Any = None, *, retain_graph: bool = True, create_graph: bool = False
    ) -> None:
        """Add the gradient of this tensor to the `.grad` of every leaf it depends on.

        `gradient` is the cotangent of this tensor, of its shape; it may be left out for one
        element. With `create_graph` the gradients are Tensors that can be differentiated again;
        without `retain_graph` the graph is freed. Either every leaf gets its whole gradient or,
        where this raises, none is changed.

        Raises RuntimeError if nothing was recorded or the graph was freed, ValueError for a
        missing or misshapen `gradient`.
        """
        node = self._node
        if node is None or not self.requires_grad:
            raise RuntimeError(
                f"backward() on {described(self)}, which does not require grad: nothing was "
                "recorded; make a leaf with requires_grad=True and compute outside no_grad()"
            )
        plain = gradient is None and not create_graph
        seed = (plain and _SEEDS.get(type(self._value))) or seed_for(self, gradient, create_graph)
        found = swept(
            [(node, seed)],
            as_tensors=as_tensors if create_graph else None,
            free=not retain_graph,
            watch=Watch() if MODES.get().debug else None,
        )
        if create_graph:
            own_tensors(found, (seed,))
        with _ADDING:
            fresh: list[Any] = []
            before: list[Any] = []
            try:
                for leaf, g in found.items():
                    holder = leaf.tensor() if type(leaf) is Leaf else _holder(leaf)
                    if holder is not None:
                        if (old := holder._grad) is None:
                            fresh.append(holder)
                            holder._grad = g
                        else:  # of before, or of the leaf that this was until it got other data
                            before.append((holder, old))
                            holder._grad = (old + g).astype(holder._value.dtype, copy=False)
            except BaseException:
                for holder, old in [*reversed(before), *[(holder, None) for holder in fresh]]:
                    holder._grad = old
                raise

    def zero_grad(self) -> None:
        """Set `.grad` to None."""
        self._grad = None

    def retain_grad(self) -> None:
        """Have `backward()` leave this tensor's cotangent in its `.grad`, though it is no leaf."""
        if self._node is None:
            raise RuntimeError(f"retain_grad() on {described(self)}, which does not require grad")
        if not isinstance(self._node, Leaf):
            self._grad = self.grad
            self._node.note(retain=ref(self))
            advance(IRREGULAR, self._node.order)

    # --- operations: autograd_lite.recording installs NumPy's protocols and the table's methods

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError(
            "tensors are not changed in place: x[index] = value has no gradient; use "
            "x = ag.put(x, index, value), or x.data[index] = value for a leaf outside the graph"
        )

    if TYPE_CHECKING:
        # Installed from the table by autograd_lite.rules; a test holds the two lists together.
        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Any: ...
        def __radd__(self, other: Any) -> Any: ...
        def __sub__(self, other: Any) -> Any: ...
        def __rsub__(self, other: Any) -> Any: ...
        def __mul__(self, other: Any) -> Any: ...
        def __rmul__(self, other: Any) -> Any: ...
        def __truediv__(self, other: Any) -> Any: ...
        def __rtruediv__(self, other: Any) -> Any: ...
        def __floordiv__(self, other: Any) -> Any: ...
        def __rfloordiv__(self, other: Any) -> Any: ...
        def __mod__(self, other: Any) -> Any: ...
        def __rmod__(self, other: Any) -> Any: ...
        def __pow__(self, other: Any) -> Any: ...
        def __rpow__(self, other: Any) -> Any: ...
        def __matmul__(self, other: Any) -> Any: ...
        def __rmatmul__(self, other: Any) -> Any: ...
        def __iadd__(self, other: Any) -> Any: ...
        def __isub__(self, other: Any) -> Any: ...
        def __imul__(self, other: Any) -> Any: ...
        def __itruediv__(self, other: Any) -> Any: ...
        def __ifloordiv__(self, other: Any) -> Any: ...
        def __imod__(self, other: Any) -> Any: ...
        def __ipow__(self, other: Any) -> Any: ...
        def __imatmul__(self, other: Any) -> Any: ...
        def __divmod__(self, other: Any) -> Any: ...
        def __rdivmod__(self, other: Any) -> Any: ...
        def __and__(self, other: Any) -> Any: ...
        def __or__(self, other: Any) -> Any: ...
        def __xor__(self, other: Any) -> Any: ...
        def __invert__(self) -> Any: ...
        def __round__(self, ndigits: int | None = None) -> Any: ...
        def __neg__(self) -> Any: ...
        def __pos__(self) -> Any: ...
        def __abs__(self) -> Any: ...
        def __lt__(self, other: Any) -> Any: ...
        def __le__(self, other: Any) -> Any: ...
        def __gt__(self, other: Any) -> Any: ...
        def __ge__(self, other: Any) -> Any: ...
        def __eq__(self, other: object) -> Any: ...
        def __ne__(self, other: object) -> Any: ...
        def __getitem__(self, index: Any) -> Any: ...


_allocate: Callable[[type[Tensor]], Tensor] = Tensor.__new__

#: Held while `.grad` is read, added to and set, or one of two threads' gradients would be lost.
_ADDING = allocate_lock()
if hasattr(os, "register_at_fork"):  # a fork in between would leave the child with a lock held
    os.register_at_fork(
        before=_ADDING.acquire, after_in_parent=_ADDING.release, after_in_child=_ADDING.release
    )


@cache
def load_rules() -> None:
    """Fill the table and give Tensor its methods: at the first tensor, so importing stays light."""
    import autograd_lite.rules  # noqa: F401 (for what it does)


def tensor(
    data: Any, *, requires_grad: bool = False, dtype: Any = None, name: str | None = None
) -> Tensor:
    """A Tensor of `data`: a number, nested lists or an array, which is not copied.

    Python floats become float64 unless `dtype` says otherwise. Raises TypeError for complex data,
    for ints or bools that should require grad, and for a tensor that requires grad.
    """
    return Tensor(data, requires_grad=requires_grad, dtype=dtype, name=name)


def _array(data: Any, dtype: Any, name: str | None) -> Any:
    """The data as an array of real numbers, the same one where it is one."""
    refuse_masked(data, name or "tensor")
    array = np.asarray(data if dtype is not None or not isinstance(data, Tensor) else data.data
                       if data._node is None else data, dtype)  # fmt: skip
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{name or 'tensor'}: got data of dtype {array.dtype}; only real numbers and bools "
            "can be a tensor"
        )
    return array


def _rebuilt(cls: type[Tensor], data: Any, wanted: bool, name: str | None, grad: Any) -> Tensor:
    """A leaf, from what pickle or deepcopy kept of a tensor."""
    copy = cls.__new__(cls)
    Tensor.__init__(copy, data, requires_grad=wanted, name=name)
    copy._grad = grad
    return copy


_ONES = {np.dtype(scalar): scalar(1) for scalar in (np.float32, np.float64)}
_SEEDS = {type(one): one for one in _ONES.values()}


def seed_for(output: Tensor, gradient: Any, record: bool = False) -> Any:
    """The cotangent to begin a sweep with: `gradient`, checked, or one for a single element."""
    value = output._value
    dtype = value.dtype
    if gradient is None:
        if value.size != 1:
            raise ValueError(
                f"the gradient of {described(output)} needs one element; take .sum() of it, pass "
                "gradient= of its shape, or use ag.jacobian"
            )
        seed = np.ones(value.shape, dtype) if value.ndim else _ONES.get(dtype) or dtype.type(1)
        return new_tensor(fixed(output, seed), None) if record else seed
    shape = value.shape
    plain = type(gradient) is np.ndarray and not record
    if plain and gradient.dtype is dtype and gradient.shape == shape:
        return gradient
    if np.shape(gradient) != shape:
        raise ValueError(
            f"gradient: expected the shape {shape} of {described(output)}, got "
            f"{np.shape(gradient)}; it is never broadcast"
        )
    if isinstance(gradient, Tensor) and gradient._node is not None:
        if not record:
            refuse_detaching(gradient, "use as gradient= without create_graph=True")
        return gradient if gradient.dtype == dtype else gradient.astype(dtype)
    gradient = _array(gradient, None, "gradient").astype(dtype, copy=False)
    return new_tensor(fixed(output, gradient), None) if record else gradient


def _holder(node: Node) -> Any:
    """The Tensor that gets the gradient of a node."""
    return node.tensor() if isinstance(node, Leaf) else (node.info or {})["retain"]()


def new_tensor(value: Any, node: Node | None) -> Tensor:
    tensor = _allocate(Tensor)
    tensor._value = value
    tensor._node = node
    tensor._name = None
    return tensor


def own_tensors(found: dict[Any, Any], foreign: Sequence[Any]) -> dict[Any, Any]:
    """`own` for a recorded sweep: a Tensor whose array is another's too is one of a copy."""
    if MODES.get().trace is not None:
        return found  # a program's own steps decide what shares memory
    plain = {n: g._value if isinstance(g, Tensor) else g for n, g in found.items()}
    mine = own(dict(plain), [g._value for g in foreign])
    for node, g in found.items():
        if isinstance(g, Tensor) and not (g.ndim and mine[node] is plain[node]):
            found[node] = new_tensor(mine[node], g._node)
    return found


def like_result(y: Any, items: list[Any]) -> Any:
    """The items in NumPy's own namedtuple where y is one."""
    return type(y)(*items) if hasattr(y, "_fields") else type(y)(items)


def picked(y: Any, node: Node) -> Any:
    """The results of a row that has several, each with a node that picks it."""
    return like_result(y, [pick(value, node, i) for i, value in enumerate(y)])


def pick(value: Any, node: Node, i: int) -> Tensor:
    """Result i of a row that has several, with a node that picks it: ints have one in a trace."""
    if value.dtype.kind != "f" and MODES.get().trace is None:
        return new_tensor(value, None)
    made = Recorded()
    made.plan, made.inputs = PICK if value.dtype.kind == "f" else PICK_OF_INTS, (node,)
    made.saved, made.params, made.info, made.order = (None, node), {"index": i}, None, next_order()
    made.shape, made.dtype = value.shape, value.dtype
    return new_tensor(value, made)


def as_tensors(node: Node) -> list[Any]:
    """(y, *inputs) that a node saved, as Tensors with their nodes, for a recorded sweep."""
    found = list(node.saved)
    if found[0] is not None:
        several = node.plan.op.n_outputs is not None
        found[0] = picked(found[0], node) if several else new_tensor(found[0], node)
    for i, parent in enumerate(node.inputs, 1):
        value = found[i]  # a stand-in for a shape is the parent itself
        if value is not None and value is not parent and isinstance(parent, Node):
            if isinstance(value, tuple):  # a checkpoint's arguments
                found[i] = tuple(picked(value, parent))
            else:
                found[i] = new_tensor(np.float64(value) if type(value) is float else value, parent)
    return found
