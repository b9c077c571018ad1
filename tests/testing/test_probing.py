"""Large arrays: one wrong element among 100,000, kinks and edges found by their index, in O(n)."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import nn
from autograd_lite.testing import check_grads

N = 100_000


class Counted:
    """f of one array, and how often it was called."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        return np.sum(np.sin(x) * x)


def gradient(x: Any) -> Any:
    return np.cos(x) * x + np.sin(x)


def point(seed: int, n: int = N) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(size=n)


def test_a_right_gradient_of_100_000_elements_passes() -> None:
    f = Counted()
    report = check_grads(f, point(0), grad=gradient)
    assert report.ok, report
    assert report.rows[0].checked == "3 directions, 64 of 100000"
    assert f.calls < 1500


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("off", "rtol"), [(1e-5, 1e-6), (1e-6, 1e-7)])
def test_one_wrong_element_among_100_000_is_found(seed: int, off: float, rtol: float) -> None:
    x = point(seed)
    sizes = np.abs(gradient(x))
    place = int(np.flatnonzero(sizes > 0.1)[seed * 20_000 + 77])
    wrong = gradient(x)
    wrong[place] *= 1 + off
    f = Counted()
    report = check_grads(f, x, grad=wrong, rtol=rtol, seed=seed)
    assert report.verdict == "mismatch"
    assert report.worst.index == (place,)
    assert f.calls < 700  # of about 1 ms: within a second


@pytest.mark.parametrize("factor", [0.0, -1.0, 1.0009, 1 + 1e-5])
def test_a_gradient_wrong_throughout_is_found_at_once(factor: float) -> None:
    f = Counted()
    x = point(0)
    assert check_grads(f, x, grad=factor * gradient(x)).verdict == "mismatch"
    assert f.calls < 700


def test_errors_below_rtol_in_every_element_pass() -> None:
    x = point(0, 20_000)
    noise = 1 + 3e-8 * np.random.default_rng(1).uniform(-1, 1, len(x))
    assert check_grads(Counted(), x, grad=gradient(x) * noise).ok


def test_two_wrong_elements_do_not_hide_each_other() -> None:
    x = point(0, 20_000)
    for seed in range(4):
        wrong = gradient(x)
        wrong[[100, 19_000]] += [1e-3, -1e-3]
        report = check_grads(Counted(), x, grad=wrong, seed=seed)
        assert report.worst.index in ((100,), (19_000,))


def test_a_nan_among_many_is_found() -> None:
    wrong = gradient(point(0, 20_000))
    wrong[4321] = np.nan
    report = check_grads(Counted(), point(0, 20_000), grad=wrong)
    assert (report.verdict, report.worst.index) == ("mismatch", (4321,))


def test_a_kink_among_60_000_elements_is_found_by_its_index() -> None:
    x = np.random.default_rng(0).normal(size=(200, 300))
    x[5, 7] = 0.0
    c = np.arange(1.0, 301.0)
    report = check_grads(
        lambda x: np.sum(np.maximum(x, 0) * c), x, grad=lambda x: np.where(x > 0, c, 0.0)
    )
    assert (report.verdict, report.worst.index) == ("kink", (5, 7))
    assert (report.worst.left, report.worst.right) == pytest.approx((0.0, 8.0))


def test_an_edge_and_a_jump_among_many_are_found_by_their_index() -> None:
    x = np.random.default_rng(0).uniform(0.5, 2, size=(30, 40))
    x[3, 4] = 0.0
    grad = np.where(x > 0, 0.5 / np.sqrt(np.where(x > 0, x, 1)), 7.0)
    report = check_grads(lambda x: np.sum(np.sqrt(x)), x, grad=grad)
    assert (report.verdict, report.worst.index) == ("edge", (3, 4))
    report = check_grads(lambda x: np.sum(np.floor(x * 0.4)), x, grad=np.zeros_like(x))
    assert (report.verdict, report.worst.index) == ("jump", (3, 4))


def test_elements_of_all_magnitudes_are_moved_by_their_own_size() -> None:
    x = 10 ** np.random.default_rng(0).uniform(-6, 6, size=1000)
    assert check_grads(lambda x: np.sum(np.log(x)), x, grad=lambda x: 1 / x).ok
    wrong = 1 / x
    wrong[500] *= 1 + 1e-5
    report = check_grads(lambda x: np.sum(np.log(x)), x, grad=wrong)
    assert not report.ok


def test_mode_decides_how_many_elements_are_probed() -> None:
    x = np.random.default_rng(0).normal(size=(10, 20))
    for mode, checked in (
        ("auto", "3 directions, 64 of 200"),
        ("sampled", "3 directions, 64 of 200"),
        ("full", "all 200"),
    ):
        report = check_grads(
            lambda x: np.sum(np.sin(x)),
            x,
            grad=np.cos,
            mode=mode,  # type: ignore[arg-type]
        )
        assert report.rows[0].checked == checked
    assert check_grads(lambda x: np.sum(np.sin(x)), x[0], grad=np.cos).rows[0].checked == "all 20"


def test_elements_below_rounding_are_counted_not_hidden() -> None:
    x = np.array([1e3, 1e-9, 500.0])
    report = check_grads(lambda x: np.sum(x**3), x, grad=lambda x: 3 * x**2)
    assert report.ok
    assert "1 of the 3 elements looked at agrees as far as rounding" in str(report)


def test_memory_is_of_the_order_of_the_array() -> None:
    x = point(0, 20_000)
    tracemalloc.start()
    check_grads(Counted(), x, grad=gradient)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * x.nbytes


def test_the_seed_decides_the_probes_and_nothing_else_does() -> None:
    x = np.random.default_rng(0).normal(size=500)
    seen: list[list[float]] = []
    for seed in (1, 1, 2):
        values: list[float] = []

        def f(x: Any, values: list[float] = values) -> Any:
            values.append(float(np.sum(np.sin(x))))
            return values[-1]

        check_grads(f, x, grad=np.cos, seed=seed)
        seen.append(values)
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]


def test_the_lectures_network_is_checked_in_some_thousand_evaluations() -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.uniform(size=(32, 784)), np.eye(10)[rng.integers(10, size=32)]
    model = nn.MLP([784, 50, 10], hidden="tanh", init="xavier", rng=rng)
    calls = 0

    def loss(model: Any) -> Any:
        nonlocal calls
        calls += 1
        return nn.softmax_cross_entropy(model.logits(X), Y)

    report = check_grads(loss, model)
    assert report.ok, report
    assert [row.name for row in report.rows] == ["W1", "b1", "W2", "b2"]
    assert calls < 5000  # of about half a millisecond
