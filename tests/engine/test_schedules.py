"""The learning rate at the steps that matter, and at all others between its bounds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.training.schedules import Constant, Schedule, WarmupCosine


def test_a_constant_rate_does_not_change() -> None:
    schedule: Schedule = Constant(0.3)
    assert {schedule.rate(step) for step in (0, 1, 10**9)} == {0.3}


def test_warm_up_climbs_in_equal_steps_to_the_peak_and_starts_above_zero() -> None:
    schedule: Schedule = WarmupCosine(1.0, warmup=4, total=14)
    assert [schedule.rate(step) for step in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


def test_the_cosine_is_halfway_in_the_middle_and_at_the_floor_ever_after() -> None:
    schedule = WarmupCosine(2.0, warmup=10, total=110, floor=0.1)
    assert schedule.rate(60) == pytest.approx(1.1)
    assert schedule.rate(35) == pytest.approx(0.2 + 1.8 * (1 + math.cos(math.pi / 4)) / 2)
    assert schedule.rate(109) > 0.2
    assert [schedule.rate(step) for step in (110, 111, 10**9)] == [0.2, 0.2, 0.2]


def test_without_warm_up_it_starts_at_the_peak() -> None:
    assert WarmupCosine(0.5, 0, 10).rate(0) == 0.5


@given(st.floats(1e-6, 10), st.integers(0, 20), st.integers(1, 50), st.floats(0, 1))
def test_the_rate_rises_to_the_peak_and_then_never_again(
    peak: float, warmup: int, rest: int, floor: float
) -> None:
    schedule = WarmupCosine(peak, warmup, warmup + rest, floor)
    rates = [schedule.rate(step) for step in range(warmup + rest + 3)]
    assert rates[: warmup + 1] == sorted(rates[: warmup + 1])
    assert all(
        after <= before * (1 + 1e-12)
        for before, after in zip(rates[warmup:], rates[warmup + 1 :], strict=False)
    )
    assert max(rates) == pytest.approx(peak)
    assert rates[-1] == pytest.approx(floor * peak)


@pytest.mark.parametrize("rate", [-0.1, math.nan, math.inf])
def test_a_rate_that_is_no_rate_is_refused(rate: float) -> None:
    for make in (lambda: Constant(rate), lambda: WarmupCosine(rate, 1, 2)):
        with pytest.raises(ValueError, match=f"learning rate is {rate}"):
            make()


@pytest.mark.parametrize(("warmup", "total"), [(-1, 5), (5, 5), (6, 5)])
def test_a_warm_up_that_leaves_no_room_is_refused(warmup: int, total: int) -> None:
    with pytest.raises(ValueError, match=f"warm-up of {warmup} steps in 5; choose 0 to 4"):
        WarmupCosine(0.1, warmup, total)


@pytest.mark.parametrize("floor", [-0.1, 1.1, math.nan])
def test_a_floor_that_is_no_fraction_is_refused(floor: float) -> None:
    with pytest.raises(ValueError, match="floor is"):
        WarmupCosine(0.1, 0, 5, floor)
