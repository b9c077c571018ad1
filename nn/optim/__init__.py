"""Optimisers: one rule each, as a pure update of pytrees and as a step in place.

state = optimizer.init(params)
params, state = optimizer.update(params, grads, state)      # pure: arrays, dicts, models, programs
optimizer.step(model)                                       # in place, from every `.grad`

A rule is written once, in plain NumPy, and both ways run it. A rate may be a number or a schedule:
`constant`, `step`, `exponential`, `cosine`, `warmup`. All optimisers take

max_norm: clip the gradient as a whole to this norm first; see `clip_grad_norm`.
groups: other options for some parameters, by their path: {"b*": {"weight_decay": 0.0}}. A star
    stands for any text; the first pattern that fits a path counts.
"""

from nn.optim.base import Optimizer
from nn.optim.clipping import clip_grad_norm
from nn.optim.rules import SGD, Adam, AdamW, GradientDescent, RMSprop
from nn.optim.schedules import constant, cosine, exponential, step, warmup

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "GradientDescent",
    "Optimizer",
    "RMSprop",
    "clip_grad_norm",
    "constant",
    "cosine",
    "exponential",
    "step",
    "warmup",
]
