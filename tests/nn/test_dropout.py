"""Dropout is the lecture's, in all its forms, and sees the same masks however it is run."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
import nn
from nn import masks

A = np.random.default_rng(0).normal(size=(6, 10)) + 3.0
X, LABELS = np.random.default_rng(1).normal(size=(6, 4)), np.arange(6) % 3


def dropout(p: float = 0.5, **options: Any) -> nn.Dropout:
    return nn.Dropout(p, rng=np.random.default_rng(5), **options)


# --- the lecture's form


@pytest.mark.parametrize(
    ("p", "size", "dropped"), [(0.5, 10, 5), (0.5, 50, 25), (0.2, 10, 2), (0.3, 7, 2), (0.9, 10, 9)]
)
def test_exactly_that_share_of_the_neurons_is_dropped(p: float, size: int, dropped: int) -> None:
    drop = dropout(p)
    for _ in range(20):
        drop(np.ones((4, size)))
        assert drop.mask.shape == (size,)
        assert np.count_nonzero(drop.mask == 0) == dropped
        assert np.count_nonzero(drop.mask == 1) == size - dropped


def test_one_mask_serves_the_whole_batch_unscaled() -> None:
    drop = dropout()
    np.testing.assert_array_equal(drop(A), A * drop.mask)


def test_masks_differ_from_iteration_to_iteration_and_reach_every_neuron() -> None:
    drop = dropout()
    masks = [drop(A)[0] != 0 for _ in range(400)]
    assert len({mask.tobytes() for mask in masks}) > 100
    np.testing.assert_allclose(np.mean(masks, axis=0), 0.5, atol=0.1)


def test_inference_takes_the_share_that_was_kept() -> None:
    np.testing.assert_array_equal(dropout(0.2).eval()(A), A * 0.8)


def test_scaling_the_activations_is_scaling_the_outgoing_weights() -> None:
    """The full network with the outgoing weights of the dropped layer halved."""
    model = nn.MLP([4, 10, 3], init="xavier", dropout=0.5, rng=0).eval()
    plain = nn.MLP([4, 10, 3])
    plain.load_state_dict({**model.state_dict(), "W2": model.W2.data * 0.5})
    np.testing.assert_allclose(model(X).data, plain(X).data, rtol=1e-14)


def test_lists_are_activations_and_single_numbers_are_none() -> None:
    drop = dropout()
    np.testing.assert_array_equal(drop([[1.0, 2.0]]), drop.mask * [[1.0, 2.0]])
    np.testing.assert_array_equal(drop.eval()([[1.0, 2.0]]), [[0.5, 1.0]])
    with pytest.raises(ValueError, match=r"expected activations of shape \(n, S_l\), got a single"):
        drop(3.0)


def test_a_probability_of_zero_drops_nothing() -> None:
    drop = dropout(0.0)
    assert drop(A) is A
    assert drop.eval()(A) is A


# --- the other forms


def test_a_mask_per_sample_drops_exactly_in_every_row() -> None:
    drop = dropout(0.3, per="sample")
    drop(A)
    assert drop.mask.shape == A.shape
    assert (np.count_nonzero(drop.mask == 0, axis=1) == 3).all()
    assert len({row.tobytes() for row in drop.mask}) > 1


def test_independent_draws_vary_in_number_around_the_share() -> None:
    drop = dropout(0.3, count="random")
    counts = []
    for _ in range(300):
        drop(np.ones((1, 50)))
        counts.append(np.count_nonzero(drop.mask == 0))
    assert np.mean(counts) == pytest.approx(15, abs=0.8)
    assert np.std(counts) == pytest.approx(np.sqrt(50 * 0.3 * 0.7), abs=0.6)


@pytest.mark.parametrize("count", ["exact", "random"])
@pytest.mark.parametrize("per", ["neuron", "sample"])
def test_inverted_scaling_keeps_the_mean_and_leaves_inference_alone(per: str, count: str) -> None:
    drop = dropout(0.4, per=per, count=count, scaling="training")
    mean = np.mean([drop(A) for _ in range(3000)], axis=0)
    np.testing.assert_allclose(mean, A, rtol=0.1)
    assert set(np.unique(drop.mask)) <= {0.0, 1 / 0.6}
    assert drop.eval()(A) is A


@pytest.mark.parametrize("scaling", ["inference", "training"])
def test_the_average_of_many_masks_is_inference(scaling: str) -> None:
    """Of a linear layer above, exactly in the mean; here over all masks of four neurons."""
    drop = dropout(0.5, scaling=scaling)
    values = np.array([[1.0, -2.0, 3.0, 5.0]])
    seen = {}
    for _ in range(500):
        out = drop(values)
        seen[drop.mask.tobytes()] = out
    assert len(seen) == 6  # two of four
    np.testing.assert_allclose(np.mean(list(seen.values()), axis=0), drop.eval()(values))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", ["exact", "random"])
@pytest.mark.parametrize("scaling", ["inference", "training"])
def test_the_dtype_stays(dtype: Any, count: str, scaling: str) -> None:
    drop = dropout(0.3, count=count, scaling=scaling)
    for layer in (drop, copy.deepcopy(drop).eval()):
        assert layer(A.astype(dtype)).dtype == dtype
        assert layer(ag.tensor(A.astype(dtype), requires_grad=True)).dtype == dtype


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p": 1.0}, "p must be at least 0 and below 1, got 1.0"),
        ({"p": -0.1}, "got -0.1"),
        ({"p": float("nan")}, "got nan"),
        ({"p": "0.5"}, "p must be at least 0 and below 1, got '0.5'"),
        ({"p": None}, "got None"),
        ({"p": False}, "got False"),
        ({"per": "batch"}, "per must be 'neuron' or 'sample', got 'batch'"),
        ({"count": "half"}, "count must be 'exact' or 'random', got 'half'"),
        ({"scaling": "none"}, "scaling must be 'inference' or 'training', got 'none'"),
    ],
)
def test_other_options_are_refused(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nn.Dropout(**options)


# --- masks are repeatable


def test_a_seed_repeats_the_masks() -> None:
    one, other = dropout(), dropout()
    for _ in range(5):
        np.testing.assert_array_equal(one(A), other(A))


def test_replay_repeats_the_masks_of_a_whole_network() -> None:
    model = nn.MLP([4, 10, 10, 3], init="xavier", dropout=0.5, rng=0)
    with ag.random.replay() as draws:
        first = model(X).data
        draws.rewind()
        np.testing.assert_array_equal(model(X).data, first)
    assert (model(X).data != first).any()


def test_checkpointed_layers_see_the_masks_that_were_drawn() -> None:
    """The second forward pass of a checkpoint, for its backward pass, repeats the first's."""
    model, twin = (nn.MLP([4, 10, 3], init="xavier", dropout=0.5, rng=0) for _ in range(2))
    checkpointed = ag.grad(lambda m: ag.checkpoint(lambda m: loss(m))(m))(model)
    plain = ag.grad(loss)(twin)
    for name, g in plain.named_parameters():
        np.testing.assert_array_equal(getattr(checkpointed, name), g)


