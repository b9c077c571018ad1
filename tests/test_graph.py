"""Tensors and backward(): SEMANTICS' "Graphs and calls", sentence by sentence."""

from __future__ import annotations

import asyncio
import copy
import gc
import multiprocessing
import operator
import os
import pickle
import subprocess
import sys
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite.sweep import ancestors


def leaf(value: Any, name: str | None = None) -> ag.Tensor:
    return ag.tensor(np.array(value, dtype=float), requires_grad=True, name=name)


def leaf_of(array: np.ndarray[Any, Any], name: str) -> ag.Tensor:
    """A leaf that shows this very array."""
    return ag.tensor(array, requires_grad=True, name=name)


def changing(y: Any, t: ag.Tensor) -> Any:
    t.data *= 2
    return y


class TestData:
    """What a tensor holds."""

    def test_an_array_is_not_copied(self) -> None:
        """The tensor shows the caller's array."""
        a = np.ones(3)
        assert ag.tensor(a).data is a

    def test_data_is_always_an_array(self) -> None:
        """0-d for scalars, also for computed ones."""
        x = leaf(2.0)
        for t in (x, x * x, ag.tensor(3.0), np.sum(leaf([1.0, 2.0]))):
            assert type(t.data) is np.ndarray
            assert t.data.shape == ()

    def test_python_floats_become_float64(self) -> None:
        """Lists and numbers too; dtype= and arrays say otherwise."""
        assert ag.tensor([1.0, 2.0]).dtype == np.float64
        assert ag.tensor(1.0, dtype=np.float32).dtype == np.float32
        assert ag.tensor(np.float32(1)).dtype == np.float32
        assert ag.tensor([1, 2]).dtype == np.int64

    def test_numpy_is_a_read_only_view(self) -> None:
        """.numpy() shares memory and cannot be written through."""
        x = leaf([1.0, 2.0])
        view = x.numpy()
        assert np.shares_memory(view, x.data)
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 3

    def test_text_never_refuses(self) -> None:
        """repr, str, format and bool of a tensor that requires grad."""
        x = leaf(1.5, "x")
        assert repr(x) == "tensor(1.5, name='x', requires_grad=True)"
        assert repr(x * 2) == "tensor(3., from=multiply)"
        assert str(leaf([1.0, 2.0])) == "[1. 2.]"
        assert f"{x:.2f}" == "1.50"
        assert bool(x)

    def test_complex_is_refused(self) -> None:
        """With the sentence that says so."""
        with pytest.raises(TypeError, match="real"):
            ag.tensor(1j)
        with pytest.raises(TypeError, match="complex"):
            leaf(1.0) * 1j

    @pytest.mark.parametrize("data", [3, [1, 2], True, np.arange(3)])
    def test_ints_cannot_require_grad(self, data: Any) -> None:
        """And the error says to use a float dtype."""
        with pytest.raises(TypeError, match="dtype=float"):
            ag.tensor(data, requires_grad=True)

    def test_hash_is_identity_and_equality_elementwise(self) -> None:
        """So tensors can be dict keys."""
        x, y = leaf([1.0, 2.0]), leaf([1.0, 3.0])
        assert len({x: 1, y: 2}) == 2
        np.testing.assert_array_equal((x == y).data, [True, False])

    def test_comparisons_are_masks(self) -> None:
        """Bool tensors without grad work in if, as indices into arrays and lists, and in range."""
        x = leaf([1.0, -2.0, 3.0])
        mask = x > 0
        assert mask.dtype == bool
        assert not mask.requires_grad
        np.testing.assert_array_equal(np.arange(3)[mask], [0, 2])
        i = np.argmax(x)
        assert [10, 20, 30][i] == 30
        assert list(range(i)) == [0, 1]
        if x[0] > 0:
            return
        pytest.fail("a true scalar comparison must be true")


