"""Rivals read beside the run, expect after the same context, and are scored on the same split."""

from __future__ import annotations

import math

import numpy as np
import pytest

from corpora.corpus import Corpus
from engine.commands import Ask, Compare, Rival, Run, Start, Step
from engine.models.counting.kneser_ney import KneserNey
from engine.rivals import Rivals
from engine.session import Session
from engine.training.recipe import Recipe
from engine.training.rules import RecipeError
from tests.engine.sessions import settled

TRIGRAMS, UNIFORM = Rival("kneser-ney", 3), Rival("uniform", 1)
SMALL = Recipe(context=4, embedding=4, hidden=8, layers=1)


def session_on(corpus: Corpus, recipe: Recipe = SMALL) -> Session:
    session = Session()
    session.handle(Start(recipe, corpus))
    return session


def test_a_rival_expects_after_the_same_context_and_is_scored_on_the_same_split(phrase: Corpus) -> None:
    seen = settled(session_on(phrase), Step(), Compare((TRIGRAMS, UNIFORM)))
    trigrams, uniform = seen.rivals
    assert (trigrams.rival, uniform.rival) == (TRIGRAMS, UNIFORM)
    _, start, stop, _ = seen.borders
    alone = KneserNey(len(phrase.vocabulary), 3)
    alone.fit(phrase.ids[:start])
    assert trigrams.loss == pytest.approx(alone.nll(phrase.ids[:stop], start).mean(), rel=1e-12)
    assert uniform.loss == pytest.approx(math.log(len(phrase.vocabulary)), rel=1e-12)
    assert seen.next_character is not None
    context = np.array(seen.next_character.context, dtype=phrase.ids.dtype)
    assert trigrams.log_probabilities is not None
    assert np.array_equal(trigrams.log_probabilities, alone.logits(context))


def test_a_question_is_put_to_the_rivals_too(phrase: Corpus) -> None:
    session = session_on(phrase)
    seen = settled(session, Compare((TRIGRAMS,)), Ask("the qu"))
    expected = seen.rivals[0].log_probabilities
    assert expected is not None
    assert phrase.vocabulary.characters[int(expected.argmax())] == "i"


def test_the_run_goes_on_while_they_read_and_they_stay_for_the_next_run(phrase: Corpus) -> None:
    session = session_on(phrase)
    seen = settled(session, Run(5), Compare((TRIGRAMS,)))
    assert seen.step == 5
    before = seen.rivals[0]
    seen = settled(session, Start(SMALL.with_values(seed=3), phrase))
    assert seen.rivals[0].loss == before.loss
    other = Recipe(train_share=0.5, validation_share=0.4, context=4, embedding=4, hidden=8, layers=1)
    seen = settled(session, Start(other, phrase))
    assert seen.rivals[0].rival == TRIGRAMS
    assert seen.rivals[0].loss != before.loss


def test_what_is_not_ready_is_unknown_and_what_is_not_validated_has_no_loss(phrase: Corpus) -> None:
    rivals = Rivals(phrase, (0, len(phrase), len(phrase), len(phrase)))
    rivals.choose(())
    assert rivals.views(phrase.ids[:3]) == ()
    rivals.choose((TRIGRAMS,))
    while rivals.wait(1):
        pass
    (view,) = rivals.views(None)
    assert (view.loss, view.log_probabilities) == (None, None)
    (view,) = rivals.views(phrase.ids[:3])
    assert view.log_probabilities is not None


def test_a_model_that_learns_by_gradients_is_no_rival(phrase: Corpus) -> None:
    with pytest.raises(RecipeError, match=r"mlp 3: only models that count"):
        Rivals(phrase, (0, 9, 9, 9)).choose((Rival("mlp", 3),))
    seen = settled(session_on(phrase), Compare((Rival("mlp", 3),)))
    assert "only models that count" in seen.notice


def test_a_rival_that_fails_is_told_once_and_does_not_keep_the_others(
    phrase: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(self: object, ids: object) -> None:
        raise MemoryError("too many n-grams")

    monkeypatch.setattr(KneserNey, "fit", failing)
    session = session_on(phrase)
    seen = settled(session, Compare((TRIGRAMS, UNIFORM)))
    assert "kneser-ney 3 cannot be compared with: MemoryError: too many n-grams" in seen.notice
    assert [view.loss is None for view in seen.rivals] == [True, False]
    said = seen.notice_number
    assert settled(session, Step()).notice_number == said
