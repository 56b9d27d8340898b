"""ScoreboardView: a frozen picture of a comparison for somebody else's eyes.

Losses are in nats per character. A number that is not known, or could not be computed, is None, never 0; an
infinite one (a model held for impossible what came) is infinite.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engine.information import nats_to_bits
from engine.models.counting.coverage import Unseen
from engine.scoreboard.terms import Terms


class State(StrEnum):
    """How far an entrant is."""

    WAITING = "waiting"
    TRAINING = "training"
    SCORING = "scoring"
    PAUSED = "paused"
    SKIPPED = "skipped"
    DONE = "done"
    FAILED = "failed"


def bits(nats: float | None) -> float | None:
    """Bits per character, of nats."""
    return None if nats is None else float(nats_to_bits(nats))


def perplexity(nats: float | None) -> float | None:
    """The number of equally likely characters that would cost as much; infinite where float64 cannot hold it."""
    if nats is None:
        return None
    try:
        return math.exp(nats)
    except OverflowError:
        return math.inf


@dataclass(frozen=True, eq=False)
class Curve:
    """The course of a loss, ascending: steps made, seconds trained and nats per character, (N,) each."""

    steps: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    seconds: NDArray[np.float64] = field(default_factory=lambda: np.empty(0, dtype=np.float64))
    losses: NDArray[np.float64] = field(default_factory=lambda: np.empty(0, dtype=np.float64))

    def __len__(self) -> int:
        return len(self.steps)

    def seconds_below(self, loss: float) -> float | None:
        """Seconds trained when the loss first was below `loss`; None if it never was."""
        below = np.flatnonzero(self.losses < loss)
        return float(self.seconds[below[0]]) if len(below) else None


@dataclass(frozen=True, eq=False)
class Row:
    """One entrant.

    Attributes:
        number: its place among the entrants, the first is 1.
        model: its name in recipes.
        name: with what tells it from others, such as "kneser-ney 7".
        recipe: all its choices, as one line.
        counting: whether it counts; then it has no steps and no curves.
        state: how far it is.
        why: why it ended, failed or was skipped.
        progress: the share, 0 to 1, of what it is at; None where that means nothing.
        size: parameters, or for a counting model the counts it keeps.
        steps: made; None for a counting model.
        seconds: spent on training, or on counting; None before it began.
        train, validation, test: losses; until all is scored, `validation` is the last one of its curve.
        train_scored: how many characters of the training part `train` is the mean of.
        validation_curve: losses over the whole validation part, along the way.
        training_curve: smoothed losses of the batches.
        seconds_to_beat: of training, until a validation came below the bar; None: it has not, or there is no bar,
            which `beating` tells apart.
        beating: whether it can be compared with the bar.
        prompt, sample: what it was to go on from, and how it did; None until it has.
    """

    number: int
    model: str
    name: str
    recipe: str
    counting: bool
    state: State
    why: str = ""
    progress: float | None = None
    size: int | None = None
    steps: int | None = None
    seconds: float | None = None
    train: float | None = None
    validation: float | None = None
    test: float | None = None
    train_scored: int = 0
    validation_curve: Curve = field(default_factory=Curve)
    training_curve: Curve = field(default_factory=Curve)
    seconds_to_beat: float | None = None
    beating: bool = False
    prompt: str = ""
    sample: str | None = None

    @property
    def steps_per_second(self) -> float | None:
        """Over all of its training."""
        return self.steps / self.seconds if self.steps and self.seconds else None

    @property
    def gap(self) -> float | None:
        """The generalisation gap, validation - train, nats per character."""
        if self.train is None or self.validation is None or not math.isfinite(self.train):
            return None
        return self.validation - self.train

    @property
    def headline(self) -> float | None:
        """The loss it is judged by: of the test part, else of validation."""
        return self.validation if self.test is None else self.test

    @property
    def standing(self) -> tuple[bool, float, bool, float, int]:
        """What rows are sorted by: the test loss; where there is none, after those with one, by validation."""
        return (
            self.test is None,
            math.inf if self.test is None else self.test,
            self.validation is None,
            math.inf if self.validation is None else self.validation,
            self.number,
        )


@dataclass(frozen=True, eq=False)
class ScoreboardView:
    """A comparison at one moment.

    Attributes:
        version: grows with every picture taken.
        corpus: the text's name.
        characters: its length.
        vocabulary: V.
        borders: of the splits: (0, train end, validation end, length).
        terms: what is the same for all.
        protocol: how the numbers come about, a sentence each.
        rows: the entrants, the best first.
        bar: the validation loss of the strongest Kneser-Ney, which neural models are to beat; None if there is
            none yet.
        bar_name: which that is.
        unseen: shares of contexts and n-grams that the training part does not have, for n = 1, 2, ...
        unseen_in: the part they are shares of, "test" or "validation"; "" if there is neither.
        paused: whether it waits to be told to go on.
        finished: whether all is done.
        note: what went wrong beside the rows.
    """

    version: int
    corpus: str
    characters: int
    vocabulary: int
    borders: tuple[int, int, int, int]
    terms: Terms
    protocol: tuple[str, ...]
    rows: tuple[Row, ...]
    bar: float | None = None
    bar_name: str = ""
    unseen: tuple[Unseen, ...] = ()
    unseen_in: str = ""
    paused: bool = False
    finished: bool = False
    note: str = ""

    @property
    def judged_by(self) -> str:
        """The part whose loss decides: "test", else "validation", else ""."""
        return held_out(self.borders)[0]


def held_out(borders: tuple[int, int, int, int]) -> tuple[str, int, int]:
    """The part that decides, with its start and end: the test part, else validation, else nothing."""
    _, train, validation, end = borders
    if validation < end:
        return "test", validation, end
    if train < validation:
        return "validation", train, validation
    return "", end, end
