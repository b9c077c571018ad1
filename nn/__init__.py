"""The lecture's multilayer perceptron on autograd_lite: layers, losses, training, data.

import nn
X, labels = nn.data.load_digits()
model = nn.MLP([64, 50, 10], init="he")
nn.fit(model, X, labels, loss="cross_entropy", optimizer=nn.GradientDescent(0.01), epochs=20)
print(nn.closed_form.compare(model, X, labels))    # the engine against the hand derivation
"""

from typing import TYPE_CHECKING, Any

from nn import closed_form, data, init, losses, metrics, optim, plot
from nn.callbacks import BestCheckpoint, EarlyStopping, StopOnNaN
from nn.dropout import Dropout
from nn.history import History
from nn.layers import (
    ELU,
    GELU,
    Identity,
    LeakyReLU,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
)
from nn.losses import binary_cross_entropy, cross_entropy, softmax_cross_entropy, squared_error
from nn.masks import dropout_masks
from nn.metrics import accuracy, confusion_matrix
from nn.mlp import MLP
from nn.module import Module, Parameter
from nn.optim import SGD, Adam, AdamW, GradientDescent, RMSprop
from nn.penalties import l1_penalty, l2_penalty
from nn.saving import load, save
from nn.torch_layout import from_torch_layout, to_torch_layout
from nn.training import fit

if TYPE_CHECKING:
    from nn.picture import draw

__all__ = [
    "ELU",
    "GELU",
    "MLP",
    "SGD",
    "Adam",
    "AdamW",
    "BestCheckpoint",
    "Dropout",
    "EarlyStopping",
    "GradientDescent",
    "History",
    "Identity",
    "LeakyReLU",
    "Linear",
    "Module",
    "Parameter",
    "RMSprop",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "StopOnNaN",
    "Tanh",
    "accuracy",
    "binary_cross_entropy",
    "closed_form",
    "confusion_matrix",
    "cross_entropy",
    "data",
    "draw",
    "dropout_masks",
    "fit",
    "from_torch_layout",
    "init",
    "l1_penalty",
    "l2_penalty",
    "load",
    "losses",
    "metrics",
    "optim",
    "plot",
    "save",
    "softmax_cross_entropy",
    "squared_error",
    "to_torch_layout",
]


def __getattr__(name: str) -> Any:
    """`draw`, whose module is imported when first asked for."""
    if name == "draw":
        from nn.picture import draw

        return draw
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
