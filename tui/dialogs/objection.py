"""What the engine would refuse, known before anything is built.

What it promises: the engine's own words. What it does not know: whether the text can be had.
"""

from __future__ import annotations

from engine.footprint import require_room
from engine.models.catalog import build
from engine.training.course import split_borders
from engine.training.recipe import Recipe
from engine.training.rules import RecipeError


def objection(recipe: Recipe, vocabulary: int | None = None, length: int | None = None) -> str:
    """Why a run of `recipe` would be refused, "" if it would not.

    Arguments:
        recipe: the choices, each within its own range.
        vocabulary: V of the text, if it is known.
        length: of the text, characters, if it is known.
    """
    try:
        build(_as_small_as_can_be(recipe), ("a", "b"))
        if length is not None:
            split_borders(recipe, length)
        if vocabulary is not None:
            require_room(recipe, vocabulary, length or 0)
    except RecipeError as refused:
        return str(refused)
    return ""


def _as_small_as_can_be(recipe: Recipe) -> Recipe:
    """The same kind of model with as few numbers as possible, quick to make."""
    if recipe.positions == "rotary" and recipe.embedding // recipe.heads % 2:
        return recipe  # which turn pairs: its sizes alone are refused, before anything is made
    smallest = {"context": 1, "embedding": 2, "hidden": 1, "layers": 1, "heads": 1}
    return recipe.with_values(**{name: size for name, size in smallest.items() if recipe.means(name)})
