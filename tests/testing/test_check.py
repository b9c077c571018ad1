"""check_grads and assert_grads: what they take, what they refuse, how a report reads."""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
import nn
from autograd_lite.testing import GradientMismatch, assert_grads, check_grads

rng = np.random.default_rng(0)
A = rng.normal(size=(3, 4))
B = rng.normal(size=(4, 2))


def names(report: Any) -> list[str]:
    return [row.name for row in report.rows]


def test_a_plain_python_function_is_checked_without_the_engine() -> None:
    assert check_grads(math.sin, 1.0, grad=math.cos).ok
    assert not check_grads(math.sin, 1.0, grad=math.sin).ok


def test_a_function_that_tests_values_is_checked_as_it_is() -> None:
    def f(x: float) -> float:
        assert type(x) is float
        return x * x if x > 0 else -x

    assert check_grads(f, 2.0, grad=lambda x: 2 * x).ok


def test_numpy_arrays_stay_arrays_in_a_users_function() -> None:
    def f(x: Any) -> float:
        assert type(x) is np.ndarray
        return float(np.linalg.slogdet(x)[1])

    M = A @ A.T + np.eye(3)
    assert check_grads(f, M, grad=lambda x: np.linalg.inv(x).T).ok


def test_several_arguments_have_a_tuple_of_gradients() -> None:
    def f(a: Any, b: Any) -> Any:
        return np.sum(np.tanh(a @ b))

    def grad(a: Any, b: Any) -> Any:
        slope = 1 - np.tanh(a @ b) ** 2
        return slope @ b.T, a.T @ slope

    report = check_grads(f, A, B, grad=grad)
    assert report.ok
    assert names(report) == ["a", "b"]
    assert check_grads(f, A, B, grad=lambda a, b: list(grad(a, b))).ok


def test_wrt_picks_arguments_by_position_and_arrays_by_name() -> None:
    def f(p: Any, x: Any) -> Any:
        return np.sum(np.sin(p["w"]) * x) + np.sum(p["b"] ** 2)

    p = {"w": A, "b": B}
    assert names(check_grads(f, p, A)) == ["w", "b", "x"]
    assert names(check_grads(f, p, A, wrt=0)) == ["w", "b"]
    assert names(check_grads(f, p, A, wrt=(1,))) == ["x"]
    assert names(check_grads(f, p, A, wrt=-1)) == ["x"]
    assert names(check_grads(f, p, A, wrt="b")) == ["b"]
    assert names(check_grads(f, p, A, wrt=["x", "w"])) == ["w", "x"]
    assert names(check_grads(f, p, A, wrt=["b", 1])) == ["b", "x"]
    assert check_grads(f, p, A, wrt=1, grad=lambda p, x: np.sin(p["w"])).ok


Pair = namedtuple("Pair", "left right")


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"W": A, "inner": {"c": B}}, ["W", "inner.c"]),
        ([A, (B, 2.0)], ["p[0]", "p[1][0]", "p[1][1]"]),
        (Pair(A, B), ["left", "right"]),
    ],
)
def test_pytrees_are_checked_leaf_by_leaf(tree: Any, expected: list[str]) -> None:
    def f(p: Any) -> Any:
        leaves, _ = ag.pytree.flatten(p)
        return sum(np.sum(np.sin(leaf)) for leaf in leaves)

    report = check_grads(f, tree)
    assert report.ok
    assert names(report) == expected
    by_hand = check_grads(f, tree, grad=lambda p: ag.pytree.map(np.cos, p))
    assert by_hand.ok
    assert names(by_hand) == expected


def test_the_gradient_of_a_tuple_of_one_may_be_one_or_stand_in_one() -> None:
    def f(p: Any) -> Any:
        return np.sum(np.sin(p[0]))

    for grad in (lambda p: (np.cos(p[0]),), lambda p: ((np.cos(p[0]),),)):
        assert check_grads(f, (A,), grad=grad).ok


def test_paths_that_repeat_are_told_apart_by_their_argument() -> None:
    report = check_grads(lambda p, q: np.sum(p["w"] * q["w"]), {"w": A}, {"w": A + 1})
    assert names(report) == ["p.w", "q.w"]


def test_integers_and_strings_are_constants() -> None:
    def f(x: Any, labels: Any, how: str) -> Any:
        return np.sum(x[labels]) if how == "sum" else 0.0

    report = check_grads(f, A, np.array([0, 2]), "sum")
    assert report.ok
    assert names(report) == ["x"]


