"""What a Program promises: results, signatures, errors, donation, copies, threads."""

from __future__ import annotations

import importlib.util
import pickle
import subprocess
import sys
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_lite as ag
import nn


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def network(dtype: Any = np.float64, seed: int = 0) -> dict[str, Any]:
    g = rng(seed)
    shapes = {"W1": (7, 5), "b1": (5,), "W2": (5, 3), "b2": (3,)}
    return {name: g.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


def batch(n: int = 4, dtype: Any = np.float64, seed: int = 1) -> tuple[Any, Any]:
    g = rng(seed)
    return g.standard_normal((n, 7)).astype(dtype), np.eye(3, dtype=dtype)[g.integers(0, 3, n)]


def step(params: Any, X: Any, Y: Any, alpha: Any) -> Any:
    """The lecture's training step."""

    def loss(p: Any) -> Any:
        Z1 = X @ p["W1"] + p["b1"]
        Z1.name = "Z1"
        A1 = ag.relu(Z1)
        A1.name = "A1"
        Z2 = A1 @ p["W2"] + p["b2"]
        Z2.name = "Z2"
        return ag.softmax_cross_entropy(Z2, Y, normalized=True)

    value, grads = ag.value_and_grad(loss)(params)
    return {name: params[name] - alpha * grads[name] for name in params}, value


def assert_close(a: Any, b: Any, rtol: float = 1e-13) -> None:
    """Pytrees of equal structure whose arrays agree."""
    (xs, s), (ys, t) = ag.pytree.flatten(a), ag.pytree.flatten(b)
    assert s == t
    for x, y in zip(xs, ys, strict=True):
        assert np.asarray(x).dtype == np.asarray(y).dtype
        scale = float(np.max(np.abs(y), initial=0.0))
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol * scale)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_training_step_gives_the_eager_numbers_on_new_data(dtype: Any) -> None:
    program = ag.compile(step)
    program(network(dtype), *batch(4, dtype), 0.1)
    params, data = network(dtype, 5), batch(4, dtype, 6)
    got, expected = program(params, *data, 0.3), step(params, *data, 0.3)
    assert_close(got, expected, 1e-13 if dtype == np.float64 else 2e-6)


def test_the_lectures_step_has_exactly_five_products_and_its_names() -> None:
    program = ag.compile(step, donate=0)
    program(network(), *batch(), 0.1)
    source = program.source
    assert "5 matrix products" in source
    products = [line.strip() for line in source.splitlines() if " = dot(" in line]
    assert [p.split(" = ")[0] for p in products if "ones" not in p] == [
        "Z1", "Z2", "A1_grad", "W2_grad", "W1_grad"
    ]  # fmt: skip
    for line in ("Z2_grad = subtract(Y_hat, Y", "W2_grad = dot(A1.T, Z2_grad",
                 "A1_grad = dot(Z2_grad, W2.T", "W1_grad = dot(X.T, Z1_grad"):  # fmt: skip
        assert line in source


def test_a_new_shape_or_dtype_traces_again_and_a_new_rate_does_not() -> None:
    traces = []

    def f(x: Any, alpha: Any) -> Any:
        traces.append(1)
        return alpha * np.sin(x)

    program = ag.compile(f)
    for alpha in (0.1, 0.2, 0.3):
        np.testing.assert_array_equal(program(np.ones(3), alpha), alpha * np.sin(np.ones(3)))
    assert len(traces) == 1
    program(np.ones(4), 0.1)
    program(np.ones(3, np.float32), 0.1)
    assert len(traces) == 3
    assert program(np.ones(3, np.float32), 0.1).dtype == np.float32
    program(np.ones(3), 0.1)
    assert len(traces) == 3


def test_ints_bools_and_strings_are_static() -> None:
    program = ag.compile(lambda x, n, kind: x**n if kind == "power" else n * x)
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(program(x, 3, "power"), x**3)
    np.testing.assert_array_equal(program(x, 2, "power"), x**2)
    np.testing.assert_array_equal(program(x, 3, "times"), 3 * x)


def test_static_argnums_reach_the_function_as_they_are() -> None:
    program = ag.compile(lambda x, f: f(x), static_argnums=1)
    np.testing.assert_array_equal(program(np.ones(2), np.sin), np.sin(np.ones(2)))
    np.testing.assert_array_equal(program(np.ones(2), np.cos), np.cos(np.ones(2)))
    with pytest.raises(TypeError, match="hash"):
        program(np.ones(2), [1])


