"""SettingsDialog: everything that is chosen about a run, as a form made from the rules of a recipe.

What it promises: only a recipe that the engine would take comes out; each wrong field says what it may be
while it is typed; and what the choices come to, in parameters and in steps of memory, follows every key.
What it does not know: whether a run goes on or starts again; who opens the dialog sees to that, with
`differences` to tell which.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Static

from engine.footprint import footprint
from engine.training.recipe import DEFAULTS, Recipe
from engine.training.rules import RecipeError, Scalar
from tui.dialogs.choice import MUTED
from tui.dialogs.differences import all_live, differences
from tui.dialogs.form import EDITABLE, Form
from tui.dialogs.objection import objection
from tui.dialogs.presets import OFFERS
from tui.panes.numerals import MISSING
from tui.screens import Dialog
from tui.text import content

FIRST_OF_MODEL = next(index for index, offer in enumerate(OFFERS) if not offer.model)
"""The first preset that is one of the chosen model."""


class SettingsDialog(Dialog[Recipe | None]):
    """Which model, and how to train it?

    Arguments:
        recipe: as it stands now (`Snapshot.current`); the one that comes out has no changes for later steps.
        vocabulary: V of the text that is open, None if none is.
        length: of that text, characters.
    """

    CSS_PATH = "settings.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "cancel", id="settings.cancel", tooltip="Leave all as it is"),
        Binding("ctrl+s", "accept", "OK", id="settings.accept", tooltip="Take these settings", priority=True),
        Binding("ctrl+r", "reset", "defaults", id="settings.reset", tooltip="All fields as they come"),
        Binding("down", "app.focus_next", "next field", show=False, id="settings.next"),
        Binding("up", "app.focus_previous", "field before", show=False, id="settings.before"),
        Binding("pagedown", "page(1)", "page down", show=False, id="settings.page_down"),
        Binding("pageup", "page(-1)", "page up", show=False, id="settings.page_up"),
        *(
            Binding(
                offer.key,
                f"preset({index})",
                offer.label,
                show=False,
                id=f"settings.preset_{index + 1}",
                tooltip=offer.purpose,
            )
            for index, offer in enumerate(OFFERS)
        ),
    ]

    def __init__(self, recipe: Recipe, *, vocabulary: int | None = None, length: int | None = None) -> None:
        super().__init__()
        self._recipe = recipe.with_values(changes=())
        self._vocabulary = vocabulary
        self._length = length

    def compose(self) -> ComposeResult:
        """Presets, the form group by group, what it comes to, buttons."""
        with Vertical(id="settings-box") as box:
            box.border_title = "Settings"
            with Horizontal(id="settings-presets"):
                for index, offer in enumerate(OFFERS):
                    if index == FIRST_OF_MODEL:
                        yield Static(id="settings-whose", markup=False)
                    label = Content(f"{offer.label} ({offer.key})")
                    yield Button(label, id=f"preset-{index}", compact=True, tooltip=offer.purpose)
            yield Form(self._recipe)
            yield Static(id="settings-estimate", markup=False)
            yield Static(id="settings-said", markup=False)
            with Horizontal(id="settings-buttons"):
                yield Button("OK (ctrl+s)", id="settings-ok", variant="primary", compact=True)
                yield Button("Defaults (ctrl+r)", id="settings-defaults", compact=True)
                yield Button("Cancel (esc)", id="settings-cancel", compact=True)

    def on_mount(self) -> None:
        """The choice of the model takes the keys."""
        self._form.rows["model"].enter()
        self._judge()

    @property
    def _form(self) -> Form:
        return self.query_one(Form)

    @property
    def recipe(self) -> Recipe:
        """What the form says.

        Raises:
            RecipeError: if a field is wrong, or the fields contradict each other, the text or the model.
        """
        recipe = self._recipe.with_values(**self._form.values)
        refused = objection(recipe, self._vocabulary, self._length)
        if refused:
            raise RecipeError(refused)
        return recipe

    def action_accept(self) -> None:
        """Hand the recipe out, or go to what is wrong."""
        wrong = next((row for row in self._form.rows.values() if not row.is_valid), None)
        if wrong is not None:
            wrong.enter()
            return
        try:
            self.dismiss(self.recipe)
        except RecipeError:
            self._judge()  # says why

    def action_reset(self) -> None:
        """Every field as it comes; the text stays."""
        self._take({name: DEFAULTS[name] for name in EDITABLE})

    def action_preset(self, index: int) -> None:
        """Set what a preset decides."""
        self._take(OFFERS[index].values(self._form.model))

    def action_page(self, pages: int) -> None:
        """Scroll the form by what is in view."""
        form = self._form
        form.scroll_relative(y=pages * max(form.size.height - 1, 1), animate=False)

    def on_form_changed(self, event: Form.Changed) -> None:
        """Judge the whole while the person types."""
        event.stop()
        self._judge()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a field is OK."""
        event.stop()
        self.action_accept()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons."""
        event.stop()
        button = event.button.id or ""
        if button.startswith("preset-"):
            self.action_preset(int(button.removeprefix("preset-")))
        elif button == "settings-ok":
            self.action_accept()
        elif button == "settings-defaults":
            self.action_reset()
        else:
            self.dismiss(None)

    def _take(self, values: Mapping[str, Scalar]) -> None:
        self._form.take(values)
        self._judge()

    def _judge(self) -> None:
        """What the choices come to, and what OK will do or what is in its way."""
        said, needs = self.query_one("#settings-said", Static), self.query_one("#settings-estimate", Static)
        self._mark_preset()
        needs.update(Content.styled(f"{MISSING} parameters", MUTED))
        wrong = [name.replace("_", " ") for name, row in self._form.rows.items() if not row.is_valid]
        if wrong:
            said.update(content(f"still to be mended: {', '.join(wrong)}", "$text-error"))
            return
        try:
            recipe = self.recipe
        except RecipeError as refused:
            said.update(content(str(refused), "$text-error"))
            return
        needs.update(self._estimate(recipe))
        found = differences(self._recipe, recipe)
        if not found:
            words = "nothing is changed"
        elif all_live(found):
            words = "OK changes the run as it goes: " + ", ".join(d.name for d in found)
        else:
            words = "OK starts the run again: " + ", ".join(d.name for d in found if not d.live)
        said.update(content(words, MUTED))

    def _mark_preset(self) -> None:
        """Whose presets there are, and which of them the form stands at."""
        form = self._form
        self.query_one("#settings-whose", Static).update(content(f"{form.model}:", MUTED))
        for index, offer in enumerate(OFFERS):
            wanted = offer.values(form.model)
            stands = all(row.stands_at(wanted[name]) for name, row in form.rows.items() if name in wanted)
            self.query_one(f"#preset-{index}", Button).set_class(stands, "-stands")

    def _estimate(self, recipe: Recipe) -> Content:
        if self._vocabulary is None:
            return Content.styled("how many parameters depends on the text: none is open", MUTED)
        needs = footprint(recipe, self._vocabulary, self._length or 0)
        size = f"about {needs.bytes / 1e6:,.{0 if needs.bytes >= 1e7 else 1}f} MB"
        if not recipe.means("rate"):
            return Content.styled(f"n-grams are counted while the text is read; {size}", MUTED)
        return Content.assemble(
            (f"{needs.parameters:,} parameters", "bold"),
            (f" (V = {self._vocabulary:,}); {size}; one can go back ", MUTED),
            (f"{needs.rewind_limit:,} steps", "bold"),
        )
