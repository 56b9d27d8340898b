"""The course of the losses keeps exact rows, the late ones all of them, in memory that does not grow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.training.history import SMOOTHING, LossHistory, MovingAverage


def filled(count: int, capacity: int) -> LossHistory:
    history = LossHistory(columns=2, capacity=capacity)
    for step in range(1, count + 1):
        history.append(step, step * 0.5, -step)
    return history


@given(st.integers(0, 400), st.integers(4, 40))
def test_what_is_kept_is_exact_ascending_and_complete_in_its_late_half(count: int, capacity: int) -> None:
    history = filled(count, capacity)
    steps = history.steps()
    assert len(history) == len(steps) <= capacity
    assert np.array_equal(history.column(0), steps * 0.5)
    assert np.array_equal(history.column(1), -steps)
    assert (np.diff(steps) > 0).all()
    late = min(count, capacity // 2)
    assert steps[len(steps) - late :].tolist() == list(range(count - late + 1, count + 1))
    if count:
        assert steps[0] == 1
        assert steps[-1] == count


def test_nothing_is_let_go_before_the_table_is_full() -> None:
    assert filled(16, 16).steps().tolist() == list(range(1, 17))
    assert filled(17, 16).steps().tolist() == [1, 4, 8, *range(9, 18)]


@given(st.integers(100, 5_000), st.integers(1, 50))
def test_the_whole_past_stays_covered_evenly(count: int, every: int) -> None:
    history = LossHistory(columns=1, capacity=64)
    for row in range(1, count + 1):
        history.append(row * every, 0.0)
    steps = history.steps()
    gaps = np.diff(steps)
    assert steps[0] == every
    assert (gaps[-31:] == every).all()
    assert gaps.max() <= 2 * max(
        every, count * every / 7
    )  # at least 8 of 32 old rows, a factor of 2 for the stride


@given(st.integers(0, 300), st.integers(0, 320), st.integers(0, 60))
def test_what_is_forgotten_comes_back_as_it_is_made_again(count: int, step: int, more: int) -> None:
    history = filled(count, 32)
    kept = [s for s in history.steps().tolist() if s <= step]
    history.truncate(step)
    assert history.steps().tolist() == kept
    last = min(count, step)
    for again in range(last + 1, last + more + 1):
        history.append(again, again * 0.5, -again)
    steps = history.steps()
    assert (np.diff(steps) > 0).all()
    assert np.array_equal(history.column(0), steps * 0.5)
    late = min(more, 16)
    assert steps[len(steps) - late :].tolist() == list(range(last + more - late + 1, last + more + 1))


def test_what_is_handed_out_is_a_copy() -> None:
    history = filled(5, 8)
    history.steps()[:] = 0
    history.column(0)[:] = 0
    assert history.steps().tolist() == [1, 2, 3, 4, 5]
    assert history.column(0).tolist() == [0.5, 1, 1.5, 2, 2.5]


def test_a_million_steps_take_no_more_memory_than_none() -> None:
    def size(history: LossHistory) -> int:
        return sum(array.nbytes for array in vars(history).values() if isinstance(array, np.ndarray))

    history = LossHistory(columns=2)
    begun = size(history)
    for step in range(1_000_000):
        history.append(step, 1.0, 2.0)
    assert size(history) == begun < 250_000
    assert len(history) <= 8192
    assert np.diff(history.steps()).max() <= 1024


# The moving average.


def test_the_average_is_the_weighted_mean_of_all_numbers_so_far() -> None:
    numbers = np.random.default_rng(0).normal(size=300)
    average = MovingAverage()
    for count, number in enumerate(numbers, 1):
        weights = SMOOTHING ** np.arange(count - 1, -1, -1)
        assert average.add(number) == pytest.approx(np.average(numbers[:count], weights=weights), rel=1e-9)


def test_the_average_of_equal_numbers_is_that_number_from_the_first_on() -> None:
    average = MovingAverage()
    assert [average.add(3.25) for _ in range(5)] == pytest.approx([3.25] * 5, rel=1e-12)


def test_the_average_goes_on_from_a_state_that_is_put_back() -> None:
    average = MovingAverage()
    average.add(1.0)
    state = average.state
    expected = average.add(5.0)
    average.add(99.0)
    average.state = state
    assert average.add(5.0) == expected


@given(st.integers(0, 200), st.integers(4, 40), st.integers(1, 100))
def test_a_history_filled_from_another_goes_on_as_that_one(count: int, capacity: int, more: int) -> None:
    one, other = filled(count, capacity), LossHistory(columns=2, capacity=capacity)
    other.extend(one.steps(), one.rows())
    for step in range(count + 1, count + more + 1):
        one.append(step, step * 0.5, -step)
        other.append(step, step * 0.5, -step)
    assert np.array_equal(other.steps(), one.steps())
    assert np.array_equal(other.rows(), one.rows())


@pytest.mark.parametrize("steps", [[3, 4], [2, 3], [5, 5], [6, 5]])
def test_rows_that_do_not_go_on_rising_are_refused(steps: list[int]) -> None:
    history = filled(3, 16)
    with pytest.raises(ValueError, match="must rise"):
        history.extend(np.array(steps), np.zeros((2, 2)))
    assert len(history) == 3


@pytest.mark.parametrize("shape", [(2, 1), (3, 2), (2,)])
def test_rows_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"must be \(2, 2\)"):
        filled(3, 16).extend(np.array([4, 5]), np.zeros(shape))
