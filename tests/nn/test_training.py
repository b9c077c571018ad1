"""fit runs the lecture's gradient descent, says what is wrong with data, and can be interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
import nn
from nn import optim
from nn.steps import step_function

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
LABELS = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
VALUES = X @ [1.0, -2.0, 0.5]


def classifier(**options: Any) -> nn.MLP:
    return nn.MLP([3, 8, 3], init="xavier", rng=1, **options)


def fit(model: Any = None, *data: Any, **options: Any) -> tuple[Any, nn.History]:
    """A classifier and its History after a short training."""
    model = classifier() if model is None else model
    given = {"loss": "cross_entropy", "optimizer": optim.GradientDescent(0.01), "epochs": 3}
    given |= {"batch_size": 8, "rng": np.random.default_rng(2)} | options
    return model, nn.fit(model, *(data or (X, LABELS)), **given)


def assert_same(one: Any, other: Any) -> None:
    for (name, p), (_, q) in zip(one.named_parameters(), other.named_parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data, err_msg=name)


# --- what it computes


def test_a_full_batch_is_the_lectures_gradient_descent() -> None:
    """E epochs of theta ← theta − alpha · theta^(g), by the hand-derived equations."""
    model = classifier(hidden="tanh")
    params = model.state_dict()
    fit(model, batch_size=None, epochs=5)
    Y = nn.data.one_hot(LABELS, 3)
    for _ in range(5):
        Z, A = nn.closed_form.forward_pass(X, params, "tanh", "softmax")
        g = nn.closed_form.backward_pass(Y, Z, A, params, "tanh", "softmax")
        params = {name: theta - 0.01 * g[name] for name, theta in params.items()}
    for name, p in model.named_parameters():
        np.testing.assert_allclose(p.data, params[name], rtol=1e-12)


def test_the_history_holds_the_mean_loss_per_data_point() -> None:
    model = classifier()
    before = nn.softmax_cross_entropy(model.logits(X), LABELS).item()
    _, history = fit(model, batch_size=None, epochs=1)
    assert history["loss"] == [pytest.approx(before / 40, rel=1e-12)]


def test_every_data_point_is_seen_once_an_epoch_in_a_new_order() -> None:
    seen: list[Any] = []

    def loss(model: Any, X: Any, Y: Any) -> Any:
        seen.append(Y)
        return nn.softmax_cross_entropy(model.logits(X), Y % 3)

    fit(None, X, np.arange(40), loss=loss, epochs=2, batch_size=16, compile=False)
    assert [len(Y) for Y in seen] == [16, 16, 8] * 2
    first, second = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    assert sorted(first) == sorted(second) == list(range(40))
    assert first.tolist() != second.tolist()
    assert first.tolist() != list(range(40))


def test_without_shuffling_the_order_is_that_of_the_data() -> None:
    seen: list[Any] = []

    def loss(model: Any, X: Any, Y: Any) -> Any:
        seen.extend(Y)
        return nn.softmax_cross_entropy(model.logits(X), Y % 3)

    fit(None, X, np.arange(40), loss=loss, epochs=1, shuffle=False, compile=False)
    assert seen == list(range(40))


def test_a_seed_repeats_a_run() -> None:
    one, history = fit()
    other, again = fit()
    assert_same(one, other)
    assert history.numbers == again.numbers
    third, _ = fit(rng=np.random.default_rng(3))
    assert (third.W1.data != one.W1.data).any()


def test_a_step_without_side_effects_trains_alike() -> None:
    """step_function computes bit for bit what fit does in place, as it is written."""

    def loss(model: Any, X: Any, Y: Any) -> Any:
        return nn.softmax_cross_entropy(model.logits(X), Y)

    trained, history = fit(
        loss=loss, optimizer=optim.Adam(), shuffle=False, epochs=2, compile=False
    )
    model, optimizer = classifier(), optim.Adam()
    step, state, totals = step_function(loss, optimizer), optimizer.init(model), []
    for _ in range(2):
        losses = []
        for X_b, Y_b in nn.data.batches(X, LABELS, 8):
            model, state, value = step(model, state, X_b, Y_b)
            losses.append(value)
        totals.append(sum(losses) / 40)
    assert_same(model, trained)
    assert history["loss"] == totals


@pytest.mark.parametrize(
    ("loss", "output", "targets"),
    [
        ("cross_entropy", "softmax", LABELS),
        ("cross_entropy", "softmax", LABELS.astype(np.uint8)),
        ("cross_entropy", "softmax", nn.data.one_hot(LABELS, 3)),
        ("squared_error", "identity", VALUES),
        ("squared_error", "identity", (VALUES * 10).astype(int)),
        ("binary_cross_entropy", "sigmoid", LABELS > 0),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_loss_goes_down_in_every_dtype(
    loss: str, output: str, targets: Any, dtype: Any
) -> None:
    sizes = [3, 8, 3 if output == "softmax" else 1]
    model = nn.MLP(sizes, output=output, init="xavier", dtype=dtype, rng=0)
    _, history = fit(model, X, targets, loss=loss, epochs=20, optimizer=optim.Adam(0.01))
    assert history["loss"][-1] < 0.8 * history["loss"][0]
    assert {p.dtype for p in model.parameters()} == {np.dtype(dtype)}


def test_losses_from_logits_are_those_of_the_probabilities() -> None:
    model = nn.MLP([3, 1], output="sigmoid", rng=0)
    y = (LABELS > 0).astype(float)
    expected = nn.binary_cross_entropy(model(X), y).item() / 40
    _, history = fit(model, X, y, loss="binary_cross_entropy", batch_size=None, epochs=1)
    assert history["loss"][0] == pytest.approx(expected, rel=1e-12)


def test_a_loss_from_logits_is_finite_where_probabilities_underflow() -> None:
    model = nn.MLP([3, 1], output="sigmoid", rng=0)
    model.W1.data *= 1e4
    y = model.predict(X) == 0  # every label is wrong
    _, history = fit(model, X, y, loss="binary_cross_entropy", batch_size=None, epochs=1)
    assert 1e3 < history["loss"][0] < 1e5


def test_a_sequential_trains_too() -> None:
    model = nn.Sequential(
        nn.Linear(3, 8, init="xavier", rng=0), np.tanh, nn.Linear(8, 3, rng=1), nn.Softmax()
    )
    _, history = fit(model, epochs=20)
    assert history["loss"][-1] < history["loss"][0]


def test_frozen_parameters_stay() -> None:
    model = classifier()
    model.W1.requires_grad = False
    before = model.W1.data.copy()
    fit(model)
    np.testing.assert_array_equal(model.W1.data, before)


def test_no_epochs_change_nothing() -> None:
    model, history = fit(epochs=0)
    assert_same(model, classifier())
    assert history.epochs == 0


# --- compiled and as it is written


OPTIMIZERS = {
    "gradient descent": lambda: optim.GradientDescent(0.01),
    "momentum": lambda: optim.SGD(0.01, 0.9, nesterov=True, weight_decay=0.01),
    "rmsprop": lambda: optim.RMSprop(0.001, momentum=0.5),
    "adam": lambda: optim.Adam(optim.warmup(optim.cosine(0.01, 20), 5), max_norm=0.5),
    "groups": lambda: optim.AdamW(0.01, groups={"b*": {"weight_decay": 0.0, "lr": 0.1}}),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_the_program_computes_what_is_written(make: Any, dtype: Any) -> None:
    """Over 25 steps, with a last batch of another size."""
    optimizers = make(), make()
    models = [
        fit(classifier(dtype=dtype), optimizer=optimizer, epochs=5, batch_size=9, compile=compiled)
        for optimizer, compiled in zip(optimizers, (True, False), strict=True)
    ]
    (compiled, history), (written, expected) = models
    assert (history.mode, expected.mode) == ("compiled", "eager")
    tolerance = 1e-12 if dtype is np.float64 else 2e-4
    for name, p in compiled.named_parameters():
        assert p.dtype == dtype
        difference = np.abs(p.data - getattr(written, name).data).max()
        assert difference <= tolerance * np.abs(p.data).max()
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=tolerance)
    # what the optimisers remember is alike, too, so that training may go on in the other mode
    state, other = (o.state_dict(m) for o, (m, _) in zip(optimizers, models, strict=True))
    assert state.keys() == other.keys()
    for key in state:
        np.testing.assert_allclose(state[key], other[key], rtol=tolerance, atol=tolerance)


def test_a_program_leaves_frozen_parameters_alone() -> None:
    model = classifier()
    model.W1.requires_grad = False
    before = model.W1.data.copy()
    _, history = fit(model, optimizer=optim.AdamW(0.01, weight_decay=0.5))
    assert history.mode == "compiled"
    np.testing.assert_array_equal(model.W1.data, before)


def test_a_program_updates_shared_parameters_once() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            self.W = nn.Parameter(np.random.default_rng(0).normal(size=(3, 3)))
            self.layers = [self.W, np.tanh, self.W]

        def logits(self, X: Any) -> Any:
            W, g, V = self.layers
            return g(X @ W) @ V.T

        __call__ = logits

    compiled, history = fit(Tied(), optimizer=optim.Adam(0.01))
    written, _ = fit(Tied(), optimizer=optim.Adam(0.01), compile=False)
    assert history.mode == "compiled"
    assert compiled.layers[0] is compiled.W
    np.testing.assert_allclose(compiled.W.data, written.W.data, rtol=1e-11)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_a_program_updates_parameters_that_are_single_numbers(make: Any) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            self.b = nn.Parameter(np.zeros(3))
            self.W = nn.Parameter(np.random.default_rng(0).normal(size=(3, 3)))
            self.scale = nn.Parameter(np.array(2.0))

        def logits(self, X: Any) -> Any:
            return (X @ self.W + self.b) * self.scale

        __call__ = logits

    compiled, history = fit(Scaled(), optimizer=make())
    written, _ = fit(Scaled(), optimizer=make(), compile=False)
    assert history.mode == "compiled"
    for name, p in compiled.named_parameters():
        np.testing.assert_allclose(p.data, getattr(written, name).data, rtol=1e-11)
    assert compiled.scale.data != 2.0


def test_a_program_writes_into_the_parameters_own_arrays() -> None:
    """Views of them stay valid, and a graph recorded before is not swept with new numbers."""
    model = classifier()
    arrays = [p.data for p in model.parameters()]
    loss = nn.softmax_cross_entropy(model.logits(X), LABELS)
    _, history = fit(model)
    assert history.mode == "compiled"
    assert [p.data is a for p, a in zip(model.parameters(), arrays, strict=True)] == [True] * 4
    with pytest.raises(RuntimeError, match="changed"):
        loss.backward()


@pytest.mark.parametrize("compiled", [True, False])
def test_momentum_goes_on_from_fit_to_fit(compiled: bool) -> None:
    optimizer, rng = optim.SGD(0.01, 0.9), np.random.default_rng(2)
    model, _ = fit(epochs=2, optimizer=optimizer, rng=rng, compile=compiled)
    fit(model, epochs=2, optimizer=optimizer, rng=rng, compile=compiled)
    whole, _ = fit(epochs=4, optimizer=optim.SGD(0.01, 0.9), compile=compiled)
    assert_same(model, whole)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_callback_may_change_the_rate(compiled: bool) -> None:
    """And what is frozen: a program is made anew."""
    optimizer = optim.SGD(0.01)

    def stopping(model: Any, history: nn.History) -> None:
        optimizer.lr = 1e-300
        model.b2.requires_grad = False

    model, _ = fit(epochs=3, optimizer=optimizer, callbacks=[stopping], compile=compiled)
    once, _ = fit(epochs=1, optimizer=optim.SGD(0.01), compile=compiled)
    assert_same(model, once)


@pytest.mark.parametrize("p", [0.5, nn.Dropout(0.3, per="sample", count="random")])
def test_a_program_draws_the_masks_that_are_drawn_as_it_is_written(p: Any) -> None:
    """From the same Generators, which end in the same state; also where they share one."""
    trained = []
    for compiled in (True, False):
        rng = np.random.default_rng(2)
        model = nn.MLP([3, 8, 8, 3], init="xavier", dropout=p, rng=rng)
        _, history = fit(model, epochs=4, batch_size=9, rng=rng, compile=compiled)
        assert history.mode == ("compiled" if compiled else "eager")
        trained.append((model, history, rng.bit_generator.state))
    (model, history, state), (other, expected, other_state) = trained
    for name, parameter in model.named_parameters():
        np.testing.assert_allclose(parameter.data, getattr(other, name).data, rtol=1e-11)
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-12)
    assert state == other_state


def test_a_loss_that_looks_at_values_runs_as_it_is_written() -> None:
    def loss(model: Any, X: Any, Y: Any) -> Any:
        value = nn.softmax_cross_entropy(model.logits(X), Y)
        return value if value.item() > 1e-9 else value * 0.0

    model, history = fit(loss=loss)
    assert history.mode.startswith("eager: .item() of ")
    other, _ = fit(compile=False)
    assert_same(model, other)


def test_batches_of_many_sizes_run_as_they_are_written() -> None:
    """A program for each size would cost more than it saves."""
    sizes = [3, 4, 5, 6, 7, 8]
    pairs = [(X[:n], LABELS[:n]) for n in sizes]
    model, history = fit(None, pairs, batch_size=None, optimizer=optim.Adam())
    assert history.mode == "eager: batches come in more than 4 shapes"
    other, _ = fit(None, pairs, batch_size=None, optimizer=optim.Adam(), compile=False)
    for name, p in model.named_parameters():
        np.testing.assert_allclose(p.data, getattr(other, name).data, rtol=1e-10)


def test_an_optimizer_of_ones_own_needs_no_more_than_a_step() -> None:
    class Sign:
        def step(self, model: Any) -> None:
            for p in model.parameters():
                p.data -= 0.01 * np.sign(p.grad)

    _, history = fit(optimizer=Sign(), epochs=10)
    assert history.mode == "eager"
    assert history["loss"][-1] < history["loss"][0]


# --- validation and metrics


def test_validation_and_metrics_are_measured_after_every_epoch() -> None:
    def accuracy(model: Any, X: Any, Y: Any) -> float:
        assert not model.training
        return nn.accuracy(model.predict(X), Y)

    model, history = fit(validation=(X[:10], LABELS[:10]), metrics={"accuracy": accuracy})
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert {len(history[key]) for key in history} == {3}
    assert model.training
    loss = nn.softmax_cross_entropy(model.logits(X[:10]), LABELS[:10]).item() / 10
    assert history["val_loss"][-1] == pytest.approx(loss, rel=1e-12)
    assert history["accuracy"][-1] == nn.accuracy(model.predict(X), LABELS)
    assert len(history.seconds) == history.epochs == 3


def test_measuring_does_not_change_the_run() -> None:
    plain, _ = fit()
    watched, _ = fit(validation=(X, LABELS), metrics={"size": lambda m, X, Y: len(X)})
    assert_same(plain, watched)


# --- callbacks


def test_a_callback_that_returns_true_stops_training() -> None:
    calls: list[int] = []

    def second_epoch(model: Any, history: nn.History) -> bool:
        calls.append(history.epochs)
        return history.epochs == 2

    _, history = fit(epochs=10, callbacks=[second_epoch])
    assert calls == [1, 2]
    assert history.epochs == 2
    assert history.stopped == "stopped by second_epoch"


def replayed(callback: Any, **numbers: list[float]) -> tuple[int, float]:
    """The epoch in which a callback stops, or 0, and the model's b1[0], which is its epoch."""
    model, history = nn.Linear(1, 1, init="zeros"), nn.History()
    n = len(next(iter(numbers.values())))
    for epoch in range(n):
        model.b.data[0] = epoch + 1  # type: ignore[union-attr]
        history.append({key: values[epoch] for key, values in numbers.items()}, 0.0)
        if callback(model, history):
            return epoch + 1, model.b.data[0]  # type: ignore[union-attr]
    return 0, model.b.data[0]  # type: ignore[union-attr]


