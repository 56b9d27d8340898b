"""The commands that work on runs: train, resume, evaluate, sample. Each returns its exit code."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from engine.cli.choosing import recipe_for
from engine.cli.failures import FAILED, CommandError
from engine.cli.interrupts import Interrupts
from engine.cli.progress import Progress
from engine.cli.results import Plain, as_json, as_lines
from engine.cli.sampling import sampling_of, to_standard_output, write
from engine.cli.scoring import THOROUGH, Interrupted, part_borders, score, score_all
from engine.cli.texts import load_text, text_for
from engine.cli.training import Ending, Training
from engine.commands import Generate
from engine.information import nats_to_bits, perplexity
from engine.live_run import LiveRun
from engine.training.beginning import begin
from engine.training.course import Course
from engine.training.divergence import Diverged
from engine.training.run_folder import BEST, Resumed, RunFolder
from engine.training.runs import default_folder, unused_path


def train(words: argparse.Namespace) -> int:
    """Train a model on a text, keep the run in a folder, and score it."""
    progress = Progress()
    corpus = text_for(words.corpus, progress)
    recipe = recipe_for(
        words.model, words.preset, words.settings, corpus=corpus, seed=words.seed, steps=words.steps
    )
    course = begin(recipe, corpus)  # before the folder: it may refuse
    out = Path(words.out) if words.out else unused_path(default_folder(), recipe)
    with RunFolder.create(out, recipe, corpus) as folder:
        return _lead(LiveRun(course), folder, progress, json=words.json)


def resume(words: argparse.Namespace) -> int:
    """Go on with a run."""
    progress = Progress()
    with RunFolder.open(words.folder) as folder:
        resumed = folder.resume(lambda name: load_text(name, progress))
        run = LiveRun(resumed.course, resumed.seconds, resumed.validations)
        if words.steps is not None:
            run.stop_at(words.steps)
        return _lead(run, folder, progress, json=words.json)


def evaluate(words: argparse.Namespace) -> int:
    """Score a whole part of a run's text."""
    progress = Progress()
    course = _standing(words.folder, progress, best=words.best).course
    part = words.split or next(name for name in ("test", "validation", "train") if _length(course, name))
    if not _length(course, part):
        raise CommandError(f"--split {part}: this run has no {part} part; choose another")
    start, stop = part_borders(course, part)
    with Interrupts() as interrupts:
        loss = score(
            course.model,
            course,
            start,
            stop,
            words=f"scoring the {part} part",
            progress=progress,
            interrupts=interrupts,
            thorough=True,
        )
    progress.end()
    assert loss is not None  # the part is not empty
    found: dict[str, Plain] = {
        "model": course.recipe.model,
        "corpus": course.corpus.name,
        "split": part,
        "characters": stop - start,
        "step": course.steps_made,
        "parameters": _parameters(course),
        f"{part}_loss": loss,
        "bits_per_character": nats_to_bits(loss),
        "perplexity": perplexity(loss),
        "protocol": THOROUGH,
    }
    _print(found, json=words.json)
    return 0


def sample(words: argparse.Namespace) -> int:
    """Let a trained model write."""
    sampling = sampling_of(words.temperature, words.top_k, words.top_p, greedy=words.greedy)
    progress = Progress()
    course = _standing(words.folder, progress, best=words.best).course
    request = Generate(words.prompt, words.length, sampling, words.seed)
    with Interrupts() as interrupts:
        if not words.json:
            to_standard_output(request.prompt)
        wrote = (lambda text: None) if words.json else to_standard_output
        found = write(course, request, interrupts, wrote)
    if words.json:
        sys.stdout.write(as_json(found) + "\n")
    else:
        sys.stdout.write("\n")
        if found["note"]:
            progress.say(f"charlm: {found['note']}")
    return interrupts.exit_code


def _lead(run: LiveRun, folder: RunFolder, progress: Progress, *, json: bool) -> int:
    """Train to the end, score what came of it, and print it."""
    with Interrupts() as interrupts:
        try:
            ending = Training(run, folder, progress, interrupts).lead()
        except Diverged as diverged:
            progress.end()
            raise CommandError(
                f"{diverged}. The run is kept in {folder.path} as it was before that step; lower the rate with "
                "--set rate=..., or clip with --set clip_norm=1",
                FAILED,
            ) from diverged
        if ending.interrupted:
            return _left(run, folder, progress, interrupts, ending.reason)
        course = run.trainer
        if course.recipe.patience and (folder.path / BEST).exists():
            course = folder.load(lambda name: course.corpus, best=True).course
        try:
            scores = score_all(course, progress, interrupts)
        except Interrupted:
            progress.end()
            return _left(run, folder, progress, interrupts, "stopped while it was scored")
    _print({**_summary(run, course, folder, ending), **scores.plain()}, json=json)
    return 0


def _left(run: LiveRun, folder: RunFolder, progress: Progress, interrupts: Interrupts, reason: str) -> int:
    """A run that was interrupted says where it is kept."""
    progress.say(f"charlm: {reason} after step {run.trainer.steps_made:,}; saved in {folder.path}")
    progress.say(f"charlm: `charlm resume {shlex.quote(str(folder.path))}` goes on from there")
    return interrupts.exit_code


def _summary(run: LiveRun, scored: Course, folder: RunFolder, ending: Ending) -> dict[str, Plain]:
    """What was trained, and how far."""
    return {
        "model": run.trainer.recipe.model,
        "corpus": run.trainer.corpus.name,
        "recipe": str(run.trainer.recipe),
        "seed": run.trainer.recipe.seed,
        "folder": str(folder.path),
        "parameters": _parameters(run.trainer),
        "steps": run.trainer.steps_made,
        "scored_step": scored.steps_made,
        "seconds": run.seconds,
        "steps_per_second": run.trainer.steps_made / run.seconds if run.seconds else None,
        "stopped": ending.reason,
    }


def _parameters(course: Course) -> int:
    """How many numbers were learned."""
    return sum(group.count for group in course.table)


def _length(course: Course, part: str) -> int:
    start, stop = part_borders(course, part)
    return stop - start


def _standing(folder: str, progress: Progress, *, best: bool) -> Resumed:
    """A run as it was saved, to look at."""
    return RunFolder.open(folder).load(lambda name: load_text(name, progress), best=best)


def _print(found: dict[str, Plain], *, json: bool) -> None:
    sys.stdout.write((as_json(found) if json else as_lines(found)) + "\n")
