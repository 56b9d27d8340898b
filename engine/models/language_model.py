"""What every language model promises, so that every pane, the generator and the scores work with all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.autograd.graph import Node
from engine.autograd.tensor import FloatArray
from engine.nn.parameters import ParameterVector

NOTHING: Mapping[str, FloatArray] = MappingProxyType({})
"""The memory of a model that has none."""


@dataclass(frozen=True)
class Batch:
    """Training examples drawn together.

    Attributes:
        contexts: ids, (B, T).
        targets: ids of the true next characters: after the context, (B,), or after each of its places, (B, T).
        positions: index in the corpus of each context's first character, (B,).
        continues: whether each context goes on where the same row of the batch before ended, so that a model may
            carry its state over.
    """

    contexts: IdArray
    targets: IdArray
    positions: NDArray[np.int64]
    continues: bool = False

    @property
    def last_targets(self) -> IdArray:
        """What comes after each context, (B,)."""
        return self.targets if self.targets.ndim == 1 else self.targets[:, -1]


class Continuation(Protocol):
    """A text that is being read or written one character at a time, with what the model carries along."""

    @property
    def logits(self) -> NDArray[np.floating]:
        """Scores for the next character, (V,)."""
        ...

    def advance(self, character: int) -> None:
        """Go on by the character with this id."""
        ...


class LanguageModel(ABC):
    """Scores for the next character after any context.

    Attributes:
        vocabulary_size: V.
        context_needed: how many characters a prompt must have at least; a shorter one is filled up in front.
        context_seen: how many of the last characters it takes into account at most; None: all of them.
    """

    vocabulary_size: int
    context_needed: int
    context_seen: int | None

    @abstractmethod
    def logits(self, context: IdArray) -> NDArray[np.floating]:
        """Log-scores for the character after `context`, (T,) for any T -> (V,)."""

    @abstractmethod
    def start(self, prompt: IdArray) -> Continuation:
        """Begin a continuation after `prompt`."""

    @abstractmethod
    def scoring(
        self, ids: IdArray, start: int, stop: int, *, thorough: bool = False
    ) -> Iterator[NDArray[np.float64]]:
        """Nats for the characters start .. stop-1 of `ids`, each given those before it, piece after piece.

        Deterministic, without noise, in the order of the text. A piece takes some milliseconds, so that other work
        can be done between two of them; it may be empty. Memory does not grow beyond the result's.

        Arguments:
            ids: the whole text, (N,).
            start, stop: what to score.
            thorough: whether each character is to see as much as the model can use, however long that takes; else
                it may be somewhat less where that is much quicker. The model says what that means for it.
        """

    def nll(self, ids: IdArray, start: int = 0, *, thorough: bool = False) -> NDArray[np.float64]:
        """The nats that `scoring` gives for `ids` from index `start` to the end, (N - start,)."""
        pieces = list(self.scoring(ids, start, len(ids), thorough=thorough))
        return np.concatenate(pieces) if pieces else np.empty(0, dtype=np.float64)

    @abstractmethod
    def adopt(self, other: Self) -> None:
        """Stand where `other`, a model of the same shape, stands now, however that one goes on afterwards."""

    @abstractmethod
    def probe(self, context: IdArray) -> Mapping[str, NDArray[np.floating]]:
        """Named arrays worth looking at on the way from `context` to its logits, in order."""


class Differentiable(Node, Protocol):
    """A node that gradients can start from."""

    def backward(self) -> None:
        """Compute the gradients of everything below."""
        ...


Stages: TypeAlias = tuple[tuple[str, Any], ...]  # Any: Tensors, readings of a sequence, lists of Values
"""(name, nodes) in order; what the nodes are is the model's own affair."""


@dataclass(frozen=True, slots=True)
class Forward:
    """A forward pass over a batch: the output of every stage, the last being the logits.

    Attributes:
        stages: of a batch computed in two halves the logits alone, which are joined.
        halves: the passes of both, in the order of their rows.
        border: the row with which the second half begins.
    """

    stages: Stages
    halves: tuple[()] | tuple[Forward, Forward] = ()
    border: int = 0

    @property
    def logits(self) -> Any:  # Any: as above
        """The scores, (B, V); of a model that predicts everywhere (B, T, V), or (T, B, V) where it is recurrent."""
        return self.stages[-1][1]

    @property
    def passes(self) -> tuple[Forward, ...]:
        """The passes in one piece of which it consists: its halves, or itself."""
        return self.halves or (self,)

    def of(self, row: int) -> tuple[Forward, int]:
        """The pass in one piece that computed a row, and which of its rows that is."""
        if not self.halves:
            return self, row
        first, second = self.halves
        return (first, row) if row < self.border else (second, row - self.border)


class GradientModel(LanguageModel):
    """A model that learns by gradients.

    A step is `forward(contexts)`, `loss_of(forward, targets)`, `.backward()`; between them one may look. Before a
    batch that does not go on where the last one ended the model is told to `forget`.

    Attributes:
        parameters: all weights as one vector.
        noise: where dropout draws from; its state is part of the run's.
        everywhere: whether it predicts a character at every place of a context, and wants targets (B, T), or only
            after its end.
        replays_slowly: whether repeating a step takes longer than remembering the state it began with, so that a
            rewind should rather keep every step than replay some.
    """

    parameters: ParameterVector
    noise: np.random.Generator
    everywhere: ClassVar[bool] = False
    replays_slowly: ClassVar[bool] = False

    @abstractmethod
    def forward(self, contexts: IdArray) -> Forward:
        """The scores of a whole batch, as nodes of a graph: (B, T) ids to V scores for each target."""

    @abstractmethod
    def loss_of(self, forward: Forward, targets: IdArray) -> Differentiable:
        """Mean cross-entropy of a forward pass's scores against the targets, in nats per character."""

    @abstractmethod
    def stage_values(self, forward: Forward, row: int) -> dict[str, NDArray[np.floating]]:
        """What each stage gave at the end of one context of the batch, by the stage's name.

        (n,), or (h, T) where it is how much each of h heads looks at each of T characters.
        """

    @abstractmethod
    def formulas(self) -> Mapping[str, str]:
        """How each stage computes its output, in the notation of the field."""

    @abstractmethod
    def train(self, on: bool) -> None:
        """Switch noise such as dropout on or off."""

    @property
    def memory(self) -> Mapping[str, FloatArray]:
        """What it keeps from step to step besides its parameters: carried states, running statistics.

        The arrays are replaced by every step and never written to, so whoever holds them holds the past.
        """
        return NOTHING

    def remember(self, memory: Mapping[str, FloatArray]) -> None:
        """Put back what `memory` gave."""

    def forget(self) -> None:
        """The next batch does not go on where the last one ended: drop the states carried along."""

    def adopt(self, other: Self) -> None:
        """Copy the parameters and the memory of `other`."""
        self.parameters.values[:] = other.parameters.values
        self.parameters.publish()
        self.remember(other.memory)

    def loss(self, batch: Batch) -> Differentiable:
        """Mean cross-entropy over the batch, in nats."""
        if not batch.continues:
            self.forget()
        return self.loss_of(self.forward(batch.contexts), batch.targets)
