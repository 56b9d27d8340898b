"""The scoreboard's screen, on a real engine: who takes part, the live table, and who waits for whom."""

from __future__ import annotations

import csv
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from textual.app import App
from textual.screen import Screen
from textual.widgets import Button, Input, Static

from corpora.corpus import Corpus, Origin
from engine.commands import Command, Pause, Run
from engine.scoreboard.export import to_markdown
from engine.scoreboard.scoreboard import Scoreboard
from engine.scoreboard.terms import Terms
from engine.scoreboard.view import ScoreboardView, State
from engine.snapshot import Snapshot, Status
from engine.training.recipe import Recipe
from tui.dialogs.help import HelpDialog
from tui.messages import CopyRequested, EngineCommand
from tui.scoreboard.choice import ChoiceDialog, budget_of
from tui.scoreboard.contest import Contest
from tui.scoreboard.details import about, unseen
from tui.scoreboard.saving import SavingDialog
from tui.scoreboard.screen import ScoreboardScreen
from tui.scoreboard.standings import Places, Standings
from tui.widgets.plot import LinePlot
from tui.widgets.tick import Tick

if TYPE_CHECKING:
    from tests.tui.conftest import OpenPlayground, Playground

WIDE, NARROW = (140, 42), (80, 24)
SMALL = Recipe(context=4, embedding=8, hidden=16, batch=4, seed=5)
HOSTILE = "[/] [b]\x1b]0;owned\x07 \u202e|"
TEXT = f"the quick [red]brown[/] fox {HOSTILE} jumps over the lazy dog. a stitch in time saves nine; " * 8
LONG = "3600 s"
"""A budget that no test waits for."""


TINY_TEXT = "the quick brown fox jumps over the lazy dog. a stitch in time saves nine; " * 12


def corpus_of(text: str = TINY_TEXT, name: str = "phrases") -> Corpus:
    return Corpus.from_text(name, text, origin=Origin.OWN, source="written here")


class Host(App[None]):
    """The scoreboard without the panes, and what it told them."""

    CSS = "Screen { background: $background; }"

    def __init__(self, corpus: Corpus) -> None:
        super().__init__()
        self.contest = Contest()
        self.snapshot = Snapshot()
        self.told: list[Command] = []
        self._corpus = corpus

    def on_mount(self) -> None:
        self.push_screen(ScoreboardScreen(self.contest, self._corpus, SMALL))

    def on_engine_command(self, event: EngineCommand) -> None:
        self.told.append(event.command)

    def on_copy_requested(self, event: CopyRequested) -> None:
        self.copy_to_clipboard(event.text)

    async def on_unmount(self) -> None:
        assert self.contest.close()


Open = Callable[..., AbstractAsyncContextManager["Playground"]]


@pytest.fixture
def choosing(hold_of: Callable[..., Playground]) -> Open:
    """The screen, with the question who takes part on it."""

    @asynccontextmanager
    async def opened(
        size: tuple[int, int] = NARROW, corpus: Corpus | None = None
    ) -> AsyncIterator[Playground]:
        app = Host(corpus or corpus_of())
        async with app.run_test(size=size, notifications=True) as pilot:
            play = hold_of(app, pilot)
            await asked(play)
            yield play

    return opened


async def asked(play: Playground, dialog: type[Screen[Any]] = ChoiceDialog) -> None:  # Any: its answer
    """Until a question is there, and takes keys."""
    await play.seen(lambda: isinstance(play.screen, dialog) and play.screen.focused is not None)


async def begin(play: Playground, budget: str = "20 steps", *ticked: str) -> None:
    """Begin a comparison of the tiny MLP, Kneser-Ney and the ticked ones."""
    for name in ("tiny", *ticked):
        play.screen.query_one(f"#choice-{name}", Tick).value = True
    play.screen.query_one("#choice-budget", Input).value = budget
    await play.press("ctrl+s")
    await play.seen(lambda: isinstance(play.screen, ScoreboardScreen))


def view_of(play: Playground) -> ScoreboardView:
    assert play.app.contest.thread is not None
    return play.app.contest.thread.snapshot


def told(play: Playground) -> list[Command]:
    """What the engine of the panes was asked for."""
    app: App[None] = play.app
    assert isinstance(app, Host)
    return app.told


