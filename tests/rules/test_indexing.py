"""Indexing: all that NumPy's brackets read, and what it means for gradients."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd_lite as ag
from autograd_lite.rules.indexing import GETITEM, SLOT, scatter


def leaf(*shape: int, dtype: Any = np.float64) -> ag.Tensor:
    return ag.tensor(
        np.arange(1.0, 1 + np.prod(shape, dtype=int)).reshape(shape).astype(dtype),
        requires_grad=True,
    )


def gradient(y: ag.Tensor, x: ag.Tensor, g: Any) -> Any:
    """The gradient of x for the cotangent g of y; the recorded sweep's, checked to be the same."""
    (plain,) = ag.gradients(y, [x], g)
    (recorded,) = ag.gradients(y, [x], ag.tensor(g), create_graph=True)
    np.testing.assert_array_equal(plain, recorded.detach().numpy())
    assert plain.dtype == x.dtype
    return plain


def check_index(x: ag.Tensor, index: Any, plain_index: Any = None) -> None:
    """x[index] is NumPy's, its gradient what np.add.at writes into zeros."""
    plain_index = index if plain_index is None else plain_index
    y, expected = x[index], x.data[plain_index]
    np.testing.assert_array_equal(y.detach().numpy(), expected)
    assert y.dtype == x.dtype
    g = np.random.default_rng(0).standard_normal(np.shape(expected)).astype(x.dtype)
    zeros = np.zeros(x.shape, x.dtype)
    np.add.at(zeros, plain_index, g)
    np.testing.assert_allclose(gradient(y, x, g), zeros, rtol=1e-6 if x.dtype == "f4" else 1e-13)


INDICES = {
    "a number": 1,
    "a negative number": -1,
    "a NumPy integer": np.int32(2),
    "a slice": slice(1, 3),
    "a negative step": slice(None, None, -2),
    "newaxis and ellipsis": (None, Ellipsis, 1, None),
    "all": (),
    "ellipsis": Ellipsis,
    "a list": [0, 2, 0],
    "a nested list": [[0, 1], [1, 1]],
    "a tuple of lists": ([0, 2], [1, -1]),
    "a range": range(2),
    "an empty list": [],
    "an empty slice": slice(2, 2),
    "an array between slices": (slice(None), np.array([3, 1, 3]), slice(0, 1)),
    "arrays apart": (np.array([0, 1]), slice(None), np.array([1, 0])),
    "arrays that broadcast": (np.array([[0], [2]]), np.array([0, 3, 0])),
    "an array and a number": (np.array([0, 0, 1]), 2),
    "a mask": np.arange(24).reshape(3, 4, 2) % 5 == 0,
    "a mask of the first axis": np.array([True, False, True]),
    "a list of bools": [True, False, True],
    "a mask and a slice": (np.array([True, False, True]), slice(1, 3)),
    "a mask and integers": (np.array([True, False, True]), np.array([1, 1])),
    "one true and integers": (np.array([False, False, True]), np.array([1, 1, 1])),
    "a mask of two axes and a number": (np.arange(12).reshape(3, 4) % 2 == 0, 1),
    "a mask that is never true": np.zeros((3, 4), bool),
    "True": True,
    "False": False,
    "True and a list": (True, [0, 2, 2]),
    "a 0-d array": np.array(1),
    "unsigned integers": np.array([2, 0], np.uint8),
}


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_brackets_read_what_numpy_reads(name: str, dtype: Any) -> None:
    """The value is NumPy's, the gradient lands where the value came from, in the dtype of x."""
    check_index(leaf(3, 4, 2, dtype=dtype), INDICES[name])


@pytest.mark.parametrize(
    ("index", "plain"),
    [
        (ag.tensor(2), 2),
        ((ag.tensor(2), ag.tensor([0, 0])), (2, [0, 0])),
        (ag.tensor([True, False, True]), [True, False, True]),
        (slice(ag.tensor(1), ag.tensor(3)), slice(1, 3)),
        ([ag.tensor(0), ag.tensor(2)], [0, 2]),
        ((Ellipsis, ag.tensor(1)), (Ellipsis, 1)),
    ],
    ids=str,
)
def test_tensors_of_ints_and_bools_are_indices(index: Any, plain: Any) -> None:
    """Tensors index like the arrays they hold."""
    check_index(leaf(3, 4), index, plain)


def test_a_tensor_indexes_arrays_and_lists() -> None:
    """The other way round, a tensor of ints stands in an array's brackets and in a list's."""
    assert np.arange(5)[ag.tensor([1, 3])].tolist() == [1, 3]
    assert ["a", "b"][ag.tensor(1)] == "b"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_any_basic_index(data: st.DataObject) -> None:
    """Numbers, slices, newaxis and ellipsis in any order, on any shape, size 0 included."""
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4))
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    check_index(leaf(*shape), index)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_any_integer_arrays(data: st.DataObject) -> None:
    """Several integer arrays that broadcast, with what they repeat."""
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
    index = data.draw(hnp.integer_array_indices(shape))
    check_index(leaf(*shape), index)


