"""Batch normalisation as a layer, with the running statistics that evaluation uses."""

from __future__ import annotations

import numpy as np

from engine.autograd.activations import ACTIVATIONS
from engine.autograd.batch_normalisation import normalise_batch, normalise_by
from engine.autograd.tensor import FloatArray, Tensor
from engine.nn.module import Module
from engine.nn.parameters import Parameter

MOMENTUM = 0.1
"""How much of the running statistics each batch replaces."""


class BatchNorm(Module[Tensor]):
    """Each unit brought to mean 0 and variance 1, scaled, shifted and sent through the activation.

    In training by the statistics of the batch, which also move the running ones; otherwise by the running ones.

    Source: Ioffe & Szegedy (2015), algorithms 1 and 2; the running statistics as a moving average, section 3.1.

    Arguments:
        size: units, H; the scale (`weight`) starts at 1, the shift (`bias`) at 0.
        activation: a name in `ACTIVATIONS`.

    Attributes:
        mean: running mean, (H,); replaced, never written to.
        variance: running variance, (H,), dividing by B - 1, since it estimates that of all examples; as above.
    """

    def __init__(self, size: int, dtype: np.dtype[np.floating], *, activation: str) -> None:
        self.weight = Parameter(np.ones(size, dtype=dtype))
        self.bias = Parameter(np.zeros(size, dtype=dtype))
        self.mean: FloatArray = np.zeros(size, dtype=dtype)
        self.variance: FloatArray = np.ones(size, dtype=dtype)
        self._activation = ACTIVATIONS[activation]

    def __call__(self, x: Tensor) -> Tensor:
        """(B, H) -> (B, H).

        Raises:
            ShapeError: in training, if the batch holds one example.
        """
        if not self.training:
            return normalise_by(x, self.weight, self.bias, self.mean, self.variance, self._activation)
        made, mean, variance = normalise_batch(x, self.weight, self.bias, self._activation)
        count = len(x.data)
        self.mean = (1 - MOMENTUM) * self.mean + MOMENTUM * mean
        self.variance = (1 - MOMENTUM) * self.variance + MOMENTUM * count / (count - 1) * variance
        return made
