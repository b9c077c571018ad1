"""Training steps in the other libraries, as their users write them, where they are installed."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from compare import Contender
from problems import Problem

__all__ = ["peers"]

Program = Callable[[Problem], Contender]


def torch_eager(problem: Problem) -> Contender:
    """PyTorch, its functional losses and its optimiser."""
    return _torch(problem, lambda f: f)


def torch_compiled(problem: Problem) -> Contender:
    """PyTorch with torch.compile around the forward pass, which compiles the backward pass too."""
    import torch

    return _torch(problem, torch.compile)


def _torch(problem: Problem, wrap: Callable[[Any], Any]) -> Contender:
    import torch
    from torch.nn import functional as F

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    params = [torch.tensor(p, requires_grad=True) for p in problem.params]
    X, Y = torch.from_numpy(problem.X), torch.from_numpy(problem.Y)
    optimiser = torch.optim.SGD(params, lr=problem.alpha)
    activation = F.relu if problem.hidden == "relu" else torch.tanh

    def objective(X: Any, Y: Any, *params: Any) -> Any:
        A = X
        for W, b in zip(params[:-2:2], params[1:-2:2], strict=True):
            A = activation(torch.addmm(b, A, W))
        Z = torch.addmm(params[-1], A, params[-2])
        if problem.output == "softmax":
            return F.cross_entropy(Z, Y, reduction="sum")
        return 0.5 * F.mse_loss(Z, Y, reduction="sum")

    objective = wrap(objective)

    def step() -> Any:
        optimiser.zero_grad()
        loss = objective(X, Y, *params)
        loss.backward()
        optimiser.step()
        return loss.item()

    return Contender(step, lambda: problem.gradients([p.detach().numpy() for p in params]))


def jax_jit(problem: Problem) -> Contender:
    """JAX, the whole step in one jit, its parameters donated."""
    import jax
    import jax.numpy as jnp

    X, Y, alpha = jnp.asarray(problem.X), jnp.asarray(problem.Y), problem.alpha

    def objective(params: Any, X: Any, Y: Any) -> Any:
        A = X
        for W, b in zip(params[:-2:2], params[1:-2:2], strict=True):
            Z = A @ W + b
            A = jax.nn.relu(Z) if problem.hidden == "relu" else jnp.tanh(Z)
        Z = A @ params[-2] + params[-1]
        if problem.output == "softmax":
            return -jnp.sum(Y * jax.nn.log_softmax(Z))
        return 0.5 * jnp.sum((Z - Y) ** 2)

    def update(params: Any, X: Any, Y: Any) -> Any:
        loss, gradient = jax.value_and_grad(objective)(params, X, Y)
        return [p - alpha * g for p, g in zip(params, gradient, strict=True)], loss

    step = jax.jit(update, donate_argnums=0)
    state = [[jnp.array(p) for p in problem.params]]

    def run() -> Any:
        state[0], loss = step(state[0], X, Y)
        return loss.block_until_ready()

    return Contender(run, lambda: problem.gradients(state[0]))


def hips_autograd(problem: Problem) -> Contender:
    """HIPS autograd's value_and_grad."""
    import autograd
    import autograd.numpy as anp

    params, alpha = problem.copies(), problem.alpha

    def objective(params: Any, X: Any, Y: Any) -> Any:
        A = X
        for W, b in zip(params[:-2:2], params[1:-2:2], strict=True):
            Z = anp.dot(A, W) + b
            A = anp.maximum(Z, 0) if problem.hidden == "relu" else anp.tanh(Z)
        Z = anp.dot(A, params[-2]) + params[-1]
        if problem.output == "softmax":
            Z = Z - anp.max(Z, axis=1, keepdims=True)
            return -anp.sum(Y * (Z - anp.log(anp.sum(anp.exp(Z), axis=1, keepdims=True))))
        return 0.5 * anp.sum((Z - Y) ** 2)

    loss_and_gradient = autograd.value_and_grad(objective)

    def step() -> Any:
        loss, gradient = loss_and_gradient(params, problem.X, problem.Y)
        for p, g in zip(params, gradient, strict=True):
            p -= alpha * g
        return loss

    return Contender(step, lambda: problem.gradients(params))


def mygrad(problem: Problem) -> Contender:
    """MyGrad's tensors; its fused softmax cross-entropy is a mean over labels."""
    import mygrad as mg
    from mygrad.nnet.losses import softmax_crossentropy

    params, alpha, n = [mg.tensor(p) for p in problem.copies()], problem.alpha, len(problem.X)
    labels = problem.Y.argmax(axis=1)

    def step() -> Any:
        A: Any = problem.X
        for W, b in zip(params[:-2:2], params[1:-2:2], strict=True):
            Z = mg.matmul(A, W) + b
            A = mg.maximum(Z, 0) if problem.hidden == "relu" else mg.tanh(Z)
        Z = mg.matmul(A, params[-2]) + params[-1]
        if problem.output == "softmax":
            loss = n * softmax_crossentropy(Z, labels)
        else:
            loss = 0.5 * mg.sum((Z - problem.Y) ** 2)
        loss.backward()
        for p in params:
            p.data -= alpha * p.grad
        return loss.item()

    return Contender(step, lambda: problem.gradients([p.data for p in params]))


_ALL: dict[str, tuple[str, Program]] = {
    "torch": ("torch", torch_eager),
    "jax jit": ("jax", jax_jit),
    "HIPS autograd": ("autograd", hips_autograd),
    "MyGrad": ("mygrad", mygrad),
}


def peers(torch_compile: bool = False) -> dict[str, Program]:
    """The steps of the libraries that are installed."""
    found = {name: make for name, (module, make) in _ALL.items() if find_spec(module)}
    if torch_compile and find_spec("torch"):
        found["torch.compile"] = torch_compiled
    return found
