"""A whole sequence through one recurrent layer as one node of the graph, whatever the cell."""

from __future__ import annotations

from collections.abc import Sequence

from engine.autograd.errors import ShapeError
from engine.autograd.recurrent import Arrays, Reading
from engine.autograd.tensor import FloatArray, Tensor


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
    reading = cell([weight.data for weight in weights], x.data, state)

    def backward(grad: FloatArray) -> None:
        reading.backward(grad, x, weights)

    return Tensor.made_by(cell.name, reading.hidden, (x, *weights), backward), reading
