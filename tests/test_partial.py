"""Rules for known shapes: what is left of them, and when nothing is taken for granted."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite.broadcasting import unbroadcast
from autograd_lite.floats import CASTS, ones
from autograd_lite.outline import Known
from autograd_lite.partial import expression
from autograd_lite.recording import bind
from autograd_lite.rules.linalg import matmul_vjp_left, matmul_vjp_right
from autograd_lite.table import TABLE, Primitive, rows

F, D = np.dtype(np.float32), np.dtype(np.float64)


def known(*shapes: tuple[int, ...], dtype: Any = F) -> tuple[Known, ...]:
    return tuple(Known(shape, dtype) for shape in shapes)


def text(function: Any, arguments: tuple[Any, ...]) -> str | None:
    found = expression(function, arguments)
    return None if found is None else found.text


def test_a_product_of_matrices() -> None:
    """The route that the rule takes for matrices of that size, and the shape of what it gives."""
    arguments = known((64, 10), (64, 10), (64, 50), (50, 10))
    found = expression(matmul_vjp_left, arguments)
    assert found
    assert found[:5] == ("{0}.dot({3}.T)", (), Known((64, 50), F), True, True)
    found = expression(matmul_vjp_right, arguments)
    assert found
    assert found[:5] == ("{2}.T.dot({0})", (), Known((50, 10), F), True, True)
    large = known((64, 300), (64, 300), (64, 300), (300, 300))
    assert text(matmul_vjp_right, large) == "{2}.T @ {0}"


def test_what_depends_on_what_is_not_known_is_called() -> None:
    """Vectors and stacks take other ways, unknown shapes and mixed dtypes none that is sure."""
    for shapes in [((3,), (3,), (2,), (2, 3)), ((5, 2, 4), (5, 2, 4), (5, 2, 3), (5, 3, 4))]:
        assert text(matmul_vjp_left, known(*shapes)) is None
    g, y, a, b = known((2, 4), (2, 4), (2, 3), (3, 4))
    assert text(matmul_vjp_left, (g, y, a, Known())) is None
    assert text(matmul_vjp_left, (g, y, a, Known((3, 4), D))) is None
    assert text(matmul_vjp_left, (g, y, Known(), b)) is not None  # which that rule does not read


def test_literals_are_arrays_of_the_operands_dtype() -> None:
    """Where there are arrays to compute with: numbers are computed with as they are."""
    rule = TABLE[np.tanh].rules[0]
    found = expression(rule, known((3, 1), (3, 1), (3, 1)))
    assert found is not None
    assert found.text == "{0} * ({3} - ({1} * {1}))"
    (one,) = found.constants
    assert (one.shape, one.dtype, one) == ((), F, 1.0)
    assert not one.flags.writeable
    assert text(rule, known((), (), (), dtype=D)) == "{0} * (1.0 - ({1} * {1}))"
    assert text(rule, (Known((3,), F), Known(), Known())) == "{0} * (1.0 - ({1} * {1}))"
    relu = TABLE[ag.relu].rules[0]
    assert text(relu, known((3,), (3,), (3,))) == "{0} * ({1} > {3})"


def test_what_is_known_of_the_result() -> None:
    """Shape and dtype are what NumPy makes of the operands', a Python float's among them."""
    times_b = TABLE[np.multiply].rules[0]
    g, y, a = known((2, 3), (2, 3), (2, 1))
    for b, expected, product in [
        (Known((3,), F), Known((2, 3), F), "{0} * {3}"),
        (Known((3,), D), Known((2, 3), D), "{0} * {3}"),
        (Known((), float), Known((2, 3), F), "{0} * {4}[{3}]"),  # cast once, and kept
        (Known(), Known(), "{0} * {3}"),
    ]:
        found = expression(times_b, (g, y, a, b))
        assert found is not None
        assert (found.text, found.value) == (product, expected)
        assert found.constants == ((CASTS[F],) if b.dtype is float else ())
    same = expression(TABLE[np.add].rules[0], (g, y, a, a))
    assert same
    assert same[:5] == ("{0}", (), g, False, False)


def test_a_sum_over_many_rows_is_a_product() -> None:
    """One over a single row a copy, and one over few is called, as it is in `fitted`."""
    add = TABLE[np.add]
    found = expression(unbroadcast, (Known((64, 10), F), (10,), add))
    assert found is not None
    assert found.text == "{3}.dot({0})"
    assert found.constants[0] is ones(64, F)
    assert found.value == Known((10,), F)
    one = expression(unbroadcast, (Known((1, 10), F), (10,), add))
    assert one is not None
    assert one[:5] == ("{0}.reshape((10,)).copy()", (), Known((10,), F), True, False)
    assert text(unbroadcast, (Known((8, 10), F), (10,), add)) is None
    assert text(unbroadcast, (Known((64, 10), np.dtype("f2")), (10,), add)) is None
    with_axes = TABLE[np.linalg.inv]
    assert text(unbroadcast, (Known((64, 10), F), (10,), with_axes)) is None


def test_a_number_stands_for_an_array_that_is_full_of_it() -> None:
    """As long as what it meets has the shape of that array: else it is the array itself."""
    params = tuple(TABLE[np.sum].everyday.items())
    (rule, _), facts = TABLE[np.sum].rules, known((), (), (4, 3))
    total = expression(rule, facts, params)  # type: ignore[arg-type]
    assert total is not None
    assert (total.text, total.value) == ("{0}", Known((4, 3), F, "view"))
    mean = expression(TABLE[np.mean].rules[0], facts, params)  # type: ignore[arg-type]
    assert mean is not None
    assert (mean.text, mean.value) == ("{0} / 12", Known((4, 3), F, "view"))
    assert expression(rule, facts) is None  # type: ignore[arg-type]
    assert expression(rule, facts, (*params, ("where", None))) is None  # type: ignore[arg-type]
    full, (column, array, row, inner) = mean.value, known((4, 1), (4, 3), (3,), (3, 5))
    multiply = TABLE[np.multiply].rules[0]
    for other, stretched in [(array, ""), (Known((), F), "array"), (Known((), float), "array")]:
        product = expression(multiply, (full, array, full, other))  # type: ignore[arg-type]
        assert product is not None
        assert (product.text, product.value) == ("{0} * {3}", Known((4, 3), F, stretched))
    for other in (column, row, Known()):
        assert text(multiply, (full, array, full, other)) is None
    assert text(np.sin, (full,)) is None
    assert text(TABLE[np.maximum].rules[0], (full, array, full, array)) is None
    assert text(matmul_vjp_left, (full, full, inner, inner)) is None
    assert text(unbroadcast, (full, (3,), TABLE[np.add])) is None


@pytest.mark.parametrize("owned", [False, True])
def test_every_rule_that_is_written_out_computes_the_same_bits(owned: bool) -> None:
    """All rules of rows of one or two inputs, on arrays of every shape that they broadcast.

    Where the cotangent may be written over, nothing else is.
    """
    rng = np.random.default_rng(0)
    n = written_over = 0
    for op in rows():
        if not op.simple or op.kind != "elementwise":
            continue
        for shape in [(80, 64)] if owned else [(), (3,), (2, 3), (40, 3), (80, 64)]:
            for dtype in (F, D):
                arrays = [
                    np.asarray(rng.random(shape) + 0.3, dtype)[()] for _ in range(op.n_inputs + 2)
                ]
                packed = frozenset(range(len(arrays)) if shape == (80, 64) else ())
                for rule in op.rules:
                    facts = tuple(Known(x.shape, x.dtype) for x in arrays)
                    found = rule and expression(rule, facts, (), packed, owned)
                    if not found:
                        continue
                    given = [x.copy() for x in arrays]
                    names = {f"x{i}": x for i, x in enumerate([*given, *found.constants])}
                    with np.errstate(all="ignore"):
                        expected = rule(*arrays)  # type: ignore[misc]
                        got = eval(found.text.format(*names), names)
                    assert type(got) is type(expected)
                    assert (got.shape, got.dtype) == found.value[:2] == (expected.shape, dtype)
                    assert got.tobytes() == expected.tobytes()
                    assert not found.packed or got.flags.c_contiguous
                    others = given[1:] if owned else given
                    assert not found.fresh or not any(np.shares_memory(got, x) for x in others)
                    for x, kept in zip(others, arrays[owned:], strict=True):
                        assert x.tobytes() == kept.tobytes()
                    written_over += given[0].tobytes() != arrays[0].tobytes()
                    n += 1
    assert n > 100
    assert (written_over > 20) is owned


FILE = """
import numpy as np
double = lambda g, y, x: g * 2.0
other = lambda g, y, x: g * x - y
SCALE = 2.0
scaled = lambda g, y, x: g * SCALE
def branches(g, y, x):
    "Which way depends on x."
    if x.ndim == 2:
        return g * x
    return g
