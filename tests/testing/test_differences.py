"""Extrapolated derivatives: bars that hold, jitter that is seen, structure not overlooked."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from autograd_lite.testing.differences import (
    CENTRAL,
    ONE_SIDED,
    Estimate,
    extrapolated,
    noise_level,
)
from autograd_lite.testing.ladder import Ladder, side
from autograd_lite.testing.line import Line


def quotients(f: Callable[[float], float], x: float, rungs: int) -> list[float]:
    steps = [0.125 * 4.0**-k for k in range(rungs)]
    return [(f(x + h) - f(x - h)) / (2 * h) for h in steps]


def test_a_table_of_four_gives_ten_digits_and_knows_it() -> None:
    found = extrapolated(quotients(math.sin, 1.0, 4), [1e-16 * 4.0**k for k in range(4)], CENTRAL)
    assert abs(found.value - math.cos(1)) <= found.bar
    assert found.bar < 1e-10


def test_a_polynomial_is_exact_once_its_powers_are_removed() -> None:
    found = extrapolated([1 + h + h * h for h in (1.0, 0.25, 0.0625)], [0.0] * 3, ONE_SIDED)
    assert found.value == 1.0


def test_a_lower_rung_overrules_what_seems_settled_above_it() -> None:
    found = extrapolated([1.0, 1.0, 1.0, 1.0, 1.0, 7.0, 7.0, 7.0], [1e-12] * 8, CENTRAL)
    assert found.holds(7.0)
    assert not found.holds(1.0)


def test_noise_widens_the_bar_of_a_small_step() -> None:
    noisy = [1.0, 1.0, 1.0, 1.0 + 3e-3]
    assert extrapolated(noisy, [1e-12, 1e-9, 1e-6, 1e-2], CENTRAL).bar < 1e-8


def test_an_estimate_holds_what_is_within_its_bar_and_its_slack() -> None:
    estimate = Estimate(1.0, 0.1)
    assert estimate.holds(1.09)
    assert not estimate.holds(1.11)
    assert estimate.holds(1.11, 0.02)
    assert not estimate.holds(math.nan)


@pytest.mark.parametrize("size", [1e-12, 1e-3, 1e300])
def test_white_noise_is_seen_with_its_size(size: float) -> None:
    rng = np.random.default_rng(0)
    levels = []
    for _ in range(50):
        level, seen = noise_level((size * rng.normal(size=8)).tolist())
        levels.append(level if seen else math.nan)
    assert np.mean(np.isnan(levels)) < 0.3
    assert 0.5 * size < np.nanmedian(levels) < 2 * size


def test_a_smooth_curve_has_no_jitter_beyond_rounding() -> None:
    level, _ = noise_level([math.sin(1 + 1e-3 * j) for j in range(8)])
    assert level < 1e-13


def test_a_line_evaluates_each_point_once_and_knows_a_constant() -> None:
    calls: list[float] = []

    def f(t: float) -> float:
        calls.append(t)
        return 3.0

    line = Line(f, 1.0)
    for _ in range(3):
        line.rungs(range(4))
    assert len(calls) == len(set(calls)) == line.evaluations == 9
    assert line.constant


def test_rungs_start_below_the_last_point_that_is_not_finite() -> None:
    line = Line(lambda t: math.sqrt(0.01 + t) if t > -0.01 else math.nan, 1.0)
    rungs = line.rungs(range(8))
    assert all(r.h < 0.01 for r in rungs)
    assert len(rungs) == 6
    assert Line(lambda t: math.nan if t < 0 else 1.0, 1.0).rungs(range(8)) == []


def test_jitter_is_measured_where_f_bends_within_a_step() -> None:
    line = Line(lambda t: math.sin(1e9 + 1e9 * t), 1.0)
    assert min(line.jitters()) < 1e-5


def test_a_slope_beside_a_kink_comes_from_the_side_that_sees_it_well() -> None:
    line = Line(lambda t: 1 + abs(t + 1e-8), 1.0, size=1.0)
    line.jitter = min(line.jitters())
    slope = Ladder(line, line.rungs(range(-6, 22))).slope(1e-9, 0.0)
    assert slope is not None
    assert slope.holds(1.0)
    assert slope.bar < 1e-9


@pytest.mark.parametrize(
    ("f", "kind"),
    [
        (lambda t: t, "smooth"),
        (lambda t: float(t > 0), "jump"),
        (lambda t: math.sqrt(abs(t)), "vertical"),
        (lambda t: math.nan if t > 0 else t, "edge"),
    ],
)
def test_a_side_is_told_by_how_its_quotients_grow(f: Callable[[float], float], kind: str) -> None:
    line = Line(f, 1.0)
    assert side(line, [line.step(k) for k in range(22)]).kind == kind


def test_the_grid_that_rounding_leaves_is_noise_and_an_exact_values_is_not() -> None:
    subtracted = Line(lambda t: (1e5 + t + 80.0679) ** 2 - 1e10, 64.0)
    assert all(rung.noise > 2.0**-19 for rung in subtracted.rungs(range(2, 6)))
    exact = Line(lambda t: (2 + t) * (2 + t), 2.0)
    assert all(rung.noise < 1e-14 for rung in exact.rungs(range(2, 6)))