def test_many_signatures_warn_once() -> None:
    program = ag.compile(lambda x: x + 1.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for n in range(1, 13):
            program(np.ones(n))
    assert len(caught) == 1
    assert "signatures" in str(caught[0].message)


@pytest.mark.parametrize(
    ("use", "word"),
    [
        (lambda x: 1.0 if np.sum(x) > 0 else 2.0, "bool"),
        (lambda x: float(np.sum(x)), "float"),
        (lambda x: np.sum(x).item(), "item"),
        (lambda x: np.asarray(np.sin(x)), "array"),
        (lambda x: np.sin(x).numpy(), "numpy"),
        (lambda x: np.sin(x)[np.sin(x) > 0], "getitem"),
    ],
)
def test_a_value_that_would_steer_python_is_refused_by_line(use: Any, word: str) -> None:
    with pytest.raises(TypeError, match=rf"(?s){word}.*test_program\.py:\d+.*np\.where"):
        ag.compile(use)(np.ones(3))


def test_a_closed_over_array_is_a_constant_copied_at_the_trace() -> None:
    c = np.ones(3)
    program = ag.compile(lambda x: x * c)
    program(np.ones(3))
    c[:] = 5.0
    np.testing.assert_array_equal(program(np.full(3, 2.0)), np.full(3, 2.0))


def test_a_closed_over_tensor_that_requires_grad_is_to_be_passed() -> None:
    w = ag.tensor(np.ones(3), requires_grad=True, name="w")
    with pytest.raises(TypeError, match=r"w of shape \(3,\).*pass it"):
        ag.compile(lambda x: x * w)(np.ones(3))


def test_floats_in_floats_out() -> None:
    f = ag.value_and_grad(lambda x: x * np.sin(x) / 2.0)
    value, slope = ag.compile(f)(0.5)
    expected = f(0.5)
    assert type(slope) is float
    assert type(value) is type(expected[0])
    assert (value, slope) == expected


def test_tensors_in_tensors_out() -> None:
    got = ag.compile(lambda x: np.sin(x))(ag.tensor([1.0, 2.0]))
    assert isinstance(got, ag.Tensor)


def test_programs_can_be_differentiated() -> None:
    program = ag.compile(lambda x: np.sum(np.sin(x) ** 2))
    x = np.array([0.3, 0.4])
    np.testing.assert_allclose(ag.grad(program)(x), np.sin(2 * x), rtol=1e-14)
    np.testing.assert_allclose(ag.compile(ag.grad(program))(x), np.sin(2 * x), rtol=1e-14)


@pytest.mark.parametrize(
    "transform",
    [
        ag.grad,
        ag.value_and_grad,
        ag.hessian,
        lambda f: lambda x: ag.hvp(f, (x,), (x + 1.0,)),
        lambda f: lambda x: ag.jvp(f, (x,), (x,)),
        lambda f: ag.jacobian(ag.grad(f)),
        lambda f: ag.grad(lambda x: np.sum(ag.grad(f)(x) ** 3)),
        lambda f: lambda x: ag.vjp(f, x)[1](2.0),
    ],
)
def test_transforms_inside_a_program_give_the_eager_numbers(transform: Any) -> None:
    g = transform(lambda x: np.sum(np.tanh(x @ x.T) * np.exp(-x @ x.T)))
    program = ag.compile(g)
    program(rng(1).standard_normal((3, 3)))
    x = rng(2).standard_normal((3, 3))
    assert_close(program(x), g(x), 1e-12)


def test_results_are_fresh_arrays_and_never_arguments() -> None:
    program = ag.compile(lambda x: (x, x, x.T, x + 1.0, x.reshape(-1)))
    x = np.ones((2, 2))
    first, second = program(x), program(x)
    arrays = [*first, *second]
    for i, a in enumerate(arrays):
        assert not any(np.shares_memory(a, b) for b in [x, *arrays[:i]])


def test_forward_steps_warn_as_numpy_does_and_the_backward_pass_is_silent() -> None:
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        ag.compile(lambda x: 1.0 / x)(np.zeros(2))
    f = ag.compile(ag.grad(lambda x: np.sum(np.sqrt(x))))
    np.testing.assert_array_equal(f(np.zeros(2)), [np.inf, np.inf])


def test_random_draws_come_anew_from_the_eager_stream() -> None:
    def f(x: Any, g: Any) -> Any:
        noise = ag.random.normal(g, (3,))
        ag.random.uniform(g, (2,))  # not used, and still drawn
        return x + noise, x * ag.random.bernoulli(g, (3,), p=0.5)

    program = ag.compile(f)
    program(np.ones(3), rng(9))
    ours, theirs = rng(3), rng(3)
    for _ in range(3):
        for a, b in zip(program(np.ones(3), ours), f(np.ones(3), theirs), strict=True):
            np.testing.assert_array_equal(a, b)


def test_checkpointed_functions_and_no_grad_compile() -> None:
    g = rng(0)
    f = ag.grad(lambda x: np.sum(ag.checkpoint(lambda y: np.sin(y) * y)(x)))
    x = g.standard_normal(4)
    np.testing.assert_allclose(ag.compile(f)(x), f(x), rtol=1e-14)
    with ag.no_grad():
        np.testing.assert_allclose(ag.compile(f)(x), f(x), rtol=1e-14)


# --- donation


def test_a_donated_argument_is_overwritten_and_is_the_result() -> None:
    program = ag.compile(step, donate=0)
    params, data = network(), batch()
    expected = step(params, *data, 0.1)
    kept = dict(params)
    new, loss = program(params, *data, 0.1)
    assert all(new[name] is kept[name] for name in kept)
    assert_close((new, loss), expected)


def test_a_donated_array_that_is_read_only_or_shared_is_refused_untouched() -> None:
    program = ag.compile(step, donate=0)
    params, data = network(), batch()
    params["b1"].flags.writeable = False
    with pytest.raises(ValueError, match=r"b1 of shape \(5,\) is donated, but read-only"):
        program(params, *data, 0.1)
    params = network()
    params["W1"] = params["W1"].reshape(-1)[:35].reshape(7, 5)
    before = params["W1"].copy()
    with pytest.raises(ValueError, match=r"W1 of shape \(7, 5\) .* shares memory with X of"):
        program(params, params["W1"].reshape(-1)[:28].reshape(4, 7), data[1], 0.1)
    np.testing.assert_array_equal(params["W1"], before)


@pytest.mark.parametrize("donated", ["whole", "part"])
def test_batches_may_be_slices_but_not_of_what_is_donated(donated: str) -> None:
    program = ag.compile(lambda p, x: (p - 0.5 * x, np.sum(x)), donate=0)
    data, p = np.arange(12.0), np.ones(4)
    for i in (0, 4, 8):
        expected = p - 0.5 * data[i : i + 4]
        np.testing.assert_array_equal(program(p, data[i : i + 4])[0], expected)
    x = data if donated == "whole" else data[:8]
    other = np.asarray(memoryview(data))  # whose base is no array
    for y in (data[2:6], other[2:6], data[6:2:-1]):
        with pytest.raises(ValueError, match="shares memory with x of"):
            ag.compile(lambda p, x: (p * 2.0, np.sum(x)), donate=0)(x, y)
    program(data[:4], data[8:])  # two parts of one array that do not meet


def test_donation_without_a_result_to_take_its_place_is_an_error() -> None:
    with pytest.raises(TypeError, match=r"argument 0 \(x\)"):
        ag.compile(lambda x: np.sum(x), donate=0)(np.ones(3))


def test_exceptions_leave_donated_arrays_untouched() -> None:
    def f(params: Any, labels: Any) -> Any:
        loss, g = ag.value_and_grad(lambda p: ag.softmax_cross_entropy(p[0], labels))(params)
        return [params[0] - 0.1 * g[0]], loss

    program = ag.compile(f, donate=0)
    params = [rng().standard_normal((3, 4))]
    program(params, np.array([0, 1, 2]))
    before = params[0].copy()
    with pytest.raises(ValueError, match="out of range"):
        program(params, np.array([0, 1, 9]))
    np.testing.assert_array_equal(params[0], before)


def test_donated_results_that_read_each_other_are_right() -> None:
    def swap(p: Any) -> Any:
        return {"a": p["b"] + 1.0, "b": p["a"] * p["b"], "c": p["a"], "d": p["d"]}

    p = {name: rng(i).standard_normal(3) for i, name in enumerate("abcd")}
    expected = swap({name: x.copy() for name, x in p.items()})
    got = ag.compile(swap, donate=0)(p)
    for name in p:
        assert got[name] is p[name]
        np.testing.assert_array_equal(got[name], expected[name])


# --- models and optimisers

OPTIMISERS = [
    nn.GradientDescent(0.1),
    nn.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    nn.RMSprop(0.01),
    nn.Adam(nn.optim.cosine(0.01, 10)),
    nn.AdamW(0.01, max_norm=0.5),
]


@pytest.mark.parametrize("donate", [(), (0, 1)])
@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_optimisers_step_as_eagerly(optimiser: Any, donate: Any, dtype: Any) -> None:
    def f(params: Any, state: Any, X: Any, Y: Any) -> Any:
        def loss(p: Any) -> Any:
            A1 = np.tanh(X @ p["W1"] + p["b1"])
            return ag.softmax_cross_entropy(A1 @ p["W2"] + p["b2"], Y)

        value, grads = ag.value_and_grad(loss)(params)
        new, state = optimiser.update(params, grads, state)
        return new, state, value

    program = ag.compile(f, donate=donate)
    ours, theirs = network(dtype), network(dtype)
    s, t = optimiser.init(ours), optimiser.init(theirs)
    for seed in range(3):
        data = batch(4, dtype, seed)
        ours, s, ours_loss = program(ours, s, *data)
        theirs, t, loss = f(theirs, t, *data)
    assert len(program._compiled) == 1
    assert_close((ours, s, ours_loss), (theirs, t, loss), 1e-12 if dtype == np.float64 else 1e-4)


def test_a_model_is_an_argument_and_can_be_donated() -> None:
    model = nn.MLP([7, 5, 3], rng=rng())
    X, Y = batch()
    optimiser = nn.GradientDescent(0.1)

    def f(model: Any, X: Any, Y: Any) -> Any:
        loss, g = ag.value_and_grad(lambda m: nn.softmax_cross_entropy(m.logits(X), Y))(model)
        return optimiser.update(model, g, {"t": 0.0})[0], loss

    expected = {name: p.data.copy() for name, p in f(model, X, Y)[0].named_parameters()}
    new, _ = ag.compile(f, donate=0)(model, X, Y)
    assert new is model
    for name, p in model.named_parameters():
        np.testing.assert_allclose(p.data, expected[name], rtol=1e-13)


def test_a_model_that_changes_is_taken_apart_anew() -> None:
    model = nn.Sequential(nn.Linear(4, 3, rng=rng()), nn.Tanh())
    program = ag.compile(lambda model, x: model(x) * (2.0 if model.training else 1.0))
    x = rng(1).standard_normal((2, 4))

    def check() -> None:
        np.testing.assert_allclose(program(model, x), model(x).numpy() * (1.0 + model.training))

    for change in (
        lambda: None,
        lambda: None,
        model.eval,
        model.train,
        lambda: setattr(model.layers[0].W, "data", np.ones((4, 3))),
        lambda: model.layers.append(nn.Sigmoid()),
        lambda: setattr(model.layers[0], "W", nn.Parameter(np.full((4, 3), 0.5))),
        lambda: setattr(model.layers[0].b, "requires_grad", False),
    ):
        change()
        for n in (2, 5, 2):
            x = rng(n).standard_normal((n, 4))
            check()
            check()


def test_models_deep_inside_arguments_are_found_and_told_apart() -> None:
    f = lambda tree, x: tree["a"][0]["b"](x) * tree["c"][1]
    program = ag.compile(f)
    x = rng(1).standard_normal((2, 4))
    for seed in (0, 0, 1, 1, 0):
        layer = nn.Linear(4, 3, rng=rng(seed))
        tree = {"a": [{"b": layer, "n": [1.0, 2.0]}], "c": (0, float(seed))}
        for _ in range(3):
            np.testing.assert_allclose(program(tree, x), f(tree, x).numpy())


# --- source, copies, threads


def test_the_source_runs_with_numpy_alone(tmp_path: Path) -> None:
    program = ag.compile(step)
    params, data = network(), batch()
    expected = program(params, *data, 0.1)
    program.save(tmp_path / "saved_step.py")
    np.savez(tmp_path / "data.npz", **params, X=data[0], Y=data[1])
    code = (
        "import sys, numpy as np\n"
        "from saved_step import step\n"
        "d = dict(np.load('data.npz'))\n"
        "X, Y = d.pop('X'), d.pop('Y')\n"
        "new, loss = step(d, X, Y, 0.1)\n"
        "assert 'autograd_lite' not in sys.modules\n"
        "np.savez('out.npz', loss=loss, **new)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    out = dict(np.load(tmp_path / "out.npz"))
    np.testing.assert_array_equal(out["loss"], expected[1])
    for name in params:
        np.testing.assert_array_equal(out[name], expected[0][name])


def saved(program: Any, path: Path) -> Any:
    """The module of a saved program."""
    program.save(path)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_saved_program_refuses_what_it_would_compute_wrongly(tmp_path: Path) -> None:
    """The 6 of a mean and the 2 of a loop are numbers in it."""

    def f(tree: Any, rate: float, n: int, shape: Any) -> Any:
        return np.mean(tree["x y"]) * rate * n + sum(shape)

    program = ag.compile(f, static_argnums=3)
    x = np.arange(6.0)
    expected = program({"x y": x}, 0.5, 2, (1, 2))
    for i, p in enumerate([program, pickle.loads(pickle.dumps(program))]):
        run = saved(p, tmp_path / f"saved{i}.py").f
        assert run({"x y": x}, 0.5, 2, (1, 2)) == expected
        assert run({"x y": x}, np.float64(0.5), 2, (1, 2)) == expected
        assert run({"x y": x}, 1, 2, (1, 2)) == program({"x y": x}, 1.0, 2, (1, 2))
        for arguments, message in [
            (({"x y": x[:3]}, 0.5, 2, (1, 2)), r"\['x y'\] has shape \(3,\) and dtype float64, but "
             r"this program was saved for shape \(6,\) and dtype float64; compile"),
            (({"x y": x.astype(np.float32)}, 0.5, 2, (1, 2)), "dtype float32, but .* float64;"),
            (({"x y": list(x)}, 0.5, 2, (1, 2)), "is a list, but"),
            (({"x y": x}, x, 2, (1, 2)), r"rate has shape \(6,\) .* saved for a number"),
            (({"x y": x}, "0.5", 2, (1, 2)), "rate is a str, .* saved for a number"),
            (({"x y": x}, 0.5, 3, (1, 2)), "n is 3, but this program was saved for 2;"),
            (({"x y": x}, 0.5, True, (1, 2)), "n is True"),
            (({"x y": x}, 0.5, 2, (1, 3)), r"shape is \(1, 3\), but .* for \(1, 2\);"),
        ]:  # fmt: skip
            with pytest.raises(ValueError, match=message):
                run(*arguments)


def test_a_saved_program_checks_before_it_writes_into_donated_arrays(tmp_path: Path) -> None:
    program = ag.compile(lambda w, x: (w - np.mean(x), np.sum(x)), donate=0)
    program(np.ones(3), np.ones(4))
    run = saved(program, tmp_path / "f.py").program
    w = np.ones(3)
    with pytest.raises(ValueError, match=r"x has shape \(5,\)"):
        run(w, np.ones(5))
    np.testing.assert_array_equal(w, 1.0)
    assert run(w, np.ones(4))[0] is w


def test_the_check_of_a_saved_program_hides_no_argument(tmp_path: Path) -> None:
    """Nor does an argument hide it."""
    program = ag.compile(lambda check_arguments, ARGUMENTS, zip: check_arguments * ARGUMENTS + zip)
    arguments = np.ones(3), np.arange(3.0), 2.0
    expected = program(*arguments)
    run = saved(program, tmp_path / "f.py").program
    np.testing.assert_array_equal(run(*arguments), expected)
    with pytest.raises(ValueError, match=r"ARGUMENTS has shape \(\) and dtype float64"):
        run(np.ones(3), np.float64(1.0), 2.0)


def test_large_constants_go_beside_the_source(tmp_path: Path) -> None:
    c = rng().standard_normal((30, 4))
    program = ag.compile(lambda x: np.tanh(x) * c)
    program(np.ones((30, 4)))
    assert [p.suffix for p in program.save(tmp_path / "f.py")] == [".py", ".npz"]
    spec = importlib.util.spec_from_file_location("f", tmp_path / "f.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    x = rng(1).standard_normal((30, 4))
    np.testing.assert_array_equal(module.program(x), np.tanh(x) * c)
    lines = (tmp_path / "f.py").read_text().splitlines()
    imports = [i for i, line in enumerate(lines) if line.startswith(("import", "from"))]
    assert imports == [*range(imports[0], imports[0] + len(imports))]


@ag.primitive(vjp=(lambda g, y, x: g * 2.0 * x,))
def squared(x: Any) -> Any:
    return x * x


def _halved(x: Any) -> Any:
    return x / 2.0


halved = ag.primitive(vjp=(lambda g, y, x: g / 2.0,))(_halved)
quadratic = ag.primitive(vjp=(lambda g, y, x: g * 2.0 * x,))(np.square)


def test_a_program_of_users_primitives_is_pickled() -> None:
    """By the names of the operations, or of the functions that they are made of."""
    program = ag.compile(ag.value_and_grad(lambda x: np.sum(squared(x) + halved(x) * quadratic(x))))
    x = np.array([1.0, 2.0])
    value, g = program(x)
    again, h = pickle.loads(pickle.dumps(program))(x)
    assert again == value
    np.testing.assert_array_equal(h, g)


def test_a_users_primitive_compiles_and_is_imported_by_name(tmp_path: Path) -> None:
    program = ag.compile(ag.grad(lambda x: np.sum(squared(x) * squared(x))))
    x = np.array([1.0, 2.0])
    np.testing.assert_allclose(program(x), 4 * x**3)
    program.save(tmp_path / "f.py")
    assert "import squared" in (tmp_path / "f.py").read_text()


@pytest.mark.parametrize("name", ["<lambda>", "if", "None", "my op", "2nd", "len", "float", "np"])
def test_a_primitive_of_any_name_compiles(name: str) -> None:
    """One of a lambda, whose name is no identifier, and one that would hide a name of Python's."""

    def function(x: Any) -> Any:
        return 2.0 * x

    function.__name__ = name
    double = ag.primitive(vjp=(lambda g, y, x: 2.0 * g,))(function)
    program = ag.compile(ag.value_and_grad(lambda xs: np.sum(double(xs[0]) * double(xs[1]))))
    value, (a, b) = program([np.ones(2), np.full(2, 3.0)])
    assert (value, a.tolist(), b.tolist()) == (24.0, [12.0, 12.0], [4.0, 4.0])


def test_a_primitive_takes_a_function_without_a_name_as_its_parameter() -> None:
    """A functools.partial has none."""

    @ag.primitive(vjp=(lambda g, y, x, by=None: by(g),))
    def scaled(x: Any, by: Any = None) -> Any:
        return by(x)

    program = ag.compile(lambda x: scaled(x, by=partial(np.multiply, 3.0)))
    assert program(np.ones(2)).tolist() == [3.0, 3.0]


def test_a_local_primitive_cannot_be_saved_and_the_error_says_so(tmp_path: Path) -> None:
    @ag.primitive(vjp=(lambda g, y, x: g,))
    def local(x: Any) -> Any:
        return x + 0.0

    program = ag.compile(lambda x: local(x))
    program(np.ones(2))
    with pytest.raises(TypeError, match=r"local.*cannot import"):
        program.save(tmp_path / "f.py")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"donate": "w"}, TypeError, "donate is the place of an argument, or a tuple .*, got 'w'$"),
        ({"donate": 0.0}, TypeError, "donate is the place of an argument, or a tuple .*, got 0.0$"),
        ({"static_argnums": ["x"]}, TypeError, r"static_argnums is the place .*, got \['x'\]$"),
        ({"donate": 2}, TypeError, "donate 2: f was called with 2 positional arguments, and only"),
        ({"donate": (0, -3)}, TypeError, "donate -3: f was called with 2 positional arguments"),
        ({"names": ["W1"]}, TypeError, r"names are a dict of variables by path, .*, got \['W1'\]$"),
        ({"names": {"v": "W1"}}, ValueError, "names: 'v' is no array .* arguments of f, which are"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    options: Any, error: type[Exception], message: str
) -> None:
    def f(w: Any, x: Any) -> Any:
        return w - x, np.sum(x)

    with pytest.raises(error, match=message):
        ag.compile(f, **options)(np.ones(2), np.ones(2))


def test_a_program_is_saved_as_a_file_that_python_imports(tmp_path: Path) -> None:
    program = ag.compile(step)
    program(network(), *batch(), 0.1)
    with pytest.raises(
        ValueError, match=r"save: expected a path that ends in \.py, got '.*step\.txt'"
    ):
        program.save(tmp_path / "step.txt")
    assert list(tmp_path.iterdir()) == []


def test_the_source_before_a_call_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="not been called"):
        _ = ag.compile(step).source


