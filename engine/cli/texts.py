"""The text that a command works on, by the word that a person or a recipe has for it."""

from __future__ import annotations

from corpora import catalog
from corpora.corpus import Corpus, open_corpus
from corpora.errors import CorpusError
from engine.cli.failures import CommandError
from engine.cli.progress import Progress


def load_text(word: str, progress: Progress) -> Corpus:
    """The text with a name in the catalog, behind an address, or in a file.

    Raises:
        CorpusError: if it cannot be had.
    """

    def show(done: int, total: int) -> None:
        share = done / total if total else None
        progress.show(f"{word}: {done:,} bytes", share)

    try:
        if catalog.has(word):
            return catalog.load(word, progress=show)
        return open_corpus(word, progress=show)
    finally:
        progress.end()


def text_for(word: str, progress: Progress) -> Corpus:
    """The same for what was typed.

    Raises:
        CommandError: if it cannot be had; the message names both ways.
    """
    try:
        return load_text(word, progress)
    except CorpusError as error:
        raise CommandError(f"--corpus {word}: {error}") from error
