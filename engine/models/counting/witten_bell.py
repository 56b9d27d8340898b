"""Witten-Bell smoothing: a context that was followed by many different characters expects another new one.

    P(w | h) = (c(h w) + T(h) P(w | h')) / (c(h) + T(h))                                   (1)

where c counts occurrences, T(h) is the number of different characters that followed h, and h' is h without
its first character; below the empty context stands the uniform distribution. A context that nothing followed
has the distribution of h'. Each of the T(h) characters was new after h once, so T(h) / (c(h) + T(h))
estimates how likely the next is new: method C of the sources.

Sources: Bell, Cleary & Witten (1990), Text Compression, section 4.1; Witten & Bell (1991), The Zero-Frequency
Problem; interpolated as in Chen & Goodman (1998), section 2.5.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.models.counting.counting_model import CountingModel
from engine.models.counting.tables import Estimate, interpolated, relative, share
from engine.models.counting.trie import Floats, Trie


class WittenBell(CountingModel):
    """Interpolated Witten-Bell smoothing."""

    def estimates(self, trie: Trie) -> list[Estimate]:
        """Formula (1)."""
        return interpolated(trie, self.vocabulary_size, _shares(trie))


def _shares(trie: Trie) -> Iterator[tuple[Floats, Floats]]:
    for level in trie.levels:
        followers = level.totals()  # (K,): T(h)
        total = level.totals(level.counts) + followers  # (K,): c(h) + T(h)
        yield relative(level, level.counts, total), share(followers, total, otherwise=1.0)
