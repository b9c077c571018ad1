"""What a new user tries, and what must not pass unsaid: refused with a sentence, or right."""

from __future__ import annotations

import copy
import ctypes
import gc
import inspect
import pickle
import sys
import threading
from contextvars import ContextVar
from decimal import Decimal
from fractions import Fraction
from functools import partial, wraps
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite import table
from autograd_lite.modes import MODES, Modes


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

    @pytest.mark.parametrize(
        "call",
        [
            lambda x, m: np.average(x, weights=m),
            lambda x, m: np.trapezoid(x, m),
            lambda x, m: np.gradient(x, m),
            lambda x, m: np.vstack([x, m]),
            lambda x, m: np.append(x, m),
        ],
    )
    def test_masks_are_not_dropped_by_functions_made_of_rows(self, call: Any) -> None:
        """The message names the function in a note."""
        masked = np.ma.array([1.0, 2.0], mask=[True, False])
        with pytest.raises(TypeError, match=r"got a masked array.*np\.where") as error:
            call(leaf([1.0, 2.0]), masked)
        assert any(note.startswith("in np.") for note in error.value.__notes__)

    @pytest.mark.parametrize("f", [ag.relu, ag.softmax, ag.sigmoid, ag.logsumexp, ag.gelu])
    def test_complex_arrays_are_refused_without_a_tensor_too(self, f: Any) -> None:
        """Of the functions that NumPy does not have: relu of a complex number means nothing."""
        for x in (np.array([1j, 2.0]), np.complex64(1 + 1j), [1j], 1j):
            with pytest.raises(TypeError, match=r"ag\.\w+: complex .*only real dtypes"):
                f(x)

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

    def test_rules_that_cannot_be_called(self) -> None:
        """Told when the operation is made, not when it is first swept."""
        with pytest.raises(TypeError, match=r"vjp must be a tuple of rules .*got 3"):
            ag.primitive(vjp=3)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"rule of f for input 0 must take \(g, y, x1\)"):

            @ag.primitive(vjp=(lambda g, x: 2 * g * x,))
            def f(x: Any) -> Any:
                return x * x

        with pytest.raises(TypeError, match=r"rule of h .* must take \(g, y, x1, scale\)"):

            @ag.primitive(vjp=(lambda g, y, x: 2 * g * x,))
            def h(x: Any, scale: float = 1.0) -> Any:
                return scale * x

        with pytest.raises(TypeError, match=r"jvp must be a function \(tangents, .*got 3"):
            ag.primitive(vjp=lambda g, y, x: g, jvp=3)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"jvp of <lambda> must take \(tangents, y, x1\)"):
            ag.primitive(vjp=lambda g, y, x: g, jvp=lambda ts, x: ts[0])(lambda x: 1.0 * x)

    @pytest.mark.parametrize(
        ("result", "error", "message"),
        [
            (None, TypeError, "returned None of type NoneType"),
            (np.ones(7), ValueError, r"shape \(7,\) .*expected those of its output, \(3,\)"),
            (np.ones(3, np.float32), ValueError, "dtype float32"),
        ],
    )
    def test_a_jvp_that_gives_no_tangent(self, result: Any, error: Any, message: str) -> None:
        """Nothing, another shape, another dtype: named, and no nan instead."""
        double = ag.primitive(vjp=(lambda g, y, x: 2 * g,), jvp=lambda ts, y, x: result)
        with pytest.raises(error, match=f"jvp of <lambda> .*{message}"):
            ag.jvp(double(lambda x: 2 * x), (np.ones(3),), (np.ones(3),))

    def test_a_rule_that_writes_into_its_cotangent(self) -> None:
        """The other term of a sum is given the same array, and got what the rule left in it."""

        def rule(g: Any, y: Any, x: Any) -> Any:
            g *= 3.0
            return g

        triple = ag.primitive(vjp=rule)(lambda x: 3.0 * x)
        a, b = leaf([1.0, 2.0]), leaf([1.0, 2.0])
        with pytest.raises(ValueError, match="read-only") as caught:
            np.sum((triple(a) + b) * [1.0, 2.0]).backward()
        assert caught.value.__notes__ == [
            "the arrays given are read-only, for others read them too; copy first",
            "in the vjp of <lambda>, input 0 of shape (2,)",
        ]
        same = ag.primitive(vjp=lambda g, y, x: g)(lambda x: 1.0 * x)
        np.sum((same(a) + b) * [1.0, 2.0]).backward()
        for x in (a, b):
            x.grad += 1.0
            np.testing.assert_array_equal(x.grad, [2.0, 3.0])

    def test_what_writes_into_its_inputs_or_output(self) -> None:
        """The user's own array was changed, and so was every gradient that reads it."""

        def zeroing(g: Any, y: Any, x: Any) -> Any:
            x[0] = 0.0
            return g

        def zeroing_y(g: Any, y: Any, x: Any) -> Any:
            y[0] = 0.0
            return g

        for rule in (zeroing, zeroing_y):
            op = ag.primitive(vjp=rule, jvp=lambda ts, y, x: zeroing(ts[0], y, x))(
                lambda x: 1.0 * x
            )
            x = np.ones(2)
            with pytest.raises(ValueError, match="read-only"):
                ag.vjp(op, x)[1](x)
            with pytest.raises(ValueError, match="read-only"):
                ag.jvp(op, (x,), (x,))
            assert x.tolist() == [1.0, 1.0]

        @ag.primitive(vjp=lambda g, y, x: g)
        def centred(x: Any) -> Any:
            x -= np.mean(x)
            return x

        x = np.array([1.0, 2.0])
        for use in (lambda: centred(x), lambda: ag.jacobian(centred)(x)):
            with pytest.raises(ValueError, match="read-only") as caught:
                use()
            assert any("copy first" in note for note in caught.value.__notes__)
        assert x.tolist() == [1.0, 2.0]

    def test_a_buffer_that_is_written_into_again(self) -> None:
        """Of a function, a rule and a jvp: the second call changed what the first had given."""
        buffers = np.empty((3, 2))

        def twice(x: Any, row: int) -> Any:
            return np.multiply(x, 2.0, out=buffers[row])

        op = ag.primitive(
            vjp=lambda g, y, x: twice(g, 1), jvp=lambda ts, y, x: twice(ts[0], 2)[::-1][::-1]
        )(lambda x: twice(x, 0))
        a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
        y, z = op(a), op(b)
        np.sum(y * z * [1.0, 2.0]).backward()
        assert (y.data.tolist(), z.data.tolist()) == ([2.0, 4.0], [6.0, 8.0])
        assert (a.grad.tolist(), b.grad.tolist()) == ([12.0, 32.0], [4.0, 16.0])
        first = op(np.ones(2))
        op(np.zeros(2))
        assert first.tolist() == [2.0, 2.0]
        _, ts = ag.jvp(lambda x, z: (op(x), op(z)), (a.data, b.data), (np.ones(2), np.zeros(2)))
        assert [t.tolist() for t in ts] == [[2.0, 2.0], [0.0, 0.0]]
        program = ag.compile(lambda x, z: (op(x), op(z)))
        assert [y.tolist() for y in program(a.data, b.data)] == [[2.0, 4.0], [6.0, 8.0]]

    @pytest.mark.parametrize(
        ("memory", "shown"),
        [
            (np.empty(4)[:2], lambda part: part),
            ((ctypes.c_double * 2)(), np.ctypeslib.as_array),
            (bytearray(16), np.frombuffer),
            (np.empty(2), lambda x: np.lib.stride_tricks.as_strided(x, (2,), (8,))),
        ],
        ids=["a part of an array", "ctypes", "bytes", "strided"],
    )
    def test_a_buffer_of_other_memory(self, memory: Any, shown: Any) -> None:
        """A view that is kept, and memory that is not NumPy's, as of a library in C."""
        twice = lambda x: np.multiply(x, 2.0, out=shown(memory))
        for op in (
            ag.primitive(vjp=lambda g, y, x: 2.0 * g)(twice),
            ag.primitive(vjp=lambda g, y, x: twice(g))(lambda x: 2.0 * x),
        ):
            a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
            y, z = op(a), op(b)
            np.sum(y * z * [1.0, 2.0]).backward()
            assert (y.data.tolist(), z.data.tolist()) == ([2.0, 4.0], [6.0, 8.0])
            assert (a.grad.tolist(), b.grad.tolist()) == ([12.0, 32.0], [4.0, 16.0])

    def test_a_new_array_is_not_copied(self) -> None:
        """Nor one that shows part of it, nor the cotangent passed on."""
        made: list[int] = []

        def noted(x: Any) -> Any:
            made.append(x.__array_interface__["data"][0])
            return x

        whole = ag.primitive(vjp=lambda g, y, x: noted(2.0 * g))(lambda x: noted(2.0 * x))
        part = ag.primitive(vjp=lambda g, y, x: noted(np.stack([g, g])[1]))(
            lambda x: noted(np.stack([x, x])[1])
        )
        for op in (whole, part):
            x = leaf(np.ones(1000))
            y = op(x)
            y.backward(np.ones(1000))
            data = [z.__array_interface__["data"][0] for z in (y.data, x.grad)]
            assert data == made[-2:]

    def test_objects_and_partials(self, tmp_path: Path) -> None:
        """What is called need not have a name; in a saved program it would need one."""

        class Scale:
            k = 2.0

            def __call__(self, x: Any, y: Any) -> Any:
                return self.k * x * y

        rules = lambda g, y, a, b: 2.0 * g * b, lambda g, y, a, b: 2.0 * g * a
        for function in (Scale(), partial(lambda k, x, y: k * x * y, 2.0)):
            op = ag.primitive(vjp=rules)(function)
            f = ag.grad(lambda x, op=op: np.sum(op(x, x)))
            assert f(np.ones(2)).tolist() == [4.0, 4.0]
            program = ag.compile(f)
            assert program(np.ones(2)).tolist() == [4.0, 4.0]
            assert type(function).__name__ in repr(op(leaf([1.0]), 2.0))
            drawn = ag.compile(lambda x, op=op: op(x, x))
            drawn(np.ones(2))
            with pytest.raises(
                TypeError, match=f"<{type(function).__name__}>, which a file cannot"
            ):
                drawn.save(tmp_path / "f.py")

    def test_a_function_may_use_transforms(self) -> None:
        """It is given arrays, so their results are: under a transform it was refused its own."""
        cosine = ag.primitive(vjp=lambda g, y, x: -g * np.sin(x))(
            lambda x: ag.grad(lambda z: np.sum(np.sin(z)))(x)
        )
        x = np.array([1.0, 2.0])
        f = lambda x: np.sum(cosine(x))
        for g in (ag.grad(f)(x), ag.compile(ag.grad(f))(x), ag.jvp(cosine, (x,), (np.ones(2),))[1]):
            np.testing.assert_allclose(g, -np.sin(x))
        np.testing.assert_allclose(ag.hessian(f)(x), np.diag(-np.cos(x)))

    def test_an_identity_gives_back_its_input(self) -> None:
        """As it was given, writable: a gradient reversal is one."""
        reverse = ag.primitive(vjp=lambda g, y, x: -g)(lambda x: x)
        x = np.ones(2)
        assert reverse(x) is x
        assert ag.grad(lambda x: np.sum(reverse(x)))(x).tolist() == [-1.0, -1.0]

    @pytest.mark.parametrize("wrapped", [False, True])
    def test_rules_that_are_methods_or_decorated(self, wrapped: bool) -> None:
        """What such a rule reads is kept for it: it was given None."""

        class Wave:
            k = 2.0

            def rule(self, g: Any, y: Any, x: Any) -> Any:
                return g * self.k * np.cos(self.k * x)

        def summed(rule: Any) -> Any:
            @wraps(rule)
            def checked(g: Any, y: Any, x: Any) -> Any:
                return rule(g, y, x) + 0.0 * x

            return checked

        double = summed(lambda g, y, x: 2.0 * g)
        op = ag.primitive(vjp=double if wrapped else Wave().rule)(
            (lambda x: 2.0 * x) if wrapped else (lambda x: np.sin(2.0 * x))
        )
        expected = 2.0 if wrapped else 2.0 * np.cos(2.0)
        assert ag.grad(op)(1.0) == expected
        assert ag.compile(ag.grad(lambda x: np.sum(op(x))))(np.ones(1)) == expected

    @pytest.mark.parametrize(
        ("result", "error", "message"),
        [
            (lambda g, x: 2.0, ValueError, r"cotangent of shape \(\) for an input of shape \(3,\)"),
            (lambda g, x: np.ones(7), ValueError, r"shape \(7,\)"),
            (lambda g, x: np.sum(g), ValueError, r"shape \(\)"),
            (lambda g, x: g.astype(np.float32), TypeError, "dtype float32"),
            (lambda g, x: (2.0 * g,), TypeError, "returned a tuple of 1; .*a rule for every input"),
            (lambda g, x: "2 g", TypeError, "returned '2 g' of type str, expected an array"),
            (lambda g, x: np.full(3, 2.0), ValueError, "does not depend on g"),
            (lambda g, x: x, ValueError, "does not depend on g"),
        ],
    )
    def test_a_wrong_rule_is_caught_in_forward_mode(
        self, result: Any, error: Any, message: str
    ) -> None:
        """Its transpose was 0, silently, or a tangent of another shape."""
        op = ag.primitive(vjp=lambda g, y, x: result(g, x))(lambda x: 2.0 * x)
        for use in (
            lambda x: ag.jvp(op, (x,), (x,)),
            lambda x: ag.compile(lambda x: ag.jvp(op, (x,), (x,)))(x),
        ):
            with pytest.raises(error, match=message):
                use(np.ones(3))

    def test_a_rule_of_zeros_is_a_rule(self) -> None:
        """The only one that need not depend on g."""
        step = ag.primitive(vjp=lambda g, y, x: np.zeros(x.shape))(np.sign)
        assert ag.jvp(step, (np.ones(2),), (np.ones(2),))[1].tolist() == [0.0, 0.0]

    def test_a_rule_that_returns_tensors(self) -> None:
        """A constant is an array, in `.grad` too; one that requires grad has no rule for it."""
        x = leaf([1.0, 2.0])
        constant = ag.primitive(vjp=lambda g, y, x: ag.tensor(g) * 2.0)(lambda x: 2.0 * x)
        np.sum(constant(x)).backward()
        assert type(x.grad) is np.ndarray
        w = leaf(2.0, "w")
        closing = ag.primitive(vjp=lambda g, y, x: g * w)(lambda x: x * w.data)
        with pytest.raises(TypeError, match=r"returned a Tensor that requires grad; .*an input"):
            np.sum(closing(x)).backward()
        (g,) = ag.vjp(closing, np.ones(2))[1](np.ones(2))
        assert type(g) is np.ndarray

    def test_ufuncs_of_other_libraries(self) -> None:
        """A ufunc is its array inputs, whatever else its signature lists."""
        cube = np.frompyfunc(lambda x: x**3, 1, 1)
        op = ag.primitive(vjp=(lambda g, y, x: 3 * g * x**2,))(
            lambda x: np.asarray(cube(x), dtype=float)
        )
        assert ag.grad(op)(2.0) == 12.0
        sine = ag.primitive(vjp=(lambda g, y, x: g * np.cos(x),))(np.sin)
        assert ag.hessian(sine)(0.5) == -np.sin(0.5)