def loss(model: Any) -> Any:
    return nn.softmax_cross_entropy(model.logits(X), LABELS)


def test_a_gradient_check_sees_one_mask() -> None:
    """The gradient under a mask is that of the network with the mask written out."""
    model = nn.MLP([4, 10, 3], hidden="tanh", init="xavier", dropout=0.5, rng=0)
    with ag.random.replay() as draws:
        g = ag.grad(loss)(model)
        for index in [(0, 0), (3, 7), (2, 5)]:
            change = []
            for step in (1e-5, -1e-5):
                draws.rewind()
                model.W1.data[index] += step
                change.append(loss(model).item())
                model.W1.data[index] -= step
            assert g.W1[index] == pytest.approx((change[0] - change[1]) / 2e-5, abs=1e-7)


def test_the_mask_is_known_after_a_transform() -> None:
    """grad runs a copy of the model, which shares the memory of what was drawn."""
    model = nn.MLP([4, 10, 3], init="xavier", dropout=0.5, rng=0)
    g = ag.grad(loss)(model)
    mask = nn.dropout_masks(model)[1]
    np.testing.assert_array_equal(g.b1 == 0, mask == 0)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("form", [{}, {"per": "sample"}, {"count": "random"}], ids=repr)
def test_the_masks_of_the_last_step_are_known_after_fit(
    form: dict[str, Any], compiled: bool
) -> None:
    """The closed form with them is the step that fit made, whichever way it made it."""
    rng = np.random.default_rng(3)
    model = nn.MLP([4, 10, 8, 3], init="xavier", dropout=nn.Dropout(0.5, **form), rng=rng)
    before: dict[str, Any] = {}

    def keep(model: Any, history: nn.History) -> None:
        if history.epochs == 2:
            before.update(model.state_dict())

    history = nn.fit(
        model, X, LABELS, loss="cross_entropy", optimizer=nn.GradientDescent(0.1), epochs=3,
        callbacks=[keep], compile=compiled,
    )  # fmt: skip
    assert history.mode == ("compiled" if compiled else "eager")
    drawn = nn.dropout_masks(model)
    assert [mask.shape for mask in drawn.values()] == (
        [(6, 10), (6, 8)] if form.get("per") == "sample" else [(10,), (8,)]
    )
    Z, A = nn.closed_form.forward_pass(X, before, "relu", "softmax", drawn)
    g = nn.closed_form.backward_pass(LABELS, Z, A, before, "relu", "softmax", drawn)
    for name, p in model.named_parameters():
        np.testing.assert_allclose(p.data, before[name] - 0.1 * g[name], rtol=1e-12, atol=1e-15)


