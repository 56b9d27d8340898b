"""`charlm train`, `resume` and `evaluate`: what they keep, what they print, and that it is the same each time."""

from __future__ import annotations

import io
import json
import math
import os
from pathlib import Path

import pytest

from corpora.corpus import open_corpus
from engine.cli import sampling
from engine.cli.__main__ import main
from engine.cli.results import KEYS
from engine.information import nats_to_bits
from engine.models.counting.kneser_ney import KneserNey
from engine.scoreboard.export import COLUMNS
from engine.training.folder_lock import FolderLock
from engine.training.recipe import Recipe
from engine.training.rules import RULES
from engine.training.run_folder import BEST, CHECKPOINT, LOCK, RunFolder
from tests.engine.cli_runs import TEXT, Desk

SHARED = Path(os.environ.get("CHARLM_SHARED", Path(__file__).resolve().parents[3] / "shared"))
SHAKESPEARE = SHARED / "corpora" / "tinyshakespeare.txt"
TIMES = ("seconds", "steps_per_second", "folder", "stopped", "recipe")


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("CHARLM_RUNS", str(tmp_path / "runs"))
    return Desk(tmp_path, capsys)


def told(found: dict[str, object]) -> dict[str, object]:
    """What must be the same each time."""
    return {key: value for key, value in found.items() if key not in TIMES}


# What is printed.


@pytest.mark.parametrize("model", ["mlp", "kneser-ney", "uniform"])
def test_json_has_the_documented_keys_for_every_kind_of_model(desk: Desk, model: str) -> None:
    trained = desk.train("--steps", "5", model=model)
    assert list(trained.json) == list(KEYS)
    assert list(desk.run("evaluate", str(desk.folder / "run"), "--json").json) == list(KEYS)
    assert list(desk.run("resume", str(desk.folder / "run"), "--json").json) == list(KEYS)


def test_keys_and_ingredients_stand_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    ingredients = [name for name in RULES if name not in ("corpus", "fingerprint", "model")]
    for command, words in (
        ("train", [*KEYS, *ingredients]),
        ("resume", [*KEYS]),
        ("evaluate", [*KEYS]),
        ("sample", [*sampling.KEYS]),
        ("compare", [*COLUMNS]),
    ):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        said = capsys.readouterr().out
        assert [word for word in words if f"\n  {word} " not in said] == []


def test_numbers_agree_with_each_other_and_with_the_text(desk: Desk) -> None:
    found = desk.train("--steps", "30").json
    assert found["steps"] == found["scored_step"] == 30
    assert found["characters_scored"] == {"train": 1536, "validation": 192, "test": 192}
    assert found["scored_part"] == "test"
    assert found["bits_per_character"] == pytest.approx(nats_to_bits(found["test_loss"]))
    assert found["perplexity"] == pytest.approx(math.exp(found["test_loss"]))
    assert found["generalisation_gap"] == pytest.approx(found["validation_loss"] - found["train_loss"])
    with RunFolder.open(desk.folder / "run") as folder:
        course = folder.load(open_corpus).course
    assert found["parameters"] == course.model.parameters.values.size  # type: ignore[attr-defined]  # it learns by gradients
    loss = course.model.nll(course.corpus.ids, course.borders[2]).mean()
    assert found["test_loss"] == pytest.approx(float(loss))


def test_numbers_that_are_not_known_are_null(desk: Desk) -> None:
    found = desk.train("--steps", "5", "--set", "split=1/0/0").json
    assert found["validation_loss"] is found["test_loss"] is found["generalisation_gap"] is None
    assert found["scored_part"] == "train"
    assert found["perplexity"] == pytest.approx(math.exp(found["train_loss"]))


def test_an_infinite_loss_is_null_with_a_note(desk: Desk) -> None:
    desk.text.write_text("ab" * 200 + "aabb" * 5)
    found = desk.train(model="ngram").json
    assert found["test_loss"] is found["perplexity"] is found["bits_per_character"] is None
    assert found["scored_part"] == "test"
    assert "test_loss" in found["note"]
    assert "NaN" not in json.dumps(found)


