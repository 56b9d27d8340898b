"""The engine thread: commands in, fresh snapshots out, alive whatever happens, and gone when asked to go."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from corpora.corpus import Corpus, Origin
from engine.commands import Alter, Generate, NextPhase, Pause, Rewind, Run, Start, Step, StopGenerating
from engine.snapshot import SampleState, Status
from engine.thread import EngineThread
from engine.training.recipe import Recipe
from engine.training.trainer import Trainer

SMALL = Recipe(context=3, embedding=4, hidden=8, layers=2, batch=4, seed=5)
PATIENCE = 30.0
"""Seconds after which a test gives up; none of them waits that long."""


@pytest.fixture
def engine() -> Iterator[EngineThread]:
    thread = EngineThread()
    thread.start()
    yield thread
    assert thread.close(PATIENCE)


def losses_of(corpus: Corpus, steps: int) -> list[float]:
    trainer = Trainer(SMALL, corpus)
    return [trainer.step().loss for _ in range(steps)]


def run_until(engine: EngineThread, step: int) -> int:
    """Let a running run pass `step`; where it was seen."""
    while (seen := engine.settled(PATIENCE)).step < step:
        assert seen.status is Status.RUNNING
    return seen.step


def test_commands_are_carried_out_in_their_order(engine: EngineThread, phrase: Corpus) -> None:
    for command in (Start(SMALL, phrase), Step(5), Alter("batch", 7), Step(2), Rewind(1), NextPhase()):
        engine.send(command)
    seen = engine.settled(PATIENCE)
    assert seen.step == 6
    assert seen.trace is not None
    assert (seen.trace.step, seen.trace.batch) == (7, 7)
    assert str(seen.recipe).endswith("@5:batch=7")


def test_a_run_runs_by_itself_and_makes_the_steps_of_a_trainer_without_a_thread(
    engine: EngineThread, phrase: Corpus
) -> None:
    engine.send(Start(SMALL, phrase))
    engine.send(Run())
    run_until(engine, 100)
    engine.send(Pause())
    seen = engine.settled(PATIENCE)
    assert seen.status is Status.PAUSED
    assert engine.settled(PATIENCE).step == seen.step
    assert seen.losses is not None
    assert seen.losses.raw[:100].tolist() == losses_of(phrase, 100)


def test_while_a_run_runs_a_snapshot_is_drawn_when_it_is_asked_for(
    engine: EngineThread, phrase: Corpus
) -> None:
    engine.send(Start(SMALL, phrase))
    engine.send(Run())
    first = engine.settled(PATIENCE)
    engine.request_snapshot()
    while engine.snapshot is first:
        assert engine.settled(PATIENCE).version > first.version
    assert engine.snapshot.status is Status.RUNNING


def test_when_nothing_runs_the_snapshot_is_the_latest_without_asking(
    engine: EngineThread, phrase: Corpus
) -> None:
    engine.send(Start(SMALL, phrase))
    engine.send(Step(3))
    reached = engine.settled(PATIENCE)
    assert reached.step == 3
    while engine.snapshot.losses is None or not len(engine.snapshot.losses.validation):
        pass  # the validation goes on by itself and its result appears without a command
    assert engine.snapshot.losses.validation_steps.tolist() == [3]


def test_a_text_is_written_while_the_run_goes_on(engine: EngineThread, phrase: Corpus) -> None:
    engine.send(Start(SMALL, phrase))
    engine.send(Run())
    run_until(engine, 50)
    engine.send(Generate("the", 500, seed=3))
    asked = engine.settled(PATIENCE)
    while (seen := engine.settled(PATIENCE)).samples[-1].state is SampleState.WRITING:
        assert seen.status is Status.RUNNING
    sample = seen.samples[-1]
    assert sample.state is SampleState.DONE
    assert len(sample.text) == 500
    assert 50 <= sample.step <= asked.step <= seen.step
    engine.send(Generate("the", 10**9))
    engine.send(StopGenerating())
    assert engine.settled(PATIENCE).samples[-1].state is SampleState.STOPPED


def test_the_thread_lives_through_faults_and_goes_on_training(
    engine: EngineThread, phrase: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a fault from inside")

    engine.send(Start(SMALL, phrase))
    engine.send(Step(20))
    engine.settled(PATIENCE)
    with monkeypatch.context() as patch:
        patch.setattr("engine.models.mlp.MLP.forward", fail)
        engine.send(Run())
        while (seen := engine.settled(PATIENCE)).status is Status.RUNNING:
            pass
        assert seen.status is Status.STOPPED
        assert seen.trouble is not None
        assert "RuntimeError: a fault from inside" in seen.trouble.message
    engine.send(Run(40 - seen.step))
    while (seen := engine.settled(PATIENCE)).status is Status.RUNNING:
        pass
    assert (seen.step, seen.trouble) == (40, None)
    assert seen.losses is not None
    assert seen.losses.raw.tolist() == losses_of(phrase, 40)


def test_a_refused_start_leaves_the_run_running(engine: EngineThread, phrase: Corpus) -> None:
    engine.send(Start(SMALL, phrase))
    engine.send(Run())
    bad = Corpus.from_text("bad", "", origin=Origin.OWN, source="written here")
    engine.send(Start(SMALL, bad))
    seen = engine.settled(PATIENCE)
    assert "empty" in seen.notice
    assert seen.status is Status.RUNNING
    run_until(engine, seen.step + 10)


def test_closing_in_the_middle_of_a_run_ends_the_thread(phrase: Corpus) -> None:
    engine = EngineThread()
    engine.start()
    engine.send(Start(SMALL, phrase))
    engine.send(Run())
    engine.send(Generate("the", 10**9))
    run_until(engine, 10)
    assert engine.close(PATIENCE)
    assert engine.close(PATIENCE)
    assert engine.snapshot.step >= 10


def test_closing_what_never_started_is_done_at_once() -> None:
    assert EngineThread().close()


def test_a_step_that_takes_forever_is_not_waited_for(phrase: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, released = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        begun.set()
        released.wait(PATIENCE)
        raise RuntimeError("released")

    monkeypatch.setattr("engine.models.mlp.MLP.forward", hang)
    engine = EngineThread()
    engine.start()
    engine.send(Start(SMALL, phrase))
    engine.send(Step())
    assert begun.wait(PATIENCE)
    with pytest.raises(TimeoutError, match=r"still busy after 0\.01 s"):
        engine.settled(0.01)
    assert not engine.close(0.01)
    released.set()
    assert engine.close(PATIENCE)