def test_a_pickled_program_runs_without_tracing() -> None:
    program = ag.compile(step)
    params, data = network(), batch()
    expected = program(params, *data, 0.1)
    copy = pickle.loads(pickle.dumps(program))
    assert copy.source == program.source
    assert_close(copy(params, *data, 0.1), expected)
    lost = ag.compile(lambda x: x + 1.0)
    lost(np.ones(2))
    copy = pickle.loads(pickle.dumps(lost))
    np.testing.assert_array_equal(copy(np.ones(2)), np.full(2, 2.0))
    with pytest.raises(TypeError, match="compile the function again"):
        copy(np.ones(3))


def test_tracebacks_show_the_programs_lines() -> None:
    program = ag.compile(lambda x, i: x[i])
    program(np.ones(3), np.array([0]))
    with pytest.raises(IndexError) as caught:
        program(np.ones(3), np.array([7]))
    assert "x.take(i" in "".join(traceback.format_exception(caught.value))


def test_the_source_is_the_same_whatever_the_hash_seed(tmp_path: Path) -> None:
    code = (
        "import numpy as np, autograd_lite as ag\n"
        "def f(p, x):\n"
        "    g = ag.grad(lambda q: np.sum(np.tanh(x @ q['w'] + q['b']) ** 2))(p)\n"
        "    return {k: p[k] - 0.1 * g[k] for k in p}\n"
        "c = ag.compile(f, donate=0)\n"
        "c({'w': np.ones((3, 2)), 'b': np.ones(2)}, np.ones((4, 3)))\n"
        "print(c.source)\n"
    )
    root = str(Path(ag.__file__).parents[1])
    sources = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": root, "PATH": ""},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(sources) == 1


