"""SavingDialog: into which folder a scoreboard is written, as CSV or as Markdown.

What it promises: the whole path stands there before anything is written; a file is written whole or not at all, and
why not is said. What it does not know: what is in it.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from engine.scoreboard.export import export
from engine.scoreboard.view import ScoreboardView
from engine.training.errors import SaveError
from tui.screens import Dialog
from tui.text import content

_LONGEST = 40  # characters of the text's name in a file's


def file_name(corpus: str, suffix: str, now: datetime) -> str:
    """A file's name by the text and the moment, of characters that every system takes."""
    plain = re.sub(r"[^\w-]+", "-", Path(corpus).stem, flags=re.ASCII).strip("-")[:_LONGEST] or "text"
    return f"scoreboard-{plain}-{now:%Y-%m-%d-%H%M%S}{suffix}"


class SavingDialog(Dialog[Path | None]):
    """Where to? Answers with the path that was written.

    Arguments:
        view: what to write.
        suffix: ".csv" or ".md".
        now: the moment in the file's name.
    """

    CSS_PATH = "saving.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "cancel", id="saving.cancel", tooltip="Write nothing"),
    ]

    def __init__(self, view: ScoreboardView, suffix: str, now: datetime) -> None:
        super().__init__()
        self._view = view
        self._file = file_name(view.corpus, suffix, now)

    def compose(self) -> ComposeResult:
        """The folder, the path, buttons."""
        with Vertical(id="saving-box") as box:
            box.border_title = "Save the scoreboard"
            yield Static("folder", markup=False)
            yield Input(str(Path.cwd()), id="saving-folder", compact=True)
            yield Static(id="saving-said", markup=False)
            with Horizontal(id="saving-buttons"):
                yield Button("Save (enter)", id="saving-save", variant="primary", compact=True)
                yield Button("Cancel (esc)", id="saving-cancel", compact=True)

    def on_mount(self) -> None:
        """The folder takes the keys."""
        self.query_one(Input).focus()
        self._tell()

    @property
    def path(self) -> Path:
        """Where it would be written."""
        return Path(self.query_one(Input).value).expanduser() / self._file

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another folder: another path."""
        event.stop()
        self._tell()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter writes."""
        event.stop()
        self._save()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons."""
        event.stop()
        if event.button.id == "saving-save":
            self._save()
        else:
            self.dismiss(None)

    def _tell(self) -> None:
        self.query_one("#saving-said", Static).update(content(f"as {self._file}", "$foreground 60%"))

    def _save(self) -> None:
        try:
            path = self.path.absolute()
            export(self._view, path)
        except (
            SaveError,
            ValueError,
            RuntimeError,
        ) as refused:  # a NUL in the path; a home that is not known
            self.query_one("#saving-said", Static).update(content(str(refused), "$text-error"))
            return
        self.dismiss(path)
