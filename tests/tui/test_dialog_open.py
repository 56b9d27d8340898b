"""The open dialog: files, paths, names; refusals in words; cancelling."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest
from textual import events
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Button, ProgressBar, Static

from corpora.corpus import Corpus, Origin
from corpora.files import pieces
from tui.dialogs.catalog import CatalogList
from tui.dialogs.file_tree import FileTree, PathLine
from tui.dialogs.open import HINT, OpenDialog
from tui.dialogs.paste import PasteDialog

if TYPE_CHECKING:
    from tests.conftest import Loopback

HOSTILE = "e\x1b]0;x\x07[red][@click=app.quit]\u202e\nvil.txt"


class Host(App[None]):
    """Opens the dialog, and remembers what came out of it."""

    def __init__(self, folder: Path, context: int = 1) -> None:
        super().__init__()
        self.dialog = OpenDialog(folder, context=context)
        self.came: list[Corpus | None] = []

    def on_mount(self) -> None:
        self.push_screen(self.dialog, self.came.append)

    @property
    def said(self) -> str:
        return str(self.dialog.query_one("#open-said", Static).render())

    @property
    def replacing(self) -> bool:
        return bool(self.dialog.query_one("#open-replace", Button).display)

    @property
    def corpus(self) -> Corpus:
        (corpus,) = self.came
        assert corpus is not None
        return corpus

    def type(self, path: str | Path) -> None:
        self.dialog.query_one(PathLine).value = str(path)


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Let the app live until something holds that a thread brings about."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        await pilot.pause()


def tree_rows(host: Host) -> list[str]:
    tree = host.dialog.query_one(FileTree)
    return [str(node.label) for node in tree.root.children]


async def test_a_path_is_typed_and_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "n.txt").write_text("hello")
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        assert host.said == HINT
        await pilot.press(*"n.txt", "enter")
        await until(pilot, lambda: bool(host.came))
        assert (host.corpus.name, host.corpus.text) == ("n.txt", "hello")


@pytest.mark.parametrize("typed", ["~/n.txt", "n.txt", "deep/../n.txt"])
async def test_home_and_relative_paths_are_understood(
    typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "n.txt").write_text("hello")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        host.type(typed)
        await pilot.click("#open-open")
        await until(pilot, lambda: bool(host.came))
        assert host.corpus.text == "hello"


async def test_a_file_is_chosen_in_the_tree_with_keys_alone(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b.txt").write_text("bee")
    (tmp_path / "c.txt").write_text("sea")
    host = Host(tmp_path / "a")
    async with host.run_test() as pilot:
        await pilot.press("tab", "backspace")
        await until(pilot, lambda: tree_rows(host) == ["a", "b.txt", "c.txt"])
        await pilot.press("j", "j", "j", "k", "enter")
        await until(pilot, lambda: bool(host.came))
        assert host.corpus.text == "bee"
        assert host.corpus.source == str(tmp_path / "b.txt")


async def test_a_name_is_chosen_in_the_catalog_with_keys_alone(tmp_path: Path) -> None:
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        await pilot.press("tab", "tab", "j", "enter")
        await until(pilot, lambda: bool(host.came))
        assert host.corpus.name == "names"


async def test_a_folder_is_shown_in_the_tree(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "in.txt").write_text("in")
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        host.type(tmp_path / "sub")
        await pilot.press("enter")
        await until(pilot, lambda: tree_rows(host) == ["in.txt"])
        assert "is a folder; choose a text file in it" in host.said
        await pilot.press("down", "enter")
        await until(pilot, lambda: bool(host.came))
        assert host.corpus.text == "in"


def fifo(path: Path) -> None:
    os.mkfifo(path)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "gone": (lambda path: None, "there is no file"),
    "pipe": (fifo, "is a pipe"),
    "empty": (lambda path: path.write_text(""), "is empty"),
    "same": (lambda path: path.write_text("aaaaaaaa"), "1 distinct character"),
    "short": (lambda path: path.write_text("ab"), "too few for a context of 4"),
    "binary": (lambda path: path.write_bytes(b"\x7fELF" + bytes(100)), "NUL byte"),
    "wide": (lambda path: path.write_text("wide", encoding="utf-16"), "UTF-16"),
    "link": (lambda path: path.symlink_to(path), "cannot be read"),
    "[red]\x1b[2J": (lambda path: path.write_text(""), "is empty"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_refusal_is_said_in_words_and_the_dialog_stays(name: str, tmp_path: Path) -> None:
    make, said = REFUSED[name]
    make(tmp_path / name)
    host = Host(tmp_path, context=4)
    async with host.run_test() as pilot:
        await until(pilot, lambda: name == "gone" or bool(tree_rows(host)))
        if name == "gone":
            host.type(tmp_path / name)
            await pilot.press("enter")
        else:
            await pilot.press("tab", "down", "enter")
        await until(pilot, lambda: said in host.said)
        assert "\x1b" not in host.said
        assert not host.replacing
        assert host.came == []
        assert not host.dialog.query_one(ProgressBar).display
        (tmp_path / "good.txt").write_text("good text")
        host.type(tmp_path / "good.txt")
        await pilot.click("#open-open")
        await until(pilot, lambda: bool(host.came))
        assert host.corpus.text == "good text"


@pytest.mark.parametrize("typed", ["~nobody-of-this-name/x", "a\0b", "[/]", "x" * 5_000, "\x1b[2J"])
async def test_a_path_that_is_none_is_refused_in_words(typed: str, tmp_path: Path) -> None:
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        host.type(typed)
        await pilot.pause()
        assert not any(c in host.export_screenshot() for c in "\0\x1b")
        await pilot.press("enter")
        await until(pilot, lambda: host.said != HINT and not host.said.startswith("reading"))
        assert any(s in host.said for s in ("there is no file", "is no path", "cannot be read"))
        assert host.came == []


async def test_an_empty_path_asks_for_one(tmp_path: Path) -> None:
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        await pilot.press("enter")
        assert host.said == "type a path, or choose a file below"


async def test_a_file_that_vanished_from_under_the_tree_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "soon-gone.txt"
    path.write_text("now you see it")
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        await until(pilot, lambda: tree_rows(host) == ["soon-gone.txt"])
        path.unlink()
        await pilot.press("tab", "down", "enter")
        await until(pilot, lambda: "there is no file" in host.said)
        assert host.came == []


async def test_a_forbidden_file_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("secret")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read every file")
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        host.type(path)
        await pilot.press("enter")
        await until(pilot, lambda: "no permission to read" in host.said)


async def test_malformed_bytes_can_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(b"gr\xfc\xdfe")
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        host.type(path)
        await pilot.press("enter")
        await until(pilot, lambda: host.replacing)
        assert "offset 2" in host.said
        await pilot.press("enter")  # the offer has the focus
        await until(pilot, lambda: bool(host.came))
        assert host.corpus.text == "gr\ufffd\ufffde"
        assert host.corpus.notes == ("2 malformed bytes replaced by U+FFFD",)


async def led_elsewhere(host: Host, pilot: Pilot[None], first: Path) -> PathLine:
    """Enter a path that leads away from the line: to the offer to replace bytes, or to the tree."""
    host.type(first)
    await pilot.press("enter")
    await until(pilot, lambda: host.replacing or "is a folder" in host.said)
    line = host.dialog.query_one(PathLine)
    assert host.dialog.focused is not line
    return line


@pytest.mark.parametrize("first", ["latin.txt", "."])
async def test_another_path_can_be_typed_wherever_the_first_one_led(first: str, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"gr\xfc\xdfe")
    (tmp_path / "n.txt").write_text("hello")
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        line = await led_elsewhere(host, pilot, tmp_path / first)
        await pilot.press(*str(tmp_path / "n.txt"))
        assert line.value == str(tmp_path / "n.txt")
        await pilot.press("enter")
        await until(pilot, lambda: bool(host.came))
        assert host.corpus.text == "hello"


@pytest.mark.parametrize("first", ["latin.txt", "."])
async def test_another_path_can_be_pasted_wherever_the_first_one_led(first: str, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"gr\xfc\xdfe")
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        line = await led_elsewhere(host, pilot, tmp_path / first)
        host.post_message(events.Paste("/a/b"))
        await until(pilot, lambda: line.value == "/a/b")
        host.post_message(events.Paste("c.txt"))
        await until(pilot, lambda: line.value == "/a/bc.txt")


async def test_no_key_of_a_burst_is_lost_where_the_first_one_begins_a_path(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"gr\xfc\xdfe")
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        line = await led_elsewhere(host, pilot, tmp_path / "latin.txt")
        for character in "abcdefgh.txt":
            host.post_message(events.Key(character, character))
            await asyncio.sleep(0)  # the next key comes while the first is on its way through the dialog
        await until(pilot, lambda: len(line.value) >= len("abcdefgh.txt"))
        assert sorted(line.value) == sorted("abcdefgh.txt")  # their order is not promised at this pace


async def test_a_name_of_control_characters_is_shown_harmless_and_opens_nevertheless(tmp_path: Path) -> None:
    (tmp_path / HOSTILE).write_text("a good text")
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        await until(pilot, lambda: bool(tree_rows(host)))
        (row,) = tree_rows(host)
        assert row.startswith("e␛]0;x␇[red][@click=app.quit]")
        assert not any(c in host.export_screenshot() for c in "\x1b\x07\u202e")
        await pilot.press("tab", "down", "enter")
        await until(pilot, lambda: bool(host.came))
        assert host.corpus.text == "a good text"


async def test_escape_opens_nothing(tmp_path: Path) -> None:
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        await pilot.press("escape")
        assert host.came == [None]


class Gate:
    """Holds a reading at its first piece until it is opened; the rest is real."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.go = threading.Event(), threading.Event()

        def held(stream: BinaryIO, name: str) -> Iterator[bytes]:
            for piece in pieces(stream, name):
                yield piece
                self.reached.set()
                assert self.go.wait(20)

        monkeypatch.setattr("corpora.corpus.pieces", held)


