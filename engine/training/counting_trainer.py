"""CountingTrainer: a model that counts, led through the training part so that one can watch it learn.

Counting is done once; to make steps of it, each step lets the model read on until it has read twice as much as
before, so all steps together take no longer than twice the last. The loss of a step is what the characters that are
new cost the model before it had counted them. Going back is counting again what was read up to there.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from corpora.corpus import Corpus
from engine.models.catalog import build_counting
from engine.models.counting.counting_model import CountingModel
from engine.models.language_model import Batch
from engine.snapshot import ParameterGroup, Phase
from engine.training.course import Course, Finished, StepRecord
from engine.training.recipe import Recipe
from engine.training.rules import RecipeError, Scalar

FIRST_READING = 64
"""Characters read by the first step."""
SHOWN_CONTEXT = 8
"""Characters before the first new one that are shown with it."""


class CountingTrainer(Course):
    """One run of a counting model.

    Arguments:
        recipe: all choices.
        corpus: the text.
    Raises:
        RecipeError: if recipe and text do not go together.
        UntrainableError: if no model can be trained on the text.
    """

    phases: ClassVar[tuple[Phase, ...]] = (Phase.DRAW, Phase.FORWARD, Phase.LOSS, Phase.UPDATE)
    model: CountingModel

    def __init__(self, recipe: Recipe, corpus: Corpus) -> None:
        super().__init__(recipe, corpus)
        self.current = recipe
        self.model = build_counting(recipe, corpus.vocabulary.characters)
        self._ids = corpus.ids[: self.borders[1]]
        self._spent = [0.0]  # nats for all that was read, after each step
        self._steps = next(step for step in range(64) if self.read(step) == len(self._ids))

    def read(self, step: int) -> int:
        """How many characters have been read after so many steps."""
        return min(len(self._ids), FIRST_READING << step - 1) if step else 0

    @property
    def finished(self) -> str:
        """Whether the whole training part has been read."""
        if self.steps_made < self._steps:
            return ""
        return f"{self.recipe.model} has read all {len(self._ids):,} characters of the training part"

    # The phases of a step, in their order.

    def draw(self) -> Batch:
        """Phase 1: read on.

        Raises:
            Finished: if all has been read.
        """
        self._expect(Phase.DRAW)
        if self.finished:
            raise Finished(self.finished)
        start, stop = self.read(self.steps_made), self.read(self.steps_made + 1)
        first = max(0, start - SHOWN_CONTEXT)
        self.batch = Batch(self._ids[first:start][None], self._ids[start:stop], np.array([first]))
        self.phase = Phase.DRAW
        return self.batch

    def forward(self) -> None:
        """Phase 2: expect; whoever wants to see it asks the model for its `probe`."""
        self._expect(Phase.FORWARD)
        self.phase = Phase.FORWARD

    def loss(self) -> float:
        """Phase 3: what the new characters cost before they are counted, nats per character; may be infinite."""
        self._expect(Phase.LOSS)
        start, stop = self.read(self.steps_made), self.read(self.steps_made + 1)
        self.batch_loss = float(self.model.nll(self._ids[:stop], start).mean())
        self.phase = Phase.LOSS
        return self.batch_loss

    def update(self) -> StepRecord:
        """Phase 4: count."""
        self._expect(Phase.UPDATE)
        start, stop = self.read(self.steps_made), self.read(self.steps_made + 1)
        self.model.fit(self._ids[:stop])
        self.steps_made += 1
        self.phase = None
        self._spent.append(self._spent[-1] + self.batch_loss * (stop - start))
        self.losses.append(self.steps_made, self.batch_loss, self._spent[-1] / stop)
        return StepRecord(self.steps_made, self.batch_loss, None)

    def step(self) -> StepRecord:
        """One whole step, or what is left of the one under way.

        Raises:
            Finished: if all has been read.
        """
        for phase, do in zip(self.phases, (self.draw, self.forward, self.loss), strict=False):
            if self.phase is None or self.phases.index(self.phase) < self.phases.index(phase):
                do()
        return self.update()

    # Time.

    @property
    def epochs(self) -> float:
        """The share of the training part that has been read."""
        return self.read(self.steps_made) / len(self._ids)

    @property
    def table(self) -> tuple[ParameterGroup, ...]:
        """The distinct n-grams of each length."""
        return tuple(
            ParameterGroup(f"{n}-grams", (count,), f"{count:,} distinct")
            for n, count in enumerate(self.model.sizes, 1)
        )

    @property
    def rewindable(self) -> int:
        """All steps: what was read can be counted again."""
        return self.steps_made

    @property
    def rewind_limit(self) -> int:
        """All the steps it takes to read the training part."""
        return self._steps

    def rewind(self, steps: int = 1) -> int:
        """Go back `steps` steps, or to the beginning; returns how many it were."""
        self.abandon()
        steps = max(0, min(steps, self.steps_made))
        if steps:
            self._return_to(self.steps_made - steps)
        return steps

    def recover(self) -> None:
        """Come back to the end of the last whole step."""
        self.abandon()
        self._return_to(self.steps_made)

    def abandon(self) -> None:
        """Forget the phases of the step under way."""
        self.phase = None

    def alter(self, name: str, value: Scalar) -> None:
        """Nothing can be turned while a model counts.

        Raises:
            RecipeError: always.
        """
        raise RecipeError(f"{name} = {value}: means nothing to {self.recipe.model}, which counts")

    def _return_to(self, step: int) -> None:
        self.model.fit(self._ids[: self.read(step)])
        self.steps_made, self.batch = step, None
        del self._spent[step + 1 :]
        self.losses.truncate(step)
