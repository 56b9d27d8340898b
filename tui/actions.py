"""Actions: what the global keys ask for, each carried out by the engine, a pane or a dialog.

`keys.py` says which keys they are on, `CharlmApp` is what they act on. What becomes of an answer of a dialog stands
beside the action that opened it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from textual.app import App

from corpora.catalog import download_of
from corpora.corpus import Corpus
from engine.commands import (
    Alter,
    BringBack,
    Command,
    Compare,
    Keep,
    NextPhase,
    Pause,
    Resume,
    Rewind,
    Rival,
    Run,
    Step,
    StopGenerating,
)
from engine.snapshot import Snapshot, Status
from engine.thread import EngineThread
from engine.training.recipe import Recipe
from tui import questions
from tui.keys import active_key
from tui.messages import CopyRequested, CorpusChosen
from tui.runs import Runs
from tui.scoreboard.contest import Contest
from tui.screens import Palette
from tui.workbench import Workbench

if TYPE_CHECKING:
    from tui.furniture import Furniture


class Actions(App[None]):
    """The part of the app that answers keys.

    Attributes:
        runs: which run goes on, and which begin after it.
        contest: the scoreboard, which stays when its screen is left.
        engine: is asked for everything about the run.
        keys: the person's own keys, by the id of the action.
    """

    runs: Runs
    contest: Contest
    engine: EngineThread
    keys: Mapping[str, str]

    @property
    @abstractmethod
    def furniture(self) -> Furniture:
        """The panes."""

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot on the screen."""
        return self.runs.seen

    @abstractmethod
    def send(self, command: Command) -> None:
        """Ask the engine for something."""

    def action_run_toggle(self) -> None:
        """Run at full speed, or pause."""
        running = self.snapshot.status is Status.RUNNING
        self.send(Pause() if running else Run())

    def action_step(self) -> None:
        """One whole step."""
        self.send(Step())

    def action_phase(self) -> None:
        """One phase, and where only one pane is seen the one that tells of it."""
        self.query_one(Workbench).reveal(5)
        self.send(NextPhase())

    def action_rewind(self, steps: int) -> None:
        """Back in time."""
        self.send(Rewind(steps))

    def action_rate_up(self) -> None:
        """A higher learning rate."""
        self._turn_rate(1)

    def action_rate_down(self) -> None:
        """A lower learning rate."""
        self._turn_rate(-1)

    def _turn_rate(self, rungs: int) -> None:
        why_not = self.runs.turn_rate(rungs, self.engine.snapshot.version)
        if why_not:
            self.notify(why_not, markup=False)

    def action_find_rate(self) -> None:
        """Look for a learning rate; a run under way waits meanwhile, so that the test has the processor."""
        seen = self.snapshot
        if seen.corpus is None or seen.current is None:
            return
        if not seen.current.means("rate"):
            self.notify(f"{seen.current.model} learns by counting: it has no learning rate", markup=False)
            return
        waits = seen.status is Status.RUNNING
        if waits:
            self.send(Pause())
        self.push_screen(
            questions.which_rate(seen.current, seen.corpus), partial(self._rate_found, waits=waits)
        )

    def _rate_found(self, rate: float | None, *, waits: bool) -> None:
        if rate is not None:
            self.send(Alter("rate", rate))
        if waits and self.snapshot.status is not Status.STOPPED:
            self.send(Run())

    def action_reset_same(self) -> None:
        """The same run from the beginning, with the changes that were made on its way."""
        recipe = self.runs.recipe
        self.runs.begin(recipe)
        if recipe.changes:
            count, key = len(recipe.changes), active_key(self, "run.reset_new")
            come = f"{count} changes come" if count > 1 else "1 change comes"
            self.notify(f"{come} with it, {recipe.changes[0]} first; {key} begins without", markup=False)

    def action_reset_new(self) -> None:
        """The same choices with the next seed."""
        recipe = self.runs.recipe
        self.runs.begin(recipe.with_values(seed=recipe.seed + 1, changes=()))

    def action_open(self) -> None:
        """Open a text."""
        self.push_screen(questions.which_text(self.runs.recipe.context), self._opened)

    def _opened(self, corpus: Corpus | None) -> None:
        if corpus is not None:
            self.post_message(CorpusChosen(corpus))
        elif self.snapshot.corpus is None:  # a playground is never empty
            self.runs.begin(Recipe())

    def action_keep(self) -> None:
        """Keep the run, or save it now."""
        self.send(Keep())

    def action_runs(self) -> None:
        """The runs that are kept."""
        kept = self.snapshot.kept
        self.push_screen(questions.which_run(None if kept is None else kept.folder), self._resume)

    def _resume(self, wish: Resume | None) -> None:
        if wish is not None:
            self.send(wish)
        elif self.snapshot.corpus is None:  # a playground is never empty
            self.runs.begin(Recipe())

    def action_bring_back(self) -> None:
        """The run that was set aside."""
        self.send(BringBack())

    def action_catalog(self) -> None:
        """The catalog of texts."""
        self.furniture.corpus.action_catalog()

    def action_settings(self) -> None:
        """Edit the recipe in a form."""
        if self.snapshot.corpus is not None and self.snapshot.current is not None:
            shown = self.snapshot.current
            dialog = questions.which_settings(shown, self.snapshot.corpus)
            self.push_screen(dialog, partial(self._apply_recipe, shown=shown))

    def action_compare(self) -> None:
        """Choose models that count to compare with."""
        if self.snapshot.corpus is not None:
            self.push_screen(questions.which_rivals(self.snapshot.rivals), self._compare)

    def _compare(self, rivals: tuple[Rival, ...] | None) -> None:
        if rivals is not None:
            self.send(Compare(rivals))

    def action_paste_recipe(self) -> None:
        """Edit the recipe as a line."""
        self.push_screen(questions.which_recipe(self.runs.recipe), self._apply_recipe)

    def _apply_recipe(self, recipe: Recipe | None, shown: Recipe | None = None) -> None:
        """Take a recipe; a text that has to be fetched is fetched where that can be seen and given up.

        Arguments:
            recipe: what a person made of it, None for nothing.
            shown: what was there to be changed; None for what the run has now.
        """
        if recipe is None:
            return
        download = download_of(recipe.corpus)
        if download is None or download.here or self.runs.is_open(recipe.corpus):
            self.runs.adopt(recipe, shown)
        else:
            dialog = questions.which_text(recipe.context, download.address)
            self.push_screen(dialog, partial(self._begin_fetched, recipe))

    def _begin_fetched(self, recipe: Recipe, corpus: Corpus | None) -> None:
        if corpus is not None:
            self.runs.begin(recipe, corpus)

    def action_copy_recipe(self) -> None:
        """Put the recipe on the clipboard."""
        self.post_message(CopyRequested(self.runs.line, "the recipe"))

    def action_copy_sample(self) -> None:
        """Put the selected sample on the clipboard."""
        text = self.furniture.console.selected_text()
        if text is None:
            self.notify("There is no text to copy yet", markup=False)
        else:
            self.post_message(CopyRequested(text, "the text"))

    def action_generate(self) -> None:
        """Let the model write, where it can be read."""
        self.query_one(Workbench).reveal(6)
        self.furniture.console.generate()

    def action_stop_generating(self) -> None:
        """End the text that is being written."""
        self.send(StopGenerating())

    def action_temperature(self, delta: float) -> None:
        """Turn the temperature."""
        self.furniture.console.nudge_temperature(delta)

    def action_ask(self) -> None:
        """Type a context."""
        self.query_one(Workbench).jump(3)
        self.furniture.distribution.focus_question()

    def action_pane(self, number: int) -> None:
        """Go to a pane."""
        self.query_one(Workbench).jump(number)

    def action_scoreboard(self) -> None:
        """Compare models on the text that is open."""
        corpus, recipe = self.snapshot.corpus, self.snapshot.current
        if corpus is not None and recipe is not None:
            self.push_screen(questions.which_model_is_best(self.contest, corpus, recipe))

    def action_next_theme(self) -> None:
        """Take the next theme."""
        names = sorted(self.available_themes)
        self.theme = names[(names.index(self.theme) + 1) % len(names)]

    def action_command_palette(self) -> None:
        """Search everything that can be done."""
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    def action_help(self) -> None:
        """Show all keys."""
        self.push_screen(questions.all_keys(self.keys, map(type, self.furniture.by_number().values())))
