"""Rivals: counting models that have read the training part, to compare a model that learns with.

They are fitted and scored on a thread of their own, one after the other, while the run goes on; what is ready can
be looked at at any time. A fitted model is never changed again, so both threads may read it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpora.corpus import Corpus
from corpora.vocabulary import IdArray
from engine.commands import Rival
from engine.models.catalog import build_counting
from engine.models.counting.counting_model import CountingModel
from engine.snapshot import RivalView
from engine.training.recipe import Recipe
from engine.training.rules import NGRAMS, RecipeError


@dataclass(frozen=True)
class Fitted:
    """A rival that has read the text, and its loss over the validation split, None where that is empty."""

    model: CountingModel
    loss: float | None


class Rivals:
    """The rivals of all runs with the same text and the same splits.

    Arguments:
        corpus: the text.
        borders: of the splits: (0, train end, validation end, length).
    """

    def __init__(self, corpus: Corpus, borders: tuple[int, int, int, int]) -> None:
        self._corpus, self._borders = corpus, borders
        self._chosen: tuple[Rival, ...] = ()
        self._fitted: dict[Rival, Fitted] = {}
        self._failed: dict[Rival, str] = {}
        self._told: set[Rival] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def fits(self, corpus: Corpus, borders: tuple[int, int, int, int]) -> bool:
        """Whether these are the rivals for such a run."""
        return corpus is self._corpus and borders == self._borders

    def choose(self, rivals: Sequence[Rival]) -> None:
        """Show these from now on; those that are new begin to read.

        Raises:
            RecipeError: if there is no such counting model.
        """
        for rival in rivals:
            _recipe(rival)
        with self._changed:
            self._chosen = tuple(dict.fromkeys(rivals))
            if self._thread is None and self._next() is not None:
                self._thread = threading.Thread(target=self._read, name="rivals", daemon=True)
                self._thread.start()

    @property
    def chosen(self) -> tuple[Rival, ...]:
        """Those that are shown."""
        return self._chosen

    def close(self) -> None:
        """Nobody wants them any more: the one that is reading will be the last."""
        with self._changed:
            self._closed = True

    def wait(self, seconds: float) -> bool:
        """Wait for news, at most so long; whether any rival was still reading."""
        with self._changed:
            if self._thread is None:
                return False
            self._changed.wait(seconds)
            return True

    def failures(self) -> list[str]:
        """What went wrong since this was asked last, in words."""
        with self._changed:
            news = [rival for rival in self._failed if rival not in self._told]
            self._told.update(news)
        return [f"{rival} cannot be compared with: {self._failed[rival]}" for rival in news]

    def views(self, context: IdArray | None) -> tuple[RivalView, ...]:
        """What each expects after `context`, (T,), None for nothing; unknown is what has not been read yet."""
        views = []
        for rival in self._chosen:
            fitted = self._fitted.get(rival)
            expected = None if fitted is None or context is None else fitted.model.logits(context)
            views.append(RivalView(rival, None if fitted is None else fitted.loss, expected))
        return tuple(views)

    def _next(self) -> Rival | None:
        waiting = (r for r in self._chosen if r not in self._fitted and r not in self._failed)
        return None if self._closed else next(waiting, None)

    def _read(self) -> None:
        while True:
            with self._changed:
                rival = self._next()
                if rival is None:
                    self._thread = None
                    self._changed.notify_all()
                    return
            try:
                fitted = self._fit(rival)
            except Exception as fault:  # noqa: BLE001  told by `failures`; the others go on
                with self._changed:
                    self._failed[rival] = f"{type(fault).__name__}: {fault}"
            else:
                with self._changed:
                    self._fitted[rival] = fitted
                    self._changed.notify_all()

    def _fit(self, rival: Rival) -> Fitted:
        ids, (_, start, stop, _) = self._corpus.ids, self._borders
        model = build_counting(_recipe(rival), self._corpus.vocabulary.characters)
        model.fit(ids[:start])
        loss = float(np.mean(model.nll(ids[:stop], start))) if start < stop else None
        return Fitted(model, loss)


def _recipe(rival: Rival) -> Recipe:
    if rival.model in NGRAMS:
        return Recipe(model=rival.model, order=rival.order)
    if rival.model not in ("uniform", "unigram"):
        raise RecipeError(f"{rival}: only models that count can be compared with beside a run")
    return Recipe(model=rival.model)