def test_a_number_that_was_not_measured_is_refused_with_those_that_were() -> None:
    """As a mapping refuses: `get` and `in` go on working."""
    history = nn.History()
    with pytest.raises(KeyError, match="no 'loss' was measured, only nothing"):
        history["loss"]
    history.numbers.update(loss=[1.0], val_loss=[2.0])
    with pytest.raises(KeyError, match="no 'accuracy' was measured, only loss, val_loss"):
        history["accuracy"]
    assert "accuracy" not in history
    assert history.get("accuracy") is None


@pytest.mark.parametrize(
    ("options", "values", "expected"),
    [
        ({"patience": 2}, [3, 2, 1, 2, 2, 0], (5, 3)),
        ({"patience": 2, "restore": False}, [3, 2, 1, 2, 2, 0], (5, 5)),
        ({"patience": 3}, [3, 2, 1, 2, 2, 0], (0, 6)),
        ({"patience": 2, "min_delta": 0.5}, [3, 2, 1.9, 1.8, 0], (4, 2)),
        ({"patience": 2, "highest": True}, [0.5, 0.9, 0.8, 0.7], (4, 2)),
        ({"patience": 1}, [float("nan"), 2, 3], (3, 2)),
        ({"patience": 1}, [2, float("nan"), 1], (2, 1)),
    ],
)
def test_early_stopping_goes_back_to_the_best_epoch(
    options: dict[str, Any], values: list[float], expected: tuple[int, float]
) -> None:
    assert replayed(nn.EarlyStopping(**options), val_loss=values) == expected


