"""QuitDialog: leave, although steps of training would be lost?

What it promises: nothing is lost by a slip: Enter stays unless the person moves to the other button. What it does
not know: how a recipe is copied; it asks for that, and stays open.
"""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Label

from tui.messages import CopyRequested
from tui.screens import Dialog


class QuitDialog(Dialog[bool]):
    """Answers True to leave, False to stay."""

    CSS_PATH = "quit.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "quit", id="quit.yes", tooltip="Leave; the steps are lost"),
        Binding("n,escape", "answer(False)", "stay", id="quit.no", tooltip="Go on"),
        Binding("c", "copy", "copy the recipe", id="quit.copy", tooltip="Copy what makes the same run again"),
        Binding("left,h", "app.focus_previous", "button before", show=False, id="quit.before"),
        Binding("right,l", "app.focus_next", "next button", show=False, id="quit.next"),
    ]

    def __init__(self, steps: int, recipe: str) -> None:
        """The question.

        Arguments:
            steps: training steps that would be lost.
            recipe: the run's recipe as one line.
        """
        super().__init__()
        self._steps = steps
        self._recipe = recipe

    def compose(self) -> ComposeResult:
        """The question, a word of comfort, three buttons."""
        lost = "1 step" if self._steps == 1 else f"{self._steps:,} steps"
        with Vertical(id="quit-box") as box:
            box.border_title = "Quit?"
            yield Label(f"{lost} of training would be lost.", id="quit-question", markup=False)
            yield Label(
                "The recipe makes the same run again, bit for bit, on the same text.",
                id="quit-comfort",
                markup=False,
            )
            with Horizontal(id="quit-buttons"):
                yield Button("Stay (n)", id="quit-stay", variant="primary", compact=True)
                yield Button("Quit (y)", id="quit-leave", variant="error", compact=True)
                yield Button("Copy recipe (c)", id="quit-copy", compact=True)

    def on_mount(self) -> None:
        """The harmless answer comes first."""
        self.query_one("#quit-stay", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A click is as good as a key."""
        event.stop()
        if event.button.id == "quit-copy":
            self.action_copy()
        else:
            self.dismiss(event.button.id == "quit-leave")

    def action_answer(self, leave: bool) -> None:
        """Close with this answer."""
        self.dismiss(leave)

    def action_copy(self) -> None:
        """Have the recipe put on the clipboard."""
        self.post_message(CopyRequested(self._recipe, "the recipe"))
