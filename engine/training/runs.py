"""All runs that are kept: where they are, what each is, and how to copy or remove one."""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from corpora.corpus import Corpus
from engine.training.atomic import save_error, write_atomically
from engine.training.checkpoint import Checkpoint, read_header
from engine.training.errors import RunError, SaveError
from engine.training.folder_lock import FolderLock
from engine.training.kept_text import name_in_recipe
from engine.training.metrics import Metrics
from engine.training.recipe import Recipe
from engine.training.run_folder import (
    BEST,
    CHECKPOINT,
    FILES,
    LOCK,
    METRICS,
    RECIPE,
    TEXT,
    RunFolder,
    lock_empty,
    read_recipe,
)

PLACE = "CHARLM_RUNS"
"""The environment variable that names another folder for runs."""


@dataclass(frozen=True)
class RunSummary:
    """What a list of runs shows of one; its arrays were neither read nor checked.

    Attributes:
        path: its folder.
        recipe: its recipe, None if that cannot be read.
        step: steps made; 0 before the first saving.
        train_loss: smoothed, nats per character, None if there is none.
        validation_loss: the last one, nats per character, None if there is none.
        seconds: trained so far.
        saved: when, in seconds since 1970.
        trouble: why it cannot be gone on with, empty if nothing is known against it.
    """

    path: Path
    recipe: Recipe | None
    step: int = 0
    train_loss: float | None = None
    validation_loss: float | None = None
    seconds: float = 0.0
    saved: float = 0.0
    trouble: str = ""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name


def default_folder() -> Path:
    """Where runs are kept unless somebody says otherwise.

    Raises:
        RunError: if it is said to be in a home of nobody.
    """
    chosen = os.environ.get(PLACE)
    if not chosen:
        return platformdirs.user_data_path("charlm") / "runs"
    try:
        return Path(chosen).expanduser()
    except RuntimeError as error:
        raise RunError(f"{PLACE}={chosen!r}: {error}") from error


def find(word: str) -> Path:
    """The folder of a kept run, given its path or, where runs are kept, its name alone.

    Raises:
        RunError: if it is a name that no run has.
    """
    folder = Path(word)
    if folder.name != word:  # "./name" is a path
        return folder
    here = default_folder() / word
    try:
        if not _may_be_run(folder) and _may_be_run(here):
            return here
        if folder.exists():
            return folder
    except OSError:  # nothing can have this name, and opening it will say so
        return folder
    raise RunError(f"there is no run {word!r}, neither here nor in {here.parent}; `charlm runs` lists them")


def unused_path(folder: Path, recipe: Recipe) -> Path:
    """A path in `folder` for a new run, named after its text and model: "names-mlp", "names-mlp-2"."""
    text = re.sub(r"[^\w-]+", "-", Path(recipe.corpus).stem).strip("-")[:40] or "text"
    name = f"{text}-{recipe.model}"
    others = (f"{name}-{number}" for number in itertools.count(2))
    return next(path for path in map(folder.joinpath, itertools.chain([name], others)) if not path.exists())


def new_folder(recipe: Recipe, corpus: Corpus) -> RunFolder:
    """A folder for a new run where runs are kept, under the next free name; it is locked.

    Raises:
        RunError: if none can be made.
    """
    named = recipe.with_values(corpus=name_in_recipe(corpus))
    while True:
        path = unused_path(default_folder(), named)
        try:
            return RunFolder.create(path, recipe, corpus)
        except SaveError:
            raise
        except RunError:
            if not path.exists():
                raise  # else another process was quicker, and has this name now


def list_runs(folder: Path) -> tuple[RunSummary, ...]:
    """The runs in a folder, those saved last first.

    Raises:
        RunError: if the folder cannot be read; one that does not exist holds no runs.
    """
    try:
        paths = [path for path in folder.iterdir() if _may_be_run(path)]
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise RunError(f"{str(folder)!r} cannot be read: {error.strerror or error}") from error
    return tuple(sorted(map(summary, paths), key=lambda run: (-run.saved, run.name)))


