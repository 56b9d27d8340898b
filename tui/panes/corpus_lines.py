"""Where the lines of a corpus break on the screen, found from any place in it.

What it promises: the same lines from wherever one looks, every character on exactly one of them, at a cost
that does not depend on the length of the text or of its lines. What it does not know: styles.

A text is cut into blocks that are wrapped one by one: a block ends with its line feed, or, in a line that goes
on and on, at a multiple of `BLOCK`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from corpora.corpus import Corpus
from tui.widgets.wrapping import Wrapping

BLOCK = 512
"""Characters: a line without line feeds is cut at multiples of it, from the first that leaves a whole block."""


class Lines:
    """The screen lines of one corpus at one width.

    Arguments:
        corpus: the text.
        width: cells, at least 1.
    """

    def __init__(self, corpus: Corpus, width: int) -> None:
        self._corpus = corpus
        self._width = width
        self._feed = corpus.vocabulary.id_of("\n") if "\n" in corpus.vocabulary else None
        self._wrapped = lru_cache(maxsize=256)(self._wrap)

    def page(self, start: int, rows: int) -> list[tuple[int, int]]:
        """Up to `rows` lines from the one that holds character `start` on, each as [start, stop)."""
        lines: list[tuple[int, int]] = []
        while len(lines) < rows and start < len(self._corpus):
            block = self._block(start)
            lines += [line for line in self._wrapped(*block) if line[1] > start]
            start = block[1]
        return lines[:rows]

    def start_of(self, position: int, *, above: int = 0) -> int:
        """The first character of the line that is `above` lines above the one that holds `position`.

        Where there are not so many, the first line's.
        """
        if not len(self._corpus):
            return 0
        position = min(max(position, 0), len(self._corpus) - 1)
        block = self._block(position)
        starts = [start for start, _ in self._wrapped(*block) if start <= position]
        while len(starts) <= above and block[0] > 0:
            block = self._block(block[0] - 1)
            starts = [start for start, _ in self._wrapped(*block)] + starts
        return starts[max(len(starts) - 1 - above, 0)]

    def _block(self, position: int) -> tuple[int, int]:
        """The block that holds `position`, as [start, stop)."""
        reach = max(position - 2 * BLOCK, 0)
        feed = self._find_feed(reach, position, last=True)
        here = position // BLOCK * BLOCK
        if feed is None and reach > 0:
            start, stop = here, here + BLOCK
        else:
            line = 0 if feed is None else feed + 1
            first_cut = (line + 2 * BLOCK - 1) // BLOCK * BLOCK
            start, stop = (line, first_cut) if position < first_cut else (here, here + BLOCK)
        stop = min(stop, len(self._corpus))
        feed = self._find_feed(position, stop, last=False)
        return start, stop if feed is None else feed + 1

    def _find_feed(self, start: int, stop: int, *, last: bool) -> int | None:
        """Where the first or last line feed in [start, stop) is."""
        if self._feed is None:
            return None
        found = np.flatnonzero(self._corpus.ids[start:stop] == self._feed)
        return start + int(found[-1 if last else 0]) if len(found) else None

    def _wrap(self, start: int, stop: int) -> list[tuple[int, int]]:
        wrapping = Wrapping(self._width)
        wrapping.extend(self._corpus.excerpt(start, stop))
        lines = (wrapping.line(index) for index in range(len(wrapping)))
        return [(start + first, start + end) for first, end in lines]
