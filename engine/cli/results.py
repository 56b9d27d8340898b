"""What a command found out, as lines for people and as JSON for programs.

A number that is not known is null in JSON and a dash in lines, never a zero; an infinite one is null with a note.
`KEYS` says what a result of `train`, `resume` and `evaluate` holds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.cli.terminal import harmless, print_out
from engine.information import nats_to_bits, perplexity
from engine.training.course import Course

Plain = str | int | float | bool | None | Sequence["Plain"] | Mapping[str, "Plain"]
"""What JSON knows."""

MISSING = "–"

KEYS: Mapping[str, str] = {
    "model": "its name in recipes",
    "corpus": "the text's name",
    "recipe": "all choices, as one line",
    "seed": "of the run",
    "folder": "where the run is kept",
    "parameters": "numbers that were learned; for a model that counts, the counts it keeps",
    "steps": "made in all",
    "scored_step": "at which the model that was scored stood: with patience, the best one",
    "seconds": "of training",
    "steps_per_second": "over all of the training",
    "stopped": "why training ended; null where nothing was trained",
    "train_loss": "nats per character; null as for the next two: the part is empty or was not scored",
    "validation_loss": "nats per character",
    "test_loss": "nats per character",
    "generalisation_gap": "validation_loss - train_loss",
    "scored_part": "the part that counts: test, else validation, else train",
    "bits_per_character": "of that part",
    "perplexity": "of that part: exp of its loss",
    "characters_scored": "how many, by part",
    "protocol": "how they were scored",
    "note": "which losses are infinite, and so null; null if none is",
}
"""The keys of a result, and what they mean. A number that is not known is null."""


@dataclass(frozen=True)
class Scores:
    """Losses of a model over the parts of a text.

    Attributes:
        losses: nats per character, by the part's name; None where it is empty or was not scored.
        characters: how many were scored, by the part's name.
        protocol: how, in words.
    """

    losses: Mapping[str, float | None]
    characters: Mapping[str, int]
    protocol: str

    @property
    def decisive(self) -> tuple[str | None, float | None]:
        """The part that counts, and its loss: the test part, else validation, else training."""
        known = ((part, self.losses[part]) for part in ("test", "validation", "train"))
        return next(((part, loss) for part, loss in known if loss is not None), (None, None))

    def plain(self) -> dict[str, Plain]:
        """The losses, and what follows from the one that counts."""
        part, loss = self.decisive
        train, validation = self.losses["train"], self.losses["validation"]
        gap = None
        if train is not None and validation is not None and math.isfinite(train):
            gap = validation - train
        infinite = [f"{name}_loss" for name, one in self.losses.items() if one == math.inf]
        return {
            **{f"{name}_loss": one for name, one in self.losses.items()},
            "generalisation_gap": gap,
            "scored_part": part,
            "bits_per_character": None if loss is None else nats_to_bits(loss),
            "perplexity": None if loss is None else perplexity(loss),
            "characters_scored": dict(self.characters),
            "protocol": self.protocol,
            "note": f"infinite, since the model held for impossible what came: {', '.join(infinite)}"
            if infinite
            else None,
        }


def result(
    course: Course, scored: Course, scores: Scores, *, folder: Path, seconds: float, stopped: str | None
) -> dict[str, Plain]:
    """What was trained, how far, and how it scores, under `KEYS`.

    Arguments:
        course: the run.
        scored: the same, at the step that was scored.
        scores: what came of that.
        folder: where the run is kept.
        seconds: trained in all.
        stopped: why training ended, None if nothing was trained.
    """
    return {
        "model": course.recipe.model,
        "corpus": course.corpus.name,
        "recipe": str(course.recipe),
        "seed": course.recipe.seed,
        "folder": str(folder),
        "parameters": sum(group.count for group in scored.table),
        "steps": course.steps_made,
        "scored_step": scored.steps_made,
        "seconds": seconds,
        "steps_per_second": course.steps_made / seconds if seconds else None,
        "stopped": stopped,
        **scores.plain(),
    }


def show(found: Mapping[str, Plain], *, json: bool) -> None:
    """Print a result: one JSON object, or lines for people."""
    print_out((as_json(found) if json else harmless(as_lines(found))) + "\n")


def as_json(result: Mapping[str, Plain]) -> str:
    """One JSON object in ASCII, whatever the text holds; numbers that are not finite are null."""
    return json.dumps(_finite(result), indent=2)


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
