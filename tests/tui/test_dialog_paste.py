"""The paste dialog: whatever is pasted is kept, shown harmless, and counted."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from textual import events
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Button, Static

from corpora.corpus import Corpus
from tui.dialogs.file_tree import PathLine
from tui.dialogs.paste import EDITABLE, PasteArea, PasteDialog


class Host(App[None]):
    """Opens the dialog, and remembers what came out of it."""

    def __init__(self, context: int = 1) -> None:
        super().__init__()
        self.dialog = PasteDialog(context=context)
        self.came: list[Corpus | None] = []

    def on_mount(self) -> None:
        self.push_screen(self.dialog, self.came.append)

    @property
    def area(self) -> PasteArea:
        return self.dialog.query_one(PasteArea)

    @property
    def said(self) -> str:
        return str(self.dialog.query_one("#paste-said", Static).render())

    @property
    def corpus(self) -> Corpus:
        (corpus,) = self.came
        assert corpus is not None
        return corpus


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Let the app live until something holds that a thread brings about."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        await pilot.pause()


async def paste(pilot: Pilot[None], host: Host, text: str) -> None:
    """As the terminal does it."""
    host.post_message(events.Paste(text))
    await pilot.pause()


async def test_a_short_paste_can_be_edited_named_and_opened() -> None:
    host = Host()
    async with host.run_test() as pilot:
        await paste(pilot, host, "two\r\nlines")
        await pilot.press("!")
        assert host.area.text == "two\nlines!"
        host.dialog.query_one(PathLine).value = "verse"
        await pilot.click("#paste-open")
        await until(pilot, lambda: bool(host.came))
        assert (host.corpus.name, host.corpus.text) == ("verse", "two\nlines!")


async def test_the_numbers_follow_the_text() -> None:
    host = Host()
    async with host.run_test() as pilot:
        await paste(pilot, host, "aabb")
        await until(pilot, lambda: host.said == "4 characters, 2 distinct, unigram entropy 1.000 bits")
        await pilot.press("c", "d", "c", "d")
        await until(pilot, lambda: host.said == "8 characters, 4 distinct, unigram entropy 2.000 bits")
        assert host.came == []


@pytest.mark.parametrize(
    "text",
    [
        "one line " * 120_000,
        "line\n" * 200_000,
        "\x1b]0;title\x07\x9b2J[/][@click=app.quit]",
        "\u202eright to left\u200d",
        "e" + "\u0301" * 50,
    ],
    ids=["1 MB line", "1 MB lines", "control", "format", "marks"],
)
async def test_a_hostile_paste_is_kept_whole_and_shown_harmless(text: str) -> None:
    host = Host()
    async with host.run_test() as pilot:
        await paste(pilot, host, text)
        assert host.area.is_kept
        assert len(host.area.text) < EDITABLE
        assert not any(c in host.area.text + host.export_screenshot() for c in "\x1b\x07\x9b\u202e\u200d")
        await pilot.press("x", "backspace", "ctrl+z")  # an excerpt is not edited
        assert host.area.whole == text
        await pilot.press("ctrl+s")
        await until(pilot, lambda: bool(host.came))
        assert host.corpus.text == text


async def test_a_paste_goes_where_the_cursor_is_and_the_next_one_after_it() -> None:
    host = Host()
    async with host.run_test() as pilot:
        await pilot.press(*"AB", "left")
        await paste(pilot, host, "\x1b")
        await paste(pilot, host, "C")
        assert host.area.whole == "A\x1bBC"


async def test_clear_gives_up_what_was_kept() -> None:
    host = Host()
    async with host.run_test() as pilot:
        await paste(pilot, host, "\x1b" * 10)
        assert "kept whole" in str(host.area.border_subtitle)
        await pilot.click("#paste-clear")
        await pilot.press(*"new")
        assert host.area.whole == "new"
        assert not host.area.border_subtitle


async def test_what_was_copied_in_the_app_is_pasted_through_the_same_door() -> None:
    host = Host()
    async with host.run_test() as pilot:
        host.copy_to_clipboard("\x1b[2J")
        await pilot.press("ctrl+v")
        assert host.area.is_kept
        assert host.area.whole == "\x1b[2J"


@pytest.mark.parametrize(("text", "said"), [("", "is empty"), ("aaa", "1 distinct"), ("ab", "context of 4")])
async def test_what_cannot_be_trained_on_is_refused_in_words_and_the_dialog_stays(
    text: str, said: str
) -> None:
    host = Host(context=4)
    async with host.run_test() as pilot:
        await paste(pilot, host, text)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: said in host.said)
        assert host.came == []
        await paste(pilot, host, "and more of it")
        await until(pilot, lambda: "characters, " in host.said)
        assert host.came == []  # the wish was answered; a later text waits for a new one


async def test_escape_and_cancel_open_nothing() -> None:
    for way in ("escape", "cancel"):
        host = Host()
        async with host.run_test() as pilot:
            await pilot.press(*"abc")
            await (pilot.press("escape") if way == "escape" else pilot.click("#paste-cancel"))
            assert host.came == [None]


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (140, 42)])
async def test_everything_is_in_view(size: tuple[int, int]) -> None:
    host = Host()
    async with host.run_test(size=size) as pilot:
        await paste(pilot, host, "\x1b" * 30_000)
        box = host.dialog.query_one("#paste-box").region
        assert all(box.contains_region(button.region) for button in host.dialog.query(Button))
        assert host.area.size.height >= 3
