"""The learning-rate range test: train a little while the rate grows, and see where the loss falls fastest.

The rate grows by the same factor at every step. Where it is too low the loss hardly moves, where it is right the
loss falls, where it is too high the run breaks: the test ends there. It trains a fresh run of its own and knows no
other.

Source: Smith (2017), Cyclical Learning Rates for Training Neural Networks, section 3.3; the growth by a constant
factor and the smoothing are later practice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engine.training.divergence import Diverged
from engine.training.recipe import DEFAULTS, Recipe
from engine.training.rules import RULES
from engine.training.trainer import Trainer

LOW, HIGH, STEPS = 1e-5, 10.0, 120
"""Six powers of ten, twenty steps each."""

SMOOTHING = 0.85
"""Weight of the past in the smoothed loss: a memory of about 7 steps, a third of a power of ten."""

BROKEN = 4.0
"""The test ends where the smoothed loss is this many times the best."""

STRETCH = 9
"""Points from which a slope is taken; a slope of fewer is mostly noise."""


@dataclass(frozen=True)
class RatePoint:
    """One step of the test.

    Attributes:
        step: its number; the first is 1.
        rate: the learning rate of its update.
        loss: of its batch before the update, in nats per character.
        smoothed: an average of the losses so far in which the late ones count most, in nats per character.
    """

    step: int
    rate: float
    loss: float
    smoothed: float


def steady_recipe(recipe: Recipe) -> Recipe:
    """The same run for a range test: nothing but the test moves the rate, and nothing else is planned to change."""
    of_the_schedule = [name for name, rule in RULES.items() if rule.belongs and rule.belongs[0] == "schedule"]
    unset = {name: DEFAULTS[name] for name in ("schedule", "warmup", *of_the_schedule)}
    return recipe.with_values(**unset, changes=())


def find_rate(
    make_trainer: Callable[[], Trainer], *, low: float = LOW, high: float = HIGH, steps: int = STEPS
) -> Iterator[RatePoint]:
    """Train at rates from `low` to `high`, each higher than the last by the same factor; a point for every step.

    It ends after `steps` steps, or as soon as the smoothed loss is `BROKEN` times the best or is not finite.

    Arguments:
        make_trainer: gives a fresh run that nobody else has, made with a `steady_recipe`.
        low, high: the first and the last rate, as the recipe's rule for `rate` allows.
        steps: how many, at least 2.
    Raises:
        ValueError: if the numbers make no range, or the run's own schedule moves the rate.
        RecipeError: if a rate is refused.
    """
    if not 0 < low < high < math.inf:
        raise ValueError(f"rates from {low} to {high}: choose a low one above 0 and a high one above that")
    if steps < 2:
        raise ValueError(f"{steps} steps: a range needs at least 2")
    return _points(make_trainer(), low, high, steps)


def _points(trainer: Trainer, low: float, high: float, steps: int) -> Iterator[RatePoint]:
    total = weight = 0.0
    best = math.inf
    for number in range(steps):
        rate = low * (high / low) ** (number / (steps - 1))
        trainer.alter("rate", rate)
        if not math.isclose(trainer.rate, rate):
            raise ValueError(
                f"schedule = {trainer.recipe.schedule}: the run's own schedule moves the rate; a range test needs "
                "a constant one without warm-up"
            )
        try:
            with np.errstate(all="ignore"):  # the trainer itself looks for what is not finite
                record = trainer.step()
        except Diverged:
            return
        total = SMOOTHING * total + (1 - SMOOTHING) * record.loss
        weight = SMOOTHING * weight + (1 - SMOOTHING)
        smoothed = total / weight
        yield RatePoint(record.step, rate, record.loss, smoothed)
        best = min(best, smoothed)
        if smoothed > BROKEN * best:
            return


def suggestion(points: Sequence[RatePoint]) -> float | None:
    """The rate at which the smoothed loss falls fastest in the logarithm of the rate; None if it never falls.

    Each slope is that of the straight line closest to `STRETCH` points. A tenth of the rate at the minimum is the
    answer where fewer lead down to it, and the most that is suggested.
    """
    if not points:
        return None
    rates = np.log([point.rate for point in points])
    losses = np.array([point.smoothed for point in points])
    lowest = int(np.argmin(losses))
    if lowest == 0:
        return None
    most = points[lowest].rate / 10
    if lowest + 1 < STRETCH:
        return most
    windows = np.lib.stride_tricks.sliding_window_view
    x, y = windows(rates[: lowest + 1], STRETCH), windows(losses[: lowest + 1], STRETCH)  # (N, STRETCH)
    x = x - x.mean(axis=1, keepdims=True)
    slopes = (x * y).sum(axis=1) / (x * x).sum(axis=1)  # (N,)
    steepest = int(np.argmin(slopes)) + STRETCH // 2
    return min(points[steepest].rate, most)
