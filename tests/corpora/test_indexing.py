"""Promises of the indexer: what comes out does not depend on where the text was cut, at any width."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.indexing import Indexer
from corpora.vocabulary import BLOCK, IdArray, Vocabulary

Indexed = tuple[Vocabulary, IdArray, str]


def index(*pieces: str) -> Indexed:
    indexer = Indexer()
    for piece in pieces:
        indexer.add(piece)
    return indexer.finish()


@given(st.lists(st.text()))
def test_pieces_give_what_the_whole_gives(pieces: list[str]) -> None:
    whole = "".join(pieces)
    vocabulary, ids, fingerprint = index(*pieces)
    assert vocabulary == Vocabulary(set(whole))
    assert ids.tolist() == vocabulary.encode(whole).tolist()
    assert ids.dtype == vocabulary.dtype
    assert fingerprint == index(whole)[2]


@pytest.mark.parametrize(
    ("distinct", "dtype"), [(256, np.uint8), (257, np.uint16), (2_000, np.uint16), (70_000, np.uint32)]
)
def test_ids_survive_each_widening(distinct: int, dtype: type[np.unsignedinteger]) -> None:
    alphabet = [chr(point) for point in range(0x10000, 0x10000 + distinct)]
    alphabet.reverse()  # provisional ids run against the final ones
    text = "".join(alphabet) + "".join(alphabet[::7])
    pieces = [text[start : start + 100] for start in range(0, len(text), 100)]
    vocabulary, ids, _ = index(*pieces)
    assert ids.dtype == dtype == vocabulary.dtype
    assert vocabulary.decode(ids) == text


def test_widening_keeps_what_is_longer_than_a_block() -> None:
    rng = np.random.default_rng(3)
    start = "".join(map(chr, rng.integers(97, 123, size=2 * BLOCK + 12_345)))
    late = "".join(map(chr, range(0x400, 0x600)))
    vocabulary, ids, _ = index(start, late)
    assert ids.dtype == np.uint16
    assert vocabulary.decode(ids) == start + late


def test_first_piece_may_bring_every_width_at_once() -> None:
    text = "".join(map(chr, range(0x10000, 0x10000 + 66_000)))
    _, ids, _ = index(text)
    assert ids.dtype == np.uint32
    assert ids.tolist() == list(range(66_000))


def test_ids_are_read_only() -> None:
    _, ids, _ = index("abc")
    with pytest.raises(ValueError, match="read-only"):
        ids[0] = 1


def test_fingerprint_is_16_hex_digits_and_differs_for_a_permutation() -> None:
    ours, theirs = index("abc")[2], index("acb")[2]
    assert ours != theirs
    assert len(ours) == 16
    assert set(ours) <= set("0123456789abcdef")
