"""The gradient of micrograd's MLP(2, [16, 16, 1]), one Python number at a time.

python tests/benchmarks/scalar_graph.py

Of the program's 0.65 to 0.7, 0.4 is the arithmetic, one expression a neuron; 0.2 is seeing that 337
leaves are floats in the lists and tuples that it was traced with, at 10 ns a leaf.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

from compare import Contender, Workload, arguments, compare

SIZES = (2, 16, 16, 1)
X, Y = (0.7, -1.3), 1.0

Layers = list[list[tuple[list[float], float]]]


def start() -> Layers:
    """Weights and bias of every neuron of every layer."""
    rng = random.Random(3)
    return [
        [([rng.uniform(-1, 1) for _ in range(n_in)], rng.uniform(-1, 1)) for _ in range(n_out)]
        for n_in, n_out in itertools.pairwise(SIZES)
    ]


def squared_error(layers: Any, relu: Callable[[Any], Any]) -> Any:
    """½ (ŷ − y)², on numbers of any kind."""
    a: list[Any] = list(X)
    for l, layer in enumerate(layers):
        z = [sum((w * x for w, x in zip(ws, a, strict=True)), b) for ws, b in layer]
        a = z if l == len(layers) - 1 else [relu(v) for v in z]
    difference = a[0] - Y
    return 0.5 * difference * difference


def _flat(layers: Any, read: Callable[[Any], float]) -> list[Any]:
    return [[read(v) for ws, b in layer for v in (*ws, b)] for layer in layers]


def straightforward(layers: Layers) -> Contender:
    """The two passes in Python floats, derived by hand."""
    gradient: list[Any] = []

    def run() -> float:
        A: list[list[float]] = [list(X)]
        last = len(layers) - 1
        for l, layer in enumerate(layers):
            below, above = A[l], []
            for ws, b in layer:
                z = b
                for w, x in zip(ws, below, strict=True):
                    z += w * x
                above.append(z if l == last or z > 0 else 0.0)
            A.append(above)
        difference = A[-1][0] - Y
        gradient.clear()
        Z_g = [difference]
        for l in range(last, -1, -1):
            below, layer = A[l], layers[l]
            gradient.append([([z * x for x in below], z) for z in Z_g])
            if l:
                A_g = [0.0] * len(below)
                for (ws, _), z in zip(layer, Z_g, strict=True):
                    for i, w in enumerate(ws):
                        A_g[i] += w * z
                Z_g = [g if a > 0 else 0.0 for g, a in zip(A_g, below, strict=True)]
        gradient.reverse()
        return 0.5 * difference * difference

    return Contender(run, lambda: _flat(gradient, float))


def tensors(layers: Layers) -> Contender:
    """A tensor for every number, and loss.backward()."""
    import autograd_lite as ag

    def leaf(x: float) -> Any:
        return ag.tensor(x, requires_grad=True)

    params = [[([leaf(w) for w in ws], leaf(b)) for ws, b in layer] for layer in layers]
    leaves = [p for layer in params for ws, b in layer for p in (*ws, b)]

    def run() -> None:
        for p in leaves:
            p.zero_grad()
        squared_error(params, ag.relu).backward()

    return Contender(run, lambda: _flat(params, lambda p: p.grad))


def value_and_grad(layers: Layers) -> Contender:
    """ag.value_and_grad, floats in and out."""
    import autograd_lite as ag

    f = ag.value_and_grad(lambda layers: squared_error(layers, ag.relu))
    return Contender(lambda: f(layers), lambda: _flat(f(layers)[1], float))


def compiled(layers: Layers) -> Contender:
    """ag.compile of that."""
    import autograd_lite as ag

    f = ag.compile(ag.value_and_grad(lambda layers: squared_error(layers, ag.relu)))
    return Contender(lambda: f(layers), lambda: _flat(f(layers)[1], float))


def torch_eager(layers: Layers) -> Contender:
    """PyTorch, a 0-d tensor for every number."""
    import torch

    def leaf(x: float) -> Any:
        return torch.tensor(x, dtype=torch.float64, requires_grad=True)

    params = [[([leaf(w) for w in ws], leaf(b)) for ws, b in layer] for layer in layers]
    leaves = [p for layer in params for ws, b in layer for p in (*ws, b)]

    def run() -> None:
        for p in leaves:
            p.grad = None
        squared_error(params, torch.relu).backward()

    return Contender(run, lambda: _flat(params, lambda p: float(p.grad)))


def jax_jit(layers: Layers) -> Contender:
    """JAX: a jit of 337 arguments."""
    import jax

    f = jax.jit(jax.value_and_grad(lambda layers: squared_error(layers, jax.nn.relu)))
    return Contender(lambda: jax.block_until_ready(f(layers)), lambda: _flat(f(layers)[1], float))


def micrograd(layers: Layers) -> Contender:
    """micrograd."""
    from micrograd.engine import Value

    params = [[([Value(w) for w in ws], Value(b)) for ws, b in layer] for layer in layers]
    leaves = [p for layer in params for ws, b in layer for p in (*ws, b)]

    def run() -> None:
        for p in leaves:
            p.grad = 0
        squared_error(params, lambda v: v.relu()).backward()

    return Contender(run, lambda: _flat(params, lambda p: p.grad))


PEERS = {
    "micrograd": ("micrograd", micrograd),
    "torch": ("torch", torch_eager),
    "jax jit": ("jax", jax_jit),
}


def workloads(options: Any) -> Iterator[Workload]:
    """One network, in Python's floats."""
    import autograd_lite as ag

    layers = start()
    programs: dict[str, Callable[[Layers], Contender]] = {
        "hand-written": straightforward,
        "ag, tensors": tensors,
        "ag.value_and_grad": value_and_grad,
    }
    if hasattr(ag, "compile"):
        programs["ag.compile"] = compiled
    programs |= {name: make for name, (module, make) in PEERS.items() if find_spec(module)}
    if "float64" in options.dtypes:
        made = {k: partial(m, layers) for k, m in programs.items()}
        yield Workload("scalar graph 2-16-16-1", "float64", made)


if __name__ == "__main__":
    options = arguments(__doc__)
    compare(workloads(options), options)
