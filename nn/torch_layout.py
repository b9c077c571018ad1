"""Parameters in PyTorch's layout: `weight` of shape (n_out, n_in), the transpose of W, and `bias`.

For stacks of Linear layers: an MLP, whose PyTorch counterpart is `Sequential(Linear, ReLU, …)`,
and a Sequential, with the indices of its layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nn.layers import Linear, Sequential
from nn.mlp import MLP

__all__ = ["from_torch_layout", "to_torch_layout"]

Array = np.ndarray[Any, Any]


def to_torch_layout(model: Any) -> dict[str, Array]:
    """The state_dict of the same model in PyTorch: "0.weight", "0.bias", "2.weight", …"""
    state = {}
    for name, W, b in _linear(model):
        state[f"{name}.weight"] = np.ascontiguousarray(W.data.T)
        if b is not None:
            state[f"{name}.bias"] = b.data.copy()
    return state


def from_torch_layout(model: Any, state: Mapping[str, Any]) -> Any:
    """The model, its parameters set from a PyTorch state_dict, all or nothing.

    Linear layers are taken in their order, whatever names they have there; tensors, or arrays.
    Raises ValueError that names the entry that is missing, left over or of another shape.
    """
    if not isinstance(state, Mapping):
        raise TypeError(
            f"from_torch_layout: expected a state_dict after the model, got a "
            f"{type(state).__name__}"
        )
    arrays = {name: _array(value) for name, value in state.items()}
    own = list(_linear(model))
    theirs = list(dict.fromkeys(name.rpartition(".")[0] for name in arrays))
    if len(theirs) != len(own):
        raise ValueError(
            f"from_torch_layout: expected {len(own)} linear layers, got {len(theirs)}: "
            f"{', '.join(arrays) or 'nothing'}"
        )
    new: list[tuple[Any, Array]] = []
    for (_, W, b), name in zip(own, theirs, strict=True):
        wanted = {f"{name}.weight": (W, W.shape[::-1])}
        if b is not None:
            wanted[f"{name}.bias"] = (b, b.shape)
        found = {key for key in arrays if key.rpartition(".")[0] == name}
        if found != wanted.keys():
            raise ValueError(
                f"from_torch_layout: expected {', '.join(wanted)}, got {', '.join(sorted(found))}"
            )
        for key, (p, shape) in wanted.items():
            if arrays[key].shape != shape:
                raise ValueError(
                    f"from_torch_layout: {key} has shape {arrays[key].shape}, expected {shape} for "
                    f"{p.name} {p.shape}"
                )
            new.append((p, arrays[key].T.astype(p.dtype)))
    for p, values in new:
        p.data = np.ascontiguousarray(values)
    return model


def _linear(model: Any) -> Iterator[tuple[str, Any, Any]]:
    """(name in PyTorch, W, b) of every linear layer, in order."""
    if isinstance(model, MLP):
        for l in range(1, model.n_layers + 1):
            # an activation stands between two Linear layers
            yield f"{2 * (l - 1)}", getattr(model, f"W{l}"), getattr(model, f"b{l}")
    elif isinstance(model, Sequential):
        for i, layer in enumerate(model.layers):
            if isinstance(layer, Linear):
                yield f"{i}", layer.W, layer.b
            elif getattr(layer, "parameters", list)():
                raise TypeError(f"torch layout: layer {i} is a {type(layer).__name__}, not Linear")
    else:
        raise TypeError(f"torch layout: expected MLP or Sequential, got {type(model).__name__}")


def _array(value: Any) -> Array:
    return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
