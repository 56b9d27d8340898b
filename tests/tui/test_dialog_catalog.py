"""The catalog dialog: the names at once, what a text is made of once the cursor rests on it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from corpora import catalog
from corpora.corpus import Corpus
from corpora.errors import CorpusError
from tui.dialogs.catalog import CatalogDialog


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

    def load(name: str) -> Corpus:
        read.append(name)
        return catalog.load(name)

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
    def load(name: str) -> Corpus:
        raise CorpusError(f"this Python came without {name!r} [/]\x1b")

    monkeypatch.setattr("tui.opening.load", load)
    host = Host("zen")
    async with host.run_test() as pilot:
        await until(pilot, lambda: "this Python came without 'zen' [/]␛" in host.about)
