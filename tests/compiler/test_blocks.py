"""Chains on large arrays: the same bits, in pieces, and little memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag


def chain(x: Any) -> Any:
    y = x
    for _ in range(4):
        y = np.tanh(y * 1.1 + 0.3) * np.exp(-y * y)
    return y


@pytest.mark.parametrize("shape", [(40_000,), (300, 211), (8192 * 5,)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_chain_gives_the_eager_bits(shape: tuple[int, ...], dtype: Any) -> None:
    program = ag.compile(lambda x: (chain(x), np.sum(x, axis=0)))
    program(np.ones(shape, dtype))
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    np.testing.assert_array_equal(program(x)[0], chain(x))
    assert "8192" in program.source or "4096" in program.source


@pytest.mark.parametrize("axis", [None, (0, 1), (-2, -1)])
@pytest.mark.parametrize("shape", [(300, 211), (8192, 8)])
def test_sums_are_made_piece_by_piece(shape: tuple[int, ...], axis: Any) -> None:
    """Whatever axes they name; what needs the sum comes after the chain."""

    def f(x: Any) -> Any:
        y = chain(x)
        total = np.sum(y, axis=axis)
        return total, y / total, np.sum(y * 2.0, axis=axis)

    program = ag.compile(f)
    program(np.ones(shape))
    x = np.random.default_rng(0).standard_normal(shape)
    for got, expected in zip(program(x), f(x), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert "_all[i] = add.reduce(" in program.source


def test_gradients_of_a_chain_and_of_a_strided_array() -> None:
    g = ag.value_and_grad(lambda x: np.sum(chain(x)))
    program = ag.compile(g)
    program(np.ones((250, 200)))
    x = np.asfortranarray(np.random.default_rng(0).standard_normal((250, 200)))
    (value, grad), (expected, expected_grad) = program(x), g(x)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(grad, expected_grad, rtol=1e-13, atol=1e-14)


def test_forward_steps_of_a_chain_still_warn() -> None:
    program = ag.compile(lambda x: np.log(x) * 2.0 + np.sqrt(x) * x)
    with pytest.warns(RuntimeWarning):
        program(np.zeros(70_000))


def test_a_chain_keeps_no_intermediate_whole() -> None:
    program = ag.compile(ag.grad(lambda x: np.sum(chain(x))))
    x = np.ones(1_000_000)
    program(x)
    tracemalloc.start()
    program(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.2 * x.nbytes
