"""A Module is a pytree of its parameters: what is a leaf, what is structure, and what survives."""

from __future__ import annotations

import copy
import pickle
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd_lite as ag
import nn


class Tied(nn.Module):
    """An encoder and a decoder with one weight matrix, reached by two paths."""

    def __init__(self) -> None:
        self.encoder = nn.Linear(3, 2, rng=0)
        self.decoder = [self.encoder.W, np.tanh, "a label", 3]
        self.scale = nn.Parameter(np.array(2.0))

    def __call__(self, X: Any) -> Any:
        W, g, *_ = self.decoder
        return g(self.encoder(X)) @ W.T * self.scale


class Pair(NamedTuple):
    left: Any
    right: Any


class Holder(nn.Module):
    """Every kind of container."""

    def __init__(self) -> None:
        self.rate = 0.5
        self.options = {"a": 1, "b": [2, 3]}
        self.by_name = {"one": nn.Parameter([1.0]), "two": nn.Linear(1, 1, rng=0)}
        self.pair = Pair(nn.Parameter([2.0, 3.0]), (nn.ReLU(), None))
        self.rng = np.random.default_rng(0)


def paths(model: nn.Module) -> list[str]:
    return [path for path, _ in model.named_parameters()]


def test_parameters_are_listed_once_in_the_order_of_assignment() -> None:
    model = Tied()
    assert paths(model) == ["encoder.W", "encoder.b", "scale"]
    assert [p is q for p, q in zip(model.parameters(), ag.pytree.flatten(model)[0], strict=True)]
    assert model.parameters()[0] is model.encoder.W


def test_parameters_are_found_in_every_container() -> None:
    model = Holder()
    assert paths(model) == ["by_name['one']", "by_name['two'].W", "by_name['two'].b", "pair[0]"]
    assert model.parameters() == [p for _, p in model.named_parameters()]


def test_everything_else_is_structure() -> None:
    """Equal flags make equal structures, another value another one, and 1 is not True."""
    a, b = Holder(), Holder()
    b.rng, b.options = a.rng, a.options  # no hash: compared by identity
    structure = ag.pytree.flatten(a)[1]
    assert structure == ag.pytree.flatten(b)[1]
    assert hash(structure) == hash(ag.pytree.flatten(b)[1])
    b.rate = 0.25
    assert structure != ag.pytree.flatten(b)[1]
    a.rate, b.rate = 1, True  # type: ignore[assignment]
    assert ag.pytree.flatten(a)[1] != ag.pytree.flatten(b)[1]


def test_training_once_switched_back_is_the_structure_as_before() -> None:
    model = nn.MLP([2, 3, 2], rng=0)
    before = ag.pytree.flatten(model)[1]
    assert ag.pytree.flatten(model.eval())[1] != before
    assert ag.pytree.flatten(model.train())[1] == before


def test_flatten_and_unflatten_are_inverse() -> None:
    model = Holder()
    leaves, structure = ag.pytree.flatten(model)
    again = ag.pytree.unflatten(structure, leaves)
    assert isinstance(again, Holder)
    assert again.parameters() == leaves
    assert again.rate == 0.5
    assert again.options is model.options
    assert again.rng is model.rng
    assert isinstance(again.pair, Pair)
    assert isinstance(again.pair.right[0], nn.ReLU)
    assert ag.pytree.flatten(again)[1] == structure


def test_the_gradient_of_a_model_is_a_model_of_arrays() -> None:
    model = nn.MLP([3, 4, 2], init="xavier", rng=0)
    X, Y = np.random.default_rng(1).normal(size=(5, 3)), [0, 1, 1, 0, 1]
    g = ag.grad(lambda m: nn.softmax_cross_entropy(m.logits(X), Y))(model)
    assert isinstance(g, nn.MLP)
    assert g.sizes == (3, 4, 2)
    assert all(type(leaf) is np.ndarray for leaf in g.parameters())

    nn.softmax_cross_entropy(model.logits(X), Y).backward()
    for name, p in model.named_parameters():
        np.testing.assert_array_equal(getattr(g, name), p.grad)


