"""The safetensors format: eight bytes of length, a JSON header, then the arrays' bytes.

Written and read here without the package of that name, which reads the same files. The format is
little-endian and row-major (github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nn.files import write_whole

__all__ = ["read", "write"]

Array = np.ndarray[Any, Any]
DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}


def write(path: Path, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Write arrays, with a header among the file's metadata."""
    for name, array in arrays.items():
        if array.dtype.newbyteorder("<") not in NAMES:
            raise ValueError(f"{path}: {name} is {array.dtype}, which the format lacks; use .npz")
    blocks = {n: np.ascontiguousarray(a, a.dtype.newbyteorder("<")) for n, a in arrays.items()}
    # metadata are text to text
    entries: dict[str, Any] = {"__metadata__": {k: json.dumps(v) for k, v in header.items()}}
    start = 0
    for name, block in blocks.items():
        end = start + block.nbytes
        shape = list(arrays[name].shape)  # ascontiguousarray makes (1,) of ()
        dtype = NAMES[block.dtype]
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
        start = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)

    def content(file: BinaryIO) -> None:
        file.write(len(text).to_bytes(8, "little") + text)
        for block in blocks.values():
            file.write(block.tobytes())

    write_whole(path, content)


def read(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """The header and the arrays of a safetensors file; without our header, an empty one.

    Raises ValueError, naming the file, for one that is truncated or not of this format.
    """
    content = path.read_bytes()
    try:
        length = int.from_bytes(content[:8], "little")
        if len(content) < 8 + length:
            raise ValueError(f"{len(content)} bytes, and its header alone needs {8 + length}")
        entries = json.loads(content[8 : 8 + length])
        metadata = entries.pop("__metadata__", {})
        data = memoryview(content)[8 + length :]
        needed = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
        if len(data) != needed:
            raise ValueError(f"{len(data)} bytes of arrays where its header needs {needed}")
        arrays = {name: _array(name, entry, data) for name, entry in entries.items()}
        known = metadata.get("kind") == json.dumps(kind)
        return ({k: json.loads(v) for k, v in metadata.items()} if known else {}), arrays
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise ValueError(f"{path}: found no safetensors file: {error}") from error


def _array(name: str, entry: Mapping[str, Any], data: memoryview) -> Array:
    start, end = entry["data_offsets"]
    if entry["dtype"] not in DTYPES:
        raise ValueError(f"{name} has dtype {entry['dtype']}, expected one of {', '.join(DTYPES)}")
    if not 0 <= start <= end:
        raise ValueError(f"{name} lies at {start} to {end}")
    return np.frombuffer(data[start:end], DTYPES[entry["dtype"]]).reshape(entry["shape"]).copy()