def test_a_compiled_function_may_return_its_masks() -> None:
    """New ones at every call; the layer itself says that it has not seen them."""
    model = nn.MLP([4, 10, 3], init="xavier", dropout=0.5, rng=0)
    program = ag.compile(ag.value_and_grad(lambda m: (loss(m), nn.dropout_masks(m)), has_aux=True))
    seen = set()
    for _ in range(5):
        (_, drawn), g = program(model)
        np.testing.assert_array_equal(g.b1 == 0, drawn[1] == 0)
        seen.add(drawn[1].tobytes())
    assert len(seen) > 1
    with pytest.raises(RuntimeError, match="drawn by a compiled program, which keeps it; return"):
        nn.dropout_masks(model)
    assert copy.deepcopy(model).dropout[0].mask is None
    model(X)
    assert nn.dropout_masks(model)[1].shape == (10,)


# --- in networks, against the closed form


FORMS = [
    {},
    {"per": "sample"},
    {"count": "random"},
    {"scaling": "training"},
    {"per": "sample", "count": "random", "scaling": "training"},
]


@pytest.mark.parametrize("form", FORMS, ids=repr)
@pytest.mark.parametrize("output", ["softmax", "identity", "sigmoid"])
@pytest.mark.parametrize("training", [True, False])
def test_the_closed_form_with_the_same_masks_agrees(
    form: dict[str, Any], output: str, training: bool
) -> None:
    k = 3 if output == "softmax" else 1
    drop = nn.Dropout(0.4, **form)
    model = nn.MLP(
        [4, 10, 8, k], hidden="tanh", output=output, init="xavier", dropout=drop, rng=0
    ).train(training)
    Y = LABELS if output == "softmax" else LABELS % 2
    report = nn.closed_form.compare(model, X, Y, interior=True, l1=0.01, l2=0.1)
    assert report.ok, report
    assert all(row.relative <= 1e-12 for row in report.rows)


