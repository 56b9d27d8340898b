"""When a run should stop, and why, in words.

A `StopRule` is what was chosen; a `Stopping` keeps what it has to remember, the best validation so far. It is told
of validations and asked after steps; it stops nothing itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.training.history import LossHistory

VALIDATION_COLUMNS = 4
"""Numbers in a row of the course of the validation loss: `Validations.row`."""


@dataclass(frozen=True, kw_only=True)
class StopRule:
    """The conditions, any of which is enough; 0 leaves one out.

    Attributes:
        steps: steps made.
        seconds: seconds spent on training.
        target: a loss to reach, in nats per character: of validation where there is any, else the smoothed one of
            training.
        patience: validations in a row without improvement.
        min_delta: what counts as one: nats by which the best loss so far must be beaten.
    Raises:
        ValueError: if a number is below 0 or not finite.
    """

    steps: int = 0
    seconds: float = 0.0
    target: float = 0.0
    patience: int = 0
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} is {value}; choose 0 (off) or a finite number above it")


@dataclass(frozen=True)
class Validations:
    """What is remembered of the validations so far.

    Attributes:
        last: the latest loss, None before the first.
        best: the lowest loss that counted as an improvement, None before the first finite one.
        best_step: the step it belongs to.
        waited: validations since then.
    """

    last: float | None = None
    best: float | None = None
    best_step: int = 0
    waited: int = 0

    @property
    def row(self) -> tuple[float, ...]:
        """The same as numbers, NaN for None: kept with each validation, it is the whole past of any later one.

        Going back into the older half of a history, which is thinned, may find the row of an earlier validation.
        """
        unknown = math.nan
        last, best = (unknown if loss is None else loss for loss in (self.last, self.best))
        return last, best, self.best_step, self.waited

    @classmethod
    def from_row(cls, row: Sequence[float]) -> Validations:
        """What was remembered after a validation, from its row."""
        last, best, best_step, waited = row
        return cls(last, None if math.isnan(best) else best, int(best_step), int(waited))


class Stopping:
    """A rule at work.

    Attributes:
        rule: the conditions; may be exchanged at any time.
        validations: the whole of what it remembers, immutable: copy it by keeping it, go back by assigning it.
    """

    def __init__(self, rule: StopRule) -> None:
        self.rule = rule
        self.validations = Validations()

    def validated(self, step: int, loss: float) -> None:
        """Take note of a validation: the step its parameters belong to, and its mean in nats per character.

        A loss that is not a number is no improvement.
        """
        best = self.validations.best
        if math.isfinite(loss) and (best is None or loss < best - self.rule.min_delta):
            self.validations = Validations(loss, loss, step)
        else:
            self.validations = replace(self.validations, last=loss, waited=self.validations.waited + 1)

    def reason(self, steps: int, seconds: float, training_loss: float) -> str | None:
        """Why the run should stop now, in words, or None.

        Arguments:
            steps: steps made.
            seconds: spent on training.
            training_loss: smoothed, in nats per character; NaN before the first step.
        """
        rule, seen = self.rule, self.validations
        if rule.steps and steps >= rule.steps:
            return f"{rule.steps:,} steps are made"
        if rule.seconds and seconds >= rule.seconds:
            return f"{rule.seconds:g} seconds of training are over"
        kind, loss = ("training", training_loss) if seen.last is None else ("validation", seen.last)
        if rule.target and loss <= rule.target:
            return f"the {kind} loss is {loss:.4g}, down to the target of {rule.target:g}"
        if rule.patience and seen.waited >= rule.patience:
            best = (
                "none was finite" if seen.best is None else f"best {seen.best:.4g} at step {seen.best_step:,}"
            )
            return f"no better validation loss in {seen.waited} validations ({best})"
        return None


def with_memory(losses: LossHistory) -> LossHistory:
    """A course of validation losses alone, as rows of `Validations`: what would be remembered after each."""
    stopping, rows = Stopping(StopRule()), LossHistory(VALIDATION_COLUMNS)
    for step, loss in zip(losses.steps().tolist(), losses.column(0).tolist(), strict=True):
        stopping.validated(step, loss)
        rows.append(step, *stopping.validations.row)
    return rows
