"""The catalog of optimizers: a name, what it is, where it comes from, and how to make it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from numpy.typing import DTypeLike

from engine.autograd.tensor import FloatArray
from engine.training.optimizers.adaptive import AdaGrad, Adam, AdamW, RMSProp
from engine.training.optimizers.descent import SGD, Nesterov
from engine.training.optimizers.memory import Optimizer

DEFAULTS: Mapping[str, float] = MappingProxyType({"momentum": 0.0, "beta1": 0.9, "beta2": 0.999})
"""What an option is that nobody chose; weight decay is every optimizer's."""


@dataclass(frozen=True)
class OptimizerEntry:
    """An optimizer one can choose.

    Attributes:
        name: in recipes.
        description: what it is.
        source: its paper.
        options: which of `DEFAULTS` it knows.
        make: called with size, dtype, its options, weight_decay and decayed.
    """

    name: str
    description: str
    source: str
    options: tuple[str, ...]
    make: Callable[..., Optimizer]


OPTIMIZERS: Mapping[str, OptimizerEntry] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            OptimizerEntry(
                "sgd",
                "gradient descent, with momentum if chosen",
                "Robbins & Monro 1951; momentum: Polyak 1964",
                ("momentum",),
                SGD,
            ),
            OptimizerEntry(
                "nesterov",
                "momentum that looks one step ahead",
                "Nesterov 1983; Sutskever et al. 2013",
                ("momentum",),
                Nesterov,
            ),
            OptimizerEntry(
                "adagrad",
                "a rate for each parameter, falling with all its past gradients",
                "Duchi, Hazan & Singer 2011",
                (),
                AdaGrad,
            ),
            OptimizerEntry(
                "rmsprop",
                "a rate for each parameter, by the size of its recent gradients",
                "Tieleman & Hinton 2012, lecture 6.5",
                ("momentum",),
                RMSProp,
            ),
            OptimizerEntry(
                "adam",
                "average gradient over the root of the average square",
                "Kingma & Ba 2015",
                ("beta1", "beta2"),
                Adam,
            ),
            OptimizerEntry(
                "adamw",
                "Adam with weight decay kept out of its averages",
                "Loshchilov & Hutter 2019",
                ("beta1", "beta2"),
                AdamW,
            ),
        )
    }
)


def optimizer(
    name: str,
    size: int,
    dtype: DTypeLike,
    *,
    momentum: float = DEFAULTS["momentum"],
    weight_decay: float = 0.0,
    beta1: float = DEFAULTS["beta1"],
    beta2: float = DEFAULTS["beta2"],
    decayed: FloatArray | None = None,
) -> Optimizer:
    """A fresh optimizer.

    Arguments:
        name: one of `OPTIMIZERS`.
        size: number of parameters, P.
        dtype: their precision.
        momentum, beta1, beta2: for those that know them.
        weight_decay: how strongly weights are pulled towards 0; adamw does it beside the gradient, all others
            through it.
        decayed: which parameters are pulled, (P,) of ones and zeros; None: all.
    Raises:
        ValueError: if the name is unknown, an option is out of its range, or one is chosen that it does not know.
    """
    if name not in OPTIMIZERS:
        raise ValueError(f"optimizer {name!r} is unknown; choose one of {', '.join(OPTIMIZERS)}")
    entry = OPTIMIZERS[name]
    chosen = {"momentum": momentum, "beta1": beta1, "beta2": beta2}
    for option, value in chosen.items():
        if option not in entry.options and value != DEFAULTS[option]:
            knowing = ", ".join(other.name for other in OPTIMIZERS.values() if option in other.options)
            raise ValueError(
                f"{option} = {value:g}: {name} has none; leave it at {DEFAULTS[option]:g}, or choose one of "
                f"{knowing}"
            )
    known = {option: chosen[option] for option in entry.options}
    return entry.make(size, dtype, **known, weight_decay=weight_decay, decayed=decayed)
