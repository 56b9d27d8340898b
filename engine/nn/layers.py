"""The layers: embedding, linear with its activation or tied to the embedding, activations alone, dropout."""

from __future__ import annotations

import numpy as np

from engine.autograd.activations import ACTIVATIONS, IDENTITY, Activation
from engine.autograd.functions import IntArray, gelu, relu, tanh
from engine.autograd.fused import embed, embed_each, linear
from engine.autograd.tensor import FloatArray, Tensor
from engine.nn.initialisation import initialise
from engine.nn.module import Module
from engine.nn.parameters import Parameter

EMBEDDING_SPREAD = 0.1
"""Standard deviation of a fresh embedding, as in section 3.5 of the course the project grew from."""


def initial_embedding(
    rng: np.random.Generator, count: int, size: int, spread: float = EMBEDDING_SPREAD
) -> FloatArray:
    """Fresh character vectors, (V, E) float64, normal with standard deviation `spread`."""
    return rng.normal(0.0, spread, (count, size))


class Embedding(Module[IntArray]):
    """A vector for every character.

    Arguments:
        count, size: V and E.
        rng: draws the vectors.
        spread: their standard deviation.
    """

    def __init__(
        self,
        count: int,
        size: int,
        rng: np.random.Generator,
        dtype: np.dtype[np.floating],
        *,
        spread: float = EMBEDDING_SPREAD,
    ) -> None:
        self.weight = Parameter(initial_embedding(rng, count, size, spread).astype(dtype))

    def __call__(self, x: IntArray) -> Tensor:
        """(B, T) ids -> (B, T, E)."""
        return embed_each(self.weight, x)


class JoinedEmbedding(Embedding):
    """A vector for every character; a context is its vectors laid end to end."""

    def __call__(self, x: IntArray) -> Tensor:
        """(B, C) ids -> (B, C*E)."""
        return embed(self.weight, x)


class Linear(Module[Tensor]):
    """f(x W^T + b), (..., I) -> (..., O).

    Arguments:
        inputs, outputs: I and O.
        rng: draws the weight, (O, I); the bias starts at 0.
        initialiser: a name in `engine.nn.initialisation.INITIALISERS`.
        activation: a name in `ACTIVATIONS`, or "" for none.
        biased: whether there is a b.
        scale: what the first weights are multiplied with.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        rng: np.random.Generator,
        dtype: np.dtype[np.floating],
        *,
        initialiser: str = "xavier",
        activation: str = "",
        biased: bool = True,
        scale: float = 1.0,
    ) -> None:
        first = initialise(initialiser, rng, (outputs, inputs)) * scale
        self.weight = Parameter(first.astype(dtype))
        self.bias = Parameter(np.zeros(outputs, dtype=dtype)) if biased else None
        self._activation: Activation = ACTIVATIONS[activation] if activation else IDENTITY

    def __call__(self, x: Tensor) -> Tensor:
        """(..., I) -> (..., O)."""
        return linear(x, self.weight, self.bias, self._activation)


class TiedLinear(Module[Tensor]):
    """Scores by the characters' own vectors: T (W x + b) + c, (B, I) -> (B, V), T the table of an embedding.

    Source: Press & Wolf (2017), Using the Output Embedding to Improve Language Models; the projection to the width
    of the vectors as in Inan et al. (2017), section 3.

    Arguments:
        inputs: I.
        table: T, (V, E), the embedding's parameter, which this layer shares.
        rng, dtype, initialiser: of the projection's weight W, (E, I); the biases start at 0.
    """

    def __init__(
        self,
        inputs: int,
        table: Parameter,
        rng: np.random.Generator,
        dtype: np.dtype[np.floating],
        *,
        initialiser: str = "xavier",
    ) -> None:
        count, size = table.shape
        self.projection = Linear(inputs, size, rng, dtype, initialiser=initialiser)
        self.bias = Parameter(np.zeros(count, dtype=dtype))
        self._table = table

    def __call__(self, x: Tensor) -> Tensor:
        """(B, I) -> (B, V)."""
        return linear(self.projection(x), self._table, self.bias)


class ReLU(Module[Tensor]):
    """max(x, 0) as a layer of its own."""

    def __call__(self, x: Tensor) -> Tensor:
        """Elementwise."""
        return relu(x)


class Tanh(Module[Tensor]):
    """tanh(x) as a layer of its own."""

    def __call__(self, x: Tensor) -> Tensor:
        """Elementwise."""
        return tanh(x)


class GELU(Module[Tensor]):
    """gelu(x) as a layer of its own."""

    def __call__(self, x: Tensor) -> Tensor:
        """Elementwise."""
        return gelu(x)


class Dropout(Module[Tensor]):
    """Each number is zeroed with probability `share` in training, the rest scaled by 1/(1 - share).

    Source: Srivastava et al. 2014, in the inverted form, so that evaluation needs no scaling.

    Arguments:
        share: probability of dropping, in [0, 1).
        noise: the generator the masks come from; its state belongs to the run's.
    """

    def __init__(self, share: float, noise: np.random.Generator) -> None:
        self._share = share
        self._noise = noise

    def __call__(self, x: Tensor) -> Tensor:
        """The same shape; the very same tensor where nothing is dropped."""
        mask = self.mask(x.shape, x.data.dtype)
        if mask is None:
            return x
        return Tensor.made_by("dropout", x.data * mask, (x,), lambda grad: x.receive(grad * mask))

    def mask(self, shape: tuple[int, ...], dtype: np.dtype[np.floating]) -> FloatArray | None:
        """The factors for an array of this shape, 0 or 1/(1 - share); None where nothing is dropped."""
        if not self.training or self._share == 0:
            return None
        kept = self._noise.random(shape, dtype=np.float32) >= self._share
        return (kept / (1 - self._share)).astype(dtype)
