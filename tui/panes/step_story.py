"""Story: a step and what has to be known to tell of it."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from corpora.vocabulary import Vocabulary
from engine.naming import layer_name
from engine.snapshot import Trace
from engine.training.recipe import Recipe
from engine.training.rules import RECURRENT, TRANSFORMER
from tui.text import visible

ARRAY = 18
"""Cells of the first column where it names arrays of parameters with short names."""
WIDEST_ARRAY = 0.6
"""Share of a line that the name of an array may take."""
EVERYWHERE = (*RECURRENT, *TRANSFORMER)
"""Models that predict at every place of an example, not only after its end."""


@dataclass(frozen=True)
class Story:
    """What there is to tell.

    Attributes:
        trace: the step.
        vocabulary: of the run.
        recipe: as it stood at that step.
        length: of the text, characters.
        width: cells of a line.
    """

    trace: Trace
    vocabulary: Vocabulary
    recipe: Recipe
    length: int
    width: int

    @property
    def truth(self) -> str:
        """The true character, to be looked at."""
        return visible(self.vocabulary.characters[self.trace.example.target], space=True)

    @property
    def place(self) -> str:
        """The name of the true character: the one after c1 ... cC."""
        return f"c{len(self.trace.example.context) + 1}"

    @property
    def units(self) -> str:
        """What a batch consists of: a model that counts reads on, character by character."""
        return "examples" if self.recipe.means("rate") else "new ones"

    @property
    def targets(self) -> str:
        """What the loss of a batch is the mean of, "" if it has a single target."""
        examples = self.trace.batch
        places = len(self.trace.example.context) if self.recipe.model in EVERYWHERE else 1
        if places > 1:
            return f"{examples:,} × {places:,} places" if examples > 1 else f"{places:,} places"
        return f"{examples:,} {self.units}" if examples > 1 else ""

    @property
    def array(self) -> int:
        """Cells of the first column where it names arrays of parameters."""
        names = [layer_name(name) for name, _ in (*self.trace.gradient_norms, *self.trace.ratios)]
        longest = max(map(cell_len, names), default=0) + 1
        return max(ARRAY, min(longest, int(WIDEST_ARRAY * self.width)))
