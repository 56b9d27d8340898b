"""The feed-forward language model on arrays (Bengio et al. 2003, "A Neural Probabilistic Language Model").

    x = [e(c1); ...; e(cC)]          the vectors of the context's characters, end to end
    h1 = f(W1 x + b1), h2 = f(W2 h1 + b2), ...
    z = W h + b,   P(next) = softmax(z)

Two hidden layers of ReLUs make it the model of section 3.5 of the course that the project grew from. Three things
can be added: the paper's direct connections, z = W h + D x + b (equation 1; one layer of tanh then makes it the
paper's model); batch normalisation before each activation, h = f(BN(W x)), whose shift takes the place of the bias
(Ioffe & Szegedy 2015, section 3.2); and scores by the characters' own vectors, z = T (W h + b) + c (Press & Wolf
2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.autograd.fused import softmax_cross_entropy
from engine.autograd.tensor import FloatArray, Tensor
from engine.models.halves import Halves
from engine.models.language_model import Continuation, Forward
from engine.models.mlp_continuation import MLPContinuation
from engine.models.window import WindowModel
from engine.nn.batch_normalisation import BatchNorm
from engine.nn.layers import Dropout, JoinedEmbedding, Linear, TiedLinear
from engine.nn.module import Module
from engine.nn.parameters import ArrayParameters


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The shape of a feed-forward model: V, C, E, H and how many hidden layers, with what is in them.

    Attributes:
        direct: whether the embedding is connected to the scores directly, too.
        batchnorm: whether each hidden layer is normalised over the batch before its activation.
        tied: whether the characters' vectors give the scores, too, from a projection to their width.
    """

    vocabulary: int
    context: int = 8
    embedding: int = 32
    hidden: int = 128
    layers: int = 2
    activation: str = "relu"
    initialiser: str = "xavier"
    dropout: float = 0.0
    direct: bool = False
    batchnorm: bool = False
    tied: bool = False

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers going into each linear layer, then V: C*E, H, ..., H, V."""
        return (self.context * self.embedding, *[self.hidden] * self.layers, self.vocabulary)

    def formulas(self) -> dict[str, str]:
        """How each stage computes its output."""
        vectors = "; ".join([f"e(c{i + 1})" for i in range(min(self.context, 2))])
        dots = "; ..." if self.context > 3 else ""
        last = f"; e(c{self.context})" if self.context > 2 else ""
        formulas = {"embedding": f"x = [{vectors}{dots}{last}]"}
        for layer in range(1, self.layers + 1):
            before = "x" if layer == 1 else f"h{layer - 1}"
            inner = f"BN(W{layer} {before})" if self.batchnorm else f"W{layer} {before} + b{layer}"
            formulas[f"hidden.{layer - 1}"] = f"h{layer} = {self.activation}({inner})"
        last_layer = self.layers + 1
        scores = f"W{last_layer} h{self.layers} + b{last_layer}"
        if self.tied:
            scores = f"T ({scores}) + c"
        formulas["logits"] = f"z = {scores}" + (" + D x" if self.direct else "")
        return formulas


class FeedForward(Module[IdArray]):
    """The layers of an `MLP`; its attributes, in their order, name the parameters: "hidden.0.weight".

    Arguments:
        sizes, dtype: as for `MLP`.
        rng: draws the weights, layer by layer from the input to the output.
        noise: dropout's.
    """

    def __init__(
        self,
        sizes: Sizes,
        rng: np.random.Generator,
        noise: np.random.Generator,
        dtype: np.dtype[np.floating],
    ) -> None:
        *inner, outputs = sizes.widths
        kind = sizes.initialiser
        self.embedding = JoinedEmbedding(sizes.vocabulary, sizes.embedding, rng, dtype)
        self.hidden = tuple(
            [
                Linear(i, o, rng, dtype, initialiser=kind, biased=False)
                if sizes.batchnorm
                else Linear(i, o, rng, dtype, initialiser=kind, activation=sizes.activation)
                for i, o in pairwise(inner)
            ]
        )
        normalised = inner[1:] if sizes.batchnorm else []
        self.norm = tuple([BatchNorm(size, dtype, activation=sizes.activation) for size in normalised])
        self.dropout = Dropout(sizes.dropout, noise)
        self.output: Linear | TiedLinear = (
            TiedLinear(inner[-1], self.embedding.weight, rng, dtype, initialiser=kind)
            if sizes.tied
            else Linear(inner[-1], outputs, rng, dtype, initialiser=kind)
        )
        self.direct = (
            Linear(inner[0], outputs, rng, dtype, initialiser=kind, biased=False) if sizes.direct else None
        )

    def __call__(self, x: IdArray) -> Tensor:
        """(B, C) ids -> logits, (B, V)."""
        return self.stages(x)[-1][1]

    def stages(self, contexts: IdArray) -> tuple[tuple[str, Tensor], ...]:
        """(B, C) ids -> every stage, the last being the logits, (B, V).

        A hidden stage is what its units gave, before dropout: one that was dropped is not dead. The next layer
        sees these values times dropout's mask.
        """
        vectors = x = self.embedding(contexts)  # (B, C*E)
        stages = [("embedding", vectors)]
        for index, layer in enumerate(self.hidden):
            x = layer(x)  # (B, H)
            if self.norm:
                x = self.norm[index](x)
            stages.append((f"hidden.{index}", x))
            x = self.dropout(x)
        logits = self.output(x)  # (B, V)
        if self.direct is not None:
            logits = logits + self.direct(vectors)
        stages.append(("logits", logits))
        return tuple(stages)


class MLP(WindowModel):
    """The feed-forward model on `Tensor`: the one that runs.

    Arguments:
        sizes: its shape.
        seed: of the initial weights, drawn in float64 layer by layer from the input to the output.
        pad: id that stands in front of a text shorter than the context.
        dtype: float32 or float64.
    """

    def __init__(self, sizes: Sizes, *, seed: int, pad: int = 0, dtype: str = "float32") -> None:
        self.sizes = sizes
        self.vocabulary_size, self.context, self.pad = sizes.vocabulary, sizes.context, pad
        self.context_needed = self.context_seen = sizes.context
        self.widest = max(sizes.widths)
        self.noise = np.random.default_rng([seed, 1])
        precision = np.dtype(dtype)
        self._network = FeedForward(sizes, np.random.default_rng(seed), self.noise, precision)
        self.parameters = ArrayParameters(list(self._network.parameters()), precision)
        self._halves = Halves(self._network, self.noise if sizes.dropout else None)

    def forward(self, contexts: IdArray) -> Forward:
        """(B, C) ids -> every stage up to the logits, (B, V); hidden ones as they are before dropout.

        A large batch is computed in two halves, but never where batches are normalised: their rows meet, and the
        twin has no running statistics.
        """
        rows = len(contexts)
        return self._halves.forward(
            lambda network, part: network.stages(contexts[part]),
            rows,
            divided=not self.sizes.batchnorm and self._halves.pays(rows, rows),
        )

    def loss_of(self, forward: Forward, targets: IdArray) -> Tensor:
        """Mean cross-entropy in nats."""
        return softmax_cross_entropy(forward.logits, targets)

    def without_noise(self, contexts: IdArray) -> Forward:
        """A forward pass that drops nothing, takes nothing from the run's noise and leaves its statistics alone."""
        if not self._network.training:
            return self.forward(contexts)
        self._network.train(False)
        try:
            return self.forward(contexts)
        finally:
            self._network.train(True)

    def scores(self, contexts: IdArray) -> NDArray[np.floating]:
        """Logits without noise, (B, C) -> (B, V)."""
        logits: Tensor = self.without_noise(contexts).logits
        return logits.data

    def start(self, prompt: IdArray) -> Continuation:
        """Begin a continuation after `prompt`, with the weights as they are now."""
        network = self._network
        return MLPContinuation(
            network.embedding.weight.data,
            network.hidden,
            network.norm,
            network.output,
            network.direct,
            self.sizes.activation,
            self.window(prompt),
        )

    def stage_values(self, forward: Forward, row: int) -> dict[str, NDArray[np.floating]]:
        """What each stage gave for one example."""
        whole, row = forward.of(row)
        return {name: tensor.data[row].copy() for name, tensor in whole.stages}

    def formulas(self) -> Mapping[str, str]:
        """How each stage computes its output."""
        return self.sizes.formulas()

    def train(self, on: bool) -> None:
        """Switch dropout on or off, and batch normalisation between the batch's statistics and the running ones."""
        self._network.train(on)

    @property
    def memory(self) -> Mapping[str, FloatArray]:
        """The running mean and variance of every batch normalisation, by names such as "norm.0.mean"."""
        kept: dict[str, FloatArray] = {}
        for index, norm in enumerate(self._network.norm):
            kept[f"norm.{index}.mean"], kept[f"norm.{index}.variance"] = norm.mean, norm.variance
        return kept

    def remember(self, memory: Mapping[str, FloatArray]) -> None:
        """Put back what `memory` gave."""
        for index, norm in enumerate(self._network.norm):
            norm.mean, norm.variance = memory[f"norm.{index}.mean"], memory[f"norm.{index}.variance"]
