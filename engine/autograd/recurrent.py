"""A whole sequence through one recurrent layer as one node of the graph, whatever the cell.

A cell (`rnn.py`, `lstm.py`, `gru.py`) is a `Reading`: made from weights, a sequence and a state, it has the hidden
states, and knows the way back. What the cells share stands here: the node, and how products are cut.

Sequences are time-major, (T, B, .), so that what belongs to one step is contiguous. Within a step numbers are kept
gate by gate, (G, B, H), so that an elementwise operation runs over whole blocks.

Two facts about small products shape the code. BLAS has kernels that need no packing for products up to about a
million multiply-adds, which come near the processor's peak where a product twice that size loses a fifth; and a
product with a stored weight transposed, x W^T with W (O, I), takes half as long again as one with a transposed copy.
So the weights are copied once for a sequence, in blocks, and `np.matmul` goes through the blocks in one call.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np

from engine.autograd.errors import ShapeError
from engine.autograd.tensor import FloatArray, Tensor
from engine.parallel import product_then

Arrays: TypeAlias = tuple[FloatArray, ...]
Shapes: TypeAlias = dict[str, tuple[int, ...]]

SMALL_PRODUCT = 1_000_000
"""Multiply-adds up to which BLAS multiplies without packing: 100 GFLOPS against 80 (OpenBLAS, AVX-512, one thread)."""

WORTH_CUTTING = 1 << 25
"""Multiply-adds of a weight gradient from which it is computed in two halves, so that the second thread can begin
while the way back is still at the first half of the sequence."""


class Reading(ABC):
    """A sequence as one layer reads it, with what the way back needs.

    Arguments:
        ready: the layer's weights as `ready` lays them out.
        x: the sequence, (T, B, I).
        state: what the layer carries from before, (B, H) each; neither it nor `x` is written to.

    Attributes:
        hidden: h_1 .. h_T, (T, B, H), not contiguous.
        carried: names of the arrays of a state.
    """

    carried: ClassVar[tuple[str, ...]] = ("hidden",)
    hidden: FloatArray

    @abstractmethod
    def __init__(self, ready: Arrays, x: FloatArray, state: Arrays) -> None: ...

    @staticmethod
    @abstractmethod
    def shapes(inputs: int, hidden: int) -> Shapes:
        """The layer's weights by name, in the order in which the other methods want them."""

    @staticmethod
    @abstractmethod
    def ready(weights: Sequence[FloatArray], batch: int) -> Arrays:
        """The weights copied into the layout in which sequences of `batch` rows are read fastest."""

    @property
    @abstractmethod
    def state(self) -> Arrays:
        """What is carried on after the last step, (B, H) each, copies."""

    @abstractmethod
    def last(self) -> Mapping[str, FloatArray]:
        """Gates and states of the last step, (B, H) each, in the order of the equations."""

    @abstractmethod
    def backward(self, grad: FloatArray, x: Tensor, weights: Sequence[Tensor]) -> None:
        """Hand their gradients to `x` and `weights`, given dL/dh, (T, B, H).

        None goes to the state: back-propagation through time is truncated where the sequence begins.
        """


def sequence(
    cell: type[Reading], x: Tensor, weights: Sequence[Tensor], state: Arrays
) -> tuple[Tensor, Reading]:
    """A layer's hidden states at every step, (T, B, H), as one node, and the reading they come from.

    Arguments:
        cell: the kind of layer.
        x: (T, B, I), T at least 1.
        weights: as `cell.shapes` lists them.
        state: what is carried from before, as `cell.carried` lists it, (B, H) each.
    Raises:
        ShapeError: if the sizes do not fit together.
    """
    batch, inputs = x.shape[1:]
    expected = cell.shapes(inputs, state[0].shape[1])
    for (name, shape), weight in zip(expected.items(), weights, strict=True):
        if weight.shape != shape:
            raise ShapeError(f"{name} is {weight.shape}; with input {x.shape} it has to be {shape}")
    for name, array in zip(cell.carried, state, strict=True):
        if array.shape != state[0].shape or len(array) != batch:
            raise ShapeError(f"the {name} state is {array.shape}; a batch of {batch} needs ({batch}, H)")
    reading = cell(cell.ready([weight.data for weight in weights], batch), x.data, state)

    def backward(grad: FloatArray) -> None:
        reading.backward(grad, x, weights)

    return Tensor.made_by(cell.__name__, reading.hidden, (x, *weights), backward), reading