def test_early_stopping_ends_a_run_with_its_best_model() -> None:
    """The rate is far too large, so that the validation loss soon rises."""
    options = {"validation": (X[:10], LABELS[:10]), "optimizer": optim.GradientDescent(3.0)}
    with np.errstate(all="ignore"):
        model, history = fit(epochs=50, callbacks=[nn.EarlyStopping(2)], **options)
    assert history.epochs < 50
    assert history.stopped.startswith("stopped by EarlyStopping")
    loss = nn.softmax_cross_entropy(model.logits(X[:10]), LABELS[:10]).item() / 10
    assert loss == pytest.approx(min(history["val_loss"]), rel=1e-12)


def test_a_callback_that_lacks_its_number_says_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"no 'val_loss', but loss; pass validation=\(X, Y\)"):
        fit(callbacks=[nn.EarlyStopping()])


def test_the_best_checkpoint_is_the_best_epochs_model(tmp_path: Path) -> None:
    callback = nn.BestCheckpoint(tmp_path / "best.npz")
    assert replayed(callback, val_loss=[3, 1, 2, float("nan")])[0] == 0
    assert nn.load(tmp_path / "best.npz").b.data[0] == 2


def test_nan_stops_with_the_last_finite_model() -> None:
    assert replayed(nn.StopOnNaN(), loss=[2, 1, float("nan"), 1]) == (3, 2)
    assert replayed(nn.StopOnNaN(), loss=[float("inf"), 1]) == (1, 1)
    with np.errstate(all="ignore"):
        model, history = fit(
            epochs=50, optimizer=optim.GradientDescent(1e200), callbacks=[nn.StopOnNaN()]
        )
    assert history.stopped == "stopped by StopOnNaN()"
    assert all(np.isfinite(p.data).all() for p in model.parameters()) or history.epochs == 1


