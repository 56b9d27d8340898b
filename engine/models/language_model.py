"""What every language model promises, so that every pane, the generator and the scores work with all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.autograd.graph import Node
from engine.nn.parameters import ParameterVector


@dataclass(frozen=True)
class Batch:
    """Training examples drawn together.

    Attributes:
        contexts: ids, (B, C).
        targets: ids of the true next characters, (B,).
        positions: index in the corpus of each context's first character, (B,).
    """

    contexts: IdArray
    targets: IdArray
    positions: NDArray[np.int64]


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
    """

    vocabulary_size: int

    @abstractmethod
    def logits(self, context: IdArray) -> NDArray[np.floating]:
        """Log-scores for the character after `context`, (T,) for any T -> (V,)."""

    @abstractmethod
    def start(self, prompt: IdArray) -> Continuation:
        """Begin a continuation after `prompt`."""

    @abstractmethod
    def nll(self, ids: IdArray, start: int = 0) -> NDArray[np.float64]:
        """Nats for each character of `ids` from index `start` on, each given all before it, (T - start,).

        Deterministic, without noise, in memory that does not grow with T beyond the result.
        """

    @abstractmethod
    def probe(self, context: IdArray) -> Mapping[str, NDArray[np.floating]]:
        """Named arrays worth looking at on the way from `context` to its logits, in order."""


class Differentiable(Node, Protocol):
    """A node that gradients can start from."""

    def backward(self) -> None:
        """Compute the gradients of everything below."""
        ...


@dataclass(frozen=True, slots=True)
class Forward:
    """A forward pass over a batch: the output of every stage, the last being the logits.

    Attributes:
        stages: (name, nodes) in order; what the nodes are is the model's own affair.
    """

    stages: tuple[tuple[str, Any], ...]  # Any: Tensors in one model, lists of Values in another

    @property
    def logits(self) -> Any:  # Any: as above
        """The scores, (B, V)."""
        return self.stages[-1][1]


class GradientModel(LanguageModel):
    """A model that learns by gradients.

    A step is `forward(contexts)`, `loss_of(forward, targets)`, `.backward()`; between them one may look.

    Attributes:
        parameters: all weights as one vector.
        noise: where dropout draws from; its state is part of the run's.
        replays_slowly: whether repeating a step takes longer than remembering the state it began with, so that a
            rewind should rather keep every step than replay some.
    """

    parameters: ParameterVector
    noise: np.random.Generator
    replays_slowly: bool = False

    @property
    @abstractmethod
    def slice_rows(self) -> int:
        """How many characters `nll` scores at once: a few milliseconds and megabytes, whatever the model's size."""

    @abstractmethod
    def forward(self, contexts: IdArray) -> Forward:
        """The scores of a whole batch, as nodes of a graph: (B, C) -> (B, V)."""

    @abstractmethod
    def loss_of(self, forward: Forward, targets: IdArray) -> Differentiable:
        """Mean cross-entropy of a forward pass's scores against (B,) targets, in nats."""

    @abstractmethod
    def stage_values(self, forward: Forward, row: int) -> dict[str, NDArray[np.floating]]:
        """What each stage of a forward pass gave for one example of the batch, by the stage's name."""

    @abstractmethod
    def formulas(self) -> Mapping[str, str]:
        """How each stage computes its output, in the notation of the field."""

    @abstractmethod
    def train(self, on: bool) -> None:
        """Switch noise such as dropout on or off."""

    def loss(self, batch: Batch) -> Differentiable:
        """Mean cross-entropy over the batch, in nats."""
        return self.loss_of(self.forward(batch.contexts), batch.targets)
