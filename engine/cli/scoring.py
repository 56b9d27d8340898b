"""Scoring whole parts of a text with a model that stands still, with progress, and to be interrupted."""

from __future__ import annotations

from collections.abc import Sequence

from engine.cli.interrupts import Interrupts
from engine.cli.progress import Progress
from engine.cli.results import Scores
from engine.scoreboard.protocol import TRAIN_SCORED
from engine.training.course import Course
from engine.training.rules import COUNTING

PARTS = ("train", "validation", "test")

QUICK = (
    "every character once, in order, without noise, each given many of those before it; of the training part the "
    f"last {TRAIN_SCORED:,}, or all of it for a model that counts"
)
THOROUGH = "every character once, in order, without noise, each given all before it that the model can use"


class Interrupted(Exception):
    """A signal came while something was scored."""


def part_borders(course: Course, part: str) -> tuple[int, int]:
    """Where a part of the text begins and ends."""
    index = PARTS.index(part)
    return course.borders[index], course.borders[index + 1]


def score(
    course: Course,
    parts: Sequence[str],
    progress: Progress,
    interrupts: Interrupts,
    *,
    thorough: bool = False,
) -> Scores:
    """The losses over some parts of a run's text; None for those that are empty or not asked for.

    Arguments:
        course: the run whose model is scored.
        parts: of `PARTS`.
        progress, interrupts: how it is told of, and how it is ended early.
        thorough: whether whole parts are scored with the full context, however long that takes.
    Raises:
        Interrupted: if a signal came.
    """
    losses: dict[str, float | None] = dict.fromkeys(PARTS)
    characters = dict.fromkeys(PARTS, 0)
    for part in parts:
        start, stop = part_borders(course, part)
        if part == "train" and not thorough and course.recipe.model not in COUNTING:
            start = max(start, stop - TRAIN_SCORED)
        characters[part] = stop - start
        if start < stop:
            losses[part] = _mean_loss(course, part, start, stop, progress, interrupts, thorough=thorough)
    progress.end()
    return Scores(losses, characters, THOROUGH if thorough else QUICK)


def _mean_loss(
    course: Course,
    part: str,
    start: int,
    stop: int,
    progress: Progress,
    interrupts: Interrupts,
    *,
    thorough: bool,
) -> float:
    """Nats for each of the characters start .. stop-1, on average."""
    progress.begin()
    total, done = 0.0, 0
    for piece in course.model.scoring(course.corpus.ids, start, stop, thorough=thorough):
        if interrupts.received is not None:
            progress.end()
            raise Interrupted(part)
        total += float(piece.sum())
        done += len(piece)
        progress.show(f"scoring the {part} part", done / (stop - start))
    return total / (stop - start)
