"""A run whose process is killed at any moment goes on from its last saving and ends where it would have ended.

The long form (100 kills, half a minute or more) is left out of an ordinary test run: ask for it with `-m slow`.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from corpora import catalog
from engine.training.checkpoint import Checkpoint
from engine.training.recipe import Recipe
from engine.training.run_folder import CHECKPOINT, RunFolder
from engine.training.trainer import Trainer

PROGRAM = Path(__file__).with_name("killed_run.py")
INTERVAL = 7
NEVER = 10**9
RECIPE = Recipe(
    context=4, embedding=8, hidden=16, batch=8, dropout=0.2, optimizer="adam", rate=0.01, seed=3
).changed(20, "batch", 5)


def started(folder: Path, goal: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(folder), str(goal), str(INTERVAL)],
        stdout=subprocess.PIPE,
        text=True,
    )


def killed(folder: Path, chance: random.Random) -> list[int]:
    """Let the run go on, kill it at a random moment, and give the steps it said it stood at or had saved."""
    with started(folder, NEVER) as process:
        assert process.stdout is not None
        said = (
            [process.stdout.readline()] if chance.random() < 0.9 else []
        )  # now and then while it still resumes
        said += [process.stdout.readline() for _ in range(chance.randrange(6))] if said else []
        with suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0, 0.02 if said else 0.4))  # the random moment
        process.kill()
        said += process.stdout.read().splitlines()
    assert process.returncode == -signal.SIGKILL
    return [int(line) for line in said if line.strip()]


@pytest.mark.parametrize("kills", [5, pytest.param(100, marks=pytest.mark.slow)])
def test_a_run_that_is_killed_again_and_again_loses_no_more_than_the_last_interval(
    kills: int, tmp_path: Path
) -> None:
    chance, corpus = random.Random(kills), catalog.load("proverbs")
    path = tmp_path / "run"
    RunFolder.create(path, RECIPE, corpus).close()
    saved = 0
    for _ in range(kills):
        said = killed(path, chance)
        if said:
            assert said[0] == saved  # it went on where the one before was saved last
        measured = [int(record["step"] or 0) for record in RunFolder.open(path).records()]
        reached = max([saved, *said, *measured])
        if (path / CHECKPOINT).exists():
            saved = Checkpoint.load(path / CHECKPOINT).course(corpus).steps_made
        assert saved >= max(said, default=0)
        assert reached - saved <= INTERVAL
        assert measured == list(range(1, len(measured) + 1))
    assert saved > 20  # past the change of the batch size: there was something to lose
    goal = saved + 3 * INTERVAL + 1
    with started(path, goal) as process:
        assert process.wait(120) == 0
    with RunFolder.open(path) as folder:
        ended = folder.resume(catalog.load).course
        assert [record["step"] for record in folder.records()] == list(range(1, goal + 1))
    uninterrupted = Trainer(ended.recipe, corpus)
    for _ in range(goal):
        uninterrupted.step()
    assert Checkpoint.of(ended, 0.0).to_bytes() == Checkpoint.of(uninterrupted, 0.0).to_bytes()
