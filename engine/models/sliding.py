"""Models that predict at every place of a window of the last T characters.

What such a model needs beyond its forward pass: the scoring of a whole text by windows that overlap, and the
continuation of a text that outgrows the window.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.information import log_softmax
from engine.models.language_model import Continuation
from engine.models.sequence import SequenceModel

NUMBERS_AT_ONCE = 1 << 18
"""Numbers in the widest stage of the windows scored at once: 1 MB in float32."""

PRODUCTS_AT_ONCE = 200_000_000
"""Multiplications in the windows scored at once, at most one for each parameter and place: some 5 ms in float32
on one thread of a 2-core x86-64 machine. A single window, the least there is, may take more."""


class Reader(Protocol):
    """What reads one text, up to T characters."""

    def begin(self, ids: IdArray) -> NDArray[np.floating]:
        """Read the first characters, (n,) ids with n at least 1 -> logits after them, (V,)."""
        ...

    def advance(self, character: int) -> NDArray[np.floating]:
        """Read one more -> logits after it, (V,)."""
        ...


class SlidingModel(SequenceModel):
    """A sequence model that sees the last `context` characters and nothing before.

    Attributes:
        widest: numbers in the widest stage at one place.
    """

    widest: int

    @abstractmethod
    def scores(self, contexts: IdArray, last: int) -> NDArray[np.floating]:
        """Logits without noise at the last places of each context, (B, T) -> (B, last, V)."""

    @abstractmethod
    def reader(self) -> Reader:
        """One that has read nothing yet."""

    def logits(self, context: IdArray) -> NDArray[np.floating]:
        """Log-scores for the character after `context`, (N,) for any N, of which the last T are seen -> (V,)."""
        scores: NDArray[np.floating] = self.scores(self.begun(context)[None, -self.context :], 1)[0, 0]
        return scores

    def start(self, prompt: IdArray) -> Continuation:
        """Begin a continuation after `prompt`; `SlidingContinuation` says what each character sees."""
        return SlidingContinuation(self, self.begun(prompt)[-self.context :])

    def scoring(
        self, ids: IdArray, start: int, stop: int, *, thorough: bool = False
    ) -> Iterator[NDArray[np.float64]]:
        """Nats for each of the characters start .. stop-1, given those before it; the text begins with the pad.

        Thorough, every character sees the last T. Quick, windows of T overlap by half: a character sees at least
        the last T/2 (rounded down, but one at least) and at most T, depending on where in the text it stands and on
        nothing else. Near the beginning of the text it sees all there is.
        """
        time = self.context
        stride = 1 if thorough else time - time // 2  # new characters in each window after the first
        text = np.concatenate(
            [np.array([self.pad], dtype=ids.dtype), ids[:stop]]
        )  # what stands at i predicts ids[i]
        at_once = self._windows_at_once
        end = min(time, stop)
        if start < end:  # the first window counts from its beginning
            yield self._nats(text[None, :end], ids[None, start:end])
            start = end
        while start < stop:
            window = (start - time) // stride  # the one that scores `start`, counted from the second
            begins = (window + np.arange(at_once)) * stride + stride  # its first character
            begins = begins[begins + time - stride < stop]
            places = np.minimum(begins[:, None] + np.arange(time), stop - 1)  # past the end nobody looks
            scored = places[:, -stride:]
            nats = self._nats(text[places], ids[scored])
            first = int(begins[0]) + time - stride
            end = min(first + nats.size, stop)
            yield nats[start - first : end - first]
            start = end

    def _nats(self, contexts: IdArray, targets: IdArray) -> NDArray[np.float64]:
        """Nats of the characters that follow the last places: (B, T), (B, n) -> (B*n,)."""
        log_p = log_softmax(self.scores(contexts, targets.shape[1])).reshape(targets.size, -1)  # (B*n, V)
        return -log_p[np.arange(targets.size), targets.ravel()]

    @property
    def _windows_at_once(self) -> int:
        by_work = PRODUCTS_AT_ONCE // (self.parameters.values.size * self.context)
        return max(1, min(by_work, NUMBERS_AT_ONCE // (self.widest * self.context)))


class SlidingContinuation:
    """A text that goes on, with what a reader keeps of it.

    Up to T characters, each sees all before it: the logits are those of a whole pass. At the next one the window
    is full, and as every place in it would move, the last T/2 characters (rounded down, but one at least) are read
    anew as if the text had begun there. So beyond T a character sees between T/2 and T of those before it, and
    reading costs twice what it did, not T times.

    Arguments:
        model: whose.
        ids: what has been read, 1 to T characters.
    """

    def __init__(self, model: SlidingModel, ids: IdArray) -> None:
        self._model = model
        self._ids = np.empty(model.context, dtype=ids.dtype)
        self._begin(ids)

    @property
    def seen(self) -> int:
        """How many of the last characters the logits take into account."""
        return self._length

    @property
    def logits(self) -> NDArray[np.floating]:
        """Scores for the next character, (V,)."""
        return self._logits

    def advance(self, character: int) -> None:
        """Go on by the character with this id."""
        if self._length == len(self._ids):
            kept = max(1, len(self._ids) // 2)
            self._begin(np.append(self._ids, np.array([character], dtype=self._ids.dtype))[-kept:])
            return
        self._ids[self._length] = character
        self._length += 1
        self._logits = self._reader.advance(character)

    def _begin(self, ids: IdArray) -> None:
        self._length = len(ids)
        self._ids[: len(ids)] = ids
        self._reader = self._model.reader()
        self._logits = self._reader.begin(ids)
