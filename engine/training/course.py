"""Course: what every way of learning has in common, whether by gradients or by counting.

A course stands between two steps or within one; its step is a few phases in a fixed order, each of which can be
called alone; it can go back to any step in reach, exactly. It is plain, synchronous, knows no thread and no screen.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from corpora.corpus import Corpus
from engine.footprint import require_room
from engine.models.language_model import Batch, LanguageModel
from engine.snapshot import ParameterGroup, Phase
from engine.training.history import LossHistory
from engine.training.recipe import Recipe
from engine.training.rules import RecipeError, Scalar


class Finished(Exception):
    """No further step can be made; the message says why."""


@dataclass(frozen=True)
class StepRecord:
    """What one step did: its number (the first is 1), its mean loss in nats, the gradient norm before clipping."""

    step: int
    loss: float
    gradient_norm: float | None


def split_borders(recipe: Recipe, length: int) -> tuple[int, int, int, int]:
    """Where the contiguous train, validation and test parts of `length` characters begin and end.

    Raises:
        RecipeError: if the training part has no whole example, or validations are wanted and there is nothing for
            them.
    """
    train = round(length * recipe.train_share)
    validation = min(length, max(train, round(length * (recipe.train_share + recipe.validation_share))))
    if train <= recipe.context:
        raise RecipeError(
            f"train_share = {recipe.train_share:g} of {length} characters leaves {train} to train on, too few for "
            f"context = {recipe.context}; use a longer text, a shorter context or a larger share"
        )
    if validation == train and (recipe.patience or recipe.validate_every):
        name = "patience" if recipe.patience else "validate_every"
        raise RecipeError(
            f"{name} = {getattr(recipe, name)}: validation_share = {recipe.validation_share:g} of {length} "
            "characters leaves none to validate on; give a larger share or a longer text"
        )
    return 0, train, validation, length


class Course(ABC):
    """One run of a recipe on a text.

    Arguments:
        recipe: all choices.
        corpus: the text.
    Raises:
        RecipeError: if recipe and text do not go together.
        UntrainableError: if no model can be trained on the text.

    Attributes:
        phases: the phases of a step, in their order.
        borders: of the splits: (0, train end, validation end, length).
        current: the recipe as it stands at this step.
        losses: a row a step: its loss and an average of the losses up to there, nats per character.
        steps_made: whole steps so far.
        phase: the last phase done of the step under way, None between two steps.
        batch: the examples of that step, None before the first.
        batch_loss: of the last step whose loss was computed, nats per character.
    """

    phases: ClassVar[tuple[Phase, ...]]
    model: LanguageModel
    current: Recipe
    batch_loss: float

    def __init__(self, recipe: Recipe, corpus: Corpus) -> None:
        corpus.require(recipe.context)
        if recipe.fingerprint and recipe.fingerprint != corpus.fingerprint:
            raise RecipeError(
                f"fingerprint = {recipe.fingerprint}: the recipe was made with another text than "
                f"{corpus.name!r} ({corpus.fingerprint}); open that text, or leave the fingerprint out"
            )
        require_room(recipe, len(corpus.vocabulary), len(corpus))
        self.recipe = recipe
        self.corpus = corpus
        self.borders = split_borders(recipe, len(corpus))
        self.losses = LossHistory(columns=2)
        self.steps_made = 0
        self.phase: Phase | None = None
        self._before: Mapping[Phase, Phase | None] = dict(
            zip(self.phases, (None, *self.phases), strict=False)
        )
        self.batch: Batch | None = None

    @abstractmethod
    def draw(self) -> Batch:
        """The first phase: take the next examples.

        Raises:
            Finished: if there is no further step.
        """

    @abstractmethod
    def loss(self) -> float:
        """The phase that compares what was expected with what came; mean nats per character."""

    @abstractmethod
    def update(self) -> StepRecord:
        """The last phase: learn."""

    @abstractmethod
    def step(self) -> StepRecord:
        """One whole step, or what is left of the one under way.

        Raises:
            Finished: if there is no further step.
        """

    @property
    def finished(self) -> str:
        """Why no further step can be made, "" while one can."""
        return ""

    @property
    @abstractmethod
    def epochs(self) -> float:
        """Passes over the training part so far, fractional."""

    @property
    @abstractmethod
    def table(self) -> tuple[ParameterGroup, ...]:
        """What has been learned, a row for each array of numbers."""

    @property
    @abstractmethod
    def rewindable(self) -> int:
        """How many steps back one can go now."""

    @property
    @abstractmethod
    def rewind_limit(self) -> int:
        """How many steps back one can go at most."""

    @abstractmethod
    def rewind(self, steps: int = 1) -> int:
        """Go back `steps` steps, or as far as possible; returns how many it were.

        A step that is under way is abandoned first; 0 does only that.
        """

    @abstractmethod
    def recover(self) -> None:
        """Come back to the end of the last whole step, whatever was left half done."""

    @abstractmethod
    def abandon(self) -> None:
        """Forget the phases of the step under way, as if it had never begun."""

    @abstractmethod
    def alter(self, name: str, value: Scalar) -> None:
        """Turn an ingredient from the next step on.

        Raises:
            RecipeError: if it cannot change during a run, or the value is refused.
        """

    def _expect(self, now: Phase) -> None:
        """Let `now` come only when its turn is.

        Raises:
            RuntimeError: if another phase comes next.
        """
        if self.phase is not self._before[now]:
            reached = "between two steps" if self.phase is None else f"after {self.phase}"
            raise RuntimeError(f"{now} cannot come now: the step stands {reached}")
