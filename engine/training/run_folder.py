"""A run's folder: all that is needed to go on with it later, elsewhere, or after the machine went down.

    recipe.toml              every choice, with the text's name or path and its fingerprint
    checkpoint.safetensors   where the run stands; missing before the first saving, and with a model that is made
                             anew from its text each time
    best.safetensors         where its validation loss was lowest, if anybody asked
    metrics.jsonl            what was measured on the way
    text.txt                 the text, where neither a name nor a path would bring it back
    run.lock                 whoever writes holds it

The checkpoint is the truth: it is replaced whole or not at all, and resuming brings the rest in line with it.
Reading needs no lock, so a run can be scored while it goes on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from corpora.corpus import Corpus
from engine.training.atomic import part_of, save_error, write_atomically
from engine.training.beginning import begin
from engine.training.checkpoint import Checkpoint, expect_text
from engine.training.course import Course
from engine.training.errors import RunError
from engine.training.folder_lock import FolderLock
from engine.training.history import LossHistory
from engine.training.kept_text import comes_back, keep, name_in_recipe, read_kept
from engine.training.metrics import Metrics, Record
from engine.training.recipe import Recipe
from engine.training.rewind import BUDGET
from engine.training.rules import RecipeError
from engine.training.stopping import VALIDATION_COLUMNS

RECIPE, CHECKPOINT, BEST = "recipe.toml", "checkpoint.safetensors", "best.safetensors"
METRICS, TEXT, LOCK = "metrics.jsonl", "text.txt", "run.lock"
_CONTENT = (RECIPE, CHECKPOINT, BEST, METRICS, TEXT)
FILES = (*_CONTENT, *(part_of(Path(name)).name for name in _CONTENT), LOCK)
"""Every name that a run may leave in its folder."""

LoadCorpus = Callable[[str], Corpus]
"""Brings a text by the name or the absolute path that stands in a recipe."""


@dataclass(frozen=True)
class Resumed:
    """A run as it was saved.

    Attributes:
        course: ready for the next step.
        seconds: trained so far.
        validations: the course of the validation loss, rows of `Validations`.
    """

    course: Course
    seconds: float
    validations: LossHistory


class RunFolder:
    """One run's folder; `create` makes one, `open` finds one.

    Whoever writes (`save`, `log`, `resume`) locks it until `close`, or the end of a `with`.

    Attributes:
        path: the folder, absolute.
        recipe: what its recipe.toml says.
    """

    def __init__(self, path: Path, recipe: Recipe, lock: FolderLock | None = None) -> None:
        self.path = path
        self.recipe = recipe
        self._lock = lock
        self._metrics = Metrics(path / METRICS)

    @classmethod
    def create(cls, path: str | os.PathLike[str], recipe: Recipe, corpus: Corpus) -> RunFolder:
        """Make a folder, with those above it, for a run that is about to begin; it is locked.

        Raises:
            RunError: if it holds a run or anything else already, or cannot be written to.
        """
        folder = Path(path).expanduser().absolute()
        lock = lock_empty(folder)
        try:
            if not comes_back(corpus):
                keep(corpus, folder / TEXT)
            recipe = recipe.with_values(corpus=name_in_recipe(corpus), fingerprint=corpus.fingerprint)
            write_atomically(folder / RECIPE, recipe.to_toml().encode())
        except BaseException:
            lock.release()
            raise
        return cls(folder, recipe, lock)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> RunFolder:
        """The run in a folder, for reading until it is written to.

        Raises:
            RunError: if there is none.
        """
        folder = Path(path).expanduser().absolute()
        return cls(folder, read_recipe(folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let others write."""
        self._metrics.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    # Writing.

    def save(
        self, course: Course, seconds: float, validations: LossHistory | None = None, *, best: bool = False
    ) -> None:
        """Keep the run as it stands, in place of what was kept before; of a step under way, as it stood before it.

        Not for a signal handler, which may interrupt another saving: raise a flag there, and save after the step.

        Arguments:
            course: the run.
            seconds: trained so far.
            validations: the course of its validation loss, rows of `Validations`.
            best: keep it beside, as the one with the lowest validation loss.
        Raises:
            SaveError: if that fails; what was kept before still is.
            BusyError: if another process writes here.
            RunError: if the run's text is not this folder's.
        """
        if course.corpus.fingerprint != self.recipe.fingerprint:
            raise RunError(
                f"{str(self.path)!r} holds a run on another text than {course.corpus.name!r}; "
                "choose another folder"
            )
        self._claim()
        self._metrics.sync()  # a checkpoint never stands further than the measurements before it
        recipe = course.recipe.with_values(corpus=self.recipe.corpus, fingerprint=self.recipe.fingerprint)
        checkpoint = Checkpoint.of(course, seconds, validations, recipe=recipe)
        checkpoint.save(self.path / (BEST if best else CHECKPOINT))
        if not best:
            self._write_recipe(recipe)

    def log(self, record: Record) -> None:
        """Add a line to the measurements: "step", and whatever was measured.

        Raises:
            SaveError: if that fails.
            BusyError: if another process writes here.
        """
        self._claim()
        self._metrics.append(record)

    def forget_after(self, step: int) -> None:
        """Drop the measurements after `step`: the run went back to it.

        Raises:
            SaveError: if that fails.
            BusyError: if another process writes here.
        """
        self._claim()
        self._metrics.forget_after(step)

    def resume(self, load_corpus: LoadCorpus, *, rewind_budget: int = BUDGET) -> Resumed:
        """The run where it was saved last, or at its beginning if it never was; the folder is locked.

        Measurements made after that are dropped, since they will be made again.

        Arguments:
            load_corpus: brings the text that the recipe names; not asked where the text is kept here.
            rewind_budget: as for `begin`.
        Raises:
            CheckpointError: if what is saved cannot be used.
            BusyError: if another process writes here.
            SaveError: if the folder cannot be written to.
            CorpusError, RecipeError: if the text cannot be had, or no run can begin on it.
        """
        held = self._lock is not None
        self._claim()
        try:
            resumed = self.load(load_corpus, rewind_budget=rewind_budget)
            self._metrics.forget_after(resumed.course.steps_made)
            self._write_recipe(resumed.course.recipe)
        except BaseException:
            if not held:
                self.close()
            raise
        return resumed

    # Reading.

    def load(self, load_corpus: LoadCorpus, *, best: bool = False, rewind_budget: int = BUDGET) -> Resumed:
        """As `resume`, but only to look at: nothing is locked or written.

        Arguments:
            best: the one with the lowest validation loss instead of the last.
        Raises:
            CheckpointError, CorpusError, RecipeError: as for `resume`.
        """
        path = self.path / (BEST if best else CHECKPOINT)
        if not best and not path.exists():
            fresh = begin(self.recipe, self.corpus(load_corpus), rewind_budget)
            return Resumed(fresh, 0.0, LossHistory(VALIDATION_COLUMNS))
        checkpoint = Checkpoint.load(path)  # first: it takes less than bringing a text, and may refuse
        course = checkpoint.course(self.corpus(load_corpus), rewind_budget=rewind_budget)
        return Resumed(course, checkpoint.header.seconds, checkpoint.validations())

    def corpus(self, load_corpus: LoadCorpus) -> Corpus:
        """The run's text.

        Raises:
            CheckpointError: if it is not the text of the beginning.
            CorpusError: as `load_corpus` raises it.
        """
        kept = self.path / TEXT
        corpus = read_kept(kept, self.recipe.corpus) if kept.exists() else load_corpus(self.recipe.corpus)
        expect_text(self.recipe.fingerprint, corpus, f"the run in {str(self.path)!r}")
        return corpus

    def records(self) -> list[Record]:
        """All measurements, in the order in which they were made."""
        return list(self._metrics.records())

    def _claim(self) -> None:
        if self._lock is None:
            self._lock = FolderLock(self.path / LOCK)

    def _write_recipe(self, recipe: Recipe) -> None:
        if recipe != self.recipe:
            write_atomically(self.path / RECIPE, recipe.to_toml().encode())
            self.recipe = recipe