def test_a_shared_parameter_gets_one_gradient_of_both_uses() -> None:
    model, X = Tied(), np.ones((4, 3))
    g = ag.grad(lambda m: np.sum(m(X)))(model)
    assert g.encoder.W is g.decoder[0]
    assert len(g.parameters()) == 3
    np.sum(model(X)).backward()
    np.testing.assert_array_equal(g.encoder.W, model.encoder.W.grad)


def test_a_model_and_its_gradient_map_together_where_parameters_are_shared() -> None:
    model = Tied()
    g = ag.grad(lambda m: np.sum(m(np.ones((4, 3)))))(model)
    moved = ag.pytree.map(lambda p, d: p.data - d, model, g)
    assert moved.decoder[0] is moved.encoder.W
    np.testing.assert_array_equal(moved.encoder.W, model.encoder.W.data - g.encoder.W)


def test_one_array_in_two_places_stays_two_leaves() -> None:
    """A map that answers every leaf with the same array does not tie the parameters."""
    zero = np.zeros(1)
    zeros = ag.pytree.map(lambda p: zero, Holder())
    assert len(zeros.parameters()) == 4
    assert len(ag.pytree.flatten(zeros)[0]) == 4


def test_a_frozen_parameter_gets_zeros_and_stays_where_it_is() -> None:
    model = nn.MLP([2, 3, 2], rng=0)
    model.W1.requires_grad = False
    g = ag.grad(lambda m: np.sum(m.logits(np.ones((1, 2)))))(model)
    assert not g.W1.any()
    assert g.W1.shape == (2, 3)
    assert g.b1.any()
    assert paths(model) == ["W1", "b1", "W2", "b2"]


def test_what_is_added_to_a_rebuilt_model_is_found() -> None:
    g = ag.grad(lambda m: np.sum(m.logits(np.ones((1, 2)))))(nn.MLP([2, 2], rng=0))
    g.extra = nn.Parameter([1.0])
    assert paths(g) == ["W1", "b1", "extra"]


def test_a_parameter_takes_its_name_from_the_field() -> None:
    layer = nn.Linear(2, 3)
    assert layer.W.name == "W"
    named = nn.Parameter([1.0], name="theta")
    layer.other = named  # type: ignore[attr-defined]
    assert named.name == "theta"


def test_parameters_must_be_floats() -> None:
    with pytest.raises(TypeError, match="only floats have gradients"):
        nn.Parameter([1, 2])


def test_train_and_eval_reach_every_module() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Tanh()), {"never": "a module"}.get)
    assert model.training
    assert model.eval() is model
    assert not model.training
    assert not model.layers[1].layers[0].training
    assert model.train().layers[1].layers[0].training


def test_predict_leaves_the_flags_as_they_were() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Softmax())
    model.layers[1].eval()
    model.predict(np.ones((1, 2)))
    assert model.training
    assert not model.layers[1].training


def test_state_travels_from_model_to_model() -> None:
    model, other = nn.MLP([3, 4, 2], rng=0), nn.MLP([3, 4, 2], rng=1)
    state = model.state_dict()
    assert list(state) == ["W1", "b1", "W2", "b2"]
    other.load_state_dict(state)
    X = np.ones((2, 3))
    np.testing.assert_array_equal(other(X).data, model(X).data)
    state["W1"][...] = 0  # a copy: neither model sees this
    np.testing.assert_array_equal(other.W1.data, model.W1.data)
    assert model.W1.data.any()


