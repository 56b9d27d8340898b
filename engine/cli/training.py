"""Training without a screen: a run is led to its end, measured, saved now and then, and scored at last."""

from __future__ import annotations

import time
from dataclasses import dataclass

from engine.cli.interrupts import Interrupts
from engine.cli.progress import Progress
from engine.keeping import Keeper
from engine.live_run import LiveRun
from engine.training.divergence import Diverged
from engine.training.rules import COUNTING
from engine.training.run_folder import RunFolder

SLICE_SECONDS = 0.1
"""How long training goes on before the next look at signals, the clock and the validation."""


@dataclass(frozen=True)
class Ending:
    """How training ended.

    Attributes:
        reason: in words.
        interrupted: whether a signal ended it.
    """

    reason: str
    interrupted: bool


class Training:
    """Leads one run to its end.

    Arguments:
        run: the run, fresh or resumed.
        folder: where it is kept; locked by this process.
        progress, interrupts: how it is told of, and how it is ended early.
    """

    def __init__(self, run: LiveRun, folder: RunFolder, progress: Progress, interrupts: Interrupts) -> None:
        self._run, self._keeper = run, Keeper(run, folder)
        self._progress, self._interrupts = progress, interrupts

    def lead(self) -> Ending:
        """Train until a stop condition holds or a signal comes; the run is saved then.

        Raises:
            Diverged: as the trainer does; the run is saved as it was before the step that failed.
            SaveError: if the run cannot be saved.
        """
        self._progress.begin()
        self._run.start_clock()
        try:
            while True:
                if self._interrupts.received is not None:
                    ending = Ending(f"stopped by {self._interrupts.received.name}", interrupted=True)
                    break
                reason = None if self._run.validator.owed else self._run.why_stop()
                if reason is not None:
                    ending = Ending(reason, interrupted=False)
                    break
                self._work()
        except Diverged:
            self._keeper.save()
            raise
        except BaseException:  # a second signal may have come in the middle of an update
            self._run.trainer.recover()
            self._keeper.save()
            raise
        self._keeper.save()
        self._say(last=True)
        return ending

    def _work(self) -> None:
        """A slice of training or validation, and what is due after it."""
        run = self._run
        if run.validator.owed:
            run.validate()
        else:
            run.train(time.perf_counter() + SLICE_SECONDS, None)
            if not run.validator.owed and run.validator.due(run.seconds):
                run.validate()
        self._keeper.look()
        self._say()

    def _say(self, *, last: bool = False) -> None:
        run, course = self._run, self._run.trainer
        row, validation = course.losses.last, run.validator.last_loss
        words = [f"step {course.steps_made:,}"]
        words += [] if row is None else [f"loss {row[1]:.4f}"]
        words += [] if validation is None else [f"validation {validation:.4f}"]
        words += [] if run.steps_per_second is None else [f"{run.steps_per_second:,.0f} steps/s"]
        self._progress.show(", ".join(words), share_done(run), last=last)


def share_done(run: LiveRun) -> float | None:
    """How much of a run is done, as far as its stop conditions tell; None if they do not."""
    course, rule = run.trainer, run.stopping.rule
    shares = [course.epochs] if course.recipe.model in COUNTING else []
    shares += [course.steps_made / rule.steps] if rule.steps else []
    shares += [run.seconds / rule.seconds] if rule.seconds else []
    return min(max(shares), 1.0) if shares else None
