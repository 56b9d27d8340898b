"""How a character is chosen and how a prompt is made ready: exact settings, ties, seeds, refusals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from engine.information import softmax
from engine.sampling import Prompt, PromptError, Sampling, UnknownPolicy, pad_id, prepare_prompt

Logits = NDArray[np.float64]

# few different values, so that ties are common
logits = arrays(
    np.float64, st.integers(1, 12), elements=st.sampled_from([-math.inf, -3.0, -1.0, 0.0, 0.5, 2.0])
).filter(lambda z: bool(np.isfinite(z).any()))
samplings = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 1e-320, 1e-3, 0.5, 1.0, 2.0]),
    top_k=st.integers(0, 14),
    top_p=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
)


@given(samplings, logits)
def test_every_setting_gives_a_distribution(sampling: Sampling, z: Logits) -> None:
    p = sampling.distribution(z)
    assert p.dtype == np.float64
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert (p >= 0).all()
    assert not p[np.isneginf(z)].any()


@given(samplings, logits, st.integers(0, 2**32))
def test_a_draw_is_possible_and_takes_exactly_one_random_number(
    sampling: Sampling, z: Logits, seed: int
) -> None:
    drawing, counting = np.random.default_rng(seed), np.random.default_rng(seed)
    drawn = sampling.draw(z, drawing)
    counting.random()
    assert sampling.distribution(z)[drawn] > 0
    assert drawing.bit_generator.state == counting.bit_generator.state


@given(logits)
def test_the_defaults_are_softmax_itself(z: Logits) -> None:
    assert Sampling().distribution(z) == pytest.approx(softmax(z), rel=1e-12)


def test_temperature_divides_the_logits() -> None:
    z = np.array([1.0, 2.0, 4.0])
    assert Sampling(temperature=0.5).distribution(z) == pytest.approx(softmax(z * 2))
    assert Sampling(temperature=2).distribution(z) == pytest.approx(softmax(z / 2))


def test_temperature_zero_is_greedy_and_takes_the_lowest_id_of_equals() -> None:
    assert Sampling(temperature=0).distribution(np.array([1.0, 3.0, 3.0, 2.0])).tolist() == [0, 1, 0, 0]


def test_a_temperature_just_above_zero_shares_between_equals_without_overflow() -> None:
    p = Sampling(temperature=1e-320).distribution(np.array([1.0, 3.0, 3.0, 2.0]))
    assert p.tolist() == [0, 0.5, 0.5, 0]


def test_top_k_keeps_exactly_k_and_the_lowest_ids_of_equals() -> None:
    p = Sampling(top_k=3).distribution(np.array([0.0, 1.0, 0.0, 0.0, 1.0]))
    assert np.flatnonzero(p).tolist() == [0, 1, 4]
    assert p[1] / p[0] == pytest.approx(math.e)


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=1, max_size=12), st.integers(1, 14))
def test_top_k_keeps_exactly_k_whatever_the_ties(z: list[float], k: int) -> None:
    assert np.count_nonzero(Sampling(top_k=k).distribution(np.array(z))) == min(k, len(z))


def test_top_p_keeps_the_smallest_set_that_holds_the_mass() -> None:
    z = np.log([0.1, 0.5, 0.2, 0.2])
    kept = {
        p: np.flatnonzero(Sampling(top_p=p).distribution(z)).tolist()
        for p in (0, 0.5, 0.51, 0.7, 0.9, 0.91, 1)
    }
    assert kept == {
        0: [1],
        0.5: [1],
        0.51: [1, 2],
        0.7: [1, 2],
        0.9: [1, 2, 3],
        0.91: [0, 1, 2, 3],
        1: [0, 1, 2, 3],
    }
    assert Sampling(top_p=0.7).distribution(z) == pytest.approx([0, 5 / 7, 2 / 7, 0])


@given(logits, st.floats(0, 0.999))
def test_top_p_holds_the_mass_and_would_not_without_its_least_member(z: Logits, top_p: float) -> None:
    full = softmax(z)
    kept = np.flatnonzero(Sampling(top_p=top_p).distribution(z))
    assert len(kept) >= 1
    assert full[kept].sum() >= top_p - 1e-9
    assert len(kept) == 1 or full[kept].sum() - full[kept].min() < top_p + 1e-9


def test_temperature_comes_before_top_k_and_top_k_before_top_p() -> None:
    z = np.log([0.4, 0.3, 0.2, 0.1])
    # of the best three 4/9, 3/9, 2/9, half needs two; of all four at temperature 0.5, 16/30 is enough
    assert np.flatnonzero(Sampling(top_k=3, top_p=0.5).distribution(z)).tolist() == [0, 1]
    assert np.flatnonzero(Sampling(temperature=0.5, top_p=0.5).distribution(z)).tolist() == [0]
    # 7/10 of the whole would need the second as well; 4/7 of the best two is already above 0.55
    assert np.flatnonzero(Sampling(top_k=2, top_p=0.55).distribution(z)).tolist() == [0]


def test_draws_follow_the_distribution() -> None:
    z = np.log([0.5, 0.3, 0.2])
    rng = np.random.default_rng(1)
    n = 20_000
    counts = np.bincount([Sampling().draw(z, rng) for _ in range(n)], minlength=3)
    assert counts / n == pytest.approx([0.5, 0.3, 0.2], abs=0.015)  # four standard deviations


def test_a_random_number_of_exactly_zero_does_not_draw_an_impossible_character() -> None:
    zeros = np.random.MT19937()
    zeros.state = {"bit_generator": "MT19937", "state": {"key": np.zeros(624, np.uint32), "pos": 624}}
    rng = np.random.Generator(zeros)
    assert rng.random() == 0
    assert Sampling().draw(np.array([-math.inf, -math.inf, 1.0, 1.0]), rng) == 2


def test_the_same_seed_draws_the_same_characters() -> None:
    z = np.zeros(50)
    first, second = (np.random.default_rng(7) for _ in range(2))
    assert [Sampling().draw(z, first) for _ in range(30)] == [Sampling().draw(z, second) for _ in range(30)]


def test_the_logits_are_left_as_they_were() -> None:
    z = np.array([1.0, 2.0, 3.0])
    Sampling(temperature=0.5, top_k=2, top_p=0.9).distribution(z)
    assert z.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("temperature", -0.1, "temperature is -0.1; choose 0 .* to 2"),
        ("temperature", 2.1, "temperature is 2.1"),
        ("temperature", math.nan, "temperature is nan"),
        ("top_k", -1, "top_k is -1"),
        ("top_k", 2.5, "top_k is 2.5; choose a whole number"),
        ("top_p", -0.1, "top_p is -0.1"),
        ("top_p", 1.01, "top_p is 1.01; choose 0 to 1"),
        ("top_p", math.nan, "top_p is nan"),
    ],
)
def test_a_setting_out_of_range_is_refused_with_name_value_and_range(
    setting: str, value: float, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Sampling(**{setting: value})  # type: ignore[arg-type]  # one of the values is of the wrong type


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ([1.0, math.nan], r"nan \(id 1\)"),
        ([math.inf, 0.0], r"inf \(id 0\)"),
        ([-math.inf] * 3, "-inf"),
        ([[1.0, 2.0]], r"shape \(1, 2\)"),
        ([], r"shape \(0,\)"),
    ],
)
def test_logits_without_a_distribution_are_refused(bad: list[float], words: str) -> None:
    for sampling in (Sampling(), Sampling(temperature=0)):
        with pytest.raises(ValueError, match=words):
            sampling.draw(np.array(bad), np.random.default_rng(0))


CHARACTERS = ["\n", " ", "a", "b"]


def prepare(text: str, characters: Sequence[str] = CHARACTERS, context: int = 3) -> Prompt:
    return prepare_prompt(text, characters, context, UnknownPolicy.REPLACE)


def test_a_prompt_of_known_characters_as_long_as_the_context_is_taken_as_it_is() -> None:
    assert prepare("aba") == Prompt(ids=[2, 3, 2], padding=0, pad_character=" ", replaced=(), note="")
    assert prepare("abab").ids == [2, 3, 2, 3]


def test_a_short_prompt_is_padded_on_the_left_and_the_note_says_so() -> None:
    prompt = prepare("b")
    assert (prompt.ids, prompt.padding) == ([1, 1, 3], 2)
    assert prompt.note == "prompt of 1 character filled up on the left with 2 x space to the context of 3"
    assert prepare("").ids == [1, 1, 1]


@pytest.mark.parametrize(
    ("characters", "expected"), [("\n ab", 1), ("\nab", 0), ("a\nb", 1), ("ba", 0), ("x", 0)]
)
def test_padding_is_the_space_else_the_newline_else_the_first_character(
    characters: str, expected: int
) -> None:
    assert pad_id(characters) == expected
    assert prepare("", list(characters)).ids == [expected] * 3
    assert prepare("", list(characters)).pad_character == characters[expected]


def test_an_unknown_character_is_refused_by_name_with_the_way_out() -> None:
    with pytest.raises(PromptError, match=r"'é' \(U\+00E9\); choose replace or leave it out"):
        prepare_prompt("abé", CHARACTERS, 3, UnknownPolicy.REFUSE)
    with pytest.raises(
        PromptError, match=r"2 characters.*U\+0007.*'Z' \(U\+005A\); choose replace or leave them out"
    ):
        prepare_prompt("\aZ\a", CHARACTERS, 3, UnknownPolicy.REFUSE)
    with pytest.raises(PromptError, match="and 21 more;"):
        prepare_prompt("ABCDEFGHIJKLMNOPQRSTUVWXYZ", CHARACTERS, 3, UnknownPolicy.REFUSE)


def test_a_control_character_is_never_named_in_the_raw() -> None:
    with pytest.raises(PromptError) as caught:
        prepare_prompt("\x1b]0;\x07", CHARACTERS, 3, UnknownPolicy.REFUSE)
    assert str(caught.value).isprintable()


def test_unknown_characters_are_replaced_by_the_padding_and_named_once_each() -> None:
    prompt = prepare("éaéß")
    assert (prompt.ids, prompt.replaced) == ([1, 2, 1, 1], ("é", "ß"))
    assert prompt.note == "'é' (U+00E9), 'ß' (U+00DF) replaced by space, being new to the model"


def test_a_replaced_and_padded_prompt_says_both() -> None:
    assert prepare("é").note.count(";") == 1


def test_the_policy_reads_as_its_word() -> None:
    assert UnknownPolicy("refuse") is UnknownPolicy.REFUSE
    assert f"{UnknownPolicy.REPLACE}" == "replace"


def test_an_empty_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match="no characters"):
        prepare("a", [])


@given(st.text(max_size=12), st.sets(st.characters(), min_size=1, max_size=6), st.integers(0, 8))
def test_any_prompt_becomes_ids_of_the_vocabulary(text: str, characters: set[str], context: int) -> None:
    vocabulary = sorted(characters)
    prompt = prepare(text, vocabulary, context)
    assert len(prompt.ids) == max(len(text), context)
    assert all(0 <= i < len(vocabulary) for i in prompt.ids)
    kept = [vocabulary[i] for i in prompt.ids[prompt.padding :]]
    assert all(new == old for new, old in zip(kept, text, strict=True) if old in characters)
    assert prompt.note == "" or prompt.note.isprintable()


def test_a_model_that_needs_one_character_is_told_plainly_what_it_begins_after() -> None:
    prompt = prepare_prompt("", ["a", " "], 1, UnknownPolicy.REFUSE)
    assert (prompt.ids, prompt.note) == ([1], "nothing was given to go on from: it begins after space")
    assert prepare_prompt("a", ["a", " "], 1, UnknownPolicy.REFUSE).note == ""
