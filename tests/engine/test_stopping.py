"""A run is stopped by the condition that was chosen, for the reason that is named, and by no other."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.training.history import LossHistory
from engine.training.stopping import Stopping, StopRule, Validations, with_memory

losses = st.floats(0.1, 5) | st.just(math.nan)


def after(rule: StopRule, *validations: float) -> Stopping:
    """A rule at work that has seen these losses, at the steps 100, 200, ..."""
    stopping = Stopping(rule)
    for number, loss in enumerate(validations, 1):
        stopping.validated(100 * number, loss)
    return stopping


def test_without_conditions_nothing_stops() -> None:
    assert after(StopRule(), 2.0, 3.0, 4.0, math.nan).reason(10**9, 1e9, 0.0) is None


def test_the_step_and_the_second_that_were_chosen_are_the_last() -> None:
    rule = Stopping(StopRule(steps=1500, seconds=90))
    assert rule.reason(1499, 89.9, math.nan) is None
    assert rule.reason(1500, 0, math.nan) == "1,500 steps are made"
    assert rule.reason(0, 90, math.nan) == "90 seconds of training are over"


def test_the_target_is_of_the_training_loss_until_there_is_a_validation() -> None:
    stopping = Stopping(StopRule(target=1.5))
    assert stopping.reason(1, 1, math.nan) is None
    assert stopping.reason(1, 1, 1.51) is None
    assert stopping.reason(1, 1, 1.5) == "the training loss is 1.5, down to the target of 1.5"
    stopping.validated(1, 1.8)
    assert stopping.reason(1, 1, 1.2) is None
    stopping.validated(2, 1.4375)
    assert stopping.reason(2, 1, 1.6) == "the validation loss is 1.438, down to the target of 1.5"
    stopping.validated(3, math.nan)
    assert stopping.reason(3, 1, 1.2) is None


def test_patience_counts_validations_without_improvement_and_remembers_the_best() -> None:
    rule = StopRule(patience=3)
    assert after(rule, 2.0, 1.8, 1.9, 1.8).reason(400, 1, 1.0) is None
    stopped = after(rule, 2.0, 1.8, 1.9, 1.8, 1.85)
    assert stopped.reason(500, 1, 1.0) == "no better validation loss in 3 validations (best 1.8 at step 200)"
    assert stopped.validations == Validations(last=1.85, best=1.8, best_step=200, waited=3)
    assert after(rule, 2.0, 1.8, 1.9, 1.8, 1.79, 1.9, 1.9).reason(700, 1, 1.0) is None


def test_an_improvement_that_is_too_small_is_none() -> None:
    rule = StopRule(patience=2, min_delta=0.1)
    assert after(rule, 2.0, 1.95, 1.91).validations == Validations(1.91, 2.0, 100, 2)
    assert after(rule, 2.0, 1.95, 1.89).validations == Validations(1.89, 1.89, 300, 0)


def test_losses_that_are_not_finite_use_up_patience() -> None:
    reason = after(StopRule(patience=2), math.nan, math.inf).reason(200, 1, 1.0)
    assert reason == "no better validation loss in 2 validations (none was finite)"


@given(st.lists(losses, max_size=8), st.lists(losses, max_size=8))
def test_going_back_to_what_was_remembered_is_exact(before: list[float], later: list[float]) -> None:
    rule = StopRule(patience=2, target=0.5, min_delta=0.01)
    stopping = after(rule, *before)
    kept, reason = stopping.validations, stopping.reason(0, 0, 1.0)
    for loss in later:
        stopping.validated(10_000, loss)
    stopping.validations = kept
    assert stopping.reason(0, 0, 1.0) == reason
    fresh = Stopping(rule)
    fresh.validations = kept
    for loss in later:
        stopping.validated(20_000, loss)
        fresh.validated(20_000, loss)
        assert stopping.reason(0, 0, 1.0) == fresh.reason(0, 0, 1.0)


@pytest.mark.parametrize("name", ["steps", "seconds", "target", "patience", "min_delta"])
@pytest.mark.parametrize("value", [-1, math.nan, math.inf])
def test_a_condition_that_can_mean_nothing_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        StopRule(**{name: value})  # type: ignore[arg-type]  # one of five fields


@pytest.mark.parametrize("losses", [[2.0], [2.0, 1.8, 1.9], [math.nan, math.inf], [math.nan, 3.0, math.inf]])
def test_what_is_remembered_comes_back_from_its_row_and_from_the_losses_alone(losses: list[float]) -> None:
    stopping, alone = Stopping(StopRule(patience=3)), LossHistory(columns=1)
    for step, loss in enumerate(losses, 1):
        stopping.validated(step, loss)
        alone.append(step, loss)
        row = with_memory(alone).last
        assert row is not None
        for again in (Validations.from_row(row), Validations.from_row(stopping.validations.row)):
            assert repr(again) == repr(stopping.validations)  # NaN is not equal to itself
