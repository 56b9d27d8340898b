"""From the words of a command to a recipe: a model's preset, then what was set beside it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from corpora.corpus import Corpus, Origin
from engine.cli.failures import CommandError
from engine.models.presets import PRESETS
from engine.models.presets import preset as preset_values
from engine.training.kept_text import sayable
from engine.training.recipe import DEFAULTS, Recipe, split_shares
from engine.training.rules import COUNTING, RULES, RecipeError, Scalar

STEPS = 2_000
"""Steps of a run that nothing else ends."""


def settings(given: Sequence[str]) -> dict[str, Scalar]:
    """The ingredients that `--set name=value` words set; `split=0.9/0.05/0.05` sets both shares.

    Raises:
        CommandError: if a word is not name=value, or names no ingredient, or one twice.
        RecipeError: if a split is none.
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
        steps: when to stop; a schedule that falls to its floor then does so by then. A model that counts
            reads its text to the end, whatever this says.
    Raises:
        CommandError: if the choices contradict each other or their ranges.
    """
    values = settings(given)
    for name, option in (("model", "--model"), ("corpus", "--corpus"), ("fingerprint", "--corpus")):
        if name in values:
            raise CommandError(f"--set {name}={values[name]}: choose it with {option}")
    for name, option, number in (("seed", "--seed", seed), ("stop_steps", "--steps", steps)):
        if name in values and number is not None:
            raise CommandError(f"--set {name}={values[name]}: {option} {number} says so already; keep one")
    require_model("--model", model)
    text = corpus.source if corpus.origin is Origin.OWN else corpus.name
    try:
        chosen = _suited({**preset_values(model, preset), **values}, values)
        if seed is not None:
            chosen["seed"] = seed
        if steps is not None and model not in COUNTING:
            chosen |= _ending_at(chosen, steps, values)
        recipe = Recipe().with_values(**chosen, corpus=sayable(text))
        for name, value in values.items():  # also what happens to be the default
            recipe.require_meaning(name, value)
    except RecipeError as error:
        raise CommandError(str(error)) from error
    return recipe if has_an_end(recipe) else recipe.with_values(stop_steps=_planned(recipe))


def require_model(option: str, name: str) -> None:
    """Refuse a model that nobody knows.

    Raises:
        CommandError: that suggests the nearest name.
    """
    if name not in PRESETS:
        near = difflib.get_close_matches(name.lower(), PRESETS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(PRESETS)}"
        raise CommandError(f"{option} {name}: there is no such model; {hint}")


def has_an_end(recipe: Recipe) -> bool:
    """Whether a run of this recipe stops by itself."""
    ends = (recipe.stop_steps, recipe.stop_seconds, recipe.stop_loss, recipe.patience)
    return recipe.model in COUNTING or any(ends)


def _suited(chosen: Mapping[str, Scalar], set_by_hand: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The choices of a preset and a person, less those of the preset that mean nothing beside the person's."""
    suited = dict(chosen)
    for name, rule in RULES.items():
        if rule.belongs is not None and name not in set_by_hand:
            owner, choices = rule.belongs
            if suited.get(owner, DEFAULTS[owner]) not in choices:
                suited[name] = DEFAULTS[name]
    if "steps" in set_by_hand and "warmup" not in set_by_hand:
        steps = RULES["steps"].read("steps", suited["steps"])
        suited["warmup"] = min(int(suited["warmup"]), int(steps) // 10)
    return suited


def _ending_at(
    chosen: Mapping[str, Scalar], steps: int, set_by_hand: Mapping[str, Scalar]
) -> dict[str, Scalar]:
    """What stops a run after `steps` steps, with a schedule and a warm-up that fit into them."""
    ending: dict[str, Scalar] = {"stop_steps": steps}
    if chosen["schedule"] in ("linear", "cosine") and "steps" not in set_by_hand:
        ending["steps"] = steps
        if "warmup" not in set_by_hand:
            ending["warmup"] = min(int(chosen["warmup"]), steps // 10)
    return ending


def _planned(recipe: Recipe) -> int:
    """Steps after which a run ends that was not told when to."""
    return recipe.steps if recipe.means("steps") else STEPS