def transposed(
    weights: Sequence[FloatArray], gates: int, batch: int, scales: FloatArray | None = None
) -> FloatArray:
    """[W_1 W_2 ...]^T in the layout for `product`: (I, G*H) for one row, else a block a gate, (G, I, H).

    Arguments:
        weights: matrices (G*H, I_k) or vectors (G*H,), to stand below one another.
        gates: G.
        batch: rows that will be multiplied at once.
        scales: a factor for each gate, (G, 1, 1).
    """
    width = len(weights[0]) // gates
    sizes = [1 if weight.ndim == 1 else weight.shape[1] for weight in weights]
    if gates == 1 or batch == 1:
        result = np.empty((sum(sizes), gates * width), dtype=weights[0].dtype)
        by_gate = result.reshape(-1, gates, width).transpose(1, 0, 2)  # (G, I, H)
    else:
        by_gate = result = np.empty((gates, sum(sizes), width), dtype=weights[0].dtype)
    begin = 0
    for weight, size in zip(weights, sizes, strict=True):
        by_gate[:, begin : begin + size] = weight.reshape(gates, width, size).transpose(0, 2, 1)
        begin += size
    if scales is not None:
        np.multiply(by_gate, scales, out=by_gate)
    return result


def product(weight: FloatArray) -> Callable[..., Any]:  # Any: numpy's functions have many forms
    """What multiplies rows with a weight that `transposed` made: (B, I) -> (B, G*H) for one row, else (G, B, H)."""
    return np.dot if weight.ndim == 2 else np.matmul


def pieces(rows: int, inner: int, outer: int) -> tuple[int, ...]:
    """How to cut the rows of a product (rows, inner) @ (inner, outer) so that it needs no packing.

    Returns:
        (pieces, rows of a piece), for `np.matmul`; or (rows,), for `np.dot`, where no cut helps.
    """
    if rows * inner * outer > SMALL_PRODUCT:
        for piece in (32, 16, 8):
            if rows % piece == 0 and piece * inner * outer <= SMALL_PRODUCT:
                return rows // piece, piece
    return (rows,)


def multiply_rows(left: FloatArray, right: FloatArray, out: FloatArray) -> None:
    """Write (N, K) @ (K, M) to `out`, both contiguous, in pieces."""
    cut = pieces(len(left), *right.shape)
    multiply = np.dot if len(cut) == 1 else np.matmul
    multiply(left.reshape(*cut, -1), right, out=out.reshape(*cut, -1))


def stretches(steps: int, products: int) -> tuple[tuple[int, int], ...]:
    """The steps in the order of the way back, cut in two where a weight gradient's `products` are many."""
    half = steps // 2 if products >= WORTH_CUTTING else 0
    return ((half, steps), (0, half)) if half else ((0, steps),)


class JointReading(Reading):
    """A reading whose pre-activations are one product a step: [h_t-1; x_t; 1] with the joint weight [U W b]^T.

    The rows lie ready in `_joint`, (T + 1, B, H + I + 1); a hidden state is written into the row of the next step.
    """

    gates: ClassVar[int]
    _joint: FloatArray

    @classmethod
    def shapes(cls, inputs: int, hidden: int) -> Shapes:
        """W, U and b, the gates below one another in PyTorch's order."""
        size = cls.gates * hidden
        return {"weight_input": (size, inputs), "weight_hidden": (size, hidden), "bias": (size,)}

    def _begin(self, x: FloatArray, hidden: FloatArray) -> None:
        """Lay out the rows: all but the hidden states after the first step's."""
        steps, batch, inputs = x.shape
        size = hidden.shape[1]
        joint = np.empty((steps + 1, batch, size + inputs + 1), dtype=x.dtype)
        joint[0, :, :size] = hidden
        joint[:-1, :, size:-1] = x
        joint[:-1, :, -1] = 1
        self._joint, self.hidden = joint, joint[1:, :, :size]

    def backward(self, grad: FloatArray, x: Tensor, weights: Sequence[Tensor]) -> None:
        """Hand their gradients to `x` and `weights`, given dL/dh, (T, B, H)."""
        weight_input, weight_hidden, bias = weights
        steps, batch, size = grad.shape
        wide = len(bias.data)  # G*H
        rows = self._joint.shape[2]
        delta_x = np.empty(x.shape, dtype=grad.dtype)

        def share(joint: FloatArray) -> None:  # (G*H, H + I + 1)
            weight_hidden.receive(joint[:, :size])
            weight_input.receive(joint[:, size:-1])
            bias.receive(joint[:, -1])

        parts = stretches(steps, steps * batch * wide * rows)
        for (start, stop), delta in zip(parts, self._way_back(grad, weight_hidden.data, parts), strict=True):
            flat = delta.reshape(-1, wide)
            product_then(flat.T, self._joint[start:stop].reshape(-1, rows), share)
            multiply_rows(flat, weight_input.data, delta_x[start:stop].reshape(len(flat), -1))
        x.receive(delta_x)

    @abstractmethod
    def _way_back(
        self, grad: FloatArray, weight_hidden: FloatArray, parts: Sequence[tuple[int, int]]
    ) -> Iterator[FloatArray]:
        """dL/d(pre-activations), (stop - start, B, G*H), for each of `parts`, the last steps first."""
