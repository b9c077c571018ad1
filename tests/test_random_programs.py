"""Random programs: DAGs of operations whose gradients must agree, whichever way they are taken.

A program is Python source, grown line by line from a seed: each line applies an operation to values
made before, chosen so that they stay small, finite and clear of kinks. Its reverse gradient must
equal forward mode, the recorded sweep, the compiled program and extrapolated differences; a program
for which one does not is printed so that it can be run as it stands.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
from autograd_lite import outline, unrolled, writer
from autograd_lite.graph import as_tensors
from autograd_lite.outline import outline_of
from autograd_lite.partial import expression
from autograd_lite.sweep import sweep
from autograd_lite.table import TABLE
from autograd_lite.writer import Unrolled

Values = dict[str, Any]

ELEMENTWISE = [
    "np.sin({a})", "np.cos({a})", "np.tanh({a})", "np.arctan({a})", "np.arcsinh({a})",
    "np.exp(-({a} ** 2))", "np.expm1({a} / 3)", "np.log1p({a} ** 2)", "np.sqrt({a} ** 2 + 1.0)",
    "np.cbrt({a} ** 2 + 0.5)", "np.reciprocal(2.0 + {a} ** 2)", "np.square({a})", "{a} ** 3",
    "2.0 ** {a}", "ag.sigmoid({a})", "ag.softplus({a})", "ag.gelu({a})", "np.sinc({a})",
    "np.negative({a})", "1.0 - {a}", "{a} / 2", "np.degrees({a}) / 60", "np.log2(3.0 + {a} ** 2)",
    "{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} / (1.5 + {b} ** 2)", "np.logaddexp({a}, {b})",
    "np.hypot({a}, {b} ** 2 + 1.0)", "np.arctan2({a}, {b} ** 2 + 1.0)", "({a} ** 2 + 1.0) ** {b}",
    "np.where({mask}, {a}, {b})", "np.where({mask}, {a}, 0.5)", "ag.xlogy({a}, {b} ** 2 + 1.0)",
]  # fmt: skip
KINKED = [
    "np.abs({a})", "np.maximum({a}, {b})", "np.minimum({a}, 0.3)", "ag.relu({a})",
    "ag.leaky_relu({a}, 0.1)", "np.clip({a}, -0.7, 0.9)", "ag.elu({a})",
    "np.sort({a}, axis={axis})",
    "np.max({a}, axis={axis}, keepdims={flag})", "np.min({a}, axis={axis})",
    "np.median({a}, axis={axis})", "np.maximum.accumulate({a}, axis={axis})",
    "np.quantile({a}, 0.3, axis={axis})", "np.ptp({a}, axis={axis})",
]  # fmt: skip
REDUCTIONS = [
    "np.sum({a}, axis={axis}, keepdims={flag})", "np.mean({a}, axis={axis}, keepdims={flag})",
    "np.prod({a}, axis={axis}, keepdims={flag})", "np.var({a}, axis={axis})",
    "np.sqrt(np.var({a}, axis={axis}) + 0.1)", "np.sum({a})", "{a}.mean()",
    "ag.logsumexp({a}, axis={axis}, keepdims={flag})", "np.cumsum({a}, axis={axis})",
    "np.cumprod({a}, axis={axis})", "ag.softmax({a}, axis={axis})",
    "ag.log_softmax({a}, axis={axis})", "np.linalg.norm({a} ** 2 + 0.5, axis={axis})",
    "np.trapezoid({a}, axis={axis})",
]  # fmt: skip
SHAPES = [
    "np.transpose({a})", "{a}.T", "{a}.reshape(-1)", "np.reshape({a}, (1, -1))",
    "np.expand_dims({a}, {axis})", "np.flip({a}, {axis})", "np.roll({a}, 1, axis={axis})",
    "np.swapaxes({a}, 0, -1)", "np.concatenate([{a}, {a}], axis={axis})",
    "np.stack([{a}, -{a}], axis={axis})", "np.broadcast_to({a}, (2, *{a}.shape))",
    "np.tile({a}, 2)", "np.repeat({a}, 2, axis={axis})", "np.diff({a}, axis={axis})",
    "np.pad({a}, 1)", "np.pad({a}, 1, mode='reflect')", "np.tril({a})", "np.triu({a}, 1)",
    "np.squeeze({a})", "np.rot90({a})", "np.split({a}, [1], axis={axis})[1]", "np.diagonal({a})",
    "np.trace({a})", "np.atleast_2d({a})", "np.moveaxis({a}, 0, -1)",
]  # fmt: skip
INDEXING = [
    "{a}[0]", "{a}[-1]", "{a}[::-1]", "{a}[..., 0]", "{a}[..., None]", "{a}[1:]",
    "{a}[..., [0, 0, 1]]", "{a}[[1, 0, 1]]", "{a}[{mask}]", "np.take({a}, [1, 0], axis={axis})",
    "ag.put({a}, 0, 0.7)", "ag.put({a}, np.s_[..., 0], {a}[..., 1])",
    "np.take_along_axis({a}, np.argsort({a}, axis={axis}), axis={axis})",
]  # fmt: skip
PRODUCTS = [
    "{a} @ {b}", "np.matmul({a}, np.swapaxes({a}, -1, -2))", "np.dot({a}, {b})",
    "np.outer({a}, {b})", "np.einsum('...i,...i->...', {a}, {b})",
    "np.einsum('ij,kj->ik', {a}, {b})", "np.einsum('ii->i', {a})", "np.inner({a}, {b})",
    "np.kron({a}, {b})", "np.tensordot({a}, {b}, 1)",
    "np.convolve({a}, {b})", "np.linalg.inv({a} + 6.0 * np.eye(len({a})))",
    "np.linalg.det({a})", "np.linalg.solve({a} + 6.0 * np.eye(len({a})), {b})",
    "np.linalg.matrix_power({a}, 3)", "np.linalg.cholesky({a} @ {a}.T + np.eye(len({a})))",
    "np.linalg.slogdet({a} @ {a}.T + np.eye(len({a})))[1]",
]  # fmt: skip
FAMILIES = [ELEMENTWISE, ELEMENTWISE, KINKED, REDUCTIONS, SHAPES, INDEXING, PRODUCTS]

INPUTS = {"x": (2, 3), "y": (3,), "z": (3, 3), "w": ()}
MOST_ELEMENTS = 60


class Program:
    """A random program: its source, and the function that the source defines."""

    def __init__(self, seed: int, lines: int = 10) -> None:
        self.rng = np.random.default_rng(seed)
        self.seed = seed
        self.inputs = {name: self.rng.uniform(-1, 1, shape) for name, shape in INPUTS.items()}
        self.values: Values = dict(self.inputs)
        self.lines: list[str] = []
        while len(self.lines) < lines:
            self._grow()
        self.source = self._source()
        space: Values = {"np": np, "ag": ag}
        exec(compile(self.source, f"<random program {seed}>", "exec"), space)
        self.f: Callable[..., Any] = space["f"]

    def _pick(self, items: list[Any]) -> Any:
        return items[int(self.rng.integers(len(items)))]

    def _grow(self) -> None:
        """Add a line, if the operation drawn fits the operands drawn."""
        names = list(self.values)
        a, b = self._pick(names[-6:]), self._pick(names)
        shape = np.shape(self.values[a])
        family = self._pick(FAMILIES)
        text = self._pick(family).format(
            a=a,
            b=b,
            axis=int(self.rng.integers(-len(shape), len(shape))) if shape else None,
            flag=bool(self.rng.integers(2)),
            mask=f"np.array({(self.rng.random(shape) < 0.6).tolist()})",
        )
        try:
            with np.errstate(all="raise"):
                value = eval(text, {"np": np, "ag": ag, **self.values})
        except (ValueError, TypeError, IndexError, FloatingPointError, np.linalg.LinAlgError):
            return
        value = np.asarray(value)
        if not (0 < value.size <= MOST_ELEMENTS and value.ndim <= 4 and np.isfinite(value).all()):
            return
        if family is KINKED and self._near_a_kink(np.asarray(self.values[a]), self.values[b]):
            return
        if np.max(np.abs(value)) > 3.0:
            text, value = f"np.tanh({text})", np.tanh(value)
        name = f"v{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        self.values[name] = value

    @staticmethod
    def _near_a_kink(a: Any, b: Any) -> bool:
        """Whether two elements, or an element and a bound, are close enough to meet in a step."""
        bounds = np.array([0.0, 0.3, -0.7, 0.9])
        others = np.concatenate([np.sort(a.ravel()), bounds, np.ravel(b)])
        gaps = np.abs(a.ravel()[:, None] - others)
        return bool(np.sum(gaps < 1e-2) > a.size)

    def _source(self) -> str:
        names = [name for line in self.lines for name in re.findall(r"\w+", line.split("=", 1)[1])]
        ends = [v for v in self.values if v not in names]
        total = " + ".join(f"np.sum(np.sin({v} + {i / 7:.3f}))" for i, v in enumerate(ends))
        body = "\n    ".join([*self.lines, f"return {total}"])
        return f"def f({', '.join(self.inputs)}):\n    {body}\n"

    def script(self) -> str:
        """The program as a script that shows the disagreement when run."""
        arrays = "\n".join(f"{k} = np.array({v.tolist()!r})" for k, v in self.inputs.items())
        names = ", ".join(self.inputs)
        return (
            f"import numpy as np\nimport autograd_lite as ag\n\n{self.source}\n{arrays}\n"
            "from autograd_lite.testing import check_grads\n"
            f"print(check_grads(f, {names}, kinks='allow'))\n"
        )


def disagreements(program: Program) -> Iterator[str]:
    """What of the ways to take the program's gradient differs from the plain reverse sweep."""
    f, primals = program.f, list(program.inputs.values())
    n = tuple(range(len(primals)))
    rng = np.random.default_rng(program.seed)
    u = [rng.standard_normal(p.shape) for p in primals]
    value, grads = ag.value_and_grad(f, n)(*primals)
    scale = 1.0 + sum(float(np.sum(np.abs(g * d))) for g, d in zip(grads, u, strict=True))
    slope = inner(grads, u)

    leaves = [ag.tensor(p, requires_grad=True) for p in primals]
    out = f(*leaves)
    out.backward()
    if abs(value - f(*primals)) > 1e-14 * scale or value != out.data:
        yield f"forward values: {value!r}, {f(*primals)!r}, {out.data!r}"
    if not all(
        x.grad is not None and np.array_equal(x.grad, g) for x, g in zip(leaves, grads, strict=True)
    ):
        yield "backward() and ag.grad"
    outline = outline_of([out.node], None, 0)
    found = outline and Unrolled(outline).run([(out.node, np.float64(1.0))], None, 0, False)
    if not found or not all(np.array_equal(x.grad, found[x.node]) for x in leaves):
        yield "the sweep and the sweep written out"
    recorded = ag.gradients(out, leaves, create_graph=True)
    # einsum adds in an order that depends on the layout of what broadcasting made: one bit
    close = zip(recorded, grads, strict=True)
    if not all(np.allclose(r.data, g, rtol=0, atol=1e-15 * scale) for r, g in close):
        yield "the recorded sweep and the plain one"
    pushed = ag.jvp(f, tuple(primals), tuple(u))[1]
    if abs(pushed - slope) > 1e-11 * scale:
        yield f"forward mode {pushed!r} and reverse {slope!r}"
    numeric = min(
        (differences(f, primals, u, h) for h in (3e-4, 3e-5)), key=lambda d: abs(d - slope)
    )
    if abs(numeric - slope) > 2e-7 * scale:
        yield f"differences {numeric!r} and reverse {slope!r}"
    _, products = ag.hvp(f, tuple(primals), tuple(u))
    _, tangents = ag.jvp(ag.grad(f, n), tuple(primals), tuple(u))
    bound = 1e-9 * (scale + sum(float(np.sum(np.abs(p))) for p in products))
    if any(np.max(np.abs(p - t)) > bound for p, t in zip(products, tangents, strict=True)):
        yield "reverse over reverse and forward over reverse"


