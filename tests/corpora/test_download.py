"""Promises of downloads: whole or not at all, checked, offline afterwards; refusals that name the way out."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora import catalog
from corpora.addresses import copy_name, is_address
from corpora.catalog import CATALOG, load
from corpora.corpus import Origin
from corpora.download import LIMIT, REFRESHED, Download
from corpora.errors import BinaryFileError, Cancelled, CorpusError, DownloadError, NotUtf8Error

if TYPE_CHECKING:
    from tests.conftest import Loopback

TEXT = b"to be, or not to be\n" * 50
SUM = hashlib.sha256(TEXT).hexdigest()
DOWNLOADS = [entry.download for entry in CATALOG.values() if entry.download is not None]
SHARED = Path(__file__).parents[3] / "shared" / "corpora" / "tinyshakespeare.txt"


def known(address: str, text: bytes = TEXT) -> Download:
    """A text whose size and sum are known beforehand, as the catalog's are."""
    return Download("hamlet", address, "hamlet.txt", len(text), hashlib.sha256(text).hexdigest())


def left_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir())


def test_a_text_is_fetched_once_kept_and_used_offline_afterwards(loopback: Loopback, cache: Path) -> None:
    download = known(loopback.serve("/hamlet", TEXT))
    corpus = download.load()
    assert (corpus.name, corpus.origin, corpus.source) == ("hamlet", Origin.DOWNLOADED, download.address)
    assert corpus.text.encode() == (cache / "hamlet.txt").read_bytes() == TEXT
    loopback.answers.clear()
    again = download.load(fetch=False)
    assert (again.fingerprint, again.notes) == (corpus.fingerprint, ())
    assert loopback.asked == ["/hamlet"]
    assert left_in(cache) == ["hamlet.txt"]


def test_a_text_is_here_once_it_was_fetched(loopback: Loopback) -> None:
    download = known(loopback.serve("/hamlet", TEXT))
    before = download.here
    download.load()
    assert (before, download.here) == (False, True)


def test_what_a_person_gives_is_called_by_its_address_and_keeps_the_sum_it_had(
    loopback: Loopback, cache: Path
) -> None:
    address = loopback.serve("/a/b.txt?c=1", TEXT)
    corpus = load(address)
    assert (corpus.name, corpus.origin, corpus.source) == (address, Origin.DOWNLOADED, address)
    file = copy_name(address)
    assert left_in(cache) == [file, f"{file}.sha256"]
    assert (cache / f"{file}.sha256").read_text() == f"{SUM}  {file}\n"
    loopback.answers.clear()
    assert load(address).fingerprint == corpus.fingerprint
    assert loopback.asked == ["/a/b.txt?c=1"]


def test_an_address_of_the_catalog_is_the_text_of_the_catalog(cache: Path) -> None:
    for download in DOWNLOADS:
        assert catalog.download_of(download.address) is download is catalog.download_of(download.name)
        assert download.path == cache / f"{download.name}.txt"
        assert not CATALOG[download.name].here
        assert CATALOG[download.name].size == download.size
    assert catalog.download_of("proverbs") is catalog.download_of("nothing") is None
    assert CATALOG["proverbs"].here


@pytest.mark.skipif(
    not SHARED.exists(), reason="the text lies beside the checkout only where it was put there"
)
def test_tinyshakespeare_has_the_sum_and_the_size_that_the_catalog_says(loopback: Loopback) -> None:
    (download,) = (text for text in DOWNLOADS if text.name == "shakespeare")
    corpus = replace(download, address=loopback.serve("/input.txt", SHARED.read_bytes())).load()
    assert (len(corpus), len(corpus.vocabulary)) == (1_115_394, 65)


def test_progress_tells_the_bytes_as_they_come(loopback: Loopback) -> None:
    address = loopback.serve("/slow", TEXT[:300], TEXT[300:])
    told: list[tuple[int, int]] = []

    def progress(read: int, total: int) -> None:
        told.append((read, total))
        loopback.go.set()  # the second part is sent once the first is here

    known(address).load(progress=progress)
    assert told[0] == (300, len(TEXT))
    assert (len(TEXT), len(TEXT)) in told
    assert told[-1] == (len(TEXT), len(TEXT))


