"""Every model has a preset in which a step is instant and one that learns well; each can be begun."""

from __future__ import annotations

import pytest

from corpora.corpus import Corpus
from engine.footprint import parameter_count
from engine.models.presets import PRESETS, STANDARD, TINY, preset, preset_recipe
from engine.training.beginning import begin
from engine.training.recipe import Recipe
from engine.training.rules import GRADIENT, RULES, RecipeError

INSTANT = 5_000
"""Parameters up to which a step of any model takes about a millisecond."""


def test_every_model_has_both_presets() -> None:
    assert set(PRESETS) == set(RULES["model"].choices)
    assert all({TINY, STANDARD} <= set(presets) for presets in PRESETS.values())


@pytest.mark.parametrize("model", PRESETS)
def test_every_tiny_preset_begins_and_makes_a_step(model: str, phrase: Corpus) -> None:
    course = begin(preset_recipe(model, TINY), phrase)
    course.step()
    assert course.steps_made == 1
    assert sum(group.count for group in course.table) <= INSTANT


@pytest.mark.parametrize("model", GRADIENT)
def test_every_standard_preset_is_larger_than_the_tiny_one(model: str) -> None:
    tiny, standard = (parameter_count(preset_recipe(model, name), 65) for name in (TINY, STANDARD))
    assert standard > 2 * tiny


def test_a_preset_leaves_text_seed_and_stop_conditions_alone_and_decides_the_rest() -> None:
    base = Recipe(corpus="names", seed=7, stop_steps=99, hidden=77, rate=0.7).changed(3, "batch", 2)
    recipe = preset_recipe("lstm", TINY, base)
    assert (recipe.corpus, recipe.seed, recipe.stop_steps, recipe.model) == ("names", 7, 99, "lstm")
    assert (recipe.hidden, recipe.rate, recipe.changes) == (16, 0.01, ())
    assert set(preset("lstm", TINY)) == {
        name for name, rule in RULES.items() if rule.group not in ("text", "stopping") and name != "seed"
    }


def test_what_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(RecipeError, match="model = perceptron: the model must be one of mlp"):
        preset("perceptron", TINY)
    with pytest.raises(RecipeError, match="preset = huge: choose one of tiny, standard for lstm"):
        preset("lstm", "huge")