def variants(program: Program, rng: np.random.Generator) -> Iterator[list[Any]]:
    """Leaves for calls of the program: other values, dtypes and shapes, constants, shared ones."""
    for _ in range(40):
        values = {k: v + 0.05 * rng.standard_normal(v.shape) for k, v in program.inputs.items()}
        change = int(rng.integers(12))
        if change == 0:
            values = {k: v.astype(np.float32) for k, v in values.items()}
        elif change == 1:
            values["x"] = values["x"].astype(np.float32)
        elif change == 2:
            values["w"] = np.full((1,), values["w"])
        elif change == 3:
            values["x"] = values["x"][:1]
        elif change == 4:
            values = {k: np.zeros_like(v) for k, v in values.items()}
        leaves: Values = {k: ag.tensor(v, requires_grad=True) for k, v in values.items()}
        if change == 5:
            leaves["w"] = ag.tensor(float(values["w"]), requires_grad=True)
        elif change == 6:
            leaves["y"] = values["y"]
        elif change == 7:
            leaves["x"] = leaves["z"][:2]
        elif change == 8:
            leaves["w"] = np.sum(leaves["y"])
        yield list(leaves.values())


def bits(g: Any) -> Any:
    g = g.data if isinstance(g, ag.Tensor) else g
    return None if g is None else (g.dtype, g.shape, g.tobytes())


