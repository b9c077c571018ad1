"""What a new user tries, and what must not pass unsaid: refused with a sentence, or right."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag


def leaf(value: Any, name: str | None = None) -> ag.Tensor:
    return ag.tensor(np.array(value, dtype=float), requires_grad=True, name=name)


class TestConstants:
    """What stands beside a tensor in an operation."""

    @pytest.mark.parametrize(
        "other",
        [
            np.array([1, 2.5, 3], dtype=object),
            np.timedelta64(3, "D"),
        ],
    )
    def test_other_dtypes_would_cut_the_gradient_off(self, other: Any) -> None:
        """Objects and times are refused with their dtype."""
        x = leaf([1.0, 2.0, 3.0])
        with pytest.raises(TypeError, match=r"np\.multiply: the result has dtype .*dtype=float"):
            np.multiply(x, other)
        with pytest.raises(TypeError, match=r"np\.multiply: the result has dtype "):
            np.multiply(other, x)

    @pytest.mark.parametrize("number", [Fraction(1, 3), Decimal(3)])
    def test_numbers_that_are_objects_to_numpy(self, number: Any) -> None:
        """An operator refuses them as Python does; a function says what to pass."""
        x = leaf([1.0, 2.0])
        with pytest.raises(TypeError, match="unsupported operand"):
            x * number
        with pytest.raises(TypeError, match=r"dtype object|multiply: .*Decimal"):
            np.multiply(x, number)

    @pytest.mark.parametrize("call", [lambda x, m: x * m, np.multiply, np.add])
    def test_masks_are_not_dropped(self, call: Any) -> None:
        """A masked array would lose its mask in the values or in the gradient."""
        masked = np.ma.array([1.0, 2.0], mask=[True, False])
        with pytest.raises(TypeError, match=r"np\.\w+: got a masked array.*np\.where"):
            call(leaf([1.0, 2.0]), masked)

    def test_masked_arrays_are_no_tensors(self) -> None:
        """Neither as data nor as the argument of a transform."""
        masked = np.ma.array([1.0, 2.0], mask=[True, False])
        with pytest.raises(TypeError, match="tensor: got a masked array"):
            ag.tensor(masked)
        with pytest.raises(TypeError, match=r"grad: got a masked array"):
            ag.grad(np.sum)(masked)

    @pytest.mark.filterwarnings("ignore:the matrix subclass")
    def test_a_matrix_is_an_array(self) -> None:
        """Its * is elementwise beside a tensor, and what comes out is a plain array."""
        x, m = leaf([1.0, 2.0]), np.matrix([[1.0, 2.0], [3.0, 4.0]])
        for y in (x * m, m * x):
            assert type(y.data) is np.ndarray
            np.testing.assert_array_equal(y.data, [[1, 4], [3, 8]])
        np.sum(x @ m).backward()
        np.testing.assert_array_equal(x.grad, [3, 7])
        assert type(x.grad) is np.ndarray

    def test_lists_stand_on_either_side(self) -> None:
        """Lists and tuples of numbers are arrays to an operator."""
        x = leaf([1.0, 2.0])
        for y in (x * [3, 4], [3, 4] * x, (3.0, 4.0) * x):
            np.testing.assert_array_equal(y.data, [3, 8])

    def test_a_list_of_tensors_names_stack(self) -> None:
        """NumPy would take the tensors for numbers."""
        x = leaf([1.0, 2.0])
        for use in (lambda: x * [x[0], x[1]], lambda: np.sum([x, x])):
            with pytest.raises(TypeError, match=r"np\.stack"):
                use()


class TestUsersOperations:
    """What a function under @ag.primitive must not do."""

    def test_ints_from_floats(self) -> None:
        """The gradient would end there unsaid."""
        whole = ag.primitive(vjp=(lambda g, y, x: g,))(lambda x: x.astype(int))
        assert whole(ag.tensor([1.5])).dtype == int
        with pytest.raises(TypeError, match=r"returned an array of dtype int64.*None"):
            whole(leaf([1.5]))