# --- interruption


class Interrupted:
    """Batches that are interrupted, as by Ctrl-C, where the n-th step would begin."""

    def __init__(self, n: int, rng: np.random.Generator) -> None:
        self.left, self.rng = n, rng

    def __call__(self) -> Iterator[tuple[Any, Any]]:
        for pair in nn.data.batches(X, LABELS, 8, rng=self.rng):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
            yield pair


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    "make", [lambda: optim.GradientDescent(0.01), lambda: optim.Adam(optim.cosine(0.01, 20))]
)
def test_ctrl_c_keeps_the_model_of_the_last_finished_epoch(make: Any, compiled: bool) -> None:
    rng, optimizer = np.random.default_rng(2), make()
    options = {"optimizer": optimizer, "rng": rng, "batch_size": None, "compile": compiled}
    model, history = fit(None, Interrupted(13, rng), epochs=9, **options)
    assert history.epochs == 2  # of 5 steps each
    assert history.stopped == "interrupted in epoch 3"
    assert history.mode == ("compiled" if compiled else "eager")
    assert [len(values) for values in history.values()] == [2]
    after_two, _ = fit(epochs=2, optimizer=make(), compile=compiled)
    assert_same(model, after_two)

    # and training goes on from there as if nothing had happened
    fit(model, Interrupted(99, rng), epochs=1, **options)
    after_three, _ = fit(epochs=3, optimizer=make(), compile=compiled)
    assert_same(model, after_three)


