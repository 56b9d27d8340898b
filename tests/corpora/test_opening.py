"""Promises of opening a person's own text: bounded, cancellable, never blocking, every refusal in words."""

import io
import os
import socket
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpora.corpus import (
    BinaryFileError,
    Cancelled,
    Corpus,
    CorpusError,
    NotUtf8Error,
    Origin,
    UnreadableError,
    open_corpus,
    read_stream,
)
from corpora.files import PIECE, stands

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX file kinds")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes.txt"


def test_a_file_becomes_a_corpus_with_its_name_and_absolute_path(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes.write_bytes("\ufeffna\u00efve\r\n\U0001f468\u200d\U0001f469".encode())
    monkeypatch.chdir(notes.parent)
    corpus = open_corpus("notes.txt")
    assert corpus.text == "na\u00efve\n\U0001f468\u200d\U0001f469"
    assert (corpus.name, corpus.origin, corpus.source) == ("notes.txt", Origin.OWN, str(notes))
    assert corpus.notes == ("byte order mark removed", "CRLF turned into LF")
    assert corpus.entropy_rate is None
    assert open_corpus(notes, name="mine").name == "mine"


def test_tilde_is_the_home_directory(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.write_text("at home")
    monkeypatch.setenv("HOME", str(notes.parent))
    monkeypatch.setenv("USERPROFILE", str(notes.parent))
    assert open_corpus("~/notes.txt").source == str(notes)


def test_pieces_meet_inside_characters_and_line_ends(notes: Path) -> None:
    for shift in range(5):
        text = "x" * (PIECE - 4 + shift) + "\U0001f600\r\n\r" + "é" * PIECE + "\r"
        notes.write_bytes(text.encode())
        corpus = open_corpus(notes)
        assert corpus.text == text.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize("shift", range(-3, 2))
def test_offset_is_right_when_the_malformed_byte_is_at_a_piece_border(notes: Path, shift: int) -> None:
    notes.write_bytes(b"x" * (PIECE + shift) + b"\xf0\x9f\x98" + b"tail")
    with pytest.raises(NotUtf8Error) as caught:
        open_corpus(notes)
    assert caught.value.offset == PIECE + shift
    replaced = open_corpus(notes, replace=True)
    assert replaced.excerpt(PIECE + shift, PIECE + shift + 7) == "\ufffd\ufffd\ufffdtail"
    assert replaced.notes == ("3 malformed bytes replaced by U+FFFD",)


def test_same_text_has_the_same_fingerprint_however_it_came(notes: Path) -> None:
    text = "one\ntwo \u05d0\U0001f600\n" * 200_000
    notes.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    through_a_file = open_corpus(notes)
    at_hand = Corpus.from_text("a", text, origin=Origin.OWN, source="typed")
    in_memory = read_stream(io.BytesIO(text.encode()), name="b")
    through_a_pipe = read_through_a_pipe(text.replace("\n", "\r").encode(), at_once=4_001)
    for corpus in (at_hand, in_memory, through_a_pipe):
        assert corpus.fingerprint == through_a_file.fingerprint
        assert corpus.ids.tobytes() == through_a_file.ids.tobytes()


def read_through_a_pipe(content: bytes, *, at_once: int) -> Corpus:
    """What a reader gets whose writer sends `at_once` bytes at a time and whose reads come short."""
    reader, writer = os.pipe()

    def write() -> None:
        with os.fdopen(writer, "wb", buffering=0) as stream:
            for start in range(0, len(content), at_once):
                stream.write(content[start : start + at_once])

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reader, "rb", buffering=0) as stream:
        try:
            return read_stream(stream, name="standard input")
        finally:
            thread.join()


class Trickle(io.BytesIO):
    """A stream that gives at most seven bytes at a time."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(7 if size is None or size < 0 else min(size, 7))


def test_short_reads_do_not_hide_binary() -> None:
    with pytest.raises(BinaryFileError, match="NUL byte at offset 5000"):
        read_stream(Trickle(b"text " * 1_000 + b"\0" + b"text " * 1_000), name="-")


@given(st.binary(max_size=300), st.booleans())
def test_random_bytes_raise_nothing_but_corpus_errors(content: bytes, replace: bool) -> None:
    try:
        corpus = read_stream(io.BytesIO(content), name="standard input", replace=replace)
    except CorpusError as error:
        assert "'standard input'" in str(error)  # noqa: PT017 - most examples do not raise
    else:
        assert len(corpus.text.encode()) <= 3 * len(content)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), min_size=1, max_size=200))
def test_every_text_comes_back_from_its_file(notes: Path, text: str) -> None:
    notes.write_bytes(b" " * 4_000 + text.encode())  # the margin keeps control characters below their limit
    assert open_corpus(notes).text == " " * 4_000 + text


def test_progress_never_falls_and_ends_at_the_size(notes: Path) -> None:
    notes.write_bytes(b"ab" * (2 * PIECE) + b"tail")
    size = notes.stat().st_size
    steps: list[tuple[int, int]] = []
    open_corpus(notes, progress=lambda done, total: steps.append((done, total)))
    assert [done for done, _ in steps] == [PIECE, 2 * PIECE, 3 * PIECE, 4 * PIECE, size, size]
    assert {total for _, total in steps} == {size}


def test_progress_of_a_stream_has_no_total() -> None:
    steps: list[tuple[int, int]] = []
    read_stream(io.BytesIO(b"abc"), name="-", progress=lambda done, total: steps.append((done, total)))
    assert steps == [(3, 0), (3, 0)]


@posix_only
def test_a_file_that_shrinks_or_vanishes_while_it_is_read_gives_what_was_there(notes: Path) -> None:
    notes.write_bytes(b"ab" * (2 * PIECE))
    steps: list[tuple[int, int]] = []

    def shrink(done: int, total: int) -> None:
        steps.append((done, total))
        if done == PIECE and notes.exists():
            os.truncate(notes, PIECE + 10)
            notes.unlink()

    corpus = open_corpus(notes, progress=shrink)
    assert len(corpus) == PIECE + 10
    assert steps[-1] == (PIECE + 10, PIECE + 10)


def test_progress_never_passes_the_total_when_the_file_grows(notes: Path) -> None:
    notes.write_bytes(b"ab" * PIECE)
    steps: list[tuple[int, int]] = []

    def grow(done: int, total: int) -> None:
        steps.append((done, total))
        if done == PIECE:
            with notes.open("ab") as stream:
                stream.write(b"cd" * PIECE)

    assert len(open_corpus(notes, progress=grow)) == 4 * PIECE
    assert [done <= total for done, total in steps] == [True] * 5
    assert steps[-1] == (4 * PIECE, 4 * PIECE)


def test_cancelling_stops_at_the_next_piece(notes: Path) -> None:
    notes.write_bytes(b"ab" * (2 * PIECE))
    steps: list[int] = []
    with pytest.raises(Cancelled, match=rf"'notes\.txt' was not opened: cancelled after {2 * PIECE:,} bytes"):
        open_corpus(
            notes, progress=lambda done, _: steps.append(done), cancelled=lambda: steps[-1:] == [2 * PIECE]
        )
    assert steps == [PIECE, 2 * PIECE]


def test_an_empty_file_opens_and_is_refused_only_for_training(notes: Path) -> None:
    notes.touch()
    corpus = open_corpus(notes, progress=lambda done, total: None)
    assert (len(corpus), len(corpus.vocabulary), corpus.text) == (0, 0, "")


def test_binary_is_recognised(notes: Path) -> None:
    notes.write_bytes(b"\x7fELF\x02\x01\x01\0\0")
    for replace in (False, True):
        with pytest.raises(BinaryFileError, match=r"'notes\.txt' has a NUL byte at offset 7"):
            open_corpus(notes, replace=replace)


def test_utf16_is_refused_even_when_malformed_bytes_may_be_replaced(notes: Path) -> None:
    notes.write_text("hello", encoding="utf-16")
    with pytest.raises(NotUtf8Error, match="UTF-16"):
        open_corpus(notes, replace=True)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "gone.txt"
    with pytest.raises(UnreadableError, match=r"there is no file '.*gone\.txt'; check the spelling"):
        open_corpus(missing)


def test_a_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="is a directory; choose a text file in it"):
        open_corpus(tmp_path)


@pytest.mark.parametrize("path", ["a\0b", "~nobody-of-this-name/a.txt", "x" * 5_000])
def test_what_can_be_no_path_is_refused_in_words(path: str) -> None:
    with pytest.raises(UnreadableError, match="; c"):
        open_corpus(path)


@posix_only
@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_would_block_is_refused_at_once(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    path = Path("thing")
    with socket.socket(socket.AF_UNIX) as server:
        match kind:
            case "pipe":
                os.mkfifo(path)
            case "socket":
                server.bind(str(path))
            case _:
                path = Path("/dev/zero")
        refusals: list[str] = []

        def attempt() -> None:
            try:
                open_corpus(path)
            except UnreadableError as error:
                refusals.append(str(error))

        thread = threading.Thread(target=attempt, daemon=True)  # a hang must fail this test, not the suite
        thread.start()
        thread.join(timeout=20)
    assert [f"is a {kind}, not a file" in refusal for refusal in refusals] == [True]


@posix_only
def test_a_forbidden_file_is_refused_with_the_way_out(notes: Path) -> None:
    notes.write_text("secret")
    notes.chmod(0)
    if os.access(notes, os.R_OK):
        pytest.skip("this user (root?) may read a file without permissions")
    with pytest.raises(UnreadableError, match=r"no permission to read .* chmod u\+r"):
        open_corpus(notes)


@posix_only
def test_a_stream_that_does_not_wait_is_refused() -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with (
        os.fdopen(writer, "wb"),
        os.fdopen(reader, "rb") as stream,
        pytest.raises(UnreadableError, match="'-' has no bytes ready"),
    ):
        read_stream(stream, name="-")


def test_a_stream_that_cannot_be_read_is_refused(notes: Path) -> None:
    with notes.open("wb") as stream, pytest.raises(UnreadableError, match="'-' cannot be read"):
        read_stream(stream, name="-")


@pytest.mark.parametrize(("distinct", "bytes_an_id"), [(100, 1), (1_000, 2)])
def test_opening_takes_at_most_three_times_the_size(notes: Path, distinct: int, bytes_an_id: int) -> None:
    size = 32 * PIECE
    with notes.open("wb") as stream:
        for _ in range(32):
            stream.write(b"0123456789abcde\n" * (PIECE // 16))
        stream.write("".join(map(chr, range(0x400, 0x400 + distinct))).encode())  # late: all must widen
    tracemalloc.start()
    try:
        corpus = open_corpus(notes)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert corpus.ids.itemsize == bytes_an_id
    assert peak < 3 * size
    assert held < 1.25 * bytes_an_id * size


@pytest.mark.parametrize("name", ["nothing", "x" * 5_000, "a\0b", "~nobody-of-this-name/x"])
def test_whether_there_is_a_file_can_be_asked_of_every_name(name: str, tmp_path: Path) -> None:
    assert not stands(name)
    (tmp_path / "here").touch()
    assert stands(str(tmp_path / "here"))
    assert stands("~")
