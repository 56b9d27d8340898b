"""`charlm find-rate`: a learning-rate range test for a recipe, its points and the rate that it suggests."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from corpora.corpus import Corpus
from engine.cli.choosing import recipe_for, require_model
from engine.cli.failures import FAILED, CommandError
from engine.cli.interrupts import Interrupts
from engine.cli.listing import columns
from engine.cli.progress import Progress
from engine.cli.results import Plain, as_json
from engine.cli.terminal import print_out
from engine.cli.texts import text_for
from engine.training.rate_finder import STEPS, RatePoint, find_rate, steady_recipe, suggestion
from engine.training.recipe import Recipe
from engine.training.rules import GRADIENT
from engine.training.trainer import Trainer

COLUMNS = ("step", "rate", "loss", "smoothed")
KEYS: Mapping[str, str] = {
    "model": "its name in recipes",
    "corpus": "the text's name",
    "recipe": "all choices, as one line; the test itself has a constant rate for each step",
    "suggested_rate": "null if the loss never fell",
    "broke": "whether the loss rose so far that the test ended before the highest rate",
    "points": "one for each step: step, rate, and the nats per character of loss and smoothed",
}
"""What a result holds."""


def rate_finding(words: argparse.Namespace) -> int:
    """Make the test, and print its points and the suggestion; no run is kept."""
    require_model("--model", words.model)
    if words.model not in GRADIENT:
        raise CommandError(
            f"--model {words.model}: only models that learn by gradients have a learning rate; choose one of "
            f"{', '.join(GRADIENT)}"
        )
    progress = Progress()
    corpus = text_for(words.corpus, progress)
    recipe = recipe_for(words.model, words.preset, words.settings, corpus=corpus, seed=words.seed, steps=None)
    with Interrupts() as interrupts:
        points = _points(recipe, corpus, progress, interrupts)
    progress.end()
    if interrupts.received is not None:
        progress.say(f"charlm: stopped after step {len(points)} of {STEPS}; a range test is not kept")
        return interrupts.exit_code
    suggested = suggestion(points)
    found: dict[str, Plain] = {
        "model": recipe.model,
        "corpus": corpus.name,
        "recipe": str(recipe),
        "suggested_rate": suggested,
        "broke": len(points) < STEPS,
        "points": [{name: getattr(point, name) for name in COLUMNS} for point in points],
    }
    print_out((as_json(found) if words.json else _table(points, suggested)) + "\n")
    if suggested is None:
        progress.say("charlm: no rate can be suggested: the loss never fell")
        return FAILED
    return 0


def _points(
    recipe: Recipe, corpus: Corpus, progress: Progress, interrupts: Interrupts
) -> tuple[RatePoint, ...]:
    """The points of the test, or those up to an interrupt."""
    points: list[RatePoint] = []
    progress.begin()
    for point in find_rate(lambda: Trainer(steady_recipe(recipe), corpus, rewind_budget=0)):
        points.append(point)
        progress.show(f"rate {point.rate:.2g}, loss {point.smoothed:.4f}", point.step / STEPS)
        if interrupts.received is not None:
            break
    return tuple(points)


def _table(points: tuple[RatePoint, ...], suggested: float | None) -> str:
    """A row a point, and the suggestion below."""
    rows: list[dict[str, Plain]] = [{name: name for name in COLUMNS}]
    rows += [
        {
            "step": str(point.step),
            "rate": f"{point.rate:.3g}",
            "loss": f"{point.loss:.4f}",
            "smoothed": f"{point.smoothed:.4f}",
        }
        for point in points
    ]
    last = "no suggestion" if suggested is None else f"suggested rate  {suggested:.2g}"
    return f"{columns(rows, COLUMNS)}\n{last}"
