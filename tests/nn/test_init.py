"""Initializers draw what their papers say, repeatably, in the dtype asked for."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nn import init

N_IN, N_OUT = 300, 200
STD = {
    "normal": 1.0,
    "uniform": 1 / math.sqrt(3),
    "xavier": math.sqrt(2 / (N_IN + N_OUT)),
    "he": math.sqrt(2 / N_IN),
}


def drawn(start: Any, **options: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(3)
    W, b = init.weights_and_bias(start, N_IN, N_OUT, rng=rng, **options)
    assert b is not None
    return W, b


@pytest.mark.parametrize("name", STD)
def test_weights_have_mean_0_and_the_deviation_of_their_rule(name: str) -> None:
    """60,000 draws: their deviation is known to 0.3 %."""
    W, _ = drawn(name)
    assert W.shape == (N_IN, N_OUT)
    assert W.mean() == pytest.approx(0, abs=4 * STD[name] / math.sqrt(W.size))
    assert W.std() == pytest.approx(STD[name], rel=0.02)


@pytest.mark.parametrize("rule", [init.xavier, init.he])
def test_the_uniform_form_has_the_same_deviation_and_ends(rule: Any) -> None:
    W, _ = drawn(functools.partial(rule, distribution="uniform"))
    assert W.std() == pytest.approx(STD[rule.__name__], rel=0.02)
    end = math.sqrt(3) * STD[rule.__name__]
    assert 0.99 * end < abs(W).max() <= end


def test_normal_draws_biases_too_as_the_lecture_says() -> None:
    _, b = drawn("normal")
    assert b.shape == (N_OUT,)
    assert b.std() == pytest.approx(1, rel=0.2)


@pytest.mark.parametrize("name", ["xavier", "he", "zeros"])
def test_biases_start_at_0(name: str) -> None:
    assert not drawn(name)[1].any()


def test_constants_are_the_same_everywhere() -> None:
    W, b = drawn(functools.partial(init.constant, value=0.5))
    assert set(W.ravel()) == set(b) == {0.5}
    assert set(drawn("constant")[0].ravel()) == {0.1}
    assert not drawn("zeros")[0].any()


def test_normal_takes_a_mean_and_a_deviation_and_uniform_its_ends() -> None:
    W = init.normal((100, 100), mean=5, std=0.1, rng=np.random.default_rng(0))
    assert W.mean() == pytest.approx(5, abs=0.01)
    assert W.std() == pytest.approx(0.1, rel=0.05)
    U = init.uniform((100, 100), low=2, high=3, rng=np.random.default_rng(0))
    assert 2 <= U.min() < 2.01 < 2.99 < U.max() < 3


@pytest.mark.parametrize("name", init.INITIALIZERS)
def test_one_seed_starts_both_dtypes_at_the_same_place(name: str) -> None:
    W64, b64 = drawn(name)
    W32, b32 = drawn(name, dtype=np.float32)
    assert W64.dtype == b64.dtype == np.float64
    assert W32.dtype == b32.dtype == np.float32
    np.testing.assert_array_equal(W64.astype(np.float32), W32)
    np.testing.assert_array_equal(b64.astype(np.float32), b32)


def test_layers_that_share_a_generator_start_differently() -> None:
    rng = np.random.default_rng(0)
    first, second = (init.weights_and_bias("he", 4, 4, rng=rng)[0] for _ in range(2))
    assert not np.array_equal(first, second)


def test_every_public_initializer_is_in_the_table() -> None:
    assert set(init.INITIALIZERS) == set(init.__all__) - {"weights_and_bias"}


def test_no_bias_is_none_and_draws_nothing() -> None:
    rng = np.random.default_rng(3)
    W, b = init.weights_and_bias("normal", N_IN, N_OUT, bias=False, rng=rng)
    assert b is None
    np.testing.assert_array_equal(W, drawn("normal")[0])


def test_a_function_of_ones_own_is_asked_for_both_shapes_and_its_array_is_copied() -> None:
    W0 = np.ones((2, 3), np.float32)

    def mine(shape: tuple[int, ...], rng: object, dtype: object) -> NDArray[Any]:
        return W0 if shape == (2, 3) else np.zeros(3)

    W, b = init.weights_and_bias(mine, 2, 3)
    assert b is not None
    assert W.dtype == np.float64
    W[:] = 7
    assert W0.max() == 1


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (("glorot", 2, 3), ValueError, "init is 'glorot', expected one of normal, zeros, constant"),
        ((None, 2, 3), ValueError, "init is None"),
        (("he", 0, 3), ValueError, "from 0 to 3 neurons: expected whole numbers"),
        (("he", "2", 3), ValueError, "from '2' to 3 neurons: expected whole numbers, at least 1"),
        (("he", 2, 3.0), ValueError, "from 2 to 3.0 neurons"),
        ((lambda shape, rng, dtype: np.ones(2), 2, 3), ValueError, r"shape \(2,\), expected \(2, "),
    ],
)
def test_what_is_no_start_is_refused(arguments: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        init.weights_and_bias(*arguments)


def test_integer_weights_are_refused() -> None:
    with pytest.raises(TypeError, match="dtype of weights is int64, expected a float dtype"):
        init.weights_and_bias("normal", 2, 3, dtype=np.int64)


def test_unknown_distributions_and_shapes_without_a_fan_are_refused() -> None:
    with pytest.raises(ValueError, match="'cauchy', expected 'normal' or 'uniform'"):
        init.he((2, 3), distribution="cauchy")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"shape is \(2, 3, 4\), expected \(n_in, n_out\)"):
        init.xavier((2, 3, 4))
