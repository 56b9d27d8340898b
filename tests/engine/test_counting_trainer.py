"""A model that counts learns by reading on, step by step, and going back is exact."""

from __future__ import annotations

import numpy as np
import pytest

from corpora.corpus import Corpus
from engine.commands import Alter, Generate, NextPhase, Rewind, Run, Start, Step
from engine.information import softmax
from engine.models.counting.kneser_ney import KneserNey
from engine.session import Session
from engine.snapshot import Phase, SampleState, Snapshot, Status
from engine.training.beginning import begin, watch
from engine.training.counting_trainer import FIRST_READING, CountingTrainer
from engine.training.course import Finished
from engine.training.recipe import Recipe
from engine.training.rules import COUNTING, RecipeError
from tests.engine.sessions import settled

RECIPE = Recipe(model="kneser-ney", order=3)


def trained(corpus: Corpus, steps: int, recipe: Recipe = RECIPE) -> CountingTrainer:
    trainer = CountingTrainer(recipe, corpus)
    for _ in range(steps):
        trainer.step()
    return trainer


def test_each_step_reads_as_much_again_until_all_is_read(phrase: Corpus) -> None:
    trainer = CountingTrainer(RECIPE, phrase)
    end = trainer.borders[1]
    read = []
    while not trainer.finished:
        trainer.step()
        read.append(round(trainer.epochs * end))
    assert read == [64, 128, 256, end]
    assert trainer.rewind_limit == 4
    with pytest.raises(Finished, match=rf"kneser-ney has read all {end} characters"):
        trainer.step()
    assert trainer.steps_made == 4


def test_the_loss_is_what_is_new_costs_before_it_is_counted(phrase: Corpus) -> None:
    trainer = trained(phrase, 2)
    alone = KneserNey(len(phrase.vocabulary), 3)
    alone.fit(phrase.ids[:64])
    second = alone.nll(phrase.ids[:128], 64)
    steps, losses = trainer.losses.steps().tolist(), trainer.losses.column(0)
    assert steps == [1, 2]
    assert losses[0] == pytest.approx(np.log(len(phrase.vocabulary)))
    assert losses[1] == pytest.approx(second.mean(), rel=1e-12)
    everything = FIRST_READING * losses[0] + second.sum()
    assert trainer.losses.column(1)[1] == pytest.approx(everything / 128, rel=1e-12)


def test_at_the_end_it_is_the_model_fitted_to_the_training_part(phrase: Corpus) -> None:
    trainer = trained(phrase, 4)
    alone = KneserNey(len(phrase.vocabulary), 3)
    alone.fit(phrase.ids[: trainer.borders[1]])
    assert np.array_equal(trainer.model.logits(phrase.ids[:5]), alone.logits(phrase.ids[:5]))
    assert [group.count for group in trainer.table] == list(alone.sizes)


def test_going_back_is_exact_and_goes_on_as_before(phrase: Corpus) -> None:
    trainer = trained(phrase, 4)
    whole = trainer.losses.column(1).tolist()
    assert trainer.rewind(3) == 3
    assert np.array_equal(
        trainer.model.logits(phrase.ids[:9]), trained(phrase, 1).model.logits(phrase.ids[:9])
    )
    assert trainer.losses.steps().tolist() == [1]
    while not trainer.finished:
        trainer.step()
    assert trainer.losses.column(1).tolist() == whole
    assert trainer.rewind(99) == 4
    assert trainer.steps_made == trainer.epochs == 0


def test_a_step_under_way_is_given_up_by_going_back(phrase: Corpus) -> None:
    trainer = trained(phrase, 1)
    trainer.draw()
    trainer.forward()
    assert trainer.rewind(0) == 0
    assert trainer.phase is None
    trainer.draw()
    trainer.recover()
    assert (trainer.phase, trainer.steps_made) == (None, 1)
    assert trainer.step().step == 2


def test_phases_come_in_their_order(phrase: Corpus) -> None:
    trainer = CountingTrainer(RECIPE, phrase)
    with pytest.raises(RuntimeError, match="loss cannot come now: the step stands between two steps"):
        trainer.loss()
    trainer.draw()
    with pytest.raises(RuntimeError, match="update cannot come now: the step stands after draw"):
        trainer.update()


def test_nothing_can_be_turned(phrase: Corpus) -> None:
    trainer = CountingTrainer(RECIPE, phrase)
    with pytest.raises(RecipeError, match=r"rate = 0\.1: means nothing to kneser-ney"):
        trainer.alter("rate", 0.1)


def test_the_trace_shows_what_was_expected_of_the_first_new_character(phrase: Corpus) -> None:
    trainer = trained(phrase, 1)
    tracer = watch(trainer)
    while tracer.advance() is not Phase.FORWARD:
        pass
    trace = tracer.trace
    assert trace is not None
    assert trace.logits is not None
    assert (trace.example.position, trace.example.target) == (56, phrase.ids[64])
    assert np.array_equal(trace.logits, trainer.model.logits(phrase.ids[56:64]))
    assert [layer.name for layer in trace.layers][:3] == ["distribution 0", "counts 1", "distribution 1"]
    before = float(softmax(trace.logits)[trace.example.target])
    tracer.finish_step()
    trace = tracer.trace
    assert trace is not None
    assert trace.before == pytest.approx(before)
    assert trace.after is not None
    assert trace.after > before  # it has been counted since
    assert trace.loss == pytest.approx(-np.log(before))
    assert trace.batch == 64


@pytest.mark.parametrize("model", COUNTING)
def test_every_model_that_counts_can_be_stepped_rewound_and_let_write(model: str, phrase: Corpus) -> None:
    session = Session()
    session.handle(Start(Recipe(model=model), phrase))
    for _ in range(4):
        session.handle(NextPhase())
    assert session.picture().trace is not None
    seen: Snapshot = settled(session, Step(), Run())
    assert (seen.status, seen.step, seen.trouble) == (Status.PAUSED, 4, None)
    assert "has read all" in seen.notice
    assert seen.losses is not None
    assert len(seen.losses.validation_steps)
    seen = settled(session, Rewind(2), Generate("the", 12))
    assert seen.step == 2
    assert seen.samples[-1].state is SampleState.DONE
    assert len(seen.samples[-1].text) == 12
    assert seen.next_character is not None
    assert np.exp(seen.next_character.logits).sum() == pytest.approx(1)


def test_a_finished_run_says_so_and_stays(phrase: Corpus) -> None:
    session = Session()
    seen = settled(session, Start(RECIPE, phrase), Run(), Alter("rate", 0.1))
    assert "means nothing to kneser-ney" in seen.notice
    assert settled(session, Step()).notice.startswith("kneser-ney has read all")
    assert settled(session, NextPhase()).step == 4


def test_a_run_begins_in_the_way_its_model_needs(phrase: Corpus) -> None:
    assert isinstance(begin(RECIPE, phrase), CountingTrainer)
    assert not isinstance(begin(Recipe(), phrase), CountingTrainer)
