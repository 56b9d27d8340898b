"""RunsDialog: the runs that are kept: go on with one, fork it, delete it.

What it promises: the screen never waits for a disk: whatever asks one goes on, on a thread, and says what came of
it; nothing is deleted without a question. What it does not know: what a run is; the answer is a wish to resume,
with the text that belongs to it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Input, OptionList, ProgressBar, Static

from corpora.corpus import Corpus
from engine.commands import Resume
from engine.training.errors import RunError
from engine.training.run_folder import RECIPE
from engine.training.runs import RunSummary, default_folder, delete, fork, list_runs, unused_path
from tui.dialogs.delete import DeleteDialog
from tui.dialogs.file_tree import PathLine
from tui.dialogs.run_list import RunList, about
from tui.opening import FromRun, Opening, Outcome, Refusal, at_work
from tui.screens import Dialog
from tui.text import content

HINT = "Enter goes on with a run; a path above leads to a run, or a folder of runs, elsewhere"


@dataclass(frozen=True)
class Report:
    """What came of something that was done on a disk.

    Attributes:
        said: in words, "" if there is nothing to say.
        failed: whether it is an error.
        cursor: the run to stand on from now on, None for the one as before.
    """

    said: str = ""
    failed: bool = False
    cursor: Path | None = None


class RunsDialog(Dialog[Resume | None]):
    """Which run?"""

    CSS_PATH = "runs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "fork", "fork", id="runs.fork", tooltip="Copy the run, to go on with it differently"),
        Binding("d,delete", "delete", "delete", id="runs.delete", tooltip="Delete the run; asks first"),
        Binding("escape", "cancel", "cancel", id="runs.cancel", tooltip="Stop waiting, or go away"),
    ]

    class Listed(Message):
        """The runs of a folder were read, from a thread."""

        def __init__(self, number: int, runs: Sequence[RunSummary], report: Report) -> None:
            super().__init__()
            self.number = number
            self.runs = runs
            self.report = report

    class Progressed(Message):
        """So many bytes of a text are here, from its thread."""

        def __init__(self, opening: Opening, read: int, total: int) -> None:
            super().__init__()
            self.opening = opening
            self.read = read
            self.total = total

    class Loaded(Message):
        """The text of a run is here, or it is known why not, from its thread."""

        def __init__(self, folder: Path, opening: Opening, outcome: Outcome) -> None:
            super().__init__()
            self.folder = folder
            self.opening = opening
            self.outcome = outcome

    def __init__(self, on_screen: Path | None = None, run: Path | None = None) -> None:
        """The dialog.

        Arguments:
            on_screen: the folder of the run that goes on, None if it is not kept.
            run: a run to go on with at once.
        """
        super().__init__()
        self._on_screen = on_screen
        self._first = run
        self._folder = default_folder().absolute() if run is None else run.parent
        self._errands = 0
        self._opening: Opening | None = None

    def compose(self) -> ComposeResult:
        """Where, which, what is known of one, what happens, the buttons."""
        with Vertical(id="runs-box") as box:
            box.border_title = "Kept runs"
            yield PathLine(str(self._folder), placeholder="folder of runs, or a run", compact=True)
            yield Static(id="runs-heads", markup=False)
            yield RunList(self._on_screen)
            with VerticalScroll(id="runs-about", can_focus=False):
                yield Static(id="runs-known", markup=False)
            yield ProgressBar(show_eta=False)
            yield Static(id="runs-said", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Resume", id="runs-resume", variant="primary", compact=True)
                yield Button("Fork (f)", id="runs-fork", compact=True)
                yield Button("Delete (d)", id="runs-delete", variant="error", compact=True)
                yield Button("Cancel", id="runs-cancel", compact=True)

    def on_mount(self) -> None:
        """The list takes the keys; what was asked for is begun."""
        self.query_one(RunList).focus()
        self.query_one(ProgressBar).display = False
        self._do(Report)
        if self._first is not None:
            self._resume(self._first)

    def on_unmount(self) -> None:
        """Nobody waits for a text any more."""
        if self._opening is not None:
            self._opening.cancel()

    # What a person does.

    def action_cancel(self) -> None:
        """Stop waiting for a text; if none is awaited, go away."""
        if self._opening is None:
            self.dismiss(None)
        else:
            self._wait_for(None)
            self._say("cancelled")

    def action_fork(self) -> None:
        """Copy the run under the cursor to a folder beside it."""
        run = self.query_one(RunList).selected
        if run is not None:
            self._say(f"forking {run.name!r} …")
            self._do(lambda: _forked(run))

    def action_delete(self) -> None:
        """Delete the run under the cursor, if that is meant."""
        run = self.query_one(RunList).selected
        if run is None:
            return
        if run.path == self._on_screen:
            self._say("this is the run on the screen; begin another one before you delete it", failed=True)
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self._do(lambda: _deleted(run))

        self.app.push_screen(DeleteDialog(run), answered)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click: go on with this run."""
        event.stop()
        self._resume_selected()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Another run is under the cursor."""
        event.stop()
        self._tell()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A path: of a run, or of a folder of runs."""
        event.stop()
        try:
            folder = Path(event.value.strip()).expanduser().absolute()
            is_run, is_folder = (folder / RECIPE).is_file(), folder.is_dir()
        except (OSError, RuntimeError, ValueError) as error:
            self._say(f"{event.value!r}: {error}", failed=True)
            return
        if is_run:
            self._resume(folder)
        elif is_folder:
            self._folder = folder
            self.query_one(RunList).focus()
            self._do(Report)
        else:
            self._say(f"there is no folder {str(folder)!r}; check the spelling", failed=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The same with the mouse."""
        event.stop()
        match event.button.id:
            case "runs-resume":
                self._resume_selected()
            case "runs-fork":
                self.action_fork()
            case "runs-delete":
                self.action_delete()
            case _:
                self.action_cancel()

    def _resume_selected(self) -> None:
        run = self.query_one(RunList).selected
        if run is None:
            return
        if run.path == self._on_screen:
            self._say("this is the run on the screen already")
        elif run.trouble:
            self._say(run.trouble, failed=True)
        else:
            self._resume(run.path)

    # What comes back.

    def on_runs_dialog_listed(self, event: Listed) -> None:
        """Show the runs of the folder, unless it was asked for anew meanwhile."""
        if event.number != self._errands:
            return
        runs = self.query_one(RunList)
        runs.show(event.runs, time.time(), event.report.cursor)
        self.query_one("#runs-heads", Static).update(Content.styled(f" {runs.heads}", "$foreground 60%"))
        self._tell()
        if event.report.said or self._opening is None:
            self._say(event.report.said or HINT, failed=event.report.failed)

    def on_runs_dialog_progressed(self, event: Progressed) -> None:
        """Move the bar."""
        if event.opening is self._opening:
            self.query_one(ProgressBar).update(total=event.total or None, progress=event.read)
            self._say(at_work(event.opening.source, event.read, event.total))

    def on_runs_dialog_loaded(self, event: Loaded) -> None:
        """Answer with the run and its text, or say why there is none."""
        if event.opening is not self._opening:
            return
        self._wait_for(None)
        match event.outcome:
            case Corpus() as corpus:
                self.dismiss(Resume(event.folder, corpus))
            case Refusal(message):
                self._say(message, failed=True)

    # How it is done.

    def _do(self, errand: Callable[[], Report]) -> None:
        """Do something with the disk on a daemon thread, then list the folder anew."""
        self._errands += 1
        number, folder = self._errands, self._folder

        def run() -> None:
            runs: tuple[RunSummary, ...] = ()
            try:
                report = errand()
                runs = list_runs(folder)
            except RunError as error:
                report = Report(str(error), failed=True)
                runs = _listed_or_none(folder)
            except Exception as error:  # noqa: BLE001  an exception would vanish with its thread
                report = Report(f"{type(error).__name__}: {error}", failed=True)
            self.post_message(self.Listed(number, runs, report))

        threading.Thread(target=run, name="runs", daemon=True).start()

    def _resume(self, folder: Path) -> None:
        """Bring the run's text; what it tells comes on its own thread, where posting is all that may be done."""

        def done(opening: Opening, outcome: Outcome) -> None:
            self.post_message(self.Loaded(folder, opening, outcome))

        def progress(opening: Opening, read: int, total: int) -> None:
            self.post_message(self.Progressed(opening, read, total))

        self._wait_for(Opening(FromRun(folder), done, progress=progress))

    def _wait_for(self, opening: Opening | None) -> None:
        """Wait for this text, or for none; the one that was waited for is given up."""
        if self._opening is not None:
            self._opening.cancel()
        self._opening = opening
        bar = self.query_one(ProgressBar)
        bar.display = opening is not None
        if opening is not None:
            bar.update(total=None, progress=0)
            self._say(at_work(opening.source))
            opening.start()

    def _tell(self) -> None:
        run = self.query_one(RunList).selected
        nothing = content(f"No run is kept in {self._folder}.")
        self.query_one("#runs-known", Static).update(nothing if run is None else about(run, self._on_screen))

    def _say(self, words: str, *, failed: bool = False) -> None:
        self.query_one("#runs-said", Static).update(
            content(words, "$text-error" if failed else "$foreground 60%", newlines=False)
        )


def _forked(run: RunSummary) -> Report:
    if run.recipe is None:
        raise RunError(run.trouble)
    copy = fork(run.path, unused_path(run.path.parent, run.recipe))
    return Report(f"{run.name!r} at step {run.step:,} is copied to {copy.path.name!r}", cursor=copy.path)


def _deleted(run: RunSummary) -> Report:
    left = delete(run.path)
    rest = f"; the folder stays, with what is not the run's: {', '.join(left)}" if left else ""
    return Report(f"{run.name!r} is deleted{rest}")


def _listed_or_none(folder: Path) -> tuple[RunSummary, ...]:
    """The runs there still are after something failed, which has been told."""
    try:
        return list_runs(folder)
    except RunError:
        return ()