async def finished(play: Playground) -> ScoreboardView:
    """Until all is done, and drawn."""
    await play.seen(lambda: view_of(play).finished and "finished" in play.text)
    await play.barrier()
    return view_of(play)


async def training(play: Playground) -> None:
    """Until a neural model makes steps."""
    await play.seen(lambda: bool(re.search(r"training \d+%", play.text)))


async def test_the_table_shows_every_loss_of_the_engine(choosing: Open) -> None:
    async with choosing(WIDE) as play:
        await begin(play, "20 steps", "own", "witten-bell")
        view = await finished(play)
        assert [row.state for row in view.rows] == [State.DONE] * 4
        assert {row.name for row in view.rows} == {"kneser-ney 7", "witten-bell 3", "mlp tiny", "mlp own"}
        lines = play.text.split("\n")
        places = [next(i for i, line in enumerate(lines) if f"{row.name}  " in line) for row in view.rows]
        assert places == sorted(places)  # the best on top
        for row, place in zip(view.rows, places, strict=True):
            losses = [loss for loss in (row.train, row.validation, row.test) if loss is not None]
            assert [f"{loss:.4f}" in lines[place] for loss in losses] == [True] * 3
        assert "not yet" in play.text
        assert told(play) == [Pause()]
        assert view.terms.seed == 5
        assert (view.terms.train_share, view.terms.validation_share) == (0.8, 0.1)


async def test_u_turns_the_unit_and_a_the_axis_and_l_the_loss(choosing: Open) -> None:
    async with choosing(WIDE) as play:
        await begin(play)
        view = await finished(play)
        best = view.rows[0].test
        assert best is not None
        assert "nats by steps" in play.text
        assert "Validation loss" in play.text
        await play.press("u")
        assert f"{best / 0.6931471805599453:.4f}" in play.text
        assert "bits by steps" in play.text
        await play.press("u", "a", "l")
        assert "perplexity by seconds" in play.text
        assert "Training, smoothed loss" in play.text


async def test_the_curves_are_overlaid_with_a_sign_each_and_the_bar(choosing: Open) -> None:
    async with choosing(WIDE) as play:
        await begin(play, "30 steps", "own")
        view = await finished(play)
        signs = [str(row.number) for row in view.rows if not row.counting]
        plot = play.screen.query_one(LinePlot)
        legend = plot.render_line(0).text
        assert all(f" {sign} mlp" in legend for sign in signs)
        assert "kneser-ney 7" in legend
        drawn = "\n".join(plot.render_line(y).text for y in range(1, plot.size.height - 2))
        assert all(sign in drawn for sign in signs)


async def test_while_it_trains_the_run_of_the_panes_is_paused_and_leaving_pauses_it(
    open_playground: OpenPlayground,
) -> None:
    async with open_playground(SMALL) as play:
        play.app.engine.send(Run())
        await play.until(lambda snapshot: snapshot.step > 5)
        await play.press("C")
        await asked(play)
        await begin(play, LONG)
        await play.until(lambda snapshot: snapshot.status is Status.PAUSED)
        await training(play)
        await play.press("escape")
        await play.seen(lambda: view_of(play).paused)
        assert not isinstance(play.screen, ScoreboardScreen)
        steps = {row.number: row.steps for row in view_of(play).rows}
        await play.keys("s")  # the panes work meanwhile
        await play.press("C")
        await play.seen(lambda: "paused" in play.text and "space goes on" in play.text)
        assert {row.number: row.steps for row in view_of(play).rows} == steps
        await play.press("space")
        await play.seen(lambda: not view_of(play).paused)
        await play.press("space")
        await play.seen(lambda: view_of(play).paused)


async def test_s_skips_who_is_under_way_and_x_stops_all(choosing: Open) -> None:
    async with choosing() as play:
        await begin(play, LONG, "own", "scalar-mlp")
        await training(play)
        first = next(row.name for row in view_of(play).rows if row.state is State.TRAINING)
        await play.press("s")
        await play.seen(lambda: any(r.name == first and r.state is State.SKIPPED for r in view_of(play).rows))
        await play.seen(lambda: any(row.state is State.TRAINING for row in view_of(play).rows))
        await play.press("x")
        view = await finished(play)
        states = [row.state for row in view.rows]
        assert (states.count(State.DONE), states.count(State.SKIPPED)) == (1, 3)


