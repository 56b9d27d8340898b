"""The quit dialog: says what would be lost, and a slip loses nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from textual.app import App
from textual.widgets import Label

import tui.dialogs.quit
from tui.dialogs.quit import QuitDialog
from tui.leaving import AtRisk, Parting
from tui.messages import CopyRequested

SHEET = Path(tui.dialogs.quit.__file__).with_suffix(".tcss")
RECIPE = "corpus='[/] a' seed=7"


class Host(App[None]):
    CSS_PATH = SHEET

    def __init__(self, steps: int = 12345, aside: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.risk = AtRisk(steps, aside)
        self.answers: list[Parting | None] = []
        self.copied: list[str] = []

    def on_mount(self) -> None:
        self.push_screen(QuitDialog(self.risk, RECIPE), self.answers.append)

    def on_copy_requested(self, event: CopyRequested) -> None:
        self.copied.append(event.text)


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["y"], Parting.LEAVE),
        (["s"], Parting.SAVE),
        (["n"], Parting.STAY),
        (["escape"], Parting.STAY),
        (["enter"], Parting.STAY),
        (["right", "enter"], Parting.SAVE),
        (["l", "h", "enter"], Parting.STAY),
        (["tab", "tab", "enter"], Parting.LEAVE),
    ],
)
async def test_keys_answer_and_enter_alone_stays(keys: list[str], answer: Parting) -> None:
    app = Host()
    async with app.run_test() as pilot:
        await pilot.press(*keys)
        await pilot.pause()
        assert app.answers == [answer]


@pytest.mark.parametrize(
    ("button", "answer"),
    [("#quit-stay", Parting.STAY), ("#quit-save", Parting.SAVE), ("#quit-leave", Parting.LEAVE)],
)
async def test_buttons_answer(button: str, answer: Parting) -> None:
    app = Host()
    async with app.run_test() as pilot:
        await pilot.click(button)
        await pilot.pause()
        assert app.answers == [answer]


async def test_the_recipe_is_copied_by_key_and_by_button_and_the_question_stays() -> None:
    app = Host()
    async with app.run_test() as pilot:
        await pilot.press("c")
        await pilot.click("#quit-copy")
        await pilot.pause()
        assert app.copied == [RECIPE, RECIPE]
        assert app.answers == []
        assert isinstance(app.screen, QuitDialog)


@pytest.mark.parametrize(
    ("steps", "aside", "words"),
    [
        (1, (), "1 step of training would"),
        (12345, (), "12,345 steps of training would"),
        (7, (2000,), "7 steps, and 2,000 steps of the run that was set aside would"),
        (0, (2000, 300), "2,300 steps of 2 runs that were set aside would"),
    ],
)
async def test_the_question_counts_the_steps(steps: int, aside: tuple[int, ...], words: str) -> None:
    app = Host(steps, aside)
    async with app.run_test():
        assert str(app.screen.query_one("#quit-question", Label).render()).startswith(words)


async def test_the_question_goes_on_counting_and_is_not_drawn_anew_for_the_same_count() -> None:
    app = Host(7)
    async with app.run_test():
        dialog = app.screen
        assert isinstance(dialog, QuitDialog)
        label = dialog.query_one("#quit-question", Label)
        drawn = label.content
        dialog.show(dataclasses.replace(app.risk))
        assert label.content is drawn
        dialog.show(dataclasses.replace(app.risk, steps=8))
        assert str(label.render()).startswith("8 steps")


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (140, 42)])
async def test_every_button_is_whole_at_every_size(size: tuple[int, int]) -> None:
    app = Host()
    async with app.run_test(size=size):
        box = app.screen.query_one("#quit-box").content_region
        for name in ("#quit-stay", "#quit-save", "#quit-leave", "#quit-copy"):
            assert box.contains_region(app.screen.query_one(name).region)
