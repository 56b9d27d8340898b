"""What the recurrent models promise: gradients as a whole, states carried, texts scored and written on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.autograd.gradcheck import numeric_gradient
from engine.information import log_softmax
from engine.models import recurrent_reading
from engine.models.gru import GRU
from engine.models.language_model import Batch
from engine.models.lstm import LSTM
from engine.models.recurrent import RecurrentModel, Sizes
from engine.models.rnn import RNN
from engine.training.optimizers import Adam

MODELS = [RNN, LSTM, GRU]
Kind = type[RecurrentModel]
SMALL = Sizes(vocabulary=5, context=4, embedding=3, hidden=4, layers=2)
WIDE = Sizes(vocabulary=20, context=8, embedding=6, hidden=12)


def text(size: int, vocabulary: int = 5, seed: int = 0) -> IdArray:
    return np.random.default_rng(seed).integers(0, vocabulary, size).astype(np.uint8)


def batch_of(ids: IdArray, rows: int, *, continues: bool = False) -> Batch:
    windows = ids.reshape(rows, -1)
    return Batch(windows[:, :-1], windows[:, 1:], np.arange(rows), continues)


def shaken(model: RecurrentModel, scale: float = 0.4) -> RecurrentModel:
    """The model with other weights, so that nothing is zero or symmetric."""
    values = model.parameters.values
    values += np.random.default_rng(99).normal(scale=scale, size=values.size).astype(values.dtype)
    return model


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("layers", [1, 3])
def test_all_gradients_agree_with_finite_differences(kind: Kind, layers: int) -> None:
    sizes = dataclasses.replace(SMALL, vocabulary=4, embedding=2, hidden=2, layers=layers)
    model = shaken(kind(sizes, seed=1, dtype="float64"))
    model.train(True)
    before = batch_of(text(10, 4, 1), 2)
    batch = batch_of(text(10, 4, 2), 2, continues=True)
    model.loss(before)
    carried = model.memory
    model.parameters.clear_gradient()
    model.loss(batch).backward()
    gradient = model.parameters.gradient()

    def loss(points: Sequence[NDArray[np.float64]]) -> float:
        model.parameters.values[:] = points[0]
        model.remember(carried)
        return float(model.loss(batch).data)  # type: ignore[arg-type]  # a 0-d array

    (expected,) = numeric_gradient(loss, [model.parameters.values.astype(np.float64)])
    assert np.allclose(gradient, expected, rtol=1e-6, atol=1e-9)
    assert np.count_nonzero(gradient) > 0.9 * gradient.size


@pytest.mark.parametrize("kind", MODELS)
def test_a_stream_in_batches_gives_the_scores_of_the_stream_in_one(kind: Kind) -> None:
    model = shaken(kind(SMALL, seed=2, dtype="float64"))
    model.train(True)
    ids = text(24).reshape(2, 12)
    whole = model.without_noise(ids).logits.data.reshape(12, 2, 5)
    parts = [model.forward(ids[:, k : k + 4]).logits.data.reshape(4, 2, 5) for k in (0, 4, 8)]
    assert np.allclose(np.concatenate(parts), whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", MODELS)
def test_states_are_carried_in_training_only_and_only_where_a_batch_goes_on(kind: Kind) -> None:
    model = shaken(kind(SMALL, seed=3))
    first, second = batch_of(text(10), 2), batch_of(text(10, seed=1), 2)
    goes_on = dataclasses.replace(second, continues=True)
    fresh = float(model.loss(second).data)  # type: ignore[arg-type]  # a 0-d array
    assert not model.memory
    model.train(True)
    model.loss(first)
    held = model.memory
    copies = {name: array.copy() for name, array in held.items()}
    names = [f"layer.{index}.{part}" for index in range(2) for part in kind.cell.carried]
    assert list(held) == names
    assert all(array.shape == (2, 4) for array in held.values())

    carried = float(model.loss(goes_on).data)  # type: ignore[arg-type]  # as above
    assert carried != fresh
    assert all(np.array_equal(held[name], copies[name]) for name in held)
    model.remember(held)
    assert float(model.loss(goes_on).data) == carried  # type: ignore[arg-type]  # as above
    assert float(model.loss(second).data) == fresh  # type: ignore[arg-type]  # as above
    model.forget()
    assert not model.memory
    assert float(model.loss(goes_on).data) == fresh  # type: ignore[arg-type]  # as above
    model.loss(batch_of(text(15), 3, continues=True))  # another number of rows begins anew
    assert next(iter(model.memory.values())).shape == (3, 4)

    kept = model.memory
    model.logits(text(7))
    model.probe(text(7))
    model.nll(text(70))
    assert model.memory is kept


@pytest.mark.parametrize("kind", MODELS)
def test_writing_on_gives_the_scores_of_reading_it_all(kind: Kind) -> None:
    model = shaken(kind(SMALL, seed=4))
    ids = text(20)
    going = model.start(ids[:5])
    for end in range(5, 20):
        whole = model.without_noise(ids[None, :end]).logits.data[-1]
        assert np.allclose(going.logits, whole, rtol=1e-4, atol=1e-5)
        assert np.allclose(model.logits(ids[:end]), whole, rtol=1e-4, atol=1e-5)
        assert np.allclose(model.probe(ids[:end])["logits"], whole, rtol=1e-4, atol=1e-5)
        going.advance(int(ids[end]))


def test_a_text_under_way_keeps_the_weights_it_began_with() -> None:
    model = shaken(GRU(SMALL, seed=4))
    going, same = model.start(text(5)), model.start(text(5))
    going.advance(1)
    expected = going.logits
    model.parameters.values[:] = 0
    same.advance(1)
    assert np.array_equal(same.logits, expected)


@pytest.mark.parametrize("kind", MODELS)
def test_an_empty_text_begins_with_the_padding_character(kind: Kind) -> None:
    model = shaken(kind(SMALL, seed=5, pad=3))
    empty, pad = text(0), np.array([3], dtype=np.uint8)
    assert np.array_equal(model.logits(empty), model.logits(pad))
    assert np.array_equal(model.start(empty).logits, model.logits(pad))
    assert np.array_equal(model.probe(empty)["logits"], model.probe(pad)["logits"])


def reference(model: RecurrentModel, ids: IdArray, first: int, start: int, stop: int) -> NDArray[np.float64]:
    """Nats character by character, reading from `first`, or from the text's beginning."""
    nats = []
    for place in range(start, stop):
        scores = log_softmax(model.logits(ids[max(0, first) : place]))
        nats.append(-float(scores[ids[place]]))
    return np.array(nats)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize(("start", "stop"), [(0, 60), (0, 1), (1, 30), (37, 60), (59, 60)])