async def test_the_cursor_shows_samples_and_stays_on_its_entrant(choosing: Open) -> None:
    async with choosing(WIDE) as play:
        await begin(play)
        view = await finished(play)
        standings = play.screen.query_one(Standings)
        assert standings.selected is not None
        assert standings.selected.name == view.rows[0].name
        await play.press("j")
        assert standings.selected.name == view.rows[1].name
        shown = str(play.screen.query_one("#scoreboard-sample", Static).render())
        assert view.rows[1].sample is not None
        assert view.rows[1].sample[:20].split()[0] in shown
        assert view.rows[1].recipe in shown.replace("\n", " ")
        reversed_rows = view.rows[::-1]
        standings.show(reversed_rows, {}, play.screen._unit)  # type: ignore[attr-defined]  # of this screen
        await play.barrier()
        assert standings.selected.name == view.rows[1].name
        assert play.screen.query_one(Places).highlighted == len(view.rows) - 2


async def test_in_a_small_window_v_goes_through_the_parts(choosing: Open) -> None:
    async with choosing() as play:
        await begin(play)
        view = await finished(play)
        for head in ("model", "params", "train", "valid", "test", "beats KN", "state", "Validation loss"):
            assert head in play.text
        await play.press("v")
        assert "Validation loss" not in play.text
        assert "Sample" in play.text
        await play.press("v")
        assert "never met in training" in play.text
        assert all(
            f"{one.contexts:.1%}" in play.text and f"{one.ngrams:.1%}" in play.text for one in view.unseen
        )
        await play.press("v")
        assert "Validation loss" in play.text


async def test_hostile_names_and_samples_reach_the_screen_as_text(choosing: Open) -> None:
    async with choosing(WIDE, corpus_of(TEXT, HOSTILE)) as play:
        await begin(play)
        await finished(play)
        await play.press("j")
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", play.text)
        assert "[/] [b]␛]0;owned␇ ·|, 20 steps each" in play.text


# --- who takes part


async def test_what_is_wrong_is_said_while_it_is_typed_and_nothing_begins(
    choosing: Open,
) -> None:
    async with choosing() as play:
        for field, text, words in (
            ("budget", "soon", "budget = soon: write such as 60 seconds"),
            ("budget", "0 steps", "write such as"),
            ("budget", "2.5 steps", "write such as"),
            ("budget", "10 parsecs", "write such as"),
            ("split", "1/1", "write three shares"),
            ("split", "0.9 rate=5", "write three shares"),
        ):
            play.screen.query_one(f"#choice-{field}", Input).value = text
            await play.barrier()
            said = str(play.screen.query_one("#choice-said", Static).render())
            assert words in said, said
            await play.press("ctrl+s")
            assert isinstance(play.screen, ChoiceDialog)
            play.screen.query_one(f"#choice-{field}", Input).value = (
                "9 s" if field == "budget" else "0.8/0.1/0.1"
            )
        await play.press("escape")
        await play.seen(lambda: not isinstance(play.screen, ChoiceDialog | ScoreboardScreen))
        assert play.app.contest.thread is None
        assert told(play) == []


async def test_kneser_ney_takes_part_unless_it_is_left_out(choosing: Open) -> None:
    async with choosing() as play:
        dialog = play.screen
        assert isinstance(dialog, ChoiceDialog)
        assert [row.name for row in dialog.board.picture().rows] == ["kneser-ney 7", "mlp"]
        dialog.query_one("#choice-kneser-ney", Tick).focus()
        await play.press("space")
        assert [row.name for row in dialog.board.picture().rows] == ["mlp"]
        dialog.query_one("#choice-split", Input).value = "0.7/0.3/0"
        read = dialog.board.picture().terms
        assert (read.train_share, read.validation_share, read.seconds) == (0.7, 0.3, 60)
        dialog.query_one("#choice-mlp", Tick).value = False
        await play.barrier()
        assert "nobody takes part" in str(dialog.query_one("#choice-said", Static).render())


