"""Attempt: one entrant's way from waiting to its row, in pieces between which other work can be done.

How a model learns is the affair of the kinds of attempts; here is what is the same for all: being scored by one
function, writing a sample, failing alone, and the row.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Generator

from corpora.corpus import Corpus
from corpora.errors import CorpusError
from engine.commands import Generate
from engine.models.language_model import LanguageModel
from engine.sampling import NothingToDraw, UnknownPolicy
from engine.scoreboard.protocol import PROMPT_LENGTH, SAMPLE_LENGTH, TRAIN_SCORED
from engine.scoreboard.terms import Entrant
from engine.scoreboard.view import Curve, Row, State
from engine.training.divergence import Diverged
from engine.training.evaluation import Evaluation
from engine.training.history import LossHistory
from engine.training.recipe import Recipe
from engine.training.rules import RecipeError
from engine.writing import Writer

CHARACTERS_AT_ONCE = 20
"""Of a sample, in one piece."""


class Record:
    """A loss along the way, in memory that does not grow."""

    def __init__(self) -> None:
        self._history = LossHistory(columns=2)  # seconds trained, loss
        self.last_step = -1
        self._curve: Curve | None = Curve()

    def add(self, step: int, seconds: float, loss: float) -> None:
        """Take down a loss; `step` is larger than any before."""
        self._history.append(step, seconds, loss)
        self.last_step, self._curve = step, None

    @property
    def curve(self) -> Curve:
        """All that is kept; the same object until there is more."""
        if self._curve is None:
            history = self._history
            self._curve = Curve(history.steps(), history.column(0), history.column(1))
        return self._curve


class Attempt(ABC):
    """One entrant at work.

    Arguments:
        number: its place among the entrants.
        entrant: who.
        recipe: its whole recipe under the terms.
        corpus: the text.
        borders: of the splits.
        thorough: as for `LanguageModel.scoring`.

    Attributes:
        state: how far it is.
    """

    def __init__(
        self,
        number: int,
        entrant: Entrant,
        recipe: Recipe,
        corpus: Corpus,
        borders: tuple[int, int, int, int],
        *,
        thorough: bool,
    ) -> None:
        self.state = State.WAITING
        self.entrant = entrant
        self._number, self._recipe, self._corpus, self._borders = number, recipe, corpus, borders
        self._thorough = thorough
        self._why = ""
        self._progress: float | None = None
        self._size: int | None = None
        self._losses: dict[str, float] = {}  # by part
        self._train_scored = 0
        self._sample: str | None = None
        self._steps: int | None = None
        self._seconds: float | None = None
        self._validation, self._training = Record(), Record()
        self._pieces = self._way()

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in (State.DONE, State.SKIPPED, State.FAILED)

    def advance(self) -> None:
        """Do one more piece; what goes wrong ends this attempt, and no other."""
        try:
            next(self._pieces)
        except StopIteration:
            self.end(State.DONE)
        except Diverged as diverged:
            self.end(State.FAILED, diverged.trouble.message)
        except MemoryError:
            self.end(State.FAILED, "memory ran out; choose a smaller model or a shorter text")
        except Exception as fault:  # noqa: BLE001  the message stands in its row, and the others go on
            for_people = isinstance(fault, RecipeError | CorpusError)
            self.end(State.FAILED, str(fault) if for_people else f"{type(fault).__name__}: {fault}")

    def end(self, state: State, why: str = "") -> None:
        """Let it be over, with the reason; what it has reached so far stands in its row."""
        self._pieces.close()
        self.state, self._progress = state, None
        self._why = why or self._why

    def row(self, bar: float | None) -> Row:
        """How it stands.

        Arguments:
            bar: the validation loss to beat, None if there is none.
        """
        validation = self._validation.curve
        along_the_way = float(validation.losses[-1]) if len(validation) else None
        beating = bar is not None and not self.entrant.counting
        return Row(
            number=self._number,
            model=self._recipe.model,
            name=self.entrant.name,
            recipe=str(self._recipe),
            counting=self.entrant.counting,
            state=self.state,
            why=self._why,
            progress=self._progress,
            size=self._size,
            steps=self._steps,
            seconds=self._seconds,
            train=self._losses.get("train"),
            validation=self._losses.get("validation", along_the_way),
            test=self._losses.get("test"),
            train_scored=self._train_scored,
            validation_curve=validation,
            training_curve=self._training.curve,
            seconds_to_beat=validation.seconds_below(bar) if beating and bar is not None else None,
            beating=beating,
            prompt=self._prompt,
            sample=self._sample,
        )

    @abstractmethod
    def _way(self) -> Generator[None]:
        """All of it; `yield` stands between two pieces."""

    def _finish(self, model: LanguageModel, source: LanguageModel, step: int) -> Generator[None]:
        """Score what has been learned, and write the sample.

        Arguments:
            model: one of the same shape that nobody else uses; may be `source`.
            source: what has learned.
            step: at which step it stands.
        """
        self.state, self._progress = State.SCORING, 0.0
        _, train, validation, end = self._borders
        first = 0 if self.entrant.counting else max(0, train - TRAIN_SCORED)
        for part, start, stop in (
            ("validation", train, validation),
            ("test", validation, end),
            ("train", first, train),
        ):
            if start == stop:
                continue
            scoring = Evaluation(model, source, self._corpus.ids, start, stop, step, thorough=self._thorough)
            while (loss := scoring.advance()) is None:
                self._progress = scoring.done
                yield
            if not math.isnan(loss):
                self._losses[part] = loss
        self._train_scored = train - first
        self._progress = None
        yield from self._write(model, source, step)

    def _write(self, model: LanguageModel, source: LanguageModel, step: int) -> Generator[None]:
        corpus = self._corpus
        writer = Writer(
            model,
            source,
            corpus.vocabulary.characters,
            Generate(self._prompt, SAMPLE_LENGTH, seed=self._recipe.seed, unknown=UnknownPolicy.REPLACE),
            number=1,
            step=step,
            dtype=corpus.ids.dtype,
        )
        try:
            while not writer.done:
                for _ in range(CHARACTERS_AT_ONCE):
                    writer.advance()
                yield
        except NothingToDraw as refused:
            self._why = f"{self._why}; the sample ends early: {refused}".removeprefix("; ")
        self._sample = writer.sample().text[:SAMPLE_LENGTH]

    @property
    def _prompt(self) -> str:
        train = self._borders[1]
        return self._corpus.excerpt(train - PROMPT_LENGTH, train)
