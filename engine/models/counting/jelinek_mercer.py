"""Jelinek-Mercer smoothing: relative frequencies of all orders, mixed by weights that held-out text decides.

    P(w | h) = lambda(h) c(h w) / c(h) + (1 - lambda(h)) P(w | h')                         (1)

where c counts occurrences in the text and h' is the context h without its first character; below the empty
context stands the uniform distribution, and a context that nothing followed has the distribution of h'. A
context that was seen often can be relied on more: for each order the contexts lie in buckets by c(h), each as
wide as all those before it (1, 2-3, 4-7, ...), and the contexts of a bucket share one lambda.

The lambdas make the held-out text as probable as they can, by expectation-maximisation. The mixture can be
read as a walk: beginning with the longest context, character w of the held-out text is drawn from the
frequencies after h with probability lambda(h), and else from P(. | h'). How likely it is that the walk came
to h, and that it ended there, given w:

    reach(h') = reach(h) - stop(h),   stop(h) = reach(h) lambda(h) c(h w) / c(h) / P(w | h)   (2)
    lambda    = (sum of stop + 1/2) / (sum of reach + 1)                                      (3)

summed over the characters whose h is in the bucket. One half and 1 count as one character more in each
bucket, drawn either way: no lambda becomes 1, which would make what was not seen impossible, and an empty
bucket has 1/2. Weights found with the counts of the text before the held-out part are then used with those of
the whole text.

Sources: Jelinek & Mercer (1980), Interpolated Estimation of Markov Source Parameters from Sparse Data; Bahl,
Jelinek & Mercer (1983) for the buckets; Dempster, Laird & Rubin (1977) for the algorithm; Chen & Goodman
(1998), section 2.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.models.counting.counting_model import CountingModel
from engine.models.counting.tables import Estimate, Tables, interpolated, relative, share
from engine.models.counting.trie import Floats, Trie

Buckets: TypeAlias = NDArray[np.int32]

HELD_OUT_SHARE: Final = 10
"""One part in so many of the text is held out: its last."""

MOST_HELD_OUT: Final = 200_000
"""Characters held out at most: plenty for the hundred weights or so that they decide."""

BUCKETS: Final = 33
"""Bucket b holds the contexts with 2**(b-1) <= c(h) < 2**b."""

NOT_FOLLOWED: Final = 0
"""The bucket of the contexts that nothing followed, whose lambda is 0."""

MOST_ROUNDS: Final = 50
ENOUGH: Final = 1e-5
"""Nats a character by which a round of expectation-maximisation must improve the held-out text to be followed."""


class JelinekMercer(CountingModel):
    """Interpolated relative frequencies.

    Arguments:
        vocabulary_size, order: as for every counting model.
        held_out: the text that decides the weights, (T,); without one it is the last tenth of the text fitted to,
            at most 200,000 characters.
    Raises:
        ValueError: if it holds an id that is none of the V characters.

    Attributes:
        weights: lambda by order, from 1, and bucket, (n, 33).
    """

    weights: Floats

    def __init__(self, vocabulary_size: int, order: int, held_out: IdArray | None = None) -> None:
        self._held_out = held_out
        super().__init__(vocabulary_size, order)
        if held_out is not None:
            self._check(held_out)

    def estimates(self, trie: Trie) -> list[Estimate]:
        """Formula (1)."""
        return interpolated(trie, self.vocabulary_size, _shares(trie, self.weights))

    def adopt(self, other: Self) -> None:
        """Share what `other` has learned, weights and all."""
        super().adopt(other)
        self.weights = other.weights

    def _learn(self, ids: IdArray) -> Tables:
        if self._held_out is None:
            start = len(ids) - min(len(ids) // HELD_OUT_SHARE, MOST_HELD_OUT)
            trie = Trie.count(ids[:start], self.vocabulary_size, self.order)
            evidence = list(_evidence(trie, ids, start))
        else:
            trie = Trie.count(ids, self.vocabulary_size, self.order)
            evidence = list(_evidence(trie, self._held_out, 0))
        self.weights = maximise(evidence, self.vocabulary_size)
        return super()._learn(ids)


def maximise(evidence: Sequence[tuple[Floats, Buckets]], vocabulary_size: int) -> Floats:
    """The lambdas by formulas (2) and (3), by order and bucket, (n, 33).

    Arguments:
        evidence: for every order, from 1, what the counts say of each character of the held-out text: its relative
            frequency c(h w) / c(h), and the bucket of its context, two arrays, (M,).
        vocabulary_size: V.
    """
    weights = np.full((len(evidence), BUCKETS), 0.5)
    weights[:, NOT_FOLLOWED] = 0.0
    before = -np.inf
    for _ in range(MOST_ROUNDS):
        mixtures = [np.full(1, 1 / vocabulary_size)]  # P(w | h) of each order, from 0
        for (frequency, bucket), by_bucket in zip(evidence, weights, strict=True):
            weight = by_bucket[bucket]  # (M,)
            mixtures.append(weight * frequency + (1 - weight) * mixtures[-1])
        likelihood = float(np.log(mixtures[-1]).mean()) if mixtures[-1].size else 0.0
        if likelihood - before < ENOUGH:
            break
        before = likelihood
        reach = np.ones(len(mixtures[-1]))
        for n in reversed(range(len(evidence))):
            frequency, bucket = evidence[n]
            stop = reach * weights[n][bucket] * frequency / mixtures[n + 1]
            stopped = np.bincount(bucket, stop, minlength=BUCKETS)
            weights[n] = (stopped + 0.5) / (np.bincount(bucket, reach, minlength=BUCKETS) + 1)
            weights[n, NOT_FOLLOWED] = 0.0
            reach -= stop
    return weights


def _bucket(total: Floats) -> Buckets:
    return np.frexp(total)[1]  # total = m * 2**bucket with 1/2 <= m < 1; 0 gives 0


def _shares(trie: Trie, weights: Floats) -> Iterator[tuple[Floats, Floats]]:
    for level, by_bucket in zip(trie.levels, weights, strict=True):
        total = level.totals(level.counts)  # (K,): c(h)
        weight = by_bucket[_bucket(total)]  # (K,): 0 where nothing followed
        yield weight[level.contexts] * relative(level, level.counts, total), 1 - weight


def _evidence(trie: Trie, ids: IdArray, start: int) -> Iterator[tuple[Floats, Buckets]]:
    """What `maximise` wants, for the characters of `ids` from `start` on; contexts reach back before it."""
    first = max(0, start - len(trie.levels) + 1)
    for n, (level, (contexts, grams)) in enumerate(zip(trie.levels, trie.walk(ids[first:]), strict=True)):
        total = np.append(level.totals(level.counts), 0.0)[contexts]  # UNSEEN is an index, and finds the 0
        seen = np.append(level.counts, 0)[grams]
        frequency, bucket = np.zeros(len(ids) - first), np.zeros(len(ids) - first, dtype=np.int32)
        frequency[n:], bucket[n:] = share(seen, total, otherwise=0.0), _bucket(total)
        yield frequency[start - first :], bucket[start - first :]
