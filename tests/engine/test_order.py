"""The numbers of the examples: every one once an epoch in an order shuffled anew, or drawn by chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.training.order import Chance, Order


@given(st.integers(1, 700), st.integers(0, 2**63 - 1), st.integers(0, 10**6))
def test_an_epoch_holds_every_number_once_whatever_its_size(size: int, seed: int, epoch: int) -> None:
    order = Order(size, seed).windows(epoch * size, (epoch + 1) * size)
    assert sorted(order.tolist()) == list(range(size))


@pytest.mark.parametrize("size", [2**16 - 1, 2**16, 2**16 + 1, 100_003])
def test_a_large_epoch_holds_every_number_once(size: int) -> None:
    counts = np.bincount(Order(size, 1).windows(2 * size, 3 * size), minlength=size)
    assert (counts == 1).all()


@given(st.integers(1, 300), st.data())
def test_a_part_of_the_order_is_the_same_as_in_the_whole(size: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, 3 * size))
    stop = data.draw(st.integers(start, 3 * size))
    order = Order(size, 5)
    assert order.windows(start, stop).tolist() == order.windows(0, 3 * size).tolist()[start:stop]


def test_an_order_of_a_hundred_million_is_looked_up_where_it_is_needed() -> None:
    size = 100_000_000
    middle = Order(size, 0).windows(50_000_000, 50_001_000)
    assert len(set(middle.tolist())) == 1000
    assert middle.min() >= 0
    assert middle.max() < size
    assert np.abs(middle.mean() / size - 0.5) < 0.05  # 5 standard deviations


def test_an_order_looks_shuffled() -> None:
    size = 10_000
    order = Order(size, 3).windows(0, size)
    places = np.arange(size)
    assert abs(np.corrcoef(order, places)[0, 1]) < 0.05
    assert abs(np.corrcoef(order[1:], order[:-1])[0, 1]) < 0.05
    assert (np.diff(order) == 1).sum() < 10
    first_half = order[: size // 2] < size // 2  # a quarter of all numbers, as chance has it
    assert first_half.mean() == pytest.approx(0.5, abs=0.03)


def test_small_epochs_take_all_orders_about_equally_often() -> None:
    epochs = Order(3, 0).windows(0, 3 * 6000).reshape(-1, 3)
    orders, counts = np.unique(epochs, axis=0, return_counts=True)
    assert len(orders) == 6
    assert (np.abs(counts - 1000) < 150).all()  # 5 standard deviations


# Chance.


@given(st.integers(1, 300), st.integers(0, 2**63 - 1), st.integers(0, 10**6), st.integers(0, 50))
def test_numbers_drawn_by_chance_are_the_same_however_they_are_asked_for(
    size: int, seed: int, start: int, count: int
) -> None:
    chance = Chance(size, seed)
    whole = chance.windows(start, start + count).tolist()
    assert [int(chance.windows(place, place + 1)[0]) for place in range(start, start + count)] == whole
    assert all(0 <= number < size for number in whole)


def test_numbers_drawn_by_chance_are_even_independent_and_repeat() -> None:
    size, count = 100, 200_000
    drawn = Chance(size, 4).windows(0, count)
    expected = count / size
    counts = np.bincount(drawn, minlength=size)
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()  # 5 standard deviations
    pairs = np.bincount(drawn[1:] // 10 * 10 + drawn[:-1] // 10, minlength=100)
    assert (np.abs(pairs - expected) < 5 * np.sqrt(expected)).all()
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.01
    assert (
        0.6 < len(set(Chance(1000, 4).windows(0, 1000).tolist())) / 1000 < 0.66
    )  # 1 - 1/e, not a permutation
    assert not np.array_equal(drawn, Chance(size, 5).windows(0, count))
