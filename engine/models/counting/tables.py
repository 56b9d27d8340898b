"""What every counting model boils down to: a probability for each n-gram, a weight for each context.

With h' for a context h without its first character,

    P(w | h) = probability(h w)             if h w occurs in the text,        (1)
               backoff(h) * P(w | h')       else, with backoff(h) = 1 where h does not occur,

and the uniform distribution 1/V below the empty context. Backing off (Katz 1987) has this form by definition.
Interpolation, own(h w) + left(h) * P(w | h'), comes to it by adding up once for each n-gram what it mixes,
since whatever occurs after h occurs after h', too. It is the form of the ARPA files of speech recognition.

It does not know where the numbers come from; each model's file says that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.models.counting.trie import UNSEEN, Floats, Level, Trie


@dataclass(frozen=True, slots=True)
class Estimate:
    """The numbers of one level, each array with what UNSEEN, as an index -1, is to find at its end.

    Attributes:
        probability: P(w | h) of each n-gram, (N + 1,).
        backoff: what each context h leaves to the shorter one, (K + 1,).
    """

    probability: Floats
    backoff: Floats

    @classmethod
    def of(cls, probability: Floats, backoff: Floats) -> Self:
        """From the numbers of the n-grams, (N,), and the contexts, (K,), that do occur."""
        return cls(np.append(probability, 0.0), np.append(backoff, 1.0))


@dataclass(frozen=True, slots=True)
class Tables:
    """Counts with their estimates: a fitted model.

    Attributes:
        vocabulary_size: V.
        trie: the counts.
        estimates: one for each level of the trie.
        chained: whether a context leans on the next shorter one; else the longest there is leans on the uniform
            distribution at once.
    """

    vocabulary_size: int
    trie: Trie
    estimates: Sequence[Estimate]
    chained: bool = True

    def distributions(self, context: IdArray) -> Iterator[Floats]:
        """P(. | h) of (1) for h = the last 0, 1, 2, ... characters of `context`, after the uniform distribution.

        Yields:
            Probabilities, (V,): the same array, changed from one to the next.
        """
        uniform = 1 / self.vocabulary_size
        p = np.full(self.vocabulary_size, uniform)
        yield p
        contexts = self.trie.suffixes(context)
        for level, estimate, number in zip(self.trie.levels, self.estimates, contexts, strict=False):
            if not self.chained:
                p.fill(uniform)
            p *= estimate.backoff[number]
            children = level.children(number)
            p[level.characters(number, children)] = estimate.probability[children]
            yield p

    def likelihoods(self, ids: IdArray) -> Floats:
        """P of each character of a text given those before it, by (1), (T,)."""
        uniform = 1 / self.vocabulary_size
        p = np.full(len(ids), uniform)
        for n, (estimate, (contexts, grams)) in enumerate(
            zip(self.estimates, self.trie.walk(ids), strict=True), 1
        ):
            reached = p[n - 1 :]  # the characters with n-1 others before them
            if not self.chained:
                reached.fill(uniform)
            reached *= estimate.backoff[contexts]
            np.copyto(reached, estimate.probability[grams], where=grams != UNSEEN)
        return p


def interpolated(trie: Trie, vocabulary_size: int, shares: Iterable[tuple[Floats, Floats]]) -> list[Estimate]:
    """The estimates of P(w | h) = own(h w) + left(h) * P(w | h') for every h.

    Arguments:
        trie: the counts.
        vocabulary_size: V.
        shares: own, (N,), and left, (K,), level after level, the shortest first. A context that no character
            followed leaves 1.
    """
    estimates = []
    shorter = np.array([1 / vocabulary_size])
    for level, (own, left) in zip(trie.levels, shares, strict=True):
        shorter = own + left[level.contexts] * shorter[level.suffixes]  # (N,)
        estimates.append(Estimate.of(shorter, left))
    return estimates


def share(part: NDArray[np.number], total: Floats, otherwise: float) -> Floats:
    """part / total, and `otherwise` where the total is 0: of a context, where no character followed it."""
    result = np.full(len(total), otherwise)
    np.divide(part, total, out=result, where=total > 0)
    return result


def relative(level: Level, counts: NDArray[np.number], total: Floats) -> Floats:
    """The counts of n-grams, (N,), over the totals of their contexts, (K,) -> (N,); 0 where the total is."""
    return share(counts, total[level.contexts], otherwise=0.0)
