"""A run is to be saved every so many seconds, and not more often."""

from __future__ import annotations

import pytest

from engine.training.autosave import FIRST, Autosave


def test_it_is_time_once_in_every_interval() -> None:
    times = iter([100.0, 100.0, 109.9, 110.0, 110.0, 110.0, 119.9, 125.0, 125.0, 134.9, 135.0, 135.0])
    autosave = Autosave(every=10, clock=lambda: next(times))
    asked = [autosave.due() for _ in range(8)]  # a clock that is read twice where it is due
    assert asked == [False, False, True, False, False, True, False, True]


def test_a_run_of_which_nothing_is_saved_yet_is_saved_soon_and_then_as_any_other() -> None:
    now = 0.0
    autosave = Autosave(every=10, clock=lambda: now, begun=False)
    due = []
    for second in range(1, 25):
        now = float(second)
        if autosave.due():
            due.append(now)
    assert due == [FIRST, FIRST + 10, FIRST + 20]


def test_a_saving_for_another_reason_counts() -> None:
    now = 0.0
    autosave = Autosave(every=10, clock=lambda: now)
    now = 9.0
    autosave.restart()
    now = 18.0
    assert not autosave.due()
    now = 19.0
    assert autosave.due()


@pytest.mark.parametrize("every", [0, -1, float("nan")])
def test_an_interval_must_be_above_0(every: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        Autosave(every)
