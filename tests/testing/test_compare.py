"""compare_grads: who is wrong, the hand or the engine, and which mistake it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
import nn
from autograd_lite.testing import GradReport, compare_grads
from autograd_lite.testing.objective import Objective
from autograd_lite.testing.pulled import Pulled
from autograd_lite.testing.suspects import suspect

rng = np.random.default_rng(0)
X = rng.normal(size=(6, 5))
Y = np.eye(3)[rng.integers(3, size=6)]
P = {
    "W1": rng.normal(size=(5, 4)),
    "b1": rng.normal(size=4),
    "W2": rng.normal(size=(4, 3)),
    "b2": rng.normal(size=3),
}


def loss(p: Any, X: Any, Y: Any) -> Any:
    A1 = np.tanh(X @ p["W1"] + p["b1"])
    return -np.sum(Y * np.log(ag.softmax(A1 @ p["W2"] + p["b2"])))


def backward(p: Any, X: Any, Y: Any, mistake: str = "") -> dict[str, Any]:
    """The lecture's backward pass, with one mistake."""
    A1 = np.tanh(X @ p["W1"] + p["b1"])
    Y_hat = ag.softmax(A1 @ p["W2"] + p["b2"])
    A2_g = -Y / Y_hat
    Z2_g = Y_hat - Y
    if mistake == "cross term":
        Z2_g = A2_g * Y_hat
    if mistake == "diagonal":
        Z2_g = A2_g * Y_hat * (1 - Y_hat)
    if mistake == "sign":
        Z2_g = -Z2_g
    if mistake == "mean":
        Z2_g = Z2_g / len(X)
    A1_g = Z2_g @ p["W2"].T
    Z1_g = A1_g if mistake == "activation" else A1_g * (1 - A1**2)
    grads = {"W1": X.T @ Z1_g, "b1": Z1_g.sum(0), "W2": A1.T @ Z2_g, "b2": Z2_g.sum(0)}
    if mistake == "transposed":
        grads["W1"] = grads["W1"].T
    if mistake == "bias":
        grads["b1"] = Z1_g
    if mistake == "missing":
        del grads["b2"]
    return grads


def compared(mistake: str) -> GradReport:
    return compare_grads(lambda p, X, Y: backward(p, X, Y, mistake), loss, P, X, Y)


def verdicts(report: GradReport) -> dict[str, str]:
    return {row.name: row.verdict for row in report.rows}


def test_right_gradients_agree() -> None:
    report = compared("")
    assert report.ok
    assert report.verdict == "ok"
    assert set(verdicts(report).values()) == {"agree"}
    assert all(row.relative < 1e-14 for row in report.rows)


@pytest.mark.parametrize(
    ("mistake", "wrong", "said"),
    [
        ("transposed", ["W1"], "transposed: its transpose is the right gradient"),
        ("activation", ["W1", "b1"], "the derivative of np.tanh was forgotten"),
        ("mean", ["W1", "b1", "W2", "b2"], "a mean was taken where f has the sum over 6"),
        ("bias", ["b1"], "not summed over the broadcast axis"),
        ("cross term", ["W1", "b1", "W2", "b2"], "softmax without its cross term"),
        ("diagonal", ["W1", "b1", "W2", "b2"], "softmax without its cross term"),
        ("sign", ["W1", "b1", "W2", "b2"], "sign: it is the right gradient times −1"),
        ("missing", ["b2"], "no gradient was given for it"),
    ],
)
def test_each_of_the_students_mistakes_is_called_by_its_name(
    mistake: str, wrong: list[str], said: str
) -> None:
    report = compared(mistake)
    assert not report.ok
    found = verdicts(report)
    assert [name for name in found if found[name] == "hand wrong"] == wrong
    assert {found[name] for name in found if name not in wrong} <= {"agree"}
    for row in report.rows:
        assert (said in " ".join(row.hints)) == (row.name in wrong), report


def test_the_gradients_themselves_will_do_for_a_function() -> None:
    assert compare_grads(backward(P, X, Y), loss, P, X, Y).ok
    assert not compare_grads(backward(P, X, Y, "sign"), loss, P, X, Y).ok


