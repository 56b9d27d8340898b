"""From the words of a command to a recipe: a model's preset, then what was set beside it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from corpora.corpus import Corpus, Origin
from engine.cli.failures import CommandError
from engine.models.presets import preset_recipe
from engine.training.recipe import Recipe, split_shares
from engine.training.rules import COUNTING, RULES, RecipeError, Scalar

STEPS = 2_000
"""Steps of a run that nothing else ends."""


def settings(given: Sequence[str]) -> dict[str, Scalar]:
    """The ingredients that `--set name=value` words set; `split=0.9/0.05/0.05` sets both shares.

    Raises:
        CommandError: if a word is not name=value, or names no ingredient, or one twice.
    """
    values: dict[str, Scalar] = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not equals:
            raise CommandError(f"--set {word}: write name=value, such as --set hidden=64")
        if name != "split" and name not in RULES:
            near = difflib.get_close_matches(name, [*RULES, "split"], n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(RULES)} and split"
            raise CommandError(f"--set {word}: {name} is no ingredient of a recipe; {hint}")
        new = split_shares(value) if name == "split" else {name: value}
        twice = sorted(set(new) & set(values))
        if twice:
            raise CommandError(f"--set {word}: {twice[0]} is set twice")
        values |= new
    return values


def recipe_for(
    model: str, preset: str, given: Sequence[str], *, corpus: Corpus, seed: int | None, steps: int | None
) -> Recipe:
    """A recipe for a new run.

    Arguments:
        model, preset: where to begin from.
        given: the `--set` words.
        corpus: the text.
        seed: of the run, None for the preset's.
        steps: when to stop; a schedule that falls to its floor then does so by then.
    Raises:
        CommandError: if the choices contradict each other or their ranges.
    """
    try:
        values = settings(given)
        if "model" in values:
            raise CommandError(f"--set model={values['model']}: choose it with --model")
        recipe = preset_recipe(model, preset)
        if seed is not None:
            values = {"seed": seed, **values}
        if steps is not None:
            values = {**_ending_at(recipe, steps, values), **values}
        recipe = recipe.with_values(**values, corpus=corpus.source if _is_file(corpus) else corpus.name)
    except RecipeError as error:
        raise CommandError(str(error)) from error
    return recipe if has_an_end(recipe) else recipe.with_values(stop_steps=_planned(recipe))


def has_an_end(recipe: Recipe) -> bool:
    """Whether a run of this recipe stops by itself."""
    ends = (recipe.stop_steps, recipe.stop_seconds, recipe.stop_loss, recipe.patience)
    return recipe.model in COUNTING or any(ends)


def _ending_at(recipe: Recipe, steps: int, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """What stops a run after `steps` steps, with a schedule and a warm-up that fit into them."""
    ending: dict[str, Scalar] = {"stop_steps": steps}
    schedule = values.get("schedule", recipe.schedule)
    if schedule in ("linear", "cosine") and "steps" not in values and steps > 0:
        ending["steps"] = steps
        if "warmup" not in values:
            ending["warmup"] = min(recipe.warmup, steps // 10)
    return ending


def _planned(recipe: Recipe) -> int:
    """Steps after which a run ends that was not told when to."""
    return recipe.steps if recipe.means("steps") else STEPS


def _is_file(corpus: Corpus) -> bool:
    return corpus.origin is Origin.OWN
