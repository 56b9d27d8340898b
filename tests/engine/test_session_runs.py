"""A session keeps runs, goes on with them as if never stopped, and loses none that has to make room."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corpora.corpus import Corpus
from engine.commands import Alter, BringBack, Keep, KeepAll, Pause, Resume, Rewind, Run, Start, Step
from engine.session import Session
from engine.snapshot import Snapshot
from engine.training.errors import SaveError
from engine.training.recipe import Recipe
from engine.training.run_folder import RunFolder
from engine.training.runs import list_runs
from engine.training.trainer import Trainer
from tests.engine.sessions import settled

SMALL = Recipe(context=3, embedding=4, hidden=8, layers=1, batch=4, optimizer="adam", dropout=0.1)


SESSIONS: list[Session] = []


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where runs are kept, in place of that of whoever runs the test; no folder stays open after it."""
    monkeypatch.setenv("CHARLM_RUNS", str(tmp_path / "runs"))
    yield tmp_path / "runs"
    while SESSIONS:
        run = SESSIONS.pop().run
        if run is not None and run.keeper is not None:
            run.keeper.folder.close()


def ticking(seconds: float) -> Callable[[], float]:
    """A clock that goes on so much whenever it is looked at."""
    ticks = itertools.count()
    return lambda: next(ticks) * seconds


def new_session(tick: float = 1.0) -> Session:
    SESSIONS.append(Session(clock=ticking(tick)))
    return SESSIONS[-1]


def session_on(corpus: Corpus, recipe: Recipe = SMALL, tick: float = 1.0) -> Session:
    session = new_session(tick)
    settled(session, Start(recipe, corpus))
    return session


def losses(seen: Snapshot) -> list[float]:
    assert seen.losses is not None
    return [float(loss) for loss in seen.losses.raw]


def weights(session: Session) -> bytes:
    assert session.run is not None
    assert isinstance(session.run.trainer, Trainer)
    return session.run.trainer.model.parameters.values.tobytes()


def on_disk(folder: Path, corpus: Corpus) -> int:
    """The step at which a run was saved, and can be gone on with."""
    return RunFolder.open(folder).load(lambda name: corpus).course.steps_made


# Keeping.


def test_a_run_is_kept_where_runs_are_kept_and_says_where(phrase: Corpus, runs: Path) -> None:
    session = session_on(phrase)
    assert settled(session, Step(3)).kept is None
    assert not runs.exists()
    seen = settled(session, Keep())
    assert seen.kept is not None
    assert (seen.kept.folder, seen.kept.step, seen.kept.trouble) == (runs / "phrase-mlp", 3, "")
    assert str(runs / "phrase-mlp") in seen.notice
    assert on_disk(runs / "phrase-mlp", phrase) == 3


def test_a_kept_run_is_saved_as_it_goes_and_when_it_comes_to_rest(phrase: Corpus, runs: Path) -> None:
    session = session_on(phrase)
    settled(session, Step(1), Keep())
    session.handle(Run())
    while on_disk(runs / "phrase-mlp", phrase) == 1:
        assert session.work()
    seen = settled(session, Pause())
    assert seen.kept is not None
    assert on_disk(runs / "phrase-mlp", phrase) == seen.kept.step == seen.step


def test_what_is_measured_is_written_down_each_step_once(phrase: Corpus, runs: Path) -> None:
    session = session_on(phrase)
    seen = settled(session, Keep(), *[Step()] * 5)
    records = RunFolder.open(runs / "phrase-mlp").records()
    steps = [record["step"] for record in records]
    assert {*steps} == {1, 2, 3, 4, 5}
    assert [r["loss"] for r in records if "loss" in r] == losses(seen)
    assert seen.losses is not None
    validations = {r["step"]: r["validation_loss"] for r in records if "validation_loss" in r}
    assert validations == dict(
        zip(seen.losses.validation_steps.tolist(), seen.losses.validation.tolist(), strict=True)
    )


def test_going_back_forgets_what_was_measured_later(phrase: Corpus, runs: Path) -> None:
    session = session_on(phrase)
    settled(session, Keep(), *[Step()] * 6)
    settled(session, Rewind(4))
    folder = RunFolder.open(runs / "phrase-mlp")
    assert max(record["step"] for record in folder.records()) == 2  # type: ignore[type-var]  # steps are whole numbers
    settled(session, Step())
    assert on_disk(runs / "phrase-mlp", phrase) == 3


