"""LiveRun: one run and what is watched of it: the trace, the validation loss, the expected next character."""

from __future__ import annotations

import time

import numpy as np

from corpora.corpus import Corpus
from engine.models.catalog import build
from engine.models.language_model import GradientModel
from engine.sampling import UnknownPolicy, prepare_prompt
from engine.snapshot import Losses, NextCharacter
from engine.training.evaluation import Evaluation
from engine.training.history import LossHistory
from engine.training.recipe import Recipe
from engine.training.trace import Tracer, example_of, parameter_table
from engine.training.trainer import Trainer

EVALUATION_SHARE = 0.1
"""Most of a running run's time that validation may take."""
VALIDATIONS_KEPT = 2048
SPEED_WINDOW = 0.5
"""Seconds over which steps are counted."""


class LiveRun:
    """A trainer with its observers.

    Arguments:
        recipe, corpus, rewind_budget: as for `Trainer`, whose errors it passes on.
    """

    def __init__(self, recipe: Recipe, corpus: Corpus, rewind_budget: int) -> None:
        self.trainer = Trainer(recipe, corpus, rewind_budget=rewind_budget)
        self.tracer = Tracer(self.trainer)
        self.table = parameter_table(self.trainer)
        self.seconds = 0.0
        self.steps_per_second: float | None = None
        self.question: str | None = None
        self.validations = LossHistory(columns=1, capacity=VALIDATIONS_KEPT)
        self._evaluation: Evaluation | None = None
        self._evaluator: GradientModel | None = None
        self._validated = -1  # the step validated last, or being validated
        self._validating_seconds = 0.0
        self._window = (0.0, 0)  # when the speed's window began, and at which step

    # Training.

    def train(self, deadline: float, last: int | None) -> None:
        """Make whole steps until the clock (`time.perf_counter`) passes `deadline` or step `last` is made.

        Raises:
            Diverged: as the trainer does.
        """
        begun = time.perf_counter()
        step = self.trainer.step
        self.tracer.forget()
        try:
            while (last is None or self.trainer.steps_made < last) and time.perf_counter() < deadline:
                step()
        finally:
            now = time.perf_counter()
            self.seconds += now - begun
            self._measure(now)

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
        self.stop_evaluation()
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

    # Validation.

    def validation_due(self, running: bool) -> bool:
        """Whether there is something to validate, and the run can spare the time."""
        trainer = self.trainer
        if trainer.borders[1] == trainer.borders[2] or trainer.steps_made == 0:
            return False
        if running and self._validating_seconds > EVALUATION_SHARE * self.seconds:
            return False
        return self._evaluation is not None or self._validated != trainer.steps_made

    def validate(self) -> None:
        """Score one slice of the validation split, with the parameters of the step at which that began."""
        begun = time.perf_counter()
        trainer = self.trainer
        if self._evaluation is None:
            if self._evaluator is None:
                self._evaluator = self.replica()
            _, start, stop, _ = trainer.borders
            self._validated = trainer.steps_made
            self._evaluation = Evaluation(
                self._evaluator, trainer.model, trainer.corpus.ids, start, stop, trainer.steps_made
            )
        loss = self._evaluation.advance()
        if loss is not None:
            self.validations.append(self._evaluation.step, loss)
            self._evaluation = None
        self._validating_seconds += time.perf_counter() - begun

    def stop_evaluation(self, *, failed: bool = False) -> None:
        """Give up the evaluation under way, and those of steps that are no more, or that it `failed` at."""
        self._evaluation = None
        self.validations.truncate(self.trainer.steps_made)
        self._validated = self.trainer.steps_made if failed else self._last_validation()

    def _last_validation(self) -> int:
        steps = self.validations.steps()
        return int(steps[-1]) if len(steps) else -1

    # What is looked at.

    def replica(self) -> GradientModel:
        """A model of the same shape, for whoever needs one that stands still."""
        return build(self.trainer.recipe, self.trainer.corpus.vocabulary.characters)

    def losses(self) -> Losses:
        """The course of the losses so far, copied."""
        history = self.trainer.losses
        return Losses(
            history.steps(),
            history.column(0),
            history.column(1),
            self.validations.steps(),
            self.validations.column(0),
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
