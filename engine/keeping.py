"""Keeper: keeps a run in its folder as it goes: what is measured, a saving now and then, the best if that counts.

Whoever leads the run calls `look` after each piece of work, and `rest` while there is nothing else to do. What
goes wrong with the disk leaves as an error and is remembered as `trouble`; the run is none the worse for it, and
the disk is not asked again before the next saving is due.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from corpora.corpus import Corpus
from engine.live_run import LiveRun
from engine.snapshot import Kept
from engine.training.autosave import Autosave
from engine.training.errors import RunError
from engine.training.recipe import Recipe
from engine.training.run_folder import CHECKPOINT, RunFolder
from engine.training.runs import delete, new_folder
from engine.training.trainer import Trainer

MEASURE_SECONDS = 0.1
"""Seconds from one line of measurements to the next; each validation has one besides."""
REST_SECONDS = 2.0
"""Seconds from one saving to the next for a run that stands: stepping by hand does not wait for the disk."""


class Keeper:
    """Keeps one run.

    Arguments:
        run: the run, which stands as the folder has it if it was resumed from there.
        folder: where it is kept.
        clock: gives the time in seconds; only differences count.

    Attributes:
        folder: the same.
        trouble: why the run could not be kept lately, "" if it could.
    """

    def __init__(self, run: LiveRun, folder: RunFolder, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self.trouble = ""
        self._run, self._clock = run, clock
        self._autosave = Autosave(clock=clock, begun=(folder.path / CHECKPOINT).exists())
        self._measured, self._validated = run.trainer.steps_made, run.validator.last_step
        self._measured_at = self._saved_at = clock()
        self._best = run.stopping.validations.best
        self._saved = self._standing()
        self._file = self._signature()

    @property
    def unsaved(self) -> bool:
        """Whether the run stands elsewhere than it was saved."""
        return self._saved != self._standing()

    def picture(self) -> Kept:
        """Where the run is kept, and how far."""
        step, _, _ = self._saved
        return Kept(self.folder.path, step, self.trouble)

    def look(self) -> None:
        """Keep what has come about since the last look: measurements, the best, the run itself if it is time.

        Raises:
            RunError: if it cannot be written.
        """
        due = self._autosave.due()
        if self.trouble and not due:
            return
        try:
            self._measure(now=False)
            self._keep_best()
        except RunError as error:
            self.trouble = str(error)
            raise
        if due:
            self.save()

    def rest(self) -> bool:
        """Whether the run, which stands, waits to be saved; when its time has come, that is done.

        Raises:
            RunError: if it cannot be written.
        """
        if self.trouble or not self.unsaved:
            return False
        if self._clock() - self._saved_at < REST_SECONDS:
            return True
        self.save()
        return False

    def save(self) -> None:
        """Save the run as it stands.

        Raises:
            RunError: if that fails; what was saved before still stands.
        """
        run = self._run
        self._autosave.restart()
        try:
            self._measure(now=True)
            self.folder.save(run.trainer, run.seconds, run.validator.losses)
        except RunError as error:
            self.trouble = str(error)
            raise
        self.trouble = ""
        self._saved, self._saved_at, self._file = self._standing(), self._clock(), self._signature()

    def went_back(self) -> None:
        """The run went back: forget what was measured later.

        Raises:
            RunError: if that fails.
        """
        self._measured, self._validated = self._run.trainer.steps_made, self._run.validator.last_step
        self._best = self._run.stopping.validations.best
        try:
            self.folder.forget_after(self._measured)
        except RunError as error:
            self.trouble = str(error)
            raise

    def close(self) -> None:
        """Save what is not saved yet, and let others write to the folder.

        Raises:
            RunError: if it cannot be saved.
        """
        try:
            if self.unsaved:
                self.save()
        finally:
            self.folder.close()

    def go_on(self) -> None:
        """Keep the run again after `close`.

        Raises:
            RunError: if the folder is not as it was left, or cannot be written to.
        """
        found = self._signature()
        if found is None and not self.folder.path.exists():
            raise RunError(f"{str(self.folder.path)!r} is gone; keep the run again to have it in a folder")
        if found != self._file:
            raise RunError(f"{str(self.folder.path)!r} has changed since; the run there was left alone")
        self.folder.forget_after(self._run.trainer.steps_made)

    def _standing(self) -> tuple[int, Recipe, int]:
        """All that tells one state of the run from another: it is determined by its recipe and its step."""
        return self._run.trainer.steps_made, self._run.trainer.recipe, self._run.validator.last_step

    def _signature(self) -> tuple[int, int, int] | None:
        """What tells this checkpoint from one that others wrote; None if there is none."""
        try:
            found = (self.folder.path / CHECKPOINT).stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _measure(self, *, now: bool) -> None:
        """Write what is new: a line for the step that was made last, one for a validation of a step before it."""
        run, course = self._run, self._run.trainer
        validated = run.validator.last_step
        fresh = validated > self._validated
        if fresh and validated != course.steps_made:
            self.folder.log({"step": validated, "validation_loss": run.validator.last_loss})
            self._validated, fresh = validated, False
        time_has_come = now or self._clock() - self._measured_at >= MEASURE_SECONDS
        row = course.losses.last
        if row is None or not (fresh or (course.steps_made != self._measured and time_has_come)):
            return
        record: dict[str, float | int | str | None] = {"step": course.steps_made}
        if course.steps_made != self._measured:
            record |= {"loss": row[0], "smoothed": row[1], "seconds": run.seconds, "epoch": course.epochs}
            if isinstance(course, Trainer):
                record |= {"rate": course.last_rate, "gradient_norm": course.gradient_norm}
        if fresh:
            record["validation_loss"] = run.validator.last_loss
        self.folder.log(record)
        self._measured, self._validated = course.steps_made, validated
        self._measured_at = self._clock()

    def _keep_best(self) -> None:
        """Where a run may stop early, what it was at its best counts in the end."""
        run, seen = self._run, self._run.stopping.validations
        stands_there = seen.best_step == run.trainer.steps_made
        if run.trainer.recipe.patience and seen.best != self._best and stands_there:
            self.folder.save(run.trainer, run.seconds, run.validator.losses, best=True)
            self._best = seen.best


def keep(run: LiveRun, folder: Path | None, clock: Callable[[], float] = time.monotonic) -> Keeper:
    """Begin to keep a run, and save it.

    Arguments:
        run: the run; its keeper is the one that is returned.
        folder: empty or not there yet; None for a new one where runs are kept.
        clock: as for `Keeper`.
    Raises:
        RunError: if that fails; nothing is left of it, and the run is as it was.
    """
    recipe, corpus = run.trainer.recipe, run.trainer.corpus
    made = new_folder(recipe, corpus) if folder is None else RunFolder.create(folder, recipe, corpus)
    keeper = Keeper(run, made, clock)
    try:
        keeper.save()
    except RunError:
        made.close()
        with contextlib.suppress(RunError):  # why it could not be saved is what counts
            delete(made.path)
        raise
    run.keeper = keeper
    return keeper


def resume(
    folder: Path, corpus: Corpus, rewind_budget: int, clock: Callable[[], float] = time.monotonic
) -> LiveRun:
    """Go on with the run that is kept in a folder, and keep it there.

    Arguments:
        folder: the run's.
        corpus: its text.
        rewind_budget: bytes for the memory of the past.
        clock: as for `Keeper`.
    Raises:
        RunError, RecipeError: as `RunFolder.resume` does.
    """
    kept = RunFolder.open(folder)
    resumed = kept.resume(lambda name: corpus, rewind_budget=rewind_budget)
    run = LiveRun(resumed.course, resumed.seconds, resumed.validations)
    run.keeper = Keeper(run, kept, clock)
    return run
