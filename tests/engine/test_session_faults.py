"""Whatever goes wrong in a session becomes something to read, and the run stands at a whole step and goes on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from corpora.corpus import Corpus
from engine.autograd.tensor import FloatArray
from engine.commands import Alter, Command, Generate, NextPhase, Rewind, Run, Start, Step
from engine.session import Session
from engine.snapshot import Phase, SampleState, Snapshot, Status
from engine.training.recipe import Recipe
from engine.training.trainer import Trainer

SMALL = Recipe(context=3, embedding=4, hidden=8, layers=2, batch=4, seed=5, dropout=0.2, momentum=0.5)
WILD = SMALL.with_values(dropout=0, momentum=0, layers=1, initialiser="he", rate=100)
"""Diverges within a few steps."""

ERRORS = [
    OSError("a fault from outside"),
    ValueError("a shape that is wrong"),
    IndexError("out of bounds"),
    MemoryError(),
]
WHERE = {
    Phase.DRAW: "engine.training.batches.Batches.draw",
    Phase.FORWARD: "engine.models.mlp.MLP.forward",
    Phase.LOSS: "engine.models.mlp.MLP.loss_of",
    Phase.BACKWARD: "engine.nn.parameters.ArrayParameters.gradient",
    Phase.UPDATE: "engine.training.optimizers.SGD.update",
}


def session_on(corpus: Corpus, recipe: Recipe = SMALL) -> Session:
    session = Session()
    session.handle(Start(recipe, corpus))
    return session


def after(session: Session, *commands: Command) -> Snapshot:
    for command in commands:
        session.handle(command)
    for _ in range(10_000):
        if not session.work():
            return session.picture()
    raise AssertionError("the session finds no end")


def weights(session: Session) -> FloatArray:
    """The parameters of the session's run, live."""
    assert session.run is not None
    assert isinstance(session.run.trainer, Trainer)
    return session.run.trainer.model.parameters.values


def values(session: Session) -> bytes:
    return weights(session).tobytes()


def values_at(step: int, recipe: Recipe, corpus: Corpus) -> bytes:
    trainer = Trainer(recipe, corpus)
    for _ in range(step):
        trainer.step()
    return trainer.model.parameters.values.tobytes()


