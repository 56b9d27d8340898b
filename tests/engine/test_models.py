"""Both models of section 3.5: one interface, the same weights from the same seed, the same losses and gradients.

The judges: finite differences over every parameter, the other model, and the arithmetic of the page.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from corpora.corpus import Corpus
from engine.autograd.gradcheck import numeric_gradient
from engine.information import log_softmax
from engine.models.catalog import MODELS, build, build_gradient
from engine.models.language_model import Batch, GradientModel
from engine.models.mlp import MLP, Sizes
from engine.models.scalar_mlp import ScalarMLP
from engine.training.evaluation import Evaluation
from engine.training.recipe import Recipe
from engine.training.rules import RULES, RecipeError
from engine.training.trainer import Trainer

Floats = NDArray[np.float64]
SMALL = Sizes(vocabulary=5, context=3, embedding=2, hidden=4, layers=2)
KINDS = ["mlp", "scalar-mlp"]


def model_of(kind: str, sizes: Sizes, seed: int = 3, pad: int = 0) -> GradientModel:
    return (
        ScalarMLP(sizes, seed=seed, pad=pad)
        if kind == "scalar-mlp"
        else MLP(sizes, seed=seed, pad=pad, dtype="float64")
    )


def batch_for(sizes: Sizes, size: int, seed: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, sizes.vocabulary, (size, sizes.context + 1)).astype(np.uint8)
    return Batch(rows[:, :-1], rows[:, -1], np.arange(size))


def gradient_of(model: GradientModel, batch: Batch) -> tuple[float, Floats]:
    model.parameters.clear_gradient()
    loss = model.loss(batch)
    loss.backward()
    return float(loss.data), model.parameters.gradient().astype(np.float64)  # type: ignore[arg-type]  # a float or a 0-d array


# Sizes.


def test_the_model_of_section_3_5_has_its_parameters_group_by_group() -> None:
    groups = {group.name: group for group in MLP(Sizes(vocabulary=32), seed=0).parameters.groups}
    sizes = {
        "embedding.weight": 32 * 32,
        "hidden.0.weight": 256 * 128,
        "hidden.0.bias": 128,
        "hidden.1.weight": 128 * 128,
        "hidden.1.bias": 128,
        "output.weight": 128 * 32,
        "output.bias": 32,
    }
    assert [(name, group.stop - group.start) for name, group in groups.items()] == list(sizes.items())
    assert MLP(Sizes(vocabulary=32), seed=0).parameters.values.size == 54_560


@pytest.mark.parametrize("kind", KINDS)
@given(
    vocabulary=st.integers(2, 6),
    context=st.integers(1, 3),
    embedding=st.integers(1, 3),
    hidden=st.integers(1, 4),
    layers=st.integers(1, 4),
)
@settings(max_examples=25, deadline=None)
def test_the_groups_lie_end_to_end_and_add_up_to_the_count_of_the_formula(
    kind: str, vocabulary: int, context: int, embedding: int, hidden: int, layers: int
) -> None:
    sizes = Sizes(vocabulary=vocabulary, context=context, embedding=embedding, hidden=hidden, layers=layers)
    parameters = model_of(kind, sizes).parameters
    assert [group.start for group in parameters.groups[1:]] == [
        group.stop for group in parameters.groups[:-1]
    ]
    count = vocabulary * embedding + (context * embedding + 1) * hidden
    count += (layers - 1) * (hidden + 1) * hidden + (hidden + 1) * vocabulary
    assert parameters.values.size == parameters.groups[-1].stop == count
    assert sum(int(np.prod(group.shape)) for group in parameters.groups) == count


# The two models are one.


@pytest.mark.parametrize("initialiser", ["uniform", "normal", "xavier", "he", "orthogonal"])
def test_the_same_seed_gives_both_models_the_same_weights_and_another_seed_others(initialiser: str) -> None:
    sizes = Sizes(vocabulary=5, context=3, embedding=2, hidden=4, layers=3, initialiser=initialiser)
    array, scalar = model_of("mlp", sizes).parameters, model_of("scalar-mlp", sizes).parameters
    assert array.groups == scalar.groups
    assert np.array_equal(array.values, scalar.values)
    assert not np.array_equal(array.values, model_of("mlp", sizes, seed=4).parameters.values)
    single = MLP(sizes, seed=3, dtype="float32").parameters.values
    assert np.array_equal(single, array.values.astype(np.float32))


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("batch", [1, 3])
def test_twenty_steps_of_both_models_agree_in_losses_and_gradients(
    activation: str, layers: int, batch: int, phrase: Corpus
) -> None:
    recipe = Recipe(
        context=3,
        embedding=3,
        hidden=6,
        layers=layers,
        activation=activation,
        batch=batch,
        rate=0.3,
        precision="float64",
        seed=11,
    )
    array = Trainer(recipe, phrase)
    scalar = Trainer(recipe.with_values(model="scalar-mlp"), phrase)
    losses = []
    for _ in range(20):
        pair = []
        for trainer in (array, scalar):
            trainer.draw()
            trainer.forward()
            trainer.loss()
            pair.append(trainer.backward().copy())
            losses.append(trainer.update().loss)
        assert np.allclose(pair[0], pair[1], rtol=1e-10, atol=1e-10)
    assert np.allclose(losses[::2], losses[1::2], rtol=1e-10, atol=1e-10)
    assert losses[0] != losses[-2]
    assert np.allclose(array.model.parameters.values, scalar.model.parameters.values, rtol=1e-10, atol=1e-10)


# Gradients of the whole model.


@pytest.mark.parametrize(
    ("kind", "activation"),
    [("mlp", "relu"), ("mlp", "tanh"), ("mlp", "gelu"), ("scalar-mlp", "relu"), ("scalar-mlp", "tanh")],
)
@pytest.mark.parametrize("layers", [1, 3])
def test_every_parameter_has_the_gradient_that_finite_differences_find(
    kind: str, activation: str, layers: int
) -> None:
    sizes = Sizes(vocabulary=5, context=3, embedding=2, hidden=4, layers=layers, activation=activation)
    model, batch = model_of(kind, sizes), batch_for(sizes, 4)
    rng = np.random.default_rng(8)
    model.parameters.values[:] += rng.normal(size=model.parameters.values.size)  # biases too are not zero
    model.parameters.publish()
    start = model.parameters.values.astype(np.float64)
    _, gradient = gradient_of(model, batch)

    def loss_at(points: object) -> float:
        model.parameters.values[:] = points[0]  # type: ignore[index]  # one array
        model.parameters.publish()
        return float(model.loss(batch).data)  # type: ignore[arg-type]  # a float or a 0-d array

    (expected,) = numeric_gradient(loss_at, [start], step=1e-4)
    assert np.allclose(gradient, expected, rtol=1e-6, atol=1e-9)


def test_the_scalar_model_refuses_what_single_numbers_do_not_have() -> None:
    with pytest.raises(ValueError, match=r"activation = gelu.*relu, tanh"):
        ScalarMLP(Sizes(vocabulary=5, activation="gelu"), seed=0)
    with pytest.raises(ValueError, match=r"dropout = 0\.5.*set it to 0"):
        ScalarMLP(Sizes(vocabulary=5, dropout=0.5), seed=0)


# The promises every model keeps.


@pytest.mark.parametrize("kind", KINDS)
@given(ids=st.lists(st.integers(0, 4), min_size=1, max_size=12), start=st.integers(0, 12))
@settings(max_examples=25, deadline=None)
def test_the_nats_of_a_text_are_those_of_its_characters_one_by_one(
    kind: str, ids: list[int], start: int
) -> None:
    model, text, start = model_of(kind, SMALL, pad=2), np.array(ids, dtype=np.uint8), min(start, len(ids))
    expected = [-log_softmax(model.logits(text[:at]))[text[at]] for at in range(start, len(text))]
    nats = model.nll(text, start)
    assert nats.shape == (len(text) - start,)
    assert np.allclose(nats, expected, rtol=1e-12)


def test_a_text_longer_than_a_slice_is_scored_without_a_seam() -> None:
    model = model_of("mlp", SMALL)
    text = np.random.default_rng(0).integers(0, 5, 1300).astype(np.uint8)
    whole = model.nll(text)
    assert whole.shape == (1300,)
    for at in (0, 1, 511, 512, 513, 1023, 1024, 1299):
        assert whole[at] == pytest.approx(-log_softmax(model.logits(text[:at]))[text[at]], rel=1e-12)
    assert np.allclose(model.nll(text, 700), whole[700:], rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@given(ids=st.lists(st.integers(0, 4), max_size=8), prompt=st.integers(0, 8))
@settings(max_examples=25, deadline=None)
def test_a_continuation_scores_as_the_grown_text_does(kind: str, ids: list[int], prompt: int) -> None:
    model, text = model_of(kind, SMALL, pad=2), np.array(ids, dtype=np.uint8)
    prompt = min(prompt, len(ids))
    continuation = model.start(text[:prompt])
    for at in range(prompt, len(text) + 1):
        assert np.allclose(continuation.logits, model.logits(text[:at]), rtol=1e-12)
        if at < len(text):
            continuation.advance(ids[at])


@pytest.mark.parametrize("kind", KINDS)
def test_continuations_and_their_prompt_do_not_disturb_each_other(kind: str) -> None:
    model, prompt = model_of(kind, SMALL), np.array([1, 2, 3], dtype=np.uint8)
    one, other = model.start(prompt), model.start(prompt)
    before = other.logits.copy()
    one.advance(4)
    assert prompt.tolist() == [1, 2, 3]
    assert np.array_equal(other.logits, before)
    assert not np.array_equal(one.logits, before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_short_context_is_padded_in_front_and_a_long_one_cut_in_front(kind: str) -> None:
    model = model_of(kind, SMALL, pad=4)

    def logits(*ids: int) -> Floats:
        return model.logits(np.array(ids, dtype=np.uint8)).astype(np.float64)

    assert np.array_equal(logits(), logits(4, 4, 4))
    assert np.array_equal(logits(1), logits(4, 4, 1))
    assert np.array_equal(logits(3, 0, 1, 2), logits(0, 1, 2))
    assert not np.array_equal(logits(1), logits(1, 4, 4))


@pytest.mark.parametrize("kind", KINDS)
def test_the_probe_shows_every_stage_from_the_embedding_to_the_logits(kind: str) -> None:
    model, context = model_of(kind, SMALL), np.array([1, 0, 4], dtype=np.uint8)
    stages = model.probe(context)
    assert list(stages) == ["embedding", "hidden.0", "hidden.1", "logits"]
    assert [stage.shape for stage in stages.values()] == [(6,), (4,), (4,), (5,)]
    assert set(model.formulas()) == set(stages)
    groups = {group.name: group for group in model.parameters.groups}
    vectors = groups["embedding.weight"].of(model.parameters.values).reshape(5, 2)
    assert np.array_equal(stages["embedding"], vectors[[1, 0, 4]].ravel())
    weight = groups["output.weight"].of(model.parameters.values).reshape(5, 4)
    assert np.allclose(stages["logits"], weight @ stages["hidden.1"], rtol=1e-12)
    assert np.allclose(stages["logits"], model.logits(context), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_of_a_batch_is_the_mean_over_its_examples(kind: str) -> None:
    model, batch = model_of(kind, SMALL), batch_for(SMALL, 6)
    whole, gradient = gradient_of(model, batch)
    parts = [
        gradient_of(
            model, Batch(batch.contexts[i : i + 1], batch.targets[i : i + 1], batch.positions[i : i + 1])
        )
        for i in range(6)
    ]
    assert whole == pytest.approx(np.mean([loss for loss, _ in parts]), rel=1e-12)
    assert np.allclose(gradient, np.mean([g for _, g in parts], axis=0), rtol=1e-10, atol=1e-14)


# Dropout.


def test_dropout_is_noise_in_training_and_nowhere_else() -> None:
    sizes = Sizes(vocabulary=5, context=3, embedding=2, hidden=400, layers=1, dropout=0.25)
    noisy, plain = (
        MLP(sizes, seed=1),
        MLP(Sizes(vocabulary=5, context=3, embedding=2, hidden=400, layers=1), seed=1),
    )
    batch, text = batch_for(sizes, 8), np.array([1, 2, 3, 0, 4], dtype=np.uint8)
    noisy.train(True)
    state = noisy.noise.bit_generator.state
    assert np.array_equal(noisy.logits(text), plain.logits(text))
    assert np.array_equal(noisy.nll(text), plain.nll(text))
    assert np.array_equal(noisy.start(text).logits, plain.start(text).logits)
    assert np.array_equal(noisy.probe(text)["hidden.0"], plain.probe(text)["hidden.0"])
    assert noisy.noise.bit_generator.state == state  # looking takes nothing from the run's noise

    dropped = noisy.forward(batch.contexts).logits.parents[0].data  # what the output layer saw
    clean = plain.forward(batch.contexts).stages[1][1].data
    assert np.all((dropped == 0) | np.isclose(dropped, clean / 0.75, rtol=1e-6))
    assert np.mean(dropped[clean > 0] == 0) == pytest.approx(0.25, abs=0.05)
    noisy.train(False)
    assert np.array_equal(
        noisy.forward(batch.contexts).logits.data, plain.forward(batch.contexts).logits.data
    )


def test_a_hidden_stage_is_shown_before_dropout_so_that_a_dropped_unit_is_not_a_dead_one() -> None:
    sizes = Sizes(vocabulary=5, context=3, embedding=2, hidden=50, layers=1, activation="tanh", dropout=0.5)
    model, batch = MLP(sizes, seed=1), batch_for(sizes, 4)
    clean = model.forward(batch.contexts).stages[1][1].data
    model.train(True)
    forward = model.forward(batch.contexts)
    assert np.array_equal(model.stage_values(forward, 2)["hidden.0"], clean[2])
    assert np.all(clean != 0)
    assert np.any(forward.logits.parents[0].data == 0)


def test_looking_without_noise_leaves_dropout_as_it_was() -> None:
    sizes = Sizes(vocabulary=5, context=3, embedding=2, hidden=50, layers=2, dropout=0.5)
    model, batch = MLP(sizes, seed=1), batch_for(sizes, 4)
    for on in (True, False):
        model.train(on)
        model.logits(np.array([1], dtype=np.uint8))
        one, other = (model.forward(batch.contexts).logits.data for _ in range(2))
        assert np.array_equal(one, other) is not on


# Slices.


@pytest.mark.parametrize(
    ("sizes", "rows"),
    [
        (Sizes(vocabulary=65), 512),  # the usual model: neither limit bites
        (Sizes(vocabulary=4096, embedding=2, hidden=2, layers=1), 64),  # 64 * 4096 = 2^18 scores
        (Sizes(vocabulary=2, context=64, embedding=64, hidden=1, layers=1), 64),  # and so with the embedding
        (Sizes(vocabulary=50, context=8, embedding=32, hidden=900, layers=2), 55),  # 1_089_950 parameters
        (
            Sizes(vocabulary=2, context=1000, embedding=300, hidden=1, layers=1),
            1,
        ),  # 300_000 numbers in one row
    ],
)
def test_the_rows_of_a_slice_follow_from_the_size_of_the_model(sizes: Sizes, rows: int) -> None:
    model = MLP(sizes, seed=0)
    assert model.slice_rows == rows


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_asked_for_in_slices_of_that_many_rows(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = Sizes(vocabulary=4096, context=1, embedding=1, hidden=1, layers=1)
    model, asked = model_of(kind, sizes), list[int]()
    text = np.random.default_rng(0).integers(0, 4096, 150).astype(np.uint16)
    whole, scores = model.nll(text), model.scores  # type: ignore[attr-defined]  # both are window models

    def counted(contexts: NDArray[np.uint16]) -> Floats:
        asked.append(len(contexts))
        return scores(contexts)  # type: ignore[no-any-return]  # as above

    monkeypatch.setattr(model, "scores", counted)
    assert np.array_equal(model.nll(text), whole)
    assert asked == [64, 64, 22]
    for at in (0, 63, 64, 149):
        assert whole[at] == pytest.approx(-log_softmax(model.logits(text[:at]))[text[at]], rel=1e-12)


def test_an_evaluation_scores_one_slice_at_a_time_whatever_the_model() -> None:
    sizes = Sizes(vocabulary=4096, context=1, embedding=1, hidden=1, layers=1)
    model = model_of("mlp", sizes)
    text = np.random.default_rng(0).integers(0, 4096, 200).astype(np.uint16)
    evaluation = Evaluation(model_of("mlp", sizes, seed=9), model, text, 10, 200, 7)
    losses = [evaluation.advance() for _ in range(3)]  # 64 + 64 + 62
    assert losses[:2] == [None, None]
    assert losses[2] == pytest.approx(model.nll(text, 10).mean(), rel=1e-12)
    plain = model_of("mlp", SMALL)
    short = np.random.default_rng(1).integers(0, 5, 513).astype(np.uint8)
    usual = Evaluation(model_of("mlp", SMALL), plain, short, 0, 513, 7)
    assert usual.advance() is None  # 512, and one is left
    assert usual.advance() == pytest.approx(plain.nll(short).mean(), rel=1e-12)


# The catalog.


def test_only_the_model_on_single_numbers_is_slower_to_replay_than_to_remember() -> None:
    assert [model_of(kind, SMALL).replays_slowly for kind in KINDS] == [False, True]


@pytest.mark.parametrize(("name", "value"), [("activation", "gelu"), ("dropout", 0.5)])
def test_the_catalog_passes_the_model_s_own_refusal_on(name: str, value: str | float) -> None:
    with pytest.raises(RecipeError) as refused:
        build(Recipe(model="scalar-mlp").with_values(**{name: value}), ["a", "b"])
    with pytest.raises(ValueError, match=r"choose .*model = mlp") as own:
        ScalarMLP(Sizes(**{"vocabulary": 2, name: value}), seed=0)  # type: ignore[arg-type]  # one of two fields
    assert str(refused.value) == str(own.value)


def test_the_catalog_has_every_model_a_recipe_may_name_with_its_source() -> None:
    assert set(MODELS) == set(RULES["model"].choices)
    assert all(entry.description and entry.source for entry in MODELS.values())


@pytest.mark.parametrize("name", KINDS)
def test_a_feed_forward_model_is_built_with_the_sizes_of_the_recipe(name: str) -> None:
    model = build_gradient(Recipe(model=name, context=2, embedding=3, hidden=4, layers=1), [" ", "a", "b"])
    assert model.vocabulary_size == 3
    assert model.logits(np.array([1], dtype=np.uint8)).shape == (3,)
    assert model.parameters.values.size == 3 * 3 + 7 * 4 + 5 * 3


@pytest.mark.parametrize(("name", "value"), [("activation", "gelu"), ("dropout", 0.5)])
def test_a_recipe_the_scalar_model_cannot_follow_is_refused_with_name_and_value(
    name: str, value: str | float
) -> None:
    with pytest.raises(RecipeError, match=rf"{name} = {value}: scalar-mlp"):
        build(Recipe(model="scalar-mlp").with_values(**{name: value}), ["a", "b"])