@pytest.mark.parametrize("compiled", [True, False])
def test_ctrl_c_in_the_first_epoch_keeps_the_start(compiled: bool) -> None:
    source = Interrupted(3, np.random.default_rng(0))
    model, history = fit(None, source, batch_size=None, compile=compiled)
    assert_same(model, classifier())
    assert history.epochs == 0
    assert history.stopped == "interrupted in epoch 1"


def test_ctrl_c_while_measuring_takes_the_epoch_back() -> None:
    def interrupted(model: Any, X: Any, Y: Any) -> float:
        raise KeyboardInterrupt

    model, history = fit(metrics={"accuracy": interrupted})
    assert_same(model, classifier())
    assert history.epochs == 0
    assert model.training


# --- checkpoints


def dropping(rng: Any) -> Any:
    """A model with a Generator inside, which draws in every forward pass."""

    class Noisy(nn.Module):
        def __init__(self) -> None:
            self.mlp = classifier()
            self.rng = rng

        def logits(self, X: Any) -> Any:
            Z = self.mlp.logits(X)
            if not self.training:
                return Z
            return Z * ag.random.bernoulli(self.rng, (3,), p=0.8)

        __call__ = logits

    return Noisy()


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.MT19937, np.random.Philox])
def test_a_resumed_run_is_bit_identical(shared: bool, bits: Any, tmp_path: Path) -> None:
    """Model, optimiser, the Generator of the batches and the one inside the model go on."""
    path = tmp_path / "run.npz"

    def run(epochs: int, **options: Any) -> tuple[Any, nn.History]:
        rng = np.random.Generator(bits(2))
        model = dropping(rng if shared else np.random.Generator(bits(5)))
        optimizer = optim.Adam(optim.cosine(0.01, 30))
        options |= {"epochs": epochs, "rng": rng, "optimizer": optimizer}
        return fit(model, validation=(X, LABELS), **options)

    whole, expected = run(6)
    run(2, checkpoint=path)
    resumed, history = run(6, resume=path)
    assert_same(resumed, whole)
    assert history.numbers == expected.numbers
    assert history.epochs == 6


def test_a_checkpoint_is_written_after_every_epoch(tmp_path: Path) -> None:
    path, rng = tmp_path / "run.npz", np.random.default_rng(2)
    fit(None, Interrupted(13, rng), epochs=9, checkpoint=path, batch_size=None, rng=rng)
    resumed, _ = fit(epochs=4, resume=path)
    whole, _ = fit(epochs=4)
    assert_same(resumed, whole)


def test_a_checkpoint_that_does_not_fit_leaves_the_model_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    fit(optimizer=optim.Adam(), checkpoint=path)
    with pytest.raises(ValueError, match=r"run\.npz.*GradientDescent: the state is not one of"):
        fit(model := classifier(), resume=path)
    assert_same(model, classifier())
    with pytest.raises(ValueError, match=r"run\.npz.*W1 has shape \(3, 8\), expected \(3, 5\)"):
        fit(nn.MLP([3, 5, 3]), resume=path)
    rng = np.random.Generator(np.random.MT19937(0))
    with pytest.raises(ValueError, match=r"run\.npz.*MT19937"):
        fit(model, optimizer=optim.Adam(), resume=path, rng=rng)
    assert_same(model, classifier())


