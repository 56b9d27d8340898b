"""Validator: the validation loss of a run, computed beside it in pieces and within a share of its time."""

from __future__ import annotations

import time

from engine.models.catalog import build
from engine.models.language_model import LanguageModel
from engine.training.course import Course
from engine.training.evaluation import Evaluation
from engine.training.history import LossHistory
from engine.training.stopping import VALIDATION_COLUMNS, Stopping, Validations

SHARE = 0.1
"""Most of a running run's time that validation may take, unless the recipe says at which steps it is due."""
VALIDATIONS_KEPT = 2048


class Validator:
    """Validates one run.

    Arguments:
        course: the run.
        stopping: is told of each validation.
        losses: the course of the validations so far, rows of `Validations`; None for none.
        trained: seconds the run was trained before; validation may take its share of what comes after.

    Attributes:
        losses: the validation losses so far, nats per character, by step, each with what was remembered then.
    """

    def __init__(
        self, course: Course, stopping: Stopping, losses: LossHistory | None = None, trained: float = 0.0
    ) -> None:
        if losses is None:
            losses = LossHistory(VALIDATION_COLUMNS, capacity=VALIDATIONS_KEPT)
        self.losses = losses
        self._course, self._stopping = course, stopping
        self._recall()
        self._evaluation: Evaluation | None = None
        self._replica: LanguageModel | None = None
        self._begun_at = self.last_step  # the step validated last, or being validated
        self._seconds, self._trained = 0.0, trained

    @property
    def owed(self) -> bool:
        """Whether this very step has to be validated before the next, and that is not done.

        The recipe may say at which steps; and where it has patience, what is validated must be the run as it
        stands, so that the best can be kept: a validation that has begun is then waited for.
        """
        recipe, step = self._course.recipe, self._course.steps_made
        if not self._possible or not step or self.last_step == step:
            return False
        begun = self._evaluation is not None and self._evaluation.step == step
        return (recipe.validate_every > 0 and step % recipe.validate_every == 0) or (
            recipe.patience > 0 and begun
        )

    @property
    def last_step(self) -> int:
        """The step that was validated last, -1 if none was."""
        steps = self.losses.steps()
        return int(steps[-1]) if len(steps) else -1

    @property
    def last_loss(self) -> float | None:
        """What came of it, nats per character."""
        column = self.losses.column(0)
        return float(column[-1]) if len(column) else None

    def due(self, training_seconds: float | None) -> bool:
        """Whether there is something to validate, and the run can spare the time.

        Arguments:
            training_seconds: how long it has trained, None while it stands.
        """
        if self.owed:
            return True
        course = self._course
        if course.steps_made == 0 or not self._possible:
            return False
        if training_seconds is not None and (
            course.recipe.validate_every or self._seconds > SHARE * (training_seconds - self._trained)
        ):
            return False
        return self._evaluation is not None or self._begun_at != course.steps_made

    def advance(self) -> None:
        """Score one piece of the validation split, as the model stood when that began."""
        begun = time.perf_counter()
        course = self._course
        if self._evaluation is not None and self.owed and self._evaluation.step != course.steps_made:
            self._evaluation = None  # begun earlier, for want of anything better to do
        if self._evaluation is None:
            if self._replica is None:
                self._replica = build(course.recipe, course.corpus.vocabulary.characters)
            _, start, stop, _ = course.borders
            self._begun_at = course.steps_made
            self._evaluation = Evaluation(
                self._replica, course.model, course.corpus.ids, start, stop, course.steps_made
            )
        loss = self._evaluation.advance()
        if loss is not None:
            self._stopping.validated(self._evaluation.step, loss)
            self.losses.append(self._evaluation.step, *self._stopping.validations.row)
            self._evaluation = None
        self._seconds += time.perf_counter() - begun

    def stop(self, *, failed: bool = False) -> None:
        """Give up the evaluation under way, and those of steps that are no more, or that it `failed` at."""
        self._evaluation = None
        self.losses.truncate(self._course.steps_made)
        self._recall()
        self._begun_at = self._course.steps_made if failed else self.last_step

    def _recall(self) -> None:
        """Remember the validations that there were, and no others."""
        row = self.losses.last
        self._stopping.validations = Validations() if row is None else Validations.from_row(row)

    @property
    def _possible(self) -> bool:
        _, start, stop, _ = self._course.borders
        return start < stop
