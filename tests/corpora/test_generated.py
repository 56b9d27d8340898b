"""Promises of the generated sources: the stated rate is the true one, and a seed fixes the text.

Each rate is checked against a predictor written here from the description of the source alone: its average
surprise over a long sample converges to the entropy rate, and shares no formula with it.
"""

import math
import random
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from corpora import generated

SAMPLE = 200_000  # characters: the average surprise is then within 1 % of the rate
Source = Callable[[int, int], tuple[str, float]]
SOURCES: list[Source] = [generated.arithmetic, generated.brackets, generated.markov]
CLOSING = dict(zip(")]}", "([{", strict=True))


def surprise_of_arithmetic(text: str) -> float:
    """Mean surprise, nats per character, of a predictor that counts the lines a beginning can end in."""
    beginnings = Counter(
        line[:stop]
        for line in (f"{a}+{b}={a + b}\n" for a in range(100) for b in range(100))
        for stop in range(len(line) + 1)
    )
    total, start = 0.0, 0
    for at, character in enumerate(text):
        total += math.log(beginnings[text[start:at]] / beginnings[text[start : at + 1]])
        start = at + 1 if character == "\n" else start
    return total / len(text)


def surprise_of_brackets(text: str) -> float:
    """The same, of the predictor that keeps a stack; a text that the source cannot write is a failure."""
    total = 0.0
    stack: list[str] = []
    previous = "\n"
    for character in text:
        if not stack:
            end = 0.0 if previous == "\n" else 0.3
            chance = end if character == "\n" else (1 - end) / 3
        elif len(stack) == 8:
            chance = 1.0
        else:
            chance = 0.55 if character in CLOSING else 0.45 / 3
        if character in CLOSING:
            assert stack.pop() == CLOSING[character]
        elif character != "\n":
            assert character in "([{"
            stack.append(character)
            assert len(stack) <= 8
        else:
            assert not stack
        total -= math.log(chance)
        previous = character
    return total / len(text)


@pytest.mark.parametrize("seed", [0, 1, 12345])
@pytest.mark.parametrize(
    ("source", "surprise"),
    [(generated.arithmetic, surprise_of_arithmetic), (generated.brackets, surprise_of_brackets)],
)
def test_rate_is_what_the_best_predictor_pays(
    source: Source, surprise: Callable[[str], float], seed: int
) -> None:
    text, rate = source(seed, SAMPLE)
    assert surprise(text) == pytest.approx(rate, rel=0.01)


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_rate_of_markov_is_what_its_own_table_pays(seed: int) -> None:
    text, rate = generated.markov(seed, SAMPLE)
    table = generated.markov_table(random.Random(seed))
    ids = np.array([generated.ALPHABET.index(character) for character in text])
    rows = ids[:-2] * len(generated.ALPHABET) + ids[1:-1]
    surprises = -np.log(table[rows, ids[2:]])
    assert surprises.mean() == pytest.approx(rate, rel=0.015)


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_rate_of_markov_is_exact_for_where_a_long_walk_is(seed: int) -> None:
    size = len(generated.ALPHABET)
    table = generated.markov_table(random.Random(seed)).reshape(size, size, size)  # P(c | a, b)
    pairs = np.full((size, size), 1 / size**2)
    for _ in range(2_000):
        pairs = np.einsum("ab,abc->bc", pairs, table)
    expected = -np.einsum("ab,abc,abc->", pairs, table, np.log(table))
    assert generated.markov(seed, 0)[1] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_rate_of_markov_is_what_counting_finds(seed: int) -> None:
    """Empirical H(triples) - H(pairs): knows nothing of the table, and is biased low by about 0.003 nats."""
    text, rate = generated.markov(seed, SAMPLE)

    def block_entropy(length: int) -> float:
        counts = Counter(text[start : start + length] for start in range(len(text) - 2))
        shares = np.array(list(counts.values())) / (len(text) - 2)
        return float(-(shares * np.log(shares)).sum())

    assert block_entropy(3) - block_entropy(2) == pytest.approx(rate, rel=0.015)


@pytest.mark.parametrize("source", SOURCES)
def test_knowing_the_source_beats_counting_characters(source: Source) -> None:
    text, rate = source(5, SAMPLE)
    shares = np.array(list(Counter(text).values())) / len(text)
    assert 0 < rate < -(shares * np.log(shares)).sum() < math.log(len(shares)) + 1e-12


@pytest.mark.parametrize("source", SOURCES)
def test_seed_fixes_the_text_and_a_shorter_one_is_its_beginning(source: Source) -> None:
    text, rate = source(3, 5_000)
    assert source(3, 5_000) == (text, rate)
    assert source(4, 5_000)[0] != text
    for characters in (0, 1, 2, 777):
        assert source(3, characters) == (text[:characters], rate)


@pytest.mark.parametrize(
    ("source", "beginning"),
    zip(
        SOURCES,
        ["49+97=146\n53+5=58\n33+65=", "[][][]()\n()\n{}({{{[{}]}", "ihahcgifdibbh ifbd\n\ni bg"],
        strict=True,
    ),
)
def test_texts_are_the_same_on_every_supported_python(source: Source, beginning: str) -> None:
    assert source(0, len(beginning))[0] == beginning


def test_sums_are_right() -> None:
    lines = generated.arithmetic(9, 50_000)[0].splitlines()[:-1]
    assert len(lines) > 5_000
    for line in lines:
        terms, total = line.split("=")
        left, right = map(int, terms.split("+"))
        assert left + right == int(total)
        assert 0 <= min(left, right) <= max(left, right) < 100


def test_markov_writes_its_whole_alphabet() -> None:
    assert set(generated.markov(2, SAMPLE)[0]) == set(generated.ALPHABET)


@pytest.mark.parametrize("seed", [0, 7])
def test_stationary_distribution_is_where_long_walks_end(seed: int) -> None:
    rows = np.random.default_rng(seed).random((12, 12))
    transitions = rows / rows.sum(axis=1, keepdims=True)
    pi = generated.stationary(transitions)
    assert pi == pytest.approx(np.linalg.matrix_power(transitions, 200)[0])
    assert pi.sum() == pytest.approx(1)


def test_bracket_chain_is_stochastic_and_its_walk_is_seen_in_the_text() -> None:
    transitions = generated.bracket_chain()
    assert transitions.sum(axis=1) == pytest.approx(np.ones(len(transitions)))
    depths: Counter[int] = Counter()
    depth, begun = 0, False
    text = generated.brackets(11, SAMPLE)[0]
    for character in text:
        depths[depth + 1 if begun else 0] += 1
        depth += (character in "([{") - (character in ")]}")
        begun = character != "\n"
    seen = np.array([depths[state] for state in range(len(transitions))]) / len(text)
    assert seen == pytest.approx(generated.stationary(transitions), abs=0.01)
