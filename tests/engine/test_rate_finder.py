"""The range test: rates grow evenly, the loss falls and breaks, the suggestion lies where it fell fastest."""

from __future__ import annotations

import math

import numpy as np
import pytest

from corpora.corpus import Corpus
from engine.training.rate_finder import BROKEN, RatePoint, find_rate, steady_recipe, suggestion
from engine.training.recipe import Change, Recipe
from engine.training.rules import RecipeError
from engine.training.trainer import Trainer

SMALL = Recipe(context=4, embedding=8, hidden=16, layers=1, batch=16, seed=3)


def points_of(
    corpus: Corpus, recipe: Recipe = SMALL, low: float = 1e-4, high: float = 50.0
) -> list[RatePoint]:
    return list(find_rate(lambda: Trainer(recipe, corpus), low=low, high=high, steps=80))


def course(losses: list[float], low: float = 1e-4, factor: float = 10 ** (1 / 20)) -> list[RatePoint]:
    return [RatePoint(i + 1, low * factor**i, loss, loss) for i, loss in enumerate(losses)]


def test_rates_grow_by_one_factor_from_the_first_to_the_last(phrase: Corpus) -> None:
    points = list(find_rate(lambda: Trainer(SMALL, phrase), low=1e-4, high=1e-2, steps=21))
    assert [point.step for point in points] == list(range(1, 22))
    assert [point.rate for point in points] == pytest.approx([1e-4 * 10 ** (i / 10) for i in range(21)])


def test_each_loss_is_that_of_a_run_whose_rate_was_turned_so(phrase: Corpus) -> None:
    points = points_of(phrase)[:12]
    trainer = Trainer(SMALL, phrase)
    weights = 0.85 ** np.arange(11, -1, -1)
    for point in points:
        trainer.alter("rate", point.rate)
        assert point.loss == trainer.step().loss
    losses = np.array([point.loss for point in points])
    assert points[-1].smoothed == pytest.approx(float(losses @ weights / weights.sum()))


def test_it_ends_where_the_run_breaks_and_suggests_a_rate_that_learns(phrase: Corpus) -> None:
    with np.errstate(all="raise"):  # whatever the caller does about overflows: a run that breaks is expected
        points = points_of(phrase, high=100.0)
    assert len(points) < 80
    best = min(point.smoothed for point in points)
    assert all(point.smoothed <= BROKEN * best for point in points[:-1])
    rate = suggestion(points)
    assert rate is not None
    assert 0.01 < rate < 2
    suggested, lowest = (Trainer(SMALL.with_values(rate=r), phrase) for r in (rate, 1e-4))
    for _ in range(60):
        suggested.step()
        lowest.step()
    assert suggested.batch_loss < lowest.batch_loss - 0.3


def test_a_loss_that_is_no_number_ends_it(phrase: Corpus) -> None:
    trainer = Trainer(SMALL, phrase)
    points = find_rate(lambda: trainer, low=1e-4, high=1e-3, steps=50)
    assert next(points).step == 1
    trainer.model.parameters.values[:] = math.nan
    assert list(points) == []


def test_the_run_that_goes_on_is_not_touched(phrase: Corpus) -> None:
    runs = [Trainer(SMALL, phrase) for _ in range(2)]
    for trainer in runs:
        trainer.step()
    points_of(phrase)
    for trainer in runs:
        trainer.step()
    assert np.array_equal(runs[0].model.parameters.values, runs[1].model.parameters.values)


def test_a_schedule_that_moves_the_rate_is_refused_and_a_steady_recipe_has_none(phrase: Corpus) -> None:
    recipe = SMALL.with_values(schedule="cosine", warmup=5, steps=100, changes=(Change(3, "batch", 4),))
    with pytest.raises(ValueError, match="schedule = cosine"):
        points_of(phrase, recipe)
    steady = steady_recipe(recipe)
    assert steady == SMALL
    staircase = SMALL.with_values(schedule="step", drop_every=7, drop_factor=0.1)
    assert steady_recipe(staircase) == SMALL
    assert points_of(phrase, steady) == points_of(phrase)


@pytest.mark.parametrize(
    ("low", "high", "steps"), [(0, 1, 9), (1, 1, 9), (2, 1, 9), (1, math.inf, 9), (1, 2, 1)]
)
def test_a_range_that_is_none_is_refused_before_a_run_is_made(low: float, high: float, steps: int) -> None:
    def never() -> Trainer:
        raise AssertionError("nothing is to be made")

    with pytest.raises(ValueError, match=r"rates from|1 steps"):
        find_rate(never, low=low, high=high, steps=steps)


def test_a_rate_beyond_the_recipe_s_rule_is_refused(phrase: Corpus) -> None:
    with pytest.raises(RecipeError, match=r"rate = .*from 0 to 100"):
        list(find_rate(lambda: Trainer(SMALL, phrase), low=99, high=1000, steps=3))


# What is suggested.


def test_the_suggestion_lies_where_the_loss_falls_fastest() -> None:
    places = np.arange(100)
    falling = 3 - 2 / (1 + np.exp(-(places - 40) / 4))  # steepest at place 40, flat from 60 on
    losses = [*falling, *(1 + 0.2 * np.arange(1, 10))]
    losses[99] = 0.99  # the minimum, far to the right
    assert suggestion(course(losses)) == pytest.approx(course(losses)[40].rate)


def test_no_more_is_suggested_than_a_tenth_of_the_rate_at_the_minimum() -> None:
    losses = [3.0 - 0.001 * i for i in range(60)] + [2.9 - 0.1 * i for i in range(12)] + [5.0]
    points = course(losses)
    assert suggestion(points) == pytest.approx(points[71].rate / 10)


def test_a_short_way_down_is_answered_by_the_tenth() -> None:
    points = course([3.0, 2.9, 2.5, 4.0])
    assert suggestion(points) == pytest.approx(points[2].rate / 10)


@pytest.mark.parametrize("losses", [[], [2.0], [2.0, 2.1, 3.0]])
def test_nothing_is_suggested_where_the_loss_never_fell(losses: list[float]) -> None:
    assert suggestion(course(losses)) is None
