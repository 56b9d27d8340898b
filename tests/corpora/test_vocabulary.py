"""Promises of the vocabulary: one order, the smallest type, exact round trips, strangers named."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.vocabulary import UnknownCharacterError, Vocabulary, character_name

CHARACTERS = st.characters(codec=None)  # every code point, surrogates included


@given(st.sets(CHARACTERS))
def test_order_is_by_code_point_whatever_the_order_given(characters: set[str]) -> None:
    given_order = list(characters)
    vocabulary = Vocabulary(given_order)
    backwards = Vocabulary(reversed(given_order))
    assert vocabulary.characters == tuple(sorted(characters))
    assert vocabulary == backwards
    assert hash(vocabulary) == hash(backwards)
    assert len(vocabulary) == len(characters)


@given(st.text(CHARACTERS))
def test_decode_undoes_encode(text: str) -> None:
    vocabulary = Vocabulary(set(text))
    ids = vocabulary.encode(text)
    assert ids.shape == (len(text),)
    assert ids.dtype == vocabulary.dtype
    assert vocabulary.decode(ids) == text
    assert vocabulary.decode(ids.tolist()) == text


@given(st.text(CHARACTERS, min_size=1))
def test_encode_agrees_with_id_of(text: str) -> None:
    vocabulary = Vocabulary(set(text))
    assert vocabulary.encode(text).tolist() == [vocabulary.id_of(character) for character in text]
    assert [vocabulary.characters[i] for i in vocabulary.encode(text)] == list(text)


@given(st.sets(CHARACTERS), st.text(CHARACTERS))
def test_every_stranger_is_named_once_with_the_first_position(known: set[str], text: str) -> None:
    vocabulary = Vocabulary(known)
    strangers = set(text) - known
    if not strangers:
        assert vocabulary.decode(vocabulary.encode(text)) == text
        return
    with pytest.raises(UnknownCharacterError) as caught:
        vocabulary.encode(text)
    assert caught.value.characters == tuple(sorted(strangers))
    assert caught.value.position == min(text.index(stranger) for stranger in strangers)


def test_message_names_strangers_without_printing_control_characters() -> None:
    with pytest.raises(UnknownCharacterError) as caught:
        Vocabulary("ab").encode("ab\x1bé")
    message = str(caught.value)
    assert "'\\x1b' (U+001B), 'é' (U+00E9), first at position 2" in message
    assert message.isprintable()


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("a", "'a' (U+0061)"),
        ("é", "'é' (U+00E9)"),
        ("'", '"\'" (U+0027)'),
        ("\n", r"'\n' (U+000A)"),
        ("\x1b", r"'\x1b' (U+001B)"),
        ("\x9b", r"'\x9b' (U+009B)"),  # a terminal's other escape
        ("\xa0", r"'\xa0' (U+00A0)"),  # looks like a space
        ("\u202e", r"'\u202e' (U+202E)"),  # turns the line round
        ("\ud800", r"'\ud800' (U+D800)"),  # half of a pair: no encoding takes it
        ("\U0001f600", "'\U0001f600' (U+1F600)"),
    ],
)
def test_a_character_is_named_as_itself_where_it_is_printable(character: str, name: str) -> None:
    assert character_name(character) == name


def test_message_stays_short_when_all_is_strange() -> None:
    with pytest.raises(UnknownCharacterError, match="and 21 more") as caught:
        Vocabulary("0").encode("abcdefghijklmnopqrstuvwxyz")
    assert len(caught.value.characters) == 26


@pytest.mark.parametrize(
    ("size", "dtype"),
    [
        (0, np.uint8),
        (1, np.uint8),
        (256, np.uint8),
        (257, np.uint16),
        (65_536, np.uint16),
        (65_537, np.uint32),
    ],
)
def test_type_is_the_smallest_that_holds_the_last_id(size: int, dtype: type[np.unsignedinteger]) -> None:
    vocabulary = Vocabulary(chr(point) for point in range(size))
    assert vocabulary.dtype == dtype
    if size:
        assert vocabulary.encode(chr(size - 1)).tolist() == [size - 1]


def test_membership_is_by_single_character() -> None:
    vocabulary = Vocabulary("abc")
    assert "b" in vocabulary
    assert "d" not in vocabulary
    assert "ab" not in vocabulary
    assert "" not in vocabulary
    assert 98 not in vocabulary
    assert list(vocabulary) == ["a", "b", "c"]


@pytest.mark.parametrize("characters", [["ab"], [""], ["a", "b", "a"], "aa"])
def test_what_is_no_set_of_characters_is_refused(characters: list[str]) -> None:
    with pytest.raises(ValueError):
        Vocabulary(characters)


def test_id_of_refuses_strangers_and_longer_texts() -> None:
    vocabulary = Vocabulary("abc")
    with pytest.raises(UnknownCharacterError, match="U\\+007A"):
        vocabulary.id_of("z")
    with pytest.raises(ValueError, match="one character"):
        vocabulary.id_of("ab")


@pytest.mark.parametrize("ids", [[0, 3], [-1], [0, 1, -3]])
def test_decode_refuses_ids_outside_instead_of_wrapping(ids: list[int]) -> None:
    with pytest.raises(ValueError, match="ids are 0 to 2"):
        Vocabulary("abc").decode(ids)


def test_it_cannot_be_changed() -> None:
    vocabulary = Vocabulary("abc")
    with pytest.raises(AttributeError, match="immutable"):
        vocabulary.characters = ("z",)


def test_copies_are_equal() -> None:
    vocabulary = Vocabulary(set("héllo wörd"))
    for twin in (copy.copy(vocabulary), copy.deepcopy(vocabulary), pickle.loads(pickle.dumps(vocabulary))):
        assert twin == vocabulary
        assert twin.decode(vocabulary.encode("höd")) == "höd"


def test_equality_is_by_characters_alone() -> None:
    assert Vocabulary("ab") != Vocabulary("abc")
    assert Vocabulary("ab") != ("a", "b")
