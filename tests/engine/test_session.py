"""A session carries out every command, and what it cannot do becomes a notice, with the run as it was."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from corpora.corpus import Corpus, Origin
from engine.autograd.tensor import FloatArray
from engine.commands import (
    Alter,
    Ask,
    Command,
    Generate,
    NextPhase,
    Pause,
    ReturnTo,
    Rewind,
    Run,
    Start,
    Step,
)
from engine.session import Session
from engine.snapshot import Phase, Snapshot, Status
from engine.training.recipe import Recipe
from engine.training.trainer import Trainer

SMALL = Recipe(context=3, embedding=4, hidden=8, layers=2, batch=4, seed=5)


def session_on(corpus: Corpus, recipe: Recipe = SMALL) -> Session:
    session = Session()
    session.handle(Start(recipe, corpus))
    return session


def weights(session: Session) -> FloatArray:
    """The parameters of the session's run, live."""
    assert session.run is not None
    assert isinstance(session.run.trainer, Trainer)
    return session.run.trainer.model.parameters.values


def after(session: Session, *commands: Command) -> Snapshot:
    """What there is to see once the commands are carried out and nothing is left to do."""
    for command in commands:
        session.handle(command)
    for _ in range(100_000):
        if not session.work():
            return session.picture()
    raise AssertionError("the session finds no end")


def trained(corpus: Corpus, steps: int, recipe: Recipe = SMALL) -> Trainer:
    trainer = Trainer(recipe, corpus)
    for _ in range(steps):
        trainer.step()
    return trainer


# Beginning.


@pytest.mark.parametrize(
    "command",
    [Run(), Pause(), Step(), NextPhase(), Rewind(), Alter("rate", 1.0), Ask("a"), Generate("a", 3)],
    ids=lambda command: type(command).__name__,
)
def test_without_a_text_every_command_says_so(command: Command) -> None:
    seen = after(Session(), command)
    assert seen.status is Status.EMPTY
    assert seen.notice == "no text is open yet: open one first"
    assert seen.notice_number == 1
    assert seen.trouble is None


def test_a_start_shows_the_run_before_its_first_step(phrase: Corpus) -> None:
    seen = after(session_on(phrase))
    trainer = Trainer(SMALL, phrase)
    assert (seen.status, seen.step, seen.epoch, seen.seconds) == (Status.PAUSED, 0, 0, 0)
    assert seen.corpus is phrase
    assert seen.recipe == seen.current == SMALL
    assert seen.borders == trainer.borders
    assert seen.rewind_limit == trainer.rewind_limit > 256
    assert seen.rewindable == 0
    assert (seen.example, seen.trace, seen.trouble, seen.steps_per_second) == (None, None, None, None)
    assert sum(group.count for group in seen.parameters) == trainer.model.parameters.values.size
    assert seen.next_character is not None
    assert seen.next_character.context == tuple(phrase.ids[:3].tolist())
    assert np.allclose(seen.next_character.logits, trainer.model.logits(phrase.ids[:3]))


def test_a_second_start_begins_anew(phrase: Corpus) -> None:
    session = session_on(phrase)
    after(session, Run(20), Start(SMALL.with_values(seed=6), phrase))
    seen = session.picture()
    assert (seen.step, seen.status) == (0, Status.PAUSED)
    assert seen.losses is not None
    assert len(seen.losses.steps) == len(seen.losses.validation) == 0


@pytest.mark.parametrize(
    ("recipe", "text", "told"),
    [
        (SMALL, "aaaaaaaaaaaaaaaaaa", "1 distinct character"),
        (SMALL, "abc", "too few for a context of 3"),
        (SMALL.with_values(fingerprint="123"), "abcdefghij", "fingerprint = 123"),
        (SMALL.with_values(model="scalar-mlp", activation="gelu"), "abcdefghij", "activation = gelu"),
        (SMALL.with_values(train_share=0.1), "abcdefghij", "train_share = 0.1"),
    ],
)
def test_a_refused_start_is_a_notice_and_the_run_before_goes_on(
    recipe: Recipe, text: str, told: str, phrase: Corpus
) -> None:
    session = session_on(phrase)
    after(session, Run(5))
    bad = Corpus.from_text("bad", text, origin=Origin.OWN, source="written here")
    seen = after(session, Start(recipe, bad))
    assert told in seen.notice
    assert seen.trouble is None
    assert (seen.corpus, seen.step, seen.status) == (phrase, 5, Status.PAUSED)
    assert after(session, Run(5)).step == 10


# Training.


