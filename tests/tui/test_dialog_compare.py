"""Compare: only counting models come out, what is checked is told by its box, and any order can be typed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from engine.commands import Rival
from engine.models.catalog import MODELS
from engine.rivals import Rivals
from engine.snapshot import RivalView
from engine.training.rules import COUNTING
from tests.tui.test_dialog_settings import CORPUS
from tui.dialogs.compare import OFFERED, CompareDialog, RivalError, read_rival
from tui.widgets.tick import CHECKED, UNCHECKED

if TYPE_CHECKING:
    from tests.tui.conftest import OpenPlayground

WIDE, NARROW = (140, 42), (80, 24)
KN_5, KN_9 = Rival("kneser-ney", 5), Rival("kneser-ney", 9)
DEADLINE = 30.0
Answers = list[tuple[Rival, ...] | None]


@asynccontextmanager
async def opened(
    views: Sequence[RivalView] = (), size: tuple[int, int] = NARROW
) -> AsyncIterator[tuple[Pilot[None], CompareDialog, Answers]]:
    app: App[None] = App()
    answers: Answers = []
    dialog = CompareDialog(views)
    async with app.run_test(size=size) as pilot:
        app.push_screen(dialog, answers.append)
        await pilot.pause()
        yield pilot, dialog, answers


def rows(dialog: CompareDialog) -> list[str]:
    """The list, as it is read."""
    options = dialog.query_one(OptionList)
    return [str(options.get_option_at_index(index).prompt) for index in range(options.option_count)]


async def test_space_and_enter_check_and_ok_hands_out_what_is_checked_in_the_order_of_the_list() -> None:
    async with opened() as (pilot, dialog, answers):
        assert [row.split()[0] for row in rows(dialog)] == [UNCHECKED] * len(OFFERED)
        await pilot.press("end", "space", "up", "enter", "down", "space", "up", "up", "space")
        checked = [row for row in rows(dialog) if row.startswith(CHECKED)]
        assert len(checked) == 2
        await pilot.press("ctrl+s")
        assert answers == [(OFFERED[-3], OFFERED[-2])]


async def test_those_that_read_already_are_checked_and_tell_what_they_have_reached() -> None:
    views = [RivalView(KN_5, 1.5609, None), RivalView(KN_9, None, None)]
    async with opened(views) as (pilot, dialog, answers):
        told = {row[2:].split("  ")[0]: row for row in rows(dialog)}
        assert told["kneser-ney 5"].startswith(CHECKED)
        assert told["kneser-ney 5"].endswith("1.561 nats on the validation part")
        assert told["kneser-ney 9"].startswith(CHECKED)
        assert told["kneser-ney 9"].endswith(MODELS["kneser-ney"].description)
        await pilot.press("ctrl+s")
        assert answers == [(KN_5, KN_9)]


async def test_any_other_is_typed_added_once_and_checked() -> None:
    async with opened() as (pilot, dialog, answers):
        line = dialog.query_one(Input)
        line.focus()
        for typed in ("kneser-ney 9", "kneser-ney 9", "kneser-ney 5"):
            line.value = typed
            await pilot.press("enter")
            await pilot.pause()
            assert line.value == ""
        assert len(rows(dialog)) == len(OFFERED) + 1
        options = dialog.query_one(OptionList)
        assert options.highlighted == OFFERED.index(KN_5)
        await pilot.press("ctrl+s")
        assert answers == [(KN_5, KN_9)]


@pytest.mark.parametrize("typed", ["mlp 5", "[/] \x1b]0;x\x07", "kneser-ney 13", "", "unigram 3"])
async def test_what_is_no_counting_model_is_refused_in_words_and_stays(typed: str) -> None:
    async with opened() as (pilot, dialog, answers):
        line = dialog.query_one(Input)
        line.focus()
        line.value = typed
        kept = line.value
        await pilot.press("enter")
        await pilot.pause()
        said = str(dialog.query_one("#compare-said", Static).content)
        assert said
        assert said.isprintable()
        assert line.value == kept
        assert len(rows(dialog)) == len(OFFERED)
        await pilot.press("ctrl+s")
        assert answers == [()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lstm", r"^lstm: no model that counts; there are uniform, unigram, "),
        (" ", r"^nothing: no model that counts"),
        ("katz 0", r"^order = 0: .* a whole number from 1 to 12$"),
        ("katz five", r"^order = five: "),
        ("uniform 2", r"^uniform: has no order; write uniform alone$"),
        ("katz 3 4", r"^katz 3 4: write a name and one order, such as katz 6$"),
    ],
)
def test_a_line_that_names_none_says_why(line: str, words: str) -> None:
    with pytest.raises(RivalError, match=words):
        read_rival(line)


@pytest.mark.parametrize("name", COUNTING)
def test_every_counting_model_can_be_typed_and_is_one_that_the_engine_takes(name: str) -> None:
    rival = read_rival(name)
    assert rival.model == name
    assert read_rival(str(rival)) == rival
    rivals = Rivals(CORPUS, (0, 200, 250, 300))
    rivals.choose([rival])
    while rivals.wait(DEADLINE):
        pass
    assert rivals.failures() == []
    assert rivals.views(None)[0].loss is not None


def test_what_is_offered_could_be_typed() -> None:
    assert [read_rival(str(offered)) for offered in OFFERED] == list(OFFERED)


@pytest.mark.parametrize("way", ["escape", "#compare-cancel"])
async def test_cancel_leaves_all_as_it_is(way: str) -> None:
    async with opened([RivalView(KN_5, None, None)]) as (pilot, _, answers):
        await pilot.press("space")
        await (pilot.click(way) if way.startswith("#") else pilot.press(way))
        assert answers == [None]


async def test_none_is_a_button() -> None:
    async with opened([RivalView(KN_5, None, None)]) as (pilot, dialog, answers):
        await pilot.click("#compare-none")
        assert all(row.startswith(UNCHECKED) for row in rows(dialog))
        await pilot.click("#compare-ok")
        assert answers == [()]


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_everything_fits(size: tuple[int, int]) -> None:
    async with opened([RivalView(KN_9, None, None)], size) as (_, dialog, _):
        box = dialog.query_one("#compare-box").content_region
        for part in ("#compare-list", "Line", "#compare-ok", "#compare-none", "#compare-cancel"):
            assert box.contains_region(dialog.query_one(part).region)
        assert dialog.query_one(OptionList).max_scroll_y == 0


async def test_m_has_the_chosen_ones_read_beside_the_run_and_shows_what_they_expect(
    open_playground: OpenPlayground,
) -> None:
    async with open_playground() as play:
        await play.keys("s", "m")
        assert isinstance(play.screen, CompareDialog)
        await play.keys("end", "space", "ctrl+s")
        seen = await play.until(lambda s: bool(s.rivals) and s.rivals[0].log_probabilities is not None)
        assert [view.rival for view in seen.rivals] == [OFFERED[-1]]
        await play.keys("m", "end", "space", "ctrl+s")
        await play.until(lambda s: not s.rivals)
