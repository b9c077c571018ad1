"""Gradient and Hessian-vector product of 2-16-16-1 against a hand-derived R-operator.

    python tests/benchmarks/hessian_vector.py

Pearlmutter 1994, "Fast exact multiplication by the Hessian": every line of the two passes is
differentiated in the direction V.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from compare import Contender, Workload, arguments, compare
from problems import Problem, network


def direction(problem: Problem) -> list[Any]:
    """V, of the parameters' shapes."""
    rng = np.random.default_rng(5)
    return [rng.standard_normal(p.shape).astype(p.dtype) for p in problem.params]


def straightforward(problem: Problem) -> Contender:
    """The R-operator by hand, in plain NumPy."""
    V, L = direction(problem), problem.n_layers
    W, b = [None, *problem.params[0::2]], [None, *problem.params[1::2]]
    W_v, b_v = [None, *V[0::2]], [None, *V[1::2]]
    out: list[Any] = []

    def run() -> None:
        A, A_v = [problem.X], [None]
        for l in range(1, L + 1):
            Z = A[l - 1] @ W[l] + b[l]
            Z_v = A[l - 1] @ W_v[l] + b_v[l]
            if l > 1:
                Z_v = Z_v + A_v[l - 1] @ W[l]
            A.append(np.tanh(Z) if l < L else Z)
            A_v.append((1 - A[l] ** 2) * Z_v if l < L else Z_v)
        Z_g, Z_gv = A[L] - problem.Y, A_v[L]
        gradient, product = [], []
        for l in range(L, 0, -1):
            gradient += [Z_g.sum(axis=0), A[l - 1].T @ Z_g]
            W_gv = A[l - 1].T @ Z_gv
            if l > 1:
                W_gv = W_gv + A_v[l - 1].T @ Z_g
            product += [Z_gv.sum(axis=0), W_gv]
            if l > 1:
                A_g, A_gv = Z_g @ W[l].T, Z_gv @ W[l].T + Z_g @ W_v[l].T
                slope = 1 - A[l - 1] ** 2
                Z_g, Z_gv = A_g * slope, A_gv * slope - 2 * A_g * A[l - 1] * A_v[l - 1]
        out[:] = gradient[::-1] + product[::-1]

    return Contender(run, lambda: out)


def squared_error(params: Any, problem: Problem, np: Any) -> Any:
    """½ Σ (ŷ − y)²."""
    A = problem.X
    for W, b in zip(params[:-2:2], params[1:-2:2], strict=True):
        A = np.tanh(A @ W + b)
    difference = A @ params[-2] + params[-1] - problem.Y
    return 0.5 * np.sum(difference * difference)


def forward_over_reverse(problem: Problem) -> Contender:
    """ag.hvp."""
    import autograd_lite as ag

    def loss(p: Any) -> Any:
        return squared_error(p, problem, np)

    return _product(lambda p, v: _first(ag.hvp(loss, (p,), (v,))), problem)


def reverse_over_reverse(problem: Problem) -> Contender:
    """ag.vjp of ag.grad."""
    import autograd_lite as ag

    gradient = ag.grad(lambda p: squared_error(p, problem, np))

    def both(p: Any, v: Any) -> Any:
        g, pullback = ag.vjp(gradient, p)
        return g, pullback(v)[0]

    return _product(both, problem)


def compiled(problem: Problem) -> Contender:
    """ag.compile of ag.hvp."""
    import autograd_lite as ag

    def both(p: Any, v: Any) -> Any:
        return ag.hvp(lambda q: squared_error(q, problem, np), (p,), (v,))

    program = ag.compile(both)
    return _product(lambda p, v: _first(program(p, v)), problem)


def torch_eager(problem: Problem) -> Contender:
    """PyTorch: the gradient with create_graph, then again."""
    import torch

    params = [torch.tensor(p, requires_grad=True) for p in problem.params]
    V = [torch.tensor(v) for v in direction(problem)]
    on_torch = problem._replace(X=torch.from_numpy(problem.X), Y=torch.from_numpy(problem.Y))
    out: list[Any] = []

    def run() -> None:
        loss = squared_error(params, on_torch, torch)
        gradient = torch.autograd.grad(loss, params, create_graph=True)
        product = torch.autograd.grad(gradient, params, grad_outputs=V)
        out[:] = [g.detach().numpy() for g in (*gradient, *product)]

    return Contender(run, lambda: out)


def jax_jit(problem: Problem) -> Contender:
    """JAX: jvp of grad, in one jit."""
    import jax
    import jax.numpy as jnp

    gradient = jax.grad(lambda p: squared_error(p, problem, jnp))
    f = jax.jit(lambda p, v: jax.jvp(gradient, (p,), (v,)))
    params, V = [[jnp.asarray(a) for a in t] for t in (problem.params, direction(problem))]
    return Contender(
        lambda: jax.block_until_ready(f(params, V)), lambda: [a for t in f(params, V) for a in t]
    )


def hips_autograd(problem: Problem) -> Contender:
    """HIPS autograd."""
    import autograd
    import autograd.numpy as anp

    def loss(*p: Any) -> Any:
        A = problem.X
        for W, b in zip(p[:-2:2], p[1:-2:2], strict=True):
            A = anp.tanh(anp.dot(A, W) + b)
        difference = anp.dot(A, p[-2]) + p[-1] - problem.Y
        return 0.5 * anp.sum(difference * difference)

    gradient = autograd.grad(lambda p: loss(*p))
    product = autograd.make_hvp(lambda p: loss(*p))

    def both(p: Any, v: Any) -> Any:
        hvp, _ = product(tuple(p))
        return gradient(tuple(p)), hvp(tuple(v))

    return _product(both, problem)


def _first(pair: Any) -> Any:
    """Gradient and product of the only argument, where they come as tuples over arguments."""
    return [t[0] if isinstance(t, tuple) else t for t in pair]


def _product(f: Callable[..., Any], problem: Problem) -> Contender:
    params, V = list(problem.params), direction(problem)
    out: list[Any] = []

    def run() -> None:
        gradient, product = f(params, V)
        out[:] = [*gradient, *product]

    return Contender(run, lambda: out)


PEERS = {
    "torch": ("torch", torch_eager),
    "jax jit": ("jax", jax_jit),
    "HIPS autograd": ("autograd", hips_autograd),
}


def workloads(options: Any) -> Iterator[Workload]:
    """One network, each dtype."""
    import autograd_lite as ag

    programs = {
        "hand-written": straightforward,
        "ag.hvp": forward_over_reverse,
        "ag.vjp of ag.grad": reverse_over_reverse,
    }
    if hasattr(ag, "compile"):
        programs["ag.compile"] = compiled
    programs |= {name: make for name, (module, make) in PEERS.items() if find_spec(module)}
    for dtype in options.dtypes:
        problem = network("2-16-16-1", 32, dtype, 1.0)
        made = {k: partial(m, problem) for k, m in programs.items()}
        yield Workload("gradient and H·v, 2-16-16-1", dtype, made)


if __name__ == "__main__":
    options = arguments(__doc__)
    compare(workloads(options), options)
