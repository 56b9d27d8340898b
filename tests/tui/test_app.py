"""Every global key does what the table of keys says, on the real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from textual import events
from textual.widgets import Footer, Input, Label

from corpora import catalog
from engine.sampling import Sampling
from engine.snapshot import Phase, SampleState, Status
from engine.training.recipe import Change, Recipe
from engine.training.trainer import Trainer
from tui.app import CharlmApp
from tui.dialogs.catalog import CatalogDialog
from tui.dialogs.help import HelpDialog
from tui.dialogs.open import OpenDialog
from tui.dialogs.quit import QuitDialog
from tui.dialogs.rate_finder import RateFinderDialog
from tui.dialogs.recipe import RecipeDialog
from tui.dialogs.settings import SettingsDialog
from tui.keys import BINDINGS
from tui.panes.base import Pane
from tui.panes.console import ConsolePane
from tui.panes.distribution import DistributionPane
from tui.panes.question import Question
from tui.panes.sample_list import SampleList
from tui.widgets.slider import Slider

if TYPE_CHECKING:
    from tests.tui.conftest import OpenPlayground, Playground

WIDE, NARROW = (140, 42), (80, 24)
SMALL = Recipe(context=4, embedding=8, hidden=16, batch=4)


def losses_by_hand(recipe: Recipe, steps: int) -> list[float]:
    """What the screen has to show: the same steps without one."""
    trainer = Trainer(recipe, catalog.load(recipe.corpus))
    return [trainer.step().loss for _ in range(steps)]


def shown_losses(play: Playground) -> list[float]:
    losses = play.app.snapshot.losses
    assert losses is not None
    return [float(loss) for loss in losses.raw]


def test_every_key_has_its_action() -> None:
    missing = [b.id for b in BINDINGS if not hasattr(CharlmApp, f"action_{b.action.partition('(')[0]}")]
    assert missing == []


async def test_s_makes_one_step_and_b_takes_it_back_exactly(open_playground: OpenPlayground) -> None:
    expected = losses_by_hand(SMALL, 13)
    async with open_playground(SMALL) as play:
        assert (await play.keys("s", "s", "s")).step == 3
        assert shown_losses(play) == expected[:3]
        assert (await play.keys("b")).step == 2
        assert shown_losses(play) == expected[:2]
        assert (await play.keys(*"s" * 11)).step == 13
        assert shown_losses(play) == expected
        assert (await play.keys("B")).step == 3
        assert (await play.keys(*"s" * 10)).step == 13
        assert shown_losses(play) == expected


async def test_capital_b_near_the_beginning_says_that_it_went_there(
    open_playground: OpenPlayground,
) -> None:
    async with open_playground(SMALL, size=WIDE) as play:
        assert (await play.keys("s", "B")).step == 0
        await play.seen(lambda: "to the beginning of the run" in play.text)


async def test_n_does_one_phase_after_the_other(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        for phase in Phase:
            snapshot = await play.keys("n")
            assert snapshot.trace is not None
            assert snapshot.trace.done is phase
        assert snapshot.step == 1
        assert shown_losses(play) == losses_by_hand(SMALL, 1)


async def test_s_finishes_a_step_that_n_began_and_b_abandons_one(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        assert (await play.keys("n", "n", "s")).step == 1
        assert (await play.keys("n", "n", "b")).step == 1
        assert (await play.keys("s")).step == 2
        assert shown_losses(play) == losses_by_hand(SMALL, 2)


async def test_space_runs_at_full_speed_and_pauses(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.press("space")
        running = await play.until(lambda snapshot: snapshot.step > 20)
        assert running.status is Status.RUNNING
        await play.press("space")
        paused = await play.until(lambda snapshot: snapshot.status is Status.PAUSED)
        assert (await play.settle()).step == paused.step
        assert shown_losses(play)[:20] == losses_by_hand(SMALL, 20)


async def test_plus_and_minus_turn_the_rate_at_once(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.keys("s", "s")
        raised = await play.keys("+")
        assert raised.current is not None
        assert raised.current.rate == 0.2  # the next of 1 2 3 5 7 10
        assert raised.step == 2  # no restart
        assert raised.recipe is not None
        assert raised.recipe.changes == (Change(2, "rate", 0.2),)
        lowered = await play.keys("minus", "minus", "minus")  # faster than pictures come
        assert lowered.current is not None
        assert lowered.current.rate == pytest.approx(0.05)
        highest = await play.keys(*["equals_sign"] * 20)
        assert highest.current is not None
        assert highest.current.rate == pytest.approx(7)
        assert "7 is the highest rate that this key reaches; the settings take others" in said(play)


async def test_r_begins_the_same_run_again_and_capital_r_another(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.keys("s", "s")
        first = shown_losses(play)
        again = await play.keys("r")
        assert (again.step, again.recipe) == (0, SMALL)
        await play.keys("s", "s")
        assert shown_losses(play) == first
        other = await play.keys("R")
        assert other.recipe == SMALL.with_values(seed=1)
        await play.keys("s", "s")
        assert shown_losses(play) == losses_by_hand(SMALL.with_values(seed=1), 2)


async def test_beginning_again_says_that_the_changes_come_with_it(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.keys("s", "r")
        assert not any("come" in words for words in said(play))
        await play.keys("s", "+", "s", "+")
        await play.keys("r")
        assert "2 changes come with it, @1:rate=0.2 first; R begins without" in said(play)


async def test_the_next_phase_leads_to_its_pane_where_only_one_is_seen(
    open_playground: OpenPlayground,
) -> None:
    async with open_playground(SMALL, size=NARROW) as play:
        await play.keys("n")
        assert "● draw" in play.text
        await play.keys("2", "s")
        assert "● draw" not in play.text  # a whole step does not take away what one looks at


def said(play: Playground) -> list[str]:
    """What the app has said in passing."""
    return [note.message for note in play.app._notifications]


DIALOGS: dict[str, type] = {
    "o": OpenDialog,
    "c": CatalogDialog,
    "e": SettingsDialog,
    "p": RecipeDialog,
    "asterisk": RateFinderDialog,
    "question_mark": HelpDialog,
    "f1": HelpDialog,
}


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_key_opens_its_dialog_which_leaves_the_run_as_it_was(
    open_playground: OpenPlayground, size: tuple[int, int]
) -> None:
    async with open_playground(SMALL, size=size) as play:
        before = await play.keys("s")
        for key, dialog in DIALOGS.items():
            await play.press(key)
            opened = play.screen
            assert isinstance(opened, dialog)
            assert all(opened.region.contains_region(part.region) for part in opened.children)
            await play.press("escape")
            assert play.screen is play.app.screen_stack[0]
        after = await play.settle()
        assert (after.step, after.recipe) == (before.step, before.recipe)


async def test_c_begins_a_run_on_the_text_that_is_chosen(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.keys("s")
        await play.press("c", "j", "enter")
        names = list(catalog.CATALOG)
        expected = names[names.index("proverbs") + 1]
        chosen = await play.until(lambda s: s.corpus is not None and s.corpus.name == expected)
        assert chosen.step == 0
        assert chosen.recipe == SMALL.with_values(corpus=expected)


async def test_the_recipe_is_copied_and_pasted_back(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.keys("s", "+", "s")
        snapshot = await play.keys("y")
        assert play.app.clipboard == str(snapshot.recipe)
        copied = Recipe.parse(play.app.clipboard)
        await play.keys("R")
        await play.press("p", "ctrl+v", "enter")  # all is selected: the paste replaces it
        pasted = await play.until(lambda s: s.recipe == copied)
        assert pasted.step == 0
        await play.keys("s", "s")
        assert shown_losses(play) == losses_by_hand(copied, 2)


async def test_p_takes_a_recipe_that_is_typed_and_loads_its_text(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.press("p", "backspace", *"corpus=names", "space", *"hidden=12", "enter")
        typed = Recipe(corpus="names", hidden=12)
        snapshot = await play.until(lambda s: s.recipe == typed)
        assert snapshot.corpus is not None
        assert snapshot.corpus.name == "names"


async def test_g_writes_x_stops_and_capital_y_copies(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.press("Y")
        assert play.app.clipboard == ""  # nothing is there to copy
        await play.press("g")
        assert play.app.query_one(ConsolePane).display  # where only one pane is seen, it is this one now
        done = await play.until(lambda s: bool(s.samples) and s.samples[-1].state is SampleState.DONE)
        assert len(done.samples[0].text) == 300
        await play.press("Y")
        assert play.app.clipboard == done.samples[0].text
        play.app.query_one("#console-length").value = "99999"  # type: ignore[attr-defined]  # an Input
        await play.press("g")
        await play.until(lambda s: len(s.samples) == 2 and len(s.samples[1].text) > 10)
        stopped = await play.keys("x")
        assert stopped.samples[-1].state is SampleState.STOPPED
        assert 10 < len(stopped.samples[-1].text) < 99999


async def test_g_writes_while_training_goes_on(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.press("space")
        before = await play.until(lambda s: s.step > 0)
        await play.press("g")
        after = await play.until(lambda s: bool(s.samples) and s.samples[-1].state is SampleState.DONE)
        assert after.status is Status.RUNNING
        assert after.step > before.step
        assert after.samples[0].step >= before.step


async def test_brackets_turn_the_temperature_without_the_engine(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL, size=WIDE) as play:
        version = (await play.settle()).version
        bars = play.app.query_one("Bars")

        def rows() -> list[str]:
            return [bars.render_line(y).text for y in range(bars.size.height)]

        assert play.app.query_one(ConsolePane).sampling == Sampling(temperature=1.0)
        before = rows()
        await play.press("[", "[")
        assert play.app.query_one(ConsolePane).sampling.temperature == pytest.approx(0.9)
        assert "temperature 0.90" in str(play.app.query_one(DistributionPane).border_subtitle)
        await play.press(*"[" * 10)
        assert rows() != before
        await play.press(*"]" * 13)
        assert play.app.query_one(ConsolePane).sampling.temperature == pytest.approx(1.05)
        await play.press("[")
        assert rows() == before
        assert play.app.engine.snapshot.version == version  # the engine never heard of it


async def test_slash_asks_what_comes_after_what_is_typed(open_playground: OpenPlayground) -> None:
    for size in (WIDE, NARROW):
        async with open_playground(SMALL, size=size) as play:
            await play.keys("s")
            await play.press("/")
            assert isinstance(play.app.focused, Question)
            answered = await play.keys(*"the s", "enter")
            said, corpus = answered.next_character, answered.corpus
            assert said is not None
            assert corpus is not None
            assert said.target is None
            assert corpus.vocabulary.decode(said.context) == "he s"  # the last four characters
            assert (await play.keys("s")).step == 2  # the keys are the app's again
            assert (await play.settle()).next_character is not None
            followed = await play.keys("3", "escape")
            assert followed.next_character is not None
            assert followed.next_character.target is not None


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_numbers_go_to_the_panes(open_playground: OpenPlayground, size: tuple[int, int]) -> None:
    async with open_playground(SMALL, size=size) as play:
        panes = list(play.app.query(Pane))
        assert [str(pane.border_title)[0] for pane in panes] == list("123456")
        for number in (*range(1, 7), 1):
            await play.press(str(number))
            pane = panes[number - 1]
            assert pane.has_focus_within
            assert pane.display
            shown = [p for p in panes if p.display and p.region.area]
            assert shown == (panes if size == WIDE else [pane])
            assert play.screen.region.contains_region(pane.region)


async def test_a_pane_that_was_hidden_shows_what_went_on_meanwhile(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL, size=NARROW) as play:
        assert (await play.keys("s", "s", "s")).step == 3
        await play.press("5")
        assert "UPDATE" in play.text.upper()
        await play.press("2")
        assert f"{shown_losses(play)[-1]:.6f}" in play.text


async def test_capital_t_goes_through_all_themes_and_none_fails(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.keys("s")
        first, seen = play.app.theme, []
        for _ in play.app.available_themes:
            await play.press("T")
            seen.append(play.app.theme)
        assert sorted(seen) == sorted(play.app.available_themes)
        assert play.app.theme == first


async def test_q_leaves_at_once_if_nothing_would_be_lost(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.press("q")
        assert not play.app.is_running or play.app._exit


async def test_q_asks_before_steps_are_lost(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.keys("s", "s")
        await play.press("q")
        assert isinstance(play.screen, QuitDialog)
        await play.press("c")
        assert play.app.clipboard == str(SMALL)
        await play.press("n")
        assert (await play.keys("s")).step == 3
        await play.press("q", "y")
        assert play.app._exit


async def test_keys_of_the_app_are_letters_in_a_field(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.press("6", "i", *"sgoq", "space", "1")
        assert play.app.query_one("#console-prompt").value == "sgoq 1"  # type: ignore[attr-defined]  # an Input
        assert (await play.settle()).step == 0
        await play.press("escape")
        assert isinstance(play.app.focused, SampleList)
        assert (await play.keys("s")).step == 1


async def test_tab_reaches_every_pane(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL, size=WIDE) as play:
        reached = set()
        for _ in range(20):
            await play.press("tab")
            assert play.app.focused is not None
            reached |= {node for node in play.app.focused.ancestors if isinstance(node, Pane)}
        assert len(reached) == 6


async def test_the_footer_names_the_keys_that_matter_and_can_be_clicked(
    open_playground: OpenPlayground,
) -> None:
    for size in (WIDE, NARROW):
        async with open_playground(SMALL, size=size) as play:
            last = play.text.splitlines()[-1]
            for words in ("run", "step", "phase", "help", "quit"):
                assert words in last
            row, column = play.app.size.height - 1, last.index("step")
            assert play.app.query_one(Footer).region.y == row
            await play.pilot.click(offset=(column, row))
            assert (await play.settle()).step == 1


async def test_sliders_of_training_turn_the_run_at_once(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.keys("s", "4")
        sliders = {s.id: s for s in play.app.query(Slider)}
        sliders["training-batch"].focus()
        turned = await play.keys("right")
        assert turned.current is not None
        assert (turned.current.batch, turned.step) == (8, 1)
        after = await play.keys("s")
        assert after.trace is not None
        assert after.trace.batch == 8
        assert shown_losses(play) == losses_by_hand(SMALL.with_values(changes=(Change(1, "batch", 8),)), 2)


async def test_a_run_shows_a_speed_and_a_pause_none(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.press("space")
        running = await play.until(lambda s: s.steps_per_second is not None)
        assert np.isfinite(running.steps_per_second or np.nan)
        await play.press("space")
        assert (await play.until(lambda s: s.status is Status.PAUSED)).steps_per_second is None


@pytest.mark.parametrize(("key", "start"), [("tab", 0), ("shift+tab", 1)])
async def test_what_is_typed_right_after_tab_reaches_the_next_control(
    open_playground: OpenPlayground, key: str, start: int
) -> None:
    async with open_playground(SMALL, size=WIDE) as play:
        await play.press("e")
        await play.seen(lambda: isinstance(play.screen, SettingsDialog))
        first = play.screen.query(Input)[start]
        first.focus()
        await play.barrier()
        before = first.value
        for pressed in (key, "7", "7"):  # a burst, as from a slow line
            play.app.post_message(events.Key(pressed, pressed if len(pressed) == 1 else None))
        await play.barrier()
        assert first.value == before
        after = play.screen.focused
        assert isinstance(after, Input)
        assert after is not first
        assert after.value.endswith("77")


async def test_the_question_whether_to_leave_counts_on_while_training_goes_on(
    open_playground: OpenPlayground,
) -> None:
    async with open_playground(SMALL) as play:
        await play.press("space")
        await play.seen(lambda: play.app.snapshot.step > 100)
        await play.press("q")
        await play.seen(lambda: isinstance(play.screen, QuitDialog))

        def said() -> str:
            return str(play.screen.query_one("#quit-question", Label).render())

        first = said()
        await play.seen(lambda: said() != first)
        await play.press("n", "space")
        await play.seen(lambda: play.app.snapshot.status is Status.PAUSED)
        await play.press("q")
        await play.seen(lambda: isinstance(play.screen, QuitDialog))
        assert said().startswith(f"{play.app.snapshot.step:,} steps")


async def test_an_infinite_loss_is_explained_under_the_plot(open_playground: OpenPlayground) -> None:
    async with open_playground(Recipe(model="ngram", order=5), size=WIDE) as play:
        await play.press("s", "s", "s")
        await play.seen(lambda: "∞, not drawn: what came was held for impossible" in play.text)
