"""ScoreboardScreen: the standings, the curves over each other, a sample, and what counting cannot know.

What it promises: whoever trains here has the processor to himself: the run of the panes is paused when this one
goes on, and this one when the person goes back to the panes, where it waits. What it does not know: how models are
compared; it draws the pictures of a `Contest` and sends it wishes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.widgets import Footer, Static

from corpora.corpus import Corpus
from engine.commands import Pause
from engine.scoreboard.export import to_markdown
from engine.scoreboard.scoreboard import Scoreboard, Wish
from engine.scoreboard.view import ScoreboardView
from engine.thread import WorkThread
from engine.training.recipe import Recipe
from tui.messages import CopyRequested, EngineCommand
from tui.panes.units import Unit
from tui.scoreboard.choice import ChoiceDialog
from tui.scoreboard.contest import Contest
from tui.scoreboard.curves import Across, Curves, Shown, bar_of, roles_of
from tui.scoreboard.details import about, unseen
from tui.scoreboard.saving import SavingDialog
from tui.scoreboard.standings import Standings
from tui.screens import Dialog
from tui.text import content, single_line
from tui.watch import Watch
from tui.widgets.plot import LinePlot

WIDE = (118, 30)
"""Columns and rows from which everything stands side by side; below, one part at a time under the table."""
PARTS = ("curves", "about", "unseen")
_NAME = 24  # cells of the text's name
EMPTY = "no curve yet: a neural model draws one while it trains"


def _bind(key: str, action: str, words: str, tooltip: str, *, show: bool = True) -> Binding:
    name = action.removeprefix("app.").replace("_", "-")
    return Binding(key, action, words, id=f"scoreboard.{name}", tooltip=tooltip, show=show)


class ScoreboardScreen(Dialog[None]):
    """Which model is best?

    Arguments:
        contest: the comparison of this sitting, begun or not.
        corpus, recipe: text and choices of the run on the panes, which a new comparison starts from.
    """

    BINDING_GROUP_TITLE = "Scoreboard"
    CSS_PATH = "scoreboard.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape,C,q", "leave", "panes", id="scoreboard.leave", tooltip="Back to the panes; this pauses"
        ),
        _bind("space", "go_on", "run", "Let the comparison go on, or pause it"),
        _bind("s", "skip", "skip", "Leave out the model that is under way, and go on with the next"),
        _bind("x", "stop", "stop", "End the comparison; what is not done yet is left out"),
        _bind("n", "choose", "new", "Choose models, split and budget, and begin anew"),
        _bind("u", "unit", "unit", "Nats, bits or perplexity"),
        _bind("a", "across", "axis", "Curves by steps or by seconds"),
        _bind("l", "which", "loss", "Curves of the validation or of the training loss", show=False),
        _bind("v", "part", "view", "Curves, sample or unseen contexts, where only one has room"),
        _bind("c", "save_csv", "CSV", "Write all numbers to a file, as CSV"),
        _bind("m", "save_markdown", "MD", "Write tables, samples and protocol to a file, as Markdown"),
        _bind("y", "copy", "copy", "Copy the Markdown", show=False),
        _bind("question_mark,f1", "app.help", "keys", "Show all keys", show=False),
    ]

    def __init__(self, contest: Contest, corpus: Corpus, recipe: Recipe) -> None:
        super().__init__()
        self._contest, self._corpus, self._recipe = contest, corpus, recipe
        self._view: ScoreboardView | None = None
        self._watch: Watch[ScoreboardView] | None = None
        self._curves = Curves()
        self._unit, self._across, self._which = Unit.NATS, Across.STEPS, Shown.VALIDATION
        self._part = 0
        self._told: dict[str, object] = {}

    def compose(self) -> ComposeResult:
        """A line on top, the table, below it the curves beside sample and shares."""
        with Vertical(id="scoreboard-box"):
            yield Static(id="scoreboard-line", markup=False)
            yield Standings(id="standings")
            with Container(id="scoreboard-parts"):
                with Vertical(id="scoreboard-curves"):
                    yield LinePlot(empty=EMPTY, id="scoreboard-plot")
                with VerticalScroll(id="scoreboard-about"):
                    yield Static(id="scoreboard-sample", markup=False)
                with VerticalScroll(id="scoreboard-unseen") as shares:
                    shares.border_title = "Unseen n-grams"
                    yield Static(id="scoreboard-shares", markup=False)
            yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Show what there is, or ask who takes part."""
        self._arrange()
        if self._contest.thread is None:
            self._write_line()
            self.call_after_refresh(self.action_choose)
        else:
            self._follow(self._contest.thread)

    def on_resize(self) -> None:
        """Another size, another arrangement."""
        self._arrange()

    # Pictures.

    def _follow(self, thread: WorkThread[Wish, ScoreboardView]) -> None:
        """Look at a comparison from now on, and no more at the one before."""
        self._view, self._told = None, {}
        show = partial(self._show, thread)
        self._watch = Watch(thread, self.set_timer, show, lambda view: not (view.paused or view.finished))
        self._take(thread.snapshot)
        self._watch.look()

    def _show(self, thread: WorkThread[Wish, ScoreboardView], view: ScoreboardView) -> bool:
        """Draw a picture; False once it is of a comparison that is gone, or the screen is."""
        if thread is not self._contest.thread or not self.is_attached:
            return False
        if self._view is None or view.version != self._view.version:
            self._take(view)
        return True

    def _take(self, view: ScoreboardView) -> None:
        before, self._view = self._view, view
        self._draw()
        if before is None or before.finished != view.finished:
            self.refresh_bindings()

    def _draw(self) -> None:
        view = self._view
        if view is None:
            return
        self._write_line()
        plot, standings = self.query_one(LinePlot), self.query_one(Standings)
        colours = {number: plot.colour(role) for number, role in roles_of(view.rows).items()}
        standings.show(view.rows, colours, self._unit)
        plot.show(
            self._curves.series(view.rows, self._unit, self._across, self._which),
            bar_of(view, self._unit),
            x_label=self._across,
        )
        self._title(
            "#scoreboard-curves", f"{self._which.capitalize()} loss", f"{self._unit} by {self._across}"
        )
        self._write_about()
        self._update("#scoreboard-shares", (view.unseen, view.note, view.unseen_in), partial(unseen, view))

    def _write_about(self) -> None:
        row = self.query_one(Standings).selected
        self.query_one("#scoreboard-about").border_title = "Sample"
        told = None if row is None else (row.number, row.state, row.why, row.headline, row.sample, row.size)
        self._update("#scoreboard-sample", told, partial(about, row))

    def _write_line(self) -> None:
        """The line on top: text, budget, and what goes on."""
        view = self._view
        if view is None:
            name = single_line(self._corpus.name, _NAME)
            self._update("#scoreboard-line", name, lambda: content(f"Scoreboard  {name}", "bold"))
            return
        words = f"Scoreboard  {self._going_on(view)}"  # first: what comes after may be cut
        terms = f"  {single_line(view.corpus, _NAME)}, {view.terms.budget} each, seed {view.terms.seed}"
        self._update("#scoreboard-line", (words, terms), lambda: content(words, "bold") + content(terms))

    def _going_on(self, view: ScoreboardView) -> str:
        if view.finished:
            return "■ finished"
        done = sum(row.state in ("done", "skipped", "failed") for row in view.rows)
        if view.paused:
            return f"‖ paused, {done} of {len(view.rows)} done; space goes on"
        return f"▶ {done} of {len(view.rows)} done; the panes wait"

    def _title(self, selector: str, title: str, subtitle: str) -> None:
        box = self.query_one(selector)
        if (box.border_title, box.border_subtitle) != (title, subtitle):
            box.border_title, box.border_subtitle = title, subtitle

    def _update(self, selector: str, told: object, make: Callable[[], object]) -> None:
        """Write something if it is not what stands there already."""
        if selector not in self._told or self._told[selector] != told:
            self._told[selector] = told
            self.query_one(selector, Static).update(make())  # type: ignore[arg-type]  # see `make` above

    def _arrange(self) -> None:
        """All parts side by side where there is room, else one."""
        wide = self.app.size.width >= WIDE[0] and self.app.size.height >= WIDE[1]
        self.set_class(wide, "-wide")
        for index, part in enumerate(PARTS):
            self.query_one(f"#scoreboard-{part}").display = wide or index == self._part

    def on_standings_selected(self, event: Standings.Selected) -> None:
        """Another entrant is looked at."""
        event.stop()
        self._write_about()

    # Actions.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What means nothing now is not offered."""
        view = self._view
        if action in ("go_on", "skip", "stop"):
            return view is not None and not view.finished
        if action in ("save_csv", "save_markdown", "copy"):
            return view is not None
        return action != "part" or not self.has_class("-wide")

    def action_choose(self) -> None:
        """Ask who takes part; what goes on meanwhile is paused."""
        self._wish(Wish.PAUSE)
        self.app.push_screen(ChoiceDialog(self._corpus, self._recipe), self._chosen)

    def _chosen(self, board: Scoreboard | None) -> None:
        if board is not None:
            self.post_message(EngineCommand(Pause()))
            self._contest.begin(board)
            if self._contest.thread is not None:
                self._follow(self._contest.thread)
        elif self._contest.thread is None:
            self.dismiss(None)

    def action_go_on(self) -> None:
        """Pause, or go on alone; which of the two, the board knows best: the picture here may be an old one."""
        self.post_message(EngineCommand(Pause()))
        self._wish(Wish.TOGGLE)

    def action_skip(self) -> None:
        """Leave out who is under way."""
        self._wish(Wish.SKIP)

    def action_stop(self) -> None:
        """End it all."""
        self._wish(Wish.STOP)

    def action_leave(self) -> None:
        """Back to the panes; the comparison waits."""
        self._wish(Wish.PAUSE)
        self.dismiss(None)

    def _wish(self, wish: Wish) -> None:
        if self._contest.thread is not None:
            self._contest.thread.send(wish)
        if self._watch is not None:
            self._watch.hurry()

    def action_unit(self) -> None:
        """The next unit."""
        self._unit = self._unit.following
        self._draw()

    def action_across(self) -> None:
        """Steps or seconds."""
        self._across = Across.SECONDS if self._across is Across.STEPS else Across.STEPS
        self._draw()

    def action_which(self) -> None:
        """Validation or training."""
        self._which = Shown.TRAINING if self._which is Shown.VALIDATION else Shown.VALIDATION
        self._draw()

    def action_part(self) -> None:
        """The next part, where there is room for one."""
        self._part = (self._part + 1) % len(PARTS)
        self._arrange()

    def action_save_csv(self) -> None:
        """Write a CSV."""
        self._save(".csv")

    def action_save_markdown(self) -> None:
        """Write Markdown."""
        self._save(".md")

    def _save(self, suffix: str) -> None:
        if self._view is not None:
            self.app.push_screen(SavingDialog(self._view, suffix, datetime.now()), self._saved)

    def _saved(self, path: Path | None) -> None:
        if path is not None:
            self.notify(f"Written to {path}", markup=False)

    def action_copy(self) -> None:
        """Put the Markdown on the clipboard."""
        if self._view is not None:
            self.post_message(CopyRequested(to_markdown(self._view), "the scoreboard"))
