"""What a recipe would come to, before anything is built: its parameters, its memory, and whether it can be.

What it promises: the numbers that the trainer would report. What it does not know: how long a step takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from engine.models.catalog import build
from engine.models.mlp import Sizes
from engine.training.course import split_borders
from engine.training.recipe import Recipe
from engine.training.rewind import BUDGET, STRIDE, Past
from engine.training.rules import RecipeError

MOMENTS = {"sgd": 0, "adam": 2}
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


def estimate(recipe: Recipe, vocabulary: int, budget: int = BUDGET) -> Estimate:
    """What a run of `recipe` would need.

    Arguments:
        recipe: the choices.
        vocabulary: V, characters.
        budget: bytes for the memory of the past.
    """
    sizes = Sizes(
        vocabulary=vocabulary,
        context=recipe.context,
        embedding=recipe.embedding,
        hidden=recipe.hidden,
        layers=recipe.layers,
    )
    linear = sum(inputs * outputs + outputs for inputs, outputs in pairwise(sizes.widths))
    parameters = vocabulary * recipe.embedding + linear
    scalar = recipe.model == "scalar-mlp"  # always float64, and every step of it is remembered
    vectors = 1 + MOMENTS[recipe.optimizer] + (recipe.momentum > 0)
    state_bytes = parameters * (8 if scalar or recipe.precision == "float64" else 4) * vectors
    return Estimate(parameters, state_bytes, Past(state_bytes, budget, 1 if scalar else STRIDE).limit)


def objection(recipe: Recipe, length: int | None = None) -> str:
    """Why a run of `recipe` would be refused, "" if it would not.

    Arguments:
        recipe: the choices, each within its own range.
        length: of the text, characters, if it is known.
    """
    try:
        build(
            recipe.with_values(context=1, embedding=1, hidden=1, layers=1), ("a", "b")
        )  # as small as can be
        if length is not None:
            split_borders(recipe, length)
    except RecipeError as refused:
        return str(refused)
    return ""