def test_state_comes_in_the_parameters_dtype() -> None:
    single = nn.MLP([3, 2], dtype=np.float32)
    single.load_state_dict(nn.MLP([3, 2]).state_dict())
    assert single.W1.dtype == np.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"W1": None}, "W1 is missing"),
        ({"W9": np.zeros(2)}, "W9 is no parameter of this model"),
        ({"b2": np.zeros(3)}, r"b2 has shape \(3,\), expected \(2,\)"),
        ({"b2": np.array(["a", "b"])}, "b2 holds <U1, expected real numbers"),
        ({"b2": np.zeros(2, complex)}, "b2 holds complex128"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change: dict[str, Any], message: str) -> None:
    model = nn.MLP([3, 4, 2], rng=0)
    before = model.state_dict()
    state = nn.MLP([3, 4, 2], rng=1).state_dict() | change
    state = {path: values for path, values in state.items() if values is not None}
    with pytest.raises(ValueError, match=message):
        model.load_state_dict(state)
    for path, values in model.state_dict().items():
        np.testing.assert_array_equal(values, before[path])


def test_a_state_is_a_mapping() -> None:
    with pytest.raises(TypeError, match="MLP: expected a state_dict, arrays by path, got a list"):
        nn.MLP([3, 2]).load_state_dict([np.zeros(2)])  # type: ignore[arg-type]


def test_a_parameter_is_not_replaced_by_an_array() -> None:
    """It would be out of the model, and never trained; another parameter may take its place."""
    model = nn.MLP([3, 2], rng=0)
    for value in (np.zeros((3, 2)), 0.0, [0.0]):
        with pytest.raises(TypeError, match=r"MLP\.W1 is a Parameter, .*; set W1\.data, or assign"):
            model.W1 = value  # type: ignore[assignment]
    model.W1 = nn.Parameter(np.zeros((3, 2)))
    assert model.W1.name == "W1"
    layer = nn.Linear(3, 2)
    layer.b = None
    assert len(layer.parameters()) == 1


def test_a_module_that_computes_nothing_says_where_it_would() -> None:
    class Empty(nn.Module):
        pass

    class FromElsewhere(nn.Module):
        def forward(self, X: Any) -> Any:
            return X

    with pytest.raises(NotImplementedError, match="Empty: a Module computes in __call__, which it"):
        Empty()(1.0)
    with pytest.raises(NotImplementedError, match=r"does not define; rename its forward$"):
        FromElsewhere()(1.0)


def test_training_is_true_or_false() -> None:
    with pytest.raises(TypeError, match="train: mode must be True or False, got 'yes'"):
        nn.MLP([3, 2]).train("yes")  # type: ignore[arg-type]
    assert nn.MLP([3, 2]).train(np.False_).training is False  # type: ignore[arg-type]


def test_a_loaded_state_is_seen_by_graphs_recorded_later() -> None:
    model = nn.MLP([3, 2], rng=0)
    model.load_state_dict({"W1": np.zeros((3, 2)), "b1": np.ones(2)})
    np.sum(model.logits(np.ones((1, 3)))).backward()
    np.testing.assert_array_equal(model.W1.grad, np.ones((3, 2)))


def test_zero_grad_clears_every_gradient() -> None:
    model = Tied()
    np.sum(model(np.ones((1, 3)))).backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_is_independent_and_keeps_what_is_shared(duplicate: Any) -> None:
    model = Tied()
    twin = duplicate(model)
    assert twin.decoder[0] is twin.encoder.W
    assert paths(twin) == paths(model)
    twin.encoder.W.data[...] = 0
    assert model.encoder.W.data.any()
    np.sum(twin(np.ones((1, 3)))).backward()
    assert model.encoder.W.grad is None


def test_the_summary_prints_each_parameter(capsys: pytest.CaptureFixture[str]) -> None:
    text = Tied().summary()
    assert capsys.readouterr().out == f"{text}\n"
    assert text.splitlines()[-1].split() == ["total", "9"]
    assert text.splitlines()[2].split() == ["encoder.W", "3×2", "6"]
    assert repr(text) == "<summary of 9 parameters>"


def test_repr_counts_the_parameters() -> None:
    assert repr(Tied()) == "Tied(9 parameters)"
    g = ag.pytree.map(lambda p: p.data, Tied())
    assert repr(g) == "Tied(9 parameters)"