def test_a_length_that_nobody_tells_is_said_to_be_unknown(loopback: Loopback) -> None:
    told: list[tuple[int, int]] = []
    corpus = load(loopback.serve("/endless", TEXT, length=-1), progress=lambda *numbers: told.append(numbers))
    assert corpus.text.encode() == TEXT
    assert told[0][1] == 0


MOVED = [301, 302, 303, 307, 308]


@pytest.mark.parametrize("status", MOVED)
def test_redirects_are_followed(status: int, loopback: Loopback) -> None:
    loopback.serve("/there", TEXT)
    for number, to in enumerate(("/there", "/0", "1", loopback.address("/2"), "3")):  # five, relative or not
        loopback.redirect(f"/{number}", to, status)
    assert known(loopback.address("/4")).load().text.encode() == TEXT
    assert loopback.asked == ["/4", "/3", "/2", "/1", "/0", "/there"]


REFUSALS: dict[str, tuple[Callable[[Loopback], str], str]] = {
    "missing": (lambda web: web.serve("/x", b"not here", status=404), "the server answers 404 Not Found"),
    "moved nowhere": (lambda web: web.serve("/x", b"", status=302), "the server answers 302 Found"),
    "broken off": (
        lambda web: web.serve("/x", TEXT[:99], length=len(TEXT)),
        "it broke off after 99 of 1,000 bytes",
    ),
    "shorter": (lambda web: web.serve("/x", TEXT[:99], length=-1), f"not {SUM}, and was not kept"),
    "another": (lambda web: web.serve("/x", TEXT[:-1] + b"!"), f"not {SUM}, and was not kept"),
    "larger": (lambda web: web.serve("/x", TEXT + b"!"), "it has 1,001 bytes, and at most 1,000 are taken"),
    "endless": (
        lambda web: web.serve("/x", TEXT * 9, length=-1),
        "it has more than 1,000 bytes, the most that are taken",
    ),
    "nothing": (lambda web: web.serve("/x", b""), "the server sends nothing"),
    "compressed": (
        lambda web: web.serve("/x", TEXT, headers={"Content-Encoding": "gzip"}),
        "the server sends it compressed (gzip) though asked not to",
    ),
    "circle": (lambda web: web.redirect("/x", "/x"), "it is redirected more than 5 times"),
    "to a file": (
        lambda web: web.redirect("/x", "file:///etc/passwd"),
        "it is redirected to 'file:///etc/passwd', which is neither http nor https",
    ),
    "to ftp": (lambda web: web.redirect("/x", "ftp://127.0.0.1/x"), "which is neither http nor https"),
    "to nowhere": (lambda web: web.redirect("/x", "http://[::1"), "that is no address"),
    "hung up": (lambda web: silent(web, "/x"), "the server hung up"),
    "no http": (lambda web: babble(web, "/x"), "the answer cannot be understood (BadStatusLine: "),
}


def silent(web: Loopback, path: str) -> str:
    web.answers[path] = lambda handler: None
    return web.address(path)


def babble(web: Loopback, path: str) -> str:
    def greet(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"220 ready\r\n")

    web.answers[path] = greet
    return web.address(path)


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_names_text_address_reason_and_the_file_to_place(
    kind: str, loopback: Loopback, cache: Path
) -> None:
    make, reason = REFUSALS[kind]
    address = make(loopback)
    with pytest.raises(DownloadError) as caught:
        known(address).load()
    message = str(caught.value)
    assert message.startswith(f"'hamlet' is not on this machine and could not be fetched from {address}: ")
    assert reason in message
    place = cache / "hamlet.txt"
    assert message.endswith(
        f". You can put the text there by hand: save it as '{place}' (1,000 bytes, sha256 {SUM})"
    )
    assert left_in(cache) == []
    place.write_bytes(TEXT)  # as the message says
    assert known(address).load(fetch=False).text.encode() == TEXT


