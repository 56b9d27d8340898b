"""Interpolated modified Kneser-Ney smoothing, the strongest of the plain n-gram models.

    P(w | h) = (a(h w) - D(a(h w))) / a(h) + left(h) P(w | h')                             (1)
    left(h)  = (D1 N1(h) + D2 N2(h) + D3 N3(h)) / a(h)                                     (2)

where h' is the context h without its first character, a(h) the sum of a(h w) over w, and Ni(h) the number of
characters w with a(h w) = i, N3 those with 3 or more. Below the empty context stands the uniform
distribution; a context with a(h) = 0 has the distribution of h'.

a(h w) is how often the n-gram occurs on the highest order only. Below, it is in how many contexts: the number
of different characters v such that v h w occurs (3). A shorter context is asked only where the longer one
does not know, and "Francisco" is no likely answer there however often it follows "San".

From each a the discount D(a) is taken, D1, D2 or D3 for 1, 2, and 3 or more, for each order by its own counts
of counts, ni being the number of n-grams with a = i:

    Y = n1 / (n1 + 2 n2),   Di = i - (i + 1) Y n(i+1) / ni                                 (4)

Small and odd texts leave some ni at 0, or make Di negative; Di is then i / 2, so that there is always
something left.

Sources: Kneser & Ney (1995), Improved Backing-off for M-gram Language Modeling; Chen & Goodman (1998), An
Empirical Study of Smoothing Techniques for Language Modeling, for three discounts and interpolation.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from engine.models.counting.counting_model import CountingModel
from engine.models.counting.tables import Estimate, interpolated, relative, share
from engine.models.counting.trie import Floats, Numbers, Trie


class KneserNey(CountingModel):
    """Interpolated modified Kneser-Ney smoothing."""

    def estimates(self, trie: Trie) -> list[Estimate]:
        """Formulas (1) to (4)."""
        return interpolated(trie, self.vocabulary_size, _shares(trie))


def _shares(trie: Trie) -> Iterator[tuple[Floats, Floats]]:
    for level, counts in zip(trie.levels, adjusted_counts(trie), strict=True):
        discount = discounts(counts)[np.minimum(counts, 3)]  # (N,): D(a)
        total = level.totals(counts)  # (K,): a(h)
        yield relative(level, counts - discount, total), share(level.totals(discount), total, otherwise=1.0)


def adjusted_counts(trie: Trie) -> Iterator[Numbers]:
    """a of every n-gram, (N,), level after level: formula (3), and occurrences on the highest.

    It is 0 for an n-gram that occurs only at the very beginning of the text, after nothing.
    """
    for shorter, longer in pairwise(trie.levels):
        yield np.bincount(longer.suffixes, minlength=len(shorter))
    for highest in trie.levels[-1:]:
        yield highest.counts.astype(np.int64)


def discounts(counts: Numbers) -> Floats:
    """D(0) = 0, D1, D2, D3 by formula (4) for n-grams with these counts, (4,)."""
    n = np.bincount(counts, minlength=5).tolist()
    result = [0.0]
    for i in (1, 2, 3):
        d = i - (i + 1) * n[1] / (n[1] + 2 * n[2]) * n[i + 1] / n[i] if n[1] and n[i] and n[i + 1] else 0.0
        result.append(d if d > 0 else i / 2)
    return np.array(result)
