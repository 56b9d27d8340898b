"""The scoreboard: every number recomputed by other means, and no entrant's fate decides that of another."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

import engine.live_run
from corpora.corpus import Corpus, Origin
from corpora.errors import CorpusError
from engine.models.catalog import MODELS, build_counting
from engine.models.counting.coverage import unseen_share
from engine.scoreboard import attempt, neural_attempt, protocol
from engine.scoreboard.scoreboard import Scoreboard, Wish
from engine.scoreboard.terms import Entrant, Terms, entrant, with_kneser_ney
from engine.scoreboard.view import Row, ScoreboardView, State
from engine.training.beginning import begin
from engine.training.course import Course
from engine.training.recipe import Recipe
from engine.training.rules import RecipeError
from engine.training.trainer import Trainer

WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "and", "sleeps", "again")
SMALL = Recipe(context=4, embedding=4, hidden=8, layers=1, batch=8, rate=0.5)
TERMS = Terms(steps=60, seed=3)


def sentences(count: int = 400) -> Corpus:
    """Words in random order: something to learn, and never the same twice."""
    drawn = np.random.default_rng(7).integers(0, len(WORDS), count)
    text = " ".join(WORDS[i] for i in drawn)
    return Corpus.from_text("sentences", text, origin=Origin.GENERATED, source="drawn here")


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return sentences()


def done(board: Scoreboard) -> ScoreboardView:
    while board.work(10.0):
        pass
    return board.picture()


def by_name(view: ScoreboardView) -> dict[str, Row]:
    return {row.name: row for row in view.rows}


@pytest.fixture(scope="module")
def finished(corpus: Corpus) -> ScoreboardView:
    """Two neural and three counting models, 60 steps."""
    entrants = [Entrant(SMALL), entrant("mlp", "tiny"), entrant("witten-bell", "tiny"), entrant("ngram")]
    return done(Scoreboard(corpus, entrants, TERMS))


def trained(recipe: Recipe, corpus: Corpus, steps: int) -> Trainer:
    """The same run without a scoreboard."""
    trainer = Trainer(recipe, corpus)
    for _ in range(steps):
        trainer.step()
    trainer.model.train(False)
    return trainer


# --- the numbers


def test_a_neural_models_losses_are_those_of_its_own_run_scored_by_nll(
    corpus: Corpus, finished: ScoreboardView
) -> None:
    row = by_name(finished)["mlp own"]
    model = trained(SMALL.with_values(corpus="sentences", seed=3), corpus, 60).model
    _, train, validation, end = finished.borders
    assert (train, validation, end) == (round(len(corpus) * 0.8), round(len(corpus) * 0.9), len(corpus))
    nll = model.nll(corpus.ids)
    assert row.train == pytest.approx(nll[:train].mean(), abs=1e-6)
    assert row.validation == pytest.approx(nll[train:validation].mean(), abs=1e-6)
    assert row.test == pytest.approx(nll[validation:].mean(), abs=1e-6)
    assert row.gap == pytest.approx(nll[train:validation].mean() - nll[:train].mean(), abs=1e-6)
    assert (row.state, row.steps, row.train_scored) == (State.DONE, 60, train)
    assert row.size == model.parameters.values.size
    assert row.seconds is not None
    assert row.steps_per_second == pytest.approx(60 / row.seconds)


def test_a_counting_models_losses_are_those_of_one_fit(corpus: Corpus, finished: ScoreboardView) -> None:
    _, train, validation, _ = finished.borders
    for name, recipe in (
        ("kneser-ney 7", Recipe(model="kneser-ney", order=7)),
        ("witten-bell 3", Recipe(model="witten-bell", order=3)),
    ):
        row = by_name(finished)[name]
        model = build_counting(recipe, corpus.vocabulary.characters)
        model.fit(corpus.ids[:train])
        nll = model.nll(corpus.ids)
        assert row.train == pytest.approx(nll[:train].mean())
        assert row.validation == pytest.approx(nll[train:validation].mean())
        assert row.test == pytest.approx(nll[validation:].mean())
        assert row.size == model.size
        assert (row.steps, row.steps_per_second, len(row.validation_curve)) == (None, None, 0)
        assert row.seconds is not None


def test_what_a_model_holds_for_impossible_is_infinite_and_comes_last(finished: ScoreboardView) -> None:
    assert finished.rows[-1].name == "ngram 5"
    assert finished.rows[-1].test == math.inf


def test_rows_are_sorted_by_the_test_loss(finished: ScoreboardView) -> None:
    tests = [row.test for row in finished.rows if row.test is not None]
    assert len(tests) == len(finished.rows) == 5
    assert tests == sorted(tests)
    assert finished.judged_by == "test"
    assert all(row.headline == row.test for row in finished.rows)


def test_unseen_shares_are_those_of_the_test_part(corpus: Corpus, finished: ScoreboardView) -> None:
    _, train, validation, end = finished.borders
    assert list(finished.unseen) == unseen_share(corpus.ids[:train], corpus.ids, validation, end, 7)
    assert finished.unseen_in == "test"


def test_the_training_loss_of_a_long_text_is_that_of_its_end(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "TRAIN_SCORED", 500)
    view = done(Scoreboard(corpus, [Entrant(SMALL)], Terms(steps=3)))
    model = trained(SMALL.with_values(corpus="sentences"), corpus, 3).model
    row, train = by_name(view)["mlp own"], view.borders[1]
    assert row.train_scored == 500
    assert row.train == pytest.approx(model.nll(corpus.ids[:train], train - 500).mean(), abs=1e-6)
    assert by_name(view)["kneser-ney 7"].train_scored == train


def test_the_protocol_says_what_the_training_loss_covers(corpus: Corpus) -> None:
    short = " ".join(protocol.protocol(corpus, (0, 100_000, 110_000, 120_000), TERMS))
    long = " ".join(protocol.protocol(corpus, (0, 100_001, 110_000, 120_000), TERMS))
    assert "its last 100,000 characters" not in short
    assert "its last 100,000 characters for the others" in long


def test_a_sample_goes_on_from_the_end_of_the_training_part_and_is_the_same_each_time(
    corpus: Corpus, finished: ScoreboardView
) -> None:
    train = finished.borders[1]
    again = by_name(done(Scoreboard(corpus, [Entrant(SMALL)], TERMS)))["mlp own"]
    row = by_name(finished)["mlp own"]
    assert row.prompt == corpus.text[train - 24 : train]
    assert row.sample is not None
    assert len(row.sample) == 200
    assert again.sample == row.sample


# --- beating Kneser-Ney


def test_the_bar_is_the_strongest_kneser_ney_by_validation(corpus: Corpus) -> None:
    orders = [Entrant(Recipe(model="kneser-ney", order=n)) for n in (1, 3)]
    view = done(Scoreboard(corpus, orders, Terms(steps=1)))
    losses = {row.name: row.validation for row in view.rows}
    assert set(losses) == {"kneser-ney 1", "kneser-ney 3", "kneser-ney 7"}
    assert view.bar == min(loss for loss in losses.values() if loss is not None)
    assert losses[view.bar_name] == view.bar
    assert not any(row.beating for row in view.rows)


def test_a_model_that_gets_below_the_bar_says_when_and_another_not_yet(corpus: Corpus) -> None:
    weak = Entrant(Recipe(model="kneser-ney", order=1))
    hopeless = Entrant(SMALL.with_values(rate=0.0, hidden=7))
    learner = SMALL.with_values(validate_every=10)
    board = Scoreboard(corpus, [weak, Entrant(learner), hopeless], Terms(steps=200), kneser_ney=False)
    view = done(board)
    rows = {row.number: row for row in view.rows}
    curve = rows[2].validation_curve
    assert curve.steps.tolist() == list(range(10, 201, 10))
    first = next(i for i, loss in enumerate(curve.losses) if view.bar is not None and loss < view.bar)
    assert rows[2].seconds_to_beat == curve.seconds[first]
    assert 0 < curve.seconds[first] <= (rows[2].seconds or 0)
    assert (rows[3].beating, rows[3].seconds_to_beat) == (True, None)
    assert curve.losses[-1] == pytest.approx(rows[2].validation)
    assert (np.diff(curve.seconds) > 0).all()


def test_kneser_ney_takes_part_unless_left_out(corpus: Corpus) -> None:
    assert [one.name for one in with_kneser_ney([Entrant(SMALL)])] == ["kneser-ney 7", "mlp own"]
    there = [entrant("kneser-ney"), Entrant(SMALL)]
    assert with_kneser_ney(there) == tuple(there)
    view = done(Scoreboard(corpus, [Entrant(SMALL)], Terms(steps=1), kneser_ney=False))
    assert [row.name for row in view.rows] == ["mlp own"]
    assert (view.bar, view.rows[0].beating, view.rows[0].seconds_to_beat) == (None, False, None)


# --- what is missing stays missing


def test_without_a_test_part_validation_stands_for_it_and_test_is_missing(corpus: Corpus) -> None:
    terms = Terms(train_share=0.9, validation_share=0.1, steps=2)
    view = done(Scoreboard(corpus, [Entrant(SMALL)], terms))
    assert view.judged_by == view.unseen_in == "validation"
    assert all(row.test is None and row.headline == row.validation is not None for row in view.rows)
    losses = [row.validation for row in view.rows if row.validation is not None]
    assert losses == sorted(losses)


def test_without_validation_there_is_no_gap_no_curve_and_no_bar(corpus: Corpus) -> None:
    view = done(Scoreboard(corpus, [Entrant(SMALL)], Terms(train_share=0.9, validation_share=0, steps=2)))
    for row in view.rows:
        assert row.state is State.DONE
        assert (row.validation, row.gap, row.seconds_to_beat, row.beating) == (None, None, None, False)
        assert row.test is not None
        assert len(row.validation_curve) == 0
    assert view.bar is None


def test_with_nothing_held_out_only_the_training_loss_is_there(corpus: Corpus) -> None:
    view = done(Scoreboard(corpus, [Entrant(SMALL)], Terms(train_share=1, validation_share=0, steps=2)))
    assert (view.judged_by, view.unseen) == ("", ())
    assert all(row.train is not None and row.headline is None for row in view.rows)


def test_before_anything_is_done_nothing_is_known(corpus: Corpus) -> None:
    view = Scoreboard(corpus, [Entrant(SMALL)], TERMS).picture()
    assert (view.finished, view.bar, view.unseen) == (False, None, ())
    for row in view.rows:
        assert row.state is State.WAITING
        numbers = (row.size, row.steps, row.seconds, row.train, row.validation, row.test, row.gap)
        assert numbers == (None,) * 7
        assert row.sample is None


# --- budgets


@pytest.mark.parametrize("steps", [1, 17, 60])
def test_a_budget_of_steps_is_exact(corpus: Corpus, steps: int) -> None:
    view = done(Scoreboard(corpus, [Entrant(SMALL), entrant("mlp", "tiny")], Terms(steps=steps)))
    assert [row.steps for row in view.rows if not row.counting] == [steps, steps]


def test_a_budget_of_seconds_ends_training(corpus: Corpus) -> None:
    view = done(Scoreboard(corpus, [Entrant(SMALL)], Terms(seconds=0.05)))
    row = by_name(view)["mlp own"]
    assert row.seconds is not None
    assert row.seconds >= 0.05
    assert row.why == "0.05 seconds of training are over"


def test_a_recipes_own_patience_ends_it_earlier(corpus: Corpus) -> None:
    stuck = SMALL.with_values(rate=0.0, patience=2, validate_every=5)
    row = by_name(done(Scoreboard(corpus, [Entrant(stuck)], TERMS)))["mlp own"]
    assert row.steps == 15  # the first counts as better than nothing
    assert row.why.startswith("no better validation loss in 2 validations")


def test_a_presets_schedule_is_fitted_to_a_budget_of_steps_and_a_persons_own_is_not(corpus: Corpus) -> None:
    preset = entrant("mlp")
    assert TERMS.recipe(preset, corpus).steps == 60
    assert TERMS.recipe(preset, corpus).warmup == 6
    assert TERMS.recipe(Entrant(preset.recipe), corpus).steps == preset.recipe.steps
    assert Terms(steps=1).recipe(preset, corpus).stop_steps == 1


def test_with_a_budget_of_seconds_a_presets_schedule_ends_where_training_does(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count()
    clock = SimpleNamespace(
        perf_counter=lambda: next(ticks) / 1000
    )  # a step costs one look at it, and a little
    monkeypatch.setattr(engine.live_run, "time", clock)
    monkeypatch.setattr(neural_attempt, "time", clock)
    preset = entrant("mlp", "tiny")
    ending = preset.recipe.with_values(schedule="cosine", warmup=100, validate_every=100)
    rows = by_name(done(Scoreboard(corpus, [Entrant(ending, "tiny"), Entrant(ending)], Terms(seconds=2.0))))
    row = rows["mlp tiny"]
    recipe = Recipe.parse(row.recipe)
    assert row.steps is not None
    assert 0.8 < recipe.steps / row.steps < 1.25
    assert recipe.warmup == min(100, recipe.steps // 10)
    assert recipe.steps != ending.steps == Recipe.parse(rows["mlp own"].recipe).steps


@pytest.mark.parametrize("model", MODELS)
def test_every_model_of_the_catalog_can_take_part(model: str) -> None:
    text = sentences(60)
    board = Scoreboard(text, [entrant(model, "tiny")], Terms(steps=2))
    rows = done(board).rows
    assert [row.state for row in rows] == [State.DONE, State.DONE], [row.why for row in rows]
    assert all(row.headline is not None and row.sample is not None for row in rows)


def test_the_recipe_of_a_row_repeats_its_run(corpus: Corpus, finished: ScoreboardView) -> None:
    row = by_name(finished)["mlp tiny"]
    trainer = trained(Recipe.parse(row.recipe), corpus, 60)
    _, _, validation, _ = finished.borders
    assert row.test == pytest.approx(trainer.model.nll(corpus.ids, validation).mean(), abs=1e-6)


# --- at work


def under_way(board: Scoreboard, name: str) -> Row:
    """Work until an entrant has trained a little."""
    while not (by_name(board.picture())[name].steps or 0):
        assert board.work(0.0)
    return by_name(board.picture())[name]


def test_counting_models_come_first_and_neural_ones_one_after_another(corpus: Corpus) -> None:
    board = Scoreboard(corpus, [Entrant(SMALL), entrant("mlp", "tiny"), entrant("ngram")], TERMS)
    seen: list[str] = []
    while board.work(0.0):
        active = [row.name for row in board.picture().rows if row.state in (State.TRAINING, State.SCORING)]
        assert len(active) <= 1
        seen += [name for name in active if name not in seen]
    assert seen == ["kneser-ney 7", "ngram 5", "mlp own", "mlp tiny"]


def test_while_it_is_paused_nothing_happens_and_it_goes_on_as_if_never_paused(
    corpus: Corpus, finished: ScoreboardView
) -> None:
    board = Scoreboard(corpus, [Entrant(SMALL)], TERMS)
    under_way(board, "mlp own")
    board.handle(Wish.PAUSE)
    before = by_name(board.picture())["mlp own"]
    assert before.state is State.PAUSED
    assert not board.work(1.0)
    assert by_name(board.picture())["mlp own"].steps == before.steps
    assert board.picture().paused
    board.handle(Wish.GO_ON)
    for paused in (True, False):
        board.handle(Wish.TOGGLE)
        assert board.picture().paused is paused
    assert by_name(done(board))["mlp own"].test == by_name(finished)["mlp own"].test


def test_a_skipped_model_keeps_its_course_and_the_next_one_trains(corpus: Corpus) -> None:
    board = Scoreboard(corpus, [Entrant(SMALL), entrant("mlp", "tiny")], Terms(seconds=0.2))
    under_way(board, "mlp own")
    board.handle(Wish.SKIP)
    rows = by_name(done(board))
    assert rows["mlp own"].state is State.SKIPPED
    assert (rows["mlp own"].train, rows["mlp own"].test, rows["mlp own"].sample) == (None, None, None)
    assert len(rows["mlp own"].training_curve)
    assert rows["mlp tiny"].state is State.DONE


def test_skipping_works_while_paused_and_before_anything_began(corpus: Corpus) -> None:
    board = Scoreboard(corpus, [Entrant(SMALL)], TERMS)
    board.handle(Wish.PAUSE)
    board.handle(Wish.SKIP)
    rows = by_name(board.picture())
    assert (rows["kneser-ney 7"].state, rows["mlp own"].state) == (State.SKIPPED, State.WAITING)


def test_stopping_ends_all_that_is_not_done(corpus: Corpus) -> None:
    board = Scoreboard(corpus, [Entrant(SMALL), entrant("mlp", "tiny")], Terms(seconds=100))
    under_way(board, "mlp own")
    board.handle(Wish.STOP)
    assert board.finished
    assert not board.work(1.0)
    rows = by_name(board.picture())
    assert [rows[name].state.value for name in ("kneser-ney 7", "mlp own", "mlp tiny")] == [
        "done",
        *["skipped"] * 2,
    ]
    assert rows["mlp tiny"].why == "stopped by hand"
    board.handle(Wish.SKIP)  # nothing is left to skip


def test_a_model_that_diverges_or_cannot_be_built_ends_alone(
    corpus: Corpus,
) -> None:
    wild = Entrant(SMALL.with_values(rate=100.0, activation="relu"))
    greedy = Entrant(SMALL.with_values(context=1024, hidden=9))
    short = Corpus.from_text("short", corpus.text[:900], origin=Origin.OWN, source="written here")
    view = done(Scoreboard(short, [wild, greedy, entrant("mlp", "tiny")], Terms(steps=300)))
    rows = {row.number: row for row in view.rows}
    assert rows[2].state is State.FAILED
    assert "step" in rows[2].why
    assert rows[2].test is None
    assert rows[3].state is State.FAILED
    assert "too few for a context of 1024" in rows[3].why
    assert rows[4].state is State.DONE


def test_an_error_nobody_expected_ends_one_entrant(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(recipe: Recipe, corpus: Corpus, rewind_budget: int) -> Course:
        if recipe.hidden == 8:
            raise RuntimeError("a fuse blew")
        return begin(recipe, corpus, rewind_budget)

    monkeypatch.setattr(neural_attempt, "begin", broken)
    rows = by_name(done(Scoreboard(corpus, [Entrant(SMALL), entrant("mlp", "tiny")], Terms(steps=3))))
    assert (rows["mlp own"].state, rows["mlp own"].why) == (State.FAILED, "RuntimeError: a fuse blew")
    assert rows["mlp tiny"].state is State.DONE


def test_a_recipe_that_contradicts_the_terms_fails_before_it_begins(corpus: Corpus) -> None:
    patient = Entrant(SMALL.with_values(patience=3))
    board = Scoreboard(corpus, [patient], Terms(train_share=0.9, validation_share=0, steps=2))
    row = by_name(board.picture())["mlp own"]
    assert row.state is State.FAILED
    assert "nothing to validate on" in row.why
    assert by_name(done(board))["kneser-ney 7"].state is State.DONE


def test_a_curve_is_the_same_object_until_there_is_more_of_it(corpus: Corpus) -> None:
    board = Scoreboard(corpus, [Entrant(SMALL)], TERMS)
    under_way(board, "mlp own")
    one, other = (by_name(board.picture())["mlp own"] for _ in range(2))
    assert one.training_curve is other.training_curve
    with pytest.raises(AttributeError):
        one.steps = 5  # type: ignore[misc]  # what must not be possible


# --- what is refused


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Terms, "budget: none"),
        (lambda: Terms(steps=5, seconds=2), "budget: 5 steps and 2 seconds; give either"),
        (lambda: Terms(steps=-1), "stop_steps = -1"),
        (lambda: Terms(seconds=math.nan), "stop_seconds = nan"),
        (lambda: Terms(steps=5, seed=-1), "seed = -1"),
        (lambda: Terms(steps=5, train_share=0.9, validation_share=0.2), "may not exceed 1"),
        (lambda: entrant("gpt"), "model = gpt"),
        (lambda: entrant("mlp", "huge"), "preset = huge"),
    ],
)
def test_terms_and_entrants_that_make_no_sense_are_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        make()


def test_a_text_that_cannot_be_split_or_learned_is_refused(corpus: Corpus) -> None:
    with pytest.raises(RecipeError, match="takes part"):
        Scoreboard(corpus, [], TERMS, kneser_ney=False)
    with pytest.raises(CorpusError, match="1 distinct"):
        Scoreboard(Corpus.from_text("a", "aaaa", origin=Origin.OWN, source="-"), [], TERMS)