async def test_the_screen_goes_on_and_the_bar_moves_while_a_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    path = tmp_path / "long.txt"
    path.write_bytes(b"ab" * (1 << 20))  # two pieces
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        host.type(path)
        await pilot.press("enter")
        bar = host.dialog.query_one(ProgressBar)
        await until(pilot, lambda: bar.total == 1 << 21 and bar.progress == 1 << 20)
        assert bar.display
        assert host.said.startswith("reading")
        gate.go.set()
        await until(pilot, lambda: bool(host.came))
        assert len(host.corpus) == 1 << 21


@pytest.mark.parametrize("way", ["escape", "button"])
async def test_reading_can_be_cancelled_and_the_dialog_stays(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    (tmp_path / "long.txt").write_bytes(b"ab" * (1 << 20))
    (tmp_path / "short.txt").write_bytes(b"short")
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        host.type(tmp_path / "long.txt")
        await pilot.press("enter")
        await until(pilot, gate.reached.is_set)
        await (pilot.press("escape") if way == "escape" else pilot.click("#open-cancel"))
        assert host.said == "cancelled; nothing was opened"
        assert not host.dialog.query_one(ProgressBar).display
        gate.go.set()
        await until(pilot, lambda: not any(thread.name == "opening" for thread in threading.enumerate()))
        await pilot.pause()
        assert host.said == "cancelled; nothing was opened"  # what the reading says at its end is not heard
        host.type(tmp_path / "short.txt")
        await pilot.click("#open-open")
        await until(pilot, lambda: bool(host.came))
        assert host.corpus.text == "short"


async def test_an_address_is_opened_with_the_bar_that_files_have(loopback: Loopback, tmp_path: Path) -> None:
    address = loopback.serve("/a.txt", b"to be " * 100, b"or not" * 100)
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        host.type(f" {address} ")
        await pilot.press("enter")
        bar = host.dialog.query_one(ProgressBar)
        await until(pilot, lambda: (bar.progress, bar.total) == (600, 1200))
        assert bar.display
        assert host.said == f"fetching '{address}': 600 of 1,200 bytes"
        loopback.go.set()
        await until(pilot, lambda: bool(host.came))
        assert (host.corpus.name, host.corpus.origin, len(host.corpus)) == (address, Origin.DOWNLOADED, 1200)


async def test_fetching_is_cancelled_with_escape_and_the_dialog_stays(
    loopback: Loopback, tmp_path: Path
) -> None:
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        host.type(loopback.serve("/a.txt", b"to be " * 100, b"or not" * 100))
        await pilot.press("enter")
        await until(pilot, lambda: "600 of" in host.said)
        await pilot.press("escape")
        assert host.said == "cancelled; nothing was opened"
        await until(pilot, lambda: not any(thread.name == "opening" for thread in threading.enumerate()))
        assert not loopback.go.is_set()
        assert host.came == []


async def test_an_address_that_is_refused_says_where_to_put_the_text(
    loopback: Loopback, tmp_path: Path
) -> None:
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        host.type(loopback.serve("/a.txt", b"", status=404))
        await pilot.press("enter")
        await until(pilot, lambda: "the server answers 404 Not Found" in host.said)
        assert "put the text there by hand: save it as " in host.said
        assert not host.replacing


async def test_malformed_bytes_behind_an_address_can_be_replaced(loopback: Loopback, tmp_path: Path) -> None:
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        host.type(loopback.serve("/latin.txt", b"gr\xfc\xdfe"))
        await pilot.press("enter")
        await until(pilot, lambda: host.replacing)
        await pilot.press("enter")
        await until(pilot, lambda: bool(host.came))
        assert host.corpus.text == "gr\ufffd\ufffde"
        assert loopback.asked == ["/latin.txt"]


async def test_of_two_readings_only_the_last_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    (tmp_path / "one.txt").write_text("one")
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        host.type(tmp_path / "one.txt")
        await pilot.press("enter")
        await until(pilot, gate.reached.is_set)
        await pilot.press("tab", "tab", "enter")  # proverbs
        gate.go.set()
        await until(pilot, lambda: bool(host.came))
        assert host.corpus.name == "proverbs"


async def test_a_text_is_pasted_from_here(tmp_path: Path) -> None:
    host = Host(tmp_path)
    async with host.run_test() as pilot:
        await pilot.click("#open-paste")
        assert isinstance(host.screen, PasteDialog)
        await pilot.press(*"hello", "ctrl+s")
        await until(pilot, lambda: bool(host.came))
        assert (host.corpus.name, host.corpus.text) == ("paste", "hello")


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (140, 42)])
async def test_everything_is_in_view_even_when_there_is_much_to_say(
    size: tuple[int, int], tmp_path: Path
) -> None:
    path = tmp_path / ("a-long-name-" * 15)
    path.write_bytes(b"latin \xff")
    host = Host(tmp_path)
    async with host.run_test(size=size) as pilot:
        host.type(path)
        await pilot.press("enter")
        await until(pilot, lambda: host.replacing)
        await pilot.pause()
        box = host.dialog.query_one("#open-box").region
        for button in host.dialog.query(Button):
            assert box.contains_region(button.region)
            assert button.region.width >= len(str(button.label))
        assert host.dialog.query_one(FileTree).size.height >= 2
        names = host.dialog.query_one(CatalogList)
        assert names.virtual_size.height == names.option_count  # each on one line, beside its scroll bar
