"""The checker held to what it promises, on points whose true derivative is known.

60 functions, each over many orders of magnitude of its argument, with the derivative by formula in
extended precision. A right gradient must never be called wrong, one wrong by 1e-5 never right, and
the true derivative must lie inside the bar. `pytest -s` prints the figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

from autograd_lite.testing import check_grads

Function = Callable[[Any], Any]


class Smooth(NamedTuple):
    """A function, its derivative, and the decades of |x| it is tried on; of positive x only?"""

    f: Function
    derivative: Function
    low: float
    high: float
    positive: bool = False


def sech2(x: Any) -> Any:
    return 1 / np.cosh(x) ** 2


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


# Decades stop where rounding leaves nothing of the derivative (tanh at 30 is 1), or f overflows.
CORPUS: dict[str, Smooth] = {
    "identity": Smooth(lambda x: 1 * x, lambda x: 1 + 0 * x, -12, 12),
    "line": Smooth(lambda x: 3 * x - 7, lambda x: 3 + 0 * x, -4, 12),
    "square": Smooth(lambda x: x * x, lambda x: 2 * x, -12, 12),
    "cube": Smooth(lambda x: x**3, lambda x: 3 * x**2, -12, 12),
    "seventh power": Smooth(lambda x: x**7, lambda x: 7 * x**6, -8, 8),
    "polynomial": Smooth(
        lambda x: ((2 * x - 3) * x + 5) * x - 1, lambda x: 6 * x * x - 6 * x + 5, -4, 8
    ),
    "reciprocal": Smooth(lambda x: 1 / x, lambda x: -1 / (x * x), -12, 12),
    "inverse square": Smooth(lambda x: 1 / x**2, lambda x: -2 / x**3, -8, 8),
    "square root": Smooth(np.sqrt, lambda x: 1 / (2 * np.sqrt(x)), -12, 12, True),
    "cube root": Smooth(np.cbrt, lambda x: 1 / (3 * np.cbrt(x) ** 2), -12, 12),
    "power 2.5": Smooth(lambda x: x**2.5, lambda x: 2.5 * x**1.5, -8, 8, True),
    "power -0.3": Smooth(lambda x: x**-0.3, lambda x: -0.3 * x**-1.3, -8, 8, True),
    "x to the x": Smooth(lambda x: x**x, lambda x: x**x * (np.log(x) + 1), -4, 2, True),
    "exp": Smooth(np.exp, np.exp, -4, 2.5),
    "expm1": Smooth(np.expm1, np.exp, -12, 1.2),
    "exp2": Smooth(np.exp2, lambda x: np.exp2(x) * np.log(type(x)(2)), -4, 2.5),
    "log": Smooth(np.log, lambda x: 1 / x, -12, 12, True),
    "log1p": Smooth(np.log1p, lambda x: 1 / (1 + x), -12, 12, True),
    "log10": Smooth(np.log10, lambda x: 1 / (x * np.log(type(x)(10))), -12, 12, True),
    "x log x": Smooth(lambda x: x * np.log(x), lambda x: np.log(x) + 1, -12, 12, True),
    "sin": Smooth(np.sin, np.cos, -12, 3),
    "cos": Smooth(np.cos, lambda x: -np.sin(x), -4, 3),
    "tan": Smooth(np.tan, lambda x: 1 / np.cos(x) ** 2, -12, 2),
    "x sin x": Smooth(lambda x: x * np.sin(x), lambda x: np.sin(x) + x * np.cos(x), -6, 3),
    "sinc": Smooth(lambda x: np.sin(x) / x, lambda x: (x * np.cos(x) - np.sin(x)) / x**2, -1, 3),
    "chirp": Smooth(lambda x: np.sin(x * x), lambda x: 2 * x * np.cos(x * x), -6, 1.5),
    "exp sin": Smooth(lambda x: np.exp(np.sin(x)), lambda x: np.exp(np.sin(x)) * np.cos(x), -6, 3),
    "sinh": Smooth(np.sinh, np.cosh, -12, 2.5),
    "cosh": Smooth(np.cosh, np.sinh, -4, 2.5),
    "tanh": Smooth(np.tanh, sech2, -12, 0.8),
    "arctan": Smooth(np.arctan, lambda x: 1 / (1 + x * x), -12, 4),
    "arcsinh": Smooth(np.arcsinh, lambda x: 1 / np.sqrt(1 + x * x), -12, 12),
    "arcsin": Smooth(np.arcsin, lambda x: 1 / np.sqrt(1 - x * x), -12, -0.01),
    "arctanh": Smooth(np.arctanh, lambda x: 1 / (1 - x * x), -12, -0.01),
    "sigmoid": Smooth(sigmoid, lambda x: sigmoid(x) * sigmoid(-x), -6, 1.1),
    "softplus": Smooth(lambda x: np.logaddexp(0, x), sigmoid, -6, 1.3),
    "bell": Smooth(lambda x: np.exp(-x * x), lambda x: -2 * x * np.exp(-x * x), -4, 1.3),
    "Runge": Smooth(
        lambda x: 1 / (1 + 25 * x * x), lambda x: -50 * x / (1 + 25 * x * x) ** 2, -4, 4
    ),
    "hyperbola": Smooth(lambda x: np.sqrt(1 + x * x), lambda x: x / np.sqrt(1 + x * x), -4, 12),
    "far offset": Smooth(lambda x: 1e4 + np.sin(x), np.cos, -1, 2),
    "parabola on a high plain": Smooth(lambda x: 1e6 + x * x, lambda x: 2 * x, -1, 4),
    "difference of squares": Smooth(lambda x: (1e5 + x) ** 2 - 1e10, lambda x: 2e5 + 2 * x, -2, 5),
    "far parabola": Smooth(lambda x: (x - 1e8) ** 2, lambda x: 2 * (x - 1e8), -2, 7),
    "tiny values": Smooth(lambda x: 1e-200 * x * x, lambda x: type(x)(2e-200) * x, -8, 8),
    "huge values": Smooth(lambda x: 1e200 * x**3, lambda x: type(x)(3e200) * x * x, -8, 8),
    "twentieth power": Smooth(lambda x: x**20, lambda x: 20 * x**19, -8, 8),
    "wave of 1e4": Smooth(lambda x: np.sin(1e4 * x), lambda x: 1e4 * np.cos(1e4 * x), -8, 0),
    "ripple on a line": Smooth(
        lambda x: x + 1e-3 * np.sin(1e3 * x),
        lambda x: 1 + 1e3 * type(x)(1e-3) * np.cos(1e3 * x),
        -6,
        1,
    ),
    "sine of 1/x": Smooth(lambda x: np.sin(1 / x), lambda x: -np.cos(1 / x) / x**2, -3, 4),
    "steep sigmoid": Smooth(
        lambda x: sigmoid(50 * x), lambda x: 50 * sigmoid(50 * x) * sigmoid(-50 * x), -4, -0.5
    ),
    "x / (1 + x)": Smooth(lambda x: x / (1 + x), lambda x: 1 / (1 + x) ** 2, -8, 4, True),
    "soft corner": Smooth(
        lambda x: np.sqrt(x * x + 1e-6), lambda x: x / np.sqrt(x * x + type(x)(1e-6)), -8, 8
    ),
    "narrow bell": Smooth(
        lambda x: np.exp(-((1e3 * x) ** 2)),
        lambda x: -2e6 * x * np.exp(-((1e3 * x) ** 2)),
        -7,
        -2.5,
    ),
    "log by subtraction": Smooth(lambda x: np.log(1 + x), lambda x: 1 / (1 + x), -2, 6, True),
    "roots by subtraction": Smooth(
        lambda x: np.sqrt(x + 1) - np.sqrt(x),
        lambda x: 1 / (2 * np.sqrt(x + 1)) - 1 / (2 * np.sqrt(x)),
        -3,
        3,
        True,
    ),
    "log-sum-exp": Smooth(
        lambda x: np.log(1 + np.exp(x) + np.exp(2 * x)),
        lambda x: (np.exp(x) + 2 * np.exp(2 * x)) / (1 + np.exp(x) + np.exp(2 * x)),
        -4,
        1.1,
    ),
    "well": Smooth(lambda x: x**-12 - x**-6, lambda x: -12 * x**-13 + 6 * x**-7, -0.5, 1, True),
    "nested exp": Smooth(
        lambda x: np.exp(np.exp(x)), lambda x: np.exp(np.exp(x)) * np.exp(x), -4, 0.3
    ),
    "nearly flat": Smooth(lambda x: 1 + (x - 1) ** 4, lambda x: 4 * (x - 1) ** 3, 0.2, 1, True),
    "damped wave": Smooth(
        lambda x: np.exp(-x) * np.cos(5 * x),
        lambda x: -np.exp(-x) * (np.cos(5 * x) + 5 * np.sin(5 * x)),
        -4,
        0.6,
    ),
}
WRONG = (1 + 1e-5, 1 - 1e-5)
VERY_WRONG = (0.0, -1.0, 2.0, 1.0009, 1 + 1e-4)


def points(n: int, seed: int) -> Iterator[tuple[str, Smooth, float]]:
    """n points of every function, uniform over its decades."""
    rng = np.random.default_rng(seed)
    for name, smooth in CORPUS.items():
        for _ in range(n):
            x = float(10 ** rng.uniform(smooth.low, smooth.high))
            yield name, smooth, x if smooth.positive or rng.random() < 0.5 else -x


class Tally(NamedTuple):
    """What was found over many points."""

    right: Counter[str]
    wrong: Counter[str]
    outside: list[str]
    inconclusive: list[str]
    called_ok: list[str]


def tally(n: int, seed: int, factors: tuple[float, ...]) -> Tally:
    result = Tally(Counter(), Counter(), [], [], [])
    with np.errstate(all="ignore"):
        for name, smooth, x in points(n, seed):
            truth = smooth.derivative(np.longdouble(x))
            claim = float(truth)
            report = check_grads(smooth.f, x, grad=lambda x, claim=claim: claim)
            row = report.rows[0]
            result.right[report.verdict] += 1
            if report.verdict == "inconclusive":
                result.inconclusive.append(f"{name} at {x:.17g}: {row.hints}")
            if not abs(np.longdouble(row.numeric) - truth) <= row.bar:
                result.outside.append(f"{name} at {x:.17g}: {truth}, {row.numeric} ± {row.bar}")
            for factor in factors:
                report = check_grads(smooth.f, x, grad=lambda x, g=claim * factor: g)
                result.wrong[report.verdict] += 1
                if report.ok:
                    result.called_ok.append(f"{name} at {x:.17g}, times {factor}")
    return result


def hold(found: Tally) -> None:
    """What the checker is held to."""
    total = sum(found.right.values())
    print(
        f"\nright gradients: {dict(found.right)}; wrong ones: {dict(found.wrong)}; "
        f"truth outside the bar: {len(found.outside)} of {total}",
        *found.inconclusive,
        *found.outside,
        sep="\n  ",
    )
    assert found.right.keys() <= {"ok", "inconclusive"}, found.right
    assert len(found.inconclusive) <= total / 100, found.inconclusive
    assert not found.called_ok, found.called_ok
    assert len(found.outside) <= total / 1000, found.outside


def test_the_corpus_has_sixty_functions() -> None:
    assert len(CORPUS) == 60


def test_right_gradients_pass_and_wrong_ones_fail_on_1800_points() -> None:
    found = tally(30, seed=0, factors=WRONG[:1])
    assert sum(found.right.values()) == 1800
    hold(found)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(1, 4))
def test_right_gradients_pass_and_all_kinds_of_wrong_ones_fail(seed: int) -> None:
    hold(tally(25, seed, WRONG + VERY_WRONG))
