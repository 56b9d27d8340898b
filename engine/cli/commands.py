"""The commands that work on runs: train, resume, evaluate, sample. Each returns its exit code."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable

from corpora.corpus import Corpus
from corpora.errors import CorpusError
from engine.cli.choosing import has_an_end, recipe_for
from engine.cli.failures import FAILED, CommandError
from engine.cli.interrupts import Interrupts
from engine.cli.progress import Progress
from engine.cli.results import result, show
from engine.cli.sampling import write
from engine.cli.scoring import PARTS, Interrupted, part_borders, score
from engine.cli.terminal import harmless, print_out
from engine.cli.texts import load_text, text_for
from engine.cli.training import Training
from engine.commands import Generate
from engine.live_run import LiveRun
from engine.sampling import Sampling
from engine.training.beginning import begin
from engine.training.course import Course
from engine.training.divergence import Diverged
from engine.training.errors import SaveError
from engine.training.recipe import Recipe
from engine.training.rules import COUNTING
from engine.training.run_folder import BEST, CHECKPOINT, TEXT, Resumed, RunFolder
from engine.training.runs import find, new_folder
from engine.training.stopping import StopRule


def train(words: argparse.Namespace) -> int:
    """Train a model on a text, keep the run in a folder, and score it."""
    progress = Progress()
    corpus = text_for(words.corpus, progress)
    recipe = recipe_for(
        words.model, words.preset, words.settings, corpus=corpus, seed=words.seed, steps=words.steps
    )
    _mention_steps(words.steps, recipe, progress)
    course = begin(recipe, corpus)  # before the folder: it may refuse
    made = RunFolder.create(words.out, recipe, corpus) if words.out else new_folder(recipe, corpus)
    with made as folder:
        return _lead(LiveRun(course), folder, progress, words)


def resume(words: argparse.Namespace) -> int:
    """Go on with a run."""
    progress = Progress()
    with RunFolder.open(find(words.folder)) as folder:
        if not (folder.path / CHECKPOINT).exists():
            progress.say("charlm: nothing was saved of this run yet: it begins at step 0")
        resumed = folder.resume(_text_of(folder, words, progress))
        run = LiveRun(resumed.course, resumed.seconds, resumed.validations)
        recipe = resumed.course.recipe
        _mention_steps(words.steps, recipe, progress)
        if words.steps is not None and recipe.model not in COUNTING:
            if words.steps < run.trainer.steps_made:
                raise CommandError(
                    f"--steps {words.steps}: this run is at step {run.trainer.steps_made} already"
                )
            run.stopping.rule = StopRule(steps=words.steps)
        elif not has_an_end(recipe):
            raise CommandError(f"{str(folder.path)!r}: nothing ends this run; say when with --steps N")
        reason = None if run.validator.owed else run.why_stop()
        if reason is not None:
            more = "" if recipe.model in COUNTING else "; --steps N goes on to step N"
            progress.say(f"charlm: this run is finished: {reason}{more}")
        return _lead(run, folder, progress, words)


def evaluate(words: argparse.Namespace) -> int:
    """Score a whole part of a run's text."""
    progress = Progress()
    folder = RunFolder.open(find(words.folder))
    kept = _standing(folder, words, progress)
    course = kept.course
    part = words.split or next(name for name in reversed(PARTS) if _length(course, name))
    if not _length(course, part):
        others = " or ".join(name for name in PARTS if _length(course, name))
        raise CommandError(f"--split {part}: this run has no {part} part; choose {others}")
    with Interrupts() as interrupts:
        try:
            scores = score(course, (part,), progress, interrupts, thorough=True)
        except Interrupted:
            return interrupts.exit_code
    found = result(course, course, scores, folder=folder.path, seconds=kept.seconds, stopped=None)
    show(found, json=words.json)
    return 0