def test_a_saving_that_fails_is_told_once_and_tried_again(
    phrase: Corpus, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_on(phrase)
    settled(session, Keep())

    def full(*_: object, **__: object) -> None:
        raise SaveError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save", full)
        seen = settled(session, Step(1))
        told = seen.notice_number
        assert "the disk is full" in seen.notice
        assert seen.kept is not None
        assert seen.kept.trouble == "the disk is full"
        session.handle(Run())
        for _ in range(200):
            session.work()
        seen = settled(session, Pause())
        assert seen.notice_number == told
        assert seen.trouble is None
    session.handle(Run())
    while (kept := session.picture().kept) is not None and kept.trouble:
        session.work()
    seen = settled(session, Pause())
    assert on_disk(runs / "phrase-mlp", phrase) == seen.step


def test_a_run_that_could_not_be_saved_when_it_was_set_aside_does_not_count_as_kept(
    phrase: Corpus, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_on(phrase)
    settled(session, Keep())

    def full(*_: object, **__: object) -> None:
        raise SaveError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save", full)
        seen = settled(session, Step(3), Start(SMALL, phrase))
        assert [run.kept for run in seen.set_aside] == [False]
        assert "could not be saved: the disk is full" in seen.notice
        seen = settled(session, KeepAll(new=False))
        assert [run.kept for run in seen.set_aside] == [False]
    seen = settled(session, KeepAll(new=False))
    assert [run.kept for run in seen.set_aside] == [True]
    assert on_disk(runs / "phrase-mlp", phrase) == 3


def test_a_run_whose_folder_is_gone_goes_into_a_new_one(phrase: Corpus, runs: Path) -> None:
    session = session_on(phrase)
    settled(session, Step(2), Keep())
    shutil.rmtree(runs / "phrase-mlp")
    seen = settled(session, Step())
    assert seen.kept is not None
    assert "could not be written" in seen.kept.trouble
    seen = settled(session, Keep())
    assert seen.kept is not None
    assert seen.kept.trouble == ""
    assert on_disk(seen.kept.folder, phrase) == 3


def test_a_folder_that_holds_something_is_refused_and_nothing_begins(phrase: Corpus, tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")
    seen = settled(session_on(phrase), Step(), Keep(tmp_path))
    assert "is not empty" in seen.notice
    assert seen.kept is None


def test_where_the_first_saving_fails_nothing_is_left(
    phrase: Corpus, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_on(phrase)

    def full(*_: object, **__: object) -> None:
        raise SaveError("the disk is full")

    monkeypatch.setattr(RunFolder, "save", full)
    seen = settled(session, Step(), Keep())
    assert (seen.kept, seen.notice) == (None, "the disk is full")
    assert list_runs(runs) == ()


# Going on.


@pytest.mark.parametrize("model", ["mlp", "gru", "transformer"])
def test_a_run_that_is_resumed_goes_on_as_if_never_stopped(phrase: Corpus, runs: Path, model: str) -> None:
    recipe = Recipe(context=4, embedding=8, batch=2, optimizer="adam", dropout=0.1).with_values(
        model=model, **({"heads": 2} if model == "transformer" else {"hidden": 8})
    )
    session = session_on(phrase, recipe)
    settled(session, Step(7), Alter("rate", 0.01), Step(6), Keep())
    stopped = new_session()
    refused = settled(stopped, Resume(runs / f"phrase-{model}", phrase))
    assert "is in use" in refused.notice  # two sessions do not write to one folder
    settled(session, Start(recipe, phrase))
    resumed = settled(stopped, Resume(runs / f"phrase-{model}", phrase))
    assert resumed.step == 13
    assert resumed.kept is not None
    one = settled(session, BringBack(), Step(20))
    other = settled(stopped, Step(20))
    assert losses(one) == losses(other)
    assert weights(session) == weights(stopped)


def test_the_run_that_goes_on_is_not_resumed(phrase: Corpus, runs: Path) -> None:
    session = session_on(phrase)
    seen = settled(session, Step(2), Keep(), Step(), Resume(runs / "phrase-mlp", phrase))
    assert "goes on here already" in seen.notice
    assert seen.step == 3


def test_a_run_that_cannot_be_resumed_leaves_the_present_one(phrase: Corpus, runs: Path) -> None:
    session = session_on(phrase)
    settled(session, Step(2), Keep(), Start(SMALL, phrase), Step(1))
    (runs / "phrase-mlp" / "checkpoint.safetensors").write_bytes(b"no such thing")
    seen = settled(session, Resume(runs / "phrase-mlp", phrase))
    assert "checkpoint.safetensors" in seen.notice
    assert seen.step == 1


# Making room.


def test_another_run_sets_the_present_one_aside_and_it_comes_back_as_it_was(phrase: Corpus) -> None:
    session = session_on(phrase)
    before = settled(session, Step(20))
    stood = weights(session)
    seen = settled(session, Start(SMALL.with_values(seed=9), phrase), Step(2))
    assert [(run.step, run.kept) for run in seen.set_aside] == [(20, False)]
    seen = settled(session, BringBack())
    assert (seen.step, seen.recipe, losses(seen)) == (20, before.recipe, losses(before))
    assert weights(session) == stood
    assert [run.step for run in seen.set_aside] == [2]
    assert settled(session, Rewind(5)).step == 15  # with all its past
    assert settled(session, BringBack()).step == 2


def test_a_run_without_a_step_is_not_set_aside(phrase: Corpus) -> None:
    session = session_on(phrase)
    seen = settled(session, Start(SMALL, phrase), BringBack())
    assert seen.set_aside == ()
    assert "no run was set aside" in seen.notice


def test_a_few_steps_after_a_reset_do_not_push_out_the_run_before(phrase: Corpus) -> None:
    session = session_on(phrase)
    settled(session, Step(30))
    for steps in (1, 2):
        settled(session, Start(SMALL, phrase), Step(steps))
    seen = settled(session, Start(SMALL, phrase))
    assert [run.step for run in seen.set_aside] == [30, 1, 2]
    assert [settled(session, BringBack()).step for _ in range(4)] == [2, 1, 30, 2]  # each has its turn


def test_a_kept_run_that_makes_room_is_saved_and_kept_again_when_it_is_back(
    phrase: Corpus, runs: Path
) -> None:
    session = session_on(phrase)
    settled(session, Keep(), Step(4))
    seen = settled(session, Start(SMALL, phrase))
    assert seen.kept is None
    assert on_disk(runs / "phrase-mlp", phrase) == 4
    seen = settled(session, BringBack(), Step())
    assert seen.kept is not None
    assert on_disk(runs / "phrase-mlp", phrase) == 5


def test_a_run_whose_folder_went_on_without_it_leaves_that_alone(phrase: Corpus, runs: Path) -> None:
    session = session_on(phrase)
    settled(session, Keep(), Step(4), Start(SMALL, phrase))
    other = new_session()
    settled(other, Resume(runs / "phrase-mlp", phrase), Step(5), Start(SMALL, phrase))
    seen = settled(session, BringBack(), Step())
    assert "not kept any more" in seen.notice
    assert (seen.kept, seen.step) == (None, 5)
    assert on_disk(runs / "phrase-mlp", phrase) == 9


# The end.


def test_at_the_end_every_run_that_has_begun_is_saved(phrase: Corpus, runs: Path) -> None:
    session = session_on(phrase, tick=0.0)  # nothing is saved by the clock
    settled(session, Step(4), Start(SMALL, phrase), Step(2))
    settled(session, Start(SMALL, phrase), Step(3))
    seen = settled(session, KeepAll())
    assert sorted(run.step for run in list_runs(runs)) == [2, 3, 4]
    assert seen.kept is not None
    assert all(run.kept for run in seen.set_aside)


def test_only_what_is_kept_is_saved_where_nothing_new_is_to_be(phrase: Corpus, runs: Path) -> None:
    session = session_on(phrase)
    settled(session, Step(4), Start(SMALL, phrase), Step(2), KeepAll(new=False))
    assert list_runs(runs) == ()


def test_a_session_without_a_run_has_nothing_to_save(runs: Path) -> None:
    seen = settled(Session(), KeepAll())
    assert (seen.notice_number, list_runs(runs)) == (0, ())


def test_a_resumed_run_that_stands_is_validated_and_that_is_written_down(
    phrase: Corpus, tmp_path: Path
) -> None:
    trainer = Trainer(SMALL, phrase)
    for _ in range(20):
        trainer.step()
    with RunFolder.create(tmp_path / "run", SMALL, phrase) as folder:
        folder.save(trainer, 1.0)
    session = new_session(1.0)
    seen = settled(session, Resume(tmp_path / "run", phrase))
    assert (seen.step, seen.trouble) == (20, None)
    assert seen.losses is not None
    assert seen.losses.validation_steps.tolist() == [20]
    assert [r["step"] for r in RunFolder.open(tmp_path / "run").records()] == [20]


def test_the_rate_that_is_written_down_is_that_of_the_step(phrase: Corpus, runs: Path) -> None:
    recipe = SMALL.with_values(warmup=4, rate=0.1)
    settled(session_on(phrase, recipe), Keep(), Step(), Step())
    records = RunFolder.open(runs / "phrase-mlp").records()
    rates = {record["step"]: record["rate"] for record in records if "rate" in record}
    assert rates == {1: pytest.approx(0.02), 2: pytest.approx(0.04)}


def test_the_best_is_kept_only_as_it_stood_when_it_was_validated(phrase: Corpus, runs: Path) -> None:
    recipe = SMALL.with_values(patience=50, validate_every=10, stop_steps=40)
    session = session_on(phrase, recipe)
    settled(session, Keep(), Run())
    assert session.run is not None
    folder = RunFolder.open(runs / "phrase-mlp")
    for commands in ((), (Rewind(5), Step()), (Rewind(3),)):
        settled(session, *commands)
        kept = folder.load(lambda name: phrase, best=True).course.steps_made
        assert kept >= session.run.stopping.validations.best_step
        assert kept in (10, 20, 30, 36, 40)  # the steps that were validated


def test_a_run_that_has_to_go_is_told(phrase: Corpus, runs: Path) -> None:
    session = session_on(phrase)
    for seed in range(5):
        seen = settled(session, Run(120), Start(SMALL.with_values(seed=seed), phrase))
    assert "the oldest, at step 120, made room" in seen.notice
