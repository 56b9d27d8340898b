"""Trainer: a recipe brought to life. Plain, synchronous, knows no thread and no screen.

A step is `draw`, `forward`, `loss`, `backward`, `update`; each can be called alone, in that order, and looked
at in between. `rewind` goes back exactly: parameters, optimizer, order of the examples, noise, averages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

from corpora.corpus import Corpus
from engine.autograd.errors import DomainError
from engine.autograd.tensor import FloatArray
from engine.footprint import footprint
from engine.memory import keep_freed_memory
from engine.models.catalog import build_gradient
from engine.models.language_model import Batch, Differentiable, Forward, GradientModel
from engine.nn.parameters import Group
from engine.parallel import use_one_blas_thread
from engine.snapshot import ParameterGroup, Phase
from engine.training.batches import Batches
from engine.training.course import Course, StepRecord
from engine.training.divergence import Diverged, blame
from engine.training.history import LossHistory, MovingAverage
from engine.training.optimizers import clip_by_norm, clip_by_value, optimizer
from engine.training.recipe import Recipe
from engine.training.rewind import BUDGET, STRIDE, Past, State
from engine.training.rules import Scalar
from engine.training.schedules import schedule


def decayed(groups: Sequence[Group], dtype: DTypeLike) -> FloatArray:
    """1 for every parameter that weight decay draws to 0, 0 for the others, (P,).

    Matrices are drawn; biases and gains are not, since they are what lets a unit keep away from 0 (as in GPT-2).
    """
    return np.concatenate([np.full(g.stop - g.start, len(g.shape) > 1, dtype) for g in groups])


class Trainer(Course):
    """One run of a model that learns by gradients.

    Arguments:
        recipe: all choices; changes in it are carried out when their step comes.
        corpus: the text.
        rewind_budget: bytes for the memory of the past.
    Raises:
        RecipeError: if recipe and text do not go together.
        UntrainableError: if no model can be trained on the text.

    Attributes:
        gradient_norm: of the last step, before clipping; None before the first one made here.
        last_rate: the learning rate of the last update; None before the first one made here.
    """

    phases: ClassVar[tuple[Phase, ...]] = tuple(Phase)
    model: GradientModel

    def __init__(self, recipe: Recipe, corpus: Corpus, *, rewind_budget: int = BUDGET) -> None:
        super().__init__(recipe, corpus)
        keep_freed_memory()
        use_one_blas_thread()
        self.model = build_gradient(recipe, corpus.vocabulary.characters)
        self.model.train(True)
        self._table = tuple(
            ParameterGroup(group.name, group.shape, " x ".join(map(str, group.shape)))
            for group in self.model.parameters.groups
        )
        values = self.model.parameters.values
        self._average = MovingAverage()
        self._optimizer = optimizer(
            recipe.optimizer,
            values.size,
            values.dtype,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
            beta1=recipe.beta1,
            beta2=recipe.beta2,
            decayed=decayed(self.model.parameters.groups, values.dtype) if recipe.weight_decay else None,
        )
        self._batches = Batches(
            corpus.ids[: self.borders[1]],
            recipe.context,
            recipe.seed,
            kind=recipe.batching,
            everywhere=self.model.everywhere,
        )
        state_bytes = footprint(recipe, len(corpus.vocabulary)).state_bytes
        self._past = Past(state_bytes, rewind_budget, 1 if self.model.replays_slowly else STRIDE)
        self.gradient_norm: float | None = None
        self.last_rate: float | None = None
        self._settle()

    # The phases of a step, in their order.

    def draw(self) -> Batch:
        """Phase 1: take the next examples."""
        self._expect(Phase.DRAW)
        if self.steps_made >= self._next_change:
            self._settle()
        if self._past.due(self.steps_made):
            self._past.keep(self.state())
        self._place, self._noise = self._batches.place, self._noise_state()
        self._memory = self.model.memory
        self.batch = self._batch = self._batches.draw(self.current.batch)
        if not self._batch.continues:
            self.model.forget()
        self.phase = Phase.DRAW
        return self._batch

    def forward(self) -> Forward:
        """Phase 2: compute the scores."""
        self._expect(Phase.FORWARD)
        self._scores = self.model.forward(self._batch.contexts)
        self.phase = Phase.FORWARD
        return self._scores

    def loss(self) -> float:
        """Phase 3: compare them with the true characters; nats per character, mean over the batch.

        Raises:
            Diverged: if the model computes with single numbers and one of them has no logarithm.
        """
        self._expect(Phase.LOSS)
        try:
            self._loss: Differentiable = self.model.loss_of(self._scores, self._batch.targets)
        except DomainError as error:
            raise self._diverged(f"the loss cannot be computed: {error}") from error
        self.batch_loss = float(self._loss.data)  # type: ignore[arg-type]  # a Value's float, a Tensor's 0-d array
        self.phase = Phase.LOSS
        return self.batch_loss

    def backward(self) -> FloatArray:
        """Phase 4: the gradient of the loss with respect to every parameter, (P,).

        Raises:
            Diverged: if the loss or a gradient is not finite; nothing has been changed.
        """
        self._expect(Phase.BACKWARD)
        if not math.isfinite(self.batch_loss):
            raise self._diverged(f"the loss is {self.batch_loss}")
        parameters = self.model.parameters
        parameters.clear_gradient()
        self._loss.backward()
        gradient = parameters.gradient()
        squared = float(np.dot(gradient, gradient))
        if not math.isfinite(squared):
            if not np.isfinite(gradient).all():
                raise self._diverged("a gradient is not finite")
            squared = float(np.square(gradient, dtype=np.float64).sum())  # large, but not lost
        self.gradient_norm = math.sqrt(squared)
        self.phase = Phase.BACKWARD
        return gradient

    def update(self) -> StepRecord:
        """Phase 5: clip the gradient if asked to, and move the parameters."""
        self._expect(Phase.UPDATE)
        parameters, current = self.model.parameters, self.current
        gradient = parameters.gradient()
        self.clipped_entries = clip_by_value(gradient, current.clip_value) if current.clip_value else 0
        self.norm_before_clipping = clip_by_norm(gradient, current.clip_norm) if current.clip_norm else 0.0
        self.last_rate = self.rate
        self._optimizer.update(parameters.values, gradient, self.last_rate)
        parameters.publish()
        self.steps_made += 1
        self.phase = None
        self.losses.append(self.steps_made, self.batch_loss, self._average.add(self.batch_loss))
        return StepRecord(self.steps_made, self.batch_loss, self.gradient_norm)

    def step(self) -> StepRecord:
        """One whole step, or what is left of the one under way.

        Raises:
            Diverged: as `loss` and `backward` do.
        """
        if self.phase is None:
            self.draw()
        if self.phase is Phase.DRAW:
            self.forward()
        if self.phase is Phase.FORWARD:
            self.loss()
        if self.phase is Phase.LOSS:
            self.backward()
        return self.update()

    # Time.

    @property
    def rewindable(self) -> int:
        """How many steps back memory reaches now."""
        return self._past.reach(self.steps_made)

    @property
    def rewind_limit(self) -> int:
        """How many steps back memory can reach with this model."""
        return self._past.limit

    @property
    def table(self) -> tuple[ParameterGroup, ...]:
        """A row for each array of parameters."""
        return self._table

    @property
    def epochs(self) -> float:
        """Passes over the training examples so far, fractional."""
        return self._batches.epochs

    @property
    def rate(self) -> float:
        """The learning rate of the step under way or next."""
        return self._schedule.rate(self.steps_made)

    def rewind(self, steps: int = 1) -> int:
        """Go back `steps` steps, or as far as memory reaches; returns how many it were.

        A step that is under way is abandoned first; 0 does only that.
        """
        self.abandon()
        steps = max(0, min(steps, self.rewindable))
        if steps:
            self._return_to(self.steps_made - steps)
        return steps

    def recover(self) -> None:
        """Come back to the end of the last whole step, whatever was left half done."""
        self.abandon()
        if self._past.holds_any:
            self._return_to(self.steps_made)

    def _return_to(self, target: int) -> None:
        state = self._past.before(target)
        self.restore(state)
        recorded, self.losses = self.losses, LossHistory(columns=2, capacity=4 * STRIDE)
        try:
            while self.steps_made < target:
                self.step()
        except Exception:
            self.abandon()
            self.restore(state)  # an earlier step, but a whole one
            raise
        finally:
            self.losses = recorded
            self.losses.truncate(self.steps_made)

    def abandon(self) -> None:
        """Forget the phases of the step under way, as if its examples had never been drawn."""
        if self.phase is not None:
            self._batches.place = self._place
            if self._noise is not None:
                self.model.noise.bit_generator.state = self._noise
            self.model.remember(self._memory)
            self.phase = None

    def alter(self, name: str, value: Scalar) -> None:
        """Turn an ingredient from the next step on; its own changes planned for later are dropped.

        Raises:
            RecipeError: if it cannot change during a run, or the value is refused.
        """
        step = self.steps_made + (self.phase is not None)
        self.recipe = self.recipe.changed(step, name, value)
        self._find_next_change()
        if self.phase is None:
            self._settle()

    def _settle(self) -> None:
        """Carry out the changes that are due."""
        self.current = current = self.recipe.at(self.steps_made)
        self._schedule = schedule(
            current.schedule,
            current.rate,
            warmup=current.warmup,
            total=current.steps,
            every=current.drop_every,
            factor=current.drop_factor,
            floor=current.floor,
        )
        self._find_next_change()

    def _find_next_change(self) -> None:
        self._next_change = min(
            (c.step for c in self.recipe.changes if c.step > self.steps_made), default=math.inf
        )

    def state(self) -> State:
        """All that the future depends on, as copies; of a step under way, what it began with."""
        under_way = self.phase is not None
        return State(
            self.steps_made,
            self.model.parameters.values.copy(),
            self._optimizer.snapshot(),
            self._place if under_way else self._batches.place,
            self._noise if under_way else self._noise_state(),
            self._memory if under_way else self.model.memory,
            self._average.state,
        )

    def restore(self, state: State) -> None:
        """Stand where `state` was taken, between two steps; memory of the past begins there if there was none.

        Raises:
            ValueError: if it is another recipe's.
        """
        self._optimizer.restore(state.optimizer)
        self.steps_made, self.batch, self.phase = state.step, None, None
        self.model.parameters.values[:] = state.values
        self.model.parameters.publish()
        self.model.remember(state.memory)
        self._batches.place = state.place
        if state.noise is not None:
            self.model.noise.bit_generator.state = state.noise
        self._average.state = state.average
        if not self._past.holds_any:
            self._past.keep(state)
        self._settle()

    def _noise_state(self) -> dict[str, object] | None:
        """The state of the noise, where there is any: reading it costs as much as two layers."""
        return dict(self.model.noise.bit_generator.state) if self.recipe.dropout else None

    def _diverged(self, what: str) -> Diverged:
        where = blame(self.model, self._batch, self._scores)
        return Diverged(what, where, self.steps_made + 1, rate=self.rate, chosen_rate=self.current.rate)
