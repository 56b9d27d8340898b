"""What is drawn: windows once an epoch, blocks by chance, streams that go on; and a place to go back to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.models.language_model import Batch
from engine.training.batches import BATCHINGS, READ_AHEAD, Batches, Place
from engine.training.order import Chance, Order

TEXT = np.arange(50, dtype=np.uint8)  # every character another, so that a window shows where it stands
CONTEXT = 3
EXAMPLES = 47

sizes = st.lists(st.integers(1, 120), max_size=8)


def batches(seed: int = 0) -> Batches:
    return Batches(TEXT, CONTEXT, seed)


def positions(drawn_from: Batches, count: int) -> list[int]:
    drawn: list[int] = drawn_from.draw(count).positions.tolist()
    return drawn


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


# All ways alike.

KINDS = [*BATCHINGS]


def of_kind(kind: str, everywhere: bool = False, text: int = 50, context: int = CONTEXT) -> Batches:
    return Batches(np.arange(text, dtype=np.uint8), context, 7, kind=kind, everywhere=everywhere)


def seen(batch: Batch) -> tuple[object, ...]:
    """A batch as something that can be compared."""
    return (batch.contexts.tolist(), batch.targets.tolist(), batch.positions.tolist(), batch.continues)


@pytest.mark.parametrize("kind", KINDS)
@given(st.integers(1, 6), st.integers(1, 60), st.lists(st.integers(1, 70), min_size=1, max_size=6))
def test_targets_are_what_follows_each_context_or_each_of_its_places(
    kind: str, context: int, more: int, cut: list[int]
) -> None:
    last, everywhere = (of_kind(kind, every, context + more, context) for every in (False, True))
    for size in cut:
        one, all_places = last.draw(size), everywhere.draw(size)
        for batch in (one, all_places):
            assert batch.contexts.tolist() == [list(range(p, p + context)) for p in batch.positions.tolist()]
        assert one.targets.tolist() == (one.positions + context).tolist()
        assert all_places.targets.tolist() == (all_places.contexts + 1).tolist()
        assert one.contexts.dtype == all_places.targets.dtype == np.uint8


@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@given(sizes, sizes, sizes)
def test_going_back_to_a_place_and_on_gives_the_same_batches_from_anywhere(
    kind: str, everywhere: bool, before: list[int], after: list[int], others: list[int]
) -> None:
    source = of_kind(kind, everywhere)
    for size in before:
        source.draw(size)
    place = source.place
    assert place == Place(sum(before), before[-1] if before else 0)
    expected = [seen(source.draw(size)) for size in after]
    end = source.place
    for size in others:
        source.draw(size)
    source.place = place
    assert source.place == place
    assert [seen(source.draw(size)) for size in after] == expected
    assert source.place == end
    fresh = of_kind(kind, everywhere)
    fresh.place = place
    assert [seen(fresh.draw(size)) for size in after] == expected


@pytest.mark.parametrize("kind", KINDS)
@given(sizes)
def test_every_way_counts_its_examples(kind: str, cut: list[int]) -> None:
    source = of_kind(kind, everywhere=True)
    for size in cut:
        source.draw(size)
    assert source.drawn == sum(cut)
    assert source.epochs == sum(cut) / source.examples
    assert source.examples == (16 if kind == "streams" else EXAMPLES)  # 49 pairs of neighbours, 3 at a time


def test_an_unknown_way_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'stream' is unknown; choose one of windows, blocks, streams"):
        Batches(TEXT, CONTEXT, 0, kind="stream")


# Blocks.


def test_blocks_are_drawn_by_chance_from_all_windows_and_never_go_on() -> None:
    source = of_kind("blocks")
    drawn = [source.draw(9) for _ in range(20)]
    stream = np.concatenate([batch.positions for batch in drawn])
    assert stream.tolist() == Chance(EXAMPLES, 7).windows(0, 180).tolist()
    assert not any(batch.continues for batch in drawn)


# Streams.


@given(st.integers(1, 5), st.integers(1, 80), st.integers(1, 12), st.booleans())
def test_each_row_of_a_stream_goes_on_where_it_ended_until_all_begin_anew(
    context: int, more: int, size: int, everywhere: bool
) -> None:
    source = of_kind("streams", everywhere, context + more, context)
    stride = context if everywhere else 1
    rows = max(1, source.examples // size)
    begins = source.draw(size)
    assert not begins.continues
    batch = begins
    for _ in range(rows - 1):
        before, batch = batch, source.draw(size)
        assert batch.continues
        assert (batch.positions - before.positions).tolist() == [stride] * size
    again = source.draw(size)
    assert not again.continues
    assert again.positions.tolist() == begins.positions.tolist()


@given(st.integers(1, 5), st.integers(1, 80), st.integers(1, 12))
def test_an_epoch_of_streams_sees_every_place_of_the_text_at_most_once_and_nearly_all(
    context: int, more: int, size: int
) -> None:
    source = of_kind("streams", True, context + more, context)
    size = min(size, source.examples)
    chunks = [p for _ in range(source.examples // size) for p in source.draw(size).positions.tolist()]
    assert len(set(chunks)) == len(chunks)
    assert all(chunk % context == 0 for chunk in chunks)
    assert source.examples - size < len(chunks) <= source.examples


def test_streams_share_the_text_out_evenly() -> None:
    batch = Batches(np.arange(101, dtype=np.uint8), 5, 0, kind="streams", everywhere=True).draw(4)
    assert batch.positions.tolist() == [0, 25, 50, 75]
    one = Batches(np.arange(101, dtype=np.uint8), 5, 0, kind="streams").draw(4)
    assert one.positions.tolist() == [0, 24, 48, 72]


def test_more_rows_than_chunks_is_a_batch_with_repetitions_that_never_goes_on() -> None:
    source = of_kind("streams", True, text=8)  # two chunks of three
    drawn = [source.draw(5) for _ in range(3)]
    assert all(batch.positions.tolist() == [0, 0, 0, 3, 3] for batch in drawn)
    assert not any(batch.continues for batch in drawn)


def test_another_batch_size_begins_streams_of_its_own_and_then_goes_on() -> None:
    source = of_kind("streams", text=1000)
    flags = [source.draw(size).continues for size in (4, 4, 8, 8, 3, 4, 4)]
    assert flags == [False, True, False, True, False, False, True]
    source.draw(4)
    source.drawn = source.drawn  # the same place, but nothing is carried along
    assert not source.draw(4).continues
    assert source.draw(4).continues