class TestBackward:
    """What backward() leaves in the leaves."""

    def test_it_adds_into_grad(self) -> None:
        """A second call adds; zero_grad and None clear."""
        x = leaf([1.0, 2.0])
        y = np.sum(x * x)
        y.backward()
        y.backward()
        np.testing.assert_array_equal(x.grad, [4, 8])
        x.zero_grad()
        assert x.grad is None

    def test_interior_cotangents_are_not_kept(self) -> None:
        """Unless retain_grad asks for them; a second backward on one graph is right."""
        x = leaf([1.0, 2.0])
        h = x * 3
        y = np.sum(h * h)
        y.backward()
        assert h.grad is None
        h.retain_grad()
        y.backward()
        np.testing.assert_array_equal(h.grad, [6, 12])
        np.testing.assert_array_equal(x.grad, 2 * np.array([18, 36]))

    def test_retain_graph_false_frees(self) -> None:
        """A later backward says so."""
        x = leaf([1.0])
        y = np.sum(x * x)
        y.backward(retain_graph=False)
        with pytest.raises(RuntimeError, match="freed"):
            y.backward()
        np.testing.assert_array_equal(x.grad, [2])

    def test_non_scalars_need_a_cotangent(self) -> None:
        """And the error offers the ways out; size 1 is accepted."""
        x = leaf([1.0, 2.0])
        with pytest.raises(ValueError, match=r"\.sum\(\).*gradient=.*jacobian"):
            (x * 2).backward()
        (x[:1] * 2).backward()
        np.testing.assert_array_equal(x.grad, [2, 0])

    def test_a_cotangent_is_never_broadcast(self) -> None:
        """A wrong shape raises."""
        x = leaf([1.0, 2.0])
        with pytest.raises(ValueError, match=r"\(2,\).*\(\)"):
            (x * 2).backward(1.0)

    def test_nothing_to_sweep(self) -> None:
        """backward() on a constant says that nothing was recorded."""
        with pytest.raises(RuntimeError, match="does not require grad"):
            ag.tensor(1.0).backward()

    def test_all_or_nothing(self) -> None:
        """Where a rule raises in mid-sweep no leaf is changed."""

        @ag.primitive(vjp=(lambda g, y, x: 1 / 0,))
        def broken(x: Any) -> Any:
            return x * 1.0

        a, b = leaf([1.0]), leaf([2.0])
        h = broken(a)
        y = np.sum(h + b * 2)
        with pytest.raises(ZeroDivisionError) as caught:
            y.backward()
        assert any("broken" in note for note in caught.value.__notes__)
        assert a.grad is None
        assert b.grad is None

    @pytest.mark.parametrize("create_graph", [False, True])
    @pytest.mark.parametrize("culprit", [0, 1, 2, 3])
    def test_all_or_nothing_of_sums(self, culprit: int, create_graph: bool) -> None:
        """Where an addition raises, every .grad is the object that it was, numbers included."""

        class Unaddable:
            def __add__(self, other: Any) -> Any:
                raise MemoryError

        leaves = [ag.tensor(1.0, requires_grad=True) for _ in range(4)]
        a, b, c, d = leaves
        h = a + b
        h.retain_grad()
        y = h + (c + d)
        y.backward()
        leaves[culprit].grad = Unaddable()
        leaves[culprit - 1].grad = None
        before = [x._grad for x in (*leaves, h)]
        with pytest.raises((MemoryError, TypeError)):
            y.backward(create_graph=create_graph)
        assert all(x._grad is g for x, g in zip((*leaves, h), before, strict=True))

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("before", [None, 100.0])
    def test_a_tensor_whose_data_were_replaced_gets_the_gradients_of_all(
        self, before: float | None, dtype: Any
    ) -> None:
        """Two forward passes of different arrays of it, and one backward pass over both."""
        x = leaf([1.0, 2.0])
        x.grad = None if before is None else np.full(2, before)
        first = x * 2.0
        x.data -= 1.0
        x.data = np.ones(2, dtype)
        second = x * 3.0
        x.data = np.ones(2)
        (np.sum(first) + np.sum(second) + np.sum(x * 5.0)).backward()
        wanted = (before or 0.0) + 10.0
        np.testing.assert_array_equal(x.grad, [wanted, wanted])

    def test_a_function_under_a_transform_may_call_it(self) -> None:
        """What the function is given are leaves with a .grad of their own."""

        def f(x: Any) -> Any:
            y = np.sum(x * x)
            y.backward()
            np.testing.assert_array_equal(x.grad, [2.0, 4.0])
            return y

        x = np.array([1.0, 2.0])
        np.testing.assert_array_equal(ag.grad(f)(x), [2.0, 4.0])

    def test_gradients_share_no_memory(self) -> None:
        """Not with each other, nor the cotangent, nor the inputs."""
        x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
        seed = np.ones(2)
        (x + y).backward(seed)
        arrays = [x.grad, y.grad, seed, x.data, y.data]
        for i, a in enumerate(arrays):
            for b in arrays[i + 1 :]:
                assert not np.shares_memory(a, b)
        x.grad[0] = 7
        assert seed[0] == 1

    def test_gradients_are_writable_and_whole(self) -> None:
        """A broadcast view would be read-only."""
        x = leaf(np.ones((2, 3)))
        np.sum(x).backward()
        x.grad += 1
        np.testing.assert_array_equal(x.grad, np.full((2, 3), 2.0))

    def test_two_runs_are_bit_identical(self) -> None:
        """The order of accumulation is that of creation."""
        rng = np.random.default_rng(0)
        data = rng.standard_normal((20, 20))

        def run() -> Any:
            x = leaf(data)
            h = x
            for _ in range(5):
                h = np.tanh(h @ x) + h
            np.sum(h).backward()
            return x.grad

        np.testing.assert_array_equal(run(), run())

    def test_create_graph_gives_tensors(self) -> None:
        """.grad can then be differentiated."""
        x = leaf(2.0)
        (x**3).backward(create_graph=True)
        g = x.grad
        assert isinstance(g, ag.Tensor)
        x.zero_grad()
        g.backward()
        assert x.grad == 12.0

    def test_float32_with_float64(self) -> None:
        """A float32 parameter times a float64 array still gets a float32 gradient."""
        w = ag.tensor(np.ones(3, np.float32), requires_grad=True)
        np.sum(w * np.arange(3.0)).backward()
        assert w.grad.dtype == np.float32
        assert (w * 2.0).dtype == np.float32


