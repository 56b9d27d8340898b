"""What holds for every counting model, whatever its formula: distributions, and one answer to every question."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextvars import copy_context
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.vocabulary import IdArray, Vocabulary
from engine.information import log_softmax
from engine.models.counting import counting_model
from engine.models.counting.add_k import AddK
from engine.models.counting.counting_model import CountingModel
from engine.models.counting.jelinek_mercer import JelinekMercer
from engine.models.counting.katz import Katz
from engine.models.counting.kneser_ney import KneserNey
from engine.models.counting.maximum_likelihood import MaximumLikelihood, Uniform, Unigram
from engine.models.counting.trie import Trie
from engine.models.counting.witten_bell import WittenBell

MODELS: dict[str, Callable[[int, int], CountingModel]] = {
    "uniform": lambda v, order: Uniform(v),
    "unigram": lambda v, order: Unigram(v),
    "ngram": MaximumLikelihood,
    "add-k": AddK,
    "katz": Katz,
    "jelinek-mercer": JelinekMercer,
    "witten-bell": WittenBell,
    "kneser-ney": KneserNey,
}
SMOOTHED = ["add-k", "katz", "jelinek-mercer", "witten-bell", "kneser-ney"]
every_model = pytest.mark.parametrize("kind", MODELS)


def ids(text: list[int]) -> IdArray:
    return np.array(text, dtype=np.uint16)


def fitted(kind: str, v: int, order: int, text: IdArray) -> CountingModel:
    model = MODELS[kind](v, order)
    model.fit(text)
    return model


def letters(characters: int, v: int, seed: int = 0) -> IdArray:
    """Frequent and rare characters, each depending on the last two."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(v, 0.3), size=(v, v)).cumsum(axis=2)
    text = [0, 0]
    for draw in rng.random(characters - 2):
        text.append(min(int(shares[text[-2], text[-1]].searchsorted(draw)), v - 1))
    return ids(text)


@st.composite
def cases(draw: st.DrawFn) -> tuple[int, int, IdArray, IdArray]:
    """V, an order, a text to fit to, which may be tiny or monotonous, and another text of the same characters."""
    v = draw(st.integers(1, 6))
    character = st.integers(0, v - 1)
    repeated = st.builds(
        lambda piece, times: piece * times, st.lists(character, max_size=5), st.integers(0, 12)
    )
    text = draw(st.one_of(st.lists(character, max_size=80), repeated))
    return v, draw(st.integers(1, 12)), ids(text), ids(draw(st.lists(character, max_size=15)))


@every_model
@given(case=cases())
@settings(max_examples=40, deadline=None)
def test_after_every_context_seen_or_not_the_probabilities_sum_to_one(
    kind: str, case: tuple[int, int, IdArray, IdArray]
) -> None:
    v, order, text, other = case
    model = fitted(kind, v, order, text)
    for context in (other, text, *(text[t : t + order - 1] for t in range(0, len(text), 7)), text[:0]):
        p = np.exp(model.logits(context))
        assert p.shape == (v,)
        assert abs(p.sum() - 1) < 1e-9
        assert p.min() >= 0
        if kind in SMOOTHED:
            assert p.min() > 0


@every_model
@pytest.mark.parametrize("order", [1, 2, 3, 5, 9, 12])
def test_the_probabilities_sum_to_one_after_the_contexts_of_a_longer_text(kind: str, order: int) -> None:
    text = letters(6000, 20)
    model = fitted(kind, 23, order, text[:5000])
    for t in range(0, 6000, 120):
        assert abs(np.exp(model.logits(text[max(0, t - 15) : t])).sum() - 1) < 1e-9


