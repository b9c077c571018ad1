"""How gradients behave beside their values: per check a planted bug that it alone catches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite.methods import public
from autograd_lite.table import Primitive
from autograd_lite.testing import GradReport, check_grads
from autograd_lite.testing.claims import Claims, check_kinds
from autograd_lite.testing.complexstep import confirm
from autograd_lite.testing.objective import Objective

X = np.random.default_rng(0).normal(size=(3, 4))


def only(report: GradReport, verdict: str, sentence: str) -> None:
    """The report fails for one reason, while the values it probed are right."""
    assert not report.ok
    row = report.worst
    assert row.verdict == verdict, report
    assert [hint for hint in row.hints if sentence in hint], report
    assert len(row.hints) == 1, report
    if row.cells.get("digits") is not None:
        assert row.digits >= 6, report


def square_op(
    rule: Callable[..., Any], jvp: Callable[..., Any] | None = None
) -> Callable[[Any], Any]:
    """x², with a rule and a forward rule as told."""

    @ag.primitive(vjp=(rule,), jvp=jvp)
    def square(x: Any) -> Any:
        return x * x

    return square


def right_jvp(tangents: Any, y: Any, x: Any) -> Any:
    return 2.0 * x * tangents[0]


def test_a_right_rule_passes_every_check() -> None:
    square = square_op(lambda g, y, x: g * 2.0 * x, right_jvp)
    assert check_grads(lambda x: np.sum(square(x)), X, order=2).ok
    assert check_grads(square, X, order=2).ok


def test_a_gradient_other_than_0_for_a_cotangent_of_0_is_found() -> None:
    square = square_op(lambda g, y, x: g * 2.0 * x + 1e-3 * float(np.all(g == 0)), right_jvp)
    report = check_grads(lambda x: np.sum(square(x)), X)
    only(report, "mismatch", "a cotangent of 0")


def test_a_pullback_that_is_not_linear_is_found() -> None:
    """g·|g| is g for the cotangent of 1 that a scalar function starts from."""
    square = square_op(lambda g, y, x: g * np.abs(g) * 2.0 * x, right_jvp)
    only(check_grads(lambda x: np.sum(square(x)), X), "mismatch", "not linear")


def test_a_rule_that_minds_the_layout_of_its_cotangent_is_found() -> None:
    def rule(g: Any, y: Any, x: Any) -> Any:
        in_memory = g.ravel(order="K").reshape(g.shape) if isinstance(g, np.ndarray) else g
        return in_memory * 2.0 * x

    only(check_grads(square_op(rule, right_jvp), X), "mismatch", "lies in memory")


def test_a_forward_rule_that_is_not_the_transpose_is_found() -> None:
    square = square_op(lambda g, y, x: g * 2.0 * x, lambda t, y, x: 2.1 * x * t[0])
    only(check_grads(lambda x: np.sum(square(x)), X), "mismatch", "forward and reverse")


def test_a_recorded_sweep_with_other_numbers_is_found() -> None:
    def rule(g: Any, y: Any, x: Any) -> Any:
        return g * 2.0 * x * (1.001 if isinstance(g, ag.Tensor) else 1.0)

    square = square_op(rule, right_jvp)
    only(check_grads(lambda x: np.sum(square(x)), X), "mismatch", "recorded sweep")


def test_a_rule_that_is_wrong_in_second_order_only_is_found_at_order_2() -> None:
    square = square_op(lambda g, y, x: g * 2.0 * ag.stop_gradient(x), right_jvp)

    def f(x: Any) -> Any:
        return np.sum(square(x) * x)

    assert check_grads(f, X).ok
    report = check_grads(f, X, order=2)
    assert [row.verdict for row in report.rows] == ["ok", "mismatch"]
    assert report.worst.name == "x (order 2)"


def test_a_parameter_that_was_not_declared_is_found() -> None:
    W = ag.tensor(X, requires_grad=True, name="W")
    only(check_grads(lambda x: np.sum(W * x), X), "mismatch", "not among its arguments")


def test_a_constant_that_a_transform_inside_f_differentiates_is_no_tensor_of_the_users() -> None:
    """As in a network that solves a differential equation: u'(0.5), by the parameters of u."""
    slope = lambda w: ag.grad(lambda t: np.sum(np.tanh(w * t)))(0.5)
    assert check_grads(slope, X).ok


def test_two_runs_that_differ_are_found() -> None:
    rng = np.random.default_rng(1)
    report = check_grads(lambda x: np.sum(x) + 1e-12 * rng.random(), X)
    only(report, "nondeterministic", "two runs of f")
    report = check_grads(
        lambda x: np.sum(x * x), X, grad=lambda x: 2 * x * (1 + 1e-13 * rng.random())
    )
    only(report, "nondeterministic", "two runs of grad")
    report = check_grads(
        lambda x: np.sum(x) + 1e-12 * rng.random(), X, grad=lambda x: np.ones_like(x)
    )
    only(report, "nondeterministic", "two runs of f")


def test_a_state_that_shows_only_after_some_calls_is_found() -> None:
    def until(n: int) -> Callable[..., Any]:
        calls = 0

        def f(x: Any) -> Any:
            nonlocal calls
            calls += 1
            return np.sum(x) + 1e-9 * (calls > n)

        return f

    for n in (5, 20, 100):
        report = check_grads(until(n), X, grad=np.ones_like(X))
        only(report, "nondeterministic", "it keeps a state")
    assert check_grads(until(10**6), X, grad=np.ones_like(X)).ok


def test_draws_of_the_engine_are_frozen() -> None:
    rng = np.random.default_rng(1)
    assert check_grads(lambda x: np.sum(x * ag.random.normal(rng, (3, 4))), X).ok


