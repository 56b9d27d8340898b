"""The catalog dialog: the names at once, what a text is made of once the cursor rests on it."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import OptionList, ProgressBar, Static

from corpora import catalog
from corpora.corpus import Corpus
from corpora.errors import CorpusError
from tui.dialogs.catalog import CatalogDialog

if TYPE_CHECKING:
    from tests.conftest import Loopback

TEXT = b"to be, or not to be\n" * 50


class Host(App[None]):
    """Opens the dialog, and remembers what came out of it."""

    def __init__(self, chosen: str | None = None) -> None:
        super().__init__()
        self.dialog = CatalogDialog(chosen)
        self.came: list[str | None] = []

    def on_mount(self) -> None:
        self.push_screen(self.dialog, self.came.append)

    @property
    def about(self) -> str:
        """What is said of the text under the cursor, its white space made single spaces."""
        return " ".join(str(self.dialog.query_one("#catalog-about", Static).render()).split())

    @property
    def fetching(self) -> str:
        """How far the download under way has come; nothing if there is none."""
        shown = self.dialog.query_one("#catalog-fetching").display
        return str(self.dialog.query_one("#catalog-said", Static).render()) if shown else ""

    @property
    def row(self) -> str:
        """The row under the cursor."""
        names = self.dialog.query_one(OptionList)
        return str(names.get_option_at_index(names.highlighted or 0).prompt)

    @property
    def highlighted(self) -> str:
        return list(catalog.CATALOG)[self.dialog.query_one(OptionList).highlighted or 0]


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Let the app live until something holds that a thread brings about."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        await pilot.pause()


async def test_a_text_is_described_with_its_numbers_and_its_beginning() -> None:
    host = Host()
    async with host.run_test() as pilot:
        await pilot.press("j")
        assert host.highlighted == "names"
        assert catalog.CATALOG["names"].description in host.about
        await until(pilot, lambda: "distinct" in host.about)
        names = catalog.load("names")
        assert f"size {len(names):,} chars" in host.about
        assert f"unigram {names.unigram_entropy:.3f} bits" in host.about
        assert host.about.endswith(" ".join(names.excerpt(0, 600).split()))


async def test_a_generated_text_shows_its_true_entropy_rate() -> None:
    host = Host("markov:7")
    async with host.run_test() as pilot:
        assert host.highlighted == "markov"
        await until(pilot, lambda: "true rate" in host.about)


async def test_enter_and_the_button_choose_escape_and_cancel_do_not() -> None:
    for way, came in (
        ("enter", "story"),
        ("#catalog-choose", "story"),
        ("escape", None),
        ("#catalog-cancel", None),
    ):
        host = Host("names")
        async with host.run_test() as pilot:
            await pilot.press("j")
            await (pilot.click(way) if way.startswith("#") else pilot.press(way))
            assert host.came == [came]


async def test_running_through_the_list_reads_nothing_and_a_text_is_read_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []

    def load(name: str, **options: Any) -> Corpus:  # Any: passed on
        read.append(name)
        return catalog.load(name, **options)

    monkeypatch.setattr("tui.opening.load", load)
    monkeypatch.setattr("tui.dialogs.catalog.REST", 3600.0)
    host = Host()
    async with host.run_test() as pilot:
        await pilot.press(*"jjjj")
        assert read == []
        monkeypatch.setattr("tui.dialogs.catalog.REST", 0.01)
        await pilot.press("k", "k")
        await until(pilot, lambda: host.highlighted == "story" and "distinct" in host.about)
        await pilot.press("j", "k")
        await until(pilot, lambda: "distinct" in host.about)
        assert read.count("story") == 1


async def test_a_text_that_cannot_be_had_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, **_: object) -> Corpus:
        raise CorpusError(f"this Python came without {name!r} [/]\x1b")

    monkeypatch.setattr("tui.opening.load", load)
    host = Host("zen")
    async with host.run_test() as pilot:
        await until(pilot, lambda: "this Python came without 'zen' [/]␛" in host.about)


@pytest.fixture
def hamlet(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> Loopback:
    """The catalog's first download lies on a server here, which sends its second half when it is told to."""
    entry = catalog.CATALOG["shakespeare"]
    assert entry.download is not None
    address = loopback.serve("/hamlet", TEXT[:400], TEXT[400:])
    sum_of_it = hashlib.sha256(TEXT).hexdigest()
    download = replace(entry.download, address=address, size=len(TEXT), sha256=sum_of_it)
    moved = {**catalog.CATALOG, "shakespeare": replace(entry, load=download.load, download=download)}
    for module in ("corpora.catalog", "tui.dialogs.catalog"):
        monkeypatch.setattr(f"{module}.CATALOG", moved)
    monkeypatch.setattr("tui.dialogs.catalog.REST", 0.01)
    return loopback