@every_model
@given(case=cases(), start=st.integers(0, 15), piece=st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_scoring_agrees_with_the_logits_whatever_the_pieces_and_wherever_it_begins(
    kind: str, case: tuple[int, int, IdArray, IdArray], start: int, piece: int
) -> None:
    v, order, text, other = case
    model = fitted(kind, v, order, text)
    start = min(start, len(other))
    expected = [-model.logits(other[:t])[other[t]] for t in range(start, len(other))]
    assert model.nll(other, start) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    with patch.object(counting_model, "CHARACTERS_AT_ONCE", piece):
        pieces = list(model.scoring(other, start, len(other), thorough=True))
    assert all(len(nats) <= piece for nats in pieces)
    assert np.array_equal(np.concatenate([*pieces, np.empty(0)]), model.nll(other, start))


@every_model
@given(case=cases(), cut=st.integers(0, 15))
@settings(max_examples=40, deadline=None)
def test_a_continuation_says_what_the_logits_say(
    kind: str, case: tuple[int, int, IdArray, IdArray], cut: int
) -> None:
    v, order, text, other = case
    model = fitted(kind, v, order, text)
    prompt = other[:cut].copy()
    continuation = model.start(prompt)
    prompt[:] = 0  # whoever gave it may go on using it
    for t in range(min(cut, len(other)), len(other)):
        assert np.array_equal(continuation.logits, model.logits(other[:t]))
        continuation.advance(int(other[t]))
    assert np.array_equal(continuation.logits, model.logits(other))


@every_model
def test_logits_are_log_probabilities_and_are_their_own_log_softmax(kind: str) -> None:
    model = fitted(kind, 9, 3, letters(400, 8))
    logits = model.logits(ids([1, 2]))
    assert log_softmax(logits) == pytest.approx(logits, abs=1e-12)


@every_model
def test_only_the_last_characters_count(kind: str) -> None:
    model = fitted(kind, 9, 4, letters(400, 8))
    long = letters(50, 8, seed=3)
    assert np.array_equal(model.logits(long), model.logits(long[-3:]))


@pytest.mark.parametrize("make", [MaximumLikelihood, AddK, Katz, JelinekMercer, WittenBell, KneserNey])
def test_with_ngrams_of_no_character_every_model_is_uniform(
    make: Callable[[int, int], CountingModel],
) -> None:
    model = make(4, 0)
    model.fit(letters(50, 3))
    assert model.logits(ids([0, 1])) == pytest.approx([-np.log(4)] * 4)
    assert model.nll(ids([0, 1])) == pytest.approx([np.log(4)] * 2)


# Which text has been learned.


@every_model
@pytest.mark.parametrize("text", [ids([]), None])
def test_without_any_text_a_model_is_uniform(kind: str, text: IdArray | None) -> None:
    model = MODELS[kind](5, 3)
    if text is not None:
        model.fit(ids([0, 1, 2, 3, 4, 0, 0, 0]))
        model.fit(text)
    assert model.logits(ids([1, 4])) == pytest.approx([-np.log(5)] * 5)
    assert model.size == 0


@every_model
def test_fitting_again_replaces_what_was_learned(kind: str) -> None:
    first, second = letters(300, 6, seed=1), letters(200, 6, seed=2)
    model = fitted(kind, 6, 4, first)
    model.fit(second)
    fresh = fitted(kind, 6, 4, second)
    assert np.array_equal(model.nll(first), fresh.nll(first))
    assert model.size == fresh.size


@every_model
def test_who_has_begun_to_read_is_not_disturbed_by_another_fit(kind: str) -> None:
    text = letters(300, 6)
    model = fitted(kind, 6, 4, text[:200])
    expected, logits = model.nll(text), model.logits(text[:20])
    pieces, continuation = model.scoring(text, 0, len(text)), model.start(text[:20])
    model.fit(letters(250, 6, seed=8))
    assert np.array_equal(np.concatenate(list(pieces)), expected)
    assert np.array_equal(continuation.logits, logits)


@every_model
def test_a_model_that_adopts_stands_where_the_other_stood(kind: str) -> None:
    text = letters(300, 6)
    source, copy = fitted(kind, 6, 4, text), MODELS[kind](6, 4)
    copy.adopt(source)
    expected = source.nll(text)
    source.fit(text[:30])
    assert np.array_equal(copy.nll(text), expected)


def test_a_scoring_under_way_leaves_no_trace_and_can_be_given_up_by_another_thread() -> None:
    text = letters(300, 4)
    before = np.geterr()
    pieces = fitted("ngram", 4, 3, text).scoring(text, 0, len(text))
    next(pieces)
    assert np.geterr() == before
    assert isinstance(pieces, Generator)
    copy_context().run(pieces.close)  # a thread has a context of its own
    assert np.geterr() == before


def test_jelinek_mercer_hands_its_weights_on() -> None:
    source, copy = JelinekMercer(6, 3), JelinekMercer(6, 3)
    source.fit(letters(300, 6))
    copy.adopt(source)
    assert np.array_equal(copy.weights, source.weights)
    assert (source.weights < 1).all()
    assert (source.weights[:, 0] == 0).all()


def test_the_size_is_the_number_of_distinct_ngrams_up_to_the_order() -> None:
    text = [0, 1, 0, 1, 2]
    model = KneserNey(4, 3)
    model.fit(ids(text))
    assert (
        model.size == len({tuple(text[i : i + n]) for n in (1, 2, 3) for i in range(len(text) - n + 1)}) == 9
    )
    assert (Uniform(4).size, model.context_seen, Uniform(4).context_seen) == (0, 2, 0)


# What plain frequencies do not know.


def test_maximum_likelihood_never_takes_back_a_probability_of_zero() -> None:
    model = MaximumLikelihood(3, 2)
    model.fit(ids([0, 1, 0, 1, 2]))
    assert np.exp(model.logits(ids([0]))).tolist() == [0, 1, 0]  # 0 was followed by 1 only
    assert model.nll(ids([0, 0]), 1).tolist() == [np.inf]


def test_maximum_likelihood_after_a_context_that_nothing_followed_is_that_of_the_longest_known_end() -> None:
    model = MaximumLikelihood(3, 3)
    model.fit(ids([0, 1, 0, 1, 2]))
    assert np.exp(model.logits(ids([1, 1]))) == pytest.approx([0.5, 0, 0.5])  # what followed 1
    assert np.exp(model.logits(ids([1, 2]))) == pytest.approx(
        [0.4, 0.4, 0.2]
    )  # nothing followed 2: all there is


# Large vocabularies.


@every_model
def test_a_vocabulary_of_unicode_with_twelve_grams_needs_no_tables_of_its_size(kind: str) -> None:
    v = 150_000
    small = letters(600, 7)
    spread = np.array([3, 70_000, 70_001, 99_999, 130_000, 149_998, 149_999], dtype=np.uint32)
    text = spread[small]
    model = fitted(kind, v, 12, text)
    for context in (text[:40], text[:3], spread[ids([6, 6, 6, 6, 0, 1])]):
        p = np.exp(model.logits(context))
        assert abs(p.sum() - 1) < 1e-9
        expected = -model.logits(context)[text[0]]
        assert model.nll(np.append(context, text[:1]), len(context)) == pytest.approx(expected)
    for level in Trie.count(text, v, 12).levels:
        assert len(level) <= len(text)
        assert (np.diff(level.keys.astype(np.float64)) > 0).all()


# What one can look at.


@every_model
def test_a_probe_shows_counts_distributions_and_what_each_order_leaves(kind: str) -> None:
    text = letters(500, 6)
    model = fitted(kind, 7, 3, text)
    context = text[100:110]
    probe = model.probe(context)
    used = model.order  # as many orders as there are: the context is long enough
    assert list(probe) == [
        "distribution.0",
        *(name for n in range(1, used + 1) for name in (f"counts.{n}", f"distribution.{n}")),
        "backoff",
        "logits",
    ]
    assert probe["backoff"].shape == (used,)
    assert np.array_equal(probe["logits"], model.logits(context))
    assert probe[f"distribution.{used}"] == pytest.approx(np.exp(probe["logits"]))
    for n in range(1, used + 1):
        assert probe[f"distribution.{n}"].sum() == pytest.approx(1)
        before = list(context[len(context) - n + 1 :])
        followed = [int(text[t]) for t in range(n - 1, len(text)) if list(text[t - n + 1 : t]) == before]
        assert probe[f"counts.{n}"].tolist() == np.bincount(ids(followed), minlength=7).tolist()


def test_a_probe_of_a_short_or_unknown_context_shows_as_much_as_there_is() -> None:
    model = KneserNey(5, 3)
    model.fit(ids([0, 1, 2, 0, 1, 3]))
    assert [name for name in model.probe(ids([])) if name.startswith("counts")] == ["counts.1"]
    unknown = model.probe(ids([4, 4]))
    assert unknown["counts.3"].tolist() == [0] * 5
    assert unknown["backoff"][1:].tolist() == [1, 1]
    assert unknown["distribution.3"] == pytest.approx(unknown["distribution.1"])


# What is refused.


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: KneserNey(0, 3), "vocabulary_size is 0"),
        (lambda: KneserNey(5, 13), r"order is 13; choose 1 .* to 12"),
        (lambda: Katz(5, -1), "order is -1"),
        (lambda: AddK(5, 2, k=0), "k is 0; choose a number above 0"),
        (lambda: AddK(5, 2, k=float("inf")), "k is inf"),
        (lambda: AddK(5, 2, k=float("nan")), "k is nan"),
        (lambda: JelinekMercer(5, 2, held_out=ids([5])), "id 5 is none of the model's 5 characters"),
        (lambda: WittenBell(5, 2).fit(ids([1, 7])), "id 7 is none of the model's 5 characters"),
        (lambda: WittenBell(5, 2).logits(ids([7])), "id 7"),
        (lambda: WittenBell(5, 2).start(ids([7])), "id 7"),
        (lambda: WittenBell(5, 2).probe(ids([7])), "id 7"),
        (lambda: WittenBell(5, 2).scoring(ids([7]), 0, 1), "id 7"),
        (lambda: WittenBell(5, 2).start(ids([1])).advance(5), "id 5"),
        (lambda: WittenBell(5, 2).start(ids([1])).advance(-1), "id -1"),
    ],
)
def test_what_cannot_be_is_refused_in_words(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


# Golden values.


def shakespeare() -> tuple[IdArray, int]:
    """The ids of tinyshakespeare, and where its last tenth begins."""
    beside = Path(__file__).resolve().parents[3] / "shared"
    path = Path(os.environ.get("CHARLM_SHARED", beside)) / "corpora" / "tinyshakespeare.txt"
    if not path.exists():
        pytest.skip(f"{path} is not there; CHARLM_SHARED can name the folder that holds corpora/")
    text = path.read_text("utf-8")
    return Vocabulary(set(text)).encode(text), len(text) * 9 // 10


@pytest.mark.parametrize(
    ("make", "nats"),
    [
        (lambda: Unigram(65), 3.347),
        (lambda: AddK(65, 2), 2.482),
        (lambda: WittenBell(65, 3), 2.049),
        (lambda: WittenBell(65, 5), 1.669),
        (lambda: KneserNey(65, 4), 1.719),
        (lambda: KneserNey(65, 5), 1.561),
        (lambda: KneserNey(65, 6), 1.523),
        (lambda: KneserNey(65, 7), 1.5165),
    ],
)
def test_the_published_losses_on_the_last_tenth_of_tinyshakespeare(
    make: Callable[[], CountingModel], nats: float
) -> None:
    text, split = shakespeare()
    model = make()
    model.fit(text[:split])
    assert model.nll(text, split).mean() == pytest.approx(nats, abs=0.0006)
