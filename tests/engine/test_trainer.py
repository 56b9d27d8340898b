"""The trainer makes the steps the recipe says, phase by phase or whole, and the same ones every time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from corpora.corpus import Corpus, Origin, UntrainableError
from engine.information import log_softmax
from engine.models.catalog import build_gradient
from engine.snapshot import Phase
from engine.training.course import StepRecord, split_borders
from engine.training.recipe import Recipe
from engine.training.rules import RecipeError
from engine.training.schedules import schedule
from engine.training.trainer import Trainer

SMALL = Recipe(context=3, embedding=4, hidden=8, layers=2, batch=4, seed=5)
NOISY = SMALL.with_values(dropout=0.3, optimizer="adam", rate=0.01, clip_norm=1)


def corpus_of(text: str) -> Corpus:
    return Corpus.from_text("text", text, origin=Origin.OWN, source="written here")


def phases(trainer: Trainer) -> list[Callable[[], object]]:
    return [trainer.draw, trainer.forward, trainer.loss, trainer.backward, trainer.update]


def records(recipe: Recipe, corpus: Corpus, steps: int) -> list[StepRecord]:
    trainer = Trainer(recipe, corpus)
    return [trainer.step() for _ in range(steps)]


# The same recipe, the same numbers.


@pytest.mark.parametrize(
    "recipe",
    [SMALL, NOISY, SMALL.with_values(model="scalar-mlp", hidden=4), Recipe(batch=256)],
    ids=["sgd", "noisy adam", "scalar", "two threads"],
)
def test_the_same_recipe_gives_the_same_losses_bit_for_bit(recipe: Recipe, phrase: Corpus) -> None:
    steps = 5 if recipe.model == "scalar-mlp" else 25
    first = records(recipe, phrase, steps)
    assert records(recipe, phrase, steps) == first
    assert records(Recipe.parse(str(recipe)), phrase, steps) == first
    assert records(recipe.with_values(seed=6), phrase, steps) != first


def test_phases_one_by_one_are_a_step(phrase: Corpus) -> None:
    whole, parts = Trainer(NOISY, phrase), Trainer(NOISY, phrase)
    for number in range(1, 31):
        record = whole.step()
        assert parts.phase is None
        for phase, name in zip(phases(parts), Phase, strict=True):
            result = phase()
            assert parts.phase == (None if name is Phase.UPDATE else name)
        assert result == record
        assert record.step == parts.steps_made == number
        assert np.array_equal(parts.model.parameters.values, whole.model.parameters.values)


@pytest.mark.parametrize("done", range(5))
def test_a_step_that_is_under_way_is_finished_by_step(done: int, phrase: Corpus) -> None:
    whole, parts = Trainer(NOISY, phrase), Trainer(NOISY, phrase)
    expected = whole.step()
    for phase in phases(parts)[:done]:
        phase()
    assert parts.step() == expected


@pytest.mark.parametrize("done", range(5))
def test_a_phase_out_of_its_turn_is_refused_with_where_the_step_stands(done: int, phrase: Corpus) -> None:
    trainer = Trainer(SMALL, phrase)
    for phase in phases(trainer)[:done]:
        phase()
    reached = "between two steps" if done == 0 else f"after {list(Phase)[done - 1]}"
    for index, phase in enumerate(phases(trainer)):
        if index != done:
            with pytest.raises(RuntimeError, match=f"{list(Phase)[index]} cannot come now.*{reached}"):
                phase()
    phases(trainer)[done]()


# What a step does.


def test_a_step_of_sgd_is_the_gradient_times_the_rate(phrase: Corpus) -> None:
    trainer = Trainer(SMALL.with_values(precision="float64", rate=0.25), phrase)
    for _ in range(5):
        before = trainer.model.parameters.values.copy()
        batch = trainer.draw()
        scores = log_softmax(trainer.forward().logits.data)
        loss = trainer.loss()
        gradient = trainer.backward().copy()
        record = trainer.update()
        assert loss == pytest.approx(-scores[np.arange(4), batch.targets].mean(), rel=1e-12)
        assert record.loss == loss
        assert record.gradient_norm == pytest.approx(np.linalg.norm(gradient), rel=1e-12)
        assert np.allclose(trainer.model.parameters.values, before - 0.25 * gradient, rtol=1e-14)


@pytest.mark.parametrize(("clip_norm", "clip_value"), [(0.05, 0.0), (0.0, 0.01), (0.02, 0.01)])
def test_clipping_comes_before_the_update_first_by_value_then_by_norm(
    clip_norm: float, clip_value: float, phrase: Corpus
) -> None:
    recipe = SMALL.with_values(precision="float64", rate=1, clip_norm=clip_norm, clip_value=clip_value)
    trainer = Trainer(recipe, phrase)
    before = trainer.model.parameters.values.copy()
    for phase in phases(trainer)[:3]:
        phase()
    gradient = trainer.backward().copy()
    record = trainer.update()
    expected = np.clip(gradient, -clip_value, clip_value) if clip_value else gradient.copy()
    norm = float(np.linalg.norm(expected))
    if clip_norm:
        assert norm > clip_norm
        expected *= clip_norm / norm
    assert np.allclose(before - trainer.model.parameters.values, expected, rtol=1e-9, atol=1e-15)
    assert record.gradient_norm == pytest.approx(np.linalg.norm(gradient), rel=1e-12)  # before clipping
    assert trainer.clipped_entries == (np.abs(gradient) > clip_value).sum() * bool(clip_value)


def test_the_training_part_alone_is_drawn_from(phrase: Corpus) -> None:
    trainer = Trainer(SMALL.with_values(train_share=0.3, batch=64), phrase)
    drawn: set[int] = set()
    for _ in range(5):
        batch = trainer.draw()
        drawn |= set(batch.positions.tolist())
        for phase in phases(trainer)[1:]:
            phase()
        for context, target, at in zip(batch.contexts, batch.targets, batch.positions, strict=True):
            assert phrase.ids[at : at + 4].tolist() == [*context.tolist(), target]
    assert drawn == set(range(trainer.borders[1] - 3))
    assert trainer.epochs == pytest.approx(5 * 64 / (trainer.borders[1] - 3))


def test_the_losses_are_recorded_raw_and_smoothed(phrase: Corpus) -> None:
    trainer = Trainer(SMALL, phrase)
    made = [trainer.step() for _ in range(10)]
    assert trainer.losses.steps().tolist() == list(range(1, 11))
    assert trainer.losses.column(0).tolist() == [record.loss for record in made]
    weights = 0.99 ** np.arange(9, -1, -1)
    smoothed = np.average([record.loss for record in made], weights=weights)
    assert trainer.losses.column(1)[-1] == pytest.approx(smoothed, rel=1e-12)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_it_learns(optimizer: str, phrase: Corpus) -> None:
    rate = 0.3 if optimizer == "sgd" else 0.01
    trainer = Trainer(Recipe(context=4, embedding=8, hidden=32, optimizer=optimizer, rate=rate), phrase)
    first = trainer.step().loss
    for _ in range(400):
        last = trainer.step().loss
    assert first == pytest.approx(np.log(len(phrase.vocabulary)), abs=0.3)
    assert last < 0.4


def test_dropout_is_on_in_training(phrase: Corpus) -> None:
    quiet, noisy = (Trainer(SMALL.with_values(dropout=share), phrase) for share in (0.0, 0.5))
    assert quiet.step().loss != noisy.step().loss


# What changes while a run goes on.


def test_a_planned_change_is_carried_out_at_its_step(phrase: Corpus) -> None:
    recipe = SMALL.changed(3, "batch", 1).changed(5, "batch", 7).changed(5, "rate", 0.01)
    trainer = Trainer(recipe, phrase)
    seen = []
    for _ in range(7):
        size = len(trainer.draw().targets)
        seen.append((size, trainer.rate))
        trainer.step()
    assert seen == [(4, 0.1)] * 3 + [(1, 0.1)] * 2 + [(7, 0.01)] * 2


def test_a_change_between_two_steps_acts_at_the_next_and_stands_in_the_recipe(phrase: Corpus) -> None:
    trainer = Trainer(SMALL, phrase)
    trainer.step()
    trainer.alter("batch", 9)
    assert trainer.current.batch == 9
    assert len(trainer.draw().targets) == 9
    assert str(trainer.recipe).endswith("@1:batch=9")
    assert trainer.current.changes == ()


def test_a_change_within_a_step_waits_for_the_next(phrase: Corpus) -> None:
    trainer = Trainer(SMALL, phrase)
    trainer.step()
    trainer.draw()
    trainer.alter("rate", 0.5)
    assert trainer.rate == 0.1
    trainer.step()
    trainer.draw()
    assert trainer.rate == 0.5
    assert str(trainer.recipe).endswith("@2:rate=0.5")


def test_a_run_whose_settings_were_turned_can_be_repeated_from_its_recipe(phrase: Corpus) -> None:
    trainer = Trainer(NOISY, phrase)
    made = []
    for step in range(40):
        if step in {7, 20}:
            trainer.alter("batch", 32 if step == 7 else 1)
        if step == 12:
            trainer.alter("rate", 0.02)
            trainer.alter("clip_value", 0.1)
        made.append(trainer.step())
    assert records(trainer.recipe, phrase, 40) == made


@pytest.mark.parametrize(
    ("name", "value"), [("hidden", 3), ("seed", 3), ("rate", -1), ("batch", 0), ("quux", 1)]
)
def test_a_refused_change_leaves_the_run_as_it_was(name: str, value: int, phrase: Corpus) -> None:
    trainer = Trainer(SMALL, phrase)
    with pytest.raises(RecipeError, match=name):
        trainer.alter(name, value)
    assert trainer.recipe == SMALL
    assert trainer.step() == Trainer(SMALL, phrase).step()


def test_the_cosine_schedule_is_followed_and_its_peak_can_be_turned(phrase: Corpus) -> None:
    trainer = Trainer(SMALL.with_values(schedule="cosine", warmup=5, steps=20, rate=0.4), phrase)
    rates = []
    for step in range(25):
        if step == 10:
            trainer.alter("rate", 0.2)
        rates.append(trainer.rate)
        trainer.step()
    schedules = [schedule("cosine", peak, warmup=5, total=20) for peak in (0.4, 0.2)]
    assert rates == [schedules[step >= 10].rate(step) for step in range(25)]
    assert max(rates) == rates[5] == 0.4


# Text and recipe have to go together.


@pytest.mark.parametrize(
    ("train", "validation", "borders"),
    [
        (0.8, 0.1, (0, 80, 90, 100)),
        (1, 0, (0, 100, 100, 100)),
        (0.5, 0.5, (0, 50, 100, 100)),
        (0.045, 0.9, (0, 4, 94, 100)),
        (0.996, 0.004, (0, 100, 100, 100)),
    ],
)
def test_the_split_is_contiguous_and_covers_the_text(
    train: float, validation: float, borders: tuple[int, int, int, int]
) -> None:
    recipe = Recipe(context=3, train_share=train, validation_share=validation)
    assert split_borders(recipe, 100) == borders


def test_a_training_part_without_a_whole_example_is_refused_with_the_numbers() -> None:
    recipe = Recipe(context=3, train_share=0.03, validation_share=0.5)
    with pytest.raises(
        RecipeError, match=r"train_share = 0.03 of 100 characters leaves 3 to train on.*context = 3"
    ):
        split_borders(recipe, 100)
    assert split_borders(recipe.with_values(context=2), 100) == (0, 3, 53, 100)


def test_a_text_that_cannot_be_trained_on_is_refused() -> None:
    for text in ("", "aaaaaaaaaaaaaaaaaaa", "abc"):
        with pytest.raises(UntrainableError):
            Trainer(SMALL, corpus_of(text))


def test_the_smallest_text_that_can_be_trained_on_trains() -> None:
    trainer = Trainer(SMALL.with_values(train_share=1, validation_share=0), corpus_of("abab"))
    assert trainer.step().step == 1


def test_a_recipe_of_another_text_is_refused_by_fingerprint(phrase: Corpus) -> None:
    right = SMALL.with_values(fingerprint=phrase.fingerprint)
    assert Trainer(right, phrase).step() == Trainer(SMALL, phrase).step()
    with pytest.raises(RecipeError, match=rf"fingerprint = 123: .*'phrase' \({phrase.fingerprint}\)"):
        Trainer(SMALL.with_values(fingerprint="123"), phrase)


def test_the_weights_begin_as_the_catalog_builds_them(phrase: Corpus) -> None:
    fresh = build_gradient(SMALL, phrase.vocabulary.characters)
    assert np.array_equal(Trainer(SMALL, phrase).model.parameters.values, fresh.parameters.values)


@pytest.mark.parametrize("length", [1005, 1025, 1045, 1065, 2392])
def test_shares_that_come_to_1_leave_nothing_for_the_test_whatever_the_length(length: int) -> None:
    recipe = SMALL.with_values(train_share=0.9, validation_share=0.1)
    assert split_borders(recipe, length)[2:] == (length, length)


@pytest.mark.parametrize("name", ["patience", "validate_every"])
def test_validations_are_not_wanted_of_a_part_that_rounds_to_nothing(name: str) -> None:
    recipe = SMALL.with_values(validation_share=0.0002, **{name: 3})
    with pytest.raises(
        RecipeError, match=rf"{name} = 3: validation_share = 0\.0002 of 900 characters leaves none"
    ):
        split_borders(recipe, 900)
