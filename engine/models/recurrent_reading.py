"""Reading with a recurrent network that stands still: writing on after a prompt, and scoring a whole text.

Everything here is arrays; there is no graph and nothing is kept of a step but the states.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.autograd.recurrent import Arrays
from engine.autograd.tensor import FloatArray
from engine.information import log_softmax
from engine.nn.layers import Embedding, Linear
from engine.nn.recurrent import RecurrentLayer
from engine.products import DOT

LANES = 32
SHORTEST_LANE = 64
WARM_UP = 512
THOROUGH_WARM_UP = 2048
"""Characters that a lane reads before it scores the one after them."""

PRODUCTS_AT_ONCE = 60_000_000
"""Multiply-adds of the steps read at once, one for each parameter, row and step: some milliseconds."""

STEPS_AT_ONCE = 512


class Recurrent(Protocol):
    """The layers of a recurrent network."""

    embedding: Embedding
    layer: tuple[RecurrentLayer, ...]
    output: Linear


class Reader:
    """The weights of a network as they are when it is made, and the states of some rows of text.

    Arguments:
        network: is copied.
        batch: rows, B; they begin with states of zeros.

    Attributes:
        table: the characters' vectors, (V, E).
        states: those of each layer after what was read last.
    """

    def __init__(self, network: Recurrent, batch: int) -> None:
        self.table = network.embedding.weight.data.copy()
        self._layers = network.layer
        self._weights = [[weight.data.copy() for weight in layer.weights] for layer in network.layer]
        self.states: list[Arrays] = [layer.zeros(batch) for layer in network.layer]
        self._weight = np.ascontiguousarray(network.output.weight.data.T)  # (H, V)
        bias = network.output.bias
        self._bias = np.zeros(len(self._weight[0]), self._weight.dtype) if bias is None else bias.data.copy()

    def read(self, ids: IdArray) -> FloatArray:
        """(T, B) ids -> the highest layer's hidden states, (T, B, H); the rows' states go on."""
        x: FloatArray = self.table[ids]  # (T, B, E)
        for index, (layer, weights) in enumerate(zip(self._layers, self._weights, strict=True)):
            reading = layer.look(weights, x, self.states[index])
            x, self.states[index] = reading.hidden, reading.state
        return x

    def scores(self, hidden: FloatArray) -> FloatArray:
        """(N, H) -> logits, (N, V); or (H,) -> (V,)."""
        logits: FloatArray = DOT(hidden, self._weight)
        logits += self._bias
        return logits

    def begin_anew(self, rows: NDArray[np.bool_]) -> None:
        """Set the states of some rows, (B,), to zeros."""
        self.states = [
            tuple(np.where(rows[:, None], 0, array).astype(array.dtype) for array in state)
            for state in self.states
        ]


class Continued:
    """A text that is being written on, one character at a time.

    Arguments:
        network: its weights are copied.
        prompt: what to read first, (T,), T at least 1.
    """

    def __init__(self, network: Recurrent, prompt: IdArray) -> None:
        reader = Reader(network, 1)
        for begin in range(0, len(prompt), STEPS_AT_ONCE):
            hidden = reader.read(prompt[begin : begin + STEPS_AT_ONCE, None])[-1, 0]
        self._reader, self._hidden = reader, hidden
        self._cells = [layer.cell(state) for layer, state in zip(network.layer, reader.states, strict=True)]

    @property
    def logits(self) -> NDArray[np.floating]:
        """Scores for the next character, (V,)."""
        return self._reader.scores(self._hidden)

    def advance(self, character: int) -> None:
        """Read the character with this id."""
        x = self._reader.table[character]  # (E,)
        for cell in self._cells:
            x = cell(x)  # (H,)
        self._hidden = x


def score(
    network: Recurrent, parameters: int, ids: IdArray, start: int, stop: int, pad: int, *, thorough: bool
) -> Iterator[NDArray[np.float64]]:
    """Nats for the characters start .. stop-1 of a text, in one piece after empty ones.

    The stretch is cut into lanes of one length that are read side by side. Place j of the reading is that which
    predicts ids[j]: what is read there is ids[j-1], and the padding character at place 0. A text begins at its
    first character, so that states are zero again at place 1.

    Arguments:
        network: its weights are copied at the beginning.
        parameters: how many it has.
        ids: the whole text, (N,).
        thorough: one lane and a long warm-up, instead of several with a short one.
    """
    count = stop - start
    if not count:
        return
    lanes = 1 if thorough else max(1, min(LANES, count // SHORTEST_LANE))
    warm_up = (
        THOROUGH_WARM_UP if thorough else WARM_UP
    ) - 1  # the last of them is read at the first scored place
    length = -(-count // lanes)
    firsts = start + length * np.arange(lanes) - warm_up  # where each lane's reading begins, (L,)
    warm_up += min(0, int(firsts.max()))  # nobody needs more than there is
    firsts = start + length * np.arange(lanes) - warm_up
    reader = Reader(network, lanes)
    nats = np.empty((lanes, length), dtype=np.float64)
    for begin, end in _cuts(warm_up, length, firsts, max(1, PRODUCTS_AT_ONCE // (parameters * lanes))):
        anew = (firsts + begin == 0) | (firsts + begin == 1)
        if anew.any():
            reader.begin_anew(anew)
        places = firsts + np.arange(begin, end)[:, None]  # (T, L)
        read = np.where(places > 0, ids[np.clip(places - 1, 0, len(ids) - 1)], pad)
        hidden = reader.read(read)  # (T, L, H)
        if begin >= warm_up:
            scores = log_softmax(reader.scores(hidden.reshape(-1, hidden.shape[2])))  # (T*L, V)
            true = ids[np.minimum(places, len(ids) - 1)].reshape(-1)
            nats[:, begin - warm_up : end - warm_up] = (
                -scores[np.arange(len(true)), true].reshape(-1, lanes).T
            )
        yield np.empty(0, dtype=np.float64)
    yield nats.reshape(-1)[:count]


def _cuts(warm_up: int, length: int, firsts: NDArray[np.int64], at_once: int) -> Iterator[tuple[int, int]]:
    """The steps of a reading, cut where scoring begins, where a text begins, and after `at_once`."""
    at_once = min(at_once, STEPS_AT_ONCE)
    end = warm_up + length
    marks = {0, warm_up, end} | {
        int(mark) for mark in np.concatenate([-firsts, 1 - firsts]) if 0 < mark < end
    }
    for low, high in pairwise(sorted(marks)):
        for begin in range(low, high, at_once):
            yield begin, min(begin + at_once, high)