class TestTransforms:
    """What is handed to grad, jvp, vjp, jacobian, gradients, and what their functions return."""

    @pytest.mark.parametrize(
        ("result", "message"),
        [
            (lambda x: None, "returned None; is its return missing"),
            (lambda x: "abc", "returned 'abc' of type str"),
            (lambda x: [x], "returned a list of 1"),
            (lambda x: {"loss": x}, "returned a dict of 1"),
            (lambda x: (x, x), r"a tuple of 2; .*has_aux=True"),
            (lambda x: 3, "returned 3 of type int"),
            (lambda x: x > 0, "dtype bool"),
            (lambda x: x * np.ones(2), r"shape \(2,\)"),
            (lambda x: (x for _ in ()), "generator"),
        ],
    )
    def test_grad_needs_one_float(self, result: Any, message: str) -> None:
        """Whatever else comes back is named, a forgotten return first of all."""
        with pytest.raises(TypeError, match=rf"grad of <lambda>: .*{message}"):
            ag.grad(result)(1.0)

    def test_grad_of_a_coroutine(self) -> None:
        """An async function gives none, and Python does not complain a second time."""

        async def f(x: Any) -> Any:
            return x

        with pytest.raises(TypeError, match=r"grad of f: .*coroutine"):
            ag.grad(f)(1.0)

    @pytest.mark.parametrize(
        ("transform", "name"),
        [
            (lambda f: ag.grad(f), "grad"),
            (lambda f: ag.value_and_grad(f), "value_and_grad"),
            (lambda f: ag.jacobian(f), "jacobian"),
            (lambda f: ag.hessian(f), "grad"),
            (lambda f: ag.checkpoint(f), "checkpoint"),
            (lambda f: ag.vjp(f, 1.0), "vjp"),
            (lambda f: ag.jvp(f, (1.0,), (1.0,)), "jvp"),
            (lambda f: ag.hvp(f, (1.0,), (1.0,)), "hvp"),
        ],
    )
    def test_a_value_in_place_of_a_function(self, transform: Any, name: str) -> None:
        """grad(f(x)) for grad(f)(x) is told apart at once."""
        with pytest.raises(TypeError, match=rf"{name}: expected a function, got 3\.0"):
            transform(3.0)

    @pytest.mark.parametrize(
        "transform",
        [
            lambda f: ag.vjp(f, 1.0),
            lambda f: ag.jvp(f, (1.0,), (1.0,)),
            lambda f: ag.jacobian(f)(1.0),
        ],
    )
    def test_results_that_are_no_numbers(self, transform: Any) -> None:
        """None and text have no derivative, in any transform."""
        with pytest.raises(TypeError, match="returned None; is its return missing"):
            transform(lambda x: None)
        with pytest.raises(TypeError, match="it returned 'a' of type str"):
            transform(lambda x: "a")

    @pytest.mark.parametrize("argnums", ["y", 1.0, None, ("x", "y")])
    def test_argnums_are_places(self, argnums: Any) -> None:
        """Names are not looked up."""
        with pytest.raises(TypeError, match="argnums: expected the place of an argument"):
            ag.grad(lambda x, y: x * y, argnums=argnums)(1.0, 2.0)

    def test_argnums_of_numpy_and_out_of_range(self) -> None:
        """NumPy's integers count; a place is named once, and must exist."""
        f = lambda x, y: x * y
        assert ag.grad(f, argnums=np.int64(1))(3.0, 2.0) == 3.0
        with pytest.raises(ValueError, match="twice"):
            ag.grad(f, argnums=(0, -2))(1.0, 2.0)
        with pytest.raises(TypeError, match=r"argnums 0: .*0 positional arguments"):
            ag.grad(f)(x=1.0, y=2.0)

    def test_gradients_of_no_tensor(self) -> None:
        """ag.gradients of a number, which nothing recorded."""
        with pytest.raises(TypeError, match=r"gradients: expected a tensor .*got 3\.0"):
            ag.gradients(3.0, [leaf(1.0)])

    def test_cotangents_and_tangents(self) -> None:
        """None for a cotangent is no 1; complex tangents are no tangents."""
        _, pullback = ag.vjp(lambda x: (x, x), 3.0)
        with pytest.raises(ValueError, match="a cotangent is None"):
            pullback((1.0, None))
        with pytest.raises(TypeError, match=r"tangent of primal .* dtype complex128"):
            ag.jvp(lambda x: x, (3.0,), (1j,))
        with pytest.raises(TypeError, match=r"as in hvp\(f, \(x,\), \(v,\)\)"):
            ag.hvp(np.sum, np.ones(2), np.ones(2))

    def test_seeds_come_in_the_outputs_dtype(self) -> None:
        """A float64 Tensor as cotangent or tangent leaves float32 gradients float32."""
        x = ag.tensor(np.ones(3, np.float32), requires_grad=True)
        x.backward(leaf(np.ones(3)), create_graph=True)
        assert x.grad.dtype == np.float32
        _, tangent = ag.jvp(lambda x: x, (np.ones(3, np.float32),), (leaf(np.ones(3)),))
        assert tangent.dtype == np.float32

    def test_derivatives_of_python_floats_are_python_floats(self) -> None:
        """jacobian and hessian too."""
        for d in (ag.grad(np.exp), ag.jacobian(np.exp), ag.hessian(np.exp)):
            assert type(d(1.0)) is float
        assert ag.jacobian(lambda x: x * np.ones(2))(1.0).shape == (2,)

    def test_jacobians_of_nothing(self) -> None:
        """Empty results and empty arguments, constants and empty trees."""
        assert ag.jacobian(lambda x: x[:0])(np.zeros(2)).shape == (0, 2)
        join = lambda x: np.concatenate([x, np.ones(2)])
        assert ag.jacobian(join)(np.zeros(0)).shape == (2, 0)
        assert ag.jacobian(lambda x: 1.0)(np.zeros(0)).shape == (0,)
        assert ag.jacobian(lambda x: [])(np.zeros(2)) == []
        assert ag.hessian(np.sum)(np.zeros(0)).shape == (0, 0)

    def test_a_rule_that_fails_in_forward_mode_is_named(self) -> None:
        """With a note, as in the sweep."""
        broken = ag.primitive(vjp=(lambda g, y, x: 1 / 0,))(lambda x: 2.0 * x)
        with pytest.raises(ZeroDivisionError) as caught:
            ag.jvp(broken, (np.ones(3),), (np.ones(3),))
        assert any("forward derivative of <lambda>" in n for n in caught.value.__notes__)


