"""The memory of the past: states every few steps, as many as the budget holds, the oldest let go first."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.training.batches import Place
from engine.training.optimizers import OptimizerState
from engine.training.rewind import MOST_STATES, Past, State


def state(step: int) -> State:
    return State(step, np.full(3, step), OptimizerState(step, {}), Place(step), None, {}, (0.0, 0.0))


def past_after(steps: int, room: int, stride: int) -> Past:
    """Walk `steps` steps, keeping what is due."""
    past = Past(state_bytes=10, budget=10 * room + 9, stride=stride)
    for step in range(steps):
        if past.due(step):
            past.keep(state(step))
    return past


@given(st.integers(0, 200), st.integers(0, 8), st.integers(1, 9))
def test_memory_reaches_as_far_as_it_says_and_no_further_than_its_budget(
    steps: int, room: int, stride: int
) -> None:
    past = past_after(steps, room, stride)
    assert past.limit == max(0, room - 1) * stride
    assert past.reach(steps) >= min(steps, past.limit)
    assert past.reach(steps) <= max(1, room) * stride
    assert past.holds_any == (steps > 0)


@given(st.integers(1, 200), st.integers(1, 8), st.integers(1, 9), st.data())
def test_every_step_within_reach_has_a_state_at_most_a_stride_before_it(
    steps: int, room: int, stride: int, data: st.DataObject
) -> None:
    past = past_after(steps, room, stride)
    target = steps - data.draw(st.integers(0, past.reach(steps)))
    found = past.before(target)
    assert found.step == min(target, steps - 1) // stride * stride
    assert found.values.tolist() == [found.step] * 3
    assert (
        past.reach(target)
        == target - (steps - 1) // stride * stride + (min(room, (steps - 1) // stride + 1) - 1) * stride
    )


def test_going_back_forgets_the_states_after_and_keeps_them_anew_on_the_way() -> None:
    past = past_after(50, room=10, stride=10)
    assert past.before(25).step == 20
    assert not past.due(20)
    assert not past.due(25)
    assert past.due(30)
    past.keep(state(30))
    assert not past.due(30)
    assert past.before(30).step == 30


def test_without_room_one_state_is_kept_all_the_same_to_recover_from_an_error() -> None:
    past = Past(state_bytes=100, budget=99)
    assert past.limit == 0
    for step in (0, 16):
        assert past.due(step)
        past.keep(state(step))
    assert past.reach(20) == 4
    assert past.before(20).step == 16


def test_a_tiny_model_is_remembered_for_so_many_states_and_no_more() -> None:
    assert Past(state_bytes=8, budget=64 << 20).limit == (MOST_STATES - 1) * 16


@pytest.mark.parametrize(("budget", "room"), [(64 << 20, 307), (1 << 20, 4)])
def test_the_limit_of_the_model_of_section_3_5(budget: int, room: int) -> None:
    past = Past(state_bytes=54_560 * 4, budget=budget)
    assert past.limit == (room - 1) * 16
