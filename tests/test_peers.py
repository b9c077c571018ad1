"""Gradients against other engines, where one is installed: equal to 1e-12, or listed with a reason.

torch.autograd and jax.grad take the gradient of the same function; each function is written in the
names that the three share, with the spelling of each where they differ.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd_lite as ag

RNG = np.random.default_rng(11)
F = Callable[..., Any]

needs_torch = pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="no torch")
needs_jax = pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="no jax")


def torch_gradient(f: F, x: Any) -> Any:
    import torch

    leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    y = f(torch, leaf).sum()
    if y.requires_grad:
        y.backward()
    return np.zeros_like(x) if leaf.grad is None else leaf.grad.numpy()


def jax_gradient(f: F, x: Any) -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    import jax.numpy as jnp

    return np.asarray(jax.grad(lambda x: jnp.sum(f(jnp, x)))(np.asarray(x)))


def our_gradient(f: F, x: Any) -> Any:
    with np.errstate(all="ignore"):
        return ag.grad(lambda x: np.sum(f(np, x)))(np.asarray(x))


def torch_curvature(f: F, x: Any, v: Any) -> Any:
    import torch

    leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    y = f(torch, leaf).sum()
    zero = np.zeros_like(x)
    if not y.requires_grad:
        return zero
    (g,) = torch.autograd.grad(y, leaf, create_graph=True)
    if not g.requires_grad:
        return zero
    (h,) = torch.autograd.grad((g * torch.tensor(v)).sum(), leaf, allow_unused=True)
    return zero if h is None else h.numpy(force=True)


def our_curvatures(f: F, x: Any, v: Any) -> Any:
    """The Hessian times v: reverse over reverse, forward over reverse, reverse over forward."""
    total = lambda x: np.sum(f(np, x))
    gradient = ag.grad(total)
    with np.errstate(all="ignore"):
        yield ag.grad(lambda x: np.sum(gradient(x) * v))(x)
        yield ag.jvp(gradient, (x,), (v,))[1]
        yield ag.grad(lambda x: ag.jvp(total, (x,), (v,))[1])(x)


class Same(NamedTuple):
    """A function `(xp, x)`, where it is taken, and its spelling for torch (None: left out)."""

    name: str
    f: F
    x: Any
    torch: F | str | None = "same"
    rtol: float = 1e-12


square = RNG.standard_normal((3, 3)) + 3 * np.eye(3)
matrix, vector = RNG.standard_normal((2, 3)), RNG.standard_normal(4)
positive, unit = RNG.uniform(0.3, 2.5, (2, 3)), RNG.uniform(-0.9, 0.9, (2, 3))
constant = RNG.standard_normal((2, 3))
symmetric = square @ square.T

UNARY = {
    "sin cos tan arctan sinh cosh tanh arcsinh exp exp2 expm1 square negative abs": matrix,
    "sqrt log log2 log10 log1p reciprocal": positive,
    "arcsin arccos arctanh sinc": unit,
    "floor ceil trunc sign": matrix,
    "deg2rad rad2deg": matrix,
}
SAME = [
    Same(name, lambda xp, x, n=name: getattr(xp, n)(x), x)
    for names, x in UNARY.items()
    for name in names.split()
]
SAME += [
    Same("cbrt", lambda xp, x: xp.cbrt(x), positive, None),
    Same("add to a constant", lambda xp, x: x + 1.5, matrix),
    Same("a constant less x", lambda xp, x: 2.0 - x, matrix),
    Same("x / (x * x + 1)", lambda xp, x: x / (x * x + 1), matrix),
    Same("x ** 3", lambda xp, x: x**3, matrix),
    Same("2 ** x", lambda xp, x: 2.0**x, matrix),
    Same("x ** x", lambda xp, x: x**x, positive),
    Same("x % 0.7", lambda xp, x: x % 0.7, positive),
    Same("hypot", lambda xp, x: xp.hypot(x, x * x + 1), matrix),
    Same("arctan2", lambda xp, x: xp.arctan2(x, x * x + 1), matrix),
    Same("logaddexp", lambda xp, x: xp.logaddexp(x, x * x), matrix),
    Same("maximum with a number", lambda xp, x: xp.maximum(x, x * 0 + 0.2), matrix),
    Same("clip", lambda xp, x: xp.clip(x, -0.5, 0.5), matrix),
    Same("where", lambda xp, x: xp.where(x > 0, x * x, 3 * x), matrix),
    Same("sum over an axis, squared", lambda xp, x: xp.sum(x, 0) ** 2, matrix),
    Same("mean over an axis, squared", lambda xp, x: xp.mean(x, 1) ** 2, matrix),
    Same("prod", lambda xp, x: xp.prod(x), vector),
    Same("prod with a zero", lambda xp, x: xp.prod(x), [2.0, 0.0, 3.0]),
    Same("cumsum", lambda xp, x: xp.cumsum(x, 0) ** 2, matrix),
    Same("cumprod", lambda xp, x: xp.cumprod(x, 0), matrix),
    Same("max over ties", lambda xp, x: xp.max(x), [1.0, 3.0, 3.0]),
    Same("var", lambda xp, x: xp.var(x), matrix, lambda xp, x: xp.var(x, correction=0)),
    Same("std", lambda xp, x: xp.std(x), matrix, lambda xp, x: xp.std(x, correction=0)),
    Same("logsumexp", lambda xp, x: ag.logsumexp(x, 1) if xp is np else _logsumexp(xp, x), matrix),
    Same("softmax, squared", lambda xp, x: _softmax(xp, x) ** 2, matrix),
    Same("sort", lambda xp, x: xp.sort(x) * xp.exp(xp.sort(x)), vector,
         lambda xp, x: xp.sort(x)[0] * xp.exp(xp.sort(x)[0])),
    Same("transpose", lambda xp, x: xp.exp(x.T) * 2, matrix),
    Same("reshape", lambda xp, x: xp.reshape(x, (3, 2)) ** 2, matrix),
    Same("basic index", lambda xp, x: x[1, ::2] ** 2, matrix),
    Same("repeated index", lambda xp, x: x[np.array([0, 0, 1])] ** 2, matrix),
    Same("concatenate", lambda xp, x: xp.concatenate([x, x * x], 0) ** 2, matrix),
    Same("stack", lambda xp, x: xp.stack([x, x * x], 1) ** 3, matrix),
    Same("flip", lambda xp, x: xp.flip(x, (0,)) * x, matrix),
    Same("roll", lambda xp, x: xp.roll(x, 1, 0) * x, matrix),
    Same("tile", lambda xp, x: xp.tile(x, (2, 1)) ** 2, matrix),
    Same("tril", lambda xp, x: xp.tril(x) ** 2, square),
    Same("diagonal", lambda xp, x: xp.diagonal(x) ** 2, square),
    Same("trace", lambda xp, x: xp.trace(x) ** 2, square),
    Same("broadcast_to", lambda xp, x: xp.broadcast_to(x, (4, 2, 3)) ** 2, matrix),
    Same("matmul", lambda xp, x: (x @ x.T) ** 2, matrix),
    Same("einsum", lambda xp, x: xp.einsum("ij,kj->ik", x, x) ** 2, matrix),
    Same("outer", lambda xp, x: xp.outer(x, x) ** 2, vector),
    Same("kron", lambda xp, x: xp.kron(x, x), square),
    Same("tensordot", lambda xp, x: xp.tensordot(x, x.T, 1) ** 2, matrix),
    Same("cross", lambda xp, x: xp.cross(x, xp.exp(x)), matrix,
         lambda xp, x: xp.linalg.cross(x, xp.exp(x))),
    Same("inv", lambda xp, x: xp.linalg.inv(x), square),
    Same("pinv", lambda xp, x: xp.linalg.pinv(x), matrix, rtol=1e-11),
    Same("det", lambda xp, x: xp.linalg.det(x), square),
    Same("slogdet", lambda xp, x: xp.linalg.slogdet(x)[1], square),
    Same("solve", lambda xp, x: xp.linalg.solve(x, x * x), square, rtol=1e-11),
    Same("cholesky of x x'", lambda xp, x: xp.linalg.cholesky(x @ x.T), square, rtol=1e-11),
    Same("eigvalsh of x x'", lambda xp, x: xp.linalg.eigvalsh(x @ x.T) ** 0.5, square, rtol=1e-11),
    Same("eigh of x x', squared vectors", lambda xp, x: xp.linalg.eigh(x @ x.T)[1] ** 4, square,
         rtol=1e-10),
    Same("svd: values", lambda xp, x: xp.linalg.svd(x, full_matrices=False)[1] ** 2, matrix,
         rtol=1e-11),
    Same("svd: squared vectors", lambda xp, x: xp.linalg.svd(x, full_matrices=False)[0] ** 4,
         square, rtol=1e-10),
    Same("qr", lambda xp, x: abs(xp.linalg.qr(x)[1]), square, rtol=1e-11),
    Same("norm", lambda xp, x: xp.linalg.norm(x), matrix),
    Same("norm of order 3", lambda xp, x: xp.linalg.norm(x, 3), vector),
    Same("spectral norm", lambda xp, x: xp.linalg.norm(x, 2), matrix, rtol=1e-11),
    Same("matrix_power", lambda xp, x: xp.linalg.matrix_power(x, 3), square),
]  # fmt: skip


def _softmax(xp: Any, x: Any) -> Any:
    if xp is np:
        return ag.softmax(x, 1)
    e = xp.exp(x)
    return e / e.sum(1)[:, None]


def _logsumexp(xp: Any, x: Any) -> Any:
    return xp.log(xp.sum(xp.exp(x), 1))


class Other(NamedTuple):
    """Where a peer differs: what we give, what torch and jax give, and why."""

    name: str
    f: F
    x: Any
    ours: Any
    torch: Any
    jax: Any
    why: str


NAN, INF = np.nan, np.inf
MASKS = "an infinite slope behind a mask is 0 * inf, so that forward and reverse mode agree"
DIVERGENCES = [
    Other("sqrt of what where hides", lambda xp, x: xp.sqrt(xp.where(x > 0, x, 0.0)), [-1.0],
          [NAN], [0], [0], "the others choose where we multiply: " + MASKS),
    Other("sqrt inside where", lambda xp, x: xp.where(x > 0, xp.sqrt(x), 0.0), [0.0],
          [NAN], [NAN], [NAN], "no divergence: 0 * inf in all three"),
    Other("maximum with a constant, tied", lambda xp, x: xp.maximum(x, 0 * x), [0.0],
          [0.5], [0.5], [0.5], "no divergence: ties are shared by all three"),
    Other("clip at a bound", lambda xp, x: xp.clip(x, -1.0, 1.0), [1.0], [1], [1], [0.5],
          "jax clips by maximum and minimum, which share ties; a bound belongs to the interval"),
    Other("abs at 0", lambda xp, x: xp.abs(x), [0.0], [0], [0], [1],
          "jax takes the slope from the right; the subgradient of least norm is 0"),
    Other("norm at 0", lambda xp, x: xp.linalg.norm(x), [0.0, 0.0], [0, 0], [0, 0], [NAN, NAN],
          "jax divides 0 by 0; the subgradient of least norm is 0"),
    Other("std of equal elements", lambda xp, x: x.std(), [1.0, 1.0], [0, 0], [0, 0],
          [NAN, NAN], "jax divides 0 by 0; the subgradient of least norm is 0"),
    Other("hypot at 0", lambda xp, x: xp.hypot(x, x), [0.0], [0], [NAN], [1],
          "torch divides 0 by 0, jax goes right; the subgradient of least norm is 0"),
    Other("det of rank n - 1", lambda xp, x: xp.linalg.det(x), [[1.0, 2.0], [2.0, 4.0]],
          [[4, -2], [-2, 1]], [[0, 0], [0, 0]], [[4, -2], [-2, 1]],
          "torch multiplies a determinant of 0 by an inverse; the adjugate needs none"),
    Other("arctan2 at 0", lambda xp, x: xp.arctan2(x, 0 * x), [0.0], [0], [0], [NAN],
          "jax divides 0 by 0; there is no slope to prefer"),
    Other("sqrt at -0", lambda xp, x: xp.sqrt(x), [-0.0], [INF], [-INF], [-INF],
          "the others divide by sqrt(-0), which is -0; sqrt rises to the right of it"),
    Other("x ** 0.0 at 0", lambda xp, x: x**0.0, [0.0], [0], [0], [NAN],
          "jax multiplies 0 by an infinite power; a constant has no slope"),
    Other("logaddexp of -inf", lambda xp, x: xp.logaddexp(x, x), [-INF], [0], [NAN], [NAN],
          "the others take exp(-inf + inf); so far out nothing moves"),
    Other("expm1 far down", lambda xp, x: xp.expm1(x) * 1e18, [-40.0], [np.exp(-40) * 1e18],
          [0], [0], "the others add 1 to the value; the slope is exp(x) to the last bit"),
    Other("arccosh far out", lambda xp, x: xp.arccosh(x) * 1e200, [1e200], [1], [0], [0],
          "the others square x, which overflows"),
    Other("hypot far out", lambda xp, x: xp.hypot(x, x), [1e200], [2**0.5], [2**0.5],
          [1.5 * 2**0.5], "jax squares x, which overflows"),
    Other("fmax of equal numbers", lambda xp, x: xp.fmax(x, 0 * x), [0.0], [0.5], [1], [0],
          "the others choose a side; ties are shared"),
    Other("maximum with a nan", lambda xp, x: xp.maximum(x, 0 * x + NAN), [1.0], [0], [1], [0],
          "torch gives all to both; a nan wins over a number"),
    Other("a clip at a nan", lambda xp, x: xp.clip(x, 0.0, 1.0), [NAN], [1], [0], [0],
          "a nan is the value, so it gets the gradient, as in max"),
    Other("quantile of ties", lambda xp, x: xp.quantile(x, 0.5), [1.0, 2.0, 2.0], [0, 0.5, 0.5],
          [0, 1, 0], [0, 1, 0], "the others choose one of the tied; they share"),
    Other("norm of order 0.5 at a zero component", lambda xp, x: xp.linalg.norm(x, 0.5),
          [1.0, 0.0], [1, 0], [1, 0], [1, INF],
          "jax has the vertical tangent; every norm is 0 at a component of 0"),
    Other("sinc at 0, by its own formula", lambda xp, x: xp.sinc(x), [0.0], [0], [0], [0],
          "no divergence"),
]  # fmt: skip


def close(got: Any, expected: Any, rtol: float = 1e-12) -> None:
    scale = float(np.max(np.abs(np.nan_to_num(expected)), initial=1.0))
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol * scale)


def case_name(case: Any) -> str:
    return str(case.name)


@needs_torch
@pytest.mark.parametrize("case", [c for c in SAME if c.torch is not None], ids=case_name)
def test_torch_gives_the_same(case: Same) -> None:
    """To 1e-12 of the largest component (decompositions: as many digits as they are good for)."""
    f = case.f if case.torch == "same" else case.torch
    x = np.array(case.x)
    close(our_gradient(case.f, x), torch_gradient(f, x), case.rtol)  # type: ignore[arg-type]


@needs_jax
@pytest.mark.parametrize("case", SAME, ids=case_name)
def test_jax_gives_the_same(case: Same) -> None:
    """To 1e-12 of the largest component."""
    x = np.array(case.x)
    close(our_gradient(case.f, x), jax_gradient(case.f, x), case.rtol)


@needs_torch
@pytest.mark.parametrize("case", [c for c in SAME if c.torch is not None], ids=case_name)
def test_torch_gives_the_same_curvature(case: Same) -> None:
    """The Hessian times a vector, whichever way it is taken, to ten times the tolerance."""
    f = case.f if case.torch == "same" else case.torch
    x = np.array(case.x)
    v = np.random.default_rng(2).uniform(0.5, 1.5, x.shape)
    expected = torch_curvature(f, x, v)  # type: ignore[arg-type]
    for found in our_curvatures(case.f, x, v):
        close(found, expected, 10 * case.rtol)


@pytest.mark.parametrize("case", DIVERGENCES, ids=case_name)
def test_our_side_of_a_divergence(case: Other) -> None:
    """What SEMANTICS promises, where another engine gives something else."""
    close(our_gradient(case.f, np.array(case.x)), case.ours)


@needs_torch
@pytest.mark.parametrize("case", DIVERGENCES, ids=case_name)
def test_torchs_side_of_a_divergence(case: Other) -> None:
    """A list of differences that went stale would mislead."""
    close(torch_gradient(case.f, np.array(case.x)), case.torch)


@needs_jax
@pytest.mark.parametrize("case", DIVERGENCES, ids=case_name)
def test_jaxs_side_of_a_divergence(case: Other) -> None:
    """The same for jax."""
    close(jax_gradient(case.f, np.array(case.x)), case.jax)
