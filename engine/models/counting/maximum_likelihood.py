"""Relative frequencies: the uniform distribution, unigrams, and n-grams of any order, without smoothing.

    P(w | h) = c(h w) / c(h)            c(h) = sum over w of c(h w)                        (1)

where c counts occurrences in the text and h is the context, the last n-1 characters. This makes the text
itself as probable as n-grams can (maximum likelihood), and everything else impossible: an n-gram that was not
seen after a context that was has probability 0 and costs infinitely many nats. A context that was never
followed by anything has no relative frequencies; the estimate is then that of the longest end of it that has
some, and uniform without any text. That makes it a distribution after every context, and takes no probability
0 back.

Sources: Markov (1913), on the letters of Eugene Onegin; Shannon (1948), A Mathematical Theory of
Communication, section 3, whose series of approximations to English begins with the uniform one.
"""

from __future__ import annotations

from engine.models.counting.counting_model import CountingModel
from engine.models.counting.tables import Estimate, relative
from engine.models.counting.trie import Trie


class MaximumLikelihood(CountingModel):
    """Relative frequencies of n-grams."""

    def estimates(self, trie: Trie) -> list[Estimate]:
        """Formula (1): a context that was followed by something leaves nothing to the shorter one."""
        estimates = []
        for level in trie.levels:
            total = level.totals(level.counts)  # (K,): c(h)
            estimates.append(Estimate.of(relative(level, level.counts, total), (total == 0).astype(float)))
        return estimates


class Unigram(MaximumLikelihood):
    """Relative frequencies of single characters, whatever the context."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__(vocabulary_size, order=1)


class Uniform(MaximumLikelihood):
    """Every character alike: ln V nats, what any model has to stay below."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__(vocabulary_size, order=0)
