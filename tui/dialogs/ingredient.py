"""Ingredient: one row of the settings, made from the ingredient's rule.

What it promises: it takes anything that is typed, says at once and in words what is wrong with it, and shows
only what `tui.text` lets through. What it does not know: the other ingredients.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, Static

from engine.models.catalog import MODELS, ModelEntry
from engine.training.optimizers.catalog import OPTIMIZERS, OptimizerEntry
from engine.training.rules import COUNTING, GRADIENT, RecipeError, Rule, Scalar
from tui.dialogs.choice import MUTED, Choice, Entry
from tui.dialogs.differences import written
from tui.text import content, screen_text, single_line

HEADINGS = {GRADIENT[0]: "Learning by gradients", COUNTING[0]: "Counting"}
"""What stands above the first model of each kind."""
LONGEST = 40
"""Characters kept of what is typed; the longest number has 20."""
QUOTED = 12
"""Cells of what was typed that an error repeats."""


class Line(Input):
    """A line for a number that never shows what could write elsewhere on the screen."""

    def validate_value(self, value: str) -> str:
        """Every way into the line leads through here."""
        return screen_text(value[:LONGEST], newlines=False)[:LONGEST]


def entries_of(name: str, rule: Rule) -> list[Entry]:
    """The choices of an ingredient, with what is known of each."""
    catalogs: Mapping[str, Mapping[str, ModelEntry | OptimizerEntry]] = {
        "model": MODELS,
        "optimizer": OPTIMIZERS,
    }
    entries = []
    for word in rule.choices:
        known = catalogs[name].get(word) if name in catalogs else None
        meaning, source = ("", "") if known is None else (known.description, known.source)
        entries.append(Entry(word, meaning, source, HEADINGS.get(word, "") if name == "model" else ""))
    return entries


class Ingredient(Horizontal):
    """Name, control, and what it may be or what is wrong."""

    class Changed(Message):
        """Something else was chosen or typed in this row."""

        def __init__(self, row: Ingredient) -> None:
            super().__init__()
            self.row = row

    def __init__(self, name: str, rule: Rule, value: Scalar) -> None:
        """A row that starts as `value`."""
        super().__init__(id=f"ingredient-{name}", classes="ingredient")
        self.ingredient = name
        self._rule = rule
        self._entries = {entry.word: entry for entry in entries_of(name, rule)}
        self._control: Choice | Line = (
            Choice(name.replace("_", " "), tuple(self._entries.values()), str(value))
            if rule.choices
            else Line(written(value), compact=True)
        )
        self._said = self.typed
        self._words = Static(self._told(), classes="ingredient-words", markup=False)
        self.set_class(not self.is_valid, "-wrong")

    def compose(self) -> ComposeResult:
        """The three parts, from left to right."""
        yield Label(self.ingredient.replace("_", " "), markup=False)
        yield self._control
        yield self._words

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

    def stands_at(self, value: Scalar) -> bool:
        """Whether exactly this value stands there."""
        return self.is_valid and self.value == value

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
        self._judge()

    def on_choice_changed(self, event: Choice.Changed) -> None:
        """Another choice."""
        event.stop()
        self._judge()

    def _judge(self) -> None:
        """Say what is to be said of something new; a line tells of its first value, too, which is known."""
        if self.typed == self._said:
            return
        self._said = self.typed
        self.set_class(not self.is_valid, "-wrong")
        self._words.update(self._told())
        self.post_message(self.Changed(self))

    def _told(self) -> Content:
        """What it may be and when that takes effect, or what is wrong."""
        rule = self._rule
        if not self.is_valid:
            quoted = single_line(self.typed, QUOTED).rstrip()
            wrong = f"must be {rule.allowed}" + (f", not {quoted}" if quoted else "; nothing is there")
            return content(wrong, "$text-error", newlines=False)
        chosen = self._entries.get(self.typed)
        if chosen is not None and chosen.meaning:
            meaning = f"{rule.meaning}: {chosen.meaning} ({chosen.source.partition(',')[0]})"
        else:
            meaning = rule.meaning if rule.choices else f"{rule.meaning}: {rule.allowed}"
        when = ("changes at once", "$text-success") if rule.live else ("begins a new run", MUTED)
        return Content.assemble((f"{meaning}; ", MUTED), when)
