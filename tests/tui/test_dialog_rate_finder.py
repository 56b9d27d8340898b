"""The range test on the screen: drawn while it is made on a real thread, and a rate of it is taken, or none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Button, Static

from corpora import catalog
from corpora.corpus import Corpus, Origin
from engine.snapshot import Status
from engine.training.rate_finder import STEPS, find_rate, steady_recipe, suggestion
from engine.training.recipe import Change, Recipe
from engine.training.trainer import Trainer
from tui.dialogs.rate_finder import RateFinderDialog
from tui.rate_search import RateSearch
from tui.widgets.plot import LinePlot

if TYPE_CHECKING:
    from tests.tui.conftest import OpenPlayground, Playground

WIDE, NARROW = (140, 42), (80, 24)
SMALL = Recipe(context=4, embedding=8, hidden=16, batch=16)
CORPUS = Corpus.from_text("a text", "the cat sat on the mat \n" * 30, origin=Origin.OWN, source="typed")


def expected(recipe: Recipe) -> float:
    """What the screen has to suggest: the same test without one."""
    corpus = catalog.load(recipe.corpus)
    rate = suggestion(list(find_rate(lambda: Trainer(steady_recipe(recipe), corpus))))
    assert rate is not None
    return float(f"{rate:.2g}")


async def opened(play: Playground) -> RateFinderDialog:
    await play.press("asterisk")
    dialog = play.screen
    assert isinstance(dialog, RateFinderDialog)
    return dialog


async def ended(play: Playground) -> RateFinderDialog:
    """The dialog with its test made."""
    dialog = await opened(play)
    await play.seen(lambda: dialog.chosen is not None)
    await play.barrier()
    return dialog


def said(dialog: RateFinderDialog) -> str:
    return str(dialog.query_one("#rate-said", Static).content)


def searches() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "rate search"]


class Gate:
    """Holds every trainer back at its steps until it is opened; so a test finds the search in the middle."""

    def __init__(self, free: int) -> None:
        self.free = free  # steps that are made at once
        self.opened = threading.Event()

    def hold(self, step: Callable[[Trainer], object]) -> Callable[[Trainer], object]:
        def held(trainer: Trainer) -> object:
            if trainer.steps_made >= self.free:
                self.opened.wait()
            return step(trainer)

        return held


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate(free=20)
    monkeypatch.setattr(Trainer, "step", gate.hold(Trainer.step))
    return gate


# --- on the screen


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_suggestion_is_that_of_the_same_test_and_is_taken_at_once(
    open_playground: OpenPlayground, size: tuple[int, int]
) -> None:
    async with open_playground(SMALL, size=size) as play:
        before = await play.keys("s", "s")
        dialog = await ended(play)
        assert dialog.chosen == expected(SMALL)
        assert "falls fastest near" in said(dialog)
        for text in ("1e-4", "0.01", "suggested", f"Take {dialog.chosen:g} (enter)", "Close (esc)"):
            assert text in play.text
        assert dialog.region.contains_region(dialog.query_one("#rate-box").region)
        after = await play.keys("enter")
        assert play.screen is play.app.screen_stack[0]
        assert after.recipe == SMALL.with_values(changes=(Change(2, "rate", expected(SMALL)),))
        assert (after.step, after.status) == (before.step, Status.PAUSED)  # no restart


async def test_closing_leaves_the_run_as_it_was(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        before = await play.keys("s")
        await ended(play)
        after = await play.keys("escape")
        assert play.screen is play.app.screen_stack[0]
        assert (after.step, after.recipe) == (before.step, SMALL)
        assert after.losses is not None
        again = (await play.keys("s")).losses
        assert again is not None
        trainer = Trainer(SMALL, catalog.load(SMALL.corpus))
        assert again.raw.tolist() == [trainer.step().loss for _ in range(2)]


async def test_another_rate_is_taken_by_moving_the_cursor(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        dialog = await ended(play)
        suggested = dialog.chosen
        assert suggested is not None
        await play.press("left")
        assert dialog.chosen is not None
        assert 0.8 < dialog.chosen / suggested < 0.95
        await play.press("home")
        assert dialog.chosen == 1e-5
        await play.press("left")  # there is nothing lower
        assert dialog.chosen == 1e-5
        await play.press("l", "l", "shift+right")
        assert dialog.chosen == pytest.approx(1e-5 * 10 ** (12 * 6 / (STEPS - 1)), rel=0.05)
        await play.press("s")
        assert dialog.chosen == suggested
        await play.press("home", "shift+right")
        moved = dialog.chosen
        assert moved == 3.2e-5
        assert "rate 0.000032  step 11 " in play.text
        assert "Take 0.000032 (enter)" in play.text
        after = await play.keys("enter")
        assert after.current is not None
        assert after.current.rate == moved


async def test_the_cursor_is_seen_at_the_highest_rate_too(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        dialog = await ended(play)
        await play.press("end")
        plot = dialog.query_one(LinePlot)
        assert any(plot.render_line(y).text.endswith("│") for y in range(1, plot.size.height - 2))


async def test_a_click_in_the_plot_moves_the_cursor_there(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        dialog = await ended(play)
        plot = dialog.query_one(LinePlot)
        await play.pilot.click(plot, offset=(plot.size.width // 4, plot.size.height // 2))
        await play.barrier()
        assert dialog.chosen is not None
        assert 1e-5 < dialog.chosen < 1e-2


async def test_a_run_that_goes_on_waits_and_goes_on_with_the_new_rate(
    open_playground: OpenPlayground,
) -> None:
    async with open_playground(SMALL) as play:
        await play.press("space")
        await play.until(lambda snapshot: snapshot.step > 5)
        dialog = await ended(play)
        waiting = await play.settle()
        assert waiting.status is Status.PAUSED
        rate = dialog.chosen
        await play.press("enter")
        on = await play.until(lambda s: s.step > waiting.step + 5 and s.status is Status.RUNNING)
        assert on.current is not None
        assert on.current.rate == rate
        await ended(play)
        await play.press("escape")
        step = play.app.snapshot.step
        await play.until(lambda s: s.step > step + 5 and s.status is Status.RUNNING)


async def test_the_curve_grows_while_the_test_is_made(open_playground: OpenPlayground, gate: Gate) -> None:
    async with open_playground(SMALL) as play:
        dialog = await opened(play)
        await play.seen(lambda: f"step 21 of {STEPS}" in said(dialog))
        assert "1e-5" in play.text
        assert dialog.chosen is None
        assert dialog.query_one("#rate-take", Button).disabled
        await play.press("enter", "s")  # nothing to take yet
        assert play.screen is dialog
        await play.press("left", "left")  # but what is there can be read
        assert dialog.chosen == pytest.approx(1e-5 * 10 ** (18 * 6 / (STEPS - 1)), rel=0.05)
        placed = dialog.chosen
        gate.opened.set()
        await play.seen(lambda: "falls fastest" in said(dialog))
        assert dialog.chosen == placed  # the cursor stays where the person put it
        await play.press("s")
        assert dialog.chosen != placed


async def test_closing_in_the_middle_ends_the_thread_and_it_opens_again(
    open_playground: OpenPlayground, gate: Gate
) -> None:
    async with open_playground(SMALL) as play:
        dialog = await opened(play)
        await play.seen(lambda: f"step 21 of {STEPS}" in said(dialog))
        (thread,) = searches()
        await play.press("escape")
        second = await opened(play)
        assert second is not dialog
        gate.opened.set()
        await asyncio.to_thread(thread.join, 30)
        assert not thread.is_alive()
        await play.seen(lambda: second.chosen is not None)
        assert len(dialog._search.points) == 21  # its next step was its last


async def test_again_makes_the_same_test_from_its_beginning(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        dialog = await ended(play)
        first, points = dialog.chosen, dialog._points
        await play.press("home", "r")
        await play.seen(lambda: "falls fastest" in said(dialog))
        assert dialog.chosen == first
        assert dialog._points == points
        assert dialog._points is not points


async def test_keys_of_the_app_wait_while_the_dialog_is_open(
    open_playground: OpenPlayground, gate: Gate
) -> None:
    async with open_playground(SMALL) as play:
        dialog = await opened(play)
        await play.press("asterisk", "space", "plus")
        assert play.screen is dialog
        assert len(searches()) == 1
        gate.opened.set()
        await play.press("escape")
        after = await play.settle()
        assert (after.step, after.recipe) == (0, SMALL)


async def test_a_second_one_that_the_palette_opens_over_the_first_is_one_of_its_own(
    open_playground: OpenPlayground,
) -> None:
    async with open_playground(SMALL) as play:
        first = await ended(play)
        await play.app.run_action("find_rate")  # as the palette does
        await play.barrier()
        second = play.screen
        assert isinstance(second, RateFinderDialog)
        await play.seen(lambda: second.chosen is not None)
        await play.keys("home", "enter")
        assert play.screen is first
        after = await play.keys("enter")
        assert after.recipe is not None
        assert after.recipe.changes == (Change(0, "rate", expected(SMALL)),)
        assert play.screen is play.app.screen_stack[0]


async def test_a_model_that_counts_says_that_it_has_no_rate(open_playground: OpenPlayground) -> None:
    async with open_playground(Recipe(model="kneser-ney", order=3), size=WIDE) as play:
        await play.press("asterisk")
        assert play.screen is play.app.screen_stack[0]
        await play.seen(lambda: "kneser-ney learns by counting" in play.text)


async def test_a_refusal_is_told_in_the_dialog(
    open_playground: OpenPlayground, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_playground(SMALL) as play:
        monkeypatch.setattr("engine.footprint.memory_left", lambda: 1000)
        dialog = await opened(play)
        await play.seen(lambda: "choose smaller sizes" in said(dialog))
        assert dialog.chosen is None
        await play.press("enter", "left", "s")  # nothing to take
        assert play.screen is dialog
        monkeypatch.undo()
        await play.press("r")
        await play.seen(lambda: "falls fastest" in said(dialog))


# --- the search itself


def test_a_search_makes_the_points_of_the_test_whatever_the_schedule() -> None:
    recipe = SMALL.with_values(schedule="cosine", warmup=50)
    search = RateSearch(recipe, CORPUS).start()
    search._thread.join(30)
    assert not search.going_on
    assert search.refusal == ""
    assert search.points == tuple(find_rate(lambda: Trainer(SMALL, CORPUS)))


def test_a_fault_ends_a_search_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(trainer: Trainer) -> None:
        raise ZeroDivisionError("[/] no")

    monkeypatch.setattr(Trainer, "step", broken)
    search = RateSearch(SMALL, CORPUS).start()
    search._thread.join(30)
    assert search.refusal == "the search for a rate broke off: ZeroDivisionError: [/] no"
    assert search.points == ()


def test_a_text_that_is_too_short_is_refused_by_name() -> None:
    search = RateSearch(SMALL.with_values(context=1000), CORPUS).start()
    search._thread.join(30)
    assert "context" in search.refusal
