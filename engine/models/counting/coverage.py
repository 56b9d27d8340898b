"""How much of a text the n-grams of another one cover: the wall that counting hits.

The longer the context, the more it says, and the more often it has never been seen before; then a counting
model has nothing to go by but a shorter one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from corpora.vocabulary import IdArray
from engine.models.counting.trie import UNSEEN, Trie

CHARACTERS_AT_ONCE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Unseen:
    """What the training text does not know of another, for one n.

    Attributes:
        order: n.
        contexts: share of the characters whose n-1 predecessors never stood together in the training text.
        ngrams: share of those that never followed their n-1 predecessors there.

    Both are shares, 0 to 1, of the characters that have n-1 predecessors; NaN if none has.
    """

    order: int
    contexts: float
    ngrams: float


def unseen_share(train: IdArray, ids: IdArray, start: int, stop: int, order: int) -> list[Unseen]:
    """Shares of the characters start .. stop-1 of `ids` that n-grams of `train` do not know, for n = 1 to `order`.

    Arguments:
        train: the training text, (T,).
        ids: the whole text that the split lies in, (N,); contexts reach back before `start`.
        start, stop: the split.
        order: the longest n-grams to ask for.
    """
    largest = max((int(text.max()) for text in (train, ids) if len(text)), default=0)
    trie = Trie.count(train, largest + 1, order)
    contexts, ngrams, characters = [0] * order, [0] * order, [0] * order
    for begin in range(start, stop, CHARACTERS_AT_ONCE):
        first = max(0, begin - order + 1)
        end = min(begin + CHARACTERS_AT_ONCE, stop)
        for n, numbers in enumerate(trie.walk(ids[first:end])):
            before, whole = (array[max(0, begin - first - n) :] for array in numbers)
            contexts[n] += int((before == UNSEEN).sum())
            ngrams[n] += int((whole == UNSEEN).sum())
            characters[n] += len(whole)
    return [
        Unseen(
            n + 1,
            *(missing / characters[n] if characters[n] else math.nan for missing in (contexts[n], ngrams[n])),
        )
        for n in range(order)
    ]