def test_the_closed_form_with_other_masks_disagrees(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.MLP([4, 10, 3], init="xavier", dropout=0.5, rng=0)
    drawn = masks.dropout_masks
    monkeypatch.setattr(masks, "dropout_masks", lambda m: {1: np.roll(drawn(m)[1], 1)})
    assert not nn.closed_form.compare(model, X, LABELS).ok


def test_masks_are_those_of_the_last_forward_pass() -> None:
    model = nn.MLP([4, 10, 8, 3], init="xavier", dropout=[0.5, 0.25], rng=0)
    _, found = model.activations(X)
    drawn = nn.dropout_masks(model)
    assert list(drawn) == [1, 2]
    for l, mask in drawn.items():
        np.testing.assert_array_equal((found[l].data == 0).all(axis=0) | (mask == 1), True)
    assert [np.count_nonzero(mask == 0) for mask in drawn.values()] == [5, 2]
    params = {name: p.data for name, p in model.named_parameters()}
    _, by_hand = nn.closed_form.forward_pass(X, params, "relu", "softmax", drawn)
    np.testing.assert_allclose(found[-1].data, by_hand[-1], rtol=1e-13)


def test_masks_at_inference_are_the_share_kept() -> None:
    model = nn.MLP([4, 10, 3], dropout=0.2, rng=0).eval()
    assert nn.dropout_masks(model) == {1: np.array(0.8)}
    inverted = nn.MLP([4, 10, 3], dropout=nn.Dropout(0.2, scaling="training"), rng=0).eval()
    assert nn.dropout_masks(inverted) == {}


def test_masks_of_a_sequential_count_its_linear_layers() -> None:
    model = nn.Sequential(
        nn.Dropout(0.25), nn.Linear(4, 10), nn.ReLU(), nn.Dropout(0.5), nn.Linear(10, 3)
    )
    with pytest.raises(RuntimeError, match="no forward pass has drawn a mask for A_0 yet"):
        nn.dropout_masks(model)
    model(X)
    assert {l: mask.shape for l, mask in nn.dropout_masks(model).items()} == {0: (4,), 1: (10,)}
    with pytest.raises(TypeError, match="expected an MLP or a Sequential, got a Linear"):
        nn.dropout_masks(nn.Linear(2, 2))


def test_predictions_are_made_by_the_whole_network() -> None:
    model = nn.MLP([4, 10, 3], init="xavier", dropout=0.5, rng=0)
    np.testing.assert_array_equal(model.predict(X), model.eval()(X).data.argmax(axis=1))
    assert nn.MLP([4, 10, 3], dropout=0.5, rng=0).training


def test_an_mlp_takes_one_dropout_or_one_for_each_hidden_layer() -> None:
    assert nn.MLP([4, 10, 3]).dropout == ()
    model = nn.MLP([4, 10, 8, 3], dropout=[0.0, nn.Dropout(0.5, per="sample")], rng=0)
    assert [repr(drop) for drop in model.dropout] == ["Dropout(0.0)", "Dropout(0.5, per='sample')"]
    assert model.dropout[0].rng is model.dropout[1].rng
    with pytest.raises(ValueError, match="dropout has 1 entries for 2 hidden layers"):
        nn.MLP([4, 10, 8, 3], dropout=[0.5])


def test_the_summary_names_the_dropout(capsys: pytest.CaptureFixture[str]) -> None:
    nn.MLP([4, 10, 3], dropout=0.5).summary()
    assert "hidden 1, relu, dropout 0.5" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_dropout_travels_through_files(suffix: str, tmp_path: Any) -> None:
    model = nn.MLP([4, 10, 3], dropout=nn.Dropout(0.25, count="random"), rng=0)
    again = nn.load(nn.save(model, tmp_path / f"m{suffix}"))
    assert again.dropout[0].options == model.dropout[0].options
    layers = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.25, per="sample"), nn.LeakyReLU(0.2))
    assert repr(nn.load(nn.save(layers, tmp_path / f"s{suffix}"))) == repr(layers)


def test_training_with_dropout_is_repeated_by_its_seed() -> None:
    def trained(p: float) -> nn.MLP:
        model = nn.MLP([4, 10, 3], init="xavier", dropout=p, rng=0)
        nn.fit(model, X, LABELS, loss="cross_entropy", optimizer=nn.SGD(0.01), epochs=5)
        return model

    np.testing.assert_array_equal(trained(0.5).W1.data, trained(0.5).W1.data)
    assert (trained(0.5).W1.data != trained(0.0).W1.data).any()
