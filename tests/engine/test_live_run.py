"""A live run validates when its recipe says so, and stops when one of its conditions holds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from corpora.corpus import Corpus
from engine.commands import Run, Start
from engine.keeping import Keeper, keep
from engine.live_run import LiveRun
from engine.session import Session
from engine.snapshot import Status
from engine.training.autosave import FIRST
from engine.training.beginning import begin
from engine.training.errors import RunError
from engine.training.recipe import Recipe
from engine.training.run_folder import RunFolder
from engine.training.runs import delete
from engine.training.stopping import Validations
from engine.validating import VALIDATIONS_KEPT
from tests.engine.sessions import settled

SMALL = Recipe(context=4, embedding=4, hidden=8, layers=1)
FOREVER = 10**9


def led(run: LiveRun) -> str:
    """Train and validate until the run has a reason to stop."""
    while True:
        if run.validator.owed:
            run.validate()
        elif (why := run.why_stop()) is not None:
            return why
        else:
            run.train(time.perf_counter() + 0.01, None)


def test_it_stops_at_the_very_step(phrase: Corpus) -> None:
    run = LiveRun(begin(SMALL.with_values(stop_steps=37), phrase))
    assert led(run) == "37 steps are made"
    assert run.trainer.steps_made == 37


def test_a_resumed_run_validates_within_its_share_of_what_comes_after(phrase: Corpus) -> None:
    run = LiveRun(begin(SMALL, phrase), seconds=3600.0)
    run.train(time.perf_counter() + 0.001, None)
    while run.validator.due(run.seconds):
        run.validate()
    run.trainer.step()
    assert not run.validator.due(3600.0)


def test_it_stops_when_its_time_is_over(phrase: Corpus) -> None:
    run = LiveRun(begin(SMALL.with_values(stop_seconds=0.03), phrase))
    assert led(run) == "0.03 seconds of training are over"
    assert run.seconds >= 0.03


def test_it_validates_at_every_step_that_is_owed_before_it_goes_on(phrase: Corpus) -> None:
    run = LiveRun(begin(SMALL.with_values(validate_every=10, stop_steps=35), phrase))
    led(run)
    assert run.validator.losses.steps().tolist() == [10, 20, 30]
    _, start, stop, _ = run.trainer.borders
    fresh = LiveRun(begin(SMALL.with_values(validate_every=10, stop_steps=20), phrase))
    led(fresh)
    expected = fresh.trainer.model.nll(phrase.ids[:stop], start).mean()
    assert run.validator.losses.column(0)[1] == pytest.approx(expected, rel=1e-12)


def test_it_stops_once_the_validation_loss_is_low_enough(phrase: Corpus) -> None:
    run = LiveRun(begin(SMALL.with_values(validate_every=10, stop_loss=3.0, rate=0.5), phrase))
    assert "the validation loss is" in led(run)
    loss = run.validator.last_loss
    assert loss is not None
    assert loss <= 3.0
    assert (run.validator.losses.column(0)[:-1] > 3.0).all()


def test_it_stops_when_patience_is_over_and_knows_the_best_step(phrase: Corpus) -> None:
    recipe = SMALL.with_values(validate_every=5, patience=3, rate=2.0, optimizer="adam")
    run = LiveRun(begin(recipe, phrase))
    assert "no better validation loss in 3 validations" in led(run)
    losses = run.validator.losses.column(0)
    best = run.stopping.validations
    assert best.best == losses.min()
    assert best.best_step == run.trainer.steps_made - 15


def test_a_resumed_run_remembers_its_validations(phrase: Corpus) -> None:
    recipe = SMALL.with_values(validate_every=5, patience=3, stop_steps=20)
    run = LiveRun(begin(recipe, phrase))
    led(run)
    again = LiveRun(run.trainer, run.seconds, run.validator.losses)
    assert again.stopping.validations == run.stopping.validations
    assert again.validator.last_step == 20
    assert not again.validator.owed


def test_the_best_is_remembered_when_its_row_is_long_gone(phrase: Corpus) -> None:
    run = LiveRun(begin(SMALL.with_values(validate_every=1), phrase))
    losses = [2.0, 1.0] + [1.5] * (2 * VALIDATIONS_KEPT)
    for step, loss in enumerate(losses, 1):
        run.stopping.validated(step, loss)
        run.validator.losses.append(step, *run.stopping.validations.row)
    assert 1.0 not in run.validator.losses.column(0)
    run.trainer.steps_made = len(losses)
    resumed = LiveRun(run.trainer, 0.0, run.validator.losses)
    assert resumed.stopping.validations == Validations(1.5, 1.0, 2, 2 * VALIDATIONS_KEPT)
    run.trainer.steps_made -= 3
    run.validator.stop()
    assert run.stopping.validations == Validations(1.5, 1.0, 2, 2 * VALIDATIONS_KEPT - 3)


def test_the_session_pauses_a_run_that_is_over_and_says_why(phrase: Corpus) -> None:
    session = Session()
    seen = settled(session, Start(SMALL.with_values(stop_steps=9), phrase), Run())
    assert (seen.step, seen.status) == (9, Status.PAUSED)
    assert seen.notice == "stopped: 9 steps are made"


def test_the_session_stops_when_patience_is_over_however_often_it_validates(phrase: Corpus) -> None:
    recipe = SMALL.with_values(validate_every=1, patience=3, rate=2.0, optimizer="adam")
    seen = settled(Session(), Start(recipe, phrase), Run())
    assert "no better validation loss in 3 validations" in seen.notice
    assert seen.losses is not None
    assert seen.losses.validation.argmin() == len(seen.losses.validation) - 4


def test_with_patience_a_validation_that_has_begun_is_waited_for(phrase: Corpus) -> None:
    run = LiveRun(begin(SMALL.with_values(patience=3), phrase))
    run.train(time.perf_counter() + 0.01, None)
    made = run.trainer.steps_made
    while run.validator.last_step != made:
        run.validate()
        run.train(time.perf_counter() + 0.01, None)
        assert run.trainer.steps_made == made or run.validator.last_step == made
    assert not run.validator.owed


def test_going_back_takes_the_validations_of_later_steps_back(phrase: Corpus) -> None:
    run = LiveRun(begin(SMALL.with_values(validate_every=10, stop_steps=30), phrase))
    led(run)
    run.rewind(15)
    assert run.validator.losses.steps().tolist() == [10]
    led(run)
    assert run.validator.losses.steps().tolist() == [10, 20, 30]


def test_a_folder_that_was_deleted_meanwhile_is_said_to_be_gone_and_not_to_have_changed(
    phrase: Corpus, tmp_path: Path
) -> None:
    run = LiveRun(begin(SMALL, phrase))
    keeper = keep(run, tmp_path / "run")
    keeper.close()
    delete(tmp_path / "run")
    with pytest.raises(RunError, match=r"run' is gone; keep the run again"):
        keeper.go_on()


def test_a_run_of_which_nothing_is_saved_is_saved_soon_and_one_that_is_not_before_its_time(
    phrase: Corpus, tmp_path: Path
) -> None:
    now = 0.0
    course = begin(SMALL, phrase)
    saved = []
    with RunFolder.create(tmp_path / "run", SMALL, phrase) as folder:
        keeper = Keeper(LiveRun(course), folder, clock=lambda: now)
        for second in range(1, 40):
            now = float(second)
            course.step()
            keeper.look()
            saved.append(keeper.picture().step)
        assert (saved[1], saved[2], saved[31], saved[32]) == (0, 3, 3, 33)
        again = Keeper(LiveRun(course), folder, clock=lambda: now)
        now += FIRST
        course.step()
        again.look()
        assert again.unsaved


def test_a_folder_that_has_lost_its_checkpoint_meanwhile_has_changed(phrase: Corpus, tmp_path: Path) -> None:
    run = LiveRun(begin(SMALL, phrase))
    keeper = keep(run, tmp_path / "run")
    keeper.close()
    (tmp_path / "run" / "checkpoint.safetensors").unlink()
    with pytest.raises(RunError, match=r"run' has changed since"):
        keeper.go_on()
