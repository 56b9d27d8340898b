"""Causal multi-head self-attention as a layer.

Source: Vaswani et al. (2017), Attention Is All You Need, section 3.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from engine.autograd.attention import ComplexArray, attention_weights, causal_attention, rotate
from engine.autograd.tensor import FloatArray, Tensor
from engine.nn.decoding import Affine, AttentionStep, KeyValueCache
from engine.nn.layers import Dropout, Linear
from engine.nn.module import Module
from engine.nn.normalisation import LayerNorm


class CausalSelfAttention(Module[Tensor]):
    """Every character gathers from those before it and itself what its queries ask for.

    Arguments:
        width: E.
        heads: h, which divides E; each is of size D = E / h.
        rng: draws the weights.
        dropout: drops attention weights.
        initialiser: as for `Linear`.
        scale: what the projection's first weights are multiplied with.
        rotation: how queries and keys turn at each place, (T, D/2); None for not at all.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        rng: np.random.Generator,
        dtype: np.dtype[np.floating],
        *,
        dropout: Dropout,
        initialiser: str,
        scale: float,
        rotation: ComplexArray | None,
    ) -> None:
        self._heads, self._rotation = heads, rotation
        self.query_key_value = Linear(width, 3 * width, rng, dtype, initialiser=initialiser)
        self.projection = Linear(width, width, rng, dtype, initialiser=initialiser, scale=scale)
        self.dropout = dropout

    def __call__(self, x: Tensor) -> Tensor:
        """(B, T, E) -> (B, T, E)."""
        batch, time, _ = x.shape
        mask = self.dropout.mask((batch, self._heads, time, time), x.data.dtype)
        qkv, turns = self.query_key_value(x), self._turns(time)
        return self.projection(causal_attention(qkv, self._heads, rotation=turns, mask=mask))

    def filling(self, x: Tensor, cache: KeyValueCache) -> Tensor:
        """The same for the beginning of a text that will go on, which `cache` keeps: (1, T, E) -> (1, T, E)."""
        qkv = self.query_key_value(x)
        _, keys, values = self._split(qkv.data)
        cache.fill(keys, values)
        return self.projection(causal_attention(qkv, self._heads, rotation=self._turns(x.shape[1])))

    def decoding(self, norm: LayerNorm | None) -> Callable[[KeyValueCache], AttentionStep]:
        """What makes the same for one character after those in a cache, with copies of the weights of now.

        With `norm` before it, which gets vectors of mean 0, the output is freed of its mean.
        """
        query_key_value = Affine.of(self.query_key_value, norm)
        width = query_key_value.inputs.size
        query_key_value.weight[:width] *= 1 / math.sqrt(width // self._heads)
        projection = Affine.of(self.projection, centred=norm is not None)
        return lambda cache: AttentionStep(query_key_value.apart(), projection.apart(), cache, self._rotation)

    def weights(self, x: Tensor) -> FloatArray:
        """How much each character gathers from each: (1, T, E) -> (h, T, T), rows that sum to 1."""
        queries, keys, _ = self._split(self.query_key_value(x).data)
        weights: FloatArray = attention_weights(queries, keys)[0]
        return weights

    def _split(self, qkv: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Queries and keys, turned as their places want it, and values: each (B, h, T, D)."""
        batch, time, columns = qkv.shape
        three = qkv.reshape(batch, time, 3, self._heads, columns // (3 * self._heads))
        turns = self._turns(time)
        turned = three[:, :, :2] if turns is None else rotate(three[:, :, :2], turns)
        queries, keys = turned.transpose(2, 0, 3, 1, 4)
        return queries, keys, three[:, :, 2].transpose(0, 2, 1, 3)

    def _turns(self, time: int) -> ComplexArray | None:
        """The rotations of the first places."""
        return None if self._rotation is None else self._rotation[:time]
