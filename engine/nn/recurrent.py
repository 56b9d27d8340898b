"""A recurrent layer: the weights of a cell under their names, and how they begin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.autograd.recurrent import Arrays, Cell, Reading
from engine.autograd.sequence import sequence
from engine.autograd.tensor import FloatArray, Tensor
from engine.nn.initialisation import initialise
from engine.nn.module import Module
from engine.nn.parameters import Parameter


class RecurrentLayer(Module[Tensor]):
    """A layer of recurrent cells, (T, B, I) -> (T, B, H).

    The recurrent weights begin orthogonal, each gate's by itself, so that a state neither grows nor fades in the
    first steps (Saxe et al. 2014; for recurrent networks Le et al. 2015, Arjovsky et al. 2016); biases begin at 0.

    Arguments:
        cell: the kind of cell.
        inputs, hidden: I and H.
        rng: draws the weights, in the order of `cell.rows`, gate by gate.
        initialiser: of the weights on the input, a name in `engine.nn.initialisation.INITIALISERS`.

    Attributes:
        weights: in the order of `cell.shapes`.
    """

    def __init__(
        self,
        cell: type[Reading],
        inputs: int,
        hidden: int,
        rng: np.random.Generator,
        dtype: np.dtype[np.floating],
        *,
        initialiser: str = "xavier",
    ) -> None:
        self._cell = cell
        self._hidden = hidden
        drawn = {"hidden": ("orthogonal", hidden), "input": (initialiser, inputs)}
        weights = []
        for name, shape in cell.shapes(inputs, hidden).items():
            weight = np.zeros(shape)
            begin = 0
            for row in cell.rows[name]:
                if row not in drawn:
                    continue  # a bias, which stands last
                kind, count = drawn[row]
                for gate in range(0, shape[1], hidden):
                    block = initialise(kind, rng, (hidden, count))
                    weight[begin : begin + count, gate : gate + hidden] = block.T
                begin += count
            weights.append(Parameter(weight.astype(dtype)))
            setattr(self, name, weights[-1])  # where Module finds it
        self.weights = tuple(weights)

    def __call__(self, x: Tensor) -> Tensor:
        """(T, B, I) -> (T, B, H), from a state of zeros."""
        return self.read(x, self.zeros(x.shape[1]))[0]

    def read(self, x: Tensor, state: Arrays) -> tuple[Tensor, Reading]:
        """(T, B, I) -> (T, B, H) and the reading, which has the state to go on from."""
        return sequence(self._cell, x, self.weights, state)

    def zeros(self, batch: int) -> Arrays:
        """The state at the beginning of a text, (B, H) each."""
        dtype = self.weights[0].data.dtype
        return tuple(np.zeros((batch, self._hidden), dtype=dtype) for _ in self._cell.carried)

    def cell(self, state: Arrays) -> Cell:
        """The layer as it is now, to read on from a state one vector at a time, (1, H) each."""
        return self._cell.stepping([weight.data for weight in self.weights], state)

    def look(self, weights: Sequence[FloatArray], x: FloatArray, state: Arrays) -> Reading:
        """A reading of plain arrays with these weights, outside any graph."""
        return self._cell(weights, x, state)
