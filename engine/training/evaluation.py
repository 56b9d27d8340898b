"""The loss over a whole split, computed piece by piece beside a run that goes on.

Protocol: every character of the split is scored once, in order, without noise, and sees characters before it also
where they lie before the split's beginning; `LanguageModel.scoring` says how many. The model is copied when an
evaluation begins, so the result belongs to one step however long it takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.models.language_model import LanguageModel

M = TypeVar("M", bound=LanguageModel)


class Evaluation:
    """The mean loss of characters start .. stop-1 of a text, at one moment of a run.

    Arguments:
        model: a model of the run's shape that nobody else uses meanwhile.
        source: the model to evaluate; copied.
        ids: the whole text, (N,).
        start, stop: the split, not empty.
        step: the step the model stands at.
        thorough: as for `LanguageModel.scoring`.

    Attributes:
        done: the share of the characters that have been scored.
    """

    def __init__(
        self, model: M, source: M, ids: IdArray, start: int, stop: int, step: int, *, thorough: bool = False
    ) -> None:
        model.adopt(source)
        self.step = step
        self._pieces: Iterator[NDArray[np.float64]] = model.scoring(ids, start, stop, thorough=thorough)
        self._count, self._scored = stop - start, 0
        self._total = 0.0

    @property
    def done(self) -> float:
        """The share of the characters that have been scored."""
        return self._scored / self._count

    def advance(self) -> float | None:
        """Score one more piece; the mean in nats per character after the last one, None before."""
        piece = next(self._pieces)
        self._total += float(piece.sum())
        self._scored += len(piece)
        return self._total / self._count if self._scored == self._count else None
