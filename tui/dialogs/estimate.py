"""What a recipe would come to, before anything is built: its parameters, its memory, and whether it can be.

What it promises: the numbers that the trainer would report. What it does not know: how long a step takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from engine.models.catalog import MODELS, build
from engine.models.mlp import Sizes
from engine.training.course import split_borders
from engine.training.optimizers.catalog import optimizer
from engine.training.recipe import Recipe
from engine.training.rewind import BUDGET, STRIDE, Past
from engine.training.rules import FEED_FORWARD, SCALAR

MOMENTS = {"sgd": 0, "nesterov": 0, "adagrad": 1, "rmsprop": 1, "adam": 2, "adamw": 2}
"""Vectors as long as the parameters that an optimizer keeps; momentum is one more."""


@dataclass(frozen=True)
class Estimate:
    """What a run would need.

    Attributes:
        parameters: how many.
        state_bytes: of one remembered step: parameters and optimizer.
        rewind_limit: steps that memory would reach back.
    """

    parameters: int
    state_bytes: int
    rewind_limit: int


def estimate(recipe: Recipe, vocabulary: int, budget: int = BUDGET) -> Estimate | None:
    """What a run of `recipe` would need; None where that is not known beforehand.

    Arguments:
        recipe: the choices.
        vocabulary: V, characters.
        budget: bytes for the memory of the past.
    """
    parameters = _parameters(recipe, vocabulary)
    if parameters is None:
        return None
    scalar = recipe.model in SCALAR  # always float64, and every step of it is remembered
    vectors = 1 + MOMENTS[recipe.optimizer] + (recipe.momentum > 0)
    state_bytes = parameters * (8 if scalar or recipe.precision == "float64" else 4) * vectors
    return Estimate(parameters, state_bytes, Past(state_bytes, budget, 1 if scalar else STRIDE).limit)


def _parameters(recipe: Recipe, vocabulary: int) -> int | None:
    """How many parameters the model would have, None if that is not known."""
    if recipe.model not in FEED_FORWARD:
        return None
    sizes = Sizes(
        vocabulary=vocabulary,
        context=recipe.context,
        embedding=recipe.embedding,
        hidden=recipe.hidden,
        layers=recipe.layers,
    )
    linear = sum(inputs * outputs + outputs for inputs, outputs in pairwise(sizes.widths))
    return vocabulary * recipe.embedding + linear


def objection(recipe: Recipe, length: int | None = None) -> str:
    """Why a run of `recipe` would be refused, "" if it would not.

    Arguments:
        recipe: the choices, each within its own range.
        length: of the text, characters, if it is known.
    """
    try:
        if recipe.model in MODELS:
            build(_as_small_as_can_be(recipe), ("a", "b"))
        if recipe.means("optimizer"):
            optimizer(recipe.optimizer, 1, recipe.precision, momentum=recipe.momentum)
        if length is not None:
            split_borders(recipe, length)
    except ValueError as refused:  # a RecipeError, or the optimizer's own words
        return str(refused)
    return ""


def _as_small_as_can_be(recipe: Recipe) -> Recipe:
    """The same kind of model with as few numbers as possible, quick to make."""
    sizes = {name: 1 for name in ("context", "embedding", "hidden", "layers", "heads") if recipe.means(name)}
    return recipe.with_values(**sizes)