class TestDetaching:
    """Nothing detaches silently."""

    @pytest.mark.parametrize(
        "use",
        [
            float,
            np.asarray,
            lambda t: np.array([t, t]),
            lambda t: np.ones(1).dot(t),
            lambda t: np.full(3, t),
            int,
        ],
    )
    def test_conversions_name_the_fix(self, use: Any) -> None:
        """float, asarray, array of tensors, ndarray.dot, full."""
        with pytest.raises(TypeError, match=r"detach.*\.item\(\).*np\.stack.*ag\.put"):
            use(leaf([1.0])[0] if use is not np.asarray else leaf([1.0]))

    def test_setting_an_element_of_an_array(self) -> None:
        """NumPy turns the refusal into its own ValueError, whose cause names the fix."""
        a = np.zeros(2)
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            a[0] = leaf(1.0)
        assert "ag.put" in str(caught.value.__cause__)

    def test_constants_just_work(self) -> None:
        """Without requires_grad all of it is allowed."""
        c = ag.tensor([1.0, 2.0])
        assert float(c[0]) == 1.0
        np.testing.assert_array_equal(np.asarray(c), [1, 2])
        np.testing.assert_array_equal(np.array([c, c]), [[1, 2], [1, 2]])

    def test_rebinding(self) -> None:
        """x += y rebinds, except on a leaf that requires grad; array += t and out= raise."""
        x = leaf([1.0])
        h = x * 1
        before = h
        h += 2
        assert h is not before
        np.testing.assert_array_equal(before.data, [1])
        with pytest.raises(TypeError, match=r"x\.data \+= .*y = x \+"):
            x += 1
        a = np.zeros(1)
        with pytest.raises(TypeError, match="existing array"):
            a += h
        with pytest.raises(TypeError, match="existing array"):
            np.add(h, 1, out=a)
        with pytest.raises(TypeError, match=r"ag\.put"):
            h[0] = 1

    @pytest.mark.parametrize(
        "name", ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"]
    )
    def test_every_assignment_of_an_operator_rebinds(self, name: str) -> None:
        """It gives what the operator gives, and a leaf that requires grad raises for each."""
        assign, compute = getattr(operator, f"i{name}"), getattr(operator, name)
        x, other = leaf([[1.0, 2.0], [3.0, 4.0]]), np.array([[2.0, 1.0], [1.0, 3.0]])
        h = x + 0.5
        before = h
        h = assign(h, other)
        assert h is not before
        np.testing.assert_array_equal(h.data, compute(before, other).data)
        with pytest.raises(TypeError, match=r"rebind the name to a computed tensor"):
            assign(x, other)
        with pytest.raises(TypeError, match="unsupported operand"):
            assign(before, None)
        constant = x.detach()
        assert not assign(constant, other).requires_grad

    def test_no_rule(self) -> None:
        """An op without a rule raises when recorded, and gives its plain result on constants."""
        with pytest.raises(NotImplementedError, match=r"np\.i0 .*@ag\.primitive"):
            np.i0(leaf([1.0]))
        assert type(np.i0(ag.tensor([1.0]))) is np.ndarray
        with pytest.raises(NotImplementedError, match="complex"):
            np.fft.rfft(leaf([1.0, 2.0]))

    def test_unknown_parameters_are_refused(self) -> None:
        """By name, with what is allowed."""
        with pytest.raises(TypeError, match=r"np\.exp.*'where'"):
            np.exp(leaf([1.0]), where=np.array([True]))

    def test_shape_errors_name_the_tensors(self) -> None:
        """Operation, names, shapes."""
        A1, W2 = leaf(np.ones((5, 3)), "A1"), leaf(np.ones((4, 2)), "W2")
        with pytest.raises(ValueError, match=r"matmul: A1 \(5, 3\) @ W2 \(4, 2\)"):
            A1 @ W2


