"""The order of the examples: every window once an epoch, shuffled anew, and two numbers say where one stands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.training.batches import READ_AHEAD, Batches, Permutation, Place

TEXT = np.arange(50, dtype=np.uint8)  # every character another, so that a window shows where it stands
CONTEXT = 3
EXAMPLES = 47

sizes = st.lists(st.integers(1, 120), max_size=8)


def batches(seed: int = 0) -> Batches:
    return Batches(TEXT, CONTEXT, seed)


def positions(drawn_from: Batches, count: int) -> list[int]:
    drawn: list[int] = drawn_from.draw(count).positions.tolist()
    return drawn


# The permutation.


@given(st.integers(1, 700), st.tuples(st.integers(0, 2**63 - 1), st.integers(0, 10**6)))
def test_a_permutation_holds_every_number_once_whatever_its_size(size: int, key: tuple[int, int]) -> None:
    assert sorted(Permutation(size, key)[0:size].tolist()) == list(range(size))


@pytest.mark.parametrize("size", [2**16 - 1, 2**16, 2**16 + 1, 100_003])
def test_a_large_permutation_holds_every_number_once(size: int) -> None:
    counts = np.bincount(Permutation(size, (1, 2))[0:size], minlength=size)
    assert (counts == 1).all()


@given(st.integers(1, 300), st.data())
def test_a_part_of_a_permutation_is_the_same_as_in_the_whole(size: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, size))
    stop = data.draw(st.integers(start, size))
    order = Permutation(size, (5, 6))
    assert order[start:stop].tolist() == order[0:size].tolist()[start:stop]


def test_a_permutation_of_a_hundred_million_is_looked_up_where_it_is_needed() -> None:
    size = 100_000_000
    middle = Permutation(size, (0, 0))[50_000_000:50_001_000]
    assert len(set(middle.tolist())) == 1000
    assert middle.min() >= 0
    assert middle.max() < size
    assert np.abs(middle.mean() / size - 0.5) < 0.05  # 5 standard deviations


def test_a_permutation_looks_shuffled() -> None:
    size = 10_000
    order = Permutation(size, (3, 0))[0:size]
    places = np.arange(size)
    assert abs(np.corrcoef(order, places)[0, 1]) < 0.05
    assert abs(np.corrcoef(order[1:], order[:-1])[0, 1]) < 0.05
    assert (np.diff(order) == 1).sum() < 10
    first_half = order[: size // 2] < size // 2  # a quarter of all numbers, as chance has it
    assert first_half.mean() == pytest.approx(0.5, abs=0.03)


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
    place = source.place
    expected = positions(source, size)
    for count in after:
        source.draw(count)
    source.place = place
    assert source.place == place
    assert positions(source, size) == expected
    fresh = batches()
    fresh.place = place
    assert positions(fresh, size) == expected


@given(sizes)
def test_the_place_counts_epochs_and_examples(cut: list[int]) -> None:
    source = batches()
    for count in cut:
        source.draw(count)
    place, total = source.place, sum(cut)
    assert place.epoch * EXAMPLES + place.drawn == total
    assert 0 <= place.drawn <= EXAMPLES
    assert source.epochs == pytest.approx(total / EXAMPLES)


def test_the_first_batch_of_a_new_epoch_begins_at_its_first_place() -> None:
    source = batches()
    source.draw(EXAMPLES)
    assert source.place == Place(0, EXAMPLES)
    second = Permutation(EXAMPLES, (0, 1))[0:5].tolist()
    assert positions(source, 5) == second
    assert source.place == Place(1, 5)


def test_a_batch_may_be_larger_than_several_epochs() -> None:
    tiny = Batches(np.array([1, 2, 3, 4], dtype=np.uint8), 3, 0)
    assert tiny.draw(5).positions.tolist() == [0, 0, 0, 0, 0]
    assert tiny.place == Place(4, 1)


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
            source.place = Place(data.draw(st.integers(0, 1)), data.draw(st.integers(0, source.examples)))
        begun = source.place
        drawn = source.draw(size).positions.tolist()
        expected: list[int] = []
        epoch, at = begun.epoch, begun.drawn
        while len(expected) < size:
            if at == source.examples:
                epoch, at = epoch + 1, 0
            stop = min(source.examples, at + size - len(expected))
            expected += Permutation(source.examples, (9, epoch))[at:stop].tolist()
            at = stop
        assert drawn == expected