def test_a_counting_model_reads_its_whole_text_whatever_steps_are_asked_for(desk: Desk) -> None:
    done = desk.train("--steps", "2", "--set", "split=0.9/0.1/0", model="kneser-ney")
    found = done.json
    corpus = open_corpus(desk.text)
    train = round(len(corpus) * 0.9)
    model = KneserNey(len(corpus.vocabulary), 3)
    model.fit(corpus.ids[:train])
    assert found["validation_loss"] == pytest.approx(float(model.nll(corpus.ids, train).mean()))
    assert found["parameters"] == model.size
    assert "--steps 2 is left aside" in done.err


@pytest.mark.skipif(not SHAKESPEARE.exists(), reason="tinyshakespeare is not here")
def test_kneser_ney_reaches_its_golden_value(desk: Desk) -> None:
    choices = ("--model", "kneser-ney", "--set", "order=7", "--set", "split=0.9/0.1/0", "--json")
    found = desk.run("train", "--corpus", str(SHAKESPEARE), *choices).json
    assert found["validation_loss"] == pytest.approx(1.5165, abs=0.005)
    assert found["test_loss"] is None
    assert Path(found["folder"]).is_relative_to(desk.folder / "runs")


def test_people_get_the_same_as_lines(desk: Desk) -> None:
    found = desk.train("--steps", "5").json
    done = desk.run("evaluate", str(desk.folder / "run"), "--split", "validation")
    assert f"validation loss     {found['validation_loss']:.4f}" in done.out
    assert "test loss           –" in done.out


# A preset gives way to what is set by hand.


def test_choices_of_a_preset_that_mean_nothing_beside_those_by_hand_are_dropped(desk: Desk) -> None:
    words = ("train", "--corpus", str(desk.text), "--model", "transformer", "--steps", "1", "--json")
    small = ("embedding=8", "layers=1", "context=8", "schedule=constant", "optimizer=sgd")
    found = desk.run(*words, *(part for word in small for part in ("--set", word))).json
    assert "optimizer" not in found["recipe"]  # the default
    assert "beta2" not in found["recipe"]
    assert " steps=" not in found["recipe"]


def test_steps_are_also_those_of_a_schedule_that_falls(desk: Desk) -> None:
    found = desk.train("--steps", "50", "--set", "schedule=cosine", "--set", "warmup=3").json
    assert " warmup=3 steps=50 stop_steps=50" in found["recipe"]
    found = desk.train("--steps", "50", "--set", "schedule=cosine", "--set", "steps=70", out="other").json
    assert " steps=70 stop_steps=50" in found["recipe"]


# The same each time.


@pytest.mark.parametrize("model", ["mlp", "lstm", "transformer", "kneser-ney"])
def test_the_same_command_gives_the_same_numbers(desk: Desk, model: str) -> None:
    words = ("--set", "stop_steps=40", "--seed", "3", "--set", "validate_every=10")
    first = desk.train(*words, model=model).json
    assert told(desk.train(*words, model=model, out="again").json) == told(first)


@pytest.mark.parametrize("model", ["mlp", "lstm"])
def test_a_run_that_goes_on_ends_where_one_that_never_stopped_does(desk: Desk, model: str) -> None:
    whole = desk.train("--set", "stop_steps=60", "--set", "dropout=0.1", model=model, out="whole").json
    desk.train("--set", "stop_steps=25", "--set", "dropout=0.1", model=model)
    went_on = desk.run("resume", str(desk.folder / "run"), "--steps", "60", "--json")
    assert told(went_on.json) == told(whole)
    assert "finished" not in went_on.err
    with RunFolder.open(desk.folder / "run") as one, RunFolder.open(desk.folder / "whole") as other:
        courses = [folder.load(open_corpus).course for folder in (one, other)]
    first, second = (course.model.parameters.values for course in courses)  # type: ignore[attr-defined]  # as above
    assert first.tobytes() == second.tobytes()


def test_a_finished_run_says_so_and_is_scored_again(desk: Desk) -> None:
    first = desk.train("--steps", "20")
    again = desk.run("resume", str(desk.folder / "run"), "--json")
    assert told(again.json) == told(first.json)
    assert "finished: 20 steps are made; --steps N goes on" in again.err
    assert again.json["seconds"] == first.json["seconds"]


def test_a_run_beyond_the_step_that_is_asked_for_is_told_where_it_stands(desk: Desk) -> None:
    desk.train("--steps", "20")
    done = desk.run("resume", str(desk.folder / "run"), "--steps", "19")
    assert (done.code, done.out) == (2, "")
    assert "--steps 19: this run is at step 20 already" in done.err