def test_a_resumed_run_goes_back_to_the_best_epoch_of_before(tmp_path: Path) -> None:
    """Early stopping remembers the best model, which the checkpoint therefore holds."""

    def run(epochs: int, **options: Any) -> tuple[Any, nn.History]:
        return fit(
            epochs=epochs, optimizer=optim.SGD(0.3, 0.9), validation=(X[:10], 2 - LABELS[:10]),
            callbacks=[nn.StopOnNaN(), nn.EarlyStopping(6)], **options,
        )  # fmt: skip

    whole, expected = run(30)
    best = int(np.argmin(expected["val_loss"])) + 1
    assert expected.stopped.startswith("stopped by EarlyStopping")
    assert best < expected.epochs - 3
    run(best + 2, checkpoint=tmp_path / "run.npz")
    resumed, history = run(30, resume=tmp_path / "run.npz")
    assert history.numbers == expected.numbers
    assert_same(resumed, whole)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_resumed_run_is_bit_identical_in_either_mode(compiled: bool, tmp_path: Path) -> None:
    options = {"optimizer": optim.AdamW(optim.warmup(0.01, 20)), "compile": compiled}
    whole, expected = fit(epochs=6, **options)
    options["optimizer"] = optim.AdamW(optim.warmup(0.01, 20))
    fit(epochs=2, checkpoint=tmp_path / "run.npz", **options)
    options["optimizer"] = optim.AdamW(optim.warmup(0.01, 20))
    resumed, history = fit(epochs=6, resume=tmp_path / "run.npz", **options)
    assert_same(resumed, whole)
    assert history.numbers == expected.numbers
    assert history.mode == ("compiled" if compiled else "eager")


@pytest.mark.parametrize("damage", [lambda b: b[:-30], lambda b: b"", lambda b: b"hello"])
def test_a_damaged_checkpoint_is_named(damage: Any, tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    fit(checkpoint=path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"run\.npz: found no autograd-lite checkpoint"):
        fit(resume=path)


def test_a_model_file_is_no_checkpoint(tmp_path: Path) -> None:
    nn.save(classifier(), tmp_path / "model.npz")
    with pytest.raises(ValueError, match=r"model\.npz: found no autograd-lite checkpoint"):
        fit(resume=tmp_path / "model.npz")


# --- other sources of data


def test_a_mapped_file_is_trained_on_without_being_read_whole(tmp_path: Path) -> None:
    """Data larger than memory: float32 on disk, float64 in the network, batch by batch."""
    mapped = np.memmap(tmp_path / "X", dtype=np.float32, mode="w+", shape=X.shape)
    mapped[...] = X
    from_disk, history = fit(None, mapped, LABELS)
    in_memory, expected = fit(None, X.astype(np.float32), LABELS)
    assert_same(from_disk, in_memory)
    assert history.numbers == expected.numbers


def test_a_mapped_file_is_checked_as_it_is_read(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "X", dtype=np.float64, mode="w+", shape=X.shape)
    mapped[...] = X
    mapped[39, 2] = np.nan
    with pytest.raises(ValueError, match="X holds 1 numbers that are nan"):
        fit(None, mapped, LABELS)


def pairs() -> Iterator[tuple[Any, Any]]:
    return nn.data.batches(X, LABELS, 8)


@pytest.mark.parametrize("source", [pairs, list(pairs())], ids=["function", "list"])
def test_batches_may_come_from_an_iterator(source: Any) -> None:
    model, history = fit(None, source, batch_size=None)
    other, expected = fit(shuffle=False)
    assert_same(model, other)
    assert history.numbers == expected.numbers


def test_an_iterator_that_is_used_up_is_told() -> None:
    with pytest.raises(ValueError, match="yielded none in epoch 2; pass a list"):
        fit(None, pairs(), batch_size=None)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (X, {}, "Y is missing"),
        (3, {}, "Y is missing"),
        ([X], {"batch_size": None}, r"which are pairs \(X, Y\); it yielded a ndarray"),
        ([(X, LABELS)], {}, "batch_size belongs to arrays"),
        ([(X, LABELS[:5])], {"batch_size": None}, "as many rows in both"),
        ([(X[:, :2], LABELS)], {"batch_size": None}, r"expected an input of shape \(n, 3\)"),
    ],
)
def test_batches_that_make_no_sense_are_refused(source: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(None, source, **options)


# --- what is refused


def with_entry(values: Any, index: Any, value: Any) -> Any:
    values = np.array(values, dtype=float)
    values[index] = value
    return values


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X[:, :2], LABELS), r"MLP: expected an input of shape \(n, 3\).*got \(1, 2\)"),
        ((X[:30], LABELS), r"got the shapes \(30, 3\) and \(40,\)"),
        ((X[:0], LABELS[:0]), r"as many rows in both, and at least one, got the shapes \(0, 3\)"),
        ((with_entry(X, (7, 1), np.nan), LABELS), "X holds 1 numbers.*first in row 7"),
        ((with_entry(X, 3, np.inf), LABELS), "X holds 3 numbers.*first in row 3"),
        ((X, LABELS + 1), "Y: labels must be 0 to 2 for the model's 3 outputs, got 1 to 3"),
        ((X, LABELS - 1), "got -1 to 1"),
        ((X, nn.data.one_hot(LABELS, 4)), r"Y has shape \(40, 4\), expected labels of shape"),
        ((X, nn.data.one_hot(LABELS) * 0.5), "Y: every row must be a probability distribution"),
        ((X, LABELS[:, None]), r"Y has shape \(40, 1\), expected labels of shape \(40,\) or one"),
        ((X, np.zeros((40, 3, 1))), r"Y has shape \(40, 3, 1\), expected labels"),
    ],
)
def test_data_that_do_not_fit_are_refused(data: Any, message: str) -> None:
    model = classifier()
    with pytest.raises(ValueError, match=message):
        fit(model, *data)
    assert_same(model, classifier())
    with pytest.raises(ValueError, match=message.replace("X holds", "validation X holds")):
        fit(model, validation=data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X, LABELS.astype(float)), "Y: labels must be integers, got dtype float64"),
        ((X.astype(str), LABELS), "X: expected real numbers, got dtype <U"),
        ((X.astype(complex), LABELS), "X: expected real numbers, got dtype complex128"),
    ],
)
def test_data_of_another_kind_are_refused(data: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        fit(None, *data)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (VALUES[:, None], r"Y: expected \(40,\), the shape of the model's output, got \(40, 1\); "
                          r"pass Y\.ravel\(\)"),
        (np.stack([VALUES] * 2, axis=1), r"expected \(40,\).*got \(40, 2\)"),
        (with_entry(VALUES, 4, np.nan), "Y holds 1 numbers that are nan or infinite.*row 4"),
    ],
)  # fmt: skip
def test_targets_of_regression_that_do_not_fit_are_refused(y: Any, message: str) -> None:
    """(n, 1) never meets (n,) by broadcasting."""
    model = nn.MLP([3, 4, 1], output="identity", rng=0)
    with pytest.raises(ValueError, match=message):
        fit(model, X, y, loss="squared_error")