def test_repeated_fancy_index_accumulates() -> None:
    """Of an element read three times, the gradient is the sum of three."""
    x = leaf(3)
    x[[0, 0, 2, 0]].backward(np.array([1.0, 10.0, 100.0, 1000.0]))
    assert x.grad.tolist() == [1011.0, 0.0, 100.0]


LARGE = {
    "rows in order": ((3000, 2), (np.arange(0, 3000, 2),)),
    "rows that repeat": ((40, 300), (np.arange(100) * 7 % 40,)),
    "rows from the back": ((3000, 2), (np.arange(-2000, -1),)),
    "rows from the back to the front": ((3000, 2), (np.arange(-1500, 1500),)),
    "one in each row": ((3000, 5), (np.arange(3000), np.arange(3000) % 5)),
    "columns that repeat": ((300, 7), (slice(None), np.array([1, 1, 6, 0]), None)),
    "a window": ((2000,), (np.arange(1990)[:, None] + np.arange(5),)),
    "rises, but broadcast": ((3000,), (np.arange(3000) * np.ones((2, 1), int),)),
}


@pytest.mark.parametrize("name", LARGE)
def test_large_scatters_add_up(name: str) -> None:
    """The short cuts for many elements give what np.add.at gives."""
    shape, index = LARGE[name]
    check_index(leaf(*shape), index)


def test_a_scatter_that_may_repeat_is_never_an_assignment() -> None:
    """The places 0 and -n are one: strictly rising numbers need not be different places."""
    n = 4096
    g = scatter(np.ones(2 * n), (np.arange(-n, n),), (SLOT,), (n,))
    np.testing.assert_array_equal(g, 2.0)


def test_a_mask_makes_the_shape_depend_on_values() -> None:
    """Only a mask that was computed does: its row is marked, so that a trace refuses it."""
    x = leaf(3)
    assert x[x > 1.0].node.plan.op.data_dependent
    assert not x[np.array([True, False, True])].node.plan.op.data_dependent
    assert not x[ag.tensor([0, 1])].node.plan.op.data_dependent


def test_index_errors_name_the_shapes() -> None:
    """An error says what was indexed."""
    with pytest.raises(IndexError, match=r"\(3, 4\).*out of bounds"):
        leaf(3, 4)[3]
    with pytest.raises(IndexError, match="integer"):
        leaf(3)[np.array([0.5])]
    with pytest.raises(IndexError, match=r"\(\).*too many indices"):
        ag.tensor(np.array(2.0), requires_grad=True)[[0, 0]]


@pytest.mark.parametrize("index", ["W1", 0.5, (0, "W1"), np.float64(1.0), {"W1": 0}])
def test_what_is_no_index_is_named(index: Any) -> None:
    """With all that are."""
    part = index[-1] if isinstance(index, tuple) else index
    message = re.escape(f"getitem: {part!r} is no index; a tensor is indexed by integers, slices")
    with pytest.raises(IndexError, match=message):
        leaf(3, 4)[index]


def test_iteration_runs_over_the_first_axis() -> None:
    """Rows, each with its gradient; a 0-d tensor has none."""
    x = leaf(2, 3)
    first, second = x
    (first.sum() + 3.0 * second.sum()).backward()
    assert x.grad.tolist() == [[1.0] * 3, [3.0] * 3]
    with pytest.raises(TypeError, match="0-d"):
        iter(leaf())


def test_slots_survive_copies() -> None:
    """The mark for an array in an index stays itself, so that saved programs find it."""
    assert pickle.loads(pickle.dumps(SLOT)) is SLOT
    assert copy.deepcopy(SLOT) is SLOT
    assert GETITEM.fn(np.arange(3.0), np.array([1]), index=(SLOT,)).tolist() == [1.0]


# --- ag.put


def test_put_leaves_its_argument_alone() -> None:
    """It is a copy, an array for arrays and a tensor for tensors."""
    x = np.zeros(3)
    assert ag.put(x, 1, 5.0).tolist() == [0.0, 5.0, 0.0]
    assert not x.any()
    assert isinstance(ag.put(x, 1, leaf()), ag.Tensor)