class TestManyThreads:
    """Threads that share tensors."""

    def test_no_gradient_is_lost_between_threads(self) -> None:
        """backward() in four threads adds up in one leaf."""
        w = leaf(np.zeros(1))
        before = sys.getswitchinterval()

        def work() -> None:
            for _ in range(300):
                (w * 1.0).backward(np.ones(1))

        try:
            sys.setswitchinterval(1e-6)
            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(before)
        assert w.grad == [1200.0]

    def test_threads_repeat_the_draws_of_one_checkpoint(self) -> None:
        """Each from the first: they shared a place in them, and gradients were of other draws."""
        gen, x = np.random.default_rng(0), leaf([1.0, 1.0])
        draws: list[Any] = []
        swept = threading.Event()

        def f(x: Any) -> Any:
            first = ag.random.uniform(gen, 2)
            if threading.current_thread().name == "other":
                swept.set()
            elif draws:  # when it is recomputed: the other thread does so in between
                other.start()
                swept.wait(10.0)
                other.join()
            draws.append(ag.random.uniform(gen, 2))
            return x * first * draws[-1]

        y = ag.checkpoint(f)(x)
        found: list[Any] = []
        sweep = lambda: found.append(ag.gradients(y, x, np.ones(2)))
        other = threading.Thread(target=sweep, name="other")
        sweep()
        for g in found:
            np.testing.assert_array_equal(g, y.data)
        assert len(found) == 2

    def test_a_deep_graph_in_a_thread_with_a_small_stack(self) -> None:
        """Nothing recurses: 100,000 operations are swept and freed within 256 KiB.

        CPython 3.13 itself frees nested objects up to 10,000 calls deep, 2 MiB, before it defers.
        """
        seen = []

        def work() -> None:
            x = leaf(1.0)
            h = x
            for _ in range(100_000):
                h = h * 1.0
            h.backward()
            seen.append(x.grad)

        deep = sys.version_info[:2] == (3, 13)
        before = threading.stack_size((4096 if deep else 256) * 1024)
        try:
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        finally:
            threading.stack_size(before)
        assert seen == [1.0]