def test_a_server_that_is_not_there_is_said(loopback: Loopback) -> None:
    with socket.socket() as nobody:  # bound, and not listening: the port is free of others
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(DownloadError, match="the server refuses the connection"):
            load(f"http://127.0.0.1:{nobody.getsockname()[1]}/x")


def test_without_a_network_the_message_says_so(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unresolved(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unresolved)
    with pytest.raises(DownloadError) as caught:
        load("shakespeare")
    message = str(caught.value)
    assert "there is no network, or no such server (Name or service not known)" in message
    assert f"save it as '{cache / 'shakespeare.txt'}' (1,115,394 bytes, sha256 86c4e6aa" in message
    assert cache.is_dir()  # so that there is a place to put it


@pytest.mark.parametrize("parts", [(TEXT[:300], TEXT[300:]), (b"", TEXT)], ids=["amid the text", "before it"])
def test_a_server_that_stalls_is_given_up(
    parts: tuple[bytes, ...], loopback: Loopback, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corpora.fetching.PATIENCE", 0.2)
    with pytest.raises(DownloadError, match=r"nothing came for 0\.2 seconds"):
        known(loopback.serve("/stalls", *parts)).load()
    assert left_in(cache) == []


def test_a_server_that_accepts_and_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpora.fetching.PATIENCE", 0.2)
    refused = pytest.raises(DownloadError, match=r"nothing came for 0\.2 seconds")
    with socket.create_server(("127.0.0.1", 0)) as mute, refused:
        load(f"http://127.0.0.1:{mute.getsockname()[1]}/x")


def test_a_name_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()

    def held(*_: object, **__: object) -> None:
        answer.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr("corpora.fetching.PATIENCE", 0.2)
    monkeypatch.setattr("socket.getaddrinfo", held)
    with pytest.raises(DownloadError, match=r"nothing came for 0\.2 seconds"):
        load("http://corpora.example/x")
    answer.set()


def test_a_download_is_cancelled_in_the_middle_though_the_server_says_nothing(
    loopback: Loopback, cache: Path
) -> None:
    given_up = threading.Event()
    with pytest.raises(Cancelled, match="'hamlet' was not fetched: cancelled after 300 bytes"):
        known(loopback.serve("/slow", TEXT[:300], TEXT[300:])).load(
            progress=lambda *_: given_up.set(), cancelled=given_up.is_set
        )
    assert not loopback.go.is_set()
    assert left_in(cache) == []


def test_a_damaged_copy_is_fetched_anew_and_the_corpus_says_so(loopback: Loopback, cache: Path) -> None:
    address = loopback.serve("/x", TEXT)
    for download in (known(address), Download.of(address)):
        download.load()
        download.path.write_bytes(TEXT[:-5])
        corpus = download.load()
        assert corpus.text.encode() == download.path.read_bytes() == TEXT
        assert corpus.notes == (REFRESHED,)
    assert len(loopback.asked) == 4


def test_a_damaged_copy_is_not_used_where_there_is_no_network(loopback: Loopback, cache: Path) -> None:
    download = known(loopback.serve("/x", status=503))
    cache.mkdir(parents=True)
    download.path.write_bytes(TEXT[:-5])
    with pytest.raises(
        DownloadError, match=r"the copy of 'hamlet' .* is damaged \(sha256 .* and could not be"
    ):
        download.load()
    loopback.asked.clear()
    with pytest.raises(DownloadError, match=r"is damaged .* choose it, and it is fetched from http"):
        download.load(fetch=False)
    assert loopback.asked == []
    assert download.path.read_bytes() == TEXT[:-5]


def test_a_text_that_is_not_here_is_not_fetched_unless_it_may_be(loopback: Loopback) -> None:
    with pytest.raises(
        DownloadError, match="'hamlet' is not on this machine; choose it, and it is fetched from"
    ):
        known(loopback.serve("/x", TEXT)).load(fetch=False)
    assert loopback.asked == []


def test_what_a_person_put_there_by_hand_without_a_sum_is_taken(loopback: Loopback, cache: Path) -> None:
    download = Download.of(loopback.address("/x"))
    cache.mkdir(parents=True)
    download.path.write_bytes(TEXT)
    assert download.load().text.encode() == TEXT
    assert loopback.asked == []


def test_what_is_no_text_is_not_kept(loopback: Loopback, cache: Path) -> None:
    with pytest.raises(BinaryFileError, match="NUL byte"):
        load(loopback.serve("/x", bytes(range(256))))
    assert left_in(cache) == []


def test_malformed_bytes_are_kept_as_they_are_and_replaced_without_fetching_again(loopback: Loopback) -> None:
    address = loopback.serve("/latin", b"gr\xfc\xdfe" * 9)
    with pytest.raises(NotUtf8Error):
        load(address)
    assert load(address, replace=True).excerpt(0, 5) == "gr\ufffd\ufffde"
    assert loopback.asked == ["/latin"]


def test_a_text_of_unknown_size_has_a_limit(loopback: Loopback) -> None:
    with pytest.raises(DownloadError, match=f"it has {LIMIT + 1:,} bytes, and at most {LIMIT:,} are taken"):
        load(loopback.serve("/huge", TEXT, length=LIMIT + 1))


def test_two_who_fetch_the_same_at_once_do_not_disturb_each_other(loopback: Loopback, cache: Path) -> None:
    download = known(loopback.serve("/x", TEXT[:300], TEXT[300:]))
    both = threading.Barrier(2)
    texts: list[str] = []

    def fetch() -> None:
        def meet(read: int, total: int) -> None:
            if read == 300:
                both.wait(20)
                loopback.go.set()

        texts.append(download.load(progress=meet).text)

    threads = [threading.Thread(target=fetch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == [TEXT.decode()] * 2
    assert left_in(cache) == ["hamlet.txt"]


def test_the_environments_proxy_is_asked_and_its_exceptions_are_kept(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", loopback.address(""))
    loopback.serve("http://corpora.example/x", TEXT)
    assert load("http://corpora.example/x").text.encode() == TEXT
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert load(loopback.serve("/direct", TEXT)).text.encode() == TEXT
    assert loopback.asked == ["http://corpora.example/x", "/direct"]


def test_characters_that_an_address_may_not_hold_are_written_as_it_must(loopback: Loopback) -> None:
    loopback.serve("/a%20b/%C3%A9?q=%25", TEXT)
    assert load(loopback.address("/a b/é?q=%25")).text.encode() == TEXT


def test_a_cache_that_cannot_be_written_is_said_with_the_way_out(loopback: Loopback, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(DownloadError, match=r"'hamlet' could not be kept in .* set CHARLM_CACHE to a folder"):
        known(loopback.serve("/x", TEXT)).load()


def test_the_cache_is_the_persons_unless_the_variable_names_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("CHARLM_CACHE", "~/elsewhere")
    assert DOWNLOADS[0].path == Path("/home/ada/elsewhere/corpora/shakespeare.txt")
    monkeypatch.delenv("CHARLM_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda app: Path("/cache") / app)
    assert DOWNLOADS[0].path == Path("/cache/charlm/corpora/shakespeare.txt")


@pytest.mark.parametrize(
    "address", ["http://", "https://", "http:///x", "http://[::1", "http://u:p@h/x", "HTTP://a b/"]
)
def test_what_is_no_address_is_refused_in_words(address: str) -> None:
    assert is_address(address)
    with pytest.raises(CorpusError, match="could not be fetched: "):
        load(address)


@given(st.text().map("http://".__add__), st.text().map("http://".__add__))
def test_each_address_has_a_copy_of_its_own_whose_name_is_safe_everywhere(one: str, other: str) -> None:
    for address in (one, other):
        name = copy_name(address)
        assert name.isascii()
        assert name.removesuffix(".txt").replace("-", "").isalnum()
        assert name[0] != "-"
        assert len(name) < 64
    assert (copy_name(one) == copy_name(other)) == (one == other)
