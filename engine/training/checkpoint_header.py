"""The words in a checkpoint's header: everything of a run that is no array.

Promises that what is read back is what was written, and that nothing else gets through: each field has one kind and
one range, and a refusal names the field, its value and what it must be.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from corpora.vocabulary import Vocabulary
from engine.training.batches import Place
from engine.training.recipe import LAST_STEP, Recipe

LARGEST_COUNT = 2**63 - 1
_WORD, _STATE = 2**32, 2**128


@dataclass(frozen=True, kw_only=True)
class Header:
    """What stands in front of the arrays.

    Attributes:
        recipe: with every change made under way.
        corpus: the text's name.
        fingerprint: the text's.
        vocabulary: its characters, in the order of their ids.
        step: steps made.
        updates: what the optimizer counts.
        place: where it stands in the stream of examples.
        noise: state of the generator that dropout draws from, None where nothing draws.
        average: state of the smoothed loss: weighted sum, sum of weights.
        seconds: trained so far.
        validation_loss: the last one, nats per character, None if there is none: a list of runs shows it.
    """

    recipe: Recipe
    corpus: str
    fingerprint: str
    vocabulary: tuple[str, ...]
    step: int
    updates: int
    place: Place
    noise: Mapping[str, Any] | None  # Any: numpy's own layout of a bit generator's state
    average: tuple[float, float]
    seconds: float
    validation_loss: float | None = None

    @property
    def train_loss(self) -> float | None:
        """The smoothed loss, nats per character, None before the first step."""
        total, weight = self.average
        return total / weight if weight else None

    def to_metadata(self) -> dict[str, str]:
        """The fields as strings: words as they are, everything else as JSON."""
        return {
            "recipe": self.recipe.to_toml(),
            "corpus": self.corpus,
            "fingerprint": self.fingerprint,
            "vocabulary": json.dumps(self.vocabulary),
            "step": json.dumps(self.step),
            "updates": json.dumps(self.updates),
            "place": json.dumps([self.place.drawn, self.place.before]),
            "noise": json.dumps(self.noise, sort_keys=True),
            "average": json.dumps(self.average),
            "seconds": json.dumps(float(self.seconds)),
            "validation_loss": json.dumps(self.validation_loss),
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Header:
        """The fields that `to_metadata` wrote.

        Raises:
            ValueError: if one is missing, or is not what it must be.
        """
        return cls(
            recipe=Recipe.from_toml(_word(metadata, "recipe")),
            corpus=_word(metadata, "corpus"),
            fingerprint=_word(metadata, "fingerprint"),
            vocabulary=_vocabulary(metadata),
            step=_count(metadata, "step", LAST_STEP),
            updates=_count(metadata, "updates"),
            place=_place(metadata),
            noise=_noise(metadata),
            average=_average(metadata),
            seconds=_amount(metadata, "seconds"),
            validation_loss=_validation_loss(metadata),
        )


def finite_or_none(number: float) -> float | None:
    """A number as JSON can tell it; one that is not finite is missing."""
    return number if math.isfinite(number) else None


def _word(metadata: Mapping[str, str], name: str) -> str:
    if name not in metadata:
        raise ValueError(f"{name} is missing")
    return metadata[name]


def _json(
    metadata: Mapping[str, str], name: str
) -> Any:  # Any: whatever stands there, for the caller to match
    text = _word(metadata, name)
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):  # no JSON, NaN, a number of too many digits; nested too deep
        raise ValueError(f"{name} = {_shown(text)}: must be JSON with finite numbers") from None


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _refuse(metadata: Mapping[str, str], name: str, must_be: str) -> NoReturn:
    raise ValueError(f"{name} = {_shown(metadata[name])}: must be {must_be}")


def _shown(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}..."


def _count(metadata: Mapping[str, str], name: str, most: int = LARGEST_COUNT) -> int:
    found = _json(metadata, name)
    if type(found) is not int or not 0 <= found <= most:
        _refuse(metadata, name, f"a whole number from 0 to {most}")
    return found


def _place(metadata: Mapping[str, str]) -> Place:
    match _json(metadata, "place"):
        case [int(drawn), int(before)] if 0 <= before <= drawn <= LARGEST_COUNT:
            return Place(drawn, before)
    _refuse(
        metadata, "place", f"two whole numbers up to {LARGEST_COUNT}, the second no larger than the first"
    )


def _amount(metadata: Mapping[str, str], name: str) -> float:
    found = _json(metadata, name)
    if not isinstance(found, float) or not 0 <= found < math.inf:
        _refuse(metadata, name, "a finite number of at least 0, with a point")
    return found


def _average(metadata: Mapping[str, str]) -> tuple[float, float]:
    match _json(metadata, "average"):
        case [float(total), float(weight)] if math.isfinite(total) and 0 <= weight <= 1 + 1e-9:
            return total, weight
    _refuse(metadata, "average", "a finite sum and the sum of its weights")


def _validation_loss(metadata: Mapping[str, str]) -> float | None:
    match _json(metadata, "validation_loss"):
        case None:
            return None
        case float(loss) if math.isfinite(loss):
            return loss
    _refuse(metadata, "validation_loss", "a finite number with a point, or null")


def _vocabulary(metadata: Mapping[str, str]) -> tuple[str, ...]:
    found = _json(metadata, "vocabulary")
    if not isinstance(found, list) or not all(isinstance(character, str) for character in found):
        _refuse(metadata, "vocabulary", "a list of characters")
    try:
        ordered = Vocabulary(found).characters
    except ValueError as refused:
        raise ValueError(f"vocabulary: {refused}") from None
    if ordered != tuple(found):
        _refuse(metadata, "vocabulary", "in the order of the code points")
    return ordered


def _noise(metadata: Mapping[str, str]) -> dict[str, Any] | None:  # Any: as in `Header`
    match _json(metadata, "noise"):
        case None:
            return None
        case {
            "bit_generator": "PCG64",
            "state": {"state": int(state), "inc": int(increment)},
            "has_uint32": int(half_used),
            "uinteger": int(half),
        } if (
            0 <= state < _STATE
            and 0 <= increment < _STATE
            and increment % 2
            and half_used in (0, 1)
            and 0 <= half < _WORD
        ):
            return {
                "bit_generator": "PCG64",
                "state": {"state": state, "inc": increment},
                "has_uint32": half_used,
                "uinteger": half,
            }
    _refuse(metadata, "noise", "the state of a PCG64 generator, or null")