class Interrupt(BaseException):
    """As Ctrl-C raises it."""


def interrupted(use: Any, n: int) -> bool:
    """Whether an interrupt came at the n-th moment at which Python lets one in.

    Of those that matter: where a function of ours begins, and after one of a ContextVar.
    """
    moments = 0

    def look(frame: Any, event: str, arg: Any) -> None:
        nonlocal moments
        code = frame.f_code
        if event == "call" and not code.co_flags & inspect.CO_GENERATOR:
            moments += "autograd_lite" in code.co_filename
        elif event == "c_return" and isinstance(getattr(arg, "__self__", None), ContextVar):
            moments += 1
        else:
            return
        if moments == n:
            raise Interrupt

    sys.setprofile(look)
    try:
        use()
    except Interrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


class TestInterrupts:
    """After Ctrl-C, wherever it came, the next call finds all as it was."""

    @pytest.mark.parametrize(
        "use",
        [
            lambda f, w: f(w).backward(),
            lambda f, w: f(w).backward(create_graph=True),
            lambda f, w: ag.gradients(f(w), w),
            lambda f, w: ag.grad(f)(w.data),
            lambda f, w: ag.vjp(f, w.data)[1](1.0),
            lambda f, w: ag.jvp(f, (w.data,), (w.data,)),
            lambda f, w: ag.jacobian(f)(w.data),
            lambda f, w: ag.hvp(f, (w.data,), (w.data,)),
            lambda f, w: ag.grad(ag.checkpoint(f))(w.data),
            lambda f, w: ag.no_grad(f)(w),
            lambda f, w: ag.primitive(vjp=lambda g, y, x: g)(lambda x: x)(w),
        ],
    )
    def test_modes_and_errors_are_restored(self, use: Any) -> None:
        """Warnings were off, or transforms taken for nested ones, for the rest of the session."""
        f = lambda x: np.sum(np.sin(x) * x)
        w, errors, n = leaf([1.0, 2.0]), np.geterr(), 0
        for _ in range(20):  # and what is written for a graph that comes again
            use(f, w)
        found = True
        while found:
            n += 1
            w.grad = None
            found = interrupted(lambda: use(f, w), n)
            assert MODES.get() == Modes(), n
            assert np.geterr() == errors, n
        assert n > 3


