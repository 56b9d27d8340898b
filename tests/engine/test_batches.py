"""The order of the examples: every window once an epoch, shuffled anew, and one number says where one stands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.training.batches import READ_AHEAD, Batches, Order

TEXT = np.arange(50, dtype=np.uint8)  # every character another, so that a window shows where it stands
CONTEXT = 3
EXAMPLES = 47

sizes = st.lists(st.integers(1, 120), max_size=8)


def batches(seed: int = 0) -> Batches:
    return Batches(TEXT, CONTEXT, seed)


def positions(drawn_from: Batches, count: int) -> list[int]:
    drawn: list[int] = drawn_from.draw(count).positions.tolist()
    return drawn


# The order.


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


# The windows.


def test_a_batch_holds_windows_of_the_text_with_the_characters_that_follow() -> None:
    batch = batches().draw(20)
    for context, target, position in zip(batch.contexts, batch.targets, batch.positions, strict=True):
        assert context.tolist() == [position, position + 1, position + 2]
        assert target == position + 3
    assert batch.contexts.dtype == TEXT.dtype
    batch.contexts[:] = 0
    assert TEXT.tolist() == list(range(50))  # a copy


@given(st.integers(0, 2**63 - 1), st.integers(1, 100))
def test_every_window_comes_once_an_epoch_whatever_the_batch_size(seed: int, size: int) -> None:
    source = Batches(TEXT, CONTEXT, seed)
    stream: list[int] = []
    while len(stream) < 3 * EXAMPLES:
        stream += positions(source, size)
    epochs = [stream[i * EXAMPLES : (i + 1) * EXAMPLES] for i in range(3)]
    assert all(sorted(epoch) == list(range(EXAMPLES)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]


def test_another_seed_gives_another_order_and_the_same_seed_the_same() -> None:
    assert positions(batches(1), EXAMPLES) == positions(batches(1), EXAMPLES)
    assert positions(batches(1), EXAMPLES) != positions(batches(2), EXAMPLES)


@given(sizes, sizes)
def test_the_stream_does_not_depend_on_how_it_is_cut_into_batches(one: list[int], other: list[int]) -> None:
    left, right = batches(), batches()
    streams = [
        [p for size in cut for p in positions(source, size)] for source, cut in ((left, one), (right, other))
    ]
    common = min(map(len, streams))
    assert streams[0][:common] == streams[1][:common]


@given(sizes, sizes, st.integers(1, 130))
def test_a_place_can_be_returned_to_from_anywhere(before: list[int], after: list[int], size: int) -> None:
    source = batches()
    for count in before:
        source.draw(count)
    place = source.drawn
    expected = positions(source, size)
    for count in after:
        source.draw(count)
    source.drawn = place
    assert source.drawn == place
    assert positions(source, size) == expected
    fresh = batches()
    fresh.drawn = place
    assert positions(fresh, size) == expected


@given(sizes)
def test_examples_and_epochs_are_counted(cut: list[int]) -> None:
    source = batches()
    for count in cut:
        source.draw(count)
    assert source.drawn == sum(cut)
    assert source.epochs == pytest.approx(sum(cut) / EXAMPLES)


def test_a_batch_may_be_larger_than_several_epochs() -> None:
    tiny = Batches(np.array([1, 2, 3, 4], dtype=np.uint8), 3, 0)
    assert tiny.draw(5).positions.tolist() == [0, 0, 0, 0, 0]
    assert tiny.epochs == 5


@given(
    st.lists(st.sampled_from([1, 7, 1000, READ_AHEAD - 1, READ_AHEAD, READ_AHEAD + 5]), max_size=12),
    st.data(),
)
@settings(max_examples=30, deadline=None)
def test_reading_ahead_changes_nothing(cut: list[int], data: st.DataObject) -> None:
    text = np.zeros(3 * READ_AHEAD, dtype=np.uint8)
    source = Batches(text, 1, 9)
    for size in cut:
        if data.draw(st.booleans()):
            source.drawn = data.draw(st.integers(0, 3 * source.examples))
        begun = source.drawn
        drawn = source.draw(size).positions.tolist()
        assert drawn == Order(source.examples, 9).windows(begun, begun + size).tolist()
