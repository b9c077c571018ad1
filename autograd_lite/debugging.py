"""What `ag.debug()` looks for: non-finite values, where they came from, and arrays that changed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from os.path import dirname, join
from typing import Any

import numpy as np

from autograd_lite.modes import Modes
from autograd_lite.sweep import PICK, Node
from autograd_lite.table import Primitive

__all__ = ["Watch", "annotate", "check_value", "fingerprints", "user_line"]

_HERE = dirname(__file__)
_PACKAGES = tuple(  # each ends in a slash
    join(folder, "") for folder in (_HERE, join(dirname(_HERE), "nn"), dirname(np.__file__))
)


def user_line() -> str:
    """The innermost line outside this package, nn and NumPy, as "file.py:12"."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGES):
        frame = frame.f_back
    return f"{frame.f_code.co_filename.replace(chr(92), '/').rsplit('/', 1)[-1]}:{frame.f_lineno}"


def fingerprints(values: Sequence[Any]) -> tuple[Any, ...]:
    """A checksum of every array, a tuple of them for a tuple; None for what is no array."""
    import zlib  # 0.2 ms that only debugging is worth

    return tuple(
        zlib.crc32(np.ascontiguousarray(v).tobytes()) if isinstance(v, np.ndarray)
        else fingerprints(v) if isinstance(v, tuple) else None
        for v in values
    )  # fmt: skip


def check_value(op: Primitive, names: Sequence[str], values: Sequence[Any], y: Any) -> None:
    """Raise FloatingPointError where an operation turns finite inputs into a non-finite value."""
    results = y if isinstance(y, tuple) else (y,)
    if all(_finite(r) for r in results) or not all(_finite(v) for v in values):
        return
    bad = next(r for r in results if not _finite(r))
    ranges = ", ".join(f"{n} {_range(v)}" for n, v in zip(names, values, strict=True))
    raise FloatingPointError(
        f"{op.path} gave {_first_bad(bad)} at {user_line()}; its inputs: {ranges}"
    )


def annotate(modes: Modes, result: Any, values: Sequence[Any], y: Any) -> None:
    """Remember what the modes ask for of an operation just recorded."""
    for part in result if isinstance(result, tuple) else (result,):
        node = part._node
        if node is None:
            continue
        if node.plan is PICK:
            if modes.keep:
                node.note(value=part._value)
            node = node.inputs[0]
        if modes.scope:
            node.note(scope=modes.scope)
        if modes.debug or modes.keep:
            node.note(line=user_line(), values=tuple(values))
        if modes.debug:
            node.note(fingerprints=fingerprints(node.saved))
        if modes.keep:
            node.note(value=y)


class Watch:
    """Looks on while a sweep runs, and raises where a cotangent goes wrong.

    It is called with a node and its cotangent, then with each parent and what the rule gave it.
    """

    def __init__(self) -> None:
        self.branches: dict[Node, str] = {}  # what sits in a branch of np.where, and which

    def __call__(self, node: Node, g: Any, i: int = -1, ct: Any = None) -> None:
        if i < 0:
            _check_unchanged(node)
            return
        parent = node.inputs[i]
        if node.plan.op.key is np.where:
            branch = f"branch {i} of np.where{_at(node)}"
            self.branches.setdefault(parent, branch)
        elif node in self.branches:
            self.branches.setdefault(parent, self.branches[node])
        if _went_bad(g, ct):
            raise FloatingPointError(self._message(node, parent, ct))

    def _message(self, node: Node, parent: Any, ct: Any) -> str:
        values = (node.info or {}).get("values", ())
        names = [getattr(p, "name", None) or f"input {i}" for i, p in enumerate(node.inputs)]
        ranges = ", ".join(f"{n} {_range(v)}" for n, v in zip(names, values, strict=False))
        text = (
            f"the vjp of {node.plan.op.path}{_at(node)} gave {_first_bad(ct)} for "
            f"{parent.name or 'its input'} of shape {parent.shape}; its inputs: {ranges}"
        )
        if node in self.branches:
            text += (
                f"; it sits in {self.branches[node]}, and the branch not taken still has a "
                "gradient, 0 · inf; mend it with a second where inside: "
                "np.where(ok, f(np.where(ok, x, 1.0)), 0.0)"
            )
        return text


def _at(node: Node) -> str:
    info = node.info or {}
    return f" at {info['line']}" if "line" in info else ""


def _went_bad(g: Any, ct: Any) -> bool:
    parts = g if isinstance(g, tuple) else (g,)
    if isinstance(ct, tuple) or _finite(ct):
        return False
    return all(part is None or _finite(part) for part in parts)


def _check_unchanged(node: Node) -> None:
    """Raise where an array that the node saved has changed since it was recorded."""
    before = (node.info or {}).get("fingerprints", ())
    for i, (value, mark) in enumerate(zip(node.saved, before, strict=False)):
        if mark is not None and fingerprints([value])[0] != mark:
            named = node.inputs[i - 1] if i else node
            name = getattr(named, "name", None) or (f"input {i - 1}" if i else "the result")
            shape = named.shape if isinstance(value, tuple) else value.shape
            raise RuntimeError(
                f"{name} of shape {shape} was changed in place after {node.plan.op.path}"
                f"{_at(node)} recorded it; run the forward pass again after the update"
            )


def _finite(value: Any) -> bool:
    value = getattr(value, "_value", value)
    return not (isinstance(value, (float, np.generic, np.ndarray))) or (
        np.asarray(value).dtype.kind not in "f" or bool(np.isfinite(value).all())
    )


def _first_bad(value: Any) -> str:
    array = np.asarray(getattr(value, "_value", value))
    bad = np.argwhere(~np.isfinite(array))
    where = tuple(int(i) for i in bad[0])
    place = f" at index {where}" if array.ndim else ""
    return f"{float(array[where])}{place} ({len(bad)} of {array.size} not finite)"


def _range(value: Any) -> str:
    array = np.asarray(value)
    if array.size == 0 or array.dtype.kind not in "fiub":
        return f"of shape {array.shape}"
    if array.ndim == 0:
        return f"= {array}"
    return f"of shape {array.shape} in [{array.min():.6g}, {array.max():.6g}]"
