"""Random einsums: every operand's gradient is the transpose of the product in that operand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_lite as ag


def random_einsum(rng: np.random.Generator) -> tuple[str, list[Any]]:
    """Subscripts, with repeated letters, ellipses and lengths of 1 among them, and arrays."""
    letters = "abcd"[: rng.integers(1, 5)]
    sizes = {letter: int(rng.integers(1, 4)) for letter in letters}
    terms, arrays = [], []
    for _ in range(rng.integers(1, 4)):
        term = "".join(rng.choice(list(letters), rng.integers(0, 4)))
        shape = [1 if rng.random() < 0.1 else sizes[letter] for letter in term]
        if rng.random() < 0.3:
            term, shape = term + "...", [*shape, *(1, 2)[: rng.integers(0, 3)]]
        terms.append(term)
        arrays.append(rng.standard_normal(shape))
    subscripts = ",".join(terms)
    if rng.random() < 0.7:
        used = sorted(set(subscripts) - {",", "."})
        output = list(rng.permutation(used)[: rng.integers(0, len(used) + 1)]) if used else []
        subscripts += "->" + "".join([*output, "..."] if "..." in subscripts else output)
    return subscripts, arrays


@pytest.mark.parametrize("seed", range(100))
def test_gradients_of_random_einsums(seed: int) -> None:
    """⟨g, einsum(…, d, …)⟩ = ⟨gradient, d⟩ for a direction d in the place of any operand."""
    rng = np.random.default_rng(seed)
    while True:
        subscripts, arrays = random_einsum(rng)
        try:
            expected = np.einsum(subscripts, *arrays)
        except ValueError:  # NumPy refuses it: lengths that do not fit
            continue
        break
    leaves = [ag.tensor(x, requires_grad=True) for x in arrays]
    y = np.einsum(subscripts, *leaves)
    np.testing.assert_array_equal(y.data, expected)
    g = rng.standard_normal(expected.shape)
    for i, gradient in enumerate(ag.gradients(y, leaves, g)):
        direction = rng.standard_normal(arrays[i].shape)
        along = np.einsum(subscripts, *arrays[:i], direction, *arrays[i + 1 :])
        assert np.sum(gradient * direction) == pytest.approx(
            np.sum(g * along), rel=1e-10, abs=1e-10
        )
