"""Causal multi-head attention as one node, with its gradient by hand.

    P = softmax(Q K^T / sqrt(D) + mask),   O = P V        for each example and head

P is never divided by its rows' sums: what is kept is W = exp(scores), and the sums divide the smaller O on the way
forward and its gradient on the way back. Heads are views: where a matrix product can read and write rows that lie
apart, nothing is copied; only the two factors that stand transposed on the right are laid out anew, for BLAS takes
nearly twice the time to read them across.

Source: Vaswani et al. (2017), Attention Is All You Need, section 3.2; the order of the gradient's sums from Dao et
al. (2022), FlashAttention, appendix B.2.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engine.autograd.errors import ShapeError
from engine.autograd.functions import ones
from engine.autograd.tensor import FloatArray, Tensor

SAFE_SCORE = 60.0
"""Scores of at most this size need no largest one taken out: the sum of a row's exponentials neither overflows nor
vanishes in float32 (e^60 is 1e26)."""

ComplexArray = NDArray[np.complexfloating]


def causal_attention(
    qkv: Tensor,
    heads: int,
    *,
    rotation: ComplexArray | None = None,
    mask: FloatArray | None = None,
) -> Tensor:
    """What each character gathers from those before it and itself: (B, T, 3E) -> (B, T, E).

    Arguments:
        qkv: queries, keys and values beside one another, heads beside one another within each.
        heads: h; E = h * D.
        rotation: how far queries and keys turn at each place, (T, D/2) on the unit circle; None for not at all.
        mask: factors on the attention weights, (B, h, T, T), as dropout makes them; None for none.
    Raises:
        ShapeError: if the last axis does not hold whole heads.
    """
    batch, time, columns = qkv.shape
    if columns % (3 * heads):
        raise ShapeError(f"attention: {columns} columns are not queries, keys and values of {heads} heads")
    width = columns // 3
    size = width // heads
    three = qkv.data.reshape(batch, time, 3, heads, size)
    turned = three[:, :, :2] if rotation is None else rotate(three[:, :, :2], rotation)
    queries = turned[:, :, 0].transpose(0, 2, 1, 3)  # (B, h, T, D), views all three
    keys = turned[:, :, 1].transpose(0, 2, 1, 3)
    values = three[:, :, 2].transpose(0, 2, 1, 3)
    scale = 1 / math.sqrt(size)

    weights = exponentials(queries, keys)  # (B, h, T, T), 0 where a key comes after the query
    inverse = 1 / row_sums(weights)  # (B, h, T, 1)
    seen = weights if mask is None else weights * mask
    gathered = np.empty((batch, time, heads, size), dtype=three.dtype)
    out = gathered.transpose(0, 2, 1, 3)  # (B, h, T, D)
    np.matmul(seen, values, out=out)
    out *= inverse

    def backward(grad: FloatArray) -> None:
        # with G = dL/dO over the sums: dL/dV = W^T G,  dL/dscores = W * (G V^T - rowsum(G * O))
        g = grad.reshape(batch, time, heads, size).transpose(0, 2, 1, 3) * inverse  # (B, h, T, D)
        result = np.empty_like(three)
        d_queries, d_keys, d_values = (result[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
        np.matmul(seen.swapaxes(2, 3), g, out=d_values)
        d_scores = np.matmul(g, values.transpose(0, 1, 3, 2).copy())  # (B, h, T, T)
        if mask is not None:
            d_scores *= mask
        d_scores -= row_sums(g * out)
        d_scores *= weights
        d_scores *= scale
        np.matmul(d_scores, keys, out=d_queries)
        np.matmul(d_scores.swapaxes(2, 3), queries, out=d_keys)
        if rotation is not None:
            result[:, :, :2] = rotate(result[:, :, :2], rotation.conj())
        qkv.receive(result.reshape(batch, time, columns))

    return Tensor.made_by("attention", gathered.reshape(batch, time, width), (qkv,), backward)


def attention_weights(queries: FloatArray, keys: FloatArray) -> FloatArray:
    """softmax(Q K^T / sqrt(D) + mask), two (B, h, T, D) -> (B, h, T, T)."""
    weights = exponentials(queries, keys)
    weights /= row_sums(weights)
    return weights


def exponentials(queries: FloatArray, keys: FloatArray) -> FloatArray:
    """exp(Q K^T / sqrt(D)), each row up to a factor, 0 where a key comes after the query.

    Arguments:
        queries, keys: (B, h, T, D).
    Returns:
        (B, h, T, T); divided by its rows' sums it is the attention weights.
    """
    across = np.empty((*keys.shape[:2], keys.shape[3], keys.shape[2]), dtype=keys.dtype)
    np.multiply(keys.transpose(0, 1, 3, 2), 1 / math.sqrt(keys.shape[3]), out=across)  # (B, h, D, T)
    scores: FloatArray = np.matmul(queries, across)  # (B, h, T, T)
    allowed = causal(scores.shape[2], scores.dtype)
    flat = scores.reshape(-1)
    if not -SAFE_SCORE < np.minimum.reduce(flat) <= np.maximum.reduce(flat) < SAFE_SCORE:
        scores += np.where(allowed, 0, -np.inf).astype(scores.dtype)
        scores -= scores.max(axis=3, keepdims=True)
    np.exp(scores, out=scores)
    scores *= allowed
    return scores


def row_sums(array: FloatArray) -> FloatArray:
    """Sums over the last axis, kept as an axis of 1; as a product, which is a fifth of the time of `sum`."""
    size = array.shape[-1]
    sums: FloatArray = np.dot(np.ascontiguousarray(array).reshape(-1, size), ones(size, array.dtype))
    return sums.reshape(*array.shape[:-1], 1)


def rotate(pairs: FloatArray, rotation: ComplexArray) -> FloatArray:
    """Turn each pair of neighbouring numbers, read as one complex number, by the angle of its place.

    Arguments:
        pairs: (B, T, n, h, D).
        rotation: (T, D/2), on the unit circle.
    Source: Su et al. (2021), RoFormer, equations 12 and 13.
    """
    turned: FloatArray = (pairs.view(rotation.dtype) * rotation[:, None, None]).view(pairs.dtype)
    return turned


@lru_cache(maxsize=64)
def causal(time: int, dtype: np.dtype[np.floating]) -> FloatArray:
    """1 where a query may look, 0 where the key comes after it: (T, T)."""
    allowed = np.tri(time, dtype=dtype)
    allowed.flags.writeable = False
    return allowed
