"""Seeded sources of text whose true entropy rate is known: the line that a loss can come to but not cross.

Each function gives a text of exactly `characters` characters and its source's entropy rate in nats per
character; equal arguments give the equal text. The rate is that of a predictor that knows the source and sees
the whole past. The average surprise of one finite text scatters around it, a model that memorises its
training part goes below it there, and a model with a short context may never come near it.

Source of the method: Cover and Thomas, Elements of Information Theory, 2nd edition, chapter 4.
"""

import math
import random
from bisect import bisect
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

OPERANDS: Final = 100  # arithmetic: both operands are uniform in [0, OPERANDS)
PAIRS: Final = ("()", "[]", "{}")
MAX_DEPTH: Final = 8  # brackets: at this depth the innermost pair must close
OPEN_CHANCE: Final = 0.45  # inside a pair, and above that depth, another opens with this probability
NEWLINE_CHANCE: Final = 0.3  # with nothing open, the line ends with this probability
ALPHABET: Final = "abcdefghi \n"
CONCENTRATION: Final = 0.3  # of the Dirichlet rows: low, so that few characters are likely after a pair
SMOOTHING: Final = 0.01  # share of the uniform distribution mixed in: every pair stays reachable

Matrix = NDArray[np.float64]


def arithmetic(seed: int, characters: int) -> tuple[str, float]:
    """Sums such as `12+7=19`, a line each.

    The lines are independent, each determined by a pair of operands uniform over OPERANDS**2, and each shows
    where it ends. By the renewal theorem a text of n characters holds n / E[length] lines in the long
    run, each of entropy ln(OPERANDS**2), so that the rate is ln(OPERANDS**2) / E[length].
    """
    rng = random.Random(seed)
    lines: list[str] = []
    written = 0
    while written < characters:
        lines.append(_sum(rng.randrange(OPERANDS), rng.randrange(OPERANDS)))
        written += len(lines[-1])
    lengths = [len(_sum(left, right)) for left in range(OPERANDS) for right in range(OPERANDS)]
    rate = math.log(len(lengths)) / (sum(lengths) / len(lengths))
    return "".join(lines)[:characters], rate


def _sum(left: int, right: int) -> str:
    return f"{left}+{right}={left + right}\n"


def brackets(seed: int, characters: int) -> tuple[str, float]:
    """Balanced brackets of several kinds, such as `([]{})[]`, in lines.

    The depth is a finite Markov chain: `bracket_chain`. The text so far fixes the state and which kind may
    close, so the only choices are the step and, when a pair opens, one of len(PAIRS) equally likely kinds.
    The rate is the stationary mean of the entropy of that choice: sum over states s of
    pi(s) * (H(steps from s) + P(open | s) * ln len(PAIRS)).
    """
    rng = random.Random(seed)
    text: list[str] = []
    closing: list[str] = []  # what is open, innermost last
    begun = False  # whether this line has a character
    while len(text) < characters:
        if not closing:
            opens = not begun or rng.random() >= NEWLINE_CHANCE
        else:
            opens = len(closing) < MAX_DEPTH and rng.random() < OPEN_CHANCE
        if opens:
            left, right = PAIRS[rng.randrange(len(PAIRS))]
            closing.append(right)
            text.append(left)
        else:
            text.append(closing.pop() if closing else "\n")
        begun = text[-1] != "\n"
    transitions = bracket_chain()
    opening = np.diagonal(transitions, offset=1)  # (S - 1,): every step up opens a pair
    choice = _row_entropies(transitions)
    choice[:-1] += opening * math.log(len(PAIRS))
    choice[0] += math.log(len(PAIRS))  # the start of a line leaps to depth 1: a pair always opens
    return "".join(text), float(stationary(transitions) @ choice)


def bracket_chain() -> Matrix:
    """Transition probabilities between the states of `brackets`, (MAX_DEPTH + 2, MAX_DEPTH + 2).

    State 0 is the start of a line, where a pair must open; state d + 1 is depth d within a line.
    """
    transitions = np.zeros((MAX_DEPTH + 2, MAX_DEPTH + 2))
    transitions[0, 2] = 1.0
    transitions[1, 0], transitions[1, 2] = NEWLINE_CHANCE, 1 - NEWLINE_CHANCE
    for state in range(2, MAX_DEPTH + 1):
        transitions[state, state - 1], transitions[state, state + 1] = 1 - OPEN_CHANCE, OPEN_CHANCE
    transitions[-1, -2] = 1.0
    return transitions


def markov(seed: int, characters: int) -> tuple[str, float]:
    """A random chain of order 2 over ALPHABET: the next character depends on the two before it.

    The seed draws the chain (`markov_table`) and then the text. The state is the last pair of characters, the
    text shows it, and so the rate is sum over pairs s of pi(s) * H(next | s), pi being the stationary
    distribution of the chain over pairs.
    """
    rng = random.Random(seed)
    table = markov_table(rng)  # (V*V, V)
    size = len(ALPHABET)
    pairs = np.zeros((size * size, size * size))  # pair (a, b) -> pair (b, c)
    for state in range(size * size):
        pairs[state, state % size * size : (state % size + 1) * size] = table[state]
    pi = stationary(pairs)
    rate = float(pi @ _row_entropies(table))

    cumulative = [list(accumulate(row)) for row in table.tolist()]
    state = _draw(rng, list(accumulate(pi.tolist())))  # stationary from the first character on
    text = [ALPHABET[state // size], ALPHABET[state % size]]
    while len(text) < characters:
        following = _draw(rng, cumulative[state])
        text.append(ALPHABET[following])
        state = state % size * size + following
    return "".join(text)[:characters], rate


def markov_table(rng: random.Random) -> Matrix:
    """Draw P(next | pair), (V*V, V), row a * V + b for the characters a, b: smoothed Dirichlet rows."""
    size = len(ALPHABET)
    draws = [[rng.gammavariate(CONCENTRATION, 1.0) for _ in range(size)] for _ in range(size * size)]
    gammas = np.array(draws)
    table = (1 - SMOOTHING) * gammas / gammas.sum(axis=1, keepdims=True) + SMOOTHING / size
    return np.asarray(table / table.sum(axis=1, keepdims=True), dtype=np.float64)


def stationary(transitions: Matrix) -> Matrix:
    """The distribution pi with pi = pi @ transitions, (S,), of an irreducible chain, (S, S)."""
    size = len(transitions)
    equations = np.vstack(
        [transitions.T - np.eye(size), np.ones(size)]
    )  # the last row: probabilities sum to 1
    solution, *_ = np.linalg.lstsq(equations, np.append(np.zeros(size), 1.0))
    return np.asarray(solution, dtype=np.float64)


def _row_entropies(table: Matrix) -> Matrix:
    """The entropy of every row of probabilities, in nats, (S,); 0 ln 0 is 0."""
    logs = np.log(table, out=np.zeros_like(table), where=table > 0)
    return np.asarray(-(table * logs).sum(axis=1), dtype=np.float64)


def _draw(rng: random.Random, cumulative: list[float]) -> int:
    return min(bisect(cumulative, rng.random() * cumulative[-1]), len(cumulative) - 1)
