"""Numbers for the places of an endless stream of examples, each computed without those before it.

Where a run stands is then one number, going back is exact, and a text of 100 million characters costs no memory and
no pause at the start of an epoch. `Order` gives every number once an epoch, in an order shuffled anew: a
pseudo-random permutation, a Feistel network over the positions (Luby & Rackoff 1988), walked until it lands inside
the range (Black & Rogaway 2002). `Chance` gives independent numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDS = 6

GAMMA = np.uint64(0x9E3779B97F4A7C15)
"""The step of SplitMix64's counter: 2^64 over the golden ratio, odd."""

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
        self._key = _key(seed)

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


class Chance:
    """Numbers drawn independently of each other, with replacement.

    The generator SplitMix64 (Steele, Lea & Flood 2014) with its counter in the open. Taking the remainder prefers
    no number by more than size / 2^64.

    Arguments:
        size: numbers are drawn from 0 .. size-1, size at least 1.
        seed: determines all of them.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size = np.uint64(size)
        self._key = _key(seed)

    def windows(self, start: int, stop: int) -> NDArray[np.int64]:
        """The numbers at places start .. stop-1 of the stream, each in 0 .. size-1."""
        places = np.arange(start, stop, dtype=np.uint64)
        return (_scatter(places * GAMMA + self._key) % self._size).astype(np.int64)


def _key(seed: int) -> np.uint64:
    """64 bits that differ in about half their places for seeds that differ in one."""
    return np.uint64(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])


def _scatter(words: Words) -> Words:
    """A hash of each word: the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    words = words + GAMMA
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
