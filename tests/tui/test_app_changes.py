"""What the app does beyond its keys: changes of a run, troubles and their ways out, sizes, a person's own keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from textual.command import CommandPalette
from textual.widgets import Button, Input

from corpora import catalog
from engine.commands import Alter, Run
from engine.snapshot import SampleState, Status
from engine.training.recipe import Change, Recipe
from engine.training.trainer import Trainer
from tui.app import CharlmApp
from tui.command_line import Wishes
from tui.dialogs.help import HelpDialog
from tui.dialogs.open import OpenDialog
from tui.dialogs.settings import SettingsDialog
from tui.dialogs.trouble import TroubleDialog
from tui.keys import BINDINGS, KeymapError
from tui.workbench import Mode, mode_for

if TYPE_CHECKING:
    from tests.tui.conftest import OpenPlayground, Playground

WIDE, NARROW, TINY = (140, 42), (80, 24), (59, 18)
SMALL = Recipe(context=4, embedding=8, hidden=16, batch=4)
DIVERGING = SMALL.with_values(rate=100.0)


async def field(play: Playground, name: str, *keys: str) -> None:
    """Type into a field of the settings."""
    line = play.screen.query_one(f"#ingredient-{name} Input, Input#ingredient-{name}", Input)
    line.focus()
    await play.press("end", "shift+home", *keys)


# Changes.


async def test_settings_that_are_live_change_the_run_and_others_begin_it_again(
    open_playground: OpenPlayground,
) -> None:
    async with open_playground(SMALL) as play:
        await play.keys("s", "s", "e")
        assert isinstance(play.screen, SettingsDialog)
        await field(play, "batch", *"16")
        await field(play, "rate", *"0.05")
        turned = await play.keys("ctrl+s")
        assert turned.step == 2
        assert turned.recipe is not None
        assert turned.recipe.at(2) == SMALL.with_values(batch=16, rate=0.05)
        assert turned.recipe.at(1) == SMALL
        await play.press("e")
        await field(play, "hidden", *"24")
        restarted = await play.keys("ctrl+s")
        assert restarted.step == 0
        assert restarted.recipe == SMALL.with_values(batch=16, rate=0.05, hidden=24)


async def test_settings_that_are_not_changed_change_nothing(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.keys("s", "+", "s", "e")
        after = await play.keys("ctrl+s")
        assert after.step == 2
        assert after.recipe == SMALL.with_values(changes=(Change(1, "rate", 0.2),))


async def test_what_the_run_took_up_while_the_settings_were_open_stays(
    open_playground: OpenPlayground,
) -> None:
    async with open_playground(SMALL) as play:
        await play.keys("s", "e")
        play.app.send(Alter("rate", 0.2))  # as a key does whose picture comes later
        await field(play, "batch", *"16")
        after = await play.keys("ctrl+s")
        assert after.current is not None
        assert (after.current.rate, after.current.batch) == (0.2, 16)


async def test_a_live_change_while_running_acts_without_a_pause(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.press("space")
        await play.until(lambda s: s.step > 0)
        await play.press("minus")
        turned = await play.until(lambda s: s.current is not None and s.current.rate < 0.09)
        assert turned.status is Status.RUNNING
        assert turned.step > 0


async def test_the_command_palette_finds_every_action_and_carries_it_out(
    open_playground: OpenPlayground,
) -> None:
    async with open_playground(SMALL) as play:
        offered = {command.title: command for command in play.app.get_system_commands(play.screen)}
        for binding in BINDINGS:
            assert any(str(binding.tooltip) in title for title in offered), binding.id
        await play.press("ctrl+p")
        assert isinstance(play.screen, CommandPalette)
        await play.press(*"one whole step")
        await play.seen(lambda: bool(play.screen.query("CommandList").first().option_count))  # type: ignore[attr-defined]  # an OptionList
        await play.press("enter")
        await play.until(lambda s: s.step == 1)


async def test_a_file_that_is_left_to_the_screen_is_opened_in_the_dialog(
    open_playground: OpenPlayground, tmp_path: Path
) -> None:
    latin = tmp_path / "latin.txt"
    latin.write_bytes("déjà vu, encore une fois\n".encode("latin-1") * 20)
    async with open_playground(wishes=Wishes(SMALL, path=str(latin))) as play:
        await play.seen(lambda: any(button.display for button in play.screen.query("#open-replace")))
        await play.press("enter")
        opened = await play.until(lambda s: s.corpus is not None)
        assert opened.corpus is not None
        assert opened.corpus.name == "latin.txt"
        assert opened.recipe == SMALL.with_values(corpus=str(latin))


async def test_leaving_that_dialog_opens_the_default_text(
    open_playground: OpenPlayground, tmp_path: Path
) -> None:
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"\xe9" * 100)
    async with open_playground(wishes=Wishes(SMALL, path=str(latin))) as play:
        await play.seen(lambda: any(button.display for button in play.screen.query("#open-replace")))
        assert isinstance(play.screen, OpenDialog)
        await play.press("escape")
        opened = await play.until(lambda s: s.corpus is not None)
        assert opened.corpus is not None
        assert opened.corpus.name == catalog.DEFAULT


async def test_a_text_that_vanished_is_named_and_the_run_goes_on(
    open_playground: OpenPlayground, tmp_path: Path
) -> None:
    async with open_playground(SMALL, size=WIDE) as play:
        await play.keys("s")
        await play.press("p", "backspace", *f"corpus={tmp_path}/gone.txt", "enter")
        await play.seen(lambda: "there is no file" in play.text)
        assert (await play.keys("s")).step == 2


# Troubles.


async def diverge(play: Playground) -> None:
    """Train at a rate of 100 until it goes wrong."""
    await play.press("space")
    await play.seen(lambda: isinstance(play.screen, TroubleDialog))


def loss_by_hand(recipe: Recipe, steps: int) -> list[float]:
    trainer = Trainer(recipe, catalog.load(recipe.corpus))
    return [trainer.step().loss for _ in range(steps)]


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_run_that_diverges_says_why_and_offers_ways_out(
    open_playground: OpenPlayground, size: tuple[int, int]
) -> None:
    async with open_playground(DIVERGING, size=size) as play:
        await diverge(play)
        await play.seen(lambda: "The run diverged" in play.text)
        stopped = play.app.snapshot
        assert stopped.status is Status.STOPPED
        assert stopped.trouble is not None
        assert stopped.trouble.step == stopped.step + 1  # the update was not applied
        said = play.text
        assert f"step {stopped.trouble.step}" in said
        for button in play.screen.query(Button):
            assert play.screen.region.contains_region(button.region)
            assert str(button.label) in said
        await play.press("escape")
        assert (await play.settle()).step == stopped.step


@pytest.mark.parametrize(("remedy", "changed"), [(0, {}), (1, {"rate": 10.0}), (2, {"clip_norm": 1.0})])
async def test_each_way_out_goes_back_and_changes_what_it_says(
    open_playground: OpenPlayground, remedy: int, changed: dict[str, float]
) -> None:
    async with open_playground(DIVERGING) as play:
        await diverge(play)
        failed = play.app.snapshot.step
        await play.press(*["down"] * remedy, "enter")
        after = await play.settle()
        assert play.screen is play.app.screen_stack[0]
        assert after.status is Status.PAUSED
        assert after.trouble is None
        assert after.step == max(0, failed - 100)
        assert after.current == DIVERGING.with_values(**changed)
        stepped = await play.keys("s")  # it goes on from there
        assert stepped.step == after.step + 1
        assert stepped.recipe is not None
        assert stepped.losses is not None
        assert stepped.losses.raw.tolist() == loss_by_hand(stepped.recipe, stepped.step)


async def test_a_trouble_shows_once_and_a_second_one_again(open_playground: OpenPlayground) -> None:
    async with open_playground(DIVERGING) as play:
        for _ in range(2):
            await diverge(play)
            assert len(play.app.screen_stack) == 2
            await play.press("escape")
            await play.settle()
            assert len(play.app.screen_stack) == 1


# Sizes.


@pytest.mark.parametrize(
    ("size", "mode"),
    [
        ((59, 18), Mode.TINY),
        ((60, 17), Mode.TINY),
        ((60, 18), Mode.NARROW),
        ((117, 60), Mode.NARROW),
        ((300, 33), Mode.NARROW),
        ((118, 34), Mode.WIDE),
        ((1, 1), Mode.TINY),
    ],
)
def test_the_layout_follows_the_size(size: tuple[int, int], mode: Mode) -> None:
    assert mode_for(*size) is mode


async def test_a_terminal_that_is_too_small_is_told_so_and_the_work_goes_on(
    open_playground: OpenPlayground,
) -> None:
    async with open_playground(SMALL, size=WIDE) as play:
        await play.press("2", "space")
        before = await play.until(lambda s: s.step > 0)
        await play.pilot.resize_terminal(*TINY)
        await play.seen(lambda: "charlm needs 60 x 18 cells; here are 59 x 18" in play.text)
        await play.until(lambda s: s.step > before.step)
        assert (await play.keys("space")).status is Status.PAUSED
        await play.pilot.resize_terminal(*NARROW)
        await play.seen(lambda: "2 Loss" in play.text)
        assert "charlm needs" not in play.text
        await play.pilot.resize_terminal(*WIDE)
        await play.seen(lambda: "6 Generation" in play.text)
        await play.press("2")
        assert play.app.focused is not None
        assert play.app.focused.has_focus


# A person's own keys.


async def test_remapped_keys_do_their_work_and_show_on_the_screen(
    open_playground: OpenPlayground, own_configuration: Path
) -> None:
    own_configuration.parent.mkdir()
    own_configuration.write_text('"run.step" = "f5,D"\n"generate.start" = "V"\n')
    async with open_playground(SMALL, size=WIDE) as play:
        assert (await play.keys("f5", "D")).step == 2
        assert (await play.keys("s")).step == 2  # no longer a key
        await play.press("V")
        await play.until(lambda s: bool(s.samples) and s.samples[0].state is SampleState.DONE)
        await play.press("question_mark")
        assert isinstance(play.screen, HelpDialog)
        assert "f5 D" in " ".join(play.text.split()) or "f5, D" in play.text


def test_a_key_file_that_cannot_be_used_is_refused_whole(own_configuration: Path) -> None:
    own_configuration.parent.mkdir()
    own_configuration.write_text('"run.step" = "space"\n')
    with pytest.raises(KeymapError, match=r"run\.step.*run\.toggle"):
        CharlmApp()


async def test_quitting_ends_the_engine(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.press("space")
        await play.until(lambda s: s.step > 0)
        engine = play.app.engine
    assert engine.close(10)
    engine.send(Run())  # nobody is there, and nothing happens
