"""The catalog of models: from the choices of a recipe to a fresh model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.models.language_model import GradientModel
from engine.models.mlp import MLP, Sizes
from engine.models.scalar_mlp import ScalarMLP
from engine.sampling import pad_id
from engine.training.recipe import Recipe
from engine.training.rules import RecipeError


@dataclass(frozen=True)
class ModelEntry:
    """A model one can choose: its name in recipes, what it is, where it comes from, and how to make it."""

    name: str
    description: str
    source: str
    build: Callable[[Recipe, Sizes, int], GradientModel]


def _mlp(recipe: Recipe, sizes: Sizes, pad: int) -> GradientModel:
    return MLP(sizes, seed=recipe.seed, pad=pad, dtype=recipe.precision)


def _scalar_mlp(recipe: Recipe, sizes: Sizes, pad: int) -> GradientModel:
    return ScalarMLP(sizes, seed=recipe.seed, pad=pad)


BENGIO = "Bengio et al. 2003, A Neural Probabilistic Language Model"
MODELS = {
    entry.name: entry
    for entry in (
        ModelEntry("mlp", "feed-forward network on arrays: the one that runs", BENGIO, _mlp),
        ModelEntry("scalar-mlp", "the same on single numbers: the one to look at", BENGIO, _scalar_mlp),
    )
}


def build(recipe: Recipe, characters: Sequence[str]) -> GradientModel:
    """A fresh model as `recipe` says, for a vocabulary of these characters.

    Raises:
        RecipeError: if the model cannot be made that way.
    """
    sizes = Sizes(
        vocabulary=len(characters),
        context=recipe.context,
        embedding=recipe.embedding,
        hidden=recipe.hidden,
        layers=recipe.layers,
        activation=recipe.activation,
        initialiser=recipe.initialiser,
        dropout=recipe.dropout,
    )
    try:
        return MODELS[recipe.model].build(recipe, sizes, pad_id(characters))
    except ValueError as refused:  # the model's own words name the ingredient, its value and the way out
        raise RecipeError(str(refused)) from refused