def test_a_difference_far_below_rtol_is_decided_by_the_bar() -> None:
    hand = backward(P, X, Y)
    hand["W2"] = hand["W2"].copy()
    hand["W2"][1, 2] *= 1 + 1e-8
    report = compare_grads(hand, loss, P, X, Y)
    assert verdicts(report)["W2"] == "hand wrong"
    assert report.worst.index == (1, 2)


def test_a_difference_that_no_bar_can_decide_is_inconclusive() -> None:
    hand = {"x": np.array(np.cos(1.0) * 1e-6 * (1 + 3e-9))}

    def f(p: Any) -> Any:
        return 1e3 + 1e-6 * np.sin(p["x"])

    assert verdicts(compare_grads(hand, f, {"x": np.array(1.0)})) == {"x": "inconclusive"}


def faulty(factor: float) -> Callable[[Any], Any]:
    @ag.primitive(vjp=(lambda g, y, x: g * np.cos(x) * factor,))
    def sine(x: Any) -> Any:
        return np.sin(x)

    return sine


def test_a_wrong_rule_of_the_engine_is_told_from_a_wrong_hand() -> None:
    x = {"x": rng.normal(size=4)}
    right, twice, thrice = ({"x": np.cos(x["x"]) * factor} for factor in (1.0, 2.0, 3.0))
    sine, wrong_sine = faulty(1.0), faulty(2.0)

    def verdict(hand: Any, op: Callable[[Any], Any]) -> str:
        return compare_grads(hand, lambda p: np.sum(op(p["x"])), x).rows[0].verdict

    assert verdict(right, sine) == "agree"
    assert verdict(twice, sine) == "hand wrong"
    assert verdict(right, wrong_sine) == "engine wrong"
    assert verdict(thrice, wrong_sine) == "both wrong"
    assert verdict(twice, wrong_sine) == "both wrong"
    report = compare_grads(right, lambda p: np.sum(wrong_sine(p["x"])), x)
    assert "2 times the right gradient" in str(report)


def test_a_convention_that_both_follow_at_a_kink_is_agreed_and_said() -> None:
    x = {"x": np.array([1.0, 0.0, -1.0])}
    report = compare_grads(
        lambda p: {"x": (p["x"] > 0) * 1.0}, lambda p: np.sum(ag.relu(p["x"])), x
    )
    assert report.ok
    assert "differences cannot tell" in str(report)
    report = compare_grads(
        lambda p: {"x": (p["x"] >= 0) * 1.0}, lambda p: np.sum(ag.relu(p["x"])), x
    )
    assert verdicts(report) == {"x": "kink"}
    assert not report.ok


def test_a_nan_by_hand_is_wrong() -> None:
    hand = backward(P, X, Y)
    hand["b1"] = hand["b1"].copy()
    hand["b1"][2] = np.nan
    report = compare_grads(hand, loss, P, X, Y)
    assert verdicts(report)["b1"] == "hand wrong"
    assert report.worst.index == (2,)


def test_wrt_names_what_is_compared() -> None:
    report = compare_grads(backward(P, X, Y), loss, P, X, Y, wrt=["W2", "b2"])
    assert list(verdicts(report)) == ["W2", "b2"]
    assert report.ok


def test_a_module_is_compared_with_a_dict_by_name() -> None:
    model = nn.MLP([5, 4, 3], hidden="tanh", rng=rng)
    params = {name: p.data for name, p in model.named_parameters()}

    def hand(model: Any, X: Any, Y: Any) -> Any:
        Z, A = nn.closed_form.forward_pass(X, params, "tanh", "softmax")
        return nn.closed_form.backward_pass(Y, Z, A, params, "tanh", "softmax")

    def f(model: Any, X: Any, Y: Any) -> Any:
        return nn.softmax_cross_entropy(model.logits(X), Y)

    report = compare_grads(hand, f, model, X, Y)
    assert report.ok, report
    assert list(verdicts(report)) == ["W1", "b1", "W2", "b2"]