class Rules:
    bound = lambda self, g, y, x: g * 2.0
    def __call__(self, g, y, x): return g * 2.0
default = lambda g, y, x=2.0: g * x
def keyword(g, y, x, *, scale=2.0): return g * scale
def rest(g, *inputs): return g
def twice(g, y, x): return square(g * x)
def renamed(g, y, x):
    x = 2.0
    return g * x
def grown(g, y, x):
    g *= 2.0
    return g
def annotated(g, y, x):
    x: float = 2.0
    return g * x
def no_such(g, y, x): return g * x.shape[3]
def written_into(g, y, x): return np.sin(g, y)
def sine(g, y, x): return np.sin(g)
def twice_over(g, y, x): return g * (y > x) ** 2
negative = lambda g, y, x: g * (-2.0) ** x
huge = lambda g, y, x: g * 1e999
def square(x): return x * x
"""


def test_a_rule_is_written_out_only_where_its_source_is_sure(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was changed since, a global, a default: a gradient must not change with them."""
    file = tmp_path / "rules_of_mine.py"
    file.write_text(FILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    rules = importlib.import_module("rules_of_mine")
    file.write_text(
        FILE.replace("double = lambda g, y, x: g * 2.0", "double = lambda g, y, x: g * 3")
    )
    arguments = known((), (), ())
    assert text(rules.double, arguments) is None
    assert text(rules.other, arguments) == "({0} * {2}) - {1}"
    assert text(rules.branches, arguments) == "{0}"
    assert text(rules.branches, known((2, 3), (2, 3), (2, 3))) == "{0} * {2}"
    for rule in (rules.scaled, rules.default, rules.keyword, rules.rest, rules.twice):
        assert text(rule, arguments) is None
    for rule in (rules.grown, rules.annotated, rules.no_such, rules.twice_over):
        assert text(rule, arguments) is None
    assert text(rules.renamed, arguments) == "{0} * 2.0"
    monkeypatch.setattr(rules, "__name__", "autograd_lite.rules_of_mine")
    assert text(rules.written_into, arguments) is None
    assert text(rules.sine, arguments) == "{3}({0})"
    for rule in (rules.negative, rules.huge):
        found = expression(rule, (*arguments[:2], Known()))
        assert found is not None
        names = {f"x{i}": np.float64(i + 2) for i in range(3)}
        names |= {f"x{i}": x for i, x in enumerate(found.constants, 3)}
        assert eval(found.text.format(*names), names) == rule(*[names[f"x{i}"] for i in range(3)])
    assert text(rules.Rules.bound, known((), (), (), ())) == "{1} * 2.0"
    for rule in (rules.Rules().bound, rules.Rules()):  # one has self for its first
        op = Primitive(lambda x: 2.0 * x, (rule,), kind="elementwise")
        x = ag.tensor(3.0, requires_grad=True)
        for _ in range(40):
            x.zero_grad()
            bind(op, (x,)).backward()
        assert op.plans[(True,)].written.functions
        assert x.grad == 2.0
