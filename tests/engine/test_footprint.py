"""What a run would need is known before anything is made, and what would not fit is refused with the estimate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.corpus import Corpus
from engine import footprint
from engine.footprint import parameter_count, require_room
from engine.models.catalog import build_gradient
from engine.training.beginning import begin
from engine.training.recipe import Recipe
from engine.training.rules import GRADIENT, RULES, RecipeError, Scalar
from engine.training.trainer import Trainer

SIZES = ("context", "embedding", "hidden", "layers")


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Any model that learns by gradients, of any small shape, with any of its options."""
    values: dict[str, Scalar] = {"model": draw(st.sampled_from(GRADIENT))}
    plain = Recipe(model=str(values["model"]))
    sizes = [name for name in SIZES if plain.means(name)]
    values |= {name: draw(st.integers(1, 3)) for name in sizes}
    values["embedding"] = 8 * int(values["embedding"])  # four heads, each even for rotary positions
    options = [name for name, rule in RULES.items() if rule.choices == ("no", "yes") and plain.means(name)]
    options += [name for name in ("positions", "norm") if plain.means(name)]
    if values["model"] != "scalar-mlp":
        values |= {name: draw(st.sampled_from(RULES[name].choices)) for name in options}
    return Recipe().with_values(**values)


@given(recipes(), st.integers(2, 9))
def test_parameters_are_counted_as_the_model_has_them(recipe: Recipe, vocabulary: int) -> None:
    characters = [chr(97 + i) for i in range(vocabulary)]
    assert parameter_count(recipe, vocabulary) == build_gradient(recipe, characters).parameters.values.size


def test_the_model_of_the_course_has_as_many_parameters_as_the_course_says() -> None:
    assert parameter_count(Recipe(), 32) == 54_560


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adam", "adagrad"])
def test_the_state_of_a_step_is_as_large_as_the_trainers(name: str, phrase: Corpus) -> None:
    recipe = Recipe(optimizer=name, hidden=8, layers=1)
    trainer = Trainer(recipe, phrase)
    state = trainer.state()
    size = state.values.nbytes + sum(moment.nbytes for moment in state.optimizer.moments.values())
    needs = footprint.footprint(recipe, len(phrase.vocabulary))
    assert needs.state_bytes == size
    assert needs.rewind_limit == trainer.rewind_limit
    assert needs.bytes > needs.parameters * np.dtype(np.float32).itemsize


@pytest.mark.parametrize("model", GRADIENT)
def test_a_larger_batch_or_model_needs_more(model: str) -> None:
    small = Recipe(model=model, embedding=8)
    more = [small.with_values(batch=64), small.with_values(embedding=16), small.with_values(layers=3)]
    needed = [footprint.footprint(recipe, 65).bytes for recipe in (small, *more)]
    assert min(needed[1:]) > needed[0]


def test_what_does_not_fit_is_refused_before_anything_is_made(
    phrase: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footprint, "memory_left", lambda: 200_000_000)
    small = Recipe(hidden=8, layers=1, batch=1)
    begin(small, phrase)
    with pytest.raises(
        RecipeError, match=r"mlp with context = 8, embedding = 32, hidden = 4096, .*GB are left"
    ):
        begin(Recipe(hidden=4096, layers=4, batch=4096), phrase)
    with pytest.raises(RecipeError, match=r"kneser-ney with order = 12 needs about 1\.2 GB"):
        require_room(Recipe(model="kneser-ney", order=12), 50, 1_000_000)


def test_a_machine_that_does_not_tell_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "memory_left", lambda: None)
    require_room(Recipe(hidden=4096, layers=4, batch=4096), 100_000, 1_000_000)


def test_the_largest_model_of_the_rules_is_refused_on_any_machine_of_today() -> None:
    room = footprint.memory_left()
    if room is None:
        pytest.skip("this system does not tell how much memory is left")
    largest = Recipe(
        model="lstm", hidden=4096, embedding=2048, layers=3, context=1024, batch=4096, precision="float64"
    )
    assert footprint.footprint(largest, 100_000).bytes > 1 << 40


@pytest.mark.parametrize("model", ["rnn", "lstm", "gru"])
def test_the_states_that_are_carried_along_count(model: str, phrase: Corpus) -> None:
    recipe = Recipe(model=model, hidden=8, embedding=4, layers=2, batch=16, batching="streams")
    trainer = Trainer(recipe, phrase)
    trainer.step()
    state = trainer.state()
    arrays = [state.values, *state.optimizer.moments.values(), *state.memory.values()]
    needed = footprint.footprint(recipe, len(phrase.vocabulary)).state_bytes
    assert needed == sum(array.nbytes for array in arrays)


def test_a_model_without_n_grams_needs_as_much_for_a_text_as_one_of_single_characters() -> None:
    unigram, uniform = (footprint.footprint(Recipe(model=m), 50, 1000).bytes for m in ("unigram", "uniform"))
    assert unigram == uniform == footprint.footprint(Recipe(model="kneser-ney", order=1), 50, 1000).bytes
