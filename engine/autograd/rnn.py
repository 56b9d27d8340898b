"""The simple recurrent layer: h_t = tanh(W x_t + U h_t-1 + b).

Source: Elman (1990), Finding Structure in Time; for language Mikolov et al. (2010), with tanh as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from engine.autograd.recurrent import Arrays, Cell, JointReading, joint_rows
from engine.autograd.tensor import FloatArray
from engine.products import DOT, pieces


class RNNCell(Cell):
    """A simple recurrent layer step by step; the arguments are those of every `Cell`."""

    def __init__(self, weights: Sequence[FloatArray], state: Arrays) -> None:
        (hidden,) = state
        size = hidden.shape[1]
        weight = weights[0].copy()
        row = np.ones(len(weight), dtype=weight.dtype)  # [h; x; 1]
        row[:size] = hidden[0]
        self._arrays = row, row[size:-1], row[:size], weight, np.empty(size, dtype=weight.dtype)

    def __call__(self, x: FloatArray) -> FloatArray:
        """x_t, (I,) -> h_t, (H,), which the next call overwrites."""
        row, seen, h, weight, z = self._arrays
        seen[...] = x
        DOT(row, weight, z)
        np.tanh(z, h)
        return h


class RNNReading(JointReading):
    """A sequence as a simple recurrent layer reads it; the arguments are those of every `Reading`."""

    name = "rnn"
    stepping = RNNCell
    gates = 1

    def __init__(self, weights: Sequence[FloatArray], x: FloatArray, state: Arrays) -> None:
        (weight,) = weights
        (hidden,) = state
        steps, batch, inputs = x.shape
        self._begin(x, hidden, joint_rows(steps, batch, inputs, hidden.shape[1], x.dtype))
        z = np.empty(hidden.shape, dtype=x.dtype)
        dot, tanh = DOT, np.tanh
        for row, h in zip(self._joint, self.hidden, strict=False):
            dot(row, weight, z)  # (B, H)
            tanh(z, h)

    @property
    def state(self) -> Arrays:
        """h_T."""
        return (self.hidden[-1].copy(),)

    def last(self) -> Mapping[str, FloatArray]:
        """h_T."""
        return {"hidden": self.hidden[-1]}

    def _way_back(
        self, grad: FloatArray, weight_hidden: FloatArray, delta: FloatArray, parts: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[int, int]]:
        _, batch, size = grad.shape
        cut = pieces(batch, size, size)
        delta_h = np.zeros((batch, size), dtype=grad.dtype)
        delta_h_cut = delta_h.reshape(*cut, size)
        add, multiply, product = np.add, np.multiply, DOT if len(cut) == 1 else np.matmul
        for start, stop in parts:
            slope = delta[start:stop]
            np.multiply(self.hidden[start:stop], self.hidden[start:stop], out=slope)
            np.subtract(1, slope, out=slope)  # tanh' = 1 - h^2
            backwards = (slope, slope.reshape(len(slope), *cut, size), grad[start:stop])
            for d, d_cut, g in zip(*(array[::-1] for array in backwards), strict=True):
                add(delta_h, g, delta_h)
                multiply(d, delta_h, d)
                product(d_cut, weight_hidden, delta_h_cut)
            yield start, stop
