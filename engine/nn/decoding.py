"""A decoder on one character after another: vectors instead of matrices, and nothing kept for a gradient.

A single character costs little arithmetic and many calls, so what can be done beforehand is done when a text
begins: the gain g and bias a of a norm go into the layer behind it, W (g n + a) + b = (W g) n + (W a + b), and the
scale of the scores into the queries. The weights are copies: a text that is being written keeps them, whatever is
learned meanwhile.
"""

from __future__ import annotations

import math

import numpy as np

from engine.autograd.attention import ComplexArray
from engine.autograd.fused import ACTIVATIONS
from engine.autograd.normalisation import EPSILON
from engine.autograd.tensor import FloatArray
from engine.nn.layers import Linear
from engine.nn.normalisation import LayerNorm


class KeyValueCache:
    """The keys and values of the characters read so far, for one layer, laid out as the next query wants them.

    Attributes:
        keys: a column for each of T characters, (h, D, T).
        values: a row for each, (h, T, D + 1), with a 1 behind it: what multiplies them gets its own sum as well.
    """

    def __init__(self, time: int, heads: int, size: int, dtype: np.dtype[np.floating]) -> None:
        self.keys: FloatArray = np.zeros((heads, size, time), dtype=dtype)
        self.values: FloatArray = np.ones((heads, time, size + 1), dtype=dtype)

    def fill(self, keys: FloatArray, values: FloatArray) -> None:
        """Put in those of the first n characters, two (1, h, n, D)."""
        _, _, count, size = keys.shape
        self.keys[:, :, :count] = keys[0].transpose(0, 2, 1)
        self.values[:, :count, :size] = values[0]


class Affine:
    """W x + b for one x, with copies of a layer's weights and of the gain and bias of the norm before it.

    Arguments:
        weight: (O, I).
        bias: (O,); None for none.
        norm: the norm before; None for none.
    """

    def __init__(self, weight: FloatArray, bias: FloatArray | None, norm: LayerNorm | None) -> None:
        self.weight = weight if norm is None else weight * norm.weight.data
        self.bias: FloatArray = np.zeros(len(weight), dtype=weight.dtype) if bias is None else bias.copy()
        if norm is not None:
            self.bias += weight @ norm.bias.data
        self.weight = np.array(self.weight, order="F")  # by columns: up to a fifth faster for one vector

    @classmethod
    def of(cls, layer: Linear, norm: LayerNorm | None = None) -> Affine:
        """A copy of `layer`, with `norm` before it."""
        return cls(layer.weight.data, None if layer.bias is None else layer.bias.data, norm)

    def __call__(self, x: FloatArray) -> FloatArray:
        """(I,) -> (O,)."""
        result: FloatArray = np.dot(self.weight, x)
        result += self.bias
        return result


class Normal:
    """A vector brought to mean 0 and variance 1, then scaled and shifted unless the layer behind does that."""

    def __init__(
        self, size: int, dtype: np.dtype[np.floating], after: tuple[FloatArray, FloatArray] | None
    ) -> None:
        self._size = size
        self._shares = np.full(size, 1 / size, dtype=dtype)
        self._after = after

    @classmethod
    def before(cls, norm: LayerNorm) -> Normal:
        """That of a norm whose gain and bias go into the layer behind it."""
        return cls(norm.weight.data.size, norm.weight.data.dtype, None)

    @classmethod
    def of(cls, norm: LayerNorm) -> Normal:
        """A copy of a norm."""
        weight = norm.weight.data
        return cls(weight.size, weight.dtype, (weight.copy(), norm.bias.data.copy()))

    def __call__(self, x: FloatArray) -> FloatArray:
        """(E,) -> (E,)."""
        normal: FloatArray = x - np.dot(x, self._shares)
        normal *= 1 / math.sqrt(float(np.dot(normal, normal)) / self._size + EPSILON)
        if self._after is not None:
            gain, bias = self._after
            normal *= gain
            normal += bias
        return normal


class AttentionStep:
    """What one character gathers from those before it and itself: from queries, keys and values to the projection.

    Arguments:
        query_key_value, projection: copies of the layers.
        cache: what has been read, which grows.
        rotation: how queries and keys turn at each place, (T, D/2); None for not at all.
    """

    def __init__(
        self,
        query_key_value: Affine,
        projection: Affine,
        cache: KeyValueCache,
        rotation: ComplexArray | None,
    ) -> None:
        self._heads, self._size, _ = cache.keys.shape
        self._query_key_value, self._projection = query_key_value, projection
        self._cache, self._rotation = cache, rotation
        queries = slice(0, self._heads * self._size)
        for array in (query_key_value.weight, query_key_value.bias):
            array[queries] *= 1 / math.sqrt(self._size)

    def __call__(self, x: FloatArray, place: int) -> FloatArray:
        """(E,) -> (E,)."""
        size, stop = self._size, place + 1
        keys, values = self._cache.keys, self._cache.values
        three = self._query_key_value(x).reshape(3, self._heads, 1, size)
        if self._rotation is not None:
            turned = three[:2].view(self._rotation.dtype)  # (2, h, 1, D/2)
            turned *= self._rotation[place]
        keys[:, :, place] = three[1, :, 0]
        values[:, place, :size] = three[2, :, 0]
        weights = np.matmul(three[0], keys[:, :, :stop])  # (h, 1, t)
        weights -= np.maximum.reduce(weights, axis=2, keepdims=True)
        np.exp(weights, out=weights)
        summed = np.matmul(weights, values[:, :stop])  # (h, 1, D + 1)
        gathered = summed[:, 0, :size] / summed[:, 0, size:]
        return self._projection(gathered.reshape(-1))


class FeedForwardStep:
    """W2 f(W1 x + b1) + b2 for one character."""

    def __init__(self, inner: Affine, outer: Affine, activation: str) -> None:
        self._inner, self._outer, self._activation = inner, outer, ACTIVATIONS[activation]

    def __call__(self, x: FloatArray) -> FloatArray:
        """(E,) -> (E,)."""
        return self._outer(self._activation.value(self._inner(x)))
