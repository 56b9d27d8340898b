"""Additive smoothing: as if every character had been seen k more times after every context.

    P(w | h) = (c(h w) + k) / (c(h) + k V)                                                 (1)

with the counts c of the text and the context h, the last n-1 characters, or all there are where there are
fewer. The shorter contexts have no say: after a context that was never seen all characters are alike. k = 1
is Laplace's rule of succession, k = 1/2 that of Jeffreys.

Sources: Laplace (1814), Essai philosophique sur les probabilites; Lidstone (1920); Chen & Goodman (1998), An
Empirical Study of Smoothing Techniques for Language Modeling, section 2.1, where it does badly.
"""

from __future__ import annotations

import math

from engine.models.counting.counting_model import CountingModel
from engine.models.counting.tables import Estimate
from engine.models.counting.trie import Trie


class AddK(CountingModel):
    """Additive smoothing.

    Arguments:
        vocabulary_size, order: as for every counting model.
        k: the count added to each character, larger than 0.
    Raises:
        ValueError: if `k` is not.
    """

    chained = False

    def __init__(self, vocabulary_size: int, order: int, k: float = 1.0) -> None:
        if not (0 < k < math.inf):
            raise ValueError(
                f"k is {k}; choose a number above 0 (0 is plain maximum likelihood, the model ngram)"
            )
        self.k = k
        super().__init__(vocabulary_size, order)

    def estimates(self, trie: Trie) -> list[Estimate]:
        """Formula (1); in it a context leaves k V / (c(h) + k V) to the uniform distribution."""
        estimates = []
        for level in trie.levels:
            added = self.k * self.vocabulary_size
            total = level.totals(level.counts) + added  # (K,): c(h) + k V
            estimates.append(Estimate.of((level.counts + self.k) / total[level.contexts], added / total))
        return estimates