class TestInPlace:
    """A change between forward and backward is found."""

    def test_a_step_through_data(self) -> None:
        """x.data -= … marks the graph that read x as stale, and only that."""
        x, c = leaf([1.0, 2.0], "x"), leaf([1.0, 1.0])
        y = np.sum(x * x)
        z = np.sum(x + c)
        x.data -= 0.5
        with pytest.raises(RuntimeError, match=r"x of shape \(2,\) was changed"):
            y.backward()
        z.backward()
        np.testing.assert_array_equal(x.grad, [1, 1])

    @pytest.mark.parametrize(
        "view",
        [
            lambda W: W.T,
            lambda W: W[0],
            lambda W: W.reshape(-1),
            lambda W: np.squeeze(W)[..., None],
            lambda W: np.diagonal(W),
            lambda W: np.flip(np.einsum("ij->ji", W)[1:]),
        ],
    )
    def test_a_step_is_seen_through_views(self, view: Any) -> None:
        """A rule that reads a slice or the transpose of x reads x's memory."""
        W = leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "W")
        h = view(W)
        y, z = np.sum(h * h), np.sum(h + 1.0)
        W.data -= 1.0
        with pytest.raises(RuntimeError, match=r"W of shape \(2, 3\) was changed.*np\.multiply"):
            y.backward()
        z.backward()
        assert W.grad is not None

    def test_a_step_is_seen_where_no_gradient_is_asked_of_its_tensor(self) -> None:
        """Another input's rule reads it, in ag.gradients and in a pullback."""
        W, v = leaf([1.0, 2.0], "W"), leaf([3.0, 4.0])
        y = np.sum(W * v)
        _, pullback = ag.vjp(lambda u: u * W, np.array([3.0, 4.0]))
        W.data -= 1.0
        with pytest.raises(RuntimeError, match="W of shape"):
            ag.gradients(y, [v])
        with pytest.raises(RuntimeError, match="W of shape"):
            pullback(np.ones(2))

    def test_a_leaf_changed_and_used_often_is_looked_up_once(self) -> None:
        """A sweep that reads nothing of it stays linear."""
        x = leaf([1.0])
        h = x
        for _ in range(5000):
            h = h + x
        x.data += 1.0
        h.backward()
        assert x.grad == [5001.0]

    def test_replacing_the_array_leaves_old_graphs_right(self) -> None:
        """The old graph holds the old array."""
        x = leaf([1.0, 2.0])
        y = np.sum(x * x)
        x.data = np.zeros(2)
        y.backward()
        np.testing.assert_array_equal(x.grad, [2, 4])

    def test_gradients_added_up_have_the_dtype_of_the_data(self) -> None:
        """Also where earlier ones were of the array that the data were before."""
        for first, then in ((np.float64, np.float32), (np.float32, np.float64)):
            x = ag.tensor(np.ones(2, first), requires_grad=True)
            old = np.sum(x * x)
            np.sum(x * x).backward()
            x.data = np.ones(2, then)
            np.sum(x * x).backward()
            assert x.grad.dtype == then
            old.backward()
            np.testing.assert_array_equal(x.grad, np.full(2, 6, then), strict=True)

    @pytest.mark.parametrize(
        ("b", "f"),
        [
            (lambda A: leaf_of(A, "b"), lambda a, b: a * a),  # the same memory, not in the graph
            (lambda A: leaf_of(A[::-1], "b"), lambda a, b: a * a),
            (lambda A: ag.tensor(A, name="b"), lambda a, b: a * a),
            (lambda A: leaf([3.0, 4.0], "b"), lambda a, b: a * b.data),
            (lambda A: ag.tensor([3.0, 4.0], name="b"), lambda a, b: a * b),
            (lambda A: ag.tensor([3.0, 4.0], name="b"), lambda a, b: a * b[::-1]),
        ],
    )
    def test_a_change_by_another_tensor_is_found(self, b: Any, f: Any) -> None:
        """One of the same memory, or a constant: all that a rule reads is looked at."""
        A = np.array([1.0, 2.0])
        for sweeps in (0, 30):
            a, other = leaf_of(A, "a"), b(A)
            for _ in range(sweeps):  # the next of which would be a written one
                np.sum(f(a, other)).backward()
            a.zero_grad()
            y = np.sum(f(a, other))
            other.data *= 2
            with pytest.raises(RuntimeError, match=r"b of shape .* was changed in place after"):
                y.backward()
            assert a.grad is None
        inside = b(A)
        with pytest.raises(RuntimeError, match=r"b of shape .* was changed in place after"):
            ag.grad(lambda a: changing(np.sum(f(a, inside)), inside))(A)

    def test_memory_that_no_array_owns_is_looked_at_too(self) -> None:
        """Of two arrays of one buffer, only one of which changed through a tensor."""
        buffer = bytearray(np.array([1.0, 2.0]).tobytes())
        a, b = (leaf_of(np.frombuffer(buffer), name) for name in "ab")
        y = np.sum(a * a)
        b.data *= 2
        with pytest.raises(RuntimeError, match=r"b of shape .* was changed in place after"):
            y.backward()

    def test_what_lies_between_is_not_shared(self) -> None:
        """Columns of one matrix, and arrays that died and whose memory others got."""
        M = np.ones((100, 6))
        a, b = leaf_of(M[:, :3], "a"), leaf_of(M[:, 3:], "b")
        y = np.sum(a * a)
        b.data *= 2
        ag.tensor(np.ones(100_000)).data *= 2  # gone at once
        y.backward()
        np.testing.assert_array_equal(a.grad, np.full((100, 3), 2.0))

    def test_what_changed_is_forgotten_with_its_tensor(self) -> None:
        """Leaves and constants alike."""
        from autograd_lite import changes

        gc.collect()
        before = len(changes._LEAVES), len(changes._CONSTANTS)
        for _ in range(100):
            leaf([1.0]).data *= 2
            ag.tensor([1.0]).data *= 2
        assert (len(changes._LEAVES), len(changes._CONSTANTS)) == before

    def test_debug_finds_any_change(self) -> None:
        """Under ag.debug() also one through the array itself; it names tensor and line."""
        x = leaf([1.0, 2.0], "x")
        with ag.debug():
            y = np.sum(x * x)
            x.data[...] = 5
            with pytest.raises(RuntimeError, match=r"x of shape.*test_graph\.py:\d+"):
                y.backward()

    def test_bad_data_changes_nothing(self) -> None:
        """A wrong shape or dtype is refused and the old data stay."""
        x = leaf([1.0, 2.0])
        with pytest.raises(ValueError, match=r"shape \(2,\)"):
            x.data = np.zeros(3)
        with pytest.raises(ValueError, match="dtype"):
            x.data = np.zeros(2, int)
        np.testing.assert_array_equal(x.data, [1, 2])


