"""What is no checkpoint of a run is refused in words, whatever is wrong with it, and never half taken."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpora.corpus import Corpus
from engine.training.checkpoint import Checkpoint
from engine.training.checkpoint_header import Header
from engine.training.errors import CheckpointError
from engine.training.history import LossHistory
from engine.training.sealed import Array, seal
from engine.training.stopping import VALIDATION_COLUMNS
from tests.engine.conftest import text_corpus
from tests.engine.saved_runs import FULL, SMALL, picture, remember_in_catalog, trained


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoint") / "run.safetensors"


@pytest.fixture(scope="module")
def saved(phrase: Corpus) -> bytes:
    """A checkpoint of a run with everything in it, after 7 steps."""
    validations = LossHistory(VALIDATION_COLUMNS)
    validations.append(3, 2.5, 2.5, 3, 0)
    return Checkpoint.of(trained(FULL, phrase, 7), 1.5, validations).to_bytes()


@pytest.fixture
def remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    remember_in_catalog(monkeypatch)


@settings(max_examples=150, deadline=None)
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
        trainer = Checkpoint.load(place).course(phrase)
    except CheckpointError:
        return
    assert picture(trainer) == picture(trained(FULL, phrase, 7))


def resealed(saved: bytes, place: Path, /, **words: str | None) -> None:
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


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(FIELDS), JSON.map(json.dumps) | st.text(st.characters(codec="utf-8")))
def test_any_words_in_the_header_give_a_refusal_or_a_run_that_goes_on(
    saved: bytes, phrase: Corpus, place: Path, field: str, word: str
) -> None:
    resealed(saved, place, **{field: word})
    try:
        trainer = Checkpoint.load(place).course(phrase)
    except CheckpointError:
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
        ("place", f"[{2**63}, 0]", "place = [9223372036854775808, 0]: must be two whole numbers"),
        ("place", "[5, 6]", "the second no larger than the first"),
        ("place", "7", "place = 7: must be two whole numbers"),
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
        ("recipe", "layers = 99", "layers = 99"),
        ("recipe", "nothing = 7", "nothing: no such ingredient"),
        ("recipe", "= no toml", "not TOML"),
        ("recipe", FULL.with_values(train_share=0.1, context=99).to_toml(), "too few for context = 99"),
        ("recipe", FULL.with_values(hidden=5).to_toml(), "'model.hidden.0.weight' is float32 of shape (4, 12)"),
        ("recipe", FULL.with_values(precision="float64").to_toml(), "the model's is float64"),
        ("recipe", FULL.with_values(layers=1).to_toml(), "'model.hidden.1.bias' is no part of"),
        ("recipe", FULL.with_values(layers=3).to_toml(), "'model.hidden.2.weight' is missing"),
        ("recipe", FULL.with_values(momentum=0).to_toml(), "is no part of a mlp trained by sgd"),
        ("recipe", FULL.with_values(momentum=0, optimizer="adam").to_toml(), "'optimizer.gradients."),
    ],
    ids=lambda word: word.partition("\n")[0][:40],
)  # fmt: skip
def test_a_header_that_makes_no_sense_is_refused_by_name_and_value(
    field: str, word: str, reason: str, saved: bytes, phrase: Corpus, place: Path
) -> None:
    resealed(saved, place, **{field: word})
    with pytest.raises(CheckpointError) as refused:
        Checkpoint.load(place).course(phrase)
    assert reason in str(refused.value)
    assert str(place) in str(refused.value)
    assert len(str(refused.value)) < 1000


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
        Checkpoint.load(place).course(phrase)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"validations.steps": np.array([8])}, r"'validations\.steps' reaches beyond step 7"),
        ({"validations.rows": np.array([[2.5, np.inf, 3, 0]])}, "a lowest loss that is no number"),
        ({"validations.rows": np.array([[2.5, 2.5, 4, 0]])}, "a step or a count that cannot be"),
        ({"validations.rows": np.array([[2.5, 2.5, -1, 0]])}, "a step or a count that cannot be"),
        ({"validations.rows": np.array([[2.5, 2.5, 3, -1e300]])}, "a step or a count that cannot be"),
        ({"validations.rows": np.array([[2.5, 2.5, np.nan, 0]])}, "a step or a count that cannot be"),
        ({"validations.rows": np.array([[2.5, 2.5]])}, r"rows \(1, 2\) for 1 steps"),
        ({"validations.rows": np.array(2.5)}, "shape|rows"),
    ],
)
def test_another_course_of_validation_is_refused(
    saved: bytes, place: Path, changed: dict[str, Array], reason: str
) -> None:
    place.write_bytes(saved)
    checkpoint = Checkpoint.load(place)
    place.write_bytes(seal({**checkpoint.tensors, **changed}, checkpoint.header.to_metadata()))
    with pytest.raises(CheckpointError, match=reason):
        Checkpoint.load(place).validations()


def test_validations_without_their_rows_are_refused(saved: bytes, place: Path) -> None:
    place.write_bytes(saved)
    checkpoint = Checkpoint.load(place)
    tensors = {name: array for name, array in checkpoint.tensors.items() if name != "validations.rows"}
    place.write_bytes(seal(tensors, checkpoint.header.to_metadata()))
    with pytest.raises(CheckpointError, match=r"'validations\.rows' are missing"):
        Checkpoint.load(place).validations()


def test_another_text_is_refused_with_both_fingerprints(saved: bytes, phrase: Corpus, place: Path) -> None:
    place.write_bytes(saved)
    other = text_corpus(phrase.text + "!", name="other")
    with pytest.raises(CheckpointError, match=f"{phrase.fingerprint}.*'other' has {other.fingerprint}"):
        Checkpoint.load(place).course(other)


def test_a_model_too_large_for_memory_is_refused(
    saved: bytes, phrase: Corpus, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write_bytes(saved)
    checkpoint = Checkpoint.load(place)

    def too_large(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("engine.training.checkpoint.begin", too_large)
    with pytest.raises(CheckpointError, match="does not fit into memory"):
        checkpoint.course(phrase)


@pytest.mark.usefixtures("remembering")
def test_a_memory_that_the_model_does_not_know_is_refused(phrase: Corpus, place: Path) -> None:
    checkpoint = Checkpoint.of(trained(SMALL, phrase, 2), 0.0)
    tensors = {**checkpoint.tensors, "memory.other": np.zeros(3)}
    place.write_bytes(seal(tensors, checkpoint.header.to_metadata()))
    with pytest.raises(CheckpointError, match="is not what this model keeps"):
        Checkpoint.load(place).course(phrase)


@pytest.mark.parametrize("mean", [None, np.zeros(5, dtype=np.float32), np.zeros(4)])
def test_running_statistics_that_are_missing_or_of_another_shape_are_refused(
    mean: Array | None, phrase: Corpus, place: Path
) -> None:
    checkpoint = Checkpoint.of(trained(SMALL.with_values(batchnorm="yes"), phrase, 2), 0.0)
    changed = {**checkpoint.tensors, "memory.norm.0.mean": mean}
    tensors = {name: array for name, array in changed.items() if array is not None}
    place.write_bytes(seal(tensors, checkpoint.header.to_metadata()))
    with pytest.raises(CheckpointError, match=r"'memory\.norm\.0\.mean' is (missing|float)"):
        Checkpoint.load(place).course(phrase)
