"""Turns a text that arrives in pieces into ids, a vocabulary and a fingerprint, in bounded memory.

The vocabulary is known only at the end, so characters get provisional ids in the order of their first
appearance, stored in the smallest unsigned type so far, and are renumbered by code point in place when the
last piece is in. Peak memory is the ids themselves (1 byte a character up to 256 distinct characters, 2 up to
65,536, 4 beyond) and some MB of scratch. It does not know bytes, encodings or line endings.
"""

import hashlib
from typing import Any, Final

import numpy as np

from corpora.vocabulary import BLOCK, IdArray, Vocabulary, code_points

_UNSEEN: Final = np.uint32(0xFFFFFFFF)
_CODE_POINTS: Final = 0x110000
_WIDTHS: Final[dict[int, np.dtype[np.unsignedinteger[Any]]]] = {  # bytes an id -> type; Any: any width
    1: np.dtype(np.uint8),
    2: np.dtype(np.uint16),
    4: np.dtype(np.uint32),
}


class Indexer:
    """Takes pieces of a text, gives back the whole of it as ids. Pieces may be cut anywhere."""

    def __init__(self) -> None:
        self._provisional = np.full(_CODE_POINTS, _UNSEEN, dtype=np.uint32)  # code point -> provisional id
        self._seen: list[int] = []  # code points by provisional id
        self._bytes = bytearray()  # provisional ids; grows by realloc, which moves pages instead of copying
        self._width = 1  # bytes an id
        self._hash = hashlib.blake2b(digest_size=8)

    def add(self, piece: str) -> None:
        """Append `piece`. Raises UnicodeEncodeError on a lone surrogate: the caller replaces those."""
        for start in range(0, len(piece), BLOCK):
            block = piece[start : start + BLOCK]
            self._hash.update(block.encode())
            self._bytes += self._ids(block).tobytes()

    def finish(self) -> tuple[Vocabulary, IdArray, str]:
        """The vocabulary, the read-only ids (N,), and the fingerprint (16 hex digits). Ends the indexer."""
        order = np.array(self._seen, dtype=np.uint32)
        final = np.empty(len(order), dtype=_WIDTHS[self._width])  # provisional id -> id
        final[np.argsort(order)] = np.arange(len(order))
        ids: IdArray = np.frombuffer(self._bytes, dtype=_WIDTHS[self._width])
        for start in range(0, len(ids), BLOCK):
            ids[start : start + BLOCK] = final[ids[start : start + BLOCK]]
        ids.setflags(write=False)
        return Vocabulary(map(chr, self._seen)), ids, self._hash.hexdigest()

    def _ids(self, block: str) -> IdArray:
        points = code_points(block)
        ids = self._provisional[points]
        unseen = ids == _UNSEEN
        if unseen.any():
            fresh = np.unique(points[unseen])
            self._provisional[fresh] = np.arange(len(self._seen), len(self._seen) + len(fresh))
            self._seen.extend(fresh.tolist())
            ids = self._provisional[points]
            while len(self._seen) > 1 << 8 * self._width:
                self._widen()
        return ids.astype(_WIDTHS[self._width])

    def _widen(self) -> None:
        """Double the bytes an id, in place and from the back, so that the old and the new share memory."""
        count = len(self._bytes) // self._width
        self._bytes *= 2
        narrow = np.frombuffer(self._bytes, dtype=_WIDTHS[self._width], count=count)
        self._width *= 2
        wide = np.frombuffer(self._bytes, dtype=_WIDTHS[self._width])
        for stop in range(count, 0, -BLOCK):
            start = max(stop - BLOCK, 0)
            wide[start:stop] = narrow[start:stop].copy()
