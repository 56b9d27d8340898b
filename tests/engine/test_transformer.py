"""The Transformer: its gradients as a whole, what each prediction sees, its cache, scores and first weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.autograd.errors import ShapeError
from engine.autograd.gradcheck import check_gradients
from engine.autograd.tensor import Tensor
from engine.information import log_softmax
from engine.models.language_model import Batch
from engine.models.sliding import SlidingContinuation
from engine.models.transformer import Transformer
from engine.models.transformer_reading import FEW
from engine.models.transformer_sizes import Sizes

SMALL = Sizes(vocabulary=5, context=6, embedding=8, heads=2, layers=2)
KINDS: dict[str, dict[str, Any]] = {  # Any: sizes
    "GPT-2": {},
    "2017": {"norm": "post", "positions": "sinusoidal", "activation": "tanh"},
    "rotary, untied": {"positions": "rotary", "tied": False},
    "no positions, one head": {"positions": "none", "heads": 1, "norm": "post"},
}


def transformer(
    kind: str = "GPT-2", *, dtype: str = "float64", seed: int = 3, **changes: Any
) -> Transformer:  # Any: sizes
    """One whose weights are large enough for every part of it to matter."""
    model = Transformer(replace(SMALL, **{**KINDS[kind], **changes}), seed=seed, pad=4, dtype=dtype)
    values = model.parameters.values
    values += np.random.default_rng(seed).normal(scale=0.5, size=values.size).astype(values.dtype)
    return model


def text(length: int, seed: int = 0) -> IdArray:
    return np.random.default_rng(seed).integers(0, SMALL.vocabulary, length).astype(np.uint8)


def batch(size: int, time: int, seed: int = 1) -> Batch:
    rows = np.random.default_rng(seed).integers(0, SMALL.vocabulary, (size, time + 1)).astype(np.uint8)
    return Batch(rows[:, :-1], rows[:, 1:], np.arange(size))


def gradient(model: Transformer, example: Batch) -> NDArray[np.floating]:
    model.parameters.clear_gradient()
    model.loss(example).backward()
    return model.parameters.gradient().copy()


# Learning


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_whole_models_gradient_is_that_of_finite_differences(kind: str, dropout: float) -> None:
    model = transformer(kind, layers=1, embedding=4, context=3, dropout=dropout)
    model.train(True)
    values = model.parameters.values
    example, state = batch(2, 3), model.noise.bit_generator.state

    def f(t: Sequence[Tensor]) -> Tensor:
        model.noise.bit_generator.state = state  # the same characters are dropped every time
        values[:] = t[0].data
        model.parameters.clear_gradient()
        loss = model.loss(example)

        def backward(grad: NDArray[np.floating]) -> None:
            loss.backward()
            t[0].receive(model.parameters.gradient() * grad)

        return Tensor.made_by("model", np.asarray(loss.data), (t[0],), backward)

    assert check_gradients(f, [np.asarray(values, dtype=np.float64).copy()]) < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_steps_downhill_learn_a_text_by_heart(kind: str) -> None:
    model = Transformer(replace(SMALL, **KINDS[kind]), seed=1)
    ids = np.tile(text(6), 3)
    example = Batch(ids[None, :6], ids[None, 1:7], np.zeros(1, np.int64))
    first = float(model.loss(example).data)  # type: ignore[arg-type]  # a 0-d array
    for _ in range(150):
        step = gradient(model, example)
        model.parameters.values -= 0.1 * step / max(0.3, float(np.linalg.norm(step)))
    assert first == pytest.approx(math.log(5), abs=0.35)
    assert float(model.loss(example).data) < 0.5 * first  # type: ignore[arg-type]  # as above


def test_two_passes_forward_before_one_back_do_not_mix() -> None:
    model = transformer()
    expected = gradient(model, batch(2, 6))
    model.parameters.clear_gradient()
    loss = model.loss(batch(2, 6))
    model.loss(batch(2, 6, seed=2))
    loss.backward()
    assert np.array_equal(model.parameters.gradient(), expected)


def test_float32_stays_float32_all_the_way() -> None:
    for kind in KINDS:
        model = transformer(kind, dtype="float32")
        loss = model.loss(batch(2, 6))
        loss.backward()
        seen, todo = set(), [loss]
        while todo:
            node = todo.pop()
            seen.add((node.op, str(node.data.dtype)))  # type: ignore[attr-defined]  # an array's
            todo += node.parents
        assert {dtype for op, dtype in seen if op != "softmax_cross_entropy"} == {"float32"}, kind


def test_dropout_is_drawn_from_the_models_noise_and_only_in_training() -> None:
    model = transformer(dropout=0.4)
    example = batch(1, 6).contexts
    state = model.noise.bit_generator.state
    quiet = model.forward(example).logits.data
    assert model.noise.bit_generator.state == state
    model.train(True)
    noisy = model.forward(example).logits.data
    assert not np.allclose(noisy, quiet)
    assert not np.allclose(model.forward(example).logits.data, noisy)
    model.noise.bit_generator.state = state
    assert np.array_equal(model.forward(example).logits.data, noisy)
    after = model.noise.bit_generator.state
    assert np.array_equal(model.without_noise(example).logits.data, quiet)
    assert np.allclose(model.logits(example[0]), quiet[0, -1])
    assert model.noise.bit_generator.state == after


# What a prediction sees


@pytest.mark.parametrize("kind", KINDS)
@given(place=st.integers(1, 5), other=st.integers(1, 4))
@settings(max_examples=10, deadline=None)
def test_a_character_changes_what_comes_after_it_and_nothing_before(
    kind: str, place: int, other: int
) -> None:
    model = transformer(kind)
    one = text(6)[None]
    changed = one.copy()
    changed[0, place] = (changed[0, place] + other) % SMALL.vocabulary
    before, after = (model.forward(ids).logits.data[0] for ids in (one, changed))
    assert np.allclose(before[:place], after[:place], rtol=1e-12)
    assert (np.abs(before[place:] - after[place:]).max(axis=1) > 1e-6).all()


def test_only_the_last_characters_of_a_long_context_are_seen() -> None:
    model = transformer()
    ids = text(20)
    assert np.array_equal(model.logits(ids), model.logits(ids[-6:]))
    assert not np.allclose(model.logits(ids), model.logits(ids[-5:]))


def test_an_empty_context_is_the_padding_character() -> None:
    model = transformer()
    assert np.array_equal(model.logits(text(0)), model.logits(np.array([4], dtype=np.uint8)))


def test_a_batch_longer_than_the_context_is_refused() -> None:
    with pytest.raises(ShapeError, match="7 characters for a model of 1 to 6"):
        transformer().forward(batch(1, 7).contexts)


# The cache


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
def test_a_continuation_within_the_window_gives_the_logits_of_a_whole_pass(
    kind: str, dtype: str, tolerance: float
) -> None:
    model = Transformer(replace(SMALL, **KINDS[kind], context=16), seed=1, dtype=dtype)
    model.parameters.values[:] *= 5
    ids = text(16)
    for prompt in (1, FEW, FEW + 1, 16):
        going = model.start(ids[:prompt])
        for length in range(prompt, 17):
            assert np.allclose(going.logits, model.logits(ids[:length]), rtol=tolerance, atol=tolerance)
            if length < 16:
                going.advance(int(ids[length]))


def test_a_continuation_survives_scores_whose_exponentials_overflow() -> None:
    model = Transformer(SMALL, seed=1, dtype="float64")
    for group in model.parameters.groups:
        if "query_key_value" in group.name:
            group.of(model.parameters.values)[:] *= 2000
    ids = text(4)
    going = model.start(ids[:1])
    for length in range(2, 5):
        going.advance(int(ids[length - 1]))
        assert np.allclose(going.logits, model.logits(ids[:length]), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("context", [1, 2, 5, 6])
def test_beyond_the_window_it_sees_between_half_and_all_of_it_and_says_how_much(context: int) -> None:
    model = transformer(context=context)
    ids = text(4 * context)
    going = model.start(ids[:1])
    assert isinstance(going, SlidingContinuation)
    lengths = []
    for length in range(1, len(ids) + 1):
        lengths.append(going.seen)
        assert np.allclose(going.logits, model.logits(ids[length - going.seen : length]), rtol=1e-12)
        if length < len(ids):
            going.advance(int(ids[length]))
    assert lengths[:context] == list(range(1, context + 1))
    assert {max(1, context // 2), context} <= set(lengths[context:])
    assert min(lengths[context:]) == max(1, context // 2)


def test_two_continuations_do_not_disturb_each_other() -> None:
    model = transformer()
    one, other = model.start(text(3)), model.start(text(3, seed=1))
    kept = one.logits.copy()
    other.advance(2)
    assert np.array_equal(one.logits, kept)
    one.advance(1)
    assert np.allclose(one.logits, model.logits(np.append(text(3), np.uint8(1))), rtol=1e-12)


# Scores


def expected_nats(model: Transformer, ids: IdArray, *, thorough: bool) -> NDArray[np.float64]:
    """By the protocol, one character at a time."""
    time = model.context
    stride = 1 if thorough else time - time // 2
    padded = np.append(np.array([model.pad], dtype=ids.dtype), ids)
    nats = []
    for i, target in enumerate(ids):
        begin = 0 if i < time else ((i - time) // stride + 1) * stride
        assert i < time or (i + 1 - begin >= max(1, time // 2))
        assert not thorough or begin == max(0, i + 1 - time)
        nats.append(-log_softmax(model.logits(padded[begin : i + 1]))[target])
    return np.array(nats)


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize("context", [1, 2, 5, 6])
def test_every_character_is_scored_by_the_protocol(context: int, thorough: bool) -> None:
    model = transformer(context=context)
    ids = text(41)
    assert np.allclose(
        model.nll(ids, thorough=thorough), expected_nats(model, ids, thorough=thorough), rtol=1e-10
    )


@pytest.mark.parametrize("thorough", [False, True])
@given(start=st.integers(0, 40), length=st.integers(0, 40), windows=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_scores_do_not_depend_on_where_one_starts_stops_or_pauses(
    thorough: bool, start: int, length: int, windows: int
) -> None:
    model = transformer()
    ids = text(60)
    stop = min(60, start + length)
    whole = model.nll(ids, thorough=thorough)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.models.sliding.NUMBERS_AT_ONCE", windows * model.widest * model.context)
        pieces = list(model.scoring(ids, start, stop, thorough=thorough))
    nats = np.concatenate([*pieces, np.empty(0)])
    assert nats.dtype == np.float64
    assert len(nats) == stop - start
    assert np.allclose(nats, whole[start:stop], rtol=1e-10)
    assert all(len(piece) <= windows * model.context for piece in pieces)


def test_scoring_leaves_dropout_and_its_noise_alone() -> None:
    model = transformer(dropout=0.5)
    quiet = model.nll(text(20))
    model.train(True)
    state = model.noise.bit_generator.state
    assert np.array_equal(model.nll(text(20)), quiet)
    assert model.noise.bit_generator.state == state


# Looking at it


@pytest.mark.parametrize("kind", KINDS)
def test_a_probe_shows_every_stage_and_who_looks_at_whom(kind: str) -> None:
    model = transformer(kind)
    ids = text(9)
    shown = model.probe(ids)
    blocks = [name for i in range(2) for name in (f"block.{i}.attention", f"block.{i}")]
    assert list(shown) == ["embedding", *blocks, "logits"]
    assert np.allclose(shown["logits"], model.logits(ids), rtol=1e-12)
    for i in range(2):
        weights = shown[f"block.{i}.attention"]
        assert weights.shape == (model.sizes.heads, 6, 6)
        assert np.allclose(weights.sum(axis=2), 1)
        assert not np.triu(weights, 1).any()
    values = model.stage_values(model.forward(np.stack([ids[:6], ids[-6:]])), 1)
    assert list(values) == list(model.formulas()) == list(shown)
    for name, value in values.items():
        expected = shown[name][:, -1] if name.endswith("attention") else shown[name]
        assert np.allclose(value, expected, rtol=1e-12)


def test_what_is_looked_at_is_what_the_step_saw_also_where_numbers_are_dropped() -> None:
    model = Transformer(replace(SMALL, dropout=0.5), seed=1, dtype="float64")
    model.train(True)
    forward = model.forward(text(6)[None])
    values, given = model.stage_values(forward, 0), dict(forward.stages)
    model.train(False)
    assert (given["embedding"].data == 0).mean() > 0.2  # as the first block got it
    for index, before in enumerate(("embedding", "block.0")):
        expected = model._decoder.block[index].attention_weights(given[before])[:, -1]
        assert np.allclose(values[f"block.{index}.attention"], expected, rtol=1e-12)


# The beginning


def test_first_weights_are_those_of_gpt_2() -> None:
    layers = 8
    model = Transformer(Sizes(vocabulary=100, embedding=64, layers=layers), seed=0)
    for group in model.parameters.groups:
        values = group.of(model.parameters.values)
        if group.name.endswith("bias"):
            assert not values.any()
        elif "norm" in group.name:
            assert (values == 1).all()
        else:
            residual = "projection" in group.name or "outer" in group.name
            expected = 0.02 / math.sqrt(2 * layers) if residual else 0.02
            assert values.std() == pytest.approx(expected, rel=0.05), group.name


def test_parameters_have_readable_names_and_a_tied_table_stands_once() -> None:
    tied, untied = (
        Transformer(replace(SMALL, layers=1, tied=tied), seed=0).parameters for tied in (True, False)
    )
    assert {group.name: group.shape for group in tied.groups} == {
        "embedding.weight": (5, 8),
        "positions.weight": (6, 8),
        "block.0.norm_1.weight": (8,),
        "block.0.norm_1.bias": (8,),
        "block.0.attention.query_key_value.weight": (24, 8),
        "block.0.attention.query_key_value.bias": (24,),
        "block.0.attention.projection.weight": (8, 8),
        "block.0.attention.projection.bias": (8,),
        "block.0.norm_2.weight": (8,),
        "block.0.norm_2.bias": (8,),
        "block.0.feed_forward.inner.weight": (32, 8),
        "block.0.feed_forward.inner.bias": (32,),
        "block.0.feed_forward.outer.weight": (8, 32),
        "block.0.feed_forward.outer.bias": (8,),
        "norm.weight": (8,),
        "norm.bias": (8,),
    }
    assert [g.name for g in untied.groups] == [*(g.name for g in tied.groups), "output.weight"]


def test_the_same_seed_gives_the_same_weights_whatever_the_precision() -> None:
    one, same = (Transformer(SMALL, seed=7, dtype=dtype) for dtype in ("float64", "float32"))
    other = Transformer(SMALL, seed=8)
    assert np.array_equal(one.parameters.values.astype(np.float32), same.parameters.values)
    assert not np.array_equal(same.parameters.values, other.parameters.values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": 3}, "heads = 3 does not divide embedding = 8; choose one of 1, 2, 4, 8"),
        ({"heads": 0}, "heads = 0 does not divide"),
        (
            {"heads": 8, "positions": "rotary"},
            "embedding = 8 over heads = 8 makes heads of 1; choose an even",
        ),
        ({"positions": "absolute"}, "positions = 'absolute' is unknown; choose one of learned, sinusoidal"),
        ({"norm": "none"}, "norm = 'none' is unknown; choose one of pre, post"),
        ({"activation": "swish"}, "activation = 'swish' is unknown; choose one of relu, tanh, gelu"),
    ],
)
def test_sizes_that_contradict_each_other_are_refused(
    changes: dict[str, Any], message: str
) -> None:  # Any: sizes
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **changes)


def test_texts_with_the_same_weights_share_copies_and_keep_them_whatever_is_learned() -> None:
    model = Transformer(Sizes(vocabulary=5, context=6, embedding=8, heads=2, layers=2), seed=0)
    prompt, text = np.array([1, 2]), [3, 0, 4]
    one, other = model.start(prompt), model.start(prompt)
    before = []
    for character in text:  # two texts that share weights do not meet elsewhere
        one.advance(character)
        before.append(one.logits.copy())
        other.advance((character + 1) % 5)
    later, shared = model.start(prompt), model.reader()._copied
    assert model.reader()._copied is shared
    model.parameters.values *= 1.5
    assert model.reader()._copied is not shared
    for character, logits in zip(text, before, strict=True):
        later.advance(character)
        assert np.array_equal(later.logits, logits)
    fresh = model.start(prompt)
    for length, character in enumerate(text, 1):
        fresh.advance(character)
        whole = model.logits(np.array([*prompt, *text[:length]]))
        assert np.allclose(fresh.logits, whole, atol=1e-5)
        assert not np.allclose(fresh.logits, before[length - 1], atol=1e-3)
