"""The progress bar of training."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["Progress"]


class Progress:
    """A bar of steps, with the speed and the latest numbers; or nothing where nobody looks.

    wanted: "auto" shows it on a terminal or in a notebook where tqdm is installed; True and False
    insist. Raises ImportError for True without tqdm.
    """

    def __init__(self, wanted: str | bool, epochs: int, steps: int | None, done: int) -> None:
        self.epochs, self.done = epochs, done
        self.numbers = ""
        self.bar: Any = None
        tqdm = _tqdm(wanted)
        if tqdm is not None:
            total = None if steps is None else epochs * steps
            initial = done * (steps or 0)
            options = {"total": total, "initial": initial, "unit": " steps", "dynamic_ncols": True}
            self.bar = tqdm(desc=f"epoch {min(done + 1, epochs)}/{epochs}", **options)

    def step(self, total: float, rows: int) -> None:
        """One more step is done, after which the epoch's loss is `total` over so many rows."""
        if self.bar is not None and self.bar.update():  # true where the bar was drawn anew
            self.bar.set_postfix_str(f"loss {total / rows:.4g}{self.numbers}", refresh=False)

    def epoch(self, history: Any) -> None:
        """One more epoch is done."""
        if self.bar is not None:
            shown = [f"{key} {values[-1]:.4g}" for key, values in history.items()]
            self.numbers = "".join(f", {number}" for number in shown[1:])
            self.bar.set_description_str(
                f"epoch {min(history.epochs + 1, self.epochs)}/{self.epochs}", refresh=False
            )
            self.bar.set_postfix_str(", ".join(shown), refresh=False)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self.bar is not None:
            self.bar.close()


def _tqdm(wanted: str | bool) -> Any:
    """tqdm's bar, or None where none is wanted or possible."""
    if wanted not in ("auto", True, False):
        raise ValueError(f"progress must be 'auto', True or False, got {wanted!r}")
    watched = sys.stderr.isatty() or "ipykernel" in sys.modules
    if wanted is False or (wanted == "auto" and not watched):
        return None
    try:
        from tqdm.auto import tqdm
    except ImportError:
        if wanted == "auto":
            return None
        raise ImportError(
            "progress=True needs tqdm: pip install 'autograd-lite[progress]'"
        ) from None
    return tqdm
