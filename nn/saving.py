"""Models in files: .npz archives of arrays, never pickles."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from nn.mlp import MLP

__all__ = ["load", "save"]

_HEADER = "__header__"


def save(model: Any, path: str | Path) -> Path:
    """Write a model's parameters to an .npz file and return its path.

    The file is written beside its place and then moved there, so that a failure leaves what was
    there whole. An MLP can be rebuilt from the file alone; see `load`.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"save: expected a path that ends in .npz, got {path.name!r}")
    arrays: dict[str, Any] = {_HEADER: np.array(json.dumps(_described(model)))}
    arrays |= model.state_dict()
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez_compressed(file, **arrays)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path


def load(path: str | Path, model: Any = None) -> Any:
    """The model in a file; with `model`, that one, filled all or nothing.

    Raises ValueError, naming the file, for one that is truncated, foreign or does not fit.
    """
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(str(arrays.pop(_HEADER)[()]))
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, AttributeError) as error:
        raise ValueError(f"{path}: no model saved by nn.save ({error})") from error
    if model is None:
        if header.get("class") != "MLP":
            raise ValueError(f"{path}: holds a {header.get('class')}; pass a model to fill")
        model = MLP(**header["arguments"])
    try:
        model.load_state_dict(arrays)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return model


def _described(model: Any) -> dict[str, Any]:
    if not isinstance(model, MLP):
        return {"class": type(model).__name__}
    arguments = {
        "sizes": model.sizes,
        "hidden": model.hidden,
        "output": model.output,
        "init": "zeros",
        "dtype": str(model.W1.dtype),
    }
    return {"class": "MLP", "arguments": arguments}