def test_put_replaces_and_its_gradient_goes_to_the_value() -> None:
    """What was replaced gets zero, what replaced it gets the rest."""
    x, v = leaf(2, 3), leaf(2)
    y = ag.put(x, (slice(None), 1), v)
    g = np.arange(6.0).reshape(2, 3)
    gx, gv = ag.gradients(y, [x, v], g)
    assert gx.tolist() == [[0.0, 0.0, 2.0], [3.0, 0.0, 5.0]]
    assert gv.tolist() == [1.0, 4.0]


def test_put_of_a_place_twice_counts_the_last() -> None:
    """As assignment does; the value that was overwritten gets no gradient."""
    x, v = leaf(3), leaf(3)
    y = ag.put(x, [0, 2, 0], v)
    np.testing.assert_array_equal(y.data, [3.0, 2.0, 2.0])
    assert gradient(y, v, np.array([1.0, 10.0, 100.0])).tolist() == [0.0, 100.0, 1.0]
    assert gradient(y, x, np.array([1.0, 10.0, 100.0])).tolist() == [0.0, 10.0, 0.0]


def test_put_with_add_accumulates() -> None:
    """x[index] += value, with repeated places added up."""
    x, v = leaf(3), leaf(3)
    y = ag.put(x, [0, 2, 0], v, add=True)
    np.testing.assert_array_equal(y.data, [5.0, 2.0, 5.0])
    g = np.array([1.0, 10.0, 100.0])
    assert gradient(y, v, g).tolist() == [1.0, 100.0, 1.0]
    assert gradient(y, x, g).tolist() == g.tolist()


def test_put_broadcasts_as_assignment_does() -> None:
    """A value is stretched to its place, and may have leading axes of length 1."""
    x, v, w = leaf(2, 3), leaf(1, 1, 3), leaf()
    y = ag.put(ag.put(x, slice(None), v), x.data > 3.0, w)
    assert gradient(y, v, np.ones((2, 3))).tolist() == [[[1.0, 1.0, 1.0]]]
    assert gradient(y, w, np.ones((2, 3))) == 3.0


def test_put_refuses_to_round() -> None:
    """Floats in an array of ints would lose their gradient, and their fraction."""
    with pytest.raises(TypeError, match=r"int64 cannot hold values of dtype float64"):
        ag.put(np.arange(3), 0, leaf())


def test_assignment_names_put() -> None:
    """x[index] = value raises and says what to write."""
    x: Any = leaf(3)
    with pytest.raises(TypeError, match=r"ag\.put"):
        x[0] = 1.0


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (np.put, ([0], 1.0)),
        (np.put_along_axis, (np.array([0]), 1.0, 0)),
        (np.place, (np.array([True, False, False]), [1.0])),
        (np.putmask, (np.array([True, False, False]), 1.0)),
        (np.copyto, (1.0,)),
    ],
)
def test_functions_that_write_in_place_are_refused(function: Any, args: Any) -> None:
    """On tensors, with or without grad, they raise and name what to use; the array is unchanged."""
    for x in (leaf(3), leaf(3).detach()):
        with pytest.raises(TypeError, match=r"ag\.put|np\.where"):
            function(x, *args)
        assert x.data.tolist() == [1.0, 2.0, 3.0]


def test_a_tensor_with_grad_is_not_written_into_an_array() -> None:
    """It would be detached; a constant may be written."""
    target = np.zeros(3)
    with pytest.raises(TypeError, match=r"ag\.put"):
        np.put(target, [0], leaf())
    np.put(target, [0], leaf().detach())
    assert target.tolist() == [1.0, 0.0, 0.0]


# --- take, choose, select


@pytest.mark.parametrize("mode", ["raise", "wrap", "clip"])
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_take_in_every_mode(mode: Any, axis: Any) -> None:
    """Indices out of range wrap or are clipped, as NumPy takes them."""
    indices = np.array([[0, 1], [1, -1]]) if mode == "raise" else np.array([[7, -5], [1, -1]])
    x = leaf(3, 2)
    for given_ in (indices, ag.tensor(indices), indices.tolist()):
        y = np.take(x, given_, axis=axis, mode=mode)
        np.testing.assert_array_equal(y.data, np.take(x.data, indices, axis=axis, mode=mode))
        assert gradient(y, x, np.ones(y.shape)).sum() == y.size


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16])
def test_many_indices_of_one_byte_into_long_axes(dtype: Any) -> None:
    """Rows are added up by their flat places, which one byte does not hold."""
    x, indices = leaf(8, 300), np.resize(np.array([3, 100, 3], dtype), 600)
    g = gradient(x[:, indices], x, np.ones((8, 600)))
    np.testing.assert_array_equal(g[:, [3, 100, 200]], [[400, 200, 0]] * 8)