def sample(words: argparse.Namespace) -> int:
    """Let a trained model write."""
    sampling = Sampling(
        temperature=0.0 if words.greedy else words.temperature, top_k=words.top_k, top_p=words.top_p
    )
    progress = Progress()
    course = _standing(RunFolder.open(find(words.folder)), words, progress).course
    request = Generate(words.prompt, words.length, sampling, words.seed)
    with Interrupts() as interrupts:
        wrote = (lambda text: None) if words.json else (lambda text: print_out(harmless(text)))
        found = write(course, request, interrupts, wrote)
    if words.json:
        show(found, json=True)
    else:
        print_out("\n")
        if found["note"]:
            progress.say(f"charlm: {found['note']}")
    return interrupts.exit_code


def _lead(run: LiveRun, folder: RunFolder, progress: Progress, words: argparse.Namespace) -> int:
    """Train to the end, score what came of it, and print it."""
    with Interrupts() as interrupts:
        try:
            ending = Training(run, folder, progress, interrupts).lead()
            if ending.interrupted:
                return _left(run, folder, progress, interrupts, ending.reason, words)
            course = run.trainer
            if course.recipe.patience and (folder.path / BEST).exists():
                course = folder.load(lambda name: run.trainer.corpus, best=True).course
            scores = score(course, PARTS, progress, interrupts)
        except Diverged as diverged:
            progress.end()
            raise CommandError(
                f"{diverged} The run is kept in {folder.path} as it was before that step; train anew with a lower "
                "--set rate=..., or clip with --set clip_norm=1",
                FAILED,
            ) from diverged
        except SaveError as error:
            progress.end()
            raise CommandError(str(error), FAILED) from error
        except Interrupted:
            return _left(run, folder, progress, interrupts, "stopped while it was scored", words)
    found = result(
        run.trainer, course, scores, folder=folder.path, seconds=run.seconds, stopped=ending.reason
    )
    show(found, json=words.json)
    return 0


def _left(
    run: LiveRun,
    folder: RunFolder,
    progress: Progress,
    interrupts: Interrupts,
    reason: str,
    words: argparse.Namespace,
) -> int:
    """A run that was interrupted says where it is kept."""
    again = f"charlm resume {shlex.quote(str(folder.path))}"
    if words.command == "resume":  # what was asked for beside the recipe is not kept
        again += "" if words.steps is None else f" --steps {words.steps}"
        again += "" if words.corpus is None else f" --corpus {shlex.quote(words.corpus)}"
    progress.say(f"charlm: {reason} after step {run.trainer.steps_made:,}; saved in {folder.path}")
    progress.say(f"charlm: `{again}` goes on from there")
    return interrupts.exit_code


def _mention_steps(steps: int | None, recipe: Recipe, progress: Progress) -> None:
    if steps is not None and recipe.model in COUNTING:
        progress.say(f"charlm: --steps {steps} is left aside: {recipe.model} reads its text to the end")


def _length(course: Course, part: str) -> int:
    start, stop = part_borders(course, part)
    return stop - start


def _text_of(folder: RunFolder, words: argparse.Namespace, progress: Progress) -> Callable[[str], Corpus]:
    """What finds a run's text, by the name in its recipe or where the person says that it is now.

    Raises:
        CommandError: if the person says so of a text that the run keeps itself.
    """
    if words.corpus and (folder.path / TEXT).exists():
        raise CommandError(
            f"--corpus {words.corpus}: this run keeps its own text in {TEXT}; leave --corpus out"
        )

    def load(name: str) -> Corpus:
        try:
            return load_text(words.corpus or name, progress)
        except CorpusError as error:
            if words.corpus:
                raise CommandError(f"--corpus {words.corpus}: {error}") from error
            hint = "if it is elsewhere by now, say where with --corpus PATH"
            raise CommandError(f"the text of the run {words.folder!r}: {error}; {hint}") from error

    return load


def _standing(folder: RunFolder, words: argparse.Namespace, progress: Progress) -> Resumed:
    """A run as it was saved, to look at."""
    if words.best and not (folder.path / BEST).exists():
        raise CommandError(f"--best: {str(folder.path)!r} keeps no best model; train with --set patience=N")
    if not words.best and not (folder.path / CHECKPOINT).exists():
        raise CommandError(
            f"{str(folder.path)!r} has no checkpoint yet: it ended before its first saving, or only just began. "
            "`charlm resume` begins it at step 0"
        )
    return folder.load(_text_of(folder, words, progress), best=words.best)
