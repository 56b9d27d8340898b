"""What leaves a scoreboard: CSV and Markdown that can be read back whole, JSON that is JSON, files whole or not."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.models.counting.coverage import Unseen
from engine.scoreboard.export import COLUMNS, as_json, as_rows, export, to_csv, to_markdown
from engine.scoreboard.terms import Terms
from engine.scoreboard.view import Curve, Row, ScoreboardView, State
from engine.training.errors import SaveError

HOSTILE = 'a|b\n"c",d\r\n\x1b]0;owned\x07 `x` *y* <b> [l](u) \\| \u202e é'


def row(number: int = 1, **values: object) -> Row:
    base = Row(
        number=number,
        model="mlp",
        name="mlp tiny",
        recipe="corpus=x model=mlp",
        counting=False,
        state=State.DONE,
        size=1234,
        steps=500,
        seconds=2.0,
        train=1.0,
        validation=1.5,
        test=2.0,
        beating=True,
        validation_curve=Curve(np.array([5, 9]), np.array([0.5, 1.0]), np.array([2.0, math.inf])),
        prompt="once ",
        sample="upon a time",
    )
    return replace(base, **values)  # type: ignore[arg-type]  # each field gets a value of its own type


def view(*rows: Row, corpus: str = "a text") -> ScoreboardView:
    return ScoreboardView(
        version=1,
        corpus=corpus,
        characters=1000,
        vocabulary=30,
        borders=(0, 800, 900, 1000),
        terms=Terms(steps=500),
        protocol=("one.", "two."),
        rows=rows,
        bar=1.4,
        bar_name="kneser-ney 7",
        unseen=(Unseen(1, 0.0, 0.0), Unseen(2, 0.125, math.nan)),
        unseen_in="test",
        finished=True,
    )


def cells_of(markdown: str) -> list[list[str]]:
    """The first table of a page, its cells with nothing escaped any more."""
    lines = [line for line in markdown.split("\n\n")[1].split("\n") if line.startswith("|")]
    parts = (re.split(r"(?<!\\)(?:\\\\)*\|", line)[1:-1] for line in lines)
    return [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in line] for line in parts]


def test_units_follow_from_the_losses() -> None:
    one = as_rows(view(row()))[0]
    assert list(one) == list(COLUMNS)
    for part, loss in (("train", 1.0), ("validation", 1.5), ("test", 2.0)):
        assert one[f"{part}_loss"] == loss
        assert one[f"{part}_bits"] == pytest.approx(loss / math.log(2))
        assert one[f"{part}_perplexity"] == pytest.approx(math.exp(loss))
    assert one["bits_per_character"] == one["test_bits"]
    assert one["perplexity"] == one["test_perplexity"]
    assert one["generalisation_gap"] == 0.5
    assert one["steps_per_second"] == 250
    assert as_rows(view(row(test=None)))[0]["bits_per_character"] == pytest.approx(1.5 / math.log(2))


def test_seconds_to_beat_are_a_number_not_yet_or_missing() -> None:
    rows = (row(seconds_to_beat=1.25), row(), row(beating=False))
    assert [one["seconds_to_beat_kneser_ney"] for one in as_rows(view(*rows))] == [1.25, "not yet", None]


def test_csv_parses_back_and_what_is_missing_is_empty_never_zero() -> None:
    waiting = row(2, state=State.WAITING, size=None, steps=None, seconds=None, train=None, test=None)
    waiting = replace(waiting, validation=None, sample=None, beating=False)
    read = list(csv.DictReader(io.StringIO(to_csv(view(row(), waiting)), newline="")))
    assert read[0] == {
        key: "" if value is None else str(value) for key, value in as_rows(view(row()))[0].items()
    }
    empty = [key for key, value in read[1].items() if value == ""]
    assert {"parameters", "steps", "seconds", "train_loss", "validation_loss", "test_loss"} <= set(empty)
    assert {"bits_per_character", "perplexity", "generalisation_gap", "sample"} <= set(empty)


@given(st.text(st.characters(codec="utf-8"), max_size=60))
@settings(deadline=None)
def test_any_sample_survives_csv(sample: str) -> None:
    read = list(csv.DictReader(io.StringIO(to_csv(view(row(sample=sample))), newline="")))
    assert read[0]["sample"] == sample


def test_json_is_strict_json_with_curves_and_infinity_as_a_word() -> None:
    read = json.loads(json.dumps(as_json(view(row(test=math.inf))), allow_nan=False))
    assert read["rows"][0]["test_loss"] == read["rows"][0]["perplexity"] == "inf"
    assert read["rows"][0]["validation_curve"] == {
        "steps": [5, 9],
        "seconds": [0.5, 1.0],
        "losses": [2.0, "inf"],
    }
    assert read["split"] == {"train": 800, "validation": 100, "test": 100}
    assert read["budget"] == {"steps": 500, "seconds": None}
    assert read["unseen"][1] == {"order": 2, "contexts": 0.125, "ngrams": None}
    assert read["kneser_ney"] == {"name": "kneser-ney 7", "validation_loss": 1.4}
    assert read["protocol"] == ["one.", "two."]


def test_markdown_has_a_line_for_each_entrant_in_order_with_every_number() -> None:
    failed = row(2, name="lstm tiny", state=State.FAILED, why="it | broke", test=None, sample=None)
    heads, dashes, first, second = cells_of(to_markdown(view(row(seconds_to_beat=0.5), failed)))
    assert set(dashes) == {"---"}
    one, other = (dict(zip(heads, line, strict=True)) for line in (first, second))
    assert (one["model"], one["parameters"], one["test"], one["bits"]) == (
        "mlp tiny",
        "1,234",
        "2.0000",
        "2.8854",
    )
    assert (one["perplexity"], one["gap"], one["beats Kneser-Ney after"]) == ("7.389", "0.5000", "0.5 s")
    assert (other["test"], other["bits"], other["beats Kneser-Ney after"]) == ("–", "2.1640", "not yet")
    assert other["state"] == "failed: it | broke"


def test_markdown_tells_of_unseen_contexts_samples_protocol_and_recipes() -> None:
    page = to_markdown(view(row()))
    assert "| 2 | 12.5% | – |" in page
    assert "| mlp tiny | once  | upon a time |" in page
    assert "* one.\n* two.\n" in page
    assert "| mlp tiny | corpus=x model=mlp |" in page
    assert "Not finished" not in page
    assert "Not finished" in to_markdown(replace(view(row()), finished=False))


def test_hostile_text_cannot_leave_its_cell() -> None:
    page = to_markdown(view(row(sample=HOSTILE, prompt=HOSTILE, why=HOSTILE), corpus=HOSTILE))
    assert all(character.isprintable() for line in page.split("\n") for character in line)
    for line in page.split("\n"):
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) in (4, 15, 3)
    assert "\\|b ↵ " in page
    assert not re.search(r"(?<!\\)[<\[*`]b?", page.replace("* one", "").replace("* two", ""))


@pytest.mark.parametrize(("name", "make"), [("x.csv", to_csv), ("x.CSV", to_csv), ("x.md", to_markdown)])
def test_a_file_is_what_its_name_says(tmp_path: Path, name: str, make: object) -> None:
    assert callable(make)
    export(view(row()), tmp_path / name)
    assert (tmp_path / name).read_bytes().decode("utf-8") == make(view(row()))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match=r"nowhere/x\.md"):
        export(view(row()), tmp_path / "nowhere" / "x.md")
