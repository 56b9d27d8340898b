"""Models that see a fixed window: the last C characters and nothing before.

Everything such a model needs beyond its forward pass: padding of short contexts, the incremental form, and the
scoring of a whole text in slices.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.information import log_softmax
from engine.models.language_model import Continuation, Forward, GradientModel

MOST_ROWS = 512
"""Characters scored at once at most: enough for matrix products to pay, few enough to stay in cache."""

NUMBERS_AT_ONCE = 1 << 18
"""Numbers in the widest stage of the rows scored at once: 2 MB in float64."""

PRODUCTS_AT_ONCE = 60_000_000
"""Multiplications in the rows scored at once, at most one for each parameter and row.

They take 4 ms in float64, 10 ms where the parameters have to come from main memory (6 million, one thread of a
2-core x86-64 machine). A single row, the least there is, may take more: 30 ms with 140 million parameters.
"""


class WindowModel(GradientModel):
    """A gradient model over windows of `context` characters.

    Attributes:
        context: C.
        pad: id of the character that stands in front of a text that is too short.
        widest: numbers in the widest stage of one example's forward pass.
    """

    context: int
    pad: int
    widest: int

    @property
    def slice_rows(self) -> int:
        """Rows scored at once: as many as all three limits allow, and at least one."""
        by_work = PRODUCTS_AT_ONCE // self.parameters.values.size
        return max(1, min(MOST_ROWS, NUMBERS_AT_ONCE // self.widest, by_work))

    @abstractmethod
    def scores(self, contexts: IdArray) -> NDArray[np.floating]:
        """Logits without noise and without a graph that anyone keeps, (B, C) -> (B, V)."""

    def without_noise(self, contexts: IdArray) -> Forward:
        """A forward pass without noise, which a model that has some overrides."""
        return self.forward(contexts)

    def window(self, ids: IdArray) -> IdArray:
        """The last C ids of a text, padded in front where it is shorter, (C,)."""
        tail = ids[max(0, len(ids) - self.context) :]
        if len(tail) == self.context:
            return tail
        return np.concatenate([np.full(self.context - len(tail), self.pad, dtype=ids.dtype), tail])

    def logits(self, context: IdArray) -> NDArray[np.floating]:
        """Log-scores for the character after `context`, (T,) for any T -> (V,)."""
        scores: NDArray[np.floating] = self.scores(self.window(context)[None])[0]
        return scores

    def start(self, prompt: IdArray) -> Continuation:
        """Begin a continuation after `prompt`."""
        return WindowContinuation(self, self.window(prompt)[None].copy())

    def probe(self, context: IdArray) -> dict[str, NDArray[np.floating]]:
        """The output of every stage for one context."""
        return self.stage_values(self.without_noise(self.window(context)[None]), 0)

    def scoring(
        self, ids: IdArray, start: int, stop: int, *, thorough: bool = False
    ) -> Iterator[NDArray[np.float64]]:
        """Nats for each of the characters start .. stop-1; contexts reach back before `start`.

        Every character sees its whole window, thorough or not.
        """
        first = max(0, start - self.context)
        text = np.concatenate([np.full(self.context, self.pad, dtype=ids.dtype), ids[first:stop]])
        windows = np.lib.stride_tricks.sliding_window_view(text, self.context + 1)[start - first :]
        at_once = self.slice_rows
        for begin in range(0, len(windows), at_once):
            rows = windows[begin : begin + at_once]
            scores = log_softmax(self.scores(rows[:, :-1]).astype(np.float64))  # (B, V)
            yield -scores[np.arange(len(rows)), rows[:, -1]]


@dataclass
class WindowContinuation:
    """A continuation whose whole memory is the window."""

    _model: WindowModel
    _window: IdArray  # (1, C), this object's own

    @property
    def logits(self) -> NDArray[np.floating]:
        """Scores for the next character, (V,)."""
        scores: NDArray[np.floating] = self._model.scores(self._window)[0]
        return scores

    def advance(self, character: int) -> None:
        """Shift the window by one and put `character` at its end."""
        self._window[0, :-1] = self._window[0, 1:]
        self._window[0, -1] = character