def summary(path: Path) -> RunSummary:
    """What a list shows of the run in a folder; whatever is wrong with it stands in `trouble`."""
    recipe: Recipe | None = None
    try:
        recipe = read_recipe(path)
        kept = path / CHECKPOINT
        if not kept.exists():
            return RunSummary(path, recipe, saved=_changed(path / RECIPE))
        header = read_header(kept)
    except RunError as error:
        return RunSummary(path, recipe, saved=_changed(path), trouble=str(error))
    return RunSummary(
        path,
        header.recipe,
        header.step,
        header.train_loss,
        header.validation_loss,
        header.seconds,
        _changed(kept),
    )


def fork(source: Path, destination: Path, step: int | None = None) -> RunFolder:
    """A copy of a run in a folder of its own, to go on differently.

    Arguments:
        source: the run's folder.
        destination: the new one, empty or not there yet.
        step: where the copy is to stand: 0, or a step at which the run was kept; None: where it was saved last.
    Raises:
        RunError: if the run cannot be read, was not kept at that step, or the new folder is not empty.
        SaveError: if that cannot be written to.
    """
    run = RunFolder.open(source)
    checkpoint = _kept_at(run.path, step)
    text = run.path / TEXT
    destination = destination.expanduser().absolute()
    lock = lock_empty(destination)
    try:
        if text.exists():
            write_atomically(destination / TEXT, text.read_bytes())
        if checkpoint is not None:
            checkpoint.save(destination / CHECKPOINT)
            best = Checkpoint.load(run.path / BEST) if (run.path / BEST).exists() else None
            if best is not None and best.header.step <= checkpoint.header.step:
                best.save(destination / BEST)
            measured = Metrics(destination / METRICS)
            for record in run.records():
                measured.append(record)
            measured.forget_after(checkpoint.header.step)
        recipe = run.recipe if checkpoint is None else checkpoint.header.recipe
        write_atomically(destination / RECIPE, recipe.to_toml().encode())  # last: it makes the folder a run's
    except OSError as error:
        raise save_error(destination, error) from error
    finally:
        lock.release()
    return RunFolder.open(destination)


def delete(path: Path) -> tuple[str, ...]:
    """Remove a run: the files that it wrote, and its folder if nothing else is in it.

    Returns:
        The names of what was left because it is not the run's.
    Raises:
        RunError: if the folder holds no run.
        BusyError: if a process writes there.
        SaveError: if something cannot be removed.
    """
    folder = path.expanduser().absolute()
    read_recipe(folder)
    if folder.is_symlink():
        raise RunError(f"{str(folder)!r} is a link; delete the folder that it points to")
    lock = FolderLock(folder / LOCK)
    try:
        for name in (*(name for name in FILES if name not in (RECIPE, LOCK)), RECIPE):
            (folder / name).unlink(missing_ok=True)  # the recipe last: until then it is a run
        lock.release()
        (folder / LOCK).unlink(missing_ok=True)
        left = tuple(sorted(path.name for path in folder.iterdir()))
        if not left:
            folder.rmdir()
    except OSError as error:
        raise save_error(folder, error) from error
    finally:
        lock.release()
    return left


def _may_be_run(path: Path) -> bool:
    return (path / RECIPE).exists() or (path / CHECKPOINT).exists()


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it went away meanwhile
        return 0.0


def _kept_at(folder: Path, step: int | None) -> Checkpoint | None:
    """The checkpoint of that step, None for the beginning.

    Raises:
        RunError: if there is none, or it cannot be used.
    """
    if step == 0 or (step is None and not (folder / CHECKPOINT).exists()):
        return None
    if step is None:
        return Checkpoint.load(folder / CHECKPOINT)
    paths = [folder / name for name in (BEST, CHECKPOINT) if (folder / name).exists()]
    kept = {read_header(path).step: path for path in paths}
    if step not in kept:
        there = ", ".join(map(str, sorted({0, *kept})))
        raise RunError(
            f"step {step}: the run in {str(folder)!r} was not kept there; it can be had at {there}"
        )
    return Checkpoint.load(kept[step])