def swept_otherwise(program: Program) -> Iterator[str]:
    """Where backward(), which learns the graphs it has met, differs from a sweep in any bit.

    Those of every third program are recorded.
    """
    rng = np.random.default_rng(program.seed)
    for inputs in variants(program, rng):
        try:
            y = program.f(*inputs)
        except (ValueError, IndexError, np.linalg.LinAlgError):  # of another shape
            continue
        if y.shape != ():
            continue
        leaves = [x for x in inputs if isinstance(x, ag.Tensor) and x.is_leaf]
        recorded, seed = program.seed % 3 == 0, y.dtype.type(1)
        expected = sweep(
            [(y.node, ag.tensor(seed) if recorded else seed)],
            as_tensors=as_tensors if recorded else None,
        )
        y.backward(create_graph=recorded, retain_graph=bool(rng.integers(2)))
        for x in leaves:
            g, got = expected.get(x.node), x.grad
            if bits(g) != bits(got):
                yield f"{x.shape}: {g!r} and {got!r}"


def compiled_disagreement(program: Program) -> Iterator[str]:
    """Whether the compiled gradient differs from the eager one, on inputs not traced with."""
    primals = list(program.inputs.values())
    n = tuple(range(len(primals)))
    step = ag.compile(ag.grad(program.f, n))
    step(*[p + 1e-3 for p in primals])
    for got, g in zip(step(*primals), ag.grad(program.f, n)(*primals), strict=True):
        if np.max(np.abs(got - g)) > 1e-11 * (1 + np.max(np.abs(g))):
            yield f"the compiled program: {got!r}, eagerly {g!r}"


