"""The runs that are kept can be listed, whatever state they are in, copied at a step that was kept, and removed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import platformdirs
import pytest

from corpora.corpus import Corpus
from engine.training.errors import BusyError, CheckpointError, RunError, SaveError
from engine.training.history import LossHistory
from engine.training.recipe import Recipe
from engine.training.run_folder import RunFolder
from engine.training.runs import default_folder, delete, find, fork, list_runs, unused_path
from engine.training.stopping import VALIDATION_COLUMNS
from tests.engine.saved_runs import FULL, SMALL, picture, trained


def nothing_to_load(name: str) -> Corpus:
    raise AssertionError(f"{name} was asked for")


def kept_run(path: Path, corpus: Corpus, recipe: Recipe = FULL) -> Path:
    """A run whose best was at step 2 and that was saved last at step 5, measured at every step up to 6."""
    validations = LossHistory(VALIDATION_COLUMNS)
    validations.append(2, 2.5, 2.5, 2, 0)
    with RunFolder.create(path, recipe, corpus) as folder:
        trainer = trained(recipe, corpus, 2)
        folder.save(trainer, 1.0, validations, best=True)
        for _ in range(3):
            trainer.step()
        folder.save(trainer, 2.0, validations)
        for step in range(1, 7):
            folder.log({"step": step})
    return path


# Where.


def test_the_place_for_runs_is_the_user_s_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CHARLM_RUNS", str(tmp_path / "mine"))
    assert default_folder() == tmp_path / "mine"
    monkeypatch.setenv("CHARLM_RUNS", "~/mine")
    assert default_folder() == Path.home() / "mine"
    monkeypatch.setenv("CHARLM_RUNS", "~nobody-of-this-name")
    with pytest.raises(RunError, match="CHARLM_RUNS='~nobody-of-this-name'"):
        default_folder()
    assert find("/a/b") == Path("/a/b")  # a path wants no such folder
    monkeypatch.setenv("CHARLM_RUNS", "")
    assert default_folder() == platformdirs.user_data_path("charlm") / "runs"


def test_a_kept_run_is_found_by_its_name_alone_and_a_path_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARLM_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    kept = tmp_path / "runs" / "names-mlp"
    kept.mkdir(parents=True)
    (kept / "recipe.toml").touch()
    assert find("names-mlp") == kept
    for path in ("./names-mlp", "./runs/../names-mlp", str(tmp_path / "names-mlp"), "x" * 5000):
        assert find(path) == Path(path)
    with pytest.raises(RunError, match=r"no run 'names-lstm', neither here nor in .*runs; `charlm runs`"):
        find("names-lstm")
    (tmp_path / "names-mlp").mkdir()
    assert find("names-mlp") == kept  # what only has its name is not in its way
    (tmp_path / "names-mlp" / "recipe.toml").touch()
    assert find("names-mlp") == Path("names-mlp")
    (tmp_path / "other").mkdir()
    assert find("other") == Path("other")  # which will be said to be none


def test_a_new_run_is_named_after_its_text_and_model_and_takes_no_other_s_place(tmp_path: Path) -> None:
    recipe = Recipe(corpus="markov:7")
    assert unused_path(tmp_path, recipe) == tmp_path / "markov-7-mlp"
    (tmp_path / "markov-7-mlp").mkdir()
    (tmp_path / "markov-7-mlp-2").mkdir()
    assert unused_path(tmp_path, recipe) == tmp_path / "markov-7-mlp-3"
    for corpus, name in (
        ("/a/b/My text.txt", "My-text-mlp"),
        ("../..", "text-mlp"),
        ("x" * 300, "x" * 40 + "-mlp"),
    ):
        assert unused_path(tmp_path, Recipe(corpus=corpus)) == tmp_path / name


# A list.


def test_a_list_says_of_each_run_what_it_is_and_where_it_stands(tmp_path: Path, phrase: Corpus) -> None:
    kept_run(tmp_path / "kept", phrase)
    RunFolder.create(tmp_path / "fresh", SMALL, phrase).close()
    (tmp_path / "no run").mkdir()
    (tmp_path / "file").write_bytes(b"")
    os.utime(tmp_path / "kept" / "checkpoint.safetensors", (1000.0, 2000.0))
    os.utime(tmp_path / "fresh" / "recipe.toml", (1000.0, 3000.0))
    fresh, kept = list_runs(tmp_path)  # those saved last first
    assert (fresh.name, fresh.step, fresh.train_loss, fresh.validation_loss) == ("fresh", 0, None, None)
    assert (kept.name, kept.step, kept.seconds, kept.saved, kept.trouble) == ("kept", 5, 2.0, 2000.0, "")
    assert kept.train_loss == trained(FULL, phrase, 5).losses.column(1)[-1]
    assert kept.validation_loss == 2.5
    assert str(kept.recipe).startswith("corpus=phrase fingerprint=")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("checkpoint.safetensors", b"", "is empty"),
        ("checkpoint.safetensors", b"x" * 50, "no safetensors file"),
        ("recipe.toml", b"layers = 99", "layers = 99"),
        ("recipe.toml", None, "holds no run"),
    ],
)
def test_a_run_that_cannot_be_gone_on_with_is_listed_with_the_reason(
    name: str, content: bytes | None, reason: str, tmp_path: Path, phrase: Corpus
) -> None:
    kept_run(tmp_path / "good", phrase)
    kept_run(tmp_path / "bad", phrase)
    if content is None:
        (tmp_path / "bad" / name).unlink()
    else:
        (tmp_path / "bad" / name).write_bytes(content)
    found = {run.name: run.trouble for run in list_runs(tmp_path)}
    assert found["good"] == ""
    assert reason in found["bad"]


def test_where_there_is_no_folder_there_are_no_runs(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "none") == ()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RunError, match=r"file' cannot be read: Not a directory"):
        list_runs(tmp_path / "file")


# A copy.


@pytest.mark.parametrize(("step", "stands"), [(None, 5), (5, 5), (2, 2), (0, 0)])
def test_a_fork_stands_where_the_run_was_kept_and_leaves_it_alone(
    step: int | None, stands: int, tmp_path: Path, phrase: Corpus
) -> None:
    source = kept_run(tmp_path / "run", phrase)
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    folder = fork(source, tmp_path / "forks" / "one", step)
    with folder:
        resumed = folder.resume(nothing_to_load)
        assert picture(resumed.course) == picture(trained(folder.recipe, phrase, stands))
        assert [record["step"] for record in folder.records()] == list(range(1, stands + 1))
        resumed.course.alter("rate", 0.5)
        folder.save(resumed.course, 9.0)
    assert {path.name: path.read_bytes() for path in source.iterdir()} == before


def test_a_fork_of_a_run_that_is_being_written_waits_for_nobody(tmp_path: Path, phrase: Corpus) -> None:
    source = kept_run(tmp_path / "run", phrase)
    with RunFolder.open(source) as busy:
        busy.resume(nothing_to_load)
        assert fork(source, tmp_path / "fork").load(nothing_to_load).course.steps_made == 5


def test_a_fork_is_refused_where_it_cannot_be(tmp_path: Path, phrase: Corpus) -> None:
    source = kept_run(tmp_path / "run", phrase)
    with pytest.raises(RunError, match=r"step 4: the run in .* was not kept there; it can be had at 0, 2, 5"):
        fork(source, tmp_path / "fork", 4)
    assert not (tmp_path / "fork").exists()
    with pytest.raises(RunError, match="holds a run already"):
        fork(source, source)
    with pytest.raises(RunError, match="there is no folder"):
        fork(tmp_path / "none", tmp_path / "fork")
    (source / "checkpoint.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="is empty"):
        fork(source, tmp_path / "fork")


def test_a_fork_that_the_disk_has_no_room_for_is_no_run(
    tmp_path: Path, phrase: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = kept_run(tmp_path / "run", phrase)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for call in ("fsync", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(os, call, full)
            with pytest.raises(SaveError, match="make room"):
                fork(source, tmp_path / "fork")
        assert [run.name for run in list_runs(tmp_path)] == ["run"]
    fork(source, tmp_path / "fork")  # what the failure left is in nobody's way


# An end.


def test_a_run_is_deleted_whole(tmp_path: Path, phrase: Corpus) -> None:
    source = kept_run(tmp_path / "run", phrase)
    (source / ".checkpoint.safetensors.part").write_bytes(b"left by a killed process")
    assert delete(source) == ()
    assert not source.exists()


def test_what_is_not_the_run_s_is_left_and_named(tmp_path: Path, phrase: Corpus) -> None:
    source = kept_run(tmp_path / "run", phrase)
    (source / "notes.md").write_bytes(b"mine")
    (source / "plots").mkdir()
    assert delete(source) == ("notes.md", "plots")
    assert sorted(path.name for path in source.iterdir()) == ["notes.md", "plots"]


def test_only_runs_that_nobody_writes_are_deleted(tmp_path: Path, phrase: Corpus) -> None:
    source = kept_run(tmp_path / "run", phrase)
    other = tmp_path / "other"
    other.mkdir()
    (other / "text.txt").write_bytes(b"mine")
    (other / "checkpoint.safetensors").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(source)
    with pytest.raises(RunError, match="holds no run"):
        delete(other)
    with pytest.raises(RunError, match="is a link"):
        delete(tmp_path / "link")
    with RunFolder.open(source) as folder:
        folder.log({"step": 6})
        with pytest.raises(BusyError):
            delete(source)
    assert len(list(other.iterdir())) == 2
    assert RunFolder.open(source).load(nothing_to_load).course.steps_made == 5


def test_what_cannot_be_removed_is_told(
    tmp_path: Path, phrase: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = kept_run(tmp_path / "run", phrase)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        with pytest.raises(SaveError, match=r"Permission denied.*get permission"):
            delete(source)
    assert delete(source) == ()
