"""What `ag.debug()` looks for: non-finite values, where they came from, and arrays that changed."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Sequence
from os.path import dirname
from typing import Any

import numpy as np

from autograd_lite.sweep import Node
from autograd_lite.table import Primitive

__all__ = ["check_cotangent", "check_value", "fingerprints", "user_line"]

_PACKAGES = (dirname(__file__), dirname(np.__file__))


def user_line() -> str:
    """The innermost line outside this package and NumPy, as "file.py:12"."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGES):
        frame = frame.f_back
    return f"{frame.f_code.co_filename.replace(chr(92), '/').rsplit('/', 1)[-1]}:{frame.f_lineno}"


def fingerprints(values: Sequence[Any]) -> tuple[int | None, ...]:
    """A checksum of every array, None for what is no array."""
    return tuple(
        zlib.crc32(np.ascontiguousarray(v).tobytes()) if isinstance(v, np.ndarray) else None
        for v in values
    )


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


def check_cotangent(node: Node, g: Any) -> None:
    """Raise where the cotangent of a node's output is the first to be non-finite, or an array the
    node saved has changed since it was recorded."""
    info = node.info or {}
    at = f" (recorded at {info['line']})" if "line" in info else ""
    saved = node.saved[1:] if isinstance(node.saved, (tuple, list)) else ()
    for i, (value, before) in enumerate(zip(saved, info.get("fingerprints", ()), strict=False)):
        if before is not None and fingerprints([value])[0] != before:
            name = getattr(node.inputs[i], "name", None) or f"input {i}"
            raise RuntimeError(
                f"{name} of shape {np.shape(value)} was changed in place after {node.plan.op.path} "
                f"recorded it{at}; run the forward pass again after the update"
            )
    for part in g if isinstance(g, tuple) else (g,):
        if part is not None and not _finite(part):
            raise FloatingPointError(
                f"the cotangent of {node.name or node.plan.op.path}{at}, of shape {node.shape}, is "
                f"{_first_bad(part)}{_branch(node)}"
            )


def check_results(node: Node, parent: Any, g: Any, ct: Any) -> None:
    """Raise where a rule turns a finite cotangent into a non-finite one."""
    parts = g if isinstance(g, tuple) else (g,)
    if isinstance(ct, tuple) or _finite(ct) or not all(p is None or _finite(p) for p in parts):
        return
    info = node.info or {}
    at = f" recorded at {info['line']}" if "line" in info else ""
    ranges = ", ".join(
        f"{getattr(p, 'name', None) or f'input {i}'} {_range(v)}"
        for i, (p, v) in enumerate(zip(node.inputs, info.get("values", ()), strict=False))
    )
    raise FloatingPointError(
        f"the vjp of {node.plan.op.path}{at} gave {_first_bad(ct)} for "
        f"{parent.name or 'its input'} of shape {parent.shape}; its inputs: {ranges}{_branch(node)}"
    )


def _branch(node: Node) -> str:
    """Advice where a cotangent went through np.where: the branch not taken still has a gradient."""
    return str((node.info or {}).get("branch", ""))


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
