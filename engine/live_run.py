"""LiveRun: one run and what is watched of it: the trace, the validation loss, the expected next character."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from engine.models.catalog import build
from engine.models.language_model import GradientModel, LanguageModel
from engine.sampling import UnknownPolicy, prepare_prompt
from engine.snapshot import Losses, NextCharacter
from engine.training.beginning import watch
from engine.training.course import Course
from engine.training.history import LossHistory
from engine.training.recipe import Recipe
from engine.training.stopping import Stopping, StopRule
from engine.training.trace import example_of
from engine.validating import Validator

if TYPE_CHECKING:
    from engine.keeping import Keeper

SPEED_WINDOW = 0.5
"""Seconds over which steps are counted."""


def stop_rule(recipe: Recipe) -> StopRule:
    """The stop conditions of a recipe."""
    return StopRule(
        steps=recipe.stop_steps,
        seconds=recipe.stop_seconds,
        target=recipe.stop_loss,
        patience=recipe.patience,
    )


class LiveRun:
    """A run with its observers.

    Arguments:
        course: the run, fresh or resumed.
        seconds: trained so far.
        validations: the course of its validation loss so far, rows of `Validations`.

    Attributes:
        keeper: keeps it in a folder, if somebody does.
    """

    def __init__(self, course: Course, seconds: float = 0.0, validations: LossHistory | None = None) -> None:
        self.trainer, self.tracer = course, watch(course)
        model = course.model
        self.formulas = tuple(model.formulas().items()) if isinstance(model, GradientModel) else ()
        self.stopping = Stopping(stop_rule(course.recipe))
        self.validator = Validator(course, self.stopping, validations, seconds)
        self.seconds = seconds
        self.steps_per_second: float | None = None
        self.question: str | None = None
        self.keeper: Keeper | None = None
        self._window = (0.0, 0)  # when the speed's window began, and at which step

    # Training.

    def train(self, deadline: float, last: int | None) -> None:
        """Make whole steps until the clock (`time.perf_counter`) passes `deadline` or step `last` is made.

        It also ends where the recipe wants a validation before the next step, and where there is no further one.

        Raises:
            Diverged: as the trainer does.
        """
        begun = time.perf_counter()
        trainer, step = self.trainer, self.trainer.step
        last = self._last_before_a_pause(last)
        self.tracer.forget()
        try:
            while (last is None or trainer.steps_made < last) and time.perf_counter() < deadline:
                if trainer.finished:
                    break
                step()
        finally:
            now = time.perf_counter()
            self.seconds += now - begun
            self._measure(now)

    def why_stop(self) -> str | None:
        """Why training should stop here, in words; None if it should go on."""
        trainer = self.trainer
        smoothed = trainer.losses.last
        return trainer.finished or self.stopping.reason(
            trainer.steps_made, self.seconds, math.nan if smoothed is None else smoothed[1]
        )

    def validate(self) -> None:
        """Score a piece of the validation split."""
        self.validator.advance()

    def _last_before_a_pause(self, last: int | None) -> int | None:
        """The step at which something else is to be done first."""
        made, recipe = self.trainer.steps_made, self.trainer.recipe
        borders = [] if last is None else [last]
        if self.validator.owed:
            borders.append(made)
        elif recipe.validate_every:
            borders.append((made // recipe.validate_every + 1) * recipe.validate_every)
        if self.stopping.rule.steps:
            borders.append(self.stopping.rule.steps)
        return min(borders, default=None)

    def finish_step(self) -> None:
        """Do what is left of the step under way, or a whole one, and keep its trace."""
        begun = time.perf_counter()
        self.tracer.finish_step()
        self.seconds += time.perf_counter() - begun

    def rewind(self, steps: int) -> int:
        """Go back, and show the step one then stands at as it was; returns how many steps it were.

        A step under way counts as one: going back by one abandons it.
        """
        under_way = self.trainer.phase is not None
        self.tracer.forget()
        wanted = steps - under_way
        reached = self.trainer.rewind(wanted)
        if reached == wanted and self.trainer.rewind(1):
            self.tracer.finish_step()  # the same step again, watched
        self.validator.stop()
        return reached + under_way

    def start_clock(self) -> None:
        """The run begins to run: count its speed from here."""
        self._window = (time.perf_counter(), self.trainer.steps_made)

    def stop_clock(self) -> None:
        """The run stands: it has no speed."""
        self.steps_per_second = None

    def _measure(self, now: float) -> None:
        since, step = self._window
        if now - since >= SPEED_WINDOW:
            self.steps_per_second = (self.trainer.steps_made - step) / (now - since)
            self._window = (now, self.trainer.steps_made)

    # What is looked at.

    def replica(self) -> LanguageModel:
        """A model of the same shape, for whoever needs one that stands still."""
        return build(self.trainer.recipe, self.trainer.corpus.vocabulary.characters)

    def losses(self) -> Losses:
        """The course of the losses so far, copied."""
        history = self.trainer.losses
        return Losses(
            history.steps(),
            history.column(0),
            history.column(1),
            self.validator.losses.steps(),
            self.validator.losses.column(0),
        )

    def next_character(self) -> NextCharacter:
        """What the model expects after the typed context, else after that of the current example."""
        trainer = self.trainer
        characters, needed = trainer.corpus.vocabulary.characters, trainer.model.context_needed
        target: int | None = None
        note = ""
        if self.question is not None:
            prompt = prepare_prompt(self.question, characters, needed, UnknownPolicy.REPLACE)
            seen = trainer.model.context_seen
            ids = prompt.ids if seen is None else prompt.ids[max(0, len(prompt.ids) - seen) :]
            note = prompt.note
        elif trainer.batch is not None:
            example = example_of(trainer.batch)
            ids, target = list(example.context), example.target
        else:
            context = trainer.recipe.context
            ids, target = trainer.corpus.ids[:context].tolist(), int(trainer.corpus.ids[context])
        logits = trainer.model.logits(np.array(ids, dtype=trainer.corpus.ids.dtype))
        return NextCharacter(tuple(ids), logits.astype(np.float64), target, note)
