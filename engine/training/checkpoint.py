"""A checkpoint: a run between two steps, as one file, from which it goes on bit for bit as if it had never stopped.

The weights stand in it under their names and in their shapes ("model.hidden.0.weight"), and so do the moments of
the optimizer ("optimizer.velocity.hidden.0.weight"), the model's memory and the course of the losses; the rest is
words in the header. Of a model that counts only the step is kept: what it learned is counted anew from the text.
Whatever does not fit together is refused in words, and no run comes of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpora.corpus import Corpus
from corpora.errors import UntrainableError
from engine.autograd.tensor import FloatArray
from engine.nn.parameters import Group
from engine.training.atomic import write_atomically
from engine.training.batches import Place
from engine.training.beginning import begin
from engine.training.checkpoint_header import Header, finite_or_none
from engine.training.course import Course, Finished
from engine.training.errors import CheckpointError
from engine.training.history import LossHistory
from engine.training.kept_text import sayable
from engine.training.optimizers import OptimizerState
from engine.training.recipe import Recipe
from engine.training.rewind import BUDGET, State
from engine.training.rules import RecipeError
from engine.training.sealed import Array, peek, seal, unseal
from engine.training.stopping import VALIDATION_COLUMNS, with_memory
from engine.training.trainer import Trainer

MODEL, OPTIMIZER, MEMORY, LOSSES, VALIDATIONS = "model.", "optimizer.", "memory.", "losses.", "validations."
_FRESH = "open the run's own text and recipe, or begin the run anew"


@dataclass(frozen=True)
class Checkpoint:
    """A run between two steps.

    Attributes:
        header: everything that is no array.
        tensors: every array, by its name in the file.
        shown: what messages call it: its path.
    """

    header: Header
    tensors: Mapping[str, Array]
    shown: str = "the checkpoint"

    @classmethod
    def of(
        cls,
        course: Course,
        seconds: float,
        validations: LossHistory | None = None,
        *,
        recipe: Recipe | None = None,
    ) -> Checkpoint:
        """The run as it stands; of a step under way, as it stood before it.

        Arguments:
            course: the run.
            seconds: trained so far.
            validations: the course of the validation loss, rows of `Validations`.
            recipe: how the text is named in it, if not as in the run's.
        """
        corpus = course.corpus
        state = course.state() if isinstance(course, Trainer) else None
        tensors: dict[str, Array] = {}
        if isinstance(course, Trainer) and state is not None:
            groups = course.model.parameters.groups
            tensors |= _named(MODEL, groups, state.values)
            for moment, vector in state.optimizer.moments.items():
                tensors |= _named(f"{OPTIMIZER}{moment}.", groups, vector)
            tensors |= {MEMORY + name: np.asarray(array) for name, array in state.memory.items()}
        tensors |= _rows(LOSSES, course.losses)
        validation_loss = None
        if validations is not None and len(validations):
            tensors |= _rows(VALIDATIONS, validations)
            validation_loss = finite_or_none(float(validations.column(0)[-1]))
        header = Header(
            recipe=course.recipe if recipe is None else recipe,
            corpus=sayable(corpus.name),
            fingerprint=corpus.fingerprint,
            vocabulary=corpus.vocabulary.characters,
            step=course.steps_made,
            updates=0 if state is None else state.optimizer.count,
            place=Place() if state is None else state.place,
            noise=None if state is None else state.noise,
            average=(0.0, 0.0) if state is None else state.average,
            seconds=seconds,
            validation_loss=validation_loss,
        )
        return cls(header, tensors)

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read a checkpoint and check that it is whole.

        Raises:
            CheckpointError: if there is none, or it cannot be used; the message says why.
        """
        tensors, metadata = unseal(path)
        return cls(_header(metadata, path), tensors, repr(str(path)))

    def to_bytes(self) -> bytes:
        """The file's content; equal checkpoints have equal ones."""
        return seal(self.tensors, self.header.to_metadata())

    def save(self, path: Path) -> None:
        """Write it, whole or not at all.

        Raises:
            SaveError: if that fails; what was there before still is.
        """
        write_atomically(path, self.to_bytes())

    def course(self, corpus: Corpus, *, rewind_budget: int = BUDGET) -> Course:
        """The run, ready to go on.

        Arguments:
            corpus: the text it was trained on.
            rewind_budget: as for `begin`.
        Raises:
            CheckpointError: if the text is another one, or recipe and arrays do not go together.
        """
        header = self.header
        expect_text(header.fingerprint, corpus, self.shown)
        if header.vocabulary != corpus.vocabulary.characters:
            raise CheckpointError(f"{self.shown} has another vocabulary than its text; {_FRESH}")
        try:
            course = begin(header.recipe, corpus, rewind_budget)
        except (RecipeError, UntrainableError) as refused:
            raise CheckpointError(f"{self.shown}: {refused}") from refused
        except MemoryError as refused:
            raise CheckpointError(
                f"{self.shown}: its model does not fit into memory; close other programs"
            ) from refused
        try:
            if isinstance(course, Trainer):
                course.restore(self._state(course))
                course.losses = self._history(LOSSES, columns=2)
            else:
                while course.steps_made < header.step:
                    course.step()
        except (ValueError, KeyError, TypeError, IndexError, Finished) as refused:
            # what a memory of other shapes, or a step that is none, may lead to
            raise CheckpointError(
                f"{self.shown} does not fit its own recipe: {refused}; {_FRESH}"
            ) from refused
        return course

    def validations(self) -> LossHistory:
        """The course of the validation loss, rows of `Validations`; empty if it was not kept.

        Files of earlier versions have the losses alone.

        Raises:
            CheckpointError: if its rows make no sense.
        """
        if VALIDATIONS + "steps" not in self.tensors:
            return LossHistory(VALIDATION_COLUMNS)
        rows = self.tensors.get(VALIDATIONS + "rows")
        try:
            if rows is not None and rows.shape[1:] == (1,):
                return with_memory(self._history(VALIDATIONS, columns=1))
            history = self._history(VALIDATIONS, VALIDATION_COLUMNS)
            best, best_step, waited = history.rows()[:, 1:].T
            if np.isinf(best).any():
                raise ValueError(f"'{VALIDATIONS}rows' has a lowest loss that is no number")
            if not ((best_step >= 0) & (best_step <= history.steps()) & (waited >= 0)).all():  # nor is NaN
                raise ValueError(f"'{VALIDATIONS}rows' has a step or a count that cannot be")
            return history
        except ValueError as refused:
            raise CheckpointError(f"{self.shown} is damaged: {refused}; {_FRESH}") from refused

    def _state(self, fresh: Trainer) -> State:
        """The state for a fresh trainer of the same recipe.

        Raises:
            ValueError: if an array is missing, too much or of another shape.
        """
        header, like, groups = self.header, fresh.state(), fresh.model.parameters.groups
        if (like.noise is None) != (header.noise is None):
            raise ValueError("its recipe draws noise and its state does not, or the other way round")
        values = self._flat(MODEL, groups, like.values)
        moments = {
            name: self._flat(f"{OPTIMIZER}{name}.", groups, vector)
            for name, vector in like.optimizer.moments.items()
        }
        known = {
            prefix + group.name
            for group in groups
            for prefix in (MODEL, *(f"{OPTIMIZER}{m}." for m in moments))
        }
        others = [name for name in self.tensors if name.startswith((MODEL, OPTIMIZER)) and name not in known]
        if others:
            raise ValueError(
                f"{min(others)!r} is no part of a {header.recipe.model} trained by {header.recipe.optimizer}"
            )
        return State(
            step=header.step,
            values=values,
            optimizer=OptimizerState(header.updates, moments),
            place=header.place,
            noise=header.noise,
            memory=self._memory(like.memory),
            average=header.average,
        )

    def _memory(self, like: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """What the model is to remember: all that a fresh one does, `like` that, and what came under way."""
        memory = {
            name.removeprefix(MEMORY): array
            for name, array in self.tensors.items()
            if name.startswith(MEMORY)
        }
        for name, array in memory.items():
            if array.dtype.kind != "f":
                raise ValueError(f"{MEMORY + name!r} is {array.dtype}; a model remembers float32 or float64")
        for name, array in like.items():
            _expect_like(MEMORY + name, memory.get(name), array.shape, array.dtype)
        return memory

    def _flat(self, prefix: str, groups: Sequence[Group], like: FloatArray) -> FloatArray:
        """The named arrays end to end, (P,), as long and as precise as `like`."""
        vector = np.empty_like(like)
        for group in groups:
            name = prefix + group.name
            array = _expect_like(name, self.tensors.get(name), group.shape, like.dtype)
            group.of(vector)[:] = array.ravel()
        return vector

    def _history(self, prefix: str, columns: int) -> LossHistory:
        """A course of losses.

        Raises:
            ValueError: if it is missing, of another shape, or does not rise up to the step that was reached.
        """
        steps, rows = self.tensors.get(prefix + "steps"), self.tensors.get(prefix + "rows")
        if (
            steps is None
            or rows is None
            or steps.dtype != np.int64
            or rows.dtype != np.float64
            or steps.ndim != 1
        ):
            raise ValueError(f"'{prefix}steps' and '{prefix}rows' are missing or of another type")
        if len(steps) and not 0 <= steps[0] <= steps[-1] <= self.header.step:
            raise ValueError(f"'{prefix}steps' reaches beyond step {self.header.step}")
        history = LossHistory(columns)
        history.extend(steps, rows)
        return history


def read_header(path: Path) -> Header:
    """What a checkpoint says of its run, without reading or checking its arrays: quick, however large it is.

    Raises:
        CheckpointError: if there is none, or it cannot be used.
    """
    return _header(peek(path), path)


def expect_text(fingerprint: str, corpus: Corpus, shown: str) -> None:
    """Refuse any text but the one that `fingerprint` belongs to.

    Raises:
        CheckpointError: if it is another one.
    """
    if corpus.fingerprint != fingerprint:
        raise CheckpointError(
            f"{shown} was trained on a text with the fingerprint {fingerprint}, and {corpus.name!r} has "
            f"{corpus.fingerprint}: it is another text, or has changed since; put the old one back, or begin "
            "the run anew"
        )


def _header(metadata: Mapping[str, str], path: Path) -> Header:
    try:
        return Header.from_metadata(metadata)
    except ValueError as refused:
        raise CheckpointError(
            f"{str(path)!r} cannot be used: {refused}; choose another run, or put a copy of the file in its place"
        ) from refused


def _named(prefix: str, groups: Sequence[Group], vector: FloatArray) -> dict[str, Array]:
    return {prefix + group.name: group.of(vector).reshape(group.shape) for group in groups}


def _rows(prefix: str, history: LossHistory) -> dict[str, Array]:
    return {prefix + "steps": history.steps(), prefix + "rows": history.rows()}


def _expect_like(
    name: str, array: Array | None, shape: tuple[int, ...], dtype: np.dtype[np.floating]
) -> FloatArray:
    """`array` itself.

    Raises:
        ValueError: if it is missing, or not of this shape and precision.
    """
    if array is None:
        raise ValueError(f"{name!r} is missing")
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(
            f"{name!r} is {array.dtype} of shape {array.shape}; the model's is {dtype} of shape {shape}"
        )
    return array