def test_modules_and_tensors_are_checked_by_the_engine() -> None:
    model = nn.MLP([4, 3, 2], hidden="tanh", rng=rng)
    report = check_grads(lambda m, X: np.sum(m(X) ** 2), model, A)
    assert report.ok
    assert names(report) == ["W1", "b1", "W2", "b2", "X"]
    x = ag.tensor(A, requires_grad=True)
    assert check_grads(lambda x: (x.tanh() * 2.0).sum(), x).ok


def test_a_frozen_parameter_is_not_checked() -> None:
    model = nn.MLP([4, 3, 2], hidden="tanh", rng=rng)
    model.b1.requires_grad = False
    report = check_grads(lambda m: np.sum(m(A) ** 2), model)
    assert report.ok
    assert names(report) == ["W1", "W2", "b2"]


def test_array_results_are_weighted_for_the_engine_and_summed_for_a_gradient_by_hand() -> None:
    assert check_grads(lambda x: np.tanh(x), A, order=2).ok
    report = check_grads(np.sin, A, grad=np.cos)
    assert report.ok
    assert "checked as the gradient of the sum" in str(report)


def test_a_jacobian_by_hand_is_checked_along_random_weights() -> None:
    M = rng.normal(size=(5, 3))
    x = A[:, 0]
    report = check_grads(lambda x: np.sin(M @ x), x, grad=lambda x: np.cos(M @ x)[:, None] * M)
    assert report.ok
    assert "Jacobian" in str(report)
    wrong = M.copy()
    wrong[2, 1] += 1e-3
    assert not check_grads(lambda x: M @ x, x, grad=lambda x: wrong).ok


def test_results_may_be_pytrees() -> None:
    assert check_grads(lambda x: {"a": np.sin(x), "b": (x.sum(), np.argmax(x))}, A).ok


def test_an_empty_array_and_a_single_number_are_fine() -> None:
    assert check_grads(lambda x, e: x * x + np.sum(e), 2.0, np.zeros((0, 3))).ok


def test_assert_grads_raises_with_the_report_and_returns_it() -> None:
    assert assert_grads(np.sin, 1.0, grad=np.cos).ok
    with pytest.raises(GradientMismatch, match="sign: it is the right gradient") as caught:
        assert_grads(lambda x: np.sum(np.sin(x)), A, grad=lambda x: -np.cos(x))
    assert caught.value.report.verdict == "mismatch"
    assert isinstance(caught.value, AssertionError)


def test_a_report_shows_where_and_by_how_much() -> None:
    def grad(x: Any) -> Any:
        g = np.cos(x)
        g[1, 2] += 1e-3
        return g

    report = check_grads(lambda x: np.sum(np.sin(x)), A, grad=grad)
    row = report.worst
    assert (row.name, row.shape, row.index, row.checked) == ("x", (3, 4), (1, 2), "all 12")
    assert row.analytic - row.numeric == pytest.approx(1e-3, abs=1e-9)
    assert row.relative == pytest.approx(1e-3 / abs(np.cos(A[1, 2])), rel=1e-6)
    assert row.digits in (2, 3)
    head, _, line = str(report).splitlines()[2:5]
    assert head.split()[:3] == ["parameter", "shape", "verdict"]
    assert "numeric ± bar" in head
    assert "mismatch  (1, 2)" in line
    assert "±" in line


def test_the_numeric_value_shows_no_digit_beyond_its_bar() -> None:
    text = str(check_grads(np.sin, 1.0, grad=np.cos))
    shown = next(word for word in text.splitlines()[4].split() if word.startswith("0.5403023058"))
    row = check_grads(np.sin, 1.0, grad=np.cos).rows[0]
    assert len(text.splitlines()[4].split("±")[0].split()[-1].split(".")[1]) <= 1 - math.floor(
        math.log10(row.bar)
    )
    assert shown


def test_a_symmetric_input_of_a_symmetric_function_keeps_the_probes_symmetric() -> None:
    S = A @ A.T + np.eye(3)
    for f in (
        lambda S: np.sum(np.linalg.cholesky(S)),
        lambda S: np.sum(np.linalg.eigvalsh(S) ** 2),
        lambda S: np.sum(np.linalg.cholesky(S)) + np.sum(S @ S),
    ):
        report = check_grads(f, S)
        assert report.ok, report
        assert "the probes stayed symmetric" in str(report)
        assert report.rows[0].checked == "all 6 pairs (i, j) with (j, i)"


def eigenvalue_gradient(S: Any) -> Any:
    w, V = np.linalg.eigh(S)
    return (V * (2 * w)) @ V.T


