"""Every distinct n-gram of a text up to some length, counted: a sparse trie in sorted arrays.

An n-gram is its context, the n-1 characters before its last one, and that last character w. Level n numbers
its n-grams 0, 1, 2, ... in the order of

    key = (number of the context on level n-1) * V + w

so the n-grams that share a context lie side by side, a key fits 64 bits for every V and n, and nothing is
ever as large as V * V. The empty n-gram, on level 0, has number 0. An n-gram that does not occur has number
UNSEEN.

It knows counts only: no probability, no smoothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray

Numbers: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

UNSEEN: Final = -1
"""The number of an n-gram that does not occur. Its key is negative, so whatever it begins does not occur either."""

BEYOND: Final = np.iinfo(np.int64).max
"""Larger than every key; stands at the end of them, so that every search ends at an entry."""


@dataclass(frozen=True, slots=True)
class Level:
    """The N distinct n-grams of one length n, over the K distinct (n-1)-grams.

    Attributes:
        keys: ascending, with BEYOND at the end, (N + 1,).
        counts: how often each n-gram occurs, (N,).
        contexts: number of each one's context, its first n-1 characters, (N,).
        suffixes: number of its last n-1 characters, (N,).
        parents: K; a context that ends the text may have no n-gram at all.
        vocabulary_size: V.
    """

    keys: Numbers
    counts: NDArray[np.int32]
    contexts: NDArray[np.int32]
    suffixes: NDArray[np.int32]
    parents: int
    vocabulary_size: int

    def __len__(self) -> int:
        return len(self.counts)

    def find(self, contexts: Numbers, characters: IdArray) -> Numbers:
        """The number of each context's n-gram with a character, UNSEEN where there is none, (M,), (M,) -> (M,)."""
        keys = contexts * self.vocabulary_size + characters
        numbers = self.keys.searchsorted(keys)
        return np.where(self.keys[numbers] == keys, numbers, UNSEEN)

    def children(self, context: int) -> slice:
        """The n-grams of one context; empty for UNSEEN."""
        first = context * self.vocabulary_size
        begin, end = self.keys.searchsorted((first, first + self.vocabulary_size))
        return slice(begin, end)

    def characters(self, context: int, children: slice) -> Numbers:
        """The last characters of a context's `children`, ascending."""
        return self.keys[children] - context * self.vocabulary_size

    def totals(self, values: NDArray[np.number] | None = None) -> Floats:
        """The sum of `values`, (N,), over each context's n-grams, (K,); without values, how many these are."""
        return np.bincount(self.contexts, values, minlength=self.parents).astype(np.float64, copy=False)


@dataclass(frozen=True, slots=True)
class Trie:
    """The n-grams of lengths 1 to `len(levels)`, level n at `levels[n - 1]`."""

    levels: tuple[Level, ...]

    @classmethod
    def count(cls, ids: IdArray, vocabulary_size: int, order: int) -> Self:
        """Count the n-grams of `ids`, (T,), of lengths 1 to `order`.

        An n-gram lies in the text whole: nothing stands in front of the first character.
        """
        levels = []
        grams: Numbers = np.zeros(len(ids) + 1, dtype=np.int64)  # of the (n-1)-gram that ends at every place
        parents = 1
        for n in range(1, order + 1):
            keys, numbers, counts = np.unique(
                grams[:-1] * vocabulary_size + ids[n - 1 :], return_inverse=True, return_counts=True
            )
            suffixes = np.empty(len(keys), dtype=np.int32)
            suffixes[numbers] = grams[1:]
            levels.append(
                Level(
                    keys=np.append(keys, BEYOND),
                    counts=counts.astype(np.int32),
                    contexts=(keys // vocabulary_size).astype(np.int32),
                    suffixes=suffixes,
                    parents=parents,
                    vocabulary_size=vocabulary_size,
                )
            )
            grams, parents = numbers, len(keys)
        return cls(tuple(levels))

    def walk(self, ids: IdArray) -> Iterator[tuple[Numbers, Numbers]]:
        """Find every place of another text, level by level.

        Yields:
            For n = 1, 2, ...: the numbers of the contexts of n-1 characters, and of the n-grams they make with the
            character that follows, for the characters n-1 .. M-1 of `ids`; two arrays, (M - n + 1,).
        """
        grams: Numbers = np.zeros(len(ids) + 1, dtype=np.int64)
        for n, level in enumerate(self.levels, 1):
            contexts = grams[:-1]
            grams = level.find(contexts, ids[n - 1 :])
            yield contexts, grams

    def suffixes(self, context: IdArray) -> list[int]:
        """The numbers of the last 0, 1, 2, ... characters of `context`, one for each level that can use them."""
        used = context[max(0, len(context) - len(self.levels) + 1) :]
        ends = [int(grams[-1]) for _, grams in islice(self.walk(used), len(used))]
        return [0, *ends][: len(self.levels)]
