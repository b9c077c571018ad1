"""The formulas of the table: one for every gradient, and right, where a formula can be computed."""

from __future__ import annotations

import math
import re
import zlib
from functools import partial
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite.drawing.notation import backward_formula
from autograd_lite.rules.transcendental import sinc_derivative
from autograd_lite.table import Primitive, rows

ROWS = [row for row in rows() if any(row.rules)]
ELEMENTWISE = [row for row in ROWS if row.kind == "elementwise"]


def cases(row: Primitive) -> list[tuple[list[Any], dict[str, Any]]]:
    """(arrays, parameters) of every example of a row."""
    rng = np.random.default_rng(zlib.crc32(row.path.encode()))
    calls = [example(rng) for example in row.examples]
    parsed = [row.parse(args, dict(kwargs)) for args, kwargs in calls]
    return [(list(inputs), params) for inputs, params in parsed]


def texts(row: Primitive, inputs: list[Any], params: dict[str, Any]) -> dict[int, str]:
    """The formula of each input that gets a gradient, its arguments called a0, a1, …"""
    names = ["None" if x is None else f"a{i}" for i, x in enumerate(inputs)]
    n = row.n_outputs or 1
    shapes = [np.shape(x) for x in inputs]
    places = range(len(inputs)) if row.variadic else range(min(len(row.rules), len(inputs)))
    out = np.shape(row.fn(*inputs, **params)) if row.n_outputs is None else ()
    return {
        i: backward_formula(row, i, names, [f"g{k}" for k in range(n)],
                            [f"y{k}" for k in range(n)], shapes, out, params)
        for i in places
        if row.rule(i) is not None and inputs[i] is not None
    }  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_every_gradient_has_a_formula_of_its_own(row):
    """For each example, without a blank that nothing fills; "∂y/∂x" is for users' rows only."""
    found = [texts(row, inputs, params) for inputs, params in cases(row)]
    assert found, "a row needs examples"
    for formulas in found:
        assert formulas
        for place, formula in formulas.items():
            assert row.formulas[0 if row.variadic else place] is not None
            assert formula
            assert not re.search(r"[{}⟨⟩∂]|None", formula), formula


def computed(formula: str, values: dict[str, Any]) -> Any:
    """The value of a formula of elementwise operations."""
    raised = "⁰¹²³⁴⁵⁶⁷⁸⁹"
    text = re.sub(rf"sinc⁽([{raised}])⁾", lambda m: f"sinc{raised.index(m[1])}", formula)
    text, where, meaning = text.partition(", t = ")
    for sign, code in (
        ("½·", "0.5*"), ("⊙", "*"), ("·", "*"), ("−", "-"), ("²", "**2"), ("³", "**3"), ("^", "**"),
        ("√π", "sqrt(pi)"), ("√(", "sqrt("), ("π", "pi"), ("½", "0.5*"), ("≤", "<="), ("≥", ">="),
        ("t′", "slope(t)"), ("sinc′", "sinc1"), ("Φ", "normal"), ("φ", "density"),
        ("not ", "~"), (" is finite", " * 0 == 0"),
    ):  # fmt: skip
        text, meaning = text.replace(sign, code), meaning.replace(sign, code)
    text = re.sub(r"(?<![<>])(?<!=) = ", " == ", text)
    text = re.sub(r"\blog (\w+)", r"log(\1)", text)
    text = text.replace("sqrt(pi) exp", "sqrt(pi)*exp").replace("2**", "2.0**")
    chain = r"\[(\w+) ([<>]=?) (\w+) ([<>]=?) (\w+)\]"
    text = re.sub(chain, r"[(\1 \2 \3) & (\3 \4 \5)]", text)
    text = re.sub(r"\[([^\[\]]*) ∨ ([^\[\]]*)\]", r"[(\1) | (\2)]", text)
    text = re.sub(r"\[([^\[\]]*)\]", r"(1.0*(\1))", text)
    known = dict(vars(np)) | {
        "normal": lambda x: 0.5 * ag.erfc(-x / math.sqrt(2.0)),
        "density": lambda x: np.exp(-x * x / 2.0) / math.sqrt(2.0 * math.pi),
        "sigmoid": ag.sigmoid,
        "trunc": np.trunc,
    }
    known |= {f"sinc{n}": partial(sinc_derivative, n=n) for n in range(1, 7)}
    known |= values
    if where:
        x = values["a0"]
        known["t"] = eval(meaning, known)
        known["slope"] = lambda t: (
            (1.0 - t * t) * math.sqrt(2.0 / math.pi) * (1.0 + 3.0 * 0.0447 * x * x)
        )
    return eval(text, known)