def test_threads_do_not_disturb_each_other() -> None:
    program = ag.compile(step)
    data = [(network(seed=s), *batch(seed=s)) for s in range(8)]
    expected = [step(*d, 0.1) for d in data]
    program(*data[0], 0.1)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            for got, want in zip(pool.map(lambda d: program(*d, 0.1), data), expected, strict=True):
                assert_close(got, want)


@pytest.mark.parametrize("tune", [False, True])
def test_products_in_either_layout_give_the_same_numbers(tune: bool) -> None:
    def f(W: Any, X: Any, D: Any) -> Any:
        return W - 0.5 * (X.T @ D)

    W, X, D = rng(0).random((300, 20)), rng(1).random((2000, 300)), rng(2).random((2000, 20))
    program = ag.compile(f, tune=tune)
    np.testing.assert_allclose(program(W, X, D), f(W, X, D), rtol=1e-13, atol=1e-10)
    assert tune or "dot(D.T, X" in program.source


def test_an_empty_index_is_printed_as_one() -> None:
    """x[()] is x, and a program may say so."""
    program = ag.compile(lambda x: x[()] * 2.0)
    np.testing.assert_array_equal(program(np.ones(2)), [2.0, 2.0])
    np.testing.assert_array_equal(program(np.arange(2.0)), [0.0, 2.0])


