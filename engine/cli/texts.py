"""The text that a command works on, by the word that a person or a recipe has for it."""

from __future__ import annotations

import difflib
import sys

from corpora import catalog
from corpora.addresses import is_address
from corpora.corpus import Corpus, open_corpus, read_stream
from corpora.errors import CorpusError
from corpora.files import stands
from engine.cli.failures import CommandError
from engine.cli.progress import Progress
from engine.cli.terminal import standard

STANDARD_INPUT = "-"


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
    """The same for what was typed, where a dash is standard input.

    Raises:
        CommandError: if it cannot be had; the message names both ways.
    """
    try:
        if word == STANDARD_INPUT:
            if standard("stdin") is None:
                raise CommandError(f"--corpus {word}: standard input is closed")
            return read_stream(sys.stdin.buffer, name="standard input")
        return load_text(word, progress)
    except CorpusError as error:
        near = difflib.get_close_matches(word.partition(":")[0].lower(), catalog.CATALOG, n=1)
        hint = ""
        if not (catalog.has(word) or is_address(word) or stands(word)):
            hint = (
                f", or did you mean {near[0]}?"
                if near
                else "; charlm corpora lists the texts that have a name"
            )
        raise CommandError(f"--corpus {word}: {error}{hint}") from error
