"""What is agreed before a comparison begins: who takes part, and the terms that are the same for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corpora.corpus import Corpus, Origin
from engine.models.presets import STANDARD, preset_recipe
from engine.training.recipe import Recipe
from engine.training.rules import COUNTING, NGRAMS, RULES, RecipeError

WARMUP_SHARE = 0.1
"""Most of a budget of steps that the warm-up of a preset may take."""
OWN = "own"
"""What choices are called that come from no preset."""
BAR_MODEL = "kneser-ney"
"""The strongest model that counts: what a neural one has to beat."""


@dataclass(frozen=True)
class Entrant:
    """A model that takes part.

    Attributes:
        recipe: its choices; text, split, seed and budget are the terms' to say.
        preset: the name of the preset it comes from, whose schedule is fitted to the budget; "" for choices of a
            person's own, which stay as they are.
    """

    recipe: Recipe
    preset: str = ""

    @property
    def counting(self) -> bool:
        """Whether it counts, and does not learn by gradients."""
        return self.recipe.model in COUNTING

    @property
    def name(self) -> str:
        """Such as "kneser-ney 7", "mlp" (its standard preset), "mlp tiny" or "mlp own"."""
        model = self.recipe.model
        if self.counting:
            return f"{model} {self.recipe.order}" if model in NGRAMS else model
        return model if self.preset == STANDARD else f"{model} {self.preset or OWN}"


def entrant(model: str, preset: str = STANDARD) -> Entrant:
    """A model with one of its presets.

    Raises:
        RecipeError: if there is no such model or preset.
    """
    return Entrant(preset_recipe(model, preset), preset)


def with_kneser_ney(entrants: Sequence[Entrant]) -> tuple[Entrant, ...]:
    """The entrants, and before them the Kneser-Ney model of its standard preset if it is not among them."""
    bar = entrant(BAR_MODEL)
    there = any((e.recipe.model, e.recipe.order) == (BAR_MODEL, bar.recipe.order) for e in entrants)
    return tuple(entrants) if there else (bar, *entrants)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What is the same for every entrant.

    Attributes:
        train_share, validation_share: of the text, contiguous, in this order; what is left is for the test.
        steps: the budget of each neural model; or
        seconds: the same as time spent on training. One of the two is above 0.
        seed: of weights, order of examples, dropout and samples.
        text: what a recipe calls the text; "" for the corpus' own name.
        thorough: as for `LanguageModel.scoring`, for the scores at the end.
    Raises:
        RecipeError: if a number is out of its range, or there is no budget, or two.
    """

    train_share: float = 0.8
    validation_share: float = 0.1
    steps: int = 0
    seconds: float = 0.0
    seed: int = 0
    text: str = ""
    thorough: bool = False

    def __post_init__(self) -> None:
        ranges = {
            "train_share": self.train_share,
            "validation_share": self.validation_share,
            "stop_steps": self.steps,
            "stop_seconds": self.seconds,
            "seed": self.seed,
        }
        for name, value in ranges.items():
            RULES[name].read(name, value)
        Recipe(train_share=self.train_share, validation_share=self.validation_share)  # together at most 1
        if (self.steps > 0) == (self.seconds > 0):
            given = "none" if self.steps == 0 else f"{self.steps} steps and {self.seconds:g} seconds"
            raise RecipeError(f"budget: {given}; give either steps or seconds, above 0")

    @property
    def budget(self) -> str:
        """The budget in words."""
        if self.steps:
            return f"{self.steps:,} step{'s' * (self.steps != 1)}"
        return f"{self.seconds:g} second{'s' * (self.seconds != 1)}"

    def recipe(self, entrant: Entrant, corpus: Corpus) -> Recipe:
        """An entrant's whole recipe under these terms, by which its run can be repeated.

        Raises:
            RecipeError: if its choices contradict the terms.
        """
        recipe = entrant.recipe.with_values(
            corpus=self.text or corpus.name,
            fingerprint=corpus.fingerprint if corpus.origin is Origin.OWN else "",
            train_share=self.train_share,
            validation_share=self.validation_share,
            seed=self.seed,
        )
        if entrant.counting:
            return recipe
        recipe = recipe.with_values(stop_steps=self.steps, stop_seconds=self.seconds)
        return fitted(recipe, self.steps) if entrant.preset and self.steps else recipe


def fitted(recipe: Recipe, steps: int) -> Recipe:
    """A recipe whose schedule, if it has an end, ends after so many steps; its warm-up is a small part of them."""
    if not recipe.means("steps"):
        return recipe
    return recipe.with_values(steps=steps, warmup=min(recipe.warmup, int(steps * WARMUP_SHARE)))