def test_tracing_leaves_the_generator_where_it_was() -> None:
    """The first call draws what an eager run would have drawn, and so do the next ones."""

    def noisy(x: Any, rng: np.random.Generator) -> Any:
        return x * ag.random.normal(rng, (3,)) + ag.random.uniform(rng, (3,))

    compiled, eager = np.random.default_rng(3), np.random.default_rng(3)
    program = ag.compile(noisy)
    for _ in range(3):
        np.testing.assert_array_equal(program(np.ones(3), compiled), noisy(np.ones(3), eager))


def test_parameters_may_be_called_like_what_a_program_defines() -> None:
    """Its buffers and its own variables go by other names then."""

    def f(work: Any, idle: Any, old: Any, buffers: Any, before: Any) -> Any:
        def loss(w: Any) -> Any:
            return np.sum(np.tanh(w @ old) * idle) + np.sum(buffers * before)

        value, g = ag.value_and_grad(loss)(work)
        return [work - 0.1 * g, old * 2.0], value

    def arguments(seed: int) -> list[Any]:
        return [rng(seed + i).random((3, 3)) for i in range(5)]

    for donate in ((), (0,)):
        program = ag.compile(lambda *args: (f(*args)[0][0], f(*args)[1]), donate=donate)
        named = ag.compile(f)
        program(*arguments(0))
        named(*arguments(0))
        assert_close(named(*arguments(5)), f(*arguments(5)))
        assert_close(program(*arguments(5))[0], f(*arguments(5))[0][0])
    donated = ag.compile(lambda work, idle, old: (work - idle * old, np.sum(work)), donate=0)
    for seed in (0, 5):
        work, idle, old = arguments(seed)[:3]
        expected = work - idle * old
        assert_close(donated(work, idle, old)[0], expected)


