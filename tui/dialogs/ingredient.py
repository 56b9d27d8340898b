"""Ingredient: one row of the settings, made from the ingredient's rule.

What it promises: it takes anything that is typed, says at once and in words what is wrong with it, and shows
only what `tui.text` lets through. What it does not know: the other ingredients.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, Select, Static

from engine.training.rules import RecipeError, Rule, Scalar
from tui.dialogs.differences import written
from tui.text import content, screen_text, single_line

MUTED = "$foreground 60%"
LONGEST = 40
"""Characters kept of what is typed; the longest number has 20."""
QUOTED = 12
"""Cells of what was typed that an error repeats."""


class Choice(Select[str], inherit_bindings=False):
    """A menu that leaves up and down to the form it stands in."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "show_overlay", "menu", show=False, id="choice.menu", tooltip="All choices"),
        Binding("left,h", "turn(-1)", "before", show=False, id="choice.before", tooltip="The choice before"),
        Binding("right,l", "turn(1)", "next", show=False, id="choice.next", tooltip="The next choice"),
    ]

    def __init__(self, choices: tuple[str, ...], value: str) -> None:
        """A menu of `choices`, words of the rules."""
        super().__init__([(word, word) for word in choices], value=value, allow_blank=False, compact=True)
        self._words = choices

    def action_turn(self, places: int) -> None:
        """Another choice, round and round."""
        self.value = self._words[(self._words.index(str(self.value)) + places) % len(self._words)]


class Line(Input):
    """A line for a number that never shows what could write elsewhere on the screen."""

    def validate_value(self, value: str) -> str:
        """Every way into the line leads through here."""
        return screen_text(value[:LONGEST], newlines=False)[:LONGEST]


class Ingredient(Horizontal):
    """Name, control, and what it may be or what is wrong."""

    class Changed(Message):
        """Something else was chosen or typed."""

    def __init__(self, name: str, rule: Rule, value: Scalar) -> None:
        """A row that starts as `value`."""
        super().__init__(id=f"ingredient-{name}", classes="ingredient")
        self.ingredient = name
        self._rule = rule
        self._control: Choice | Line = (
            Choice(rule.choices, str(value)) if rule.choices else Line(written(value), compact=True)
        )
        self._words = Static(classes="ingredient-words", markup=False)

    def compose(self) -> ComposeResult:
        """The three parts, from left to right."""
        yield Label(self.ingredient.replace("_", " "), markup=False)
        yield self._control
        yield self._words

    def on_mount(self) -> None:
        """Say what it may be."""
        self._say()

    @property
    def typed(self) -> str:
        """What stands there, right or wrong."""
        return str(self._control.value)

    @property
    def value(self) -> Scalar:
        """What stands there.

        Raises:
            RecipeError: if the rule refuses it.
        """
        return self._rule.read(self.ingredient, self.typed)

    @property
    def is_valid(self) -> bool:
        """Whether the rule takes what stands there."""
        try:
            return self.value is not None
        except RecipeError:
            return False

    def take(self, value: Scalar) -> None:
        """Put `value` there."""
        self._control.value = written(value)

    def enter(self) -> None:
        """Put the focus there."""
        self._control.focus()

    def on_descendant_focus(self) -> None:
        """Look like it; `:focus-within` reaches the row but not always the label in it."""
        self.add_class("-here")

    def on_descendant_blur(self) -> None:
        """Look like the others again."""
        self.remove_class("-here")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Judge while the person types."""
        event.stop()
        self._say()
        self.post_message(self.Changed())

    def on_select_changed(self, event: Select.Changed) -> None:
        """Another choice."""
        event.stop()
        self.post_message(self.Changed())

    def _say(self) -> None:
        """What it may be and when that takes effect, or what is wrong."""
        rule, valid = self._rule, self.is_valid
        self.set_class(not valid, "-wrong")
        if not valid:
            quoted = single_line(self.typed, QUOTED).rstrip()
            wrong = f"must be {rule.allowed}" + (f", not {quoted}" if quoted else "; nothing is there")
            self._words.update(content(wrong, "$text-error", newlines=False))
            return
        meaning = rule.meaning if rule.choices else f"{rule.meaning}: {rule.allowed}"
        when = ("changes at once", "$text-success") if rule.live else ("needs a restart", MUTED)
        self._words.update(Content.assemble((f"{meaning}; ", MUTED), when))