class TestNoCollector:
    """With the garbage collector off, all that was made is freed."""

    @pytest.mark.parametrize(
        "use",
        [
            lambda f, a: ag.grad(f)(a),
            lambda f, a: ag.vjp(f, a)[1](1.0),
            lambda f, a: ag.jvp(f, (a,), (a,)),
            lambda f, a: ag.jacobian(lambda x: x * x)(a),
            lambda f, a: ag.hessian(f)(a),
            lambda f, a: ag.hvp(f, (a,), (a,)),
            lambda f, a: ag.checkpoint(f)(leaf(a)).backward(),
            lambda f, a: f(leaf(a)).backward(create_graph=True),
            lambda f, a: np.sum(np.linalg.eigh(leaf(np.diag(a)))[1]).backward(),
        ],
    )
    def test_no_cycles(self, use: Any) -> None:
        """The collector finds nothing to do."""
        f, a = lambda x: np.sum(np.sin(x) * x), np.arange(4.0)
        use(f, a)
        gc.collect()
        gc.disable()
        try:
            use(f, a)
            assert gc.collect() == 0
        finally:
            gc.enable()


class TestSubclasses:
    """Tensors of a class of one's own."""

    def test_copies_keep_the_class_and_what_it_holds(self) -> None:
        """deepcopy copies it, pickle rebuilds it."""
        x = Labelled([1.0, 2.0], requires_grad=True, name="x")
        x.labels = ["a", "b"]
        other = copy.deepcopy(x)
        assert type(other) is Labelled
        assert other.labels == x.labels
        assert other.labels is not x.labels
        back = pickle.loads(pickle.dumps(x))
        assert (type(back), back.labels, back.requires_grad) == (Labelled, ["a", "b"], True)