def test_a_run_makes_the_asked_for_steps_and_pauses(phrase: Corpus) -> None:
    session = session_on(phrase)
    session.handle(Run(50))
    assert session.picture().status is Status.RUNNING
    seen = after(session)
    assert (seen.status, seen.step) == (Status.PAUSED, 50)
    assert seen.seconds > 0
    assert seen.losses is not None
    assert seen.losses.raw.tolist() == trained(phrase, 50).losses.column(0).tolist()
    assert after(session, Run(7)).step == 57


def test_a_run_without_an_end_goes_on_until_it_is_paused(phrase: Corpus) -> None:
    session = session_on(phrase)
    session.handle(Run())
    while session.picture().step < 100:
        assert session.work()
    seen = after(session, Pause())
    assert seen.status is Status.PAUSED
    assert seen.steps_per_second is None
    assert after(session).step == seen.step


def test_whole_steps_by_hand_keep_the_trace_of_the_last(phrase: Corpus) -> None:
    seen = after(session_on(phrase), Step(), Step(3))
    assert seen.step == 4
    assert seen.trace is not None
    assert (seen.trace.step, seen.trace.done) == (4, Phase.UPDATE)


def test_the_phases_of_a_step_come_one_by_one(phrase: Corpus) -> None:
    session = session_on(phrase)
    for phase in [*Phase, *Phase]:
        seen = after(session, NextPhase())
        assert seen.trace is not None
        assert seen.trace.done is phase
    assert seen.step == 2
    seen = after(session, NextPhase(), NextPhase(), Step())
    assert seen.step == 3
    assert seen.losses is not None
    assert seen.losses.raw.tolist() == trained(phrase, 3).losses.column(0).tolist()


def test_going_back_shows_the_step_one_then_stands_at(phrase: Corpus) -> None:
    session = session_on(phrase)
    after(session, Run(40))
    seen = after(session, Rewind(10))
    assert seen.step == 30
    assert seen.trace is not None
    assert (seen.trace.step, seen.trace.done) == (30, Phase.UPDATE)
    assert seen.losses is not None
    assert seen.losses.steps.tolist() == list(range(1, 31))
    assert seen.losses.validation_steps.max() <= 30
    values = weights(session).tobytes()
    assert values == trained(phrase, 30).model.parameters.values.tobytes()


def test_going_back_further_than_memory_says_how_far_it_went(phrase: Corpus) -> None:
    session = session_on(phrase)
    after(session, Run(20))
    seen = after(session, Rewind(1_000))
    assert seen.step == 0
    assert seen.notice == "went back 20 steps, to the beginning of the run"
    assert (seen.example, seen.trace) == (None, None)


def test_going_back_by_one_within_a_step_only_gives_that_step_up(phrase: Corpus) -> None:
    session = session_on(phrase)
    seen = after(session, Step(5), NextPhase(), NextPhase(), Rewind(1))
    assert seen.step == 5
    assert seen.trace is not None
    assert (seen.trace.step, seen.trace.done) == (5, Phase.UPDATE)
    assert seen.example is not None
    assert seen.example == seen.trace.example
    assert seen.notice == ""
    seen = after(session, NextPhase(), Rewind(0))
    assert seen.step == 5


def test_a_run_returns_to_the_very_step_also_from_the_middle_of_one_or_at_full_speed(phrase: Corpus) -> None:
    session = session_on(phrase)
    assert after(session, Step(10), ReturnTo(7)).step == 7
    seen = after(session, Step(3), NextPhase(), NextPhase(), ReturnTo(7))
    assert (seen.step, seen.status) == (7, Status.PAUSED)
    assert after(session, NextPhase(), ReturnTo(7)).step == 7  # what was begun is given up
    session.handle(Run())
    while session.picture().step < 20:
        session.work()
    seen = after(session, ReturnTo(9))
    assert (seen.step, seen.status) == (9, Status.PAUSED)
    seen = after(session, ReturnTo(1_000))
    assert (seen.step, seen.notice) == (9, "")  # there is no way forward


def test_turning_an_ingredient_shows_at_once_and_a_refusal_is_a_notice(phrase: Corpus) -> None:
    session = session_on(phrase)
    seen = after(session, Step(2), Alter("rate", 0.5))
    assert seen.current is not None
    assert seen.current.rate == 0.5
    assert str(seen.recipe).endswith("@2:rate=0.5")
    seen = after(session, Alter("hidden", 3))
    assert seen.notice.startswith("hidden: cannot change during a run")
    seen = after(session, Alter("rate", 101))
    assert "rate = 101" in seen.notice
    assert seen.notice_number == 2
    assert str(seen.recipe).endswith("@2:rate=0.5")


