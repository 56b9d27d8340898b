"""What `charlm` prints: nothing a terminal would obey, progress that fits, samples, lists and comparisons."""

from __future__ import annotations

import csv
import io
import json
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from corpora.catalog import CATALOG
from engine.cli import commands, sampling
from engine.cli.progress import PIPE_INTERVAL, Progress, cut, duration
from engine.cli.terminal import cells, harmless
from engine.models.catalog import MODELS
from engine.scoreboard.export import COLUMNS
from tests.engine.cli_runs import Desk

EVIL = "ab\x1b]0;pwned\x07 c\x1b[31m\x9b1m\u202ed\n"


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("CHARLM_RUNS", str(tmp_path / "runs"))
    return Desk(tmp_path, capsys)


def is_safe(text: str) -> bool:
    return not any(
        (unicodedata.category(c)[0] == "C" or unicodedata.category(c) in ("Zl", "Zp")) and c not in "\n\t"
        for c in text
    )


# The door.


@given(st.text(st.characters() | st.sampled_from("\x00\t\n\r\x1b\x7f\x9b\u202e\u200d\ud800\ue000\u2028")))
def test_no_text_keeps_what_a_terminal_obeys_and_none_loses_a_character(text: str) -> None:
    shown = harmless(text)
    assert is_safe(shown)
    assert len(shown) == len(text)
    assert [c for c in shown if c in "\n\t"] == [c for c in text if c in "\n\t"]


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])))
def test_what_can_be_printed_is_printed_as_it_is(text: str) -> None:
    assert harmless(text) == text


def test_stand_ins_can_be_told_apart() -> None:
    assert harmless("\x1b[31m\x07\x7f\x9b\u202e") == "␛[31m␇␡�·"


def test_a_hostile_text_stays_a_text_in_every_command(desk: Desk) -> None:
    text = desk.folder / "e\x1b]0;x\x07vil.txt"
    text.write_text(EVIL * 60)
    run = str(desk.folder / "r\x1b[31mun")
    said = [
        desk.run("train", "--corpus", str(text), "--model", "kneser-ney", "--out", run),
        desk.run("resume", run),
        desk.run("evaluate", run),
        desk.run("sample", run, "--prompt", "b\x1b", "--length", "300"),
        desk.run("compare", "--corpus", str(text), "--models", "unigram", "--steps", "1"),
        desk.run("train", "--corpus", str(text), "--model", "unigram", "--json"),
        desk.run("sample", run, "--length", "300", "--json"),
    ]
    for done in said:
        assert done.code == 0, done.err
        assert is_safe(done.out)
        assert is_safe(done.err)
    assert "b␛" in said[3].out
    assert "\x1b]0;" in json.loads(said[-1].out)["text"]  # exact for programs


def test_an_interrupt_before_there_is_anything_to_save_is_no_crash(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(word: str, progress: Progress) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "text_for", interrupted)
    done = desk.run("train", "--corpus", "names", "--model", "mlp")
    assert (done.code, done.out, done.err) == (130, "", "charlm: interrupted\n")


# Progress.


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_in_a_pipe_progress_is_a_plain_line_now_and_then() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = Progress(stream, clock)
    for _ in range(25):
        clock.now += 1.0
        progress.show("step\x1b 5", 0.25)
    assert stream.getvalue().splitlines() == [
        f" 25% step␛ 5, {duration(3 * at)} left" for at in (PIPE_INTERVAL, 2 * PIPE_INTERVAL)
    ]
    progress.show("step 9", 1.0, last=True)
    assert stream.getvalue().endswith("\n100% step 9\n")


@given(st.text(), st.integers(0, 30))
def test_a_line_is_cut_to_its_cells(line: str, width: int) -> None:
    kept = cut(line, width)
    assert line.startswith(kept)
    assert sum(map(cells, kept)) <= width
    if kept != line:
        assert sum(map(cells, line[: len(kept) + 1])) > width


@pytest.mark.parametrize(("seconds", "said"), [(7, "7 s"), (187, "3:07"), (6000, "1:40:00"), (59.7, "1:00")])
def test_times_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said


