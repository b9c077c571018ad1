"""Kinks, jumps, vertical tangents and edges by their names; smooth points that look rough."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd_lite.testing import check_grads
from autograd_lite.testing.line import Line

Function = Callable[[Any], Any]


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


# name: (f, x, a derivative someone might claim there, verdict)
ROUGH: dict[str, tuple[Function, float, float, str]] = {
    "relu": (relu, 0.0, 0.0, "kink"),
    "abs": (np.abs, 0.0, 0.0, "kink"),
    "abs away from 0": (lambda x: abs(x - 1), 1.0, 0.0, "kink"),
    "relu of a line": (lambda x: relu(3 * x - 6), 2.0, 0.0, "kink"),
    "leaky relu": (lambda x: np.where(x > 0, x, 0.01 * x), 0.0, 0.01, "kink"),
    "elu": (lambda x: x if x > 0 else 1.5 * np.expm1(x), 0.0, 1.5, "kink"),
    "clip at its bound": (lambda x: np.clip(x, -1, 1), 1.0, 1.0, "kink"),
    "maximum of two curves": (lambda x: np.maximum(x, x * x), 1.0, 1.5, "kink"),
    "minimum of sine and cosine": (lambda x: min(np.sin(x), np.cos(x)), math.pi / 4, 0.0, "kink"),
    "norm": (lambda x: np.sqrt(x * x), 0.0, 0.0, "kink"),
    "laplace": (lambda x: np.exp(-abs(x)), 0.0, 0.0, "kink"),
    "kink on a high plain": (lambda x: 1e6 + abs(x - 3), 3.0, 0.0, "kink"),
    "slight kink": (lambda x: x + 1e-4 * abs(x), 0.0, 1.0, "kink"),
    "huge kink far out": (lambda x: 1e20 * abs(x - 1e8), 1e8, 0.0, "kink"),
    "abs of sine at a rounded pi": (lambda x: abs(np.sin(x)), math.pi, 0.0, "kink"),
    "sign": (np.sign, 0.0, 0.0, "jump"),
    "floor": (np.floor, 3.0, 0.0, "jump"),
    "step, right-continuous": (lambda x: float(x >= 1), 1.0, 0.0, "jump"),
    "round": (np.round, 0.5, 0.0, "jump"),
    "remainder": (lambda x: x % 1, 2.0, 1.0, "jump"),
    "small step on a slope": (lambda x: x + 1e-3 * (x > 2), 2.0, 1.0, "jump"),
    "value off the curve": (lambda x: np.sin(x) / x if x else 0.0, 0.0, 0.0, "jump"),
    "arctan of 1/x": (lambda x: math.atan(1 / x) if x else 0.0, 0.0, 0.0, "jump"),
    "cube root": (np.cbrt, 0.0, np.inf, "vertical"),
    "cusp": (lambda x: np.sqrt(abs(x)), 0.0, 0.0, "vertical"),
    "signed square root": (lambda x: np.sign(x - 2) * np.sqrt(abs(x - 2)), 2.0, np.inf, "vertical"),
    "power two thirds, high up": (lambda x: 5 + abs(x - 1) ** (2 / 3), 1.0, 0.0, "vertical"),
    "x log |x|": (lambda x: x * math.log(abs(x)) if x else 0.0, 0.0, -np.inf, "vertical"),
    "power 0.9": (lambda x: abs(x) ** 0.9, 0.0, 0.0, "vertical"),
    "power 0.2": (lambda x: abs(x) ** 0.2, 0.0, 0.0, "vertical"),
    "square root": (np.sqrt, 0.0, np.inf, "edge"),
    "math.sqrt, which raises": (math.sqrt, 0.0, np.inf, "edge"),
    "arcsin": (np.arcsin, 1.0, np.inf, "edge"),
    "arccosh": (np.arccosh, 1.0, np.inf, "edge"),
    "half circle": (lambda x: np.sqrt(1 - x * x), -1.0, np.inf, "edge"),
    "power 1.5": (lambda x: np.power(x, 1.5), 0.0, 0.0, "edge"),
    "Python power, complex beyond": (lambda x: x**1.5, 0.0, 0.0, "edge"),
    "x log x": (lambda x: x * math.log(x) if x else 0.0, 0.0, -np.inf, "edge"),
    "log": (np.log, 0.0, np.inf, "edge"),
    "reciprocal": (lambda x: 1 / np.float64(x), 0.0, -np.inf, "edge"),
}


@pytest.mark.parametrize("name", ROUGH)
def test_a_rough_point_is_called_by_its_name(name: str) -> None:
    f, x, claim, verdict = ROUGH[name]
    with np.errstate(all="ignore"):
        report = check_grads(f, x, grad=lambda x: claim)
    assert report.verdict == verdict, report
    assert not report.ok


def test_at_least_28_of_30_rough_points_are_named_rightly() -> None:
    with np.errstate(all="ignore"):
        found = {
            name: check_grads(f, x, grad=lambda x, claim=claim: claim).verdict
            for name, (f, x, claim, _) in ROUGH.items()
        }
    right = sum(found[name] == ROUGH[name][3] for name in ROUGH)
    passed = [name for name, verdict in found.items() if verdict == "ok"]
    print(f"\n{right} of {len(ROUGH)} rough points named rightly, {len(passed)} passed as smooth")
    assert not passed
    assert len(ROUGH) >= 30
    assert right >= len(ROUGH) * 28 / 30


@pytest.mark.parametrize("claim", [-1.0, 0.0, 0.5, 7.0])
@pytest.mark.parametrize("name", ROUGH)
def test_no_claim_passes_at_a_rough_point(name: str, claim: float) -> None:
    f, x, _, _ = ROUGH[name]
    with np.errstate(all="ignore"):
        report = check_grads(f, x, grad=lambda x: claim)
    # "mismatch" would be right as well, ok would not
    assert not report.ok, report


# Smooth, or smooth enough, though some steps do not see it.
SMOOTH: dict[str, tuple[Function, float, float]] = {
    "a kink nearby": (lambda x: 3 * x * x + abs(x - 1), 1 + 1e-5, 7 + 6e-5),
    "a kink very near": (lambda x: 1 + abs(x - 1), 1 + 1e-9, 1.0),
    "a kink very near, from 0": (lambda x: abs(x - 1), 1 + 1e-9, 1.0),
    "x |x|": (lambda x: x * abs(x), 0.0, 0.0),
    "power 1.5 of |x|": (lambda x: abs(x) ** 1.5, 0.0, 0.0),
    "a soft corner": (lambda x: np.sqrt(x * x + 1e-20), 0.0, 0.0),
    "a stationary point": (np.cos, 0.0, 0.0),
    "an inflection": (lambda x: x**3, 0.0, 0.0),
    "a steep step": (lambda x: np.tanh(1e9 * x), 0.0, 1e9),
    "a small steep step": (lambda x: x + 1e-4 * np.tanh(1e5 * x), 0.0, 11.0),
    "a fast wave": (np.sin, 1e6, float(np.cos(1e6))),
    "a constant": (lambda x: 3.0, 1.0, 0.0),
    "a dead relu": (relu, -2.0, 0.0),
    "near overflow": (np.exp, 700.0, float(np.exp(700.0))),
    "near underflow": (lambda x: 1e-300 * x * x, 2.0, 4e-300),
    "beside a pole": (np.log, 1e-300, 1e300),
    "cancellation": (lambda x: (x + 1e6) - 1e6 + np.sin(x), 1.0, 1 + math.cos(1)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_a_smooth_point_passes_however_rough_its_surroundings(name: str) -> None:
    f, x, slope = SMOOTH[name]
    with np.errstate(all="ignore"):
        assert check_grads(f, x, grad=lambda x: slope).verdict == "ok"
        if slope:
            wrong = check_grads(f, x, grad=lambda x: slope * (1 + 1e-5))
            assert wrong.verdict == "mismatch", wrong


def test_a_missing_small_term_is_not_lost_in_a_large_one() -> None:
    f = SMOOTH["a small steep step"][0]
    assert check_grads(f, 0.0, grad=lambda x: 1.0).verdict == "mismatch"


# The bar is wider than the answer, or than rtol of it: no claim is confirmed, nor refuted.
HIDDEN: dict[str, tuple[Function, float, float]] = {
    "a ripple on a plain": (lambda x: 1 + 1e-12 * np.sin(x), 1.0, 1e-12 * math.cos(1)),
    "computed in single precision": (
        lambda x: float(np.float32(np.sin(np.float32(x)))),
        1.0,
        math.cos(1),
    ),
    "a stationary point, rounded": (np.cos, math.pi, -math.sin(math.pi)),
    "a saturated tanh": (np.tanh, 20.0, 1 / math.cosh(20) ** 2),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_rounding_hides_is_inconclusive_with_a_reason(name: str) -> None:
    f, x, slope = HIDDEN[name]
    report = check_grads(f, x, grad=lambda x: slope)
    assert report.verdict == "inconclusive", report
    assert "rounding" in str(report)


def test_an_inconclusive_check_never_passes_for_another_claim_either() -> None:
    f, x, slope = HIDDEN["a ripple on a plain"]
    for factor in (1 + 1e-5, 2.0, 0.0):
        assert not check_grads(f, x, grad=lambda x, g=slope * factor: g).ok


# Structure narrower than the first steps, or hidden by rounding within f: (f, x, slope, another
# slope that steps of the wrong size show).
NARROW: dict[str, tuple[Function, float, float, float]] = {
    "a narrow step": (lambda x: x + 1e-9 * np.tanh(1e8 * x), 0.0, 1.1, 1.0),
    "a fine ripple": (
        lambda x: np.sin(x) + 1e-8 * np.sin(1e6 * x),
        0.7,
        math.cos(0.7) + 1e-2 * math.cos(1e6 * 0.7),
        math.cos(0.7),
    ),
    "a ripple finer than any first step": (
        lambda x: np.sin(x) + 1e-9 * np.sin(1e10 * x),
        0.7,
        math.cos(0.7) + 10 * math.cos(1e10 * 0.7),
        math.cos(0.7),
    ),
    "a staircase by rounding": (
        lambda x: np.log(1 + 4 * x * x),
        -6.2e-6,
        -8 * 6.2e-6 / (1 + 4 * 6.2e-6**2),
        0.0,
    ),
    "one term a staircase": (
        lambda x: np.cos(x - 990.97) - 0.5 * np.sin(x),
        8e-8,
        math.sin(990.97) - 0.5,
        -0.5,
    ),
    "a staircase far out": (
        lambda x: np.cos(x - 4840401.3) - 2.2,
        -1.7264296e-4,
        -math.sin(-1.7264296e-4 - 4840401.3),
        0.0,
    ),
    "a staircase on a slope": (
        lambda x: np.log(1 + x * x) + 1.710993008431456 * x,
        8.870587535051697e-07,
        1.710993008431456 + 2 * 8.870587535051697e-07,
        1.7113,
    ),
    "flat up to the last digit": (
        lambda x: np.sin(x * x) - 119430.65,
        1.129e-5,
        2.258e-5,
        0.0,
    ),
}


@pytest.mark.parametrize("name", NARROW)
def test_what_only_some_steps_show_is_neither_overlooked_nor_called_wrong(name: str) -> None:
    f, x, slope, other = NARROW[name]
    assert check_grads(f, x, grad=lambda x: slope).verdict in ("ok", "inconclusive")
    assert not check_grads(f, x, grad=lambda x: other).ok


def test_a_slope_lost_within_f_is_inconclusive_and_a_larger_claim_wrong() -> None:
    def softplus(x: float) -> float:
        return math.log(1 + math.exp(x))  # 0.0 at −50

    assert check_grads(softplus, -50.0, grad=lambda x: 1.9e-22).verdict == "inconclusive"
    assert check_grads(softplus, -50.0, grad=lambda x: 1e-3).verdict == "mismatch"
    assert check_grads(relu, -2.0, grad=lambda x: 1e-3).verdict == "mismatch"


def test_a_zero_is_passed_with_a_word_where_f_does_not_change_at_all() -> None:
    report = check_grads(relu, -2.0, grad=lambda x: 0.0)
    assert report.ok
    assert "f does not change at all when it moves" in str(report)
    x = np.array([1.0, -2.0, -3.0])
    report = check_grads(lambda x: np.sum(relu(x)), x, grad=lambda x: 1.0 * (x > 0))
    assert report.ok
    assert "when 2 of the 3 elements looked at move" in str(report)
    assert not check_grads(np.sin, 1.0, grad=np.cos).rows[0].hints


@pytest.mark.parametrize(
    ("f", "x", "texture"),
    [
        (lambda x: x + 1e-9 * math.sin(1e8 * x), 0.5, "ripple"),
        (lambda x: x + round(1e9 * math.sin(x)) / 1e9, 0.5, "staircase"),
        (lambda x: x + 1e-9 * math.sin(1e19 * x), 0.5, ""),
        (lambda x: x, 0.5, ""),
    ],
)
def test_a_ripple_and_a_staircase_are_told_from_each_other(
    f: Callable[[float], float], x: float, texture: str
) -> None:
    assert Line(lambda t: f(x + t), 0.5).texture() == texture


def test_kinks_can_be_allowed_where_the_claim_lies_between_the_slopes() -> None:
    x = np.array([1.0, 0.0, -2.0])

    def verdict(claim: float, **options: Any) -> tuple[bool, str]:
        report = check_grads(
            lambda x: np.sum(relu(x)), x, grad=lambda x: np.array([1.0, claim, 0.0]), **options
        )
        return report.ok, report.rows[0].verdict

    assert verdict(0.0) == (False, "kink")
    assert verdict(0.0, kinks="allow") == (True, "kink")
    assert verdict(0.5, kinks="allow") == (True, "kink")
    assert verdict(1.5, kinks="allow") == (False, "kink")


def test_a_kink_is_shown_with_both_slopes() -> None:
    row = check_grads(relu, 0.0, grad=lambda x: 0.0).rows[0]
    assert (row.left, row.right) == (0.0, 1.0)
    assert "fair choice" in row.hints[0]
    row = check_grads(relu, 0.0, grad=lambda x: 2.0).rows[0]
    assert "none that they leave" in row.hints[0]


def test_allowing_kinks_allows_no_jump() -> None:
    assert not check_grads(np.floor, 3.0, grad=lambda x: 0.0, kinks="allow").ok


def test_an_infinite_slope_may_be_allowed_where_the_tangent_is_vertical() -> None:
    assert check_grads(np.cbrt, 0.0, grad=lambda x: np.inf, kinks="allow").ok
    assert not check_grads(np.cbrt, 0.0, grad=lambda x: -np.inf, kinks="allow").ok
    assert not check_grads(np.cbrt, 0.0, grad=lambda x: 0.0, kinks="allow").ok