@pytest.mark.parametrize("mode", ["raise", "wrap", "clip"])
def test_indices_of_one_byte_reach_into_long_arrays(mode: Any) -> None:
    """A uint8 is compared with a length of 300 as a whole number."""
    x = leaf(300)
    indices = np.array([3, 255], np.uint8)
    for y in (np.take(x, indices, mode=mode), np.take(x, ag.tensor(indices), mode=mode)):
        assert y.data.tolist() == x.data[indices].tolist()


@pytest.mark.parametrize("axis", [None, 0, -1])
def test_a_number_is_taken_from_as_an_array_of_one_element(axis: Any) -> None:
    """NumPy's take and compress find an axis where others find none."""
    x = ag.tensor(0.5, requires_grad=True)
    for f in (lambda x: np.take(x, [0, 0, -1], axis=axis), lambda x: np.compress([True], x, axis)):
        y = f(x)
        np.testing.assert_array_equal(y.data, f(x.data))
        assert ag.gradients(np.sum(y), x) == y.size
        with pytest.raises(np.exceptions.AxisError):
            np.take(x, 0, axis=1)


def test_take_refuses_what_it_does_not_know() -> None:
    """An unknown mode, and indices that are no integers, are named."""
    with pytest.raises(ValueError, match="mode='bounce'"):
        np.take(leaf(3), [0], mode="bounce")
    with pytest.raises(TypeError, match="float64"):
        np.take(leaf(3), np.array([0.5]))


def test_choose_gives_each_choice_its_part() -> None:
    """In modes wrap and clip too; out of range raises as in NumPy."""
    choices = [leaf(3), leaf(3), leaf(3)]
    a = np.array([0, 2, 4])
    for mode, picked in (("wrap", [0, 2, 1]), ("clip", [0, 2, 2])):
        y = np.choose(a, choices, mode=mode)
        grads = ag.gradients(y, choices, np.ones(3))
        np.testing.assert_array_equal(grads, np.arange(3)[:, None] == picked)
    with pytest.raises(ValueError, match="choose"):
        np.choose(a, choices)


def test_select_takes_the_first_condition_that_holds() -> None:
    """The later choices, and the default, get nothing there, even where they are nan."""
    x, y = leaf(3), leaf(3)
    result = np.select([x.data > 1, x.data > 2], [x, y], np.nan)
    np.testing.assert_array_equal(result.data, [np.nan, 2.0, 3.0])
    assert gradient(result, x, np.ones(3)).tolist() == [0.0, 1.0, 1.0]
    assert gradient(result, y, np.ones(3)).tolist() == [0.0, 0.0, 0.0]


# --- order


@pytest.mark.parametrize("function", [np.sort, lambda x: np.partition(x, 2)])
def test_sorting_follows_the_elements(function: Any) -> None:
    """SEMANTICS, sort and partition: each element takes its own part of the cotangent along."""
    x = ag.tensor([3.0, np.nan, -1.0, 2.0, 2.0], requires_grad=True)
    y = function(x)
    weights = np.arange(5.0)
    g = gradient(y, x, weights)
    for value, expected in zip(y.data, weights, strict=True):
        same = (x.data == value) | np.isnan(x.data) & np.isnan(value)
        assert expected in g[same]  # one of the equal ones


def test_argsort_is_a_tensor_of_ints() -> None:
    """It requires no grad and indexes."""
    x = leaf(3)[::-1]
    for order in (np.argsort(x), x.argsort(), np.argpartition(x, 1)):
        assert isinstance(order, ag.Tensor)
        assert order.dtype.kind == "i"
        assert not order.requires_grad
    assert x[np.argsort(x)].data.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("x", [-1.0, 0.0, 1.5, 2.0, 2.5])
@pytest.mark.parametrize("xp", [[0.0, 1.0, 2.0, 2.0], [0.0, 0.0, 1.0, 2.0]])
def test_interp_over_two_points_in_one_place(x: float, xp: list[float]) -> None:
    """The gradient goes to the point that NumPy reads, where a step of 0 would divide by 0."""
    fp = np.array([1.0, 2.0, 4.0, 8.0])
    g = ag.grad(lambda fp: np.interp(x, xp, fp))(fp)
    assert g @ fp == np.interp(x, xp, fp)
    assert g.sum() == 1


def test_interp_is_differentiable_in_fp_only() -> None:
    """Asking for more says so."""
    fp = leaf(3)
    y = np.interp([0.5, 2.0], [0.0, 1.0, 2.0], fp)
    assert gradient(y, fp, np.array([1.0, 1.0])).tolist() == [0.5, 0.5, 1.0]
    for x, xp, name in ((leaf(2), [0.0, 1.0], "x "), ([0.5], leaf(2), "xp ")):
        with pytest.raises(NotImplementedError, match=f"{name}.*fp only"):
            np.interp(x, xp, [1.0, 2.0])
