"""The usual mistakes, made on purpose: which of them gives the very gradient that was claimed?

The graph of f is swept once per suspect with one of its rules replaced by what people write
instead: no derivative of the activation, a softmax without its cross term, a factor left out. If
the result is the claimed gradient in every parameter, the mistake has a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_lite.sweep import Node, sweep
from autograd_lite.table import Plan
from autograd_lite.testing.objective import Array
from autograd_lite.testing.pulled import Pulled

__all__ = ["suspect"]

ALIKE = 1e-7  # of the largest entry; two different mistakes differ by far more
MOST = 60  # sweeps


Rule = Callable[..., Any]


class Suspect(NamedTuple):
    """What a mistake is called, and the rule it puts in place of that of some nodes' input i.

    The rule is `(g, y)` or, with `scaled`, the node's own rule times a number.
    """

    sentence: str
    nodes: Sequence[Node]
    i: int
    rule: Rule | None = None
    scaled: Callable[[Node], float] | None = None


def suspect(pulled: Pulled, seeds: Sequence[Array], claimed: Mapping[str, Array]) -> str | None:
    """The name of the mistake that gives exactly the claimed gradients, if one does."""
    right = [np.asarray(g) for g in pulled.back(seeds)]
    for n, candidate in enumerate(_suspects(pulled.nodes)):
        if n == MOST:
            break
        try:
            found = _swept(pulled, seeds, candidate)
        except ValueError:  # the mistake does not even fit the shapes
            continue
        same = all(_alike(a, b) for a, b in zip(found, claimed.values(), strict=True))
        if same and not all(_alike(a, b) for a, b in zip(found, right, strict=True)):
            return candidate.sentence
    return None


def _suspects(nodes: Sequence[Node]) -> Iterator[Suspect]:
    """First a mistake made wherever an operation occurs, then at one place only."""
    computed = sorted((n for n in nodes if n.plan is not None), key=lambda node: -node.order)
    by_op: dict[str, list[Node]] = {}
    for node in computed:
        by_op.setdefault(node.plan.op.path, []).append(node)
    for group in by_op.values():
        yield from _mistakes(group, "")
    for group in by_op.values():
        for place, node in enumerate(reversed(group), start=1):
            if len(group) > 1:
                yield from _mistakes([node], f" number {place}")


def _mistakes(nodes: Sequence[Node], which: str) -> Iterator[Suspect]:
    plan = nodes[0].plan
    op, path = plan.op, f"{plan.op.path}{which}"
    tracked = [i for i, _ in plan.edges]
    if op.name == "softmax":
        sentence = f"softmax without its cross term: the Jacobian of {path} is diag(y) − y yᵀ"
        yield Suspect(sentence, nodes, 0, lambda g, y: g * y)
        yield Suspect(sentence, nodes, 0, lambda g, y: g * y * (1.0 - y))
    if op.name in ("multiply", "divide"):
        for i in tracked:
            yield Suspect(f"a factor of {path} was left out", nodes, i, lambda g, y: g)
    if op.name == "divide" and 1 in tracked:
        sentence = f"the denominator of {path} was taken for a constant"
        yield Suspect(sentence, nodes, 1, lambda g, y: 0.0 * g)
    elif op.name == "subtract" and 1 in tracked:
        yield Suspect(f"sign: {path} subtracts its second input", nodes, 1, lambda g, y: g)
    elif op.name == "negative":
        yield Suspect(f"sign: the minus of {path} was forgotten", nodes, 0, lambda g, y: g)
    elif op.name == "mean":
        yield Suspect(f"a sum for a mean: the 1/n of {path} was left out", nodes, 0, scaled=_n)
    elif op.name == "sum":
        sentence = f"a mean for a sum: the gradient of {path} has no 1/n"
        yield Suspect(sentence, nodes, 0, scaled=lambda node: 1.0 / _n(node))
    elif op.n_inputs == 1 and not op.variadic and op.kind in ("elementwise", "general"):
        yield Suspect(f"the derivative of {path} was forgotten", nodes, 0, lambda g, y: g)


def _n(node: Node) -> float:
    """How many numbers go into one of a reduction's results."""
    return float(node.inputs[0].size / max(1, node.size))


def _swept(pulled: Pulled, seeds: Sequence[Array], candidate: Suspect) -> list[Array]:
    """The gradients with the suspect's rule in place of the right one."""
    plans = [node.plan for node in candidate.nodes]
    for node in candidate.nodes:
        node.plan = _changed(node, candidate)
    try:
        ends = zip(pulled.ends, seeds, strict=True)
        found = sweep([(n, g) for n, g in ends if n is not None], set(pulled.declared))
    finally:
        # the graph is the caller's
        for node, plan in zip(candidate.nodes, plans, strict=True):
            node.plan = plan
    return [np.asarray(found.get(node, 0.0)) for node in pulled.declared]


def _changed(node: Node, candidate: Suspect) -> Plan:
    """The node's plan with the rule of input i replaced."""
    plan = Plan(node.plan.op, node.plan.tracked)
    plan.edges = tuple(
        (i, _replaced(rule, node, candidate) if i == candidate.i else rule)
        for i, rule in plan.edges
    )
    return plan


def _replaced(rule: Rule, node: Node, candidate: Suspect) -> Rule:
    if candidate.scaled is not None:
        factor = candidate.scaled(node)
        return lambda g, *saved, **params: rule(g, *saved, **params) * factor
    wrong = candidate.rule
    assert wrong is not None
    return lambda g, y, *inputs, **params: wrong(g, y)


def _alike(a: Array, b: Array) -> bool:
    if a.shape != b.shape:
        return False
    largest = max(float(np.max(np.abs(x), initial=0.0)) for x in (a, b))
    with np.errstate(invalid="ignore"):
        return bool(np.all(np.abs(a - b) <= ALIKE * largest))
