"""The activations, each with its gradient beside it, on arrays that are written over.

Sources: Hendrycks & Gimpel (2016), Gaussian Error Linear Units, for the form of GELU with tanh.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Protocol, TypeAlias

import numpy as np

from engine.autograd.functions import GELU_CUBIC, GELU_SCALE
from engine.autograd.tensor import FloatArray

GELU_AT_ONCE = 1 << 16
"""Numbers treated together: three such arrays of float32 stay in a second-level cache of 1 MB."""

Kept: TypeAlias = tuple[FloatArray, ...]
"""What an activation's gradient needs of its forward pass."""


class Activation(Protocol):
    """An elementwise function with the gradient written in what the forward pass keeps.

    Attributes:
        factors: a and b, by which the weights before and behind can be multiplied beforehand, so that `short` may
            stand for f: b short(a z) = f(z).
    """

    name: str
    factors: tuple[float, float]

    def value(self, z: FloatArray) -> FloatArray:
        """f(z) alone, written over `z`."""
        ...

    def short(self, scaled: FloatArray) -> FloatArray:
        """f(z) / b from a z, written over it, in fewer calls where there is a way."""
        ...

    def forward(self, z: FloatArray) -> tuple[FloatArray, Kept]:
        """f(z), and what `gradient` will need of it. May overwrite `z`."""
        ...

    def gradient(self, grad: FloatArray, kept: Kept) -> FloatArray:
        """grad * f'(z), a new array."""
        ...


class _Plain(ABC):
    """What is as short as it can be."""

    factors = 1.0, 1.0

    @abstractmethod
    def value(self, z: FloatArray) -> FloatArray: ...

    def short(self, scaled: FloatArray) -> FloatArray:
        return self.value(scaled)


class _Identity(_Plain):
    name = "linear"

    def value(self, z: FloatArray) -> FloatArray:
        return z

    def forward(self, z: FloatArray) -> tuple[FloatArray, Kept]:
        return z, ()

    def gradient(self, grad: FloatArray, kept: Kept) -> FloatArray:
        return grad


class _ReLU(_Plain):
    name = "relu"

    def value(self, z: FloatArray) -> FloatArray:
        return np.maximum(z, 0, out=z)

    def forward(self, z: FloatArray) -> tuple[FloatArray, Kept]:
        return self.value(z), (z,)

    def gradient(self, grad: FloatArray, kept: Kept) -> FloatArray:
        (result,) = kept
        return np.multiply(grad, result > 0)


class _Tanh(_Plain):
    name = "tanh"

    def value(self, z: FloatArray) -> FloatArray:
        return np.tanh(z, out=z)

    def forward(self, z: FloatArray) -> tuple[FloatArray, Kept]:
        return self.value(z), (z,)

    def gradient(self, grad: FloatArray, kept: Kept) -> FloatArray:
        (result,) = kept
        slope = np.multiply(result, result)
        np.subtract(1, slope, out=slope)
        slope *= grad
        return slope


_GELU_ROOT = (GELU_SCALE * GELU_CUBIC) ** (1 / 3)
"""What z is multiplied with where its cube is to stand alone."""


class _GELU:
    """z s with s = (1 + tanh u) / 2 and u = c z (1 + a z^2); its slope is s + z s', s' = 2 s (1 - s) u'.

    The slope is what is kept: it costs least while z is at hand, in pieces that stay in the cache meanwhile.
    """

    name = "gelu"
    factors = _GELU_ROOT, 0.5 / _GELU_ROOT

    def value(self, z: FloatArray) -> FloatArray:
        z *= self._share(z, z * z)
        return z

    def short(self, scaled: FloatArray) -> FloatArray:
        # with r^3 = c a and y = r z: u = y (y^2 + c / r), and 2 r f(z) = y (1 + tanh u)
        _, _, one, _, _, _, linear = _gelu_numbers(scaled.dtype)
        inner: FloatArray = np.multiply(scaled, scaled)
        np.add(inner, linear, inner)
        np.multiply(inner, scaled, inner)
        np.tanh(inner, inner)
        np.add(inner, one, inner)
        return np.multiply(scaled, inner, scaled)

    def forward(self, z: FloatArray) -> tuple[FloatArray, Kept]:
        slopes = np.empty_like(z)
        rows = max(1, GELU_AT_ONCE // z.shape[-1])
        for start in range(0, len(z), rows):
            self._forward(z[start : start + rows], slopes[start : start + rows])
        return z, (slopes,)

    def _forward(self, z: FloatArray, slope: FloatArray) -> None:
        _, _, one, _, slope_cubic, slope_scale, _ = _gelu_numbers(z.dtype)
        np.multiply(z, z, slope)
        share = self._share(z, slope)
        np.multiply(z, share, z)
        np.multiply(slope, slope_cubic, slope)
        np.add(slope, slope_scale, slope)  # 2 u'
        np.multiply(slope, z, slope)
        np.multiply(slope, one - share, slope)
        np.add(slope, share, slope)

    @staticmethod
    def _share(z: FloatArray, square: FloatArray) -> FloatArray:
        """s of z and z^2."""
        cubic, scale, one, half, *_ = _gelu_numbers(z.dtype)
        share: FloatArray = np.multiply(square, cubic)
        np.add(share, scale, share)
        np.multiply(share, z, share)
        np.tanh(share, share)
        np.add(share, one, share)
        np.multiply(share, half, share)
        return share

    def gradient(self, grad: FloatArray, kept: Kept) -> FloatArray:
        (slopes,) = kept
        return grad * slopes


@lru_cache(maxsize=4)
def _gelu_numbers(dtype: np.dtype[np.floating]) -> tuple[FloatArray, ...]:
    """The numbers in it as arrays, which numpy takes in half the time that it needs for Python's own."""
    cubic = GELU_SCALE * GELU_CUBIC
    linear = GELU_SCALE / _GELU_ROOT
    numbers = (cubic, GELU_SCALE, 1, 0.5, 6 * cubic, 2 * GELU_SCALE, linear)
    return tuple(np.array(number, dtype) for number in numbers)


IDENTITY: Activation = _Identity()
ACTIVATIONS: dict[str, Activation] = {a.name: a for a in (_ReLU(), _Tanh(), _GELU())}
"""The activations a person can choose, by name."""
