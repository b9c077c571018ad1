"""Training steps through autograd_lite and nn, as a user writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from compare import Contender
from problems import Problem

import autograd_lite as ag
import nn

__all__ = ["OURS", "update_of"]


def model_and_optimiser(problem: Problem) -> Contender:
    """nn.MLP, loss.backward() and GradientDescent.step."""
    model = nn.MLP(
        problem.sizes, hidden=problem.hidden, output=problem.output, dtype=problem.X.dtype
    )
    for p, start in zip(model.parameters(), problem.copies(), strict=True):
        p.data = start
    optimiser = nn.GradientDescent(problem.alpha)
    X, Y = problem.X, problem.Y
    y = Y.reshape(-1)

    def step() -> Any:
        if problem.output == "softmax":
            loss = ag.softmax_cross_entropy(model.logits(X), Y, normalized=True)
        else:
            loss = nn.squared_error(model(X), y)
        loss.backward(retain_graph=False)
        optimiser.step(model)
        model.zero_grad()
        return loss.item()

    return Contender(step, lambda: problem.gradients([p.data for p in model.parameters()]))


def _loss(problem: Problem, params: Any, X: Any, Y: Any) -> Any:
    """The lecture's network, written out."""
    A = X
    for W, b in zip(params[:-2:2], params[1:-2:2], strict=True):
        Z = A @ W + b
        A = ag.relu(Z) if problem.hidden == "relu" else np.tanh(Z)
    Z = A @ params[-2] + params[-1]
    if problem.output == "softmax":
        return ag.softmax_cross_entropy(Z, Y, normalized=True)
    difference = Z - Y
    return 0.5 * np.sum(difference * difference)


def tensors(problem: Problem) -> Contender:
    """Tensors, loss.backward() and an update in place."""
    params = [ag.tensor(p, requires_grad=True) for p in problem.copies()]
    alpha = problem.alpha

    def step() -> Any:
        loss = _loss(problem, params, problem.X, problem.Y)
        loss.backward()
        for p in params:
            p.data -= alpha * p.grad
            p.zero_grad()
        return loss.item()

    return Contender(step, lambda: problem.gradients([p.data for p in params]))


def value_and_grad(problem: Problem) -> Contender:
    """ag.value_and_grad of the loss, arrays in and out."""
    params = problem.copies()
    alpha = problem.alpha
    loss_and_gradient = ag.value_and_grad(lambda params, X, Y: _loss(problem, params, X, Y))

    def step() -> Any:
        loss, gradient = loss_and_gradient(params, problem.X, problem.Y)
        for p, g in zip(params, gradient, strict=True):
            p -= alpha * g
        return loss

    return Contender(step, lambda: problem.gradients(params))


def update_of(problem: Problem) -> Callable[..., Any]:
    """(parameters, loss) of one step of gradient descent, as a function of (parameters, X, Y)."""
    alpha = problem.alpha

    def update(params: Any, X: Any, Y: Any) -> Any:
        loss, gradient = ag.value_and_grad(lambda p: _loss(problem, p, X, Y))(params)
        return [p - alpha * g for p, g in zip(params, gradient, strict=True)], loss

    return update


def compiled(problem: Problem) -> Contender:
    """The whole step, compiled, with the parameters updated in place."""
    step = ag.compile(update_of(problem), donate=(0,))
    state = [problem.copies()]

    def run() -> Any:
        state[0], loss = step(state[0], problem.X, problem.Y)
        return loss

    return Contender(run, lambda: problem.gradients(state[0]))


#: Each form of the step by its name in the tables.
OURS: dict[str, Callable[[Problem], Contender]] = {
    "ag, nn.MLP": model_and_optimiser,
    "ag, tensors": tensors,
    "ag.value_and_grad": value_and_grad,
}
if hasattr(ag, "compile"):
    OURS["ag.compile"] = compiled
