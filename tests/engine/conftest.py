"""What several tests of the engine need: small texts, and arrays that keep clear of kinks and poles."""

from __future__ import annotations

import pytest

from corpora.corpus import Corpus, Origin

PHRASE = "the quick brown fox jumps over the lazy dog. a stitch in time saves nine; "


def text_corpus(text: str = PHRASE * 6, name: str = "phrase") -> Corpus:
    return Corpus.from_text(name, text, origin=Origin.OWN, source="written here")


@pytest.fixture(scope="session")
def phrase() -> Corpus:
    """444 characters, 28 of them distinct."""
    return text_corpus()