def test_a_symmetric_function_of_ones_own_is_recognised_by_the_triangle_it_reads() -> None:
    S = A @ A.T

    def f(S: Any) -> Any:
        return np.sum(np.linalg.eigvalsh(S) ** 2)

    report = check_grads(f, S, grad=eigenvalue_gradient)
    assert report.ok
    assert "the probes stayed symmetric" in str(report)
    wrong = check_grads(f, S, grad=lambda S: 1.001 * eigenvalue_gradient(S))
    assert wrong.verdict == "mismatch"


def test_a_batch_of_symmetric_matrices_is_probed_symmetrically() -> None:
    S = np.stack([M @ M.T + np.eye(3) for M in rng.normal(size=(2, 3, 3))])
    report = check_grads(lambda S: np.sum(np.linalg.cholesky(S)), S)
    assert report.ok, report
    assert "symmetric" in str(report)


def test_a_symmetric_gradient_of_a_function_that_is_not_is_wrong() -> None:
    """It agrees along every symmetric direction."""
    C = rng.normal(size=(3, 3))
    S = A @ A.T
    assert not check_grads(lambda S: np.sum(S * C), S, grad=lambda S: (C + C.T) / 2).ok


def test_order_2_adds_a_row_per_parameter() -> None:
    report = check_grads(lambda x, y: np.sum(np.sin(x) * y), A, A + 1, order=2)
    assert names(report) == ["x", "y", "x (order 2)", "y (order 2)"]
    assert report.ok


def test_single_precision_functions_are_checked_to_what_they_show() -> None:
    M = A.astype(np.float32)

    def f(x: Any) -> Any:
        return np.sum(np.tanh(np.asarray(x, dtype=np.float32) @ M))

    def grad(x: Any) -> Any:
        return ((1 - np.tanh(x @ M) ** 2) @ M.T).astype(x.dtype)

    x = rng.normal(size=(2, 3))
    report = check_grads(f, x, grad=grad)
    assert report.ok, report
    assert "low precision" in str(report)
    assert not check_grads(f, x, grad=lambda x: 1.01 * grad(x)).ok


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: check_grads(np.sum, A, mode="some"), ValueError, "mode must be"),
        (lambda: check_grads(np.sum, A, kinks="ignore"), ValueError, "kinks must be"),
        (lambda: check_grads(np.sum, A, rtol=0.0), ValueError, "rtol must lie"),
        (lambda: check_grads(np.sum, A, order=0), ValueError, "order must be"),
        (lambda: check_grads(np.sum, A, order=2, grad=A), ValueError, "needs the engine"),
        (lambda: check_grads(np.sum, A, wrt=3), ValueError, "there is no argument 3"),
        (lambda: check_grads(np.sum, A, wrt="W"), ValueError, "no array is named"),
        (lambda: check_grads(np.sum, np.arange(3)), TypeError, "no argument holds floats"),
        (lambda: check_grads(np.sum, A, rtol="a"), ValueError, "rtol must lie"),
        (lambda: check_grads(np.sum, A, order="2"), ValueError, "order must be a whole number"),
        (lambda: check_grads(np.sum, A, wrt=0.5), TypeError, "positions of arguments or names"),
        (lambda: check_grads(np.sum, A, wrt=True), TypeError, "positions of arguments or names"),
        (lambda: check_grads(np.sum, A, wrt=[]), ValueError, "names no argument"),
        (lambda: check_grads(3.0, A), TypeError, "f must be a function, got a float"),
        (lambda: check_grads(lambda: 1.0), TypeError, "f was given no arguments"),
        (lambda: check_grads(np.abs, A + 1j, grad=A), TypeError, r"complex128.*x\.real and"),
        (lambda: check_grads(lambda x: None, A, grad=A), TypeError, "is its return missing"),
        (lambda: check_grads(lambda x: None, A), TypeError, "is its return missing"),
        (lambda: check_grads(lambda x: 1j, A, grad=A), TypeError, "real numbers, it returned comp"),
        (lambda: check_grads(np.argmax, A), TypeError, "f must return floats"),
        (lambda: check_grads(np.sum, A, grad=lambda x: None), TypeError, "is a NoneType"),
        (
            lambda: check_grads(lambda p: np.sum(p["w"]), {"w": A}, grad=lambda p: {"v": A}),
            ValueError,
            "not built like p: .* at the top: expected a dict of w, got a dict of v",
        ),
        (
            lambda: check_grads(lambda a, b: np.sum(a + b), A, A, grad=lambda a, b: (A, A, A)),
            ValueError,
            "differ",
        ),
    ],
)
def test_what_cannot_be_checked_is_refused(call: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_an_error_in_f_itself_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        check_grads(lambda x: x / 0, 1.0, grad=lambda x: 1.0)