@pytest.mark.parametrize(
    ("budget", "terms"),
    [
        ("90", (0, 90)),
        ("1.5 m", (0, 90)),
        ("2_000 steps", (2000, 0)),
        (" 1 STEP ", (1, 0)),
        ("2min", (0, 120)),
    ],
)
def test_a_budget_is_read_in_steps_seconds_or_minutes(budget: str, terms: tuple[int, float]) -> None:
    assert budget_of(budget) == terms


async def test_a_new_comparison_takes_the_place_of_the_old_one(choosing: Open) -> None:
    async with choosing() as play:
        await begin(play, LONG)
        await training(play)
        old = play.app.contest.thread
        await play.press("n")
        await asked(play)
        assert old is not None
        await begin(play, "5 steps")
        await finished(play)
        assert play.app.contest.thread is not old
        assert not any(row.state is State.TRAINING and row.steps == 0 for row in view_of(play).rows)


# --- what leaves the screen


@pytest.mark.parametrize(("key", "suffix"), [("c", ".csv"), ("m", ".md")])
async def test_c_and_m_write_into_the_folder_that_is_named(
    choosing: Open, tmp_path: Path, key: str, suffix: str
) -> None:
    async with choosing() as play:
        await begin(play)
        view = await finished(play)
        await play.press(key)
        await asked(play, SavingDialog)
        assert str(play.screen.query_one(Input).value) == str(Path.cwd())
        play.screen.query_one(Input).value = str(tmp_path / "nowhere")
        await play.press("enter")
        said = play.screen.query_one("#saving-said", Static)
        await play.seen(lambda: "could not be written" in str(said.render()))
        play.screen.query_one(Input).value = str(tmp_path)
        await play.press("enter")
        await play.seen(lambda: isinstance(play.screen, ScoreboardScreen))
        (path,) = [p for p in tmp_path.iterdir() if p.is_file()]
        assert re.fullmatch(rf"scoreboard-phrases-\d{{4}}-\d\d-\d\d-\d{{6}}\{suffix}", path.name)
        if suffix == ".csv":
            with path.open(newline="", encoding="utf-8") as stream:
                assert [row["model"] for row in csv.DictReader(stream)] == [row.model for row in view.rows]
        else:
            assert path.read_text("utf-8") == to_markdown(view)
        await play.seen(lambda: any(str(path) in note.message for note in play.app._notifications))


async def test_saving_can_be_cancelled(choosing: Open, tmp_path: Path) -> None:
    async with choosing() as play:
        await begin(play)
        await finished(play)
        for way in ("escape", "#saving-cancel"):
            await play.press("c")
            await asked(play, SavingDialog)
            if way == "escape":
                await play.press(way)
            else:
                play.screen.query_one(way, Button).press()
            await play.seen(lambda: isinstance(play.screen, ScoreboardScreen))


async def test_y_copies_the_markdown(
    choosing: Open,
) -> None:
    async with choosing() as play:
        await begin(play)
        view = await finished(play)
        await play.press("y")
        await play.seen(lambda: play.app.clipboard == to_markdown(view))


@pytest.mark.parametrize("key", ["escape", "C", "q"])
async def test_each_of_the_ways_out_leads_to_the_panes(open_playground: OpenPlayground, key: str) -> None:
    async with open_playground(SMALL) as play:
        await play.press("C")
        await asked(play)
        await begin(play)
        await play.press(key)
        await play.seen(lambda: not isinstance(play.screen, ScoreboardScreen))
        assert play.app.is_running


async def test_question_mark_shows_the_keys(open_playground: OpenPlayground) -> None:
    async with open_playground(SMALL) as play:
        await play.press("C")
        await asked(play)
        await begin(play)
        await play.press("?")
        await play.seen(lambda: isinstance(play.screen, HelpDialog))
        said = "\n".join(str(static.render()) for static in play.screen.query(Static))
        assert "In Scoreboard" in said
        assert "scoreboard.skip" in said


def test_what_is_not_there_is_told_in_words() -> None:
    view = Scoreboard(corpus_of(), [], Terms(steps=1)).picture()
    assert "nobody" in str(about(None))
    assert "no sample yet" in str(about(view.rows[0]))
    assert "once the models that count are done" in str(unseen(view))
    nothing_held_out = Scoreboard(corpus_of(), [], Terms(train_share=1, validation_share=0, steps=1))
    assert "nothing is held out" in str(unseen(nothing_held_out.picture()))