def test_binary_targets_out_of_range_are_refused() -> None:
    model = nn.MLP([3, 1], output="sigmoid", rng=0)
    with pytest.raises(ValueError, match=r"Y: binary targets must lie in \[0, 1\], got 0.* to 2"):
        fit(model, X, LABELS, loss="binary_cross_entropy")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "hinge"}, "loss: expected 'cross_entropy', .* or a function .*, got 'hinge'"),
        ({"loss": "binary_cross_entropy"}, "goes with the output 'sigmoid', the model has 'soft"),
        ({"metrics": {"loss": len}}, "the History has 'loss' for itself; choose another name"),
        ({"metrics": {"val_a": len}}, "the History has 'val_a' for itself"),
        ({"epochs": -1}, "epochs must be a whole number from 0, got -1"),
        ({"epochs": 2.5}, "epochs must be a whole number from 0, got 2.5"),
        ({"batch_size": 0}, "batch_size must be a whole number from 1, got 0"),
        ({"progress": "loud"}, "progress must be 'auto', True or False, got 'loud'"),
    ],
)
def test_arguments_out_of_range_are_refused(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": 0.1}, r"optimizer: expected an optimiser, such as nn.SGD\(0.01\), got 0.1"),
        ({"optimizer": nn.Adam}, "optimizer: expected an optimiser, .* got <class"),
        (
            {"metrics": {"right": nn.accuracy}},
            r"metrics\['right'\]: expected a function of \(model, X, Y\), such .*; got accuracy",
        ),
        ({"loss": nn.cross_entropy}, r"loss: expected .* or a name, .*; got cross_entropy\(Y_hat"),
        ({"callbacks": [print, len]}, r"callbacks\[1\]: expected a function of \(model, history\)"),
        ({"checkpoint": True}, "checkpoint: expected the path of a file, got True"),
        ({"resume": 3}, "resume: expected the path of a file, got 3"),
        ({"validation": X}, r"validation: expected a pair \(X, Y\), got ndarray"),
        ({"metrics": nn.accuracy}, "metrics: expected a dict of functions .*accuracy"),
        ({"metrics": {"accuracy": 1}}, "metrics: expected a dict of functions"),
        ({"callbacks": nn.EarlyStopping()}, "callbacks: expected a list .* got EarlyStopping"),
        ({"callbacks": ["stop"]}, "callbacks: expected a list of functions"),
    ],
)
def test_arguments_of_another_kind_are_refused(options: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        fit(**options)


def test_a_checkpoint_without_a_place_is_refused_before_training(tmp_path: Path) -> None:
    """And not after an epoch; the message has no name but the one that was given."""
    model = classifier()
    with pytest.raises(FileNotFoundError, match=r"run\.npz: there is no folder .*nowhere$"):
        fit(model, checkpoint=tmp_path / "nowhere" / "run.npz")
    with pytest.raises(IsADirectoryError, match="is a folder, expected the path of a file"):
        fit(model, checkpoint=tmp_path)
    assert_same(model, classifier())


def test_a_model_that_cannot_be_trained_is_refused() -> None:
    model = classifier()
    model.W1.data.setflags(write=False)
    with pytest.raises(ValueError, match=r"the array of W1 is read-only, .*set W1\.data to a copy"):
        fit(model)
    for p in model.parameters():
        p.requires_grad = False
    with pytest.raises(ValueError, match="none of its 4 parameters requires grad"):
        fit(model)
    with pytest.raises(ValueError, match="none of its 0 parameters requires grad"):
        fit(nn.Sequential(nn.Softmax()))


@pytest.mark.parametrize("compiled", [True, False])
def test_parameters_may_be_frozen_for_a_while(compiled: bool) -> None:
    """They are then updated less often than the others, which no program's state says."""

    def freeze(model: Any, history: nn.History) -> None:
        model.W1.requires_grad = history.epochs != 1

    def run(**options: Any) -> tuple[Any, nn.History]:
        return fit(epochs=3, optimizer=optim.Adam(0.01), callbacks=[freeze], **options)

    model, history = run(compile=compiled)
    other, expected = run(compile=False)
    assert history.mode == (
        "eager: some of the parameters were updated more often than others" if compiled else "eager"
    )
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-12)
    np.testing.assert_allclose(model.W1.data, other.W1.data, rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_whose_squares_overflow_are_finite_all_the_same(dtype: Any) -> None:
    huge = np.full((40, 3), np.finfo(dtype).max, dtype)
    fit(classifier(dtype=dtype), huge, LABELS, epochs=0, loss=lambda m, X, Y: 0.0)
    huge[7, 1] = -np.inf
    with pytest.raises(ValueError, match="X holds 1 numbers that are nan or infinite, first in r"):
        fit(classifier(dtype=dtype), huge, LABELS, epochs=0, loss=lambda m, X, Y: 0.0)


def test_only_a_module_is_trained() -> None:
    with pytest.raises(TypeError, match=r"model: expected an nn\.Module, got .*tanh"):
        fit(np.tanh)


def test_a_model_without_logits_takes_a_function() -> None:
    with pytest.raises(ValueError, match=r"model\.logits\(X\), which a Linear does not have"):
        fit(nn.Linear(3, 3))


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        (lambda m, X, Y: 1.0, TypeError, "must return a tensor computed from the model.*a float"),
        (lambda m, X, Y: m.logits(X), ValueError, "needs one element"),
        (lambda m, X, Y: ag.tensor(1.0), TypeError, "it returned a constant tensor"),
        (lambda m, X, Y: nn.softmax_cross_entropy(m(X), Y), ValueError, "^softmax.*are probabilit"),
        (
            lambda m, X, Y: nn.cross_entropy(m.logits(X), Y),
            ValueError,
            "^cross_entropy.*for logits",
        ),
    ],
)
def test_a_loss_that_is_none_is_refused(loss: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        fit(loss=loss)


# --- progress


def test_nothing_is_shown_where_there_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    fit()
    fit(progress=False)
    assert capfd.readouterr() == ("", "")


def test_the_bar_shows_steps_speed_and_losses(capfd: pytest.CaptureFixture[str]) -> None:
    _, history = fit(progress=True, validation=(X, LABELS))
    shown = capfd.readouterr().err
    assert "epoch 3/3: 100%" in shown
    assert "15/15" in shown
    assert "steps/s" in shown
    assert f"loss {history['loss'][-1]:.4g}, val_loss {history['val_loss'][-1]:.4g}" in shown


def test_the_bar_counts_without_a_total_where_the_length_is_unknown(
    capfd: pytest.CaptureFixture[str],
) -> None:
    fit(None, pairs, batch_size=None, progress=True)
    assert "15 steps" in capfd.readouterr().err


def test_a_bar_that_is_insisted_on_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match=r"pip install 'autograd-lite\[progress\]'"):
        fit(progress=True)


# --- History


def test_a_history_is_a_mapping_that_prints_its_last_numbers() -> None:
    _, history = fit(validation=(X, LABELS))
    assert dict(history) == {"loss": history["loss"], "val_loss": history["val_loss"]}
    assert repr(history).startswith("History(3 epochs, loss ")
    assert f"val_loss {history['val_loss'][-1]:.4g}" in repr(history)
