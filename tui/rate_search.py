"""How a learning rate is looked for while the screen goes on: one search is one range test, on a thread of its own.

What it promises: the run on the screen is never touched; whatever goes wrong ends the search in words; a search
that nobody waits for any more ends at its next step and never keeps the program from ending. What it does not
know: the screen, which looks at `points` whenever it likes.
"""

from __future__ import annotations

import threading

from corpora.corpus import Corpus
from corpora.errors import CorpusError
from engine.training.rate_finder import RatePoint, find_rate, steady_recipe
from engine.training.recipe import Recipe
from engine.training.rules import RecipeError
from engine.training.trainer import Trainer


class RateSearch:
    """One range test on its way.

    Arguments:
        recipe: of the run that a rate is looked for; a model that learns by gradients.
        corpus: its text.

    Attributes:
        refusal: why the test could not be made, or not to its end; "" if nothing went wrong.
    """

    def __init__(self, recipe: Recipe, corpus: Corpus) -> None:
        self.refusal = ""
        self._recipe, self._corpus = recipe, corpus
        self._points: list[RatePoint] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rate search", daemon=True)

    def start(self) -> RateSearch:
        """Begin."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Nobody waits for it any more: it ends at its next step."""
        self._stopped.set()

    @property
    def going_on(self) -> bool:
        """Whether further points may come. Ask before looking at `points`, or the last ones may be missed."""
        return self._thread.is_alive()

    @property
    def points(self) -> tuple[RatePoint, ...]:
        """The points so far."""
        return tuple(self._points)

    def _fresh(self) -> Trainer:
        # Nobody goes back in a range test, so that no memory is spent on its past.
        return Trainer(steady_recipe(self._recipe), self._corpus, rewind_budget=0)

    def _run(self) -> None:
        try:
            for point in find_rate(self._fresh):
                self._points.append(point)
                if self._stopped.is_set():
                    break
        except (RecipeError, CorpusError) as refused:  # their messages are for people
            self.refusal = str(refused)
        except Exception as fault:  # noqa: BLE001 - an exception would vanish with its thread
            self.refusal = f"the search for a rate broke off: {type(fault).__name__}: {fault}"
