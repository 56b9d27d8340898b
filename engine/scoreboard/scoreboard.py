"""Scoreboard: all entrants one after another on the same text, split and budget; plain, synchronous, no thread.

`work` does a slice of what there is to do, `picture` draws a `ScoreboardView`, `handle` carries out a wish. Models
that count come first: they take seconds, and what they reach is what the others have to beat. No exception leaves
`work`: what goes wrong stands in the row of the entrant it went wrong with.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

import numpy as np

from corpora.corpus import Corpus
from engine.models.counting.coverage import Unseen, unseen_share
from engine.scoreboard.attempt import Attempt
from engine.scoreboard.counting_attempt import CountingAttempt
from engine.scoreboard.neural_attempt import NeuralAttempt
from engine.scoreboard.protocol import protocol
from engine.scoreboard.terms import BAR_MODEL, Entrant, Terms, with_kneser_ney
from engine.scoreboard.view import Row, ScoreboardView, State, held_out
from engine.training.course import split_borders
from engine.training.recipe import Recipe
from engine.training.rules import RecipeError

SLICE_SECONDS = 0.004
"""How long work goes on before the next look at the wishes."""
LEAST_ORDER = 7
"""Up to which n unseen n-grams are counted, or up to the longest of the entrants."""


class Wish(StrEnum):
    """What can be asked of a scoreboard at work."""

    PAUSE = "pause"
    GO_ON = "go on"
    TOGGLE = "toggle"
    """The one of these two that changes anything."""
    SKIP = "skip"
    """Leave out the entrant that is under way, or else the next; what it has reached so far stays."""
    STOP = "stop"
    """The same for all that are not done yet."""


class Scoreboard:
    """A comparison.

    Arguments:
        corpus: the text.
        entrants: who takes part, in the order in which they are to train.
        terms: what is the same for all.
        kneser_ney: whether the standard Kneser-Ney model takes part even where it is not among the entrants.
    Raises:
        RecipeError: if the split leaves nothing to train on, or nobody takes part.
        UntrainableError: if no model can be trained on the text.
    """

    def __init__(
        self, corpus: Corpus, entrants: Sequence[Entrant], terms: Terms, *, kneser_ney: bool = True
    ) -> None:
        corpus.require(1)
        shares = Recipe(context=1, train_share=terms.train_share, validation_share=terms.validation_share)
        self._corpus, self._terms = corpus, terms
        self._borders = split_borders(shares, len(corpus))
        self._protocol = protocol(corpus, self._borders, terms)
        everybody = with_kneser_ney(entrants) if kneser_ney else tuple(entrants)
        if not everybody:
            raise RecipeError("models: nobody takes part; choose at least one")
        self._attempts = [self._attempt(number, one) for number, one in enumerate(everybody, 1)]
        self._queue = sorted(self._attempts, key=lambda attempt: not attempt.entrant.counting)
        orders = [one.recipe.order for one in everybody if one.counting]
        self._longest = max([LEAST_ORDER, *orders])
        self._unseen: tuple[Unseen, ...] | None = None
        self._note = ""
        self._paused = False
        self._version = 0

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self._unseen is not None and all(attempt.over for attempt in self._attempts)

    def handle(self, wish: Wish) -> None:
        """Carry out a wish."""
        match wish:
            case Wish.PAUSE:
                self._paused = True
            case Wish.GO_ON:
                self._paused = False
            case Wish.TOGGLE:
                self._paused = not self._paused
            case Wish.SKIP:
                if (under_way := self._next) is not None:
                    under_way.end(State.SKIPPED, "skipped by hand")
            case Wish.STOP:
                for attempt in self._attempts:
                    if not attempt.over:
                        attempt.end(State.SKIPPED, "stopped by hand")
                self._unseen = self._unseen or ()

    def work(self, seconds: float = SLICE_SECONDS) -> bool:
        """Work for about so long (a model that counts is fitted in one piece); False if there is nothing to do."""
        deadline = time.perf_counter() + seconds
        with np.errstate(all="ignore"):  # the trainer itself looks for what is not finite
            while not self._paused and not self.finished:
                self._advance()
                if time.perf_counter() >= deadline:
                    return True
        return False

    def picture(self) -> ScoreboardView:
        """How it stands."""
        self._version += 1
        bar, bar_name = self._bar()
        rows = [self._row(attempt, bar) for attempt in self._attempts]
        return ScoreboardView(
            version=self._version,
            corpus=self._corpus.name,
            characters=len(self._corpus),
            vocabulary=len(self._corpus.vocabulary),
            borders=self._borders,
            terms=self._terms,
            protocol=self._protocol,
            rows=tuple(sorted(rows, key=lambda row: row.standing)),
            bar=bar,
            bar_name=bar_name,
            unseen=self._unseen or (),
            unseen_in=held_out(self._borders)[0],
            paused=self._paused and not self.finished,
            finished=self.finished,
            note=self._note,
        )

    @property
    def _next(self) -> Attempt | None:
        """The attempt under way, else the next one that waits."""
        return next((attempt for attempt in self._queue if not attempt.over), None)

    def _row(self, attempt: Attempt, bar: float | None) -> Row:
        row = attempt.row(bar)
        halted = self._paused and row.state in (State.TRAINING, State.SCORING)
        return replace(row, state=State.PAUSED) if halted else row

    def _attempt(self, number: int, entrant: Entrant) -> Attempt:
        try:
            recipe = self._terms.recipe(entrant, self._corpus)
            refused = ""
        except RecipeError as error:
            recipe, refused = entrant.recipe, str(error)
        kind = CountingAttempt if entrant.counting else NeuralAttempt
        attempt = kind(number, entrant, recipe, self._corpus, self._borders, thorough=self._terms.thorough)
        if refused:
            attempt.end(State.FAILED, refused)
        return attempt

    def _advance(self) -> None:
        """One piece of work."""
        attempt = self._next
        if attempt is not None and (attempt.entrant.counting or self._unseen is not None):
            attempt.advance()
        else:
            self._unseen = self._coverage()  # once the counting models are done

    def _coverage(self) -> tuple[Unseen, ...]:
        part, start, stop = held_out(self._borders)
        if not part:
            return ()
        ids = self._corpus.ids
        try:
            return tuple(unseen_share(ids[: self._borders[1]], ids, start, stop, self._longest))
        except MemoryError:
            self._note = "memory ran out while unseen n-grams were counted; choose a shorter text"
            return ()

    def _bar(self) -> tuple[float | None, str]:
        """The validation loss of the strongest Kneser-Ney that is done, and which that is."""
        rows = [attempt.row(None) for attempt in self._attempts if attempt.entrant.recipe.model == BAR_MODEL]
        done = [row for row in rows if row.state is State.DONE and row.validation is not None]
        return min(((row.validation, row.name) for row in done), default=(None, ""))
