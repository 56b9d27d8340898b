"""Layer normalisation as a layer."""

from __future__ import annotations

import numpy as np

from engine.autograd.normalisation import layer_norm
from engine.autograd.tensor import Tensor
from engine.nn.module import Module
from engine.nn.parameters import Parameter


class LayerNorm(Module[Tensor]):
    """Each row brought to mean 0 and variance 1, then scaled and shifted: Ba, Kiros & Hinton (2016).

    Arguments:
        size: E, numbers in a row; the gain starts at 1, the bias at 0.
    """

    def __init__(self, size: int, dtype: np.dtype[np.floating]) -> None:
        self.weight = Parameter(np.ones(size, dtype=dtype))
        self.bias = Parameter(np.zeros(size, dtype=dtype))

    def __call__(self, x: Tensor) -> Tensor:
        """(..., E) -> (..., E)."""
        return layer_norm(x, self.weight, self.bias)