def test_an_input_that_f_changes_is_found() -> None:
    def f(x: Any, seen: Any) -> Any:
        seen += 1
        return np.sum(x * x)

    seen = np.zeros(2, dtype=int)
    only(check_grads(f, X, seen), "mutated_input", "changed seen in place")
    np.testing.assert_array_equal(seen, [0, 0])


def test_an_input_that_a_gradient_by_hand_changes_is_found() -> None:
    def grad(x: Any) -> Any:
        x *= 2
        return x.copy()

    def f(x: Any) -> Any:
        total = np.sum(x * x)
        x += 1e-3
        return total

    x = X.copy()
    report = check_grads(lambda x: np.sum(x * x), x, grad=grad)
    only(report, "mutated_input", "grad changed x in place")
    only(check_grads(f, x, grad=lambda x: 2 * x), "mutated_input", "f changed x in place")
    np.testing.assert_array_equal(x, X)


def test_a_cotangent_that_a_rule_changes_is_found() -> None:
    """A row of the table; a user's rule is shown its cotangent read-only, and raises at once."""

    def rule(g: Any, y: Any, x: Any) -> Any:
        ct = g * 2.0 * x
        if isinstance(g, np.ndarray):
            g += 0.0
            g *= 1.5
        return ct

    row = Primitive(lambda x: x * x, (rule,), kind="general", jvp=right_jvp)
    only(check_grads(public(row), X), "mutated_input", "changed the cotangent")
    with pytest.raises(ValueError, match="read-only"):
        check_grads(square_op(rule, right_jvp), X)


def test_gradients_that_share_memory_are_found() -> None:
    def grad(a: Any, b: Any) -> Any:
        g = np.ones_like(a)
        return g, g

    report = check_grads(lambda a, b: np.sum(a + b), X, X + 1, grad=grad)
    assert [row.verdict for row in report.rows] == ["aliased_grad", "aliased_grad"]
    only(report, "aliased_grad", "share memory")
    assert check_grads(
        lambda a, b: np.sum(a + b), X, X + 1, grad=lambda a, b: (np.ones_like(a), np.ones_like(b))
    ).ok


def test_a_gradient_that_shares_memory_with_its_input_is_right_but_noted() -> None:
    report = check_grads(lambda x: 0.5 * np.sum(x * x), X, grad=lambda x: x)
    assert report.ok
    assert "shares memory with an input" in str(report)


def test_another_shape_is_found_though_it_would_broadcast() -> None:
    report = check_grads(lambda x: np.sum(x), X, grad=lambda x: np.ones((3, 1)))
    assert report.verdict == "shape"
    assert "(3, 1), expected (3, 4)" in str(report)


def test_another_precision_is_found() -> None:
    only(
        check_grads(np.sum, X, grad=lambda x: np.ones(x.shape, np.float32)),
        "dtype",
        "dtype float32, the parameter float64",
    )
    only(
        check_grads(np.sum, X, grad=lambda x: np.ones(x.shape, complex)),
        "dtype",
        "dtype complex128",
    )


def test_float32_gradients_pass_and_are_held_to_their_own_rounding() -> None:
    x = X.astype(np.float32)

    def grad(x: Any) -> Any:
        return 1 - np.tanh(x) ** 2

    assert check_grads(lambda x: np.sum(np.tanh(x)), x, grad=grad).ok
    assert check_grads(lambda x: np.sum(np.tanh(x)), x).ok

    def poor(x: Any) -> Any:
        return grad(x) * (1.001 if x.dtype == np.float32 else 1)

    only(check_grads(lambda x: np.sum(np.tanh(x)), x, grad=poor), "mismatch", "in float32")
    assert not check_grads(lambda x: np.sum(np.tanh(x)), x, grad=lambda x: 1.00002 * grad(x)).ok


@pytest.mark.parametrize("seed", range(5))
def test_right_float32_gradients_never_fail(seed: int) -> None:
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(20, 5)).astype(np.float32)
    A = rng.normal(size=(30, 20)).astype(np.float32)
    assert check_grads(lambda W, A: np.sum(np.tanh(A @ W) ** 2), W, A).ok


def test_finished_float32_gradients_are_held_to_what_they_can_show() -> None:
    x = X.astype(np.float32)
    assert check_grads(lambda x: np.sum(x * x), x, grad=2 * x).ok
    assert not check_grads(lambda x: np.sum(x * x), x, grad=2.001 * x).ok


def test_the_complex_step_confirms_to_the_last_digits() -> None:
    report = check_grads(lambda x: np.sum(np.exp(np.sin(x)) @ np.ones(4)), X)
    assert "the complex step agrees to 1" in report.notes[-1]
    assert not check_grads(lambda x: np.sum(np.abs(x)), X).notes


def test_the_complex_step_confirms_no_wrong_claim() -> None:
    objective = Objective(lambda x: np.sum(np.sin(x)), (X,), tensors=True)
    for off, said in ((0.0, True), (1e-6, False)):
        wrong = {"x": np.cos(X) + off}
        claims = Claims(wrong, wrong)
        confirm(objective, claims, np.random.default_rng(0))
        assert bool(claims.notes) is said


def test_where_numpy_is_not_analytic_the_complex_step_is_silent() -> None:
    for f in (np.cov, np.corrcoef, lambda x: np.astype(x, np.float64)):
        report = check_grads(f, X)
        assert report.ok
        assert "complex" not in str(report)


def test_a_gradient_of_the_engine_must_not_share_memory_with_an_input() -> None:
    objective = Objective(lambda x: 0.5 * np.sum(x * x), (X,), tensors=True)
    claims = Claims({"x": X}, {"x": X})
    check_kinds(claims, objective, [X], shared="aliased_grad")
    assert claims.verdicts("x") == ["aliased_grad"]
