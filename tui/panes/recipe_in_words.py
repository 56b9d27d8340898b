"""A recipe and a parameter table in the words of the training pane.

What it promises: pieces of text without markup, no piece wider than it must be. What it does not know: the
screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from engine.snapshot import ParameterGroup, Phase, Snapshot, Trace
from engine.training.recipe import Recipe
from tui.panes.numerals import plain, thousands

ARROW = "→\N{NO-BREAK SPACE}"
"""An arrow that stays with what it points at when a line is wrapped."""


@dataclass(frozen=True)
class Component:
    """The parameters of one layer, a row of the table.

    Attributes:
        name: of the layer.
        formula: how the count comes about, such as "128×256 + 128".
        count: how many numbers.
    """

    name: str
    formula: str
    count: int


def components(parameters: Sequence[ParameterGroup]) -> tuple[Component, ...]:
    """The parameter table, the weight and the bias of a layer in one row."""
    rows = []
    for layer, members in groupby(parameters, key=lambda group: group.name.rpartition(".")[0] or group.name):
        groups = list(members)
        formula = " + ".join(group.formula.replace(" x ", "×") for group in groups)
        rows.append(Component(layer_name(layer), formula, sum(group.count for group in groups)))
    return tuple(rows)


def layer_name(name: str) -> str:
    """A layer's name as people count: "hidden.0" is "hidden 1"."""
    return " ".join(str(int(part) + 1) if part.isdecimal() else part for part in name.split("."))


def facts(recipe: Recipe, vocabulary: int) -> tuple[tuple[str, str], ...]:
    """What a run is made of: names and values, the values to be wrapped at their spaces.

    Arguments:
        recipe: as it stands.
        vocabulary: V, characters.
    """
    model = [recipe.model, recipe.activation, recipe.initialiser]
    if recipe.dropout:
        model.append(f"dropout\N{NO-BREAK SPACE}{plain(recipe.dropout)}")
    if recipe.precision != "float32":
        model.append(recipe.precision)
    widths = [recipe.hidden] * recipe.layers + [vocabulary]
    shape = " ".join([f"{recipe.context}×{recipe.embedding}", *(f"{ARROW}{width}" for width in widths)])
    optimizer = recipe.optimizer
    if recipe.momentum:
        optimizer += f", momentum\N{NO-BREAK SPACE}{plain(recipe.momentum)}"
    schedule = recipe.schedule
    if recipe.schedule == "cosine":
        schedule += f" to\N{NO-BREAK SPACE}{thousands(recipe.steps)}"
        schedule += f", warm-up\N{NO-BREAK SPACE}{thousands(recipe.warmup)}" if recipe.warmup else ""
    return (
        ("model", ", ".join(model)),
        ("shape", shape),
        ("optimizer", optimizer),
        ("schedule", schedule),
        ("seed", str(recipe.seed)),
    )


def reach(snapshot: Snapshot) -> str:
    """How far one can go back."""
    now, limit = snapshot.rewindable, snapshot.rewind_limit
    if not now and not limit:
        return "no: too large a model"
    return f"{thousands(now)} steps" if now >= limit else f"{thousands(now)} of {thousands(limit)} steps"


def under_way(trace: Trace | None) -> bool:
    """Whether a step has begun and is not yet finished."""
    return trace is not None and trace.done is not Phase.UPDATE


def in_force(snapshot: Snapshot) -> Recipe | None:
    """The recipe of the next whole step: a change made between the phases of a step waits for its end."""
    if snapshot.recipe is None:
        return None
    return snapshot.recipe.at(snapshot.step + under_way(snapshot.trace))
