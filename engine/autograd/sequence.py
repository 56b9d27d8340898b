"""A whole sequence through one recurrent layer as one node of the graph, whatever the cell.

The rows of a batch meet in the gradients of the weights alone. So where the steps are large the two halves of the
batch are read at the same time, forward and backward, on two threads, and their two gradients are added. Where a
batch is divided depends on sizes alone, so the same bits come out however the threads are scheduled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from engine.autograd.errors import ShapeError
from engine.autograd.recurrent import Arrays, Read, Reading
from engine.autograd.tensor import FloatArray, Tensor
from engine.parallel import divide

LARGE = 1 << 20
"""Multiply-adds of a step, one for each weight and row, from which a batch is divided. Between calls the threads
wait for each other's hold of the interpreter; below this the calls are too short to make up for it (2 cores)."""


def sequence(cell: type[Reading], x: Tensor, weights: Sequence[Tensor], state: Arrays) -> tuple[Tensor, Read]:
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
    products = batch * sum(weight.data.size for weight in weights)
    kind: Callable[..., Read] = partial(Halves, cell) if batch > 1 and products >= LARGE else cell
    read = kind([weight.data for weight in weights], x.data, state)

    def backward(grad: FloatArray) -> None:
        read.backward(grad, x, weights)

    return Tensor.made_by(cell.name, read.hidden, (x, *weights), backward), read


class Halves(Read):
    """A sequence whose batch is read in two halves at the same time; the arguments are those of `sequence`."""

    def __init__(
        self, cell: type[Reading], weights: Sequence[FloatArray], x: FloatArray, state: Arrays
    ) -> None:
        batch, size = state[0].shape
        self.hidden = np.empty((len(x), batch, size), dtype=x.dtype)
        self._parts = slice(0, batch // 2), slice(batch // 2, batch)
        self._halves: dict[int, Reading] = {}

        def read(half: int) -> None:
            part = self._parts[half]
            self._halves[half] = cell(weights, x[:, part], tuple(array[part] for array in state))
            self.hidden[:, part] = self._halves[half].hidden

        divide(partial(read, 0), partial(read, 1))

    @property
    def state(self) -> Arrays:
        """What is carried on after the last step, (B, H) each, copies."""
        return tuple(
            np.concatenate(pair) for pair in zip(self._halves[0].state, self._halves[1].state, strict=True)
        )

    def last(self) -> Mapping[str, FloatArray]:
        """Gates and states of the last step, (B, H) each, in the order of the equations."""
        first, second = self._halves[0].last(), self._halves[1].last()
        return {name: np.concatenate((array, second[name])) for name, array in first.items()}

    def backward(self, grad: FloatArray, x: Tensor, weights: Sequence[Tensor]) -> None:
        """Hand their gradients to `x` and `weights`, given dL/dh, (T, B, H)."""
        passed = np.empty_like(x.data)
        twins = [Tensor(weight.data) for weight in weights]  # slots for the second half's gradients

        def back(half: int) -> None:
            part = self._parts[half]
            into = Tensor(x.data[:, part])
            self._halves[half].backward(grad[:, part], into, twins if half else weights)
            passed[:, part] = into.grad

        divide(partial(back, 0), partial(back, 1))
        for weight, twin in zip(weights, twins, strict=True):
            assert twin.grad is not None
            weight.receive(twin.grad)
        x.receive(passed)
