"""ag.steps: the sweep's own numbers, step by step."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import network, random_graph

import autograd_lite as ag


def test_the_last_totals_are_the_gradients():
    """What has accumulated for each leaf at the end is what backward() gives."""
    graph = network()
    totals = {p.name: p.total for step in ag.steps(graph["L"]) for p in step.outgoing}
    graph["L"].backward()
    for name, key in (("W₁", "W1"), ("b₁", "b1"), ("W₂", "W2"), ("b₂", "b2")):
        assert np.array_equal(totals[name], graph[key].grad)


@pytest.mark.parametrize("seed", range(4))
def test_random_graphs_accumulate_to_their_gradients(seed):
    """Whatever is used however often."""
    output = random_graph(seed, 40)
    steps = ag.steps(output)
    totals = {p.name: p.total for step in steps for p in step.outgoing}
    leaves = [v for v in steps.graph.sources if v.kind == "parameter"]
    output.backward()
    for value in leaves:
        tensor = value.node.tensor()
        if tensor is not None and tensor.grad is not None:
            assert np.allclose(totals[value.name], tensor.grad, rtol=1e-12)


def test_a_second_contribution_accumulates():
    """The second use of a value says +=, and gives the total."""
    x = ag.tensor(3.0, requires_grad=True, name="x")
    (step,) = ag.steps(x * x)
    first, second = step.outgoing
    assert (first.accumulates, second.accumulates) == (False, True)
    assert (float(first.total), float(second.total)) == (3.0, 6.0)
    assert step.formula == "x⁽ᵍ⁾ = x; x⁽ᵍ⁾ += x"


def test_the_table_has_a_line_for_every_cotangent_passed_on():
    """print(ag.steps(loss)) shows operations, formulas, shapes and amounts."""
    graph = network()
    text = str(ag.steps(graph["L"], names=graph))
    assert "Z₂⁽ᵍ⁾ = Ŷ − Y" in text
    assert "b₁⁽ᵍ⁾ = Σ Z₁⁽ᵍ⁾  (over axis 0)" in text
    assert len(text.splitlines()) == 2 + 9


def test_steps_are_an_iterator_and_can_be_gone_through_again():
    """next() and several loops both work."""
    steps = ag.steps(network()["L"])
    first = next(steps)
    assert first.number == 1
    assert [s.number for s in steps] == [s.number for s in steps] == list(range(1, len(steps) + 1))


def test_a_cotangent_for_an_array_is_given():
    """A non-scalar output needs `gradient`, as backward() does."""
    x = ag.tensor([1.0, 2.0], requires_grad=True, name="x")
    y = x * 2.0
    with pytest.raises(ValueError, match="needs one element"):
        ag.steps(y)
    (step,) = ag.steps(y, gradient=np.array([1.0, 10.0]))
    assert np.array_equal(step.outgoing[0].total, [2.0, 20.0])


def test_what_requires_no_grad_has_no_steps():
    """The error says what was expected."""
    with pytest.raises(TypeError, match="a tensor that requires grad"):
        ag.steps(ag.tensor(1.0))
