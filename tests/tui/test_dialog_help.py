"""The help dialog: every key as it is mapped now, and a way out."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App
from textual.containers import VerticalScroll
from textual.widgets import Static

import tui.dialogs.help
from tui.dialogs.help import HelpDialog
from tui.keys import BINDINGS, collect_ids, shown_keys
from tui.panes.console import ConsolePane
from tui.panes.sample_list import SampleList

SHEET = Path(tui.dialogs.help.__file__).with_suffix(".tcss")
KEYMAP = {"run.toggle": "f5", "console.seed": "m"}
CLASSES = (ConsolePane, SampleList)


class Host(App[None]):
    CSS_PATH = SHEET

    def on_mount(self) -> None:
        self.push_screen(HelpDialog(KEYMAP, CLASSES))

    @property
    def text(self) -> str:
        return "\n".join(str(static.render()) for static in self.screen.query(Static))


async def test_every_binding_is_listed_with_its_key_and_id() -> None:
    app = Host()
    async with app.run_test():
        lines = {line.split()[-1]: line for line in app.text.split("\n") if line.strip()}
        for binding in (*BINDINGS, *collect_ids(*CLASSES).values()):
            line = lines[str(binding.id)]
            assert line.strip().startswith(shown_keys(binding, KEYMAP)), line
            assert binding.tooltip in line
        assert lines["run.toggle"].split()[0] == "f5"
        assert "f5 trains it" in " ".join(app.text.split())
        assert "In Generation" in app.text


@pytest.mark.parametrize("key", ["escape", "question_mark", "q", "f1"])
async def test_it_closes(key: str) -> None:
    app = Host()
    async with app.run_test() as pilot:
        assert isinstance(app.screen, HelpDialog)
        await pilot.press(key)
        await pilot.pause()
        assert not isinstance(app.screen, HelpDialog)


@pytest.mark.parametrize("size", [(60, 18), (80, 24)])
async def test_it_scrolls_to_its_end_by_keys(size: tuple[int, int]) -> None:
    app = Host()
    async with app.run_test(size=size) as pilot:
        page = app.screen.query_one("#help-page", VerticalScroll)
        assert page.max_scroll_y > 0
        await pilot.press("j", "j", "k")
        await pilot.pause()
        assert page.scroll_offset.y == 1
        await pilot.press("end")
        await pilot.wait_for_scheduled_animations()
        assert page.scroll_offset.y == page.max_scroll_y