def failing(error: Exception) -> Callable[..., None]:
    def fail(*arguments: object, **_: object) -> None:
        if len(arguments) > 1 and isinstance(arguments[1], np.ndarray) and arguments[1].dtype.kind == "f":
            weights: NDArray[np.floating] = arguments[1]
            weights[::2] -= 7  # an update that stops half-way
        raise error

    return fail


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("command", [Run(5), Step()], ids=["run", "step"])
def test_an_exception_in_any_phase_is_a_trouble_and_the_run_stands_at_its_last_whole_step(
    phase: Phase, error: Exception, command: Command, phrase: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_on(phrase)
    after(session, Run(20))
    kept = values(session)
    with monkeypatch.context() as patch:
        patch.setattr(WHERE[phase], failing(error))
        session.handle(command)
        session.work()
    seen = session.picture()
    assert seen.status is Status.STOPPED
    assert seen.trouble is not None
    assert seen.trouble.title == "The engine met an error"
    assert type(error).__name__ in seen.trouble.message
    assert str(error) in seen.trouble.message
    assert seen.trouble.remedies
    assert seen.step <= 20
    assert values(session) == values_at(seen.step, SMALL, phrase)
    assert seen.step < 20 or values(session) == kept

    seen = after(session, Run(40 - seen.step))
    assert (seen.status, seen.trouble, seen.step) == (Status.PAUSED, None, 40)
    assert values(session) == values_at(40, SMALL, phrase)


@pytest.mark.parametrize("phase", Phase)
def test_an_exception_in_a_phase_done_by_hand_gives_the_step_up(
    phase: Phase, phrase: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_on(phrase)
    after(session, Run(16))  # a step whose state is kept, so that coming back repeats nothing
    for _ in range(list(Phase).index(phase)):
        after(session, NextPhase())
    with monkeypatch.context() as patch:
        patch.setattr(WHERE[phase], failing(ValueError("a fault from inside")))
        session.handle(NextPhase())
    seen = after(session)
    assert seen.status is Status.STOPPED
    assert seen.trouble is not None
    assert "ValueError: a fault from inside" in seen.trouble.message
    seen = after(session, *[NextPhase()] * 5)
    assert seen.trouble is None
    assert seen.status is Status.PAUSED
    assert values(session) == values_at(seen.step, SMALL, phrase)


def test_a_fault_that_stays_is_told_each_time_and_stops_no_command(phrase: Corpus) -> None:
    session = session_on(phrase)
    after(session, Run(20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WHERE[Phase.FORWARD], failing(OSError("gone")))
        for command in (Run(3), Step(), Rewind(1), NextPhase(), NextPhase(), Run(3)):
            session.handle(command)
            session.work()
            seen = session.picture()
        assert seen.status is Status.STOPPED
        assert seen.trouble is not None
        assert "OSError: gone" in seen.trouble.message
        assert seen.next_character is None
        assert "the next character cannot be shown: OSError: gone" in seen.notice
        said = seen.notice_number
        assert session.picture().notice_number == said  # once, not at every picture
    seen = after(session, Run(30))
    assert seen.trouble is None
    assert seen.next_character is not None
    assert values(session) == values_at(seen.step, SMALL, phrase)


def test_a_fault_in_the_validation_is_told_once_and_not_met_again_until_the_next_step(phrase: Corpus) -> None:
    session = session_on(phrase)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.models.window.WindowModel.scoring", failing(OSError("no memory for it")))
        seen = after(session, Step())
        assert seen.trouble is not None
        assert "no memory for it" in seen.trouble.message
        assert not session.work()
    seen = after(session, Step())
    assert seen.losses is not None
    assert seen.losses.validation_steps.tolist() == [2]


def test_a_fault_in_writing_keeps_what_was_written(phrase: Corpus) -> None:
    session = session_on(phrase)
    session.handle(Generate("the", 10**9))
    session.work()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.models.mlp_continuation.MLPContinuation.advance", failing(OSError("broken")))
        session.work()
    (sample,) = session.picture().samples
    assert sample.state is SampleState.STOPPED
    assert len(sample.text) == len(sample.surprises) > 0
    assert session.picture().trouble is not None
    seen = after(session, Generate("the", 5))
    assert seen.samples[1].state is SampleState.DONE


# Divergence.


def diverged(corpus: Corpus) -> tuple[Session, Snapshot]:
    session = session_on(corpus, WILD)
    seen = after(session, Run())
    return session, seen


@pytest.mark.parametrize("by_hand", [False, True], ids=["run", "step"])
def test_a_divergence_stops_the_run_before_the_update_and_is_told_with_remedies(
    by_hand: bool, phrase: Corpus
) -> None:
    session = session_on(phrase, WILD)
    seen = after(session, Step(1000) if by_hand else Run())
    assert seen.status is Status.STOPPED
    assert seen.trouble is not None
    assert seen.trouble.title == "The run diverged"
    assert seen.trouble.step == seen.step + 1
    assert len(seen.trouble.remedies) == 3
    assert seen.steps_per_second is None
    assert values(session) == values_at(seen.step, WILD, phrase)
    again = after(session, Run())
    assert again.trouble == seen.trouble  # nothing has changed: it diverges again


@pytest.mark.parametrize("remedy", [0, 1, 2])
def test_every_remedy_is_a_list_of_commands_that_ends_the_trouble(remedy: int, phrase: Corpus) -> None:
    session, seen = diverged(phrase)
    assert seen.trouble is not None
    seen = after(session, *seen.trouble.remedies[remedy].commands)
    assert seen.trouble is None
    assert seen.status is Status.PAUSED
    assert seen.step == 0
    assert seen.current is not None
    assert (seen.current.rate, seen.current.clip_norm) == [(100, 0), (10, 0), (100, 1)][remedy]


def test_after_going_back_and_lowering_the_rate_the_run_learns(phrase: Corpus) -> None:
    session, _ = diverged(phrase)
    seen = after(session, Rewind(100), Alter("rate", 0.1), Run(50))
    assert (seen.step, seen.trouble, seen.status) == (50, None, Status.PAUSED)
    assert seen.losses is not None
    assert np.isfinite(seen.losses.raw).all()


def test_weights_that_have_blown_up_can_be_looked_at_and_write_a_reason_instead_of_a_text(
    phrase: Corpus,
) -> None:
    session = session_on(phrase)
    after(session, Step())
    assert session.run is not None
    weights(session)[::2] = np.inf
    weights(session)[1::2] = -np.inf
    seen = after(session, Generate("the", 5))  # warnings are errors here: none of this may warn
    assert seen.next_character is not None
    assert not np.isfinite(seen.next_character.logits).any()
    (sample,) = seen.samples
    assert sample.state is SampleState.STOPPED
    assert "there is nothing to draw from" in sample.note
    assert seen.trouble is None


def test_a_picture_that_cannot_be_drawn_becomes_a_trouble_and_the_next_one_is_whole(
    phrase: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_on(phrase)
    after(session, Step(3))
    with monkeypatch.context() as broken:
        broken.setattr("engine.live_run.LiveRun.losses", failing(MemoryError("no room for a copy")))
        seen = session.picture()
    assert seen.trouble is not None
    assert "no room for a copy" in seen.trouble.message
    assert session.picture().step == 3


def test_validations_of_steps_that_a_fault_took_back_are_forgotten(
    phrase: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_on(phrase, SMALL.with_values(dropout=0))
    after(session, Step(40))
    with monkeypatch.context() as broken:
        broken.setattr(WHERE[Phase.LOSS], failing(OSError("twice")))
        session.handle(Step())
    seen = after(session, Step())
    assert seen.losses is not None
    steps = seen.losses.validation_steps.tolist()
    assert steps == sorted(steps)
    assert steps[-1] == seen.step