def test_a_run_of_which_nothing_was_saved_is_neither_scored_nor_sampled_and_resumed_with_a_word(
    desk: Desk,
) -> None:
    folder = str(desk.folder / "run")
    RunFolder.create(Path(folder), Recipe(context=3, hidden=8, stop_steps=5), open_corpus(desk.text)).close()
    for command in ("evaluate", "sample"):
        done = desk.run(command, folder)
        assert (done.code, done.out) == (2, "")
        assert f"{folder!r} has no checkpoint yet" in done.err
        assert "`charlm resume`" in done.err
    resumed = desk.run("resume", folder, "--json")
    assert "nothing was saved of this run yet: it begins at step 0" in resumed.err
    assert resumed.json["steps"] == 5
    again = desk.run("resume", folder, "--steps", "6")
    assert "nothing was saved" not in again.err


def test_the_best_model_is_scored_also_where_nothing_else_is_saved(desk: Desk) -> None:
    desk.train("--steps", "40", "--set", "patience=5", "--set", "validate_every=5")
    (desk.folder / "run" / "checkpoint.safetensors").unlink()
    folder = str(desk.folder / "run")
    assert desk.run("evaluate", folder).code == 2
    assert desk.run("evaluate", folder, "--best", "--json").json["steps"] > 0


def test_a_text_that_the_run_keeps_itself_is_nowhere_else(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the cat sat on the mat. " * 60)))
    folder = str(desk.folder / "run")
    words = ("--model", "mlp", "--preset", "tiny", "--steps", "5", "--out", folder)
    assert desk.run("train", "--corpus", "-", *words).code == 0
    refused = desk.run("evaluate", folder, "--corpus", str(desk.text))
    assert refused.code == 2
    assert "this run keeps its own text in text.txt" in refused.err
    assert desk.run("evaluate", folder).code == 0


def test_a_text_that_was_moved_is_found_where_the_person_says(desk: Desk) -> None:
    desk.train("--steps", "5")
    folder, elsewhere = str(desk.folder / "run"), desk.folder / "moved.txt"
    desk.text.rename(elsewhere)
    for command in ("evaluate", "sample", "resume"):
        lost = desk.run(command, folder)
        assert (lost.code, lost.out) == (2, "")
        assert f"the text of the run {folder!r}" in lost.err
        assert "--corpus PATH" in lost.err
        assert desk.run(command, folder, "--corpus", str(elsewhere)).code == 0
    other = desk.folder / "other.txt"
    other.write_text(elsewhere.read_text() + "!")
    refused = desk.run("evaluate", folder, "--corpus", str(other))
    assert refused.code == 2
    assert "another text" in refused.err
    nowhere = desk.run("evaluate", folder, "--corpus", str(desk.folder / "nowhere.txt"))
    assert nowhere.code == 2
    assert "--corpus" in nowhere.err
    assert "nowhere.txt" in nowhere.err


def test_every_command_on_a_run_takes_the_name_of_a_kept_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARLM_RUNS", str(desk.folder))
    desk.train("--steps", "5")
    for command in ("evaluate", "sample", "resume"):
        assert desk.run(command, "run").code == 0
        missing = desk.run(command, "rum")
        assert missing.code == 2
        assert "no run 'rum', neither here nor in" in missing.err


def test_a_run_without_an_end_wants_to_be_told_when(desk: Desk) -> None:
    corpus = open_corpus(desk.text)
    RunFolder.create(desk.folder / "run", Recipe(context=3), corpus).close()
    done = desk.run("resume", str(desk.folder / "run"))
    assert (done.code, done.out) == (2, "")
    assert "--steps N" in done.err
    assert desk.run("resume", str(desk.folder / "run"), "--steps", "3", "--json").json["steps"] == 3


# When it stops.


def test_patience_ends_a_run_and_the_best_model_is_scored(desk: Desk) -> None:
    desk.text.write_text(TEXT[:1500] + "".join(chr(97 + i * i % 23) for i in range(400)))
    words = ("--set", "patience=2", "--set", "validate_every=20", "--set", "rate=0.5")
    found = desk.train(*words, "--set", "stop_steps=2000").json
    assert "no better validation loss in 2 validations" in found["stopped"]
    assert found["scored_step"] == found["steps"] - 40
    with RunFolder.open(desk.folder / "run") as folder:
        losses = {r["step"]: r["validation_loss"] for r in folder.records() if "validation_loss" in r}
    assert found["validation_loss"] == pytest.approx(min(losses.values()))  # type: ignore[type-var]  # all numbers
    assert losses[found["scored_step"]] == min(losses.values())  # type: ignore[type-var]  # as above
    best = desk.run("evaluate", str(desk.folder / "run"), "--best", "--json").json
    last = desk.run("evaluate", str(desk.folder / "run"), "--json").json
    assert (best["steps"], last["steps"]) == (found["scored_step"], found["steps"])
    assert (desk.folder / "run" / BEST).exists()


def test_seconds_and_a_target_loss_end_a_run(desk: Desk) -> None:
    found = desk.train("--set", "stop_seconds=0.05", out="seconds").json
    assert found["stopped"] == "0.05 seconds of training are over"
    assert found["seconds"] >= 0.05
    found = desk.train("--set", "stop_loss=2.5", "--set", "validate_every=10", out="loss").json
    assert "down to the target of 2.5" in found["stopped"]
    assert found["validation_loss"] <= 2.5


def test_a_run_that_diverges_is_kept_and_fails(desk: Desk) -> None:
    done = desk.train("--set", "rate=100", "--steps", "500")
    assert (done.code, done.out) == (1, "")
    assert "clip_norm" in done.err
    assert "Warning" not in done.err
    assert (desk.folder / "run" / CHECKPOINT).exists()


# Scoring.


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_a_whole_part_is_scored_with_the_full_context(desk: Desk, part: str) -> None:
    desk.train("--steps", "30", model="lstm")
    found = desk.run("evaluate", str(desk.folder / "run"), "--split", part, "--json").json
    with RunFolder.open(desk.folder / "run") as folder:
        course = folder.load(open_corpus).course
    index = ("train", "validation", "test").index(part)
    start, stop = course.borders[index : index + 2]
    loss = course.model.nll(course.corpus.ids[:stop], start, thorough=True).mean()
    assert found[f"{part}_loss"] == pytest.approx(float(loss))
    assert found["scored_part"] == part
    assert found["characters_scored"][part] == stop - start
    others = {"train_loss", "validation_loss", "test_loss"} - {f"{part}_loss"}
    assert [found[key] for key in others] == [None, None]
    assert found["perplexity"] == pytest.approx(math.exp(float(loss)))


def test_a_part_that_is_empty_is_refused_with_the_others(desk: Desk) -> None:
    desk.train("--steps", "3", "--set", "split=0.9/0/0.1")
    done = desk.run("evaluate", str(desk.folder / "run"), "--split", "validation")
    assert (done.code, done.out) == (2, "")
    assert "choose train or test" in done.err
    assert desk.run("evaluate", str(desk.folder / "run"), "--best").code == 2


# Others at the same folder; texts and files that changed.


def test_one_process_writes_and_others_may_read(desk: Desk) -> None:
    desk.train("--steps", "10")
    run = desk.folder / "run"
    lock = FolderLock(run / LOCK)
    try:
        refused = desk.run("resume", str(run), "--steps", "20")
        assert (refused.code, refused.out) == (2, "")
        assert "in use" in refused.err
        assert desk.run("evaluate", str(run)).code == 0
        assert desk.run("sample", str(run), "--length", "5").code == 0
    finally:
        lock.release()


@pytest.mark.parametrize("command", ["resume", "evaluate", "sample"])
def test_a_text_that_moved_or_changed_is_named(desk: Desk, command: str) -> None:
    desk.train("--steps", "5")
    desk.text.write_text(TEXT + "more")
    changed = desk.run(command, str(desk.folder / "run"))
    assert (changed.code, changed.out) == (2, "")
    assert "another text" in changed.err
    (desk.folder / "text.txt").unlink()
    moved = desk.run(command, str(desk.folder / "run"))
    assert (moved.code, moved.out) == (2, "")
    assert "text.txt" in moved.err


@pytest.mark.parametrize("command", ["resume", "evaluate", "sample"])
def test_a_damaged_checkpoint_is_refused(desk: Desk, command: str) -> None:
    desk.train("--steps", "5")
    kept = desk.folder / "run" / CHECKPOINT
    kept.write_bytes(kept.read_bytes()[:-20])
    done = desk.run(command, str(desk.folder / "run"))
    assert (done.code, done.out) == (2, "")
    assert CHECKPOINT in done.err
