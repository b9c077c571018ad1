"""Pytrees: what a container is, and that nothing is lost on the way."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, namedtuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_lite as ag
from autograd_lite import pytree

Point = namedtuple("Point", "x y")

trees = st.recursive(
    st.integers() | st.floats(allow_nan=False) | st.text(max_size=2) | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
        | st.builds(Point, inner, inner)
    ),
    max_leaves=12,
)


@given(trees)
def test_there_and_back(tree: Any) -> None:
    """unflatten undoes flatten."""
    leaves, structure = pytree.flatten(tree)
    assert pytree.unflatten(structure, leaves) == tree
    assert structure.n_leaves == len(leaves) == len(pytree.names(structure))
    hash(structure)


def test_names_are_paths() -> None:
    """As a user writes them."""
    _, structure = pytree.flatten({"layers": [{"W": 1}], "p": Point(2, (3, None))})
    assert pytree.names(structure) == ["layers[0].W", "p.x", "p.y[0]"]


def test_map_takes_dicts_in_any_order() -> None:
    """The keys of the first tree decide."""
    assert pytree.map(lambda a, b: a - b, {"a": 1, "b": 2}, {"b": 20, "a": 10}) == {
        "a": -9,
        "b": -18,
    }


@pytest.mark.parametrize(
    ("tree", "other", "place"),
    [
        ({"a": 1}, {"b": 1}, "the top"),
        ({"a": [1, 2]}, {"a": [1]}, "a"),
        ([1, {"x": (1, 2)}], [1, {"x": 3}], r"\[1\].x"),
    ],
)
def test_map_names_the_place_of_a_difference(tree: Any, other: Any, place: str) -> None:
    """Not only that there is one."""
    with pytest.raises(ValueError, match=f"differ at {place}"):
        pytree.map(lambda a, b: a, tree, other)


def test_unflatten_counts() -> None:
    """Too many or too few leaves raise."""
    _, structure = pytree.flatten([1, 2])
    with pytest.raises(ValueError, match="3 leaves for a structure of 2"):
        pytree.unflatten(structure, [1, 2, 3])


def test_a_registered_class_and_its_subclasses() -> None:
    """register makes a class a container."""

    class Pair:
        def __init__(self, a: Any, b: Any, tag: str) -> None:
            self.a, self.b, self.tag = a, b, tag

    class Special(Pair):
        pass

    pytree.register(Pair, lambda p: ((p.a, p.b), (type(p), p.tag)), lambda m, c: m[0](*c, m[1]))
    g = ag.grad(lambda p: p.a * np.sum(p.b))(Special(2.0, np.ones(2), "t"))
    assert type(g) is Special
    assert (g.a, g.tag) == (2.0, "t")
    np.testing.assert_array_equal(g.b, [2, 2])


def test_ravel_refuses_another_length() -> None:
    """And says which it wants."""
    _, unravel = pytree.ravel({"a": np.ones(2), "b": 1.0})
    with pytest.raises(ValueError, match=r"\(3,\)"):
        unravel(np.ones(4))


def test_ravel_keeps_dtypes() -> None:
    """float32 leaves come back as float32."""
    vector, unravel = pytree.ravel([np.ones(2, np.float32), np.ones(1)])
    assert vector.dtype == np.float64
    assert unravel(vector)[0].dtype == np.float32


@pytest.mark.parametrize(
    "make",
    [dict, OrderedDict, lambda **kw: defaultdict(list, **kw)],
    ids=["dict", "Ordered", "default"],
)
def test_dicts_of_every_kind_keep_it(make: Any) -> None:
    """What a function gets and what comes back has the argument's class; tangents may be dicts."""
    tree = make(b=np.ones(2), a=2.0)

    def f(t: Any) -> Any:
        assert type(t) is type(tree)
        assert list(t) == ["b", "a"]
        extra = sum(t["missing"]) if isinstance(t, defaultdict) else 0.0
        return np.sum(t["b"] ** 2) * t["a"] + extra

    for g in (ag.grad(f)(tree), ag.hvp(f, (tree,), (dict(tree),))[1], ag.compile(ag.grad(f))(tree)):
        assert type(g) is type(tree)
        assert list(g) == ["b", "a"]
    assert ag.jvp(f, (tree,), ({"a": 1.0, "b": np.zeros(2)},))[1] == 2.0
    with pytest.raises(
        ValueError, match=r"pytrees differ at \[0\]: .* of b, a, got a dict of a, c"
    ):
        ag.jvp(f, (tree,), ({"a": 1.0, "c": np.zeros(2)},))
    assert ag.pytree.ravel(tree)[1](np.arange(3.0))["a"] == 2.0
