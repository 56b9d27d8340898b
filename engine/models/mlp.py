"""The feed-forward language model on arrays (Bengio et al. 2003, "A Neural Probabilistic Language Model").

    x = [e(c1); ...; e(cC)]          the vectors of the context's characters, end to end
    h1 = f(W1 x + b1), h2 = f(W2 h1 + b2), ...
    z = W h + b,   P(next) = softmax(z)

Two hidden layers of ReLUs make it the model of section 3.5 of the course that the project grew from; the
direct connections of the paper are left out there as here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.autograd.fused import softmax_cross_entropy
from engine.autograd.tensor import Tensor
from engine.models.language_model import Forward
from engine.models.window import WindowModel
from engine.nn.layers import Dropout, Embedding, Linear
from engine.nn.module import Module
from engine.nn.parameters import ArrayParameters


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The shape of a feed-forward model: V, C, E, H and how many hidden layers, with what is in them."""

    vocabulary: int
    context: int = 8
    embedding: int = 32
    hidden: int = 128
    layers: int = 2
    activation: str = "relu"
    initialiser: str = "xavier"
    dropout: float = 0.0

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
            formulas[f"hidden.{layer - 1}"] = f"h{layer} = {self.activation}(W{layer} {before} + b{layer})"
        formulas["logits"] = f"z = W{self.layers + 1} h{self.layers} + b{self.layers + 1}"
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
        self.embedding = Embedding(sizes.vocabulary, sizes.embedding, rng, dtype)
        self.hidden = tuple(
            [
                Linear(i, o, rng, dtype, initialiser=kind, activation=sizes.activation)
                for i, o in pairwise(inner)
            ]
        )
        self.dropout = Dropout(sizes.dropout, noise)
        self.output = Linear(inner[-1], outputs, rng, dtype, initialiser=kind)

    def __call__(self, x: IdArray) -> Tensor:
        """(B, C) ids -> logits, (B, V)."""
        return self.stages(x)[-1][1]

    def stages(self, contexts: IdArray) -> tuple[tuple[str, Tensor], ...]:
        """(B, C) ids -> every stage, the last being the logits, (B, V).

        A hidden stage is what its units gave, before dropout: one that was dropped is not dead. The next layer
        sees these values times dropout's mask.
        """
        x = self.embedding(contexts)  # (B, C*E)
        stages = [("embedding", x)]
        for index, layer in enumerate(self.hidden):
            x = layer(x)  # (B, H)
            stages.append((f"hidden.{index}", x))
            x = self.dropout(x)
        stages.append(("logits", self.output(x)))  # (B, V)
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

    def forward(self, contexts: IdArray) -> Forward:
        """(B, C) ids -> every stage up to the logits, (B, V); hidden ones as they are before dropout."""
        return Forward(self._network.stages(contexts))

    def loss_of(self, forward: Forward, targets: IdArray) -> Tensor:
        """Mean cross-entropy in nats."""
        return softmax_cross_entropy(forward.logits, targets)

    def without_noise(self, contexts: IdArray) -> Forward:
        """A forward pass that drops nothing and takes nothing from the run's noise."""
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

    def stage_values(self, forward: Forward, row: int) -> dict[str, NDArray[np.floating]]:
        """What each stage gave for one example."""
        return {name: tensor.data[row].copy() for name, tensor in forward.stages}

    def formulas(self) -> Mapping[str, str]:
        """How each stage computes its output."""
        return self.sizes.formulas()

    def train(self, on: bool) -> None:
        """Switch dropout on or off."""
        self._network.train(on)
