"""The operations the models run: few nodes, each with a hand-written gradient.

At batch size 1 the number of numpy calls is the cost, at large batches the matrix products are; a node here
does the work of several readable ones and writes a parameter's gradient straight into its slot. Each is
tested against its definition in `functions.py` and against finite differences.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from engine.autograd.activations import IDENTITY, Activation
from engine.autograd.errors import ShapeError
from engine.autograd.functions import (
    ONE_HOT_LIMIT,
    IntArray,
    one_hot,
    ones,
    sum_rows_by_id,
)
from engine.autograd.tensor import FloatArray, Tensor
from engine.products import times_transposed

PLAIN_SCORE = 16
"""Logits up to this size are raised as they are: one float32 digit is 2e-6 there, and the maximum of each row is a
fourth of the time of a loss."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, activation: Activation = IDENTITY) -> Tensor:
    """f(x W^T + b) as one node.

    Arguments:
        x: (..., I), rows along as many axes as there are.
        weight: (O, I).
        bias: (O,); None for none.
        activation: f.
    Raises:
        ShapeError: if the inner sizes differ.
    """
    inputs, matrix = as_rows(x.data), weight.data  # (N, I)
    if inputs.shape[1] != matrix.shape[1]:
        raise ShapeError(f"linear: the input is {x.shape}, the weight {matrix.shape}: inner sizes differ")
    z = times_transposed(inputs, matrix)  # (N, O)
    if bias is not None:
        z += bias.data
    rows, kept = activation.forward(z)

    def backward(grad: FloatArray) -> None:
        grad = activation.gradient(as_rows(grad), kept)  # dL/dz, (N, O)
        weight.receive_product(grad.T, inputs)
        if bias is not None:
            bias.receive_sum(grad)
        x.receive(laid_out_as(x.data, np.dot(grad, matrix)))  # (..., I)

    result = laid_out_as(x.data, rows)  # (..., O)
    parents = (x, weight) if bias is None else (x, weight, bias)
    return Tensor.made_by(f"linear+{activation.name}", result, parents, backward)


def as_rows(array: FloatArray) -> FloatArray:
    """The same numbers as a matrix, (..., E) -> (N, E)."""
    return array if array.ndim == 2 else array.reshape(-1, array.shape[-1])


def laid_out_as(array: FloatArray, rows: FloatArray) -> FloatArray:
    """Rows along the axes of `array`, (N, O) -> (..., O); a matrix stays itself, which saves a call."""
    return rows if array.ndim == 2 else rows.reshape(*array.shape[:-1], rows.shape[1])


def embed(table: Tensor, ids: IntArray) -> Tensor:
    """Look up each character's vector and lay a context's vectors end to end: (V, E), (B, C) -> (B, C*E).

    The ids are trusted to lie in [0, V): they come out of a vocabulary, and a check would cost as much as
    the look-up.
    """
    rows = table.data
    batch, context = ids.shape
    size = rows.shape[1]
    flat = ids.reshape(-1)
    joined = rows.take(flat, axis=0).reshape(batch, context * size)

    def backward(grad: FloatArray) -> None:
        _receive_rows(table, flat, grad.reshape(-1, size))

    return Tensor.made_by("embed", joined, (table,), backward)


def _receive_rows(table: Tensor, ids: IntArray, rows: FloatArray) -> None:
    """Hand a table, (V, E), the gradients of the rows that were looked up in it, (N, E) for (N,) ids."""
    count = len(table.data)
    if count <= ONE_HOT_LIMIT:
        table.receive_product(one_hot(ids, count, rows.dtype).T, rows)
    else:
        table.receive(sum_rows_by_id(rows, ids, count))


def embed_each(table: Tensor, ids: IntArray) -> Tensor:
    """Look up each character's vector: (V, E), (B, T) -> (B, T, E). The ids are trusted as in `embed`."""

    def backward(grad: FloatArray) -> None:
        _receive_rows(table, ids.reshape(-1), as_rows(grad))

    return Tensor.made_by("embed", table.data.take(ids, axis=0), (table,), backward)


def add_places(x: Tensor, places: Tensor, *, scale: float = 1.0) -> Tensor:
    """`scale` times the characters' vectors, plus those of their places: (B, T, E) -> (B, T, E).

    Arguments:
        x: (B, T, E).
        places: (S, E) with S at least T, of which the first T are used.
        scale: what `x` is multiplied with.
    """
    time = x.shape[1]
    rows = places.data[:time]
    result = x.data + rows if scale == 1 else x.data * scale + rows

    def backward(grad: FloatArray) -> None:
        share = grad.sum(axis=0)  # (T, E)
        unused = len(places.data) - time
        places.receive(np.pad(share, ((0, unused), (0, 0))) if unused else share)
        x.receive(grad if scale == 1 else grad * scale)

    return Tensor.made_by("places", result, (x, places), backward)


def softmax_cross_entropy(logits: Tensor, targets: IntArray) -> Tensor:
    """Mean negative log-likelihood of `targets` under softmax(`logits`), in nats.

    Arguments:
        logits: scores, (B, V).
        targets: the true characters' ids, (B,), each in [0, V).
    Raises:
        ShapeError: if the two batch sizes differ.
    """
    scores = logits.data
    count = len(scores)
    if len(targets) != count:
        raise ShapeError(f"{count} rows of logits, but {len(targets)} targets")
    rows = _rows(count)
    flat = scores.reshape(-1)
    if not flat.size or not -PLAIN_SCORE < np.minimum.reduce(flat) <= np.maximum.reduce(flat) < PLAIN_SCORE:
        scores = scores - np.maximum.reduce(scores, axis=1, keepdims=True)  # (B, V): exp cannot overflow
    true = scores[rows, targets]  # (B,)
    raised = np.exp(scores)
    totals = np.dot(raised, ones(raised.shape[1], raised.dtype))[:, None]  # (B, 1)
    nats = np.maximum(np.log(totals[:, 0]) - true, 0)  # rounding alone could bring one below 0
    loss = nats.sum() / count

    def backward(grad: FloatArray) -> None:  # dL/dz = (softmax(z) - onehot) / B
        probabilities = raised / totals
        probabilities[rows, targets] -= 1
        probabilities *= grad / count
        logits.receive(probabilities)

    return Tensor.made_by("softmax_cross_entropy", np.asarray(loss), (logits,), backward)


@lru_cache(maxsize=16)
def _rows(count: int) -> IntArray:
    rows = np.arange(count)
    rows.flags.writeable = False
    return rows