# Validation.


def test_the_validation_loss_is_the_mean_over_the_whole_split_at_its_step(phrase: Corpus) -> None:
    seen = after(session_on(phrase), Run(30))
    assert seen.losses is not None
    assert seen.losses.validation_steps[-1] == 30
    for step, loss in zip(seen.losses.validation_steps, seen.losses.validation, strict=True):
        model = trained(phrase, int(step)).model
        _, start, stop, _ = seen.borders
        assert loss == pytest.approx(model.nll(phrase.ids[:stop], start).mean(), rel=1e-12)


def long_text() -> Corpus:
    text = "".join(np.random.default_rng(0).choice(list("abcdef "), 9000))
    return Corpus.from_text("long", text, origin=Origin.OWN, source="written here")


def test_a_split_of_several_slices_is_scored_whole() -> None:
    long, recipe = long_text(), SMALL.with_values(train_share=0.5, validation_share=0.4)
    seen = after(session_on(long, recipe), Step(3))
    assert seen.losses is not None
    expected = trained(long, 3, recipe).model.nll(long.ids[:8100], 4500).mean()
    assert seen.losses.validation[-1] == pytest.approx(expected, rel=1e-12)


def test_without_a_validation_part_there_is_no_validation_loss(phrase: Corpus) -> None:
    seen = after(session_on(phrase, SMALL.with_values(validation_share=0)), Run(20))
    assert seen.losses is not None
    assert len(seen.losses.validation) == 0


def test_while_a_run_runs_each_validation_belongs_to_the_step_at_which_it_began() -> None:
    long, recipe = long_text(), SMALL.with_values(train_share=0.5, validation_share=0.4)
    session = session_on(long, recipe)
    session.handle(Run())
    losses = session.picture().losses
    while losses is None or len(losses.validation) < 3:
        session.work()
        losses = session.picture().losses
    assert session.picture().status is Status.RUNNING
    assert (np.diff(losses.validation_steps) > 0).all()
    for step, loss in zip(losses.validation_steps[:3], losses.validation, strict=False):
        expected = trained(long, int(step), recipe).model.nll(long.ids[:8100], 4500).mean()
        assert loss == pytest.approx(expected, rel=1e-12)


def test_a_run_that_runs_is_validated_only_while_that_took_a_tenth_of_its_time(phrase: Corpus) -> None:
    session = session_on(phrase)
    after(session, Step())
    run = session.run
    assert run is not None
    assert not run.validator.due(None)  # this step is done
    run.trainer.step()
    run.seconds = 1e9
    assert run.validator.due(run.seconds)
    run.seconds = 0.0
    assert not run.validator.due(run.seconds)
    assert run.validator.due(None)


# Snapshots.


def test_a_snapshot_is_a_copy_that_never_changes(phrase: Corpus) -> None:
    session = session_on(phrase)
    seen = after(session, Run(30), Step())
    assert seen.losses is not None
    assert seen.next_character is not None
    assert seen.trace is not None
    assert seen.trace.logits is not None
    arrays = [
        seen.losses.steps,
        seen.losses.raw,
        seen.losses.smoothed,
        seen.losses.validation_steps,
        seen.losses.validation,
        seen.next_character.logits,
        seen.trace.logits,
        *(layer.values for layer in seen.trace.layers),
    ]
    copies = [array.copy() for array in arrays]
    after(session, Step(), Run(30), Rewind(45), Alter("rate", 1.0), Run(9))
    assert all(np.array_equal(array, copy) for array, copy in zip(arrays, copies, strict=True))
    for array in arrays:
        array.fill(-7)  # nor does the run see what is written to it
    later = after(session, Rewind(10), Run(10))
    assert later.version > seen.version
    assert later.recipe is not None
    values = weights(session).tobytes()
    assert values == trained(phrase, later.step, later.recipe).model.parameters.values.tobytes()


def test_a_run_that_outgrows_its_history_takes_no_more_memory(phrase: Corpus) -> None:
    session = Session(rewind_budget=100_000)
    session.handle(Start(Recipe(context=1, embedding=1, hidden=1, layers=1, batch=1), phrase))
    after(session, Run(9_000))
    tracemalloc.start()
    try:
        after(session, Run(3_000))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    seen = session.picture()
    assert seen.step == 12_000
    assert seen.losses is not None
    assert len(seen.losses.steps) <= 8192
    assert kept < 200_000  # every state to go back to made anew, and nothing that grows with the steps
