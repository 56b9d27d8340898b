"""Units, columns and records: what is read off the course of the loss, without a screen."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.snapshot import Losses
from tui.panes.loss_readings import COLUMNS, looks_different, nearest, newest, reading, row
from tui.panes.units import Unit, clock, counted, fitted

steps_arrays = st.lists(st.integers(1, 50), min_size=1, max_size=40, unique=True).map(sorted)


def losses_at(steps: list[int], validation: dict[int, float] | None = None) -> Losses:
    """A course in which every number tells its step: raw 1 + 1/step, smoothed 2 + 1/step."""
    validation = validation or {}
    array = np.array(steps, dtype=np.int64)
    return Losses(
        array,
        1 + 1 / array,
        2 + 1 / array,
        np.array(list(validation), dtype=np.int64),
        np.array(list(validation.values()), dtype=np.float64),
    )


# Units and columns.


@given(st.floats(0, 50))
def test_a_loss_means_the_same_in_every_unit(nats: float) -> None:
    assert Unit.NATS.of_one(nats) == nats
    assert Unit.BITS.of_one(nats) * math.log(2) == pytest.approx(nats)
    assert math.log(Unit.PERPLEXITY.of_one(nats)) == pytest.approx(nats, abs=1e-12)


def test_the_uniform_guess_over_65_characters_has_a_perplexity_of_65_and_6_bits() -> None:
    assert Unit.PERPLEXITY.of_one(math.log(65)) == pytest.approx(65)
    assert Unit.BITS.of_one(math.log(64)) == pytest.approx(6)


def test_units_follow_each_other_round_and_round() -> None:
    assert [Unit.NATS.following, Unit.BITS.following, Unit.PERPLEXITY.following] == [
        Unit.BITS,
        Unit.PERPLEXITY,
        Unit.NATS,
    ]


def test_a_perplexity_beyond_all_numbers_is_infinite_not_an_error() -> None:
    assert fitted(Unit.PERPLEXITY.of_one(1e4), 8) == "∞"


@given(st.floats(min_value=0) | st.none(), st.integers(8, 12))
def test_a_number_never_outgrows_its_column(value: float | None, cells: int) -> None:
    assert 0 < len(fitted(value, cells)) <= cells


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (2.3456784, "2.345678"),
        (65.0, "65.00000"),
        (0.0, "0.000000"),
        (None, "–"),
        (math.nan, "–"),
        (12345678.4, "12345678"),
        (1e300, "1.0e+300"),
    ],
)
def test_a_number_has_as_many_decimals_as_there_is_room_for(value: float | None, written: str) -> None:
    assert fitted(value, 8) == written


def test_a_duration_is_minutes_and_seconds_and_never_wider_than_its_column() -> None:
    assert [clock(s) for s in (0, 59.9, 187, 5999, 6000, 61380)] == [
        "00:00",
        "00:59",
        "03:07",
        "99:59",
        "1h40",
        "17h03",
    ]


def test_thousands_are_set_apart_where_that_fits() -> None:
    assert counted(1234567, 9) == "1,234,567"
    assert counted(12345678, 9) == "12345678"


@given(st.integers(0, 100))
def test_a_row_shows_whole_columns_only(width: int) -> None:
    words = row([head for head, _ in COLUMNS], width).split()
    assert words == [head for head, _ in COLUMNS][: len(words)]
    shown = sum(cells for _, cells in COLUMNS[: len(words)])
    assert shown <= width
    assert len(words) == len(COLUMNS) or shown + COLUMNS[len(words)][1] > width


# Reading the records.


@given(steps_arrays, st.integers(-5, 60))
def test_the_nearest_record_is_the_nearest(steps: list[int], wanted: int) -> None:
    found = steps[nearest(losses_at(steps), wanted)]
    assert abs(found - wanted) == min(abs(step - wanted) for step in steps)


@given(steps_arrays, st.integers(1, 60))
def test_the_last_steps_are_those_and_no_others(steps: list[int], count: int) -> None:
    view = newest(losses_at(steps, dict.fromkeys(steps[::2], 1.0)), count)
    kept = [step for step in steps if step > steps[-1] - count]
    assert view.steps.tolist() == kept
    assert view.raw.tolist() == [1 + 1 / step for step in kept]
    assert view.validation_steps.tolist() == [step for step in steps[::2] if step in kept]


def test_a_reading_says_when_its_validation_loss_was_measured() -> None:
    losses = losses_at([1, 2, 3, 4], {2: 0.5, 4: 0.25})
    assert reading(losses, 0).validation is None
    assert [reading(losses, i).validated for i in (1, 2, 3)] == [2, 2, 4]
    assert [reading(losses, i).validation for i in (1, 2, 3)] == [0.5, 0.5, 0.25]


def test_while_running_curves_wait_until_the_change_is_half_a_column_wide() -> None:
    old = losses_at(list(range(1, 1001)))
    assert not looks_different(old, losses_at(list(range(1, 1006))), None, 60)
    assert looks_different(old, losses_at(list(range(1, 1020))), None, 60)
    assert looks_different(old, losses_at(list(range(1, 1006))), 100, 60)  # zoomed in, columns are narrower
    assert looks_different(old, losses_at(list(range(1, 900))), None, 60)  # went back
    assert looks_different(old, losses_at(list(range(1, 1001)), {5: 1.0}), None, 60)  # a validation came in
    other = losses_at(list(range(1, 1002)))
    assert looks_different(old, dataclasses.replace(other, raw=other.raw + 1), None, 60)  # another run


def test_while_standing_every_number_counts() -> None:
    old = losses_at([1, 2, 3])
    assert not looks_different(old, losses_at([1, 2, 3]), None, None)
    assert looks_different(old, losses_at([1, 2, 3, 4]), None, None)
    assert looks_different(old, dataclasses.replace(old, raw=old.raw * 2), None, None)
    assert looks_different(losses_at([]), old, None, 60)
