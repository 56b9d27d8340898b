"""NeuralAttempt: a model that learns by gradients trains as a run of the playground does, within its budget.

Only training counts as time: rehearsal, validations along the way and the scores at the end are on the house.
"""

from __future__ import annotations

import time
from collections.abc import Generator

from engine.live_run import LiveRun
from engine.scoreboard.attempt import Attempt
from engine.scoreboard.terms import fitted
from engine.scoreboard.view import State
from engine.training.beginning import begin
from engine.training.recipe import Recipe

PIECE_SECONDS = 0.004
"""How long training goes on in one piece."""
VALIDATION_ROOM = 4.0
"""How many times its usual share of time validation may take: here it is not counted, and is what is compared."""
REHEARSAL_SHARE = 0.02
"""Of the budget, for which training is rehearsed to see how quick it is; it is not counted."""
REHEARSED_STEPS = 5
"""Steps of a rehearsal, at least: the first are slower."""


class NeuralAttempt(Attempt):
    """A neural model at work, within the budget that is in its recipe; arguments as for every `Attempt`."""

    def _way(self) -> Generator[None]:
        self.state = State.TRAINING
        yield  # so that one can see what is being built
        if self.entrant.preset and self._recipe.stop_seconds and self._recipe.means("steps"):
            yield from self._rehearse(self._recipe.stop_seconds)
        live = self._fresh_run(self._recipe)
        self._size = sum(group.count for group in live.trainer.table)
        yield from self._train(live)
        steps = live.trainer.steps_made
        yield from self._finish(live.replica(), live.trainer.model, steps)
        loss = self._losses.get("validation")
        if loss is not None and self._validation.last_step < steps:
            self._validation.add(steps, live.seconds, loss)

    def _fresh_run(self, recipe: Recipe) -> LiveRun:
        # Nobody goes back here: one state of the past is kept, as little as there can be.
        return LiveRun(begin(recipe, self._corpus, 0))

    def _rehearse(self, budget: float) -> Generator[None]:
        """Find out how many steps the budget is good for, and let the schedule of the rate end after them."""
        live = self._fresh_run(self._recipe.with_values(validate_every=0))
        while live.trainer.steps_made < REHEARSED_STEPS or live.seconds < budget * REHEARSAL_SHARE:
            live.train(time.perf_counter() + PIECE_SECONDS, None)
            yield
        steps = max(1, int(live.trainer.steps_made / live.seconds * budget))
        self._recipe = fitted(self._recipe, steps)

    def _train(self, live: LiveRun) -> Generator[None]:
        trainer, validator = live.trainer, live.validator
        began: dict[int, float] = {}  # by step, seconds trained when a piece of a validation was scored
        while validator.owed or not (why := live.why_stop()):
            live.train(time.perf_counter() + PIECE_SECONDS, None)
            self._steps, self._seconds = trainer.steps_made, live.seconds
            self._progress = self._spent(trainer.steps_made, live.seconds)
            if trainer.steps_made > self._training.last_step and trainer.losses.last is not None:
                self._training.add(trainer.steps_made, live.seconds, trainer.losses.last[1])
            if validator.due(live.seconds * VALIDATION_ROOM):
                began.setdefault(trainer.steps_made, live.seconds)
                live.validate()
                step, loss = validator.last_step, validator.last_loss
                if step > self._validation.last_step and loss is not None:
                    self._validation.add(step, began[step], loss)
                    began.clear()
            yield
        self._why = why

    def _spent(self, steps: int, seconds: float) -> float:
        """The share of the budget that is used."""
        recipe = self._recipe
        share = steps / recipe.stop_steps if recipe.stop_steps else seconds / recipe.stop_seconds
        return min(1.0, share)
