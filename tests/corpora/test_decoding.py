"""Promises of the door through which bytes become text: no border matters, and no byte goes unsaid."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.decoding import SNIFFED, TextDecoder, refuse_if_not_text
from corpora.errors import BinaryFileError, CorpusError, NotUtf8Error

MIXED = "".join(
    (
        "combining e\u0301 and a\u0323\u0302\r\n",
        "right to left \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627\r",
        "a family \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1eb\U0001f1ee\n",
        "\r\r\n\n\r",
    )
)


def decode(*pieces: bytes, replace: bool = False) -> tuple[str, tuple[str, ...]]:
    decoder = TextDecoder("a.txt", replace=replace)
    text = "".join(decoder.feed(piece) for piece in pieces) + decoder.feed(b"", final=True)
    return text, decoder.notes


def unix(text: str) -> str:
    return re.sub("\r\n?", "\n", text)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_every_border_gives_the_same_text_and_notes(mark: bytes) -> None:
    content = mark + MIXED.encode()
    whole = decode(content)
    assert whole[0] == unix(MIXED)
    for border in range(len(content) + 1):
        assert decode(content[:border], content[border:]) == whole
    assert decode(*(content[i : i + 1] for i in range(len(content)))) == whole


@given(st.text(alphabet=st.sampled_from("ab\r\n\ufeffé\U0001f600")), st.lists(st.integers(0, 60)))
def test_lines_end_in_lf_and_one_mark_goes_however_cut(text: str, borders: list[int]) -> None:
    content = text.encode()
    cuts = [0, *sorted(min(border, len(content)) for border in borders), len(content)]
    pieces = [content[left:right] for left, right in pairwise(cuts)]
    assert decode(*pieces)[0] == unix(text.removeprefix("\ufeff"))


@pytest.mark.parametrize(
    ("content", "notes"),
    [
        (b"a\nb", ()),
        (b"\xef\xbb\xbfa\nb", ("byte order mark removed",)),
        (b"a\r\nb", ("CRLF turned into LF",)),
        (b"a\rb", ("CR turned into LF",)),
        (b"a\r\nb\rc\n", ("CRLF turned into LF", "CR turned into LF")),
        (b"a\xffb", ("1 malformed byte replaced by U+FFFD",)),
        ("genuine \ufffd".encode() + b"\xe2\x82", ("2 malformed bytes replaced by U+FFFD",)),
    ],
)
def test_notes_tell_what_was_done_and_nothing_else(content: bytes, notes: tuple[str, ...]) -> None:
    assert decode(content, replace=True)[1] == notes


@pytest.mark.parametrize(
    ("before", "malformed"),
    [
        (b"abc", b"\xff"),
        ("é".encode(), b"\xe9"),
        (b"\xef\xbb\xbfab", b"\x80"),
        (b"a\r\n", b"\xc0\xaf"),
        (b"", b"\xed\xa0\x80"),
        (b"xyz", b"\xe2\x82"),
        (b"xyz", b"\xf0\x9f\x98"),
    ],
)
def test_offset_is_the_first_malformed_byte_wherever_the_border(before: bytes, malformed: bytes) -> None:
    for after in (b"", b"tail\n"):
        content = before + malformed + after
        for border in range(len(content) + 1):
            with pytest.raises(NotUtf8Error) as caught:
                decode(content[:border], content[border:])
            assert caught.value.offset == len(before)
            assert f"byte 0x{malformed[0]:02x} at offset {len(before)}" in str(caught.value)
            assert "'a.txt'" in str(caught.value)
            assert "replaced" in str(caught.value)


@given(st.binary())
def test_replacing_takes_one_character_for_each_malformed_byte(content: bytes) -> None:
    text, notes = decode(content, replace=True)
    escaped = content.decode("utf-8", "surrogateescape")
    malformed = sum("\udc80" <= character <= "\udcff" for character in escaped)
    expected = re.sub("[\udc80-\udcff]", "\ufffd", unix(escaped.removeprefix("\ufeff")))
    assert text == expected
    assert any(note.startswith(f"{malformed} malformed") for note in notes) == (malformed > 0)


@pytest.mark.parametrize("encoding", ["UTF-16", "UTF-32"])
@pytest.mark.parametrize("order", ["LE", "BE"])
def test_utf16_and_utf32_are_recognised_by_their_mark(encoding: str, order: str) -> None:
    head = "\ufeffhello".encode(f"{encoding}-{order}")
    with pytest.raises(NotUtf8Error, match=f"'a' is {encoding}, .*iconv -f {encoding} -t UTF-8") as caught:
        refuse_if_not_text(head, "a")
    assert caught.value.offset == 0


def test_nul_is_binary_and_the_offset_is_said() -> None:
    with pytest.raises(BinaryFileError, match="NUL byte at offset 3: "):
        refuse_if_not_text(b"abc\0def", "a")


def test_many_control_bytes_are_binary_but_a_few_are_not() -> None:
    refuse_if_not_text(b"a page of text\x0c, a bell \x07 and a coloured \x1b[31mword\x1b[0m\b\v\t\r\n", "a")
    with pytest.raises(BinaryFileError, match="7 of the first 100 bytes"):
        refuse_if_not_text(b"x" * 93 + b"\x01\x02\x03\x04\x05\x06\x07", "a")


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_corpus_errors(content: bytes) -> None:
    try:
        refuse_if_not_text(content[:SNIFFED], "a")
        text, _ = decode(content)
    except CorpusError:
        return
    assert text == unix(content.decode().removeprefix("\ufeff"))