async def test_resting_on_a_download_tells_its_size_and_address_and_fetches_nothing(
    hamlet: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    rested = False
    read = CatalogDialog._read

    def noted(dialog: CatalogDialog) -> None:
        nonlocal rested
        read(dialog)
        rested = True

    monkeypatch.setattr(CatalogDialog, "_read", noted)
    host = Host("shakespeare")
    async with host.run_test() as pilot:
        await until(pilot, lambda: rested)
        assert "not on this machine; Enter fetches it (1,000 bytes) from" in host.about
        assert not any(thread.name == "opening" for thread in threading.enumerate())
        assert host.about.replace(" ", "").endswith(hamlet.address("/hamlet"))
        assert host.row.endswith("download ↓")
        assert (hamlet.asked, host.fetching) == ([], "")


async def test_choosing_a_download_fetches_it_where_it_can_be_seen(hamlet: Loopback) -> None:
    host = Host("shakespeare")
    async with host.run_test() as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: host.fetching == "fetching 'shakespeare': 400 of 1,000 bytes")
        assert host.dialog.query_one(ProgressBar).percentage == 0.4
        assert host.came == []
        hamlet.go.set()
        await until(pilot, lambda: host.came == ["shakespeare"])
    again = Host("shakespeare")
    async with again.run_test() as pilot:
        assert again.row.endswith("download ✓")
        await until(pilot, lambda: "size 1,000 chars" in again.about)
        assert again.about.endswith(" ".join(TEXT[:600].decode().split()))
        await pilot.press("enter")
        await until(pilot, lambda: again.came == ["shakespeare"])
    assert hamlet.asked == ["/hamlet"]


@pytest.mark.parametrize("way", ["escape", "#catalog-cancel"])
async def test_a_download_is_cancelled_and_the_dialog_stays(way: str, hamlet: Loopback) -> None:
    host = Host("shakespeare")
    async with host.run_test() as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: "400 of" in host.fetching)
        await (pilot.click(way) if way.startswith("#") else pilot.press(way))
        assert (host.fetching, host.came) == ("", [])
        await until(pilot, lambda: not any(thread.name == "opening" for thread in threading.enumerate()))
        await pilot.pause()
        assert "Enter fetches it" in host.about
        await pilot.press("escape")
        assert host.came == [None]


async def test_a_download_that_fails_says_why_and_can_be_tried_again(hamlet: Loopback) -> None:
    answer = hamlet.answers["/hamlet"]
    hamlet.serve("/hamlet", b"", status=503)
    host = Host("shakespeare")
    async with host.run_test() as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: "the server answers 503 Service Unavailable" in host.about)
        assert (host.fetching, host.came) == ("", [])
        hamlet.answers["/hamlet"] = answer
        await pilot.press("enter")
        await until(pilot, lambda: "400 of" in host.fetching)
        assert "503" not in host.about
        hamlet.go.set()
        await until(pilot, lambda: host.came == ["shakespeare"])


async def test_resting_on_a_damaged_copy_says_so_and_fetches_nothing(
    hamlet: Loopback, own_cache: Path
) -> None:
    own_cache.mkdir(parents=True)
    (own_cache / "shakespeare.txt").write_bytes(TEXT[:-1])
    host = Host("shakespeare")
    async with host.run_test() as pilot:
        await until(pilot, lambda: "is damaged" in host.about)
        assert hamlet.asked == []
        hamlet.go.set()
        await pilot.press("enter")
        await until(pilot, lambda: host.came == ["shakespeare"])
    assert (own_cache / "shakespeare.txt").read_bytes() == TEXT