class Labelled(ag.Tensor):
    """A tensor with labels."""

    labels: list[str]


def test_draws_have_no_gradient() -> None:
    """A parameter that requires grad is refused, with the way to write it."""
    rng = np.random.default_rng(0)
    with pytest.raises(TypeError, match=r"bernoulli: p= requires grad"):
        ag.random.bernoulli(rng, (3,), p=leaf(0.5))
    with pytest.raises(TypeError, match=r"normal: mean= requires grad.*mean \+ std \*"):
        ag.random.normal(rng, (3,), mean=leaf(0.5))


def test_many_inputs_of_one_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule is read once, however many inputs it is for."""
    read: list[Any] = []
    right = table._kept
    monkeypatch.setattr(table, "_kept", lambda rule, *rest: read.append(rule) or right(rule, *rest))
    xs = [leaf(float(i)) for i in range(1003)]
    np.sum(np.stack(xs)).backward()
    assert all(x.grad == 1.0 for x in xs)
    assert len(read) == len(set(read))


def test_errors_end_with_the_users_line() -> None:
    """And, under debug(), with the lines that made the tensors."""
    with ag.debug():
        h = leaf(np.ones((5, 3)), "A1") * 2.0
        with pytest.raises(
            ValueError,
            match=r"\(5, 3\) made at test_hostile\.py:\d+ @ W2 .*\(at test_hostile\.py:\d+\)",
        ):
            h @ leaf(np.ones((4, 2)), "W2")


def test_a_step_after_the_array_was_replaced() -> None:
    """What was changed in place stays known, though the tensor has another array by now."""
    x = leaf([1.0, 2.0], "x")
    y = np.sum(x * x)
    x.data -= 1.0
    x.data = np.zeros(2)
    x.data -= 1.0
    with pytest.raises(RuntimeError, match="x of shape"):
        y.backward()


class TestChangesUnderDebug:
    """ag.debug() finds every array that the graph holds and that was written into."""

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                lambda x, c: (h := np.exp(x), h.data.fill(0.0), h)[-1],
                "the result of shape .* changed in place after np.exp",
            ),
            (
                lambda x, c: (h := np.exp(x), h * h, h.data.fill(0.0))[1],
                "input 0 .* changed in place after np.multiply",
            ),
            (
                lambda x, c: (s := np.linalg.svd(x), s[1].data.fill(0.0), s[1])[-1],
                "the result .* changed in place after np.linalg.svd",
            ),
            (lambda x, c: (x * c, c.fill(0.0))[0], "input 1 .* changed in place after np.multiply"),
            (
                lambda x, c: (x * x, x.data.fill(0.0))[0],
                "theta of shape .* changed in place after np.multiply",
            ),
            (lambda x, c: (ag.checkpoint(np.exp)(x), x.data.fill(0.0))[0], "checkpoint: theta"),
            (lambda x, c: (ag.checkpoint(lambda x, c: x * c)(x, c), c.fill(0.0))[0], "an argument"),
            (
                lambda x, c: (ag.checkpoint(lambda c: x * c)(c), x.data.fill(0.0))[0],
                "checkpoint: theta",
            ),
        ],
    )
    def test_found(self, change: Any, message: str) -> None:
        """Inputs, results, constants, and what a checkpoint would read again."""
        x = ag.tensor(np.array([[2.0, 1.0], [0.0, 3.0]]), requires_grad=True, name="theta")
        with ag.debug():
            y = change(x, np.ones((2, 2)))
            with pytest.raises(RuntimeError, match=message):
                np.sum(y).backward()
        assert x.grad is None

    def test_what_is_not_changed_passes(self) -> None:
        """Rows of several results and checkpoints among it."""
        x = ag.tensor(np.array([[2.0, 1.0], [0.0, 3.0]]), requires_grad=True)
        with ag.debug():
            y = np.exp(x) * np.linalg.svd(x)[1] + ag.checkpoint(np.tanh)(x)
            np.sum(y).backward()
        assert np.isfinite(x.grad).all()


def test_primitive_without_rules_and_tensors_as_parameters() -> None:
    """Both are told in the words of the decorator."""
    with pytest.raises(TypeError, match=r"write @ag\.primitive\(vjp=\(rule"):
        ag.primitive(lambda x: x)(np.ones(2))
    scaled = ag.primitive(vjp=(lambda g, y, x, k=1.0: g * k,))(lambda x, k=1.0: x * k)
    with pytest.raises(TypeError, match="'k' is a tensor; parameters are constants"):
        scaled(ag.tensor([1.0], requires_grad=True), k=ag.tensor(2.0))


@pytest.mark.parametrize("x", [{1.0}, lambda x: x, object()])
def test_arguments_that_are_no_pytrees(x: Any) -> None:
    """A class of one's own can be made one, and the message says how."""
    kind = type(x).__name__
    with pytest.raises(TypeError, match=rf"jvp: \[0\]\.w: .* a {kind} .*pytree\.register"):
        ag.jvp(lambda t: 1.0, ({"w": x},), ({"w": x},))


