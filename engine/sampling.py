"""Writing text: how a prompt becomes ids, and how a character is chosen from a model's logits.

A draw takes exactly one random number, greedy or not, so the same seed walks the same way whatever the
settings were in between. It knows no model: logits in, an id out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Probabilities: TypeAlias = NDArray[np.float64]

MAX_TEMPERATURE = 2.0

# Rounding in a sum of probabilities: a set that misses `top_p` by less than this has reached it.
MASS_TOLERANCE = 1e-12

# An error message names so many unknown characters and counts the rest.
NAMED_CHARACTERS = 5


class NothingToDraw(ValueError):
    """The scores leave no character to choose: they are no numbers, or rule out every one."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the next character is chosen from the logits: temperature first, then top-k, then top-p.

    Arguments:
        temperature: what the logits are divided by, 0 to 2; 0 always takes the most likely character.
        top_k: keep only so many of the most likely characters; 0 keeps all.
        top_p: keep only the smallest set of the most likely characters that holds this much probability,
            0 to 1; 1 keeps all. Source: Holtzman et al. (2020), The Curious Case of Neural Text Degeneration.
    Raises:
        ValueError: if a setting lies outside its range.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= MAX_TEMPERATURE:
            raise ValueError(
                f"temperature is {self.temperature}; choose 0 (always the most likely) to {MAX_TEMPERATURE:g}"
            )
        if isinstance(self.top_k, float) or self.top_k < 0:
            raise ValueError(
                f"top_k is {self.top_k}; choose a whole number from 1, or 0 to keep all characters"
            )
        if not 0 <= self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}; choose 0 to 1, where 1 keeps all characters")

    def distribution(self, logits: NDArray[np.floating]) -> Probabilities:
        """The probabilities to draw from.

        Ties go to the lower id: greedy takes it, top-k and top-p keep it first.

        Arguments:
            logits: scores, (V,); -inf stands for impossible.
        Returns:
            Probabilities, (V,), float64.
        Raises:
            NothingToDraw: if the logits hold NaN or +inf, or rule out every character.
            ValueError: if they are no vector.
        """
        z = np.asarray(logits, dtype=np.float64)
        if z.ndim != 1 or z.size == 0:
            raise ValueError(f"logits have shape {z.shape}; one character is drawn from one vector (V,)")
        best = int(z.argmax())  # the first of equals; a NaN wins
        if not np.isfinite(z[best]):
            raise NothingToDraw(f"the largest logit is {z[best]} (id {best}): there is nothing to draw from")
        if self.temperature == 0:
            certain = np.zeros(z.size)
            certain[best] = 1.0
            return certain
        z = z - z[best]  # a copy whose largest is 0: exp cannot overflow
        if self.temperature != 1:
            with np.errstate(over="ignore"):  # close to temperature 0 the others fall to -inf, rightly
                z /= self.temperature
        if 0 < self.top_k < z.size:
            ranked = np.argsort(-z, kind="stable")
            z[ranked[self.top_k :]] = -np.inf
        p: Probabilities = np.exp(z)
        p /= p.sum()
        if self.top_p < 1:
            ranked = np.argsort(-p, kind="stable")
            mass = p[ranked].cumsum()
            kept = int(mass.searchsorted(self.top_p - MASS_TOLERANCE)) + 1  # at least one
            p[ranked[kept:]] = 0.0
            p /= p.sum()
        return p

    def draw(self, logits: NDArray[np.floating], rng: np.random.Generator) -> int:
        """An id drawn from `distribution(logits)`, never an impossible one; takes one number from `rng`."""
        cumulative = self.distribution(logits).cumsum()
        threshold = rng.random() * cumulative[-1]  # below the total, so an id beyond it exists
        return int(cumulative.searchsorted(threshold, side="right"))


class UnknownPolicy(StrEnum):
    """What to do about a prompt's characters that the vocabulary lacks."""

    REFUSE = "refuse"
    REPLACE = "replace"


class PromptError(ValueError):
    """A prompt holds characters that the model has never seen."""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A prompt the model can start from, and what had to be done to it.

    Attributes:
        ids: at least `context` of them: padding, then the prompt's characters.
        padding: how many characters were put before it.
        pad_character: the one that pads and replaces.
        replaced: the distinct characters that were replaced, in the order they came.
        note: what was done, in words; "" if nothing was.
    """

    ids: list[int]
    padding: int
    pad_character: str
    replaced: tuple[str, ...]
    note: str


def pad_id(vocabulary_characters: Sequence[str]) -> int:
    """The id that fills up a short prompt: the space's, else the newline's, else the first."""
    if len(vocabulary_characters) == 0:
        raise ValueError("the vocabulary has no characters; build it from a text first")
    for character in (" ", "\n"):
        if character in vocabulary_characters:
            return vocabulary_characters.index(character)
    return 0


def prepare_prompt(
    text: str, vocabulary_characters: Sequence[str], context: int, unknown: UnknownPolicy
) -> Prompt:
    """Turn what a person typed into ids, padded on the left to `context` characters.

    Arguments:
        text: the prompt; it may be empty, and longer than the context.
        vocabulary_characters: the characters in the order of their ids.
        context: how many characters the model looks back.
        unknown: whether characters outside the vocabulary are refused or replaced by the padding character.
    Raises:
        PromptError: naming the characters, if they are refused.
    """
    ids_by_character = {character: i for i, character in enumerate(vocabulary_characters)}
    filler = pad_id(vocabulary_characters)
    pad_character = vocabulary_characters[filler]
    strangers = tuple(dict.fromkeys(character for character in text if character not in ids_by_character))
    if strangers and unknown is UnknownPolicy.REFUSE:
        raise PromptError(
            f"the prompt has {_count(len(strangers), 'character')} that the text never showed the model: "
            f"{_names(strangers)}; choose replace or leave {'it' if len(strangers) == 1 else 'them'} out"
        )
    padding = max(0, context - len(text))
    notes = []
    if strangers:
        notes.append(f"{_names(strangers)} replaced by {_name(pad_character)}, being new to the model")
    if padding and context == 1:
        notes.append(f"nothing was given to go on from: it begins after {_name(pad_character)}")
    elif padding:
        notes.append(
            f"prompt of {_count(len(text), 'character')} filled up on the left with {padding} x "
            f"{_name(pad_character)} to the context of {context}"
        )
    return Prompt(
        ids=[filler] * padding + [ids_by_character.get(character, filler) for character in text],
        padding=padding,
        pad_character=pad_character,
        replaced=strangers,
        note="; ".join(notes),
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _name(character: str) -> str:
    """A character a person can recognise, also where it cannot be seen: 'é' (U+00E9)."""
    named = {" ": "space", "\n": "newline", "\t": "tab"}
    return named.get(character) or f"{character!r} (U+{ord(character):04X})"


def _names(characters: Sequence[str]) -> str:
    shown = ", ".join(map(_name, characters[:NAMED_CHARACTERS]))
    more = len(characters) - NAMED_CHARACTERS
    return f"{shown} and {more} more" if more > 0 else shown
