"""Katz's backing-off: Good-Turing discounts for rare n-grams, and what they give up goes to those never seen.

    P(w | h) = d(c(h w)) c(h w) / c(h)      if h w occurs,                                 (1)
               alpha(h) P(w | h')           else,

where c counts occurrences in the text and h' is the context h without its first character; below the empty
context stands the uniform distribution. Counts up to k = 5 are discounted, each order by its own counts of
counts n(r), the number of n-grams that occur r times:

    r* = (r + 1) n(r+1) / n(r)                             the estimate of Good and Turing (2)
    d(r) = (r*/r - A) / (1 - A),   A = (k + 1) n(k+1) / n(1),   for r <= k;   else 1       (3)

A chooses the discounts such that n-grams never seen get n(1) occurrences in all. alpha(h) shares what the
context has given up, beta(h), in the proportions of h' among the characters that did not follow h:

    alpha(h) = beta(h) / sum of P(w | h') over the w that did not follow h                 (4)

Where the estimates do not carry, and with characters that is often so:

* Some n(r) is 0, or a d(r) falls outside (0, 1]: k is lowered until all are inside; with none left, nothing is
  discounted on this order.
* No n-gram of a context is discounted, though some characters did not follow it: its c(h) counts one more, which
  is theirs, as though something new had come next.
* All V characters followed: there is nobody to give to, and the discounted counts are shared among themselves.
* Nothing followed: the distribution is that of h'.

Sources: Katz (1987), Estimation of Probabilities from Sparse Data for the Language Model Component of a
Speech Recognizer; Good (1953), The Population Frequencies of Species; Chen & Goodman (1998), section 2.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from engine.models.counting.counting_model import CountingModel
from engine.models.counting.tables import Estimate, relative, share
from engine.models.counting.trie import Floats, Level, Trie

MOST_DISCOUNTED: Final = 5
"""k: counts above are reliable as they are (Katz 1987)."""


class Katz(CountingModel):
    """Backing-off with Good-Turing discounts."""

    def estimates(self, trie: Trie) -> list[Estimate]:
        """Formulas (1) to (4), level after level, the shortest first."""
        estimates = []
        below = Below.uniform(self.vocabulary_size)
        for level in trie.levels:
            kept, given, total = discounted(level)
            probability, beta = relative(level, kept, total), share(given, total, otherwise=0.0)
            alpha = share(beta, below.left_for_others(level), otherwise=0.0)
            estimates.append(Estimate.of(probability, np.where(total > 0, alpha, 1.0)))
            below = Below(probability, level.suffixes, level.totals(probability), beta)
        return estimates


@dataclass(frozen=True, slots=True)
class Below:
    """What the level below has to say to the contexts h of a level, (K,), which are its own n-grams.

    Attributes:
        probability: P of its n-grams, (K,).
        suffixes: the number of h' for each h, (K,).
        seen: how probable the characters that followed each h' are together, (K',).
        beta: how probable the others are together, (K',).
    """

    probability: Floats
    suffixes: NDArray[np.integer]
    seen: Floats
    beta: Floats

    @classmethod
    def uniform(cls, vocabulary_size: int) -> Self:
        """The uniform distribution, as though all characters had followed its one h'."""
        return cls(np.array([1 / vocabulary_size]), np.zeros(1, dtype=np.int32), np.ones(1), np.zeros(1))

    def left_for_others(self, level: Level) -> Floats:
        """The sum in (4): P(. | h') of the characters that did not follow h, (K,).

        They are those that did not follow h' either, and those that followed h' only. Where there are none of the
        latter the difference is exactly 0, being of the same numbers added up in the same order.
        """
        h_prime = self.suffixes
        others: Floats = self.seen[h_prime] - level.totals(self.probability[level.suffixes])
        others += self.beta[h_prime]
        return others


def discounted(level: Level) -> tuple[Floats, Floats, Floats]:
    """d(c) c of every n-gram, (N,); what each context gives up, (K,); and what both are a share of, (K,)."""
    kept = good_turing(level.counts)[np.minimum(level.counts, MOST_DISCOUNTED + 1)] * level.counts
    total, given = level.totals(level.counts), level.totals(level.counts - kept)
    everybody = level.totals() == level.vocabulary_size
    total = np.where(everybody, total - given, total)
    given = np.where(everybody, 0.0, given)
    nothing_given = (given == 0) & (total > 0) & ~everybody
    return kept, given + nothing_given, total + nothing_given


def good_turing(counts: NDArray[np.integer]) -> Floats:
    """d(0) = 1, d(1), ..., d(k), and 1 for all above k, by formula (3) for n-grams with these counts."""
    discounts = np.ones(MOST_DISCOUNTED + 2)
    n = np.bincount(np.minimum(counts, MOST_DISCOUNTED + 2), minlength=MOST_DISCOUNTED + 3)
    for k in range(MOST_DISCOUNTED, 1, -1):  # with k = 1 formula (3) leaves nothing of what occurs once
        if not n[1 : k + 2].all() or (a := (k + 1) * n[k + 1] / n[1]) >= 1:
            continue
        r = np.arange(1, k + 1)
        d = ((r + 1) * n[2 : k + 2] / (r * n[1 : k + 1]) - a) / (1 - a)
        if (d > 0).all() and (d <= 1).all():
            discounts[1 : k + 1] = d
            break
    return discounts
