"""A run goes on from its checkpoint bit for bit as if it had never stopped, and anybody can read the file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import safetensors.numpy

from corpora.corpus import Corpus
from engine.models import catalog
from engine.training.beginning import begin
from engine.training.checkpoint import Checkpoint, read_header
from engine.training.course import Course
from engine.training.errors import SaveError
from engine.training.history import LossHistory
from engine.training.recipe import Recipe
from engine.training.rules import COUNTING, RULES, RecipeError
from engine.training.stopping import VALIDATION_COLUMNS
from engine.training.trainer import Trainer
from tests.engine.saved_runs import FULL, SMALL, picture, remember_in_catalog, trained

EXTRAS: Mapping[str, str | float] = {
    "hidden": 4,
    "dropout": 0.3,
    "momentum": 0.9,
    "weight_decay": 0.01,
    "batchnorm": "yes",
    "direct": "yes",
    "clip_norm": 1.0,
    "schedule": "cosine",
    "warmup": 3,
    "steps": 20,
}
"""What makes the state of a run richer, where a model and an optimizer know it."""


def rich(model: str, **chosen: str | float) -> Recipe:
    """A small recipe with every one of `EXTRAS` that it and its model put up with, and turned under way."""
    recipe = Recipe(context=3, embedding=4, batch=4, seed=5, rate=0.05).with_values(model=model, **chosen)
    for name, value in EXTRAS.items():
        try:
            richer = recipe.with_values(**{name: value})
            catalog.build(richer, tuple("ab"))
        except RecipeError:
            continue
        recipe = richer
    return recipe.changed(5, "batch", 3).changed(9, "rate", 0.02)


AnyCourse = TypeVar("AnyCourse", bound=Course)


def through_a_file(course: AnyCourse, path: Path) -> AnyCourse:
    """The run saved and loaded again."""
    Checkpoint.of(course, 1.5).save(path)
    loaded = Checkpoint.load(path).course(course.corpus)
    assert isinstance(loaded, type(course))
    return loaded


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoint") / "run.safetensors"


@pytest.fixture(scope="module")
def saved(phrase: Corpus) -> bytes:
    """A checkpoint of a run with everything in it, after 7 steps."""
    validations = LossHistory(VALIDATION_COLUMNS)
    validations.append(3, 2.5, 2.5, 3, 0)
    return Checkpoint.of(trained(FULL, phrase, 7), 1.5, validations).to_bytes()


# Going on.


def expect_to_go_on_alike(recipe: Recipe, corpus: Corpus, place: Path) -> None:
    for stopped in (4, 5, 8):  # before a change, right at one, between two
        uninterrupted = trained(recipe, corpus, stopped)
        resumed = through_a_file(uninterrupted, place)
        assert picture(resumed) == picture(uninterrupted)
        for _ in range(stopped, 12):
            assert resumed.step() == uninterrupted.step()
        assert picture(resumed) == picture(uninterrupted)


NEEDED: Mapping[str, Mapping[str, float]] = {"nesterov": {"momentum": 0.9}}
"""What an optimizer cannot do without."""
GRADIENT = [name for name in catalog.MODELS if name not in COUNTING]


@pytest.mark.parametrize("optimizer", RULES["optimizer"].choices)
@pytest.mark.parametrize("model", GRADIENT)
def test_a_resumed_run_goes_on_bit_for_bit_as_if_it_had_never_stopped(
    model: str, optimizer: str, phrase: Corpus, place: Path
) -> None:
    recipe = rich(model, optimizer=optimizer, **NEEDED.get(optimizer, {}))
    expect_to_go_on_alike(recipe, phrase, place)


@pytest.mark.parametrize("batching", RULES["batching"].choices)
@pytest.mark.parametrize("model", GRADIENT)
def test_so_it_does_however_its_examples_are_drawn(
    model: str, batching: str, phrase: Corpus, place: Path
) -> None:
    expect_to_go_on_alike(rich(model, batching=batching), phrase, place)


@pytest.mark.parametrize("model", COUNTING)
def test_a_model_that_counts_has_counted_as_much_again(model: str, phrase: Corpus, place: Path) -> None:
    for steps in (0, 2):
        whole = begin(Recipe(model=model), phrase)
        for _ in range(steps):
            whole.step()
        resumed = through_a_file(whole, place)
        assert Checkpoint.load(place).header.step == resumed.steps_made == steps
        assert resumed.losses.rows().tolist() == whole.losses.rows().tolist()
        assert resumed.step() == whole.step()


@pytest.mark.parametrize("done", [1, 2, 3, 4])
def test_saved_in_the_middle_of_a_step_it_stands_before_that_step(
    done: int, phrase: Corpus, place: Path
) -> None:
    trainer, whole = trained(FULL, phrase, 6), trained(FULL, phrase, 6)
    for phase in (trainer.draw, trainer.forward, trainer.loss, trainer.backward)[:done]:
        phase()
    resumed = through_a_file(trainer, place)
    assert picture(resumed) == picture(whole)
    assert resumed.step() == whole.step() == trainer.step()


def test_saving_changes_nothing_in_the_run(phrase: Corpus) -> None:
    watched, alone = trained(FULL, phrase, 6), trained(FULL, phrase, 6)
    for _ in range(5):
        picture(watched)
        assert watched.step() == alone.step()


def test_a_resumed_run_can_be_turned_rewound_and_recovered(phrase: Corpus, place: Path) -> None:
    trainer = through_a_file(trained(FULL, phrase, 7), place)
    before = picture(trainer)
    assert trainer.rewindable == 0
    for _ in range(30):
        trainer.step()
    assert trainer.rewind(100) == 30
    assert picture(trainer) == before
    trainer.draw()
    trainer.forward()
    trainer.recover()
    assert picture(trainer) == before
    trainer.alter("batch", 9)
    again = through_a_file(trainer, place)
    assert again.recipe == trainer.recipe
    assert again.step() == trainer.step()
    assert again.batch is not None
    assert len(again.batch.targets) == 9


def test_a_run_turned_under_way_is_saved_with_its_turns(phrase: Corpus, place: Path) -> None:
    trainer = trained(SMALL, phrase, 4)
    trainer.alter("rate", 0.5)
    assert through_a_file(trainer, place).recipe == SMALL.changed(4, "rate", 0.5)


@pytest.fixture
def remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    remember_in_catalog(monkeypatch)


@pytest.mark.usefixtures("remembering")
def test_what_a_model_remembers_is_part_of_the_run(phrase: Corpus, place: Path) -> None:
    trainer = trained(SMALL, phrase, 5)
    resumed = through_a_file(trainer, place)
    found = resumed.model.memory
    assert {name: (a.dtype.name, a.shape) for name, a in found.items()} == {
        "seen": ("float32", ()),
        "state.0": ("float64", (2, 1, 3)),
    }
    assert float(found["seen"]) == 20
    assert found["state.0"].max() == 16
    assert trainer.step() == resumed.step()
    assert picture(trainer) == picture(resumed)


# What is in it.


def test_the_arrays_have_the_names_and_shapes_of_the_model(saved: bytes, phrase: Corpus) -> None:
    found = {name: array.shape for name, array in safetensors.numpy.load(saved).items()}
    vocabulary = len(phrase.vocabulary)
    parameters = {
        "embedding.weight": (vocabulary, 4),
        "hidden.0.weight": (4, 12),
        "hidden.0.bias": (4,),
        "hidden.1.weight": (4, 4),
        "hidden.1.bias": (4,),
        "output.weight": (vocabulary, 4),
        "output.bias": (vocabulary,),
    }
    assert found == {
        **{f"model.{name}": shape for name, shape in parameters.items()},
        **{f"optimizer.velocity.{name}": shape for name, shape in parameters.items()},
        "losses.steps": (7,),
        "losses.rows": (7, 2),
        "validations.steps": (1,),
        "validations.rows": (1, 4),
    }


def test_the_header_says_what_a_list_of_runs_shows(saved: bytes, phrase: Corpus, place: Path) -> None:
    place.write_bytes(saved)
    header = read_header(place)
    trainer = trained(FULL, phrase, 7)
    assert (header.step, header.seconds, header.recipe, header.corpus) == (7, 1.5, FULL, "phrase")
    assert header.train_loss == trainer.losses.column(1)[-1]
    assert header.validation_loss == 2.5
    assert "".join(header.vocabulary) == "".join(sorted(set(phrase.text)))
    assert Checkpoint.of(Trainer(FULL, phrase), 0).header.train_loss is None


def test_the_course_of_the_losses_comes_back_and_goes_on(saved: bytes, phrase: Corpus, place: Path) -> None:
    place.write_bytes(saved)
    checkpoint = Checkpoint.load(place)
    trainer, whole = checkpoint.course(phrase), trained(FULL, phrase, 7)
    assert trainer.losses.steps().tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert np.array_equal(trainer.losses.rows(), whole.losses.rows())
    assert checkpoint.validations().rows().tolist() == [[2.5, 2.5, 3, 0]]
    assert checkpoint.validations().steps().tolist() == [3]
    assert len(Checkpoint.of(whole, 0).validations()) == 0


def test_a_validation_loss_that_is_not_finite_is_missing_from_the_header_and_kept_in_its_course(
    phrase: Corpus, place: Path
) -> None:
    validations = LossHistory(VALIDATION_COLUMNS)
    validations.append(1, math.inf, math.nan, 0, 1)
    Checkpoint.of(trained(SMALL, phrase, 2), 0.0, validations).save(place)
    assert read_header(place).validation_loss is None
    assert Checkpoint.load(place).validations().column(0).tolist() == [math.inf]


def test_a_file_that_has_the_validation_losses_alone_is_read_too(phrase: Corpus, place: Path) -> None:
    losses = LossHistory(columns=1)
    for step, loss in ((1, 2.0), (2, 1.5), (5, 1.75)):
        losses.append(step, loss)
    Checkpoint.of(trained(SMALL, phrase, 5), 0.0, losses).save(place)
    read = Checkpoint.load(place).validations()
    assert read.steps().tolist() == [1, 2, 5]
    assert read.last == (1.75, 1.5, 2, 1)


def test_equal_runs_give_equal_files(saved: bytes, phrase: Corpus) -> None:
    validations = LossHistory(VALIDATION_COLUMNS)
    validations.append(3, 2.5, 2.5, 3, 0)
    assert Checkpoint.of(trained(FULL, phrase, 7), 1.5, validations).to_bytes() == saved


def test_a_disk_that_is_full_leaves_the_checkpoint_of_before(
    saved: bytes, phrase: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.safetensors"
    path.write_bytes(saved)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(SaveError, match=r"No space left on device.*make room"):
            Checkpoint.of(trained(FULL, phrase, 9), 2.0).save(path)
    assert Checkpoint.load(path).course(phrase).steps_made == 7