def test_parameters_may_be_called_like_what_writes_donated_arrays() -> None:
    def f(call: Any, deque: Any, partial: Any, writes: Any) -> Any:
        return {"a": call["a"] * deque, "b": call["b"] + partial, "c": call["c"]}, writes * 2.0

    def arguments() -> list[Any]:
        return [{name: rng(i).random(3) for i, name in enumerate("abc")}, *rng(5).random((3, 3))]

    assert_close(ag.compile(f, donate=0)(*arguments()), f(*arguments()))
    with pytest.raises(TypeError, match="uses np itself, so no argument may have that name"):
        ag.compile(lambda np: np * 2.0)(np.ones(2))
    g = lambda id, len, range: (id - len * range, np.sum(id))
    x = rng(1).random((3, 4))
    assert_close(ag.compile(g, donate=0)(*x.copy()), g(*x))


@pytest.mark.parametrize("n", [3, 50_000])
def test_variables_may_be_called_like_constants(n: int) -> None:
    """Parameters, keys and names of values, in the program's function and in that of a chain."""

    def f(one: Any, zero: Any, p: Any, c0: Any) -> Any:
        half = np.tanh(one * 0.5) * 0.123
        if isinstance(half, ag.Tensor):
            half.name = "half"
        y = ag.relu(half) * (1.0 - half) * p["ones"] + zero * 0.123 + c0
        return 1.0 - np.exp(y) * 0.5 * p["two"], np.sum(y, axis=0)

    def arguments(seed: int) -> list[Any]:
        a = rng(seed).standard_normal((5, n, 2))
        return [a[0], a[1], {"ones": a[2], "two": a[3], "map": a[0], "len": a[1]}, a[4]]

    program = ag.compile(f)
    program(*arguments(0))
    assert_close(program(*arguments(1)), f(*arguments(1)), 1e-11)
    g = lambda p: {key: x * 2.0 for key, x in p.items()}
    assert_close(ag.compile(g, donate=0)(arguments(0)[2]), g(arguments(0)[2]))


