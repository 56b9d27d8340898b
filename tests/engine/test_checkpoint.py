"""A run goes on from its checkpoint bit for bit; what is no checkpoint of it is refused in words and never half taken."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpora.corpus import Corpus
from engine.autograd.tensor import FloatArray
from engine.models import catalog
from engine.models.language_model import GradientModel
from engine.models.mlp import MLP, Sizes
from engine.training.checkpoint import Checkpoint, read_header
from engine.training.checkpoint_header import Header
from engine.training.errors import CheckpointError, SaveError
from engine.training.history import LossHistory
from engine.training.recipe import RULES, Recipe, RecipeError
from engine.training.sealed import Array, seal
from engine.training.trainer import Trainer
from tests.engine.conftest import text_corpus

SMALL = Recipe(context=3, embedding=3, hidden=4, batch=4, seed=5, rate=0.05)
FULL = SMALL.with_values(dropout=0.3, momentum=0.9, schedule="cosine", warmup=3, steps=20)
EXTRAS: Mapping[str, object] = {
    "dropout": 0.3,
    "momentum": 0.9,
    "clip_norm": 1.0,
    "schedule": "cosine",
    "warmup": 3,
    "steps": 20,
}


def everything_it_accepts(recipe: Recipe) -> Recipe:
    """The recipe with every one of `EXTRAS` that it and its model put up with, and turned under way."""
    for name, value in EXTRAS.items():
        try:
            richer = recipe.with_values(**{name: value})
            catalog.build(richer, tuple("ab"))
        except RecipeError:
            continue
        recipe = richer
    return recipe.changed(5, "batch", 3).changed(9, "rate", 0.02)


def trained(recipe: Recipe, corpus: Corpus, steps: int) -> Trainer:
    trainer = Trainer(recipe, corpus)
    for _ in range(steps):
        trainer.step()
    return trainer


def picture(trainer: Trainer) -> bytes:
    """All that a run is, as bytes."""
    return Checkpoint.of(trainer, 0.0).to_bytes()


def through_a_file(trainer: Trainer, path: Path) -> Trainer:
    Checkpoint.of(trainer, 1.5).save(path)
    return Checkpoint.load(path).trainer(trainer.corpus)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoint") / "run.safetensors"


@pytest.fixture(scope="module")
def saved(phrase: Corpus) -> bytes:
    """A checkpoint of a run with everything in it, after 7 steps."""
    validations = LossHistory(columns=1)
    validations.append(3, 2.5)
    return Checkpoint.of(trained(FULL, phrase, 7), 1.5, validations).to_bytes()


# Going on.


@pytest.mark.parametrize("optimizer", RULES["optimizer"].choices)
@pytest.mark.parametrize("model", catalog.MODELS)
def test_a_resumed_run_goes_on_bit_for_bit_as_if_it_had_never_stopped(
    model: str, optimizer: str, phrase: Corpus, place: Path
) -> None:
    recipe = everything_it_accepts(SMALL.with_values(model=model, optimizer=optimizer))
    for stopped in (4, 5, 8):  # before a change, right at one, between two
        uninterrupted = trained(recipe, phrase, stopped)
        resumed = through_a_file(uninterrupted, place)
        assert picture(resumed) == picture(uninterrupted)
        for _ in range(stopped, 12):
            assert resumed.step() == uninterrupted.step()
        assert picture(resumed) == picture(uninterrupted)


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


class Remembering(MLP):
    """A model that keeps something from step to step, as one with carried states does."""

    def __init__(self, sizes: Sizes, *, seed: int) -> None:
        super().__init__(sizes, seed=seed)
        self._kept: Mapping[str, FloatArray] = {}

    @property
    def memory(self) -> Mapping[str, FloatArray]:
        return self._kept

    def remember(self, memory: Mapping[str, FloatArray]) -> None:
        if not set(memory) <= {"seen", "state.0"}:
            raise ValueError(f"{sorted(memory)} is not what this model keeps")
        self._kept = memory

    def forward(self, contexts: np.ndarray) -> object:  # type: ignore[type-arg, override]  # what it gives is passed on
        seen = self._kept.get("seen", np.zeros((), dtype=np.float32))
        self._kept = {
            "seen": seen + np.float32(len(contexts)),
            "state.0": np.full((2, 1, 3), seen, np.float64),
        }
        self._kept = {name: np.asarray(array) for name, array in self._kept.items()}
        return super().forward(contexts)


@pytest.fixture
def remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(recipe: Recipe, sizes: Sizes, pad: int) -> GradientModel:
        return Remembering(sizes, seed=recipe.seed)

    monkeypatch.setitem(catalog.MODELS, "mlp", dataclasses.replace(catalog.MODELS["mlp"], build=build))


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
        "embedding.weight": (vocabulary, 3),
        "hidden.0.weight": (4, 9),
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
        "validations.rows": (1, 1),
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
    trainer, whole = checkpoint.trainer(phrase), trained(FULL, phrase, 7)
    assert trainer.losses.steps().tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert np.array_equal(trainer.losses.rows(), whole.losses.rows())
    assert checkpoint.validations().rows().tolist() == [[2.5]]
    assert checkpoint.validations().steps().tolist() == [3]
    assert len(Checkpoint.of(whole, 0).validations()) == 0


def test_a_validation_loss_that_is_not_finite_is_missing_from_the_header_and_kept_in_its_course(
    phrase: Corpus, place: Path
) -> None:
    validations = LossHistory(columns=1)
    validations.append(1, math.inf)
    Checkpoint.of(trained(SMALL, phrase, 2), 0.0, validations).save(place)
    assert read_header(place).validation_loss is None
    assert Checkpoint.load(place).validations().rows().tolist() == [[math.inf]]


def test_equal_runs_give_equal_files(saved: bytes, phrase: Corpus) -> None:
    validations = LossHistory(columns=1)
    validations.append(3, 2.5)
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
        with pytest.raises(SaveError, match="No space left on device.*make room"):
            Checkpoint.of(trained(FULL, phrase, 9), 2.0).save(path)
    assert Checkpoint.load(path).trainer(phrase).steps_made == 7


# What is refused.


@settings(max_examples=150)
@given(st.data())
def test_bytes_cut_off_or_changed_anywhere_give_a_refusal_or_the_same_run(
    saved: bytes, phrase: Corpus, place: Path, data: st.DataObject
) -> None:
    content = bytearray(saved)
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    place.write_bytes(content)
    try:
        trainer = Checkpoint.load(place).trainer(phrase)
    except CheckpointError as refused:
        assert str(place) in str(refused)
        return
    assert picture(trainer) == picture(trained(FULL, phrase, 7))


def resealed(saved: bytes, place: Path, **words: str | None) -> None:
    """Write the checkpoint with some words of its header replaced or left out, and a checksum that is right."""
    place.write_bytes(saved)
    checkpoint = Checkpoint.load(place)
    metadata = {**checkpoint.header.to_metadata(), **words}
    place.write_bytes(seal(checkpoint.tensors, {k: v for k, v in metadata.items() if v is not None}))


FIELDS = [field.name for field in dataclasses.fields(Header)]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(FIELDS), JSON.map(json.dumps) | st.text(st.characters(codec="utf-8")))
def test_any_words_in_the_header_give_a_refusal_or_a_run_that_goes_on(
    saved: bytes, phrase: Corpus, place: Path, field: str, word: str
) -> None:
    resealed(saved, place, **{field: word})
    try:
        trainer = Checkpoint.load(place).trainer(phrase)
    except CheckpointError as refused:
        assert str(place) in str(refused)
        return
    trainer.step()


@pytest.mark.parametrize("field", FIELDS)
def test_a_word_that_is_missing_is_named(field: str, saved: bytes, place: Path) -> None:
    resealed(saved, place, **{field: None})
    with pytest.raises(CheckpointError, match=f"{field} is missing"):
        Checkpoint.load(place)


NOISE = '{"bit_generator": "PCG64", "state": {"state": %s, "inc": %s}, "has_uint32": %s, "uinteger": %s}'


@pytest.mark.parametrize(
    ("field", "word", "reason"),
    [
        ("step", "-3", "step = -3: must be a whole number from 0 to 9"),
        ("step", "7.0", "step = 7.0: must be a whole number"),
        ("step", "true", "step = true: must be a whole number"),
        ("step", str(10**18), "must be a whole number"),
        ("step", "9" * 5000, "step = 999"),
        ("step", "6", "reaches beyond step 6"),
        ("updates", "-1", "updates = -1"),
        ("drawn", str(2**63), "drawn = 9223372036854775808"),
        ("seconds", "NaN", "seconds = NaN: must be JSON with finite numbers"),
        ("seconds", "Infinity", "seconds = Infinity"),
        ("seconds", "1e999", "seconds = 1e999: must be a finite number"),
        ("seconds", "-1.0", "must be a finite number of at least 0"),
        ("seconds", "[" * 100_000, "must be JSON"),
        ("average", "[NaN, 0.5]", "average = [NaN, 0.5]"),
        ("average", "[1e999, 0.5]", "must be a finite sum"),
        ("average", "[1.0]", "must be a finite sum"),
        ("average", "[1.0, -0.5]", "must be a finite sum"),
        ("validation_loss", "NaN", "validation_loss = NaN"),
        ("noise", "null", "draws noise and its state does not"),
        ("noise", NOISE % (-1, 1, 0, 0), "must be the state of a PCG64 generator"),
        ("noise", NOISE % (2**128, 1, 0, 0), "must be the state of a PCG64 generator"),
        ("noise", NOISE % (5, 2, 0, 0), "must be the state of a PCG64 generator"),
        ("noise", NOISE % (5, 1, 2, 0), "must be the state of a PCG64 generator"),
        ("noise", NOISE % (5, 1, 0, 2**32), "must be the state of a PCG64 generator"),
        ("noise", (NOISE % (5, 1, 0, 0)).replace("PCG64", "MT19937"), "must be the state of a PCG64 generator"),
        ("vocabulary", '["a", "bc"]', "a vocabulary holds single characters"),
        ("vocabulary", '["a", "a"]', "is in the vocabulary twice"),
        ("vocabulary", '["b", "a"]', "in the order of the code points"),
        ("vocabulary", '["a", 5]', "must be a list of characters"),
        ("vocabulary", '["a", "b"]', "another vocabulary than its text"),
        ("fingerprint", "0123456789abcdef", "trained on a text with the fingerprint 0123456789abcdef"),
        ("recipe", "layers = 7", "layers = 7"),
        ("recipe", "nothing = 7", "nothing: no such ingredient"),
        ("recipe", "= no toml", "not TOML"),
        ("recipe", FULL.with_values(train_share=0.1, context=99).to_toml(), "too few for context = 99"),
        ("recipe", FULL.with_values(hidden=5).to_toml(), "'model.hidden.0.weight' is float32 of shape (4, 9)"),
        ("recipe", FULL.with_values(precision="float64").to_toml(), "the model's is float64"),
        ("recipe", FULL.with_values(layers=1).to_toml(), "'model.hidden.1.weight' is no part of"),
        ("recipe", FULL.with_values(layers=3).to_toml(), "'model.hidden.2.weight' is missing"),
        ("recipe", FULL.with_values(momentum=0).to_toml(), "is no part of a mlp trained by sgd"),
        ("recipe", FULL.with_values(momentum=0, optimizer="adam").to_toml(), "gradients.embedding.weight' is missing"),
    ],
    ids=lambda word: word.partition("\n")[0][:40],
)  # fmt: skip
def test_a_header_that_makes_no_sense_is_refused_by_name_and_value(
    field: str, word: str, reason: str, saved: bytes, phrase: Corpus, place: Path
) -> None:
    resealed(saved, place, **{field: word})
    with pytest.raises(CheckpointError) as refused:
        Checkpoint.load(place).trainer(phrase)
    assert reason in str(refused.value)
    assert str(place) in str(refused.value)
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"losses.steps": np.array([1, 3, 2]), "losses.rows": np.zeros((3, 2))}, "steps must rise"),
        ({"losses.steps": np.array([1, 1, 2]), "losses.rows": np.zeros((3, 2))}, "steps must rise"),
        ({"losses.steps": np.array([5, 6, 8])}, "'losses.steps' reaches beyond step 7"),
        ({"losses.steps": np.array([-1, 2, 7])}, "'losses.steps' reaches beyond step 7"),
        ({"losses.steps": np.array([1.0, 2.0])}, "of another type"),
        ({"losses.steps": np.array([[1, 2]])}, "of another type"),
        ({"losses.rows": np.zeros((7, 3))}, "they must be (7, 2)"),
        ({"losses.rows": None}, "are missing"),
        ({"model.output.bias": None}, "'model.output.bias' is missing"),
        ({"model.output.scale": np.zeros(3)}, "'model.output.scale' is no part of"),
        ({"memory.state": np.arange(3)}, "'memory.state' is int64"),
    ],
)
def test_arrays_that_make_no_sense_are_refused_by_name(
    changed: Mapping[str, Array | None], reason: str, saved: bytes, phrase: Corpus, place: Path
) -> None:
    place.write_bytes(saved)
    checkpoint = Checkpoint.load(place)
    tensors = {name: array for name, array in {**checkpoint.tensors, **changed}.items() if array is not None}
    place.write_bytes(seal(tensors, checkpoint.header.to_metadata()))
    with pytest.raises(CheckpointError) as refused:
        Checkpoint.load(place).trainer(phrase)
    assert reason in str(refused.value)


def test_another_course_of_validation_is_refused(saved: bytes, place: Path) -> None:
    place.write_bytes(saved)
    checkpoint = Checkpoint.load(place)
    tensors = {**checkpoint.tensors, "validations.steps": np.array([8])}
    place.write_bytes(seal(tensors, checkpoint.header.to_metadata()))
    with pytest.raises(CheckpointError, match="'validations.steps' reaches beyond step 7"):
        Checkpoint.load(place).validations()


def test_another_text_is_refused_with_both_fingerprints(saved: bytes, phrase: Corpus, place: Path) -> None:
    place.write_bytes(saved)
    other = text_corpus(phrase.text + "!", name="other")
    with pytest.raises(CheckpointError, match=f"{phrase.fingerprint}.*'other' has {other.fingerprint}"):
        Checkpoint.load(place).trainer(other)


def test_a_model_too_large_for_memory_is_refused(
    saved: bytes, phrase: Corpus, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write_bytes(saved)
    checkpoint = Checkpoint.load(place)

    def too_large(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("engine.training.checkpoint.Trainer", too_large)
    with pytest.raises(CheckpointError, match="does not fit into memory"):
        checkpoint.trainer(phrase)


@pytest.mark.usefixtures("remembering")
def test_a_memory_that_the_model_does_not_know_is_refused(phrase: Corpus, place: Path) -> None:
    checkpoint = Checkpoint.of(trained(SMALL, phrase, 2), 0.0)
    tensors = {**checkpoint.tensors, "memory.other": np.zeros(3)}
    place.write_bytes(seal(tensors, checkpoint.header.to_metadata()))
    with pytest.raises(CheckpointError, match="is not what this model keeps"):
        Checkpoint.load(place).trainer(phrase)
