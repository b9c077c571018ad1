"""One step of training: without side effects, as it is written, and as a program.

`fit` runs a program that `ag.compile` makes of the step; where there can be none, as it is written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd_lite as ag
from nn.dropout import Drawn
from nn.objectives import Objective
from nn.optim import Optimizer

__all__ = ["CompiledStep", "EagerStep", "step_function"]

#: More shapes of batches than these are not worth a program each.
MOST_SHAPES = 4


def step_function(loss: Objective, optimizer: Any) -> Callable[..., Any]:
    """One step of training without side effects: (model, state, X, Y) → (model, state, loss).

    `state = optimizer.init(model)` comes before the first. As a program that updates the model in
    place it is `ag.compile(step_function(loss, optimizer), donate=(0, 1))`.
    """

    def step(model: Any, state: Any, X: Any, Y: Any) -> Any:
        value, grads = ag.value_and_grad(_checked)(model, loss, X, Y)
        model, state = optimizer.update(model, grads, state)
        return model, state, value

    return step


def _checked(model: Any, loss: Objective, X: Any, Y: Any) -> Any:
    """The loss. Raises TypeError for one that no gradient would reach the model from."""
    value = loss(model, X, Y)
    if isinstance(value, ag.Tensor) and value.requires_grad:
        return value
    kind = "a constant tensor" if isinstance(value, ag.Tensor) else f"a {type(value).__name__}"
    raise TypeError(
        f"loss: the function must return a tensor computed from the model's parameters, it "
        f"returned {kind}"
    )


class EagerStep:
    """A step as it is written: forward pass, `backward()`, `optimizer.step(model)`."""

    def __init__(self, model: Any, objective: Objective, optimizer: Any) -> None:
        self.model, self.objective, self.optimizer = model, objective, optimizer
        self.mode = "eager"

    def load(self) -> None:
        """Take over what the optimiser remembers: it stays there."""

    def __call__(self, X: Any, Y: Any) -> float:
        """Update the model; the loss of the batch before."""
        for p in self.model.parameters():
            p.grad = None
        loss = _checked(self.model, self.objective, X, Y)
        loss.backward(retain_graph=False)
        self.optimizer.step(self.model)
        return float(loss.item())

    def settle(self) -> None:
        """Have the optimiser remember what it should: it does already."""

    def snapshot(self) -> Callable[[], None]:
        """A function that takes what the optimiser remembers back to what it is now."""
        recall = getattr(self.optimizer, "recall", None)
        return recall() if recall else lambda: None


class CompiledStep:
    """A step as a program, compiled when first run; where it cannot be, as it is written.

    The program is of arrays by path, which it updates in place: parameters, and the optimiser's
    state, which is here while it runs. (With a model for an argument, looking at the arguments
    would cost 80 µs a step, with these 2.)
    """

    def __init__(self, model: Any, objective: Objective, optimizer: Optimizer) -> None:
        self.model, self.objective, self.optimizer = model, objective, optimizer
        self.eager: EagerStep | None = None
        self.mode = "compiled"
        self.made_for: Any = None
        self.state: dict[str, Any] | None = None

    def load(self) -> None:
        """Take over what the optimiser remembers, and make a program if there is none that fits."""
        self.state = self.optimizer.state_of(self.model)
        if self.state is None:
            self._give_up("some of the parameters were updated more often than others")
        else:
            self._take_arrays()

    def __call__(self, X: Any, Y: Any) -> float:
        """Update the model; the loss of the batch before."""
        if self.eager is None and self._worthwhile(X, Y):
            try:
                _, self.state, loss, masks = self.program(self.params, self.state, self.fixed, X, Y)
                self.drawn.put(masks)
                return float(loss)
            except Exception as error:
                # nothing was written yet; run as it is written, the same fault raises as itself
                self._give_up(str(error).splitlines()[0])
        assert self.eager is not None
        return self.eager(X, Y)

    def settle(self) -> None:
        """Have optimiser and parameters know of the updates."""
        if self.eager is None and self.state is not None:
            self.optimizer.remember(self.model, self.state)
            for p in self.model.parameters():
                p.data = p.data  # graphs recorded before hear of the change

    def snapshot(self) -> Callable[[], None]:
        """A function that takes the optimiser's state back to what it is now."""
        if self.eager is not None or self.state is None:
            return self.optimizer.recall()
        kept = _copied(self.state)

        def restore() -> None:
            self.state = kept
            self.optimizer.remember(self.model, kept)

        return restore

    def _take_arrays(self) -> None:
        """Hold the parameters' arrays by path, and a program for their structure."""
        leaves, structure = ag.pytree.flatten(self.model)
        named = dict(zip(ag.pytree.names(structure), leaves, strict=True))
        self.params = {path: p.data for path, p in named.items() if p.requires_grad}
        self.fixed = {path: p.data for path, p in named.items() if not p.requires_grad}
        made_for = structure, tuple(self.params), repr(self.optimizer)
        if made_for != self.made_for:
            self.made_for, self.shapes = made_for, set[Any]()
            self.drawn = Drawn(self.model)
            self.program = ag.compile(self._function(structure, list(named)), donate=(0, 1))

    def _function(self, structure: Any, paths: list[str]) -> Callable[..., Any]:
        """The step without side effects, of arrays by path; last of its results are the masks."""
        objective, optimizer, drawn = self.objective, self.optimizer, self.drawn

        def step(params: Any, state: Any, fixed: Any, X: Any, Y: Any) -> Any:
            def loss(params: Any) -> Any:
                values = {**fixed, **params}
                model = ag.pytree.unflatten(structure, [values[path] for path in paths])
                drawn.forget()
                return _checked(model, objective, X, Y), drawn.masks()

            (value, masks), grads = ag.value_and_grad(loss, has_aux=True)(params)
            params, state = optimizer.update(params, grads, state)
            return params, state, value, masks

        return step

    def _worthwhile(self, X: Any, Y: Any) -> bool:
        """Whether a program for batches of these shapes is there or may be made."""
        shapes = X.shape, Y.shape
        if shapes not in self.shapes:
            if len(self.shapes) == MOST_SHAPES:
                self._give_up(f"batches come in more than {MOST_SHAPES} shapes")
            self.shapes.add(shapes)
        return self.eager is None

    def _give_up(self, reason: str) -> None:
        if self.state is not None:
            self.optimizer.remember(self.model, self.state)
        self.eager = EagerStep(self.model, self.objective, self.optimizer)
        self.mode = f"eager: {reason}"


def _copied(tree: Any) -> Any:
    """A pytree with copies of its arrays."""
    return ag.pytree.map(lambda x: x.copy() if isinstance(x, np.ndarray) else x, tree)
