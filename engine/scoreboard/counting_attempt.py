"""CountingAttempt: a model that counts reads the training part once."""

from __future__ import annotations

import time
from collections.abc import Generator

from engine.models.catalog import build_counting
from engine.scoreboard.attempt import Attempt
from engine.scoreboard.view import State


class CountingAttempt(Attempt):
    """A counting model at work; arguments as for every `Attempt`."""

    def _way(self) -> Generator[None]:
        self.state = State.TRAINING
        yield  # so that one can see what is being fitted
        model = build_counting(self._recipe, self._corpus.vocabulary.characters)
        begun = time.perf_counter()
        model.fit(self._corpus.ids[: self._borders[1]])
        self._seconds = time.perf_counter() - begun
        self._size = model.size
        yield
        yield from self._finish(model, model, 0)
