"""`charlm find-rate`: the points and the suggestion of the same test in code, refusals by name, an interrupt."""

from __future__ import annotations

import json
import signal

import pytest

from corpora import catalog
from engine.cli.__main__ import main
from engine.cli.rate_finding import KEYS
from engine.training.rate_finder import RatePoint, find_rate, steady_recipe, suggestion
from engine.training.recipe import Recipe
from engine.training.trainer import Trainer

WORDS = ["find-rate", "--corpus", "proverbs", "--model", "mlp", "--preset", "tiny", "--seed", "3"]


def points_of(recipe: Recipe) -> list[RatePoint]:
    return list(find_rate(lambda: Trainer(steady_recipe(recipe), catalog.load("proverbs"))))


def test_json_has_the_points_and_the_suggestion_of_the_test(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--set", "schedule=cosine", "--set", "batch=16", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == set(KEYS)
    recipe = Recipe.parse(found["recipe"])
    assert (recipe.seed, recipe.batch, recipe.schedule) == (3, 16, "cosine")
    points = points_of(recipe)
    assert [RatePoint(**point) for point in found["points"]] == points
    assert found["suggested_rate"] == suggestion(points)
    assert found["broke"] is (len(points) < 120)
    assert (found["model"], found["corpus"]) == ("mlp", "proverbs")


def test_lines_are_a_table_and_the_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(WORDS) == 0
    printed = capsys.readouterr()
    head, *rows, last = printed.out.splitlines()
    assert head.split() == ["step", "rate", "loss", "smoothed"]
    assert rows[0].split()[:2] == ["1", "1e-05"]
    assert [int(row.split()[0]) for row in rows] == list(range(1, len(rows) + 1))
    assert 1e-5 < float(last.removeprefix("suggested rate")) < 10


def test_a_model_that_counts_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find-rate", "--corpus", "proverbs", "--model", "kneser-ney"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "--model kneser-ney: only models that learn by gradients" in printed.err


def test_where_the_loss_never_falls_there_is_no_suggestion_and_no_success(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.cli.rate_finding.suggestion", lambda points: None)
    assert main([*WORDS, "--json"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["suggested_rate"] is None
    assert "the loss never fell" in printed.err


def test_an_interrupt_ends_it_after_the_step(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Trainer.step

    def interrupted(trainer: Trainer) -> object:
        if trainer.steps_made == 4:
            signal.raise_signal(signal.SIGINT)
        return step(trainer)

    monkeypatch.setattr(Trainer, "step", interrupted)
    assert main(WORDS) == 128 + signal.SIGINT
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "stopped after step 5 of 120" in printed.err
