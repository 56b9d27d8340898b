"""The readable operations on tensors: each forward with its gradient right below it.

These are the definition. What the models run is fused (`fused.py`) and tested against these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engine.autograd.errors import ShapeError
from engine.autograd.tensor import FloatArray, Tensor

IntArray = NDArray[np.integer]

GELU_SCALE = math.sqrt(2 / math.pi)
GELU_CUBIC = 0.044715


def exp(x: Tensor) -> Tensor:
    """e^x, elementwise."""
    result = np.exp(x.data)
    return Tensor.made_by("exp", result, (x,), lambda grad: x.receive(grad * result))


def log(x: Tensor) -> Tensor:
    """The natural logarithm, elementwise."""
    return Tensor.made_by("log", np.log(x.data), (x,), lambda grad: x.receive(grad / x.data))


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent, elementwise."""
    result = np.tanh(x.data)
    return Tensor.made_by("tanh", result, (x,), lambda grad: x.receive(grad * (1 - result * result)))


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + e^-x), elementwise, by way of tanh so that no exponential overflows."""
    result = 0.5 * (1 + np.tanh(0.5 * x.data))
    return Tensor.made_by("sigmoid", result, (x,), lambda grad: x.receive(grad * result * (1 - result)))


def relu(x: Tensor) -> Tensor:
    """max(x, 0), elementwise; the gradient at 0 is taken as 0."""
    return Tensor.made_by("relu", np.maximum(x.data, 0), (x,), lambda grad: x.receive(grad * (x.data > 0)))


def gelu(x: Tensor) -> Tensor:
    """The Gaussian error linear unit, in its tanh form (Hendrycks & Gimpel 2016, section 2)."""
    z = x.data
    t = np.tanh(GELU_SCALE * (z + GELU_CUBIC * z**3))

    def backward(grad: FloatArray) -> None:
        slope = GELU_SCALE * (1 + 3 * GELU_CUBIC * z * z)
        x.receive(grad * 0.5 * (1 + t + z * (1 - t * t) * slope))

    return Tensor.made_by("gelu", 0.5 * z * (1 + t), (x,), backward)


def reduce_sum(x: Tensor, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """The sum over `axis`, or over everything."""
    kept = x.data.sum(axis=axis, keepdims=True)
    total = np.asarray(x.data.sum(axis=axis))

    def backward(grad: FloatArray) -> None:
        x.receive(np.broadcast_to(grad.reshape(kept.shape), x.shape))

    return Tensor.made_by("sum", total, (x,), backward)


def mean(x: Tensor, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """The mean over `axis`, or over everything."""
    total = reduce_sum(x, axis)
    return total / (x.data.size / total.data.size)


def reshape(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The same numbers in another shape."""
    return Tensor.made_by(
        "reshape", x.data.reshape(shape), (x,), lambda grad: x.receive(grad.reshape(x.shape))
    )


def transpose(x: Tensor) -> Tensor:
    """The last two axes exchanged."""
    return Tensor.made_by("T", x.data.swapaxes(-1, -2), (x,), lambda grad: x.receive(grad.swapaxes(-1, -2)))


