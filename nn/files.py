"""Files that are whole or not there: archives of arrays with a header, written atomically."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

__all__ = ["check_place", "read_archive", "write_archive", "write_whole"]

Array = np.ndarray[Any, Any]
HEADER = "header.json"
#: What zipfile, json and NumPy raise for content that is not what they expect.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    TypeError,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    OSError,  # seeking to where a damaged directory points
)


def check_place(path: Path) -> None:
    """Raise OSError where there can be no file of that path: a missing folder, or one in its place.

    What is written goes through a file of another name, which no message should speak of.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, expected the path of a file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}")


def write_whole(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Have `write` fill a file that takes the place of `path` only once it is complete.

    Whatever happens before leaves the old file as it was.
    """
    check_place(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        with open(unfinished, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_archive(path: Path, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Write an .npz file of arrays, readable by np.load, with a header in JSON."""

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(HEADER, json.dumps(header))
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)

    write_whole(path, write)


def read_archive(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """The header and the arrays of a file that `write_archive` wrote; `kind` is in its header.

    Raises ValueError, naming the file, for one that is truncated, damaged or of another kind.
    """
    with path.open("rb") as file:  # what cannot be opened at all is no matter of its content
        try:
            return _read(file, kind)
        except UNREADABLE as error:
            raise ValueError(f"{path}: found no {kind}: {error}") from error


def _read(file: BinaryIO, kind: str) -> tuple[dict[str, Any], dict[str, Array]]:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if HEADER not in names:
            raise ValueError(f"it has no {HEADER}")
        header = json.loads(archive.read(HEADER))
        if not isinstance(header, dict) or header.get("kind") != kind:
            raise ValueError(f"its header is of kind {dict(header).get('kind')!r}")
        arrays = {}
        for name in names:
            if name != HEADER:  # the whole member, so that its checksum is looked at
                content = BytesIO(archive.read(name))
                array = np.lib.format.read_array(content, allow_pickle=False)
                arrays[name.removesuffix(".npy")] = array
    return header, arrays
