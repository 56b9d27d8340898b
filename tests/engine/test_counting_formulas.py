"""Every counting model against its formula, written out once more with dictionaries, character by character."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.vocabulary import IdArray
from engine.models.counting.add_k import AddK
from engine.models.counting.counting_model import CountingModel
from engine.models.counting.coverage import unseen_share
from engine.models.counting.jelinek_mercer import JelinekMercer
from engine.models.counting.katz import Katz, good_turing
from engine.models.counting.kneser_ney import KneserNey, discounts
from engine.models.counting.maximum_likelihood import MaximumLikelihood, Uniform, Unigram
from engine.models.counting.witten_bell import WittenBell

Gram = tuple[int, ...]
Formula = Callable[[Gram, int], float]


class Counted:
    """Occurrences of every n-gram of a text in a dictionary."""

    def __init__(self, text: Sequence[int], vocabulary: int, order: int) -> None:
        self.v, self.order = vocabulary, order
        self.c = Counter(
            tuple(text[i : i + n]) for n in range(1, order + 1) for i in range(len(text) - n + 1)
        )

    def after(self, h: Gram, w: int) -> int:
        return self.c[(*h, w)]

    def total(self, h: Gram) -> int:
        return sum(self.after(h, w) for w in range(self.v))

    def followers(self, h: Gram) -> list[int]:
        return [w for w in range(self.v) if self.after(h, w)]


def uniform(text: Sequence[int], v: int, order: int) -> Formula:
    return lambda h, w: 1 / v


def maximum_likelihood(text: Sequence[int], v: int, order: int) -> Formula:
    counted = Counted(text, v, order)

    def p(h: Gram, w: int) -> float:
        if counted.total(h):
            return counted.after(h, w) / counted.total(h)
        return p(h[1:], w) if h else 1 / v

    return p


def add_k(text: Sequence[int], v: int, order: int) -> Formula:
    counted = Counted(text, v, order)
    return lambda h, w: (counted.after(h, w) + 0.5) / (counted.total(h) + 0.5 * v)


def witten_bell(text: Sequence[int], v: int, order: int) -> Formula:
    counted = Counted(text, v, order)

    def p(h: Gram, w: int) -> float:
        shorter = p(h[1:], w) if h else 1 / v
        total, kinds = counted.total(h), len(counted.followers(h))
        return (counted.after(h, w) + kinds * shorter) / (total + kinds) if total else shorter

    return p


def kneser_ney(text: Sequence[int], v: int, order: int) -> Formula:
    counted = Counted(text, v, order)
    adjusted: Counter[Gram] = Counter(gram[1:] for gram in counted.c if len(gram) > 1)
    adjusted.update({gram: count for gram, count in counted.c.items() if len(gram) == order})

    def discount(length: int, a: int) -> float:
        n = Counter(count for gram, count in adjusted.items() if len(gram) == length)
        i = min(a, 3)
        if n[1] and n[i] and n[i + 1]:
            y = n[1] / (n[1] + 2 * n[2])
            d = i - (i + 1) * y * n[i + 1] / n[i]
            if d > 0:
                return d
        return i / 2

    def p(h: Gram, w: int) -> float:
        shorter = p(h[1:], w) if h else 1 / v
        a = [adjusted[(*h, u)] for u in range(v)]
        if not sum(a):
            return shorter
        taken = [discount(len(h) + 1, count) if count else 0.0 for count in a]
        return (a[w] - taken[w]) / sum(a) + sum(taken) / sum(a) * shorter

    return p


def katz(text: Sequence[int], v: int, order: int) -> Formula:
    counted = Counted(text, v, order)

    def discount(length: int) -> dict[int, float]:
        n = Counter(count for gram, count in counted.c.items() if len(gram) == length)
        for k in (5, 4, 3, 2):
            if all(n[r] for r in range(1, k + 2)) and (a := (k + 1) * n[k + 1] / n[1]) < 1:
                d = {r: ((r + 1) * n[r + 1] / n[r] / r - a) / (1 - a) for r in range(1, k + 1)}
                if all(0 < value <= 1 for value in d.values()):
                    return d
        return {}

    by_length = {length: discount(length) for length in range(1, order + 1)}

    @cache
    def p(h: Gram, w: int) -> float:
        def shorter(u: int) -> float:
            return p(h[1:], u) if h else 1 / v

        c, followers = counted.total(h), counted.followers(h)
        if not c:
            return shorter(w)
        kept = {
            u: by_length[len(h) + 1].get(counted.after(h, u), 1.0) * counted.after(h, u) for u in followers
        }
        if len(followers) == v:
            return kept[w] / sum(kept.values())
        given = sum(counted.after(h, u) - kept[u] for u in followers)
        if given == 0:
            c, given = c + 1, 1
        if w in kept:
            return kept[w] / c
        return given / c * shorter(w) / sum(shorter(u) for u in range(v) if u not in kept)

    return p


def jelinek_mercer(text: Sequence[int], v: int, order: int) -> Formula:
    start = len(text) - len(text) // 10
    weights: dict[tuple[int, int], float] = {}

    def chain(counted: Counted, h: Gram, w: int) -> list[tuple[tuple[int, int], float, float]]:
        """The bucket, the relative frequency and the mixture for h and its ends, the empty one first."""
        mixture, steps = 1 / v, []
        for length in range(len(h) + 1):
            end = h[len(h) - length :]
            total = counted.total(end)
            if total:
                bucket = (length, total.bit_length())
                weight = weights.setdefault(bucket, 0.5)
                mixture = weight * counted.after(end, w) / total + (1 - weight) * mixture
                steps.append((bucket, counted.after(end, w) / total, mixture))
        return steps

    before_held_out = Counted(text[:start], v, order)
    places = [(tuple(text[max(0, t - order + 1) : t]), text[t]) for t in range(start, len(text))]
    likelihood = -np.inf
    for _ in range(50):
        chains = [chain(before_held_out, h, w) for h, w in places]
        now = float(np.mean([np.log(steps[-1][2]) for steps in chains])) if chains else 0.0
        if now - likelihood < 1e-5:
            break
        likelihood = now
        reached: Counter[tuple[int, int]] = Counter()
        stopped: Counter[tuple[int, int]] = Counter()
        for steps in chains:
            reach = 1.0
            for bucket, frequency, mixture in reversed(steps):
                stop = reach * weights[bucket] * frequency / mixture
                reached[bucket] += reach  # type: ignore[assignment]  # a Counter of shares
                stopped[bucket] += stop  # type: ignore[assignment]  # likewise
                reach -= stop
        weights.update({bucket: (stopped[bucket] + 0.5) / (reached[bucket] + 1) for bucket in reached})
    whole = Counted(text, v, order)

    def p(h: Gram, w: int) -> float:
        steps = chain(whole, h, w)
        return steps[-1][2] if steps else 1 / v

    return p


MODELS: dict[
    str, tuple[Callable[[int, int], CountingModel], Callable[[Sequence[int], int, int], Formula]]
] = {
    "ngram": (MaximumLikelihood, maximum_likelihood),
    "add-k": (lambda v, order: AddK(v, order, k=0.5), add_k),
    "katz": (Katz, katz),
    "jelinek-mercer": (JelinekMercer, jelinek_mercer),
    "witten-bell": (WittenBell, witten_bell),
    "kneser-ney": (KneserNey, kneser_ney),
}


def ids(text: Sequence[int]) -> IdArray:
    return np.array(text, dtype=np.uint8)


def agree(model: CountingModel, formula: Formula, context: Sequence[int]) -> None:
    h = tuple(context[max(0, len(context) - model.order + 1) :])
    expected = [formula(h, w) for w in range(model.vocabulary_size)]
    assert np.exp(model.logits(ids(context))) == pytest.approx(expected, rel=1e-9, abs=1e-14)


texts = st.lists(st.integers(0, 3), max_size=60)


@pytest.mark.parametrize("kind", MODELS)
@given(
    text=texts, context=st.lists(st.integers(0, 4), max_size=6), order=st.integers(1, 5), v=st.integers(5, 7)
)
@settings(max_examples=40, deadline=None)
def test_after_any_context_a_model_says_what_its_formula_says(
    kind: str, text: list[int], context: list[int], order: int, v: int
) -> None:
    make, formula = MODELS[kind]
    model = make(v, order)
    model.fit(ids(text))
    expected = formula(text, v, order)
    agree(model, expected, context)
    agree(model, expected, text[:-3])


def zipf_text(characters: int, v: int) -> list[int]:
    """A text with rare and frequent n-grams of every order, so that all counts of counts are there."""
    rng = np.random.default_rng(5)
    shares = 1 / np.arange(1, v + 1) ** 1.5
    return [int(i) for i in rng.choice(v, size=characters, p=shares / shares.sum())]


@pytest.mark.parametrize("kind", MODELS)
def test_the_formulas_hold_where_all_discounts_are_estimated(kind: str) -> None:
    v, order = 12, 4
    text = zipf_text(1500, v)
    make, formula = MODELS[kind]
    model = make(v, order)
    model.fit(ids(text))
    expected = formula(text, v, order)
    for t in range(0, 1500, 250):
        agree(model, expected, text[max(0, t - 5) : t])
    agree(model, expected, [11, 11, 11, 11])


def test_uniform_and_unigram_look_at_no_context() -> None:
    text = [0, 0, 1, 2]
    flat, single = Uniform(4), Unigram(4)
    for model in (flat, single):
        model.fit(ids(text))
    for context in ([], [0], [3, 2, 1]):
        assert np.exp(flat.logits(ids(context))) == pytest.approx([0.25] * 4)
        assert np.exp(single.logits(ids(context))) == pytest.approx([0.5, 0.25, 0.25, 0])
    assert single.nll(ids([0, 3])) == pytest.approx([np.log(2), np.inf])


def test_good_turing_discounts_by_hand() -> None:
    counts = np.repeat([1, 2, 3, 4, 5, 6, 9], [120, 40, 20, 12, 8, 5, 3])
    a = 6 * 5 / 120
    ratios = [2 * 40 / 120, 3 * 20 / 40 / 2, 4 * 12 / 20 / 3, 5 * 8 / 12 / 4, 6 * 5 / 8 / 5]
    expected = [1.0, *((ratio - a) / (1 - a) for ratio in ratios), 1.0]
    assert good_turing(counts) == pytest.approx(expected)


def test_good_turing_lowers_k_where_counts_of_counts_run_out_and_gives_up_at_last() -> None:
    counts = np.repeat([1, 2, 3, 6], [120, 30, 10, 5])  # nothing occurs 4 or 5 times
    a = 3 * 10 / 120
    assert good_turing(counts) == pytest.approx(
        [1.0, (0.5 - a) / (1 - a), (3 * 10 / 30 / 2 - a) / (1 - a), 1.0, 1.0, 1.0, 1.0]
    )
    assert good_turing(np.array([1, 1, 1])).tolist() == [1.0] * 7
    assert good_turing(np.array([7, 8, 9])).tolist() == [1.0] * 7


def test_kneser_ney_discounts_by_hand() -> None:
    counts = np.repeat([0, 1, 2, 3, 4, 8], [7, 100, 30, 15, 10, 4])
    y = 100 / 160
    expected = [0, 1 - 2 * y * 30 / 100, 2 - 3 * y * 15 / 30, 3 - 4 * y * 10 / 15]
    assert discounts(counts) == pytest.approx(expected)


@pytest.mark.parametrize("counts", [[], [1, 1], [2, 2, 3], [5], [1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3]])
def test_kneser_ney_always_leaves_something_and_never_takes_more_than_there_is(counts: list[int]) -> None:
    d = discounts(np.array(counts, dtype=np.int64))
    assert d[0] == 0
    assert all(0 < d[i] <= i for i in (1, 2, 3))


def test_after_kneser_ney_a_shorter_context_asks_in_how_many_places_and_not_how_often() -> None:
    """'b' stands five times, always after 'a'; 'c' three times, after three others."""
    text = ids([0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 3, 2, 4, 2, 5, 2])
    model = KneserNey(7, 2)
    model.fit(text)
    p = np.exp(model.logits(ids([6])))  # never seen: what the unigrams say
    assert p[2] > p[1]


def test_the_weights_of_jelinek_mercer_make_other_held_out_text_most_probable() -> None:
    """Where the held-out text repeats the text, long contexts count; where it is noise, they do not."""
    period = [0, 1, 2, 3, 4, 5, 6, 7] * 40
    noise = zipf_text(300, 8)
    trusting, doubting = JelinekMercer(8, 3, held_out=ids(period)), JelinekMercer(8, 3, held_out=ids(noise))
    for model in (trusting, doubting):
        model.fit(ids(period))
    bucket = (40).bit_length()
    assert trusting.weights[2, bucket] > 0.99 or trusting.weights[1, bucket] > 0.99
    assert doubting.weights[2, bucket] < 0.5
    assert trusting.nll(ids(period)).mean() < doubting.nll(ids(period)).mean()
    assert doubting.nll(ids(noise)).mean() < trusting.nll(ids(noise)).mean()


@given(
    train=texts,
    split=st.lists(st.integers(0, 4), min_size=1, max_size=40),
    lead=st.integers(0, 10),
    order=st.integers(1, 6),
)
@settings(max_examples=40, deadline=None)
def test_the_unseen_shares_are_those_of_a_search_in_the_text(
    train: list[int], split: list[int], lead: int, order: int
) -> None:
    whole = [*train[:lead], *split]
    start = len(whole) - len(split)
    known = {tuple(train[i : i + n]) for n in range(order + 1) for i in range(len(train) - n + 1)}
    shares = unseen_share(ids(train), ids(whole), start, len(whole), order)
    assert [row.order for row in shares] == list(range(1, order + 1))
    for n, row in enumerate(shares, 1):
        places = [t for t in range(start, len(whole)) if t >= n - 1]
        if not places:
            assert np.isnan([row.contexts, row.ngrams]).all()
            continue
        contexts = [tuple(whole[t - n + 1 : t]) not in known for t in places]
        ngrams = [tuple(whole[t - n + 1 : t + 1]) not in known for t in places]
        assert row.contexts == pytest.approx(np.mean(contexts))
        assert row.ngrams == pytest.approx(np.mean(ngrams))


def test_the_unseen_shares_do_not_depend_on_the_pieces_they_are_counted_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = ids(zipf_text(2000, 12))
    whole = unseen_share(text[:1500], text, 1500, 2000, 5)
    monkeypatch.setattr("engine.models.counting.coverage.CHARACTERS_AT_ONCE", 7)
    assert unseen_share(text[:1500], text, 1500, 2000, 5) == whole
    assert 0 < whole[3].contexts < whole[3].ngrams < 1