def inner(grads: Any, directions: Any) -> float:
    return sum(float(np.sum(g * d)) for g, d in zip(grads, directions, strict=True))


def differences(f: Any, primals: Any, u: Any, h: float) -> float:
    """The slope of f along u, by central differences extrapolated to fourth order."""

    def slope(h: float) -> float:
        up, down = (f(*(p + s * h * d for p, d in zip(primals, u, strict=True))) for s in (1, -1))
        return float((up - down) / (2 * h))

    return (4 * slope(h) - slope(2 * h)) / 3


def check(seed: int) -> None:
    program = Program(seed)
    found = list(disagreements(program))
    if seed % 5 == 0:  # to compile a program takes 50 times as long as to sweep it
        found += compiled_disagreement(program)
    if found:
        raise AssertionError(
            f"program {seed} disagrees in: {'; '.join(found)}\n\n{program.script()}"
        )


@pytest.mark.parametrize("seed", range(50))
def test_every_way_to_the_gradient_agrees(seed: int) -> None:
    """Reverse, recorded, forward, compiled, differences; second order two ways."""
    check(seed)


def check_sweeps(seeds: range, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs swept 40 times each, by functions written for them as soon as can be.

    Those of every other write over arrays as small as these are.
    """
    monkeypatch.setattr(unrolled, "PATIENCE", 1)
    taken = []
    over = 0  # functions that write over arrays

    class Watched(Unrolled):
        def __init__(self, made_for: Any) -> None:
            super().__init__(made_for)
            nonlocal over
            over += "t0 := " in self.source or "ct, ct)" in self.source
            run = self.run

            def watched(*args: Any) -> Any:
                found = run(*args)
                taken.append(found is not None)
                return found

            self.run = watched

    monkeypatch.setattr(writer, "Unrolled", Watched)
    at_hand = outline.AT_HAND
    for seed in seeds:
        monkeypatch.setattr(outline, "AT_HAND", at_hand if seed % 2 else 0)
        expression.cache_clear()
        for row in set(TABLE.values()):
            for plan in row.plans.values():
                plan.written = None
        program = Program(seed, lines=4 + seed % 12)
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            found = list(swept_otherwise(program))  # NumPy warns of the mean of an empty slice
        assert not found, f"program {seed}: {'; '.join(found)}\n\n{program.script()}"
    expression.cache_clear()
    assert sum(taken) > 5 * len(seeds)
    assert over > len(seeds) // 8


def test_sweeps_of_one_program_agree_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever changes from call to call: values, dtypes, shapes, constants, shared inputs."""
    check_sweeps(range(2000, 2040), monkeypatch)


@pytest.mark.thorough
def test_sweeps_of_a_thousand_programs_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same over 1,000 seeds."""
    check_sweeps(range(3000, 4000), monkeypatch)


@pytest.mark.thorough
@pytest.mark.parametrize("block", range(20))
def test_every_way_agrees_in_a_thousand_programs(block: int) -> None:
    """The same over 1,000 seeds."""
    for seed in range(1000 + 50 * block, 1050 + 50 * block):
        check(seed)


def test_programs_are_what_they_claim_to_be() -> None:
    """The same at every run, and over 50 seeds nearly every operation is drawn."""
    assert Program(3).source == Program(3).source
    text = "".join(Program(seed).source for seed in range(50))
    names = set(re.findall(r"(?:np|ag)[.\w]+\(", "".join(chain(*FAMILIES))))
    missing = [name for name in names if name not in text]
    assert len(missing) < len(names) / 5, missing


def test_a_wrong_rule_is_found_and_printed_as_code_that_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A gradient of np.sin that is off by 1e-5 fails; the script printed says so."""
    from autograd_lite.table import TABLE

    op = TABLE[np.sin]
    monkeypatch.setattr(op, "rules", (lambda g, y, x: g * np.cos(x) * (1 + 1e-5),))
    monkeypatch.setattr(op, "plans", {})
    monkeypatch.setattr(op, "one", None)
    with pytest.raises(AssertionError, match="program 0 disagrees in: differences") as caught:
        check(0)
    script = str(caught.value).split("\n\n", 1)[1]
    exec(script, {})
    assert "mismatch" in capsys.readouterr().out