class TestViewsOfChangedLeaves:
    """A rule that reads a leaf's memory through a view of it, swept before the view itself."""

    def test_a_graph_that_is_freed_as_it_is_swept(self) -> None:
        """What a node saved is compared, though backward(retain_graph=False) has freed it."""
        x = leaf([1.0, 2.0], "x")
        z = x.reshape(2, 1)
        y = np.sum(z * z)
        x.data -= 1.0
        with pytest.raises(RuntimeError, match=r"x of shape \(2,\).* after np\.multiply"):
            y.backward(retain_graph=False)
        assert x.grad is None

    def test_a_reader_that_only_the_node_at_hand_leads_to(self) -> None:
        """The sum reads nothing of x, and the product that does is found but behind it."""
        for f in (lambda x: x + x * x, lambda x: np.sin(x) * 0.0 + (x - np.exp(x) * x)):
            x = leaf([1.0, 2.0], "x")
            y = np.sum(f(x))
            x.data *= 2.0
            with pytest.raises(RuntimeError, match=r"x of shape \(2,\).* after np\.(mult|sin)"):
                y.backward()
            assert x.grad is None

    @pytest.mark.parametrize("join", [np.add, np.subtract, np.multiply, np.maximum])
    def test_a_change_is_refused_or_does_no_harm(self, join: Any) -> None:
        """Small graphs of every make: never another gradient than before the change."""
        ops: list[Any] = [
            lambda x: x, np.negative, np.sin, np.exp, np.square,
            lambda x: x.reshape(2, 1)[:, 0], lambda x: x * np.sum(x),
        ]  # fmt: skip
        refused = 0
        for f, g, h in product(ops, ops, ops):
            x = leaf([0.5, 2.0], "x")
            y = np.sum(join(f(x), h(g(x))) + x)
            y.backward()
            before = x.grad
            x.zero_grad()
            x.data *= 2.0
            message = ""
            try:
                y.backward()
            except RuntimeError as error:
                message = str(error)
            if message:
                assert "x of shape (2,) was changed in place" in message
                assert x.grad is None
                refused += 1
            else:
                np.testing.assert_array_equal(x.grad, before)
        assert refused > len(ops) ** 2

    def test_a_graph_that_dies_as_it_is_swept(self) -> None:
        """As under ag.grad, whose function takes a step after it used the array."""
        w = leaf([[1.0, 2.0], [3.0, 4.0]], "w")

        def f(x: Any) -> Any:
            y = np.sum(x * w.T)
            w.data -= 1.0
            return y

        with pytest.raises(RuntimeError, match=r"w of shape .* after np\.multiply"):
            ag.grad(f)(np.ones((2, 2)))

    @pytest.mark.parametrize("inside", [True, False])
    def test_what_a_pullback_closes_over(self, inside: bool) -> None:
        """The view may be older than the function that reads it."""
        w = leaf([[1.0, 2.0], [3.0, 4.0]], "w")
        before = w.T
        _, pullback = ag.vjp(lambda x: x * (w.T if inside else before), np.ones((2, 2)))
        w.data -= 1.0
        with pytest.raises(RuntimeError, match=r"w of shape .* after np\.multiply"):
            pullback(np.ones((2, 2)))

    def test_what_no_rule_reads_may_change(self) -> None:
        """A sum keeps nothing: gradients of views that changed are right."""
        x, w = leaf([1.0, 2.0], "x"), leaf([[1.0, 2.0]], "w")
        y = np.sum(x.reshape(2, 1) + w.T)
        w.data -= 1.0
        x.data -= 1.0
        y.backward(retain_graph=False)
        np.testing.assert_array_equal(x.grad, [1.0, 1.0])
        np.testing.assert_array_equal(w.grad, [[1.0, 1.0]])


