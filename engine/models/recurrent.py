"""What the recurrent language models share: Mikolov et al. (2010), "Recurrent neural network based language model".

    x_t = e(c_t)                          the vector of the character that is read
    h_t = cell(x_t, h_t-1)                one layer or several, each reading the one below
    z_t = W h_t + b,   P(next) = softmax(z_t)

Training is back-propagation through time, truncated to the T characters of an example (Williams & Peng 1990): where
batches are contiguous streams, a row's state goes on into the next batch, its gradient does not. Dropout falls on
what goes up from a layer, never on what goes on in time (Zaremba et al. 2014).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.autograd.functions import reshape
from engine.autograd.fused import softmax_cross_entropy
from engine.autograd.recurrent import Arrays, Reading
from engine.autograd.tensor import FloatArray, Tensor
from engine.models.halves import Halves
from engine.models.language_model import NOTHING, Forward
from engine.models.recurrent_reading import Continued, score
from engine.models.sequence import SequenceModel
from engine.nn.layers import Dropout, Embedding, Linear
from engine.nn.module import Module
from engine.nn.parameters import ArrayParameters
from engine.nn.recurrent import RecurrentLayer

EMBEDDING_SPREAD = 1.0
"""Standard deviation of a fresh embedding. What is read has to weigh as much as the state it is added to: with 0.1,
as in the feed-forward model, losses after 500 steps were 0.1 to 0.25 nats higher (tinyshakespeare, H 128)."""

LARGE_STEP = 1 << 20
"""Multiply-adds of a step from which a batch is computed in halves: less than elsewhere, for over a whole sequence
the two threads fall into step, one at a product while the other is at what lies between two of them (2 cores)."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The shape of a recurrent model: V, T, E, H and how many layers, with how they begin.

    Attributes:
        context: T, the characters of a training example, which is how far gradients go back in time.
        dropout: share of each layer's output that is dropped in training.
        forget_bias: what an LSTM's forget gates begin with; other cells have none.
        initialiser: of all weights but the recurrent ones, which begin orthogonal, and the embedding.
    """

    vocabulary: int
    context: int = 32
    embedding: int = 32
    hidden: int = 128
    layers: int = 1
    dropout: float = 0.0
    forget_bias: float = 1.0
    initialiser: str = "xavier"

    def __post_init__(self) -> None:
        for name in ("vocabulary", "context", "embedding", "hidden", "layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; a recurrent model needs at least 1")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}; choose 0 (none) to below 1")


class Network(Module[IdArray]):
    """The layers of a recurrent model; its attributes, in their order, name the parameters: "layer.0.weight_input".

    Arguments:
        cell: the kind of its layers.
        sizes, dtype: as for `RecurrentModel`.
        rng: draws the weights, layer by layer from the input to the output.
        noise: dropout's.
    """

    def __init__(
        self,
        cell: type[Reading],
        sizes: Sizes,
        rng: np.random.Generator,
        noise: np.random.Generator,
        dtype: np.dtype[np.floating],
    ) -> None:
        hidden, kind = sizes.hidden, sizes.initialiser
        below = (sizes.embedding, *[hidden] * (sizes.layers - 1))
        self.embedding = Embedding(sizes.vocabulary, sizes.embedding, rng, dtype, spread=EMBEDDING_SPREAD)
        self.layer = tuple(
            [RecurrentLayer(cell, inputs, hidden, rng, dtype, initialiser=kind) for inputs in below]
        )
        self.dropout = Dropout(sizes.dropout, noise)
        self.output = Linear(hidden, sizes.vocabulary, rng, dtype, initialiser=kind)

    def __call__(self, x: IdArray) -> Tensor:
        """(B, T) ids -> logits, (T, B, V), from the beginning of a text."""
        logits = self.stages(x, self.zeros(len(x)))[-1][1]
        assert isinstance(logits, Tensor)
        return logits

    def zeros(self, batch: int) -> tuple[Arrays, ...]:
        """The state of every layer at the beginning of a text."""
        return tuple(layer.zeros(batch) for layer in self.layer)

    def stages(
        self, contexts: IdArray, states: tuple[Arrays, ...]
    ) -> tuple[tuple[str, Tensor | Reading], ...]:
        """(B, T) ids -> every stage, the last being the logits, (T, B, V).

        A layer's stage is its reading before dropout; the embedding's is (T, B, E).
        """
        x = self.embedding(contexts.T)  # (T, B, E)
        stages: list[tuple[str, Tensor | Reading]] = [("embedding", x)]
        for index, (layer, state) in enumerate(zip(self.layer, states, strict=True)):
            hidden, reading = layer.read(x, state)  # (T, B, H)
            stages.append((f"layer.{index}", reading))
            x = self.dropout(hidden)
        stages.append(("logits", self.output(x)))
        return tuple(stages)


class RecurrentModel(SequenceModel):
    """A recurrent language model; `rnn.py`, `lstm.py` and `gru.py` say which cell it is made of.

    A continuation reads with the weights that there are when it starts.

    Arguments:
        sizes: its shape.
        seed: of the initial weights, drawn in float64 layer by layer from the input to the output.
        pad: id of the character an empty text is taken to begin with.
        dtype: float32 or float64.

    Attributes:
        cell: the kind of its layers.
        equations: for each gate and state of a layer how it is computed; {n} stands for the layer's number, {x} for
            what it reads.
    """

    cell: ClassVar[type[Reading]]
    equations: ClassVar[Mapping[str, str]]
    context_seen = None

    def __init__(self, sizes: Sizes, *, seed: int, pad: int = 0, dtype: str = "float32") -> None:
        self.sizes = sizes
        self.vocabulary_size, self.context, self.pad = sizes.vocabulary, sizes.context, pad
        self.noise = np.random.default_rng([seed, 1])
        precision = np.dtype(dtype)
        self.network = Network(self.cell, sizes, np.random.default_rng(seed), self.noise, precision)
        self.parameters = ArrayParameters(list(self.network.parameters()), precision)
        self._halves = Halves(self.network, self.noise if sizes.dropout else None, axis=1, large=LARGE_STEP)
        self._memory: Mapping[str, FloatArray] = NOTHING

    @property
    def memory(self) -> Mapping[str, FloatArray]:
        """The states with which the streams of the next batch go on: "layer.0.hidden", (B, H)."""
        return self._memory

    def remember(self, memory: Mapping[str, FloatArray]) -> None:
        """Put back what `memory` gave."""
        self._memory = memory

    def forget(self) -> None:
        """The next batch begins with states of zeros."""
        self._memory = NOTHING

    def train(self, on: bool) -> None:
        """Switch dropout and the carrying of states on or off."""
        self.network.train(on)

    def forward(self, contexts: IdArray) -> Forward:
        """(B, T) ids -> every stage up to the logits, (T, B, V).

        In training the states are those in which the batch before ended, if it had as many rows, and are carried
        on; else the contexts are beginnings of texts.
        """
        if not self.network.training:
            return self.without_noise(contexts)
        states = self._states(len(contexts))
        forward = self._halves.forward(
            lambda network, rows: network.stages(contexts[rows], _rows(states, rows)),
            len(contexts),
            divided=self._halves.pays(len(contexts), contexts.size),
        )
        self._memory = dict(self._carried_on(forward))
        return forward

    def _carried_on(self, forward: Forward) -> Iterator[tuple[str, FloatArray]]:
        """The states in which a batch ended, by their names in the memory."""
        for stages in zip(*(part.stages for part in forward.passes), strict=True):
            name, first = stages[0]
            if isinstance(first, Reading):
                states = zip(*(reading.state for _, reading in stages), strict=True)
                for carried, parts in zip(self.cell.carried, states, strict=True):
                    yield f"{name}.{carried}", parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _states(self, batch: int) -> tuple[Arrays, ...]:
        """What the memory holds for a batch of this size, or zeros."""
        if not self._memory or len(next(iter(self._memory.values()))) != batch:
            return self.network.zeros(batch)
        return tuple(
            tuple(self._memory[f"layer.{index}.{part}"] for part in self.cell.carried)
            for index in range(self.sizes.layers)
        )

    def without_noise(self, contexts: IdArray) -> Forward:
        """A forward pass from the beginning of a text that drops nothing and leaves no trace in the model."""
        training = self.network.training
        self.network.train(False)
        try:
            return Forward(self.network.stages(contexts, self.network.zeros(len(contexts))))
        finally:
            self.network.train(training)

    def loss_of(self, forward: Forward, targets: IdArray) -> Tensor:
        """Mean cross-entropy against (B, T) targets, in nats per character."""
        logits: Tensor = forward.logits
        rows = reshape(logits, (targets.size, self.vocabulary_size))  # (T*B, V)
        return softmax_cross_entropy(rows, targets.T.reshape(-1))

    def stage_values(self, forward: Forward, row: int) -> dict[str, NDArray[np.floating]]:
        """What each stage gave at the last place of one context: vector, gates and states by layer, logits."""
        values: dict[str, NDArray[np.floating]] = {}
        whole, row = forward.of(row)
        for name, stage in whole.stages:
            if isinstance(stage, Reading):
                values |= {f"{name}.{part}": array[row].copy() for part, array in stage.last().items()}
            else:
                values[name] = stage.data[-1, row].copy()
        return values

    def formulas(self) -> Mapping[str, str]:
        """How each stage computes its output."""
        formulas = {"embedding": "x = e(c)"}
        for index in range(self.sizes.layers):
            below = f"h{index}" if index else "x"
            for part, equation in self.equations.items():
                formulas[f"layer.{index}.{part}"] = equation.format(n=index + 1, x=below)
        return {**formulas, "logits": f"z = W h{self.sizes.layers} + b"}

    def probe(self, context: IdArray) -> dict[str, NDArray[np.floating]]:
        """Vector, gates and states by layer, and logits, after the last character of `context`."""
        return self.stage_values(self.without_noise(self.begun(context)[None]), 0)

    def start(self, prompt: IdArray) -> Continued:
        """Begin a continuation after `prompt`, with the weights as they are now."""
        return Continued(self.network, self.begun(prompt))

    def scoring(
        self, ids: IdArray, start: int, stop: int, *, thorough: bool = False
    ) -> Iterator[NDArray[np.float64]]:
        """Nats for the characters start .. stop-1, in one piece after empty ones.

        Thorough: one unbroken reading that begins 2,048 characters before `start`, or where the text does. Else the
        stretch is cut into up to 32 lanes that are read side by side, each from 512 characters before it.
        """
        return score(self.network, self.parameters.values.size, ids, start, stop, self.pad, thorough=thorough)


def _rows(states: tuple[Arrays, ...], rows: slice) -> tuple[Arrays, ...]:
    """The states of some rows of a batch."""
    return tuple(tuple(array[rows] for array in state) for state in states)
