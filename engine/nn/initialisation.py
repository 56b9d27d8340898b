"""The first weights of a layer, by name.

Every function takes a generator and a weight's shape (fan_out, fan_in), as a layer y = x W^T + b stores it,
and draws in float64 whatever the model's precision, so that the same seed gives every model the same weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Weights: TypeAlias = NDArray[np.float64]
Shape: TypeAlias = tuple[int, int]

# Radford et al. (2019), GPT-2: small enough that the first logits are nearly equal
NORMAL_STD = 0.02


def uniform(rng: np.random.Generator, shape: Shape) -> Weights:
    """Uniform within +-1/sqrt(fan_in): LeCun et al. (1998), Efficient BackProp, up to its factor sqrt(3)."""
    bound = 1 / math.sqrt(shape[1])
    return rng.uniform(-bound, bound, shape)


def normal(rng: np.random.Generator, shape: Shape) -> Weights:
    """Normal with standard deviation 0.02, whatever the shape."""
    return rng.normal(0.0, NORMAL_STD, shape)


def xavier(rng: np.random.Generator, shape: Shape) -> Weights:
    """Normal with variance 2 / (fan_in + fan_out), for tanh: Glorot & Bengio (2010), equation 12."""
    return rng.normal(0.0, math.sqrt(2 / (shape[0] + shape[1])), shape)


def he(rng: np.random.Generator, shape: Shape) -> Weights:
    """Normal with variance 2 / fan_in, for ReLU: He et al. (2015), equation 10."""
    return rng.normal(0.0, math.sqrt(2 / shape[1]), shape)


def orthogonal(rng: np.random.Generator, shape: Shape) -> Weights:
    """Orthonormal rows or columns, whichever are fewer: Saxe et al. (2014).

    Q of a normal matrix's QR, with the signs of R's diagonal given back: without them the result is not
    uniform over the orthogonal matrices (Mezzadri 2007).
    """
    fan_out, fan_in = shape
    tall = rng.standard_normal((max(shape), min(shape)))
    q, r = np.linalg.qr(tall)  # (tall, small), (small, small)
    q = q * np.copysign(1.0, np.diagonal(r))
    return np.ascontiguousarray(q if fan_out >= fan_in else q.T)


INITIALISERS: Mapping[str, Callable[[np.random.Generator, Shape], Weights]] = MappingProxyType(
    {"uniform": uniform, "normal": normal, "xavier": xavier, "he": he, "orthogonal": orthogonal}
)


def initialise(name: str, rng: np.random.Generator, shape: Shape) -> Weights:
    """The first weights of a layer.

    Arguments:
        name: one of `INITIALISERS`.
        rng: where the randomness comes from.
        shape: (fan_out, fan_in), each at least 1.
    Raises:
        ValueError: if the name is unknown or a size is not positive.
    """
    if name not in INITIALISERS:
        raise ValueError(f"initialiser {name!r} is unknown; choose one of {', '.join(INITIALISERS)}")
    if min(shape) < 1:
        raise ValueError(f"a weight of shape {shape} holds nothing; give fan_out and fan_in of at least 1")
    return INITIALISERS[name](rng, shape)
