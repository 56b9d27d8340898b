"""Causal multi-head self-attention as a layer, and what it remembers of a text that grows.

Source: Vaswani et al. (2017), Attention Is All You Need, section 3.2.
"""

from __future__ import annotations

import numpy as np

from engine.autograd.attention import ComplexArray, attention_weights, causal_attention, gather, rotate
from engine.autograd.tensor import FloatArray, Tensor
from engine.nn.layers import Dropout, Linear
from engine.nn.module import Module


class KeyValueCache:
    """The keys and values of the characters read so far, for one text and one layer.

    Attributes:
        keys, values: room for `time` of them, (1, h, time, D); the first `length` are in use.
        length: characters read.
    """

    def __init__(self, time: int, heads: int, size: int, dtype: np.dtype[np.floating]) -> None:
        self.keys: FloatArray = np.empty((1, heads, time, size), dtype=dtype)
        self.values: FloatArray = np.empty_like(self.keys)
        self.length = 0

    def append(self, keys: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Add those of n more characters, (1, h, n, D); all that are there then, views."""
        start, stop = self.length, self.length + keys.shape[2]
        self.keys[:, :, start:stop], self.values[:, :, start:stop] = keys, values
        self.length = stop
        return self.keys[:, :, :stop], self.values[:, :, :stop]


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
        rotation = None if self._rotation is None else self._rotation[:time]
        gathered = causal_attention(self.query_key_value(x), self._heads, rotation=rotation, mask=mask)
        return self.projection(gathered)

    def read_on(self, x: Tensor, cache: KeyValueCache) -> Tensor:
        """The same for the next characters of a text whose beginning is in `cache`: (1, n, E) -> (1, n, E)."""
        queries, keys, values = self._split(self.query_key_value(x).data, cache.length)
        gathered = gather(queries, *cache.append(keys, values))  # (1, n, E)
        return self.projection(Tensor(gathered))

    def weights(self, x: Tensor) -> FloatArray:
        """How much each character gathers from each: (1, T, E) -> (h, T, T), rows that sum to 1."""
        queries, keys, _ = self._split(self.query_key_value(x).data, 0)
        weights: FloatArray = attention_weights(queries, keys)[0]
        return weights

    def _split(self, qkv: FloatArray, start: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Queries and keys, turned as their places from `start` on want it, and values: each (B, h, T, D)."""
        batch, time, columns = qkv.shape
        three = qkv.reshape(batch, time, 3, self._heads, columns // (3 * self._heads))
        turned = three[:, :, :2]
        if self._rotation is not None:
            turned = rotate(turned, self._rotation[start : start + time])
        queries, keys = turned.transpose(2, 0, 3, 1, 4)
        return queries, keys, three[:, :, 2].transpose(0, 2, 1, 3)