def test_random_draws_are_the_same_for_hand_engine_and_differences() -> None:
    generator = np.random.default_rng(1)
    masks: list[Any] = []

    def f(p: Any) -> Any:
        masks.append(ag.random.bernoulli(generator, (4,), p=0.5))
        return np.sum(p["x"] ** 2 * masks[-1])

    def hand(p: Any) -> Any:
        return {"x": 2 * p["x"] * ag.random.bernoulli(generator, (4,), p=0.5)}

    x = {"x": rng.normal(size=4)}
    assert compare_grads(hand, f, x).ok
    assert all(np.array_equal(mask, masks[0]) for mask in masks)
    assert compare_grads(lambda p: {"x": 2 * p["x"] * masks[-1]}, f, x).ok


def test_a_forgotten_mask_is_named() -> None:
    mask = np.array([1.0, 0.0, 1.0, 0.0])
    x = {"x": rng.normal(size=4)}
    report = compare_grads(
        lambda p: {"x": np.cos(p["x"])}, lambda p: np.sum(np.sin(p["x"]) * mask), x
    )
    assert "a factor of np.multiply was left out" in str(report)


def test_a_mean_within_the_function_is_named() -> None:
    x = {"x": rng.normal(size=(5, 3))}

    def f(p: Any) -> Any:
        centred = p["x"] - np.mean(p["x"], axis=0)
        return np.sum(np.tanh(centred) * np.arange(15.0).reshape(5, 3))

    slope = (1 - np.tanh(x["x"] - x["x"].mean(0)) ** 2) * np.arange(15.0).reshape(5, 3)
    assert compare_grads({"x": slope - slope.sum(0) / 5}, f, x).ok
    assert "a sum for a mean" in str(compare_grads({"x": slope - slope.sum(0)}, f, x))
    assert "sign: np.subtract" in str(compare_grads({"x": slope + slope.sum(0) / 5}, f, x))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_right_gradients_by_hand_agree_in_low_precision_and_wrong_ones_do_not(dtype: Any) -> None:
    p = {name: w.astype(dtype) for name, w in P.items()}
    X_low, Y_low = X.astype(dtype), Y.astype(dtype)
    report = compare_grads(backward, loss, p, X_low, Y_low)
    assert report.ok, report
    assert compare_grads(backward(p, X_low, Y_low), loss, p, X_low, Y_low).ok
    for mistake in ("mean", "sign", "activation", "transposed", "bias"):
        wrong = compare_grads(
            lambda p, X, Y, m=mistake: backward(p, X, Y, m), loss, p, X_low, Y_low
        )
        assert wrong.verdict == "hand wrong", wrong
    off = backward(p, X_low, Y_low)
    off["W2"] = off["W2"] * dtype(1 + (0.2 if dtype is np.float16 else 1e-3))
    assert compare_grads(off, loss, p, X_low, Y_low).worst.name == "W2"


def test_results_that_are_not_one_number_are_summed() -> None:
    report = compare_grads(np.cos, np.sin, X)
    assert report.ok, report
    assert "checked as the gradient of the sum" in str(report)


def test_what_a_hand_does_besides_is_found_and_undone() -> None:
    x = X.copy()

    def hand(x: Any) -> Any:
        g = 2 * x
        x += 1.0
        return g

    report = compare_grads(hand, lambda x: np.sum(x * x), x)
    assert report.verdict == "mutated_input"
    assert "the one by hand: it changed x in place" in str(report)
    np.testing.assert_array_equal(x, X)
    report = compare_grads(lambda x: 2 * x * (1 + 1e-13 * rng.random()), lambda x: np.sum(x * x), x)
    assert report.verdict == "nondeterministic"


def test_a_slight_error_is_no_permutation() -> None:
    x = {"x": rng.normal(size=12)}
    hand = {"x": np.cos(x["x"]) * (1 + 1e-7 * rng.normal(size=12))}
    report = compare_grads(hand, lambda p: np.sum(np.sin(p["x"])), x)
    assert report.verdict == "hand wrong"
    assert not report.worst.hints