def test_errors_are_handled_as_before_after_a_program_and_after_one_that_failed() -> None:
    f = ag.compile(lambda p, i: (p - ag.grad(lambda q: np.sum(np.sqrt(q)[i]))(p), 0.0), donate=0)
    for errors in ("raise", "warn", "ignore"):
        with np.errstate(all=errors):  # type: ignore[call-overload]
            before = np.geterr()
            f(np.ones(3), np.array([0]))
            assert np.geterr() == before
            with pytest.raises(IndexError):
                f(np.ones(3), np.array([7]))
            assert np.geterr() == before
    assert "ERRORS.set(IGNORED)" in f.source


def test_forward_derivatives_pass_by_comparisons_and_constants() -> None:
    """A trace gives them nodes too, and no rule pushes a tangent through those."""
    masked = lambda x: np.sum(x * (x > 0) * np.heaviside(0.5, x))
    x = rng().standard_normal(5)
    for v in (np.ones(5), x):
        f = lambda x, v: ag.jvp(masked, (x,), (v,))
        assert_close(ag.compile(f)(x, v), f(x, v))
    second = lambda a: ag.jvp(ag.grad(abs), (a,), (1.0,))  # the gradient is made a float
    assert ag.compile(second)(1.5) == second(1.5) == (1.0, 0.0)


def test_a_float_is_made_an_array_once_it_has_its_value() -> None:
    """Though its variable had the value of another before."""
    x = np.linspace(0.5, 2.0, 4, dtype=np.float32)
    f = lambda a: x * ag.grad(lambda b: b**3)(a)
    assert_close(ag.compile(f)(1.5), f(1.5))
    program = ag.compile(lambda a, b: x * ((a + b) * (a - b)))
    assert_close(program(3.0, 2.0), x * 5.0)
