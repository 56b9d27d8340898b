"""The operations the models run: few nodes, each with a hand-written gradient.

At batch size 1 the number of numpy calls is the cost, at large batches the matrix products are; a node here
does the work of several readable ones and writes a parameter's gradient straight into its slot. Each is
tested against its definition in `functions.py` and against finite differences.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol, TypeAlias

import numpy as np

from engine.autograd.errors import ShapeError
from engine.autograd.functions import GELU_CUBIC, GELU_SCALE, ONE_HOT_LIMIT, IntArray, one_hot, sum_rows_by_id
from engine.autograd.tensor import FloatArray, Tensor


Kept: TypeAlias = tuple[FloatArray, ...]
"""What an activation's gradient needs of its forward pass."""


class Activation(Protocol):
    """An elementwise function with the gradient written in what the forward pass keeps."""

    name: str

    def forward(self, z: FloatArray) -> tuple[FloatArray, Kept]:
        """f(z), and what `gradient` will need of it. May overwrite `z`."""
        ...

    def gradient(self, grad: FloatArray, kept: Kept) -> FloatArray:
        """grad * f'(z), a new array."""
        ...


class _Identity:
    name = "linear"

    def forward(self, z: FloatArray) -> tuple[FloatArray, Kept]:
        return z, ()

    def gradient(self, grad: FloatArray, kept: Kept) -> FloatArray:
        return grad


class _ReLU:
    name = "relu"

    def forward(self, z: FloatArray) -> tuple[FloatArray, Kept]:
        np.maximum(z, 0, out=z)
        return z, (z,)

    def gradient(self, grad: FloatArray, kept: Kept) -> FloatArray:
        (result,) = kept
        return np.multiply(grad, result > 0)


class _Tanh:
    name = "tanh"

    def forward(self, z: FloatArray) -> tuple[FloatArray, Kept]:
        np.tanh(z, out=z)
        return z, (z,)

    def gradient(self, grad: FloatArray, kept: Kept) -> FloatArray:
        (result,) = kept
        slope = np.multiply(result, result)
        np.subtract(1, slope, out=slope)
        slope *= grad
        return slope


class _GELU:
    """z s with s = (1 + tanh u) / 2 and u = c z (1 + a z^2), so that s' = 2 s (1 - s) u'."""

    name = "gelu"

    def forward(self, z: FloatArray) -> tuple[FloatArray, Kept]:
        share = np.multiply(z, z)
        share *= GELU_SCALE * GELU_CUBIC
        share += GELU_SCALE
        share *= z
        np.tanh(share, out=share)
        share += 1
        share *= 0.5
        result = z * share
        return result, (z, share, result)

    def gradient(self, grad: FloatArray, kept: Kept) -> FloatArray:
        z, share, result = kept
        slope = np.multiply(z, z)
        slope *= 6 * GELU_SCALE * GELU_CUBIC
        slope += 2 * GELU_SCALE
        slope *= result
        slope *= 1 - share
        slope += share
        slope *= grad
        return slope


IDENTITY: Activation = _Identity()
ACTIVATIONS: dict[str, Activation] = {a.name: a for a in (_ReLU(), _Tanh(), _GELU())}
"""The activations a person can choose, by name."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, activation: Activation = IDENTITY) -> Tensor:
    """f(x W^T + b) as one node.

    Arguments:
        x: (B, I).
        weight: (O, I).
        bias: (O,); None for none.
        activation: f.
    Raises:
        ShapeError: if the inner sizes differ.
    """
    inputs, matrix = x.data, weight.data
    if inputs.shape[1] != matrix.shape[1]:
        raise ShapeError(
            f"linear: the input is {inputs.shape}, the weight {matrix.shape}: inner sizes differ"
        )
    z = np.dot(inputs, matrix.T)  # (B, O)
    if bias is not None:
        z += bias.data
    result, kept = activation.forward(z)

    def backward(grad: FloatArray) -> None:
        grad = activation.gradient(grad, kept)  # dL/dz, (B, O)
        weight.receive_product(grad.T, inputs)
        if bias is not None:
            bias.receive_sum(grad)
        x.receive(np.dot(grad, matrix))  # (B, I)

    parents = (x, weight) if bias is None else (x, weight, bias)
    return Tensor.made_by(f"linear+{activation.name}", result, parents, backward)


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
        per_character = grad.reshape(-1, size)  # (B*C, E)
        count = len(rows)
        if count <= ONE_HOT_LIMIT:
            table.receive_product(one_hot(flat, count, rows.dtype).T, per_character)
        else:
            table.receive(sum_rows_by_id(per_character, flat, count))

    return Tensor.made_by("embed", joined, (table,), backward)


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
    raised = scores - np.maximum.reduce(scores, axis=1, keepdims=True)  # (B, V): exp cannot overflow
    true = raised[rows, targets]  # (B,)
    np.exp(raised, out=raised)
    totals = np.add.reduce(raised, axis=1, keepdims=True)  # (B, 1)
    loss = (np.log(totals[:, 0]) - true).sum() / count

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
