"""Which examples a step sees, in one of three ways.

* windows: every window of the training text once an epoch, in an order shuffled anew;
* blocks: windows drawn independently of each other, with replacement;
* streams: the text cut into as many streams as the batch has rows; each row goes on where it ended in the batch
  before, so that a model can carry its state along (truncated backpropagation through time).

An example is a context and what comes after it: after its end, or after each of its places. Whatever the way, the
examples are one endless stream; where a run stands is a `Place`, and going to any place is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.models.language_model import Batch
from engine.training.order import Chance, Order

READ_AHEAD = 4096
"""Positions computed at once, which makes their cost per example negligible even at batch size 1."""

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Place:
    """Where a run stands in the stream of its examples.

    Attributes:
        drawn: examples drawn so far.
        before: size of the batch that ended here, 0 where none did; only one as large can go on from it.
    """

    drawn: int = 0
    before: int = 0


class Way(Protocol):
    """A way of drawing.

    Attributes:
        examples: in an epoch.
    """

    examples: int

    def positions(self, drawn: int, size: int) -> Positions:
        """Where in the text the contexts of the next batch begin, (B,)."""
        ...

    def continues(self, drawn: int, size: int, before: int) -> bool:
        """Whether each context of the next batch goes on where the same row of the batch before ended."""
        ...


class Scattered:
    """Windows from all over the text; no batch goes on from another.

    Arguments:
        numbers: which window stands at which place.
        windows: how many there are.
    """

    def __init__(self, numbers: Order | Chance, windows: int) -> None:
        self.examples = windows
        self._numbers = numbers
        self._read_from, self._ahead = 0, np.empty(0, dtype=np.int64)

    def positions(self, drawn: int, size: int) -> Positions:
        """Where the next contexts begin, (B,)."""
        offset = drawn - self._read_from
        if not 0 <= offset <= len(self._ahead) - size:
            self._ahead = self._numbers.windows(drawn, drawn + max(size, READ_AHEAD))
            self._read_from, offset = drawn, 0
        return self._ahead[offset : offset + size]

    def continues(self, drawn: int, size: int, before: int) -> bool:
        """Never."""
        return False


class Streams:
    """The text as chunks, laid out in B rows of about equal length that are read side by side.

    Row b of B begins at chunk b N // B of N; a batch is the next chunk of every row. At the end of the rows all
    begin anew. The few chunks by which the rows differ in length are left out. A batch of another size lays the
    text out anew, and begins about where the old layout was.

    Arguments:
        windows: windows in the text.
        stride: characters from one chunk to the next.
    """

    def __init__(self, windows: int, stride: int) -> None:
        self.examples = (windows - 1) // stride + 1
        self._stride = stride
        self._begins = np.empty(0, dtype=np.int64)

    def positions(self, drawn: int, size: int) -> Positions:
        """Where the next contexts begin, (B,)."""
        if len(self._begins) != size:
            self._begins = np.arange(size) * self.examples // size  # the first chunk of each row, (B,)
        return (self._begins + self._row(drawn, size)) * self._stride

    def continues(self, drawn: int, size: int, before: int) -> bool:
        """Unless the rows begin anew, or the batch before had another size or is not known."""
        return before == size and self._row(drawn, size) != 0

    def _row(self, drawn: int, size: int) -> int:
        """How many chunks into its row each context begins: one more than before after `size` more examples."""
        return drawn // size % max(1, self.examples // size)


@dataclass(frozen=True)
class Batching:
    """A way of drawing one can choose.

    Attributes:
        name: in recipes.
        description: what it is.
        make: from the number of windows in the text, the characters a stream moves on by, and a seed.
    """

    name: str
    description: str
    make: Callable[[int, int, int], Way]


BATCHINGS: Mapping[str, Batching] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            Batching(
                "windows",
                "every window once an epoch, shuffled",
                lambda windows, stride, seed: Scattered(Order(windows, seed), windows),
            ),
            Batching(
                "blocks",
                "windows drawn at random, with replacement",
                lambda windows, stride, seed: Scattered(Chance(windows, seed), windows),
            ),
            Batching(
                "streams",
                "parallel streams, each batch going on where the last one ended",
                lambda windows, stride, seed: Streams(windows, stride),
            ),
        )
    }
)


class Batches:
    """Draws batches from a text.

    Arguments:
        ids: the training text, (N,), N > context.
        context: T.
        seed: of what is random.
        kind: one of `BATCHINGS`.
        everywhere: whether there is a target at each place of a context, (B, T), or one after its end, (B,).
            Streams move on by as many characters as they have targets: T or 1.
    Raises:
        ValueError: if the kind is unknown.

    Attributes:
        examples: in an epoch.
    """

    def __init__(
        self, ids: IdArray, context: int, seed: int, *, kind: str = "windows", everywhere: bool = False
    ) -> None:
        if kind not in BATCHINGS:
            raise ValueError(f"batching {kind!r} is unknown; choose one of {', '.join(BATCHINGS)}")
        self._windows = np.lib.stride_tricks.sliding_window_view(ids, context + 1)  # (N - T, T + 1), a view
        self._everywhere = everywhere
        self._way = BATCHINGS[kind].make(len(self._windows), context if everywhere else 1, seed)
        self.examples = self._way.examples
        self._drawn = self._before = 0

    @property
    def place(self) -> Place:
        """Where the run stands; assign a place that was read to go back to it, with all that is carried along."""
        return Place(self._drawn, self._before)

    @place.setter
    def place(self, place: Place) -> None:
        self._drawn, self._before = place.drawn, place.before

    @property
    def drawn(self) -> int:
        """Examples drawn so far; assign to go to another place, where no batch goes on from the one before."""
        return self._drawn

    @drawn.setter
    def drawn(self, drawn: int) -> None:
        self._drawn, self._before = drawn, 0

    @property
    def epochs(self) -> float:
        """Passes over the examples so far, fractional."""
        return self._drawn / self.examples

    def draw(self, size: int) -> Batch:
        """The next `size` examples; a batch may reach over into the next epoch, or over several."""
        positions = self._way.positions(self._drawn, size)
        continues = self._way.continues(self._drawn, size, self._before)
        self._drawn += size
        self._before = size
        rows = self._windows[positions]  # (B, T + 1), a copy
        return Batch(rows[:, :-1], rows[:, 1:] if self._everywhere else rows[:, -1], positions, continues)