class TestDebug:
    """ag.debug() finds the first non-finite value."""

    def test_forward(self) -> None:
        """The op, its inputs' ranges and its line."""
        x = leaf([1.0, -1.0], "x")
        with (
            ag.debug(),
            np.errstate(all="ignore"),
            pytest.raises(FloatingPointError, match=r"np\.log gave nan.*test_graph\.py:\d+.*x of"),
        ):
            np.log(x)

    def test_backward(self) -> None:
        """The op whose rule did it."""
        x = leaf([0.0, 1.0], "x")
        with ag.debug(), pytest.raises(FloatingPointError, match=r"np\.sqrt.*test_graph\.py:\d+"):
            np.sum(np.sqrt(x)).backward()

    def test_where_names_the_branch_and_the_mend(self) -> None:
        """where(x > 0, sqrt(x), 0) at 0 is nan: the double where mends it."""
        x = leaf([0.0, 1.0], "x")
        with ag.debug(), pytest.raises(FloatingPointError, match=r"np\.where.*branch"):
            np.sum(np.where(x > 0, np.sqrt(x), 0.0)).backward()

    def test_a_users_operation_of_that_name_has_no_branches(self) -> None:
        """Rows are told apart by their functions, not by their names."""

        @ag.primitive(vjp=lambda g, y, x: g)
        def where(x: Any) -> Any:
            return x

        with ag.debug(), pytest.raises(FloatingPointError, match=r"vjp of np\.sqrt") as caught:
            np.sum(where(np.sqrt(leaf([0.0, 1.0])))).backward()
        assert "branch" not in str(caught.value)


