"""What the counting models have in common: they are fitted to a text at once, and look some characters back.

All of a fitted model is one immutable value, `Tables`, which `fit` replaces whole: whoever began to read it,
an evaluation or a continuation on its way, is not disturbed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.models.counting.tables import Estimate, Tables
from engine.models.counting.trie import Floats, Trie
from engine.models.language_model import Continuation, LanguageModel

MOST_ORDER: Final = 12
"""The longest n-grams that are counted."""

CHARACTERS_AT_ONCE: Final = 4096
"""How many characters are scored between two pieces: 4 ms with 7-grams on a 2-core x86-64 machine."""


class CountingModel(LanguageModel):
    """A model of n-gram counts. Before it is fitted, and fitted to an empty text, it is the uniform distribution.

    Arguments:
        vocabulary_size: V, which may be larger than the number of characters in the texts.
        order: n of its longest n-grams, up to 12; it looks n-1 characters back, and with 0 it is the uniform
            distribution whatever it is fitted to.
    Raises:
        ValueError: if one of them is out of its range.

    Attributes:
        order: n.
        chained: whether a longer context leans on the next shorter one, as `Tables` has it.
    """

    context_needed = 0
    context_seen: int
    chained: ClassVar[bool] = True

    def __init__(self, vocabulary_size: int, order: int) -> None:
        if vocabulary_size < 1:
            raise ValueError(f"vocabulary_size is {vocabulary_size}; a model needs at least 1 character")
        if not 0 <= order <= MOST_ORDER:
            raise ValueError(f"order is {order}; choose 1 (single characters) to {MOST_ORDER}, or 0")
        self.vocabulary_size, self.order = vocabulary_size, order
        self.context_seen = max(order - 1, 0)
        self._tables = self._learn(np.empty(0, dtype=np.uint8))

    @abstractmethod
    def estimates(self, trie: Trie) -> list[Estimate]:
        """The model's own formula: probabilities and backoff weights for the counts of every level."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many distinct n-grams of each length from 1 to `order` it has counted."""
        return tuple(len(level) for level in self._tables.trie.levels)

    @property
    def size(self) -> int:
        """How many counts it keeps: the distinct n-grams of every length it looks at."""
        return sum(self.sizes)

    def fit(self, ids: IdArray) -> None:
        """Learn from a text, (T,), in place of whatever was learned before.

        Raises:
            ValueError: if it holds an id that is none of the V characters.
        """
        self._check(ids)
        self._tables = self._learn(ids)

    def adopt(self, other: Self) -> None:
        """Share what `other` has learned, until either is fitted again."""
        self._tables = other._tables

    def logits(self, context: IdArray) -> Floats:
        """Log-probabilities after `context`, of any length, (T,) -> (V,); -inf for what has probability 0."""
        return log_scores(self._tables, self._seen(context))

    def start(self, prompt: IdArray) -> Continuation:
        """Begin a continuation after `prompt`."""
        return CountingContinuation(self._tables, self._seen(prompt).copy(), self.context_seen)

    def scoring(
        self, ids: IdArray, start: int, stop: int, *, thorough: bool = False
    ) -> Iterator[NDArray[np.float64]]:
        """Nats for each of the characters start .. stop-1; contexts reach back before `start`.

        Every character sees the n-1 before it, thorough or not. What has probability 0 costs infinitely many.
        """
        self._check(ids[max(0, start - self.context_seen) : stop])
        return self._pieces(self._tables, ids, start, stop)

    def probe(self, context: IdArray) -> dict[str, NDArray[np.floating]]:
        """What the model knows after `context`, for each length n of n-gram that it can use there.

        `distribution.0`: the uniform one, (V,). For n = 1, 2, ...: `counts.n`, how often each character followed
        the last n-1 ones, and `distribution.n`, what the model makes of the n-grams up to this length, (V,).
        `backoff`: for every n the share that goes to the distribution before it (to the uniform one in a model
        that is not chained), 1 where nothing ever followed the context. `logits`: as the method gives them.
        """
        seen = self._seen(context)
        trie, estimates = self._tables.trie, self._tables.estimates
        contexts = trie.suffixes(seen)
        distributions = self._tables.distributions(seen)
        values: dict[str, NDArray[np.floating]] = {"distribution.0": next(distributions).copy()}
        for n, (number, p) in enumerate(zip(contexts, distributions, strict=True), 1):
            level = trie.levels[n - 1]
            children = level.children(number)
            counts = np.zeros(self.vocabulary_size)
            counts[level.characters(number, children)] = level.counts[children]
            values[f"counts.{n}"], values[f"distribution.{n}"] = counts, p.copy()
        values["backoff"] = np.array(
            [estimate.backoff[number] for estimate, number in zip(estimates, contexts, strict=False)]
        )
        values["logits"] = log_scores(self._tables, seen)
        return values

    def _learn(self, ids: IdArray) -> Tables:
        trie = Trie.count(ids, self.vocabulary_size, self.order)
        return Tables(self.vocabulary_size, trie, self.estimates(trie), self.chained)

    def _pieces(self, tables: Tables, ids: IdArray, start: int, stop: int) -> Iterator[Floats]:
        for begin in range(start, stop, CHARACTERS_AT_ONCE):
            end = min(begin + CHARACTERS_AT_ONCE, stop)
            first = max(0, begin - self.context_seen)
            p = tables.likelihoods(ids[first:end])[begin - first :]
            # over before the next piece: who asks for that may be another thread
            with np.errstate(divide="ignore"):
                nats = 0.0 - np.log(p)
            yield nats

    def _seen(self, context: IdArray) -> IdArray:
        """The characters it looks at, once they are known to be its own."""
        seen = last(context, self.context_seen)
        self._check(seen)
        return seen

    def _check(self, ids: IdArray) -> None:
        if len(ids) and (largest := int(ids.max())) >= self.vocabulary_size:
            raise ValueError(
                f"id {largest} is none of the model's {self.vocabulary_size} characters, whose ids are 0 to "
                f"{self.vocabulary_size - 1}"
            )


def log_scores(tables: Tables, context: IdArray) -> Floats:
    """Log-probabilities of the longest context there is, (V,)."""
    for p in tables.distributions(context):
        longest = p
    with np.errstate(divide="ignore"):
        return np.log(longest)


def last(ids: IdArray, count: int) -> IdArray:
    """The last `count` of `ids`, or all where there are fewer."""
    return ids[max(0, len(ids) - count) :]


@dataclass
class CountingContinuation:
    """A continuation whose whole memory is the last n-1 characters, by the tables it began with."""

    _tables: Tables
    _context: IdArray
    _seen: int

    @property
    def logits(self) -> Floats:
        """Log-probabilities of the next character, (V,)."""
        return log_scores(self._tables, self._context)

    def advance(self, character: int) -> None:
        """Put `character` at the end and drop what is too far back.

        Raises:
            ValueError: if it is none of the V characters.
        """
        if not 0 <= character < self._tables.vocabulary_size:
            raise ValueError(
                f"id {character} is none of the model's characters, whose ids are 0 to "
                f"{self._tables.vocabulary_size - 1}"
            )
        self._context = last(np.append(self._context, np.uint32(character)), self._seen)
