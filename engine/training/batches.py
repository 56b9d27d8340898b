"""Which examples a step sees: every window of the training text once an epoch, in an order shuffled anew.

The examples are one endless stream. The order within an epoch is a pseudo-random permutation that can be computed
at any place without the rest: a Feistel network over the positions (Luby & Rackoff 1988), walked until it lands
inside the range (Black & Rogaway 2002). So where a run stands is one number, going back is exact, and a text of 100
million characters costs no memory and no pause at the start of an epoch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.models.language_model import Batch

ROUNDS = 6
READ_AHEAD = 4096
"""Positions computed at once, which makes their cost per example negligible even at batch size 1."""

Words = NDArray[np.uint64]


class Order:
    """The order in which the windows come, epoch after epoch.

    Arguments:
        size: windows in an epoch, at least 1.
        seed: determines the order of every epoch.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size = np.uint64(size)
        self._half = np.uint64(max(1, -(-(size - 1).bit_length() // 2)))
        self._mask = np.uint64((1 << int(self._half)) - 1)
        self._key = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]

    def windows(self, start: int, stop: int) -> NDArray[np.int64]:
        """The windows at places start .. stop-1 of the stream, each in 0 .. size-1."""
        places = np.arange(start, stop, dtype=np.uint64)
        epochs = places // self._size
        keys = [_scatter(epochs * np.uint64(ROUNDS) + np.uint64(turn) ^ self._key) for turn in range(ROUNDS)]
        numbers = self._mix(places - epochs * self._size, keys)
        outside = np.flatnonzero(numbers >= self._size)
        while len(outside):
            numbers[outside] = self._mix(numbers[outside], [key[outside] for key in keys])
            outside = outside[numbers[outside] >= self._size]
        return numbers.astype(np.int64)

    def _mix(self, numbers: Words, keys: list[Words]) -> Words:
        """One pass of the network: a bijection of the smallest even power of two that holds `size`."""
        left, right = numbers >> self._half, numbers & self._mask
        for key in keys:
            left, right = right, left ^ (_scatter(right + key) & self._mask)
        return (left << self._half) | right


def _scatter(words: Words) -> Words:
    """A hash of each word: the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


class Batches:
    """Draws batches of windows from a text.

    Arguments:
        ids: the training text, (N,), N > context.
        context: C.
        seed: of the orders.

    Attributes:
        examples: windows in an epoch.
        drawn: examples drawn so far; assign to go to another place.
    """

    def __init__(self, ids: IdArray, context: int, seed: int) -> None:
        self._windows = np.lib.stride_tricks.sliding_window_view(ids, context + 1)  # (N - C, C + 1), a view
        self.examples = len(self._windows)
        self.drawn = 0
        self._order = Order(self.examples, seed)
        self._read_from, self._ahead = 0, np.empty(0, dtype=np.int64)

    @property
    def epochs(self) -> float:
        """Passes over the examples so far, fractional."""
        return self.drawn / self.examples

    def draw(self, size: int) -> Batch:
        """The next `size` examples; a batch may reach over into the next epoch, or over several."""
        offset = self.drawn - self._read_from
        if not 0 <= offset <= len(self._ahead) - size:
            self._ahead = self._order.windows(self.drawn, self.drawn + max(size, READ_AHEAD))
            self._read_from, offset = self.drawn, 0
        positions = self._ahead[offset : offset + size]
        self.drawn += size
        rows = self._windows[positions]  # (B, C + 1), a copy
        return Batch(rows[:, :-1], rows[:, -1], positions)
