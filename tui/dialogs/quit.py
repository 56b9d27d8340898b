"""QuitDialog: leave, although steps of training would be lost?

What it promises: nothing is lost by a slip: Enter stays unless the person moves to another button. What it does
not know: how a run is saved, and how a recipe is copied; it asks for that, and stays open.
"""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Label

from tui.leaving import AtRisk, Parting
from tui.messages import CopyRequested
from tui.screens import Dialog


class QuitDialog(Dialog[Parting]):
    """Answers whether to stay, to save and leave, or to leave."""

    CSS_PATH = "quit.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "answer('save and quit')", "save and quit", id="quit.save", tooltip="Save, then leave"),
        Binding("y", "answer('quit')", "quit", id="quit.yes", tooltip="Leave; the steps are lost"),
        Binding("n,escape", "answer('stay')", "stay", id="quit.no", tooltip="Go on"),
        Binding("c", "copy", "copy the recipe", id="quit.copy", tooltip="Copy what makes the same run again"),
        Binding("left,h", "app.focus_previous", "button before", show=False, id="quit.before"),
        Binding("right,l", "app.focus_next", "next button", show=False, id="quit.next"),
    ]

    def __init__(self, risk: AtRisk, recipe: str) -> None:
        """The question.

        Arguments:
            risk: what would be lost as it opens.
            recipe: the run's recipe as one line.
        """
        super().__init__()
        self._risk = risk
        self._recipe = recipe

    def compose(self) -> ComposeResult:
        """The question, a word of comfort, four buttons."""
        with Vertical(id="quit-box", classes="box") as box:
            box.border_title = "Quit?"
            yield Label(_question(self._risk), id="quit-question", classes="question", markup=False)
            yield Label(
                "A saved run goes on later as if never stopped. The recipe makes the same run again, bit for bit, "
                "on the same text.",
                classes="comfort",
                markup=False,
            )
            with Horizontal(classes="buttons"):
                yield Button("Stay (n)", id="quit-stay", variant="primary", compact=True)
                yield Button("Save and quit (s)", id="quit-save", variant="success", compact=True)
            with Horizontal(classes="buttons"):
                yield Button("Quit (y)", id="quit-leave", variant="error", compact=True)
                yield Button("Copy recipe (c)", id="quit-copy", compact=True)

    def on_mount(self) -> None:
        """The harmless answer comes first."""
        self.query_one("#quit-stay", Button).focus()

    def show(self, risk: AtRisk) -> None:
        """Training goes on meanwhile, and so does the count of what would be lost."""
        if self.is_mounted and risk and risk != self._risk:
            self._risk = risk
            self.query_one("#quit-question", Label).update(_question(risk))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A click is as good as a key."""
        event.stop()
        match event.button.id:
            case "quit-copy":
                self.action_copy()
            case "quit-save":
                self.dismiss(Parting.SAVE)
            case "quit-leave":
                self.dismiss(Parting.LEAVE)
            case _:
                self.dismiss(Parting.STAY)

    def action_answer(self, parting: str) -> None:
        """Close with this answer."""
        self.dismiss(Parting(parting))

    def action_copy(self) -> None:
        """Have the recipe put on the clipboard."""
        self.post_message(CopyRequested(self._recipe, "the recipe"))


def _question(risk: AtRisk) -> str:
    lost = [_steps(risk.steps)] if risk.steps else []
    if len(risk.aside) == 1:
        lost.append(f"{_steps(risk.aside[0])} of the run that was set aside")
    elif risk.aside:
        lost.append(f"{_steps(sum(risk.aside))} of {len(risk.aside)} runs that were set aside")
    training = " of training" if risk.steps and not risk.aside else ""
    return f"{', and '.join(lost)}{training} would be lost."


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count:,} steps"
