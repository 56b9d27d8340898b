"""A run's folder brings the run back with its text, whatever happened in between, and lets one process write."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from corpora.corpus import Corpus
from engine.training.beginning import begin
from engine.training.errors import BusyError, CheckpointError, RunError, SaveError
from engine.training.history import LossHistory
from engine.training.recipe import Recipe
from engine.training.run_folder import RunFolder
from engine.training.stopping import VALIDATION_COLUMNS
from engine.training.trainer import Trainer
from tests.engine.conftest import text_corpus
from tests.engine.saved_runs import FULL, SMALL, picture, trained


def nothing_to_load(name: str) -> Corpus:
    raise AssertionError(f"{name} was asked for")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# Begin, save, go on.


def test_a_run_is_begun_saved_and_gone_on_with(tmp_path: Path, phrase: Corpus) -> None:
    path = tmp_path / "a" / "b" / "run"
    validations = LossHistory(VALIDATION_COLUMNS)
    with RunFolder.create(path, FULL, phrase) as folder:
        trainer = Trainer(folder.recipe, phrase)
        for _ in range(9):
            folder.log({"step": trainer.step().step})
            if trainer.steps_made == 6:
                validations.append(6, 2.5, 2.5, 6, 0)
                folder.save(trainer, 3.5, validations)
        whole = picture(trainer)
    assert names(path) == {"recipe.toml", "checkpoint.safetensors", "metrics.jsonl", "text.txt", "run.lock"}
    assert Recipe.from_toml((path / "recipe.toml").read_text("utf-8")) == FULL.with_values(
        corpus="phrase", fingerprint=phrase.fingerprint
    )
    with RunFolder.open(path) as folder:
        resumed = folder.resume(nothing_to_load)
        assert resumed.course.steps_made == 6
        assert resumed.seconds == 3.5
        assert resumed.validations.rows().tolist() == [[2.5, 2.5, 6, 0]]
        assert [record["step"] for record in folder.records()] == [1, 2, 3, 4, 5, 6]
        for _ in range(3):
            resumed.course.step()
        assert picture(resumed.course) == whole


def test_a_run_that_was_never_saved_begins_at_its_beginning(tmp_path: Path, phrase: Corpus) -> None:
    with RunFolder.create(tmp_path / "run", SMALL, phrase) as folder:
        folder.log({"step": 1})
    with RunFolder.open(tmp_path / "run") as folder:
        resumed = folder.resume(nothing_to_load)
        assert resumed.course.steps_made == 0
        assert folder.records() == []
        assert resumed.course.step() == trained(SMALL, phrase, 0).step()


def test_what_was_turned_under_way_stands_in_the_recipe_too(tmp_path: Path, phrase: Corpus) -> None:
    with RunFolder.create(tmp_path, SMALL, phrase) as folder:
        trainer = trained(SMALL, phrase, 2)
        trainer.alter("rate", 0.5)
        folder.save(trainer, 0.0)
    assert RunFolder.open(tmp_path).recipe.changes == trainer.recipe.changes


def test_the_checkpoint_is_right_where_the_recipe_was_not_written_any_more(
    tmp_path: Path, phrase: Corpus
) -> None:
    with RunFolder.create(tmp_path, SMALL, phrase) as folder:
        before = (tmp_path / "recipe.toml").read_bytes()
        trainer = trained(SMALL, phrase, 2)
        trainer.alter("rate", 0.5)
        folder.save(trainer, 0.0)
    (tmp_path / "recipe.toml").write_bytes(before)  # killed between the two
    with RunFolder.open(tmp_path) as folder:
        assert folder.resume(nothing_to_load).course.recipe.changes == trainer.recipe.changes
        assert RunFolder.open(tmp_path).recipe.changes == trainer.recipe.changes


def test_the_best_is_kept_beside_the_last(tmp_path: Path, phrase: Corpus) -> None:
    with RunFolder.create(tmp_path, SMALL, phrase) as folder:
        trainer = trained(SMALL, phrase, 2)
        folder.save(trainer, 1.0, best=True)
        trainer.step()
        folder.save(trainer, 2.0)
        assert folder.load(nothing_to_load).course.steps_made == 3
        assert folder.load(nothing_to_load, best=True).course.steps_made == 2


def test_a_model_that_counts_is_saved_as_its_recipe_and_step(tmp_path: Path, phrase: Corpus) -> None:
    with RunFolder.create(tmp_path, Recipe(model="kneser-ney"), phrase) as folder:
        course = begin(folder.recipe, phrase)
        while not course.finished:
            folder.log({"step": course.step().step})
        folder.save(course, 1.0)
    resumed = RunFolder.open(tmp_path).load(nothing_to_load)
    assert resumed.course.finished
    assert np.array_equal(resumed.course.model.nll(phrase.ids), course.model.nll(phrase.ids))


def test_without_a_best_there_is_none(tmp_path: Path, phrase: Corpus) -> None:
    with (
        RunFolder.create(tmp_path, SMALL, phrase) as folder,
        pytest.raises(CheckpointError, match=r"no checkpoint .*best\.safetensors"),
    ):
        folder.load(nothing_to_load, best=True)


def test_going_back_forgets_what_was_measured_after(tmp_path: Path, phrase: Corpus) -> None:
    with RunFolder.create(tmp_path, SMALL, phrase) as folder:
        for step in range(1, 6):
            folder.log({"step": step})
        folder.forget_after(3)
        folder.log({"step": 4})
        assert [record["step"] for record in folder.records()] == [1, 2, 3, 4]


def test_a_run_on_another_text_is_not_saved_here(tmp_path: Path, phrase: Corpus) -> None:
    other = text_corpus("quite another text " * 20, name="other")
    with (
        RunFolder.create(tmp_path, SMALL, phrase) as folder,
        pytest.raises(RunError, match="holds a run on another text than 'other'"),
    ):
        folder.save(trained(SMALL, other, 1), 0.0)


# Which folders.


def test_an_empty_folder_and_what_an_unfinished_beginning_left_will_do(
    tmp_path: Path, phrase: Corpus
) -> None:
    for name in ("run.lock", "text.txt", ".recipe.toml.part"):
        (tmp_path / name).write_bytes(b"left")
    RunFolder.create(tmp_path, SMALL, phrase).close()
    assert RunFolder.open(tmp_path).load(nothing_to_load).course.steps_made == 0


@pytest.mark.parametrize(
    ("present", "reason"),
    [
        (["notes.txt"], "is not empty: there is 'notes.txt'"),
        (["text.txt"], "is not empty: there is 'text.txt'"),  # perhaps somebody's own
        (["run.lock", "notes.txt"], "is not empty: there is 'notes.txt'"),
        (["recipe.toml", "run.lock"], "holds a run already; resume it"),
    ],
)
def test_a_folder_with_something_else_in_it_is_refused_and_left_as_it_is(
    present: list[str], reason: str, tmp_path: Path, phrase: Corpus
) -> None:
    for name in present:
        (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(RunError, match=reason):
        RunFolder.create(tmp_path, SMALL, phrase)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == dict.fromkeys(present, b"mine")


def test_a_place_where_no_folder_can_be_made_is_told(tmp_path: Path, phrase: Corpus) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SaveError, match=r"could not be written: (Not a directory|File exists)"):
        RunFolder.create(tmp_path / "file" / "run", SMALL, phrase)


def test_a_beginning_that_fails_lets_go_of_the_folder(
    tmp_path: Path, phrase: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(SaveError, match="make room"):
            RunFolder.create(tmp_path, SMALL, phrase)
    RunFolder.create(tmp_path, SMALL, phrase).close()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, r"holds no run: there is no recipe\.toml"),
        (b"\xff", "cannot be used: 'utf-8'"),
        (b"layers = 99", "cannot be used: layers = 99"),
        (b"", "has no fingerprint"),
    ],
)
def test_a_folder_without_a_run_is_refused(content: bytes | None, reason: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "recipe.toml").write_bytes(content)
    with pytest.raises(RunError, match=reason):
        RunFolder.open(tmp_path)
    with pytest.raises(RunError, match="there is no folder"):
        RunFolder.open(tmp_path / "none")


def test_a_damaged_checkpoint_is_refused_and_the_folder_let_go(tmp_path: Path, phrase: Corpus) -> None:
    with RunFolder.create(tmp_path, SMALL, phrase) as folder:
        folder.save(trained(SMALL, phrase, 1), 0.0)
    checkpoint = tmp_path / "checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    first, second = RunFolder.open(tmp_path), RunFolder.open(tmp_path)
    for folder in (first, second):  # the first must not hold the lock when the second tries
        with pytest.raises(CheckpointError, match=r"checkpoint\.safetensors' is cut off"):
            folder.resume(nothing_to_load)


# One process at a time.


def test_one_writes_and_the_others_are_told_who(tmp_path: Path, phrase: Corpus) -> None:
    first = RunFolder.create(tmp_path, SMALL, phrase)
    first.save(trained(SMALL, phrase, 1), 0.0)
    second = RunFolder.open(tmp_path)
    with pytest.raises(BusyError, match=f"is in use: process {os.getpid()} writes to it"):
        second.resume(nothing_to_load)
    with pytest.raises(BusyError):
        second.log({"step": 1})
    with pytest.raises(BusyError):
        second.save(trained(SMALL, phrase, 1), 0.0)
    assert second.load(nothing_to_load).course.steps_made == 1  # reading goes on
    first.close()
    second.resume(nothing_to_load)
    second.close()


def test_a_process_that_is_killed_holds_no_lock(tmp_path: Path, phrase: Corpus) -> None:
    RunFolder.create(tmp_path, SMALL, phrase).close()
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from engine.training.folder_lock import FolderLock\n"
        "lock = FolderLock(Path(sys.argv[1]) / 'run.lock')\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with RunFolder.open(tmp_path) as folder, pytest.raises(BusyError, match=f"process {process.pid} "):
            folder.resume(nothing_to_load)
        process.kill()
        process.wait()
    with RunFolder.open(tmp_path) as folder:
        folder.resume(nothing_to_load)


def test_a_lock_that_cannot_be_made_is_told(tmp_path: Path, phrase: Corpus) -> None:
    RunFolder.create(tmp_path, SMALL, phrase).close()
    (tmp_path / "run.lock").unlink()
    (tmp_path / "run.lock").mkdir()
    with (
        RunFolder.open(tmp_path) as folder,
        pytest.raises(SaveError, match="could not be written: Is a directory"),
    ):
        folder.log({"step": 1})
