"""Opening: one text on its way in, without a screen."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from corpora.corpus import Corpus, Origin
from tui.opening import (
    FromCatalog,
    FromPath,
    FromText,
    Opening,
    Outcome,
    Refusal,
    Source,
    at_work,
    source_of,
)

if TYPE_CHECKING:
    from tests.conftest import Loopback

WAIT = 20  # seconds: only a test that fails waits so long


def outcome_of(source: Source, *, context: int = 1) -> Outcome:
    """What `done` is told, once."""
    told: list[Outcome] = []
    ended = threading.Event()

    def done(_: Opening, outcome: Outcome) -> None:
        told.append(outcome)
        ended.set()

    Opening(source, done, context=context).start()
    assert ended.wait(WAIT)
    assert len(told) == 1
    return told[0]


def refusal_of(source: Source, *, context: int = 1) -> Refusal:
    outcome = outcome_of(source, context=context)
    assert isinstance(outcome, Refusal)
    return outcome


def test_a_file_a_name_and_a_text_become_corpora(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("some notes")
    for source, name, origin, text in (
        (FromPath(str(path)), "notes.txt", Origin.OWN, "some notes"),
        (FromCatalog("names"), "names", Origin.BUNDLED, None),
        (FromText("mine", "pasted\r\ntext"), "mine", Origin.OWN, "pasted\ntext"),
    ):
        corpus = outcome_of(source)
        assert isinstance(corpus, Corpus)
        assert (corpus.name, corpus.origin) == (name, origin)
        assert text in (None, corpus.text)


def test_home_and_relative_paths_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("ab")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for path in ("~/a.txt", "a.txt", "./a.txt"):
        corpus = outcome_of(FromPath(path))
        assert isinstance(corpus, Corpus)
        assert corpus.text == "ab"


@pytest.mark.parametrize(
    ("text", "context", "said"),
    [("", 1, "is empty"), ("aaaa", 1, "1 distinct character"), ("abc", 3, "too few for a context of 3")],
)
def test_what_cannot_be_trained_on_is_refused_in_words(text: str, context: int, said: str) -> None:
    assert said in refusal_of(FromText("mine", text), context=context).message


def test_malformed_bytes_are_refused_with_the_offer_to_replace_them(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(b"hall\xf6le")
    refusal = refusal_of(FromPath(str(path)))
    assert refusal.replaceable
    assert "offset 4" in refusal.message
    corpus = outcome_of(FromPath(str(path), replace=True))
    assert isinstance(corpus, Corpus)
    assert corpus.text == "hall\ufffdle"


def test_no_offer_is_made_that_would_not_help(tmp_path: Path) -> None:
    (tmp_path / "wide.txt").write_text("text", encoding="utf-16")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    os.mkfifo(tmp_path / "pipe")
    for name, said in (
        ("wide.txt", "UTF-16"),
        ("binary", "NUL byte"),
        ("pipe", "pipe"),
        (".", "directory"),
        ("gone", "no file"),
        ("a\0b", "no path"),
    ):
        refusal = refusal_of(FromPath(str(tmp_path / name)))
        assert said in refusal.message
        assert not refusal.replaceable
        assert not refusal.cancelled
    assert "no corpus 'nmes'" in refusal_of(FromCatalog("nmes")).message


def test_progress_is_told_and_cancelling_stops_at_the_next_piece(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_bytes(b"ab" * 3_000_000)
    told: list[tuple[int, int]] = []

    def progress(opening: Opening, read: int, total: int) -> None:
        told.append((read, total))
        opening.cancel()

    ended: list[Outcome] = []
    opening = Opening(FromPath(str(path)), lambda _, outcome: ended.append(outcome), progress=progress)
    outcome = opening.outcome()
    assert isinstance(outcome, Refusal)
    assert outcome.cancelled
    assert len(told) == 1
    assert 0 < told[0][0] < told[0][1] == 6_000_000


def test_a_text_from_the_web_tells_its_progress_and_is_cancelled_in_the_middle(loopback: Loopback) -> None:
    address = loopback.serve("/x", b"ab" * 50, b"cd" * 50)
    told: list[tuple[int, int]] = []

    def progress(opening: Opening, read: int, total: int) -> None:
        told.append((read, total))
        opening.cancel()

    outcome = Opening(FromCatalog(address), lambda *_: None, progress=progress).outcome()
    assert isinstance(outcome, Refusal)
    assert outcome.cancelled
    assert told == [(100, 200)]


def test_malformed_bytes_from_the_web_are_replaced_on_request(loopback: Loopback) -> None:
    address = loopback.serve("/latin", b"hall\xf6le")
    assert refusal_of(FromCatalog(address)).replaceable
    corpus = outcome_of(FromCatalog(address, replace=True))
    assert isinstance(corpus, Corpus)
    assert corpus.text == "hall\ufffdle"


def test_a_recipes_text_is_looked_for_where_its_name_says() -> None:
    for name in ("names", "markov:7", "shakespeare", "https://example.org/a.txt", "HTTP://example.org"):
        assert source_of(name) == FromCatalog(name)
    for name in ("notes.txt", "/home/ada/names", "~/http://x", "ftp://example.org/a"):
        assert source_of(name) == FromPath(name)


def test_what_is_at_work_is_said_with_the_bytes_there_are() -> None:
    assert at_work(FromPath("a.txt")) == "reading 'a.txt'"
    assert at_work(FromCatalog("names"), 7) == "reading 'names': 7 bytes"
    assert at_work(FromCatalog("shakespeare"), 1_000, 2_000) == "fetching 'shakespeare': 1,000 of 2,000 bytes"


def test_a_text_that_arrives_after_it_was_given_up_is_not_opened() -> None:
    opening = Opening(FromCatalog("zen"), lambda *_: None)
    opening.cancel()
    outcome = opening.outcome()
    assert isinstance(outcome, Refusal)
    assert outcome.cancelled


def test_an_exception_nobody_expected_becomes_a_refusal_and_does_not_vanish(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> Corpus:
        raise ZeroDivisionError("of [all] things")

    monkeypatch.setattr("tui.opening.load", broken)
    assert refusal_of(FromCatalog("zen")).message == (
        "'zen' could not be opened: ZeroDivisionError: of [all] things"
    )
