"""Scoring whole parts of a text with a model that stands still, with progress, and to be interrupted."""

from __future__ import annotations

from engine.cli.interrupts import Interrupts
from engine.cli.progress import Progress
from engine.cli.results import Scores
from engine.models.language_model import LanguageModel
from engine.training.course import Course

PARTS = ("train", "validation", "test")

MOST_OF_TRAINING = 100_000
"""Characters of the training part that a model which learns by gradients is scored on: its last ones."""

QUICK = "every character once, in order, without noise, each given many of those before it"
THOROUGH = "every character once, in order, without noise, each given all before it that the model can use"


class Interrupted(Exception):
    """A signal came while something was scored."""


def part_borders(course: Course, part: str) -> tuple[int, int]:
    """Where a part of the text begins and ends."""
    index = PARTS.index(part)
    return course.borders[index], course.borders[index + 1]


def score(
    model: LanguageModel,
    course: Course,
    start: int,
    stop: int,
    *,
    words: str,
    progress: Progress,
    interrupts: Interrupts,
    thorough: bool = False,
) -> float | None:
    """The mean loss over characters start .. stop-1, nats; None if there are none.

    Raises:
        Interrupted: if a signal came.
    """
    if start == stop:
        return None
    progress.begin()
    total, done = 0.0, 0
    for piece in model.scoring(course.corpus.ids, start, stop, thorough=thorough):
        if interrupts.received is not None:
            raise Interrupted(words)
        total += float(piece.sum())
        done += len(piece)
        progress.show(words, done / (stop - start))
    return total / (stop - start)


def score_all(course: Course, progress: Progress, interrupts: Interrupts) -> Scores:
    """The losses over all parts; of the training part its last `MOST_OF_TRAINING` characters."""
    losses: dict[str, float | None] = {}
    characters: dict[str, int] = {}
    for part in PARTS:
        start, stop = part_borders(course, part)
        if part == "train":
            start = max(start, stop - MOST_OF_TRAINING)
        characters[part] = stop - start
        losses[part] = score(
            course.model,
            course,
            start,
            stop,
            words=f"scoring the {part} part",
            progress=progress,
            interrupts=interrupts,
        )
    progress.end()
    return Scores(losses["train"], losses["validation"], losses["test"], characters, QUICK)
