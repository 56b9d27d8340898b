"""The learning rate at the steps that matter, and at all others between its bounds."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.training.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    InverseSquareRoot,
    Linear,
    Schedule,
    Steps,
    Warmup,
    schedule,
)


def rates(of: Schedule, *steps: int) -> list[float]:
    return [of.rate(step) for step in steps]


def cosine(peak: float, warmup: int, total: int, floor: float = 0.1) -> Schedule:
    return schedule("cosine", peak, warmup=warmup, total=total, floor=floor)


def test_a_constant_rate_does_not_change() -> None:
    assert set(rates(schedule("constant", 0.3), 0, 1, 10**9)) == {0.3}


def test_a_staircase_falls_by_its_factor_after_every_so_many_steps() -> None:
    steps = schedule("step", 0.8, every=10, factor=0.5)
    assert rates(steps, 0, 9, 10, 19, 20, 35) == pytest.approx([0.8, 0.8, 0.4, 0.4, 0.2, 0.1])
    assert rates(schedule("step", 0.8, every=10, factor=1.0), 0, 100) == [0.8, 0.8]


def test_a_line_falls_evenly_to_its_floor_and_stays_there() -> None:
    line = schedule("linear", 1.0, total=10, floor=0.2)
    assert rates(line, 0, 1, 5, 9) == pytest.approx([1.0, 0.92, 0.6, 0.28])
    assert rates(line, 10, 11, 10**9) == [0.2, 0.2, 0.2]


def test_warm_up_climbs_in_equal_steps_to_the_peak_and_starts_above_zero() -> None:
    assert rates(cosine(1.0, 4, 14), *range(5)) == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


@pytest.mark.parametrize("name", SCHEDULES)
def test_warm_up_comes_before_any_schedule_which_then_begins_at_its_peak(name: str) -> None:
    warmed = schedule(name, 0.6, warmup=5, total=50, every=10)
    assert rates(warmed, *range(6)) == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert warmed.peak == 0.6


def test_what_follows_a_warm_up_counts_its_steps_from_there() -> None:
    assert rates(Warmup(3, Steps(0.8, every=2)), 3, 4, 5) == pytest.approx([0.8, 0.8, 0.4])
    assert Warmup(3, Warmup(2, Constant(0.6))).rate(3) == pytest.approx(0.2)  # a schedule like any other


def test_the_cosine_is_halfway_in_the_middle_and_at_the_floor_ever_after() -> None:
    warmed = cosine(2.0, 10, 110)
    assert warmed.rate(60) == pytest.approx(1.1)
    assert warmed.rate(35) == pytest.approx(0.2 + 1.8 * (1 + math.cos(math.pi / 4)) / 2)
    assert warmed.rate(109) > 0.2
    assert rates(warmed, 110, 111, 10**9) == [0.2, 0.2, 0.2]


def test_without_warm_up_it_starts_at_the_peak() -> None:
    assert cosine(0.5, 0, 10).rate(0) == 0.5


@pytest.mark.parametrize("warmup", [0, 1, 40])
def test_the_inverse_square_root_is_the_formula_of_its_paper_scaled_to_the_chosen_peak(warmup: int) -> None:
    ours, edge = schedule("inverse-sqrt", 0.3, warmup=warmup), warmup + 1
    for step in (0, 1, 5, 38, 39, 40, 41, 100, 5000):
        n = step + 1  # the paper counts from 1
        paper = min(n**-0.5, n * edge**-1.5)
        assert ours.rate(step) == pytest.approx(0.3 * paper / edge**-0.5, rel=1e-12)


@given(
    st.sampled_from([*SCHEDULES]),
    st.floats(1e-6, 10),
    st.integers(0, 20),
    st.integers(1, 50),
    st.floats(0, 1),
)
def test_the_rate_rises_to_the_peak_and_then_never_again(
    name: str, peak: float, warmup: int, rest: int, floor: float
) -> None:
    made = schedule(name, peak, warmup=warmup, total=warmup + rest, floor=floor, every=rest)
    course = [made.rate(step) for step in range(warmup + rest + 3)]
    assert course[: warmup + 1] == sorted(course[: warmup + 1])
    assert all(
        after <= before * (1 + 1e-12)
        for before, after in zip(course[warmup:], course[warmup + 1 :], strict=False)
    )
    assert max(course) == pytest.approx(peak)
    if "floor" in SCHEDULES[name].options:
        assert course[-1] == pytest.approx(floor * peak)


# What is refused.


@pytest.mark.parametrize("rate", [-0.1, math.nan, math.inf])
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_rate_that_is_no_rate_is_refused(name: str, rate: float) -> None:
    with pytest.raises(ValueError, match=f"learning rate is {rate}"):
        schedule(name, rate, warmup=1, total=2)


@pytest.mark.parametrize(("warmup", "total"), [(-1, 5), (5, 5), (6, 5)])
@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_a_warm_up_that_leaves_no_room_is_refused(name: str, warmup: int, total: int) -> None:
    with pytest.raises(ValueError, match=f"warm-up of {warmup} steps in 5; choose 0 to 4"):
        schedule(name, 0.1, warmup=warmup, total=total)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: schedule("constant", 0.1, warmup=-1), "warm-up of -1 steps"),
        (lambda: schedule("inverse-sqrt", 0.1, warmup=-1), "warm-up of -1 steps"),
        (lambda: Warmup(-2, Constant(1.0)), "warm-up of -2 steps"),
        (lambda: schedule("cosin", 0.1), "'cosin' is unknown; choose one of constant, step, linear, cosine"),
        (lambda: Steps(0.1, every=0), "every is 0"),
        (lambda: Steps(0.1, every=5, factor=-0.5), "factor is -0.5"),
        (lambda: Steps(0.1, every=5, factor=1.5), "factor is 1.5"),
        (lambda: Linear(0.1, 0), "total is 0"),
        (lambda: Cosine(0.1, 0), "total is 0"),
        (lambda: InverseSquareRoot(0.1, 0), "scale is 0"),
        *[
            (lambda kind=kind, floor=floor: kind(0.1, 5, floor), f"floor is {floor}")
            for kind in (Linear, Cosine)
            for floor in (-0.1, 1.1, math.nan)
        ],
    ],
)
def test_a_number_out_of_its_range_is_refused(make: Callable[[], Schedule], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_every_schedule_of_the_catalog_says_what_it_is() -> None:
    assert list(SCHEDULES) == ["constant", "step", "linear", "cosine", "inverse-sqrt"]
    assert all(entry.description for entry in SCHEDULES.values())
