"""How a Transformer knows where a character stands: a vector that is added, or a turn of queries and keys."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.autograd.attention import ComplexArray
from engine.autograd.fused import add_places
from engine.autograd.tensor import FloatArray, Tensor
from engine.nn.initialisation import initialise
from engine.nn.module import Module
from engine.nn.parameters import Parameter

POSITIONS = ("learned", "sinusoidal", "rotary", "none")
"""The kinds a person can choose."""

BASE = 10000.0
"""The longest wave is 2 pi times this many places long: Vaswani et al. (2017), section 3.5; Su et al. (2021)."""


class NoPositions(Module[Tensor]):
    """Nothing added: attention turns its queries and keys, or the causal mask alone tells the order.

    Attributes:
        scale: what the characters' vectors are multiplied with.
    """

    scale: float = 1.0

    def __call__(self, x: Tensor) -> Tensor:
        """(B, T, E) -> (B, T, E)."""
        return x

    @property
    def added(self) -> FloatArray | None:
        """What is added at each place, (T, E)."""
        return None


class LearnedPositions(NoPositions):
    """A vector of its own for each place, added: Radford et al. (2018), section 3.1.

    Arguments:
        time: T, places there are.
        size: E.
        rng: draws the vectors.
    """

    def __init__(self, time: int, size: int, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> None:
        self.weight = Parameter(initialise("normal", rng, (time, size)).astype(dtype))

    def __call__(self, x: Tensor) -> Tensor:
        """(B, T, E) -> (B, T, E)."""
        return add_places(x, self.weight)

    @property
    def added(self) -> FloatArray:
        """What is added at each place, (T, E)."""
        return self.weight.data


class SinusoidalPositions(NoPositions):
    """sqrt(E) x + waves: Vaswani et al. (2017), sections 3.4 and 3.5."""

    def __init__(self, time: int, size: int, dtype: np.dtype[np.floating]) -> None:
        self.scale = math.sqrt(size)
        self._waves = sinusoidal(time, size, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        """(B, T, E) -> (B, T, E)."""
        return add_places(x, Tensor(self._waves), scale=self.scale)

    @property
    def added(self) -> FloatArray:
        """What is added at each place, (T, E)."""
        return self._waves


def angles(time: int, size: int) -> NDArray[np.float64]:
    """t / base^(2i/size) for each place t and each pair i of `size` numbers: (T, size/2), rounded up."""
    frequencies = BASE ** (-np.arange(0, size, 2) / size)
    return np.outer(np.arange(time), frequencies)


def sinusoidal(time: int, size: int, dtype: np.dtype[np.floating]) -> FloatArray:
    """A vector for each place, sines and cosines in turn of waves from 2 pi to 2 pi `BASE` characters: (T, E)."""
    phases = angles(time, size)
    waves = np.stack([np.sin(phases), np.cos(phases)], axis=2).reshape(
        time, -1
    )  # (T, E), one more if E is odd
    return np.ascontiguousarray(waves[:, :size], dtype=dtype)


def rotary(time: int, size: int, dtype: np.dtype[np.floating]) -> ComplexArray:
    """How far each pair of a query's or key's numbers turns at each place, on the unit circle: (T, D/2).

    Two that stand n places apart then meet at an angle that depends on n alone.

    Arguments:
        size: D, even.
        dtype: of the numbers it will turn.
    Source: Su et al. (2021), RoFormer, section 3.2.
    """
    turns: ComplexArray = np.exp(1j * angles(time, size))
    return turns.astype(np.result_type(dtype, np.complex64))
