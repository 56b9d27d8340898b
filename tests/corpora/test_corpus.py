"""Promises of a corpus: true statistics, no change ever, and a refusal of what cannot be trained on."""

import dataclasses
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.corpus import Corpus, Origin, UntrainableError
from corpora.vocabulary import BLOCK

TEXTS = st.text().map(lambda text: text.removeprefix("\ufeff").replace("\r", ""))


def corpus_of(text: str, name: str = "notes.txt") -> Corpus:
    return Corpus.from_text(name, text, origin=Origin.OWN, source="typed")


@given(TEXTS)
def test_statistics_are_those_of_the_text(text: str) -> None:
    corpus = corpus_of(text)
    occurrences = Counter(text)
    assert corpus.text == text
    assert len(corpus) == len(text)
    assert corpus.vocabulary.characters == tuple(sorted(occurrences))
    assert corpus.counts.tolist() == [occurrences[character] for character in corpus.vocabulary]
    expected = -sum(n / len(text) * math.log2(n / len(text)) for n in occurrences.values())
    assert corpus.unigram_entropy == pytest.approx(expected, abs=1e-12)
    assert math.copysign(1, corpus.unigram_entropy) == 1


@pytest.mark.parametrize(("text", "bits"), [("", 0.0), ("aaaa", 0.0), ("ab" * 8, 1.0), ("abcdefgh", 3.0)])
def test_unigram_entropy_is_in_bits(text: str, bits: float) -> None:
    assert corpus_of(text).unigram_entropy == pytest.approx(bits)


@given(TEXTS, st.integers(-20, 60), st.integers(-20, 60))
def test_excerpt_is_cut_to_what_there_is(text: str, start: int, stop: int) -> None:
    excerpt = corpus_of(text).excerpt(start, stop)
    assert excerpt == "".join(text[i] for i in range(len(text)) if start <= i < stop)


@given(TEXTS, st.integers(1, 40))
def test_examples_are_the_windows_with_a_character_after_them(text: str, context: int) -> None:
    windows = [text[i : i + context + 1] for i in range(len(text))]
    assert corpus_of(text).examples(context) == sum(len(window) == context + 1 for window in windows)


def test_counts_add_up_over_more_than_one_block() -> None:
    corpus = corpus_of("ab" * BLOCK + "b")
    assert corpus.counts.tolist() == [BLOCK, BLOCK + 1]


def test_text_at_hand_is_normalised_and_says_so() -> None:
    corpus = corpus_of("\ufeffone\r\ntwo\rthree\udc80")
    assert corpus.text == "one\ntwo\nthree\ufffd"
    assert corpus.notes == (
        "byte order mark removed",
        "CRLF turned into LF",
        "CR turned into LF",
        "1 lone surrogate replaced by U+FFFD",
    )
    assert corpus_of("one\ntwo").notes == ()


def test_fingerprint_is_of_the_text_not_the_name() -> None:
    assert corpus_of("one\ntwo", "a").fingerprint == corpus_of("one\r\ntwo", "b").fingerprint
    assert corpus_of("one\ntwo").fingerprint != corpus_of("one\ntwo\n").fingerprint


def test_it_cannot_be_changed() -> None:
    corpus = corpus_of("abc")
    with pytest.raises(dataclasses.FrozenInstanceError):
        corpus.name = "other"  # type: ignore[misc]  # the point: assignment is refused
    for array in (corpus.ids, corpus.counts):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@given(st.integers(0, 300))
def test_ids_have_the_smallest_type(size: int) -> None:
    corpus = corpus_of("".join(map(chr, range(0x4E00, 0x4E00 + size))))
    assert corpus.ids.dtype == (np.uint8 if size <= 256 else np.uint16)


@pytest.mark.parametrize(
    ("text", "context", "message"),
    [
        ("", 3, "corpus 'notes.txt' is empty; choose a text with some characters in it"),
        ("aaaaaa", 3, "corpus 'notes.txt' has 1 distinct character; a language model needs at least 2"),
        (
            "abc",
            3,
            "corpus 'notes.txt' has 3 characters, too few for a context of 3, which needs at least 4; "
            "choose a shorter context or a longer text",
        ),
    ],
)
def test_what_cannot_be_trained_on_is_refused_in_words(text: str, context: int, message: str) -> None:
    with pytest.raises(UntrainableError) as caught:
        corpus_of(text).require(context)
    assert str(caught.value) == message


def test_one_example_of_two_characters_is_enough() -> None:
    corpus_of("aab").require(2)
