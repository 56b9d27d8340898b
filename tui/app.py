"""CharlmApp: lays out the panes, draws snapshots in them, turns messages into commands; `actions.py` has the keys.

It owns the engine thread and is the only one to talk to it. What a pane looks like, what a key is called and how
a text is opened is known elsewhere.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer

from corpora.corpus import Corpus
from engine.commands import (
    Command,
    TurnSampling,
)
from engine.snapshot import Remedy, SampleState, Snapshot, Status
from engine.thread import EngineThread
from engine.training.recipe import Recipe
from tui import questions
from tui.actions import Actions
from tui.command_line import Wishes
from tui.keys import BINDINGS, GROUPS, active_key, load_keymap
from tui.leaving import Leaving, Parting, worth_keeping
from tui.messages import (
    CopyRequested,
    CorpusChosen,
    EngineCommand,
    OpenRequested,
    SamplingChanged,
)
from tui.opening import Outcome
from tui.runs import Runs
from tui.scoreboard.contest import Contest
from tui.screens import FirmScreen
from tui.status_line import StatusLine
from tui.text import screen_text
from tui.watch import Watch
from tui.workbench import Workbench

if TYPE_CHECKING:
    from tui.dialogs.quit import QuitDialog
    from tui.furniture import Furniture
    from tui.panes.base import Pane

GLOBAL_ACTIONS = {binding.action.partition("(")[0] for binding in BINDINGS} - {"quit"}

SWITCH_INTERVAL = 0.0005
"""Seconds after which a thread that waits for Python gets it. With the usual 5 ms a key that is pressed during a
run waits several times that long for the engine to let go (`tests/benchmarks/screen.py`)."""


class CharlmApp(Actions):
    """The playground.

    Arguments:
        wishes: what the command line asks for.
        painted: called once the first frame is on the screen.

    Raises:
        KeymapError: if the person's key file cannot be used.
    """

    TITLE = "charlm"
    BINDINGS: ClassVar[list[BindingType]] = [
        *BINDINGS,
        # As Textual has them, but at once: what is typed next must not reach the control that is being left.
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
    ]
    CSS_PATH: ClassVar[list[str | PurePath]] = [
        "workbench.tcss",
        *(
            f"panes/{name}.tcss"
            for name in ("corpus", "loss", "distribution", "training", "stepper", "console")
        ),
    ]

    class Loaded(Message):
        """A text that a run was waiting for is there, or it is known why not."""

        def __init__(self, recipe: Recipe, outcome: Outcome) -> None:
            super().__init__()
            self.recipe = recipe
            self.outcome = outcome

    def __init__(self, wishes: Wishes | None = None, painted: Callable[[], None] | None = None) -> None:
        super().__init__()
        self._painted = painted
        self._wishes = wishes or Wishes(Recipe())
        self.keys = load_keymap(classes=_panes())
        self._furniture: Furniture | None = None
        self.engine = EngineThread()
        self.contest = Contest()
        self.runs = Runs(self._wishes.recipe, self.send, self._loaded)
        self._watch = Watch(self.engine, self.set_timer, self._show, lambda s: s.status is Status.RUNNING)
        self.engine_ended = True
        self.leaving = Leaving(self.engine, lambda code: self.exit(return_code=code), self._refuse)
        self._asking: QuitDialog | None = None  # the last question whether to leave

    def compose(self) -> ComposeResult:
        """One line on top, the panes, the keys below."""
        yield StatusLine()
        yield Workbench(("Corpus", "Loss", "Next", "Training", "Step", "Generation"))
        yield Footer(compact=True, show_command_palette=False)

    def get_default_screen(self) -> Screen[None]:
        """The screen of the panes."""
        return FirmScreen(id="_default")

    def on_mount(self) -> None:
        """Paint first; what takes longer begins with the first frame on the screen."""
        self.set_keymap(self.keys)
        self.call_after_refresh(self._start)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Until the panes are there, only leaving means anything."""
        return self._furniture is not None or action not in GLOBAL_ACTIONS

    async def _start(self) -> None:
        """Bring in the panes, start the engine and the first run."""
        from tui.furniture import Furniture

        self._furniture = Furniture()
        await self.query_one(Workbench).furnish(self._furniture.by_number())
        self.refresh_bindings()
        if self._painted is not None:
            self._painted()
        sys.setswitchinterval(SWITCH_INTERVAL)
        self.engine.start()
        self.leaving.obey_signals()
        if self._wishes.run is not None:
            self.push_screen(questions.which_run(None, self._wishes.run), self._resume)
        elif self._wishes.path:
            dialog = questions.which_text(self._wishes.recipe.context, self._wishes.path)
            self.push_screen(dialog, self._opened)
        else:
            self.runs.begin(self._wishes.recipe, self._wishes.corpus)
        self._watch.look()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:  # Any: Textual's own type
        """The command palette: Textual's own commands, then everything that has a global key."""
        yield from super().get_system_commands(screen)
        for group, bindings in GROUPS.items():
            for binding in bindings:
                words = binding.tooltip or binding.description
                yield SystemCommand(
                    f"{group}: {words}", binding.id or "", partial(self.run_action, binding.action)
                )

    async def on_unmount(self) -> None:
        """End the engine, or note that it is in the middle of a step that takes long."""
        self.contest.close()
        self.leaving.close()
        self.engine_ended = self.engine.close()

    # Snapshots.

    @property
    def furniture(self) -> Furniture:
        """The panes, which are there from just after the first frame on."""
        if self._furniture is None:
            raise RuntimeError("the panes are not there yet")
        return self._furniture

    def _show(self, snapshot: Snapshot) -> bool:
        """Draw a snapshot; False once the program ends and the screen is cleared."""
        if not self.query(Workbench):
            return False
        if snapshot.version != self.snapshot.version:
            before, self.runs.seen = self.snapshot, snapshot
            self.query_one(StatusLine).show(snapshot)
            self.query_one(Workbench).show(snapshot)
            if self._asking is not None and self._asking is self.screen:
                self._asking.show(self.leaving.at_risk(snapshot))
            self._announce(before, snapshot)
        return True

    def _announce(self, before: Snapshot, now: Snapshot) -> None:
        if now.notice_number != before.notice_number:
            self.notify(now.notice, severity="warning", markup=False)
            if now.corpus is None:  # the run that was to go on cannot; a playground is never empty
                self.runs.begin(Recipe())
        for run in now.set_aside[-1:]:
            if run not in before.set_aside and not run.kept and worth_keeping(run.step, run.seconds):
                key = active_key(self, "run.bring_back")
                self.notify(
                    f"The run before, at step {run.step:,}, waits: {key} brings it back", markup=False
                )
        if now.trouble is not None and now.trouble is not before.trouble:
            self.push_screen(questions.which_remedy(now.trouble), self._apply_remedy)

    def _apply_remedy(self, remedy: Remedy | None) -> None:
        for command in remedy.commands if remedy else ():
            self.send(command)

    # Messages of the panes.

    def on_engine_command(self, event: EngineCommand) -> None:
        """A pane asks something of the engine."""
        self.send(event.command)

    def on_sampling_changed(self, event: SamplingChanged) -> None:
        """Temperature, top-k or top-p was turned: every pane may follow."""
        self.furniture.distribution.show_sampling(event.sampling)
        self.furniture.console.show_sampling(event.sampling)
        samples = self.snapshot.samples
        if samples and samples[-1].state is SampleState.WRITING:
            self.send(TurnSampling(event.sampling))

    def on_corpus_chosen(self, event: CorpusChosen) -> None:
        """Begin a run on another text."""
        self.runs.begin_on(event.choice)

    def on_open_requested(self, event: OpenRequested) -> None:
        """A pane asks for the open dialog."""
        self.action_open()

    def on_copy_requested(self, event: CopyRequested) -> None:
        """Put something on the clipboard."""
        self.copy_to_clipboard(event.text)
        self.notify(f"Copied {event.what}", markup=False, timeout=2)

    # Runs.

    def _loaded(self, recipe: Recipe, outcome: Outcome) -> None:
        """On the thread that loaded it: posting is all that may be done there."""
        self.post_message(self.Loaded(recipe, outcome))

    def on_charlm_app_loaded(self, event: Loaded) -> None:
        """Begin the run that was waiting for its text."""
        if isinstance(event.outcome, Corpus):
            self.runs.begin(event.recipe, event.outcome)
        elif not event.outcome.cancelled:
            self.notify(event.outcome.message, severity="error", markup=False)

    def send(self, command: Command) -> None:
        """Ask the engine for something, and look at once what comes of it: a person waits for it."""
        self.engine.send(command)
        self._watch.hurry()

    # Leaving.

    async def action_quit(self) -> None:
        """Leave; ask first if a run would be lost, but once."""
        risk = self.leaving.at_risk(self.snapshot)
        if self.screen is self._asking:
            self.exit()
        elif risk:
            self._asking = questions.whether_to_leave(risk, self.runs.line)
            self.push_screen(self._asking, self._part)
        else:
            await self.leaving.go(self.snapshot, new=False)

    async def _part(self, parting: Parting | None) -> None:
        if parting is Parting.SAVE:
            await self.leaving.go(self.snapshot, new=True)
        elif parting is Parting.LEAVE:
            self.exit()

    def _refuse(self, why: str) -> None:
        self.notify(why, severity="error", markup=False)

    @property
    def farewell(self) -> str:
        """Where the runs are that were saved in the end, and how to go on with them; for after the screen."""
        last = self.leaving.last
        if last is None:
            return ""
        said, others = "", sum(run.kept for run in last.set_aside)
        if last.kept is not None:
            folder = screen_text(shlex.quote(str(last.kept.folder)), newlines=False)
            said = f"charlm-tui: the run is kept; `charlm-tui --run {folder}` goes on with it\n"
        if others:
            from engine.training.runs import default_folder  # not needed at the start

            place = screen_text(str(default_folder()), newlines=False)
            runs = "run that was set aside is" if others == 1 else "runs that were set aside are"
            too = ", too" if said else ""
            said += f"charlm-tui: {others} {runs} kept{too}; `charlm runs` lists those in {place}\n"
        return said


def _panes() -> Iterator[type[Pane]]:
    """The kinds of panes, to which some keys belong; imported only for a person who has a key file."""
    from tui.furniture import PANES

    yield from PANES
