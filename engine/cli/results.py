"""What a command found out, as lines for people and as JSON for programs.

A number that is not known is null in JSON and a dash in lines, never a zero; an infinite one is null with a note.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.information import nats_to_bits, perplexity

Plain = str | int | float | bool | None | Sequence["Plain"] | Mapping[str, "Plain"]
"""What JSON knows."""

MISSING = "–"


@dataclass(frozen=True)
class Scores:
    """Losses of a model over the parts of a text, nats per character; None where a part is empty or not scored.

    Attributes:
        train, validation, test: the losses.
        characters: how many were scored, by the part's name.
        protocol: how, in words.
    """

    train: float | None
    validation: float | None
    test: float | None
    characters: Mapping[str, int]
    protocol: str

    @property
    def decisive(self) -> tuple[str, float | None]:
        """The part that counts, and its loss: the test part, else validation, else training."""
        for name, loss in (("test", self.test), ("validation", self.validation)):
            if loss is not None:
                return name, loss
        return "train", self.train

    def plain(self) -> dict[str, Plain]:
        """The losses, and what follows from the one that counts."""
        part, loss = self.decisive
        gap = None if self.train is None or self.validation is None else self.validation - self.train
        return {
            "train_loss": self.train,
            "validation_loss": self.validation,
            "test_loss": self.test,
            "generalisation_gap": gap,
            "scored_part": part,
            "bits_per_character": None if loss is None else nats_to_bits(loss),
            "perplexity": None if loss is None else perplexity(loss),
            "characters_scored": dict(self.characters),
            "protocol": self.protocol,
        }


def as_json(result: Mapping[str, Plain]) -> str:
    """One JSON object; numbers that are not finite, which JSON cannot say, are null."""
    return json.dumps(_finite(result), ensure_ascii=False, indent=2)


def as_lines(result: Mapping[str, Plain]) -> str:
    """A line a number: its name, and the number."""
    width = max(map(len, result), default=0)
    return "\n".join(f"{name.replace('_', ' '):<{width}}  {written(value)}" for name, value in result.items())


def written(value: Plain) -> str:
    """A value as a person reads it."""
    match value:
        case None:
            return MISSING
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return "∞" if math.isinf(value) else f"{value:.4f}" if abs(value) < 1000 else f"{value:,.0f}"
        case str():
            return value
        case Mapping():
            return ", ".join(f"{name} {written(part)}" for name, part in value.items())
        case _:
            return ", ".join(map(written, value))


def _finite(value: Plain) -> Plain:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case str():
            return value
        case Mapping():
            return {name: _finite(part) for name, part in value.items()}
        case Sequence():
            return [_finite(part) for part in value]
        case _:
            return value