def test_thorough_scores_are_those_of_one_unbroken_reading(kind: Kind, start: int, stop: int) -> None:
    model = shaken(kind(SMALL, seed=6, pad=2, dtype="float64"))
    ids = text(60)
    pieces = list(model.scoring(ids, start, stop, thorough=True))
    nats = np.concatenate(pieces)
    assert nats.dtype == np.float64
    assert np.allclose(nats, reference(model, ids, 0, start, stop), rtol=1e-9, atol=1e-9)
    assert all(len(piece) == 0 for piece in pieces[:-1])


@given(
    size=st.integers(1, 400),
    start=st.integers(0, 399),
    warm_up=st.integers(1, 90),
    at_once=st.integers(1, 40),
)
@settings(max_examples=15, deadline=None)
def test_lanes_read_what_one_reading_with_their_warm_up_reads(
    size: int, start: int, warm_up: int, at_once: int
) -> None:
    start = min(start, size)
    model = shaken(GRU(SMALL, seed=7, dtype="float64"))
    ids = text(size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recurrent_reading, "WARM_UP", warm_up)
        patch.setattr(recurrent_reading, "SHORTEST_LANE", 20)
        patch.setattr(recurrent_reading, "STEPS_AT_ONCE", at_once)
        nats = model.nll(ids, start)
    assert nats.shape == (size - start,)
    lanes = max(1, min(32, (size - start) // 20))
    length = -(-(size - start) // lanes)
    for begin in range(start, size, max(1, length)):
        end = min(begin + length, size)
        checked = slice(begin, min(begin + 2, end))
        expected = reference(model, ids, begin - warm_up, checked.start, checked.stop)
        given_nats = nats[checked.start - start : checked.stop - start]
        assert np.allclose(given_nats, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", MODELS)
def test_quick_and_thorough_scores_hardly_differ_and_are_always_the_same(kind: Kind) -> None:
    model = kind(WIDE, seed=8)
    ids = text(6000, 20)
    quick, thorough = model.nll(ids, 1000), model.nll(ids, 1000, thorough=True)
    assert quick.mean() == pytest.approx(thorough.mean(), rel=1e-3)
    assert np.array_equal(quick, model.nll(ids, 1000))
    assert np.array_equal(thorough, model.nll(ids, 1000, thorough=True))


@pytest.mark.parametrize("kind", MODELS)
def test_every_stage_has_its_formula_and_its_value_at_the_last_place(kind: Kind) -> None:
    model = shaken(kind(SMALL, seed=9))
    ids = text(12).reshape(3, 4)
    forward = model.without_noise(ids)
    for row in range(3):
        values, probed = model.stage_values(forward, row), model.probe(ids[row])
        assert list(values) == list(model.formulas()) == list(probed)
        assert all(value.ndim == 1 for value in values.values())
        assert all(np.allclose(values[name], probed[name], rtol=1e-5, atol=1e-6) for name in values)
    assert values["logits"].shape == (5,)
    assert values["layer.1.hidden"].shape == (4,)


def test_the_gates_shown_obey_the_equations() -> None:
    lstm, gru = (shaken(kind(SMALL, seed=10, dtype="float64")) for kind in (LSTM, GRU))
    ids = text(6)
    now, before = (
        {name.removeprefix("layer.0."): value for name, value in lstm.probe(part).items()}
        for part in (ids, ids[:-1])
    )
    assert np.allclose(now["cell"], now["forget"] * before["cell"] + now["input"] * now["candidate"])
    assert np.allclose(now["hidden"], now["output"] * np.tanh(now["cell"]))
    now, before = (
        {name.removeprefix("layer.0."): value for name, value in gru.probe(part).items()}
        for part in (ids, ids[:-1])
    )
    z = now["update"]
    assert np.allclose(now["hidden"], (1 - z) * now["candidate"] + z * before["hidden"])


@pytest.mark.parametrize("kind", MODELS)
def test_recurrent_weights_begin_orthogonal_gate_by_gate_and_biases_at_zero(kind: Kind) -> None:
    sizes = dataclasses.replace(WIDE, layers=2, forget_bias=1.5)
    model = kind(sizes, seed=11, dtype="float64")
    for layer in model.network.layer:
        for (name, rows), weight in zip(kind.cell.rows.items(), layer.weights, strict=True):
            gates = np.split(weight.data, kind.cell.gates, axis=1)
            if rows[0] == "hidden":
                assert all(np.allclose(gate[:12].T @ gate[:12], np.eye(12)) for gate in gates), name
            biases = [1.5 if kind is LSTM and k == 2 else 0.0 for k in range(kind.cell.gates)]
            assert [gate[-1].tolist() for gate in gates] == [[bias] * 12 for bias in biases]


@pytest.mark.parametrize("kind", MODELS)
def test_dropout_falls_between_layers_in_training_and_comes_from_the_models_noise(kind: Kind) -> None:
    sizes = dataclasses.replace(WIDE, layers=2, dropout=0.5)
    model, plain = kind(sizes, seed=12), kind(dataclasses.replace(sizes, dropout=0.0), seed=12)
    batch = batch_of(text(27, 20), 3)
    expected = plain.forward(batch.contexts)
    assert np.array_equal(model.forward(batch.contexts).logits.data, expected.logits.data)
    model.train(True)
    state = model.noise.bit_generator.state
    first = model.forward(batch.contexts)
    model.noise.bit_generator.state = state
    model.forget()
    again = model.forward(batch.contexts)
    assert np.array_equal(first.logits.data, again.logits.data)
    assert not np.allclose(first.logits.data, expected.logits.data)
    shown, free = model.stage_values(first, 0), plain.stage_values(expected, 0)
    assert np.array_equal(
        shown["layer.0.hidden"], free["layer.0.hidden"]
    )  # the first layer's steps know no noise
    assert not np.array_equal(shown["layer.1.hidden"], free["layer.1.hidden"])


@pytest.mark.parametrize("kind", MODELS)
def test_a_few_steps_learn_a_text_that_repeats(kind: Kind) -> None:
    model = kind(Sizes(vocabulary=4, context=12, embedding=4, hidden=16), seed=13)
    model.train(True)
    optimizer = Adam(model.parameters.values.size, np.float32)
    ids = np.tile(np.array([0, 1, 0, 2, 0, 3], dtype=np.uint8), 40)
    for step in range(120):
        model.parameters.clear_gradient()
        begin = step % 100
        model.loss(batch_of(ids[begin : begin + 13], 1)).backward()
        optimizer.update(model.parameters.values, model.parameters.gradient(), 0.02)
    assert model.nll(ids[:120], 60).mean() < 0.1


@pytest.mark.parametrize(
    ("change", "words"),
    [({"layers": 0}, "layers is 0"), ({"hidden": 0}, "hidden is 0"), ({"dropout": 1.0}, "dropout is 1.0")],
)
def test_impossible_sizes_are_refused_by_name(change: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(SMALL, **change)  # type: ignore[arg-type]  # whatever is wrong