# Samples.


@pytest.fixture
def trained(desk: Desk) -> str:
    desk.train("--steps", "50", model="lstm")
    return str(desk.folder / "run")


def test_json_of_a_sample_has_the_documented_keys(desk: Desk, trained: str) -> None:
    found = desk.run("sample", trained, "--prompt", "the ", "--length", "20", "--json").json
    assert list(found) == list(sampling.KEYS)
    assert (found["prompt"], found["length"], len(found["text"]), found["step"]) == ("the ", 20, 20, 50)


def test_people_read_the_prompt_and_what_comes_after_it(desk: Desk, trained: str) -> None:
    found = desk.run("sample", trained, "--prompt", "the ", "--length", "20", "--json").json
    assert (
        desk.run("sample", trained, "--prompt", "the ", "--length", "20").out == "the " + found["text"] + "\n"
    )
    assert desk.run("sample", trained, "--prompt", "the ", "--length", "0").out == "the \n"


def test_the_seed_and_the_sampling_decide_what_is_written(desk: Desk, trained: str) -> None:
    def text(*words: str) -> str:
        return str(desk.run("sample", trained, "--length", "60", "--json", *words).json["text"])

    assert text("--seed", "1") == text("--seed", "1") != text("--seed", "2")
    greedy = text("--greedy")
    assert greedy == text("--temperature", "0") == text("--top-k", "1", "--seed", "5") == text("--top-p", "0")


def test_an_unknown_character_of_a_prompt_is_named_and_nothing_is_written(desk: Desk, trained: str) -> None:
    done = desk.run("sample", trained, "--prompt", "thé Z\x1b")
    assert (done.code, done.out) == (2, "")
    assert "'é' (U+00E9)" in done.err
    assert "'Z' (U+005A)" in done.err
    assert is_safe(done.err)


def test_greedy_with_a_temperature_is_a_contradiction(desk: Desk, trained: str) -> None:
    done = desk.run("sample", trained, "--greedy", "--temperature", "0.5")
    assert (done.code, done.out) == (2, "")
    assert "--greedy" in done.err


# Lists.


def test_texts_and_models_are_listed(desk: Desk) -> None:
    rows = desk.run("corpora", "--json").json["corpora"]
    assert [row["name"] for row in rows] == list(CATALOG)
    assert [line.split()[0] for line in desk.run("corpora").out.splitlines()] == list(CATALOG)
    rows = desk.run("models", "--json").json["models"]
    assert [row["name"] for row in rows] == list(MODELS)
    ingredients = {row["name"]: row["ingredients"] for row in rows}
    assert "heads" in ingredients["transformer"]
    assert "heads" not in ingredients["mlp"]
    assert "order" in ingredients["kneser-ney"]
    assert "rate" not in ingredients["kneser-ney"]
    assert [line.split()[0] for line in desk.run("models").out.splitlines()] == list(MODELS)


def test_kept_runs_are_listed_those_saved_last_first(desk: Desk) -> None:
    runs = desk.folder / "runs"
    nothing = desk.run("runs")
    assert (nothing.code, nothing.out) == (0, "")
    assert str(runs) in nothing.err
    assert desk.run("runs", "--json").json == {"folder": str(runs), "runs": []}
    desk.train("--steps", "7", out="runs/old")
    made = desk.train(model="kneser-ney", out="runs/new").json
    (runs / "bad").mkdir()
    (runs / "bad" / "recipe.toml").write_text("model = 'ml\x1b[31mp'")
    for seconds, name in enumerate(("bad", "old/checkpoint.safetensors"), 1):
        os.utime(runs / name, (seconds, seconds))
    heads, new, old, bad = desk.run("runs").out.splitlines()
    assert heads.split() == ["name", "text", "model", "steps", "train", "validation", "saved"]
    assert new.split()[:3] == ["new", "text.txt", "kneser-ney"]
    assert old.split()[:4] == ["old", "text.txt", "mlp", "7"]
    assert bad.split()[:5] == ["bad", "–", "–", "–", "–"]
    assert "recipe.toml" in bad
    assert "\x1b" not in bad
    rows = desk.run("runs", str(runs), "--json").json["runs"]
    assert [row["name"] for row in rows] == ["new", "old", "bad"]
    assert [row["trouble"] is None for row in rows] == [True, True, False]
    assert rows[0]["folder"] == made["folder"]
    assert "model=kneser-ney" in rows[0]["recipe"]
    assert desk.run("evaluate", rows[1]["name"], "--json").json["steps"] == rows[1]["steps"] == 7
    (runs / "old").rename(runs / "漢字\nb\tc")
    heads, _, wide, _ = desk.run("runs").out.splitlines()
    assert wide.startswith("漢字⏎b␉c ")
    assert cell_len(wide[: wide.index("text.txt")]) == heads.index("text")
    nobody = desk.run("runs", "~nobody-of-this-name")
    assert (nobody.code, nobody.out) == (2, "")
    assert "~nobody-of-this-name" in nobody.err
    missing = desk.run("runs", str(desk.text))
    assert (missing.code, missing.out) == (2, "")
    assert str(desk.text) in missing.err


