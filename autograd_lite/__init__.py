"""Exact gradients of NumPy code, to any order.

    import autograd_lite as ag
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    x.grad                                   # array([2., 4.])
    ag.grad(lambda x: np.sum(np.sin(x)))     # a function: the gradient

Layers, each importing only those above it: table, pytree and modes; the graph (sweep, debugging,
messages, graph, recording); rules; transforms; compiler and drawing; testing.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

import autograd_lite.protocols  # noqa: F401 (it gives Tensor NumPy's two protocols)
from autograd_lite import pytree, random
from autograd_lite.graph import Tensor, tensor
from autograd_lite.modes import debug, keep, no_grad, scope

if TYPE_CHECKING:
    from autograd_lite.compiler import Program
    from autograd_lite.custom import primitive
    from autograd_lite.drawing import Diagram, draw, steps
    from autograd_lite.forward import hessian, hvp, jacobian, jvp
    from autograd_lite.recompute import checkpoint
    from autograd_lite.rules.activations import (
        elu,
        gelu,
        leaky_relu,
        log_sigmoid,
        relu,
        relu6,
        sigmoid,
        softplus,
        stop_gradient,
    )
    from autograd_lite.rules.cross_entropy import softmax_cross_entropy
    from autograd_lite.rules.softmax import log_softmax, logsumexp, softmax
    from autograd_lite.rules.special import erf, erfc, xlogy
    from autograd_lite.rules.writing import put
    from autograd_lite.support import ops
    from autograd_lite.transforms import grad, gradients, value_and_grad, vjp

#: Where the names are that are imported when first asked for: `import autograd_lite` stays light.
_LATER = {
    "custom": ("primitive",),
    "drawing": ("Diagram", "draw", "steps"),
    "forward": ("hessian", "hvp", "jacobian", "jvp"),
    "recompute": ("checkpoint",),
    "rules.activations": (
        "elu", "gelu", "leaky_relu", "log_sigmoid", "relu", "relu6", "sigmoid", "softplus",
        "stop_gradient",
    ),
    "rules.cross_entropy": ("softmax_cross_entropy",),
    "rules.softmax": ("log_softmax", "logsumexp", "softmax"),
    "rules.special": ("erf", "erfc", "xlogy"),
    "rules.writing": ("put",),
    "support": ("ops",),
    "transforms": ("grad", "gradients", "value_and_grad", "vjp"),
}  # fmt: skip

__version__ = "0.1.0"
__all__ = [
    "Diagram",
    "Tensor",
    "checkpoint",
    "compile",
    "debug",
    "draw",
    "elu",
    "erf",
    "erfc",
    "gelu",
    "grad",
    "gradients",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "keep",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "no_grad",
    "ops",
    "primitive",
    "put",
    "pytree",
    "random",
    "relu",
    "relu6",
    "scope",
    "sigmoid",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "steps",
    "stop_gradient",
    "tensor",
    "value_and_grad",
    "vjp",
    "xlogy",
]


def compile(
    f: Callable[..., Any],
    *,
    donate: int | Sequence[int] = (),
    static_argnums: int | Sequence[int] = (),
    tune: bool = False,
    names: Mapping[str, str] | None = None,
) -> "Program":
    """A Program of f: its calls run as NumPy source, traced once for every signature.

    A signature is the structure, shapes and dtypes of the arguments, and their ints, bools,
    strings; floats are traced, as arrays are. The results are those of f.

    donate: arguments whose arrays the first result of the same structure, shapes and dtypes
        overwrites, and is: `params, loss = step(params, X, Y)`.
    static_argnums: arguments that the program may depend on; they must hash.
    tune: time the candidate layouts of products once, in place of a fixed choice.
    names: variables of the program by path, such as {"params[0]": "W1"}.
    """
    from autograd_lite.compiler import Program

    return Program(f, donate, static_argnums, tune, names)


def __getattr__(name: str) -> Any:
    """A name that is imported when first asked for."""
    for module, names in _LATER.items():
        if name in names:
            value = getattr(import_module(f"autograd_lite.{module}"), name)
            globals()[name] = value
            return value
    instead = f"; NumPy's works on tensors, np.{name}" if _is_numpys(name) else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{instead}")


def _is_numpys(name: str) -> bool:
    """Whether NumPy has a function of this name that tensors can be given to."""
    from autograd_lite.graph import load_rules
    from autograd_lite.table import COMPOSED, QUERIES, TABLE

    load_rules()
    found = vars(np).get(name)
    return callable(found) and any(found in known for known in (TABLE, COMPOSED, QUERIES))


def __dir__() -> list[str]:
    return __all__
