"""A recipe and a parameter table in the words of the training pane.

What it promises: pieces of text without markup, no piece wider than it must be. What it does not know: the
screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from engine.naming import layer_name
from engine.snapshot import ParameterGroup, Phase, Snapshot, Trace
from engine.training.recipe import DEFAULTS, Recipe
from engine.training.rules import FEED_FORWARD
from tui.panes.numerals import plain, thousands

ARROW = "→\N{NO-BREAK SPACE}"
"""An arrow that stays with what it points at when a line is wrapped."""


NBSP = "\N{NO-BREAK SPACE}"

BATCHINGS = {"windows": "shuffled windows", "blocks": "random blocks", "streams": "contiguous streams"}
"""How examples are drawn, for people."""


@dataclass(frozen=True)
class Component:
    """The parameters of one layer, a row of the table.

    Attributes:
        name: of the layer.
        formula: how the count comes about, such as "128×256 + 128"; "" where the rows below tell.
        count: how many numbers.
        part_of: the row above to which it belongs, and in whose count its own is included; "" for none.
    """

    name: str
    formula: str
    count: int
    part_of: str = ""


def components(parameters: Sequence[ParameterGroup]) -> tuple[Component, ...]:
    """The parameter table: weight and bias of a layer in one row, a block of several layers above its parts."""
    rows: list[Component] = []
    for unit, members in groupby(parameters, key=_unit):
        layers = [
            (layer, list(groups)) for layer, groups in groupby(members, key=lambda group: _layer(group.name))
        ]
        title = layer_name(unit)
        parts = [
            Component(
                layer_name(layer.removeprefix(f"{unit}.")) if len(layers) > 1 else title,
                " + ".join(group.formula.replace(" x ", "×") for group in groups),
                sum(group.count for group in groups),
                title if len(layers) > 1 else "",
            )
            for layer, groups in layers
        ]
        if len(parts) > 1:
            rows.append(Component(title, "", sum(part.count for part in parts)))
        rows += parts
    return tuple(rows)


def _layer(name: str) -> str:
    """The layer an array belongs to: "hidden.0.weight" to "hidden.0"."""
    return name.rpartition(".")[0] or name


def _unit(group: ParameterGroup) -> str:
    """The block a group belongs to: "block.0.norm.weight" to "block.0", others to their layer."""
    first, *rest = group.name.split(".")
    return f"{first}.{rest[0]}" if rest and rest[0].isdecimal() else _layer(group.name)


def facts(recipe: Recipe, vocabulary: int) -> tuple[tuple[str, str], ...]:
    """What a run is made of: names and values, the values to be wrapped at their spaces.

    Arguments:
        recipe: as it stands; what means nothing to its model is left out.
        vocabulary: V, characters.
    """
    told = [("model", ", ".join(_model(recipe)))]
    if recipe.means("embedding"):
        told.append(("shape", shape(recipe, vocabulary)))
    if recipe.means("optimizer"):
        told.append(("optimizer", ", ".join(_optimizer(recipe))))
        if recipe.schedule != "constant" or recipe.warmup:
            told.append(("schedule", ", ".join(_schedule(recipe))))
        told.append(("batching", f"{BATCHINGS[recipe.batching]} of{NBSP}{recipe.context}"))
    stops = " or ".join(_stops(recipe))
    if stops:
        told.append(("stops", stops))
    return (*told, ("seed", str(recipe.seed)))


def shape(recipe: Recipe, vocabulary: int, arrow: str = ARROW, times: str = "×") -> str:
    """The way of the numbers from the embedding to the V scores of a model that has layers.

    Arguments:
        recipe, vocabulary: as for `facts`.
        arrow: from one layer to the next, with the blank that holds it.
        times: between a number and what there are so many of.
    """
    if recipe.means("hidden"):
        first = f"{recipe.context}{times}" if recipe.model in FEED_FORWARD else ""
        widths = [f"{first}{recipe.embedding}", *[str(recipe.hidden)] * recipe.layers]
    else:
        widths = [str(recipe.embedding), f"{recipe.layers}{times}{recipe.embedding}"]
    return " ".join([widths[0], *(f"{arrow}{width}" for width in (*widths[1:], vocabulary))])


def model_in_short(recipe: Recipe, vocabulary: int) -> str:
    """The model in a few words, such as "mlp 8x32 > 128 > 128 > 45" or "kneser-ney 7"."""
    if recipe.means("embedding"):
        return f"{recipe.model} {shape(recipe, vocabulary, '> ', 'x')}"
    return f"{recipe.model} {recipe.order}" if recipe.means("order") else recipe.model


def learned(recipe: Recipe) -> str:
    """What a model of this kind learns, of which there are so many."""
    return "parameters" if recipe.means("rate") else "n-grams"


def _model(recipe: Recipe) -> Iterator[str]:
    """What kind of model it is."""
    yield recipe.model
    if recipe.means("order"):
        yield f"order{NBSP}{recipe.order}"
    if recipe.means("add"):
        yield f"add{NBSP}{plain(recipe.add)}"
    if recipe.means("heads"):
        yield f"{recipe.heads}{NBSP}head{'s' * (recipe.heads > 1)}"
    yield from (getattr(recipe, name) for name in ("activation", "initialiser") if recipe.means(name))
    if recipe.means("norm"):
        yield f"{recipe.norm}-norm"
    if recipe.means("positions"):
        yield f"{recipe.positions}{NBSP}positions"
    if recipe.means("forget_bias"):
        yield f"forget{NBSP}bias{NBSP}{plain(recipe.forget_bias)}"
    options = {"direct": "direct", "batchnorm": "batch norm", "tied": "tied"}
    yield from (words.replace(" ", NBSP) for name, words in options.items() if getattr(recipe, name) == "yes")
    if recipe.dropout:
        yield f"dropout{NBSP}{plain(recipe.dropout)}"
    if recipe.precision != DEFAULTS["precision"]:
        yield recipe.precision


def _optimizer(recipe: Recipe) -> Iterator[str]:
    """By which rule the weights are moved."""
    yield recipe.optimizer
    words = {"momentum": "momentum", "beta1": "β₁", "beta2": "β₂", "weight_decay": "weight decay"}
    for name, written in words.items():
        value = getattr(recipe, name)
        if value != DEFAULTS[name]:
            yield f"{written} {plain(value)}".replace(" ", NBSP)


def _schedule(recipe: Recipe) -> Iterator[str]:
    """How the rate goes on."""
    if recipe.means("steps"):
        yield f"{recipe.schedule} to{NBSP}{thousands(recipe.steps)}"
    elif recipe.means("drop_every"):
        yield f"×{plain(recipe.drop_factor)} every{NBSP}{thousands(recipe.drop_every)}"
    else:
        yield recipe.schedule
    if recipe.warmup:
        yield f"warm-up{NBSP}{thousands(recipe.warmup)}"
    if recipe.floor != DEFAULTS["floor"]:
        yield f"floor{NBSP}{recipe.floor:.2%}".replace(".00%", "%")


def _stops(recipe: Recipe) -> Iterator[str]:
    """After what it ends by itself."""
    if recipe.stop_steps:
        yield f"after {thousands(recipe.stop_steps)}{NBSP}steps"
    if recipe.stop_seconds:
        yield f"after {plain(recipe.stop_seconds)}{NBSP}s"
    if recipe.stop_loss:
        yield f"at {plain(recipe.stop_loss)}{NBSP}nats"
    if recipe.patience:
        yield f"after {thousands(recipe.patience)} validations without a better{NBSP}one"


def reach(snapshot: Snapshot) -> str:
    """How far one can go back."""
    now, limit = snapshot.rewindable, snapshot.rewind_limit
    if not now and not limit:
        return "no: too large a model"
    # memory may reach a few steps further than is promised
    return f"{thousands(limit)} steps" if now >= limit else f"{thousands(now)} of {thousands(limit)} steps"


def under_way(trace: Trace | None) -> bool:
    """Whether a step has begun and is not yet finished."""
    return trace is not None and trace.done is not Phase.UPDATE


def in_force(snapshot: Snapshot) -> Recipe | None:
    """The recipe of the next whole step: a change made between the phases of a step waits for its end."""
    if snapshot.recipe is None:
        return None
    return snapshot.recipe.at(snapshot.step + under_way(snapshot.trace))