def applied(row: Primitive, place: int, g: Any, y: Any, inputs: list[Any], params: Any) -> Any:
    return row.rule(place)(g, y, *inputs, **params)


@pytest.mark.parametrize("row", ELEMENTWISE, ids=lambda row: row.path)
def test_the_formula_of_an_elementwise_row_gives_what_its_rule_gives(row):
    """Computed as it is written, for every example."""
    if row.name in ("fenced", "doubtful", "choose"):
        pytest.skip("its formula is a sentence")
    rng = np.random.default_rng(0)
    for inputs, params in cases(row):
        y = np.asarray(row.fn(*inputs, **params))
        if y.dtype.kind != "f":
            continue
        g = rng.standard_normal(y.shape)
        values = {f"a{i}": x for i, x in enumerate(inputs)} | {"g0": g, "y0": y} | params
        for place, formula in texts(row, inputs, params).items():
            with np.errstate(all="ignore"):
                expected = applied(row, place, g, y, inputs, params)
                got = np.broadcast_to(computed(formula, values), y.shape)
            # the sixth digit: "0.0447" stands for 0.044715
            loose = 1e-3 if "0.0447" in formula else 1e-12
            right = np.broadcast_to(expected, y.shape)
            assert np.allclose(got, right, rtol=loose, atol=loose / 10, equal_nan=True), formula


def test_a_formula_that_is_wrong_is_found():
    """The computation above tells exp's formula from cos's."""
    x, g = np.array([0.3, 1.2]), np.array([1.0, -2.0])
    values = {"a0": x, "g0": g, "y0": np.exp(x)}
    assert np.allclose(computed("g0 ⊙ y0", values), g * np.exp(x))
    assert not np.allclose(computed("g0 ⊙ cos(a0)", values), g * np.exp(x))
    assert np.allclose(computed("g0 ⊙ ([a0 > 1] + ½[a0 = 0.3])", values), [0.5, -2.0])


def test_terms_without_a_cotangent_are_left_out():
    """Of eigh, each part of the result has its own term."""
    row = next(row for row in ROWS if row.path == "np.linalg.eigh")

    def formula(*cotangents: str | None) -> str:
        return backward_formula(row, 0, ["A"], cotangents, ["w", "V"], [(3, 3)], (3,), {})

    assert formula("w⁽ᵍ⁾", None) == "V (diag w⁽ᵍ⁾) Vᵀ"
    assert formula(None, "V⁽ᵍ⁾") == "V (skew(Vᵀ V⁽ᵍ⁾) / 2(wⱼ − wᵢ)) Vᵀ"
    assert formula("w⁽ᵍ⁾", "V⁽ᵍ⁾") == "V (diag w⁽ᵍ⁾ + skew(Vᵀ V⁽ᵍ⁾) / 2(wⱼ − wᵢ)) Vᵀ"


def test_a_result_that_nothing_reaches_passes_nothing_on():
    """The sign of slogdet is constant."""
    A = ag.tensor(np.eye(2) * 2.0, requires_grad=True, name="A")
    _, logdet = np.linalg.slogdet(A)
    with ag.keep():
        (step,) = ag.steps(logdet)
    assert step.formula == "A⁽ᵍ⁾ = A⁻ᵀ"


def test_a_stack_of_products_says_over_which_axes_its_factor_is_summed():
    """X of shape (5, 4, 3) @ W of shape (3, 2): W's gradient is a sum over the stack."""
    rng = np.random.default_rng(0)
    X = ag.tensor(rng.standard_normal((5, 4, 3)), requires_grad=True, name="X")
    W = ag.tensor(rng.standard_normal((3, 2)), requires_grad=True, name="W")
    Y = X @ W
    Y.name = "Y"
    steps = list(ag.steps(np.sum(Y)))
    assert [p.formula for p in steps[-1].outgoing] == ["Y⁽ᵍ⁾ Wᵀ", "Σ Xᵀ Y⁽ᵍ⁾"]
    assert [p.axes for p in steps[-1].outgoing] == [(), (0,)]
