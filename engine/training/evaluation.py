"""The loss over a whole split, computed in slices beside a run that goes on; the model says how large they are.

Protocol: every character of the split is scored once, in order, without noise, and sees as many of the characters
before it as the model can use, also where they lie before the split's beginning. The parameters are copied when an
evaluation begins, so the result belongs to one step however long it takes.
"""

from __future__ import annotations

import numpy as np

from corpora.vocabulary import IdArray
from engine.autograd.tensor import FloatArray
from engine.models.language_model import GradientModel


class Evaluation:
    """The mean loss of characters start .. stop-1 of a text, at one moment of a run.

    Arguments:
        model: a model of the run's shape that nobody else uses meanwhile.
        values: the parameters to evaluate, (P,); copied.
        ids: the whole text, (N,).
        start, stop: the split, not empty.
        step: the step the parameters belong to.
    """

    def __init__(
        self, model: GradientModel, values: FloatArray, ids: IdArray, start: int, stop: int, step: int
    ) -> None:
        model.parameters.values[:] = values
        model.parameters.publish()
        self.step = step
        self._model, self._ids = model, ids
        self._start, self._next, self._stop = start, start, stop
        self._total = 0.0

    def advance(self) -> float | None:
        """Score one more of the model's slices; the mean in nats per character after the last one, None before."""
        stop = min(self._next + self._model.slice_rows, self._stop)
        self._total += float(np.sum(self._model.nll(self._ids[:stop], self._next)))
        self._next = stop
        return self._total / (self._stop - self._start) if stop == self._stop else None
