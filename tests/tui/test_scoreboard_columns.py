"""The columns of the standings: whole or not at all, and what is not known a dash."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.scoreboard.view import Curve, Row, State
from tui.panes.units import Unit
from tui.scoreboard.columns import COLUMNS, beat, columns_for, duration, gap, line, loss, state
from tui.scoreboard.curves import Across, Curves, Shown, roles_of
from tui.scoreboard.saving import file_name
from tui.scoreboard.standings import sign

BARE = Row(1, "mlp", "mlp tiny", "corpus=x", False, State.WAITING)


@given(st.integers(1, 200))
def test_lines_are_as_wide_as_there_is_room_and_keep_the_model(width: int) -> None:
    columns = columns_for(width)
    heads = line(columns, [column.head for column in columns])
    assert len(heads) <= max(width, COLUMNS[0].cells)
    assert [column for column in COLUMNS if column in columns] == list(columns)
    assert COLUMNS[0] in columns


def test_what_is_not_known_is_a_dash() -> None:
    columns = {column.head: column.text(BARE, Unit.NATS) for column in COLUMNS}
    assert {head for head, text in columns.items() if text == "–"} == set(columns) - {"model", "state"}


@pytest.mark.parametrize("value", [0.0, 1.5, 999.99, 12345.6, 1e9, 1e300, math.inf])
def test_numbers_fit_their_columns(value: float) -> None:
    assert len(loss(value, Unit.NATS)) <= 8
    assert len(gap(replace(BARE, train=0.0, validation=value), Unit.NATS)) <= 7 or value >= 1e6
    assert math.isinf(value) or len(duration(min(value, 1e5))) <= 7


def test_a_gap_is_the_difference_in_the_unit_that_is_shown() -> None:
    row = replace(BARE, train=1.0, validation=1.5)
    assert gap(row, Unit.NATS) == "+0.5000"
    assert gap(row, Unit.BITS) == "+0.7213"
    assert gap(row, Unit.PERPLEXITY) == f"{math.exp(1.5) - math.exp(1):+.4f}"
    assert gap(replace(row, validation=math.inf), Unit.NATS) == "∞"


def test_beating_is_a_time_not_yet_or_a_dash() -> None:
    assert beat(replace(BARE, seconds_to_beat=12.34, beating=True)) == "12.3 s"
    assert beat(replace(BARE, seconds_to_beat=187.0, beating=True)) == "03:07"
    assert beat(replace(BARE, beating=True)) == "not yet"
    assert beat(BARE) == "–"


def test_a_state_says_how_much_is_done() -> None:
    assert state(replace(BARE, state=State.TRAINING, progress=0.424)) == "training 42%"
    assert state(replace(BARE, state=State.DONE)) == "done"


def test_curves_stay_the_same_objects_until_they_change() -> None:
    curve = Curve(np.array([1, 2]), np.array([0.5, 1.0]), np.array([3.0, 2.0]))
    rows = [replace(BARE, number=n, validation_curve=curve) for n in (3, 1)]
    curves = Curves()
    first = curves.series(rows, Unit.NATS, Across.STEPS, Shown.VALIDATION)
    assert [series.mark for series in first] == ["1", "3"]
    assert all(
        a is b
        for a, b in zip(first, curves.series(rows, Unit.NATS, Across.STEPS, Shown.VALIDATION), strict=True)
    )
    other = curves.series(rows, Unit.PERPLEXITY, Across.SECONDS, Shown.VALIDATION)
    assert other[0].x.tolist() == [0.5, 1.0]
    assert other[0].y.tolist() == pytest.approx([math.exp(3), math.exp(2)])
    assert curves.series(rows, Unit.NATS, Across.STEPS, Shown.TRAINING) == []


def test_neural_models_have_colours_of_their_own_and_all_have_signs() -> None:
    rows = [replace(BARE, number=n, counting=n % 2 == 0) for n in range(1, 18)]
    roles = roles_of(rows)
    assert sorted(roles) == list(range(1, 18, 2))
    assert len(set(roles.values())) == 8
    assert len({sign(n) for n in range(1, 36)}) == 35


@pytest.mark.parametrize(
    ("name", "plain"),
    [("proverbs", "proverbs"), ("my text.txt", "my-text"), ("../../é\x1b[/]", "text"), ("a" * 300, "a" * 40)],
)
def test_a_files_name_is_harmless(name: str, plain: str) -> None:
    now = datetime(2026, 3, 4, 5, 6, 7)
    assert file_name(name, ".csv", now) == f"scoreboard-{plain}-2026-03-04-050607.csv"
