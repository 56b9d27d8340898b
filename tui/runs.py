"""Runs: which run goes on. Begins runs, waits for their texts, turns what may be turned.

It knows the last snapshot and the engine's inbox, not the screen.
"""

from __future__ import annotations

from collections.abc import Callable

from corpora.corpus import Corpus, Origin
from engine.commands import Alter, Command, Start
from engine.snapshot import Snapshot
from engine.training.recipe import Recipe
from engine.training.rules import RULES
from tui.command_line import recipe_name
from tui.opening import Opening, Outcome, source_of
from tui.rungs import RATES, neighbour


class Runs:
    """The run on the screen and those that begin after it.

    Arguments:
        first: the recipe to go by until there is a run.
        send: puts a command into the engine's inbox.
        loaded: told, on a thread of its own, that a text which `begin` had to load is there, or why it is not.

    Attributes:
        seen: the snapshot on the screen; the app's to keep fresh.
    """

    def __init__(
        self, first: Recipe, send: Callable[[Command], None], loaded: Callable[[Recipe, Outcome], None]
    ) -> None:
        self.seen = Snapshot(version=-1)
        self._first = first
        self._send = send
        self._loaded = loaded
        self._loading: Opening | None = None
        self._turned = (-2, 0.0)  # the snapshot's version when the rate was turned last, and to what

    @property
    def recipe(self) -> Recipe:
        """The recipe of the run, with all its changes."""
        return self.seen.recipe or self._first

    @property
    def line(self) -> str:
        """The recipe as one line; a text that may be another one elsewhere is told by its fingerprint, too."""
        corpus = self.seen.corpus
        may_differ = corpus is not None and corpus.origin in (Origin.OWN, Origin.DOWNLOADED)
        if corpus is None or not may_differ:
            return str(self.recipe)
        return str(self.recipe.with_values(fingerprint=corpus.fingerprint))

    def is_open(self, name: str) -> bool:
        """Whether the text that a recipe calls `name` is that of the run."""
        return self.seen.recipe is not None and name == self.seen.recipe.corpus

    def begin(self, recipe: Recipe, corpus: Corpus | None = None) -> None:
        """Start a run on `corpus`, or on the text that the recipe names, which may have to be loaded first."""
        if corpus is None and self.is_open(recipe.corpus):
            corpus = self.seen.corpus
        if corpus is not None:
            self._send(Start(recipe.with_values(corpus=recipe_name(corpus)), corpus))
            return
        if self._loading is not None:
            self._loading.cancel()

        def done(_: Opening, outcome: Outcome) -> None:
            self._loaded(recipe, outcome)

        self._loading = Opening(source_of(recipe.corpus), done, context=recipe.context).start()

    def begin_on(self, choice: str | Corpus) -> None:
        """Start a run with the same choices on another text: one at hand, or one of the catalog."""
        recipe = self.recipe.with_values(changes=(), fingerprint="")
        if isinstance(choice, Corpus):
            self.begin(recipe, choice)
        else:
            self.begin(recipe.with_values(corpus=choice))

    def adopt(self, recipe: Recipe, shown: Recipe | None = None) -> None:
        """Turn what may change during the run at once; anything else begins a new run.

        Arguments:
            recipe: what is wanted.
            shown: what it was made from, which the run may have left meanwhile; None for what it has now.
        """
        current = shown or self.seen.current
        if recipe == current:
            return
        if current is not None and not recipe.changes:
            changed = [name for name in RULES if getattr(recipe, name) != getattr(current, name)]
            if all(RULES[name].live for name in changed):
                for name in changed:
                    self._send(Alter(name, getattr(recipe, name)))
                return
        self.begin(recipe)

    def turn_rate(self, rungs: int, newest: int) -> str:
        """Turn the rate from where it stands, or from where the last key left it if that is not seen yet.

        Arguments:
            rungs: of the ladder of rates, up or down.
            newest: the version of the engine's latest snapshot.
        Returns:
            Why it could not be turned, "" if it was.
        """
        if self.seen.current is None:
            return ""
        turned_at, turned_to = self._turned
        # One picture may have been under way when the key was pressed; the one after it knows of it.
        base = turned_to if self.seen.version < turned_at + 2 else self.seen.current.rate
        rate = neighbour(RATES, base, rungs)
        if rate == base:
            end = "highest" if rungs > 0 else "lowest"
            return f"{rate:g} is the {end} rate that this key reaches; the settings take others"
        self._turned = (newest, rate)
        self._send(Alter("rate", rate))
        return ""