# Comparisons.

MODELS_COMPARED = "unigram,mlp:tiny"


def test_a_preset_is_that_of_every_model_without_one_of_its_own(desk: Desk) -> None:
    words = ("--models", "mlp,rnn:standard", "--preset", "tiny", "--steps", "1", "--json")
    rows = {row["model"]: row for row in desk.run("compare", "--corpus", str(desk.text), *words).json["rows"]}
    assert "hidden=16 " in rows["mlp"]["recipe"]
    assert "hidden=256 " in rows["rnn"]["recipe"]
    refused = desk.run("compare", "--corpus", str(desk.text), "--models", "rnn", "--preset", "course")
    assert refused.code == 2
    assert "preset = course" in refused.err


def test_a_comparison_is_one_object_with_a_row_for_each_model(desk: Desk) -> None:
    words = ("--models", MODELS_COMPARED, "--steps", "20", "--json")
    found = desk.run("compare", "--corpus", str(desk.text), *words).json
    rows = {row["model"]: row for row in found["rows"]}
    assert set(rows) == {"unigram", "mlp", "kneser-ney"}
    assert all(set(COLUMNS) <= set(row) for row in found["rows"])
    assert [row["test_loss"] for row in found["rows"]] == sorted(row["test_loss"] for row in found["rows"])
    alone = desk.train("--set", "stop_steps=20").json
    assert rows["mlp"]["test_loss"] == pytest.approx(alone["test_loss"])
    assert rows["mlp"]["steps"] == 20
    assert rows["unigram"]["steps"] is None


def test_people_get_a_table_the_unseen_and_a_sample_each(desk: Desk) -> None:
    done = desk.run("compare", "--corpus", str(desk.text), "--models", MODELS_COMPARED, "--steps", "20")
    lines = done.out.splitlines()
    for head in ("parameters", "validation", "bits", "perplexity", "gap", "beats Kneser-Ney after"):
        assert head in lines[0]
    assert lines[1].startswith("kneser-ney 7")
    assert any(line.startswith("mlp tiny: ") for line in lines)
    assert "7: 0.0%" in done.out


def test_tables_are_written_in_the_form_that_was_asked_for(desk: Desk) -> None:
    table, page = desk.folder / "table.txt", desk.folder / "page.csv"
    words = ("--models", "unigram", "--steps", "1", "--csv", str(table), "--markdown", str(page))
    assert desk.run("compare", "--corpus", str(desk.text), *words).code == 0
    with table.open(newline="") as stream:
        assert list(next(csv.DictReader(stream))) == list(COLUMNS)
    assert page.read_text().startswith("# ")


def test_a_model_that_fails_fails_the_comparison_and_no_other_model(desk: Desk) -> None:
    desk.text.write_text("abcab")
    done = desk.run("compare", "--corpus", str(desk.text), "--models", "unigram,lstm:tiny", "--steps", "1")
    assert done.code == 1
    assert "lstm tiny failed" in done.err
    assert "unigram" in done.out
