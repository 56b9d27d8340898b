"""A block of a Transformer: attention and a feed-forward layer, each beside a path that leads straight on.

Source: Vaswani et al. (2017), section 3.1, where a norm stands behind each sum; Radford et al. (2019), section 2.3,
where it stands before each branch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from engine.autograd.activations import ACTIVATIONS
from engine.autograd.attention import ComplexArray
from engine.autograd.tensor import FloatArray, Tensor
from engine.nn.attention import CausalSelfAttention
from engine.nn.decoding import Affine, AttentionStep, FeedForwardStep, KeyValueCache, Normal, Scale
from engine.nn.layers import Dropout, Linear
from engine.nn.module import Module
from engine.nn.normalisation import LayerNorm

WIDENING = 4
"""The hidden layer of a block is this many times wider than its input, as in both papers."""


class FeedForward(Module[Tensor]):
    """W2 f(W1 x + b1) + b2, at every place by itself.

    Arguments:
        width: E.
        rng: draws the weights.
        activation: f, a name in `ACTIVATIONS`.
        initialiser: as for `Linear`.
        scale: what the first W2 is multiplied with.
    """

    def __init__(
        self,
        width: int,
        rng: np.random.Generator,
        dtype: np.dtype[np.floating],
        *,
        activation: str,
        initialiser: str,
        scale: float,
    ) -> None:
        inner = WIDENING * width
        self._activation = activation
        self.inner = Linear(width, inner, rng, dtype, initialiser=initialiser, activation=activation)
        self.outer = Linear(inner, width, rng, dtype, initialiser=initialiser, scale=scale)

    def __call__(self, x: Tensor) -> Tensor:
        """(B, T, E) -> (B, T, E)."""
        return self.outer(self.inner(x))

    def decoding(self, norm: LayerNorm | None) -> Callable[[], FeedForwardStep]:
        """What makes the same for one character, with copies of the weights of now.

        With `norm` before it the output is freed of its mean.
        """
        inner, outer = Affine.of(self.inner, norm), Affine.of(self.outer, centred=norm is not None)
        activation = ACTIVATIONS[self._activation]
        before, behind = activation.factors
        inner.weight *= before
        outer.weight[:, :-1] *= behind  # not the bias
        return lambda: FeedForwardStep(inner.apart(), outer.apart(), activation)


class Block(Module[Tensor]):
    """Attention and a feed-forward layer.

    Arguments:
        width, heads: E and h.
        rng: draws the weights.
        noise: dropout's.
        norm_first: whether a norm stands before each branch, or behind each sum.
        activation: the feed-forward layer's.
        dropout: the share of attention weights, and of the numbers that each branch gives, that are dropped.
        initialiser: as for `Linear`.
        scale: what the last weights of each branch are multiplied with at first.
        rotation: how queries and keys turn at each place, (T, D/2); None for not at all.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        rng: np.random.Generator,
        noise: np.random.Generator,
        dtype: np.dtype[np.floating],
        *,
        norm_first: bool,
        activation: str,
        dropout: float,
        initialiser: str,
        scale: float,
        rotation: ComplexArray | None,
    ) -> None:
        self._norm_first = norm_first
        self.dropout = Dropout(dropout, noise)
        self.norm_1 = LayerNorm(width, dtype)
        self.attention = CausalSelfAttention(
            width,
            heads,
            rng,
            dtype,
            dropout=self.dropout,
            initialiser=initialiser,
            scale=scale,
            rotation=rotation,
        )
        self.norm_2 = LayerNorm(width, dtype)
        self.feed_forward = FeedForward(
            width, rng, dtype, activation=activation, initialiser=initialiser, scale=scale
        )

    def __call__(self, x: Tensor) -> Tensor:
        """(B, T, E) -> (B, T, E)."""
        return self._attending(x, self.attention)

    def filling(self, x: Tensor, cache: KeyValueCache) -> Tensor:
        """The same for the beginning of a text that will go on, which `cache` keeps: (1, T, E) -> (1, T, E)."""
        return self._attending(x, lambda x: self.attention.filling(x, cache))

    def _attending(self, x: Tensor, attention: Callable[[Tensor], Tensor]) -> Tensor:
        if self._norm_first:
            x = x + self.dropout(attention(self.norm_1(x)))
            return x + self.dropout(self.feed_forward(self.norm_2(x)))
        x = self.norm_1(x + self.dropout(attention(x)))
        return self.norm_2(x + self.dropout(self.feed_forward(x)))

    def attention_weights(self, x: Tensor) -> FloatArray:
        """How much each character gathers from each in this block, (1, T, E) -> (h, T, T)."""
        return self.attention.weights(self.norm_1(x) if self._norm_first else x)

    def decoding(self) -> Callable[[KeyValueCache], BlockStep]:
        """What makes the block for one character after those in a cache, with copies of the weights of now.

        With norms first, vectors come and go freed of their means.
        """
        if self._norm_first:
            attention, feed_forward = (
                self.attention.decoding(self.norm_1),
                self.feed_forward.decoding(self.norm_2),
            )
            scale = Scale(self.norm_1.weight.data.size)
            return lambda cache: _norm_first(attention(cache), feed_forward(), scale)
        attention, feed_forward = self.attention.decoding(None), self.feed_forward.decoding(None)
        norm_1, norm_2 = Normal(self.norm_1), Normal(self.norm_2)
        return lambda cache: _norm_last(attention(cache), norm_1, feed_forward(), norm_2)


BlockStep: TypeAlias = Callable[[FloatArray, int], FloatArray]
"""A block for one character: (E,) and its place -> (E,). It may write over what it is given."""


def _norm_first(attention: AttentionStep, feed_forward: FeedForwardStep, scale: Scale) -> BlockStep:
    def step(x: FloatArray, place: int) -> FloatArray:
        scale(x, attention.inputs)
        x += attention(place)
        scale(x, feed_forward.inputs)
        x += feed_forward()
        return x

    return step


def _norm_last(
    attention: AttentionStep, norm_1: Normal, feed_forward: FeedForwardStep, norm_2: Normal
) -> BlockStep:
    def step(x: FloatArray, place: int) -> FloatArray:
        attention.inputs[:] = x
        x = norm_1(x + attention(place))
        feed_forward.inputs[:] = x
        return norm_2(x + feed_forward())

    return step
