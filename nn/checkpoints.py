"""Checkpoints: everything that training needs to go on as if it had never stopped.

That is the model, what the optimiser and the callbacks remember, every Generator that draws
numbers, and the History. `fit` keeps one in memory for Ctrl-C, and writes it after every epoch
where asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nn.files import read_archive, write_archive
from nn.history import History
from nn.module import generators_of

__all__ = ["Finished", "Run"]

KIND = "autograd-lite checkpoint"


class Run:
    """What training changes: model, optimiser, callbacks, Generators; and the step that does it.

    An optimiser or callback that remembers something has `state_dict` and `load_state_dict`.
    """

    def __init__(
        self,
        model: Any,
        optimizer: Any,
        rng: np.random.Generator,
        step: Any,
        callbacks: Sequence[Any] = (),
    ) -> None:
        self.model, self.optimizer, self.step = model, optimizer, step
        self.remembering = {
            f"callback {i}": callback
            for i, callback in enumerate(callbacks)
            if hasattr(callback, "state_dict") and hasattr(callback, "load_state_dict")
        }
        self.history = History()
        #: the one of the batches and those inside the model, each once
        self.generators = list(
            {id(g.bit_generator): g for g in (rng, *generators_of(model))}.values()
        )

    def write(self, path: Path) -> None:
        """Write everything to an .npz file, which is never seen half written."""
        header = {
            "kind": KIND,
            "version": 1,
            "history": {"numbers": self.history.numbers, "seconds": self.history.seconds},
            "generators": [_plain(g.bit_generator.state) for g in self.generators],
        }
        arrays = {f"model/{name}": values for name, values in self.model.state_dict().items()}
        if hasattr(self.optimizer, "state_dict"):
            state = self.optimizer.state_dict(self.model)
            arrays |= {f"optimizer/{name}": values for name, values in state.items()}
        for part, callback in self.remembering.items():
            arrays |= {f"{part}/{name}": values for name, values in callback.state_dict().items()}
        write_archive(path, header, arrays)

    def resume(self, path: Path) -> None:
        """Put everything back as a file says, all or nothing.

        Raises ValueError, naming the file, where it holds no checkpoint or one of another run.
        """
        header, arrays = read_archive(path, KIND)
        before = Finished(self)
        try:
            self._restore(header, arrays)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            before.restore(self)
            raise ValueError(f"{path}: this checkpoint does not fit the run: {error}") from error

    def _restore(self, header: dict[str, Any], arrays: dict[str, Any]) -> None:
        parts = defaultdict[str, dict[str, Any]](dict)
        for name, values in arrays.items():
            part, key = name.split("/", 1)
            parts[part][key] = values
        self.model.load_state_dict(parts["model"])
        if hasattr(self.optimizer, "load_state_dict"):
            self.optimizer.load_state_dict(self.model, parts["optimizer"])
        states = [_unplain(state) for state in header["generators"]]
        for generator, state in zip(self.generators, states, strict=True):
            generator.bit_generator.state = state
        self.history.numbers = {
            k: list(map(float, v)) for k, v in header["history"]["numbers"].items()
        }
        self.history.seconds = list(header["history"]["seconds"])
        for part, callback in self.remembering.items():
            callback.load_state_dict(parts[part])


class Finished:
    """A run as it was after an epoch, for Ctrl-C to go back to.

    Only what is changed in place is copied: 20 µs for the lecture's network, so that one can be
    taken after every epoch.
    """

    def __init__(self, run: Run) -> None:
        self.epochs = run.history.epochs
        self.values = [(p, p.data.copy()) for p in run.model.parameters()]
        self.states = [(g.bit_generator, g.bit_generator.state) for g in run.generators]
        self.recall = run.step.snapshot()

    def restore(self, run: Run) -> None:
        """Put everything back."""
        for p, values in self.values:
            p.data = values
        for bit_generator, state in self.states:
            bit_generator.state = state
        self.recall()
        run.history.truncate(self.epochs)


def _plain(value: Any) -> Any:
    """A Generator's state for JSON; some kinds have arrays in it."""
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else _number(value)


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _unplain(value: Any) -> Any:
    """The state that `_plain` put into JSON."""
    if isinstance(value, dict) and value.keys() == {"array", "dtype"}:
        return np.array(value["array"], dtype=value["dtype"])
    if isinstance(value, dict):
        return {key: _unplain(item) for key, item in value.items()}
    return [_unplain(item) for item in value] if isinstance(value, list) else value
