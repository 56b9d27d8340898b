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
from engine.nn.parameters import ArrayParameters, Parameter


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
        self.noise = np.random.default_rng([seed, 1])
        rng = np.random.default_rng(seed)
        precision = np.dtype(dtype)
        self._embedding = Embedding(sizes.vocabulary, sizes.embedding, rng, precision)
        *inner, outputs = sizes.widths
        layers = [
            Linear(i, o, rng, precision, initialiser=sizes.initialiser, activation=sizes.activation)
            for i, o in pairwise(inner)
        ]
        self._hidden = tuple(layers)
        self._dropout = Dropout(sizes.dropout, self.noise)
        self._output = Linear(inner[-1], outputs, rng, precision, initialiser=sizes.initialiser)
        named: list[tuple[str, Parameter]] = [("embedding.weight", self._embedding.weight)]
        for name, layer in [
            *((f"hidden.{i}", layer) for i, layer in enumerate(layers)),
            ("output", self._output),
        ]:
            named += [(f"{name}.{part}", parameter) for part, parameter in layer.parameters()]
        self.parameters = ArrayParameters(named, precision)

    def forward(self, contexts: IdArray) -> Forward:
        """(B, C) ids -> every stage up to the logits, (B, V)."""
        x = self._embedding(contexts)  # (B, C*E)
        stages: list[tuple[str, Tensor]] = [("embedding", x)]
        for index, layer in enumerate(self._hidden):
            x = self._dropout(layer(x))  # (B, H)
            stages.append((f"hidden.{index}", x))
        stages.append(("logits", self._output(x)))  # (B, V)
        return Forward(tuple(stages))

    def loss_of(self, forward: Forward, targets: IdArray) -> Tensor:
        """Mean cross-entropy in nats."""
        return softmax_cross_entropy(forward.logits, targets)

    def without_noise(self, contexts: IdArray) -> Forward:
        """A forward pass that drops nothing and takes nothing from the run's noise."""
        noisy = self._dropout.training
        self._dropout.training = False
        try:
            return self.forward(contexts)
        finally:
            self._dropout.training = noisy

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
        self._dropout.training = on