class TestCopies:
    """Pickling, deepcopy, fork."""

    def test_pickled_as_leaves(self) -> None:
        """However deep the graph behind."""
        x = leaf([1.0, 2.0], "x")
        h = x
        for _ in range(20_000):
            h = h + 1
        back = pickle.loads(pickle.dumps(h))
        assert back.is_leaf
        assert back.requires_grad
        np.testing.assert_array_equal(back.data, h.data)
        again = copy.deepcopy(x)
        assert again.name == "x"
        assert not np.shares_memory(again.data, x.data)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
    @pytest.mark.filterwarnings("ignore:.*fork")  # of libraries that have threads running
    def test_fork(self) -> None:
        """A forked process records and sweeps on its own."""
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        x = leaf([1.0, 2.0])
        h = np.exp(x)
        child = context.Process(target=lambda: (np.sum(h).backward(), queue.put(x.grad.tolist())))
        child.start()
        result = queue.get(timeout=30)
        child.join()
        np.testing.assert_allclose(result, np.exp([1.0, 2.0]))
        assert x.grad is None

    def test_asyncio_tasks_have_their_own_modes(self) -> None:
        """no_grad in one task leaves another recording."""

        async def recording() -> bool:
            await asyncio.sleep(0)
            return bool((leaf(1.0) * 2).requires_grad)

        async def silent() -> bool:
            with ag.no_grad():
                await asyncio.sleep(0.001)
                return bool((leaf(1.0) * 2).requires_grad)

        async def both() -> Any:
            return await asyncio.gather(silent(), recording())

        assert asyncio.run(both()) == [False, True]

    def test_no_grad_ends_with_an_exception(self) -> None:
        """The mode is restored."""
        with pytest.raises(KeyError), ag.no_grad():
            raise KeyError
        assert (leaf(1.0) * 2).requires_grad


class TestScale:
    """Depth is no limit."""

    def test_a_deep_chain(self) -> None:
        """Built, swept and freed without recursion."""
        x = leaf(1.0)
        h = x
        for _ in range(200_000):
            h = h + 1.0
        h.backward()
        assert x.grad == 1.0

    def test_sixty_doublings_visit_sixty_nodes(self) -> None:
        """Shared subgraphs are swept once."""
        x = leaf(1.0)
        h = x
        for _ in range(60):
            h = h + h
        h.backward()
        assert x.grad == 2.0**60

    def test_a_node_with_many_uses(self) -> None:
        """Its cotangent adds up in place."""
        x = leaf(np.ones(3))
        total = ag.tensor(np.zeros(3))
        for _ in range(20_000):
            total = total + x
        np.sum(total).backward()
        np.testing.assert_array_equal(x.grad, [20_000.0] * 3)

    def test_the_collector_is_not_needed(self) -> None:
        """With the collector off, everything dies with the loss."""
        gc.collect()
        gc.disable()
        try:
            x = leaf(np.ones(10))
            h = np.tanh(x)
            seen = weakref.ref(h)
            node = weakref.ref(h.data)
            loss = np.sum(h * h)
            loss.backward()
            del h, loss
            assert seen() is None
            assert node() is None
        finally:
            gc.enable()

    def test_values_no_rule_reads_are_not_kept(self) -> None:
        """A chain of additions holds no array."""
        x = leaf(np.ones(100_000))
        tracemalloc.start()
        h = x
        for _ in range(20):
            h = h + 1.0
        kept = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert kept < 3 * x.data.nbytes


