"""RecipeDialog: a whole run as one line of text, to be pasted or edited.

What it promises: the line is judged with every key, in words; what would be different is listed; only a valid
recipe comes out. The line shows what `tui.text` lets through, and while it is untouched it means exactly the
recipe it was made from.
What it does not know: whether the text that the recipe names can be had.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Static, TextArea

from engine.training.recipe import Recipe
from engine.training.rules import RecipeError
from tui.dialogs.differences import Difference, differences
from tui.dialogs.objection import objection
from tui.screens import Dialog
from tui.text import content, screen_text

MUTED = "$foreground 60%"
LONGEST = 20_000
"""Characters kept: the longest recipe a run of thousands of changes writes."""
VALUE_CELLS = 14
"""Values up to this long stand in a column; longer ones push what follows aside."""
HINT = "name=value, separated by spaces; what is not named keeps its default; Enter takes it"


class RecipeLine(TextArea):
    """One long line, broken to be read; Enter is done with it."""

    class Submitted(Message):
        """Enter was pressed."""

    def __init__(self, text: str, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(_shown(text), id=id, soft_wrap=True, placeholder="corpus=names hidden=64 seed=7")

    def action_paste(self) -> None:
        """Take what was copied in the app."""
        self._take(self.app.clipboard)

    async def _on_key(self, event: events.Key) -> None:
        """Enter ends the line; all other keys edit it."""
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self.post_message(self.Submitted())

    async def _on_paste(self, event: events.Paste) -> None:
        """Take what the terminal pastes; what was broken into lines is one line again."""
        event.stop()
        event.prevent_default()
        self._take(event.text)

    def _take(self, pasted: str) -> None:
        start, end = sorted(self.selection)
        self.move_cursor(self.replace(_shown(pasted), start, end).end_location)


class RecipeDialog(Dialog[Recipe | None]):
    """Which recipe?

    Arguments:
        recipe: of the run that goes on, with its changes.
    """

    CSS_PATH = "recipe.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "cancel", id="recipe.cancel", tooltip="Leave all as it is"),
        Binding("ctrl+s", "accept", "OK", id="recipe.accept", tooltip="Take this recipe", priority=True),
    ]

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self._recipe = recipe

    def compose(self) -> ComposeResult:
        """The line, the answer to it, buttons."""
        with Vertical(id="recipe-box") as box:
            box.border_title = "Recipe"
            yield Static(content(HINT, MUTED), markup=False)
            yield RecipeLine(str(self._recipe), id="recipe-line")
            with VerticalScroll(id="recipe-answer", can_focus=False):
                yield Static(id="recipe-said", markup=False)
            with Horizontal(id="recipe-buttons"):
                yield Button("OK (ctrl+s)", id="recipe-ok", variant="primary", compact=True)
                yield Button("Clear", id="recipe-clear", compact=True)
                yield Button("Cancel (esc)", id="recipe-cancel", compact=True)

    def on_mount(self) -> None:
        """The line takes the keys, all of it selected: a paste replaces it."""
        line = self.query_one(RecipeLine)
        line.focus()
        line.select_all()
        self._judge()

    @property
    def recipe(self) -> Recipe:
        """What the line says.

        Raises:
            RecipeError: if it is no recipe, or the model cannot be made that way.
        """
        line = self.query_one(RecipeLine).text
        if line == _shown(str(self._recipe)):
            return self._recipe
        if not line.strip():
            raise RecipeError("there is no recipe here yet; paste one, or write name=value")
        recipe = Recipe.parse(line)
        refused = objection(recipe)
        if refused:
            raise RecipeError(refused)
        return recipe

    def action_accept(self) -> None:
        """Hand the recipe out; a refusal is on the screen already."""
        try:
            recipe = self.recipe
        except RecipeError:
            self.query_one(RecipeLine).focus()
        else:
            self.dismiss(recipe)

    def on_recipe_line_submitted(self, event: RecipeLine.Submitted) -> None:
        """Enter in the line is OK."""
        event.stop()
        self.action_accept()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Judge while the person types."""
        event.stop()
        self._judge()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons."""
        event.stop()
        match event.button.id:
            case "recipe-ok":
                self.action_accept()
            case "recipe-clear":
                line = self.query_one(RecipeLine)
                line.load_text("")
                line.focus()
            case _:
                self.dismiss(None)

    def _judge(self) -> None:
        """What is different, or what is wrong."""
        said = self.query_one("#recipe-said", Static)
        try:
            found = differences(self._recipe, self.recipe)
        except RecipeError as refused:
            said.update(content(str(refused), "$text-error"))
            return
        said.update(_listed(found) if found else content("the recipe of the run that goes on", MUTED))


def _listed(found: tuple[Difference, ...]) -> Content:
    """What differs, a line each."""
    names = max(len(difference.name) for difference in found)
    befores = min(max(len(difference.before) for difference in found), VALUE_CELLS)
    lines = []
    for difference in found:
        when = "changes at once" if difference.live else "begins a new run"
        lines.append(
            Content.assemble(
                (difference.name.ljust(names + 2), "bold"),
                (screen_text(difference.before, newlines=False).rjust(befores), MUTED),
                " → ",
                screen_text(difference.after, newlines=False),
                (f"   {when}", "$text-success" if difference.live else MUTED),
            )
        )
    return Content("\n").join(lines)


def _shown(line: str) -> str:
    """A recipe on one line, safe to show."""
    return screen_text(" ".join(line[:LONGEST].splitlines()), newlines=False)