@pytest.mark.parametrize("value", [2.0, [1.0, 2.0]])
def test_recorded_gradients_share_no_memory(value: Any) -> None:
    """Tensors for gradients neither with each other nor with the cotangent, which stays in them."""
    a, b, seed = leaf(value), leaf(value), leaf(np.ones(np.shape(value)))
    (a + b).backward(seed, create_graph=True)
    results = [a.grad, b.grad, seed]
    results += ag.gradients(np.sum(a + b), (a, b), create_graph=True)
    results += ag.grad(lambda a, b: np.sum(a + b), argnums=(0, 1))(a, b)
    for i, g in enumerate(results):
        assert not any(np.shares_memory(g.data, other.data) for other in results[:i])
    assert not np.shares_memory(*ag.gradients(np.sum(a * b), [a, a]))
    g, again = ag.gradients(np.sum(a * b), [a, a], create_graph=True)
    assert not np.shares_memory(g.data, again.data)
    np.sum(a.grad * b.grad).backward()
    np.testing.assert_array_equal(seed.grad, np.full(np.shape(value), 2.0))


def test_a_masked_cotangent_is_refused() -> None:
    """Its mask would be lost, and what it hides counted."""
    y = leaf([1.0, 2.0]) * 2.0
    masked = np.ma.array([1.0, 2.0], mask=[True, False])
    with pytest.raises(TypeError, match="gradient: got a masked array"):
        y.backward(masked)
    with pytest.raises(TypeError, match="gradient: got a masked array"):
        ag.gradients(y, y, masked)
