"""A decoder on one character after another: vectors instead of matrices, and nothing kept for a gradient.

A single character costs little arithmetic and many calls, so what can be done beforehand is done when a text
begins: the gain g and bias a of a norm go into the layer behind it, W (g n + a) + b = (W g) n + (W a + b), and the
scale of the scores into the queries. Where every norm stands before a branch, nobody ever sees the mean of what
leads straight on: all that adds to it is freed of its mean beforehand, and the norms need not take it out. Vectors
between two layers are written over for every character. The weights are copies: a text that is being written keeps
them, whatever is learned meanwhile; texts that begin with the same weights share them.
"""

from __future__ import annotations

import math
from copy import copy

import numpy as np

from engine.autograd.activations import Activation
from engine.autograd.attention import SAFE_SCORE, ComplexArray
from engine.autograd.normalisation import EPSILON
from engine.autograd.tensor import FloatArray
from engine.nn.layers import Linear
from engine.nn.normalisation import LayerNorm
from engine.products import DOT


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

    Behind x, in `inputs`, a 1 stands: what it is multiplied with is b. Who writes x there saves a copy.

    Arguments:
        weight: (O, I).
        bias: (O,); None for none.
        norm: the norm before; None for none.
        centred: whether the output is freed of its mean.
    Attributes:
        inputs: x, (I,).
    """

    def __init__(
        self,
        weight: FloatArray,
        bias: FloatArray | None,
        norm: LayerNorm | None = None,
        *,
        centred: bool = False,
    ) -> None:
        outputs, size = weight.shape
        # by columns: up to a fifth faster for one vector
        self.weight: FloatArray = np.zeros((outputs, size + 1), dtype=weight.dtype, order="F")
        self.weight[:, :size] = weight if norm is None else weight * norm.weight.data
        if bias is not None:
            self.weight[:, size] = bias
        if norm is not None:
            self.weight[:, size] += weight @ norm.bias.data
        if centred:
            self.weight -= self.weight.mean(axis=0)
        self._make_room()

    @classmethod
    def of(cls, layer: Linear, norm: LayerNorm | None = None, *, centred: bool = False) -> Affine:
        """A copy of `layer`, with `norm` before it."""
        bias = None if layer.bias is None else layer.bias.data
        return cls(layer.weight.data, bias, norm, centred=centred)

    def apart(self) -> Affine:
        """The same weights for another text, with room of its own for x."""
        other = copy(self)
        other._make_room()
        return other

    def _make_room(self) -> None:
        columns = self.weight.shape[1]
        self._vector: FloatArray = np.ones(columns, dtype=self.weight.dtype)
        self.inputs: FloatArray = self._vector[: columns - 1]

    def __call__(self, x: FloatArray) -> FloatArray:
        """(I,) -> (O,)."""
        self.inputs[:] = x
        return self.output()

    def output(self, out: FloatArray | None = None) -> FloatArray:
        """That for what stands in `inputs`, (O,); written to `out` where that is given."""
        result: FloatArray = DOT(self.weight, self._vector, out)
        return result


class Scale:
    """A vector of mean 0 brought to variance 1: the rest of a norm whose gain and bias the layer behind it has."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __call__(self, x: FloatArray, out: FloatArray) -> None:
        """(E,), written to `out`."""
        np.multiply(x, 1 / math.sqrt(float(DOT(x, x)) / self._size + EPSILON), out)


class Normal:
    """A copy of a norm, for one vector."""

    def __init__(self, norm: LayerNorm) -> None:
        self._gain, self._bias = norm.weight.data.copy(), norm.bias.data.copy()
        size = self._gain.size
        self._shares = np.full(size, 1 / size, dtype=self._gain.dtype)
        self._scale = Scale(size)

    def __call__(self, x: FloatArray) -> FloatArray:
        """(E,) -> (E,)."""
        normal: FloatArray = x - DOT(x, self._shares)
        self._scale(normal, normal)
        normal *= self._gain
        normal += self._bias
        return normal


class AttentionStep:
    """What one character gathers from those before it and itself: from queries, keys and values to the projection.

    Arguments:
        query_key_value, projection: copies of the layers, nobody else's; the queries by 1 / sqrt(D).
        cache: what has been read, which grows.
        rotation: how queries and keys turn at each place, (T, D/2); None for not at all.
    Attributes:
        inputs: where x is written before a call, (E,).
    """

    def __init__(
        self,
        query_key_value: Affine,
        projection: Affine,
        cache: KeyValueCache,
        rotation: ComplexArray | None,
    ) -> None:
        heads, size, _ = cache.keys.shape
        self.inputs = query_key_value.inputs
        self._query_key_value, self._projection = query_key_value, projection
        self._cache, self._rotation = cache, rotation
        # where the parts of what is computed stand, looked up once
        self._flat: FloatArray = np.empty(3 * heads * size, dtype=cache.keys.dtype)
        three = self._flat.reshape(3, heads, 1, size)
        self._queries, self._key, self._value = three[0], three[1, :, 0], three[2, :, 0]
        self._turned = None if rotation is None else three[:2].view(rotation.dtype)  # (2, h, 1, D/2)
        self._old_keys, self._old_values = cache.keys, cache.values[:, :, :size]
        self._summed: FloatArray = np.empty((heads, 1, size + 1), dtype=cache.keys.dtype)
        self._sums, self._totals = self._summed[:, 0, :size], self._summed[:, 0, size:]
        self._gathered = projection.inputs.reshape(heads, size)

    def __call__(self, place: int) -> FloatArray:
        """(E,)."""
        stop = place + 1
        self._query_key_value.output(self._flat)
        if self._turned is not None and self._rotation is not None:
            self._turned *= self._rotation[place]
        self._old_keys[:, :, place] = self._key
        self._old_values[:, place] = self._value
        weights = np.matmul(self._queries, self._old_keys[:, :, :stop])  # (h, 1, t)
        flat = weights.reshape(-1)
        if not DOT(flat, flat) < SAFE_SCORE**2:  # or none of them is larger than its root
            weights -= np.maximum.reduce(weights, axis=2, keepdims=True)
        np.exp(weights, weights)
        np.matmul(weights, self._cache.values[:, :stop], self._summed)  # (h, 1, D + 1)
        np.divide(self._sums, self._totals, self._gathered)
        return self._projection.output()


class FeedForwardStep:
    """W2 f(W1 x + b1) + b2 for one character.

    Arguments:
        inner, outer: copies of the layers, nobody else's, multiplied by the activation's `factors`.
        activation: f.
    Attributes:
        inputs: where x is written before a call, (E,).
    """

    def __init__(self, inner: Affine, outer: Affine, activation: Activation) -> None:
        self.inputs = inner.inputs
        self._inner, self._outer, self._activation = inner, outer, activation

    def __call__(self) -> FloatArray:
        """(E,)."""
        self._activation.short(self._inner.output(self._outer.inputs))
        return self._outer.output()
