"""Form: a row for every ingredient that means something to what is chosen, under the heading of its group.

What it promises: a row comes when a choice gives it a meaning and goes when it means nothing; one that is not there
counts as its default; another model brings its tiny preset along. What it does not know: what is done with the
choices, and whether they contradict each other.

A row is made when it is first needed: making all of them would take twice as long as a person likes to wait.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Static

from engine.models.presets import TINY, preset
from engine.training.recipe import DEFAULTS, Recipe
from engine.training.rules import RULES, Scalar
from tui.dialogs.ingredient import Ingredient
from tui.text import content

FIXED = ("corpus", "fingerprint")
"""Chosen by opening a text, not by typing."""
EDITABLE = tuple(name for name in RULES if name not in FIXED)
OWNERS = {rule.belongs[0] for rule in RULES.values() if rule.belongs}
"""Ingredients that decide whether others mean something."""
GROUPS = tuple(dict.fromkeys(RULES[name].group for name in EDITABLE))


class Group(Vertical):
    """The rows under one heading."""

    def __init__(self, name: str, note: str, rows: list[Ingredient]) -> None:
        """A heading, a note under it or "", and the rows that are there from the beginning."""
        heading = Static(name.capitalize(), classes="settings-group", markup=False)
        notes = [Static(content(note), classes="settings-fixed", markup=False)] if note else []
        super().__init__(heading, *notes, *rows, id=f"settings-{name}", classes="settings-rows")


class Form(VerticalScroll, can_focus=False, inherit_bindings=False):
    """The rows; what has the focus is scrolled to.

    Arguments:
        recipe: what stands there at first.
    """

    class Changed(Message):
        """Something else is chosen or typed, and the rows are those that mean something to it."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(id="settings-form")
        self._recipe = recipe
        self._waiting: dict[str, Scalar] = {name: getattr(recipe, name) for name in EDITABLE}
        self._rows: dict[str, Ingredient] = {}
        self._model = recipe.model

    def compose(self) -> ComposeResult:
        """The groups, with the rows that mean something now."""
        shown = [name for name in EDITABLE if self._recipe.means(name)]
        for group in GROUPS:
            note = ""
            if group == "text":
                note = f"corpus {self._recipe.corpus}: another text is opened from the corpus pane"
            yield Group(group, note, [self._row(name) for name in shown if RULES[name].group == group])

    def on_mount(self) -> None:
        """No group without a row."""
        self._settle()

    @property
    def rows(self) -> Mapping[str, Ingredient]:
        """The rows that mean something, in the order of the rules."""
        meant = self._meant()
        return {name: row for name in EDITABLE if (row := self._rows.get(name)) and name in meant}

    @property
    def values(self) -> dict[str, Scalar]:
        """What is chosen; a default for what means nothing.

        Raises:
            RecipeError: if a row holds what its rule refuses.
        """
        rows = self.rows
        return {name: rows[name].value if name in rows else DEFAULTS[name] for name in EDITABLE}

    @property
    def model(self) -> str:
        """The model that is chosen."""
        return self._model

    def take(self, values: Mapping[str, Scalar]) -> None:
        """Put these values into their rows."""
        self._model = str(values.get("model", self._model))
        for name, value in values.items():
            if name in self._rows:
                self._rows[name].take(value)
            else:
                self._waiting[name] = value
        self._settle()

    def on_ingredient_changed(self, event: Ingredient.Changed) -> None:
        """Another model brings its tiny preset along; rows come and go."""
        event.stop()
        if event.row.ingredient == "model" and event.row.typed != self._model:
            self.take(preset(event.row.typed, TINY))
        elif event.row.ingredient in OWNERS:
            self._settle()
        self.post_message(self.Changed())

    def _meant(self) -> set[str]:
        """The ingredients that mean something beside what is chosen now, whether or not that fits together."""
        meant: set[str] = set()
        for name, rule in RULES.items():  # owners stand before what belongs to them
            if rule.belongs is None:
                meant.add(name)
                continue
            owner, choices = rule.belongs
            chosen = self._rows[owner].typed if owner in self._rows else self._waiting[owner]
            if owner in meant and chosen in choices:
                meant.add(name)
        return meant

    def _row(self, name: str) -> Ingredient:
        """A new row."""
        row = self._rows[name] = Ingredient(name, RULES[name], self._waiting.pop(name))
        return row

    def _settle(self) -> None:
        """Show the rows and headings that mean something, and no others."""
        meant = self._meant()
        for group in GROUPS:
            members = [name for name in EDITABLE if RULES[name].group == group]
            container = self.query_one(f"#settings-{group}", Group)
            following: Ingredient | None = None
            for name in reversed(members):
                if name in meant and name not in self._rows:
                    container.mount(self._row(name), before=following)
                if name in self._rows:
                    following = self._rows[name]
                    following.display = name in meant
            container.display = not meant.isdisjoint(members)
