"""NeuralAttempt: a model that learns by gradients trains as a run of the playground does, within its budget.

Only training counts as time: validations along the way and the scores at the end are on the house.
"""

from __future__ import annotations

import time
from collections.abc import Generator

from engine.live_run import LiveRun
from engine.scoreboard.attempt import Attempt
from engine.scoreboard.view import State
from engine.training.beginning import begin

PIECE_SECONDS = 0.004
"""How long training goes on in one piece."""


class NeuralAttempt(Attempt):
    """A neural model at work, within the budget that is in its recipe; arguments as for every `Attempt`."""

    def _way(self) -> Generator[None]:
        self.state = State.TRAINING
        yield  # so that one can see what is being built
        # Nobody goes back here: one state of the past is kept, as little as there can be.
        live = LiveRun(begin(self._recipe, self._corpus, 0))
        self._size = sum(group.count for group in live.trainer.table)
        yield from self._train(live)
        steps = live.trainer.steps_made
        yield from self._finish(live.replica(), live.trainer.model, steps)
        loss = self._losses.get("validation")
        if loss is not None and self._validation.last_step < steps:
            self._validation.add(steps, live.seconds, loss)

    def _train(self, live: LiveRun) -> Generator[None]:
        trainer, validator = live.trainer, live.validator
        began: dict[int, float] = {}  # by step, seconds trained when a piece of a validation was scored
        while validator.owed or not (why := live.why_stop()):
            live.train(time.perf_counter() + PIECE_SECONDS, None)
            self._steps, self._seconds = trainer.steps_made, live.seconds
            self._progress = self._spent(trainer.steps_made, live.seconds)
            if trainer.steps_made > self._training.last_step and trainer.losses.last is not None:
                self._training.add(trainer.steps_made, live.seconds, trainer.losses.last[1])
            if validator.due(live.seconds):
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
