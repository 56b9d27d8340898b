"""DeleteDialog: delete a run for good? Enter keeps it unless the person moves to the other button."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Label

from engine.training.runs import RunSummary
from tui.screens import Dialog
from tui.text import content


class DeleteDialog(Dialog[bool]):
    """Answers True to delete it."""

    CSS_PATH = "quit.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "delete", id="delete.yes", tooltip="Delete it"),
        Binding("n,escape", "answer(False)", "keep", id="delete.no", tooltip="Keep it"),
        Binding("left,h", "app.focus_previous", "button before", show=False, id="delete.before"),
        Binding("right,l", "app.focus_next", "next button", show=False, id="delete.next"),
    ]

    def __init__(self, run: RunSummary) -> None:
        super().__init__()
        self._run = run

    def compose(self) -> ComposeResult:
        """The question, where it is, two buttons."""
        with Vertical(classes="box") as box:
            box.border_title = "Delete?"
            steps = "1 step" if self._run.step == 1 else f"{self._run.step:,} steps"
            yield Label(
                content(f"Delete {self._run.name!r}, {steps} of training, for good?"), classes="question"
            )
            yield Label(content(str(self._run.path), newlines=False), classes="comfort")
            with Horizontal(classes="buttons"):
                yield Button("Keep it (n)", id="delete-no", variant="primary", compact=True)
                yield Button("Delete (y)", id="delete-yes", variant="error", compact=True)

    def on_mount(self) -> None:
        """The harmless answer comes first."""
        self.query_one("#delete-no", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A click is as good as a key."""
        event.stop()
        self.dismiss(event.button.id == "delete-yes")

    def action_answer(self, sure: bool) -> None:
        """Close with this answer."""
        self.dismiss(sure)
