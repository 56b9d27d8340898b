"""What a session lets the model say: the next character after any context, and texts written beside a run."""

from __future__ import annotations

import math

import numpy as np
import pytest

from corpora.corpus import Corpus
from engine.commands import (
    Ask,
    Command,
    Generate,
    Rewind,
    Run,
    Start,
    Step,
    StopGenerating,
    TurnSampling,
)
from engine.information import softmax
from engine.sampling import Sampling, UnknownPolicy
from engine.session import Session
from engine.snapshot import SampleState, Snapshot, Status
from engine.training.recipe import Recipe
from engine.training.trainer import Trainer

SMALL = Recipe(context=3, embedding=4, hidden=8, layers=2, batch=4, seed=5)


def session_on(corpus: Corpus, recipe: Recipe = SMALL) -> Session:
    session = Session()
    session.handle(Start(recipe, corpus))
    return session


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


# The next character.


def test_the_next_character_is_that_of_the_current_example(phrase: Corpus) -> None:
    session = session_on(phrase)
    seen = after(session, Step())
    assert seen.next_character is not None
    assert seen.example is not None
    assert seen.next_character.context == seen.example.context
    assert seen.next_character.target == seen.example.target
    at = seen.example.position
    assert phrase.ids[at : at + 4].tolist() == [*seen.example.context, seen.example.target]
    logits = trained(phrase, 1).model.logits(phrase.ids[at : at + 3])
    assert np.allclose(seen.next_character.logits, logits)


def test_a_question_is_answered_padded_and_with_strangers_replaced_until_it_is_withdrawn(
    phrase: Corpus,
) -> None:
    session = session_on(phrase)
    letters = phrase.vocabulary.characters
    seen = after(session, Ask("the qu")).next_character
    assert seen is not None
    assert [letters[i] for i in seen.context] == [" ", "q", "u"]
    assert (seen.target, seen.note) == (None, "")
    seen = after(session, Ask("Z")).next_character
    assert seen is not None
    assert [letters[i] for i in seen.context] == [" ", " ", " "]
    assert "'Z' (U+005A)" in seen.note
    assert "filled up" in seen.note
    seen = after(session, Ask(None)).next_character
    assert seen is not None
    assert seen.target is not None


# Writing.


def write(session: Session, *commands: Command, **asked: object) -> Snapshot:
    request = Generate(**{"prompt": "the", "length": 30, "seed": 1, **asked})  # type: ignore[arg-type]  # fields by name
    after(session, *commands)
    return after(session, request)


def test_a_text_has_its_length_its_step_and_the_surprise_of_every_character(phrase: Corpus) -> None:
    session = session_on(phrase)
    (sample,) = write(session, Run(40)).samples
    assert (sample.number, sample.step, sample.state) == (1, 40, SampleState.DONE)
    assert len(sample.text) == len(sample.surprises) == 30
    model, letters = trained(phrase, 40).model, phrase.vocabulary.characters
    text = "the"
    for character, surprise in zip(sample.text, sample.surprises, strict=True):
        ids = np.array([letters.index(c) for c in text], dtype=phrase.ids.dtype)
        likely = softmax(model.logits(ids).astype(np.float64))[letters.index(character)]
        assert surprise == pytest.approx(-math.log2(likely), rel=1e-6)
        text += character


def test_the_same_model_and_seed_write_the_same_text_and_others_another(phrase: Corpus) -> None:
    session = session_on(phrase)
    write(session, Run(40))
    write(session)
    write(session, seed=2)
    write(session, sampling=Sampling(temperature=0))
    write(session, sampling=Sampling(temperature=0), seed=9)
    write(session, Rewind(20), Run(20))
    texts = [sample.text for sample in session.picture().samples]
    assert texts[0] == texts[1] == texts[5] != texts[2]
    assert texts[3] == texts[4]


def test_a_text_belongs_to_the_step_at_which_it_was_asked_for_however_the_run_goes_on(phrase: Corpus) -> None:
    session = session_on(phrase)
    (expected,) = write(session, Run(10), length=2000).samples
    session.handle(Run())
    session.handle(Generate("the", 2000, seed=1))
    begun = session.picture().step
    assert begun == 10
    while session.picture().samples[-1].state is SampleState.WRITING:
        session.work()
    seen = session.picture()
    assert seen.step > 10
    assert seen.status is Status.RUNNING
    assert seen.samples[-1].step == 10
    assert seen.samples[-1].text == expected.text


def test_a_text_grows_while_it_is_written_and_what_stands_is_kept_when_it_is_stopped(phrase: Corpus) -> None:
    session = session_on(phrase)
    session.handle(Generate("the", 10**9))
    session.work()
    first = session.picture().samples[0]
    session.work()
    second = session.picture().samples[0]
    assert first.state is second.state is SampleState.WRITING
    assert 0 < len(first.text) < len(second.text)
    assert second.text.startswith(first.text)
    (stopped,) = after(session, StopGenerating()).samples
    assert stopped.state is SampleState.STOPPED
    assert stopped.text == second.text
    assert after(session, StopGenerating()).samples == (stopped,)


def test_a_new_request_and_a_new_run_end_the_text_under_way(phrase: Corpus) -> None:
    session = session_on(phrase)
    session.handle(Generate("the", 10**9))
    session.handle(Generate("fox", 10**9))
    session.handle(Start(SMALL, phrase))
    seen = write(session, length=5)
    assert [sample.state for sample in seen.samples] == [
        SampleState.STOPPED,
        SampleState.STOPPED,
        SampleState.DONE,
    ]
    assert [sample.number for sample in seen.samples] == [1, 2, 3]


def test_a_prompt_of_strangers_is_refused_or_replaced_by_choice(phrase: Corpus) -> None:
    session = session_on(phrase)
    refused = write(session, prompt="Öl").samples[-1]
    assert refused.state is SampleState.REFUSED
    assert "'Ö' (U+00D6)" in refused.note
    assert refused.text == ""
    replaced = write(session, prompt="Öl", unknown=UnknownPolicy.REPLACE).samples[-1]
    assert replaced.state is SampleState.DONE
    assert "replaced by space" in replaced.note
    assert len(replaced.text) == 30


def test_the_sampling_can_be_turned_while_a_text_is_written(phrase: Corpus) -> None:
    session = session_on(phrase)
    wild = Generate("ab", 4_000, Sampling(temperature=2.0), seed=3)
    session.handle(wild)
    session.work()
    begun = session.picture().samples[-1]
    assert begun.state is SampleState.WRITING
    written = len(begun.text)
    greedy = after(session, TurnSampling(Sampling(temperature=0.0))).samples[-1]
    assert greedy.state is SampleState.DONE
    assert greedy.text[:written] == begun.text
    assert greedy.text[-400:] != after(session, wild).samples[-1].text[-400:]
    assert f"at character {written + 1}" in greedy.note
    tail = greedy.text[-200:]  # the most likely character always: with 3 characters of context it goes round
    assert any(tail[i:] == tail[:-i] for i in range(1, 150))


def test_turning_the_sampling_where_nothing_is_written_does_nothing(phrase: Corpus) -> None:
    session = session_on(phrase)
    assert after(session, TurnSampling(Sampling(temperature=0.5))).samples == ()


def test_a_seed_below_zero_is_refused_and_the_run_goes_on(phrase: Corpus) -> None:
    session = session_on(phrase)
    session.handle(Run())
    session.handle(Generate("ab", 5, seed=-1))
    seen = session.picture()
    assert (seen.status, seen.trouble) == (Status.RUNNING, None)
    assert seen.samples[-1].state is SampleState.REFUSED
    assert "negative" in seen.samples[-1].note
