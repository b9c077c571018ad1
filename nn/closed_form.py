"""The lecture's forward and backward pass, derived by hand, in plain NumPy: no engine.

For l from 1 to L, and from L down to 1, with ⊙ the product entry by entry:

    forward                        backward
    Z_l = A_{l-1} W_l + b_l        Z_l^(g)     = A_l^(g) ⊙ g'(Z_l)
    A_l = g(Z_l)                   W_l^(g)     = A_{l-1}^T Z_l^(g)
                                   b_l^(g)     = Z_l^(g)T 1_n
                                   A_{l-1}^(g) = Z_l^(g) W_l^T

The backward pass starts from Z_L^(g) = Y_hat - Y, for each of the three pairs of output and loss
in `loss`. X is of shape (n, S_0), W_l of (S_{l-1}, S_l), b_l of (S_l,), Z_l and A_l of (n, S_l).
Parameters and their gradients are dicts with the keys W1, b1, W2, …

Arguments that all functions share:

hidden: the activation g of the hidden layers, "sigmoid", "tanh", "relu" or "identity", or a list
    with one of these for each hidden layer.
output: "identity" (regression), "softmax" (classification) or "sigmoid" (of two classes).
masks: dropout; a dict or list whose entry l, where there is one, multiplies A_l.
Y: targets of the shape of A_L; y of shape (n,) where A_L is (n, 1); labels for softmax.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn.data import one_hot

__all__ = [
    "backward_pass",
    "backward_steps",
    "compare",
    "forward_pass",
    "loss",
    "output_gradient",
    "softmax_jacobian",
]

Array: TypeAlias = NDArray[np.floating[Any]]
Params: TypeAlias = Mapping[str, Array]
Hidden: TypeAlias = str | Sequence[str]
Masks: TypeAlias = Mapping[int, ArrayLike] | Sequence[ArrayLike | None] | None


def forward_pass(
    X: ArrayLike, params: Params, hidden: Hidden, output: str, masks: Masks = None
) -> tuple[list[Any], list[Array]]:
    """Z and A, lists of length L + 1: A[0] is X, Z[0] is None and A[L] is Y_hat."""
    W, b, L = _weights_and_biases(params)
    g, _ = _activations(hidden, output, L)
    masks = _by_layer(masks, L)

    Z: list[Any] = [None]
    A = [_masked(_features(X, W[1]), masks, 0)]
    for l in range(1, L + 1):
        Z.append(A[l - 1] @ W[l] + b[l])
        A.append(_masked(g[l](Z[l]), masks, l))
    return Z, A


def backward_pass(
    Y: ArrayLike,
    Z: Sequence[Any],
    A: Sequence[Array],
    params: Params,
    hidden: Hidden,
    output: str,
    masks: Masks = None,
    l1: float = 0.0,
    l2: float = 0.0,
) -> dict[str, Array]:
    """The gradient of the loss with respect to every parameter: a dict like params.

    Z, A: what forward_pass returned for the same params and masks.
    l1, l2: the factors of the penalties l1·Σ|w| and l2/2·Σw² on the weights, not the biases.
    """
    steps = backward_steps(Y, Z, A, params, hidden, output, masks, l1, l2)
    gradients = {name: gradient for name, gradient in steps if name in params}
    return {name: gradients[name] for name in params}


def backward_steps(
    Y: ArrayLike,
    Z: Sequence[Any],
    A: Sequence[Array],
    params: Params,
    hidden: Hidden,
    output: str,
    masks: Masks = None,
    l1: float = 0.0,
    l2: float = 0.0,
) -> Iterator[tuple[str, Array]]:
    """Pairs of a name and its gradient in the order of derivation: Z2, W2, b2, A1, Z1, W1, b1.

    A_L^(g) is `output_gradient`: Z_L^(g) = Y_hat - Y does not need it. A_0^(g), the gradient of
    X, would cost as much as W_1^(g), and no step needs it.
    """
    W, _, L = _weights_and_biases(params)
    _, g_prime = _activations(hidden, output, L)
    masks = _by_layer(masks, L)
    _check_passed(Z, A, W)
    for name, strength in (("l1", l1), ("l2", l2)):
        if not 0 <= strength < np.inf:
            raise ValueError(f"{name} must be a number of at least 0, got {strength!r}")

    Z_g = A[L] - _targets(Y, A[L], output)
    for l in range(L, 0, -1):
        yield f"Z{l}", Z_g
        W_g = A[l - 1].T @ Z_g
        if l1 or l2:
            W_g += l1 * np.sign(W[l]) + l2 * W[l]
        yield f"W{l}", W_g
        yield f"b{l}", Z_g.sum(axis=0)
        if l > 1:
            A_g = Z_g @ W[l].T
            yield f"A{l - 1}", A_g
            Z_g = _masked(A_g, masks, l - 1) * g_prime[l - 1](Z[l - 1])


def loss(Y: ArrayLike, A_L: Array, output: str) -> float:
    """The lecture's loss of the output A_L: a sum over all samples, not a mean.

    identity: ½ (y_hat - y)^T (y_hat - y).
    softmax: -1^T (Y ⊙ log Y_hat) 1.
    sigmoid: -1^T (y ⊙ log y_hat + (1 - y) ⊙ log(1 - y_hat)).
    """
    Y = _targets(Y, A_L, output)
    if output == "identity":
        return float(0.5 * np.sum((A_L - Y) ** 2))
    if output == "softmax":
        return float(-np.sum(_times_log(Y, A_L)))
    return float(-np.sum(_times_log(Y, A_L) + _times_log(1 - Y, 1 - A_L)))


def output_gradient(Y: ArrayLike, A_L: Array, output: str) -> Array:
    """A_L^(g), the gradient of the loss with respect to the output itself.

    identity: Y_hat - Y.
    softmax: -Y ⊙ Y_hat^(-1), and 0, not nan, where both are 0.
    sigmoid: (1 - y) ⊙ (1 - y_hat)^(-1) - y ⊙ y_hat^(-1).
    """
    Y = _targets(Y, A_L, output)
    if output == "identity":
        return A_L - Y
    if output == "softmax":
        return -_quotient(Y, A_L)
    return _quotient(1 - Y, 1 - A_L) - _quotient(Y, A_L)


def softmax_jacobian(y_hat: Array) -> Array:
    """diag(y_hat) - y_hat y_hat^T: entry i, j is the derivative of y_hat_i with respect to z_j."""
    return np.diag(y_hat) - np.outer(y_hat, y_hat)


# The activation functions, and g' as a function of Z, as on the slides.


def sigmoid(Z: Array) -> Array:
    """1 / (1 + e^-z), by way of e^-|z|, which cannot overflow."""
    e: Array = np.exp(-np.abs(Z))
    return np.where(Z >= 0, 1, e) / (1 + e)


def relu(Z: Array) -> Array:
    """z where z ≥ 0, else 0."""
    return np.maximum(Z, 0)


def identity(Z: Array) -> Array:
    """z."""
    return Z


def softmax(Z: Array) -> Array:
    """e^z of each row over its sum; the largest z of the row, which cancels, is taken off first."""
    e: Array = np.exp(Z - Z.max(axis=1, keepdims=True))
    e /= e.sum(axis=1, keepdims=True)
    return e


def sigmoid_derivative(Z: Array) -> Array:
    """g(z) (1 - g(z))."""
    A = sigmoid(Z)
    return A * (1 - A)


def tanh_derivative(Z: Array) -> Array:
    """1 - tanh² z."""
    A: Array = np.tanh(Z)
    return 1 - A**2


def relu_derivative(Z: Array) -> Array:
    """1 where z > 0, else 0: at 0 the slope from the left, by convention."""
    return (Z > 0).astype(Z.dtype)


def identity_derivative(Z: Array) -> Array:
    """1."""
    return np.ones_like(Z)


Activation: TypeAlias = Callable[[Array], Array]

HIDDEN: Mapping[str, tuple[Activation, Activation]] = MappingProxyType(
    {
        "sigmoid": (sigmoid, sigmoid_derivative),
        "tanh": (np.tanh, tanh_derivative),
        "relu": (relu, relu_derivative),
        "identity": (identity, identity_derivative),
    }
)
OUTPUT: Mapping[str, Activation] = MappingProxyType(
    {"identity": identity, "softmax": softmax, "sigmoid": sigmoid}
)


# What the passes are given, brought to one form; lists have an unused entry 0, so that W[l] is W_l.


def _weights_and_biases(params: Params) -> tuple[list[Any], list[Any], int]:
    """The lists W and b and the number of layers L, seen to fit each other."""
    if not isinstance(params, Mapping):
        raise TypeError(
            f"params must be a dict of arrays W1, b1, …, such as model.state_dict(), got a "
            f"{type(params).__name__}"
        )
    L = (len(params) + 1) // 2
    names = [f"{kind}{l}" for l in range(1, L + 1) for kind in "Wb"]
    if L == 0 or set(names) != set(params):
        raise ValueError(f"params has the keys {sorted(params)}, expected {names or ['W1', 'b1']}")
    W = [None, *(np.asarray(params[f"W{l}"]) for l in range(1, L + 1))]
    b = [None, *(np.asarray(params[f"b{l}"]) for l in range(1, L + 1))]
    for l in range(1, L + 1):
        _check_layer(l, W[l], b[l], W[l - 1])
    return W, b, L


def _check_layer(l: int, W_l: Any, b_l: Any, W_before: Any) -> None:
    if W_l.ndim != 2 or (W_before is not None and len(W_l) != W_before.shape[1]):
        rows = "S_0" if W_before is None else W_before.shape[1]
        raise ValueError(f"W{l} has shape {W_l.shape}, expected ({rows}, S_{l})")
    if b_l.shape != W_l.shape[1:]:
        raise ValueError(f"b{l} has shape {b_l.shape}, expected {W_l.shape[1:]} as W{l} has")


def _activations(hidden: Hidden, output: str, L: int) -> tuple[list[Activation], list[Activation]]:
    """g and its derivative for each layer; a derivative of the output is never asked for."""
    names = [hidden] * (L - 1) if isinstance(hidden, str) else list(hidden)
    if len(names) != L - 1:
        raise ValueError(f"hidden names {len(names)} activations, expected {L - 1}, one a layer")
    for name in names:
        if name not in HIDDEN:
            raise ValueError(f"hidden is {name!r}, expected one of {', '.join(HIDDEN)}")
    pairs = [HIDDEN[name] for name in names]
    g = [identity, *(pair[0] for pair in pairs), OUTPUT[_known_output(output)]]
    return g, [identity, *(pair[1] for pair in pairs)]


def _known_output(output: str) -> str:
    if output not in OUTPUT:
        raise ValueError(f"output is {output!r}, expected one of {', '.join(OUTPUT)}")
    return output


def _features(X: ArrayLike, W_1: Array) -> Array:
    """X as a float array, seen to have a column for each row of W_1."""
    X = np.asarray(X)
    if X.ndim != 2 or X.shape[1] != len(W_1):
        raise ValueError(f"X has shape {X.shape}, expected (n, {len(W_1)}) for W1 {W_1.shape}")
    return X if X.dtype.kind == "f" else X.astype(W_1.dtype)


def _targets(Y: ArrayLike, A_L: Array, output: str) -> Array:
    """Y in the shape and dtype of A_L; it is never broadcast."""
    Y = np.asarray(Y)
    if _known_output(output) == "softmax" and Y.ndim == 1:
        Y = one_hot(Y, A_L.shape[1])
    if Y.ndim == 1 and A_L.shape == (len(Y), 1):
        Y = Y[:, None]
    if Y.shape != A_L.shape:
        hint = "; of labels pass Y.ravel()" if Y.shape == (len(A_L), 1) else ""
        raise ValueError(
            f"Y has shape {Y.shape}, expected that of the output A_L, {A_L.shape}{hint}"
        )
    if Y.dtype.kind == "f" and not np.isfinite(Y).all():
        raise ValueError(f"Y holds {np.sum(~np.isfinite(Y))} numbers that are nan or infinite")
    if output == "softmax" and not np.allclose(Y.sum(axis=1), 1, atol=1e-4):
        raise ValueError("rows of Y must sum to 1: only then is Z_L^(g) = Y_hat - Y")
    if output == "sigmoid" and ((Y < 0) | (Y > 1)).any():
        raise ValueError(f"Y lies in {Y.min()}..{Y.max()}, expected 0..1 for a sigmoid output")
    return Y.astype(A_L.dtype, copy=False)


def _by_layer(masks: Masks, L: int) -> dict[int, Array]:
    """The masks as a dict from the layer to its mask."""
    given = masks if isinstance(masks, Mapping) else dict(enumerate([] if masks is None else masks))
    by_layer = {l: np.asarray(mask) for l, mask in given.items() if mask is not None}
    if not set(by_layer) <= set(range(L)):
        raise ValueError(f"masks for the layers {sorted(by_layer)}, expected some of 0..{L - 1}")
    return by_layer


def _masked(A_l: Array, masks: Mapping[int, Array], l: int) -> Array:
    """A_l, or its gradient, times the mask of its layer, where there is one."""
    if l not in masks:
        return A_l
    try:
        return A_l * np.broadcast_to(masks[l].astype(A_l.dtype, copy=False), A_l.shape)
    except ValueError:
        raise ValueError(
            f"masks[{l}] has shape {masks[l].shape}, expected {A_l.shape[1:]} or {A_l.shape} "
            f"as A_{l} has"
        ) from None


def _check_passed(Z: Sequence[Any], A: Sequence[Array], W: Sequence[Any]) -> None:
    """Refuses a Z and A that are not from a forward pass with these weights."""
    if len(Z) != len(W) or len(A) != len(W):
        raise ValueError(
            f"Z and A have {len(Z)} and {len(A)} entries, expected {len(W)} each, as forward_pass "
            f"returns for {len(W) - 1} layers"
        )
    if A[0] is None or any(part is None for part in (*A, *Z[1:])):
        raise ValueError("Z and A look swapped: Z[0] is None, and nothing else; A[0] is X")
    shapes = [(len(A[0]), len(W[1])), *((len(A[0]), W_l.shape[1]) for W_l in W[1:])]
    for l, shape in enumerate(shapes):
        if A[l].shape != shape or (l > 0 and Z[l].shape != shape):
            raise ValueError(f"Z[{l}] or A[{l}] is not of shape {shape}, as W{max(l, 1)} demands")


def _times_log(Y: Array, P: Array) -> Array:
    """Y ⊙ log P, with 0 log 0 = 0."""
    return Y * np.log(P, out=np.zeros_like(P), where=Y != 0)


def _quotient(Y: Array, P: Array) -> Array:
    """Y ⊙ P^(-1), with 0 / 0 = 0."""
    return np.divide(Y, P, out=np.zeros_like(P), where=Y != 0)


def compare(
    model: Any,
    X: ArrayLike,
    Y: ArrayLike,
    interior: bool = False,
    *,
    l1: float = 0.0,
    l2: float = 0.0,
) -> Any:
    """A GradReport of this backward pass against the engine's, a row per parameter of an nn.MLP.

    With `interior`, rows for Z_l^(g) and A_l^(g) too. Every row shows shape, norm and the largest
    difference: as a number, relative to the largest entry, and in ulps. Of a parameter that
    differs, `compare_grads` says who is wrong, and what the mistake looks like. A model with
    dropout is run once, and this pass gets the masks drawn; l1 and l2 as in `backward_pass`.
    """
    import autograd_lite as ag
    from autograd_lite.testing.report import compare_arrays
    from nn.masks import dropout_masks
    from nn.mlp import MLP

    if not isinstance(model, MLP):
        raise TypeError(f"compare: expected an nn.MLP, got a {type(model).__name__}")
    X = np.asarray(X, dtype=model.W1.dtype)
    if X.ndim == 2 and len(X) == 0:
        raise ValueError(f"compare: X has no data points, its shape is {X.shape}")
    if not np.isfinite(X).all():
        raise ValueError(
            f"compare: X holds {np.sum(~np.isfinite(X))} numbers that are nan or infinite"
        )
    tensors = dict(model.named_parameters())
    params = {name: p.data for name, p in tensors.items()}
    shown = list(params)

    Z_t, A_t = model.activations(X)
    masks = dropout_masks(model)
    Z, A = forward_pass(X, params, model.hidden, model.output, masks)
    targets = _targets(Y, A[-1], model.output)
    network = (params, model.hidden, model.output, masks, l1, l2)
    hand = dict(backward_steps(Y, Z, A, *network))
    if interior:
        shown = list(hand)
        tensors |= {f"Z{l}": t for l, t in enumerate(Z_t) if l}
        tensors |= {f"A{l}": t for l, t in enumerate(A_t[:-1]) if l}
    total = _loss_of(Z_t[-1], targets, model.output) + _penalty_of(model, l1, l2)
    engine = ag.gradients(total, [tensors[n] for n in shown])
    report = compare_arrays(
        {name: hand[name] for name in shown},
        dict(zip(shown, engine, strict=True)),
        title=f"{'-'.join(map(str, model.sizes))}: the lecture's backward pass against the engine",
    )
    return report if report.ok else _judged(report, model, X, targets, l1, l2)


def _judged(report: Any, model: Any, X: Array, Y: Array, l1: float, l2: float) -> Any:
    """The report with numeric derivatives' verdict on each parameter that differs, and hints."""
    from autograd_lite.testing import compare_grads
    from nn.masks import dropout_masks

    def loss_of(model: Any, X: Any, Y: Any) -> Any:
        Z, _ = model.activations(X)
        return _loss_of(Z[-1], Y, model.output) + _penalty_of(model, l1, l2)

    def by_hand(model: Any, X: Array, Y: Array) -> dict[str, Array]:
        params = {name: p.data for name, p in model.named_parameters()}
        network = (params, model.hidden, model.output, dropout_masks(model))
        Z, A = forward_pass(X, *network)
        return backward_pass(Y, Z, A, *network, l1, l2)

    differ = {row.name for row in report.rows if not row.passed}
    names = [name for name, _ in model.named_parameters() if name in differ]
    if not names:
        return report
    verdicts = compare_grads(by_hand, loss_of, model, X, Y, wrt=names)
    judged = {row.name: row for row in verdicts.rows}
    rows = [
        replace(row, verdict=found.verdict, hints=(*row.hints, *found.hints))
        if (found := judged.get(row.name)) and not found.passed
        else row
        for row in report.rows
    ]
    return replace(report, rows=tuple(rows))


def _penalty_of(model: Any, l1: float, l2: float) -> Any:
    from nn.penalties import l1_penalty, l2_penalty

    return (l1_penalty(model, l1) if l1 else 0.0) + (l2_penalty(model, l2) if l2 else 0.0)


def _loss_of(Z_L: Any, Y: Array, output: str) -> Any:
    """The recorded loss of the output layer's pre-activations, for the engine's side."""
    import autograd_lite as ag

    if output == "softmax":
        return ag.softmax_cross_entropy(Z_L, Y, normalized=True)
    if output == "sigmoid":
        return np.sum(ag.softplus(Z_L) - Y * Z_L)
    return 0.5 * np.sum((Z_L - Y) * (Z_L - Y))