def test_import_needs_numpy_alone() -> None:
    """The core imports no other package; extras are imported when called."""
    code = (
        "import sys; import numpy; before = set(sys.modules); import autograd_lite; "
        "new = {m.split('.')[0] for m in set(sys.modules) - before}; "
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "['autograd_lite']"


class TestParts:
    """Cotangents of parts are added in place: many rows cost no array of the whole each."""

    def test_rows_cost_one_array_of_zeros(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """However many rows a matrix is taken apart into."""
        whole = []
        zeros = np.zeros

        def counted(shape: Any, *args: Any, **kwargs: Any) -> Any:
            whole.append(shape)
            return zeros(shape, *args, **kwargs)

        X = leaf(np.arange(600.0).reshape(200, 3))
        total = sum((i * (row * row).sum() for i, row in enumerate(X)), start=0.0)
        monkeypatch.setattr(np, "zeros", counted)
        total.backward()
        assert whole.count((200, 3)) == 1
        np.testing.assert_array_equal(X.grad, 2.0 * np.arange(200.0)[:, None] * X.data)

    @pytest.mark.parametrize("interior", [False, True])
    def test_parts_and_wholes_add_up(self, interior: bool) -> None:
        """Rows, slices, repeated places, masks and the whole tensor, in any order."""
        rng = np.random.default_rng(0)
        X = leaf(rng.standard_normal((5, 4)))
        index: list[Any] = [
            0, -1, slice(None, None, -2), ([1, 1, 3],), (slice(None), [0, 0]), X.data > 0,
            Ellipsis, None, (np.array([[4], [4]]), np.array([0, 0])), True,
        ]  # fmt: skip
        rng.shuffle(index)
        x, total, expected = (X * 1.0 if interior else X), 0.0, np.zeros((5, 4))
        for k, at in enumerate(index):
            part = x[at]
            w = rng.standard_normal(part.shape)
            total = total + (part * w).sum() + (x * k).sum()
            np.add.at(expected, at, w)
            expected += k
        total.backward()
        np.testing.assert_allclose(X.grad, expected, rtol=1e-13)

    def test_what_arrives_first_is_not_written_into(self) -> None:
        """A cotangent that two tensors share is copied before a part is added to it."""
        x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
        a, b = x * 1.0, y * 1.0
        total = (a[0] + a[1]) + (a + b).sum()
        seed = np.array(1.0)
        total.backward(seed)
        np.testing.assert_array_equal(x.grad, [2.0, 2.0])
        np.testing.assert_array_equal(y.grad, [1.0, 1.0])
        assert seed == 1.0

    def test_recorded_rows_are_gathered_by_one_operation(self) -> None:
        """In a second sweep, and in a program: no array of the whole for each row."""
        X = leaf(np.arange(600.0).reshape(200, 3))
        y = sum((i * (row**3).sum() for i, row in enumerate(X)), start=0.0)
        g = ag.gradients(y, X, create_graph=True)
        nodes = ancestors([g.node], 0)
        assert sum(n.shape == (200, 3) for n in nodes) == 3  # X, its first row's part, their sum
        np.testing.assert_array_equal(g.data, ag.gradients(y, X))
        h = ag.gradients(np.sum(g * g), X)
        w = np.arange(200.0)[:, None]
        np.testing.assert_allclose(h, 2 * (3 * w * X.data**2) * (6 * w * X.data), rtol=1e-14)

    @pytest.mark.parametrize("interior", [False, True])
    def test_recorded_parts_and_wholes_add_up(self, interior: bool) -> None:
        """To the second order, compiled, and in forward mode of the reverse."""
        rng = np.random.default_rng(2)
        index: list[Any] = [
            0, -1, slice(None, None, -2), ([1, 1, 3],), (slice(None), [0, 0]), Ellipsis, None, 0,
            (slice(1, 3), 2), (np.array([[4], [4]]), np.array([0, 0])), True, (2, 3), (-3, -1),
        ]  # fmt: skip
        x0 = rng.standard_normal((5, 4))
        ws = [rng.standard_normal(x0[at].shape) for at in index]

        def parts(X: Any) -> Any:
            x, total = (X * 1.0 if interior else X), 0.0
            for k, (at, w) in enumerate(zip(index, ws, strict=True)):
                total = total + np.sum(x[at] ** 3 * w) + k * np.sum(x**3)
            return total

        dense = np.full((5, 4), float(sum(range(len(index)))))
        for at, w in zip(index, ws, strict=True):
            np.add.at(dense, at, w)
        v = rng.standard_normal((5, 4))
        g, h = ag.hvp(parts, (x0,), (v,))
        np.testing.assert_allclose(g, 3 * dense * x0**2, rtol=1e-12)
        np.testing.assert_allclose(h, 6 * dense * x0 * v, rtol=1e-12)
        np.testing.assert_allclose(ag.jvp(ag.grad(parts), (x0,), (v,))[1], h, rtol=1e-12)
        program = ag.compile(ag.grad(parts))
        for x in (x0, v):
            np.testing.assert_allclose(program(x), 3 * dense * x**2, rtol=1e-12)
        third = ag.grad(lambda x: np.sum(ag.hvp(parts, (x,), (v,))[1] * v))(x0)
        np.testing.assert_allclose(third, 6 * dense * v * v, rtol=1e-11)

    def test_plain_cotangents_in_a_recorded_sweep(self) -> None:
        """A rule that returns a constant array gives none that a tensor is written into."""
        flat = ag.primitive(vjp=(lambda g, y, x: np.ones(2),))(lambda x: x * 1.0)

        def f(x: Any) -> Any:
            z = x * 1.0
            first = np.sum(z**3)
            slopes = np.sum(flat(z)) + np.sum(flat(z)) + np.sum(flat(z)) + z[0] + z[0] + z[1]
            return first + slopes + np.sum(z**2) + z[0] ** 2

        np.testing.assert_array_equal(ag.hessian(f)(np.full(2, 2.0)), np.diag([16.0, 14.0]))
        assert ag.grad(f)(np.array([2.0, 2.0])).tolist() == [25.0, 20.0]

    @pytest.mark.parametrize("axis", [0, 1, -1])
    @pytest.mark.parametrize("join", [np.stack, np.concatenate])
    def test_three_hundred_arrays_are_joined(self, join: Any, axis: int) -> None:
        """Each gets its part, arrays among them none, to the second order."""
        rng = np.random.default_rng(1)
        xs = [rng.standard_normal((2, 3)) for _ in range(300)]
        w = join(xs, axis=axis)

        def f(xs: Any) -> Any:
            mixed = [x if i % 7 else x.detach() for i, x in enumerate(xs)]
            return (w * join(mixed, axis=axis) ** 3).sum()

        grads, products = ag.hvp(f, (xs,), (xs,))
        for i, (x, g, p) in enumerate(zip(xs, grads, products, strict=True)):
            own = bool(i % 7)
            np.testing.assert_allclose(g, own * 3 * x**3, rtol=1e-14)
            np.testing.assert_allclose(p, own * 6 * x**3, rtol=1e-14)


def test_sweeps_are_quiet_without_numpys_context_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where NumPy keeps its error handling elsewhere, sweeps are quiet by its public functions."""
    from autograd_lite import floats, sweep

    monkeypatch.setattr(floats, "copy_context", _Unchanged)
    errors, ignored = floats.error_handling()
    monkeypatch.setattr(sweep, "ERRORS", errors)
    monkeypatch.setattr(sweep, "IGNORED", ignored)
    before = np.geterr()
    x = leaf([0.0, 4.0])
    np.sqrt(x).sum().backward()
    np.testing.assert_array_equal(x.grad, [np.inf, 0.25])
    assert np.geterr() == before


class _Unchanged(dict[Any, Any]):
    """A context in which NumPy sets no variable."""

    def run(self, f: Any, **kwargs: Any) -> None:
        """Nothing."""


@pytest.mark.parametrize("name", [3, b"x", ("W", 1)])
def test_a_name_is_a_string(name: Any) -> None:
    """Pictures, programs and messages write it."""
    with pytest.raises(TypeError, match="name: expected a string"):
        ag.tensor([1.0], name=name)
    x = ag.tensor([1.0], requires_grad=True, name="x")
    with pytest.raises(TypeError, match="name: expected a string"):
        x.name = name
    assert x.name == "x"
    x.name = None
    assert x.name is None
