"""A corpus: a text with a name and an origin, and the doors by which a person's own text comes in.

Promises that a corpus never changes, that equal texts have equal fingerprints however they were read, and
that a file is read in pieces: memory stays at the ids (see `corpora.indexing`), a progress bar moves, and the
person can give up at any piece. It does not know the catalog, splits, or models.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from corpora.decoding import SNIFFED, Normalizer, TextDecoder, refuse_if_not_text
from corpora.errors import (
    BinaryFileError,
    Cancelled,
    CorpusError,
    NotUtf8Error,
    UnreadableError,
    UntrainableError,
)
from corpora.files import open_regular, pieces
from corpora.indexing import Indexer
from corpora.vocabulary import BLOCK, IdArray, Vocabulary

__all__ = [
    "BinaryFileError",
    "Cancelled",
    "Corpus",
    "CorpusError",
    "NotUtf8Error",
    "Origin",
    "UnreadableError",
    "UntrainableError",
    "open_corpus",
    "read_stream",
]

Progress = Callable[[int, int], None]  # (bytes read, bytes in all; 0 in all if that is unknown)


class Origin(StrEnum):
    """Where a corpus comes from."""

    BUNDLED = "bundled"
    GENERATED = "generated"
    PYTHON = "python"
    DOWNLOADED = "download"
    OWN = "own"


@dataclass(frozen=True, eq=False, kw_only=True)
class Corpus:
    """A text as ids, with its name, origin and statistics. Immutable; compare by `fingerprint`.

    Arguments:
        name: what a person calls it.
        source: one line that says where it comes from; the absolute path of a person's own file.
        ids: the whole text, (N,), read-only, in the vocabulary's smallest unsigned type.
        fingerprint: 16 hex digits of a hash over the normalised text.
        entropy_rate: the true entropy rate of a generated source, nats per character; None if unknown.
        notes: what was done to the text on the way in.
    """

    name: str
    origin: Origin
    source: str
    vocabulary: Vocabulary
    ids: IdArray
    fingerprint: str
    entropy_rate: float | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def from_text(
        cls, name: str, text: str, *, origin: Origin, source: str, entropy_rate: float | None = None
    ) -> "Corpus":
        """A corpus of a text at hand, normalised as a file's would be (a lone surrogate becomes U+FFFD)."""
        normalizer, indexer = Normalizer(), Indexer()
        indexer.add(normalizer.feed(text, final=True))
        vocabulary, ids, fingerprint = indexer.finish()
        return cls(
            name=name,
            origin=origin,
            source=source,
            vocabulary=vocabulary,
            ids=ids,
            fingerprint=fingerprint,
            entropy_rate=entropy_rate,
            notes=normalizer.notes("lone surrogate"),
        )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def text(self) -> str:
        """The whole text, decoded anew at each call: prefer `excerpt` where a part will do."""
        return self.vocabulary.decode(self.ids)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How often each character occurs, (V,), read-only."""
        counts = np.zeros(len(self.vocabulary), dtype=np.int64)
        for start in range(0, len(self), BLOCK):  # bincount widens its input to 8 bytes an id
            counts += np.bincount(self.ids[start : start + BLOCK], minlength=len(counts))
        counts.setflags(write=False)
        return counts

    @cached_property
    def unigram_entropy(self) -> float:
        """Entropy of the characters taken one by one, in bits per character; 0 for an empty text."""
        if not len(self):
            return 0.0
        shares = self.counts / len(self)  # every character of the vocabulary occurs: no share is 0
        return float(-(shares * np.log2(shares)).sum()) + 0.0  # + 0.0 turns -0.0 into 0.0

    def examples(self, context: int) -> int:
        """How many training examples the text holds: windows of `context` characters and the one after."""
        return max(len(self) - context, 0)

    def excerpt(self, start: int, stop: int) -> str:
        """The characters [start, stop), cut to what there is; never counted from the end."""
        start = max(start, 0)
        return self.vocabulary.decode(self.ids[start : max(stop, start)])

    def require(self, context: int) -> None:
        """Refuse, in words, a text that no model with this `context` (characters) can be trained on.

        Raises:
            UntrainableError: if it is empty, has one distinct character, or has no whole example.
        """
        if not len(self):
            raise UntrainableError(f"corpus {self.name!r} is empty; choose a text with some characters in it")
        if len(self.vocabulary) < 2:
            raise UntrainableError(
                f"corpus {self.name!r} has 1 distinct character; a language model needs at least 2"
            )
        if not self.examples(context):
            raise UntrainableError(
                f"corpus {self.name!r} has {len(self)} characters, too few for a context of {context}, which "
                f"needs at least {context + 1}; choose a shorter context or a longer text"
            )


def open_corpus(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    replace: bool = False,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Corpus:
    """Read a person's own file.

    Arguments:
        path: a regular file; a leading ~ is the home directory.
        name: what to call the corpus; the file's name if None.
        replace: turn malformed bytes into U+FFFD instead of refusing the file.
        progress: called after each piece with the bytes read and the bytes in all, on the caller's thread.
        cancelled: asked before each piece.
    Raises:
        UnreadableError, BinaryFileError, NotUtf8Error, Cancelled: as their names say.
        CorpusError: if memory runs out.
    """
    stream, path = open_regular(path)
    with stream:
        return _read(
            stream,
            name=path.name if name is None else name,
            source=str(path.absolute()),
            total=os.fstat(stream.fileno()).st_size,
            replace=replace,
            progress=progress,
            cancelled=cancelled,
        )


def read_stream(
    stream: BinaryIO,
    *,
    name: str,
    replace: bool = False,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Corpus:
    """Read bytes until their end, such as standard input; as `open_corpus`, but the size is unknown (0).

    A read that waits for its writer cannot be cancelled before it returns.
    """
    return _read(
        stream,
        name=name,
        source=name,
        total=None,
        replace=replace,
        progress=progress,
        cancelled=cancelled,
    )


def _read(
    stream: BinaryIO,
    *,
    name: str,
    source: str,
    total: int | None,
    replace: bool,
    progress: Progress | None,
    cancelled: Callable[[], bool] | None,
) -> Corpus:
    decoder, indexer = TextDecoder(name, replace=replace), Indexer()
    done = 0

    def report(everything: int | None) -> None:
        if progress is not None:
            progress(done, 0 if everything is None else max(everything, done))

    try:
        for piece in pieces(stream, name):
            if cancelled is not None and cancelled():
                raise Cancelled(f"{name!r} was not opened: cancelled after {done:,} bytes")
            if not done:
                refuse_if_not_text(piece[:SNIFFED], name)
            indexer.add(decoder.feed(piece))
            done += len(piece)
            report(total)
        indexer.add(decoder.feed(b"", final=True))
        vocabulary, ids, fingerprint = indexer.finish()
    except MemoryError as error:
        raise CorpusError(
            f"{name!r} does not fit into memory (given up after {done:,} bytes); choose a smaller text"
        ) from error
    report(None if total is None else done)  # a file may have grown or shrunk since its size was asked for
    corpus = Corpus(
        name=name,
        origin=Origin.OWN,
        source=source,
        vocabulary=vocabulary,
        ids=ids,
        fingerprint=fingerprint,
        notes=decoder.notes,
    )
    _ = corpus.counts  # counted here, where a progress bar is up, so that no screen has to wait for it
    return corpus
