"""Which examples a step sees: every window of the training text once an epoch, in an order that is shuffled anew.

The order of an epoch is a pseudo-random permutation that can be computed at any place without the rest: a Feistel
network over the positions (Luby & Rackoff 1988), walked until it lands inside the range (Black & Rogaway 2002).
So the whole state is two numbers, going back is exact, and a text of 100 million characters costs no memory and
no pause at the start of an epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.models.language_model import Batch

ROUNDS = 6
READ_AHEAD = 4096
"""Positions computed at once, which makes their cost per example negligible even at batch size 1."""


class Permutation:
    """A pseudo-random order of 0 .. size-1, computed where it is asked for.

    Arguments:
        size: how many there are, at least 1.
        key: numbers that determine the order, such as seed and epoch.
    """

    def __init__(self, size: int, key: tuple[int, ...]) -> None:
        self._size = size
        self._half = np.uint64(max(1, -(-(size - 1).bit_length() // 2)))
        self._mask = np.uint64((1 << int(self._half)) - 1)
        self._keys = np.random.SeedSequence(key).generate_state(ROUNDS, np.uint64) | np.uint64(1)

    def __getitem__(self, places: slice) -> NDArray[np.int64]:
        """The numbers at places start .. stop-1 of the order."""
        numbers = np.arange(places.start, places.stop, dtype=np.uint64)
        numbers = self._mix(numbers)
        while (outside := numbers >= self._size).any():
            numbers[outside] = self._mix(numbers[outside])
        return numbers.astype(np.int64)

    def _mix(self, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """One pass of the network: a bijection of the smallest even power of two that holds `size`."""
        left, right = numbers >> self._half, numbers & self._mask
        for key in self._keys:
            mixed = (right + key) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
            mixed *= key
            mixed ^= mixed >> np.uint64(32)
            left, right = right, left ^ (mixed & self._mask)
        return (left << self._half) | right


@dataclass(frozen=True)
class Place:
    """Where in the stream of examples a run stands: the epoch, and how many of its examples are drawn."""

    epoch: int
    drawn: int


class Batches:
    """Draws batches of windows from a text.

    Arguments:
        ids: the training text, (N,), N > context.
        context: C.
        seed: of the orders.
    """

    def __init__(self, ids: IdArray, context: int, seed: int) -> None:
        self._windows = np.lib.stride_tricks.sliding_window_view(ids, context + 1)  # (N - C, C + 1), a view
        self._seed = seed
        self.examples = len(self._windows)
        self._epoch, self._drawn = 0, 0
        self._read_from, self._ahead = 0, np.empty(0, dtype=np.int64)

    @property
    def place(self) -> Place:
        """Where the next batch begins; assign to go there."""
        return Place(self._epoch, self._drawn)

    @place.setter
    def place(self, place: Place) -> None:
        if place.epoch != self._epoch:
            self._ahead = self._ahead[:0]
        self._epoch, self._drawn = place.epoch, place.drawn

    @property
    def epochs(self) -> float:
        """Passes over the examples so far, fractional."""
        return self._epoch + self._drawn / self.examples

    def draw(self, size: int) -> Batch:
        """The next `size` examples; a batch may reach over into the next epoch, or over several."""
        positions = self._next(size)
        if len(positions) < size:
            parts = [positions]
            missing = size - len(positions)
            while missing:
                parts.append(self._next(missing))
                missing -= len(parts[-1])
            positions = np.concatenate(parts)
        rows = self._windows[positions]  # (B, C + 1), a copy
        return Batch(rows[:, :-1], rows[:, -1], positions)

    def _next(self, size: int) -> NDArray[np.int64]:
        """Up to `size` positions, as many as the epoch and the read-ahead still hold."""
        if self._drawn >= self.examples:
            self._epoch, self._drawn = self._epoch + 1, 0
            self._ahead = self._ahead[:0]
        offset = self._drawn - self._read_from
        if not 0 <= offset < len(self._ahead):
            stop = min(self._drawn + max(size, READ_AHEAD), self.examples)
            self._ahead = Permutation(self.examples, (self._seed, self._epoch))[self._drawn : stop]
            self._read_from, offset = self._drawn, 0
        positions = self._ahead[offset : offset + size]
        self._drawn += len(positions)
        return positions
