"""TroubleDialog: what went wrong in the engine, and the ways out of it, a button each."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Button, Label

from engine.snapshot import Remedy, Trouble
from tui.screens import Dialog
from tui.text import content


class TroubleDialog(Dialog[Remedy | None]):
    """Asks what to do; None leaves everything as it is."""

    CSS_PATH = "trouble.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "leave it", id="trouble.leave", tooltip="Close and decide later"),
        Binding("up,k", "app.focus_previous", "up", show=False, id="trouble.up"),
        Binding("down,j", "app.focus_next", "down", show=False, id="trouble.down"),
    ]

    def __init__(self, trouble: Trouble) -> None:
        super().__init__()
        self._trouble = trouble

    def compose(self) -> ComposeResult:
        """The words, then the remedies."""
        with Vertical() as frame:
            frame.border_title = "Stopped"
            yield Label(content(self._trouble.title), classes="title")
            with VerticalScroll(can_focus=False):
                yield Label(content(self._trouble.message), classes="message")
            for index, remedy in enumerate(self._trouble.remedies):
                yield Button(content(remedy.label.capitalize()), id=f"remedy-{index}", variant="primary")
            yield Button("Leave it as it is", id="leave")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A way out was chosen."""
        event.stop()
        name = event.button.id or ""
        chosen = name.removeprefix("remedy-")
        self.dismiss(self._trouble.remedies[int(chosen)] if chosen != name else None)

    def action_leave(self) -> None:
        """Close without doing anything."""
        self.dismiss(None)
