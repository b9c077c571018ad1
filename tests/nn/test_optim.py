"""Optimisers step as their papers say, alike in place and as pure updates, and as torch does."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
import nn
from nn import optim

OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "gradient descent": lambda **o: optim.GradientDescent(0.1, **o),
    "sgd": lambda **o: optim.SGD(0.1, **o),
    "momentum": lambda **o: optim.SGD(0.1, 0.9, weight_decay=0.01, **o),
    "nesterov": lambda **o: optim.SGD(0.1, 0.9, nesterov=True, **o),
    "rmsprop": lambda **o: optim.RMSprop(0.01, weight_decay=0.01, **o),
    "rmsprop with momentum": lambda **o: optim.RMSprop(0.01, momentum=0.5, **o),
    "adam": lambda **o: optim.Adam(0.01, weight_decay=0.01, **o),
    "adamw": lambda **o: optim.AdamW(0.01, betas=(0.8, 0.99), **o),
    "scheduled": lambda **o: optim.Adam(optim.warmup(optim.cosine(0.01, 50), 10), **o),
}
every = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())


def network(dtype: Any = np.float64) -> nn.MLP:
    return nn.MLP([3, 4, 2], hidden="tanh", init="xavier", dtype=dtype, rng=0)


def loss(model: Any) -> Any:
    """A loss with gradients that differ in size from parameter to parameter."""
    X = np.random.default_rng(1).normal(size=(8, 3))
    return nn.softmax_cross_entropy(model.logits(X), np.arange(8) % 2)


def step_in_place(model: Any, optimizer: Any) -> None:
    model.zero_grad()
    loss(model).backward()
    optimizer.step(model)


def assert_same(one: Any, other: Any) -> None:
    for (name, p), (_, q) in zip(one.named_parameters(), other.named_parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data, err_msg=name)


# --- steps by hand


def test_gradient_descent_is_the_lectures_equation() -> None:
    params, grads = {"theta": np.array([1.0, 2.0])}, {"theta": np.array([0.5, -1.0])}
    optimizer = optim.GradientDescent(alpha=0.1)
    new, _ = optimizer.update(params, grads, optimizer.init(params))
    np.testing.assert_array_equal(new["theta"], [1.0 - 0.1 * 0.5, 2.0 + 0.1 * 1.0])
    assert params["theta"].tolist() == [1.0, 2.0]


def two_updates(optimizer: Any, g1: float, g2: float) -> tuple[float, float]:
    """p after one and two updates from p = 1."""
    state = optimizer.init(1.0)
    p1, state = optimizer.update(1.0, g1, state)
    return p1, optimizer.update(p1, g2, state)[0]


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (optim.SGD(0.1, 0.5), (1 - 0.1 * 2, 0.8 - 0.1 * (0.5 * 2 + 4))),
        (
            optim.SGD(0.1, 0.5, nesterov=True),
            (1 - 0.1 * (2 + 0.5 * 2), 0.7 - 0.1 * (4 + 0.5 * (0.5 * 2 + 4))),
        ),
        (optim.SGD(0.1, weight_decay=0.5), (1 - 0.1 * 2.5, 0.75 - 0.1 * (4 + 0.375))),
        (
            optim.RMSprop(0.1, rho=0.75, eps=1e-12),
            (1 - 0.1 * 2 / 1, 0.8 - 0.1 * 4 / np.sqrt(0.75 * 1 + 0.25 * 16)),
        ),
        # m̂ = g and v̂ = g² at the first update: Adam's first step is the rate
        (
            optim.Adam(0.1, betas=(0.5, 0.75), eps=1e-12),
            (0.9, 0.9 - 0.1 * (2.5 / 0.75) / np.sqrt(4.75 / 0.4375)),
        ),
        (
            optim.AdamW(0.1, betas=(0.5, 0.75), eps=1e-12, weight_decay=0.5),
            (0.85, 0.85 - 0.1 * (2.5 / 0.75) / np.sqrt(4.75 / 0.4375) - 0.1 * 0.5 * 0.85),
        ),
    ],
    ids=repr,
)
def test_two_updates_by_hand(optimizer: Any, expected: tuple[float, float]) -> None:
    """From p = 1 with the gradients 2 and 4."""
    assert two_updates(optimizer, 2.0, 4.0) == pytest.approx(expected, rel=1e-11)


# --- the two ways of stepping


@every
def test_a_step_in_place_is_the_pure_update(make: Any) -> None:
    """Bit for bit, over many steps."""
    model, pure = network(), network()
    in_place, functional = make(), make()
    state = functional.init(pure)
    for _ in range(20):
        step_in_place(model, in_place)
        pure, state = functional.update(pure, ag.grad(loss)(pure), state)
    assert_same(model, pure)
    assert isinstance(pure, nn.MLP)
    assert [p.name for p in pure.parameters()] == ["W1", "b1", "W2", "b2"]


@every
def test_an_update_changes_nothing_that_it_was_given(make: Any) -> None:
    model, optimizer = network(), make()
    state = optimizer.init(model)
    _, state = optimizer.update(model, ag.grad(loss)(model), state)
    before = [np.array(x) for x in ag.pytree.flatten(state)[0]]
    optimizer.update(model, ag.grad(loss)(model), state)
    assert_same(model, network())
    for one, other in zip(ag.pytree.flatten(state)[0], before, strict=True):
        np.testing.assert_array_equal(one, other)


@every
def test_float32_stays_float32(make: Any) -> None:
    model, optimizer = network(np.float32), make(max_norm=0.5)
    step_in_place(model, optimizer)
    state = optimizer.init(model)
    new, state = optimizer.update(model, ag.grad(loss)(model), state)
    leaves = [*model.parameters(), *new.parameters(), *ag.pytree.flatten(state)[0][1:]]
    assert {leaf.dtype for leaf in leaves} == {np.dtype(np.float32)}


@every
def test_steps_lower_the_loss(make: Any) -> None:
    model, optimizer = network(), make()
    before = loss(model).item()
    for _ in range(30):
        step_in_place(model, optimizer)
    assert loss(model).item() < 0.9 * before


@every
def test_steps_are_in_place(make: Any) -> None:
    model, optimizer = network(), make()
    arrays = [p.data for p in model.parameters()]
    step_in_place(model, optimizer)
    assert [p.data is a for p, a in zip(model.parameters(), arrays, strict=True)]


@every
def test_frozen_parameters_stay_as_they_are(make: Any) -> None:
    model, optimizer = network(), make()
    model.W1.requires_grad = False
    before = model.W1.data.copy()
    step_in_place(model, optimizer)
    np.testing.assert_array_equal(model.W1.data, before)
    new, _ = optimizer.update(model, ag.grad(loss)(model), optimizer.init(model))
    assert new.W1 is model.W1
    assert (new.W2.data != model.W2.data).any()


def test_parameters_without_a_gradient_are_skipped() -> None:
    model, optimizer = network(), optim.Adam()
    model.zero_grad()
    optimizer.step(model)
    assert_same(model, network())


def test_an_optimizer_serves_several_models() -> None:
    """Each parameter has a memory of its own, so that two models do not disturb each other."""
    shared, one, two = optim.Adam(0.01), network(), network()
    alone, expected = optim.Adam(0.01), network()
    for _ in range(5):
        step_in_place(one, shared)
        step_in_place(two, shared)
        step_in_place(expected, alone)
    assert_same(one, expected)
    assert_same(two, expected)


def test_memories_of_models_that_are_gone_are_forgotten() -> None:
    optimizer = optim.Adam()
    for _ in range(3):
        step_in_place(network(), optimizer)
    assert len(optimizer._memories) == 4


def test_a_list_of_parameters_is_stepped_too() -> None:
    model, other = network(), network()
    step_in_place(model, optim.Adam())
    loss(other).backward()
    optim.Adam().step(other.parameters())
    assert_same(model, other)


def test_a_graph_recorded_before_a_step_is_not_swept_after_it() -> None:
    model = network()
    value = loss(model)
    value.backward()
    optim.GradientDescent(0.1).step(model)
    with pytest.raises(RuntimeError, match="changed"):
        value.backward()


@pytest.mark.parametrize(
    ("grads", "message"),
    [
        ({"W": np.zeros((1, 3))}, r"gradient of W has shape \(1, 3\), expected \(2, 3\)"),
        ({"b": np.zeros((2, 3))}, "expected a dict of W"),
        ([np.zeros((2, 3))] * 2, "pytrees differ"),
    ],
)
def test_gradients_that_do_not_fit_are_refused(grads: Any, message: str) -> None:
    optimizer, params = optim.SGD(0.1), {"W": np.zeros((2, 3))}
    with pytest.raises(ValueError, match=message):
        optimizer.update(params, grads, optimizer.init(params))


# --- state


@every
def test_a_state_carries_on_where_it_was_kept(make: Any) -> None:
    model, optimizer = network(), make()
    for _ in range(5):
        step_in_place(model, optimizer)
    twin, successor = network(), make()
    twin.load_state_dict(model.state_dict())
    successor.load_state_dict(twin, optimizer.state_dict(model))
    for _ in range(5):
        step_in_place(model, optimizer)
        step_in_place(twin, successor)
    assert_same(model, twin)


def test_a_state_of_another_optimizer_is_refused() -> None:
    model = network()
    with pytest.raises(ValueError, match="SGD: the state is not one of this optimiser"):
        optim.SGD(0.1).load_state_dict(model, optim.Adam().state_dict(model))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_a_copy_has_the_options_and_starts_anew(duplicate: Any) -> None:
    optimizer = optim.Adam(0.02, groups={"b*": {"lr": 0.01}}, max_norm=3.0)
    step_in_place(network(), optimizer)
    twin = duplicate(optimizer)
    assert repr(twin) == repr(optimizer)
    model, other = network(), network()
    step_in_place(model, twin)
    step_in_place(other, optim.Adam(0.02, groups={"b*": {"lr": 0.01}}, max_norm=3.0))
    assert_same(model, other)


def test_a_rate_may_be_changed_between_steps() -> None:
    params, optimizer = {"p": np.array(1.0)}, optim.SGD(0.5)
    state = optimizer.init(params)
    optimizer.lr = 0.25
    assert optimizer.update(params, {"p": np.array(1.0)}, state)[0]["p"] == 0.75


# --- groups


def test_groups_change_options_by_path() -> None:
    params = {"W1": np.ones(2), "b1": np.ones(2), "W2": np.ones(2)}
    optimizer = optim.SGD(
        0.1, weight_decay=0.5, groups={"b*": {"weight_decay": 0.0}, "W2": {"lr": 0.01}}
    )
    new, _ = optimizer.update(params, {k: np.ones(2) for k in params}, optimizer.init(params))
    assert new["W1"].tolist() == [1 - 0.1 * 1.5] * 2
    assert new["b1"].tolist() == [1 - 0.1] * 2
    assert new["W2"].tolist() == pytest.approx([1 - 0.01 * 1.5] * 2)


def test_groups_reach_into_layers_and_steps_in_place() -> None:
    model = nn.Sequential(nn.Linear(3, 2, rng=0), np.tanh, nn.Linear(2, 2, rng=1))
    optimizer = optim.GradientDescent(0.1, groups={"layers[0].*": {"alpha": 1e-9}})
    before = model.state_dict()
    nn.softmax_cross_entropy(model(np.ones((2, 3))), [0, 1]).backward()
    optimizer.step(model)
    moved = {k: np.abs(v - before[k]).max() for k, v in model.state_dict().items()}
    assert moved["layers[0].W"] < 1e-8
    assert moved["layers[2].W"] > 1e-3


def test_momentum_may_differ_by_group() -> None:
    groups = {"W*": {"momentum": 0.9}}
    model, pure = network(), network()
    in_place, functional = optim.SGD(0.1, groups=groups), optim.SGD(0.1, groups=groups)
    state = functional.init(pure)
    for _ in range(5):
        step_in_place(model, in_place)
        pure, state = functional.update(pure, ag.grad(loss)(pure), state)
    assert_same(model, pure)
    plain = network()
    for _ in range(5):
        step_in_place(plain, optim.SGD(0.1))
    assert (plain.W1.data != model.W1.data).any()


def test_a_group_that_fits_no_parameter_is_refused() -> None:
    optimizer = optim.SGD(0.1, groups={"w*": {"lr": 0.2}})
    with pytest.raises(ValueError, match=r"'w\*' fits none of the parameters W1, b1, W2, b2"):
        optimizer.init(network())


# --- clipping


def test_clipping_scales_the_gradient_as_one_vector() -> None:
    grads = {"W": np.array([[3.0, 0.0]]), "b": np.array([4.0])}
    clipped, norm = optim.clip_grad_norm(grads, 1.0)
    assert norm == 5
    np.testing.assert_allclose(clipped["W"], [[0.6, 0]], rtol=1e-15)
    np.testing.assert_allclose(clipped["b"], [0.8], rtol=1e-15)
    assert grads["b"] == 4


def test_a_gradient_within_the_norm_is_left_as_it_is() -> None:
    grads = [np.array([0.3, 0.1])]
    clipped, norm = optim.clip_grad_norm(grads, 1.0)
    np.testing.assert_array_equal(clipped[0], grads[0])
    assert norm == pytest.approx(np.sqrt(0.1))
    assert optim.clip_grad_norm([np.zeros(2)], 1.0)[0][0].tolist() == [0, 0]


def test_clipping_takes_gradients_of_models() -> None:
    grads = ag.grad(loss)(network())
    clipped, norm = optim.clip_grad_norm(grads, 0.1)
    assert isinstance(clipped, nn.MLP)
    assert np.sqrt(sum(np.sum(g**2) for g in clipped.parameters())) == pytest.approx(0.1)
    assert norm > 0.1


@every
def test_max_norm_clips_before_the_rule(make: Any) -> None:
    model, other = network(), network()
    step_in_place(model, make(max_norm=0.01))
    loss(other).backward()
    clipped, _ = optim.clip_grad_norm([p.grad for p in other.parameters()], 0.01)
    for p, g in zip(other.parameters(), clipped, strict=True):
        p.grad = g
    make().step(other)
    assert_same(model, other)


# --- options out of range


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.GradientDescent(0), "alpha must be a positive number or a schedule, got 0"),
        (lambda: optim.GradientDescent(-0.1), "got -0.1"),
        (lambda: optim.GradientDescent(float("nan")), "got nan"),
        (lambda: optim.GradientDescent("0.1"), "got '0.1'"),
        (lambda: optim.GradientDescent(True), "got True"),
        (lambda: optim.SGD(0.1, 1.0), "momentum must be at least 0 and below 1, got 1.0"),
        (lambda: optim.SGD(0.1, nesterov=True), "nesterov needs a momentum above 0"),
        (lambda: optim.SGD(0.1, weight_decay=-1), "weight_decay must be at least 0, got -1"),
        (lambda: optim.Adam(eps=0), "eps must be a positive number, got 0"),
        (lambda: optim.Adam(betas=(0.9, 1.0)), "betas must be two numbers from 0 to below 1"),
        (lambda: optim.Adam(max_norm=-1), "max_norm must be a positive number, got -1"),
        (lambda: optim.SGD(0.1, groups={"b*": {"rate": 1}}), "unknown option 'rate'; the options"),
        (lambda: optim.SGD(0.1, groups={"b*": {"lr": -1}}), "lr must be a positive number"),
        (lambda: optim.clip_grad_norm([], 0.0), "max_norm must be a positive number, got 0.0"),
        (lambda: optim.cosine(0.1, 0), "cosine: steps must be a positive number, got 0"),
        (lambda: optim.step(-0.1, 5), "step: rate must be a positive number, got -0.1"),
        (lambda: optim.warmup(0, 5), "constant: rate must be a positive number, got 0"),
    ],
)
def test_options_out_of_range_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: optim.SGD(0.1, groups=[{"lr": 1}]), TypeError, r"groups must be options by patt"),
        (
            lambda: optim.SGD(0.1, groups={"b*": 0.1}),
            TypeError,
            r'such as \{"b\*": \{"lr": 0.1\}\}',
        ),
        (lambda: optim.Adam(betas=0.9), ValueError, "betas must be two numbers .*, got 0.9"),
        (
            lambda: optim.SGD(network().parameters()),
            ValueError,
            r"^SGD: lr must be a positive number or a schedule, got the parameters of a model; "
            r"write SGD\(lr=0.01\), and pass the model to step\(model\) or nn.fit$",
        ),
        (
            lambda: optim.GradientDescent(network()),
            ValueError,
            r"got the parameters of a model; wr",
        ),
        (lambda: optim.Adam(network().W1), ValueError, r"write Adam\(lr=0.01\)"),
        (lambda: optim.SGD([0.1] * 99), ValueError, r"got \[0.1, 0.1, 0.1, 0.1, 0.1, 0.1, ...\]$"),
        (
            lambda: optim.SGD(0.1).update(network(), None, {}),
            ValueError,
            "expected a .* of W1, b1, .*, got a NoneType$",
        ),
        (lambda: optim.SGD(optim.cosine), ValueError, "lr must be .* or a schedule, got <class"),
        (lambda: optim.cosine(0.1, 5, -1), ValueError, "final must be a number of at least 0, got"),
        (lambda: optim.clip_grad_norm([], None), ValueError, "a positive number, got None"),
        (lambda: optim.clip_grad_norm([], np.inf), ValueError, "a positive number, got inf"),
        (
            lambda: optim.clip_grad_norm(network(), 1.0),
            TypeError,
            "these are parameters; pass their",
        ),
        (lambda: optim.Adam().update(1.0, 1.0, {}), ValueError, "the state has no 't', 'm', 'v'"),
        (lambda: optim.SGD(1.0).update(1.0, 1.0, None), ValueError, "made by init"),
        (
            lambda: optim.Adam().update(1.0, 1.0, {"t": 0.0}),
            ValueError,
            "Adam: the state has no 'm'",
        ),
    ],
)
def test_what_is_no_option_or_state_is_told(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@every
def test_numbers_of_numpy_promote_nothing(make: Any) -> None:
    """A rate out of an array of rates, in float64: float32 parameters stay what they are."""
    optimizer = make(max_norm=np.float64(2.0))
    for name in optimizer._names:
        value = getattr(optimizer, name)
        if isinstance(value, float):
            setattr(optimizer, name, np.float64(value))
    again = type(optimizer)(**{name: getattr(optimizer, name) for name in optimizer._names})
    p = np.ones(3, np.float32)
    new, state = again.update(p, p, again.init(p))
    assert new.dtype == np.float32
    assert {a.dtype for a in ag.pytree.flatten(state)[0][1:]} <= {np.dtype(np.float32)}


def test_repr_is_the_call() -> None:
    assert (
        repr(optim.SGD(0.1, 0.9)) == "SGD(lr=0.1, momentum=0.9, nesterov=False, weight_decay=0.0)"
    )
    assert repr(optim.GradientDescent(optim.cosine(0.1, 5))) == (
        "GradientDescent(alpha=cosine(rate=0.1, steps=5, final=0.0))"
    )


# --- schedules


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (optim.constant(0.1), [0.1, 0.1, 0.1, 0.1, 0.1]),
        (optim.step(0.1, 2, 0.5), [0.1, 0.1, 0.05, 0.05, 0.025]),
        (optim.exponential(0.1, 0.5), [0.1, 0.05, 0.025, 0.0125, 0.00625]),
        (optim.cosine(0.1, 2), [0.1, 0.05, 0, 0, 0]),
        (optim.cosine(0.1, 2, final=0.02), [0.1, 0.06, 0.02, 0.02, 0.02]),
        (optim.warmup(0.1, 4), [0.025, 0.05, 0.075, 0.1, 0.1]),
        (optim.warmup(optim.exponential(0.1, 0.5), 2), [0.05, 0.1, 0.1, 0.05, 0.025]),
    ],
    ids=repr,
)
def test_schedules_give_the_rate_of_each_update(schedule: Any, expected: list[float]) -> None:
    rates = [float(schedule(float(t))) for t in range(5)]
    assert rates == pytest.approx(expected, rel=1e-14, abs=1e-17)
    p, optimizer = 0.0, optim.GradientDescent(schedule)
    state, path = optimizer.init(p), []
    for _ in range(5):
        new, state = optimizer.update(p, -1.0, state)
        path.append(new - p)
        p = new
    assert path == pytest.approx(expected, rel=1e-12, abs=1e-16)


# --- torch


def torch_step(torch: Any, name: str) -> Callable[..., Any]:
    return {
        "gradient descent": lambda ps: torch.optim.SGD(ps, 0.1),
        "sgd": lambda ps: torch.optim.SGD(ps, 0.1),
        "momentum": lambda ps: torch.optim.SGD(ps, 0.1, momentum=0.9, weight_decay=0.01),
        "nesterov": lambda ps: torch.optim.SGD(ps, 0.1, momentum=0.9, nesterov=True),
        "rmsprop": lambda ps: torch.optim.RMSprop(ps, 0.01, weight_decay=0.01),
        "rmsprop with momentum": lambda ps: torch.optim.RMSprop(ps, 0.01, momentum=0.5),
        "adam": lambda ps: torch.optim.Adam(ps, 0.01, weight_decay=0.01),
        "adamw": lambda ps: torch.optim.AdamW(ps, 0.01, betas=(0.8, 0.99)),
    }[name]


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "scheduled"])
def test_a_hundred_steps_are_those_of_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    p = rng.normal(size=(4, 3))
    other = torch.tensor(p.copy(), requires_grad=True)
    peer, optimizer = torch_step(torch, name)([other]), OPTIMIZERS[name]()
    state = optimizer.init(p)
    for _ in range(100):
        g = rng.normal(size=p.shape)
        p, state = optimizer.update(p, g, state)
        other.grad = torch.tensor(g)
        peer.step()
    difference = np.abs(p - other.detach().numpy()).max()
    assert difference <= 1e-12 * np.abs(p).max()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (optim.step(0.1, 7, 0.5), lambda s, o: s.StepLR(o, 7, 0.5)),
        (optim.exponential(0.1, 0.97), lambda s, o: s.ExponentialLR(o, 0.97)),
        (optim.cosine(0.1, 40, final=0.01), lambda s, o: s.CosineAnnealingLR(o, 40, 0.01)),
    ],
    ids=repr,
)
def test_schedules_are_those_of_torch(ours: Any, theirs: Any) -> None:
    torch = pytest.importorskip("torch")
    peer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)
    scheduler = theirs(torch.optim.lr_scheduler, peer)
    for t in range(40):
        assert float(ours(float(t))) == pytest.approx(scheduler.get_last_lr()[0], rel=1e-12)
        peer.step()
        scheduler.step()


def test_clipping_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch")
    grads = [np.random.default_rng(i).normal(size=(3, i + 1)) for i in range(3)]
    tensors = [torch.zeros(g.shape, dtype=torch.float64, requires_grad=True) for g in grads]
    for x, g in zip(tensors, grads, strict=True):
        x.grad = torch.tensor(g)
    norm = torch.nn.utils.clip_grad_norm_(tensors, 0.5)
    clipped, ours = optim.clip_grad_norm(grads, 0.5)
    assert ours == pytest.approx(norm.item(), rel=1e-14)
    for x, g in zip(tensors, clipped, strict=True):
        np.testing.assert_allclose(g, x.grad.numpy(), rtol=1e-5)  # torch adds 1e-6 to the norm