def test_a_denominator_a_minus_and_a_sum_within_the_function_are_named() -> None:
    x = {"x": rng.uniform(1, 2, size=6)}
    v, n = x["x"], np.arange(6.0)

    def share(p: Any) -> Any:
        return np.sum(n * p["x"] / (1 + np.tanh(p["x"])))

    assert "the denominator of np.divide was taken for a constant" in str(
        compare_grads({"x": n / (1 + np.tanh(v))}, share, x)
    )

    def falling(p: Any) -> Any:
        return np.sum(n * np.exp(-p["x"])) + np.sum(p["x"])

    assert compare_grads({"x": 1 - n * np.exp(-v)}, falling, x).ok
    assert "sign: the minus of np.negative was forgotten" in str(
        compare_grads({"x": 1 + n * np.exp(-v)}, falling, x)
    )

    def squared_total(p: Any) -> Any:
        total = np.sum(p["x"], keepdims=True)
        return total[0] ** 2 + p["x"][0] ** 2

    first = 2 * v * (n == 0)
    assert compare_grads({"x": 2 * v.sum() + first}, squared_total, x).ok
    assert "a mean for a sum: the gradient of np.sum has no 1/n" in str(
        compare_grads({"x": 2 * v.sum() / 6 + first}, squared_total, x)
    )


def test_a_mistake_at_one_place_only_is_placed() -> None:
    x = {"x": rng.normal(size=4)}
    report = compare_grads(
        {"x": 1 - np.tanh(np.tanh(x["x"])) ** 2},
        lambda p: np.sum(np.tanh(np.tanh(p["x"]))),
        x,
    )
    assert "the derivative of np.tanh number 1 was forgotten" in str(report)


def test_no_mistake_is_named_for_a_gradient_that_none_explains() -> None:
    objective = Objective(loss, (P, X, Y), 0, tensors=True)
    pulled = Pulled(objective, [p.value for p in objective.parameters])
    seeds = [np.ones(())]
    noise = {name: rng.normal(size=p.shape) for name, p in P.items()}
    assert suspect(pulled, seeds, noise) is None
    right = dict(zip(P, pulled.back(seeds), strict=True))
    assert suspect(pulled, seeds, right) is None


def test_the_graph_is_left_as_it_was() -> None:
    objective = Objective(loss, (P, X, Y), 0, tensors=True)
    pulled = Pulled(objective, [p.value for p in objective.parameters])
    before = [node.plan for node in pulled.nodes]
    suspect(pulled, [np.ones(())], {name: rng.normal(size=p.shape) for name, p in P.items()})
    assert [node.plan for node in pulled.nodes] == before


def test_a_function_that_draws_its_own_numbers_is_nondeterministic() -> None:
    report = compare_grads(
        {"x": np.ones(3)}, lambda p: np.sum(p["x"]) * rng.random(), {"x": np.ones(3)}
    )
    assert report.verdict == "nondeterministic"


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("options", [{}, {"count": "random", "per": "sample"}])
def test_dropout_masks_are_frozen_and_the_same_for_the_closed_form(
    dtype: Any, options: dict[str, Any]
) -> None:
    generator = np.random.default_rng(2)
    model = nn.Sequential(
        nn.Linear(5, 8, rng=generator, dtype=dtype),
        nn.Tanh(),
        nn.Dropout(0.5, rng=generator, **options),
        nn.Linear(8, 3, rng=generator, dtype=dtype),
        nn.Softmax(),
    )
    names = dict(zip(["W1", "b1", "W2", "b2"], model.parameters(), strict=True))
    params = {name: p.data.astype(np.float64) for name, p in names.items()}

    def f(model: Any, X: Any, Y: Any) -> Any:
        return nn.softmax_cross_entropy(model.logits(X), Y)

    def hand(model: Any, X: Any, Y: Any) -> Any:
        masks = nn.dropout_masks(model)
        Z, A = nn.closed_form.forward_pass(X, params, "tanh", "softmax", masks)
        grads = nn.closed_form.backward_pass(Y, Z, A, params, "tanh", "softmax", masks)
        paths = [name for name, _ in model.named_parameters()]
        return dict(zip(paths, grads.values(), strict=True))

    report = compare_grads(hand, f, model, X, Y)
    assert report.ok, report
    assert set(verdicts(report).values()) == {"agree"}