def permute(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The axes in another order: axis i of the result is axis axes[i] of `x`."""
    back = tuple(np.argsort(axes))
    return Tensor.made_by(
        "permute", x.data.transpose(axes), (x,), lambda grad: x.receive(grad.transpose(back))
    )


def concatenate(parts: Sequence[Tensor], axis: int = 0) -> Tensor:
    """The tensors one after the other along `axis`."""
    ends = np.cumsum([part.shape[axis] for part in parts])

    def backward(grad: FloatArray) -> None:
        for part, piece in zip(parts, np.split(grad, ends[:-1], axis=axis), strict=True):
            part.receive(piece)

    joined = np.concatenate([part.data for part in parts], axis=axis)
    return Tensor.made_by("concatenate", joined, tuple(parts), backward)


def take(x: Tensor, ids: IntArray) -> Tensor:
    """Rows of `x`, (V, E), by their ids, any shape S: the result is (*S, E). Ids may repeat."""
    if ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < len(x.data):
        raise ShapeError(
            f"ids run from {ids.min()} to {ids.max()}; the table has rows 0 to {len(x.data) - 1}"
        )

    def backward(grad: FloatArray) -> None:
        x.receive(sum_rows_by_id(grad.reshape(ids.size, x.shape[1]), ids.ravel(), len(x.data)))

    return Tensor.made_by("take", x.data[ids], (x,), backward)


ONE_HOT_LIMIT = 128
"""Largest table for which a one-hot product beats a sorted sum; measured on 2,048 rows (113 against 116 us)."""

_identities: dict[tuple[int, np.dtype[np.floating]], FloatArray] = {}


def sum_rows_by_id(rows: FloatArray, ids: IntArray, count: int) -> FloatArray:
    """The sum of the rows that share an id, (N, E) -> (count, E): the gradient of a table look-up.

    `np.add.at` would do the same in eight times the time on large batches.
    """
    if count <= ONE_HOT_LIMIT:
        summed: FloatArray = np.dot(one_hot(ids, count, rows.dtype).T, rows)
        return summed
    totals = np.zeros((count, rows.shape[1]), dtype=rows.dtype)
    if len(ids):
        order = ids.argsort(kind="stable")
        ordered = ids[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        totals[ordered[starts]] = np.add.reduceat(rows[order], starts, axis=0)
    return totals


def one_hot(ids: IntArray, count: int, dtype: np.dtype[np.floating]) -> FloatArray:
    """A row a id, all zeros but for a 1 in column id: (N,) -> (N, count)."""
    identity = _identities.get((count, dtype))
    if identity is None:
        identity = _identities[count, dtype] = np.eye(count, dtype=dtype)
    return identity.take(ids, axis=0)


@lru_cache(maxsize=64)
def ones(size: int, dtype: np.dtype[np.floating]) -> FloatArray:
    """(size,) ones, read-only: a product with them is a sum, in a third of the time of numpy's own or less."""
    result = np.ones(size, dtype=dtype)
    result.flags.writeable = False
    return result


def softmax(logits: Tensor) -> Tensor:
    """e^z / sum(e^z) over the last axis, from the primitive operations."""
    shifted = logits - logits.data.max(axis=-1, keepdims=True)
    raised = exp(shifted)
    total = reduce_sum(raised, axis=-1)
    return raised / reshape(total, (*total.shape, 1))


def cross_entropy(logits: Tensor, targets: IntArray) -> Tensor:
    """Mean negative log-likelihood in nats, (B, V) and (B,) -> scalar, from the primitive operations."""
    chosen = np.zeros(logits.shape, dtype=logits.data.dtype)
    chosen[np.arange(len(targets)), targets] = 1
    shifted = logits - logits.data.max(axis=1, keepdims=True)
    log_z = log(reduce_sum(exp(shifted), axis=1))
    return mean(log_z - reduce_sum(shifted * chosen, axis=1))


def layer_norm(x: Tensor, gain: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """gain * (x - mean) / sqrt(variance + epsilon) + bias over the last axis, from the primitive operations."""
    column = (*x.shape[:-1], 1)
    centred = x - reshape(mean(x, axis=-1), column)
    variance = reshape(mean(centred**2, axis=-1), column)
    return gain * centred / (variance + epsilon) ** 0.5 + bias


def causal_attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """softmax(Q K^T / sqrt(D)) V with nobody looking ahead, three (B, h, T, D) -> (B, h, T, D).

    Source: Vaswani et al. (2017), equation 1.
    """
    time, size = queries.shape[-2:]
    scores = queries @ transpose(keys) / math.sqrt(size)  # (B, h, T, T)
    ahead = np.triu(np.full((time, time), -np.inf, dtype=scores.data.dtype), 1)
    return softmax(scores + ahead) @ values


def rotate(x: Tensor, angles: FloatArray) -> Tensor:
    """Turn each pair of neighbouring numbers by the angle of its place, from the primitive operations.

    Arguments:
        x: (B, h, T, D).
        angles: (T, D/2).
    Source: Su et al. (2021), equation 34: x cos(angle) + (-x2, x1, -x4, x3, ...) sin(angle).
    """
    size = x.shape[-1]
    quarter = np.zeros((size, size), dtype=x.data.dtype)  # the turn by a right angle, as a matrix
    even = np.arange(0, size, 2)
    quarter[even + 1, even], quarter[even, even + 1] = -1, 1
    cosine, sine = (np.repeat(f(angles), 2, axis=1) for f in (np.cos, np.sin))  # (T, D)
    return x * cosine + (x @ Tensor(quarter)) * sine