def read_recipe(folder: Path) -> Recipe:
    """The recipe that makes a folder a run's.

    Raises:
        RunError: if there is none, or it cannot be read.
    """
    path = folder / RECIPE
    try:
        is_folder, has_recipe = folder.is_dir(), path.is_file()
    except OSError as error:
        raise RunError(f"{str(folder)!r} cannot be opened: {error.strerror or error}") from error
    if not is_folder:
        raise RunError(f"there is no folder {str(folder)!r}; check the spelling")
    if not has_recipe:
        raise RunError(f"{str(folder)!r} holds no run: there is no {RECIPE} in it; choose another folder")
    try:
        recipe = Recipe.from_toml(path.read_bytes().decode())
    except (OSError, UnicodeDecodeError, RecipeError) as error:
        raise RunError(f"{str(path)!r} cannot be used: {error}; put a copy of it in its place") from error
    if not recipe.fingerprint:
        raise RunError(f"{str(path)!r} is no run's recipe: it has no fingerprint; choose another folder")
    return recipe


def lock_empty(folder: Path) -> FolderLock:
    """Make a folder, with those above it, and lock it; it may hold what an unfinished beginning left there.

    Raises:
        RunError: if it holds a run or anything else.
        SaveError: if it cannot be made.
        BusyError: if another process just begins a run there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise save_error(folder, error) from error
    _expect_empty(folder)
    lock = FolderLock(folder / LOCK)
    try:
        _expect_empty(folder)  # somebody may have been quicker
    except RunError:
        lock.release()
        raise
    return lock


def _expect_empty(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    if RECIPE in names:
        raise RunError(f"{str(folder)!r} holds a run already; resume it, or choose another folder")
    others = sorted(names - {*FILES}) if LOCK in names else sorted(names)
    if others:
        raise RunError(
            f"{str(folder)!r} is not empty: there is {others[0]!r}; choose a folder that is empty or does not exist"
        )
