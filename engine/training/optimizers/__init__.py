"""The rules that turn a gradient into an update, on one flat vector of parameters.

An update works in place and allocates nothing. All that a rule remembers is in `count` and `moments`, so a
copy of those is the whole optimizer, and putting it back goes back exactly. The rules do not know layers,
and they apply what they are given: clip, and look for NaN, before the update.
"""

from engine.training.optimizers.adaptive import AdaGrad, Adam, AdamW, RMSProp
from engine.training.optimizers.catalog import OPTIMIZERS, OptimizerEntry, optimizer
from engine.training.optimizers.clipping import clip_by_norm, clip_by_value
from engine.training.optimizers.descent import SGD, Nesterov
from engine.training.optimizers.memory import Optimizer, OptimizerState

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Nesterov",
    "Optimizer",
    "OptimizerEntry",
    "OptimizerState",
    "RMSProp",
    "clip_by_norm",
    "clip_by_value",
    "optimizer",
]
